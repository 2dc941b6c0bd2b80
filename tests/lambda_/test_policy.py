"""Resource policies: made as AWS records them, and never read more generously than they are."""

from __future__ import annotations

from typing import Any

import pytest

from pilvi.base.errors import AwsError
from pilvi.contracts.delivery import Source
from pilvi.identity import behalf
from pilvi.identity.permissions import OnResource
from pilvi.services.lambda_ import access
from pilvi.services.lambda_.policy import make_statement, principal_of, readable

FUNCTION = "arn:aws:lambda:us-east-1:111111111111:function:f"
USER = "arn:aws:iam::111111111111:user/u"
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


@pytest.mark.parametrize(
    "principal",
    [
        *("invalid.nonaws.com", "arn:aws:iam::111111111111:group/g", "arn:aws:s3:::pictures"),
        *("arn:aws:iam::111111111111:user/*", "11111111111", "arn:aws:iam::*:root"),
    ],
)
def test_a_principal_that_is_none_is_refused(principal: str) -> None:
    with pytest.raises(AwsError, match="The provided principal was invalid"):
        statement(Principal=principal)


def service_may(made: dict[str, Any], source: Source, **named: Any) -> bool:
    """Whether a service may invoke the function, or what `resource` names of it, by this statement alone."""
    resource = named.get("resource", FUNCTION)
    document = readable([made], named.get("policy_of", FUNCTION), {})
    _, _, decision = behalf.judge(
        source,
        access.INVOKE,
        resource,
        OnResource("111111111111", (document,)),
        now_ms=1_700_000_000_000,
        specific={"lambda:invokedviafunctionurl": ("false",)},
        known=access.KEYS,
    )
    return decision.allowed


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"Principal": "s3.amazonaws.com"}, True),
        ({"Principal": "*"}, True),
        ({"Principal": "sns.amazonaws.com"}, False),
        ({"Principal": "111111111111"}, False),
        ({"Principal": USER}, False),
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
        ({"Principal": "s3.amazonaws.com", "FunctionUrlAuthType": "NONE"}, False),
    ],
)
def test_which_service_may_invoke(request_: dict[str, Any], expected: bool) -> None:
    assert service_may(statement(**request_), BUCKET) is expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (BUCKET, True),
        # The confused deputy: another bucket, another account's bucket of that name, another service, or one that
        # does not say for whom it asks.
        (Source("s3.amazonaws.com", "arn:aws:s3:::pictures2", "111111111111"), False),
        (Source("s3.amazonaws.com", "arn:aws:s3:::pictures", "222222222222"), False),
        (Source("sns.amazonaws.com", "arn:aws:s3:::pictures", "111111111111"), False),
        (Source("s3.amazonaws.com", "arn:aws:s3:::pictures", ""), False),
        (Source("s3.amazonaws.com", "", "111111111111"), False),
        (Source("evil.s3.amazonaws.com", "arn:aws:s3:::pictures", "111111111111"), False),
    ],
)
def test_a_service_acts_only_for_whom_the_policy_names(source: Source, expected: bool) -> None:
    made = statement(
        Principal="s3.amazonaws.com",
        SourceArn="arn:aws:s3:::pictures",
        SourceAccount="111111111111",
    )
    assert service_may(made, source) is expected


@pytest.mark.parametrize(
    ("pattern", "arn", "expected"),
    [
        ("arn:aws:s3:::a", "arn:aws:s3:::a", True),
        ("arn:aws:s3:::a?c*", "arn:aws:s3:::abc/d:e", True),
        ("arn:aws:execute-api:*:1:api/*/GET/*", "arn:aws:execute-api:eu:1:api/s/GET/a/b", True),
        ("arn:aws:execute-api:*:1:api/*/GET/*", "arn:aws:execute-api:eu:1:api/s/POST/a", False),
        # A star does not reach over the first five colons.
        ("arn:aws:s3:*", "arn:aws:s3:::a", False),
        ("*", "arn:aws:s3:::a", True),
        ("arn:aws:s3:::" + "*a" * 60 + "b", "arn:aws:s3:::" + "a" * 2000, False),
    ],
)
def test_arn_patterns(pattern: str, arn: str, expected: bool) -> None:
    made = statement(Principal="s3.amazonaws.com", SourceArn=pattern)
    assert service_may(made, Source("s3.amazonaws.com", arn, "111111111111")) is expected


def test_a_functions_policy_is_that_of_its_latest_code_and_of_no_version() -> None:
    made = statement(Principal="s3.amazonaws.com")
    assert service_may(made, BUCKET, resource=f"{FUNCTION}:$LATEST")
    for other in (f"{FUNCTION}:1", f"{FUNCTION}:live", f"{FUNCTION}2"):
        assert not service_may(made, BUCKET, resource=other)
    of_version = make_statement(
        {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "*"},
        f"{FUNCTION}:1",
        partition="aws",
    )
    version = {"policy_of": f"{FUNCTION}:1"}
    assert service_may(of_version, BUCKET, resource=f"{FUNCTION}:1", **version)
    assert not service_may(of_version, BUCKET, resource=FUNCTION, **version)
    assert not service_may(of_version, BUCKET, resource=f"{FUNCTION}:1:$LATEST", **version)


@pytest.mark.parametrize("named", ["*", "111111111111", "s3.amazonaws.com", USER])
def test_the_principal_of_a_statement_is_told_as_it_was_given(named: str) -> None:
    assert principal_of(statement(Principal=named)) == named
