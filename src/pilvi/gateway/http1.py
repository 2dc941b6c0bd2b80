"""The HTTP/1.1 server: one protocol object per connection, on httptools' parser and asyncio's transports.

It knows bytes, limits and back-pressure, and nothing of AWS; `App` is all that it asks for. Why not an ASGI
server: an empty answer costs less than half here, and a GetItem not much more (docs/ARCHITECTURE.md).

Rules, cited below:
1. A body is read only when the application asks; the socket is paused while BUFFER_BYTES wait.
2. Requests on a connection are answered in order, refusals too; at most PIPELINE_MAX wait behind the
   current one.
3. Whoever is slow is cut off: HEADERS_S for a whole head, BODY_IDLE_S for the next PROGRESS_BYTES of a
   body, WRITE_IDLE_S for a client that takes nothing of its answer, KEEP_ALIVE_S between requests.
4. A head is bounded in bytes and in fields before any of it is kept; so is what frames a chunked body.
5. Nothing is parsed behind what is no request or was not read. What still arrives is dropped for a while
   (LINGER_S, LINGER_BYTES), so that the client can read its answer.
6. At most `connections_max` are open, and BODIES_BYTES_MAX held of whole bodies; more are told to wait.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from email.utils import formatdate
from typing import cast

import httptools

from pilvi.base.http import HttpRequest, HttpResponse
from pilvi.gateway.heads import Refused, answer_head, close_body, may_ignore_upgrade, read_head
from pilvi.gateway.incoming import Incoming, IncompleteBody, Overloaded, RequestTimeout

HEAD_BYTES_MAX = 64 * 1024
FIELDS_MAX = 256
BUFFER_BYTES = 1024 * 1024
BODIES_BYTES_MAX = 512 * 1024 * 1024
PIPELINE_MAX = 32
CONNECTIONS_MAX = 4096
REFUSED_MAX = 64
HEADERS_S = 20.0
BODY_IDLE_S = 60.0
PROGRESS_BYTES = 1024
WRITE_IDLE_S = 120.0
KEEP_ALIVE_S = 90.0
LINGER_S = 10.0
LINGER_BYTES = 64 * 1024 * 1024
TICK_S = 5.0

App = Callable[[HttpRequest], Awaitable[HttpResponse]]

log = logging.getLogger("pilvi.http")

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_BODILESS = frozenset({204, 304})


def connections_max() -> int:
    """Half of the file descriptors that this process may have, at most CONNECTIONS_MAX."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return CONNECTIONS_MAX if descriptors < 0 else min(CONNECTIONS_MAX, descriptors // 2)


class Connections:
    """The open connections of one listener: closes the slow ones, and all of them at the end."""

    def __init__(self, app: App, *, secure: bool = False, most: int | None = None) -> None:
        """`most`: how many may be open at once (rule 6)."""
        self.app = app
        self.secure = secure
        self.most = connections_max() if most is None else most
        self.open: set[Connection] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.closing = False
        self.kept_bytes = 0
        self._date = b""
        self._date_second = -1
        self._loop = asyncio.get_running_loop()
        self._ticker: asyncio.TimerHandle | None = None

    def __call__(self) -> Connection:
        return Connection(self, self._loop)

    def opened(self, connection: Connection) -> None:
        self.open.add(connection)
        if self._ticker is None:
            self._ticker = self._loop.call_later(TICK_S, self._tick)

    def common_fields(self) -> bytes:
        second = int(self._loop.time())
        if second != self._date_second:
            self._date = f"date: {formatdate(usegmt=True)}\r\nserver: pilvi\r\n".encode()
            self._date_second = second
        return self._date

    def _tick(self) -> None:
        now = self._loop.time()
        for connection in list(self.open):
            connection.expire(now)
        self._ticker = self._loop.call_later(TICK_S, self._tick) if self.open else None

    async def close(self, grace_s: float = 10.0) -> None:
        """Finish what is being answered (at most `grace_s`), then close every connection."""
        self.closing = True
        if self._ticker is not None:
            self._ticker.cancel()
        for connection in list(self.open):
            connection.close_when_idle()
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=grace_s)
        for task in list(self.tasks):
            task.cancel()
        for connection in list(self.open):
            connection.abort()


class Connection(asyncio.Protocol):
    """States: open; deaf (nothing more is parsed); ended (nothing more is answered)."""

    def __init__(self, server: Connections, loop: asyncio.AbstractEventLoop) -> None:
        self._server = server
        self._loop = loop
        self._transport: asyncio.Transport
        self._parser = httptools.HttpRequestParser(self)
        self._peer = ""
        self._url = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._head_size = 0
        self._unframed = 0
        """Bytes parsed since the last that were a head's end or a body's (rule 4)."""
        self._in_head = False
        self._receiving: Incoming | None = None
        self._queue: deque[Incoming | Refused] = deque()
        self._buffered = self._kept_bytes = 0
        """What waits here for the application (rule 1)."""
        self._answering = False
        self._task: asyncio.Task[None]
        self._head_sent = False
        self._deaf = False
        self._broken = False
        self._half_closed = False
        self._ended = False
        self._paused_reading = False
        self._writable: asyncio.Future[None] | None = None
        self._written = 0
        self._lingered = 0
        # For rule 3, by the loop's clock:
        now = loop.time()
        self._idle_since = self._head_since = self._body_since = now
        self._taken_since = self._linger_since = now
        self._trickled = 0
        self._taken = 0

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer: object = transport.get_extra_info("peername")
        self._peer = str(cast("tuple[object, ...]", peer)[0]) if isinstance(peer, tuple) else ""
        tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        self._tls_version = "" if tls is None else (tls.version() or "").removeprefix("TLSv")
        self._transport.set_write_buffer_limits(high=BUFFER_BYTES)
        busy = len(self._server.open) - self._server.most
        self._server.opened(self)
        if busy >= REFUSED_MAX:
            self.abort()
        elif busy >= 0:
            text = "Too many connections are open. Please reduce your request rate."
            self._fail(Refused(503, "ServiceUnavailable", text))  # rule 6

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = self._deaf = True
        self._server.open.discard(self)
        if self._receiving is not None:
            self._receiving.fail(IncompleteBody())
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            self._drop(len(data))
            return
        self._trickled += len(data)
        self._unframed += len(data)
        if self._trickled >= PROGRESS_BYTES:
            self._trickled = 0
            self._body_since = self._loop.time()
        try:
            self._parser.feed_data(data)
            if self._unframed > HEAD_BYTES_MAX:
                raise Refused(431, "RequestHeaderSectionTooLarge")  # rule 4
        except httptools.HttpParserUpgrade as upgrade:
            self._start_next()
            if rest := data[cast("int", upgrade.args[0]) :]:
                self.data_received(rest)
            return
        except (Refused, httptools.HttpParserError) as error:
            cause = error if isinstance(error, Refused) else error.__context__
            if not isinstance(cause, Refused):
                text = "An error occurred when parsing the HTTP request."
                cause = Refused(400, "BadRequest", text)
            self._fail(cause)
            return
        self._start_next()

    def eof_received(self) -> bool:
        self._half_closed = self._deaf = True
        if self._receiving is not None:
            self._receiving.fail(IncompleteBody())
        busy = self._answering or bool(self._queue)
        return busy and not self._ended and not self._server.secure  # TLS has no half of its own

    def _is_gone(self) -> bool:
        return self._ended or self._half_closed

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # --- httptools' callbacks

    def on_message_begin(self) -> None:
        if len(self._queue) >= PIPELINE_MAX:
            raise Refused(503, "SlowDown", "Too many requests were sent ahead.")  # rule 2
        self._in_head = True
        self._head_since = self._loop.time()
        self._url = b""
        self._fields = []
        self._head_size = 0

    def on_url(self, url: bytes) -> None:
        self._url += url
        if len(self._url) > HEAD_BYTES_MAX:
            raise Refused(414, "UriTooLong", "The request's URI is too long.")

    def on_header(self, name: bytes, value: bytes | None) -> None:
        self._head_size += len(name) + len(value or b"")
        if len(self._fields) >= FIELDS_MAX or self._head_size > HEAD_BYTES_MAX:
            raise Refused(431, "RequestHeaderSectionTooLarge")
        self._fields.append((name, value or b""))

    def on_headers_complete(self) -> None:
        parser = self._parser
        version = parser.get_http_version()
        request = read_head(
            parser.get_method().decode("latin-1"),
            self._url.decode("latin-1"),
            version,
            self._fields,
            client_host=self._peer,
            secure=self._server.secure,
        )
        request.tls_version = self._tls_version
        if parser.should_upgrade() and not may_ignore_upgrade(request):
            raise Refused(501, "NotImplemented", "pilvi does not implement HTTP upgrades yet.")
        self._in_head = False
        self._unframed = 0
        self._trickled = 0
        self._body_since = self._head_since
        size = self._head_size + len(self._url)
        keep_alive = parser.should_keep_alive()
        incoming = Incoming(request, self, head_size=size, version=version, keep_alive=keep_alive)
        self._receiving = incoming
        self._queue.append(incoming)
        self._hold(size)

    def on_body(self, body: bytes) -> None:
        self._unframed = 0
        assert self._receiving is not None
        self._hold(self._receiving.add(body))

    def on_message_complete(self) -> None:
        self._unframed = 0
        assert self._receiving is not None
        self._receiving.finish()
        self._deaf = self._deaf or not self._receiving.keep_alive
        self._receiving = None

    # --- answering

    def _start_next(self) -> None:
        if self._answering or self._ended or not self._queue:
            return
        self._answering = True
        self._head_sent = False
        self._task = self._loop.create_task(self._answer(self._queue.popleft()))
        self._server.tasks.add(self._task)

    async def _answer(self, incoming: Incoming | Refused) -> None:
        kept = False
        task = self._task
        try:
            if isinstance(incoming, Refused):
                self._send(incoming.response(), None)
                await self._written_out()
            else:
                incoming.hand_over()
                kept = await self._respond(incoming)
        except (ConnectionError, asyncio.CancelledError):
            self.abort()  # half an answer must not look like a whole one
        finally:
            self._server.tasks.discard(task)
            self._answering = False
            self._idle_since = self._loop.time()
            if not self._ended:
                if kept:
                    if self._queue:
                        self._start_next()
                else:
                    self._end()

    async def _respond(self, incoming: Incoming) -> bool:
        """Ask the application and send what it says; whether the connection can be used on."""
        request = incoming.request
        request.gone = self._is_gone
        try:
            response = await self._server.app(request)
            body = response.body
            try:
                kept, follows = self._send(response, incoming)
                if self._writable is not None or self._ended:
                    await self._written_out()
                if follows:
                    await self._send_pieces(
                        cast("AsyncIterator[bytes]", body), response.length, incoming
                    )
                return kept
            finally:
                if not isinstance(body, bytes):
                    await close_body(body)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception as error:
            log.exception("%s %s could not be answered", request.method, request.path)
            if self._head_sent:
                raise ConnectionAbortedError("the answer broke off") from error
            text = "We encountered an internal error. Please try again."
            return self._send(Refused(500, "InternalError", text).response(), incoming)[0]
        finally:
            self._server.kept_bytes -= self._kept_bytes
            self._kept_bytes = 0
            if incoming.complete:
                incoming.discard()

    def _send(self, response: HttpResponse, incoming: Incoming | None) -> tuple[bool, bool]:
        """Write an answer, or its head; whether the connection can be used on, and whether pieces follow."""
        head = answer_head(response)
        body, length, status = response.body, response.length, response.status
        whole = isinstance(body, bytes | bytearray | memoryview)
        if whole and length is None:
            length = len(body)
        if incoming is None:
            kept = old = silent = False
        else:
            old = incoming.version == "1.0"
            silent = incoming.request.method == "HEAD" or status in _BODILESS
            kept = (
                incoming.keep_alive
                and incoming.complete
                and not (old and length is None)
                and not (self._half_closed and not self._queue)
                and not self._server.closing
            )
        head.append(self._server.common_fields())
        if not kept:
            head.append(b"connection: close\r\n")
        elif old:
            head.append(b"connection: keep-alive\r\n")
        if length is None:
            head.append(b"\r\n" if silent or old else b"transfer-encoding: chunked\r\n\r\n")
        elif status == 204 or (status == 304 and not length):
            head.append(b"\r\n")
        else:
            head.append(b"content-length: %d\r\n\r\n" % length)
        if whole and not silent:
            head.append(body)
        self._head_sent = True
        self._write(b"".join(head))
        return kept, not whole and not silent

    async def _send_pieces(
        self, body: AsyncIterator[bytes], length: int | None, incoming: Incoming
    ) -> None:
        chunked = length is None and incoming.version != "1.0"
        sent = 0
        async for piece in body:
            if not piece:
                continue
            sent += len(piece)
            if length is not None and sent > length:
                break
            if chunked:
                self._write(b"%x\r\n" % len(piece))
            self._write(piece)
            if chunked:
                self._write(b"\r\n")
            if self._writable is not None or self._ended:
                await self._written_out()
        if length is not None and sent != length:
            raise ValueError(f"the body was {sent} bytes where {length} were announced")
        if chunked:
            self._write(b"0\r\n\r\n")

    def _write(self, data: bytes) -> None:
        if not self._ended:
            self._written += len(data)
            self._transport.write(data)

    async def _written_out(self) -> None:
        """Back-pressure. Raises: ConnectionResetError."""
        if self._writable is not None:
            await self._writable
        if self._ended:
            raise ConnectionResetError("the client went away")

    # --- reading on, or not (Source of Incoming)

    def want(self, incoming: Incoming) -> None:
        if incoming.expects_continue and not self._ended:
            incoming.expects_continue = False
            self._body_since = self._loop.time()
            self._write(_CONTINUE)

    def took(self, size: int) -> None:
        self._buffered -= size
        if self._paused_reading and self._buffered <= BUFFER_BYTES // 2:
            self._paused_reading = False
            self._body_since = self._loop.time()
            if not self._ended:
                self._transport.resume_reading()

    def keep(self, size: int) -> None:
        self._kept_bytes += size
        self._server.kept_bytes += size
        if self._server.kept_bytes > BODIES_BYTES_MAX:
            raise Overloaded()  # rule 6

    def _hold(self, size: int) -> None:
        self._buffered += size
        if self._buffered > BUFFER_BYTES and not self._paused_reading:
            self._paused_reading = True
            self._transport.pause_reading()  # rule 1

    def _drop(self, size: int) -> None:
        self._lingered += size
        if self._lingered > LINGER_BYTES:
            self.abort()

    def _fail(self, refused: Refused) -> None:
        """Rule 5. A body that is being read ends in an error; a head is refused when its turn comes."""
        self._deaf = self._broken = True
        if self._receiving is not None:
            self._receiving.fail(IncompleteBody())
        else:
            self._queue.append(refused)
        self._start_next()

    # --- ending

    def expire(self, now: float) -> None:
        """Rule 3."""
        unsent = self._transport.get_write_buffer_size()
        if unsent:
            self._linger_since = now
            if self._written - unsent != self._taken:
                self._taken, self._taken_since = self._written - unsent, now
            elif now - self._taken_since > WRITE_IDLE_S:
                self.abort()
        elif self._ended:
            if now - self._linger_since > LINGER_S:
                self.abort()
        elif (body := self._receiving) is not None and not self._deaf:
            waits = self._paused_reading or body.expects_continue
            if not waits and now - self._body_since > BODY_IDLE_S:
                self._deaf = True
                body.fail(RequestTimeout())
        elif self._answering or self._queue:
            return
        elif self._in_head:
            if now - self._head_since > HEADERS_S:
                self._fail(Refused(408, "RequestTimeout", "The request's head did not end."))
        elif now - self._idle_since > KEEP_ALIVE_S:
            self.abort()

    def close_when_idle(self) -> None:
        if not self._answering and not self._queue:
            self._ended = True
            self._transport.close()

    def abort(self) -> None:
        self._ended = self._deaf = True
        self._transport.abort()

    def _end(self) -> None:
        """Close; first let a client that is still sending read its answer (rule 5)."""
        unread = self._receiving is not None or self._broken
        self._ended = self._deaf = True
        if unread and not self._half_closed and self._transport.can_write_eof():
            self._linger_since = self._loop.time()
            self._transport.write_eof()
            if self._paused_reading:
                self._paused_reading = False
                self._transport.resume_reading()
        else:
            self._transport.close()
