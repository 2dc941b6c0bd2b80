"""Waiting for a topic inside one process: who waits, and ending their waits.

`wakes.py` carries wakes to other processes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

_log = logging.getLogger("pilvi.store")


class Waits:
    """Used on one event loop."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Future[bool]]] = {}

    def wake(self, topics: Iterable[str]) -> None:
        for topic in topics:
            for waiter in self._waiting.pop(topic, ()):
                if not waiter.done():
                    waiter.set_result(True)

    def wake_all(self) -> None:
        self.wake(self.topics())

    def topics(self) -> list[str]:
        """Those that somebody waits for."""
        return list(self._waiting)

    async def wait(self, topic: str, timeout_s: float | None) -> bool:
        """True when woken; False after `timeout_s`."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[bool] = loop.create_future()
        waiters = self._waiting.setdefault(topic, set())
        waiters.add(waiter)
        timer = None if timeout_s is None else loop.call_later(timeout_s, _settle, waiter, False)
        try:
            return await waiter
        finally:
            if timer is not None:
                timer.cancel()
            waiters.discard(waiter)
            if not waiters and self._waiting.get(topic) is waiters:
                del self._waiting[topic]


def _settle(waiter: asyncio.Future[bool], result: bool) -> None:
    if not waiter.done():
        waiter.set_result(result)


def run_hints(actions: Iterable[Callable[[], None]]) -> None:
    """Run what was to follow a commit. The commit stands, so a failing hint is logged, not raised."""
    for action in actions:
        try:
            action()
        except Exception:  # noqa: BLE001 - the commit stands; the traceback goes to the log
            _log.exception("A hint after a transaction failed: %r", action)
