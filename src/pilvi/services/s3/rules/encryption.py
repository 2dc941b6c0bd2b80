"""What requests ask for in the way of encryption, and what answers tell of it.

AWS: S3 API Reference, "PutObject", "PutBucketEncryption"; User Guide, "Specifying server-side encryption with customer-
provided keys (SSE-C)".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from pilvi.base.errors import NotBuilt
from pilvi.services.s3 import errors
from pilvi.services.s3.records.encryption import (
    SSE_C,
    SSE_KMS,
    SSE_S3,
    DefaultEncryption,
    Encryption,
)
from pilvi.services.s3.rules import requests

_HEADER = "x-amz-server-side-encryption"
_DUAL = "aws:kms:dsse"
_CONTEXT_BYTES_MAX = 8192
_MEMBERS = frozenset(
    {
        "ServerSideEncryption",
        "SSEKMSKeyId",
        "SSEKMSEncryptionContext",
        "BucketKeyEnabled",
        "SSECustomerAlgorithm",
        "SSECustomerKey",
        "SSECustomerKeyMD5",
    }
)
_CUSTOMERS = {
    "": ("SSECustomerAlgorithm", "SSECustomerKey", "SSECustomerKeyMD5"),
    "CopySource": (
        *("CopySourceSSECustomerAlgorithm", "CopySourceSSECustomerKey"),
        "CopySourceSSECustomerKeyMD5",
    ),
}
_CUSTOMER_SETS = {source: frozenset(members) for source, members in _CUSTOMERS.items()}
"""The members for what is written, or read, and for what is copied."""
_PROVIDED = "Requests specifying Server Side Encryption with Customer provided keys must provide"
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class CustomerKey:
    """The key of a request; it outlives it nowhere. `md5`: as requests and answers tell it."""

    key: bytes = field(repr=False)
    md5: str


@dataclass(frozen=True, slots=True)
class Asked:
    """`algorithm`: None for what the bucket does by default. `bucket_key`: None likewise."""

    algorithm: str | None = None
    kms_key: str = ""
    context: Mapping[str, str] = field(default_factory=dict[str, str])
    bucket_key: bool | None = None
    customer: CustomerKey | None = None

    @property
    def anything(self) -> bool:
        return self.algorithm is not None or self.customer is not None


_NOTHING = Asked()


def asked(req: Mapping[str, Any]) -> Asked:
    """What a new object is to be encrypted with. Raises: InvalidArgument, InvalidEncryptionAlgorithmError, NotBuilt."""
    if requests.has_none(req, _MEMBERS):
        return _NOTHING
    algorithm = cast("str | None", req.get("ServerSideEncryption"))
    customer = customer_key(req, incompatible_with=algorithm)
    if algorithm == _DUAL:
        raise NotBuilt(what="dual-layer server-side encryption (aws:kms:dsse)")
    if algorithm not in (None, SSE_S3, SSE_KMS):
        raise errors.InvalidArgument(
            "The encryption method specified is not supported", _HEADER, algorithm
        )
    kms_key, context = req.get("SSEKMSKeyId"), req.get("SSEKMSEncryptionContext")
    if algorithm != SSE_KMS and (kms_key is not None or context is not None):
        raise errors.InvalidArgument(
            f"Server Side Encryption with AWS KMS managed key requires HTTP header {_HEADER} : aws:kms",
            _HEADER,
            algorithm,
        )
    return Asked(
        algorithm,
        kms_key or "",
        _context(context) if context else {},
        req.get("BucketKeyEnabled"),
        customer,
    )


def _context(text: str) -> dict[str, str]:
    """Raises: InvalidArgument."""
    name = f"{_HEADER}-context"
    try:
        if len(text) > _CONTEXT_BYTES_MAX:
            raise ValueError(text)
        found: object = json.loads(base64.b64decode(text, validate=True))
    except ValueError:
        found = None
    pairs = cast("dict[str, object]", found) if isinstance(found, dict) else None
    if pairs is None or not all(isinstance(value, str) for value in pairs.values()):
        raise errors.InvalidArgument(
            "The header is not the base64 encoding of a JSON document of strings.", name
        )
    return cast("dict[str, str]", pairs)


def customer_key(
    req: Mapping[str, Any], source: str = "", *, incompatible_with: str | None = None
) -> CustomerKey | None:
    """The customer's key of a request. `source`: "CopySource" for that of what is copied.

    Raises: InvalidArgument, InvalidEncryptionAlgorithmError.
    """
    names = _CUSTOMERS[source]
    if requests.has_none(req, _CUSTOMER_SETS[source]):
        return None
    algorithm, key, md5 = (cast("str | None", req.get(name)) for name in names)
    if not algorithm:
        raise errors.InvalidArgument(f"{_PROVIDED} a valid encryption algorithm.", _HEADER)
    if not key:
        raise errors.InvalidArgument(f"{_PROVIDED} an appropriate secret key.", _HEADER)
    if incompatible_with is not None:
        raise errors.InvalidArgument(
            "Server Side Encryption with Customer provided key is incompatible with the encryption method specified",
            _HEADER,
            incompatible_with,
        )
    if algorithm != SSE_S3:  # the only algorithm there is, and of the same name
        raise errors.InvalidEncryptionAlgorithmError(algorithm)
    try:
        secret = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != _KEY_BYTES:
        raise errors.InvalidArgument(
            "The secret key was invalid for the specified algorithm.", _HEADER
        )
    if not md5:
        raise errors.InvalidArgument(
            f"{_PROVIDED} the client calculated MD5 of the secret key.", _HEADER
        )
    computed = base64.b64encode(hashlib.md5(secret, usedforsecurity=False).digest()).decode()
    if not hmac.compare_digest(computed.encode(), md5.encode()):
        raise errors.InvalidArgument(
            "The calculated MD5 hash of the key did not match the hash that was provided.", _HEADER
        )
    return CustomerKey(secret, computed)


# --- what answers tell


def told(
    how: Encryption | None, customer: CustomerKey | None = None, asked: Asked | None = None
) -> dict[str, Any]:
    """The members of an answer. Of a customer's key its MD5 is told, as the request has it; `asked`: whose context of
    KMS is told again."""
    if how is None:
        return {}
    if how.kind == SSE_C:
        return (
            {}
            if customer is None
            else {
                "SSECustomerAlgorithm": SSE_S3,
                "SSECustomerKeyMD5": customer.md5,
            }
        )
    members: dict[str, Any] = {"ServerSideEncryption": how.kind}
    if how.kind == SSE_KMS:
        members["SSEKMSKeyId"] = how.key_arn
        if how.bucket_key:
            members["BucketKeyEnabled"] = True
        if asked is not None and asked.context:
            document = json.dumps(how.context, separators=(",", ":")).encode()
            members["SSEKMSEncryptionContext"] = base64.b64encode(document).decode()
    return members


# --- what buckets do by default


def default_of(configuration: Mapping[str, Any]) -> DefaultEncryption:
    """Raises: MalformedXML, InvalidArgument, NotBuilt."""
    rules = cast("Sequence[Mapping[str, Any]]", configuration.get("Rules") or ())
    if len(rules) != 1:
        raise errors.MalformedXML()
    rule = rules[0]
    given = cast("Mapping[str, Any] | None", rule.get("ApplyServerSideEncryptionByDefault"))
    bucket_key = bool(rule.get("BucketKeyEnabled"))
    blocked = _blocked(rule.get("BlockedEncryptionTypes"))
    if given is None:
        return DefaultEncryption(bucket_key=bucket_key, blocked=blocked)
    algorithm, key = given.get("SSEAlgorithm"), given.get("KMSMasterKeyID")
    if algorithm == _DUAL:
        raise NotBuilt(what="dual-layer server-side encryption (aws:kms:dsse)")
    if algorithm not in (SSE_S3, SSE_KMS):
        raise errors.MalformedXML()
    if key is not None and algorithm != SSE_KMS:
        raise errors.InvalidArgument(
            "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse",
            "ApplyServerSideEncryptionByDefault",
        )
    return DefaultEncryption(algorithm, key or "", bucket_key, blocked)


def _blocked(given: Mapping[str, Any] | None) -> tuple[str, ...]:
    """`NONE` blocks nothing, and stands alone. Raises: MalformedXML."""
    kinds = list(dict.fromkeys(cast("Sequence[str]", (given or {}).get("EncryptionType") or ())))
    if kinds in ([], ["NONE"]):
        return ()
    if kinds != [SSE_C]:
        raise errors.MalformedXML()
    return (SSE_C,)


def described(default: DefaultEncryption | None) -> dict[str, Any]:
    """As GetBucketEncryption tells it: of every bucket, for all encrypt."""
    default = default or DefaultEncryption()
    applied = {"SSEAlgorithm": default.algorithm}
    if default.key:
        applied["KMSMasterKeyID"] = default.key
    rule: dict[str, Any] = {
        "ApplyServerSideEncryptionByDefault": applied,
        "BucketKeyEnabled": default.bucket_key,
    }
    if default.blocked:
        rule["BlockedEncryptionTypes"] = {"EncryptionType": list(default.blocked)}
    return {"Rules": [rule]}
