"""What is configured on buckets, and what is refused there."""

from __future__ import annotations

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


@scenario(f"{METRICS_OF}list_bucket_metrics_configurations_paginated")
def _(s: Story) -> None:
    b, _ = _metrics(s, *range(100, 202), prefix="logs/prefix")
    page = s.do(f"list_{METRICS}s", **b)
    more = {"ContinuationToken": page["NextContinuationToken"]}
    s(f"list_{METRICS}s_page_2", f"list_{METRICS}s", **b, **more)


# --- archives


@scenario("TestS3DeepArchive::test_s3_get_deep_archive_object_restore")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "test"}
    s.do("put_object", **o, Body="test", StorageClass="DEEP_ARCHIVE")
    s("get-object-invalid-state", "get_object", **o)
    s("get_object_invalid_state", "get_object", **o)
    how = {"Days": 30, "GlacierJobParameters": {"Tier": "Bulk"}}
    s("restore_object", "restore_object", **o, RestoreRequest=how)
