"""Encryption is not done, so it is never taken, and never claimed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pilvi.services.s3 import s3 as service

Refused = Callable[..., dict[str, Any]]


# Each way to ask for encryption, on every operation that knows it.
ENCRYPTION = {
    "ServerSideEncryption": "AES256",
    "SSEKMSKeyId": "key",
    "SSEKMSEncryptionContext": "e30=",
    "BucketKeyEnabled": True,
    "SSECustomerAlgorithm": "AES256",
    "SSECustomerKeyMD5": "x",
    "CopySourceSSECustomerAlgorithm": "AES256",
    "CopySourceSSECustomerKeyMD5": "x",
}


@pytest.mark.parametrize("member", ENCRYPTION)
def test_encryption_is_refused_by_name_wherever_it_is_asked_for(
    s3: Any, bucket: str, member: str, refused: Refused
) -> None:
    """Nothing is encrypted here, so nothing may be taken as if it were; nor may an answer claim it."""
    stored = s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    assert "ServerSideEncryption" not in stored
    assert "ServerSideEncryption" not in s3.get_object(Bucket=bucket, Key="k")
    upload = {"UploadId": s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]}
    part = {**upload, "PartNumber": 1}
    source = {"CopySource": {"Bucket": bucket, "Key": "k"}}
    more: dict[str, dict[str, Any]] = {
        "CopyObject": source,
        "UploadPart": part,
        "UploadPartCopy": {**part, **source},
        "CompleteMultipartUpload": {**upload, "MultipartUpload": {"Parts": []}},
        "ListParts": upload,
        "GetObjectAttributes": {"ObjectAttributes": ["ETag"]},
    }
    tried = 0
    for operation in s3.meta.method_to_api_mapping.items():
        shape = s3.meta.service_model.operation_model(operation[1]).input_shape
        known = operation[1] in service.operations
        if known and shape is not None and member in shape.members:
            given = {"Bucket": bucket, "Key": "k", **more.get(operation[1], {})}
            call = getattr(s3, operation[0])
            error = _refused_or_headless(
                refused, operation[1], call, {**given, member: ENCRYPTION[member]}
            )
            assert error is None or member in error["Message"]
            tried += 1
    assert tried
    bucket_wide = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    error = refused(
        "NotImplemented",
        s3.put_bucket_encryption,
        Bucket=bucket,
        ServerSideEncryptionConfiguration=bucket_wide,
    )
    assert "PutBucketEncryption" in error["Message"]


def _refused_or_headless(
    refused: Refused, operation: str, call: Any, given: dict[str, Any]
) -> dict[str, Any] | None:
    """HEAD has a status only."""
    if operation == "HeadObject":
        refused("501", call, **given)
        return None
    return refused("NotImplemented", call, **given)


def test_an_encryption_header_where_none_belongs(
    send: Callable[..., Any], s3: Any, bucket: str
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    for method, path in (("GET", "k"), ("PUT", "k?partNumber=1&uploadId=x")):
        header = {"x-amz-server-side-encryption": "AES256"}
        answer = send(method, f"/{bucket}/{path}", b"", header)
        assert (answer.status, answer.code) == (400, "InvalidArgument")
