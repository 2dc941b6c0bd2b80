"""The client of the Runtime API that awslambdaric calls, in plain Python: one connection, one write per request.

awslambdaric brings a compiled one, which fits a single version of Python and needs five times as many system calls
for an invocation. This one fits every version. It knows what pilvi's server answers: HTTP/1.1 with a Content-Length.

A small answer is sent and not waited for: the server, which is told so, says that it has it together with the next
invocation. So neither side wakes the other for a word that nobody needs.
"""

from __future__ import annotations

import os
import socket
from typing import Any

_PREFIX = "/2018-06-01/runtime/invocation/"
_HEAD_BYTES_MAX = 4 * 1024 * 1024

_UNAWAITED_BYTES_MAX = 64 * 1024
"""Larger ones may be refused, and whoever sent one is told so."""
_WITH_NEXT = "Pilvi-Answer: with-next\r\n"

_connection: socket.socket | None = None
_received = bytearray()
_unawaited: list[str] = []
"""Paths of what was posted and not answered yet."""
_user_agent = ""


def initialize_client(user_agent: str) -> None:
    global _user_agent
    _user_agent = user_agent


def next() -> tuple[bytes, dict[str, Any]]:
    """Wait for an invocation: (payload, headers); the deadline among them is a number."""
    _send("GET", "next", "", b"")
    while _unawaited:
        _check(_unawaited.pop(0))
    status, headers, body = _receive()
    if status != 200:
        raise RuntimeError(f"Failed to get next invocation: status {status}, {body[:1000]!r}")
    deadline_ms = int(headers["Lambda-Runtime-Deadline-Ms"])
    return body, {**headers, "Lambda-Runtime-Deadline-Ms": deadline_ms}


def post_invocation_result(
    invoke_id: str, result: bytes, content_type: str, invocation_id: str | None = None
) -> None:
    _post(f"{invoke_id}/response", f"Content-Type: {_one_line(content_type)}\r\n", result)


def post_error(
    invoke_id: str, error_response: str, xray_fault: str, invocation_id: str | None = None
) -> None:
    headers = (
        "Content-Type: application/json\r\nLambda-Runtime-Function-Error-Type: Unhandled\r\n"
        f"Lambda-Runtime-Function-XRay-Error-Cause: {_one_line(xray_fault)}\r\n"
    )
    _post(f"{invoke_id}/error", headers, error_response.encode())


def _one_line(value: str) -> str:
    return value.replace("\r", " ").replace("\n", " ")


def _post(path: str, headers: str, body: bytes) -> None:
    if len(body) <= _UNAWAITED_BYTES_MAX:
        _send("POST", path, f"{headers}{_WITH_NEXT}", body)
        _unawaited.append(path)
        return
    _send("POST", path, headers, body)
    _check(path)


def _check(path: str) -> None:
    status, _headers, answer = _receive()
    if status != 202:
        raise RuntimeError(f"Failed to post to {path}: status {status}, {answer[:1000]!r}")


def connect() -> socket.socket:
    """The connection; a runtime that is parked makes it before it has anything to ask."""
    global _connection
    if _connection is None:
        host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].rpartition(":")
        # It is an address; `create_connection` would first load what only names need.
        _connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        _connection.connect((host, int(port)))
        _connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return _connection


def _send(method: str, path: str, headers: str, body: bytes) -> None:
    connection = connect()
    head = (
        f"{method} {_PREFIX}{path} HTTP/1.1\r\nHost: {os.environ['AWS_LAMBDA_RUNTIME_API']}\r\n"
        f"User-Agent: {_user_agent}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    )
    try:
        connection.sendall(head.encode() + body)
    except OSError:
        _hang_up()
        raise


def _hang_up() -> None:
    global _connection
    if _connection is not None:
        _connection.close()
    _connection = None
    _received.clear()
    _unawaited.clear()


def _receive() -> tuple[int, dict[str, str], bytes]:
    """One answer; what came behind it is kept for the next."""
    assert _connection is not None
    try:
        while (end := _received.find(b"\r\n\r\n")) < 0:
            if len(_received) > _HEAD_BYTES_MAX:
                raise ConnectionError("The Runtime API answers with too long a head.")
            _fill(65536)
        status, *lines = _received[:end].decode("utf-8").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        whole = end + 4 + int(headers["Content-Length"])
        while len(_received) < whole:
            _fill(min(whole - len(_received), 1 << 20))
    except OSError:
        _hang_up()
        raise
    body = bytes(memoryview(_received)[end + 4 : whole])
    del _received[:whole]
    return int(status.split(" ", 2)[1]), headers, body


def _fill(size: int) -> None:
    assert _connection is not None
    piece = _connection.recv(size)
    if not piece:
        raise ConnectionError("The Runtime API closed the connection.")
    _received.extend(piece)
