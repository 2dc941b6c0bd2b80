"""Invoke: run a function now, later, or not at all."""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple

import orjson

from pilvi.base.http import Body
from pilvi.compute.snapshots import HOOK_FAILED, LATE
from pilvi.kit.audit import WatchedRequest
from pilvi.kit.call import Call
from pilvi.kit.execution import refuse_unread
from pilvi.services.lambda_ import access, errors, limits, names, records, rules
from pilvi.services.lambda_.accepting import accept_event
from pilvi.services.lambda_.names import FunctionName
from pilvi.services.lambda_.questions import runner_of
from pilvi.services.lambda_.resolving import runnable_of
from pilvi.services.lambda_.service import lambda_
from pilvi.services.lambda_.wire import InvocationResponse, InvokeAsyncResponse


class Asked(NamedTuple):
    """`name`: as it was asked for; `runs`: with $LATEST where there was no qualifier."""

    name: FunctionName
    runs: FunctionName
    kind: str
    tail: bool
    payload: bytes
    client_context: str | None
    trace_id: str | None


_RESTORE_FAILURES: dict[str | None, type[errors.LambdaError]] = {
    HOOK_FAILED: errors.SnapStartException,
    LATE.error_type: errors.SnapStartTimeoutException,
}
"""What is no failure of the function, but of the snapshot that it goes on from."""


@lambda_.stream("Invoke")
async def invoke(call: Call, req: WatchedRequest, body: Body) -> InvocationResponse:
    """Run a function.

    RequestResponse waits for the answer; Event answers 202 once the event is durable, and the function
    then runs at least once; DryRun checks only.

    Raises: ResourceNotFoundException, InvalidRequestContentException, RequestTooLargeException,
        TooManyRequestsException, SnapStartException, SnapStartTimeoutException, ServiceException.
    AWS: Invoke; Lambda Developer Guide, "Understanding Lambda function invocation methods".
    """
    asked = asked_of(call, req)
    if asked.kind == "DryRun":
        await call.view(lambda at: records.resolve(at, asked.runs))
        return {"StatusCode": 204, "Payload": b""}
    if asked.kind == "Event":
        _admit_event(call, asked.name)
        await accept_event(
            call,
            asked.name,
            asked.payload,
            client_context=asked.client_context,
            trace_id=asked.trace_id,
        )
        return {"StatusCode": 202, "Payload": b""}
    runnable = await runnable_of(call.cloud, asked.runs)
    outcome = await runner_of(call.cloud).run(
        asked.name.scope,
        runnable,
        asked.payload,
        request_id=call.request_id,
        invoked_arn=asked.name.asked_arn,
        client_context=asked.client_context,
        trace_id=asked.trace_id,
    )
    result: InvocationResponse = {
        "StatusCode": 200,
        "Payload": outcome.payload,
        "ExecutedVersion": runnable.configuration.version,
    }
    if outcome.error is not None:
        if outcome.error_type in _RESTORE_FAILURES:
            raise _RESTORE_FAILURES[outcome.error_type]()
        result["FunctionError"] = outcome.error
    if asked.tail:
        result["LogResult"] = base64.b64encode(outcome.log_tail).decode()
    return result


def asked_of(call: Call, req: WatchedRequest) -> Asked:
    """What Invoke and its streaming twin are asked for, before anything happens.

    Raises: InvalidRequestContentException, RequestTooLargeException, NotBuilt.
    """
    name = access.function_named(call, req["FunctionName"], req.get("Qualifier"))
    kind: str = req.get("InvocationType", "RequestResponse")
    size_max = limits.ASYNC_PAYLOAD_BYTES_MAX if kind == "Event" else limits.SYNC_PAYLOAD_BYTES_MAX
    asked = Asked(
        name=name,
        runs=FunctionName(name.scope, name.name, name.qualifier or names.LATEST),
        kind=kind,
        tail=req.get("LogType", "None") == "Tail",
        payload=rules.check_payload(req.get("Payload", b""), size_max),
        client_context=_client_context_of(req.get("ClientContext")),
        trace_id=None if call.request is None else call.request.headers.get("x-amzn-trace-id"),
    )
    refuse_unread(lambda_.operations[call.operation], req)
    return asked


def _client_context_of(encoded: str | None) -> str | None:
    """Raises: InvalidRequestContentException."""
    if not encoded:
        return None
    if len(encoded) > limits.CLIENT_CONTEXT_BYTES_MAX:
        raise errors.ClientContextTooLong(size_max=limits.CLIENT_CONTEXT_BYTES_MAX)
    try:
        decoded = base64.b64decode(encoded, validate=True)
        if not isinstance(orjson.loads(decoded), dict):
            raise errors.BadClientContext()
        return decoded.decode()
    except (binascii.Error, ValueError):
        raise errors.BadClientContext() from None


@lambda_.stream("InvokeAsync")
async def invoke_async(call: Call, req: WatchedRequest, body: Body) -> InvokeAsyncResponse:
    """Accept an event, as Invoke does with the type Event; the operation of old, with its old bound.

    Raises: ResourceNotFoundException, InvalidRequestContentException, RequestTooLargeException,
        TooManyRequestsException.
    AWS: InvokeAsync.
    """
    asked = access.function_named(call, req["FunctionName"])
    refuse_unread(lambda_.operations["InvokeAsync"], req)
    pieces: list[bytes] = []
    size = 0
    async for piece in body:
        pieces.append(piece)
        size += len(piece)
        if size > limits.OLD_ASYNC_PAYLOAD_BYTES_MAX:
            break
    payload = rules.check_payload(b"".join(pieces), limits.OLD_ASYNC_PAYLOAD_BYTES_MAX)
    _admit_event(call, asked)
    await accept_event(call, asked, payload, client_context=None, trace_id=None)
    return {"Status": 202}


def _admit_event(call: Call, name: FunctionName) -> None:
    """Raises: TooManyRequestsException."""
    if (quotas := runner_of(call.cloud).quotas) is not None:
        quotas.admit_event(name.scope)
