"""Objects: put, get, conditions, ranges, metadata, copies, deletions, tags."""

from __future__ import annotations

import hashlib
import os
import socket
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from servers import Server

Refused = Callable[..., dict[str, Any]]
Send = Callable[..., Any]

INLINE_MAX = 64 * 1024


def _etag(data: bytes) -> str:
    return f'"{hashlib.md5(data).hexdigest()}"'


@pytest.mark.parametrize(
    "size", [0, 1, INLINE_MAX, INLINE_MAX + 1, 1024 * 1024, 3 * 1024 * 1024 + 17]
)
def test_what_is_put_is_got(s3: Any, bucket: str, size: int) -> None:
    """In the store, in a file, and at the edges between."""
    data = os.urandom(size)
    assert s3.put_object(Bucket=bucket, Key="k", Body=data)["ETag"] == _etag(data)
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == data
    assert (got["ContentLength"], got["ETag"]) == (size, _etag(data))
    assert got["AcceptRanges"] == "bytes"
    assert got["ContentType"] == "binary/octet-stream"
    assert s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == size


@pytest.mark.parametrize(
    "key",
    [
        "a//b", "../x", "./.", "%2F", "a%20b", "a+b", "a b", "ünïcödé/日本", "😀", "x" * 1024, "a/", "a", "a/b",
        "/", "//", "?", "#", "a&b=c", "'\"<>", "a\\b", "~*!()", "A", "\x01\x7f", "é" * 512, ".", "..",
    ],
)  # fmt: skip
def test_keys_are_taken_as_they_are(s3: Any, bucket: str, key: str) -> None:
    """No key is a path, none is normalised, none gets in another's way."""
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    for neighbour in (key[:-1] or "n", (key + "x")[-1024:]):
        if neighbour not in (key, ".", "..") and len(neighbour.encode()) <= 1024:
            s3.put_object(Bucket=bucket, Key=neighbour, Body=b"neighbour")
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    if key != "\x01\x7f":  # XML cannot carry it, even encoded in the request
        assert key in [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": key})
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == key.encode()
    s3.delete_object(Bucket=bucket, Key=key)
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert key not in keys
    assert "copy" in keys


def test_keys_have_a_limit(s3: Any, bucket: str, refused: Refused) -> None:
    error = refused("KeyTooLongError", s3.put_object, Bucket=bucket, Key="x" * 1025, Body=b"")
    assert (error["Size"], error["MaxSizeAllowed"]) == ("1025", "1024")
    refused("KeyTooLongError", s3.put_object, Bucket=bucket, Key="é" * 513, Body=b"")


def test_a_missing_key_is_named(s3: Any, bucket: str, refused: Refused) -> None:
    error = refused("NoSuchKey", s3.get_object, Bucket=bucket, Key="nope")
    assert (error["Key"], error["status"]) == ("nope", 404)
    refused("404", s3.head_object, Bucket=bucket, Key="nope")
    refused("NoSuchBucket", s3.get_object, Bucket=bucket + "-not", Key="nope")
    refused("NoSuchBucket", s3.put_object, Bucket=bucket + "-not", Key="nope", Body=b"")


def test_headers_and_metadata_come_back(s3: Any, bucket: str, refused: Refused) -> None:
    sent = {
        "ContentType": "text/html; charset=utf-8",
        "CacheControl": "max-age=60",
        "ContentDisposition": 'attachment; filename="x"',
        "ContentEncoding": "gzip",
        "ContentLanguage": "fi",
        "Metadata": {"One": "1", "two-words": "a b"},
        "StorageClass": "STANDARD_IA",
        "WebsiteRedirectLocation": "/elsewhere",
        "Expires": datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC),
    }
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", **sent)
    for got in (s3.get_object(Bucket=bucket, Key="k"), s3.head_object(Bucket=bucket, Key="k")):
        for name, value in sent.items():
            if name == "Metadata":
                value = {"one": "1", "two-words": "a b"}
            assert got[name] == value, name
    got = s3.get_object(
        Bucket=bucket, Key="k", ResponseContentType="text/plain", ResponseCacheControl="no-store"
    )
    assert (got["ContentType"], got["CacheControl"]) == ("text/plain", "no-store")
    error = refused(
        "MetadataTooLarge", s3.put_object, Bucket=bucket, Key="k", Metadata={"a": "x" * 2048}
    )
    assert error["MaxSizeAllowed"] == "2048"
    refused("InvalidStorageClass", s3.put_object, Bucket=bucket, Key="k", StorageClass="FAST")


@pytest.mark.parametrize("size", [10, 3 * 1024 * 1024 + 5])
@pytest.mark.parametrize(
    ("header", "start", "end"),
    [
        ("bytes=0-3", 0, 4),
        ("bytes=4-", 4, None),
        ("bytes=-3", -3, None),
        ("bytes=0-99999999", 0, None),
        ("bytes=-99999999", 0, None),
        ("bytes=9-9", 9, 10),
    ],
)
def test_ranges(s3: Any, bucket: str, size: int, header: str, start: int, end: int | None) -> None:
    data = os.urandom(size)
    s3.put_object(Bucket=bucket, Key="k", Body=data)
    got = s3.get_object(Bucket=bucket, Key="k", Range=header)
    wanted = data[start:end]
    assert got["Body"].read() == wanted
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    first, _, _ = slice(start, end).indices(size)
    assert got["ContentRange"] == f"bytes {first}-{first + len(wanted) - 1}/{size}"
    assert got["ContentLength"] == len(wanted)
    head = s3.head_object(Bucket=bucket, Key="k", Range=header)
    assert head["ContentLength"] == len(wanted)
    assert head["ContentRange"] == got["ContentRange"]


def test_ranges_across_chunks_of_a_file(s3: Any, bucket: str) -> None:
    data = os.urandom(3 * 1024 * 1024 + 5)
    s3.put_object(Bucket=bucket, Key="k", Body=data)
    mebi = 1024 * 1024
    for start, end in ((mebi - 1, mebi + 1), (mebi, 2 * mebi), (5, 3 * mebi + 1), (mebi, mebi + 1)):
        got = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={start}-{end - 1}")["Body"].read()
        assert got == data[start:end]


def test_ranges_that_cannot_be(s3: Any, bucket: str, refused: Refused) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    error = refused("InvalidRange", s3.get_object, Bucket=bucket, Key="k", Range="bytes=10-")
    assert (error["RangeRequested"], error["ActualObjectSize"], error["status"]) == (
        "bytes=10-",
        "10",
        416,
    )
    refused("InvalidRange", s3.get_object, Bucket=bucket, Key="k", Range="bytes=-0")
    for ignored in ("bytes=1-0", "bytes=0-1,3-4", "bytes=-", "chars=0-1", "bytes=-1-"):
        got = s3.get_object(Bucket=bucket, Key="k", Range=ignored)
        assert got["ResponseMetadata"]["HTTPStatusCode"] == 200
        assert got["Body"].read() == b"0123456789"


def test_reading_on_conditions(s3: Any, bucket: str, refused: Refused) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x", CacheControl="max-age=1")["ETag"]
    written = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    before, after = written - timedelta(seconds=10), written + timedelta(seconds=10)

    def get(**conditions: Any) -> bytes:
        return s3.get_object(Bucket=bucket, Key="k", **conditions)["Body"].read()

    assert get(IfMatch=etag) == b"x"
    assert get(IfMatch=etag.strip('"')) == b"x"
    assert get(IfNoneMatch='"other"') == b"x"
    assert get(IfModifiedSince=before) == b"x"
    assert get(IfUnmodifiedSince=written) == b"x"
    assert get(IfModifiedSince=datetime.now(UTC) + timedelta(days=9)) == b"x", "the future"
    assert get(IfMatch=etag, IfUnmodifiedSince=before) == b"x", "If-Match outweighs the date"
    error = refused("PreconditionFailed", get, IfMatch='"other"')
    assert (error["Condition"], error["status"]) == ("If-Match", 412)
    assert (
        refused("PreconditionFailed", get, IfUnmodifiedSince=before)["Condition"]
        == "If-Unmodified-Since"
    )
    assert refused("304", get, IfNoneMatch=etag)["status"] == 304
    refused("304", get, IfModifiedSince=written)
    refused("304", s3.head_object, Bucket=bucket, Key="k", IfNoneMatch=etag)
    refused("412", s3.head_object, Bucket=bucket, Key="k", IfMatch='"other"')
    assert after > written


def test_writing_on_conditions(s3: Any, bucket: str, refused: Refused) -> None:
    put = s3.put_object
    etag = put(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    error = refused("PreconditionFailed", put, Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
    assert (error["Condition"], error["status"]) == ("If-None-Match", 412)
    refused("PreconditionFailed", put, Bucket=bucket, Key="k", Body=b"2", IfMatch='"other"')
    refused("NoSuchKey", put, Bucket=bucket, Key="nope", Body=b"2", IfMatch=etag)
    put(Bucket=bucket, Key="k", Body=b"2", IfMatch=etag)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2"
    error = refused("NotImplemented", put, Bucket=bucket, Key="k", Body=b"", IfMatch="*")
    assert error["Header"] == "If-Match"
    refused("NotImplemented", put, Bucket=bucket, Key="k", Body=b"", IfNoneMatch=etag)
    refused("NotImplemented", put, Bucket=bucket, Key="k", Body=b"", IfNoneMatch="*", IfMatch=etag)
    source = f"{bucket}/k"
    refused("PreconditionFailed", s3.copy_object, Bucket=bucket, Key="k", CopySource=source,
            MetadataDirective="REPLACE", IfNoneMatch="*")  # fmt: skip
    refused("PreconditionFailed", s3.delete_object, Bucket=bucket, Key="k", IfMatch=etag)
    refused("NoSuchKey", s3.delete_object, Bucket=bucket, Key="nope", IfMatch=etag)
    s3.delete_object(Bucket=bucket, Key="k", IfMatch=_etag(b"2"))
    refused("NoSuchKey", s3.get_object, Bucket=bucket, Key="k")


def test_only_one_of_many_creates(s3: Any, bucket: str) -> None:
    """If-None-Match: * is decided in the transaction: of writers at the same time one wins."""

    def create(number: int) -> str:
        try:
            s3.put_object(Bucket=bucket, Key="lock", Body=b"%d" % number, IfNoneMatch="*")
        except s3.exceptions.ClientError as error:
            return error.response["Error"]["Code"]
        return "created"

    with ThreadPoolExecutor(8) as pool:
        outcomes = Counter(pool.map(create, range(24)))
    assert outcomes == {"created": 1, "PreconditionFailed": 23}


# --- copies


@pytest.mark.parametrize("size", [11, 200_000])
def test_copies_share_nothing_that_matters(
    s3: Any, new_bucket: Callable[[], str], size: int, refused: Refused
) -> None:
    """Either can go, and the other stays whole."""
    one, two = new_bucket(), new_bucket()
    data = os.urandom(size)
    s3.put_object(
        Bucket=one, Key="k", Body=data, Metadata={"a": "1"}, ContentType="text/x", Tagging="t=1"
    )
    copied = s3.copy_object(Bucket=two, Key="c", CopySource=f"/{one}/k")["CopyObjectResult"]
    assert copied["ETag"] == _etag(data)
    assert "ChecksumCRC32" in copied
    s3.delete_object(Bucket=one, Key="k")
    got = s3.get_object(Bucket=two, Key="c")
    assert got["Body"].read() == data
    assert (got["Metadata"], got["ContentType"], got["TagCount"]) == ({"a": "1"}, "text/x", 1)
    s3.copy_object(Bucket=one, Key="back", CopySource={"Bucket": two, "Key": "c"},
                   MetadataDirective="REPLACE", Metadata={"b": "2"},
                   TaggingDirective="REPLACE", Tagging="u=2")  # fmt: skip
    s3.delete_object(Bucket=two, Key="c")
    got = s3.get_object(Bucket=one, Key="back")
    assert got["Body"].read() == data
    assert (got["Metadata"], got["ContentType"]) == ({"b": "2"}, "binary/octet-stream")
    assert s3.get_object_tagging(Bucket=one, Key="back")["TagSet"] == [{"Key": "u", "Value": "2"}]
    refused("NoSuchKey", s3.copy_object, Bucket=one, Key="x", CopySource=f"{one}/nope")
    refused("NoSuchBucket", s3.copy_object, Bucket=one, Key="x", CopySource=f"{one}-not/k")
    refused("InvalidArgument", s3.copy_object, Bucket=one, Key="x", CopySource="no-slash")


def test_copying_onto_itself_must_change_something(s3: Any, bucket: str, refused: Refused) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 100_000, Metadata={"a": "1"})
    source = f"{bucket}/k"
    refused("InvalidRequest", s3.copy_object, Bucket=bucket, Key="k", CopySource=source)
    s3.copy_object(
        Bucket=bucket, Key="k", CopySource=source, MetadataDirective="REPLACE", Metadata={"b": "2"}
    )
    got = s3.get_object(Bucket=bucket, Key="k")
    assert (got["Body"].read(), got["Metadata"]) == (b"x" * 100_000, {"b": "2"})
    s3.copy_object(Bucket=bucket, Key="k", CopySource=source, StorageClass="STANDARD_IA")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x" * 100_000


def test_copying_on_conditions(s3: Any, bucket: str, refused: Refused) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    past = datetime.now(UTC) - timedelta(days=1)
    copy = {"Bucket": bucket, "Key": "c", "CopySource": f"{bucket}/k"}
    s3.copy_object(**copy, CopySourceIfMatch=etag, CopySourceIfModifiedSince=past)
    for condition, name in (
        ({"CopySourceIfMatch": '"x"'}, "x-amz-copy-source-If-Match"),
        ({"CopySourceIfNoneMatch": etag}, "x-amz-copy-source-If-None-Match"),
        ({"CopySourceIfUnmodifiedSince": past}, "x-amz-copy-source-If-Unmodified-Since"),
    ):
        error = refused("PreconditionFailed", s3.copy_object, **copy, **condition)
        assert error["Condition"] == name


# --- deletions


def test_deleting(s3: Any, bucket: str, refused: Refused) -> None:
    for key in ("a", "b", "c", "d"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    s3.delete_object(Bucket=bucket, Key="nope")
    objects = [
        {"Key": "a"},
        {"Key": "nope"},
        {"Key": "b", "ETag": '"wrong"'},
        {"Key": "c", "VersionId": "v1"},
    ]
    result = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects})
    assert [one["Key"] for one in result["Deleted"]] == ["a", "nope"]
    assert [(one["Key"], one["Code"]) for one in result["Errors"]] == [
        ("b", "PreconditionFailed"),
        ("c", "NoSuchVersion"),
    ]
    quiet = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "b"}], "Quiet": True})
    assert "Deleted" not in quiet
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["c", "d"]
    many = [{"Key": str(number)} for number in range(1001)]
    refused("MalformedXML", s3.delete_objects, Bucket=bucket, Delete={"Objects": many})
    refused("InvalidArgument", s3.delete_object, Bucket=bucket, Key="c", VersionId="v1")


def test_deleting_many_needs_a_digest(send: Send, bucket: str) -> None:
    body = b"<Delete><Object><Key>k</Key></Object></Delete>"
    answer = send("POST", f"/{bucket}?delete", body)
    assert (answer.status, answer.code) == (400, "InvalidRequest")
    answer = send("POST", f"/{bucket}?delete", body, {"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="})
    assert answer.code == "BadDigest"


# --- tags


def test_object_tags(s3: Any, bucket: str, refused: Refused) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="a=1&b=c%20d")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [
        {"Key": "a", "Value": "1"},
        {"Key": "b", "Value": "c d"},
    ]
    assert s3.head_object(Bucket=bucket, Key="k")["TagCount"] == 2
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "z", "Value": "9"}]})
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "z", "Value": "9"}]
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []
    refused("InvalidArgument", s3.put_object, Bucket=bucket, Key="k", Tagging="a=1&a=2")
    refused("InvalidArgument", s3.put_object, Bucket=bucket, Key="k", Tagging="a=1,b=2")
    eleven = "&".join(f"k{number}=v" for number in range(11))
    refused("BadRequest", s3.put_object, Bucket=bucket, Key="k", Tagging=eleven)
    refused("NoSuchKey", s3.get_object_tagging, Bucket=bucket, Key="nope")


def test_attributes(s3: Any, bucket: str, refused: Refused) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"hello", ChecksumAlgorithm="SHA256")
    names = ["ETag", "Checksum", "ObjectSize", "StorageClass", "ObjectParts"]
    told = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=names)
    assert told["ETag"] == hashlib.md5(b"hello").hexdigest()
    assert (told["ObjectSize"], told["StorageClass"]) == (5, "STANDARD")
    assert told["Checksum"]["ChecksumType"] == "FULL_OBJECT"
    assert "ChecksumSHA256" in told["Checksum"]
    assert "ObjectParts" not in told
    only = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ObjectSize"])
    assert "ETag" not in only
    refused(
        "InvalidArgument", s3.get_object_attributes, Bucket=bucket, Key="k", ObjectAttributes=["X"]
    )


# --- bodies that break their promise


def test_a_truncated_upload_stores_nothing(own_server: Callable[..., Server]) -> None:
    """The client announces a million bytes, sends some, and hangs up."""
    server = own_server()
    s3 = server.client("s3", "000000000001", signature_version="s3v4")
    bucket = "bucket"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"before")
    host, _, port = server.url.removeprefix("http://").partition(":")
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"})
    head = f"PUT {url.removeprefix(server.url)} HTTP/1.1\r\nHost: {host}:{port}\r\n"
    with socket.create_connection((host, int(port))) as raw:
        raw.sendall(f"{head}Content-Length: 1000000\r\n\r\n".encode() + b"x" * 200_000)
        raw.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := raw.recv(65536):
            answer += piece
    assert b" 200 " not in answer.partition(b"\r\n")[0]
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"before"
    with socket.create_connection((host, int(port))) as raw:
        raw.sendall(f"{head}Content-Length: 3\r\nConnection: close\r\n\r\nnew".encode())
        assert b" 200 " in raw.recv(65536).partition(b"\r\n")[0], "the request itself is a good one"
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"new"


def test_a_wrong_content_md5_stores_nothing(s3: Any, bucket: str, refused: Refused) -> None:
    wrong = "CYketZBSTjX8czcs3cXVlg=="
    error = refused("BadDigest", s3.put_object, Bucket=bucket, Key="k", Body=b"x", ContentMD5=wrong)
    assert (error["ExpectedDigest"], error["status"]) == ("09891eb590524e35fc73372cddc5d596", 400)
    for invalid in ("__invalid__", "000", "MTIz"):
        error = refused("InvalidDigest", s3.put_object, Bucket=bucket, Key="k", ContentMD5=invalid)
        assert error["Content-MD5"] == invalid
    refused("404", s3.head_object, Bucket=bucket, Key="k")
