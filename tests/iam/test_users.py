"""Users, their keys and groups, over the wire."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from iam.refusals import refused

Make = Callable[..., Any]


def test_a_user_is_told_as_on_aws(client: Make, account: str) -> None:
    iam = client("iam")
    made = iam.create_user(UserName="Ann", Path="/team/", Tags=[{"Key": "k", "Value": "v"}])["User"]
    assert made["Arn"] == f"arn:aws:iam::{account}:user/team/Ann"
    assert made["UserId"].startswith("AIDA")
    assert len(made["UserId"]) == 21
    assert iam.get_user(UserName="ann")["User"] == made
    with refused("EntityAlreadyExists", "User with name ANN already exists.", 409):
        iam.create_user(UserName="ANN")
    with refused("NoSuchEntity", "The user with name bob cannot be found.", 404):
        iam.get_user(UserName="bob")


# Lists are sorted by name, filtered by path, and paged with a marker; tags are left out.
def test_lists_come_in_pages(client: Make) -> None:
    iam = client("iam")
    for number in range(5):
        iam.create_user(UserName=f"u{number}", Path="/a/" if number % 2 else "/b/")
    first = iam.list_users(MaxItems=2)
    assert [user["UserName"] for user in first["Users"]] == ["u0", "u1"]
    assert first["IsTruncated"]
    pages = iam.get_paginator("list_users").paginate(PaginationConfig={"PageSize": 2})
    assert [user["UserName"] for page in pages for user in page["Users"]] == [
        f"u{n}" for n in range(5)
    ]
    assert [u["UserName"] for u in iam.list_users(PathPrefix="/a/")["Users"]] == ["u1", "u3"]
    with refused("ValidationError"):
        iam.list_users(Marker="no-such-marker")


# A key that was issued signs requests at once; switched off or deleted, it signs none.
def test_keys_work_from_the_first_request_to_the_last(client: Make, account: str) -> None:
    iam = client("iam")
    user = iam.create_user(UserName="ann")["User"]
    allowed = {"Effect": "Allow", "Action": ["iam:GetUser", "sts:Get*"], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=document)
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    assert (len(key["AccessKeyId"]), len(key["SecretAccessKey"])) == (20, 40)
    mine = {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }
    sts = client("sts", **mine)
    identity = sts.get_caller_identity()
    assert identity["Arn"] == user["Arn"]
    assert (identity["UserId"], identity["Account"]) == (user["UserId"], account)
    assert client("iam", **mine).get_user()["User"]["UserName"] == "ann"
    assert sts.get_access_key_info(AccessKeyId=key["AccessKeyId"])["Account"] == account

    wrong = client("sts", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key="wrong")
    with refused("SignatureDoesNotMatch", status=403):
        wrong.get_caller_identity()
    iam.update_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert iam.list_access_keys(UserName="ann")["AccessKeyMetadata"][0]["Status"] == "Inactive"
    with refused("InvalidClientTokenId", status=403):
        sts.get_caller_identity()
    iam.update_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"], Status="Active")
    assert sts.get_caller_identity()["Arn"] == user["Arn"]
    iam.delete_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"])
    assert iam.list_access_keys(UserName="ann")["AccessKeyMetadata"] == []
    with refused("InvalidClientTokenId", status=403):
        sts.get_caller_identity()
    with refused("NoSuchEntity"):
        iam.update_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"], Status="Active")


def test_two_keys_at_most_and_none_of_another_user(client: Make) -> None:
    iam = client("iam")
    for name in ("ann", "bob"):
        iam.create_user(UserName=name)
    keys = [iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"] for _ in range(2)]
    with refused("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2", 409):
        iam.create_access_key(UserName="ann")
    with refused("NoSuchEntity", f"The Access Key with id {keys[0]} cannot be found."):
        iam.delete_access_key(UserName="bob", AccessKeyId=keys[0])
    with refused("DeleteConflict", "Cannot delete entity, must delete access keys first."):
        iam.delete_user(UserName="ann")


# A renamed user keeps id, keys, groups and policies, and its keys speak for the new name.
def test_renaming_moves_all_that_belongs_to_a_user(client: Make, account: str) -> None:
    iam = client("iam")
    iam.create_user(UserName="ann")
    iam.create_group(GroupName="admins")
    iam.add_user_to_group(GroupName="admins", UserName="ann")
    arn = "arn:aws:iam::aws:policy/AdministratorAccess"
    iam.attach_user_policy(UserName="ann", PolicyArn=arn)
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    iam.update_user(UserName="ann", NewUserName="anna", NewPath="/p/")
    with refused("NoSuchEntity"):
        iam.get_user(UserName="ann")
    sts = client(
        "sts",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    assert sts.get_caller_identity()["Arn"] == f"arn:aws:iam::{account}:user/p/anna"
    assert [u["UserName"] for u in iam.get_group(GroupName="admins")["Users"]] == ["anna"]
    entities = iam.list_entities_for_policy(PolicyArn=arn)
    assert [u["UserName"] for u in entities["PolicyUsers"]] == ["anna"]
    assert iam.list_access_keys(UserName="anna")["AccessKeyMetadata"][0]["UserName"] == "anna"


def test_groups_and_their_members(client: Make) -> None:
    iam = client("iam")
    iam.create_user(UserName="ann")
    iam.create_group(GroupName="admins")
    for _ in range(2):
        iam.add_user_to_group(GroupName="admins", UserName="ann")
    groups = iam.list_groups_for_user(UserName="ann")["Groups"]
    assert [group["GroupName"] for group in groups] == ["admins"]
    with refused("DeleteConflict", "Cannot delete entity, must remove users from group first."):
        iam.delete_group(GroupName="admins")
    with refused("DeleteConflict"):
        iam.delete_user(UserName="ann")
    iam.remove_user_from_group(GroupName="admins", UserName="ann")
    iam.delete_group(GroupName="admins")
    iam.delete_user(UserName="ann")
    assert iam.list_groups()["Groups"] == []


# In the open mode a 12-digit key is the account's root, which is no user.
def test_root_has_keys_of_its_own(client: Make, account: str) -> None:
    iam = client("iam")
    assert iam.get_user()["User"]["Arn"] == f"arn:aws:iam::{account}:root"
    key = iam.create_access_key()["AccessKey"]
    root = client(
        "sts",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    assert root.get_caller_identity()["Arn"] == f"arn:aws:iam::{account}:root"
    iam.delete_access_key(AccessKeyId=key["AccessKeyId"])
    assert iam.list_access_keys()["AccessKeyMetadata"] == []


def test_a_boundary_must_be_a_policy(client: Make) -> None:
    iam = client("iam")
    with refused("NoSuchEntity"):
        iam.create_user(UserName="ann", PermissionsBoundary="arn:aws:iam::aws:policy/NoneSuch")
    with refused("NoSuchEntity"):
        iam.get_user(UserName="ann")


# Whoever may make users in one path may make none in another, and move none there.
def test_paths_are_part_of_what_one_may(client: Make, account: str) -> None:
    iam = client("iam")
    iam.create_user(UserName="ann")
    allowed = {
        "Effect": "Allow",
        "Action": ["iam:CreateUser", "iam:UpdateUser"],
        "Resource": f"arn:aws:iam::{account}:user/team/*",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=document)
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    mine = client(
        "iam",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    for path in ("/", "/admins/", "/te/am/"):
        with refused("AccessDenied", status=403):
            mine.create_user(UserName="bob", Path=path)
    mine.create_user(UserName="bob", Path="/team/")
    for path in ("/admins/", "/"):
        with refused("AccessDenied", status=403):
            mine.update_user(UserName="bob", NewPath=path)
    mine.update_user(UserName="bob", NewUserName="bobby")
    mine.update_user(UserName="bobby", NewPath="/team/one/")
    assert iam.get_user(UserName="bobby")["User"]["Path"] == "/team/one/"


# Who names no user means itself: a user may be allowed to look after its own keys, and no others.
def test_users_look_after_their_own_keys(client: Make, account: str) -> None:
    iam = client("iam")
    arns = [iam.create_user(UserName=name)["User"]["Arn"] for name in ("ann", "bob")]
    allowed = {"Effect": "Allow", "Action": "iam:*AccessKey*", "Resource": arns[0]}
    document = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=document)
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    others = iam.create_access_key(UserName="bob")["AccessKey"]["AccessKeyId"]
    mine = client(
        "iam",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    second = mine.create_access_key()["AccessKey"]
    assert (second["UserName"], second["Status"]) == ("ann", "Active")
    with refused("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2", 409):
        mine.create_access_key()
    mine.update_access_key(AccessKeyId=second["AccessKeyId"], Status="Inactive")
    told = {k["AccessKeyId"]: k["Status"] for k in mine.list_access_keys()["AccessKeyMetadata"]}
    assert told == {key["AccessKeyId"]: "Active", second["AccessKeyId"]: "Inactive"}
    with refused("ValidationError", status=400):
        mine.update_access_key(AccessKeyId=second["AccessKeyId"], Status="Expired")
    with refused("NoSuchEntity", f"The Access Key with id {others} cannot be found.", 404):
        mine.delete_access_key(AccessKeyId=others)
    for act in (mine.create_access_key, mine.list_access_keys):
        with refused("AccessDenied", status=403):
            act(UserName="bob")
    mine.delete_access_key(AccessKeyId=second["AccessKeyId"])


def test_roles_have_no_keys_of_their_own(client: Make) -> None:
    iam = client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    iam.attach_role_policy(RoleName="r", PolicyArn=admin)
    lent = client("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    session = client(
        "iam",
        aws_access_key_id=lent["AccessKeyId"],
        aws_secret_access_key=lent["SecretAccessKey"],
        aws_session_token=lent["SessionToken"],
    )
    for act in (session.create_access_key, session.list_access_keys, session.list_mfa_devices):
        message = "Must specify userName when calling with non-User credentials"
        with refused("ValidationError", message, 400):
            act()


# A renamed group keeps members and policies; who may manage one path moves no group to another.
def test_renaming_a_group_moves_all_that_belongs_to_it(client: Make, account: str) -> None:
    iam = client("iam")
    for name in ("ann", "bob"):
        iam.create_user(UserName=name)
    made = iam.create_group(GroupName="team", Path="/a/")["Group"]
    iam.create_group(GroupName="other")
    iam.add_user_to_group(GroupName="team", UserName="ann")
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    iam.attach_group_policy(GroupName="team", PolicyArn=admin)
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    anns = client(
        "iam",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    with refused("EntityAlreadyExists", "Group with name OTHER already exists.", 409):
        anns.update_group(GroupName="team", NewGroupName="OTHER")
    anns.update_group(GroupName="team", NewGroupName="Crew", NewPath="/b/")
    told = anns.get_group(GroupName="crew")
    assert told["Group"]["Arn"] == f"arn:aws:iam::{account}:group/b/Crew"
    assert told["Group"]["GroupId"] == made["GroupId"]
    assert [user["UserName"] for user in told["Users"]] == ["ann"]
    assert [g["GroupName"] for g in iam.list_groups_for_user(UserName="ann")["Groups"]] == ["Crew"]
    entities = iam.list_entities_for_policy(PolicyArn=admin)["PolicyGroups"]
    assert [group["GroupName"] for group in entities] == ["Crew"]
    with refused("NoSuchEntity", status=404):
        iam.get_group(GroupName="team")

    allowed = {
        "Effect": "Allow",
        "Action": "iam:UpdateGroup",
        "Resource": f"arn:aws:iam::{account}:group/b/*",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    iam.put_user_policy(UserName="bob", PolicyName="own", PolicyDocument=document)
    key = iam.create_access_key(UserName="bob")["AccessKey"]
    bobs = client(
        "iam",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    for path in ("/", "/a/"):
        with refused("AccessDenied", status=403):
            bobs.update_group(GroupName="Crew", NewPath=path)
    bobs.update_group(GroupName="Crew", NewGroupName="crew")
    anns.remove_user_from_group(GroupName="crew", UserName="ann")
    with refused("AccessDenied", status=403):
        anns.list_users()
