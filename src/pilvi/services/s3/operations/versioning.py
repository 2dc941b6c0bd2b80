"""Switching versioning on and off: a bucket that had it once has it suspended at most."""

from __future__ import annotations

from typing import Any

import msgspec

from pilvi.kit.call import Call
from pilvi.services.s3 import access, errors, factors, integrity
from pilvi.services.s3.records import buckets
from pilvi.services.s3.service import s3
from pilvi.services.s3.wire import (
    GetBucketVersioningOutput,
    GetBucketVersioningRequest,
    PutBucketVersioningRequest,
)
from pilvi.store.api import Snapshot, Transaction


@s3.write("PutBucketVersioning")
def put_bucket_versioning(
    call: Call, tx: Transaction, req: PutBucketVersioningRequest
) -> dict[str, Any]:
    """Enable or suspend versioning; objects that are there stay as they are.

    Raises: MalformedXML, IllegalVersioningConfigurationException (no status),
        InvalidBucketState (object lock, replication; MFA delete beside lifecycle rules), AccessDenied and
        InvalidArgument (MFA delete is on or is put, and no right code of the root user's device is shown).
    AWS: PutBucketVersioning; User Guide, "Retaining multiple versions of objects with S3 Versioning", "Configuring MFA
    delete".
    """
    bucket = access.admit(call, tx, req)
    integrity.check_document(call, req)
    given = req["VersioningConfiguration"]
    factor: str | None = given.get("MFADelete")
    if factor not in (None, buckets.ENABLED, "Disabled"):
        raise errors.MalformedXML()
    status = given.get("Status")
    if status is None:
        raise errors.IllegalVersioningConfigurationException()
    if status not in (buckets.ENABLED, buckets.SUSPENDED):
        raise errors.MalformedXML()
    if bucket.lock is not None and status != buckets.ENABLED:
        raise errors.InvalidBucketState(
            detail="An Object Lock configuration is present on this bucket, so the versioning state cannot be changed."
        )
    if bucket.replicates and status != buckets.ENABLED:
        raise errors.InvalidBucketState(
            detail="A replication configuration is present on this bucket, so you cannot change the versioning state."
            " To change the versioning state, first delete the replication configuration."
        )
    if factor == buckets.ENABLED and bucket.lifecycle:
        raise errors.InvalidBucketState(
            detail="A lifecycle configuration is present on this bucket, so MFA delete cannot be enabled."
        )
    shown: str | None = req.get("MFA")
    if bucket.mfa_delete == buckets.ENABLED or factor == buckets.ENABLED:
        factors.prove(call, tx, bucket, shown)
    mfa_delete = bucket.mfa_delete if factor is None else factor
    buckets.put_bucket(
        tx, msgspec.structs.replace(bucket, versioning=status, mfa_delete=mfa_delete)
    )
    return {}


@s3.read("GetBucketVersioning")
def get_bucket_versioning(
    call: Call, at: Snapshot, req: GetBucketVersioningRequest
) -> GetBucketVersioningOutput:
    """Enabled or Suspended, and whether deleting needs a second factor; nothing where it was never put.

    AWS: GetBucketVersioning.
    """
    bucket = access.admit(call, at, req)
    told: GetBucketVersioningOutput = {}
    if bucket.versioning:
        told["Status"] = bucket.versioning
    if bucket.mfa_delete:
        told["MFADelete"] = bucket.mfa_delete
    return told
