"""Whatever an ARN says besides, it names one thing: no other spelling gets round a policy that denies it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from persons import Person, allow, deny, refusal, trust

Make = Callable[..., Any]


def _role(make: Make, account: str) -> str:
    made = make("iam").create_role(
        RoleName="admin", AssumeRolePolicyDocument=trust(AWS=f"arn:aws:iam::{account}:root")
    )
    return made["Role"]["Arn"]


def _policy(make: Make, account: str) -> str:
    text = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"},
    }
    made = make("iam").create_policy(PolicyName="p", PolicyDocument=json.dumps(text))
    return made["Policy"]["Arn"]


def _key(make: Make, account: str) -> str:
    return make("kms").create_key()["KeyMetadata"]["Arn"]


def _group(make: Make, account: str) -> str:
    make("logs").create_log_group(logGroupName="/a/b")
    return f"arn:aws:logs:us-east-1:{account}:log-group:/a/b"


def _table(make: Make, account: str) -> str:
    made = make("dynamodb").create_table(
        TableName="things",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return made["TableDescription"]["TableArn"]


def _layer(make: Make, account: str) -> str:
    from lambda_.support import package

    made = make("lambda").publish_layer_version(
        LayerName="l", Content={"ZipFile": package("x = 1")}
    )
    return made["LayerVersionArn"]


@pytest.mark.parametrize(
    ("make_thing", "service", "operation", "request_"),
    [
        (_role, "sts", "assume_role", lambda arn: {"RoleArn": arn, "RoleSessionName": "abc"}),
        (_policy, "iam", "get_policy", lambda arn: {"PolicyArn": arn}),
        (_policy, "iam", "delete_policy", lambda arn: {"PolicyArn": arn}),
        (_key, "kms", "describe_key", lambda arn: {"KeyId": arn}),
        (_group, "logs", "list_tags_for_resource", lambda arn: {"resourceArn": arn}),
        (
            _group,
            "logs",
            "tag_resource",
            lambda arn: {"resourceArn": arn, "tags": {"a": "b"}},
        ),
        (_table, "dynamodb", "describe_table", lambda arn: {"TableName": arn}),
        (_table, "dynamodb", "list_tags_of_resource", lambda arn: {"ResourceArn": arn}),
        (_layer, "lambda", "get_layer_version_by_arn", lambda arn: {"Arn": arn}),
    ],
)
def test_no_partition_gets_round_a_deny(
    client: Make,
    account: str,
    make_thing: Callable[[Make, str], str],
    service: str,
    operation: str,
    request_: Callable[[str], dict[str, Any]],
) -> None:
    arn = make_thing(client, account)
    ann = Person(client, account)
    ann.may(allow("*"))
    asked = getattr(ann.client(service), operation)
    if operation != "delete_policy":
        asked(**request_(arn))
    ann.may(allow("*"), deny("*", [arn, f"{arn}:*"]))
    for partition in ("aws", "aws-cn", "aws-us-gov"):
        code, _ = refusal(asked, **request_(arn.replace("arn:aws:", f"arn:{partition}:")))
        assert code in ("AccessDenied", "AccessDeniedException"), partition
