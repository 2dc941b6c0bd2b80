"""Policy documents: is a text a policy that IAM takes? Grammar only; nothing is evaluated here.

AWS: IAM User Guide, "Grammar of the IAM JSON policy language".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import cast

import orjson

from pilvi.services.iam import errors

_VERSIONS = ("2008-10-17", "2012-10-17")
_PARTS = frozenset({"Version", "Id", "Statement"})
_CLAUSES = frozenset(
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
_SYNTAX = "Syntax errors in policy."
_VENDOR = re.compile(r"[A-Za-z0-9-]+:.+")
_SID = re.compile(r"[A-Za-z0-9 ]*")
_TRUST_ACTIONS = frozenset(
    {
        "sts:assumerole",
        "sts:assumerolewithsaml",
        "sts:assumerolewithwebidentity",
        "sts:setcontext",
        "sts:setsourceidentity",
        "sts:tagsession",
        "sts:*",
    }
)


def check_identity_policy(text: str) -> None:
    """A policy of a user, role or group: says what, never who. Raises: MalformedPolicyDocument."""
    policy = _parse(text)
    if policy.get("Version", "") != "2012-10-17":
        raise _malformed("Policy document must be version 2012-10-17 or greater.")
    for statement in _statements(policy):
        if "Principal" in statement or "NotPrincipal" in statement:
            raise _malformed("Policy document should not specify a principal.")
        for action in _one_of(statement, "Action", "NotAction", "actions"):
            if action != "*" and not _VENDOR.fullmatch(action):
                raise _malformed(
                    "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
                )
        for resource in _one_of(statement, "Resource", "NotResource", "resources"):
            if resource != "*" and not resource.startswith("arn:"):
                raise _malformed(f'Resource {resource} must be in ARN format or "*".')


def check_trust_policy(text: str) -> None:
    """Who may assume a role: says who, and no resource. Raises: MalformedPolicyDocument."""
    policy = _parse(text)
    for statement in _statements(policy):
        if "Resource" in statement or "NotResource" in statement:
            raise _malformed("Has prohibited field Resource")
        if ("Principal" in statement) == ("NotPrincipal" in statement):
            raise _malformed("Missing required field Principal")
        for action in _one_of(statement, "Action", "NotAction", "actions"):
            if action.lower() not in _TRUST_ACTIONS:
                raise _malformed("AssumeRole policy may only specify STS AssumeRole actions.")


def _parse(text: str) -> Mapping[str, object]:
    try:
        policy = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise _malformed("This policy contains invalid Json") from None
    if not isinstance(policy, dict):
        raise _malformed(_SYNTAX)
    found = cast("dict[str, object]", policy)
    if not _PARTS.issuperset(found) or found.get("Version", _VERSIONS[0]) not in _VERSIONS:
        raise _malformed(_SYNTAX)
    return found


def _statements(policy: Mapping[str, object]) -> Sequence[Mapping[str, object]]:
    given = policy.get("Statement")
    listed = cast("list[object]", given) if isinstance(given, list) else [given]
    statements: list[Mapping[str, object]] = []
    for statement in listed:
        if not isinstance(statement, dict):
            raise _malformed(_SYNTAX)
        clauses = cast("dict[str, object]", statement)
        if not _CLAUSES.issuperset(clauses) or clauses.get("Effect") not in ("Allow", "Deny"):
            raise _malformed(_SYNTAX)
        if not isinstance(clauses.get("Condition", {}), dict):
            raise _malformed(_SYNTAX)
        sid = clauses.get("Sid", "")
        if not isinstance(sid, str):
            raise _malformed(_SYNTAX)
        if not _SID.fullmatch(sid):
            raise _malformed(f"Statement IDs (SID) must be alpha-numeric. Check that {sid!r} is.")
        statements.append(clauses)
    sids = [statement["Sid"] for statement in statements if "Sid" in statement]
    if len(set(sids)) != len(sids):
        raise _malformed("Statement IDs (SID) in a single policy must be unique.")
    return statements


def _one_of(statement: Mapping[str, object], name: str, negated: str, noun: str) -> list[str]:
    """The texts of a clause that a statement must have in one of its two forms."""
    if (name in statement) and (negated in statement):
        raise _malformed(_SYNTAX)
    given = statement.get(name, statement.get(negated))
    values = cast("list[object]", given) if isinstance(given, list) else [given]
    if given is None or not values:
        raise _malformed(f"Policy statement must contain {noun}.")
    texts: list[str] = []
    for value in values:
        if not isinstance(value, str):
            raise _malformed(_SYNTAX)
        texts.append(value)
    return texts


def _malformed(detail: str) -> errors.MalformedPolicyDocument:
    return errors.MalformedPolicyDocument(detail=detail)
