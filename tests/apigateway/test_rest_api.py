"""REST APIs from creation to the answer of a real function."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apigateway.http_client import ask
from iam.refusals import refused

MISSING = {"message": "Missing Authentication Token"}


class Builder:
    """Makes REST APIs with few words."""

    def __init__(self, v1: Any, function_arn: str, endpoint: str) -> None:
        self.v1 = v1
        made = v1.create_rest_api(name="tested", binaryMediaTypes=["image/*"])
        self.id, self.root = made["id"], made["rootResourceId"]
        self.url = f"{endpoint}/_aws/execute-api/{self.id}"
        self.uri = (
            "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
            f"{function_arn}/invocations"
        )

    def resource(self, part: str, parent: str | None = None) -> str:
        made = self.v1.create_resource(
            restApiId=self.id, parentId=parent or self.root, pathPart=part
        )
        return made["id"]

    def method(self, resource: str, verb: str = "ANY", **integration: Any) -> None:
        where = {"restApiId": self.id, "resourceId": resource, "httpMethod": verb}
        self.v1.put_method(**where, authorizationType="NONE")
        given = {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": self.uri}
        self.v1.put_integration(**where, **{**given, **integration})

    def deploy(self, stage: str = "dev", **more: Any) -> str:
        return self.v1.create_deployment(restApiId=self.id, stageName=stage, **more)["id"]


@pytest.fixture
def rest(v1: Any, function_arn: str, endpoint: str) -> Builder:
    return Builder(v1, function_arn, endpoint)


def test_a_function_behind_a_greedy_path(rest: Builder) -> None:
    rest.method(rest.resource("{proxy+}"))
    deployment = rest.deploy(variables={"v": "1"})
    answer = ask(f"{rest.url}/dev/a/b%20c/?x=1&x=2", content_type="text/plain")
    assert answer.status == 200
    event = answer.json()
    assert (event["resource"], event["path"]) == ("/{proxy+}", "/a/b%20c/")
    assert event["pathParameters"] == {"proxy": "a/b%20c"}
    assert event["multiValueQueryStringParameters"] == {"x": ["1", "2"]}
    assert event["stageVariables"] == {"v": "1"}
    assert event["headers"]["Content-Type"] == "text/plain"
    context = event["requestContext"]
    assert (context["stage"], context["path"]) == ("dev", "/dev/a/b%20c/")
    assert context["deploymentId"] == deployment
    assert context["requestId"] == answer.header("x-amzn-requestid")


# As recorded: slashes before the stage vanish; those behind it stay in the context's path only.
def test_further_slashes(rest: Builder) -> None:
    rest.method(rest.resource("{proxy+}"))
    rest.deploy()
    for asked, full in (("//dev/a", "/dev/a"), ("/dev//a", "/dev//a")):
        event = ask(rest.url + asked).json()
        assert (event["path"], event["requestContext"]["path"]) == ("/a", full)
    assert ask(rest.url + "/dev/a//b").json()["pathParameters"] == {"proxy": "a//b"}


# The form of address that people know from other tools.
def test_the_known_path_form(rest: Builder, endpoint: str) -> None:
    rest.method(rest.resource("pets"), "GET")
    rest.deploy()
    for tail in ("pets", "pets/"):
        answer = ask(f"{endpoint}/restapis/{rest.id}/dev/_user_request_/{tail}")
        assert answer.json()["resource"] == "/pets"


# As recorded: no route, and no such method on the resource, are the same answer.
def test_requests_without_a_route(rest: Builder) -> None:
    rest.method(rest.resource("pets"), "GET")
    rest.method(rest.resource("{proxy+}"), "POST")
    rest.deploy()
    assert ask(f"{rest.url}/dev/pets").status == 200
    for method, path in (("POST", "/dev/pets"), ("GET", "/dev/none"), ("GET", "/dev")):
        answer = ask(rest.url + path, method)
        assert (answer.status, answer.json()) == (403, MISSING)
        assert answer.header("x-amzn-errortype") == "MissingAuthenticationTokenException"
    assert ask(f"{rest.url}/other/pets").json() == {"message": "Forbidden"}


# A deployment is a snapshot: what is changed later is served after the next one.
def test_deployments_are_snapshots(rest: Builder) -> None:
    rest.method(rest.resource("one"), "GET")
    first = rest.deploy()
    rest.method(rest.resource("two"), "GET")
    assert ask(f"{rest.url}/dev/two").status == 403
    second = rest.deploy()
    assert ask(f"{rest.url}/dev/two").status == 200
    stage = {"restApiId": rest.id, "stageName": "dev"}
    back = [{"op": "replace", "path": "/deploymentId", "value": first}]
    rest.v1.update_stage(**stage, patchOperations=back)
    assert ask(f"{rest.url}/dev/two").status == 403
    text = "Active stages pointing to this deployment must be moved or deleted"
    with refused("BadRequestException", text, 400):
        rest.v1.delete_deployment(restApiId=rest.id, deploymentId=first)
    rest.v1.delete_deployment(restApiId=rest.id, deploymentId=second)
    assert [d["id"] for d in rest.v1.get_deployments(restApiId=rest.id)["items"]] == [first]
    (told,) = rest.v1.get_stages(restApiId=rest.id)["item"]
    assert (told["stageName"], told["cacheClusterStatus"]) == ("dev", "NOT_AVAILABLE")


@pytest.mark.parametrize(
    ("returned", "status", "body"),
    [
        ({"statusCode": 201, "body": "made"}, 201, b"made"),
        ({"statusCode": 200, "wrong": 1}, 502, b'{"message":"Internal server error"}'),
        ("text", 502, b'{"message":"Internal server error"}'),
        ({"statusCode": 100}, 502, b'{"message":"Internal server error"}'),
        ({"headers": {"a": {}}}, 502, b'{"message":"Internal server error"}'),
    ],
)
def test_answers_of_functions(rest: Builder, returned: object, status: int, body: bytes) -> None:
    rest.method(rest.resource("returns"))
    rest.deploy()
    answer = ask(f"{rest.url}/dev/returns", "POST", json.dumps(returned).encode())
    assert (answer.status, answer.body) == (status, body)


# Bytes go in and out as base64 for the API's binary types, and stay text for others.
def test_binary_media_types(rest: Builder) -> None:
    rest.method(rest.resource("{proxy+}"))
    rest.deploy()
    event = ask(f"{rest.url}/dev/x", "POST", b"\x00\xff", content_type="image/png").json()
    assert (event["body"], event["isBase64Encoded"]) == ("AP8=", True)
    sent = json.dumps({"statusCode": 200, "body": "AP8=", "isBase64Encoded": True}).encode()
    assert ask(f"{rest.url}/dev/returns", "POST", sent).body == b"AP8="
    assert ask(f"{rest.url}/dev/returns", "POST", sent, accept="image/webp").body == b"\x00\xff"


def test_errors_of_a_rest_api(rest: Builder) -> None:
    rest.method(rest.resource("fails"))
    rest.method(rest.resource("sleeps"), timeoutInMillis=50)
    rest.method(rest.resource("get"), "GET", integrationHttpMethod="GET")
    rest.deploy()
    failed = ask(f"{rest.url}/dev/fails")
    assert (failed.status, failed.json()) == (502, {"message": "Internal server error"})
    slow = ask(f"{rest.url}/dev/sleeps?s=0.5")
    assert (slow.status, slow.json()) == (504, {"message": "Endpoint request timed out"})
    # As recorded: Lambda takes invocations by POST only.
    assert ask(f"{rest.url}/dev/get").json() == {"message": "Internal server error"}


# An integration that is changed by patches is served after the next deployment.
def test_integrations_are_changed_by_patches(rest: Builder) -> None:
    rest.method(rest.root, "GET", uri=rest.uri.replace(":told/", ":none/"))
    rest.deploy()
    assert ask(f"{rest.url}/dev/").status == 500
    where = {"restApiId": rest.id, "resourceId": rest.root, "httpMethod": "GET"}
    patches = [
        {"op": "replace", "path": "/uri", "value": rest.uri},
        {"op": "replace", "path": "/timeoutInMillis", "value": "9000"},
    ]
    changed = rest.v1.update_integration(**where, patchOperations=patches)
    assert (changed["uri"], changed["timeoutInMillis"]) == (rest.uri, 9000)
    rest.deploy()
    assert ask(f"{rest.url}/dev/").status == 200
    wrong = [{"op": "replace", "path": "/httpMethod", "value": "PUT"}]
    with refused("BadRequestException", "Invalid patch path /httpMethod", 400):
        rest.v1.update_method(**where, patchOperations=wrong)


# What frameworks make for CORS: a MOCK whose answer is constant.
def test_a_mock_answers_preflights(rest: Builder) -> None:
    resource = rest.resource("pets")
    where = {"restApiId": rest.id, "resourceId": resource, "httpMethod": "OPTIONS"}
    origin = "method.response.header.Access-Control-Allow-Origin"
    rest.v1.put_method(**where, authorizationType="NONE")
    rest.v1.put_method_response(**where, statusCode="204", responseParameters={origin: True})
    rest.v1.put_integration(
        **where, type="MOCK", requestTemplates={"application/json": '{"statusCode": 204}'}
    )
    rest.v1.put_integration_response(**where, statusCode="204", responseParameters={origin: "'*'"})
    rest.deploy()
    answer = ask(f"{rest.url}/dev/pets", "OPTIONS")
    assert (answer.status, answer.header("access-control-allow-origin")) == (204, "*")
    with refused("NotImplemented"):
        rest.v1.put_integration_response(
            **where, statusCode="200", responseTemplates={"application/json": "$input.body"}
        )


# As recorded: resources are listed by path; each mistake has its own words.
def test_the_tree_of_resources(rest: Builder) -> None:
    pets = rest.resource("pets")
    one = rest.resource("{id}", pets)
    rest.resource("{proxy+}")
    listed = rest.v1.get_resources(restApiId=rest.id)["items"]
    assert [r["path"] for r in listed] == ["/", "/pets", "/pets/{id}", "/{proxy+}"]
    with refused(
        "ConflictException",
        "Another resource with the same parent already has this name: pets",
        409,
    ):
        rest.resource("pets")
    with refused(
        "BadRequestException",
        "A sibling ({proxy+}) of this resource already has a variable path part"
        " -- only one is allowed",
    ):
        rest.resource("{other}")
    move = [{"op": "replace", "path": "/parentId", "value": one}]
    with refused("BadRequestException", "Resources cannot be cyclical."):
        rest.v1.update_resource(restApiId=rest.id, resourceId=pets, patchOperations=move)
    rename = [{"op": "replace", "path": "/pathPart", "value": "dogs"}]
    rest.v1.update_resource(restApiId=rest.id, resourceId=pets, patchOperations=rename)
    below = rest.v1.get_resource(restApiId=rest.id, resourceId=one)
    assert below["path"] == "/dogs/{id}"
    rest.v1.delete_resource(restApiId=rest.id, resourceId=pets)
    with refused("NotFoundException", "Invalid Resource identifier specified", 404):
        rest.v1.get_resource(restApiId=rest.id, resourceId=one)


# As recorded: what a new API, method and integration are told to be.
def test_things_are_told_as_recorded(rest: Builder) -> None:
    api = rest.v1.get_rest_api(restApiId=rest.id)
    assert api["endpointConfiguration"] == {"types": ["EDGE"], "ipAddressType": "ipv4"}
    assert (api["apiKeySource"], api["disableExecuteApiEndpoint"]) == ("HEADER", False)
    where = {"restApiId": rest.id, "resourceId": rest.root, "httpMethod": "GET"}
    method = rest.v1.put_method(**where, authorizationType="NONE")
    method.pop("ResponseMetadata")
    assert method == {"httpMethod": "GET", "authorizationType": "NONE", "apiKeyRequired": False}
    with refused("BadRequestException", "No integration defined for method"):
        rest.deploy()
    made = rest.v1.put_integration(
        **where, type="AWS_PROXY", integrationHttpMethod="POST", uri=rest.uri
    )
    made.pop("ResponseMetadata")
    assert made == {
        "cacheKeyParameters": [],
        "cacheNamespace": rest.root,
        "httpMethod": "POST",
        "passthroughBehavior": "WHEN_NO_MATCH",
        "timeoutInMillis": 29000,
        "type": "AWS_PROXY",
        "uri": rest.uri,
    }
    assert rest.v1.get_method(**where)["methodIntegration"] == made
    rest.v1.delete_integration(**where)
    with refused("NotFoundException", "Invalid Integration identifier specified", 404):
        rest.v1.get_integration(**where)


@pytest.mark.parametrize(
    ("uri", "text"),
    [
        ("not-an-arn", "Invalid ARN specified in the request"),
        (
            "arn:aws:lambda:us-east-1:111111111111:function:f",
            "AWS ARN for integration must contain path or action",
        ),
        (
            "arn:aws:apigateway:us-east-1:s3:path/b/k",
            "Integrations of type 'AWS_PROXY' currently only supports Lambda function and Firehose"
            " stream invocations.",
        ),
    ],
)
def test_integration_uris_as_recorded(rest: Builder, uri: str, text: str) -> None:
    with refused("BadRequestException", text, 400):
        rest.method(rest.root, "GET", uri=uri)


def test_refusals(rest: Builder) -> None:
    where = {"restApiId": rest.id, "resourceId": rest.root}
    with refused("BadRequestException", "The REST API doesn't contain any methods"):
        rest.deploy()
    with refused("NotImplemented"):
        rest.v1.put_method(**where, httpMethod="GET", authorizationType="CUSTOM", authorizerId="x")
    with refused("NotImplemented"):
        rest.v1.put_method(**where, httpMethod="GET", authorizationType="NONE", apiKeyRequired=True)
    rest.method(rest.root, "GET")
    with refused("NotImplemented"):
        rest.v1.put_integration(
            **where, httpMethod="GET", type="HTTP", integrationHttpMethod="GET", uri="http://x"
        )
    with refused("ConflictException", "Method already exists for this resource", 409):
        rest.v1.put_method(**where, httpMethod="GET", authorizationType="NONE")
    with refused("NotFoundException", status=404):
        rest.v1.get_rest_api(restApiId="none")


def test_changes_of_an_api_and_its_end(rest: Builder) -> None:
    patched = rest.v1.update_rest_api(
        restApiId=rest.id,
        patchOperations=[
            {"op": "replace", "path": "/name", "value": "new"},
            {"op": "add", "path": "/binaryMediaTypes/text~1csv"},
            {"op": "remove", "path": "/binaryMediaTypes/image~1*"},
        ],
    )
    assert (patched["name"], patched["binaryMediaTypes"]) == ("new", ["text/csv"])
    arn = f"arn:aws:apigateway:us-east-1::/restapis/{rest.id}"
    rest.v1.tag_resource(resourceArn=arn, tags={"a": "1"})
    assert rest.v1.get_tags(resourceArn=arn)["tags"] == {"a": "1"}
    rest.v1.delete_rest_api(restApiId=rest.id)
    assert ask(f"{rest.url}/dev/x").status == 403
    with refused("NotFoundException"):
        rest.v1.get_resources(restApiId=rest.id)


def test_numbers_in_patches_that_are_none(rest: Builder) -> None:
    rest.method(rest.root)
    for value in ("²", "9" * 5000, "-1"):
        with refused("BadRequestException"):
            rest.v1.update_integration(
                restApiId=rest.id,
                resourceId=rest.root,
                httpMethod="ANY",
                patchOperations=[{"op": "replace", "path": "/timeoutInMillis", "value": value}],
            )


def test_integrations_as_a_role_are_refused(rest: Builder) -> None:
    with refused("NotImplemented"):
        rest.method(rest.root, credentials="arn:aws:iam::990000000001:role/r")
    rest.method(rest.resource("other"), credentials="")
