"""What is stored of a bucket's lifecycle: its rules as they are applied, and how far a run has come.

The document that was put is a configuration of the kind `lifecycle` (`records/configurations.py`); only enabled rules
are here. A bucket that has none says so itself (`Bucket.lifecycle`), so nobody looks here in vain.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pilvi.contracts.jobs import Job
from pilvi.services.s3.records import buckets, configurations
from pilvi.services.s3.records.buckets import Bucket
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection

ALL_128K = "all_storage_classes_128K"
VARIES = "varies_by_storage_class"
_KIND = "lifecycle"


class Transition(msgspec.Struct, frozen=True, omit_defaults=True):
    """`days` after creation, or from `date_ms` on; of noncurrent versions `days` after they became so, while at least
    `keep` noncurrent ones are newer."""

    storage_class: str
    days: int | None = None
    date_ms: int | None = None
    keep: int = 0


class Rule(msgspec.Struct, frozen=True, omit_defaults=True):
    """`larger`, `smaller`: bytes that a size must be above and below. `markers`: delete markers go that stand alone."""

    id: str
    prefix: str = ""
    tags: dict[str, str] = {}
    larger: int | None = None
    smaller: int | None = None
    days: int | None = None
    date_ms: int | None = None
    markers: bool = False
    transitions: tuple[Transition, ...] = ()
    noncurrent_days: int | None = None
    noncurrent_keep: int = 0
    noncurrent_transitions: tuple[Transition, ...] = ()
    abort_days: int | None = None

    @property
    def sized(self) -> bool:
        return self.larger is not None or self.smaller is not None

    @property
    def about_objects(self) -> bool:
        """Whether it has anything to do with objects, rather than with uploads alone."""
        return (
            self.days is not None
            or self.date_ms is not None
            or self.markers
            or self.noncurrent_days is not None
            or bool(self.transitions or self.noncurrent_transitions)
        )


class Lifecycle(msgspec.Struct, frozen=True, omit_defaults=True):
    """`minimum`: which objects are too small to be moved, where their rule says nothing of sizes."""

    rules: tuple[Rule, ...] = ()
    minimum: str = ALL_128K


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far a walk has come: behind this version (by `rank`), or behind this upload (by `upload_id`).

    `newer_at_ms`: when that version was written. A walk goes through all versions, then through all uploads.
    """

    key: str | None = None
    rank: int | None = None
    newer_at_ms: int = 0
    uploads: bool = False
    upload_id: str = ""


class Run(msgspec.Struct, frozen=True, omit_defaults=True):
    """The last run of a bucket's rules, or the one that is under way (`ended_at_ms` is None). `failed`: why it was
    given up."""

    started_at_ms: int
    ended_at_ms: int | None = None
    place: Place = Place()
    examined: int = 0
    deleted: int = 0
    deleted_bytes: int = 0
    markers: int = 0
    transitioned: int = 0
    aborted: int = 0
    failed: str = ""


class Due(msgspec.Struct, frozen=True):
    """The payload of the jobs. A bucket of that name made later has another id."""

    bucket: str
    id: str


_LIFECYCLES = Collection("s3.lifecycle", Lifecycle, key=lambda lifecycle: ())
_RUNS = Collection("s3.lifecycle_run", Run, key=lambda run: ())


def find(at: Snapshot, bucket: Bucket) -> Lifecycle | None:
    """None, too, while all rules are disabled."""
    return _LIFECYCLES.find(at, bucket.home) if bucket.lifecycle else None


def find_document(at: Snapshot, bucket: Bucket) -> dict[str, Any] | None:
    return configurations.find(at, bucket, _KIND)


def put(tx: Transaction, bucket: Bucket, lifecycle: Lifecycle, document: dict[str, Any]) -> None:
    configurations.put(tx, bucket, _KIND, document)
    _LIFECYCLES.put(tx, bucket.home, lifecycle)
    _mark(tx, bucket, has_rules=bool(lifecycle.rules))


def delete(tx: Transaction, bucket: Bucket) -> None:
    configurations.delete(tx, bucket, _KIND)
    _LIFECYCLES.delete(tx, bucket.home)
    _mark(tx, bucket, has_rules=False)


def _mark(tx: Transaction, bucket: Bucket, *, has_rules: bool) -> None:
    if bucket.lifecycle != has_rules:
        buckets.put_bucket(tx, msgspec.structs.replace(bucket, lifecycle=has_rules))


def find_run(at: Snapshot, bucket: Bucket) -> Run | None:
    return _RUNS.find(at, bucket.home)


def put_run(tx: Transaction, bucket: Bucket, run: Run) -> None:
    _RUNS.put(tx, bucket.home, run)


# --- the jobs


def schedule(tx: Transaction, bucket: Bucket, due_ms: int) -> None:
    """Begin a run then; a second call moves it."""
    tx.at(due_ms, _job("s3.lifecycle", bucket))


def begin(tx: Transaction, bucket: Bucket, now_ms: int) -> bool:
    """Begin a run now, unless one is under way."""
    last = find_run(tx, bucket)
    if last is not None and last.ended_at_ms is None:
        return False
    put_run(tx, bucket, Run(started_at_ms=now_ms))
    go_on(tx, bucket, now_ms)
    return True


def go_on(tx: Transaction, bucket: Bucket, now_ms: int) -> None:
    tx.at(now_ms, _job("s3.lifecycle_walk", bucket))


def _job(kind: str, bucket: Bucket) -> Job:
    return Job(
        kind=kind,
        payload=msgspec.msgpack.encode(Due(bucket.name, bucket.id)),
        id=f"{kind}/{bucket.id}",
        account=bucket.account,
        region=bucket.region,
    )
