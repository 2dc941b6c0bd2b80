"""When keys and roles were last used, and what access advisor tells: real use, never a guess."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from iam.refusals import refused
from servers import Server

Client = Callable[..., Any]


def _policy(*actions: str, resource: str = "*") -> str:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def iam(client: Client) -> Any:
    return client("iam")


def _key(iam: Any, name: str, *actions: str) -> dict[str, str]:
    iam.create_user(UserName=name)
    if actions:
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=_policy(*actions))
    return iam.create_access_key(UserName=name)["AccessKey"]


def _as(server: Server, account: str, key: dict[str, str], service: str, **more: Any) -> Any:
    return server.client(
        service,
        account,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        **more,
    )


# A key that was never used says N/A; a use tells service, region and time, also when it was refused.
def test_when_a_key_was_last_used(iam: Any, server: Server, account: str, clock: Any) -> None:
    key = _key(iam, "ann")
    ask = {"AccessKeyId": key["AccessKeyId"]}
    told = iam.get_access_key_last_used(**ask)
    assert told["UserName"] == "ann"
    assert told["AccessKeyLastUsed"] == {"ServiceName": "N/A", "Region": "N/A"}
    with refused("AccessDeniedException"):
        _as(server, account, key, "dynamodb", region_name="eu-west-1").list_tables()
    told = iam.get_access_key_last_used(**ask)["AccessKeyLastUsed"]
    assert (told["ServiceName"], told["Region"]) == ("dynamodb", "eu-west-1")
    now = datetime.fromtimestamp(clock.now_ms() / 1000, UTC)
    assert abs((now - told["LastUsedDate"]).total_seconds()) < 60
    _as(server, account, key, "sts").get_caller_identity()
    told = iam.get_access_key_last_used(**ask)["AccessKeyLastUsed"]
    assert (told["ServiceName"], told["Region"]) == ("sts", "us-east-1")


# Of keys of nobody, of another account, and of those deleted, nothing is told.
def test_keys_of_others_are_not_told(iam: Any, client: Client) -> None:
    key = _key(iam, "ann")
    with refused("AccessDenied", status=403):
        stranger = client("iam", account="000000000042")
        stranger.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
    with refused("AccessDenied", status=403):
        iam.get_access_key_last_used(AccessKeyId="AKIA0000000000000000")
    iam.delete_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"])
    with refused("AccessDenied", status=403):
        iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])


# The permission is asked for the user whose key it is, whom only the key tells.
def test_permission_is_about_the_keys_user(iam: Any, server: Server, account: str) -> None:
    key = _key(iam, "ann")
    other = _key(iam, "bob")
    document = _policy(
        "iam:GetAccessKeyLastUsed", resource=f"arn:aws:iam::{account}:user/${{aws:username}}"
    )
    iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=document)
    as_ann = _as(server, account, key, "iam")
    assert as_ann.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["UserName"] == "ann"
    with refused("AccessDenied", status=403):
        as_ann.get_access_key_last_used(AccessKeyId=other["AccessKeyId"])


# A role is used by its sessions, whatever they are called.
def test_when_a_role_was_last_used(iam: Any, client: Client, server: Server, account: str) -> None:
    principal = {"AWS": f"arn:aws:iam::{account}:root"}
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}],
    }
    arn = iam.create_role(RoleName="worker", AssumeRolePolicyDocument=json.dumps(trust))["Role"][
        "Arn"
    ]
    assert iam.get_role(RoleName="worker")["Role"]["RoleLastUsed"] == {}
    given = client("sts").assume_role(RoleArn=arn, RoleSessionName="s1")["Credentials"]
    session = server.client(
        "sts",
        account,
        region_name="eu-north-1",
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    session.get_caller_identity()
    _details(iam, arn)  # brings what was noted to the store
    used = iam.get_role(RoleName="worker")["Role"]["RoleLastUsed"]
    assert used["Region"] == "eu-north-1"
    assert "LastUsedDate" in used


def _details(iam: Any, arn: str, **more: Any) -> dict[str, Any]:
    job = iam.generate_service_last_accessed_details(Arn=arn, **more)["JobId"]
    told = iam.get_service_last_accessed_details(JobId=job)
    assert told["JobStatus"] == "COMPLETED"
    assert not told["IsTruncated"]
    return {"job": job, **{one["ServiceNamespace"]: one for one in told["ServicesLastAccessed"]}}


# What policies allow is listed, used or not; what was used has a time, a place and the one who did it.
def test_services_last_accessed(iam: Any, server: Server, account: str) -> None:
    key = _key(iam, "ann", "dynamodb:List*", "s3:GetObject", "ec2:RunInstances")
    _as(server, account, key, "dynamodb").list_tables()
    arn = f"arn:aws:iam::{account}:user/ann"
    found = _details(iam, arn)
    assert set(found) == {"job", "dynamodb", "s3", "ec2"}
    used = found["dynamodb"]
    assert used["ServiceName"] == "Amazon DynamoDB"
    assert used["LastAuthenticatedEntity"] == arn
    assert used["LastAuthenticatedRegion"] == "us-east-1"
    assert used["TotalAuthenticatedEntities"] == 1
    assert "TrackedActionsLastAccessed" not in used
    assert found["s3"]["TotalAuthenticatedEntities"] == 0
    assert "LastAuthenticated" not in found["s3"]
    tracked = _details(iam, arn, Granularity="ACTION_LEVEL")["dynamodb"]
    times = {one["ActionName"]: one for one in tracked["TrackedActionsLastAccessed"]}
    assert times["ListTables"]["LastAccessedEntity"] == arn
    assert "LastAccessedTime" not in times["ListBackups"]


# Of a group and of a policy it tells which of their people used a service.
def test_entities_behind_a_group_and_a_policy(iam: Any, server: Server, account: str) -> None:
    keys = {name: _key(iam, name) for name in ("ann", "bob")}
    policy = iam.create_policy(PolicyName="read", PolicyDocument=_policy("dynamodb:ListTables"))
    iam.create_group(GroupName="readers")
    iam.attach_group_policy(GroupName="readers", PolicyArn=policy["Policy"]["Arn"])
    for name in keys:
        iam.add_user_to_group(GroupName="readers", UserName=name)
    _as(server, account, keys["bob"], "dynamodb").list_tables()
    for arn in (f"arn:aws:iam::{account}:group/readers", policy["Policy"]["Arn"]):
        found = _details(iam, arn)
        assert found["dynamodb"]["TotalAuthenticatedEntities"] == 1
        first = iam.get_service_last_accessed_details_with_entities(
            JobId=found["job"], ServiceNamespace="dynamodb", MaxItems=1
        )
        rest = iam.get_service_last_accessed_details_with_entities(
            JobId=found["job"], ServiceNamespace="dynamodb", Marker=first["Marker"]
        )
        (used,), (unused,) = first["EntityDetailsList"], rest["EntityDetailsList"]
        assert (used["EntityInfo"]["Name"], "LastAuthenticated" in used) == ("bob", True)
        assert (unused["EntityInfo"]["Name"], "LastAuthenticated" in unused) == ("ann", False)


# Jobs and subjects that are not there, and what is no ARN.
def test_reports_on_nothing(iam: Any, account: str) -> None:
    with refused("NoSuchEntity", status=404):
        iam.generate_service_last_accessed_details(Arn=f"arn:aws:iam::{account}:user/nobody")
    with refused("AccessDenied", status=403):
        iam.generate_service_last_accessed_details(Arn="arn:aws:iam::000000000042:user/nobody")
    with refused("InvalidInput"):
        iam.generate_service_last_accessed_details(Arn="this is no ARN, and never was")
    with refused("NoSuchEntity", status=404):
        iam.get_service_last_accessed_details(JobId="0" * 36)


# Other accounts cannot read a report, and after a week nobody can.
def test_reports_are_the_accounts_own_and_end(
    iam: Any, client: Client, account: str, clock: Any
) -> None:
    iam.create_user(UserName="ann")
    job = _details(iam, f"arn:aws:iam::{account}:user/ann")["job"]
    with refused("NoSuchEntity", status=404):
        client("iam", account="000000000042").get_service_last_accessed_details(JobId=job)
    clock.advance(seconds=7 * 24 * 3600 + 60)
    clock.wait_until_idle()
    with refused("NoSuchEntity", status=404):
        iam.get_service_last_accessed_details(JobId=job)


# What was noted is there after a graceful end and a new start.
def test_a_graceful_end_keeps_what_was_noted(own_server: Callable[..., Server]) -> None:
    server = own_server()
    account = "000000000007"
    iam = server.client("iam", account)
    key = _key(iam, "ann")
    _as(server, account, key, "sts").get_caller_identity()
    assert server.stop() == 0
    server.start()
    told = server.client("iam", account).get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
    assert told["AccessKeyLastUsed"]["ServiceName"] == "sts"
