"""Requests as events: the shapes recorded from AWS (1.0) and documented (2.0)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pilvi.languages import http_event
from pilvi.languages.http_event import Incoming

INCOMING = Incoming(
    api_id="api123",
    account="111111111111",
    stage="stage",
    method="GET",
    path="/proxy-value/",
    full_path="/stage//proxy-value/",
    query="",
    headers={"host": "localhost:4566", "user-agent": "tests", "x-custom-name": "v"},
    body=b"",
    template="/{proxy+}",
    variables={"proxy": "proxy-value"},
    stage_variables={},
    domain_name="api123.execute-api.us-east-1.localhost",
    source_ip="127.0.0.1",
    secure=False,
    request_id="req",
    extended_request_id="ext=",
    trace_id="Root=1-0-0",
    at_ms=1583348638390,
    route_key="ANY /{proxy+}",
    resource_id="res",
    deployment_id="dep",
)


# As recorded: what is empty is null, paths stay raw, the last value of a query parameter wins.
def test_rest_event_has_the_recorded_shape() -> None:
    event = http_event.rest_event(INCOMING)
    assert set(event) == {
        "body",
        "headers",
        "httpMethod",
        "isBase64Encoded",
        "multiValueHeaders",
        "multiValueQueryStringParameters",
        "path",
        "pathParameters",
        "queryStringParameters",
        "requestContext",
        "resource",
        "stageVariables",
    }
    empty = ("body", "multiValueQueryStringParameters", "queryStringParameters", "stageVariables")
    assert [event[name] for name in empty] == [None] * 4
    assert event["path"] == "/proxy-value/"
    assert event["requestContext"]["path"] == "/stage//proxy-value/"
    assert event["requestContext"]["requestTime"] == "04/Mar/2020:19:03:58 +0000"
    assert event["headers"]["X-Custom-Name"] == "v"
    assert event["multiValueHeaders"]["Host"] == ["localhost:4566"]


@pytest.mark.parametrize(
    ("query", "single", "multiple"),
    [
        (
            "category=electronics&category=books",
            {"category": "books"},
            {"category": ["electronics", "books"]},
        ),
        (
            "plus=test+alias%40gmail.com",
            {"plus": "test alias@gmail.com"},
            {"plus": ["test alias@gmail.com"]},
        ),
        ("empty=&flag", {"empty": "", "flag": ""}, {"empty": [""], "flag": [""]}),
    ],
)
def test_rest_event_query(query: str, single: object, multiple: object) -> None:
    event = http_event.rest_event(replace(INCOMING, query=query))
    assert event["queryStringParameters"] == single
    assert event["multiValueQueryStringParameters"] == multiple


# A REST API passes text, unless the content type is one of its binary types.
def test_rest_event_body() -> None:
    sent = replace(INCOMING, body=b"\xff\x00", headers={"content-type": "image/png"})
    assert http_event.rest_event(sent)["isBase64Encoded"] is False
    event = http_event.rest_event(replace(sent, binary_types=("image/*",)))
    assert (event["body"], event["isBase64Encoded"]) == ("/wA=", True)


# Payload 2.0: what is empty is left out, repeated query parameters are joined, cookies are a list.
def test_event_2_0() -> None:
    bare = http_event.event_2_0(replace(INCOMING, variables={}))
    assert set(bare) == {
        "headers",
        "isBase64Encoded",
        "rawPath",
        "rawQueryString",
        "requestContext",
        "routeKey",
        "version",
    }
    event = http_event.event_2_0(
        replace(
            INCOMING,
            full_path="/stage/caf%C3%A9",
            query="a=1&a=2&b=%20",
            headers={"cookie": "one=1; two=2", "x-a": "b"},
            stage_variables={"v": "w"},
            variables={"proxy": "caf%C3%A9"},
        )
    )
    assert event["rawPath"] == "/stage/café"
    assert event["rawQueryString"] == "a=1&a=2&b=%20"
    assert event["queryStringParameters"] == {"a": "1,2", "b": " "}
    assert event["cookies"] == ["one=1", "two=2"]
    assert "cookie" not in event["headers"]
    assert event["pathParameters"] == {"proxy": "café"}
    assert event["stageVariables"] == {"v": "w"}
    assert event["requestContext"]["http"]["path"] == "/stage/café"


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        ("application/json; charset=utf-8", b'{"a":1}', ('{"a":1}', False)),
        ("text/plain", "pää".encode(), ("pää", False)),
        ("application/vnd.api+json", b"{}", ("{}", False)),
        ("application/x-www-form-urlencoded", b"a=b", ("YT1i", True)),
        ("text/plain", b"\xff", ("/w==", True)),
        ("image/png", b"\x00", ("AA==", True)),
    ],
)
def test_event_2_0_body(content_type: str, body: bytes, expected: tuple[str, bool]) -> None:
    event = http_event.event_2_0(
        replace(INCOMING, headers={"content-type": content_type}, body=body)
    )
    assert (event["body"], event["isBase64Encoded"]) == expected


# Whoever forwarded the request before is kept, and the client is added.
def test_forwarded_for_is_appended() -> None:
    event = http_event.event_2_0(replace(INCOMING, headers={"x-forwarded-for": "10.0.0.1"}))
    assert event["headers"]["x-forwarded-for"] == "10.0.0.1, 127.0.0.1"
