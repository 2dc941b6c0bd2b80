"""How a run of a job ends: done, put back to be tried again, or buried. Invariants: those of `runner.py`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import msgspec

from pilvi.base.clock import Clock
from pilvi.base.entropy import Entropy
from pilvi.contracts.causes import Cause
from pilvi.contracts.delivery import Commit, Delivery
from pilvi.contracts.jobs import Job, Retry
from pilvi.dispatch.leases import LeaseLost, give_up
from pilvi.dispatch.records import DELIVER, HOME, JOBS, DeadJob, JobRecord, about, dead, jobs
from pilvi.dispatch.registry import JobKind, Resolve
from pilvi.dispatch.trace import TRIM_EVERY_MS, note, plan_trim
from pilvi.store.api import Store, StoreUnavailable, Transaction

log = logging.getLogger("pilvi.dispatch")

STORE_RETRY_S_MAX = 5.0


class Endings:
    """Of the jobs that one process runs; `done`, `retried`, `dead`: how many, since it started.

    `stopping`: the process is: what cannot be settled at once is left to whoever comes next.
    """

    def __init__(self, store: Store, clock: Clock, entropy: Entropy, resolve: Resolve) -> None:
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._resolve = resolve
        self.stopping = False
        self.done = self.retried = self.dead = 0

    async def complete(self, record: JobRecord, effect: Commit | None) -> None:
        job = record.job
        now_ms = self._clock.now_ms()

        def body(tx: Transaction) -> None:
            give_up(tx, record)
            if effect is not None:
                effect(tx)  # invariant 3
            what = "delivered" if job.kind == DELIVER else "done"
            self._tell(tx, job, what, "", now_ms)

        await self._settle(record, body)
        self.done += 1

    async def retry_or_bury(self, record: JobRecord, kind: JobKind, reason: str) -> None:
        job, retry = record.job, kind.retry
        now_ms = self._clock.now_ms()
        due_ms = now_ms + _delay_ms(retry, job.attempt, self._entropy)
        too_old = retry.age_s_max is not None and due_ms > job.first_due_ms + retry.age_s_max * 1000
        if job.attempt >= retry.attempts_max or too_old:
            await self.bury(record, kind, reason)
            return
        await self.put_back(record, due_ms, "failed", reason, job.attempt + 1)

    async def put_back(
        self, record: JobRecord, due_ms: int, what: str, reason: str, attempt: int
    ) -> None:
        now_ms = self._clock.now_ms()
        job = msgspec.structs.replace(record.job, attempt=attempt)
        waiting = JobRecord(job, record.lane, due_ms)

        def body(tx: Transaction) -> None:
            give_up(tx, record)
            jobs.put(tx, HOME, waiting)
            tx.wake(JOBS)
            self._tell(
                tx, record.job, what, f", again in {(due_ms - now_ms) / 1000:g} s", now_ms, reason
            )

        await self.settle_or_drop(record, body)
        self.retried += what == "failed"

    async def hand_over(self, record: JobRecord) -> None:
        """Let another process go on with a resident."""
        job = msgspec.structs.replace(record.job, attempt=1)
        waiting = JobRecord(job, record.lane, record.due_ms)

        def body(tx: Transaction) -> None:
            give_up(tx, record)
            jobs.put(tx, HOME, waiting)
            tx.wake(JOBS)

        await self.settle_or_drop(record, body)

    async def bury(self, record: JobRecord, kind: JobKind | None, reason: str) -> None:
        """End a job that failed for good, with its dead-letter rule's effect. A rule that itself fails is
        logged, and the job is buried without it: it must end."""
        job = record.job
        now_ms = self._clock.now_ms()
        effect: Commit | None = None
        try:
            effect = self._burial_of(job, kind, reason)
        except Exception:
            log.exception("the dead-letter rule of job %s failed", job.id)

        def body(tx: Transaction) -> None:
            give_up(tx, record)
            dead.put(tx, HOME, DeadJob(now_ms, job, reason))
            plan_trim(tx, now_ms + TRIM_EVERY_MS)
            what = "undelivered" if job.kind == DELIVER else "buried"
            self._tell(tx, job, what, "", now_ms, reason)

        def with_effect(tx: Transaction) -> None:
            body(tx)
            if effect is not None:
                effect(tx)

        try:
            await self.settle_or_drop(record, with_effect)
        except Exception:
            log.exception("the effect of the dead-letter rule of job %s failed", job.id)
            await self.settle_or_drop(record, body)
        log.error("job %s (%s) is dead after attempt %d: %s", job.id, job.kind, job.attempt, reason)
        self.dead += 1

    def _burial_of(self, job: Job, kind: JobKind | None, reason: str) -> Commit | None:
        if job.kind == DELIVER:
            delivery = delivery_of(job)
            sender = self._resolve(delivery.source.service.partition(".")[0])
            return None if sender.undelivered is None else sender.undelivered(delivery, reason)
        return None if kind is None or kind.bury is None else kind.bury(job, reason)

    def _tell(
        self, tx: Transaction, job: Job, what: str, detail: str, at_ms: int, outcome: str = ""
    ) -> None:
        service, subject = about(job)
        text = f"{subject}, attempt {job.attempt}{detail}"
        note(tx, job.cause, service, what, text, at_ms=at_ms, outcome=outcome, job=job.id)

    async def settle_or_drop(self, record: JobRecord, body: Callable[[Transaction], None]) -> None:
        try:
            await self._settle(record, body)
        except LeaseLost:
            log.info("job %s was taken away while it ran", record.job.id)

    async def _settle(self, record: JobRecord, body: Callable[[Transaction], None]) -> None:
        """Commit the end of a run; while the disk refuses, try on, for the lease is still ours.

        Raises: LeaseLost; whatever the effect raises.
        """
        cause = Cause(record.job.cause.request_id, parent=record.job.id)
        pause_s = 0.05
        while True:
            try:
                await self._store.write(body, cause=cause)
                return
            except StoreUnavailable:
                log.warning("cannot settle job %s yet", record.job.id, exc_info=True)
                if self.stopping:
                    raise
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, STORE_RETRY_S_MAX)


def delivery_of(job: Job) -> Delivery:
    delivery = msgspec.msgpack.decode(job.payload, type=Delivery)
    return msgspec.structs.replace(delivery, attempt=job.attempt)


def _delay_ms(retry: Retry, attempt: int, entropy: Entropy) -> int:
    growth = retry.factor ** min(attempt - 1, 64)
    delay_s = min(retry.first_delay_s * growth, retry.delay_s_max)
    jitter = delay_s * retry.jitter * entropy.below(1_000_001) / 1_000_000
    return round((delay_s + jitter) * 1000)
