"""S3 on the wire: routes by path, query and header; XML that attacks; answers and errors as S3's are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from pilvi import protocol
from pilvi.base.errors import AwsError
from pilvi.base.http import HttpRequest

from .oracle import collect

S3 = protocol.codec("s3")


@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "operation", "labels"),
    [
        ("GET", "/", "", {}, "ListBuckets", {}),
        ("GET", "/b", "", {}, "ListObjects", {"Bucket": "b"}),
        ("GET", "/b/", "list-type=2", {}, "ListObjectsV2", {"Bucket": "b"}),
        ("GET", "/b", "list-type=2&prefix=a%2Fb", {}, "ListObjectsV2", {"Bucket": "b"}),
        ("GET", "/b", "versions", {}, "ListObjectVersions", {"Bucket": "b"}),
        ("GET", "/b", "uploads=", {}, "ListMultipartUploads", {"Bucket": "b"}),
        ("GET", "/b", "location", {}, "GetBucketLocation", {"Bucket": "b"}),
        ("GET", "/b", "analytics&id=1", {}, "GetBucketAnalyticsConfiguration", {"Bucket": "b"}),
        ("GET", "/b", "analytics", {}, "ListBucketAnalyticsConfigurations", {"Bucket": "b"}),
        ("GET", "/b", "lifecycle", {}, "GetBucketLifecycleConfiguration", {"Bucket": "b"}),
        ("PUT", "/b", "", {}, "CreateBucket", {"Bucket": "b"}),
        ("PUT", "/b", "acl", {}, "PutBucketAcl", {"Bucket": "b"}),
        ("HEAD", "/b/", "", {}, "HeadBucket", {"Bucket": "b"}),
        ("POST", "/b", "delete", {}, "DeleteObjects", {"Bucket": "b"}),
        ("GET", "/b/k", "", {}, "GetObject", {"Bucket": "b", "Key": "k"}),
        ("GET", "/b/k", "x-id=GetObject", {}, "GetObject", {"Bucket": "b", "Key": "k"}),
        ("GET", "/b/k", "attributes", {"x-amz-object-attributes": "ETag"}, "GetObjectAttributes",
         {"Bucket": "b", "Key": "k"}),
        ("GET", "/b/k", "uploadId=1", {}, "ListParts", {"Bucket": "b", "Key": "k"}),
        ("PUT", "/b/k", "", {}, "PutObject", {"Bucket": "b", "Key": "k"}),
        ("PUT", "/b/k", "", {"x-amz-copy-source": "/b/j"}, "CopyObject", {"Bucket": "b", "Key": "k"}),
        ("PUT", "/b/k", "partNumber=1&uploadId=2", {}, "UploadPart", {"Bucket": "b", "Key": "k"}),
        ("PUT", "/b/k", "partNumber=1&uploadId=2", {"x-amz-copy-source": "/b/j"}, "UploadPartCopy",
         {"Bucket": "b", "Key": "k"}),
        ("PUT", "/b/k", "tagging", {}, "PutObjectTagging", {"Bucket": "b", "Key": "k"}),
        ("POST", "/b/k", "uploads", {}, "CreateMultipartUpload", {"Bucket": "b", "Key": "k"}),
        ("POST", "/b/k", "uploadId=1", {}, "CompleteMultipartUpload", {"Bucket": "b", "Key": "k"}),
        ("DELETE", "/b/k", "uploadId=1", {}, "AbortMultipartUpload", {"Bucket": "b", "Key": "k"}),
        ("DELETE", "/b/k", "", {}, "DeleteObject", {"Bucket": "b", "Key": "k"}),
    ],
)  # fmt: skip
def test_routes(
    method: str,
    path: str,
    query: str,
    headers: dict[str, str],
    operation: str,
    labels: dict[str, str],
) -> None:
    match = S3.route(HttpRequest(method, path, query, headers))
    assert match is not None
    assert (match.operation, match.labels) == (operation, labels)


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        ("a/b/", "a/b/"),
        ("/a", "/a"),
        ("a//b", "a//b"),
        ("a%2Fb", "a/b"),
        ("a%252Fb", "a%2Fb"),
        ("../a/./b", "../a/./b"),
        ("a+b%20c", "a+b c"),
        ("%E6%BC%A2", "漢"),
        ("a%00b%0A", "a\0b\n"),
        ("?".replace("?", "%3F"), "?"),
    ],
)
def test_keys_stay_exactly_what_was_sent(raw: str, key: str) -> None:
    """Anything that normalises the path on the way mixes up objects."""
    match = S3.route(HttpRequest("GET", f"/b/{raw}", "", {}))
    assert match is not None
    assert match.labels["Key"] == key


def test_a_path_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(AwsError) as refused:
        S3.route(HttpRequest("GET", "/b/%FF", "", {}))
    assert refused.value.code == "InvalidURI"


def test_too_many_query_fields_are_refused() -> None:
    with pytest.raises(AwsError):
        S3.route(HttpRequest("GET", "/b", "a=1&" * 2000, {}))


BOMB = b"""<?xml version="1.0"?><!DOCTYPE Tagging [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>
<Tagging><TagSet><Tag><Key>&c;</Key><Value>v</Value></Tag></TagSet></Tagging>"""
FILE = b"""<?xml version="1.0"?><!DOCTYPE Tagging [<!ENTITY a SYSTEM "file:///etc/hostname">]>
<Tagging><TagSet><Tag><Key>&a;</Key><Value>v</Value></Tag></TagSet></Tagging>"""


@pytest.mark.parametrize(
    "body",
    [
        BOMB,
        FILE,
        BOMB.decode().replace('"1.0"', '"1.0" encoding="UTF-16"', 1).encode("utf-16"),
        b"<Tagging><TagSet>",
        b"not xml",
        b"<Other/>",
        b"<Tagging><TagSet/><TagSet/></Tagging>",
        b"<Tagging><TagSet><Tag><Key>k</Key><Colour>v</Colour></Tag></TagSet></Tagging>",
        b"<Tagging><TagSet><Tag><Key><b/></Key></Tag></TagSet></Tagging>",
        b"<Tagging>" * 5000,
    ],
)
def test_xml_that_is_not_as_published_is_refused(body: bytes) -> None:
    """Also entity bombs and entities that name files: no document type may be declared at all."""
    request = HttpRequest("PUT", "/b/k", "tagging", {}, body)
    match = S3.route(request)
    assert match is not None
    with pytest.raises(AwsError) as refused:
        S3.parse(match, request)
    assert refused.value.code == "MalformedXML"
    assert refused.value.text.startswith(
        "The XML you provided was not well-formed or did not validate against our published schema"
    )


def test_missing_parts_of_a_document_are_malformed_and_a_missing_document_is_named() -> None:
    with pytest.raises(AwsError) as refused:
        S3.validate("PutObjectTagging", {"Bucket": "b", "Key": "k", "Tagging": {"TagSet": [{}]}})
    assert refused.value.code == "MalformedXML"
    with pytest.raises(AwsError) as refused:
        S3.validate("DeleteObjects", {"Bucket": "b"})
    assert refused.value.code == "MissingRequestBodyError"
    S3.validate("PutObject", {"Bucket": "b", "Key": "k" * 5000})


def test_a_streamed_body_is_left_to_the_handler() -> None:
    request = HttpRequest(
        "PUT", "/b/k", "", {"x-amz-meta-Colour".lower(): "red", "content-length": "3"}, b"abc"
    )
    match = S3.route(request)
    assert match is not None
    assert S3.parse(match, request) == {
        "Bucket": "b",
        "Key": "k",
        "ContentLength": 3,
        "Metadata": {"colour": "red"},
    }


def test_headers_that_do_not_fit_are_named() -> None:
    request = HttpRequest("PUT", "/b/k", "", {"content-length": "three"})
    match = S3.route(request)
    assert match is not None
    with pytest.raises(AwsError) as refused:
        S3.parse(match, request)
    assert refused.value.code == "InvalidArgument"
    assert "content-length" in refused.value.text


def test_a_streamed_answer_is_passed_on_with_its_length() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"ab"
        yield b"c"

    result = {"Body": pieces(), "ContentLength": 3, "ETag": '"x"', "Metadata": {"colour": "red"}}
    response = S3.render("GetObject", result, "id")
    assert not isinstance(response.body, bytes)
    assert response.length == 3
    assert asyncio.run(collect(response.body)) == b"abc"
    assert dict(response.headers) == {
        "x-amz-request-id": "id",
        "x-amz-id-2": "aWRpZA==",
        "ETag": '"x"',
        "x-amz-meta-colour": "red",
        "Content-Type": "binary/octet-stream",
    }


def test_a_head_answer_tells_its_length_in_a_header() -> None:
    response = S3.render("HeadObject", {"ContentLength": 3}, "id")
    assert response.body == b""
    assert ("Content-Length", "3") in response.headers


def test_a_line_break_cannot_smuggle_a_header() -> None:
    with pytest.raises(ValueError, match="line break"):
        S3.render("HeadObject", {"Metadata": {"a": "x\r\nset-cookie: y"}}, "id")


def test_listings_look_like_s3s() -> None:
    contents = [{"Key": "a&<b>\r\x01", "LastModified": 1_700_000_000_000, "Size": 1}]
    response = S3.render("ListObjectsV2", {"Name": "b", "Contents": contents}, "id")
    assert response.body == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n'
        b'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        b"<Contents><Key>a&amp;&lt;b&gt;&#xd;&#x1;</Key>"
        b"<LastModified>2023-11-14T22:13:20.000Z</LastModified><Size>1</Size></Contents>"
        b"<Name>b</Name></ListBucketResult>"
    )


def test_a_bucket_location_is_the_roots_own_text() -> None:
    response = S3.render("GetBucketLocation", {"LocationConstraint": "eu-west-1"}, "id")
    assert response.body == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<LocationConstraint '
        b'xmlns="http://s3.amazonaws.com/doc/2006-03-01/">eu-west-1</LocationConstraint>'
    )


class NoSuchKey(AwsError):
    code = "NoSuchKey"
    message = "The specified key does not exist."


def test_errors_hold_their_members_and_both_ids() -> None:
    response = S3.render_error("GetObject", NoSuchKey(members={"Key": "a<b"}), "id")
    assert response.status == 404
    assert response.body == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code>'
        b"<Message>The specified key does not exist.</Message><Key>a&lt;b</Key>"
        b"<RequestId>id</RequestId><HostId>aWRpZA==</HostId></Error>"
    )


def test_errors_of_head_requests_have_no_body() -> None:
    response = S3.render_error("HeadObject", NoSuchKey(), "id")
    assert (response.status, response.body) == (404, b"")
