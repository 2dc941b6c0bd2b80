"""Requests that are whole as HTTP and broken as AWS's: refused in the words of the service that was asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import cbor2
import pytest

from hostile.support import (
    Answer,
    authorization,
    connect,
    exchange,
    json_error,
    json_headers,
    message,
    query_error,
    query_headers,
    rest_json_error,
    s3_error,
    s3_headers,
)

LEVELS = 100_000
MALFORMED_JSON = [
    b"{",
    b'{"TableName": ',
    b'{"TableName": "t"}}',
    b"[]",
    b'"text"',
    b"nul",
    b"\x00\x01\x02",
    b'{"TableName": "\xff\xfe"}',
    b'{"TableName": 1e999999}',
    b"{'TableName': 't'}",
    b"[" * LEVELS,
    b'{"a":' * LEVELS,
    b'{"TableName":' + b"[" * LEVELS + b"]" * LEVELS + b"}",
]
MALFORMED_IDS = [f"{body[:14]!r}..{len(body)}" for body in MALFORMED_JSON]


def ask_json(url: str, account: str, service: str, operation: str, body: bytes) -> Answer:
    headers = json_headers(account, service, operation)
    return exchange(url, message("POST", "/", headers, body))


@pytest.mark.parametrize("body", MALFORMED_JSON, ids=MALFORMED_IDS)
def test_malformed_json(endpoint: str, account: str, body: bytes) -> None:
    """Broken, no object, of the wrong types, or nested a hundred thousand levels deep."""
    for service, operation in (("dynamodb", "DescribeTable"), ("logs", "CreateLogGroup")):
        code, _ = json_error(ask_json(endpoint, account, service, operation, body))
        assert code in ("SerializationException", "ValidationException"), (service, code)


@pytest.mark.parametrize("body", MALFORMED_JSON, ids=MALFORMED_IDS)
def test_malformed_json_in_rest(endpoint: str, account: str, body: bytes) -> None:
    for service, path in (
        ("lambda", "/2015-03-31/functions"),
        ("apigateway", "/restapis"),
        ("apigateway", "/v2/apis"),
    ):
        sent = {**authorization(account, service), "content-type": "application/json"}
        rest_json_error(exchange(endpoint, message("POST", path, sent, body)))


def nested_value(levels: int) -> bytes:
    return b'{"L":[' * levels + b'{"S":"x"}' + b"]}" * levels


def test_a_value_nested_deeper_than_values_may_be(
    client: Callable[..., Any], endpoint: str, account: str
) -> None:
    """DynamoDB allows 32 levels; what is deeper must not overflow whoever walks it."""
    client("dynamodb").create_table(
        TableName="deep",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for levels in (40, 400, 5000):
        body = b'{"TableName":"deep","Item":{"k":{"S":"1"},"v":' + nested_value(levels) + b"}}"
        code, _ = json_error(ask_json(endpoint, account, "dynamodb", "PutItem", body))
        assert code in ("ValidationException", "SerializationException")
    assert client("dynamodb").scan(TableName="deep")["Count"] == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff" * 100,
        b"\xbf" * LEVELS,
        b"\x9f" * LEVELS,
        b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x5b\x00\x00\x00\xff\xff\xff\xff\xff",
        cbor2.dumps([1, 2]),
        cbor2.dumps({1: 2}),
        b"\xd8\x1c\xa1\x61\x61\xd8\x1d\x00",
    ],
    ids=["empty", "breaks", "maps", "lists", "huge list", "huge bytes", "list", "number", "cycle"],
)
def test_malformed_cbor(endpoint: str, account: str, body: bytes) -> None:
    sent = {
        **authorization(account, "dynamodb"),
        "smithy-protocol": "rpc-v2-cbor",
        "content-type": "application/cbor",
        "accept": "application/cbor",
    }
    path = "/service/DynamoDB_20120810/operation/DescribeTable"
    answer = exchange(endpoint, message("POST", path, sent, body))
    assert 400 <= answer.status < 500, answer.body[:200]


def test_unknown_operations(endpoint: str, account: str) -> None:
    for service in ("dynamodb", "logs"):
        answer = ask_json(endpoint, account, service, "Explode", b"{}")
        assert json_error(answer)[0] == "UnknownOperationException"
    for service in ("iam", "sts"):
        body = b"Action=Explode&Version=2010-05-08"
        answer = exchange(endpoint, message("POST", "/", query_headers(account, service), body))
        code, text = query_error(answer)
        assert code == "InvalidAction"
        assert "Explode" in text
    sent = authorization(account, "lambda")
    rest_json_error(exchange(endpoint, message("POST", "/2015-03-31/explode", sent, b"{}")))
    answer = exchange(endpoint, message("POST", "/", s3_headers(account), b""))
    assert s3_error(answer)[0] == "MethodNotAllowed"


def test_unknown_members_are_named(endpoint: str, account: str) -> None:
    """What is silently dropped is the commonest lie of a server."""
    body = b'{"TableName": "t", "Explode": 1}'
    assert (
        "Explode" in json_error(ask_json(endpoint, account, "dynamodb", "DescribeTable", body))[1]
    )
    body = b'{"logGroupName": "g", "Explode": 1}'
    assert "Explode" in json_error(ask_json(endpoint, account, "logs", "CreateLogGroup", body))[1]
    body = b"Action=CreateUser&Version=2010-05-08&UserName=u&Explode=1"
    answer = exchange(endpoint, message("POST", "/", query_headers(account, "iam"), body))
    assert "Explode" in query_error(answer)[1]
    sent = {**authorization(account, "lambda"), "content-type": "application/json"}
    body = json.dumps({"FunctionName": "f", "Explode": 1}).encode()
    answer = exchange(endpoint, message("POST", "/2015-03-31/functions", sent, body))
    assert "Explode" in rest_json_error(answer)[1]


BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE lolz [
<!ENTITY a "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa">
%s
]><Tagging><TagSet><Tag><Key>&z;</Key><Value>v</Value></Tag></TagSet></Tagging>""" % b"\n".join(
    b'<!ENTITY %c "%s">' % (letter, b"&%c;" % (letter - 1) * 30)
    for letter in range(ord("b"), ord("z") + 1)
)
EXTERNAL = b"""<?xml version="1.0"?>
<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>
<Tagging><TagSet><Tag><Key>k</Key><Value>&e;</Value></Tag></TagSet></Tagging>"""
REMOTE = EXTERNAL.replace(b"file:///etc/passwd", b"http://127.0.0.1:9/x")
TAG = b"<Tag><Key>k</Key><Value>v</Value></Tag>"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<",
        b"<Tagging>",
        b"<Tagging></TagSet>",
        b"no xml",
        b"\x00" * 10,
        b"<Tagging>\xff\xfe</Tagging>",
        b"<?xml version='1.0' encoding='utf-7'?><Tagging/>",
        b"<Other/>",
        b"<a>" * LEVELS,
        b"<a>" * LEVELS + b"</a>" * LEVELS,
        b"<Tagging " + b" ".join(b'a%d="1"' % n for n in range(50_000)) + b"/>",
        BOMB,
        EXTERNAL,
        REMOTE,
    ],
    ids=lambda body: f"{body[:12]!r}..{len(body)}",
)
def test_malformed_xml(
    client: Callable[..., Any], endpoint: str, account: str, bucket: str, body: bytes
) -> None:
    """Broken documents, entities that grow for ever, and entities that name a file."""
    sent = message("PUT", f"/{bucket}?tagging", s3_headers(account), body)
    code, text = s3_error(exchange(endpoint, sent))
    assert code in ("MalformedXML", "InvalidTag", "MissingRequestBodyError"), code
    assert "root:" not in text
    with pytest.raises(client("s3").exceptions.ClientError, match="NoSuchTagSet"):
        client("s3").get_bucket_tagging(Bucket=bucket)


@pytest.mark.parametrize(
    "body",
    [
        b"Action=CreateUser&Version=2010-05-08&UserName=u" + b"&a=b" * 200_000,
        b"Action=CreateUser&Version=2010-05-08&Tags.member.999999999.Key=k",
        b"Action=CreateUser&Version=2010-05-08&Tags.member.-1.Key=k",
        b"Action=CreateUser&Version=2010-05-08&Tags" + b".member.1" * 10_000 + b"=k",
        b"Action=CreateUser&Version=2010-05-08&UserName=%ff%zz%",
        b"\xff\xfe\x00" * 100,
        b"=" * 10_000,
        b"Action=" + b"A" * 100_000,
    ],
    ids=["many", "index", "negative", "deep", "percent", "bytes", "equals", "long"],
)
def test_malformed_forms(endpoint: str, account: str, body: bytes) -> None:
    """Query: a list with one element at 999,999,999 must not be made of a billion."""
    query_error(exchange(endpoint, message("POST", "/", query_headers(account, "iam"), body)))


@pytest.mark.parametrize(
    "path",
    [
        "/%",
        "/%zz/k",
        "/%00",
        "/b/%ff%fe",
        "/..%2f..%2fetc/passwd",
        "/" + "a" * 20_000,
        "/?" + "a=b&" * 10_000,
        "/b?versionId=%00",
        "/*",
        "//",
        "/?X-Amz-Credential=/////&X-Amz-Signature=",
    ],
    ids=lambda path: path[:20],
)
def test_odd_targets(endpoint: str, account: str, path: str) -> None:
    for method in ("GET", "PUT", "DELETE", "POST"):
        answer = exchange(endpoint, message(method, path, s3_headers(account), b""))
        assert answer.status < 500, (method, answer.body[:300])


@pytest.mark.parametrize(
    "header",
    [
        "",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=",
        "AWS4-HMAC-SHA256 Credential=////, SignedHeaders=, Signature=",
        "AWS4-HMAC-SHA256 Credential=a/b/c/dynamodb/e" + "/x" * 1000,
        "Basic AAAA",
        "Bearer x",
        "AWS4-HMAC-SHA256 " + "Credential=," * 1000,
        "\xff\xfe",
    ],
    ids=lambda header: header[:30],
)
def test_odd_credentials(endpoint: str, account: str, header: str) -> None:
    for service in ("dynamodb", "logs"):
        sent = {**json_headers(account, service, "X"), "authorization": header}
        sent["x-amz-target"] = sent["x-amz-target"].replace("X", "ListTables")
        assert exchange(endpoint, message("POST", "/", sent, b"{}")).status in (400, 403, 404)
    sent = {**s3_headers(account), "authorization": header}
    s3_error(exchange(endpoint, message("GET", "/", sent)))
    sent = {**query_headers(account, "sts"), "authorization": header}
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    query_error(exchange(endpoint, message("POST", "/", sent, body)))


@pytest.mark.parametrize("service", ["dynamodb", "logs", "lambda", "apigateway", "iam", "s3"])
def test_an_unknown_operation_under_head_is_status_and_headers_only(
    endpoint: str, account: str, service: str
) -> None:
    """A byte behind such a head would be read as the beginning of the next answer."""
    request = message("HEAD", "/", {**s3_headers(account), **authorization(account, service)})
    with connect(endpoint) as connection:
        connection.sendall(request)
        sent = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, rest = sent.partition(b"\r\n\r\n")
    assert head[9:10] == b"4", head
    assert rest == b""
