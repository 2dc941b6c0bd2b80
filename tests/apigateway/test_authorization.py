"""Routes for those whom IAM lets: signed requests, decided before any function runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from apigateway.conftest import ACCOUNT
from apigateway.http_client import Answer, ask
from iam.refusals import refused

FORBIDDEN = {"message": "Forbidden"}


class Person:
    def __init__(self, server: Any, account: str, name: str) -> None:
        self._iam = server.client("iam", account)
        self.name = name
        self.user = self._iam.create_user(UserName=name)["User"]
        self.key = self._iam.create_access_key(UserName=name)["AccessKey"]

    def may(self, *statements: dict[str, Any]) -> None:
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        self._iam.put_user_policy(
            UserName=self.name, PolicyName="own", PolicyDocument=json.dumps(document)
        )

    def ask(self, url: str, method: str = "GET", body: bytes = b"", **more: Any) -> Answer:
        """Signed with this person's key; `service`; `sends`: another body than was signed; `presigned`; `at`: where
        the host is to be found.
        """
        request = AWSRequest(method=method, url=url, data=body)
        credentials = Credentials(
            more.pop("access_key_id", self.key["AccessKeyId"]), self.key["SecretAccessKey"]
        )
        sent = more.pop("sends", body)
        if more.pop("presigned", False):
            SigV4QueryAuth(credentials, "execute-api", "us-east-1").add_auth(request)
            return ask(request.url, method, sent, **more)
        SigV4Auth(credentials, more.pop("service", "execute-api"), "us-east-1").add_auth(request)
        headers = {name.replace("-", "_"): str(value) for name, value in request.headers.items()}
        at = more.pop("at", None)
        if at is not None:
            parts = urlsplit(url)
            return ask(at + parts.path, method, sent, host=parts.netloc, **headers)
        return ask(url, method, sent, **headers, **more)

    def delete(self) -> None:
        self._iam.delete_access_key(UserName=self.name, AccessKeyId=self.key["AccessKeyId"])
        for policy in self._iam.list_user_policies(UserName=self.name)["PolicyNames"]:
            self._iam.delete_user_policy(UserName=self.name, PolicyName=policy)
        self._iam.delete_user(UserName=self.name)


@pytest.fixture
def ann(server: Any) -> Iterator[Person]:
    """Of the APIs' account."""
    person = Person(server, ACCOUNT, "ann")
    yield person
    person.delete()


@pytest.fixture
def eve(server: Any, account: str) -> Person:
    """Of another account, where she may do everything."""
    person = Person(server, account, "eve")
    person.may({"Effect": "Allow", "Action": "*", "Resource": "*"})
    return person


def allow(resource: str | list[str], effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource, **more}


class Api:
    def __init__(self, api_id: str, url: str, stage: str) -> None:
        self.id, self.url = api_id, url
        self.arn = f"arn:aws:execute-api:us-east-1:{ACCOUNT}:{api_id}/{stage}"


@pytest.fixture
def http(v2: Any, function_arn: str) -> Api:
    """`/pets/{id}` for those whom IAM lets, `/open` for everybody."""
    made = v2.create_api(Name="guarded", ProtocolType="HTTP")
    api_id = made["ApiId"]
    integration = v2.create_integration(
        ApiId=api_id,
        IntegrationType="AWS_PROXY",
        IntegrationUri=function_arn,
        PayloadFormatVersion="2.0",
    )
    target = f"integrations/{integration['IntegrationId']}"
    guarded = {"AuthorizationType": "AWS_IAM", "Target": target}
    v2.create_route(ApiId=api_id, RouteKey="ANY /pets/{id}", **guarded)
    v2.create_route(ApiId=api_id, RouteKey="GET /open", Target=target)
    v2.create_stage(ApiId=api_id, StageName="dev", AutoDeploy=True)
    return Api(api_id, made["ApiEndpoint"] + "/dev", "dev")


@pytest.fixture
def rest(v1: Any, function_arn: str, endpoint: str) -> Api:
    """The same as a REST API."""
    made = v1.create_rest_api(name="guarded")
    api_id, root = made["id"], made["rootResourceId"]
    pets = v1.create_resource(restApiId=api_id, parentId=root, pathPart="pets")["id"]
    pet = v1.create_resource(restApiId=api_id, parentId=pets, pathPart="{id}")["id"]
    opened = v1.create_resource(restApiId=api_id, parentId=root, pathPart="open")["id"]
    uri = (
        f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function_arn}/invocations"
    )
    for resource, verb, kind in ((pet, "ANY", "AWS_IAM"), (opened, "GET", "NONE")):
        where = {"restApiId": api_id, "resourceId": resource, "httpMethod": verb}
        v1.put_method(**where, authorizationType=kind)
        v1.put_integration(**where, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
    v1.create_deployment(restApiId=api_id, stageName="dev")
    return Api(api_id, f"{endpoint}/_aws/execute-api/{api_id}/dev", "dev")


def test_an_http_api_lets_in_whoever_may(http: Api, ann: Person) -> None:
    there = http.url + "/pets/1"
    assert ask(http.url + "/open").status == 200
    nobody = ask(there)
    assert (nobody.status, nobody.json()) == (403, FORBIDDEN)
    refusal = ann.ask(there)
    assert (refusal.status, refusal.json()) == (403, FORBIDDEN)
    ann.may(allow(f"{http.arn}/GET/pets/*"))
    answer = ann.ask(there)
    assert answer.status == 200, answer.body
    context = answer.json()["requestContext"]
    assert "authorization" not in answer.json()["headers"]
    assert context["accountId"] == ACCOUNT
    assert context["authorizer"] == {
        "iam": {
            "accessKey": ann.key["AccessKeyId"],
            "accountId": ACCOUNT,
            "callerId": ann.user["UserId"],
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": ann.user["Arn"],
            "userId": ann.user["UserId"],
        }
    }
    assert "authorizer" not in ask(http.url + "/open").json()["requestContext"]
    assert ann.ask(there, "POST", b"x").status == 403, "another method"
    assert ann.ask(there, presigned=True).status == 200


def test_a_rest_api_lets_in_whoever_may(rest: Api, ann: Person) -> None:
    there = rest.url + "/pets/1"
    assert ask(rest.url + "/open").status == 200
    nobody = ask(there)
    assert (nobody.status, nobody.json()) == (403, {"message": "Missing Authentication Token"})
    assert nobody.header("x-amzn-errortype") == "MissingAuthenticationTokenException"
    refusal = ann.ask(there)
    masked = rest.arn.replace(ACCOUNT, "********" + ACCOUNT[-4:])
    assert (refusal.status, refusal.json()) == (
        403,
        {
            "Message": f"User: {ann.user['Arn']} is not authorized to perform: execute-api:Invoke on"
            f" resource: {masked}/GET/pets/1 because no identity-based policy allows the"
            " execute-api:Invoke action"
        },
    )
    assert refusal.header("x-amzn-errortype") == "AccessDeniedException"
    ann.may(allow(f"{rest.arn}/GET/pets/*"))
    event = ann.ask(there).json()
    assert "Authorization" not in event["headers"]
    assert "Authorization" not in event["multiValueHeaders"]
    identity = event["requestContext"]["identity"]
    assert (identity["accessKey"], identity["accountId"]) == (ann.key["AccessKeyId"], ACCOUNT)
    assert identity["caller"] == identity["user"] == ann.user["UserId"]
    assert identity["userArn"] == ann.user["Arn"]
    assert ask(rest.url + "/open").json()["requestContext"]["identity"]["userArn"] is None
    ann.may(allow("*"), allow(f"{rest.arn}/*/pets/1", "Deny"))
    assert ann.ask(there).json()["Message"].endswith("explicit deny in an identity-based policy")


@pytest.mark.parametrize("kind", ["http", "rest"])
def test_what_is_wrong_with_a_signature(
    kind: str, request: pytest.FixtureRequest, ann: Person
) -> None:
    api: Api = request.getfixturevalue(kind)
    ann.may(allow("*"))
    there = api.url + "/pets/1?a=1&b=%20"
    assert ann.ask(there, "POST", b'{"n": 1}').status == 200
    wrongs = [
        ann.ask(there, "POST", b'{"n": 1}', sends=b'{"n": 2}'),
        ann.ask(there, service="lambda"),
        ann.ask(there, access_key_id="AKIAAAAAAAAAAAAAAAAA"),
        ann.ask(there, access_key_id=ACCOUNT),
    ]
    for wrong in wrongs:
        assert wrong.status == 403, wrong.body
        assert list(wrong.json()) == ["message"]
        assert kind == "rest" or wrong.json() == FORBIDDEN
        assert ann.key["SecretAccessKey"].encode() not in wrong.body


@pytest.mark.parametrize("kind", ["http", "rest"])
@pytest.mark.parametrize("spelling", ["/pets/secret", "/pets/%73ecret", "/pets/secret%2F"])
def test_no_spelling_of_a_path_gets_round_a_deny(
    kind: str, spelling: str, request: pytest.FixtureRequest, ann: Person
) -> None:
    api: Api = request.getfixturevalue(kind)
    ann.may(allow(f"{api.arn}/*"), allow(f"{api.arn}/*/pets/secret", "Deny"))
    assert ann.ask(api.url + "/pets/open").status == 200
    assert ann.ask(api.url + spelling).status == 403


@pytest.mark.parametrize("kind", ["http", "rest"])
def test_nobody_comes_in_from_another_account(
    kind: str, request: pytest.FixtureRequest, eve: Person, server: Any
) -> None:
    """An API has no policy here that could let them."""
    api: Api = request.getfixturevalue(kind)
    assert eve.ask(api.url + "/pets/1").status == 403
    assert eve.ask(api.url + "/open").status == 200, "nobody asks who it is"


def test_the_other_forms_of_address_are_signed_as_they_are(
    rest: Api, http: Api, ann: Person, endpoint: str
) -> None:
    ann.may(allow("*"))
    known = f"{endpoint}/restapis/{rest.id}/dev/_user_request_/pets/1"
    assert ann.ask(known).status == 200
    port = urlsplit(endpoint).port
    for api in (http, rest):
        name = f"{api.id}.execute-api.us-east-1.localhost:{port}"
        answer = ann.ask(f"http://{name}/dev/pets/1", at=endpoint)
        assert answer.status == 200, answer.body


def test_conditions_on_the_request_hold(http: Api, ann: Person) -> None:
    there = http.url + "/pets/1"
    elsewhere = {"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}
    here = {"Condition": {"IpAddress": {"aws:SourceIp": ["127.0.0.0/8", "::1/128"]}}}
    ann.may(allow("*", **elsewhere))
    assert ann.ask(there).status == 403
    ann.may(allow("*", **here))
    assert ann.ask(there).status == 200


def test_authorization_is_told_and_changed(v1: Any, v2: Any, http: Api, rest: Api) -> None:
    route = next(r for r in v2.get_routes(ApiId=http.id)["Items"] if "pets" in r["RouteKey"])
    assert route["AuthorizationType"] == "AWS_IAM"
    v2.update_route(ApiId=http.id, RouteId=route["RouteId"], OperationName="kept")
    assert ask(http.url + "/pets/1").status == 403
    for kind in ("JWT", "CUSTOM"):
        with refused("NotImplemented"):
            v2.update_route(ApiId=http.id, RouteId=route["RouteId"], AuthorizationType=kind)
    v2.update_route(ApiId=http.id, RouteId=route["RouteId"], AuthorizationType="NONE")
    assert ask(http.url + "/pets/1").status == 200

    resources = v1.get_resources(restApiId=rest.id)["items"]
    (pet,) = [one["id"] for one in resources if one["path"] == "/pets/{id}"]
    where = {"restApiId": rest.id, "resourceId": pet, "httpMethod": "ANY"}
    assert v1.get_method(**where)["authorizationType"] == "AWS_IAM"
    patch = {"op": "replace", "path": "/authorizationType", "value": "NONE"}
    assert v1.update_method(**where, patchOperations=[patch])["authorizationType"] == "NONE"
    assert ask(rest.url + "/pets/1").status == 403, "not before it is deployed"
    v1.create_deployment(restApiId=rest.id, stageName="dev")
    assert ask(rest.url + "/pets/1").status == 200
    with refused("NotImplemented"):
        v1.update_method(**where, patchOperations=[{**patch, "value": "CUSTOM"}])
    with refused("NotImplemented"):
        v1.create_rest_api(name="p", policy=json.dumps({"Version": "2012-10-17"}))
