"""What an export tells of itself in the bucket: a summary, a list of its data files, and the checksums of both.

AWS: DynamoDB Developer Guide, "DynamoDB table export output format".
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import orjson

from pilvi.protocol.timestamps import iso8601_full
from pilvi.services.dynamodb.transfers import limits
from pilvi.services.dynamodb.transfers.acting import Acting
from pilvi.services.dynamodb.transfers.records import Export, data_files, parts_home

_FULL_VERSION = "2020-06-30"
_INCREMENTAL_VERSION = "2023-08-01"


def place(record: Export, key: str) -> dict[str, Any]:
    """Members that all requests about an object of the export have."""
    owner = record.bucket_owner or record.scope.account
    return {"Bucket": record.bucket, "Key": key, "ExpectedBucketOwner": owner}


def target(record: Export, key: str) -> dict[str, Any]:
    """As `place`, of an object that is to be made. One in another account's bucket is that account's to read."""
    request = place(record, key)
    if record.bucket_owner not in (None, record.scope.account):
        request["ACL"] = "bucket-owner-full-control"
    if record.encryption == "KMS":
        request["ServerSideEncryption"] = "aws:kms"
        if record.encryption_key is not None:
            request["SSEKMSKeyId"] = record.encryption_key
    else:
        request["ServerSideEncryption"] = "AES256"
    return request


async def write(acting: Acting, record: Export, now_ms: int) -> None:
    """All of them; done twice, they say the same but for the time. Raises: Failed."""
    folder = f"{record.folder}/{record.id}"
    digest = hashlib.md5(usedforsecurity=False)
    files_key = f"{folder}/manifest-files.json"
    await acting.s3("PutObject", target(record, files_key), _files(acting, record, digest))
    await _put(acting, record, f"{folder}/manifest-files.md5", _text_of(digest))
    summary = orjson.dumps(_summary(record, files_key, now_ms))
    digest = hashlib.md5(summary, usedforsecurity=False)
    await _put(acting, record, record.manifest, summary)
    await _put(acting, record, f"{folder}/manifest-summary.md5", _text_of(digest))


async def _put(acting: Acting, record: Export, key: str, text: bytes) -> None:
    await acting.s3("PutObject", target(record, key), one_piece(text))


def _text_of(digest: Any) -> bytes:
    return base64.b64encode(digest.digest())


async def one_piece(text: bytes) -> AsyncIterator[bytes]:
    yield text


async def _files(acting: Acting, record: Export, digest: Any) -> AsyncIterator[bytes]:
    """One line for each data file."""
    home = parts_home(record.scope, record.id)
    last = -1
    while True:
        found = await acting.cloud.store.read(
            lambda at, last=last: list(
                data_files.scan(at, home, after_key=(last,), limit=limits.FILES_LISTED)
            )
        )
        if not found:
            return
        last = found[-1].number
        text = b"".join(
            orjson.dumps(
                {
                    "itemCount": one.items,
                    "md5Checksum": one.md5,
                    "etag": one.etag,
                    "dataFileS3Key": one.key,
                },
                option=orjson.OPT_APPEND_NEWLINE,
            )
            for one in found
        )
        digest.update(text)
        yield text


def _summary(record: Export, files_key: str, now_ms: int) -> dict[str, Any]:
    span = record.span
    told: dict[str, Any] = {
        "version": _FULL_VERSION if span is None else _INCREMENTAL_VERSION,
        "exportArn": record.arn,
        "startTime": iso8601_full(record.started_at_ms),
        "endTime": iso8601_full(now_ms),
        "tableArn": record.table.arn,
        "tableId": record.table.id,
    }
    if span is None:
        told["exportTime"] = iso8601_full(record.at_ms)
    else:
        told["exportFromTime"] = iso8601_full(span.since_ms)
        told["exportToTime"] = iso8601_full(span.until_ms)
    told |= {
        "s3Bucket": record.bucket,
        "s3Prefix": record.prefix,
        "s3SseAlgorithm": record.encryption,
        "s3SseKmsKeyId": record.encryption_key,
        "manifestFilesS3Key": files_key,
        "billedSizeBytes": record.size,
        "itemCount": record.items,
        "outputFormat": record.format,
    }
    if span is not None:
        told |= {"outputView": span.view, "exportType": "INCREMENTAL_EXPORT"}
    return told
