"""The tables of actions, as AWS's service authorization reference has them."""

from __future__ import annotations

import pytest

from pilvi.identity.actions import PREFIXES, actions_matching, find_action, find_table


@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_table_holds_together(prefix: str) -> None:
    table = find_table(prefix)
    assert table is not None
    assert table.prefix == prefix
    for action in table.actions:
        assert action.name.startswith(f"{prefix}:")
        assert table.find(action.name.upper()) is action
        assert list(table.types_of(action)) == [table.type(one.type) for one in action.targets]
        own = {key for key in table.keys_of(action) if not key.startswith("aws:")}
        assert own <= set(table.keys), action.name


def test_an_action_tells_what_it_needs() -> None:
    create = find_action("lambda:createfunction")
    assert create is not None
    assert (create.name, create.access) == ("lambda:CreateFunction", "Write")
    assert "iam:PassRole" in create.all_dependents
    assert "aws:RequestTag/*" in create.keys
    assert find_action("lambda:MakeFunction") is None
    assert find_action("nothing:AtAll") is None


@pytest.mark.parametrize(
    ("arn", "types"),
    [
        ("arn:aws:s3:::photos", ["bucket"]),
        ("arn:aws:s3:::photos/2024/a:b.jpg", ["object"]),
        ("arn:aws:dynamodb:us-east-1:000000000001:table/visits", ["table"]),
        ("arn:aws:dynamodb:us-east-1:000000000001:table/visits/index/by-day", ["index"]),
        ("arn:aws:iam::000000000001:role/some/where/maker", ["role"]),
        ("arn:aws:logs:us-east-1:000000000001:log-group:/aws/lambda/f", ["log-group"]),
        ("arn:aws:logs:us-east-1:000000000001:log-group:/a/b:log-stream:c/d", ["log-stream"]),
        ("arn:aws:kms:us-east-1:000000000001:alias/aws/s3", ["alias"]),
        ("arn:aws:lambda:us-east-1:000000000001:function:f", ["function"]),
        ("arn:aws:apigateway:us-east-1::/restapis/a1/stages/live", ["RestStage"]),
        ("arn:aws:apigateway:us-east-1::/apis/a1/stages/live", ["Stage"]),
        ("photos", []),
    ],
)
def test_an_arn_is_of_its_type_alone(arn: str, types: list[str]) -> None:
    prefix = arn.split(":")[2] if ":" in arn else "s3"
    table = find_table(prefix)
    assert table is not None
    assert [one.name for one in table.types if one.fits(arn)] == types


def test_patterns_find_actions() -> None:
    found = [one.name for one in actions_matching("S3:get*Acl")]
    assert found == ["s3:GetBucketAcl", "s3:GetObjectAcl", "s3:GetObjectVersionAcl"]
    assert len(list(actions_matching("*"))) > 700
    assert list(actions_matching("ec2:*")) == []
