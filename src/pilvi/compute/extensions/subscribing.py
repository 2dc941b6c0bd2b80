"""A request to subscribe to telemetry, validated. AWS: Lambda Developer Guide, "Lambda Telemetry API reference" and
"Lambda Logs API". Pure functions.
"""

from __future__ import annotations

from typing import Any, Literal, cast
from urllib.parse import urlsplit

import msgspec
import orjson

TYPES = ("platform", "function", "extension")
_HOSTS = ("sandbox.localdomain", "sandbox")
_RESERVED_PORT = 9001
_SCHEMAS = {
    "telemetry": ("2022-07-01", "2022-12-13", "2025-01-29"),
    "logs": ("2020-08-15", "2021-03-18"),
}
_BUFFERING = {
    # member: (default, least, most)
    "maxItems": (10_000, 1_000, 10_000),
    "maxBytes": (262_144, 262_144, 1_048_576),
    "timeoutMs": (1_000, 25, 30_000),
}

Kind = Literal["telemetry", "logs"]


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """`kind`: by which of the two APIs. `path`: of an HTTP destination; None for TCP."""

    kind: Kind
    name: str
    schema: str
    types: tuple[str, ...]
    port: int
    path: str | None
    method: str = "POST"
    items_max: int
    bytes_max: int
    timeout_s: float


class Invalid(Exception):
    """All that is wrong with a request, in one text."""


def parse(kind: Kind, name: str, body: bytes) -> Subscription:
    """Raises: Invalid."""
    try:
        sent: Any = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"The request body is no JSON: {error}") from None
    if not isinstance(sent, dict):
        raise Invalid("The request body is no object")
    asked = cast(dict[str, Any], sent)
    problems: list[str] = []
    schemas = _SCHEMAS[kind]
    schema = asked.get("schemaVersion", schemas[0] if kind == "logs" else None)
    if schema not in schemas:
        problems.append(f"schemaVersion must be one of {', '.join(schemas)}")
    port, path, method = _destination(asked.get("destination"), problems)
    types = asked.get("types")
    if not types:
        problems.append("types should not be empty")
    elif not isinstance(types, list) or any(one not in TYPES for one in cast(list[Any], types)):
        problems.append(f"types must be of {', '.join(TYPES)}")
    limits = _buffering(asked.get("buffering"), problems)
    if problems:
        raise Invalid("; ".join(problems))
    assert isinstance(types, list)
    return Subscription(
        kind=kind,
        name=name,
        schema=str(schema),
        types=tuple(dict.fromkeys(cast(list[str], types))),
        port=port,
        path=path,
        method=method,
        items_max=limits["maxItems"],
        bytes_max=limits["maxBytes"],
        timeout_s=limits["timeoutMs"] / 1000,
    )


def _destination(sent: Any, problems: list[str]) -> tuple[int, str | None, str]:
    """Port, path and method."""
    if not isinstance(sent, dict):
        problems.append("destination is not provided")
        return 0, None, "POST"
    asked = cast(dict[str, Any], sent)
    protocol, method = asked.get("protocol", "HTTP"), asked.get("method", "POST")
    if protocol not in ("HTTP", "TCP"):
        problems.append("protocol must be HTTP or TCP")
    if method not in ("POST", "PUT"):
        problems.append("method must be POST or PUT")
    if protocol == "TCP":
        port, path = asked.get("port"), None
        if port is None and isinstance(asked.get("URI"), str):
            port = _split(asked["URI"], problems)[0]
    else:
        uri = asked.get("URI")
        if not isinstance(uri, str) or not uri:
            problems.append("URI is not provided")
            return 0, "/", "POST"
        port, path = _split(uri, problems)
    if port is None:
        problems.append("URI port is not provided")
    elif not isinstance(port, int) or not 0 < port < 65536 or port == _RESERVED_PORT:
        problems.append(f"port {port} cannot be used")
    return (port if isinstance(port, int) else 0), path, method


def _split(uri: str, problems: list[str]) -> tuple[int | None, str]:
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        problems.append("URI is not valid")
        return 1, "/"
    if parts.hostname not in _HOSTS:
        problems.append(f"URI host must be {_HOSTS[0]}")
    if not uri.isascii() or any(ord(character) <= 32 for character in uri):
        problems.append("URI is not valid")
    return port, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _buffering(sent: Any, problems: list[str]) -> dict[str, int]:
    asked = cast(dict[str, Any], sent) if isinstance(sent, dict) else {}
    limits: dict[str, int] = {}
    for name, (default, least, most) in _BUFFERING.items():
        value = asked.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            problems.append(f"{name} must be between {least} and {most}")
            value = default
        limits[name] = value
    return limits
