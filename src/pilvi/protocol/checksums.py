"""Checksums that AWS lets a body carry: hashing piece by piece, and where an operation keeps them.

AWS: S3 User Guide, "Checking object integrity in Amazon S3".
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable
from typing import Protocol, cast

import msgspec

from pilvi.base.errors import NotBuilt
from pilvi.protocol.model import Operation


class Hasher(Protocol):
    """Takes a body piece by piece; `digest` may be asked once, at the end."""

    def update(self, data: bytes, /) -> object: ...

    def digest(self) -> bytes: ...


class _Running:
    """A CRC as a hasher: big-endian, of so many bytes."""

    __slots__ = ("_compute", "_size", "_value")

    def __init__(self, compute: Callable[[bytes, int], int], size: int) -> None:
        self._compute = compute
        self._size = size
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = self._compute(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


class _XXHash:
    """awscrt's hashes end with `finalize`."""

    __slots__ = ("_hash",)

    def __init__(self, hash_: object) -> None:
        self._hash = hash_

    def update(self, data: bytes, /) -> None:
        self._hash.update(data)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] awscrt is untyped

    def digest(self) -> bytes:
        return cast("bytes", self._hash.finalize())  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] awscrt is untyped


def _crc32c() -> Hasher:
    from awscrt.checksums import crc32c

    return _Running(crc32c, 4)


def _crc64nvme() -> Hasher:
    from awscrt.checksums import crc64nvme

    return _Running(crc64nvme, 8)


def _xxhash(name: str) -> Callable[[], Hasher]:
    def make() -> Hasher:
        from awscrt.checksums import XXHash

        return _XXHash(getattr(XXHash, name)())

    return make


_HASHERS: dict[str, Callable[[], Hasher]] = {
    "CRC32": lambda: _Running(zlib.crc32, 4),
    "CRC32C": _crc32c,
    "CRC64NVME": _crc64nvme,
    "MD5": lambda: hashlib.md5(usedforsecurity=False),
    "SHA1": lambda: hashlib.sha1(usedforsecurity=False),
    "SHA256": hashlib.sha256,
    "SHA512": hashlib.sha512,
    "XXHASH64": _xxhash("new_xxhash64"),
    "XXHASH3": _xxhash("new_xxhash3_64"),
    "XXHASH128": _xxhash("new_xxhash3_128"),
}
ALGORITHMS = tuple(_HASHERS)


def hasher(algorithm: str) -> Hasher:
    """A new hasher, by the model's name for the algorithm.

    Raises: NotBuilt for a name that is not in ALGORITHMS.
    """
    make = _HASHERS.get(algorithm.upper())
    if make is None:
        raise NotBuilt(what=f"the checksum algorithm {algorithm}")
    return make()


def base64_digest(hasher_: Hasher) -> str:
    """The value as headers and members carry it."""
    return base64.b64encode(hasher_.digest()).decode("ascii")


def checksum(algorithm: str, data: bytes) -> str:
    """The base64 checksum of bytes at hand. Raises: NotBuilt."""
    running = hasher(algorithm)
    running.update(data)
    return base64_digest(running)


def combine_crc(algorithm: str, first: bytes, second: bytes, second_bytes: int) -> bytes:
    """The CRC of two bodies joined, from their CRCs and the second's length: full-object checksums.

    Raises: ValueError for an algorithm that is no CRC.
    """
    from awscrt import checksums

    combine = {
        "CRC32": checksums.combine_crc32,
        "CRC32C": checksums.combine_crc32c,
        "CRC64NVME": checksums.combine_crc64nvme,
    }.get(algorithm)
    if combine is None:
        raise ValueError(f"{algorithm} checksums cannot be combined")
    joined = combine(int.from_bytes(first), int.from_bytes(second), second_bytes)
    return joined.to_bytes(len(first), "big")


class ChecksumRules(msgspec.Struct, frozen=True):
    """What an operation's model says of checksums."""

    required: bool = False
    """The request must carry one: `Content-MD5` or an `x-amz-checksum-*` header."""
    algorithm_member: str | None = None
    """The input member that names the request's algorithm."""
    mode_member: str | None = None
    """The input member that asks for the stored checksum in the answer, when it is `ENABLED`."""
    response_algorithms: tuple[str, ...] = ()


def header_name(algorithm: str) -> str:
    return f"x-amz-checksum-{algorithm.lower()}"


def checksum_rules(operation: Operation) -> ChecksumRules:
    trait = operation.traits.get("httpChecksum", {})
    return ChecksumRules(
        required=bool(
            trait.get("requestChecksumRequired") or operation.traits.get("httpChecksumRequired")
        ),
        algorithm_member=trait.get("requestAlgorithmMember"),
        mode_member=trait.get("requestValidationModeMember"),
        response_algorithms=tuple(trait.get("responseAlgorithms", ())),
    )
