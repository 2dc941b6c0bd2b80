"""The client of the Runtime API that awslambdaric calls, in plain Python: one connection, one write per request.

awslambdaric brings a compiled one, which fits a single version of Python and needs five times as many system calls
for an invocation. This one fits every version. It knows what pilvi's server answers: HTTP/1.1 with a Content-Length.
"""

from __future__ import annotations

import os
import socket
from typing import Any

_PREFIX = "/2018-06-01/runtime/invocation/"
_HEAD_BYTES_MAX = 4 * 1024 * 1024

_connection: socket.socket | None = None
_user_agent = ""


def initialize_client(user_agent: str) -> None:
    global _user_agent
    _user_agent = user_agent


def next() -> tuple[bytes, dict[str, Any]]:
    """Wait for an invocation: (payload, headers); the deadline among them is a number."""
    status, headers, body = _request("GET", "next", "", b"")
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
    status, _headers, answer = _request("POST", path, headers, body)
    if status != 202:
        raise RuntimeError(f"Failed to post to {path}: status {status}, {answer[:1000]!r}")


def _request(
    method: str, path: str, headers: str, body: bytes
) -> tuple[int, dict[str, str], bytes]:
    global _connection
    if _connection is None:
        host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].rpartition(":")
        # It is an address; `create_connection` would first load what only names need.
        _connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        _connection.connect((host, int(port)))
        _connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    head = (
        f"{method} {_PREFIX}{path} HTTP/1.1\r\nHost: {os.environ['AWS_LAMBDA_RUNTIME_API']}\r\n"
        f"User-Agent: {_user_agent}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    )
    try:
        _connection.sendall(head.encode() + body)
        return _response(_connection)
    except OSError:
        _connection.close()
        _connection = None
        raise


def _response(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    data = connection.recv(65536)
    while (end := data.find(b"\r\n\r\n")) < 0:
        piece = connection.recv(65536)
        if not piece or len(data) > _HEAD_BYTES_MAX:
            raise ConnectionError("The Runtime API closed the connection.")
        data += piece
    status, *lines = data[:end].decode("utf-8").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    length = int(headers["Content-Length"])
    body = data[end + 4 :]
    if len(body) < length:
        pieces = [body]
        missing = length - len(body)
        while missing:
            piece = connection.recv(min(missing, 1 << 20))
            if not piece:
                raise ConnectionError("The Runtime API closed the connection.")
            pieces.append(piece)
            missing -= len(piece)
        body = b"".join(pieces)
    return int(status.split(" ", 2)[1]), headers, body
