"""Copies of parts under conditions, copies in place, and what is not there."""

from __future__ import annotations

import datetime
from typing import Any

from recordings.s3.scenarios import scenario
from recordings.s3.story import Story

PAST = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
OF_PARTS = "TestS3Multipart::test_upload_part_copy_with_"
COPIED = "upload-part-copy"


def _part(s: Story, label: str, **conditions: Any) -> None:
    """A source of ten bytes, an upload, and a part that is copied into it under these conditions.

    "tag" and "at" stand for the source's own entity tag and time, "later" for some minutes behind it.
    """
    b = s.bucket()
    s.do("put_object", Bucket=b, Key="source_file.txt", Body="0123456789")
    head = s.do("head_object", Bucket=b, Key="source_file.txt")
    at = head["LastModified"]
    meant = {"tag": head["ETag"], "at": at, "later": at + datetime.timedelta(minutes=5)}
    o = {"Bucket": b, "Key": "destination_file.txt"}
    o["UploadId"] = s.do("create_multipart_upload", **o)["UploadId"]
    given = {
        f"CopySource{name}": meant.get(value, value) if isinstance(value, str) else value
        for name, value in conditions.items()
    }
    source = {"CopySource": f"{b}/source_file.txt", "PartNumber": 1}
    s(label, "upload_part_copy", **o, **source, **given)
    s("list-parts", "list_parts", **o)


@scenario(f"{OF_PARTS}copy_source_if_match_success")
def _(s: Story) -> None:
    _part(s, f"{COPIED}-if-match", IfMatch="tag")


@scenario(f"{OF_PARTS}copy_source_if_match_none_success")
def _(s: Story) -> None:
    _part(s, f"{COPIED}-if-none-match", IfNoneMatch="none-match")


@scenario(f"{OF_PARTS}copy_source_if_unmodified_since_success")
def _(s: Story) -> None:
    _part(s, f"{COPIED}-if-unmodified-since", IfUnmodifiedSince="later")


@scenario(f"{OF_PARTS}copy_source_if_modified_since_success")
def _(s: Story) -> None:
    _part(s, f"{COPIED}-if-modified-since", IfModifiedSince=PAST)


@scenario(f"{OF_PARTS}copy_source_if_modified_since_in_future_success")
def _(s: Story) -> None:
    _part(s, f"{COPIED}-if-modified-since-in-future", IfModifiedSince="later")


@scenario(f"{OF_PARTS}copy_source_if_match_and_if_unmodified_since_match")
def _(s: Story) -> None:
    _part(s, COPIED, IfMatch="tag", IfUnmodifiedSince=PAST)


@scenario(f"{OF_PARTS}copy_source_if_none_match_and_if_unmodified_since_match_failed")
def _(s: Story) -> None:
    label = f"{COPIED}-source-unmodified-since-and-if-none-match"
    _part(s, label, IfNoneMatch="none-match", IfUnmodifiedSince=PAST)


@scenario(f"{OF_PARTS}if_modified_since_failed")
def _(s: Story) -> None:
    _part(s, f"{COPIED}-source-modified-since-match", IfModifiedSince="at")


@scenario(f"{OF_PARTS}copy_source_if_match_failed")
def _(s: Story) -> None:
    _part(s, f"{COPIED}-source-if-match", IfMatch="not-matching")


@scenario(f"{OF_PARTS}copy_source_if_none_match_failed")
def _(s: Story) -> None:
    _part(s, f"{COPIED}-source-if-none-match", IfNoneMatch="tag")


@scenario(f"{OF_PARTS}copy_source_if_unmodified_since_match_failed")
def _(s: Story) -> None:
    _part(s, f"{COPIED}-source-unmodified-since-match", IfUnmodifiedSince=PAST)


# --- copies in place


@scenario("TestS3::test_s3_copy_object_in_place_storage_class")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "source-object"}
    wanted = {"ObjectAttributes": ["StorageClass"]}
    s("put-object", "put_object", **o, Body="test")
    s("head-object", "head_object", **o)
    s("object-attrs", "get_object_attributes", **o, **wanted)
    copy = {**o, "CopySource": f"{o['Bucket']}/source-object"}
    label = "copy-object-in-place-with-storage-class"
    s(label, "copy_object", **copy, StorageClass="STANDARD")
    s("object-attrs-after-copy", "get_object_attributes", **o, **wanted)


@scenario("TestS3::test_s3_copy_object_storage_class")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "source-object"}
    wanted = {"ObjectAttributes": ["StorageClass"]}
    s("put-object", "put_object", **o, Body="test", StorageClass="STANDARD_IA")
    s("head-object", "head_object", **o)
    s("object-attrs", "get_object_attributes", **o, **wanted)
    copy = {"CopySource": f"{o['Bucket']}/source-object"}
    at = {"Bucket": o["Bucket"], "Key": "dest"}
    s("copy-object-in-place-with-storage-class", "copy_object", **at, **copy)
    s("object-attrs-after-copy", "get_object_attributes", **at, **wanted)
    s("exc-invalid-request-storage-class", "copy_object", **o, **copy)


@scenario("TestS3::test_s3_copy_object_in_place_website_redirect_location")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "source-object"}
    there = {"WebsiteRedirectLocation": "/test/direct"}
    s("put-object", "put_object", **o, Body="test", **there)
    s("head-object", "head_object", **o)
    copy = {**o, "CopySource": f"{o['Bucket']}/source-object"}
    s("copy-object-in-place-with-website-redirection", "copy_object", **copy, **there)
    s("head-object-after-copy", "head_object", **o)


@scenario("TestS3::test_copy_in_place_with_bucket_encryption")
def _(s: Story) -> None:
    b = s.bucket()
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    how = {"Rules": [{**rule, "BucketKeyEnabled": False}]}
    op = "put_bucket_encryption"
    s("put-bucket-encryption", op, Bucket=b, ServerSideEncryptionConfiguration=how)
    s("put-obj", "put_object", Bucket=b, Key="k")
    s("copy-obj", "copy_object", Bucket=b, Key="k", CopySource=f"{b}/k")


@scenario("TestS3::test_delete_non_existing_keys")
def _(s: Story) -> None:
    b = s.bucket()
    s.do("put_object", Bucket=b, Key="test-key-nonexistent", Body="x")
    keys = [{"Key": key} for key in ("test-key-nonexistent", "dummy1", "dummy2")]
    answer = s("deleted-resp", "delete_objects", Bucket=b, Delete={"Objects": keys})
    answer["Deleted"].sort(key=lambda one: one["Key"])


@scenario("TestS3::test_delete_non_existing_keys_quiet")
def _(s: Story) -> None:
    keys = {"Objects": [{"Key": "dummy1"}], "Quiet": True}
    s("deleted-resp", "delete_objects", Bucket=s.bucket(), Delete=keys)


@scenario("TestS3::test_delete_non_existing_keys_in_non_existing_bucket")
def _(s: Story) -> None:
    keys = {"Objects": [{"Key": "dummy1"}]}
    s("error-non-existent-bucket", "delete_objects", Bucket=f"none-{s.account}", Delete=keys)


@scenario("TestS3::test_range_key_not_exists")
def _(s: Story) -> None:
    s("exc", "get_object", Bucket=s.bucket(), Key="my-key", Range="bytes=1024-4096")


@scenario("TestS3::test_get_object_no_such_bucket")
def _(s: Story) -> None:
    s("expected_error", "get_object", Bucket=f"none-{s.account}", Key="foobar")


@scenario("TestS3::test_s3_uppercase_key_names")
def _(s: Story) -> None:
    b = s.bucket()
    s.do("put_object", Bucket=b, Key="CamelCaseKey", Body="something")
    s("response", "get_object", Bucket=b, Key="CamelCaseKey")
    s("wrong-case-key", "get_object", Bucket=b, Key="camelcasekey")


@scenario("TestS3::test_precondition_failed_error")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "foo"}
    s.do("put_object", **o, Body="bar")
    s("get-object-if-match", "get_object", **o, IfMatch='"not good etag"')


@scenario("TestS3::test_head_object_fields")
def _(s: Story) -> None:
    b = s.bucket()
    s.do("put_object", Bucket=b, Key="my-key", Body="abcdefgh")
    s("head-object", "head_object", Bucket=b, Key="my-key")
    s("head-object-404", "head_object", Bucket=b, Key="none")


@scenario("TestS3::test_get_object_after_deleted_in_versioned_bucket")
def _(s: Story) -> None:
    b = s.bucket()
    s.versioned(b)
    o = {"Bucket": b, "Key": "my-key"}
    s.do("put_object", **o, Body="abcdefgh")
    s("get-object", "get_object", **o)
    s.do("delete_object", **o)
    s("get-object-after-delete", "get_object", **o)
