"""A streamed request body as its handler sees it: chunk framing undone, digests checked at the end.

A body that breaks its promise raises at its end at the latest, before the handler can commit anything.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator

from pilvi.base.http import Body, HttpRequest
from pilvi.gateway.incoming import IncompleteBody
from pilvi.identity.authenticator import Authenticated
from pilvi.identity.payload import check_sha256
from pilvi.identity.streaming import ChunkedBody, decoded_length
from pilvi.kit.call import Call

_HASH_IN_THREAD = 256 * 1024


async def whole(request: HttpRequest, limit: int) -> bytes:
    """The whole body. Raises: RequestTooLarge before more than `limit` bytes are held."""
    if request.read is not None:
        body = await request.read(limit)
        request.body, request.stream, request.read = body, None, None
    return request.body


def streamed(request: HttpRequest, authenticated: Authenticated, call: Call) -> Body:
    """The body of a streaming operation, in pieces. Raises: MissingContentLength, InvalidArgument."""
    payload = authenticated.payload
    raw = request.stream if request.stream is not None else _one(request.body)
    if payload.form == "chunks":
        length = decoded_length(request.headers)
        chunked = ChunkedBody(raw, payload, decoded_length=length, signed=authenticated.signed)
        return _decoded(chunked, call)
    pieces = _exactly(raw, request.headers.get("content-length"))
    if payload.sha256 is not None and request.stream is not None:
        return _with_digest(pieces, payload.sha256)
    return pieces


async def _decoded(chunked: ChunkedBody, call: Call) -> AsyncIterator[bytes]:
    async for piece in chunked:
        yield piece
    call.trailers.update(chunked.trailers)


async def _one(body: bytes) -> AsyncIterator[bytes]:
    if body:
        yield body


async def _exactly(pieces: Body, announced: str | None) -> AsyncIterator[bytes]:
    expected = int(announced) if announced and announced.isdigit() else None
    size = 0
    async for piece in pieces:
        size += len(piece)
        yield piece
    if expected is not None and size != expected:
        raise IncompleteBody()


async def _with_digest(pieces: Body, declared: str) -> AsyncIterator[bytes]:
    digest = hashlib.sha256()
    loop = asyncio.get_running_loop()
    async for piece in pieces:
        if len(piece) >= _HASH_IN_THREAD:
            await loop.run_in_executor(None, digest.update, piece)
        else:
            digest.update(piece)
        yield piece
    check_sha256(declared, digest.hexdigest())
