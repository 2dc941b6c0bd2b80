"""Policy variables, as tables of decisions. AWS: IAM User Guide, "IAM policy elements: Variables and tags"."""

from __future__ import annotations

from typing import Any

import pytest
from tests.languages.policy.asking import Json, allow, ask, deny

ANN = {"aws:username": "ann"}
B = "arn:aws:s3:::b/"

# "Resource element", "Tags as policy variables", "Special characters", "Specifying default values"
RESOURCES: list[tuple[str, dict[str, Json], str, bool]] = [
    (B + "${aws:username}/*", ANN, B + "ann/x", True),
    (B + "${aws:username}/*", ANN, B + "bob/x", False),
    (B + "${AWS:UserName}/*", ANN, B + "ann/x", True),
    (B + "${aws:username}/*", {}, B + "ann/x", False),
    (B + "${aws:username}/*", {}, B + "${aws:username}/x", False),
    (B + "${aws:username}", {"aws:username": "*"}, B + "ann", False),
    (B + "${aws:username}", {"aws:username": "*"}, B + "*", True),
    (B + "${aws:username}", {"aws:username": "a?n"}, B + "ann", False),
    (B + "${aws:username}", {"aws:username": "${aws:x}", "aws:x": "ann"}, B + "ann", False),
    (B + "${aws:PrincipalTag/department}", {"aws:PrincipalTag/department": "hr"}, B + "hr", True),
    (B + "${aws:principaltag/Department}", {"aws:PrincipalTag/department": "hr"}, B + "hr", True),
    (B + "${aws:PrincipalTag/department}", {"aws:PrincipalTag/team": "hr"}, B + "hr", False),
    (B + "${aws:username}-${aws:userid}", {**ANN, "aws:userid": "AIDA"}, B + "ann-AIDA", True),
    (B + "${aws:TagKeys}", {"aws:TagKeys": ["a", "b"]}, B + "a", False),
    (B + "${aws:TagKeys, 'd'}", {"aws:TagKeys": ["a", "b"]}, B + "d", False),
    (B + "${*}", {}, B + "*", True),
    (B + "${*}", {}, B + "x", False),
    (B + "${?}", {}, B + "?", True),
    (B + "${?}", {}, B + "x", False),
    (B + "${$}{x}", {}, B + "${x}", True),
    (B + "a${*}b*", {}, B + "a*bcd", True),
    (B + "${aws:userid, 'anonymous'}", {}, B + "anonymous", True),
    (B + "${aws:userid, 'anonymous'}", {"aws:userid": "AIDA"}, B + "AIDA", True),
    (B + "${aws:userid, 'anonymous'}", {"aws:userid": "AIDA"}, B + "anonymous", False),
    (B + "${aws:userid,'anonymous'}", {}, B + "anonymous", True),
    (B + "${aws:userid, ''}x", {}, B + "x", True),
    (B + "${aws:userid, '*'}", {}, B + "x", False),
    ("arn:aws:sqs:us-east-2:*:${aws:username}-queue", ANN, "arn:aws:sqs:us-east-2:1:ann-queue", True),
    ("arn:aws:sqs:us-east-2:*:${aws:username}-queue", ANN, "arn:aws:sqs:us-east-2:1:bob-queue", False),
    ("arn:aws:iam::*:user/${aws:username}", ANN, "arn:aws:iam::111111111111:user/ann", True),
    ("arn:aws:iam::*:user/${aws:username}", ANN, "arn:aws:iam::111111111111:user/bob", False),
    # Before the fifth colon there are no variables.
    ("arn:aws:iam::${aws:PrincipalAccount}:user/ann", {"aws:PrincipalAccount": "111111111111"},
     "arn:aws:iam::111111111111:user/ann", False),
    ("arn:aws:${aws:svc}:::b", {"aws:svc": "s3"}, "arn:aws:s3:::b", False),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "context", "resource", "covered"), RESOURCES)
def test_resource(pattern: str, context: dict[str, Json], resource: str, covered: bool) -> None:
    identity = [allow("*", pattern)]
    assert ask(arn=resource, context=context, identity=identity).allowed is covered


# "Condition element": with the operators of strings and ARNs
CONDITIONS: list[tuple[str, Json, dict[str, Json], bool]] = [
    ("StringEquals", "${aws:username}", {**ANN, "aws:k": "ann"}, True),
    ("StringEquals", "${aws:username}", {**ANN, "aws:k": "bob"}, False),
    ("StringEquals", "${aws:username}", {"aws:k": "ann"}, False),
    ("StringEquals", "${aws:username}*", {**ANN, "aws:k": "ann*"}, True),
    ("StringEquals", "${*}", {"aws:k": "*"}, True),
    ("StringEquals", "${aws:x, 'd'}", {"aws:k": "d"}, True),
    ("StringEquals", "${aws:PrincipalTag/t}", {"aws:PrincipalTag/t": "", "aws:k": ""}, True),
    ("StringNotEquals", "${aws:username}", {**ANN, "aws:k": "bob"}, True),
    ("StringNotEquals", "${aws:username}", {**ANN, "aws:k": "ann"}, False),
    # "Policy variables with no value": nothing is equal to them, so all is unequal
    ("StringNotEquals", "${aws:username}", {"aws:k": "bob"}, True),
    ("StringNotEquals", ["x", "${aws:username}"], {"aws:k": "bob"}, True),
    ("StringNotEquals", ["bob", "${aws:username}"], {"aws:k": "bob"}, False),
    ("StringNotEquals", "${aws:TagKeys}", {"aws:k": "bob", "aws:TagKeys": ["bob", "x"]}, True),
    ("StringNotEqualsIgnoreCase", "${aws:username}", {"aws:k": "bob"}, True),
    ("StringNotLike", "${aws:username}*", {"aws:k": "bob"}, True),
    ("StringLike", ["${aws:username}*", "b*"], {"aws:k": "bob"}, True),
    ("StringEquals", ["ann", "${aws:username}"], {"aws:k": "ann"}, True),
    ("StringEqualsIgnoreCase", "${aws:username}", {**ANN, "aws:k": "ANN"}, True),
    ("StringLike", "https://example.com/${aws:username}/*", {**ANN, "aws:k": "https://example.com/ann/"}, True),
    ("StringLike", "https://example.com/${aws:username}/*", {**ANN, "aws:k": "https://example.com/bob/"}, False),
    ("StringLike", "${aws:username}", {"aws:username": "*", "aws:k": "bob"}, False),
    ("StringLike", ["", "home/", "home/${aws:username}/*"], {**ANN, "aws:k": "home/ann/x"}, True),
    ("StringNotLike", "${aws:username}/*", {**ANN, "aws:k": "bob/x"}, True),
    ("StringLikeIfExists", "${aws:username}", {}, True),
    ("StringLikeIfExists", "${aws:username}", {"aws:k": "x"}, False),
    ("ForAllValues:StringEquals", ["${aws:username}", "x"], {**ANN, "aws:k": ["ann", "x"]}, True),
    ("ForAllValues:StringEquals", ["${aws:username}", "x"], {"aws:k": ["x"]}, True),
    ("ForAllValues:StringEquals", ["${aws:username}"], {"aws:k": ["x"]}, False),
    ("ForAllValues:StringEquals", ["${aws:username}", "x"], {}, True),
    ("ForAnyValue:StringLike", "${aws:username}-*", {**ANN, "aws:k": ["b", "ann-1"]}, True),
    ("ArnLike", "arn:aws:iam::*:user/${aws:username}", {**ANN, "aws:k": "arn:aws:iam::1:user/ann"}, True),
    ("ArnLike", "arn:aws:iam::*:user/${aws:username}", {**ANN, "aws:k": "arn:aws:iam::1:user/bob"}, False),
    ("ArnEquals", "arn:aws:iam::${aws:PrincipalAccount}:role/r",
     {"aws:PrincipalAccount": "1", "aws:k": "arn:aws:iam::1:role/r"}, True),
    ("ArnEquals", "arn:aws:iam::${aws:PrincipalAccount}:role/r",
     {"aws:PrincipalAccount": "1:role/r", "aws:k": "arn:aws:iam::1:role/r:role/r"}, False),
    ("ArnNotLike", "arn:aws:iam::*:user/${aws:username}", {"aws:k": "arn:aws:iam::1:user/bob"}, True),
    ("Bool", "${aws:PrincipalTag/on}", {"aws:PrincipalTag/on": "true", "aws:k": "true"}, True),
    # With others a variable is but a text that is no number, date or address.
    ("NumericEquals", "${aws:n}", {"aws:n": "1", "aws:k": "1"}, False),
    ("DateEquals", "${aws:n}", {"aws:n": "2020-01-01", "aws:k": "2020-01-01"}, False),
    ("IpAddress", "${aws:n}", {"aws:n": "10.0.0.1", "aws:k": "10.0.0.1"}, False),
    ("Null", "${aws:n}", {"aws:n": "false", "aws:k": "1"}, False),
]  # fmt: skip


@pytest.mark.parametrize(("operator", "wanted", "context", "holds"), CONDITIONS)
def test_condition(operator: str, wanted: Json, context: dict[str, Json], holds: bool) -> None:
    condition = {operator: {"aws:k": wanted}}
    assert ask(context=context, identity=[allow(Condition=condition)]).allowed is holds
    denied = [allow(), deny(Condition=condition)]
    assert ask(context=context, identity=denied).allowed is not holds


# "Introduction", the note on Version: an older language has no variables.
@pytest.mark.parametrize("version", [None, "2008-10-17"])
@pytest.mark.parametrize(
    ("resource", "covered"), [(B + "ann", False), (B + "${aws:username}", True)]
)
def test_no_variables_in_old_policies(version: str | None, resource: str, covered: bool) -> None:
    identity = [allow("*", B + "${aws:username}")]
    decision = ask(arn=resource, context=ANN, identity=identity, version=version)
    assert decision.allowed is covered


@pytest.mark.parametrize("version", [None, "2008-10-17"])
def test_signs_are_wildcards_in_old_policies(version: str | None) -> None:
    """`${*}` is no variable there: its star is a star."""
    decision = ask(arn=B + "${xyz}", identity=[allow("*", B + "${*}")], version=version)
    assert decision.allowed


# "Policy variables with no value": such a pattern matches no resource; those beside it do
@pytest.mark.parametrize(("clause", "resource", "without", "known"), [
    ({"Resource": [B + "shared", B + "${aws:username}"]}, B + "shared", True, True),
    ({"Resource": [B + "shared", B + "${aws:username}"]}, B + "ann", False, True),
    ({"NotResource": [B + "shared", B + "${aws:username}"]}, B + "shared", False, False),
    ({"NotResource": [B + "shared", B + "${aws:username}"]}, B + "ann", True, False),
    ({"NotResource": [B + "shared", B + "${aws:username}"]}, B + "x", True, True),
])  # fmt: skip
def test_a_missing_value_matches_no_resource(
    clause: dict[str, Any], resource: str, without: bool, known: bool
) -> None:
    for context, covered in (({}, without), (ANN, known)):
        allowing = [{"Effect": "Allow", "Action": "*", **clause}]
        assert ask(arn=resource, context=context, identity=allowing).allowed is covered
        denying = [allow(), {"Effect": "Deny", "Action": "*", **clause}]
        assert ask(arn=resource, context=context, identity=denying).allowed is not covered


# The example of that section: who has no team sees nobody's
def test_a_missing_tag_denies() -> None:
    unequal = {"StringNotEquals": {"s3:ExistingObjectTag/Team": "${aws:PrincipalTag/Team}"}}
    identity = [allow(), deny("s3:GetObject", Condition=unequal)]
    theirs = {"s3:ExistingObjectTag/Team": "a"}
    assert not ask(context=theirs, identity=identity).allowed
    assert not ask(context={**theirs, "aws:PrincipalTag/Team": "b"}, identity=identity).allowed
    assert ask(context={**theirs, "aws:PrincipalTag/Team": "a"}, identity=identity).allowed


# In actions and principals there are no variables at all.
def test_no_variables_in_actions() -> None:
    context = {"aws:what": "GetObject"}
    assert not ask(context=context, identity=[allow("s3:${aws_what}")]).allowed
