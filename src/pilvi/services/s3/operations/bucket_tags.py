"""Tags of buckets."""

from __future__ import annotations

from typing import Any

import msgspec

from pilvi.kit.call import Call
from pilvi.services.s3 import access, errors, integrity
from pilvi.services.s3.records import buckets
from pilvi.services.s3.rules import tags
from pilvi.services.s3.service import s3
from pilvi.services.s3.wire import (
    DeleteBucketTaggingRequest,
    GetBucketTaggingOutput,
    GetBucketTaggingRequest,
    PutBucketTaggingRequest,
)
from pilvi.store.api import Snapshot, Transaction


@s3.write("PutBucketTagging")
def put_bucket_tagging(call: Call, tx: Transaction, req: PutBucketTaggingRequest) -> dict[str, Any]:
    """Replace all tags of the bucket. Raises: InvalidTag, BadRequest. AWS: PutBucketTagging."""
    bucket = access.admit(call, tx, req)
    integrity.check_document(call, req)
    given = tags.tags_of(req["Tagging"].get("TagSet") or (), of_bucket=True)
    buckets.put_bucket(tx, msgspec.structs.replace(bucket, tags=given or None))
    return {}


@s3.read("GetBucketTagging")
def get_bucket_tagging(
    call: Call, at: Snapshot, req: GetBucketTaggingRequest
) -> GetBucketTaggingOutput:
    """Raises: NoSuchTagSet. AWS: GetBucketTagging."""
    bucket = access.admit(call, at, req)
    if not bucket.tags:
        raise errors.NoSuchTagSet(bucket.name)
    return {"TagSet": tags.tag_set(bucket.tags)}


@s3.write("DeleteBucketTagging")
def delete_bucket_tagging(
    call: Call, tx: Transaction, req: DeleteBucketTaggingRequest
) -> dict[str, Any]:
    """AWS: DeleteBucketTagging."""
    bucket = access.admit(call, tx, req)
    buckets.put_bucket(tx, msgspec.structs.replace(bucket, tags=None))
    return {}
