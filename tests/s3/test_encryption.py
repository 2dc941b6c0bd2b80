"""Encryption with the bucket's own key (SSE-S3), and what a bucket does by default."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from servers import Server

Refused = Callable[..., dict[str, Any]]
Send = Callable[..., Any]
OwnServer = Callable[..., Server]

SEGMENT = 64 * 1024
PART = 5 * 1024 * 1024
ACCOUNT = "123456789012"


def contains(folder: Path, *needles: bytes) -> list[bytes]:
    """Those of the needles that are in a file of the folder, or in the name of one."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files, folder
    return [one for one in needles if any(one in path.read_bytes() for path in files)]


def test_every_object_is_encrypted_and_says_so(s3: Any, bucket: str) -> None:
    data = os.urandom(100)
    put = s3.put_object(Bucket=bucket, Key="k", Body=data)
    asked = s3.put_object(Bucket=bucket, Key="a", Body=data, ServerSideEncryption="AES256")
    for answer in (
        put,
        asked,
        s3.get_object(Bucket=bucket, Key="k"),
        s3.head_object(Bucket=bucket, Key="k"),
        s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/k"),
        s3.create_multipart_upload(Bucket=bucket, Key="m"),
    ):
        assert answer["ServerSideEncryption"] == "AES256"
    assert put["ETag"] == f'"{hashlib.md5(data).hexdigest()}"', "the MD5 of what anybody may know"


@pytest.fixture(scope="module")
def large(server: Server) -> tuple[Any, str, str, bytes]:
    """An object of two parts, whose segments do not meet where the parts do."""
    s3 = server.client("s3", "000900000001")
    s3.create_bucket(Bucket="encrypted-ranges")
    data = os.urandom(PART + 77) + os.urandom(3 * SEGMENT + 5)
    upload = {"Bucket": "encrypted-ranges", "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    parts = []
    for number, piece in enumerate((data[: PART + 77], data[PART + 77 :]), 1):
        made = s3.upload_part(**upload, PartNumber=number, Body=piece)
        parts.append({"PartNumber": number, "ETag": made["ETag"]})
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    return s3, "encrypted-ranges", "k", data


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(at=st.data())
def test_ranges_are_of_the_clear_bytes(large: tuple[Any, str, str, bytes], at: Any) -> None:
    s3, bucket, key, data = large
    edges = [0, SEGMENT, 16 * SEGMENT, PART, PART + 77, PART + 77 + SEGMENT, len(data) - 1]
    near = st.sampled_from(edges).flatmap(lambda edge: st.integers(edge - 2, edge + 2))
    start = max(0, min(at.draw(near), len(data) - 1))
    end = max(start, min(at.draw(near), len(data) - 1))
    got = s3.get_object(Bucket=bucket, Key=key, Range=f"bytes={start}-{end}")
    assert got["Body"].read() == data[start : end + 1]
    assert got["ContentRange"] == f"bytes {start}-{end}/{len(data)}"


def test_the_whole_and_its_parts(large: tuple[Any, str, str, bytes]) -> None:
    s3, bucket, key, data = large
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == data
    second = s3.get_object(Bucket=bucket, Key=key, PartNumber=2)
    assert second["Body"].read() == data[PART + 77 :]
    assert second["ServerSideEncryption"] == "AES256"
    assert s3.head_object(Bucket=bucket, Key=key)["ContentLength"] == len(data)
    copy = s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/{key}")
    assert copy["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(data).hexdigest()}"'
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == data


# --- the default of a bucket


def test_a_bucket_of_which_nothing_is_said(
    s3: Any, bucket: str, refused: Refused, send: Send
) -> None:
    """As recorded from AWS, errors and all."""
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
        "BucketKeyEnabled": False,
    }
    told = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
    assert told == {"Rules": [rule]}
    s3.delete_bucket_encryption(Bucket=bucket)
    s3.delete_bucket_encryption(Bucket=bucket)

    def put(code: str, *rules: dict[str, Any]) -> dict[str, Any]:
        configuration = {"Rules": list(rules)}
        return refused(
            code,
            s3.put_bucket_encryption,
            Bucket=bucket,
            ServerSideEncryptionConfiguration=configuration,
        )

    put("MalformedXML")
    put("MalformedXML", rule, rule)
    put("MalformedXML", {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:fsx"}})
    given = {"SSEAlgorithm": "AES256", "KMSMasterKeyID": "k"}
    error = put("InvalidArgument", {"ApplyServerSideEncryptionByDefault": given})
    assert error["ArgumentName"] == "ApplyServerSideEncryptionByDefault"
    assert error["Message"] == (
        "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse"
    )
    dual = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms:dsse"}}
    assert "dsse" in put("NotImplemented", dual)["Message"]


def test_what_cannot_be_asked_for(s3: Any, bucket: str, refused: Refused, send: Send) -> None:
    put = {"Bucket": bucket, "Key": "k", "Body": b"1"}
    error = refused("NotImplemented", s3.put_object, **put, ServerSideEncryption="aws:kms:dsse")
    assert "aws:kms:dsse" in error["Message"]
    refused("InvalidArgument", s3.put_object, **put, ServerSideEncryption="ROT13")
    for more in ({}, {"ServerSideEncryption": "AES256"}):
        error = refused("InvalidArgument", s3.put_object, **put, **more, SSEKMSKeyId="key")
        assert "requires HTTP header x-amz-server-side-encryption : aws:kms" in error["Message"]
    refused("404", s3.head_object, Bucket=bucket, Key="k")
    s3.put_object(**put)
    for method, path in (("GET", "k"), ("PUT", "k?partNumber=1&uploadId=x")):
        header = {"x-amz-server-side-encryption": "AES256"}
        answer = send(method, f"/{bucket}/{path}", b"", header)
        assert (answer.status, answer.code) == (400, "InvalidArgument")


def test_policies_see_what_is_asked_for(
    client: Callable[..., Any], account: str, bucket: str, s3: Any
) -> None:
    """The commonest policy about encryption: what does not ask for it is not taken."""
    from persons import Person, allow, deny, refusal

    ann = Person(client, account)
    needed = {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}
    ann.may(allow(["s3:*", "kms:*"]), deny("s3:PutObject", Condition=needed))
    put = ann.client("s3").put_object
    assert refusal(put, Bucket=bucket, Key="k", Body=b"1")[0] == "AccessDenied"
    asked = {"Bucket": bucket, "Key": "k", "Body": b"1"}
    assert refusal(put, **asked, ServerSideEncryption="AES256")[0] == "AccessDenied"
    put(**asked, ServerSideEncryption="aws:kms")
    key = client("kms").create_key()["KeyMetadata"]["Arn"]
    needed = {"StringNotEquals": {"s3:x-amz-server-side-encryption-aws-kms-key-id": key}}
    ann.may(allow(["s3:*", "kms:*"]), deny("s3:PutObject", Condition=needed))
    assert refusal(put, **asked, ServerSideEncryption="aws:kms")[0] == "AccessDenied"
    put(**asked, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    needed = {"Null": {"s3:x-amz-server-side-encryption-customer-algorithm": "false"}}
    ann.may(allow("s3:*"), deny("s3:PutObject", Condition=needed))
    sse_c = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": os.urandom(32)}
    assert refusal(put, **asked, **sse_c)[0] == "AccessDenied"
    put(**asked)


# --- the disk


def test_nothing_is_on_the_disk_in_clear(own_server: OwnServer) -> None:
    """Whatever the kind of encryption and the size: not in files, rows, the log of the database, or the logs. Nor are
    the keys, and nor is what was read again by then."""
    server = own_server()
    s3, kms = server.client("s3", ACCOUNT), server.client("kms", ACCOUNT)
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    secret = b"CUSTOMER-KEY-of-thirty-two-bytes"
    s3.create_bucket(Bucket="clear")
    kinds: dict[str, dict[str, Any]] = {
        "s3": {},
        "kms": {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key},
        "bucket-key": {"ServerSideEncryption": "aws:kms", "BucketKeyEnabled": True},
        "customer": {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": secret},
    }
    needles = []
    bodies: dict[str, bytes] = {}
    readers: dict[str, dict[str, Any]] = {}
    for kind, asked in kinds.items():
        reading = {name: value for name, value in asked.items() if name.startswith("SSEC")}
        for size in (40, 60_000, 65_536, 65_537, 1_300_000):
            name = f"{kind}-{size}"
            needle = f"CLEAR-{name}-TEXT:".encode()
            body = (needle * (size // len(needle) + 1))[:size]
            needles.append(needle)
            s3.put_object(Bucket="clear", Key=name, Body=body, **asked)
            bodies[name], readers[name] = body, reading
        upload: dict[str, Any] = {"Bucket": "clear", "Key": f"{kind}-parts"}
        needle = f"CLEAR-{kind}-PART:".encode()
        needles.append(needle)
        upload["UploadId"] = s3.create_multipart_upload(**upload, **asked)["UploadId"]
        part = s3.upload_part(**upload, PartNumber=1, Body=needle * 9000, **reading)
        parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
        bodies[f"{kind}-parts"], readers[f"{kind}-parts"] = needle * 9000, reading

    def read_all() -> None:
        for name, body in bodies.items():
            got = s3.get_object(Bucket="clear", Key=name, **readers[name])
            assert got["Body"].read() == body, name

    read_all()
    assert not contains(server.data, *needles, secret)
    server.kill()
    assert not contains(server.data, *needles, secret)
    server.start()
    read_all()
    assert server.stop() == 0
    assert not contains(server.data, *needles, secret)


def test_killed_in_the_middle_nothing_is_half(own_server: OwnServer) -> None:
    """Clients write large encrypted objects; the server is killed. What was acknowledged is whole, and nothing else of
    the size of an upload stays behind."""
    server = own_server()
    s3 = server.client("s3", ACCOUNT)
    s3.create_bucket(Bucket="killed")
    bodies = {f"k{number}": bytes([number]) * 2_000_000 for number in range(200)}
    acknowledged: list[str] = []
    enough = threading.Event()

    def write() -> None:
        for key, body in bodies.items():
            try:
                s3.put_object(Bucket="killed", Key=key, Body=body)
            except (BotoCoreError, ClientError, OSError):
                return
            acknowledged.append(key)
            if len(acknowledged) >= 5:
                enough.set()

    writer = threading.Thread(target=write)
    writer.start()
    assert enough.wait(30)
    server.kill()
    writer.join()
    server.start()
    present = [one["Key"] for one in s3.list_objects_v2(Bucket="killed")["Contents"]]
    assert set(acknowledged) <= set(present)
    assert len(present) <= len(acknowledged) + 1
    for key in present:
        assert s3.get_object(Bucket="killed", Key=key)["Body"].read() == bodies[key]
    assert server.stop() == 0
    files = [path for path in (server.data / "blobs").rglob("*") if path.is_file()]
    assert len(files) == len(present)


def test_the_bucket_goes_and_so_does_its_key(s3: Any, new_bucket: Callable[[], str]) -> None:
    """A new bucket of the same name begins with a key of its own."""
    bucket = new_bucket()
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    s3.delete_object(Bucket=bucket, Key="k")
    s3.delete_bucket(Bucket=bucket)
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"2")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2"
    other = new_bucket()
    s3.copy_object(Bucket=other, Key="k", CopySource=f"{bucket}/k")
    s3.delete_object(Bucket=bucket, Key="k")
    s3.delete_bucket(Bucket=bucket)
    assert s3.get_object(Bucket=other, Key="k")["Body"].read() == b"2"


def test_a_condition_that_fails_first_leaves_no_key_behind(
    s3: Any, bucket: str, refused: Refused
) -> None:
    """The first write of a bucket makes its key; when that write is refused, the key was never there."""
    refused("NoSuchKey", s3.put_object, Bucket=bucket, Key="k", Body=b"1", IfMatch='"x"')
    s3.put_object(Bucket=bucket, Key="k", Body=b"2")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2"
