"""The one clock. It can be frozen and moved, and every process of a cloud sees the same hands.

Its state is 24 bytes in a file that all processes map: an offset, the instant at which it is frozen
(0 when it runs), and the machine's time when either was last changed (0 when never). Reading it costs a
few loads and no system call. Only timeouts that protect the process itself (a slow client, a hung
function) follow the machine's own monotonic clock instead.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from pathlib import Path

_STATE = struct.Struct("<qqq")
_AHEAD_MS = 5_000
"""By how much the clocks of other machines may be ahead of this one's."""


class Clock:
    """Wall-clock time in milliseconds since the epoch, UTC. Virtual when frozen or moved."""

    def __init__(self, path: Path | None = None) -> None:
        """`path`: the file shared by the processes of a cloud; None keeps the state in this process."""
        self._map: mmap.mmap | bytearray
        if path is None:
            self._map = bytearray(_STATE.size)
            return
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if os.fstat(descriptor).st_size < _STATE.size:
                os.ftruncate(descriptor, _STATE.size)
            self._map = mmap.mmap(descriptor, _STATE.size)
        finally:
            os.close(descriptor)

    def now_ms(self) -> int:
        offset_ms, frozen_at_ms, _ = _STATE.unpack_from(self._map)
        return frozen_at_ms or time.time_ns() // 1_000_000 + offset_ms

    def machine_ms(self) -> int:
        """The machine's own time: for judging when something outside this cloud was made (a signature)."""
        return time.time_ns() // 1_000_000

    @property
    def moved_at_ms(self) -> int:
        """The machine's time when the clock was last frozen, moved or let go; 0 when never."""
        return _STATE.unpack_from(self._map)[2]

    def judging_ms(self, dated_ms: int) -> int:
        """The time by which to judge the age of what somebody outside dated, who knows the machine's time only: what
        was dated since the clock was last moved grows old by that, all else by the clock. (Dates are whole seconds:
        what was dated in the very second of a move counts as dated before it, in that of `resume` as dated since.)
        """
        now_ms, machine_ms = self.now_ms(), self.machine_ms()
        since = self.moved_at_ms < dated_ms <= machine_ms + _AHEAD_MS
        return min(now_ms, machine_ms) if since else now_ms

    @property
    def frozen(self) -> bool:
        return _STATE.unpack_from(self._map)[1] != 0

    @property
    def offset_ms(self) -> int:
        """How far the clock is ahead of the machine's; while frozen, as it was when it froze."""
        return _STATE.unpack_from(self._map)[0]

    def real_delay_s(self, due_ms: int) -> float | None:
        """How long to sleep until `due_ms`; None when the clock stands still before it."""
        ahead_ms = due_ms - self.now_ms()
        if ahead_ms <= 0:
            return 0.0
        return None if self.frozen else ahead_ms / 1000

    def freeze(self, at_ms: int | None = None) -> None:
        self._set(self.offset_ms, at_ms or self.now_ms())

    def advance(self, by_ms: int) -> None:
        """Raises: ValueError for a step back: due jobs and expiries would run twice."""
        if by_ms < 0:
            raise ValueError("the clock moves forwards only")
        offset_ms, frozen_at_ms, _ = _STATE.unpack_from(self._map)
        self._set(offset_ms + by_ms, frozen_at_ms + by_ms if frozen_at_ms else 0)

    def resume(self) -> None:
        """Run on from where the clock stands: virtual time never jumps back. Ends a series of moves."""
        if self.moved_at_ms:
            offset_ms = self.now_ms() - self.machine_ms() if self.frozen else self.offset_ms
            self._set(offset_ms, 0, moved_at_ms=self.machine_ms() // 1000 * 1000 - 1)

    def reset(self) -> None:
        """Show the machine's time again."""
        self._set(0, 0)

    def _set(self, offset_ms: int, frozen_at_ms: int, moved_at_ms: int | None = None) -> None:
        moved_at_ms = self.machine_ms() if moved_at_ms is None else moved_at_ms
        _STATE.pack_into(self._map, 0, offset_ms, frozen_at_ms, moved_at_ms)
