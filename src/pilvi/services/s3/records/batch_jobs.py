"""Batch jobs: what was asked for, how far each one is, and the tasks and results that it still holds.

Layout:
    (account, region)            s3.batch_job      id -> the job, with its progress
    (account, region, job id)    s3.batch_page     number -> tasks that are still to be done
                                 s3.batch_results  (succeeded or failed, number) -> lines of the report

1. What is to be done is copied from the manifest into pages before the job begins, so that it is the same whatever
   happens to the manifest, and a job goes on at the task where it stood.
2. A page is deleted in the transaction in which its last task is counted; lines of the report are written in the
   transaction that counts them.
3. Of a job that is `New`, `Preparing`, `Active`, `Pausing`, `Completing`, `Cancelling` or `Failing` exactly one step
   waits or runs, under an id made of the job's; of other jobs none does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from pilvi.contracts.causes import NO_CAUSE
from pilvi.contracts.jobs import Job
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection
from pilvi.store.keys import Key, span

NEW, PREPARING, SUSPENDED, READY, ACTIVE = "New", "Preparing", "Suspended", "Ready", "Active"
PAUSING, PAUSED, COMPLETING, COMPLETE = "Pausing", "Paused", "Completing", "Complete"
CANCELLING, CANCELLED, FAILING, FAILED = "Cancelling", "Cancelled", "Failing", "Failed"
SUSPENDED_BECAUSE = "AWAITING_CONFIRMATION"
ENDED = frozenset({COMPLETE, CANCELLED, FAILED})

_LANES = 64
"""Accounts share these: the slow jobs of one keep few others waiting."""

_QUEUED = frozenset({READY, ACTIVE, PAUSING, PAUSED})
_RUNNING = frozenset({ACTIVE, PAUSING})


class Task(msgspec.Struct, frozen=True, array_like=True):
    """`version_id`: as the manifest has it; "" for none."""

    bucket: str
    key: str
    version_id: str = ""


class Page(msgspec.Struct, frozen=True, omit_defaults=True):
    """`attempt`: how often its tasks are tried then. `due_ms`: not before."""

    number: int
    tasks: tuple[Task, ...]
    attempt: int = 1
    due_ms: int = 0


class Results(msgspec.Struct, frozen=True):
    """Lines of the report, as text."""

    succeeded: bool
    number: int
    lines: int
    text: str


class Written(msgspec.Struct, frozen=True):
    """A file that is in a bucket."""

    key: str
    size: int
    md5: str
    status: str = ""
    """Of a report: succeeded or failed."""


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far the manifest is read. Of a manifest that is given: the file and the byte or the line in it. Of one that
    is generated: the version behind which it goes on. `writing`: the page that is to be written out next, of a
    generated manifest that is to be kept."""

    file: int = 0
    offset: int = 0
    key: str = ""
    rank: int = 0
    writing: int | None = None


class Reporting(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far the report is written. `number`: of the last results in it."""

    failed: bool = False
    number: int = 0
    files: tuple[Written, ...] = ()


class BatchJob(msgspec.Struct, frozen=True, omit_defaults=True):
    """`document`: Operation, Report, Manifest or ManifestGenerator, as they were put. `digest`: of the whole request,
    by which it is known again under its token. `page`, `task`: what is to be done next. `pages`: how many there ever
    were."""

    id: str
    account: str
    region: str
    token: str
    digest: bytes
    document: dict[str, Any]
    role_arn: str
    priority: int
    created_at_ms: int
    status: str = NEW
    confirmation: bool = True
    description: str = ""
    tags: dict[str, str] = {}
    reason: str = ""
    failures: tuple[tuple[str, str], ...] = ()
    ended_at_ms: int | None = None
    suspended_at_ms: int | None = None
    queued_at_ms: int = 0
    active_ms: int = 0
    active_since_ms: int | None = None
    total: int = 0
    succeeded: int = 0
    failed: int = 0
    place: Place = Place()
    manifest_files: tuple[Written, ...] = ()
    generated: Written | None = None
    """The manifest that was generated and kept; `md5` is its entity tag."""
    pages: int = 0
    page: int = 0
    task: int = 0
    reporting: Reporting = Reporting()

    @property
    def home(self) -> Key:
        return (self.account, self.region)

    @property
    def inside(self) -> Key:
        """Where its pages and results lie."""
        return (self.account, self.region, self.id)

    @property
    def arn(self) -> str:
        return f"arn:aws:s3:{self.region}:{self.account}:job/{self.id}"

    @property
    def operation(self) -> str:
        (name,) = self.document["Operation"]
        return name


class Named(msgspec.Struct, frozen=True):
    """The payload of a step."""

    account: str
    region: str
    id: str


_JOBS = Collection(
    "s3.batch_job",
    BatchJob,
    key=lambda job: (job.id,),
    indexes={
        "created": lambda job: (-job.created_at_ms,),
        "token": lambda job: (job.token,),
        "queue": lambda job: (-job.priority, job.queued_at_ms) if job.status in _QUEUED else None,
        "running": lambda job: () if job.status in _RUNNING else None,
    },
)
_PAGES = Collection("s3.batch_page", Page, key=lambda page: (page.number,))
_RESULTS = Collection(
    "s3.batch_results", Results, key=lambda results: (int(not results.succeeded), results.number)
)


def find(at: Snapshot, home: Key, id: str) -> BatchJob | None:
    return _JOBS.find(at, home, id)


def find_by_token(at: Snapshot, home: Key, token: str) -> BatchJob | None:
    return next(_JOBS.scan_index(at, home, "token", (token,), limit=1), None)


def put(tx: Transaction, job: BatchJob) -> None:
    _JOBS.put(tx, job.home, job)


def count(at: Snapshot, home: Key, most: int) -> int:
    return _JOBS.count(at, home, limit=most)


def newest_first(at: Snapshot, home: Key, after: tuple[int, str] | None) -> Iterator[BatchJob]:
    """`after`: when the last one seen was created, and its id."""
    entry = None if after is None else (-after[0], after[1])
    return _JOBS.scan_index(at, home, "created", after_entry=entry)


def queue(at: Snapshot, home: Key, most: int) -> list[BatchJob]:
    """Those that are to run, the most urgent first."""
    return list(_JOBS.scan_index(at, home, "queue", limit=most))


def running(at: Snapshot, home: Key) -> list[BatchJob]:
    """Those that are Active or Pausing."""
    return list(_JOBS.scan_index(at, home, "running"))


def schedule(tx: Transaction, job: BatchJob, due_ms: int) -> None:
    """The next step (invariant 3)."""
    tx.at(due_ms, _job_of(job, "s3.batch"))


def schedule_end(tx: Transaction, job: BatchJob, due_ms: int) -> None:
    """Forget the job then."""
    tx.at(due_ms, _job_of(job, "s3.batch_forget"))


def _job_of(job: BatchJob, kind: str) -> Job:
    return Job(
        kind=kind,
        payload=msgspec.msgpack.encode(Named(job.account, job.region, job.id)),
        id=f"{kind}/{job.account}/{job.region}/{job.id}",
        cause=NO_CAUSE,
        account=job.account,
        region=job.region,
        lane=str(int(job.account) % _LANES),
    )


def forget(tx: Transaction, job: BatchJob) -> None:
    _JOBS.delete(tx, job.home, job.id)
    clear(tx, job)


def clear(tx: Transaction, job: BatchJob) -> None:
    """Its pages and results."""
    tx.delete_range(*span(job.inside))


# --- pages and results


def find_page(at: Snapshot, job: BatchJob, number: int) -> Page | None:
    return _PAGES.find(at, job.inside, number)


def put_page(tx: Transaction, job: BatchJob, page: Page) -> None:
    _PAGES.put(tx, job.inside, page)


def delete_page(tx: Transaction, job: BatchJob, number: int) -> None:
    _PAGES.delete(tx, job.inside, number)


def put_results(tx: Transaction, job: BatchJob, results: Results) -> None:
    _RESULTS.put(tx, job.inside, results)


def results_after(
    at: Snapshot, job: BatchJob, *, failed: bool, number: int, most: int
) -> list[Results]:
    after = (int(failed), number) if number else None
    return list(_RESULTS.scan(at, job.inside, (int(failed),), after_key=after, limit=most))
