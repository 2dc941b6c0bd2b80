"""The HTTP server over raw sockets: what clients send that is unusual, hostile, slow or cut short."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from pilvi.base.http import HttpRequest, HttpResponse
from pilvi.gateway import http1, incoming
from pilvi.gateway.http1 import Connections

Handler = Callable[[HttpRequest], Awaitable[HttpResponse]]


async def talk(
    app: Handler,
    *pieces: bytes,
    half_close: bool = False,
    wait_for: bytes = b"",
    most: int | None = None,
) -> bytes:
    """Send pieces one after another to a server of `app`; everything it answers until it closes.

    `wait_for`: what the server must say before the second piece is sent.
    """
    connections = Connections(app, most=most)
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
        except incoming.RequestTooLarge as error:
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
        except incoming.IncompleteBody:
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


CLOSE = b"connection: close\r\n\r\n"


@pytest.mark.parametrize(
    "header",
    [
        ("x-meta", "a\r\nset-cookie: b"),
        ("x-meta", "a\nset-cookie: b"),
        ("x-meta", "a\rset-cookie: b"),
        ("x-meta\r\nset-cookie", "b"),
        ("x-meta: a\0set-cookie", "b"),
        ("set-cookie ", "b"),
    ],
)
def test_a_line_break_in_a_header_is_not_sent(header: tuple[str, str]) -> None:
    """Metadata with a line break would let a client write headers of its own into another's answer."""

    async def app(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [header], b"")

    answer = asyncio.run(talk(app, b"GET / HTTP/1.1\r\nhost: h\r\n" + CLOSE))
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"set-cookie" not in answer


def test_an_application_does_not_frame_answers() -> None:
    """A function behind an API must not say where its answer ends: the next one would be read wrongly."""

    async def app(request: HttpRequest) -> HttpResponse:
        framing = [("Content-Length", "1"), ("Transfer-Encoding", "chunked"), ("Connection", "x")]
        return HttpResponse(200, [*framing, ("x-kept", "1")], b"abc")

    answer = asyncio.run(talk(app, b"GET / HTTP/1.1\r\nhost: h\r\n" + CLOSE)).lower()
    assert answer.count(b"content-length: 3\r\n") == answer.count(b"content-length") == 1
    assert b"transfer-encoding" not in answer
    assert b"x-kept: 1\r\n" in answer


@pytest.mark.parametrize("status", [0, 100, 101, 199, 1000])
def test_what_is_no_status_of_an_answer_is_an_error(status: int) -> None:
    """After 1xx a client waits for the real answer, for ever."""

    async def app(request: HttpRequest) -> HttpResponse:
        return HttpResponse(status)

    answer = asyncio.run(talk(app, b"GET / HTTP/1.1\r\nhost: h\r\n" + CLOSE))
    assert answer.startswith(b"HTTP/1.1 500 ")


@pytest.mark.parametrize(
    ("method", "status", "length"),
    [(b"GET", 204, None), (b"HEAD", 200, None), (b"HEAD", 200, 5), (b"GET", 304, 5)],
)
def test_answers_without_a_body(method: bytes, status: int, length: int | None) -> None:
    """204 has no length at all; HEAD and 304 have that of what GET would give, if it is known."""
    closed: list[bool] = []

    async def pieces() -> AsyncIterator[bytes]:
        try:
            yield b"hello"
        finally:
            closed.append(True)

    async def app(request: HttpRequest) -> HttpResponse:
        body = pieces()
        await anext(body)
        return HttpResponse(status, [], body, length)

    answer = asyncio.run(talk(app, method + b" / HTTP/1.1\r\nhost: h\r\n" + CLOSE))
    assert answer.endswith(b"\r\n\r\n")
    announced = b"" if length is None else b"content-length: 5\r\n"
    assert announced in answer
    assert answer.count(b"content-length") == (length is not None)
    assert b"chunked" not in answer
    assert closed == [True], "the body that nobody wanted stays open"


def test_http_1_0_gets_no_chunks() -> None:
    """It knows none: the end of the answer is the end of the connection."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"abc"

    async def app(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], pieces())

    answer = asyncio.run(talk(app, b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"))
    assert answer.endswith(b"connection: close\r\n\r\nabc")


POST = b"POST / HTTP/1.1\r\nhost: h\r\n"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (POST + b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (POST + b"transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n", 400),
        (POST + b"content-length: 1\r\ncontent-length: 2\r\n\r\nab", 400),
        (POST + b"content-length: 1, 1\r\n\r\na", 400),
        (POST + b"content-length: +1\r\n\r\na", 400),
        (POST + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        (POST + b"transfer-encoding: identity\r\n\r\n", 501),
        (POST + b"transfer-encoding : chunked\r\n\r\n0\r\n\r\n", 400),
        (POST + b"transfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nhost: h\n\n", 400),
        (b"GET / HTTP/1.1\r\nhost: h\nx: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: h\rx: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: a/../b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: " + b"s3." * 1000 + b"\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: h\r\nauthorization: a\r\nauthorization: b\r\n\r\n", 400),
        (b"GET http://evil@host/ HTTP/1.1\r\nhost: h\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: h\r\nx: a\0b\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 505),
        (b"GET / HTTP/2.0\r\nhost: h\r\n\r\n", 505),
        (b"CONNECT example.com:80 HTTP/1.1\r\nhost: example.com\r\n\r\n", 501),
    ],
)
def test_what_two_readers_could_read_differently_is_refused(sent: bytes, status: int) -> None:
    """Request smuggling: a proxy in front must not see other requests than we do."""
    asked: list[str] = []

    async def app(request: HttpRequest) -> HttpResponse:
        asked.append(request.path)
        return HttpResponse(200)

    answer = asyncio.run(talk(app, sent))
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:100]
    assert answer.count(b"connection: close") == 1
    assert asked == []


def test_the_target_names_the_host() -> None:
    """As proxies are asked: the Host header beside it does not count."""

    async def app(request: HttpRequest) -> HttpResponse:
        text = f"{request.headers['host']} {request.path}?{request.query}"
        return HttpResponse(200, [], text.encode())

    sent = b"GET http://b.s3.localhost:4566?x=1 HTTP/1.1\r\nhost: h\r\n" + CLOSE
    assert bodies(asyncio.run(talk(app, sent))) == [b"b.s3.localhost:4566 /?x=1"]


def test_values_keep_their_bytes() -> None:
    """Only blanks and tabs surround a value: U+00E0 in UTF-8 ends in a byte that latin-1 calls a space."""

    async def app(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], request.headers["x-amz-meta-name"].encode("latin-1"))

    sent = b"GET / HTTP/1.1\r\nhost: h\r\nx-amz-meta-name: \t voil\xc3\xa0 \r\n" + CLOSE
    assert bodies(asyncio.run(talk(app, sent))) == ["voilà".encode()]


def test_a_refusal_waits_for_its_turn() -> None:
    """Garbage behind a request must not be answered in the middle of that request's answer."""
    parsed = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"abc"
        await parsed.wait()
        yield b"def"

    async def app(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], pieces(), length=6)

    async def run() -> bytes:
        asyncio.get_running_loop().call_later(0, parsed.set)
        return await talk(app, b"GET / HTTP/1.1\r\nhost: h\r\n\r\nnonsense\r\n\r\n")

    first, _, second = asyncio.run(run()).partition(b"HTTP/1.1 400 ")
    assert first.endswith(b"\r\n\r\nabcdef")
    assert b"BadRequest" in second


def test_too_many_requests_sent_ahead_are_refused_after_the_others() -> None:
    sent = b"GET /x HTTP/1.1\r\nhost: h\r\n\r\n" * (http1.PIPELINE_MAX + 5)
    answers = asyncio.run(talk(echo, sent)).split(b"HTTP/1.1 ")[1:]
    assert [a[:3] for a in answers] == [b"200"] * http1.PIPELINE_MAX + [b"503"]


def test_an_unread_body_is_not_taken_for_a_request() -> None:
    """The application refuses without reading; what follows on the connection is the body, not a request."""
    asked: list[str] = []

    async def app(request: HttpRequest) -> HttpResponse:
        asked.append(request.path)
        return HttpResponse(403, [], b"no")

    hidden = b"GET /hidden HTTP/1.1\r\nhost: h\r\n\r\n"
    head = b"PUT /x HTTP/1.1\r\nhost: h\r\ncontent-length: %d\r\n\r\n" % (len(hidden) * 2)
    answer = asyncio.run(talk(app, head, hidden, hidden, wait_for=b"\r\n\r\nno", half_close=True))
    assert b"connection: close\r\n" in answer
    assert answer.endswith(b"no")
    assert asked == ["/x"]


def test_a_client_that_is_still_sending_can_read_its_refusal() -> None:
    """Closing on unread bytes resets the connection, and the client's system forgets the answer."""

    async def app(request: HttpRequest) -> HttpResponse:
        return HttpResponse(413, [], b"too large")

    head = b"PUT /x HTTP/1.1\r\nhost: h\r\ncontent-length: 9000000\r\n\r\n"
    answer = asyncio.run(talk(app, head, *[b"x" * 1_000_000] * 9, half_close=True))
    assert answer.endswith(b"too large")


def test_a_body_in_pieces_of_one_byte_is_bounded() -> None:
    """The cost of a piece counts, and both ends of the connection wait while nobody reads."""
    seen: list[int] = []

    async def app(request: HttpRequest) -> HttpResponse:
        (connection,) = connections
        while not connection._paused_reading:  # pyright: ignore[reportPrivateUsage]
            await asyncio.sleep(0)
        seen.append(connection._buffered)  # pyright: ignore[reportPrivateUsage]
        assert request.read is not None
        return HttpResponse(200, [], b"%d" % len(await request.read(1_000_000)))

    connections: set[http1.Connection] = set()

    async def run() -> bytes:
        made = Connections(app)
        nonlocal connections
        connections = made.open
        server = await asyncio.get_running_loop().create_server(made, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(POST + b"transfer-encoding: chunked\r\n" + CLOSE)
        for _ in range(100):
            writer.write(b"1\r\na\r\n" * 1000)
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        server.close()
        await made.close(0.1)
        return answer

    assert asyncio.run(run()).endswith(b"100000")
    assert seen[0] < http1.BUFFER_BYTES + 256 * 1024 * (1 + incoming.PIECE_OVERHEAD)


@pytest.mark.parametrize(
    "frame",
    [b"1;" + b"x" * 100_000, b"0\r\nx-trailer: " + b"x" * 100_000],
    ids=["extension", "trailer"],
)
def test_what_frames_a_body_is_bounded(frame: bytes) -> None:
    """Chunk extensions and trailers are no body, so that no other limit holds them."""
    seen: list[str] = []

    async def app(request: HttpRequest) -> HttpResponse:
        try:
            return await echo(request)
        except incoming.IncompleteBody:
            seen.append("incomplete")
            return HttpResponse(400)

    head = POST + b"transfer-encoding: chunked\r\n\r\n"
    answer = asyncio.run(talk(app, head, frame, *[b"x" * 300_000] * 3))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert seen == ["incomplete"]


def test_a_client_that_stops_sending_gets_all_its_answers() -> None:
    """Half-closed: it will ask nothing more, so that the last answer also ends the connection."""
    sent = b"GET /a HTTP/1.1\r\nhost: h\r\n\r\nGET /b HTTP/1.1\r\nhost: h\r\n\r\n"
    answer = asyncio.run(talk(echo, sent, half_close=True))
    assert bodies(answer) == [b"GET /a? ", b"GET /b? "]


def test_a_question_for_http_2_is_passed_over() -> None:
    """Java's client asks on each first request; whoever cannot switch answers as if it had not."""
    asks = b"GET /a HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"
    last = b"GET /b HTTP/1.1\r\nhost: h\r\n" + CLOSE
    assert bodies(asyncio.run(talk(echo, asks + last))) == [b"GET /a? ", b"GET /b? "]


def test_a_client_that_vanishes_ends_its_stream() -> None:
    """What feeds the answer is closed, not left waiting for a reader."""

    async def run() -> str:
        ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def pieces() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"x" * 100_000
                    await asyncio.sleep(0)
            finally:
                ended.set_result("closed")

        async def app(request: HttpRequest) -> HttpResponse:
            return HttpResponse(200, [], pieces())

        made = Connections(app)
        server = await asyncio.get_running_loop().create_server(made, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
        await reader.readexactly(1_000_000)
        writer.transport.abort()
        said = await asyncio.wait_for(ended, 10)
        server.close()
        await made.close(0)
        return said

    assert asyncio.run(run()) == "closed"


def test_one_connection_too_many_is_told() -> None:
    async def run() -> list[bytes]:
        made = Connections(echo, most=2)
        server = await asyncio.get_running_loop().create_server(made, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        pairs = [await asyncio.open_connection(*address) for _ in range(3)]
        refused = await asyncio.wait_for(pairs[2][0].read(), 10)
        pairs[0][1].write(b"GET / HTTP/1.1\r\nhost: h\r\n" + CLOSE)
        answer = await asyncio.wait_for(pairs[0][0].read(), 10)
        for _, writer in pairs:
            writer.close()
        server.close()
        await made.close(0)
        return [refused, answer]

    refused, answer = asyncio.run(run())
    assert refused.startswith(b"HTTP/1.1 503 ")
    assert b"<Code>ServiceUnavailable</Code>" in refused
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_the_bodies_held_at_once_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each within its limit, many bodies together could still be more than the machine has."""
    monkeypatch.setattr(http1, "BODIES_BYTES_MAX", 15_000)
    refused = asyncio.Event()

    async def app(request: HttpRequest) -> HttpResponse:
        assert request.read is not None
        try:
            body = await request.read(10_000)
        except incoming.Overloaded as error:
            refused.set()
            return HttpResponse(error.status)
        await refused.wait()
        return HttpResponse(200, [], b"%d" % len(body))

    async def run() -> tuple[list[bytes], int]:
        made = Connections(app)
        server = await asyncio.get_running_loop().create_server(made, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        pairs = [await asyncio.open_connection(*address) for _ in range(2)]
        for _, writer in pairs:
            writer.write(POST + b"content-length: 9000\r\n" + CLOSE + b"x" * 8999)
            await writer.drain()
        while len(made.tasks) < 2:
            await asyncio.sleep(0)
        for _, writer in pairs:
            writer.write(b"x")
        said = [await asyncio.wait_for(reader.read(), 10) for reader, _ in pairs]
        for _, writer in pairs:
            writer.close()
        server.close()
        await made.close(0.1)
        return said, made.kept_bytes

    said, kept_bytes = asyncio.run(run())
    assert sorted(answer[9:12] for answer in said) == [b"200", b"503"]
    assert kept_bytes == 0


async def cut_off(sent: list[bytes], silence_s: float, app: Handler = echo) -> bytes | None:
    """What a client is told that sent this and then nothing for so long; None while it is waited for."""
    made = Connections(app)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(made, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        seen = 0
        for piece in sent:
            writer.write(piece)
            seen += len(piece)
            await writer.drain()
        while not made.open:
            await asyncio.sleep(0)
        (connection,) = made.open
        for _ in range(200):
            await asyncio.sleep(0)
        connection.expire(loop.time())
        connection.expire(loop.time() + silence_s)
        try:
            return await asyncio.wait_for(reader.read(), 0.1 if connection in made.open else 10)
        except TimeoutError:
            return None
        except ConnectionResetError:
            return b""
    finally:
        writer.close()
        server.close()
        await made.close(0)


HALF_HEAD = b"GET / HTTP/1.1\r\nhost: h"
HALF_BODY = b"PUT / HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\n\r\na"


@pytest.mark.parametrize(
    ("sent", "patience_s", "told"),
    [
        ([HALF_HEAD], http1.HEADERS_S, b"HTTP/1.1 408"),
        ([HALF_BODY], http1.BODY_IDLE_S, b"HTTP/1.1 400"),
        ([], http1.KEEP_ALIVE_S, b""),
        ([b"\r\n"], http1.KEEP_ALIVE_S, b""),
    ],
    ids=["head", "body", "nothing", "empty lines"],
)
def test_the_slow_are_cut_off(sent: list[bytes], patience_s: float, told: bytes) -> None:
    """A head that never ends, a body that stops, and an idle connection each have their time."""

    async def app(request: HttpRequest) -> HttpResponse:
        try:
            return await echo(request)
        except incoming.RequestTimeout as error:
            return HttpResponse(error.status)

    assert asyncio.run(cut_off(sent, patience_s - 1, app)) is None
    said = asyncio.run(cut_off(sent, patience_s + 1, app))
    assert said is not None
    assert said.startswith(told)


def test_a_byte_now_and_then_buys_no_time() -> None:
    """Slowloris: the time of a head runs from its beginning, and a body has to get on."""

    async def drip(head: bytes, drops: list[bytes], patience_s: float) -> None:
        made = Connections(echo)
        now = asyncio.get_running_loop().time()
        transport = Transport()
        connection = made()
        connection.connection_made(transport)
        connection.data_received(head)
        for number, drop in enumerate(drops):
            await asyncio.sleep(0)
            connection.expire(now + patience_s * (number + 1) * 2 / len(drops))
            connection.data_received(drop)
        assert transport.ended
        connection.connection_lost(None)
        await made.close(0)

    asyncio.run(drip(HALF_HEAD, [b"h"] * 10, http1.HEADERS_S))
    asyncio.run(drip(HALF_BODY[:-1], [b"a"] * 8, http1.BODY_IDLE_S))


class Transport(asyncio.Transport):
    """A peer that takes everything, and never answers the end of our half."""

    def __init__(self) -> None:
        super().__init__()
        self.ended = False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Everything is taken at once."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """It is taken."""

    def get_write_buffer_size(self) -> int:
        return 0

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = True

    def close(self) -> None:
        self.ended = True

    def abort(self) -> None:
        self.ended = True


def test_a_client_that_takes_nothing_is_cut_off() -> None:
    """An answer waits for a slow reader, as long as it reads at all."""

    async def app(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], b"x" * 50_000_000)

    async def run(reads: bool) -> bool:
        made = Connections(app)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(made, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname(), limit=1024)
        writer.write(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
        await reader.readexactly(100)
        (connection,) = made.open
        for step in (1, 2, 3):
            connection.expire(loop.time() + step * (http1.WRITE_IDLE_S - 1))
            if reads:
                await reader.readexactly(12_000_000)
        cut = connection._ended  # pyright: ignore[reportPrivateUsage]
        writer.transport.abort()
        server.close()
        await made.close(0)
        return cut

    assert asyncio.run(run(reads=False))
    assert not asyncio.run(run(reads=True))
