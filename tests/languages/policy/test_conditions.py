"""Every condition operator, as a table of decisions."""

from __future__ import annotations

import base64

import pytest
from tests.languages.policy.asking import HERE, PEOPLE, Json, allow, ask, deny, policies_of, written

from pilvi.languages.policy import Request, decide

KEY = "aws:somekey"
NOTHING: list[str] = []

# IAM User Guide, "IAM JSON policy elements: Condition operators": operator, policy values, request values, holds.
OPERATORS: list[tuple[str, Json, Json, bool]] = [
    # "String condition operators"
    ("StringEquals", "a", "a", True),
    ("StringEquals", "a", "A", False),
    ("StringEquals", "a*", "ab", False),
    ("StringEquals", "a*", "a*", True),
    ("StringEquals", ["a", "b"], "b", True),
    ("StringEquals", ["a", "b"], "c", False),
    ("StringEquals", "", "", True),
    ("StringEquals", "", "a", False),
    ("StringEquals", "a", NOTHING, False),
    ("StringNotEquals", "a", "b", True),
    ("StringNotEquals", "a", "a", False),
    ("StringNotEquals", "a", "A", True),
    ("StringNotEquals", ["a", "b"], "b", False),
    ("StringNotEquals", ["a", "b"], "c", True),
    ("StringNotEquals", "a", NOTHING, True),
    ("StringEqualsIgnoreCase", "Team", "tEAM", True),
    ("StringEqualsIgnoreCase", "Team", "teams", False),
    ("StringEqualsIgnoreCase", "Team", NOTHING, False),
    ("StringNotEqualsIgnoreCase", "Team", "tEAM", False),
    ("StringNotEqualsIgnoreCase", "Team", "other", True),
    ("StringNotEqualsIgnoreCase", "Team", NOTHING, True),
    ("StringLike", "home/*", "home/ann", True),
    ("StringLike", "home/*", "home/", True),
    ("StringLike", "home/*", "Home/ann", False),
    ("StringLike", "h?me", "home", True),
    ("StringLike", "h?me", "hme", False),
    ("StringLike", "*a*", "bab", True),
    ("StringLike", "a:*:c", "a:b:b:c", True),
    ("StringLike", ["", "home/"], "", True),
    ("StringLike", ["x*", "y*"], "yes", True),
    ("StringLike", "a", NOTHING, False),
    ("StringNotLike", "home/*", "home/ann", False),
    ("StringNotLike", "home/*", "away", True),
    ("StringNotLike", ["h*", "a*"], "away", False),
    ("StringNotLike", "home/*", NOTHING, True),
    # "Numeric condition operators"
    ("NumericEquals", "10", "10", True),
    ("NumericEquals", 10, "10.0", True),
    ("NumericEquals", "10", "11", False),
    ("NumericEquals", "10", "ten", False),
    ("NumericEquals", "ten", "10", False),
    ("NumericEquals", "10", NOTHING, False),
    ("NumericNotEquals", "10", "11", True),
    ("NumericNotEquals", "10", "10.00", False),
    ("NumericNotEquals", ["10", "11"], "11", False),
    ("NumericNotEquals", "10", NOTHING, True),
    ("NumericLessThan", "10", "9.5", True),
    ("NumericLessThan", "10", "10", False),
    ("NumericLessThan", "10", "-1", True),
    ("NumericLessThan", "9", "10", False),
    ("NumericLessThanEquals", "10", "10", True),
    ("NumericLessThanEquals", "10", "10.1", False),
    ("NumericGreaterThan", "10", "11", True),
    ("NumericGreaterThan", "10", "9", False),
    ("NumericGreaterThanEquals", "10", "10", True),
    ("NumericGreaterThanEquals", ["100", "10"], "50", True),
    ("NumericGreaterThanEquals", "10", NOTHING, False),
    # "Date condition operators": ISO 8601 as W3C has it, or seconds since the epoch
    ("DateEquals", "2020-01-01T00:00:01Z", "2020-01-01T00:00:01Z", True),
    ("DateEquals", "2020-01-01T00:00:01Z", "1577836801", True),
    ("DateEquals", "1577836801", "2020-01-01T00:00:01Z", True),
    ("DateEquals", "2020-01-01T02:00:01+02:00", "2020-01-01T00:00:01Z", True),
    ("DateEquals", "2020-01-01T00:00:01.500Z", "2020-01-01T00:00:01Z", False),
    ("DateEquals", "2020", "2020-01-01T00:00:00Z", True),
    ("DateEquals", "2020-02", "2020-02-01T00:00:00Z", True),
    ("DateEquals", "2020-02-03", "2020-02-03T00:00:00Z", True),
    ("DateEquals", "2020-02-03T04:05Z", "2020-02-03T04:05:00Z", True),
    ("DateEquals", "2020-02-30", "2020-02-30", False),
    ("DateEquals", "tomorrow", "2020-02-03", False),
    ("DateEquals", "2020-01-01", NOTHING, False),
    ("DateNotEquals", "2020-01-01", "2020-01-02", True),
    ("DateNotEquals", "2020-01-01", "2020-01-01T00:00:00Z", False),
    ("DateNotEquals", "2020-01-01", NOTHING, True),
    ("DateLessThan", "2020-01-01T00:00:00Z", "2019-12-31T23:59:59Z", True),
    ("DateLessThan", "2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z", False),
    ("DateLessThan", "2020-01-01T00:00:00-01:00", "2020-01-01T00:30:00Z", True),
    ("DateLessThanEquals", "2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z", True),
    ("DateGreaterThan", "2020-01-01T00:00:01Z", "2021-06-01T00:00:00Z", True),
    ("DateGreaterThan", "2020-01-01T00:00:01Z", "2019-06-01T00:00:00Z", False),
    ("DateGreaterThan", "2020-01-01T00:00:01Z", NOTHING, False),
    ("DateGreaterThanEquals", "1577836801", "1577836801", True),
    ("DateGreaterThanEquals", "1577836801", "1577836800", False),
    # "Boolean condition operators"
    ("Bool", "true", "true", True),
    ("Bool", "true", "false", False),
    ("Bool", True, "true", True),
    ("Bool", "True", "true", True),
    ("Bool", ["true", "false"], "false", True),
    ("Bool", "false", NOTHING, False),
    ("Bool", "yes", "yes", False),
    # "Binary condition operators"
    ("BinaryEquals", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", True),
    ("BinaryEquals", "QmluYXJ5", base64.b64encode(b"Binarz").decode(), False),
    ("BinaryEquals", "not base64!", "not base64!", False),
    ("BinaryEquals", "QmluYXJ5", NOTHING, False),
    # "IP address condition operators"
    ("IpAddress", "203.0.113.0/24", "203.0.113.7", True),
    ("IpAddress", "203.0.113.0/24", "203.0.114.7", False),
    ("IpAddress", "203.0.113.7", "203.0.113.7", True),
    ("IpAddress", "203.0.113.7", "203.0.113.8", False),
    ("IpAddress", "0.0.0.0/0", "203.0.113.8", True),
    ("IpAddress", "0.0.0.0/0", "2001:db8::1", False),
    ("IpAddress", "2001:DB8:1234:5678::/64", "2001:db8:1234:5678::1", True),
    ("IpAddress", "2001:DB8:1234:5678::/64", "2001:db8:1234:5679::1", False),
    ("IpAddress", "2001:db8::1", "2001:0db8:0:0:0:0:0:1", True),
    ("IpAddress", ["203.0.113.0/24", "2001:DB8:1234:5678::/64"], "2001:db8:1234:5678::1", True),
    ("IpAddress", "203.0.113.9/24", "203.0.113.7", True),
    ("IpAddress", "everywhere", "203.0.113.7", False),
    ("IpAddress", "203.0.113.0/24", "s3.amazonaws.com", False),
    ("IpAddress", "203.0.113.0/24", NOTHING, False),
    ("NotIpAddress", "203.0.113.0/24", "203.0.113.7", False),
    ("NotIpAddress", "203.0.113.0/24", "198.51.100.7", True),
    ("NotIpAddress", ["203.0.113.0/24", "198.51.100.0/24"], "198.51.100.7", False),
    ("NotIpAddress", "203.0.113.0/24", "2001:db8::1", True),
    ("NotIpAddress", "203.0.113.0/24", NOTHING, True),
    # "Amazon Resource Name (ARN) condition operators": segment by segment
    ("ArnEquals", "arn:aws:sns:us-east-1:123456789012:t", "arn:aws:sns:us-east-1:123456789012:t", True),
    ("ArnEquals", "arn:aws:sns:*:123456789012:*", "arn:aws:sns:us-east-1:123456789012:t", True),
    ("ArnLike", "arn:aws:sns:*:123456789012:*", "arn:aws:sns:us-east-1:123456789012:t", True),
    ("ArnLike", "arn:aws:sns:*:123456789012:T", "arn:aws:sns:us-east-1:123456789012:t", False),
    ("ArnLike", "arn:aws:sns:us-*-1:12345678901?:t", "arn:aws:sns:us-east-1:123456789012:t", True),
    ("ArnLike", "arn:aws:someservice:*:111122223333:finance/*",
     "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt", False),
    ("StringLike", "arn:aws:someservice:*:111122223333:finance/*",
     "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt", True),
    ("ArnLike", "arn:aws:logs:*:*:log-group:*:x", "arn:aws:logs:r:1:log-group:a:b:x", True),
    ("ArnLike", "arn:aws:sns:*", "arn:aws:sns:us-east-1:123456789012:t", False),
    ("ArnLike", "*", "arn:aws:sns:us-east-1:123456789012:t", True),
    ("ArnLike", "*", "no arn", False),
    ("ArnEquals", "arn:aws:iam::1:role/a", NOTHING, False),
    ("ArnNotEquals", "arn:aws:iam::1:role/a", "arn:aws:iam::1:role/b", True),
    ("ArnNotEquals", "arn:aws:iam::1:role/a", "arn:aws:iam::1:role/a", False),
    ("ArnNotLike", "arn:aws:iam::1:role/*", "arn:aws:iam::1:role/a", False),
    ("ArnNotLike", ["arn:aws:iam::1:role/*", "arn:aws:iam::2:*"], "arn:aws:iam::3:role/a", True),
    ("ArnNotLike", "arn:aws:iam::1:role/*", NOTHING, True),
    # "...IfExists condition operators"
    ("StringLikeIfExists", ["t1.*", "t2.*", "m3.*"], "t2.micro", True),
    ("StringLikeIfExists", ["t1.*", "t2.*", "m3.*"], "c4.large", False),
    ("StringLikeIfExists", ["t1.*", "t2.*", "m3.*"], NOTHING, True),
    ("StringNotEqualsIfExists", "a", NOTHING, True),
    ("StringNotEqualsIfExists", "a", "a", False),
    ("NumericLessThanIfExists", "10", NOTHING, True),
    ("NumericLessThanIfExists", "10", "11", False),
    ("BoolIfExists", "true", NOTHING, True),
    ("BoolIfExists", "true", "false", False),
    ("IpAddressIfExists", "10.0.0.0/8", NOTHING, True),
    ("ArnLikeIfExists", "arn:aws:s3:::b", NOTHING, True),
    ("DateLessThanIfExists", "2020-01-01", NOTHING, True),
    # "Condition operator to check existence of condition keys"
    ("Null", "true", NOTHING, True),
    ("Null", "true", "x", False),
    ("Null", "false", "x", True),
    ("Null", "false", NOTHING, False),
    ("Null", True, NOTHING, True),
    ("Null", ["true", "false"], "x", True),
    ("Null", "false", "", False),
    # "Single-valued vs. multivalued context keys", "Set operators for multivalued context keys"
    ("ForAllValues:StringEquals", ["PostDateTime", "Message", "Tags"], ["PostDateTime", "Message"], True),
    ("ForAllValues:StringEquals", ["PostDateTime", "Message", "Tags"], ["PostDateTime", "UserName"], False),
    ("ForAllValues:StringEquals", ["a"], NOTHING, True),
    ("ForAllValues:StringEquals", ["a"], [""], True),
    ("ForAllValues:StringLike", ["key1*"], ["key1-a", "key1-b"], True),
    ("ForAllValues:StringLike", ["key1*"], ["key1-a", "key2"], False),
    ("ForAllValues:StringNotEquals", ["a", "b"], ["c", "d"], True),
    ("ForAllValues:StringNotEquals", ["a", "b"], ["c", "a"], False),
    ("ForAllValues:StringNotEquals", ["a", "b"], NOTHING, True),
    ("ForAllValues:NumericLessThan", "10", ["1", "9"], True),
    ("ForAllValues:NumericLessThan", "10", ["1", "10"], False),
    ("ForAllValues:StringEqualsIfExists", "a", NOTHING, True),
    ("ForAnyValue:StringEquals", ["ID", "PostDateTime"], ["UserName", "Message", "PostDateTime"], True),
    ("ForAnyValue:StringEquals", ["ID", "PostDateTime"], ["UserName"], False),
    ("ForAnyValue:StringEquals", ["a"], NOTHING, False),
    ("ForAnyValue:StringEquals", [""], [""], False),
    ("ForAnyValue:StringLike", ["o-a1b2c3d4e5/r-*/ou-x/*"], ["o-a1b2c3d4e5/r-1/ou-x/ou-y/"], True),
    ("ForAnyValue:StringNotEquals", ["DataClass", "Owner"], ["DataClass", "Owner"], False),
    ("ForAnyValue:StringNotEquals", ["DataClass", "Owner"], ["Dept", "DataClass"], True),
    ("ForAnyValue:StringNotEquals", ["DataClass", "Owner"], NOTHING, False),
    ("ForAnyValue:StringEqualsIfExists", "a", NOTHING, True),
    ("ForAnyValue:StringEqualsIfExists", "a", [""], False),
    ("ForAnyValue:ArnLike", "arn:aws:iam::*:role/a", ["arn:aws:iam::1:role/b", "arn:aws:iam::1:role/a"], True),
    ("ForAnyValue:IpAddress", "10.0.0.0/8", ["1.1.1.1", "10.1.1.1"], True),
    ("ForAnyValue:Bool", "true", ["false", "true"], True),
]  # fmt: skip


@pytest.mark.parametrize(("operator", "wanted", "values", "holds"), OPERATORS)
def test_operator(operator: str, wanted: Json, values: Json, holds: bool) -> None:
    """An Allow applies exactly when its condition holds; and so does a Deny."""
    context = {} if values == NOTHING else {KEY: values}
    condition = {operator: {KEY: wanted}}
    assert ask(context=context, identity=[allow(Condition=condition)]).allowed is holds
    denied = [allow(), deny(Condition=condition)]
    assert ask(context=context, identity=denied).allowed is not holds


# IAM User Guide, "Conditions with multiple context keys or values": AND over operators and keys.
BOTH = {"StringEquals": {"aws:a": "1", "aws:b": ["2", "3"]}, "NumericLessThan": {"aws:c": "10"}}


@pytest.mark.parametrize(("context", "holds"), [
    ({"aws:a": "1", "aws:b": "2", "aws:c": "9"}, True),
    ({"aws:a": "1", "aws:b": "3", "aws:c": "9"}, True),
    ({"aws:a": "1", "aws:b": "4", "aws:c": "9"}, False),
    ({"aws:a": "0", "aws:b": "2", "aws:c": "9"}, False),
    ({"aws:a": "1", "aws:b": "2", "aws:c": "10"}, False),
    ({"aws:a": "1", "aws:b": "2"}, False),
    ({}, False),
])  # fmt: skip
def test_all_conditions_must_hold(context: dict[str, str], holds: bool) -> None:
    assert ask(context=context, identity=[allow(Condition=BOTH)]).allowed is holds


# IAM User Guide, "IAM JSON policy elements: Condition": names of keys have no case, names of tags in them neither.
@pytest.mark.parametrize("written", ["aws:SourceIp", "AWS:SourceIP", "aws:sourceip"])
def test_keys_have_no_case(written: str) -> None:
    condition = {"IpAddress": {written: "10.0.0.0/8"}}
    assert ask(context={"aws:SourceIp": "10.1.2.3"}, identity=[allow(Condition=condition)]).allowed


def test_an_address_in_ipv6_clothes_is_an_ipv4_address() -> None:
    """A server that listens on both families sees IPv4 callers so; a range of IPv4 must still cover them."""
    text = written([allow(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})])
    policies = policies_of({"identity": [text]})
    context = {"aws:sourceip": ("::ffff:10.1.2.3",)}
    assert decide(Request(PEOPLE["user"], "s3:GetObject", ("*",), HERE, context), policies).allowed


# Several values without a quantifier: AWS asks for a quantifier and does not say what happens without one.
@pytest.mark.parametrize(("operator", "values", "allowed", "denied"), [
    ("StringEquals", ["a", "a"], True, True),
    ("StringEquals", ["a", "b"], False, True),
    ("StringEquals", ["b", "c"], False, False),
    ("StringNotEquals", ["a", "b"], False, True),
    ("StringNotEquals", ["b", "c"], True, True),
])  # fmt: skip
def test_several_values_without_a_quantifier_fail_closed(
    operator: str, values: list[str], allowed: bool, denied: bool
) -> None:
    condition = {operator: {KEY: "a"}}
    assert ask(context={KEY: values}, identity=[allow(Condition=condition)]).allowed is allowed
    both = [allow(), deny(Condition=condition)]
    assert ask(context={KEY: values}, identity=both).allowed is not denied
