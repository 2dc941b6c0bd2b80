"""Objects under keys that their customers keep."""

from __future__ import annotations

from typing import Any

from recordings.s3.scenarios import scenario
from recordings.s3.story import Story

CUSTOMERS = "TestS3SSECEncryption::test_"
AES: dict[str, Any] = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
OTHER: dict[str, Any] = {**AES, "SSECustomerKey": "o" * 32}
KMS: dict[str, Any] = {**AES, "SSECustomerAlgorithm": "KMS"}
SHORT: dict[str, Any] = {**AES, "SSECustomerKey": "k" * 16}
WRITTEN: dict[str, Any] = {
    "SSECustomerAlgorithm": "AES256",
    "SSECustomerKey": "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=",
    "SSECustomerKeyMD5": "mT2HRsMGJ5IX5C+0rreZ8Q==",
}
"""As boto3 would write it, for what it does not write it for."""
WRONG_DIGEST: dict[str, Any] = {**WRITTEN, "SSECustomerKeyMD5": "aaaaaaaaaaaaaaaaaaaaaa=="}
TWICE: dict[str, Any] = {**AES, "SSECustomerKey": WRITTEN["SSECustomerKey"]}
"""Without a digest, so that boto3 writes what is written, and adds one."""
BODY = "test_data"


def _begin(s: Story) -> dict[str, str]:
    """The keys of the recordings are not told: neither are their digests, nor those of what they encrypted."""
    s.of_unknown_bytes("SSECustomerKeyMD5")
    return {"Bucket": s.bucket(), "Key": "test-sse-c"}


def _source(**how: Any) -> dict[str, Any]:
    return {f"CopySource{name}": value for name, value in how.items()}


@scenario(f"{CUSTOMERS}put_object_lifecycle_with_sse_c")
def _(s: Story) -> None:
    o = _begin(s)
    s("put-obj-sse-c", "put_object", **o, Body=BODY, **AES)
    s("head-obj-sse-c", "head_object", **o, **AES)
    s("get-obj-sse-c", "get_object", **o, **AES)
    wanted = {"ObjectAttributes": ["ETag", "ObjectSize"]}
    s("get-obj-attrs-sse-c", "get_object_attributes", **o, **wanted, **WRITTEN)
    s("del-obj-sse-c", "delete_object", **o)


@scenario(f"{CUSTOMERS}put_object_default_checksum_with_sse_c")
def _(s: Story) -> None:
    o = _begin(s)
    plain = s.make("s3", request_checksum_calculation="when_required")
    plain.put_object(**o, Body="test data..", **AES)
    s("head-obj-sse-c", "head_object", **o, **AES, ChecksumMode="ENABLED")
    s("get-obj-sse-c", "get_object", **o, **AES, ChecksumMode="ENABLED")
    wanted = {"ObjectAttributes": ["ETag", "Checksum"]}
    s("get-obj-attrs-sse-c", "get_object_attributes", **o, **wanted, **WRITTEN)


@scenario(f"{CUSTOMERS}put_object_validation_sse_c")
def _(s: Story) -> None:
    o = {**_begin(s), "Body": BODY}
    label = "put-obj-sse-c"
    s(f"{label}-both-encryption", "put_object", **o, **AES, ServerSideEncryption="AES256")
    s(f"{label}-wrong-algo", "put_object", **o, **KMS)
    s(f"{label}-no-algo", "put_object", **o, SSECustomerKey=AES["SSECustomerKey"])
    s(f"{label}-no-key", "put_object", **o, SSECustomerAlgorithm="AES256")
    s(f"{label}-no-md5", "put_object", **o, **TWICE)
    s(f"{label}-wrong-key-size", "put_object", **o, **SHORT)
    s(f"{label}-bad-md5", "put_object", **o, **WRONG_DIGEST)


@scenario(f"{CUSTOMERS}object_retrieval_sse_c")
def _(s: Story) -> None:
    o = _begin(s)
    s("put-obj-sse-c", "put_object", **o, Body=BODY, **AES)
    s("get-obj-no-sse-c", "get_object", **o)
    s("get-obj-sse-c-wrong-key", "get_object", **o, **OTHER)
    s("get-obj-sse-c-wrong-algo", "get_object", **o, **KMS)
    s("head-obj-sse-c-wrong-algo", "head_object", **o, **KMS)
    wanted = {"ObjectAttributes": ["ETag"]}
    s("get-obj-attrs-sse-c-wrong-algo", "get_object_attributes", **o, **wanted, **KMS)
    s("get-obj-sse-c-no-md5", "get_object", **o, **OTHER)
    s("head-obj-sse-c-no-md5", "head_object", **o, **OTHER)
    s("get-obj-sse-c-wrong-key-size", "get_object", **o, **SHORT)
    s("get-obj-sse-c-bad-md5", "get_object", **o, **WRONG_DIGEST)


@scenario(f"{CUSTOMERS}copy_object_with_sse_c")
def _(s: Story) -> None:
    o = _begin(s)
    s("put-obj-sse-c", "put_object", **o, Body=BODY, **AES)
    source = {"CopySource": f"{o['Bucket']}/{o['Key']}"}
    plain = {"Bucket": o["Bucket"], "Key": "plain", **source}
    to = {"Bucket": o["Bucket"], "Key": "encrypted", **source}
    s("copy-obj-sse-c-target-no-sse-c", "copy_object", **plain, **_source(**AES))
    s("copy-obj-sse-c", "copy_object", **to, **_source(**AES), **AES)
    s("get-obj-no-sse-c-param", "get_object", Bucket=o["Bucket"], Key="encrypted")
    s("copy-obj-no-src-sse-c", "copy_object", **to, **AES)
    s("copy-obj-wrong-src-sse-c-algo", "copy_object", **to, **_source(**KMS), **AES)
    s("copy-obj-wrong-target-sse-c-algo", "copy_object", **to, **_source(**AES), **KMS)
    both = {**_source(**AES), **AES, "ServerSideEncryption": "AES256"}
    s("copy-obj-target-double-encryption", "copy_object", **to, **both)


@scenario(f"{CUSTOMERS}sse_c_with_versioning")
def _(s: Story) -> None:
    o = _begin(s)
    s.versioned(o["Bucket"])
    first = s("put-obj-sse-c-version-1", "put_object", **o, Body="version1", **AES)["VersionId"]
    last = s("put-obj-sse-c-version-2", "put_object", **o, Body="version2", **OTHER)["VersionId"]
    s("get-obj-sse-c-last-version", "get_object", **o, **OTHER)
    s("get-obj-sse-c-version-2", "get_object", **o, **OTHER, VersionId=last)
    s("get-obj-sse-c-last-version-wrong-key", "get_object", **o, **AES)
    s("get-obj-sse-c-version-1", "get_object", **o, **AES, VersionId=first)


@scenario(f"{CUSTOMERS}multipart_upload_sse_c")
def _(s: Story) -> None:
    o = {**_begin(s), "Key": "test-sse-c-multipart"}
    s.unknown.add("ChecksumCRC32")
    upload = {"UploadId": s("create-mpu-sse-c", "create_multipart_upload", **o, **AES)["UploadId"]}
    body, parts = b"a" * (5 * 1024 * 1024 + 1), []
    for number in range(3):
        given = {**upload, "PartNumber": number + 1, "Body": body}
        came = s(f"upload-part-{number}", "upload_part", **o, **given, **AES)
        parts.append({"PartNumber": number + 1, "ETag": came["ETag"]})
    s("list-parts", "list_parts", **o, **upload)
    done = {**upload, "MultipartUpload": {"Parts": parts}}
    s("complete-multipart-checksum", "complete_multipart_upload", **o, **done)
    s("get-obj-no-sse-c-param", "get_object", **o)
    s("get-obj-sse-c", "get_object", **o, **AES)


@scenario(f"{CUSTOMERS}multipart_upload_sse_c_validation")
def _(s: Story) -> None:
    o = {**_begin(s), "Key": "test-sse-c-multipart"}
    part = {**o, "PartNumber": 1, "Body": "test"}
    made = s("create-mpu-no-sse-c", "create_multipart_upload", **o)["UploadId"]
    s("mpu-no-sse-c-upload-part-with-sse-c", "upload_part", **part, UploadId=made, **AES)
    made = s("create-mpu-sse-c", "create_multipart_upload", **o, **AES)["UploadId"]
    s("mpu-sse-c-upload-part-no-sse-c", "upload_part", **part, UploadId=made)
    s("mpu-sse-c-upload-part-wrong-sse-c", "upload_part", **part, UploadId=made, **OTHER)
