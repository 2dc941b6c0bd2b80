"""Tags of objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pilvi.kit.call import Call
from pilvi.services.s3 import access, events, integrity
from pilvi.services.s3.records import objects
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.objects import Object
from pilvi.services.s3.rules import names, tags
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

    Raises: NoSuchKey, InvalidTag, BadRequest. AWS: PutObjectTagging.
    """
    bucket, stored = _find(call, tx, req)
    integrity.check_document(call, req)
    given = tags.tags_of(req["Tagging"].get("TagSet") or (), of_bucket=False)
    _put(call, tx, bucket, stored, given, "ObjectTagging:Put")
    return {}


@s3.read("GetObjectTagging")
def get_object_tagging(
    call: Call, at: Snapshot, req: GetObjectTaggingRequest
) -> GetObjectTaggingOutput:
    """Raises: NoSuchKey. AWS: GetObjectTagging."""
    _, stored = _find(call, at, req)
    return {"TagSet": tags.tag_set(stored.tags)}


@s3.write("DeleteObjectTagging")
def delete_object_tagging(
    call: Call, tx: Transaction, req: DeleteObjectTaggingRequest
) -> DeleteObjectTaggingOutput:
    """Raises: NoSuchKey. AWS: DeleteObjectTagging."""
    bucket, stored = _find(call, tx, req)
    _put(call, tx, bucket, stored, {}, "ObjectTagging:Delete")
    return {}


def _find(call: Call, at: Snapshot, req: Mapping[str, Any]) -> tuple[Bucket, Object]:
    bucket = access.admit(call, at, req)
    names.check_version_id(req.get("VersionId"))
    return bucket, objects.get_object(at, bucket, req["Key"])


def _put(
    call: Call, tx: Transaction, bucket: Bucket, stored: Object, given: dict[str, str], event: str
) -> None:
    objects.put_row(tx, bucket, msgspec.structs.replace(stored, tags=given))
    events.tell(call, tx, bucket, Event(event, stored.key, call.now_ms, etag=stored.etag))
