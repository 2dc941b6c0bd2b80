"""A table as of an instant, and what changed between two, in bounded pages.

Both go through the table in the order of its items. A page is a place in that order to go on behind, so that jobs can
read page after page in transactions of their own, while the table is written; the instant must be held meanwhile
(`keeping.hold`).
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from pilvi.services.dynamodb.changelog import MARK_BYTES, Instant, Log, instant_of_mark
from pilvi.services.dynamodb.records import TableRecord
from pilvi.services.dynamodb.tables import Table, item_of
from pilvi.services.dynamodb.values import Item
from pilvi.store.api import Snapshot
from pilvi.store.keys import after, unpack

PAGE_ITEMS = 500
PAGE_BYTES = 1024 * 1024
_STEPS_PER_ITEM = 4
"""Places looked at for each item that a page may have: some had an item once, or have one only since."""


class Page(NamedTuple):
    """`items`: places and stored forms. `next`: the place to go on behind; None at the end of the table."""

    items: list[tuple[bytes, bytes]]
    next: bytes | None


class Change(NamedTuple):
    """What became of one item between two instants. `key`: its key attributes. `old`, `new`: stored forms as of the
    one and the other instant, None where there was no item; both None for one that came and went. `changed_at_ms`: the
    last change in between."""

    place: bytes
    key: Item
    old: bytes | None
    new: bytes | None
    changed_at_ms: int


class ChangePage(NamedTuple):
    changes: list[Change]
    next: bytes | None


def page_as_of(
    at: Snapshot,
    table: TableRecord,
    instant: Instant,
    *,
    start_after: bytes | None = None,
    limit: int = PAGE_ITEMS,
    bytes_max: int = PAGE_BYTES,
) -> Page:
    """The next items of the table as of an instant: at most `limit`, and no more of them once they have `bytes_max`.

    A page may have none, and the table yet more.
    """
    found: list[tuple[bytes, bytes]] = []
    size = 0
    walk = _undone(at, table, instant, start_after)
    for steps, (place, done, stored) in enumerate(_steps(walk, start_after)):
        if len(found) == limit or size >= bytes_max or steps >= limit * _STEPS_PER_ITEM:
            return Page(found, done)
        if stored:
            found.append((place, stored))
            size += len(stored)
    return Page(found, None)


def changes_between(
    at: Snapshot,
    table: TableRecord,
    since: Instant,
    until: Instant,
    *,
    start_after: bytes | None = None,
    limit: int = PAGE_ITEMS,
    bytes_max: int = PAGE_BYTES,
) -> ChangePage:
    """The next items that were written behind `since` and not behind `until`, each once: at most `limit`, and no more
    of them once they have `bytes_max`. A page may have none, and the table yet more."""
    log = Log(table)
    compiled = Table(table)
    days = days_of(at, log, since.day)
    first = [day for day in days if day <= until.day]
    later = [day for day in days if day >= until.day]
    changes: list[Change] = []
    size = 0
    walk = merge(*(_firsts(at, log.day(day), since, start_after) for day in first), key=_place_of)
    for steps, (place, done, old) in enumerate(_steps(walk, start_after)):
        if len(changes) == limit or size >= bytes_max or steps >= limit * _STEPS_PER_ITEM:
            return ChangePage(changes, done)
        if old is None:
            continue
        latest = _last_change(at, log, first, place, until)
        if latest is None or latest[0] <= since:
            continue
        new = _item_as_of(at, compiled, log, later, place, until)
        shown = item_of(new or old or latest[1])
        key = {name: shown[name] for name in compiled.key_names}
        changes.append(Change(place, key, old or None, new or None, latest[0].at_ms))
        size += len(old) + len(new)
    return ChangePage(changes, None)


_Found = tuple[bytes, bytes | None]
"""A place and what was there: empty for nothing, None where that is not told here."""

_place_of = itemgetter(0)


def _steps(
    walk: Iterator[_Found], start_after: bytes | None
) -> Iterator[tuple[bytes, bytes | None, bytes | None]]:
    """Each place of a walk in order, the one before it, and the first that is told of it."""
    done = start_after
    for place, told in groupby(walk, key=_place_of):
        yield place, done, next((one for _, one in told if one is not None), None)
        done = place


def _undone(
    at: Snapshot, table: TableRecord, instant: Instant, start_after: bytes | None
) -> Iterator[_Found]:
    """Places as of an instant, with what entries tell of them before what is there now."""
    log = Log(table)
    compiled = Table(table)
    then = (
        _firsts(at, log.day(day), instant, start_after) for day in days_of(at, log, instant.day)
    )
    return merge(*then, _present(at, compiled, start_after), key=_place_of)


def _present(at: Snapshot, table: Table, start_after: bytes | None) -> Iterator[_Found]:
    begin = table.items if start_after is None else after(table.items + start_after)
    for key, stored in at.scan(begin, after(table.items)):
        yield key[table.item_key_at :], stored


def days_of(at: Snapshot, log: Log, since: int) -> list[int]:
    """The days from `since` on that have entries."""
    days: list[int] = []
    begin = log.day(since)
    while (key := _first_key(at, begin, after(log.entries))) is not None:
        day = unpack(key[:-MARK_BYTES])[len(unpack(log.entries))]
        assert isinstance(day, int), key
        days.append(day)
        begin = after(log.day(day))
    return days


def _firsts(
    at: Snapshot, day: bytes, instant: Instant, start_after: bytes | None
) -> Iterator[_Found]:
    """The places of a day's entries, with what was there before the first change behind the instant."""
    mark, end = instant.mark, after(day)
    begin = day if start_after is None else after(day + start_after)
    while (found := _first(at, begin, end)) is not None:
        key, before = found
        place = key[len(day) : -MARK_BYTES]
        if key[-MARK_BYTES:] <= mark:
            behind = _first(at, after(day + place + mark), after(day + place))
            before = None if behind is None else behind[1]
        yield place, before
        begin = after(day + place)


def _last_change(
    at: Snapshot, log: Log, days: list[int], place: bytes, until: Instant
) -> tuple[Instant, bytes] | None:
    """The last change of an item up to an instant, and what was there before it."""
    for day in reversed(days):
        base = log.day(day) + place
        for key, before in at.scan(base, after(base + until.mark), limit=1, reverse=True):
            return instant_of_mark(key[-MARK_BYTES:]), before
    return None


def _item_as_of(
    at: Snapshot, table: Table, log: Log, days: list[int], place: bytes, instant: Instant
) -> bytes:
    """Empty for nothing. `days`: those from the instant's on."""
    for day in days:
        base = log.day(day) + place
        found = _first(at, after(base + instant.mark), after(base))
        if found is not None:
            return found[1]
    return at.get(table.items + place) or b""


def _first(at: Snapshot, start: bytes, end: bytes) -> tuple[bytes, bytes] | None:
    return next(iter(at.scan(start, end, limit=1)), None)


def _first_key(at: Snapshot, start: bytes, end: bytes) -> bytes | None:
    found = _first(at, start, end)
    return None if found is None else found[0]
