"""Putting objects."""

from __future__ import annotations

from typing import cast

from pilvi.base.http import Body
from pilvi.kit.call import Call
from pilvi.services.s3 import access, bodies, contents, limits
from pilvi.services.s3.bodies import Promises
from pilvi.services.s3.encryption import keys
from pilvi.services.s3.records import objects
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.grants import Acl
from pilvi.services.s3.records.locks import Lock
from pilvi.services.s3.records.objects import Checksum, Object
from pilvi.services.s3.rules import (
    acls,
    checksums,
    conditions,
    descriptions,
    encryption,
    locks,
    names,
    requests,
    tags,
    version_names,
)
from pilvi.services.s3.service import refuse_unread, s3
from pilvi.services.s3.wire import (
    PutObjectOutput,
    PutObjectRequest,
)
from pilvi.store.api import Snapshot, Transaction


@s3.stream("PutObject")
async def put_object(call: Call, req: PutObjectRequest, body: Body) -> PutObjectOutput:
    """Store an object, whole or not at all; conditions are decided in the transaction that stores it.

    It is encrypted as asked, else as the bucket does by default; and the answer says how.

    Raises: NoSuchBucket, AccessDenied, KeyTooLongError, MetadataTooLarge, InvalidStorageClass,
        AccessControlListNotSupported, InvalidTag, InvalidArgument, EntityTooLarge, IncompleteBody, BadDigest,
        InvalidDigest, InvalidRequest, PreconditionFailed, NoSuchKey (If-Match), KmsError,
        InvalidEncryptionAlgorithmError.
    AWS: PutObject; User Guide, "Uploading objects", "Checking object integrity", "Protecting data with encryption".
    """
    key: str = req["Key"]
    names.check_key(key)
    requests.refuse_unbuilt(req)
    asked = acls.asked(req, of_bucket=False)
    lock = locks.asked(req, call.now_ms)
    conditions.check_write_headers(req)
    headers = requests.headers_of(req)
    metadata = requests.metadata_of(req)
    storage_class = requests.storage_class(req)
    given_tags = tags.tags_of_header(req.get("Tagging"))
    promises = Promises.of(call, req)
    wish = encryption.asked(req)
    req.get("ContentLength")  # the gateway holds the body to it

    def admit(at: Snapshot) -> tuple[Bucket, str, Acl, Lock | None]:
        bucket = access.admit(call, at, req)
        owner, acl = access.owned(call, at, bucket, asked)
        locked = locks.of_new(bucket, lock, call.now_ms)
        locks.check_digest(locked, promised=promises.any, what="Put Object")
        refuse_unread("PutObject", req)
        return bucket, owner, acl, locked

    if bodies.is_on_its_way(call):
        await call.view(admit)  # before it is all taken in
    envelope = await keys.envelope_for(call, req["Bucket"], key, wish, lambda at: admit(at)[0])
    taken = await bodies.take(
        call,
        body,
        size_max=limits.OBJECT_PUT_BYTES_MAX,
        algorithm=promises.claim.algorithm if promises.claim is not None else checksums.DEFAULT,
        promises=promises,
    )
    digests = taken.digests
    etag = envelope.etag(call, digests.md5)

    def commit(tx: Transaction) -> Object:
        bucket, owner, acl, locked = admit(tx)
        current = objects.find_object(tx, bucket, key)
        conditions.check_write(req, key, current)
        ref, sealed = taken.commit(call, tx, bucket, envelope)
        stored = Object(
            key=key,
            id=ref.id,
            size=sealed.size,
            etag=etag,
            modified_at_ms=call.now_ms,
            checksum=Checksum(digests.algorithm, digests.checksum),
            blob=ref,
            storage_class=storage_class,
            headers=headers,
            metadata=metadata,
            tags=given_tags,
            owner=owner,
            acl=acl,
            sealed=sealed,
            encryption=envelope.how,
            lock=locked,
        )
        return contents.put(call, tx, bucket, stored, replaced=current, event=_event(call))

    stored = await bodies.commit(call, taken, commit)
    return cast(
        "PutObjectOutput",
        {
            "ETag": descriptions.quoted(stored.etag),
            **checksums.members_of(stored.checksum),
            **version_names.written(stored.version_id),
            **encryption.told(stored.encryption, wish.customer, wish),
        },
    )


def _event(call: Call) -> str:
    """Browsers' forms come by POST, and say so to whoever is notified."""
    posted = call.request is not None and call.request.method == "POST"
    return "ObjectCreated:Post" if posted else "ObjectCreated:Put"
