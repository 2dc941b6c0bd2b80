"""Multipart uploads: begin, send parts, complete, abort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import quote

from pilvi.base.http import Body
from pilvi.kit.call import Call
from pilvi.services.s3 import access, bodies, contents, errors, limits
from pilvi.services.s3.bodies import Promises
from pilvi.services.s3.encryption import keys
from pilvi.services.s3.encryption.keys import Envelope
from pilvi.services.s3.lifecycle import telling
from pilvi.services.s3.records import objects, uploads
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.encryption import SSE_C
from pilvi.services.s3.records.objects import Object, Piece
from pilvi.services.s3.records.uploads import Part, Upload
from pilvi.services.s3.rules import (
    acls,
    checksums,
    completion,
    conditions,
    descriptions,
    encryption,
    locks,
    names,
    requests,
    tags,
    version_names,
)
from pilvi.services.s3.rules.encryption import CustomerKey
from pilvi.services.s3.service import refuse_unread, s3
from pilvi.services.s3.wire import (
    AbortMultipartUploadOutput,
    AbortMultipartUploadRequest,
    CompleteMultipartUploadOutput,
    CompleteMultipartUploadRequest,
    CreateMultipartUploadOutput,
    CreateMultipartUploadRequest,
    UploadPartOutput,
    UploadPartRequest,
)
from pilvi.store.api import Snapshot, Transaction


@s3.stream("CreateMultipartUpload")
async def create_multipart_upload(
    call: Call, req: CreateMultipartUploadRequest, body: Body
) -> CreateMultipartUploadOutput:
    """Begin an upload; what the object will be said to be, and how it is encrypted, is settled here.

    Raises: NoSuchBucket, AccessDenied, KeyTooLongError, MetadataTooLarge, InvalidStorageClass, InvalidTag,
        InvalidRequest (checksum algorithm and type), InvalidArgument, InvalidEncryptionAlgorithmError, KmsError.
    AWS: CreateMultipartUpload; User Guide, "Uploading and copying objects using multipart upload".
    """
    key: str = req["Key"]
    names.check_key(key)
    wish = encryption.asked(req)

    def admit(at: Snapshot) -> Bucket:
        bucket = access.admit(call, at, req)
        requests.refuse_unbuilt(req)
        return bucket

    envelope = await keys.envelope_for(call, req["Bucket"], key, wish, admit)

    def begin(tx: Transaction) -> tuple[Upload, dict[str, Any]]:
        bucket = admit(tx)
        owner, acl = access.owned(call, tx, bucket, acls.asked(req, of_bucket=False))
        lock = locks.asked(req, call.now_ms)
        locks.of_new(bucket, lock, call.now_ms)
        algorithm, kind = checksums.upload_checksum(
            req.get("ChecksumAlgorithm"), req.get("ChecksumType")
        )
        current = objects.find_object(tx, bucket, key)
        upload = Upload(
            key=key,
            id=f"{call.now_ms:012x}{call.entropy.hex(52)}",
            initiated_at_ms=call.now_ms,
            replaces="" if current is None else current.id,
            checksum_algorithm=algorithm,
            checksum_type=kind,
            storage_class=requests.storage_class(req),
            headers=requests.headers_of(req),
            metadata=requests.metadata_of(req),
            tags=tags.tags_of_header(req.get("Tagging")),
            owner=owner,
            acl=acl,
            encryption=envelope.how,
            lock=lock,
        )
        uploads.put_upload(tx, bucket, upload)
        refuse_unread("CreateMultipartUpload", req)
        return upload, telling.abort(call, tx, bucket, upload)

    upload, aborts = await call.transact(begin)
    result = {
        "Bucket": req["Bucket"],
        "Key": key,
        "UploadId": upload.id,
        **aborts,
        **encryption.told(upload.encryption, wish.customer, wish),
    }
    if upload.checksum_algorithm is not None and upload.checksum_type is not None:
        result.update(
            ChecksumAlgorithm=upload.checksum_algorithm, ChecksumType=upload.checksum_type
        )
    return cast("CreateMultipartUploadOutput", result)


@s3.stream("UploadPart")
async def upload_part(call: Call, req: UploadPartRequest, body: Body) -> UploadPartOutput:
    """Store one part, in place of an earlier one of the same number.

    Raises: NoSuchUpload, InvalidArgument (part number), EntityTooLarge, IncompleteBody, BadDigest,
        InvalidDigest, InvalidRequest.
    AWS: UploadPart.
    """
    number = part_number(req)
    requests.refuse_unbuilt(req)
    if call.request is not None:
        requests.refuse_encryption_header(call.request.headers)
    promises = Promises.of(call, req)
    req.get("ContentLength")  # the gateway holds the body to it

    customer = encryption.customer_key(req)

    def look(at: Snapshot) -> tuple[Bucket, Upload]:
        bucket = access.admit(call, at, req)
        upload = uploads.get_upload(at, bucket, req["Key"], req["UploadId"])
        lock = locks.of_new(bucket, upload.lock, call.now_ms)
        locks.check_digest(lock, promised=promises.any, what="Put Part")
        return bucket, upload

    bucket, upload = await call.view(look)
    refuse_unread("UploadPart", req)
    claim = promises.claim
    if claim is not None and upload.checksum_algorithm not in (None, claim.algorithm):
        raise errors.InvalidRequest(
            detail=f"Checksum Type mismatch occurred, expected checksum Type:"
            f" {upload.checksum_algorithm.lower()}, actual checksum Type: {claim.algorithm.lower()}"
        )
    algorithm = claim.algorithm if claim is not None else upload.checksum_algorithm
    envelope = await keys.envelope_of_part(call, bucket, upload.encryption, customer)
    taken = await bodies.take(
        call,
        body,
        size_max=limits.PART_BYTES_MAX,
        algorithm=algorithm or checksums.DEFAULT,
        promises=promises,
    )
    part = await store_part(call, req, number, taken, envelope)
    result: dict[str, Any] = {
        "ETag": descriptions.quoted(part.etag),
        **encryption.told(upload.encryption, customer),
    }
    if algorithm is not None:
        result[f"Checksum{algorithm}"] = part.checksum
    return cast("UploadPartOutput", result)


def part_number(req: Mapping[str, Any]) -> int:
    number: int = req["PartNumber"]
    if not 1 <= number <= limits.PART_NUMBER_MAX:
        raise errors.InvalidArgument(
            "Part number must be an integer between 1 and 10000, inclusive",
            "partNumber",
            str(number),
        )
    return number


async def store_part(
    call: Call,
    req: Mapping[str, Any],
    number: int,
    taken: bodies.Taken,
    envelope: Envelope,
) -> Part:
    digests = taken.digests

    def commit(tx: Transaction) -> Part:
        ref, sealed = taken.commit(call, tx, access.admit(call, tx, req), envelope)
        part = Part(
            upload_id=req["UploadId"],
            number=number,
            size=taken.size,
            etag=envelope.etag(call, digests.md5),
            modified_at_ms=call.now_ms,
            blob=ref,
            checksum_algorithm=digests.algorithm,
            checksum=digests.checksum,
            sealed=sealed,
        )
        put_part(call, tx, req, part)
        return part

    return await bodies.commit(call, taken, commit)


def put_part(call: Call, tx: Transaction, req: Mapping[str, Any], part: Part) -> None:
    """Store a part whose blob has its reference. Raises: NoSuchUpload (ended meanwhile)."""
    bucket = access.admit(call, tx, req)
    uploads.get_upload(tx, bucket, req["Key"], part.upload_id)
    replaced = uploads.find_part(tx, bucket, part.upload_id, part.number)
    if replaced is not None:
        call.cloud.blobs.release(tx, replaced.blob)
    uploads.put_part(tx, bucket, part)


@s3.write("CompleteMultipartUpload")
def complete_multipart_upload(
    call: Call, tx: Transaction, req: CompleteMultipartUploadRequest
) -> CompleteMultipartUploadOutput:
    """Make an object of the parts that are named; no byte is moved. Parts that are not named go.

    Raises: NoSuchUpload, InvalidPart, InvalidPartOrder, EntityTooSmall, EntityTooLarge, InvalidRequest,
        BadDigest, PreconditionFailed, NoSuchKey (If-Match), ConditionalRequestConflict.
    AWS: CompleteMultipartUpload.
    """
    key: str = req["Key"]
    bucket = access.admit(call, tx, req)
    requests.refuse_unbuilt(req)
    conditions.check_write_headers(req)
    upload = uploads.get_upload(tx, bucket, key, req["UploadId"])
    _check_customer(upload, encryption.customer_key(req))
    completion.check_kind(upload, req)
    stored_parts = {part.number: part for part in uploads.scan_parts(tx, bucket, upload.id)}
    given: Sequence[Mapping[str, Any]] = (req.get("MultipartUpload") or {}).get("Parts") or ()
    parts = completion.chosen_parts(upload, stored_parts, given)
    checksum = completion.checksum_of(upload, parts)
    size = completion.check_whole(upload, parts, checksum, req)
    current = objects.find_object(tx, bucket, key)
    conditions.check_write(req, key, current)
    for condition, member in (("If-Match", "IfMatch"), ("If-None-Match", "IfNoneMatch")):
        if member in req and upload.replaces != ("" if current is None else current.id):
            raise errors.ConditionalRequestConflict(condition, key)
    composite = checksum.kind == checksums.COMPOSITE
    pieces = tuple(
        Piece(part.blob, number, part.checksum if composite else None, part.sealed)
        for number, part in enumerate(parts, 1)
    )
    chosen = {part.number for part in parts}
    for part in stored_parts.values():
        if part.number not in chosen:
            call.cloud.blobs.release(tx, part.blob)
    uploads.delete_upload(tx, bucket, upload)
    stored = Object(
        key=key,
        id=call.entropy.hex(32),
        size=size,
        etag=checksums.multipart_etag([part.etag for part in parts]),
        modified_at_ms=call.now_ms,
        checksum=checksum,
        parts=len(parts),
        storage_class=upload.storage_class,
        headers=upload.headers,
        metadata=upload.metadata,
        tags=upload.tags,
        owner=upload.owner,
        acl=upload.acl,
        encryption=upload.encryption,
        lock=locks.of_new(bucket, upload.lock, call.now_ms),
    )
    stored = contents.put(
        call,
        tx,
        bucket,
        stored,
        pieces=pieces,
        replaced=current,
        event="ObjectCreated:CompleteMultipartUpload",
    )
    return cast(
        "CompleteMultipartUploadOutput",
        {
            "Location": f"{call.cloud.settings.external_url}/{bucket.name}/{quote(key)}",
            "Bucket": bucket.name,
            "Key": key,
            "ETag": descriptions.quoted(stored.etag),
            **checksums.members_of(checksum, stored.parts),
            **version_names.written(stored.version_id),
            **encryption.told(stored.encryption),
        },
    )


def _check_customer(upload: Upload, customer: CustomerKey | None) -> None:
    """A customer's key need not be said again; if it is, it is the right one. Raises: InvalidRequest."""
    how = upload.encryption
    if customer is not None and (
        how is None or how.kind != SSE_C or not keys.recognises(how, customer)
    ):
        raise errors.InvalidRequest(
            detail="The provided encryption parameters did not match the ones used originally."
        )


@s3.write("AbortMultipartUpload")
def abort_multipart_upload(
    call: Call, tx: Transaction, req: AbortMultipartUploadRequest
) -> AbortMultipartUploadOutput:
    """Forget an upload and its parts. Raises: NoSuchUpload. AWS: AbortMultipartUpload."""
    bucket = access.admit(call, tx, req)
    requests.refuse_unbuilt(req)
    upload = uploads.get_upload(tx, bucket, req["Key"], req["UploadId"])
    forget(call, tx, bucket, upload)
    return {}


def forget(call: Call, tx: Transaction, bucket: Bucket, upload: Upload) -> int:
    """An upload and its parts. Gives how many parts there were."""
    count = 0
    for part in uploads.scan_parts(tx, bucket, upload.id):
        call.cloud.blobs.release(tx, part.blob)
        count += 1
    uploads.delete_upload(tx, bucket, upload)
    return count
