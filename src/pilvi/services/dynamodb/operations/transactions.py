"""Transactions: up to 100 items, all or nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

import orjson

from pilvi.base.arn import Scope
from pilvi.kit.call import Call
from pilvi.services.dynamodb import capacity, errors, limits, records
from pilvi.services.dynamodb.capacity import Consumption
from pilvi.services.dynamodb.errors import ItemRefused, ValidationException, invalid
from pilvi.services.dynamodb.reads import projection_of, shown
from pilvi.services.dynamodb.records import TransactionToken
from pilvi.services.dynamodb.service import dynamodb
from pilvi.services.dynamodb.tables import check_name, fragment_of, get_table, size_of
from pilvi.services.dynamodb.wire import (
    ConsumedCapacity,
    ItemCollectionMetrics,
    ItemResponse,
    TransactGetItemsInput,
    TransactGetItemsOutput,
    TransactWriteItemsInput,
    TransactWriteItemsOutput,
)
from pilvi.services.dynamodb.writes import (
    ConditionFailed,
    Write,
    Written,
    apply,
    check_of,
    collection_metrics,
    delete_of,
    prepare,
    put_of,
    update_of,
)
from pilvi.store.api import Snapshot, Transaction

_MEMBERS: Final[Mapping[str, tuple[str, Callable[[Snapshot, Scope, Mapping[str, Any]], Write]]]] = {
    "Put": ("dynamodb:PutItem", put_of),
    "Update": ("dynamodb:UpdateItem", update_of),
    "Delete": ("dynamodb:DeleteItem", delete_of),
    "ConditionCheck": ("dynamodb:ConditionCheckItem", check_of),
}
"""Each kind of member: the permission it needs, and how it becomes a `Write`."""

NO_REASON: Final = {"Code": "None"}
DUPLICATE: Final = "Transaction request cannot include multiple operations on one item"
TOO_LARGE: Final = "The aggregate size of the items in the transaction exceeds the limit of 4 MB"


@dynamodb.write("TransactWriteItems")
def transact_write_items(
    call: Call, tx: Transaction, req: TransactWriteItemsInput
) -> TransactWriteItemsOutput:
    """Put, update, delete and check up to 100 items: all of it happens, or nothing.

    A request with a token that was seen in the last ten minutes changes nothing.
    Differs: transactions run one after another here, so none is cancelled for a conflict with another.
    Raises: TransactionCanceledException (with a reason for each member), IdempotentParameterMismatchException,
        ResourceNotFoundException, ValidationException.
    AWS: TransactWriteItems; Developer Guide, "Amazon DynamoDB Transactions: How it works".
    """
    members = req["TransactItems"]
    reasons: list[dict[str, Any]] = [NO_REASON] * len(members)
    writes: list[Write | None] = []
    for place, member in enumerate(members):
        kind, request = _member_of(member)
        try:
            writes.append(_MEMBERS[kind][1](tx, call.scope, request))
        except ItemRefused as error:
            reasons[place] = {"Code": "ValidationError", "Message": error.text}
            writes.append(None)
    cancel_for(reasons)
    ready = [write for write in writes if write is not None]
    if len({write.key for write in ready}) != len(ready):
        raise invalid(DUPLICATE)
    token = req.get("ClientRequestToken")
    result: TransactWriteItemsOutput = {}
    if token is not None and seen_before(call, tx, token, members):
        if wants_consumed(req):
            again = consumed_again(tx, ready)
            result["ConsumedCapacity"] = consumed_answer(req, again, "ReadCapacityUnits")
        return result
    written = write_all(tx, ready, reasons, call.now_ms)
    consumed: dict[str, Consumption] = {}
    metrics: dict[str, list[ItemCollectionMetrics]] = {}
    for write, done in zip(ready, written, strict=True):
        consumption = consumed.setdefault(write.table.name, Consumption(write.table))
        doubled = {name: 2 * units for name, units in (done.index_units or {}).items()}
        consumption.add(2 * done.units, doubled)
        counted = collection_metrics(req, write, done)
        if counted is not None:
            metrics.setdefault(write.table.name, []).append(counted)
    if wants_consumed(req):
        result["ConsumedCapacity"] = consumed_answer(req, consumed, "WriteCapacityUnits")
    if req.get("ReturnItemCollectionMetrics") == "SIZE":
        result["ItemCollectionMetrics"] = metrics
    return result


def write_all(
    tx: Transaction, writes: Sequence[Write], reasons: list[dict[str, Any]], now_ms: int
) -> list[Written]:
    """Raises: TransactionCanceledException, ValidationException."""
    written: list[Written] = []
    size = 0
    for place, write in enumerate(writes):
        try:
            done = prepare(tx, write)
        except ConditionFailed as failed:
            reasons[place] = _condition_reason(failed)
        except ValidationException as error:
            reasons[place] = {"Code": "ValidationError", "Message": error.text}
        else:
            written.append(done)
            size += max(0 if one is None else size_of(one) for one in (done.old, done.new))
    cancel_for(reasons)
    if size > limits.TRANSACTION_BYTES_MAX:
        raise invalid(TOO_LARGE)
    for place, (write, done) in enumerate(zip(writes, written, strict=True)):
        if write.kind == "Check":
            continue
        try:
            apply(tx, write, done, now_ms)
        except ItemRefused as error:
            reasons[place] = {"Code": "ValidationError", "Message": error.text}
        except errors.ItemCollectionSizeLimitExceededException as error:
            reasons[place] = {"Code": "ItemCollectionSizeLimitExceeded", "Message": error.text}
    cancel_for(reasons)
    return written


@dynamodb.read("TransactGetItems")
def transact_get_items(
    call: Call, at: Snapshot, req: TransactGetItemsInput
) -> TransactGetItemsOutput:
    """Answer up to 100 items as they were at one instant.

    Raises: ResourceNotFoundException, TransactionCanceledException, ValidationException.
    AWS: TransactGetItems.
    """
    members = req["TransactItems"]
    seen = set[bytes]()
    responses: list[ItemResponse] = []
    consumed: dict[str, Consumption] = {}
    reasons: list[dict[str, Any]] = [NO_REASON] * len(members)
    size = 0
    for place, member in enumerate(members):
        get = member["Get"]
        check_name(call.scope, get["TableName"])
        projection = projection_of(get)
        table = get_table(at, call.scope, get["TableName"])
        try:
            key = table.key_of(get["Key"])
        except ItemRefused as error:
            reasons[place] = {"Code": "ValidationError", "Message": error.text}
            continue
        if key in seen:
            raise invalid(DUPLICATE)
        seen.add(key)
        stored = at.get(key)
        responses.append({} if stored is None else {"Item": shown(stored, projection)})
        item_size = 0 if stored is None else size_of(stored)
        size += item_size
        consumption = consumed.setdefault(table.name, Consumption(table))
        consumption.add(2 * capacity.read_units(item_size, consistent=True))
    cancel_for(reasons)
    if size > limits.TRANSACTION_BYTES_MAX:
        raise invalid(TOO_LARGE)
    result: TransactGetItemsOutput = {"Responses": responses}
    if wants_consumed(req):
        result["ConsumedCapacity"] = consumed_answer(req, consumed, "ReadCapacityUnits")
    return result


def _member_of(member: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    kinds = [kind for kind in _MEMBERS if kind in member]
    if len(kinds) != 1:
        raise invalid(
            "TransactItems can only contain one of Check, Put, Update or Delete"
            if kinds
            else "Invalid Request: TransactWriteRequest should contain Delete or Put or Update request"
        )
    return kinds[0], member[kinds[0]]


def _condition_reason(failed: ConditionFailed) -> dict[str, Any]:
    if failed.write.fresh:
        return {"Code": "DuplicateItem", "Message": errors.DuplicateItemException.message}
    reason: dict[str, Any] = {
        "Code": "ConditionalCheckFailed",
        "Message": errors.ConditionalCheckFailedException.message,
    }
    if failed.write.show_failed and failed.item is not None:
        reason["Item"] = fragment_of(failed.item)
    return reason


def cancel_for(reasons: list[dict[str, Any]]) -> None:
    """Raises: TransactionCanceledException when there is any reason."""
    if any(reason is not NO_REASON for reason in reasons):
        raise errors.TransactionCanceledException(
            codes=", ".join(reason["Code"] for reason in reasons),
            members={"CancellationReasons": reasons},
        )


# --- tokens


def seen_before(call: Call, tx: Transaction, token: str, members: Any) -> bool:
    """Whether this very request was done before; else its token is remembered.

    The members are canonical by now, so a body that the store runs again has the same digest.
    Raises: IdempotentParameterMismatchException.
    """
    home = records.scope_home(call.scope)
    digest = hashlib.blake2b(orjson.dumps(members, option=orjson.OPT_SORT_KEYS)).digest()
    known = records.tokens.find(tx, home, token)
    oldest_ms = call.now_ms - limits.TOKEN_LIFE_MS
    if known is not None and known.at_ms > oldest_ms:
        if known.digest != digest:
            raise errors.IdempotentParameterMismatchException()
        return True
    for old in list(records.tokens.scan_index(tx, home, "at", limit=4)):
        if old.at_ms <= oldest_ms:
            records.tokens.delete(tx, home, old.token)
    records.tokens.put(tx, home, TransactionToken(token, digest, call.now_ms))
    return False


def consumed_again(at: Snapshot, writes: Sequence[Write]) -> dict[str, Consumption]:
    consumed: dict[str, Consumption] = {}
    for write in writes:
        stored = at.get(write.key)
        consumption = consumed.setdefault(write.table.name, Consumption(write.table))
        consumption.add(
            2 * capacity.read_units(0 if stored is None else size_of(stored), consistent=True)
        )
    return consumed


def consumed_answer(
    req: Mapping[str, Any],
    consumed: Mapping[str, Consumption],
    kind: Literal["ReadCapacityUnits", "WriteCapacityUnits"],
) -> list[ConsumedCapacity]:
    wanted = req["ReturnConsumedCapacity"]
    return [consumption.answer(wanted, kind) for consumption in consumed.values()]


def wants_consumed(req: Mapping[str, Any]) -> bool:
    return req.get("ReturnConsumedCapacity", "NONE") != "NONE"
