"""Dead letters, and tasks that bring them back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from persons import Person, allow
from servers import CloudClock

from .support import arn_of, bodies, counts, delete, make_queue, receive, refused, send


def redrive(arn: str, most: int = 1) -> str:
    return json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": most})


def pair(sqs: Any, *, fifo: bool = False, most: int = 1) -> tuple[str, str]:
    """A queue and the queue for its dead letters."""
    dead = make_queue(sqs, fifo=fifo)
    policy = redrive(arn_of(sqs, dead), most)
    return make_queue(sqs, fifo=fifo, VisibilityTimeout="0", RedrivePolicy=policy), dead


def test_what_is_received_too_often_goes_to_another_queue(sqs: Any) -> None:
    """With its id, its age, its count, and where it comes from."""
    url, dead = pair(sqs, most=2)
    sent = send(sqs, url, "a")
    for count in ("1", "2"):
        (got,) = receive(sqs, url, AttributeNames=["All"])
        assert got["Attributes"]["ApproximateReceiveCount"] == count
    assert receive(sqs, url) == []
    assert counts(sqs, url) == (0, 0, 0)
    (letter,) = receive(sqs, dead, AttributeNames=["All"])
    assert letter["MessageId"] == sent["MessageId"]
    assert letter["Attributes"]["ApproximateReceiveCount"] == "3"
    assert letter["Attributes"]["SentTimestamp"] == got["Attributes"]["SentTimestamp"]
    assert letter["Attributes"]["DeadLetterQueueSourceArn"] == arn_of(sqs, url)
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [url]


def test_dead_letters_are_as_old_as_they_were(sqs: Any, clock: CloudClock) -> None:
    """What the dead-letter queue got itself meanwhile goes when it is old enough, not with them."""
    clock.freeze()
    url, dead = pair(sqs)
    sqs.set_queue_attributes(QueueUrl=dead, Attributes={"MessageRetentionPeriod": "100"})
    send(sqs, url, "old")
    clock.advance(seconds=50)
    send(sqs, dead, "new")
    for _ in range(2):
        receive(sqs, url)
    assert counts(sqs, dead) == (2, 0, 0)
    clock.advance(seconds=50)
    assert bodies(receive(sqs, dead)) == ["new"]
    assert counts(sqs, dead) == (0, 1, 0)


def test_a_fifo_queue_goes_on_behind_its_dead_letters(sqs: Any) -> None:
    url, dead = pair(sqs, fifo=True)
    for body in "abc":
        send(sqs, url, body, MessageGroupId="g", MessageDeduplicationId=body)
    (first,) = receive(sqs, url, 1)
    assert first["Body"] == "a"
    assert bodies(receive(sqs, url)) == ["b", "c"]
    assert receive(sqs, url) == []
    buried = receive(sqs, dead, AttributeNames=["MessageDeduplicationId"])
    assert bodies(buried) == ["a", "b", "c"]
    # So two of one deduplication id, sent to two queues or at two times, are not taken for one there.
    for message in buried:
        assert message["Attributes"]["MessageDeduplicationId"] == message["MessageId"]


BAD_POLICIES = [
    ("no json", "Redrive policy is not a valid JSON map."),
    ('{"maxReceiveCount": 1}', "does not contain mandatory attribute: deadLetterTargetArn."),
    ('{"deadLetterTargetArn": "ARN"}', "does not contain mandatory attribute: maxReceiveCount."),
    ('{"deadLetterTargetArn": "ARN", "maxReceiveCount": 0}', "valid values are from 1 to 1000"),
    ('{"deadLetterTargetArn": "ARN", "maxReceiveCount": 1001}', "valid values are from 1 to 1000"),
    ('{"deadLetterTargetArn": "ARNx", "maxReceiveCount": 1}', "target does not exist."),
    ('{"deadLetterTargetArn": "FIFO", "maxReceiveCount": 1}', "must be same type of queue"),
    ('{"deadLetterTargetArn": "q", "maxReceiveCount": 1}', "Invalid value for deadLetterTargetArn"),
]


@pytest.mark.parametrize(("policy", "reason"), BAD_POLICIES)
def test_redrive_policies_that_are_refused(sqs: Any, policy: str, reason: str) -> None:
    url, dead = make_queue(sqs), make_queue(sqs)
    other = make_queue(sqs, fifo=True) if "FIFO" in policy else dead
    policy = policy.replace("ARN", arn_of(sqs, dead)).replace("FIFO", arn_of(sqs, other))
    code, text, _ = refused(
        sqs.set_queue_attributes, QueueUrl=url, Attributes={"RedrivePolicy": policy}
    )
    assert code == "InvalidParameterValue"
    assert reason in text
    assert text.startswith(f"Value {policy} for parameter RedrivePolicy is invalid.")


def test_a_dead_letter_queue_says_whose_it_is(sqs: Any) -> None:
    dead, friend, stranger = (make_queue(sqs) for _ in range(3))
    allow = {"redrivePermission": "byQueue", "sourceQueueArns": [arn_of(sqs, friend)]}
    sqs.set_queue_attributes(QueueUrl=dead, Attributes={"RedriveAllowPolicy": json.dumps(allow)})
    policy = {"RedrivePolicy": redrive(arn_of(sqs, dead))}
    sqs.set_queue_attributes(QueueUrl=friend, Attributes=policy)
    assert (
        "does not allow"
        in refused(sqs.set_queue_attributes, QueueUrl=stranger, Attributes=policy)[1]
    )


def bury(sqs: Any, url: str, *texts: str) -> None:
    for body in texts:
        send(sqs, url, body)
    for _ in range(2):
        receive(sqs, url)


def test_a_task_brings_dead_letters_back(sqs: Any, clock: CloudClock) -> None:
    """As new messages; what came directly has nowhere to go."""
    url, dead = pair(sqs)
    bury(sqs, url, "a", "b")
    arn = arn_of(sqs, dead)
    sqs.start_message_move_task(SourceArn=arn)
    clock.wait_until_idle()
    (task,) = sqs.list_message_move_tasks(SourceArn=arn)["Results"]
    assert task["Status"] == "COMPLETED"
    assert task["ApproximateNumberOfMessagesMoved"] == 2
    assert task["ApproximateNumberOfMessagesToMove"] == 2
    assert "TaskHandle" not in task
    assert "DestinationArn" not in task
    back = receive(sqs, url, AttributeNames=["ApproximateReceiveCount"])
    assert bodies(back) == ["a", "b"]
    assert {one["Attributes"]["ApproximateReceiveCount"] for one in back} == {"1"}
    send(sqs, dead, "stray")
    sqs.start_message_move_task(SourceArn=arn)
    clock.wait_until_idle()
    task, before = sqs.list_message_move_tasks(SourceArn=arn, MaxResults=10)["Results"]
    assert (task["Status"], before["Status"]) == ("FAILED", "COMPLETED")
    assert task["FailureReason"] == "CouldNotDetermineMessageSource"
    assert counts(sqs, dead) == (1, 0, 0)


def test_a_task_goes_at_its_rate_and_is_cancelled(sqs: Any, clock: CloudClock) -> None:
    clock.freeze()
    url, dead = pair(sqs)
    elsewhere = make_queue(sqs)
    bury(sqs, url, *"abcdef")
    arn = arn_of(sqs, dead)
    asked = {
        "SourceArn": arn,
        "DestinationArn": arn_of(sqs, elsewhere),
        "MaxNumberOfMessagesPerSecond": 1,
    }
    handle = sqs.start_message_move_task(**asked)["TaskHandle"]
    clock.wait_until_idle()
    for _ in range(2):
        clock.advance(seconds=1)
        clock.wait_until_idle()
    assert "already a task running" in refused(sqs.start_message_move_task, **asked)[1]
    (task,) = sqs.list_message_move_tasks(SourceArn=arn)["Results"]
    assert (task["Status"], task["TaskHandle"]) == ("RUNNING", handle)
    assert task["ApproximateNumberOfMessagesMoved"] == 3
    cancelled = sqs.cancel_message_move_task(TaskHandle=handle)
    assert cancelled["ApproximateNumberOfMessagesMoved"] == 3
    clock.advance(seconds=10)
    clock.wait_until_idle()
    assert (counts(sqs, dead)[0], counts(sqs, elsewhere)[0]) == (3, 3)
    assert sqs.list_message_move_tasks(SourceArn=arn)["Results"][0]["Status"] == "CANCELLED"
    (moved, *_) = receive(sqs, elsewhere)
    delete(sqs, elsewhere, moved)


def test_tasks_that_are_refused(sqs: Any) -> None:
    url, dead = pair(sqs)
    arn, plain = arn_of(sqs, dead), arn_of(sqs, url)
    start = sqs.start_message_move_task
    assert refused(start, SourceArn=plain)[:2] == (
        "InvalidParameterValue",
        "Source queue must be configured as a Dead Letter Queue.",
    )
    assert refused(start, SourceArn=f"{arn}x") == (
        "ResourceNotFoundException",
        "The resource that you specified for the SourceArn parameter doesn't exist.",
        404,
    )
    code, text, _ = refused(start, SourceArn=arn, DestinationArn=f"{arn}x")
    assert (code, "DestinationArn" in text) == ("ResourceNotFoundException", True)
    cancel = sqs.cancel_message_move_task
    assert refused(cancel, TaskHandle="no")[0] == "InvalidParameterValue"


def test_a_task_sends_as_the_one_who_starts_it_may(client: Any, account: str, sqs: Any) -> None:
    """Without a destination, to each queue whose dead letters may be there.

    AWS: Developer Guide, "Configuring queue permissions for dead-letter queue redrive".
    """
    url, dead = pair(sqs)
    arn = arn_of(sqs, dead)
    ann = Person(client, account)
    takes = ("StartMessageMoveTask", "ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
    mine = allow([f"sqs:{one}" for one in takes], arn)
    ann.may(mine)
    hers = ann.client("sqs")
    code, text, _ = refused(hers.start_message_move_task, SourceArn=arn)
    assert code == "AccessDenied"
    assert f"sqs:sendmessage on resource: {arn_of(sqs, url)}" in text
    ann.may(mine, allow("sqs:SendMessage", arn_of(sqs, url)))
    hers.start_message_move_task(SourceArn=arn)
