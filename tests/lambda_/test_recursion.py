"""Loops: a function that is invoked by what it did itself is stopped after sixteen rounds."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from lambda_.support import Functions, package
from lambda_.test_events import Log, accept
from pilvi.services.lambda_ import lineage

CALLS_ITSELF = package(
    """
import boto3, json
def handler(event, context):
    print("round", event["n"])
    kind = event["kind"]
    again = json.dumps({"n": event["n"] + 1, "kind": kind}).encode()
    client = boto3.client("lambda")
    answer = client.invoke(FunctionName=context.function_name, InvocationType=kind, Payload=again)
    return json.load(answer["Payload"]) if kind == "RequestResponse" else None
"""
)
ARN = "arn:aws:lambda:us-east-1:000000000001:function:f"


@given(st.lists(st.sampled_from("fgh")), st.sampled_from([None, "", "Root=1-2-3;Parent=4", "x"]))
def test_the_header_counts_each_function_for_itself(names: list[str], header: str | None) -> None:
    for at, name in enumerate(names):
        header, before = lineage.advance(header, ARN[:-1] + name)
        assert before == names[:at].count(name)
    if names and header and "Root" in header:
        assert header.startswith("Root=1-2-3;Parent=4;Lineage=")


def test_a_function_that_sends_itself_events_is_stopped(
    functions: Functions, client: Callable[..., Any], account: str, clock: Any
) -> None:
    """The event that is not run goes where failures go."""
    functions.create("f", CALLS_ITSELF, MemorySize=1769)
    functions.create(
        "g", package("import json\ndef handler(event, context): print(json.dumps(event))")
    )
    functions.client.put_function_event_invoke_config(
        FunctionName="f",
        DestinationConfig={
            "OnFailure": {"Destination": ARN[:-1].replace("000000000001", account) + "g"}
        },
    )
    accept(functions, "f", {"n": 0, "kind": "Event"})
    clock.wait_until_idle()
    assert len(Log(client("logs"), "f").lines("round")) == 16
    [line] = Log(client("logs"), "g").lines("requestPayload")
    record = json.loads(line)
    assert record["requestPayload"]["n"] == 16
    assert record["requestContext"]["condition"] == "RecursiveInvocationLoop"


def test_a_loop_may_be_allowed(functions: Functions) -> None:
    """Whoever waits for a function that waits for itself is told what was stopped."""
    functions.create("f", CALLS_ITSELF, MemorySize=1769)
    assert functions.client.get_function_recursion_config(FunctionName="f")["RecursiveLoop"] == (
        "Terminate"
    )
    header = "Root=1-5759e988-bd862e3fe1be46a994272793"
    for _ in range(16):
        header, _ = lineage.advance(header, ARN.replace("000000000001", functions.account))
    events = functions.client.meta.events

    def trace(request: Any, **_: Any) -> None:
        request.headers["X-Amzn-Trace-Id"] = header

    events.register("before-sign.lambda.Invoke", trace)
    with pytest.raises(ClientError) as refusal:
        functions.client.invoke(FunctionName="f", Payload=b'{"n": 0, "kind": "DryRun"}')
    assert refusal.value.response["Error"]["Code"] == "RecursiveInvocationException"
    put = functions.client.put_function_recursion_config(FunctionName="f", RecursiveLoop="Allow")
    assert put["RecursiveLoop"] == "Allow"
    functions.invoke("f", {"n": 0, "kind": "DryRun"})


SENDS_ITSELF = package(
    """
import boto3, os
def handler(event, context):
    print("round")
    boto3.client("sqs").send_message(QueueUrl=os.environ["URL"], MessageBody="again")
"""
)


def test_a_loop_through_a_queue_is_stopped(
    functions: Functions, client: Callable[..., Any], account: str, clock: Any
) -> None:
    """The message keeps the trace; what is not run goes back to the queue, and from there where it sends failures."""
    sqs = client("sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    redrive = {"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{account}:dead", "maxReceiveCount": 1}
    attributes = {"RedrivePolicy": json.dumps(redrive), "VisibilityTimeout": "30"}
    url = sqs.create_queue(QueueName="loop", Attributes=attributes)["QueueUrl"]
    functions.create("f", SENDS_ITSELF, MemorySize=1769, Environment={"Variables": {"URL": url}})
    functions.client.create_event_source_mapping(
        FunctionName="f", EventSourceArn=f"arn:aws:sqs:us-east-1:{account}:loop"
    )
    clock.wait_until_idle()
    sqs.send_message(QueueUrl=url, MessageBody="first")
    for _ in range(4):
        clock.wait_until_idle()
        clock.advance(seconds=60)
    clock.wait_until_idle()
    assert len(Log(client("logs"), "f").lines("round")) == 16
    assert [one["Body"] for one in sqs.receive_message(QueueUrl=dead)["Messages"]] == ["again"]
