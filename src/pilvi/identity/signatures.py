"""The parts of a Signature Version 4: reading them, and computing one.

Pure but for two bounded caches, of signing keys and of header prefixes: both are functions of their key, so
that nothing in them can go stale.

AWS: IAM User Guide, "AWS Signature Version 4 for API requests".
"""

from __future__ import annotations

import calendar
import hashlib
import hmac
import re
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
DATE_MAX_LENGTH = 64

_timestamp = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z").fullmatch
_weekday_date = re.compile(
    r"[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT"
).fullmatch
_region = re.compile(r"[a-z]{2,4}(?:-[a-z]+)+-\d+").fullmatch
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def is_region(name: str) -> bool:
    """Whether it has the form of a region's name; which regions there are, nobody here knows."""
    return _region(name) is not None


class Claim(msgspec.Struct, frozen=True):
    """What a request says of its own signature, taken apart but not yet believed."""

    access_key_id: str
    date: str
    region: str
    service: str
    terminator: str
    signed_headers: str
    names: tuple[str, ...]
    scope: str
    """date/region/service/terminator, as the string to sign repeats it."""


class Signed(msgspec.Struct, frozen=True):
    """What the signatures of chunks are chained from: the key, the instant, the scope, the seed."""

    key: SigningKey
    timestamp: str
    scope: str
    seed: str


class Malformed(ValueError):
    """`part`: "header" (pieces missing: `missing` names them) or "credential" (its text is `got`)."""

    def __init__(self, part: str, *, missing: tuple[str, ...] = (), got: str = "") -> None:
        self.part = part
        self.missing = missing
        self.got = got
        super().__init__(part)


def read_authorization(header: str) -> tuple[Claim, str]:
    """The claim and the signature of an `Authorization: AWS4-HMAC-SHA256 ...` header.

    The prefix in front of the signature repeats from request to request, and is read once.
    Raises: Malformed.
    """
    prefix, found, signature = header.rpartition("Signature=")
    if found and "," not in signature:
        return _read_prefix(prefix), signature.rstrip()
    return _read_in_any_order(header)


@lru_cache(maxsize=1024)
def _read_prefix(prefix: str) -> Claim:
    return _claim_of(_fields(prefix))


def _read_in_any_order(header: str) -> tuple[Claim, str]:
    fields = _fields(header)
    if "Signature" not in fields:
        missing = [name for name in ("Credential", "SignedHeaders") if name not in fields]
        raise Malformed("header", missing=(*missing, "Signature"))
    return _claim_of(fields), fields["Signature"]


def _fields(header: str) -> dict[str, str]:
    text = header.removeprefix(ALGORITHM)
    pieces = (piece.strip().partition("=") for piece in re.split(r"[,\s]+", text))
    return {name: value for name, found, value in pieces if found}


def _claim_of(fields: dict[str, str]) -> Claim:
    missing = tuple(name for name in ("Credential", "SignedHeaders") if not fields.get(name))
    if missing:
        raise Malformed("header", missing=missing)
    return read_claim(fields["Credential"], fields["SignedHeaders"])


def read_claim(credential: str, signed_headers: str) -> Claim:
    """Raises: Malformed. An access key id may itself contain slashes."""
    parts = credential.rsplit("/", 4)
    if len(parts) != 5 or not parts[0]:
        raise Malformed("credential", got=credential)
    key, date, region, service, terminator = parts
    lowered = signed_headers.lower()
    return Claim(
        access_key_id=key,
        date=date,
        region=region,
        service=service,
        terminator=terminator,
        signed_headers=lowered,
        names=tuple(lowered.split(";")),
        scope=f"{date}/{region}/{service}/{terminator}",
    )


@lru_cache(maxsize=256)
def instant_ms(text: str) -> int | None:
    """Milliseconds since the epoch of `20260101T000000Z` or an HTTP date; None for anything else."""
    if len(text) > DATE_MAX_LENGTH:
        return None
    if found := _timestamp(text):
        year, month, day, hour, minute, second = (int(part) for part in found.groups())
    elif (found := _weekday_date(text)) and found[2] in _MONTHS:
        year, month, day = int(found[3]), _MONTHS.index(found[2]) + 1, int(found[1])
        hour, minute, second = int(found[4]), int(found[5]), int(found[6])
    else:
        return None
    if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 61):
        return None
    return calendar.timegm((year, month, day, hour, minute, second)) * 1000


def timestamp_of(at_ms: int) -> str:
    """`20260101T000000Z`, to the second: the basic form of ISO 8601."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y%m%dT%H%M%SZ")


def iso_of(at_ms: int) -> str:
    """`2026-01-01T00:00:00Z`: the extended form, as S3's errors tell times."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class SigningKey:
    """HMAC-SHA256 with one key. What it begins with is hashed once: OpenSSL's own HMAC sets up more for each text than
    it then computes."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = key.ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(block.translate(_IPAD))
        self._outer = hashlib.sha256(block.translate(_OPAD))

    def sign(self, text: bytes) -> str:
        """In lower-case hexadecimal."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text)
        outer.update(inner.digest())
        return outer.hexdigest()


_BLOCK = 64
"""Bytes of SHA-256's blocks; keys are shorter. RFC 2104, section 2."""
_IPAD = bytes(byte ^ 0x36 for byte in range(256))
_OPAD = bytes(byte ^ 0x5C for byte in range(256))


@lru_cache(maxsize=4096)
def signing_key(secret: str, date: str, region: str, service: str) -> SigningKey:
    """The key of one secret for one day, region and service."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return SigningKey(key)


def string_to_sign(timestamp: str, scope: str, canonical_request: bytes) -> bytes:
    digest = hashlib.sha256(canonical_request).hexdigest()
    return f"{ALGORITHM}\n{timestamp}\n{scope}\n{digest}".encode("latin-1", "replace")


def same(expected: str, given: str) -> bool:
    """In constant time; a signature that is not ASCII is simply another one."""
    return given.isascii() and hmac.compare_digest(expected, given)
