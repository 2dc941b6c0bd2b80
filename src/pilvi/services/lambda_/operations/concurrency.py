"""Reserved concurrency: how many invocations of a function may run at once."""

from __future__ import annotations

import msgspec

from pilvi.kit.call import Call
from pilvi.services.lambda_ import access, errors, limits, names, records
from pilvi.services.lambda_.names import FunctionName
from pilvi.services.lambda_.records import Function
from pilvi.services.lambda_.service import lambda_
from pilvi.services.lambda_.wire import (
    Concurrency,
    DeleteFunctionConcurrencyRequest,
    GetFunctionConcurrencyRequest,
    GetFunctionConcurrencyResponse,
    PutFunctionConcurrencyRequest,
)
from pilvi.store.api import Snapshot, Transaction


@lambda_.write("PutFunctionConcurrency")
def put_function_concurrency(
    call: Call, tx: Transaction, req: PutFunctionConcurrencyRequest
) -> Concurrency:
    """Reserve a part of the account's concurrency for a function, and hold it to that.

    Raises: ResourceNotFoundException, InvalidParameterValueException. AWS: PutFunctionConcurrency.
    """
    name = access.unqualified(call, req["FunctionName"])
    function = _get(tx, name)
    wanted = req["ReservedConcurrentExecutions"]
    others = sum(
        one.taken
        for one in records.functions.scan(tx, records.home(name.scope))
        if one.name != function.name
    )
    if wanted and limits.CONCURRENCY - others - wanted < limits.UNRESERVED_CONCURRENCY_MIN:
        raise errors.NoRoom(
            detail="Specified ReservedConcurrentExecutions for function decreases account's"
            " UnreservedConcurrentExecution below its minimum value of"
            f" [{limits.UNRESERVED_CONCURRENCY_MIN}]."
        )
    if wanted < function.provisioned:
        raise errors.NoRoom(
            detail=f" ReservedConcurrentExecutions  {wanted} should not be lower than function's"
            f" total provisioned concurrency [{function.provisioned}]."
        )
    changed = msgspec.structs.replace(function, reserved_concurrency=wanted)
    records.put_function(tx, name.scope, changed)
    return {"ReservedConcurrentExecutions": wanted}


@lambda_.read("GetFunctionConcurrency")
def get_function_concurrency(
    call: Call, at: Snapshot, req: GetFunctionConcurrencyRequest
) -> GetFunctionConcurrencyResponse:
    """Raises: ResourceNotFoundException. AWS: GetFunctionConcurrency."""
    name = access.unqualified(call, req["FunctionName"])
    reserved = _get(at, name).reserved_concurrency
    return {} if reserved is None else {"ReservedConcurrentExecutions": reserved}


@lambda_.write("DeleteFunctionConcurrency")
def delete_function_concurrency(
    call: Call, tx: Transaction, req: DeleteFunctionConcurrencyRequest
) -> dict[str, object]:
    """Raises: ResourceNotFoundException. AWS: DeleteFunctionConcurrency."""
    name = access.unqualified(call, req["FunctionName"])
    function = _get(tx, name)
    changed = msgspec.structs.replace(function, reserved_concurrency=None)
    records.put_function(tx, name.scope, changed)
    return {}


def _get(at: Snapshot, name: FunctionName) -> Function:
    """These operations name the version in their refusal."""
    return records.get_function(at, FunctionName(name.scope, name.name, names.LATEST))
