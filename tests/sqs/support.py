"""What tests of SQS share."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pilvi.app import load_services
from pilvi.store.check import check

_numbers = itertools.count()


def make_queue(sqs: Any, *, fifo: bool = False, **attributes: str) -> str:
    """A queue of a name that no test had before: a deleted one's rests for a minute."""
    name = f"q{next(_numbers)}" + (".fifo" if fifo else "")
    if fifo:
        attributes = {"FifoQueue": "true", **attributes}
    return sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]


def arn_of(sqs: Any, url: str) -> str:
    return attributes_of(sqs, url, "QueueArn")["QueueArn"]


def attributes_of(sqs: Any, url: str, *names: str) -> dict[str, str]:
    got = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names or ("All",)))
    return got.get("Attributes", {})


def counts(sqs: Any, url: str) -> tuple[int, int, int]:
    """Ready, in flight, delayed."""
    got = attributes_of(sqs, url)
    names = ("", "NotVisible", "Delayed")
    ready, flying, delayed = (int(got[f"ApproximateNumberOfMessages{name}"]) for name in names)
    return ready, flying, delayed


def send(sqs: Any, url: str, body: str = "x", **more: Any) -> dict[str, Any]:
    return sqs.send_message(QueueUrl=url, MessageBody=body, **more)


def receive(sqs: Any, url: str, most: int = 10, **more: Any) -> list[dict[str, Any]]:
    got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=most, **more)
    assert set(got) <= {"Messages", "ResponseMetadata"}, got
    return got.get("Messages", [])


def bodies(messages: list[dict[str, Any]]) -> list[str]:
    return [message["Body"] for message in messages]


def delete(sqs: Any, url: str, message: dict[str, Any]) -> None:
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def refused(ask: Callable[..., Any], /, **params: Any) -> tuple[str, str, int]:
    """Code, message and status of the error that a call ends in."""
    with pytest.raises(ClientError) as caught:
        ask(**params)
    response: Any = caught.value.response
    error = response["Error"]
    return error["Code"], error["Message"], response["ResponseMetadata"]["HTTPStatusCode"]


def damages(data: Path) -> list[str]:
    """What `pilvi check` finds."""
    load_services()
    return [f"{one.where}: {one.what}" for one in check(data) if one.severity == "damage"]
