"""One live execution environment, whatever backend made it: initialisation, invocations, their ends.

The sandbox under it is only a handle (`Sandbox`): what can be stopped, measured and killed. What an invocation
came to is decided by whichever happens first: the runtime's answer, its end, its time, its memory.

An environment whose runtime has ended, or was ended, rests: nothing runs in it. The next invocation begins it again,
over the /tmp that it had.
"""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import suppress

from pilvi.base.clock import Clock
from pilvi.compute import events, outcomes, snapshots
from pilvi.compute.api import (
    EnvironmentFailed,
    EnvironmentGone,
    EnvironmentSpec,
    Invocation,
    LogLine,
    Outcome,
    Stats,
)
from pilvi.compute.capture import Capture
from pilvi.compute.companions import Companions, Why
from pilvi.compute.ends import Answer, End, Exit, InitFailed, Overrun, judge
from pilvi.compute.initialisation import BEGINS_MAX, Initialisation
from pilvi.compute.journal import Journal
from pilvi.compute.memory_watch import MemoryWatch
from pilvi.compute.runtime_api import RuntimeApi
from pilvi.compute.sandboxes import Sandbox
from pilvi.compute.snapshots import SNAP_START

FREEZE_AFTER_S = 0.05
"""Idle environments are frozen, but not at once: the next invocation often follows directly."""
_EXIT_GRACE_S = 0.01
"""A runtime may answer and exit at once; its answer counts."""


class LiveEnvironment:
    """See `api.Environment`."""

    def __init__(
        self,
        spec: EnvironmentSpec,
        *,
        sandbox: Sandbox,
        runtime_api: RuntimeApi,
        capture: Capture,
        clock: Clock,
        started_at_s: float,
        label: str,
        notices: tuple[str, ...] = (),
        extensions: tuple[str, ...] = (),
        host: str,
        restored: list[LogLine] | None = None,
    ) -> None:
        """`started_at_s`: `time.perf_counter()` when making the sandbox began. `notices`: first lines of the log.

        `extensions`: names of those that run already; the runtime is started when they have registered. `host`: where
        subscribers to telemetry listen inside. `restored`: it goes on from a snapshot, and this is what
        the log has from before.
        """
        self._spec = spec
        self._sandbox = sandbox
        self._api = runtime_api
        self._journal = Journal(
            spec, capture, clock, label=label, notices=notices, restored=restored
        )
        self._clock = clock
        self._host = host
        self._companions: Companions | None = None
        self._extensions = extensions
        self._label = label
        self._loop = asyncio.get_running_loop()
        self._initialisation = Initialisation(spec, started_at_s)
        self._begins_left = BEGINS_MAX
        self.rests = False
        """See `api.Environment`."""
        self._renewed = False
        """It has begun again at least once."""
        self._running_since_s = started_at_s
        self._init_ms: float | None = None
        self._invocation: Invocation | None = None
        self._end: asyncio.Future[End] | None = None
        self._ended_unused: End | None = None
        self._ready: asyncio.Event | None = None
        """Made for whoever waits for the initialisation alone."""
        self._invocations = 0
        self._memory = MemoryWatch(
            sandbox, spec.memory_mb, on_over=lambda: self._finish(Overrun("memory"))
        )
        self._frozen = False
        self._killed = False
        self._timeout: asyncio.TimerHandle | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._timeout_s = spec.timeout_s
        runtime_api.bind(
            on_initialised=self._initialised,
            on_answer=self._finish,
            make_registry=lambda: self._accompany(()).registry,
        )
        self._restored_s: float | None = None
        """When the initialisation ended, and what comes after a snapshot began."""
        self._restore_ms: float | None = None
        if spec.initialization_type == SNAP_START:
            runtime_api.on_restore = lambda: self._restoring(label)
            runtime_api.credentials = lambda token: snapshots.credentials(spec, token)
        if restored is not None:
            self._restored_s = started_at_s
            runtime_api.state = "restoring"
        if extensions:
            self._accompany(extensions)
        sandbox.exited.add_done_callback(self._exited)

    @property
    def spec(self) -> EnvironmentSpec:
        return self._spec

    @property
    def alive(self) -> bool:
        if self.rests:
            return self._sandbox.renewable and not self._killed
        return not self._killed and self._ended_unused is None and not self._sandbox.exited.done()

    async def initialised(self) -> bool:
        """AWS: "Understanding the Lambda execution environment lifecycle", init phase of provisioned concurrency."""
        if self._init_ms is None and self.alive:
            self._ready = asyncio.Event()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._initialisation.seconds_max):
                    await self._ready.wait()
            if self._init_ms is None:
                self._tell_failure(self._ended_unused or Overrun("time"))
        return self._init_ms is not None and self.alive

    async def invoke(self, invocation: Invocation) -> Outcome:
        assert self._end is None, "one invocation at a time"
        first = self._invocations == 0
        if self._killed or not (self.alive or first):
            raise EnvironmentGone(f"The environment of {self._spec.function_name} has ended.")
        self._thaw_for_work()
        self._timeout_s = invocation.timeout_s or self._spec.timeout_s
        self._invocation = invocation
        try:
            came_to = last = await self._begin(invocation)
            if self._init_ms is None and await self._may_try_again(came_to):
                came_to = last = await self._begin(invocation)
            answered_s = time.perf_counter()
            if self._init_ms is None:
                self._tell_failure(came_to)
                self._publish_start()
            self._publish_done(came_to, answered_s)
            if self._companions is not None and isinstance(came_to, Answer):
                last = await self._await_companions(came_to)
        except asyncio.CancelledError:
            await self.kill("the invocation was cancelled")
            raise
        finally:
            self._end = None
            self._memory.end()
            _cancel(self._timeout)
        ended = isinstance(came_to, Exit) and not first and self._init_ms is not None
        if ended and self._api.withdraw():
            await self.kill("it ended between two invocations")
            raise EnvironmentGone(f"The environment of {self._spec.function_name} has ended.")
        ended_s = time.perf_counter()
        written = self._journal.written() if not self._killed else []
        self._measure()
        course = outcomes.Course(
            invocation=invocation,
            end=came_to,
            last=last,
            began_s=self._running_since_s,
            answered_s=answered_s,
            ended_s=ended_s,
            timeout_s=self._timeout_s,
            init_ms=self._init_ms
            if first and not self._renewed and self._restored_s is None
            else None,
            restore_ms=self._restore_ms if first else None,
            peak_mb=self._memory.peak_mb,
            accompanied=self._companions is not None,
        )
        now_ms = self._clock.now_ms()
        outcome = outcomes.outcome_of(course, self._spec, self._journal, written, now_ms)
        if not isinstance(last, Answer) or last.final:
            # Before the outcome is told, so that nothing of it goes on behind the caller's back.
            in_time = not (isinstance(last, Overrun) and last.of == "time")
            why: Why = "failure" if in_time else "timeout"
            if not await self._rest(last, why):
                await self.kill("its invocation ended it", why)
        self._invocations += 1
        if self.alive:
            self._idle = self._loop.call_later(FREEZE_AFTER_S, self.freeze)
        return outcome

    async def _await_companions(self, answer: Answer) -> End:
        """The runtime is done. `answer` when the extensions are, too; else what ended the environment."""
        assert self._companions is not None
        if self._ended_unused is not None:
            return self._ended_unused
        if self._companions.settled:
            return answer
        end = self._end = self._loop.create_future()
        self._companions.on_settled = lambda: self._finish(answer)
        try:
            return await end
        finally:
            self._companions.on_settled = None

    def _accompany(self, names: tuple[str, ...]) -> Companions:
        self._companions = Companions(
            self._spec,
            names,
            self._sandbox,
            self._journal,
            self._api,
            self._clock,
            host=self._host,
            on_failed=self._end_or_keep,
        )
        if self._init_ms is not None:
            self._companions.close()
        return self._companions

    def freeze(self) -> None:
        if self._spec.debugger is not None:
            return  # its debugger could not set a breakpoint
        if self.alive and self._end is None and self._init_ms is not None and not self._frozen:
            self._frozen = True
            self._journal.sleep()
            self._sandbox.stop()

    def thaw(self) -> None:
        if self._frozen and self.alive:
            self._frozen = False
            self._sandbox.resume()
            self._journal.wake()

    async def kill(self, reason: str, why: Why = "spindown") -> None:
        """An invocation under way ends as killed. `reason` goes to the log of the function; `why`: to extensions."""
        first_time, self._killed = not self._killed, True
        _cancel(self._idle)
        self._finish(
            Exit(signal_number=signal.SIGKILL, fault=f"The environment was ended: {reason}.")
        )
        if first_time and self._companions is not None:
            await self._companions.shut_down(why)
        await self._sandbox.kill()
        if first_time:
            self._journal.close()
            self._api.close()

    def stats(self) -> Stats:
        self._measure()
        return Stats(
            invocations=self._invocations,
            memory_mb=self._spec.memory_mb,
            max_memory_mb=self._memory.peak_mb,
            frozen=self._frozen,
            limits=self._sandbox.limits,
        )

    def take_lines(self) -> list[LogLine]:
        self._journal.collect()
        return self._journal.held()

    def _begin(self, invocation: Invocation) -> asyncio.Future[End]:
        end: asyncio.Future[End] = self._loop.create_future()
        self._end = end
        if self._ended_unused is not None:
            end.set_result(self._ended_unused)
            return end
        if self._init_ms is not None:
            self._journal.collect()
            self._begin_running(time.perf_counter())
        elif self.rests:
            self._begin_again()
        elif self._restored_s is not None:
            self._limit_restore(self._restored_s)
        else:
            beginning = self._initialisation
            left_s = beginning.began_s + beginning.seconds_max - time.perf_counter()
            self._timeout = self._loop.call_later(left_s, self._finish, Overrun("time"))
        self._memory.begin()
        self._api.dispatch(invocation, self._deadline_ms)
        return end

    def _begin_again(self) -> None:
        """In the time of the invocation that has just begun. Raises: EnvironmentGone."""
        now_s = time.perf_counter()
        self.rests, self._renewed = False, True
        self._initialisation = Initialisation(self._spec, now_s, phase="invoke")
        self._memory.peak_mb = 0
        self._limit_time(now_s)
        self._journal.begin_again(self._label)
        self._api.begin_again()
        try:
            self._sandbox.begin_again()
        except EnvironmentFailed as problem:
            raise EnvironmentGone(str(problem)) from problem
        if self._extensions:
            self._accompany(self._extensions)
        self._sandbox.exited.add_done_callback(self._exited)

    async def _may_try_again(self, failure: End) -> bool:
        """Whether an initialisation that failed in its own phase is tried once more, in the invocation's time."""
        if self._initialisation.phase == "invoke" or self._restored_s is not None:
            return False
        self._tell_failure(failure)
        timed_out = isinstance(failure, Overrun) and failure.of == "time"
        return await self._rest(failure, "timeout" if timed_out else "failure")

    async def _rest(self, end: End, why: Why) -> bool:
        """End all that runs in it, so that it can begin again; False when it cannot: kill it."""
        never_ran = isinstance(end, Exit) and end.fault is not None
        if self._killed or never_ran or not self._begins_left or not self._sandbox.renewable:
            return False
        self._begins_left -= 1
        self.rests = True
        self._memory.end()
        _cancel(self._timeout)
        if self._companions is not None:
            await self._companions.shut_down(why)
            self._companions = None
        if not await self._sandbox.clear() or self._killed:
            return False
        self._journal.collect()
        await self._api.bar()
        self._init_ms = self._ended_unused = None
        return not self._killed

    def _begin_running(self, now_s: float) -> None:
        self._limit_time(now_s)
        self._publish_start()

    def _limit_time(self, now_s: float) -> None:
        self._running_since_s = now_s
        _cancel(self._timeout)
        self._timeout = self._loop.call_later(self._timeout_s, self._finish, Overrun("time"))

    def _publish_start(self) -> None:
        if not self._journal.plain and (invocation := self._invocation) is not None:
            name, version = invocation.request_id, self._spec.version
            self._journal.publish(events.start(name, version, invocation.trace))

    def _limit_restore(self, began_s: float) -> None:
        """What comes after a snapshot has a time of its own."""
        _cancel(self._timeout)
        left_s = began_s + snapshots.RESTORE_S_MAX - time.perf_counter()
        self._timeout = self._loop.call_later(left_s, self._finish, InitFailed(snapshots.LATE))

    def _deadline_ms(self) -> int:
        """When the invocation's time ends. The sandbox sees the machine's time, not the cloud's clock."""
        now_ms = time.clock_gettime_ns(time.CLOCK_REALTIME) // 1_000_000
        left_s = self._timeout_s
        if self._renewed:
            left_s -= time.perf_counter() - self._running_since_s
        return now_ms + int(left_s * 1000)

    def _tell_failure(self, end: End) -> None:
        """Of the initialisation, or the restore: what it wrote, and how it ended."""
        self._journal.collect()
        if self._restored_s is not None:
            verdict = judge("", end, timeout_s=self._timeout_s, now_ms=0)
            self._tell_restore(verdict.error_type)
            return
        self._initialisation.tell(self._journal, self._companions, end, time.perf_counter())

    def _publish_done(self, end: End, answered_s: float) -> None:
        """To subscribers: the runtime is done with the invocation."""
        invocation = self._invocation
        if not self._journal.plain and invocation is not None:
            duration_ms = (answered_s - self._running_since_s) * 1000
            done = outcomes.runtime_done(
                invocation, end, duration_ms=duration_ms, timeout_s=self._timeout_s
            )
            self._journal.publish(done)

    def _thaw_for_work(self) -> None:
        _cancel(self._idle)
        self._idle = None
        self.thaw()

    def _initialised(self, failure: Answer | None) -> None:
        """Called by the Runtime API before the runtime gets its first invocation."""
        if failure is not None and self._restored_s is None:
            self._end_or_keep(InitFailed(failure))
            return
        now_s = time.perf_counter()
        beginning = self._initialisation
        self._journal.collect()
        self._init_ms = (now_s - beginning.began_s) * 1000
        if self._restored_s is None:
            beginning.tell(self._journal, self._companions, None, now_s)
        else:
            self._tell_restore(None if failure is None else failure.error_type)
        if failure is not None:
            self._end_or_keep(InitFailed(failure))
        elif self._end is not None and beginning.phase == "invoke":
            self._publish_start()
        elif self._end is not None:
            self._begin_running(now_s)
        else:
            if self._ready is not None:
                self._ready.set()
            self._idle = self._loop.call_later(FREEZE_AFTER_S, self.freeze)

    def _tell_restore(self, error_type: str | None) -> None:
        assert self._restored_s is not None
        self._restore_ms = (time.perf_counter() - self._restored_s) * 1000
        late = error_type == snapshots.LATE.error_type
        status = "timeout" if late else "success" if error_type is None else "error"
        told = None if late else error_type
        self._journal.tell(events.restore_runtime_done(status, told))
        self._journal.tell(events.restore_report(self._restore_ms, status, told))

    def _restoring(self, label: str) -> None:
        """The initialisation is over; here no snapshot is made of it (see `snapshots.py`)."""
        self._restored_s = time.perf_counter()
        self._journal.collect()
        self._initialisation.tell(self._journal, self._companions, None, self._restored_s)
        self._journal.tell(events.restore_start(label, self._spec.runtime, self._spec.function_arn))
        if self._end is not None:
            self._limit_restore(self._restored_s)

    def _exited(self, exited: asyncio.Future[Exit]) -> None:
        if not exited.cancelled():
            self._loop.call_later(_EXIT_GRACE_S, self._tell_exit, exited)

    def _tell_exit(self, exited: asyncio.Future[Exit]) -> None:
        if exited is self._sandbox.exited and not self.rests:
            self._end_or_keep(exited.result())

    def _end_or_keep(self, end: End) -> None:
        """End the invocation, or let the first one that comes end this way."""
        if self._end is not None and not self._end.done():
            self._finish(end)
        elif self._ended_unused is None:
            self._ended_unused = end
            if self._ready is not None:
                self._ready.set()

    def _finish(self, end: End) -> None:
        if self._end is not None and not self._end.done():
            self._end.set_result(end)

    def _measure(self) -> None:
        if not self._killed:
            self._memory.measure()


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
