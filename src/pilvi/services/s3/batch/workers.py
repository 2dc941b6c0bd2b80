"""The steps of batch jobs. Each does a bounded part, keeps what came of it, and has the next one follow.

Killed at any time, a job goes on at the task where it stood: what is repeated are at most the `AT_ONCE` tasks that were
under way and not yet counted.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from pilvi.base.errors import AwsError
from pilvi.contracts.causes import Cause
from pilvi.contracts.delivery import Commit
from pilvi.contracts.jobs import Job, Retry
from pilvi.services.s3 import limits
from pilvi.services.s3.batch import generated, manifests, outcomes, reports, states, tasks
from pilvi.services.s3.batch.acting import Acting, RoleRefused, acting
from pilvi.services.s3.batch.manifests import Unreadable
from pilvi.services.s3.batch.outcomes import Outcome
from pilvi.services.s3.records import batch_jobs
from pilvi.services.s3.records.batch_jobs import (
    ACTIVE,
    CANCELLING,
    COMPLETING,
    FAILING,
    NEW,
    PAUSING,
    PREPARING,
    BatchJob,
    Named,
    Page,
    Place,
    Results,
    Task,
)
from pilvi.services.s3.service import s3
from pilvi.store.api import Snapshot, Transaction

if TYPE_CHECKING:
    from pilvi.kit.cloud import Cloud

AT_ONCE = 16
"""Tasks of one job that are under way at a time."""
_STEP_TASKS = 1024
_STEP_LINES = 50_000
_STEP_S = 60
"""After so long a step begins no more tasks; those of functions may take fifteen minutes."""
_ATTEMPTS_MAX = 20
"""Of a step that breaks: for about an hour."""
_PAUSE_S, _PAUSE_S_MAX = 2, 60
_JUDGED = (ACTIVE, PAUSING, CANCELLING)
"""What is done is counted even where the job was told to stop meanwhile."""

_log = logging.getLogger("pilvi.s3.batch")


@s3.job("batch", retry=Retry(attempts_max=_ATTEMPTS_MAX))
async def step(cloud: Cloud, job: Job) -> Commit | None:
    """The next step of a job. One that fails over and over fails the job."""
    named = msgspec.msgpack.decode(job.payload, type=Named)
    found = await cloud.store.read(lambda at: _find(at, named))
    if found is None or found.status not in states.STEPPED:
        return None
    now_ms = cloud.clock.now_ms()
    if job.attempt == _ATTEMPTS_MAX:
        _log.warning("batch job %s fails: its step failed %d times", found.id, job.attempt - 1)
        reason = "An internal error occurred, over and over"
        return _failing(cloud, found, "InternalError", reason)
    if found.status == PAUSING:
        return _then(cloud, found, lambda tx, current: states.pause(tx, current, now_ms))
    try:
        who = await acting(cloud, found, Cause(job.cause.request_id, job.id))
    except RoleRefused as refusal:
        return _failing(cloud, found, refusal.code, f"The role cannot be taken: {refusal.text}")
    if found.status in (NEW, PREPARING):
        return await _prepare(who, found)
    if found.status == ACTIVE:
        return await _run(who, found)
    return await _report(who, found)


@s3.job("batch_forget")
async def forget(cloud: Cloud, job: Job) -> Commit | None:
    """The record of a job that ended long ago."""
    named = msgspec.msgpack.decode(job.payload, type=Named)

    def commit(tx: Transaction) -> None:
        found = _find(tx, named)
        if found is not None:
            batch_jobs.forget(tx, found)

    return commit


def _find(at: Snapshot, named: Named) -> BatchJob | None:
    return batch_jobs.find(at, (named.account, named.region), named.id)


def _then(cloud: Cloud, seen: BatchJob, change: Callable[[Transaction, BatchJob], None]) -> Commit:
    """Change the job as it is then, and have the next step follow where there is one."""

    def commit(tx: Transaction) -> None:
        current = batch_jobs.find(tx, seen.home, seen.id)
        if current is None:
            return
        change(tx, current)
        after = batch_jobs.find(tx, seen.home, seen.id)
        if after is not None and after.status in states.STEPPED:
            now_ms = cloud.clock.now_ms()
            batch_jobs.schedule(tx, after, max(now_ms, _due_ms(tx, after)))

    return commit


def _due_ms(at: Snapshot, job: BatchJob) -> int:
    """When the next page is, of a job that runs."""
    page = batch_jobs.find_page(at, job, job.page) if job.status == ACTIVE else None
    return 0 if page is None else page.due_ms


def _failing(cloud: Cloud, job: BatchJob, code: str, reason: str) -> Commit:
    """Whatever it was doing, it ends; one that could not be reported ends without a report."""

    def change(tx: Transaction, current: BatchJob) -> None:
        now_ms = cloud.clock.now_ms()
        if current.status in (COMPLETING, CANCELLING, FAILING):
            states.end(tx, current, now_ms, unreported=(code, reason[:256]))
        else:
            states.fail(tx, current, now_ms, code, reason)

    return _then(cloud, job, change)


# --- preparing


async def _prepare(who: Acting, job: BatchJob) -> Commit:
    cloud = who.cloud
    try:
        if job.status == NEW:
            generator = job.document.get("ManifestGenerator")
            if generator is not None:
                await generated.permitted(who, generator["S3JobManifestGenerator"])
        if job.place.writing is not None:
            return await _write_manifest(who, job)
        if "Manifest" in job.document:
            ended = await _read_manifest(who, job)
        else:
            ended = await _generate(who, job)
    except Unreadable as problem:
        return _failing(cloud, job, problem.code, problem.reason)
    except AwsError as error:
        if error.status >= 500 and error.status != 501:
            raise
        return _failing(cloud, job, error.code, f"The manifest cannot be made: {error.text}")

    def change(tx: Transaction, current: BatchJob) -> None:
        if current.status != PREPARING or not ended:
            return
        now_ms = cloud.clock.now_ms()
        if current.total == 0:
            reason = "The manifest names no objects"
            if "Manifest" not in current.document:
                reason = "Manifest generation found no keys matching the filter criteria."
            states.fail(tx, current, now_ms, "EmptyManifest", reason)
        elif reports.keeps_manifest(current):
            batch_jobs.put(tx, msgspec.structs.replace(current, place=Place(writing=0)))
        else:
            states.prepared(tx, current, now_ms)

    return _then(cloud, job, change)


async def _read_manifest(who: Acting, job: BatchJob) -> bool:
    """Whether the whole manifest is in pages now."""
    manifest = await manifests.opened(who, job.document["Manifest"])
    place, taken = job.place, 0
    while place.file < len(manifest.files):
        async for found, behind in manifests.tasks(who, manifest, place):
            if not await _keep(who, job, place, behind, found):
                return False
            place = behind
            taken += len(found)
            if taken >= _STEP_LINES:
                return place.file == len(manifest.files)
    return True


async def _generate(who: Acting, job: BatchJob) -> bool:
    document, operation = job.document["ManifestGenerator"], job.operation
    place, looked, now_ms = job.place, 0, who.cloud.clock.now_ms()
    while looked < _STEP_LINES:
        found, behind = await who.cloud.store.read(
            lambda at, place=place: generated.tasks(at, document, operation, place, now_ms)
        )
        if not await _keep(who, job, place, behind or place, found):
            return False
        if behind is None:
            return True
        place = behind
        looked += generated.LOOKED_AT
    return False


async def _keep(
    who: Acting, job: BatchJob, before: Place, behind: Place, found: list[Task]
) -> bool:
    """One more page. False: the job was told to stop, or somebody else went on with it."""

    def keep(tx: Transaction) -> bool:
        current = batch_jobs.find(tx, job.home, job.id)
        if current is None or current.status not in (NEW, PREPARING) or current.place != before:
            return False
        if found:
            batch_jobs.put_page(tx, current, Page(current.pages, tuple(found)))
        kept = msgspec.structs.replace(
            current,
            status=PREPARING,
            place=behind,
            pages=current.pages + bool(found),
            total=current.total + len(found),
        )
        batch_jobs.put(tx, kept)
        return True

    return await who.cloud.store.write(keep, cause=who.cause)


async def _write_manifest(who: Acting, job: BatchJob) -> Commit:
    written = await reports.manifest_step(who, job, who.cloud.clock.now_ms())

    def change(tx: Transaction, current: BatchJob) -> None:
        if current.status != PREPARING:
            return
        if written is None:
            states.prepared(tx, current, who.cloud.clock.now_ms())
            return
        kept = msgspec.structs.replace(
            current,
            place=written.place,
            manifest_files=written.manifest_files,
            generated=written.generated,
        )
        batch_jobs.put(tx, kept)

    return _then(who.cloud, job, change)


# --- tasks


async def _run(who: Acting, job: BatchJob) -> Commit:
    """Some pages' tasks, `AT_ONCE` at a time, each lot counted before the next one begins."""
    cloud, done = who.cloud, 0
    loop = asyncio.get_running_loop()
    until_s = loop.time() + _STEP_S
    current: BatchJob | None = job
    while current is not None and current.status == ACTIVE and done < _STEP_TASKS:
        if loop.time() > until_s:
            break
        page = await cloud.store.read(
            lambda at, seen=current: batch_jobs.find_page(at, seen, seen.page)
        )
        if page is None or page.due_ms > cloud.clock.now_ms():
            break
        lot = page.tasks[current.task : current.task + AT_ONCE]
        numbered = enumerate(lot, start=current.task)
        came = await _perform(who, lot, [_task_id(current, page, n) for n, _ in numbered], page)
        current = await _count(who, current, page, list(zip(lot, came, strict=True)))
        done += len(lot)

    def change(tx: Transaction, then: BatchJob) -> None:
        if then.status != ACTIVE:
            if then.status == PAUSING:
                states.pause(tx, then, cloud.clock.now_ms())
            return
        failed, judged = then.failed, then.succeeded + then.failed
        if judged >= limits.BATCH_TASKS_JUDGED and failed * 2 > judged:
            reason = f"More than half of the tasks failed: {failed} of {judged}"
            states.fail(tx, then, cloud.clock.now_ms(), "FailureThresholdExceeded", reason)
        elif then.page == then.pages:
            states.complete(tx, then, cloud.clock.now_ms())

    return _then(cloud, job, change)


async def _perform(
    who: Acting, lot: Sequence[Task], ids: Sequence[str], page: Page
) -> list[Outcome]:
    """All at once. One that breaks does so once the others have ended. Raises: StoreUnavailable."""
    under_way = (
        tasks.perform(who, task, id, page.attempt) for task, id in zip(lot, ids, strict=True)
    )
    found: list[Outcome] = []
    for came in await asyncio.gather(*under_way, return_exceptions=True):
        if isinstance(came, BaseException):
            raise came
        found.append(came)
    return found


def _task_id(job: BatchJob, page: Page, number: int) -> str:
    return base64.b64encode(f"{job.id}/{page.number}/{number}".encode()).decode()


def _attempts_max(job: BatchJob) -> int:
    if job.operation == tasks.REPLICATE:
        return limits.BATCH_REPLICATION_LOOKS_MAX
    return limits.BATCH_ATTEMPTS_MAX


async def _count(
    who: Acting, seen: BatchJob, page: Page, lot: list[tuple[Task, Outcome]]
) -> BatchJob | None:
    """Count what was done, and put off what may go better later. None: somebody else has counted it."""
    now_ms = who.cloud.clock.now_ms()
    last = page.attempt >= _attempts_max(seen)
    later = [task for task, outcome in lot if outcome.again and not last]
    ended = [(task, outcome) for task, outcome in lot if not outcome.again or last]

    def count(tx: Transaction) -> BatchJob | None:
        current = batch_jobs.find(tx, seen.home, seen.id)
        if current is None or current.status not in _JUDGED:
            return None
        if (current.page, current.task) != (seen.page, seen.task):
            return None
        succeeded = sum(outcome.ok for _, outcome in ended)
        pages = current.pages
        if later:
            due_ms = now_ms + 1000 * min(_PAUSE_S**page.attempt, _PAUSE_S_MAX)
            put_off = Page(pages, tuple(later), attempt=page.attempt + 1, due_ms=due_ms)
            batch_jobs.put_page(tx, current, put_off)
            pages += 1
        for ok in (True, False):
            lines = [outcomes.line(*one) for one in ended if one[1].ok == ok]
            if lines and reports.told(current, succeeded=ok):
                number = current.succeeded + current.failed + 1
                batch_jobs.put_results(tx, current, Results(ok, number, len(lines), "".join(lines)))
        over = seen.task + len(lot) == len(page.tasks)
        if over:
            batch_jobs.delete_page(tx, current, page.number)
        counted = msgspec.structs.replace(
            current,
            succeeded=current.succeeded + succeeded,
            failed=current.failed + len(ended) - succeeded,
            pages=pages,
            page=current.page + over,
            task=0 if over else seen.task + len(lot),
        )
        batch_jobs.put(tx, counted)
        return counted

    counted = await who.cloud.store.write(count, cause=who.cause)
    judged = 0 if counted is None else counted.succeeded + counted.failed
    if counted is not None and judged >= limits.BATCH_TASKS_JUDGED and counted.failed * 2 > judged:
        return None  # the end of the step fails the job
    return counted


# --- the report


async def _report(who: Acting, job: BatchJob) -> Commit:
    cloud = who.cloud
    if not reports.wanted(job):
        return _then(cloud, job, lambda tx, now: _end(cloud, tx, now))
    try:
        reporting = await reports.step(who, job, cloud.clock.now_ms())
    except AwsError as error:
        if error.status >= 500 and error.status != 501:
            raise
        reason = f"The completion report cannot be written: {error.text}"
        return _failing(cloud, job, error.code, reason)

    def change(tx: Transaction, current: BatchJob) -> None:
        if reporting is None:
            _end(cloud, tx, current)
        else:
            batch_jobs.put(tx, msgspec.structs.replace(current, reporting=reporting))

    return _then(cloud, job, change)


def _end(cloud: Cloud, tx: Transaction, job: BatchJob) -> None:
    if job.status in (COMPLETING, CANCELLING, FAILING):
        states.end(tx, job, cloud.clock.now_ms(), unreported=None)
