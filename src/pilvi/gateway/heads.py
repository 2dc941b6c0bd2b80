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
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_KNOWN_MAX = 1024
_KNOWN_BYTES_MAX = 64
_known_names: dict[bytes, str] = {}
"""Names of request headers, in lower case: the same few come again and again."""
_sound_names: set[str] = set()
"""Names of answers' headers that were found to be sound, and not ours."""
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
        name = _known_names.get(raw_name) or _learn(raw_name)
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


def may_ignore_upgrade(request: HttpRequest) -> bool:
    """Clients that could speak HTTP/2 ask whether we can; those that send a body with it must not."""
    headers = request.headers
    bare = headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
    return bare and headers.get("upgrade", "").lower() == "h2c" and request.method != "CONNECT"


def answer_head(response: HttpResponse) -> list[bytes]:
    """The status line and the fields, without those that the server writes itself.

    Raises: ValueError for what would break the protocol; no byte of it may be sent.
    """
    status = response.status
    if not 200 <= status <= 999:
        raise ValueError(f"{status} is no status of an answer")
    headers = response.headers
    if not _sound_names.issuperset([name for name, _ in headers]):
        headers = [field for field in headers if _is_for_us_to_send(field[0])]
    fields = "".join([f"{name}: {value}\r\n" for name, value in headers])
    if not fields.count("\n") == fields.count("\r") == len(headers) or "\0" in fields:
        raise ValueError("a response header contains a line break")
    line = _STATUS_LINES.get(status) or f"HTTP/1.1 {status} -\r\n".encode()
    return [line, fields.encode("latin-1", "replace")]


async def close_body(body: object) -> None:
    """Close what feeds an answer, if it can be closed."""
    close = getattr(body, "aclose", None)
    if close is not None:
        await close()


def _learn(raw_name: bytes) -> str:
    name = raw_name.decode("latin-1").lower()
    if len(_known_names) < _KNOWN_MAX and len(raw_name) <= _KNOWN_BYTES_MAX:
        _known_names[raw_name] = name
    return name


def _is_for_us_to_send(name: str) -> bool:
    """False for what the server writes itself. Raises: ValueError for what is no name."""
    if name.lower() in _OURS:
        return False
    if _TOKEN.fullmatch(name) is None:
        raise ValueError("a response header has no proper name")
    if len(_sound_names) < _KNOWN_MAX and len(name) <= _KNOWN_BYTES_MAX:
        _sound_names.add(name)
    return True


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
