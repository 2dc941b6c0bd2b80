"""ARNs are read and written alike; what is none is refused."""

from __future__ import annotations

import pytest

from pilvi.base.arn import GLOBAL_REGION, Arn, Scope


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:dynamodb:eu-north-1:123456789012:table/t",
        "arn:aws:iam::123456789012:role/a/b",
        "arn:aws:s3:::bucket/key:with:colons",
        "arn:aws-cn:lambda:cn-north-1:123456789012:function:f:7",
    ],
)
def test_what_is_read_is_written_again(text: str) -> None:
    assert str(Arn.parse(text)) == text


def test_its_scope() -> None:
    arn = Arn.parse("arn:aws:dynamodb:eu-north-1:123456789012:table/t")
    assert arn.scope == Scope("123456789012", "eu-north-1")
    assert Arn.parse("arn:aws:iam::123456789012:user/u").scope.region == GLOBAL_REGION


@pytest.mark.parametrize(
    "text", ["", "table/t", "arn:aws:s3", "arn::s3:::b", "ARN:aws:s3:::b", "arn:aws::::b"]
)
def test_what_is_no_arn_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an ARN"):
        Arn.parse(text)
