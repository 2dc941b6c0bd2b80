"""How answers describe an object."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pilvi.protocol.timestamps import rfc822
from pilvi.services.s3 import errors
from pilvi.services.s3.records.objects import Object
from pilvi.services.s3.rules import checksums, locks
from pilvi.services.s3.rules.storage_classes import STANDARD

_HEADER_BREAKS = frozenset("\r\n\0")
_OVERRIDES = {
    "ResponseContentType": "ContentType",
    "ResponseCacheControl": "CacheControl",
    "ResponseContentDisposition": "ContentDisposition",
    "ResponseContentEncoding": "ContentEncoding",
    "ResponseContentLanguage": "ContentLanguage",
    "ResponseExpires": "Expires",
}


def second(instant_ms: int) -> int:
    """S3 tells whole seconds."""
    return instant_ms // 1000 * 1000


def quoted(etag: str) -> str:
    return f'"{etag}"'


def headers_of(stored: Object) -> dict[str, Any]:
    """What GetObject and HeadObject say of every object."""
    described: dict[str, Any] = {
        "AcceptRanges": "bytes",
        "LastModified": second(stored.modified_at_ms),
        "ETag": quoted(stored.etag),
        "ContentType": "binary/octet-stream",
        **stored.headers,
    }
    if stored.metadata:
        described["Metadata"] = stored.metadata
    if stored.storage_class != STANDARD:
        described["StorageClass"] = stored.storage_class
    if stored.tags:
        described["TagCount"] = len(stored.tags)
    if stored.lock is not None:
        described.update(locks.headers_of(stored.lock))
    if stored.replication is not None:
        described["ReplicationStatus"] = stored.replication.told
    return described


def overrides_of(req: Mapping[str, Any], *, signed: bool) -> dict[str, Any]:
    """The response-... parameters.

    Raises: InvalidRequest for them on an unsigned request, InvalidArgument for what is no header's value.
    """
    found = {to: req[name] for name, to in _OVERRIDES.items() if name in req}
    if not found:
        return found
    for name, to in _OVERRIDES.items():
        value = found.get(to)
        if not isinstance(value, str) or (value.isascii() and _HEADER_BREAKS.isdisjoint(value)):
            continue
        parameter = "response" + re.sub("([A-Z])", r"-\1", name.removeprefix("Response")).lower()
        if not _HEADER_BREAKS.isdisjoint(value):
            raise errors.InvalidArgument("Header value cannot contain a line break.", parameter)
        if any(ord(character) > 255 for character in value):
            raise errors.InvalidArgument(
                "Header value cannot be represented using ISO-8859-1.", parameter, value
            )
    if found and not signed:
        raise errors.InvalidRequest(
            detail="Request specific response headers cannot be used for anonymous GET requests."
        )
    return found


def checksum_of(stored: Object) -> dict[str, Any]:
    """The stored checksum, for requests with x-amz-checksum-mode: ENABLED."""
    return checksums.members_of(stored.checksum, stored.parts)


def unchanged_headers(stored: Object) -> dict[str, str]:
    """What a 304 says."""
    kept = {"ETag": quoted(stored.etag), "Last-Modified": rfc822(stored.modified_at_ms)}
    cache = stored.headers.get("CacheControl")
    if isinstance(cache, str):
        kept["Cache-Control"] = cache
    return kept
