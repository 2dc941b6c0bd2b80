"""The version that a request asks for: the current one, or one by its id.

AWS: S3 User Guide, "Retrieving object versions from a versioning-enabled bucket", "Working with delete markers".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pilvi.kit.call import Call
from pilvi.kit.permission import Undisclosed
from pilvi.protocol.timestamps import rfc822
from pilvi.services.s3 import access, errors
from pilvi.services.s3.records import objects, versions
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.objects import Object
from pilvi.services.s3.records.versions import Version
from pilvi.services.s3.rules import version_names
from pilvi.store.api import Snapshot


def find(at: Snapshot, bucket: Bucket, key: str, version_id: str | None) -> Object | Version | None:
    """An object, or a delete marker: also the one that is current. Raises: InvalidArgument."""
    if version_id is not None:
        return versions.find(at, bucket, key, version_names.stored_id(version_id))
    stored = objects.find_object(at, bucket, key)
    if stored is None and bucket.versioning:
        return versions.find_newest(at, bucket, key)
    return stored


def get(call: Call, at: Snapshot, bucket: Bucket, req: Mapping[str, Any]) -> Object:
    """For reading. Raises: NoSuchKey, NoSuchVersion, MethodNotAllowed, AccessDenied, InvalidArgument."""
    key: str = req["Key"]
    version_id: str | None = req.get("VersionId")
    found = find(at, bucket, key, version_id)
    if isinstance(found, Object):
        return found
    if found is None:
        raise _missing(key, version_id)
    if version_id is not None:
        raise _not_allowed(call, found)
    error = errors.NoSuchKey(key)
    error.headers = _marker_headers(found)
    raise access.missing(error)


def get_any(call: Call, at: Snapshot, bucket: Bucket, req: Mapping[str, Any]) -> Object:
    """For what is kept beside an object (tags, locks): a delete marker has none, and says so always.

    Raises: NoSuchKey, NoSuchVersion, MethodNotAllowed, AccessDenied, InvalidArgument.
    """
    key: str = req["Key"]
    version_id: str | None = req.get("VersionId")
    found = find(at, bucket, key, version_id)
    if isinstance(found, Object):
        return found
    if found is None:
        raise _missing(key, version_id)
    raise _not_allowed(call, found)


def get_source(at: Snapshot, bucket: Bucket, key: str, version_id: str | None) -> Object:
    """For copying. Raises: NoSuchKey, NoSuchVersion, InvalidRequest, AccessDenied, InvalidArgument."""
    found = find(at, bucket, key, version_id)
    if isinstance(found, Object):
        return found
    if found is not None and version_id is not None:
        raise errors.InvalidRequest(
            detail="The source of a copy request may not specifically refer to a delete marker by version id."
        )
    raise _missing(key, version_id)


def _missing(key: str, version_id: str | None) -> Undisclosed:
    if version_id is None:
        return access.missing(errors.NoSuchKey(key))
    return access.missing(errors.NoSuchVersion(key, version_id))


def _not_allowed(call: Call, marker: Version) -> errors.MethodNotAllowed:
    """It has nothing but its place."""
    method = call.request.method if call.request is not None else "GET"
    error = errors.MethodNotAllowed({"Method": method, "ResourceType": "DeleteMarker"})
    error.headers = {
        **_marker_headers(marker),
        "Allow": "DELETE",
        "Last-Modified": rfc822(marker.modified_at_ms),
    }
    return error


def _marker_headers(marker: Version) -> dict[str, str]:
    return {
        "x-amz-delete-marker": "true",
        "x-amz-version-id": version_names.shown(marker.id),
    }
