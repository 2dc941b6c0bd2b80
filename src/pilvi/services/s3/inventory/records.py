"""Inventories that are being made. They lie with the bucket that they list.

A run begins when it is due and holds the place behind which it goes on; each file is noted in the transaction that
moves that place, and has its name before it is written: so writing it again is writing it once.
"""

from __future__ import annotations

import msgspec

from pilvi.contracts.jobs import Job
from pilvi.services.s3.records.buckets import Bucket
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection


class Made(msgspec.Struct, frozen=True):
    """A file of an inventory."""

    key: str
    size: int
    md5: str


class Run(msgspec.Struct, frozen=True, omit_defaults=True):
    """`key`, `rank`: of the version behind which it goes on. `next_name`: of the file that is to be written next.
    `listed`: whether all rows are in files."""

    id: str
    started_at_ms: int
    next_name: str
    key: str = ""
    rank: int = 0
    files: tuple[Made, ...] = ()
    listed: bool = False


class Due(msgspec.Struct, frozen=True):
    """The payload of a step. A bucket of that name made later has another id."""

    bucket: str
    bucket_id: str
    id: str


_RUNS = Collection("s3.inventory_run", Run, key=lambda run: (run.id,))


def find(at: Snapshot, bucket: Bucket, id: str) -> Run | None:
    return _RUNS.find(at, bucket.home, id)


def put(tx: Transaction, bucket: Bucket, run: Run) -> None:
    _RUNS.put(tx, bucket.home, run)


def delete(tx: Transaction, bucket: Bucket, id: str) -> None:
    """The run that is under way."""
    _RUNS.delete(tx, bucket.home, id)


def schedule(tx: Transaction, bucket: Bucket, id: str, due_ms: int) -> None:
    """The next step then; a second call moves it."""
    job = Job(
        kind="s3.inventory",
        payload=msgspec.msgpack.encode(Due(bucket.name, bucket.id, id)),
        id=f"s3.inventory/{bucket.id}/{id}",
        account=bucket.account,
        region=bucket.region,
    )
    tx.at(due_ms, job)
