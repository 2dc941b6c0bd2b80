"""Invoking a function whose answer is read while it is made.

The invocation is a task of its own: a reader that goes away does not end it, as on AWS.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

from pilvi.base.arn import Scope
from pilvi.compute.api import Outcome
from pilvi.compute.streaming import ResponseStream
from pilvi.kit.cloud import Cloud
from pilvi.services.lambda_.questions import runner_of
from pilvi.services.lambda_.records import Runnable

log = logging.getLogger("pilvi.lambda")

_running: set[asyncio.Task[Outcome]] = set()
"""Held, for the loop itself holds tasks only weakly; each is bounded by its function's timeout."""


class Streaming:
    """An invocation whose answer has begun, or is over already."""

    def __init__(self, stream: ResponseStream, task: asyncio.Task[Outcome]) -> None:
        self._stream = stream
        self._task = task

    @property
    def content_type(self) -> str | None:
        """None where the function answered at once."""
        return self._stream.content_type

    def pieces(self) -> AsyncIterator[bytes]:
        """What the function streams, as it does."""
        return self._stream.pieces()

    async def outcome(self) -> Outcome:
        """Once the invocation is over. Of a streamed answer the payload is only what went wrong."""
        return await asyncio.shield(self._task)


async def begin(
    cloud: Cloud,
    scope: Scope,
    runnable: Runnable,
    payload: bytes,
    *,
    request_id: str,
    invoked_arn: str,
    client_context: str | None = None,
    trace_id: str | None = None,
) -> Streaming:
    """Invoke, and wait for the first piece. Raises: as `Runner.run`."""
    stream = ResponseStream()
    task = asyncio.create_task(
        runner_of(cloud).run(
            scope,
            runnable,
            payload,
            request_id=request_id,
            invoked_arn=invoked_arn,
            client_context=client_context,
            trace_id=trace_id,
            stream=stream,
        )
    )
    _running.add(task)

    def over(task: asyncio.Task[Outcome]) -> None:
        _running.discard(task)
        stream.end()
        if not task.cancelled() and (problem := task.exception()) is not None:
            log.info("a streamed invocation of %s failed: %s", invoked_arn, problem)

    task.add_done_callback(over)
    try:
        await stream.begun.wait()
    except asyncio.CancelledError:
        stream.desert()
        raise
    if task.done():
        task.result()
    return Streaming(stream, task)
