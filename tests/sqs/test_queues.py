"""Queues and their attributes, through boto3."""

from __future__ import annotations

import json
from typing import Any

import pytest

from servers import CloudClock

from .support import arn_of, attributes_of, make_queue, refused, send


def test_a_new_queue_has_aws_defaults(sqs: Any) -> None:
    told = attributes_of(sqs, make_queue(sqs))
    for changing in ("QueueArn", "CreatedTimestamp", "LastModifiedTimestamp"):
        del told[changing]
    assert told == {
        "ApproximateNumberOfMessages": "0",
        "ApproximateNumberOfMessagesDelayed": "0",
        "ApproximateNumberOfMessagesNotVisible": "0",
        "DelaySeconds": "0",
        "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "345600",
        "ReceiveMessageWaitTimeSeconds": "0",
        "SqsManagedSseEnabled": "true",
        "VisibilityTimeout": "30",
    }


def test_creating_it_again_gives_the_same_queue(sqs: Any) -> None:
    """If what is said of it is so; what is not said does not matter."""
    url = sqs.create_queue(QueueName="again", Attributes={"DelaySeconds": "5"})["QueueUrl"]
    assert sqs.create_queue(QueueName="again")["QueueUrl"] == url
    assert sqs.create_queue(QueueName="again", Attributes={"DelaySeconds": "5"})["QueueUrl"] == url
    code, text, _ = refused(sqs.create_queue, QueueName="again", Attributes={"DelaySeconds": "6"})
    assert code == "QueueAlreadyExists"
    assert text.endswith("a different value for attribute DelaySeconds")


def test_a_queue_is_found_by_any_url_of_its_path(sqs: Any, account: str, endpoint: str) -> None:
    """SDKs keep the URL; the host may be another when it is used."""
    url = make_queue(sqs)
    name = url.rpartition("/")[2]
    assert url == f"{endpoint}/{account}/{name}"
    assert sqs.get_queue_url(QueueName=name)["QueueUrl"] == url
    for other in (
        f"https://sqs.us-east-1.amazonaws.com/{account}/{name}",
        f"http://queue.localhost:1/{account}/{name}",
        f"http://localhost/queue/us-east-1/{account}/{name}",
    ):
        send(sqs, other)
    assert attributes_of(sqs, url, "ApproximateNumberOfMessages") == {
        "ApproximateNumberOfMessages": "3"
    }
    assert refused(sqs.send_message, QueueUrl=name, MessageBody="x")[0] == "InvalidAddress"
    gone = f"{url}x"
    assert refused(sqs.send_message, QueueUrl=gone, MessageBody="x") == (
        "AWS.SimpleQueueService.NonExistentQueue",
        "The specified queue does not exist.",
        400,
    )


def test_a_deleted_name_rests_for_a_minute(sqs: Any, clock: CloudClock) -> None:
    clock.freeze()
    url = make_queue(sqs)
    name = url.rpartition("/")[2]
    send(sqs, url)
    sqs.delete_queue(QueueUrl=url)
    assert refused(sqs.get_queue_url, QueueName=name)[0].endswith("NonExistentQueue")
    code, text, _ = refused(sqs.create_queue, QueueName=name)
    assert code == "AWS.SimpleQueueService.QueueDeletedRecently"
    assert text.startswith("You must wait 60 seconds")
    clock.advance(seconds=60)
    sqs.create_queue(QueueName=name)
    assert attributes_of(sqs, url)["ApproximateNumberOfMessages"] == "0"


def test_queues_are_listed_by_name(sqs: Any) -> None:
    assert "QueueUrls" not in sqs.list_queues()
    urls = [sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("b1", "a2", "a1", "a-3")]
    listed = [url.rpartition("/")[2] for url in sqs.list_queues()["QueueUrls"]]
    assert listed == ["a-3", "a1", "a2", "b1"]
    assert sqs.list_queues(QueueNamePrefix="b")["QueueUrls"] == [urls[0]]
    page = sqs.list_queues(QueueNamePrefix="a", MaxResults=2)
    assert len(page["QueueUrls"]) == 2
    page = sqs.list_queues(QueueNamePrefix="a", MaxResults=2, NextToken=page["NextToken"])
    assert page["QueueUrls"] == [urls[1]]
    assert "NextToken" not in page


BAD_QUEUES: list[tuple[str, dict[str, str], str]] = [
    ("a b", {}, "InvalidParameterValue"),
    ("x" * 81, {}, "InvalidParameterValue"),
    ("q.fifo", {}, "InvalidParameterValue"),
    ("q", {"FifoQueue": "true"}, "InvalidParameterValue"),
    ("q", {"FifoQueue": "false"}, "InvalidAttributeName"),
    ("q", {"ContentBasedDeduplication": "true"}, "InvalidAttributeName"),
    ("q", {"DeduplicationScope": "queue"}, "InvalidAttributeName"),
    ("q", {"QueueArn": "x"}, "InvalidAttributeName"),
    ("q", {"VisibilityTimeout": "43201"}, "InvalidAttributeValue"),
    ("q", {"VisibilityTimeout": "-1"}, "InvalidAttributeValue"),
    ("q", {"MessageRetentionPeriod": "59"}, "InvalidAttributeValue"),
    ("q", {"MaximumMessageSize": "1048577"}, "InvalidAttributeValue"),
    ("q", {"Policy": "no policy"}, "InvalidAttributeValue"),
    ("q", {"SqsManagedSseEnabled": "true", "KmsMasterKeyId": "k"}, "InvalidAttributeName"),
    (
        "q.fifo",
        {"FifoQueue": "true", "FifoThroughputLimit": "perMessageGroupId"},
        "InvalidAttributeValue",
    ),
]


@pytest.mark.parametrize(("name", "attributes", "code"), BAD_QUEUES)
def test_queues_that_are_refused(
    sqs: Any, name: str, attributes: dict[str, str], code: str
) -> None:
    assert refused(sqs.create_queue, QueueName=name, Attributes=attributes)[0] == code
    assert "QueueUrls" not in sqs.list_queues()


def test_attributes_are_set_and_unset(sqs: Any) -> None:
    url = make_queue(sqs)
    sqs.set_queue_attributes(
        QueueUrl=url,
        Attributes={"KmsMasterKeyId": "testKeyId", "KmsDataKeyReusePeriodSeconds": "6000"},
    )
    names = ("KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled")
    assert attributes_of(sqs, url, *names) == {
        "KmsMasterKeyId": "testKeyId",
        "KmsDataKeyReusePeriodSeconds": "6000",
        "SqsManagedSseEnabled": "false",
    }
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"SqsManagedSseEnabled": "true"})
    assert attributes_of(sqs, url, *names) == {"SqsManagedSseEnabled": "true"}
    assert refused(sqs.get_queue_attributes, QueueUrl=url, AttributeNames=["Colour"])[:2] == (
        "InvalidAttributeName",
        "Unknown Attribute Colour.",
    )
    assert sqs.get_queue_attributes(QueueUrl=url).get("Attributes") is None


def test_tags(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="tagged", tags={"a": "1"})["QueueUrl"]
    sqs.tag_queue(QueueUrl=url, Tags={"b": "", "a": "2"})
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"a": "2", "b": ""}
    sqs.untag_queue(QueueUrl=url, TagKeys=["a", "b", "c"])
    assert "Tags" not in sqs.list_queue_tags(QueueUrl=url)
    assert refused(sqs.tag_queue, QueueUrl=url, Tags={"aws:a": "1"})[0] == "InvalidParameterValue"


def test_permissions_are_statements_of_the_policy(sqs: Any) -> None:
    url = make_queue(sqs)
    arn = arn_of(sqs, url)
    sqs.add_permission(
        QueueUrl=url, Label="one", AWSAccountIds=["111122223333"], Actions=["ReceiveMessage"]
    )
    policy = json.loads(attributes_of(sqs, url, "Policy")["Policy"])
    assert policy == {
        "Version": "2008-10-17",
        "Id": f"{arn}/SQSDefaultPolicy",
        "Statement": [
            {
                "Sid": "one",
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                "Action": "SQS:ReceiveMessage",
                "Resource": arn,
            }
        ],
    }
    asked = {"QueueUrl": url, "Label": "one", "AWSAccountIds": ["1" * 12], "Actions": ["*"]}
    assert refused(sqs.add_permission, **asked)[1] == (
        "Value one for parameter Label is invalid. Reason: Already exists."
    )
    asked |= {"Label": "two", "Actions": ["DeleteQueue"]}
    assert "Only the queue owner" in refused(sqs.add_permission, **asked)[1]
    sqs.remove_permission(QueueUrl=url, Label="one")
    assert attributes_of(sqs, url, "Policy") == {}
    assert refused(sqs.remove_permission, QueueUrl=url, Label="one")[1].endswith(
        "Reason: can't find label."
    )
