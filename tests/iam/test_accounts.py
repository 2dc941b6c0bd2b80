"""What an account tells of itself: alias, summary, all of its permissions, credential report."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from iam.codes import App
from iam.refusals import refused
from pilvi.base.arn import Scope
from pilvi.contracts.jobs import Job
from pilvi.services.iam import iam as iam_service
from pilvi.services.iam.credential_report import CREDENTIAL_REPORTS, CredentialReport, find
from pilvi.store.api import Transaction
from pilvi.store.memory import MemoryStore

Make = Callable[..., Any]
ALLOW = json.dumps(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
)
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"},
    }
)


# An alias is one account's in the whole cloud; a new one takes the old one's place.
def test_aliases_are_unique(client: Make, account: str) -> None:
    iam = client("iam")
    mine = f"account-{account}"
    assert iam.list_account_aliases()["AccountAliases"] == []
    iam.create_account_alias(AccountAlias=mine)
    other = client("iam", account="9" + account[1:])
    for somebody in (iam, other):
        with refused("EntityAlreadyExists", f"The account alias {mine} already exists.", 409):
            somebody.create_account_alias(AccountAlias=mine)
    with refused("NoSuchEntity", status=404):
        other.delete_account_alias(AccountAlias=mine)
    iam.create_account_alias(AccountAlias=f"{mine}-b")
    assert iam.list_account_aliases(MaxItems=1)["AccountAliases"] == [f"{mine}-b"]
    other.create_account_alias(AccountAlias=mine)
    iam.delete_account_alias(AccountAlias=f"{mine}-b")
    assert iam.list_account_aliases()["AccountAliases"] == []
    other.delete_account_alias(AccountAlias=mine)
    with refused("InvalidInput"):
        iam.create_account_alias(AccountAlias="123456789012")
    for alias in ("a--b", "-ab", "ab-", "Abc", "ab"):
        with refused("ValidationError"):
            iam.create_account_alias(AccountAlias=alias)


def test_the_summary_counts(client: Make) -> None:
    iam = client("iam")
    before = iam.get_account_summary()["SummaryMap"]
    assert {name: before[name] for name in ("Users", "Roles", "MFADevices", "Policies")} == {
        "Users": 0,
        "Roles": 0,
        "MFADevices": 0,
        "Policies": 0,
    }
    iam.create_user(UserName="ann")
    iam.create_group(GroupName="g")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    arn = iam.create_policy(PolicyName="p", PolicyDocument=ALLOW)["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=ALLOW)
    iam.create_virtual_mfa_device(VirtualMFADeviceName="d")
    key = iam.create_access_key()["AccessKey"]["AccessKeyId"]
    after = iam.get_account_summary()["SummaryMap"]
    changed = {name: after[name] for name in after if after[name] != before[name]}
    assert changed == {
        "Users": 1,
        "Groups": 1,
        "Roles": 1,
        "Policies": 1,
        "PolicyVersionsInUse": 2,
        "MFADevices": 1,
        "AccountAccessKeysPresent": 1,
    }
    assert (after["UsersQuota"], after["RolesQuota"], after["PolicySizeQuota"]) == (
        5000,
        1000,
        6144,
    )
    iam.delete_access_key(AccessKeyId=key)


def _populate(iam: Any) -> None:
    iam.create_group(GroupName="g")
    iam.put_group_policy(GroupName="g", PolicyName="inline", PolicyDocument=ALLOW)
    arn = iam.create_policy(PolicyName="p", PolicyDocument=ALLOW)["Policy"]["Arn"]
    for name in ("ann", "bob"):
        iam.create_user(UserName=name, Tags=[{"Key": "k", "Value": "v"}], PermissionsBoundary=arn)
        iam.add_user_to_group(GroupName="g", UserName=name)
    iam.put_user_policy(UserName="ann", PolicyName="inline", PolicyDocument=ALLOW)
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    iam.attach_role_policy(RoleName="r", PolicyArn=arn)
    iam.attach_role_policy(RoleName="r", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    iam.create_instance_profile(InstanceProfileName="i")
    iam.add_role_to_instance_profile(InstanceProfileName="i", RoleName="r")


def test_all_permissions_of_an_account(client: Make, account: str) -> None:
    iam = client("iam")
    _populate(iam)
    told = iam.get_account_authorization_details()
    assert not told["IsTruncated"]
    ann, bob = told["UserDetailList"]
    arn = f"arn:aws:iam::{account}:policy/p"
    assert ann["UserPolicyList"] == [{"PolicyName": "inline", "PolicyDocument": json.loads(ALLOW)}]
    assert "UserPolicyList" not in bob
    assert (bob["GroupList"], bob["Tags"]) == (["g"], [{"Key": "k", "Value": "v"}])
    assert bob["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
    (group,) = told["GroupDetailList"]
    assert [one["PolicyName"] for one in group["GroupPolicyList"]] == ["inline"]
    (role,) = told["RoleDetailList"]
    assert role["AssumeRolePolicyDocument"] == json.loads(TRUST)
    assert [one["InstanceProfileName"] for one in role["InstanceProfileList"]] == ["i"]
    assert {one["PolicyName"] for one in role["AttachedManagedPolicies"]} == {
        "p",
        "AdministratorAccess",
    }
    own, aws = told["Policies"]
    assert (own["Arn"], own["AttachmentCount"], own["PermissionsBoundaryUsageCount"]) == (arn, 1, 2)
    assert own["PolicyVersionList"][0]["Document"] == json.loads(ALLOW)
    assert aws["Arn"] == "arn:aws:iam::aws:policy/AdministratorAccess"


LISTS = {
    "UserDetailList": "UserName",
    "GroupDetailList": "GroupName",
    "RoleDetailList": "RoleName",
    "Policies": "PolicyName",
}


def _names(page: Any) -> list[str]:
    return [one[name] for member, name in LISTS.items() for one in page[member]]


# Pages go through all kinds in order, each entity once, whatever their size; filters leave kinds out.
@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_details_come_in_pages(client: Make, size: int) -> None:
    iam = client("iam")
    _populate(iam)
    pages = iam.get_paginator("get_account_authorization_details").paginate(
        PaginationConfig={"PageSize": size}
    )
    parts = [_names(page) for page in pages]
    assert [name for part in parts for name in part] == [
        "ann",
        "bob",
        "g",
        "r",
        "p",
        "AdministratorAccess",
    ]
    assert all(len(part) <= size for part in parts)
    filtered = iam.get_account_authorization_details(Filter=["Role", "AWSManagedPolicy"])
    assert _names(filtered) == ["r", "AdministratorAccess"]
    for marker in ("nonsense", iam.list_users(MaxItems=1)["Marker"]):
        with refused("ValidationError"):
            iam.get_account_authorization_details(Marker=marker)


def _rows(content: bytes) -> dict[str, dict[str, str]]:
    return {row["user"]: row for row in csv.DictReader(io.StringIO(content.decode()))}


def test_a_credential_report_is_made_and_expires(client: Make, account: str, clock: Any) -> None:
    iam = client("iam")
    with refused("ReportNotPresent", status=410):
        iam.get_credential_report()
    clock.freeze()
    iam.create_user(UserName="ann,=1", Path="/p/")
    iam.create_login_profile(UserName="ann,=1", Password="Some-Pass-1")
    iam.update_account_password_policy(MaxPasswordAge=10)
    key = iam.create_access_key(UserName="ann,=1")["AccessKey"]
    with refused("AccessDenied"):
        client(
            "iam",
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
        ).list_users()
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName="d")["VirtualMFADevice"]
    app, now = App(device["Base32StringSeed"]), clock.now_ms()
    iam.enable_mfa_device(
        UserName="ann,=1",
        SerialNumber=device["SerialNumber"],
        AuthenticationCode1=app.code(now, -1),
        AuthenticationCode2=app.code(now),
    )
    iam.create_user(UserName="bob")
    off = iam.create_access_key(UserName="bob")["AccessKey"]["AccessKeyId"]
    iam.update_access_key(UserName="bob", AccessKeyId=off, Status="Inactive")
    assert iam.generate_credential_report()["State"] == "STARTED"
    clock.wait_until_idle()
    assert iam.generate_credential_report()["State"] == "COMPLETE"
    report = iam.get_credential_report()
    assert report["ReportFormat"] == "text/csv"
    rows = _rows(report["Content"])
    assert list(rows) == ["<root_account>", "ann,=1", "bob"]
    ann, bob = rows["ann,=1"], rows["bob"]
    assert len(ann) == 22
    assert ann["arn"] == f"arn:aws:iam::{account}:user/p/ann,=1"
    assert ann["password_enabled"] == "true"
    assert ann["password_last_used"] == "no_information"
    assert ann["password_next_rotation"] > ann["password_last_changed"]
    assert (ann["mfa_active"], ann["access_key_1_active"], ann["access_key_2_active"]) == (
        "true",
        "true",
        "false",
    )
    assert (ann["access_key_1_last_used_service"], ann["access_key_1_last_used_region"]) == (
        "iam",
        "us-east-1",
    )
    assert ann["access_key_1_last_used_date"].endswith("+00:00")
    assert (bob["password_enabled"], bob["password_last_changed"], bob["mfa_active"]) == (
        "false",
        "N/A",
        "false",
    )
    assert (bob["access_key_1_active"], bob["access_key_1_last_used_date"]) == ("false", "N/A")
    assert bob["access_key_1_last_rotated"].endswith("+00:00")
    assert rows["<root_account>"]["password_enabled"] == "not_supported"
    clock.advance(seconds=4 * 3600)
    with refused("ReportExpired", status=410):
        iam.get_credential_report()
    assert iam.generate_credential_report()["State"] == "STARTED"
    clock.wait_until_idle()
    assert _rows(iam.get_credential_report()["Content"]).keys() == rows.keys()


# More users than are read at once are all there, in order.
def test_a_report_of_many_users(client: Make, clock: Any) -> None:
    iam = client("iam")
    names = [f"user{number:03d}" for number in range(201)]
    for name in names:
        iam.create_user(UserName=name)
    iam.generate_credential_report()
    clock.wait_until_idle()
    assert list(_rows(iam.get_credential_report()["Content"]))[1:] == names


# A report that could not be made is forgotten, and another one can be asked for; a later one is left alone.
def test_a_report_that_failed_makes_room_for_another() -> None:
    scope = Scope("111122223333", "aws-global")
    bury = iam_service.jobs["iam.report"].bury
    assert bury is not None

    def begin(tx: Transaction) -> None:
        report = CredentialReport(id="second", asked_at_ms=0)
        CREDENTIAL_REPORTS.put(tx, (scope.account, scope.region), report)

    async def run() -> None:
        store = MemoryStore()
        await store.write(begin)
        for report_id, left in (("first", True), ("second", False)):
            payload = msgspec.msgpack.encode(report_id)
            job = Job("iam.report", payload, account=scope.account, region=scope.region)
            forget = bury(job, "it failed")
            assert forget is not None
            await store.write(forget)
            assert (await store.read(lambda at: find(at, scope)) is not None) == left

    asyncio.run(run())
