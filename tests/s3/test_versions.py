"""Versions: what is kept, what is told of it, what deleting means."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

Refused = Callable[..., dict[str, Any]]
Send = Callable[..., Any]

UNKNOWN = "HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD"
NO_BODY = "d41d8cd98f00b204e9800998ecf8427e"


def switch(s3: Any, bucket: str, status: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})


@pytest.fixture
def versioned(s3: Any, bucket: str) -> str:
    switch(s3, bucket, "Enabled")
    return bucket


def put(s3: Any, bucket: str, key: str, body: bytes) -> str:
    """The id of the version that was made."""
    return s3.put_object(Bucket=bucket, Key=key, Body=body)["VersionId"]


def body_of(s3: Any, bucket: str, key: str, version_id: str | None = None) -> bytes:
    which = {} if version_id is None else {"VersionId": version_id}
    return s3.get_object(Bucket=bucket, Key=key, **which)["Body"].read()


def listed(s3: Any, bucket: str, **arguments: Any) -> list[tuple[str, str, bool, bool]]:
    """(key, version id, is latest, is a delete marker) of each, versions in front of markers."""
    page = s3.list_object_versions(Bucket=bucket, **arguments)
    return [
        (one["Key"], one["VersionId"], one["IsLatest"], kind == "DeleteMarkers")
        for kind in ("Versions", "DeleteMarkers")
        for one in page.get(kind, [])
    ]


def test_versioning_is_switched(s3: Any, bucket: str, refused: Refused) -> None:
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    for status in ("Suspended", "Enabled", "Suspended"):
        switch(s3, bucket, status)
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == status
    put_it = s3.put_bucket_versioning
    refused("MalformedXML", put_it, Bucket=bucket, VersioningConfiguration={"Status": "enabled"})
    error = refused(
        "IllegalVersioningConfigurationException",
        put_it,
        Bucket=bucket,
        VersioningConfiguration={},
    )
    assert error["Message"] == "The Versioning element must be specified"
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Suspended"


def test_every_write_is_kept(s3: Any, versioned: str) -> None:
    ids = [put(s3, versioned, "k", bytes([number])) for number in range(3)]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]{32}", one) for one in ids)
    assert len(set(ids)) == 3
    for number, version_id in enumerate(ids):
        assert body_of(s3, versioned, "k", version_id) == bytes([number])
    got = s3.get_object(Bucket=versioned, Key="k")
    assert (got["Body"].read(), got["VersionId"]) == (b"\x02", ids[2])
    assert s3.head_object(Bucket=versioned, Key="k", VersionId=ids[0])["VersionId"] == ids[0]
    attributes = s3.get_object_attributes(
        Bucket=versioned, Key="k", VersionId=ids[1], ObjectAttributes=["ObjectSize"]
    )
    assert (attributes["VersionId"], attributes["ObjectSize"]) == (ids[1], 1)
    assert listed(s3, versioned) == [
        ("k", ids[2], True, False),
        ("k", ids[1], False, False),
        ("k", ids[0], False, False),
    ]
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=versioned)["Contents"]] == ["k"]


def test_what_was_there_before_is_the_null_version(s3: Any, bucket: str) -> None:
    assert "VersionId" not in s3.put_object(Bucket=bucket, Key="k", Body=b"old")
    assert "VersionId" not in s3.get_object(Bucket=bucket, Key="k")
    assert "VersionId" not in s3.get_object(Bucket=bucket, Key="k", VersionId="null")
    assert listed(s3, bucket) == [("k", "null", True, False)]
    switch(s3, bucket, "Enabled")
    assert s3.get_object(Bucket=bucket, Key="k")["VersionId"] == "null"
    new = put(s3, bucket, "k", b"new")
    assert listed(s3, bucket) == [("k", new, True, False), ("k", "null", False, False)]
    assert body_of(s3, bucket, "k", "null") == b"old"
    switch(s3, bucket, "Suspended")
    assert "VersionId" not in s3.put_object(Bucket=bucket, Key="k", Body=b"null again")
    assert listed(s3, bucket) == [("k", "null", True, False), ("k", new, False, False)]
    assert body_of(s3, bucket, "k", "null") == body_of(s3, bucket, "k") == b"null again"
    assert body_of(s3, bucket, "k", new) == b"new"


def test_a_delete_marker_takes_the_place(
    s3: Any, versioned: str, refused: Refused, send: Send
) -> None:
    """Reading says 404 and why; the marker itself cannot be read, only deleted."""
    old = put(s3, versioned, "k", b"body")
    made = s3.delete_object(Bucket=versioned, Key="k")
    marker = made["VersionId"]
    assert made["DeleteMarker"] is True
    for method in ("GET", "HEAD"):
        answer = send(method, f"/{versioned}/k")
        assert answer.status == 404
        assert answer.headers["x-amz-delete-marker"] == "true"
        assert answer.headers["x-amz-version-id"] == marker
        answer = send(method, f"/{versioned}/k?versionId={marker}")
        assert answer.status == 405
        assert answer.headers["x-amz-delete-marker"] == "true"
        assert answer.headers["x-amz-version-id"] == marker
        assert answer.headers["Allow"] == "DELETE"
        assert "GMT" in answer.headers["Last-Modified"]
    error = refused("MethodNotAllowed", s3.get_object, Bucket=versioned, Key="k", VersionId=marker)
    assert (error["Method"], error["ResourceType"]) == ("GET", "DeleteMarker")
    assert error["Message"] == "The specified method is not allowed against this resource."
    assert body_of(s3, versioned, "k", old) == b"body"
    assert s3.list_objects_v2(Bucket=versioned)["KeyCount"] == 0
    again = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    assert listed(s3, versioned) == [
        ("k", old, False, False),
        ("k", again, True, True),
        ("k", marker, False, True),
    ]
    gone = s3.delete_object(Bucket=versioned, Key="k", VersionId=again)
    assert (gone["DeleteMarker"], gone["VersionId"]) == (True, again)
    refused("NoSuchKey", s3.get_object, Bucket=versioned, Key="k")
    s3.delete_object(Bucket=versioned, Key="k", VersionId=marker)
    assert s3.get_object(Bucket=versioned, Key="k")["VersionId"] == old
    assert s3.delete_object(Bucket=versioned, Key="nothing")["DeleteMarker"] is True


def test_versions_are_deleted_for_good(s3: Any, versioned: str, refused: Refused) -> None:
    first, second = put(s3, versioned, "k", b"1"), put(s3, versioned, "k", b"2")
    gone = s3.delete_object(Bucket=versioned, Key="k", VersionId=second)
    assert gone["VersionId"] == second
    assert "DeleteMarker" not in gone
    assert body_of(s3, versioned, "k") == b"1"
    error = refused("NoSuchVersion", s3.get_object, Bucket=versioned, Key="k", VersionId=second)
    assert (error["Key"], error["VersionId"], error["status"]) == ("k", second, 404)
    assert s3.delete_object(Bucket=versioned, Key="k", VersionId=second)["VersionId"] == second
    for call in (s3.get_object, s3.delete_object):
        error = refused("InvalidArgument", call, Bucket=versioned, Key="k", VersionId=UNKNOWN)
        assert error["Message"] == "Invalid version id specified"
        assert (error["ArgumentName"], error["ArgumentValue"]) == ("versionId", UNKNOWN)
    s3.delete_object(Bucket=versioned, Key="k", VersionId=first)
    assert listed(s3, versioned) == []
    s3.delete_bucket(Bucket=versioned)


def test_many_are_deleted_at_once(s3: Any, versioned: str) -> None:
    old = put(s3, versioned, "k", b"1")

    def delete(*objects: dict[str, str]) -> Any:
        return s3.delete_objects(Bucket=versioned, Delete={"Objects": list(objects)})

    made = delete({"Key": "k"}, {"Key": "other"})["Deleted"]
    assert [one["DeleteMarker"] for one in made] == [True, True]
    marker = made[0]["DeleteMarkerVersionId"]
    assert "VersionId" not in made[0]
    answer = delete(
        {"Key": "k", "VersionId": marker},
        {"Key": "k", "VersionId": old},
        {"Key": "k", "VersionId": UNKNOWN},
    )
    assert answer["Deleted"] == [
        {"Key": "k", "VersionId": marker, "DeleteMarker": True, "DeleteMarkerVersionId": marker},
        {"Key": "k", "VersionId": old},
    ]
    assert [(one["Code"], one["VersionId"]) for one in answer["Errors"]] == [
        ("NoSuchVersion", UNKNOWN)
    ]


def test_a_suspended_bucket_has_one_null_version(s3: Any, versioned: str) -> None:
    """Deleting puts a null marker in the place of whatever was null, and other versions stay."""
    first = put(s3, versioned, "k", b"1")
    switch(s3, versioned, "Suspended")
    s3.put_object(Bucket=versioned, Key="k", Body=b"null")
    gone = s3.delete_object(Bucket=versioned, Key="k")
    assert (gone["DeleteMarker"], gone["VersionId"]) == (True, "null")
    assert listed(s3, versioned) == [("k", first, False, False), ("k", "null", True, True)]
    s3.put_object(Bucket=versioned, Key="k", Body=b"null again")
    assert listed(s3, versioned) == [("k", "null", True, False), ("k", first, False, False)]
    switch(s3, versioned, "Enabled")
    second = put(s3, versioned, "k", b"2")
    switch(s3, versioned, "Suspended")
    s3.delete_object(Bucket=versioned, Key="k")
    assert listed(s3, versioned) == [
        ("k", second, False, False),
        ("k", first, False, False),
        ("k", "null", True, True),
    ]
    s3.delete_object(Bucket=versioned, Key="k", VersionId="null")
    assert body_of(s3, versioned, "k") == b"2"


def test_a_bucket_with_versions_is_not_deleted(s3: Any, versioned: str, refused: Refused) -> None:
    old = put(s3, versioned, "k", b"1")
    marker = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    text = (
        "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
    )
    assert refused("BucketNotEmpty", s3.delete_bucket, Bucket=versioned)["Message"] == text
    s3.delete_object(Bucket=versioned, Key="k", VersionId=old)
    assert refused("BucketNotEmpty", s3.delete_bucket, Bucket=versioned)["Message"] == text
    s3.delete_object(Bucket=versioned, Key="k", VersionId=marker)
    s3.delete_bucket(Bucket=versioned)


def test_copies_of_versions(s3: Any, versioned: str, refused: Refused) -> None:
    """An old version copied over the current one brings it back; a marker cannot be copied."""
    old = put(s3, versioned, "k", b"old")
    put(s3, versioned, "k", b"new")
    source = {"Bucket": versioned, "Key": "k", "VersionId": old}
    copied = s3.copy_object(Bucket=versioned, Key="k", CopySource=source)
    assert copied["CopySourceVersionId"] == old
    assert s3.get_object(Bucket=versioned, Key="k")["VersionId"] == copied["VersionId"]
    assert body_of(s3, versioned, "k") == b"old"
    to = {"Bucket": versioned, "Key": "m"}
    to["UploadId"] = s3.create_multipart_upload(**to)["UploadId"]
    part = s3.upload_part_copy(**to, PartNumber=1, CopySource=source)
    assert part["CopySourceVersionId"] == old
    parts = [{"PartNumber": 1, "ETag": part["CopyPartResult"]["ETag"]}]
    done = s3.complete_multipart_upload(**to, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket=versioned, Key="m")["VersionId"] == done["VersionId"]
    marker = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    refused("NoSuchKey", s3.copy_object, Bucket=versioned, Key="x", CopySource=f"{versioned}/k")
    source["VersionId"] = marker
    error = refused("InvalidRequest", s3.copy_object, Bucket=versioned, Key="x", CopySource=source)
    assert "delete marker" in error["Message"]


def test_tags_are_of_a_version(s3: Any, versioned: str, refused: Refused) -> None:
    def tags(**which: str) -> Any:
        answer = s3.get_object_tagging(Bucket=versioned, Key="k", **which)
        return answer["VersionId"], [one["Value"] for one in answer["TagSet"]]

    first = s3.put_object(Bucket=versioned, Key="k", Tagging="t=1")["VersionId"]
    second = s3.put_object(Bucket=versioned, Key="k", Tagging="t=2")["VersionId"]
    assert tags() == (second, ["2"])
    assert tags(VersionId=first) == (first, ["1"])
    tagging = {"TagSet": [{"Key": "t", "Value": "3"}]}
    put_tags = s3.put_object_tagging
    assert (
        put_tags(Bucket=versioned, Key="k", VersionId=first, Tagging=tagging)["VersionId"] == first
    )
    assert (tags(), tags(VersionId=first)) == ((second, ["2"]), (first, ["3"]))
    s3.delete_object_tagging(Bucket=versioned, Key="k", VersionId=second)
    assert tags() == (second, [])
    marker = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    for which in ({}, {"VersionId": marker}):
        at = {"Bucket": versioned, "Key": "k", **which}
        assert refused("MethodNotAllowed", s3.get_object_tagging, **at)["Method"] == "GET"
        assert refused("MethodNotAllowed", put_tags, **at, Tagging=tagging)["Method"] == "PUT"
        assert refused("MethodNotAllowed", s3.delete_object_tagging, **at)["Method"] == "DELETE"


def test_conditions_look_at_what_is_current(s3: Any, versioned: str, refused: Refused) -> None:
    """A delete marker is nothing: If-None-Match holds, If-Match finds no key."""
    put(s3, versioned, "k", b"")
    put_it = s3.put_object
    refused("PreconditionFailed", put_it, Bucket=versioned, Key="k", IfNoneMatch="*")
    s3.delete_object(Bucket=versioned, Key="k")
    refused("NoSuchKey", put_it, Bucket=versioned, Key="k", IfMatch=NO_BODY)
    put_it(Bucket=versioned, Key="k", IfNoneMatch="*")
    put_it(Bucket=versioned, Key="k", IfMatch=NO_BODY, Body=b"2")
    refused("PreconditionFailed", put_it, Bucket=versioned, Key="k", IfMatch=NO_BODY)


def test_one_of_fifty_writers_wins(client: Callable[..., Any], s3: Any, versioned: str) -> None:
    """In a versioned bucket too, also where a delete marker stands."""
    s3.delete_object(Bucket=versioned, Key="k")
    clients = [client("s3") for _ in range(10)]

    def write(number: int) -> bool:
        try:
            clients[number % 10].put_object(
                Bucket=versioned, Key="k", Body=str(number).encode(), IfNoneMatch="*"
            )
        except ClientError as error:
            return error.response["Error"]["Code"] != "PreconditionFailed"
        return True

    with ThreadPoolExecutor(10) as pool:
        won = list(pool.map(write, range(50)))
    assert won.count(True) == 1
    assert body_of(s3, versioned, "k") == str(won.index(True)).encode()
    assert len(listed(s3, versioned)) == 2


def test_lists_are_paged(s3: Any, versioned: str, refused: Refused) -> None:
    for key in ("a", "b/1", "b/2", "c"):
        put(s3, versioned, key, b"1")
        put(s3, versioned, key, b"2")
    s3.delete_object(Bucket=versioned, Key="a")
    whole = s3.list_object_versions(Bucket=versioned)
    assert (whole["KeyMarker"], whole["VersionIdMarker"], whole["IsTruncated"]) == ("", "", False)

    def pages(size: int, **arguments: Any) -> list[Any]:
        found: list[Any] = []
        marker: dict[str, str] = {}
        while True:
            page = s3.list_object_versions(Bucket=versioned, MaxKeys=size, **marker, **arguments)
            rows = page.get("Versions", []) + page.get("DeleteMarkers", [])
            rows += page.get("CommonPrefixes", [])
            assert len(rows) <= size
            found += rows
            if not page["IsTruncated"]:
                return found
            marker = {"KeyMarker": page["NextKeyMarker"]}
            if "NextVersionIdMarker" in page:
                marker["VersionIdMarker"] = page["NextVersionIdMarker"]

    everything = whole["Versions"] + whole["DeleteMarkers"]
    for size in (1, 2, 3, 4):
        assert sorted(one["VersionId"] for one in pages(size)) == sorted(
            one["VersionId"] for one in everything
        )
    latest = [one["Key"] for one in pages(1) if one["IsLatest"]]
    assert latest == ["a", "b/1", "b/2", "c"]
    assert [one.get("Prefix") or one["Key"] for one in pages(1, Delimiter="/")] == [
        *("a", "a", "a", "b/", "c", "c")
    ]
    assert [one["Key"] for one in pages(3, Prefix="b/")] == ["b/1", "b/1", "b/2", "b/2"]
    ids = [one["VersionId"] for one in pages(1, Prefix="c")]
    error = refused(
        "InvalidArgument", s3.list_object_versions, Bucket=versioned, VersionIdMarker=ids[0]
    )
    assert error["Message"] == "A version-id marker cannot be specified without a key marker."
    s3.delete_object(Bucket=versioned, Key="c", VersionId=ids[0])
    behind = listed(s3, versioned, KeyMarker="c", VersionIdMarker=ids[0])
    assert behind == [("c", ids[1], True, False)], "what became current stands behind still"
    assert listed(s3, versioned, KeyMarker="c", VersionIdMarker=ids[1]) == []
    assert listed(s3, versioned, KeyMarker="c") == []


def test_lists_do_not_pass_over_versions(s3: Any, versioned: str) -> None:
    """Keys that have only markers left are not in a list, and do not make it longer."""
    for number in range(30):
        put(s3, versioned, f"gone/{number:02}", b"")
        s3.delete_object(Bucket=versioned, Key=f"gone/{number:02}")
    put(s3, versioned, "here", b"")
    page = s3.list_objects_v2(Bucket=versioned, MaxKeys=1, Delimiter="/")
    assert [one["Key"] for one in page["Contents"]] == ["here"]
    assert page["IsTruncated"] is False
    assert "CommonPrefixes" not in page


def test_the_order_is_that_of_the_writes(s3: Any, versioned: str, clock: Any) -> None:
    """Whatever the clock says: it may stand, and go back."""
    ids: list[str] = []
    clock.freeze()
    ids.insert(0, put(s3, versioned, "k", b"1"))
    ids.insert(0, put(s3, versioned, "k", b"2"))
    clock.advance(seconds=86_400)
    ids.insert(0, s3.delete_object(Bucket=versioned, Key="k")["VersionId"])
    clock.resume()
    ids.insert(0, put(s3, versioned, "k", b"3"))
    assert listed(s3, versioned) == [
        ("k", ids[0], True, False),
        ("k", ids[2], False, False),
        ("k", ids[3], False, False),
        ("k", ids[1], False, True),
    ]
    for which in (ids[0], ids[1]):
        s3.delete_object(Bucket=versioned, Key="k", VersionId=which)
    assert s3.get_object(Bucket=versioned, Key="k")["VersionId"] == ids[2]
