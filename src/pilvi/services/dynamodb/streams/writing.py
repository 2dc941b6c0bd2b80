"""Records of changes, written in the transaction of the write: a change and its record are there, or neither is."""

from __future__ import annotations

from typing import Any, cast

import orjson

from pilvi.services.dynamodb import keys
from pilvi.services.dynamodb.feeds import Feed
from pilvi.services.dynamodb.streams import limits, records
from pilvi.services.dynamodb.streams.records import ChangeRecord, Event, Head
from pilvi.services.dynamodb.streams.shards import ShardWork, follow, work_job
from pilvi.services.dynamodb.tables import HEADER_BYTES, Table, item_of, size_of
from pilvi.services.dynamodb.values import Item, measure_item
from pilvi.store.api import Transaction

_SETS = frozenset(("SS", "NS", "BS"))


def append(
    tx: Transaction,
    table: Table,
    feed: Feed,
    key: bytes,
    item: Item,
    old: bytes | None,
    new: bytes | None,
    *,
    now_ms: int,
    by_service: bool,
) -> None:
    """Record that the item at `key`, which was `old`, is now `new` (stored forms); nothing where they mean the same.

    `item`: one of the two, for its key attributes.
    """
    if old is None:
        if new is None:
            return
        event: Event = "INSERT"
    elif new is None:
        event = "REMOVE"
    elif _same(old, new):
        return
    else:
        event = "MODIFY"
    lane = feed.lane_of(keys.bucket_of(key, table.item_key_at))
    head = records.heads.find(tx, feed.home, lane)
    assert head is not None, f"lane {lane} of the stream {feed.label} of {table.arn} is not open"
    attributes = {name: item[name] for name in table.key_names}
    size = measure_item(attributes)
    old_image = new_image = None
    if old is not None and feed.old:
        old_image = old[HEADER_BYTES:]
        size += size_of(old)
    if new is not None and feed.new:
        new_image = new[HEADER_BYTES:]
        size += size_of(new)
    records.changes.put(
        tx,
        feed.home,
        ChangeRecord(
            shard=head.shard,
            number=head.next,
            at_ms=now_ms,
            event=event,
            keys=orjson.dumps(attributes),
            size=size,
            old=old_image,
            new=new_image,
            by_service=by_service,
        ),
    )
    tx.wake(feed.topic)
    _advance(tx, table, feed, head, size, now_ms)


def _advance(tx: Transaction, table: Table, feed: Feed, head: Head, size: int, now_ms: int) -> None:
    """The first record of a shard plans its end, so that a stream without writes has no jobs."""
    record = table.record
    work = ShardWork(record.account, record.region, record.name, feed.label, head.shard)
    if head.bytes == 0:
        tx.at(now_ms + limits.SHARD_LIFE_MS, work_job("roll", work))
    grown = Head(head.lane, head.shard, head.next + 1, head.bytes + size)
    if grown.bytes < limits.SHARD_BYTES_MAX:
        records.heads.put(tx, feed.home, grown)
    else:
        follow(tx, feed.home, grown, feed.lanes, work, now_ms)


def _same(old: bytes, new: bytes) -> bool:
    """Whether two items are one item, whatever the order of attributes and of a set's members."""
    if old == new:
        return True
    return size_of(old) == size_of(new) and _ordered(item_of(old)) == _ordered(item_of(new))


def _ordered(value: Any) -> Any:
    """`value` with the members of its sets in order."""
    if isinstance(value, dict):
        given = cast("dict[str, Any]", value)
        return {
            name: sorted(inner) if name in _SETS and _is_texts(inner) else _ordered(inner)
            for name, inner in given.items()
        }
    if isinstance(value, list):
        return [_ordered(inner) for inner in cast("list[Any]", value)]
    return value


def _is_texts(value: Any) -> bool:
    """An attribute may have a set's name: then it holds a value and no list of texts."""
    return isinstance(value, list)
