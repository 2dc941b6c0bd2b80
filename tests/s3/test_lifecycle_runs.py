"""The nightly run of lifecycle rules: what is gone, moved and told in the morning."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from pilvi.store.check import check
from s3.listeners import ARN
from servers import Server

Refused = Callable[..., dict[str, Any]]
DAY_S = 24 * 60 * 60
BIG = b"x" * 131_072


@pytest.fixture
def night(clock: Any) -> Callable[..., None]:
    """night(3): so many midnights pass, and what they bring is done. It is noon before the first."""

    def pass_(days: float = 1) -> None:
        clock.advance(seconds=days * DAY_S)
        clock.wait_until_idle()

    clock.freeze()
    clock.advance(seconds=(1.5 - clock.now_ms() / 1000 / DAY_S % 1) * DAY_S)
    return pass_


def put(s3: Any, bucket: str, *rules: dict[str, Any], **options: Any) -> None:
    made = [
        {"ID": f"r{n}", "Status": "Enabled", "Filter": {}, **rule} for n, rule in enumerate(rules)
    ]
    s3.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": made}, **options
    )


def keys(s3: Any, bucket: str) -> dict[str, str]:
    """Key -> class."""
    found = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    return {one["Key"]: one["StorageClass"] for one in found}


def versions(s3: Any, bucket: str) -> list[str]:
    """The ids of versions, the newest first; then `marker` for each delete marker."""
    told = s3.list_object_versions(Bucket=bucket)
    markers = ["marker" for _ in told.get("DeleteMarkers", [])]
    return [one["VersionId"] for one in told.get("Versions", [])] + markers


def test_objects_expire_at_midnight(
    s3: Any, bucket: str, night: Callable[..., None], refused: Refused
) -> None:
    """Three days after they were written and at the next midnight; what other rules are about stays."""
    put(s3, bucket, {"Filter": {"Prefix": "a/"}, "Expiration": {"Days": 3}})
    told = s3.put_object(Bucket=bucket, Key="a/1", Body=b"1")
    s3.put_object(Bucket=bucket, Key="b/1", Body=b"1")
    when, _, rule = told["Expiration"].rpartition(", ")
    assert rule == 'rule-id="r0"'
    expires = parsedate_to_datetime(when.removeprefix('expiry-date="').removesuffix('"'))
    written = s3.head_object(Bucket=bucket, Key="a/1")["LastModified"]
    assert expires == datetime.combine(
        written.date() + timedelta(days=4), datetime.min.time(), tzinfo=UTC
    )
    for read in (s3.head_object, s3.get_object):
        assert read(Bucket=bucket, Key="a/1")["Expiration"] == told["Expiration"]
    assert "Expiration" not in s3.head_object(Bucket=bucket, Key="b/1")
    night(3)
    assert set(keys(s3, bucket)) == {"a/1", "b/1"}
    night()
    assert set(keys(s3, bucket)) == {"b/1"}
    refused("404", s3.head_object, Bucket=bucket, Key="a/1")


def test_every_write_tells_the_expiration(s3: Any, bucket: str) -> None:
    """The earliest one that applies, by size and tags, too; its rule's id is safe in a header."""
    put(
        s3,
        bucket,
        {"Expiration": {"Days": 9}},
        {"ID": "ö 1", "Filter": {"Tag": {"Key": "t", "Value": "1"}}, "Expiration": {"Days": 2}},
        {"ID": "big", "Filter": {"ObjectSizeGreaterThan": 5}, "Expiration": {"Days": 1}},
    )

    def rule_of(answer: dict[str, Any]) -> str:
        return answer["Expiration"].partition('rule-id="')[2].removesuffix('"')

    assert rule_of(s3.put_object(Bucket=bucket, Key="k", Body=b"12345")) == "r0"
    assert rule_of(s3.put_object(Bucket=bucket, Key="k", Tagging="t=1")) == "%C3%B6%201"
    assert rule_of(s3.put_object(Bucket=bucket, Key="k", Body=b"123456")) == "big"
    copied = s3.copy_object(Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "k"})
    assert rule_of(copied) == "big"
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m")
    assert "AbortDate" not in upload
    at = {"Bucket": bucket, "Key": "m", "UploadId": upload["UploadId"]}
    part = s3.upload_part(**at, PartNumber=1, Body=b"1")
    done = s3.complete_multipart_upload(
        **at, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    )
    assert rule_of(done) == "r0"


def test_forms_tell_the_expiration(s3: Any, bucket: str) -> None:
    put(s3, bucket, {"Expiration": {"Days": 1}})
    form = s3.generate_presigned_post(bucket, "k")
    fields = "".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in {**form["fields"], "file": "1"}.items()
    )
    request = urllib.request.Request(
        form["url"],
        data=f"{fields}--x--\r\n".encode(),
        headers={"Content-Type": "multipart/form-data; boundary=x"},
    )
    with urllib.request.urlopen(request) as answer:
        told = answer.headers["x-amz-expiration"]
    assert told == s3.head_object(Bucket=bucket, Key="k")["Expiration"]


def test_versions_and_markers_go(s3: Any, bucket: str, night: Callable[..., None]) -> None:
    """A delete marker is made; what is behind it goes when it was noncurrent for long; then the marker goes, too."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put(
        s3,
        bucket,
        {"Expiration": {"Days": 1}, "NoncurrentVersionExpiration": {"NoncurrentDays": 1}},
        {"Expiration": {"ExpiredObjectDeleteMarker": True}},
    )
    ids = [s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]]
    night(2)
    ids.append(s3.put_object(Bucket=bucket, Key="k", Body=b"2")["VersionId"])
    assert versions(s3, bucket) == [ids[1], ids[0], "marker"]
    night()
    assert versions(s3, bucket) == [ids[1], ids[0], "marker"]
    night()
    assert versions(s3, bucket) == [ids[1], "marker"]
    night(2)
    assert versions(s3, bucket) == ["marker"]
    night()
    assert versions(s3, bucket) == []


def test_newer_noncurrent_versions_are_kept(
    s3: Any, bucket: str, night: Callable[..., None]
) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put(
        s3,
        bucket,
        {"NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 2}},
    )
    ids = []
    for n in range(6):
        ids.append(s3.put_object(Bucket=bucket, Key="k", Body=b"%d" % n)["VersionId"])
        night(0.01)
    night(3)
    assert versions(s3, bucket) == ids[:2:-1]


def test_suspended_buckets(s3: Any, bucket: str, night: Callable[..., None]) -> None:
    """A marker takes the place of the null version."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    put(s3, bucket, {"Expiration": {"Days": 1}})
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    night(2)
    told = s3.list_object_versions(Bucket=bucket)
    assert "Versions" not in told
    assert [one["VersionId"] for one in told["DeleteMarkers"]] == ["null"]
    night(2)
    assert versions(s3, bucket) == []


def test_objects_are_moved(s3: Any, bucket: str, night: Callable[..., None]) -> None:
    """Down the classes, noncurrent versions by their own days; nothing else of them changes."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put(
        s3,
        bucket,
        {
            "Transitions": [
                {"Days": 0, "StorageClass": "GLACIER_IR"},
                {"Days": 90, "StorageClass": "GLACIER"},
            ],
            "NoncurrentVersionTransitions": [{"NoncurrentDays": 2, "StorageClass": "DEEP_ARCHIVE"}],
        },
    )
    old = s3.put_object(Bucket=bucket, Key="k", Body=BIG)["VersionId"]
    s3.put_object(Bucket=bucket, Key="k", Body=BIG, Metadata={"a": "b"})
    s3.put_object(Bucket=bucket, Key="small", Body=BIG[1:])
    before = s3.head_object(Bucket=bucket, Key="k")
    night()
    assert keys(s3, bucket) == {"k": "GLACIER_IR", "small": "STANDARD"}
    after = s3.head_object(Bucket=bucket, Key="k")
    same = ("LastModified", "ETag", "Metadata", "VersionId", "ContentLength")
    assert [after[name] for name in same] == [before[name] for name in same]
    night(2)
    assert s3.head_object(Bucket=bucket, Key="k", VersionId=old)["StorageClass"] == "DEEP_ARCHIVE"
    night(90)
    assert keys(s3, bucket)["k"] == "GLACIER"


def test_locked_versions_stay(s3: Any, account: str, night: Callable[..., None]) -> None:
    bucket = f"locked-{account}"
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    put(s3, bucket, {"NoncurrentVersionExpiration": {"NoncurrentDays": 1}})
    held = s3.put_object(
        Bucket=bucket, Key="k", Body=b"1", ObjectLockLegalHoldStatus="ON", ChecksumAlgorithm="CRC32"
    )["VersionId"]
    now = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    kept = s3.put_object(
        Bucket=bucket,
        Key="k",
        Body=b"2",
        ObjectLockMode="GOVERNANCE",
        ObjectLockRetainUntilDate=now + timedelta(days=4),
        ChecksumAlgorithm="CRC32",
    )["VersionId"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"3", ChecksumAlgorithm="CRC32")
    night(3)
    assert {held, kept} <= set(versions(s3, bucket))
    night(3)
    assert set(versions(s3, bucket)) & {held, kept} == {held}


def test_uploads_are_forgotten(
    s3: Any, bucket: str, night: Callable[..., None], refused: Refused
) -> None:
    put(
        s3,
        bucket,
        {"Filter": {"Prefix": "u/"}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}},
    )
    upload = s3.create_multipart_upload(Bucket=bucket, Key="u/1")
    other = s3.create_multipart_upload(Bucket=bucket, Key="v/1")
    assert upload["AbortRuleId"] == "r0"
    assert (upload["AbortDate"].hour, upload["AbortDate"].minute) == (0, 0)
    at = {"Bucket": bucket, "Key": "u/1", "UploadId": upload["UploadId"]}
    s3.upload_part(**at, PartNumber=1, Body=b"1" * 100_000)
    assert s3.list_parts(**at)["AbortDate"] == upload["AbortDate"]
    night(2)
    assert len(s3.list_multipart_uploads(Bucket=bucket)["Uploads"]) == 2
    night()
    left = s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert [one["UploadId"] for one in left] == [other["UploadId"]]
    refused("NoSuchUpload", s3.list_parts, **at)


def test_disabled_and_deleted_rules_do_nothing(
    s3: Any, bucket: str, night: Callable[..., None]
) -> None:
    s3.put_object(Bucket=bucket, Key="k")
    put(s3, bucket, {"Expiration": {"Days": 1}, "Status": "Disabled"})
    assert "Expiration" not in s3.head_object(Bucket=bucket, Key="k")
    night(3)
    put(s3, bucket, {"Expiration": {"Days": 1}})
    s3.delete_bucket_lifecycle(Bucket=bucket)
    night(3)
    assert set(keys(s3, bucket)) == {"k"}
    put(s3, bucket, {"Expiration": {"Days": 1}})
    night()
    assert keys(s3, bucket) == {}


def test_what_happens_is_logged(
    s3: Any, new_bucket: Callable[[], str], night: Callable[..., None]
) -> None:
    """In the access log, by AWS's names for it, and by nobody but S3."""
    bucket, logs = new_bucket(), new_bucket()
    policy = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{logs}/*",
    }
    document = {"Version": "2012-10-17", "Statement": [policy]}
    s3.put_bucket_policy(Bucket=logs, Policy=json.dumps(document))
    s3.put_object(Bucket=bucket, Key="k", Body=BIG)
    transition = {"Days": 0, "StorageClass": "GLACIER_IR"}
    put(s3, bucket, {"Expiration": {"Days": 2}, "Transitions": [transition]})
    enabled = {"TargetBucket": logs, "TargetPrefix": ""}
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": enabled})
    night()
    night(2)
    night(0.1)
    lines = list[str]()
    for one in s3.list_objects_v2(Bucket=logs)["Contents"]:
        text = s3.get_object(Bucket=logs, Key=one["Key"])["Body"].read().decode()
        lines += text.splitlines()
    own = [line.split() for line in lines if " AmazonS3 " in line]
    assert [(line[7], line[8]) for line in own] == [
        ("S3.TRANSITION_GIR.OBJECT", "k"),
        ("S3.EXPIRE.OBJECT", "k"),
    ]
    assert {len(line) for line in own} == {27}


def test_what_happens_is_told(
    s3: Any, bucket: str, account: str, night: Callable[..., None], told: Callable[[], list[Any]]
) -> None:
    """To a function; nobody but S3 did it, and it is no removal by a user."""
    kinds = ["s3:LifecycleExpiration:*", "s3:LifecycleTransition", "s3:ObjectRemoved:*"]
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [
                {"Id": "c", "LambdaFunctionArn": ARN.format(account=account), "Events": kinds}
            ]
        },
    )
    put(
        s3,
        bucket,
        {"Expiration": {"Days": 2}, "Transitions": [{"Days": 0, "StorageClass": "GLACIER"}]},
    )
    s3.put_object(Bucket=bucket, Key="k", Body=BIG)
    night()
    night(2)
    records = told()
    assert [one["eventName"] for one in records] == [
        "LifecycleTransition",
        "LifecycleExpiration:Delete",
    ]
    moved = records[0]
    assert moved["eventVersion"] == "2.3"
    assert moved["userIdentity"] == {"principalId": "s3.amazonaws.com"}
    assert moved["requestParameters"] == {"sourceIPAddress": "s3.amazonaws.com"}
    assert moved["lifecycleEventData"] == {
        "transitionEventData": {"destinationStorageClass": "GLACIER"}
    }


def test_a_walk_goes_on_after_a_crash(own_server: Callable[..., Server], tmp_path: Path) -> None:
    """Killed while a bucket of several pages is gone through, the last of which begins within a key."""
    server = own_server("--lifecycle-day", "2s", "--durability", "relaxed", data=tmp_path / "data")
    s3 = server.client("s3", "000000000001")
    s3.create_bucket(Bucket="walked")
    s3.put_bucket_versioning(Bucket="walked", VersioningConfiguration={"Status": "Enabled"})
    for n in range(150):
        s3.put_object(Bucket="walked", Key=f"k{n:03d}", Body=b"1")
    for _ in range(200):
        s3.put_object(Bucket="walked", Key="many", Body=b"1")
    put(
        s3,
        "walked",
        {
            "Expiration": {"Days": 1},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 1},
        },
    )
    for _ in range(2):
        server.kill()
        server.start()
        s3 = server.client("s3", "000000000001")
    server.ask("POST", "/_pilvi/clock", {"action": "freeze"})
    for _ in range(3):
        server.ask("POST", "/_pilvi/clock", {"action": "advance", "by_ms": 4000})
        server.ask("POST", "/_pilvi/idle", {"timeout_s": 30})
    told: dict[str, int] = {}
    markers = 0
    for page in s3.get_paginator("list_object_versions").paginate(Bucket="walked"):
        for one in page.get("Versions", []):
            told[one["Key"]] = told.get(one["Key"], 0) + 1
        markers += len(page.get("DeleteMarkers", []))
    assert told == dict.fromkeys(told, 1)
    assert len(told) == markers == 151
    assert server.stop() == 0
    assert [one for one in check(tmp_path / "data") if one.severity == "damage"] == []


def test_days_become_short(own_server: Callable[..., Server], tmp_path: Path) -> None:
    """Rules that were put while days were long run in the next short night, after a restart."""
    server = own_server(data=tmp_path / "data")
    s3 = server.client("s3", "000000000001")
    s3.create_bucket(Bucket="shorter")
    put(s3, "shorter", {"Expiration": {"Days": 1}})
    s3.put_object(Bucket="shorter", Key="k")
    assert server.stop() == 0
    server = own_server("--lifecycle-day", "10s", data=tmp_path / "data")
    server.ask("POST", "/_pilvi/clock", {"action": "advance", "by_ms": 30_000})
    server.ask("POST", "/_pilvi/idle", {"timeout_s": 30})
    s3 = server.client("s3", "000000000001")
    assert s3.list_objects_v2(Bucket="shorter")["KeyCount"] == 0
