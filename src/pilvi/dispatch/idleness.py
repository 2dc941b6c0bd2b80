"""Whether the cloud is idle: for test suites that wait until all has happened that was going to.

Invariant: it is idle only when, at one instant, nothing is due, nothing runs, no resident is engaged, and none has
anything to engage in. Residents are asked one after another, between two looks at what all processes say: when both
show the same number of turns and nobody at work, nothing happened in between, so all answers are of one instant
(`presence.py`). And since a resident is engaged before it takes its work out of what can be seen, there is no instant
at which work is neither here nor there.
"""

from __future__ import annotations

from collections.abc import Callable, Sized
from functools import partial

from pilvi.base.clock import Clock
from pilvi.contracts.jobs import Job
from pilvi.dispatch.leases import busy, residing
from pilvi.dispatch.owners import Liveness
from pilvi.dispatch.presence import Presence, Seen, read
from pilvi.dispatch.registry import JobKind
from pilvi.store.api import Store


class Idleness:
    def __init__(
        self,
        store: Store,
        clock: Clock,
        liveness: Liveness,
        presence: Presence,
        running: Sized,
        kind_of: Callable[[Job], JobKind],
    ) -> None:
        """`running`: the jobs of this process that are no residents."""
        self._store = store
        self._clock = clock
        self._liveness = liveness
        self._presence = presence
        self._running = running
        self._kind_of = kind_of

    async def holds(self) -> bool:
        before = self._seen()
        if await self._at_work(before):
            return False
        for job in await self._store.read(residing):
            pending = self._kind_of(job).pending
            if pending is not None and await pending(job):
                return False
        return not await self._at_work(before) and self._seen() == before

    async def _at_work(self, seen: dict[str, Seen]) -> bool:
        now_ms = self._clock.now_ms()
        if self._running or any(one.at_work(now_ms) for one in seen.values()):
            return True
        return await self._store.read(partial(busy, now_ms=now_ms))

    def _seen(self) -> dict[str, Seen]:
        others = {owner: read(state) for owner, state in self._liveness.others().items()}
        return {**others, self._liveness.owner: self._presence.seen()}
