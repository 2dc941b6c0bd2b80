"""The HTTP/1.1 server: one protocol object per connection, on httptools' parser and asyncio's transports.

It knows bytes, limits and back-pressure, and nothing of AWS. Why not an ASGI server: measured on the same
machine, an empty answer costs 16 us here and 55-70 us through Granian or uvicorn, more than a whole
GetItem (docs/ARCHITECTURE.md has the figures). `App` is all that it asks for, so another server fits too.

Rules, cited below:
1. A body is read only when the application asks; the socket is paused while BODY_BUFFER bytes wait.
2. Requests on a connection are answered in order; at most PIPELINE_MAX wait behind the current one.
3. Whoever is slow is cut off: HEADERS_S for a head, BODY_IDLE_S between pieces of a body, WRITE_IDLE_S
   for a client that does not take its answer, KEEP_ALIVE_S between requests.
4. A head is bounded in bytes and in fields before any of it is kept.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from email.utils import formatdate
from http import HTTPStatus
from typing import cast

import httptools

from pilvi.base.errors import AwsError
from pilvi.base.http import HttpRequest, HttpResponse

HEAD_BYTES_MAX = 64 * 1024
FIELDS_MAX = 256
BODY_BUFFER = 1024 * 1024
PIPELINE_MAX = 32
HEADERS_S = 20.0
BODY_IDLE_S = 60.0
WRITE_IDLE_S = 120.0
KEEP_ALIVE_S = 90.0
TICK_S = 5.0

App = Callable[[HttpRequest], Awaitable[HttpResponse]]

log = logging.getLogger("pilvi.http")


class RequestTooLarge(AwsError):
    code = "RequestEntityTooLargeException"
    message = "Request must be smaller than {limit} bytes for this operation"
    status = 413


class IncompleteBody(AwsError):
    """The client went away, or fell silent, in the middle of a body."""

    code = "IncompleteBody"
    message = "The request body terminated unexpectedly"


def _status_lines() -> dict[int, bytes]:
    return {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n".encode() for s in HTTPStatus}


_STATUS_LINES = _status_lines()
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_BODILESS = frozenset({204, 304})


class Connections:
    """The open connections of one server: closes the slow ones, and all of them at the end."""

    def __init__(self, app: App, *, secure: bool = False, name: str = "pilvi") -> None:
        self.app = app
        self.secure = secure
        self.server_field = f"server: {name}\r\n".encode()
        self.open: set[Connection] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self._date = b""
        self._date_second = -1
        self._loop = asyncio.get_running_loop()
        self._ticker = self._loop.call_later(TICK_S, self._tick)

    def __call__(self) -> Connection:
        return Connection(self, self._loop)

    def date_field(self) -> bytes:
        second = int(self._loop.time())
        if second != self._date_second:
            self._date = f"date: {formatdate(usegmt=True)}\r\n".encode()
            self._date_second = second
        return self._date

    def _tick(self) -> None:
        now = self._loop.time()
        for connection in list(self.open):
            connection.expire(now)
        self._ticker = self._loop.call_later(TICK_S, self._tick)

    async def close(self, grace_s: float = 10.0) -> None:
        """Finish what is being answered (at most `grace_s`), then close every connection."""
        self._ticker.cancel()
        for connection in list(self.open):
            connection.close_when_idle()
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=grace_s)
        for task in list(self.tasks):
            task.cancel()
        for connection in list(self.open):
            connection.abort()


class _Incoming:
    """A request being received: its head, and the pieces of its body that nobody has read yet."""

    __slots__ = (
        "chunks",
        "complete",
        "error",
        "expects_continue",
        "keep_alive",
        "request",
        "started",
        "waiter",
        "waiting_bytes",
    )

    def __init__(self, request: HttpRequest, *, keep_alive: bool, expects_continue: bool) -> None:
        self.request = request
        self.keep_alive = keep_alive
        self.expects_continue = expects_continue
        self.chunks: deque[bytes] = deque()
        self.waiting_bytes = 0
        self.complete = False
        self.started = False
        self.error: AwsError | None = None
        self.waiter: asyncio.Future[None] | None = None

    def wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)


class Connection(asyncio.Protocol):
    def __init__(self, server: Connections, loop: asyncio.AbstractEventLoop) -> None:
        self._server = server
        self._loop = loop
        self._transport: asyncio.Transport
        self._parser = httptools.HttpRequestParser(self)
        self._peer = ""
        self._url = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._field_bytes = 0
        self._head_bytes = 0
        self._in_head = False
        self._receiving: _Incoming | None = None
        self._queue: deque[_Incoming] = deque()
        self._answering = False
        self._closing = False
        self._paused_reading = False
        self._writable: asyncio.Future[None] | None = None
        self._last_progress = 0.0

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer: object = transport.get_extra_info("peername")
        self._peer = str(cast("tuple[object, ...]", peer)[0]) if isinstance(peer, tuple) else ""
        self._transport.set_write_buffer_limits(high=1024 * 1024)
        self._last_progress = self._loop.time()
        self._server.open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._closing = True
        self._server.open.discard(self)
        if self._receiving is not None:
            self._receiving.error = IncompleteBody()
            self._receiving.wake()
        if self._writable is not None and not self._writable.done():
            self._writable.set_exception(ConnectionResetError("the client went away"))

    def data_received(self, data: bytes) -> None:
        self._last_progress = self._loop.time()
        try:
            if self._in_head or self._receiving is None:
                self._head_bytes += len(data)
            self._parser.feed_data(data)
            if self._in_head and self._head_bytes > HEAD_BYTES_MAX:
                raise _Refused(431, "RequestHeaderSectionTooLarge")  # rule 4
        except httptools.HttpParserUpgrade:
            self._refuse(501, "NotImplemented", "pilvi does not implement HTTP upgrades yet.")
            return
        except _Refused as refused:
            self._refuse(refused.status, refused.code, refused.text)
            return
        except httptools.HttpParserError as error:
            cause = error.__context__
            if isinstance(cause, _Refused):
                self._refuse(cause.status, cause.code, cause.text)
            else:
                self._refuse(400, "BadRequest", "An error occurred when parsing the HTTP request.")
            return
        self._start_next()

    def eof_received(self) -> bool:
        if self._receiving is not None:
            self._receiving.error = IncompleteBody()
            self._receiving.wake()
        return bool(self._answering)  # keep our half open for the answer under way

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        self._last_progress = self._loop.time()
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # --- httptools' callbacks

    def on_message_begin(self) -> None:
        if len(self._queue) >= PIPELINE_MAX:
            raise _Refused(503, "SlowDown", "Too many requests were sent ahead.")  # rule 2
        self._in_head = True
        self._url = b""
        self._fields = []
        self._field_bytes = 0

    def on_url(self, url: bytes) -> None:
        self._url += url
        if len(self._url) > HEAD_BYTES_MAX:
            raise _Refused(414, "UriTooLong", "The request's URI is too long.")

    def on_header(self, name: bytes, value: bytes | None) -> None:
        self._field_bytes += len(name) + len(value or b"")
        if len(self._fields) >= FIELDS_MAX or self._field_bytes > HEAD_BYTES_MAX:
            raise _Refused(431, "RequestHeaderSectionTooLarge")
        self._fields.append((name, value or b""))

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_bytes = 0
        headers: dict[str, str] = {}
        for raw_name, raw_value in self._fields:
            name = raw_name.decode("latin-1").lower()
            value = raw_value.decode("latin-1").strip()
            headers[name] = f"{headers[name]},{value}" if name in headers else value
        target = self._url.decode("latin-1")
        if not target.startswith("/"):
            target = _origin_form(target)
        path, _, query = target.partition("?")
        incoming = _Incoming(
            HttpRequest(
                self._parser.get_method().decode("latin-1"),
                path,
                query,
                headers,
                client_host=self._peer,
                secure=self._server.secure,
            ),
            keep_alive=self._parser.should_keep_alive(),
            expects_continue=headers.get("expect", "").lower() == "100-continue",
        )
        self._receiving = incoming
        self._queue.append(incoming)

    def on_body(self, body: bytes) -> None:
        incoming = self._receiving
        assert incoming is not None
        incoming.chunks.append(body)
        incoming.waiting_bytes += len(body)
        if incoming.waiting_bytes > BODY_BUFFER and not self._paused_reading:
            self._paused_reading = True
            self._transport.pause_reading()  # rule 1
        incoming.wake()

    def on_message_complete(self) -> None:
        incoming = self._receiving
        assert incoming is not None
        incoming.complete = True
        incoming.wake()
        self._receiving = None

    # --- answering

    def _start_next(self) -> None:
        if self._answering or self._closing or not self._queue:
            return
        incoming = self._queue.popleft()
        incoming.started = True
        request = incoming.request
        if incoming.complete:
            chunks = incoming.chunks
            request.body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
            chunks.clear()
        else:
            request.stream = self._pieces(incoming)
            request.read = lambda limit: self._read_all(incoming, limit)
        self._answering = True
        task = self._loop.create_task(self._answer(incoming))
        self._server.tasks.add(task)
        task.add_done_callback(self._server.tasks.discard)

    async def _answer(self, incoming: _Incoming) -> None:
        request = incoming.request
        try:
            response = await self._server.app(request)
            if not incoming.complete:
                incoming.keep_alive = False  # the rest of the body would be taken for a request
            if not self._closing:
                await self._send(response, incoming)
        except (ConnectionError, asyncio.CancelledError):
            incoming.keep_alive = False
        except Exception:
            log.exception("%s %s could not be answered", request.method, request.path)
            incoming.keep_alive = False
        finally:
            self._answering = False
            self._last_progress = self._loop.time()
            if not self._closing:
                if incoming.keep_alive:
                    self._resume_reading()
                    self._start_next()
                else:
                    self._closing = True
                    self._transport.close()

    async def _send(self, response: HttpResponse, incoming: _Incoming) -> None:
        status = response.status
        head = [_STATUS_LINES.get(status) or f"HTTP/1.1 {status} -\r\n".encode()]
        fields = "".join([f"{name}: {value}\r\n" for name, value in response.headers])
        if fields.count("\n") != len(response.headers) or "\0" in fields:
            raise ValueError("a response header contains a line break")
        head.append(fields.encode("latin-1", "replace"))
        head.append(self._server.date_field())
        head.append(self._server.server_field)
        if not incoming.keep_alive:
            head.append(b"connection: close\r\n")
        body = response.body
        silent = incoming.request.method == "HEAD" or status in _BODILESS or status < 200
        if isinstance(body, bytes | bytearray | memoryview):
            length = len(body) if response.length is None else response.length
            if status not in _BODILESS or length:
                head.append(b"content-length: %d\r\n\r\n" % length)
            else:
                head.append(b"\r\n")
            if not silent:
                head.append(body)
            self._transport.write(b"".join(head))
            if self._writable is not None:
                await self._writable
            return
        await self._send_stream(head, body, response.length, silent=silent)

    async def _send_stream(
        self, head: list[bytes], body: AsyncIterator[bytes], length: int | None, *, silent: bool
    ) -> None:
        chunked = length is None and not silent
        if chunked:
            head.append(b"transfer-encoding: chunked\r\n\r\n")
        else:
            head.append(b"content-length: %d\r\n\r\n" % (length or 0))
        write = self._transport.write
        if silent:
            write(b"".join(head))
            return
        write(b"".join(head))
        sent = 0
        try:
            async for piece in body:
                if not piece:
                    continue
                if self._closing:
                    raise ConnectionResetError("the client went away")
                sent += len(piece)
                if chunked:
                    write(b"%x\r\n" % len(piece))
                    write(piece)
                    write(b"\r\n")
                else:
                    write(piece)
                self._last_progress = self._loop.time()
                if self._writable is not None:
                    await self._writable
        finally:
            close = getattr(body, "aclose", None)
            if close is not None:
                await close()
        if chunked:
            write(b"0\r\n\r\n")
        elif sent != length:
            raise ConnectionResetError(f"the body was {sent} bytes where {length} were announced")

    # --- reading bodies

    async def _pieces(self, incoming: _Incoming) -> AsyncIterator[bytes]:
        self._continue(incoming)
        while True:
            while incoming.chunks:
                piece = incoming.chunks.popleft()
                incoming.waiting_bytes -= len(piece)
                yield piece
            if incoming.complete:
                return
            if incoming.error is not None:
                raise incoming.error
            self._resume_reading()
            incoming.waiter = self._loop.create_future()
            await incoming.waiter

    async def _read_all(self, incoming: _Incoming, limit: int) -> bytes:
        announced = incoming.request.headers.get("content-length", "")
        if announced.isdigit() and int(announced) > limit:
            raise RequestTooLarge(limit=limit)  # before any memory is spent
        pieces: list[bytes] = []
        size = 0
        async for piece in self._pieces(incoming):
            size += len(piece)
            if size > limit:
                raise RequestTooLarge(limit=limit)
            pieces.append(piece)
        return b"".join(pieces)

    def _continue(self, incoming: _Incoming) -> None:
        if incoming.expects_continue and not incoming.complete and not incoming.chunks:
            incoming.expects_continue = False
            self._transport.write(_CONTINUE)

    def _resume_reading(self) -> None:
        if self._paused_reading and not self._closing:
            self._paused_reading = False
            self._transport.resume_reading()

    # --- ending

    def expire(self, now: float) -> None:
        """Rule 3."""
        silent_s = now - self._last_progress
        if self._writable is not None:
            slow = silent_s > WRITE_IDLE_S
        elif self._receiving is not None and not self._paused_reading:
            slow = silent_s > BODY_IDLE_S
        elif self._answering or self._queue:
            slow = False
        else:
            slow = silent_s > (HEADERS_S if self._in_head else KEEP_ALIVE_S)
        if slow:
            self.abort()

    def close_when_idle(self) -> None:
        if not self._answering and not self._queue:
            self._closing = True
            self._transport.close()

    def abort(self) -> None:
        self._closing = True
        self._transport.abort()

    def _refuse(self, status: int, code: str, text: str) -> None:
        """Answer bytes that are no request, and close: nothing that follows can be trusted."""
        if self._closing:
            return
        body = f"<?xml version='1.0'?>\n<Error><Code>{code}</Code><Message>{text}</Message></Error>".encode()
        self._transport.write(
            b"".join(
                (
                    _STATUS_LINES[status],
                    b"content-type: application/xml\r\nconnection: close\r\n",
                    self._server.date_field(),
                    b"content-length: %d\r\n\r\n" % len(body),
                    body,
                )
            )
        )
        if self._receiving is not None:
            self._receiving.error = IncompleteBody()
            self._receiving.wake()
        self._closing = True
        self._transport.close()


class _Refused(Exception):
    def __init__(
        self, status: int, code: str, text: str = "The request's headers are too large."
    ) -> None:
        self.status = status
        self.code = code
        self.text = text
        super().__init__(code)


def _origin_form(target: str) -> str:
    """`http://host/path` (as proxies are asked) and `*` as a path."""
    if "://" in target:
        rest = target.split("://", 1)[1]
        slash = rest.find("/")
        return rest[slash:] if slash >= 0 else "/"
    return "/" + target.lstrip("/")
