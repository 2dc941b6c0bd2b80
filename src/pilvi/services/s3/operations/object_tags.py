"""Tags of objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from pilvi.kit.call import Call
from pilvi.kit.permission import Undisclosed
from pilvi.services.s3 import access, asked, errors, events, integrity
from pilvi.services.s3.records import versions
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.objects import Object
from pilvi.services.s3.replication import noting
from pilvi.services.s3.rules import tags, version_names
from pilvi.services.s3.rules.notifications import Event
from pilvi.services.s3.service import s3
from pilvi.services.s3.wire import (
    DeleteObjectTaggingOutput,
    DeleteObjectTaggingRequest,
    GetObjectTaggingOutput,
    GetObjectTaggingRequest,
    PutObjectTaggingOutput,
    PutObjectTaggingRequest,
)
from pilvi.store.api import Snapshot, Transaction


@s3.write("PutObjectTagging")
def put_object_tagging(
    call: Call, tx: Transaction, req: PutObjectTaggingRequest
) -> PutObjectTaggingOutput:
    """Replace all tags of an object; it counts as the same object, written when it was.

    Raises: NoSuchKey, NoSuchVersion, MethodNotAllowed, InvalidTag, BadRequest. AWS: PutObjectTagging.
    """
    bucket, stored = _find(call, tx, req)
    integrity.check_document(call, req)
    given = tags.tags_of(req["Tagging"].get("TagSet") or (), of_bucket=False)
    _put(call, tx, bucket, stored, given, "ObjectTagging:Put")
    return cast("PutObjectTaggingOutput", version_names.told(bucket, stored.version_id))


@s3.read("GetObjectTagging")
def get_object_tagging(
    call: Call, at: Snapshot, req: GetObjectTaggingRequest
) -> GetObjectTaggingOutput:
    """Raises: NoSuchKey, NoSuchVersion, MethodNotAllowed. AWS: GetObjectTagging."""
    try:
        bucket, stored = _find(call, at, req)
    except Undisclosed as found:
        if isinstance(found.truth, errors.NoSuchKey):
            found.truth.members["Key"] = f"{req['Bucket']}/{req['Key']}"  # so does AWS, here alone
        raise
    result = {"TagSet": tags.tag_set(stored.tags), **version_names.told(bucket, stored.version_id)}
    return cast("GetObjectTaggingOutput", result)


@s3.write("DeleteObjectTagging")
def delete_object_tagging(
    call: Call, tx: Transaction, req: DeleteObjectTaggingRequest
) -> DeleteObjectTaggingOutput:
    """Raises: NoSuchKey, NoSuchVersion, MethodNotAllowed. AWS: DeleteObjectTagging."""
    bucket, stored = _find(call, tx, req)
    _put(call, tx, bucket, stored, {}, "ObjectTagging:Delete")
    return cast("DeleteObjectTaggingOutput", version_names.told(bucket, stored.version_id))


def _find(call: Call, at: Snapshot, req: Mapping[str, Any]) -> tuple[Bucket, Object]:
    bucket = access.admit(call, at, req)
    return bucket, asked.get_any(call, at, bucket, req)


def _put(
    call: Call, tx: Transaction, bucket: Bucket, stored: Object, given: dict[str, str], event: str
) -> None:
    changed = msgspec.structs.replace(stored, tags=given)
    if bucket.replicates:
        changed = noting.note_change(call, tx, bucket, changed)
    versions.put_row(tx, bucket, changed)
    told = Event(event, stored.key, call.now_ms, etag=stored.etag, version_id=stored.version_id)
    events.tell(call, tx, bucket, told)
