"""One HTTP request and one HTTP response, as plain values: what gateway, protocol and identity share.

No sockets here. The raw, undecoded path and query string are kept, because signatures and S3 keys are
made of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec

Body = AsyncIterator[bytes]


class HttpRequest(msgspec.Struct):
    """`headers`: names in lower case; repeated ones joined by a comma, values stripped, latin-1."""

    method: str
    path: str
    """Raw: percent-encoded as it came, without the query string."""
    query: str
    """Raw query string without the question mark."""
    headers: dict[str, str]
    body: bytes = b""
    """The whole body, unless `stream` is given."""
    stream: Body | None = None
    """The body as it arrives, for operations that stream it; then `body` is empty."""
    client_host: str = ""
    secure: bool = False
    tls_version: str = ""
    """Of the connection: "1.3"; "" without TLS."""
    read: Callable[[int], Awaitable[bytes]] | None = None
    """Set by the gateway: reads the whole body, at most so many bytes (RequestTooLarge beyond)."""
    gone: Callable[[], bool] | None = None
    """Set by the gateway: whether the client has closed its side, for those who wait before they answer."""


class FileSlice(msgspec.Struct):
    """A piece of a file that the gateway sends as it is (zero copy where the transport can)."""

    descriptor: int
    offset: int
    length: int


class HttpResponse(msgspec.Struct):
    status: int
    headers: list[tuple[str, str]] = msgspec.field(default_factory=list[tuple[str, str]])
    body: bytes | Body = b""
    """Bytes, or pieces in order; then `length` tells how many bytes they are, else chunks are sent."""
    length: int | None = None
