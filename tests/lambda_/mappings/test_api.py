"""The API of event source mappings, in AWS's words: those recorded from AWS where there are any."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambda_.mappings.support import Workshop, until
from persons import Person, allow, document, trust
from servers import CloudClock

NOBODY = "00000000-0000-0000-0000-000000000000"


def refused(call: Callable[..., Any], **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def denied(call: Callable[..., Any], **request: Any) -> None:
    assert refused(call, **request)[0] == "AccessDeniedException"


def test_a_mapping_of_a_queue_is_shown_as_aws_shows_it(workshop: Workshop) -> None:
    queue = workshop.queue()
    function = workshop.function()
    client = workshop.lambda_
    created = client.create_event_source_mapping(
        EventSourceArn=workshop.arn(queue), FunctionName="work"
    )
    assert created.pop("ResponseMetadata")["HTTPStatusCode"] == 202
    uuid = created["UUID"]
    created.pop("LastModified")
    expected = {
        "UUID": uuid,
        "BatchSize": 10,
        "MaximumBatchingWindowInSeconds": 0,
        "EventSourceArn": workshop.arn(queue),
        "EventSourceMappingArn": function.replace("function:work", f"event-source-mapping:{uuid}"),
        "FunctionArn": function,
        "FunctionResponseTypes": [],
        "State": "Creating",
        "StateTransitionReason": "USER_INITIATED",
    }
    assert created == expected
    found = workshop.until_state(uuid, "Enabled")
    del found["ResponseMetadata"], found["LastModified"]
    assert found == {**expected, "State": "Enabled"}


def test_what_is_said_of_a_mapping_is_kept_and_can_be_taken_back(workshop: Workshop) -> None:
    queue = workshop.queue()
    workshop.function()
    client = workshop.lambda_
    pattern = '{"body": {"a": [1]}}'
    said = {
        "BatchSize": 100,
        "MaximumBatchingWindowInSeconds": 5,
        "FilterCriteria": {"Filters": [{"Pattern": pattern}]},
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": 7},
        "MetricsConfig": {"Metrics": ["EventCount"]},
    }
    uuid = workshop.map(queue, Enabled=False, **said)
    found = client.get_event_source_mapping(UUID=uuid)
    assert found["State"] == "Disabled"
    assert {name: found[name] for name in said} == said
    client.update_event_source_mapping(
        UUID=uuid,
        BatchSize=1,
        FilterCriteria={},
        FunctionResponseTypes=[],
        ScalingConfig={},
        MetricsConfig={"Metrics": []},
    )
    found = workshop.until_state(uuid, "Disabled")
    assert found["BatchSize"] == 1
    assert found["FunctionResponseTypes"] == []
    assert not {"FilterCriteria", "ScalingConfig", "MetricsConfig"}.intersection(found)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"FunctionName": "nobody"}, "Function does not exist"),
        ({"EventSourceArn": None}, "Unrecognized event source."),
        ({"EventSourceArn": "arn:aws:sns:us-east-1:000000000000:t"}, "Unrecognized event source."),
        (
            {"StartingPosition": "LATEST"},
            "StartingPosition is not valid for SQS event sources.",
        ),
        (
            {
                "DestinationConfig": {
                    "OnSuccess": {"Destination": "arn:aws:sqs:us-east-1:000000000000:q"}
                }
            },
            "Unsupported DestinationConfig parameter for given event source mapping type.",
        ),
        (
            {"Topics": ["topic"]},
            "Unsupported Topics parameter for given event source mapping type.",
        ),
        (
            {"BatchSize": 11},
            "Maximum batch window in seconds must be greater than 0"
            " if maximum batch size is greater than 10",
        ),
        (
            {"FilterCriteria": {"Filters": [{"Pattern": "simple"}]}},
            "Invalid filter pattern definition.",
        ),
        (
            {"EventSourceArn": "nowhere"},
            "Error occurred while ReceiveMessage. SQS Error Code:"
            " AWS.SimpleQueueService.NonExistentQueue."
            " SQS Error Message: The specified queue does not exist.",
        ),
        (
            {"EventSourceArn": "short"},
            "Queue visibility timeout: 3 seconds is less than Function timeout: 10 seconds",
        ),
        (
            {"EventSourceArn": "q.fifo", "MaximumBatchingWindowInSeconds": 1},
            "Batching window is not supported for FIFO queues",
        ),
    ],
)
def test_mappings_that_cannot_be_are_refused(
    shared: Workshop, request_: dict[str, Any], message: str
) -> None:
    shared.queue("short", VisibilityTimeout="3")
    asked = {"FunctionName": "work", "EventSourceArn": "other", **request_}
    name = asked["EventSourceArn"]
    if name is None:
        del asked["EventSourceArn"]
    elif ":" not in name:
        asked["EventSourceArn"] = shared.arn(f"/{name}")
    if name == "other":
        shared.queue("other")
    call = shared.lambda_.create_event_source_mapping
    assert refused(call, **asked) == ("InvalidParameterValueException", message)


def test_an_update_looks_again_how_long_the_queue_hides_messages(workshop: Workshop) -> None:
    """But nobody is kept from switching a mapping off."""
    client, queue = workshop.lambda_, workshop.queue(VisibilityTimeout="10")
    workshop.function()
    uuid = workshop.map(queue, Enabled=False)
    workshop.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "3"})
    update = client.update_event_source_mapping
    for more in ({"Enabled": True}, {"Enabled": True, "BatchSize": 1}):
        assert refused(update, UUID=uuid, **more) == (
            "InvalidParameterValueException",
            "Queue visibility timeout: 3 seconds is less than Function timeout: 10 seconds",
        )
    update(UUID=uuid, Enabled=False, BatchSize=1)
    workshop.until_state(uuid, "Disabled")


def test_event_pollers_can_be_provisioned(workshop: Workshop) -> None:
    """What is not said has AWS's defaults; empty braces take them away; they exclude a limit of concurrency."""
    client, queue = workshop.lambda_, workshop.queue()
    workshop.function()
    uuid = workshop.map(queue, BatchSize=1, ProvisionedPollerConfig={"MinimumPollers": 3})
    found = client.get_event_source_mapping(UUID=uuid)
    assert found["ProvisionedPollerConfig"] == {"MinimumPollers": 3, "MaximumPollers": 200}
    workshop.send(queue, "a")
    assert workshop.bodies(1) == [["a"]]
    call = client.update_event_source_mapping
    for wrong in (
        {"ProvisionedPollerConfig": {"MinimumPollers": 1}},
        {"ProvisionedPollerConfig": {"MinimumPollers": 5, "MaximumPollers": 4}},
        {"ProvisionedPollerConfig": {"MinimumPollers": 2, "PollerGroupName": "g"}},
        {"ScalingConfig": {"MaximumConcurrency": 5}},
    ):
        assert refused(call, UUID=uuid, **wrong)[0] == "InvalidParameterValueException"
    assert "ProvisionedPollerConfig" not in call(UUID=uuid, ProvisionedPollerConfig={})


def test_a_function_has_one_mapping_of_a_source(workshop: Workshop) -> None:
    queue = workshop.queue()
    workshop.function()
    uuid = workshop.map(queue)
    arn = workshop.arn(queue)
    call = workshop.lambda_.create_event_source_mapping
    code, message = refused(call, FunctionName="work", EventSourceArn=arn)
    assert code == "ResourceConflictException"
    assert message == (
        f'An event source mapping with SQS arn (" {arn} ") and function (" work ") already exists.'
        f" Please update or delete the existing mapping with UUID {uuid}"
    )
    other = call(FunctionName="work:$LATEST", EventSourceArn=arn)
    assert other["FunctionArn"].endswith(":work:$LATEST")


def test_mappings_that_are_not_there_are_not_found(shared: Workshop) -> None:
    client = shared.lambda_
    expected = ("ResourceNotFoundException", "The resource you requested does not exist.")
    assert refused(client.get_event_source_mapping, UUID=NOBODY) == expected
    assert refused(client.update_event_source_mapping, UUID=NOBODY, Enabled=True) == expected
    assert refused(client.delete_event_source_mapping, UUID=NOBODY) == expected
    arn = f"arn:aws:lambda:us-east-1:{shared.account}:event-source-mapping:{NOBODY}"
    assert refused(client.list_tags, Resource=arn) == (
        "ResourceNotFoundException",
        f"Event source mapping not found: {arn}",
    )


def test_other_sources_and_what_is_not_built_are_refused_by_name(shared: Workshop) -> None:
    shared.queue("other")
    call = shared.lambda_.create_event_source_mapping
    kinesis = f"arn:aws:kinesis:us-east-1:{shared.account}:stream/s"
    for more, named in (
        ({"EventSourceArn": kinesis, "StartingPosition": "LATEST"}, "Kinesis"),
        ({"SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["a:1"]}}}, "Kafka"),
    ):
        asked = {"FunctionName": "work", **more}
        if "SelfManagedEventSource" not in more:
            asked.setdefault("EventSourceArn", shared.arn("/other"))
        code, message = refused(call, **asked)
        assert code == "NotImplemented"
        assert named in message


def test_lists_are_of_a_source_a_function_or_both_page_by_page(workshop: Workshop) -> None:
    client = workshop.lambda_
    workshop.function()
    workshop.function("other")
    first, second = workshop.queue("first"), workshop.queue("second")
    made = {
        (queue, function): workshop.map(queue, function, Enabled=False)
        for queue in (first, second)
        for function in ("work", "other")
    }

    def listed(**asked: Any) -> set[str]:
        found = client.list_event_source_mappings(**asked)["EventSourceMappings"]
        return {one["UUID"] for one in found}

    assert listed() == set(made.values())
    assert listed(FunctionName="work") == {made[first, "work"], made[second, "work"]}
    arn = workshop.arn(first)
    assert listed(EventSourceArn=arn) == {made[first, "work"], made[first, "other"]}
    assert listed(EventSourceArn=arn, FunctionName="other") == {made[first, "other"]}
    assert refused(client.list_event_source_mappings, FunctionName="nobody")[0] == (
        "ResourceNotFoundException"
    )
    for asked in ({}, {"FunctionName": "work"}, {"EventSourceArn": arn}):
        pages = client.get_paginator("list_event_source_mappings").paginate(
            **asked, PaginationConfig={"PageSize": 1}
        )
        found = [one["UUID"] for page in pages for one in page["EventSourceMappings"]]
        assert set(found) == listed(**asked)
        assert len(found) == len(set(found))


def test_mappings_have_tags(workshop: Workshop) -> None:
    queue = workshop.queue()
    workshop.function()
    client = workshop.lambda_
    uuid = workshop.map(queue, Enabled=False, Tags={"a": "1", "b": "2"})
    arn = client.get_event_source_mapping(UUID=uuid)["EventSourceMappingArn"]
    client.tag_resource(Resource=arn, Tags={"a": "3"})
    client.untag_resource(Resource=arn, TagKeys=["b"])
    assert client.list_tags(Resource=arn)["Tags"] == {"a": "3"}


def test_a_deleted_function_leaves_its_mapping_and_another_of_that_name_takes_its_place(
    workshop: Workshop, clock: CloudClock
) -> None:
    queue = workshop.queue()
    workshop.function()
    uuid = workshop.map(queue)
    workshop.lambda_.delete_function(FunctionName="work")
    workshop.send(queue, "kept")
    told = until(
        lambda: workshop.lambda_.get_event_source_mapping(UUID=uuid),
        lambda mapping: "LastProcessingResult" in mapping,
    )
    assert told["State"] == "Enabled"
    assert "Function not found" in told["LastProcessingResult"]
    workshop.function()
    clock.advance(seconds=31)
    assert workshop.bodies(1) == [["kept"]]


def test_the_role_must_be_let_to_poll_when_a_mapping_is_made_and_after(
    workshop: Workshop, client: Callable[..., Any], clock: CloudClock
) -> None:
    """What is taken from the role later is told as the last result, and messages stay."""
    iam = client("iam")
    role = iam.create_role(
        RoleName="poller", AssumeRolePolicyDocument=trust(Service="lambda.amazonaws.com")
    )["Role"]["Arn"]

    def may(*actions: str) -> None:
        policy = document(allow([f"sqs:{action}" for action in actions]))
        iam.put_role_policy(RoleName="poller", PolicyName="own", PolicyDocument=policy)

    queue = workshop.queue()
    workshop.function(Role=role)
    call, asked = workshop.lambda_.create_event_source_mapping, {"FunctionName": "work"}
    asked["EventSourceArn"] = workshop.arn(queue)
    needed = ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"]
    for count, missing in enumerate(needed):
        may("SendMessage", *needed[:count])
        assert refused(call, **asked) == (
            "InvalidParameterValueException",
            f"The provided execution role does not have permissions to call {missing} on SQS",
        )
    may("SendMessage", *needed)
    uuid = workshop.map(queue)
    may("SendMessage")
    workshop.send(queue, "patient")
    told = until(
        lambda: workshop.lambda_.get_event_source_mapping(UUID=uuid),
        lambda mapping: "LastProcessingResult" in mapping,
    )
    assert "sqs:receivemessage" in told["LastProcessingResult"].lower()
    workshop.nothing_more()
    assert workshop.counts(queue) == (1, 0)
    may("SendMessage", *needed)
    clock.advance(seconds=61)
    assert workshop.bodies(1) == [["patient"]]


def test_policies_may_ask_which_function_a_mapping_invokes(
    workshop: Workshop, client: Callable[..., Any], account: str
) -> None:
    queue = workshop.queue()
    mine = workshop.function()
    workshop.function("other")
    ann = Person(client, account)
    ann.may(
        allow("lambda:*EventSourceMapping", Condition={"ArnLike": {"lambda:FunctionArn": mine}})
    )
    hers = ann.client("lambda")
    arn = workshop.arn(queue)
    made = hers.create_event_source_mapping(EventSourceArn=arn, FunctionName="work", Enabled=False)
    denied(hers.create_event_source_mapping, EventSourceArn=arn, FunctionName="other")
    theirs = workshop.map(queue, "other", Enabled=False)
    hers.get_event_source_mapping(UUID=made["UUID"])
    hers.update_event_source_mapping(UUID=made["UUID"], BatchSize=2)
    for call in (hers.get_event_source_mapping, hers.delete_event_source_mapping):
        denied(call, UUID=theirs)
    denied(hers.update_event_source_mapping, UUID=theirs, BatchSize=2)
    hers.delete_event_source_mapping(UUID=made["UUID"])
