"""The canonical request of Signature Version 4: what both sides hash.

Pure. S3 encodes the path once and never normalises it; all other services remove dot segments and empty
segments and encode what was sent once more.

AWS: IAM User Guide, "Create a signed AWS API request".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes

from pilvi.base.http import HttpRequest

_plain_path = re.compile(r"[A-Za-z0-9/_.~-]*").fullmatch
_plain_query = re.compile(r"[A-Za-z0-9_.~&=-]*").fullmatch
_spaces = re.compile(" {2,}").sub

SIGNATURE_PARAMETER = "X-Amz-Signature"


def canonical_headers(headers: dict[str, str], names: tuple[str, ...]) -> str:
    """One line for each signed header, in the order the client signed them. A missing one is empty.

    Only runs of spaces are folded: other white space of `str.split` may be part of a UTF-8 character.
    """
    text = "".join([f"{name}:{headers.get(name, '')}\n" for name in names])
    return _spaces(" ", text) if "  " in text else text


def s3_path(path: str) -> str:
    """Decoded and encoded again, so that every way of writing a key gives the same text."""
    if _plain_path(path):
        return path or "/"
    return quote(unquote_to_bytes(path.encode("latin-1", "replace")), safe="/~")


@lru_cache(maxsize=1024)
def service_path(path: str) -> str:
    """Normalised, and encoded on top of the encoding that it was sent with."""
    if path in ("", "/"):
        return "/"
    return quote(_without_dots(path), safe="/~")


def _as_sent(path: str) -> str:
    return path


def _decoded_service_path(path: str) -> str:
    return service_path(s3_path(path))


def _without_dots(path: str) -> str:
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment and segment != ".":
            kept.append(segment)
    body = "/".join(kept)
    return f"/{body}/" if body and path.endswith("/") else f"/{body}"


def canonical_query(query: str) -> str:
    """Sorted by encoded name, then value; the presigned URL's signature itself is left out."""
    if not query:
        return ""
    if _plain_query(query):
        pairs = [pair.partition("=")[::2] for pair in query.split("&") if pair]
    else:
        pairs = [
            (_encode_once(name), _encode_once(value))
            for name, _, value in (pair.partition("=") for pair in query.split("&") if pair)
        ]
    pairs.sort()
    return "&".join(f"{name}={value}" for name, value in pairs if name != SIGNATURE_PARAMETER)


def _encode_once(text: str) -> str:
    plus = text.replace("+", " ").encode("latin-1", "replace")
    return quote(unquote_to_bytes(plus), safe="~")


def _query_as_sent(query: str) -> str:
    pairs = sorted(pair.partition("=")[::2] for pair in query.split("&") if pair)
    return "&".join(f"{name}={value}" for name, value in pairs if name != SIGNATURE_PARAMETER)


def canonical_requests(
    request: HttpRequest,
    *,
    names: tuple[str, ...],
    signed_headers: str,
    payload: str,
    is_s3: bool,
) -> Iterator[bytes]:
    """The canonical request, and behind it the few spellings of it that signers in the field also use.

    All of them stand for the same request: they differ in how a character is percent-encoded. They come
    lazily, and the first is right for every AWS SDK.
    """
    tail = f"\n{canonical_headers(request.headers, names)}\n{signed_headers}\n{payload}"
    paths = (s3_path, _as_sent) if is_s3 else (service_path, _decoded_service_path)
    path, query = paths[0](request.path), canonical_query(request.query)
    first = f"{request.method}\n{path}\n{query}{tail}"
    yield first.encode("latin-1", "replace")
    seen = {first}
    for path_of in paths:
        for query_of in (canonical_query, _query_as_sent):
            text = f"{request.method}\n{path_of(request.path)}\n{query_of(request.query)}{tail}"
            if text not in seen:
                seen.add(text)
                yield text.encode("latin-1", "replace")
