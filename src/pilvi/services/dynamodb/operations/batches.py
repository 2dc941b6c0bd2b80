"""Batches: many items, each for itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pilvi.base.errors import NotBuilt
from pilvi.kit.call import Call
from pilvi.services.dynamodb import capacity, limits
from pilvi.services.dynamodb.capacity import Consumption
from pilvi.services.dynamodb.errors import invalid
from pilvi.services.dynamodb.reads import projection_of, shown
from pilvi.services.dynamodb.service import dynamodb
from pilvi.services.dynamodb.tables import get_table, size_of
from pilvi.services.dynamodb.wire import (
    BatchGetItemInput,
    BatchGetItemOutput,
    BatchWriteItemInput,
    BatchWriteItemOutput,
)
from pilvi.services.dynamodb.writes import (
    Write,
    delete_of,
    perform,
    put_of,
    refuse_collection_metrics,
)
from pilvi.store.api import Snapshot, Transaction


@dynamodb.read("BatchGetItem")
def batch_get_item(call: Call, at: Snapshot, req: BatchGetItemInput) -> BatchGetItemOutput:
    """Answer up to 100 items, of up to 16 MB together; keys beyond that are given back.

    Raises: ResourceNotFoundException, ValidationException.
    AWS: BatchGetItem.
    """
    requests = req["RequestItems"]
    if sum(len(request["Keys"]) for request in requests.values()) > limits.BATCH_GET_KEYS_MAX:
        raise invalid("Too many items requested for the BatchGetItem call")
    left = limits.BATCH_BYTES_MAX
    responses: dict[str, list[Any]] = {}
    unprocessed: dict[str, Any] = {}
    consumed: list[Consumption] = []
    for name, request in requests.items():
        if "AttributesToGet" in request:
            raise NotBuilt(what="the legacy member AttributesToGet of dynamodb.BatchGetItem")
        project = projection_of(request)
        consistent = request.get("ConsistentRead", False)
        table = get_table(at, call.scope, name)
        found = responses.setdefault(name, [])
        consumption = Consumption(table)
        consumed.append(consumption)
        wanted = [(table.key_of(attributes), attributes) for attributes in request["Keys"]]
        if len({key for key, _ in wanted}) != len(wanted):
            raise invalid("Provided list of item keys contains duplicates")
        for place, (key, _) in enumerate(wanted):
            stored = at.get(key)
            size = 0 if stored is None else size_of(stored)
            if size > left:
                rest = [attributes for _, attributes in wanted[place:]]
                unprocessed[name] = {**request, "Keys": rest}
                left = 0
                break
            left -= size
            consumption.add(capacity.read_units(size, consistent=consistent))
            if stored is not None:
                found.append(shown(stored, project))
    result: BatchGetItemOutput = {"Responses": responses, "UnprocessedKeys": unprocessed}
    _add_consumed(req, result, consumed)
    return result


@dynamodb.write("BatchWriteItem")
def batch_write_item(call: Call, tx: Transaction, req: BatchWriteItemInput) -> BatchWriteItemOutput:
    """Put and delete up to 25 items.

    Here they are written in one transaction, which AWS does not promise; so nothing is ever unprocessed.
    Raises: ResourceNotFoundException, ValidationException.
    AWS: BatchWriteItem.
    """
    requests = req["RequestItems"]
    if sum(len(members) for members in requests.values()) > limits.BATCH_WRITE_ITEMS_MAX:
        raise invalid("Too many items requested for the BatchWriteItem call")
    wanted = req.get("ReturnConsumedCapacity", "NONE")
    writes: list[Write] = []
    for name, members in requests.items():
        if not members:
            raise invalid("The batch write request list for a table cannot be null or empty")
        writes += [_write_of(call, tx, name, member) for member in members]
    if len({write.key for write in writes}) != len(writes):
        raise invalid("Provided list of item keys contains duplicates")
    consumed: dict[str, Consumption] = {}
    for write in writes:
        refuse_collection_metrics(req, write.table)
        written = perform(tx, write, see_old=wanted != "NONE")
        consumption = consumed.setdefault(write.table.name, Consumption(write.table))
        consumption.add(written.units, written.index_units)
    result: BatchWriteItemOutput = {"UnprocessedItems": {}}
    _add_consumed(req, result, list(consumed.values()))
    return result


def _write_of(call: Call, tx: Transaction, table: str, member: Mapping[str, Any]) -> Write:
    if len(member) != 1:
        raise invalid(
            "Supplied AttributeValue has more than one datatypes set, "
            "must contain exactly one of the supported datatypes"
            if member
            else "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
        )
    if "PutRequest" in member:
        return put_of(tx, call.scope, {"TableName": table, "Item": member["PutRequest"]["Item"]})
    return delete_of(tx, call.scope, {"TableName": table, "Key": member["DeleteRequest"]["Key"]})


def _add_consumed(
    req: Mapping[str, Any], result: Mapping[str, Any], consumed: list[Consumption]
) -> None:
    wanted = req.get("ReturnConsumedCapacity", "NONE")
    if wanted != "NONE":
        cast("dict[str, Any]", result)["ConsumedCapacity"] = [
            consumption.answer(wanted) for consumption in consumed
        ]
