"""Parts that are copied from objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pilvi.base.http import Body
from pilvi.kit.call import Call
from pilvi.services.s3 import access, asked, bodies, errors, limits
from pilvi.services.s3.operations import multipart
from pilvi.services.s3.records import uploads
from pilvi.services.s3.records.objects import Object
from pilvi.services.s3.records.uploads import Part, Upload
from pilvi.services.s3.rules import checksums, conditions, descriptions, names, ranges, requests
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

    def look(at: Snapshot) -> tuple[Upload, Object, bytes | Body | None]:
        target = access.admit(call, at, req)
        upload = uploads.get_upload(at, target, req["Key"], req["UploadId"])
        bucket = access.admit_source(call, at, name, req.get("ExpectedSourceBucketOwner"))
        source = asked.get_source(at, bucket, key, version_id)
        conditions.check_copy_source(req, source, call.now_ms)
        wanted = ranges.copy_range(req.get("CopySourceRange"), source.size)
        start, end = wanted or (0, source.size)
        if end - start > limits.PART_BYTES_MAX:
            raise errors.EntityTooLarge(end - start, limits.PART_BYTES_MAX)
        if (start, end) == (0, source.size) and _can_share(upload, source):
            return upload, source, None
        return upload, source, bodies.contents(call, at, bucket, source, start, end)

    upload, source, copied = await bodies.opened(call, look)
    refuse_unread("UploadPartCopy", req)
    algorithm = upload.checksum_algorithm
    if copied is None:
        part = await _share(call, req, number, source)
    else:
        taken = await bodies.take_copy(
            call,
            bodies.pieces_of(copied),
            size_max=limits.PART_BYTES_MAX,
            algorithm=algorithm or checksums.DEFAULT,
        )
        part = await multipart.store_part(call, req, number, taken)
    result: dict[str, Any] = {
        "ETag": descriptions.quoted(part.etag),
        "LastModified": descriptions.second(part.modified_at_ms),
    }
    if algorithm is not None:
        result[f"Checksum{algorithm}"] = part.checksum
    answer: dict[str, Any] = {"CopyPartResult": result}
    if source.version_id:
        answer["CopySourceVersionId"] = source.version_id
    return cast("UploadPartCopyOutput", answer)


def _can_share(upload: Upload, source: Object) -> bool:
    """Whether the object's digests are the ones that the part needs."""
    return source.blob is not None and (
        upload.checksum_algorithm in (None, checksums.DEFAULT, source.checksum.algorithm)
    )


async def _share(call: Call, req: Mapping[str, Any], number: int, source: Object) -> Part:
    ref = source.blob
    assert ref is not None

    def commit(tx: Transaction) -> Part:
        call.cloud.blobs.retain(tx, ref)
        upload = uploads.get_upload(tx, access.admit(call, tx, req), req["Key"], req["UploadId"])
        own = upload.checksum_algorithm == source.checksum.algorithm
        part = Part(
            upload_id=upload.id,
            number=number,
            size=ref.size,
            etag=source.etag,
            modified_at_ms=call.now_ms,
            blob=ref,
            checksum_algorithm=source.checksum.algorithm if own else checksums.DEFAULT,
            checksum=source.checksum.value if own else bodies.crc64nvme(ref),
        )
        multipart.put_part(call, tx, req, part)
        return part

    try:
        return await call.transact(commit)
    except BlobGone:
        raise errors.OperationAborted() from None
