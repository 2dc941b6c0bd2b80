"""Lines that services post: read at once, written in order, kept while the disk refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from clouds import in_memory
from pilvi.base.arn import Scope
from pilvi.contracts.causes import NO_CAUSE
from pilvi.contracts.logs import LogSink
from pilvi.identity.principal import root_of
from pilvi.kit.cloud import Cloud
from pilvi.services.logs import questions
from pilvi.store.api import StoreUnavailable

T = TypeVar("T")
SCOPE = Scope("111111111111", "eu-north-1")


async def _messages(cloud: Cloud) -> list[str]:
    answer = await cloud.perform(
        "logs",
        "FilterLogEvents",
        {"logGroupName": "g"},
        scope=SCOPE,
        principal=root_of(SCOPE.account, "key"),
        cause=NO_CAUSE,
    )
    return [event["message"] for event in answer["events"]]


def _run(path: Path, story: Callable[[Cloud, LogSink], Awaitable[T]]) -> T:
    async def tell() -> T:
        cloud = in_memory(path)
        return await story(cloud, cloud.ask(LogSink))

    return asyncio.run(tell())


def test_what_is_posted_is_read_at_once_and_in_order(tmp_path: Path) -> None:
    async def story(cloud: Cloud, sink: LogSink) -> list[str]:
        for number in range(5):
            await sink.post_lines(SCOPE, "g", f"s{number % 2}", [(number, f"{number}")])
        return await _messages(cloud)

    assert _run(tmp_path, story) == ["0", "1", "2", "3", "4"]


def test_many_postings_are_few_transactions(tmp_path: Path, monkeypatch: Any) -> None:
    async def story(cloud: Cloud, sink: LogSink) -> int:
        written = 0
        write = cloud.store.write

        def counted(body: Any, **more: Any) -> Awaitable[Any]:
            nonlocal written
            written += 1
            return write(body, **more)

        monkeypatch.setattr(cloud.store, "write", counted)
        for number in range(100):
            await sink.post_lines(SCOPE, "g", "s", [(number, "x")])
        await sink.flush()
        assert len(await _messages(cloud)) == 100
        return written

    assert _run(tmp_path, story) < 5


def test_lines_wait_while_the_disk_refuses_and_whoever_comes_next_is_told(
    tmp_path: Path, monkeypatch: Any
) -> None:
    async def story(cloud: Cloud, sink: LogSink) -> list[str]:
        async def refuse(*_: Any, **__: Any) -> None:
            raise StoreUnavailable(reason="the disk is full")

        with monkeypatch.context() as broken:
            broken.setattr(cloud.store, "write", refuse)
            await sink.post_lines(SCOPE, "g", "s", [(1, "first")])
            with pytest.raises(StoreUnavailable):
                await sink.flush()
            with pytest.raises(StoreUnavailable):
                await sink.post_lines(SCOPE, "g", "s", [(2, "not taken")])
        await sink.append_lines(SCOPE, "g", "s", [(3, "last")])
        return await _messages(cloud)

    assert _run(tmp_path, story) == ["first", "last"]


def test_what_is_posted_in_the_moment_that_a_writing_ends(tmp_path: Path, monkeypatch: Any) -> None:
    async def story(cloud: Cloud, sink: LogSink) -> list[str]:
        write = cloud.store.write
        posting: list[asyncio.Task[None]] = []

        async def write_and_post(body: Any, **more: Any) -> None:
            await write(body, **more)
            if not posting:  # runs after the writing has ended, and before anybody is told of that
                late = sink.append_lines(SCOPE, "g", "s", [(2, "late")])
                posting.append(asyncio.create_task(late))

        monkeypatch.setattr(cloud.store, "write", write_and_post)
        await sink.append_lines(SCOPE, "g", "s", [(1, "first")])
        await posting[0]
        return await _messages(cloud)

    assert _run(tmp_path, story) == ["first", "late"]


def test_whoever_posts_too_much_waits_for_the_disk(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(questions, "POSTED_BYTES_MAX", 1000)

    async def story(cloud: Cloud, sink: LogSink) -> None:
        free = asyncio.Event()
        write = cloud.store.write

        async def slowly(body: Any, **more: Any) -> Any:
            await free.wait()
            return await write(body, **more)

        monkeypatch.setattr(cloud.store, "write", slowly)
        await sink.post_lines(SCOPE, "g", "s", [(1, "x" * 1000)])
        second = asyncio.create_task(sink.post_lines(SCOPE, "g", "s", [(2, "y")]))
        done, _ = await asyncio.wait([second], timeout=0.05)
        assert not done
        free.set()
        await second
        await sink.flush()

    _run(tmp_path, story)
