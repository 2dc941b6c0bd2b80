"""The many ways in which callers name a function, and AWS's refusals of the others."""

from __future__ import annotations

import pytest

from pilvi.base.arn import Scope
from pilvi.base.errors import AwsError
from pilvi.services.lambda_.names import parse_function, parse_layer, parse_new, parse_unqualified

SCOPE = Scope("111111111111", "us-east-1")
ARN = "arn:aws:lambda:us-east-1:111111111111:function"


@pytest.mark.parametrize(
    ("text", "qualifier", "expected"),
    [
        ("f", None, f"{ARN}:f"),
        ("function:f", None, f"{ARN}:f"),
        ("111111111111:function:f", None, f"{ARN}:f"),
        ("us-east-1:111111111111:function:f", None, f"{ARN}:f"),
        (f"{ARN}:f", None, f"{ARN}:f"),
        (f"{ARN}:f:$LATEST", None, f"{ARN}:f:$LATEST"),
        (f"{ARN}:f:live", "live", f"{ARN}:f:live"),
        ("f:7", None, f"{ARN}:f:7"),
        ("f", "$latest", f"{ARN}:f:$latest"),
        (ARN, None, f"{ARN}:function"),
        # One spelling for policies, whatever the partition that the caller writes.
        ("arn:aws-cn:lambda:us-east-1:111111111111:function:f", None, f"{ARN}:f"),
        ("222222222222:f:1", None, "arn:aws:lambda:us-east-1:222222222222:function:f:1"),
    ],
)
def test_every_form_names_the_same_function(
    text: str, qualifier: str | None, expected: str
) -> None:
    assert parse_function(SCOPE, text, qualifier).asked_arn == expected


@pytest.mark.parametrize(
    ("text", "qualifier", "code", "words"),
    [
        (f"{ARN}:f:1", "2", "InvalidParameterValueException", "The derived qualifier from the"),
        (
            "arn:aws:lambda:eu-west-1:111111111111:function:f",
            None,
            "ResourceNotFoundException",
            "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')",
        ),
        (
            "arn:aws:lambda:eu-west-1:222222222222:function:f",
            None,
            "ResourceNotFoundException",
            "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')",
        ),
    ],
)
def test_what_names_no_function_here_is_refused(
    text: str, qualifier: str | None, code: str, words: str
) -> None:
    with pytest.raises(AwsError) as refused:
        parse_function(SCOPE, text, qualifier)
    assert refused.value.code == code
    assert refused.value.text.startswith(words)


def test_a_new_name_has_at_most_64_characters() -> None:
    assert parse_new(SCOPE, "a" * 64).name == "a" * 64
    with pytest.raises(AwsError, match="less than or equal to 64"):
        parse_new(SCOPE, "a" * 65)


def test_some_operations_know_no_versions() -> None:
    with pytest.raises(AwsError, match="permitted on Lambda functions only"):
        parse_unqualified(SCOPE, f"{ARN}:f:1")


def test_layers() -> None:
    arn = "arn:aws:lambda:us-east-1:111111111111:layer:tools"
    assert parse_layer(SCOPE, "tools").arn == arn
    assert parse_layer(SCOPE, f"{arn}:3").version_arn == f"{arn}:3"
    assert parse_layer(SCOPE, f"{arn}:03").version == 0, "another spelling of a version is none"
    with pytest.raises(AwsError, match="expected to be in region us-east-1"):
        parse_layer(SCOPE, "arn:aws:lambda:eu-west-1:111111111111:layer:tools:1")
