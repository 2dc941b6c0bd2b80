"""What DynamoDB's endpoints tell without an operation: that they are there, to a GET that nobody signed."""

from __future__ import annotations

import zlib

from pilvi.base.http import HttpRequest, HttpResponse
from pilvi.kit.call import Call

CONTENT_TYPES = frozenset(
    ("application/x-amz-json-1.0", "application/json", "application/x-amz-json-1.1")
)
"""Of requests. AWS names the first."""


async def tell_health(call: Call, request: HttpRequest) -> HttpResponse:
    body = f"healthy: {request.headers.get('host', '')} ".encode()
    headers = [("x-amzn-RequestId", call.request_id), ("x-amz-crc32", str(zlib.crc32(body)))]
    return HttpResponse(200, headers, body)
