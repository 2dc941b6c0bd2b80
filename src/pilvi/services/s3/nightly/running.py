"""The nightly run of a bucket's rules: a job at midnight begins a walk, and each page of the walk is a job.

1. A page is judged again in the transaction that applies it, so nothing is done to what was changed meanwhile.
2. How far the walk has come is written with what was done, and so is the job of the next page: after a crash it goes
   on where it was.
3. A bucket has one walk at most. One that lasts longer than a day is not overtaken by the next.
4. Neither policies nor permissions hold the rules up, as on AWS; object lock does (`judging`).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from pilvi.contracts.delivery import Commit
from pilvi.contracts.jobs import Job
from pilvi.kit.call import Call
from pilvi.services.s3 import behalf
from pilvi.services.s3.lifecycle import judging, records, walking
from pilvi.services.s3.lifecycle.records import Due, Place, Run
from pilvi.services.s3.nightly import applying
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.service import s3
from pilvi.store.api import Snapshot, Transaction

if TYPE_CHECKING:
    from pilvi.kit.cloud import Cloud

PAGE_SIZE = 1000
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
    """One page."""
    day_ms = cloud.settings.lifecycle_day_ms

    def look(at: Snapshot) -> tuple[int, Place | None] | None:
        """How much there is in the page and where the next begins; None: something in it is due, or it is the end."""
        bucket = _find_bucket(at, job)
        run = None if bucket is None else records.find_run(at, bucket)
        lifecycle = None if bucket is None else records.find(at, bucket)
        if bucket is None or run is None or run.ended_at_ms is not None or lifecycle is None:
            return None
        page = walking.page(at, bucket, lifecycle, run.place, day_ms=day_ms, size=PAGE_SIZE)
        now_ms = cloud.clock.now_ms()
        if any(one.steps and one.steps[0].due_ms <= now_ms for one in page.judged):
            return None
        return len(page.judged), page.following

    idle = await cloud.store.read(look)

    def commit(tx: Transaction) -> None:
        bucket = _find_bucket(tx, job)
        run = None if bucket is None else records.find_run(tx, bucket)
        if bucket is None or run is None or run.ended_at_ms is not None:
            return
        call = behalf.acting(cloud, bucket, job, "Lifecycle")
        if idle is not None and bucket.lifecycle:
            count, following = idle
            run = msgspec.structs.replace(run, examined=run.examined + count)
        else:
            run, following = _apply(call, tx, bucket, run, day_ms)
        if following is None:
            run = msgspec.structs.replace(run, ended_at_ms=call.now_ms)
        else:
            run = msgspec.structs.replace(run, place=following)
            records.go_on(tx, bucket, call.now_ms)
        records.put_run(tx, bucket, run)

    return commit


def _apply(
    call: Call, tx: Transaction, bucket: Bucket, run: Run, day_ms: int
) -> tuple[Run, Place | None]:
    """A page, or the beginning of one where much is to be done. Gives where to go on."""
    lifecycle = records.find(tx, bucket)
    if lifecycle is None:
        return run, None
    page = walking.page(tx, bucket, lifecycle, run.place, day_ms=day_ms, size=PAGE_SIZE)
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
