"""Bodies that are too long, too short, or not what their sender says: refused, and nothing is stored."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable, Iterator

import pytest

from hostile.support import (
    authorization,
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

DATA = b"hello, world! " * 1000
Keys = Callable[[], list[str]]


# --- too long


HUGE = str(10**12)


def test_an_announced_length_beyond_the_limit_is_refused_at_once(
    endpoint: str, account: str, bucket: str
) -> None:
    """The announcement alone is enough: no byte of the body has to be sent, and none is waited for."""
    announced = {"content-length": HUGE}
    headers = {**json_headers(account, "dynamodb", "PutItem"), **announced}
    answer = exchange(endpoint, message("POST", "/", headers))
    assert (answer.status, bool(json_error(answer)[0])) == (413, True)
    headers = {**query_headers(account, "iam"), **announced}
    answer = exchange(endpoint, message("POST", "/", headers))
    assert (answer.status, bool(query_error(answer)[0])) == (413, True)
    headers = {**authorization(account, "lambda"), **announced}
    answer = exchange(endpoint, message("POST", "/2015-03-31/functions", headers))
    assert (answer.status, bool(rest_json_error(answer)[0])) == (413, True)
    headers = {**s3_headers(account), **announced}
    answer = exchange(endpoint, message("PUT", f"/{bucket}?tagging", headers))
    assert (answer.status, bool(s3_error(answer)[0])) == (413, True)


def chunks(megabytes: int) -> Iterator[bytes]:
    for _ in range(megabytes * 4):
        yield b"%x\r\n%s\r\n" % (256 * 1024, b"x" * 256 * 1024)
    yield b"0\r\n\r\n"


def test_a_body_that_hides_its_length_is_refused_when_it_grows_too_long(
    endpoint: str, account: str
) -> None:
    headers = {**json_headers(account, "logs", "PutLogEvents"), "transfer-encoding": "chunked"}
    answer = exchange(endpoint, [message("POST", "/", headers), *chunks(40)])
    assert answer.status == 413
    json_error(answer)


def test_a_body_that_nobody_reads_costs_nothing(endpoint: str, account: str) -> None:
    """Refused before its body: what still arrives is dropped, and the client can read why."""
    headers = s3_headers(account, content_length=str(40_000_000))
    head = message("PUT", "/no-such-bucket-at-all/key", headers)
    answer = exchange(endpoint, [head, *[b"x" * 1_000_000] * 40])
    assert s3_error(answer)[0] == "NoSuchBucket"


# --- too short


@pytest.mark.parametrize("framing", ["length", "chunked", "aws-chunked"])
def test_an_upload_that_breaks_off_stores_nothing(
    endpoint: str, account: str, bucket: str, keys: Keys, framing: str
) -> None:
    headers = s3_headers(account)
    if framing == "length":
        headers["content-length"], body = "1000000", DATA
    elif framing == "chunked":
        headers["transfer-encoding"], body = "chunked", b"%x\r\n%s\r\n" % (len(DATA), DATA)
    else:
        body = b"%x\r\n%s\r\n" % (len(DATA), DATA)
        headers |= aws_chunked(len(DATA), len(body) + 100)
    sent = message("PUT", f"/{bucket}/broken", headers) + body
    answer = exchange(endpoint, sent, half_close=True)
    assert s3_error(answer)[0] == "IncompleteBody"
    assert keys() == []


def test_a_document_that_breaks_off_changes_nothing(
    endpoint: str, account: str, bucket: str, keys: Keys
) -> None:
    headers = {**json_headers(account, "logs", "CreateLogGroup"), "content-length": "100"}
    sent = message("POST", "/", headers) + b'{"logGroupName": "half"}'
    assert json_error(exchange(endpoint, sent, half_close=True))[0] == "IncompleteBody"


# --- not what they are said to be


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


OTHER = b"something else"
MD5 = _b64(hashlib.md5(OTHER).digest())
CRC32 = _b64(zlib.crc32(OTHER).to_bytes(4, "big"))
SHA256 = _b64(hashlib.sha256(OTHER).digest())


@pytest.mark.parametrize(
    ("claim", "code"),
    [
        ({"content-md5": MD5}, "BadDigest"),
        ({"content-md5": "nonsense"}, "InvalidDigest"),
        ({"content-md5": _b64(b"short")}, "InvalidDigest"),
        ({"x-amz-checksum-crc32": CRC32}, "BadDigest"),
        ({"x-amz-checksum-sha256": SHA256}, "BadDigest"),
        ({"x-amz-checksum-crc32": "nonsense"}, "InvalidRequest"),
        ({"x-amz-checksum-crc32": SHA256}, "InvalidRequest"),
        (
            {"x-amz-content-sha256": hashlib.sha256(OTHER).hexdigest()},
            "XAmzContentSHA256Mismatch",
        ),
        ({"x-amz-content-sha256": "nonsense"}, "InvalidArgument"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_wrong_digest_stores_nothing(
    endpoint: str, account: str, bucket: str, keys: Keys, claim: dict[str, str], code: str
) -> None:
    """Small bodies are at hand when they are checked, larger ones pass by in pieces."""
    for body in (DATA[:100], DATA * 100):
        sent = message("PUT", f"/{bucket}/wrong", {**s3_headers(account), **claim}, body)
        assert s3_error(exchange(endpoint, sent))[0] == code
    assert keys() == []


def aws_chunked(
    decoded: object, length: int, trailer: str = "x-amz-checksum-crc32"
) -> dict[str, str]:
    return {
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": str(decoded),
        "x-amz-trailer": trailer,
        "content-length": str(length),
    }


GOOD_TRAILER = b"x-amz-checksum-crc32:" + _b64(zlib.crc32(b"hello").to_bytes(4, "big")).encode()


def test_good_framing_is_understood(endpoint: str, account: str, bucket: str, keys: Keys) -> None:
    """Else the refusals below would show nothing."""
    body = b"5\r\nhello\r\n0\r\n" + GOOD_TRAILER + b"\r\n\r\n"
    headers = s3_headers(account) | aws_chunked(5, len(body))
    assert exchange(endpoint, message("PUT", f"/{bucket}/good", headers, body)).status == 200
    assert keys() == ["good"]


@pytest.mark.parametrize(
    ("body", "decoded", "codes"),
    [
        (b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", 5, "BadDigest"),
        (b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:?\r\n\r\n", 5, "InvalidRequest"),
        (b"5\r\nhello\r\n0\r\n\r\n", 5, "MalformedTrailerError InvalidRequest"),
        (b"5\r\nhello\r\n0\r\nnonsense\r\n\r\n", 5, "MalformedTrailerError"),
        (b"5\r\nhello\r\n0\r\n" + b"x:" + b"y" * 100_000, 5, "MalformedTrailerError"),
        (
            b"5\r\nhello\r\n0\r\n" + (GOOD_TRAILER + b"\r\n") * 2 + b"\r\n",
            5,
            "MalformedTrailerError",
        ),
        (b"4\r\nhell\r\n0\r\n" + GOOD_TRAILER + b"\r\n\r\n", 5, "IncompleteBody"),
        (b"6\r\nhello!\r\n0\r\n" + GOOD_TRAILER + b"\r\n\r\n", 5, "IncompleteBody"),
        (b"5\r\nhello", 5, "IncompleteBody"),
        (b"5\r\nhello!!0\r\n\r\n", 5, "InvalidRequest"),
        (b"hello", 5, "IncompleteBody InvalidRequest"),
        (b"\r\n\r\n", 5, "InvalidRequest"),
        (b"-5\r\nhello\r\n0\r\n\r\n", 5, "InvalidRequest"),
        (b"0x5\r\nhello\r\n0\r\n\r\n", 5, "InvalidRequest"),
        (b"5_0\r\nhello\r\n0\r\n\r\n", 5, "InvalidRequest"),
        (b"f" * 16 + b"\r\nhello\r\n0\r\n\r\n", 5, "IncompleteBody"),
        (b"f" * 5000, 5, "InvalidRequest"),
        (b"5;" + b"x" * 5000 + b"\r\nhello\r\n0\r\n\r\n", 5, "InvalidRequest"),
        (b"", 5, "IncompleteBody"),
        (b"5\r\nhello\r\n0\r\n\r\n", "\xb2", "InvalidArgument"),
        (b"5\r\nhello\r\n0\r\n\r\n", "-5", "InvalidArgument"),
        (b"5\r\nhello\r\n0\r\n\r\n", "9" * 30, "InvalidArgument"),
        (b"5\r\nhello\r\n0\r\n\r\n", "", "InvalidArgument MissingContentLength"),
        (b"5\r\nhello\r\n0\r\n\r\n", 10**15, "EntityTooLarge IncompleteBody"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_garbage_in_aws_chunked_framing_stores_nothing(
    endpoint: str,
    account: str,
    bucket: str,
    keys: Keys,
    body: bytes,
    decoded: object,
    codes: str,
) -> None:
    headers = s3_headers(account) | aws_chunked(decoded, len(body))
    answer = exchange(endpoint, message("PUT", f"/{bucket}/garbage", headers, body))
    assert s3_error(answer)[0] in codes.split(), answer.body[:300]
    assert keys() == []


def test_a_length_of_odd_digits_is_no_length(endpoint: str, account: str, bucket: str) -> None:
    """Some characters are digits to Python's `isdigit` and no number to `int`."""
    headers = s3_headers(account, x_amz_decoded_content_length="\xb2")
    answer = exchange(endpoint, message("PUT", f"/{bucket}/odd", headers, b"hello"))
    assert answer.status < 500, answer.body[:300]


def test_a_trailer_that_was_not_announced_is_not_believed(
    endpoint: str, account: str, bucket: str, keys: Keys
) -> None:
    body = b"5\r\nhello\r\n0\r\nx-amz-checksum-sha256:" + SHA256.encode() + b"\r\n\r\n"
    headers = s3_headers(account) | aws_chunked(5, len(body))
    answer = exchange(endpoint, message("PUT", f"/{bucket}/garbage", headers, body))
    assert s3_error(answer)[0] in ("MalformedTrailerError", "InvalidRequest", "BadDigest")
    assert keys() == []
