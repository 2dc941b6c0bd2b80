"""Names of buckets and keys, of regions and owners.

AWS: S3 User Guide, "General purpose bucket naming rules", "Naming Amazon S3 objects".
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from urllib.parse import quote_plus, unquote

from pilvi.services.s3 import errors, limits
from pilvi.services.s3.records.grants import NOBODY
from pilvi.services.s3.rules import point_names as points

_BUCKET = re.compile(r"[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]")
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_PREFIXES_RESERVED = ("xn--", "sthree-", "amzn-s3-demo-")
_SUFFIXES_RESERVED = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_ACCOUNT = re.compile(r"\d{12}")
_CANONICAL = re.compile(r"[0-9a-f]{64}")
EU, _IRELAND = "EU", "eu-west-1"
"""The name of the first region in Europe from when there was one, and today's."""
_REGION = re.compile(r"(?:us|eu|ap|sa|ca|me|af|il|mx|cn)(?:-gov)?-[a-z]+-\d")


def check_bucket_name(name: str) -> None:
    """Raises: InvalidBucketName."""
    valid = (
        _BUCKET.fullmatch(name) is not None
        and _ADDRESS.fullmatch(name) is None
        and not name.startswith(_PREFIXES_RESERVED)
        and not name.endswith(_SUFFIXES_RESERVED)
    )
    if not valid:
        raise errors.InvalidBucketName(name)


def check_key(key: str) -> None:
    """Raises: KeyTooLongError, InvalidArgument (a key that is not Unicode)."""
    if len(key) * 4 <= limits.KEY_BYTES_MAX and key.isascii():
        return
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise errors.InvalidArgument("Object key must be valid UTF-8", "Key") from None
    if size > limits.KEY_BYTES_MAX:
        raise errors.KeyTooLongError(size, limits.KEY_BYTES_MAX)


def check_owner_expected(expected: str | None, account: str) -> None:
    """x-amz-expected-bucket-owner. Raises: InvalidBucketOwnerAWSAccountID, AccessDenied."""
    if expected is None:
        return
    if _ACCOUNT.fullmatch(expected) is None:
        raise errors.InvalidBucketOwnerAWSAccountID(owner=expected)
    if expected != account:
        raise errors.AccessDenied()


def region_of(constraint: str | None, endpoint_region: str) -> str:
    """The region of a new bucket, from its LocationConstraint and the endpoint that was asked.

    Raises: IllegalLocationConstraintException, InvalidLocationConstraint.
    """
    if endpoint_region != "us-east-1":
        if constraint is None:
            raise errors.IllegalLocationConstraintException(constraint="unspecified")
        if constraint == EU and endpoint_region == _IRELAND:
            return _IRELAND
        if constraint != endpoint_region:
            raise errors.IllegalLocationConstraintException(constraint=constraint)
        return endpoint_region
    if constraint is None:
        return endpoint_region
    if constraint == EU:
        return _IRELAND
    if constraint == "us-east-1" or _REGION.fullmatch(constraint) is None:
        raise errors.InvalidLocationConstraint(constraint)
    return constraint


def bucket_arn(bucket: str) -> str:
    return f"arn:aws:s3:::{bucket}"


def object_arn(bucket: str, key: str) -> str:
    return f"arn:aws:s3:::{bucket}/{key}"


ANONYMOUS_ID = "65a011a29cdf8ec533ec3d1ccaae921c"
"""AWS's canonical user id of nobody in particular."""


@lru_cache(maxsize=1024)
def canonical_id(account: str) -> str:
    """The account's canonical user id: 64 hexadecimal digits, always the same for an account."""
    mark = hashlib.sha256(b"canonical user " + account.encode()).digest()[:24]
    return (mark + _masked(int(account), mark)).hex()


def _masked(number: int, mark: bytes) -> bytes:
    mask = hashlib.sha256(b"canonical account " + mark).digest()[:8]
    return (number ^ int.from_bytes(mask)).to_bytes(8)


@lru_cache(maxsize=1024)
def account_of(canonical: str) -> str | None:
    """The account whose canonical user id it is; None where it is nobody's."""
    if _CANONICAL.fullmatch(canonical) is None:
        return None
    given = bytes.fromhex(canonical)
    account = f"{int.from_bytes(_masked(int.from_bytes(given[24:]), given[:24])):012d}"
    known = len(account) == 12 and canonical_id(account) == canonical
    return account if known else None


def owner_id(owner: str, bucket_account: str) -> str:
    """The canonical id of an object's owner, as its record tells him: "" for the bucket's."""
    if owner == NOBODY:
        return ANONYMOUS_ID
    return canonical_id(owner or bucket_account)


def copy_source(text: str) -> tuple[str, str, str | None]:
    """Bucket, key and version id of an x-amz-copy-source header: `/bucket/key?versionId=x`, URL-encoded.

    Raises: InvalidArgument.
    """
    path, _, query = text.partition("?")
    version_id: str | None = None
    if query:
        name, _, value = query.partition("=")
        if name != "versionId":
            raise errors.InvalidArgument(
                "Unsupported copy source parameter.", "x-amz-copy-source", text
            )
        version_id = value
    path = unquote(path.removeprefix("/"))
    through = points.copy_source(path) if path.startswith("arn:") else None
    if through is not None:
        return *through, version_id
    bucket, slash, key = path.partition("/")
    if not slash or not bucket or not key:
        raise errors.InvalidArgument(
            "Invalid copy source object key", "x-amz-copy-source", "x-amz-copy-source"
        )
    return bucket, key, version_id


def check_encoding_type(encoding: str | None) -> bool:
    """Whether keys in a list are URL-encoded. Raises: InvalidArgument."""
    if encoding is None:
        return False
    if encoding != "url":
        raise errors.InvalidArgument(
            "Invalid Encoding Method specified in Request", "encoding-type", encoding
        )
    return True


def encoded(text: str) -> str:
    """As `encoding-type=url` shows a key: slashes stay, a space becomes a plus."""
    return quote_plus(text, safe="/*")
