"""The JSON protocols: malformed bodies in AWS's words, opaque shapes, errors as AWS writes them."""

from __future__ import annotations

import zlib
from typing import Any

import orjson
import pytest

from pilvi import protocol
from pilvi.base.errors import AwsError, InternalFailure, SerializationException
from pilvi.base.http import HttpRequest
from pilvi.protocol import Codec, Match

DYNAMODB = protocol.codec("dynamodb", "json", frozenset({"AttributeValue"}))


def _parse(operation: str, body: bytes, codec: Codec = DYNAMODB) -> dict[str, Any]:
    return codec.parse(Match(operation), HttpRequest("POST", "/", "", {}, body))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"TableName": 1}', "NUMBER_VALUE cannot be converted to String"),
        (b'{"TableName": 1.5}', "DECIMAL_VALUE cannot be converted to String"),
        (b'{"TableName": true}', "TRUE_VALUE cannot be converted to String"),
        (b'{"TableName": []}', "Unrecognized collection type class java.lang.String"),
        (b'{"TableName": {}}', "Start of structure or map found where not expected"),
        (b'{"Limit": "1"}', "STRING_VALUE cannot be converted to Integer"),
        (b'{"Limit": false}', "FALSE_VALUE cannot be converted to Integer"),
        (b'{"ConsistentRead": 1}', "NUMBER_VALUE cannot be converted to Boolean"),
        (b'{"AttributesToGet": "a"}', "Unexpected field type"),
        (b'{"AttributesToGet": {}}', "Start of structure or map found where not expected"),
        (b"[]", "Unrecognized collection type class QueryInput"),
        (b'{"Nonsense": 1}', "Unknown member 'Nonsense' of QueryInput."),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_in_awss_words(body: bytes, text: str) -> None:
    with pytest.raises(SerializationException) as refused:
        _parse("Query", body)
    assert refused.value.text == text


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"TableName": "\xff"}', b"[" * 5000, b"nul"])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(SerializationException):
        _parse("Query", body)


def test_deep_nesting_is_refused_and_does_not_exhaust_the_stack() -> None:
    """DynamoDB's own values nest without end in the model when they are not opaque."""
    codec = protocol.codec("dynamodb", "json")
    body = (
        b'{"TableName":"t","Item":{"a":' + b'{"M":{"a":' * 500 + b'{"S":""}' + b"}}" * 500 + b"}}"
    )
    with pytest.raises(SerializationException):
        _parse("PutItem", body, codec)


def test_null_members_are_absent_and_type_hints_of_sdks_do_not_matter() -> None:
    body = b'{"TableName": "t", "Limit": null, "__type": "x#QueryInput"}'
    assert _parse("Query", body) == {"TableName": "t"}


def test_opaque_shapes_pass_untouched_both_ways() -> None:
    item = {"a": {"B": "aGk="}, "b": {"NoSuchType": [1, None]}}
    body = orjson.dumps({"TableName": "t", "Item": item})
    assert _parse("PutItem", body)["Item"] == item
    rendered = DYNAMODB.render("GetItem", {"Item": item}, "id")
    assert orjson.loads(rendered.body) == {"Item": item}


def test_finished_json_goes_out_as_it_is() -> None:
    fragment = orjson.Fragment(b'{"a": {"S":  "x"}}')
    whole = DYNAMODB.render("GetItem", {"Item": fragment}, "id")
    assert whole.body == b'{"Item":{"a": {"S":  "x"}}}'
    listed = DYNAMODB.render("Query", {"Items": [fragment], "Count": 1}, "id")
    assert listed.body == b'{"Items":[{"a": {"S":  "x"}}],"Count":1}'


def test_an_answer_with_a_member_that_the_model_lacks_is_our_bug() -> None:
    with pytest.raises(AssertionError, match="GetItemOutput has no member Itme"):
        DYNAMODB.render("GetItem", {"Itme": {}}, "id")


def test_dynamodb_answers_carry_a_checksum() -> None:
    rendered = DYNAMODB.render("GetItem", {}, "some-id")
    assert isinstance(rendered.body, bytes)
    assert dict(rendered.headers) == {
        "Content-Type": "application/x-amz-json-1.0",
        "x-amzn-RequestId": "some-id",
        "x-amz-crc32": str(zlib.crc32(rendered.body)),
    }


class ResourceNotFoundException(AwsError):
    code = "ResourceNotFoundException"
    message = "no {what}"


class TransactionCanceledException(AwsError):
    code = "TransactionCanceledException"
    message = "cancelled"


class ValidationException(AwsError):
    code = "ValidationException"
    message = "bad"


class QueueDoesNotExist(AwsError):
    code = "AWS.SimpleQueueService.NonExistentQueue"
    message = "The specified queue does not exist."


def test_errors_have_the_services_namespace_and_its_spelling_of_message() -> None:
    def tree(error: AwsError) -> Any:
        return orjson.loads(DYNAMODB.render_error("GetItem", error, "id").body)

    assert tree(ResourceNotFoundException(what="table")) == {
        "__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException",
        "message": "no table",
    }
    reasons = [{"Code": "None"}]
    assert tree(TransactionCanceledException(members={"CancellationReasons": reasons})) == {
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "cancelled",
        "CancellationReasons": reasons,
    }
    assert tree(ValidationException()) == {
        "__type": "com.amazon.coral.validate#ValidationException",
        "message": "bad",
    }
    assert tree(SerializationException(detail="why")) == {
        "__type": "com.amazon.coral.service#SerializationException",
        "Message": "why",
    }
    assert DYNAMODB.render_error(None, InternalFailure(), "id").status == 500


def test_sqs_keeps_the_code_of_its_query_days_in_a_header() -> None:
    rendered = protocol.codec("sqs", "json").render_error("SendMessage", QueueDoesNotExist(), "id")
    assert orjson.loads(rendered.body)["__type"] == "com.amazonaws.sqs#QueueDoesNotExist"
    assert dict(rendered.headers)["x-amzn-query-error"] == (
        "AWS.SimpleQueueService.NonExistentQueue;Sender"
    )


def test_lambda_errors_take_their_status_from_the_model_and_say_whose_mistake_it_was() -> None:
    error = ResourceNotFoundException(what="function")
    rendered = protocol.codec("lambda").render_error("GetFunction", error, "id")
    assert rendered.status == 404
    assert dict(rendered.headers)["x-amzn-ErrorType"] == "ResourceNotFoundException"
    assert orjson.loads(rendered.body) == {"Message": "no function", "Type": "User"}


def test_special_floats_have_names() -> None:
    codec = protocol.codec("cloudwatch", "json")
    body = b'{"Namespace":"n","MetricData":[{"MetricName":"m","Value":"-Infinity"}]}'
    assert _parse("PutMetricData", body, codec)["MetricData"][0]["Value"] == float("-inf")
    result = {"MetricDataResults": [{"Values": [float("nan"), float("inf"), 1.5]}]}
    rendered = codec.render("GetMetricData", result, "id")
    assert orjson.loads(rendered.body)["MetricDataResults"][0]["Values"] == ["NaN", "Infinity", 1.5]


@pytest.mark.parametrize(
    "body", [b"\xff", b"\xa1", b"\x9f", b"\xd8\x1c\xa1\x63foo\xd8\x1d\x00", b"\x81" * 5000]
)
def test_what_is_no_cbor_is_refused(body: bytes) -> None:
    """Also what CBOR can say and no request may: shared references, breaks, deep nesting."""
    codec = protocol.codec("cloudwatch", "smithy-rpc-v2-cbor")
    with pytest.raises(SerializationException):
        _parse("PutMetricData", body, codec)


def test_cbor_errors_have_a_type_and_the_protocols_header() -> None:
    import cbor2

    codec = protocol.codec("cloudwatch", "smithy-rpc-v2-cbor")
    rendered = codec.render_error("PutMetricData", ValidationException(), "id")
    assert isinstance(rendered.body, bytes)
    assert cbor2.loads(rendered.body) == {
        "__type": "com.amazon.coral.validate#ValidationException",
        "message": "bad",
    }
    assert ("smithy-protocol", "rpc-v2-cbor") in rendered.headers


@pytest.mark.parametrize(
    ("service", "headers", "query", "spoken"),
    [
        ("sqs", {"x-amz-target": "AmazonSQS.SendMessage"}, "", "json"),
        ("sqs", {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}, "", "query"),
        ("sqs", {}, "Action=SendMessage", "query"),
        (
            "cloudwatch",
            {"smithy-protocol": "rpc-v2-cbor", "content-type": "application/x-amz-json-1.0"},
            "",
            "smithy-rpc-v2-cbor",
        ),
        ("cloudwatch", {"content-type": "application/x-amz-json-1.0"}, "", "json"),
        ("cloudwatch", {"content-type": "application/x-www-form-urlencoded"}, "", "query"),
        ("s3", {"content-type": "application/x-www-form-urlencoded"}, "", "rest-xml"),
        ("dynamodb", {"content-type": "application/cbor"}, "", "json"),
    ],
)
def test_a_request_tells_its_protocol(
    service: str, headers: dict[str, str], query: str, spoken: str
) -> None:
    assert protocol.detect(service, HttpRequest("POST", "/", query, headers)) == spoken


def test_only_the_services_own_targets_are_routed() -> None:
    def routed(target: str) -> Match | None:
        return DYNAMODB.route(HttpRequest("POST", "/", "", {"x-amz-target": target}))

    assert routed("DynamoDB_20120810.PutItem") == Match("PutItem")
    assert routed("DynamoDB_20120810.NoSuchThing") is None
    assert routed("AmazonSQS.PutItem") is None
    assert routed("PutItem") is None


def test_unknown_services_and_protocols_are_refused() -> None:
    with pytest.raises(KeyError):
        protocol.codec("no-such-service")
    with pytest.raises(ValueError, match="does not speak"):
        protocol.codec("dynamodb", "query")


def test_api_gateways_parser_has_words_of_its_own() -> None:
    """As recorded from PutIntegration with a request parameter of the wrong type."""
    codec = protocol.codec("apigateway")
    for value, java in (
        (b"true", "java.lang.Boolean"),
        (b"123", "com.amazon.coral.value.json.numbers.TruncatingBigNumber"),
    ):
        body = b'{"type": "HTTP", "requestParameters": {"a": ' + value + b"}}"
        request = HttpRequest(
            "PUT", "/restapis/r/resources/s/methods/GET/integration", "", {}, body
        )
        match = codec.route(request)
        assert match is not None
        with pytest.raises(SerializationException) as refused:
            codec.parse(match, request)
        assert refused.value.text == f"class {java} can not be converted to an String"


def test_numbers_beyond_64_bits_are_refused() -> None:
    with pytest.raises(SerializationException):
        _parse("Query", b'{"Limit": 1e300}')
    assert _parse("Query", b'{"Limit": 5.0}') == {"Limit": 5}
