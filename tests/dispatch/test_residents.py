"""Residents: jobs that stay, in one process at a time, and the question whether the cloud is idle."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cloudlet import Cloudlet, count, crash, run

from pilvi.contracts.jobs import Job, Stay
from pilvi.dispatch import runner, spreading
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


class Fleet:
    """Processes that share a store and a run directory, and pollers that say who has them."""

    def __init__(self, c: Cloudlet, folder: Path) -> None:
        self.c = c
        self._folder = folder
        self.members: list[Any] = []
        self.here: Counter[str] = Counter()
        self.began = 0
        self.twice = False
        self.moved = asyncio.Event()
        self.busy = asyncio.Event()
        c.services["a"] = ServiceDispatch(jobs={"a.poll": JobKind(reside=self._reside)})

    async def _reside(self, job: Job, stay: Stay) -> None:
        self.twice |= self.here[job.id] > 0
        self.here[job.id] += 1
        self.began += 1
        self.moved.set()
        try:
            if job.payload == b"busy":
                with stay.engaged():
                    await self.busy.wait()
            await stay.until_leaving()
        finally:
            self.here[job.id] -= 1

    async def join(self) -> Any:
        member = self.c.another(run_dir=self._folder)
        self.members.append(member)
        await member.start()
        return member

    async def plan(self, count: int, payload: bytes = b"", lane: str = "") -> None:
        for number in range(count):
            id = f"{payload.decode()}{lane}{number}"
            await self.c.plan(Job("a.poll", payload, id=id, lane=lane, resident=True))

    async def until_each_has(self, *counts: int, group: str = "a.poll") -> None:
        while (found := [self._held(one).get(group, 0) for one in self.members]) != list(counts):
            self.moved.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    await self.moved.wait()
        assert not self.twice, found

    def _held(self, member: Any) -> Any:
        return member._runner._presence.held


def _with_fleet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: Callable[[Fleet], Awaitable[None]]
) -> None:
    monkeypatch.setattr(runner, "BEAT_S", 0.01)
    monkeypatch.setattr(runner, "EVEN_S", 0.01)

    async def main(c: Cloudlet) -> None:
        await c.dispatcher.stop()
        fleet = Fleet(c, tmp_path)
        try:
            await body(fleet)
        finally:
            fleet.busy.set()
            for member in fleet.members:
                await member.stop(0.1)
        await c.dispatcher.start()

    run(main)


def test_residents_are_spread_evenly_when_they_begin_and_when_a_process_died_and_came_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(fleet: Fleet) -> None:
        await fleet.join()
        await fleet.plan(7)
        await fleet.until_each_has(7)
        second = await fleet.join()
        await fleet.until_each_has(4, 3)
        await crash(second)
        fleet.here.clear()  # with a process ends all that it has
        fleet.members.remove(second)
        await fleet.until_each_has(7)
        await fleet.join()
        await fleet.until_each_has(4, 3)
        await fleet.members.pop(0).stop()
        await fleet.until_each_has(7)

    _with_fleet(tmp_path, monkeypatch, body)


def test_residents_of_each_lane_are_spread_in_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So every process has its part of what is provisioned for a function, whatever else it has."""

    async def body(fleet: Fleet) -> None:
        await fleet.join()
        await fleet.join()
        for lane in ("x", "y", "z"):
            await fleet.plan(2, lane=lane)
        for lane in ("x", "y", "z"):
            await fleet.until_each_has(1, 1, group=f"a.poll/{lane}")

    _with_fleet(tmp_path, monkeypatch, body)


def test_a_resident_that_is_engaged_ends_its_work_before_another_process_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(fleet: Fleet) -> None:
        await fleet.join()
        await fleet.plan(2, b"busy")
        await fleet.until_each_has(2)
        await fleet.join()
        await fleet.until_each_has(1, 0)  # one was told to leave, and goes on until it is done
        assert fleet.here.total() == 2
        fleet.busy.set()
        await fleet.until_each_has(1, 1)

    _with_fleet(tmp_path, monkeypatch, body)


def test_what_was_left_to_a_process_that_hangs_is_taken_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spreading, "PATIENCE_S", 0.2)
    monkeypatch.setattr(spreading, "LOOK_S", 0.05)

    async def body(fleet: Fleet) -> None:
        await fleet.join()
        await fleet.plan(1, b"first")
        await fleet.until_each_has(1)
        hangs = await fleet.join()
        for task in hangs._runner._tasks:
            task.cancel()
        await fleet.plan(3)
        await fleet.until_each_has(4, 0)
        with suppress(TimeoutError):  # they are not left to it again
            async with asyncio.timeout(0.05):
                await asyncio.Event().wait()
        assert fleet.began == 4

    _with_fleet(tmp_path, monkeypatch, body)
