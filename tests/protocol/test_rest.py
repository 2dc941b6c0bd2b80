"""REST bindings that the oracle cannot see: quoted lists, odd slashes, statuses, and damaged requests."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from pilvi import protocol
from pilvi.base.errors import AwsError
from pilvi.base.http import HttpRequest
from pilvi.protocol.rest_request import split_header_list

from .oracle import Oracle, query_model
from .sampling import Sampler

LAMBDA = protocol.codec("lambda")


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("a", ["a"]),
        ("a, b ,c", ["a", "b", "c"]),
        ('"a,b", c', ["a,b", "c"]),
        (r'"say \"hi\"",b', ['say "hi"', "b"]),
        ("a,,b", ["a", "", "b"]),
    ],
)
def test_header_lists_may_quote_their_items(text: str, items: list[str]) -> None:
    assert split_header_list(text) == items


@pytest.mark.parametrize(
    ("method", "path", "operation", "labels"),
    [
        ("GET", "/2015-03-31/functions/", "ListFunctions", {}),
        ("GET", "/2015-03-31/functions", "ListFunctions", {}),
        ("GET", "/2015-03-31/functions/f%3A1", "GetFunction", {"FunctionName": "f:1"}),
        ("POST", "/2015-03-31/functions/f/invocations", "Invoke", {"FunctionName": "f"}),
        ("DELETE", "/2017-03-31/tags/arn%3Aa%2Fb", "UntagResource", {"Resource": "arn:a/b"}),
    ],
)
def test_paths(method: str, path: str, operation: str, labels: dict[str, str]) -> None:
    """The last lacks its required query parameter: it is still that operation, which then says so."""
    match = LAMBDA.route(HttpRequest(method, path, "", {}))
    assert match is not None
    assert (match.operation, match.labels) == (operation, labels)


@pytest.mark.parametrize(
    ("method", "path"),
    [("PATCH", "/2015-03-31/functions/"), ("GET", "/nowhere"), ("GET", ""), ("GET", "//")],
)
def test_what_no_operation_answers_has_no_route(method: str, path: str) -> None:
    assert LAMBDA.route(HttpRequest(method, path, "", {})) is None


def test_a_members_status_wins_over_the_models() -> None:
    assert LAMBDA.render("Invoke", {"StatusCode": 202}, "id").status == 202
    assert LAMBDA.render("Invoke", {"Payload": b"{}"}, "id").status == 200
    assert protocol.codec("apigateway").render("CreateRestApi", {}, "id").status == 201


def test_a_blob_that_is_the_whole_body_is_taken_as_it_is() -> None:
    request = HttpRequest("POST", "/2015-03-31/functions/f/invocations", "", {}, b"\xff{")
    match = LAMBDA.route(request)
    assert match is not None
    assert LAMBDA.parse(match, request) == {"FunctionName": "f", "Payload": b"\xff{"}


DAMAGED = [
    ("dynamodb", "json"),
    ("kinesis", "json"),
    ("cloudwatch", "smithy-rpc-v2-cbor"),
    ("sqs", "query"),
    ("iam", "query"),
    ("ec2", "ec2"),
    ("lambda", "rest-json"),
    ("apigateway", "rest-json"),
    ("s3", "rest-xml"),
    ("route53", "rest-xml"),
]


@pytest.mark.parametrize(("service", "spoken"), DAMAGED)
def test_damaged_requests_are_read_or_refused_and_never_crash(service: str, spoken: str) -> None:
    """Whatever the bytes, the only exception is an error for the caller."""
    codec = protocol.codec(service, spoken)
    oracle = Oracle(service, spoken, query_model(codec))
    chance = random.Random(service)
    for name in codec.model.operation_names[:60]:
        operation = codec.model.operation(name)
        sampler = Sampler(chance.getrandbits(32), sparse_ok=False)
        shape = operation.input
        params: Any = {} if shape is None else sampler.whole(shape, request=True)
        intact = oracle.request(name, shape, params)
        for _ in range(4):
            request = _damage(intact, chance)
            try:
                match = codec.route(request)
                if match is not None:
                    codec.validate(match.operation, codec.parse(match, request))
            except AwsError as error:
                codec.render_error(None, error, "id")


def _damage(request: HttpRequest, chance: random.Random) -> HttpRequest:
    body = bytearray(request.body)
    for _ in range(chance.randint(1, 4)):
        if body:
            at = chance.randrange(len(body))
            kind = chance.randrange(3)
            if kind == 0:
                body[at] = chance.randrange(256)
            elif kind == 1:
                del body[at : at + chance.randint(1, 5)]
            else:
                body[at:at] = body[: chance.randint(0, 9)]
    headers = {
        key: value[: chance.randint(0, len(value))]
        if key not in ("x-amz-target", "content-type") and chance.random() < 0.3
        else value
        for key, value in request.headers.items()
    }
    query = request.query
    if query and chance.random() < 0.5:
        query = query.replace("=", "=%", 1) if chance.random() < 0.5 else query[::-1]
    return msgspec.structs.replace(request, body=bytes(body), headers=headers, query=query)


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("lambda", "GetFunction"),
        ("s3", "PutBucketAcl"),
        ("sqs", "SetQueueAttributes"),
        ("sns", "SetTopicAttributes"),
        ("sns", "Publish"),
        ("lambda", "Invoke"),
    ],
)
def test_an_answer_with_a_member_that_the_model_lacks_is_our_bug(
    service: str, operation: str
) -> None:
    codec = protocol.codec(service)
    codec.render(operation, {}, "id")
    with pytest.raises(AssertionError):
        codec.render(operation, {"Nonsense": "x"}, "id")
