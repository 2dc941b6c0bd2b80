"""Whether a grant allows what is asked. One pure function, `allows`, is the whole of it.

AWS: KMS Developer Guide, "Grants in AWS KMS", "Using grant constraints"; API Reference, GrantConstraints.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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


class Asked(msgspec.Struct, frozen=True):
    """`operation`: as grants name it (ReEncryptFrom, ReEncryptTo). `principals`: all ARNs of who asks, of a session
    its role's too. `service`: when a service asks for itself. `source_arn`: the resource it asks for."""

    operation: str
    principals: frozenset[str]
    service: str | None = None
    context: Mapping[str, str] = {}
    source_arn: str | None = None


def allows(grant: Grant, asked: Asked) -> bool:
    """Whether this grant lets this principal do this. It never denies; that others may is not its matter."""
    if asked.operation not in grant.operations:
        return False
    is_grantee = grant.grantee in asked.principals or (
        asked.service is not None and grant.grantee_service == asked.service
    )
    if not is_grantee:
        return False
    if grant.source_arn is not None and asked.source_arn != grant.source_arn:
        return False
    if asked.operation not in _WITH_CONTEXT:
        return True
    if grant.context_equals is not None and dict(asked.context) != grant.context_equals:
        return False
    return grant.context_subset is None or grant.context_subset.items() <= asked.context.items()


def find_allowing(grants: Iterable[Grant], asked: Asked) -> Grant | None:
    return next((grant for grant in grants if allows(grant, asked)), None)


def may_pass_on(parent: Grant, child: Grant) -> bool:
    """Whether who holds `parent` (with CreateGrant among its operations) may create `child`: it gives nothing that
    the parent does not, under the same constraints or narrower ones."""
    if not set(child.operations) <= set(parent.operations):
        return False
    if parent.source_arn is not None and child.source_arn != parent.source_arn:
        return False
    if parent.context_equals is not None and child.context_equals != parent.context_equals:
        return False
    if parent.context_subset is None:
        return True
    narrower = child.context_equals if child.context_subset is None else child.context_subset
    return narrower is not None and parent.context_subset.items() <= narrower.items()


def may_retire(grant: Grant, principals: frozenset[str], account: str) -> bool:
    """The retiring principal, the grantee when the grant says so, and the account's own root."""
    if grant.retiring in principals or f"arn:aws:iam::{account}:root" in principals:
        return True
    return grant.grantee in principals and "RetireGrant" in grant.operations


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
}
