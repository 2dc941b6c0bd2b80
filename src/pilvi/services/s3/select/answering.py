"""What a query says, as events of the answer.

What is wrong before the first of them is an answer of its own; afterwards it is an error inside the stream.
AWS: S3 API Reference, "Appendix: SelectObjectContent Response".
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from pilvi.compute.queries.process import (
    Done,
    Event,
    Progress,
    QueryBroken,
    QueryFailed,
    Records,
    RunningQuery,
    Silence,
    Statistics,
)
from pilvi.services.s3.select import errors

log = logging.getLogger("pilvi.s3")

SILENCE_S = 5.0
"""After so long without anything else, a Cont event keeps the connection alive."""


class Answer:
    """The events. Iterate once, or close: that ends the query."""

    def __init__(self, query: RunningQuery, *, progress: bool) -> None:
        self._query = query
        self._progress = progress
        self._ready: deque[dict[str, Any]] = deque()
        self._ended = False
        self._loop = asyncio.get_running_loop()
        self._spoke_at = self._loop.time()

    async def begin(self) -> None:
        """Wait for the first event. Raises: what is wrong by then."""
        self._ready.appendleft(await self._next())

    def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        return self

    async def __anext__(self) -> dict[str, Any]:
        found = self._ready.popleft() if self._ready else await self._next()
        self._spoke_at = self._loop.time()
        return found

    async def _next(self) -> dict[str, Any]:
        while not self._ended:
            try:
                event = await anext(self._query)
            except QueryFailed as failed:
                raise errors.SelectRefused(failed.code, failed.text) from None
            except QueryBroken as broken:
                log.error("a query broke off: %s", broken)
                raise errors.InternalError() from None
            told = self._told(event)
            if told is not None:
                return told
        raise StopAsyncIteration

    def _told(self, event: Event) -> dict[str, Any] | None:
        if isinstance(event, Records):
            return {"Records": {"Payload": event.data}}
        if isinstance(event, Done):
            self._ended = True
            details = _details(event.statistics)
            self._ready += [{"Stats": {"Details": details}}, {"End": {}}]
            return {"Progress": {"Details": details}} if self._progress else self._ready.popleft()
        if isinstance(event, Progress) and self._progress:
            return {"Progress": {"Details": _details(event.statistics)}}
        silent = self._loop.time() - self._spoke_at >= SILENCE_S
        return {"Cont": {}} if silent or isinstance(event, Silence) else None

    async def aclose(self) -> None:
        self._ended = True
        await self._query.aclose()


def _details(statistics: Statistics) -> dict[str, int]:
    return {
        "BytesScanned": statistics.scanned,
        "BytesProcessed": statistics.processed,
        "BytesReturned": statistics.returned,
    }
