"""Instance profiles, over the wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from iam.refusals import refused
from persons import Person, allow, refusal
from pilvi.base.arn import Scope
from pilvi.services.iam import errors, limits, records
from pilvi.services.iam.instance_profiles import INSTANCE_PROFILES, InstanceProfile
from pilvi.store.memory import MemoryStore

Make = Callable[..., Any]

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "ec2.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)
FULL = "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"
IN_USE = "Cannot delete entity, must remove roles from instance profile first."


@pytest.fixture
def iam(client: Make) -> Any:
    return client("iam")


def test_a_profile_lives_from_creation_to_deletion(iam: Any, account: str) -> None:
    made = iam.create_instance_profile(
        InstanceProfileName="P", Path="/a/", Tags=[{"Key": "k", "Value": "v"}]
    )["InstanceProfile"]
    assert made["Arn"] == f"arn:aws:iam::{account}:instance-profile/a/P"
    assert made["InstanceProfileId"].startswith("AIPA")
    assert (made["Roles"], made["Tags"]) == ([], [{"Key": "k", "Value": "v"}])
    with refused("EntityAlreadyExists", "Instance Profile p already exists.", 409):
        iam.create_instance_profile(InstanceProfileName="p")
    for name in ("r", "other"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    put = {"InstanceProfileName": "P", "RoleName": "r"}
    iam.add_role_to_instance_profile(**put)
    with refused("LimitExceeded", FULL, 409):
        iam.add_role_to_instance_profile(InstanceProfileName="P", RoleName="other")
    got = iam.get_instance_profile(InstanceProfileName="P")["InstanceProfile"]
    (role,) = got["Roles"]
    assert (role["RoleName"], role["AssumeRolePolicyDocument"]) == ("r", json.loads(TRUST))
    untagged = {key: value for key, value in got.items() if key != "Tags"}
    assert iam.list_instance_profiles()["InstanceProfiles"] == [untagged]
    assert iam.list_instance_profiles(PathPrefix="/b/")["InstanceProfiles"] == []
    assert iam.list_instance_profiles_for_role(RoleName="r")["InstanceProfiles"] == [untagged]
    assert iam.list_instance_profiles_for_role(RoleName="other")["InstanceProfiles"] == []
    with refused("DeleteConflict", IN_USE, 409):
        iam.delete_instance_profile(InstanceProfileName="P")
    with refused("DeleteConflict", IN_USE, 409):
        iam.delete_role(RoleName="r")
    with refused("NoSuchEntity"):
        iam.remove_role_from_instance_profile(InstanceProfileName="P", RoleName="other")
    iam.remove_role_from_instance_profile(**put)
    with refused("NoSuchEntity"):
        iam.remove_role_from_instance_profile(**put)
    iam.delete_role(RoleName="r")
    iam.delete_instance_profile(InstanceProfileName="P")
    with refused("NoSuchEntity", "Instance Profile P cannot be found.", 404):
        iam.get_instance_profile(InstanceProfileName="P")


def test_a_role_may_be_in_many_profiles(iam: Any) -> None:
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    for number in range(3):
        iam.create_instance_profile(InstanceProfileName=f"p{number}")
        iam.add_role_to_instance_profile(InstanceProfileName=f"p{number}", RoleName="R")
    pages = iam.get_paginator("list_instance_profiles_for_role").paginate(
        RoleName="r", PaginationConfig={"PageSize": 1}
    )
    names = [one["InstanceProfileName"] for page in pages for one in page["InstanceProfiles"]]
    assert names == ["p0", "p1", "p2"]


def test_tags_of_a_profile(iam: Any) -> None:
    iam.create_instance_profile(InstanceProfileName="p")
    asked = {"InstanceProfileName": "p"}
    iam.tag_instance_profile(**asked, Tags=[{"Key": "A", "Value": "1"}, {"Key": "b", "Value": "2"}])
    iam.untag_instance_profile(**asked, TagKeys=["a"])
    assert iam.list_instance_profile_tags(**asked)["Tags"] == [{"Key": "b", "Value": "2"}]


# Whoever may fill profiles but may not pass the role would get at its permissions through an instance.
def test_filling_a_profile_passes_the_role(iam: Any, ann: Person, account: str) -> None:
    iam.create_role(RoleName="r", Path="/p/", AssumeRolePolicyDocument=TRUST)
    iam.create_instance_profile(InstanceProfileName="p", Path="/q/")
    profile = f"arn:aws:iam::{account}:instance-profile/q/p"
    put = {"InstanceProfileName": "p", "RoleName": "r"}
    mine = ann.client("iam")
    ann.may(allow("iam:AddRoleToInstanceProfile", profile))
    code, text = refusal(mine.add_role_to_instance_profile, **put)
    assert code == "AccessDenied"
    assert f"perform: iam:PassRole on resource: arn:aws:iam::{account}:role/p/r" in text
    for service in ("lambda.amazonaws.com", "ec2.amazonaws.com"):
        condition = {"StringEquals": {"iam:PassedToService": service}}
        ann.may(
            allow("iam:AddRoleToInstanceProfile", profile),
            allow("iam:PassRole", f"arn:aws:iam::{account}:role/p/r", Condition=condition),
        )
        if service == "lambda.amazonaws.com":
            assert refusal(mine.add_role_to_instance_profile, **put)[0] == "AccessDenied"
            assert iam.list_instance_profiles_for_role(RoleName="r")["InstanceProfiles"] == []
    mine.add_role_to_instance_profile(**put)
    assert len(iam.list_instance_profiles_for_role(RoleName="r")["InstanceProfiles"]) == 1


def test_an_account_holds_so_many_and_no_more() -> None:
    """The same check stands before users, roles, groups, policies and providers."""
    scope, store = Scope("000000000001", "us-east-1"), MemoryStore()
    most = limits.PER_ACCOUNT["InstanceProfilesPerAccount"]

    def fill(tx: Any) -> None:
        for number in range(most):
            records.check_room(tx, scope, INSTANCE_PROFILES, "InstanceProfilesPerAccount")
            name = f"p{number}"
            profile = InstanceProfile(name=name, path="/", id="", created_at_ms=0)
            INSTANCE_PROFILES.put(tx, records.home_of(scope), profile)
        with pytest.raises(errors.LimitExceeded, match=f"InstanceProfilesPerAccount: {most}"):
            records.check_room(tx, scope, INSTANCE_PROFILES, "InstanceProfilesPerAccount")
        other = Scope("000000000002", "us-east-1")
        records.check_room(tx, other, INSTANCE_PROFILES, "InstanceProfilesPerAccount")

    asyncio.run(store.write(fill))
