"""Roles and policies, over the wire."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from iam.refusals import refused

Make = Callable[..., Any]

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["s3:Get*"], "Resource": "arn:aws:s3:::b/100%25 +ä"}
    ],
}
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


@pytest.fixture
def iam(client: Make) -> Any:
    return client("iam")


def _role(iam: Any, name: str = "r", **more: Any) -> Any:
    return iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST), **more)[
        "Role"
    ]


# As recorded: MaxSessionDuration and RoleLastUsed come with GetRole, tags with neither list.
def test_a_role_is_told_as_recorded(iam: Any, account: str) -> None:
    made = _role(iam, "r", Path="/p/", Tags=[{"Key": "k", "Value": "v"}], Description="d")
    assert made["Arn"] == f"arn:aws:iam::{account}:role/p/r"
    assert made["AssumeRolePolicyDocument"] == TRUST
    assert "MaxSessionDuration" not in made
    got = iam.get_role(RoleName="r")["Role"]
    assert got == {**made, "MaxSessionDuration": 3600, "RoleLastUsed": {}}
    (listed,) = iam.list_roles()["Roles"]
    assert listed == {k: v for k, v in got.items() if k not in ("Tags", "RoleLastUsed")}
    with refused("EntityAlreadyExists", "Role with name r already exists.", 409):
        _role(iam)


def test_a_role_can_be_changed(iam: Any) -> None:
    _role(iam, MaxSessionDuration=7200)
    iam.update_role(RoleName="r", Description="new", MaxSessionDuration=4000)
    other = {**TRUST, "Statement": [{**TRUST["Statement"][0], "Sid": "Other"}]}
    iam.update_assume_role_policy(RoleName="r", PolicyDocument=json.dumps(other))
    role = iam.get_role(RoleName="r")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("new", 4000)
    assert role["AssumeRolePolicyDocument"] == other
    iam.tag_role(RoleName="r", Tags=[{"Key": "A", "Value": "1"}, {"Key": "b", "Value": "2"}])
    iam.tag_role(RoleName="r", Tags=[{"Key": "a", "Value": "3"}])
    iam.untag_role(RoleName="r", TagKeys=["B"])
    assert iam.list_role_tags(RoleName="r")["Tags"] == [{"Key": "a", "Value": "3"}]


def test_malformed_trust_policy(iam: Any) -> None:
    with refused("MalformedPolicyDocument", "This policy contains invalid Json", 400):
        iam.create_role(RoleName="r", AssumeRolePolicyDocument="{")
    with refused("NoSuchEntity"):
        iam.get_role(RoleName="r")


# Documents come back as they were given, whatever characters are in them.
@pytest.mark.parametrize("kind", ["user", "role", "group"])
def test_inline_policies(iam: Any, kind: str) -> None:
    name = {f"{kind.capitalize()}Name": "x"}
    if kind == "role":
        _role(iam, "x")
    else:
        getattr(iam, f"create_{kind}")(**name)
    put, get = getattr(iam, f"put_{kind}_policy"), getattr(iam, f"get_{kind}_policy")
    put(**name, PolicyName="p", PolicyDocument=json.dumps(POLICY))
    assert get(**name, PolicyName="p")["PolicyDocument"] == POLICY
    assert getattr(iam, f"list_{kind}_policies")(**name)["PolicyNames"] == ["p"]
    with refused("DeleteConflict", "Cannot delete entity, must delete policies first.", 409):
        getattr(iam, f"delete_{kind}")(**name)
    getattr(iam, f"delete_{kind}_policy")(**name, PolicyName="p")
    with refused("NoSuchEntity", f"The {kind} policy with name p cannot be found.", 404):
        get(**name, PolicyName="p")
    getattr(iam, f"delete_{kind}")(**name)


def test_inline_policies_have_a_quota(iam: Any) -> None:
    iam.create_user(UserName="x")
    big = {**POLICY, "Statement": [{**POLICY["Statement"][0], "Sid": "s" * 2000}]}
    with refused("LimitExceeded", "Maximum policy size of 2048 bytes exceeded for user x", 409):
        iam.put_user_policy(UserName="x", PolicyName="a", PolicyDocument=json.dumps(big))


@pytest.mark.parametrize("kind", ["user", "role", "group"])
def test_attached_policies(iam: Any, kind: str) -> None:
    name = {f"{kind.capitalize()}Name": "x"}
    if kind == "role":
        _role(iam, "x")
    else:
        getattr(iam, f"create_{kind}")(**name)
    attach = getattr(iam, f"attach_{kind}_policy")
    for _ in range(2):
        attach(**name, PolicyArn=BASIC)
    (attached,) = getattr(iam, f"list_attached_{kind}_policies")(**name)["AttachedPolicies"]
    assert attached == {"PolicyName": "AWSLambdaBasicExecutionRole", "PolicyArn": BASIC}
    assert iam.get_policy(PolicyArn=BASIC)["Policy"]["AttachmentCount"] == 1
    with refused("DeleteConflict", "Cannot delete entity, must detach all policies first.", 409):
        getattr(iam, f"delete_{kind}")(**name)
    getattr(iam, f"detach_{kind}_policy")(**name, PolicyArn=BASIC)
    with refused("NoSuchEntity", f"Policy {BASIC} was not found.", 404):
        getattr(iam, f"detach_{kind}_policy")(**name, PolicyArn=BASIC)
    getattr(iam, f"delete_{kind}")(**name)


# As recorded.
def test_policies_that_cannot_be_attached(iam: Any, account: str) -> None:
    _role(iam)
    for malformed in ("longpolicynamebutnoarn", "policy-name-without-arn"):
        with refused("ValidationError", "Invalid ARN:  Could not be parsed!", 400):
            iam.attach_role_policy(RoleName="r", PolicyArn=malformed)
    for missing in (f"arn:aws:iam::{account}:policy/none", "arn:aws:iam::aws:policy/NoSuchPolicy"):
        with refused("NoSuchEntity", f"Policy {missing} does not exist or is not attachable.", 404):
            iam.attach_role_policy(RoleName="r", PolicyArn=missing)


def test_managed_policies_and_their_versions(iam: Any, account: str) -> None:
    made = iam.create_policy(PolicyName="p", Path="/x/", PolicyDocument=json.dumps(POLICY))[
        "Policy"
    ]
    arn = made["Arn"]
    assert arn == f"arn:aws:iam::{account}:policy/x/p"
    assert (made["AttachmentCount"], made["DefaultVersionId"], made["IsAttachable"]) == (
        0,
        "v1",
        True,
    )
    with refused(
        "EntityAlreadyExists", "A policy called P already exists. Duplicate names are not allowed."
    ):
        iam.create_policy(PolicyName="P", PolicyDocument=json.dumps(POLICY))
    for number in range(2, 6):
        iam.create_policy_version(
            PolicyArn=arn, PolicyDocument=json.dumps(POLICY), SetAsDefault=number == 3
        )
    with refused("LimitExceeded", status=409):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(POLICY))
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [v["VersionId"] for v in versions] == ["v5", "v4", "v3", "v2", "v1"]
    assert [v["VersionId"] for v in versions if v["IsDefaultVersion"]] == ["v3"]
    got = iam.get_policy_version(PolicyArn=arn, VersionId="v3")["PolicyVersion"]
    assert got["Document"] == POLICY
    with refused("DeleteConflict", "Cannot delete the default version of a policy.", 409):
        iam.delete_policy_version(PolicyArn=arn, VersionId="v3")
    with refused("DeleteConflict"):
        iam.delete_policy(PolicyArn=arn)
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    for number in range(2, 6):
        iam.delete_policy_version(PolicyArn=arn, VersionId=f"v{number}")
    fresh = iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(POLICY))
    assert fresh["PolicyVersion"]["VersionId"] == "v6"  # numbers are never used twice
    iam.delete_policy_version(PolicyArn=arn, VersionId="v6")

    _role(iam)
    iam.attach_role_policy(RoleName="r", PolicyArn=arn)
    assert [r["RoleName"] for r in iam.list_entities_for_policy(PolicyArn=arn)["PolicyRoles"]] == [
        "r"
    ]
    with refused("DeleteConflict", "Cannot delete a policy attached to entities.", 409):
        iam.delete_policy(PolicyArn=arn)
    iam.detach_role_policy(RoleName="r", PolicyArn=arn)
    iam.delete_policy(PolicyArn=arn)
    with refused("NoSuchEntity", f"Policy {arn} was not found.", 404):
        iam.delete_policy(PolicyArn=arn)


def test_list_policies_by_scope(iam: Any) -> None:
    for name in ("b", "a"):
        iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(POLICY))
    local = iam.list_policies(Scope="Local")["Policies"]
    assert [policy["PolicyName"] for policy in local] == ["a", "b"]
    pages = iam.get_paginator("list_policies").paginate(PaginationConfig={"PageSize": 101})
    every = [policy["Arn"] for page in pages for policy in page["Policies"]]
    pages = iam.get_paginator("list_policies").paginate(Scope="AWS")
    aws = [policy["Arn"] for page in pages for policy in page["Policies"]]
    assert every == [policy["Arn"] for policy in local] + aws
    assert BASIC in aws
    assert iam.list_policies(Scope="AWS", OnlyAttached=True)["Policies"] == []


def test_policies_of_aws_cannot_be_changed(iam: Any) -> None:
    with refused("AccessDenied", status=403):
        iam.delete_policy(PolicyArn=BASIC)


STATEMENT = POLICY["Statement"][0]


def _with(document: Any, **members: Any) -> Any:
    """The document with members of its one statement replaced; None takes one out."""
    statement = {**document["Statement"][0], **members}
    kept = {name: value for name, value in statement.items() if value is not None}
    return {**document, "Statement": [kept]}


# AWS's own texts, which differ between identity policies and trust policies.
@pytest.mark.parametrize(
    ("document", "text"),
    [
        ("[]", "Syntax errors in policy."),
        ({"Version": "2012-10-17"}, "Syntax errors in policy."),
        ({**POLICY, "Statement": []}, "Syntax errors in policy."),
        ({**POLICY, "Statement": ["text"]}, "Syntax errors in policy."),
        ({**POLICY, "Statement": [[STATEMENT]]}, "Syntax errors in policy."),
        ({**POLICY, "Extra": 1}, "Syntax errors in policy."),
        ({**POLICY, "Id": ["a"]}, "Syntax errors in policy."),
        ({"Statement": STATEMENT}, "Policy document must be version 2012-10-17 or greater."),
        ({**POLICY, "Version": "2008-10-17"}, "Policy document must be version 2012-10-17 or greater."),
        ({**POLICY, "Version": ["2012-10-17"]}, "Policy document must be version 2012-10-17 or greater."),
        (_with(POLICY, Effect="allow"), "Syntax errors in policy."),
        (_with(POLICY, Effect=["Allow"]), "Syntax errors in policy."),
        (_with(POLICY, Action=None), "Policy statement must contain actions."),
        (_with(POLICY, Action=[]), "Policy statement must contain actions."),
        (_with(POLICY, Action={"s3": "*"}), "Syntax errors in policy."),
        (_with(POLICY, Action=["s3:*", 1]), "Syntax errors in policy."),
        (_with(POLICY, NotAction="s3:*"), "Syntax errors in policy."),
        (_with(POLICY, Action="get"), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
        (_with(POLICY, Action="a b:get"), "Vendor a b is not valid"),
        (_with(POLICY, Action="s3:a:b"), "Actions/Condition can contain only one colon."),
        (_with(POLICY, Resource=None), "Policy statement must contain resources."),
        (_with(POLICY, NotResource="*"), "Syntax errors in policy."),
        (_with(POLICY, Resource="b"), 'Resource b must be in ARN format or "*".'),
        (_with(POLICY, Resource="arn:aws:s3"), "The policy failed legacy parsing"),
        (_with(POLICY, Resource=[["*"]]), "Syntax errors in policy."),
        (_with(POLICY, Principal="*"), "Policy document should not specify a principal."),
        (_with(POLICY, NotPrincipal={"AWS": "*"}), "Policy document should not specify a principal."),
        (_with(POLICY, Sid=1), "Syntax errors in policy."),
        (_with(POLICY, Sid="a-b"), "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies"
            " the regular expression [0-9A-Za-z]*"),
        ({**POLICY, "Statement": [{**STATEMENT, "Sid": "A"}] * 2},
            "Statement IDs (SID) in a single policy must be unique."),
        (_with(POLICY, Condition="x"), "Syntax errors in policy."),
        (_with(POLICY, Condition=[{"Bool": {"aws:x": "true"}}]), "Syntax errors in policy."),
        (_with(POLICY, Condition={"Bool": "aws:x"}), "Syntax errors in policy."),
        (_with(POLICY, Condition={"Bool": {"aws:x": {"a": "b"}}}), "Syntax errors in policy."),
        (_with(POLICY, Condition={"Bool": {"aws:x": [["true"]]}}), "Syntax errors in policy."),
        (_with(POLICY, Condition={"Perhaps": {"aws:x": "y"}}), "Syntax errors in policy."),
        (_with(POLICY, Condition={"NullIfExists": {"aws:x": "true"}}), "Syntax errors in policy."),
        (_with(POLICY, Condition={"ForSome:StringLike": {"aws:x": "y"}}), "Syntax errors in policy."),
        (_with(POLICY, Condition={"Bool": {"x": "true"}}),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
    ],
)  # fmt: skip
def test_malformed_identity_policies(iam: Any, document: Any, text: str) -> None:
    sent = document if isinstance(document, str) else json.dumps(document)
    with refused("MalformedPolicyDocument", text, 400):
        iam.create_policy(PolicyName="p", PolicyDocument=sent)


@pytest.mark.parametrize(
    ("document", "text"),
    [
        (_with(TRUST, Resource="*"), "Has prohibited field Resource"),
        (_with(TRUST, Principal=None), "Missing required field Principal"),
        (_with(TRUST, Principal={}), "Missing required field Principal"),
        (_with(TRUST, Action=None), "Missing required field Action"),
        (_with(TRUST, Effect=None), "Missing required field Effect"),
        (_with(TRUST, Principals="*"), "Unknown field Principals"),
        (_with(TRUST, Principal={"Service": "lambda"}), 'Invalid principal in policy: "SERVICE":"lambda"'),
        (_with(TRUST, Principal={"AWS": "a*"}), 'Invalid principal in policy: "AWS":"a*"'),
        (_with(TRUST, Action="s3:*"), "AssumeRole policy may only specify STS AssumeRole actions."),
        (_with(TRUST, Condition={"Same": {"aws:x": "y"}}), "Invalid Condition type : Same"),
    ],
)  # fmt: skip
def test_malformed_trust_policies(iam: Any, document: Any, text: str) -> None:
    with refused("MalformedPolicyDocument", text, 400):
        iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(document))


def test_a_member_that_is_given_twice_is_refused(iam: Any) -> None:
    """Two readers would see two policies: one with the first, one with the last."""
    twice = json.dumps(POLICY).replace('"Effect": "Allow"', '"Effect": "Deny", "Effect": "Allow"')
    with refused("MalformedPolicyDocument", "This policy contains invalid Json", 400):
        iam.create_policy(PolicyName="p", PolicyDocument=twice)
