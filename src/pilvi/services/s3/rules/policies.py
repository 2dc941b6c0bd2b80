"""Bucket policies: what may be stored, and which ones are public. What they allow is decided before any handler.

AWS: S3 User Guide, "Bucket policies for Amazon S3".
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from pilvi.languages.policy import (
    RESOURCE,
    RESOURCE_WORDS,
    CompiledPolicy,
    Condition,
    Document,
    Policy,
    PolicyError,
    Reason,
    Statement,
    parse,
)
from pilvi.services.s3 import errors, limits

_FIRST_BYTE = "Policies must be valid JSON and the first byte must be '{'"

_NARROWING = frozenset({"StringEquals", "StringLike", "ArnEquals", "ArnLike", "IpAddress"})
_WHO_OR_WHERE = frozenset(
    {
        *("aws:sourcearn", "aws:sourceaccount", "aws:sourceowner", "aws:sourceip"),
        *("aws:sourcevpc", "aws:sourcevpce", "aws:userid", "aws:principalorgid"),
        *("aws:principalarn", "aws:principalaccount", "s3:dataaccesspointaccount"),
    }
)


def check_policy(text: str, arn: str, *, below: str = "/") -> None:
    """What PutBucketPolicy takes. `arn`: of the bucket; `below`: what follows it in the ARNs of what is in it.

    Raises: MalformedPolicy.
    """
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
        _check_reach(statement, arn, below)


def _check_reach(statement: Statement, arn: str, below: str) -> None:
    """A bucket's policy is about S3, and about this bucket."""
    for action in statement.actions.patterns:
        if action != "*" and not action.lower().startswith("s3:"):
            raise errors.MalformedPolicy(detail="Policy has invalid action")
    assert statement.resources is not None
    for resource in statement.resources.patterns:
        if resource not in ("*", arn) and not resource.startswith((arn + below, arn + "*")):
            raise errors.MalformedPolicy(detail="Policy has invalid resource")


def is_public(text: str) -> bool:
    """Whether a statement grants something to everyone, or to everyone but some, without naming from where.

    AWS: S3 User Guide, "Blocking public access", section "The meaning of public".
    """
    return any(
        statement.allows
        and statement.principals is not None
        and (statement.principals.negated or statement.principals.everyone)
        and not any(_narrows(condition) for condition in statement.conditions)
        for statement in _parsed(text).statements
    )


def _narrows(condition: Condition) -> bool:
    """Whether only callers with certain values pass, of a key that tells who or where they are."""
    return (
        condition.operator in _NARROWING
        and not condition.if_exists
        and condition.key.lower() in _WHO_OR_WHERE
        and not any(sign in value for value in condition.values for sign in "*?$")
        and "0.0.0.0/0" not in condition.values
        and "::/0" not in condition.values
    )


def denials(stated: Document) -> Document:
    """What a policy forbids, without what it allows."""
    policy = stated.policy.policy
    kept = tuple(one for one in policy.statements if not one.allows)
    return Document(CompiledPolicy(msgspec.structs.replace(policy, statements=kept)), stated.origin)


@lru_cache(maxsize=256)
def _parsed(text: str) -> Policy:
    """A policy that `check_policy` has taken."""
    return parse(text, RESOURCE)
