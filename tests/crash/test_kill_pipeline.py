"""A pipeline of queues, functions and a table, killed while it works: nothing is lost, and no group loses its order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lambda_.support import Functions, package
from servers import Server

ACCOUNT = "777700000003"
GROUPS, EACH, KILLS_AT = 3, 20, (12,)

STORES = package("""
import boto3
table = boto3.resource("dynamodb").Table("stored")
def handler(event, context):
    for record in event["Records"]:
        group, number = record["body"].split()
        table.put_item(Item={"group": group, "number": int(number)})
""")
SENDS = package("""
import boto3, os
sqs = boto3.client("sqs")
def handler(event, context):
    for record in event["Records"]:
        keys = record["dynamodb"]["Keys"]
        group, number = keys["group"]["S"], keys["number"]["N"]
        sqs.send_message(QueueUrl=os.environ["OUT"], MessageBody=f"{group} {number}",
                         MessageGroupId=group, MessageDeduplicationId=f"{group}-{number}")
""")


def test_what_goes_through_a_pipeline_comes_out_once_and_in_order(
    own_server: Callable[..., Server],
) -> None:
    """FIFO queue -> function -> table -> stream -> function -> FIFO queue.

    A batch may run again after a kill; then it puts the items that are there already, of which a stream tells nothing,
    or it sends what the last queue knows by its deduplication id.
    """
    server = own_server()
    sqs, fifo = server.client("sqs", ACCOUNT), {"FifoQueue": "true"}
    source = sqs.create_queue(QueueName="in.fifo", Attributes=fifo)["QueueUrl"]
    out = sqs.create_queue(QueueName="out.fifo", Attributes=fifo)["QueueUrl"]
    stream = server.client("dynamodb", ACCOUNT).create_table(
        TableName="stored",
        KeySchema=[
            {"AttributeName": "group", "KeyType": "HASH"},
            {"AttributeName": "number", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "group", "AttributeType": "S"},
            {"AttributeName": "number", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    )["TableDescription"]["LatestStreamArn"]
    lambda_ = server.client("lambda", ACCOUNT)
    functions = Functions(lambda_, ACCOUNT)
    functions.create("stores", STORES)
    functions.create("sends", SENDS, Environment={"Variables": {"OUT": out}})
    lambda_.create_event_source_mapping(
        EventSourceArn=f"arn:aws:sqs:us-east-1:{ACCOUNT}:in.fifo",
        FunctionName="stores",
        BatchSize=4,
    )
    lambda_.create_event_source_mapping(
        EventSourceArn=stream,
        FunctionName="sends",
        BatchSize=4,
        StartingPosition="TRIM_HORIZON",
    )
    for first in range(0, EACH, 10):
        for group in range(GROUPS):
            _send(sqs, source, group, range(first, first + 10))
    got: list[tuple[str, int]] = []
    for kill_at in KILLS_AT:
        while len(got) < kill_at:
            got += _receive(sqs, out)
        server.kill()
        server.start()
        sqs = server.client("sqs", ACCOUNT)
        server.ask("POST", "/_pilvi/clock", {"action": "advance", "by_ms": 31_000})
    while len(got) < GROUPS * EACH:
        got += _receive(sqs, out)
    assert server.ask("POST", "/_pilvi/idle", {"timeout_s": 20})["idle"]
    got += _receive(sqs, out, wait_s=0)
    for group in range(GROUPS):
        assert [number for name, number in got if name == str(group)] == list(range(EACH))


def _send(sqs: Any, url: str, group: int, numbers: range) -> None:
    entries = [
        {
            "Id": str(number),
            "MessageBody": f"{group} {number}",
            "MessageGroupId": str(group),
            "MessageDeduplicationId": f"{group}-{number}",
        }
        for number in numbers
    ]
    assert len(sqs.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]) == 10


def _receive(sqs: Any, url: str, wait_s: int = 5) -> list[tuple[str, int]]:
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=wait_s)
    found: list[tuple[str, int]] = []
    for message in answer.get("Messages", []):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        group, number = message["Body"].split()
        found.append((group, int(number)))
    return found
