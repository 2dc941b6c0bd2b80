"""Lists of objects, versions, uploads, parts and buckets, page by page."""

from __future__ import annotations

from typing import Any

from botocore import handlers

from recordings.s3.raw import put_all, signed
from recordings.s3.scenarios import scenario
from recordings.s3.story import Story

BODY = "content 123"
FOLDERS = (
    "folder/aSubfolder/subFile1",
    "folder/aSubfolder/subFile2",
    "folder/file1",
    "folder/file2",
)
TREE = ("test/bar/foo/123", "test/foo/bar/123", "test/foo/bar/456")


def _with(s: Story, keys: tuple[str, ...], body: str = BODY) -> str:
    b = s.bucket()
    for key in keys:
        s.do("put_object", Bucket=b, Key=key, Body=body)
    return b


@scenario("TestS3ListObjects::test_list_objects_next_marker")
def _(s: Story) -> None:
    b = _with(s, ("key 1", "key 2", "key 3"))
    s("list-objects-all", "list_objects", Bucket=b)
    first = s("list-objects-max-1", "list_objects", Bucket=b, MaxKeys=1, Delimiter="/")
    at = {"Bucket": b, "MaxKeys": 1}
    s("list-objects-rest", "list_objects", **at, Marker=first["NextMarker"])
    s("list-objects-marker-empty", "list_objects", **at, Marker="")


@scenario("TestS3ListObjects::test_s3_list_objects_empty_marker")
def _(s: Story) -> None:
    s("list-objects", "list_objects", Bucket=s.bucket(), Marker="")


@scenario("TestS3ListObjects::test_list_objects_marker_common_prefixes")
def _(s: Story) -> None:
    b = _with(s, FOLDERS)
    s("list-objects-all-keys", "list_objects", Bucket=b)
    at = {"Bucket": b, "Prefix": "folder/", "Delimiter": "/", "MaxKeys": 1}
    page = s("list-objects-start", "list_objects", **at)
    page = s("list-objects-next-1", "list_objects", **at, Marker=page["NextMarker"])
    s("list-objects-end", "list_objects", **at, Marker=page["NextMarker"])
    s("list-objects-manual-first-file", "list_objects", **at, Marker=FOLDERS[0])


@scenario("TestS3ListObjectsV2::test_list_objects_v2_with_prefix_and_delimiter")
def _(s: Story) -> None:
    at = {"Bucket": _with(s, TREE), "Delimiter": "/"}
    op = "list_objects_v2"
    s("list-objects-v2-1", op, **at, Prefix="test/")
    s("list-objects-v2-1-with-max-keys", op, **at, Prefix="test/", MaxKeys=1)
    s("list-objects-v2-2", op, **at, Prefix="test/foo")
    s("list-objects-v2-3", op, **at, Prefix="test/foo/bar")


@scenario("TestS3ListObjectsV2::test_list_objects_v2_continuation_start_after")
def _(s: Story) -> None:
    b = _with(s, tuple(f"test_{n}" for n in range(12)))
    op = "list_objects_v2"
    token = s("list-objects-v2-max-5", op, Bucket=b, MaxKeys=5)["NextContinuationToken"]
    s("list-objects-v2-rest", op, Bucket=b, ContinuationToken=token)
    s("list-objects-start-after", op, Bucket=b, StartAfter="test_7", MaxKeys=2)
    both = {"StartAfter": "test_7", "ContinuationToken": token}
    s("list-objects-start-after-token", op, Bucket=b, **both)
    s("exc-continuation-token", op, Bucket=b, ContinuationToken="")


@scenario("TestS3ListObjectsV2::test_list_objects_v2_continuation_common_prefixes")
def _(s: Story) -> None:
    b, op = _with(s, FOLDERS), "list_objects_v2"
    s("list-objects-v2-all-keys", op, Bucket=b)
    at = {"Bucket": b, "Prefix": "folder/", "Delimiter": "/", "MaxKeys": 1}
    token = s("list-objects-v2-start", op, **at)["NextContinuationToken"]
    page = s("list-objects-v2-next-1", op, **at, ContinuationToken=token)
    s("list-objects-v2-end", op, **at, ContinuationToken=page["NextContinuationToken"])


@scenario("TestS3ListObjectVersions::test_list_objects_versions_markers")
def _(s: Story) -> None:
    b, op = s.bucket(), "list_object_versions"
    s.versioned(b)
    keys = ("test_0", "test_1", "test_2")
    ids: list[str] = []
    for key in keys:
        ids.append(s.do("put_object", Bucket=b, Key=key, Body="version 1")["VersionId"])
    ids.append(s.do("put_object", Bucket=b, Key="test_2", Body="version 2")["VersionId"])
    for key in keys:
        ids.append(s.do("delete_object", Bucket=b, Key=key)["VersionId"])
    for key in keys[:2]:
        ids.append(s.do("put_object", Bucket=b, Key=key, Body="version 2")["VersionId"])
    s.said["version-order"] = {"Versions": [{"VersionId": one} for one in ids]}
    s("list-objects-versions-all", op, Bucket=b)
    page = s("list-objects-versions-5", op, Bucket=b, MaxKeys=5)
    one = {"Bucket": b, "MaxKeys": 1}
    key, version = page["NextKeyMarker"], page["NextVersionIdMarker"]
    s("list-objects-next-key-only", op, **one, KeyMarker=key)
    s("list-objects-next-key-last", op, **one, KeyMarker="test_2")
    s("list-objects-next-version-only", op, **one, VersionIdMarker=version)
    s("list-objects-both-markers", op, **one, KeyMarker=key, VersionIdMarker=version)
    last = {"KeyMarker": "test_2", "VersionIdMarker": ids[3]}
    s("list-objects-last-key-last-version", op, **one, **last)
    s("list-objects-next-key-empty", op, **one, KeyMarker="")


@scenario("TestS3ListObjectVersions::test_list_object_versions_pagination_common_prefixes")
def _(s: Story) -> None:
    b, op = s.bucket(), "list_object_versions"
    s.versioned(b)
    for key in FOLDERS:
        s.do("put_object", Bucket=b, Key=key, Body=BODY)
    s("list-object-versions-all-keys", op, Bucket=b)
    at = {"Bucket": b, "Prefix": "folder/", "Delimiter": "/", "MaxKeys": 1}
    page = s("list-object-versions-start", op, **at)
    page = s("list-object-versions-next-1", op, **at, KeyMarker=page["NextKeyMarker"])
    s("list-object-versions-end", op, **at, KeyMarker=page["NextKeyMarker"])
    s("list-object-versions-manual-first-file", op, **at, KeyMarker=FOLDERS[0])


@scenario("TestS3ListParts::test_list_parts_pagination")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "test-list-part-pagination"}
    o["UploadId"] = s.do("create_multipart_upload", **o)["UploadId"]
    s("list-parts-empty", "list_parts", **o)
    for number in (1, 2):
        s.do("upload_part", **o, PartNumber=number, Body="data")
    s("list-parts-all", "list_parts", **o)
    marker = s("list-parts-1", "list_parts", **o, MaxParts=1)["NextPartNumberMarker"]
    s("list-parts-next", "list_parts", **o, MaxParts=1, PartNumberMarker=marker)
    s("list-parts-wrong-part", "list_parts", **o, MaxParts=1, PartNumberMarker=10)


@scenario("TestS3ListMultipartUploads::test_list_multiparts_next_marker")
def _(s: Story) -> None:
    b, op = s.bucket(), "list_multipart_uploads"
    s("list-multiparts-empty", op, Bucket=b)
    ids = [
        s.do("create_multipart_upload", Bucket=b, Key=key)["UploadId"]
        for key in ("key 3", "key 2", "key 1", "key 1", "key 1")
    ]
    s.said["upload-ids-order"] = {"UploadIds": [{"UploadId": one} for one in ids]}
    s("list-multiparts-all", op, Bucket=b)
    one = {"Bucket": b, "MaxUploads": 1}
    first = s("list-multiparts-max-1", op, **one)
    key, upload = first["NextKeyMarker"], first["NextUploadIdMarker"]
    s("list-multiparts-next-key-only", op, **one, KeyMarker=key)
    s("list-multiparts-next-key-last", op, **one, KeyMarker="key 3")
    s("list-multiparts-next-upload-only", op, **one, UploadIdMarker=upload)
    s("list-multiparts-both-markers", op, **one, KeyMarker=key, UploadIdMarker=upload)
    s("list-multiparts-both-markers-2", op, **one, KeyMarker=key, UploadIdMarker=ids[4])
    last = {"KeyMarker": "key 2", "UploadIdMarker": ids[1]}
    s("list-multiparts-get-last-upload-no-truncate", op, **one, **last)
    s("list-multiparts-wrong-id-for-key", op, **one, KeyMarker=key, UploadIdMarker=ids[1])
    s("list-multiparts-next-key-empty", op, **one, KeyMarker="")


@scenario("TestS3ListMultipartUploads::test_list_multipart_uploads_marker_common_prefixes")
def _(s: Story) -> None:
    b, op = s.bucket(), "list_multipart_uploads"
    for key in FOLDERS:
        s.do("create_multipart_upload", Bucket=b, Key=key)
    at = {"Bucket": b, "Prefix": "folder/", "Delimiter": "/", "MaxUploads": 1}
    s("list-multiparts-start", op, **at)
    s("list-multiparts-manual-prefix", op, **at, KeyMarker="folder/aSubfolder/")
    s("list-multiparts-manual-first-file", op, **at, KeyMarker=FOLDERS[0])


@scenario(
    *(
        f"TestS3::test_put_get_object_special_character[{key}]"
        for key in (
            *("file%2Fname", "test@key/", "test%123", "test%percent", "test key/", "test key//"),
            *("test%123/", "a/%F0%9F%98%80/"),
        )
    )
)
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": s.name.partition("[")[2][:-1]}
    s("put-object-special-char", "put_object", **o, Body="test")
    s("list-object-special-char", "list_objects_v2", Bucket=o["Bucket"])
    s("get-object-special-char", "get_object", **o)
    s("del-object-special-char", "delete_object", **o)


@scenario("TestS3::test_delete_keys_in_versioned_bucket")
def _(s: Story) -> None:
    b = s.bucket()
    s.versioned(b)
    key = {"Key": "test-key-versioned"}
    for body in ("something", "something-v2"):
        s.do("put_object", Bucket=b, **key, Body=body)
    s("list-objects-v2", "list_objects_v2", Bucket=b)
    s("delete-object", "delete_objects", Bucket=b, Delete={"Objects": [key]})
    listed = s("list-object-version", "list_object_versions", Bucket=b)
    ids = [{**key, "VersionId": one["VersionId"]} for one in listed["Versions"]]
    gone = s("delete-object-version", "delete_objects", Bucket=b, Delete={"Objects": ids})
    gone["Deleted"].reverse()
    s("list-objects-v2-after-delete", "list_objects_v2", Bucket=b)
    s("list-object-version-after-delete", "list_object_versions", Bucket=b)
    marker = {**key, "VersionId": listed["DeleteMarkers"][0]["VersionId"]}
    s("delete-object-delete-marker", "delete_objects", Bucket=b, Delete={"Objects": [marker]})


@scenario("TestS3::test_empty_bucket_fixture")
def _(s: Story) -> None:
    b = _with(s, ("key0", "key1", "key2"), "123")
    s("list-obj", "list_objects_v2", Bucket=b)
    keys = [{"Key": f"key{n}"} for n in range(3)]
    s.do("delete_objects", Bucket=b, Delete={"Objects": keys})
    s("list-obj-after-empty", "list_objects_v2", Bucket=b)


LIST = "TestS3ListObjects::test_list_objects_with_prefix"


@scenario(*(f"{LIST}[{delimiter}]" for delimiter in ("", "/", "%2F")))
def _(s: Story) -> None:
    b = _with(s, TREE[1:2])
    delimiter = s.name.partition("[")[2][:-1]
    how = {"Prefix": "test/", "Delimiter": delimiter, "MaxKeys": 1, "EncodingType": "url"}
    s("list-objects", "list_objects", Bucket=b, **how)
    if delimiter == "%2F":
        plain = signed(s, f"/{b}?prefix=test&delimiter={delimiter}").said
        s.said["list-objects-no-encoding"] = _without_namespace(plain)


def _without_namespace(document: dict[str, Any]) -> dict[str, Any]:
    """As some of the recordings tell a document."""
    for root in document.values():
        root.pop("@xmlns")
    return document


@scenario(
    "TestS3::test_list_objects_v2_with_prefix",
    "TestS3ListObjectsV2::test_list_objects_v2_with_prefix",
)
def _(s: Story) -> None:
    b = _with(s, TREE)
    for number, prefix in enumerate(("test/", "test/foo", "test/foo/bar"), 1):
        s(f"list-objects-v2-{number}", "list_objects_v2", Bucket=b, Prefix=prefix)
    plain = signed(s, f"/{b}?list-type=2&prefix=test%2Ffoo").said
    s.said["list-objects-v2-no-encoding"] = _without_namespace(plain)


@scenario("TestS3ListMultipartUploads::test_list_multiparts_with_prefix_and_delimiter")
def _(s: Story) -> None:
    b = s.bucket()
    for key in TREE:
        s.do("create_multipart_upload", Bucket=b, Key=key)
    for number, prefix in enumerate(("test/", "test/foo/", "test/foo/bar"), 1):
        how = {"Prefix": prefix, "Delimiter": "/", "EncodingType": "url"}
        s(f"list-multiparts-{number}", "list_multipart_uploads", Bucket=b, **how)
    plain = signed(s, f"/{b}?uploads&prefix=test%2Ffoo").said
    s.said["list-multiparts-no-encoding"] = _without_namespace(plain)


@scenario("TestS3ListObjectVersions::test_list_objects_versions_with_prefix")
def _(s: Story) -> None:
    s.of_unknown_bytes()
    b = s.bucket()
    s.versioned(b)
    for key in ("dir/test", "dir/subdir/test2"):
        for body in (b"a" * 15, b"b" * 15):
            s.do("put_object", Bucket=b, Key=key, Body=body)
    prefixes = ("dir/", "dir/s", "dir/test", "dir/subdir", "dir/subdir/", "dir/subdir/test2")
    for number, prefix in enumerate(prefixes, 1):
        how = {"Prefix": prefix, "Delimiter": "/"}
        s(f"list-object-version-{number}", "list_object_versions", Bucket=b, **how)
    plain = signed(s, f"/{b}?versions&prefix=dir%2Fsubdir&delimiter=%2F").said
    s.said["list-objects-versions-no-encoding"] = _without_namespace(plain)


@scenario(
    "TestS3::test_list_parts_empty_part_number_marker",
    "TestS3ListParts::test_list_parts_empty_part_number_marker",
)
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "test-list-part-empty-marker"}
    o["UploadId"] = s.do("create_multipart_upload", **o)["UploadId"]
    s.do("upload_part", **o, PartNumber=1, Body="data")
    s("list-parts-empty-marker", "list_parts", **o, PartNumberMarker="")
    s("list-parts-empty-max-parts", "list_parts", **o, MaxParts="")


@scenario("TestS3::test_s3_put_more_than_1000_items")
def _(s: Story) -> None:
    b = s.bucket()
    bodies = {f"test-key-{number}": f"test-{number}".encode() for number in range(1010)}
    put_all(s, b, bodies)
    for number in (1009, 0):
        o = {"Bucket": b, "Key": f"test-key-{number}"}
        s(f"get_object-{number}", "get_object", **o, ChecksumMode="ENABLED")
    at = {"Bucket": b, "Delimiter": "/"}
    page = s("list-objects", "list_objects", **at)
    s("list-objects-next_marker", "list_objects", Bucket=b, Marker=page["NextMarker"])


SPECIAL = (
    *("a/%F0%9F%98%80/", "date=2026-01-01/", "date=2026-02-01/", "date=2026-03-01/"),
    *("date=2026-05-01/", "file%2Fname", "test key/", "test key//", "test%123", "test%123/"),
    *("test%percent", "test@key/"),
)


@scenario("TestS3ListObjectsV2::test_list_objects_v2_continuation_token_safe_chars")
def _(s: Story) -> None:
    b, op = _with(s, SPECIAL, ""), "list_objects_v2"
    token = s("list-objects-v2-max-5", op, Bucket=b, MaxKeys=5)["NextContinuationToken"]
    s("list-objects-v2-rest", op, Bucket=b, ContinuationToken=token)
    plain = s.make("s3")  # asks for keys as they are
    event = "before-parameter-build.s3.ListObjectsV2"
    plain.meta.events.unregister(event, handlers.set_list_objects_encoding_type_url)
    after, two = SPECIAL[2], {"Bucket": b, "MaxKeys": 2}
    s.of(plain, "list-objects-start-after", op, **two, StartAfter=after)
    s("list-objects-start-after-url-type", op, **two, StartAfter=after, EncodingType="url")
    encoded = {"StartAfter": after.replace("=", "%3D")}
    page = s("list-objects-start-after-encoded", op, **two, **encoded)
    more = {"ContinuationToken": page["NextContinuationToken"]}
    s("list-objects-start-after-token", op, **two, **more)
    page = s.do(op, Bucket=b, MaxKeys=3)
    more = {"ContinuationToken": page["NextContinuationToken"]}
    s("list-objects-continuation-token-2", op, **two, **more)
