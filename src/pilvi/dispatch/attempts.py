"""One run of a job: which handler it has, and what comes of its end. Invariants: those of `runner.py`."""

from __future__ import annotations

import asyncio
import logging
import time

import msgspec

from pilvi.base.arn import Arn
from pilvi.base.clock import Clock
from pilvi.base.errors import NotBuilt
from pilvi.contracts.delivery import Commit, Undeliverable
from pilvi.contracts.jobs import Job
from pilvi.dispatch.endings import Endings, delivery_of
from pilvi.dispatch.leases import LeaseLost, give_up, pause_after_ms
from pilvi.dispatch.records import DELIVER, HOME, TRIM, JobRecord, jobs, kind_of
from pilvi.dispatch.registry import JobKind, Postpone, Resolve
from pilvi.dispatch.residents import Staying
from pilvi.dispatch.trace import trim
from pilvi.store.api import StoreUnavailable, Transaction

log = logging.getLogger("pilvi.dispatch")

TAKEOVERS_MAX = 1000
RESIDENT_SOUND_S = 60.0
"""A resident that ran so long before it failed begins its attempts anew."""
BROKEN_DELAY_MS = 1000
"""Before a job is tried again that could not even be begun."""


class Attempts:
    """`lane_max`: how many may run at once of each kind of lane, as far as any has."""

    def __init__(self, clock: Clock, resolve: Resolve, endings: Endings) -> None:
        self._clock = clock
        self._resolve = resolve
        self._endings = endings
        self.lane_max: dict[str, int] = {}

    async def run(self, record: JobRecord, stay: Staying | None) -> None:
        """One run of a job, whose end is settled whatever happens: a lease of the living must not leak."""
        try:
            await self._attempt(record, stay)
        except StoreUnavailable:  # `Endings` gives up only when we stop
            log.warning("job %s is left to whoever comes next", record.job.id)
        except Exception:
            log.exception("job %s could not be run", record.job.id)
            pause_ms = max(BROKEN_DELAY_MS, pause_after_ms(record.takeovers + 1))
            due_ms = self._clock.now_ms() + pause_ms

            def body(tx: Transaction) -> None:
                give_up(tx, record)
                waiting = msgspec.structs.replace(
                    record, due_ms=due_ms, owner=None, lease=None, takeovers=record.takeovers + 1
                )
                jobs.put(tx, HOME, waiting)

            await self._endings.settle_or_drop(record, body)

    async def _attempt(self, record: JobRecord, stay: Staying | None) -> None:
        job = record.job
        if record.takeovers > TAKEOVERS_MAX:  # invariant 6
            await self._endings.bury(
                record, None, f"it was begun and not ended {record.takeovers} times"
            )
            return
        try:
            kind = self.kind_of(job)
        except (NotBuilt, LookupError, Undeliverable) as problem:
            await self._endings.bury(record, None, f"nobody runs {job.kind}: {problem}")
            return
        self.lane_max[kind_of(record.lane)] = kind.concurrency_max
        began_s = time.monotonic()
        try:
            if stay is None:
                assert kind.handle is not None, f"{job.kind} is a resident's"
                async with asyncio.timeout(kind.time_limit_s):
                    effect = await kind.handle(job)
            else:
                assert kind.reside is not None, f"{job.kind} is no resident's"
                effect = await kind.reside(job, stay)
                if effect is None:
                    assert stay.leaving, f"{job.kind} ended without an effect"
                    if not self._endings.stopping:  # else `stop` puts it back
                        await self._endings.hand_over(record)  # invariant 10
                    return
            await self._endings.complete(record, effect)
        except LeaseLost:
            log.info("job %s was taken away while it ran: its effect is dropped", job.id)
        except Postpone as later:
            await self._endings.put_back(
                record, later.due_ms, "postponed", later.reason, job.attempt
            )
        except Undeliverable as refusal:
            await self._endings.bury(record, kind, refusal.reason)
        except asyncio.CancelledError:
            if self._endings.stopping:
                raise
            await self._endings.retry_or_bury(record, kind, "the handler was cancelled")
        except Exception as problem:
            log.warning(
                "job %s (%s), attempt %d, failed", job.id, job.kind, job.attempt, exc_info=True
            )
            if stay is not None and time.monotonic() - began_s > RESIDENT_SOUND_S:
                record = msgspec.structs.replace(
                    record, job=msgspec.structs.replace(job, attempt=1)
                )
            await self._endings.retry_or_bury(record, kind, f"{type(problem).__name__}: {problem}")

    def kind_of(self, job: Job) -> JobKind:
        """Raises: NotBuilt, LookupError, Undeliverable when nobody is there to run it."""
        if job.kind == TRIM:
            return JobKind(self._trim)
        if job.kind != DELIVER:
            return self._resolve(job.kind.partition(".")[0]).jobs[job.kind]
        delivery = delivery_of(job)
        try:
            arn = Arn.parse(delivery.arn)
        except ValueError as problem:
            raise Undeliverable(str(problem)) from None
        service = self._resolve(arn.service)
        target = service.target
        if target is None:
            raise Undeliverable(f"{arn.service} takes no deliveries")
        return JobKind(
            lambda job: target(delivery_of(job)),
            service.target_retry,
            concurrency_max=service.target_concurrency_max,
        )

    async def _trim(self, job: Job) -> Commit | None:
        return lambda tx: trim(tx, self._clock.now_ms())
