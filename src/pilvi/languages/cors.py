"""CORS of HTTP APIs and function URLs: they answer preflights themselves and mark every other answer. Pure.

Once there is a CORS configuration, headers of that kind from the function are replaced by its own.
AWS: API Gateway Developer Guide, "Configure CORS for HTTP APIs in API Gateway".
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pilvi.base.http import HttpResponse


class Cors(msgspec.Struct, kw_only=True):
    allow_credentials: bool = False
    allow_headers: list[str] = []
    allow_methods: list[str] = []
    allow_origins: list[str] = []
    expose_headers: list[str] = []
    max_age_s: int | None = None


def is_preflight(method: str, headers: Mapping[str, str]) -> bool:
    return (
        method == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers
    )


def answer_preflight(cors: Cors, headers: Mapping[str, str]) -> HttpResponse:
    """204 always; the headers are there only when origin, method and headers are all allowed."""
    origin = _allowed_origin(cors, headers["origin"])
    method = headers["access-control-request-method"]
    wanted = [
        name.strip().lower()
        for name in headers.get("access-control-request-headers", "").split(",")
        if name.strip()
    ]
    allowed = {name.lower() for name in cors.allow_headers}
    if (
        origin is None
        or not ({"*", method} & set(cors.allow_methods))
        or not ("*" in allowed or allowed.issuperset(wanted))
    ):
        return HttpResponse(204)
    answer = HttpResponse(204, _origin_headers(cors, origin))
    answer.headers.append(("access-control-allow-methods", ",".join(cors.allow_methods)))
    if cors.allow_headers:
        answer.headers.append(("access-control-allow-headers", ",".join(cors.allow_headers)))
    if cors.max_age_s is not None:
        answer.headers.append(("access-control-max-age", str(cors.max_age_s)))
    return answer


def mark(cors: Cors, headers: Mapping[str, str], response: HttpResponse) -> None:
    """Replace the CORS headers of an answer by those of the API's configuration."""
    response.headers = [
        (name, value)
        for name, value in response.headers
        if not name.lower().startswith("access-control-")
    ]
    origin = _allowed_origin(cors, headers["origin"]) if "origin" in headers else None
    if origin is None:
        return
    response.headers.extend(_origin_headers(cors, origin))
    if cors.expose_headers:
        response.headers.append(("access-control-expose-headers", ",".join(cors.expose_headers)))


def _origin_headers(cors: Cors, origin: str) -> list[tuple[str, str]]:
    headers = [("access-control-allow-origin", origin)]
    if origin != "*":
        headers.append(("vary", "origin"))
    if cors.allow_credentials:
        headers.append(("access-control-allow-credentials", "true"))
    return headers


def _allowed_origin(cors: Cors, origin: str) -> str | None:
    """What to tell the browser: `*`, the origin itself (exact, or `https://*.example`), or nothing."""
    for pattern in cors.allow_origins:
        if pattern == "*":
            return "*"
        if pattern == origin:
            return origin
        scheme, star, rest = pattern.partition("*")
        if star and origin.startswith(scheme) and origin.endswith(rest):
            return origin
    return None
