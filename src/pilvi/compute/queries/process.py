"""The server's side of a query's process: starts it, feeds it, hears it, ends it.

1. Whoever iterates no longer closes; closing kills. The process ends by itself when the server is gone, because nobody
   reads what it writes.
2. What the process writes waits in its pipe until it is asked for, so a client that does not read holds no memory.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol, cast

from pilvi.base.http import Body
from pilvi.compute.plan import SOURCE
from pilvi.compute.queries import frames
from pilvi.compute.queries.plan import Plan
from pilvi.languages.select_sql.problems import SelectProblem

log = logging.getLogger("pilvi.compute")

WAITING_MAX = 100
_STAGE = (
    "import sys; sys.path.insert(0, sys.argv[1]);"
    " from pilvi.compute.queries.worker import main; main()"
)
_PIPE_BYTES = 64 * 1024


class Object(Protocol):
    """What is queried. It stays as it is as long as the query lives."""

    size: int

    def read(self, start: int, end: int) -> Body:
        """Bytes start..end-1. Raises: whatever reading raises."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Statistics:
    """Bytes of the object, bytes after decompression, bytes of records."""

    scanned: int = 0
    processed: int = 0
    returned: int = 0


@dataclass(frozen=True, slots=True)
class Records:
    data: bytes


@dataclass(frozen=True, slots=True)
class Progress:
    statistics: Statistics


@dataclass(frozen=True, slots=True)
class Done:
    statistics: Statistics


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing came for a while, but it goes on."""


Event = Records | Progress | Done | Silence


class QueryFailed(Exception):
    """The query or the object has something wrong. `code`, `text`: for the client."""

    def __init__(self, code: str, text: str) -> None:
        self.code = code
        self.text = text
        super().__init__(f"{code}: {text}")


class QueryBroken(Exception):
    """The process ended without a word, or with a traceback."""


class TooManyQueries(Exception):
    """As many wait as may."""


class Places:
    """How many queries run at once in this server; the others wait their turn."""

    def __init__(self, running_max: int | None = None) -> None:
        self._places = asyncio.Semaphore(running_max or max(2, os.cpu_count() or 2))
        self._waiting = 0

    async def take(self) -> Callable[[], None]:
        """Gives what gives it back. Raises: TooManyQueries."""
        if self._waiting >= WAITING_MAX:
            raise TooManyQueries
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        return self._places.release


class RunningQuery:
    """Iterate once, or close. Made with `await RunningQuery.start(...)`.

    Raises while iterating: QueryFailed, QueryBroken, and what reading the object raises.
    """

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        source: Object,
        release: Callable[[], None],
        silence_s: float,
    ) -> None:
        self._process = process
        self._source = source
        self._release: Callable[[], None] | None = release
        self._silence_s = silence_s
        self._feeding: asyncio.Task[None] | None = None
        self._hearing: asyncio.Task[tuple[bytes, bytes]] | None = None

    @classmethod
    async def start(
        cls, plan: Plan, source: Object, places: Places, *, silence_s: float
    ) -> RunningQuery:
        """Takes the source over. Raises: TooManyQueries, OSError."""
        try:
            release = await places.take()
        except BaseException:
            source.close()
            raise
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-c", _STAGE, str(SOURCE)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,  # what matters is told in a frame
                env={"LC_CTYPE": "C.UTF-8"},
                limit=_PIPE_BYTES,
            )
        except BaseException:
            release()
            source.close()
            raise
        query = cls(process, source, release, silence_s)
        dumped = plan.dump()
        query._write(frames.LENGTH.pack(len(dumped)) + dumped)
        return query

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        if self._release is None:
            raise StopAsyncIteration
        try:
            return await self._next()
        except BaseException:
            await self.aclose()
            raise

    async def _next(self) -> Event:
        while True:
            if self._hearing is None:
                self._hearing = asyncio.ensure_future(self._frame())
            done, _ = await asyncio.wait({self._hearing}, timeout=self._silence_s)
            if not done:
                self._check_feeding()
                return Silence()
            hearing, self._hearing = self._hearing, None
            kind, payload = hearing.result()
            if kind == frames.RECORDS:
                return Records(payload)
            if kind == frames.STATISTICS:
                return Progress(Statistics(**json.loads(payload)))
            if kind == frames.DONE:
                await self.aclose()
                return Done(Statistics(**json.loads(payload)))
            if kind == frames.PROBLEM:
                problem = json.loads(payload)
                raise QueryFailed(problem["code"], problem["text"])
            if kind == frames.BROKEN:
                raise QueryBroken(payload.decode(errors="replace"))
            assert kind in (frames.READ, frames.FOLLOW), kind
            self._feed(kind, json.loads(payload))

    async def _frame(self) -> tuple[bytes, bytes]:
        stream = cast("asyncio.StreamReader", self._process.stdout)
        try:
            kind, size = frames.HEAD.unpack(await stream.readexactly(frames.HEAD.size))
            assert size <= frames.PAYLOAD_BYTES_MAX, size
            return kind, await stream.readexactly(size)
        except asyncio.IncompleteReadError:
            code = await self._process.wait()
            self._check_feeding()
            if code == -signal.SIGXCPU:
                problem = SelectProblem("ExternalEvalException")
                raise QueryFailed(problem.code, problem.text) from None
            raise QueryBroken(f"the process of a query ended with {code}") from None

    # --- feeding

    def _feed(self, kind: bytes, wanted: dict[str, int]) -> None:
        start, end = wanted["start"], wanted["end"]
        assert 0 <= start <= end <= self._source.size, wanted
        self._check_feeding()
        before = self._feeding  # all is written, but it may not have come to its end yet
        pumping = self._pump(start, end, before, last=kind == frames.FOLLOW)
        self._feeding = asyncio.ensure_future(pumping)

    async def _pump(
        self, start: int, end: int, before: asyncio.Task[None] | None, *, last: bool
    ) -> None:
        if before is not None:
            await before
        stream = cast("asyncio.StreamWriter", self._process.stdin)
        body = self._source.read(start, end)
        try:
            async for piece in body:
                self._write(piece)
                await stream.drain()
            if last:
                stream.close()
        except (ConnectionError, BrokenPipeError):
            pass  # it has what it needs, or it has ended; its last frame tells
        except BaseException:
            self._kill()
            raise
        finally:
            close = getattr(body, "aclose", None)
            if close is not None:
                await close()

    def _write(self, data: bytes) -> None:
        cast("asyncio.StreamWriter", self._process.stdin).write(data)

    def _check_feeding(self) -> None:
        """Raises what reading the object raised."""
        feeding = self._feeding
        if feeding is not None and feeding.done() and not feeding.cancelled():
            feeding.result()

    # --- the end

    def _kill(self) -> None:
        if self._process.returncode is None:
            try:
                self._process.kill()
            except ProcessLookupError:
                pass  # it has just ended

    async def aclose(self) -> None:
        """End the process. Safe at any time, more than once."""
        release, self._release = self._release, None
        if release is None:
            return
        try:
            self._kill()
            for task in (self._feeding, self._hearing):
                if task is not None:
                    task.cancel()
                    await asyncio.wait({task})
                    if not task.cancelled():
                        task.exception()  # nobody else asks for it
            cast("asyncio.StreamWriter", self._process.stdin).close()
            await self._process.wait()
        finally:
            self._source.close()
            release()
