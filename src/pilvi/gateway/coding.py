"""Bodies that are gzip on the wire: of requests, and of answers to who takes them so. For the services that say `gzip`.

What is signed, and what x-amz-crc32 counts, are the bytes as they are sent.
"""

from __future__ import annotations

import asyncio
import gzip
import zlib

from pilvi.base.errors import AwsError
from pilvi.base.http import HttpRequest, HttpResponse
from pilvi.gateway.incoming import RequestTooLarge

LEAST_BYTES = 1024
"""Of an answer that is worth it. AWS leaves short ones as they are, and does not say which those are."""
_IN_THREAD = 64 * 1024
_LEVEL = 1
_GZIP = 16 + zlib.MAX_WBITS


class SerializationException(AwsError):
    code = "SerializationException"


async def decode(request: HttpRequest, limit: int) -> None:
    """Undo the coding that the request names. Raises: SerializationException, RequestTooLarge."""
    coding = request.headers["content-encoding"].strip().lower()
    if coding not in ("gzip", "x-gzip"):
        if coding in ("", "identity"):
            return
        raise SerializationException()
    if len(request.body) < _IN_THREAD:
        request.body = _unzipped(request.body, limit)
    else:
        loop = asyncio.get_running_loop()
        request.body = await loop.run_in_executor(None, _unzipped, request.body, limit)


def _unzipped(body: bytes, limit: int) -> bytes:
    """A body may be several streams of gzip, one behind the other."""
    whole = b""
    while body:
        stream = zlib.decompressobj(_GZIP)
        try:
            whole += stream.decompress(body, limit - len(whole) + 1)
        except zlib.error:
            raise SerializationException() from None
        if len(whole) > limit:
            raise RequestTooLarge(limit=limit)
        if not stream.eof:
            raise SerializationException()
        body = stream.unused_data
    return whole


async def encode(request: HttpRequest, response: HttpResponse) -> None:
    """Make the answer gzip, if who asked takes it so and it is long enough."""
    body = response.body
    if not isinstance(body, bytes) or len(body) < LEAST_BYTES or not _accepts(request):
        return
    if len(body) < _IN_THREAD:
        body = _zipped(body)
    else:
        loop = asyncio.get_running_loop()
        body = await loop.run_in_executor(None, _zipped, body)
    response.body = body
    response.headers = [
        (name, str(zlib.crc32(body)) if name == "x-amz-crc32" else value)
        for name, value in response.headers
    ]
    response.headers.append(("Content-Encoding", "gzip"))


def _zipped(body: bytes) -> bytes:
    return gzip.compress(body, _LEVEL, mtime=0)


def _accepts(request: HttpRequest) -> bool:
    for word in request.headers["accept-encoding"].lower().split(","):
        coding, _, weight = word.replace(" ", "").partition(";")
        if coding in ("gzip", "x-gzip"):
            return weight.removeprefix("q=").strip("0.") != "" or not weight
    return False
