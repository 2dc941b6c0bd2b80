"""A dispatcher on a store in memory, with services that are plain functions in a table."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from pilvi.base.clock import Clock
from pilvi.base.entropy import Entropy
from pilvi.base.errors import NotBuilt
from pilvi.contracts.causes import NO_CAUSE, Cause
from pilvi.contracts.jobs import Job, Retry
from pilvi.dispatch.dispatcher import Dispatcher
from pilvi.dispatch.registry import JobKind, ServiceDispatch
from pilvi.store.memory import MemoryStore

_seeds = itertools.count()

START_MS = 1_700_000_000_000
EXACT = Retry(attempts_max=4, first_delay_s=1, factor=2, delay_s_max=3, jitter=0)


@dataclass
class Cloudlet:
    """`services`: filled by the test. `ran`: (kind, payload, attempt) of every run, in order."""

    store: Any = field(default_factory=MemoryStore)
    clock: Clock = field(default_factory=Clock)
    services: dict[str, ServiceDispatch] = field(default_factory=dict)
    consumers: dict[str, list[str]] = field(default_factory=dict)
    ran: list[tuple[str, bytes, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock.freeze(START_MS)
        self.resolve: Callable[[str], ServiceDispatch] = self._resolve
        self.dispatcher = self.another()

    def another(self, **options: Any) -> Dispatcher:
        return Dispatcher(
            self.store,
            self.clock,
            Entropy(next(_seeds)),
            resolve=self.resolve,
            consumers=self.consumers,
            **options,
        )

    def _resolve(self, service: str) -> ServiceDispatch:
        if service not in self.services:
            raise NotBuilt(what=f"the service {service}")
        return self.services[service]

    def recorder(self, fails: int = 0) -> Callable[[Job], Awaitable[Any]]:
        """A handler that notes its run, fails so many times, then has the effect of a counter in the store."""
        left = [fails]

        async def handle(job: Job) -> Any:
            self.ran.append((job.kind, job.payload, job.attempt))
            if left[0]:
                left[0] -= 1
                raise RuntimeError("not yet")
            return lambda tx: count(tx, job.payload)

        return handle

    def serve(self, kind: str, handle: Any, **options: Any) -> None:
        service = kind.partition(".")[0]
        jobs = dict(self.services[service].jobs) if service in self.services else {}
        jobs[kind] = JobKind(handle, **{"retry": EXACT, **options})
        self.services[service] = ServiceDispatch(jobs=jobs)

    async def plan(self, job: Job, due_ms: int | None = None, cause: Cause = NO_CAUSE) -> None:
        due = self.clock.now_ms() if due_ms is None else due_ms
        await self.store.write(lambda tx: tx.at(due, job), cause=cause)

    def advance(self, by_ms: int) -> None:
        self.clock.advance(by_ms)
        self.store.wake("clock")

    async def effects(self, name: bytes) -> int:
        return await self.store.read(lambda at: int(at.get(b"\x01effect" + name) or b"0"))


def count(tx: Any, name: bytes) -> None:
    key = b"\x01effect" + name
    tx.put(key, b"%d" % (int(tx.get(key) or b"0") + 1))


def run(body: Callable[[Cloudlet], Awaitable[None]]) -> None:
    """`body` with a started dispatcher, within a time that protects the suite from a hang."""

    async def main() -> None:
        cloudlet = Cloudlet()
        await cloudlet.dispatcher.start()
        try:
            await asyncio.wait_for(body(cloudlet), 15)
        finally:
            await cloudlet.dispatcher.stop(0.1)

    asyncio.run(main())


async def crash(dispatcher: Dispatcher) -> None:
    """End a dispatcher as kill -9 would: nothing is put back, and the kernel lets go of its lock."""
    runner: Any = dispatcher._runner
    runner._endings.stopping = True
    tasks = [*runner._tasks, *runner._running]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    if runner._liveness._held is not None:
        os.close(runner._liveness._held)
