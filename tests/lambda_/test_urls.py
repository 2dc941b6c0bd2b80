"""Function URLs: an address of its own for a function, and what the function and its callers see there."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from lambda_.support import Functions, package

RETURNS = package(
    "import json\n"
    "def handler(event, context):\n"
    "    if event['rawPath'] == '/id': return context.aws_request_id\n"
    "    if event['rawPath'] == '/event': return {'statusCode': 200, 'body': json.dumps(event)}\n"
    "    answer = json.loads(event['body'])\n"
    "    if answer == 'raise': raise ValueError('no')\n"
    "    return answer\n"
)
FORBIDDEN = (
    "Forbidden. For troubleshooting Function URL authorization issues, see:"
    " https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)


@dataclass
class Answer:
    status: int
    headers: Any
    body: bytes


def ask(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
    named = {name.replace("_", "-"): str(value) for name, value in headers.items()}
    request = urllib.request.Request(url, method=method, data=body, headers=named)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return Answer(response.status, response.headers, response.read())
    except HTTPError as error:
        return Answer(error.code, error.headers, error.read())


def make_public(functions: Functions, name: str = "f", **request: Any) -> None:
    functions.client.add_permission(
        FunctionName=name,
        StatementId="url",
        Action="lambda:InvokeFunctionUrl",
        Principal="*",
        FunctionUrlAuthType="NONE",
        **request,
    )
    functions.client.add_permission(
        FunctionName=name,
        StatementId="invoke",
        Action="lambda:InvokeFunction",
        Principal="*",
        InvokedViaFunctionUrl=True,
        **request,
    )


@pytest.fixture
def url(functions: Functions) -> str:
    """The address of a function that anybody may call."""
    functions.create("f", RETURNS)
    make_public(functions)
    made = functions.client.create_function_url_config(FunctionName="f", AuthType="NONE")
    return made["FunctionUrl"]


@pytest.mark.parametrize(
    ("returned", "status", "content_type", "body"),
    [
        # Recorded: what has no statusCode is the body, without the spaces that Python writes.
        ({"hello": "world"}, 200, "application/json", b'{"hello":"world"}'),
        (["hello", 3, True, 2**70], 200, "application/json", b'["hello",3,true,%d]' % 2**70),
        ("hello", 200, "application/json", b"hello"),
        (3.1, 200, "application/json", b"3.1"),
        (True, 200, "application/json", b"true"),
        ({"statusCode": 200, "body": "body123"}, 200, "application/json", b"body123"),
        (
            {
                "statusCode": 418,
                "headers": {"Content-Type": "image/x", "X-Own": "1"},
                "cookies": ["a=1", "b=2"],
                "body": "AAEC",
                "isBase64Encoded": True,
            },
            418,
            "image/x",
            b"\0\1\2",
        ),
        ({"statusCode": "none"}, 502, "application/json", b"Internal Server Error"),
        ("raise", 502, "application/json", b"Internal Server Error"),
    ],
)
def test_what_a_function_returns_is_the_response(
    url: str, returned: Any, status: int, content_type: str, body: bytes
) -> None:
    answer = ask(url, "POST", json.dumps(returned).encode(), content_type="application/json")
    assert (answer.status, answer.headers["content-type"], answer.body) == (
        status,
        content_type,
        body,
    )
    if status == 418:
        assert answer.headers.get_all("set-cookie") == ["a=1", "b=2"]
        assert answer.headers["x-own"] == "1"


def test_the_event_is_of_the_payload_format_2(url: str) -> None:
    url_id = url.rstrip("/").rpartition("/")[2]
    answer = ask(url + "event?a=1&a=2&b=", "PUT", b"\xff", cookie="c=1; d=2", x_own="x")
    event = json.loads(answer.body)
    context = event.pop("requestContext")
    assert event.pop("headers")["x-own"] == "x"
    assert event == {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/event",
        "rawQueryString": "a=1&a=2&b=",
        "cookies": ["c=1", "d=2"],
        "queryStringParameters": {"a": "1,2", "b": ""},
        "body": "/w==",
        "isBase64Encoded": True,
    }
    assert context.pop("time")
    assert context.pop("timeEpoch")
    assert context.pop("http").items() >= {"method": "PUT", "path": "/event"}.items()
    domain = f"{url_id}.lambda-url.us-east-1.localhost"
    assert context.pop("requestId") == answer.headers["x-amzn-requestid"]
    assert context == {
        "accountId": "anonymous",
        "apiId": url_id,
        "domainName": domain,
        "domainPrefix": url_id,
        "routeKey": "$default",
        "stage": "$default",
    }
    host = f"{domain}:{url.split(':')[2].partition('/')[0]}"
    by_host = ask(url.partition("/_aws/")[0] + "/event", host=host)
    assert json.loads(by_host.body)["requestContext"]["domainName"] == domain
    by_id = ask(url + "id")
    assert by_id.body.decode() == by_id.headers["x-amzn-requestid"], "recorded"


def test_without_permission_nobody_is_let_in(functions: Functions, url: str) -> None:
    for one in ("url", "invoke"):
        functions.client.remove_permission(FunctionName="f", StatementId=one)
        answer = ask(url)
        assert (answer.status, json.loads(answer.body)) == (403, {"Message": FORBIDDEN})
        assert answer.headers["x-amzn-errortype"] == "AccessDeniedException"
        if one == "url":
            make_public_again = {"StatementId": "url2", "FunctionUrlAuthType": "NONE"}
            functions.client.add_permission(
                FunctionName="f",
                Action="lambda:InvokeFunctionUrl",
                Principal="*",
                **make_public_again,
            )
            assert ask(url + "id").status == 200
    functions.client.remove_permission(FunctionName="f", StatementId="url2")
    make_public(functions)
    assert ask(url + "id").status == 200
    functions.client.update_function_url_config(FunctionName="f", AuthType="AWS_IAM")
    assert json.loads(ask(url).body) == {"Message": FORBIDDEN}
    functions.client.delete_function_url_config(FunctionName="f")
    gone = ask(url)
    assert (gone.status, gone.body) == (403, b'{"Message":null}')


def test_reserved_concurrency_and_size_hold_here_too(functions: Functions, url: str) -> None:
    functions.client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    answer = ask(url)
    assert (answer.status, json.loads(answer.body)) == (429, {"Message": "Rate Exceeded."})
    functions.client.delete_function_concurrency(FunctionName="f")
    assert ask(url, "POST", b"\0" * 6_000_000).status == 413, "base64 makes it larger"
    assert ask(url, "POST", b"\0" * 7_000_000).status == 413


def signed(url: str, key: Any, method: str = "GET", body: bytes = b"") -> dict[str, str]:
    request = AWSRequest(method=method, url=url, data=body)
    credentials = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    SigV4Auth(credentials, "lambda", "us-east-1").add_auth(request)
    return {name.replace("-", "_"): value for name, value in request.headers.items()}


def allow(iam: Any, *actions: str, **more: Any) -> None:
    """Let the user `u` do this, and nothing else."""
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*", **more}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=document)


def test_with_iam_the_signer_is_in_the_event(
    functions: Functions, client: Callable[..., Any], account: str
) -> None:
    iam = client("iam")
    user = iam.create_user(UserName="u")["User"]
    key = iam.create_access_key(UserName="u")["AccessKey"]
    allow(iam, "lambda:InvokeFunctionUrl", "lambda:InvokeFunction")
    functions.create("f", RETURNS)
    url = functions.client.create_function_url_config(FunctionName="f", AuthType="AWS_IAM")[
        "FunctionUrl"
    ]
    body = b'{"n": 1}'
    there = url + "event?x=%20y&a=1"
    answer = ask(there, "POST", body, **signed(there, key, "POST", body))
    assert answer.status == 200, answer.body
    context = json.loads(answer.body)["requestContext"]
    assert "authorization" not in json.loads(answer.body)["headers"]
    assert context["accountId"] == account
    assert context["authorizer"]["iam"] == {
        "accessKey": key["AccessKeyId"],
        "accountId": account,
        "callerId": user["UserId"],
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": user["Arn"],
        "userId": user["UserId"],
    }
    assert ask(there).status == 403
    tampered = ask(there, "POST", b'{"n": 2}', **signed(there, key, "POST", body))
    assert (tampered.status, list(json.loads(tampered.body))) == (403, ["Message"])
    made_up = {"AccessKeyId": account, "SecretAccessKey": "secret"}
    assert ask(there, **signed(there, made_up)).status == 403


@pytest.mark.parametrize(
    ("actions", "more", "status"),
    [
        (["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"], {}, 200),
        # AWS asks for both since October 2025; either alone is not enough.
        (["lambda:InvokeFunctionUrl"], {}, 403),
        (["lambda:InvokeFunction"], {}, 403),
        (["lambda:*"], {"Condition": {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}}, 403),
        (
            ["lambda:*"],
            {"Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}},
            403,
        ),
        (
            ["lambda:*"],
            {
                "Condition": {
                    "StringEqualsIfExists": {"lambda:FunctionUrlAuthType": "AWS_IAM"},
                    "BoolIfExists": {"lambda:InvokedViaFunctionUrl": "true"},
                }
            },
            200,
        ),
        (["lambda:*"], {"Resource": "arn:aws:lambda:*:*:function:g"}, 403),
        (["lambda:*"], {"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}, 403),
    ],
)
def test_with_iam_a_callers_own_policies_decide(
    functions: Functions,
    client: Callable[..., Any],
    actions: list[str],
    more: dict[str, Any],
    status: int,
) -> None:
    iam = client("iam")
    iam.create_user(UserName="u")
    key = iam.create_access_key(UserName="u")["AccessKey"]
    functions.create("f", RETURNS)
    made = functions.client.create_function_url_config(FunctionName="f", AuthType="AWS_IAM")
    there = made["FunctionUrl"] + "id"
    refused = ask(there, **signed(there, key))
    assert (refused.status, json.loads(refused.body)) == (403, {"Message": FORBIDDEN})
    allow(iam, *actions, **more)
    assert ask(there, **signed(there, key)).status == status


@pytest.mark.parametrize(("mode", "status"), [("audit", 200), ("off", 200), ("enforce", 403)])
def test_the_modes_hold_for_addresses_too(
    own_server: Callable[..., Any], mode: str, status: int
) -> None:
    """But somebody must have signed, whatever the mode, and nobody is let in without the function's policy."""
    server = own_server("--iam", mode)
    functions = Functions(server.client("lambda", "000000000001"), "000000000001")
    iam = server.client("iam", "000000000001")
    iam.create_user(UserName="u")
    key = iam.create_access_key(UserName="u")["AccessKey"]
    functions.create("f", RETURNS)
    create, update = (
        functions.client.create_function_url_config,
        functions.client.update_function_url_config,
    )
    there = create(FunctionName="f", AuthType="AWS_IAM")["FunctionUrl"] + "id"
    answer = ask(there, **signed(there, key))
    assert answer.status == status
    assert ("x-pilvi-iam" in answer.headers) is (mode == "audit")
    assert ask(there).status == 403
    update(FunctionName="f", AuthType="NONE")
    assert ask(there).status == 403


def test_another_account_needs_the_functions_permission_and_its_own(
    functions: Functions, server: Any, account: str
) -> None:
    other = f"9{account[1:]}"
    iam = server.client("iam", other)
    iam.create_user(UserName="u")
    key = iam.create_access_key(UserName="u")["AccessKey"]
    functions.create("f", RETURNS)
    url = functions.client.create_function_url_config(FunctionName="f", AuthType="AWS_IAM")[
        "FunctionUrl"
    ]
    there = url + "id"
    asked: list[dict[str, Any]] = [
        {"Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "AWS_IAM"},
        {"Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": True},
    ]
    allow(iam, "lambda:*")
    for one in asked:
        assert ask(there, **signed(there, key)).status == 403
        functions.client.add_permission(
            FunctionName="f", StatementId=one["Action"][7:], Principal=other, **one
        )
    assert ask(there, **signed(there, key)).status == 200
    allow(iam, "lambda:InvokeFunctionUrl")
    assert ask(there, **signed(there, key)).status == 403


def test_cors_is_the_addresss_own(functions: Functions, url: str) -> None:
    cors = {
        "AllowOrigins": ["https://a.example"],
        "AllowMethods": ["GET"],
        "AllowHeaders": ["x-own"],
        "ExposeHeaders": ["x-told"],
        "AllowCredentials": True,
        "MaxAge": 60,
    }
    updated = functions.client.update_function_url_config(FunctionName="f", Cors=cors)
    assert updated["Cors"] == cors
    asked = {
        "origin": "https://a.example",
        "access_control_request_method": "GET",
        "access_control_request_headers": "x-own",
    }
    preflight = ask(url, "OPTIONS", **asked)
    assert (preflight.status, preflight.body) == (200, b"")
    assert preflight.headers["access-control-allow-origin"] == "https://a.example"
    assert preflight.headers["access-control-max-age"] == "60"
    refused = ask(url, "OPTIONS", **{**asked, "origin": "https://b.example"})
    assert "access-control-allow-origin" not in refused.headers
    answer = ask(url + "id", origin="https://a.example")
    assert answer.headers["access-control-expose-headers"] == "x-told"
    assert (
        functions.client.update_function_url_config(FunctionName="f", Cors={}).get("Cors") is None
    )


def test_the_life_of_a_configuration(functions: Functions) -> None:
    """As recorded: which members each answer has, and the words of the refusals."""
    lambda_ = functions.client
    arn = functions.create("f", RETURNS, Publish=True)["FunctionArn"]
    lambda_.create_alias(FunctionName="f", Name="a", FunctionVersion="1")

    def refusal(operation: Callable[..., Any], **request: Any) -> tuple[str, str]:
        with pytest.raises(ClientError) as caught:
            operation(**request)
        error = caught.value.response["Error"]
        return error["Code"], error["Message"]

    missing = ("ResourceNotFoundException", "Function does not exist")
    nothing = ("ResourceNotFoundException", "The resource you requested does not exist.")
    for request in ({"FunctionName": "none"}, {"FunctionName": "f", "Qualifier": "none"}):
        create = lambda_.create_function_url_config
        assert refusal(create, AuthType="NONE", **request) == missing
        assert refusal(lambda_.get_function_url_config, **request) == nothing
        assert refusal(lambda_.delete_function_url_config, **request) == nothing
        assert refusal(lambda_.update_function_url_config, **request) == missing
    assert refusal(lambda_.list_function_url_configs, FunctionName="none") == missing
    code, words = refusal(create, FunctionName="f", Qualifier="1", AuthType="NONE")
    assert (code, words[:51]) == (
        "ValidationException",
        "1 validation error detected: Value '1' at 'qualifie",
    )
    assert lambda_.list_function_url_configs(FunctionName="f")["FunctionUrlConfigs"] == []
    created = create(FunctionName="f", AuthType="NONE")
    assert created.keys() - {"ResponseMetadata"} == {
        *("FunctionUrl", "FunctionArn", "AuthType", "CreationTime")
    }
    assert (created["FunctionArn"], created["ResponseMetadata"]["HTTPStatusCode"]) == (arn, 201)
    assert refusal(create, FunctionName="f", AuthType="NONE") == (
        "ResourceConflictException",
        f"Failed to create function url config for [functionArn = {arn}]. Error message: "
        " FunctionUrlConfig exists for this Lambda function",
    )
    got = lambda_.get_function_url_config(FunctionName="f")
    assert got["InvokeMode"] == "BUFFERED"
    assert got["LastModifiedTime"] == got["CreationTime"] == created["CreationTime"]
    of_alias = create(
        FunctionName="f", Qualifier="a", AuthType="AWS_IAM", InvokeMode="BUFFERED", Cors={}
    )
    assert (of_alias["FunctionArn"], of_alias["InvokeMode"]) == (f"{arn}:a", "BUFFERED")
    first = lambda_.list_function_url_configs(FunctionName="f", MaxItems=1)
    second = lambda_.list_function_url_configs(FunctionName="f", Marker=first["NextMarker"])
    listed = first["FunctionUrlConfigs"] + second["FunctionUrlConfigs"]
    assert [one["FunctionArn"] for one in listed] == [arn, f"{arn}:a"]
    assert "NextMarker" not in second
    updated = lambda_.update_function_url_config(FunctionName="f", AuthType="AWS_IAM")
    assert "InvokeMode" not in updated
    assert updated["FunctionUrl"] == created["FunctionUrl"]
    lambda_.delete_function_url_config(FunctionName="f")
    assert refusal(lambda_.get_function_url_config, FunctionName="f") == nothing
    assert lambda_.get_function_url_config(FunctionName="f", Qualifier="a")["AuthType"] == "AWS_IAM"


def test_an_address_outlives_its_alias_but_not_its_function(functions: Functions) -> None:
    lambda_ = functions.client
    functions.create("f", RETURNS, Publish=True)
    lambda_.create_alias(FunctionName="f", Name="a", FunctionVersion="1")
    make_public(functions, Qualifier="a")
    there = lambda_.create_function_url_config(FunctionName="f", Qualifier="a", AuthType="NONE")
    url = there["FunctionUrl"]
    assert ask(url + "id").status == 200
    lambda_.delete_alias(FunctionName="f", Name="a")
    assert json.loads(ask(url).body) == {"Message": FORBIDDEN}
    lambda_.delete_function(FunctionName="f")
    assert ask(url).body == b'{"Message":null}'
    functions.create("f", RETURNS)
    assert lambda_.list_function_url_configs(FunctionName="f")["FunctionUrlConfigs"] == []
