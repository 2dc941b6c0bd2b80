"""`--enforce-throughput`: what is throttled, what is said, and when it gets through again, by the clock."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pilvi.kit.buckets import Bucket, Buckets, key_of
from servers import CloudClock, Server

from .support import index

LEVEL = (
    "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning "
    "level with the UpdateTable API."
)


@pytest.fixture(scope="module")
def metered() -> Iterator[Server]:
    """Two workers: their buckets are the same."""
    with tempfile.TemporaryDirectory() as directory:
        running = Server(Path(directory) / "data", "--enforce-throughput", "--workers", "2").start()
        yield running
        assert running.stop() == 0


@pytest.fixture
def ddb(metered: Server, account: str) -> Any:
    return metered.client("dynamodb", account)


@pytest.fixture
def clock(metered: Server) -> Iterator[CloudClock]:
    clock = CloudClock(metered)
    clock.freeze()
    yield clock
    clock.resume()


def make(client: Any, read: int, write: int, **more: Any) -> None:
    request = {
        "TableName": "held",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "ProvisionedThroughput": {"ReadCapacityUnits": read, "WriteCapacityUnits": write},
    }
    client.create_table(**request | more)


def item(pk: str, **more: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, **{name: {"S": value} for name, value in more.items()}}


def put(client: Any, pk: str, **more: str) -> Any:
    return client.put_item(TableName="held", Item=item(pk, **more))


def refused(call: Any, *given: Any, **more: Any) -> Any:
    with pytest.raises(ClientError) as found:
        call(*given, **more)
    return found.value.response


def test_a_table_has_its_units_of_each_second_and_saves_up_for_five_minutes(
    ddb: Any, clock: CloudClock, account: str
) -> None:
    make(ddb, 2, 2)
    for number in range(2):
        put(ddb, f"a{number}")
    answer = refused(put, ddb, "a2")
    assert answer["Error"] == {
        "Code": "ProvisionedThroughputExceededException",
        "Message": LEVEL,
    }
    assert answer["ThrottlingReasons"] == [
        {
            "reason": "TableWriteProvisionedThroughputExceeded",
            "resource": f"arn:aws:dynamodb:us-east-1:{account}:table/held",
        }
    ]
    assert ddb.scan(TableName="held", ConsistentRead=True)["Count"] == 2, "nothing was written"
    clock.advance(seconds=1)
    answer = ddb.put_item(TableName="held", Item=item("a2"), ReturnConsumedCapacity="TOTAL")
    assert answer["ConsumedCapacity"] == {"TableName": "held", "CapacityUnits": 1.0}
    assert "ConsumedCapacity" not in put(ddb, "a3")
    refused(put, ddb, "a4")
    clock.advance(seconds=3600)
    for size in (300, 290):
        ddb.put_item(TableName="held", Item=item(f"b{size}", text="x" * (size * 1024 - 20)))
    for number in range(10):
        put(ddb, f"b{number}")
    refused(put, ddb, "b")
    # What is larger than all that was saved is let through once, and paid off later.
    clock.advance(seconds=1)
    ddb.put_item(TableName="held", Item=item("large", text="x" * (300 * 1024 - 20)))
    clock.advance(seconds=149)
    refused(put, ddb, "c")
    clock.advance(seconds=1)
    put(ddb, "c")


def test_reads_and_failed_conditions_cost_too(ddb: Any, clock: CloudClock) -> None:
    make(ddb, 1, 3)
    put(ddb, "a", text="x" * 5000)
    get = {"TableName": "held", "Key": item("a")}
    ddb.get_item(**get)
    assert refused(ddb.get_item, **get)["ThrottlingReasons"][0]["reason"] == (
        "TableReadProvisionedThroughputExceeded"
    )
    clock.advance(seconds=2)
    ddb.query(
        TableName="held",
        KeyConditionExpression="pk = :p",
        ExpressionAttributeValues={":p": {"S": "a"}},
        ConsistentRead=True,
    )
    refused(ddb.execute_statement, Statement="SELECT * FROM held WHERE pk = 'a'")
    for _ in range(4):
        again = {"Item": item("a"), "ConditionExpression": "attribute_not_exists(pk)"}
        failed = refused(ddb.put_item, TableName="held", **again)
        assert failed["Error"]["Code"] == "ConditionalCheckFailedException"
    assert refused(ddb.put_item, TableName="held", **again)["Error"]["Message"] == LEVEL
    clock.advance(seconds=1)
    insert = "INSERT INTO held VALUE {'pk': 's%d'}"
    for number in range(3):
        ddb.execute_statement(Statement=insert % number)
    refused(ddb.execute_statement, Statement=insert % 9)
    clock.advance(seconds=60)
    assert ddb.scan(TableName="held")["Count"] == 4


# A write that an index has no units for is no write of the table either.
def test_an_index_presses_back(ddb: Any, clock: CloudClock, account: str) -> None:
    given = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
    make(
        ddb,
        10,
        10,
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "g")
        ],
        GlobalSecondaryIndexes=[{**index("by_g", "g"), "ProvisionedThroughput": given}],
    )
    put(ddb, "a", g="1")
    answer = refused(put, ddb, "b", g="1")
    assert answer["ThrottlingReasons"] == [
        {
            "reason": "IndexWriteProvisionedThroughputExceeded",
            "resource": f"arn:aws:dynamodb:us-east-1:{account}:table/held/index/by_g",
        }
    ]
    assert answer["Error"]["Message"].startswith(
        "The level of configured provisioned throughput for one or more global secondary indexes of the table"
    )
    put(ddb, "b")
    scan = {"TableName": "held", "IndexName": "by_g"}
    ddb.scan(**scan)
    ddb.scan(**scan)
    reasons = refused(ddb.scan, **scan)["ThrottlingReasons"]
    assert reasons[0]["reason"] == "IndexReadProvisionedThroughputExceeded"
    assert ddb.scan(TableName="held")["Count"] == 2


def test_batches_give_back_what_did_not_get_through(ddb: Any, clock: CloudClock) -> None:
    make(ddb, 4, 4)
    requests = [{"PutRequest": {"Item": item(f"a{number}")}} for number in range(10)]
    answer = ddb.batch_write_item(RequestItems={"held": requests})
    assert answer["UnprocessedItems"] == {"held": requests[4:]}
    answer = refused(ddb.batch_write_item, RequestItems={"held": requests[4:]})
    assert answer["Error"]["Code"] == "ProvisionedThroughputExceededException"
    keys = [item(f"a{number}") for number in range(10)]
    asked = {"Keys": keys, "ConsistentRead": True}
    answer = ddb.batch_get_item(RequestItems={"held": asked})
    assert len(answer["Responses"]["held"]) == 4
    assert answer["UnprocessedKeys"] == {"held": {**asked, "Keys": keys[4:]}}
    refused(ddb.batch_get_item, RequestItems={"held": asked})
    clock.advance(seconds=2)
    answer = ddb.batch_write_item(RequestItems={"held": requests[4:]})
    assert answer["UnprocessedItems"] == {}


def test_transactions_are_cancelled_with_the_reason(ddb: Any, clock: CloudClock) -> None:
    make(ddb, 4, 4)
    make(ddb, 9, 9, TableName="wide")
    members = [
        {"Put": {"TableName": name, "Item": item(pk)}}
        for name, pk in (("held", "a"), ("held", "b"), ("wide", "a"))
    ]
    ddb.transact_write_items(TransactItems=members)
    answer = refused(ddb.transact_write_items, TransactItems=members)
    assert answer["Error"]["Code"] == "TransactionCanceledException"
    reason = {"Code": "ProvisionedThroughputExceeded", "Message": LEVEL}
    assert answer["CancellationReasons"] == [reason, reason, {"Code": "None"}]
    gets = [{"Get": {"TableName": "held", "Key": item(pk)}} for pk in "ab"]
    ddb.transact_get_items(TransactItems=gets)
    answer = refused(ddb.transact_get_items, TransactItems=gets)
    assert answer["CancellationReasons"] == [reason, reason]
    answer = refused(
        ddb.execute_transaction,
        TransactStatements=[{"Statement": "SELECT * FROM held WHERE pk = 'a'"}],
    )
    assert answer["CancellationReasons"] == [reason]


def test_maxima_of_on_demand_tables(ddb: Any, clock: CloudClock) -> None:
    ddb.create_table(
        TableName="held",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        OnDemandThroughput={"MaxWriteRequestUnits": 3},
    )
    for _ in range(3):
        put(ddb, "a")
    answer = refused(put, ddb, "a")
    assert answer["Error"] == {
        "Code": "ThrottlingException",
        "Message": "Throughput exceeds the maximum OnDemandThroughput configured on table or index",
    }
    assert answer["throttlingReasons"][0]["reason"] == "TableWriteMaxOnDemandThroughputExceeded"
    ddb.update_table(TableName="held", OnDemandThroughput={"MaxWriteRequestUnits": -1})
    clock.advance(seconds=1)
    # One key can be written a thousand times a second, whatever the table may.
    for _ in range(3):
        ddb.put_item(TableName="held", Item=item("hot", text="x" * 390 * 1024))
    answer = refused(put, ddb, "hot")
    assert answer["throttlingReasons"][0]["reason"] == "TableWriteKeyRangeThroughputExceeded"
    put(ddb, "cold")


def test_buckets_are_few_and_begin_anew() -> None:
    buckets = Buckets()
    bucket = Bucket(key_of("one"), 1.0, 5.0, 1.0)
    assert buckets.spend(1000, [(bucket, 1.0)]) is None
    assert buckets.spend(1999, [(bucket, 1.0)]) is None, "what was gathered in a second but a bit"
    assert buckets.spend(1999, [(bucket, 1.0)]) is bucket
    assert buckets.spend(500, [(bucket, 1.0)]) is bucket, "a clock that goes back fills nothing"
    for number in range(20_000):
        buckets.spend(3000 + number, [(Bucket(key_of(number), 1.0, 5.0, 1.0), 1.0)])
    assert buckets.spend(200_000, [(bucket, 1.0)]) is None
