"""`pilvi sqs`, as a person would type it: what queues hold, what is in one, and dead letters sent back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

import nursery
from persons import Person, allow
from servers import CloudClock, Server

Pilvi = Callable[..., str]
PEEK = "x-pilvi-peek"


@pytest.fixture
def pilvi(server: Server, account: str) -> Pilvi:
    def types(*words: str, fails: bool = False) -> str:
        ran = nursery.pilvi().run(
            "sqs",
            *words,
            "--data",
            str(server.data),
            environment={
                "PATH": "/usr/bin",
                "COLUMNS": "120",
                "AWS_ACCESS_KEY_ID": account,
                "AWS_SECRET_ACCESS_KEY": "secret",
                "AWS_EC2_METADATA_DISABLED": "true",
            },
        )
        assert (ran.returncode != 0) == fails, ran.stdout + ran.stderr
        assert "Traceback" not in ran.stderr
        return ran.stderr if fails else ran.stdout

    return types


@pytest.fixture
def work(client: Callable[..., Any]) -> tuple[Any, str]:
    """A queue `work` whose dead letters go to `dead` when they were received once."""
    sqs = client("sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    asked = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
    policy = {"deadLetterTargetArn": asked["Attributes"]["QueueArn"], "maxReceiveCount": 1}
    redrive = {"RedrivePolicy": json.dumps(policy), "VisibilityTimeout": "60"}
    return sqs, sqs.create_queue(QueueName="work", Attributes=redrive)["QueueUrl"]


def test_dead_letters_are_seen_and_sent_back(
    pilvi: Pilvi, work: tuple[Any, str], clock: CloudClock
) -> None:
    sqs, url = work
    for number in range(12):
        sqs.send_message(QueueUrl=url, MessageBody=f"[red]{number}\x0a")
    for _ in range(2):
        while "Messages" in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10):
            pass
        clock.advance(seconds=61)
    told = {queue["name"]: queue for queue in json.loads(pilvi("list", "--json"))}
    assert (told["work"]["ready"], told["dead"]["ready"]) == (0, 12)
    assert told["work"]["dead letters to"] == "dead"
    assert "dead" in pilvi("list", "--prefix", "w")
    shown = pilvi("peek", "dead", "--limit", "11")
    assert "[red]10·" in shown
    assert "there are more: --after 11" in shown
    last = json.loads(pilvi("peek", "dead", "--after", "11", "--json"))
    assert [one["Body"] for one in last["messages"]] == ["[red]11\x0a"]
    assert "completed: 12 of 12 messages" in pilvi("redrive", "dead")
    assert json.loads(pilvi("list", "--prefix", "w", "--json"))[0]["ready"] == 12
    assert "nothing is sent back" in pilvi("redrive", "dead", "--cancel", fails=True)
    assert "was refused" in pilvi("peek", "nowhere", fails=True)


def test_a_look_changes_nothing(
    client: Callable[..., Any], account: str, work: tuple[Any, str], clock: CloudClock
) -> None:
    """And who may not receive may not look. The header is signed as any other."""
    clock.freeze()
    sqs, url = work
    sqs.send_message(QueueUrl=url, MessageBody="flies")
    sqs.receive_message(QueueUrl=url)
    sqs.send_message(QueueUrl=url, MessageBody="waits", DelaySeconds=9)
    sqs.send_message(QueueUrl=url, MessageBody="is here")
    ann = Person(client, account)
    hers = ann.client("sqs")

    def look(asker: Any) -> list[tuple[str, str, str]]:
        asked = {"AttributeNames": ["ApproximateReceiveCount"], "MaxNumberOfMessages": 10}
        got = asker.receive_message(QueueUrl=url, **asked)
        assert all("ReceiptHandle" not in one for one in got["Messages"])
        return [
            (one["Body"], told["PilviState"], told["ApproximateReceiveCount"])
            for one in got["Messages"]
            for told in (one["Attributes"],)
        ]

    for one in (sqs, hers):
        add = "before-sign.sqs.ReceiveMessage"
        one.meta.events.register(add, lambda request, **_: request.headers.add_header(PEEK, "0"))
    seen = [("flies", "in flight", "1"), ("waits", "delayed", "0"), ("is here", "ready", "0")]
    assert look(sqs) == look(sqs) == seen
    with pytest.raises(hers.exceptions.ClientError, match="not authorized"):
        look(hers)
    ann.may(allow("sqs:ReceiveMessage"))
    assert look(hers) == seen
    clock.advance(seconds=10)
    assert look(sqs)[1] == ("waits", "ready", "0")
