"""Objects under keys of KMS: what is told of them, and what a key that is not usable refuses."""

from __future__ import annotations

from typing import Any

from recordings.s3.scenarios import scenario
from recordings.s3.story import Story

KMS: dict[str, Any] = {"ServerSideEncryption": "aws:kms"}
NOBODYS = "134f2428-cec1-4b25-a1ae-9048164dba47"


def _key(s: Story, **config: str) -> dict[str, Any]:
    return s.make("kms", **config).create_key()["KeyMetadata"]


def _default(s: Story, b: str, label: str = "", *, bucket_key: bool = True, **how: str) -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", **how}}
    rules = {"Rules": [{**rule, "BucketKeyEnabled": bucket_key}]}
    given = {"Bucket": b, "ServerSideEncryptionConfiguration": rules}
    if label:
        s(label, "put_bucket_encryption", **given)
    else:
        s.do("put_bucket_encryption", **given)


@scenario("TestS3::test_copy_object_kms")
def _(s: Story) -> None:
    s.of_unknown_bytes()
    b = s.bucket()
    s.do("put_object", Bucket=b, Key="my-key", Body="hello world")
    s("get-object", "get_object", Bucket=b, Key="my-key")
    at = {"Bucket": b, "Key": "copied-key"}
    how = {"SSEKMSKeyId": _key(s)["KeyId"], "BucketKeyEnabled": True, **KMS}
    s("copy-object", "copy_object", **at, CopySource=f"{b}/my-key", **how)
    s("get-copied-object", "get_object", **at)


@scenario("TestS3::test_s3_sse_validate_kms_key")
def _(s: Story) -> None:
    o: dict[str, Any] = {"Bucket": s.bucket(), "Key": "test-sse"}
    other = _key(s, region_name="us-west-2")
    s.said["create-kms-key"] = other
    s.do("put_object", Bucket=o["Bucket"], Key="source", Body="test-sse")
    arn = f"arn:aws:kms:us-east-1:{s.account}:key/{NOBODYS}"
    for label, key in (
        ("wrong-kms-key", "fake-key-id"),
        ("wrong-kms-key-real-uuid", NOBODYS),
        ("wrong-kms-key-real-uuid-arn", arn),
        ("different-region-kms-key", other["Arn"]),
        ("different-region-kms-key-no-arn", other["KeyId"]),
    ):
        s(f"put-obj-{label}", "put_object", **o, Body="test-sse", **KMS, SSEKMSKeyId=key)
    wrong = {**o, **KMS, "SSEKMSKeyId": "fake-key-id"}
    s("create-multipart-wrong-kms-key", "create_multipart_upload", **wrong)
    s("copy-obj-wrong-kms-key", "copy_object", **wrong, CopySource=f"{o['Bucket']}/source")


@scenario("TestS3::test_s3_sse_validate_kms_key_state")
def _(s: Story) -> None:
    s.of_unknown_bytes()
    o: dict[str, Any] = {"Bucket": s.bucket(), "Key": "test-sse"}
    kms, key = s.make("kms"), _key(s)
    s.said["create-kms-key"] = key
    how = {**KMS, "Body": "test-sse", "SSEKMSKeyId": key["KeyId"]}
    s("success-put-object-sse", "put_object", **o, **how)
    s("success-get-object-sse", "get_object", **o)
    kms.disable_key(KeyId=key["KeyId"])
    s("get-obj-disabled-key", "get_object", **o)
    s("put-obj-disabled-key", "put_object", **o, **how)
    kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
    s("get-obj-pending-deletion-key", "get_object", **o)


@scenario("TestS3::test_s3_sse_bucket_key_default")
def _(s: Story) -> None:
    s.of_unknown_bytes()
    b = s.bucket()
    before, after = {"Bucket": b, "Key": "before"}, {"Bucket": b, "Key": "after"}
    s("put-obj-default-before-setting", "put_object", **before, Body="test-sse")
    s("get-obj-default-before-setting", "get_object", **before)
    _default(s, b, "put-bucket-encryption", KMSMasterKeyID=_key(s)["KeyId"])
    s("get-bucket-encryption", "get_bucket_encryption", Bucket=b)
    s("get-obj-default-after-setting", "get_object", **before)
    s("put-obj-after-setting", "put_object", **after, Body="test-sse")
    s("get-obj-after-setting", "get_object", **after)


@scenario("TestS3::test_s3_sse_default_kms_key")
def _(s: Story) -> None:
    s.of_unknown_bytes()
    one, two = ({"Bucket": s.bucket(), "Key": "test-sse"} for _ in range(2))
    for label, o in (("", one), ("-bucket-2", two)):
        s(f"put-obj-default-kms-s3-key{label}", "put_object", **o, Body="test-sse", **KMS)
        s(f"get-obj-default-kms-s3-key{label}", "get_object", **o)
    _default(s, one["Bucket"], "put-bucket-encryption-default-kms-s3-key")
    label = "get-bucket-encryption-default-kms-s3-key"
    s(label, "get_bucket_encryption", Bucket=one["Bucket"])
    s("put-obj-default-kms-s3-key-from-bucket", "put_object", **one, Body="test-sse")
    s("get-obj-default-kms-s3-key-from-bucket", "get_object", **one)


@scenario("TestS3BucketEncryption::test_s3_bucket_encryption_sse_kms")
def _(s: Story) -> None:
    s.of_unknown_bytes()
    o = {"Bucket": s.bucket(), "Key": "key-test-encrypted"}
    key = _key(s)["KeyId"]
    _default(s, o["Bucket"], "put-bucket-enc", KMSMasterKeyID=key)
    s("get-bucket-enc", "get_bucket_encryption", Bucket=o["Bucket"])
    s("put-object-encrypted", "put_object", **o, Body="test-encrypted")
    s("head-object-encrypted", "head_object", **o)
    s("get-object-encrypted", "get_object", **o)
    how = {"bucket_key": False, "KMSMasterKeyID": key}
    _default(s, o["Bucket"], "put-bucket-enc-bucket-key-disabled", **how)
    s("put-object-encrypted-bucket-key-disabled", "put_object", **o, Body="test-encrypted")


@scenario("TestS3BucketEncryption::test_s3_bucket_encryption_sse_kms_aws_managed_key")
def _(s: Story) -> None:
    s.of_unknown_bytes()
    o = {"Bucket": s.bucket(), "Key": "key-test-encrypted"}
    _default(s, o["Bucket"], "put-bucket-enc")
    s("get-bucket-enc", "get_bucket_encryption", Bucket=o["Bucket"])
    put = s("put-object-encrypted", "put_object", **o, Body="test-encrypted")
    s.of(s.make("kms"), "managed-kms-key", "describe_key", KeyId=put["SSEKMSKeyId"])
    s("head-object-encrypted", "head_object", **o)
    s("get-object-encrypted", "get_object", **o)


@scenario("TestS3::test_s3_copy_object_in_place")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(acls=True), "Key": "source-object"}
    given = {"ContentType": "application/json", "Metadata": {"key": "value"}}
    s("put_object", "put_object", **o, Body='{"key": "value"}', **given)
    s("head_object", "head_object", **o)
    wanted = {"ObjectAttributes": ["StorageClass"]}
    s("object-attrs", "get_object_attributes", **o, **wanted)
    copy = {**o, "CopySource": f"{o['Bucket']}/source-object"}
    s("copy-object-in-place-no-change", "copy_object", **copy)
    how = {"ChecksumAlgorithm": "SHA256", "StorageClass": "STANDARD"}
    s("copy-object-in-place-with-storage-class", "copy_object", **copy, **how)
    s("object-attrs-after-copy", "get_object_attributes", **o, **wanted)
    s("object-acl", "get_object_acl", **o)
    s("copy-object-in-place-with-acl", "copy_object", **copy, ACL="public-read")


@scenario("TestS3::test_s3_copy_object_in_place_with_encryption")
def _(s: Story) -> None:
    s.of_unknown_bytes()
    o = {"Bucket": s.bucket(), "Key": "source"}
    how = {**KMS, "SSEKMSKeyId": _key(s)["KeyId"], "BucketKeyEnabled": True}
    s("put-object-with-kms-encryption", "put_object", **o, Body="test", **how)
    s("head-object", "head_object", **o)
    copy = {**o, "CopySource": f"{o['Bucket']}/source"}
    for label, given in (
        ("with-sse", KMS),
        ("without-kms-sse", {"MetadataDirective": "REPLACE"}),
        ("with-aes", {"ServerSideEncryption": "AES256"}),
    ):
        s(f"copy-object-in-place-{label}", "copy_object", **copy, **given)
        s(f"head-copy-{label}", "head_object", **o)


@scenario("TestS3::test_s3_multipart_upload_sse")
def _(s: Story) -> None:
    s.of_unknown_bytes()
    o: dict[str, Any] = {"Bucket": s.bucket(), "Key": "test-sse-field-multipart"}
    how = {**KMS, "SSEKMSKeyId": _key(s)["KeyId"], "BucketKeyEnabled": True}
    made = s("multi-sse-create-multipart", "create_multipart_upload", **o, **how)
    o["UploadId"] = made["UploadId"]
    part = s("multi-sse-upload-part", "upload_part", **o, PartNumber=1, Body="test-sse")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s("multi-sse-compete-multipart", "complete_multipart_upload", **o, MultipartUpload=parts)
    at = {"Bucket": o["Bucket"], "Key": o["Key"]}
    s("get-obj", "get_object", **at, ChecksumMode="ENABLED")
