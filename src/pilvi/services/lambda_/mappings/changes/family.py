"""Shards and their children: which may be read when. A child begins when all of its parent is handled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from pilvi.services.lambda_.mappings.changes.records import BEGUN, Lane, ShardProgress, shards
from pilvi.services.lambda_.mappings.source import Polling
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.keys import Key


class Described(NamedTuple):
    """A shard as the stream tells of it. `closed`: it takes no more records."""

    id: str
    parent: str | None
    closed: bool


async def describe(polling: Polling) -> list[Described]:
    """All shards of the stream, parents before their children. Raises: AwsError."""
    found: list[Described] = []
    asked: dict[str, Any] = {"StreamArn": polling.mapping.source_arn}
    while True:
        answer = await polling.perform("dynamodbstreams", "DescribeStream", asked)
        description = answer["StreamDescription"]
        found += [
            Described(
                shard["ShardId"],
                shard.get("ParentShardId"),
                "EndingSequenceNumber" in shard["SequenceNumberRange"],
            )
            for shard in description["Shards"]
        ]
        last = description.get("LastEvaluatedShardId")
        if last is None:
            return found
        asked["ExclusiveStartShardId"] = last


def all_of(at: Snapshot, home: Key) -> dict[str, ShardProgress]:
    return {one.id: one for one in shards.scan(at, home)}


def put_all(tx: Transaction, home: Key, progresses: Sequence[ShardProgress]) -> None:
    for progress in progresses:
        shards.put(tx, home, progress)


def begin_oldest(described: Sequence[Described], lanes: int) -> list[ShardProgress]:
    begun = ShardProgress(BEGUN, (), done=True)
    return [begun, *_ready(described, {}, lanes)]


def begin_latest(
    described: Sequence[Described], ends: Mapping[str, str | None], lanes: int
) -> list[ShardProgress]:
    """Behind what there is now: `ends` has the last sequence number of each shard that is open."""
    found = [ShardProgress(BEGUN, (), done=True)]
    for shard in described:
        if shard.id in ends:
            lane = Lane(handled=ends[shard.id] or "")
            found.append(ShardProgress(shard.id, (lane,) * lanes))
        elif shard.closed:
            found.append(ShardProgress(shard.id, (Lane(),), done=True))
    return found


def end(
    tx: Transaction, home: Key, ids: Sequence[str], described: Sequence[Described], lanes: int
) -> list[ShardProgress]:
    """Mark shards as handled to their end; gives those that begin now. What the stream forgot is forgotten."""
    known = all_of(tx, home)
    for shard_id in ids:
        known[shard_id] = msgspec.structs.replace(known[shard_id], done=True)
        shards.put(tx, home, known[shard_id])
    born = list(_ready(described, known, lanes))
    put_all(tx, home, born)
    still = {shard.id for shard in described} | {BEGUN}
    for shard_id, progress in known.items():
        if progress.done and shard_id not in still:
            shards.delete(tx, home, shard_id)
    return born


def _ready(
    described: Sequence[Described], known: Mapping[str, ShardProgress], lanes: int
) -> Iterator[ShardProgress]:
    there = {shard.id for shard in described}
    for shard in described:
        if shard.id in known:
            continue
        parent = None if shard.parent is None else known.get(shard.parent)
        if parent.done if parent is not None else shard.parent not in there:
            yield ShardProgress(shard.id, (Lane(),) * lanes)
