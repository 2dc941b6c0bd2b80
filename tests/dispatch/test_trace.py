"""The story of requests: full stories, forgotten stories, decisions that services note themselves."""

from __future__ import annotations

import pytest
from cloudlet import START_MS, Cloudlet, run

from pilvi.contracts.causes import Cause
from pilvi.contracts.delivery import Source
from pilvi.contracts.jobs import Job
from pilvi.dispatch import trace
from pilvi.dispatch.trace import Undelivered, note, story, undelivered


def test_a_service_notes_why_it_did_not_deliver() -> None:
    async def body(c: Cloudlet) -> None:
        cause = Cause("req", parent="job-1")
        await c.store.write(
            lambda tx: undelivered(
                tx, cause, "sns", "arn:aws:sqs:r:1:q", Undelivered.FILTER, "colour", at_ms=7
            )
        )
        [entry] = await c.store.read(lambda at: story(at, "req"))
        assert (entry.service, entry.what, entry.outcome) == ("sns", "undelivered", "filter")
        assert (entry.detail, entry.at_ms, entry.parent) == (
            "arn:aws:sqs:r:1:q: colour",
            7,
            "job-1",
        )

    run(body)


def test_people_read_when_and_to_whom() -> None:
    async def body(c: Cloudlet) -> None:
        c.serve("a.x", c.recorder(fails=1))
        source = Source("sns.amazonaws.com", "arn:aws:sns:r:1:t", "1")

        def plan(tx) -> None:  # type: ignore[no-untyped-def]
            tx.at(START_MS + 1500, Job("a.x", b"p"))
            tx.deliver("arn:aws:sqs:r:1:q", b"", source=source)

        await c.store.write(plan, cause=Cause("req"))
        await c.dispatcher.idle()
        c.advance(1500)
        await c.dispatcher.idle()
        told = await c.store.read(lambda at: story(at, "req"))
        assert [(entry.service, entry.what, entry.detail) for entry in told] == [
            ("a", "planned", "a.x, in 1.5 s"),
            ("sns", "planned", "delivery to arn:aws:sqs:r:1:q"),
            ("sns", "undelivered", "delivery to arn:aws:sqs:r:1:q, attempt 1"),
            ("a", "failed", "a.x, attempt 1, again in 1 s"),
        ]

    run(body)


def test_what_has_no_request_is_not_told() -> None:
    async def body(c: Cloudlet) -> None:
        c.serve("a.x", c.recorder())
        await c.plan(Job("a.x", b"p"))
        await c.dispatcher.idle()
        assert await c.store.read(lambda at: list(trace.entries.scan(at, ("dispatch",)))) == []

    run(body)


def test_a_story_ends_when_it_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "STORY_ENTRIES_MAX", 5)

    async def body(c: Cloudlet) -> None:
        for number in range(9):
            await c.store.write(
                lambda tx, number=number: note(
                    tx, Cause("req"), "a", "did", str(number), at_ms=START_MS
                )
            )
        told = await c.store.read(lambda at: story(at, "req"))
        assert [entry.what for entry in told] == ["did"] * 4 + ["full"]

    run(body)


async def _tell(c: Cloudlet, request_id: str) -> None:
    now_ms = c.clock.now_ms()
    await c.store.write(lambda tx: note(tx, Cause(request_id), "a", "did", "", at_ms=now_ms))


async def _told(c: Cloudlet) -> list[str]:
    entries = await c.store.read(lambda at: list(trace.entries.scan(at, ("dispatch",))))
    return [entry.request_id for entry in entries]


def test_old_stories_and_the_old_dead_are_forgotten() -> None:
    async def body(c: Cloudlet) -> None:
        await _tell(c, "old")
        await c.plan(Job("nowhere.x", b""))
        await c.dispatcher.idle()
        c.advance(trace.AGE_MS_MAX - 5)
        await c.dispatcher.idle()
        await _tell(c, "young")
        assert await _told(c) == ["old", "young"]
        assert len(await c.store.read(c.dispatcher.list_dead)) == 1
        c.advance(trace.TRIM_EVERY_MS + 10)
        await c.dispatcher.idle()
        assert await _told(c) == ["young"]
        assert await c.store.read(c.dispatcher.list_dead) == []
        c.advance(trace.AGE_MS_MAX * 2)
        await c.dispatcher.idle()
        c.advance(trace.TRIM_EVERY_MS)
        await c.dispatcher.idle()
        assert await _told(c) == []
        # With nothing left to forget, nothing is planned either.
        assert (await c.dispatcher.statistics()).pending == 0

    run(body)


def test_of_too_many_stories_the_oldest_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "STORIES_MAX", 4)
    monkeypatch.setattr(trace, "TRIM_BATCH", 3)

    async def body(c: Cloudlet) -> None:
        for number in range(15):
            await _tell(c, f"r{number:02}")
            c.advance(1)
        c.advance(trace.TRIM_EVERY_MS)
        await c.dispatcher.idle()
        assert await _told(c) == [f"r{number}" for number in range(11, 15)]

    run(body)
