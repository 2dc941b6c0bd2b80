"""Checksums that requests give, that objects keep, and that multipart uploads are made of.

An object has exactly one checksum: of the algorithm that its writer chose, else CRC64NVME. Values are
base64 of big-endian bytes.
AWS: S3 User Guide, "Checking object integrity for data uploads".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pilvi.base.errors import NotBuilt
from pilvi.protocol.checksums import checksum, combine_crc
from pilvi.services.s3 import errors
from pilvi.services.s3.records.objects import Checksum
from pilvi.services.s3.rules import requests

DEFAULT = "CRC64NVME"
COMPOSITE = "COMPOSITE"
FULL_OBJECT = "FULL_OBJECT"

SIZES = {
    "CRC32": 4,
    "CRC32C": 4,
    "CRC64NVME": 8,
    "SHA1": 20,
    "SHA256": 32,
    "SHA512": 64,
    "MD5": 16,
    "XXHASH64": 8,
    "XXHASH3": 8,
    "XXHASH128": 16,
}
"""The algorithms, and the bytes of their values."""

_MEMBERS = frozenset(f"Checksum{name}" for name in SIZES)
_CRCS = frozenset({"CRC32", "CRC32C", "CRC64NVME"})
_UNSUPPORTED = (
    "Checksum algorithm provided is unsupported. Please try again with any of the valid types:"
    " [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]"
)


@dataclass(frozen=True, slots=True)
class Claim:
    """The checksum that a request says its body has. `value`: None when a trailer will tell it."""

    algorithm: str
    value: str | None

    @property
    def header(self) -> str:
        return f"x-amz-checksum-{self.algorithm.lower()}"


def claimed(req: Mapping[str, Any], trailer: str = "") -> Claim | None:
    """`trailer`: the x-amz-trailer header, which announces a checksum behind the body.

    Raises: InvalidRequest, NotBuilt.
    """
    found: list[Claim] = []
    for member in requests.sent(req, _MEMBERS):
        algorithm = member.removeprefix("Checksum")
        found.append(Claim(algorithm, req[member]))
    for name in trailer.lower().split(",") if trailer else ():
        if name.strip().startswith("x-amz-checksum-"):
            algorithm = name.strip().removeprefix("x-amz-checksum-").upper()
            if algorithm not in SIZES:
                raise NotBuilt(what=f"the checksum algorithm {algorithm}")
            found.append(Claim(algorithm, None))
    if len(found) > 1:
        raise errors.InvalidRequest(
            detail="Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        )
    if not found:
        return None
    if found[0].value is not None:
        check_value(found[0].algorithm, found[0].value)
    return found[0]


def check_value(algorithm: str, value: str) -> None:
    """Raises: InvalidRequest for a value that this algorithm cannot have."""
    try:
        valid = len(base64.b64decode(value, validate=True)) == SIZES[algorithm]
    except (binascii.Error, ValueError):
        valid = False
    if not valid:
        raise errors.InvalidRequest(
            detail=f"Value for x-amz-checksum-{algorithm.lower()} header is invalid."
        )


def check_claim(claim: Claim, trailers: Mapping[str, str], computed: str) -> None:
    """Compare what was claimed with what came. Raises: InvalidRequest, BadDigest."""
    value = claim.value
    if value is None:
        value = trailers.get(claim.header)
        if value is None:
            raise errors.InvalidRequest(
                detail=f"Value for {claim.header} trailing header is missing."
            )
        check_value(claim.algorithm, value)
    if value != computed:
        raise errors.BadDigest(
            detail=f"The {claim.algorithm} you specified did not match the calculated checksum."
        )


def md5_claimed(header: str | None) -> bytes | None:
    """The Content-MD5 of a request. Raises: InvalidDigest."""
    if header is None:
        return None
    try:
        digest = base64.b64decode(header, validate=True)
    except (binascii.Error, ValueError):
        raise errors.InvalidDigest(header) from None
    if len(digest) != 16:
        raise errors.InvalidDigest(header)
    return digest


def check_md5(claim: bytes | None, computed: bytes, *, of_part: bool = False) -> None:
    """Raises: BadDigest."""
    if claim is not None and claim != computed:
        expected = base64.b64encode(claim).decode() if of_part else claim.hex()
        raise errors.BadDigest(
            {
                "ExpectedDigest": expected,
                "CalculatedDigest": base64.b64encode(computed).decode(),
            },
            detail="The Content-MD5 you specified did not match what we received.",
        )


def members_of(checksum: Checksum, parts: int = 0) -> dict[str, Any]:
    """As answers tell it: ChecksumSHA256 and ChecksumType; a composite value ends with the count of parts."""
    composite = checksum.kind == COMPOSITE and parts
    value = f"{checksum.value}-{parts}" if composite else checksum.value
    return {f"Checksum{checksum.algorithm}": value, "ChecksumType": checksum.kind}


# --- multipart uploads


def upload_checksum(algorithm: str | None, kind: str | None) -> tuple[str | None, str | None]:
    """Algorithm and type of a new multipart upload. Raises: InvalidRequest."""
    if algorithm is None:
        if kind is not None:
            raise errors.InvalidRequest(
                detail="The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm"
                " header."
            )
        return None, None
    algorithm = algorithm.upper()
    if algorithm not in SIZES:
        raise errors.InvalidRequest(detail=_UNSUPPORTED)
    if kind is None:
        return algorithm, FULL_OBJECT if algorithm == "CRC64NVME" else COMPOSITE
    if kind not in (COMPOSITE, FULL_OBJECT):
        raise errors.InvalidRequest(detail="Value for x-amz-checksum-type header is invalid.")
    possible = algorithm in _CRCS if kind == FULL_OBJECT else algorithm != "CRC64NVME"
    if not possible:
        raise errors.InvalidRequest(
            detail=f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
        )
    return algorithm, kind


def combined(algorithm: str, parts: Sequence[tuple[bytes, int]]) -> Checksum:
    """The checksum of the whole, from (value, size) of its parts in order: only CRCs can."""
    whole = bytes(SIZES[algorithm])
    for value, size in parts:
        whole = combine_crc(algorithm, whole, value, size)
    return Checksum(algorithm, base64.b64encode(whole).decode())


def composite(algorithm: str, parts: Sequence[bytes]) -> Checksum:
    """The checksum of the parts' checksums."""
    return Checksum(algorithm, checksum(algorithm, b"".join(parts)), COMPOSITE)


def multipart_etag(etags: Sequence[str]) -> str:
    """MD5 of the parts' MD5s, and their count."""
    joined = b"".join(bytes.fromhex(etag) for etag in etags)
    return f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(etags)}"
