"""Checksums of whole objects: given in headers and trailers, verified, stored, told again."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from awscrt import checksums as crt

Refused = Callable[..., dict[str, Any]]
Send = Callable[..., Any]

DATA = b"hello world, " * 9


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _xxhash(hasher: Any, data: bytes) -> str:
    hasher.update(data)
    return _b64(hasher.finalize())


VALUES = {
    "CRC32": lambda data: _b64(zlib.crc32(data).to_bytes(4)),
    "CRC32C": lambda data: _b64(crt.crc32c(data).to_bytes(4)),
    "CRC64NVME": lambda data: _b64(crt.crc64nvme(data).to_bytes(8)),
    "SHA1": lambda data: _b64(hashlib.sha1(data).digest()),
    "SHA256": lambda data: _b64(hashlib.sha256(data).digest()),
    "SHA512": lambda data: _b64(hashlib.sha512(data).digest()),
    "MD5": lambda data: _b64(hashlib.md5(data).digest()),
    "XXHASH64": lambda data: _xxhash(crt.XXHash.new_xxhash64(), data),
    "XXHASH3": lambda data: _xxhash(crt.XXHash.new_xxhash3_64(), data),
    "XXHASH128": lambda data: _xxhash(crt.XXHash.new_xxhash3_128(), data),
}


@pytest.mark.parametrize("algorithm", VALUES)
def test_a_checksum_is_verified_and_told(
    s3: Any, bucket: str, algorithm: str, refused: Refused
) -> None:
    name, value = f"Checksum{algorithm}", VALUES[algorithm](DATA)
    put = s3.put_object(Bucket=bucket, Key="k", Body=DATA, **{name: value})
    assert (put[name], put["ChecksumType"]) == (value, "FULL_OBJECT")
    for got in (
        s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED"),
        s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED"),
    ):
        assert (got[name], got["ChecksumType"]) == (value, "FULL_OBJECT")
    told = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["Checksum"])
    assert told["Checksum"] == {name: value, "ChecksumType": "FULL_OBJECT"}
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["ChecksumAlgorithm"] == [algorithm]
    wrong = VALUES[algorithm](b"other")
    error = refused(
        "BadDigest", s3.put_object, Bucket=bucket, Key="k", Body=b"new", **{name: wrong}
    )
    assert algorithm in error["Message"]
    error = refused(
        "InvalidRequest", s3.put_object, Bucket=bucket, Key="k", Body=b"", **{name: "x"}
    )
    assert f"x-amz-checksum-{algorithm.lower()}" in error["Message"]
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == DATA, "nothing was replaced"


def test_without_one_crc64nvme_is_computed(send: Send, s3: Any, bucket: str) -> None:
    answer = send("PUT", f"/{bucket}/k", DATA)
    assert answer.headers["x-amz-checksum-crc64nvme"] == VALUES["CRC64NVME"](DATA)
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert head["ChecksumCRC64NVME"] == VALUES["CRC64NVME"](DATA)
    plain = send("GET", f"/{bucket}/k")
    assert "x-amz-checksum-crc64nvme" not in plain.headers, "told only when asked for"


def test_two_checksums_are_one_too_many(send: Send, bucket: str) -> None:
    headers = {
        "x-amz-checksum-crc32": VALUES["CRC32"](DATA),
        "x-amz-checksum-sha1": VALUES["SHA1"](DATA),
    }
    answer = send("PUT", f"/{bucket}/k", DATA, headers)
    assert answer.code == "InvalidRequest"
    assert b"Expecting a single x-amz-checksum- header" in answer.body


def _chunked(data: bytes, trailer: str) -> bytes:
    return b"%x\r\n%s\r\n0\r\n%s\r\n\r\n" % (len(data), data, trailer.encode())


@pytest.mark.parametrize("size", [100, 300_000])
@pytest.mark.parametrize(
    ("value_of", "code"),
    [("data", ""), ("other data", "BadDigest"), ("nothing", "InvalidRequest")],
)
def test_a_trailer_is_verified(
    s3: Any, send: Send, bucket: str, size: int, value_of: str, code: str, refused: Refused
) -> None:
    """As SDKs send bodies that they cannot read twice: in chunks, the checksum behind them."""
    data = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    value = {"data": VALUES["SHA256"](data), "other data": VALUES["SHA256"](b""), "nothing": "x"}
    headers = {
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-trailer": "x-amz-checksum-sha256",
        "x-amz-decoded-content-length": str(size),
        "content-encoding": "gzip,aws-chunked",
    }
    body = _chunked(data, f"x-amz-checksum-sha256:{value[value_of]}")
    answer = send("PUT", f"/{bucket}/k", body, headers)
    if code:
        assert answer.code == code
        refused("404", s3.head_object, Bucket=bucket, Key="k")
        return
    assert answer.headers["x-amz-checksum-sha256"] == VALUES["SHA256"](data)
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == data
    assert got["ContentEncoding"] == "gzip", "aws-chunked is how it came, not what it is"


def test_copies_keep_or_change_the_algorithm(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=DATA, ChecksumAlgorithm="SHA1")
    same = s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/k")["CopyObjectResult"]
    assert same["ChecksumSHA1"] == VALUES["SHA1"](DATA)
    other = s3.copy_object(
        Bucket=bucket, Key="d", CopySource=f"{bucket}/k", ChecksumAlgorithm="SHA256"
    )["CopyObjectResult"]
    assert other["ChecksumSHA256"] == VALUES["SHA256"](DATA)
    head = s3.head_object(Bucket=bucket, Key="d", ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"] == VALUES["SHA256"](DATA)


def test_the_newer_algorithms_are_what_others_compute() -> None:
    """Known values, so that bytes are in the order in which everybody has them."""
    known = {"XXHASH64": "ef46db3751d8e999", "XXHASH3": "2d06800538d394c2"}
    known["XXHASH128"] = "99aa06d3014798d86001c324468d497f"
    for algorithm, value in known.items():
        assert VALUES[algorithm](b"") == _b64(bytes.fromhex(value))


@pytest.mark.parametrize("algorithm", ["SHA512", "MD5", "XXHASH64", "XXHASH3", "XXHASH128"])
def test_the_newer_algorithms_in_parts(
    s3: Any, bucket: str, algorithm: str, refused: Refused
) -> None:
    """What cannot be joined is a checksum of checksums."""
    value_of, name = VALUES[algorithm], f"Checksum{algorithm}"
    upload: dict[str, Any] = {"Bucket": bucket, "Key": "k"}
    error = refused(
        "InvalidRequest",
        s3.create_multipart_upload,
        **upload,
        ChecksumAlgorithm=algorithm,
        ChecksumType="FULL_OBJECT",
    )
    assert algorithm.lower() in error["Message"]
    begun = s3.create_multipart_upload(**upload, ChecksumAlgorithm=algorithm)
    assert begun["ChecksumType"] == "COMPOSITE"
    upload["UploadId"] = begun["UploadId"]
    bodies = [b"1" * (5 * 1024 * 1024), b"the end"]
    parts = []
    for number, body in enumerate(bodies, 1):
        part = {**upload, "PartNumber": number, "Body": body}
        refused("BadDigest", s3.upload_part, **part, **{name: value_of(b"other")})
        made = s3.upload_part(**part, **{name: value_of(body)})
        assert made[name] == value_of(body)
        parts.append({"PartNumber": number, "ETag": made["ETag"], name: made[name]})
    bare = [{key: part[key] for key in ("PartNumber", "ETag")} for part in parts]
    refused(
        "InvalidRequest", s3.complete_multipart_upload, **upload, MultipartUpload={"Parts": bare}
    )
    done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    whole = value_of(b"".join(base64.b64decode(part[name]) for part in parts))
    assert (done[name], done["ChecksumType"]) == (f"{whole}-2", "COMPOSITE")
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert head[name] == f"{whole}-2"


@pytest.mark.parametrize("algorithm", ["SHA512", "XXHASH128"])
def test_a_newer_algorithm_in_a_trailer(send: Send, bucket: str, algorithm: str) -> None:
    header = f"x-amz-checksum-{algorithm.lower()}"
    headers = {
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-trailer": header,
        "x-amz-decoded-content-length": str(len(DATA)),
        "content-encoding": "aws-chunked",
    }
    wrong = send(
        "PUT", f"/{bucket}/k", _chunked(DATA, f"{header}:{VALUES[algorithm](b'')}"), headers
    )
    assert wrong.code == "BadDigest"
    right = send(
        "PUT", f"/{bucket}/k", _chunked(DATA, f"{header}:{VALUES[algorithm](DATA)}"), headers
    )
    assert right.headers[header] == VALUES[algorithm](DATA)
