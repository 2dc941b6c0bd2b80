"""Every operation of every service that botocore knows, both ways, in every protocol it speaks.

botocore serialises random inputs and our codec must read the same values; our codec renders random
answers and errors and botocore must read the same values. PILVI_ORACLE_SAMPLES sets how many of each.
"""

from __future__ import annotations

import asyncio
import os
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from pilvi import protocol
from pilvi.base.errors import AwsError
from pilvi.protocol import Codec, Match, Operation, Shape

from .oracle import Oracle, collect, query_model
from .sampling import ABSENT, Sampler

SAMPLES = int(os.environ.get("PILVI_ORACLE_SAMPLES", "1"))
TREES = {"json", "rest-json", "smithy-rpc-v2-cbor"}


@pytest.fixture(scope="module", autouse=True)
def _forget_models() -> Iterator[None]:
    """The models of all services fill a gigabyte, which later tests of this process need not look through."""
    yield
    protocol.codec.cache_clear()
    protocol.service_model.cache_clear()


SHARED_ROUTES = {
    ("s3", "GetBucketLifecycle"): "GetBucketLifecycleConfiguration",
    ("s3", "GetBucketNotification"): "GetBucketNotificationConfiguration",
    ("s3", "ListDirectoryBuckets"): "ListBuckets",
    ("s3", "PutBucketLifecycle"): "PutBucketLifecycleConfiguration",
    ("s3", "PutBucketNotification"): "PutBucketNotificationConfiguration",
}
"""Operations whose requests cannot be told from another operation's, and which one the router takes."""

UNREADABLE_REQUESTS = {
    ("s3", "PutBucketNotification"): "Deprecated: two members share the element Event.",
}
UNREADABLE_ANSWERS = {
    ("s3", "GetBucketLocation"): "The root holds the text; boto3 mends that outside the parser.",
    ("s3", "GetBucketNotification"): "Deprecated: two members share the element Event.",
}
"""Answers that botocore's parser alone cannot read back."""


def _rendered_by_us(name: str, member: Shape) -> bool:
    """Members of errors that the renderer itself fills in."""
    wire = member.location_name or name
    return name.lower() in ("message", "type", "code") or wire.lower() == "x-amzn-errortype"


def _seed(*parts: object) -> int:
    return zlib.crc32("/".join(map(str, parts)).encode())


@pytest.mark.parametrize("service", protocol.service_names())
def test_botocore_and_we_read_each_other(service: str) -> None:
    problems: list[str] = []
    for spoken in protocol.service_model(service).protocols:
        codec = protocol.codec(service, spoken)
        oracle = Oracle(service, spoken, query_model(codec))
        for name in codec.model.operation_names:
            operation = codec.model.operation(name)
            for number in range(SAMPLES):
                sampler = Sampler(_seed(service, name, number), sparse_ok=spoken in TREES)
                for check in (_check_request, _check_response):
                    try:
                        problem = check(codec, oracle, operation, sampler)
                    except Exception as crash:  # noqa: BLE001 reported with the operation's name
                        problem = f"{type(crash).__name__}: {crash}"
                    if problem:
                        problems.append(f"{service} {spoken} {name} {check.__name__}: {problem}")
        problems += _check_errors(codec, oracle)
    assert not problems, f"{len(problems)} problems\n" + "\n".join(problems[:10])


def _check_request(codec: Codec, oracle: Oracle, operation: Operation, sampler: Sampler) -> str:
    shape = operation.input
    if (codec.model.name, operation.name) in UNREADABLE_REQUESTS:
        return ""
    params: Any = {} if shape is None else sampler.whole(shape, request=True)
    request = oracle.request(operation.name, shape, params)
    match = codec.route(request)
    if match is None:
        return f"no route for {request}"
    expected = SHARED_ROUTES.get((codec.model.name, operation.name), operation.name)
    if match.operation != expected:
        return f"routed to {match.operation}: {request}"
    parsed = codec.parse(Match(operation.name, match.labels, match.query), request)
    return "" if parsed == params else f"sent {params}\nread {parsed}"


def _check_response(codec: Codec, oracle: Oracle, operation: Operation, sampler: Sampler) -> str:
    shape = operation.output
    if shape is None:
        codec.render(operation.name, {}, "id")
        return ""
    streamed = shape.event_stream_member
    if streamed is not None:
        return _check_events(codec, oracle, operation, shape, streamed, sampler)
    result = sampler.whole(shape, request=False)
    if (codec.model.name, operation.name) in UNREADABLE_ANSWERS:
        codec.render(operation.name, result, "id")
        return ""
    payload = shape.traits.get("payload")
    raw = payload is not None and shape.members[payload].type == "blob"
    response = codec.render(operation.name, result, "id")
    if "ContentLength" in result and operation.method != "HEAD":
        response.headers.append(("Content-Length", str(result["ContentLength"])))
    parsed = oracle.answer(operation.name, response, raw=raw)
    if payload is not None and payload not in result:
        parsed.pop(payload, None)
    for name, member in shape.members.items():
        if member.location == "headers" and member.location_name in ("", None):
            parsed[name] = {k: v for k, v in parsed[name].items() if k in result.get(name, {})}
    return "" if parsed == result else f"sent {result}\nread {parsed}\nas {response}"


def _check_events(
    codec: Codec,
    oracle: Oracle,
    operation: Operation,
    shape: Shape,
    streamed: str,
    sampler: Sampler,
) -> str:
    result = sampler.whole(shape, request=False)
    events: list[dict[str, Any]] = []
    for name, member in shape.members[streamed].members.items():
        if not member.traits.get("exception"):
            value = {inner: sampler.value(part, 0) for inner, part in member.members.items()}
            if ABSENT not in value.values():
                events.append({name: value})

    async def stream() -> AsyncIterator[dict[str, Any]]:
        for event in events:
            yield event

    response = codec.render(operation.name, {**result, streamed: stream()}, "id")
    assert not isinstance(response.body, bytes)
    body = asyncio.run(collect(response.body))
    parsed = oracle.events(operation.name, response, body)
    read = list(parsed.pop(streamed))
    if parsed != result:
        return f"sent {result}\nread {parsed}"
    return "" if read == events else f"sent {events}\nread {read}"


def _check_errors(codec: Codec, oracle: Oracle) -> list[str]:
    problems: list[str] = []
    first = codec.model.operation_names[0]
    for name in oracle.model.shape_names:
        definition = codec.model.definition(name)
        if not definition.get("exception"):
            continue
        shape = codec.model.shape(name)
        code = definition.get("error", {}).get("code") or name
        sampler = Sampler(_seed(codec.model.name, name), sparse_ok=codec.protocol in TREES)
        ours = {part for part, member in shape.members.items() if _rendered_by_us(part, member)}
        members = sampler.whole(shape, request=False, skip=frozenset(ours))
        error = type(name, (AwsError,), {"code": code, "message": "Why & what."})(members=members)
        response = codec.render_error(first, error, "id")
        basic = oracle.error(response)["Error"]
        if (basic["Code"], basic.get("Message")) != (
            code
            if codec.protocol in ("query", "ec2", "rest-xml") or codec.model.query_compatible
            else name,
            "Why & what.",
        ):
            problems.append(f"{codec.model.name} {codec.protocol} {name}: {basic}")
        read = oracle.error(response, name)
        read = {k: v for k, v in read.items() if k in members}
        if read != members:
            problems.append(f"{codec.model.name} {codec.protocol} {name}: {members} became {read}")
    return problems
