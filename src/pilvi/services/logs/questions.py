"""Writing log lines on behalf of other services: the answer to `contracts.logs.LogSink`.

Lines are posted, and one transaction at a time writes all that was posted meanwhile: so a function waits for no
disk, and a thousand invocations cost few commits.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence

import msgspec

from pilvi.base.arn import Scope
from pilvi.contracts.logs import LogSink
from pilvi.kit.cloud import Cloud
from pilvi.services.logs import records
from pilvi.services.logs.records import LogGroup, LogStream
from pilvi.store.api import Transaction

log = logging.getLogger("pilvi.logs")

POSTED_BYTES_MAX = 16 * 1024 * 1024
"""Posted and not yet written; whoever posts more waits."""
GATHER_S = 0.02
"""How long what is posted waits for more, if nobody asks for it: a transaction for each invocation would cost as much
as the invocation."""
BATCH_BYTES_MAX = 2 * 1024 * 1024
"""Of one transaction, but for a single posting that is larger."""


class _Posted(msgspec.Struct, frozen=True):
    scope: Scope
    group: str
    stream: str
    lines: Sequence[tuple[int, str]]
    size: int


class LogsSink:
    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._waiting: deque[_Posted] = deque()
        self._waiting_bytes = 0
        self._posted = 0
        self._written = 0
        """Postings in all, and those of them that are durable."""
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None
        self._failed = False

    async def append_lines(
        self, scope: Scope, group: str, stream: str, lines: Sequence[tuple[int, str]]
    ) -> None:
        """Append (timestamp_ms, message) lines; creates the group and the stream where missing.

        Returns once the lines are durable.
        """
        self._post(scope, group, stream, lines)
        await self.flush()

    async def post_lines(
        self, scope: Scope, group: str, stream: str, lines: Sequence[tuple[int, str]]
    ) -> None:
        """See `LogSink`. Raises: StoreUnavailable, when what was posted before cannot be written."""
        if self._failed or self._waiting_bytes > POSTED_BYTES_MAX:
            await self.flush()
        self._post(scope, group, stream, lines)

    async def flush(self) -> None:
        """Returns once all that was posted until now is durable. Raises: StoreUnavailable."""
        until = self._posted
        while self._written < until:
            await asyncio.shield(self._write())

    async def retire_all(self) -> None:
        """The cloud's state is being reset: nothing posted comes after that."""
        await self.flush()

    async def close(self) -> None:
        await self.flush()

    def _post(
        self, scope: Scope, group: str, stream: str, lines: Sequence[tuple[int, str]]
    ) -> None:
        size = sum(records.size_of(message) for _, message in lines)
        self._waiting.append(_Posted(scope, group, stream, lines, size))
        self._waiting_bytes += size
        self._posted += 1
        self._gather()

    def _gather(self) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(GATHER_S, self._write)

    def _write(self) -> asyncio.Task[None]:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        # One that has ended may not have been put to `_rest` yet; waiting for it would take no time, for ever.
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_batch())
            self._writing.add_done_callback(self._rest)
        return self._writing

    def _rest(self, task: asyncio.Task[None]) -> None:
        if self._writing is task:
            self._writing = None
        problem = None if task.cancelled() else task.exception()
        self._failed = problem is not None
        if problem is not None:
            log.error("log lines could not be written, and wait: %s", problem)
        elif self._waiting:
            self._gather()

    async def _write_batch(self) -> None:
        batch = self._next_batch()
        if batch:
            await self._cloud.store.write(lambda tx: self._append(tx, batch))
        for posted in batch:
            self._waiting.popleft()
            self._waiting_bytes -= posted.size
        self._written += len(batch)

    def _next_batch(self) -> list[_Posted]:
        batch: list[_Posted] = []
        size = 0
        for posted in self._waiting:
            size += posted.size
            if batch and size > BATCH_BYTES_MAX:
                break
            batch.append(posted)
        return batch

    def _append(self, tx: Transaction, batch: list[_Posted]) -> None:
        now_ms = self._cloud.clock.now_ms()
        by_stream: dict[tuple[Scope, str, str], list[tuple[int, str]]] = {}
        for posted in batch:
            place = (posted.scope, posted.group, posted.stream)
            by_stream.setdefault(place, []).extend(posted.lines)
        for (scope, group, stream), lines in by_stream.items():
            into = records.find_group(tx, scope, group)
            if into is None:
                into = LogGroup(name=group, created_ms=now_ms)
                records.put_group(tx, scope, into)
            home = records.group_home(scope, group)
            found = records.streams.find(tx, home, stream)
            if found is None:
                found = LogStream(name=stream, created_ms=now_ms)
                records.streams.put(tx, home, found)
            records.append_events(tx, scope, into, found, lines, now_ms=now_ms)


async def settle(cloud: Cloud) -> None:
    """What this process has posted is there for whoever asks for it."""
    sink = cloud.ask(LogSink)
    await sink.flush()
