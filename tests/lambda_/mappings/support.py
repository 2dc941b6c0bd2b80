"""Queues, functions that note what they got in another queue, and mappings between them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from lambda_.support import Functions, package
from servers import Server

NOTES = """
import boto3, json, os
sqs = boto3.client("sqs")
def handler(event, context):
    for record in event["Records"]:
        record.pop("receiptHandle", None)
    body = json.dumps({"event": event, "tag": os.environ.get("TAG", "")})
    sqs.send_message(QueueUrl=os.environ["NOTES"], MessageBody=body)
    records = event["Records"]
    if any("raise" in record.get("body", "") for record in records):
        raise RuntimeError("as it was told")
    answers = [record["body"][7:] for record in records if record.get("body", "").startswith("answer ")]
    if answers:
        return json.loads(answers[0])
    fails = [{"itemIdentifier": record["messageId"]} for record in records if "fail" in record.get("body", "")]
    return {"batchItemFailures": fails}
"""
ZIP = package(NOTES)
COUNTING = package("""
import boto3, json, os
def handler(event, context):
    body = json.dumps({"event": json.dumps({"count": len(event["Records"])})})
    boto3.client("sqs").send_message(QueueUrl=os.environ["NOTES"], MessageBody=body)
""")
WAITING = package("""
import boto3, json, os
sqs = boto3.client("sqs")
def handler(event, context):
    sqs.send_message(QueueUrl=os.environ["NOTES"], MessageBody=json.dumps({"event": "began"}))
    while True:
        found = sqs.receive_message(QueueUrl=os.environ["GATE"], WaitTimeSeconds=20)
        for message in found.get("Messages", []):
            sqs.delete_message(QueueUrl=os.environ["GATE"], ReceiptHandle=message["ReceiptHandle"])
            return
""")
WAIT_S = 60.0
"""On a busy machine."""


class Workshop:
    counting = COUNTING
    waiting = WAITING

    def __init__(self, server: Server, account: str, client: Callable[..., Any]) -> None:
        self.server = server
        self.account = account
        self.sqs = client("sqs")
        self.functions = Functions(client("lambda"), account)
        self.lambda_ = self.functions.client
        self.notes = self.sqs.create_queue(QueueName="notes")["QueueUrl"]

    def queue(self, name: str = "source", **attributes: str) -> str:
        if name.endswith(".fifo"):
            attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true", **attributes}
        return self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]

    def arn(self, url: str) -> str:
        return f"arn:aws:sqs:us-east-1:{self.account}:{url.rpartition('/')[2]}"

    def function(self, name: str = "work", source: bytes = ZIP, **request: Any) -> str:
        variables = {"NOTES": self.notes, **request.pop("variables", {})}
        made = self.functions.create(
            name, source, Environment={"Variables": variables}, MemorySize=256, **request
        )
        return made["FunctionArn"]

    def map(self, url: str, function: str = "work", **request: Any) -> str:
        """A mapping that polls already; its UUID."""
        made = self.lambda_.create_event_source_mapping(
            EventSourceArn=self.arn(url), FunctionName=function, **request
        )
        if request.get("Enabled", True):
            self.until_state(made["UUID"], "Enabled")
        return made["UUID"]

    def until_state(self, uuid: str, state: str) -> Any:
        return until(
            lambda: self.lambda_.get_event_source_mapping(UUID=uuid),
            lambda mapping: mapping["State"] == state,
        )

    def send(self, url: str, *bodies: str, **more: Any) -> list[str]:
        """The ids of the messages."""
        return [
            self.sqs.send_message(QueueUrl=url, MessageBody=body, **more)["MessageId"]
            for body in bodies
        ]

    def noted(self, count: int) -> list[Any]:
        """The next so many events that functions got, in order."""
        found: list[Any] = []
        until_s = time.monotonic() + WAIT_S
        while len(found) < count:
            assert time.monotonic() < until_s, f"{len(found)} events instead of {count}: {found}"
            answer = self.sqs.receive_message(
                QueueUrl=self.notes, MaxNumberOfMessages=1, WaitTimeSeconds=5
            )
            for message in answer.get("Messages", []):
                self.sqs.delete_message(QueueUrl=self.notes, ReceiptHandle=message["ReceiptHandle"])
                found.append(json.loads(message["Body"]))
        return found

    def bodies(self, count: int) -> list[list[str]]:
        """The bodies of the next so many batches."""
        return [[one["body"] for one in note["event"]["Records"]] for note in self.noted(count)]

    def nothing_more(self) -> None:
        """The cloud is idle, and no function was told anything else."""
        self.idle()
        assert "Messages" not in self.sqs.receive_message(QueueUrl=self.notes)

    def idle(self) -> None:
        assert self.server.ask("POST", "/_pilvi/idle", {"timeout_s": WAIT_S})["idle"]

    def counts(self, url: str) -> tuple[int, int]:
        """Messages that are visible, and in flight."""
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        told = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names))["Attributes"]
        return int(told[names[0]]), int(told[names[1]])


def until(ask: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
    """Ask again until it is so."""
    until_s = time.monotonic() + WAIT_S
    while not good(found := ask()):
        assert time.monotonic() < until_s, found
    return found
