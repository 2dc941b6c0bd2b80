"""HTTP APIs from creation to the answer of a real function."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from apigateway.http_client import ask
from iam.refusals import refused

Make = Callable[..., Any]


@pytest.fixture
def api(v2: Any, function_arn: str) -> Any:
    """Made by quick create: everything goes to the function at once."""
    return v2.create_api(Name="quick", ProtocolType="HTTP", Target=function_arn)


def _integration(v2: Any, api_id: str, arn: str, **more: Any) -> str:
    given: dict[str, Any] = {"PayloadFormatVersion": "2.0", **more}
    made = v2.create_integration(
        ApiId=api_id, IntegrationType="AWS_PROXY", IntegrationUri=arn, **given
    )
    return f"integrations/{made['IntegrationId']}"


def test_quick_create_serves_at_once(v2: Any, api: Any) -> None:
    answer = ask(
        api["ApiEndpoint"] + "/pets/1?a=1", "POST", b'{"x":1}', content_type="application/json"
    )
    assert answer.status == 200
    event = answer.json()
    assert (event["version"], event["routeKey"], event["rawPath"]) == ("2.0", "$default", "/pets/1")
    assert (event["body"], event["isBase64Encoded"]) == ('{"x":1}', False)
    context = event["requestContext"]
    assert context["stage"] == "$default"
    assert context["requestId"] == answer.header("apigw-requestid")
    assert ask(api["ApiEndpoint"] + "/$default/x").json()["rawPath"] == "/$default/x"
    (route,) = v2.get_routes(ApiId=api["ApiId"])["Items"]
    assert (route["RouteKey"], route["ApiGatewayManaged"]) == ("$default", True)
    (stage,) = v2.get_stages(ApiId=api["ApiId"])["Items"]
    assert (stage["StageName"], stage["AutoDeploy"]) == ("$default", True)


# The same API answers below its own host name, which browsers resolve by themselves.
def test_the_host_name_of_an_api_works_too(api: Any, endpoint: str) -> None:
    host = f"{api['ApiId']}.execute-api.us-east-1.localhost:4566"
    event = ask(endpoint + "/x", host=host).json()
    assert event["rawPath"] == "/x"
    assert event["requestContext"]["domainName"] == host.partition(":")[0]


# Each stage serves what was deployed to it; variables are its own.
def test_stages_serve_their_deployments(v2: Any, function_arn: str) -> None:
    api = v2.create_api(Name="staged", ProtocolType="HTTP")
    api_id, url = api["ApiId"], api["ApiEndpoint"]
    target = _integration(v2, api_id, function_arn)
    v2.create_route(ApiId=api_id, RouteKey="GET /pets/{id}", Target=target)
    assert ask(url + "/pets/1").status == 404
    deployment = v2.create_deployment(ApiId=api_id, Description="first")
    v2.create_stage(
        ApiId=api_id,
        StageName="dev",
        DeploymentId=deployment["DeploymentId"],
        StageVariables={"color": "blue"},
    )
    event = ask(url + "/dev/pets/a%20b").json()
    assert (event["routeKey"], event["rawPath"]) == ("GET /pets/{id}", "/dev/pets/a b")
    assert event["pathParameters"] == {"id": "a b"}
    assert event["stageVariables"] == {"color": "blue"}

    v2.create_route(ApiId=api_id, RouteKey="GET /later", Target=target)
    missing = ask(url + "/dev/later")
    assert (missing.status, missing.json()) == (404, {"message": "Not Found"})
    v2.create_deployment(ApiId=api_id, StageName="dev")
    assert ask(url + "/dev/later").status == 200
    with refused("BadRequestException", status=400):
        current = v2.get_stage(ApiId=api_id, StageName="dev")["DeploymentId"]
        v2.delete_deployment(ApiId=api_id, DeploymentId=current)
    v2.delete_deployment(ApiId=api_id, DeploymentId=deployment["DeploymentId"])


# With auto-deploy every change is served at once, and old automatic deployments do not pile up.
def test_auto_deploy_follows_every_change(v2: Any, api: Any, function_arn: str) -> None:
    api_id, url = api["ApiId"], api["ApiEndpoint"]
    target = _integration(v2, api_id, function_arn, PayloadFormatVersion="1.0")
    route = v2.create_route(ApiId=api_id, RouteKey="GET /one", Target=target)
    assert ask(url + "/one").json()["version"] == "1.0"
    assert ask(url + "/two").json()["version"] == "2.0"
    v2.update_route(ApiId=api_id, RouteId=route["RouteId"], RouteKey="GET /two")
    assert ask(url + "/one").json()["version"] == "2.0"
    assert ask(url + "/two").json()["version"] == "1.0"
    v2.delete_route(ApiId=api_id, RouteId=route["RouteId"])
    assert ask(url + "/two").json()["version"] == "2.0"
    assert len(v2.get_deployments(ApiId=api_id)["Items"]) == 1


# The function's answer, in all its forms, and what is no answer.
@pytest.mark.parametrize(
    ("returned", "status", "body"),
    [
        ("plain", 200, b"plain"),
        ({"statusCode": 404, "body": "gone"}, 404, b"gone"),
        ({"statusCode": 200, "body": "AP8=", "isBase64Encoded": True}, 200, b"\x00\xff"),
        ({"statusCode": "x"}, 500, b'{"message":"Internal Server Error"}'),
        ({"statusCode": 101}, 500, b'{"message":"Internal Server Error"}'),
        ({"statusCode": 200, "headers": {"a": "b\0"}}, 500, b'{"message":"Internal Server Error"}'),
        ({"statusCode": 200, "headers": ["a"]}, 500, b'{"message":"Internal Server Error"}'),
    ],
)
def test_answers_of_functions(api: Any, returned: object, status: int, body: bytes) -> None:
    sent = json.dumps(returned).encode()
    answer = ask(api["ApiEndpoint"] + "/returns", "POST", sent, content_type="application/json")
    assert (answer.status, answer.body) == (status, body)


def test_cookies_come_one_by_one(api: Any) -> None:
    sent = json.dumps({"statusCode": 200, "cookies": ["a=1; Secure", "b=2"]}).encode()
    answer = ask(
        api["ApiEndpoint"] + "/returns", "POST", sent, content_type="application/json", cookie="c=3"
    )
    assert answer.all("set-cookie") == ["a=1; Secure", "b=2"]


# A function that fails, is too slow, or may not be invoked: the API's own errors.
def test_errors_of_an_http_api(v2: Any, api: Any, function_arn: str) -> None:
    api_id, url = api["ApiId"], api["ApiEndpoint"]
    failed = ask(url + "/fails")
    assert (failed.status, failed.json()) == (500, {"message": "Internal Server Error"})
    target = _integration(v2, api_id, function_arn, TimeoutInMillis=50)
    v2.create_route(ApiId=api_id, RouteKey="GET /sleeps", Target=target)
    slow = ask(url + "/sleeps?s=0.5")
    assert (slow.status, slow.json()) == (503, {"message": "Service Unavailable"})
    target = _integration(v2, api_id, function_arn + "-that-is-not-there")
    v2.create_route(ApiId=api_id, RouteKey="GET /nobody", Target=target)
    assert ask(url + "/nobody").status == 500
    v2.create_route(ApiId=api_id, RouteKey="GET /nothing")
    assert ask(url + "/nothing").status == 500


# A function's policy decides which APIs may invoke it.
def test_functions_of_other_accounts_are_not_invoked(client: Make, function_arn: str) -> None:
    api = client("apigatewayv2").create_api(
        Name="foreign", ProtocolType="HTTP", Target=function_arn
    )
    assert ask(api["ApiEndpoint"] + "/x").status == 500


def test_stage_variables_choose_the_function(v2: Any, function_arn: str) -> None:
    api = v2.create_api(Name="variable", ProtocolType="HTTP")
    arn = function_arn.replace(":told", ":${stageVariables.name}")
    target = _integration(v2, api["ApiId"], arn)
    v2.create_route(ApiId=api["ApiId"], RouteKey="ANY /{proxy+}", Target=target)
    for stage, name in (("good", "told"), ("bad", "none")):
        v2.create_stage(
            ApiId=api["ApiId"], StageName=stage, AutoDeploy=True, StageVariables={"name": name}
        )
    assert ask(api["ApiEndpoint"] + "/good/x").status == 200
    v2.create_stage(
        ApiId=api["ApiId"], StageName="worse", AutoDeploy=True, StageVariables={"name": "a:b/c?d"}
    )
    for stage in ("bad", "worse"):
        failed = ask(f"{api['ApiEndpoint']}/{stage}/x")
        assert (failed.status, failed.json()) == (500, {"message": "Internal Server Error"})


# With CORS the API answers preflights itself, for a route or none, and marks all answers as its own.
def test_cors_is_the_apis_own(v2: Any, api: Any) -> None:
    api_id, url = api["ApiId"], api["ApiEndpoint"]
    cors = {
        "AllowOrigins": ["https://app.example", "http://*.dev.example"],
        "AllowMethods": ["GET", "POST"],
        "AllowHeaders": ["Authorization"],
        "ExposeHeaders": ["x-total"],
        "MaxAge": 60,
        "AllowCredentials": True,
    }
    told = v2.update_api(ApiId=api_id, CorsConfiguration=cors)["CorsConfiguration"]
    assert told == cors
    asked = {"origin": "https://app.example", "access_control_request_method": "POST"}
    preflight = ask(
        url + "/any", "OPTIONS", access_control_request_headers="authorization", **asked
    )
    assert preflight.status == 204
    assert preflight.header("access-control-allow-origin") == "https://app.example"
    assert preflight.header("access-control-allow-methods") == "GET,POST"
    assert preflight.header("access-control-allow-headers") == "Authorization"
    assert preflight.header("access-control-max-age") == "60"
    assert preflight.header("access-control-allow-credentials") == "true"
    for change in (
        {"origin": "https://evil.example"},
        {"access_control_request_method": "DELETE"},
        {"access_control_request_headers": "x-other"},
    ):
        answer = ask(url + "/any", "OPTIONS", **{**asked, **change})
        assert answer.status == 204
        assert answer.header("access-control-allow-origin") is None
    sent = json.dumps({"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "*"}}).encode()
    marked = ask(
        url + "/returns",
        "POST",
        sent,
        content_type="application/json",
        origin="http://a.dev.example",
    )
    assert marked.all("access-control-allow-origin") == ["http://a.dev.example"]
    assert marked.header("access-control-expose-headers") == "x-total"
    assert ask(url + "/x").header("access-control-allow-origin") is None
    v2.delete_cors_configuration(ApiId=api_id)
    assert ask(url + "/any", "OPTIONS", **asked).status == 200  # the function's own answer


def test_what_is_deleted_is_gone(v2: Any, api: Any) -> None:
    v2.delete_api(ApiId=api["ApiId"])
    answer = ask(api["ApiEndpoint"] + "/x")
    assert (answer.status, answer.json()) == (403, {"message": "Forbidden"})
    with refused("NotFoundException", f"Invalid API identifier specified {api['ApiId']}", 404):
        v2.get_api(ApiId=api["ApiId"])
    with refused("NotFoundException"):
        v2.get_routes(ApiId=api["ApiId"])


def test_a_disabled_endpoint_answers_nothing(v2: Any, api: Any) -> None:
    v2.update_api(ApiId=api["ApiId"], DisableExecuteApiEndpoint=True, Name="closed")
    assert v2.get_api(ApiId=api["ApiId"])["Name"] == "closed"
    assert ask(api["ApiEndpoint"] + "/x").status == 404


def test_lists_come_in_pages(client: Make) -> None:
    v2 = client("apigatewayv2")
    made = {v2.create_api(Name=f"a{n}", ProtocolType="HTTP")["ApiId"] for n in range(3)}
    pages = v2.get_paginator("get_apis").paginate(PaginationConfig={"PageSize": 2})
    sizes = [[api["ApiId"] for api in page["Items"]] for page in pages]
    assert [len(page) for page in sizes] == [2, 1]
    assert {api_id for page in sizes for api_id in page} == made


def test_tags(v2: Any, api: Any) -> None:
    arn = f"arn:aws:apigateway:us-east-1::/apis/{api['ApiId']}"
    v2.tag_resource(ResourceArn=arn, Tags={"a": "1", "b": "2"})
    v2.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert v2.get_tags(ResourceArn=arn)["Tags"] == {"b": "2"}
    assert v2.get_api(ApiId=api["ApiId"])["Tags"] == {"b": "2"}
    stage = f"{arn}/stages/$default"
    v2.tag_resource(ResourceArn=stage, Tags={"s": "1"})
    assert v2.get_stage(ApiId=api["ApiId"], StageName="$default")["Tags"] == {"s": "1"}


# Mistakes are told as AWS tells them, and what is not built by its name.
def test_refusals(v2: Any, api: Any, function_arn: str) -> None:
    api_id = api["ApiId"]
    with refused("NotImplemented", status=501):
        v2.create_api(Name="w", ProtocolType="WEBSOCKET")
    with refused("NotImplemented"):
        v2.create_integration(
            ApiId=api_id, IntegrationType="HTTP_PROXY", IntegrationUri="http://x.y"
        )
    with refused("NotImplemented"):
        v2.create_route(ApiId=api_id, RouteKey="GET /a", AuthorizationType="JWT")
    with refused("BadRequestException"):
        v2.create_route(ApiId=api_id, RouteKey="FETCH /a")
    with refused("ConflictException", status=409):
        v2.create_route(ApiId=api_id, RouteKey="$default")
    with refused("NotFoundException"):
        v2.create_route(ApiId=api_id, RouteKey="GET /a", Target="integrations/none")
    with refused("ValidationException"):
        _integration(v2, api_id, function_arn, TimeoutInMillis=30_001)
    with refused("BadRequestException"):
        _integration(v2, api_id, "arn:aws:sqs:us-east-1:1:q")
    (integration,) = v2.get_integrations(ApiId=api_id)["Items"]
    with refused("ConflictException"):
        v2.delete_integration(ApiId=api_id, IntegrationId=integration["IntegrationId"])


# Bodies that break off and headers that cannot be sent: an API never answers in another service's XML.
def test_failures_around_an_api_are_its_own_json(v2: Any, function_arn: str) -> None:
    api = v2.create_api(
        Name="cors",
        ProtocolType="HTTP",
        Target=function_arn,
        CorsConfiguration={"AllowOrigins": ["*"], "ExposeHeaders": ["a\r\nb: c"]},
    )
    url = api["ApiEndpoint"]
    answer = ask(url + "/x", origin="http://page")
    assert (answer.status, answer.json()) == (500, {"message": "Internal Server Error"})
    assert answer.header("b") is None
    assert ask(url + "/x").status == 200
    parts = urlsplit(url)
    head = (
        f"POST {parts.path}/x HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\nconnection: close\r\n\r\n"
    )
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as connection:
        connection.sendall(head.encode() + b"abc")
        connection.shutdown(socket.SHUT_WR)
        sent = b"".join(iter(lambda: connection.recv(65536), b""))
    assert sent.startswith(b"HTTP/1.1 400 ")
    assert sent.endswith(b'{"message":"Bad Request"}')


# Digits of other scripts and of great length are no numbers here, and no failures of ours.
@pytest.mark.parametrize("size", ["²", "٣", "9" * 5000, "-1", "x"])
def test_sizes_of_pages_that_are_none(v2: Any, size: str) -> None:
    with refused("BadRequestException"):
        v2.get_apis(MaxResults=size)


# A role that invokes in API Gateway's stead would need no policy of the function: refused, not forgotten.
def test_integrations_as_a_role_are_refused(v2: Any, api: Any, function_arn: str) -> None:
    role = function_arn.replace(":lambda:us-east-1:", ":iam::").replace("function:told", "role/r")
    with refused("NotImplemented"):
        _integration(v2, api["ApiId"], function_arn, CredentialsArn=role)
    with refused("NotImplemented"):
        v2.create_api(Name="n", ProtocolType="HTTP", Target=function_arn, CredentialsArn=role)
