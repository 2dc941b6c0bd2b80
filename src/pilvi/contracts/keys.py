"""Encryption keys: asked by services that encrypt what they store, answered by KMS.

Such a service asks for a data key, encrypts with it, forgets it, and keeps the ciphertext of the data key beside
what it encrypted; to read, it has that decrypted again. It asks on behalf of the principal whose request it serves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from pilvi.base.arn import Scope


class KeyUser(msgspec.Struct, frozen=True):
    """On whose behalf a service asks, and where. `principals`: all ARNs of the principal, of a session its role's too;
    the first is the one by which it is told of. `service`: the name that asks, as in `alias/aws/<service>`."""

    scope: Scope
    principals: tuple[str, ...]
    service: str


class DataKey(msgspec.Struct, frozen=True):
    """`plaintext`: to be used and forgotten. `ciphertext`: to be kept. `key_arn`: of the key that encrypted it."""

    plaintext: bytes
    ciphertext: bytes
    key_arn: str

    def __repr__(self) -> str:
        """Without the plaintext: it must not come into any log."""
        return f"DataKey(key_arn={self.key_arn!r})"


class Decrypted(msgspec.Struct, frozen=True):
    plaintext: bytes
    key_arn: str

    def __repr__(self) -> str:
        return f"Decrypted(key_arn={self.key_arn!r})"


class KeyDescription(msgspec.Struct, frozen=True):
    """`state`: "Enabled", "Disabled", "PendingDeletion", ... `usage`, `spec`: as KMS calls them. `aws_managed`: it is
    the account's own key of a service, `alias/aws/<service>`."""

    arn: str
    id: str
    state: str
    usage: str
    spec: str
    aws_managed: bool


class KeyNotUsable(Exception):
    """`code` is KMS's error code (NotFoundException, DisabledException, KMSInvalidStateException,
    InvalidCiphertextException, AccessDeniedException, ...), `reason` its text. Services tell both in words of
    their own: S3, for one, as KMS.DisabledException."""

    def __init__(self, code: str, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(f"{code}: {reason}")


class Keys(Protocol):
    """`key`: id, ARN, alias or alias ARN. `alias/aws/<service>` is made when it is first asked for."""

    async def generate_data_key(
        self, key: str, context: Mapping[str, str], *, by: KeyUser, size_bytes: int = 32
    ) -> DataKey:
        """A new data key under a symmetric key. `context` is authenticated with it, and needed to decrypt it.

        Raises: KeyNotUsable.
        """
        ...

    async def decrypt(
        self, ciphertext: bytes, context: Mapping[str, str], *, by: KeyUser
    ) -> Decrypted:
        """What `generate_data_key` (or KMS's Encrypt) made under a symmetric key. Raises: KeyNotUsable."""
        ...

    async def describe(self, key: str, *, by: KeyUser) -> KeyDescription:
        """Raises: KeyNotUsable."""
        ...
