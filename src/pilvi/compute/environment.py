"""One live execution environment, whatever backend made it: initialisation, invocations, their ends.

The sandbox under it is only a handle (`Sandbox`): what can be stopped, measured and killed. What an invocation
came to is decided by whichever happens first: the runtime's answer, its end, its time, its memory.
"""

from __future__ import annotations

import asyncio
import signal
import time
from typing import Protocol

from pilvi.base.clock import Clock
from pilvi.compute import events, levels, report
from pilvi.compute.api import (
    EnvironmentGone,
    EnvironmentSpec,
    Invocation,
    LogLine,
    Outcome,
    Stats,
)
from pilvi.compute.capture import Capture
from pilvi.compute.ends import Answer, End, Exit, InitFailed, Overrun, Verdict, judge
from pilvi.compute.runtime_api import RuntimeApi

INIT_S_MAX = 10.0
"""Differs: AWS begins the initialisation again after this time, in that of the invocation; here it goes on."""
FREEZE_AFTER_S = 0.05
"""Idle environments are frozen, but not at once: the next invocation often follows directly."""
WATCH_EVERY_S = 0.1
_WATCH_SHARE = 0.05
"""Of this process's time, at most, for the watch over one environment's memory."""

_EXIT_GRACE_S = 0.01
"""A runtime may answer and exit at once; its answer counts."""
_HELD_LINES_MAX = 10_000


class Sandbox(Protocol):
    """What a backend made."""

    @property
    def exited(self) -> asyncio.Future[Exit]: ...
    @property
    def limits(self) -> tuple[str, ...]: ...
    def stop(self) -> None: ...
    def resume(self) -> None: ...
    def peak_mb(self) -> int:
        """The most memory it had. Raises: OSError when its processes have just ended."""
        ...

    def resident_mb(self) -> int:
        """What its processes have now. Raises: OSError as above."""
        ...

    async def kill(self) -> None:
        """Every process gone, nothing left on the host. May be called more than once."""
        ...


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
    ) -> None:
        """`started_at_s`: `time.perf_counter()` when making the sandbox began. `notices`: first lines of the log."""
        self._spec = spec
        self._sandbox = sandbox
        self._api = runtime_api
        self._capture = capture
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._started_at_s = started_at_s
        self._running_since_s = started_at_s
        self._init_ms: float | None = None
        self._json = spec.log_format == "JSON"
        self._held: list[LogLine] = []
        self._tell(events.init_start(label, spec.function_arn, spec.initialization_type))
        self._hold([(clock.now_ms(), f"{notice}\n") for notice in notices])
        self._end: asyncio.Future[End] | None = None
        self._ended_unused: End | None = None
        self._invocations = 0
        self._peak_mb = 0
        self._frozen = False
        self._killed = False
        self._timeout: asyncio.TimerHandle | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._timeout_s = spec.timeout_s
        runtime_api.bind(on_initialised=self._initialised, on_answer=self._finish)
        sandbox.exited.add_done_callback(self._exited)

    @property
    def spec(self) -> EnvironmentSpec:
        return self._spec

    @property
    def alive(self) -> bool:
        return not self._killed and self._ended_unused is None and not self._sandbox.exited.done()

    async def invoke(self, invocation: Invocation) -> Outcome:
        assert self._end is None, "one invocation at a time"
        first = self._invocations == 0
        if self._killed or not (self.alive or first):
            raise EnvironmentGone(f"The environment of {self._spec.function_name} has ended.")
        self._thaw_for_work()
        self._timeout_s = invocation.timeout_s or self._spec.timeout_s
        end = self._begin(invocation)
        try:
            came_to = await end
        except asyncio.CancelledError:
            await self.kill("the invocation was cancelled")
            raise
        finally:
            self._end = None
            _cancel(self._timeout, self._watch)
        if isinstance(came_to, Exit) and not first and self._api.withdraw():
            await self.kill("it ended between two invocations")
            raise EnvironmentGone(f"The environment of {self._spec.function_name} has ended.")
        ended_s = time.perf_counter()
        written = self._capture.take() if not self._killed else []
        self._measure()
        if not isinstance(came_to, Answer):
            # Before the outcome is told, so that nothing of it goes on behind the caller's back.
            await self.kill("its invocation ended it")
        self._invocations += 1
        if self.alive:
            self._idle = self._loop.call_later(FREEZE_AFTER_S, self.freeze)
        return self._outcome(invocation, came_to, ended_s, written, first=first)

    def freeze(self) -> None:
        if self.alive and self._end is None and self._init_ms is not None and not self._frozen:
            self._frozen = True
            self._sandbox.stop()

    def thaw(self) -> None:
        if self._frozen and self.alive:
            self._frozen = False
            self._sandbox.resume()

    async def kill(self, reason: str) -> None:
        """An invocation under way ends as killed. `reason` goes to the log of the function."""
        first_time, self._killed = not self._killed, True
        _cancel(self._idle)
        self._finish(
            Exit(signal_number=signal.SIGKILL, fault=f"The environment was ended: {reason}.")
        )
        await self._sandbox.kill()
        if first_time:
            self._hold(self._capture.take())
            self._capture.close()
            self._api.close()

    def stats(self) -> Stats:
        self._measure()
        return Stats(
            invocations=self._invocations,
            memory_mb=self._spec.memory_mb,
            max_memory_mb=self._peak_mb,
            frozen=self._frozen,
            limits=self._sandbox.limits,
        )

    def take_lines(self) -> list[LogLine]:
        if not self._killed:
            self._hold(self._capture.take())
        lines, self._held = self._held, []
        return lines

    def _begin(self, invocation: Invocation) -> asyncio.Future[End]:
        end: asyncio.Future[End] = self._loop.create_future()
        self._end = end
        if self._ended_unused is not None:
            end.set_result(self._ended_unused)
            return end
        if self._init_ms is not None:
            self._hold(self._capture.take())
            self._begin_running(time.perf_counter())
        else:
            self._timeout = self._loop.call_later(
                INIT_S_MAX + self._timeout_s, self._finish, Overrun("time")
            )
        self._watch = self._loop.call_later(WATCH_EVERY_S, self._watch_memory)
        self._api.dispatch(invocation, self._deadline_ms)
        return end

    def _begin_running(self, now_s: float) -> None:
        self._running_since_s = now_s
        _cancel(self._timeout)
        self._timeout = self._loop.call_later(self._timeout_s, self._finish, Overrun("time"))

    def _deadline_ms(self) -> int:
        """When the invocation's time ends. The sandbox sees the machine's time, not the cloud's clock."""
        now_ms = time.clock_gettime_ns(time.CLOCK_REALTIME) // 1_000_000
        return now_ms + int(self._timeout_s * 1000)

    def _lines_of(self, event: events.Event) -> list[LogLine]:
        """What the log shows of an event."""
        now_ms = self._clock.now_ms()
        line = event.line(now_ms, json=self._json, least=self._spec.system_log_level)
        return [] if line is None else [(now_ms, line)]

    def _tell(self, event: events.Event) -> None:
        self._hold(self._lines_of(event))

    def _hold(self, lines: list[LogLine]) -> None:
        if lines:
            self._held = [*self._held, *lines][-_HELD_LINES_MAX:]

    def _admitted(self, lines: list[LogLine]) -> list[LogLine]:
        """Of what the function wrote, what its log level lets into the log."""
        least = self._spec.application_log_level
        if not self._json or least in ("TRACE", "DEBUG", "INFO"):
            return lines
        return [line for line in lines if levels.is_admitted(line[1], least)]

    def _tell_init(self, duration_ms: float, end: End | None) -> None:
        """`end`: of an initialisation that failed."""
        kind = self._spec.initialization_type
        status, error_type = "success", None
        if end is not None:
            verdict = judge("", end, timeout_s=self._timeout_s, now_ms=0)
            status = verdict.status or "error"
            error_type = verdict.error_type if status == "error" else None
        self._tell(events.init_runtime_done(kind, error_type))
        self._tell(
            events.init_report(kind, duration_ms=duration_ms, status=status, error_type=error_type)
        )

    def _thaw_for_work(self) -> None:
        _cancel(self._idle)
        self._idle = None
        self.thaw()

    def _initialised(self, failure: Answer | None) -> None:
        """Called by the Runtime API before the runtime gets its first invocation."""
        now_s = time.perf_counter()
        self._init_ms = (now_s - self._started_at_s) * 1000
        self._hold(self._capture.take())
        self._tell_init(self._init_ms, None if failure is None else InitFailed(failure))
        if failure is not None:
            self._end_or_keep(InitFailed(failure))
        elif self._end is not None:
            self._begin_running(now_s)
        else:
            self._idle = self._loop.call_later(FREEZE_AFTER_S, self.freeze)

    def _exited(self, exited: asyncio.Future[Exit]) -> None:
        if not exited.cancelled():
            self._loop.call_later(_EXIT_GRACE_S, self._end_or_keep, exited.result())

    def _end_or_keep(self, end: End) -> None:
        """End the invocation, or let the first one that comes end this way."""
        if self._end is not None:
            self._finish(end)
        elif self._ended_unused is None:
            self._ended_unused = end

    def _finish(self, end: End) -> None:
        if self._end is not None and not self._end.done():
            self._end.set_result(end)

    def _watch_memory(self) -> None:
        if self._end is None or self._end.done():
            return
        began_s = time.perf_counter()
        try:
            over = self._sandbox.resident_mb() > self._spec.memory_mb
        except OSError:
            over = False  # it has just ended; `exited` will tell
        if over:
            self._peak_mb = self._spec.memory_mb
            self._finish(Overrun("memory"))
        else:
            pause_s = max(WATCH_EVERY_S, (time.perf_counter() - began_s) / _WATCH_SHARE)
            self._watch = self._loop.call_later(pause_s, self._watch_memory)

    def _measure(self) -> None:
        if self._killed:
            return
        try:
            self._peak_mb = max(self._peak_mb, self._sandbox.peak_mb())
        except OSError:
            pass  # its processes have just ended; what was measured before stands

    def _outcome(
        self,
        invocation: Invocation,
        end: End,
        ended_s: float,
        written: list[LogLine],
        *,
        first: bool,
    ) -> Outcome:
        request_id, trace = invocation.request_id, invocation.trace
        now_ms = self._clock.now_ms()
        verdict = judge(request_id, end, timeout_s=self._timeout_s, now_ms=now_ms)
        if verdict.status == "timeout":
            duration_ms = self._timeout_s * 1000
        else:
            duration_ms = (ended_s - self._running_since_s) * 1000
        if self._init_ms is None:
            self._tell_init((ended_s - self._started_at_s) * 1000, end)
        init_ms = self._init_ms if first else None
        max_memory_mb = min(self._peak_mb, self._spec.memory_mb)
        begin_ms = written[0][0] if written else now_ms
        report_line = report.report(
            request_id,
            duration_ms=duration_ms,
            memory_mb=self._spec.memory_mb,
            max_memory_mb=max_memory_mb,
            init_ms=init_ms,
            status=verdict.status,
            error_type=verdict.error_type,
            traced=(trace.root, trace.segment_id) if trace is not None and trace.sampled else None,
        )
        if self._json:
            metrics = _metrics(self._spec, duration_ms, init_ms, max_memory_mb)
            own = self._lines_of(events.start(request_id, self._spec.version, trace))
            own += self._admitted(written)
            own += [(now_ms, line) for line in verdict.lines]
            status, error_type = _status(verdict)
            own += self._lines_of(
                events.runtime_done(
                    request_id,
                    status=status,
                    error_type=error_type,
                    duration_ms=duration_ms,
                    produced_bytes=len(verdict.payload),
                    trace=trace,
                )
            )
            own += self._lines_of(
                events.report_of(
                    request_id,
                    status=status,
                    error_type=error_type,
                    metrics=metrics,
                    spans=[],
                    trace=trace,
                    text=report_line,
                )
            )
        else:
            own = [(begin_ms, report.start(request_id, self._spec.version)), *written]
            own += [(now_ms, line) for line in (*verdict.lines, report.end(request_id))]
            own.append((now_ms, report_line))
        before, self._held = self._held, []
        return Outcome(
            request_id=request_id,
            payload=verdict.payload,
            error=None if verdict.error_type is None else "Unhandled",
            error_type=verdict.error_type,
            duration_ms=duration_ms,
            billed_ms=report.billed_ms(duration_ms),
            init_ms=init_ms,
            max_memory_mb=max_memory_mb,
            log_lines=[*before, *own],
            log_tail=report.tail([line for _, line in own]),
        )


def _status(verdict: Verdict) -> tuple[str, str | None]:
    """As the records of events have it: an error of the function's own is one, too."""
    if verdict.status is not None:
        return verdict.status, None if verdict.status == "timeout" else verdict.error_type
    return ("success" if verdict.error_type is None else "error"), verdict.error_type


def _metrics(
    spec: EnvironmentSpec, duration_ms: float, init_ms: float | None, max_memory_mb: int
) -> dict[str, int | float]:
    metrics: dict[str, int | float] = {
        "durationMs": round(duration_ms, 3),
        "billedDurationMs": report.billed_ms(duration_ms),
        "memorySizeMB": spec.memory_mb,
        "maxMemoryUsedMB": max_memory_mb,
    }
    if init_ms is not None:
        metrics["initDurationMs"] = round(init_ms, 3)
    return metrics


def _cancel(*timers: asyncio.TimerHandle | None) -> None:
    for timer in timers:
        if timer is not None:
            timer.cancel()
