"""AWS's event stream framing: how one response carries many typed events.

A frame is its length, the length of its headers, a CRC-32 of those eight bytes, the headers, the
payload, and a CRC-32 of all that came before. Lengths are big-endian. A frame is at most 16 MiB.

AWS: Amazon Transcribe Developer Guide, "Event stream encoding"; Smithy, "Amazon Event Stream".
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from pilvi.base.errors import AwsError
from pilvi.protocol.model import Shape

HeaderValue = bool | int | bytes | str | UUID
FRAME_BYTES_MAX = 16 * 1024 * 1024
HEADERS_BYTES_MAX = 128 * 1024
_PRELUDE = struct.Struct(">III")
_OVERHEAD = _PRELUDE.size + 4


class FrameError(ValueError):
    """The bytes are no event stream: a checksum is wrong or a length impossible."""


class Timestamp(NamedTuple):
    """A header's instant, in epoch milliseconds: an int would be written as a number."""

    ms: int


Headers = dict[str, HeaderValue | Timestamp]


class Frame(NamedTuple):
    headers: Headers
    payload: bytes


def _encode_header(name: str, value: HeaderValue | Timestamp) -> bytes:
    label = name.encode()
    start = bytes([len(label)]) + label
    if value is True:
        return start + b"\x00"
    if value is False:
        return start + b"\x01"
    if isinstance(value, Timestamp):
        return start + b"\x08" + struct.pack(">q", value.ms)
    if isinstance(value, int):
        if -(2**31) <= value < 2**31:
            return start + b"\x04" + struct.pack(">i", value)
        return start + b"\x05" + struct.pack(">q", value)
    if isinstance(value, UUID):
        return start + b"\x09" + value.bytes
    kind, data = (b"\x07", value.encode()) if isinstance(value, str) else (b"\x06", value)
    return start + kind + struct.pack(">H", len(data)) + data


def encode(headers: Mapping[str, HeaderValue | Timestamp], payload: bytes = b"") -> bytes:
    """One frame. Raises: FrameError when it would be too large."""
    head = b"".join(_encode_header(name, value) for name, value in headers.items())
    total = _OVERHEAD + len(head) + len(payload)
    if total > FRAME_BYTES_MAX or len(head) > HEADERS_BYTES_MAX:
        raise FrameError(f"a frame of {total} bytes is too large")
    lengths = struct.pack(">II", total, len(head))
    body = lengths + struct.pack(">I", zlib.crc32(lengths)) + head + payload
    return body + struct.pack(">I", zlib.crc32(body))


class Decoder:
    """Frames out of bytes as they arrive; holds at most one frame and what is fed at once."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Raises: FrameError."""
        self._buffer += data
        frames: list[Frame] = []
        while len(self._buffer) >= _PRELUDE.size:
            total, head_size, checksum = _PRELUDE.unpack_from(self._buffer)
            if zlib.crc32(self._buffer[:8]) != checksum:
                raise FrameError("the prelude's checksum is wrong")
            if not _OVERHEAD + head_size <= total <= FRAME_BYTES_MAX:
                raise FrameError(f"impossible lengths: {total}, {head_size}")
            if head_size > HEADERS_BYTES_MAX:
                raise FrameError(f"headers of {head_size} bytes are too large")
            if len(self._buffer) < total:
                break
            frame = bytes(self._buffer[:total])
            del self._buffer[:total]
            if zlib.crc32(frame[:-4]) != int.from_bytes(frame[-4:]):
                raise FrameError("the frame's checksum is wrong")
            head = frame[_PRELUDE.size : _PRELUDE.size + head_size]
            frames.append(Frame(_decode_headers(head), frame[_PRELUDE.size + head_size : -4]))
        return frames

    @property
    def complete(self) -> bool:
        """Whether everything fed so far has been given out."""
        return not self._buffer


_NUMBERS = {2: (">b", 1), 3: (">h", 2), 4: (">i", 4), 5: (">q", 8), 8: (">q", 8)}


def _decode_headers(head: bytes) -> Headers:
    headers: Headers = {}
    at = 0

    def take(size: int) -> bytes:
        nonlocal at
        piece = head[at : at + size]
        if len(piece) != size:
            raise FrameError("the headers end too early")
        at += size
        return piece

    while at < len(head):
        try:
            name = take(take(1)[0]).decode()
            kind = take(1)[0]
            if kind in (0, 1):
                headers[name] = kind == 0
            elif kind in _NUMBERS:
                layout, size = _NUMBERS[kind]
                number: int = struct.unpack(layout, take(size))[0]
                headers[name] = Timestamp(number) if kind == 8 else number
            elif kind in (6, 7):
                data = take(int.from_bytes(take(2)))
                headers[name] = data.decode() if kind == 7 else data
            elif kind == 9:
                headers[name] = UUID(bytes=take(16))
            else:
                raise FrameError(f"unknown header type {kind}")
        except UnicodeDecodeError:
            raise FrameError("a header is not UTF-8") from None
    return headers


def initial_response(payload: bytes, content_type: str) -> bytes:
    """The first frame of the RPC protocols: the answer's members that are no events."""
    headers: Headers = {
        ":message-type": "event",
        ":event-type": "initial-response",
        ":content-type": content_type,
    }
    return encode(headers, payload)


WriteEvent = Callable[[Mapping[str, Any]], bytes]


def event_writer(
    stream: Shape,
    structure: Callable[[Shape], Callable[[Any], Any]],
    dump: Callable[[Any], bytes],
    content_type: str,
) -> WriteEvent:
    """Writes one event, `{"Records": {...}}`, as one frame; `structure` compiles a body's writer."""

    def write_event(event: Mapping[str, Any]) -> bytes:
        assert len(event) == 1, f"an event has one member, not {sorted(event)}"
        ((name, members),) = event.items()
        shape = stream.members[name]
        kind = "exception" if shape.traits.get("exception") else "event"
        headers: Headers = {":message-type": kind, f":{kind}-type": name}
        own, body, payload = _divide(shape, members)
        if payload is not None:
            member, value = payload
            if member.type == "blob":
                data, declared = value, "application/octet-stream"
            elif member.type == "string":
                data, declared = value.encode(), "text/plain"
            else:
                data, declared = dump(structure(member)(value)), content_type
            headers[":content-type"] = declared
        elif _has_body(shape):
            data = dump(structure(shape)(body))
            headers[":content-type"] = content_type
        else:
            data = b""
        return encode({**headers, **own}, data)

    return write_event


def _divide(
    shape: Shape, members: Mapping[str, Any]
) -> tuple[Headers, dict[str, Any], tuple[Shape, Any] | None]:
    """An event's headers, the members of its document, and the member that is the whole payload."""
    headers: Headers = {}
    body: dict[str, Any] = {}
    payload: tuple[Shape, Any] | None = None
    for name, value in members.items():
        member = shape.members[name]
        if value is None:
            continue
        if member.traits.get("eventheader"):
            headers[name] = Timestamp(value) if member.type == "timestamp" else value
        elif member.traits.get("eventpayload"):
            payload = (member, value)
        else:
            body[name] = value
    return headers, body, payload


def _has_body(shape: Shape) -> bool:
    """Whether the event has a document: some member is neither a header nor the whole payload."""
    return any(
        not (member.traits.get("eventheader") or member.traits.get("eventpayload"))
        for member in shape.members.values()
    )


def error_frame(error: AwsError) -> bytes:
    """An error that the stream's model does not have: the last frame of a stream that broke."""
    headers: Headers = {
        ":message-type": "error",
        ":error-code": error.code,
        ":error-message": error.text,
    }
    return encode(headers)


async def frames(
    events: AsyncIterator[Mapping[str, Any]], write_event: WriteEvent, first: bytes = b""
) -> AsyncIterator[bytes]:
    """Events as frames, as they come. An AwsError on the way ends the stream with an error frame.

    Whoever closes this closes the events.
    """
    try:
        if first:
            yield first
        async for event in events:
            yield write_event(event)
    except AwsError as error:
        yield error_frame(error)
    finally:
        close = getattr(events, "aclose", None)
        if close is not None:
            await close()
