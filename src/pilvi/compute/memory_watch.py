"""The watch over one environment's memory: the most it had, and an end to who takes more than was given.

The kernel holds memory and /tmp together where there are cgroups; what its processes have alone is looked at here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from pilvi.compute.sandboxes import Sandbox

WATCH_EVERY_S = 0.1
_WATCH_SHARE = 0.05
"""Of this process's time, at most, for the watch over one environment."""


class MemoryWatch:
    def __init__(self, sandbox: Sandbox, memory_mb: int, on_over: Callable[[], None]) -> None:
        """`on_over`: told when its processes have more than `memory_mb`."""
        self._sandbox = sandbox
        self._memory_mb = memory_mb
        self._on_over = on_over
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self.peak_mb = 0

    def begin(self) -> None:
        self._timer = self._loop.call_later(WATCH_EVERY_S, self._look)

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def measure(self) -> None:
        try:
            self.peak_mb = max(self.peak_mb, self._sandbox.peak_mb())
        except OSError:
            pass  # its processes have just ended; what was measured before stands

    def _look(self) -> None:
        began_s = time.perf_counter()
        try:
            over = self._sandbox.resident_mb() > self._memory_mb
        except OSError:
            over = False  # it has just ended; `exited` will tell
        if over:
            self.peak_mb = self._memory_mb
            self._on_over()
        else:
            pause_s = max(WATCH_EVERY_S, (time.perf_counter() - began_s) / _WATCH_SHARE)
            self._timer = self._loop.call_later(pause_s, self._look)
