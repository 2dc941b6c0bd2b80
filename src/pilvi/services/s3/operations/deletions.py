"""Deleting objects and their versions, one or up to a thousand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from pilvi.base.errors import AwsError
from pilvi.kit.call import Call
from pilvi.services.s3 import access, contents, errors, factors, integrity, limits
from pilvi.services.s3.records import objects, versions
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.objects import Object
from pilvi.services.s3.records.versions import Version
from pilvi.services.s3.rules import conditions, locks, names, requests, version_names
from pilvi.services.s3.service import s3
from pilvi.services.s3.wire import (
    DeleteObjectOutput,
    DeleteObjectRequest,
    DeleteObjectsOutput,
    DeleteObjectsRequest,
)
from pilvi.store.api import Transaction


@s3.write("DeleteObject")
def delete_object(call: Call, tx: Transaction, req: DeleteObjectRequest) -> DeleteObjectOutput:
    """Delete an object, or one of its versions for good; what is not there is no error.

    In a versioned bucket a delete marker takes the object's place, and its versions stay.
    Raises: NoSuchBucket, PreconditionFailed, NoSuchKey (If-Match), InvalidArgument, AccessDenied (the version is
        protected by object lock, or by a second factor that is not shown).
    AWS: DeleteObject; User Guide, "Deleting object versions from a versioning-enabled bucket", "How to perform
    conditional deletes".
    """
    bucket = access.admit(call, tx, req)
    requests.refuse_unbuilt(req)
    bypass = _bypass(req, bucket)
    version_id = req.get("VersionId")
    factors.prove_for_deletion(call, tx, bucket, req, for_good=version_id is not None)
    marker = _delete(call, tx, bucket, req["Key"], version_id, req, bypass=bypass)
    result: dict[str, Any] = {}
    if marker is not None:
        result["DeleteMarker"] = True
    if version_id is not None and bucket.versioning:
        result["VersionId"] = version_id
    elif marker is not None:
        result["VersionId"] = version_names.shown(marker.id)
    return cast("DeleteObjectOutput", result)


@s3.write("DeleteObjects")
def delete_objects(call: Call, tx: Transaction, req: DeleteObjectsRequest) -> DeleteObjectsOutput:
    """Delete up to a thousand keys or versions in one transaction; each one's success or error is told.

    Raises: MalformedXML (none or too many), InvalidRequest (no digest), BadDigest.
    AWS: DeleteObjects.
    """
    bucket = access.admit(call, tx, req)
    requests.refuse_unbuilt(req)
    bypass = _bypass(req, bucket)
    integrity.check_document(call, req, required=True)
    given: Sequence[Mapping[str, Any]] = req["Delete"].get("Objects") or []
    if not 1 <= len(given) <= limits.DELETE_KEYS_MAX:
        raise errors.MalformedXML()
    for_good = any("VersionId" in one for one in given)
    factors.prove_for_deletion(call, tx, bucket, req, for_good=for_good)
    deleted: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for one in given:
        key: str | None = one.get("Key")
        if not key:
            raise errors.MalformedXML()
        version_id: str | None = one.get("VersionId")
        told: dict[str, Any] = {} if version_id is None else {"VersionId": version_id}
        try:
            marker = _delete_listed(call, tx, bucket, key, version_id, one, bypass=bypass)
        except AwsError as error:
            failed.append({"Key": key, "Code": error.code, "Message": error.text, **told})
            continue
        if marker is not None:
            told["DeleteMarker"] = True
            told["DeleteMarkerVersionId"] = version_names.shown(marker.id)
        deleted.append({"Key": key, **told})
    result: dict[str, Any] = {}
    if deleted and not req["Delete"].get("Quiet", False):
        result["Deleted"] = deleted
    if failed:
        result["Errors"] = failed
    return cast("DeleteObjectsOutput", result)


def _delete_listed(
    call: Call,
    tx: Transaction,
    bucket: Bucket,
    key: str,
    version_id: str | None,
    one: Mapping[str, Any],
    *,
    bypass: bool,
) -> Version | None:
    """Raises: as `_delete`, but NoSuchVersion for an id that no version can have."""
    if "LastModifiedTime" in one or "Size" in one:
        raise errors.HeaderNotImplemented("LastModifiedTime,Size")
    if version_id is not None:
        try:
            version_names.stored_id(version_id)
        except errors.InvalidArgument:
            raise errors.NoSuchVersion(key, version_id) from None
    expected = {"IfMatch": one["ETag"]} if "ETag" in one else {}
    return _delete(call, tx, bucket, key, version_id, expected, bypass=bypass)


def _bypass(req: Mapping[str, Any], bucket: Bucket) -> bool:
    """Whether retention in governance mode is to be passed by. Raises: InvalidArgument."""
    if "BypassGovernanceRetention" in req and bucket.lock is None:
        raise errors.InvalidArgument(
            "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.",
            "x-amz-bypass-governance-retention",
        )
    return bool(req.get("BypassGovernanceRetention"))


def _delete(
    call: Call,
    tx: Transaction,
    bucket: Bucket,
    key: str,
    version_id: str | None,
    expected: Mapping[str, Any],
    *,
    bypass: bool,
) -> Version | None:
    """Gives the delete marker that was made, or the one that was deleted."""
    names.check_key(key)
    if version_id is None:
        current = objects.find_object(tx, bucket, key)
        conditions.check_delete(expected, key, current)
        return contents.remove(call, tx, bucket, key, current)
    found = versions.find(tx, bucket, key, version_names.stored_id(version_id))
    conditions.check_delete(expected, key, found if isinstance(found, Object) else None)
    if isinstance(found, Object):
        locks.check_removable(found.lock, call.now_ms, bypass=bypass)
    if found is not None:
        contents.remove_version(call, tx, bucket, key, found)
    return found if isinstance(found, Version) else None
