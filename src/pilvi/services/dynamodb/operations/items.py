"""One item: put, get, update, delete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pilvi.kit.call import Call
from pilvi.services.dynamodb import capacity
from pilvi.services.dynamodb.capacity import Consumption
from pilvi.services.dynamodb.errors import ValidationException
from pilvi.services.dynamodb.expressions.programs import touched_projection
from pilvi.services.dynamodb.reads import projection_of, shown
from pilvi.services.dynamodb.service import dynamodb
from pilvi.services.dynamodb.tables import (
    check_name,
    fragment_of,
    get_table,
    item_of,
    size_of,
)
from pilvi.services.dynamodb.values import measure_key
from pilvi.services.dynamodb.wire import (
    DeleteItemInput,
    DeleteItemOutput,
    GetItemInput,
    GetItemOutput,
    PutItemInput,
    PutItemOutput,
    UpdateItemInput,
    UpdateItemOutput,
)
from pilvi.services.dynamodb.writes import (
    ConditionFailed,
    Write,
    Written,
    collection_metrics,
    condition_error,
    delete_of,
    perform,
    put_of,
    update_of,
)
from pilvi.store.api import Snapshot, Transaction

_PLAIN_MEMBERS = 2
"""TableName with Key or Item. Most requests have no others, and need not be searched for them."""


@dynamodb.read("GetItem")
def get_item(call: Call, at: Snapshot, req: GetItemInput) -> GetItemOutput:
    """Answer one item, or nothing.

    Every read is consistent here; ConsistentRead only doubles what is billed.
    Raises: ResourceNotFoundException, ValidationException (key, projection).
    AWS: GetItem.
    """
    if len(req) == _PLAIN_MEMBERS:
        stored = at.get(get_table(at, call.scope, req["TableName"]).key_of(req["Key"]))
        return {} if stored is None else {"Item": fragment_of(stored)}
    check_name(call.scope, req["TableName"])
    try:
        projection = projection_of(req)
    except ValidationException:
        measure_key(req["Key"])
        raise
    table = get_table(at, call.scope, req["TableName"])
    consistent = req.get("ConsistentRead", False)
    key = table.key_of(req["Key"])
    if projection is not None and projection.nested:
        table.refuse_nested(projection.nested)
    stored = at.get(key)
    result: GetItemOutput = {}
    if stored is not None:
        result["Item"] = shown(stored, projection)
    wanted = req.get("ReturnConsumedCapacity", "NONE")
    if wanted != "NONE":
        consumption = Consumption(table)
        size = 0 if stored is None else size_of(stored)
        consumption.add(capacity.read_units(size, consistent=consistent))
        result["ConsumedCapacity"] = consumption.answer(wanted)
    return result


@dynamodb.write("PutItem")
def put_item(call: Call, tx: Transaction, req: PutItemInput) -> PutItemOutput:
    """Put one item in the place of any other of the same key.

    Raises: ConditionalCheckFailedException, ResourceNotFoundException, ValidationException.
    AWS: PutItem.
    """
    if len(req) == _PLAIN_MEMBERS:
        perform(tx, put_of(tx, call.scope, req), call.now_ms, see_old=False)
        return {}
    write = put_of(tx, call.scope, req)
    returned = req.get("ReturnValues", "NONE")
    wanted = req.get("ReturnConsumedCapacity", "NONE")
    written = _perform(tx, write, call.now_ms, see_old=returned != "NONE" or wanted != "NONE")
    return _answer(req, write, written, returned, wanted)


@dynamodb.write("DeleteItem")
def delete_item(call: Call, tx: Transaction, req: DeleteItemInput) -> DeleteItemOutput:
    """Delete one item; also well when there is none.

    Raises: ConditionalCheckFailedException, ResourceNotFoundException, ValidationException.
    AWS: DeleteItem.
    """
    write = delete_of(tx, call.scope, req)
    returned = req.get("ReturnValues", "NONE")
    wanted = req.get("ReturnConsumedCapacity", "NONE")
    written = _perform(tx, write, call.now_ms, see_old=returned != "NONE" or wanted != "NONE")
    return _answer(req, write, written, returned, wanted)


@dynamodb.write("UpdateItem")
def update_item(call: Call, tx: Transaction, req: UpdateItemInput) -> UpdateItemOutput:
    """Change attributes of one item, which begins as its key when there is none.

    Raises: ConditionalCheckFailedException, ResourceNotFoundException, ValidationException.
    AWS: UpdateItem; Developer Guide, "Using update expressions in DynamoDB".
    """
    write = update_of(tx, call.scope, req)
    if write.update is not None:
        write.overhead = write.update.run.overhead
    returned = req.get("ReturnValues", "NONE")
    wanted = req.get("ReturnConsumedCapacity", "NONE")
    return _answer(req, write, _perform(tx, write, call.now_ms), returned, wanted)


def _perform(tx: Transaction, write: Write, now_ms: int, *, see_old: bool = True) -> Written:
    try:
        return perform(tx, write, now_ms, see_old=see_old)
    except ConditionFailed as failed:
        raise condition_error(failed) from None


def _answer(
    req: Mapping[str, Any], write: Write, written: Written, returned: str, wanted: str
) -> UpdateItemOutput:
    """The members are the same for all three writes."""
    result: UpdateItemOutput = {}
    if returned != "NONE":
        stored = written.old if returned.endswith("OLD") else written.new
        if stored is not None:
            if returned.startswith("ALL"):
                result["Attributes"] = fragment_of(stored)
            elif write.update is not None:
                touched = touched_projection(write.update.run.paths)(item_of(stored))
                if touched:
                    result["Attributes"] = touched
    metrics = collection_metrics(req, write, written)
    if metrics is not None:
        result["ItemCollectionMetrics"] = metrics
    if wanted != "NONE":
        consumption = Consumption(write.table)
        consumption.add(written.units, written.index_units)
        result["ConsumedCapacity"] = consumption.answer(wanted)
    return result
