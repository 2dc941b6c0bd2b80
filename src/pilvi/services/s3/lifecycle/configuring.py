"""Lifecycle configurations of buckets. The older operations, PutBucketLifecycle and GetBucketLifecycle, are the same
requests, and come here."""

from __future__ import annotations

import base64
from typing import Any, cast

from pilvi.kit.call import Call
from pilvi.services.s3 import access, errors, integrity
from pilvi.services.s3.lifecycle import documents, judging, records
from pilvi.services.s3.records import buckets
from pilvi.services.s3.service import s3
from pilvi.services.s3.wire import (
    DeleteBucketLifecycleRequest,
    GetBucketLifecycleConfigurationOutput,
    GetBucketLifecycleConfigurationRequest,
    PutBucketLifecycleConfigurationOutput,
    PutBucketLifecycleConfigurationRequest,
)
from pilvi.store.api import Snapshot, Transaction


@s3.write("PutBucketLifecycleConfiguration")
def put_bucket_lifecycle_configuration(
    call: Call, tx: Transaction, req: PutBucketLifecycleConfigurationRequest
) -> PutBucketLifecycleConfigurationOutput:
    """Replace the rules. They hold for what is there already, too, from the next midnight on.

    Raises: MalformedXML, InvalidRequest, InvalidArgument, InvalidTag, BadDigest, InvalidBucketState (MFA delete).
    AWS: PutBucketLifecycleConfiguration; User Guide, "Managing the lifecycle of objects".
    """
    bucket = access.admit(call, tx, req)
    integrity.check_document(call, req, required=True)
    if bucket.mfa_delete == buckets.ENABLED:
        raise errors.InvalidBucketState(
            detail="MFA delete is enabled on this bucket, so it cannot have a lifecycle configuration."
        )

    def make_id() -> str:
        return base64.b64encode(call.entropy.uuid().encode()).decode()

    lifecycle, document = documents.checked(
        req.get("LifecycleConfiguration"), req.get("TransitionDefaultMinimumObjectSize"), make_id
    )
    records.put(tx, bucket, lifecycle, document)
    if lifecycle.rules:
        day_ms = call.cloud.settings.lifecycle_day_ms
        records.schedule(tx, bucket, judging.next_midnight(call.now_ms, day_ms))
    told: dict[str, Any] = {"TransitionDefaultMinimumObjectSize": lifecycle.minimum}
    return cast("PutBucketLifecycleConfigurationOutput", told)


@s3.read("GetBucketLifecycleConfiguration")
def get_bucket_lifecycle_configuration(
    call: Call, at: Snapshot, req: GetBucketLifecycleConfigurationRequest
) -> GetBucketLifecycleConfigurationOutput:
    """Raises: NoSuchLifecycleConfiguration. AWS: GetBucketLifecycleConfiguration."""
    bucket = access.admit(call, at, req)
    document = records.find_document(at, bucket)
    if document is None:
        raise errors.NoSuchLifecycleConfiguration(bucket.name)
    return cast("GetBucketLifecycleConfigurationOutput", document)


@s3.write("DeleteBucketLifecycle")
def delete_bucket_lifecycle(
    call: Call, tx: Transaction, req: DeleteBucketLifecycleRequest
) -> dict[str, Any]:
    """Take the rules away; that there are none is no error. AWS: DeleteBucketLifecycle."""
    bucket = access.admit(call, tx, req)
    records.delete(tx, buckets.get_bucket(tx, bucket.name))
    return {}
