"""Sandboxes that are nobody's yet, with a runtime that has started: Node.js, which cannot be forked, and Python, for
which most of a cold start is the sandbox itself.

Some are parked for a runtime and a size that were used, or for a function that was just made, and few in all: one of
Node.js, which takes its whole memory, and three of Python, which are forks and share theirs. Whoever takes one has
another one made in the background, a moment later, so that it does not stand in its way. What is to run is mounted and
told when it is taken (`launcher/sandbox.py`, `_park`).
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import OrderedDict
from collections.abc import Awaitable, Callable

import msgspec

from pilvi.compute.api import EnvironmentFailed, EnvironmentSpec
from pilvi.compute.capture import Capture
from pilvi.compute.handle import Handle
from pilvi.compute.snapshots import SNAP_START

log = logging.getLogger("pilvi.compute")

PARKED_MAX = 5
WANTED = {"python": 3}
REFILL_AFTER_S = {"python": 0.03}
REFILL_AFTER_S_MOST = 0.3
"""Twice the time that a runtime takes to start (Node.js, for one): the environment that is being made goes first."""

_READ_AT_START = ("NODE_", "LD_", "LC_", "UV_", "SSL_", "OPENSSL_", "MALLOC_")
_READ_AT_START_TOO = frozenset(("TZ", "LANG", "AWS_LAMBDA_EXEC_WRAPPER"))


class Key(msgspec.Struct, frozen=True):
    """What a parked sandbox was made for, beside the interpreter of its runtime."""

    runtime: str
    exact: bool
    memory_mb: int
    tmp_mb: int


class Blank(msgspec.Struct, frozen=True):
    """A sandbox that waits for its function."""

    sandbox: Handle
    capture: Capture
    listeners: list[socket.socket]


def key_of(spec: EnvironmentSpec) -> Key | None:
    """None for a function whose runtime must know of it when it starts."""
    for name in spec.environment:
        if name.startswith(_READ_AT_START) or name in _READ_AT_START_TOO:
            return None
    if spec.initialization_type == SNAP_START:
        return None  # its Runtime API listens elsewhere
    return Key(spec.runtime, spec.exact_runtime, spec.memory_mb, spec.tmp_mb)


class Parked:
    def __init__(self, make: Callable[[Key], Awaitable[Blank]]) -> None:
        """`make`: raises EnvironmentFailed, InvalidEntrypoint."""
        self._make = make
        self._blanks: OrderedDict[Key, list[Blank]] = OrderedDict()
        """The one used last at the end."""
        self._making: dict[Key, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        """Of those whose runtime ended while they waited."""
        self._closed = False

    def take(self, key: Key) -> Blank | None:
        """One that is ready, if there is; another one is made later."""
        blank = self._pop(key)
        self.refill(key)
        if blank is not None and blank.sandbox.exited.done():
            task = asyncio.create_task(_end(blank))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
            return None
        return blank

    def refill(self, key: Key, count: int | None = None) -> None:
        """Have so many ready in a moment; None: as many as there should be of what is in use."""
        if key not in self._making and not self._closed:
            task = asyncio.create_task(self._refill(key, count))
            self._making[key] = task
            task.add_done_callback(lambda _: self._making.pop(key, None))

    def _pop(self, key: Key) -> Blank | None:
        """One of those that are ready."""
        blanks = self._blanks.get(key)
        if blanks is None:
            return None
        blank = blanks.pop()
        if not blanks:
            del self._blanks[key]
        return blank

    async def _refill(self, key: Key, count: int | None) -> None:
        family = key.runtime.rstrip("0123456789.x")
        await asyncio.sleep(REFILL_AFTER_S.get(family, REFILL_AFTER_S_MOST))
        while len(self._blanks.get(key, ())) < (count or WANTED.get(family, 1)):
            try:
                blank = await self._make(key)
            except EnvironmentFailed as problem:
                log.warning("no %s could be parked: %s", key.runtime, problem)
                return
            if self._closed:
                await _end(blank)
                return
            self._blanks.setdefault(key, []).append(blank)
            self._blanks.move_to_end(key)
            if self.ready > PARKED_MAX:
                old = self._pop(next(iter(self._blanks)))
                assert old is not None
                await _end(old)

    @property
    def ready(self) -> int:
        return sum(map(len, self._blanks.values()))

    async def close(self) -> None:
        self._closed = True
        for task in list(self._making.values()):
            task.cancel()
        await asyncio.gather(*self._making.values(), return_exceptions=True)
        left = [blank for blanks in self._blanks.values() for blank in blanks]
        self._blanks.clear()
        await asyncio.gather(*map(_end, left), *self._ending)


async def _end(blank: Blank) -> None:
    blank.capture.close()
    for listener in blank.listeners:
        listener.close()
    await blank.sandbox.kill()
