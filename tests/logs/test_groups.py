"""Log groups and streams: their lives, their listings, their tags."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError


def refused(code: str, words: str, call: Callable[..., Any], **request: Any) -> None:
    with pytest.raises(ClientError) as error:
        call(**request)
    assert error.value.response["Error"]["Code"] == code
    assert words in error.value.response["Error"]["Message"]


def test_a_group_is_created_described_and_deleted(client: Callable[..., Any], account: str) -> None:
    logs = client("logs")
    logs.create_log_group(logGroupName="/app/one", tags={"team": "a"})
    refused(
        "ResourceAlreadyExistsException",
        "The specified log group already exists",
        logs.create_log_group,
        logGroupName="/app/one",
    )
    (group,) = logs.describe_log_groups()["logGroups"]
    arn = f"arn:aws:logs:us-east-1:{account}:log-group:/app/one"
    assert group.pop("creationTime") > 0
    assert group == {
        "logGroupName": "/app/one",
        "metricFilterCount": 0,
        "arn": f"{arn}:*",
        "logGroupArn": arn,
        "storedBytes": 0,
        "logGroupClass": "STANDARD",
        "deletionProtectionEnabled": False,
    }
    logs.delete_log_group(logGroupName="/app/one")
    refused(
        "ResourceNotFoundException",
        "The specified log group does not exist.",
        logs.delete_log_group,
        logGroupName="/app/one",
    )


def test_groups_are_listed_by_prefix_by_pattern_and_in_pages(client: Callable[..., Any]) -> None:
    logs = client("logs")
    names = [f"/aws/Lambda/f{number}" for number in range(5)] + ["/other"]
    for name in names:
        logs.create_log_group(logGroupName=name)

    def listed(**request: Any) -> list[str]:
        pages = logs.get_paginator("describe_log_groups").paginate(**request)
        return [group["logGroupName"] for page in pages for group in page["logGroups"]]

    assert listed(limit=2) == names
    assert listed(logGroupNamePrefix="/aws/", limit=2) == names[:5]
    assert listed(logGroupNamePattern="lambda") == names[:5]
    refused(
        "InvalidParameterException",
        "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        logs.describe_log_groups,
        logGroupNamePrefix="a",
        logGroupNamePattern="b",
    )


def test_streams_are_listed_by_name_and_by_their_last_event(
    client: Callable[..., Any], account: str
) -> None:
    logs = client("logs")
    logs.create_log_group(logGroupName="g")
    now_ms = int(logs.describe_log_groups()["logGroups"][0]["creationTime"])
    for name, age_ms in (("a", 10), ("b", 30), ("c", 20), ("empty", None)):
        logs.create_log_stream(logGroupName="g", logStreamName=name)
        if age_ms is not None:
            event = {"timestamp": now_ms - age_ms, "message": "m"}
            logs.put_log_events(logGroupName="g", logStreamName=name, logEvents=[event])

    def listed(**request: Any) -> list[str]:
        pages = logs.get_paginator("describe_log_streams").paginate(**request, limit=2)
        return [stream["logStreamName"] for page in pages for stream in page["logStreams"]]

    assert listed(logGroupName="g") == ["a", "b", "c", "empty"]
    assert listed(logGroupName="g", descending=True) == ["empty", "c", "b", "a"]
    by_time = listed(logGroupName="g", orderBy="LastEventTime", descending=True)
    assert by_time == ["a", "c", "b", "empty"]
    assert listed(logGroupName="g", logStreamNamePrefix="e") == ["empty"]
    arn = f"arn:aws:logs:us-east-1:{account}:log-group:g"
    assert listed(logGroupIdentifier=arn) == ["a", "b", "c", "empty"]
    refused(
        "ValidationException",
        "LogGroup name and LogGroup ARN are mutually exclusive parameters.",
        logs.describe_log_streams,
        logGroupName="g",
        logGroupIdentifier=arn,
    )
    refused(
        "ResourceAlreadyExistsException",
        "The specified log stream already exists",
        logs.create_log_stream,
        logGroupName="g",
        logStreamName="a",
    )
    logs.delete_log_stream(logGroupName="g", logStreamName="b")
    assert listed(logGroupName="g") == ["a", "c", "empty"]


def test_a_deleted_group_leaves_nothing_to_its_successor(client: Callable[..., Any]) -> None:
    logs = client("logs")
    for _ in range(2):
        logs.create_log_group(logGroupName="g")
        assert logs.describe_log_streams(logGroupName="g")["logStreams"] == []
        logs.create_log_stream(logGroupName="g", logStreamName="s")
        now_ms = logs.describe_log_groups()["logGroups"][0]["creationTime"]
        logs.put_log_events(
            logGroupName="g",
            logStreamName="s",
            logEvents=[{"timestamp": now_ms, "message": "m"}],
        )
        assert len(logs.filter_log_events(logGroupName="g")["events"]) == 1
        logs.delete_log_group(logGroupName="g")


def test_tags_by_name_and_by_arn_are_the_same_tags(
    client: Callable[..., Any], account: str
) -> None:
    logs = client("logs")
    logs.create_log_group(logGroupName="g", tags={"env": "testing1"})
    arn = f"arn:aws:logs:us-east-1:{account}:log-group:g"
    logs.tag_resource(resourceArn=arn, tags={"test1": "val1", "test2": "val2"})
    logs.tag_log_group(logGroupName="g", tags={"test3": "val3"})
    logs.untag_resource(resourceArn=arn, tagKeys=["env"])
    logs.untag_log_group(logGroupName="g", tags=["test1"])
    expected = {"test2": "val2", "test3": "val3"}
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == expected
    assert logs.list_tags_log_group(logGroupName="g")["tags"] == expected


def test_what_is_not_built_is_refused_by_name(client: Callable[..., Any]) -> None:
    refused(
        "NotImplemented",
        "the member kmsKeyId of logs.CreateLogGroup",
        client("logs").create_log_group,
        logGroupName="g",
        kmsKeyId="arn:aws:kms:us-east-1:1:key/k",
    )
    assert client("logs").describe_log_groups()["logGroups"] == []


def test_constraints_are_told_as_invalid_parameters(client: Callable[..., Any]) -> None:
    """CloudWatch Logs has a word of its own for what other services call a ValidationException."""
    logs = client("logs")
    invalid = "InvalidParameterException"
    words = (
        "1 validation error detected: Value 'a b' at 'logGroupName' failed to satisfy constraint: "
    )
    pattern = "Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+"
    refused(invalid, words + pattern, logs.create_log_group, logGroupName="a b")
    words = "Value null at 'logGroupName' failed to satisfy constraint: Member must not be null"
    refused(invalid, words, logs.create_log_group)
    words = "Value '10001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to"
    refused(invalid, words, logs.filter_log_events, logGroupName="g", limit=10_001)
    refused(invalid, "'logEvents'", logs.put_log_events, logGroupName="g", logStreamName="s")
