"""The dispatcher: what must happen later, written now.

It is the store's outbox. Facts, deliveries and timers become jobs in the transaction that caused them, so they
happen if and only if it committed. `runner.py` runs them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from pilvi.base.clock import Clock
from pilvi.base.entropy import Entropy
from pilvi.contracts.causes import NO_CAUSE
from pilvi.contracts.delivery import Delivery, Source
from pilvi.contracts.facts import Fact
from pilvi.contracts.jobs import Job
from pilvi.dispatch import trace
from pilvi.dispatch.facts import encode_fact
from pilvi.dispatch.records import (
    DELIVER,
    HOME,
    JOBS,
    TRIM,
    DeadJob,
    JobRecord,
    about,
    dead,
    jobs,
    lane_of,
)
from pilvi.dispatch.registry import Resolve
from pilvi.dispatch.runner import CONCURRENCY_MAX, Runner, Statistics
from pilvi.dispatch.trace import Entry
from pilvi.store.api import Snapshot, Store, Transaction


class Dispatcher:
    def __init__(
        self,
        store: Store,
        clock: Clock,
        entropy: Entropy,
        *,
        resolve: Resolve,
        consumers: Mapping[str, Sequence[str]] | None = None,
        run_dir: Path | None = None,
        concurrency_max: int = CONCURRENCY_MAX,
    ) -> None:
        """`consumers`: a fact's name -> the services that consume it, each by a job `<service>.on.<Fact>`.

        `run_dir`: shared by the processes on this machine; lets them see at once when one of them died.
        A process that only writes jobs needs no `start`.
        """
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._consumers = {name: tuple(services) for name, services in (consumers or {}).items()}
        self._runner = Runner(
            store, clock, entropy, resolve, run_dir=run_dir, concurrency_max=concurrency_max
        )
        self._written = 0
        store.outbox = self

    # --- the outbox

    def emit(self, tx: Transaction, fact: Fact) -> None:
        """One job for each consumer of the fact."""
        name = type(fact).__name__
        services = self._consumers.get(name)
        if not services:
            return
        payload = encode_fact(fact)
        now_ms = self._clock.now_ms()
        for service in services:
            job = Job(f"{service}.on.{name}", payload, account=fact.account, region=fact.region)
            self.at(tx, now_ms, job)

    def deliver(self, tx: Transaction, arn: str, payload: bytes, source: Source) -> None:
        """One delivery, due now; its id stays the same at every attempt."""
        now_ms = self._clock.now_ms()
        id = self._new_id(now_ms)
        delivery = msgspec.msgpack.encode(Delivery(id, arn, payload, source))
        self.at(tx, now_ms, Job(DELIVER, delivery, id=id, account=source.account))

    def at(self, tx: Transaction, due_ms: int, job: Job) -> None:
        """Run `job` at `due_ms`, from its first attempt. One with an id replaces the former of that id, even
        while it runs."""
        cause = job.cause
        if cause == NO_CAUSE and job.kind != TRIM:
            cause = tx.cause
        job = msgspec.structs.replace(
            job,
            id=job.id or self._new_id(self._clock.now_ms()),
            attempt=1,
            first_due_ms=due_ms,
            cause=cause,
        )
        jobs.put(tx, HOME, JobRecord(job, lane_of(job), due_ms))
        tx.wake(JOBS)
        service, subject = about(job)
        now_ms = self._clock.now_ms()
        detail = subject if due_ms <= now_ms else f"{subject}, in {(due_ms - now_ms) / 1000:g} s"
        trace.note(tx, cause, service, "planned", detail, at_ms=now_ms, job=job.id)

    def cancel(self, tx: Transaction, id: str) -> bool:
        """Forget a job. One that runs just now is not interrupted, but its effect is dropped.

        Gives whether there was one.
        """
        return jobs.delete(tx, HOME, id) is not None

    def find_job(self, at: Snapshot, id: str) -> tuple[int, Job] | None:
        """A job that waits or runs, with the time at which it is due."""
        record = jobs.find(at, HOME, id)
        return None if record is None else (record.due_ms, record.job)

    def _new_id(self, now_ms: int) -> str:
        """Ids grow within a process, so that jobs due in the same millisecond run in the order written."""
        self._written += 1
        return f"{now_ms:012x}-{self._written:08x}-{self._entropy.hex(12)}"

    # --- what failed for good

    def list_dead(self, at: Snapshot, *, limit: int = 100) -> list[DeadJob]:
        """The latest first."""
        return list(dead.scan(at, HOME, limit=limit, reverse=True))

    def revive(self, tx: Transaction, at_ms: int, id: str) -> bool:
        """Try a dead job again, from its first attempt. Gives whether it was there."""
        grave = dead.delete(tx, HOME, at_ms, id)
        if grave is None:
            return False
        self.at(tx, self._clock.now_ms(), grave.job)
        return True

    # --- running

    async def start(self) -> None:
        """Release the leases of the dead, and run what is due from now on."""
        await self._runner.start()

    async def stop(self, grace_s: float = 5.0) -> None:
        """Let running handlers finish within `grace_s` (real time); put back the rest for others."""
        await self._runner.stop(grace_s)

    async def idle(self) -> None:
        """Wait until nothing is due and nothing runs. Returns at once where nothing is; needs a started one."""
        await self._runner.idle()

    async def statistics(self) -> Statistics:
        return await self._runner.statistics()

    def story(self, at: Snapshot, request_id: str) -> list[Entry]:
        """What a request led to, in order."""
        return trace.story(at, request_id)
