"""PartiQL: one statement, a batch, a transaction.

Only the statements tell whether something is written. So the operations choose themselves between a view and a
transaction, and read all members of their requests before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from pilvi.base.errors import AwsError
from pilvi.base.http import Body
from pilvi.kit.audit import WatchedRequest
from pilvi.kit.call import Call
from pilvi.languages.partiql import syntax
from pilvi.services.dynamodb import capacity, errors, limits
from pilvi.services.dynamodb.capacity import Consumption
from pilvi.services.dynamodb.errors import ValidationException, invalid
from pilvi.services.dynamodb.operations.transactions import (
    DUPLICATE,
    NO_REASON,
    TOO_LARGE,
    consumed_again,
    consumed_answer,
    seen_before,
    wants_consumed,
    write_all,
)
from pilvi.services.dynamodb.partiql.access import in_transaction
from pilvi.services.dynamodb.partiql.binding import parsed
from pilvi.services.dynamodb.partiql.reading import (
    Plan,
    mark_of,
    plan_select,
    read_selected,
    shown,
    single_key,
)
from pilvi.services.dynamodb.partiql_writes import Writing, returned, write_of
from pilvi.services.dynamodb.service import dynamodb
from pilvi.services.dynamodb.tables import size_of
from pilvi.services.dynamodb.wire import (
    BatchExecuteStatementOutput,
    BatchStatementError,
    BatchStatementResponse,
    ExecuteStatementOutput,
    ExecuteTransactionOutput,
    ItemResponse,
)
from pilvi.services.dynamodb.writes import (
    ConditionFailed,
    Write,
    apply,
    condition_error,
    perform,
    prepare,
)
from pilvi.store.api import Snapshot, Transaction

_EXISTS_ALONE: Final = "EXISTS can only be used in ExecuteTransaction write requests."
_ONE_BY_KEY: Final = "Select statements within {} must specify the primary key in the where clause."


@dynamodb.stream("ExecuteStatement")
async def execute_statement(call: Call, req: WatchedRequest, body: Body) -> ExecuteStatementOutput:
    """Run one statement: a SELECT reads a page, the others write one item.

    Raises: ConditionalCheckFailedException, DuplicateItemException, ResourceNotFoundException, ValidationException.
    AWS: ExecuteStatement; Developer Guide, "PartiQL - a SQL-compatible query language for Amazon DynamoDB".
    """
    statement = parsed(req["Statement"])
    parameters: list[Any] = req.get("Parameters", [])
    consistent: bool = req.get("ConsistentRead", False)
    token: str | None = req.get("NextToken")
    limit: int | None = req.get("Limit")
    wanted: str = req.get("ReturnConsumedCapacity", "NONE")
    show_failed: bool = req.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
    mark = mark_of(call.scope, req)
    if isinstance(statement, syntax.Exists):
        raise invalid(_EXISTS_ALONE)

    def read(at: Snapshot, select: syntax.Select) -> ExecuteStatementOutput:
        plan = plan_select(at, call.scope, select, parameters, consistent=consistent)
        found = read_selected(at, plan, consistent=consistent, limit=limit, token=token, mark=mark)
        result: ExecuteStatementOutput = {"Items": found.items}
        if found.token is not None:
            result["NextToken"] = found.token
        if found.last_key is not None:
            result["LastEvaluatedKey"] = found.last_key
        if wanted != "NONE":
            result["ConsumedCapacity"] = found.consumption.answer(wanted)
        return result

    def change(tx: Transaction, writing: Writing) -> ExecuteStatementOutput:
        write = write_of(tx, call.scope, writing, parameters, show_failed=show_failed)
        try:
            written = perform(tx, write, call.now_ms)
        except ConditionFailed as failed:
            raise condition_error(failed) from None
        item = returned(writing, write, written)
        result: ExecuteStatementOutput = {"Items": [] if item is None else [item]}
        if wanted != "NONE":
            consumption = Consumption(write.table)
            consumption.add(written.units, written.index_units)
            result["ConsumedCapacity"] = consumption.answer(wanted)
        return result

    if isinstance(statement, syntax.Select):
        select = statement
        return await call.view(lambda at: read(at, select))
    writing = statement
    return await call.transact(lambda tx: change(tx, writing))


# --- batches

_Code = Literal["ConditionalCheckFailed", "DuplicateItem", "ResourceNotFound"]
_CODES: Final[Mapping[type[AwsError], _Code]] = {
    errors.ConditionalCheckFailedException: "ConditionalCheckFailed",
    errors.DuplicateItemException: "DuplicateItem",
    errors.ResourceNotFoundException: "ResourceNotFound",
}
"""What a batch calls the errors of its members; all others are ValidationError."""


@dataclass(frozen=True, slots=True)
class _Member:
    """`statement`: or what is wrong with it."""

    statement: syntax.Statement | ValidationException
    parameters: list[Any]
    consistent: bool
    show_failed: bool


@dynamodb.stream("BatchExecuteStatement")
async def batch_execute_statement(
    call: Call, req: WatchedRequest, body: Body
) -> BatchExecuteStatementOutput:
    """Run up to 25 statements, each for itself: all of them read single items, or all of them write.

    Here they are written in one transaction, which AWS does not promise.
    Differs: who may not run one of them is refused the whole batch, instead of an error for that statement.
    Raises: ValidationException. AWS: BatchExecuteStatement; Developer Guide, "Running batch operations with PartiQL".
    """
    wanted: str = req.get("ReturnConsumedCapacity", "NONE")
    members = [_member_of(given) for given in req["Statements"]]
    reading = {
        isinstance(one.statement, syntax.Select)
        for one in members
        if not isinstance(one.statement, ValidationException)
    }
    if len(reading) > 1:
        raise invalid(
            "BatchExecuteStatement API does not support both read and write operations in the same "
            "request."
        )

    def run(
        act: Callable[[_Member, _Consumed], BatchStatementResponse],
    ) -> BatchExecuteStatementOutput:
        consumed: _Consumed = {}
        responses = [_response(act, one, consumed) for one in members]
        result: BatchExecuteStatementOutput = {"Responses": responses}
        if wanted != "NONE":
            result["ConsumedCapacity"] = [one.answer(wanted) for one in consumed.values()]
        return result

    if reading == {False}:
        return await call.transact(
            lambda tx: run(lambda one, consumed: _write_member(call, tx, one, consumed))
        )
    return await call.view(
        lambda at: run(lambda one, consumed: _read_member(call, at, one, consumed))
    )


_Consumed = dict[str, Consumption]
"""By the table's name."""


def _member_of(given: Mapping[str, Any]) -> _Member:
    text: str = given["Statement"]
    try:
        statement: syntax.Statement | ValidationException = parsed(text)
    except ValidationException as error:
        statement = error
    return _Member(
        statement,
        given.get("Parameters", []),
        given.get("ConsistentRead", False),
        given.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD",
    )


def _response(
    act: Callable[[_Member, _Consumed], BatchStatementResponse],
    member: _Member,
    consumed: _Consumed,
) -> BatchStatementResponse:
    try:
        return act(member, consumed)
    except (
        errors.ConditionalCheckFailedException,
        errors.DuplicateItemException,
        errors.ResourceNotFoundException,
        ValidationException,
    ) as error:
        code = next((code for kind, code in _CODES.items() if isinstance(error, kind)), None)
        told: BatchStatementError = {"Code": code or "ValidationError", "Message": error.text}
        if "Item" in error.members:
            told["Item"] = error.members["Item"]
        return {"Error": told}


def _read_member(
    call: Call, at: Snapshot, member: _Member, consumed: _Consumed
) -> BatchStatementResponse:
    """Raises: ResourceNotFoundException, ValidationException."""
    statement = member.statement
    if isinstance(statement, ValidationException):
        raise statement
    assert isinstance(statement, syntax.Select), statement
    consistent = member.consistent
    plan = plan_select(at, call.scope, statement, member.parameters, consistent=consistent)
    key = single_key(plan)
    if key is None:
        raise invalid(_ONE_BY_KEY.format("BatchExecuteStatement"))
    table = plan.source.table
    stored = at.get(key)
    size = 0 if stored is None else size_of(stored)
    consumption = consumed.setdefault(table.name, Consumption(table))
    consumption.add(capacity.read_units(size, consistent=consistent))
    result: BatchStatementResponse = {"TableName": table.name}
    if stored is not None:
        result["Item"] = shown(plan, stored)
    return result


def _write_member(
    call: Call, tx: Transaction, member: _Member, consumed: _Consumed
) -> BatchStatementResponse:
    """Whatever can be wrong with it is found before anything is written.

    Raises: ConditionalCheckFailedException, DuplicateItemException, ResourceNotFoundException, ValidationException;
        ItemCollectionSizeLimitExceededException, which ends the batch.
    """
    statement = member.statement
    if isinstance(statement, ValidationException):
        raise statement
    assert not isinstance(statement, syntax.Select), statement
    if isinstance(statement, syntax.Exists):
        raise invalid(_EXISTS_ALONE)
    write = write_of(tx, call.scope, statement, member.parameters, show_failed=member.show_failed)
    try:
        written = prepare(tx, write)
    except ConditionFailed as failed:
        raise condition_error(failed) from None
    apply(tx, write, written, call.now_ms)
    consumption = consumed.setdefault(write.table.name, Consumption(write.table))
    consumption.add(written.units, written.index_units)
    result: BatchStatementResponse = {"TableName": write.table.name}
    item = returned(statement, write, written)
    if item is not None:
        result["Item"] = item
    return result


# --- transactions


@dynamodb.stream("ExecuteTransaction")
async def execute_transaction(
    call: Call, req: WatchedRequest, body: Body
) -> ExecuteTransactionOutput:
    """Run up to 100 statements as one: all of them read single items, or all of them write or check.

    A request with a token that was seen in the last ten minutes changes nothing.
    Differs: transactions run one after another here, so none is cancelled for a conflict with another.
    Raises: TransactionCanceledException (with a reason for each statement), IdempotentParameterMismatchException,
        ResourceNotFoundException, ValidationException.
    AWS: ExecuteTransaction; Developer Guide, "Performing transactions with PartiQL for DynamoDB".
    """
    members = [_member_of(given) for given in req["TransactStatements"]]
    token: str | None = req.get("ClientRequestToken")
    req.get("ReturnConsumedCapacity")
    statements: list[syntax.Statement] = []
    for number, member in enumerate(members):
        if isinstance(member.statement, ValidationException):
            raise in_transaction(number, member.statement)
        returning = getattr(member.statement, "returning", None)
        if returning is not None:
            refusal = invalid("RETURNING clause is not supported in ExecuteTransaction.")
            raise in_transaction(number, refusal)
        statements.append(member.statement)
    selects = [one for one in statements if isinstance(one, syntax.Select)]
    writings = [one for one in statements if not isinstance(one, syntax.Select)]
    if selects and writings:
        raise invalid(
            "ExecuteTransaction API does not support both read and write operations in the same "
            "request."
        )
    if selects:
        return await call.view(lambda at: _read_all(call, at, req, members, selects))
    return await call.transact(lambda tx: _change_all(call, tx, req, members, writings, token))


def _read_all(
    call: Call,
    at: Snapshot,
    req: Mapping[str, Any],
    members: Sequence[_Member],
    selects: Sequence[syntax.Select],
) -> ExecuteTransactionOutput:
    """Raises: ResourceNotFoundException, ValidationException."""
    seen = set[bytes]()
    responses: list[ItemResponse] = []
    consumed: _Consumed = {}
    size = 0
    for number, select in enumerate(selects):
        try:
            plan, key = _single(call, at, select, members[number].parameters)
        except ValidationException as error:
            raise in_transaction(number, error) from None
        if key in seen:
            raise invalid(DUPLICATE)
        seen.add(key)
        stored = at.get(key)
        responses.append({} if stored is None else {"Item": shown(plan, stored)})
        item_size = 0 if stored is None else size_of(stored)
        size += item_size
        table = plan.source.table
        consumption = consumed.setdefault(table.name, Consumption(table))
        consumption.add(2 * capacity.read_units(item_size, consistent=True))
    if size > limits.TRANSACTION_BYTES_MAX:
        raise invalid(TOO_LARGE)
    result: ExecuteTransactionOutput = {"Responses": responses}
    if wants_consumed(req):
        result["ConsumedCapacity"] = consumed_answer(req, consumed, "ReadCapacityUnits")
    return result


def _single(
    call: Call, at: Snapshot, select: syntax.Select, parameters: Sequence[Any]
) -> tuple[Plan, bytes]:
    """Raises: ValidationException for a statement that does not name one item of a table."""
    if select.index is not None:
        raise invalid("Reads on indices are not supported within transactions.")
    plan = plan_select(at, call.scope, select, parameters, consistent=True)
    key = single_key(plan)
    if key is None:
        raise invalid(_ONE_BY_KEY.format("ExecuteTransaction"))
    return plan, key


def _change_all(
    call: Call,
    tx: Transaction,
    req: Mapping[str, Any],
    members: Sequence[_Member],
    writings: Sequence[Writing],
    token: str | None,
) -> ExecuteTransactionOutput:
    """Raises: as ExecuteTransaction."""
    reasons: list[dict[str, Any]] = [NO_REASON] * len(writings)
    writes: list[Write] = []
    for number, (member, writing) in enumerate(zip(members, writings, strict=True)):
        try:
            writes.append(
                write_of(tx, call.scope, writing, member.parameters, show_failed=member.show_failed)
            )
        except ValidationException as error:
            raise in_transaction(number, error) from None
    if len({write.key for write in writes}) != len(writes):
        raise invalid(DUPLICATE)
    result: ExecuteTransactionOutput = {"Responses": []}
    if token is not None and seen_before(call, tx, token, req["TransactStatements"]):
        if wants_consumed(req):
            again = consumed_again(tx, writes)
            result["ConsumedCapacity"] = consumed_answer(req, again, "ReadCapacityUnits")
        return result
    consumed: _Consumed = {}
    for write, done in zip(writes, write_all(tx, writes, reasons, call.now_ms), strict=True):
        consumption = consumed.setdefault(write.table.name, Consumption(write.table))
        doubled = {name: 2 * units for name, units in (done.index_units or {}).items()}
        consumption.add(2 * done.units, doubled)
    if wants_consumed(req):
        result["ConsumedCapacity"] = consumed_answer(req, consumed, "WriteCapacityUnits")
    return result
