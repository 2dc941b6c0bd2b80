"""Deleting objects, one or up to a thousand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from pilvi.base.errors import AwsError
from pilvi.kit.call import Call
from pilvi.services.s3 import access, contents, errors, integrity, limits
from pilvi.services.s3.records import objects
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.rules import conditions, names, requests
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
    """Delete an object; a key that is not there is no error.

    Raises: NoSuchBucket, PreconditionFailed, NoSuchKey (If-Match), InvalidArgument.
    AWS: DeleteObject; User Guide, "How to perform conditional deletes".
    """
    bucket = access.admit(call, tx, req)
    requests.refuse_unbuilt(req)
    for member, header in (
        ("IfMatchLastModifiedTime", "x-amz-if-match-last-modified-time"),
        ("IfMatchSize", "x-amz-if-match-size"),
    ):
        if member in req:
            raise errors.HeaderNotImplemented(header)
    _check_bypass(req)
    names.check_version_id(req.get("VersionId"))
    _delete(call, tx, bucket, req["Key"], req)
    return {}


@s3.write("DeleteObjects")
def delete_objects(call: Call, tx: Transaction, req: DeleteObjectsRequest) -> DeleteObjectsOutput:
    """Delete up to a thousand keys in one transaction; each key's success or error is told.

    Raises: MalformedXML (none or too many), InvalidRequest (no digest), BadDigest.
    AWS: DeleteObjects.
    """
    bucket = access.admit(call, tx, req)
    requests.refuse_unbuilt(req)
    _check_bypass(req)
    integrity.check_document(call, req, required=True)
    given: Sequence[Mapping[str, Any]] = req["Delete"].get("Objects") or []
    if not 1 <= len(given) <= limits.DELETE_KEYS_MAX:
        raise errors.MalformedXML()
    deleted: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for one in given:
        key: str | None = one.get("Key")
        if not key:
            raise errors.MalformedXML()
        version_id: str | None = one.get("VersionId")
        version = {} if version_id is None else {"VersionId": version_id}
        try:
            if version_id not in (None, "null"):
                raise errors.NoSuchVersion(key, version_id or "")
            if "LastModifiedTime" in one or "Size" in one:
                raise errors.HeaderNotImplemented("LastModifiedTime,Size")
            _delete(call, tx, bucket, key, {"IfMatch": one["ETag"]} if "ETag" in one else {})
        except AwsError as error:
            failed.append({"Key": key, "Code": error.code, "Message": error.text, **version})
        else:
            deleted.append({"Key": key, **version})
    result: dict[str, Any] = {}
    if deleted and not req["Delete"].get("Quiet", False):
        result["Deleted"] = deleted
    if failed:
        result["Errors"] = failed
    return cast("DeleteObjectsOutput", result)


def _check_bypass(req: Mapping[str, Any]) -> None:
    """No bucket here has object lock. Raises: InvalidArgument."""
    if req.get("BypassGovernanceRetention"):
        raise errors.InvalidArgument(
            "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.",
            "x-amz-bypass-governance-retention",
        )


def _delete(call: Call, tx: Transaction, bucket: Bucket, key: str, req: Mapping[str, Any]) -> None:
    names.check_key(key)
    current = objects.find_object(tx, bucket, key)
    conditions.check_delete(req, key, current)
    if current is not None:
        contents.remove(call, tx, bucket, current)
