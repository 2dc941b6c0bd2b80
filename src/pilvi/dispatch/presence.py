"""Which residents a process has and whether they are at work, as every process on this machine can see it unasked.

A process writes into the file that it holds locked for as long as it lives (`owners.py`): how many of its residents
are engaged, how often anything began or ended there, when the next of them will act by itself, and how many it has of
each group (`spreading.py`). That costs no transaction, and what a dead process says counts no more, since its lock is
gone. Processes that share no run directory do not see each other's residents.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

_STATE = struct.Struct("<qqq")
_HELD = struct.Struct("<II")
"""In front of what is held: its size and its checksum, for it may be read while it is written."""
_NEVER = 2**63 - 1

Held = Mapping[str, int]
"""How many residents of each group a process has."""


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


def read_held(state: bytes) -> Held | None:
    """The residents that a process has. None: it takes none, or this cannot be read just now."""
    if len(state) < _STATE.size + _HELD.size:
        return None
    size, checksum = _HELD.unpack_from(state, _STATE.size)
    begin = _STATE.size + _HELD.size
    told = state[begin : begin + size]
    if len(told) != size or zlib.crc32(told) != checksum:
        return None
    return msgspec.msgpack.decode(told, type=dict[str, int] | None)


class Presence:
    """What this process says. `settled` is called when the last one engaged is so no more."""

    def __init__(self, settled: Callable[[], None]) -> None:
        self._settled = settled
        self._engaged = self._turns = 0
        self._due_ms: dict[object, int] = {}
        self._held: Counter[str] = Counter()
        self._takes_part = True
        self._descriptor: int | None = None

    def share(self, descriptor: int | None) -> None:
        """Say it in this file from now on; None: to this process alone."""
        self._descriptor = descriptor
        self._takes_part = True
        self._write()
        self._write_held()

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

    # --- how many there are

    @property
    def held(self) -> Held:
        return self._held

    def came(self, group: str) -> None:
        self._held[group] += 1
        self._write_held()

    def went(self, group: str) -> None:
        self._held[group] -= 1
        if not self._held[group]:
            del self._held[group]
        self._write_held()

    def retire(self) -> None:
        """This process takes no residents any more: none are to be left to it."""
        self._takes_part = False
        self._write_held()

    def _write_held(self) -> None:
        if self._descriptor is not None:
            told = msgspec.msgpack.encode(dict(self._held) if self._takes_part else None)
            head = _HELD.pack(len(told), zlib.crc32(told))
            os.pwrite(self._descriptor, head + told, _STATE.size)

    def _write(self) -> None:
        if self._descriptor is not None:
            os.pwrite(self._descriptor, _STATE.pack(*self.seen()), 0)
