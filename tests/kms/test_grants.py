"""Grants: as they are kept, and what they allow."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from pilvi.services.kms.records import Grant
from pilvi.services.kms.rules import grants
from pilvi.services.kms.rules.grants import Asked

from .refusals import refused

Client = Callable[..., Any]
ANN = "arn:aws:iam::111122223333:user/ann"
LITTLE_OF_KMS = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "kms:ListKeys", "Resource": "*"}],
    }
)
ALL_OF_KMS = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*"}],
    }
)
BOB = "arn:aws:iam::111122223333:role/bob"


@pytest.fixture
def kms(client: Client) -> Any:
    return client("kms")


def new_key(kms: Any, **request: Any) -> str:
    return kms.create_key(**request)["KeyMetadata"]["KeyId"]


def test_a_grant_is_listed_as_it_was_made(kms: Any, account: str) -> None:
    key = new_key(kms)
    constraints = {"EncryptionContextSubset": {"a": "1"}}
    made = kms.create_grant(
        KeyId=key,
        GranteePrincipal=ANN,
        RetiringPrincipal=BOB,
        Operations=["Encrypt", "Decrypt"],
        Constraints=constraints,
        Name="n",
    )
    assert len(made["GrantId"]) == 64
    (grant,) = kms.list_grants(KeyId=key)["Grants"]
    grant.pop("CreationDate")
    assert grant == {
        "KeyId": f"arn:aws:kms:us-east-1:{account}:key/{key}",
        "GrantId": made["GrantId"],
        "Name": "n",
        "GranteePrincipal": ANN,
        "RetiringPrincipal": BOB,
        "IssuingAccount": f"arn:aws:iam::{account}:root",
        "Operations": ["Encrypt", "Decrypt"],
        "Constraints": constraints,
    }


# The same request with a name is a retry: AWS gives the grant that is there, with a token of its own.
def test_a_named_grant_is_made_once(kms: Any) -> None:
    request = {"KeyId": new_key(kms), "GranteePrincipal": ANN, "Operations": ["Encrypt"]}
    one, two = (kms.create_grant(**request, Name="n") for _ in range(2))
    assert one["GrantId"] == two["GrantId"]
    assert one["GrantToken"] != two["GrantToken"]
    other = kms.create_grant(**{**request, "Operations": ["Decrypt"]}, Name="n")
    unnamed = {kms.create_grant(**request)["GrantId"] for _ in range(2)}
    assert len({one["GrantId"], other["GrantId"], *unnamed}) == 4


def test_grants_are_listed_in_pages_and_by_whom_they_are_for(kms: Any) -> None:
    key, other = new_key(kms), new_key(kms)
    ids = {
        kms.create_grant(
            KeyId=one, GranteePrincipal=who, RetiringPrincipal=BOB, Operations=["Encrypt"]
        )["GrantId"]: (one, who)
        for one in (key, other)
        for who in (ANN, BOB, ANN)
    }

    def listed(operation: str, **request: Any) -> set[str]:
        pages = list(kms.get_paginator(operation).paginate(**request, Limit=2))
        assert all(len(page["Grants"]) <= 2 for page in pages)
        return {grant["GrantId"] for page in pages for grant in page["Grants"]}

    assert listed("list_grants", KeyId=key) == {i for i, (k, _) in ids.items() if k == key}
    anns = {i for i, pair in ids.items() if pair == (key, ANN)}
    assert listed("list_grants", KeyId=key, GranteePrincipal=ANN) == anns
    assert listed("list_retirable_grants", RetiringPrincipal=BOB) == set(ids)
    assert listed("list_retirable_grants", RetiringPrincipal=ANN) == set()
    one = next(iter(anns))
    assert listed("list_grants", KeyId=key, GrantId=one) == {one}
    refused("NotFoundException", None, kms.list_grants, KeyId=key, GrantId="0" * 64)


def test_grants_end(kms: Any, account: str) -> None:
    key = new_key(kms)
    arn = f"arn:aws:kms:us-east-1:{account}:key/{key}"

    def create() -> dict[str, Any]:
        return kms.create_grant(KeyId=key, GranteePrincipal=ANN, Operations=["Encrypt"])

    by_id, by_token, revoked = create(), create(), create()
    dry = {"KeyId": key, "GrantId": by_id["GrantId"], "DryRun": True}
    refused("DryRunOperationException", None, kms.revoke_grant, **dry)
    assert len(kms.list_grants(KeyId=key)["Grants"]) == 3
    kms.retire_grant(KeyId=arn, GrantId=by_id["GrantId"])
    kms.retire_grant(GrantToken=by_token["GrantToken"])
    kms.revoke_grant(KeyId=key, GrantId=revoked["GrantId"])
    assert kms.list_grants(KeyId=key)["Grants"] == []
    refused("NotFoundException", None, kms.revoke_grant, KeyId=key, GrantId=revoked["GrantId"])
    for token in (by_token["GrantToken"], "AAAA", "no base64"):
        refused("InvalidGrantTokenException", None, kms.retire_grant, GrantToken=token)
    refused("ValidationException", None, kms.retire_grant)


def test_only_those_who_are_named_retire_a_grant(client: Client, kms: Any, account: str) -> None:
    iam = client("iam")
    users: dict[str, tuple[str, Any]] = {}
    for name in ("grantee", "retirer", "stranger"):
        arn = iam.create_user(UserName=name)["User"]["Arn"]
        iam.put_user_policy(UserName=name, PolicyName="kms", PolicyDocument=LITTLE_OF_KMS)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        signed = {
            "aws_access_key_id": key["AccessKeyId"],
            "aws_secret_access_key": key["SecretAccessKey"],
        }
        users[name] = (arn, client("kms", **signed))
    key_id = new_key(kms)

    def create(*operations: str) -> str:
        return kms.create_grant(
            KeyId=key_id,
            GranteePrincipal=users["grantee"][0],
            RetiringPrincipal=users["retirer"][0],
            Operations=["Encrypt", *operations],
        )["GrantToken"]

    token = create()
    for name in ("grantee", "stranger"):
        refused("AccessDeniedException", None, users[name][1].retire_grant, GrantToken=token)
    users["retirer"][1].retire_grant(GrantToken=token)
    users["grantee"][1].retire_grant(GrantToken=create("RetireGrant"))
    # The key's account may let its people retire every grant, and may forbid it to those who are named.
    iam.put_user_policy(UserName="stranger", PolicyName="kms", PolicyDocument=ALL_OF_KMS)
    users["stranger"][1].retire_grant(GrantToken=create())
    denied = ALL_OF_KMS.replace("Allow", "Deny")
    iam.put_user_policy(UserName="retirer", PolicyName="kms", PolicyDocument=denied)
    token = create()
    refused("AccessDeniedException", None, users["retirer"][1].retire_grant, GrantToken=token)


# A grant to a role reaches its sessions as a key policy that names the role does: within the role's boundary.
def test_a_boundary_limits_what_a_role_is_granted(client: Client, kms: Any, account: str) -> None:
    iam = client("iam")
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                "Action": "sts:AssumeRole",
            },
        }
    )
    arn = iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    boundary = iam.create_policy(PolicyName="b", PolicyDocument=LITTLE_OF_KMS)["Policy"]["Arn"]
    made = client("sts").assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
    session = client(
        "kms",
        aws_access_key_id=made["AccessKeyId"],
        aws_secret_access_key=made["SecretAccessKey"],
        aws_session_token=made["SessionToken"],
    )
    key = new_key(kms)
    request = {"KeyId": key, "Plaintext": b"x"}
    refused("AccessDeniedException", None, session.encrypt, **request)
    token = kms.create_grant(
        KeyId=key, GranteePrincipal=arn, Operations=["Encrypt", "RetireGrant"]
    )["GrantToken"]
    session.encrypt(**request)
    iam.put_role_permissions_boundary(RoleName="r", PermissionsBoundary=boundary)
    refused("AccessDeniedException", None, session.encrypt, **request)
    refused("AccessDeniedException", None, session.retire_grant, GrantToken=token)
    iam.delete_role_permissions_boundary(RoleName="r")
    session.retire_grant(GrantToken=token)
    refused("AccessDeniedException", None, session.encrypt, **request)


# Whatever stands for a principal in a grant, others can still end it.
def test_a_grant_that_names_nobody_real_can_be_ended(kms: Any) -> None:
    key = new_key(kms)
    for nobody in ("arn:aws:iam::x:root", "arn:aws:iam::111122223333:group/g", "arn:aws:sts::1:x"):
        token = kms.create_grant(
            KeyId=key, GranteePrincipal=nobody, RetiringPrincipal=nobody, Operations=["Encrypt"]
        )["GrantToken"]
        kms.encrypt(KeyId=key, Plaintext=b"x")
        kms.retire_grant(GrantToken=token)


def test_grants_that_are_refused(kms: Any) -> None:
    key = new_key(kms)
    mac = new_key(kms, KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    create = kms.create_grant
    some = {"Operations": ["Encrypt"]}
    refused("ValidationException", None, create, KeyId=key, **some)
    refused(
        "InvalidArnException", "Invalid arn ann", create, KeyId=key, GranteePrincipal="ann", **some
    )
    refused("ValidationException", None, create, KeyId=mac, GranteePrincipal=ANN, **some)
    wrong = {"Operations": ["Fly"]}
    refused("ValidationException", None, create, KeyId=key, GranteePrincipal=ANN, **wrong)
    kms.disable_key(KeyId=key)
    refused("DisabledException", None, create, KeyId=key, GranteePrincipal=ANN, **some)


# --- what a grant allows

GRANT = Grant(
    key_id="k",
    id="g",
    token=b"",
    created_ms=0,
    operations=("Encrypt", "DescribeKey"),
    grantee=BOB,
    issuing_account="a",
)
BOBS = frozenset({BOB, "arn:aws:sts::111122223333:assumed-role/bob/session"})
A = {"a": "1"}
AB = {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    ("changes", "asked", "allowed"),
    [
        ({}, {}, True),
        ({}, {"operation": "Decrypt"}, False),
        ({}, {"principals": frozenset({ANN})}, False),
        ({}, {"principals": frozenset[str]()}, False),
        ({"context_equals": A}, {"context": A}, True),
        ({"context_equals": A}, {"context": AB}, False),
        ({"context_equals": A}, {}, False),
        ({"context_equals": {}}, {"context": A}, False),
        ({"context_subset": A}, {"context": AB}, True),
        ({"context_subset": AB}, {"context": A}, False),
        ({"context_subset": A}, {"context": {"a": "2"}}, False),
        (
            {"context_subset": A},
            {"context": {"A": "1"}},
            True,
        ),  # constraints know names in any case
        ({"context_equals": A}, {"context": {"A": "1"}}, True),
        ({"context_equals": A}, {"context": {"a": "1", "A": "2"}}, False),
        ({"context_subset": {"a": "x"}}, {"context": {"a": "X"}}, False),
        ({"context_equals": A}, {"operation": "DescribeKey"}, True),
        ({"source_arn": "arn:x"}, {}, False),
        ({"source_arn": "arn:x"}, {"source_arn": "arn:x"}, True),
        ({"source_arn": "arn:x"}, {"source_arn": "arn:y"}, False),
        ({"grantee": None, "grantee_service": "s3.amazonaws.com"}, {}, False),
        (
            {"grantee": None, "grantee_service": "s3.amazonaws.com"},
            {"services": frozenset({"s3.amazonaws.com"}), "principals": frozenset[str]()},
            True,
        ),
        ({"grantee": None}, {"principals": frozenset[str]()}, False),
    ],
)
def test_what_a_grant_allows(changes: dict[str, Any], asked: dict[str, Any], allowed: bool) -> None:
    grant = msgspec.structs.replace(GRANT, **changes)
    request: dict[str, Any] = {"operation": "Encrypt", "principals": BOBS, **asked}
    question = Asked(**request)
    assert grants.allows(grant, question) is allowed
    assert grants.find_allowing([grant], question) is (grant if allowed else None)


@pytest.mark.parametrize(
    ("parent", "child", "allowed"),
    [
        ({}, {}, True),
        ({}, {"operations": ("Encrypt",)}, True),
        ({}, {"operations": ("Encrypt", "Decrypt")}, False),
        ({"context_subset": A}, {}, False),
        ({"context_subset": A}, {"context_subset": AB}, True),
        ({"context_subset": A}, {"context_equals": A}, True),
        ({"context_subset": AB}, {"context_subset": A}, False),
        ({"context_equals": A}, {"context_subset": A}, False),
        ({"context_equals": A}, {"context_equals": A}, True),
        ({"source_arn": "arn:x"}, {}, False),
        ({"source_arn": "arn:x"}, {"source_arn": "arn:x"}, True),
    ],
)
def test_what_may_be_passed_on(
    parent: dict[str, Any], child: dict[str, Any], allowed: bool
) -> None:
    one, two = (msgspec.structs.replace(GRANT, **changes) for changes in (parent, child))
    assert grants.may_pass_on(grants.limits_of(one), grants.limits_of(two)) is allowed
