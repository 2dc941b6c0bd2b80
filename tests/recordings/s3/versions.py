"""Versions, and conditions on what is current among them."""

from __future__ import annotations

import datetime
from typing import Any

from recordings.s3.scenarios import scenario
from recordings.s3.story import Story

PAST = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
JSON = '{"key": "value"}'
WRITTEN = "TestS3ObjectWritePrecondition::test_"


@scenario(
    f"{WRITTEN}put_object_if_none_match", f"{WRITTEN}put_object_if_none_match_versioned_bucket"
)
def _(s: Story) -> None:
    b = s.bucket()
    versioned = s.name.endswith("versioned_bucket")
    if versioned:
        s.versioned(b)
    o = {"Bucket": b, "Key": "test-precondition"}
    s("put-obj", "put_object", **o)
    s("put-obj-if-none-match", "put_object", **o, IfNoneMatch="*")
    s("del-obj", "delete_object", **o)
    s("put-obj-after-del", "put_object", **o, IfNoneMatch="*")
    if versioned:
        s("list-object-versions", "list_object_versions", Bucket=b)


@scenario(f"{WRITTEN}put_object_if_none_match_validation")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "test-precondition-validation"}
    s("put-obj", "put_object", **o)
    s("put-obj-if-none-match-bad-value", "put_object", **o, IfNoneMatch="abcdef")


def _two(s: Story, *, versioned: bool = False) -> tuple[dict[str, str], dict[str, str]]:
    """A source that is written, and the place it is copied to."""
    b = s.bucket()
    if versioned:
        s.versioned(b)
    source = {"Bucket": b, "Key": "source-object"}
    s.do("put_object", **source, Body="source content")
    return source, {"Bucket": b, "Key": "dest-object"}


@scenario(f"{WRITTEN}copy_object_if_match")
def _(s: Story) -> None:
    source, target = _two(s)
    tag = s.do("put_object", **target, Body="dest content")["ETag"]
    copy: dict[str, Any] = {"CopySource": f"{source['Bucket']}/source-object"}
    s("copy-obj-if-match", "copy_object", **target, **copy, IfMatch=tag)
    s("copy-obj-if-match-fail-wrong-etag", "copy_object", **target, **copy, IfMatch=tag)
    none = {"Bucket": source["Bucket"], "Key": "non-existent-key", **copy}
    s("copy-obj-if-match-fail-no-object", "copy_object", **none, IfMatch=tag)


@scenario(f"{WRITTEN}copy_object_if_match_in_place")
def _(s: Story) -> None:
    source, _ = _two(s)
    tag = s.do("head_object", **source)["ETag"]
    how = {"CopySource": f"{source['Bucket']}/source-object", "MetadataDirective": "REPLACE"}
    s("copy-obj-if-match-in-place", "copy_object", **source, **how, IfMatch=tag)


@scenario(f"{WRITTEN}copy_object_if_none_match_versioned_bucket")
def _(s: Story) -> None:
    source, target = _two(s, versioned=True)
    copy = {**target, "CopySource": f"{source['Bucket']}/source-object", "IfNoneMatch": "*"}
    s("copy-obj", "copy_object", **copy)
    s("copy-obj-if-none-match-fail", "copy_object", **copy)
    s("del-obj", "delete_object", **target)
    s("copy-obj-after-del", "copy_object", **copy)
    s("list-object-versions", "list_object_versions", Bucket=source["Bucket"])


@scenario(f"{WRITTEN}copy_object_if_match_versioned_bucket")
def _(s: Story) -> None:
    s.of_unknown_bytes("ChecksumCRC32")
    source, target = _two(s, versioned=True)
    copy = {**target, "CopySource": f"{source['Bucket']}/source-object"}
    tag = s("put-obj", "put_object", **target, Body="x" * 15)["ETag"]
    s("copy-obj-if-match-wrong-etag", "copy_object", **copy, IfMatch="abcdef")
    s("del-obj", "delete_object", **target)
    s("copy-obj-after-del-exc", "copy_object", **copy, IfMatch=tag)
    tag = s("put-obj-after-del", "put_object", **target, Body="x" * 24)["ETag"]
    s("copy-obj-if-match", "copy_object", **copy, IfMatch=tag)
    s("list-object-versions", "list_object_versions", Bucket=source["Bucket"])


@scenario(
    "TestS3CopySourcePreconditions::test_s3_copy_object_if_source_modified_since_versioned",
    "TestS3CopySourcePreconditions::test_s3_copy_object_if_source_unmodified_since_versioned",
)
def _(s: Story) -> None:
    b = s.bucket()
    s.versioned(b)
    o = {"Bucket": b, "Key": "test-source"}
    s.do("put_object", **o, Body="data")
    at = s("head-object", "head_object", **o)["LastModified"]
    later = at + datetime.timedelta(minutes=5)
    copy: dict[str, Any] = {"Bucket": b, "Key": "test-dest", "CopySource": f"{b}/test-source"}
    if "unmodified" in s.name:
        label, name, good, bad = "copy-past-if-unmodified-since", "Unmodified", later, PAST
    else:
        label, name, good, bad = "copy-if-modified-since-last-modified", "Modified", PAST, at
    member = f"CopySourceIf{name}Since"
    s(f"copy-if-{name.lower()}-since", "copy_object", **copy, **{member: good})
    s(label, "copy_object", **copy, **{member: bad})


@scenario("TestS3::test_s3_put_object_versioned")
def _(s: Story) -> None:
    b, lists = s.bucket(), "list_object_versions"
    plain = {"Bucket": b, "Key": "non-version-bucket-key"}
    o = {"Bucket": b, "Key": "versioned-bucket-key"}
    s("put-pre-versioned", "put_object", **plain, Body="non-versioned-key")
    s("get-pre-versioned", "get_object", **plain)
    s("list-object-pre-versioned", lists, Bucket=b)
    s.versioned(b)
    s("get-post-versioned", "get_object", **plain)
    s("put-obj-versioned-1", "put_object", **o, Body="versioned-key")
    s("put-obj-versioned-2", "put_object", **o, Body="versioned-key-updated")
    s("get-obj-versioned", "get_object", **o)
    s("list-object-versioned", lists, Bucket=b)
    s.versioned(b, "Suspended")
    s("list-bucket-suspended", lists, Bucket=b)
    s("get-obj-versioned-disabled", "get_object", **o)
    s("get-obj-non-versioned-disabled", "get_object", **plain)
    s("put-non-versioned-post-disable", "put_object", **plain, Body="non-versioned-key-post")
    s("get-non-versioned-post-disable", "get_object", **plain)


@scenario("TestS3::test_get_bucket_versioning_order")
def _(s: Story) -> None:
    s.of_unknown_bytes()
    b = {"Bucket": s.bucket()}
    s("list_object_versions_before", "list_object_versions", **b)
    how = {"Status": "Enabled"}
    s("put_bucket_versioning", "put_bucket_versioning", **b, VersioningConfiguration=how)
    s("get_bucket_versioning", "get_bucket_versioning", **b)
    for key in ("test", "test", "test2"):
        s.do("put_object", **b, Key=key, Body="body")
    s("list_object_versions", "list_object_versions", **b)


@scenario("TestS3::test_s3_delete_object_with_version_id")
def _(s: Story) -> None:
    s.of_unknown_bytes()
    b = s.bucket()
    s.versioned(b)
    s("get_bucket_versioning", "get_bucket_versioning", Bucket=b)
    key = "aws/s3/testkey1.txt"
    version = s.do("put_object", Bucket=b, Key=key, Body="x" * 960)["VersionId"]
    s.do("put_object", Bucket=b, Key="aws/s3/testkey2.txt", Body="x" * 960)
    gone = {"Objects": [{"Key": key, "VersionId": version}]}
    s("delete_objects", "delete_objects", Bucket=b, Delete=gone)
    s("list_object_versions_after_delete", "list_object_versions", Bucket=b)
    s.versioned(b, "Suspended")
    s("get_bucket_versioning_suspended", "get_bucket_versioning", Bucket=b)


@scenario("TestS3::test_get_object_attributes_versioned")
def _(s: Story) -> None:
    s.of_unknown_bytes("ChecksumCRC32")
    b = s.bucket()
    s.versioned(b)
    o = {"Bucket": b, "Key": "key-attrs-versioned"}
    sizes = ["StorageClass", "ETag", "ObjectSize"]
    version = s("put-obj-v1", "put_object", **o, Body="x" * 7)["VersionId"]
    s("put-obj-v2", "put_object", **o, Body="x" * 9)
    get = "get_object_attributes"
    s("object-attrs", get, **o, ObjectAttributes=[*sizes, "ObjectParts", "Checksum"])
    s("delete-key", "delete_object", **o)
    s("deleted-object-attrs", get, **o, ObjectAttributes=sizes)
    s("get-object-attrs-v1", get, **o, ObjectAttributes=sizes, VersionId=version)


# --- copies in place, and what of them


@scenario("TestS3::test_s3_copy_object_in_place_versioned")
def _(s: Story) -> None:
    b = s.bucket()
    s.versioned(b)
    o = {"Bucket": b, "Key": "source-object"}
    given = {"ContentType": "application/json", "Metadata": {"key": "value"}}
    s("put_object", "put_object", **o, Body=JSON, **given)
    s("head_object", "head_object", **o)
    s("object-attrs", "get_object_attributes", **o, ObjectAttributes=["StorageClass"])
    copy = {**o, "CopySource": f"{b}/source-object"}
    s("copy-object-in-place-no-change", "copy_object", **copy)
    again = {**copy, "MetadataDirective": "REPLACE"}
    first = s("copy-in-place-versioned", "copy_object", **again)["VersionId"]
    s("head-object-copied", "head_object", **o)
    s("get-object-copied", "get_object", **o)
    s.versioned(b, "Suspended")
    s("copy-in-place-versioned-suspended", "copy_object", **again)
    s("head-object-copied-suspended", "head_object", **o)
    s("get-object-copied-suspended", "get_object", **o)
    s("head-object-previous-version-suspended", "head_object", **o, VersionId=first)
    s.versioned(b)
    s("copy-in-place-versioned-re-enabled", "copy_object", **again)


@scenario("TestS3::test_s3_copy_object_in_place_suspended_only")
def _(s: Story) -> None:
    b = s.bucket()
    o = {"Bucket": b, "Key": "source-object"}
    given = {"ContentType": "application/json", "Metadata": {"key": "value"}}
    s("put_object", "put_object", **o, Body=JSON, **given)
    s("head_object", "head_object", **o)
    again = {**o, "CopySource": f"{b}/source-object", "MetadataDirective": "REPLACE"}
    s("copy-in-place-non-versioned", "copy_object", **again)
    s("head-object-copied", "head_object", **o)
    s("get-object-copied", "get_object", **o)
    s.versioned(b, "Suspended")
    s("copy-in-place-versioned-suspended", "copy_object", **again)
    s("head-object-copied-suspended", "head_object", **o)
    s("get-object-copied-suspended", "get_object", **o)
    s("copy-in-place-versioned-suspended-twice", "copy_object", **again)


@scenario(
    *(
        f"TestS3::test_s3_copy_tagging_directive_versioned[{how}]"
        for how in ("COPY", "REPLACE", "None")
    )
)
def _(s: Story) -> None:
    directive = s.name.partition("[")[2][:-1]
    how = {} if directive == "None" else {"TaggingDirective": directive}
    b, get = s.bucket(), "get_object_tagging"
    s.versioned(b)
    o = {"Bucket": b, "Key": "source-object-tag"}
    first = s("put-object", "put_object", **o, Body="test", Tagging="key1=value1")["VersionId"]
    s("put-object-v2", "put_object", **o, Body="test-v2", Tagging="key1=value1-v2")
    s("get-object-tag", get, **o)
    s("get-object-tag-v1", get, **o, VersionId=first)
    source = f"{b}/source-object-tag"
    for ending, which in (("", source), ("-v1", f"{source}?versionId={first}")):
        copy = {"Bucket": b, "CopySource": which, **how}
        for middle, given in (("", {"Tagging": "key2=value2"}), ("-empty", {})):
            at = {"Bucket": b, "Key": f"dest{middle}{ending}"}
            label = f"copy-object{'-tag' if middle else ''}{middle}{ending}"
            s(label, "copy_object", **copy, Key=at["Key"], **given)
            s(f"get-copy-object-tag{middle}{ending}", get, **at)
