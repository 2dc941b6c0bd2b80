"""Raw requests to a real server, and what every answer to a hostile one must look like."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

TIMEOUT_S = 30


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    assert parts.hostname is not None
    return socket.create_connection((parts.hostname, parts.port), timeout=TIMEOUT_S)


def message(
    method: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None
) -> bytes:
    """A request in bytes; its length is announced, unless the headers frame it otherwise."""
    fields = {"host": "localhost", "connection": "close", **(headers or {})}
    if body is not None and "transfer-encoding" not in fields:
        fields.setdefault("content-length", str(len(body)))
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in fields.items())
    return head.encode("latin-1") + b"\r\n" + (body or b"")


def exchange(url: str, pieces: bytes | Iterable[bytes], *, half_close: bool = False) -> Answer:
    """Send, then read one answer. A server that stops listening early is no failure: it has answered."""
    with connect(url) as connection:
        try:
            for piece in [pieces] if isinstance(pieces, bytes) else pieces:
                connection.sendall(piece)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass
        response = HTTPResponse(connection)
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, response.read())


def authorization(account: str, service: str) -> dict[str, str]:
    """The open mode does not verify keys that it did not issue."""
    scope = f"{account}/20260101/us-east-1/{service}/aws4_request"
    return {
        "authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00",
        "x-amz-date": "20260101T000000Z",
    }


def json_headers(account: str, service: str, operation: str) -> dict[str, str]:
    prefix, version = {
        "dynamodb": ("DynamoDB_20120810", "1.0"),
        "logs": ("Logs_20140328", "1.1"),
    }[service]
    return {
        **authorization(account, service),
        "x-amz-target": f"{prefix}.{operation}",
        "content-type": f"application/x-amz-json-{version}",
    }


def query_headers(account: str, service: str) -> dict[str, str]:
    form = "application/x-www-form-urlencoded; charset=utf-8"
    return {**authorization(account, service), "content-type": form}


def s3_headers(account: str, **headers: str) -> dict[str, str]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {
        **authorization(account, "s3"),
        "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
        **named,
    }


# --- the shape of a refusal, as the SDKs of each family read it: (code, message)


def json_error(answer: Answer) -> tuple[str, str]:
    assert 400 <= answer.status < 500, (answer.status, answer.body[:300])
    assert answer.headers["x-amzn-requestid"]
    assert answer.headers["content-type"].startswith("application/x-amz-json-1.")
    told: dict[str, Any] = json.loads(answer.body)
    return told["__type"].rpartition("#")[2], told.get("message") or told.get("Message", "")


def rest_json_error(answer: Answer) -> tuple[str, str]:
    assert 400 <= answer.status < 500, (answer.status, answer.body[:300])
    assert answer.headers["x-amzn-requestid"]
    told: dict[str, Any] = json.loads(answer.body)
    return answer.headers["x-amzn-errortype"], told.get("message") or told.get("Message", "")


def query_error(answer: Answer) -> tuple[str, str]:
    assert 400 <= answer.status < 500, (answer.status, answer.body[:300])
    root = ElementTree.fromstring(answer.body)
    found = {element.tag.rpartition("}")[2]: element.text or "" for element in root.iter()}
    assert root.tag.endswith("ErrorResponse")
    assert found["RequestId"]
    return found["Code"], found["Message"]


def s3_error(answer: Answer) -> tuple[str, str]:
    assert 400 <= answer.status < 500, (answer.status, answer.body[:300])
    root = ElementTree.fromstring(answer.body)
    assert root.tag == "Error"
    assert answer.headers["content-type"] == "application/xml"
    assert answer.headers["x-amz-request-id"] == root.findtext("RequestId")
    return root.findtext("Code") or "", root.findtext("Message") or ""
