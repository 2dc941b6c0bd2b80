"""UpdateObjectEncryption: another key for an object that is there; its body, name, date and entity tag stay."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from persons import Person, allow

Refused = Callable[..., dict[str, Any]]
Client = Callable[..., Any]

DATA = b"what is there already " * 9000


@pytest.fixture
def key(client: Client) -> str:
    return client("kms").create_key()["KeyMetadata"]["Arn"]


def to(key: str, **more: Any) -> dict[str, Any]:
    return {"ObjectEncryption": {"SSEKMS": {"KMSKeyArn": key, **more}}}


def test_an_object_gets_a_key_of_kms_and_then_another(
    s3: Any, bucket: str, key: str, client: Client
) -> None:
    put = s3.put_object(Bucket=bucket, Key="k", Body=DATA, Tagging="a=b")
    before = s3.head_object(Bucket=bucket, Key="k")
    kms = client("kms")
    second = kms.create_key()["KeyMetadata"]["Arn"]
    for wanted, bucket_key in ((key, False), (second, True)):
        s3.update_object_encryption(
            Bucket=bucket, Key="k", **to(wanted, BucketKeyEnabled=bucket_key)
        )
        got = s3.get_object(Bucket=bucket, Key="k")
        assert got["Body"].read() == DATA
        assert (got["ServerSideEncryption"], got["SSEKMSKeyId"]) == ("aws:kms", wanted)
        assert got.get("BucketKeyEnabled", False) is bucket_key
        assert (got["ETag"], got["LastModified"]) == (put["ETag"], before["LastModified"])
    kms.disable_key(KeyId=key)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == DATA


def test_bodies_of_many_parts_and_older_versions(s3: Any, bucket: str, key: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    upload = {"Bucket": bucket, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    bodies = [os.urandom(5 * 1024**2), b"the rest"]
    parts = [
        {"PartNumber": n, "ETag": s3.upload_part(**upload, PartNumber=n, Body=one)["ETag"]}
        for n, one in enumerate(bodies, 1)
    ]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    version = s3.head_object(Bucket=bucket, Key="k")["VersionId"]
    newer = s3.put_object(Bucket=bucket, Key="k", Body=b"newer")["VersionId"]
    s3.update_object_encryption(Bucket=bucket, Key="k", VersionId=version, **to(key))
    got = s3.get_object(Bucket=bucket, Key="k", VersionId=version)
    assert got["SSEKMSKeyId"] == key
    assert got["Body"].read() == b"".join(bodies)
    current = s3.get_object(Bucket=bucket, Key="k")
    assert (current["VersionId"], current["ServerSideEncryption"]) == (newer, "AES256")


def test_what_is_refused(s3: Any, bucket: str, key: str, client: Client, refused: Refused) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    customer = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": os.urandom(32)}
    s3.put_object(Bucket=bucket, Key="c", Body=b"x", **customer)
    update, named = s3.update_object_encryption, {"Bucket": bucket, "Key": "k"}
    error = refused("InvalidRequest", update, Bucket=bucket, Key="c", **to(key))
    assert "DSSE-KMS or SSE-C" in error["Message"]
    refused("NoSuchKey", update, Bucket=bucket, Key="none", **to(key))
    refused("InvalidRequest", update, **named, **to("alias/aws/s3"))
    foreign = key.replace(key.split(":")[4], "999999999999")
    error = refused("AccessDenied", update, **named, **to(foreign))
    assert "owned by the same account" in error["Message"]
    missing = key[:-4] + "0000"
    refused("KMS.NotFoundException", update, **named, **to(missing))
    assert s3.head_object(**named)["ServerSideEncryption"] == "AES256"


def test_locked_objects_keep_their_keys(
    s3: Any, account: str, key: str, clock: Any, refused: Refused
) -> None:
    bucket = f"locked-{account}"
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ObjectLockLegalHoldStatus="ON")
    error = refused("AccessDenied", s3.update_object_encryption, Bucket=bucket, Key="k", **to(key))
    assert "Object Lock" in error["Message"]
    s3.put_object_legal_hold(Bucket=bucket, Key="k", LegalHold={"Status": "OFF"})
    s3.update_object_encryption(Bucket=bucket, Key="k", **to(key))


def test_it_is_a_permission_of_its_own(
    s3: Any, bucket: str, key: str, client: Client, account: str, refused: Refused
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    ann = Person(client, account)
    mine = ann.client("s3")
    asked = {"Bucket": bucket, "Key": "k", **to(key)}
    ann.may(allow("s3:UpdateObjectEncryption"))
    refused("AccessDenied", mine.update_object_encryption, **asked)
    uses = allow(["kms:GenerateDataKey", "kms:Decrypt"])
    only = {"StringEquals": {"s3:x-amz-server-side-encryption-aws-kms-key-id": key}}
    ann.may(allow("s3:UpdateObjectEncryption", "*", Condition=only), uses)
    mine.update_object_encryption(**asked)
    ann.may(allow("s3:PutObject"), uses)
    refused("AccessDenied", mine.update_object_encryption, **asked)


@pytest.mark.parametrize(
    ("operation", "more", "header"),
    [
        ("put_object", {"WriteOffsetBytes": 0}, "x-amz-write-offset-bytes"),
        ("delete_object", {"IfMatchSize": 1}, "x-amz-if-match-size"),
        (
            "abort_multipart_upload",
            {"UploadId": "some", "IfMatchInitiatedTime": "2026-01-01T00:00:00Z"},
            "x-amz-if-match-initiated-time",
        ),
    ],
)
def test_what_only_directory_buckets_know(
    s3: Any, bucket: str, refused: Refused, operation: str, more: dict[str, Any], header: str
) -> None:
    """AWS refuses these headers on general purpose buckets itself."""
    error = refused("NotImplemented", getattr(s3, operation), Bucket=bucket, Key="k", **more)
    assert (error["Header"], error["status"]) == (header, 501)
