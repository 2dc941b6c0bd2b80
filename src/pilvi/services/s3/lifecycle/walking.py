"""Going through a bucket, a page at a time, and judging what is there.

A page is a function of a snapshot and the place where the one before ended, so it can be looked at without being
applied, and applied in the transaction that looked. Only keys that some rule is about are read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from pilvi.services.s3.lifecycle import judging
from pilvi.services.s3.lifecycle.judging import Step, Subject
from pilvi.services.s3.lifecycle.records import Lifecycle, Place
from pilvi.services.s3.records import uploads, versions
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.listing import Ordered
from pilvi.services.s3.records.uploads import Upload
from pilvi.services.s3.records.versions import Listed
from pilvi.store.api import Snapshot

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Judged:
    """`found`: a version or an upload. `steps`: what becomes of it. `place`: behind it."""

    found: Listed | Upload
    steps: list[Step]
    place: Place


@dataclass(frozen=True, slots=True)
class Page:
    """`following`: where the next page begins; None: nothing is left."""

    judged: list[Judged]
    following: Place | None


def page(
    at: Snapshot, bucket: Bucket, lifecycle: Lifecycle, place: Place, *, day_ms: int, size: int
) -> Page:
    """The next `size` versions or uploads, judged. Nothing becomes of what is not replicated yet, or could not be."""
    if place.uploads:
        return _uploads(at, bucket, lifecycle, place, day_ms, size)
    found = _versions(at, bucket, lifecycle, place, day_ms, size)
    return found if found.following is not None else Page(found.judged, Place(uploads=True))


# --- versions


def _versions(
    at: Snapshot, bucket: Bucket, lifecycle: Lifecycle, place: Place, day_ms: int, size: int
) -> Page:
    resumed = None
    if place.key is not None and place.rank is not None:
        resumed = (place.key, -place.rank)
    ordered = versions.ordered_versions(at, bucket, resumed)
    start = b"" if resumed is None else ordered.behind(*resumed)
    rules = [rule for rule in lifecycle.rules if rule.about_objects]
    rows = _rows(ordered, judging.prefixes(rules), start, size + 1)
    more = len(rows) > size
    judged: list[Judged] = []
    key, newer_at_ms, noncurrent = place.key, place.newer_at_ms, 0
    if resumed is not None and rows and rows[0].key == place.key:
        keep_max = _keep_max(lifecycle)
        noncurrent = versions.count_newer(at, bucket, *resumed, most=keep_max) if keep_max else 0
    for index, row in enumerate(rows[:size]):
        if row.key != key:
            key, newer_at_ms, noncurrent = row.key, row.modified_at_ms, 0
        alone = row.latest and (index + 1 == len(rows) or rows[index + 1].key != key)
        subject = _subject(row, newer_at_ms, noncurrent, alone=alone)
        newer_at_ms = row.modified_at_ms
        if not row.latest:
            noncurrent += 1
        steps = judging.steps(lifecycle, subject, versioned=bool(bucket.versioning), day_ms=day_ms)
        if row.object is not None and row.object.replication is not None:
            steps = [] if row.object.replication.unfinished else steps
        judged.append(Judged(row, steps, Place(row.key, row.rank, newer_at_ms)))
    return Page(judged, judged[-1].place if more else None)


def _keep_max(lifecycle: Lifecycle) -> int:
    """How many newer noncurrent versions any rule asks for."""
    return max(
        (
            max((rule.noncurrent_keep, *(move.keep for move in rule.noncurrent_transitions)))
            for rule in lifecycle.rules
        ),
        default=0,
    )


def _subject(row: Listed, newer_at_ms: int, noncurrent: int, *, alone: bool) -> Subject:
    since_ms = None if row.latest else newer_at_ms
    if row.object is None:
        return Subject(
            row.key,
            row.modified_at_ms,
            noncurrent_since_ms=since_ms,
            newer=noncurrent,
            marker=True,
            alone=alone,
        )
    stored = row.object
    return Subject(
        row.key,
        row.modified_at_ms,
        stored.size,
        stored.storage_class,
        stored.tags,
        since_ms,
        noncurrent,
        lock=stored.lock,
    )


def _rows(ordered: Ordered[T], prefixes: list[str], start: bytes, count: int) -> list[T]:
    """The next rows behind `start` whose keys begin with one of the prefixes, which are in order."""
    found: list[T] = []
    for prefix in prefixes:
        begin, end = max(start, ordered.at(prefix)), ordered.behind_all(prefix)
        if begin < end and len(found) < count:
            found.extend(ordered.rows(begin, end, count - len(found)))
    return found


# --- uploads


def _uploads(
    at: Snapshot, bucket: Bucket, lifecycle: Lifecycle, place: Place, day_ms: int, size: int
) -> Page:
    ordered = uploads.ordered_uploads(at, bucket)
    start = b"" if place.key is None else ordered.behind(place.key, place.upload_id)
    rules = [rule for rule in lifecycle.rules if rule.abort_days is not None]
    rows = _rows(ordered, judging.prefixes(rules), start, size + 1)
    judged: list[Judged] = []
    for upload in rows[:size]:
        step = judging.abort(lifecycle, upload.key, upload.initiated_at_ms, day_ms)
        behind = Place(upload.key, uploads=True, upload_id=upload.id)
        judged.append(Judged(upload, [] if step is None else [step], behind))
    return Page(judged, judged[-1].place if len(rows) > size else None)
