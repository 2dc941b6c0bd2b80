"""The grammar of policies: what is read, and that nothing else gets through."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilvi.languages.policy import (
    IDENTITY,
    RESOURCE,
    TRUST,
    Clause,
    Condition,
    Policy,
    PolicyError,
    Principals,
    Reason,
    Statement,
    parse,
)
from pilvi.languages.policy.grammar import OPERATORS

WHOLE: dict[str, Any] = {
    "Version": "2012-10-17",
    "Id": "an id",
    "Statement": [
        {
            "Sid": "One",
            "Effect": "Deny",
            "NotPrincipal": {"AWS": ["111111111111"], "Service": "s3.amazonaws.com"},
            "NotAction": ["s3:Get*", "*"],
            "NotResource": "arn:aws:s3:::b/*",
            "Condition": {
                "ForAllValues:StringLikeIfExists": {"aws:TagKeys": ["a", "b*"]},
                "NumericLessThan": {"s3:max-keys": 10},
                "Bool": {"aws:SecureTransport": False},
                "Null": {"aws:TokenIssueTime": "true"},
            },
        },
        {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": ["*", "arn:aws:s3:::b"],
        },
    ],
}


def test_a_whole_policy() -> None:
    assert parse(json.dumps(WHOLE), RESOURCE) == Policy(
        version="2012-10-17",
        id="an id",
        statements=(
            Statement(
                sid="One",
                allows=False,
                principals=Principals(
                    (("AWS", "111111111111"), ("Service", "s3.amazonaws.com")), negated=True
                ),
                actions=Clause(("s3:Get*", "*"), negated=True),
                resources=Clause(("arn:aws:s3:::b/*",), negated=True),
                conditions=(
                    Condition("StringLike", "aws:TagKeys", ("a", "b*"), "ForAllValues", True),
                    Condition("NumericLessThan", "s3:max-keys", ("10",)),
                    Condition("Bool", "aws:SecureTransport", ("false",)),
                    Condition("Null", "aws:TokenIssueTime", ("true",)),
                ),
            ),
            Statement(
                allows=True,
                principals=Principals((("AWS", "*"),)),
                actions=Clause(("s3:*",)),
                resources=Clause(("*", "arn:aws:s3:::b")),
            ),
        ),
    )


def test_one_statement_needs_no_list_and_the_old_version_no_name() -> None:
    text = json.dumps({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})
    policy = parse(text, IDENTITY)
    assert (policy.version, len(policy.statements)) == ("2008-10-17", 1)


@pytest.mark.parametrize("operator", sorted(OPERATORS))
def test_every_operator_in_all_its_forms(operator: str) -> None:
    for prefix in ("", "ForAllValues:", "ForAnyValue:"):
        for suffix in ("", "IfExists"):
            statement = {
                **WHOLE["Statement"][1],
                "Condition": {prefix + operator + suffix: {"a:b": "c"}},
            }
            text = json.dumps({"Statement": statement})
            if operator + suffix == "NullIfExists":
                with pytest.raises(PolicyError, match="operator"):
                    parse(text, RESOURCE)
                continue
            (told,) = parse(text, RESOURCE).statements[0].conditions
            assert (told.quantifier, told.operator) == (prefix.rstrip(":"), operator)
            assert told.if_exists == bool(suffix)


@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": "*"},
        {"AWS": "arn:aws:iam::111111111111:role/path/r"},
        {"AWS": "arn:aws:sts::111111111111:assumed-role/r/s"},
        {"AWS": "AROAEXAMPLEEXAMPLEID"},
        {"Service": ["ec2.amazonaws.com.cn", "lambda.amazonaws.com"]},
        {"Federated": "cognito-identity.amazonaws.com"},
        {"Federated": "arn:aws:iam::111111111111:saml-provider/p"},
        {"CanonicalUser": "0123456789abcdef" * 4},
    ],
)
def test_principals(principal: dict[str, Any]) -> None:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    (told,) = parse(json.dumps({"Statement": [statement]}), TRUST).statements
    assert told.principals is not None
    ((kind, given),) = principal.items()
    assert told.principals.named == tuple(
        (kind, one) for one in ([given] if isinstance(given, str) else given)
    )


def _places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [place]
    if isinstance(value, dict):
        for name, inside in value.items():
            found += _places(inside, (*place, name))
    elif isinstance(value, list):
        for at, inside in enumerate(value):
            found += _places(inside, (*place, at))
    return found


def _replaced(value: Any, place: tuple[Any, ...], by: Any) -> Any:
    if not place:
        return by
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[place[0]] = _replaced(value[place[0]], place[1:], by)
    return copied


@given(
    st.sampled_from(_places(WHOLE)),
    st.sampled_from(
        [None, {}, {"a": "b"}, {"a:b": {"c": "d"}}, [None], [{}], [[]], [["s3:*"]], [{"a": 1}]]
    ),
)
def test_garbage_in_any_place_is_refused(place: tuple[Any, ...], garbage: Any) -> None:
    """Wherever a value of another kind stands, the whole document is refused, with a place and a reason."""
    if garbage == {} and place in {
        ("Statement", 0, "Condition"),
        *(("Statement", 0, "Condition", one) for one in WHOLE["Statement"][0]["Condition"]),
    }:
        return  # no condition at all
    with pytest.raises(PolicyError) as caught:
        parse(json.dumps(_replaced(WHOLE, place, garbage)), RESOURCE)
    assert caught.value.reason in Reason


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
                        st.sampled_from(["Version", "Statement", "Effect", "Action", "Resource", "Condition", "x"]),
                        inner, max_size=4), max_leaves=12))  # fmt: skip
def test_any_json_is_read_or_refused(value: Any) -> None:
    for form in (IDENTITY, TRUST, RESOURCE):
        with contextlib.suppress(PolicyError):
            parse(json.dumps(value), form)


@pytest.mark.parametrize(
    "text", ["", "{", "NaN", '{"Id": "a", "Id": "b"}', "[" * 100_000, '{"Version": 1' + "0" * 5000 + "}"]
)  # fmt: skip
def test_what_is_not_json(text: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse(text, IDENTITY)
    assert caught.value.reason is Reason.JSON
