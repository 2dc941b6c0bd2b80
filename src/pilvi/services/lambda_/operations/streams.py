"""InvokeWithResponseStream: run a function and hand on its answer as it is made."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

from pilvi.base.http import Body
from pilvi.kit.audit import WatchedRequest
from pilvi.kit.call import Call
from pilvi.services.lambda_ import records, streaming
from pilvi.services.lambda_.operations.invocations import asked_of
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
    asked = asked_of(call, req)
    if asked.kind == "DryRun":
        await call.view(lambda at: records.resolve(at, asked.runs))
        return {"StatusCode": 204, "EventStream": _nothing()}
    runnable = await runnable_of(call.cloud, asked.runs)
    running = await streaming.begin(
        call.cloud,
        asked.name.scope,
        runnable,
        asked.payload,
        request_id=call.request_id,
        invoked_arn=asked.name.asked_arn,
        client_context=asked.client_context,
        trace_id=asked.trace_id,
    )
    return {
        "StatusCode": 200,
        "ExecutedVersion": runnable.configuration.version,
        "EventStream": _events(running, tail=asked.tail),
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
