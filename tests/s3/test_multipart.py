"""Multipart uploads."""

from __future__ import annotations

import base64
import hashlib
import os
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from awscrt import checksums as crt

Refused = Callable[..., dict[str, Any]]
MIN = 5 * 1024 * 1024
BIG = os.urandom(MIN)
"""The smallest part that another may follow."""


class Uploading:
    """One upload and what was sent to it."""

    def __init__(self, s3: Any, bucket: str, key: str = "k", **begun: Any) -> None:
        self.s3, self.to = s3, {"Bucket": bucket, "Key": key}
        self.begun = s3.create_multipart_upload(**self.to, **begun)
        self.id = self.begun["UploadId"]
        self.parts: list[dict[str, Any]] = []

    def send(self, number: int, data: bytes, **more: Any) -> dict[str, Any]:
        sent = self.s3.upload_part(
            **self.to, UploadId=self.id, PartNumber=number, Body=data, **more
        )
        part = {"PartNumber": number, "ETag": sent["ETag"]}
        if "ChecksumAlgorithm" in self.begun:
            name = f"Checksum{self.begun['ChecksumAlgorithm']}"
            part[name] = sent[name]
        self.parts = [one for one in self.parts if one["PartNumber"] != number] + [part]
        return sent

    def complete(self, parts: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
        given = {"Parts": self.parts if parts is None else parts}
        return self.s3.complete_multipart_upload(
            **self.to, UploadId=self.id, MultipartUpload=given, **more
        )


def _etag(*parts: bytes) -> str:
    joined = b"".join(hashlib.md5(part).digest() for part in parts)
    return f'"{hashlib.md5(joined).hexdigest()}-{len(parts)}"'


def test_parts_become_an_object(s3: Any, bucket: str, refused: Refused) -> None:
    """Numbers need not follow each other; a part that is sent again replaces the first; others go."""
    upload = Uploading(
        s3,
        bucket,
        ContentType="text/x",
        Metadata={"a": "1"},
        Tagging="t=1",
        StorageClass="STANDARD_IA",
    )
    upload.send(2, b"replaced")
    upload.send(2, BIG)
    upload.send(5, b"unused")
    upload.send(9, b"the end")
    chosen = [part for part in upload.parts if part["PartNumber"] != 5]
    refused("NoSuchKey", s3.get_object, Bucket=bucket, Key="k")
    done = upload.complete(chosen)
    assert done["ETag"] == _etag(BIG, b"the end")
    assert done["Location"].endswith(f"/{bucket}/k")
    whole = BIG + b"the end"
    assert done["ChecksumCRC64NVME"] == base64.b64encode(crt.crc64nvme(whole).to_bytes(8)).decode()
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == whole
    assert (got["ETag"], got["ContentLength"]) == (done["ETag"], len(whole))
    assert (got["ContentType"], got["Metadata"], got["TagCount"]) == ("text/x", {"a": "1"}, 1)
    assert got["StorageClass"] == "STANDARD_IA"
    for start, end in ((0, 1), (MIN - 2, MIN + 3), (MIN, MIN + 7), (MIN + 6, MIN + 7)):
        part = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={start}-{end - 1}")
        assert part["Body"].read() == whole[start:end]
    second = s3.get_object(Bucket=bucket, Key="k", PartNumber=2)
    assert (second["Body"].read(), second["PartsCount"]) == (b"the end", 2)
    assert second["ContentRange"] == f"bytes {MIN}-{MIN + 6}/{MIN + 7}"
    assert second["ResponseMetadata"]["HTTPStatusCode"] == 206
    error = refused("InvalidPartNumber", s3.get_object, Bucket=bucket, Key="k", PartNumber=3)
    assert (error["ActualPartCount"], error["status"]) == ("2", 416)
    refused(
        "InvalidRequest", s3.get_object, Bucket=bucket, Key="k", PartNumber=1, Range="bytes=0-1"
    )
    refused("NoSuchUpload", upload.complete, parts=chosen)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_completing_what_cannot_be(s3: Any, bucket: str, refused: Refused) -> None:
    upload = Uploading(s3, bucket)
    one, two = upload.send(1, b"small"), upload.send(2, b"last")
    first, second = upload.parts
    error = refused("EntityTooSmall", upload.complete)
    assert (error["PartNumber"], error["ProposedSize"], error["MinSizeAllowed"]) == (
        "1",
        "5",
        str(MIN),
    )
    error = refused("InvalidPartOrder", upload.complete, parts=[second, first])
    assert error["UploadId"] == upload.id
    refused("InvalidPartOrder", upload.complete, parts=[first, first])
    error = refused("InvalidPart", upload.complete, parts=[{"PartNumber": 7, "ETag": one["ETag"]}])
    assert (error["PartNumber"], error["UploadId"]) == ("7", upload.id)
    refused("InvalidPart", upload.complete, parts=[{"PartNumber": 1, "ETag": two["ETag"]}])
    refused("InvalidRequest", upload.complete, parts=[])
    error = refused("InvalidRequest", upload.complete, parts=[second], MpuObjectSize=5)
    assert (
        "'x-amz-mp-object-size' header value 5 does not match what was computed: 4"
        in error["Message"]
    )
    refused("InvalidArgument", upload.send, 0, b"")
    refused("InvalidArgument", upload.send, 10001, b"")
    upload.complete([second], MpuObjectSize=4)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"last"


def test_an_aborted_upload_is_gone(s3: Any, bucket: str, refused: Refused) -> None:
    upload = Uploading(s3, bucket)
    upload.send(1, b"x" * 100_000)
    s3.abort_multipart_upload(**upload.to, UploadId=upload.id)
    for call in (upload.complete, lambda: upload.send(1, b"")):
        assert refused("NoSuchUpload", call)["UploadId"] == upload.id
    refused("NoSuchUpload", s3.abort_multipart_upload, **upload.to, UploadId=upload.id)
    refused("NoSuchUpload", s3.list_parts, **upload.to, UploadId="fake")


def test_listing_parts_and_uploads(s3: Any, bucket: str, refused: Refused) -> None:
    uploads = [Uploading(s3, bucket, key) for key in ("a/1", "b", "a/2", "b", "c")]
    for number in (3, 1, 2):
        uploads[0].send(number, b"x" * number)
    told = s3.list_parts(**uploads[0].to, UploadId=uploads[0].id, MaxParts=2)
    assert [(one["PartNumber"], one["Size"]) for one in told["Parts"]] == [(1, 1), (2, 2)]
    assert (told["IsTruncated"], told["NextPartNumberMarker"]) == (True, 2)
    rest = s3.list_parts(**uploads[0].to, UploadId=uploads[0].id, PartNumberMarker=2)
    assert [one["PartNumber"] for one in rest["Parts"]] == [3]

    keys = [one["Key"] for one in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]]
    assert keys == ["a/1", "a/2", "b", "b", "c"]
    page = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/", MaxUploads=2)
    assert page["CommonPrefixes"] == [{"Prefix": "a/"}]
    assert (page["IsTruncated"], page["NextKeyMarker"]) == (True, "b")
    more = s3.list_multipart_uploads(
        Bucket=bucket, KeyMarker="b", UploadIdMarker=page["NextUploadIdMarker"]
    )
    assert [one["Key"] for one in more["Uploads"]] == ["b", "c"]
    assert page["Uploads"][0]["UploadId"] != more["Uploads"][0]["UploadId"]
    behind = s3.list_multipart_uploads(Bucket=bucket, KeyMarker="b")
    assert [one["Key"] for one in behind["Uploads"]] == ["c"]
    refused(
        "InvalidArgument",
        s3.list_multipart_uploads,
        Bucket=bucket,
        KeyMarker="b",
        UploadIdMarker="x",
    )


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "SHA1", "SHA256"])
def test_composite_checksums(s3: Any, bucket: str, algorithm: str, refused: Refused) -> None:
    upload = Uploading(s3, bucket, ChecksumAlgorithm=algorithm)
    assert upload.begun["ChecksumType"] == "COMPOSITE"
    upload.send(1, BIG, ChecksumAlgorithm=algorithm)
    upload.send(2, b"end", ChecksumAlgorithm=algorithm)
    name = f"Checksum{algorithm}"
    bare = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in upload.parts]
    error = refused("InvalidRequest", upload.complete, parts=bare)
    assert f"created using a {algorithm.lower()} checksum" in error["Message"]
    swapped = [{**upload.parts[0], name: upload.parts[1][name]}, upload.parts[1]]
    refused("InvalidPart", upload.complete, parts=swapped)
    refused("InvalidRequest", upload.complete, ChecksumType="FULL_OBJECT")
    done = upload.complete()
    joined = b"".join(base64.b64decode(part[name]) for part in upload.parts)
    expected = {
        "CRC32": lambda data: zlib.crc32(data).to_bytes(4),
        "CRC32C": lambda data: crt.crc32c(data).to_bytes(4),
        "SHA1": lambda data: hashlib.sha1(data).digest(),
        "SHA256": lambda data: hashlib.sha256(data).digest(),
    }[algorithm](joined)
    assert done[name] == f"{base64.b64encode(expected).decode()}-2"
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (head[name], head["ChecksumType"]) == (done[name], "COMPOSITE")
    part = s3.get_object(Bucket=bucket, Key="k", PartNumber=2, ChecksumMode="ENABLED")
    assert part[name] == upload.parts[1][name]
    told = s3.get_object_attributes(
        Bucket=bucket, Key="k", ObjectAttributes=["ObjectParts", "Checksum"]
    )
    assert [one[name] for one in told["ObjectParts"]["Parts"]] == [
        one[name] for one in upload.parts
    ]
    assert told["ObjectParts"]["TotalPartsCount"] == 2


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME"])
def test_full_object_checksums(s3: Any, bucket: str, algorithm: str, refused: Refused) -> None:
    """CRCs of the parts combine to that of the whole, though nobody reads it."""
    upload = Uploading(s3, bucket, ChecksumAlgorithm=algorithm, ChecksumType="FULL_OBJECT")
    upload.send(1, BIG, ChecksumAlgorithm=algorithm)
    upload.send(2, b"end", ChecksumAlgorithm=algorithm)
    whole, name = BIG + b"end", f"Checksum{algorithm}"
    value = {
        "CRC32": lambda: zlib.crc32(whole).to_bytes(4),
        "CRC32C": lambda: crt.crc32c(whole).to_bytes(4),
        "CRC64NVME": lambda: crt.crc64nvme(whole).to_bytes(8),
    }[algorithm]()
    wrong = base64.b64encode(bytes(len(value))).decode()
    refused("BadDigest", upload.complete, **{name: wrong})
    done = upload.complete(**{name: base64.b64encode(value).decode()})
    assert (done[name], done["ChecksumType"]) == (base64.b64encode(value).decode(), "FULL_OBJECT")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == whole


def test_checksums_that_cannot_be(s3: Any, bucket: str, refused: Refused) -> None:
    create = {"Bucket": bucket, "Key": "k"}
    for given, text in (
        ({"ChecksumAlgorithm": "WHAT"}, "Checksum algorithm provided is unsupported"),
        ({"ChecksumType": "COMPOSITE"}, "can only be used with the x-amz-checksum-algorithm"),
        ({"ChecksumAlgorithm": "SHA256", "ChecksumType": "FULL_OBJECT"}, "cannot be used with the sha256"),
        ({"ChecksumAlgorithm": "CRC64NVME", "ChecksumType": "COMPOSITE"}, "cannot be used with the crc64nvme"),
    ):  # fmt: skip
        error = refused("InvalidRequest", s3.create_multipart_upload, **create, **given)
        assert text in error["Message"]
    upload = Uploading(s3, bucket, ChecksumAlgorithm="SHA256")
    error = refused("InvalidRequest", upload.send, 1, b"x", ChecksumAlgorithm="CRC32")
    assert "expected checksum Type: sha256, actual checksum Type: crc32" in error["Message"]


def test_completing_on_conditions(s3: Any, bucket: str, refused: Refused) -> None:
    """What happened to the key since the upload began is a conflict, even when the condition holds again."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"first")
    upload = Uploading(s3, bucket)
    upload.send(1, b"part")
    error = refused("PreconditionFailed", upload.complete, IfNoneMatch="*")
    assert error["Condition"] == "If-None-Match"
    s3.delete_object(Bucket=bucket, Key="k")
    error = refused("ConditionalRequestConflict", upload.complete, IfNoneMatch="*")
    assert (error["Condition"], error["Key"], error["status"]) == ("If-None-Match", "k", 409)
    again = s3.put_object(Bucket=bucket, Key="k", Body=b"second")["ETag"]
    refused("ConditionalRequestConflict", upload.complete, IfMatch=again)
    fresh = Uploading(s3, bucket)
    fresh.send(1, b"part")
    fresh.complete(IfMatch=again)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"part"


def test_copied_parts(s3: Any, bucket: str, refused: Refused) -> None:
    source = os.urandom(MIN + 10)
    s3.put_object(Bucket=bucket, Key="src", Body=source)
    s3.put_object(Bucket=bucket, Key="tiny", Body=b"0123456789")
    upload = Uploading(s3, bucket)

    def copy(number: int, key: str, **more: Any) -> dict[str, Any]:
        return s3.upload_part_copy(
            **upload.to, UploadId=upload.id, PartNumber=number, CopySource=f"{bucket}/{key}", **more
        )["CopyPartResult"]

    parts = [
        {"PartNumber": 1, "ETag": copy(1, "src")["ETag"]},
        {"PartNumber": 2, "ETag": copy(2, "src", CopySourceRange=f"bytes=3-{MIN + 2}")["ETag"]},
        {"PartNumber": 3, "ETag": copy(3, "tiny", CopySourceRange="bytes=2-4")["ETag"]},
    ]
    assert parts[0]["ETag"] == f'"{hashlib.md5(source).hexdigest()}"'
    assert parts[2]["ETag"] == f'"{hashlib.md5(b"234").hexdigest()}"'
    for wrong in ("0-8", "bytes=1-0", "bytes=-2", "bytes=1-", "bytes=0-100"):
        error = refused("InvalidArgument", copy, 4, "tiny", CopySourceRange=wrong)
        assert error["ArgumentValue"] == wrong
    refused("InvalidRequest", copy, 4, "tiny", CopySourceRange="bytes=100-200")
    refused("NoSuchKey", copy, 4, "nope")
    refused("PreconditionFailed", copy, 4, "tiny", CopySourceIfMatch="x")
    s3.delete_object(Bucket=bucket, Key="src")
    upload.complete(parts)
    whole = source + source[3 : MIN + 3] + b"234"
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == whole


def test_a_copy_of_a_multipart_object(s3: Any, bucket: str) -> None:
    """It shares the parts, but is no multipart object: its entity tag is the MD5 of the whole."""
    upload = Uploading(s3, bucket, ChecksumAlgorithm="SHA256")
    upload.send(1, BIG, ChecksumAlgorithm="SHA256")
    upload.send(2, b"end", ChecksumAlgorithm="SHA256")
    upload.complete()
    whole = BIG + b"end"
    copied = s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/k")["CopyObjectResult"]
    assert copied["ETag"] == f'"{hashlib.md5(whole).hexdigest()}"'
    assert copied["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(whole).digest()).decode()
    s3.put_object(Bucket=bucket, Key="k", Body=b"replaced")
    got = s3.get_object(Bucket=bucket, Key="c")
    assert got["Body"].read() == whole
    again = s3.copy_object(Bucket=bucket, Key="d", CopySource=f"{bucket}/c")["CopyObjectResult"]
    assert again["ETag"] == copied["ETag"]
    s3.delete_object(Bucket=bucket, Key="c")
    assert s3.get_object(Bucket=bucket, Key="d")["Body"].read() == whole


def test_transfers_of_boto3(s3: Any, bucket: str) -> None:
    """upload_fileobj and download_fileobj with their own choices: many parts at once, checksums on."""
    import io

    from boto3.s3.transfer import TransferConfig

    data = os.urandom(12 * 1024 * 1024 + 3)
    config = TransferConfig(multipart_threshold=MIN, multipart_chunksize=MIN, max_concurrency=4)
    s3.upload_fileobj(io.BytesIO(data), bucket, "big", Config=config)
    into = io.BytesIO()
    s3.download_fileobj(bucket, "big", into, Config=config)
    assert into.getvalue() == data
    s3.copy({"Bucket": bucket, "Key": "big"}, bucket, "copied", Config=config)
    assert s3.get_object(Bucket=bucket, Key="copied")["Body"].read() == data


def test_markers_and_sizes_that_are_none(s3: Any, bucket: str, refused: Refused) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    given = {"Bucket": bucket, "Key": "m", "UploadId": upload}
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    attributes = {"Bucket": bucket, "Key": "k", "ObjectAttributes": ["ObjectParts"]}
    for call, request in ((s3.list_parts, given), (s3.get_object_attributes, attributes)):
        for marker in ("abc", "1.5", -1):
            refused("InvalidArgument", call, **request, PartNumberMarker=marker)
        refused("InvalidArgument", call, **request, MaxParts=-1)
        call(**request, PartNumberMarker=10**30)
