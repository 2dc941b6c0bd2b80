"""Event stream framing: known bytes, botocore's reader, and bytes that are broken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from pilvi import protocol
from pilvi.base.errors import AwsError
from pilvi.protocol.eventstream import Decoder, FrameError, Timestamp, encode

from .oracle import collect

EMPTY = bytes.fromhex("000000100000000005c248eb7d98c8ff")
"""The empty message: twelve bytes of prelude and a checksum."""
ONE_HEADER = bytes.fromhex(
    "0000003d00000020" "07fd8396" "0c" "636f6e74656e742d74797065" "07" "0010"
    "6170706c69636174696f6e2f6a736f6e" "7b27666f6f273a27626172277d" "8d9c08b1"
)  # fmt: skip
"""`content-type: application/json` and the payload `{'foo':'bar'}`."""


def test_known_bytes() -> None:
    assert encode({}) == EMPTY
    assert encode({"content-type": "application/json"}, b"{'foo':'bar'}") == ONE_HEADER
    (frame,) = Decoder().feed(ONE_HEADER)
    assert frame == ({"content-type": "application/json"}, b"{'foo':'bar'}")


HEADERS: dict[str, Any] = {
    "true": True,
    "false": False,
    "int": -5,
    "long": 2**40,
    "bytes": b"\x00\x01",
    "string": "é",
    "time": Timestamp(1_234),
    "uuid": UUID(int=7),
}


def test_every_type_of_header_survives_and_botocore_reads_the_same() -> None:
    data = encode(HEADERS, b"payload")
    (frame,) = Decoder().feed(data)
    assert frame == (HEADERS, b"payload")
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    event = next(buffer)
    assert event.payload == b"payload"
    expected = {**HEADERS, "time": 1_234, "uuid": UUID(int=7).bytes}
    assert event.headers == expected


@given(st.lists(st.binary(max_size=50), max_size=4), st.integers(1, 20))
def test_frames_may_arrive_in_any_pieces(payloads: list[bytes], size: int) -> None:
    data = b"".join(encode({"n": i}, payload) for i, payload in enumerate(payloads))
    decoder = Decoder()
    frames = [
        frame for at in range(0, len(data), size) for frame in decoder.feed(data[at : at + size])
    ]
    assert [frame.payload for frame in frames] == payloads
    assert decoder.complete


@given(st.integers(0, len(ONE_HEADER) - 1), st.integers(1, 255))
def test_any_changed_byte_is_noticed(at: int, change: int) -> None:
    broken = bytearray(ONE_HEADER)
    broken[at] ^= change
    with pytest.raises(FrameError):
        Decoder().feed(bytes(broken))


def test_impossible_sizes_are_refused_before_memory_is_spent() -> None:
    with pytest.raises(FrameError):
        encode({}, bytes(16 * 1024 * 1024))
    with pytest.raises(FrameError):
        encode({"a": bytes(60_000), "b": bytes(60_000), "c": bytes(60_000)})


class Broken(AwsError):
    code = "InternalServerException"
    message = "it broke"


def test_an_error_on_the_way_ends_the_stream_with_an_error_frame() -> None:
    async def events() -> AsyncIterator[dict[str, Any]]:
        yield {"Records": {"Payload": b"a,b"}}
        raise Broken()

    codec = protocol.codec("s3")
    response = codec.render("SelectObjectContent", {"Payload": events()}, "id")
    assert not isinstance(response.body, bytes)
    first, last = Decoder().feed(asyncio.run(collect(response.body)))
    assert first.payload == b"a,b"
    assert first.headers[":event-type"] == "Records"
    assert last.headers == {
        ":message-type": "error",
        ":error-code": "InternalServerException",
        ":error-message": "it broke",
    }


def test_rpc_streams_begin_with_the_initial_response() -> None:
    async def events() -> AsyncIterator[dict[str, Any]]:
        yield {"SubscribeToShardEvent": {"Records": [], "ContinuationSequenceNumber": "1"}}

    codec = protocol.codec("kinesis", "json")
    response = codec.render("SubscribeToShard", {"EventStream": events()}, "id")
    assert not isinstance(response.body, bytes)
    first, second = Decoder().feed(asyncio.run(collect(response.body)))
    assert first.headers[":event-type"] == "initial-response"
    assert second.payload == b'{"Records":[],"ContinuationSequenceNumber":"1"}'
