"""How S3's answers end: without a body where HTTP has none, and without anything left open."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import pytest

from hostile.support import connect, message, s3_headers
from pilvi.base.http import HttpRequest, HttpResponse
from pilvi.kit.cloud import Cloud
from pilvi.services.s3 import responses
from servers import Server

LARGE = 32 * 1024 * 1024


def _raw(url: str, request: bytes) -> tuple[bytes, bytes]:
    """The head and everything behind it, as it was sent."""
    with connect(url) as connection:
        connection.sendall(request)
        sent = b""
        while piece := connection.recv(65536):
            sent += piece
    head, _, rest = sent.partition(b"\r\n\r\n")
    return head, rest


def test_an_answer_without_a_body_lets_go_of_what_would_have_fed_it() -> None:
    closed: list[int] = []

    async def pieces() -> AsyncIterator[bytes]:
        try:
            yield b"piece"
        finally:
            closed.append(1)

    async def finish(method: str, status: int) -> HttpResponse:
        body = pieces()
        await anext(body)
        response = HttpResponse(status, [("content-type", "text/plain"), ("etag", "x")], body, 5)
        request = HttpRequest(method, "/b/k", "", {})
        await responses.finish(cast("Cloud", None), request, response)
        return response

    for method, status in (("GET", 304), ("HEAD", 304), ("HEAD", 404)):
        response = asyncio.run(finish(method, status))
        assert (response.body, response.length) == (b"", None)
        assert response.headers == [("etag", "x")]
    assert len(closed) == 3


@pytest.mark.parametrize("path", ["/{bucket}/nothing", "/{bucket}", "/", "/a/b?acl"])
def test_a_refused_head_is_status_and_headers_only(
    endpoint: str, account: str, bucket: str, path: str
) -> None:
    """Also where the operation is unknown: clients of HEAD do not read a body, they take it for the next answer."""
    if path == "/{bucket}":
        bucket = "nobodys-bucket"
    request = message("HEAD", path.format(bucket=bucket), s3_headers(account))
    head, body = _raw(endpoint, request)
    assert head[9:10] in (b"4", b"5"), head
    assert body == b""
    assert b"content-type" not in head.lower()
    assert b"x-amz-request-id" in head.lower()


def _open_blobs(server: Server) -> int:
    assert server.process is not None
    folder = Path("/proc") / str(server.process.pid) / "fd"
    places: list[str] = []
    for number in os.listdir(folder):
        try:
            places.append(os.readlink(folder / number))
        except FileNotFoundError:
            continue  # closed meanwhile
    return sum("/blobs/" in place for place in places)


def _none_is_left_open(server: Server) -> None:
    deadline = time.monotonic() + 20
    while _open_blobs(server):
        assert time.monotonic() < deadline, "files of blobs stay open"
        time.sleep(0.01)


def test_nothing_stays_open_when_a_download_ends_early(
    s3: Any, bucket: str, server: Server, account: str, refused: Callable[..., Any]
) -> None:
    """304, 412, 416 and HEAD open nothing for long; nor does a client that goes away after the first piece."""
    etag = s3.put_object(Bucket=bucket, Key="k", Body=bytes(LARGE))["ETag"]
    for _ in range(5):
        refused("304", s3.get_object, Bucket=bucket, Key="k", IfNoneMatch=etag)
        refused("PreconditionFailed", s3.get_object, Bucket=bucket, Key="k", IfMatch="other")
        refused("InvalidRange", s3.get_object, Bucket=bucket, Key="k", Range=f"bytes={LARGE}-")
        s3.head_object(Bucket=bucket, Key="k")
    request = message("GET", f"/{bucket}/k", s3_headers(account))
    for _ in range(5):
        with connect(server.url) as connection:
            connection.sendall(request)
            assert connection.recv(1000).startswith(b"HTTP/1.1 200")
            assert _open_blobs(server) > 0
    _none_is_left_open(server)


def test_a_header_that_would_break_the_answer_is_refused(
    s3: Any, bucket: str, server: Server, refused: Callable[..., Any]
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=bytes(1024 * 1024))
    error = refused(
        "InvalidArgument",
        s3.get_object,
        Bucket=bucket,
        Key="k",
        ResponseContentType="text/plain\r\nset-cookie: a=b",
    )
    assert error["ArgumentName"] == "response-content-type"
    _none_is_left_open(server)
