"""From the pieces of an object to the lines of its text: decompressed, cut, and bounded on the way."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Protocol

import zstandard

from pilvi.services.dynamodb.transfers import limits

_OUTPUT_MAX = 1024 * 1024
_SLICE = 512
"""So few bytes of zstd can say at most 16 MiB: a block of 128 KiB takes four."""
_WINDOW_MAX = 128 * 1024 * 1024


class BadText(Exception):
    """The object is not compressed as it should be, or is cut off. What was read of it before counts."""


class _Opener(Protocol):
    def feed(self, piece: bytes) -> Iterator[bytes]: ...

    def end(self) -> None: ...


class _Plain:
    def feed(self, piece: bytes) -> Iterator[bytes]:
        yield piece

    def end(self) -> None: ...


class _Gzip:
    """Files may have several members."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)
        self._fresh = True

    def feed(self, piece: bytes) -> Iterator[bytes]:
        while piece:
            if self._member.eof:
                self._member = zlib.decompressobj(wbits=31)
                self._fresh = True
            self._fresh = False
            yield self._member.decompress(piece, _OUTPUT_MAX)
            piece = self._member.unused_data or self._member.unconsumed_tail

    def end(self) -> None:
        if not self._member.eof and not self._fresh:
            raise BadText("The object ends within its compressed data")


class _Zstandard:
    """Files may have several frames."""

    def __init__(self) -> None:
        self._frame = self._next()
        self._fresh = True

    @staticmethod
    def _next() -> zstandard.ZstdDecompressionObj:
        return zstandard.ZstdDecompressor(max_window_size=_WINDOW_MAX).decompressobj()

    def feed(self, piece: bytes) -> Iterator[bytes]:
        for start in range(0, len(piece), _SLICE):
            rest = piece[start : start + _SLICE]
            while rest:
                if self._frame.eof:
                    self._frame = self._next()
                self._fresh = False
                yield self._frame.decompress(rest)
                rest = self._frame.unused_data if self._frame.eof else b""

    def end(self) -> None:
        if not self._frame.eof and not self._fresh:
            raise BadText("The object ends within its compressed data")


_OPENERS: dict[str, type[_Opener]] = {"NONE": _Plain, "GZIP": _Gzip, "ZSTD": _Zstandard}


async def opened(pieces: AsyncIterator[bytes], compression: str) -> AsyncIterator[bytes]:
    """The text, in pieces of at most some megabytes. Raises: BadText."""
    opener = _OPENERS[compression]()
    try:
        async for piece in pieces:
            for text in opener.feed(piece):
                yield text
    except (zlib.error, zstandard.ZstdError) as problem:
        raise BadText(f"The object is not compressed with {compression}: {problem}") from None
    opener.end()


async def passed_over(pieces: AsyncIterator[bytes], count: int) -> AsyncIterator[bytes]:
    """Without the first `count` bytes."""
    left = count
    async for piece in pieces:
        if left >= len(piece):
            left -= len(piece)
            continue
        yield piece[left:] if left else piece
        left = 0


async def lines(
    pieces: AsyncIterator[bytes], *, quoted: bool
) -> AsyncIterator[tuple[bytes | None, int]]:
    """Each line without its end, and how many bytes it takes with it; None for a line that is too long.

    `quoted`: whether a line goes on behind its end within double quotes, as those of CSV do.
    """
    rest: list[bytes] = []
    size = quotes = 0
    dropped = False
    async for piece in pieces:
        start = 0
        while (found := piece.find(b"\n", start)) >= 0:
            end = found + 1
            part = piece[start:end]
            start = end
            size += len(part)
            if quoted:
                quotes += part.count(b'"')
            dropped = dropped or size > limits.LINE_BYTES_MAX
            rest = [] if dropped else [*rest, part]
            if quotes % 2 and not dropped:
                continue
            yield (None if dropped else _line(rest)), size
            rest, size, quotes, dropped = [], 0, 0, False
        part = piece[start:]
        if part:
            size += len(part)
            if quoted:
                quotes += part.count(b'"')
            dropped = dropped or size > limits.LINE_BYTES_MAX
            rest = [] if dropped else [*rest, part]
    if size:
        yield (None if dropped else _line(rest)), size


def _line(parts: list[bytes]) -> bytes:
    return b"".join(parts).rstrip(b"\r\n")
