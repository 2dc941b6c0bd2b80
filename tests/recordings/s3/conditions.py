"""Writes and deletions under conditions."""

from __future__ import annotations

from typing import Any

from recordings.s3.scenarios import scenario
from recordings.s3.story import Story


@scenario("TestS3ObjectWritePrecondition::test_put_object_if_match")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "test-precondition"}
    put = "put_object"
    tag = s("put-obj", put, **o, Body="test")["ETag"]
    s("put-obj-if-match-wrong-etag", put, **o, IfMatch="d41d8cd98f00b204e9800998ecf8427e")
    s("put-obj-overwrite", put, **o, IfMatch=tag)
    s("del-obj", "delete_object", **o)
    s("put-obj-if-match-key-not-exists", put, **o, IfMatch=tag)
    s("put-obj-after-del", put, **o)


@scenario("TestS3ObjectWritePrecondition::test_put_object_if_match_validation")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "test-precondition-validation"}
    s("put-obj-if-match-star-value", "put_object", **o, IfMatch="*")
    s("put-obj-if-match-bad-value", "put_object", **o, IfMatch="abcdef")
    s("put-obj-if-match-bad-value-2", "put_object", **o, IfMatch="bad-char_/")


@scenario("TestS3ObjectWritePrecondition::test_put_object_if_match_and_if_none_match_validation")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "k", "IfMatch": "abc", "IfNoneMatch": "*"}
    s("put-obj-both-precondition", "put_object", **o)


@scenario("TestS3ObjectWritePrecondition::test_put_object_if_match_versioned_bucket")
def _(s: Story) -> None:
    b = s.bucket()
    s.versioned(b)
    o = {"Bucket": b, "Key": "test-precondition"}
    tag = s("put-obj", "put_object", **o, Body="test")["ETag"]
    s("put-obj-if-none-match-bad-value", "put_object", **o, IfMatch="abcdef")
    s("del-obj", "delete_object", **o)
    s("put-obj-after-del-exc", "put_object", **o, IfMatch=tag)
    tag = s("put-obj-after-del", "put_object", **o, Body="test-after-del")["ETag"]
    s("put-obj-if-match", "put_object", **o, Body="test-if-match", IfMatch=tag)
    s("list-object-versions", "list_object_versions", Bucket=b)


def _upload(s: Story, o: dict[str, str], label: str) -> dict[str, Any]:
    """An upload with one part, as it is completed."""
    made = s(label, "create_multipart_upload", **o)["UploadId"]
    part = s.do("upload_part", **o, UploadId=made, Body="test", PartNumber=1)
    parts = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
    return {**o, "UploadId": made, "MultipartUpload": parts}


def _complete(s: Story, label: str, upload: dict[str, Any], **how: str) -> Any:
    return s(label, "complete_multipart_upload", **upload, **how)


@scenario("TestS3ObjectWritePrecondition::test_multipart_if_none_match_with_delete")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "test-precondition"}
    s("put-obj", "put_object", **o)
    upload = _upload(s, o, "create-multipart")
    _complete(s, "complete-multipart-if-none-match", upload, IfNoneMatch="*")
    s("del-obj", "delete_object", **o)
    _complete(s, "complete-multipart-after-del", upload, IfNoneMatch="*")
    upload = _upload(s, o, "again")
    _complete(s, "complete-multipart-after-del-restart", upload, IfNoneMatch="*")


@scenario("TestS3ObjectWritePrecondition::test_multipart_if_none_match_with_put")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "test-precondition"}
    upload = _upload(s, o, "create-multipart")
    s("put-obj", "put_object", **o)
    _complete(s, "complete-multipart-if-none-match-put-during", upload, IfNoneMatch="*")


@scenario("TestS3ObjectWritePrecondition::test_multipart_if_match_with_put")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "test-precondition"}
    before = s("put-obj", "put_object", **o, Body="test")["ETag"]
    upload = _upload(s, o, "create-multipart")
    during = s("put-obj-during", "put_object", **o, Body="test2")["ETag"]
    _complete(s, "complete-multipart-if-match-put-before", upload, IfMatch=before)
    _complete(s, "complete-multipart-if-match-put-during", upload, IfMatch=during)
    upload = _upload(s, o, "create-multipart-again")
    _complete(s, "complete-multipart-if-match-put-before-restart", upload, IfMatch=during)


@scenario("TestS3ObjectWritePrecondition::test_multipart_if_match_with_put_identical")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "test-precondition"}
    tag = s("put-obj", "put_object", **o, Body="test")["ETag"]
    upload = _upload(s, o, "create-multipart")
    s("put-obj-during", "put_object", **o, Body="test")
    _complete(s, "complete-multipart-if-match-put-during", upload, IfMatch=tag)
    upload = _upload(s, o, "create-multipart-again")
    _complete(s, "complete-multipart-if-match-put-before-restart", upload, IfMatch=tag)


@scenario("TestS3ObjectWritePrecondition::test_multipart_if_match_with_delete")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "test-precondition"}
    tag = s("put-obj", "put_object", **o, Body="test")["ETag"]
    upload = _upload(s, o, "create-multipart")
    s("del-obj", "delete_object", **o)
    _complete(s, "complete-multipart-after-del", upload, IfMatch=tag)
    s("put-obj-2", "put_object", **o, Body="test")
    _complete(s, "complete-multipart-if-match-after-put", upload, IfMatch=tag)


@scenario("TestS3ObjectWritePrecondition::test_multipart_if_match_etag")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "test-precondition"}
    tag = s("put-obj", "put_object", **o, Body="test")["ETag"]
    upload = _upload(s, o, "create-multipart")
    made = _complete(s, "complete-multipart-if-match", upload, IfMatch=tag)["ETag"]
    upload = _upload(s, o, "create-multipart-overwrite")
    _complete(s, "complete-multipart-if-match-true-etag", upload, IfMatch=tag)
    _complete(s, "complete-multipart-if-match-overwrite-multipart", upload, IfMatch=made)


def _two(s: Story) -> tuple[dict[str, str], dict[str, str]]:
    """A source object, and where it is copied to."""
    b = s.bucket()
    return {"Bucket": b, "Key": "source-object"}, {
        "Bucket": b,
        "Key": "dest-object",
        "CopySource": f"{b}/source-object",
    }


@scenario("TestS3ObjectWritePrecondition::test_copy_object_if_none_match")
def _(s: Story) -> None:
    source, target = _two(s)
    s.do("put_object", **source, Body="source content")
    s("copy-obj", "copy_object", **target, IfNoneMatch="*")
    s("copy-obj-if-none-match-fail", "copy_object", **target, IfNoneMatch="*")


@scenario("TestS3ObjectWritePrecondition::test_copy_object_precondition_write_validation")
def _(s: Story) -> None:
    source, target = _two(s)
    s.do("put_object", **source, Body="b")
    s("copy-obj-none-match-etag", "copy_object", **target, IfNoneMatch="abcdef")
    s("copy-obj-if-match-star", "copy_object", **target, IfMatch="*")
    s("copy-obj-both", "copy_object", **target, IfMatch="abcdef", IfNoneMatch="*")


@scenario("TestS3ObjectWritePrecondition::test_copy_object_if_none_match_in_place")
def _(s: Story) -> None:
    source, target = _two(s)
    s.do("put_object", **source, Body="b")
    at = {**target, **source, "IfNoneMatch": "*", "MetadataDirective": "REPLACE"}
    s("copy-obj-if-none-match-fail", "copy_object", **at)


@scenario("TestS3DeletePrecondition::test_delete_object_if_match_non_express")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "k"}
    s.do("put_object", **o, Body="b")
    s("delete-obj-if-match", "delete_object", **o, IfMatch="badvalue")


@scenario("TestS3DeletePrecondition::test_delete_object_if_match_size_non_express")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "k"}
    s.do("put_object", **o, Body="b")
    s("delete-obj-if-match-size", "delete_object", **o, IfMatchSize=10)


@scenario("TestS3DeletePrecondition::test_delete_object_if_match_modified_non_express")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "k"}
    at = s.do("put_object", **o, Body="b") and s.do("head_object", **o)["LastModified"]
    s("delete-obj-if-match-last-modified", "delete_object", **o, IfMatchLastModifiedTime=at)


@scenario("TestS3DeletePrecondition::test_delete_object_if_match_all_non_express")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "k"}
    s.do("put_object", **o, Body="b")
    head = s.do("head_object", **o)
    given = {"IfMatchSize": 1, "IfMatchLastModifiedTime": head["LastModified"]}
    s("delete-obj-if-match-all", "delete_object", **o, **given, IfMatch=head["ETag"])
