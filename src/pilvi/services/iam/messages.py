"""Authorization messages: a decision that its recipient cannot read, and DecodeAuthorizationMessage can.

The decision is packed and encrypted with AES-GCM under a key that the cloud makes for this purpose once; the key is
sealed in the store. So a message opens on this cloud only, after restarts too, and only whole.
AWS: DecodeAuthorizationMessage.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import Any, cast

import msgspec
import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pilvi.base.entropy import Entropy
from pilvi.kit.cloud import Cloud
from pilvi.services.iam import errors
from pilvi.services.iam.records import EVERYWHERE
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection
from pilvi.store.keys import Key
from pilvi.store.sealing import Sealer

DECISION_BYTES_MAX = 64 * 1024
_KEY_BYTES = 32
_NONCE_BYTES = 12


class MessageKey(msgspec.Struct, frozen=True):
    sealed: bytes


MESSAGE_KEYS = Collection("iam.message_key", MessageKey, key=lambda _: (), kept=True)
_IDENTITY: Key = (*EVERYWHERE, "iam.message_key")


class IamMessages:
    """`contracts.decisions.AuthorizationMessages`."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._sealer = cloud.ask(Sealer)
        self._kept = cloud.kept(self._find, most=1)

    async def encode(self, account: str, decision: dict[str, Any]) -> str:
        key = await self._kept.get("") or await self._cloud.store.write(self._make)
        nonce = self._cloud.entropy.bytes(_NONCE_BYTES)
        packed = zlib.compress(orjson.dumps((account, decision)))
        return base64.urlsafe_b64encode(nonce + AESGCM(key).encrypt(nonce, packed, None)).decode()

    def _find(self, at: Snapshot, _name: str) -> bytes | None:
        return find_key(at, self._sealer)

    def _make(self, tx: Transaction) -> bytes:
        return find_key(tx, self._sealer) or _make_key(tx, self._sealer, self._cloud.entropy)


def find_key(at: Snapshot, sealer: Sealer) -> bytes | None:
    found = MESSAGE_KEYS.find(at, EVERYWHERE)
    return None if found is None else sealer.open(at, _IDENTITY, found.sealed)


def _make_key(tx: Transaction, sealer: Sealer, entropy: Entropy) -> bytes:
    key = entropy.bytes(_KEY_BYTES)
    MESSAGE_KEYS.put(tx, EVERYWHERE, MessageKey(sealer.seal(tx, _IDENTITY, key)))
    return key


def decode(key: bytes | None, account: str, message: str) -> dict[str, Any]:
    """The decision, for the account that was denied. Raises: InvalidAuthorizationMessage."""
    try:
        raw = base64.b64decode(message.encode(), altchars=b"-_", validate=True)
        nonce, sealed = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:]
        packed = AESGCM(key or b"").decrypt(nonce, sealed, None)
    except (ValueError, binascii.Error, InvalidTag):
        raise errors.InvalidAuthorizationMessage from None
    told = zlib.decompressobj().decompress(packed, DECISION_BYTES_MAX)
    of_account, decision = cast("tuple[str, dict[str, Any]]", orjson.loads(told))
    if of_account != account:
        raise errors.InvalidAuthorizationMessage
    return decision
