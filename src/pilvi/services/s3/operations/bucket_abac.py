"""Whether a bucket's tags count in policies."""

from __future__ import annotations

from typing import Any

import msgspec

from pilvi.kit.call import Call
from pilvi.services.s3 import access, errors, integrity
from pilvi.services.s3.records import buckets
from pilvi.services.s3.service import s3
from pilvi.services.s3.wire import (
    GetBucketAbacOutput,
    GetBucketAbacRequest,
    PutBucketAbacRequest,
)
from pilvi.store.api import Snapshot, Transaction

_DISABLED = "Disabled"


@s3.write("PutBucketAbac")
def put_bucket_abac(call: Call, tx: Transaction, req: PutBucketAbacRequest) -> dict[str, Any]:
    """Switch attribute-based access control on or off.

    While it is on, policies about the bucket and what is in it are told of the bucket's tags (`aws:ResourceTag`,
    `s3:BucketTag`), and tags are put and taken by TagResource and UntagResource alone.
    Raises: MalformedXML, BadDigest. AWS: PutBucketAbac; User Guide, "Enabling ABAC in general purpose buckets".
    """
    bucket = access.admit(call, tx, req)
    integrity.check_document(call, req)
    status = req["AbacStatus"].get("Status")
    if status not in (buckets.ENABLED, _DISABLED):
        raise errors.MalformedXML()
    buckets.put_bucket(tx, msgspec.structs.replace(bucket, abac=status == buckets.ENABLED))
    return {}


@s3.read("GetBucketAbac")
def get_bucket_abac(call: Call, at: Snapshot, req: GetBucketAbacRequest) -> GetBucketAbacOutput:
    """AWS: GetBucketAbac."""
    bucket = access.admit(call, at, req)
    return {"AbacStatus": {"Status": buckets.ENABLED if bucket.abac else _DISABLED}}
