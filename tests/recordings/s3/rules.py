"""Lifecycle rules and what objects tell of them, and the configurations that are kept by name."""

from __future__ import annotations

import datetime
import json
from typing import Any

from recordings.s3.scenarios import scenario
from recordings.s3.story import Story

OF_LIFECYCLE = "TestS3BucketLifecycle::test_"
PUT, GET = "put_bucket_lifecycle_configuration", "get_bucket_lifecycle_configuration"
WEEK = {"Days": 7}
WHOLE = {"ID": "wholebucket", "Filter": {"Prefix": ""}, "Status": "Enabled", "Expiration": WEEK}


def _rule(name: str, found: dict[str, Any], **how: Any) -> dict[str, Any]:
    return {"ID": name, "Filter": found, "Status": "Enabled", **(how or {"Expiration": WEEK})}


def _ruled(s: Story, b: str, *rules: dict[str, Any]) -> None:
    s.do(PUT, Bucket=b, LifecycleConfiguration={"Rules": list(rules)})
    s("get-bucket-lifecycle-conf", GET, Bucket=b)


@scenario(f"{OF_LIFECYCLE}delete_bucket_lifecycle_configuration")
def _(s: Story) -> None:
    b = s.bucket()
    s("get-bucket-lifecycle-exc-1", GET, Bucket=b)
    s("delete-bucket-lifecycle-no-bucket", "delete_bucket_lifecycle", Bucket=b)
    _ruled(s, b, WHOLE)
    s.do("delete_bucket_lifecycle", Bucket=b)
    s("get-bucket-lifecycle-exc-2", GET, Bucket=b)


@scenario(f"{OF_LIFECYCLE}delete_lifecycle_configuration_on_bucket_deletion")
def _(s: Story) -> None:
    b = s.bucket()
    _ruled(s, b, WHOLE)
    s.do("delete_bucket", Bucket=b)
    s.do("create_bucket", Bucket=b)
    s("get-bucket-lifecycle-exc", GET, Bucket=b)


@scenario(f"{OF_LIFECYCLE}bucket_lifecycle_configuration_object_expiry")
def _(s: Story) -> None:
    b = s.bucket()
    _ruled(s, b, _rule("rule_number_one", {"Prefix": ""}))
    o = {"Bucket": b, "Key": "test-object-expiry"}
    s.do("put_object", **o, Body="test")
    s("head-object-expiry", "head_object", **o)
    s("get-object-expiry", "get_object", **o)


@scenario(f"{OF_LIFECYCLE}bucket_lifecycle_configuration_object_expiry_versioned")
def _(s: Story) -> None:
    b = s.bucket()
    s.versioned(b)
    noncurrent = {"NoncurrentVersionExpiration": {"NoncurrentDays": 1}}
    _ruled(s, b, _rule("rule2", {}, Expiration=WEEK, **noncurrent))
    o = {"Bucket": b, "Key": "test-object-expiry"}
    first = s.do("put_object", **o, Body="test")["VersionId"]
    s("head-object-expiry", "head_object", **o)
    second = s.do("put_object", **o, Body="test")["VersionId"]
    s("head-object-expiry-noncurrent", "head_object", **o, VersionId=first)
    s("head-object-expiry-current-with-version-id", "head_object", **o, VersionId=second)
    s("head-object-expiry-current-without-version-id", "head_object", **o)


@scenario(
    f"{OF_LIFECYCLE}object_expiry_after_bucket_lifecycle_configuration",
    "TestS3::test_object_expiry_after_bucket_lifecycle_configuration",
)
def _(s: Story) -> None:
    b = s.bucket()
    before, after = ({"Bucket": b, "Key": f"test-object-{one}"} for one in ("before", "after"))
    s("put-object-before", "put_object", **before, Body="test")
    _ruled(s, b, _rule("rule3", {}))
    s("head-object-expiry-before", "head_object", **before)
    s("put-object-after", "put_object", **after, Body="test")
    s("head-object-expiry-after", "head_object", **after)


@scenario(f"{OF_LIFECYCLE}bucket_lifecycle_multiple_rules")
def _(s: Story) -> None:
    b = s.bucket()
    names = (("rule_one", "testobject"), ("rule_two", "test"), ("rule_three", "t"))
    _ruled(s, b, *(_rule(name, {"Prefix": prefix}) for name, prefix in names))
    for label, key in (
        ("match-both-rules", "testobject-expiry"),
        ("match-rule-2", "test-object-expiry"),
        ("no-match", "no-rules"),
    ):
        s(f"put-object-{label}", "put_object", Bucket=b, Key=key, Body="test")


@scenario(f"{OF_LIFECYCLE}bucket_lifecycle_object_size_rules")
def _(s: Story) -> None:
    s.of_unknown_bytes("ChecksumCRC32")
    b = s.bucket()
    large = _rule("rule_one", {"ObjectSizeGreaterThan": 20})
    _ruled(s, b, large, _rule("rule_two", {"ObjectSizeLessThan": 10}))
    for label, size in (("match-rule-1", 22), ("match-rule-2", 5), ("no-match", 15)):
        s(f"put-object-{label}", "put_object", Bucket=b, Key=label, Body="a" * size)


@scenario(f"{OF_LIFECYCLE}bucket_lifecycle_tag_rules")
def _(s: Story) -> None:
    b = s.bucket()
    one = {"Key": "testlifecycle", "Value": "positive"}
    two = {"Key": "testlifecycletwo", "Value": "positive-two"}
    both = _rule("rule_two", {"And": {"Tags": [one, two]}})
    _ruled(s, b, _rule("rule_one", {"Tag": one}), both)
    for label, tags in (
        ("match-both-rules", "testlifecycle=positive&testlifecycletwo=positive-two"),
        ("match-rule-1", "testlifecycle=positive"),
        ("no-match", "testlifecycle=negative"),
        ("no-tags", ""),
    ):
        o = {"Bucket": b, "Key": label}
        s(f"put-object-{label}", "put_object", **o, Body="test", Tagging=tags)
        s(f"get-object-{label}", "get_object", **o)


@scenario(f"{OF_LIFECYCLE}bucket_lifecycle_configuration_date")
def _(s: Story) -> None:
    at = datetime.datetime(2100, 1, 1, tzinfo=datetime.UTC)
    _ruled(s, s.bucket(), _rule("rule_number_one", {}, Expiration={"Date": at}))


@scenario(f"{OF_LIFECYCLE}lifecycle_expired_object_delete_marker")
def _(s: Story) -> None:
    b = s.bucket()
    _ruled(s, b, _rule("rule-marker", {}, Expiration={"ExpiredObjectDeleteMarker": True}))
    o = {"Bucket": b, "Key": "test-object"}
    s("put-object", "put_object", **o, Body="test")
    s("head-object", "head_object", **o)


@scenario(f"{OF_LIFECYCLE}s3_transition_default_minimum_object_size")
def _(s: Story) -> None:
    b, how = s.bucket(), {"LifecycleConfiguration": {"Rules": [WHOLE]}}
    member = "TransitionDefaultMinimumObjectSize"
    for label, given in (
        ("varies-by-storage", {member: "varies_by_storage_class"}),
        ("default", {}),
        ("all-storage", {member: "all_storage_classes_128K"}),
    ):
        s(label, PUT, Bucket=b, **how, **given)
        s(f"get-{label}", GET, Bucket=b)
    s("bad-value", PUT, Bucket=b, **how, **{member: "value"})


@scenario(f"{OF_LIFECYCLE}put_bucket_lifecycle_conf_exc")
def _(s: Story) -> None:
    b = s.bucket()
    tag = {"Key": "k", "Value": "v"}
    noon = datetime.datetime(2100, 1, 1, 12, tzinfo=datetime.UTC)
    marker = {"ExpiredObjectDeleteMarker": True, "Days": 1}
    wrong_and = {"And": {"Prefix": "test"}, "Prefix": ""}
    sizes = {"And": {"ObjectSizeGreaterThan": 500}, "ObjectSizeLessThan": 500}
    for label, rule in (
        ("missing-id", {"Status": "Enabled", "Expiration": WEEK}),
        ("missing-filter", {"ID": "no-filter", "Status": "Enabled", "Expiration": WEEK}),
        (
            "missing-noncurrent-version-expiration-data",
            _rule("noncurrent", {}, NoncurrentVersionExpiration={}),
        ),
        ("wrong-filter-and-plus-prefix", _rule("and", wrong_and)),
        ("wrong-filter-and-and-object-size", _rule("sizes", sizes)),
        ("wrong-data-no-midnight", _rule("noon", {}, Expiration={"Date": noon})),
        ("duplicate-tag-keys", _rule("tags", {"And": {"Tags": [tag, tag]}})),
        ("expired-delete-marker-and-days", _rule("marker", {}, Expiration=marker)),
    ):
        s(label, PUT, Bucket=b, LifecycleConfiguration={"Rules": [rule]})


# --- by name: analytics, tiers, inventories, metrics


def _analysed(b: str, name: str, prefix: str, *, form: str = "CSV") -> dict[str, Any]:
    there = {"Bucket": f"arn:aws:s3:::{b}", "Format": form, "Prefix": "test"}
    export = {"OutputSchemaVersion": "V_1", "Destination": {"S3BucketDestination": there}}
    how = {"Id": name, "Filter": {"Prefix": prefix}, "StorageClassAnalysis": {"DataExport": export}}
    return {"Bucket": b, "Id": name, "AnalyticsConfiguration": how}


@scenario("TestS3::test_s3_analytics_configurations")
def _(s: Story) -> None:
    b, label = s.bucket(), "config_with_storage_analysis"
    put, get = "put_bucket_analytics_configuration", "get_bucket_analytics_configuration"
    one, two = f"{label}_1", f"{label}_2"
    s(f"put_{label}_err", put, **_analysed(b, one, "test_ls", form="PARQUET"))
    s(f"get_{label}_err", get, Bucket=b, Id="non-existent")
    delete = "delete_bucket_analytics_configuration"
    s(f"delete_{label}_err", delete, Bucket=b, Id="non-existent")
    s(f"put_{label}_1", put, **_analysed(b, one, "test_ls"))
    s(f"get_{label}_1", get, Bucket=b, Id=one)
    s.do(put, **_analysed(b, one, "test_ls_2"))
    s(f"get_{label}_2", get, Bucket=b, Id=one)
    s.do(put, **_analysed(b, two, "test_ls_3"))
    s(f"get_{label}_3", get, Bucket=b, Id=two)
    s(f"list_{label}_1", "list_bucket_analytics_configurations", Bucket=b)
    s.do(delete, Bucket=b, Id=two)
    s(f"list_{label}_2", "list_bucket_analytics_configurations", Bucket=b)


@scenario("TestS3::test_s3_intelligent_tier_config")
def _(s: Story) -> None:
    b, label = s.bucket(), "bucket_intelligent_tiering_configuration"
    put, get, delete = (f"{verb}_{label}" for verb in ("put", "get", "delete"))
    tier = {"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}

    def tiered(name: str, prefix: str, **other: Any) -> dict[str, Any]:
        how = {"Id": name, "Filter": {"Prefix": prefix}, "Status": "Enabled", "Tierings": [tier]}
        return {"Bucket": b, "Id": name, "IntelligentTieringConfiguration": {**how, **other}}

    s(f"put_{label}_err_1`", put, **tiered("test1", "test1", Status="On"))
    s(f"put_{label}_1", put, **tiered("test1", "test1"))
    s(f"get_{label}_1", get, Bucket=b, Id="test1")
    s.do(put, **tiered("test2", "test2"))
    s(f"list_{label}s_1", f"list_{label}s", Bucket=b)
    s.do(put, **tiered("test1", "testupdate"))
    s(f"list_{label}s_2", f"list_{label}s", Bucket=b)
    s(f"delete_{label}_err_1", delete, Bucket=f"{b}-none", Id="test1")
    s(f"delete_{label}_err_2", delete, Bucket=b, Id="test1_not_exist")
    s.do(delete, Bucket=b, Id="test1")
    s(f"list_{label}s_3", f"list_{label}s", Bucket=b)


def _inventory(name: str, b: str, **other: Any) -> dict[str, Any]:
    there = {"Bucket": f"arn:aws:s3:::{b}", "Format": "CSV"}
    return {
        "Id": name,
        "Destination": {"S3BucketDestination": there},
        "IsEnabled": True,
        "IncludedObjectVersions": "All",
        "Schedule": {"Frequency": "Daily"},
        **other,
    }


PUT_INVENTORY = "put_bucket_inventory_configuration"


@scenario("TestS3::test_s3_inventory_report_crud")
def _(s: Story) -> None:
    b, name = s.bucket(), "test-inventory"
    how = _inventory(name, s.bucket(), OptionalFields=["Size", "ETag"])
    at = {"Bucket": b, "Id": name}
    s("put-inventory-config", PUT_INVENTORY, **at, InventoryConfiguration=how)
    s("list-inventory-config", "list_bucket_inventory_configurations", Bucket=b)
    s("get-inventory-config", "get_bucket_inventory_configuration", **at)
    s("del-inventory-config", "delete_bucket_inventory_configuration", **at)
    s("list-inventory-config-after-del", "list_bucket_inventory_configurations", Bucket=b)
    s("get-nonexistent-inv-config", "get_bucket_inventory_configuration", **at)


@scenario("TestS3::test_put_bucket_inventory_config_order")
def _(s: Story) -> None:
    b, there = s.bucket(), s.bucket()
    for name in ("z-test", "a-test", "test-1"):
        how = _inventory(name, there)
        s.do(PUT_INVENTORY, Bucket=b, Id=name, InventoryConfiguration=how)
    s("list-inventory-config", "list_bucket_inventory_configurations", Bucket=b)
    label = "del-inventory-config"
    s(label, "delete_bucket_inventory_configuration", Bucket=b, Id="z-test")
    s("list-inventory-config-after-del", "list_bucket_inventory_configurations", Bucket=b)


@scenario("TestS3::test_s3_put_inventory_report_exceptions")
def _(s: Story) -> None:
    b, name = s.bucket(), "test-inventory"
    at = {"Bucket": b, "Id": name}

    def there(**other: str) -> dict[str, Any]:
        to = {"Bucket": f"arn:aws:s3:::{b}", "Format": "CSV", **other}
        return {"Destination": {"S3BucketDestination": to}}

    for label, other in (
        ("wrong-id", {"Id": "wrong-id"}),
        ("wrong-destination-arn", there(Bucket=b)),
        ("wrong-destination-format", there(Format="WRONG-FORMAT")),
        ("wrong-schedule-frequency", {"Schedule": {"Frequency": "Hourly"}}),
        ("wrong-object-versions", {"IncludedObjectVersions": "Wrong"}),
        ("wrong-optional-field", {"OptionalFields": ["TestField"]}),
    ):
        s(label, PUT_INVENTORY, **at, InventoryConfiguration=_inventory(name, b, **other))


# --- replication, logging


@scenario("TestS3BucketReplication::test_replication_config")
def _(s: Story) -> None:
    b, there = s.bucket(), s.bucket()
    s.versioned(there)
    put = "put_bucket_replication"
    role = _role(s)
    rule = {
        "ID": "rtc",
        "Priority": 1,
        "Filter": {"Prefix": "Tax"},
        "Status": "Enabled",
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{there}"},
    }
    how = {"Role": role, "Rules": [rule]}
    s("expected_error_no_replication_set", "get_bucket_replication", Bucket=b)
    label = "expected_error_versioning_not_enabled"
    s(label, put, Bucket=b, ReplicationConfiguration=how)
    s.versioned(b)
    s("put-bucket-replication", put, Bucket=b, ReplicationConfiguration=how)
    _replicated(s, "get-bucket-replication", b)
    label = "put-empty-bucket-replication-rules"
    s(label, put, Bucket=b, ReplicationConfiguration={"Role": role, "Rules": []})
    s("delete-bucket-replication", "delete_bucket_replication", Bucket=b)
    s("delete-bucket-replication-idempotent", "delete_bucket_replication", Bucket=b)


def _role(s: Story) -> str:
    trusted: dict[str, Any] = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    trusted["Principal"] = {"Service": "s3.amazonaws.com"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
    made = s.make("iam").create_role(RoleName="replicates", AssumeRolePolicyDocument=document)
    return made["Role"]["Arn"]


def _replicated(s: Story, label: str, b: str) -> None:
    """Tells the configuration with the words that were recorded in place of its names."""
    how = s(label, "get_bucket_replication", Bucket=b)["ReplicationConfiguration"]
    how["Role"] = "role"
    for rule in how["Rules"]:
        rule["Destination"]["Bucket"] = "dest-bucket"


@scenario("TestS3BucketReplication::test_replication_config_without_filter")
def _(s: Story) -> None:
    b, there = s.bucket(), s.bucket()
    s.versioned(b)
    put, role = "put_bucket_replication", _role(s)
    rule = {
        "ID": "rtc",
        "Priority": 0,
        "Filter": {},
        "Status": "Disabled",
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {
            "Bucket": f"arn:aws:s3:::{there}",
            "StorageClass": "STANDARD",
            "ReplicationTime": {"Status": "Enabled", "Time": {"Minutes": 15}},
            "Metrics": {"Status": "Enabled", "EventThreshold": {"Minutes": 15}},
        },
    }
    none = {**rule, "Destination": {**rule["Destination"], "Bucket": f"arn:aws:s3:::{b}-none"}}
    label = "expected_error_dest_does_not_exist"
    s(label, put, Bucket=b, ReplicationConfiguration={"Role": role, "Rules": [none]})
    how = {"Role": role, "Rules": [rule]}
    label = "expected_error_dest_versioning_disabled"
    s(label, put, Bucket=b, ReplicationConfiguration=how)
    s.versioned(there)
    s("put-bucket-replication", put, Bucket=b, ReplicationConfiguration=how)
    _replicated(s, "get-bucket-replication", b)


def _logged(b: str, **more: Any) -> dict[str, Any]:
    return {"LoggingEnabled": {"TargetBucket": b, "TargetPrefix": "log", **more}}


@scenario("TestS3BucketLogging::test_put_bucket_logging")
def _(s: Story) -> None:
    b, there, put = s.bucket(), s.bucket(), "put_bucket_logging"
    s("get-bucket-logging-default", "get_bucket_logging", Bucket=b)
    s("get-bucket-default-acl", "get_bucket_acl", Bucket=b)
    s("put-bucket-logging", put, Bucket=b, BucketLoggingStatus=_logged(there))
    s("get-bucket-logging", "get_bucket_logging", Bucket=b)
    s("put-bucket-logging-delete", put, Bucket=b, BucketLoggingStatus={})


@scenario("TestS3BucketLogging::test_put_bucket_logging_accept_wrong_grants")
def _(s: Story) -> None:
    b, there = s.bucket(), s.bucket()
    who = {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/s3/LogDelivery"}
    grants = [{"Grantee": who, "Permission": one} for one in ("WRITE", "READ_ACP")]
    how = _logged(there, TargetGrants=grants)
    s("put-bucket-logging", "put_bucket_logging", Bucket=b, BucketLoggingStatus=how)
    s("get-bucket-logging", "get_bucket_logging", Bucket=b)


def _in(s: Story, region: str) -> tuple[Any, str]:
    client = s.make("s3", region_name=region)
    name = f"{region}-{s.account}"
    where = {"CreateBucketConfiguration": {"LocationConstraint": region}}
    client.create_bucket(Bucket=name, **({} if region == "us-east-1" else where))
    return client, name


@scenario("TestS3BucketLogging::test_put_bucket_logging_wrong_target")
def _(s: Story) -> None:
    b, (_, there) = s.bucket(), _in(s, "us-west-2")
    put = "put_bucket_logging"
    label = "put-bucket-logging-different-regions"
    s(label, put, Bucket=b, BucketLoggingStatus=_logged(there))
    label = "put-bucket-logging-non-existent-bucket"
    s(label, put, Bucket=b, BucketLoggingStatus=_logged(f"{b}-none"))


@scenario("TestS3BucketLogging::test_put_bucket_logging_cross_locations")
def _(s: Story) -> None:
    east, (west, b) = s.bucket(), _in(s, "us-west-1")
    _, there = _in(s, "us-west-2")
    put = "put_bucket_logging"
    label = "put-bucket-logging-cross-us-east-1"
    s(label, put, Bucket=east, BucketLoggingStatus=_logged(there))
    label = "put-bucket-logging-different-regions"
    s.of(west, label, put, Bucket=b, BucketLoggingStatus=_logged(there))
