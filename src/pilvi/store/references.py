"""Whether every body has as many references as records name it, and whose it is. Memory stays flat.

One snapshot is walked once. Each naming adds the body's id, taken as a number, to the sum of the id's shelf;
each reference that is counted takes it off again. Ids are random, so a shelf whose sum is nought is in order.
Only the shelves that are not are walked again, id by id.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pilvi.contracts.bodies import BodyOwner
from pilvi.store import blob_rows
from pilvi.store.api import Survey
from pilvi.store.blob_rows import BlobRef
from pilvi.store.collection import REGISTRY, Collection
from pilvi.store.keys import unpack

SHELVES = 4096
SUSPECTS_MAX = 64
"""Shelves that are walked id by id; what is wrong beyond them, the next survey tells."""
OWNERS_MAX = 10
"""Records that are told of one damaged body."""
WRONG_MAX = 1000
_PAUSE_EVERY = 256

_RECORD = re.compile(rb"\x02([a-z0-9_]+\.[a-z0-9_-]+)\x00\x02r\x00")
"""Behind its home, the key of a record begins so."""


@dataclass(slots=True)
class References:
    """`wrong`: what is wrong with a body, by its id. `undecoded`: records that cannot be read."""

    records: int = 0
    wrong: dict[str, str] = field(default_factory=dict[str, str])
    undecoded: list[str] = field(default_factory=list[str])
    owners: dict[str, list[BodyOwner]] = field(default_factory=dict[str, list[BodyOwner]])


def survey(at: Survey, damaged: frozenset[str]) -> References:
    """Compare all references, and tell the owners of what is wrong and of `damaged`. Raises: SurveyTooLong."""
    found = References()
    sums = [0] * SHELVES
    for _, _, refs, _ in _records(at, found):
        for ref in refs:
            number = _number(ref.id)
            sums[number % SHELVES] += number
    for blob_id, count in _counted(at):
        number = _number(blob_id)
        sums[number % SHELVES] -= number * count
    suspects = frozenset([shelf for shelf, left in enumerate(sums) if left][:SUSPECTS_MAX])
    if suspects:
        _look_closer(at, suspects, found)
    if damaged or found.wrong:
        _find_owners(at, damaged | found.wrong.keys(), found)
    return found


def _number(blob_id: str) -> int:
    try:
        return int(blob_id, 16)
    except ValueError:
        return int.from_bytes(blob_id.encode())


def _counted(at: Survey) -> Iterator[tuple[str, int]]:
    """(id, references) of all rows and of all counts beyond the first."""
    for done, key in enumerate(at.keys(*blob_rows.ROWS)):
        if done % _PAUSE_EVERY == 0:
            at.pause()
        yield blob_rows.id_of(key), 1
    yield from blob_rows.scan_extra(at)


def _records(
    at: Survey, found: References | None = None, *, all: bool = False
) -> Iterator[tuple[bytes, Collection[Any], list[BlobRef], Any]]:
    """(home, collection, bodies, record) of records that name bodies; with `all` also of what they are within."""
    before, behind = blob_rows.EVERYTHING
    done = 0
    for start, end in ((b"", before), (behind, b"\xff")):
        for key, value in at.scan(start, end):
            done += 1
            if done % _PAUSE_EVERY == 0:
                at.pause()
            match = _RECORD.search(key)
            collection = REGISTRY.get(match[1].decode()) if match is not None else None
            if match is None or collection is None:
                continue
            if collection.blobs_of is None and not (all and collection.known_as is not None):
                continue
            if found is not None:
                found.records += 1
            try:
                record = collection.decode(value)
            except (msgspec.MsgspecError, AssertionError, IndexError, KeyError) as error:
                if found is not None and len(found.undecoded) < WRONG_MAX:
                    where = f"{collection.name} {unpack(key)!r}"
                    found.undecoded.append(f"{where} does not decode: {error}")
                continue
            refs = [] if collection.blobs_of is None else list(collection.blobs_of(record))
            yield key[: match.start()], collection, refs, record


def _look_closer(at: Survey, suspects: frozenset[int], found: References) -> None:
    named: Counter[str] = Counter()
    counted: Counter[str] = Counter()
    rows: set[str] = set()
    for _, _, refs, _ in _records(at):
        for ref in refs:
            if _number(ref.id) % SHELVES in suspects:
                named[ref.id] += 1
    for key in at.keys(*blob_rows.ROWS):
        blob_id = blob_rows.id_of(key)
        if _number(blob_id) % SHELVES in suspects:
            rows.add(blob_id)
            counted[blob_id] += 1
    for blob_id, extra in blob_rows.scan_extra(at):
        if _number(blob_id) % SHELVES in suspects:
            counted[blob_id] += extra
    for blob_id in sorted(named.keys() | counted.keys()):
        names, count = named[blob_id], counted[blob_id]
        if blob_id not in rows:
            what = f"is gone, but {names} records name it" if names else "is counted, but not there"
        elif names != count:
            what = f"counts {count} references, but {names} records name it"
        else:
            continue
        found.wrong[blob_id] = what
        if len(found.wrong) == WRONG_MAX:
            return


def _find_owners(at: Survey, wanted: frozenset[str], found: References) -> None:
    owners: defaultdict[str, list[BodyOwner]] = defaultdict(list)
    parts: defaultdict[tuple[bytes, str], list[str]] = defaultdict(list)
    """(home, name of a record) -> bodies of its parts. Records come behind their parts."""

    def tell(blob_ids: list[str], home: bytes, collection: Collection[Any], record: Any) -> None:
        owner = (
            None if collection.owner_of is None else collection.owner_of(at, unpack(home), record)
        )
        if owner is None:
            owner = BodyOwner(collection.name.partition(".")[0], f"a record of {collection.name}")
        for blob_id in blob_ids:
            if len(owners[blob_id]) < OWNERS_MAX and owner not in owners[blob_id]:
                owners[blob_id].append(owner)

    for home, collection, refs, record in _records(at, all=True):
        hurt = [ref.id for ref in refs if ref.id in wanted]
        if hurt and collection.within is not None:
            parts[home, collection.within(record)] += hurt
        elif hurt:
            tell(hurt, home, collection, record)
        if parts and collection.known_as is not None:
            of_parts = parts.get((home, collection.known_as(record)))
            if of_parts:
                tell(of_parts, home, collection, record)
    found.owners = dict(owners)
