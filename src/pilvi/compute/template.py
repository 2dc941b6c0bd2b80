"""One snapshot: a process that has been initialised and waits, and how an environment comes out of it.

This is the server's half. How it stays behind its walls: `launcher/templates.py`. Which there are: `templates.py`.
A snapshot outlives every environment that came of it: their namespaces lie in its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
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
from pilvi.compute.runtime_connection import Connection

REFILL_AFTER_S = 0.03
"""The environment that is being made goes first."""
RESTORED_S_MAX = 10.0
"""Until a fork stands where it should. Hooks come later."""

log = logging.getLogger("pilvi.compute")


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
        self._proven = False
        """A fork of it has been made."""
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
        self._answers: dict[int, asyncio.Queue[int | OSError]] = {}
        """To those who wait: the host's number of a process, or why there is none."""
        self._gone: dict[int, asyncio.Future[None]] = {}
        self.api = RuntimeApi()
        self.api.bind(
            on_initialised=self._initialised,
            on_answer=lambda _answer: None,
            make_registry=lambda: _NoExtensions(self._accompanied),
        )
        self._sandbox.hear(self._told)
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
        answers = self._answers[number] = asyncio.Queue()
        try:
            self._sandbox.tell({"place": number}, sandbox.far_end.fileno(), writer)
            self._gone[number] = self._loop.create_future()
            sandbox.begin(request, lambda: self._end(number))
            first = await _next(answers)
            await _put(cgroup, first)
            listeners = await asyncio.wait_for(sandbox.listening, RESTORED_S_MAX)
        except (OSError, TimeoutError) as error:
            raise self._failed(error, answers) from error
        finally:
            self._answers.pop(number, None)
        return Place(number, sandbox, capture, cgroup, listeners, first)

    async def restore(self, place: Place) -> None:
        """Put a fork of it there, which does not run yet. Raises: EnvironmentFailed."""
        number = place.number
        answers = self._answers[number] = asyncio.Queue()
        try:
            self._sandbox.tell({"restore": number})
            # The kernel takes its time; meanwhile the fork is led to its place.
            await _put(place.cgroup, await _next(answers))
            self._sandbox.tell({"go": number})
            process = await _next(answers)
            place.sandbox.meter = ForkMeter(process, place.first, place.cgroup)
            self._proven = True
        except (OSError, TimeoutError) as error:
            raise self._failed(error, answers) from error
        finally:
            self._answers.pop(number, None)

    def run(self, place: Place) -> None:
        """Raises: EnvironmentFailed."""
        self._sandbox.tell({"run": place.number})

    def _failed(self, error: Exception, answers: asyncio.Queue[int | OSError]) -> EnvironmentFailed:
        """`answers`: which may know better why."""
        while not answers.empty():
            answer = answers.get_nowait()
            error = error if isinstance(answer, int) else answer
        self.lasting = not self._proven
        self._become_unfit(f"it could not be restored: {error}")
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
                self._answer(number, _process_of(descriptors[0]))
            case {"failed": int(number), "error": str(text)}:
                self._answer(number, OSError(text))
            case {"gone": int(number)}:
                gone = self._gone.pop(number, None)
                self.used_s = self._loop.time()
                if gone is not None and not gone.done():
                    gone.set_result(None)
            case _:
                return False
        return True

    def _answer(self, number: int, answer: int | OSError) -> None:
        answers = self._answers.get(number)
        if answers is not None:
            answers.put_nowait(answer)

    def _finish(self) -> None:
        """The initialisation is over."""
        self._journal.collect()
        self._initialisation.tell(self._journal, None, None, time.perf_counter())
        self.lines = self._journal.held()

    def _initialised(self, failure: Answer | None) -> None:
        """The runtime told of an error, or asked for an invocation without having been kept."""
        self._become_unfit("its initialisation failed" if failure else "its runtime keeps none")

    def _accompanied(self) -> None:
        self.lasting = not self.ready.done()
        self._become_unfit("a part of it is an extension")

    def _exited(self, exited: asyncio.Future[Exit]) -> None:
        self._become_unfit("its initialisation ended the process")
        for answers in self._answers.values():
            answers.put_nowait(OSError("the snapshot has ended"))
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


class _NoExtensions:
    """For those that live in the function's own process: what they ask for is bound to one environment."""

    closed = True
    all_ready = True

    def __init__(self, on_request: Callable[[], None]) -> None:
        self._on_request = on_request

    def request(self, connection: Connection) -> None:
        self._on_request()
        connection.refuse(403, "Extension.InitError", "There are no extensions before a snapshot.")

    def invoke(self, event: dict[str, Any]) -> None:
        """There are no invocations either."""

    def lost(self, connection: object) -> None:
        """It had nothing."""


async def _next(answers: asyncio.Queue[int | OSError]) -> int:
    """Raises: OSError, TimeoutError."""
    answer = await asyncio.wait_for(answers.get(), RESTORED_S_MAX)
    if isinstance(answer, OSError):
        raise answer
    return answer


def _process_of(descriptor: int) -> int | OSError:
    """As this process's /proc numbers it."""
    try:
        for line in Path(f"/proc/self/fdinfo/{descriptor}").read_text().splitlines():
            name, _, value = line.partition(":")
            if name == "Pid" and int(value) > 0:
                return int(value)
        return ProcessLookupError("the fork has ended")
    finally:
        os.close(descriptor)


async def _put(cgroup: Cgroup | None, process: int) -> None:
    if cgroup is not None:
        await asyncio.to_thread(cgroup.put, process)
