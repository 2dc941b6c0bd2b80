"""Mappings of queues: what reaches functions, which messages pass filters, and what becomes of those that fail."""

from __future__ import annotations

import json
from typing import Any

from recordings.lambda_.working import Working, scenario

OF = "TestSQSEventSourceMapping::"
FILTERED = f"{OF}test_sqs_event_filter"
CREATED = "create-event-source-mapping-response"


def send(story: Working, url: str, body: Any, **more: Any) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    story.sqs.send_message(QueueUrl=url, MessageBody=text, **more)


@scenario("test_failing_lambda_retries_after_visibility_timeout")
def tried_again(story: Working) -> None:
    source, told = story.named("attempts"), f"told_{story.source}"
    url = story.queue(source, VisibilityTimeout=10)
    story.said["get_destination_queue_url"] = story.sqs.get_queue_url(QueueName=told)
    uuid = story.map(None, story.queue_arn(source), BatchSize=1)
    story("event_source_mapping", "get_event_source_mapping", UUID=uuid)
    send(story, url, {"destination": story.url(told), "fail_attempts": 1})
    story.message("first_attempt", told)
    story.message("second_attempt", told, step_s=10)


@scenario("test_redrive_policy_with_failing_lambda")
def given_up(story: Working) -> None:
    source, told = story.named("attempts"), f"told_{story.source}"
    url = story.queue(source, VisibilityTimeout=10, **story.dead_letters(2))
    story.said["get_destination_queue_url"] = story.sqs.get_queue_url(QueueName=told)
    story.map(None, story.queue_arn(source), BatchSize=1)
    send(story, url, {"destination": story.url(told), "fail_attempts": 2})
    story.message("first_attempt", told)
    story.message("second_attempt", told, step_s=10)
    story.message("dlq_response", f"dead_{source}", step_s=10)


@scenario("test_message_body_and_attributes_passed_correctly")
def attributes(story: Working) -> None:
    source, told = story.named("attempts"), f"told_{story.source}"
    url = story.queue(source)
    story.said["get_destination_queue_url"] = story.sqs.get_queue_url(QueueName=told)
    story.map(None, story.queue_arn(source), BatchSize=1)
    body = {"destination": story.url(told), "fail_attempts": 0}
    values = {"Title": "The Whistler", "Author": "John Grisham", "WeeksOn": 6}
    given = {
        name: {
            "DataType": "Number" if isinstance(value, int) else "String",
            "StringValue": str(value),
        }
        for name, value in values.items()
    }
    send(story, url, body, MessageAttributes=given)
    story.message("first_attempt", told)


@scenario("test_report_batch_item_failures")
def named_failures(story: Working) -> None:
    source, told = story.named("items"), f"told_{story.source}"
    fifo, dead = f"{source}.fifo", f"dead_{source}.fifo"
    url = story.queue(
        fifo, FifoQueue="true", VisibilityTimeout=10, **story.dead_letters(2, ending=".fifo")
    )
    story.said["get_destination_queue_url"] = story.sqs.get_queue_url(QueueName=told)
    entries = [
        {
            "Id": f"message-{number}",
            "MessageBody": json.dumps({"message": number, "fail_attempts": fails}),
            "MessageGroupId": "1",
            "MessageDeduplicationId": f"dedup-{number}",
        }
        for number, fails in enumerate((0, 1, 1, 2), 1)
    ]
    story.said["send_message_batch"] = story.sqs.send_message_batch(QueueUrl=url, Entries=entries)
    how = {"BatchSize": 10, "FunctionResponseTypes": ["ReportBatchItemFailures"]}
    story.map("create_event_source_mapping", story.queue_arn(fifo), **how)
    story.message("first_invocation", told)
    story.message("second_invocation", told, step_s=10)
    story.message("dlq_response", dead, step_s=10)


@scenario("test_report_batch_item_failures_on_lambda_error")
def failed_with_all(story: Working) -> None:
    source = story.named("fails")
    url = story.queue(source, VisibilityTimeout=10, **story.dead_letters(1))
    bodies = ("{not a json body", json.dumps({"message": 2, "fail_attempts": 0}))
    entries = [{"Id": f"{number}", "MessageBody": body} for number, body in enumerate(bodies)]
    story.sqs.send_message_batch(QueueUrl=url, Entries=entries)
    story.map(None, story.queue_arn(source), FunctionResponseTypes=["ReportBatchItemFailures"])
    story.told(1)
    dead = story.received(story.url(f"dead_{source}"), count=2, step_s=10)
    story.said["dlq_messages"] = dead


@scenario(
    "test_report_batch_item_failures_invalid_result_json_batch_fails",
    "test_report_batch_item_failures_empty_json_batch_succeeds",
)
def odd_answers(story: Working) -> None:
    invalid = "invalid" in story.name
    source = story.named("says_not-valid" if invalid else "says_dict")
    told = f"told_{source}"
    url = story.queue(source, VisibilityTimeout=10, **story.dead_letters(2))
    story.said["get_destination_queue_url"] = story.sqs.get_queue_url(QueueName=told)
    story.map(None, story.queue_arn(source), FunctionResponseTypes=["ReportBatchItemFailures"])
    send(story, url, {"message": 1, "fail_attempts": 0})
    story.message("first_invocation", told)
    if invalid:
        story.message("second_invocation", told, step_s=10)
        story.message("dlq_response", f"dead_{source}", step_s=10)


@scenario("test_fifo_message_group_parallelism")
def enabled_later(story: Working) -> None:
    fifo = story.named("echo") + ".fifo"
    story.queue(fifo, FifoQueue="true")
    request = {"FunctionName": story.function, "EventSourceArn": story.queue_arn(fifo)}
    made = story(
        "create_esm_disabled",
        "create_event_source_mapping",
        BatchSize=1,
        Enabled=False,
        **request,
    )
    story("update_esm_enabling", "update_event_source_mapping", UUID=made["UUID"], Enabled=True)
    story.until(made["UUID"], "Enabled", "get_esm_enabled")


@scenario("test_esm_with_not_existing_sqs_queue")
def no_queue(story: Working) -> None:
    source = story.queue_arn("nobody")
    request = {"FunctionName": story.function, "EventSourceArn": source}
    story("error", "create_event_source_mapping", **request)


@scenario(f"{OF}test_event_source_mapping_default_batch_size")
def sizes(story: Working) -> None:
    source = story.named("echo")
    story.queue(source)
    uuid = story.map("create-event-source-mapping", story.queue_arn(source))
    label = "invalid-update-event-source-mapping"
    story(label, "update_event_source_mapping", UUID=uuid, BatchSize=100)
    other = story.named("echo")
    story.queue(other)
    request = {"FunctionName": story.function, "EventSourceArn": story.queue_arn(other)}
    label = "invalid-create-event-source-mapping"
    story(label, "create_event_source_mapping", BatchSize=100, **request)


@scenario(f"{OF}test_duplicate_event_source_mappings")
def twice(story: Working) -> None:
    source = story.named("echo")
    story.queue(source)
    story.map("create", story.queue_arn(source))
    request = {"FunctionName": story.function, "EventSourceArn": story.queue_arn(source)}
    story("error", "create_event_source_mapping", **request)


@scenario(f"{OF}test_sqs_event_source_mapping")
def one_message(story: Working) -> None:
    source = story.named("echo")
    url = story.queue(source)
    story.map(CREATED, story.queue_arn(source), MaximumBatchingWindowInSeconds=1)
    send(story, url, {"foo": "bar"})
    story.said["events"] = story.told(1)


@scenario(f"{OF}test_sqs_event_source_mapping_update")
def other_versions(story: Working) -> None:
    source, name = story.named("versions"), "versions"
    url = story.queue(source)
    story.variables(name, CUSTOM_VAR="a")
    first = story.do("publish_version", FunctionName=name)["FunctionArn"]
    story.variables(name, CUSTOM_VAR="b")
    second = story.do("publish_version", FunctionName=name)["FunctionArn"]
    how = {"FunctionName": first, "MaximumBatchingWindowInSeconds": 1}
    uuid = story.map(CREATED, story.queue_arn(source), **how)
    send(story, url, {"foo": "bar"})
    events = story.told(1)
    story.said["events"] = list(events)
    story("updated_esm", "update_event_source_mapping", UUID=uuid, FunctionName=second)
    story.until(uuid, "Enabled", "updated_event_source_mapping")
    send(story, url, {"foo": "bar2"})
    story.said["events_postupdate"] = events + story.told(1)


@scenario(*(f"{OF}test_sqs_event_source_mapping_batch_size[{n}]" for n in (15, 10_000)))
def batches(story: Working) -> None:
    source = story.named("echo")
    url = story.queue(source)
    size = int(story.parameter)
    how = {"BatchSize": size, "MaximumBatchingWindowInSeconds": 10}
    story.map(CREATED, story.queue_arn(source), **how)
    for part, count in enumerate((10, 5)):
        entries = [
            {"Id": f"{number}-{part}", "MessageBody": f"{number}-{part}-message-{number}"}
            for number in range(count)
        ]
        answer = story.sqs.send_message_batch(QueueUrl=url, Entries=entries)
        story.said[f"send-message-batch-result-{count}"] = answer
    (event,) = story.told(1, step_s=10)
    story.said["Records"] = sorted(event["Records"], key=lambda one: one["body"])


@scenario(f"{OF}test_sqs_event_source_mapping_batching_reserved_concurrency")
def two_at_once(story: Working) -> None:
    source, name = story.named("echo"), story.function
    url = story.queue(source)
    request = {"FunctionName": name, "ReservedConcurrentExecutions": 2}
    story("put_concurrency_resp", "put_function_concurrency", **request)
    for batch in range(3):
        entries = [
            {"Id": f"{number}-{batch}", "MessageBody": f"{number}-{batch}-message"}
            for number in range(10)
        ]
        story.sqs.send_message_batch(QueueUrl=url, Entries=entries)
    how: dict[str, Any] = {
        "BatchSize": 20,
        "MaximumBatchingWindowInSeconds": 1,
        "ScalingConfig": {"MaximumConcurrency": 2},
    }
    story.map(CREATED, story.queue_arn(source), **how)
    events = story.told(2)
    story.do("delete_function_concurrency", FunctionName=name)
    story.said["batch_info"] = {"total_batches_received": len(events)}
    records = [one for event in events for one in event["Records"]]
    story.said["Records"] = sorted(records, key=lambda one: one["body"])


# --- filters

OTHERS: dict[str, Any] = {
    "numeric-bigger": {"my-number": 100},
    "numeric-smaller": {"my-number": 100},
    "numeric-range": {"my-number": 200},
    "single": {"my-key": "other-value"},
    "or": {"my-key": "other-value"},
    "and": {"my-key-one": "my-value-one"},
    "exists": {"other-key": "any-value"},
    "valid-json-filter": "this is a test string",
    "prefix": {"my-key": "no-value"},
}
"""What does not pass, by the name of the filter: those that pass were recorded, these were not."""


@scenario(*(f"{FILTERED}[{name}]" for name in OTHERS))
def filtered(story: Working) -> None:
    source = story.named("echo")
    url = story.queue(source)
    label = "create_event_source_mapping_response"
    criteria = story.recorded[label]["FilterCriteria"]["Filters"]
    patterns = [{"Pattern": json.dumps(one["Pattern"])} for one in criteria]
    how = {"MaximumBatchingWindowInSeconds": 1, "FilterCriteria": {"Filters": patterns}}
    story.map(label, story.queue_arn(source), **how)
    (event,) = story.recorded["invocation_events"]
    send(story, url, OTHERS[story.parameter])
    send(story, url, event["Records"][0]["body"])
    story.said["invocation_events"] = story.told(1)
    story.nothing_more()


INVALID: dict[str, str] = {
    "None": "null",
    "simple string": "simple string",
    "invalid_filter2": json.dumps({"eventSource": "aws:sqs"}),
    "invalid_filter3": json.dumps({"eventSource": []}),
}
"""Of the last two only is known that they were no patterns."""


@scenario(*(f"{OF}test_sqs_invalid_event_filter[{name}]" for name in INVALID))
def invalid_filters(story: Working) -> None:
    source = story.named("echo")
    story.queue(source)
    story(
        "create_event_source_mapping_exception",
        "create_event_source_mapping",
        FunctionName=story.function,
        EventSourceArn=story.queue_arn(source),
        FilterCriteria={"Filters": [{"Pattern": INVALID[story.parameter]}]},
    )
