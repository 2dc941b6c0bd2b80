"""What a function returned as an HTTP response, and the errors of the API itself. Pure.

AWS: API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs" (response format) and
"Output format of a Lambda function for proxy integration".
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import orjson

from pilvi.base.http import HttpResponse
from pilvi.languages.http_event import media_type_matches

Headers = list[tuple[str, str]]

_DROPPED = frozenset({"connection", "content-length", "transfer-encoding", "date", "keep-alive"})
"""Headers of a function's answer that belong to the transport, which makes its own."""

STATUS_MIN = 200
STATUS_MAX = 599
_DIGITS = re.compile(r"[0-9]{3}")
_BREAKS = frozenset("\r\n\0")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_JSON: tuple[str, str] = ("content-type", "application/json")


class InvalidResponse(Exception):
    """The function returned something that is no response in its payload format."""


def http_answer(
    payload: bytes, version: str, *, content_type: str = "text/plain;charset=UTF-8"
) -> HttpResponse:
    """The response of an HTTP API or a function URL. Raises: InvalidResponse.

    `content_type`: of a response that names none.
    """
    structured = _structured(payload)
    if structured is None or "statusCode" not in structured:
        if version == "2.0":
            return _inferred(payload)
        raise InvalidResponse("a payload 1.0 response needs a statusCode")
    if version == "2.0":
        headers = _single(structured.get("headers"))
        headers += [("set-cookie", cookie) for cookie in _texts(structured.get("cookies"))]
    else:
        headers = _merged(structured)
    body = _body(structured)
    if structured.get("isBase64Encoded") is True:
        body = _unpacked(body)
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("content-type", content_type))
    return HttpResponse(_status(structured), headers, body)


def rest_answer(
    payload: bytes, *, binary_types: Sequence[str] = (), accept: str = ""
) -> HttpResponse:
    """The response of a REST API. Raises: InvalidResponse.

    Base64 becomes bytes only when the API's binary types cover what the client accepts first, or the
    response's own content type.
    """
    structured = _structured(payload)
    known = {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}
    if not structured or not known.issuperset(structured):
        raise InvalidResponse("a proxy response is an object of other members")
    headers = _merged(structured)
    body = _body(structured)
    content_type = next((v for n, v in headers if n.lower() == "content-type"), None)
    if content_type is None:
        content_type = _JSON[1]
        headers.append(_JSON)
    if structured.get("isBase64Encoded") is True and (
        media_type_matches(accept.partition(",")[0] or "*/*", binary_types)
        or media_type_matches(content_type, binary_types)
    ):
        body = _unpacked(body)
    return HttpResponse(_status(structured, default=200), headers, body)


def message(status: int, text: str, *, error_type: str | None = None) -> HttpResponse:
    """An error of the API itself: {"message": ...}."""
    headers = [_JSON]
    if error_type is not None:
        headers.append(("x-amzn-errortype", error_type))
    return HttpResponse(status, headers, orjson.dumps({"message": text}))


def _structured(payload: bytes) -> dict[str, Any] | None:
    """The object that the function returned; None for any other JSON. Raises: InvalidResponse."""
    try:
        result = orjson.loads(payload)
    except orjson.JSONDecodeError:
        raise InvalidResponse("the function did not return JSON") from None
    return cast("dict[str, Any]", result) if isinstance(result, dict) else None


def _inferred(payload: bytes) -> HttpResponse:
    """Payload 2.0: whatever has no statusCode is the body itself, with status 200."""
    result = orjson.loads(payload)
    return HttpResponse(200, [_JSON], result.encode() if isinstance(result, str) else payload)


def check_sendable(response: HttpResponse) -> None:
    """What no transport could send, configured rather than returned: a MOCK's status, a CORS header.

    Raises: ValueError.
    """
    if not STATUS_MIN <= response.status <= STATUS_MAX:
        raise ValueError(f"{response.status} is no status of an answer")
    for name, value in response.headers:
        if _TOKEN.fullmatch(name) is None or not _BREAKS.isdisjoint(value):
            raise ValueError(f"the header {name!r} cannot be sent")


def _status(structured: Mapping[str, Any], *, default: int | None = None) -> int:
    """A whole number, or the digits of one. Interim statuses (1xx) are no answers."""
    given: Any = structured.get("statusCode", default)
    status = given
    if (isinstance(given, str) and _DIGITS.fullmatch(given)) or (
        isinstance(given, float) and given.is_integer()
    ):
        status = int(given)
    if type(status) is not int or not STATUS_MIN <= status <= STATUS_MAX:
        raise InvalidResponse(f"{str(given)[:100]!r} is no status code")
    return status


def _body(structured: Mapping[str, Any]) -> bytes:
    body = structured.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise InvalidResponse("the body is no text")
    return body.encode("utf-8", "surrogatepass")


def _unpacked(body: bytes) -> bytes:
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error:
        raise InvalidResponse("the body is no base64") from None


def _header_name(name: str) -> str:
    if not _TOKEN.fullmatch(name):
        raise InvalidResponse(f"{name!r} is no header name")
    return name


def _single(given: object) -> Headers:
    if given is None:
        return []
    if not isinstance(given, dict):
        raise InvalidResponse("headers are an object")
    pairs = cast("dict[str, object]", given)
    return [
        (_header_name(name), _header_text(value))
        for name, value in pairs.items()
        if value is not None and name.lower() not in _DROPPED
    ]


def _merged(structured: Mapping[str, Any]) -> Headers:
    """`multiValueHeaders` and `headers` together; a value that is in both is sent once."""
    multiple = structured.get("multiValueHeaders")
    headers: Headers = []
    if multiple is not None:
        if not isinstance(multiple, dict):
            raise InvalidResponse("multiValueHeaders are an object")
        for name, values in cast("dict[str, object]", multiple).items():
            if not isinstance(values, list):
                raise InvalidResponse("multiValueHeaders hold lists")
            if name.lower() not in _DROPPED:
                found = cast("list[object]", values)
                headers.extend((_header_name(name), _header_text(value)) for value in found)
    seen = {(name.lower(), value) for name, value in headers}
    spelt = {name.lower(): name for name, _ in headers}
    for name, value in _single(structured.get("headers")):
        if (name.lower(), value) not in seen:
            headers.append((spelt.get(name.lower(), name), value))
    return headers


def _texts(given: object) -> list[str]:
    if given is None:
        return []
    if not isinstance(given, list):
        raise InvalidResponse("cookies are a list")
    return [_header_text(value) for value in cast("list[object]", given)]


def _header_text(value: object) -> str:
    """Numbers and truth values become text, as on AWS. Line breaks (and NUL) would forge headers: refused.

    Header values travel as latin-1; other text travels as its UTF-8 bytes.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        raise InvalidResponse("a header's value is a text")
    text = str(value)
    if not _BREAKS.isdisjoint(text):
        raise InvalidResponse("a header's value has a line break")
    return text if text.isascii() else text.encode().decode("latin-1")
