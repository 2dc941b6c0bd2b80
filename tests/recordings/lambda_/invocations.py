"""Functions that are invoked: answers, failures, logs, versions and aliases."""

from __future__ import annotations

import base64
import json
from typing import Any

from lambda_.support import package
from recordings.lambda_.invoking import Invoking, invocation, tail

ECHO = "def handler(event, context):\n    print(event)\n    return event\n"
QUIET = "def handler(event, context):\n    pass\n"
FEATURES = "TestLambdaFeatures::test_invocation"
OLD_RUNTIMES = ("python3.10", "nodejs16.x")

NODE = {"Runtime": "nodejs22.x", "Handler": "index.handler"}


def node(source: str) -> bytes:
    return package(None, index__js=source, lambda_integration__js=source)


@invocation("TestLambdaFeatures::test_basic_invoke")
def two_functions(story: Invoking) -> None:
    for label, name in (("", "f"), ("_2", "g")):
        story.function(ECHO, f"lambda_create_fn{label}", name)
    for label, name in (("", "f"), ("_2", "g")):
        story(f"lambda_get_fn{label}", "get_function", FunctionName=name)
    story.invoke("lambda_invoke_result")


@invocation("TestLambdaBaseFeatures::test_function_state")
def state(story: Invoking) -> None:
    story.function(ECHO, "create-fn-response")
    story("get-fn-response", "get_function", FunctionName="f")


@invocation("TestLambdaBaseFeatures::test_lambda_different_iam_keys_environment")
def made(story: Invoking) -> None:
    story.function(ECHO, "create-result")


@invocation("TestLambdaCleanup::test_recreate_function")
def made_again(story: Invoking) -> None:
    story.function(ECHO, "create_function_response_one", zipped=lambda_echo())
    assert story.invoke(event={"a": 1})["Payload"] == {"a": 1}
    story.do("delete_function", FunctionName="f")
    story.function(ECHO, "create_function_response_two", zipped=lambda_echo())
    assert story.invoke(event={"a": 2})["Payload"] == {"a": 2}


def lambda_echo() -> bytes:
    return package(None, lambda_echo__py=ECHO)


@invocation("TestLambdaBehavior::test_lambda_cache_local[python]")
def state_of_python(story: Invoking) -> None:
    story.function(
        "n = -1\ndef handler(event, context):\n    global n\n    n += 1\n    return {'counter': n}\n"
    )
    story.invoke("first_invoke_result")
    story.invoke("second_invoke_result")


@invocation("TestLambdaBehavior::test_lambda_cache_local[nodejs]")
def state_of_node(story: Invoking) -> None:
    source = "let n = -1;\nexports.handler = async () => ({counter: ++n});\n"
    story.function("", zipped=node(source), **NODE)
    story.invoke("first_invoke_result")
    story.invoke("second_invoke_result")


@invocation("TestLambdaBehavior::test_lambda_invoke_with_timeout")
def out_of_time(story: Invoking) -> None:
    story.function(
        "import time\ndef handler(event, context): time.sleep(60)\n", "create-result", Timeout=1
    )
    story.invoke("invoke-result")


STATEFUL = """
import time
number = 0
def handler(event, context):
    global number
    if "sleep" in event:
        time.sleep(60)
    if "number" in event:
        number = event["number"]
    if "write" in event:
        open("/tmp/file", "w").write(event["write"])
    if event.get("read") == "number":
        return {"number": number}
    return {"content": open("/tmp/file").read()} if "read" in event else None
"""


@invocation("TestLambdaBehavior::test_lambda_invoke_timed_out_environment_reuse")
def out_of_time_and_again(story: Invoking) -> None:
    story.function(STATEFUL, "create-result", Timeout=1)
    story.invoke("invoke-result-file-write", {"write": "some-content"})
    story.invoke("invoke-result-file-read", {"read": "file"})
    story.invoke("invoke-result-set-number", {"number": 42})
    story.invoke("invoke-result-read-number", {"read": "number"})
    told = story.invoke("invoke-result-timed-out", {"sleep": True})["Payload"]
    # Later recordings have it in these words; this one is older.
    assert told.pop("errorType") == "Sandbox.Timedout"
    words = told["errorMessage"].partition(" Error: ")[2]
    told["errorMessage"] = f"date <timeout_error_msg> {words}"
    story.invoke("invoke-result-file-read-after-timeout", {"read": "file"})
    story.invoke("invoke-result-read-number-after-timeout", {"read": "number"})


@invocation("TestLambdaBehavior::test_lambda_invoke_no_timeout")
def in_time(story: Invoking) -> None:
    story.function(QUIET, "create-result", Timeout=2)
    story.invoke("invoke-result")


@invocation(f"{FEATURES}_with_logs[python3.10]")
def tail_of_python(story: Invoking) -> None:
    story.function(ECHO)
    answer = story.invoke("invoke", LogType="Tail")
    story.said["logs"] = {"logs": tail(answer)}


@invocation(f"{FEATURES}_with_logs[nodejs16.x]")
def tail_of_node(story: Invoking) -> None:
    source = "exports.handler = async (event) => { console.log(event); return event; };"
    story.function("", zipped=node(source), **NODE)
    answer = story.invoke("invoke", LogType="Tail")
    story.said["logs"] = {"logs": tail(answer)}


@invocation(*(f"{FEATURES}_type_request_response[{runtime}]" for runtime in OLD_RUNTIMES))
def answered(story: Invoking) -> None:
    echo(story)
    story.invoke("invoke-result", InvocationType="RequestResponse")


@invocation(*(f"{FEATURES}_type_event[{runtime}]" for runtime in OLD_RUNTIMES))
def accepted(story: Invoking) -> None:
    echo(story)
    story.invoke("invoke-result", InvocationType="Event")


@invocation(*(f"{FEATURES}_type_dry_run[{runtime}]" for runtime in OLD_RUNTIMES))
def only_tried(story: Invoking) -> None:
    echo(story)
    story.invoke("invoke-result", InvocationType="DryRun")


def echo(story: Invoking) -> None:
    if story.parameter.startswith("node"):
        source = "exports.handler = async (event) => event;"
        story.function("", zipped=node(source), **NODE)
    else:
        story.function(ECHO)


@invocation(
    *(
        f"{FEATURES}_type_no_return_payload[{language}-{how}]"
        for language in ("python", "nodejs")
        for how in ("RequestResponse", "Event")
    )
)
def answering_nothing(story: Invoking) -> None:
    language, how = story.parameter.split("-")
    if language == "nodejs":
        story.function("", zipped=node("exports.handler = async () => {};"), **NODE)
    else:
        story.function(QUIET)
    story.invoke("invoke-result", InvocationType=how)


@invocation("TestLambdaFeatures::test_lambda_environment")
def variables(story: Invoking) -> None:
    source = "import os\ndef handler(event, context): return {'Hello': os.environ['Hello']}\n"
    story.function(source, "creation-result")
    story.invoke("invocation-result")
    story("get-configuration-result", "get_function_configuration", FunctionName="f")


CONTEXT = """
import logging
logging.getLogger().setLevel(logging.INFO)
TOLD = (
    "invoked_function_arn function_version function_name memory_limit_in_mb aws_request_id"
    " log_group_name log_stream_name client_context"
).split()
def handler(event, context):
    print("Lambda log message - print function")
    logging.getLogger().info("Lambda log message - logging module")
    return {"event": event, "context": {name: getattr(context, name) for name in TOLD}}
"""
QUOTED = {"foo": "bar with 'quotes\""}


@invocation("TestLambdaFeatures::test_invocation_with_qualifier")
def qualified(story: Invoking) -> None:
    story.function(CONTEXT, "creation-response", Publish=True)
    answer = story.invoke("invocation-response", QUOTED, Qualifier="1", LogType="Tail")
    lines = [line.removesuffix("\n") for line in tail(answer)]
    told = [line for line in lines if not line.startswith(("REPORT", "INIT_START"))]
    story.said["log_result"] = {"log_result": told}


@invocation("TestLambdaFeatures::test_upload_lambda_from_s3")
def code_of_an_object(story: Invoking) -> None:
    s3, bucket = story.make("s3"), f"invoked-{story.account}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="code.zip", Body=package(None, handler__py=CONTEXT))
    place = {"S3Bucket": bucket, "S3Key": "code.zip"}
    story.create("creation-response", Code=place)
    story.invoke("invocation-response", QUOTED)


@invocation("TestLambdaFeatures::test_lambda_with_context")
def context_of_node(story: Invoking) -> None:
    source = "exports.handler = async (event, context) => ({context});"
    story.function("", "creation", zipped=node(source), Runtime="nodejs22.x")
    story.said["creation"]["CreateFunctionResponse"]["Runtime"] = "nodejs16.x"
    context: dict[str, Any] = {
        "custom": {"foo": "bar"},
        "client": {"snap": ["crackle", "pop"]},
        "env": {"fizz": "buzz"},
    }
    told = base64.b64encode(json.dumps(context).encode()).decode()
    story.invoke("invocation", ClientContext=told)


@invocation("TestLambdaFeatures::test_invoke_exceptions")
def nobody(story: Invoking) -> None:
    story.invoke("invoke_function_doesnotexist", FunctionName="doesnotexist")


RAISES = """class CustomException(Exception):
    pass


def handler(event, context):
    raise CustomException("some error occurred")
"""


@invocation("TestLambdaFeatures::test_invocation_type_event_error")
def tried_again(story: Invoking) -> None:
    story.function(RAISES, "creation_response")
    limit = {"FunctionName": "f", "MaximumRetryAttempts": 1}
    story.do("put_function_event_invoke_config", **limit)
    story.invoke("invocation_response", InvocationType="Event")
    story.clock.wait_until_idle()
    story.clock.advance(seconds=60)
    story.clock.wait_until_idle()
    events = story.make("logs").filter_log_events(logGroupName="/aws/lambda/f")["events"]
    told = ("timestamp", "message", "ingestionTime")
    story.said["log_events"] = [{name: event[name] for name in told} for event in events]


@invocation("TestRequestIdHandling::test_request_id_invoke")
def request_ids(story: Invoking) -> None:
    source = (
        "import logging\nlogging.getLogger().setLevel(logging.INFO)\n"
        "def handler(event, context):\n"
        "    logging.getLogger().info('RequestId log message')\n"
        "    return context.aws_request_id\n"
    )
    story.function(source)
    answer = story.invoke("invoke_result", LogType="Tail")
    assert answer["Payload"] == json.dumps(answer["ResponseMetadata"]["RequestId"])
    told = [line.strip() for line in tail(answer) if not line.startswith("INIT_START")]
    del answer["LogResult"]
    story.said["log_entries"] = {"logs": told}


@invocation("TestRequestIdHandling::test_request_id_async_invoke_with_retry")
def request_ids_of_events(story: Invoking) -> None:
    story.function(RAISES)
    limit = {"FunctionName": "f", "MaximumRetryAttempts": 1}
    story.do("put_function_event_invoke_config", **limit)
    answer = story.invoke("invoke_result", InvocationType="Event")
    story.clock.wait_until_idle()
    story.clock.advance(seconds=60)
    story.clock.wait_until_idle()
    ended = [line.strip() for line in story.logged("f", "END")]
    assert ended[0].endswith(answer["ResponseMetadata"]["RequestId"])
    assert len(set(ended)) == 1
    story.said["end_messages"] = ended


ERRORS = "TestLambdaErrors::test_lambda_"


@invocation(f"{ERRORS}runtime_error")
def not_begun(story: Invoking) -> None:
    source = 'raise Exception("Runtime startup fails")\n\ndef handler(event, context): ...\n'
    story.function(
        "",
        zipped=package(None, lambda_runtime_error__py=source),
        Handler="lambda_runtime_error.handler",
        Runtime="python3.13",
    )
    story.invoke("invocation_error")


@invocation(f"{ERRORS}runtime_exit")
def ended_at_once(story: Invoking) -> None:
    story.function("import os\nos._exit(0)\n")
    story.invoke("invocation_error")


@invocation(f"{ERRORS}handler_exit")
def ended(story: Invoking) -> None:
    story.function("import sys\ndef handler(event, context): sys.exit(0)\n")
    story.invoke("invocation_error")


@invocation(f"{ERRORS}handler_error")
def raised(story: Invoking) -> None:
    source = 'def handler(event, context):\n    raise Exception("Handler fails")\n'
    story.function(
        "",
        zipped=package(None, lambda_handler_error__py=source),
        Handler="lambda_handler_error.handler",
    )
    story.invoke("invocation_error")


@invocation(f"{ERRORS}runtime_wrapper_not_found")
def unwrapped(story: Invoking) -> None:
    wrapper = {"AWS_LAMBDA_EXEC_WRAPPER": "/idontexist"}
    story.function(ECHO, Environment={"Variables": wrapper})
    story.invoke("invocation_error")


ENCODING = f"{ERRORS}invoke_payload_encoding_error"


@invocation(rf"{ENCODING}[body-n\x87r\x9e\xe9\xb5\xd7I\xee\x9bmt]")
def no_utf8(story: Invoking) -> None:
    story.function(ECHO)
    body = b"n\x87r\x9e\xe9\xb5\xd7I\xee\x9bmt"
    story.invoke("invoke_function_invalid_payload_body", body)


@invocation(rf"{ENCODING}[message-\x99\xeb,j\x07\xa1zYh]")
def no_json(story: Invoking) -> None:
    story.function(ECHO)
    story.invoke("invoke_function_invalid_payload_message", b"\x99\xeb,j\x07\xa1zYh")


@invocation("TestLambdaBaseFeatures::test_lambda_too_large_response")
def too_large(story: Invoking) -> None:
    story.function("def handler(event, context): return 'x' * 6291557\n")
    story.invoke("invoke_result")
    story.invoke("invoke_result_2")


def told(version: int) -> bytes:
    return package(
        None,
        handler__py=(
            "def handler(event, context):\n"
            f"    return {{'version_id': 'version{version}',"
            " 'invoked_arn': context.invoked_function_arn,"
            " 'version_from_ctx': context.function_version}\n"
        ),
    )


@invocation("TestLambdaVersions::test_lambda_versions_with_code_changes")
def versions(story: Invoking) -> None:
    of_f = {"FunctionName": "f"}
    story.function("", "create_response", zipped=told(1))
    first = "First version description :)"
    story("first_publish_response", "publish_version", Description=first, **of_f)
    story("update_lambda_response", "update_function_code", ZipFile=told(2), **of_f)
    story.invoke("invocation_result_latest")
    story.invoke("invocation_result_v1", Qualifier="1")
    second = "Second version description :)"
    story("second_publish_response", "publish_version", Description=second, **of_f)
    story.invoke("invocation_result_v2", Qualifier="2")
    label = "update_lambda_response_with_publish"
    story(label, "update_function_code", ZipFile=told(3), Publish=True, **of_f)
    story.invoke("invocation_result_v3", Qualifier="3")
    story.invoke("invocation_result_latest_end")
    story.invoke("invocation_result_v2_end", Qualifier="2")
    story.invoke("invocation_result_v1_end", Qualifier="1")


@invocation("TestLambdaAliases::test_lambda_alias_moving")
def moving(story: Invoking) -> None:
    of_f, alias = {"FunctionName": "f"}, {"FunctionName": "f", "Name": "alias1"}
    story.function("", "create_response", zipped=told(1))
    story.do("publish_version", **of_f)
    story("create_alias_response", "create_alias", FunctionVersion="1", **alias)
    story.invoke("invocation_result_qualifier_v1", Qualifier="alias1")
    story.invoke("invocation_result_qualifier_v1_arn", FunctionName=story.arn("f:alias1"))
    story("update_lambda_response", "update_function_code", ZipFile=told(2), **of_f)
    story.invoke("invocation_result_qualifier_v1_after_update", Qualifier="alias1")
    second = "Second version description :)"
    story("second_publish_response", "publish_version", Description=second, **of_f)
    story.invoke("invocation_result_qualifier_v1_after_publish", Qualifier="alias1")
    story("update_alias_response", "update_alias", FunctionVersion="2", **alias)
    story.invoke("invocation_result_qualifier_v2", Qualifier="alias1")
    story.invoke("invocation_exc_not_existent", Qualifier="non-existent-alias")


@invocation("TestLambdaAliases::test_alias_routingconfig")
def routing(story: Invoking) -> None:
    story.function("", zipped=told(1), Publish=True)
    code = {"FunctionName": "f", "ZipFile": told(2), "Publish": True}
    story.do("update_function_code", **code)
    weights = {"AdditionalVersionWeights": {"2": 0.5}}
    alias = {"FunctionName": "f", "Name": "alias1", "FunctionVersion": "1"}
    story("create_alias_response", "create_alias", RoutingConfig=weights, **alias)


@invocation("TestLambdaVersions::test_lambda_handler_update")
def another_handler(story: Invoking) -> None:
    source = (
        "def handler(event, context): return {'handler': 'handler'}\n"
        "def handler_two(event, context): return {'handler': 'handler_two'}\n"
    )
    story.function(source)
    story.invoke("invoke_result_handler_one")
    change = {"FunctionName": "f", "Handler": "handler.handler_two"}
    label = "update_function_configuration_result"
    story(label, "update_function_configuration", **change)
    story("get_function_result", "get_function", FunctionName="f")
    story.invoke("invoke_result_handler_two")
    story.do("publish_version", FunctionName="f")
    story.invoke("invoke_result_handler_two_postpublish")


@invocation("TestLambdaBehavior::test_mixed_architecture")
def another_architecture(story: Invoking) -> None:
    story.function(ECHO, "create_function_response")
    zipped = package(None, handler__py=ECHO)
    change = {"FunctionName": "f", "ZipFile": zipped, "Architectures": ["arm64"]}
    story("update_function_code_response", "update_function_code", **change)
