"""Bytes on their way to characters: decompressed, cut to a range of records, decoded."""

from __future__ import annotations

import bz2
import codecs
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from pilvi.languages.select_sql.formats.limits import PIECE_BYTES_MAX
from pilvi.languages.select_sql.problems import SelectProblem


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def rest(self) -> bytes: ...

    def take(self, data: bytes) -> bytes:
        """At most a piece; what it leaves over is asked for with b""."""
        ...

    @property
    def hungry(self) -> bool: ...


class _Gzip:
    def __init__(self) -> None:
        self._state = zlib.decompressobj(31)
        self._full = False  # then there may be more, though all was taken in

    @property
    def eof(self) -> bool:
        return self._state.eof

    @property
    def rest(self) -> bytes:
        return self._state.unused_data

    @property
    def hungry(self) -> bool:
        return not (self._state.unconsumed_tail or self._full)

    def take(self, data: bytes) -> bytes:
        found = self._state.decompress(self._state.unconsumed_tail + data, PIECE_BYTES_MAX)
        self._full = len(found) == PIECE_BYTES_MAX
        return found


class _Bzip2:
    def __init__(self) -> None:
        self._state = bz2.BZ2Decompressor()

    @property
    def eof(self) -> bool:
        return self._state.eof

    @property
    def rest(self) -> bytes:
        return self._state.unused_data

    @property
    def hungry(self) -> bool:
        return self._state.needs_input

    def take(self, data: bytes) -> bytes:
        return self._state.decompress(data, PIECE_BYTES_MAX)


_KINDS: dict[str, Callable[[], _Decompressor]] = {"GZIP": _Gzip, "BZIP2": _Bzip2}


def decompressed(pieces: Iterable[bytes], kind: str) -> Iterator[bytes]:
    """`kind`: NONE, GZIP or BZIP2, whose files may be several behind each other. Raises: SelectProblem."""
    if kind == "NONE":
        yield from pieces
        return
    make = _KINDS[kind]
    state: _Decompressor | None = None
    begun = False
    try:
        for piece in pieces:
            data = piece
            while data or (state is not None and not state.hungry and not state.eof):
                if state is None:
                    if begun and not data.strip(b"\0"):
                        break  # what pads the end
                    state = make()
                found = state.take(data)
                data = b""
                begun = True
                if found:
                    yield found
                if state.eof:
                    data, state = state.rest, None
    except (zlib.error, OSError):
        raise SelectProblem("InvalidCompressionFormat", format=kind) from None
    if state is not None:
        raise SelectProblem("TruncatedInput")


def within(
    pieces: Iterable[bytes], at: int, start: int, last: int, delimiter: bytes
) -> Iterator[bytes]:
    """The records whose first byte is one of start..last. `at`: where in the object the pieces begin, which is with
    the start, or before it by the length of a delimiter."""
    waiting = b""
    begun = start == 0
    ends_from = last + 1 - len(delimiter)
    for piece in pieces:
        waiting += piece
        if not begun:
            found = waiting.find(delimiter, max(start - len(delimiter) - at, 0))
            if found < 0:
                keep = len(delimiter) - 1
                at += max(len(waiting) - keep, 0)
                waiting = waiting[max(len(waiting) - keep, 0) :]
                continue
            found += len(delimiter)
            at, waiting, begun = at + found, waiting[found:], True
            if at > last:
                return
        found = waiting.find(delimiter, max(ends_from - at, 0))
        if found >= 0:
            yield waiting[: found + len(delimiter)]
            return
        keep = min(len(delimiter) - 1, len(waiting))
        if len(waiting) > keep:
            yield waiting[: len(waiting) - keep]
            at += len(waiting) - keep
            waiting = waiting[len(waiting) - keep :]
    if begun and waiting:
        yield waiting


def decoded(pieces: Iterable[bytes], *, starts: bool = True) -> Iterator[str]:
    """UTF-8. `starts`: the pieces begin with the object, so that a byte order mark may be there.

    Raises: SelectProblem.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    done = 0
    first = starts
    for piece in _and_then(pieces, b""):
        try:
            text = decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            raise SelectProblem("InvalidTextEncoding", offset=f"{done + error.start:,}") from None
        done += len(piece)
        if first and text:
            first = False
            text = text.removeprefix("\ufeff")
        if text:
            yield text


def _and_then(pieces: Iterable[bytes], last: bytes) -> Iterator[bytes]:
    for piece in pieces:
        if piece:
            yield piece
    yield last
