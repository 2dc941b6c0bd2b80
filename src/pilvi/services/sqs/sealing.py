"""Messages of queues with a key of KMS: their bodies and attributes are encrypted before they are stored.

A send asks KMS for a data key in the caller's name, a receive has it decrypted in the caller's. A data key serves one
caller and one queue for as long as the queue says (KmsDataKeyReusePeriodSeconds). What is moved to another queue keeps
its data key and the context under which that was made.
AWS: SQS Developer Guide, "Encryption at rest in Amazon SQS", "Key management".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar
from weakref import WeakKeyDictionary

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec.structs import replace

from pilvi.base.errors import AwsError
from pilvi.contracts.keys import DataKey, KeyNotUsable, Keys, KeyUser, caller_through
from pilvi.kit.call import Call
from pilvi.kit.cloud import Cloud
from pilvi.kit.data_keys import KeptDataKeys
from pilvi.services.sqs import errors
from pilvi.services.sqs.records import Queue
from pilvi.services.sqs.storage.rows import Message
from pilvi.services.sqs.storage.stock import Taken
from pilvi.store.api import Transaction

T = TypeVar("T")

_CONTEXT = "aws:sqs:arn"
_NONCE_BYTES = 12
_PERIODS_MAX = 16
_SEALED_AS = b"sqs message"


class DataKeyNeeded(Exception):
    """What is written must be encrypted, and there is no data key for it yet. Nothing was changed."""

    def __init__(self, queue: Queue) -> None:
        super().__init__(queue.arn)
        self.queue = queue


class Seal(msgspec.Struct, frozen=True):
    """A data key for one queue; `kept`: it, encrypted, as messages keep it."""

    arn: str
    key: str
    plaintext: bytes
    kept: bytes
    nonce: Callable[[int], bytes]


class _Kept(msgspec.Struct, array_like=True):
    ciphertext: bytes
    arn: str
    key: str


class _Inside(msgspec.Struct, array_like=True):
    body: bytes
    attributes: bytes


def check(queue: Queue, seal: Seal | None) -> None:
    """Raises: DataKeyNeeded."""
    if queue.key and (seal is None or seal.key != queue.key or seal.arn != queue.arn):
        raise DataKeyNeeded(queue)


async def sealed(call: Call, write: Callable[[Transaction, Seal | None], T]) -> T:
    """Run a transaction that may need a data key; a queue without a key is not even looked at for it.

    Raises: KmsAccessDenied and its like.
    """
    try:
        return await call.transact(lambda tx: write(tx, None))
    except DataKeyNeeded as needed:
        queue = needed.queue
    for _ in range(3):  # the key may be changed meanwhile
        seal = await seal_for(call.cloud, queue, caller_through(call, "sqs"))
        try:
            return await call.transact(partial(_with, write, seal))
        except DataKeyNeeded as needed:
            queue = needed.queue
    raise errors.KmsInvalidState(reason="The key of the queue is being changed.")


def _with(write: Callable[[Transaction, Seal | None], T], seal: Seal | None, tx: Transaction) -> T:
    return write(tx, seal)


async def seal_for(cloud: Cloud, queue: Queue, by: KeyUser) -> Seal:
    """Raises: KmsAccessDenied and its like."""

    async def ask() -> DataKey:
        context = {_CONTEXT: queue.arn}
        return await cloud.ask(Keys).generate_data_key(queue.key, context, by=by)

    name = ("send", _asker(by), queue.arn, queue.key)
    data_key = await _get(cloud, queue, name, ask)
    kept = msgspec.msgpack.encode(_Kept(data_key.ciphertext, queue.arn, data_key.key_arn))
    return Seal(queue.arn, queue.key, data_key.plaintext, kept, cloud.entropy.bytes)


def close(seal: Seal, message: Message) -> Message:
    nonce = seal.nonce(_NONCE_BYTES)
    inside = msgspec.msgpack.encode(_Inside(message.body, message.attributes))
    body = nonce + AESGCM(seal.plaintext).encrypt(nonce, inside, _SEALED_AS)
    return replace(message, body=body, attributes=b"", data_key=seal.kept)


async def opened(call: Call, queue: Queue, taken: list[Taken]) -> list[Taken]:
    """Messages as they were sent. Raises: KmsAccessDenied and its like."""
    by = caller_through(call, "sqs")
    found: list[Taken] = []
    for one in taken:
        message = one.message
        if message.data_key:
            plaintext = await _decrypted(call.cloud, queue, message.data_key, by)
            nonce, body = message.body[:_NONCE_BYTES], message.body[_NONCE_BYTES:]
            packed = AESGCM(plaintext).decrypt(nonce, body, _SEALED_AS)
            inside = msgspec.msgpack.decode(packed, type=_Inside)
            message = replace(message, body=inside.body, attributes=inside.attributes)
        found.append(one._replace(message=message))
    return found


async def _decrypted(cloud: Cloud, queue: Queue, kept: bytes, by: KeyUser) -> bytes:
    stated = msgspec.msgpack.decode(kept, type=_Kept)

    async def ask() -> DataKey:
        found = await cloud.ask(Keys).decrypt(
            stated.ciphertext, {_CONTEXT: stated.arn}, by=by, key=stated.key
        )
        return DataKey(found.plaintext, stated.ciphertext, found.key_arn)

    name = ("receive", _asker(by), queue.arn, stated.ciphertext.hex())
    return (await _get(cloud, queue, name, ask)).plaintext


class _DataKeys:
    """Data keys in memory, by how many seconds they may be used."""

    def __init__(self, cloud: Cloud) -> None:
        self._clock = cloud.clock
        self._by_period: dict[int, KeptDataKeys[DataKey]] = {}

    def of(self, period_s: int) -> KeptDataKeys[DataKey]:
        found = self._by_period.get(period_s)
        if found is None:
            if len(self._by_period) >= _PERIODS_MAX:
                self._by_period.clear()
            found = KeptDataKeys[DataKey](self._clock, for_ms=period_s * 1000)
            self._by_period[period_s] = found
        return found


_data_keys: WeakKeyDictionary[Cloud, _DataKeys] = WeakKeyDictionary()


def _data_keys_of(cloud: Cloud) -> _DataKeys:
    found = _data_keys.get(cloud)
    if found is None:
        found = _data_keys[cloud] = _DataKeys(cloud)
    return found


async def _get(
    cloud: Cloud, queue: Queue, name: tuple[str, ...], ask: Callable[[], Awaitable[DataKey]]
) -> DataKey:
    """Raises: KmsAccessDenied and its like."""
    try:
        return await _data_keys_of(cloud).of(queue.key_reuse_s).get(name, ask)
    except KeyNotUsable as wrong:
        raise told(wrong) from wrong


def _asker(by: KeyUser) -> str:
    if by.call is None:
        return f"{by.service} {by.source_arn}"
    return f"{by.call.principal.arn} {by.call.principal.id} {by.call.principal.access_key_id}"


_ERRORS: dict[str, type[AwsError]] = {
    "AccessDeniedException": errors.KmsAccessDenied,
    "DisabledException": errors.KmsDisabled,
    "InvalidKeyUsageException": errors.KmsInvalidKeyUsage,
    "KMSInvalidStateException": errors.KmsInvalidState,
    "NotFoundException": errors.KmsNotFound,
}


def told(wrong: KeyNotUsable) -> AwsError:
    """In SQS's words."""
    return _ERRORS.get(wrong.code, errors.KmsInvalidState)(reason=wrong.reason)
