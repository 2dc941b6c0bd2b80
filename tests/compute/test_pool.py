"""Environments of one process: reused, bounded, and ended when nobody needs them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from pilvi.base.clock import Clock
from pilvi.compute.api import Environment, EnvironmentSpec, Invocation
from pilvi.compute.namespaces import NamespacesBackend
from pilvi.compute.pool import Pool, Throttled
from pilvi.compute.runtimes import Runtimes

ARN = "arn:aws:lambda:us-east-1:111111111111:function:f"
LATE_S_MAX = 20.0

Acquire = Callable[..., Awaitable[Environment]]


class Bench:
    """A pool over real environments, and what it told of those that ended."""

    def __init__(
        self, tmp_path: Path, backend: NamespacesBackend, source: str, **limits: Any
    ) -> None:
        self.ended: asyncio.Queue[Environment] = asyncio.Queue()
        self.pool = Pool(backend, self.ended.put, **limits)
        self._code = tmp_path / "code"
        self._code.mkdir(exist_ok=True)
        (self._code / "app.py").write_text(source)

    async def acquire(self, key: str = "k", reserved: int | None = None) -> Environment:
        async def make_spec() -> EnvironmentSpec:
            return EnvironmentSpec(
                key=key,
                function_name="f",
                function_arn=ARN,
                version="$LATEST",
                runtime="python3.11",
                handler="app.handler",
                code_dir=self._code,
            )

        return await self.pool.acquire(key, ARN, make_spec, reserved=reserved)

    async def next_ended(self) -> Environment:
        return await asyncio.wait_for(self.ended.get(), LATE_S_MAX)


@asynccontextmanager
async def bench(
    tmp_path: Path, source: str = "def handler(event, context): return event", **limits: Any
) -> AsyncGenerator[Bench]:
    backend = NamespacesBackend(
        run_dir=tmp_path / "run", clock=Clock(), runtimes=await Runtimes.discover()
    )
    made = Bench(tmp_path, backend, source, **limits)
    yield made
    await made.pool.close()


def run(body: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(body())  # pyright: ignore[reportArgumentType]


def test_what_has_to_begin_again_is_taken_last(tmp_path: Path) -> None:
    """Nobody waits for it while another one is ready."""

    async def body() -> None:
        async with bench(tmp_path, source="import os\ndef handler(e, c): e and os._exit(1)") as one:
            well, ill = await one.acquire(), await one.acquire()
            for environment, payload in ((well, b"0"), (ill, b"1")):
                invocation = Invocation(request_id="r", payload=payload, invoked_function_arn=ARN)
                await environment.invoke(invocation)
                one.pool.release(environment)
            assert (well.rests, ill.rests) == (False, True)
            assert await one.acquire() is well
            assert await one.acquire() is ill

    run(body)


def test_warm_environments_are_reused_until_they_are_retired(tmp_path: Path) -> None:
    async def body() -> None:
        async with bench(tmp_path) as one:
            first = await one.acquire()
            invocation = Invocation(request_id="r", payload=b"1", invoked_function_arn=ARN)
            assert (await first.invoke(invocation)).payload == b"1"
            other = await one.acquire()
            assert other is not first, "one invocation at a time"
            one.pool.release(first)
            assert await one.acquire() is first
            one.pool.release(first)
            one.pool.retire("k")
            assert await one.next_ended() is first
            one.pool.release(other)
            assert await one.next_ended() is other, "busy ones end when their invocation has"

    run(body)


def test_limits_of_the_function_and_of_the_process(tmp_path: Path) -> None:
    async def body() -> None:
        async with bench(tmp_path, environments_max=2) as one:
            first = await one.acquire("a", reserved=1)
            with pytest.raises(Throttled, match="ReservedFunction"):
                await one.acquire("a", reserved=1)
            second = await one.acquire("b")
            with pytest.raises(Throttled, match=r"^ConcurrentInvocation"):
                await one.acquire("c")
            one.pool.release(first)
            # Room for another function's environment is made at the cost of one that is idle.
            await one.acquire("c")
            assert await one.next_ended() is first
            one.pool.release(second)

    run(body)


def test_idle_environments_end(tmp_path: Path) -> None:
    async def body() -> None:
        async with bench(tmp_path, idle_s_max=0.05, reap_every_s=0.05) as one:
            first = await one.acquire()
            one.pool.release(first)
            assert await one.next_ended() is first
            assert not first.alive

    run(body)


def test_an_environment_does_not_live_for_ever(tmp_path: Path) -> None:
    async def body() -> None:
        async with bench(tmp_path, life_s_max=0) as one:
            first = await one.acquire()
            one.pool.release(first)
            assert await one.next_ended() is first
            assert await one.acquire() is not first

    run(body)


def test_a_failed_start_leaves_its_place_to_others(tmp_path: Path) -> None:
    async def body() -> None:
        async with bench(tmp_path, environments_max=1) as one:

            async def fail() -> EnvironmentSpec:
                raise LookupError("no package")

            for _ in range(3):
                with pytest.raises(LookupError):
                    await one.pool.acquire("k", ARN, fail, reserved=1)
            one.pool.release(await one.acquire(reserved=1))

    run(body)
