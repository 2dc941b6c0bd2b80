"""Version ids: 32 letters that tell where a version stands among those of its key, and that nobody makes up.

Made of the rank (8 bytes, masked), 12 random bytes and 4 bytes by which an id is known as one of ours. A list can
go on behind a version that was deleted meanwhile, since its id alone tells its place.
"""

from __future__ import annotations

import base64
import binascii
import hashlib

RANDOM_BYTES = 12

_LENGTH = 32


def make(rank: int, random: bytes) -> str:
    """`random`: 12 bytes."""
    assert len(random) == RANDOM_BYTES
    body = _masked(rank.to_bytes(8), random) + random
    return base64.urlsafe_b64encode(body + _check(body)).decode()


def rank_of(version_id: str) -> int:
    """Raises: ValueError for what `make` has not made."""
    if len(version_id) != _LENGTH or not version_id.isascii():
        raise ValueError("not a version id")
    try:
        raw = base64.b64decode(version_id, b"-_", validate=True)
    except binascii.Error:
        raise ValueError("not a version id") from None
    body, check = raw[:20], raw[20:]
    if check != _check(body):
        raise ValueError("not a version id")
    return int.from_bytes(_masked(body[:8], body[8:]))


def _masked(rank: bytes, random: bytes) -> bytes:
    mask = hashlib.blake2b(random, digest_size=8).digest()
    return bytes(a ^ b for a, b in zip(rank, mask, strict=True))


def _check(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=4, person=b"s3 version").digest()
