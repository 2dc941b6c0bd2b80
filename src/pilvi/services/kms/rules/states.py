"""Key states, and which of them stand in the way of what.

AWS: KMS Developer Guide, "Key states of KMS keys".
"""

from __future__ import annotations

from collections.abc import Container

from pilvi.services.kms import errors
from pilvi.services.kms.records import Key

ENABLED = "Enabled"
DISABLED = "Disabled"
PENDING_IMPORT = "PendingImport"
PENDING_DELETION = "PendingDeletion"
PENDING_REPLICAS = "PendingReplicaDeletion"

_WORDS = {
    PENDING_IMPORT: "pending import",
    PENDING_DELETION: "pending deletion",
    PENDING_REPLICAS: "pending multi-region replica deletion",
}

USABLE: Container[str] = (ENABLED,)
"""For cryptography, and for what AWS allows on nothing else."""
ALIVE: Container[str] = (ENABLED, DISABLED, PENDING_IMPORT)
"""Not about to be deleted."""
WHOLE: Container[str] = (ENABLED, DISABLED)
"""With key material, and not about to be deleted."""


def state_of(key: Key, now_ms: int) -> str:
    if key.deletion_ms is not None:
        return PENDING_DELETION
    if key.awaits_replicas:
        return PENDING_REPLICAS
    if not key.has_material or (key.expires_at_ms is not None and key.expires_at_ms <= now_ms):
        return PENDING_IMPORT
    return ENABLED if key.enabled else DISABLED


def require(key: Key, allowed: Container[str], now_ms: int) -> None:
    """Raises: DisabledException; KMSInvalidStateException."""
    state = state_of(key, now_ms)
    if state in allowed:
        return
    if state == DISABLED:
        raise errors.DisabledException(arn=key.arn)
    raise errors.KMSInvalidStateException(arn=key.arn, state=_WORDS[state])


def require_usage(key: Key, usage: str, operation: str) -> None:
    """Raises: InvalidKeyUsageException."""
    if key.usage != usage:
        raise errors.InvalidKeyUsageException(arn=key.arn, usage=key.usage, operation=operation)


def require_origin(key: Key, origin: str) -> None:
    """Raises: UnsupportedOperationException."""
    if key.origin != origin:
        raise errors.UnsupportedOperationException(
            detail=f"{key.arn} origin is {key.origin} which is not valid for this operation."
        )
