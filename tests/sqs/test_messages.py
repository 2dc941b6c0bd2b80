"""Messages of standard queues: sent, received, hidden, delayed, deleted, kept for as long as the queue says."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from servers import CloudClock

from .support import (
    arn_of,
    attributes_of,
    bodies,
    counts,
    delete,
    make_queue,
    receive,
    refused,
    send,
)


def test_a_message_comes_as_it_was_sent(sqs: Any) -> None:
    """With its attributes, the digests of which SDKs check, and what SQS knows of it."""
    url = make_queue(sqs)
    attributes = {
        "colour": {"DataType": "String", "StringValue": "red"},
        "count.int": {"DataType": "Number.int", "StringValue": "-1.5e3"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    sent = send(sqs, url, "Grüße \U0001f600", MessageAttributes=attributes, MessageGroupId="t")
    (got,) = receive(sqs, url, AttributeNames=["All"], MessageAttributeNames=["All"])
    assert got["Body"] == "Grüße \U0001f600"
    assert got["MessageAttributes"] == attributes
    assert got["MD5OfBody"] == sent["MD5OfMessageBody"]
    assert got["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert got["MessageId"] == sent["MessageId"]
    told = got["Attributes"]
    assert told["ApproximateReceiveCount"] == "1"
    assert told["MessageGroupId"] == "t"
    assert set(told) == {
        *("SenderId", "SentTimestamp", "ApproximateReceiveCount", "MessageGroupId"),
        "ApproximateFirstReceiveTimestamp",
    }
    assert counts(sqs, url) == (0, 1, 0)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([], set()),
        (["Hello"], {"Hello"}),
        (["He.*"], {"Hello", "Help.Me"}),
        ([".*"], {"Hello", "Help.Me", "Other"}),
        (["nothing"], set()),
        (["Help", "Other"], {"Other"}),
    ],
)
def test_attributes_are_asked_for_by_name_or_beginning(
    sqs: Any, names: list[str], found: set[str]
) -> None:
    url = make_queue(sqs)
    sent = {
        name: {"DataType": "String", "StringValue": "v"} for name in ("Hello", "Help.Me", "Other")
    }
    send(sqs, url, MessageAttributes=sent)
    (got,) = receive(sqs, url, MessageAttributeNames=names)
    assert set(got.get("MessageAttributes", {})) == found
    assert ("MD5OfMessageAttributes" in got) == bool(found)


def test_a_received_message_is_hidden_until_its_time_is_up(sqs: Any, clock: CloudClock) -> None:
    """And comes again to the millisecond, counted, with another handle; the old one deletes nothing."""
    clock.freeze()
    url = make_queue(sqs, VisibilityTimeout="60")
    send(sqs, url)
    (first,) = receive(sqs, url)
    clock.advance(seconds=59.999)
    assert receive(sqs, url) == []
    clock.advance(seconds=0.001)
    (again,) = receive(sqs, url, VisibilityTimeout=5, AttributeNames=["ApproximateReceiveCount"])
    assert again["Attributes"] == {"ApproximateReceiveCount": "2"}
    assert again["ReceiptHandle"] != first["ReceiptHandle"]
    delete(sqs, url, first)
    clock.advance(seconds=5)
    assert counts(sqs, url) == (1, 0, 0)
    delete(sqs, url, again)  # its time is up, but nobody received it since
    assert counts(sqs, url) == (0, 0, 0)
    delete(sqs, url, again)


def test_visibility_is_prolonged_shortened_and_ended(sqs: Any, clock: CloudClock) -> None:
    clock.freeze()
    url = make_queue(sqs)
    send(sqs, url)
    (message,) = receive(sqs, url)
    change = {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}
    sqs.change_message_visibility(**change, VisibilityTimeout=100)
    clock.advance(seconds=99)
    assert receive(sqs, url) == []
    sqs.change_message_visibility(**change, VisibilityTimeout=0)
    (message,) = receive(sqs, url)
    change["ReceiptHandle"] = message["ReceiptHandle"]
    clock.advance(seconds=12 * 3600 - 20)
    sqs.change_message_visibility(**change, VisibilityTimeout=20)
    code, text, _ = refused(sqs.change_message_visibility, **change, VisibilityTimeout=21)
    assert code == "InvalidParameterValue"
    assert "beyond the limit [43200 seconds]" in text
    delete(sqs, url, message)
    code, text, _ = refused(sqs.change_message_visibility, **change, VisibilityTimeout=1)
    assert text.endswith(
        "Reason: Message does not exist or is not available for visibility timeout change."
    )


def test_a_receive_that_hides_nothing_gives_each_message_once(sqs: Any) -> None:
    url = make_queue(sqs)
    for body in "ab":
        send(sqs, url, body)
    assert bodies(receive(sqs, url, VisibilityTimeout=0)) == ["a", "b"]
    assert bodies(receive(sqs, url)) == ["a", "b"]


def test_delays_of_queues_and_of_messages(sqs: Any, clock: CloudClock) -> None:
    """A message's own is for it alone; a change of the queue's is for what comes."""
    clock.freeze()
    url = make_queue(sqs, DelaySeconds="10")
    send(sqs, url, "queue's")
    send(sqs, url, "own", DelaySeconds=20)
    send(sqs, url, "none", DelaySeconds=0)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "0"})
    assert counts(sqs, url) == (1, 0, 2)
    assert bodies(receive(sqs, url)) == ["none"]
    clock.advance(seconds=10)
    assert bodies(receive(sqs, url)) == ["queue's"]
    assert counts(sqs, url) == (0, 2, 1)
    clock.advance(seconds=10)
    assert bodies(receive(sqs, url)) == ["own"]


def test_what_is_too_old_goes_wherever_it_is(sqs: Any, clock: CloudClock) -> None:
    """Ready, hidden or delayed, also by a shorter period that is set later; handles of it are no error."""
    clock.freeze()
    url = make_queue(sqs, MessageRetentionPeriod="600")
    send(sqs, url, "hidden")
    (hidden,) = receive(sqs, url, VisibilityTimeout=3000)
    send(sqs, url, "delayed", DelaySeconds=900)
    send(sqs, url, "ready")
    clock.advance(seconds=300)
    send(sqs, url, "young")
    clock.advance(seconds=299)
    assert counts(sqs, url) == (2, 1, 1)
    clock.advance(seconds=1)
    assert counts(sqs, url) == (1, 0, 0)
    delete(sqs, url, hidden)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"MessageRetentionPeriod": "60"})
    clock.wait_until_idle()
    assert receive(sqs, url) == []
    assert counts(sqs, url) == (0, 0, 0)


def test_a_long_poll_ends_as_soon_as_there_is_a_message(
    sqs: Any, client: Callable[..., Any], clock: CloudClock
) -> None:
    """One is sent; a hidden one's time is up by a moved clock; a delayed one's."""
    clock.freeze()
    url = make_queue(sqs, ReceiveMessageWaitTimeSeconds="20")
    other = client("sqs")

    def poll(meanwhile: Callable[[], object]) -> list[str]:
        got: list[str] = []
        thread = threading.Thread(target=lambda: got.extend(bodies(receive(other, url))))
        thread.start()
        meanwhile()
        thread.join(10)
        assert not thread.is_alive(), "the poll was not woken"
        return got

    assert poll(lambda: send(sqs, url, "a")) == ["a"]
    assert poll(lambda: clock.advance(seconds=30)) == ["a"]
    send(sqs, url, "b", DelaySeconds=10)
    assert poll(lambda: clock.advance(seconds=10)) == ["b"]


BAD_SENDS: list[tuple[dict[str, Any], str, str]] = [
    (
        {"MessageBody": ""},
        "MissingParameter",
        "The request must contain the parameter MessageBody.",
    ),
    ({"MessageBody": "a\x03"}, "InvalidMessageContents", "Invalid characters found"),
    ({"DelaySeconds": 901}, "InvalidParameterValue", "Value 901 for parameter DelaySeconds"),
    ({"MessageDeduplicationId": "a"}, "InvalidParameterValue", "MessageDeduplicationId"),
    ({"MessageBody": "x" * 1048577}, "InvalidParameterValue", "shorter than 1048576 bytes"),
    (
        {"MessageAttributes": {"a": {"DataType": "Thing", "StringValue": "b"}}},
        "InvalidParameterValue",
        "supported type prefixes is Binary, Number, and String",
    ),
    (
        {"MessageAttributes": {"a": {"DataType": "Number", "StringValue": "b"}}},
        "InvalidParameterValue",
        "Can't cast the value of message (user) attribute 'a' to a number.",
    ),
    (
        {"MessageAttributes": {"a..b": {"DataType": "String", "StringValue": "b"}}},
        "InvalidParameterValue",
        "successive periods",
    ),
]


@pytest.mark.parametrize(("params", "code", "text"), BAD_SENDS)
def test_what_cannot_be_sent(sqs: Any, params: dict[str, Any], code: str, text: str) -> None:
    url = make_queue(sqs)
    got = refused(sqs.send_message, **{"QueueUrl": url, "MessageBody": "x", **params})
    assert got[0] == code
    assert text in got[1]
    assert counts(sqs, url) == (0, 0, 0)


def test_handles_of_others_are_no_handles(sqs: Any) -> None:
    """Neither a made-up one nor that of another queue, even of the same message number."""
    here, there = make_queue(sqs), make_queue(sqs)
    for url in (here, there):
        send(sqs, url)
    (message,) = receive(sqs, there)
    receive(sqs, here)
    for handle in ("garbage", message["ReceiptHandle"]):
        code, text, status = refused(sqs.delete_message, QueueUrl=here, ReceiptHandle=handle)
        assert (code, status) == ("ReceiptHandleIsInvalid", 404), text
    assert counts(sqs, here) == (0, 1, 0)


def test_a_batch_succeeds_and_fails_entry_by_entry(sqs: Any) -> None:
    url = make_queue(sqs, MaximumMessageSize="1024")
    entries = [
        {"Id": "good", "MessageBody": "a"},
        {"Id": "long", "MessageBody": "b" * 1025},
        {"Id": "late", "MessageBody": "c", "DelaySeconds": 1000},
    ]
    got = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert [one["Id"] for one in got["Successful"]] == ["good"]
    assert {one["Id"]: one["Code"] for one in got["Failed"]} == dict.fromkeys(
        ("long", "late"), "InvalidParameterValue"
    )
    assert all(one["SenderFault"] for one in got["Failed"])
    (message,) = receive(sqs, url)
    handle = message["ReceiptHandle"]
    changes = [
        {"Id": "a", "ReceiptHandle": handle, "VisibilityTimeout": 0},
        {"Id": "b", "ReceiptHandle": "no", "VisibilityTimeout": 0},
    ]
    got = sqs.change_message_visibility_batch(QueueUrl=url, Entries=changes)
    assert [one["Id"] for one in got["Successful"]] == ["a"]
    assert [one["Code"] for one in got["Failed"]] == ["ReceiptHandleIsInvalid"]
    (message,) = receive(sqs, url)
    got = sqs.delete_message_batch(
        QueueUrl=url, Entries=[{"Id": "a", "ReceiptHandle": message["ReceiptHandle"]}]
    )
    assert "Failed" not in got
    assert counts(sqs, url) == (0, 0, 0)


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ([], "AWS.SimpleQueueService.EmptyBatchRequest"),
        (
            [{"Id": str(n)} for n in range(11)],
            "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
        ),
        ([{"Id": "a"}, {"Id": "a"}], "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"),
        ([{"Id": "a:b"}], "AWS.SimpleQueueService.InvalidBatchEntryId"),
        (
            [{"Id": str(n), "MessageBody": "x" * 600_000} for n in range(2)],
            "AWS.SimpleQueueService.BatchRequestTooLong",
        ),
    ],
)
def test_batches_that_are_refused_whole(sqs: Any, entries: list[dict[str, str]], code: str) -> None:
    url = make_queue(sqs)
    entries = [{"MessageBody": "x", **entry} for entry in entries]
    assert refused(sqs.send_message_batch, QueueUrl=url, Entries=entries)[0] == code


def test_quiet_tenants_go_first(sqs: Any) -> None:
    """One who has thirty messages in flight, and more than a tenth of all, waits for those who have less."""
    url = make_queue(sqs)

    def send_all(tenant: str, count: int) -> None:
        entries = [
            {"Id": str(n), "MessageBody": tenant, "MessageGroupId": tenant} for n in range(10)
        ]
        for start in range(0, count, 10):
            sqs.send_message_batch(QueueUrl=url, Entries=entries[: count - start])

    send_all("noisy", 60)
    for _ in range(3):
        assert bodies(receive(sqs, url)) == ["noisy"] * 10
    send_all("quiet", 3)
    send(sqs, url, "alone")
    assert bodies(receive(sqs, url)) == [*["quiet"] * 3, "alone", *["noisy"] * 6]
    assert counts(sqs, url) == (24, 40, 0)


def test_the_trace_header_of_a_message(sqs: Any) -> None:
    url = make_queue(sqs)
    header = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
    system = {"AWSTraceHeader": {"DataType": "String", "StringValue": header}}
    sent = send(sqs, url, MessageSystemAttributes=system)
    assert "MD5OfMessageSystemAttributes" in sent
    (got,) = receive(sqs, url, MessageSystemAttributeNames=["AWSTraceHeader"])
    assert got["Attributes"] == {"AWSTraceHeader": header}


def test_a_purged_queue_is_empty_and_goes_on(sqs: Any, clock: CloudClock) -> None:
    clock.freeze()
    url = make_queue(sqs)
    for _ in range(3):
        send(sqs, url)
    (hidden,) = receive(sqs, url, 1)
    sqs.purge_queue(QueueUrl=url)
    assert counts(sqs, url) == (0, 0, 0)
    delete(sqs, url, hidden)
    send(sqs, url, "new")
    code, text, status = refused(sqs.purge_queue, QueueUrl=url)
    assert (code, status) == ("AWS.SimpleQueueService.PurgeQueueInProgress", 403)
    assert text.endswith("is allowed every 60 seconds.")
    assert bodies(receive(sqs, url)) == ["new"]
    clock.advance(seconds=60)
    sqs.purge_queue(QueueUrl=url)
    assert counts(sqs, url) == (0, 0, 0)
    assert arn_of(sqs, url).endswith(url.rpartition("/")[2])
    assert attributes_of(sqs, url, "VisibilityTimeout") == {"VisibilityTimeout": "30"}
