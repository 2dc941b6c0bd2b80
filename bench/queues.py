"""Messages of SQS: the rates of sending, and what receiving and deleting cost the server."""

from __future__ import annotations

import json
from typing import Any

from bench.requests import PREPARED, Scenario, signed
from bench.servers import Target

QUEUE = "bench-queue"
SENT = "bench-sent"
BODY = "x" * 256
PAIRS = 800
IN_BATCH = 10


def prepare(target: Target) -> None:
    for name in (QUEUE, SENT):
        target.client("sqs").create_queue(QueueName=name)


def _ask(target: Target, operation: str, body: dict[str, Any]) -> bytes:
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": f"AmazonSQS.{operation}",
    }
    return signed(target, "sqs", "POST", "/", headers, json.dumps(body).encode())


def url_of(target: Target, name: str) -> str:
    return target.client("sqs").get_queue_url(QueueName=name)["QueueUrl"]


def send_message(target: Target) -> list[bytes]:
    return send_to(target, url_of(target, SENT))


def send_to(target: Target, url: str) -> list[bytes]:
    return [_ask(target, "SendMessage", {"QueueUrl": url, "MessageBody": BODY})] * PREPARED


def send_batch(target: Target) -> list[bytes]:
    entries = [{"Id": str(number), "MessageBody": BODY} for number in range(IN_BATCH)]
    url = url_of(target, SENT)
    return [_ask(target, "SendMessageBatch", {"QueueUrl": url, "Entries": entries})] * PREPARED


SCENARIOS = (
    Scenario("SendMessage", send_message),
    Scenario("SendMessage, one connection", send_message, connections=1),
    Scenario("SendMessageBatch of 10", send_batch),
)


def cost_of_pairs(target: Target, name: str) -> float:
    """What a ReceiveMessage and the DeleteMessage after it cost the server's processor, in microseconds."""
    client, url = target.client("sqs"), url_of(target, name)
    before_s = target.cpu_s()
    for _ in range(PAIRS):
        (message,) = client.receive_message(QueueUrl=url)["Messages"]
        client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return (target.cpu_s() - before_s) * 1e6 / PAIRS
