"""Listing all versions of objects, and delete markers."""

from __future__ import annotations

from typing import Any, cast

from pilvi.kit.call import Call
from pilvi.services.s3 import access, errors
from pilvi.services.s3.operations import listings
from pilvi.services.s3.records import listing, objects, versions
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.listing import Page
from pilvi.services.s3.records.versions import Listed
from pilvi.services.s3.rules import descriptions, names, version_names
from pilvi.services.s3.service import s3
from pilvi.services.s3.wire import ListObjectVersionsOutput, ListObjectVersionsRequest
from pilvi.store.api import Snapshot


@s3.read("ListObjectVersions")
def list_object_versions(
    call: Call, at: Snapshot, req: ListObjectVersionsRequest
) -> ListObjectVersionsOutput:
    """A page of versions and delete markers, by key and the newest first, and of common prefixes.

    Raises: NoSuchBucket, AccessDenied, InvalidArgument.
    AWS: ListObjectVersions; User Guide, "Listing objects in a versioning-enabled bucket".
    """
    bucket = access.admit(call, at, req)
    prefix: str = req.get("Prefix", "")
    delimiter: str = req.get("Delimiter", "")
    size, result = listings.begin(bucket, req)
    key_marker: str = req.get("KeyMarker", "")
    version_marker: str | None = req.get("VersionIdMarker")
    resumed = None
    if version_marker is not None:
        resumed = _resumed(at, bucket, key_marker, version_marker)
        if listing.common_prefix(key_marker, prefix, delimiter) is not None:
            resumed = None  # all of the prefix was told
    page = listing.walk(
        versions.ordered_versions(at, bucket, resumed),
        prefix=prefix,
        delimiter=delimiter,
        marker=resumed or ((key_marker,) if key_marker else ()),
        size=size,
    )
    result["IsTruncated"] = page.truncated
    result["KeyMarker"] = listings.shown(key_marker, result)
    result["VersionIdMarker"] = version_marker or ""
    _add_rows(result, page, bucket, listings.restores_at(call, req))
    if page.prefixes:
        result["CommonPrefixes"] = [
            {"Prefix": listings.shown(one, result)} for one in page.prefixes
        ]
    if page.truncated:
        _add_next(result, page)
    return cast("ListObjectVersionsOutput", result)


def _resumed(at: Snapshot, bucket: Bucket, key_marker: str, version_marker: str) -> tuple[str, int]:
    """Where the page before ended. A null version that is gone tells no place: then the key begins anew.

    Raises: InvalidArgument.
    """
    if not key_marker:
        raise errors.InvalidArgument(
            "A version-id marker cannot be specified without a key marker.",
            "version-id-marker",
            version_marker,
        )
    if not version_marker:
        raise errors.InvalidArgument(
            "A version-id marker cannot be empty.", "version-id-marker", version_marker
        )
    if version_marker != version_names.NULL:
        return key_marker, -version_names.rank_of(version_marker, "version-id-marker")
    current = objects.find_object(at, bucket, key_marker)
    if current is not None and not current.version_id:
        return key_marker, -current.rank
    null = versions.find_past(at, bucket, key_marker, "")
    return key_marker, -versions.RANK_MAX if null is None else -null.rank


def _add_rows(
    result: dict[str, Any], page: Page[Listed], bucket: Bucket, now_ms: int | None
) -> None:
    found: list[dict[str, Any]] = []
    markers: list[dict[str, Any]] = []
    for row in page.rows:
        told = {"VersionId": version_names.shown(row.id), "IsLatest": row.latest}
        if row.object is not None:
            found.append({**listings.content(row.object, bucket, result, now_ms), **told})
            continue
        markers.append(
            {
                "Key": listings.shown(row.key, result),
                "LastModified": descriptions.second(row.modified_at_ms),
                "Owner": {"ID": names.canonical_id(bucket.account)},
                **told,
            }
        )
    if found:
        result["Versions"] = found
    if markers:
        result["DeleteMarkers"] = markers


def _add_next(result: dict[str, Any], page: Page[Listed]) -> None:
    last = page.last
    assert last is not None, "an empty page is never truncated"
    if isinstance(last, str):
        result["NextKeyMarker"] = listings.shown(last, result)
    else:
        result["NextKeyMarker"] = listings.shown(last.key, result)
        result["NextVersionIdMarker"] = version_names.shown(last.id)
