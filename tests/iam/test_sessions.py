"""Temporary credentials, over the wire: issued, used, expired by the clock."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from iam.refusals import refused

Make = Callable[..., Any]
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"},
    }
)


def _keys(credentials: Any) -> dict[str, str]:
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }


@pytest.fixture
def role(client: Make) -> Any:
    return client("iam").create_role(RoleName="r", Path="/p/", AssumeRolePolicyDocument=TRUST)[
        "Role"
    ]


# The session speaks for the role, and its key id alone, without the token, for nobody.
def test_assumed_roles_act_under_their_own_name(client: Make, account: str, role: Any) -> None:
    answer = client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="me@home")
    user = answer["AssumedRoleUser"]
    assert user["Arn"] == f"arn:aws:sts::{account}:assumed-role/r/me@home"
    assert user["AssumedRoleId"] == f"{role['RoleId']}:me@home"
    identity = client("sts", **_keys(answer["Credentials"])).get_caller_identity()
    assert (identity["Arn"], identity["UserId"]) == (user["Arn"], user["AssumedRoleId"])
    keys = _keys(answer["Credentials"])
    for token in (None, "wrong"):
        with refused("InvalidClientTokenId", status=403):
            client("sts", **{**keys, "aws_session_token": token}).get_caller_identity()


@pytest.mark.parametrize(
    "arn",
    [
        "nothing-valid-in-here",
        "arn::b:::something/test-role",
        "arn:a::::something/test-role",
        "arn:a:::something/test-role",
        "arn:a:a::aaaaaaaaaa:",
    ],
)
def test_role_arns_that_are_none(client: Make, arn: str) -> None:
    with refused("ValidationError", f"{arn} is invalid", 400):
        client("sts").assume_role(RoleArn=arn, RoleSessionName="session")


# STS looks at the request before it asks who may; that tells nothing of a role, not even whether there is one.
def test_a_malformed_request_is_refused_before_permission_is_asked(
    client: Make, account: str
) -> None:
    words = (
        "1 validation error detected: Value 'Session1:2' at 'roleSessionName' failed to satisfy"
        " constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*"
    )
    for whose in (account, "111122223333"):
        with refused("ValidationError", words, 400):
            client("sts").assume_role(
                RoleArn=f"arn:aws:iam::{whose}:role/none", RoleSessionName="Session1:2"
            )


def test_roles_that_cannot_be_assumed(client: Make, account: str, role: Any) -> None:
    sts = client("sts")
    for arn in (f"arn:aws:iam::{account}:role/none-such", f"arn:aws:iam::{account}:role/r-but-r"):
        message = f"User: arn:aws:iam::{account}:root is not authorized to perform: sts:AssumeRole"
        reason = "because no role trust policy allows the sts:AssumeRole action"
        with refused("AccessDenied", f"{message} on resource: {arn} {reason}", 403):
            sts.assume_role(RoleArn=arn, RoleSessionName="session")
    with refused("ValidationError", status=400):
        sts.assume_role(RoleArn=role["Arn"], RoleSessionName="Session1:2")
    with refused("ValidationError", status=400):
        sts.assume_role(RoleArn=role["Arn"], RoleSessionName="session", DurationSeconds=3601)


# A session that assumes a role is limited to one hour, whatever the role allows.
def test_chained_roles_have_an_hour(client: Make, role: Any) -> None:
    client("iam").update_role(RoleName="r", MaxSessionDuration=7200)
    wanted = {"RoleArn": role["Arn"], "RoleSessionName": "session", "DurationSeconds": 7200}
    chained = client("sts", **_keys(client("sts").assume_role(**wanted)["Credentials"]))
    with refused("ValidationError", status=400):
        chained.assume_role(**wanted)
    assert chained.assume_role(**{**wanted, "DurationSeconds": 3600})["Credentials"]


def test_session_tokens_of_users(client: Make) -> None:
    iam = client("iam")
    arn = iam.create_user(UserName="ann")["User"]["Arn"]
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    mine = {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }
    answer = client("sts", **mine).get_session_token(DurationSeconds=900)
    session = client("sts", **_keys(answer["Credentials"]))
    assert session.get_caller_identity()["Arn"] == arn
    with refused("AccessDenied", status=403):
        session.get_session_token()


# Sessions expire by the cloud's clock, are called expired for a day, and then forgotten.
def test_sessions_expire_by_the_clock(own_server: Callable[..., Any]) -> None:
    server = own_server()

    def advance(hours: float) -> None:
        body = {"action": "advance", "by_ms": int(hours * 3_600_000)}
        server.ask("POST", "/_pilvi/clock", body)
        assert server.ask("POST", "/_pilvi/idle", {"timeout_s": 60})["idle"]

    iam, sts = (server.client(service, "1" * 12) for service in ("iam", "sts"))
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)["Role"]
    answer = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="session", DurationSeconds=900)
    session = server.client("sts", "", **_keys(answer["Credentials"]))
    advance(0.2)
    session.get_caller_identity()
    advance(0.1)
    with refused("ExpiredToken", "The security token included in the request is expired", 403):
        session.get_caller_identity()
    advance(22)
    with refused("ExpiredToken"):
        session.get_caller_identity()
    advance(4)
    # Forgotten: to the open mode it is now a key like any other that this cloud did not issue.
    assert session.get_caller_identity()["Arn"].endswith(":root")


# Where only issued keys count, a foreign key is nobody's.
def test_strict_mode_knows_issued_keys_only(own_server: Callable[..., Any]) -> None:
    server = own_server("--auth", "strict")
    with refused("InvalidClientTokenId", status=403):
        server.client("sts", "1" * 12).get_caller_identity()


# Other ways to a session are refused by name.
def test_saml_is_refused_by_name(client: Make) -> None:
    wanted = {"PrincipalArn": "arn:aws:iam::123456789012:saml-provider/p", "SAMLAssertion": "abcd"}
    with refused("NotImplemented", "pilvi does not implement sts.AssumeRoleWithSAML yet."):
        client("sts").assume_role_with_saml(RoleArn="arn:aws:iam::1:role/r", **wanted)
