"""aws-chunked bodies: AWS's own worked examples, botocore's encoder, and every way of cutting the wire."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator

import pytest
from botocore.httpchecksum import AwsChunkedWrapper, CrtCrc32cChecksum
from hypothesis import given, settings
from hypothesis import strategies as st

from pilvi.base.errors import AwsError
from pilvi.identity.payload import Payload
from pilvi.identity.signatures import Signed, signing_key
from pilvi.identity.streaming import ChunkedBody, decoded_length

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
SIGNED = Payload("chunks", signed=True)
SIGNED_TRAILER = Payload("chunks", signed=True, trailer=True)
UNSIGNED = Payload("chunks", trailer=True)
PLAIN = Payload("chunks")
BODY = b"a" * 66560


def seed(first: str) -> Signed:
    """The day, key and region of the examples in the S3 API Reference."""
    key = signing_key(SECRET, "20130524", "us-east-1", "s3")
    return Signed(key, "20130524T000000Z", "20130524/us-east-1/s3/aws4_request", first)


SEED = seed("4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9")
SIGNATURES = (
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
)


def example(signatures: tuple[str, ...] = SIGNATURES, body: bytes = BODY) -> bytes:
    wire = b""
    for part, given_signature in zip((body[:65536], body[65536:], b""), signatures, strict=True):
        wire += b"%x;chunk-signature=%s\r\n" % (len(part), given_signature.encode())
        wire += part + b"\r\n"
    return wire


async def _arriving(wire: bytes, cuts: list[int]) -> AsyncIterator[bytes]:
    start = 0
    for cut in [*sorted(cuts), len(wire)]:
        yield wire[start:cut]
        start = max(start, cut)


def decode(
    wire: bytes,
    payload: Payload = SIGNED,
    *,
    length: int = len(BODY),
    signed: Signed | None = SEED,
    cuts: list[int] | None = None,
) -> tuple[bytes, dict[str, str]]:
    async def main() -> tuple[bytes, dict[str, str]]:
        body = ChunkedBody(
            _arriving(wire, cuts or []), payload, decoded_length=length, signed=signed
        )
        return b"".join([piece async for piece in body]), body.trailers

    return asyncio.run(main())


def refused(*arguments: object, **options: object) -> str:
    with pytest.raises(AwsError) as caught:
        decode(*arguments, **options)  # type: ignore[arg-type]
    return caught.value.code


def test_the_example_of_signed_chunks() -> None:
    assert decode(example()) == (BODY, {})


TRAILER_SEED = seed("106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e")
TRAILER_EXAMPLE = (
    example(
        (
            "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
            "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
            "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
        )
    )[:-2]
    + b"x-amz-checksum-crc32c:sOO8/Q==\r\n"
    + b"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
)


def test_the_example_of_signed_trailers() -> None:
    body, trailers = decode(TRAILER_EXAMPLE, SIGNED_TRAILER, signed=TRAILER_SEED)
    assert body == BODY
    assert trailers == {"x-amz-checksum-crc32c": "sOO8/Q=="}
    other = TRAILER_EXAMPLE.replace(b"sOO8/Q==", b"sOO8/g==")
    assert refused(other, SIGNED_TRAILER, signed=TRAILER_SEED) == "SignatureDoesNotMatch"
    unsigned = TRAILER_EXAMPLE[: TRAILER_EXAMPLE.index(b"x-amz-trailer-signature")]
    assert refused(unsigned, SIGNED_TRAILER, signed=TRAILER_SEED) == "MalformedTrailerError"


# One changed byte anywhere: of the body, of a size, of a signature. Nothing of a bad chunk is passed on.
@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(example()) - 1), st.integers(1, 255))
def test_any_changed_byte_is_noticed(at: int, change: int) -> None:
    wire = bytearray(example())
    wire[at] ^= change
    passed = bytearray()

    async def main() -> None:
        body = ChunkedBody(
            _arriving(bytes(wire), []), SIGNED, decoded_length=len(BODY), signed=SEED
        )
        async for piece in body:
            passed.extend(piece)

    try:
        asyncio.run(main())
    except AwsError:
        assert BODY.startswith(passed)
    else:  # the case of a size's digit, white space around it: nothing that counts
        assert passed == BODY


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, len(TRAILER_EXAMPLE)), max_size=30))
def test_however_the_wire_is_cut(cuts: list[int]) -> None:
    assert decode(TRAILER_EXAMPLE, SIGNED_TRAILER, signed=TRAILER_SEED, cuts=cuts)[0] == BODY


def test_chunks_cannot_be_left_out_repeated_or_swapped() -> None:
    first, second, last = (
        b"%x;chunk-signature=%s\r\n%s\r\n" % (len(part), given_signature.encode(), part)
        for part, given_signature in zip((BODY[:65536], BODY[65536:], b""), SIGNATURES, strict=True)
    )
    assert refused(first + last, length=65536) == "SignatureDoesNotMatch"
    assert refused(first + first + last, length=2 * 65536) == "SignatureDoesNotMatch"
    assert refused(second + first + last) == "SignatureDoesNotMatch"


# --- unsigned, as SDKs send it over TLS: botocore's encoder is the oracle


@settings(max_examples=60, deadline=None)
@given(
    body=st.binary(max_size=3000),
    chunk_size=st.integers(1, 2000),
    checked=st.booleans(),
    cuts=st.lists(st.integers(0, 3000), max_size=8),
)
def test_whatever_botocore_encodes(
    body: bytes, chunk_size: int, checked: bool, cuts: list[int]
) -> None:
    wrapper = AwsChunkedWrapper(
        io.BytesIO(body),
        CrtCrc32cChecksum if checked else None,
        "x-amz-checksum-crc32c",
        chunk_size,
    )
    wire = wrapper.read()
    payload = UNSIGNED if checked else PLAIN
    decoded, trailers = decode(wire, payload, length=len(body), signed=None, cuts=cuts)
    assert decoded == body
    assert list(trailers) == (["x-amz-checksum-crc32c"] if checked else [])


def test_open_mode_reads_over_signatures_it_cannot_check() -> None:
    wrong = ("0" * 64,) * 3
    assert decode(example(wrong), signed=None)[0] == BODY


# --- malformed


@pytest.mark.parametrize(
    ("wire", "length", "code"),
    [
        (b"", 3, "IncompleteBody"),
        (b"3\r\nab", 3, "IncompleteBody"),
        (b"3\r\nabc\r\n", 3, "IncompleteBody"),
        (b"3\r\nabc\r\n0\r\n\r\n", 4, "IncompleteBody"),
        (b"3\r\nabc\r\n0\r\n\r\n", 2, "IncompleteBody"),
        (b"3\r\nabcd\r\n0\r\n\r\n", 3, "InvalidRequest"),
        (b"-3\r\nabc\r\n0\r\n\r\n", 3, "InvalidRequest"),
        (b"\r\nabc", 3, "InvalidRequest"),
        (b"zz\r\nabc", 3, "InvalidRequest"),
        (b"3;" + b"x" * 5000, 3, "InvalidRequest"),
        (b"f" * 17 + b"\r\n", 3, "InvalidRequest"),
        (b"3\r\nabc\r\n0\r\n\r\nmore", 3, "InvalidRequest"),
    ],
)
def test_malformed_frames(wire: bytes, length: int, code: str) -> None:
    assert refused(wire, PLAIN, length=length, signed=None) == code
    by_byte = list(range(len(wire)))
    assert refused(wire, PLAIN, length=length, signed=None, cuts=by_byte) == code


def test_malformed_trailers() -> None:
    for rest in (b"no colon\r\n\r\n", b"a:1\r\na:2\r\n\r\n", b":x\r\n", b"a:" + b"x" * 9000):
        wire = b"3\r\nabc\r\n0\r\n" + rest
        assert refused(wire, UNSIGNED, length=3, signed=None) == "MalformedTrailerError"


def test_only_the_last_signed_chunk_may_be_small() -> None:
    import hashlib

    previous, wire = SEED.seed, b""
    empty = hashlib.sha256(b"").hexdigest()
    for part in (b"ab", b"cd", b""):
        text = "\n".join(("AWS4-HMAC-SHA256-PAYLOAD", SEED.timestamp, SEED.scope, previous, empty))
        previous = SEED.key.sign(f"{text}\n{hashlib.sha256(part).hexdigest()}".encode())
        wire += b"%x;chunk-signature=%s\r\n%s\r\n" % (len(part), previous.encode(), part)
    assert refused(wire, length=4) == "InvalidChunkSizeError"


def test_the_decoded_length_must_be_told() -> None:
    assert decoded_length({"x-amz-decoded-content-length": "12"}) == 12
    for headers, code in (
        ({}, "MissingContentLength"),
        ({"x-amz-decoded-content-length": "-1"}, "InvalidArgument"),
        ({"x-amz-decoded-content-length": "٣"}, "InvalidArgument"),
    ):
        with pytest.raises(AwsError) as caught:
            decoded_length(headers)
        assert caught.value.code == code
