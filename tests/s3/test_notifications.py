"""Notifications: what may be configured, and what a function is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from s3.listeners import ARN

Refused = Callable[..., dict[str, Any]]


def _configuration(arn: str, *events: str, **rules: str) -> dict[str, Any]:
    one: dict[str, Any] = {"Id": "c1", "LambdaFunctionArn": arn, "Events": list(events)}
    if rules:
        found = [{"Name": name.capitalize(), "Value": value} for name, value in rules.items()]
        one["Filter"] = {"Key": {"FilterRules": found}}
    return one


def test_a_function_is_told_what_happens(
    s3: Any, bucket: str, account: str, told: Callable[[], list[Any]]
) -> None:
    """Every kind of write and deletion, once, in order; what the filter excludes is not told."""
    configuration = _configuration(
        ARN.format(account=account),
        "s3:ObjectCreated:*",
        "s3:ObjectRemoved:Delete",
        prefix="in/",
        suffix=".txt",
    )
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [configuration]}
    )
    put = s3.put_object(Bucket=bucket, Key="in/a b+ü.txt", Body=b"hello")
    s3.put_object(Bucket=bucket, Key="out/a.txt", Body=b"hello")
    s3.put_object(Bucket=bucket, Key="in/a.png", Body=b"hello")
    s3.put_object_tagging(Bucket=bucket, Key="in/a b+ü.txt", Tagging={"TagSet": []})
    s3.copy_object(Bucket=bucket, Key="in/c.txt", CopySource={"Bucket": bucket, "Key": "out/a.txt"})
    upload = s3.create_multipart_upload(Bucket=bucket, Key="in/m.txt")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="in/m.txt", UploadId=upload, PartNumber=1, Body=b"xy")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(
        Bucket=bucket, Key="in/m.txt", UploadId=upload, MultipartUpload=parts
    )
    objects = [{"Key": "in/c.txt"}, {"Key": "in/nope.txt"}, {"Key": "in/m.txt"}]
    s3.delete_objects(Bucket=bucket, Delete={"Objects": objects})

    records = told()
    assert [(one["eventName"], one["s3"]["object"]["key"]) for one in records] == [
        ("ObjectCreated:Put", "in/a+b%2B%C3%BC.txt"),
        ("ObjectCreated:Copy", "in/c.txt"),
        ("ObjectCreated:CompleteMultipartUpload", "in/m.txt"),
        ("ObjectRemoved:Delete", "in/c.txt"),
        ("ObjectRemoved:Delete", "in/m.txt"),
    ]
    first = records[0]
    assert first["eventVersion"] == "2.1"
    assert first["eventSource"] == "aws:s3"
    assert first["awsRegion"] == "us-east-1"
    assert first["eventTime"].endswith("Z")
    assert first["requestParameters"]["sourceIPAddress"] in ("127.0.0.1", "::1")
    assert first["userIdentity"]["principalId"] == f"AWS:{account}"
    request_id = put["ResponseMetadata"]["RequestId"]
    assert first["responseElements"]["x-amz-request-id"] == request_id
    assert first["responseElements"]["x-amz-id-2"] == put["ResponseMetadata"]["HostId"]
    described = first["s3"]
    assert described["s3SchemaVersion"] == "1.0"
    assert described["configurationId"] == "c1"
    assert described["bucket"]["name"] == bucket
    assert described["bucket"]["arn"] == f"arn:aws:s3:::{bucket}"
    assert described["object"]["size"] == 5
    assert described["object"]["eTag"] == put["ETag"].strip('"')
    assert "size" not in records[3]["s3"]["object"]


def test_a_refused_write_tells_nothing(
    s3: Any, bucket: str, account: str, told: Callable[[], list[Any]], refused: Refused
) -> None:
    configuration = _configuration(ARN.format(account=account), "s3:ObjectCreated:Put")
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [configuration]}
    )
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    refused("PreconditionFailed", s3.put_object, Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
    refused(
        "BadDigest", s3.put_object, Bucket=bucket, Key="k", ContentMD5="CYketZBSTjX8czcs3cXVlg=="
    )
    assert [one["s3"]["object"]["size"] for one in told()] == [1]


def test_configurations_come_back(s3: Any, bucket: str, account: str) -> None:
    assert "LambdaFunctionConfigurations" not in s3.get_bucket_notification_configuration(
        Bucket=bucket
    )
    one = _configuration(
        ARN.format(account=account), "s3:ObjectCreated:*", prefix="a/", suffix=".x"
    )
    two = {**_configuration(ARN.format(account=account), "s3:ObjectRemoved:*")}
    del two["Id"]
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={"LambdaFunctionConfigurations": [one, two]},
        SkipDestinationValidation=True,
    )
    told = s3.get_bucket_notification_configuration(Bucket=bucket)["LambdaFunctionConfigurations"]
    assert told[0] == one
    assert told[1].pop("Id")
    assert told[1] == two
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    assert "LambdaFunctionConfigurations" not in s3.get_bucket_notification_configuration(
        Bucket=bucket
    )


def test_configurations_are_checked(s3: Any, bucket: str, account: str, refused: Refused) -> None:
    def put(*given: dict[str, Any], **more: Any) -> Any:
        return s3.put_bucket_notification_configuration(
            Bucket=bucket,
            NotificationConfiguration={"LambdaFunctionConfigurations": list(given), **more},
        )

    arn = ARN.format(account=account)
    error = refused("InvalidArgument", put, _configuration("invalid-queue", "s3:ObjectCreated:*"))
    assert (error["ArgumentName"], error["ArgumentValue"]) == ("CloudFunction", "invalid-queue")
    assert error["Message"] == "The ARN could not be parsed"
    refused("InvalidArgument", put, _configuration(arn, "s3:ObjectEaten:*"))
    error = refused("InvalidArgument", put, _configuration(arn, "s3:ObjectCreated:*", middle="x"))
    assert error["ArgumentName"] == "FilterRule.Name"
    one = _configuration(arn, "s3:ObjectCreated:*", prefix="a/")
    two = {**_configuration(arn, "s3:ObjectCreated:Put", prefix="a/b"), "Id": "c2"}
    error = refused("InvalidArgument", put, one, two)
    assert "ambiguously defined" in error["Message"]
    other = {**_configuration(arn, "s3:ObjectCreated:Put", prefix="b/"), "Id": "c2"}
    error = refused("InvalidArgument", put, one, other)
    assert error["ArgumentName1"] == f"{arn}, null"
    assert error["ArgumentValue1"] == f"Not authorized to invoke function [{arn}]"
    assert "ArgumentName2" not in error
    assert error["Message"] == "Unable to validate the following destination configurations"
    error = refused("NotImplemented", put, EventBridgeConfiguration={})
    assert "EventBridge" in error["Message"]


# Queues and topics that do not exist are refused as AWS refuses them. Forms come first, and all
# destinations are named at once.
@pytest.mark.parametrize(
    ("kind", "member", "argument", "service", "words"),
    [
        ("Queue", "QueueArn", "Queue", "sqs", "The destination queue does not exist"),
        ("Topic", "TopicArn", "Topic", "sns", "The destination topic does not exist"),
    ],
)
def test_destinations_that_do_not_exist(
    s3: Any,
    bucket: str,
    account: str,
    refused: Refused,
    kind: str,
    member: str,
    argument: str,
    service: str,
    words: str,
) -> None:
    def put(*arns: str, **more: Any) -> Any:
        rules = [
            {"Id": str(number), member: arn, "Events": [event]}
            for number, (arn, event) in enumerate(
                zip(arns, ("s3:ObjectCreated:*", "s3:ObjectRemoved:*"), strict=False)
            )
        ]
        configuration = {f"{kind}Configurations": rules}
        return s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration=configuration, **more
        )

    one, two = (f"arn:aws:{service}:us-east-1:{account}:{name}" for name in ("one", "two"))
    for given in (("invalid-arn",), (one, "invalid-arn")):
        error = refused("InvalidArgument", put, *given)
        assert (error["ArgumentName"], error["ArgumentValue"]) == (argument, "invalid-arn")
    error = refused("InvalidArgument", put, one, two)
    assert error["Message"] == "Unable to validate the following destination configurations"
    assert (error["ArgumentName1"], error["ArgumentValue1"]) == (one, words)
    assert (error["ArgumentName2"], error["ArgumentValue2"]) == (two, words)
    if service == "sns":
        refused("NotImplemented", put, one, SkipDestinationValidation=True)


def test_all_events_of_the_model_may_be_asked_for(s3: Any, bucket: str, account: str) -> None:
    named = s3.meta.service_model.shape_for("Event").enum
    wanted = [name for name in named if f"{name.rpartition(':')[0]}:*" not in named]
    wanted += [name for name in named if name.endswith(":*")]
    given = {**_configuration(ARN.format(account=account), *wanted), "Id": "all"}
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={"LambdaFunctionConfigurations": [given]},
        SkipDestinationValidation=True,
    )
    told = s3.get_bucket_notification_configuration(Bucket=bucket)
    assert told["LambdaFunctionConfigurations"][0]["Events"] == wanted


# What changes beside an object is told without a sequencer, and a list that is put again as it was not at all.
def test_changes_of_lists_and_retention_are_told(
    s3: Any, new_bucket: Callable[[], str], account: str, told: Callable[[], list[Any]], clock: Any
) -> None:
    bucket = f"{new_bucket()}-locked"
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True, ObjectOwnership="ObjectWriter")
    s3.delete_public_access_block(Bucket=bucket)
    wanted = ("s3:ObjectAcl:Put", "s3:ObjectRetention:Put", "s3:ObjectTagging:Put")
    configuration = _configuration(ARN.format(account=account), *wanted)
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [configuration]}
    )
    at = {"Bucket": bucket, "Key": "k"}
    version = s3.put_object(**at, Body=b"1")["VersionId"]
    s3.put_object_acl(**at, ACL="private")
    s3.put_object_acl(**at, ACL="public-read")
    s3.put_object_acl(**at, ACL="public-read")
    until = datetime.fromtimestamp(clock.now_ms() / 1000 + 60, tz=UTC)  # others have moved it
    s3.put_object_retention(**at, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until})
    s3.put_object_tagging(**at, Tagging={"TagSet": []})
    records = {one["eventName"]: one for one in told()}
    assert sorted(records) == ["ObjectAcl:Put", "ObjectRetention:Put", "ObjectTagging:Put"]
    for one in records.values():
        assert one["eventVersion"] == "2.3"
        thing = one["s3"]["object"]
        assert thing == {
            "key": "k",
            "eTag": "c4ca4238a0b923820dcc509a6f75849b",
            "versionId": version,
        }
    assert len(told()) == 3


def test_a_function_must_let_the_bucket_invoke_it(
    client: Callable[..., Any],
    s3: Any,
    new_bucket: Callable[[], str],
    account: str,
    told: Callable[[], list[Any]],
    refused: Refused,
) -> None:
    """AWS asks when the configuration is put, by the function's policy, for this very bucket."""
    functions = client("lambda")
    mine, other = new_bucket(), new_bucket()
    functions.remove_permission(FunctionName="told", StatementId="s3")
    configuration = {
        "LambdaFunctionConfigurations": [
            _configuration(ARN.format(account=account), "s3:ObjectCreated:*")
        ]
    }

    def put(bucket: str, *, skip: bool = False) -> Any:
        return s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration=configuration, SkipDestinationValidation=skip
        )

    refused("InvalidArgument", put, mine)
    assert "LambdaFunctionConfigurations" not in s3.get_bucket_notification_configuration(
        Bucket=mine
    )
    functions.add_permission(
        FunctionName="told",
        StatementId="s3",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn=f"arn:aws:s3:::{mine}",
    )
    put(mine)
    refused("InvalidArgument", put, other)
    put(other, skip=True)
    s3.put_object(Bucket=mine, Key="k", Body=b"1")
    s3.put_object(Bucket=other, Key="k", Body=b"1")
    assert [one["s3"]["bucket"]["name"] for one in told()] == [mine]


def test_versions_are_told(
    s3: Any, bucket: str, account: str, told: Callable[[], list[Any]]
) -> None:
    """Which version it was; a delete marker is an event of its own, and the null version has no id to tell."""
    configuration = _configuration(
        ARN.format(account=account), "s3:ObjectCreated:*", "s3:ObjectRemoved:*"
    )
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [configuration]}
    )
    switch = s3.put_bucket_versioning
    switch(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
    switch(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    s3.put_object(Bucket=bucket, Key="k", Body=b"2")
    records = [(one["eventName"], one["s3"]["object"]) for one in told()]
    assert [(name, record.get("versionId")) for name, record in records] == [
        ("ObjectCreated:Put", version),
        ("ObjectRemoved:DeleteMarkerCreated", marker),
        ("ObjectRemoved:Delete", version),
        ("ObjectCreated:Put", None),
    ]
    assert records[1][1]["eTag"] == "d41d8cd98f00b204e9800998ecf8427e"
    assert "eTag" not in records[2][1]
