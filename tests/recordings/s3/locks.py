"""Retention and legal holds: what is kept, who may shorten it, and what copies take along."""

from __future__ import annotations

import datetime
from typing import Any

from recordings.s3.scenarios import scenario
from recordings.s3.story import Story

RETENTION, HOLD = "put_object_retention", "put_object_legal_hold"
PAST = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
ON, OFF = {"Status": "ON"}, {"Status": "OFF"}


def _locked(s: Story) -> dict[str, str]:
    return {"Bucket": s.bucket(ObjectLockEnabledForBucket=True)}


def _kept(s: Story, mode: str = "GOVERNANCE", **later: int) -> dict[str, Any]:
    return {"Mode": mode, "RetainUntilDate": s.after(**later)}


def _with_lock(s: Story, mode: str = "GOVERNANCE", **later: int) -> dict[str, Any]:
    return {"ObjectLockMode": mode, "ObjectLockRetainUntilDate": s.after(**later)}


@scenario("TestS3ObjectLock::test_put_object_lock_configuration_on_existing_bucket")
def _(s: Story) -> None:
    b, op = {"Bucket": s.bucket()}, "put_object_lock_configuration"
    how = {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}}
    get, versioning = "get_object_lock_configuration", "put_bucket_versioning"
    s("get-object-lock-existing-bucket-no-config", get, **b)
    s("put-object-lock-existing-bucket-no-versioning", op, **b, **how)
    suspended, enabled = {"Status": "Suspended"}, {"Status": "Enabled"}
    s("suspended-versioning", versioning, **b, VersioningConfiguration=suspended)
    s("put-object-lock-existing-bucket-versioning-disabled", op, **b, **how)
    s("enabled-versioning", versioning, **b, VersioningConfiguration=enabled)
    s("put-object-lock-existing-bucket-enabled", op, **b, **how)
    s("get-object-lock-existing-bucket-enabled", get, **b)


@scenario("TestS3ObjectLock::test_get_object_lock_configuration_exc")
def _(s: Story) -> None:
    b, get = s.bucket(), "get_object_lock_configuration"
    s("get-lock-config-no-enabled", get, Bucket=b)
    s("get-lock-config-bucket-not-exists", get, Bucket=f"{b}-none")


@scenario("TestS3ObjectLockRetention::test_s3_object_retention_exc")
def _(s: Story) -> None:
    b, kept = _locked(s), _kept(s, minutes=10)
    none = {"Bucket": f"{b['Bucket']}-none", "Key": "test-key"}
    s("put-object-retention-no-bucket", RETENTION, **none, Retention=kept)
    s("put-object-retention-no-key", RETENTION, **b, Key="non-existing-key", Retention=kept)
    o = {**b, "Key": "test-key"}
    s.do("put_object", **o, Body="test")
    s("get-object-retention-never-set", "get_object_retention", **o)
    label = "put-object-missing-retention-fields"
    s(label, RETENTION, **o, Retention={"Mode": "GOVERNANCE"})
    s.do(RETENTION, **o, Retention=kept)
    s("update-retention-no-bypass", RETENTION, **o, Retention=_kept(s, minutes=5))
    past = {"Mode": "GOVERNANCE", "RetainUntilDate": PAST}
    more = {"BypassGovernanceRetention": True}
    s("update-retention-past-date", RETENTION, **o, Retention=past, **more)
    bad = {"Mode": "BAD-VALUE", "RetainUntilDate": s.after(minutes=20)}
    s("update-retention-bad-value", RETENTION, **o, Retention=bad)
    plain = {"Bucket": s.bucket(), "Key": "test-key"}
    s.do("put_object", **plain, Body="test")
    s("put-object-retention-regular-bucket", RETENTION, **plain, Retention=kept)
    s("get-object-retention-regular-bucket", "get_object_retention", **plain)


def _copied(s: Story, label: str, given: dict[str, Any], labels: tuple[str, str]) -> None:
    b = _locked(s)
    o = {**b, "Key": "source-object"}
    s(labels[0], "put_object", **o, Body='{"key": "value"}', **given)
    s(labels[1], "head_object", **o)
    s(label, "copy_object", **b, Key="dest-key", CopySource=f"{b['Bucket']}/source-object")
    s("head-dest-key", "head_object", **b, Key="dest-key")


@scenario("TestS3ObjectLockRetention::test_s3_copy_object_retention_lock")
def _(s: Story) -> None:
    _copied(s, "copy-lock", _with_lock(s, minutes=10), ("put-source-object", "head-source-object"))


@scenario("TestS3ObjectLockLegalHold::test_s3_copy_object_legal_hold")
def _(s: Story) -> None:
    held = {"ObjectLockLegalHoldStatus": "ON"}
    _copied(s, "copy-legal-hold", held, ("put-object", "head-object"))


@scenario("TestS3ObjectLockRetention::test_s3_object_retention")
def _(s: Story) -> None:
    o = {**_locked(s), "Key": "test-retention-locked-object"}
    bypass = {"BypassGovernanceRetention": True}
    version = {"VersionId": s("put-obj-locked-1", "put_object", **o, Body="test")["VersionId"]}
    s("put-object-retention-on-key-1", RETENTION, **o, Retention=_kept(s, minutes=10))
    s("get-object-retention-on-key-1", "get_object_retention", **o)
    s("head-object-locked", "head_object", **o)
    s("delete-obj-locked", "delete_object", **o, **version)
    s("delete-obj-locked-bypass", "delete_object", **o, **version, **bypass)
    s("put-obj-locked-2", "put_object", **o, Body="test", **_with_lock(s, minutes=10))
    s("update-retention-locked-object", RETENTION, **o, Retention=_kept(s, minutes=5))
    s("put-object-empty-retention", RETENTION, **o, Retention={}, **bypass)
    s("update-retention-object", RETENTION, **o, Retention=_kept(s, minutes=5))


@scenario("TestS3ObjectLockRetention::test_bucket_config_default_retention")
def _(s: Story) -> None:
    s.of_unknown_bytes("ChecksumCRC32")
    o = {**_locked(s), "Key": "test-default-retention"}
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    how = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    at = {"Bucket": o["Bucket"], "ObjectLockConfiguration": how}
    s("put-lock-config", "put_object_lock_configuration", **at)
    s("put-object-default", "put_object", **o, Body="x" * 17)
    s("head-object-default", "head_object", **o)
    lock = _with_lock(s, minutes=10)
    s("put-object-with-lock", "put_object", **o, Body="x" * 20, **lock)
    s("head-object-with-lock", "head_object", **o)
    s("put-object-with-lock-no-date", "put_object", **o, Body="x", ObjectLockMode="GOVERNANCE")


@scenario("TestS3ObjectLockRetention::test_object_lock_extend_duration")
def _(s: Story) -> None:
    s.of_unknown_bytes("ChecksumCRC32")
    o = {**_locked(s), "Key": "test-object-lock"}
    s("put-object-with-lock", "put_object", **o, Body="x" * 20, **_with_lock(s, minutes=10))
    s("head-object-with-lock", "head_object", **o)
    s("put-object-retention-extend", RETENTION, **o, Retention=_kept(s, minutes=20))
    s("head-object-with-lock-extended", "head_object", **o)
    s("put-object-retention-reduce", RETENTION, **o, Retention=_kept(s, minutes=5))


@scenario("TestS3ObjectLockRetention::test_s3_object_retention_compliance_mode")
def _(s: Story) -> None:
    o = {**_locked(s), "Key": "test-retention-compliance"}
    version = {"VersionId": s("put-obj-locked-1", "put_object", **o, Body="test")["VersionId"]}
    at = {**o, **version}
    s("add-compliance-retention", RETENTION, **at, Retention=_kept(s, "COMPLIANCE", minutes=10))
    bypass = {"BypassGovernanceRetention": True}
    s("delete-locked-1", "delete_object", **at)
    s("put-delete-marker", "delete_object", **o)
    s("delete-locked-2", "delete_object", **at, **bypass)
    label = "update-retention-shortened"
    s(label, RETENTION, **at, Retention=_kept(s, "COMPLIANCE", minutes=5), **bypass)
    label = "update-retention-less-restrictive"
    s(label, RETENTION, **at, Retention=_kept(s, "GOVERNANCE", minutes=20), **bypass)
    s.clock.advance(seconds=11 * 60)
    s("delete-obj-after-lock-expiration", "delete_object", **at)


@scenario("TestS3ObjectLockRetention::test_s3_object_lock_mode_validation")
def _(s: Story) -> None:
    o = {**_locked(s), "Key": "test-retention-validation"}
    until, bad = {"ObjectLockRetainUntilDate": s.after(minutes=10)}, {"ObjectLockMode": "BAD-VALUE"}
    s("put-obj-locked-error-no-retain-date", "put_object", **o, ObjectLockMode="GOVERNANCE")
    s("put-obj-locked-error-no-mode", "put_object", **o, **until)
    s("put-obj-locked-bad-value", "put_object", **o, **until, **bad)
    s("create-mpu-locked-bad-value", "create_multipart_upload", **o, **until, **bad)


@scenario("TestS3ObjectLockLegalHold::test_put_object_legal_hold_exc")
def _(s: Story) -> None:
    b = _locked(s)
    none = {"Bucket": f"{b['Bucket']}-none", "Key": "test-key"}
    s("put-object-legal-hold-no-bucket", HOLD, **none, LegalHold=ON)
    s("put-object-legal-hold-no-key", HOLD, **b, Key="non-existing-key", LegalHold=ON)
    plain = {"Bucket": s.bucket(), "Key": "test-key"}
    s.do("put_object", **plain, Body="test")
    s("put-object-retention-regular-bucket", HOLD, **plain, LegalHold=ON)
    s.do("put_object", **b, Key="test-key", Body="test")
    s("put-object-retention-empty", HOLD, **b, Key="test-key", LegalHold={})
    s("get-object-retention-regular-bucket", "get_object_legal_hold", **plain)


@scenario("TestS3ObjectLockLegalHold::test_s3_legal_hold_lock_versioned")
def _(s: Story) -> None:
    o = {**_locked(s), "Key": "test-version-locked"}
    versions: list[dict[str, str]] = []
    for number, label in ((1, "put-object"), (2, "put-object-2")):
        version = {"VersionId": s(label, "put_object", **o, Body="test")["VersionId"]}
        s(f"put-object-legal-hold-ver{number}", HOLD, **o, **version, LegalHold=ON)
        s(f"head-object-ver{number}", "head_object", **o, **version)
        versions.append(version)
    at = {**o, **versions[0]}
    s("remove-object-legal-hold-ver1", HOLD, **at, LegalHold=OFF)
    s("head-object-ver1-no-lock", "head_object", **at)
    s("delete-object-ver1", "delete_object", **at)


@scenario("TestS3ObjectLockLegalHold::test_put_object_with_legal_hold")
def _(s: Story) -> None:
    o = {**_locked(s), "Key": "test-legal-hold"}
    s("put-obj", "put_object", **o, Body="test", ObjectLockLegalHoldStatus="ON")
    s("head-object-with-legal-hold", "head_object", **o)
    s("put-object-legal-hold-off", HOLD, **o, LegalHold=OFF)
