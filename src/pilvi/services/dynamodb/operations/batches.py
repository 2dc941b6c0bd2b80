"""Batches: many items, each for itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, cast

from pilvi.kit.call import Call
from pilvi.services.dynamodb import capacity, limits
from pilvi.services.dynamodb.capacity import Consumption
from pilvi.services.dynamodb.errors import KeyRefused, invalid
from pilvi.services.dynamodb.expressions.legacy import refuse_mixing
from pilvi.services.dynamodb.reads import projection_of, shown
from pilvi.services.dynamodb.service import dynamodb
from pilvi.services.dynamodb.tables import NO_MATCH, Table, check_name, get_table, size_of
from pilvi.services.dynamodb.wire import (
    BatchGetItemInput,
    BatchGetItemOutput,
    BatchWriteItemInput,
    BatchWriteItemOutput,
    ItemCollectionMetrics,
)
from pilvi.services.dynamodb.writes import (
    Write,
    collection_metrics,
    delete_of,
    perform,
    put_of,
)
from pilvi.store.api import Snapshot, Transaction


class Turnstile(Protocol):
    """Says which members of a batch get through, where throughput is enforced; the others are given back."""

    def admits(self, table: Table) -> bool: ...

    def note(self, table: Table, units: float, index_units: Mapping[str, float]) -> None:
        """Told of what a member that got through consumed."""
        ...


@dynamodb.read("BatchGetItem")
def batch_get_item(call: Call, at: Snapshot, req: BatchGetItemInput) -> BatchGetItemOutput:
    """Answer up to 100 items, of up to 16 MB together; keys beyond that are given back.

    Raises: ResourceNotFoundException, ValidationException.
    AWS: BatchGetItem.
    """
    return read_batch(call, at, req)


def read_batch(
    call: Call, at: Snapshot, req: BatchGetItemInput, turnstile: Turnstile | None = None
) -> BatchGetItemOutput:
    """As BatchGetItem."""
    requests = req["RequestItems"]
    for name in requests:
        check_name(call.scope, name)
    _refuse_mixed_tables(requests)
    projections = {name: projection_of(request) for name, request in requests.items()}
    if sum(len(request["Keys"]) for request in requests.values()) > limits.BATCH_GET_KEYS_MAX:
        raise invalid("Too many items requested for the BatchGetItem call")
    left = limits.BATCH_BYTES_MAX
    responses: dict[str, list[Any]] = {}
    unprocessed: dict[str, Any] = {}
    consumed: list[Consumption] = []
    for name, request in requests.items():
        projection = projections[name]
        consistent = request.get("ConsistentRead", False)
        table = get_table(at, call.scope, name)
        found = responses.setdefault(name, [])
        consumption = Consumption(table)
        consumed.append(consumption)
        wanted = [(table.key_of(attributes), attributes) for attributes in request["Keys"]]
        if len({key for key, _ in wanted}) != len(wanted):
            raise invalid("Provided list of item keys contains duplicates")
        if projection is not None and projection.nested:
            table.refuse_nested(projection.nested)
        for place, (key, _) in enumerate(wanted):
            stored = at.get(key)
            size = 0 if stored is None else size_of(stored)
            if size > left or (turnstile is not None and not turnstile.admits(table)):
                rest = [attributes for _, attributes in wanted[place:]]
                unprocessed[name] = {**request, "Keys": rest}
                left = 0 if size > left else left
                break
            left -= size
            units = capacity.read_units(size, consistent=consistent)
            consumption.add(units)
            if turnstile is not None:
                turnstile.note(table, units, {})
            if stored is not None:
                found.append(shown(stored, projection))
    result: BatchGetItemOutput = {"Responses": responses, "UnprocessedKeys": unprocessed}
    _add_consumed(req, result, consumed)
    return result


def _refuse_mixed_tables(requests: Mapping[str, Mapping[str, Any]]) -> None:
    """Raises: ValidationException when one table is asked with an expression and another without."""
    together: dict[str, bool] = {}
    for request in requests.values():
        for member in ("AttributesToGet", "ProjectionExpression"):
            if member in request:
                together[member] = True
    refuse_mixing(together, ("AttributesToGet",), ("ProjectionExpression",))


@dynamodb.write("BatchWriteItem")
def batch_write_item(call: Call, tx: Transaction, req: BatchWriteItemInput) -> BatchWriteItemOutput:
    """Put and delete up to 25 items.

    Here they are written in one transaction, which AWS does not promise; so nothing is ever unprocessed, but where
    throughput is enforced.
    Raises: ResourceNotFoundException, ValidationException, ItemCollectionSizeLimitExceededException.
    AWS: BatchWriteItem.
    """
    return write_batch(call, tx, req)


def write_batch(
    call: Call, tx: Transaction, req: BatchWriteItemInput, turnstile: Turnstile | None = None
) -> BatchWriteItemOutput:
    """As BatchWriteItem."""
    requests = req["RequestItems"]
    for name in requests:
        check_name(call.scope, name)
    if sum(len(members) for members in requests.values()) > limits.BATCH_WRITE_ITEMS_MAX:
        raise invalid("Too many items requested for the BatchWriteItem call")
    wanted = req.get("ReturnConsumedCapacity", "NONE")
    writes: list[Write] = []
    places: list[tuple[str, Any]] = []
    for name, members in requests.items():
        writes += [_write_of(call, tx, name, member) for member in members]
        places += [(name, member) for member in members]
    if len({write.key for write in writes}) != len(writes):
        raise invalid("Provided list of item keys contains duplicates")
    consumed: dict[str, Consumption] = {}
    metrics: dict[str, list[ItemCollectionMetrics]] = {}
    unprocessed: dict[str, list[Any]] = {}
    see_old = wanted != "NONE" or turnstile is not None
    for write, (name, member) in zip(writes, places, strict=True):
        if turnstile is not None and not turnstile.admits(write.table):
            unprocessed.setdefault(name, []).append(member)
            continue
        written = perform(tx, write, call.now_ms, see_old=see_old)
        if turnstile is not None:
            turnstile.note(write.table, written.units, written.index_units or {})
        consumption = consumed.setdefault(write.table.name, Consumption(write.table))
        consumption.add(written.units, written.index_units)
        counted = collection_metrics(req, write, written)
        if counted is not None:
            metrics.setdefault(write.table.name, []).append(counted)
    result: BatchWriteItemOutput = {"UnprocessedItems": unprocessed}
    if req.get("ReturnItemCollectionMetrics") == "SIZE":
        result["ItemCollectionMetrics"] = metrics
    _add_consumed(req, result, list(consumed.values()))
    return result


def _write_of(call: Call, tx: Transaction, table: str, member: Mapping[str, Any]) -> Write:
    """Raises: ValidationException, in the words of keys also for a whole item."""
    if len(member) != 1:
        raise invalid(
            "Supplied AttributeValue has more than one datatypes set, "
            "must contain exactly one of the supported datatypes"
        )
    if "PutRequest" in member:
        try:
            return put_of(
                tx, call.scope, {"TableName": table, "Item": member["PutRequest"]["Item"]}
            )
        except KeyRefused:
            raise invalid(NO_MATCH) from None
    return delete_of(tx, call.scope, {"TableName": table, "Key": member["DeleteRequest"]["Key"]})


def _add_consumed(
    req: Mapping[str, Any], result: Mapping[str, Any], consumed: list[Consumption]
) -> None:
    wanted = req.get("ReturnConsumedCapacity", "NONE")
    if wanted != "NONE":
        cast("dict[str, Any]", result)["ConsumedCapacity"] = [
            consumption.answer(wanted) for consumption in consumed
        ]
