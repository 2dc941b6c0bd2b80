"""How a batch job goes from one status to the next, and which of many jobs run.

Of each account and region `ACTIVE_MAX` jobs run at once, the most urgent ones; of those that are as urgent, the older.
One that is pushed aside by a more urgent one is paused, and goes on where it stood.
AWS: S3 User Guide, "Tracking job status and completion reports", section "Job statuses"; "Assigning job priority".
"""

from __future__ import annotations

import msgspec

from pilvi.services.s3 import limits
from pilvi.services.s3.records import batch_jobs
from pilvi.services.s3.records.batch_jobs import (
    ACTIVE,
    CANCELLED,
    CANCELLING,
    COMPLETE,
    COMPLETING,
    FAILED,
    FAILING,
    NEW,
    PAUSED,
    PAUSING,
    PREPARING,
    READY,
    SUSPENDED,
    BatchJob,
)
from pilvi.store.api import Transaction
from pilvi.store.keys import Key

CANCELLABLE = frozenset({NEW, PREPARING, SUSPENDED, READY, ACTIVE, PAUSING, PAUSED})
STEPPED = frozenset({NEW, PREPARING, ACTIVE, PAUSING, COMPLETING, CANCELLING, FAILING})
"""Of these a step waits or runs."""
_END = {COMPLETING: COMPLETE, CANCELLING: CANCELLED, FAILING: FAILED}


def prepared(tx: Transaction, job: BatchJob, now_ms: int) -> None:
    """All pages are there."""
    if job.confirmation:
        batch_jobs.put(tx, msgspec.structs.replace(job, status=SUSPENDED, suspended_at_ms=now_ms))
    else:
        make_ready(tx, job, now_ms)


def make_ready(tx: Transaction, job: BatchJob, now_ms: int) -> BatchJob:
    """Confirmed, or in no need of it."""
    ready = msgspec.structs.replace(job, status=READY, queued_at_ms=now_ms)
    batch_jobs.put(tx, ready)
    promote(tx, job.home, now_ms)
    return batch_jobs.find(tx, job.home, job.id) or ready


def cancel(tx: Transaction, job: BatchJob, now_ms: int, reason: str) -> BatchJob:
    """What is being done now is done to its end and reported; the rest is not."""
    assert job.status in CANCELLABLE, job.status
    waits = job.status not in STEPPED
    job = msgspec.structs.replace(_stopped(job, now_ms), status=CANCELLING, reason=reason)
    batch_jobs.put(tx, job)
    if waits:
        batch_jobs.schedule(tx, job, now_ms)
    promote(tx, job.home, now_ms)
    return job


def fail(tx: Transaction, job: BatchJob, now_ms: int, code: str, reason: str) -> None:
    """The job itself, not a task of it. Its step follows."""
    failures = (*job.failures, (code, reason[:256]))
    batch_jobs.put(
        tx, msgspec.structs.replace(_stopped(job, now_ms), status=FAILING, failures=failures)
    )
    promote(tx, job.home, now_ms)


def complete(tx: Transaction, job: BatchJob, now_ms: int) -> None:
    """All tasks are done. The step that reports follows."""
    batch_jobs.put(tx, msgspec.structs.replace(_stopped(job, now_ms), status=COMPLETING))
    promote(tx, job.home, now_ms)


def pause(tx: Transaction, job: BatchJob, now_ms: int) -> None:
    batch_jobs.put(tx, msgspec.structs.replace(_stopped(job, now_ms), status=PAUSED))
    promote(tx, job.home, now_ms)


def end(tx: Transaction, job: BatchJob, now_ms: int, *, unreported: tuple[str, str] | None) -> None:
    """For good. `unreported`: why the report could not be written, which fails a job that was complete."""
    status = _END[job.status]
    failures = job.failures
    if unreported is not None:
        failures = (*failures, unreported)
        status = FAILED if status == COMPLETE else status
    ended = msgspec.structs.replace(job, status=status, ended_at_ms=now_ms, failures=failures)
    batch_jobs.put(tx, ended)
    batch_jobs.clear(tx, ended)
    batch_jobs.schedule_end(tx, ended, now_ms + limits.BATCH_JOB_KEPT_MS)


def promote(tx: Transaction, home: Key, now_ms: int) -> None:
    """Let those run that are to, and pause those that are not any more."""
    chosen = batch_jobs.queue(tx, home, limits.BATCH_JOBS_ACTIVE_MAX)
    named = {job.id for job in chosen}
    running = batch_jobs.running(tx, home)
    for job in running:
        if job.status == ACTIVE and job.id not in named:
            batch_jobs.put(tx, msgspec.structs.replace(job, status=PAUSING))
    free = limits.BATCH_JOBS_ACTIVE_MAX - len(running)
    for job in chosen:
        if free > 0 and job.status in (READY, PAUSED):
            active = msgspec.structs.replace(job, status=ACTIVE, active_since_ms=now_ms)
            batch_jobs.put(tx, active)
            batch_jobs.schedule(tx, active, now_ms)
            free -= 1


def active_ms(job: BatchJob, now_ms: int) -> int:
    since = job.active_since_ms
    return job.active_ms + (0 if since is None else max(0, now_ms - since))


def _stopped(job: BatchJob, now_ms: int) -> BatchJob:
    return msgspec.structs.replace(job, active_ms=active_ms(job, now_ms), active_since_ms=None)
