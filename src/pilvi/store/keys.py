"""Keys are tuples of str, int, bytes and None, packed so that bytes sort as the tuples do.

The encoding follows the idea of FoundationDB's tuple layer: a type byte, then the value in an
order-preserving form; strings and bytes end with a zero, an inner zero becomes 00 FF. A packed prefix is
a prefix of the packed whole, so `span(prefix)` covers everything below it.

AWS-free. Order between types: None < bytes < str < int.
"""

from __future__ import annotations

Part = str | int | bytes | None
Key = tuple[Part, ...]

_NONE = 0x00
_BYTES = 0x01
_STR = 0x02
_INT_ZERO = 0x14  # lengths of integers lie around it: 0x0C for eight negative bytes, 0x1C for eight positive


def pack(parts: Key) -> bytes:
    """Raises: TypeError for a part of another type, OverflowError for an integer beyond 64 bits."""
    out = bytearray()
    for part in parts:
        if type(part) is str:
            encoded = part.encode("utf-8", "surrogatepass")
            out.append(_STR)
            out += encoded.replace(b"\x00", b"\x00\xff") if b"\x00" in encoded else encoded
            out.append(0)
        elif type(part) is bytes:
            out.append(_BYTES)
            out += part.replace(b"\x00", b"\x00\xff") if b"\x00" in part else part
            out.append(0)
        elif type(part) is int:
            _pack_int(part, out)
        elif part is None:
            out += b"\x00\xff"
        else:
            raise TypeError(
                f"a key part must be str, int, bytes or None, not {type(part).__name__}"
            )
    return bytes(out)


def _pack_int(value: int, out: bytearray) -> None:
    size = (value.bit_length() + 7) // 8
    if size > 8:
        raise OverflowError(f"a key's integer has at most 64 bits: {value}")
    if value >= 0:
        out.append(_INT_ZERO + size)
        out += value.to_bytes(size)
    else:
        out.append(_INT_ZERO - size)
        out += (value + (1 << (8 * size)) - 1).to_bytes(size)


def unpack(key: bytes) -> Key:
    """The tuple that `pack` made these bytes of. Raises: ValueError for anything else."""
    parts: list[Part] = []
    at = 0
    while at < len(key):
        kind = key[at]
        if kind in (_BYTES, _STR):
            raw, at = _unpack_text(key, at + 1)
            parts.append(raw if kind == _BYTES else raw.decode("utf-8", "surrogatepass"))
        elif kind == _NONE:
            parts.append(None)
            at += 2
        elif _INT_ZERO - 8 <= kind <= _INT_ZERO + 8:
            size = abs(kind - _INT_ZERO)
            value = int.from_bytes(key[at + 1 : at + 1 + size])
            parts.append(value if kind >= _INT_ZERO else value - (1 << (8 * size)) + 1)
            at += 1 + size
        else:
            raise ValueError(f"not a packed key: type byte {kind:#x} at {at}")
    return tuple(parts)


def _unpack_text(key: bytes, start: int) -> tuple[bytes, int]:
    end = key.find(b"\x00", start)
    while end >= 0 and key[end + 1 : end + 2] == b"\xff":
        end = key.find(b"\x00", end + 2)
    if end < 0:
        raise ValueError("not a packed key: unterminated text")
    return key[start:end].replace(b"\x00\xff", b"\x00"), end + 1


def after(key: bytes) -> bytes:
    """The first possible key behind every key that begins with this one.

    No packed part begins with FF, so one FF byte is behind all of them.
    """
    return key + b"\xff"


def span(prefix: Key) -> tuple[bytes, bytes]:
    """Start and end of all keys that begin with these parts (the prefix itself included)."""
    start = pack(prefix)
    return start, after(start)
