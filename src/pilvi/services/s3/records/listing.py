"""Walking keys in order, a page at a time, with prefix and delimiter.

With a delimiter the walk jumps: once a common prefix is told, it goes on behind the last key that begins so.
So a page costs as many reads as it has answers, however many keys lie below each prefix; the store does most of the
jumping itself (`Snapshot.leap`), and gives a beginning of keys where rows would be given.
AWS: S3 User Guide, "Organizing objects using prefixes".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from pilvi.store.api import Snapshot
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
class Jump:
    """Rows that have `by` behind the first `behind` bytes of their text count as one, a common prefix. Both packed."""

    behind: int
    by: bytes


@dataclass(frozen=True, slots=True)
class Ordered(Generic[T]):
    """Rows under store keys (*base, text, ...): `scan(start, end, limit, jump)` reads them, and may give common
    prefixes where a jump is asked for; `text` tells a row's key."""

    base: Key
    scan: Callable[[bytes, bytes, int, Jump | None], Iterator[T | str]]
    text: Callable[[T], str]

    def rows(self, start: bytes, end: bytes, limit: int) -> Iterator[T]:
        """As `scan` without a jump: nothing but rows."""
        for row in self.scan(start, end, limit, None):
            assert not isinstance(row, str), row
            yield row

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
    if not delimiter and size > 0:
        found = list(ordered.scan(start, end, size + 1, None))
        rows = [row for row in found[:size] if not isinstance(row, str)]
        return Page(rows, [], truncated=len(found) > size, last=rows[-1] if rows else None)
    rows: list[T] = []
    prefixes: list[str] = []
    last: T | str | None = None
    jump = Jump(len(packed(prefix)), packed(delimiter)) if delimiter else None
    while size > 0:
        for row in ordered.scan(start, end, size - len(rows) - len(prefixes) + 1, jump):
            if len(rows) + len(prefixes) == size:
                return Page(rows, prefixes, truncated=True, last=last)
            if isinstance(row, str):
                prefixes.append(row)
                last = row
                continue
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


def packed(text: str) -> bytes:
    """The bytes of a text inside a key, without what goes around it."""
    return pack((text,))[1:-1]


def unpacked(beginning: bytes, base: int) -> str:
    """The text that a key begins with behind `base` bytes, of which `Snapshot.leap` gave the beginning."""
    return beginning[base + 1 :].replace(b"\x00\xff", b"\x00").decode("utf-8", "surrogatepass")


def leap(
    at: Snapshot, start: bytes, end: bytes, limit: int, base: int, jump: Jump | None
) -> Iterator[tuple[bytes, bytes | None]]:
    """Rows, or with a jump their beginnings. `base`: bytes of the key in front of the text."""
    if jump is None:
        return at.scan(start, end, limit=limit)
    return at.leap(start, end, at=base + 1 + jump.behind, by=jump.by, limit=limit)
