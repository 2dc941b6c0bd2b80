"""Whether a grant allows what is asked. One pure function, `allows`, is the whole of it.

AWS: KMS Developer Guide, "Grants in AWS KMS", "Using grant constraints", "Retiring and revoking grants"; API
Reference, GrantConstraints.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from pilvi.services.kms import errors
from pilvi.services.kms.records import Grant

_WITH_CONTEXT = frozenset(
    {
        *("Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext"),
        *("GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"),
        *("ReEncryptFrom", "ReEncryptTo"),
    }
)
"""Operations that a constraint on the encryption context limits; the others have none."""
OPERATIONS = _WITH_CONTEXT | {
    *("CreateGrant", "DescribeKey", "RetireGrant", "GetPublicKey", "Sign", "Verify"),
    *("GenerateMac", "VerifyMac", "DeriveSharedSecret", "Encapsulate", "Decapsulate"),
}
"""All that a grant can allow: for anything else none needs to be read. RetireGrant has a rule of its own."""


class Limits(msgspec.Struct, frozen=True):
    """What a grant gives, as far as another one may not give more."""

    operations: frozenset[str]
    context_subset: Mapping[str, str] | None = None
    context_equals: Mapping[str, str] | None = None
    source_arn: str | None = None


class Asked(msgspec.Struct, frozen=True):
    """`operation`: as grants name it (ReEncryptFrom, ReEncryptTo). `principals`: all ARNs of who asks, of a session
    its role's too. `services`: the names of a service that asks for itself. `source_arn`: the resource it asks for.
    `child`: what a new grant would give, for CreateGrant."""

    operation: str
    principals: frozenset[str]
    services: frozenset[str] = frozenset()
    context: Mapping[str, str] = {}
    source_arn: str | None = None
    child: Limits | None = None


def allows(grant: Grant, asked: Asked) -> bool:
    """Whether this grant lets this principal do this. It never denies; that others may is not its matter."""
    if asked.operation not in grant.operations:
        return False
    if grant.grantee not in asked.principals and grant.grantee_service not in asked.services:
        return False
    if grant.source_arn is not None and asked.source_arn != grant.source_arn:
        return False
    if asked.operation == "CreateGrant":
        return asked.child is not None and may_pass_on(limits_of(grant), asked.child)
    if asked.operation not in _WITH_CONTEXT:
        return True
    return _within(grant.context_equals, grant.context_subset, _folded(asked.context))


def _within(
    equals: Mapping[str, str] | None, subset: Mapping[str, str] | None, context: _Folded
) -> bool:
    """Whether an encryption context keeps to both constraints."""
    if equals is not None and _folded(equals) != context:
        return False
    return subset is None or _folded(subset) <= context


_Folded = frozenset[tuple[str, str]]


def _folded(context: Mapping[str, str]) -> _Folded:
    """Constraints know names in any case, and values as they are."""
    return frozenset((name.lower(), text) for name, text in context.items())


def find_allowing(grants: Iterable[Grant], asked: Asked) -> Grant | None:
    return next((grant for grant in grants if allows(grant, asked)), None)


def limits_of(grant: Grant) -> Limits:
    return Limits(
        frozenset(grant.operations), grant.context_subset, grant.context_equals, grant.source_arn
    )


def limits_asked(req: Mapping[str, Any]) -> Limits:
    """Of a CreateGrant that nobody has validated yet."""
    given: Mapping[str, Any] = req.get("Constraints") or {}
    return Limits(
        frozenset(req.get("Operations") or ()),
        given.get("EncryptionContextSubset"),
        given.get("EncryptionContextEquals"),
        given.get("SourceArn"),
    )


def may_pass_on(parent: Limits, child: Limits) -> bool:
    """Whether who holds `parent` (with CreateGrant among its operations) may create `child`: it gives nothing that
    the parent does not, under the same constraints or narrower ones."""
    if not child.operations <= parent.operations:
        return False
    if parent.source_arn is not None and child.source_arn != parent.source_arn:
        return False
    if parent.context_equals is not None and (
        child.context_equals is None
        or _folded(child.context_equals) != _folded(parent.context_equals)
    ):
        return False
    if parent.context_subset is None:
        return True
    narrower = child.context_equals if child.context_subset is None else child.context_subset
    return narrower is not None and _folded(parent.context_subset) <= _folded(narrower)


def retirers(grant: Grant, owner_root: str) -> tuple[frozenset[str], frozenset[str]]:
    """Who may end a grant: those that it names itself, and accounts, which may leave it to their own principals.
    `owner_root`: of the account whose key it is."""
    named = {grant.retiring} if grant.retiring else set[str]()
    if grant.grantee and "RetireGrant" in grant.operations:
        named.add(grant.grantee)
    accounts = {one for one in named if one.endswith(":root")} | {owner_root, grant.issuing_account}
    return frozenset(named - accounts), frozenset(accounts)


def check_constraints(
    limits: Limits, *, for_service: bool, retirable: bool, symmetric: bool
) -> None:
    """Raises: ValidationException."""
    if for_service and limits.source_arn is None:
        raise errors.ValidationException(
            detail="A grant with a GranteeServicePrincipal needs a SourceArn constraint."
        )
    if for_service and not retirable:
        raise errors.ValidationException(
            detail="A grant with a GranteeServicePrincipal needs a RetiringPrincipal or a RetiringServicePrincipal."
        )
    for context in (limits.context_subset, limits.context_equals):
        if context is None:
            continue
        if not symmetric:
            raise errors.ValidationException(
                detail="Encryption context constraints are for symmetric encryption keys."
            )
        if len(context) > CONSTRAINT_PAIRS_MAX:
            raise errors.ValidationException(
                detail=f"A grant constraint has at most {CONSTRAINT_PAIRS_MAX} encryption context pairs."
            )


CONSTRAINT_PAIRS_MAX = 8


def check_operations(key_arn: str, usage: str, operations: Iterable[str]) -> None:
    """Raises: ValidationException for an operation that keys of this usage do not have."""
    fitting = _OF_USAGE[usage] | _OF_ALL
    if not set(operations) <= fitting:
        raise errors.ValidationException(
            detail=f"Grant operations are not valid for {key_arn}, whose key usage is {usage}."
        )


_OF_ALL = frozenset({"CreateGrant", "DescribeKey", "RetireGrant", "GetPublicKey"})
_OF_USAGE: Mapping[str, frozenset[str]] = {
    "ENCRYPT_DECRYPT": _WITH_CONTEXT,
    "SIGN_VERIFY": frozenset({"Sign", "Verify"}),
    "GENERATE_VERIFY_MAC": frozenset({"GenerateMac", "VerifyMac"}),
    "KEY_AGREEMENT": frozenset({"DeriveSharedSecret"}),
    "ENCAPSULATE_DECAPSULATE": frozenset({"Encapsulate", "Decapsulate"}),
}
