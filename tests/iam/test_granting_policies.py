"""Which policies let somebody at a service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from iam.refusals import refused
from persons import Person, allow, deny, document, refusal

Make = Callable[..., Any]


@pytest.fixture
def iam(client: Make) -> Any:
    return client("iam")


def granting(iam: Any, arn: str, *services: str) -> dict[str, list[str]]:
    told = iam.list_policies_granting_service_access(Arn=arn, ServiceNamespaces=list(services))
    return {
        one["ServiceNamespace"]: [policy["PolicyName"] for policy in one["Policies"]]
        for one in told["PoliciesGrantingServiceAccess"]
    }


def test_policies_of_a_user_and_of_its_groups(iam: Any, ann: Person) -> None:
    ann.may(allow("s3:Get*"), deny("sqs:*"))
    iam.create_group(GroupName="g")
    iam.put_group_policy(GroupName="g", PolicyName="p", PolicyDocument=document(allow("s3:List*")))
    iam.add_user_to_group(GroupName="g", UserName="ann")
    aws = "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess"
    iam.attach_user_policy(UserName="ann", PolicyArn=aws)
    assert granting(iam, ann.arn, "s3", "sqs", "iam") == {
        "iam": [],
        "s3": ["own", "p"],
        "sqs": ["AmazonSQSReadOnlyAccess"],
    }
    told = iam.list_policies_granting_service_access(Arn=ann.arn, ServiceNamespaces=["sqs", "s3"])[
        "PoliciesGrantingServiceAccess"
    ]
    assert [one["Policies"][0] for one in told] == [
        {"PolicyName": "own", "PolicyType": "INLINE", "EntityType": "USER", "EntityName": "ann"},
        {"PolicyName": "AmazonSQSReadOnlyAccess", "PolicyType": "MANAGED", "PolicyArn": aws},
    ]
    group = iam.get_group(GroupName="g")["Group"]["Arn"]
    assert granting(iam, group, "s3", "sqs") == {"s3": ["p"], "sqs": []}


@pytest.mark.parametrize(
    ("excepted", "granted"),
    [("iam:*", True), ("s3:GetObject", True), ("s3:*", False), ("S3:*", False), ("*", False)],
)
def test_all_but_some_actions(iam: Any, ann: Person, excepted: str, granted: bool) -> None:
    ann.may({"Effect": "Allow", "NotAction": excepted, "Resource": "*"})
    assert granting(iam, ann.arn, "s3")["s3"] == (["own"] if granted else [])


def test_whose_policies(iam: Any, ann: Person, account: str) -> None:
    asked = {"ServiceNamespaces": ["s3"]}
    with refused("NoSuchEntity"):
        iam.list_policies_granting_service_access(Arn=ann.arn.replace("/", "/p/"), **asked)
    with refused("NoSuchEntity"):
        iam.list_policies_granting_service_access(Arn=ann.arn + "x", **asked)
    with refused("InvalidInput"):
        iam.list_policies_granting_service_access(Arn=f"arn:aws:iam::{account}:policy/p", **asked)
    mine = ann.client("iam").list_policies_granting_service_access
    assert refusal(mine, Arn=ann.arn, **asked)[0] == "AccessDenied"
