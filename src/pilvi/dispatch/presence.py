"""Whether residents are at work, as every process on this machine can see it without asking.

A process writes three numbers into the file that it holds locked for as long as it lives (`owners.py`): how many of
its residents are engaged, how often anything began or ended there, and when the next of them will act by itself. They
cost no transaction, and those of a dead process count no more, since its lock is gone. Processes that share no run
directory do not see each other's residents at work.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from typing import NamedTuple

_STATE = struct.Struct("<qqq")
_NEVER = 2**63 - 1


class Seen(NamedTuple):
    """`turns` grows with everything that begins or ends: the same number twice means that nothing was between."""

    engaged: int
    turns: int
    due_ms: int

    def at_work(self, now_ms: int) -> bool:
        return self.engaged > 0 or self.due_ms <= now_ms


def read(state: bytes) -> Seen:
    """What a process says; of a file that is too short, nothing."""
    return Seen(*_STATE.unpack_from(state)) if len(state) >= _STATE.size else Seen(0, 0, _NEVER)


class Presence:
    """What this process says. `settled` is called when the last one engaged is so no more."""

    def __init__(self, settled: Callable[[], None]) -> None:
        self._settled = settled
        self._engaged = self._turns = 0
        self._due_ms: dict[object, int] = {}
        self._descriptor: int | None = None

    def share(self, descriptor: int | None) -> None:
        """Say it in this file from now on; None: to this process alone."""
        self._descriptor = descriptor
        self._write()

    def seen(self) -> Seen:
        return Seen(self._engaged, self._turns, min(self._due_ms.values(), default=_NEVER))

    def turn(self) -> None:
        """Something began or ended."""
        self._turns += 1
        self._write()

    def __enter__(self) -> None:
        """A resident is engaged."""
        self._engaged += 1
        self.turn()

    def __exit__(self, *_: object) -> None:
        self._engaged -= 1
        self.turn()
        if not self._engaged:
            self._settled()

    def rest_until(self, resident: object, due_ms: int | None) -> None:
        if due_ms is None:
            if self._due_ms.pop(resident, None) is None:
                return
        elif self._due_ms.get(resident) == due_ms:
            return
        else:
            self._due_ms[resident] = due_ms
        self._write()

    def _write(self) -> None:
        if self._descriptor is not None:
            os.pwrite(self._descriptor, _STATE.pack(*self.seen()), 0)
