"""InvokeWithResponseStream: run a function and hand on its answer as it is made."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

from pilvi.base.http import Body
from pilvi.kit.audit import WatchedRequest
from pilvi.kit.call import Call
from pilvi.kit.execution import refuse_unread
from pilvi.services.lambda_ import access, limits, names, records, rules, streaming
from pilvi.services.lambda_.names import FunctionName
from pilvi.services.lambda_.operations.invocations import client_context_of
from pilvi.services.lambda_.resolving import runnable_of
from pilvi.services.lambda_.service import lambda_
from pilvi.services.lambda_.streaming import Streaming


@lambda_.stream("InvokeWithResponseStream")
async def invoke_with_response_stream(
    call: Call, req: WatchedRequest, body: Body
) -> dict[str, Any]:
    """Run a function; its answer comes as events: pieces, and at last how it ended.

    A function that answers at once is one piece. A function that failed is told of in the last event, for the
    answer had begun. Differs: pieces are not slowed down to 2 MB a second.

    Raises: as Invoke. AWS: InvokeWithResponseStream; Developer Guide, "Response streaming for Lambda functions".
    """
    asked = access.function_named(call, req["FunctionName"], req.get("Qualifier"))
    kind = req.get("InvocationType", "RequestResponse")
    tail = req.get("LogType", "None") == "Tail"
    payload = rules.check_payload(req.get("Payload", b""), limits.SYNC_PAYLOAD_BYTES_MAX)
    client_context = client_context_of(req.get("ClientContext"))
    trace_id = None if call.request is None else call.request.headers.get("x-amzn-trace-id")
    refuse_unread(lambda_.operations["InvokeWithResponseStream"], req)
    name = FunctionName(asked.scope, asked.name, asked.qualifier or names.LATEST)
    if kind == "DryRun":
        await call.view(lambda at: records.resolve(at, name))
        return {"StatusCode": 204, "EventStream": _nothing()}
    runnable = await runnable_of(call.cloud, name)
    running = await streaming.begin(
        call.cloud,
        name.scope,
        runnable,
        payload,
        request_id=call.request_id,
        invoked_arn=asked.asked_arn,
        client_context=client_context,
        trace_id=trace_id,
    )
    return {
        "StatusCode": 200,
        "ExecutedVersion": runnable.configuration.version,
        "EventStream": _events(running, tail=tail),
    }


async def _nothing() -> AsyncIterator[dict[str, Any]]:
    return
    yield {}


async def _events(running: Streaming, *, tail: bool) -> AsyncIterator[dict[str, Any]]:
    async for piece in running.pieces():
        yield {"PayloadChunk": {"Payload": piece}}
    outcome = await running.outcome()
    complete: dict[str, Any] = {}
    if outcome.error is not None:
        complete["ErrorCode"] = outcome.error
        complete["ErrorDetails"] = outcome.payload.decode(errors="replace")
    elif outcome.payload:
        yield {"PayloadChunk": {"Payload": outcome.payload}}
    if tail:
        complete["LogResult"] = base64.b64encode(outcome.log_tail).decode()
    yield {"InvokeComplete": complete}
