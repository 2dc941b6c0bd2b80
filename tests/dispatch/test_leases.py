"""Who may end a job: two runners on one store, runners that die, runners that were only thought dead."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cloudlet import Cloudlet, count, crash, run

from pilvi.contracts.jobs import Job
from pilvi.dispatch.attempts import TAKEOVERS_MAX
from pilvi.dispatch.leases import PAUSE_MS_FIRST, TAKEOVERS_FREE, release
from pilvi.dispatch.owners import LEASE_S, LOCKED_LEASE_S, Liveness
from pilvi.dispatch.records import HOME, Owner, jobs, owners
from pilvi.store.api import StoreUnavailable, Transaction


def test_two_dispatchers_share_the_work_and_do_each_job_once() -> None:
    async def body(c: Cloudlet) -> None:
        first, second = c.another(concurrency_max=4), c.another(concurrency_max=4)
        await c.dispatcher.stop()
        c.dispatcher = first

        async def handle(job: Job):  # type: ignore[no-untyped-def]
            c.ran.append((job.kind, job.payload, job.attempt))
            await asyncio.sleep(0)
            return lambda tx: count(tx, job.payload)

        c.serve("a.x", handle)
        names = [b"%d" % number for number in range(100)]
        for name in names:
            await c.plan(Job("a.x", name))
        await first.start()
        await second.start()
        await first.idle()
        shares = [(await each.statistics()).done for each in (first, second)]
        await second.stop()
        assert sum(shares) == 100
        assert min(shares) > 0
        assert sorted(payload for _, payload, _ in c.ran) == sorted(names)
        assert [await c.effects(name) for name in names] == [1] * 100

    run(body)


def _holding(c: Cloudlet, begun: asyncio.Event, go: asyncio.Event):  # type: ignore[no-untyped-def]
    """A handler whose first run waits for `go`."""

    async def handle(job: Job):  # type: ignore[no-untyped-def]
        c.ran.append((job.kind, job.payload, job.attempt))
        if len(c.ran) == 1:
            begun.set()
            await go.wait()
        return lambda tx: count(tx, job.payload)

    return handle


# The clock is frozen, and has moved by a month: neither keeps the dead's lease nor takes the living's.
def test_a_dead_runners_job_is_taken_over_at_once(tmp_path: Path) -> None:
    async def body(c: Cloudlet) -> None:
        await c.dispatcher.stop()
        begun, go = asyncio.Event(), asyncio.Event()
        c.serve("a.x", _holding(c, begun, go))
        dying = c.another(run_dir=tmp_path)
        await dying.start()
        await c.plan(Job("a.x", b"p"))
        await begun.wait()
        c.advance(30 * 86_400_000)
        other = c.another(run_dir=tmp_path)
        await other.start()
        assert len(c.ran) == 1
        assert (await other.statistics()).leased == 1
        await other.stop()

        await crash(dying)
        c.dispatcher = c.another(run_dir=tmp_path)
        await c.dispatcher.start()
        await c.dispatcher.idle()
        assert [attempt for *_, attempt in c.ran] == [1, 1]
        assert await c.effects(b"p") == 1
        assert len(list(tmp_path.iterdir())) == 1

    run(body)


# Invariant 2: a process that stood still for long ends its job while, or after, another runs it.
@pytest.mark.parametrize("late", [False, True])
def test_the_effect_of_a_lapsed_lease_is_dropped(tmp_path: Path, late: bool) -> None:
    async def body(c: Cloudlet) -> None:
        await c.dispatcher.stop()
        gates = [asyncio.Event(), asyncio.Event()]
        begun = asyncio.Event()

        async def handle(job: Job):  # type: ignore[no-untyped-def]
            number = len(c.ran)
            c.ran.append((job.kind, job.payload, job.attempt))
            begun.set()
            await gates[number].wait()
            return lambda tx: count(tx, b"run %d" % number)

        c.serve("a.x", handle)
        slow = c.another(run_dir=tmp_path)
        await slow.start()
        await c.plan(Job("a.x", b"p"))
        await begun.wait()
        begun.clear()
        os.close(slow._runner._liveness._held)
        slow._runner._liveness._held = None
        c.dispatcher = c.another(run_dir=tmp_path)
        await c.dispatcher.start()
        await begun.wait()
        for gate in reversed(gates) if late else gates:
            gate.set()
            for _ in range(20):
                await asyncio.sleep(0)
        await c.dispatcher.idle()
        await slow.stop()
        assert [await c.effects(b"run %d" % number) for number in range(2)] == [0, 1]

    run(body)


def test_a_beat_that_stands_still_is_death_and_one_that_grows_is_life() -> None:
    me = Liveness("me", None)
    assert me.find_dead([Owner("me", 1), Owner("a", 0), Owner("b", 0)], 0.0) == []
    for tick in range(1, 11):
        now_s = tick * LEASE_S / 10
        gone = me.find_dead([Owner("me", 1), Owner("a", tick), Owner("b", 0)], now_s)
        assert gone == ([Owner("b", 0)] if tick == 10 else [])


def test_a_held_lock_is_life_for_longer_than_a_beat(tmp_path: Path) -> None:
    me, other = Liveness("me", tmp_path), Liveness("other", tmp_path)
    other.hold()
    for now_s in (0.0, LOCKED_LEASE_S - 1):
        assert me.find_dead([Owner("other", 0)], now_s) == []
    assert me.find_dead([Owner("other", 0)], LOCKED_LEASE_S) == [Owner("other", 0)]
    me.forget("other")  # it may live all the same, so its file stays
    assert me.find_dead([Owner("other", 1)], LOCKED_LEASE_S) == []
    os.close(other._held)  # type: ignore[arg-type]
    assert me.find_dead([Owner("other", 1)], LOCKED_LEASE_S) == [Owner("other", 1)]
    me.forget("other")
    assert list(tmp_path.iterdir()) == []


# It leased again just when it was taken for dead, after a long time without work.
def test_an_owner_that_has_beaten_since_keeps_its_leases() -> None:
    async def body(c: Cloudlet) -> None:
        begun, go = asyncio.Event(), asyncio.Event()
        c.serve("a.x", _holding(c, begun, go))
        await c.plan(Job("a.x", b"p"))
        await begun.wait()
        [owner] = await c.store.read(lambda at: list(owners.scan(at, HOME)))
        stale = owner.beat - 1
        assert await c.store.write(lambda tx: release(tx, owner.id, 0, died=True, beat=stale)) == 0
        assert (await c.dispatcher.statistics()).leased == 1
        go.set()
        await c.dispatcher.idle()
        assert await c.effects(b"p") == 1
        assert len(c.ran) == 1

    run(body)


def test_stopping_puts_back_what_does_not_finish_and_counts_nothing() -> None:
    async def body(c: Cloudlet) -> None:
        begun, go = asyncio.Event(), asyncio.Event()
        c.serve("a.x", _holding(c, begun, go))
        await c.plan(Job("a.x", b"p"))
        await begun.wait()
        await c.dispatcher.stop(0.01)
        [record] = await c.store.read(lambda at: list(jobs.scan(at, HOME)))
        assert (record.lease, record.takeovers, record.job.attempt) == (None, 0, 1)
        assert await c.store.read(lambda at: list(owners.scan(at, HOME))) == []
        c.dispatcher = c.another()
        await c.dispatcher.start()
        await c.dispatcher.idle()
        assert await c.effects(b"p") == 1

    run(body)


def test_stopping_lets_a_running_job_finish() -> None:
    async def body(c: Cloudlet) -> None:
        begun, go = asyncio.Event(), asyncio.Event()
        c.serve("a.x", _holding(c, begun, go))
        await c.plan(Job("a.x", b"p"))
        await begun.wait()
        stopping = asyncio.create_task(c.dispatcher.stop(10))
        await asyncio.sleep(0)
        go.set()
        await stopping
        assert await c.effects(b"p") == 1
        # The same dispatcher goes on after a stop.
        await c.dispatcher.start()
        await c.plan(Job("a.x", b"q"))
        await c.dispatcher.idle()
        assert await c.effects(b"q") == 1

    run(body)


def test_a_job_that_kills_its_processes_waits_longer_each_time(tmp_path: Path) -> None:
    """Deaths that are not its fault cost a job nothing but a pause; it is never lost by them."""

    async def body(c: Cloudlet) -> None:
        await c.dispatcher.stop()
        begun = asyncio.Event()

        async def deadly(job: Job) -> None:
            begun.set()
            await asyncio.Event().wait()

        c.serve("a.x", deadly)
        c.clock.freeze()
        await c.plan(Job("a.x", b"p", id="x"))
        for takeovers in range(TAKEOVERS_FREE + 3):
            if takeovers > TAKEOVERS_FREE:
                due_ms, _ = await c.store.read(lambda at: c.dispatcher.find_job(at, "x"))
                paused_ms = due_ms - c.clock.now_ms()
                assert paused_ms == PAUSE_MS_FIRST * 2 ** (takeovers - TAKEOVERS_FREE - 1)
                c.clock.advance(paused_ms)
            victim = c.another(run_dir=tmp_path)
            await victim.start()
            await begun.wait()
            begun.clear()
            await crash(victim)
            heir = c.another(run_dir=tmp_path)
            await heir.start()
            if takeovers < TAKEOVERS_FREE - 1:
                await begun.wait()
                begun.clear()
            await heir.stop(0)
        assert not await c.store.read(c.dispatcher.list_dead)

    run(body)


def test_a_job_that_kills_without_end_is_buried(tmp_path: Path) -> None:
    async def body(c: Cloudlet) -> None:
        await c.dispatcher.stop()
        await c.plan(Job("a.x", b"p", id="x"))

        def age(tx: Transaction) -> None:
            record = jobs.find(tx, HOME, "x")
            assert record is not None
            jobs.put(tx, HOME, msgspec.structs.replace(record, takeovers=TAKEOVERS_MAX + 1))

        await c.store.write(age)
        await c.dispatcher.start()
        await c.dispatcher.idle()
        [grave] = await c.store.read(c.dispatcher.list_dead)
        assert f"it was begun and not ended {TAKEOVERS_MAX + 1} times" in grave.reason

    run(body)


# --- a real process, a real kill, a real disk

_VICTIM = """
    import asyncio, os, sys
    from pathlib import Path
    sys.path.insert(0, {tests!r})
    import cloudlet, itertools
    cloudlet._seeds = itertools.count(1000 * len(sys.argv[1]))
    from cloudlet import Cloudlet, count
    from pilvi.contracts.jobs import Job
    from pilvi.store.sqlite import SqliteStore

    async def main(mode):
        home = Path({home!r})
        c = Cloudlet(store=SqliteStore(home / "db"))
        async def handle(job):
            if mode == "die" and job.payload == b"2":
                print("running", flush=True)
                await asyncio.Event().wait()
            return lambda tx: count(tx, job.payload)
        c.serve("a.x", handle, concurrency_max=1)
        c.dispatcher = c.another(run_dir=home / "run")
        if mode == "die":
            for number in range(4):
                await c.plan(Job("a.x", b"%d" % number))
        await c.dispatcher.start()
        await c.dispatcher.idle()
        print([await c.effects(b"%d" % number) for number in range(4)], flush=True)
        await c.dispatcher.stop()
        await c.store.close()

    asyncio.run(main(sys.argv[1]))
"""


def test_after_kill_9_the_next_process_ends_what_was_begun(tmp_path: Path) -> None:
    program = textwrap.dedent(_VICTIM.format(tests=str(Path(__file__).parent), home=str(tmp_path)))
    victim = subprocess.Popen(
        [sys.executable, "-c", program, "die"], stdout=subprocess.PIPE, text=True
    )
    assert victim.stdout is not None
    with victim:
        assert victim.stdout.readline() == "running\n"
        victim.kill()
    after = subprocess.run(
        [sys.executable, "-c", program, "go on"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert after.stdout == "[1, 1, 1, 1]\n", after.stderr


# A disk that refuses while a job ends: the run is not repeated, its end is only written later.
def test_a_job_ends_once_the_disk_accepts_it_again() -> None:
    async def body(c: Cloudlet) -> None:
        write, refusals = c.store.write, [3]

        async def refusing(work: Any, **options: Any) -> Any:
            if c.ran and refusals[0]:
                refusals[0] -= 1
                raise StoreUnavailable(reason="no space left")
            return await write(work, **options)

        c.store.write = refusing
        c.serve("a.x", c.recorder())
        await c.plan(Job("a.x", b"p"))
        await c.dispatcher.idle()
        assert refusals == [0]
        assert len(c.ran) == 1
        assert await c.effects(b"p") == 1

    run(body)
