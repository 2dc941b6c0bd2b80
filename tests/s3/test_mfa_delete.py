"""MFA delete: a code of the root user's device, with the request that deletes for good."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from iam.codes import App
from persons import Person, allow

Make = Callable[..., Any]
Refused = Callable[..., dict[str, Any]]


@dataclass
class Device:
    """The root user's, beside a clock that stands but for us."""

    serial: str
    app: App
    clock: Any

    def next(self) -> str:
        """What `x-amz-mfa` takes: a code is good once, so another one each time."""
        self.clock.advance(seconds=30)
        return f"{self.serial} {self.app.code(self.clock.now_ms())}"


@pytest.fixture
def device(client: Make, clock: Any) -> Device:
    clock.freeze()
    iam = client("iam")
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName="root")["VirtualMFADevice"]
    app, now = App(made["Base32StringSeed"]), clock.now_ms()
    iam.enable_mfa_device(
        UserName="root",
        SerialNumber=made["SerialNumber"],
        AuthenticationCode1=app.code(now, -1),
        AuthenticationCode2=app.code(now),
    )
    return Device(made["SerialNumber"], app, clock)


def enable(s3: Any, bucket: str, device: Device) -> None:
    s3.put_bucket_versioning(
        Bucket=bucket,
        MFA=device.next(),
        VersioningConfiguration={"Status": "Enabled", "MFADelete": "Enabled"},
    )


def test_switching_needs_a_code(s3: Any, bucket: str, device: Device, refused: Refused) -> None:
    put, on = s3.put_bucket_versioning, {"Status": "Enabled", "MFADelete": "Enabled"}
    error = refused("AccessDenied", put, Bucket=bucket, VersioningConfiguration=on)
    assert error["Message"] == "Mfa Authentication must be used for this request"
    error = refused("InvalidArgument", put, Bucket=bucket, MFA="123", VersioningConfiguration=on)
    assert error["ArgumentName"] == "x-amz-mfa"
    wrong = f"{device.serial} 000000"
    refused("AccessDenied", put, Bucket=bucket, MFA=wrong, VersioningConfiguration=on)
    assert "MFADelete" not in s3.get_bucket_versioning(Bucket=bucket)
    enable(s3, bucket, device)
    assert s3.get_bucket_versioning(Bucket=bucket)["MFADelete"] == "Enabled"
    expiry = {"ID": "x", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}}
    rules = {"Bucket": bucket, "LifecycleConfiguration": {"Rules": [expiry]}}
    refused("InvalidBucketState", s3.put_bucket_lifecycle_configuration, **rules)
    off = {"Status": "Suspended", "MFADelete": "Disabled"}
    refused("AccessDenied", put, Bucket=bucket, VersioningConfiguration=off)
    put(Bucket=bucket, MFA=device.next(), VersioningConfiguration=off)
    s3.put_bucket_lifecycle_configuration(**rules)
    on_again = {"Bucket": bucket, "VersioningConfiguration": on}
    refused("InvalidBucketState", put, **on_again, MFA=device.next())
    told = s3.get_bucket_versioning(Bucket=bucket)
    assert (told["Status"], told["MFADelete"]) == ("Suspended", "Disabled")


def test_versions_are_deleted_with_a_code_alone(
    s3: Any, bucket: str, device: Device, refused: Refused
) -> None:
    """A delete marker needs none; a code is used up by what it was shown for."""
    enable(s3, bucket, device)
    ids = [s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"] for _ in range(3)]
    s3.delete_object(Bucket=bucket, Key="k")
    version = {"Bucket": bucket, "Key": "k", "VersionId": ids[0]}
    refused("AccessDenied", s3.delete_object, **version)
    code = device.next()
    s3.delete_object(**version, MFA=code)
    listed = {"Objects": [{"Key": "k", "VersionId": one} for one in ids[1:]] + [{"Key": "other"}]}
    refused("AccessDenied", s3.delete_objects, Bucket=bucket, Delete=listed)
    refused("AccessDenied", s3.delete_objects, Bucket=bucket, Delete=listed, MFA=code)
    kept = s3.list_object_versions(Bucket=bucket)["Versions"]
    assert {one["VersionId"] for one in kept} == set(ids[1:])
    s3.delete_objects(Bucket=bucket, Delete=listed, MFA=device.next())
    assert "Versions" not in s3.list_object_versions(Bucket=bucket)


def test_users_cannot_whatever_they_show(
    s3: Any, bucket: str, device: Device, client: Make, account: str, refused: Refused
) -> None:
    enable(s3, bucket, device)
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    ann = Person(client, account)
    ann.may(allow("s3:*"))
    mine = ann.client("s3")
    asked = {"Bucket": bucket, "Key": "k", "VersionId": version}
    code = device.next()
    refused("AccessDenied", mine.delete_object, **asked, MFA=code)
    s3.delete_object(**asked, MFA=code)


def test_without_mfa_delete_a_code_is_nobodys_business(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.delete_object(Bucket=bucket, Key="k", MFA="any 123456")
