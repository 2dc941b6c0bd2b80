"""What is configured on buckets, and what is refused there."""

from __future__ import annotations

import datetime
import json
from typing import Any

from recordings.s3.scenarios import scenario
from recordings.s3.story import Story

# --- encryption


def _sse(**how: Any) -> dict[str, Any]:
    enabled = how.pop("BucketKeyEnabled", None)
    rule: dict[str, Any] = {"ApplyServerSideEncryptionByDefault": how}
    if enabled is not None:
        rule["BucketKeyEnabled"] = enabled
    return {"Rules": [rule]}


@scenario("TestS3BucketEncryption::test_s3_default_bucket_encryption")
def _(s: Story) -> None:
    b = {"Bucket": s.bucket()}
    s("default-bucket-encryption", "get_bucket_encryption", **b)
    s("delete-bucket-encryption", "delete_bucket_encryption", **b)
    s("delete-bucket-encryption-idempotent", "delete_bucket_encryption", **b)
    s("get-bucket-no-encryption", "get_bucket_encryption", **b)


@scenario("TestS3BucketEncryption::test_s3_default_bucket_encryption_exc")
def _(s: Story) -> None:
    b = {"Bucket": s.bucket()}
    none, op = {"Bucket": f"{b['Bucket']}-none"}, "put_bucket_encryption"
    aes = _sse(SSEAlgorithm="AES256", BucketKeyEnabled=True)
    s("get-bucket-enc-no-bucket", "get_bucket_encryption", **none)
    s("delete-bucket-enc-no-bucket", "delete_bucket_encryption", **none)
    s("put-bucket-enc-no-bucket", op, **none, ServerSideEncryptionConfiguration=aes)
    given = {"no-rules": {"Rules": []}, "two-rules": {"Rules": aes["Rules"] * 2}}
    given["kms-with-aes"] = _sse(SSEAlgorithm="AES256", KMSMasterKeyID="randomkeyid")
    for label, rules in given.items():
        s(f"put-bucket-encryption-{label}", op, **b, ServerSideEncryptionConfiguration=rules)


@scenario("TestS3BucketEncryption::test_s3_bucket_encryption_sse_s3")
def _(s: Story) -> None:
    b = s.bucket()
    aes = _sse(SSEAlgorithm="AES256", BucketKeyEnabled=True)
    op = "put_bucket_encryption"
    s("put-bucket-enc", op, Bucket=b, ServerSideEncryptionConfiguration=aes)
    o = {"Bucket": b, "Key": "key-test-encrypted"}
    s("put-object-encrypted", "put_object", **o, Body="test-encrypted")
    s("head-object-encrypted", "head_object", **o)
    s("get-object-encrypted", "get_object", **o)


# --- owners, the public, policies, acceleration


@scenario("TestS3BucketOwnershipControls::test_crud_bucket_ownership_controls")
def _(s: Story) -> None:
    b = {"Bucket": s.bucket()}
    get, delete = "get_bucket_ownership_controls", "delete_bucket_ownership_controls"
    s("default-ownership", get, **b)
    rules = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    s("put-ownership", "put_bucket_ownership_controls", **b, OwnershipControls=rules)
    s("get-ownership", get, **b)
    s("delete-ownership", delete, **b)
    s("get-ownership-after-delete", get, **b)
    s("delete-ownership-after-delete", delete, **b)
    preferred = s.bucket(ObjectOwnership="BucketOwnerPreferred")
    s("get-ownership-at-creation", get, Bucket=preferred)


@scenario("TestS3BucketOwnershipControls::test_bucket_ownership_controls_exc")
def _(s: Story) -> None:
    b = {"Bucket": s.bucket()}
    s("default-ownership", "get_bucket_ownership_controls", **b)
    one = {"ObjectOwnership": "BucketOwnerPreferred"}
    for label, rules in (
        ("multiple-rules", [one, {"ObjectOwnership": "ObjectWriter"}]),
        ("wrong-value", [{"ObjectOwnership": "RandomValue"}]),
        ("empty-rule", []),
    ):
        given = {"OwnershipControls": {"Rules": rules}}
        s(f"put-ownership-{label}", "put_bucket_ownership_controls", **b, **given)
    new = {"Bucket": f"{b['Bucket']}-new"}
    s("ownership-wrong-value-at-creation", "create_bucket", **new, ObjectOwnership="RandomValue")
    s("ownership-non-value-at-creation", "create_bucket", **new, ObjectOwnership="")


@scenario("TestS3PublicAccessBlock::test_crud_public_access_block")
def _(s: Story) -> None:
    b = {"Bucket": s.bucket()}
    get, delete = "get_public_access_block", "delete_public_access_block"
    s("get-default-public-access-block", get, **b)
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    block = dict.fromkeys(names, False)
    op = "put_public_access_block"
    s("put-public-access-block", op, **b, PublicAccessBlockConfiguration=block)
    s("get-public-access-block", get, **b)
    s("delete-public-access-block", delete, **b)
    s("get-public-access-block-after-delete", get, **b)
    s("idempotent-delete-public-access-block", delete, **b)


@scenario("TestS3BucketPolicy::test_bucket_policy_exc")
def _(s: Story) -> None:
    b, op = {"Bucket": s.bucket()}, "put_bucket_policy"
    s("put-empty-bucket-policy", op, **b, Policy="")
    s("put-bucket-policy-randomstring", op, **b, Policy="random string")
    s("put-bucket-policy-empty-json", op, **b, Policy="{}")


def _policy(b: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{b}/*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _open(s: Story) -> dict[str, str]:
    """A bucket whose policy may be for everybody."""
    b = s.bucket()
    s.do("delete_public_access_block", Bucket=b)
    return {"Bucket": b}


def _told(s: Story, label: str, **at: str) -> None:
    answer = s(label, "get_bucket_policy", **at)
    if "Policy" in answer:
        answer["Policy"] = json.loads(answer["Policy"])


@scenario("TestS3BucketPolicy::test_bucket_policy_crud")
def _(s: Story) -> None:
    b = _open(s)
    s("get-bucket-default-policy", "get_bucket_policy", **b)
    s("put-bucket-policy", "put_bucket_policy", **b, Policy=_policy(b["Bucket"]))
    _told(s, "get-bucket-policy", **b)
    s("delete-bucket-policy", "delete_bucket_policy", **b)
    s("get-bucket-policy-after-delete", "get_bucket_policy", **b)
    s("delete-bucket-policy-after-delete", "delete_bucket_policy", **b)


@scenario("TestS3::test_get_bucket_policy")
def _(s: Story) -> None:
    b = _open(s)
    s("get-bucket-policy-no-such-bucket-policy", "get_bucket_policy", **b)
    s.do("put_bucket_policy", **b, Policy=_policy(b["Bucket"]))
    _told(s, "get-bucket-policy", **b)
    _told(s, "get-bucket-policy-with-expected-bucket-owner", **b, ExpectedBucketOwner=s.account)
    label = "get-bucket-policy-with-expected-bucket-owner-error"
    _told(s, label, **b, ExpectedBucketOwner="000000000002")


INVALID = ("0000", "0000000000020", "abcd", "aa000000000$")


@scenario(
    *(f"TestS3::test_get_bucket_policy_invalid_account_id[{one}]" for one in INVALID),
    *(f"TestS3::test_put_bucket_policy_invalid_account_id[{one}]" for one in INVALID),
)
def _(s: Story) -> None:
    b = _open(s)
    wrong = s.name.partition("[")[2][:-1]
    how = "put" if "::test_put" in s.name else "get"
    given = {"Policy": _policy(b["Bucket"])} if how == "put" else {}
    label = f"{how}-bucket-policy-invalid-bucket-owner"
    s(label, f"{how}_bucket_policy", **b, **given, ExpectedBucketOwner=wrong)


@scenario("TestS3BucketAccelerateConfiguration::test_bucket_acceleration_configuration_crud")
def _(s: Story) -> None:
    b, get = {"Bucket": s.bucket()}, "get_bucket_accelerate_configuration"
    put = "put_bucket_accelerate_configuration"
    s("get-bucket-default-accelerate-config", get, **b)
    for label, status in (("enabled", "Enabled"), ("disabled", "Suspended")):
        label = f"bucket-accelerate-config-{label}"
        s(f"put-{label}", put, **b, AccelerateConfiguration={"Status": status})
        s(f"get-{label}", get, **b)


@scenario("TestS3BucketAccelerateConfiguration::test_bucket_acceleration_configuration_exc")
def _(s: Story) -> None:
    b = s.bucket()
    dotted = f"dotted.{b}"
    s.do("create_bucket", Bucket=dotted)
    for label, bucket, status in (
        ("lowercase", b, "enabled"),
        ("random", b, "random"),
        ("dot-bucket", dotted, "Enabled"),
    ):
        given = {"Bucket": bucket, "AccelerateConfiguration": {"Status": status}}
        label = f"put-bucket-accelerate-config-{label}"
        s(label, "put_bucket_accelerate_configuration", **given)


@scenario("TestS3::test_s3_request_payer")
def _(s: Story) -> None:
    b, how = {"Bucket": s.bucket()}, {"Payer": "Requester"}
    op = "put_bucket_request_payment"
    s("put-bucket-request-payment", op, **b, RequestPaymentConfiguration=how)
    s("get-bucket-request-payment", "get_bucket_request_payment", **b)


@scenario("TestS3::test_s3_request_payer_exceptions")
def _(s: Story) -> None:
    b, op = s.bucket(), "put_bucket_request_payment"
    s("wrong-payer-type", op, Bucket=b, RequestPaymentConfiguration={"Payer": "Random"})
    how = {"Payer": "Requester"}
    s("wrong-bucket-name", op, Bucket=f"{b}-none", RequestPaymentConfiguration=how)


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


def _until(**later: int) -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC) + datetime.timedelta(**later)


@scenario("TestS3ObjectLockRetention::test_object_lock_delete_markers")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(ObjectLockEnabledForBucket=True), "Key": "test-object-lock"}
    locked = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": _until(minutes=10)}
    s("put-object-with-lock", "put_object", **o, Body="test-manual-lock 123", **locked)
    s.said["put-object-with-lock"].update(_as_recorded(s, "put-object-with-lock"))
    s("head-object-with-lock", "head_object", **o)
    s.said["head-object-with-lock"].update(_as_recorded(s, "head-object-with-lock"))
    marker = {"VersionId": s("put-delete-marker", "delete_object", **o)["VersionId"]}
    retention = {"Mode": "GOVERNANCE", "RetainUntilDate": _until(minutes=10)}
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


# --- the rest


@scenario("TestS3Cors::test_get_cors")
def _(s: Story) -> None:
    b = {"Bucket": s.bucket()}
    s("get-cors-no-set", "get_bucket_cors", **b)
    rules = [{"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}]
    s.do("put_bucket_cors", **b, CORSConfiguration={"CORSRules": rules})
    s("get-cors-after-set", "get_bucket_cors", **b)


@scenario("TestS3Cors::test_delete_cors")
def _(s: Story) -> None:
    b = {"Bucket": s.bucket()}
    s("delete-cors-before-set", "delete_bucket_cors", **b)
    rules = [{"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}]
    s("put-cors", "put_bucket_cors", **b, CORSConfiguration={"CORSRules": rules})
    s("get-cors", "get_bucket_cors", **b)
    s("delete-cors", "delete_bucket_cors", **b)
    s("get-cors-deleted", "get_bucket_cors", **b)


@scenario("TestS3Cors::test_put_cors_invalid_rules")
def _(s: Story) -> None:
    b = {"Bucket": s.bucket()}
    rules = [{"AllowedOrigins": ["*"], "AllowedMethods": ["MYMETHOD"]}]
    s("put-cors-exc", "put_bucket_cors", **b, CORSConfiguration={"CORSRules": rules})
    s("put-cors-exc-empty", "put_bucket_cors", **b, CORSConfiguration={"CORSRules": []})


@scenario("TestS3StaticWebsiteHosting::test_crud_website_configuration")
def _(s: Story) -> None:
    b = {"Bucket": s.bucket()}
    s("get-no-such-website-config", "get_bucket_website", **b)
    s("del-no-such-website-config", "delete_bucket_website", **b)
    how = {"IndexDocument": {"Suffix": "index.html"}}
    s("put-website-config", "put_bucket_website", **b, WebsiteConfiguration=how)
    s("get-website-config", "get_bucket_website", **b)


@scenario("TestS3StaticWebsiteHosting::test_validate_website_configuration")
def _(s: Story) -> None:
    b = {"Bucket": s.bucket()}
    index = {"IndexDocument": {"Suffix": "index.html"}}
    redirect = {"HostName": "test.com", "Protocol": "http"}

    def routed(*rules: dict[str, Any]) -> dict[str, Any]:
        return {**index, "RoutingRules": list(rules)}

    both = {"ReplaceKeyPrefixWith": "a", "ReplaceKeyWith": "b"}
    prefix = {"Condition": {"KeyPrefixEquals": "p"}}
    for number, how in enumerate(
        (
            {"IndexDocument": {"Suffix": "/index.html"}},
            {"IndexDocument": {"Suffix": ""}},
            {**index, "RedirectAllRequestsTo": redirect},
            {"ErrorDocument": {"Key": "error.html"}},
            routed({**prefix, "Redirect": {"Protocol": "protocol"}}),
            routed({**prefix, "Redirect": both}),
            routed({"Condition": {}, "Redirect": {"ReplaceKeyWith": "a"}}),
            routed({**prefix, "Redirect": {}}),
        )
    ):
        s(f"invalid-website-conf-{number}", "put_bucket_website", **b, WebsiteConfiguration=how)


@scenario("TestS3::test_bucket_operation_between_regions")
def _(s: Story) -> None:
    west, east = s.make("s3", region_name="us-west-2"), s.s3
    b = {"Bucket": f"between-{s.account}"}
    where = {"LocationConstraint": "us-west-2"}
    west.create_bucket(**b, CreateBucketConfiguration=where)
    index = {"IndexDocument": {"Suffix": "index.html"}}
    rules = {"CORSRules": [{"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}]}
    label = "put-website-config-region-1"
    s.of(west, label, "put_bucket_website", **b, WebsiteConfiguration=index)
    s.of(west, "put-cors-config-region-1", "put_bucket_cors", **b, CORSConfiguration=rules)
    s.of(east, "get-website-config-region-2", "get_bucket_website", **b)
    s.of(east, "get-cors-config-region-2", "get_bucket_cors", **b)


def _noted(**rule: str) -> dict[str, Any]:
    one = {
        "LambdaFunctionArn": "arn:aws:lambda:us-east-1:111111111111:function:f",
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [rule] if rule else [{}]}},
    }
    return {"LambdaFunctionConfigurations": [one]}


@scenario(
    "TestS3BucketNotificationConfiguration::test_bucket_notification_with_missing_values_in_rule"
)
def _(s: Story) -> None:
    b, op = {"Bucket": s.bucket()}, "put_bucket_notification_configuration"
    s("invalid-rule-no-values", op, **b, NotificationConfiguration=_noted())
    s("invalid-rule-no-value", op, **b, NotificationConfiguration=_noted(Name="Prefix"))
    s("invalid-rule-no-name", op, **b, NotificationConfiguration=_noted(Value="prefix"))


@scenario(
    "TestS3BucketNotificationConfiguration::test_bucket_notification_with_invalid_filter_rules"
)
def _(s: Story) -> None:
    b, op = {"Bucket": s.bucket()}, "put_bucket_notification_configuration"
    wrong = _noted(Name="INVALID", Value="does not matter")
    s("invalid_filter_name", op, **b, NotificationConfiguration=wrong)


@scenario("TestS3ObjectCRUD::test_get_object_range")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "test-range"}
    s.do("put_object", **o, Body="0123456789")
    s("get-0-8-checksum", "get_object", **o, Range="bytes=0-8", ChecksumMode="ENABLED")
    for wanted in (
        *("0-8", "1-1", "1-0", "1-", "-1-", "-2", "-9", "-15", "0-100", "0-0", "0--1", "-", "-0"),
        "100-200",
    ):
        s(f"get-{wanted}", "get_object", **o, Range=f"bytes={wanted}")
    s("get-multiple-ranges", "get_object", **o, Range="bytes=0-1,3-4,7-9")
    s("get-wrong-format", "get_object", **o, Range="0-1")
    s("put-after-failed", "put_object", **o, Body="another body")
    told = {"ETag": '"be497c2168e374f414a351c49379c01a"', "ChecksumCRC32": "/Im61Q=="}
    s.said["put-after-failed"].update(told)  # of another body


@scenario("TestS3Multipart::test_upload_part_copy_range")
def _(s: Story) -> None:
    b = s.bucket()
    s("put-src-object", "put_object", Bucket=b, Key="src", Body="0123456789")
    o = {"Bucket": b, "Key": "test-upload-part-copy"}
    o["UploadId"] = s("create-multipart", "create_multipart_upload", **o)["UploadId"]
    copy = {**o, "CopySource": f"{b}/src"}
    for number, wanted in enumerate(("0-8", "1-1", "0-0"), 1):
        given = {"PartNumber": number, "CopySourceRange": f"bytes={wanted}"}
        s(f"upload-part-copy-{number}", "upload_part_copy", **copy, **given)
    s("list-parts", "list_parts", **o)
    wrong = {"PartNumber": 1, "CopySourceRange": "0-8"}
    s("upload-part-copy-wrong-format", "upload_part_copy", **copy, **wrong)
    for wanted in (
        *("1-0", "-1-", "0--1", "0-1,3-4,7-9", "-", "-0", "0-100", "100-200", "1-", "-2", "-15"),
    ):
        given = {"PartNumber": 1, "CopySourceRange": f"bytes={wanted}"}
        s(f"upload-part-copy-range-exc-{wanted}", "upload_part_copy", **copy, **given)


# --- metrics

METRICS = "bucket_metrics_configuration"


def _metrics(s: Story, *numbers: int, prefix: str = "logs/") -> tuple[dict[str, str], list[str]]:
    """A bucket with metrics of these numbers; gives it and their ids."""
    b = {"Bucket": s.bucket()}
    ids = [f"metrics-{number}" for number in numbers]
    for one in ids:
        how = {"Id": one, "Filter": {"Prefix": prefix}}
        s.do(f"put_{METRICS}", **b, Id=one, MetricsConfiguration=how)
    return b, ids


METRICS_OF = "TestS3MetricsConfiguration::test_"


@scenario(f"{METRICS_OF}put_bucket_metrics_configuration")
def _(s: Story) -> None:
    b = {"Bucket": s.bucket()}
    how = {"Id": "one", "Filter": {"Prefix": "logs/"}}
    s(f"put_{METRICS}", f"put_{METRICS}", **b, Id="one", MetricsConfiguration=how)
    s(f"get_{METRICS}", f"get_{METRICS}", **b, Id="one")


@scenario(f"{METRICS_OF}overwrite_bucket_metrics_configuration")
def _(s: Story) -> None:
    b, (one,) = _metrics(s, 1)
    how = {"Id": one, "Filter": {"Prefix": "logs/new-prefix"}}
    s(f"overwrite_{METRICS}", f"put_{METRICS}", **b, Id=one, MetricsConfiguration=how)
    s(f"get_{METRICS}", f"get_{METRICS}", **b, Id=one)


@scenario(f"{METRICS_OF}list_bucket_metrics_configurations")
def _(s: Story) -> None:
    b, _ = _metrics(s, 1, 2, prefix="logs/prefix")
    s(f"list_{METRICS}s", f"list_{METRICS}s", **b)


@scenario(f"{METRICS_OF}get_bucket_metrics_configuration")
def _(s: Story) -> None:
    b, (one,) = _metrics(s, 1)
    s(f"get_{METRICS}", f"get_{METRICS}", **b, Id=one)


@scenario(f"{METRICS_OF}get_bucket_metrics_configuration_not_exist")
def _(s: Story) -> None:
    s(f"get_{METRICS}", f"get_{METRICS}", Bucket=s.bucket(), Id="none")


@scenario(f"{METRICS_OF}delete_metrics_configuration")
def _(s: Story) -> None:
    b, (one,) = _metrics(s, 1)
    s(f"delete_{METRICS}", f"delete_{METRICS}", **b, Id=one)
    s(f"get_{METRICS}", f"get_{METRICS}", **b, Id=one)


@scenario(f"{METRICS_OF}delete_metrics_configuration_twice")
def _(s: Story) -> None:
    b, (one,) = _metrics(s, 1)
    s(f"delete_{METRICS}_1", f"delete_{METRICS}", **b, Id=one)
    s(f"delete_{METRICS}_2", f"delete_{METRICS}", **b, Id=one)
