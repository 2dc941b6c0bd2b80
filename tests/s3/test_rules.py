"""Small decisions, as tables: what a policy makes public, which names and ranges there are."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilvi.services.s3 import errors
from pilvi.services.s3.rules import cors, names, policies, ranges
from pilvi.services.s3.wire import CORSConfiguration

PUBLIC = {
    "Effect": "Allow",
    "Principal": "*",
    "Action": "s3:GetObject",
    "Resource": "arn:aws:s3:::b/*",
}
ROOT = "arn:aws:iam::111111111111:root"


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def only_if(operator: str, key: str, value: str) -> dict[str, Any]:
    return {**PUBLIC, "Condition": {operator: {key: value}}}


@pytest.mark.parametrize(
    ("statements", "public"),
    [
        ([PUBLIC], True),
        ([{**PUBLIC, "Principal": {"AWS": "*"}}], True),
        ([{**PUBLIC, "Principal": {"AWS": [ROOT, "*"]}}], True),
        ([{**PUBLIC, "Principal": {"AWS": ROOT}}], False),
        ([{**PUBLIC, "Effect": "Deny"}], False),
        ([{**PUBLIC, "Principal": {"AWS": ROOT}}, PUBLIC], True),
        ([only_if("IpAddress", "aws:SourceIp", "10.0.0.0/8")], False),
        ([only_if("IpAddress", "aws:SourceIp", "0.0.0.0/0")], True),
        ([only_if("NotIpAddress", "aws:SourceIp", "10.0.0.0/8")], True),
        ([only_if("StringEquals", "aws:SourceVpc", "vpc-91237329")], False),
        ([only_if("StringLike", "aws:SourceVpc", "vpc-*")], True),
        ([only_if("StringEqualsIfExists", "aws:SourceVpc", "vpc-91237329")], True),
        ([only_if("StringLike", "aws:Referer", "http://example.com/")], True),
        ([only_if("Bool", "aws:SecureTransport", "true")], True),
    ],
)
def test_which_policies_are_public(statements: list[dict[str, Any]], *, public: bool) -> None:
    assert policies.is_public(policy(*statements)) is public


def test_a_deep_policy_is_malformed() -> None:
    deep = '{"Statement": ' + "[" * 9000 + "]" * 9000 + "}"
    with pytest.raises(errors.MalformedPolicy):
        policies.check_policy(deep, "b")


@pytest.mark.parametrize(
    ("header", "size", "expected"),
    [
        (None, 10, None),
        ("bytes=0-0", 10, (0, 1)),
        ("bytes=3-", 10, (3, 10)),
        ("bytes=-4", 10, (6, 10)),
        ("bytes=-40", 10, (0, 10)),
        ("bytes=2-99", 10, (2, 10)),
        ("bytes=5-4", 10, None),
        ("bytes=0-1,4-5", 10, None),
        ("lines=0-1", 10, None),
    ],
)
def test_ranges(header: str | None, size: int, expected: tuple[int, int] | None) -> None:
    assert ranges.byte_range(header, size) == expected


@given(st.integers(0, 99), st.integers(0, 99), st.integers(1, 60))
def test_a_range_is_a_slice(first: int, last: int, size: int) -> None:
    data = bytes(range(size))
    try:
        found = ranges.byte_range(f"bytes={first}-{last}", size)
    except errors.InvalidRange:
        assert first >= size
        return
    assert found is None if last < first else data[slice(*found or ())] == data[first : last + 1]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("b/k", ("b", "k", None)),
        ("/b/k%20x/%2F?versionId=null", ("b", "k x//", "null")),
        ("b/a+b", ("b", "a+b", None)),
        ("b/a%3Fb", ("b", "a?b", None)),
    ],
)
def test_copy_sources(header: str, expected: tuple[str, str, str | None]) -> None:
    assert names.copy_source(header) == expected


def test_good_names_are_taken() -> None:
    for name in ("abc", "a-b.c", "1.2.3", "a" * 63, "my.bucket-1"):
        names.check_bucket_name(name)


@pytest.mark.parametrize("header", ["*", "x-amz-*", "a b", "a\r\nb", ""])
def test_exposed_headers_are_names(header: str) -> None:
    """They stand in a header of every answer: a line break would make each of them a failure."""
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "ExposeHeaders": [header]}
    with pytest.raises(errors.InvalidRequest):
        cors.rules_of(cast("CORSConfiguration", {"CORSRules": [rule]}))
