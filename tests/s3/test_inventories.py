"""Inventories: what may be configured, and what is delivered by the clock."""

from __future__ import annotations

import base64
import csv
import gzip
import hashlib
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

Refused = Callable[..., dict[str, Any]]
DAY_S = 24 * 3600
FIELDS = [
    *("ETag", "Size", "LastModifiedDate", "StorageClass", "IsMultipartUploaded"),
    *("ReplicationStatus", "EncryptionStatus", "ObjectLockRetainUntilDate", "ObjectLockMode"),
    *("ObjectLockLegalHoldStatus", "IntelligentTieringAccessTier", "BucketKeyStatus"),
    *("ChecksumAlgorithm", "ObjectAccessControlList", "ObjectOwner", "LifecycleExpirationDate"),
]


def configuration(target: str, **more: Any) -> dict[str, Any]:
    destination = {"Bucket": f"arn:aws:s3:::{target}", "Format": "CSV", "Prefix": "lists"}
    destination.update(more.pop("destination", {}))
    return {
        "Destination": {"S3BucketDestination": destination},
        "IsEnabled": True,
        "Id": "all",
        "IncludedObjectVersions": "All",
        "Schedule": {"Frequency": "Daily"},
        **more,
    }


@pytest.fixture
def target(s3: Any, new_bucket: Callable[[], str], bucket: str, account: str) -> str:
    """A bucket whose policy lets inventories in, as AWS's guide words it."""
    name = new_bucket()
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{name}/*",
        "Condition": {
            "ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"},
            "StringEquals": {
                "aws:SourceAccount": account,
                "s3:x-amz-acl": "bucket-owner-full-control",
            },
        },
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
    return name


@pytest.fixture
def delivered(s3: Any, bucket: str, target: str, clock: Any) -> Callable[[], dict[str, Any]]:
    """delivered(): moves the clock behind the next midnight, and gives the manifest that is there then, by its key."""

    def move() -> dict[str, Any]:
        now = datetime.fromtimestamp(clock.now_ms() / 1000, UTC)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        clock.freeze()
        clock.advance(seconds=(midnight - now).total_seconds() + 1)
        clock.wait_until_idle()
        place = f"lists/{bucket}/all/{midnight:%Y-%m-%dT%H-%M}Z"
        text = s3.get_object(Bucket=target, Key=f"{place}/manifest.json")["Body"].read()
        told = s3.get_object(Bucket=target, Key=f"{place}/manifest.checksum")["Body"].read()
        assert told.decode() == hashlib.md5(text, usedforsecurity=False).hexdigest()
        manifest = json.loads(text)
        hive = f"lists/{bucket}/all/hive/dt={midnight:%Y-%m-%d-%H-%M}/symlink.txt"
        links = s3.get_object(Bucket=target, Key=hive)["Body"].read().decode()
        named = [f"s3://{target}/{one['key']}" for one in manifest["files"]]
        assert links.split("\n") == named
        return manifest

    return move


def rows_of(s3: Any, target: str, manifest: dict[str, Any]) -> list[dict[str, str]]:
    names = manifest["fileSchema"].split(", ")
    found: list[dict[str, str]] = []
    for one in manifest["files"]:
        body = s3.get_object(Bucket=target, Key=one["key"])["Body"].read()
        digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
        assert (one["size"], one["MD5checksum"]) == (len(body), digest)
        text = gzip.decompress(body).decode()
        found += [dict(zip(names, row, strict=True)) for row in csv.reader(io.StringIO(text))]
    return found


def test_a_daily_inventory_of_all_versions(
    s3: Any, bucket: str, target: str, delivered: Callable[[], dict[str, Any]], account: str
) -> None:
    s3.put_object(Bucket=bucket, Key="ä b", Body=b"older")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    new = s3.put_object(Bucket=bucket, Key="ä b", Body=b"newer one", StorageClass="STANDARD_IA")
    s3.put_object(Bucket=bucket, Key="gone")
    s3.delete_object(Bucket=bucket, Key="gone")
    expiring = {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 9}}
    s3.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": [expiring]}
    )
    document = configuration(target, OptionalFields=FIELDS)
    s3.put_bucket_inventory_configuration(Bucket=bucket, Id="all", InventoryConfiguration=document)
    manifest = delivered()
    assert manifest["sourceBucket"] == bucket
    assert manifest["destinationBucket"] == f"arn:aws:s3:::{target}"
    assert (manifest["version"], manifest["fileFormat"]) == ("2016-11-30", "CSV")
    assert manifest["fileSchema"].startswith(
        "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag, StorageClass,"
    )
    rows = rows_of(s3, target, manifest)
    told = [(row["Key"], row["IsLatest"], row["IsDeleteMarker"], row["Size"]) for row in rows]
    assert told == [
        ("gone", "true", "true", ""),
        ("gone", "false", "false", "0"),
        ("%C3%A4+b", "true", "false", "9"),
        ("%C3%A4+b", "false", "false", "5"),
    ]
    latest, older = rows[2], rows[3]
    assert (latest["VersionId"], older["VersionId"]) == (new["VersionId"], "null")
    assert (latest["StorageClass"], latest["ETag"]) == ("STANDARD_IA", new["ETag"].strip('"'))
    assert (latest["EncryptionStatus"], latest["BucketKeyStatus"]) == ("SSE-S3", "DISABLED")
    assert latest["LastModifiedDate"].endswith(".000Z")
    assert latest["LifecycleExpirationDate"].endswith("T00:00:00.000Z")
    assert older["LifecycleExpirationDate"] == ""
    grants = json.loads(base64.b64decode(latest["ObjectAccessControlList"]))["grants"]
    assert grants[0]["permission"] == "FULL_CONTROL"
    assert grants[0]["canonicalId"] == latest["ObjectOwner"]


def test_current_versions_below_a_prefix_as_parquet(
    s3: Any,
    bucket: str,
    target: str,
    delivered: Callable[[], dict[str, Any]],
    tmp_path: Path,
) -> None:
    for key in ("in/ä", "in/b", "out"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"12")
    document = configuration(
        target,
        IncludedObjectVersions="Current",
        OptionalFields=["Size", "LastModifiedDate", "IsMultipartUploaded"],
        Filter={"Prefix": "in/"},
        destination={"Format": "Parquet"},
    )
    s3.put_bucket_inventory_configuration(Bucket=bucket, Id="all", InventoryConfiguration=document)
    manifest = delivered()
    assert manifest["fileSchema"] == (
        "message s3.inventory { required binary bucket (UTF8); required binary key (UTF8);"
        " optional int64 size; optional int64 last_modified_date (TIMESTAMP_MILLIS);"
        " optional boolean is_multipart_uploaded; }"
    )
    (file,) = manifest["files"]
    path = tmp_path / "rows.parquet"
    path.write_bytes(s3.get_object(Bucket=target, Key=file["key"])["Body"].read())
    found = duckdb.sql(f"SELECT * FROM '{path}' ORDER BY key")
    assert found.columns == ["bucket", "key", "size", "last_modified_date", "is_multipart_uploaded"]
    rows = found.fetchall()
    assert [(*row[:3], row[4]) for row in rows] == [
        (bucket, "in/b", 2, False),
        (bucket, "in/ä", 2, False),
    ]
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="in/b")["Contents"][0]
    assert rows[0][3] == listed["LastModified"].replace(tzinfo=None)


def test_encrypted_with_a_key_that_lets_s3_in(
    s3: Any,
    client: Callable[..., Any],
    bucket: str,
    target: str,
    account: str,
    delivered: Callable[[], dict[str, Any]],
) -> None:
    statements = [
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
            "Action": "kms:*",
            "Resource": "*",
        },
        {
            "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"},
            "Action": "kms:GenerateDataKey",
            "Resource": "*",
        },
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    key = client("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"]
    s3.put_object(Bucket=bucket, Key="k")
    document = configuration(target, destination={"Encryption": {"SSEKMS": {"KeyId": key}}})
    s3.put_bucket_inventory_configuration(Bucket=bucket, Id="all", InventoryConfiguration=document)
    manifest = delivered()
    told = s3.head_object(Bucket=target, Key=manifest["files"][0]["key"])
    assert (told["ServerSideEncryption"], told["SSEKMSKeyId"]) == ("aws:kms", key)


def test_nothing_is_delivered_where_the_policy_does_not_let_it_in(
    s3: Any, bucket: str, new_bucket: Callable[[], str], clock: Any, server: Any
) -> None:
    """The trace of the request that configured it says why; the next one is tried a day later."""
    closed = new_bucket()
    s3.put_object(Bucket=bucket, Key="k")
    put = s3.put_bucket_inventory_configuration(
        Bucket=bucket, Id="all", InventoryConfiguration=configuration(closed)
    )
    clock.freeze()
    clock.advance(seconds=DAY_S)
    clock.wait_until_idle()
    assert "Contents" not in s3.list_objects_v2(Bucket=closed)
    story = server.ask("GET", f"/_pilvi/trace/{put['ResponseMetadata']['RequestId']}")
    told = [entry for entry in story["entries"] if entry["what"] == "undelivered"]
    assert told[0]["outcome"] == "permission"
    assert "AccessDenied" in told[0]["detail"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{closed}/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    s3.put_bucket_policy(Bucket=closed, Policy=json.dumps(policy))
    clock.advance(seconds=DAY_S)
    clock.wait_until_idle()
    assert s3.list_objects_v2(Bucket=closed)["KeyCount"] == 4


def test_weekly_ones_come_on_sundays_and_none_of_what_is_disabled(
    s3: Any, bucket: str, target: str, clock: Any
) -> None:
    document = configuration(target, Schedule={"Frequency": "Weekly"})
    put = s3.put_bucket_inventory_configuration
    put(Bucket=bucket, Id="all", InventoryConfiguration=document)
    off = configuration(target, Id="off", IsEnabled=False)
    put(Bucket=bucket, Id="off", InventoryConfiguration=off)
    clock.freeze()
    for _ in range(15):
        clock.advance(seconds=DAY_S)
        clock.wait_until_idle()
    listed = s3.list_objects_v2(Bucket=target)["Contents"]
    dated = [one["Key"].split("/")[3] for one in listed if one["Key"].endswith(".checksum")]
    days = [datetime.strptime(one, "%Y-%m-%dT%H-%MZ").replace(tzinfo=UTC) for one in dated]
    assert len(days) in (3, 4)
    assert {day.weekday() for day in days[1:]} == {6}
    assert all("/all/" in one["Key"] for one in listed)


def test_configurations_as_recorded(
    s3: Any, bucket: str, new_bucket: Callable[[], str], refused: Refused
) -> None:
    """Recorded: TestS3.test_s3_inventory_report_crud, test_s3_put_inventory_report_exceptions."""
    target = new_bucket()
    one = {"Bucket": bucket, "Id": "all"}
    put = s3.put_bucket_inventory_configuration
    answer = put(**one, InventoryConfiguration=configuration(target))
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert s3.get_bucket_inventory_configuration(**one)["InventoryConfiguration"] == configuration(
        target
    )
    for id in ("z", "a"):
        put(Bucket=bucket, Id=id, InventoryConfiguration=configuration(target, Id=id))
    listed = s3.list_bucket_inventory_configurations(Bucket=bucket)
    assert [found["Id"] for found in listed["InventoryConfigurationList"]] == ["a", "all", "z"]
    assert listed["IsTruncated"] is False
    answer = s3.delete_bucket_inventory_configuration(**one)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    error = refused("NoSuchConfiguration", s3.get_bucket_inventory_configuration, **one)
    assert error["status"] == 404
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("IdMismatch", {"Id": "other"}),
        ("InvalidS3DestinationBucket", {"destination": {"Bucket": target}}),
        ("MalformedXML", {"destination": {"Format": "WrongFormat"}}),
        ("MalformedXML", {"Schedule": {"Frequency": "Hourly"}}),
        ("MalformedXML", {"IncludedObjectVersions": "Wrong"}),
        ("MalformedXML", {"OptionalFields": ["Wrong"]}),
        ("NotImplemented", {"destination": {"Format": "ORC"}}),
        ("NotImplemented", {"OptionalFields": ["IntelligentTieringReferenceDate"]}),
    ]
    for code, change in wrong:
        refused(code, put, **one, InventoryConfiguration=configuration(target, **change))
