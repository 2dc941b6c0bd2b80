"""What IAM and STS decide without a store: key ids, documents, tags, sizes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilvi.services.iam import documents, errors, rules

ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
TRUST = {
    "Effect": "Allow",
    "Action": "sts:AssumeRole",
    "Principal": {"Service": "lambda.amazonaws.com"},
}


# Every key id names its account, whatever the random part, and looks as AWS's do.
@given(st.integers(0, 10**12 - 1), st.binary(min_size=5, max_size=5))
def test_key_ids_carry_their_account(account: int, noise: bytes) -> None:
    access_key_id = rules.access_key_id("AKIA", f"{account:012d}", noise)
    assert len(access_key_id) == 20
    assert access_key_id[4] in "QRSTUVWXYZ234567"
    assert rules.account_of_key(access_key_id) == f"{account:012d}"


# The documented example of decoding a key id: the account lies in bits 1 to 40.
def test_account_of_a_published_example_key() -> None:
    assert rules.account_of_key("ASIAQNZGKIQY56JQ7WML") == "029608264753"


@pytest.mark.parametrize(
    "text", ["AKIAIOSFODNN7EXAMPLE", "AKIA0000000000000000", "AKIAQQQQ", "000000000000"]
)
def test_other_key_ids_name_no_account(text: str) -> None:
    assert rules.account_of_key(text) is None


def _policy(*statements: object, version: str | None = "2012-10-17") -> str:
    document: dict[str, object] = {"Statement": list(statements)}
    if version is not None:
        document["Version"] = version
    return json.dumps(document)


@pytest.mark.parametrize(
    "document",
    [
        _policy(ALLOW),
        json.dumps({"Version": "2012-10-17", "Statement": ALLOW}),
        _policy(
            {"Effect": "Deny", "NotAction": ["s3:*", "sqs:*"], "NotResource": ["arn:aws:s3:::b"]}
        ),
        _policy({**ALLOW, "Sid": "One", "Condition": {"Bool": {"aws:SecureTransport": "true"}}}),
        _policy({**ALLOW, "Action": "*"}),
    ],
)
def test_identity_policies_that_are_taken(document: str) -> None:
    documents.check_identity_policy(document)


@pytest.mark.parametrize(
    ("document", "detail"),
    [
        ("not json", "This policy contains invalid Json"),
        ("[]", "Syntax errors in policy."),
        (_policy(ALLOW, version=None), "Policy document must be version 2012-10-17 or greater."),
        (_policy({**ALLOW, "Effect": "Maybe"}), "Syntax errors in policy."),
        (_policy({**ALLOW, "Extra": 1}), "Syntax errors in policy."),
        (_policy({"Effect": "Allow", "Resource": "*"}), "Policy statement must contain actions."),
        (
            _policy({"Effect": "Allow", "Action": "s3:*"}),
            "Policy statement must contain resources.",
        ),
        (_policy({**ALLOW, "Principal": "*"}), "Policy document should not specify a principal."),
        (_policy({**ALLOW, "Action": 7}), "Syntax errors in policy."),
        (_policy({**ALLOW, "NotAction": "s3:*"}), "Syntax errors in policy."),
        (_policy({**ALLOW, "Resource": "b"}), 'Resource b must be in ARN format or "*".'),
        (
            _policy({**ALLOW, "Sid": "A"}, {**ALLOW, "Sid": "A"}),
            "Statement IDs (SID) in a single policy must be unique.",
        ),
    ],
)
def test_identity_policies_that_are_refused(document: str, detail: str) -> None:
    with pytest.raises(errors.MalformedPolicyDocument) as caught:
        documents.check_identity_policy(document)
    assert caught.value.text == detail


@pytest.mark.parametrize(
    ("document", "detail"),
    [
        ('{"Version":', "This policy contains invalid Json"),
        (_policy({**TRUST, "Resource": "*"}), "Has prohibited field Resource"),
        (
            _policy({**TRUST, "Action": "s3:GetObject"}),
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
    ],
)
def test_trust_policies_that_are_refused(document: str, detail: str) -> None:
    documents.check_trust_policy(_policy(TRUST))
    with pytest.raises(errors.MalformedPolicyDocument) as caught:
        documents.check_trust_policy(document)
    assert caught.value.text == detail


# Tag keys are told as written and compared without regard to case.
def test_tags_replace_keys_that_differ_in_case() -> None:
    assert rules.merge_tags({"team": "a", "x": "1"}, {"Team": "b"}) == {"x": "1", "Team": "b"}
    assert rules.without_tags({"Team": "a"}, ["TEAM"]) == {}
    with pytest.raises(errors.InvalidInput):
        rules.tags_of([{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}])


# White space does not count towards a policy's quota.
def test_size_of_a_document_leaves_out_white_space() -> None:
    assert rules.size_of('{ "a" :\n\t1 }') == len('{"a":1}')


@pytest.mark.parametrize(
    "text",
    [
        "nothing-valid-in-here",
        "arn::b:::something/test-role",
        "arn:a:::something/test-role",
        "arn:a:a::aaaaaaaaaa:",
    ],
)
def test_role_arns_that_are_none(text: str) -> None:
    with pytest.raises(errors.ValidationError, match="is invalid"):
        rules.parse_role_arn(text)
