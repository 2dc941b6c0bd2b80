"""`pilvi iam`, as a person would type it: who am I, why, what would do, and what is the least."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

import nursery
from servers import Server

ACCOUNT = "000000000000"
WORKS = "arn:aws:dynamodb:us-east-1:000000000000:table/works"
Json = Any


def pilvi(server: Server, *words: str, fails: bool = False, **env: str) -> tuple[str, str]:
    """What it says on standard output, and on standard error."""
    words = ("iam", *words, "--data", str(server.data))
    ran = nursery.pilvi().run(*words, environment={**os.environ, **env})
    assert (ran.returncode != 0) == fails, ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr
    return ran.stdout, ran.stderr


def asked(server: Server, *words: str, **more: Any) -> Json:
    return json.loads(pilvi(server, *words, "--json", **more)[0])


class Worker:
    """A role that is assumed for each client, and what it may."""

    def __init__(self, server: Server, name: str = "worker") -> None:
        self.server = server
        self.iam = server.client("iam", ACCOUNT)
        principal = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
        trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
        self.name = name
        self.arn = self.iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=written(trust), Path="/app/"
        )["Role"]["Arn"]

    def may(self, *documents: str) -> None:
        for number, document in enumerate(documents):
            self.iam.put_role_policy(
                RoleName=self.name, PolicyName=f"own{number}", PolicyDocument=document
            )

    def client(self, service: str, **more: Any) -> Any:
        sts = self.server.client("sts", ACCOUNT)
        given = sts.assume_role(RoleArn=self.arn, RoleSessionName="s1")["Credentials"]
        return self.server.client(
            service,
            ACCOUNT,
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
            **more,
        )


def written(*statements: Json) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str | list[str], resource: str = "*") -> Json:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def table(server: Server) -> None:
    server.client("dynamodb", ACCOUNT).create_table(
        TableName="works",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
    )


def id_of(answer: Json) -> str:
    return answer["ResponseMetadata"]["RequestId"]


def refused(call: Callable[..., Any], **params: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**params)
    assert caught.value.response["Error"]["Code"].startswith("AccessDenied")
    return id_of(caught.value.response)


# The whole way: refused, told why and what would allow it, and with that statement it is allowed.
def test_from_a_refusal_to_the_statement_that_allows(own_server: Callable[..., Server]) -> None:
    server = own_server()
    worker = Worker(server)
    table(server)
    key = {"TableName": "works", "Key": {"k": {"S": "a"}}}
    items = worker.client("dynamodb")
    (one,) = asked(server, "explain", refused(items.get_item, **key))
    assert (one["outcome"], one["who"], one["resource"]) == ("denied", worker.arn, WORKS)
    (remedy,) = one["remedies"]
    assert remedy["where"] == f"add to a policy of {worker.arn}"
    assert remedy["statement"] == allow("dynamodb:GetItem", WORKS)
    worker.may(written(remedy["statement"]))
    answer = items.get_item(**key)
    (told,) = asked(server, "explain", id_of(answer))
    assert told["lines"][1] == f"allowed by statement 1 of inline policy own0 of {worker.arn}"
    # Root needs none, and says so.
    (told,) = asked(server, "explain", id_of(server.client("dynamodb", ACCOUNT).get_item(**key)))
    assert "root user" in told["lines"][1]
    # What was denied is known after a restart, and from the log without a server.
    request_id = refused(items.scan, TableName="works")
    assert server.stop() == 0
    (one,) = asked(server, "explain", request_id)
    assert one["lines"][0].endswith(f"may not dynamodb:Scan on {WORKS}")
    server.start()
    (one,) = asked(server, "explain", request_id)
    assert one["remedies"][0]["statement"] == allow("dynamodb:Scan", WORKS)


# Generated from what was done, with its resources and conditions; it allows that, and no more.
def test_generated_policies_are_the_least(own_server: Callable[..., Server]) -> None:
    server = own_server()
    worker = Worker(server)
    table(server)
    root = server.client("s3", ACCOUNT)
    root.create_bucket(Bucket="books")
    worker.may(written(allow("*")))
    items, objects = worker.client("dynamodb"), worker.client("s3")
    worker.client("sts").get_caller_identity()
    items.put_item(TableName="works", Item={"k": {"S": "a"}})
    items.get_item(TableName="works", Key={"k": {"S": "a"}})
    items.list_tables()
    for name in ("in/2024/a*.txt", "in/2024/b.txt", "in/2025/c.txt"):
        objects.put_object(Bucket="books", Key=name, Body=b"x")
    objects.list_objects_v2(Bucket="books", Prefix="in/")
    out, err = pilvi(server, "generate", "--role", "worker")
    statements = json.loads(out)["Statement"]
    assert statements == [
        {
            "Sid": "DynamodbList",
            "Effect": "Allow",
            "Action": "dynamodb:ListTables",
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:RequestedRegion": "us-east-1"}},
        },
        {"Sid": "DynamodbRead", **allow("dynamodb:GetItem", WORKS)},
        {"Sid": "DynamodbWrite", **allow("dynamodb:PutItem", WORKS)},
        {
            "Sid": "S3List",
            **allow("s3:ListBucket", "arn:aws:s3:::books"),
            "Condition": {"StringEquals": {"s3:prefix": "in/"}},
        },
        {
            "Sid": "S3Write",
            "Effect": "Allow",
            "Action": "s3:PutObject",
            "Resource": [
                "arn:aws:s3:::books/in/2024/a${*}.txt",
                "arn:aws:s3:::books/in/2024/b.txt",
                "arn:aws:s3:::books/in/2025/c.txt",
            ],
        },
    ]
    assert "Verified: all 7 observed kinds of calls are allowed" in err
    worker.may(out)
    items.get_item(TableName="works", Key={"k": {"S": "a"}})
    objects.put_object(Bucket="books", Key="in/2024/a*.txt", Body=b"x")
    for call, params in (
        (items.scan, {"TableName": "works"}),
        (objects.put_object, {"Bucket": "books", "Key": "in/2024/aa.txt"}),
        (objects.list_objects_v2, {"Bucket": "books", "Prefix": "out/"}),
        (objects.list_objects_v2, {"Bucket": "books"}),
    ):
        refused(call, **params)
    # What was denied is named, and is not in it.
    out, err = pilvi(server, "generate", "--role", worker.arn, "--wildcards")
    written_out = json.loads(out)["Statement"]
    assert written_out[-1]["Resource"] == "arn:aws:s3:::books/in/*"
    assert "Scan" not in out
    assert f"Left out, for it was denied: dynamodb:Scan on {WORKS}" in err


# PassRole keeps to whom the role was passed; users are generated for as well.
def test_generated_for_a_user_who_passes_a_role() -> None:
    from pilvi.contracts.observations import ALLOWED
    from pilvi.languages.policy import Kind, Principal
    from pilvi.services.iam.generation import generate
    from pilvi.services.iam.observed.records import Observed

    role = f"arn:aws:iam::{ACCOUNT}:role/worker"
    seen = Observed(
        account=ACCOUNT,
        principal_id="AIDA",
        action="iam:PassRole",
        resource=role,
        pattern=False,
        outcome=ALLOWED,
        region="us-east-1",
        count=1,
        first_ms=0,
        last_ms=0,
        conditions={"iam:passedtoservice": ("lambda.amazonaws.com",)},
    )
    ann = Principal(Kind.USER, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/ann")
    made = generate([seen], ann, wildcards=False)
    (statement,) = made.documents[0]["Statement"]
    assert statement["Condition"] == {
        "StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}
    }
    assert made.trial == (1, 3, [])  # another action, another role, another service


# Many resources make many documents, each within AWS's limit.
def test_generated_policies_are_split_at_the_limit() -> None:
    from pilvi.contracts.observations import ALLOWED
    from pilvi.languages.policy import Kind, Principal
    from pilvi.services.iam.generation import generate, size_of
    from pilvi.services.iam.observed.records import Observed

    seen = [
        Observed(
            account=ACCOUNT,
            principal_id="AIDA",
            action=action,
            resource=f"arn:aws:s3:::books/{'x' * 60}/{number}",
            pattern=False,
            outcome=ALLOWED,
            region="us-east-1",
            count=1,
            first_ms=0,
            last_ms=0,
        )
        for number in range(200)
        for action in ("s3:GetObject", "s3:PutObject")
    ]
    made = generate(
        seen, Principal(Kind.USER, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/ann"), wildcards=False
    )
    assert len(made.documents) > 4
    assert max(map(size_of, made.documents)) <= 6144
    assert not made.trial.failed
    assert made.trial.allowed == 400


# Audit mode: nothing is denied, everything is counted, and a pipeline can insist on none.
def test_report_of_an_audit(own_server: Callable[..., Server]) -> None:
    server = own_server("--iam", "audit")
    assert "Nothing" in pilvi(server, "report", "--fail-if-any")[0]
    worker = Worker(server)
    table(server)
    items = worker.client("dynamodb")
    for _ in range(3):
        answer = items.get_item(TableName="works", Key={"k": {"S": "a"}})
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        assert headers["x-pilvi-iam"] == "would deny dynamodb:GetItem"
    items.scan(TableName="works")
    out, _ = pilvi(server, "report", "--fail-if-any", fails=True)
    lines = out.splitlines()
    assert lines[0] == f"     3  {worker.arn} may not dynamodb:GetItem on {WORKS}"
    assert json.dumps(allow("dynamodb:GetItem", WORKS)) in lines[1]
    assert f"     1  {worker.arn} may not dynamodb:Scan on {WORKS}" in lines
    # What the audit let pass is what the role needs.
    out, _ = pilvi(server, "generate", "--role", "worker")
    assert json.loads(out)["Statement"] == [
        {"Sid": "DynamodbRead", **allow(["dynamodb:GetItem", "dynamodb:Scan"], WORKS)}
    ]
    server.ask("POST", "/_pilvi/clock", {"action": "advance", "by_ms": 2 * 3_600_000})
    assert (
        "was not observed"
        in pilvi(server, "generate", "--role", "worker", "--since", "1h", fails=True)[1]
    )
    assert pilvi(server, "generate", "--role", "worker", "--since", "3h")[0] == out
    assert "cannot be found" in pilvi(server, "generate", "--role", "nobody", fails=True)[1]
    assert "--role or --user" in pilvi(server, "generate", fails=True)[1]
    log = (server.data / "logs" / "pilvi.log").read_text()
    told = (
        f"{worker.arn} would not be allowed to dynamodb:GetItem on {WORKS}; see: pilvi iam explain"
    )
    assert log.count(told) == 1, "once a minute is enough"


def test_whoami(own_server: Callable[..., Server]) -> None:
    server = own_server()

    def ask(key: str, secret: str) -> Json:
        return asked(server, "whoami", AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY=secret)

    assumed = ask("123456789012", "any")
    assert (assumed["arn"], assumed["issued"]) == ("arn:aws:iam::123456789012:root", False)
    iam = server.client("iam", ACCOUNT)
    iam.create_user(UserName="ann")
    iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=written(allow("s3:*")))
    iam.put_user_permissions_boundary(
        UserName="ann", PermissionsBoundary="arn:aws:iam::aws:policy/ReadOnlyAccess"
    )
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    told = ask(key["AccessKeyId"], key["SecretAccessKey"])
    arn = f"arn:aws:iam::{ACCOUNT}:user/ann"
    assert (told["arn"], told["issued"]) == (arn, True)
    assert told["policies"] == [f"inline policy own of {arn}"]
    assert "ReadOnlyAccess" in told["boundary"]
    assert (told["auth"], told["iam"]) == ("open", "enforce")
    env = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": "wrong"}
    assert "SignatureDoesNotMatch" in pilvi(server, "whoami", fails=True, **env)[1]


# The first start in strict mode makes an administrator, whose key is in no log; a lost key is not the end.
def test_the_first_administrator(own_server: Callable[..., Server], capfd: Any) -> None:
    server = own_server("--auth", "strict")
    said = capfd.readouterr().out
    first = dict(line.strip().split("=", 1) for line in said.splitlines() if "AWS_" in line)
    key, secret = first["AWS_ACCESS_KEY_ID"], first["AWS_SECRET_ACCESS_KEY"]

    def client(service: str, key: str, secret: str) -> Any:
        given = {"aws_access_key_id": key, "aws_secret_access_key": secret}
        return server.client(service, ACCOUNT, **given)

    arn = f"arn:aws:iam::{ACCOUNT}:user/administrator"
    assert client("sts", key, secret).get_caller_identity()["Arn"] == arn
    client("iam", key, secret).create_user(UserName="ann")
    assert server.stop() == 0
    server.start()
    assert "AWS_" not in capfd.readouterr().out, "a second start shows no key"
    made = asked(server, "admin-key")
    another = client("sts", made["access_key_id"], made["secret_access_key"])
    assert another.get_caller_identity()["Arn"] == arn
    assert "AccessKeysPerUser" in pilvi(server, "admin-key", fails=True)[1]
    asked(server, "admin-key", "--replace")
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        client("sts", key, secret).get_caller_identity()
    root = asked(server, "admin-key", "--root")
    arn = client("sts", *root.values()).get_caller_identity()["Arn"]
    assert arn == f"arn:aws:iam::{ACCOUNT}:root"
    logs = "".join(path.read_text() for path in (server.data / "logs").iterdir())
    for hidden in (secret, made["secret_access_key"], root["secret_access_key"]):
        assert hidden not in logs


# Who has not the data directory's token gets no key, not even in the open mode from this machine.
def test_keys_are_for_the_owner_of_the_data(own_server: Callable[..., Server]) -> None:
    from urllib.error import HTTPError

    server = own_server()
    with pytest.raises(HTTPError) as caught:
        server.ask("POST", "/_pilvi/iam/admin-key", {})
    assert caught.value.code == 403
    strict = own_server("--auth", "strict")
    for method, path in (("GET", "report"), ("GET", "explain/x"), ("POST", "generate")):
        with pytest.raises(HTTPError) as caught:
            strict.ask(method, f"/_pilvi/iam/{path}", None if method == "GET" else {})
        assert caught.value.code == 403


# Whichever worker decided, a policy knows of all calls, and a refusal is explained by each of them.
def test_several_workers_observe_together(own_server: Callable[..., Server]) -> None:
    server = own_server("--workers", "2")
    worker = Worker(server)
    table(server)
    worker.may(written(allow("dynamodb:GetItem", WORKS)))
    for number in range(6):  # new connections: any of the workers
        items = worker.client("dynamodb")
        items.get_item(TableName="works", Key={"k": {"S": str(number)}})
        request_id = refused(items.scan, TableName="works")
    made = asked(server, "generate", "--role", "worker")
    assert made["observed"] == {"calls": 6, "kinds": 1}
    assert made["left_out"]["denied"] == [f"dynamodb:Scan on {WORKS}"]
    (one,) = asked(server, "explain", request_id)
    assert one["outcome"] == "denied"
