"""A last look at each of S3's answers: what HTTP asks of them and no model says."""

from __future__ import annotations

from urllib.parse import unquote

from pilvi.base.http import HttpRequest, HttpResponse
from pilvi.kit.cloud import Cloud
from pilvi.services.s3.points import records as points
from pilvi.services.s3.records import buckets
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.rules import cors
from pilvi.services.s3.rules import point_names as names
from pilvi.store.api import Snapshot


async def finish(cloud: Cloud, request: HttpRequest, response: HttpResponse) -> None:
    """206 for a part of an object, no body for 304 and for HEAD's errors, the length of what HEAD does not send,
    and CORS headers."""
    if request.method == "HEAD":
        _measure(response)
        if response.status == 200 and _has(response, "x-amz-bucket-region"):
            response.headers.append(("Content-Type", "application/xml"))
        if response.status >= 400:
            await _strip(response)
    if response.status == 200:
        if ("range" in request.headers or "partNumber=" in request.query) and _has(
            response, "content-range"
        ):
            response.status = 206
        elif request.method == "PUT" and request.query and _stores_a_document(request):
            response.status = 204
    elif response.status == 304:
        await _strip(response)
    if "origin" in request.headers:
        await _mark(cloud, request, response)


_DOCUMENTS = frozenset(
    {"policy", "analytics", "metrics", "intelligent-tiering", "inventory", "tagging"}
)


def _stores_a_document(request: HttpRequest) -> bool:
    """Recorded: putting these is answered with 204, though the model does not say so."""
    if "/" in request.path.strip("/"):
        return False
    return any(one.partition("=")[0] in _DOCUMENTS for one in request.query.lstrip("?").split("&"))


async def _strip(response: HttpResponse) -> None:
    """Leave status and headers only, and let go of what would have fed the body."""
    body = response.body
    response.body, response.length = b"", None
    response.headers = [
        (name, value) for name, value in response.headers if name.lower() != "content-type"
    ]
    close = getattr(body, "aclose", None)
    if close is not None:
        await close()


def _measure(response: HttpResponse) -> None:
    """The length is the gateway's to write."""
    for index, (name, value) in enumerate(response.headers):
        if name.lower() == "content-length":
            response.length = int(value)
            del response.headers[index]
            return


def _has(response: HttpResponse, name: str) -> bool:
    return any(key.lower() == name for key, _ in response.headers)


async def _mark(cloud: Cloud, request: HttpRequest, response: HttpResponse) -> None:
    """Say that the page may read the answer, if the bucket allows its origin this method."""
    if request.method == "OPTIONS":
        return
    bucket = await cloud.store.read(lambda at: bucket_of(at, request))
    if bucket is None:
        return
    origin = request.headers["origin"]
    asked = cors.names_in(request.headers.get("access-control-request-headers", ""))
    rule = cors.find_rule(bucket.cors, origin, request.method, asked)
    if rule is not None:
        response.headers.extend(cors.answer_headers(rule, origin))


def bucket_of(at: Snapshot, request: HttpRequest) -> Bucket | None:
    """The bucket that a path-style path names, by itself or by the ARN or the alias of an access point."""
    name = unquote(request.path.lstrip("/").partition("/")[0])
    if not name:
        return None
    bucket = buckets.find_bucket(at, name)
    named = names.reference(name, "") if bucket is None else None
    point = None if named is None else points.find(at, named)
    return bucket if point is None else buckets.find_bucket(at, point.bucket)
