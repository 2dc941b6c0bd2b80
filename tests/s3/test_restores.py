"""Archived objects: refused until they are restored, readable for some days, and then refused again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from s3.listeners import ARN

Refused = Callable[..., dict[str, Any]]
HOUR_S = 60 * 60
DAY_S = 24 * HOUR_S


@pytest.fixture
def later(clock: Any) -> Callable[[float], None]:
    """later(hours): by the clock, which begins at noon."""

    def pass_(hours: float) -> None:
        clock.advance(seconds=hours * HOUR_S)
        clock.wait_until_idle()

    clock.freeze()
    clock.advance(seconds=(1.5 - clock.now_ms() / 1000 / DAY_S % 1) * DAY_S)
    return pass_


def restore(s3: Any, bucket: str, days: int = 1, tier: str | None = None, **more: Any) -> int:
    """The status."""
    asked: dict[str, Any] = {"Days": days}
    if tier is not None:
        asked["GlacierJobParameters"] = {"Tier": tier}
    told = s3.restore_object(Bucket=bucket, Key="k", RestoreRequest=asked, **more)
    return told["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize("kind", ["GLACIER", "DEEP_ARCHIVE"])
def test_what_is_archived_cannot_be_read(s3: Any, bucket: str, refused: Refused, kind: str) -> None:
    """Nor copied; but it can be looked at, tagged, listed and deleted."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"cold", StorageClass=kind)
    error = refused("InvalidObjectState", s3.get_object, Bucket=bucket, Key="k")
    assert error["Message"] == "The operation is not valid for the object's storage class"
    assert (error["StorageClass"], error["status"]) == (kind, 403)
    source = {"Bucket": bucket, "Key": "k"}
    error = refused("InvalidObjectState", s3.copy_object, Bucket=bucket, Key="c", CopySource=source)
    assert error["Message"] == "Operation is not valid for the source object's storage class"
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m", StorageClass=kind)["UploadId"]
    at = {"Bucket": bucket, "Key": "m", "UploadId": upload, "PartNumber": 1}
    refused("InvalidObjectState", s3.upload_part_copy, **at, CopySource=source)
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["StorageClass"], head["ContentLength"]) == (kind, 4)
    assert "Restore" not in head
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": []})
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["StorageClass"] == kind
    s3.delete_object(Bucket=bucket, Key="k")


def test_a_restore_takes_hours_and_lasts_days(
    s3: Any, bucket: str, later: Callable[[float], None], refused: Refused
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"cold", StorageClass="GLACIER")
    assert restore(s3, bucket, 2) == 202
    assert s3.head_object(Bucket=bucket, Key="k")["Restore"] == 'ongoing-request="true"'
    listed = s3.list_objects_v2(Bucket=bucket, OptionalObjectAttributes=["RestoreStatus"])
    assert listed["Contents"][0]["RestoreStatus"] == {"IsRestoreInProgress": True}
    assert "RestoreStatus" not in s3.list_objects_v2(Bucket=bucket)["Contents"][0]
    error = refused("RestoreAlreadyInProgress", restore, s3, bucket)
    assert (error["status"], error["Message"]) == (409, "Object restore is already in progress")
    later(3.9)
    refused("InvalidObjectState", s3.get_object, Bucket=bucket, Key="k")
    later(0.2)
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == b"cold"
    assert got["StorageClass"] == "GLACIER"
    assert got["Restore"].startswith('ongoing-request="false", expiry-date="')
    assert got["Restore"].endswith(' 00:00:00 GMT"')
    s3.copy_object(Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "k"})
    status = s3.list_object_versions(Bucket=bucket, OptionalObjectAttributes=["RestoreStatus"])
    found = {one["Key"]: one.get("RestoreStatus") for one in status["Versions"]}
    assert found["c"] is None
    assert found["k"]["IsRestoreInProgress"] is False
    later(24)
    assert restore(s3, bucket, 2) == 200
    later(48)
    s3.get_object(Bucket=bucket, Key="k")
    later(12)
    refused("InvalidObjectState", s3.get_object, Bucket=bucket, Key="k")
    assert "Restore" not in s3.head_object(Bucket=bucket, Key="k")
    assert restore(s3, bucket, tier="Bulk") == 202


def test_tiers(s3: Any, bucket: str, later: Callable[[float], None], refused: Refused) -> None:
    """A faster one may be asked for while a slower one is under way."""
    s3.put_object(Bucket=bucket, Key="k", StorageClass="GLACIER")
    assert restore(s3, bucket, tier="Bulk") == 202
    later(1)
    refused("RestoreAlreadyInProgress", restore, s3, bucket, tier="Bulk")
    assert restore(s3, bucket, tier="Expedited") == 202
    later(0.1)
    s3.get_object(Bucket=bucket, Key="k")
    s3.put_object(Bucket=bucket, Key="k", StorageClass="DEEP_ARCHIVE")
    error = refused("InvalidRequest", restore, s3, bucket, tier="Expedited")
    assert error["Message"] == "Retrieval option is not supported by this storage class"
    assert restore(s3, bucket, tier="Bulk") == 202
    later(47)
    refused("InvalidObjectState", s3.get_object, Bucket=bucket, Key="k")
    later(1.1)
    s3.get_object(Bucket=bucket, Key="k")


def test_what_cannot_be_restored(s3: Any, bucket: str, refused: Refused) -> None:
    refused("NoSuchKey", restore, s3, bucket)
    s3.put_object(Bucket=bucket, Key="k", StorageClass="GLACIER_IR")
    error = refused("InvalidObjectState", restore, s3, bucket)
    assert error["Message"] == "Restore is not allowed for the object's current storage class"
    assert error["status"] == 403
    s3.put_object(Bucket=bucket, Key="k", StorageClass="INTELLIGENT_TIERING")
    assert refused("ObjectAlreadyInActiveTierError", restore, s3, bucket)["status"] == 403
    s3.put_object(Bucket=bucket, Key="k", StorageClass="GLACIER")
    refused("MalformedXML", s3.restore_object, Bucket=bucket, Key="k", RestoreRequest={})
    refused("MalformedXML", restore, s3, bucket, tier="Fast")
    refused("InvalidArgument", restore, s3, bucket, 0)
    for more in ({"Type": "SELECT"}, {"OutputLocation": {"S3": {"BucketName": "b", "Prefix": ""}}}):
        error = refused(
            "NotImplemented",
            s3.restore_object,
            Bucket=bucket,
            Key="k",
            RestoreRequest={**more, "Days": 1},
        )
        assert next(iter(more)) in error["Message"]


def test_versions_are_restored_by_id(
    s3: Any, bucket: str, later: Callable[[float], None], refused: Refused
) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    old = s3.put_object(Bucket=bucket, Key="k", Body=b"1", StorageClass="GLACIER")["VersionId"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"2", StorageClass="GLACIER")
    assert restore(s3, bucket, VersionId=old) == 202
    later(5)
    got = s3.get_object(Bucket=bucket, Key="k", VersionId=old)
    assert got["Body"].read() == b"1"
    refused("InvalidObjectState", s3.get_object, Bucket=bucket, Key="k")


def test_what_is_written_anew_is_not_restored(
    s3: Any, bucket: str, later: Callable[[float], None], refused: Refused
) -> None:
    """The job of the one that was there before finds another in its place."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"1", StorageClass="GLACIER")
    restore(s3, bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"2", StorageClass="GLACIER")
    later(5)
    refused("InvalidObjectState", s3.get_object, Bucket=bucket, Key="k")


def test_restores_are_told(
    s3: Any,
    bucket: str,
    account: str,
    later: Callable[[float], None],
    told: Callable[[], list[Any]],
) -> None:
    one = {
        "Id": "c",
        "LambdaFunctionArn": ARN.format(account=account),
        "Events": ["s3:ObjectRestore:*"],
    }
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [one]}
    )
    s3.put_object(Bucket=bucket, Key="k", Body=b"1", StorageClass="GLACIER")
    restore(s3, bucket)
    later(5)
    later(48)
    records = told()
    assert [(one["eventName"], one["eventVersion"]) for one in records] == [
        ("ObjectRestore:Post", "2.1"),
        ("ObjectRestore:Completed", "2.1"),
        ("ObjectRestore:Delete", "2.3"),
    ]
    assert records[0]["userIdentity"]["principalId"] == f"AWS:{account}"
    restored = records[1]["glacierEventData"]["restoreEventData"]
    assert restored["lifecycleRestoreStorageClass"] == "GLACIER"
    assert restored["lifecycleRestorationExpiryTime"].endswith("T00:00:00.000Z")
