"""Event source mappings: what they are told as, what they refuse, and their tags. How they run is in tests/lambda_."""

from __future__ import annotations

from typing import Any

from recordings.lambda_.policies import tags_of_nothing
from recordings.lambda_.story import Story, scenario

UNKNOWN = "01234567-89ab-cdef-0123-456789abcdef"


def queue(story: Story) -> str:
    sqs = story.make("sqs")
    sqs.create_queue(QueueName="q")
    return f"arn:aws:sqs:us-east-1:{story.account}:q"


def stream(story: Story) -> str:
    made = story.make("dynamodb").create_table(
        TableName="things",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    return made["TableDescription"]["LatestStreamArn"]


@scenario("TestLambdaEventSourceMappings::test_event_source_mapping_exceptions")
def nonsense(story: Story) -> None:
    story.create()
    source, create = queue(story), "create_event_source_mapping"
    for verb in ("get", "delete", "update"):
        more = {"Enabled": False} if verb == "update" else {}
        story(f"{verb}_unknown_uuid", f"{verb}_event_source_mapping", UUID=UNKNOWN, **more)
    story("create_no_event_source_arn", create, FunctionName="doesnotexist")
    story("create_unknown_params", create, FunctionName="doesnotexist", EventSourceArn=source)
    failures = {"OnFailure": {"Destination": source}}
    request = {"FunctionName": "f", "EventSourceArn": source, "DestinationConfig": failures}
    story("destination_config_failure", create, **request)


@scenario("TestLambdaEventSourceMappings::test_create_event_source_validation")
def beginnings(story: Story) -> None:
    story.create()
    request = {"FunctionName": "f", "EventSourceArn": stream(story)}
    create = "create_event_source_mapping"
    story("no_starting_position", create, **request)
    story("invalid_starting_position", create, StartingPosition="invalid", **request)
    label = "incompatible_starting_position"
    timestamp: dict[str, Any] = {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 1}
    story(label, create, **timestamp, **request)


@scenario("TestLambdaEventSourceMappings::test_create_event_filter_criteria_validation")
def no_filters(story: Story) -> None:
    story.create()
    story(
        "response-with-empty-filters",
        "create_event_source_mapping",
        FunctionName="f",
        EventSourceArn=stream(story),
        StartingPosition="LATEST",
        FilterCriteria={"Filters": []},
    )


@scenario("TestLambdaEventSourceMappings::test_function_name_variations")
def names(story: Story) -> None:
    story.create(Publish=True)
    story.do("create_alias", FunctionName="f", Name="myalias", FunctionVersion="1")
    source = queue(story)
    for label, name in (
        ("name_only", "f"),
        ("partial_arn_latest", f"{story.account}:function:f:$LATEST"),
        ("partial_arn_version", f"{story.account}:function:f:1"),
        ("partial_arn_alias", f"{story.account}:function:f:myalias"),
        ("full_arn_latest", story.arn()),
        ("full_arn_version", story.arn("f:1")),
        ("full_arn_alias", story.arn("f:myalias")),
    ):
        request = {"FunctionName": name, "EventSourceArn": source}
        made = story(f"{label}_create_esm", "create_event_source_mapping", **request)
        story.ask("delete_event_source_mapping", UUID=made["UUID"])


def mapping(story: Story, **more: Any) -> dict[str, Any]:
    story.create()
    asked = {"FunctionName": "f", "EventSourceArn": queue(story), **more}
    return story.do("create_event_source_mapping", **asked)


@scenario("TestLambdaTag::test_create_tag_on_esm_create")
def tagged_at_once(story: Story) -> None:
    made = mapping(story, Tags={"testtag": "custom"})
    found = story.do("get_event_source_mapping", UUID=made["UUID"])
    arn = found["EventSourceMappingArn"]
    story.said["get_event_source_mapping_with_tag"] = arn == made["EventSourceMappingArn"]
    story("list_tags_result", "list_tags", Resource=arn)


@scenario("TestLambdaTag::test_tag_exceptions[event_source_mapping]")
def tags_of_no_mapping(story: Story) -> None:
    arn = story.arn().replace("function:f", f"event-source-mapping:{UNKNOWN}")
    tags_of_nothing(story, arn)
    tagged = {"Tags": {"A": "B"}}
    story("aliased_arn_exception", "tag_resource", Resource=f"{arn}:alias", **tagged)
    other = arn.replace("event-source-mapping", "foobar")
    story("invalid_arn_exception", "tag_resource", Resource=other, **tagged)
