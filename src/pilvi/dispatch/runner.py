"""Running what is due: leases, and the loops that look after them. One run of a job: `attempts.py`.

Invariants; the code cites them:
1. A job waits (`due` index) or is leased (`leased` index), never both, never neither, until it is deleted.
2. A lease is a token that is never used twice. Whoever completes, retries or buries a job first checks, in
   that same transaction, that the record still carries his token; else nothing of his is applied. So the
   effect of a job (its Commit) is applied exactly once, however many processes ran its handler.
3. The effect and the end of the job are one transaction. A crash in between does not exist.
4. When a job is *due* is told by the cloud's clock alone: frozen, nothing becomes due; moved, all that became
   due runs at once.
5. Whether a lease still *holds* is told by real time alone (`owners.py`): freezing the clock stalls no
   takeover, and moving it steals no running job.
6. A job whose process died is put back and counted (`takeovers`), and from the third time on waits longer
   each time, for it may be what kills. A server that is killed often loses none of its jobs by that; only
   after TAKEOVERS_MAX deaths a job is buried. Being put back on a graceful stop counts nothing.
7. Replacing or cancelling a job that runs takes its lease away: the running handler's effect is dropped.
8. At most CONCURRENCY_MAX jobs run at once in a process, three quarters of them of one kind, and of each lane
   as many as its kind allows (`room.py`).
9. A resident (`residents.py`) counts nowhere there, has no time limit, and is not suspected of the deaths of its
   processes: it runs whenever one dies. When this process stops it is told to leave, before it is made to.
10. Residents are spread over the processes (`spreading.py`). One that leaves since another process is to have it is put
   back when all that it does is done, in a transaction that checks its lease like any other end.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from pilvi.base.clock import Clock
from pilvi.base.entropy import Entropy
from pilvi.dispatch.attempts import Attempts
from pilvi.dispatch.endings import Endings
from pilvi.dispatch.idleness import Idleness
from pilvi.dispatch.leases import (
    choose,
    holds,
    look,
    release,
)
from pilvi.dispatch.owners import BEAT_S, Liveness
from pilvi.dispatch.presence import Presence
from pilvi.dispatch.records import (
    HOME,
    JOBS,
    JobRecord,
    Owner,
    jobs,
    owners,
)
from pilvi.dispatch.registry import Resolve
from pilvi.dispatch.residents import Staying
from pilvi.dispatch.room import Room
from pilvi.dispatch.spreading import Spreading
from pilvi.store.api import Snapshot, Store, Transaction

log = logging.getLogger("pilvi.dispatch")

CONCURRENCY_MAX = 128
SWEEP_S = 3.0
"""How often, in real time, the runner looks for dead owners and for wakes that got lost."""
IDLE_POLL_S = 0.05
"""How often `idle` looks again while another process works."""
RESIDENT_BEATS = 10
"""A process that runs residents only beats less often, where its death shows without: by so many times."""
ERROR_PAUSE_S = 1.0
LOOK_S_MAX = 3600.0
EVEN_S = 0.5
"""How often, in real time, it looks whether other processes have fewer residents."""
CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Statistics:
    """`pending` and `leased` are of the whole store now (at most COUNT_MAX each); the rest are of this process
    since it started."""

    pending: int
    leased: int
    done: int
    retried: int
    dead: int


COUNT_MAX = 10_000


_started = itertools.count()


class Runner:
    def __init__(
        self,
        store: Store,
        clock: Clock,
        entropy: Entropy,
        resolve: Resolve,
        *,
        run_dir: Path | None = None,
        concurrency_max: int = CONCURRENCY_MAX,
    ) -> None:
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._endings = Endings(store, clock, entropy, resolve)
        self._attempts = Attempts(clock, resolve, self._endings)
        self._concurrency_max = concurrency_max
        # With a seed, entropy repeats from run to run: the pid and the count keep the living apart.
        owner = f"{entropy.hex(16)}-{os.getpid()}-{next(_started)}"
        self._liveness = Liveness(owner, run_dir)
        self._stir = asyncio.Event()
        self._progress = asyncio.Event()
        self._running: dict[asyncio.Task[None], str] = {}
        self._staying: dict[asyncio.Task[None], Staying] = {}
        self._presence = Presence(self._progress.set)
        self._spreading = Spreading(self._liveness, self._presence)
        self._idleness = Idleness(
            store, clock, self._liveness, self._presence, self._running, self._attempts.kind_of
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._leases = 0
        self._beat = 0

    # --- life

    async def start(self) -> None:
        """Release what dead owners held, and begin; also again after a stop.

        Raises: StoreUnavailable, OSError (run directory).
        """
        assert not self._tasks, "the dispatcher runs already"
        self._endings.stopping = False
        self._liveness.hold()
        self._presence.share(self._liveness.file)
        if await self._store.read(partial(holds, owner=self._liveness.owner)):
            # A seeded run in a container: the dead process before us had our name.
            await self._store.write(
                lambda tx: release(tx, self._liveness.owner, self._clock.now_ms(), died=True)
            )
        await self._sweep()
        watches = (self._watch(JOBS), self._watch(CLOCK))
        for work in (self._lead(), *watches, self._keep_alive(), self._even_out()):
            self._tasks.append(asyncio.create_task(work))

    async def stop(self, grace_s: float = 5.0) -> None:
        """Lease no more, give running handlers `grace_s`, put back what they did not finish."""
        self._endings.stopping = True
        self._presence.retire()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        for stay in self._staying.values():
            stay.leave()
        running = {*self._running, *self._staying}
        if running:
            _, late = await asyncio.wait(running, timeout=grace_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._store.write(
            lambda tx: release(tx, self._liveness.owner, self._clock.now_ms(), died=False)
        )
        self._presence.share(None)
        self._liveness.let_go()

    async def idle(self) -> None:
        """Return once nothing is due and nothing runs, in any process on this store."""
        while True:
            self._progress.clear()
            if await self._idleness.holds():
                return
            self._stir.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(IDLE_POLL_S):
                    await self._progress.wait()

    async def statistics(self) -> Statistics:
        def count(at: Snapshot) -> tuple[int, int]:
            return (
                sum(1 for _ in jobs.scan_index(at, HOME, "due", limit=COUNT_MAX)),
                sum(1 for _ in jobs.scan_index(at, HOME, "leased", limit=COUNT_MAX)),
            )

        pending, leased = await self._store.read(count)
        ends = self._endings
        return Statistics(pending, leased, ends.done, ends.retried, ends.dead)

    # --- the loops

    # A loop that meets an error says so and goes on: a dispatcher that has silently died is worse than one
    # that complains every second.

    async def _watch(self, topic: str) -> None:
        while True:
            try:
                await self._store.wait(topic, SWEEP_S)
            except Exception:
                log.exception("cannot wait for the topic %s", topic)
                await asyncio.sleep(ERROR_PAUSE_S)
            self._stir.set()

    async def _keep_alive(self) -> None:
        """Beat while anything runs (invariant 5), and look after the owners that no longer do."""
        for beat in itertools.count():
            await asyncio.sleep(BEAT_S)
            try:
                seldom = self._liveness.shares and beat % RESIDENT_BEATS
                if self._running or (self._staying and not seldom):
                    await self._store.write(self._put_beat)
                await self._sweep()
            except Exception:
                log.exception("cannot renew the leases of running jobs")

    async def _even_out(self) -> None:
        while True:
            await asyncio.sleep(EVEN_S)
            try:
                if self._staying:
                    self._spreading.even_out(self._staying.values())
            except Exception:
                log.exception("cannot spread residents")

    async def _lead(self) -> None:
        while not self._endings.stopping:
            self._stir.clear()
            try:
                next_due_ms = await self._lease_due()
            except Exception:
                log.exception("cannot lease jobs")
                await asyncio.sleep(ERROR_PAUSE_S)
                continue
            delay_s = None if next_due_ms is None else self._clock.real_delay_s(next_due_ms)
            longest_s = self._spreading.look_again_s or LOOK_S_MAX
            delay_s = longest_s if delay_s is None else min(delay_s, longest_s)
            with suppress(TimeoutError):
                async with asyncio.timeout(delay_s):
                    await self._stir.wait()

    async def _lease_due(self) -> int | None:
        """Start what is due and fits. Gives when the next job is due that is not due yet."""
        while True:
            now_ms = self._clock.now_ms()
            look_now = partial(look, now_ms=now_ms, room=self._room(), spreading=self._spreading)
            next_due_ms, ready = await self._store.read(look_now)
            if not ready:
                return next_due_ms
            take = partial(self._take, now_ms=now_ms, first=self._leases)
            leases = await self._store.write(take)
            self._leases += len(leases)
            for record in leases:
                self._begin(record)

    def _begin(self, record: JobRecord) -> None:
        stay = Staying(record, self._presence) if record.job.resident else None
        task = asyncio.create_task(self._attempts.run(record, stay))
        if stay is None:
            self._running[task] = record.lane
        else:
            self._staying[task] = stay
        self._presence.turn()
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        stay = self._staying.pop(task, None)
        if stay is None:
            del self._running[task]
        else:
            stay.gone()
        self._presence.turn()
        self._progress.set()
        self._stir.set()
        if not task.cancelled() and (problem := task.exception()) is not None:
            log.error("a job's runner failed", exc_info=problem)

    def _room(self) -> Room:
        running, residents = self._running.values(), len(self._staying)
        # Invariant 8.
        return Room(running, self._attempts.lane_max, self._concurrency_max, residents)

    def _take(self, tx: Transaction, now_ms: int, first: int) -> list[JobRecord]:
        owner = self._liveness.owner
        leased: list[JobRecord] = []
        chosen = choose(tx, now_ms, self._room(), self._spreading)
        for index, record in enumerate(chosen, start=first):
            mine = msgspec.structs.replace(record, owner=owner, lease=f"{owner}-{index}")
            jobs.put(tx, HOME, mine)
            leased.append(mine)
        if leased:
            self._put_beat(tx)
        return leased

    def _put_beat(self, tx: Transaction) -> None:
        self._beat += 1
        owners.put(tx, HOME, Owner(self._liveness.owner, self._beat))

    async def _sweep(self) -> None:
        """Put back what dead owners held (invariants 5 and 6)."""
        others = await self._store.read(lambda at: list(owners.scan(at, HOME)))
        for owner in self._liveness.find_dead(others, time.monotonic()):
            count = await self._store.write(
                partial(
                    release,
                    owner=owner.id,
                    now_ms=self._clock.now_ms(),
                    died=True,
                    beat=owner.beat,
                )
            )
            self._liveness.forget(owner.id)
            if count:
                log.warning("took over %d jobs of the dead process %s", count, owner.id)
