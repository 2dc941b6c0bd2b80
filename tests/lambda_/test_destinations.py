"""Destinations and dead letters: whoever is to be told how an asynchronous invocation ended is told, durably."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambda_.support import Functions, package, role_of
from lambda_.test_events import Log, accept
from persons import trust

FAILS = package("def handler(event, context): raise ValueError(event['why'])")
ECHO = package("def handler(event, context): return {'got': event}")
TELLS = package("import json\ndef handler(event, context): print('told', json.dumps(event))")


def arn_of(account: str, resource: str, service: str = "lambda") -> str:
    return f"arn:aws:{service}:us-east-1:{account}:{resource}"


def told(logs: Any, name: str) -> list[dict[str, Any]]:
    return [json.loads(line.partition(" ")[2]) for line in Log(logs, name).lines("told")]


def test_a_function_is_told_of_a_success(
    functions: Functions, client: Callable[..., Any], account: str, clock: Any
) -> None:
    functions.create("f", ECHO)
    functions.create("g", TELLS)
    put = functions.client.put_function_event_invoke_config(
        FunctionName="f",
        DestinationConfig={"OnSuccess": {"Destination": arn_of(account, "function:g")}},
    )
    assert put["DestinationConfig"] == {
        "OnSuccess": {"Destination": arn_of(account, "function:g")},
        "OnFailure": {},
    }
    request_id = accept(functions, "f", {"a": 1})
    clock.wait_until_idle()
    [record] = told(client("logs"), "g")
    assert record.pop("timestamp")[-1] == "Z"
    assert record == {
        "version": "1.0",
        "requestContext": {
            "requestId": request_id,
            "functionArn": arn_of(account, "function:f:$LATEST"),
            "condition": "Success",
            "approximateInvokeCount": 1,
        },
        "requestPayload": {"a": 1},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
        "responsePayload": {"got": {"a": 1}},
    }


@pytest.mark.parametrize(
    ("settings", "condition", "count"),
    [
        ({}, "RetriesExhausted", 3),
        ({"MaximumRetryAttempts": 0}, "RetriesExhausted", 1),
        ({"MaximumEventAgeInSeconds": 60}, "EventAgeExceeded", 1),
    ],
)
def test_a_bucket_is_told_of_a_failure(
    functions: Functions,
    client: Callable[..., Any],
    account: str,
    clock: Any,
    settings: dict[str, Any],
    condition: str,
    count: int,
) -> None:
    """As recorded: what the last attempt answered is in it, and where a retry would be too late there is none."""
    s3, bucket = client("s3"), f"failures-{account}"
    s3.create_bucket(Bucket=bucket)
    functions.create("f", FAILS)
    functions.client.put_function_event_invoke_config(
        FunctionName="f",
        DestinationConfig={"OnFailure": {"Destination": f"arn:aws:s3:::{bucket}"}},
        **settings,
    )
    clock.freeze()
    request_id = accept(functions, "f", {"why": "broken"})
    for _ in range(3):
        clock.advance(seconds=120 if condition == "RetriesExhausted" else 1)
        clock.wait_until_idle()
    [found] = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert found["Key"].startswith("aws/lambda/async/f/2")
    assert found["Key"].endswith(f"-{request_id}")
    record = json.load(s3.get_object(Bucket=bucket, Key=found["Key"])["Body"])
    assert record["requestContext"]["condition"] == condition
    assert record["requestContext"]["approximateInvokeCount"] == count
    assert record["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }
    assert record["responsePayload"]["errorMessage"] == "broken"


def test_a_stopped_function_loses_its_events_to_the_destination(
    functions: Functions, client: Callable[..., Any], account: str, clock: Any
) -> None:
    """Recorded: with a reserved concurrency of zero there is no try and no answer."""
    functions.create("f", ECHO)
    functions.create("g", TELLS)
    functions.client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    functions.client.put_function_event_invoke_config(
        FunctionName="f",
        DestinationConfig={"OnFailure": {"Destination": arn_of(account, "function:g")}},
    )
    accept(functions, "f", {})
    clock.wait_until_idle()
    [record] = told(client("logs"), "g")
    assert record["requestContext"]["condition"] == "ZeroReservedConcurrency"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert not {"responseContext", "responsePayload"} & record.keys()


def refused(functions: Functions, **request: Any) -> str:
    with pytest.raises(ClientError) as refusal:
        functions.client.put_function_event_invoke_config(FunctionName="f", **request)
    return refusal.value.response["Error"]["Message"]


def test_destinations_are_looked_at_when_they_are_set(functions: Functions, account: str) -> None:
    """All recorded, but for the bucket that is told of successes, and the topic."""
    functions.create("f", ECHO)

    def success(arn: str) -> dict[str, Any]:
        return {"DestinationConfig": {"OnSuccess": {"Destination": arn}}}

    missing = arn_of(account, "function:missing")
    assert refused(functions, **success(missing)) == f"The destination ARN {missing} is invalid."
    own = arn_of(account, "function:f")
    assert refused(functions, **success(own)) == (
        "You can't specify the function as a destination for itself."
    )
    for other in (arn_of(account, "role/r", "iam"), "arn:aws:s3:::bucket"):
        assert refused(functions, **success(other)) == (
            "The provided destination config DestinationConfig(onSuccess=OnSuccess("
            f"destination={other}), onFailure=null) is invalid."
        )
    assert "destinations of the service sns" in refused(
        functions, **success(arn_of(account, "topic", "sns"))
    )
    assert refused(functions) == (
        "You must specify at least one of error handling or destination setting."
    )


def test_the_role_must_be_allowed_to_tell(
    functions: Functions, client: Callable[..., Any], account: str, clock: Any
) -> None:
    """Asked when the destination is set, and again whenever something is sent."""
    iam = client("iam")
    role_trust = trust(Service="lambda.amazonaws.com")
    iam.create_role(RoleName="poor", AssumeRolePolicyDocument=role_trust)
    functions.create("f", ECHO, Role=role_of(account).replace("lambda-role", "poor"))
    functions.create("g", TELLS)
    arn = arn_of(account, "function:g")
    setting = {"DestinationConfig": {"OnSuccess": {"Destination": arn}}}
    assert refused(functions, **setting) == (
        f"The function's execution role does not have permissions to call Invoke on {arn}"
    )
    allowed = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_role_policy(RoleName="poor", PolicyName="p", PolicyDocument=policy)
    functions.client.put_function_event_invoke_config(FunctionName="f", **setting)
    iam.delete_role_policy(RoleName="poor", PolicyName="p")
    accept(functions, "f", {})
    clock.wait_until_idle()
    assert told(client("logs"), "g") == []
    iam.put_role_policy(RoleName="poor", PolicyName="p", PolicyDocument=policy)
    accept(functions, "f", {})
    clock.wait_until_idle()
    assert len(told(client("logs"), "g")) == 1


def queue(client: Callable[..., Any], name: str) -> tuple[Callable[[], list[Any]], str]:
    """What has come to a new queue, and its ARN."""
    sqs = client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    everything = {
        "QueueUrl": url,
        "MaxNumberOfMessages": 10,
        "MessageAttributeNames": ["All"],
        "MessageSystemAttributeNames": ["All"],
    }
    return lambda: sqs.receive_message(**everything).get("Messages", []), told["Attributes"][
        "QueueArn"
    ]


def test_a_queue_is_told_and_gets_dead_letters(
    functions: Functions, client: Callable[..., Any], clock: Any
) -> None:
    """Recorded: the dead letter is the event itself, and its attributes say what was wrong."""
    received, arn = queue(client, "told")
    dead, dead_arn = queue(client, "dead")
    created = functions.create("f", FAILS, DeadLetterConfig={"TargetArn": dead_arn})
    assert created["DeadLetterConfig"] == {"TargetArn": dead_arn}
    functions.client.put_function_event_invoke_config(
        FunctionName="f",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": arn}},
    )
    request_id = accept(functions, "f", {"why": "broken"})
    clock.wait_until_idle()
    [message] = received()
    record = json.loads(message["Body"])
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["requestId"] == request_id
    assert "Lineage=" in message["Attributes"]["AWSTraceHeader"]
    [letter] = dead()
    assert json.loads(letter["Body"]) == {"why": "broken"}
    assert letter["MessageAttributes"] == {
        "RequestID": {"DataType": "String", "StringValue": request_id},
        "ErrorCode": {"DataType": "Number", "StringValue": "200"},
        "ErrorMessage": {"DataType": "String", "StringValue": "broken"},
    }


def test_a_queue_that_is_not_there(functions: Functions, account: str) -> None:
    functions.create("f", ECHO)
    arn = arn_of(account, "missing", "sqs")
    assert refused(functions, DestinationConfig={"OnFailure": {"Destination": arn}}) == (
        f"The destination ARN {arn} is invalid."
    )
