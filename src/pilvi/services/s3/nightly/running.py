"""The nightly run of a bucket's rules: a job at midnight begins a walk, and each page of the walk is a job.

1. A page is judged again in the transaction that applies it, so nothing is done to what was changed meanwhile.
2. How far the walk has come is written with what was done, and so is the job of the next page: after a crash it goes
   on where it was.
3. A bucket has one walk at most. One that lasts longer than a day is not overtaken by the next.
4. Neither policies nor permissions hold the rules up, as on AWS; object lock does (`judging`).
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from pilvi.contracts.delivery import Commit
from pilvi.contracts.jobs import Job
from pilvi.kit.call import Call
from pilvi.services.s3 import behalf
from pilvi.services.s3.lifecycle import judging, records, walking
from pilvi.services.s3.lifecycle.records import Due, Lifecycle, Place, Run
from pilvi.services.s3.nightly import applying
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.service import s3
from pilvi.store.api import Snapshot, Transaction

if TYPE_CHECKING:
    from pilvi.kit.cloud import Cloud

PAGE_COST_MAX = 5000
"""Of judging one page: each row costs as much as `_ROW_COST` rules."""
_ROW_COST, _PAGE_SIZE_MIN = 20, 16
IDLE_PAGES = 8
"""Where nothing is due, so many pages make one job."""
COST_MAX = 500
"""Of one transaction, about in rows."""

_log = logging.getLogger("pilvi.s3.lifecycle")


def _find_bucket(at: Snapshot, job: Job) -> Bucket | None:
    """The bucket that a job is about, if it is still there."""
    due = msgspec.msgpack.decode(job.payload, type=Due)
    return behalf.find_bucket(at, due.bucket, due.id)


@s3.job("lifecycle")
async def begin(cloud: Cloud, job: Job) -> Commit | None:
    """At midnight: begin a walk, and come again at the next."""
    now_ms = cloud.clock.now_ms()
    day_ms = cloud.settings.lifecycle_day_ms

    def commit(tx: Transaction) -> None:
        bucket = _find_bucket(tx, job)
        if bucket is None or not bucket.lifecycle:
            return
        if not records.begin(tx, bucket, now_ms):
            _log.warning("the last run of the rules of bucket %s has not ended yet", bucket.name)
        records.schedule(tx, bucket, judging.next_midnight(now_ms, day_ms))

    return commit


def _give_up(job: Job, reason: str) -> Commit:
    def commit(tx: Transaction) -> None:
        bucket = _find_bucket(tx, job)
        run = None if bucket is None else records.find_run(tx, bucket)
        if bucket is not None and run is not None and run.ended_at_ms is None:
            records.put_run(
                tx,
                bucket,
                msgspec.structs.replace(run, ended_at_ms=run.started_at_ms, failed=reason),
            )

    return commit


@s3.job("lifecycle_walk", bury=_give_up)
async def walk(cloud: Cloud, job: Job) -> Commit | None:
    """One page that brings something, or some in which nothing is due."""
    day_ms = cloud.settings.lifecycle_day_ms
    began = place = await cloud.store.read(lambda at: _place(at, job))
    examined, pages = 0, 0
    while place is not None and pages < IDLE_PAGES:
        idle = await cloud.store.read(partial(_idle, job=job, place=place, cloud=cloud))
        if idle is None:
            break
        count, place = idle
        examined, pages = examined + count, pages + 1
        await asyncio.sleep(0)  # others come in between

    def commit(tx: Transaction) -> None:
        bucket = _find_bucket(tx, job)
        run = None if bucket is None else records.find_run(tx, bucket)
        if bucket is None or run is None or run.place != began or run.ended_at_ms is not None:
            return
        call = behalf.acting(cloud, bucket, job, "Lifecycle")
        if pages:
            run, following = msgspec.structs.replace(run, examined=run.examined + examined), place
        else:
            run, following = _apply(call, tx, bucket, run, day_ms)
        if following is None:
            run = msgspec.structs.replace(run, ended_at_ms=call.now_ms)
        else:
            run = msgspec.structs.replace(run, place=following)
            records.go_on(tx, bucket, call.now_ms)
        records.put_run(tx, bucket, run)

    return commit


def _place(at: Snapshot, job: Job) -> Place | None:
    """Where a walk that is under way has come to."""
    bucket = _find_bucket(at, job)
    run = None if bucket is None else records.find_run(at, bucket)
    return None if run is None or run.ended_at_ms is not None else run.place


def _idle(at: Snapshot, job: Job, place: Place, cloud: Cloud) -> tuple[int, Place | None] | None:
    """How much there is in a page in which nothing is due, and where the next begins; None: it is another one."""
    bucket = _find_bucket(at, job)
    lifecycle = None if bucket is None else records.find(at, bucket)
    if bucket is None or lifecycle is None:
        return None
    day_ms, size = cloud.settings.lifecycle_day_ms, _page_size(lifecycle)
    page = walking.page(at, bucket, lifecycle, place, day_ms=day_ms, size=size)
    now_ms = cloud.clock.now_ms()
    if any(one.steps and one.steps[0].due_ms <= now_ms for one in page.judged):
        return None
    return len(page.judged), page.following


def _page_size(lifecycle: Lifecycle) -> int:
    """So that nobody waits for long while a page is judged: each rule costs."""
    return max(_PAGE_SIZE_MIN, PAGE_COST_MAX // (_ROW_COST + len(lifecycle.rules)))


def _apply(
    call: Call, tx: Transaction, bucket: Bucket, run: Run, day_ms: int
) -> tuple[Run, Place | None]:
    """A page, or the beginning of one where much is to be done. Gives where to go on."""
    lifecycle = records.find(tx, bucket)
    if lifecycle is None:
        return run, None
    page = walking.page(tx, bucket, lifecycle, run.place, day_ms=day_ms, size=_page_size(lifecycle))
    spent = examined = 0
    for one in page.judged:
        due = [step for step in one.steps if step.due_ms <= call.now_ms]
        if due:
            spent += applying.cost(one)
            if spent > COST_MAX and examined:
                return msgspec.structs.replace(run, examined=run.examined + examined), page.judged[
                    examined - 1
                ].place
            run = applying.apply(call, tx, bucket, one, due, run)
        examined += 1
    return msgspec.structs.replace(run, examined=run.examined + examined), page.following
