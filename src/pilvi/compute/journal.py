"""What is told of one environment: the lines of its log, and the telemetry of those who subscribed to it.

Lines of an invocation are asked for when it is over; what was told or written between two of them is held for the next.
"""

from __future__ import annotations

import asyncio
from collections import deque

from pilvi.base.clock import Clock
from pilvi.compute import events, levels
from pilvi.compute.api import EnvironmentSpec, LogLine
from pilvi.compute.capture import Capture
from pilvi.compute.extensions.telemetry import Feed, Stream, Telemetry

_HELD_LINES_MAX = 10_000
_EARLY_MAX = 1_000


class Journal:
    """`notices`: first lines of the log. `restored`: what it had before the snapshot, where there is one."""

    def __init__(
        self,
        spec: EnvironmentSpec,
        capture: Capture,
        clock: Clock,
        *,
        label: str,
        notices: tuple[str, ...],
        restored: list[LogLine] | None = None,
    ) -> None:
        self._spec = spec
        self._clock = clock
        self._captures = [capture]
        self._json = spec.log_format == "JSON"
        self._open = True
        self._held: list[LogLine] = []
        self.plain = not self._json
        """Only lines are wanted, and those of plain text: nobody asks for records."""
        self._telemetry: Telemetry | None = None
        self._early: deque[tuple[Stream, int, str | events.Event]] | None = None
        """What was told before subscriptions closed: each subscriber gets it all."""
        if restored is None:
            begin = events.init_start(
                label, spec.runtime, spec.function_arn, spec.initialization_type
            )
        else:
            begin = events.restore_start(label, spec.runtime, spec.function_arn)
            self._hold(restored)
        self._begin = clock.now_ms(), begin
        self._hold(self.shown(begin))
        self._hold([(clock.now_ms(), f"{notice}\n") for notice in notices])

    def begin_again(self, label: str) -> None:
        """The environment does: subscribers and extensions of before are gone."""
        self.collect()
        if self._telemetry is not None:
            self._telemetry.close()
        self._telemetry = self._early = None
        for capture in self._captures[1:]:
            capture.close()
        del self._captures[1:]
        self._captures[0].on_line = None
        self.plain = not self._json
        spec = self._spec
        begin = events.init_start(
            label, spec.runtime, spec.function_arn, spec.initialization_type, "invoke"
        )
        self._begin = self._clock.now_ms(), begin
        self._hold(self.shown(begin))

    # --- subscribers

    def open_subscriptions(self, telemetry: Telemetry) -> None:
        """From now on extensions may subscribe; what they missed is kept for them."""
        self.plain = False
        self._telemetry = telemetry
        at_ms, begin = self._begin
        self._early = deque([("platform", at_ms, begin)], maxlen=_EARLY_MAX)
        self._captures[0].on_line = lambda at_ms, text: self._written("function", at_ms, text)

    def catch_up(self, feed: Feed) -> None:
        """Give a new subscriber what was told before it came."""
        for stream, at_ms, told in self._early or ():
            if isinstance(told, events.Event):
                feed.publish(told, at_ms)
            else:
                feed.line(stream, at_ms, told)

    def close_subscriptions(self) -> None:
        self._early = None
        if self._telemetry is not None and not self._telemetry.feeds:
            self._telemetry = None
            self.plain = not self._json
            for capture in self._captures:
                capture.on_line = None

    @property
    def may_subscribe(self) -> bool:
        return self._early is not None

    def add_extensions(self, capture: Capture) -> None:
        """A second pipe: what the extensions write."""
        if not self._open:
            capture.close()
            return
        capture.on_line = lambda at_ms, text: self._written("extension", at_ms, text)
        self._captures.append(capture)

    def _written(self, stream: Stream, at_ms: int, text: str) -> None:
        if self._telemetry is not None:
            self._telemetry.line(stream, at_ms, text)
        if self._early is not None:
            self._early.append((stream, at_ms, text))

    # --- events

    def publish(self, event: events.Event) -> None:
        """To subscribers only; `shown` gives its line of the log."""
        if self._telemetry is not None:
            self._telemetry.publish(event, self._clock.now_ms())
        if self._early is not None:
            self._early.append(("platform", self._clock.now_ms(), event))

    def shown(self, event: events.Event) -> list[LogLine]:
        now_ms = self._clock.now_ms()
        line = event.line(now_ms, json=self._json, least=self._spec.system_log_level)
        return [] if line is None else [(now_ms, line)]

    def tell(self, event: events.Event) -> None:
        """To subscribers, and into the log before the next invocation."""
        self.publish(event)
        self._hold(self.shown(event))

    # --- lines

    def written(self) -> list[LogLine]:
        """What was written until now, and which of it the log has."""
        if not self._open:
            return []
        lines = self._captures[0].take()
        if len(self._captures) > 1:
            for capture in self._captures[1:]:
                lines += capture.take()
            lines.sort(key=lambda line: line[0])
        least = self._spec.application_log_level
        if not self._json or least in ("TRACE", "DEBUG", "INFO"):
            return lines
        return [line for line in lines if levels.is_admitted(line[1], least)]

    def collect(self) -> None:
        self._hold(self.written())

    def held(self) -> list[LogLine]:
        """What belongs before the next invocation; it is given once."""
        lines, self._held = self._held, []
        return lines

    def _hold(self, lines: list[LogLine]) -> None:
        if lines:
            self._held = [*self._held, *lines][-_HELD_LINES_MAX:]

    # --- life

    def sleep(self) -> None:
        if self._telemetry is not None:
            self._telemetry.sleep()

    def wake(self) -> None:
        if self._telemetry is not None:
            self._telemetry.wake()

    async def flush(self, within_s: float) -> None:
        """Send what subscribers have not got yet."""
        if self._telemetry is not None:
            for capture in self._captures:
                capture.drain()
            try:
                await asyncio.wait_for(self._telemetry.flush(), within_s)
            except TimeoutError:
                return  # they do not take it; the environment ends all the same

    def close(self) -> None:
        self.collect()
        self._open = False
        for capture in self._captures:
            capture.close()
        if self._telemetry is not None:
            self._telemetry.close()
