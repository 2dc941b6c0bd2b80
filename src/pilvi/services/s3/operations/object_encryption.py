"""Encrypting an object that is there with another key: its body stays, only the keys to it are wrapped anew."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from pilvi.base.http import Body
from pilvi.kit.call import Call
from pilvi.services.s3 import access, asked, errors, integrity
from pilvi.services.s3.encryption import keys
from pilvi.services.s3.encryption.keys import Envelope, Unlocked
from pilvi.services.s3.records import objects, versions
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.encryption import SSE_KMS, SSE_S3
from pilvi.services.s3.records.objects import Object
from pilvi.services.s3.rules import locks
from pilvi.services.s3.service import refuse_unread, s3
from pilvi.services.s3.wire import UpdateObjectEncryptionRequest, UpdateObjectEncryptionResponse
from pilvi.store.api import Snapshot, Transaction

_TRIES = 5
_KEY_ARN = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:(?P<account>\d{12}):key/[A-Za-z0-9-]+")
_UNENCRYPTED = (
    "The UpdateObjectEncryption operation doesn't supported unencrypted source objects. Only source objects"
    " encrypted with SSE-S3 or SSE-KMS are supported."
)
_OTHERWISE_ENCRYPTED = (
    "The UpdateObjectEncryption operation doesn't support source objects with the encryption type DSSE-KMS or SSE-C."
    " Only source objects encrypted with SSE-S3 or SSE-KMS are supported."
)
_NO_TYPE = (
    "Requests that modify an object encryption configuration require a valid new encryption type. Valid values are"
    " SSEKMS. Modify the request to specify SSE-KMS for the updated encryption type, and then try again."
)
_NO_KEY = (
    "Requests that modify an object's encryption type to SSE-KMS require an Amazon Web Services KMS key Amazon Resource"
    " Name (ARN). Modify the request to specify a KMS key ARN, and then try again."
)
_NO_ARN = (
    "Requests that modify an object's encryption type to SSE-KMS require a valid Amazon Web Services KMS key Amazon"
    " Resource Name (ARN). Confirm that you have a correctly formatted KMS key ARN in your request, and then try again."
)
_FOREIGN = (
    "The Amazon Web Services KMS key in the request must be owned by the same account as the bucket. Modify the request"
    " to specify a KMS key from the same account, and then try again."
)
_LOCKED = (
    "The encryption type for the specified object can’t be updated because that object is protected by S3 Object Lock."
    " If the object has a governance-mode retention period or a legal hold, you must first remove the Object Lock"
    " status on the object before you issue your UpdateObjectEncryption request. You can't use the"
    " UpdateObjectEncryption operation with objects that have an Object Lock compliance mode retention period applied"
    " to them."
)


@s3.stream("UpdateObjectEncryption")
async def update_object_encryption(
    call: Call, req: UpdateObjectEncryptionRequest, body: Body
) -> UpdateObjectEncryptionResponse:
    """From the bucket's key to one of KMS, or from one of KMS to another; nothing else of the object changes.

    Raises: NoSuchKey, NoSuchVersion, MethodNotAllowed, InvalidRequest, AccessDenied (object lock; a key of another
        account; KMS refuses), KmsError, OperationAborted (the object keeps changing).
    Differs: KMS is asked for kms:GenerateDataKey, and for kms:Decrypt of what one of its keys encrypts now; AWS asks
    for kms:Encrypt and kms:ReEncrypt* as well.
    AWS: UpdateObjectEncryption; User Guide, "Updating server-side encryption for existing objects".
    """
    unlocked = Unlocked(call)
    document = cast("Mapping[str, Any]", req["ObjectEncryption"])
    integrity.check_document(call, req)
    for _ in range(_TRIES):
        bucket, seen = await unlocked.view(lambda at: _look(call, at, req, unlocked))
        key_arn, bucket_key = _wanted(document, bucket)
        refuse_unread("UpdateObjectEncryption", req)
        envelope = await keys.envelope_of_kms(
            call, bucket, seen.key, kms_key=key_arn, bucket_key=bucket_key
        )
        if await call.transact(lambda tx: _commit(call, tx, req, seen, envelope, unlocked)):  # noqa: B023 done before the next
            return {}
    raise errors.OperationAborted()


def _wanted(document: Mapping[str, Any], bucket: Bucket) -> tuple[str, bool]:
    """The key, and whether it serves the bucket. Raises: InvalidRequest, AccessDenied."""
    kms = cast("Mapping[str, Any] | None", document.get("SSEKMS"))
    if kms is None:
        raise errors.InvalidRequest(detail=_NO_TYPE)
    arn: str | None = kms.get("KMSKeyArn")
    if not arn:
        raise errors.InvalidRequest(detail=_NO_KEY)
    found = _KEY_ARN.fullmatch(arn)
    if found is None:
        raise errors.InvalidRequest(detail=_NO_ARN)
    if found["account"] != bucket.account:
        raise errors.AccessDenied(_FOREIGN)
    return arn, bool(kms.get("BucketKeyEnabled"))


def _look(
    call: Call, at: Snapshot, req: Mapping[str, Any], unlocked: Unlocked
) -> tuple[Bucket, Object]:
    """Raises: Locked."""
    bucket = access.admit(call, at, req)
    stored = asked.get_any(call, at, bucket, req)
    how = stored.encryption
    if how is None:
        raise errors.InvalidRequest(detail=_UNENCRYPTED)
    if how.kind not in (SSE_S3, SSE_KMS):
        raise errors.InvalidRequest(detail=_OTHERWISE_ENCRYPTED)
    if locks.is_protected(stored.lock, call.now_ms):
        raise errors.AccessDenied(_LOCKED)
    unlocked.key(at, bucket, how)
    return bucket, stored


def _commit(
    call: Call,
    tx: Transaction,
    req: Mapping[str, Any],
    seen: Object,
    envelope: Envelope,
    unlocked: Unlocked,
) -> bool:
    """False: another version stands there now, or the same with another key."""
    bucket = access.admit(call, tx, req)
    stored = asked.get_any(call, tx, bucket, req)
    how = stored.encryption
    if how is None or (stored.id, how) != (seen.id, seen.encryption):
        return False
    if locks.is_protected(stored.lock, call.now_ms):
        raise errors.AccessDenied(_LOCKED)
    of = unlocked.key_again(tx, bucket, how)
    wrapping = envelope.wrapping(call.cloud, tx, bucket)
    pieces = tuple(
        msgspec.structs.replace(
            piece, sealed=keys.rewrapped(call, piece.blob, piece.sealed, of, wrapping)
        )
        for piece in objects.get_pieces(tx, bucket, stored)
        if piece.sealed is not None
    )
    changed = msgspec.structs.replace(stored, encryption=envelope.how)
    if stored.blob is None:
        objects.put_manifest(tx, bucket, stored, pieces)
    else:
        changed = msgspec.structs.replace(changed, sealed=pieces[0].sealed)
    versions.put_row(tx, bucket, changed)
    return True
