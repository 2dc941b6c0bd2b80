"""When the store is scrubbed (`store/scrub.py`): a job that works a turn, saves it, and writes the next one.

It begins by the clock, every so many days, or when somebody asks. There is one job for it, with an id of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from pilvi.base.clock import Clock
from pilvi.contracts.delivery import Commit
from pilvi.contracts.jobs import Job, Retry
from pilvi.dispatch.records import HOME, jobs
from pilvi.dispatch.registry import JobKind, ServiceDispatch
from pilvi.store import scrub
from pilvi.store.api import Snapshot, Store, Transaction
from pilvi.store.blobs import Blobs
from pilvi.store.scrub import Scrub, Scrubber

KIND = "store.scrub"
_JOB = Job(KIND, b"", id=KIND)

log = logging.getLogger("pilvi.scrub")


class Scrubbing:
    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        clock: Clock,
        *,
        know: Callable[[], None],
        every_ms: int,
        rate_bytes: int,
    ) -> None:
        """`know`: make the collections of all services known.

        `every_ms`: from the beginning of one scrub to that of the next; 0 for never by itself."""
        self._store = store
        self._clock = clock
        self._scrubber = Scrubber(store, blobs, know)
        self._every_ms = every_ms
        self._rate_bytes = rate_bytes

    def registrations(self) -> ServiceDispatch:
        """What the dispatcher runs."""
        retry = Retry(attempts_max=10, first_delay_s=10)
        return ServiceDispatch(jobs={KIND: JobKind(self._run, retry, self._bury)})

    async def plan(self) -> None:
        """See to the next scrub; to the rest of one that a server left."""

        def body(tx: Transaction) -> None:
            planned = jobs.find(tx, HOME, KIND)
            latest = scrub.find_latest(tx)
            if latest is not None and latest.ended_at_ms is None:
                if planned is None:
                    tx.at(self._clock.now_ms(), _JOB)
                return
            due_ms = self._next_ms(latest)
            if due_ms is None:
                jobs.delete(tx, HOME, KIND)
            elif planned is None or planned.due_ms != due_ms:
                tx.at(due_ms, _JOB)

        await self._store.write(body)

    async def begin(self, rate_bytes: int | None) -> None:
        """Scrub now. One that is under way goes on, at this rate from its next turn on."""

        def body(tx: Transaction) -> None:
            latest = scrub.find_latest(tx)
            if latest is None or latest.ended_at_ms is not None:
                rate = self._rate_bytes if rate_bytes is None else rate_bytes
                scrub.begin(tx, self._clock.now_ms(), rate)
            elif rate_bytes is not None:
                scrub.put_rate(tx, latest, rate_bytes)
            tx.at(self._clock.now_ms(), _JOB)

        await self._store.write(body)

    async def report(self) -> dict[str, Any]:
        def look(at: Snapshot) -> dict[str, Any]:
            planned = jobs.find(at, HOME, KIND)
            told = scrub.report(at)
            told["next_at_ms"] = None if planned is None or told["running"] else planned.due_ms
            return told

        return await self._store.read(look)

    async def gauges(self) -> dict[str, float]:
        """For /metrics."""
        told = await self.report()
        known = [one for one in (told["latest"], told["finished"]) if one is not None]
        finished = told["finished"]
        return {
            "scrub_running": float(told["running"]),
            "scrub_damages": float(max((one["damages"] for one in known), default=0)),
            "scrub_ended_at_seconds": 0.0 if finished is None else finished["ended_at_ms"] / 1000,
        }

    async def _run(self, job: Job) -> Commit:
        now_ms = self._clock.now_ms()
        latest = await self._store.read(scrub.find_latest)
        if latest is None or latest.ended_at_ms is not None:

            def commit(tx: Transaction) -> None:
                scrub.begin(tx, now_ms, self._rate_bytes)
                tx.at(now_ms, _JOB)

            return commit
        turn = await self._scrubber.turn(latest, now_ms)
        for damage in turn.damages:
            owners = ", ".join(owner.what for owner in damage.owners)
            log.error("body %s %s (%s)", damage.body, damage.what, owners or "owner not known yet")
        ended = turn.scrub.ended_at_ms is not None
        due_ms = self._next_ms(turn.scrub) if ended else now_ms

        def commit_turn(tx: Transaction) -> None:
            scrub.save(tx, turn)
            if due_ms is not None:
                tx.at(due_ms, _JOB)

        return commit_turn

    def _bury(self, job: Job, reason: str) -> Commit:
        """What stopped it may be over by the next time."""
        due_ms = self._clock.now_ms() + self._every_ms if self._every_ms else None

        def commit(tx: Transaction) -> None:
            if due_ms is not None:
                tx.at(due_ms, _JOB)

        return commit

    def _next_ms(self, latest: Scrub | None) -> int | None:
        if not self._every_ms:
            return None
        now_ms = self._clock.now_ms()
        return now_ms + self._every_ms if latest is None else latest.began_at_ms + self._every_ms
