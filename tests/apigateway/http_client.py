"""Plain HTTP requests to deployed APIs: nothing is signed, and failures are answers."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        return next((value for known, value in self.headers if known.lower() == name), None)

    def all(self, name: str) -> list[str]:
        return [value for known, value in self.headers if known.lower() == name]


def ask(
    url: str,
    method: str = "GET",
    body: bytes | None = None,
    *,
    host: str | None = None,
    **headers: str,
) -> Answer:
    """`headers`: with underscores for dashes. `host`: asks another name at the same address."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if host is not None:
        named["Host"] = host
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, target, body, named)
        response = connection.getresponse()
        return Answer(response.status, response.getheaders(), response.read())
    finally:
        connection.close()
