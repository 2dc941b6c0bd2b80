"""What requests that write an object say about it: headers, metadata, storage class, and what is refused.

What it says of encryption is in `encryption.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, cast

from pilvi.base.errors import NotBuilt
from pilvi.services.s3 import errors, limits
from pilvi.services.s3.rules import encoded_words
from pilvi.services.s3.rules.storage_classes import CLASSES, STANDARD

_HEADERS = (
    "ContentType",
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "Expires",
    "WebsiteRedirectLocation",
)
_UNBUILT = {
    "ObjectLockEventHold": "event holds",
    "ObjectLockEventHoldDurationDays": "event holds",
    "ObjectLockEventHoldDurationYears": "event holds",
    "AnnotationDirective": "object annotations",
}

_names_of = cast("Callable[[object], AbstractSet[str]]", dict.keys)
"""Not `req.keys()`, which counts as reading all members."""


def sent(req: Mapping[str, Any], members: AbstractSet[str]) -> list[str]:
    """Those of many members, most of which no request has, that this one does have, in order."""
    return sorted(_names_of(req) & members)


def has_none(req: Mapping[str, Any], members: AbstractSet[str]) -> bool:
    """Whether a request has none of these members; reads none of them."""
    return _names_of(req).isdisjoint(members)


_OF_DIRECTORY_BUCKETS = {
    "WriteOffsetBytes": "x-amz-write-offset-bytes",
    "IfMatchInitiatedTime": "x-amz-if-match-initiated-time",
    "IfMatchLastModifiedTime": "x-amz-if-match-last-modified-time",
    "IfMatchSize": "x-amz-if-match-size",
}
"""Members that only directory buckets know."""


def refuse_unbuilt(req: Mapping[str, Any]) -> None:
    """Before anything is stored. Raises: NotBuilt; HeaderNotImplemented for what AWS refuses as well."""
    for member in sent(req, _OF_DIRECTORY_BUCKETS.keys()):
        raise errors.HeaderNotImplemented(_OF_DIRECTORY_BUCKETS[member])
    for member in sent(req, _UNBUILT.keys()):
        raise NotBuilt(what=f"{_UNBUILT[member]} ({member})")


def refuse_encryption_header(headers: Mapping[str, str]) -> None:
    """On operations that do not have it AWS refuses the header, too. Raises: InvalidArgument."""
    asked = headers.get("x-amz-server-side-encryption")
    if asked is not None:
        raise errors.InvalidArgument(
            "x-amz-server-side-encryption header is not supported for this operation.",
            "x-amz-server-side-encryption",
            asked,
        )


def headers_of(req: Mapping[str, Any]) -> dict[str, str | int]:
    """The headers that are kept, by member name. `aws-chunked` is how a body came, not what it is.

    Raises: InvalidRedirectLocation.
    """
    kept: dict[str, str | int] = {}
    for name in _HEADERS:
        value = req.get(name)
        if name == "ContentEncoding" and value is not None:
            value = ",".join(
                one for one in value.split(",") if one.strip().lower() != "aws-chunked"
            ).strip()
        if value is not None and value != "":
            kept[name] = value
    redirect = kept.get("WebsiteRedirectLocation")
    if isinstance(redirect, str) and not redirect.startswith(("/", "http://", "https://")):
        raise errors.InvalidRedirectLocation()
    return kept


def metadata_of(req: Mapping[str, Any]) -> dict[str, str]:
    """The x-amz-meta- headers, names in lower case. Encoded words are read; what is not ASCII is kept as it will be
    told: encoded, the bytes of a header read as Latin-1. Raises: MetadataTooLarge.
    """
    given: Mapping[str, str] | None = req.get("Metadata")
    if not given:
        return {}
    metadata = {name.lower(): value for name, value in given.items()}
    size = sum(len(name.encode()) + len(value.encode()) for name, value in metadata.items())
    if size > limits.METADATA_BYTES_MAX:
        raise errors.MetadataTooLarge(size, limits.METADATA_BYTES_MAX)
    return {
        name: encoded_words.encoded(encoded_words.decoded(value))
        for name, value in metadata.items()
    }


def storage_class(req: Mapping[str, Any]) -> str:
    """Raises: InvalidStorageClass."""
    name = req.get("StorageClass", STANDARD)
    if name not in CLASSES:
        raise errors.InvalidStorageClass(name)
    return name
