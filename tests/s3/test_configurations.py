"""Configurations beside the objects: analytics, metrics, tiering, acceleration, payment, the account's block."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore import UNSIGNED

from servers import Server

Refused = Callable[..., dict[str, Any]]
Make = Callable[..., str]

# Recorded: test_s3_analytics_configurations, test_s3_intelligent_tier_config, TestS3MetricsConfiguration.
EXPORT = {
    "OutputSchemaVersion": "V_1",
    "Destination": {
        "S3BucketDestination": {"Format": "CSV", "Bucket": "arn:aws:s3:::b", "Prefix": "test"}
    },
}
KINDS: dict[str, dict[str, Any]] = {
    "analytics": {"Filter": {"Prefix": "p"}, "StorageClassAnalysis": {"DataExport": EXPORT}},
    "metrics": {"Filter": {"Prefix": "logs/"}},
    "intelligent_tiering": {
        "Filter": {"Prefix": "p"},
        "Status": "Enabled",
        "Tierings": [{"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}],
    },
}


def _names(kind: str) -> tuple[str, str]:
    """What operations and members of a kind are called."""
    shown = "".join(word.capitalize() for word in kind.split("_"))
    return f"bucket_{kind}_configuration", f"{shown}Configuration"


@pytest.mark.parametrize("kind", KINDS)
def test_configurations_by_id(s3: Any, bucket: str, kind: str, refused: Refused) -> None:
    """Put, replaced, read, listed by id and deleted; and gone with the bucket."""
    operation, member = _names(kind)
    put, get = getattr(s3, f"put_{operation}"), getattr(s3, f"get_{operation}")
    listing, delete = getattr(s3, f"list_{operation}s"), getattr(s3, f"delete_{operation}")
    error = refused("NoSuchConfiguration", get, Bucket=bucket, Id="a")
    assert error["Message"] == "The specified configuration does not exist."
    refused("NoSuchConfiguration", delete, Bucket=bucket, Id="a")
    assert listing(Bucket=bucket)["IsTruncated"] is False
    for id in ("b", "a"):
        answer = put(Bucket=bucket, Id=id, **{member: {"Id": id, **KINDS[kind]}})
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert get(Bucket=bucket, Id="a")[member] == {"Id": "a", **KINDS[kind]}
    changed = {**KINDS[kind], "Id": "a", "Filter": {"Prefix": "new"}}
    put(Bucket=bucket, Id="a", **{member: changed})
    listed = listing(Bucket=bucket)[f"{member}List"]
    assert listed == [changed, {"Id": "b", **KINDS[kind]}]
    error = refused("IdMismatch", put, Bucket=bucket, Id="c", **{member: changed})
    assert error["Message"] == "Document ID does not match the specified configuration ID."
    twice = {**changed, "Filter": {"Prefix": "p", "Tag": {"Key": "k", "Value": "v"}}}
    refused("MalformedXML", put, Bucket=bucket, Id="a", **{member: twice})
    delete(Bucket=bucket, Id="a")
    refused("NoSuchConfiguration", delete, Bucket=bucket, Id="a")
    refused("NoSuchBucket", delete, Bucket=f"{bucket}-none", Id="a")
    s3.delete_bucket(Bucket=bucket)
    s3.create_bucket(Bucket=bucket)
    refused("NoSuchConfiguration", get, Bucket=bucket, Id="b")


def test_configurations_come_in_pages(s3: Any, bucket: str) -> None:
    """A hundred at a time, by id."""
    ids = [f"{number:03d}" for number in range(102)]
    for id in reversed(ids):
        s3.put_bucket_metrics_configuration(Bucket=bucket, Id=id, MetricsConfiguration={"Id": id})
    first = s3.list_bucket_metrics_configurations(Bucket=bucket)
    assert first["IsTruncated"] is True
    token = first["NextContinuationToken"]
    second = s3.list_bucket_metrics_configurations(Bucket=bucket, ContinuationToken=token)
    assert (second["IsTruncated"], second["ContinuationToken"]) == (False, token)
    pages = (first["MetricsConfigurationList"], second["MetricsConfigurationList"])
    assert [one["Id"] for page in pages for one in page] == ids


def test_configurations_that_are_none(s3: Any, bucket: str, refused: Refused) -> None:
    put = s3.put_bucket_intelligent_tiering_configuration
    whole = {"Id": "a", **KINDS["intelligent_tiering"]}
    tier = {"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}
    for change, code in (
        ({"Tierings": []}, "MalformedXML"),
        ({"Status": "Wrong"}, "MalformedXML"),
        ({"Tierings": [tier, tier]}, "MalformedXML"),
        ({"Tierings": [{**tier, "Days": 89}]}, "InvalidArgument"),
        ({"Tierings": [{"Days": 90, "AccessTier": "DEEP_ARCHIVE_ACCESS"}]}, "InvalidArgument"),
        ({"Filter": {"And": {"Prefix": "p"}}}, "MalformedXML"),
    ):
        given = {**whole, **change}
        refused(code, put, Bucket=bucket, Id="a", IntelligentTieringConfiguration=given)
    analysis = {"DataExport": {**EXPORT, "OutputSchemaVersion": "V_2"}}
    refused(
        "MalformedXML",
        s3.put_bucket_analytics_configuration,
        Bucket=bucket,
        Id="a",
        AnalyticsConfiguration={"Id": "a", "StorageClassAnalysis": analysis},
    )


def test_acceleration(s3: Any, bucket: str, refused: Refused) -> None:
    """Recorded: TestS3BucketAccelerateConfiguration."""
    put, get = s3.put_bucket_accelerate_configuration, s3.get_bucket_accelerate_configuration
    assert "Status" not in get(Bucket=bucket)
    for status in ("Enabled", "Suspended"):
        put(Bucket=bucket, AccelerateConfiguration={"Status": status})
        assert get(Bucket=bucket)["Status"] == status
    for status in ("enabled", "random"):
        refused("MalformedXML", put, Bucket=bucket, AccelerateConfiguration={"Status": status})
    dotted = f"{bucket}.dotted"
    s3.create_bucket(Bucket=dotted)
    error = refused(
        "InvalidRequest", put, Bucket=dotted, AccelerateConfiguration={"Status": "Enabled"}
    )
    assert "periods (.)" in error["Message"]


def test_who_pays(
    s3: Any, bucket: str, server: Server, client: Callable[..., Any], refused: Refused
) -> None:
    """Recorded: test_s3_request_payer. Others must say that they would pay, and nobody in particular cannot."""
    put = s3.put_bucket_request_payment
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    wrong = {"Payer": "Random"}
    refused("MalformedXML", put, Bucket=bucket, RequestPaymentConfiguration=wrong)
    refused(
        "NoSuchBucket",
        put,
        Bucket=f"{bucket}-none",
        RequestPaymentConfiguration={"Payer": "Requester"},
    )
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    s3.delete_public_access_block(Bucket=bucket)
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    answer = s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    anyone = client("s3", signature_version=UNSIGNED)
    stranger = server.client("s3", "000000000777")
    one = {"Bucket": bucket, "Key": "k"}
    anyone.get_object(**one)
    stranger.get_object(**one)
    put(Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"})
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "Requester"
    assert "RequestCharged" not in s3.get_object(**one)
    refused("AccessDenied", stranger.get_object, **one)
    refused("AccessDenied", anyone.get_object, **one)
    refused("AccessDenied", anyone.get_object, **one, RequestPayer="requester")
    paid = stranger.get_object(**one, RequestPayer="requester")
    assert (paid["Body"].read(), paid["RequestCharged"]) == (b"1", "requester")


def test_torrents_are_no_more(s3: Any, bucket: str, refused: Refused) -> None:
    error = refused("MethodNotAllowed", s3.get_object_torrent, Bucket=bucket, Key="k")
    assert error["status"] == 405


def test_an_accounts_block_holds_in_all_its_buckets(
    s3: Any, client: Callable[..., Any], bucket: str, account: str, refused: Refused
) -> None:
    """Recorded: TestS3ControlPublicAccessBlock."""
    control = client("s3control")
    code = "NoSuchPublicAccessBlockConfiguration"
    error = refused(code, control.get_public_access_block, AccountId=account)
    assert error["AccountId"] == account
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    )
    s3.put_object(Bucket=bucket, Key="k", ACL="public-read")
    anyone = client("s3", signature_version=UNSIGNED)
    anyone.get_object(Bucket=bucket, Key="k")
    block = {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": True,
        "RestrictPublicBuckets": True,
    }
    put = control.put_public_access_block
    put(AccountId=account, PublicAccessBlockConfiguration=block)
    answer = control.get_public_access_block(AccountId=account)
    assert answer["PublicAccessBlockConfiguration"] == block
    refused("AccessDenied", anyone.get_object, Bucket=bucket, Key="k")
    refused("AccessDenied", s3.put_object, Bucket=bucket, Key="n", ACL="public-read")
    for _ in range(2):
        answer = control.delete_public_access_block(AccountId=account)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    anyone.get_object(Bucket=bucket, Key="k")
    error = refused("InvalidRequest", put, AccountId=account, PublicAccessBlockConfiguration={})
    assert error["Message"] == "Must specify at least one configuration."
    other = {"AccountId": "000000000778", "PublicAccessBlockConfiguration": block}
    refused("AccessDenied", put, **other)
