"""How often somebody may guess: wrong tries are counted from the first one on, until their time is over.

The count is each process's own, for a refused transaction leaves no record: with `--workers N`, N times as many tries
are possible, and a restart forgets them.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

_WATCHED_MAX = 10_000


class Tries:
    """Of any number of names, of which the last ten thousand are remembered."""

    def __init__(self, wrong_max: int, within_ms: int) -> None:
        self._wrong_max = wrong_max
        self._within_ms = within_ms
        self._counted: dict[str, tuple[int, int]] = {}

    def may_try(self, name: str, now_ms: int) -> bool:
        return self._of(name, now_ms)[1] < self._wrong_max

    def note_wrong(self, name: str, now_ms: int) -> None:
        since_ms, count = self._of(name, now_ms)
        self._counted.pop(name, None)
        while len(self._counted) >= _WATCHED_MAX:
            del self._counted[next(iter(self._counted))]
        self._counted[name] = (since_ms, count + 1)

    def take_back(self, name: str, now_ms: int) -> None:
        """What was noted as wrong before it was looked at was right."""
        since_ms, count = self._of(name, now_ms)
        if count:
            self._counted[name] = (since_ms, count - 1)

    def _of(self, name: str, now_ms: int) -> tuple[int, int]:
        since_ms, count = self._counted.get(name, (now_ms, 0))
        return (since_ms, count) if now_ms - since_ms < self._within_ms else (now_ms, 0)


class TriesOf:
    """One memory for each owner (a cloud, or what a cloud has one of), which ends with it."""

    def __init__(self, wrong_max: int, within_ms: int) -> None:
        self._limits = wrong_max, within_ms
        self._tries: WeakKeyDictionary[object, Tries] = WeakKeyDictionary()

    def __call__(self, owner: object) -> Tries:
        tries = self._tries.get(owner)
        if tries is None:
            tries = self._tries[owner] = Tries(*self._limits)
        return tries
