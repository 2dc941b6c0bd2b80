"""Policy documents: is a text a policy that IAM takes? Nothing is evaluated here.

Differs: principals must look like principals, but need not exist.
AWS: IAM User Guide, "Grammar of the IAM JSON policy language".
"""

from __future__ import annotations

from pilvi.languages.policy import (
    IDENTITY,
    IDENTITY_WORDS,
    RESOURCE_WORDS,
    TRUST,
    Policy,
    PolicyError,
    parse,
)
from pilvi.services.iam import errors

_VERSION_NEEDED = "2012-10-17"
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


def check_identity_policy(text: str) -> Policy:
    """A policy of a user, role or group: says what, never who. Raises: MalformedPolicyDocument."""
    try:
        policy = parse(text, IDENTITY)
    except PolicyError as wrong:
        raise _malformed(wrong.told(IDENTITY_WORDS)) from wrong
    if policy.version != _VERSION_NEEDED:
        raise _malformed("Policy document must be version 2012-10-17 or greater.")
    return policy


def check_trust_policy(text: str) -> Policy:
    """Who may assume a role: says who, and no resource. Raises: MalformedPolicyDocument."""
    try:
        policy = parse(text, TRUST)
    except PolicyError as wrong:
        raise _malformed(wrong.told(RESOURCE_WORDS)) from wrong
    for statement in policy.statements:
        for action in statement.actions.patterns:
            if statement.actions.negated or action.lower() not in _TRUST_ACTIONS:
                raise _malformed("AssumeRole policy may only specify STS AssumeRole actions.")
    return policy


def _malformed(detail: str) -> errors.MalformedPolicyDocument:
    return errors.MalformedPolicyDocument(detail=detail)
