"""Destinations and dead letters of asynchronous invocations: who is told what of them, and when."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from lambda_.support import package
from recordings.lambda_.working import Working, scenario

OF = "TestLambdaDestinationSqs::"
_MEMBERS = (
    *("invoked_function_arn", "function_version", "function_name", "memory_limit_in_mb"),
    *("aws_request_id", "log_group_name", "log_stream_name", "client_context"),
)
_ENDING = f"""
def handler(event, context):
    print("Lambda log message - print function")
    logging.getLogger().info("Lambda log message - logging module")
    if event.get("raise_error"):
        raise Exception("Test exception (this is intentional)")
    return {{
        "event": event,
        "context": {{name: getattr(context, name) for name in {_MEMBERS!r}}},
    }}
"""
ENDING = package(
    handler__py="import logging\nlogging.getLogger().setLevel(logging.INFO)" + "\n" * 48 + _ENDING
)
"""The line that raises was recorded."""
FAILING = package(
    handler__py="\n" * 4 + "def handler(event, context):\n    print(event)\n"
    '    raise Exception("intentional failure")\n'
)


def function(story: Working, name: str, zipped: bytes) -> None:
    if "Error" in story.ask("get_function", FunctionName=name):
        story.create(None, name, Code={"ZipFile": zipped})


def configure(story: Working, name: str, label: str | None = None, **how: Any) -> str:
    """A queue that is told of every end; its name."""
    queue = story.named("ends")
    story.queue(queue)
    told = {"Destination": story.queue_arn(queue)}
    config = {"OnSuccess": told, "OnFailure": told}
    answer = story.do(
        "put_function_event_invoke_config", FunctionName=name, DestinationConfig=config, **how
    )
    if label is not None:
        story.said[label] = answer
    return queue


def accept(story: Working, name: str, event: Any) -> None:
    payload = json.dumps(event).encode()
    story.do("invoke", FunctionName=name, InvocationType="Event", Payload=payload)


@scenario(
    f"{OF}test_assess_lambda_destination_invocation[Success-payload0]",
    f"{OF}test_assess_lambda_destination_invocation[payload0]",
    f"{OF}test_assess_lambda_destination_invocation[payload1]",
    f"{OF}test_lambda_destination_default_retries",
)
def ends(story: Working) -> None:
    function(story, "ends", ENDING)
    label = "put_function_event_invoke_config"
    how = {
        member: story.recorded[label][member]
        for member in ("MaximumRetryAttempts",)
        if member in story.recorded[label]
    }
    queue = configure(story, "ends", label, **how)
    accept(story, "ends", {} if "payload0" in story.parameter else {"raise_error": 1})
    story.message("receive_message_result", queue, step_s=60)


@scenario(f"{OF}test_retries")
def two_retries(story: Working) -> None:
    function(story, "failing", FAILING)
    queue = configure(story, "failing", MaximumRetryAttempts=2)
    accept(story, "failing", {"message": "test-msg-id"})
    for _ in range(3):
        story.clock.wait_until_idle()
        story.clock.advance(seconds=120)
    story.clock.wait_until_idle()
    url = story.url(queue)
    assert "Messages" in story.sqs.receive_message(QueueUrl=url)  # as when it was recorded
    story.clock.advance(seconds=30)
    attributes = {"MessageSystemAttributeNames": ["All"]}
    story.message("queue_destination_payload", queue, **attributes)


@scenario(f"{OF}test_maxeventage")
def too_old(story: Working) -> None:
    function(story, "failing", FAILING)
    for age_s, label in ((60, "no_retry_failure_message"), (120, "single_retry_failure_message")):
        queue = configure(story, "failing", MaximumEventAgeInSeconds=age_s)
        accept(story, "failing", {"message": "test-msg-id"})
        (found,) = story.received(story.url(queue), step_s=60, MessageSystemAttributeNames=["All"])
        story.said[label] = found


@scenario("TestLambdaDLQ::test_dead_letter_queue")
def dead_letters(story: Working) -> None:
    queue, name = story.named("dead"), "letters"
    story.queue(queue)
    target = {"TargetArn": story.queue_arn(queue)}
    code = {"ZipFile": ENDING}
    story.create("create_lambda_with_dlq", name, Code=code, DeadLetterConfig=target)
    accept(story, name, {"raise_error": 1})
    attributes = {"MessageAttributeNames": ["All"]}
    story.message("receive_result", queue, step_s=60, **attributes)
    story("delete_dlq", "update_function_configuration", FunctionName=name, DeadLetterConfig={})
    payload = json.dumps({"raise_error": 1}).encode()
    request = {"FunctionName": name, "Payload": payload, "LogType": "Tail"}
    answer = story("invoke_result", "invoke", **request)
    answer["Payload"] = json.loads(answer["Payload"].read())
    log = base64.b64decode(answer["LogResult"]).decode()
    lines = [line for line in log.splitlines() if not re.match("REPORT|INIT_START|$", line)]
    story.said["log_result"] = {"result": [line.rstrip() for line in lines]}


@scenario("test_sqs_queue_as_lambda_dead_letter_queue")
def dead_letter(story: Working) -> None:
    queue, name = story.named("dead"), "letter"
    story.queue(queue)
    target = {"TargetArn": story.queue_arn(queue)}
    code = {"ZipFile": ENDING}
    made = story.create(None, name, Code=code, DeadLetterConfig=target)
    story.said["lambda-response-dlq-config"] = made["DeadLetterConfig"]
    story.do("put_function_event_invoke_config", FunctionName=name, MaximumRetryAttempts=0)
    accept(story, name, {"raise_error": 1})
    story.message("messages", queue, MessageAttributeNames=["All"])
