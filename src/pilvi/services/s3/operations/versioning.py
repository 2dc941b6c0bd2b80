"""Switching versioning on and off: a bucket that had it once has it suspended at most."""

from __future__ import annotations

from typing import Any

import msgspec

from pilvi.base.errors import NotBuilt
from pilvi.kit.call import Call
from pilvi.services.s3 import access, errors, integrity
from pilvi.services.s3.records import buckets
from pilvi.services.s3.rules import requests
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
        InvalidBucketState (object lock, replication), NotBuilt (MFA delete).
    AWS: PutBucketVersioning; User Guide, "Retaining multiple versions of objects with S3 Versioning".
    """
    bucket = access.admit(call, tx, req)
    requests.refuse_unbuilt(req)
    integrity.check_document(call, req)
    given = req["VersioningConfiguration"]
    factor = given.get("MFADelete", "Disabled")
    if factor not in ("Enabled", "Disabled"):
        raise errors.MalformedXML()
    if factor == "Enabled":
        raise NotBuilt(what="deleting with MFA (VersioningConfiguration.MFADelete)")
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
    buckets.put_bucket(tx, msgspec.structs.replace(bucket, versioning=status))
    return {}


@s3.read("GetBucketVersioning")
def get_bucket_versioning(
    call: Call, at: Snapshot, req: GetBucketVersioningRequest
) -> GetBucketVersioningOutput:
    """Enabled or Suspended; nothing where it was never put. AWS: GetBucketVersioning."""
    bucket = access.admit(call, at, req)
    return {"Status": bucket.versioning} if bucket.versioning else {}
