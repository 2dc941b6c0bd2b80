"""One line for each request, and the counters of /metrics. Written in batches, off the hot path.

A line is `time status service.operation duration request-id client`, e.g.
`2026-11-21T10:00:00.123Z 200 dynamodb.PutItem 1.2ms 5f1c... 127.0.0.1`. No bodies, no credentials.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_left
from collections import Counter
from datetime import UTC, datetime
from functools import lru_cache

FLUSH_S = 0.25
BUFFER_MAX = 100_000

log = logging.getLogger("pilvi.requests")

Line = tuple[int, int, str, str, float, str, str]
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class AccessLog:
    def __init__(self, *, lines: bool = True) -> None:
        """`lines`: whether to write them; the counters are always kept."""
        self._lines = lines
        self._buffer: list[Line] = []
        self._loop = asyncio.get_running_loop()
        self._flusher: asyncio.TimerHandle | None = None
        self._left_out = 0
        self.requests: Counter[tuple[str, str, int]] = Counter()
        """(service, operation, status) -> how many."""
        self.seconds: dict[str, list[float]] = {}
        """service -> counts per bucket of BUCKETS_S, then +Inf, then the sum of seconds."""

    def record(
        self,
        at_ms: int,
        status: int,
        service: str,
        operation: str,
        duration_s: float,
        request_id: str,
        client: str,
    ) -> None:
        self.requests[service, operation, status] += 1
        histogram = self.seconds.get(service)
        if histogram is None:
            histogram = self.seconds[service] = [0.0] * (len(BUCKETS_S) + 2)
        histogram[bisect_left(BUCKETS_S, duration_s)] += 1
        histogram[-1] += duration_s
        if not self._lines:
            return
        if len(self._buffer) >= BUFFER_MAX:
            self._left_out += 1
        else:
            self._buffer.append((at_ms, status, service, operation, duration_s, request_id, client))
            if self._flusher is None:
                self._flusher = self._loop.call_later(FLUSH_S, self.flush)

    def flush(self) -> None:
        self._flusher = None
        lines, self._buffer = self._buffer, []
        left_out, self._left_out = self._left_out, 0
        if lines:
            log.info("%s", "\n".join([_format(*line) for line in lines]))
        if left_out:
            log.warning("%d requests came too fast to be written down one by one", left_out)


def _format(
    at_ms: int,
    status: int,
    service: str,
    operation: str,
    duration_s: float,
    request_id: str,
    client: str,
) -> str:
    name = f"{service}.{operation}" if operation else service or "-"
    return (
        f"{_second(at_ms // 1000)}.{at_ms % 1000:03d}Z {status} {name} {duration_s * 1000:.1f}ms "
        f"{request_id} {client or '-'}"
    )


@lru_cache(maxsize=2)
def _second(at_s: int) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%S}"
