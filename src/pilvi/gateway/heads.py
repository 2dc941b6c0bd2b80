"""The two heads of an exchange, without I/O: a request's is read, an answer's is written.

Whatever two readers could understand differently is refused here (the parser, llhttp, refuses the rest):
that is what request smuggling and header injection are made of.
"""

from __future__ import annotations

import re
from http import HTTPStatus

from pilvi.base.http import HttpRequest, HttpResponse

_ONCE = frozenset({"host", "authorization", "content-length", "transfer-encoding", "expect"})
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{0,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{0,5})?")
_OURS = frozenset(
    {"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding", "upgrade"}
)
"""Fields that the server writes; a function behind an API must not."""
_FIELDS = re.compile(r"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+: [^\r\n\0]*\r\n)*")
_STATUS_LINES = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n".encode() for s in HTTPStatus}


class Refused(Exception):
    """Bytes that are no request, or one too many: answered without asking any service."""

    def __init__(
        self, status: int, code: str, text: str = "The request's headers are too large."
    ) -> None:
        self.status = status
        self.code = code
        self.text = text
        super().__init__(code)

    def response(self) -> HttpResponse:
        body = (
            "<?xml version='1.0' encoding='UTF-8'?>\n"
            f"<Error><Code>{self.code}</Code><Message>{self.text}</Message></Error>"
        )
        return HttpResponse(self.status, [("content-type", "application/xml")], body.encode())


def read_head(
    method: str,
    target: str,
    version: str,
    fields: list[tuple[bytes, bytes]],
    *,
    client_host: str,
    secure: bool,
) -> HttpRequest:
    """Raises: Refused."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in fields:
        name = raw_name.decode("latin-1").lower()
        value = raw_value.decode("latin-1").strip(" \t")
        if name in headers:
            if name in _ONCE:
                raise _bad(f"The header {name} was sent more than once.")
            value = f"{headers[name]}{'; ' if name == 'cookie' else ','}{value}"
        headers[name] = value
    if version not in ("1.1", "1.0"):
        raise Refused(505, "HttpVersionNotSupported", "pilvi speaks HTTP/1.1 and HTTP/1.0.")
    coding = headers.get("transfer-encoding")
    if coding is not None:
        if version == "1.0":
            raise _bad("HTTP/1.0 has no Transfer-Encoding.")
        if coding.lower() != "chunked":
            raise Refused(501, "NotImplemented", "The only Transfer-Encoding here is chunked.")
    if not target.startswith("/"):
        target = _origin_form(target, headers)
    host = headers.get("host")
    if host is None:
        if version == "1.1":
            raise _bad("The Host header is missing.")
    elif _HOST.fullmatch(host) is None:
        raise _bad("The Host header is malformed.")
    path, _, query = target.partition("?")
    return HttpRequest(method, path, query, headers, client_host=client_host, secure=secure)


def answer_head(response: HttpResponse) -> list[bytes]:
    """The status line and the fields, without those that the server writes itself.

    Raises: ValueError for what would break the protocol; no byte of it may be sent.
    """
    status = response.status
    if not 200 <= status <= 999:
        raise ValueError(f"{status} is no status of an answer")
    lines = [
        f"{name}: {value}\r\n" for name, value in response.headers if name.lower() not in _OURS
    ]
    fields = "".join(lines)
    if fields.count("\n") != len(lines) or _FIELDS.fullmatch(fields) is None:
        raise ValueError("a response header is malformed")
    line = _STATUS_LINES.get(status) or f"HTTP/1.1 {status} -\r\n".encode()
    return [line, fields.encode("latin-1", "replace")]


def _bad(text: str) -> Refused:
    return Refused(400, "BadRequest", text)


def _origin_form(target: str, headers: dict[str, str]) -> str:
    """`http://host/path` (as proxies are asked) and `*` as a path. The target's host is the one that counts."""
    if "://" not in target:
        return "/" + target
    rest = target.split("://", 1)[1]
    end = next((i for i, character in enumerate(rest) if character in "/?#"), len(rest))
    headers["host"] = rest[:end]
    return rest[end:] if rest[end : end + 1] == "/" else f"/{rest[end:]}"
