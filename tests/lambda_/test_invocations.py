"""Running functions: what they get, what they give, and what is told when they break."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambda_.support import Functions, log_of, package

PYTHON = """
import json, os, sys

count = 0

def handler(event, context):
    global count
    count += 1
    print("hello from", event.get("name"))
    if event.get("raise"):
        raise ValueError(event["raise"])
    if event.get("sleep"):
        import time
        time.sleep(event["sleep"])
    if event.get("environment"):
        return dict(os.environ)
    if event.get("write"):
        import boto3
        logs = boto3.client("logs")
        logs.create_log_group(logGroupName=event["write"])
        return boto3.client("sts").get_caller_identity()["Arn"]
    return {
        "event": event,
        "count": count,
        "arn": context.invoked_function_arn,
        "version": context.function_version,
        "request_id": context.aws_request_id,
        "group": context.log_group_name,
        "stream": context.log_stream_name,
        "client": context.client_context and context.client_context.custom,
    }
"""


@pytest.fixture
def python(functions: Functions) -> Functions:
    functions.create("f", package(PYTHON), Environment={"Variables": {"NAME": "value"}})
    return functions


def test_a_function_runs_and_what_it_wrote_is_logged(
    python: Functions, client: Callable[..., Any], account: str
) -> None:
    context = base64.b64encode(json.dumps({"custom": {"foo": "bar"}}).encode()).decode()
    response = python.client.invoke(
        FunctionName="f", Payload=b'{"name": "x"}', LogType="Tail", ClientContext=context
    )
    answer = json.load(response["Payload"])
    request_id = response["ResponseMetadata"]["RequestId"]
    stream = answer.pop("stream")
    assert answer == {
        "event": {"name": "x"},
        "count": 1,
        "arn": f"arn:aws:lambda:us-east-1:{account}:function:f",
        "version": "$LATEST",
        "request_id": request_id,
        "group": "/aws/lambda/f",
        "client": {"foo": "bar"},
    }
    assert (response["StatusCode"], response["ExecutedVersion"]) == (200, "$LATEST")
    tail = log_of(response)
    assert tail.startswith(f"START RequestId: {request_id} Version: $LATEST\nhello from x\n")
    assert f"REPORT RequestId: {request_id}\tDuration: " in tail
    # The same lines are in CloudWatch Logs as soon as the answer is there.
    events = client("logs").filter_log_events(logGroupName="/aws/lambda/f")["events"]
    assert {event["logStreamName"] for event in events} == {stream}
    assert "".join(event["message"] for event in events).endswith(tail)
    # The environment lives on.
    assert python.invoke("f")["count"] == 2


def test_the_environment_is_as_on_aws(python: Functions, account: str) -> None:
    environment = python.invoke("f", {"environment": True})
    expected = {
        "NAME": "value",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.11",
        "_HANDLER": "app.handler",
    }
    assert {name: environment.get(name) for name in expected} == expected
    assert environment["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert environment["AWS_SESSION_TOKEN"]


def test_a_function_calls_the_cloud_as_its_role(
    python: Functions, client: Callable[..., Any], account: str
) -> None:
    arn = python.invoke("f", {"write": "made-by-a-function"})
    assert arn == f"arn:aws:sts::{account}:assumed-role/lambda-role/f"
    groups = client("logs").describe_log_groups(logGroupNamePrefix="made")["logGroups"]
    assert len(groups) == 1, "in the account that the function belongs to"


@pytest.mark.parametrize(
    ("payload", "answer"),
    [(b"", {}), (b"null", None), (b"[1]", [1]), (b'"text"', "text")],
)
def test_any_json_is_an_event(functions: Functions, payload: bytes, answer: object) -> None:
    functions.create("echo", package("def handler(event, context): return event"))
    response = functions.client.invoke(FunctionName="echo", Payload=payload)
    assert json.load(response["Payload"]) == answer


def test_an_exception_is_told_and_does_not_end_the_environment(python: Functions) -> None:
    response = python.client.invoke(FunctionName="f", Payload=b'{"raise": "why not"}')
    assert (response["StatusCode"], response["FunctionError"]) == (200, "Unhandled")
    error = json.load(response["Payload"])
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "why not")
    assert error["requestId"] == response["ResponseMetadata"]["RequestId"]
    assert python.invoke("f")["count"] == 2


def test_a_function_that_overruns_its_time_is_ended(python: Functions) -> None:
    python.client.update_function_configuration(FunctionName="f", Timeout=1)
    response = python.client.invoke(FunctionName="f", Payload=b'{"sleep": 30}')
    request_id = response["ResponseMetadata"]["RequestId"]
    assert json.load(response["Payload"]) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {request_id} Error: Task timed out after 1.00 seconds",
    }
    assert python.invoke("f")["count"] == 1


def test_changes_of_code_and_configuration_show_at_once(python: Functions) -> None:
    assert python.invoke("f")["count"] == 1
    python.client.update_function_code(
        FunctionName="f", ZipFile=package("def handler(event, context): return 'new'")
    )
    assert python.invoke("f") == "new"


def test_what_cannot_be_invoked(functions: Functions, account: str) -> None:
    def refused(code: str, words: str, status: int, **request: Any) -> Any:
        with pytest.raises(ClientError) as error:
            functions.client.invoke(**request)
        answer = error.value.response
        assert answer["Error"]["Code"] == code
        assert words in answer["Error"]["Message"]
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == status
        return answer

    arn = f"arn:aws:lambda:us-east-1:{account}:function:missing:$LATEST"
    refused("ResourceNotFoundException", f"Function not found: {arn}", 404, FunctionName="missing")
    functions.create("f", package("def handler(event, context): return event"))
    refused(
        "InvalidRequestContentException",
        "Could not parse request body into json: Could not parse payload into json: ",
        400,
        FunctionName="f",
        Payload=b"n\x87r\x9e\xe9\xb5\xd7I\xee\x9bmt",
    )
    refused(
        "RequestTooLargeException",
        "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
        413,
        FunctionName="f",
        Payload=b'"' + b"x" * 6291456 + b'"',
    )
    refused(
        "RequestTooLargeException",
        "Request must be smaller than 1048576 bytes for the InvokeFunction operation",
        413,
        FunctionName="f",
        InvocationType="Event",
        Payload=b'"' + b"x" * 1048576 + b'"',
    )
    functions.client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    throttled = refused("TooManyRequestsException", "Rate Exceeded.", 429, FunctionName="f")
    assert throttled["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    dry = functions.client.invoke(FunctionName="f", InvocationType="DryRun")
    assert (dry["StatusCode"], dry["Payload"].read()) == (204, b"")


def test_no_more_at_once_than_reserved(python: Functions) -> None:
    python.client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=1)
    with ThreadPoolExecutor(2) as threads:
        both = [threads.submit(python.invoke, "f", {"sleep": 1.5}) for _ in range(2)]
        errors = [one.exception() for one in both]
    (throttled,) = [error for error in errors if error is not None]
    assert isinstance(throttled, ClientError)
    answer = throttled.response
    assert answer["Error"] == {"Code": "TooManyRequestsException", "Message": "Rate Exceeded."}
    assert answer["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert python.invoke("f")["event"] == {}


def test_invocations_run_beside_each_other(python: Functions) -> None:
    """Each environment runs one invocation at a time; more of them are made as they are needed."""
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: python.invoke("f", {"sleep": 0.5}), range(4)))
    assert len({answer["stream"] for answer in answers}) == 4
    assert {answer["count"] for answer in answers} == {1}


def test_a_burst_on_a_new_function_shares_one_session(python: Functions) -> None:
    with ThreadPoolExecutor(4) as threads:
        asked = threads.map(lambda _: python.invoke("f", {"environment": True}), range(4))
    assert len({environment["AWS_ACCESS_KEY_ID"] for environment in asked}) == 1


def test_credentials_are_renewed_before_they_expire(python: Functions, clock: Any) -> None:
    first = python.invoke("f", {"environment": True})["AWS_ACCESS_KEY_ID"]
    assert python.invoke("f", {"environment": True})["AWS_ACCESS_KEY_ID"] == first
    clock.advance(seconds=12 * 3600 - 60)
    renewed = python.invoke("f", {"environment": True})["AWS_ACCESS_KEY_ID"]
    assert renewed != first


def test_unpacked_code_is_made_again_when_it_is_gone(own_server: Callable[..., Any]) -> None:
    """The directory is a cache: the package in the store is what counts, also after a restart."""
    server = own_server()
    functions = Functions(server.client("lambda", "000000000001"), "000000000001")
    functions.create("f", package("def handler(event, context): return 'here'"))
    server.kill()
    shutil.rmtree(server.data / "cache")
    server.start()
    assert Functions(server.client("lambda", "000000000001"), "000000000001").invoke("f") == "here"
