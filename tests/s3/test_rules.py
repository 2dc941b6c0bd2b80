"""Small decisions, as tables: what a policy makes public, which names and ranges there are."""

from __future__ import annotations

import fnmatch
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
READ = ("s3:GetObject", "arn:aws:s3:::b/key")


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        ([PUBLIC], True),
        ([{**PUBLIC, "Principal": {"AWS": "*"}}], True),
        ([{**PUBLIC, "Principal": {"AWS": ["arn:aws:iam::111111111111:root", "*"]}}], True),
        ([{**PUBLIC, "Action": ["s3:PutObject", "s3:Get*"]}], True),
        ([{**PUBLIC, "Action": "*"}], True),
        ([{**PUBLIC, "Action": "S3:GETOBJECT"}], True),
        ([{**PUBLIC, "Resource": "arn:aws:s3:::b/k?y"}], True),
        ([{**PUBLIC, "Resource": "arn:aws:s3:::b/KEY"}], False),
        ([{**PUBLIC, "Resource": "arn:aws:s3:::b"}], False),
        ([{**PUBLIC, "Action": "s3:PutObject"}], False),
        ([{**PUBLIC, "Principal": {"AWS": "arn:aws:iam::111111111111:root"}}], False),
        ([{**PUBLIC, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}], False),
        ([{**PUBLIC, "Effect": "Deny"}], False),
        # What cannot be evaluated never allows, and a Deny that might mean this request denies.
        ([{"Effect": "Allow", "NotPrincipal": {"AWS": "111111111111"}, "Action": "*", "Resource": "*"}], False),
        ([{"Effect": "Allow", "Principal": "*", "NotAction": "s3:PutObject", "Resource": "*"}], False),
        ([{"Effect": "Allow", "Principal": "*", "Action": "*", "NotResource": "arn:aws:s3:::b/x"}], False),
        ([PUBLIC, {**PUBLIC, "Effect": "Deny"}], False),
        ([{**PUBLIC, "Effect": "Deny", "Action": "s3:Put*"}, PUBLIC], True),
        ([PUBLIC, {**PUBLIC, "Effect": "Deny", "Resource": "arn:aws:s3:::b/other"}], True),
        ([PUBLIC, {**PUBLIC, "Effect": "Deny", "Condition": {"Bool": {"aws:x": "y"}}}], False),
        ([PUBLIC, {**PUBLIC, "Effect": "Deny", "Principal": {"AWS": "arn:aws:iam::111111111111:root"}}], False),
    ],
)  # fmt: skip
def test_what_a_policy_lets_anyone_read(statements: list[dict[str, Any]], allowed: bool) -> None:
    assert policies.allows_everyone(policy(*statements), *READ) is allowed


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_patterns_match_as_those_of_file_names(pattern: str, text: str) -> None:
    assert policies.matches(pattern, text) == fnmatch.fnmatchcase(text, pattern)


def test_a_hostile_pattern_costs_little() -> None:
    assert not policies.matches("*a" * 200 + "b", "a" * 1000)


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
