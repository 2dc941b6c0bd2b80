"""DynamoDB's answers as bytes: gzip both ways, checksums, and what is no operation at all."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from hostile.support import Answer, authorization, exchange, json_error, json_headers, message
from persons import Person, allow

from .support import make_simple_table

CORAL = "com.amazon.coral.service#"
NO_PROTOCOL = b"<UnknownOperationException/>\n"


@pytest.fixture
def table(client: Callable[..., Any]) -> str:
    return make_simple_table(client("dynamodb"))


@pytest.fixture
def items(client: Callable[..., Any], table: str) -> Callable[[], int]:
    return lambda: client("dynamodb").scan(TableName=table)["Count"]


def put(table: str, pk: str, text: str = "x") -> bytes:
    item = {"pk": {"S": pk}, "text": {"S": text}}
    return json.dumps({"TableName": table, "Item": item}).encode()


def ask(endpoint: str, account: str, operation: str, body: bytes, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = json_headers(account, "dynamodb", operation) | named
    return exchange(endpoint, message("POST", "/", sent, body))


def is_summed(answer: Answer) -> bool:
    """x-amz-crc32 is of the bytes as they came, which the SDKs for Java and JavaScript compare."""
    return answer.headers["x-amz-crc32"] == str(zlib.crc32(answer.body))


# --- gzip


def test_a_request_may_be_gzip(
    endpoint: str, account: str, table: str, items: Callable[[], int]
) -> None:
    large = put(table, "large", "y" * 300_000)
    halves = gzip.compress(large[:100]) + gzip.compress(large[100:])
    for body in (gzip.compress(put(table, "small")), gzip.compress(large), halves):
        answer = ask(endpoint, account, "PutItem", body, content_encoding="gzip")
        assert (answer.status, answer.body) == (200, b"{}")
    plain = ask(endpoint, account, "PutItem", put(table, "plain"), content_encoding="identity")
    assert plain.status == 200
    assert items() == 3


def test_the_bytes_that_are_sent_are_signed(
    endpoint: str, client: Callable[..., Any], account: str, table: str
) -> None:
    person = Person(client, account)
    person.may(allow("dynamodb:PutItem"))
    body = gzip.compress(put(table, "signed"))
    headers = {
        "X-Amz-Target": "DynamoDB_20120810.PutItem",
        "Content-Type": "application/x-amz-json-1.0",
        "Content-Encoding": "gzip",
    }
    request = AWSRequest("POST", endpoint + "/", headers=headers, data=body)
    keys = Credentials(*person.keys.values())
    SigV4Auth(keys, "dynamodb", "us-east-1").add_auth(request)
    host = {"host": endpoint.removeprefix("http://")}
    signed = host | {name.lower(): value for name, value in request.headers.items()}
    assert exchange(endpoint, message("POST", "/", signed, body)).status == 200
    other = gzip.compress(put(table, "signed"), 1, mtime=7)
    refused = exchange(endpoint, message("POST", "/", signed, other))
    assert json_error(refused)[0] == "InvalidSignatureException"


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", b""),
        ("gzip", b"{}"),
        ("gzip", gzip.compress(b"{}")[:-1]),
        ("gzip", gzip.compress(b"{}") + b"more"),
        ("gzip", gzip.compress(b"{}")[:-8] + b"\x00" * 8),
        ("gzip", gzip.compress(b'{"TableName": ')),
        ("br", b"{}"),
        ("gzip, gzip", gzip.compress(gzip.compress(b"{}"))),
    ],
    ids=["nothing", "no gzip", "cut off", "more behind it", "wrong sum", "half", "br", "twice"],
)
def test_what_cannot_be_decoded(endpoint: str, account: str, coding: str, body: bytes) -> None:
    answer = ask(endpoint, account, "DescribeLimits", body, content_encoding=coding)
    if body:
        assert (answer.status, json_error(answer)[0]) == (400, "SerializationException")
        assert is_summed(answer)
    else:
        assert answer.status == 200


def test_a_bomb_is_refused(
    endpoint: str, account: str, table: str, items: Callable[[], int]
) -> None:
    """A few kilobytes that become 40 megabytes: no more of it is unpacked than a request may have."""
    bomb = zlib.compressobj(1, wbits=31)
    body = b"".join(bomb.compress(b" " * 2**20) for _ in range(40)) + bomb.flush()
    assert len(body) < 250_000
    answer = ask(endpoint, account, "PutItem", body, content_encoding="gzip")
    assert (answer.status, bool(json_error(answer)[0])) == (413, True)
    assert items() == 0


@pytest.mark.parametrize("takes", ["gzip", "deflate, gzip;q=0.5", "br;q=1.0, GZIP ;q=1"])
def test_long_answers_are_gzip_for_who_takes_them(
    endpoint: str, account: str, table: str, takes: str
) -> None:
    for size in (2_000, 300_000):
        ask(endpoint, account, "PutItem", put(table, str(size), "z" * size))
        get = json.dumps({"TableName": table, "Key": {"pk": {"S": str(size)}}}).encode()
        answer = ask(endpoint, account, "GetItem", get, accept_encoding=takes)
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["content-type"] == "application/x-amz-json-1.0"
        assert is_summed(answer)
        told = json.loads(gzip.decompress(answer.body))
        assert told["Item"]["text"]["S"] == "z" * size
    short = ask(endpoint, account, "ListTables", b"{}", accept_encoding=takes)
    assert "content-encoding" not in short.headers
    assert is_summed(short)


@pytest.mark.parametrize("takes", ["identity", "deflate", "gzip;q=0", "gzip;q=0.0, identity"])
def test_others_get_them_as_they_are(endpoint: str, account: str, table: str, takes: str) -> None:
    ask(endpoint, account, "PutItem", put(table, "k", "z" * 2_000))
    get = json.dumps({"TableName": table, "Key": {"pk": {"S": "k"}}}).encode()
    answer = ask(endpoint, account, "GetItem", get, accept_encoding=takes)
    assert "content-encoding" not in answer.headers
    assert json.loads(answer.body)["Item"]["text"]["S"] == "z" * 2_000
    assert is_summed(answer)


# --- what is no operation


@pytest.mark.parametrize(
    "target",
    ["DynamoDB_20120810.Nothing", "DynamoDB_20111205.ListTables", "ListTables", "", "DynamoDB."],
)
def test_unknown_targets(endpoint: str, account: str, target: str) -> None:
    answer = ask(endpoint, account, "", b"{}", x_amz_target=target)
    assert answer.status == 400
    assert json.loads(answer.body) == {"__type": CORAL + "UnknownOperationException"}
    assert is_summed(answer)


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        ("POST", "text/plain"),
        ("POST", "application/x-www-form-urlencoded"),
        ("POST", "application/x-amz-json-1.0x"),
        ("POST", ""),
        ("PUT", "application/x-amz-json-1.0"),
        ("DELETE", "application/x-amz-json-1.0"),
    ],
)
def test_what_no_protocol_understands(endpoint: str, account: str, method: str, kind: str) -> None:
    sent = json_headers(account, "dynamodb", "ListTables") | {"content-type": kind}
    answer = exchange(endpoint, message(method, "/", sent, b"{}"))
    assert (answer.status, answer.body) == (404, NO_PROTOCOL)
    assert answer.headers["x-amzn-requestid"]


@pytest.mark.parametrize(
    "kind", ["application/json", "application/x-amz-json-1.0; charset=utf-8", "Application/JSON"]
)
def test_types_that_are_understood(endpoint: str, account: str, kind: str) -> None:
    answer = ask(endpoint, account, "ListTables", b"{}", content_type=kind)
    assert (answer.status, json.loads(answer.body)) == (200, {"TableNames": []})
    assert answer.headers["content-type"] == "application/x-amz-json-1.0"


def test_who_does_not_sign_or_signs_twice(endpoint: str, account: str) -> None:
    sent = json_headers(account, "dynamodb", "ListTables")
    unsigned = {name: sent[name] for name in ("x-amz-target", "content-type")}
    answer = exchange(endpoint, message("POST", "/", unsigned, b"{}"))
    assert answer.status == 400
    assert json.loads(answer.body) == {
        "__type": CORAL + "MissingAuthenticationTokenException",
        "message": "Request is missing Authentication Token",
    }
    path = f"/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={account}&X-Amz-Signature=0"
    answer = exchange(endpoint, message("POST", path, sent, b"{}"))
    assert (answer.status, json_error(answer)[0]) == (400, "InvalidSignatureException")


HOSTS = [
    "dynamodb.us-east-1.amazonaws.com",
    "dynamodb.eu-west-1.localhost",
    "streams.dynamodb.us-east-1.amazonaws.com",
    "123456789012.ddb.us-east-1.amazonaws.com",
    "123456789012.ddb.us-east-1.localhost:4566",
]


@pytest.mark.parametrize("host", HOSTS)
def test_endpoints_tell_that_they_are_there(endpoint: str, host: str) -> None:
    """To a GET that nobody signed; anything else of that kind is no request to DynamoDB, and none to S3."""
    answer = exchange(endpoint, message("GET", "/", {"host": host}))
    assert (answer.status, answer.body) == (200, f"healthy: {host} ".encode())
    assert is_summed(answer)
    answer = exchange(endpoint, message("GET", "/key", {"host": host}))
    assert (answer.status, answer.body) == (404, NO_PROTOCOL)


def test_an_accounts_own_endpoint(endpoint: str, account: str, table: str) -> None:
    """The signature tells whose tables are meant, as everywhere."""
    host = f"{account}.ddb.us-east-1.localhost"
    answer = ask(endpoint, account, "ListTables", b"{}", host=host)
    assert json.loads(answer.body) == {"TableNames": [table]}
    unsigned = {"host": host, "content-type": "application/x-amz-json-1.0"}
    answer = exchange(endpoint, message("POST", "/", unsigned, b"{}"))
    assert json_error(answer)[0] == "UnknownOperationException"
    signed = authorization(account, "dynamodb") | unsigned
    answer = exchange(endpoint, message("POST", "/", signed, b"{}"))
    assert json_error(answer)[0] == "UnknownOperationException"


def test_answers_of_streams_are_summed_too(endpoint: str, account: str) -> None:
    target = "DynamoDBStreams_20120810.ListStreams"
    answer = ask(endpoint, account, "", b"{}", x_amz_target=target)
    assert answer.status == 200
    assert is_summed(answer)
