"""DynamoDB: the tables that are measured, and the requests that are sent to them."""

from __future__ import annotations

import json
from collections.abc import Iterable

from bench.requests import PREPARED, Scenario, signed
from bench.servers import Target

TABLE = "bench"
ITEMS = 1000
PAGES_TABLE = "bench-pages"
PAGES_ITEMS = 3000
"""About 1.1 MB as DynamoDB counts: more than a page."""
_BATCH = 25


def dynamodb(target: Target, operation: str, body: dict) -> bytes:
    headers = {
        "X-Amz-Target": f"DynamoDB_20120810.{operation}",
        "Content-Type": "application/x-amz-json-1.0",
    }
    return signed(target, "dynamodb", "POST", "/", headers, json.dumps(body).encode())


def item(number: int) -> dict:
    """About 400 bytes: a key, a range key and eight more attributes."""
    return {
        **key(number),
        "status": {"S": "shipped"},
        "total": {"N": str(number * 7 % 10_000)},
        "currency": {"S": "EUR"},
        "paid": {"BOOL": True},
        "lines": {"L": [{"M": {"sku": {"S": "A-1"}, "count": {"N": "2"}}}]},
        "tags": {"SS": ["a", "b"]},
        "note": {"S": "leave it at the door " * 4},
        "version": {"N": "1"},
    }


def key(number: int) -> dict:
    """Of the same length for every number below a hundred million."""
    return {"pk": {"S": f"customer#{number % 50:04d}"}, "sk": {"S": f"order#{number:08d}"}}


def make_table(target: Target, name: str) -> None:
    client = target.client("dynamodb")
    client.create_table(
        TableName=name,
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})


def prepare(target: Target) -> None:
    """A table with a thousand items."""
    fill(target, TABLE, ITEMS)


def fill(target: Target, name: str, count: int) -> None:
    make_table(target, name)
    client = target.client("dynamodb")
    for start in range(0, count, _BATCH):
        client.batch_write_item(RequestItems={name: puts(start)})


def puts(start: int) -> list[dict]:
    return [{"PutRequest": {"Item": item(n)}} for n in range(start, start + _BATCH)]


# --- requests


def get_item(target: Target) -> list[bytes]:
    return get_items(target, range(PREPARED))


def get_items(target: Target, numbers: Iterable[int]) -> list[bytes]:
    return [dynamodb(target, "GetItem", {"TableName": TABLE, "Key": key(n)}) for n in numbers]


def put_item(target: Target) -> list[bytes]:
    return put_items(target, range(PREPARED))


def put_items(target: Target, numbers: Iterable[int]) -> list[bytes]:
    return [dynamodb(target, "PutItem", {"TableName": TABLE, "Item": item(n)}) for n in numbers]


def update(number: int) -> dict:
    return {
        "TableName": TABLE,
        "Key": key(number),
        "UpdateExpression": "SET #s = :s ADD version :one",
        "ExpressionAttributeNames": {"#s": "status"},
        "ExpressionAttributeValues": {":s": {"S": "paid"}, ":one": {"N": "1"}},
    }


def update_item(target: Target) -> list[bytes]:
    return [dynamodb(target, "UpdateItem", update(n)) for n in range(PREPARED)]


def conditional(number: int) -> dict:
    return {**update(number), "ConditionExpression": "attribute_exists(pk) AND version >= :one"}


def update_if(target: Target) -> list[bytes]:
    return [dynamodb(target, "UpdateItem", conditional(n)) for n in range(PREPARED)]


def query(target: Target) -> list[bytes]:
    """Twenty items of one partition: about 8 KB."""
    return [
        dynamodb(
            target,
            "Query",
            {
                "TableName": TABLE,
                "KeyConditionExpression": "pk = :p AND begins_with(sk, :o)",
                "ExpressionAttributeValues": {
                    ":p": {"S": f"customer#{n % 50:04d}"},
                    ":o": {"S": "order#"},
                },
            },
        )
        for n in range(PREPARED)
    ]


def transact_write(target: Target) -> list[bytes]:
    """A check, two updates of which one has a condition, and a put: four items."""
    return [
        dynamodb(
            target,
            "TransactWriteItems",
            {
                "TransactItems": [
                    {
                        "ConditionCheck": {
                            "TableName": TABLE,
                            "Key": key(n),
                            "ConditionExpression": "attribute_exists(pk)",
                        }
                    },
                    {"Update": conditional((n + 200) % ITEMS)},
                    {"Update": update((n + 400) % ITEMS)},
                    {"Put": {"TableName": TABLE, "Item": item((n + 600) % ITEMS)}},
                ]
            },
        )
        for n in range(PREPARED)
    ]


def batch_write(target: Target) -> list[bytes]:
    """Twenty-five items: about 10 KB."""
    return [
        dynamodb(target, "BatchWriteItem", {"RequestItems": {TABLE: puts(start)}})
        for start in range(0, ITEMS, _BATCH)
    ]


def scan(target: Target) -> list[bytes]:
    """A page of 1 MB, as DynamoDB counts it. Its table is made only now: moto copies all tables in a transaction."""
    fill(target, PAGES_TABLE, PAGES_ITEMS)
    return [dynamodb(target, "Scan", {"TableName": PAGES_TABLE})]


SCENARIOS = [
    Scenario("GetItem", get_item, bar=15),
    Scenario("PutItem", put_item, bar=15),
    Scenario("UpdateItem", update_item, bar=15),
    Scenario("UpdateItem, condition", update_if, seconds=2.0),
    Scenario("Query (20 items)", query, bar=15),
    Scenario("TransactWrite (4 items)", transact_write, seconds=2.0),
    Scenario("BatchWrite (25 items)", batch_write, seconds=2.0),
    Scenario("Scan (1 MB pages)", scan, connections=1, seconds=2.0),
]
