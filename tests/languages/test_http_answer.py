"""What functions return, as responses: the cases recorded from AWS, and those the guide lists."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from pilvi.base.http import HttpResponse
from pilvi.languages import http_answer
from pilvi.languages.http_answer import InvalidResponse


def _http(result: object, version: str = "2.0") -> HttpResponse:
    return http_answer.http_answer(json.dumps(result).encode(), version)


def _rest(result: object, **more: Any) -> HttpResponse:
    return http_answer.rest_answer(json.dumps(result).encode(), **more)


# Payload 2.0: JSON without a statusCode is the body, with 200 and application/json.
@pytest.mark.parametrize(
    ("result", "body"),
    [
        ("Hello from Lambda!", b"Hello from Lambda!"),
        ({"message": "hi"}, b'{"message": "hi"}'),
        ([1, 2], b"[1, 2]"),
        (None, b"null"),
    ],
)
def test_format_2_0_infers_a_response(result: object, body: bytes) -> None:
    answer = _http(result)
    assert answer == HttpResponse(200, [("content-type", "application/json")], body)


def test_format_2_0_takes_status_headers_cookies_and_bytes() -> None:
    answer = _http(
        {
            "statusCode": 201,
            "headers": {"X-A": 7, "Content-Type": "image/png"},
            "cookies": ["a=1; Secure", "b=2"],
            "body": base64.b64encode(b"\x00\xff").decode(),
            "isBase64Encoded": True,
        }
    )
    cookies = [("set-cookie", "a=1; Secure"), ("set-cookie", "b=2")]
    assert answer.headers == [("X-A", "7"), ("Content-Type", "image/png"), *cookies]
    assert (answer.status, answer.body) == (201, b"\x00\xff")


# Text without a content type is text/plain from an HTTP API, and JSON from a REST API.
def test_default_content_types() -> None:
    assert ("content-type", "text/plain;charset=UTF-8") in _http({"statusCode": 200}).headers
    assert ("content-type", "application/json") in _rest({"statusCode": 200}).headers


@pytest.mark.parametrize("result", ["text", {"body": "x"}, None])
def test_format_1_0_needs_a_status_code(result: object) -> None:
    with pytest.raises(InvalidResponse):
        _http(result, "1.0")


# As recorded from AWS (proxy response payload format validation).
@pytest.mark.parametrize(
    "result",
    [
        "text",
        {},
        {"statusCode": 200, "other": 1},
        {"statusCode": "wrong"},
        {"statusCode": 200, "multiValueHeaders": {"a": "b"}},
        {"statusCode": 200, "body": {"a": 1}},
    ],
)
def test_rest_responses_that_are_refused(result: object) -> None:
    with pytest.raises(InvalidResponse):
        _rest(result)


@pytest.mark.parametrize(
    ("result", "headers"),
    [
        ({"headers": {"test-header": "value", "header-bool": True}}, ["value", "true"]),
        ({"statusCode": "200", "headers": None}, []),
        (
            {"statusCode": 200, "multiValueHeaders": {"m": ["value1", "value2"]}},
            ["value1", "value2"],
        ),
        (
            {
                "statusCode": 200,
                "headers": {"test-multi": "value-solo"},
                "multiValueHeaders": {"tesT-Multi": ["value-multi"]},
            },
            ["value-multi", "value-solo"],
        ),
    ],
)
def test_rest_responses_as_recorded(result: object, headers: list[str]) -> None:
    answer = _rest(result)
    assert answer.status == 200
    assert [value for name, value in answer.headers if name != "content-type"] == headers


# Base64 stays text unless the API's binary types cover what the client accepts.
def test_rest_bytes_need_binary_types() -> None:
    result = {"statusCode": 200, "body": "dGVzdC1kYXRh", "isBase64Encoded": True}
    assert _rest(result).body == b"dGVzdC1kYXRh"
    assert _rest(result, binary_types=["*/*"]).body == b"test-data"
    assert _rest(result, binary_types=["image/*"], accept="image/png,*/*").body == b"test-data"
    assert _rest(result, binary_types=["image/*"], accept="text/html").body == b"dGVzdC1kYXRh"


# A function cannot forge further headers, and text beyond latin-1 travels as UTF-8.
def test_headers_cannot_be_forged() -> None:
    for headers in ({"a": "b\r\nset-cookie: x"}, {"a\r\nb": "c"}, {"a": ["list"]}):
        with pytest.raises(InvalidResponse):
            _http({"statusCode": 200, "headers": headers})
    answer = _http({"statusCode": 200, "headers": {"x": "pää"}})
    assert answer.headers[0][1].encode("latin-1") == "pää".encode()


MALFORMED: list[object] = [
    {"statusCode": None},
    {"statusCode": True},
    {"statusCode": 99},
    {"statusCode": 100},
    {"statusCode": 101},
    {"statusCode": 600},
    {"statusCode": 200.5},
    {"statusCode": 1e300},
    {"statusCode": 10**30},
    {"statusCode": "2_00"},
    {"statusCode": "\u0662\u0660\u0660"},
    {"statusCode": [200]},
    {"statusCode": {}},
    {"statusCode": 200, "headers": []},
    {"statusCode": 200, "headers": "a: b"},
    {"statusCode": 200, "headers": {"a": {}}},
    {"statusCode": 200, "headers": {"": "b"}},
    {"statusCode": 200, "headers": {"a b": "c"}},
    {"statusCode": 200, "headers": {"a": "b\0c"}},
    {"statusCode": 200, "body": 5},
    {"statusCode": 200, "body": ["a"]},
]


# Whatever is no response is told as such, and never becomes something that HTTP cannot send.
@pytest.mark.parametrize("result", MALFORMED, ids=repr)
def test_malformed_responses_are_invalid(result: object) -> None:
    for version in ("1.0", "2.0"):
        with pytest.raises(InvalidResponse):
            _http(result, version)
    with pytest.raises(InvalidResponse):
        _rest(result)


def test_what_is_not_json_is_invalid() -> None:
    for payload in (b"", b"nonsense", b"\xff", b'{"statusCode": 200', b'"\\ud800"'):
        for version in ("1.0", "2.0"):
            with pytest.raises(InvalidResponse):
                http_answer.http_answer(payload, version)
        with pytest.raises(InvalidResponse):
            http_answer.rest_answer(payload)
