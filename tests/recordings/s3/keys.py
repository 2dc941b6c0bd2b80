"""Keys of all sorts, what is said beside objects, and objects that are plainly written and read."""

from __future__ import annotations

import datetime
from typing import Any

from recordings.s3.scenarios import scenario
from recordings.s3.story import Story

MIB = 1024 * 1024


@scenario(
    "TestS3::test_put_and_get_object_with_utf8_key",
    "TestS3::test_put_and_get_object_with_hash_prefix",
)
def _(s: Story) -> None:
    key, body = ("Ā0Ä", "abc123") if "utf8" in s.name else ("#key-with-hash-prefix", "test 123")
    o = {"Bucket": s.bucket(), "Key": key}
    s("put-object", "put_object", **o, Body=body)
    s("get-object", "get_object", **o)


@scenario("TestS3::test_metadata_header_character_decoding")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "test"}
    s.do("put_object", **o, Body="foo", Metadata={"test_meta_1": "foo", "__meta_2": "bar"})
    s("head-object", "head_object", **o)


@scenario("TestS3::test_putobject_with_multiple_keys")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "a/b/c/d"}
    s.do("put_object", **o, Body="test")
    s("get_object", "get_object", **o)


@scenario("TestS3::test_upload_file_with_xml_preamble")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "test.xml"}
    s.do("put_object", **o, Body='<?xml version="1.0" encoding="UTF-8"?><test/>')
    s("get_object", "get_object", **o)


@scenario("TestS3::test_range_header_body_length")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "key"}
    s.do("put_object", **o, Body="x" * 2048)
    for label, which in (("get-object", "0-1023"), ("get-object-2", "1024-2047")):
        s(label, "get_object", **o, Range=f"bytes={which}")


@scenario("TestS3::test_delete_object_tagging")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "test-key-tagging"}
    s.do("put_object", **o, Body="something")
    s("get-obj", "get_object", **o)
    s.do("delete_object_tagging", **o)
    s("get-obj-after-tag-deletion", "get_object", **o)


@scenario("TestS3::test_put_object_tagging_empty_list")
def _(s: Story) -> None:
    o, get = {"Bucket": s.bucket(), "Key": "test-empty-tag-set"}, "get_object_tagging"
    s.do("put_object", **o, Body="test-tagging")
    s("created-object-tags", get, **o)
    tags = [{"Key": "tag1", "Value": "tag1"}, {"Key": "tag2", "Value": ""}]
    s.do("put_object_tagging", **o, Tagging={"TagSet": tags})
    s("updated-object-tags", get, **o)
    s.do("put_object_tagging", **o, Tagging={"TagSet": []})
    s("deleted-object-tags", get, **o)


@scenario("TestS3::test_etag_on_get_object_call")
def _(s: Story) -> None:
    s.of_unknown_bytes("ChecksumCRC32")
    o = {"Bucket": s.bucket(), "Key": "my-key"}
    body = "Lorem ipsum dolor sit amet, ... "
    s.do("put_object", **o, Body=body * 30)
    s("get_object", "get_object", **o)
    s("get_object_range", "get_object", **o, Range="bytes=0-16")


@scenario("TestS3::test_get_object_attributes")
def _(s: Story) -> None:
    s.of_unknown_bytes("ChecksumCRC32", "ChecksumCRC64NVME")
    b, get = s.bucket(), "get_object_attributes"
    sized = ["StorageClass", "ETag", "ObjectSize"]
    s.do("put_object", Bucket=b, Key="data-attrs", Body="x" * 7)
    told = {"ObjectAttributes": [*sized, "ObjectParts", "Checksum"]}
    s("object-attrs", get, Bucket=b, Key="data-attrs", **told)
    for number, sizes in ((1, (65,)), (2, (5 * MIB, 85))):
        o = {"Bucket": b, "Key": f"parts-{number}"}
        _in_parts(s, o, *("x" * size for size in sizes))
        label = f"object-attrs-multiparts-{number}-part{'s' if number > 1 else ''}"
        s(label, get, **o, ObjectAttributes=[*sized, "ObjectParts"])
    label = "object-attrs-multiparts-2-parts-checksum"
    s(label, get, Bucket=b, Key="parts-2", ObjectAttributes=[*sized, "Checksum"])


def _in_parts(s: Story, o: dict[str, str], *bodies: str, label: str = "", made: str = "") -> None:
    """Uploads the bodies in parts; what is said with labels is kept."""
    create = "create_multipart_upload"
    begun = s(made, create, **o) if made else s.do(create, **o)
    upload = {**o, "UploadId": begun["UploadId"]}
    parts = [
        {"PartNumber": n, "ETag": s.do("upload_part", **upload, PartNumber=n, Body=body)["ETag"]}
        for n, body in enumerate(bodies, 1)
    ]
    done = {**upload, "MultipartUpload": {"Parts": parts}}
    s(label or "completed", "complete_multipart_upload", **done)


@scenario("TestS3::test_multipart_with_unicode_character_location")
def _(s: Story) -> None:
    s.of_unknown_bytes("ChecksumCRC64NVME")
    o = {"Bucket": s.bucket(), "Key": "test-unicode_—_file"}
    _in_parts(s, o, "body", label="complete-multipart", made="create-multipart")


@scenario("TestS3::test_delete_objects_encoding")
def _(s: Story) -> None:
    s.of_unknown_bytes()
    b, keys = s.bucket(), (("a%2Fb", 16), ("a/%F0%9F%98%80", 21))
    for key, size in keys:
        s.do("put_object", Bucket=b, Key=key, Body="x" * size)
    s("list-objects-before-delete", "list_objects_v2", Bucket=b)
    gone = {"Objects": [{"Key": key} for key, _ in keys]}
    answer = s("deleted-resp", "delete_objects", Bucket=b, Delete=gone)
    answer["Deleted"].sort(key=lambda one: one["Key"])
    s("list-objects", "list_objects_v2", Bucket=b)


@scenario(*(f"TestS3::test_object_with_slashes_in_key[{how}]" for how in (True, False)))
def _(s: Story) -> None:
    s.of_unknown_bytes()
    b = s.bucket()
    for key, body in (("/foo", "foobar"), ("bar", "barfoo"), ("/bar/foo/", "test")):
        s.do("put_object", Bucket=b, Key=key, Body=body)
    s("list-objects-slashes", "list_objects_v2", Bucket=b)


SPECIAL = (*("file%2Fname", "test@key/", "test key/", "test key//", "a/%F0%9F%98%80/", "test+key"),)


@scenario("TestS3::test_copy_object_special_character")
def _(s: Story) -> None:
    b, there = s.bucket(), s.bucket()
    for key in SPECIAL:
        s(f"put-object-src-special-char-{key}", "put_object", Bucket=b, Key=key, Body="test")
        copy: dict[str, Any] = {"Key": key, "CopySource": {"Bucket": b, "Key": key}}
        s(f"copy-object-special-char-{key}", "copy_object", Bucket=there, **copy)
    s("list-object-copy-dest-special-char", "list_objects_v2", Bucket=there)


@scenario("TestS3::test_put_get_object_single_character_trailing_slash")
def _(s: Story) -> None:
    b = s.bucket()
    for key in ("a/", "t/", "u/"):
        s(f"put-object-single-char-{key}", "put_object", Bucket=b, Key=key, Body="test")
        s(f"get-object-single-char-{key}", "get_object", Bucket=b, Key=key)
    s("list-objects-single-char", "list_objects_v2", Bucket=b)


@scenario("TestS3::test_s3_object_expires")
def _(s: Story) -> None:
    b, now = s.bucket(), datetime.datetime.now(datetime.UTC)
    later = datetime.timedelta(days=1)
    for label, at in (("future", now + later), ("past", now - later)):
        o = {"Bucket": b, "Key": f"expires-{label}"}
        s(f"put-object-expires-{label}", "put_object", **o, Body="foo", Expires=at)
        s(f"head-object-expires-{label}", "head_object", **o)
        s(f"get-object-expires-{label}", "get_object", **o)


@scenario("TestS3::test_delete_bucket_with_content")
def _(s: Story) -> None:
    b = s.bucket()
    for number in range(10):
        s.do("put_object", Bucket=b, Key=f"test-key-{number}", Body=f"test-{number}")
    s("list-objects", "list_objects", Bucket=b, MaxKeys=100)
    other = s.bucket()
    keys = [{"Key": f"test-key-{number}"} for number in range(10)]
    s.do("delete_objects", Bucket=b, Delete={"Objects": keys})
    s.do("delete_bucket", Bucket=b)
    s("list-buckets", "list_buckets")
    assert [one["Name"] for one in s.said["list-buckets"]["Buckets"]] == [other]


@scenario("TestS3::test_upload_big_file")
def _(s: Story) -> None:
    s.of_unknown_bytes("ChecksumCRC32")
    b = s.bucket()
    for number in (1, 2):
        body = str(number) * 10_000_000
        s(f"put_object_key{number}", "put_object", Bucket=b, Key=f"key{number}", Body=body)
    for number in (1, 2):
        s(f"head_object_key{number}", "head_object", Bucket=b, Key=f"key{number}")


@scenario("TestS3::test_s3_batch_delete_objects")
def _(s: Story) -> None:
    b = s.bucket()
    keys = [{"Key": f"key-batch-delete-{number}"} for number in range(5)]
    for one in keys:
        s.do("put_object", Bucket=b, **one, Body="x")
    answer = s("batch-delete", "delete_objects", Bucket=b, Delete={"Objects": keys})
    answer["Deleted"].sort(key=lambda one: one["Key"])
    s("list-remaining-objects", "list_objects", Bucket=b)
