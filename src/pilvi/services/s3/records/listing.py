"""Walking keys in order, a page at a time, with prefix and delimiter.

With a delimiter the walk jumps: once a common prefix is told, it goes on behind the last key that begins so.
So a page costs as many reads as it has answers, however many keys lie below each prefix.
AWS: S3 User Guide, "Organizing objects using prefixes".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from pilvi.store.keys import Key, Part, after, pack, span

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """`last`: the row or prefix told last, whichever is later; None for an empty page."""

    rows: list[T]
    prefixes: list[str]
    truncated: bool
    last: T | str | None


@dataclass(frozen=True, slots=True)
class Ordered(Generic[T]):
    """Rows under store keys (*base, text, ...): `scan(start, end, limit)` reads them, `text` tells the key."""

    base: Key
    scan: Callable[[bytes, bytes, int], Iterator[T]]
    text: Callable[[T], str]

    def at(self, beginning: str) -> bytes:
        """Where texts that begin so start."""
        return pack((*self.base, beginning))[:-1]

    def behind(self, *key: Part) -> bytes:
        """The first place behind this key, and behind the rows that have more parts than it."""
        return after(pack((*self.base, *key)))

    def behind_all(self, beginning: str) -> bytes:
        """The first place behind all texts that begin so."""
        return after(self.at(beginning)) if beginning else span(self.base)[1]


def walk(
    ordered: Ordered[T],
    *,
    prefix: str,
    delimiter: str,
    marker: tuple[str, *tuple[Part, ...]] | tuple[()],
    size: int,
) -> Page[T]:
    """The next `size` rows and common prefixes behind `marker` (a key, or its beginning parts; empty: from
    the start). A common prefix that the marker lies in counts as told."""
    start, end = _start(ordered, prefix, delimiter, marker), ordered.behind_all(prefix)
    rows: list[T] = []
    prefixes: list[str] = []
    last: T | str | None = None
    while size > 0:
        for row in ordered.scan(start, end, size - len(rows) - len(prefixes) + 1):
            if len(rows) + len(prefixes) == size:
                return Page(rows, prefixes, truncated=True, last=last)
            common = common_prefix(ordered.text(row), prefix, delimiter)
            if common is not None:
                prefixes.append(common)
                last, start = common, ordered.behind_all(common)
                break
            rows.append(row)
            last = row
        else:
            break
    return Page(rows, prefixes, truncated=False, last=last)


def _start(
    ordered: Ordered[T],
    prefix: str,
    delimiter: str,
    marker: tuple[str, *tuple[Part, ...]] | tuple[()],
) -> bytes:
    start = ordered.at(prefix)
    if not marker:
        return start
    common = common_prefix(marker[0], prefix, delimiter)
    if common is not None and len(marker) == 1:
        return max(start, ordered.behind_all(common))
    return max(start, ordered.behind(*marker))


def common_prefix(text: str, prefix: str, delimiter: str) -> str | None:
    """What of a key comes up to the delimiter that follows the prefix; None for a key without one."""
    if not delimiter or not text.startswith(prefix):
        return None
    cut = text.find(delimiter, len(prefix))
    return None if cut < 0 else text[: cut + len(delimiter)]
