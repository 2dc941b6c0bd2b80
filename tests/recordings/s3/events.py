"""What is told of objects: to a function here, where a queue or a table was told when it was recorded."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from boto3.dynamodb.types import TypeSerializer

from recordings.s3.forms import posted
from recordings.s3.raw import ask
from recordings.s3.scenarios import scenario
from recordings.s3.story import Story

LISTENER = "import json\ndef handler(event, context):\n    print('TOLD ' + json.dumps(event))\n"
ACCOUNT = "999900000001"
"""Of the functions, one in each region, that listen for all scenarios."""
WEST = "us-west-2"
_listening: set[tuple[str, str]] = set()


def _arn(s: Story, region: str) -> str:
    """Of the function that listens, which is made when it is needed first."""
    functions = s.make("lambda", account=ACCOUNT, region_name=region)
    if (functions.meta.endpoint_url, region) not in _listening:
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("app.py", LISTENER)
        functions.create_function(
            FunctionName="told",
            Code={"ZipFile": package.getvalue()},
            Runtime="python3.11",
            Handler="app.handler",
            Role=f"arn:aws:iam::{ACCOUNT}:role/r",
        )
        may = {"Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
        functions.add_permission(FunctionName="told", StatementId="s3", **may)
        _listening.add((functions.meta.endpoint_url, region))
    return f"arn:aws:lambda:{region}:{ACCOUNT}:function:told"


def _listen(s: Story, *events: str, region: str = "us-east-1") -> str:
    """A bucket, of which the function is told such events."""
    place = {"CreateBucketConfiguration": {"LocationConstraint": region}}
    b = s.bucket(acls=True, **(place if region == WEST else {}))
    one = {"LambdaFunctionArn": _arn(s, region), "Events": [f"s3:{event}" for event in events]}
    told = {"LambdaFunctionConfigurations": [one]}
    s.do("put_bucket_notification_configuration", Bucket=b, NotificationConfiguration=told)
    return b


def _heard(s: Story, b: str, region: str = "us-east-1") -> list[Any]:
    """All that it was told of the bucket, by the names of the events."""
    s.clock.wait_until_idle()
    logs = s.make("logs", account=ACCOUNT, region_name=region)
    found = logs.filter_log_events(logGroupName="/aws/lambda/told", filterPattern=f'TOLD "{b}"')
    lines = [one["message"].partition("TOLD ")[2] for one in found["events"]]
    records = [json.loads(line)["Records"][0] for line in lines if f'"{b}"' in line]
    return sorted(records, key=_order)


def _order(record: Any) -> tuple[str, ...]:
    what = record["s3"]["object"]
    return record["eventName"], what["key"], what.get("eTag", "")


def _say(s: Story, b: str) -> None:
    s.said["receive_messages"] = {"messages": _heard(s, b)}


QUEUE = "TestS3NotificationsToSQS::test_object_"


@scenario(f"{QUEUE}created_put")
def _(s: Story) -> None:
    b = _listen(s, "ObjectCreated:*")
    for number, body in enumerate(("something", "something else")):
        s.do("put_object", Bucket=b, Key=f"my_key_{number}", Body=body)
    _say(s, b)


@scenario(f"{QUEUE}created_copy")
def _(s: Story) -> None:
    b = _listen(s, "ObjectCreated:Copy")
    s.do("put_object", Bucket=b, Key="source", Body="something")
    s.do("copy_object", Bucket=b, Key="target", CopySource=f"{b}/source")
    _say(s, b)


@scenario(f"{QUEUE}created_and_object_removed")
def _(s: Story) -> None:
    b = _listen(s, "ObjectCreated:*", "ObjectRemoved:*")
    s.do("put_object", Bucket=b, Key="source", Body="something")
    s.do("copy_object", Bucket=b, Key="target", CopySource=f"{b}/source")
    s.do("delete_object", Bucket=b, Key="source")
    _say(s, b)


@scenario("TestS3NotificationsToSQS::test_delete_objects")
def _(s: Story) -> None:
    b = _listen(s, "ObjectRemoved:*")
    keys = [{"Key": f"key-{number}"} for number in range(3)]
    for key in keys:
        s.do("put_object", Bucket=b, **key, Body="something")
    s.do("delete_objects", Bucket=b, Delete={"Objects": keys})
    _say(s, b)


@scenario(f"{QUEUE}created_complete_multipart_upload")
def _(s: Story) -> None:
    s.unknown.add("eTag")
    o = {"Bucket": _listen(s, "ObjectCreated:*"), "Key": "test-key"}
    upload = {"UploadId": s.do("create_multipart_upload", **o)["UploadId"]}
    tag = s.do("upload_part", **o, **upload, PartNumber=1, Body=b"x" * 6144)["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": tag}]}
    s.do("complete_multipart_upload", **o, **upload, MultipartUpload=parts)
    _say(s, o["Bucket"])


@scenario("TestS3NotificationsToSQS::test_key_encoding")
def _(s: Story) -> None:
    b = _listen(s, "ObjectCreated:*")
    s.do("put_object", Bucket=b, Key="a@b", Body="something")
    _say(s, b)


@scenario(f"{QUEUE}created_put_with_presigned_url_upload")
def _(s: Story) -> None:
    for region, label in (("us-east-1", ""), (WEST, "_region_2")):
        b = _listen(s, "ObjectCreated:*", region=region)
        s3 = s.make("s3", region_name=region)
        at = {"Bucket": b, "Key": "key-by-hostname"}
        url = s3.generate_presigned_url("put_object", Params=at)
        assert ask(s, url, "PUT", b"something").status == 200
        s.said[f"receive_messages{label}"] = {"messages": _heard(s, b, region)}


@scenario(f"{QUEUE}tagging_put_event", f"{QUEUE}tagging_delete_event")
def _(s: Story) -> None:
    s.unknown.add("eTag")
    o = {
        "Bucket": _listen(s, f"ObjectTagging:{'Put' if 'put' in s.name else 'Delete'}"),
        "Key": "k",
    }
    s.do("put_object", **o, Body="x")
    s.do("put_object_tagging", **o, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    s.do("delete_object_tagging", **o)
    _say(s, o["Bucket"])


@scenario(f"{QUEUE}put_acl")
def _(s: Story) -> None:
    o = {"Bucket": _listen(s, "ObjectAcl:Put"), "Key": "my_key_acl"}
    s.do("put_object", **o, Body="something")
    owner = s.do("get_object_acl", **o)["Owner"]
    s.do("put_object_acl", **o, ACL="public-read")
    s.do("put_object_acl", **o, GrantRead='uri="http://acs.amazonaws.com/groups/global/AllUsers"')
    grantee = {"ID": owner["ID"], "Type": "CanonicalUser"}
    grants = [{"Grantee": grantee, "Permission": "FULL_CONTROL"}]
    s.do("put_object_acl", **o, AccessControlPolicy={"Owner": owner, "Grants": grants})
    _say(s, o["Bucket"])


@scenario("TestS3NotificationsToSQS::test_restore_object")
def _(s: Story) -> None:
    o = {"Bucket": _listen(s, "ObjectRestore:*"), "Key": "my_key_restore"}
    s.do("put_object", **o, Body="something", StorageClass="GLACIER")
    how = {"Days": 1, "GlacierJobParameters": {"Tier": "Expedited"}}
    s.do("restore_object", **o, RestoreRequest=how)
    s.clock.advance(seconds=600)
    begun_last = reversed(_heard(s, o["Bucket"]))
    s.said["receive_messages"] = {"messages": list(begun_last)}


@scenario(f"{QUEUE}created_put_versioned")
def _(s: Story) -> None:
    o = {"Bucket": _listen(s, "ObjectCreated:*", "ObjectRemoved:*"), "Key": "test-key"}
    s.versioned(o["Bucket"])
    first = s("obj-ver1", "put_object", **o, Body="data")
    s("obj-ver2", "put_object", **o, Body="data-version2")
    marker = s("delete-marker", "delete_object", **o)
    s("delete-version", "delete_object", **o, VersionId=first["VersionId"])
    s.said["message-versioning-active"] = before = _heard(s, o["Bucket"])
    s.versioned(o["Bucket"], "Suspended")
    s("add-null-version", "put_object", **o, Body="data-version3")
    s("del-delete-marker", "delete_object", **o, VersionId=marker["VersionId"])
    after = [one for one in _heard(s, o["Bucket"]) if one not in before]
    s.said["message-versioning-suspended"] = after


# --- a function that keeps what it is told in a table


@scenario("TestS3NotificationsToLambda::test_create_object_put_via_dynamodb")
def _(s: Story) -> None:
    s.unknown.add("eTag")
    b = _listen(s, "ObjectCreated:*")
    s.do("put_object", Bucket=b, Key="key", Body=b"x" * 11)
    s.said["table_content"] = TypeSerializer().serialize(_heard(s, b)[0])


@scenario("TestS3NotificationsToLambda::test_create_object_by_presigned_request_via_dynamodb")
def _(s: Story) -> None:
    s.unknown.add("eTag")
    b = _listen(s, "ObjectCreated:*")
    fields = s.make("s3", signature_version="s3v4").generate_presigned_post(b, "key")["fields"]
    assert posted(s, b, fields, b"x" * 16).status == 204
    url = s.s3.generate_presigned_url("put_object", Params={"Bucket": b, "Key": "key"})
    assert ask(s, url, "PUT", b"x" * 16).status == 200
    kept = [TypeSerializer().serialize(one) for one in _heard(s, b)]
    s.said["items"] = [{"uuid": {"S": str(n)}, "data": one} for n, one in enumerate(kept)]


# --- who cannot be told


def _notify(s: Story, label: str, configuration: dict[str, Any], **more: Any) -> None:
    op = "put_bucket_notification_configuration"
    s(label, op, NotificationConfiguration=configuration, **more)


@scenario("TestS3NotificationsToLambda::test_invalid_lambda_arn")
def _(s: Story) -> None:
    b = {"Bucket": s.bucket()}

    def to(arn: str) -> dict[str, Any]:
        one = {"Id": "id123", "Events": ["s3:ObjectCreated:*"], "LambdaFunctionArn": arn}
        return {"LambdaFunctionConfigurations": [one]}

    unread = {"SkipDestinationValidation": True}
    _notify(s, "invalid_not_skip", to("invalid-queue"), **b)
    _notify(s, "invalid_skip", to("invalid-queue"), **b, **unread)
    arn = f"arn:aws:lambda:us-east-1:{s.account}:function:my-lambda"
    _notify(s, "lambda-does-not-exist", to(arn), **b)
    _notify(s, "skip", to(arn), **b, **unread)
    label = "skip_destination_validation"
    s(label, "get_bucket_notification_configuration", **b)


@scenario("TestS3NotificationsToSns::test_bucket_not_exist")
def _(s: Story) -> None:
    topic = f"arn:aws:sns:us-east-1:{s.account}:topic"
    one = {"Events": ["s3:ObjectCreated:*"], "TopicArn": topic}
    none = {"Bucket": f"nobodys-{s.account}"}
    _notify(s, "bucket_not_exists", {"TopicConfigurations": [one]}, **none)


QUEUES = "TestS3NotificationsToSQS::test_"


def _queues(*arns: str) -> dict[str, Any]:
    events = ["s3:ObjectCreated:*"]
    return {"QueueConfigurations": [{"QueueArn": arn, "Events": events} for arn in arns]}


@scenario(f"{QUEUES}invalid_sqs_arn")
def _(s: Story) -> None:
    b = {"Bucket": s.bucket()}
    _notify(s, "invalid_not_skip", _queues("invalid-queue"), **b)
    wrong = {**b, "SkipDestinationValidation": True}
    _notify(s, "invalid_skip", _queues("invalid-queue"), **wrong)
    arn = f"arn:aws:sqs:us-east-1:{s.account}:my-queue"
    _notify(s, "queue-does-not-exist", _queues(arn), **b)
    named = {"Id": "id123", **_queues(arn)["QueueConfigurations"][0]}
    _notify(s, "skip", {"QueueConfigurations": [named]}, **wrong)
    s("skip_destination_validation", "get_bucket_notification_configuration", **b)


@scenario(f"{QUEUES}multiple_invalid_sqs_arns")
def _(s: Story) -> None:
    b = {"Bucket": s.bucket()}
    arn = f"arn:aws:sqs:us-east-1:{s.account}:my-queue"
    _notify(s, "two-queue-arns-invalid", _queues("invalid_arn", "invalid_arn_2"), **b)
    _notify(s, "one-queue-invalid-one-not-existent", _queues("invalid_arn_2", arn), **b)
    _notify(s, "multiple-queues-do-not-exist", _queues(arn, f"{arn}-2"), **b)


@scenario("TestS3NotificationsToSns::test_invalid_topic_arn")
def _(s: Story) -> None:
    b = {"Bucket": s.bucket()}
    one = {"Events": ["s3:ObjectCreated:*"], "TopicArn": "invalid-topic"}
    wrong = {"TopicConfigurations": [one]}
    _notify(s, "invalid_not_skip", wrong, **b)
    _notify(s, "invalid_skip", wrong, **b, SkipDestinationValidation=True)
