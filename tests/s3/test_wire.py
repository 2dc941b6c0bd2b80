"""Corners of the wire that no SDK shows: headers and parameters as they are written, and what comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hostile.support import connect, message, s3_headers
from pilvi.services.s3.rules import encoded_words

Send = Callable[..., Any]


def told(answer: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers.items()}


@pytest.fixture
def key(s3: Any, bucket: str) -> str:
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789", CacheControl="no-cache")
    return f"/{bucket}/k"


# A range is of the object that the client knows, or of none: then it gets the whole one.
def test_a_range_holds_for_what_is_known(send: Send, key: str) -> None:
    whole = send("GET", key)
    known = told(whole)
    for validator, status in (
        (known["etag"], 206),
        (known["last-modified"], 206),
        ('"other"', 200),
        (f"W/{known['etag']}", 200),
        ("Sat, 01 Jan 2000 00:00:00 GMT", 200),
    ):
        answer = send("GET", key, headers={"range": "bytes=2-3", "if-range": validator})
        assert answer.status == status, validator
        assert answer.body == (b"23" if status == 206 else b"0123456789")
    beyond = {"range": "bytes=100-", "if-range": '"other"'}
    assert send("GET", key, headers=beyond).status == 200


def test_what_is_unchanged_tells_what_caches_need(send: Send, key: str) -> None:
    known = told(send("GET", key))
    for method in ("GET", "HEAD"):
        answer = send(method, key, headers={"if-none-match": known["etag"]})
        assert (answer.status, answer.body) == (304, b"")
        for name in ("etag", "last-modified", "cache-control"):
            assert told(answer)[name] == known[name]


INTEGER = "Provided {} not an integer or within integer range"


@pytest.mark.parametrize(
    ("path", "name", "value", "words"),
    [
        ("?list-type=2&max-keys=abc", "max-keys", "abc", INTEGER),
        ("?max-keys=2147483648", "max-keys", "2147483648", INTEGER),
        ("?uploads&max-uploads=x", "max-uploads", "x", INTEGER),
        (
            "/k?partNumber=x",
            "partNumber",
            "x",
            "Part number must be an integer between 1 and 10000",
        ),
        (
            "/k?response-cache-control=%E2%82%AC",
            "response-cache-control",
            "€",
            "Header value cannot be represented using ISO-8859-1.",
        ),
    ],
)
def test_arguments_that_are_none(
    send: Send, bucket: str, key: str, path: str, name: str, value: str, words: str
) -> None:
    answer = send("GET", f"/{bucket}{path}")
    assert (answer.status, answer.code) == (400, "InvalidArgument")
    text = answer.body.decode()
    assert f"<ArgumentName>{name}</ArgumentName><ArgumentValue>{value}<" in text
    assert words.format(name) in text


# S3 keeps this header as it was sent; a date that is none is the affair of whoever reads it.
@pytest.mark.parametrize("value", ["0", "never", "Wed, 21 Oct 2015 07:28:00 GMT", "2015-10-21"])
def test_expires_is_kept_as_it_was_sent(send: Send, bucket: str, value: str) -> None:
    assert send("PUT", f"/{bucket}/e", b"x", {"expires": value}).status == 200
    for path in (f"/{bucket}/e", f"/{bucket}/e?response-expires={value.replace(' ', '%20')}"):
        assert told(send("GET", path))["expires"] == value
    copy = {"x-amz-copy-source": f"{bucket}/e"}
    assert send("PUT", f"/{bucket}/c", headers=copy).status == 200
    assert told(send("HEAD", f"/{bucket}/c"))["expires"] == value


# The example of the User Guide: the bytes of the header, read as Latin-1, come back encoded.
def test_metadata_beyond_ascii_comes_back_encoded(send: Send, bucket: str) -> None:
    given = "ÄMÄZÕÑ S3".encode().decode("latin-1")
    answer = send("PUT", f"/{bucket}/m", b"x", {"x-amz-meta-nonascii": given})
    assert answer.status == 200
    answer = send("HEAD", f"/{bucket}/m")
    assert told(answer)["x-amz-meta-nonascii"] == "=?UTF-8?B?w4PChE3Dg8KEWsODwpXDg8KRIFMz?="


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain =?_", "plain =?_"),
        ("non-ascii_é ", "=?UTF-8?Q?non-ascii=5F=C3=A9_?="),
        (
            "é" * 30,
            " ".join(["=?UTF-8?B?" + "w6nDqcOpw6nDqcOpw6nDqcOpw6nDqcOpw6nDqcOp" + "?="] * 2),
        ),
    ],
)
def test_words_are_encoded(text: str, shown: str) -> None:
    assert encoded_words.encoded(text) == shown


# Words that are none stay as they are: of an unknown encoding, of no encoding, of bytes that are no base64.
@pytest.mark.parametrize(
    ("shown", "text"),
    [
        ("=?UTF-8?B?YWJj?= =?UTF-8?q?d_=C3=A9?=", "abcd é"),
        ("x =?ISO-8859-1?Q?=E9?= y", "x é y"),
        ("=?UTF-8?B?/2H/?=", "\ufffda\ufffd"),
        ("=?nope?B?YWJj?=", "=?nope?B?YWJj?="),
        ("=?UTF-8?X?YWJj?=", "=?UTF-8?X?YWJj?="),
        ("=?UTF-8?B?Y?=", "=?UTF-8?B?Y?="),
        ("=?hex?B?YWJj?=", "=?hex?B?YWJj?="),
    ],
)
def test_words_are_read(shown: str, text: str) -> None:
    assert encoded_words.decoded(shown) == text
    assert encoded_words.decoded(encoded_words.literal(shown)) == shown


def test_head_of_a_bucket_names_its_region(send: Send, bucket: str) -> None:
    answer = told(send("HEAD", f"/{bucket}"))
    assert answer["x-amz-bucket-region"] == "us-east-1"
    assert answer["content-type"] == "application/xml"


# What there is no operation for must not be taken for another one: a bucket is not deleted with its list.
@pytest.mark.parametrize(
    ("method", "names"),
    [
        ("DELETE", "acl versioning location logging notification uploads versions requestPayment"),
        ("DELETE", "/k?acl /k?legal-hold /k?retention /k?torrent /k?attributes"),
        ("PUT", "location uploads versions policyStatus /k?torrent /k?attributes /k?select"),
        ("PUT", "/k?uploads /k?restore /k?delete"),
        ("POST", "acl /k /k?acl"),
        ("PATCH", "/k"),
    ],
)
def test_a_subresource_is_not_its_resource(
    send: Send, s3: Any, bucket: str, method: str, names: str
) -> None:
    if "/k" in names:
        s3.put_object(Bucket=bucket, Key="k", Body=b"kept")
    for name in names.split():
        path = f"/{bucket}{name}" if name.startswith("/") else f"/{bucket}?{name}"
        answer = send(method, path, b"other" if method == "PUT" else b"")
        assert (answer.status, answer.code) == (405, "MethodNotAllowed"), name
        kind = "OBJECT" if "/k" in name else "BUCKET"
        assert f"<Method>{method}</Method><ResourceType>{kind}<" in answer.body.decode()
    s3.head_bucket(Bucket=bucket)
    if "/k" in names:
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"kept"


@pytest.mark.parametrize(
    ("method", "query", "missing"),
    [
        ("PUT", "partNumber=1", "uploadId"),
        ("PUT", "uploadId=x", "partNumber"),
        ("GET", "attributes", "x-amz-object-attributes"),
    ],
)
def test_half_of_what_names_an_operation(
    send: Send, s3: Any, bucket: str, key: str, method: str, query: str, missing: str
) -> None:
    answer = send(method, f"{key}?{query}", b"other" if method == "PUT" else b"")
    assert (answer.status, answer.code) == (400, "InvalidArgument")
    assert missing in answer.body.decode()
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"0123456789"


# An object of no length is put by saying so; a client that forgot to say it must not erase what is there.
def test_a_body_announces_its_length(endpoint: str, account: str, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"kept")
    for headers, status in (({}, b"411"), ({"content-length": "0"}, b"200")):
        request = message("PUT", f"/{bucket}/k", {**s3_headers(account), **headers})
        with connect(endpoint) as connection:
            connection.sendall(request)
            assert connection.recv(65536)[9:12] == status
        size = s3.head_object(Bucket=bucket, Key="k")["ContentLength"]
        assert size == (4 if status == b"411" else 0)


@pytest.mark.parametrize("query", ["", "?list-type=2"])
def test_lists_name_the_region(send: Send, bucket: str, query: str) -> None:
    assert told(send("GET", f"/{bucket}{query}"))["x-amz-bucket-region"] == "us-east-1"
