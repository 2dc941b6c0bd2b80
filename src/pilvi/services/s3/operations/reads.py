"""Reading objects: the body, its headers, its attributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from pilvi.base.http import Body
from pilvi.kit.call import Call
from pilvi.services.s3 import access, asked, bodies, errors, limits
from pilvi.services.s3.encryption.keys import Unlocked, check_customer
from pilvi.services.s3.lifecycle import telling
from pilvi.services.s3.records import objects
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.objects import Object, Piece
from pilvi.services.s3.rules import (
    archives,
    checksums,
    conditions,
    descriptions,
    encryption,
    pages,
    ranges,
    requests,
    version_names,
)
from pilvi.services.s3.service import s3
from pilvi.services.s3.wire import (
    GetObjectAttributesOutput,
    GetObjectAttributesRequest,
    GetObjectOutput,
    GetObjectRequest,
    HeadObjectOutput,
    HeadObjectRequest,
)
from pilvi.store.api import Snapshot


@dataclass(frozen=True, slots=True)
class _Found:
    """What a request asks for: bytes `start` to `end` of an object."""

    stored: Object
    headers: dict[str, Any]
    start: int
    end: int


@s3.stream("GetObject")
async def get_object(call: Call, req: GetObjectRequest, body: Body) -> GetObjectOutput:
    """The body of an object, or a range or part of it; every byte is verified before it leaves.

    Raises: NoSuchBucket, NoSuchKey, NoSuchVersion, MethodNotAllowed (a delete marker), AccessDenied,
        PreconditionFailed, NotModified, InvalidRange, InvalidPartNumber, InvalidRequest, InvalidArgument,
        InvalidObjectState (archived).
    AWS: GetObject; User Guide, "Downloading objects".
    """

    unlocked = _unlocked(call, req)

    def look(at: Snapshot) -> tuple[_Found, bytes | Body]:
        bucket, found = _find(call, at, req, unlocked)
        archives.check_readable(found.stored, call.now_ms)
        return found, bodies.contents(
            call, at, bucket, found.stored, found.start, found.end, unlocked
        )

    found, contents = await unlocked.view(look)
    return cast("GetObjectOutput", {**found.headers, "Body": contents})


@s3.stream("HeadObject")
async def head_object(call: Call, req: HeadObjectRequest, body: Body) -> HeadObjectOutput:
    """As GetObject, without the body. Of objects under keys of KMS one must be allowed to decrypt them to be told their
    checksum. AWS: HeadObject."""
    unlocked = _unlocked(call, req)

    def look(at: Snapshot) -> dict[str, Any]:
        bucket, found = _find(call, at, req, unlocked)
        if req.get("ChecksumMode") == "ENABLED":
            unlocked.key(at, bucket, found.stored.encryption)
        return found.headers

    return cast("HeadObjectOutput", await unlocked.view(look))


def _unlocked(call: Call, req: Mapping[str, Any]) -> Unlocked:
    return Unlocked(call, encryption.customer_key(req))


def _find(
    call: Call, at: Snapshot, req: Mapping[str, Any], unlocked: Unlocked
) -> tuple[Bucket, _Found]:
    bucket = access.admit(call, at, req)
    requests.refuse_unbuilt(req)
    if call.request is not None:
        requests.refuse_encryption_header(call.request.headers)
    stored = asked.get(call, at, bucket, req)
    check_customer(stored.encryption, unlocked.customer)
    conditions.check_read(req, stored, descriptions.unchanged_headers(stored), call.now_ms)
    headers = descriptions.headers_of(stored)
    headers.update(encryption.told(stored.encryption, unlocked.customer))
    if bucket.versioning:
        headers["VersionId"] = version_names.shown(stored.version_id)
    if stored.restore is not None:
        headers.update(archives.headers_of(stored, call.now_ms))
    if bucket.lifecycle and "VersionId" not in req:
        headers.update(telling.expiration(call, at, bucket, stored))
    headers.update(descriptions.overrides_of(req, signed=call.principal.authenticated))
    with_checksum = req.get("ChecksumMode") == "ENABLED"
    wanted = req.get("Range")
    number = req.get("PartNumber")
    if number is not None:
        if wanted is not None:
            raise errors.InvalidRequest(
                detail="Cannot specify both Range header and partNumber query parameter"
            )
        start, end = _part(at, bucket, stored, number, headers, with_checksum=with_checksum)
    else:
        if wanted is not None and call.request is not None:
            if_range = call.request.headers.get("if-range")
            wanted = wanted if conditions.range_holds(if_range, stored) else None
        part = ranges.byte_range(wanted, stored.size)
        if with_checksum and part in (None, (0, stored.size)):
            headers.update(descriptions.checksum_of(stored))
        if part is not None:
            headers["ContentRange"] = f"bytes {part[0]}-{part[1] - 1}/{stored.size}"
        start, end = part or (0, stored.size)
    headers["ContentLength"] = end - start
    return bucket, _Found(stored, headers, start, end)


def _part(
    at: Snapshot,
    bucket: Bucket,
    stored: Object,
    number: int,
    headers: dict[str, Any],
    *,
    with_checksum: bool,
) -> tuple[int, int]:
    """Where a part lies; an object that was not uploaded in parts is its own part 1.

    A part tells its own checksum where it has one, and the object's where it is all of the object.
    """
    if not 1 <= number <= limits.PART_NUMBER_MAX:
        raise errors.InvalidArgument(
            "Part number must be an integer between 1 and 10000, inclusive",
            "partNumber",
            str(number),
        )
    count = stored.parts or 1
    if number > count:
        raise errors.InvalidPartNumber(number, count)
    if not stored.parts:
        start, end = 0, stored.size
        if with_checksum:
            headers.update(descriptions.checksum_of(stored))
    else:
        pieces = objects.get_pieces(at, bucket, stored)
        start = sum(piece.size for piece in pieces[: number - 1])
        end = start + pieces[number - 1].size
        headers["PartsCount"] = count
        if with_checksum and stored.checksum.kind == checksums.COMPOSITE:
            headers.update(_part_checksum(stored, pieces[number - 1]))
        elif with_checksum and count == 1:
            headers.update(descriptions.checksum_of(stored))
    if stored.size:
        headers["ContentRange"] = f"bytes {start}-{end - 1}/{stored.size}"
    return start, end


def _part_checksum(stored: Object, piece: Piece) -> dict[str, Any]:
    if piece.checksum is None:
        return {}
    return {
        f"Checksum{stored.checksum.algorithm}": piece.checksum,
        "ChecksumType": stored.checksum.kind,
    }


@s3.read("GetObjectAttributes")
def get_object_attributes(
    call: Call, at: Snapshot, req: GetObjectAttributesRequest
) -> GetObjectAttributesOutput:
    """What is asked for of: ETag, Checksum, ObjectParts, StorageClass, ObjectSize.

    Raises: NoSuchBucket, NoSuchKey, NoSuchVersion, MethodNotAllowed, InvalidArgument.
    AWS: GetObjectAttributes.
    """
    bucket = access.admit(call, at, req)
    requests.refuse_unbuilt(req)
    stored = asked.get(call, at, bucket, req)
    check_customer(stored.encryption, encryption.customer_key(req))
    wanted = {name.strip() for text in req["ObjectAttributes"] for name in text.split(",")}
    known = {"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"}
    if not wanted or not wanted <= known:
        raise errors.InvalidArgument("Invalid attribute name specified.", "x-amz-object-attributes")
    size = pages.size_of(
        req.get("MaxParts", limits.LIST_PARTS_MAX), "max-parts", limits.LIST_PARTS_MAX
    )
    marker = pages.part_marker(req.get("PartNumberMarker"))
    told: dict[str, Any] = {
        "ETag": stored.etag,
        "StorageClass": stored.storage_class,
        "ObjectSize": stored.size,
        "Checksum": {
            f"Checksum{stored.checksum.algorithm}": stored.checksum.value,
            "ChecksumType": stored.checksum.kind,
        },
    }
    if stored.parts:
        told["ObjectParts"] = _parts(at, bucket, stored, marker, size)
    result = {name: value for name, value in told.items() if name in wanted}
    result["LastModified"] = descriptions.second(stored.modified_at_ms)
    result.update(version_names.told(bucket, stored.version_id))
    return cast("GetObjectAttributesOutput", result)


def _parts(at: Snapshot, bucket: Bucket, stored: Object, marker: int, size: int) -> dict[str, Any]:
    """Parts are told one by one only where each has a checksum of its own."""
    described: dict[str, Any] = {"TotalPartsCount": stored.parts}
    if stored.checksum.kind == checksums.COMPOSITE:
        behind = [p for p in objects.get_pieces(at, bucket, stored) if p.number > marker]
        page = behind[:size]
        described.update(
            PartNumberMarker=marker,
            NextPartNumberMarker=page[-1].number if page else 0,
            MaxParts=size,
            IsTruncated=len(behind) > size,
            Parts=[
                {
                    "PartNumber": piece.number,
                    "Size": piece.size,
                    f"Checksum{stored.checksum.algorithm}": piece.checksum,
                }
                for piece in page
            ],
        )
    return described
