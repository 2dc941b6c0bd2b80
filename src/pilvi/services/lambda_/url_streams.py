"""Answers at a function's address that are streamed (InvokeMode RESPONSE_STREAM).

A runtime that says so begins with the status, the headers and the cookies: JSON, then eight NULs. Any other stream is
a body of its own content type. A function that does not stream is answered for as at any address.
AWS: Lambda Developer Guide, "Response streaming for Lambda functions"; "Lambda runtime API", http-integration.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, cast

import orjson

from pilvi.base.http import HttpResponse
from pilvi.languages import http_answer
from pilvi.languages.http_answer import InvalidResponse
from pilvi.services.lambda_.streaming import Streaming

HTTP_TYPE = "application/vnd.awslambda.http-integration-response"
_PRELUDE_END = bytes(8)
_PRELUDE_BYTES_MAX = 64 * 1024
_ANY_TYPE = "application/octet-stream"


class BrokenOff(ConnectionError):
    """The function failed in the middle of its answer: so the client's connection ends in the middle of it too."""


async def streamed(running: Streaming) -> HttpResponse:
    """The response whose answer has begun. Raises: InvalidResponse."""
    assert running.content_type is not None
    pieces = running.pieces()
    if running.content_type != HTTP_TYPE:
        headers = [("content-type", running.content_type)]
        return HttpResponse(200, headers, _body(b"", pieces, running))
    prelude, rest = await _split(pieces)
    response = _response(prelude)
    response.body = _body(rest, pieces, running)
    return response


async def _split(pieces: AsyncIterator[bytes]) -> tuple[bytes, bytes]:
    """The prelude, and what came with its end. Raises: InvalidResponse."""
    gathered = b""
    async for piece in pieces:
        gathered += piece
        prelude, end, rest = gathered.partition(_PRELUDE_END)
        if end:
            return prelude, rest
        if len(gathered) > _PRELUDE_BYTES_MAX:
            break
    raise InvalidResponse("its stream does not begin with a prelude and eight NULs")


def _response(prelude: bytes) -> HttpResponse:
    """Raises: InvalidResponse."""
    try:
        told: Any = orjson.loads(prelude)
    except orjson.JSONDecodeError:
        raise InvalidResponse("the prelude of its stream is no JSON") from None
    if not isinstance(told, dict):
        raise InvalidResponse("the prelude of its stream is no object")
    known = cast("dict[str, Any]", told)
    told = {"statusCode": 200, **{name: known[name] for name in _MEMBERS if name in known}}
    return http_answer.http_answer(orjson.dumps(told), "2.0", content_type=_ANY_TYPE)


_MEMBERS = ("statusCode", "headers", "cookies")


async def _body(
    first: bytes, pieces: AsyncIterator[bytes], running: Streaming
) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for piece in pieces:
        yield piece
    outcome = await running.outcome()
    if outcome.error is not None:
        raise BrokenOff(outcome.error_type)
