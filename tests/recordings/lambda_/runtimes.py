"""What functions of each language see of their environment, and how their errors are told."""

from __future__ import annotations

from typing import Any

from lambda_.support import package
from recordings.lambda_.invocations import tail
from recordings.lambda_.invoking import Invoking, invocation

OF = "TestLambdaRuntimesCommon::test_"

PYTHON = """
import os
TOLD = (
    "aws_request_id function_name function_version invoked_function_arn log_group_name"
    " log_stream_name memory_limit_in_mb"
).split()
def handler(event, context):
    if "error_msg" in event:
        raise Exception(f"Failed: {event['error_msg']}")
    told = {name: getattr(context, name) for name in TOLD}
    told["remaining_time_in_millis"] = context.get_remaining_time_in_millis()
    return {"ctx": told, "environment": dict(os.environ), "packages": []}
"""
NODE = """
exports.handler = async (event, context) => {
  if (event.error_msg) throw new Error(`Error: ${event.error_msg}`);
  return {
    ctx: {
      aws_request_id: context.awsRequestId, function_name: context.functionName,
      function_version: context.functionVersion, invoked_function_arn: context.invokedFunctionArn,
      log_group_name: context.logGroupName, log_stream_name: context.logStreamName,
      remaining_time_in_millis: context.getRemainingTimeInMillis(),
    },
    environment: process.env, packages: [],
  };
};
"""
WRAPPER = """#!/bin/bash
export WRAPPER_VAR=set
exec "$@"
"""


def zipped() -> bytes:
    return package(None, handler__py=PYTHON, index__js=NODE, environment_wrapper=WRAPPER)


@invocation(
    *(
        f"{OF}introspection_invoke[{runtime}]"
        for runtime in ("python3.11", "python3.14", "nodejs22.x")
    )
)
def environments(story: Invoking) -> None:
    story.function("", "create_function_result", zipped=zipped())
    for label, name in (("", "f"), ("_qualified", story.arn("f:$LATEST"))):
        answer: dict[str, Any] = story.invoke(FunctionName=name)["Payload"]
        answer["environment"].pop("AWS_ENDPOINT_URL")  # where the cloud is; AWS's is where it is
        story.said[f"invocation_result_payload{label}"] = answer


@invocation(
    *(f"{OF}uncaught_exception_invoke[{runtime}]" for runtime in ("python3.12", "nodejs22.x"))
)
def errors(story: Invoking) -> None:
    story.function("", "create_function_result", zipped=zipped(), Environment=None)
    story.invoke("error_result", {"error_msg": "some_error_msg"})


@invocation(*(f"{OF}runtime_wrapper_invoke[{runtime}]" for runtime in ("python3.12", "nodejs22.x")))
def wrapped(story: Invoking) -> None:
    story.function("", "create_function_result", zipped=zipped())
    answer = story.invoke()
    assert answer["Payload"]["environment"]["WRAPPER_VAR"] == "set"


@invocation("TestCloudwatchLogs::test_multi_line_prints")
def lines(story: Invoking) -> None:
    source = "def handler(event, context):\n    print('multi\\nline\\nstring\\nanother\\rline')\n"
    story.function(source, Runtime="python3.13")
    tail(story.invoke(LogType="Tail"))
    events = story.make("logs").filter_log_events(logGroupName="/aws/lambda/f")["events"]
    story.said["log-events"] = events


ES6 = """
export const handler = async (event) => ({
  statusCode: 200,
  body: JSON.stringify(`response from localstack lambda: ${JSON.stringify(event)}`),
});
"""


@invocation("TestNodeJSRuntimes::test_invoke_nodejs_es6_lambda[nodejs22.x]")
def modules(story: Invoking) -> None:
    code = package(None, lambda_handler_es6__mjs=ES6)
    story.function("", "creation-result", zipped=code)
    story.invoke("invocation-result", {"event_type": "test_lambda"})


LIMITS = """
import resource
NAMES = "AS CORE CPU DATA FSIZE MEMLOCK NOFILE NPROC RSS STACK".split()
def handler(event, context):
    limits = {f"RLIMIT_{name}": getattr(resource, f"RLIMIT_{name}") for name in NAMES}
    return {name: resource.getrlimit(limit) for name, limit in limits.items()}
"""


@invocation("TestLambdaBehavior::test_runtime_ulimits")
def limits(story: Invoking) -> None:
    story.function(LIMITS)
    story.invoke("invoke_runtime_ulimits")


LOOKS = """
import os, platform, stat, pathlib
def handler(event, context):
    paths = {}
    for path in ("/var/task", "/opt", "/tmp"):
        looked, name = os.stat(path), path.replace("/", "_")
        paths |= {
            f"{name}_mode": stat.filemode(looked.st_mode),
            f"{name}_uid": looked.st_uid, f"{name}_gid": looked.st_gid,
        }
    return {
        "event": event, "platform_system": platform.system(),
        "platform_machine": platform.machine(), "pwd": os.getcwd(), "paths": paths,
    }
"""


@invocation("TestLambdaBehavior::test_runtime_introspection_x86")
def places(story: Invoking) -> None:
    story.function(LOOKS)
    story.invoke("invoke_runtime_x86_introspection")


@invocation("TestLambdaBehavior::test_lambda_init_environment")
def at_init(story: Invoking) -> None:
    source = "import os\ndef handler(event, context): return {'environment': dict(os.environ)}\n"
    story.function(source, "create-result")
    answer = story.invoke("lambda-init-inspection")
    answer["Payload"]["environment"].pop("AWS_ENDPOINT_URL")
