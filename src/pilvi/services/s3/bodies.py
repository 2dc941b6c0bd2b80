"""Bodies on their way in and out: taking one in while hashing it, handing out a range of what is stored."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pilvi.base.http import Body
from pilvi.kit.call import Call
from pilvi.protocol.checksums import Hasher, base64_digest, hasher
from pilvi.services.s3 import errors
from pilvi.services.s3.records import objects
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.objects import Object, Piece
from pilvi.services.s3.rules import checksums
from pilvi.services.s3.rules.checksums import Claim
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.blob_rows import BlobGone, BlobRef
from pilvi.store.blobs import BlobTooLarge, NewBlob

T = TypeVar("T")

_TRIES = 5


@dataclass(frozen=True, slots=True)
class Digests:
    """`checksum`: base64, of `algorithm`."""

    md5: bytes
    algorithm: str
    checksum: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A body that is durable, but named by nobody yet: commit its blob or abandon it."""

    blob: NewBlob
    digests: Digests


@dataclass(frozen=True, slots=True)
class Promises:
    """What a request says of its body."""

    md5: bytes | None
    claim: Claim | None

    @classmethod
    def of(cls, call: Call, req: Mapping[str, Any]) -> Promises:
        """Raises: InvalidDigest, InvalidRequest, NotBuilt."""
        headers = call.request.headers if call.request is not None else {}
        return cls(
            md5=checksums.md5_claimed(req.get("ContentMD5")),
            claim=checksums.claimed(req, headers.get("x-amz-trailer", "")),
        )


def is_on_its_way(call: Call) -> bool:
    """Whether a body is still to come; small ones came with their request."""
    return call.request is None or call.request.stream is not None


async def take(
    call: Call, body: Body, *, size_max: int, algorithm: str, promises: Promises
) -> Taken:
    """Take a whole body in, and hold it to its promises.

    Raises: EntityTooLarge, BadDigest, InvalidRequest, StoreUnavailable; IncompleteBody and what else breaks a
    stream. Nothing is kept then.
    """
    _check_length(call, size_max)
    taken = await take_copy(call, body, size_max=size_max, algorithm=algorithm)
    try:
        _check_promises(promises, call.trailers, taken.digests)
    except BaseException:
        await call.cloud.blobs.abandon(taken.blob)
        raise
    return taken


async def take_copy(call: Call, body: Body, *, size_max: int, algorithm: str) -> Taken:
    """Take in bytes that nothing was promised of: those of another object. Raises: EntityTooLarge."""
    hashing = _Hashing(algorithm)
    try:
        blob = await call.cloud.blobs.write(body, size_max=size_max, hashers=hashing.hashers)
    except BlobTooLarge:
        raise errors.EntityTooLarge(size_max + 1, size_max) from None
    return Taken(blob, hashing.digests(blob.ref))


async def commit(call: Call, taken: Taken, body: Callable[[Transaction], T]) -> T:
    """Run the transaction that names a body; without it the body goes."""
    try:
        return await call.transact(body)
    except BaseException:
        await call.cloud.blobs.abandon(taken.blob)
        raise


def _check_length(call: Call, size_max: int) -> None:
    """Refuse what is announced as too large before a byte of it is read."""
    headers = call.request.headers if call.request is not None else {}
    announced = headers.get("x-amz-decoded-content-length") or headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced) > size_max:
        raise errors.EntityTooLarge(int(announced), size_max)


def _check_promises(promises: Promises, trailers: Mapping[str, str], digests: Digests) -> None:
    checksums.check_md5(promises.md5, digests.md5)
    if promises.claim is not None:
        checksums.check_claim(promises.claim, trailers, digests.checksum)


class _Hashing:
    """MD5 always, for the entity tag; CRC64NVME comes with the blob; any other algorithm beside them."""

    def __init__(self, algorithm: str) -> None:
        self._algorithm = algorithm
        self._md5: Hasher = hasher("MD5")
        self._other = None if algorithm == checksums.DEFAULT else hasher(algorithm)
        self.hashers = (self._md5,) if self._other is None else (self._md5, self._other)

    def digests(self, ref: BlobRef) -> Digests:
        value = crc64nvme(ref) if self._other is None else base64_digest(self._other)
        return Digests(self._md5.digest(), self._algorithm, value)


def crc64nvme(ref: BlobRef) -> str:
    return base64.b64encode(ref.crc64nvme.to_bytes(8)).decode()


# --- out


def contents(
    call: Call, at: Snapshot, bucket: Bucket, stored: Object, start: int, end: int
) -> bytes | Body:
    """Bytes start..end-1 of an object: at once when they are in the store, else a stream of verified pieces.

    Raises: BlobGone (another process has deleted it since; read again).
    """
    blobs = call.cloud.blobs
    ref = stored.blob
    if ref is not None and ref.inline:
        data = blobs.read_inline(at, ref)
        return data if end - start == len(data) else data[start:end]
    if start == end:
        return b""
    pieces = objects.get_pieces(at, bucket, stored)
    refs, offset = _touched(pieces, start, end)
    return aiter(blobs.open(at, refs, start - offset, end - offset))


def _touched(pieces: Sequence[Piece], start: int, end: int) -> tuple[list[BlobRef], int]:
    """The blobs that a range lies in, and where the first of them begins."""
    refs: list[BlobRef] = []
    offset = position = 0
    for piece in pieces:
        behind = position + piece.blob.size
        if behind <= start:
            offset = behind
        elif position < end:
            refs.append(piece.blob)
        position = behind
    return refs, offset


async def opened(call: Call, look: Callable[[Snapshot], T]) -> T:
    """Read until what a snapshot names is still there: another process may delete it in between."""
    for _ in range(_TRIES - 1):
        try:
            return await call.view(look)
        except BlobGone:
            continue
    return await call.view(look)


async def digests_of(body: bytes | Body, algorithm: str) -> Digests:
    """The digests of something stored: reads all of it, a piece at a time."""
    hashing = [hasher("MD5"), hasher(algorithm)]
    if isinstance(body, bytes):
        for one in hashing:
            one.update(body)
    else:
        async for piece in body:
            await asyncio.to_thread(_update, hashing, piece)
    return Digests(hashing[0].digest(), algorithm, base64_digest(hashing[1]))


def _update(hashing: Sequence[Hasher], piece: bytes) -> None:
    for one in hashing:
        one.update(piece)


async def pieces_of(body: bytes | Body) -> Body:
    """One shape for both."""
    if isinstance(body, bytes):
        if body:
            yield body
        return
    async for piece in body:
        yield piece
