"""Jobs: run when due, retried, buried, replaced, delivered, told to all consumers."""

from __future__ import annotations

import asyncio

import pytest
from cloudlet import EXACT, START_MS, Cloudlet, count, run
from msgspec.structs import replace

from pilvi.contracts.causes import Cause
from pilvi.contracts.delivery import Delivery, Source, Undeliverable
from pilvi.contracts.facts import Fact
from pilvi.contracts.jobs import Job, Retry
from pilvi.dispatch import attempts as dispatch_attempts
from pilvi.dispatch.facts import decode_fact
from pilvi.dispatch.registry import LANE_CONCURRENCY_MAX, Postpone, ServiceDispatch
from pilvi.dispatch.runner import CONCURRENCY_MAX


class QueueEmptied(Fact, frozen=True, kw_only=True):
    name: str


def test_a_job_runs_when_the_clock_reaches_it_and_not_before() -> None:
    async def body(c: Cloudlet) -> None:
        c.serve("a.x", c.recorder())
        await c.plan(Job("a.x", b"later"), START_MS + 1000)
        await c.plan(Job("a.x", b"now"))
        await c.dispatcher.idle()
        assert c.ran == [("a.x", b"now", 1)]
        c.advance(999)
        await c.dispatcher.idle()
        assert len(c.ran) == 1
        c.advance(1)
        await c.dispatcher.idle()
        assert c.ran[1:] == [("a.x", b"later", 1)]
        statistics = await c.dispatcher.statistics()
        assert (statistics.pending, statistics.leased, statistics.done) == (0, 0, 2)

    run(body)


def test_due_order_then_order_of_writing() -> None:
    async def body(c: Cloudlet) -> None:
        c.serve("a.x", c.recorder(), concurrency_max=1)
        for number, due_ms in ((1, 30), (2, 10), (3, 20), (4, 20)):
            await c.plan(Job("a.x", b"%d" % number), START_MS + due_ms)
        c.advance(1000)
        await c.dispatcher.idle()
        assert [payload for _, payload, _ in c.ran] == [b"2", b"3", b"4", b"1"]

    run(body)


def test_a_failure_is_tried_again_with_growing_delays() -> None:
    async def body(c: Cloudlet) -> None:
        c.serve("a.x", c.recorder(fails=3))
        await c.plan(Job("a.x", b"p"))
        for attempts, delay_ms in ((1, 1000), (2, 2000), (3, 3000)):
            await c.dispatcher.idle()
            assert len(c.ran) == attempts
            c.advance(delay_ms - 1)
            await c.dispatcher.idle()
            assert len(c.ran) == attempts
            c.advance(1)
        await c.dispatcher.idle()
        assert [attempt for *_, attempt in c.ran] == [1, 2, 3, 4]
        assert await c.effects(b"p") == 1

    run(body)


def test_a_job_that_never_works_is_buried_with_its_rules_effect() -> None:
    async def body(c: Cloudlet) -> None:
        told: list[str] = []

        def bury(job: Job, reason: str):  # type: ignore[no-untyped-def]
            told.append(reason)
            return lambda tx: count(tx, b"buried")

        c.serve("a.x", c.recorder(fails=99), bury=bury)
        await c.plan(Job("a.x", b"p"), cause=Cause("req"))
        for _ in range(4):
            await c.dispatcher.idle()
            c.advance(10_000)
        assert len(c.ran) == 4
        assert told == ["RuntimeError: not yet"]
        assert await c.effects(b"buried") == 1
        [grave] = await c.store.read(c.dispatcher.list_dead)
        assert (grave.job.kind, grave.job.attempt, grave.job.cause) == ("a.x", 4, Cause("req"))
        assert grave.reason == "RuntimeError: not yet"
        # and it can be tried again
        c.serve("a.x", c.recorder())
        await c.store.write(lambda tx: c.dispatcher.revive(tx, grave.at_ms, grave.job.id))
        await c.dispatcher.idle()
        assert await c.effects(b"p") == 1
        assert await c.store.read(c.dispatcher.list_dead) == []

    run(body)


def test_a_rule_for_the_dead_that_fails_itself_loses_nothing() -> None:
    async def body(c: Cloudlet) -> None:
        def bury(job: Job, reason: str):  # type: ignore[no-untyped-def]
            def effect(tx):  # type: ignore[no-untyped-def]
                raise LookupError("no such queue")

            return effect

        c.serve("a.x", c.recorder(fails=99), bury=bury, retry=Retry(attempts_max=1))
        await c.plan(Job("a.x", b"p"))
        await c.dispatcher.idle()
        assert len(await c.store.read(c.dispatcher.list_dead)) == 1

    run(body)


def test_an_old_job_ends_whatever_its_count() -> None:
    async def body(c: Cloudlet) -> None:
        retry = Retry(attempts_max=1000, first_delay_s=60, factor=1, age_s_max=150, jitter=0)
        c.serve("a.x", c.recorder(fails=1000), retry=retry)
        await c.plan(Job("a.x", b"p"))
        for _ in range(10):
            await c.dispatcher.idle()
            c.advance(60_000)
        assert len(c.ran) == 3

    run(body)


def test_kinds_that_nobody_runs_are_kept_among_the_dead() -> None:
    async def body(c: Cloudlet) -> None:
        c.serve("a.x", c.recorder())
        await c.plan(Job("a.other", b""))
        await c.plan(Job("nowhere.x", b""))
        await c.dispatcher.idle()
        graves = await c.store.read(c.dispatcher.list_dead)
        assert {grave.job.kind for grave in graves} == {"a.other", "nowhere.x"}

    run(body)


def test_a_service_that_cannot_be_loaded_keeps_its_jobs_until_they_are_buried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dispatch_attempts, "TAKEOVERS_MAX", 5)

    async def body(c: Cloudlet) -> None:
        broken = [True]

        def resolve(service: str) -> ServiceDispatch:
            if broken[0]:
                raise ImportError("half an upgrade")
            return c.services[service]

        await c.dispatcher.stop()
        c.resolve = resolve
        c.dispatcher = c.another()
        await c.dispatcher.start()
        c.serve("a.x", c.recorder())
        await c.plan(Job("a.x", b"p"))
        for _ in range(3):
            await c.dispatcher.idle()
            c.advance(1000)
        broken[0] = False
        await c.dispatcher.idle()
        assert await c.effects(b"p") == 1
        broken[0] = True
        await c.plan(Job("a.x", b"q"))
        for _ in range(10):
            await c.dispatcher.idle()
            c.advance(60_000)
        [grave] = await c.store.read(c.dispatcher.list_dead)
        assert grave.job.payload == b"q"

    run(body)


def test_the_failed_effect_of_a_job_changes_nothing_and_is_tried_again() -> None:
    async def body(c: Cloudlet) -> None:
        async def handle(job: Job):  # type: ignore[no-untyped-def]
            def effect(tx):  # type: ignore[no-untyped-def]
                count(tx, b"p")
                if job.attempt == 1:
                    raise ValueError("halfway")

            return effect

        c.serve("a.x", handle)
        await c.plan(Job("a.x", b"p"))
        await c.dispatcher.idle()
        assert await c.effects(b"p") == 0
        c.advance(1000)
        await c.dispatcher.idle()
        assert await c.effects(b"p") == 1

    run(body)


def test_postponing_counts_no_attempt() -> None:
    async def body(c: Cloudlet) -> None:
        async def handle(job: Job) -> None:
            c.ran.append((job.kind, job.payload, job.attempt))
            if len(c.ran) < 30:
                raise Postpone(c.clock.now_ms() + 5, "throttled")

        c.serve("a.x", handle)
        await c.plan(Job("a.x", b"p"))
        for _ in range(40):
            await c.dispatcher.idle()
            c.advance(5)
        assert len(c.ran) == 30
        assert {attempt for *_, attempt in c.ran} == {1}

    run(body)


# --- ids


def test_a_job_with_an_id_replaces_the_former_and_can_be_cancelled() -> None:
    async def body(c: Cloudlet) -> None:
        c.serve("a.x", c.recorder())
        await c.plan(Job("a.x", b"one", id="timer"), START_MS + 10)
        await c.plan(Job("a.x", b"two", id="timer"), START_MS + 500)
        await c.plan(Job("a.x", b"gone", id="other"), START_MS + 10)
        due_ms, job = await c.store.read(lambda at: c.dispatcher.find_job(at, "timer"))
        assert (due_ms, job.payload) == (START_MS + 500, b"two")
        assert await c.store.write(lambda tx: c.dispatcher.cancel(tx, "other"))
        assert not await c.store.write(lambda tx: c.dispatcher.cancel(tx, "other"))
        c.advance(1000)
        await c.dispatcher.idle()
        assert [payload for _, payload, _ in c.ran] == [b"two"]

    run(body)


def test_a_timer_plans_itself_again_in_its_own_effect() -> None:
    async def body(c: Cloudlet) -> None:
        async def tick(job: Job):  # type: ignore[no-untyped-def]
            def effect(tx):  # type: ignore[no-untyped-def]
                count(tx, b"tick")
                tx.at(c.clock.now_ms() + 100, job)

            return effect

        c.serve("a.tick", tick)
        await c.plan(Job("a.tick", b"", id="tick"), START_MS)
        for _ in range(5):
            await c.dispatcher.idle()
            c.advance(100)
        await c.dispatcher.idle()
        assert await c.effects(b"tick") == 6

    run(body)


# Invariant 7: what runs while its timer is cancelled or moved has no effect.
def test_the_effect_of_a_cancelled_run_is_dropped() -> None:
    async def body(c: Cloudlet) -> None:
        begun, go = asyncio.Event(), asyncio.Event()

        async def slow(job: Job):  # type: ignore[no-untyped-def]
            begun.set()
            await go.wait()
            return lambda tx: count(tx, job.payload)

        c.serve("a.x", slow)
        await c.plan(Job("a.x", b"p", id="timer"))
        await begun.wait()
        await c.store.write(lambda tx: c.dispatcher.cancel(tx, "timer"))
        begun.clear()
        await c.plan(Job("a.x", b"q", id="again"))
        await begun.wait()
        await c.plan(Job("a.x", b"r", id="again"), START_MS + 5)
        go.set()
        await c.dispatcher.idle()
        assert [await c.effects(name) for name in (b"p", b"q", b"r")] == [0, 0, 0]
        c.advance(5)
        await c.dispatcher.idle()
        assert [await c.effects(name) for name in (b"p", b"q", b"r")] == [0, 0, 1]

    run(body)


# --- fairness


def test_a_slow_kind_does_not_hold_up_others() -> None:
    async def body(c: Cloudlet) -> None:
        stuck = asyncio.Event()
        at_once = [0, 0]

        async def slow(job: Job) -> None:
            at_once[0] += 1
            at_once[1] = max(at_once)
            await stuck.wait()
            at_once[0] -= 1

        c.serve("a.slow", slow, concurrency_max=3)
        c.serve("b.fast", c.recorder())
        for _ in range(100):
            await c.plan(Job("a.slow", b""))
        for number in range(10):
            await c.plan(Job("b.fast", b"%d" % number))
        while len(c.ran) < 10:
            await asyncio.sleep(0)
        assert at_once[0] > 0
        stuck.set()
        await c.dispatcher.idle()
        assert at_once[0] == 0
        assert at_once[1] <= 16

    run(body)


def test_a_slow_lane_holds_up_no_other_lane_and_all_of_them_no_other_kind() -> None:
    async def body(c: Cloudlet) -> None:
        stuck = asyncio.Event()
        begun: list[str] = []

        async def handle(job: Job) -> None:
            begun.append(job.lane)
            if job.lane.startswith("slow"):
                await stuck.wait()

        async def begun_all(lane: str, times: int) -> None:
            while begun.count(lane) < times:
                await asyncio.sleep(0)

        c.serve("a.x", handle)
        c.serve("b.y", handle)
        for _ in range(30):
            await c.plan(Job("a.x", b"", lane="slow"))
        await begun_all("slow", LANE_CONCURRENCY_MAX)
        await c.plan(Job("a.x", b"", lane="other"))
        await begun_all("other", 1)
        for number in range(CONCURRENCY_MAX):
            await c.plan(Job("a.x", b"", lane=f"slow{number}"))
        await c.plan(Job("b.y", b"", lane="another kind"))
        await begun_all("another kind", 1)
        assert begun.count("slow") == LANE_CONCURRENCY_MAX
        stuck.set()
        await c.dispatcher.idle()
        assert begun.count("slow") == 30

    run(body)


def test_where_there_is_not_room_for_all_every_lane_gets_its_turn() -> None:
    async def body(c: Cloudlet) -> None:
        c.serve("a.x", c.recorder())
        await c.dispatcher.stop()
        for number in range(100):
            await c.plan(Job("a.x", b"backlog", lane="backlog", id=f"{number:03d}"))
        await c.plan(Job("a.x", b"late", lane="late"))
        narrow = c.another(concurrency_max=2)
        await narrow.start()
        await narrow.idle()
        await narrow.stop()
        ran = [payload for _, payload, _ in c.ran]
        assert ran.index(b"late") < 4
        assert len(ran) == 101

    run(body)


def test_a_handler_that_hangs_is_ended_and_tried_again() -> None:
    async def body(c: Cloudlet) -> None:
        async def hang(job: Job) -> None:
            c.ran.append((job.kind, job.payload, job.attempt))
            if job.attempt == 1:
                await asyncio.Event().wait()

        c.serve("a.x", hang, time_limit_s=0.01)
        await c.plan(Job("a.x", b"p"))
        await c.dispatcher.idle()
        c.advance(1000)
        await c.dispatcher.idle()
        assert len(c.ran) == 2

    run(body)


def test_a_handler_that_cancels_itself_is_a_failure_like_others() -> None:
    async def body(c: Cloudlet) -> None:
        async def cancelled(job: Job) -> None:
            c.ran.append((job.kind, job.payload, job.attempt))
            if job.attempt == 1:
                raise asyncio.CancelledError

        c.serve("a.x", cancelled)
        await c.plan(Job("a.x", b"p"))
        await c.dispatcher.idle()
        c.advance(1000)
        await c.dispatcher.idle()
        assert [attempt for *_, attempt in c.ran] == [1, 2]

    run(body)


# --- facts and deliveries


def test_a_fact_reaches_every_consumer_once() -> None:
    async def body(c: Cloudlet) -> None:
        c.consumers["QueueEmptied"] = ["a", "b"]
        await c.dispatcher.stop()
        c.dispatcher = c.another()
        await c.dispatcher.start()
        facts: list[tuple[str, Fact]] = []

        async def hear(job: Job) -> None:
            facts.append((job.kind, decode_fact(job.payload)))

        c.serve("a.on.QueueEmptied", hear)
        c.serve("b.on.QueueEmptied", hear)
        fact = QueueEmptied(account="1", region="r", name="q")
        await c.store.write(lambda tx: tx.emit(fact))
        await c.dispatcher.idle()
        assert sorted(facts) == [("a.on.QueueEmptied", fact), ("b.on.QueueEmptied", fact)]

    run(body)


SOURCE = Source("sns.amazonaws.com", "arn:aws:sns:r:1:topic", "1")


def test_a_delivery_keeps_its_id_through_its_attempts() -> None:
    async def body(c: Cloudlet) -> None:
        got: list[Delivery] = []

        async def target(delivery: Delivery):  # type: ignore[no-untyped-def]
            got.append(delivery)
            if delivery.attempt < 3:
                raise RuntimeError("busy")
            return lambda tx: count(tx, delivery.payload)

        c.services["sqs"] = ServiceDispatch(target=target, target_retry=EXACT)
        await c.store.write(lambda tx: tx.deliver("arn:aws:sqs:r:1:q", b"m", source=SOURCE))
        for _ in range(3):
            await c.dispatcher.idle()
            c.advance(3000)
        assert [delivery.attempt for delivery in got] == [1, 2, 3]
        assert len({replace(delivery, attempt=0) for delivery in got}) == 1
        assert await c.effects(b"m") == 1

    run(body)


def test_the_undeliverable_goes_to_the_senders_rule_at_once() -> None:
    async def body(c: Cloudlet) -> None:
        async def target(delivery: Delivery) -> None:
            raise Undeliverable("no such queue")

        told: list[tuple[str, str]] = []

        def undelivered(delivery: Delivery, reason: str):  # type: ignore[no-untyped-def]
            told.append((delivery.arn, reason))
            return lambda tx: count(tx, b"dlq")

        c.services["sqs"] = ServiceDispatch(target=target)
        c.services["sns"] = ServiceDispatch(undelivered=undelivered)
        for arn in ("arn:aws:sqs:r:1:q", "arn:aws:nowhere:r:1:x", "nonsense"):
            await c.store.write(lambda tx, arn=arn: tx.deliver(arn, b"m", source=SOURCE))
        await c.dispatcher.idle()
        assert sorted(arn for arn, _ in told) == [
            "arn:aws:nowhere:r:1:x",
            "arn:aws:sqs:r:1:q",
            "nonsense",
        ]
        assert ("arn:aws:sqs:r:1:q", "no such queue") in told
        assert await c.effects(b"dlq") == 3

    run(body)


def test_what_an_aborted_transaction_planned_never_happens() -> None:
    async def body(c: Cloudlet) -> None:
        c.serve("a.x", c.recorder())

        def abort(tx):  # type: ignore[no-untyped-def]
            tx.at(START_MS, Job("a.x", b"p"))
            raise KeyError

        try:
            await c.store.write(abort)
        except KeyError:
            pass
        await c.dispatcher.idle()
        assert c.ran == []

    run(body)


# --- the story of a request


def test_the_trace_tells_the_story_of_a_request() -> None:
    async def body(c: Cloudlet) -> None:
        async def first(job: Job):  # type: ignore[no-untyped-def]
            return lambda tx: tx.deliver("arn:aws:sqs:r:1:q", b"m", source=SOURCE)

        async def target(delivery: Delivery) -> None:
            raise Undeliverable("no such queue")

        c.serve("a.x", first)
        c.services["sqs"] = ServiceDispatch(target=target)
        c.services["sns"] = ServiceDispatch()
        await c.plan(Job("a.x", b""), cause=Cause("req-1"))
        await c.plan(Job("a.x", b""), cause=Cause("req-2"))
        await c.dispatcher.idle()
        story = await c.store.read(lambda at: c.dispatcher.story(at, "req-1"))
        assert [entry.what for entry in story] == ["planned", "planned", "done", "undelivered"]
        planned, again, _, last = story
        assert planned.parent is None
        assert again.parent == planned.job
        assert last.job == again.job
        assert last.outcome == "no such queue"
        assert "arn:aws:sqs:r:1:q" in last.detail
        assert [entry.seq for entry in story] == [0, 1, 2, 3]

    run(body)
