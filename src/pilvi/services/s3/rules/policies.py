"""Bucket policies: what may be stored, and the one thing that is decided by them so far, public reading.

Only what is plainly public is public: a statement that allows everyone, without any condition, and that no
Deny can touch. A statement this file cannot evaluate fully never allows, and denies when it is a Deny.
Differs: policies do not yet limit or extend what authenticated principals may do.
AWS: S3 User Guide, "Blocking public access", section "The meaning of public"; IAM User Guide, "Policy grammar".
"""

from __future__ import annotations

from functools import lru_cache

from pilvi.languages.policy import (
    RESOURCE,
    RESOURCE_WORDS,
    Clause,
    Policy,
    PolicyError,
    Reason,
    Statement,
    parse,
)
from pilvi.services.s3 import errors, limits

_FIRST_BYTE = "Policies must be valid JSON and the first byte must be '{'"


def check_policy(text: str, bucket: str) -> None:
    """What PutBucketPolicy takes. Raises: MalformedPolicy."""
    if not text.startswith("{"):
        raise errors.MalformedPolicy(detail=_FIRST_BYTE)
    if len(text.encode()) > limits.POLICY_BYTES_MAX:
        raise errors.MalformedPolicy(detail="Normalized policy document exceeds the maximum size")
    try:
        policy = parse(text, RESOURCE)
    except PolicyError as wrong:
        detail = _FIRST_BYTE if wrong.reason is Reason.JSON else wrong.told(RESOURCE_WORDS)
        raise errors.MalformedPolicy(detail=detail) from wrong
    for statement in policy.statements:
        _check_reach(statement, bucket)


def _check_reach(statement: Statement, bucket: str) -> None:
    """A bucket's policy is about S3, and about this bucket."""
    for action in statement.actions.patterns:
        if action != "*" and not action.lower().startswith("s3:"):
            raise errors.MalformedPolicy(detail="Policy has invalid action")
    assert statement.resources is not None
    arn = f"arn:aws:s3:::{bucket}"
    for resource in statement.resources.patterns:
        if resource not in ("*", arn) and not resource.startswith((arn + "/", arn + "*")):
            raise errors.MalformedPolicy(detail="Policy has invalid resource")


def is_public(text: str) -> bool:
    """Whether a statement grants something to everyone, or to everyone but some.

    Differs: AWS also looks into conditions; here a statement with one lets nobody in, so it is not public.
    """
    return any(
        statement.allows
        and not statement.conditions
        and statement.principals is not None
        and (statement.principals.negated or statement.principals.everyone)
        for statement in _parsed(text).statements
    )


def allows_everyone(text: str, action: str, resource: str) -> bool:
    """Whether an unsigned request may perform `action` ("s3:GetObject") on this ARN."""
    allowed = False
    for statement in _parsed(text).statements:
        if statement.allows:
            allowed = allowed or _plainly_allows(statement, action, resource)
        elif _might_deny(statement, action, resource):
            return False
    return allowed


def _plainly_allows(statement: Statement, action: str, resource: str) -> bool:
    assert statement.principals is not None
    assert statement.resources is not None
    return (
        statement.principals.everyone
        and not statement.conditions
        and not statement.actions.negated
        and not statement.resources.negated
        and _any_matches(statement.actions, action, fold=True)
        and _any_matches(statement.resources, resource, fold=False)
    )


def _might_deny(statement: Statement, action: str, resource: str) -> bool:
    """Conditions are taken to hold, and principals and negated clauses to include whoever asks for whatever."""
    assert statement.resources is not None
    actions, resources = statement.actions, statement.resources
    return (actions.negated or _any_matches(actions, action, fold=True)) and (
        resources.negated or _any_matches(resources, resource, fold=False)
    )


def _any_matches(clause: Clause, text: str, *, fold: bool) -> bool:
    return any(
        matches(one.lower(), text.lower()) if fold else matches(one, text)
        for one in clause.patterns
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
def _parsed(text: str) -> Policy:
    """A policy that `check_policy` has taken."""
    return parse(text, RESOURCE)
