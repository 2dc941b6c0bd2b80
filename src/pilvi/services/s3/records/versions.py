"""Versions that are not current, and delete markers. What is current is `objects`' business.

Whoever changes either keeps the invariants 4 to 7 of this folder; `contents` does so together with the blobs.
"""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from pilvi.services.s3.records import objects, version_ids
from pilvi.services.s3.records.buckets import Bucket, body_owner
from pilvi.services.s3.records.listing import Jump, Ordered, leap, unpacked
from pilvi.services.s3.records.objects import Object
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection
from pilvi.store.keys import after, pack

RANK_MAX = (1 << 63) - 1

_RANKS_PER_MS = 1 << 16


class Version(msgspec.Struct, frozen=True, omit_defaults=True):
    """`object`: None for a delete marker. `id`: "" for the null version."""

    key: str
    rank: int
    modified_at_ms: int
    id: str = ""
    object: Object | None = None


_VERSIONS = Collection(
    "s3.version",
    Version,
    key=lambda version: (version.key, -version.rank),
    indexes={"null": lambda version: None if version.id else (version.key,)},
    blobs=lambda version: (
        () if version.object is None or version.object.blob is None else (version.object.blob,)
    ),
    owner=lambda at, home, version: body_owner(at, home, version.key, version.id),
    known_as=lambda version: "" if version.object is None else version.object.id,
)


def find(at: Snapshot, bucket: Bucket, key: str, version_id: str) -> Object | Version | None:
    """The version of this id ("" for the null version): an object, or a `Version` that is a delete marker."""
    current = objects.find_object(at, bucket, key)
    if current is not None and current.version_id == version_id:
        return current
    found = find_past(at, bucket, key, version_id)
    return found if found is None or found.object is None else found.object


def find_past(at: Snapshot, bucket: Bucket, key: str, version_id: str) -> Version | None:
    """A version that is not current, or a delete marker."""
    if not version_id:
        return next(_VERSIONS.scan_index(at, bucket.home, "null", (key,), limit=1), None)
    try:
        rank = version_ids.rank_of(version_id)
    except ValueError:
        return None
    found = _VERSIONS.find(at, bucket.home, key, -rank)
    return found if found is not None and found.id == version_id else None


def find_newest(at: Snapshot, bucket: Bucket, key: str) -> Version | None:
    """Of those that are not current objects; a delete marker, when nothing is current."""
    return next(_VERSIONS.scan(at, bucket.home, (key,), limit=1), None)


def count_newer(at: Snapshot, bucket: Bucket, key: str, negated_rank: int, *, most: int) -> int:
    """How many noncurrent versions are as new as one of this rank, or newer, as far as `most` matters."""
    rows = _VERSIONS.scan(at, bucket.home, (key,), limit=most + 1)
    count = sum(1 for row in rows if -row.rank <= negated_rank)
    current = objects.find_object(at, bucket, key)
    return count if current is not None or not count else count - 1


def next_rank(at: Snapshot, bucket: Bucket, key: str, current: Object | None, now_ms: int) -> int:
    """For what is about to be written. Buckets begin each millisecond somewhere else: a replica has the rank of its
    source, among the versions of its own bucket.
    """
    if current is not None:
        newest = current.rank
    else:
        marker = find_newest(at, bucket, key)
        newest = -1 if marker is None else marker.rank
    begin = zlib.crc32(bucket.id.encode()) % (_RANKS_PER_MS // 2)
    return max(now_ms * _RANKS_PER_MS + begin, newest + 1)


def put_past(tx: Transaction, bucket: Bucket, stored: Object) -> None:
    """A version that is not current any more, or one that is not and changes."""
    _VERSIONS.put(
        tx,
        bucket.home,
        Version(stored.key, stored.rank, stored.modified_at_ms, stored.version_id, stored),
    )


def put_marker(tx: Transaction, bucket: Bucket, marker: Version) -> None:
    assert marker.object is None, marker.key
    _VERSIONS.put(tx, bucket.home, marker)


def find_rank(at: Snapshot, bucket: Bucket, key: str, rank: int) -> Object | Version | None:
    """Whatever stands there."""
    current = objects.find_object(at, bucket, key)
    if current is not None and current.rank == rank:
        return current
    return _VERSIONS.find(at, bucket.home, key, -rank)


def put_row(tx: Transaction, bucket: Bucket, stored: Object) -> None:
    """Change what is said of a version, not what is in it, wherever it stands."""
    current = objects.find_object(tx, bucket, stored.key)
    if current is not None and current.rank == stored.rank:
        objects.put_row(tx, bucket, stored)
    else:
        put_past(tx, bucket, stored)


def delete_past(tx: Transaction, bucket: Bucket, key: str, rank: int) -> None:
    gone = _VERSIONS.delete(tx, bucket.home, key, -rank)
    assert gone is not None, (key, rank)


def take_out(tx: Transaction, bucket: Bucket, found: Object | Version) -> None:
    """The row of a version, or of a delete marker, wherever it stands; what was before it may become current."""
    current = objects.find_object(tx, bucket, found.key)
    if current is not None and current.rank == found.rank:
        objects.delete_object(tx, bucket, current)
        current = None
    else:
        delete_past(tx, bucket, found.key, found.rank)
    if current is None:
        promote(tx, bucket, found.key)


def promote(tx: Transaction, bucket: Bucket, key: str) -> None:
    """Where nothing is current, the newest version becomes so, unless it is a delete marker."""
    newest = find_newest(tx, bucket, key)
    if newest is not None and newest.object is not None:
        _VERSIONS.delete(tx, bucket.home, key, -newest.rank)
        objects.put_row(tx, bucket, newest.object)


def is_empty(at: Snapshot, bucket: Bucket) -> bool:
    return next(_VERSIONS.scan(at, bucket.home, limit=1), None) is None


# --- lists of all versions


@dataclass(frozen=True, slots=True)
class Listed:
    """`object`: None for a delete marker."""

    key: str
    rank: int
    id: str
    modified_at_ms: int
    object: Object | None
    latest: bool


def ordered_versions(
    at: Snapshot, bucket: Bucket, resumed: tuple[str, int] | None
) -> Ordered[Listed]:
    """All versions by key and newest first, for `listing.walk`, whose rows are (key, -rank) here.

    `resumed`: the key and -rank of the version behind which the list goes on. What is current now may have
    stood behind it then: when the newer ones were deleted since.
    """
    resumed_at = None if resumed is None else after(pack(resumed))
    past = pack((*bucket.home, _VERSIONS.name, "r"))

    cut = len(objects.current_row_span(b"", b"", bucket)[0])

    def scan(start: bytes, end: bytes, limit: int, jump: Jump | None) -> Iterator[Listed | str]:
        left = limit
        if resumed is not None and start == resumed_at:
            current = objects.find_object(at, bucket, resumed[0])
            if current is not None and -current.rank > resumed[1]:
                yield _current(current)
                left -= 1
        currents = leap(at, *objects.current_row_span(start, end, bucket), left, cut, jump)
        pasts = leap(at, past + start, past + end, left, len(past), jump)
        merged = heapq.merge(
            ((key[cut:], value, True) for key, value in currents),
            ((key[len(past) :], value, False) for key, value in pasts),
        )
        previous: str | None = None
        told = b""
        for key, value, is_current in merged:
            if value is None and key == told:
                continue  # some of those that begin so are current, and some are not
            if left == 0:
                return
            left -= 1
            if value is None:
                told = key
                yield unpacked(key, 0)
                continue
            if is_current:
                stored = objects.decode(value)
                previous = stored.key
                yield _current(stored)
                continue
            version = _VERSIONS.decode(value)
            first = version.key != previous
            unsure = previous is None  # something newer may stand in front of the start
            previous = version.key
            latest = first and version.object is None
            if latest and unsure:
                latest = _is_latest(at, bucket, version)
            yield Listed(
                version.key,
                version.rank,
                version.id,
                version.modified_at_ms,
                version.object,
                latest,
            )

    return Ordered((), scan, lambda listed: listed.key)


def _current(stored: Object) -> Listed:
    return Listed(
        stored.key, stored.rank, stored.version_id, stored.modified_at_ms, stored, latest=True
    )


def _is_latest(at: Snapshot, bucket: Bucket, marker: Version) -> bool:
    if objects.find_object(at, bucket, marker.key) is not None:
        return False
    newest = find_newest(at, bucket, marker.key)
    return newest is not None and newest.rank == marker.rank
