"""The HTTP server over raw sockets: what clients send that is unusual, hostile, slow or cut short."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from pilvi.base.http import HttpRequest, HttpResponse
from pilvi.gateway import http1
from pilvi.gateway.http1 import Connections

Handler = Callable[[HttpRequest], Awaitable[HttpResponse]]


async def talk(
    app: Handler, *pieces: bytes, half_close: bool = False, wait_for: bytes = b""
) -> bytes:
    """Send pieces one after another to a server of `app`; everything it answers until it closes.

    `wait_for`: what the server must say before the second piece is sent.
    """
    connections = Connections(app)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(connections, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        said = b""
        for number, piece in enumerate(pieces):
            if number == 1 and wait_for:
                said = await asyncio.wait_for(reader.readuntil(wait_for), 10)
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        if half_close:
            writer.write_eof()
        return said + await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()
        server.close()
        await connections.close(0.1)


async def echo(request: HttpRequest) -> HttpResponse:
    body = request.body if request.read is None else await request.read(10_000)
    text = f"{request.method} {request.path}?{request.query} ".encode() + body
    return HttpResponse(200, [("content-type", "text/plain")], text)


def bodies(answer: bytes) -> list[bytes]:
    return [part.split(b"HTTP/1.1")[0] for part in answer.split(b"\r\n\r\n")[1:]]


def test_requests_sent_ahead_are_answered_in_order() -> None:
    """A client may pipeline; the answers come in the order of the requests, whoever is faster."""

    async def app(request: HttpRequest) -> HttpResponse:
        for _ in range(10 if request.path == "/slow" else 0):
            await asyncio.sleep(0)
        return HttpResponse(200, [], request.path.encode())

    last = b"GET /c HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"
    sent = b"GET /slow HTTP/1.1\r\nhost: h\r\n\r\nGET /b HTTP/1.1\r\nhost: h\r\n\r\n" + last
    assert bodies(asyncio.run(talk(app, sent))) == [b"/slow", b"/b", b"/c"]


def test_the_path_is_not_decoded() -> None:
    """Signatures and S3 keys are made of the raw path."""
    sent = b"GET /a%2Fb//../c%20d?x=%2B HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"
    assert bodies(asyncio.run(talk(echo, sent))) == [b"GET /a%2Fb//../c%20d?x=%2B "]


def test_a_body_is_asked_for_only_when_it_is_read() -> None:
    """`Expect: 100-continue`: a request that is refused early never gets to send its body."""
    head = b"PUT /x HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\nexpect: 100-continue\r\n"
    head += b"connection: close\r\n\r\n"

    async def refuse(request: HttpRequest) -> HttpResponse:
        return HttpResponse(403, [], b"no")

    assert b"100 Continue" not in asyncio.run(talk(refuse, head))
    answer = asyncio.run(talk(echo, head, b"hello", wait_for=b"100 Continue\r\n\r\n"))
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")
    assert answer.endswith(b"PUT /x? hello")


def test_a_chunked_body_is_put_together() -> None:
    sent = b"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    answer = asyncio.run(talk(echo, sent, b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n"))
    assert answer.endswith(b"POST /? abcde")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nhost: h\r\n" + b"a: b\r\n" * 300 + b"\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nhost: h\r\nx: " + b"y" * 100_000 + b"\r\n\r\n", b"431"),
        (b"GET /" + b"y" * 100_000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 20000\r\n\r\nabc", b"413"),
        (b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: x\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nhost: h\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n", b"501"),
    ],
    ids=["garbage", "many headers", "long header", "long path", "too large", "length", "upgrade"],
)
def test_what_is_no_request_is_refused(sent: bytes, status: bytes) -> None:
    async def app(request: HttpRequest) -> HttpResponse:
        try:
            return await echo(request)
        except http1.RequestTooLarge as error:
            return HttpResponse(error.status)

    answer = asyncio.run(talk(app, sent))
    assert answer.startswith(b"HTTP/1.1 " + status), answer[:100]


def test_a_body_cut_short_raises() -> None:
    """Whoever reads a body must not take half of it for the whole."""
    seen: list[str] = []

    async def app(request: HttpRequest) -> HttpResponse:
        assert request.stream is not None
        try:
            async for _ in request.stream:
                pass
        except http1.IncompleteBody:
            seen.append("incomplete")
            raise
        return HttpResponse(200)

    sent = b"PUT / HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nabc"
    asyncio.run(talk(app, sent, half_close=True))
    assert seen == ["incomplete"]


def test_answers_in_pieces() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"abc"
        yield b""
        yield b"de"

    async def chunked(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], pieces())

    async def measured(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], pieces(), length=5)

    sent = b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"
    assert asyncio.run(talk(chunked, sent)).endswith(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    assert asyncio.run(talk(measured, sent)).endswith(b"content-length: 5\r\n\r\nabcde")


def test_a_head_has_no_body_but_its_length() -> None:
    sent = b"HEAD /x HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"
    answer = asyncio.run(talk(echo, sent))
    assert b"content-length: 9\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


def test_a_line_break_in_a_header_is_not_sent() -> None:
    """Metadata with a line break would let a client write headers of its own into another's answer."""

    async def app(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [("x-meta", "a\r\nset-cookie: b")], b"")

    sent = b"GET / HTTP/1.1\r\nhost: h\r\n\r\n"
    assert b"set-cookie" not in asyncio.run(talk(app, sent))


def test_the_slow_are_cut_off() -> None:
    """A head that never ends, a body that stops, and an idle connection each have their time."""

    async def run(sent: bytes, silence_s: float) -> bool:
        connections = Connections(echo)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(connections, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(sent)
        await writer.drain()
        for _ in range(20):
            await asyncio.sleep(0)
        while not connections.open:
            await asyncio.sleep(0)
        for connection in list(connections.open):
            connection.expire(loop.time() + silence_s)
        closed = not connections.open or all(c._closing for c in connections.open)  # pyright: ignore[reportPrivateUsage]
        writer.close()
        server.close()
        await connections.close(0)
        del reader
        return closed

    head = b"GET / HTTP/1.1\r\nhost: h"
    assert not asyncio.run(run(head, http1.HEADERS_S - 1))
    assert asyncio.run(run(head, http1.HEADERS_S + 5))
    body = b"PUT / HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\n\r\na"
    assert asyncio.run(run(body, http1.BODY_IDLE_S + 5))
    assert asyncio.run(run(b"", http1.KEEP_ALIVE_S + 5))
