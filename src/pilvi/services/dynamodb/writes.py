"""Writing one item: what PutItem, UpdateItem, DeleteItem, their batches and transactions have in common.

A request is first made a `Write` (everything checked that needs no item), then performed. In the same transaction as
the item is written what its table keeps beside it (`maintaining.py`), and

1. in a table with a stream, each change of an item has one record there, and nothing else has;
2. in a table whose history is kept, what an item was before each change is in its log;
3. in a replica of a global table, each write of an item is noted for the other regions (`replicas/`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pilvi.base.arn import Scope
from pilvi.services.dynamodb import capacity, errors, limits
from pilvi.services.dynamodb.errors import (
    SerializationException,
    invalid,
    refused,
    refused_values,
)
from pilvi.services.dynamodb.expressions.conditions import Test
from pilvi.services.dynamodb.expressions.legacy import attribute_updates, expected, refuse_mixing
from pilvi.services.dynamodb.expressions.programs import Program, placeholders_of
from pilvi.services.dynamodb.expressions.updates import Update
from pilvi.services.dynamodb.history.writing import note
from pilvi.services.dynamodb.maintaining import count_collection, maintain
from pilvi.services.dynamodb.replicas.noting import note as note_for_others
from pilvi.services.dynamodb.streams.writing import append
from pilvi.services.dynamodb.tables import (
    Table,
    check_name,
    fragment_of,
    get_table,
    item_of,
    pack_item,
    size_of,
)
from pilvi.services.dynamodb.values import Item, measure_item, measure_key
from pilvi.services.dynamodb.wire import ItemCollectionMetrics
from pilvi.store.api import Snapshot, Transaction

Kind = Literal["Put", "Update", "Delete", "Check"]

_PLAIN_MEMBERS = 2
"""TableName and Item, or Key: a request of no more members has nothing else to be looked for."""
_GIGABYTE = 1024 * 1024 * 1024
_CONDITION = ("ConditionExpression",)
_UPDATE = ("UpdateExpression", "ConditionExpression")
_EXPECTING = ("Expected", "ConditionalOperator")
_UPDATING = ("AttributeUpdates", *_EXPECTING)


@dataclass(slots=True)
class Write:
    """One item to be written or checked."""

    kind: Kind
    table: Table
    key: bytes
    condition: Program[Test] | None
    values: Item
    item: Item
    """Put: the new item. Else the key, with which an updated item begins that is not there yet."""
    size: int = 0
    update: Program[Update] | None = None
    show_failed: bool = False
    """Whether a failed condition shows the item (ReturnValuesOnConditionCheckFailure)."""
    overhead: int = 0
    """What is counted besides the attributes that an update writes; 0 where only the whole item is counted."""
    fresh: bool = False
    """A Put whose condition is that the item is not there yet, and which says so when it is."""
    by_service: bool = False
    """Whether time to live writes, and not a user."""
    stamp: int | None = None
    """Of a write that was made in another region; None of one that is made here."""


@dataclass(slots=True)
class Written:
    """What became of a `Write`. Values are stored forms; items are decoded only where they were needed."""

    old: bytes | None
    new: bytes | None
    old_item: Item | None = None
    new_item: Item | None = None
    index_units: Mapping[str, float] | None = None
    """Write units of each index that changed."""
    collection_bytes: int | None = None
    """Of the partition key, in a table with local indexes."""

    @property
    def units(self) -> float:
        """Write units of the table: of the larger of the two items."""
        return capacity.write_units(
            max(
                0 if self.old is None else size_of(self.old),
                0 if self.new is None else size_of(self.new),
            )
        )


class ConditionFailed(Exception):
    """The item did not satisfy the condition; `item` is its stored form."""

    def __init__(self, write: Write, item: bytes | None) -> None:
        self.write = write
        self.item = item
        super().__init__()


# --- from requests: PutItem's and so on, or the members of TransactWriteItems, which are named alike


def put_of(at: Snapshot, scope: Scope, req: Mapping[str, Any]) -> Write:
    """Raises: ValidationException, ResourceNotFoundException."""
    check_name(scope, req["TableName"])
    more = len(req) > _PLAIN_MEMBERS
    legacy = more and refuse_mixing(req, _EXPECTING, _CONDITION)
    item = req["Item"]
    if not isinstance(item, dict):
        raise SerializationException(detail="Unexpected value type in payload")
    size = measure_item(item)  # pyright: ignore[reportUnknownArgumentType]: checked by measure_item
    if more:
        _refuse_other_return_values(req)
    if size > limits.ITEM_BYTES_MAX:
        raise invalid("Item size has exceeded the maximum allowed size")
    condition: Program[Test] | None = None
    values: Item = {}
    show_failed = False
    if more:
        condition, values = _condition_of(req, legacy=legacy)
        show_failed = _shows_failed(req)
    table = get_table(at, scope, req["TableName"])
    key = table.item_key(item)  # pyright: ignore[reportUnknownArgumentType]
    if table.index_keys:
        table.check_index_keys(item)  # pyright: ignore[reportUnknownArgumentType]
    if condition is not None and condition.nested:
        table.refuse_nested(condition.nested)
    return Write(
        "Put",
        table,
        key,
        condition,
        values,
        item,  # pyright: ignore[reportUnknownArgumentType]
        size,
        show_failed=show_failed,
    )


def delete_of(at: Snapshot, scope: Scope, req: Mapping[str, Any]) -> Write:
    """Raises: ValidationException, ResourceNotFoundException."""
    check_name(scope, req["TableName"])
    condition: Program[Test] | None = None
    values: Item = {}
    if len(req) > _PLAIN_MEMBERS:
        legacy = refuse_mixing(req, _EXPECTING, _CONDITION)
        try:
            _refuse_other_return_values(req)
            condition, values = _condition_of(req, legacy=legacy)
        except errors.ValidationException:
            measure_key(req["Key"])
            raise
    table = get_table(at, scope, req["TableName"])
    key = table.key_of(req["Key"])
    if condition is not None and condition.nested:
        table.refuse_nested(condition.nested)
    return Write(
        "Delete", table, key, condition, values, req["Key"], show_failed=_shows_failed(req)
    )


def check_of(at: Snapshot, scope: Scope, req: Mapping[str, Any]) -> Write:
    """Raises: ValidationException, ResourceNotFoundException."""
    write = delete_of(at, scope, req)
    write.kind = "Check"
    return write


def update_of(at: Snapshot, scope: Scope, req: Mapping[str, Any]) -> Write:
    """Raises: ValidationException, ResourceNotFoundException."""
    check_name(scope, req["TableName"])
    legacy = refuse_mixing(req, _UPDATING, _UPDATE)
    try:
        update, condition, values = _update_and_condition(req, legacy=legacy)
    except errors.ValidationException:
        measure_key(req["Key"])
        raise
    table = get_table(at, scope, req["TableName"])
    key = table.key_of(req["Key"])
    if update is not None:
        for name in table.key_names:
            if name in update.run.attributes:
                raise refused_values(
                    f"Cannot update attribute {name}. This attribute is part of the key"
                )
        if table.index_keys:
            table.check_index_literals(update.run.literals, values)
        if update.nested:
            table.refuse_nested(update.nested)
    if condition is not None and condition.nested:
        table.refuse_nested(condition.nested)
    return Write(
        "Update",
        table,
        key,
        condition,
        values,
        req["Key"],
        update=update,
        show_failed=_shows_failed(req),
    )


_Updating = tuple[Program[Update] | None, Program[Test] | None, Item]


def _update_and_condition(req: Mapping[str, Any], *, legacy: bool) -> _Updating:
    """Raises: ValidationException."""
    placeholders = placeholders_of(
        req,
        req.get("ExpressionAttributeNames"),
        req.get("ExpressionAttributeValues"),
        _UPDATE,
    )
    if legacy:
        update, values = attribute_updates(req.get("AttributeUpdates") or {})
        condition, more = expected(req)
        return update, condition, {**values, **more}
    text = req.get("UpdateExpression")
    update = None if text is None else placeholders.update(text)
    text = req.get("ConditionExpression")
    condition = None if text is None else placeholders.condition(text)
    placeholders.refuse_unused()
    return update, condition, placeholders.values


def _condition_of(req: Mapping[str, Any], *, legacy: bool) -> tuple[Program[Test] | None, Item]:
    names, values = req.get("ExpressionAttributeNames"), req.get("ExpressionAttributeValues")
    text = req.get("ConditionExpression")
    if text is None and names is None and values is None:
        return expected(req) if legacy else (None, {})
    placeholders = placeholders_of(req, names, values, _CONDITION)
    condition = placeholders.condition(text or "")
    placeholders.refuse_unused()
    return condition, placeholders.values


def _shows_failed(req: Mapping[str, Any]) -> bool:
    return req.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"


def _refuse_other_return_values(req: Mapping[str, Any]) -> None:
    if req.get("ReturnValues", "NONE") not in ("NONE", "ALL_OLD"):
        raise invalid("ReturnValues can only be ALL_OLD or NONE")


# --- performing


def perform(tx: Transaction, write: Write, now_ms: int, *, see_old: bool = True) -> Written:
    """Check the condition, make the new item, write it and all that follows from it.

    `see_old`: whether the caller wants to know what was there; else a plain Put need not look.
    Raises: ConditionFailed; ValidationException from an update that the item does not allow.
    """
    written = prepare(tx, write, see_old=see_old)
    if write.kind != "Check":
        apply(tx, write, written, now_ms)
    return written


def prepare(at: Snapshot, write: Write, *, see_old: bool = True) -> Written:
    """All of `perform` but the writing."""
    table = write.table
    condition = write.condition
    if not see_old and condition is None and write.kind != "Update" and not table.maintained:
        old = None
    else:
        old = at.get(write.key)
    old_item = None
    if condition is not None:
        old_item = {} if old is None else item_of(old)
        if not condition.run(old_item, write.values):
            raise ConditionFailed(write, old)
        if old is None:
            old_item = None
    if write.kind == "Put":
        return Written(old, pack_item(write.item, write.size), old_item, write.item)
    if write.kind == "Update":
        return _updated(write, old, old_item)
    return Written(old, None, old_item)


def _updated(write: Write, old: bytes | None, old_item: Item | None) -> Written:
    size = 0
    if old is None:
        item = dict(write.item)
        size = measure_item(item)
    elif old_item is not None and not write.table.maintained:
        item, old_item = old_item, None
    else:
        item = item_of(old)
    if old is not None:
        size = size_of(old)
    written = 0
    if write.update is not None:
        update = write.update.run
        size -= measure_item(_part_of(item, update.attributes))
        update.apply(item, write.values)
        written = measure_item(_part_of(item, update.attributes))
        size += written
        if write.table.index_keys:
            write.table.check_updated_index_keys(item, update.attributes)
        if old is None and not update.creates:
            return Written(None, None)
    if size > limits.ITEM_BYTES_MAX or written + write.overhead > limits.ITEM_BYTES_MAX:
        raise refused("Item size to update has exceeded the maximum allowed size")
    return Written(old, pack_item(item, size), old_item, item)


def _part_of(item: Item, names: Sequence[str]) -> Item:
    return {name: item[name] for name in names if name in item}


def apply(tx: Transaction, write: Write, written: Written, now_ms: int) -> None:
    """Write what `prepare` found. Raises: ValidationException for a value that an index cannot take."""
    table, key = write.table, write.key
    if write.kind == "Update" and written.old is written.new is None:
        return  # there was nothing, and an update that only takes away makes nothing
    if table.maintained:
        if written.old is not None and written.old_item is None:
            written.old_item = item_of(written.old)
        maintained = maintain(tx, table, key, written.old_item, written.new_item, written.new)
        written.index_units = maintained.units
        if table.collections is not None:
            grown = maintained.local_bytes
            grown += 0 if written.new is None else size_of(written.new)
            grown -= 0 if written.old is None else size_of(written.old)
            attributes = written.new_item or written.old_item or write.item
            value = attributes[table.hash.name]
            written.collection_bytes = count_collection(tx, table, value, grown)
        if table.feed is not None:
            append(
                tx,
                table,
                table.feed,
                key,
                written.new_item or written.old_item or write.item,
                written.old,
                written.new,
                now_ms=now_ms,
                by_service=write.by_service,
            )
        if table.log is not None and written.new != written.old:
            place = key[table.item_key_at :]
            note(tx, table.record, table.log, place, written.old, now_ms)
        if table.replicated:
            note_for_others(tx, table, key, written.old, written.new, write.stamp, now_ms)
    if written.new is None:
        tx.delete(key)
    elif written.new != written.old:
        tx.put(key, written.new)


# --- what answers have in common


def collection_metrics(
    req: Mapping[str, Any], write: Write, written: Written
) -> ItemCollectionMetrics | None:
    """What ReturnItemCollectionMetrics asks for: in tables with local indexes, the gigabytes between which a
    partition key's size is."""
    if req.get("ReturnItemCollectionMetrics") != "SIZE" or written.collection_bytes is None:
        return None
    name = write.table.hash.name
    gigabytes = written.collection_bytes // _GIGABYTE
    return {
        "ItemCollectionKey": {name: write.item[name]},
        "SizeEstimateRangeGB": [float(gigabytes), float(gigabytes + 1)],
    }


def condition_error(
    failed: ConditionFailed,
) -> errors.ConditionalCheckFailedException | errors.DuplicateItemException:
    if failed.write.fresh:
        return errors.DuplicateItemException()
    if failed.write.show_failed and failed.item is not None:
        return errors.ConditionalCheckFailedException(members={"Item": fragment_of(failed.item)})
    return errors.ConditionalCheckFailedException()
