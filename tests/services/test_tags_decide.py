"""Tags decide: those that a request puts on, and those of the resource, of each service that has any."""

from __future__ import annotations

from typing import Any

import pytest

from persons import Make, Person, Statement, allow, document, refusal, trust

DENIED = ("AccessDenied", "AccessDeniedException")
RED = {"StringEquals": {"aws:ResourceTag/team": "red"}}
PUT_RED = {
    "StringEquals": {"aws:RequestTag/Team": "red"},
    "ForAllValues:StringEquals": {"aws:TagKeys": ["Team"]},
}


@pytest.fixture
def ann(client: Make, account: str) -> Person:
    return Person(client, account)


def when(action: str | list[str], condition: dict[str, Any]) -> Statement:
    return allow(action, Condition=condition)


def test_log_groups(client: Make, ann: Person, account: str) -> None:
    root, mine = client("logs"), ann.client("logs")
    for team in ("red", "blue"):
        root.create_log_group(logGroupName=f"/{team}", tags={"Team": team})
    ann.may(when("logs:*", RED))
    mine.create_log_stream(logGroupName="/red", logStreamName="s")
    mine.filter_log_events(logGroupName="/red")
    named = {"logGroupName": "/blue", "logStreamName": "s"}
    code, text = refusal(mine.create_log_stream, **named)
    assert code in DENIED
    assert "log-group:/blue:log-stream:s " in text
    arn = f"arn:aws:logs:us-east-1:{account}:log-group:/blue"
    assert refusal(mine.tag_resource, resourceArn=arn, tags={"Team": "red"})[0] in DENIED
    code, text = refusal(mine.describe_log_groups)
    assert f"arn:aws:logs:us-east-1:{account}:log-group::log-stream: " in text
    ann.may(allow("logs:CreateLogGroup"), when(["logs:TagResource", "logs:UntagResource"], PUT_RED))
    mine.create_log_group(logGroupName="/made", tags={"Team": "red"})
    for tags in ({"Team": "blue"}, {"Team": "red", "Other": "x"}):
        assert refusal(mine.create_log_group, logGroupName="/not", tags=tags)[0] in DENIED
    assert not root.describe_log_groups(logGroupNamePrefix="/not")["logGroups"]
    mine.create_log_group(logGroupName="/plain")


def test_rest_apis_and_all_below_them(client: Make, ann: Person) -> None:
    root, mine = client("apigateway"), ann.client("apigateway")
    made = {team: root.create_rest_api(name=team, tags={"Team": team}) for team in ("red", "blue")}
    ann.may(when("apigateway:*", RED))
    for team, api in made.items():
        resource = {"restApiId": api["id"], "parentId": api["rootResourceId"], "pathPart": "x"}
        if team == "red":
            mine.get_rest_api(restApiId=api["id"])
            mine.create_resource(**resource)
        else:
            assert refusal(mine.get_rest_api, restApiId=api["id"])[0] in DENIED
            assert refusal(mine.create_resource, **resource)[0] in DENIED
            arn = f"arn:aws:apigateway:us-east-1::/restapis/{api['id']}"
            code, text = refusal(mine.tag_resource, resourceArn=arn, tags={"Team": "red"})
            assert code in DENIED
            assert (
                f"/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Frestapis%2F{api['id']}" in text
            )
    ann.may(when("apigateway:*", PUT_RED))
    mine.create_rest_api(name="made", tags={"Team": "red"})
    for tags in ({"Team": "blue"}, {"Team": "red", "Other": "x"}, None):
        given = {} if tags is None else {"tags": tags}
        assert refusal(mine.create_rest_api, name="not", **given)[0] in DENIED
    assert "not" not in {one["name"] for one in root.get_rest_apis()["items"]}


def test_http_apis(client: Make, ann: Person) -> None:
    root, mine = client("apigatewayv2"), ann.client("apigatewayv2")
    red, blue = (
        root.create_api(Name=team, ProtocolType="HTTP", Tags={"Team": team})["ApiId"]
        for team in ("red", "blue")
    )
    ann.may(when("apigateway:*", RED))
    mine.get_api(ApiId=red)
    mine.update_api(ApiId=red, Name="renamed")
    assert refusal(mine.update_api, ApiId=blue, Name="renamed")[0] in DENIED
    assert refusal(mine.delete_api, ApiId=blue)[0] in DENIED


def test_what_requests_about_apis_say(client: Make, ann: Person) -> None:
    mine = ann.client("apigateway")
    named = {"StringLike": {"apigateway:Request/ApiName": "team-*"}}
    regional = {"ForAllValues:StringEquals": {"apigateway:Request/EndpointType": ["REGIONAL"]}}
    ann.may(when("apigateway:POST", {**named, **regional}))
    at_the_edge: dict[str, Any] = {"name": "team-a"}
    here = {"endpointConfiguration": {"types": ["REGIONAL"]}}
    mine.create_rest_api(**at_the_edge, **here)
    assert refusal(mine.create_rest_api, **at_the_edge)[0] in DENIED
    assert refusal(mine.create_rest_api, name="other", **here)[0] in DENIED
    open_to_all = {"StringEquals": {"apigateway:Request/RouteAuthorizationType": "NONE"}}
    ann.may(allow("apigateway:*"), {**when("apigateway:*", open_to_all), "Effect": "Deny"})
    http = ann.client("apigatewayv2")
    api = http.create_api(Name="a", ProtocolType="HTTP")["ApiId"]
    route = {"ApiId": api, "RouteKey": "GET /"}
    assert refusal(http.create_route, **route)[0] in DENIED
    assert refusal(http.create_route, **route, AuthorizationType="NONE")[0] in DENIED
    http.create_route(**route, AuthorizationType="AWS_IAM")


def test_users_roles_and_policies(client: Make, ann: Person, account: str) -> None:
    root, mine = client("iam"), ann.client("iam")
    trusts = trust(Service="lambda.amazonaws.com")
    for team in ("red", "blue"):
        tags = [{"Key": "Team", "Value": team}]
        root.create_user(UserName=team, Tags=tags)
        root.create_role(RoleName=team, AssumeRolePolicyDocument=trusts, Tags=tags)
    for key in ("aws:ResourceTag/Team", "iam:ResourceTag/Team"):
        ann.may(when("iam:*", {"StringEquals": {key: "red"}}))
        mine.get_user(UserName="red")
        mine.list_role_tags(RoleName="red")
        assert refusal(mine.get_user, UserName="blue")[0] in DENIED
        assert refusal(mine.delete_role, RoleName="blue")[0] in DENIED
    ann.may(when(["iam:CreateUser", "iam:TagUser", "iam:UntagUser"], PUT_RED))
    red = [{"Key": "Team", "Value": "red"}]
    mine.create_user(UserName="made", Tags=red)
    for tags in ([{"Key": "Team", "Value": "blue"}], [*red, {"Key": "Other", "Value": ""}], []):
        assert refusal(mine.create_user, UserName="not", Tags=tags)[0] in DENIED
        assert refusal(mine.tag_user, UserName="made", Tags=tags or red[:0])[0] in DENIED
    assert "not" not in {one["UserName"] for one in root.list_users()["Users"]}
    ann.may(allow("iam:CreateUser"))
    code, text = refusal(mine.create_user, UserName="not", Tags=red)
    assert (code, "iam:TagUser" in text) == ("AccessDenied", True)


def test_policies_profiles_and_providers(client: Make, ann: Person) -> None:
    root, mine = client("iam"), ann.client("iam")
    for team in ("red", "blue"):
        tags = [{"Key": "Team", "Value": team}]
        root.create_policy(
            PolicyName=team, PolicyDocument=document(allow("s3:*")), Path="/p/", Tags=tags
        )
        root.create_instance_profile(InstanceProfileName=team, Path="/p/", Tags=tags)
        root.create_open_id_connect_provider(
            Url=f"https://{team}.example.com", ThumbprintList=["a" * 40], Tags=tags
        )
        root.create_virtual_mfa_device(VirtualMFADeviceName=team, Tags=tags)
    account = ann.arn.split(":")[4]
    ann.may(when("iam:*", RED))
    for team in ("red", "blue"):
        arn = f"arn:aws:iam::{account}"
        calls: list[tuple[Any, dict[str, str]]] = [
            (mine.get_policy, {"PolicyArn": f"{arn}:policy/p/{team}"}),
            (mine.get_instance_profile, {"InstanceProfileName": team}),
            (
                mine.get_open_id_connect_provider,
                {"OpenIDConnectProviderArn": f"{arn}:oidc-provider/{team}.example.com"},
            ),
            (mine.list_mfa_device_tags, {"SerialNumber": f"{arn}:mfa/{team}"}),
        ]
        for call, named in calls:
            if team == "red":
                call(**named)
            else:
                assert refusal(call, **named)[0] in DENIED


def test_who_delegates_says_which_policies_and_boundaries(
    client: Make, ann: Person, account: str
) -> None:
    """The pattern of AWS's guide for delegated administration: nobody is made without the boundary."""
    root, mine = client("iam"), ann.client("iam")
    boundary = root.create_policy(
        PolicyName="limits",
        PolicyDocument=document(allow("s3:*")),
    )["Policy"]["Arn"]
    bounded = {"StringEquals": {"iam:PermissionsBoundary": boundary}}
    actions = ["iam:CreateUser", "iam:AttachUserPolicy", "iam:PutUserPermissionsBoundary"]
    ann.may(when(actions, bounded))
    read = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    assert refusal(mine.create_user, UserName="free")[0] in DENIED
    assert refusal(mine.create_user, UserName="free", PermissionsBoundary=read)[0] in DENIED
    mine.create_user(UserName="made", PermissionsBoundary=boundary)
    mine.attach_user_policy(UserName="made", PolicyArn=read)
    root.create_user(UserName="before")
    assert refusal(mine.attach_user_policy, UserName="before", PolicyArn=read)[0] in DENIED
    put = mine.put_user_permissions_boundary
    assert refusal(put, UserName="made", PermissionsBoundary=read)[0] in DENIED
    put(UserName="before", PermissionsBoundary=boundary)
    only_read = {"ArnEquals": {"iam:PolicyARN": read}}
    ann.may(when("iam:AttachUserPolicy", only_read))
    mine.attach_user_policy(UserName="made", PolicyArn=read)
    everything = "arn:aws:iam::aws:policy/AdministratorAccess"
    assert refusal(mine.attach_user_policy, UserName="made", PolicyArn=everything)[0] in DENIED


def test_keys(client: Make, ann: Person) -> None:
    kms, mine = client("kms"), ann.client("kms")
    red, blue = (
        kms.create_key(Tags=[{"TagKey": "Team", "TagValue": team}])["KeyMetadata"]["Arn"]
        for team in ("red", "blue")
    )
    ann.may(when("kms:*", RED))
    mine.encrypt(KeyId=red, Plaintext=b"x")
    assert refusal(mine.encrypt, KeyId=blue, Plaintext=b"x")[0] in DENIED
