"""Conditional requests: If-Match and its kin on reads, writes and copies.

Entity tags are compared without quotes. Times are whole seconds, as HTTP's dates are.
AWS: S3 User Guide, "Add preconditions to S3 operations with conditional requests"; RFC 9110, section 13.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pilvi.protocol.timestamps import rfc822
from pilvi.services.s3 import errors
from pilvi.services.s3.records.objects import Object


def bare(etag: str) -> str:
    """An entity tag without quotes and weakness marker."""
    return etag.strip().removeprefix("W/").strip('"')


def matches(header: str, etag: str) -> bool:
    """Whether a list of entity tags, or `*`, names this one."""
    return any(tag.strip() == "*" or bare(tag) == etag for tag in header.split(","))


def check_read(
    req: Mapping[str, Any], stored: Object, headers: dict[str, str], now_ms: int
) -> None:
    """`headers` go onto a 304. An If-Modified-Since of the future counts as none.

    Raises: PreconditionFailed, NotModified.
    """
    if_match = req.get("IfMatch")
    if_unmodified = req.get("IfUnmodifiedSince")
    if if_match is not None:
        if not matches(if_match, stored.etag):
            raise errors.PreconditionFailed("If-Match")
    elif if_unmodified is not None and _modified_after(stored, if_unmodified):
        raise errors.PreconditionFailed("If-Unmodified-Since")
    if_none_match = req.get("IfNoneMatch")
    if_modified = req.get("IfModifiedSince")
    if if_none_match is not None:
        if matches(if_none_match, stored.etag):
            raise errors.NotModified(headers)
    elif if_modified is not None and not _modified_since(stored, if_modified, now_ms):
        raise errors.NotModified(headers)


def range_holds(if_range: str | None, stored: Object) -> bool:
    """Whether a range is still of the object that the client knows; a weak entity tag never says so."""
    if if_range is None:
        return True
    if '"' in if_range:
        return not if_range.startswith("W/") and bare(if_range) == stored.etag
    return if_range.strip() == rfc822(stored.modified_at_ms // 1000 * 1000)


def check_copy_source(req: Mapping[str, Any], source: Object, now_ms: int) -> None:
    """The x-amz-copy-source-if-... headers. Raises: PreconditionFailed.

    A matching If-Match outweighs If-Unmodified-Since; a failing If-None-Match outweighs If-Modified-Since.
    """
    if_match = req.get("CopySourceIfMatch")
    if_unmodified = req.get("CopySourceIfUnmodifiedSince")
    if_none_match = req.get("CopySourceIfNoneMatch")
    if_modified = req.get("CopySourceIfModifiedSince")
    if if_match is not None:
        if not matches(if_match, source.etag):
            raise errors.PreconditionFailed("x-amz-copy-source-If-Match")
    elif if_unmodified is not None and _modified_after(source, if_unmodified):
        raise errors.PreconditionFailed("x-amz-copy-source-If-Unmodified-Since")
    if if_none_match is not None:
        if matches(if_none_match, source.etag):
            raise errors.PreconditionFailed("x-amz-copy-source-If-None-Match")
    elif if_modified is not None and not _modified_since(source, if_modified, now_ms):
        raise errors.PreconditionFailed("x-amz-copy-source-If-Modified-Since")


def check_write_headers(req: Mapping[str, Any]) -> None:
    """Refuse values that AWS does not take on writes. Raises: HeaderNotImplemented."""
    if_match = req.get("IfMatch")
    if_none_match = req.get("IfNoneMatch")
    if if_match is not None and if_none_match is not None:
        raise errors.HeaderNotImplemented(
            "If-Match,If-None-Match", "Multiple conditional request headers present in the request"
        )
    if if_match == "*":
        raise errors.HeaderNotImplemented(
            "If-Match", "We don't accept the provided value of If-Match header for this API"
        )
    if if_none_match is not None and if_none_match != "*":
        raise errors.HeaderNotImplemented(
            "If-None-Match",
            "We don't accept the provided value of If-None-Match header for this API",
        )


def check_write(req: Mapping[str, Any], key: str, current: Object | None) -> None:
    """To be asked inside the transaction that writes. Raises: NoSuchKey, PreconditionFailed."""
    if_match = req.get("IfMatch")
    if if_match is not None:
        if current is None:
            raise errors.NoSuchKey(key)
        if bare(if_match) != current.etag:
            raise errors.PreconditionFailed("If-Match")
    if req.get("IfNoneMatch") is not None and current is not None:
        raise errors.PreconditionFailed("If-None-Match")


def check_delete(req: Mapping[str, Any], key: str, current: Object | None) -> None:
    """If-Match on DeleteObject; `*` asks that there be an object. Raises: NoSuchKey, PreconditionFailed."""
    if_match = req.get("IfMatch")
    if if_match is None:
        return
    if current is None:
        raise errors.NoSuchKey(key)
    if not matches(if_match, current.etag):
        raise errors.PreconditionFailed("If-Match")


def _modified_after(stored: Object, instant_ms: int) -> bool:
    return stored.modified_at_ms // 1000 > instant_ms // 1000


def _modified_since(stored: Object, instant_ms: int, now_ms: int) -> bool:
    return instant_ms > now_ms or _modified_after(stored, instant_ms)
