"""Buckets: where they are, who has them, what they are called, and how they are listed."""

from __future__ import annotations

import json
from typing import Any

from recordings.s3.scenarios import scenario
from recordings.s3.story import Story

CREATE = "create_bucket"


def _where(region: str | None) -> dict[str, Any]:
    return {"CreateBucketConfiguration": {"LocationConstraint": region} if region else {}}


def _name(s: Story, which: str = "one") -> str:
    return f"{which}-{s.account}"


@scenario("TestS3::test_delete_bucket_no_such_bucket")
def _(s: Story) -> None:
    s("expected_error", "delete_bucket", Bucket="does-not-exist-localstack-test")


@scenario("TestS3::test_get_bucket_notification_configuration_no_such_bucket")
def _(s: Story) -> None:
    s("expected_error", "get_bucket_notification_configuration", Bucket=_name(s))


@scenario("TestS3::test_bucket_availability")
def _(s: Story) -> None:
    b = _name(s)
    s("bucket-lifecycle", "get_bucket_lifecycle_configuration", Bucket=b)
    s("bucket-replication", "get_bucket_replication", Bucket=b)


@scenario("TestS3::test_bucket_exists")
def _(s: Story) -> None:
    b = s.bucket()
    rule = {"AllowedMethods": ["GET", "POST", "PUT", "DELETE"], "AllowedOrigins": ["localhost"]}
    s.do("put_bucket_cors", Bucket=b, CORSConfiguration={"CORSRules": [rule]})
    s("get-bucket-cors", "get_bucket_cors", Bucket=b)
    s("get-bucket-acl", "get_bucket_acl", Bucket=b)
    s("get-bucket-not-exists", "get_bucket_acl", Bucket="bucket-not-exists")


@scenario("TestS3::test_s3_uppercase_bucket_name")
def _(s: Story) -> None:
    s("uppercase-bucket", CREATE, Bucket=f"testUPPER-{s.account}")


@scenario("TestS3::test_create_bucket_with_existing_name")
def _(s: Story) -> None:
    b, west = _name(s), "us-west-1"
    s.make("s3", region_name=west).create_bucket(Bucket=b, **_where(west))
    for region in (west, "us-east-2"):
        client = s.make("s3", region_name=region)
        s.of(client, f"create-bucket-{region}", CREATE, Bucket=b, **_where(region))


@scenario("TestS3::test_different_location_constraint")
def _(s: Story) -> None:
    one, two, three = "us-east-1", "us-east-2", "us-west-1"
    clients = {region: s.make("s3", region_name=region) for region in (one, two, three)}
    get = "get_bucket_location"
    s("get-bucket-location-bucket-us-east-1", get, Bucket=s.bucket())
    s("create-bucket-constraint-us-east-1", CREATE, Bucket=_name(s, "a"), **_where(one))
    label = "create-bucket-constraint-us-east-1-with-None"
    s(label, CREATE, Bucket=_name(s, "b"), **_where(None))
    clients[two].create_bucket(Bucket=_name(s, "c"), **_where(two))
    s.of(clients[two], "get-bucket-location-bucket-us-east-2", get, Bucket=_name(s, "c"))
    label = "create-bucket-us-east-2-no-constraint-exc"
    s.of(clients[two], label, CREATE, Bucket=_name(s, "d"))
    label = "create-bucket-constraint-us-east-2-with-None"
    s.of(clients[two], label, CREATE, Bucket=_name(s, "d"), **_where(None))
    for here, there in ((two, three), (three, two), (three, one)):
        label = f"create-bucket-{here}-constraint-to-{there}"
        s.of(clients[here], label, CREATE, Bucket=_name(s, "d"), **_where(there))
    s("get-bucket-location-non-existent-bucket", get, Bucket=_name(s, "none"))


@scenario("TestS3::test_create_bucket_with_eu_location_constraint")
def _(s: Story) -> None:
    b, ireland = _name(s), s.make("s3", region_name="eu-west-1")
    ireland.create_bucket(Bucket=b, **_where("EU"))
    s.of(ireland, "get-bucket-location", "get_bucket_location", Bucket=b)
    s.of(ireland, "list-bucket-response", "list_buckets", Prefix=b)


@scenario("TestS3::test_create_bucket_with_eu_location_constraint_raises")
def _(s: Story) -> None:
    other = s.make("s3", region_name="us-west-2")
    s.of(other, "eu-location-constraint-error", CREATE, Bucket=_name(s), **_where("EU"))


@scenario(
    *(
        f"TestS3::test_create_bucket_with_invalid_location_constraint[{region}-{where}]"
        for region, where in (
            ("us-east-1", "us-east-1"),
            ("us-east-1", "foo"),
            ("eu-west-1", "bar"),
        )
    )
)
def _(s: Story) -> None:
    both = s.name.partition("[")[2][:-1]
    region, where = both[:9], both[10:]
    client = s.make("s3", region_name=region)
    label = f"{region}-location-constraint-{where}-error"
    s.of(client, label, CREATE, Bucket=_name(s), **_where(where))


@scenario(*(f"TestS3::test_bucket_constraint_aws_global[{r}]" for r in ("us-east-1", "us-west-1")))
def _(s: Story) -> None:
    client = s.make("s3", region_name=s.name.partition("[")[2][:-1])
    s.of(client, "aws-global-constraint", CREATE, Bucket=_name(s), **_where("aws-global"))


@scenario("TestS3::test_region_header_exists_outside_us_east_1")
def _(s: Story) -> None:
    b, region = _name(s), "eu-west-1"
    client = s.make("s3", region_name=region)
    client.create_bucket(Bucket=b, **_where(region))
    s.of(client, "head_bucket", "head_bucket", Bucket=b)
    s.of(client, "list_objects_v2", "list_objects_v2", Bucket=b)


@scenario("TestS3BucketObjectTagging::test_create_bucket_with_tags")
def _(s: Story) -> None:
    tags = {"Tags": [{"Key": "tag1", "Value": "value1"}]}
    s("create-bucket-with-tags", CREATE, Bucket=_name(s), CreateBucketConfiguration=tags)
    s("get-bucket-tags", "get_bucket_tagging", Bucket=_name(s))


# --- policies


def _policied(s: Story) -> tuple[dict[str, str], str]:
    """A bucket, and a policy for everybody that it would take."""
    b = s.bucket()
    s.do("delete_public_access_block", Bucket=b)
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": {"AWS": "*"}}
    statement.update(Action="s3:GetObject", Resource=f"arn:aws:s3:::{b}/*")
    return {"Bucket": b}, json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@scenario("TestS3::test_put_bucket_policy")
def _(s: Story) -> None:
    b, policy = _policied(s)
    s("put-bucket-policy", "put_bucket_policy", **b, Policy=policy)
    told = s("get-bucket-policy", "get_bucket_policy", **b)
    told["Policy"] = json.loads(told["Policy"])


@scenario("TestS3::test_delete_bucket_policy")
def _(s: Story) -> None:
    b, policy = _policied(s)
    s.do("put_bucket_policy", **b, Policy=policy)
    s("delete-bucket-policy", "delete_bucket_policy", **b)
    s("get-bucket-policy-no-such-bucket-policy", "get_bucket_policy", **b)


@scenario("TestS3::test_put_bucket_policy_expected_bucket_owner")
def _(s: Story) -> None:
    b, policy = _policied(s)
    label, put = "put-bucket-policy-with-expected-bucket-owner", "put_bucket_policy"
    s(f"{label}-error", put, **b, Policy=policy, ExpectedBucketOwner="000000000002")
    s(label, put, **b, Policy=policy, ExpectedBucketOwner=s.account)


@scenario("TestS3::test_delete_bucket_policy_expected_bucket_owner")
def _(s: Story) -> None:
    b, policy = _policied(s)
    s.do("put_bucket_policy", **b, Policy=policy)
    label, delete = "delete-bucket-policy-with-expected-bucket-owner", "delete_bucket_policy"
    s(f"{label}-error", delete, **b, ExpectedBucketOwner="000000000002")
    s("delete-bucket-policy-invalid-bucket-owner", delete, **b, ExpectedBucketOwner="invalid")
    s(label, delete, **b, ExpectedBucketOwner=s.account)


# --- lists


OF_LISTS = "TestS3ListBuckets::test_list_buckets_"


@scenario(
    f"{OF_LISTS}with_max_buckets",
    f"{OF_LISTS}with_continuation_token",
    f"{OF_LISTS}when_continuation_token_is_empty",
)
def _(s: Story) -> None:
    for which in ("a", "b", "c"):
        s.do(CREATE, Bucket=_name(s, which))
    if s.name.endswith("max_buckets"):
        s("list-objects-with-max-buckets", "list_buckets", MaxBuckets=1)
    elif s.name.endswith("is_empty"):
        given = {"ContinuationToken": "", "MaxBuckets": 1}
        s("list-objects-with-empty-continuation-token", "list_buckets", **given)
    else:
        token = s.do("list_buckets", MaxBuckets=1)["ContinuationToken"]
        given = {"ContinuationToken": token, "MaxBuckets": 1}
        s("list-objects-with-continuation", "list_buckets", **given)


@scenario(f"{OF_LISTS}by_prefix_with_case_sensitivity")
def _(s: Story) -> None:
    b = s.bucket()
    s("list-objects-by-prefix-empty", "list_buckets", Prefix=b.upper())
    s("list-objects-by-prefix-not-empty", "list_buckets", Prefix=b)


@scenario(f"{OF_LISTS}by_bucket_region")
def _(s: Story) -> None:
    b = s.bucket()
    label = "list-objects-by-bucket-region"
    s(f"{label}-empty", "list_buckets", Prefix=b, BucketRegion="eu-central-1")
    s(f"{label}-not-empty", "list_buckets", Prefix=b, BucketRegion="us-east-1")


@scenario(f"{OF_LISTS}region_validation")
def _(s: Story) -> None:
    s("bad-region", "list_buckets", BucketRegion="eu-east-1")


@scenario(
    *(
        f"TestS3ListObjectsV2::test_list_ops_encoding_type_validation[{operation}]"
        for operation in (
            "list_objects_v2",
            "list_objects",
            "list_object_versions",
            "list_multipart_uploads",
        )
    )
)
def _(s: Story) -> None:
    b, operation = s.bucket(), s.name.partition("[")[2][:-1]
    s(f"{operation}-error-wrong-value", operation, Bucket=b, EncodingType="value")
    s(f"{operation}-error-empty-value", operation, Bucket=b, EncodingType="")


@scenario("TestS3ListObjectVersions::test_list_objects_versions_with_prefix_only_and_pagination")
def _(s: Story) -> None:
    b, lists = s.bucket(), "list_object_versions"
    s.versioned(b)
    for _ in range(5):
        s.do("put_object", Bucket=b, Key="prefixed_key")
    at, label = {"Bucket": b, "Prefix": "prefix"}, "list-object-version-prefix"
    s(f"{label}-full", lists, **at)
    page = s(f"{label}-page-1", lists, **at, MaxKeys=3)
    key, version = page["NextKeyMarker"], page["NextVersionIdMarker"]
    s(f"{label}-key-marker-only", lists, **at, MaxKeys=4, KeyMarker=key)
    both = {**at, "MaxKeys": 5, "KeyMarker": key, "VersionIdMarker": version}
    s(f"{label}-page-2", lists, **both)
    for one in page["Versions"]:
        s.do("delete_object", Bucket=b, Key="prefixed_key", VersionId=one["VersionId"])
    s(f"{label}-page-2-after-delete", lists, **both)
