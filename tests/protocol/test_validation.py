"""Validation texts, compared with what AWS answered in recorded sessions."""

from __future__ import annotations

from typing import Any

import pytest

from pilvi import protocol
from pilvi.base.errors import AwsError, ValidationError, ValidationException
from pilvi.protocol.validation import compile_pattern


def _complaint(service: str, operation: str, params: dict[str, Any]) -> AwsError:
    spoken = "query" if service in ("sns", "sts", "iam") else None
    with pytest.raises(AwsError) as refused:
        protocol.codec(service, spoken).validate(operation, params)
    return refused.value


ONE = "1 validation error detected: "
FAILED = "failed to satisfy constraint: "


@pytest.mark.parametrize(
    ("service", "operation", "params", "text"),
    [
        (
            "lambda",
            "ListFunctions",
            {"MaxItems": 10_001},
            f"Value '10001' at 'maxItems' {FAILED}Member must have value less than or equal to 10000",
        ),
        (
            "kms",
            "GenerateRandom",
            {"NumberOfBytes": 0},
            f"Value '0' at 'numberOfBytes' {FAILED}"
            "Member must have value greater than or equal to 1",
        ),
        (
            "sns",
            "SetTopicAttributes",
            {"TopicArn": "a"},
            f"Value null at 'attributeName' {FAILED}Member must not be null",
        ),
        (
            "sns",
            "Publish",
            {"Message": "m", "MessageAttributes": {"attr1": {}}},
            f"Value null at 'messageAttributes.attr1.member.dataType' {FAILED}"
            "Member must not be null",
        ),
        (
            "sns",
            "PublishBatch",
            {
                "TopicArn": "a",
                "PublishBatchRequestEntries": [
                    {"Id": "1", "Message": "m", "MessageAttributes": {"attr1": {}}}
                ],
            },
            "Value null at 'publishBatchRequestEntries.1.member.messageAttributes.attr1.member."
            f"dataType' {FAILED}Member must not be null",
        ),
        (
            "sts",
            "AssumeRole",
            {"RoleArn": "arn:aws:iam::123456789012:role/r", "RoleSessionName": "Session1:2"},
            f"Value 'Session1:2' at 'roleSessionName' {FAILED}"
            "Member must satisfy regular expression pattern: [\\w+=,.@-]*",
        ),
        (
            "iam",
            "ResetServiceSpecificCredential",
            {"ServiceSpecificCredentialId": "not valid but long enough"},
            f"Value at 'serviceSpecificCredentialId' {FAILED}"
            "Member must satisfy regular expression pattern: [\\w]+",
        ),
        (
            "iam",
            "UpdateServiceSpecificCredential",
            {"ServiceSpecificCredentialId": "A" * 20, "Status": "Sleepy"},
            f"Value at 'status' {FAILED}Member must satisfy enum value set",
        ),
        (
            "kms",
            "Encrypt",
            {"KeyId": "k", "Plaintext": b"x" * 4097},
            f"Value at 'plaintext' {FAILED}Member must have length less than or equal to 4096",
        ),
        (
            "events",
            "PutTargets",
            {"Rule": "r", "Targets": [{"Id": "!@#$@!#$", "Arn": "a"}]},
            f"Value '!@#$@!#$' at 'targets.1.member.id' {FAILED}"
            "Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+",
        ),
        (
            "kinesis",
            "SubscribeToShard",
            {
                "ConsumerARN": "arn:aws:kinesis:us-east-1:123456789012:stream/s/consumer/c:1",
                "ShardId": "s",
                "StartingPosition": {"Type": "invalid"},
            },
            f"Value 'invalid' at 'startingPosition.type' {FAILED}Member must satisfy enum value set:"
            " [AT_SEQUENCE_NUMBER, AFTER_SEQUENCE_NUMBER, TRIM_HORIZON, LATEST, AT_TIMESTAMP]",
        ),
        (
            "apigateway",
            "PutMethodResponse",
            {"restApiId": "a", "resourceId": "r", "httpMethod": "GET", "statusCode": "wrong"},
            f"Value 'wrong' at 'statusCode' {FAILED}"
            "Member must satisfy regular expression pattern: [1-5]\\d\\d",
        ),
        (
            "apigateway",
            "UpdateRestApi",
            {"restApiId": "a", "patchOperations": [{"op": "wrong"}]},
            f"Value 'wrong' at 'updateRestApiInput.patchOperations.1.member.op' {FAILED}"
            "Member must satisfy enum value set: [add, remove, replace, move, copy, test]",
        ),
        (
            "apigateway",
            "CreateRestApi",
            {"name": "n", "endpointConfiguration": {"types": ["wrong"]}},
            f"Value '[wrong]' at 'createRestApiInput.endpointConfiguration.types' {FAILED}"
            "Member must satisfy constraint: [Member must satisfy enum value set: "
            "[REGIONAL, EDGE, PRIVATE]]",
        ),
        (
            "stepfunctions",
            "UpdateStateMachineAlias",
            {
                "stateMachineAliasArn": "arn",
                "routingConfiguration": [{"stateMachineVersionArn": "v", "weight": 101}],
            },
            f"Value '101' at 'routingConfiguration.1.member.weight' {FAILED}"
            "Member must have value less than or equal to 100",
        ),
        (
            "kinesis",
            "PutRecords",
            {"StreamName": "s", "Records": [{"Data": b"", "PartitionKey": "k"}, None]},
            f"Value null at 'records.2.member' {FAILED}Member must not be null",
        ),
        (
            "lambda",
            "TagResource",
            {"Resource": "arn:aws:lambda:us-east-1:123456789012:function:f", "Tags": {"k": None}},
            f"Value null at 'tags.k.member' {FAILED}Member must not be null",
        ),
        (
            "lambda",
            "CreateAlias",
            {
                "FunctionName": "f",
                "Name": "n",
                "FunctionVersion": "1",
                "RoutingConfig": {"AdditionalVersionWeights": {"$LATEST": 0.5}},
            },
            f"Value '{{$LATEST=0.5}}' at 'routingConfig.additionalVersionWeights' {FAILED}"
            "Map keys must satisfy constraint: [Member must have length less than or equal to 1024, "
            "Member must have length greater than or equal to 1, "
            "Member must satisfy regular expression pattern: [0-9]+]",
        ),
    ],
)
def test_texts(service: str, operation: str, params: dict[str, Any], text: str) -> None:
    assert _complaint(service, operation, params).text == ONE + text


def test_everything_that_is_wrong_is_reported_at_once() -> None:
    """AWS lists them in no order that one could rely on."""
    name = "This should fail with two errors 123467890123412341234123412341234"
    found = _complaint("events", "CreateConnection", {"Name": name, "AuthParameters": {}})
    assert sorted(found.text.partition(": ")[2].split("; ")) == sorted(
        [
            f"Value '{name}' at 'name' {FAILED}Member must satisfy regular expression pattern: "
            "[\\.\\-_A-Za-z0-9]+",
            f"Value '{name}' at 'name' {FAILED}Member must have length less than or equal to 64",
            f"Value null at 'authorizationType' {FAILED}Member must not be null",
        ]
    )
    assert found.text.startswith("3 validation errors detected: ")


def test_structures_are_shown_as_java_prints_them() -> None:
    entry = {"Source": "s", "DetailType": "t", "Detail": "{}", "EventBusName": "b"}
    found = _complaint("events", "PutEvents", {"Entries": [entry] * 11})
    assert found.text.startswith(
        ONE + "Value '[PutEventsRequestEntry(time=null, source=s, resources=null, detailType=t, "
        "detail={}, eventBusName=b, traceHeader=null"
    )
    assert found.text.endswith(
        f"at 'entries' {FAILED}Member must have length less than or equal to 10"
    )


def test_each_protocol_has_its_code() -> None:
    assert isinstance(_complaint("sns", "Publish", {}), ValidationError)
    assert isinstance(_complaint("kms", "Encrypt", {}), ValidationException)
    assert _complaint("route53", "GetHostedZone", {}).code == "InvalidInput"


def test_what_is_valid_passes_and_opaque_shapes_are_not_looked_into() -> None:
    codec = protocol.codec("dynamodb", "json", frozenset({"AttributeValue"}))
    codec.validate("PutItem", {"TableName": "t", "Item": {"a": {"M": 5}}})
    protocol.codec("kms").validate("GenerateRandom", {"NumberOfBytes": 1024})


UNREADABLE_PATTERNS = {
    ("dynamodb", "AutoScalingRoleArn"): "Surrogates as a range: only UTF-16 has them.",
}
"""Patterns that Python's `re` cannot read, of the services that are built; they are not checked."""


def test_nearly_all_patterns_of_the_services_we_build_are_checked() -> None:
    built = ("apigateway", "dynamodb", "events", "iam", "kms", "lambda", "logs", "s3", "sns", "sqs")
    built += ("sts", "stepfunctions", "secretsmanager", "ssm", "kinesis", "cloudformation")
    unreadable = set[tuple[str, str]]()
    for service in built:
        model = protocol.service_model(service)
        for name in model.shape_names:
            pattern = model.definition(name).get("pattern")
            if pattern is not None and compile_pattern(pattern) is None:
                unreadable.add((service, name))
    assert unreadable == set(UNREADABLE_PATTERNS)


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+", "Größe 漢字 ٣ a=b", True),
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+", "tag!", False),
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+", "heart ♥", False),
        (r"\p{Print}+", "plain", True),
        (r"\p{Print}+", "a\tb", False),
        (r"[\w-_]*", "a-b_c", True),
        (r"\d+", "٣", False),
        (r"a|ab", "ab", True),
    ],
)
def test_patterns_mean_what_they_mean_in_java(pattern: str, text: str, fits: bool) -> None:
    compiled = compile_pattern(pattern)
    assert compiled is not None
    assert compiled.matches(text) is fits


def test_patterns_that_could_run_away_look_only_at_short_texts() -> None:
    """EventBridge's pattern of a header's value takes minutes of backtracking over thirty blanks."""
    pattern = protocol.service_model("events").definition("HeaderValue")["pattern"]
    compiled = compile_pattern(pattern)
    assert compiled is not None
    assert not compiled.matches("a\x01")
    assert compiled.matches("plain value")
    assert compiled.matches(" " * 400 + "\x01")


def test_patterns_without_nested_repeats_look_at_long_texts() -> None:
    pattern = protocol.service_model("lambda").definition("FunctionName")["pattern"]
    compiled = compile_pattern(pattern)
    assert compiled is not None
    assert compiled.matches("a" * 64)
    assert not compiled.matches("a" * 64 + "!")
