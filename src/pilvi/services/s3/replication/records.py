"""What is stored of replication, all of it with the bucket that it is from: it goes with the bucket.

Layout: (account, region, bucket id)   s3.replication       the configuration
                                       s3.replication_task  (destination, key, version id) -> what waits
                                       s3.replication_queue when the bucket's job runs next
"""

from __future__ import annotations

from typing import Any

import msgspec

from pilvi.contracts.causes import NO_CAUSE, Cause
from pilvi.contracts.jobs import Job
from pilvi.services.s3.records.buckets import Bucket
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection

JOB = "s3.replicate"

CONTENT = "content"
METADATA = "metadata"
MARKER = "marker"


class Rule(msgspec.Struct, frozen=True, omit_defaults=True):
    """`destination`: a bucket's name. `account`: whose it must be. `overrides`: whether that account owns replicas.
    `kms_key`: of replicas whose sources have one; None: such are not replicated. `document`: as it was put."""

    id: str
    destination: str
    document: dict[str, Any]
    enabled: bool = False
    priority: int = 0
    prefix: str = ""
    tags: dict[str, str] = {}
    markers: bool = False
    modifications: bool = False
    """Whether changes of replicas' tags, lists and locks go back."""
    account: str = ""
    overrides: bool = False
    storage_class: str = ""
    kms_key: str | None = None
    metrics: bool = False
    timed: bool = False
    """Replication time control."""


class Configuration(msgspec.Struct, frozen=True):
    role: str
    rules: tuple[Rule, ...]


class Task(msgspec.Struct, frozen=True, omit_defaults=True):
    """One version that is to be in `destination`. `what`: its content, or only what changed beside it, or a marker.

    `rule`: the id of the rule that it was noted by. `noted_at_ms`: when; `due_ms`: when it is tried next. `timed`: as
    the rule was; `missed`: it was told that it takes longer than promised. `asked`: by somebody (`enqueue`), rather
    than by a write. `cause`: the request.
    """

    destination: str
    key: str
    version_id: str
    what: str
    rule: str
    noted_at_ms: int
    due_ms: int
    attempt: int = 1
    timed: bool = False
    missed: bool = False
    asked: bool = False
    cause: Cause = NO_CAUSE


class Queue(msgspec.Struct, frozen=True):
    """`due_ms`: when the job of the bucket is due, or was, when it runs."""

    due_ms: int


class Due(msgspec.Struct, frozen=True):
    """The payload of the job. A bucket of that name made later has another id."""

    bucket: str
    id: str


_CONFIGURATIONS = Collection("s3.replication", Configuration, key=lambda _configuration: ())
_TASKS = Collection(
    "s3.replication_task",
    Task,
    key=lambda task: (task.destination, task.key, task.version_id),
    indexes={"due": lambda task: (task.due_ms,)},
)
_QUEUES = Collection("s3.replication_queue", Queue, key=lambda _queue: ())


def find_configuration(at: Snapshot, bucket: Bucket) -> Configuration | None:
    if not bucket.replicates:
        return None
    found = _CONFIGURATIONS.find(at, bucket.home)
    assert found is not None, bucket.name
    return found


def put_configuration(tx: Transaction, bucket: Bucket, configuration: Configuration) -> None:
    _CONFIGURATIONS.put(tx, bucket.home, configuration)


def delete_configuration(tx: Transaction, bucket: Bucket) -> None:
    _CONFIGURATIONS.delete(tx, bucket.home)


# --- what waits


def add(tx: Transaction, bucket: Bucket, task: Task) -> None:
    """Note a task, and see to its job. One that waits already for the same begins anew; content stays content."""
    waiting = find_task(tx, bucket, task)
    if waiting is not None:
        what = CONTENT if CONTENT in (waiting.what, task.what) else task.what
        task = msgspec.structs.replace(
            task,
            what=what,
            noted_at_ms=waiting.noted_at_ms,
            timed=waiting.timed or task.timed,
            missed=waiting.missed,
            asked=waiting.asked or task.asked,
        )
    _TASKS.put(tx, bucket.home, task)
    queue = _QUEUES.find(tx, bucket.home)
    if queue is None or queue.due_ms > task.due_ms:
        _plan(tx, bucket, task.due_ms)


def find_task(at: Snapshot, bucket: Bucket, task: Task) -> Task | None:
    return _TASKS.find(at, bucket.home, task.destination, task.key, task.version_id)


def put_task(tx: Transaction, bucket: Bucket, task: Task) -> None:
    """Only in the transaction of the bucket's job, which plans the next one."""
    _TASKS.put(tx, bucket.home, task)


def delete_task(tx: Transaction, bucket: Bucket, task: Task) -> None:
    _TASKS.delete(tx, bucket.home, task.destination, task.key, task.version_id)


def list_due(at: Snapshot, bucket: Bucket, now_ms: int, limit: int) -> list[Task]:
    """What is due, the longest due first."""
    found = _TASKS.scan_index(at, bucket.home, "due", limit=limit)
    return [task for task in found if task.due_ms <= now_ms]


def plan_next(tx: Transaction, bucket: Bucket) -> None:
    """Invariant 4, at the end of the job."""
    first = next(_TASKS.scan_index(tx, bucket.home, "due", limit=1), None)
    if first is None:
        _QUEUES.delete(tx, bucket.home)
    else:
        _plan(tx, bucket, first.due_ms)


def _plan(tx: Transaction, bucket: Bucket, due_ms: int) -> None:
    _QUEUES.put(tx, bucket.home, Queue(due_ms))
    job = Job(
        kind=JOB,
        payload=msgspec.msgpack.encode(Due(bucket.name, bucket.id)),
        id=f"{JOB}/{bucket.id}",
        account=bucket.account,
        region=bucket.region,
    )
    tx.at(due_ms, job)
