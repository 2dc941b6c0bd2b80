"""What every operation does with keys: find the one that is meant, use its material, make new material.

A `Keyring` is made for one caller at one instant. Material leaves it only into `ciphers/`.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Container, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec

from pilvi.base.arn import Scope
from pilvi.base.entropy import Entropy
from pilvi.services.kms import errors, limits, records
from pilvi.services.kms.access import CROSS_ACCOUNT
from pilvi.services.kms.ciphers import pairs, symmetric
from pilvi.services.kms.records import Alias, Key, Material
from pilvi.services.kms.rules import names, policies, states
from pilvi.services.kms.rules.names import KeyName
from pilvi.services.kms.rules.specs import ENCRYPT, SPECS, SYMMETRIC
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.sealing import Sealer

if TYPE_CHECKING:
    from pilvi.kit.call import Call


class Opened(msgspec.Struct, frozen=True):
    """What came out of a ciphertext."""

    plaintext: bytes
    key: Key
    material_id: str | None


class Keyring:
    def __init__(
        self,
        scope: Scope,
        *,
        who: frozenset[str],
        caller: str,
        now_ms: int,
        sealer: Sealer,
        entropy: Entropy,
    ) -> None:
        """`who`: all ARNs of the principal that asks; `caller`: the one by which it is told of."""
        self.scope = scope
        self.who = who
        self.now_ms = now_ms
        self.entropy = entropy
        self._caller = caller
        self._sealer = sealer

    @classmethod
    def of(cls, call: Call) -> Keyring:
        principal = call.principal
        who = frozenset({principal.arn, principal.role_arn or principal.arn})
        return cls(
            call.scope,
            who=who,
            caller=principal.arn,
            now_ms=call.now_ms,
            sealer=call.ask(Sealer),
            entropy=call.entropy,
        )

    # --- finding keys

    def get(self, at: Snapshot, text: str, operation: str) -> Key:
        """The key with this id, ARN, alias or alias ARN.

        Raises: NotFoundException; InvalidArnException; AccessDeniedException (a key of another account, for an
            operation that has none). Whether the caller may was decided before (`access.py`).
        """
        return self._follow(at, names.parse(text, self.scope), operation)

    def get_by_id(self, at: Snapshot, text: str, operation: str) -> Key:
        """As `get`, for operations that take no alias."""
        return self._follow(at, names.parse_key(text, self.scope), operation)

    def get_own(self, at: Snapshot, text: str, operation: str) -> Key:
        """As `get_by_id`, for operations that change a key: AWS managed keys let nobody do that."""
        key = self.get_by_id(at, text, operation)
        if key.manager == "AWS":
            raise self.denied(key.arn, operation)
        return key

    def get_usable(self, at: Snapshot, text: str, operation: str, usage: str) -> Key:
        """A key for cryptography. Raises: as `get`, and InvalidKeyUsageException, DisabledException,
        KMSInvalidStateException."""
        key = self.get(at, text, operation)
        states.require_usage(key, usage, operation)
        self.require(key, states.USABLE)
        return key

    def require(self, key: Key, allowed: Container[str]) -> None:
        """Raises: DisabledException; KMSInvalidStateException."""
        states.require(key, allowed, self.now_ms)

    def find_alias(self, at: Snapshot, name: KeyName) -> Alias | None:
        return records.aliases.find(at, records.home(name.scope), name.alias)

    def _follow(self, at: Snapshot, name: KeyName, operation: str) -> Key:
        if name.scope.account != self.scope.account and operation not in CROSS_ACCOUNT:
            raise self.denied(name.arn, operation)
        key_id = name.key_id
        if name.alias:
            alias = self.find_alias(at, name)
            if alias is None:
                raise errors.AliasNotFound(arn=name.arn)
            key_id = alias.key_id
        key = self._find(at, name.scope, key_id)
        if key is None:
            raise errors.KeyNotFound(arn=names.key_arn(name.scope, key_id))
        return key

    def _find(self, at: Snapshot, scope: Scope, key_id: str) -> Key | None:
        """A key whose time has come is gone, even while the job that removes it has not run."""
        key = records.find_key(at, scope, key_id)
        gone = key is not None and key.deletion_ms is not None and key.deletion_ms <= self.now_ms
        return None if gone else key

    def denied(self, arn: str, operation: str) -> errors.AccessDeniedException:
        return errors.AccessDeniedException(who=self._caller, action=f"kms:{operation}", arn=arn)

    def make_managed(self, tx: Transaction, text: str) -> None:
        """The AWS managed key of a service is made when its alias, `alias/aws/<service>`, is first named."""
        if "alias/aws/" not in text:
            return
        name = names.parse(text, self.scope)
        service = name.alias.removeprefix(names.AWS_ALIASES)
        if (
            service not in names.AWS_SERVICES
            or name.scope.account != self.scope.account
            or self.find_alias(tx, name) is not None
        ):
            return
        protected = "S3 objects" if service == "s3" else f"{service} data"
        key = Key(
            id=self.entropy.uuid(),
            account=name.scope.account,
            region=name.scope.region,
            partition=name.scope.partition,
            created_ms=self.now_ms,
            spec=SYMMETRIC,
            usage=ENCRYPT,
            manager="AWS",
            description=f"Default key that protects my {protected} when no other key is defined",
            policy=policies.managed_policy(name.scope, service),
        )
        key = self.add_material(tx, key, self.entropy.bytes(32))
        key = turn_on_rotation(tx, key, limits.ROTATION_DAYS, self.now_ms)
        records.put_new_key(tx, key)
        alias = Alias(
            name=name.alias, key_id=key.id, created_ms=self.now_ms, updated_ms=self.now_ms
        )
        records.aliases.put(tx, records.home(name.scope), alias)

    # --- material

    def add_material(
        self,
        tx: Transaction,
        key: Key,
        secret: bytes,
        *,
        material_id: str = "",
        state: str = records.CURRENT,
        rotated_ms: int | None = None,
        rotation: str | None = None,
        valid_to_ms: int | None = None,
        description: str | None = None,
    ) -> Key:
        """Seal new material; gives the key as it then is, which the caller stores. With the state CURRENT it is what
        new ciphertexts are made with."""
        material = Material(
            id=material_id or self.entropy.hex(64),
            number=key.materials + 1,
            sealed=None,
            state=state,
            rotated_ms=rotated_ms,
            rotation=rotation,
            valid_to_ms=valid_to_ms,
            description=description,
        )
        if state == records.CURRENT:
            retire_current(tx, key)
            key = msgspec.structs.replace(key, material_id=material.id)
            if SPECS[key.spec].is_pair and key.public_key is None:
                key = msgspec.structs.replace(key, public_key=pairs.public_of(secret))
        self.seal(tx, key, material, secret)
        return msgspec.structs.replace(key, materials=material.number)

    def seal(self, tx: Transaction, key: Key, material: Material, secret: bytes) -> None:
        """Store material with its secret."""
        sealed = self._sealer.seal(tx, records.material_identity(key, material.id), secret)
        records.put_material(tx, key, msgspec.structs.replace(material, sealed=sealed))

    def secret(self, at: Snapshot, key: Key, material_id: str) -> bytes | None:
        """None when the key has no such material, or has it no more."""
        material = records.find_material(at, key, material_id)
        if material is None or material.sealed is None:
            return None
        return self._sealer.open(at, records.material_identity(key, material_id), material.sealed)

    def current(self, at: Snapshot, key: Key) -> tuple[str, bytes]:
        """(id, secret) of a usable key's current material."""
        assert key.material_id is not None, key.arn
        secret = self.secret(at, key, key.material_id)
        assert secret is not None, key.arn
        return key.material_id, secret

    # --- ciphertexts

    def encrypt(
        self, at: Snapshot, key: Key, plaintext: bytes, context: Mapping[str, str]
    ) -> bytes:
        """Under a usable symmetric key."""
        material_id, secret = self.current(at, key)
        made = symmetric.Made(key.account, key.id, material_id)
        return symmetric.encrypt(secret, made, plaintext, context, self.entropy)

    def decrypt(
        self,
        at: Snapshot,
        blob: bytes,
        context: Mapping[str, str],
        *,
        text: str | None,
        algorithm: str,
        operation: str,
    ) -> Opened:
        """`text`: the key that the caller names; a symmetric ciphertext names it itself.

        Raises: InvalidCiphertextException; IncorrectKeyException; NotFoundException; InvalidKeyUsageException;
            DisabledException; KMSInvalidStateException; AccessDeniedException.
        """
        named = None if text is None else self.get(at, text, operation)
        if algorithm != SYMMETRIC:
            return self._decrypt_rsa(at, blob, named, algorithm, operation)
        if named is not None and (named.spec != SYMMETRIC):
            raise errors.IncorrectKeyException
        made = symmetric.read(blob)
        key = named
        if key is None:
            key = self._find(at, self.scope._replace(account=made.account), made.key_id)
            if key is None:
                raise errors.CiphertextNotAccessible(who=self._caller, action=f"kms:{operation}")
        elif (key.account, key.id) != (made.account, made.key_id):
            raise errors.IncorrectKeyException
        self.require(key, states.USABLE)
        secret = self.secret(at, key, made.material_id)
        if secret is None:
            raise errors.InvalidCiphertextException
        return Opened(symmetric.decrypt(secret, blob, context), key, made.material_id)

    def _decrypt_rsa(
        self, at: Snapshot, blob: bytes, key: Key | None, algorithm: str, operation: str
    ) -> Opened:
        if key is None:
            raise errors.ValidationException(
                detail="KeyId is required when the encryption algorithm is asymmetric."
            )
        states.require_usage(key, ENCRYPT, operation)
        if algorithm not in SPECS[key.spec].algorithms[ENCRYPT]:
            raise errors.IncompatibleAlgorithm(algorithm=algorithm, spec=key.spec)
        self.require(key, states.USABLE)
        _, private = self.current(at, key)
        return Opened(pairs.decrypt(private, algorithm, blob), key, None)


_makers = ThreadPoolExecutor(2, "kms")
"""Threads of their own: whoever asks for a hundred RSA keys keeps only other askers waiting."""


async def new_pair(spec: str) -> bytes:
    """A new private key; RSA takes its time."""
    return await asyncio.get_running_loop().run_in_executor(_makers, pairs.generate, spec)


async def new_secret(spec: str, entropy: Entropy) -> bytes:
    """New material of a spec."""
    size = SPECS[spec].secret_bytes
    return entropy.bytes(size) if size else await new_pair(spec)


def imported_id(key: Key, secret: bytes) -> str:
    """The id of imported material: the same for the same material in the same key, and telling nothing of it."""
    return hmac.digest(secret, b"pilvi kms material of " + key.id.encode(), "sha256").hex()


def retire_current(tx: Transaction, key: Key) -> None:
    """What was current decrypts from now on, and no more."""
    if key.material_id is None:
        return
    old = records.find_material(tx, key, key.material_id)
    if old is not None:
        records.put_material(tx, key, msgspec.structs.replace(old, state=records.NON_CURRENT))


def turn_on_rotation(tx: Transaction, key: Key, days: int, from_ms: int) -> Key:
    """Gives the key as it then is, which the caller stores."""
    due_ms = from_ms + days * limits.DAY_MS
    records.schedule(tx, key, "rotate", due_ms=due_ms)
    return msgspec.structs.replace(key, rotation_days=days, next_rotation_ms=due_ms)
