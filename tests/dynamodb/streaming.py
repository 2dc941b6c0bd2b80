"""What the tests of streams share: tables with a stream, and reading all of it."""

from __future__ import annotations

from typing import Any

from .support import make_table


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
