"""DynamoDB Streams as an event source: what functions get, when, and where a mapping goes on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from .driving import (
    FUNCTION,
    START_MS,
    Broken,
    Driven,
    Throttled,
    all_names,
    broken,
    broken_by,
    fine,
    names_of,
    reporting,
)

Body = Callable[[Driven], Awaitable[None]]


@pytest.fixture
def drive(tmp_path: Path) -> Callable[[Body], None]:
    async def run(body: Body) -> None:
        await body(Driven(tmp_path))

    return lambda body: asyncio.run(run(body))


# The event as recorded from AWS, member by member and in its order.
def test_the_event(drive: Callable[[Body], None]) -> None:
    async def body(driven: Driven) -> None:
        await driven.begin()
        await driven.dynamodb(
            "PutItem", TableName="things", Item={"pk": {"S": "hello"}, "b": {"B": "Zm9vYmFy"}}
        )
        await driven.open()
        (event,) = await driven.run(fine)
        (record,) = event["Records"]
        assert list(record) == [
            *("eventID", "eventName", "eventVersion", "eventSource", "awsRegion", "dynamodb"),
            "eventSourceARN",
        ]
        assert record["eventSource"] == "aws:dynamodb"
        assert record["eventSourceARN"] == driven.mapping.source_arn
        assert record["dynamodb"] | {"SequenceNumber": ""} == {
            "ApproximateCreationDateTime": START_MS // 1000,
            "Keys": {"pk": {"S": "hello"}},
            "NewImage": {"pk": {"S": "hello"}, "b": {"B": "Zm9vYmFy"}},
            "SequenceNumber": "",
            "SizeBytes": 21,
            "StreamViewType": "NEW_IMAGE",
        }
        assert driven.results == ["OK"]

    drive(body)


# What was settled does not come again after a crash; what was taken and not settled does.
def test_going_on_after_a_crash(drive: Callable[[Body], None]) -> None:
    async def body(driven: Driven) -> None:
        await driven.begin(batch_size=2)
        await driven.write("a", "b", "c", "d", "e")
        await driven.open()
        assert all_names(await driven.run(fine, most=1)) == [["a", "b"]]
        taken = await driven.source.take()
        assert taken is not None
        await driven.open()
        assert all_names(await driven.run(fine)) == [["c", "d"], ["e"]]
        await driven.open()
        assert await driven.run(fine) == []
        assert not await driven.pending()

    drive(body)


# A source sleeps until something is written, and then has it.
def test_waiting_for_what_comes(drive: Callable[[Body], None]) -> None:
    async def body(driven: Driven) -> None:
        await driven.begin()
        await driven.open()
        assert await driven.source.take() is None
        assert not await driven.pending()
        waiting = asyncio.ensure_future(driven.source.wait())
        await asyncio.sleep(0.01)
        assert not waiting.done()
        await driven.write("a")
        assert await driven.pending()
        await asyncio.wait_for(waiting, 5)
        assert all_names(await driven.run(fine)) == [["a"]]

    drive(body)


# What is watched follows the shards: whoever began to wait before a child was there hears of the child's records.
def test_waiting_for_a_child(drive: Callable[[Body], None]) -> None:
    async def body(driven: Driven) -> None:
        await driven.begin()
        await driven.write("a")
        await driven.close_shards()
        await driven.write("b")
        await driven.open()
        assert all_names(await driven.run(broken)) == [["a"]]
        waiting = asyncio.ensure_future(driven.source.wait())
        await asyncio.sleep(0.01)
        driven.advance(1)
        assert all_names(await driven.run(fine)) == [["a"], ["b"]]
        await asyncio.sleep(0.01)
        assert not waiting.done()
        await driven.write("c")
        await asyncio.wait_for(waiting, 5)
        assert all_names(await driven.run(fine)) == [["c"]]

    drive(body)


# LATEST begins where the stream ended when the mapping first looked, also if it looked long before the first record.
def test_latest(drive: Callable[[Body], None]) -> None:
    async def body(driven: Driven) -> None:
        await driven.begin(position="LATEST")
        await driven.write("before")
        await driven.open()
        assert await driven.run(fine) == []
        await driven.write("a")
        await driven.open()
        assert all_names(await driven.run(fine)) == [["a"]]

    drive(body)


# Retries of the same batch, later each time; then the records are given up, and the destination hears of it.
def test_retries_and_giving_up(drive: Callable[[Body], None]) -> None:
    async def body(driven: Driven) -> None:
        await driven.begin(retries_max=2, batch_size=2)
        await driven.write("a", "b", "c")
        await driven.open()
        assert all_names(await driven.run(broken_by("a"))) == [["a", "b"]]
        assert driven.source.due_ms == START_MS + 500
        assert not await driven.pending()
        await driven.open()  # a crash in the pause changes nothing
        assert await driven.run(fine) == []
        driven.advance(0.5)
        assert await driven.pending()
        assert all_names(await driven.run(broken_by("a"))) == [["a", "b"]]
        driven.advance(1)
        assert all_names(await driven.run(broken_by("a"))) == [["a", "b"], ["c"]]
        (notice,) = await driven.notices()
        numbers = notice["DDBStreamBatchInfo"]
        assert notice == {
            "requestContext": {
                "requestId": "the-request",
                "functionArn": FUNCTION,
                "condition": "RetryAttemptsExhausted",
                "approximateInvokeCount": 3,
            },
            "responseContext": {
                "statusCode": 200,
                "executedVersion": "$LATEST",
                "functionError": "Unhandled",
            },
            "version": "1.0",
            "timestamp": "2027-01-15T08:00:01.500Z",
            "DDBStreamBatchInfo": {
                "shardId": numbers["shardId"],
                "startSequenceNumber": numbers["startSequenceNumber"],
                "endSequenceNumber": numbers["endSequenceNumber"],
                "approximateArrivalOfFirstRecord": "2027-01-15T08:00:00Z",
                "approximateArrivalOfLastRecord": "2027-01-15T08:00:00Z",
                "batchSize": 2,
                "streamArn": driven.mapping.source_arn,
            },
        }
        assert driven.results == ["PROBLEM: Function call failed"] * 3 + ["OK"]

    drive(body)


# Being throttled is no try: nothing is given up for it.
def test_throttling_is_no_try(drive: Callable[[Body], None]) -> None:
    def throttled(event: dict[str, Any]) -> None:
        raise Throttled

    async def body(driven: Driven) -> None:
        await driven.begin(retries_max=0)
        await driven.write("a")
        await driven.open()
        for _ in range(5):
            assert all_names(await driven.run(throttled)) == [["a"]]
            assert await driven.run(fine) == []
            driven.advance(60)
        assert all_names(await driven.run(fine)) == [["a"]]
        assert await driven.notices() == []

    drive(body)


# Halving finds the record that breaks the function; all others are handled, in order.
def test_bisecting(drive: Callable[[Body], None]) -> None:
    async def body(driven: Driven) -> None:
        await driven.begin(bisect=True, retries_max=1)
        await driven.write(*"abcdefgh")
        await driven.open()
        got: list[list[str]] = []
        for _ in range(10):
            got += all_names(await driven.run(broken_by("f")))
            driven.advance(60)
            await driven.open()
        assert got == [
            list("abcdefgh"),
            list("abcd"),
            list("efgh"),
            list("ef"),
            ["e"],
            ["f"],
            ["f"],
            ["g", "h"],
        ]
        (notice,) = await driven.notices()
        assert notice["DDBStreamBatchInfo"]["batchSize"] == 1
        assert notice["requestContext"]["approximateInvokeCount"] == 2

    drive(body)


# As recorded: of six records the last fails; it alone is tried again, with all of its tries, and given up.
def test_partial_failures(drive: Callable[[Body], None]) -> None:
    async def body(driven: Driven) -> None:
        types = ("ReportBatchItemFailures",)
        await driven.begin(response_types=types, retries_max=3)
        await driven.write(*"012345")
        await driven.open()
        got: list[list[str]] = []
        for _ in range(8):
            got += all_names(await driven.run(reporting("5")))
            driven.advance(60)
        assert got == [list("012345"), ["5"], ["5"], ["5"], ["5"]]
        (notice,) = await driven.notices()
        assert notice["requestContext"]["approximateInvokeCount"] == 4
        assert notice["responseContext"]["functionError"] is None

    drive(body)


# A window gathers what comes until its time is over, or until the batch is full.
def test_batching_windows(drive: Callable[[Body], None]) -> None:
    async def body(driven: Driven) -> None:
        await driven.begin(batch_size=3, window_s=10)
        await driven.write("a")
        await driven.open()
        assert await driven.run(fine) == []
        assert driven.source.due_ms == START_MS + 10_000
        assert not await driven.pending()
        driven.advance(6)
        await driven.open()  # the time that it began with holds
        await driven.write("b")
        assert await driven.pending()
        await driven.reading()
        assert await driven.run(fine) == []
        assert not await driven.pending()
        driven.advance(4)
        assert await driven.pending()
        assert all_names(await driven.run(fine)) == [["a", "b"]]
        await driven.write(*"cdef")
        await driven.reading()
        assert all_names(await driven.run(fine)) == [["c", "d", "e"]]
        driven.advance(10)
        assert all_names(await driven.run(fine)) == [["f"]]

    drive(body)


# Records that are too old are given up without the function; younger ones behind them are not.
def test_age(drive: Callable[[Body], None]) -> None:
    async def body(driven: Driven) -> None:
        await driven.begin(record_age_s_max=60)
        await driven.write("a", "b")
        driven.advance(50)
        await driven.write("c")
        driven.advance(20)
        await driven.open()
        assert all_names(await driven.run(broken)) == [["c"]]
        driven.advance(60)
        assert await driven.run(broken) == []
        before, retrying = await driven.notices()
        assert before["requestContext"] | {"requestId": ""} == {
            "requestId": "",
            "functionArn": FUNCTION,
            "condition": "RecordAgeExceeded",
            "approximateInvokeCount": 1,
        }
        assert "responseContext" not in before
        assert before["DDBStreamBatchInfo"]["batchSize"] == 2
        assert retrying["DDBStreamBatchInfo"]["batchSize"] == 1

    drive(body)


# What filters leave out is passed, durably: nobody reads it again, and nothing is left to do.
def test_filters(drive: Callable[[Body], None]) -> None:
    async def body(driven: Driven) -> None:
        pattern = {"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "yes"}]}}}}
        await driven.begin(filters=(json.dumps(pattern),))
        await driven.write("no-1", "yes-1", "no-2", "yes-2", "no-3")
        await driven.open()
        assert all_names(await driven.run(fine)) == [["yes-1", "yes-2"]]
        await driven.write("no-4")
        assert await driven.pending()
        await driven.reading()
        assert await driven.run(fine) == []
        assert not await driven.pending()

    drive(body)


# Lanes of a shard run beside each other; the records of an item stay in one, in order, and wait for their elder ones.
def test_parallelization(drive: Callable[[Body], None]) -> None:
    async def body(driven: Driven) -> None:
        await driven.begin(parallelization=4, batch_size=10)
        things = [f"thing-{number}" for number in range(12)]
        for n in range(3):
            await driven.write(*things, n=n)
        await driven.open()
        assert driven.source.concurrency_max == 4
        batches = [batch for _ in range(5) if (batch := await driven.source.take()) is not None]
        assert len(batches) == 4, "each lane has one"
        stuck = batches[0]
        stuck_things = set(names_of(json.loads(stuck.payload)))
        for batch in batches[1:]:
            assert not stuck_things & set(names_of(json.loads(batch.payload)))
            await driven.settle(batch, fine)
        others = await driven.run(fine)
        assert not stuck_things & {name for names in all_names(others) for name in names}
        # A crash changes nothing of that.
        await driven.open()
        assert await driven.source.take() is not None
        assert await driven.source.take() is None
        # Another one, and another number of lanes: only what was stuck comes again, all of it, in order.
        await driven.open(parallelization=3)
        again = await driven.run(fine)
        numbers: dict[str, list[str]] = {}
        for event in again:
            for record in event["Records"]:
                image = record["dynamodb"]["NewImage"]
                numbers.setdefault(image["pk"]["S"], []).append(image["n"]["N"])
        assert stuck_things == set(numbers)
        assert set(map(tuple, numbers.values())) == {("0", "1", "2")}
        await driven.open(parallelization=10)
        assert await driven.run(fine) == []
        assert not await driven.pending()

    drive(body)


# Children begin when all of their parent is handled, whatever waits in them.
def test_parents_before_children(drive: Callable[[Body], None]) -> None:
    async def body(driven: Driven) -> None:
        await driven.begin(batch_size=1)
        await driven.write("a", "b")
        await driven.close_shards()
        await driven.write("c")
        await driven.open()
        assert all_names(await driven.run(broken_by("b"))) == [["a"], ["b"]]
        assert not await driven.pending()
        driven.advance(1)
        await driven.open()
        assert all_names(await driven.run(fine)) == [["b"], ["c"]]
        await driven.close_shards()
        await driven.write("d")
        await driven.reading()
        assert all_names(await driven.run(fine)) == [["d"]]
        await driven.open()
        assert await driven.run(fine) == []

    drive(body)


# That another shard has ended does not let the children of this one begin.
def test_each_child_waits_for_its_own_parent(drive: Callable[[Body], None]) -> None:
    async def body(driven: Driven) -> None:
        await driven.begin(shards=2)
        names = list("abcdefghijklmnop")
        await driven.write(*names)
        await driven.close_shards()
        await driven.write(*names, n=1)
        await driven.open()
        fails = broken_by(names[0])
        first = await driven.run(fails)
        (stuck,) = (event for event in first if names[0] in names_of(event))
        later = [event for event in first if event is not stuck]
        assert len(later) == 2, "the other shard, and its child"
        assert all(set(names_of(event)) == set(names_of(later[0])) for event in later)
        driven.advance(1)
        assert len(await driven.run(fine)) == 2, "what was stuck, and then its child"

    drive(body)


# A mapping that comes back after more than a day goes on with what the stream still has, also where the shards that it
# knows are gone.
@pytest.mark.parametrize("trimmed", [False, True])
def test_coming_back_after_days(drive: Callable[[Body], None], trimmed: bool) -> None:
    async def body(driven: Driven) -> None:
        await driven.begin(retries_max=-1)
        await driven.write("a")
        await driven.open()
        assert all_names(await driven.run(broken)) == [["a"]]
        await driven.write("lost")
        await driven.close_shards()
        await driven.write("lost in a child")
        await driven.close_shards()
        driven.advance(3 * 86_400)
        if trimmed:
            for _ in range(3):
                await driven.work("trim")
        await driven.write("b")
        assert await driven.pending()
        await driven.open()
        assert all_names(await driven.run(fine)) == [["b"]]
        assert not await driven.pending()

    drive(body)


# A batch that was to be tried again and is gone from the stream by now holds nothing up.
def test_records_that_are_gone_hold_nothing_up(drive: Callable[[Body], None]) -> None:
    async def body(driven: Driven) -> None:
        await driven.begin()
        await driven.write("a")
        await driven.open()
        assert all_names(await driven.run(broken)) == [["a"]]
        driven.advance(86_500)
        await driven.write("b")
        await driven.open()
        assert all_names(await driven.run(fine)) == [["b"]]
        assert not await driven.pending()

    drive(body)


# What it has is handled; then there is nothing more to do.
def test_a_stream_that_is_switched_off(drive: Callable[[Body], None]) -> None:
    async def body(driven: Driven) -> None:
        await driven.begin()
        await driven.write("a")
        await driven.open()
        off = {"StreamEnabled": False}
        await driven.dynamodb("UpdateTable", TableName="things", StreamSpecification=off)
        assert all_names(await driven.run(fine)) == [["a"]]
        assert not await driven.pending()

    drive(body)


# An event holds six megabytes, whatever the batch size allows.
def test_large_records_are_several_batches(drive: Callable[[Body], None]) -> None:
    async def body(driven: Driven) -> None:
        await driven.begin(batch_size=10_000)
        for number in range(20):
            item = {"pk": {"S": f"{number:02d}"}, "x": {"S": "x" * 390_000}}
            await driven.dynamodb("PutItem", TableName="things", Item=item)
        await driven.open()
        batches = [batch async for batch in _batches(driven)]
        assert len(batches) == 2
        assert all(len(batch) <= 6 * 1024 * 1024 for batch in batches)
        assert sum(len(json.loads(batch)["Records"]) for batch in batches) == 20

    drive(body)


async def _batches(driven: Driven) -> Any:
    while (batch := await driven.source.take()) is not None:
        yield batch.payload
        await driven.settle(batch, fine)


# --- tumbling windows


# State goes from batch to batch of a window, and ends with it; windows are by the times of the records.
def test_tumbling_windows(drive: Callable[[Body], None]) -> None:
    def count(event: dict[str, Any]) -> Any:
        if "boom" in names_of(event):
            raise Broken
        state = event["state"]
        return {"state": {"n": state.get("n", 0) + len(event["Records"])}}

    async def body(driven: Driven) -> None:
        await driven.begin(tumbling_window_s=30, batch_size=2)
        driven.advance(10)
        await driven.write("a", "b", "c")
        await driven.open()
        first, second = await driven.run(count)
        assert {name: first[name] for name in first if name != "Records"} == {
            "window": {"start": "2027-01-15T08:00:00Z", "end": "2027-01-15T08:00:30Z"},
            "state": {},
            "shardId": first["shardId"],
            "eventSourceARN": driven.mapping.source_arn,
            "isFinalInvokeForWindow": False,
            "isWindowTerminatedEarly": False,
        }
        assert second["state"] == {"n": 2}
        driven.advance(25)
        await driven.write("d")
        await driven.open()  # the state survives a crash
        ended, third = await driven.run(count)
        assert (ended["isFinalInvokeForWindow"], ended["Records"]) == (True, [])
        assert ended["state"] == {"n": 3}
        assert (third["window"]["start"], third["state"]) == ("2027-01-15T08:00:30Z", {})
        # Without new records a window ends two minutes after its time.
        assert driven.source.due_ms == START_MS + 60_000 + 120_000
        assert not await driven.pending()
        driven.advance(145)
        assert await driven.pending()
        (last,) = await driven.run(count)
        assert (last["isFinalInvokeForWindow"], last["state"]) == (True, {"n": 1})
        assert not await driven.pending()

    drive(body)


# As AWS documents: an answer without a state is a failure; the window goes on with the one that it had.
def test_a_missing_state_is_a_failure(drive: Callable[[Body], None]) -> None:
    async def body(driven: Driven) -> None:
        await driven.begin(tumbling_window_s=30, retries_max=0)
        await driven.write("a")
        await driven.open()
        await driven.run(lambda event: {"state": 7})
        await driven.write("b")
        await driven.open()
        await driven.run(lambda event: {"batchItemFailures": []})
        (notice,) = await driven.notices()
        assert notice["requestContext"]["condition"] == "RetryAttemptsExhausted"
        driven.advance(150)
        (ended,) = await driven.run(fine)
        assert (ended["isFinalInvokeForWindow"], ended["state"]) == (True, 7)

    drive(body)


# Windows that were made shorter meanwhile take what is to be tried again all the same.
def test_shorter_windows(drive: Callable[[Body], None]) -> None:
    async def body(driven: Driven) -> None:
        await driven.begin(tumbling_window_s=300)
        driven.advance(60)
        await driven.write("a")
        await driven.open()
        await driven.run(broken)
        driven.advance(1)
        await driven.open(tumbling_window_s=30)
        first, *_ = await driven.run(lambda event: {"state": 1})
        assert names_of(first) == ["a"]

    drive(body)


def test_a_state_that_is_too_large_ends_its_window(drive: Callable[[Body], None]) -> None:
    def grow(event: dict[str, Any]) -> Any:
        return {"state": "x" * 1_048_577} if event["Records"] else None

    async def body(driven: Driven) -> None:
        await driven.begin(tumbling_window_s=30)
        await driven.write("a")
        await driven.open()
        _, ended = await driven.run(grow)
        assert ended["isFinalInvokeForWindow"]
        assert ended["isWindowTerminatedEarly"]

    drive(body)
