"""Where items lie: keys whose bytes sort as DynamoDB sorts items.

Layout, below a table's own prefix (account, region, "dynamodb", table id):

    "i", bucket, hash key, range key                                     -> item
    "x", index id, bucket, index hash, index range, hash key, range key  -> projected item
    "t", number, expiry in seconds, the item's key                       -> nothing
    "T", number, minute of an expiry whose job is planned                -> nothing
    "c", bucket, hash key                                                -> bytes, with local indexes only

The bucket is 31 bits of the hash key's checksum: a Scan goes through partitions in an order without
meaning, as on AWS, and any number of parallel segments are ranges of buckets. Every key is also a valid
tuple of `store.keys`: strings are str parts, binary bytes parts, numbers bytes parts in the encoding
below, the bucket an int part.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from zlib import crc32

from pilvi.services.dynamodb import numbers
from pilvi.services.dynamodb.values import decode_binary

BUCKETS: Final = 1 << 31
_BUCKET_KIND = b"\x18"  # an int of four bytes, in store.keys
_STR = b"\x02"
_BYTES = b"\x01"
_END = b"\x00"


def string_part(text: str) -> bytes:
    """Sorts as the text's UTF-8."""
    return _STR + text.encode().replace(b"\x00", b"\x00\xff") + _END


def binary_part(text: str) -> bytes:
    """From base64; sorts as the bytes, unsigned. Raises: SerializationException."""
    return _BYTES + decode_binary(text).replace(b"\x00", b"\x00\xff") + _END


def number_part(text: str) -> bytes:
    """Sorts as the number. Raises: ValidationException for no number."""
    return _BYTES + sortable_number(numbers.canonical(text)).replace(b"\x00", b"\x00\xff") + _END


def sortable_number(text: str) -> bytes:
    """Bytes that sort as canonical numbers do.

    A sign byte, the decimal exponent in one byte, then two digits a byte, each byte one more than the
    two digits say, so that a number's end sorts before any further digit. Of negative numbers all but
    the sign is inverted, with FF as the end.
    """
    if text == "0":
        return b"\x80"
    negative = text[0] == "-"
    whole, _, fraction = (text[1:] if negative else text).partition(".")
    if whole == "0":
        digits = fraction.lstrip("0")
        exponent = len(digits) - len(fraction) - 1
    else:
        digits = whole + fraction
        exponent = len(whole) - 1
    digits = digits.rstrip("0")
    if len(digits) % 2:
        digits += "0"
    packed = bytes(
        (exponent + 130, *(int(digits[i : i + 2]) + 1 for i in range(0, len(digits), 2)))
    )
    if negative:
        return b"\x7f" + bytes(255 - byte for byte in packed) + b"\xff"
    return b"\x81" + packed


PARTS: Final[dict[str, Callable[[str], bytes]]] = {
    "S": string_part,
    "N": number_part,
    "B": binary_part,
}
"""For each type a key may have: from the value's inner text to its part of a key."""


def partition(hash_part: bytes) -> bytes:
    """The bucket, and the hash key's part: what all items of one partition key begin with."""
    return _BUCKET_KIND + (crc32(hash_part) >> 1 | BUCKETS).to_bytes(4) + hash_part


def bucket_bound(number: int) -> bytes:
    """The bytes that come before every key in buckets from `number` on (0 to BUCKETS)."""
    if number >= BUCKETS:
        return b"\x19"
    return _BUCKET_KIND + (number | BUCKETS).to_bytes(4)


def bucket_of(key: bytes, start: int) -> int:
    """The bucket (0 to BUCKETS - 1) of a key whose bucket part begins at `start`."""
    return int.from_bytes(key[start + 1 : start + 5]) - BUCKETS


def prefix_span(part: bytes) -> tuple[bytes, bytes]:
    """Start and end of the parts of all strings, or binaries, that begin as the one in `part`."""
    start = part[:-1]
    stem = start.rstrip(b"\xff")
    return start, stem[:-1] + bytes((stem[-1] + 1,))
