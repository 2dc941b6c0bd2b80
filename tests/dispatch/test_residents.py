"""Residents: jobs that stay, in one process at a time, and the question whether the cloud is idle."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from cloudlet import Cloudlet, count, crash, run

from pilvi.contracts.jobs import Job, Stay
from pilvi.dispatch.records import HOME, jobs
from pilvi.dispatch.registry import JobKind, ServiceDispatch

POLLER = Job("a.poll", b"p", id="a.poll/p", resident=True)


class Poller:
    """Stays until it is told to leave; its work is a number in memory, which it takes when it is told to look."""

    def __init__(self) -> None:
        self.began = 0
        self.here = 0
        self.here_most = 0
        self.left = 0
        self.work = 0
        self.look = asyncio.Event()
        self.go = asyncio.Event()
        self.began_again = asyncio.Event()

    async def reside(self, job: Job, stay: Stay) -> Any:
        self.began += 1
        self.here += 1
        self.here_most = max(self.here, self.here_most)
        self.began_again.set()
        try:
            while not stay.leaving:
                if self.work < 0:
                    return lambda tx: count(tx, b"ended")
                waits = [asyncio.create_task(self.look.wait())]
                waits.append(asyncio.create_task(stay.until_leaving()))
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                for one in waits:
                    one.cancel()
                self.look.clear()
                if self.work > 0:
                    with stay.engaged():
                        self.work = 0
                        await self.go.wait()
        finally:
            self.here -= 1
        self.left += 1
        return None

    async def pending(self, job: Job) -> bool:
        return self.work > 0

    def serve(self, c: Cloudlet) -> None:
        kind = JobKind(reside=self.reside, pending=self.pending)
        c.services["a"] = ServiceDispatch(jobs={"a.poll": kind})

    async def until_began(self, times: int) -> None:
        while self.began < times:
            self.began_again.clear()
            await self.began_again.wait()


def _with_poller(body: Callable[[Cloudlet, Poller], Awaitable[None]]) -> None:
    async def main(c: Cloudlet) -> None:
        poller = Poller()
        poller.serve(c)
        await c.plan(POLLER)
        await poller.until_began(1)
        await body(c, poller)

    run(main)


def test_a_resident_that_waits_leaves_the_cloud_idle() -> None:
    async def body(c: Cloudlet, poller: Poller) -> None:
        await asyncio.wait_for(c.dispatcher.idle(), 2)
        assert (await c.dispatcher.statistics()).leased == 0

    _with_poller(body)


def test_the_cloud_is_not_idle_while_a_resident_has_work_or_does_it() -> None:
    """Work that waits shows in what is stored; work that was taken shows nowhere but with the resident."""

    async def body(c: Cloudlet, poller: Poller) -> None:
        poller.work = 1
        idle = asyncio.create_task(c.dispatcher.idle())
        await asyncio.wait({idle}, timeout=0.12)
        assert not idle.done()
        poller.look.set()
        await asyncio.wait({idle}, timeout=0.12)
        assert poller.work == 0
        assert not idle.done()
        poller.go.set()
        await asyncio.wait_for(idle, 2)

    _with_poller(body)


def test_another_process_sees_that_a_resident_is_engaged(tmp_path: Path) -> None:
    async def body(c: Cloudlet) -> None:
        poller = Poller()
        poller.serve(c)
        here, there = c.another(run_dir=tmp_path), c.another(run_dir=tmp_path)
        await c.dispatcher.stop()
        c.dispatcher = here
        await here.start()
        await c.plan(POLLER)
        await poller.until_began(1)
        await there.start()
        poller.work = 1
        poller.look.set()
        idle = asyncio.create_task(there.idle())
        await asyncio.wait({idle}, timeout=0.15)
        assert poller.work == 0
        assert not idle.done()
        poller.go.set()
        await asyncio.wait_for(idle, 2)
        await there.stop()

    run(body)


def test_a_resident_that_will_act_by_itself_keeps_the_cloud_from_being_idle_only_when_it_is_due() -> (
    None
):
    async def body(c: Cloudlet) -> None:
        rests = asyncio.Event()
        stays: list[Stay] = []

        async def reside(job: Job, stay: Stay) -> None:
            stay.rest_until(c.clock.now_ms() + 1000)
            stays.append(stay)
            rests.set()
            await stay.until_leaving()

        c.services["a"] = ServiceDispatch(jobs={"a.poll": JobKind(reside=reside)})
        await c.plan(POLLER)
        await rests.wait()
        await asyncio.wait_for(c.dispatcher.idle(), 2)
        c.advance(1000)
        idle = asyncio.create_task(c.dispatcher.idle())
        await asyncio.wait({idle}, timeout=0.12)
        assert not idle.done()
        stays[0].rest_until(None)
        await asyncio.wait_for(idle, 2)

    run(body)


def test_residents_leave_with_their_process_and_begin_again_with_the_next() -> None:
    async def body(c: Cloudlet, poller: Poller) -> None:
        await c.dispatcher.stop()
        assert poller.left == 1
        c.dispatcher = c.another()
        await c.dispatcher.start()
        await poller.until_began(2)
        assert poller.here_most == 1

    _with_poller(body)


def test_a_resident_is_taken_over_at_once_however_many_processes_died_with_it(
    tmp_path: Path,
) -> None:
    """An ordinary job waits longer with each death; a resident is there whenever something dies."""

    async def body(c: Cloudlet) -> None:
        poller = Poller()
        poller.serve(c)
        await c.plan(POLLER)
        await c.dispatcher.stop()
        poller.began = 0
        for times in range(1, 6):
            c.dispatcher = c.another(run_dir=tmp_path)
            await c.dispatcher.start()
            await asyncio.wait_for(poller.until_began(times), 2)
            await crash(c.dispatcher)
        c.dispatcher = c.another(run_dir=tmp_path)
        await c.dispatcher.start()
        await asyncio.wait_for(poller.until_began(6), 2)

    run(body)


def test_a_resident_ends_for_good_with_an_effect() -> None:
    async def body(c: Cloudlet, poller: Poller) -> None:
        poller.work = -1
        poller.look.set()
        while await c.store.read(lambda at: jobs.find(at, HOME, POLLER.id)) is not None:
            await asyncio.sleep(0)
        assert await c.effects(b"ended") == 1
        assert poller.began == 1

    _with_poller(body)


def test_residents_take_no_room_from_other_jobs() -> None:
    async def body(c: Cloudlet) -> None:
        poller = Poller()
        poller.serve(c)
        c.serve("b.x", c.recorder())
        for number in range(200):
            await c.plan(Job("a.poll", b"%d" % number, id=f"p{number}", resident=True))
        await poller.until_began(200)
        await c.plan(Job("b.x", b"1"))
        await asyncio.wait_for(c.dispatcher.idle(), 2)
        assert await c.effects(b"1") == 1

    run(body)
