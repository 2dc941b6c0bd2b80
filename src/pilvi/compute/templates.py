"""Snapshots of initialised functions: for each version one process that has been initialised and waits, and of which
every environment is a fork.

Here is the server's half: when one is made, what its log has, how many there may be, and how an environment comes out
of one. How it stays behind its walls: `launcher/templates.py`.

1. A snapshot outlives every environment that came of it: their namespaces lie in its own.
2. There are at most `TEMPLATES_MAX`. One that nobody uses ends after `IDLE_S_MAX`, or when room is needed.
3. What cannot be forked is known as such, with its reason, and each environment then initialises itself.

AWS: Lambda Developer Guide, "Improving startup performance with Lambda SnapStart".
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec

from pilvi.base.clock import Clock
from pilvi.compute.accounting import ForkMeter
from pilvi.compute.api import EnvironmentFailed, EnvironmentSpec, LogLine
from pilvi.compute.capture import Capture
from pilvi.compute.cgroups import Cgroup
from pilvi.compute.ends import Answer, Exit
from pilvi.compute.handle import Handle
from pilvi.compute.initialisation import Initialisation
from pilvi.compute.journal import Journal
from pilvi.compute.parked import Blank
from pilvi.compute.runtime_api import RuntimeApi

TEMPLATES_MAX = 8
IDLE_S_MAX = 3600.0
"""It is there so that the next environment begins soon, long after the last one: longer than these, which idle less."""
REFILL_AFTER_S = 0.03
"""The environment that is being made goes first."""
RESTORED_S_MAX = 10.0
"""Until a fork stands where it should. Hooks come later."""
_REASONS_MAX = 1000

log = logging.getLogger("pilvi.compute")

NO_MEMORY = (
    "pilvi: SnapStart keeps no memory of this version, each environment initialises anew: {}."
)


class Place(msgspec.Struct, frozen=True):
    """Where a fork is, standing still. `first`: the host's number of the process that watches over it."""

    number: int
    sandbox: Handle
    capture: Capture
    cgroup: Cgroup | None
    listeners: list[socket.socket]
    first: int


class Template:
    """One initialised function. `lines`: what the log has of that, for the first environment that comes of it."""

    def __init__(
        self,
        spec: EnvironmentSpec,
        blank: Blank,
        clock: Clock,
        make_place: Callable[[Template], Coroutine[Any, Any, Place]],
        *,
        label: str,
        notices: tuple[str, ...],
    ) -> None:
        """`make_place`: calls `place` with what it takes, then `restore`; raises EnvironmentFailed."""
        self.spec = spec
        self._loop = asyncio.get_running_loop()
        self._sandbox = blank.sandbox
        self._capture = blank.capture
        self._journal = Journal(spec, blank.capture, clock, label=label, notices=notices)
        self._clock = clock
        self._initialisation = Initialisation(spec, time.perf_counter())
        self.ready: asyncio.Future[str | None] = self._loop.create_future()
        """Done when the initialisation is over; else why nothing can be forked of it."""
        self.unfit: str | None = None
        self.lasting = False
        """It is so for every initialisation of this version."""
        self.user = 0
        """Whose its processes are, as the host numbers users."""
        self.lines: list[LogLine] = []
        self.used_s = self._loop.time()
        self._make_place = make_place
        self._spare: asyncio.Task[Place] | None = None
        self._leaving = False
        self._last = 0
        self._awaited: dict[int, asyncio.Future[int]] = {}
        """The host's number of the process that is waited for."""
        self._gone: dict[int, asyncio.Future[None]] = {}
        self.api = RuntimeApi()
        self.api.bind(on_initialised=self._initialised, on_answer=lambda _answer: None)
        self._sandbox.on_told = self._told
        self._sandbox.exited.add_done_callback(self._exited)

    @property
    def seconds_max(self) -> float:
        return self._initialisation.seconds_max

    @property
    def users(self) -> int:
        """Environments that came of it."""
        return len(self._gone) - (self._spare is not None)

    async def take_place(self) -> Place:
        """One with a fork that was made beforehand, or a new one; another is made later. Raises: EnvironmentFailed."""
        spare, self._spare = self._spare, None
        if not self._leaving:
            self._loop.call_later(REFILL_AFTER_S, self._refill)
        return await (spare or self._make_place(self))

    def _refill(self) -> None:
        if self._spare is None and self.unfit is None and not self._leaving:
            self._spare = asyncio.create_task(self._make_place(self))

    async def place(
        self,
        sandbox: Handle,
        capture: Capture,
        request: dict[str, Any],
        writer: int,
        cgroup: Cgroup | None,
    ) -> Place:
        """Have namespaces made, and the first process in them, under this handle. Raises: EnvironmentFailed."""
        self._last += 1
        number = self._last
        placed = self._awaited[number] = self._loop.create_future()
        try:
            self._sandbox.tell({"place": number}, sandbox.far_end.fileno(), writer)
            self._gone[number] = self._loop.create_future()
            sandbox.begin(request, lambda: self._end(number))
            first = await asyncio.wait_for(placed, RESTORED_S_MAX)
            await _put(cgroup, first)
            listeners = await asyncio.wait_for(sandbox.listening, RESTORED_S_MAX)
        except (OSError, TimeoutError) as error:
            raise self._failed(error) from error
        finally:
            self._awaited.pop(number, None)
        return Place(number, sandbox, capture, cgroup, listeners, first)

    async def restore(self, place: Place) -> None:
        """Put a fork of it there, which does not run yet. Raises: EnvironmentFailed."""
        number = place.number
        try:
            forked = self._awaited[number] = self._loop.create_future()
            self._sandbox.tell({"restore": number})
            # The kernel takes its time; meanwhile the fork is led to its place.
            await _put(place.cgroup, await asyncio.wait_for(forked, RESTORED_S_MAX))
            restored = self._awaited[number] = self._loop.create_future()
            self._sandbox.tell({"go": number})
            process = await asyncio.wait_for(restored, RESTORED_S_MAX)
            place.sandbox.meter = ForkMeter(process, place.first, place.cgroup)
        except (OSError, TimeoutError) as error:
            raise self._failed(error) from error
        finally:
            self._awaited.pop(number, None)

    def run(self, place: Place) -> None:
        """Raises: EnvironmentFailed."""
        self._sandbox.tell({"run": place.number})

    def _failed(self, error: Exception) -> EnvironmentFailed:
        self._become_unfit(f"a fork of it failed: {error}")
        if not self._leaving:
            log.warning("a snapshot could not be restored: %s", error)
        return EnvironmentFailed(f"The snapshot could not be restored: {error}")

    async def leave(self) -> None:
        """Take no more, and wait until nothing of it lives."""
        self._leaving = True
        spare, self._spare = self._spare, None
        if spare is not None:
            with contextlib.suppress(EnvironmentFailed):
                place = await spare
                place.capture.close()
                await place.sandbox.kill()
        while self._gone:
            await asyncio.wait(list(self._gone.values()))

    async def close(self) -> None:
        """With all that came of it."""
        self._become_unfit("it was ended")
        self._leaving = True
        if self._spare is not None:
            self._spare.cancel()
        self._capture.close()
        self.api.close()
        await self._sandbox.kill()
        self._all_gone()

    def _end(self, number: int) -> Awaitable[None]:
        gone = self._gone.get(number)
        if gone is None:
            gone = self._loop.create_future()
            gone.set_result(None)
        else:
            with contextlib.suppress(EnvironmentFailed):  # it has ended, and so has this one
                self._sandbox.tell({"kill": number})
        return gone

    def _told(self, message: dict[str, Any], descriptors: list[int]) -> bool:
        match message:
            case {"snapshot": True}:
                if not self.ready.done():
                    self._finish()
                    self.ready.set_result(None)
            case {"unfit": str(reason)}:
                self.lasting = not self.ready.done()
                self._become_unfit(reason)
            case {"placed": int(number)} | {"forked": int(number)} | {"restored": int(number)} if (
                len(descriptors) == 1
            ):
                self._answer(number, descriptors[0])
            case {"failed": int(number), "error": str(text)}:
                waiting = self._awaited.get(number)
                if waiting is not None and not waiting.done():
                    waiting.set_exception(OSError(text))
            case {"gone": int(number)}:
                gone = self._gone.pop(number, None)
                self.used_s = self._loop.time()
                if gone is not None and not gone.done():
                    gone.set_result(None)
            case _:
                return False
        return True

    def _answer(self, number: int, descriptor: int) -> None:
        waiting = self._awaited.get(number)
        try:
            process = _process_id(descriptor)
        except OSError as error:
            if waiting is not None and not waiting.done():
                waiting.set_exception(error)
        else:
            if waiting is not None and not waiting.done():
                waiting.set_result(process)
        finally:
            os.close(descriptor)

    def _finish(self) -> None:
        """The initialisation is over."""
        self._journal.collect()
        self._initialisation.tell(self._journal, None, None, time.perf_counter())
        self.lines = self._journal.held()

    def _initialised(self, failure: Answer | None) -> None:
        """The runtime told of an error, or asked for an invocation without having been kept."""
        self._become_unfit("its initialisation failed" if failure else "its runtime keeps none")

    def _exited(self, exited: asyncio.Future[Exit]) -> None:
        self._become_unfit("its initialisation ended the process")
        for waiting in self._awaited.values():
            if not waiting.done():
                waiting.set_exception(OSError("the snapshot has ended"))
        self._all_gone()

    def _all_gone(self) -> None:
        """The kernel ended with it whatever came of it."""
        gone, self._gone = self._gone, {}
        for waiting in gone.values():
            if not waiting.done():
                waiting.set_result(None)

    def _become_unfit(self, reason: str) -> None:
        if self.unfit is None:
            self.unfit = reason
        if not self.ready.done():
            self.ready.set_result(reason)


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

    def _remember(self, key: bytes, reason: str) -> None:
        self._reasons[key] = reason
        if len(self._reasons) > _REASONS_MAX:
            self._reasons.popitem(last=False)

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


def _process_id(descriptor: int) -> int:
    """As this process's /proc numbers it. Raises: OSError when it has ended."""
    for line in Path(f"/proc/self/fdinfo/{descriptor}").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "Pid" and int(value) > 0:
            return int(value)
    raise ProcessLookupError("the fork has ended")


async def _put(cgroup: Cgroup | None, process: int) -> None:
    if cgroup is not None:
        await asyncio.to_thread(cgroup.put, process)
