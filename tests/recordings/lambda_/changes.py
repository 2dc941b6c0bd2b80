"""Mappings of tables' streams: what reaches functions, what passes filters, and who hears of what was given up."""

from __future__ import annotations

import json
from typing import Any

from recordings.lambda_.working import Working, scenario

OF = "TestDynamoDBEventSourceMapping::"
CREATED = "create_event_source_mapping_response"
ITEM = {"my_partition_key": {"S": "hello world"}, "binary_key": {"B": b"foobar"}}
KEY = {"my_partition_key": {"S": "hello world"}}


def table(
    story: Working,
    kind: str,
    label: str | None = None,
    *,
    key: str = "my_partition_key",
    view: str = "NEW_IMAGE",
    updated: str | None = None,
    at_once: bool = False,
) -> str:
    """A table with a stream, which it has at once or afterwards; the stream's ARN."""
    dynamodb, name = story.make("dynamodb"), story.named(kind)
    stream = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": view}}
    made = dynamodb.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        **(stream if at_once else {}),
    )
    if label is not None:
        story.said[label] = made
    if not at_once:
        story.clock.advance(seconds=1)
        story.clock.wait_until_idle()
        made = dynamodb.update_table(TableName=name, **stream)
        if updated is not None:
            story.said[updated] = made
    return made["TableDescription"]["LatestStreamArn"]


def put(story: Working, **item: Any) -> None:
    story.make("dynamodb").put_item(TableName=story.source, Item=item)


def map_as_recorded(story: Working, stream: str, label: str | None = CREATED, **more: Any) -> str:
    recorded = story.recorded.get(label or "", {})
    asked = {
        member: recorded[member]
        for member in ("BatchSize", "MaximumBatchingWindowInSeconds", "MaximumRetryAttempts")
        if recorded.get(member) not in (None, -1)
    }
    request = {"StartingPosition": "TRIM_HORIZON", **asked, **more}
    return story.map(label, stream, **request)


@scenario(f"{OF}test_dynamodb_event_source_mapping")
def one_change(story: Working) -> None:
    stream = table(story, "echo", "create-table-result")
    map_as_recorded(story, stream)
    put(story, **ITEM)
    story.said["event_logs"] = story.told(1)


@scenario(f"{OF}test_disabled_dynamodb_event_source_mapping")
def disabled(story: Working) -> None:
    stream = table(story, "echo", "dynamodb_create_table_result", at_once=True)
    uuid = map_as_recorded(story, stream, "create_event_source_mapping_result")
    put(story, **ITEM)
    story.told(1)
    label = "update_event_source_mapping_result"
    story(label, "update_event_source_mapping", UUID=uuid, Enabled=False)
    story.until(uuid, "Disabled")
    put(story, **ITEM)
    story.nothing_more()


@scenario(f"{OF}test_deletion_event_source_mapping_with_dynamodb")
def without_table(story: Working) -> None:
    stream = table(story, "echo", "create_dynamodb_table_response", at_once=True)
    map_as_recorded(story, stream, "create_event_source_mapping_result")
    story.make("dynamodb").delete_table(TableName=story.source)
    label = "list_event_source_mapping_result"
    story(label, "list_event_source_mappings", EventSourceArn=stream)


@scenario(f"{OF}test_duplicate_event_source_mappings")
def twice(story: Working) -> None:
    stream = table(story, "echo", "create-table-result")
    map_as_recorded(story, stream, "create")
    request = {"FunctionName": story.function, "EventSourceArn": stream}
    story("error", "create_event_source_mapping", StartingPosition="LATEST", **request)


@scenario(f"{OF}test_esm_with_not_existing_dynamodb_stream")
def no_stream(story: Working) -> None:
    table = "table/test-table-4a53f4e8/stream/2025-02-22T03:03:25.490"
    source = f"arn:aws:dynamodb:us-east-1:{story.account}:{table}"
    request = {"FunctionName": story.function, "EventSourceArn": source}
    story("error", "create_event_source_mapping", StartingPosition="LATEST", **request)


# --- what was given up


def destination(story: Working) -> dict[str, Any]:
    name = f"given_up_{story.source}"
    story.queue(name)
    return {"DestinationConfig": {"OnFailure": {"Destination": story.queue_arn(name)}}}


def told_to_destination(story: Working) -> None:
    story.message("destination_queue_messages", f"given_up_{story.source}", step_s=5)


@scenario(f"{OF}test_dynamodb_event_source_mapping_with_on_failure_destination_config")
def told_to_queue(story: Working) -> None:
    stream = table(story, "fails", "create_table_response", updated="update_table_response")
    map_as_recorded(story, stream, **destination(story))
    put(story, **KEY)
    told_to_destination(story)


@scenario(f"{OF}test_dynamodb_event_source_mapping_with_s3_on_failure_destination")
def told_to_bucket(story: Working) -> None:
    stream = table(story, "fails", "create_table_response", updated="update_table_response")
    s3, bucket = story.make("s3"), f"given-up-{story.account}"
    s3.create_bucket(Bucket=bucket)
    failures = {"OnFailure": {"Destination": f"arn:aws:s3:::{bucket}"}}
    map_as_recorded(story, stream, DestinationConfig=failures)
    put(story, **KEY)
    story.told(2, step_s=5)
    story.clock.wait_until_idle()
    (found,) = s3.list_objects_v2(Bucket=bucket)["Contents"]
    body = s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()
    story.said["record_body"] = json.loads(body)


@scenario(
    f"{OF}test_dynamodb_report_batch_item_failures",
    f"{OF}test_dynamodb_report_batch_item_failures_with_on_failure_destination_config",
)
def named_failures(story: Working) -> None:
    """What fails alone, after it was told apart from what did not, is tried as often as any batch."""
    stream = table(story, "changes", "create_table_response", updated="update_table_response")
    how = {"FunctionResponseTypes": ["ReportBatchItemFailures"], **destination(story)}
    for number in range(6):
        put(
            story,
            my_partition_key={"S": f"testId{number}"},
            should_fail={"BOOL": number == 5},
        )
    map_as_recorded(story, stream, **how)
    told_to_destination(story)
    if "dynamodb_records" in story.recorded:  # of shards that are read side by side
        records = [record for event in story.told(7) for record in event["Records"]]
        records.sort(key=lambda one: one["dynamodb"]["Keys"]["my_partition_key"]["S"])
        story.said["dynamodb_records"] = {"Records": records}


ANSWERS = {
    "item_identifier_not_present_failure": "says_other-name",
    "empty_string_item_identifier_failure": "says_empty-name",
    "null_item_identifier_failure": "says_null-name",
    "invalid_key_foo_failure": "says_foo",
    "invalid_key_foo_null_value_failure": "says_null-foo",
    "unhandled_exception_in_function": "fails",
    "empty_list_success": "says_list",
    "null_success": "says_nothing",
    "empty_dict_success": "says_dict",
    "empty_batch_item_failure_success": "says_no-failures",
    "null_batch_item_failure_success": "says_null-failures",
}


@scenario(
    *(
        f"{OF}test_dynamodb_report_batch_item_{one.rpartition('_')[2]}_scenarios[{one}]"
        for one in ANSWERS
        if one != "unhandled_exception_in_function"
    ),
    f"{OF}test_dynamodb_report_batch_item_failure_scenarios[unhandled_exception_in_function]",
)
def answers(story: Working) -> None:
    stream = table(story, ANSWERS[story.parameter], "create-table-result")
    fails = "destination_queue_messages" in story.recorded
    map_as_recorded(
        story,
        stream,
        None,
        BatchSize=1,
        MaximumBatchingWindowInSeconds=1,
        MaximumRetryAttempts=3,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        **(destination(story) if fails else {}),
    )
    put(story, **ITEM)
    if fails:
        told_to_destination(story)
    notes = story.told(4 if fails else 1)
    story.said["dynamodb_events"] = [note.get("event", note) for note in notes]
    story.nothing_more()


# --- filters

PUTS: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]] = {
    "insert_same_entry_twice": (
        [{"id": "id_value", "id2": "id2_value"}],
        [{"id": "id_value", "id2": "id2_new_value"}],
    ),
    "content_or_filter": (
        [{"id": "id_value"}],
        [{"id": "id_value", "id2": "id2_new_value"}],
    ),
    "content_multiple_filters": (
        [{"id": "id_value"}],
        [{"id": "id_value", "id2": "id2_new_value"}],
    ),
    "content_filter_type": (
        [{"id": "id_value_1", "presentKey": "presentValue"}],
        [{"id": "id_value_2", "presentKey": "otherValue"}],
    ),
    "exists_filter_type": (
        [{"id": "id_value_1", "presentKey": "presentValue"}],
        [{"id": "id_value_2", "otherKey": "presentValue"}],
    ),
    "exists_false_filter": (
        [{"id": "id_value_1"}],
        [{"id": "id_value_2", "presentKey": "presentValue"}],
    ),
    "numeric_filter": (
        [{"id": "id_value_1", "numericFilter": 42}],
        [{"id": "id_value_2", "numericFilter": 101}],
    ),
    "prefix_filter": (
        [{"id": "id_value_1", "prefix": "us-1-other-suffix"}],
        [{"id": "id_value_1", "prefix": "other-suffix"}],
    ),
    "date_time_conversion": ([{"id": "id_value_1"}], [{"id": "id_value_2"}]),
}
"""What is written before the first look and before the second. What did not pass was not recorded."""


@scenario(*(f"{OF}test_dynamodb_event_filter[{name}]" for name in PUTS))
def filtered(story: Working) -> None:
    stream = table(story, "echo", "table_creation_response", key="id", view="NEW_AND_OLD_IMAGES")
    criteria = story.recorded[CREATED]["FilterCriteria"]["Filters"]
    pattern = criteria[0]["Pattern"]
    if story.parameter == "date_time_conversion":  # of whatever time it was
        pattern = {"dynamodb": {"ApproximateCreationDateTime": [{"numeric": [">", 0]}]}}
    filters = {"FilterCriteria": {"Filters": [{"Pattern": json.dumps(pattern)}]}}
    map_as_recorded(story, stream, **filters)
    events: list[Any] = []
    for puts, label in zip(
        PUTS[story.parameter], ("lambda-log-events", "lambda-multiple-log-events"), strict=True
    ):
        for item in puts:
            put(
                story,
                **{
                    key: {"N": str(value)} if isinstance(value, int) else {"S": value}
                    for key, value in item.items()
                },
            )
        count = len(story.recorded[label]) - len(events)
        if count:
            events = events + story.told(count)
        else:
            story.nothing_more()
        story.said[label] = events


INVALID = ("single-string", '[{"eventName": ["INSERT"=123}]')


@scenario(*(f"{OF}test_dynamodb_invalid_event_filter[{text}]" for text in INVALID))
def invalid_filters(story: Working) -> None:
    stream = table(story, "echo")
    text = story.name.partition("[")[2].removesuffix("]")
    story(
        "exception_event_source_creation",
        "create_event_source_mapping",
        FunctionName=story.function,
        EventSourceArn=stream,
        StartingPosition="LATEST",
        FilterCriteria={"Filters": [{"Pattern": text}]},
    )
