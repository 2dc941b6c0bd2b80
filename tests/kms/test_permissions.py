"""What policies of IAM say of keys: which key, in which encryption context."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from .refusals import refused

Client = Callable[..., Any]


@pytest.fixture
def permitted(client: Client) -> Callable[..., Any]:
    """permitted({"Action": ..., "Resource": ...}): a client of a user who may do this and nothing else."""

    def make(*allowed: dict[str, Any]) -> Any:
        iam = client("iam")
        iam.create_user(UserName="ann")
        statements = [{"Effect": "Allow", **one} for one in allowed]
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=policy)
        key = iam.create_access_key(UserName="ann")["AccessKey"]
        return client(
            "kms",
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
        )

    return make


def new_keys(client: Client, count: int) -> list[str]:
    kms = client("kms")
    return [kms.create_key()["KeyMetadata"]["Arn"] for _ in range(count)]


def test_a_key_is_named_by_its_ciphertext(client: Client, permitted: Callable[..., Any]) -> None:
    one, two = new_keys(client, 2)
    root = client("kms")
    blobs = [root.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"] for key in (one, two)]
    ann = permitted({"Action": "kms:Decrypt", "Resource": one})
    assert ann.decrypt(CiphertextBlob=blobs[0])["Plaintext"] == b"x"
    refused("AccessDeniedException", None, ann.decrypt, CiphertextBlob=blobs[1])
    refused("AccessDeniedException", None, ann.encrypt, KeyId=one, Plaintext=b"x")


def test_a_policy_may_ask_for_a_context(client: Client, permitted: Callable[..., Any]) -> None:
    (key,) = new_keys(client, 1)
    ann = permitted(
        {
            "Action": "kms:Encrypt",
            "Resource": "*",
            "Condition": {"StringEquals": {"kms:EncryptionContext:team": "a"}},
        }
    )
    right = {"team": "a", "more": "m"}
    assert ann.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=right)
    for wrong in ({}, {"team": "b"}, {"more": "a"}):
        request = {"KeyId": key, "Plaintext": b"x", "EncryptionContext": wrong}
        refused("AccessDeniedException", None, ann.encrypt, **request)


def test_re_encryption_needs_both_keys(client: Client, permitted: Callable[..., Any]) -> None:
    one, two = new_keys(client, 2)
    root = client("kms")
    blobs = [root.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"] for key in (one, two)]
    ann = permitted(
        {"Action": "kms:ReEncryptFrom", "Resource": one},
        {"Action": "kms:ReEncryptTo", "Resource": two},
    )
    assert ann.re_encrypt(CiphertextBlob=blobs[0], DestinationKeyId=two)
    for blob, target in ((blobs[0], one), (blobs[1], two)):
        request = {"CiphertextBlob": blob, "DestinationKeyId": target}
        refused("AccessDeniedException", None, ann.re_encrypt, **request)


# Permission is asked before anything is validated: what is half a tag must not break the decision.
def test_half_a_request_is_decided_too(client: Client) -> None:
    refused("ValidationException", None, client("kms").create_key, Tags=[{"TagKey": "a"}])


def statement(effect: str, arn: str, *actions: str, **more: Any) -> dict[str, Any]:
    whom = {"Principal": {"AWS": arn}, "Action": list(actions), "Resource": "*"}
    return {"Effect": effect, **whom, **more}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def test_the_key_policy_must_allow_whatever_iam_allows(
    client: Client, account: str, permitted: Callable[..., Any]
) -> None:
    (key,) = new_keys(client, 1)
    ann = permitted({"Action": "kms:*", "Resource": "*"})
    ann.encrypt(KeyId=key, Plaintext=b"x")  # the default policy leaves it to IAM
    root = f"arn:aws:iam::{account}:root"
    administered = statement("Allow", f"{root}", "kms:PutKeyPolicy", "kms:Describe*")
    client("kms").put_key_policy(
        KeyId=key,
        PolicyName="default",
        Policy=policy(administered),
        BypassPolicyLockoutSafetyCheck=True,
    )
    refused("AccessDeniedException", None, ann.encrypt, KeyId=key, Plaintext=b"x")
    refused("AccessDeniedException", None, client("kms").encrypt, KeyId=key, Plaintext=b"x")
    user = f"arn:aws:iam::{account}:user/ann"
    for_ann = statement("Allow", user, "kms:Encrypt")
    client("kms").put_key_policy(
        KeyId=key,
        PolicyName="default",
        Policy=policy(administered, for_ann),
        BypassPolicyLockoutSafetyCheck=True,
    )
    ann.encrypt(KeyId=key, Plaintext=b"x")


def test_a_policy_about_a_key_holds_for_its_aliases(
    client: Client, permitted: Callable[..., Any]
) -> None:
    (key,) = new_keys(client, 1)
    client("kms").create_alias(AliasName="alias/a", TargetKeyId=key)
    ann = permitted(
        {"Action": "kms:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "kms:Encrypt", "Resource": key},
    )
    refused("AccessDeniedException", None, ann.encrypt, KeyId="alias/a", Plaintext=b"x")
    refused("AccessDeniedException", None, ann.encrypt, KeyId=key, Plaintext=b"x")


def test_a_grant_allows_by_itself_and_only_what_it_says(
    client: Client, account: str, permitted: Callable[..., Any]
) -> None:
    (key,) = new_keys(client, 1)
    ann = permitted({"Action": "s3:*", "Resource": "*"})
    asked = {"KeyId": key, "Plaintext": b"x", "EncryptionContext": {"Team": "A"}}
    refused("AccessDeniedException", None, ann.encrypt, **asked)
    client("kms").create_grant(
        KeyId=key,
        GranteePrincipal=f"arn:aws:iam::{account}:user/ann",
        Operations=["Encrypt"],
        Constraints={"EncryptionContextEquals": {"Team": "A"}},
    )
    blob = ann.encrypt(**asked)["CiphertextBlob"]
    other = {**asked, "EncryptionContext": {"team": "A"}}
    refused("AccessDeniedException", None, ann.encrypt, **other)
    context = {"Team": "A"}
    refused(
        "AccessDeniedException", None, ann.decrypt, CiphertextBlob=blob, EncryptionContext=context
    )
