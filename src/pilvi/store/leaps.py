"""Walking over keys by their beginnings (`Snapshot.leap`), for views that have nothing faster than `scan`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol


class _Scanned(Protocol):
    def scan(
        self, start: bytes, end: bytes, *, limit: int | None = None, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]: ...


def leap(
    view: _Scanned, start: bytes, end: bytes, *, at: int, by: bytes, limit: int
) -> Iterator[tuple[bytes, bytes | None]]:
    while limit > 0 and start < end:
        for key, value in view.scan(start, end, limit=limit):
            limit -= 1
            zero = key.find(b"\x00", at)
            cut = key.find(by, at, len(key) if zero < 0 else zero + 1)
            if cut >= 0:
                beginning = key[: cut + len(by)]
                yield beginning, None
                start = beginning + b"\xff"
                break
            yield key, value
        else:
            return
