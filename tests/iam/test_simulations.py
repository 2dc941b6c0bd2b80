"""The policy simulator, over the wire: the same answers as the engine gives, taken apart as AWS does."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from iam.refusals import refused
from persons import Person, allow, deny, document, refusal, trust

Make = Callable[..., Any]

BUCKET = "arn:aws:s3:::bucket"
OBJECT = f"{BUCKET}/key"


@pytest.fixture
def iam(client: Make) -> Any:
    return client("iam")


def custom(iam: Any, *policies: str, action: str = "s3:GetObject", **more: Any) -> dict[str, Any]:
    """The one result of one action."""
    (result,) = iam.simulate_custom_policy(
        PolicyInputList=list(policies), ActionNames=[action], **more
    )["EvaluationResults"]
    return result


def entry(name: str, *values: str, of: str = "string") -> dict[str, Any]:
    return {"ContextKeyName": name, "ContextKeyValues": list(values), "ContextKeyType": of}


def matched(result: dict[str, Any]) -> list[str]:
    return [one["SourcePolicyId"] for one in result["MatchedStatements"]]


# As recorded of AWS, but for the account's organisation and for EvalResourceName, which has told a form since.
@pytest.mark.parametrize("kind", ["role", "group", "user"])
def test_a_principal_is_simulated_as_recorded(iam: Any, kind: str) -> None:
    statement = {"Sid": "", "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}
    policy = iam.create_policy(
        PolicyName="puts",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement}),
    )["Policy"]["Arn"]
    if kind == "role":
        made = iam.create_role(
            RoleName="x", AssumeRolePolicyDocument=trust(Service="apigateway.amazonaws.com")
        )["Role"]
        iam.attach_role_policy(RoleName="x", PolicyArn=policy)
    elif kind == "group":
        made = iam.create_group(GroupName="x")["Group"]
        iam.attach_group_policy(GroupName="x", PolicyArn=policy)
    else:
        made = iam.create_user(UserName="x")["User"]
        iam.attach_user_policy(UserName="x", PolicyArn=policy)
    answer = iam.simulate_principal_policy(
        PolicySourceArn=made["Arn"],
        ActionNames=["s3:PutObject", "s3:GetObjectVersion"],
        ResourceArns=[BUCKET],
    )
    statements = [
        {
            "SourcePolicyId": "puts",
            "SourcePolicyType": "IAM Policy",
            "StartPosition": {"Line": 1, "Column": 41},
            "EndPosition": {"Line": 1, "Column": 113},
        }
    ]
    form = "arn:${Partition}:s3:::${BucketName}/${ObjectName}"
    assert answer["EvaluationResults"] == [
        {
            "EvalActionName": action,
            "EvalResourceName": form,
            "EvalDecision": decision,
            "MatchedStatements": found,
            "MissingContextValues": [],
            "EvalDecisionDetails": {},
            "ResourceSpecificResults": [
                {
                    "EvalResourceName": BUCKET,
                    "EvalResourceDecision": decision,
                    "MatchedStatements": found,
                    "MissingContextValues": [],
                }
            ],
        }
        for action, decision, found in (
            ("s3:PutObject", "allowed", statements),
            ("s3:GetObjectVersion", "implicitDeny", []),
        )
    ]
    assert not answer["IsTruncated"]


def test_without_resources_there_are_no_results_of_each(iam: Any) -> None:
    result = custom(iam, document(allow("s3:*")))
    assert result["EvalDecision"] == "allowed"
    assert "ResourceSpecificResults" not in result
    assert "EvalDecisionDetails" not in result


# Every statement that allows is told; a statement that denies is told alone.
def test_what_made_the_decision_is_told(iam: Any) -> None:
    allows = document(allow("s3:Get*"), allow("s3:GetObject", OBJECT), allow("s3:Put*"))
    denies = document(deny("s3:GetObject", OBJECT))
    result = custom(iam, allows, document(allow("*")), ResourceArns=[OBJECT])
    assert matched(result) == ["PolicyInputList.1", "PolicyInputList.1", "PolicyInputList.2"]
    starts = [one["StartPosition"]["Column"] for one in result["MatchedStatements"]]
    assert starts[0] < starts[1]
    result = custom(iam, allows, denies, ResourceArns=[OBJECT])
    assert (result["EvalDecision"], matched(result)) == ("explicitDeny", ["PolicyInputList.2"])


def test_the_worst_of_several_resources_is_told_above(iam: Any) -> None:
    policy = document(allow("s3:GetObject", OBJECT), deny("s3:GetObject", f"{BUCKET}/secret"))
    other, secret = f"{BUCKET}/other", f"{BUCKET}/secret"

    def told(*resources: str) -> tuple[str, int, dict[str, str]]:
        result = custom(iam, policy, ResourceArns=list(resources))
        each = {
            one["EvalResourceName"]: one["EvalResourceDecision"]
            for one in result["ResourceSpecificResults"]
        }
        return result["EvalDecision"], len(result["MatchedStatements"]), each

    assert told(OBJECT) == ("allowed", 1, {OBJECT: "allowed"})
    assert told(OBJECT, other)[:2] == ("implicitDeny", 0)
    decision, count, each = told(OBJECT, other, secret)
    assert (decision, count) == ("explicitDeny", 1)
    assert each == {OBJECT: "allowed", other: "implicitDeny", secret: "explicitDeny"}


def test_keys_are_given_or_told_to_be_missing(iam: Any) -> None:
    condition = {
        "IpAddress": {"aws:SourceIp": "10.0.0.0/8"},
        "StringEquals": {"aws:RequestTag/Team": "${s3:prefix}"},
    }
    policy = document(allow("s3:ListBucket", Condition=condition), allow("s3:GetObject"))
    result = custom(iam, policy, action="s3:ListBucket")
    assert result["EvalDecision"] == "implicitDeny"
    assert result["MissingContextValues"] == ["aws:RequestTag/Team", "aws:SourceIp", "s3:prefix"]
    entries = [
        entry("AWS:SourceIP", "10.1.2.3", of="ip"),
        entry("aws:requesttag/team", "a"),
        entry("s3:prefix", "a"),
    ]
    result = custom(iam, policy, action="s3:ListBucket", ContextEntries=entries)
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("allowed", [])
    assert custom(iam, policy, ContextEntries=entries[:1])["MissingContextValues"] == []
    entries[0]["ContextKeyValues"] = ["11.1.2.3"]
    result = custom(iam, policy, action="s3:ListBucket", ContextEntries=entries)
    assert result["EvalDecision"] == "implicitDeny"


@pytest.mark.parametrize(
    ("operator", "of", "given", "wanted", "holds"),
    [
        ("NumericLessThan", "numeric", ["5"], "10", True),
        ("NumericLessThan", "numeric", ["50"], "10", False),
        ("Bool", "boolean", ["TRUE"], "true", True),
        ("DateGreaterThan", "date", ["2020-01-01T00:00:00Z"], "2019-01-01T00:00:00Z", True),
        ("BinaryEquals", "binary", ["QmluYXJ5"], "QmluYXJ5", True),
        ("NotIpAddress", "ip", ["10.0.0.1"], "10.0.0.0/8", False),
        ("ForAnyValue:StringEquals", "stringList", ["a", "b"], "b", True),
        ("ForAllValues:StringEquals", "stringList", ["a", "b"], "b", False),
        ("ForAllValues:NumericEquals", "numericList", ["1", "1.0"], "1", True),
    ],
)
def test_keys_have_types(
    iam: Any, operator: str, of: str, given: list[str], wanted: str, holds: bool
) -> None:
    policy = document(allow("s3:*", Condition={operator: {"x:key": wanted}}))
    result = custom(iam, policy, ContextEntries=[entry("x:key", *given, of=of)])
    assert (result["EvalDecision"] == "allowed") == holds


@pytest.mark.parametrize(
    "bad",
    [
        entry("x:key", "ten", of="numeric"),
        entry("x:key", "yes", of="boolean"),
        entry("x:key", "10.0.0", of="ip"),
        entry("x:key", "yesterday", of="date"),
        entry("x:key", "?", of="binary"),
        entry("x:key", "a", "b", of="string"),
        entry("xxxxx", "a"),
    ],
)
def test_a_value_of_another_type_is_refused(iam: Any, bad: dict[str, Any]) -> None:
    with refused("InvalidInput", status=400):
        custom(iam, document(allow("*")), ContextEntries=[bad])


def test_a_key_is_given_once(iam: Any) -> None:
    with refused("InvalidInput"):
        entries = [entry("x:key", "a"), entry("X:Key", "b")]
        custom(iam, document(allow("*")), ContextEntries=entries)


def test_a_boundary_limits(iam: Any, ann: Person, account: str) -> None:
    bounds = document(allow("s3:GetObject"), deny("s3:PutObject"))
    detail = "PermissionsBoundaryDecisionDetail"

    def told(action: str) -> tuple[str, bool]:
        result = custom(
            iam,
            document(allow("s3:*")),
            action=action,
            PermissionsBoundaryPolicyInputList=[bounds],
            ResourceArns=[OBJECT],
        )
        (each,) = result["ResourceSpecificResults"]
        assert each[detail] == result[detail]
        return result["EvalDecision"], result[detail]["AllowedByPermissionsBoundary"]

    assert told("s3:GetObject") == ("allowed", True)
    assert told("s3:DeleteObject") == ("implicitDeny", False)
    assert told("s3:PutObject") == ("explicitDeny", False)
    with refused("InvalidInput"):
        custom(iam, bounds, PermissionsBoundaryPolicyInputList=[bounds, bounds])
    # A user's own boundary counts, unless another is given or it is left out.
    ann.may(allow("s3:*"))
    arn = iam.create_policy(PolicyName="b", PolicyDocument=bounds)["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName="ann", PermissionsBoundary=arn)
    asked = {"PolicySourceArn": ann.arn, "ActionNames": ["s3:DeleteObject"]}

    def simulated(**more: Any) -> dict[str, Any]:
        return iam.simulate_principal_policy(**asked, **more)["EvaluationResults"][0]

    assert simulated()["EvalDecision"] == "implicitDeny"
    assert simulated()[detail] == {"AllowedByPermissionsBoundary": False}
    given = {"PermissionsBoundaryPolicyInputList": [document(allow("s3:Delete*"))]}
    assert simulated(**given)["EvalDecision"] == "allowed"
    without = simulated(PolicyExclusionList=[{"PolicyType": "permission-boundary"}])
    assert without["EvalDecision"] == "allowed"
    assert detail not in without


def test_service_control_policies_can_be_tried(iam: Any) -> None:
    everything, reading = document(allow("*")), document(allow("s3:Get*"))

    def told(*levels: list[str], action: str = "s3:PutObject") -> tuple[str, bool]:
        result = custom(
            iam,
            document(allow("s3:*")),
            action=action,
            OrderedOrganizationPolicyInputList=[
                {"ServiceControlPolicyInputList": level} for level in levels
            ],
        )
        passes = result["OrganizationsDecisionDetail"]["AllowedByOrganizations"]
        return result["EvalDecision"], passes

    assert told([everything], [everything]) == ("allowed", True)
    assert told([everything], [reading]) == ("implicitDeny", False)
    assert told([everything], [reading], action="s3:GetObject") == ("allowed", True)
    assert told([everything, document(deny("s3:Put*"))], [everything]) == ("explicitDeny", False)


# Across accounts both sides must allow, and each is told.
def test_a_resource_policy_counts(iam: Any, account: str) -> None:
    caller = f"arn:aws:iam::{account}:user/someone"
    other = "222233334444"

    def bucket(*statements: dict[str, Any]) -> str:
        return document(*({"Principal": {"AWS": caller}, **one} for one in statements))

    def told(own: str, resource: str, **more: Any) -> tuple[str, dict[str, str], list[str]]:
        result = custom(
            iam, own, ResourceArns=[OBJECT], ResourcePolicy=resource, CallerArn=caller, **more
        )
        (each,) = result["ResourceSpecificResults"]
        details = result["EvalDecisionDetails"]
        assert each.get("EvalDecisionDetails", {}) == details
        return result["EvalDecision"], details, matched(result)

    nothing, grants = document(allow("sqs:*")), bucket(allow("s3:GetObject", OBJECT))
    assert told(nothing, grants) == ("allowed", {}, ["ResourcePolicy"])
    away = {"ResourceOwner": f"arn:aws:iam::{other}:root"}
    told_away = told(nothing, grants, **away)
    kinds = {"IAM Policy": "implicitDeny", "Resource Policy": "allowed"}
    assert told_away == ("implicitDeny", kinds, [])
    own = document(allow("s3:*"))
    decision, details, statements = told(own, grants, ResourceOwner=other)
    assert (decision, set(details.values())) == ("allowed", {"allowed"})
    assert statements == ["PolicyInputList.1", "ResourcePolicy"]
    decision, details, statements = told(own, bucket(deny("s3:*", OBJECT)), **away)
    assert (decision, statements) == ("explicitDeny", ["ResourcePolicy"])
    assert details == {"IAM Policy": "allowed", "Resource Policy": "explicitDeny"}
    for_others = document({"Principal": {"AWS": other}, **allow("s3:*", OBJECT)})
    assert told(nothing, for_others)[0] == "implicitDeny"
    result = custom(iam, own, ResourceArns=[f"arn:aws:sqs:us-east-1:{other}:q"], CallerArn=caller)
    assert result["EvalDecision"] == "implicitDeny"


def test_a_resource_policy_needs_a_user_who_calls(iam: Any, account: str) -> None:
    policy = document({"Principal": "*", **allow("s3:*", OBJECT)})
    for caller in ({}, {"CallerArn": f"arn:aws:iam::{account}:role/r"}):
        with refused("InvalidInput"):
            custom(iam, document(allow("*")), ResourcePolicy=policy, **caller)
    with refused("InvalidInput"):
        custom(iam, document(allow("*")), ResourcePolicy="{", CallerArn="arn:aws:iam::1:user/u")


def test_the_caller_is_known_to_conditions(iam: Any, ann: Person, account: str) -> None:
    iam.tag_user(UserName="ann", Tags=[{"Key": "Team", "Value": "red"}])
    team = {"StringEquals": {"aws:PrincipalTag/team": "red"}}
    ann.may(
        allow("s3:GetObject", f"{BUCKET}/${{aws:username}}/*"),
        allow("s3:PutObject", Condition=team),
    )

    def told(action: str, resource: str, **more: Any) -> str:
        answer = iam.simulate_principal_policy(
            PolicySourceArn=ann.arn, ActionNames=[action], ResourceArns=[resource], **more
        )
        return answer["EvaluationResults"][0]["EvalDecision"]

    bob = {"CallerArn": f"arn:aws:iam::{account}:user/bob"}
    assert told("s3:GetObject", f"{BUCKET}/ann/x") == "allowed"
    assert told("s3:GetObject", f"{BUCKET}/bob/x") == "implicitDeny"
    assert told("s3:GetObject", f"{BUCKET}/bob/x", **bob) == "allowed"
    assert told("s3:PutObject", OBJECT) == "allowed"
    assert told("s3:PutObject", OBJECT, **bob) == "implicitDeny"


def test_policies_can_be_left_out(iam: Any, ann: Person, account: str) -> None:
    iam.create_group(GroupName="g1")
    iam.put_group_policy(GroupName="g1", PolicyName="p", PolicyDocument=document(allow("s3:Get*")))
    iam.add_user_to_group(GroupName="g1", UserName="ann")
    ann.may(allow("s3:Put*"))
    own = iam.create_policy(PolicyName="own", PolicyDocument=document(allow("sqs:*")))["Policy"]
    iam.attach_user_policy(UserName="ann", PolicyArn=own["Arn"])
    aws = "arn:aws:iam::aws:policy/AmazonSNSFullAccess"
    iam.attach_user_policy(UserName="ann", PolicyArn=aws)
    actions = ["s3:GetObject", "s3:PutObject", "sqs:SendMessage", "sns:Publish"]

    def allowed(*excluded: dict[str, Any]) -> str:
        more = {"PolicyExclusionList": list(excluded)} if excluded else {}
        results = iam.simulate_principal_policy(
            PolicySourceArn=ann.arn, ActionNames=actions, **more
        )["EvaluationResults"]
        return "".join("+" if one["EvalDecision"] == "allowed" else "-" for one in results)

    def inline(name: str, kind: str, holder: str) -> dict[str, Any]:
        told = {"PolicyName": name, "AttachmentType": kind, "AttachmentName": holder}
        return {"InlinePolicyIdentifier": told}

    assert allowed() == "++++"
    assert allowed({"PolicyType": "inline"}) == "--++"
    assert allowed({"PolicyType": "aws-managed"}) == "+++-"
    assert allowed({"PolicyType": "user-managed"}) == "++-+"
    assert allowed({"PolicyType": "rcp"}, {"PolicyType": "scp"}) == "++++"
    assert allowed({"PolicyArn": aws}, {"PolicyArn": own["Arn"]}) == "++--"
    assert allowed({"PolicyArn": "arn:aws:iam::aws:policy/AmazonS?S*"}) == "+++-"
    assert allowed(inline("p", "group", "g1")) == "-+++"
    assert allowed(inline("own", "user", "ann"), inline("p", "group", "other")) == "+-++"
    for bad in (
        {"PolicyArn": "arn:aws:iam::*:policy/AmazonSNSFullAccess"},
        {"PolicyArn": f"arn:aws:iam::{account}:policy/a*b*"},
        {"PolicyArn": f"arn:aws:iam::{account}:role/a-policy"},
        {"PolicyArn": aws, "PolicyType": "inline"},
    ):
        with refused("InvalidInput"):
            allowed(bad)


def test_an_inline_policy_is_told_with_its_holder(iam: Any, ann: Person) -> None:
    ann.may(allow("s3:*"))
    more = document(allow("s3:Get*"))
    result = iam.simulate_principal_policy(
        PolicySourceArn=ann.arn, ActionNames=["s3:GetObject"], PolicyInputList=[more]
    )["EvaluationResults"][0]
    assert matched(result) == ["user_ann_own", "PolicyInputList.1"]


def test_pages_hold_whole_actions(iam: Any) -> None:
    actions = ["s3:GetObject", "sqs:SendMessage", "iam:GetUser"]
    asked = {"PolicyInputList": [document(allow("*"))], "ActionNames": actions, "MaxItems": 2}
    first = iam.simulate_custom_policy(**asked)
    assert first["IsTruncated"]
    second = iam.simulate_custom_policy(**asked, Marker=first["Marker"])
    told = [*first["EvaluationResults"], *second["EvaluationResults"]]
    assert [one["EvalActionName"] for one in told] == actions
    assert not second["IsTruncated"]
    # Much work is spread over pages even when more was asked for.
    many = [f"arn:aws:s3:::b/{number}" for number in range(1000)]
    busy = {"PolicyInputList": [document(*[allow("*")] * 10)], "MaxItems": 100}
    answer = iam.simulate_custom_policy(**{**asked, **busy}, ResourceArns=many)
    assert (len(answer["EvaluationResults"]), answer["IsTruncated"]) == (2, True)
    busy["PolicyInputList"] *= 3
    with refused("InvalidInput", "These are too many statements and resources for one simulation."):
        iam.simulate_custom_policy(**{**asked, **busy}, ResourceArns=many)


@pytest.mark.parametrize("marker", ["x", "AAAA", "bG9jYWw="])
def test_a_made_up_marker_is_refused(iam: Any, marker: str) -> None:
    with refused("ValidationError"):
        custom(iam, document(allow("*")), Marker=marker)


@pytest.mark.parametrize(
    "more",
    [
        {"PolicyInputList": ["{"]},
        {"PolicyInputList": [json.dumps({"Version": "2012-10-17"})]},
        {"PolicyInputList": [document({"Principal": "*", **allow("s3:*")})]},
        {"PolicyInputList": [document(allow("*")) + " " * 130_000] * 8},
        {"ActionNames": ["GetObject"]},
        {"ActionNames": ["s3:Get*"]},
        {"ResourceArns": ["bucket"]},
        {"ResourceArns": [OBJECT] * 1001},
        {"ResourceOwner": "me"},
        {"CallerArn": "arn:aws:sts::123456789012:assumed-role/r/s"},
        {"CallerArn": "arn:aws:iam::123456789012:root"},
        {"CallerArn": "someone"},
        {"ResourceHandlingOption": "EC2-VPC-EBS"},
        {"ResourceHandlingOption": "Other"},
    ],
)
def test_what_cannot_be_simulated_is_refused(iam: Any, more: dict[str, Any]) -> None:
    asked = {"PolicyInputList": [document(allow("*"))], "ActionNames": ["s3:GetObject"]}
    with refused("InvalidInput", status=400):
        iam.simulate_custom_policy(**{**asked, **more})


def test_a_scenario_of_ec2_names_all_it_needs(iam: Any, account: str) -> None:
    kinds = ("instance", "image", "security-group", "network-interface", "volume")
    arns = [f"arn:aws:ec2:us-east-1:{account}:{kind}/x" for kind in kinds]
    asked = {"action": "ec2:RunInstances", "ResourceHandlingOption": "EC2-VPC-EBS"}
    result = custom(iam, document(allow("ec2:*")), ResourceArns=arns, **asked)
    assert result["EvalDecision"] == "allowed"
    assert result["EvalResourceName"] == "*"


def test_whose_policies_are_simulated(iam: Any, ann: Person, account: str) -> None:
    asked = {"ActionNames": ["s3:GetObject"]}
    for arn in (f"arn:aws:iam::{account}:user/none", f"arn:aws:iam::{account}:role/p/none"):
        with refused("NoSuchEntity", status=404):
            iam.simulate_principal_policy(PolicySourceArn=arn, **asked)
    with refused("NoSuchEntity"):
        wrong = ann.arn.replace("user/", "user/path/")
        iam.simulate_principal_policy(PolicySourceArn=wrong, **asked)
    policy = f"arn:aws:iam::{account}:policy/p"
    with refused(
        "InvalidInput",
        f"Invalid Entity Arn: {policy} does not clearly define entity type and name.",
        400,
    ):
        iam.simulate_principal_policy(PolicySourceArn=policy, **asked)
    with refused("AccessDenied"):
        foreign = ann.arn.replace(account, "999999999999")
        iam.simulate_principal_policy(PolicySourceArn=foreign, **asked)


# It tells what others may, so that it needs a permission about just them.
def test_simulating_somebody_needs_permission(client: Make, ann: Person, account: str) -> None:
    other = client("iam").create_user(UserName="bob")["User"]["Arn"]
    mine = ann.client("iam")
    asked = {"PolicySourceArn": other, "ActionNames": ["s3:GetObject"]}
    assert refusal(mine.simulate_principal_policy, **asked)[0] == "AccessDenied"
    keys = mine.get_context_keys_for_principal_policy
    assert refusal(keys, PolicySourceArn=other)[0] == "AccessDenied"
    ann.may(allow("iam:SimulatePrincipalPolicy", ann.arn))
    assert refusal(mine.simulate_principal_policy, **asked)[0] == "AccessDenied"
    mine.simulate_principal_policy(**{**asked, "PolicySourceArn": ann.arn})
    assert refusal(mine.simulate_custom_policy, PolicyInputList=["{}"])[0] == "AccessDenied"


def test_context_keys_of_policies(iam: Any, ann: Person) -> None:
    condition = {
        "StringLike": {"S3:Prefix": "${aws:username}"},
        "Null": {"aws:TokenIssueTime": "true"},
    }
    policy = document(
        allow("s3:*", f"{BUCKET}/${{aws:PrincipalTag/team, 'none'}}/*", Condition=condition),
        allow("s3:*", Condition={"Bool": {"S3:Prefix": "true"}}),
    )
    keys = ["S3:Prefix", "aws:PrincipalTag/team", "aws:TokenIssueTime", "aws:username"]
    told = iam.get_context_keys_for_custom_policy(PolicyInputList=[policy])
    assert sorted(told["ContextKeyNames"]) == sorted(keys)
    ann.may(allow("s3:*", Condition={"Bool": {"aws:SecureTransport": "true"}}))
    told = iam.get_context_keys_for_principal_policy(
        PolicySourceArn=ann.arn, PolicyInputList=[document(allow("s3:*"))]
    )
    assert told["ContextKeyNames"] == ["aws:SecureTransport"]


# The simulator and the real thing agree.
def test_it_says_what_really_happens(iam: Any, ann: Person, table: str, account: str) -> None:
    arn = f"arn:aws:dynamodb:us-east-1:{account}:table/{table}"
    key = {"TableName": table, "Key": {"k": {"S": "1"}}}
    mine = ann.client("dynamodb")
    for statements in (
        [],
        [allow("dynamodb:GetItem", arn)],
        [allow("dynamodb:*", f"arn:aws:dynamodb:*:{account}:table/t*")],
        [allow("dynamodb:*", "arn:aws:dynamodb:eu-*")],
        [allow("*"), deny("dynamodb:Get*", arn)],
        [allow("*", Condition={"StringEquals": {"aws:username": "ann"}})],
        [allow("*", Condition={"StringNotEquals": {"aws:PrincipalAccount": account}})],
    ):
        ann.may(*(statements or [allow("sqs:*")]))
        (result,) = iam.simulate_principal_policy(
            PolicySourceArn=ann.arn, ActionNames=["dynamodb:GetItem"], ResourceArns=[arn]
        )["EvaluationResults"]
        if result["EvalDecision"] == "allowed":
            mine.get_item(**key)
        else:
            assert refusal(mine.get_item, **key)[0] == "AccessDeniedException"
