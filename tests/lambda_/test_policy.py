"""Resource policies: made as AWS records them, and never read more generously than they are."""

from __future__ import annotations

from typing import Any

import pytest

from pilvi.base.errors import AwsError
from pilvi.contracts.delivery import Source
from pilvi.services.lambda_.policy import arn_like, make_statement, permits, permits_url

FUNCTION = "arn:aws:lambda:us-east-1:111111111111:function:f"
BUCKET = Source("s3.amazonaws.com", "arn:aws:s3:::pictures", "111111111111")


def statement(**request: Any) -> dict[str, Any]:
    asked = {"StatementId": "s", "Action": "lambda:InvokeFunction", **request}
    return make_statement(asked, FUNCTION, partition="aws")


def test_a_statement_is_as_aws_makes_it() -> None:
    made = statement(
        Principal="*",
        SourceAccount="111111111111",
        SourceArn="arn:aws:s3:::pictures",
        FunctionUrlAuthType="NONE",
    )
    assert made == {
        "Sid": "s",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "lambda:InvokeFunction",
        "Resource": FUNCTION,
        "Condition": {
            "StringEquals": {
                "AWS:SourceAccount": "111111111111",
                "lambda:FunctionUrlAuthType": "NONE",
            },
            "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::pictures"},
        },
    }


@pytest.mark.parametrize(
    ("principal", "made"),
    [
        ("111111111111", {"AWS": "arn:aws:iam::111111111111:root"}),
        ("arn:aws:iam::111111111111:user/u", {"AWS": "arn:aws:iam::111111111111:user/u"}),
        ("s3.amazonaws.com", {"Service": "s3.amazonaws.com"}),
    ],
)
def test_principals(principal: str, made: object) -> None:
    assert statement(Principal=principal)["Principal"] == made


def test_a_principal_that_is_none_is_refused() -> None:
    with pytest.raises(AwsError, match="The provided principal was invalid"):
        statement(Principal="invalid.nonaws.com")


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"Principal": "s3.amazonaws.com"}, True),
        ({"Principal": "*"}, True),
        ({"Principal": "sns.amazonaws.com"}, False),
        ({"Principal": "111111111111"}, False),
        ({"Principal": "s3.amazonaws.com", "SourceArn": "arn:aws:s3:::pictures"}, True),
        ({"Principal": "s3.amazonaws.com", "SourceArn": "arn:aws:s3:::pict*"}, True),
        ({"Principal": "s3.amazonaws.com", "SourceArn": "arn:aws:s3:::other"}, False),
        ({"Principal": "s3.amazonaws.com", "SourceAccount": "111111111111"}, True),
        ({"Principal": "s3.amazonaws.com", "SourceAccount": "222222222222"}, False),
        ({"Principal": "s3.amazonaws.com", "Action": "lambda:InvokeFunctionUrl"}, False),
        ({"Principal": "s3.amazonaws.com", "Action": "lambda:*"}, True),
        # Conditions that cannot be judged here never hold.
        ({"Principal": "s3.amazonaws.com", "PrincipalOrgID": "o-1234567890"}, False),
        ({"Principal": "s3.amazonaws.com", "EventSourceToken": "token"}, False),
        ({"Principal": "s3.amazonaws.com", "InvokedViaFunctionUrl": True}, False),
    ],
)
def test_who_may_invoke(request_: dict[str, Any], expected: bool) -> None:
    assert permits([statement(**request_)], BUCKET) is expected


ACCOUNT = "arn:aws:iam::111111111111:root"
USER = "arn:aws:iam::111111111111:user/u"


@pytest.mark.parametrize(
    ("request_", "auth_type", "callers", "expected"),
    [
        ({"Principal": "*"}, "NONE", (), True),
        ({"Principal": "*", "FunctionUrlAuthType": "NONE"}, "NONE", (), True),
        # The condition keeps a statement for the public from holding once the address is no longer public.
        ({"Principal": "*", "FunctionUrlAuthType": "NONE"}, "AWS_IAM", (), False),
        ({"Principal": "*", "FunctionUrlAuthType": "AWS_IAM"}, "NONE", (), False),
        ({"Principal": "*", "InvokedViaFunctionUrl": True}, "NONE", (), True),
        ({"Principal": "*", "InvokedViaFunctionUrl": False}, "NONE", (), False),
        ({"Principal": "*", "Action": "lambda:InvokeFunction"}, "NONE", (), False),
        ({"Principal": "*", "SourceAccount": "111111111111"}, "NONE", (), False),
        ({"Principal": "111111111111"}, "AWS_IAM", (USER, ACCOUNT), True),
        ({"Principal": USER}, "AWS_IAM", (USER, ACCOUNT), True),
        ({"Principal": USER}, "AWS_IAM", (ACCOUNT,), False),
        ({"Principal": "111111111111"}, "AWS_IAM", (), False),
        ({"Principal": "s3.amazonaws.com"}, "NONE", (), False),
    ],
)
def test_who_may_invoke_at_the_functions_address(
    request_: dict[str, Any], auth_type: str, callers: tuple[str, ...], expected: bool
) -> None:
    made = statement(**{"Action": "lambda:InvokeFunctionUrl", **request_})
    assert permits_url([made], auth_type, callers) is expected


def test_nothing_is_permitted_without_a_statement() -> None:
    assert not permits([], BUCKET)


@pytest.mark.parametrize(
    ("pattern", "arn", "expected"),
    [
        ("arn:aws:s3:::a", "arn:aws:s3:::a", True),
        ("arn:aws:s3:::a?c*", "arn:aws:s3:::abc/d:e", True),
        ("arn:aws:execute-api:*:1:api/*/GET/*", "arn:aws:execute-api:eu:1:api/s/GET/a/b", True),
        ("arn:aws:execute-api:*:1:api/*/GET/*", "arn:aws:execute-api:eu:1:api/s/POST/a", False),
        # A star does not reach over the first five colons.
        ("arn:aws:s3:*", "arn:aws:s3:::a", False),
        ("*", "arn:aws:s3:::a", False),
        ("arn:aws:s3:::" + "*a" * 60 + "b", "arn:aws:s3:::" + "a" * 2000, False),
    ],
)
def test_arn_patterns(pattern: str, arn: str, expected: bool) -> None:
    assert arn_like(pattern, arn) is expected
