"""Listing multipart uploads and their parts."""

from __future__ import annotations

from typing import Any, cast

from pilvi.kit import paging
from pilvi.kit.call import Call
from pilvi.services.s3 import access, errors, limits
from pilvi.services.s3.lifecycle import telling
from pilvi.services.s3.records import listing, uploads
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.uploads import Part, Upload
from pilvi.services.s3.rules import descriptions, encryption, names, pages, requests
from pilvi.services.s3.service import s3
from pilvi.services.s3.wire import (
    ListMultipartUploadsOutput,
    ListMultipartUploadsRequest,
    ListPartsOutput,
    ListPartsRequest,
)
from pilvi.store.api import Snapshot


@s3.read("ListParts")
def list_parts(call: Call, at: Snapshot, req: ListPartsRequest) -> ListPartsOutput:
    """The parts sent so far, by number. Raises: NoSuchUpload, InvalidArgument. AWS: ListParts."""
    bucket = access.admit(call, at, req)
    requests.refuse_unbuilt(req)
    upload = uploads.get_upload(at, bucket, req["Key"], req["UploadId"])
    encryption.customer_key(req)  # nothing is told for which one would need it
    size = pages.size_of(
        req.get("MaxParts", limits.LIST_PARTS_MAX), "max-parts", limits.LIST_PARTS_MAX
    )
    marker = pages.part_marker(req.get("PartNumberMarker"))
    page, more = paging.page_of(
        uploads.scan_parts(at, bucket, upload.id, after_number=marker), size
    )
    owner = _owner(bucket, upload)
    result: dict[str, Any] = {
        "Bucket": bucket.name,
        "Key": upload.key,
        "UploadId": upload.id,
        "PartNumberMarker": marker,
        "NextPartNumberMarker": page[-1].number if page else 0,
        "MaxParts": size,
        "IsTruncated": more,
        "Initiator": owner,
        "Owner": owner,
        "StorageClass": upload.storage_class,
        **_checksum(upload),
        **telling.abort(call, at, bucket, upload),
    }
    if page:
        result["Parts"] = [_part(upload, part) for part in page]
    return cast("ListPartsOutput", result)


def _owner(bucket: Bucket, upload: Upload) -> dict[str, str]:
    return {"ID": names.owner_id(bucket.owner_of(upload.owner), bucket.account)}


def _part(upload: Upload, part: Part) -> dict[str, Any]:
    described: dict[str, Any] = {
        "PartNumber": part.number,
        "LastModified": descriptions.second(part.modified_at_ms),
        "ETag": descriptions.quoted(part.etag),
        "Size": part.size,
    }
    if upload.checksum_algorithm is not None:
        described[f"Checksum{part.checksum_algorithm}"] = part.checksum
    return described


def _checksum(upload: Upload) -> dict[str, Any]:
    if upload.checksum_algorithm is None:
        return {}
    return {"ChecksumAlgorithm": upload.checksum_algorithm, "ChecksumType": upload.checksum_type}


@s3.read("ListMultipartUploads")
def list_multipart_uploads(
    call: Call, at: Snapshot, req: ListMultipartUploadsRequest
) -> ListMultipartUploadsOutput:
    """Open uploads by key, and of one key in the order in which they began.

    Raises: InvalidArgument. AWS: ListMultipartUploads.
    """
    bucket = access.admit(call, at, req)
    prefix: str = req.get("Prefix", "")
    delimiter: str = req.get("Delimiter", "")
    url = names.check_encoding_type(req.get("EncodingType"))
    key_marker: str = req.get("KeyMarker", "")
    id_marker: str = req.get("UploadIdMarker", "")
    size = pages.size_of(
        req.get("MaxUploads", limits.LIST_UPLOADS_MAX), "max-uploads", limits.LIST_UPLOADS_MAX
    )
    marker: tuple[str, ...] = (key_marker,) if key_marker else ()
    if key_marker and id_marker:
        if uploads.find_upload(at, bucket, key_marker, id_marker) is None:
            raise errors.InvalidArgument("Invalid uploadId marker", "upload-id-marker", id_marker)
        marker = (key_marker, id_marker)
    page = listing.walk(
        uploads.ordered_uploads(at, bucket),
        prefix=prefix,
        delimiter=delimiter,
        marker=marker,
        size=size,
    )
    shown = names.encoded if url else str
    last = page.last
    if isinstance(last, str) and not page.truncated:
        last = None  # AWS names uploads there, and no prefix; only to go on from is one needed
    result: dict[str, Any] = {
        "Bucket": bucket.name,
        "KeyMarker": shown(key_marker),
        "UploadIdMarker": id_marker if key_marker else "",
        "NextKeyMarker": shown(last.key if isinstance(last, Upload) else last or ""),
        "NextUploadIdMarker": last.id if isinstance(last, Upload) else "",
        "MaxUploads": size,
        "IsTruncated": page.truncated,
    }
    if prefix:
        result["Prefix"] = shown(prefix)
    if delimiter:
        result["Delimiter"] = shown(delimiter)
    if url:
        result["EncodingType"] = "url"
    if page.rows:
        result["Uploads"] = [
            {
                "UploadId": upload.id,
                "Key": shown(upload.key),
                "Initiated": descriptions.second(upload.initiated_at_ms),
                "StorageClass": upload.storage_class,
                "Owner": _owner(bucket, upload),
                "Initiator": _owner(bucket, upload),
                **_checksum(upload),
            }
            for upload in page.rows
        ]
    if page.prefixes:
        result["CommonPrefixes"] = [{"Prefix": shown(one)} for one in page.prefixes]
    return cast("ListMultipartUploadsOutput", result)
