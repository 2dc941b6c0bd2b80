"""How many run at once: what is reserved, what is provisioned, and who is turned away."""

from __future__ import annotations

import json
from typing import Any

from recordings.lambda_.invoking import Invoking, invocation

OF = "TestLambdaConcurrency::test_"
HELLO = "def handler(event, context): return {'hello': 'world'}\n"
F = {"FunctionName": "f"}


def provision(story: Invoking, label: str, count: int, qualifier: str = "1") -> None:
    request = {"Qualifier": qualifier, "ProvisionedConcurrentExecutions": count, **F}
    story(label, "put_provisioned_concurrency_config", **request)


def provisioned(story: Invoking, label: str, qualifier: str = "1") -> None:
    story(label, "get_provisioned_concurrency_config", Qualifier=qualifier, **F)


@invocation(f"{OF}lambda_concurrency_crud")
def reserving(story: Invoking) -> None:
    story.function(HELLO)
    story("get_function_concurrency_default", "get_function_concurrency", **F)
    three = {"ReservedConcurrentExecutions": 0, **F}
    three |= story.recorded["put_function_concurrency"]
    del three["ResponseMetadata"]
    story("put_function_concurrency", "put_function_concurrency", **three)
    story("get_function_concurrency_updated", "get_function_concurrency", **F)
    story.do("delete_function_concurrency", **F)
    story("get_function_concurrency_deleted", "get_function_concurrency", **F)


@invocation(f"{OF}lambda_concurrency_update")
def reserved_of_a_function(story: Invoking) -> None:
    story.function(HELLO)
    three = {"ReservedConcurrentExecutions": 3, **F}
    story("put_function_concurrency", "put_function_concurrency", **three)
    story("get_function_concurrency_updated", "get_function_concurrency", **F)
    story("get_function_concurrency_info", "get_function", **F)
    story.do("delete_function_concurrency", **F)
    story("get_function_concurrency_deleted", "get_function_concurrency", **F)


@invocation(f"{OF}lambda_concurrency_block")
def blocked(story: Invoking) -> None:
    story.function(HELLO)
    story("v1_result", "publish_version", **F)
    one = {"ReservedConcurrentExecutions": 1, **F}
    story("reserved_concurrency_result", "put_function_concurrency", **one)
    story.invoke("invoke_latest_before_block")
    provision(story, "provisioned_concurrency_result", 1)
    story.clock.wait_until_idle()
    story.invoke("invoke_latest_first_exc")
    story.invoke("invoke_v1_after_block", Qualifier="1")
    story.invoke("invoke_latest_second_exc")


@invocation(f"{OF}reserved_concurrency")
def none_at_all(story: Invoking) -> None:
    story.function(HELLO, Timeout=20)
    story("fn", "get_function_configuration", Qualifier="$LATEST", **F)
    story("put_reserved", "put_function_concurrency", ReservedConcurrentExecutions=0, **F)
    story.invoke("exc_no_cap_requestresponse")
    sqs = story.make("sqs")
    queue = sqs.create_queue(QueueName="failed")["QueueUrl"]
    failed = {"Destination": f"arn:aws:sqs:us-east-1:{story.account}:failed"}
    config: dict[str, Any] = {"MaximumRetryAttempts": 0, "DestinationConfig": {"OnFailure": failed}}
    story("put_event_invoke_conf", "put_function_event_invoke_config", **config, **F)
    story.invoke("invoke_result", InvocationType="Event")
    story.clock.wait_until_idle()
    asked = {"AttributeNames": ["All"], "MessageAttributeNames": ["All"]}
    [message] = sqs.receive_message(QueueUrl=queue, **asked)["Messages"]
    told = {"ApproximateFirstReceiveTimestamp", "SentTimestamp"}
    attributes: dict[str, str] = message["Attributes"]
    message["Body"] = json.loads(message["Body"])
    message["Attributes"] = {
        name: "timestamp" if name in told else value for name, value in attributes.items()
    }
    story.said["msg"] = message


@invocation(f"{OF}reserved_concurrency_async_queue")
def one_at_a_time(story: Invoking) -> None:
    story.function(HELLO)
    story("fn", "get_function_configuration", Qualifier="$LATEST", **F)
    story("put_fn_concurrency", "put_function_concurrency", ReservedConcurrentExecutions=1, **F)
    story.do("publish_version", **F)
    provision(story, "", 1)  # so that none is left for $LATEST, as if one ran
    story.clock.wait_until_idle()
    story.invoke("too_many_requests_exc")


@invocation(f"{OF}provisioned_concurrency")
def five(story: Invoking) -> None:
    story.function(HELLO, Publish=True)
    provision(story, "put_provisioned_5", 5)
    provisioned(story, "get_provisioned_prewait")
    story.clock.wait_until_idle()
    provisioned(story, "get_provisioned_postwait")


@invocation(f"{OF}provisioned_concurrency_on_alias")
def five_of_an_alias(story: Invoking) -> None:
    story.function(HELLO, Publish=True)
    story.do("create_alias", Name="live", FunctionVersion="1", **F)
    provision(story, "put_provisioned_5", 5, "live")
    provisioned(story, "get_provisioned_prewait", "live")
    story.clock.wait_until_idle()
    provisioned(story, "get_provisioned_postwait", "live")


@invocation(f"{OF}lambda_provisioned_concurrency_scheduling")
def ready(story: Invoking) -> None:
    source = "import os\ndef handler(event, context): return os.environ['KIND']\n"
    source = source.replace("KIND", "AWS_LAMBDA_INITIALIZATION_TYPE")
    story.function(source, Publish=True)
    provision(story, "", 1)
    story.clock.wait_until_idle()
    provisioned(story, "get_provisioned_postwait")
    assert story.invoke(Qualifier="1")["Payload"] == '"provisioned-concurrency"'
    assert story.invoke()["Payload"] == '"on-demand"'


@invocation(f"{OF}provisioned_concurrency_init_failure")
def none_begins(story: Invoking) -> None:
    story.function("raise Exception('no')\n", Publish=True)
    provision(story, "put_provisioned", 1)
    provisioned(story, "get_provisioned_prewait")
    story.clock.wait_until_idle()
    provisioned(story, "get_provisioned_postwait")


@invocation(f"{OF}reserved_provisioned_overlap")
def both(story: Invoking) -> None:
    story.function(HELLO, Publish=True)
    provision(story, "put_provisioned_5", 2)
    provisioned(story, "get_provisioned_prewait")
    story.clock.wait_until_idle()
    provisioned(story, "get_provisioned_postwait")
    fewer = "reserved_lower_than_provisioned_exc"
    story(fewer, "put_function_concurrency", ReservedConcurrentExecutions=1, **F)
    story.do("put_function_concurrency", ReservedConcurrentExecutions=2, **F)
    story("get_concurrency", "get_function_concurrency", **F)
    story.invoke("reserved_equals_provisioned_latest_invoke_exc")
    story("update_func_config", "update_function_configuration", Timeout=15, **F)
    story.do("publish_version", **F)
    provision(story, "reserved_equals_provisioned_another_provisioned_exc", 1, "2")
    provision(story, "reserved_equals_provisioned_increase_provisioned_exc", 3)


@invocation(f"{OF}lambda_provisioned_concurrency_moves_with_alias")
def moving(story: Invoking) -> None:
    latest, first = {"Qualifier": "$LATEST", **F}, {"Qualifier": "1", **F}
    story.function(HELLO, "create-result")
    story("get-function-configuration", "get_function_configuration", **latest)
    story("publish_version_1", "publish_version", Description="my-first-version", **F)
    story("get_function_configuration_version_1", "get_function_configuration", **F, Qualifier="1")
    story("create_alias", "create_alias", FunctionVersion="1", Name="live", **F)
    story("get_function_before_provisioned", "get_function", **first)
    provision(story, "", 1, "live")
    story.clock.wait_until_idle()
    story("get_function_after_provisioned", "get_function", **first)
    story.do("update_function_configuration", Timeout=10, **F)
    story("get_function_after_update", "get_function_configuration", **F)
    story("publish_version_2", "publish_version", **F)
    story("update_alias", "update_alias", FunctionVersion="2", Name="live", **F)
    provisioned(story, "get_provisioned_config_after_alias_move", "live")
    provisioned(story, "provisioned_concurrency_notfound", "1")
