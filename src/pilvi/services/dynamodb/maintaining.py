"""What goes with an item in its table: entries in indexes, the expiry, the size of its collection.

All of it is written in the transaction that writes the item. Invariants:

1. For every index that an item has the key attributes of, there is exactly one entry, at the key that
   the item's attributes give, holding what the index projects of it.
2. An item with a valid expiry, in a table with time to live, has one expiry entry.
3. In a table with local indexes, the bytes of all items of a partition key and of their entries in those indexes are
   counted beside them.
"""

from __future__ import annotations

from typing import NamedTuple

from pilvi.services.dynamodb import capacity, errors, limits
from pilvi.services.dynamodb.backfills import expiry_job
from pilvi.services.dynamodb.indexes import Index
from pilvi.services.dynamodb.keys import partition
from pilvi.services.dynamodb.tables import Table, pack_item, size_of
from pilvi.services.dynamodb.values import Item, Value, measure_item
from pilvi.store.api import Transaction
from pilvi.store.keys import pack

_COLLECTION_BYTES = 8
"""How a count of a collection's bytes is stored."""


class Maintained(NamedTuple):
    units: dict[str, float]
    """Write units of each index that changed."""
    local_bytes: int
    """How much the entries in local indexes grew."""


def maintain(
    tx: Transaction,
    table: Table,
    key: bytes,
    old: Item | None,
    new: Item | None,
    stored: bytes | None,
) -> Maintained:
    """Keep invariants 1 and 2. `stored`: the new item as it is stored."""
    tail = table.tail_of(key)
    changes: list[tuple[Index, bytes | None, bytes | None]] = []
    for index in table.indexes.values():
        new_key = None if new is None else index.entry_key(new, tail)
        old_key = None if old is None else index.entry_key(old, tail)
        if new_key is not None or old_key is not None:
            changes.append((index, old_key, new_key))
    units: dict[str, float] = {}
    local_bytes = 0
    for index, old_key, new_key in changes:
        spent = 0.0
        grown = 0
        stale = None if old_key is None else tx.get(old_key)
        if old_key is not None and old_key != new_key and stale is not None:
            tx.delete(old_key)
            spent += capacity.write_units(size_of(stale))
            grown -= size_of(stale)
            stale = None
        if new_key is not None and new is not None and stored is not None:
            value = stored if index.projected is None else entry_of(index, new)
            if old_key != new_key or value != stale:
                tx.put(new_key, value)
                spent += capacity.write_units(size_of(value))
                grown += size_of(value) - (0 if stale is None else size_of(stale))
        if spent:
            units[index.name] = spent
        if index.record.local:
            local_bytes += grown
    if table.time_to_live is not None:
        _expire(tx, table, key, old, new)
    return Maintained(units, local_bytes)


def count_collection(tx: Transaction, table: Table, hash_key: Value, grown: int) -> int:
    """Keep invariant 3. Gives the bytes of the partition key.

    Raises: ItemCollectionSizeLimitExceededException.
    """
    assert table.collections is not None, table.arn
    part = table.hash.part(hash_key)
    assert part, "an item has a key"
    place = table.collections + partition(part)
    counted = tx.get(place)
    size = max(0, (0 if counted is None else int.from_bytes(counted)) + grown)
    if grown > 0 and size > limits.COLLECTION_BYTES_MAX:
        raise errors.ItemCollectionSizeLimitExceededException()
    if size == 0:
        if counted is not None:
            tx.delete(place)
    elif grown:
        tx.put(place, size.to_bytes(_COLLECTION_BYTES))
    return size


def entry_of(index: Index, item: Item) -> bytes:
    """The stored form of an item's entry in an index."""
    projected = index.project(item)
    return pack_item(projected, measure_item(projected))


# --- expiry


def expiry_s(item: Item | None, attribute: str) -> int | None:
    """When an item expires, in seconds since the epoch; None when it does not."""
    if item is None:
        return None
    text = item.get(attribute, {}).get("N")
    if text is None or len(text) > 15:
        return None
    seconds = int(float(text))
    return seconds if seconds > 0 else None


def expiry_key(table: Table, seconds: int, key: bytes) -> bytes:
    return table.expiries + pack((seconds, key))


def _expire(tx: Transaction, table: Table, key: bytes, old: Item | None, new: Item | None) -> None:
    assert table.time_to_live is not None
    before, after = expiry_s(old, table.time_to_live), expiry_s(new, table.time_to_live)
    if before == after:
        return
    if before is not None:
        tx.delete(expiry_key(table, before, key))
    if after is not None:
        put_expiry(tx, table, after, key)


def put_expiry(tx: Transaction, table: Table, seconds: int, key: bytes) -> None:
    """Remember when an item expires, and plan the job that removes it: one for all of the same minute."""
    tx.put(expiry_key(table, seconds, key), b"")
    due_s = -(-seconds // limits.TIME_TO_LIVE_ROUNDING_S) * limits.TIME_TO_LIVE_ROUNDING_S
    planned = table.planned_expiries + pack((due_s,))
    if tx.get(planned) is None:
        tx.put(planned, b"")
        tx.at(due_s * 1000, expiry_job(table.record))
