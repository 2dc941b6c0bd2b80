"""Log events: what is taken, and what readers see of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError

DAY_MS = 86_400_000


class Stream:
    """One stream of one group, with the clock's time at its creation."""

    def __init__(self, logs: Any) -> None:
        self.logs = logs
        logs.create_log_group(logGroupName="g")
        self.add("s")
        self.now_ms: int = logs.describe_log_groups()["logGroups"][0]["creationTime"]

    def add(self, name: str) -> None:
        self.logs.create_log_stream(logGroupName="g", logStreamName=name)

    def put(self, *events: tuple[int, str], stream: str = "s") -> Any:
        """(milliseconds after the creation, message)"""
        return self.logs.put_log_events(
            logGroupName="g",
            logStreamName=stream,
            logEvents=[{"timestamp": self.now_ms + at, "message": text} for at, text in events],
        )

    def get(self, **request: Any) -> Any:
        return self.logs.get_log_events(logGroupName="g", logStreamName="s", **request)


@pytest.fixture
def stream(client: Callable[..., Any]) -> Stream:
    return Stream(client("logs"))


def messages(page: Any) -> list[str]:
    return [event["message"] for event in page["events"]]


def letters(count: int) -> Sequence[tuple[int, str]]:
    return [(number, chr(ord("a") + number)) for number in range(count)]


def test_a_reader_pages_forwards_and_backwards(stream: Stream) -> None:
    stream.put(*letters(5))
    head = stream.get(startFromHead=True, limit=2)
    assert messages(head) == ["a", "b"]
    then = stream.get(nextToken=head["nextForwardToken"], limit=2)
    assert messages(then) == ["c", "d"]
    assert messages(stream.get(nextToken=then["nextBackwardToken"], limit=5)) == ["a", "b"]
    tail = stream.get(limit=2)
    assert messages(tail) == ["d", "e"]
    assert messages(stream.get(nextToken=tail["nextBackwardToken"], limit=2)) == ["b", "c"]


def test_a_token_at_the_end_is_answered_with_itself_until_more_comes(stream: Stream) -> None:
    stream.put((0, "a"))
    end = stream.get(startFromHead=True)["nextForwardToken"]
    again = stream.get(nextToken=end)
    assert (messages(again), again["nextForwardToken"]) == ([], end)
    stream.put((0, "same instant"), (1, "later"))
    assert messages(stream.get(nextToken=end)) == ["same instant", "later"]


def test_a_reader_of_an_empty_stream_sees_what_comes(stream: Stream) -> None:
    token = stream.get()["nextForwardToken"]
    stream.put((0, "first"))
    assert messages(stream.get(nextToken=token)) == ["first"]


def test_start_is_inclusive_and_end_is_exclusive(stream: Stream) -> None:
    stream.put(*letters(5))
    bounds = {"startTime": stream.now_ms + 1, "endTime": stream.now_ms + 3}
    assert messages(stream.get(startFromHead=True, **bounds)) == ["b", "c"]
    assert messages(stream.get(**bounds)) == ["b", "c"]


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"nextToken": "invalid"}, "The specified nextToken is invalid."),
        ({"nextToken": "f/" + "9" * 56 + "/s"}, "The specified nextToken is invalid."),
        ({"limit": 10001}, "Value '10001' at 'limit' failed to satisfy constraint: Member must"),
    ],
)
def test_bad_requests(stream: Stream, request_: dict[str, Any], words: str) -> None:
    with pytest.raises(ClientError) as error:
        stream.get(**request_)
    assert words in error.value.response["Error"]["Message"]


def test_batches_out_of_order_or_too_wide_are_refused_whole(stream: Stream) -> None:
    with pytest.raises(ClientError, match="must be in chronological order"):
        stream.put((1, "b"), (0, "a"))
    with pytest.raises(ClientError, match="cannot span more than 24 hours"):
        stream.put((-DAY_MS - 1, "a"), (0, "b"))
    with pytest.raises(ClientError, match="Upload too large"):
        stream.put(*[(0, "x" * 250_000)] * 5)
    with pytest.raises(ClientError, match="The specified log stream does not exist"):
        stream.put((0, "a"), stream="missing")
    assert messages(stream.get()) == []


def test_events_that_are_too_old_or_too_new_are_left_out_and_told(stream: Stream) -> None:
    old = stream.put((-14 * DAY_MS - 60_000, "too old"), (-14 * DAY_MS + 60_000, "old"))
    assert old["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    new = stream.put((0, "now"), (3 * 3_600_000, "too new"))
    assert new["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 1}
    assert messages(stream.get(startFromHead=True)) == ["old", "now"]


def test_filtering_merges_the_streams_by_time_across_pages(stream: Stream) -> None:
    stream.add("t")
    stream.put((0, "ERROR 0"), (2, "ERROR 2"), (4, "fine"))
    stream.put((1, "ERROR 1"), (2, "ERROR 2 too"), (3, "ERROR 3"), stream="t")
    pages = stream.logs.get_paginator("filter_log_events").paginate(
        logGroupName="g", filterPattern="ERROR", PaginationConfig={"PageSize": 2}
    )
    events = [event for page in pages for event in page["events"]]
    expected = ["ERROR 0", "ERROR 1", "ERROR 2", "ERROR 2 too", "ERROR 3"]
    assert [event["message"] for event in events] == expected
    assert [event["logStreamName"] for event in events] == ["s", "t", "s", "t", "t"]
    assert len({event["eventId"] for event in events}) == 5


def test_filtering_by_streams_and_time(stream: Stream) -> None:
    stream.add("t")
    stream.put(*letters(3))
    stream.put((1, "other"), stream="t")

    def found(**request: Any) -> list[str]:
        return messages(stream.logs.filter_log_events(logGroupName="g", **request))

    assert found(logStreamNames=["t"]) == ["other"]
    assert found(logStreamNamePrefix="s") == ["a", "b", "c"]
    # Unlike GetLogEvents, the end is inclusive here.
    assert found(startTime=stream.now_ms + 1, endTime=stream.now_ms + 1) == ["b", "other"]
    with pytest.raises(ClientError, match="The specified log stream does not exist"):
        found(logStreamNames=["missing"])
    with pytest.raises(ClientError, match="Invalid character"):
        found(filterPattern="a-b")
    with pytest.raises(ClientError, match="The specified nextToken is invalid"):
        found(nextToken="invalid")


def test_expired_events_are_hidden_at_once_and_removed_by_the_clock(
    stream: Stream, clock: Any
) -> None:
    """Retention is counted from each event's own time, and a read never shows what has expired."""
    stream.put((-DAY_MS // 2, "old"), (0, "new"))
    with pytest.raises(ClientError, match="retentionInDays"):
        stream.logs.put_retention_policy(logGroupName="g", retentionInDays=2)
    stream.logs.put_retention_policy(logGroupName="g", retentionInDays=1)
    (group,) = stream.logs.describe_log_groups()["logGroups"]
    assert group["retentionInDays"] == 1
    clock.advance(seconds=DAY_MS / 1000 * 0.75)
    assert messages(stream.get(startFromHead=True)) == ["new"]
    assert messages(stream.logs.filter_log_events(logGroupName="g")) == ["new"]
    clock.wait_until_idle()
    (described,) = stream.logs.describe_log_streams(logGroupName="g")["logStreams"]
    assert described["firstEventTimestamp"] == stream.now_ms
    stream.logs.delete_retention_policy(logGroupName="g")
    assert messages(stream.get(startFromHead=True)) == ["new"], "what was removed is gone for good"
    clock.advance(seconds=3 * DAY_MS / 1000)
    assert messages(stream.get(startFromHead=True)) == ["new"]


def test_a_group_counts_the_bytes_of_what_it_holds(stream: Stream, clock: Any) -> None:
    """AWS counts each event's UTF-8 bytes and 26 more; what is deleted or has expired no longer counts."""
    logs = stream.logs

    def stored() -> int:
        (group,) = logs.describe_log_groups()["logGroups"]
        return group["storedBytes"]

    assert stored() == 0
    stream.put((-DAY_MS // 2, "ä"), (0, "ab"))
    assert stored() == 2 * 26 + 4
    stream.add("t")
    stream.put((0, "x" * 1000), stream="t")
    assert stored() == 3 * 26 + 1004
    logs.delete_log_stream(logGroupName="g", logStreamName="t")
    assert stored() == 2 * 26 + 4
    with pytest.raises(ClientError):
        stream.put((0, "late"), (-1, "early"))
    for _ in range(2):  # more than one run of the job removes
        stream.put(*[(-DAY_MS // 2, "old")] * 6000)
    assert stored() == 2 * 26 + 4 + 12_000 * 29
    logs.put_retention_policy(logGroupName="g", retentionInDays=1)
    clock.advance(seconds=DAY_MS / 1000 * 0.75)
    clock.wait_until_idle()
    assert stored() == 26 + 2
    clock.advance(seconds=DAY_MS / 1000)
    clock.wait_until_idle()
    assert stored() == 0
