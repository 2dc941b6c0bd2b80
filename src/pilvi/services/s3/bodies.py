"""Bodies on their way in and out: taking one in while hashing and encrypting it, handing out a range of what is stored.

Everything that is taken in is encrypted, whatever else is asked for: with a key of its own, which is wrapped when the
transaction names the body (`encryption/`). Digests are of the body in clear.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pilvi.base.http import Body
from pilvi.kit.call import Call
from pilvi.protocol.checksums import Hasher, base64_digest, hasher
from pilvi.services.s3 import errors
from pilvi.services.s3.encryption import segments, streams
from pilvi.services.s3.encryption.keys import Envelope, Unlocked
from pilvi.services.s3.encryption.streams import Extent, Sealing
from pilvi.services.s3.records import objects
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.encryption import Sealed
from pilvi.services.s3.records.objects import Object, Piece
from pilvi.services.s3.rules import checksums
from pilvi.services.s3.rules.checksums import Claim
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.blob_rows import BlobRef
from pilvi.store.blobs import Blobs, BlobTooLarge, NewBlob

T = TypeVar("T")


class Digests(NamedTuple):
    """`checksum`: base64, of `algorithm`."""

    md5: bytes
    algorithm: str
    checksum: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A body that is durable, but named by nobody yet: commit it or abandon its blob. `key`: the blob's own."""

    blob: NewBlob
    digests: Digests
    size: int
    crc64nvme: int
    key: bytes = field(repr=False)

    def commit(
        self, call: Call, tx: Transaction, bucket: Bucket, envelope: Envelope
    ) -> tuple[BlobRef, Sealed]:
        """For the record that names it. Raises: SecretsUnavailable."""
        ref = self.blob.commit(tx)
        wrapping = envelope.wrapping(call.cloud, tx, bucket)
        wrapped = segments.wrap(wrapping, self.key, ref.id, call.entropy)
        return ref, Sealed(wrapped, self.size, self.crc64nvme)


class Promises(NamedTuple):
    """What a request says of its body; `of_part`: AWS words a wrong digest otherwise then."""

    md5: bytes | None
    claim: Claim | None
    of_part: bool = False

    @property
    def any(self) -> bool:
        return self.md5 is not None or self.claim is not None

    @classmethod
    def of(cls, call: Call, req: Mapping[str, Any]) -> Promises:
        """Raises: InvalidDigest, InvalidRequest, NotBuilt."""
        headers = call.request.headers if call.request is not None else {}
        return cls(
            md5=checksums.md5_claimed(req.get("ContentMD5")),
            claim=checksums.claimed(req, headers.get("x-amz-trailer", "")),
            of_part=call.operation == "UploadPart",
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
    blobs = call.cloud.blobs
    key = call.entropy.bytes(segments.KEY_BYTES)
    begun, complete = await streams.beginning(body)
    blob_id = blobs.new_inline_id() if complete else blobs.new_id()
    sealing = Sealing(key, blob_id, hashing.hashers, size_max)
    try:
        if complete:
            blob = blobs.keep(sealing.whole(begun), blob_id=blob_id)
        else:
            blob = await blobs.write(
                sealing.pieces(begun, body),
                size_max=segments.sealed_size(size_max),
                blob_id=blob_id,
            )
    except BlobTooLarge:
        raise errors.EntityTooLarge(size_max + 1, size_max) from None
    return Taken(blob, hashing.digests(), sealing.size, hashing.crc64nvme, key)


async def commit(call: Call, taken: Taken, body: Callable[[Transaction], T]) -> T:
    """Run the transaction that names a body; without it the body goes."""
    try:
        return await call.transact(body)
    except BaseException:
        await call.cloud.blobs.abandon(taken.blob)
        raise


def _check_length(call: Call, size_max: int) -> None:
    """Refuse what is announced as too large before a byte of it is read, and what announces nothing."""
    headers = call.request.headers if call.request is not None else {}
    announced = headers.get("x-amz-decoded-content-length") or headers.get("content-length", "")
    if not announced and call.request is not None and call.request.method == "PUT":
        if "transfer-encoding" not in headers:
            raise errors.MissingContentLength()
    elif announced.isascii() and announced.isdigit() and int(announced) > size_max:
        raise errors.EntityTooLarge(int(announced), size_max)


def _check_promises(promises: Promises, trailers: Mapping[str, str], digests: Digests) -> None:
    checksums.check_md5(promises.md5, digests.md5, of_part=promises.of_part)
    if promises.claim is not None:
        checksums.check_claim(promises.claim, trailers, digests.checksum)


class _Hashing:
    """MD5 for the entity tag, CRC64NVME for parts to be joined, and any other algorithm beside them."""

    def __init__(self, algorithm: str) -> None:
        self._algorithm = algorithm
        self._md5 = hasher("MD5")
        self._crc = hasher(checksums.DEFAULT)
        self._other = self._crc if algorithm == checksums.DEFAULT else hasher(algorithm)
        self.hashers = (self._md5, self._crc, self._other)[: 2 if self._other is self._crc else 3]

    @property
    def crc64nvme(self) -> int:
        return int.from_bytes(self._crc.digest())

    def digests(self) -> Digests:
        return Digests(self._md5.digest(), self._algorithm, base64_digest(self._other))


# --- out


def contents(
    call: Call,
    at: Snapshot,
    bucket: Bucket,
    stored: Object,
    start: int,
    end: int,
    unlocked: Unlocked,
) -> bytes | Body:
    """Bytes start..end-1 of an object: at once when they are in the store, else a stream of verified pieces.

    Raises: BlobGone (another process has deleted it since; read again), Locked, BlobCorrupt; InvalidRequest and
    AccessDenied of a customer's key.
    """
    key = unlocked.key(at, bucket, stored.encryption)
    return opened(call.cloud.blobs, at, bucket, stored, start, end, key)


def opened(
    blobs: Blobs,
    at: Snapshot,
    bucket: Bucket,
    stored: Object,
    start: int,
    end: int,
    key: AESGCM | None,
) -> bytes | Body:
    """As `contents`, for who has the key. Raises: BlobGone, BlobCorrupt."""
    ref, sealed = stored.blob, stored.sealed
    if ref is not None and ref.inline:
        data = blobs.read_inline(at, ref)
        if sealed is not None:
            data = streams.open_whole(key, ref, sealed, data)
        return data if end - start == len(data) else data[start:end]
    if start == end:
        return b""
    extents = touched(objects.get_pieces(at, bucket, stored), start, end)
    refs = [extent.blob for extent in extents]
    last = extents[-1]
    behind = sum(ref.size for ref in refs) - last.blob.size + last.ends_at
    stream = blobs.open(at, refs, extents[0].starts_at, behind)
    return streams.opened(key, extents, stream)


def touched(pieces: Sequence[Piece], start: int, end: int) -> list[Extent]:
    """What of each blob a range lies in."""
    extents: list[Extent] = []
    position = 0
    for piece in pieces:
        low, high = max(start - position, 0), min(end - position, piece.size)
        if low < high:
            extents.append(Extent(piece.blob, piece.sealed, low, high))
        position += piece.size
    return extents


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
