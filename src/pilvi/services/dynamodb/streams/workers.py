"""What time does to streams: shards end and are followed by others, and what is a day old is removed.

Each job does a bounded step in the transaction that completes it. A second run finds nothing to do.
"""

from __future__ import annotations

import msgspec

from pilvi.base.arn import Scope
from pilvi.contracts.delivery import Commit
from pilvi.contracts.jobs import Job
from pilvi.kit.cloud import Cloud
from pilvi.services.dynamodb.policies.records import Place, drop_policy
from pilvi.services.dynamodb.streams import limits, records
from pilvi.services.dynamodb.streams.service import dynamodbstreams
from pilvi.services.dynamodb.streams.shards import ShardWork, follow, work_job
from pilvi.store.api import Transaction
from pilvi.store.keys import pack, span


@dynamodbstreams.job("roll")
async def roll(cloud: Cloud, job: Job) -> Commit:
    """Close a shard that has had records for four hours, and open its child."""
    work = msgspec.msgpack.decode(job.payload, type=ShardWork)

    def step(tx: Transaction) -> None:
        stream = records.streams.find(tx, (work.account, work.region), work.table, work.label)
        if stream is None:
            return
        head = records.heads.find(tx, stream.home, work.shard % stream.lanes)
        if head is None or head.shard != work.shard:
            return
        follow(tx, stream.home, head, stream.lanes, work, cloud.clock.now_ms())
        tx.wake(stream.topic)

    return step


@dynamodbstreams.job("trim")
async def trim(cloud: Cloud, job: Job) -> Commit:
    """Remove a shard that was closed a day ago, a step at a time; with its last shard a disabled stream."""
    work = msgspec.msgpack.decode(job.payload, type=ShardWork)

    def step(tx: Transaction) -> None:
        home = (work.account, work.region)
        stream = records.streams.find(tx, home, work.table, work.label)
        if stream is None:
            return
        shard = records.shards.find(tx, stream.home, work.shard)
        if shard is None or shard.last is None:
            return
        start = max(work.number, shard.first)
        if start <= shard.last:
            end = min(start + limits.TRIM_STEP, shard.last + 1)
            base = (*stream.home, records.changes.name, "r", shard.number)
            tx.delete_range(pack((*base, start)), pack((*base, end)))
            later = msgspec.structs.replace(work, number=end)
            tx.at(cloud.clock.now_ms(), work_job("trim", later))
            return
        records.shards.delete(tx, stream.home, shard.number)
        if stream.disabled_at_ms is None:
            return
        if next(iter(records.shards.scan(tx, stream.home, limit=1)), None) is None:
            records.streams.delete(tx, home, stream.table, stream.label)
            owner = Scope(stream.account, stream.region, stream.partition)
            drop_policy(tx, Place(owner, stream.table, stream.label))
            tx.delete_range(*span(stream.home))

    return step
