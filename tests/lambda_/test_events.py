"""Asynchronous invocations: accepted durably, run at least once, tried again by the clock."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambda_.support import Functions, package

FAILS = package("def handler(event, context): raise ValueError(event['why'])")
HOLDS = package(
    """
import boto3, time
def handler(event, context):
    if "bucket" not in event: return
    s3 = boto3.client("s3")
    s3.put_object(Bucket=event["bucket"], Key="begun")
    while "go" not in [one["Key"] for one in s3.list_objects_v2(Bucket=event["bucket"])["Contents"]]:
        time.sleep(0.01)
"""
)
ECHO = package("def handler(event, context): print('got', event); return event")


class Log:
    """What a function wrote."""

    def __init__(self, logs: Any, name: str) -> None:
        self._logs = logs
        self._group = f"/aws/lambda/{name}"

    def lines(self, words: str) -> list[str]:
        try:
            pages = self._logs.get_paginator("filter_log_events").paginate(logGroupName=self._group)
            found = [event["message"] for page in pages for event in page["events"]]
        except ClientError:
            return []
        return [line for line in found if words in line]


def accept(functions: Functions, name: str, event: Any) -> str:
    """Send an event; gives its request id."""
    response = functions.client.invoke(
        FunctionName=name, InvocationType="Event", Payload=json.dumps(event).encode()
    )
    assert (response["StatusCode"], response["Payload"].read()) == (202, b"")
    return response["ResponseMetadata"]["RequestId"]


def test_an_accepted_event_runs_once(
    functions: Functions, client: Callable[..., Any], clock: Any
) -> None:
    functions.create("f", ECHO)
    request_id = accept(functions, "f", {"a": 1})
    clock.wait_until_idle()
    clock.advance(seconds=7200)
    clock.wait_until_idle()
    log = Log(client("logs"), "f")
    assert log.lines("START RequestId") == [f"START RequestId: {request_id} Version: $LATEST\n"]
    assert log.lines("got") == ["got {'a': 1}\n"]


def test_a_failed_event_is_tried_again_after_one_and_two_minutes(
    functions: Functions, client: Callable[..., Any], clock: Any
) -> None:
    """Two retries with the same request id, then never again; the end is told in the trace."""
    functions.create("f", FAILS)
    clock.freeze()
    request_id = accept(functions, "f", {"why": "broken"})
    log = Log(client("logs"), "f")
    attempts: list[int] = []
    for pause_s in (0, 59, 1, 119, 1, 86400):
        clock.advance(seconds=pause_s)
        clock.wait_until_idle()
        attempts.append(len(log.lines(f"START RequestId: {request_id}")))
    assert attempts == [1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize(("age_s", "runs"), [(21_600, 2), (60, 1)])
def test_throttling_postpones_without_counting(
    functions: Functions, client: Callable[..., Any], clock: Any, age_s: int, runs: int
) -> None:
    """The only environment that may be is held by a function that waits for an object. Old events are dropped."""
    functions.create("f", HOLDS, Timeout=30, MemorySize=1769)
    functions.client.put_function_event_invoke_config(
        FunctionName="f", MaximumEventAgeInSeconds=age_s
    )
    bucket = f"held-{functions.account}"
    s3 = client("s3")
    s3.create_bucket(Bucket=bucket)
    functions.client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=1)
    clock.freeze()
    with ThreadPoolExecutor() as pool:
        held = pool.submit(functions.invoke, "f", {"bucket": bucket})
        log = Log(client("logs"), "f")
        while "begun" not in [
            one["Key"] for one in s3.list_objects_v2(Bucket=bucket).get("Contents", ())
        ]:
            pass
        accept(functions, "f", {})
        for _ in range(8):  # more often than there are attempts
            clock.wait_until_idle()
            clock.advance(seconds=300)
        s3.put_object(Bucket=bucket, Key="go")
        held.result()
    assert len(log.lines("START RequestId")) == 1
    clock.advance(seconds=600)
    clock.wait_until_idle()
    assert len(log.lines("START RequestId")) == runs


def test_events_that_wait_for_one_another_need_no_clock(
    functions: Functions, client: Callable[..., Any], clock: Any
) -> None:
    """Twenty events, one environment: as one is done the next begins, and none is put off."""
    functions.create("f", package("import time\ndef handler(event, context): time.sleep(0.02)"))
    functions.client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=1)
    for _ in range(20):
        accept(functions, "f", {})
    clock.wait_until_idle()
    assert len(Log(client("logs"), "f").lines("END RequestId")) == 20


def test_an_event_for_a_function_deleted_meanwhile_ends(functions: Functions, clock: Any) -> None:
    functions.create("f", FAILS)
    clock.freeze()
    accept(functions, "f", {"why": "broken"})
    clock.wait_until_idle()
    functions.client.delete_function(FunctionName="f")
    clock.advance(seconds=60)
    clock.wait_until_idle()


def test_nothing_accepted_for_a_function_that_is_not_there(functions: Functions) -> None:
    with pytest.raises(ClientError, match="Function not found"):
        accept(functions, "missing", {})


def test_an_acknowledged_event_survives_kill_9(own_server: Callable[..., Any]) -> None:
    """The event is durable before the 202: a server killed while the function runs runs it again."""
    server = own_server()
    functions = Functions(server.client("lambda", "000000000001"), "000000000001")
    slow = "import time\ndef handler(event, context):\n    print('begun', flush=True)\n"
    functions.create("f", package(slow + "    time.sleep(event['s'])\n"))
    request_ids = {accept(functions, "f", {"s": 0.3}) for _ in range(3)}
    server.kill()
    server.start()
    server.ask("POST", "/_pilvi/idle", {"timeout_s": 60})
    log = Log(server.client("logs", "000000000001"), "f")
    ended = {line.split()[2] for line in log.lines("END RequestId")}
    assert ended == request_ids


def test_a_slow_function_does_not_hold_up_another(own_server: Callable[..., Any]) -> None:
    """Thirty events of a function that does not end before the server does, then one of another."""
    server = own_server()
    functions = Functions(server.client("lambda", "000000000001"), "000000000001")
    functions.create(
        "slow", package("import time\ndef handler(event, context): time.sleep(900)"), Timeout=900
    )
    functions.create("other", ECHO)
    for _ in range(30):
        accept(functions, "slow", {})
    accept(functions, "other", {})
    log = Log(server.client("logs", "000000000001"), "other")
    deadline = time.monotonic() + 30
    while not log.lines("END RequestId"):
        assert time.monotonic() < deadline, "the other function waits"


def test_an_object_in_a_bucket_invokes_the_function_it_may_invoke(
    functions: Functions, client: Callable[..., Any], account: str, clock: Any
) -> None:
    s3 = client("s3")
    bucket = f"bucket-{account}"
    s3.create_bucket(Bucket=bucket)
    arn = functions.create("f", ECHO)["FunctionArn"]
    functions.client.add_permission(
        FunctionName="f",
        StatementId="s3",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn=f"arn:aws:s3:::{bucket}",
        SourceAccount=account,
    )
    configuration = {"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={"LambdaFunctionConfigurations": [configuration]},
    )
    s3.put_object(Bucket=bucket, Key="one", Body=b"1")
    clock.wait_until_idle()
    log = Log(client("logs"), "f")
    (line,) = [one for one in log.lines("got") if "'one'" in one]
    assert "'eventName': 'ObjectCreated:Put'" in line
    functions.client.remove_permission(FunctionName="f", StatementId="s3")
    s3.put_object(Bucket=bucket, Key="two", Body=b"2")
    clock.wait_until_idle()
    assert [one for one in log.lines("got") if "'two'" in one] == []


def test_how_often_an_event_is_tried_can_be_configured(
    functions: Functions, client: Callable[..., Any], clock: Any, account: str
) -> None:
    lambda_ = functions.client
    functions.create("f", FAILS)
    arn = f"arn:aws:lambda:us-east-1:{account}:function:f:$LATEST"
    missing = f"The function {arn.replace('$', '.')} doesn't have an EventInvokeConfig"
    with pytest.raises(ClientError, match=missing):
        lambda_.get_function_event_invoke_config(FunctionName="f")
    with pytest.raises(ClientError, match="You must specify at least one of error handling"):
        lambda_.put_function_event_invoke_config(FunctionName="f")
    lambda_.put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=0)
    clock.freeze()
    accept(functions, "f", {"why": "broken"})
    clock.wait_until_idle()
    clock.advance(seconds=7200)
    clock.wait_until_idle()
    assert len(Log(client("logs"), "f").lines("START RequestId")) == 1
    put = lambda_.update_function_event_invoke_config(FunctionName="f", MaximumEventAgeInSeconds=60)
    assert put.pop("LastModified")
    put.pop("ResponseMetadata")
    assert put == {
        "FunctionArn": arn,
        "MaximumRetryAttempts": 0,
        "MaximumEventAgeInSeconds": 60,
        "DestinationConfig": {"OnSuccess": {}, "OnFailure": {}},
    }
    listed = lambda_.list_function_event_invoke_configs(FunctionName="f")
    assert [one["FunctionArn"] for one in listed["FunctionEventInvokeConfigs"]] == [arn]
    lambda_.delete_function_event_invoke_config(FunctionName="f")
