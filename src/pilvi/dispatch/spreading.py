"""Which process has which residents: each as many of a group as any other, give or take one.

Every process knows how many the others have (`presence.py`). Of those that wait it takes no more than would be its
share; what it then still has too many of, since others came, it tells to leave, and these take it. The lease alone says
who has a resident (`runner.py`), so it does no harm to count wrongly for a moment.

Invariants:
1. What waits is taken, by whoever sees it, once those to whom it was left have had PATIENCE_S of real time. They are
   taken for absent then, until they have others than they had.
2. A process gives away only what is more than its share among those that it has seen LOOKS_MET times, and no more than
   AT_ONCE at a look: so one that dies as soon as it is there moves nothing.
3. Residents that are engaged are given away only when there are no others, and LOOKS_OVER looks later.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Protocol

from pilvi.dispatch.owners import Liveness
from pilvi.dispatch.presence import Held, Presence, read_held
from pilvi.dispatch.records import HOME, JobRecord, group_of, jobs
from pilvi.store.api import Snapshot

PATIENCE_S = 2.0
LOOK_S = 0.5
"""How often one looks again after what was left to others."""
AT_ONCE = 32
LOOKS_MET = 2
LOOKS_OVER = 20


class Resident(Protocol):
    """One that is here: see `residents.py`."""

    @property
    def group(self) -> str: ...

    @property
    def leaving(self) -> bool: ...

    @property
    def is_engaged(self) -> bool: ...

    def leave(self) -> None: ...


class Spreading:
    """Of one process."""

    def __init__(self, liveness: Liveness, presence: Presence) -> None:
        self._liveness = liveness
        self._presence = presence
        self._left: dict[str, tuple[str, float, float]] = {}
        self._met: Counter[str] = Counter()
        self._absent: dict[str, Held] = {}
        self._over: Counter[str] = Counter()

    @property
    def look_again_s(self) -> float | None:
        """How soon to look again, where something waits that was left to others."""
        now_s = time.monotonic()
        left = any(now_s - last_s < PATIENCE_S for _, _, last_s in self._left.values())
        return LOOK_S if left else None

    # --- taking

    def choose(self, at: Snapshot, lane: str, now_ms: int, most: int) -> list[JobRecord]:
        """Of the residents that wait in a lane, those that this process is to have; `most` at once."""
        others = self._others()
        found = jobs.scan_index(at, HOME, "due", (lane,), limit=most * (len(others) + 1))
        waiting = list(takewhile(lambda record: record.due_ms <= now_ms, found))
        if not waiting:
            return []
        if self._is_impatient(lane, waiting[0].job.id):
            self._absent |= others
            others = {}
        chosen = self._share_of(waiting, list(others.values()))[:most]
        if chosen:
            self._left.pop(lane, None)
        return chosen

    def _share_of(self, waiting: Sequence[JobRecord], others: Sequence[Held]) -> list[JobRecord]:
        room: dict[str, int] = {}
        for group, count in Counter(group_of(record.job) for record in waiting).items():
            room[group] = self._share(group, others, count) - self._presence.held.get(group, 0)
        chosen: list[JobRecord] = []
        for record in waiting:
            group = group_of(record.job)
            if room[group] > 0:
                room[group] -= 1
                chosen.append(record)
        return chosen

    def _share(self, group: str, others: Sequence[Held], besides: int) -> int:
        """`besides`: how many there are that nobody has, or will not for long."""
        mine = self._presence.held.get(group, 0)
        held = mine + sum(other.get(group, 0) for other in others)
        return -(-(held + besides) // (len(others) + 1))

    def _is_impatient(self, lane: str, first: str) -> bool:
        """Invariant 1. `first`: what waits there longest."""
        now_s = time.monotonic()
        id, since_s, last_s = self._left.get(lane, (first, now_s, now_s))
        if id != first or now_s - last_s > PATIENCE_S:
            since_s = now_s
        self._left[lane] = (first, since_s, now_s)
        return now_s - since_s > PATIENCE_S

    # --- giving away

    def even_out(self, staying: Iterable[Resident]) -> None:
        """Tell some to leave, where others have fewer. To be asked now and then."""
        others = self._others()
        met = [
            held for owner, held in others.items() if self._met[owner] >= LOOKS_MET
        ]  # invariant 2
        self._met = Counter({owner: self._met[owner] + 1 for owner in others})
        if not met:
            self._over.clear()
            return
        if self.look_again_s is not None:  # what was given away is still to be taken
            return
        here: dict[str, list[Resident]] = {}
        going: Counter[str] = Counter()
        for stay in staying:
            if stay.leaving:
                going[stay.group] += 1
            else:
                here.setdefault(stay.group, []).append(stay)
        over = {
            group: len(stays) - self._share(group, met, going[group])
            for group, stays in here.items()
        }
        self._over = Counter({group: self._over[group] + 1 for group in over if over[group] > 0})
        left = AT_ONCE
        for group in self._over:
            stays = [one for one in here[group] if self._may_go(one)]
            for stay in stays[: min(left, over[group])]:
                stay.leave()
                left -= 1

    def _may_go(self, stay: Resident) -> bool:
        """Invariant 3."""
        return not stay.is_engaged or self._over[stay.group] > LOOKS_OVER

    def _others(self) -> dict[str, Held]:
        """What those others have that take any."""
        told = {owner: read_held(state) for owner, state in self._liveness.others().items()}
        absent = self._absent
        self._absent = {owner: held for owner, held in absent.items() if told.get(owner) == held}
        return {
            owner: held
            for owner, held in told.items()
            if held is not None and owner not in self._absent
        }
