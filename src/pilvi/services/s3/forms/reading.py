"""A multipart/form-data body while it arrives: the fields in front of the file, then the file as a stream.

What stands behind the file is not a field, as on AWS. Memory: the fields, which have a bound, and one piece.
AWS: S3 API Reference, "POST Object"; RFC 7578.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from pilvi.base.http import Body, HttpRequest
from pilvi.services.s3 import errors, limits
from pilvi.services.s3.forms.errors import MalformedPOSTRequest, MaxPostPreDataLengthExceeded

_BOUNDARY = re.compile(
    r'multipart/form-data\s*;.*?boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.I
)
_PARAMETER = re.compile(rb';\s*(name|filename)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))', re.I)
_ENCLOSURE = "Bucket POST must be of the enclosure-type multipart/form-data"


class Form:
    """`fields`: by name in lower case; a name that comes twice keeps its first value. `filename`: of the file,
    without directories; None when the file is a field without one. `content_type`: of the file's part."""

    def __init__(self, stream: Body, boundary: str) -> None:
        self.fields: dict[str, str] = {}
        self.filename: str | None = None
        self.size = 0
        """Bytes of the file so far."""
        self._stream = stream
        self._delimiter = b"\r\n--" + boundary.encode("latin-1")
        self._buffer = bytearray(b"\r\n")  # the first delimiter may stand at the very beginning
        self._budget = limits.FORM_FIELDS_BYTES_MAX

    async def read_fields(self) -> None:
        """Everything up to the file.

        Raises: MalformedPOSTRequest, MaxPostPreDataLengthExceeded, InvalidArgument (no file).
        """
        await self._take_until(self._delimiter)
        while True:
            behind = await self._take(2)
            if behind == b"--":
                raise errors.InvalidArgument(
                    "POST requires exactly one file upload per request.", "file", "0"
                )
            if behind != b"\r\n":
                raise MalformedPOSTRequest()
            head = b"\r\n" + await self._take_until(b"\r\n\r\n")
            name, filename = _disposition(head)
            if name == "file":
                if filename is not None:
                    self.filename = re.split(r"[/\\]", filename)[-1]
                return
            value = await self._take_until(self._delimiter)
            self.fields.setdefault(name, _text(value))

    async def file(self) -> AsyncIterator[bytes]:
        """The file, in pieces. Raises: MalformedPOSTRequest when it does not end."""
        kept = len(self._delimiter) - 1
        while (at := self._buffer.find(self._delimiter)) < 0:
            ready = len(self._buffer) - kept
            if ready > 0:
                piece = bytes(memoryview(self._buffer)[:ready])
                del self._buffer[:ready]
                self.size += ready
                yield piece
            await self._more()
        self.size += at
        if at:
            yield bytes(memoryview(self._buffer)[:at])
        behind = len(self._buffer) - at
        self._buffer.clear()
        async for piece in self._stream:
            behind += len(piece)
            if behind > limits.FORM_FIELDS_BYTES_MAX:
                raise MalformedPOSTRequest()

    async def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            await self._more()
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    async def _take_until(self, mark: bytes) -> bytes:
        """What stands before a mark, without it; bounded by what the fields may take together."""
        searched = 0
        while (at := self._buffer.find(mark, searched)) < 0:
            if len(self._buffer) > self._budget:
                raise MaxPostPreDataLengthExceeded()
            searched = max(0, len(self._buffer) - len(mark))
            await self._more()
        taken = bytes(self._buffer[:at])
        del self._buffer[: at + len(mark)]
        self._budget -= len(taken) + len(mark)
        if self._budget < 0:
            raise MaxPostPreDataLengthExceeded()
        return taken

    async def _more(self) -> None:
        try:
            self._buffer += await anext(self._stream)
        except StopAsyncIteration:
            raise MalformedPOSTRequest() from None


def form_of(request: HttpRequest) -> Form:
    """Raises: PreconditionFailed when the request is no form."""
    match = _BOUNDARY.match(request.headers.get("content-type", ""))
    if match is None:
        raise errors.PreconditionFailed(_ENCLOSURE)
    stream = request.stream if request.stream is not None else _whole(request.body)
    return Form(stream, match[1] or match[2])


async def _whole(body: bytes) -> AsyncIterator[bytes]:
    if body:
        yield body


def _disposition(head: bytes) -> tuple[str, str | None]:
    """Name (in lower case) and file name of a part, from its head."""
    for line in head.split(b"\r\n"):
        title, _, rest = line.partition(b":")
        if title.strip().lower() == b"content-disposition":
            found = {
                match[1].lower(): match[3] if match[2] is None else _unescaped(match[2])
                for match in _PARAMETER.finditer(rest)
            }
            if b"name" in found:
                filename = found.get(b"filename")
                named = None if filename is None else _text(filename)
                return _text(found[b"name"]).lower(), named
    raise MalformedPOSTRequest()


def _unescaped(quoted: bytes) -> bytes:
    r"""Browsers write %22 for a quote, other clients \"."""
    return quoted.replace(b'\\"', b'"').replace(b"%22", b'"')


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise MalformedPOSTRequest() from None
