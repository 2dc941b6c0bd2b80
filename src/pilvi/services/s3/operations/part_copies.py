"""Parts that are copied from objects."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from pilvi.base.http import Body
from pilvi.kit.call import Call
from pilvi.services.s3 import access, asked, bodies, errors, limits
from pilvi.services.s3.encryption import keys
from pilvi.services.s3.encryption.keys import Unlocked
from pilvi.services.s3.operations import multipart
from pilvi.services.s3.records import uploads
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.encryption import SSE_S3
from pilvi.services.s3.records.objects import Object
from pilvi.services.s3.records.uploads import Part, Upload
from pilvi.services.s3.rules import (
    archives,
    checksums,
    conditions,
    descriptions,
    encryption,
    names,
    ranges,
    requests,
)
from pilvi.services.s3.service import refuse_unread, s3
from pilvi.services.s3.wire import (
    UploadPartCopyOutput,
    UploadPartCopyRequest,
)
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.blob_rows import BlobGone


@s3.stream("UploadPartCopy")
async def upload_part_copy(
    call: Call, req: UploadPartCopyRequest, body: Body
) -> UploadPartCopyOutput:
    """Make a part of an object or a range of it.

    A whole object in one blob is shared, without moving a byte; else the bytes are read and stored anew,
    for the part's entity tag must be made.

    Raises: NoSuchUpload, NoSuchBucket, NoSuchKey, InvalidArgument, InvalidRequest, PreconditionFailed.
    AWS: UploadPartCopy.
    """
    number = multipart.part_number(req)
    requests.refuse_unbuilt(req)
    name, key, version_id = names.copy_source(req["CopySource"])
    customer = encryption.customer_key(req)
    unlocked = Unlocked(call, encryption.customer_key(req, "CopySource"))

    def look(at: Snapshot) -> _Seen:
        target = access.admit(call, at, req)
        upload = uploads.get_upload(at, target, req["Key"], req["UploadId"])
        bucket = access.admit_source(call, at, name, req.get("ExpectedSourceBucketOwner"))
        source = asked.get_source(at, bucket, key, version_id)
        conditions.check_copy_source(req, source, call.now_ms)
        archives.check_readable(source, call.now_ms, as_source=True)
        wanted = ranges.copy_range(req.get("CopySourceRange"), source.size)
        start, end = wanted or (0, source.size)
        if end - start > limits.PART_BYTES_MAX:
            raise errors.EntityTooLarge(end - start, limits.PART_BYTES_MAX)
        unlocked.key(at, bucket, source.encryption)
        if (start, end) == (0, source.size) and _can_share(upload, source):
            return _Seen(target, upload, bucket, source, None)
        content = bodies.contents(call, at, bucket, source, start, end, unlocked)
        return _Seen(target, upload, bucket, source, content)

    seen = await unlocked.view(look)
    refuse_unread("UploadPartCopy", req)
    how, algorithm = seen.upload.encryption, seen.upload.checksum_algorithm
    envelope = await keys.envelope_of_part(call, seen.target, how, customer)
    if seen.content is None:
        part = await _share(call, req, number, seen)
    else:
        taken = await bodies.take_copy(
            call,
            bodies.pieces_of(seen.content),
            size_max=limits.PART_BYTES_MAX,
            algorithm=algorithm or checksums.DEFAULT,
        )
        part = await multipart.store_part(call, req, number, taken, envelope)
    result: dict[str, Any] = {
        "ETag": descriptions.quoted(part.etag),
        "LastModified": descriptions.second(part.modified_at_ms),
    }
    if algorithm is not None:
        result[f"Checksum{algorithm}"] = part.checksum
    answer: dict[str, Any] = {"CopyPartResult": result, **encryption.told(how, customer)}
    if seen.source.version_id:
        answer["CopySourceVersionId"] = seen.source.version_id
    return cast("UploadPartCopyOutput", answer)


@dataclass(frozen=True, slots=True)
class _Seen:
    """`content`: None when the source's blob can be shared."""

    target: Bucket
    upload: Upload
    bucket: Bucket
    source: Object
    content: bytes | Body | None


def _can_share(upload: Upload, source: Object) -> bool:
    """Whether the object's digests are the ones that the part needs, and both are encrypted with keys of buckets."""
    mine, of = upload.encryption, source.encryption
    return (
        source.blob is not None
        and source.sealed is not None
        and (mine is not None and mine.kind == SSE_S3)
        and (of is not None and of.kind == SSE_S3)
        and upload.checksum_algorithm in (None, checksums.DEFAULT, source.checksum.algorithm)
    )


async def _share(call: Call, req: Mapping[str, Any], number: int, seen: _Seen) -> Part:
    source = seen.source
    ref, sealed = source.blob, source.sealed
    assert ref is not None, source.key
    assert sealed is not None, source.key
    keyring = keys.keyring(call.cloud)

    def commit(tx: Transaction) -> Part:
        call.cloud.blobs.retain(tx, ref)
        target = access.admit(call, tx, req)
        upload = uploads.get_upload(tx, target, req["Key"], req["UploadId"])
        own = upload.checksum_algorithm == source.checksum.algorithm
        of, wrapping = keyring.of_bucket(tx, seen.bucket), keyring.of_bucket(tx, target)
        part = Part(
            upload_id=upload.id,
            number=number,
            size=sealed.size,
            etag=source.etag,
            modified_at_ms=call.now_ms,
            blob=ref,
            checksum_algorithm=source.checksum.algorithm if own else checksums.DEFAULT,
            checksum=source.checksum.value
            if own
            else base64.b64encode(sealed.crc64nvme.to_bytes(8)).decode(),
            sealed=keys.rewrapped(call, ref, sealed, of, wrapping),
        )
        multipart.put_part(call, tx, req, part)
        return part

    try:
        return await call.transact(commit)
    except BlobGone:
        raise errors.OperationAborted() from None
