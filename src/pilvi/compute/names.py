"""The names that exist inside a sandbox, told over DNS: pilvi's own and every name below them.

Buckets and APIs have names below localhost (`bucket.localhost`, `<id>.execute-api.localhost`), which a file of hosts
cannot list. Everything else does not exist: there is no network behind it. Not for: TCP, other record types, zones.
RFC 1035, section 4; RFC 6761, section 6.3.
"""

from __future__ import annotations

import asyncio
import socket
import struct

_HEAD = struct.Struct("!6H")
_QUERY_BYTES_MAX = 512
_LABEL_BYTES_MAX = 63
_NAME_BYTES_MAX = 255
_ANSWER = 0x8000
_OPERATION = 0x7800
_RECURSION_DESIRED = 0x0100
_RECURSION_AVAILABLE = 0x0080
_AUTHORITATIVE = 0x0400
_MALFORMED, _UNKNOWN, _NOT_BUILT = 1, 3, 4
_ADDRESS_RECORD, _INTERNET = 1, 1
_LIFE_S = 60
_SAME_NAME = 0xC000 | _HEAD.size
_LOOPBACK = socket.inet_aton("127.0.0.1")


class Names(asyncio.DatagramProtocol):
    """Answers on a socket inside a sandbox. `zones`: names without a final dot, in lower case."""

    def __init__(self, zones: tuple[str, ...]) -> None:
        self._zones = zones
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = reply(data, self._zones)
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)


def reply(query: bytes, zones: tuple[str, ...]) -> bytes | None:
    """The answer to a query; None to what is none and must not be answered."""
    if not _HEAD.size <= len(query) <= _QUERY_BYTES_MAX:
        return None
    number, flags, questions, *_others = _HEAD.unpack_from(query)
    if flags & _ANSWER:
        return None
    echoed = flags & (_OPERATION | _RECURSION_DESIRED)
    said = _ANSWER | _AUTHORITATIVE | _RECURSION_AVAILABLE | echoed
    if flags & _OPERATION:
        return _HEAD.pack(number, said | _NOT_BUILT, 0, 0, 0, 0)
    asked = _name(query)
    if questions != 1 or asked is None:
        return _HEAD.pack(number, said | _MALFORMED, 0, 0, 0, 0)
    name, end = asked
    kind, family = struct.unpack_from("!2H", query, end - 4)
    question = query[_HEAD.size : end]
    if not any(name == zone or name.endswith(f".{zone}") for zone in zones):
        return _HEAD.pack(number, said | _UNKNOWN, 1, 0, 0, 0) + question
    if (kind, family) != (_ADDRESS_RECORD, _INTERNET):
        return _HEAD.pack(number, said, 1, 0, 0, 0) + question
    record = struct.pack("!3HIH", _SAME_NAME, kind, family, _LIFE_S, len(_LOOPBACK)) + _LOOPBACK
    return _HEAD.pack(number, said, 1, 1, 0, 0) + question + record


def _name(query: bytes) -> tuple[str, int] | None:
    """The name that is asked for, and where the question ends; None when there is no whole question."""
    labels: list[str] = []
    position = _HEAD.size
    while position < len(query):
        length = query[position]
        position += 1
        if length == 0:
            end = position + 4
            return (".".join(labels), end) if end <= len(query) else None
        if length > _LABEL_BYTES_MAX or position + length - _HEAD.size > _NAME_BYTES_MAX:
            return None
        labels.append(query[position : position + length].decode("latin-1").lower())
        position += length
    return None
