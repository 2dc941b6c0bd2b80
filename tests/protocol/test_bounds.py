"""A hostile body of any protocol, at the size limit, stays under a stated multiple of memory; honest ones pass."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cbor2
import pytest

from pilvi import protocol
from pilvi.base.errors import AwsError
from pilvi.base.http import HttpRequest
from pilvi.protocol import bounds
from pilvi.protocol.routes import Match
from pilvi.protocol.unreadable import Unreadable

MB = 1024 * 1024
SIZE = 10 * MB
MULTIPLE_MAX = 20
"""What reading a body may cost at its peak, in sizes of the largest body: 200 MB."""


def _json(item: str, *, before: str = '{"Item":{"a":{"L":[', after: str = "]}}}") -> bytes:
    return (before + ",".join([item] * (SIZE // (len(item) + 1))) + after).encode()


def _json_pairs(count: int) -> bytes:
    return ('{"Item":{' + ",".join(f'"{n}":""' for n in range(count)) + "}}").encode()


def _xml_attributes(count: int) -> bytes:
    return ("<Delete " + " ".join(f"a{n}=''" for n in range(count)) + "/>").encode()


def _cbor(item: bytes) -> bytes:
    """PutMetricData with a MetricData of as many items as there is room for."""
    count = SIZE // len(item)
    return b"\xa1\x6aMetricData\x9a" + count.to_bytes(4) + item * count


def _xml(item: str) -> bytes:
    return f"<Delete>{item * (SIZE // len(item))}</Delete>".encode()


def _form(name: Callable[[int], str], size: int) -> bytes:
    return ("Action=TagUser&" + "&".join(f"{name(n)}=" for n in range(size))).encode()


BODIES: dict[str, tuple[str, str, str, Callable[[], bytes]]] = {
    "json lists": ("dynamodb", "json", "PutItem", lambda: _json("[]")),
    "json maps": ("dynamodb", "json", "PutItem", lambda: _json("{}")),
    "json values": ("dynamodb", "json", "PutItem", lambda: _json('{"S":""}')),
    "json nulls": ("dynamodb", "json", "PutItem", lambda: _json('{"NULL":true}')),
    "json texts": ("dynamodb", "json", "PutItem", lambda: _json('"a"')),
    "json numbers": ("dynamodb", "json", "PutItem", lambda: _json("0.1")),
    "json pairs": ("dynamodb", "json", "PutItem", lambda: _json('{"a":1,"b":2}')),
    "json keys": (
        "dynamodb",
        "json",
        "PutItem",
        lambda: _json_pairs(SIZE // 11),
    ),
    "json elsewhere": ("dynamodb", "json", "PutItem", lambda: _json("[]", before="[", after="]")),
    "rest-json lists": (
        "apigateway",
        "rest-json",
        "CreateRestApi",
        lambda: _json("[]", before='{"binaryMediaTypes":[', after="]}"),
    ),
    "cbor lists": ("cloudwatch", "smithy-rpc-v2-cbor", "PutMetricData", lambda: _cbor(b"\x80")),
    "cbor maps": ("cloudwatch", "smithy-rpc-v2-cbor", "PutMetricData", lambda: _cbor(b"\xa0")),
    "cbor pairs": (
        "cloudwatch",
        "smithy-rpc-v2-cbor",
        "PutMetricData",
        lambda: _cbor(b"\xa1\x61a\x61b"),
    ),
    "cbor numbers": ("cloudwatch", "smithy-rpc-v2-cbor", "PutMetricData", lambda: _cbor(b"\x19\xff\xff")),
    "cbor texts": ("cloudwatch", "smithy-rpc-v2-cbor", "PutMetricData", lambda: _cbor(b"\x61a")),
    "xml elements": ("s3", "rest-xml", "DeleteObjects", lambda: _xml("<a/>")),
    "xml members": ("s3", "rest-xml", "DeleteObjects", lambda: _xml("<Object><Key/></Object>")),
    "xml attributes": (
        "s3",
        "rest-xml",
        "DeleteObjects",
        lambda: _xml_attributes(SIZE // 12),
    ),
    "xml in another encoding": (
        "s3",
        "rest-xml",
        "DeleteObjects",
        lambda: f'<?xml version="1.0" encoding="cp037"?><Delete>{"<a/>" * 2_000_000}</Delete>'.encode("cp037"),
    ),
    "query depth": (
        "iam",
        "query",
        "TagUser",
        lambda: _form(lambda n: f"{n}." + ".".join("abcdefghij" * 5), 49_000),
    ),
    "query fields": ("iam", "query", "TagUser", lambda: _form(lambda n: "a", 2_000_000)),
    "query members": ("iam", "query", "TagUser", lambda: _form(lambda n: f"Tags.member.{n}.Key", 49_000)),
}  # fmt: skip


def _memory_mb(field: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise AssertionError(field)


def _read(service: str, name: str, operation: str, body: bytes) -> dict[str, Any] | str:
    codec = protocol.codec(service, name)
    request = HttpRequest("POST", "/", "", {}, body)
    try:
        if name == "query":
            match = codec.route(request)
            assert match is not None
        else:
            match = Match(operation, labels={"Bucket": "b", "Key": "k"})
        return codec.parse(match, request)
    except AwsError as error:
        return error.code


@pytest.mark.parametrize("case", BODIES)
def test_what_a_hostile_body_costs(case: str) -> None:
    """Measured in a process of its own, as the system sees it: the parsers' own memory counts, too."""
    service, name, operation, make = BODIES[case]
    grown_mb, told = _cost(service, name, operation, make())
    print(case, f"{grown_mb:.0f} MB", told)
    assert grown_mb <= MULTIPLE_MAX * SIZE / MB


def _cost(service: str, name: str, operation: str, body: bytes) -> tuple[float, str]:
    _read(service, name, operation, body[:100])  # what is compiled and imported once
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            Path("/proc/self/clear_refs").write_text("5")
            before_mb = _memory_mb("VmRSS:")
            result = _read(service, name, operation, body)
            grown_mb = _memory_mb("VmHWM:") - before_mb
            told = result if isinstance(result, str) else ""
            os.write(writer, json.dumps([grown_mb, told]).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        grown_mb, told = json.loads(pipe.read())
    os.waitpid(child, 0)
    return grown_mb, told


def test_the_largest_honest_bodies_pass() -> None:
    """BatchWriteItem with 25 items of 400 KB; PutLogEvents with 10,000 events; 10,000 parts; 1,000 keys."""
    text = ",".join(["[{x}]"] * 66_000)
    item = {"k": {"S": "key"}, "text": {"S": text}}
    put = {"PutRequest": {"Item": item}}
    numbers = {
        "PutRequest": {"Item": {"k": {"S": "n"}, "ns": {"NS": [str(n) for n in range(60_000)]}}}
    }
    body = json.dumps({"RequestItems": {"t": [put] * 20 + [numbers] * 5}}).encode()
    assert 10 * MB < len(body) < 16 * MB
    parsed = _read("dynamodb", "json", "BatchWriteItem", body)
    assert isinstance(parsed, dict)
    assert len(parsed["RequestItems"]["t"]) == 25
    events = [{"timestamp": n, "message": '{"a": [1, 2], "b": {}}' * 3} for n in range(10_000)]
    body = json.dumps({"logGroupName": "g", "logStreamName": "s", "logEvents": events}).encode()
    assert len(body) > MB
    parsed = _read("logs", "json", "PutLogEvents", body)
    assert isinstance(parsed, dict)
    assert len(parsed["logEvents"]) == 10_000
    part = (
        '<Part><PartNumber>1</PartNumber><ETag>"{}"</ETag><ChecksumCRC32>x</ChecksumCRC32></Part>'
    )
    body = f"<CompleteMultipartUpload>{part * 10_000}</CompleteMultipartUpload>".encode()
    parsed = _read("s3", "rest-xml", "CompleteMultipartUpload", body)
    assert isinstance(parsed, dict)
    keys = "".join(f"<Object><Key>{'a=' * 500}{n}</Key></Object>" for n in range(1000))
    parsed = _read("s3", "rest-xml", "DeleteObjects", f"<Delete>{keys}</Delete>".encode())
    assert isinstance(parsed, dict)


@pytest.mark.parametrize(
    ("name", "cost"),
    [
        ("[]", 128),
        ("{}", 160),
        ('{"S":""}', 272),
        ('"a"', 64),
        ("0.1", 64),
        ('{"a":[],"b":{}}', 608),
    ],
)
def test_what_the_largest_body_that_passes_costs(name: str, cost: int) -> None:
    """The weights are no less than what the values take."""
    count = bounds.TREE_BYTES_MAX // cost - 10
    body = ('{"Item":{"a":{"L":[' + ",".join([name] * count) + "]}}}").encode()
    bounds.check_json(body)
    grown_mb, _ = _cost("dynamodb", "json", "PutItem", body)
    assert grown_mb <= MULTIPLE_MAX * SIZE / MB
    longer = body.replace(b"[", b"[" + f"{name},".encode() * 20, 1)
    with pytest.raises(Unreadable):
        bounds.check_json(longer)


def test_separators_inside_texts_do_not_count() -> None:
    body = json.dumps({"a": '\\",{[' * 1_000_000}).encode()
    bounds.check_json(body)
    for gap in (
        1,
        65_530,
        65_536,
        70_000,
        300_000,
    ):  # texts that lie across the pieces in every way
        bounds.check_json(
            json.dumps([" " * gap, "{" * 400_000, "\\" * gap, "{" * 2_000_000]).encode()
        )
    with pytest.raises(Unreadable):
        bounds.check_json(b"[" + b"{}," * 1_000_000 + b'"' + b'\\"' * 10 + b'"]')


def test_cbor_is_reckoned_over_its_contents() -> None:
    bounds.check_cbor(cbor2.dumps({"a": b"\x80" * 4_000_000, "b": ["x" * 100_000] * 20}))
    with pytest.raises(Unreadable):
        bounds.check_cbor(cbor2.dumps([{}] * 1_000_000))


@pytest.mark.parametrize("encoding", ["utf-7", "cp037", "shift_jis"])
def test_documents_in_other_encodings_are_refused(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><Delete/>'
    assert _read("s3", "rest-xml", "DeleteObjects", text.encode(encoding)) == "MalformedXML"
    for known in ("utf-8", "UTF-16"):
        text = f'<?xml version="1.0" encoding="{known}"?><Delete/>'
        assert isinstance(_read("s3", "rest-xml", "DeleteObjects", text.encode(known)), dict)
