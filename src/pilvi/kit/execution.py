"""Performing one operation: authorise, validate (in STS the other way round), handle. The part of the pipeline that
needs no HTTP.

The gateway's pipeline and in-process calls both end here, so no path skips a step.
"""

from __future__ import annotations

from typing import Any

from pilvi.base.errors import NotBuilt
from pilvi.base.http import Body
from pilvi.kit.audit import WatchedRequest
from pilvi.kit.call import Call
from pilvi.kit.permission import Undisclosed, disclosed, permit
from pilvi.kit.service import Kind, Operation
from pilvi.protocol import codec
from pilvi.store.api import Snapshot, Transaction

Result = dict[str, Any] | None
"""What a handler gives: None for an answer without members."""


async def perform(
    call: Call, operation: Operation, params: dict[str, Any], body: Body
) -> dict[str, Any]:
    """Raises: AwsError, and whatever a broken handler raises. On any exception nothing was changed,
    but for what a streaming handler committed before."""
    if operation.service.validated_first:
        _validate(operation, params)
        await permit(call, operation, params)
    else:
        await permit(call, operation, params)
        _validate(operation, params)
    try:
        return await handle(call, operation, params, body)
    except Undisclosed as found:
        raise await disclosed(call, operation, params, found) from None


def _validate(operation: Operation, params: dict[str, Any]) -> None:
    """Raises: the protocol's error for what the model does not allow."""
    if operation.validated:
        service = operation.service
        codec(service.name, None, service.opaque).validate(operation.name, params)


async def handle(
    call: Call, operation: Operation, params: dict[str, Any], body: Body
) -> dict[str, Any]:
    settle = operation.service.settle
    if settle is not None:
        await settle(call.cloud)
    req = WatchedRequest(params, deep=call.cloud.settings.strict)
    handler = operation.handler
    if operation.kind is Kind.READ:

        def look(at: Snapshot) -> Result:
            return handler(call, at, req)

        result: Result = await call.cloud.store.read(look)
        refuse_unread(operation, req)
    elif operation.kind is Kind.WRITE:

        def change(tx: Transaction) -> Result:
            answer = handler(call, tx, req)
            refuse_unread(operation, req)  # inside the transaction: a refusal changes nothing
            return answer

        result = await call.cloud.store.write(change, cause=call.cause)
    else:
        result = await handler(call, req, body)
        refuse_unread(operation, req)
    return {} if result is None else result


def refuse_unread(operation: Operation, req: WatchedRequest) -> None:
    """Streaming handlers that commit call this themselves first, so that a refusal changes nothing.

    Raises: NotBuilt.
    """
    for path in req.unread():
        if path not in operation.accepted:
            raise NotBuilt(what=f"the member {path} of {operation.service.name}.{operation.name}")
