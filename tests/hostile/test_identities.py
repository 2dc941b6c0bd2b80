"""Requests of somebody who pretends: altered, replayed and foreign signatures; permissions that nobody gave.

Whatever is refused has changed nothing, and says nothing about whether what was asked for exists.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from hostile.support import Answer, exchange, json_error, message, s3_error
from iam.refusals import refused
from iam.test_assuming import keys_of
from persons import Person, allow, document, refusal, trust
from servers import Server

Make = Callable[..., Any]
TABLE = "secrets"
ITEM = {"TableName": TABLE, "Item": {"k": {"S": "planted"}}}


@pytest.fixture
def ann(client: Make, account: str) -> Person:
    """Who may everything; the question is only whether it is her."""
    client("dynamodb").create_table(
        TableName=TABLE,
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    person = Person(client, account)
    person.may(allow("*"))
    return person


class Wire:
    """Signed PutItem requests, and what a hostile hand makes of them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._host = urlsplit(url).netloc

    def signed(self, *, at: datetime | None = None, **keys: str) -> dict[str, str]:
        """The headers of the request, signed with `keys`."""
        credentials = Credentials(
            keys["aws_access_key_id"],
            keys["aws_secret_access_key"],
            keys.get("aws_session_token"),
        )
        headers = {
            "Host": self._host,
            "X-Amz-Target": "DynamoDB_20120810.PutItem",
            "Content-Type": "application/x-amz-json-1.0",
        }
        request = AWSRequest("POST", self.url, headers=headers, data=json.dumps(ITEM))
        if at is None:
            SigV4Auth(credentials, "dynamodb", "us-east-1").add_auth(request)
        else:
            request.context["timestamp"] = at.strftime("%Y%m%dT%H%M%SZ")
            signer = SigV4Auth(credentials, "dynamodb", "us-east-1")
            request.headers["X-Amz-Date"] = request.context["timestamp"]
            if credentials.token:
                request.headers["X-Amz-Security-Token"] = credentials.token
            text = signer.string_to_sign(request, signer.canonical_request(request))
            signature = signer.signature(text, request)
            names = signer.signed_headers(signer.headers_to_sign(request))
            request.headers["Authorization"] = (
                f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, "
                f"SignedHeaders={names}, Signature={signature}"
            )
        return {name.lower(): value for name, value in request.headers.items()}

    def send(self, headers: dict[str, str], *, body: object = ITEM, path: str = "/") -> Answer:
        return exchange(self.url, message("POST", path, headers, json.dumps(body).encode()))


def test_a_request_altered_in_anything_signed_is_refused(
    client: Make, endpoint: str, ann: Person
) -> None:
    wire = Wire(endpoint)
    good = wire.signed(**ann.keys)

    def altered(**changes: str) -> dict[str, str]:
        return {**good, **{name.replace("_", "-"): value for name, value in changes.items()}}

    def authorization(old: str, new: str) -> dict[str, str]:
        assert old in good["authorization"]
        return altered(authorization=good["authorization"].replace(old, new))

    signature = good["authorization"].rpartition("=")[2]
    flipped = ("0" if signature[0] != "0" else "1") + signature[1:]
    day = good["x-amz-date"][:8]
    hostile = [
        altered(x_amz_target="DynamoDB_20120810.DeleteTable"),
        altered(x_amz_date=f"{day}T000000Z" if good["x-amz-date"][9:] != "000000Z" else day),
        altered(host="elsewhere.example.com"),
        altered(content_type="application/x-amz-json-1.1"),
        altered(x_amz_security_token="x"),
        authorization(signature, flipped),
        authorization(signature, signature[:-1]),
        authorization(signature, signature[:32]),
        authorization(signature, ""),
        authorization(signature, signature.upper()),
        authorization(f"/{day}/", "/20200101/"),
        authorization("/us-east-1/", "/eu-west-1/"),
        authorization("/dynamodb/", "/s3/"),
        authorization("aws4_request", "aws4_requesu"),
        authorization("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"),
        authorization("x-amz-target", "x-amz-date"),
        authorization(";x-amz-target", ""),
        authorization("SignedHeaders=content-type;host", "SignedHeaders=host"),
    ]
    for headers in hostile:
        code, _ = json_error(wire.send(headers))
        assert code != "InternalFailure", headers
    assert json_error(wire.send(good, body={**ITEM, "TableName": "other"}))[0] == (
        "InvalidSignatureException"
    )
    assert json_error(wire.send(good, path="/?a=b"))[0] == "InvalidSignatureException"
    rows = client("dynamodb")
    assert rows.scan(TableName=TABLE)["Count"] == 0
    assert wire.send(good).status == 200
    assert rows.scan(TableName=TABLE)["Count"] == 1


def test_foreign_and_old_signatures_are_refused(
    client: Make, account: str, endpoint: str, ann: Person, server: Server
) -> None:
    wire = Wire(endpoint)
    bob = Person(client, account, "bob")
    for keys in (
        {**ann.keys, "aws_secret_access_key": bob.keys["aws_secret_access_key"]},
        {**ann.keys, "aws_secret_access_key": ""},
        {**ann.keys, "aws_secret_access_key": ann.keys["aws_access_key_id"]},
    ):
        assert json_error(wire.send(wire.signed(**keys)))[0] == "InvalidSignatureException"
    sent = datetime.strptime(wire.signed(**ann.keys)["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(
        tzinfo=UTC
    )
    told = server.ask("GET", "/_pilvi/clock")["now_ms"]  # other tests may have moved it
    cloud = datetime.fromtimestamp(told / 1000, UTC)
    early, late = min(sent, cloud), max(sent, cloud)
    hour = timedelta(hours=1)
    for at in (early - hour, late + hour, early - 24 * 365 * hour):
        stale = wire.signed(at=at, **ann.keys)
        assert json_error(wire.send(stale))[0] == "InvalidSignatureException"
    assert wire.send(wire.signed(at=sent, **ann.keys)).status == 200
    assert client("dynamodb").scan(TableName=TABLE)["Count"] == 1


def test_session_tokens_belong_to_their_keys(
    client: Make, account: str, endpoint: str, ann: Person
) -> None:
    wire = Wire(endpoint)
    iam, sts = client("iam"), client("sts")

    def session(name: str, *statements: Any) -> dict[str, str]:
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(AWS=account))["Role"][
            "Arn"
        ]
        if statements:
            iam.put_role_policy(
                RoleName=name, PolicyName="own", PolicyDocument=document(*statements)
            )
        told = sts.assume_role(RoleArn=arn, RoleSessionName="me")["Credentials"]
        return {
            "aws_access_key_id": told["AccessKeyId"],
            "aws_secret_access_key": told["SecretAccessKey"],
            "aws_session_token": told["SessionToken"],
        }

    strong, weak = session("strong", allow("*")), session("weak")
    mine = strong["aws_session_token"]
    for keys in (
        {**weak, "aws_session_token": mine},
        {**strong, "aws_session_token": weak["aws_session_token"]},
        {**strong, "aws_session_token": mine[:-1]},
        {**strong, "aws_session_token": mine + "A"},
        {name: value for name, value in strong.items() if name != "aws_session_token"},
        {**ann.keys, "aws_session_token": mine},
    ):
        code, _ = json_error(wire.send(wire.signed(**keys)))
        assert code == "UnrecognizedClientException", keys
    assert client("dynamodb").scan(TableName=TABLE)["Count"] == 0
    assert wire.send(wire.signed(**strong)).status == 200


def _parts(url: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(url)
    return parts.path, dict(parse_qsl(parts.query, keep_blank_values=True))


def _alterations(path: str, query: dict[str, str]) -> Iterator[tuple[str, str, dict[str, str]]]:
    """(method, path, query) for each component of a presigned URL that a hand could change."""
    bucket = path.split("/")[1]
    yield "GET", f"/{bucket}/other", query
    yield "GET", path + "x", query
    yield "GET", path.replace(bucket, bucket + "x"), query
    yield "HEAD", path, query
    yield "DELETE", path, query
    yield "PUT", path, query
    for name, value in query.items():
        changed = value[:-1] + ("0" if value[-1] != "0" else "1")
        if name == "X-Amz-Expires":
            changed = "604799"
        yield "GET", path, {**query, name: changed}
        yield "GET", path, {n: v for n, v in query.items() if n != name}
    yield "GET", path, {**query, "versionId": "null"}
    yield "GET", path, {**query, "acl": ""}
    yield "GET", path, {**query, "response-content-type": "text/html"}


def test_a_presigned_url_altered_in_any_component_is_refused(
    client: Make, account: str, endpoint: str, ann: Person
) -> None:
    bucket = f"hostile-{account}"
    s3 = client("s3")
    s3.create_bucket(Bucket=bucket)
    for key in ("mine", "other"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    told = client("sts", **ann.keys).get_session_token()["Credentials"]
    session = {
        "aws_access_key_id": told["AccessKeyId"],
        "aws_secret_access_key": told["SecretAccessKey"],
        "aws_session_token": told["SessionToken"],
    }
    host = {"host": urlsplit(endpoint).netloc}
    for keys in (ann.keys, session):
        url = client("s3", signature_version="s3v4", **keys).generate_presigned_url(
            "get_object", Params={"Bucket": bucket, "Key": "mine"}, ExpiresIn=600
        )
        path, query = _parts(url)

        def ask(method: str, path: str, query: dict[str, str]) -> Answer:
            text = "&".join(f"{n}={quote(v, safe='')}" for n, v in query.items())
            return exchange(endpoint, message(method, f"{path}?{text}", host))

        for method, altered_path, altered in _alterations(path, query):
            answer = ask(method, altered_path, altered)
            assert answer.status in (400, 403), (method, altered_path, altered, answer)
            if method != "HEAD":
                code, _ = s3_error(answer)
                assert code not in ("NoSuchKey", "NoSuchBucket", "InternalError"), code
                assert b"mine" not in answer.body or b"<Error>" in answer.body
        assert ask("GET", path, query).body == b"mine"
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert [one["Key"] for one in listed] == ["mine", "other"]


# A function acts under its role: whoever may make functions must not lend them any role there is.
def test_no_escalation_by_passing_a_role(client: Make, account: str) -> None:
    iam = client("iam")
    arns = {
        name: iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=trust(Service="lambda.amazonaws.com")
        )["Role"]["Arn"]
        for name in ("admin", "modest")
    }
    eve = Person(client, account, "eve")
    functions = eve.client("lambda")
    wanted = {
        "FunctionName": "f",
        "Runtime": "python3.11",
        "Handler": "app.handler",
        "Code": {"ZipFile": package()},
    }

    def tries(role: str) -> tuple[str, str]:
        return refusal(functions.create_function, Role=arns[role], **wanted)

    eve.may(allow("lambda:*"))
    code, text = tries("admin")
    assert code == "AccessDeniedException"
    assert f"is not authorized to perform: iam:PassRole on resource: {arns['admin']}" in text
    eve.may(allow("lambda:*"), allow("iam:PassRole", arns["modest"]))
    assert tries("admin")[0] == "AccessDeniedException"
    elsewhere = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    eve.may(allow("lambda:*"), allow("iam:PassRole", Condition=elsewhere))
    assert tries("modest")[0] == "AccessDeniedException"
    assert client("lambda").list_functions()["Functions"] == []
    here = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    eve.may(allow("lambda:*"), allow("iam:PassRole", arns["modest"], Condition=here))
    functions.create_function(Role=arns["modest"], **wanted)
    functions.get_waiter("function_active_v2").wait(FunctionName="f")
    code, _ = refusal(functions.update_function_configuration, FunctionName="f", Role=arns["admin"])
    assert code == "AccessDeniedException"
    now = client("lambda").get_function_configuration(FunctionName="f")
    assert now["Role"] == arns["modest"]


def package() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", "def handler(event, context):\n    return event\n")
    return packed.getvalue()


# The ways to more power that are known of IAM: each needs its own permission, and none works without it.
def test_no_escalation_through_iam(client: Make, account: str) -> None:
    iam = client("iam")
    policy = iam.create_policy(PolicyName="team", PolicyDocument=document(allow("s3:List*")))
    policy_arn = policy["Policy"]["Arn"]
    strong = iam.create_policy_version(
        PolicyArn=policy_arn, PolicyDocument=document(allow("*")), SetAsDefault=False
    )["PolicyVersion"]["VersionId"]
    iam.create_role(RoleName="admin", AssumeRolePolicyDocument=trust(AWS="999999999999"))
    iam.create_group(GroupName="admins")
    iam.create_user(UserName="root-ish")
    eve = Person(client, account, "eve")
    iam.attach_user_policy(UserName="eve", PolicyArn=policy_arn)
    hers = eve.client("iam")
    everything = document(allow("*"))
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    ways: list[tuple[Callable[..., Any], dict[str, Any]]] = [
        (hers.create_policy_version, {"PolicyArn": policy_arn, "PolicyDocument": everything}),
        (hers.set_default_policy_version, {"PolicyArn": policy_arn, "VersionId": strong}),
        (hers.attach_user_policy, {"UserName": "eve", "PolicyArn": admin}),
        (
            hers.put_user_policy,
            {"UserName": "eve", "PolicyName": "p", "PolicyDocument": everything},
        ),
        (hers.add_user_to_group, {"UserName": "eve", "GroupName": "admins"}),
        (
            hers.put_group_policy,
            {"GroupName": "admins", "PolicyName": "p", "PolicyDocument": everything},
        ),
        (hers.create_access_key, {"UserName": "root-ish"}),
        (hers.create_access_key, {"UserName": "eve"}),
        (hers.create_login_profile, {"UserName": "root-ish", "Password": "Aa1!aaaaaaaa"}),
        (
            hers.update_assume_role_policy,
            {"RoleName": "admin", "PolicyDocument": trust(AWS=account)},
        ),
        (
            hers.put_role_policy,
            {"RoleName": "admin", "PolicyName": "p", "PolicyDocument": everything},
        ),
        (hers.delete_user_permissions_boundary, {"UserName": "eve"}),
        (
            eve.client("sts").assume_role,
            {"RoleArn": f"arn:aws:iam::{account}:role/admin", "RoleSessionName": "me"},
        ),
    ]
    for call, arguments in ways:
        code, _ = refusal(call, **arguments)
        assert code == "AccessDenied", (call, arguments)
    assert iam.get_policy(PolicyArn=policy_arn)["Policy"]["DefaultVersionId"] == "v1"
    assert iam.list_user_policies(UserName="eve")["PolicyNames"] == []
    assert len(iam.list_access_keys(UserName="eve")["AccessKeyMetadata"]) == 1


# Whoever may write policies is held by the boundary that they cannot move.
def test_a_boundary_outlasts_whoever_may_write_policies(client: Make, account: str) -> None:
    iam = client("iam")
    boundary = iam.create_policy(
        PolicyName="bounds",
        PolicyDocument=document(allow(["s3:List*", "iam:PutUserPolicy", "iam:CreateUser"])),
    )["Policy"]["Arn"]
    eve = Person(client, account, "eve")
    iam.put_user_permissions_boundary(UserName="eve", PermissionsBoundary=boundary)
    bounded = {"StringEquals": {"iam:PermissionsBoundary": boundary}}
    eve.may(allow("iam:PutUserPolicy"), allow("iam:CreateUser", Condition=bounded))
    eve.client("iam").put_user_policy(
        UserName="eve", PolicyName="more", PolicyDocument=document(allow("*"))
    )
    assert refusal(eve.client("dynamodb").list_tables)[0] == "AccessDeniedException"
    assert refusal(eve.client("iam").delete_user_permissions_boundary, UserName="eve")[0] == (
        "AccessDenied"
    )
    eve.client("s3").list_buckets()
    iam.delete_user_policy(UserName="eve", PolicyName="more")
    assert refusal(eve.client("iam").create_user, UserName="free")[0] == "AccessDenied"
    eve.client("iam").create_user(UserName="bound", PermissionsBoundary=boundary)


# A refusal must not tell strangers what there is.
def test_whom_a_policy_denies_finds_no_way_in_under_a_borrowed_name(
    client: Make, account: str, bucket: str
) -> None:
    """A federated user is, to the policies of resources, the user who vouches for them."""
    ann = Person(client, account)
    ann.may(allow(["s3:*", "sts:GetFederationToken"]))
    client("s3").put_object(Bucket=bucket, Key="k", Body=b"secret")
    denied = {"Effect": "Deny", "Principal": {"AWS": ann.arn}, "Action": "s3:GetObject"}
    client("s3").put_bucket_policy(
        Bucket=bucket, Policy=document({**denied, "Resource": f"arn:aws:s3:::{bucket}/*"})
    )
    lent = ann.client("sts").get_federation_token(Name="bob", Policy=document(allow("*")))
    bob = client("s3", **keys_of(lent))
    for s3 in (ann.client("s3"), bob):
        code, text = refusal(s3.get_object, Bucket=bucket, Key="k")
        assert (code, "explicit deny in a resource-based policy" in text) == ("AccessDenied", True)
    bob.list_objects_v2(Bucket=bucket)


def test_nobody_puts_on_tags_of_the_system(client: Make, account: str) -> None:
    iam, tags = client("iam"), [{"Key": "AWS:cloudformation:stack-name", "Value": "prod"}]
    with refused("InvalidInput", status=400):
        iam.create_user(UserName="ann", Tags=tags)
    iam.create_user(UserName="ann")
    with refused("InvalidInput", status=400):
        iam.tag_user(UserName="ann", Tags=tags)
    may = {"Effect": "Allow", "Principal": "*", "Action": ["sts:AssumeRole", "sts:TagSession"]}
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=document(may))["Role"]["Arn"]
    with refused("InvalidParameterValue", status=400):
        client("sts").assume_role(RoleArn=role, RoleSessionName="me", Tags=tags)


def test_no_path_of_a_role_gets_round_its_trust_policy(client: Make, account: str) -> None:
    ann = Person(client, account)
    ann.may(allow("sts:*"))
    role = client("iam").create_role(
        RoleName="odd",
        Path="/:federated-user/",
        AssumeRolePolicyDocument=trust(Service="lambda.amazonaws.com"),
    )["Role"]["Arn"]
    with refused("AccessDenied", status=403):
        ann.client("sts").assume_role(RoleArn=role, RoleSessionName="me")


def test_strangers_do_not_learn_what_exists(client: Make, account: str) -> None:
    role = client("iam").create_role(RoleName="there", AssumeRolePolicyDocument=trust(AWS=account))[
        "Role"
    ]["Arn"]
    stranger = Person(
        lambda service, **keys: client(service, account="9" + account[1:], **keys), ""
    )
    stranger.may(allow("*"))
    texts = {
        refusal(
            stranger.client("sts").assume_role,
            RoleArn=role.replace("/there", f"/{name}"),
            RoleSessionName="me",
        )[1].replace(name, "NAME")
        for name in ("there", "none-such")
    }
    assert len(texts) == 1


# What was told once, or sent as a proof, is nowhere in clear afterwards.
def test_secrets_are_not_in_files_logs_traces_or_errors(own_server: Callable[..., Any]) -> None:
    server = own_server()
    iam, sts = server.client("iam", "1" * 12), server.client("sts", "1" * 12)
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    password = "Correct-Horse-7-Battery"
    iam.create_login_profile(UserName="ann", Password=password)
    seed = iam.create_virtual_mfa_device(VirtualMFADeviceName="d")["VirtualMFADevice"][
        "Base32StringSeed"
    ]
    told = sts.get_session_token()["Credentials"]
    wrong = {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
        "aws_session_token": told["SessionToken"],
    }
    errors: list[str] = []
    for call in (
        lambda: server.client("s3", "", **wrong).list_buckets(),
        lambda: server.client("dynamodb", "", **wrong).list_tables(),
        lambda: iam.create_login_profile(UserName="ann", Password=password),
        lambda: server.client("s3", "", **{**wrong, "aws_session_token": None}).list_buckets(),
    ):
        with pytest.raises(ClientError) as caught:
            call()
        errors.append(json.dumps(caught.value.response))
    assert server.stop() == 0
    stored = b"".join(p.read_bytes() for p in server.data.rglob("*") if p.is_file())
    everywhere = stored + "".join(errors).encode()
    assert key["AccessKeyId"].encode() in everywhere
    for secret in (
        key["SecretAccessKey"],
        told["SecretAccessKey"],
        told["SessionToken"],
        password,
        seed.decode(),
    ):
        assert secret.encode() not in everywhere


def test_a_refused_key_stays_refused_after_a_restart(own_server: Callable[..., Any]) -> None:
    server = own_server()
    iam = server.client("iam", "1" * 12)
    iam.create_user(UserName="ann")
    made = iam.create_access_key(UserName="ann")["AccessKey"]
    keys = {
        "aws_access_key_id": made["AccessKeyId"],
        "aws_secret_access_key": made["SecretAccessKey"],
    }
    iam.update_access_key(UserName="ann", AccessKeyId=made["AccessKeyId"], Status="Inactive")
    for _ in range(2):
        with refused("InvalidClientTokenId", status=403):
            server.client("sts", "", **keys).get_caller_identity()
        server.kill()
        server.start()


def test_nobody_puts_tags_of_the_system_on_resources(client: Make, account: str) -> None:
    tags = {"aws:cloudformation:stack-name": "prod"}
    logs = client("logs")
    with refused("InvalidParameterException", status=400):
        logs.create_log_group(logGroupName="g", tags=tags)
    logs.create_log_group(logGroupName="g")
    with refused("InvalidParameterException", status=400):
        logs.tag_log_group(logGroupName="g", tags=tags)
    with refused("BadRequestException", status=400):
        client("apigatewayv2").create_api(Name="a", ProtocolType="HTTP", Tags=tags)
