"""Object lock: of buckets, and the retention and legal hold of versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from pilvi.kit.call import Call
from pilvi.services.s3 import access, asked, errors, events, integrity
from pilvi.services.s3.records import buckets, versions
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.locks import Lock
from pilvi.services.s3.records.objects import Object
from pilvi.services.s3.replication import noting
from pilvi.services.s3.rules import locks
from pilvi.services.s3.rules.notifications import Event
from pilvi.services.s3.service import s3
from pilvi.services.s3.wire import (
    GetObjectLegalHoldOutput,
    GetObjectLegalHoldRequest,
    GetObjectLockConfigurationOutput,
    GetObjectLockConfigurationRequest,
    GetObjectRetentionOutput,
    GetObjectRetentionRequest,
    PutObjectLegalHoldOutput,
    PutObjectLegalHoldRequest,
    PutObjectLockConfigurationOutput,
    PutObjectLockConfigurationRequest,
    PutObjectRetentionOutput,
    PutObjectRetentionRequest,
)
from pilvi.store.api import Snapshot, Transaction


@s3.write("PutObjectLockConfiguration")
def put_object_lock_configuration(
    call: Call, tx: Transaction, req: PutObjectLockConfigurationRequest
) -> PutObjectLockConfigurationOutput:
    """Give a versioned bucket object lock, for ever, and replace the retention of new versions.

    Raises: MalformedXML, InvalidBucketState (versioning is not enabled), InvalidArgument, InvalidRequest (no digest).
    AWS: PutObjectLockConfiguration.
    """
    bucket = access.admit(call, tx, req)
    integrity.check_document(call, req, required=True)
    lock = locks.bucket_lock(req.get("ObjectLockConfiguration"))
    if bucket.versioning != buckets.ENABLED:
        raise errors.InvalidBucketState(
            detail="Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"
        )
    buckets.put_bucket(tx, msgspec.structs.replace(bucket, lock=lock))
    return {}


@s3.read("GetObjectLockConfiguration")
def get_object_lock_configuration(
    call: Call, at: Snapshot, req: GetObjectLockConfigurationRequest
) -> GetObjectLockConfigurationOutput:
    """Raises: ObjectLockConfigurationNotFoundError. AWS: GetObjectLockConfiguration."""
    bucket = access.admit(call, at, req)
    if bucket.lock is None:
        raise errors.ObjectLockConfigurationNotFoundError(bucket.name)
    told = {"ObjectLockConfiguration": locks.described(bucket.lock)}
    return cast("GetObjectLockConfigurationOutput", told)


# --- of versions


@s3.write("PutObjectRetention")
def put_object_retention(
    call: Call, tx: Transaction, req: PutObjectRetentionRequest
) -> PutObjectRetentionOutput:
    """Replace the retention of a version, or take it off.

    Raises: NoSuchKey, NoSuchVersion, MethodNotAllowed (a delete marker), MalformedXML, InvalidArgument (in the past),
        InvalidRequest (no object lock, or no digest), AccessDenied (what stands may only become longer).
    AWS: PutObjectRetention.
    """
    bucket, stored = _find(call, tx, req)
    integrity.check_document(call, req, required=True)
    wanted = locks.retention(req.get("Retention"), call.now_ms)
    bypass = bool(req.get("BypassGovernanceRetention"))
    locks.check_change(stored.lock, wanted, call.now_ms, bypass=bypass)
    held = None if stored.lock is None else stored.lock.held
    _put(call, tx, bucket, stored, msgspec.structs.replace(wanted, held=held))
    told = Event(
        "ObjectRetention:Put",
        stored.key,
        call.now_ms,
        etag=stored.etag,
        version_id=stored.version_id,
    )
    events.tell(call, tx, bucket, told)
    return {}


@s3.read("GetObjectRetention")
def get_object_retention(
    call: Call, at: Snapshot, req: GetObjectRetentionRequest
) -> GetObjectRetentionOutput:
    """Raises: NoSuchObjectLockConfiguration, and what PutObjectRetention raises. AWS: GetObjectRetention."""
    _, stored = _find(call, at, req)
    lock = stored.lock
    if lock is None or lock.mode is None or lock.until_ms is None:
        raise errors.NoSuchObjectLockConfiguration()
    return {"Retention": {"Mode": lock.mode, "RetainUntilDate": lock.until_ms}}


@s3.write("PutObjectLegalHold")
def put_object_legal_hold(
    call: Call, tx: Transaction, req: PutObjectLegalHoldRequest
) -> PutObjectLegalHoldOutput:
    """Hold a version, whatever its retention, or let it go.

    Raises: NoSuchKey, NoSuchVersion, MethodNotAllowed (a delete marker), MalformedXML, InvalidRequest (no object lock,
        or no digest).
    AWS: PutObjectLegalHold.
    """
    bucket, stored = _find(call, tx, req)
    integrity.check_document(call, req, required=True)
    held = locks.hold(req.get("LegalHold"))
    _put(call, tx, bucket, stored, msgspec.structs.replace(stored.lock or Lock(), held=held))
    return {}


@s3.read("GetObjectLegalHold")
def get_object_legal_hold(
    call: Call, at: Snapshot, req: GetObjectLegalHoldRequest
) -> GetObjectLegalHoldOutput:
    """Raises: NoSuchObjectLockConfiguration, and what PutObjectLegalHold raises. AWS: GetObjectLegalHold."""
    _, stored = _find(call, at, req)
    if stored.lock is None or stored.lock.held is None:
        raise errors.NoSuchObjectLockConfiguration()
    return {"LegalHold": {"Status": locks.hold_told(stored.lock.held)}}


def _find(call: Call, at: Snapshot, req: Mapping[str, Any]) -> tuple[Bucket, Object]:
    bucket = access.admit(call, at, req)
    if bucket.lock is None:
        raise errors.MissingObjectLockConfiguration()
    return bucket, asked.get_any(call, at, bucket, req)


def _put(call: Call, tx: Transaction, bucket: Bucket, stored: Object, lock: Lock) -> None:
    kept = None if lock == Lock() else lock
    changed = msgspec.structs.replace(stored, lock=kept)
    if bucket.replicates:
        changed = noting.note_change(call, tx, bucket, changed)
    versions.put_row(tx, bucket, changed)
