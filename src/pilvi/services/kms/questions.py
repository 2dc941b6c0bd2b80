"""Data keys on behalf of other services: the answer to `contracts.keys.Keys`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from pilvi.base.errors import AwsError
from pilvi.contracts.keys import DataKey, Decrypted, KeyDescription, KeyNotUsable, KeyUser
from pilvi.kit.cloud import Cloud
from pilvi.services.kms import errors
from pilvi.services.kms.keyring import Keyring
from pilvi.services.kms.rules import states
from pilvi.services.kms.rules.specs import ENCRYPT, SYMMETRIC
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.sealing import Sealer

T = TypeVar("T")


class KmsKeys:
    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    async def generate_data_key(
        self, key: str, context: Mapping[str, str], *, by: KeyUser, size_bytes: int = 32
    ) -> DataKey:
        ring = self._ring(by)
        plaintext = self._cloud.entropy.bytes(size_bytes)

        def make(at: Snapshot) -> DataKey:
            found = ring.get_usable(at, key, "GenerateDataKey", ENCRYPT)
            if found.spec != SYMMETRIC:
                raise errors.InvalidKeyUsageException(
                    arn=found.arn, usage=found.usage, operation="GenerateDataKey"
                )
            return DataKey(plaintext, ring.encrypt(at, found, plaintext, context), found.arn)

        return await self._look(ring, key, make)

    async def decrypt(
        self, ciphertext: bytes, context: Mapping[str, str], *, by: KeyUser
    ) -> Decrypted:
        ring = self._ring(by)

        def undo(at: Snapshot) -> Decrypted:
            opened = ring.decrypt(
                at, ciphertext, context, text=None, algorithm=SYMMETRIC, operation="Decrypt"
            )
            return Decrypted(opened.plaintext, opened.key.arn)

        return await self._look(ring, "", undo)

    async def describe(self, key: str, *, by: KeyUser) -> KeyDescription:
        ring = self._ring(by)

        def tell(at: Snapshot) -> KeyDescription:
            found = ring.get(at, key, "DescribeKey")
            return KeyDescription(
                arn=found.arn,
                id=found.id,
                state=states.state_of(found, ring.now_ms),
                usage=found.usage,
                spec=found.spec,
                aws_managed=found.manager == "AWS",
            )

        return await self._look(ring, key, tell)

    def _ring(self, by: KeyUser) -> Keyring:
        return Keyring(
            by.scope,
            who=frozenset(by.principals),
            caller=by.principals[0] if by.principals else by.service,
            now_ms=self._cloud.clock.now_ms(),
            sealer=self._cloud.ask(Sealer),
            entropy=self._cloud.entropy,
        )

    async def _look(self, ring: Keyring, key: str, look: Callable[[Snapshot], T]) -> T:
        """A read, unless an AWS managed key may have to be made first. Raises: KeyNotUsable."""

        def make_and_look(tx: Transaction) -> T:
            ring.make_managed(tx, key)
            return look(tx)

        store = self._cloud.store
        try:
            try:
                return await store.read(look)
            except errors.AliasNotFound:
                return await store.write(make_and_look)
        except AwsError as error:
            raise KeyNotUsable(error.code, error.text) from error
