"""Facts as the payload of jobs: a name and the fields, in MessagePack."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pilvi.contracts.facts import Fact

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[str, msgspec.Raw]).decode


def encode_fact(fact: Fact) -> bytes:
    return _encode((type(fact).__name__, fact))


def decode_fact(payload: bytes) -> Fact:
    """Raises: LookupError for a fact whose class nobody has imported; msgspec.DecodeError."""
    name, fields = _decode(payload)
    for kind in _subclasses(Fact):
        if kind.__name__ == name:
            return msgspec.msgpack.decode(fields, type=kind)
    raise LookupError(f"no fact is called {name}")


def _subclasses(kind: type[Fact]) -> Iterator[type[Fact]]:
    for below in kind.__subclasses__():
        yield below
        yield from _subclasses(below)
