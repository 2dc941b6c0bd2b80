"""Roles that belong to AWS's services: made and deleted through operations of their own, and through no others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from iam.refusals import refused
from pilvi.base.arn import Scope
from pilvi.languages.policy import Kind, Principal
from pilvi.services.iam import aws_policies
from pilvi.services.iam.service_linked_roles import all_linked, find_linked
from pilvi.store.memory import MemoryStore

Make = Callable[..., Any]

SERVICE = "batch.amazonaws.com"
NAME = "AWSServiceRoleForBatch"
PROTECTED = (
    f"Cannot perform the operation on the protected role '{NAME}' - this role is only modifiable"
    " by AWS"
)
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
    }
)
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": SERVICE}, "Action": "sts:AssumeRole"}
    ],
}


@pytest.fixture
def iam(client: Make) -> Any:
    return client("iam")


# As recorded of AWS.
def test_a_role_is_made_as_aws_makes_it(iam: Any, account: str) -> None:
    made = iam.create_service_linked_role(AWSServiceName=SERVICE)["Role"]
    role = iam.get_role(RoleName=NAME)["Role"]
    assert role == {
        "Path": f"/aws-service-role/{SERVICE}/",
        "RoleName": NAME,
        "RoleId": made["RoleId"],
        "Arn": f"arn:aws:iam::{account}:role/aws-service-role/{SERVICE}/{NAME}",
        "CreateDate": made["CreateDate"],
        "AssumeRolePolicyDocument": TRUST,
        "MaxSessionDuration": 3600,
        "RoleLastUsed": {},
    }
    assert iam.list_role_policies(RoleName=NAME)["PolicyNames"] == []
    assert iam.list_attached_role_policies(RoleName=NAME)["AttachedPolicies"] == [
        {
            "PolicyName": "BatchServiceRolePolicy",
            "PolicyArn": "arn:aws:iam::aws:policy/aws-service-role/BatchServiceRolePolicy",
        }
    ]
    with refused(
        "InvalidInput",
        f"Service role name {NAME} has been taken in this account, please try a different suffix.",
        400,
    ):
        iam.create_service_linked_role(AWSServiceName=SERVICE)


def test_some_services_may_have_several(iam: Any) -> None:
    asked = {"AWSServiceName": "autoscaling.amazonaws.com"}
    iam.create_service_linked_role(**asked)
    made = iam.create_service_linked_role(**asked, CustomSuffix="mine", Description="d")["Role"]
    assert made["RoleName"] == "AWSServiceRoleForAutoScaling_mine"
    assert made["Description"] == "d"
    with refused("InvalidInput", f"Custom suffix is not allowed for {SERVICE}", 400):
        iam.create_service_linked_role(AWSServiceName=SERVICE, CustomSuffix="mine")


@pytest.mark.parametrize("service", ["none.amazonaws.com", "batch", "batch.example.com", "x"])
def test_an_unknown_service_is_refused_by_name(iam: Any, service: str) -> None:
    with refused("NotImplemented"):
        iam.create_service_linked_role(AWSServiceName=service)


def test_the_table_names_policies_that_exist() -> None:
    linked = list(all_linked())
    assert len({one.name for one in linked}) == len(linked) >= 100

    def check(at: Any) -> None:
        for one in linked:
            assert find_linked(one.service) == one
            arn = one.policy_arn("aws")
            assert aws_policies.find_policy(at, Scope("1" * 12, "r"), arn) is not None, arn

    asyncio.run(MemoryStore().read(check))


# Each operation by which somebody could widen, change or remove the role.
@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("attach_role_policy", {"PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
        (
            "detach_role_policy",
            {"PolicyArn": "arn:aws:iam::aws:policy/aws-service-role/BatchServiceRolePolicy"},
        ),
        ("put_role_policy", {"PolicyName": "p", "PolicyDocument": POLICY}),
        ("update_assume_role_policy", {"PolicyDocument": json.dumps(TRUST)}),
        ("update_role", {"MaxSessionDuration": 7200}),
        (
            "put_role_permissions_boundary",
            {"PermissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess"},
        ),
        ("delete_role_permissions_boundary", {}),
        ("add_role_to_instance_profile", {"InstanceProfileName": "p"}),
        ("delete_role", {}),
    ],
)
def test_nobody_else_changes_it(iam: Any, operation: str, arguments: dict[str, Any]) -> None:
    iam.create_service_linked_role(AWSServiceName=SERVICE)
    iam.create_instance_profile(InstanceProfileName="p")
    before = iam.get_role(RoleName=NAME)["Role"]
    with refused("UnmodifiableEntity", PROTECTED, 400):
        getattr(iam, operation)(RoleName=NAME, **arguments)
    assert iam.get_role(RoleName=NAME)["Role"] == before
    assert len(iam.list_attached_role_policies(RoleName=NAME)["AttachedPolicies"]) == 1
    assert iam.list_role_policies(RoleName=NAME)["PolicyNames"] == []


def test_its_description_and_tags_are_the_customers(iam: Any) -> None:
    iam.create_service_linked_role(AWSServiceName=SERVICE)
    iam.update_role(RoleName=NAME, Description="ours")
    iam.tag_role(RoleName=NAME, Tags=[{"Key": "k", "Value": "v"}])
    role = iam.get_role(RoleName=NAME)["Role"]
    assert (role["Description"], role["Tags"]) == ("ours", [{"Key": "k", "Value": "v"}])


def test_its_path_is_nobody_elses(iam: Any) -> None:
    with refused(
        "InvalidInput",
        "Path prefix '/aws-service-role/' can only be used for AWS Service linked Roles",
        400,
    ):
        iam.create_role(
            RoleName="r",
            Path="/aws-service-role/x/",
            AssumeRolePolicyDocument=json.dumps(TRUST),
        )
    with refused("NoSuchEntity"):
        iam.get_role(RoleName="r")


def test_it_is_deleted_in_the_background(iam: Any, clock: Any) -> None:
    iam.create_service_linked_role(AWSServiceName=SERVICE)
    task = iam.delete_service_linked_role(RoleName=NAME)["DeletionTaskId"]
    assert task.startswith(f"task/aws-service-role/{SERVICE}/{NAME}/")
    clock.wait_until_idle()
    status = iam.get_service_linked_role_deletion_status(DeletionTaskId=task)
    assert status["Status"] == "SUCCEEDED"
    with refused("NoSuchEntity"):
        iam.get_role(RoleName=NAME)
    with refused("NoSuchEntity"):
        iam.delete_service_linked_role(RoleName=NAME)
    arn = "arn:aws:iam::aws:policy/aws-service-role/BatchServiceRolePolicy"
    assert iam.list_entities_for_policy(PolicyArn=arn)["PolicyRoles"] == []
    # Made anew it is another role, which the old task does not concern.
    iam.create_service_linked_role(AWSServiceName=SERVICE)
    clock.advance(seconds=8 * 24 * 3600)
    clock.wait_until_idle()
    with refused("NoSuchEntity"):
        iam.get_service_linked_role_deletion_status(DeletionTaskId=task)
    assert iam.get_role(RoleName=NAME)["Role"]["RoleName"] == NAME


@pytest.mark.parametrize("task", ["x", "task/aws-service-role/a/b/c", "task/", "/", "a" * 1000])
def test_a_task_that_is_none(iam: Any, task: str) -> None:
    with refused("NoSuchEntity"):
        iam.get_service_linked_role_deletion_status(DeletionTaskId=task)


def test_an_ordinary_role_is_not_deleted_so(iam: Any) -> None:
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(TRUST))
    with refused("NoSuchEntity"):
        iam.delete_service_linked_role(RoleName="r")
    iam.get_role(RoleName="r")


def test_organisations_do_not_limit_its_sessions() -> None:
    arn = f"arn:aws:iam::1:role/aws-service-role/{SERVICE}/{NAME}"
    assert Principal(Kind.ROLE_SESSION, "1", "", arn).service_linked
    other = "arn:aws:iam::1:role/x/aws-service-role/y"
    assert not Principal(Kind.ROLE_SESSION, "1", "", other).service_linked
