"""Tags of buckets."""

from __future__ import annotations

from typing import Any

import msgspec

from pilvi.kit.call import Call
from pilvi.services.s3 import access, errors, integrity
from pilvi.services.s3.records import buckets
from pilvi.services.s3.records.buckets import Bucket
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
    """Replace all tags of the bucket.

    Raises: InvalidTag, BadRequest, InvalidRequest (tags count in policies). AWS: PutBucketTagging.
    """
    bucket = access.admit(call, tx, req)
    _check_abac(bucket)
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
    """Raises: InvalidRequest (tags count in policies). AWS: DeleteBucketTagging."""
    bucket = access.admit(call, tx, req)
    _check_abac(bucket)
    buckets.put_bucket(tx, msgspec.structs.replace(bucket, tags=None))
    return {}


def _check_abac(bucket: Bucket) -> None:
    """Who may put tags may then do more than that. Raises: InvalidRequest."""
    if bucket.abac:
        raise errors.InvalidRequest(
            detail="Attribute-based access control is enabled on this bucket. Use TagResource and UntagResource to"
            " manage its tags."
        )
