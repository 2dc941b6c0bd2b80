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
    other = {**asked, "EncryptionContext": {"Team": "a"}}
    refused("AccessDeniedException", None, ann.encrypt, **other)
    context = {"Team": "A"}
    refused(
        "AccessDeniedException", None, ann.decrypt, CiphertextBlob=blob, EncryptionContext=context
    )


# A key policy that says nothing leaves the key to nobody, its account's root included.
def test_root_needs_the_key_policy_too(client: Client, account: str) -> None:
    kms = client("kms")
    user = f"arn:aws:iam::{account}:user/ann"
    text = policy(statement("Allow", user, "kms:*"))
    key = kms.create_key(Policy=text, BypassPolicyLockoutSafetyCheck=True)["KeyMetadata"]["Arn"]
    for operation, request in (
        ("describe_key", {}),
        ("encrypt", {"Plaintext": b"x"}),
        ("put_key_policy", {"Policy": policy(statement("Allow", user, "kms:*"))}),
        ("schedule_key_deletion", {}),
        ("create_alias", None),
    ):
        asked = {"AliasName": "alias/a", "TargetKeyId": key} if request is None else {"KeyId": key}
        more: dict[str, Any] = request or {}
        refused("AccessDeniedException", None, getattr(kms, operation), **asked, **more)


def test_who_holds_a_grant_passes_on_no_more_than_it(
    client: Client, account: str, permitted: Callable[..., Any]
) -> None:
    (key,) = new_keys(client, 1)
    ann = permitted({"Action": "s3:*", "Resource": "*"})
    arn = f"arn:aws:iam::{account}:user/ann"
    client("kms").create_grant(
        KeyId=key,
        GranteePrincipal=arn,
        Operations=["Encrypt", "CreateGrant"],
        Constraints={"EncryptionContextSubset": {"a": "1"}},
    )
    other = {"KeyId": key, "GranteePrincipal": f"arn:aws:iam::{account}:user/bob"}
    narrower = {"EncryptionContextSubset": {"a": "1", "b": "2"}}
    assert ann.create_grant(**other, Operations=["Encrypt"], Constraints=narrower)
    for more in (
        {"Operations": ["Encrypt", "Decrypt"], "Constraints": narrower},
        {"Operations": ["Encrypt"]},
        {"Operations": ["Encrypt"], "Constraints": {"EncryptionContextSubset": {"b": "2"}}},
    ):
        refused("AccessDeniedException", None, ann.create_grant, **other, **more)


# An alias is taken from one key and given to another: both keys must allow it.
def test_aliases_are_moved_with_the_leave_of_both_keys(
    client: Client, account: str, permitted: Callable[..., Any]
) -> None:
    one, two, three = new_keys(client, 3)
    root = client("kms")
    root.create_alias(AliasName="alias/a", TargetKeyId=one)
    aliases = f"arn:aws:kms:us-east-1:{account}:alias/*"
    ann = permitted(
        {"Action": ["kms:UpdateAlias", "kms:DeleteAlias"], "Resource": [aliases, two, three]}
    )
    move = {"AliasName": "alias/a", "TargetKeyId": two}
    refused("AccessDeniedException", None, ann.update_alias, **move)
    refused("AccessDeniedException", None, ann.delete_alias, AliasName="alias/a")
    root.update_alias(**move)
    ann.update_alias(AliasName="alias/a", TargetKeyId=three)
    refused("AccessDeniedException", None, ann.update_alias, AliasName="alias/a", TargetKeyId=one)
    ann.delete_alias(AliasName="alias/a")
    refused("NotFoundException", None, root.delete_alias, AliasName="alias/a")


# Who may not learn of keys learns nothing from ciphertexts, aliases and ids that lead nowhere.
def test_the_powerless_are_told_the_same_of_what_is_and_is_not(
    client: Client, account: str, permitted: Callable[..., Any]
) -> None:
    (key,) = new_keys(client, 1)
    ann = permitted({"Action": "s3:*", "Resource": "*"})
    gone = f"arn:aws:kms:us-east-1:{account}:key/00000000-0000-0000-0000-000000000000"
    texts = [
        refused("AccessDeniedException", None, ann.describe_key, KeyId=one).replace(one, "KEY")
        for one in (key, gone)
    ]
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    ("action", "condition", "allowed", "refused_"),
    [
        (
            "kms:ReEncrypt*",
            {"Bool": {"kms:ReEncryptOnSameKey": "true"}},
            ("re_encrypt", {"DestinationKeyId": "SAME"}),
            ("re_encrypt", {"DestinationKeyId": "OTHER"}),
        ),
        (
            "kms:ScheduleKeyDeletion",
            {"NumericLessThan": {"kms:ScheduleKeyDeletionPendingWindowInDays": "30"}},
            ("schedule_key_deletion", {"PendingWindowInDays": 7}),
            ("schedule_key_deletion", {}),
        ),
        (
            "kms:EnableKeyRotation",
            {"NumericGreaterThan": {"kms:RotationPeriodInDays": "200"}},
            ("enable_key_rotation", {}),
            ("enable_key_rotation", {"RotationPeriodInDays": 90}),
        ),
        (
            "kms:CreateGrant",
            {"ForAllValues:StringEquals": {"kms:GrantOperations": ["Encrypt", "Decrypt"]}},
            ("create_grant", {"GranteePrincipal": "ANN", "Operations": ["Decrypt"]}),
            ("create_grant", {"GranteePrincipal": "ANN", "Operations": ["Decrypt", "DescribeKey"]}),
        ),
        (
            "kms:CreateGrant",
            {"StringEquals": {"kms:GrantConstraintType": "EncryptionContextEquals"}},
            (
                "create_grant",
                {
                    "GranteePrincipal": "ANN",
                    "Operations": ["Decrypt"],
                    "Constraints": {"EncryptionContextEquals": {"a": "b"}},
                },
            ),
            ("create_grant", {"GranteePrincipal": "ANN", "Operations": ["Decrypt"]}),
        ),
        (
            "kms:CreateGrant",
            {"Bool": {"kms:GrantIsForAWSResource": "false"}},
            ("create_grant", {"GranteePrincipal": "ANN", "Operations": ["Decrypt"]}),
            ("encrypt", {"Plaintext": b"x"}),
        ),
        (
            "kms:Encrypt",
            {"StringEquals": {"kms:EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}},
            ("encrypt", {"Plaintext": b"x"}),
            ("encrypt", {"Plaintext": b"x", "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}),
        ),
        (
            "kms:Encrypt",
            {"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["a", "b"]}},
            ("encrypt", {"Plaintext": b"x", "EncryptionContext": {"a": "1"}}),
            ("encrypt", {"Plaintext": b"x", "EncryptionContext": {"A": "1"}}),
        ),
        (
            "kms:Encrypt",
            {"StringLike": {"kms:RequestAlias": "alias/*"}},
            ("encrypt", {"Plaintext": b"x", "KeyId": "alias/named-SUFFIX"}),
            ("encrypt", {"Plaintext": b"x"}),
        ),
        (
            "kms:GenerateDataKeyPair",
            {"StringLike": {"kms:DataKeyPairSpec": "ECC_*"}},
            ("generate_data_key_pair", {"KeyPairSpec": "ECC_NIST_P256"}),
            ("generate_data_key_pair", {"KeyPairSpec": "RSA_2048"}),
        ),
        (
            "kms:PutKeyPolicy",
            {"Bool": {"kms:BypassPolicyLockoutSafetyCheck": "false"}},
            ("put_key_policy", {"Policy": "POLICY"}),
            ("put_key_policy", {"Policy": "POLICY", "BypassPolicyLockoutSafetyCheck": True}),
        ),
        (
            "kms:*",
            {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}},
            None,
            ("encrypt", {"Plaintext": b"x"}),
        ),
        (
            "kms:Encrypt",
            {"StringEquals": {"kms:KeyOrigin": "AWS_KMS", "kms:KeyUsage": "ENCRYPT_DECRYPT"}},
            ("encrypt", {"Plaintext": b"x"}),
            ("describe_key", {}),
        ),
        (
            "kms:Encrypt",
            {"Bool": {"kms:MultiRegion": "true"}},
            None,
            ("encrypt", {"Plaintext": b"x"}),
        ),
    ],
)
def test_condition_keys(
    client: Client,
    account: str,
    permitted: Callable[..., Any],
    action: str,
    condition: dict[str, Any],
    allowed: tuple[str, dict[str, Any]] | None,
    refused_: tuple[str, dict[str, Any]],
) -> None:
    key, other = new_keys(client, 2)
    alias = f"alias/named-{account}"
    client("kms").create_alias(AliasName=alias, TargetKeyId=key)
    blob = client("kms").encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    ann = permitted({"Action": action, "Resource": "*", "Condition": condition})
    root = statement("Allow", f"arn:aws:iam::{account}:root", "kms:*")
    values = {
        "SAME": key,
        "OTHER": other,
        "ANN": f"arn:aws:iam::{account}:user/ann",
        "POLICY": policy(root),
        "alias/named-SUFFIX": alias,
    }

    def request(operation: str, given: dict[str, Any]) -> dict[str, Any]:
        asked = {
            name: values.get(value, value) if isinstance(value, str) else value
            for name, value in given.items()
        }
        named = {"CiphertextBlob": blob} if operation == "re_encrypt" else {"KeyId": key}
        return {**named, **asked}

    operation, given = refused_
    refused("AccessDeniedException", None, getattr(ann, operation), **request(operation, given))
    if allowed is not None:
        operation, given = allowed
        getattr(ann, operation)(**request(operation, given))


# A specification that a policy denies is denied under the member's older name as well.
def test_the_older_name_of_a_member_passes_no_policy_by(
    permitted: Callable[..., Any],
) -> None:
    ann = permitted(
        {"Action": "kms:CreateKey", "Resource": "*"},
        {
            "Effect": "Deny",
            "Action": "kms:CreateKey",
            "Resource": "*",
            "Condition": {"StringNotEquals": {"kms:KeySpec": "SYMMETRIC_DEFAULT"}},
        },
    )
    ann.create_key()
    for member in ("KeySpec", "CustomerMasterKeySpec"):
        request = {member: "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}
        refused("AccessDeniedException", None, ann.create_key, **request)
