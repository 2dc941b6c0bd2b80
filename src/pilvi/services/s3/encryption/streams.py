"""Bodies on their way through encryption: hashed in clear and sealed going in, opened coming out.

Up to a segment is dealt with at once. More is hashed and sealed in threads, a mebibyte at a time, so that nothing waits
for it; and opened in small pieces.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pilvi.base.http import Body
from pilvi.protocol.checksums import Hasher
from pilvi.services.s3.encryption import segments
from pilvi.services.s3.encryption.segments import SEGMENT_BYTES, Segments
from pilvi.services.s3.records.encryption import Sealed
from pilvi.store.blob_rows import BlobCorrupt, BlobRef
from pilvi.store.blob_stream import BlobStream
from pilvi.store.blobs import BlobTooLarge

_BATCH_SEGMENTS = 16
_BATCH_BYTES = _BATCH_SEGMENTS * SEGMENT_BYTES
_OPENED_SEGMENTS = 4
"""What is opened at once on the way out, on the loop: it takes less than a step to a thread and back, and a client that
does not read holds no more than this."""


class Sealing:
    """One body on its way in."""

    def __init__(self, key: bytes, blob_id: str, hashers: Sequence[Hasher], size_max: int) -> None:
        self.size = 0
        self._segments = Segments(key, blob_id)
        self._hashers = hashers
        self._number = 0
        self._size_max = size_max

    def whole(self, data: bytes) -> bytes:
        """What the blob will hold of a body of a segment at most. Raises: BlobTooLarge."""
        self.size = len(data)
        self._check_size()
        return self._seal(data, last=True)

    async def pieces(self, begun: bytes, body: Body) -> AsyncIterator[bytes]:
        """What the blob will hold: of `begun` and of the rest. Raises: BlobTooLarge, and what `body` raises."""
        buffer = bytearray(begun)
        self.size = len(begun)
        ahead: asyncio.Future[bytes] | None = None
        try:
            async for piece in body:
                self.size += len(piece)
                self._check_size()
                buffer += piece
                while len(buffer) > _BATCH_BYTES:  # what is left may be the last
                    batch = bytes(memoryview(buffer)[:_BATCH_BYTES])
                    del buffer[:_BATCH_BYTES]
                    if ahead is not None:
                        yield await ahead
                    ahead = self._in_thread(batch, last=False)
            if ahead is not None:
                yield await ahead
                ahead = None
            if len(buffer) > SEGMENT_BYTES:
                yield await self._in_thread(bytes(buffer), last=True)
            else:
                yield self._seal(bytes(buffer), last=True)
        finally:
            if ahead is not None:
                ahead.cancel()

    def _check_size(self) -> None:
        if self.size > self._size_max:
            raise BlobTooLarge(f"a body of more than {self._size_max} bytes")

    def _in_thread(self, data: bytes, *, last: bool) -> asyncio.Future[bytes]:
        """One after another: the next is begun when this one is done."""
        return asyncio.ensure_future(asyncio.to_thread(self._seal, data, last=last))

    def _seal(self, data: bytes, *, last: bool) -> bytes:
        for hasher in self._hashers:
            hasher.update(data)
        sealed = self._segments.seal(self._number, data, last=last)
        self._number += _BATCH_SEGMENTS
        return sealed


async def beginning(body: Body) -> tuple[bytes, bool]:
    """All of a body of a segment at most, and that it is all; else a little more than that. Raises: as `body`."""
    pieces: list[bytes] = []
    size = 0
    async for piece in body:
        pieces.append(piece)
        size += len(piece)
        if size > SEGMENT_BYTES:
            return b"".join(pieces), False
    return pieces[0] if len(pieces) == 1 else b"".join(pieces), True


@dataclass(frozen=True, slots=True)
class Extent:
    """Bytes low..high-1 of the body in one blob. `sealed`: None for one that is not encrypted."""

    blob: BlobRef
    sealed: Sealed | None
    low: int
    high: int

    @property
    def starts_at(self) -> int:
        """Where in the blob reading begins: with a segment."""
        if self.sealed is None:
            return self.low
        return segments.place(segments.touched(self.low, self.high)[0], self.sealed.size)

    @property
    def ends_at(self) -> int:
        if self.sealed is None:
            return self.high
        return segments.place(segments.touched(self.low, self.high)[1], self.sealed.size)


def open_whole(wrapping: AESGCM | None, ref: BlobRef, sealed: Sealed, data: bytes) -> bytes:
    """A small body at once. Raises: BlobCorrupt."""
    wrapping = _needed(wrapping, ref)
    _check_size(ref, sealed)
    key = segments.unwrap(wrapping, sealed.key, ref.id)
    return Segments(key, ref.id).open(0, data, last=True)


async def opened(
    wrapping: AESGCM | None, extents: Sequence[Extent], stream: BlobStream
) -> AsyncIterator[bytes]:
    """The bytes of the extents. `stream`: what their blobs hold from the first `starts_at` to the last `ends_at`.

    Raises: BlobCorrupt, StoreUnavailable; every byte is verified before it leaves.
    """
    pieces = aiter(stream)
    held = memoryview(b"")
    try:
        for extent in extents:
            left = extent.ends_at - extent.starts_at
            opening = None if extent.sealed is None else _Opening(wrapping, extent, extent.sealed)
            while left:
                batch = min(left, _OPENED_SEGMENTS * (SEGMENT_BYTES + segments.TAG_BYTES))
                data, held = held[:batch], held[batch:]
                while len(data) < batch:  # only what lies across two pieces is copied
                    wanted = batch - len(data)
                    piece = memoryview(await anext(pieces))
                    data = memoryview(bytes(data) + piece[:wanted]) if data else piece[:wanted]
                    held = piece[wanted:]
                left -= batch
                yield bytes(data) if opening is None else opening.open(data)
    finally:
        stream.close()


class _Opening:
    """One blob on its way out."""

    def __init__(self, wrapping: AESGCM | None, extent: Extent, sealed: Sealed) -> None:
        _check_size(extent.blob, sealed)
        key = segments.unwrap(_needed(wrapping, extent.blob), sealed.key, extent.blob.id)
        self._segments = Segments(key, extent.blob.id)
        self._extent = extent
        self._number = segments.touched(extent.low, extent.high)[0]
        self._count = segments.count(sealed.size)

    def open(self, data: memoryview) -> bytes:
        """The next segments, without what is not asked for of them."""
        number = self._number
        self._number += segments.held(len(data))
        clear = self._segments.open(number, data, last=self._number == self._count)
        offset = number * SEGMENT_BYTES
        low, high = self._extent.low - offset, self._extent.high - offset
        if low <= 0 and high >= len(clear):
            return clear
        return clear[max(low, 0) : high]


def _needed(wrapping: AESGCM | None, ref: BlobRef) -> AESGCM:
    if wrapping is None:
        raise BlobCorrupt(f"the bucket has no key for blob {ref.id}")
    return wrapping


def _check_size(ref: BlobRef, sealed: Sealed) -> None:
    if ref.size != segments.sealed_size(sealed.size):
        raise BlobCorrupt(f"blob {ref.id} is not as long as its record says")
