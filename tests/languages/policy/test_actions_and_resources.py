"""What a statement's Action and Resource cover, as tables of decisions."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.languages.policy.asking import HERE, PEOPLE, ROLE, Json, allow, ask, deny, written

from pilvi.languages.policy import (
    TRUST,
    Attachment,
    Origin,
    Policies,
    Request,
    Verdict,
    decide,
    document,
)
from pilvi.languages.policy.patterns import joined, matcher, read_wildcards

# IAM User Guide, "IAM JSON policy elements: Action": case does not matter, * and ? stand for characters.
ACTIONS: list[tuple[Json, str, bool]] = [
    ("s3:GetObject", "s3:GetObject", True),
    ("S3:GETOBJECT", "s3:GetObject", True),
    ("SQS:SendMessage", "sqs:SendMessage", True),
    ("s3:GetObject", "s3:GetObjectAcl", False),
    ("s3:GetObject", "s3:PutObject", False),
    ("s3:GetObject", "s3express:GetObject", False),
    ("s3:*", "s3:GetObject", True),
    ("s3:*", "s3-object-lambda:GetObject", False),
    ("*", "s3:GetObject", True),
    ("s3:Get*", "s3:GetObject", True),
    ("s3:get*", "s3:GetObject", True),
    ("s3:Get*", "s3:PutObject", False),
    ("s3:*Object", "s3:GetObject", True),
    ("s3:*Object", "s3:GetObjectAcl", False),
    ("iam:*AccessKey*", "iam:CreateAccessKey", True),
    ("iam:*AccessKey*", "iam:ListAccessKeys", True),
    ("iam:*AccessKey*", "iam:GetAccessKeyLastUsed", True),
    ("iam:*AccessKey*", "iam:CreateUser", False),
    ("s3:?etObject", "s3:GetObject", True),
    ("s3:?etObject", "s3:etObject", False),
    ("s3:Get?bject", "s3:GetObject", True),
    ("s3:Get??ject", "s3:GetObject", True),
    ("s3:Get???ject", "s3:GetObject", False),
    ("s3:*e*b*t", "s3:GetObject", True),
    ("s3:**", "s3:GetObject", True),
    ("s3:Get*Acl*", "s3:GetObjectAcl", True),
    ("s3:Get*Acl*", "s3:GetObject", False),
    (["sqs:*", "s3:Get*"], "s3:GetObject", True),
    (["sqs:*", "sns:*"], "s3:GetObject", False),
]


@pytest.mark.parametrize(("pattern", "action", "covered"), ACTIONS)
def test_action(pattern: Json, action: str, covered: bool) -> None:
    assert ask(action=action, identity=[allow(pattern)]).allowed is covered


# IAM User Guide, "IAM JSON policy elements: NotAction": everything but these, of every service.
@pytest.mark.parametrize(("pattern", "action", "covered"), [
    ("iam:*", "s3:GetObject", True),
    ("iam:*", "iam:CreateUser", False),
    ("IAM:createuser", "iam:CreateUser", False),
    (["s3:Get*", "s3:List*"], "s3:GetObject", False),
    (["s3:Get*", "s3:List*"], "s3:PutObject", True),
    ("*", "s3:GetObject", False),
    ("s3:DeleteBucket", "s3:DeleteObject", True),
])  # fmt: skip
def test_not_action(pattern: Json, action: str, covered: bool) -> None:
    statement = {"NotAction": pattern, "Resource": "*"}
    assert ask(action=action, identity=[{"Effect": "Allow", **statement}]).allowed is covered
    denied = [allow(), {"Effect": "Deny", **statement}]
    assert ask(action=action, identity=denied).allowed is not covered


# IAM User Guide, "IAM JSON policy elements: Resource", with "Using wildcards in resource ARNs".
S3 = "arn:aws:s3:::amzn-s3-demo-bucket"
TABLE = "arn:aws:dynamodb:us-east-1:111111111111:table/books"
RESOURCES: list[tuple[Json, str, bool]] = [
    ("*", TABLE, True),
    (TABLE, TABLE, True),
    (TABLE, TABLE + "2", False),
    (TABLE, TABLE + "/index/i", False),
    (TABLE + "/*", TABLE + "/index/i", True),
    (TABLE + "/*", TABLE, False),
    ([TABLE, TABLE + "/index/*"], TABLE + "/index/i", True),
    ("arn:aws:dynamodb:us-east-1:111111111111:table/Books", TABLE, False),
    ("arn:aws:dynamodb:*:*:table/books", TABLE, True),
    ("arn:aws:dynamodb:*:111111111111:table/books", TABLE, True),
    ("arn:aws:dynamodb:*:222222222222:table/books", TABLE, False),
    ("arn:aws:dynamodb:us-*:111111111111:table/*", TABLE, True),
    ("arn:aws:dynamodb:eu-*:111111111111:table/*", TABLE, False),
    ("arn:aws:dynamodb:us-east-?:111111111111:table/books", TABLE, True),
    ("arn:aws:dynamodb:us-*-1:111111111111:table/books", TABLE, True),
    ("arn:aws:dynamodb:us-*-2:111111111111:table/books", TABLE, False),
    ("arn:aws:dynamodb:*-1:111111111111:table/books", TABLE, True),
    ("arn:aws:dynamodb:*:1111*1111:table/books", TABLE, True),
    ("arn:aws:dynamodb:*:1*1*2:table/books", TABLE, False),
    ("arn:aws:dynamodb:us-east-1:11111111111?:table/b??ks", TABLE, True),
    ("arn:aws:dynamodb:us-east-1:1111111111111?:table/books", TABLE, False),
    ("arn:aws:dynamodb:*", TABLE, True),
    ("arn:aws:dynamodb:*", "arn:aws:s3:::b", False),
    ("arn:aws:*", TABLE, True),
    ("arn:*", TABLE, True),
    ("arn:aws-cn:dynamodb:*:*:table/books", TABLE, False),
    ("arn:*:dynamodb:*:*:table/books", TABLE, True),
    (S3, S3, True),
    (S3, S3 + "/key", False),
    (S3 + "/*", S3 + "/key", True),
    (S3 + "/*", S3, False),
    (S3 + "*", S3 + "-other/key", True),
    (S3 + "/*/test/*", S3 + "/1/test/object.jpg", True),
    (S3 + "/*/test/*", S3 + "/1/2/test/object.jpg", True),
    (S3 + "/*/test/*", S3 + "/1/2/test/3/object.jpg", True),
    (S3 + "/*/test/*", S3 + "/1///test///object.jpg", True),
    (S3 + "/*/test/*", S3 + "/1/test/.jpg", True),
    (S3 + "/*/test/*", S3 + "//test/object.jpg", True),
    (S3 + "/*/test/*", S3 + "/1/test/", True),
    (S3 + "/*/test/*", S3 + "/1-test/object.jpg", False),
    (S3 + "/*/test/*", S3 + "/test/object.jpg", False),
    (S3 + "/*/test/*", S3 + "/1/2/test.jpg", False),
    (S3 + "/a?c", S3 + "/a/c", True),
    (S3 + "/a?c", S3 + "/a:c", True),
    (S3 + "/a*z", S3 + "/a:b:z", True),
    (S3 + "/a.c", S3 + "/abc", False),
    (S3 + "/[a]", S3 + "/a", False),
    (S3 + "/*.jpg", S3 + "/line\nbreak.jpg", True),
    ("arn:aws:s3:::*log*", "arn:aws:s3:::carlossalazar-logs", True),
    ("arn:aws:s3:::*log*", "arn:aws:s3:::carlossalazar", False),
    # The last star of a segment reaches over colons; one before does not.
    ("arn:aws:someservice:*:111122223333:finance/*",
     "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt", True),
    ("arn:aws:someservice:us-*2:111122223333:finance/*",
     "arn:aws:someservice:us-east-2:999999999999:store/2:111122223333:finance/document.txt", False),
    ("arn:aws:logs:*:*:log-group:/aws/lambda/*", "arn:aws:logs:us-east-1:1:log-group:/aws/lambda/f:*", True),
    ("arn:aws:logs:*:*:log-group:*:log-stream:*", "arn:aws:logs:us-east-1:1:log-group:g:log-stream:s", True),
    ("arn:aws:iam::111111111111:user/accounting/*", "arn:aws:iam::111111111111:user/accounting/ann", True),
    ("arn:aws:iam::111111111111:user/accounting/*", "arn:aws:iam::111111111111:user/ann", False),
    # An action without resources is asked for "*".
    ("*", "*", True),
    ("arn:aws:s3:::*", "*", False),
    ("arn:aws:*", "*", False),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "resource", "covered"), RESOURCES)
def test_resource(pattern: Json, resource: str, covered: bool) -> None:
    assert ask(arn=resource, identity=[allow("*", pattern)]).allowed is covered


# IAM User Guide, "IAM JSON policy elements: NotResource".
@pytest.mark.parametrize(("pattern", "resource", "covered"), [
    (S3, S3, False),
    (S3, S3 + "/key", True),
    ([S3, S3 + "/*"], S3 + "/key", False),
    ([S3, S3 + "/*"], TABLE, True),
    ("*", TABLE, False),
    (["arn:aws:s3:::HRBucket/Payroll", "arn:aws:s3:::HRBucket/Payroll/*"], "arn:aws:s3:::HRBucket/x", True),
    (["arn:aws:s3:::HRBucket/Payroll", "arn:aws:s3:::HRBucket/Payroll/*"],
     "arn:aws:s3:::HRBucket/Payroll/x", False),
    (S3, "*", True),
])  # fmt: skip
def test_not_resource(pattern: Json, resource: str, covered: bool) -> None:
    statement = {"Action": "*", "NotResource": pattern}
    assert ask(arn=resource, identity=[{"Effect": "Allow", **statement}]).allowed is covered
    denied = [allow(), {"Effect": "Deny", **statement}]
    assert ask(arn=resource, identity=denied).allowed is not covered


def test_a_statement_without_resources_covers_its_own() -> None:
    """As in a role's trust policy; wherever such a document is attached."""
    text = written([{"Effect": "Deny", "Principal": "*", "Action": "*"}])
    trusting = document(text, TRUST, Origin(Attachment.TRUST))
    request = Request(PEOPLE["user"], "sts:AssumeRole", (ROLE,), HERE, {})
    for policies in (Policies(identity=(trusting,)), Policies(resource=(trusting,))):
        assert decide(request, policies).verdict is Verdict.EXPLICIT_DENY


def test_hostile_patterns_end() -> None:
    """Stars beyond counting, against a text that nearly fits: matched in one pass, not by trying all ways."""
    text = "arn:aws:s3:::b/" + "a" * 900
    for pattern in (
        "arn:aws:s3:::b/" + "*a" * 400 + "*b",
        "arn:aws:s3:::b/" + "a*" * 400 + "b",
        "arn:aws:s3:::b/" + "*?" * 400 + "b",
        "arn:" + "*a" * 400 + ":s3:::b",
    ):
        assert not ask(arn=text, identity=[allow("*", pattern)]).allowed
    action = "s3:" + "a" * 500
    assert not ask(action=action, identity=[allow("s3:" + "*a" * 300 + "*b")]).allowed


def test_deny_is_stronger_whatever_the_order() -> None:
    both = [allow("s3:*"), deny("s3:GetObject")]
    assert not ask(identity=both).allowed
    assert not ask(identity=both[::-1]).allowed
    assert ask(action="s3:PutObject", identity=both).allowed


@settings(max_examples=200)
@given(st.text(alphabet="ab:*?", min_size=9, max_size=16), st.text(alphabet="ab:\n", max_size=14))
def test_long_patterns_mean_what_short_ones_do(pattern: str, text: str) -> None:
    naive = re.sub(r"\*+", "*", pattern).replace("*", ".*").replace("?", ".")
    expected = re.fullmatch(naive, text, re.DOTALL)
    parts = joined(read_wildcards(pattern))
    assert matcher(parts)(text) == (expected is not None)
    costly = joined(read_wildcards("b" * 600 + pattern))
    assert matcher(costly)("b" * 600 + text) == (expected is not None)
