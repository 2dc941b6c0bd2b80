"""Snapshots of initialised functions: for each version one process, of which every environment is a fork.

1. There are at most `TEMPLATES_MAX`. One that nobody uses ends after `IDLE_S_MAX`, or when room is needed.
2. What cannot be forked is known as such, with its reason, and each environment then initialises itself.

AWS: Lambda Developer Guide, "Improving startup performance with Lambda SnapStart".
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from pilvi.compute.api import EnvironmentFailed, EnvironmentSpec
from pilvi.compute.template import Template

TEMPLATES_MAX = 8
IDLE_S_MAX = 3600.0
"""It is there so that the next environment begins soon, long after the last one: longer than these, which idle less."""
_REASONS_MAX = 1000


NO_MEMORY = (
    "pilvi: SnapStart keeps no memory of this version, each environment initialises anew: {}."
)


class Templates:
    """Those of one backend."""

    def __init__(
        self,
        make: Callable[[EnvironmentSpec], Coroutine[Any, Any, Template]],
        *,
        most: int = TEMPLATES_MAX,
    ) -> None:
        """`make`: begins one; raises EnvironmentFailed."""
        self._make = make
        self._most = most
        self._made: OrderedDict[bytes, asyncio.Task[Template]] = OrderedDict()
        """By what it was made of; the one used last at the end."""
        self._reasons: OrderedDict[bytes, str] = OrderedDict()
        self._ending: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    async def take(self, spec: EnvironmentSpec) -> Template | str:
        """That of a version, once it is initialised; or why there is none, for people. Raises: EnvironmentFailed."""
        key = _key(spec)
        reason = self._reasons.get(key)
        if reason is not None:
            return reason
        task = self._made.get(key)
        if task is not None and task.done() and (task.exception() or task.result().unfit):
            self._drop(key)
            if not task.exception() and task.result().lasting:
                return self._remember(key, task.result().unfit or "")
            task = None
        if task is None:
            if not self._has_room():
                return "as many snapshots as may be kept are in use"
            task = asyncio.create_task(self._make(spec))
            self._made[key] = task
        self._made.move_to_end(key)
        template = await asyncio.shield(task)
        seconds = template.seconds_max
        try:
            reason = await asyncio.wait_for(asyncio.shield(template.ready), seconds)
        except TimeoutError:
            reason = f"its initialisation took longer than {seconds:.0f} seconds"
            template.lasting = True
        if reason is not None:
            if self._made.get(key) is task:
                self._drop(key)
                if template.lasting:
                    self._remember(key, reason)
            return reason if template.lasting else ""
        template.used_s = self._loop.time()
        if self._timer is None and not self._closed:
            self._timer = self._loop.call_later(IDLE_S_MAX / 10, self._reap)
        return template

    async def close(self) -> None:
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for key, task in list(self._made.items()):
            task.cancel()
            self._drop(key)
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _remember(self, key: bytes, reason: str) -> str:
        self._reasons[key] = reason
        if len(self._reasons) > _REASONS_MAX:
            self._reasons.popitem(last=False)
        return reason

    def _has_room(self) -> bool:
        if len(self._made) < self._most:
            return True
        for key, task in self._made.items():
            if task.done() and (task.exception() or not task.result().users):
                self._drop(key)
                return True
        return False

    def _reap(self) -> None:
        self._timer = None
        oldest_s = self._loop.time() - IDLE_S_MAX
        for key, task in list(self._made.items()):
            if task.done() and not task.exception():
                template = task.result()
                if not template.users and template.used_s <= oldest_s:
                    self._drop(key)
        if self._made:
            self._timer = self._loop.call_later(IDLE_S_MAX / 10, self._reap)

    def _drop(self, key: bytes) -> None:
        """It takes no more; it ends with its last environment."""
        task = asyncio.create_task(self._end(self._made.pop(key)))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _end(self, made: asyncio.Task[Template]) -> None:
        try:
            template = await made
        except (EnvironmentFailed, asyncio.CancelledError):
            return
        if not self._closed:
            await template.leave()
        await template.close()


def _key(spec: EnvironmentSpec) -> bytes:
    """What the initialisation depends on, but for its credentials: those are asked for again."""
    kept = {
        name: value
        for name, value in spec.environment.items()
        if name not in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    }
    same = msgspec.structs.replace(
        spec, key="", environment=kept, log_stream="", credentials_expire_at_ms=0
    )
    return repr(same).encode()
