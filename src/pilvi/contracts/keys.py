"""Encryption keys: asked by services that encrypt what they store, answered by KMS.

Such a service asks for a data key, encrypts with it, forgets it, and keeps the ciphertext of the data key beside
what it encrypted; to read, it has that decrypted again. The encryption context says what the data key is for (S3: the
ARN of the object, or of the bucket where one data key serves the whole bucket), and must be said again to decrypt.

Each question is one request to KMS under somebody's name (`KeyUser`), decided as if it had come from outside:

1. Asked on behalf of the caller whose request the service serves, the caller must be allowed: by the key's policy, by
   policies of IAM, or by a grant, which see through whom it comes (kms:ViaService, aws:CalledVia). Later work for
   nobody in particular goes on by a grant to the service, which the caller makes at the beginning (`entrust`).
2. Asked by the service itself, the key's policy must name the service, or a grant it; aws:SourceArn says for which
   resource. With the key that a service has in each account, `alias/aws/<service>`, it may without being named.

Who keeps a data key in memory does so for one requester and for a bounded time (`kit/data_keys.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec

from pilvi.base.arn import Scope

if TYPE_CHECKING:
    from pilvi.kit.call import Call


@dataclass(frozen=True, slots=True)
class KeyUser:
    """Under whose name a service asks. Made by `caller_through` or `service_itself`.

    `service`: the one that asks, as in `alias/aws/<service>`. `scope`: where it asks; ids and aliases of keys without
    an account are of this one. `call`: the request that it serves. `source_arn`: the resource it asks for.
    """

    service: str
    scope: Scope
    call: Call | None = None
    source_arn: str = ""


def caller_through(call: Call, service: str, *, scope: Scope | None = None) -> KeyUser:
    """The caller whose request the service serves. `scope`: where that is not the request's own."""
    return KeyUser(service, scope or call.scope, call)


def service_itself(service: str, scope: Scope, *, source_arn: str) -> KeyUser:
    """The service on its own behalf, for a resource in its care: a log group, a table, a queue."""
    return KeyUser(service, scope, None, source_arn)


class DataKey(msgspec.Struct, frozen=True):
    """`plaintext`: to be used and forgotten. `ciphertext`: to be kept. `key_arn`: of the key that encrypted it."""

    plaintext: bytes
    ciphertext: bytes
    key_arn: str

    def __repr__(self) -> str:
        """Without the plaintext: it must not come into any log."""
        return f"DataKey(key_arn={self.key_arn!r})"


class Encrypted(msgspec.Struct, frozen=True):
    ciphertext: bytes
    key_arn: str


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

    @property
    def denied(self) -> bool:
        """Whether it was for want of permission: services say AccessDenied then, in their own way."""
        return self.code == "AccessDeniedException"


class Keys(Protocol):
    """`key`: id, ARN, alias or alias ARN. `alias/aws/<service>` is made when its service first asks for it."""

    async def generate_data_key(
        self, key: str, context: Mapping[str, str], *, by: KeyUser, size_bytes: int = 32
    ) -> DataKey:
        """A new data key under a symmetric key. `context` is authenticated with it, and needed to decrypt it.

        Raises: KeyNotUsable. Permission: kms:GenerateDataKey.
        """
        ...

    async def encrypt(
        self, key: str, plaintext: bytes, context: Mapping[str, str], *, by: KeyUser
    ) -> Encrypted:
        """A secret of at most 4096 bytes under a symmetric key. Raises: KeyNotUsable. Permission: kms:Encrypt."""
        ...

    async def decrypt(
        self, ciphertext: bytes, context: Mapping[str, str], *, by: KeyUser, key: str | None = None
    ) -> Decrypted:
        """What `generate_data_key` or `encrypt` (or KMS's Encrypt) made under a symmetric key, with whichever material
        it had then. `key`: the one that it must have been, where the service knows.

        Raises: KeyNotUsable. Permission: kms:Decrypt.
        """
        ...

    async def describe(self, key: str, *, by: KeyUser) -> KeyDescription:
        """Raises: KeyNotUsable. Permission: kms:DescribeKey."""
        ...

    async def entrust(
        self,
        key: str,
        operations: Iterable[str],
        *,
        by: KeyUser,
        source_arn: str,
        context: Mapping[str, str] | None = None,
    ) -> str:
        """Let the service go on using a key for one resource when nobody asks any more; gives the id of the grant.
        `operations`: as grants name them. `context`: what the encryption context must at least contain.

        Raises: KeyNotUsable. Permission: kms:CreateGrant (kms:GrantIsForAWSResource is true).
        """
        ...

    async def release(self, key: str, grant_id: str, *, by: KeyUser) -> None:
        """End what `entrust` began, as the service itself; a grant that is gone is no error. Raises: KeyNotUsable."""
        ...
