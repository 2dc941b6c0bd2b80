"""The process of a query, with an object of a test's own: silence, ends, and bounds."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from pilvi.compute.queries.plan import Limits, Plan
from pilvi.compute.queries.process import (
    Done,
    Event,
    Places,
    QueryBroken,
    QueryFailed,
    Records,
    RunningQuery,
    Silence,
    TooManyQueries,
)
from pilvi.languages.select_sql.formats.options import CsvInput, CsvOutput, JsonInput, ParquetInput

LIMITS = Limits(memory_bytes=2 * 1024**3, processor_s=60)


class Given:
    """An object. `wait`: held before the last of it; `fails`: instead of it."""

    def __init__(
        self, data: bytes, *, wait: asyncio.Event | None = None, fails: bool = False
    ) -> None:
        self.size = len(data)
        self.closed = False
        self._data = data
        self._wait = wait
        self._fails = fails

    async def read(self, start: int, end: int) -> AsyncIterator[bytes]:
        middle = max(start, min(end, self.size // 2))
        yield self._data[start:middle]
        if self._wait is not None:
            await self._wait.wait()
        if self._fails:
            raise OSError("the disk is gone")
        yield self._data[middle:end]

    def close(self) -> None:
        self.closed = True


def plan(source: Given, expression: str, limits: Limits = LIMITS, **more: object) -> Plan:
    read = more.get("read", CsvInput())
    assert isinstance(read, CsvInput | JsonInput | ParquetInput)
    return Plan(expression, read, CsvOutput(), source.size, 0, limits)


async def start(
    source: Given,
    expression: str,
    *,
    silence_s: float = 30,
    places: Places | None = None,
    **more: object,
) -> RunningQuery:
    limits = more.pop("limits", LIMITS)
    assert isinstance(limits, Limits)
    made = plan(source, expression, limits, **more)
    return await RunningQuery.start(made, source, places or Places(), silence_s=silence_s)


def run(source: Callable[[], Given] | Given, expression: str, **more: object) -> list[Event]:
    async def all_events() -> list[Event]:
        given = source if isinstance(source, Given) else source()
        query = await start(given, expression, **more)
        events = [event async for event in query]
        assert given.closed
        return events

    return asyncio.run(all_events())


def test_while_nothing_comes_silence_is_told() -> None:
    async def body() -> None:
        wait = asyncio.Event()
        query = await start(Given(b"a\nb\n", wait=wait), "SELECT * FROM S3Object", silence_s=0.01)
        assert isinstance(await anext(query), Silence)
        wait.set()
        rest = [event async for event in query if not isinstance(event, Silence)]
        assert isinstance(rest[0], Records)
        assert isinstance(rest[-1], Done)

    asyncio.run(body())


def test_what_libraries_print_is_not_taken_for_frames() -> None:
    """DuckDB shows how far a long query is on its standard output."""

    def children() -> set[str]:
        found = set[str]()
        for task in Path("/proc/self/task").iterdir():
            with contextlib.suppress(FileNotFoundError):  # threads end meanwhile
                found.update((task / "children").read_text().split())
        return found

    async def body() -> None:
        before = children()
        query = await start(
            Given(b"a\nb\n", wait=asyncio.Event()), "SELECT * FROM S3Object", silence_s=1
        )
        assert isinstance(await anext(query), Silence)
        (process,) = children() - before
        assert Path(f"/proc/{process}/fd/1").readlink() == Path("/dev/null")
        await query.aclose()

    asyncio.run(body())


def test_closing_kills_and_lets_go_of_the_object() -> None:
    async def body() -> None:
        source = Given(b"a\n" * 1_000_000)
        query = await start(source, "SELECT * FROM S3Object")
        assert isinstance(await anext(query), Records)
        await query.aclose()
        await query.aclose()
        assert source.closed
        with pytest.raises(StopAsyncIteration):
            await anext(query)

    asyncio.run(body())


def test_what_breaks_while_reading_breaks_the_query() -> None:
    with pytest.raises(OSError, match="the disk is gone"):
        run(lambda: Given(b"a\n" * 10, fails=True), "SELECT COUNT(*) FROM S3Object")


def test_a_query_that_needs_too_much_memory_or_time_ends_alone() -> None:
    """The one object is an expression that grows; the other never ends within its second."""
    long = b'"' + b"x" * 1_000_000 + b'"\n'
    little = Limits(memory_bytes=64 * 1024**2, processor_s=60)
    with pytest.raises((QueryFailed, QueryBroken)):
        run(
            Given(long * 30),
            "SELECT [_1, _1, _1] FROM S3Object",
            read=JsonInput(lines=False),
            limits=little,
        )
    short = Limits(memory_bytes=LIMITS.memory_bytes, processor_s=1)
    slow = " OR ".join(f"_1 LIKE '%{number}%b'" for number in range(400))
    with pytest.raises(QueryFailed, match="ExternalEvalException"):
        run(
            Given(b"a" * 50 + b"\n" + b"1234567890\n" * 200_000),
            f"SELECT * FROM S3Object WHERE {slow}",
            limits=short,
        )


def test_garbage_that_calls_itself_parquet_is_told_as_such() -> None:
    with pytest.raises(QueryFailed, match="ParquetParsingError"):
        run(
            Given(b"PAR1" + bytes(range(256)) * 20 + b"PAR1"),
            "SELECT a FROM S3Object",
            read=ParquetInput(),
        )


def test_only_so_many_run_and_wait() -> None:
    async def body() -> None:
        places = Places(running_max=1)
        release = await places.take()
        waiting = [asyncio.ensure_future(places.take()) for _ in range(100)]
        await asyncio.sleep(0)
        source = Given(b"a\n")
        with pytest.raises(TooManyQueries):
            await start(source, "SELECT * FROM S3Object", places=places)
        assert source.closed
        release()
        (await waiting[0])()
        for one in waiting[1:]:
            one.cancel()

    asyncio.run(body())
