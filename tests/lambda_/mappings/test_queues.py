"""SQS as an event source: what reaches the function, and what becomes of the messages."""

from __future__ import annotations

import json

import pytest

from lambda_.mappings.support import Workshop, until
from servers import CloudClock


def test_messages_reach_the_function_as_aws_tells_of_them_and_are_deleted(
    workshop: Workshop,
) -> None:
    queue = workshop.queue()
    workshop.function()
    uuid = workshop.map(queue)
    attributes = {
        "Author": {"DataType": "String", "StringValue": "John"},
        "Raw": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
    }
    (message_id,) = workshop.send(queue, "hello", MessageAttributes=attributes)
    (note,) = workshop.noted(1)
    (record,) = note["event"]["Records"]
    system = record.pop("attributes")
    assert system.keys() == {
        *("ApproximateReceiveCount", "SentTimestamp", "SenderId"),
        "ApproximateFirstReceiveTimestamp",
    }
    assert record.pop("md5OfMessageAttributes")
    empty = {"stringListValues": [], "binaryListValues": []}
    assert record == {
        "messageId": message_id,
        "body": "hello",
        "messageAttributes": {
            "Author": {"stringValue": "John", **empty, "dataType": "String"},
            "Raw": {"binaryValue": "AAE=", **empty, "dataType": "Binary"},
        },
        "md5OfBody": "5d41402abc4b2a76b9719d911017c592",
        "eventSource": "aws:sqs",
        "eventSourceARN": workshop.arn(queue),
        "awsRegion": "us-east-1",
    }
    workshop.nothing_more()
    assert workshop.counts(queue) == (0, 0)
    assert "LastProcessingResult" not in workshop.until_state(uuid, "Enabled")


def test_what_a_failed_function_had_is_visible_again_after_its_timeout(
    workshop: Workshop, clock: CloudClock
) -> None:
    """The message is received again only then, and counted; other messages are not held up by it."""
    queue = workshop.queue()
    workshop.function()
    workshop.map(queue)
    workshop.send(queue, "raise")
    assert workshop.bodies(1) == [["raise"]]
    workshop.nothing_more()
    assert workshop.counts(queue) == (0, 1)
    workshop.send(queue, "other")
    assert workshop.bodies(1) == [["other"]]
    clock.advance(seconds=31)
    (note,) = workshop.noted(1)
    (record,) = note["event"]["Records"]
    assert record["attributes"]["ApproximateReceiveCount"] == "2"


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        ("{}", 0),
        ("[]", 0),
        ("null", 0),
        ('{"batchItemFailures": null}', 0),
        ('{"batchItemFailures": []}', 0),
        ('{"batchItemFailures": [{"itemIdentifier": ""}]}', 2),
        ('{"batchItemFailures": [{"itemIdentifier": null}]}', 2),
        ('{"batchItemFailures": [{"foo": "x"}]}', 2),
        ('{"batchItemFailures": [{"itemIdentifier": "nobody"}]}', 2),
        ('{"batchItemFailures": "all"}', 2),
    ],
)
def test_answers_that_cannot_be_understood_fail_the_whole_batch(
    partial: tuple[Workshop, str], answer: str, left: int
) -> None:
    """AWS: "Implementing partial batch responses", success and failure conditions."""
    workshop, queue = partial
    before = workshop.counts(queue)[1]
    workshop.sqs.send_message_batch(
        QueueUrl=queue,
        Entries=[
            {"Id": "1", "MessageBody": f"answer {answer}"},
            {"Id": "2", "MessageBody": "."},
        ],
    )
    assert workshop.bodies(1) == [[f"answer {answer}", "."]]
    workshop.nothing_more()
    assert workshop.counts(queue) == (0, before + left)


@pytest.fixture(scope="module")
def partial(shared: Workshop) -> tuple[Workshop, str]:
    """A queue whose function says which messages failed."""
    queue = shared.queue("partial", VisibilityTimeout="1000")
    shared.map(queue, FunctionResponseTypes=["ReportBatchItemFailures"])
    return shared, queue


def test_only_what_the_function_names_comes_again(partial: tuple[Workshop, str]) -> None:
    workshop, queue = partial
    before = workshop.counts(queue)[1]
    workshop.sqs.send_message_batch(
        QueueUrl=queue,
        Entries=[{"Id": f"{n}", "MessageBody": body} for n, body in enumerate(["a", "fail", "b"])],
    )
    assert workshop.bodies(1) == [["a", "fail", "b"]]
    workshop.nothing_more()
    assert workshop.counts(queue) == (0, before + 1)


def test_without_asking_for_them_such_answers_mean_nothing(workshop: Workshop) -> None:
    queue = workshop.queue()
    workshop.function()
    workshop.map(queue)
    workshop.send(queue, "fail")
    workshop.bodies(1)
    workshop.nothing_more()
    assert workshop.counts(queue) == (0, 0)


def test_a_batch_is_gathered_until_its_window_ends_by_the_clock(
    workshop: Workshop, clock: CloudClock
) -> None:
    """Of messages without attributes AWS says in such batches that their hash is null. Nothing is due meanwhile."""
    queue = workshop.queue()
    workshop.function()
    clock.freeze()
    workshop.map(queue, BatchSize=100, MaximumBatchingWindowInSeconds=20)
    for number in range(12):
        workshop.send(queue, str(number))
    until(lambda: workshop.counts(queue), lambda counts: counts == (0, 12))
    workshop.nothing_more()
    clock.advance(seconds=19)
    workshop.nothing_more()
    clock.advance(seconds=1)
    workshop.idle()
    (note,) = workshop.noted(1)
    assert len(note["event"]["Records"]) == 12
    assert note["event"]["Records"][0]["md5OfMessageAttributes"] is None


def test_a_full_batch_waits_for_no_window(workshop: Workshop, clock: CloudClock) -> None:
    queue = workshop.queue()
    workshop.function()
    clock.freeze()
    workshop.map(queue, BatchSize=3, MaximumBatchingWindowInSeconds=300)
    workshop.send(queue, "1", "2", "3", "4")
    assert workshop.bodies(1) == [["1", "2", "3"]]


def test_a_batch_is_no_larger_than_a_function_can_take(workshop: Workshop) -> None:
    """Six megabytes: of seven messages of one each, the last ones go into another batch."""
    queue = workshop.queue()
    workshop.function(source=workshop.counting)
    uuid = workshop.map(queue, Enabled=False)
    body = "x" * 1_000_000
    workshop.send(queue, *[body] * 7)
    workshop.lambda_.update_event_source_mapping(UUID=uuid, Enabled=True)
    counts = [json.loads(note["event"])["count"] for note in workshop.noted(2)]
    assert sorted(counts) == [1, 6]


def test_filters_let_pass_what_matches_and_the_rest_is_deleted(workshop: Workshop) -> None:
    queue = workshop.queue()
    workshop.function()
    pattern = json.dumps({"body": {"kind": ["order"]}})
    workshop.map(queue, FilterCriteria={"Filters": [{"Pattern": pattern}]})
    workshop.send(queue, '{"kind": "gossip"}', "no json", '{"kind": "order"}')
    assert workshop.bodies(1) == [['{"kind": "order"}']]
    workshop.nothing_more()
    assert workshop.counts(queue) == (0, 0)


def test_a_fifo_group_is_worked_in_order_and_waits_for_what_failed(
    workshop: Workshop, clock: CloudClock
) -> None:
    queue = workshop.queue("source.fifo")
    workshop.function()
    workshop.map(queue, BatchSize=1)
    for number in range(3):
        for group in "ab":
            body = f"raise {group}{number}" if (group, number) == ("a", 1) else f"{group}{number}"
            workshop.send(queue, body, MessageGroupId=group)
    found = [body for (body,) in workshop.bodies(5)]
    assert [body for body in found if "b" in body] == ["b0", "b1", "b2"]
    assert [body for body in found if "b" not in body] == ["a0", "raise a1"]
    workshop.nothing_more()
    clock.advance(seconds=31)
    assert workshop.bodies(1) == [["raise a1"]]


def test_a_throttled_batch_is_tried_again_without_being_received_again(
    workshop: Workshop, clock: CloudClock
) -> None:
    """While its messages are hidden the poller keeps them, and takes no others."""
    queue = workshop.queue()
    workshop.function()
    workshop.lambda_.put_function_concurrency(FunctionName="work", ReservedConcurrentExecutions=0)
    clock.freeze()
    workshop.map(queue)
    workshop.send(queue, "patient")
    until(lambda: workshop.counts(queue), lambda counts: counts == (0, 1))
    workshop.nothing_more()
    workshop.send(queue, "later")
    workshop.nothing_more()
    assert workshop.counts(queue) == (1, 1)
    workshop.lambda_.delete_function_concurrency(FunctionName="work")
    clock.advance(seconds=1)
    notes = workshop.noted(2)
    records = [note["event"]["Records"][0] for note in notes]
    assert {record["body"] for record in records} == {"patient", "later"}
    assert {record["attributes"]["ApproximateReceiveCount"] for record in records} == {"1"}


def test_a_disabled_mapping_takes_nothing_and_an_enabled_one_goes_on(workshop: Workshop) -> None:
    queue = workshop.queue()
    workshop.function()
    uuid = workshop.map(queue)
    told = workshop.lambda_.update_event_source_mapping(UUID=uuid, Enabled=False)
    assert told["State"] == "Disabling"
    workshop.until_state(uuid, "Disabled")
    workshop.send(queue, "while it slept")
    workshop.nothing_more()
    assert workshop.counts(queue) == (1, 0)
    told = workshop.lambda_.update_event_source_mapping(UUID=uuid, Enabled=True)
    assert told["State"] == "Enabling"
    assert workshop.bodies(1) == [["while it slept"]]
    workshop.until_state(uuid, "Enabled")


def test_a_changed_function_and_a_changed_mapping_hold_for_what_comes_next(
    workshop: Workshop,
) -> None:
    queue = workshop.queue()
    workshop.function()
    workshop.function("other", variables={"TAG": "other"})
    uuid = workshop.map(queue)
    workshop.send(queue, "1")
    assert workshop.noted(1)[0]["tag"] == ""
    workshop.lambda_.update_function_configuration(
        FunctionName="work",
        Environment={"Variables": {"NOTES": workshop.notes, "TAG": "changed"}},
    )
    workshop.send(queue, "2")
    assert workshop.noted(1)[0]["tag"] == "changed"
    told = workshop.lambda_.update_event_source_mapping(UUID=uuid, FunctionName="other")
    assert told["State"] == "Updating"
    workshop.until_state(uuid, "Enabled")
    workshop.send(queue, "3")
    assert workshop.noted(1)[0]["tag"] == "other"


def test_a_deleted_mapping_is_gone_and_takes_nothing(workshop: Workshop) -> None:
    queue = workshop.queue()
    workshop.function()
    uuid = workshop.map(queue)
    assert workshop.lambda_.delete_event_source_mapping(UUID=uuid)["State"] == "Deleting"
    workshop.idle()
    with pytest.raises(workshop.lambda_.exceptions.ResourceNotFoundException):
        workshop.lambda_.get_event_source_mapping(UUID=uuid)
    workshop.send(queue, "left")
    workshop.nothing_more()
    assert workshop.counts(queue) == (1, 0)


def test_no_more_batches_run_at_once_than_the_mapping_allows(workshop: Workshop) -> None:
    """Each batch waits until the test lets it go: so what runs at once can be counted."""
    queue = workshop.queue()
    gate = workshop.queue("gate")
    workshop.function(source=workshop.waiting, variables={"GATE": gate}, Timeout=30)
    workshop.map(queue, BatchSize=1, ScalingConfig={"MaximumConcurrency": 2})
    workshop.send(queue, "1", "2", "3")
    workshop.noted(2)
    assert "Messages" not in workshop.sqs.receive_message(QueueUrl=workshop.notes)
    assert workshop.counts(queue) == (1, 2)
    workshop.send(gate, "go", "go", "go")
    workshop.noted(1)
    workshop.nothing_more()
    assert workshop.counts(queue) == (0, 0)


def test_a_queue_that_is_gone_is_told_of_and_left_alone(
    workshop: Workshop, clock: CloudClock
) -> None:
    queue = workshop.queue()
    workshop.function()
    uuid = workshop.map(queue)
    workshop.sqs.delete_queue(QueueUrl=queue)
    told = until(
        lambda: workshop.lambda_.get_event_source_mapping(UUID=uuid),
        lambda mapping: "LastProcessingResult" in mapping,
    )
    assert told["LastProcessingResult"].startswith("PROBLEM: ")
    assert told["State"] == "Enabled"
    workshop.nothing_more()
    clock.advance(seconds=61)
    workshop.queue()
    clock.advance(seconds=61)
    workshop.send(queue, "again")
    assert workshop.bodies(1) == [["again"]]
    until(
        lambda: workshop.lambda_.get_event_source_mapping(UUID=uuid),
        lambda mapping: "LastProcessingResult" not in mapping,
    )
