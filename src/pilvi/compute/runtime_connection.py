"""One HTTP/1.1 connection to an environment's Runtime API: requests parsed, bounded and answered.

Not for: what a request means; `runtime_api.py` and `extensions/registry.py` say that.
"""

from __future__ import annotations

import asyncio
import base64
from typing import Protocol, cast

import httptools
import orjson

from pilvi.compute.api import PAYLOAD_BYTES_MAX
from pilvi.compute.streaming import ResponseStream

_HEAD_BYTES_MAX = 2 * 1024 * 1024
"""Of one request; the X-Ray cause alone may have a mebibyte."""
_ONE_BODY_BYTES = 256 * 1024
_CUT_GRACE_S = 0.1


class Api(Protocol):
    """What a connection asks of the API that it belongs to."""

    @property
    def holds_too_much(self) -> bool: ...
    def admits(self, transport: asyncio.Transport) -> bool: ...
    def lost(self, connection: Connection) -> None: ...
    def cut(self, connection: Connection) -> None: ...
    def stream_for(self, connection: Connection) -> ResponseStream | None: ...
    def request(self, connection: Connection) -> None: ...


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection of the runtime, kept alive; one request at a time."""

    def __init__(self, api: Api, connections: set[Connection]) -> None:
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
            return base64.b64decode(self._error_body, validate=True) or unknown(self.error_type)
        except ValueError:
            return unknown(self.error_type)

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
        self.send(response(status, orjson.dumps(document), headers))

    def refuse(self, status: int, error_type: str, message: str) -> None:
        body = orjson.dumps({"errorMessage": message, "errorType": error_type})
        self.send(response(status, body))

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


def unknown(error_type: str, message: str = "") -> bytes:
    return orjson.dumps({"errorType": error_type, "errorMessage": message})


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


def response(status: int, body: bytes, headers: dict[str, str] | None = None) -> bytes:
    more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    return (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: application/json\r\n{more}"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body
