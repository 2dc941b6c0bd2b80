"""FIFO queues: order within groups, what is sent twice, receives that are asked for again."""

from __future__ import annotations

from typing import Any

import pytest

from servers import CloudClock

from .support import attributes_of, bodies, counts, delete, make_queue, receive, refused, send


def put(sqs: Any, url: str, body: str, group: str = "g", id: str = "") -> dict[str, Any]:
    return send(sqs, url, body, MessageGroupId=group, MessageDeduplicationId=id or f"{group}{body}")


def change(sqs: Any, url: str, message: dict[str, Any], seconds: int) -> None:
    sqs.change_message_visibility(
        QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds
    )


def test_a_group_waits_for_its_first_message(sqs: Any, clock: CloudClock) -> None:
    """While it is in flight, others of the group are not given; other groups are."""
    clock.freeze()
    url = make_queue(sqs, fifo=True)
    for body in "12":
        put(sqs, url, body, "a")
    (first,) = receive(sqs, url, 1)
    assert receive(sqs, url) == []
    put(sqs, url, "1", "b")
    (other,) = receive(sqs, url)
    assert other["Body"] == "1"
    delete(sqs, url, first)
    (second,) = receive(sqs, url)
    assert second["Body"] == "2"
    put(sqs, url, "3", "a")
    change(sqs, url, second, 0)
    assert bodies(receive(sqs, url)) == ["2", "3"]


@pytest.mark.parametrize("visible", [0, 1, 2])
def test_what_is_given_back_at_the_beginning_comes_again(sqs: Any, visible: int) -> None:
    """Though messages behind it are still in flight: what is before the first of those can be received."""
    url = make_queue(sqs, fifo=True)
    for body in "abc":
        put(sqs, url, body)
    got = receive(sqs, url)
    for message in got[:visible]:
        change(sqs, url, message, 0)
    assert bodies(receive(sqs, url)) == ["a", "b"][:visible]


def test_a_receive_takes_of_one_group_as_much_as_it_can(sqs: Any) -> None:
    url = make_queue(sqs, fifo=True)
    for number in range(4):
        for group in "ab":
            put(sqs, url, f"{group}{number}", group)
    assert bodies(receive(sqs, url, 6)) == ["a0", "a1", "a2", "a3", "b0", "b1"]
    assert receive(sqs, url) == []


def test_what_is_sent_twice_in_five_minutes_comes_once(sqs: Any, clock: CloudClock) -> None:
    """The second is answered as the first was, even once that is deleted; afterwards the id is new again."""
    clock.freeze()
    url = make_queue(sqs, fifo=True)
    first = put(sqs, url, "a", id="1")
    assert len(first["SequenceNumber"]) == 20
    again = put(sqs, url, "other body", "other", id="1")
    assert again["MessageId"] == first["MessageId"]
    assert again["SequenceNumber"] == first["SequenceNumber"]
    (message,) = receive(sqs, url, AttributeNames=["All"])
    assert message["Attributes"]["MessageDeduplicationId"] == "1"
    assert message["Attributes"]["SequenceNumber"] == first["SequenceNumber"]
    delete(sqs, url, message)
    clock.advance(seconds=299.999)
    put(sqs, url, "a", id="1")
    assert receive(sqs, url) == []
    clock.advance(seconds=0.001)
    assert put(sqs, url, "a", id="1")["SequenceNumber"] > first["SequenceNumber"]
    assert bodies(receive(sqs, url)) == ["a"]


def test_content_and_groups_may_say_what_is_the_same(sqs: Any) -> None:
    url = make_queue(sqs, fifo=True, ContentBasedDeduplication="true")
    for body in "aab":
        send(sqs, url, body, MessageGroupId="g")
    assert bodies(receive(sqs, url)) == ["a", "b"]
    url = make_queue(
        sqs,
        fifo=True,
        DeduplicationScope="messageGroup",
        FifoThroughputLimit="perMessageGroupId",
    )
    for group in "aab":
        put(sqs, url, group, group, id="1")
    assert bodies(receive(sqs, url)) == ["a", "b"]


def test_expired_handles(sqs: Any, clock: CloudClock) -> None:
    clock.freeze()
    url = make_queue(sqs, fifo=True, VisibilityTimeout="10")
    put(sqs, url, "a")
    (message,) = receive(sqs, url)
    clock.advance(seconds=10)
    code, text, _ = refused(
        sqs.delete_message, QueueUrl=url, ReceiptHandle=message["ReceiptHandle"]
    )
    assert code == "InvalidParameterValue"
    assert text.endswith("Reason: The receipt handle has expired.")
    assert counts(sqs, url) == (1, 0, 0)


def test_a_receive_is_asked_for_again(sqs: Any, clock: CloudClock) -> None:
    """The same messages with the same handles, hidden anew; not once one of them was changed."""
    clock.freeze()
    url = make_queue(sqs, fifo=True, VisibilityTimeout="10")
    for body in "ab":
        put(sqs, url, body, body)
    first = receive(sqs, url, 1, ReceiveRequestAttemptId="try")
    clock.advance(seconds=9)
    assert receive(sqs, url, 1, ReceiveRequestAttemptId="try") == first
    clock.advance(seconds=9)
    assert bodies(receive(sqs, url)) == ["b"]
    change(sqs, url, first[0], 20)
    params = {"QueueUrl": url, "ReceiveRequestAttemptId": "try"}
    code, text, _ = refused(sqs.receive_message, **params)
    assert code == "InvalidParameterValue"
    assert "not valid anymore" in text


def test_an_attempt_outlives_the_visibility_timeout(sqs: Any, clock: CloudClock) -> None:
    """Within its five minutes it hides the same messages anew, as long as nobody else has received them."""
    clock.freeze()
    url = make_queue(sqs, fifo=True, VisibilityTimeout="10")
    put(sqs, url, "a")
    put(sqs, url, "b")
    first = receive(sqs, url, 2, ReceiveRequestAttemptId="try")
    clock.advance(seconds=11)
    assert counts(sqs, url) == (2, 0, 0)
    assert receive(sqs, url, 2, ReceiveRequestAttemptId="try") == first
    assert counts(sqs, url) == (0, 2, 0)
    clock.advance(seconds=11)
    assert len(receive(sqs, url, 1)) == 1
    params = {"QueueUrl": url, "ReceiveRequestAttemptId": "try"}
    assert "not valid anymore" in refused(sqs.receive_message, **params)[1]


def test_a_changed_delay_holds_for_what_is_there(sqs: Any, clock: CloudClock) -> None:
    """Of FIFO queues; and order is kept, though what comes later is due at once."""
    clock.freeze()
    url = make_queue(sqs, fifo=True, DelaySeconds="100")
    put(sqs, url, "1")
    clock.advance(seconds=50)
    put(sqs, url, "2")
    assert counts(sqs, url) == (0, 0, 2)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "50"})
    assert counts(sqs, url) == (1, 0, 1)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "0"})
    put(sqs, url, "3")
    assert bodies(receive(sqs, url)) == ["1", "2", "3"]


def test_what_fifo_queues_want(sqs: Any) -> None:
    url = make_queue(sqs, fifo=True)
    body = {"QueueUrl": url, "MessageBody": "x"}
    assert refused(sqs.send_message, **body)[0] == "MissingParameter"
    code, text, _ = refused(sqs.send_message, **body, MessageGroupId="g")
    assert (code, text) == (
        "InvalidParameterValue",
        "The queue should either have ContentBasedDeduplication enabled or"
        " MessageDeduplicationId provided explicitly",
    )
    bad = {**body, "MessageGroupId": "a b", "MessageDeduplicationId": "1"}
    assert "MessageGroupId can only include" in refused(sqs.send_message, **bad)[1]
    late = {**bad, "MessageGroupId": "g", "DelaySeconds": 2}
    assert "not valid for this queue type" in refused(sqs.send_message, **late)[1]
    told = attributes_of(sqs, url)
    assert told["FifoQueue"] == "true"
    assert told["DeduplicationScope"] == "queue"


def test_many_locked_groups_are_not_walked(sqs: Any) -> None:
    """The group that can go on is found behind all that cannot."""
    url = make_queue(sqs, fifo=True)
    for start in range(3):
        entries = [
            {
                "Id": f"{n}-{k}",
                "MessageBody": f"{start}-{n}-{k}",
                "MessageGroupId": f"{start}-{n}",
                "MessageDeduplicationId": f"{start}-{n}-{k}",
            }
            for n in range(5)
            for k in range(2)
        ]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
    held = [message for _ in range(15) for message in receive(sqs, url, 1)]
    assert bodies(held) == [f"{start}-{n}-0" for start in range(3) for n in range(5)]
    assert receive(sqs, url) == []
    delete(sqs, url, held[7])
    assert bodies(receive(sqs, url)) == ["1-2-1"]
