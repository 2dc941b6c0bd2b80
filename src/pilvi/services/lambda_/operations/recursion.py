"""Whether a function that invokes itself, by whatever way, is stopped."""

from __future__ import annotations

import msgspec

from pilvi.kit.call import Call
from pilvi.services.lambda_ import access, records
from pilvi.services.lambda_.service import lambda_
from pilvi.services.lambda_.wire import (
    GetFunctionRecursionConfigRequest,
    GetFunctionRecursionConfigResponse,
    PutFunctionRecursionConfigRequest,
    PutFunctionRecursionConfigResponse,
)
from pilvi.store.api import Snapshot, Transaction


@lambda_.write("PutFunctionRecursionConfig")
def put_function_recursion_config(
    call: Call, tx: Transaction, req: PutFunctionRecursionConfigRequest
) -> PutFunctionRecursionConfigResponse:
    """Let a function run in loops, or stop it after sixteen rounds.

    Raises: ResourceNotFoundException, InvalidParameterValueException (a qualifier). AWS: PutFunctionRecursionConfig.
    """
    name = access.unqualified(call, req["FunctionName"])
    function = records.get_function(tx, name)
    changed = msgspec.structs.replace(function, recursive_loop=req["RecursiveLoop"])
    records.put_function(tx, name.scope, changed)
    return {"RecursiveLoop": req["RecursiveLoop"]}


@lambda_.read("GetFunctionRecursionConfig")
def get_function_recursion_config(
    call: Call, at: Snapshot, req: GetFunctionRecursionConfigRequest
) -> GetFunctionRecursionConfigResponse:
    """Raises: as PutFunctionRecursionConfig. AWS: GetFunctionRecursionConfig."""
    name = access.unqualified(call, req["FunctionName"])
    return {"RecursiveLoop": records.get_function(at, name).recursive_loop}
