"""What a bucket does to objects whose writers ask for no encryption in particular."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from pilvi.kit.call import Call
from pilvi.services.s3 import access, integrity
from pilvi.services.s3.records import buckets
from pilvi.services.s3.rules import encryption
from pilvi.services.s3.service import s3
from pilvi.services.s3.wire import (
    DeleteBucketEncryptionRequest,
    GetBucketEncryptionOutput,
    GetBucketEncryptionRequest,
    PutBucketEncryptionRequest,
)
from pilvi.store.api import Snapshot, Transaction


@s3.write("PutBucketEncryption")
def put_bucket_encryption(
    call: Call, tx: Transaction, req: PutBucketEncryptionRequest
) -> dict[str, Any]:
    """For objects from now on; those that are there stay as they are. A key is asked for when something is written.

    Raises: MalformedXML, InvalidArgument, BadDigest, InvalidDigest.
    AWS: PutBucketEncryption; User Guide, "Setting default server-side encryption behavior for Amazon S3 buckets".
    """
    bucket = access.admit(call, tx, req)
    integrity.check_document(call, req)
    default = encryption.default_of(req["ServerSideEncryptionConfiguration"])
    buckets.put_bucket(tx, msgspec.structs.replace(bucket, encryption=default))
    return {}


@s3.read("GetBucketEncryption")
def get_bucket_encryption(
    call: Call, at: Snapshot, req: GetBucketEncryptionRequest
) -> GetBucketEncryptionOutput:
    """Buckets of which nothing was said encrypt with keys of their own (SSE-S3).

    Differs: SSE-C is blocked only where that was asked for; AWS blocks it in new buckets.
    AWS: GetBucketEncryption.
    """
    bucket = access.admit(call, at, req)
    return cast(
        "GetBucketEncryptionOutput",
        {"ServerSideEncryptionConfiguration": encryption.described(bucket.encryption)},
    )


@s3.write("DeleteBucketEncryption")
def delete_bucket_encryption(
    call: Call, tx: Transaction, req: DeleteBucketEncryptionRequest
) -> dict[str, Any]:
    """Back to SSE-S3. AWS: DeleteBucketEncryption."""
    bucket = access.admit(call, tx, req)
    buckets.put_bucket(tx, msgspec.structs.replace(bucket, encryption=None))
    return {}
