"""Listing objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pilvi.kit import paging
from pilvi.kit.call import Call
from pilvi.services.s3 import access, errors, limits
from pilvi.services.s3.records import listing, objects
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.listing import Page
from pilvi.services.s3.records.objects import Object
from pilvi.services.s3.rules import archives, descriptions, names
from pilvi.services.s3.service import s3
from pilvi.services.s3.wire import (
    ListObjectsOutput,
    ListObjectsRequest,
    ListObjectsV2Output,
    ListObjectsV2Request,
)
from pilvi.store.api import Snapshot


@s3.read("ListObjectsV2")
def list_objects_v2(call: Call, at: Snapshot, req: ListObjectsV2Request) -> ListObjectsV2Output:
    """A page of keys and common prefixes, in the order of their UTF-8 bytes.

    Raises: NoSuchBucket, AccessDenied, InvalidArgument.
    AWS: ListObjectsV2; User Guide, "Listing object keys programmatically".
    """
    bucket = access.admit(call, at, req)
    token: str | None = req.get("ContinuationToken")
    start_after: str = req.get("StartAfter", "")
    marker = start_after if token is None else _key_of(token)
    page, result = _list(call, at, bucket, req, marker)
    result["KeyCount"] = len(page.rows) + len(page.prefixes)
    _add_contents(result, page, bucket if req.get("FetchOwner") else None, restores_at(call, req))
    if token is not None:
        result["ContinuationToken"] = token
    elif start_after:
        result["StartAfter"] = shown(start_after, result)
    if page.truncated:
        result["NextContinuationToken"] = paging.token_of((_last_key(page),))
    return cast("ListObjectsV2Output", result)


@s3.read("ListObjects")
def list_objects(call: Call, at: Snapshot, req: ListObjectsRequest) -> ListObjectsOutput:
    """The first version of the list: a marker instead of a token, and owners for all who have a name.

    Raises: NoSuchBucket, AccessDenied, InvalidArgument. AWS: ListObjects.
    """
    bucket = access.admit(call, at, req)
    marker: str = req.get("Marker", "")
    page, result = _list(call, at, bucket, req, marker)
    owned_in = bucket if call.principal.authenticated else None
    _add_contents(result, page, owned_in, restores_at(call, req))
    result["Marker"] = shown(marker, result)
    if page.truncated and req.get("Delimiter"):
        result["NextMarker"] = shown(_last_key(page), result)
    return cast("ListObjectsOutput", result)


def _list(
    call: Call, at: Snapshot, bucket: Bucket, req: Mapping[str, Any], marker: str
) -> tuple[Page[Object], dict[str, Any]]:
    """The page, and what both versions say of it. AWS tells the region in a header that no model has."""
    call.headers.append(("x-amz-bucket-region", bucket.region))
    size, result = begin(bucket, req)
    page = listing.walk(
        objects.ordered_objects(at, bucket),
        prefix=req.get("Prefix", ""),
        delimiter=req.get("Delimiter", ""),
        marker=(marker,) if marker else (),
        size=size,
    )
    result["IsTruncated"] = page.truncated
    return page, result


def begin(bucket: Bucket, req: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """How many answers there may be, and what each list of keys says first. Raises: InvalidArgument."""
    prefix: str = req.get("Prefix", "")
    delimiter: str = req.get("Delimiter", "")
    url = names.check_encoding_type(req.get("EncodingType"))
    size: int = req.get("MaxKeys", limits.LIST_KEYS_MAX)
    if size > 2**31 - 1:
        raise errors.InvalidArgument(
            "Provided max-keys not an integer or within integer range", "max-keys", str(size)
        )
    if size < 0:
        raise errors.InvalidArgument(
            "Argument maxKeys must be an integer between 0 and 2147483647", "maxKeys", str(size)
        )
    for attribute in req.get("OptionalObjectAttributes") or ():
        if attribute != "RestoreStatus":
            raise errors.InvalidArgument(
                "Invalid attribute name specified", "x-amz-optional-object-attributes", attribute
            )
    size = min(size, limits.LIST_KEYS_MAX)
    result: dict[str, Any] = {"Name": bucket.name, "MaxKeys": size}
    if url:
        result["EncodingType"] = "url"
    result["Prefix"] = shown(prefix, result)
    if delimiter:
        result["Delimiter"] = shown(delimiter, result)
    return size, result


def restores_at(call: Call, req: Mapping[str, Any]) -> int | None:
    """The time at which restores are told; None where nobody asks for them."""
    return call.now_ms if req.get("OptionalObjectAttributes") else None


def _add_contents(
    result: dict[str, Any], page: Page[Object], owned_in: Bucket | None, now_ms: int | None
) -> None:
    """`owned_in`: the bucket, where owners are told. `now_ms`: see `restores_at`."""
    if page.rows:
        result["Contents"] = [content(stored, owned_in, result, now_ms) for stored in page.rows]
    if page.prefixes:
        result["CommonPrefixes"] = [{"Prefix": shown(one, result)} for one in page.prefixes]


def content(
    stored: Object, owned_in: Bucket | None, result: Mapping[str, Any], now_ms: int | None
) -> dict[str, Any]:
    checksum = stored.checksum
    content: dict[str, Any] = {
        "Key": shown(stored.key, result),
        "LastModified": descriptions.second(stored.modified_at_ms),
        "ETag": descriptions.quoted(stored.etag),
        "ChecksumAlgorithm": (checksum.algorithm,),
        "ChecksumType": checksum.kind,
        "Size": stored.size,
        "StorageClass": stored.storage_class,
    }
    if now_ms is not None and stored.restore is not None:
        content.update(archives.status_of(stored, now_ms))
    if owned_in is not None:
        content["Owner"] = {"ID": names.owner_id(owned_in.owner_of(stored.owner), owned_in.account)}
    return content


def shown(text: str, result: Mapping[str, Any]) -> str:
    return names.encoded(text) if "EncodingType" in result else text


def _last_key(page: Page[Object]) -> str:
    last = page.last
    assert last is not None, "an empty page is never truncated"
    return last if isinstance(last, str) else last.key


def _key_of(token: str) -> str:
    try:
        (key,) = paging.key_of(token)
    except ValueError:
        key = None
    if not isinstance(key, str):
        raise errors.InvalidArgument(
            "The continuation token provided is incorrect", "continuation-token"
        )
    return key
