"""Metered handlers: DynamoDB's own, that pay for what they did, or did nothing.

The handler is asked to tell what it consumed (ReturnConsumedCapacity INDEXES, whatever the caller asked for); that is
taken from the buckets in the same transaction; then the answer is made what the caller asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final, TypeVar, cast

from pilvi.base.errors import AwsError
from pilvi.base.http import Body
from pilvi.kit.call import Call
from pilvi.kit.service import Handler
from pilvi.services.dynamodb import errors
from pilvi.services.dynamodb.metering.meter import (
    Access,
    Charge,
    Meter,
    Refusal,
    charge_of_partition,
    charges_of,
    charges_of_all,
    reason_of,
)
from pilvi.services.dynamodb.operations.batches import read_batch, write_batch
from pilvi.services.dynamodb.operations.transactions import NO_REASON, cancel_for
from pilvi.services.dynamodb.service import dynamodb
from pilvi.services.dynamodb.tables import Table, find_table, get_table
from pilvi.store.api import Snapshot, Transaction

Result = dict[str, Any]
Settle = Callable[[Call, Snapshot, Mapping[str, Any], Result], None]
T = TypeVar("T")

_ASKED: Final = "ReturnConsumedCapacity"
_TOLD: Final = "ConsumedCapacity"
_IN_DETAIL: Final = ("Table", "LocalSecondaryIndexes", "GlobalSecondaryIndexes")
_ITEMS: Final[Mapping[str, tuple[Access, str | None]]] = {
    "GetItem": ("Read", "Key"),
    "PutItem": ("Write", "Item"),
    "UpdateItem": ("Write", "Key"),
    "DeleteItem": ("Write", "Key"),
    "Query": ("Read", None),
    "Scan": ("Read", None),
}
"""Operations on one table: what they do, and the member that names one item of it."""
_STATEMENTS: Final = ("ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction")


def switch_on() -> None:
    """Meter DynamoDB in this process, for the clouds whose settings say so."""
    for name, (access, member) in _ITEMS.items():
        _replace(name, _metered(dynamodb.operations[name].handler, _settling(access, member)))
    for name in ("TransactGetItems", "TransactWriteItems"):
        _replace(name, _metered(dynamodb.operations[name].handler, _settle_transaction))
    for name in _STATEMENTS:
        _replace(name, _metered_statements(dynamodb.operations[name].handler))
    _replace("BatchGetItem", _batch_get)
    _replace("BatchWriteItem", _batch_write)


def _replace(name: str, handler: Handler) -> None:
    dynamodb.operations[name] = replace(dynamodb.operations[name], handler=handler)


def _metered(handler: Handler, settle: Settle) -> Handler:
    def run(call: Call, at: Snapshot, req: Result) -> Result:
        if not call.cloud.settings.enforce_throughput:
            return handler(call, at, req)
        with _detailed(req) as wanted:
            try:
                result: Result = handler(call, at, req)
            except errors.ConditionalCheckFailedException:
                _charge_failure(call, at, req)
                raise
        settle(call, at, req, result)
        return _reduced(result, wanted)

    return run


def _metered_statements(handler: Handler) -> Handler:
    async def run(call: Call, req: Result, body: Body) -> Result:
        if not call.cloud.settings.enforce_throughput:
            return await handler(call, req, body)
        members = {name: getattr(call, name) for name in Call.__struct_fields__}
        metered = _MeteredCall(**members, told=req)
        with _detailed(req) as wanted:
            result: Result = await handler(metered, req, body)
        return _reduced(result, wanted)

    return run


class _MeteredCall(Call, kw_only=True):
    """A call whose transactions pay before they end, for handlers that open their own. `told`: the request."""

    told: Mapping[str, Any]

    async def view(self, body: Callable[[Snapshot], T]) -> T:
        return await Call.view(self, lambda at: self._paid(at, body(at)))

    async def transact(self, body: Callable[[Transaction], T]) -> T:
        return await Call.transact(self, lambda tx: self._paid(tx, body(tx)))

    def _paid(self, at: Snapshot, result: T) -> T:
        _settle_statements(self, at, self.told, cast("Result", result))
        return result


# --- what the caller asked for, and what the handler is asked for


@contextmanager
def _detailed(req: Result) -> Generator[str]:
    """Have the request ask for what each index consumed. Gives what it asked for."""
    wanted: str | None = req.get(_ASKED)
    req[_ASKED] = "INDEXES"
    try:
        yield wanted or "NONE"
    finally:
        if wanted is None:
            del req[_ASKED]
        else:
            req[_ASKED] = wanted


def _reduced(result: Result, wanted: str) -> Result:
    if wanted == "NONE":
        result.pop(_TOLD, None)
    elif wanted == "TOTAL":
        for told in _consumed(result):
            for member in _IN_DETAIL:
                told.pop(member, None)
    return result


def _consumed(result: Result) -> Sequence[Result]:
    told = result.get(_TOLD, [])
    return cast("list[Result]", told) if isinstance(told, list) else [told]


def _charges_for(table: Table, told: Result, access: Access) -> list[Charge]:
    indexes = {
        name: capacity["CapacityUnits"]
        for member in ("LocalSecondaryIndexes", "GlobalSecondaryIndexes")
        for name, capacity in told.get(member, {}).items()
    }
    return charges_of(table, access, told["Table"]["CapacityUnits"], indexes)


# --- paying


def _meter(call: Call) -> Meter:
    return call.cloud.ask(Meter)


def _settling(access: Access, member: str | None) -> Settle:
    def settle(call: Call, at: Snapshot, req: Mapping[str, Any], result: Result) -> None:
        table = get_table(at, call.scope, req["TableName"])
        (told,) = _consumed(result)
        charges = _charges_for(table, told, access)
        if member is not None:
            part = table.hash.part(req[member][table.hash.name])
            units = told["Table"]["CapacityUnits"]
            charges.append(charge_of_partition(table, access, units, part or b""))
        _pay(call, charges)

    return settle


def _pay(call: Call, charges: list[Charge]) -> None:
    """Raises: the throttling error."""
    refusal = _meter(call).spend(call.now_ms, charges)
    if refusal is not None:
        raise refusal.error()


def _charge_failure(call: Call, at: Snapshot, req: Mapping[str, Any]) -> None:
    """A condition that failed costs a write unit, too. (AWS: as many as the item that is there would.)"""
    table = get_table(at, call.scope, req["TableName"])
    _pay(call, charges_of(table, "Write", 1.0, {}))


def _settle_statements(call: Call, at: Snapshot, req: Mapping[str, Any], result: Result) -> None:
    if "TransactStatements" in req:
        texts = [one["Statement"] for one in req["TransactStatements"]]
        _settle_all(call, at, result, lambda refusal, _: [reason_of(refusal) for _ in texts])
        return
    texts = (
        [req["Statement"]]
        if "Statement" in req
        else [one["Statement"] for one in req["Statements"]]
    )
    access: Access = "Read" if texts[0].lstrip()[:6].upper() == "SELECT" else "Write"
    charges: list[Charge] = []
    for told in _consumed(result):
        table = get_table(at, call.scope, told["TableName"])
        charges += _charges_for(table, told, access)
    _pay(call, charges)


def _settle_transaction(call: Call, at: Snapshot, req: Mapping[str, Any], result: Result) -> None:
    def reasons(refusal: Refusal, throttled: Table) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for member in req["TransactItems"]:
            (asked,) = member.values()
            table = find_table(at, call.scope, asked["TableName"])
            found.append(
                reason_of(refusal)
                if table is not None and table.arn == throttled.arn
                else dict(NO_REASON)
            )
        return found

    _settle_all(call, at, result, reasons)


def _settle_all(
    call: Call,
    at: Snapshot,
    result: Result,
    reasons: Callable[[Refusal, Table], list[dict[str, Any]]],
) -> None:
    """Raises: TransactionCanceledException."""
    charges: list[Charge] = []
    tables: list[Table] = []
    for told in _consumed(result):
        table = get_table(at, call.scope, told["TableName"])
        access: Access = "Read" if "ReadCapacityUnits" in told else "Write"
        charges += _charges_for(table, told, access)
        tables.append(table)
    refusal = _meter(call).spend(call.now_ms, charges)
    if refusal is None:
        return
    throttled = next(table for table in tables if refusal.resource.startswith(table.arn))
    given = reasons(refusal, throttled)
    cancel_for([NO_REASON if reason == NO_REASON else reason for reason in given])


# --- batches, whose members get through each for itself


class _Turnstile:
    """Lets the members of a batch through while there is something left, and charges for each."""

    def __init__(self, call: Call, access: Access) -> None:
        self._call = call
        self._access: Access = access
        self._meter = _meter(call)
        self.passed = 0
        self.refusal: Refusal | None = None

    def admits(self, table: Table) -> bool:
        refusal = self._meter.spend(self._call.now_ms, charges_of_all(table, self._access))
        self.refusal = self.refusal or refusal
        return refusal is None

    def note(self, table: Table, units: float, index_units: Mapping[str, float]) -> None:
        self.passed += 1
        charges = charges_of(table, self._access, units, index_units)
        self._meter.spend(self._call.now_ms, charges, owing=True)

    def error(self) -> AwsError | None:
        """For a batch of which nothing got through."""
        return None if self.passed or self.refusal is None else self.refusal.error()


def _batch_get(call: Call, at: Snapshot, req: Any) -> Any:
    return _batch(call, at, req, "Read", read_batch)


def _batch_write(call: Call, tx: Transaction, req: Any) -> Any:
    return _batch(call, tx, req, "Write", write_batch)


def _batch(call: Call, at: Any, req: Any, access: Access, run: Callable[..., Any]) -> Any:
    if not call.cloud.settings.enforce_throughput:
        return run(call, at, req)
    turnstile = _Turnstile(call, access)
    result = run(call, at, req, turnstile)
    error = turnstile.error()
    if error is not None:
        raise error
    return result
