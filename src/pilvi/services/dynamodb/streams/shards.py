"""Shards: opened, closed and followed by their children, within the transaction of whatever makes it necessary."""

from __future__ import annotations

import msgspec

from pilvi.contracts.jobs import Job
from pilvi.services.dynamodb.streams import limits, records
from pilvi.services.dynamodb.streams.records import Head, ShardRecord
from pilvi.store.api import Transaction
from pilvi.store.keys import Key


class ShardWork(msgspec.Struct, frozen=True):
    """What a job does to one shard. `number`: the record from which on trimming goes on."""

    account: str
    region: str
    table: str
    label: str
    shard: int
    number: int = 0


def work_job(what: str, work: ShardWork) -> Job:
    """`what`: "roll" closes the shard, "trim" removes it."""
    return Job(
        kind=f"dynamodbstreams.{what}",
        payload=msgspec.msgpack.encode(work),
        account=work.account,
        region=work.region,
    )


def open_shard(tx: Transaction, home: Key, head: Head, parent: str | None, now_ms: int) -> None:
    shard = ShardRecord(number=head.shard, first=head.next, opened_at_ms=now_ms, parent=parent)
    records.shards.put(tx, home, shard)
    records.heads.put(tx, home, head)


def close_shard(
    tx: Transaction, home: Key, head: Head, work: ShardWork, now_ms: int
) -> ShardRecord:
    """Close the open shard of a lane; after a day it is trimmed."""
    shard = records.shards.find(tx, home, head.shard)
    assert shard is not None, f"shard {head.shard} of {work} is not there"
    closed = msgspec.structs.replace(shard, last=head.next - 1)
    records.shards.put(tx, home, closed)
    work = msgspec.structs.replace(work, shard=head.shard)
    tx.at(now_ms + limits.RETENTION_MS, work_job("trim", work))
    return closed


def follow(
    tx: Transaction, home: Key, head: Head, lanes: int, work: ShardWork, now_ms: int
) -> None:
    """Close the open shard of a lane and open its child."""
    closed = close_shard(tx, home, head, work, now_ms)
    assert closed.last is not None, closed
    child = Head(head.lane, head.shard + lanes, closed.last + 1)
    open_shard(tx, home, child, closed.id, now_ms)
