"""Functions in other languages, through the same API."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambda_.support import Functions, log_of, package

NODE = """
export const handler = async (event) => {
  console.log("hello", event.name);
  return { name: event.name, region: process.env.AWS_REGION };
};
"""

BOOTSTRAP = """#!/usr/bin/python3
import http.client, os
api = os.environ["AWS_LAMBDA_RUNTIME_API"]
while True:
    connection = http.client.HTTPConnection(api)
    connection.request("GET", "/2018-06-01/runtime/invocation/next")
    event = connection.getresponse()
    body = event.read()
    name = event.headers["Lambda-Runtime-Aws-Request-Id"]
    connection.request("POST", f"/2018-06-01/runtime/invocation/{name}/response", body[::-1])
    connection.getresponse().read()
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node.js on this host")
def test_node(functions: Functions) -> None:
    functions.create("f", package(None, app__mjs=NODE), Runtime="nodejs22.x", Handler="app.handler")
    response = functions.client.invoke(
        FunctionName="f", Payload=b'{"name": "node"}', LogType="Tail"
    )
    assert json.load(response["Payload"]) == {"name": "node", "region": "us-east-1"}
    assert "\tINFO\thello node\n" in log_of(response)


def test_a_runtime_of_ones_own(functions: Functions) -> None:
    functions.create(
        "f", package(None, bootstrap=BOOTSTRAP), Runtime="provided.al2023", Handler="x"
    )
    response = functions.client.invoke(FunctionName="f", Payload=b'"abc"')
    assert response["Payload"].read() == b'"cba"'


def test_a_package_without_a_bootstrap(functions: Functions) -> None:
    functions.create("f", package(None, readme=""), Runtime="provided.al2023", Handler="x")
    response = functions.client.invoke(FunctionName="f", Payload=b"{}")
    assert response["FunctionError"] == "Unhandled"
    assert json.load(response["Payload"])["errorType"] == "Runtime.InvalidEntrypoint"


SNAPPED = """
import os
from snapshot_restore_py import register_after_restore
done = []
register_after_restore(lambda: done.append("restored"))

def handler(event, context):
    import boto3
    return [done, os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], boto3.client("sts").get_caller_identity()["Arn"]]
"""


def test_snapstart_is_of_published_versions(functions: Functions) -> None:
    """Their hooks run, and they ask for their credentials; $LATEST is as if there were none."""
    functions.create(
        "f",
        package(SNAPPED),
        Runtime="python3.13",
        SnapStart={"ApplyOn": "PublishedVersions"},
        Publish=True,
    )
    done, kind, arn = functions.invoke("f", Qualifier="1")
    assert (done, kind) == (["restored"], "snap-start")
    assert arn.endswith("assumed-role/lambda-role/f")
    done, kind, _ = functions.invoke("f")
    assert (done, kind) == ([], "on-demand")


TELLING = """
import boto3, os
boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE"], MessageBody="initialised")
def handler(event, context):
    return 1
"""


def test_a_version_with_snapstart_is_initialised_when_it_is_published(
    functions: Functions, client: Callable[..., Any]
) -> None:
    sqs = client("sqs")
    queue = sqs.create_queue(QueueName="told")["QueueUrl"]
    functions.create(
        "f",
        package(TELLING),
        Runtime="python3.13",
        SnapStart={"ApplyOn": "PublishedVersions"},
        Environment={"Variables": {"QUEUE": queue}},
    )
    functions.client.publish_version(FunctionName="f")
    [message] = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
    assert message["Body"] == "initialised"
    assert functions.invoke("f", Qualifier="1") == 1
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)


def test_a_restore_that_fails_is_no_failure_of_the_function(functions: Functions) -> None:
    """Invoke has an error of its own for it; the log has what the hook raised."""
    source = "from snapshot_restore_py import register_after_restore\nregister_after_restore(lambda: 1 / 0)\n"
    functions.create(
        "f",
        package(source + SNAPPED),
        Runtime="python3.13",
        SnapStart={"ApplyOn": "PublishedVersions"},
        Publish=True,
    )
    with pytest.raises(ClientError) as caught:
        functions.client.invoke(FunctionName="f", Qualifier="1")
    answer = caught.value.response
    assert answer["Error"]["Code"] == "SnapStartException"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400


LOGGING = """
import logging
def handler(event, context):
    logging.getLogger().error("told")
"""


def test_what_a_function_logs_as_it_is_set(functions: Functions) -> None:
    logging = {"LogFormat": "JSON", "ApplicationLogLevel": "ERROR", "SystemLogLevel": "WARN"}
    functions.create("f", package(LOGGING), LoggingConfig=logging, TracingConfig={"Mode": "Active"})
    response = functions.client.invoke(FunctionName="f", LogType="Tail")
    [line] = log_of(response).splitlines()
    assert json.loads(line)["message"] == "told"
