"""Access control lists, retention and holds."""

from __future__ import annotations

from typing import Any

from recordings.s3.scenarios import scenario
from recordings.s3.story import Story

# --- access control lists

LOGGERS = "http://acs.amazonaws.com/groups/s3/LogDelivery"
FAKE = "http://acs.amazonaws.com/groups/s3/FakeGroup"


def _acp(owner: str, grants: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Owner": {"ID": owner}, "Grants": grants}


def _grantee(kind: str, permission: str = "WRITE", **who: str) -> dict[str, Any]:
    return {"Grantee": {**who, "Type": kind}, "Permission": permission}


@scenario("TestS3::test_s3_bucket_acl")
def _(s: Story) -> None:
    b = {"Bucket": s.bucket(acls=True)}
    s.do("put_bucket_acl", **b, ACL="public-read")
    owner = s("get-bucket-acl", "get_bucket_acl", **b)["Owner"]["ID"]
    s.do("put_bucket_acl", **b, ACL="private")
    s("get-bucket-canned-acl", "get_bucket_acl", **b)
    s.do("put_bucket_acl", **b, GrantRead=f'uri="{LOGGERS}"')
    s("get-bucket-grant-acl", "get_bucket_acl", **b)
    grants = [
        _grantee("CanonicalUser", "FULL_CONTROL", ID=owner),
        _grantee("Group", URI=LOGGERS),
    ]
    s.do("put_bucket_acl", **b, AccessControlPolicy=_acp(owner, grants))
    s("get-bucket-acp-acl", "get_bucket_acl", **b)


def _refused_lists(s: Story, what: str, op: str, at: dict[str, str], owner: str) -> None:
    for label, given in (
        ("grant-acl-fake-uri", {"GrantWrite": f'uri="{FAKE}"'}),
        ("grant-acl-fake-key", {"GrantWrite": 'fakekey="1234"'}),
        ("grant-acl-wrong-id", {"GrantWrite": 'id="wrong-id"'}),
    ):
        s(f"put-{what}-{label}", op, **at, **given)
    fake = _grantee("Group", URI=FAKE)
    wrong = _grantee("CanonicalUser", ID="wrong-id")
    for number, policy in enumerate(
        (
            {"Grants": [_grantee("Group", URI=LOGGERS)]},
            {"Owner": {"ID": owner}, "Grants": [{"Permission": "WRITE"}]},
            _acp("wrong-id", [_grantee("Group", URI=LOGGERS)]),
            _acp(owner, [fake]),
            _acp(owner, [wrong]),
            _acp(owner, [_grantee("CanonicalUser", "RANDOM", ID=owner)]),
        ),
        1,
    ):
        s(f"put-{what}-acp-acl-{number}", op, **at, AccessControlPolicy=policy)
    s(f"put-{what}-empty-acp", op, **at, AccessControlPolicy={})
    s(f"put-{what}-{'empty' if what == 'bucket' else 'acl-empty'}", op, **at)
    two = {"ACL": "public-read", "GrantRead": f'uri="{LOGGERS}"'}
    s(f"put-{what}-two-type-acl", op, **at, **two)
    both = {"ACL": "public-read", "AccessControlPolicy": _acp(owner, [])}
    s(f"put-{what}-two-type-acl-acp", op, **at, **both)


@scenario("TestS3::test_s3_bucket_acl_exceptions")
def _(s: Story) -> None:
    b = {"Bucket": s.bucket(acls=True)}
    owner = s.do("get_bucket_acl", **b)["Owner"]["ID"]
    s("put-bucket-canned-acl", "put_bucket_acl", **b, ACL="fake-acl")
    _refused_lists(s, "bucket", "put_bucket_acl", b, owner)


@scenario("TestS3::test_s3_object_acl_exceptions")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(acls=True), "Key": "object-key-acl"}
    s("put-object-canned-acl", "put_object", **o, ACL="fake-acl")
    s.do("put_object", **o)
    owner = s.do("get_object_acl", **o)["Owner"]["ID"]
    s("put-object-acl-canned-acl", "put_object_acl", **o, ACL="fake-acl")
    _refused_lists(s, "object", "put_object_acl", o, owner)


@scenario("TestS3::test_s3_object_acl")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(acls=True), "Key": "object-key-acl"}
    s("put-object-default-acl", "put_object", **o)
    owner = s("get-object-acl-default", "get_object_acl", **o)["Owner"]["ID"]
    s("put-object-acl", "put_object_acl", **o, ACL="public-read")
    s("get-object-acl", "get_object_acl", **o)
    s.do("put_object_acl", **o, GrantRead=f'uri="{LOGGERS}"')
    s("get-object-grant-acl", "get_object_acl", **o)
    grants = [_grantee("CanonicalUser", "FULL_CONTROL", ID=owner), _grantee("Group", URI=LOGGERS)]
    s.do("put_object_acl", **o, AccessControlPolicy=_acp(owner, grants))
    s("get-object-acp-acl", "get_object_acl", **o)


@scenario("TestS3::test_put_object_acl_on_delete_marker")
def _(s: Story) -> None:
    b = s.bucket(acls=True)
    s.versioned(b)
    o = {"Bucket": b, "Key": "test-key-versioned"}
    s("put-obj-1", "put_object", **o, Body="something")
    s("put-obj-2", "put_object", **o, Body="something-v2")
    marker = {"VersionId": s("delete-object", "delete_object", **o)["VersionId"]}
    for label, which in (("", {}), ("-version-id", marker)):
        s(f"put-acl-delete-marker{label}", "put_object_acl", **o, **which, ACL="public-read")
        s(f"get-acl-delete-marker{label}", "get_object_acl", **o, **which)


# --- locks


@scenario("TestS3ObjectLock::test_get_put_object_lock_configuration")
def _(s: Story) -> None:
    b, put = {"Bucket": s.bucket(ObjectLockEnabledForBucket=True)}, "put_object_lock_configuration"
    s("get-lock-config-start", "get_object_lock_configuration", **b)
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    how: dict[str, Any] = {"ObjectLockEnabled": "Enabled"}
    s("put-lock-config", put, **b, ObjectLockConfiguration={**how, "Rule": rule})
    s("get-lock-config", "get_object_lock_configuration", **b)
    s("put-lock-config-enabled", put, **b, ObjectLockConfiguration=how)
    s("get-lock-config-only-enabled", "get_object_lock_configuration", **b)


@scenario("TestS3ObjectLock::test_put_object_lock_configuration_exc")
def _(s: Story) -> None:
    b, put = {"Bucket": s.bucket(ObjectLockEnabledForBucket=True)}, "put_object_lock_configuration"

    def ruled(**retention: Any) -> dict[str, Any]:
        return {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": retention}}

    for label, how in (
        ("no-enabled", {"Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}}),
        ("empty", {}),
        ("empty-rule", {"ObjectLockEnabled": "Enabled", "Rule": {}}),
        ("empty-retention", ruled()),
        ("no-days", ruled(Mode="GOVERNANCE")),
        ("bad-mode", ruled(Mode="BAD-VALUE", Days=1)),
        ("both-days-years", ruled(Mode="GOVERNANCE", Days=1, Years=1)),
    ):
        s(f"put-lock-config-{label}", put, **b, ObjectLockConfiguration=how)


@scenario("TestS3ObjectLock::test_disable_versioning_on_locked_bucket")
def _(s: Story) -> None:
    b, op = {"Bucket": s.bucket(ObjectLockEnabledForBucket=True)}, "put_bucket_versioning"
    suspended, enabled = {"Status": "Suspended"}, {"Status": "Enabled"}
    s("disable-versioning-on-locked-bucket", op, **b, VersioningConfiguration=suspended)
    s("enable-versioning-again-on-locked-bucket", op, **b, VersioningConfiguration=enabled)


@scenario("TestS3ObjectLock::test_delete_object_with_no_locking")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "test-delete-no-lock"}
    s.do("put_object", **o, Body="x")
    s("delete-object-bypass-no-lock", "delete_object", **o, BypassGovernanceRetention=True)
    s("delete-object-bypass-no-lock-false", "delete_object", **o, BypassGovernanceRetention=False)
    wanted = {"Delete": {"Objects": [{"Key": o["Key"]}]}, "BypassGovernanceRetention": True}
    s("delete-objects-bypass-no-lock", "delete_objects", Bucket=o["Bucket"], **wanted)


@scenario("TestS3ObjectLockRetention::test_object_lock_delete_markers")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(ObjectLockEnabledForBucket=True), "Key": "test-object-lock"}
    locked = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": s.after(minutes=10)}
    s("put-object-with-lock", "put_object", **o, Body="test-manual-lock 123", **locked)
    s.said["put-object-with-lock"].update(_as_recorded(s, "put-object-with-lock"))
    s("head-object-with-lock", "head_object", **o)
    s.said["head-object-with-lock"].update(_as_recorded(s, "head-object-with-lock"))
    marker = {"VersionId": s("put-delete-marker", "delete_object", **o)["VersionId"]}
    retention = {"Mode": "GOVERNANCE", "RetainUntilDate": s.after(minutes=10)}
    op = "put_object_retention"
    s("put-object-retention-delete-marker", op, **o, **marker, Retention=retention)
    s("get-object-retention-delete-marker", "get_object_retention", **o, **marker)
    s("head-object-locked-delete-marker", "head_object", **o, **marker)


def _as_recorded(s: Story, label: str) -> dict[str, str]:
    """The body is not known, only its size: what was made of it is as it was recorded."""
    told = {"ETag": '"f4b85168936b954f2d82998d6d3775c5"', "ChecksumCRC32": "l5fLBg=="}
    return {name: value for name, value in told.items() if name in s.said[label]}


@scenario("TestS3ObjectLockLegalHold::test_put_get_object_legal_hold")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(ObjectLockEnabledForBucket=True), "Key": "test-legal-hold"}
    put = "put_object_legal_hold"
    s("put-obj", "put_object", **o, Body="test")
    s("get-legal-hold-unset", "get_object_legal_hold", **o)
    s("put-object-legal-hold", put, **o, LegalHold={"Status": "ON"})
    s("head-object-with-legal-hold", "head_object", **o)
    s("get-legal-hold-set", "get_object_legal_hold", **o)
    s("put-object-legal-hold-off", put, **o, LegalHold={"Status": "OFF"})


@scenario("TestS3ObjectLockLegalHold::test_delete_locked_object")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(ObjectLockEnabledForBucket=True), "Key": "test-delete-locked"}
    put = "put_object_legal_hold"
    version = {"VersionId": s("put-obj", "put_object", **o, Body="test")["VersionId"]}
    s("put-object-legal-hold", put, **o, LegalHold={"Status": "ON"})
    s("delete-object-locked", "delete_object", **o, **version)
    wanted = {"Objects": [{"Key": o["Key"], **version}]}
    s("delete-objects-locked", "delete_objects", Bucket=o["Bucket"], Delete=wanted)
    s("put-object-legal-hold-off", put, **o, LegalHold={"Status": "OFF"})
