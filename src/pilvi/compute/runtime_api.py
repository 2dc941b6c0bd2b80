"""Lambda's Runtime API for one environment: the HTTP server that a runtime asks for its next invocation.

Not for: making sandboxes, or deciding what an outcome is; `environment.py` does that with the answers from here.
AWS: Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes". States and errors are those of
AWS's runtime interface emulator.

    initialising -> idle -> running -> answered -> idle ...        (a GET of /next makes it idle)
    initialising -> broken                                          (POST of /init/error)
    initialising -> restoring -> idle, or broken                    (SnapStart: GET of /restore/next; its error)
    any -> initialising                                             (the environment begins again)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Literal, Protocol

from pilvi.compute.api import PAYLOAD_BYTES_MAX, Invocation
from pilvi.compute.ends import Answer
from pilvi.compute.runtime_connection import Connection, response, unknown
from pilvi.compute.streaming import STREAM_BYTES_MAX, ResponseStream

_PREFIX = b"/2018-06-01/runtime/"
_CREDENTIALS_PATH = b"/2021-04-23/credentials"
_NO_CREDENTIALS = b"cannot get credentials for the provided token\n"
_EXTENSION_PATHS = (b"/2020-01-01/extension/", b"/2020-08-15/logs", b"/2022-07-01/telemetry")
_CONNECTIONS_MAX = 48
"""A runtime needs one or two, and so does each of ten extensions. All are descriptors of this process."""
_BODIES_BYTES_MAX = 2 * PAYLOAD_BYTES_MAX
_ROUNDS_OF_DEAD = 3
"""Of the event loop, in which connections are accepted that dead processes had begun."""

State = Literal["initialising", "restoring", "idle", "running", "answered", "broken"]


class Extensions(Protocol):
    """What it asks of the Extensions API (`extensions/registry.py`)."""

    closed: bool

    @property
    def all_ready(self) -> bool: ...
    def request(self, connection: Connection) -> None: ...
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
        self._waiting: Connection | None = None
        self._queued: tuple[Invocation, Callable[[], int]] | None = None
        self._request_id = ""
        self._stream: ResponseStream | None = None
        """Of the invocation under way."""
        self._connections: set[Connection] = set()
        self.registry: Extensions | None = None
        """Of extensions; None while there are none."""
        self._make_registry: Callable[[], Extensions] | None = None
        self.on_restore: Callable[[], None] | None = None
        """SnapStart: told when the initialisation is over, and what comes after a snapshot begins."""
        self.credentials: Callable[[str], bytes | None] | None = None
        """SnapStart: the credentials for whoever shows a token."""
        self._is_ready = False
        """The initialisation is over: the runtime and all extensions have asked for an event."""
        self._barred = False

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
        return Connection(self, self._connections)

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
        if self._barred or len(self._connections) >= _CONNECTIONS_MAX:
            return False
        return self._may_connect is None or self._may_connect(transport)

    def _hand_over(self, connection: Connection) -> None:
        assert self._queued is not None
        (invocation, deadline_ms), self._queued = self._queued, None
        self._request_id = invocation.request_id
        self._stream = invocation.stream
        self.state = "running"
        until_ms = deadline_ms()
        if self.registry is not None:
            self.registry.invoke(_invoke_event(invocation, until_ms))
        connection.send(_next_response(invocation, until_ms))

    async def bar(self) -> None:
        """Nobody is served until `begin_again`: what still comes was sent by processes that have ended."""
        self._barred = True
        for connection in list(self._connections):
            connection.close()
        for _ in range(_ROUNDS_OF_DEAD):
            await asyncio.sleep(0)

    def begin_again(self) -> None:
        """For a new runtime and new extensions: as it was at first."""
        assert self._barred
        self._barred = self._is_ready = False
        self.state = "initialising"
        self._waiting = self._queued = self._stream = self.registry = None
        self._request_id = ""

    def close(self) -> None:
        for connection in list(self._connections):
            connection.close()

    def lost(self, connection: Connection) -> None:
        if self._waiting is connection:
            self._waiting = None
        if self.registry is not None:
            self.registry.lost(connection)

    def stream_for(self, connection: Connection) -> ResponseStream | None:
        """Where the pieces of a streamed answer go; None: they are gathered, for whoever waits for all of it."""
        path = _PREFIX + f"invocation/{self._request_id}/response".encode()
        if self._stream is None or self.state != "running" or connection.path != path:
            return None
        self._stream.begin(connection.content_type)
        return self._stream

    def cut(self, connection: Connection) -> None:
        """A streamed answer under way has lost its connection."""
        if self.state == "running" and connection.stream is self._stream:
            self.state = "answered"
            if self._on_answer is not None:
                self._on_answer(Answer(_TRUNCATED_BODY, _TRUNCATED, final=True))

    def request(self, connection: Connection) -> None:
        """Answer one whole request."""
        path = connection.path
        if not path.startswith(_PREFIX):
            if path == _CREDENTIALS_PATH and self.credentials is not None:
                found = self.credentials(connection.authorization)
                connection.send(response(200 if found else 404, found or _NO_CREDENTIALS))
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

    def _next(self, connection: Connection) -> None:
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

    def _finish(self, connection: Connection, request_id: str, kind: str) -> None:
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

    def _restore_next(self, connection: Connection) -> None:
        assert self.on_restore is not None
        if self.state != "initialising":
            connection.refuse_transition(self.state, "RestoreReady")
            return
        self.state = "restoring"
        self.on_restore()
        connection.send(response(200, b""))

    def _restore_error(self, connection: Connection) -> None:
        if self.state != "restoring":
            connection.refuse_transition(self.state, "RestoreError")
            return
        self.state = "broken"
        error_type = connection.error_type or "Runtime.Unknown"
        if self._on_initialised is not None:
            self._on_initialised(Answer(connection.body(), error_type, connection.too_large))
        connection.send(_ACCEPTED)

    def _init_error(self, connection: Connection) -> None:
        if self.state != "initialising":
            connection.refuse_transition(self.state, "InitError")
            return
        self.state = "broken"
        error_type = connection.error_type or "Runtime.Unknown"
        if self._on_initialised is not None:
            self._on_initialised(Answer(connection.body(), error_type, connection.too_large))
        connection.send(_ACCEPTED)


_TRUNCATED = "Runtime.TruncatedResponse"


_TRUNCATED_BODY = unknown(_TRUNCATED, "The response was cut off before its end.")
_ACCEPTED = response(202, b'{"status":"OK"}\n')

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
