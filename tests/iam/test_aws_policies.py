"""Policies that AWS manages: those that come with pilvi, and those that somebody adds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iam.refusals import refused
from pilvi.base.arn import Scope
from pilvi.base.errors import PilviError
from pilvi.services.iam import aws_policies, documents
from pilvi.store.memory import MemoryStore
from servers import Server

Make = Callable[..., Any]

SCOPE = Scope("000000000001", "us-east-1")
ALLOW = {"Effect": "Allow", "Action": "dynamodb:ListTables", "Resource": "*"}
DOCUMENT = {"Version": "2012-10-17", "Statement": [ALLOW]}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"},
    ],
}
EVERYDAY = (
    *("AdministratorAccess", "PowerUserAccess", "ReadOnlyAccess", "SecurityAudit"),
    *("job-function/ViewOnlyAccess", "IAMFullAccess", "IAMReadOnlyAccess", "IAMUserChangePassword"),
    *("service-role/AWSLambdaBasicExecutionRole", "service-role/AWSLambdaRole"),
    *("service-role/AWSLambdaDynamoDBExecutionRole", "service-role/AWSLambdaSQSQueueExecutionRole"),
    *("service-role/AWSLambdaKinesisExecutionRole", "service-role/AWSLambdaVPCAccessExecutionRole"),
    *("service-role/AWSLambdaMSKExecutionRole", "AWSLambda_FullAccess", "AWSLambda_ReadOnlyAccess"),
    *("AmazonS3FullAccess", "AmazonS3ReadOnlyAccess", "AmazonDynamoDBFullAccess"),
    *("AmazonDynamoDBFullAccess_v2", "AmazonDynamoDBReadOnlyAccess", "CloudWatchLogsFullAccess"),
    *("AWSKeyManagementServicePowerUser", "CloudWatchLogsReadOnlyAccess"),
    *("AmazonAPIGatewayAdministrator", "AmazonAPIGatewayInvokeFullAccess"),
    *("service-role/AmazonAPIGatewayPushToCloudWatchLogs", "AmazonSQSFullAccess"),
    *("AmazonSNSFullAccess", "AmazonEventBridgeFullAccess", "AWSStepFunctionsFullAccess"),
    *("AmazonSSMReadOnlyAccess", "SecretsManagerReadWrite", "AWSXRayDaemonWriteAccess"),
)


@pytest.fixture
def iam(client: Make) -> Any:
    return client("iam")


# AWS's own policies are policies that IAM itself would take.
def test_every_policy_is_well_formed() -> None:
    policies = list(aws_policies.all_policies("aws"))
    assert len(policies) > 1500
    assert len({policy.id for policy in policies}) == len(policies)
    assert {f"arn:aws:iam::aws:policy/{name}" for name in EVERYDAY} <= {p.arn for p in policies}
    store = MemoryStore()

    def check(at: Any) -> None:
        for policy in policies:
            found = aws_policies.find_policy(at, SCOPE, policy.arn)
            assert found is not None
            (version,) = found.versions
            assert version.number == found.default_version
            documents.check_identity_policy(version.document)

    asyncio.run(store.read(check))


# As the AWS Managed Policy Reference Guide has it.
def test_a_policy_is_told_as_aws_tells_it(iam: Any) -> None:
    arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaRole"
    told = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (told["PolicyName"], told["Path"]) == ("AWSLambdaRole", "/service-role/")
    assert told["CreateDate"].isoformat().startswith("2015-02-06T18:41")
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"] == {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["lambda:InvokeFunction"], "Resource": ["*"]},
        ],
    }
    with refused("NoSuchEntity"):
        iam.get_policy(PolicyArn=arn.replace(":aws:policy", ":aws:policy/other"))
    with refused("NoSuchEntity"):
        iam.get_policy(PolicyArn="arn:aws-cn:iam::aws:policy/service-role/AWSLambdaRole")


def test_a_policy_of_a_service_is_not_for_others(iam: Any) -> None:
    iam.create_user(UserName="u")
    with refused(
        "PolicyNotAttachable", "Cannot attach a Service Role Policy to a Customer Role.", 400
    ):
        iam.attach_user_policy(
            UserName="u",
            PolicyArn="arn:aws:iam::aws:policy/aws-service-role/AWSSupportServiceRolePolicy",
        )
    assert iam.list_attached_user_policies(UserName="u")["AttachedPolicies"] == []


def test_who_uses_a_policy_and_how(iam: Any) -> None:
    arn = "arn:aws:iam::aws:policy/AdministratorAccess"
    role = {"AssumeRolePolicyDocument": json.dumps(TRUST)}
    iam.create_role(RoleName="has", Path="/p/", **role)
    iam.create_role(RoleName="bounded", PermissionsBoundary=arn, **role)
    iam.attach_role_policy(RoleName="has", PolicyArn=arn)
    own = iam.create_policy(PolicyName="own", PolicyDocument=json.dumps(DOCUMENT))["Policy"]["Arn"]

    def entities(**more: Any) -> list[str]:
        told = iam.list_entities_for_policy(PolicyArn=arn, **more)
        return [one["RoleName"] for one in told["PolicyRoles"]]

    def policies(**more: Any) -> list[str]:
        return [one["Arn"] for one in iam.list_policies(**more)["Policies"]]

    assert entities() == ["bounded", "has"]
    assert entities(PolicyUsageFilter="PermissionsPolicy") == ["has"]
    assert entities(PolicyUsageFilter="PermissionsBoundary") == ["bounded"]
    assert entities(PathPrefix="/p/") == ["has"]
    assert entities(EntityFilter="User") == []
    told = iam.list_entities_for_policy(PolicyArn=arn, MaxItems=1)
    assert entities(Marker=told["Marker"]) == ["has"]
    assert policies(PolicyUsageFilter="PermissionsPolicy") == [arn]
    assert policies(PolicyUsageFilter="PermissionsBoundary") == [arn]
    assert policies(OnlyAttached=True, Scope="Local") == []
    iam.detach_role_policy(RoleName="has", PolicyArn=arn)
    assert policies(OnlyAttached=True) == []
    assert policies(PolicyUsageFilter="PermissionsBoundary") == [arn]
    assert policies(Scope="Local") == [own]


@pytest.mark.parametrize("marker", ["x", "bG9jYWw=", ""])
def test_a_made_up_marker_is_refused(iam: Any, marker: str) -> None:
    with refused("ValidationError"):
        iam.list_policies(Marker=marker)


# `--aws-policies`: what is in the folder is as good as AWS's; a server that lacks it later refuses by name.
def test_policies_can_be_added(own_server: Callable[..., Server], tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    (folder / "service-role").mkdir(parents=True)
    (folder / "service-role" / "Mine.json").write_text(json.dumps(DOCUMENT))
    printed = {"PolicyVersion": {"Document": DOCUMENT, "VersionId": "v3"}}
    (folder / "Printed.json").write_text(json.dumps(printed))
    server = own_server("--aws-policies", str(folder), data=tmp_path / "data")
    iam = server.client("iam", SCOPE.account)
    mine = "arn:aws:iam::aws:policy/service-role/Mine"
    told = iam.get_policy_version(
        PolicyArn="arn:aws:iam::aws:policy/Printed",
        VersionId=iam.get_policy(PolicyArn="arn:aws:iam::aws:policy/Printed")["Policy"][
            "DefaultVersionId"
        ],
    )
    assert told["PolicyVersion"]["Document"] == DOCUMENT
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    iam.attach_user_policy(UserName="ann", PolicyArn=mine)
    keys = {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }
    assert server.client("dynamodb", SCOPE.account, **keys).list_tables()["TableNames"] == []
    with refused("AccessDeniedException"):
        server.client("dynamodb", SCOPE.account, **keys).describe_table(TableName="t")
    assert server.stop() == 0
    without = Server(tmp_path / "data").start()
    try:
        with refused("NotImplemented"):
            without.client("dynamodb", SCOPE.account, **keys).list_tables()
    finally:
        without.kill()


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"Version": "2012-10-17"}', '"x"'])
def test_a_folder_with_something_else_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(PilviError, match="holds no policies"):
        aws_policies.add_directory(tmp_path)
    (tmp_path / "Bad.json").write_text(text)
    with pytest.raises(PilviError, match=r"Bad\.json holds no policy"):
        aws_policies.add_directory(tmp_path)
