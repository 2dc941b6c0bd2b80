"""Services invoke functions as themselves: only for whom the function's policy says, never as somebody's deputy."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError

from lambda_.support import Functions, package

Make = Callable[..., Any]

COUNTS = package(
    "def handler(event, context):\n    return {'statusCode': 200, 'body': 'came'}\n",
)


@pytest.fixture
def owned(functions: Functions) -> Functions:
    functions.create("f", COUNTS, Publish=True)
    return functions


def let(owned: Functions, service: str, **conditions: Any) -> None:
    """One statement, and no other."""
    try:
        owned.client.remove_permission(FunctionName="f", StatementId="s")
    except ClientError:
        pass
    owned.client.add_permission(
        FunctionName="f",
        StatementId="s",
        Action="lambda:InvokeFunction",
        Principal=service,
        **conditions,
    )


def configure(s3: Any, bucket: str, arn: str, **more: Any) -> None:
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [
                {"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}
            ]
        },
        **more,
    )


def test_s3_tells_a_function_for_the_buckets_that_its_policy_names(
    owned: Functions, server: Any, account: str
) -> None:
    """Whoever may configure a bucket must not reach by it what they may not reach themselves."""
    other = f"9{account[1:]}"
    arn = f"arn:aws:lambda:us-east-1:{account}:function:f"
    mine, theirs = server.client("s3", account), server.client("s3", other)
    mine.create_bucket(Bucket=f"mine-{account}")
    theirs.create_bucket(Bucket=f"theirs-{account}")

    def reaches(s3: Any, bucket: str) -> bool:
        try:
            configure(s3, bucket, arn)
        except s3.exceptions.from_code("InvalidArgument"):
            return False
        return True

    def who_reaches() -> tuple[bool, bool]:
        return reaches(mine, f"mine-{account}"), reaches(theirs, f"theirs-{account}")

    assert who_reaches() == (False, False)
    let(owned, "s3.amazonaws.com")
    assert who_reaches() == (True, True), "without a condition S3 comes for everybody, as on AWS"
    let(owned, "s3.amazonaws.com", SourceAccount=account)
    assert who_reaches() == (True, False)
    let(owned, "s3.amazonaws.com", SourceArn=f"arn:aws:s3:::theirs-{account}")
    assert who_reaches() == (False, True)
    let(
        owned, "s3.amazonaws.com", SourceArn=f"arn:aws:s3:::theirs-{account}", SourceAccount=account
    )
    assert who_reaches() == (False, False), "a bucket of that name, but of another account"
    let(owned, "sns.amazonaws.com")
    assert who_reaches() == (False, False)
    let(owned, account)
    assert who_reaches() == (False, False), "who may invoke it themselves does not send S3"


def test_permission_is_asked_anew_for_every_event(
    owned: Functions, server: Any, account: str, clock: Any, client: Make
) -> None:
    arn = f"arn:aws:lambda:us-east-1:{account}:function:f"
    s3 = client("s3")
    s3.create_bucket(Bucket=f"b-{account}")
    let(owned, "s3.amazonaws.com", SourceAccount=account)
    configure(s3, f"b-{account}", arn)
    owned.client.remove_permission(FunctionName="f", StatementId="s")
    s3.put_object(Bucket=f"b-{account}", Key="k", Body=b"")
    clock.wait_until_idle()
    groups = client("logs").describe_log_groups()["logGroups"]
    assert groups == [], "the function did not run"
    let(owned, "s3.amazonaws.com", SourceAccount=account)
    s3.put_object(Bucket=f"b-{account}", Key="k", Body=b"")
    clock.wait_until_idle()
    groups = client("logs").describe_log_groups()["logGroups"]
    assert [group["logGroupName"] for group in groups] == ["/aws/lambda/f"]


def get(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=60) as response:
            return response.status
    except HTTPError as error:
        return error.code


@pytest.mark.parametrize("qualifier", ["", ":1"])
def test_api_gateway_invokes_for_the_apis_that_the_policy_names(
    owned: Functions, server: Any, account: str, qualifier: str
) -> None:
    """An API of another account may name any function; it is the function's policy that tells them apart."""
    other = f"9{account[1:]}"
    arn = f"arn:aws:lambda:us-east-1:{account}:function:f{qualifier}"
    apis = {
        owner: server.client("apigatewayv2", owner).create_api(
            Name="quick", ProtocolType="HTTP", Target=arn
        )
        for owner in (account, other)
    }

    def answers() -> tuple[int, int]:
        return get(apis[account]["ApiEndpoint"]), get(apis[other]["ApiEndpoint"])

    def source(owner: str, api: str) -> str:
        return f"arn:aws:execute-api:us-east-1:{owner}:{api}/*/*"

    def permit(**conditions: Any) -> None:
        asked = {"FunctionName": "f", **({"Qualifier": qualifier[1:]} if qualifier else {})}
        try:
            owned.client.remove_permission(StatementId="s", **asked)
        except ClientError:
            pass
        owned.client.add_permission(
            StatementId="s",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            **asked,
            **conditions,
        )

    assert answers() == (500, 500)
    permit(SourceArn=source(account, apis[account]["ApiId"]))
    assert answers() == (200, 500)
    permit(SourceArn=source(account, apis[other]["ApiId"]))
    assert answers() == (500, 500), "the other's API is not of this account"
    permit(SourceAccount=other)
    assert answers() == (500, 200)
    permit(InvokedViaFunctionUrl=True)
    assert answers() == (500, 500)


def test_a_rest_api_says_which_method_it_invokes_for(
    owned: Functions, client: Make, account: str, endpoint: str
) -> None:
    rest = client("apigateway")
    made = rest.create_rest_api(name="r")
    where = {"restApiId": made["id"], "resourceId": made["rootResourceId"], "httpMethod": "GET"}
    rest.put_method(**where, authorizationType="NONE")
    rest.put_integration(
        **where,
        type="AWS_PROXY",
        integrationHttpMethod="POST",
        uri="arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
        f"arn:aws:lambda:us-east-1:{account}:function:f/invocations",
    )
    rest.create_deployment(restApiId=made["id"], stageName="dev")
    url = f"{endpoint}/_aws/execute-api/{made['id']}/dev"
    source = f"arn:aws:execute-api:us-east-1:{account}:{made['id']}"
    assert get(url) == 500
    for end, status in (("dev/GET/", 200), ("*/GET/*", 200), ("dev/POST/", 500), ("prod/*", 500)):
        let(owned, "apigateway.amazonaws.com", SourceArn=f"{source}/{end}")
        assert get(url) == status, end
    let(owned, account)
    assert get(url) == 500


@pytest.mark.parametrize(("mode", "status"), [("audit", 200), ("off", 200), ("enforce", 500)])
def test_the_modes_hold_for_services_too(
    own_server: Callable[..., Any], mode: str, status: int
) -> None:
    server = own_server("--iam", mode)
    account = "000000000001"
    functions = Functions(server.client("lambda", account), account)
    arn = functions.create("f", COUNTS)["FunctionArn"]
    api = server.client("apigatewayv2", account).create_api(
        Name="quick", ProtocolType="HTTP", Target=arn
    )
    assert get(api["ApiEndpoint"]) == status


def test_the_policy_is_told_exactly_as_aws_writes_it(owned: Functions, account: str) -> None:
    """As recorded: the order of members, `AWS:` in capitals, and no member that was not given."""
    arn = f"arn:aws:lambda:us-east-1:{account}:function:f"
    asked = {"FunctionName": "f", "Action": "lambda:InvokeFunction"}
    owned.client.add_permission(
        StatementId="urlPermission",
        Action="lambda:InvokeFunctionUrl",
        FunctionName="f",
        Principal="*",
        SourceAccount=account,
        SourceArn="arn:aws:s3:::b",
        PrincipalOrgID="o-1234567890",
        FunctionUrlAuthType="NONE",
    )
    owned.client.add_permission(StatementId="account-id", Principal=account, **asked)
    owned.client.add_permission(
        StatementId="alexaSkill", Principal="*", EventSourceToken="amzn1.ask.skill.x", **asked
    )
    got = owned.client.get_policy(FunctionName="f")["Policy"]
    assert json.loads(got) == {
        "Version": "2012-10-17",
        "Id": "default",
        "Statement": [
            {
                "Sid": "urlPermission",
                "Effect": "Allow",
                "Principal": "*",
                "Action": "lambda:InvokeFunctionUrl",
                "Resource": arn,
                "Condition": {
                    "StringEquals": {
                        "AWS:SourceAccount": account,
                        "lambda:FunctionUrlAuthType": "NONE",
                        "aws:PrincipalOrgID": "o-1234567890",
                    },
                    "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"},
                },
            },
            {
                "Sid": "account-id",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                "Action": "lambda:InvokeFunction",
                "Resource": arn,
            },
            {
                "Sid": "alexaSkill",
                "Effect": "Allow",
                "Principal": "*",
                "Action": "lambda:InvokeFunction",
                "Resource": arn,
                "Condition": {"StringEquals": {"lambda:EventSourceToken": "amzn1.ask.skill.x"}},
            },
        ],
    }
    assert list(json.loads(got)["Statement"][0]) == [
        *("Sid", "Effect", "Principal", "Action", "Resource", "Condition")
    ]
