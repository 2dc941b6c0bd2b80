"""Streams: every change of an item in order, once, and readable for a day."""

from __future__ import annotations

from typing import Any

import pytest

from .support import key, make_table, refusal

HOUR_S = 3600


@pytest.fixture
def ddb(client: Any) -> Any:
    return client("dynamodb")


@pytest.fixture
def streams(client: Any) -> Any:
    return client("dynamodbstreams")


def make_streaming(
    ddb: Any, view: str = "NEW_AND_OLD_IMAGES", name: str = "things", **more: Any
) -> str:
    """A table with a stream; gives the stream's ARN. One shard, unless told otherwise."""
    throughput = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
    billing = {"BillingMode": "PROVISIONED", "ProvisionedThroughput": throughput}
    specification = {"StreamEnabled": True, "StreamViewType": view}
    make_table(ddb, name, StreamSpecification=specification, **(billing | more))
    return ddb.describe_table(TableName=name)["Table"]["LatestStreamArn"]


def shards_of(streams: Any, arn: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    more: dict[str, Any] = {}
    while True:
        described = streams.describe_stream(StreamArn=arn, **more)["StreamDescription"]
        found += described["Shards"]
        if "LastEvaluatedShardId" not in described:
            return found
        more = {"ExclusiveStartShardId": described["LastEvaluatedShardId"]}


def iterator(streams: Any, arn: str, shard: str, kind: str = "TRIM_HORIZON", **more: Any) -> str:
    request = {"StreamArn": arn, "ShardId": shard, "ShardIteratorType": kind, **more}
    return streams.get_shard_iterator(**request)["ShardIterator"]


def read_shard(streams: Any, arn: str, shard: str) -> list[dict[str, Any]]:
    """All records of a shard, to its end or to where nothing follows for now."""
    found: list[dict[str, Any]] = []
    following: str | None = iterator(streams, arn, shard)
    while following is not None:
        page = streams.get_records(ShardIterator=following)
        found += page["Records"]
        if not page["Records"]:
            break
        following = page.get("NextShardIterator")
    return found


def read_all(streams: Any, arn: str) -> list[dict[str, Any]]:
    """All records of a stream, parents before their children."""
    return [
        record
        for shard in shards_of(streams, arn)
        for record in read_shard(streams, arn, shard["ShardId"])
    ]


def change(record: dict[str, Any]) -> tuple[str, Any, Any]:
    body = record["dynamodb"]
    return record["eventName"], body.get("OldImage"), body.get("NewImage")


def test_every_way_to_write_leaves_a_record(ddb: Any, streams: Any) -> None:
    """Put, update, delete, batch and transaction; none where an item stays as it was, or a write is refused."""
    arn = make_streaming(ddb)
    one, two = key("a", 1), key("a", 2)
    ddb.put_item(TableName="things", Item={**one, "v": {"S": "x"}, "w": {"SS": ["a", "b"]}})
    ddb.put_item(TableName="things", Item={"w": {"SS": ["b", "a"]}, "v": {"S": "x"}, **one})
    ddb.update_item(
        TableName="things",
        Key=one,
        UpdateExpression="SET v = :v REMOVE w",
        ExpressionAttributeValues={":v": {"S": "y"}},
    )
    ddb.delete_item(TableName="things", Key=two)
    batch = [{"PutRequest": {"Item": two}}, {"DeleteRequest": {"Key": one}}]
    ddb.batch_write_item(RequestItems={"things": batch})
    members = [{"Put": {"TableName": "things", "Item": one}}]
    ddb.transact_write_items(TransactItems=members)
    failing = {"TableName": "things", "Key": one, "ConditionExpression": "attribute_exists(v)"}
    assert refusal(ddb.delete_item, **failing)[0] == "ConditionalCheckFailedException"
    first = {**one, "v": {"S": "x"}, "w": {"SS": ["a", "b"]}}
    second = {**one, "v": {"S": "y"}}
    records = read_all(streams, arn)
    assert [change(record) for record in records] == [
        ("INSERT", None, first),
        ("MODIFY", first, second),
        ("INSERT", None, two),
        ("REMOVE", second, None),
        ("INSERT", None, one),
    ]
    assert [record["dynamodb"]["Keys"] for record in records] == [one, one, two, one, one]
    numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in records]
    assert numbers == sorted(set(numbers))
    assert len({record["eventID"] for record in records}) == len(records)
    shown = records[0]
    assert shown["eventSource"] == "aws:dynamodb"
    assert shown["eventVersion"] == "1.1"
    assert shown["awsRegion"] == "us-east-1"
    assert shown["dynamodb"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert shown["dynamodb"]["SizeBytes"] == 7 + 7 + 2 + 3
    assert "userIdentity" not in shown


@pytest.mark.parametrize("view", ["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"])
def test_views(ddb: Any, streams: Any, view: str) -> None:
    arn = make_streaming(ddb, view)
    item = {**key("a", 1), "v": {"S": "x"}}
    ddb.put_item(TableName="things", Item=item)
    ddb.delete_item(TableName="things", Key=key("a", 1))
    new = item if "NEW" in view else None
    old = item if "OLD" in view else None
    records = read_all(streams, arn)
    assert [change(one) for one in records] == [("INSERT", None, new), ("REMOVE", old, None)]
