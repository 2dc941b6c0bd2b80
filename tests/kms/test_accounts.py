"""Keys of other accounts: the key's policy there and the caller's policies here must both allow."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .refusals import refused

Client = Callable[..., Any]
NOT_TOLD = (
    "because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based"
    " policy explicitly denies access"
)


@pytest.fixture
def foreign(account: str) -> str:
    """Another account, which is nobody else's either."""
    return f"9{account[1:]}"


def statement(effect: str, principal: object, *actions: str, **more: Any) -> dict[str, Any]:
    whom = {"Principal": principal, "Action": list(actions), "Resource": "*"}
    return {"Effect": effect, **whom, **more}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def root(account: str) -> dict[str, str]:
    return {"AWS": f"arn:aws:iam::{account}:root"}


def shared_key(kms: Any, owner: str, *statements: dict[str, Any], **request: Any) -> str:
    text = policy(statement("Allow", root(owner), "kms:*"), *statements)
    return kms.create_key(Policy=text, **request)["KeyMetadata"]["Arn"]


def a_user(client: Client, account: str, name: str, *actions: str) -> Any:
    iam = client("iam", account=account)
    iam.create_user(UserName=name)
    if actions:
        text = json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": {"Effect": "Allow", "Action": list(actions), "Resource": "*"},
            }
        )
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=text)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    signed = {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }
    return client("kms", account=account, **signed)


USES = ("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey*", "kms:DescribeKey", "kms:ReEncrypt*")


def test_both_accounts_must_allow(client: Client, account: str, foreign: str) -> None:
    home = client("kms")
    key = shared_key(home, account, statement("Allow", root(foreign), *USES))
    alone = home.create_key()["KeyMetadata"]["Arn"]
    allowed = a_user(client, foreign, "ann", "kms:*")
    powerless = a_user(client, foreign, "bob")
    blob = allowed.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"a": "b"})
    assert blob["KeyId"] == key
    opened = {"CiphertextBlob": blob["CiphertextBlob"], "EncryptionContext": {"a": "b"}}
    for kms in (allowed, home, client("kms", account=foreign)):
        assert kms.decrypt(**opened)["Plaintext"] == b"x"
        assert kms.decrypt(**opened, KeyId=key)["KeyId"] == key
    assert allowed.describe_key(KeyId=key)["KeyMetadata"]["AWSAccountId"] == account
    made = allowed.generate_data_key(KeyId=key, KeySpec="AES_256")
    assert home.decrypt(CiphertextBlob=made["CiphertextBlob"])["Plaintext"] == made["Plaintext"]
    text = refused("AccessDeniedException", None, powerless.decrypt, **opened)
    assert "no identity-based policy allows" in text
    refused("AccessDeniedException", None, allowed.encrypt, KeyId=alone, Plaintext=b"x")
    blob = home.encrypt(KeyId=alone, Plaintext=b"x")["CiphertextBlob"]
    refused("AccessDeniedException", None, allowed.decrypt, CiphertextBlob=blob)


# Between two accounts' keys: each side is asked for its own half.
def test_re_encryption_crosses_accounts(client: Client, account: str, foreign: str) -> None:
    home, there = client("kms"), client("kms", account=foreign)
    key = shared_key(home, account, statement("Allow", root(foreign), "kms:ReEncryptFrom"))
    own = there.create_key()["KeyMetadata"]["Arn"]
    blob = home.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    moved = there.re_encrypt(CiphertextBlob=blob, DestinationKeyId=own)
    assert (moved["SourceKeyId"], moved["KeyId"]) == (key, own)
    assert there.decrypt(CiphertextBlob=moved["CiphertextBlob"])["Plaintext"] == b"x"
    request = {"CiphertextBlob": moved["CiphertextBlob"], "DestinationKeyId": key}
    refused("AccessDeniedException", None, there.re_encrypt, **request)


def test_aliases_are_followed_into_the_other_account(
    client: Client, account: str, foreign: str
) -> None:
    home, there = client("kms"), client("kms", account=foreign)
    key = shared_key(home, account, statement("Allow", root(foreign), *USES))
    home.create_alias(AliasName="alias/shared", TargetKeyId=key)
    arn = f"arn:aws:kms:us-east-1:{account}:alias/shared"
    assert there.encrypt(KeyId=arn, Plaintext=b"x")["KeyId"] == key
    # Without the account it is an alias of one's own.
    refused("NotFoundException", None, there.encrypt, KeyId="alias/shared", Plaintext=b"x")
    refused("NotFoundException", None, there.encrypt, KeyId=key[-36:], Plaintext=b"x")


# Whoever may not use a foreign key does not learn whether it is there, nor what an alias stands for.
def test_a_stranger_cannot_tell_keys_from_none(client: Client, account: str, foreign: str) -> None:
    home, there = client("kms"), client("kms", account=foreign)
    denied = statement("Deny", root(foreign), "kms:*")
    key = home.create_key()["KeyMetadata"]["Arn"]
    denying = shared_key(home, account, denied)
    home.create_alias(AliasName="alias/there", TargetKeyId=key)
    prefix = f"arn:aws:kms:us-east-1:{account}:"
    gone = f"{prefix}key/00000000-0000-0000-0000-000000000000"
    aliases = [f"{prefix}alias/there", f"{prefix}alias/gone"]
    requests: list[tuple[str, dict[str, Any]]] = [
        ("encrypt", {"Plaintext": b"x"}),
        ("describe_key", {}),
        ("generate_data_key", {"KeySpec": "AES_256"}),
    ]
    for operation, request in requests:
        texts = set[str]()
        for name in (key, denying, gone, *aliases):
            call = getattr(there, operation)
            text = refused("AccessDeniedException", None, call, KeyId=name, **request)
            assert name in text
            texts.add(text.replace(name, "KEY"))
        assert len(texts) == 1
        assert NOT_TOLD in texts.pop()


# AWS: "Cross-account use: No", whatever policies say.
def test_what_never_crosses_accounts(client: Client, account: str, foreign: str) -> None:
    home, there = client("kms"), client("kms", account=foreign)
    key = shared_key(home, account, statement("Allow", root(foreign), "kms:*"))
    requests: list[tuple[str, dict[str, Any]]] = [
        ("disable_key", {}),
        ("schedule_key_deletion", {}),
        ("get_key_policy", {}),
        ("put_key_policy", {"Policy": policy(statement("Allow", root(foreign), "kms:*"))}),
        ("tag_resource", {"Tags": [{"TagKey": "a", "TagValue": "b"}]}),
        ("list_resource_tags", {}),
        ("enable_key_rotation", {}),
        ("rotate_key_on_demand", {}),
        ("list_key_rotations", {}),
        ("update_key_description", {"Description": "mine"}),
    ]
    for operation, request in requests:
        refused("AccessDeniedException", None, getattr(there, operation), KeyId=key, **request)
    with pytest.raises(ClientError):
        there.create_alias(AliasName="alias/mine", TargetKeyId=key)
    told = home.describe_key(KeyId=key)["KeyMetadata"]
    assert (told["KeyState"], told["Description"]) == ("Enabled", "")
    assert there.get_key_rotation_status(KeyId=key)["KeyId"] == key


def test_kms_caller_account_is_told(client: Client, account: str, foreign: str) -> None:
    third = f"8{account[1:]}"
    only = {"StringEquals": {"kms:CallerAccount": foreign}}
    everyone = statement("Allow", {"AWS": "*"}, "kms:Encrypt", Condition=only)
    key = shared_key(client("kms"), account, everyone)
    assert client("kms", account=foreign).encrypt(KeyId=key, Plaintext=b"x")
    refused(
        "AccessDeniedException",
        None,
        client("kms", account=third).encrypt,
        KeyId=key,
        Plaintext=b"x",
    )


# A grant reaches over accounts, too; the grantee's own account must allow as well.
def test_grants_across_accounts(client: Client, account: str, foreign: str) -> None:
    home = client("kms")
    key = home.create_key()["KeyMetadata"]["Arn"]
    ann = a_user(client, foreign, "ann", "kms:Encrypt", "kms:ListGrants")
    bob = a_user(client, foreign, "bob")
    for kms, name in ((ann, "ann"), (bob, "bob")):
        refused("AccessDeniedException", None, kms.encrypt, KeyId=key, Plaintext=b"x")
        arn = f"arn:aws:iam::{foreign}:user/{name}"
        token = home.create_grant(
            KeyId=key,
            GranteePrincipal=arn,
            RetiringPrincipal=arn,
            Operations=["Encrypt"],
        )["GrantToken"]
        if name == "ann":
            kms.encrypt(KeyId=key, Plaintext=b"x")
        else:
            refused("AccessDeniedException", None, kms.encrypt, KeyId=key, Plaintext=b"x")
        kms.retire_grant(GrantToken=token)  # whoever a grant names needs no more than that
        refused("AccessDeniedException", None, kms.encrypt, KeyId=key, Plaintext=b"x")
        refused("AccessDeniedException", None, kms.retire_grant, GrantToken=token)
    assert home.list_grants(KeyId=key)["Grants"] == []


def test_who_issues_grants_from_another_account(client: Client, account: str, foreign: str) -> None:
    home, there = client("kms"), client("kms", account=foreign)
    grants = ("kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant")
    key = shared_key(home, account, statement("Allow", root(foreign), *grants))
    arn = f"arn:aws:iam::{foreign}:user/ann"
    made = there.create_grant(KeyId=key, GranteePrincipal=arn, Operations=["Decrypt"])
    (told,) = there.list_grants(KeyId=key)["Grants"]
    assert (told["KeyId"], told["IssuingAccount"]) == (key, f"arn:aws:iam::{foreign}:root")
    there.revoke_grant(KeyId=key, GrantId=made["GrantId"])
    made = there.create_grant(KeyId=key, GranteePrincipal=arn, Operations=["Decrypt"])
    there.retire_grant(GrantToken=made["GrantToken"])
    assert home.list_grants(KeyId=key)["Grants"] == []


def test_grants_are_retirable_from_another_account(
    client: Client, account: str, foreign: str
) -> None:
    home, there = client("kms"), client("kms", account=foreign)
    arn = f"arn:aws:iam::{foreign}:user/ann"
    request = {"GranteePrincipal": arn, "RetiringPrincipal": arn, "Operations": ["Encrypt"]}
    keys = [kms.create_key()["KeyMetadata"]["Arn"] for kms in (home, home, there)]
    made: dict[str, tuple[str, str]] = {}
    for kms, key in zip((home, home, there), keys, strict=True):
        for _ in range(2):
            grant = kms.create_grant(KeyId=key, **request)
            made[grant["GrantId"]] = (key, grant["GrantToken"])

    def listed(kms: Any) -> list[dict[str, Any]]:
        pages = kms.get_paginator("list_retirable_grants").paginate(
            RetiringPrincipal=arn, PaginationConfig={"PageSize": 2}
        )
        return [grant for page in pages for grant in page["Grants"]]

    told = listed(there)
    assert len(told) == len(made)
    assert {one["GrantId"]: one["KeyId"] for one in told} == {
        grant: key for grant, (key, _) in made.items()
    }
    assert {one["KeyId"] for one in listed(home)} == set(keys[:2])
    for key, token in made.values():
        if key == keys[0]:
            home.retire_grant(GrantToken=token)
    assert {one["KeyId"] for one in listed(there)} == set(keys[1:])
    refused(
        "InvalidMarkerException",
        None,
        there.list_retirable_grants,
        RetiringPrincipal=arn,
        Marker=home.list_keys(Limit=1)["NextMarker"],
    )
