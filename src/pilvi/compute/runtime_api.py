"""Lambda's Runtime API for one environment: the HTTP server that a runtime asks for its next invocation.

Not for: making sandboxes, or deciding what an outcome is; `environment.py` does that with the answers from here.
AWS: Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes". States and errors are those of
AWS's runtime interface emulator.

    initialising -> idle -> running -> answered -> idle ...        (a GET of /next makes it idle)
    initialising -> broken                                          (POST of /init/error)
    initialising -> restoring -> idle, or broken                    (SnapStart: GET of /restore/next; its error)
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any, Literal, Protocol, cast

import httptools
import orjson

from pilvi.compute.api import PAYLOAD_BYTES_MAX, Invocation
from pilvi.compute.ends import Answer
from pilvi.compute.streaming import STREAM_BYTES_MAX, ResponseStream

_PREFIX = b"/2018-06-01/runtime/"
_CREDENTIALS_PATH = b"/2021-04-23/credentials"
_NO_CREDENTIALS = b"cannot get credentials for the provided token\n"
_EXTENSION_PATHS = (b"/2020-01-01/extension/", b"/2020-08-15/logs", b"/2022-07-01/telemetry")
_HEAD_BYTES_MAX = 2 * 1024 * 1024
"""Of one request; the X-Ray cause alone may have a mebibyte."""
_CONNECTIONS_MAX = 48
"""A runtime needs one or two, and so does each of ten extensions. All are descriptors of this process."""
_ONE_BODY_BYTES = 256 * 1024
_BODIES_BYTES_MAX = 2 * PAYLOAD_BYTES_MAX

State = Literal["initialising", "restoring", "idle", "running", "answered", "broken"]


class Extensions(Protocol):
    """What it asks of the Extensions API (`extensions/registry.py`)."""

    closed: bool

    @property
    def all_ready(self) -> bool: ...
    def request(self, connection: _Connection) -> None: ...
    def invoke(self, event: dict[str, Any]) -> None: ...
    def lost(self, connection: object) -> None: ...


class RuntimeApi:
    """The state of one environment's runtime. Serve it with `loop.create_server(api.connection, sock=...)`."""

    def __init__(self, *, may_connect: Callable[[asyncio.Transport], bool] | None = None) -> None:
        """`may_connect`: asked of each new connection, where others than the runtime could come."""
        self._may_connect = may_connect
        self.state: State = "initialising"
        self._on_initialised: Callable[[Answer | None], None] | None = None
        self._on_answer: Callable[[Answer], None] | None = None
        self._waiting: _Connection | None = None
        self._queued: tuple[Invocation, Callable[[], int]] | None = None
        self._request_id = ""
        self._stream: ResponseStream | None = None
        """Of the invocation under way."""
        self._connections: set[_Connection] = set()
        self.registry: Extensions | None = None
        """Of extensions; None while there are none."""
        self._make_registry: Callable[[], Extensions] | None = None
        self.on_restore: Callable[[], None] | None = None
        """SnapStart: told when the initialisation is over, and what comes after a snapshot begins."""
        self.credentials: Callable[[str], bytes | None] | None = None
        """SnapStart: the credentials for whoever shows a token."""
        self._is_ready = False
        """The initialisation is over: the runtime and all extensions have asked for an event."""

    def bind(
        self,
        *,
        on_initialised: Callable[[Answer | None], None],
        on_answer: Callable[[Answer], None],
        make_registry: Callable[[], Extensions] | None = None,
    ) -> None:
        """`on_initialised`: called once, at the first /next (None) or with the error of the initialisation; where there
        are extensions, not before these are ready. `make_registry`: for the first extension that comes by itself.
        """
        self._on_initialised = on_initialised
        self._on_answer = on_answer
        self._make_registry = make_registry

    def connection(self) -> asyncio.Protocol:
        return _Connection(self, self._connections)

    def dispatch(self, invocation: Invocation, deadline_ms: Callable[[], int]) -> None:
        """Give the invocation to the runtime, now or as soon as it asks.

        `deadline_ms`: asked at that moment; the machine's time.
        """
        assert self._queued is None
        self._queued = invocation, deadline_ms
        if self._waiting is not None and self._is_ready:
            waiting, self._waiting = self._waiting, None
            self._hand_over(waiting)

    def proceed(self) -> None:
        """All extensions are ready. If the runtime is, too, go on."""
        if self.state != "idle" or self._is_ready:
            return
        self._begin()
        if self._queued is not None and self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            self._hand_over(waiting)

    def _begin(self) -> None:
        self._is_ready = True
        if self._on_initialised is not None:
            self._on_initialised(None)

    def withdraw(self) -> bool:
        """Take back an invocation that the runtime has not got yet; whether there was one."""
        queued, self._queued = self._queued, None
        return queued is not None

    @property
    def holds_too_much(self) -> bool:
        """Whether unfinished requests together hold more than any runtime has to say."""
        return sum(connection.held_bytes for connection in self._connections) > _BODIES_BYTES_MAX

    def admits(self, transport: asyncio.Transport) -> bool:
        if len(self._connections) >= _CONNECTIONS_MAX:
            return False
        return self._may_connect is None or self._may_connect(transport)

    def _hand_over(self, connection: _Connection) -> None:
        assert self._queued is not None
        (invocation, deadline_ms), self._queued = self._queued, None
        self._request_id = invocation.request_id
        self._stream = invocation.stream
        self.state = "running"
        until_ms = deadline_ms()
        if self.registry is not None:
            self.registry.invoke(_invoke_event(invocation, until_ms))
        connection.send(_next_response(invocation, until_ms))

    def close(self) -> None:
        for connection in list(self._connections):
            connection.close()

    def lost(self, connection: _Connection) -> None:
        if self._waiting is connection:
            self._waiting = None
        if self.registry is not None:
            self.registry.lost(connection)

    def stream_for(self, connection: _Connection) -> ResponseStream | None:
        """Where the pieces of a streamed answer go; None: they are gathered, for whoever waits for all of it."""
        path = _PREFIX + f"invocation/{self._request_id}/response".encode()
        if self._stream is None or self.state != "running" or connection.path != path:
            return None
        self._stream.begin(connection.content_type)
        return self._stream

    def cut(self, connection: _Connection) -> None:
        """A streamed answer under way has lost its connection."""
        if self.state == "running" and connection.stream is self._stream:
            self.state = "answered"
            if self._on_answer is not None:
                self._on_answer(Answer(_TRUNCATED_BODY, _TRUNCATED, final=True))

    def request(self, connection: _Connection) -> None:
        """Answer one whole request."""
        path = connection.path
        if not path.startswith(_PREFIX):
            if path == _CREDENTIALS_PATH and self.credentials is not None:
                found = self.credentials(connection.authorization)
                connection.send(_response(200 if found else 404, found or _NO_CREDENTIALS))
            elif path.startswith(_EXTENSION_PATHS):
                if self.registry is None:
                    assert self._make_registry is not None
                    self.registry = self._make_registry()
                self.registry.request(connection)
            else:
                connection.refuse(404, "NotFound", "No such resource of the Runtime API.")
            return
        words = path[len(_PREFIX) :].decode("latin-1").split("/")
        match connection.method, words:
            case "GET", ["invocation", "next"]:
                self._next(connection)
            case "POST", ["invocation", request_id, "response" | "error" as kind]:
                self._finish(connection, request_id, kind)
            case "POST", ["init", "error"]:
                self._init_error(connection)
            case "GET", ["restore", "next"] if self.on_restore is not None:
                self._restore_next(connection)
            case "POST", ["restore", "error"] if self.on_restore is not None:
                self._restore_error(connection)
            case _, ["invocation", "next"] | ["invocation", _, "response" | "error"] | [
                "init",
                "error",
            ]:
                connection.refuse(
                    405, "MethodNotAllowed", "The resource does not know this method."
                )
            case _:
                connection.refuse(404, "NotFound", "No such resource of the Runtime API.")

    def _next(self, connection: _Connection) -> None:
        if self.state in ("running", "broken") or self._waiting is not None:
            connection.refuse_transition(self.state, "Ready")
            return
        if not self._is_ready:
            if self.registry is not None:
                self.registry.closed = True
            if self.registry is None or self.registry.all_ready:
                self._begin()
        self.state = "idle"
        if self._queued is None or not self._is_ready:
            self._waiting = connection
        else:
            self._hand_over(connection)

    def _finish(self, connection: _Connection, request_id: str, kind: str) -> None:
        target = "InvocationResponse" if kind == "response" else "InvocationErrorResponse"
        if self.state != "running":
            connection.refuse_transition(self.state, target)
            return
        if request_id != self._request_id:
            connection.refuse(400, "InvalidRequestID", "Invalid request ID")
            return
        if connection.mode not in ("", "streaming"):
            connection.refuse(400, "InvalidFunctionResponseMode", "Invalid function response mode")
            return
        error_type = connection.error_type
        if kind == "error" and error_type is None:
            error_type = "Function.Unknown"
        self.state = "answered"
        if self._on_answer is not None:
            body = connection.body() if not connection.mode else connection.streamed_body()
            size_max = PAYLOAD_BYTES_MAX if connection.stream is None else STREAM_BYTES_MAX
            self._on_answer(Answer(body, error_type, connection.too_large, size_max))
        if connection.too_large:
            text = f"Exceeded maximum allowed payload size ({PAYLOAD_BYTES_MAX} bytes)."
            connection.refuse(413, "RequestEntityTooLarge", text)
        else:
            connection.send(_ACCEPTED)

    def _restore_next(self, connection: _Connection) -> None:
        assert self.on_restore is not None
        if self.state != "initialising":
            connection.refuse_transition(self.state, "RestoreReady")
            return
        self.state = "restoring"
        self.on_restore()
        connection.send(_response(200, b""))

    def _restore_error(self, connection: _Connection) -> None:
        if self.state != "restoring":
            connection.refuse_transition(self.state, "RestoreError")
            return
        self.state = "broken"
        error_type = connection.error_type or "Runtime.Unknown"
        if self._on_initialised is not None:
            self._on_initialised(Answer(connection.body(), error_type, connection.too_large))
        connection.send(_ACCEPTED)

    def _init_error(self, connection: _Connection) -> None:
        if self.state != "initialising":
            connection.refuse_transition(self.state, "InitError")
            return
        self.state = "broken"
        error_type = connection.error_type or "Runtime.Unknown"
        if self._on_initialised is not None:
            self._on_initialised(Answer(connection.body(), error_type, connection.too_large))
        connection.send(_ACCEPTED)


class _Connection(asyncio.Protocol):
    """One HTTP/1.1 connection of the runtime, kept alive; one request at a time."""

    def __init__(self, api: RuntimeApi, connections: set[_Connection]) -> None:
        self._api = api
        self._connections = connections
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._owed = b""
        """Answers that go with the one to the next request: pilvi's own runtime client does not wait for them."""
        self._reset()

    def _reset(self) -> None:
        self._with_next = False
        self.method = ""
        self.path = b""
        self.error_type: str | None = None
        self.too_large = False
        self.mode = ""
        self.content_type = "application/octet-stream"
        self.stream: ResponseStream | None = None
        self._error_body = b""
        self._body = bytearray()
        self.extension_headers: dict[bytes, str] = {}
        self.authorization = ""
        self._body_bytes = 0
        self._head_bytes = 0
        self._keep_alive = True

    def body(self) -> bytes:
        return bytes(self._body)

    def streamed_body(self) -> bytes:
        """What is left to tell of an answer that came in pieces: those of them that nobody else got, or the error
        that ended it."""
        if self.error_type is None:
            return self.body()
        try:
            return base64.b64decode(self._error_body, validate=True) or _unknown(self.error_type)
        except ValueError:
            return _unknown(self.error_type)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class
        if not self._api.admits(self._transport):
            self._transport.abort()
            return
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        self._api.lost(self)
        self._transport = None
        if self.stream is not None:
            # A runtime that exits tells more by how it did so.
            asyncio.get_running_loop().call_later(_CUT_GRACE_S, self._api.cut, self)

    def pause_writing(self) -> None:
        """It does not read what it asked for: nothing more is read of it, so that answers do not pile up here."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.close()
        except httptools.HttpParserError:
            self._keep_alive = False
            self.refuse(400, "InvalidRequest", "The request is no HTTP/1.1 request.")

    def on_url(self, url: bytes) -> None:
        self.path += url
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count_head(len(name) + len(value))
        match name.lower():
            case b"lambda-runtime-function-error-type":
                self.error_type = value.decode("latin-1")[:1024]
            case b"lambda-runtime-function-response-mode":
                self.mode = value.decode("latin-1").lower()[:64] or "streaming"
            case b"content-type":
                self.content_type = value.decode("latin-1")[:256]
            case b"lambda-runtime-function-error-body":
                self._error_body = value
            case b"expect" if value.lower() == b"100-continue" and self._transport is not None:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            case b"pilvi-answer":
                self._with_next = True
            case b"authorization":
                self.authorization = value.decode("latin-1")[:1024]
            case other if other.startswith(b"lambda-extension-"):
                self.extension_headers[other] = value.decode("latin-1")[:1024]
            case _:
                pass

    def on_body(self, piece: bytes) -> None:
        if self.mode and self._body_bytes == 0:
            self.stream = self._api.stream_for(self)
        self._body_bytes += len(piece)
        if self.stream is not None and self._transport is not None:
            self.stream.feed(piece, self._transport)
            self.too_large = self.stream.too_large
            return
        if self.too_large:
            return
        self._body += piece
        if len(self._body) > PAYLOAD_BYTES_MAX:
            self.too_large = True
            self._body.clear()
        elif len(self._body) > _ONE_BODY_BYTES and self._api.holds_too_much:
            self.close()

    @property
    def held_bytes(self) -> int:
        return len(self._body)

    def on_message_complete(self) -> None:
        self.method = self._parser.get_method().decode("latin-1")
        self._keep_alive = self._parser.should_keep_alive()
        self._api.request(self)
        self._reset()

    def _count_head(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > _HEAD_BYTES_MAX:
            self.close()

    def send(self, response: bytes) -> None:
        if self._transport is None:
            return
        if self._with_next:
            self._owed = response
            return
        if self._owed:
            response, self._owed = self._owed + response, b""
        self._transport.write(response)
        if not self._keep_alive:
            self._transport.close()

    def answer(self, status: int, document: object, headers: dict[str, str]) -> None:
        self.send(_response(status, orjson.dumps(document), headers))

    def refuse(self, status: int, error_type: str, message: str) -> None:
        body = orjson.dumps({"errorMessage": message, "errorType": error_type})
        self.send(_response(status, body))

    def refuse_transition(self, state: str, target: str) -> None:
        self.refuse(
            403,
            "InvalidStateTransition",
            f"State transition from {state} to {target} failed for runtime."
            " Error: State transition is not allowed",
        )

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


_REASONS = {
    200: "OK",
    202: "Accepted",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Request Entity Too Large",
    501: "Not Implemented",
}


def _response(status: int, body: bytes, headers: dict[str, str] | None = None) -> bytes:
    more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    return (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: application/json\r\n{more}"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


_TRUNCATED = "Runtime.TruncatedResponse"
_CUT_GRACE_S = 0.1


def _unknown(error_type: str, message: str = "") -> bytes:
    return orjson.dumps({"errorType": error_type, "errorMessage": message})


_TRUNCATED_BODY = _unknown(_TRUNCATED, "The response was cut off before its end.")
_ACCEPTED = _response(202, b'{"status":"OK"}\n')

_OPTIONAL_HEADERS: tuple[tuple[str, Callable[[Invocation], str | None]], ...] = (
    ("Lambda-Runtime-Trace-Id", lambda invocation: invocation.trace and invocation.trace.header),
    ("Lambda-Runtime-Client-Context", lambda invocation: invocation.client_context),
    ("Lambda-Runtime-Cognito-Identity", lambda invocation: invocation.cognito_identity),
    ("Lambda-Runtime-Aws-Tenant-Id", lambda invocation: invocation.tenant_id),
)


def _next_response(invocation: Invocation, deadline_ms: int) -> bytes:
    head = (
        "HTTP/1.1 200 OK\r\n"
        f"Content-Type: {_header(invocation.content_type)}\r\n"
        f"Lambda-Runtime-Aws-Request-Id: {_header(invocation.request_id)}\r\n"
        f"Lambda-Runtime-Deadline-Ms: {deadline_ms}\r\n"
        f"Lambda-Runtime-Invoked-Function-Arn: {_header(invocation.invoked_function_arn)}\r\n"
    )
    for name, value_of in _OPTIONAL_HEADERS:
        value = value_of(invocation)
        if value:
            head += f"{name}: {_header(value)}\r\n"
    return f"{head}Content-Length: {len(invocation.payload)}\r\n\r\n".encode() + invocation.payload


def _invoke_event(invocation: Invocation, deadline_ms: int) -> dict[str, Any]:
    event: dict[str, Any] = {
        "eventType": "INVOKE",
        "deadlineMs": deadline_ms,
        "requestId": invocation.request_id,
        "invokedFunctionArn": invocation.invoked_function_arn,
    }
    if invocation.trace is not None:
        event["tracing"] = {"type": "X-Amzn-Trace-Id", "value": invocation.trace.header}
    return event


def _header(value: str) -> str:
    """A value cannot begin a header of its own. JSON has no meaning for these characters either."""
    if value.isprintable():
        return value
    return "".join(character if character.isprintable() else " " for character in value)
