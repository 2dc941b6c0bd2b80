"""What pollers inside the cloud wait for: see `contracts.streams`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from clouds import in_memory
from pilvi.base.arn import Scope
from pilvi.contracts.causes import NO_CAUSE
from pilvi.contracts.streams import ChangeStreams
from pilvi.identity.principal import root_of
from pilvi.kit.cloud import Cloud

from .support import key

ACCOUNT = "000000000001"
ROOT = root_of(ACCOUNT, "AKIAEXAMPLE")


async def perform(cloud: Cloud, service: str, operation: str, **params: Any) -> dict[str, Any]:
    scope = Scope(ACCOUNT, "us-east-1")
    return await cloud.perform(
        service, operation, params, scope=scope, principal=ROOT, cause=NO_CAUSE
    )


async def _wait_and_read(path: Path) -> None:
    cloud = in_memory(path)
    table = await perform(
        cloud,
        "dynamodb",
        "CreateTable",
        TableName="things",
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "N"},
        ],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    arn = table["TableDescription"]["LatestStreamArn"]
    described = await perform(cloud, "dynamodbstreams", "DescribeStream", StreamArn=arn)
    shard = described["StreamDescription"]["Shards"][0]["ShardId"]
    streams = cloud.ask(ChangeStreams)
    assert not await streams.wait_for_more(arn, {shard: None}, timeout_s=0)
    waiting = asyncio.ensure_future(streams.wait_for_more(arn, {shard: None}, timeout_s=60))
    await asyncio.sleep(0)
    assert not waiting.done()
    await perform(cloud, "dynamodb", "PutItem", TableName="things", Item=key("a", 1))
    assert await asyncio.wait_for(waiting, 10)
    begin = await perform(
        cloud,
        "dynamodbstreams",
        "GetShardIterator",
        StreamArn=arn,
        ShardId=shard,
        ShardIteratorType="TRIM_HORIZON",
    )
    page = await perform(
        cloud, "dynamodbstreams", "GetRecords", ShardIterator=begin["ShardIterator"]
    )
    (record,) = page["Records"]
    handled = {shard: record["dynamodb"]["SequenceNumber"]}
    assert not await streams.wait_for_more(arn, handled, timeout_s=0)
    waiting = asyncio.ensure_future(streams.wait_for_more(arn, handled, timeout_s=60))
    await asyncio.sleep(0)
    off = {"StreamEnabled": False}
    await perform(cloud, "dynamodb", "UpdateTable", TableName="things", StreamSpecification=off)
    assert await asyncio.wait_for(waiting, 10), "the shard was closed"
    assert await streams.wait_for_more(arn + "0", {}, timeout_s=60), "there is no such stream"


def test_waiting_ends_with_the_next_record(tmp_path: Path) -> None:
    """A poller that has handled all sleeps until something is written, or the shard ends."""
    asyncio.run(_wait_and_read(tmp_path))
