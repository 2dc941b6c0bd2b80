"""What an account, a user, a role, a group and a policy may hold, and what must go before they can."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from iam.refusals import refused
from persons import Person, allow, document, refusal, trust

Make = Callable[..., Any]

TRUST = trust(Service="lambda.amazonaws.com")
EVERYTHING = document(allow("*"))
AWS = (
    *("AdministratorAccess", "PowerUserAccess", "ReadOnlyAccess", "SecurityAudit"),
    *("IAMFullAccess", "IAMReadOnlyAccess", "AmazonS3FullAccess", "AmazonS3ReadOnlyAccess"),
    *("AmazonSQSFullAccess", "AmazonSNSFullAccess", "AmazonSESFullAccess"),
)
CREATE: dict[str, Callable[[Any], Any]] = {
    "user": lambda iam: iam.create_user(UserName="x"),
    "role": lambda iam: iam.create_role(RoleName="x", AssumeRolePolicyDocument=TRUST),
    "group": lambda iam: iam.create_group(GroupName="x"),
}


@pytest.fixture
def iam(client: Make) -> Any:
    return client("iam")


def sized(characters: int) -> str:
    """A policy of so many characters that count, and more that do not."""
    frame = json.dumps({"Version": "2012-10-17", "Statement": [allow("*", "arn:aws:s3:::")]})
    missing = characters - len("".join(frame.split()))
    return frame.replace("arn:aws:s3:::", "arn:aws:s3:::" + "x" * missing)


def named(kind: str) -> dict[str, str]:
    return {f"{kind.capitalize()}Name": "x"}


@pytest.mark.parametrize("kind", CREATE)
def test_ten_policies_can_be_attached(iam: Any, kind: str) -> None:
    CREATE[kind](iam)
    attach = getattr(iam, f"attach_{kind}_policy")
    arns = [f"arn:aws:iam::aws:policy/{name}" for name in AWS]
    for arn in arns[:10]:
        attach(**named(kind), PolicyArn=arn)
    quota = f"Cannot exceed quota for PoliciesPer{kind.capitalize()}: 10"
    with refused("LimitExceeded", quota, 409):
        attach(**named(kind), PolicyArn=arns[10])
    attach(**named(kind), PolicyArn=arns[0])  # it is attached already
    listed = getattr(iam, f"list_attached_{kind}_policies")(**named(kind))["AttachedPolicies"]
    assert sorted(one["PolicyArn"] for one in listed) == sorted(arns[:10])


@pytest.mark.parametrize(("kind", "most"), [("user", 2048), ("role", 10_240), ("group", 5120)])
def test_inline_policies_have_a_size_together(iam: Any, kind: str, most: int) -> None:
    CREATE[kind](iam)
    put = getattr(iam, f"put_{kind}_policy")
    put(**named(kind), PolicyName="a", PolicyDocument=sized(most - 200))
    too_large = f"Maximum policy size of {most} bytes exceeded for {kind} x"
    with refused("LimitExceeded", too_large, 409):
        put(**named(kind), PolicyName="b", PolicyDocument=sized(201))
    put(**named(kind), PolicyName="b", PolicyDocument=sized(200))
    put(**named(kind), PolicyName="a", PolicyDocument=sized(most - 200))  # in place of itself
    assert len(getattr(iam, f"list_{kind}_policies")(**named(kind))["PolicyNames"]) == 2


def test_sizes_of_managed_and_trust_policies(iam: Any) -> None:
    iam.create_policy(PolicyName="fits", PolicyDocument=sized(6144))
    with refused("LimitExceeded", "Cannot exceed quota for PolicySize: 6144", 409):
        iam.create_policy(PolicyName="large", PolicyDocument=sized(6145))
    statement = json.loads(TRUST)["Statement"][0]
    with refused("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048", 409):
        large = document({**statement, "Sid": "x" * 2048})
        iam.create_role(RoleName="r", AssumeRolePolicyDocument=large)
    assert iam.list_roles()["Roles"] == []


def test_a_user_is_in_ten_groups(iam: Any) -> None:
    iam.create_user(UserName="x")
    for number in range(11):
        iam.create_group(GroupName=f"g{number}")
    for number in range(10):
        iam.add_user_to_group(GroupName=f"g{number}", UserName="x")
    with refused("LimitExceeded", "Cannot exceed quota for GroupsPerUser: 10", 409):
        iam.add_user_to_group(GroupName="g10", UserName="x")
    assert iam.get_group(GroupName="g10")["Users"] == []


def test_a_policy_has_five_versions(iam: Any) -> None:
    arn = iam.create_policy(PolicyName="p", PolicyDocument=EVERYTHING)["Policy"]["Arn"]
    for _ in range(4):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=EVERYTHING)
    with refused("LimitExceeded", status=409):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=EVERYTHING)
    with refused("DeleteConflict", "Cannot delete the default version of a policy.", 409):
        iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=EVERYTHING)
    assert made["PolicyVersion"]["VersionId"] == "v6"
    with refused("DeleteConflict", status=409):
        iam.delete_policy(PolicyArn=arn)


@pytest.mark.parametrize("kind", CREATE)
def test_policies_must_go_first(iam: Any, kind: str) -> None:
    CREATE[kind](iam)
    name, delete = named(kind), getattr(iam, f"delete_{kind}")
    arn = iam.create_policy(PolicyName="p", PolicyDocument=EVERYTHING)["Policy"]["Arn"]
    getattr(iam, f"attach_{kind}_policy")(**name, PolicyArn=arn)
    getattr(iam, f"put_{kind}_policy")(**name, PolicyName="i", PolicyDocument=EVERYTHING)
    with refused("DeleteConflict", "Cannot delete a policy attached to entities.", 409):
        iam.delete_policy(PolicyArn=arn)
    with refused("DeleteConflict", "Cannot delete entity, must detach all policies first.", 409):
        delete(**name)
    getattr(iam, f"detach_{kind}_policy")(**name, PolicyArn=arn)
    with refused("DeleteConflict", "Cannot delete entity, must delete policies first.", 409):
        delete(**name)
    getattr(iam, f"delete_{kind}_policy")(**name, PolicyName="i")
    delete(**name)
    iam.delete_policy(PolicyArn=arn)


def test_users_must_leave_a_group_first(iam: Any) -> None:
    iam.create_group(GroupName="g")
    iam.create_user(UserName="x")
    iam.add_user_to_group(GroupName="g", UserName="x")
    gone = "Cannot delete entity, must remove users from group first."
    with refused("DeleteConflict", gone, 409):
        iam.delete_group(GroupName="g")
    with refused("DeleteConflict", gone, 409):
        iam.delete_user(UserName="x")
    iam.remove_user_from_group(GroupName="g", UserName="x")
    iam.delete_group(GroupName="g")


def test_a_policy_that_bounds_somebody_stays(iam: Any) -> None:
    arn = iam.create_policy(PolicyName="p", PolicyDocument=EVERYTHING)["Policy"]["Arn"]
    iam.create_user(UserName="x", PermissionsBoundary=arn)
    with refused("DeleteConflict", "Cannot delete a policy attached to entities.", 409):
        iam.delete_policy(PolicyArn=arn)
    iam.delete_user(UserName="x")
    iam.delete_policy(PolicyArn=arn)


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("create_user", {"UserName": "x" * 65}),
        ("create_user", {"UserName": "a b"}),
        ("create_user", {"UserName": "x", "Path": "no-slash"}),
        ("create_group", {"GroupName": "x" * 129}),
        ("create_group", {"GroupName": "x", "Path": "/p"}),
        ("create_role", {"RoleName": "x" * 65, "AssumeRolePolicyDocument": TRUST}),
        ("create_role", {"RoleName": "x/y", "AssumeRolePolicyDocument": TRUST}),
        ("create_policy", {"PolicyName": "x" * 129, "PolicyDocument": EVERYTHING}),
        ("create_policy", {"PolicyName": "x", "Path": "p/", "PolicyDocument": EVERYTHING}),
        ("create_instance_profile", {"InstanceProfileName": "x" * 129}),
        ("create_instance_profile", {"InstanceProfileName": "x:y"}),
    ],
)
def test_names_and_paths_have_a_form(iam: Any, operation: str, arguments: dict[str, Any]) -> None:
    with refused("ValidationError", status=400):
        getattr(iam, operation)(**arguments)


def test_a_group_can_be_renamed(iam: Any, ann: Person, account: str) -> None:
    arn = "arn:aws:iam::aws:policy/AmazonDynamoDBReadOnlyAccess"
    iam.create_group(GroupName="g", Path="/p/")
    iam.add_user_to_group(GroupName="g", UserName="ann")
    iam.attach_group_policy(GroupName="g", PolicyArn=arn)
    iam.create_group(GroupName="taken")
    with refused("EntityAlreadyExists", "Group with name TAKEN already exists.", 409):
        iam.update_group(GroupName="g", NewGroupName="TAKEN")
    before = iam.get_group(GroupName="g")["Group"]
    iam.update_group(GroupName="g", NewGroupName="H")
    after = iam.get_group(GroupName="h")
    assert after["Group"] == {
        **before,
        "GroupName": "H",
        "Arn": f"arn:aws:iam::{account}:group/p/H",
    }
    assert [user["UserName"] for user in after["Users"]] == ["ann"]
    assert [one["GroupName"] for one in iam.list_groups_for_user(UserName="ann")["Groups"]] == ["H"]
    told = iam.list_entities_for_policy(PolicyArn=arn)["PolicyGroups"]
    assert [one["GroupName"] for one in told] == ["H"]
    assert ann.client("dynamodb").list_tables()["TableNames"] == []
    with refused("NoSuchEntity", "The group with name g cannot be found.", 404):
        iam.get_group(GroupName="g")
    iam.update_group(GroupName="H", NewPath="/q/")
    assert iam.get_group(GroupName="H")["Group"]["Path"] == "/q/"


# A name may have permissions of its own, so that both the old and the new one are asked for.
def test_renaming_needs_permission_for_both_names(iam: Any, ann: Person, account: str) -> None:
    iam.create_group(GroupName="g", Path="/p/")
    mine = ann.client("iam").update_group
    asked = {"GroupName": "g", "NewGroupName": "h"}
    for allowed in ("p/g", "p/h"):
        ann.may(allow("iam:UpdateGroup", f"arn:aws:iam::{account}:group/{allowed}"))
        assert refusal(mine, **asked)[0] == "AccessDenied"
    ann.may(allow("iam:UpdateGroup", f"arn:aws:iam::{account}:group/p/*"))
    mine(**asked)
    assert iam.get_group(GroupName="h")["Group"]["Path"] == "/p/"
