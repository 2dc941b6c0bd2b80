"""How many more jobs may begin now: in this process, of one kind, of one lane."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from pilvi.dispatch.records import RESIDENT, kind_of
from pilvi.dispatch.registry import LANE_CONCURRENCY_MAX

RESIDENTS_MAX = 10_000
"""In one process."""
RESIDENTS_AT_ONCE = 64
"""Leased in one transaction, so that those of many go to several processes."""


class Room:
    """What is left besides those that run. The lanes of one kind together leave a quarter to other kinds. Residents
    have a room of their own."""

    def __init__(
        self, running: Iterable[str], lane_max: Mapping[str, int], most: int, residents: int = 0
    ) -> None:
        """`running`: the lane of each job that runs. `lane_max`: of the lanes of a kind. `most`: in all. `residents`:
        how many of these run."""
        self._residents_left = RESIDENTS_MAX - residents
        self._lanes = Counter(running)
        self._kinds: Counter[str] = Counter()
        for lane, count in self._lanes.items():
            self._kinds[kind_of(lane)] += count
        self._lane_max = lane_max
        self._kind_max = most - most // 4
        self.left = most - self._lanes.total()

    def running(self, lane: str) -> int:
        return self._lanes[lane]

    def of(self, lane: str) -> int:
        """How many more of this lane."""
        if lane.startswith(RESIDENT):
            return min(self._residents_left, RESIDENTS_AT_ONCE)
        kind = kind_of(lane)
        lane_max = self._lane_max.get(kind, LANE_CONCURRENCY_MAX)
        most = min(self.left, self._kind_max - self._kinds[kind], lane_max - self._lanes[lane])
        return max(0, most)

    def take(self, lane: str) -> None:
        if lane.startswith(RESIDENT):
            self._residents_left -= 1
            return
        self._lanes[lane] += 1
        self._kinds[kind_of(lane)] += 1
        self.left -= 1
