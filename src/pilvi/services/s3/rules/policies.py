"""Bucket policies: what may be stored, and the one thing that is decided by them so far, public reading.

Only what is plainly public is public: a statement that allows everyone, without any condition, and that no
Deny can touch. A statement this file cannot evaluate fully never allows, and denies when it is a Deny.
Differs: policies do not yet limit or extend what authenticated principals may do.
AWS: S3 User Guide, "Blocking public access", section "The meaning of public"; IAM User Guide, "Policy grammar".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from pilvi.services.s3 import errors, limits

Statement = Mapping[str, Any]

_VERSIONS = ("2012-10-17", "2008-10-17")
_MEMBERS = frozenset(
    {
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    }
)


def check_policy(text: str, bucket: str) -> None:
    """What PutBucketPolicy takes. Raises: MalformedPolicy."""
    if not text.startswith("{"):
        raise errors.MalformedPolicy(
            detail="Policies must be valid JSON and the first byte must be '{'"
        )
    if len(text.encode()) > limits.POLICY_BYTES_MAX:
        raise errors.MalformedPolicy(detail="Normalized policy document exceeds the maximum size")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise errors.MalformedPolicy(
            detail="Policies must be valid JSON and the first byte must be '{'"
        ) from None
    if "Statement" not in document:
        raise errors.MalformedPolicy(detail="Missing required field Statement")
    if document.get("Version", _VERSIONS[0]) not in _VERSIONS:
        raise errors.MalformedPolicy(detail="The policy must contain a valid version string")
    statements = _listed(document["Statement"])
    if not statements:
        raise errors.MalformedPolicy(detail="Could not parse the policy: Statement is empty!")
    for statement in statements:
        _check_statement(statement, bucket)


def _check_statement(statement: Any, bucket: str) -> None:
    if not isinstance(statement, dict):
        raise errors.MalformedPolicy(detail="Policy has invalid statement")
    members = cast("dict[str, Any]", statement)
    for name in members:
        if name not in _MEMBERS:
            raise errors.MalformedPolicy(detail=f"Unknown field {name}")
    if members.get("Effect") not in ("Allow", "Deny"):
        raise errors.MalformedPolicy(
            detail="Missing required field Effect"
            if "Effect" not in members
            else f"Invalid effect: {members['Effect']}"
        )
    for one, other in (
        ("Principal", "NotPrincipal"),
        ("Action", "NotAction"),
        ("Resource", "NotResource"),
    ):
        if one not in members and other not in members:
            raise errors.MalformedPolicy(detail=f"Missing required field {one}")
    for action in _listed(members.get("Action", members.get("NotAction"))):
        if not isinstance(action, str) or not (action == "*" or action.lower().startswith("s3:")):
            raise errors.MalformedPolicy(detail="Policy has invalid action")
    arn = f"arn:aws:s3:::{bucket}"
    for resource in _listed(members.get("Resource", members.get("NotResource"))):
        if not isinstance(resource, str) or not (
            resource == "*" or resource == arn or resource.startswith((arn + "/", arn + "*"))
        ):
            raise errors.MalformedPolicy(detail="Policy has invalid resource")


def is_public(text: str) -> bool:
    """Whether a statement grants something to everyone, or to everyone but some.

    Differs: AWS also looks into conditions; here a statement with one lets nobody in, so it is not public.
    """
    return any(
        statement.get("Effect") == "Allow"
        and ("NotPrincipal" in statement or _everyone(statement))
        and not statement.get("Condition")
        for statement in _statements(text)
    )


def allows_everyone(text: str, action: str, resource: str) -> bool:
    """Whether an unsigned request may perform `action` ("s3:GetObject") on this ARN."""
    allowed = False
    for statement in _statements(text):
        if statement.get("Effect") == "Allow":
            allowed = allowed or _plainly_allows(statement, action, resource)
        elif _might_deny(statement, action, resource):
            return False
    return allowed


def _plainly_allows(statement: Statement, action: str, resource: str) -> bool:
    return (
        _everyone(statement)
        and not statement.get("Condition")
        and "Action" in statement
        and "Resource" in statement
        and _any_matches(statement["Action"], action, fold=True)
        and _any_matches(statement["Resource"], resource, fold=False)
    )


def _might_deny(statement: Statement, action: str, resource: str) -> bool:
    """Conditions are taken to hold, and principals to include whoever asks."""
    if "Action" in statement and not _any_matches(statement["Action"], action, fold=True):
        return False
    return not (
        "Resource" in statement and not _any_matches(statement["Resource"], resource, fold=False)
    )


def _everyone(statement: Statement) -> bool:
    principal = statement.get("Principal")
    if isinstance(principal, dict):
        return "*" in _listed(cast("dict[str, Any]", principal).get("AWS"))
    return principal == "*"


def _any_matches(patterns: Any, text: str, *, fold: bool) -> bool:
    return any(
        matches(one.lower(), text.lower()) if fold else matches(one, text)
        for one in _listed(patterns)
        if isinstance(one, str)
    )


def matches(pattern: str, text: str) -> bool:
    """`*` stands for any characters, `?` for one. At most len(pattern) * len(text) steps."""
    at, tried, star, resume = 0, 0, -1, 0
    while at < len(text):
        if tried < len(pattern) and pattern[tried] == "*":
            star, resume = tried, at
            tried += 1
        elif tried < len(pattern) and pattern[tried] in ("?", text[at]):
            at, tried = at + 1, tried + 1
        elif star >= 0:
            resume += 1
            at, tried = resume, star + 1
        else:
            return False
    return all(letter == "*" for letter in pattern[tried:])


@lru_cache(maxsize=256)
def _statements(text: str) -> Sequence[Statement]:
    return _listed(json.loads(text)["Statement"])


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return cast("list[Any]", value) if isinstance(value, list) else [value]
