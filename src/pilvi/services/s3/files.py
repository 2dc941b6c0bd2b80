"""Files that S3 itself writes into buckets, made while they are written: gzip, size and MD5 of what went out."""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from collections.abc import AsyncIterator


class Outgoing:
    """What has gone out so far. `size` and `md5` hold once the stream has ended."""

    def __init__(self) -> None:
        self._digest = hashlib.md5(usedforsecurity=False)
        self.size = 0

    @property
    def md5(self) -> str:
        return self._digest.hexdigest()

    async def plain(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for piece in pieces:
            self._note(piece)
            yield piece

    async def gzipped(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The same bytes from the same pieces: no date, no name."""
        packer = zlib.compressobj(6, wbits=31)
        async for piece in pieces:
            packed = await asyncio.to_thread(packer.compress, piece)
            if packed:
                self._note(packed)
                yield packed
        packed = packer.flush()
        self._note(packed)
        yield packed

    def _note(self, piece: bytes) -> None:
        self._digest.update(piece)
        self.size += len(piece)


async def one_piece(body: bytes) -> AsyncIterator[bytes]:
    yield body
