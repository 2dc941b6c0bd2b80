"""Keys as they are made, named, described, listed, switched off and tagged."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from .refusals import refused

Client = Callable[..., Any]


def made(kms: Any, **request: Any) -> dict[str, Any]:
    return kms.create_key(**request)["KeyMetadata"]


# Recorded from AWS: every member of a new key's description.
def test_a_symmetric_key_is_described_as_on_aws(client: Client, account: str) -> None:
    kms = client("kms")
    key = made(kms, Description="test key 123")
    described = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
    assert described == key
    assert len(key.pop("CurrentKeyMaterialId")) == 64
    key.pop("CreationDate")
    key_id = key["KeyId"]
    assert key == {
        "AWSAccountId": account,
        "Arn": f"arn:aws:kms:us-east-1:{account}:key/{key_id}",
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "Description": "test key 123",
        "Enabled": True,
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
        "KeyId": key_id,
        "KeyManager": "CUSTOMER",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "KeyState": "Enabled",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "MultiRegion": False,
        "Origin": "AWS_KMS",
    }


_RSA = [f"RSASSA_{kind}_SHA_{n}" for kind in ("PKCS1_V1_5", "PSS") for n in (256, 384, 512)]


@pytest.mark.parametrize(
    ("spec", "usage", "member", "algorithms"),
    [
        ("RSA_2048", "SIGN_VERIFY", "SigningAlgorithms", _RSA),
        (
            "RSA_2048",
            "ENCRYPT_DECRYPT",
            "EncryptionAlgorithms",
            ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"],
        ),
        ("ECC_NIST_P256", "SIGN_VERIFY", "SigningAlgorithms", ["ECDSA_SHA_256"]),
        ("ECC_NIST_P384", "SIGN_VERIFY", "SigningAlgorithms", ["ECDSA_SHA_384"]),
        ("ECC_NIST_P521", "SIGN_VERIFY", "SigningAlgorithms", ["ECDSA_SHA_512"]),
        ("ECC_NIST_P521", "KEY_AGREEMENT", "KeyAgreementAlgorithms", ["ECDH"]),
        ("ECC_SECG_P256K1", "SIGN_VERIFY", "SigningAlgorithms", ["ECDSA_SHA_256"]),
        ("HMAC_224", "GENERATE_VERIFY_MAC", "MacAlgorithms", ["HMAC_SHA_224"]),
        ("HMAC_512", "GENERATE_VERIFY_MAC", "MacAlgorithms", ["HMAC_SHA_512"]),
    ],
)
def test_a_spec_has_its_algorithms(
    client: Client, spec: str, usage: str, member: str, algorithms: list[str]
) -> None:
    key = made(client("kms"), KeySpec=spec, KeyUsage=usage)
    assert key[member] == algorithms
    assert "CurrentKeyMaterialId" not in key


def test_specs_and_usages_that_do_not_fit_are_refused(client: Client) -> None:
    create = client("kms").create_key
    refused(
        "ValidationException",
        "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.",
        create,
        KeySpec="HMAC_256",
    )
    refused(
        "ValidationException",
        "KeyUsage KEY_AGREEMENT is not compatible with KeySpec RSA_2048",
        create,
        KeySpec="RSA_2048",
        KeyUsage="KEY_AGREEMENT",
    )
    refused(
        "ValidationException", None, create, KeySpec="ECC_SECG_P256K1", KeyUsage="KEY_AGREEMENT"
    )
    refused("ValidationException", None, create, KeySpec="HMAC_random")
    refused(
        "ValidationException", None, create, KeySpec="RSA_2048", CustomerMasterKeySpec="RSA_2048"
    )


@pytest.mark.parametrize(
    ("request_", "what"),
    [
        ({"KeySpec": "SM2", "KeyUsage": "SIGN_VERIFY"}, "the key spec SM2"),
        (
            {"KeySpec": "ML_KEM_512", "KeyUsage": "ENCAPSULATE_DECAPSULATE"},
            "the key spec ML_KEM_512",
        ),
        ({"Origin": "AWS_CLOUDHSM"}, "the key origin AWS_CLOUDHSM"),
        ({"Origin": "EXTERNAL_KEY_STORE", "XksKeyId": "x"}, "the key origin EXTERNAL_KEY_STORE"),
        ({"CustomKeyStoreId": "cks-1"}, "the member CustomKeyStoreId of kms.CreateKey"),
    ],
)
def test_what_is_not_built_is_refused_by_name(
    client: Client, request_: dict[str, Any], what: str
) -> None:
    kms = client("kms")
    refused("NotImplemented", f"pilvi does not implement {what} yet.", kms.create_key, **request_)
    assert kms.list_keys()["Keys"] == []


def test_keys_that_do_not_exist(client: Client, account: str) -> None:
    kms = client("kms")
    missing = "134f2428-cec1-4b25-a1ae-9048164dba47"
    arn = f"arn:aws:kms:us-east-1:{account}:key/{missing}"
    for text in (missing, arn):
        refused("NotFoundException", f"Key '{arn}' does not exist", kms.describe_key, KeyId=text)
    multi = "mrk-134f2428cec14b25a1ae9048164dba47"
    words = f"Key '{arn.replace(missing, multi)}' does not exist"
    refused("NotFoundException", words, kms.describe_key, KeyId=multi)
    for text in ("fake-key-id", missing.replace("-", ""), "mrk-fake-key-id"):
        words = f"Invalid keyId '{text}'"
        refused("NotFoundException", words, kms.describe_key, KeyId=text)
    alias = f"arn:aws:kms:us-east-1:{account}:alias/none"
    words = f"Alias {alias} is not found."
    refused("NotFoundException", words, kms.describe_key, KeyId="alias/none")
    refused("InvalidArnException", None, kms.describe_key, KeyId="arn:aws:s3:::bucket")


def test_a_key_is_of_its_region(client: Client, account: str) -> None:
    key = made(client("kms"))
    elsewhere = client("kms", region_name="eu-west-1")
    arn = key["Arn"].replace("us-east-1", "eu-west-1")
    words = f"Key '{arn}' does not exist"
    refused("NotFoundException", words, elsewhere.describe_key, KeyId=key["KeyId"])
    words = "Invalid arn us-east-1"
    refused("NotFoundException", words, elsewhere.describe_key, KeyId=key["Arn"])


# The default key policy speaks of its own account alone.
def test_a_key_is_of_its_account(client: Client, account: str) -> None:
    kms = client("kms")
    key = made(kms)
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    stranger = client("kms", account="999999999999")
    refused("AccessDeniedException", None, stranger.describe_key, KeyId=key["Arn"])
    refused("AccessDeniedException", None, stranger.encrypt, KeyId=key["Arn"], Plaintext=b"x")
    refused("AccessDeniedException", None, stranger.decrypt, CiphertextBlob=blob)


def test_keys_are_listed_in_pages(client: Client) -> None:
    kms = client("kms")
    ids = {made(kms)["KeyId"] for _ in range(5)}
    pages = list(kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 2}))
    assert [len(page["Keys"]) for page in pages] == [2, 2, 1]
    assert {key["KeyId"] for page in pages for key in page["Keys"]} == ids
    refused("InvalidMarkerException", None, kms.list_keys, Marker="nonsense!")


def test_a_key_is_switched_off_and_on(client: Client) -> None:
    kms = client("kms")
    key = made(kms)
    kms.disable_key(KeyId=key["KeyId"])
    described = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
    assert (described["Enabled"], described["KeyState"]) == (False, "Disabled")
    words = f"{key['Arn']} is disabled."
    refused("DisabledException", words, kms.encrypt, KeyId=key["KeyId"], Plaintext=b"x")
    refused("DisabledException", words, kms.rotate_key_on_demand, KeyId=key["KeyId"])
    kms.update_key_description(KeyId=key["KeyId"], Description="still described")
    kms.enable_key(KeyId=key["KeyId"])
    assert kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["KeyId"] == key["Arn"]
    described = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
    assert described["Description"] == "still described"


def test_a_scheduled_deletion_stops_everything_and_can_be_cancelled(client: Client) -> None:
    kms = client("kms")
    key = made(kms)
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    told = kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
    assert (told["KeyState"], told["PendingWindowInDays"]) == ("PendingDeletion", 7)
    assert told["KeyId"] == key["Arn"]
    words = f"{key['Arn']} is pending deletion."
    one = {"KeyId": key["KeyId"]}
    for call, request in (
        (kms.encrypt, {**one, "Plaintext": b"x"}),
        (kms.decrypt, {"CiphertextBlob": blob}),
        (kms.generate_data_key, {**one, "KeySpec": "AES_256"}),
        (kms.enable_key, one),
        (kms.disable_key, one),
        (kms.enable_key_rotation, one),
        (kms.update_key_description, {**one, "Description": "x"}),
        (kms.create_alias, {"AliasName": "alias/x", "TargetKeyId": key["KeyId"]}),
        (kms.tag_resource, {**one, "Tags": [{"TagKey": "a", "TagValue": "b"}]}),
        (kms.schedule_key_deletion, one),
    ):
        refused("KMSInvalidStateException", words, call, **request)
    assert kms.cancel_key_deletion(**one)["KeyId"] == key["Arn"]
    described = kms.describe_key(**one)["KeyMetadata"]
    assert described["KeyState"] == "Disabled"
    assert "DeletionDate" not in described
    refused("KMSInvalidStateException", None, kms.cancel_key_deletion, **one)
    kms.enable_key(**one)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    refused("ValidationException", None, kms.schedule_key_deletion, **one, PendingWindowInDays=6)


# --- aliases


def test_an_alias_names_a_key(client: Client, account: str) -> None:
    kms = client("kms")
    key = made(kms)
    kms.create_alias(AliasName="alias/app/main", TargetKeyId=key["KeyId"])
    arn = f"arn:aws:kms:us-east-1:{account}:alias/app/main"
    for name in ("alias/app/main", arn):
        assert kms.describe_key(KeyId=name)["KeyMetadata"]["KeyId"] == key["KeyId"]
        assert kms.encrypt(KeyId=name, Plaintext=b"x")["KeyId"] == key["Arn"]
    (alias,) = kms.list_aliases(KeyId=key["KeyId"])["Aliases"]
    assert (alias["AliasName"], alias["AliasArn"]) == ("alias/app/main", arn)
    assert alias["TargetKeyId"] == key["KeyId"]
    refused(
        "AlreadyExistsException",
        f"An alias with the name {arn} already exists",
        kms.create_alias,
        AliasName="alias/app/main",
        TargetKeyId=key["KeyId"],
    )
    refused("NotFoundException", None, kms.disable_key, KeyId="alias/app/main")
    kms.delete_alias(AliasName="alias/app/main")
    refused("NotFoundException", None, kms.describe_key, KeyId="alias/app/main")
    refused("NotFoundException", None, kms.delete_alias, AliasName="alias/app/main")


def test_names_that_an_alias_cannot_have(client: Client) -> None:
    kms = client("kms")
    key = made(kms)["KeyId"]
    refused(
        "ValidationException",
        'Alias must start with the prefix "alias/". Please see'
        " https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html",
        kms.create_alias,
        AliasName="test",
        TargetKeyId=key,
    )
    refused(
        "NotAuthorizedException", "", kms.create_alias, AliasName="alias/aws/x", TargetKeyId=key
    )
    refused("NotAuthorizedException", "", kms.delete_alias, AliasName="alias/aws/s3")


def test_an_alias_moves_to_a_key_of_its_kind_only(client: Client) -> None:
    kms = client("kms")
    one, two = made(kms)["KeyId"], made(kms)["KeyId"]
    mac = made(kms, KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyId"]
    kms.create_alias(AliasName="alias/a", TargetKeyId=one)
    kms.update_alias(AliasName="alias/a", TargetKeyId=two)
    assert kms.describe_key(KeyId="alias/a")["KeyMetadata"]["KeyId"] == two
    assert kms.list_aliases(KeyId=one)["Aliases"] == []
    refused("ValidationException", None, kms.update_alias, AliasName="alias/a", TargetKeyId=mac)
    refused("NotFoundException", None, kms.update_alias, AliasName="alias/no", TargetKeyId=one)


def test_aliases_are_listed_in_pages(client: Client) -> None:
    kms = client("kms")
    one, two = made(kms)["KeyId"], made(kms)["KeyId"]
    names = [f"alias/{number}" for number in range(5)]
    for name in names:
        kms.create_alias(AliasName=name, TargetKeyId=one)
    kms.create_alias(AliasName="alias/z", TargetKeyId=two)

    def listed(**request: Any) -> list[str]:
        pages = kms.get_paginator("list_aliases").paginate(
            PaginationConfig={"PageSize": 2}, **request
        )
        return [alias["AliasName"] for page in pages for alias in page["Aliases"]]

    assert listed() == [*names, "alias/z"]
    assert listed(KeyId=one) == names


def test_a_key_has_room_for_fifty_aliases(client: Client) -> None:
    kms = client("kms")
    key = made(kms)["KeyId"]
    for number in range(50):
        kms.create_alias(AliasName=f"alias/{number}", TargetKeyId=key)
    refused("LimitExceededException", None, kms.create_alias, AliasName="alias/x", TargetKeyId=key)


# AWS makes the key of a service when its alias is first described; nobody may change it.
def test_the_managed_key_of_a_service_is_made_when_it_is_named(client: Client) -> None:
    kms = client("kms")
    assert kms.list_aliases()["Aliases"] == []
    key = kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]
    assert (key["KeyManager"], key["KeyState"]) == ("AWS", "Enabled")
    assert kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["KeyId"] == key["KeyId"]
    assert kms.get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"] is True
    for call in (kms.schedule_key_deletion, kms.disable_key, kms.disable_key_rotation):
        refused("AccessDeniedException", None, call, KeyId=key["KeyId"])
    policy = json.loads(kms.get_key_policy(KeyId=key["KeyId"])["Policy"])
    condition = policy["Statement"][0]["Condition"]["StringEquals"]
    assert condition["kms:ViaService"] == "s3.us-east-1.amazonaws.com"
    refused("NotFoundException", None, kms.describe_key, KeyId="alias/aws/nosuchservice")


# --- policies


def test_the_default_policy_is_that_of_aws(client: Client, account: str) -> None:
    kms = client("kms")
    key = made(kms)["KeyId"]
    assert kms.list_key_policies(KeyId=key)["PolicyNames"] == ["default"]
    told = kms.get_key_policy(KeyId=key, PolicyName="default")
    assert told["PolicyName"] == "default"
    assert json.loads(told["Policy"]) == {
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [
            {
                "Sid": "Enable IAM User Permissions",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                "Action": "kms:*",
                "Resource": "*",
            }
        ],
    }


def statement(account: str, **changes: Any) -> dict[str, Any]:
    whole = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "kms:*",
        "Resource": "*",
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def policy_of(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def test_a_policy_is_kept_as_it_came(client: Client, account: str) -> None:
    kms = client("kms")
    text = policy_of(statement(account, Sid="one and only"))
    key = made(kms, Policy=text)["KeyId"]
    assert kms.get_key_policy(KeyId=key)["Policy"] == text
    other = policy_of(statement(account, Action=["kms:PutKey*", "kms:Get*"]))
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=other)
    assert kms.get_key_policy(KeyId=key)["Policy"] == other
    refused("NotFoundException", None, kms.get_key_policy, KeyId=key, PolicyName="other")


_LOCKED_OUT = "The new key policy will not allow you to update the key policy in the future."
_NOBODY = "Policy contains a statement with one or more invalid principals."


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Principal": {"AWS": "arn:aws:iam::210987654321:root"}}, _LOCKED_OUT),
        ({"Action": "kms:Encrypt"}, _LOCKED_OUT),
        ({"NotAction": "kms:Put*", "Action": None}, _LOCKED_OUT),
        ({"Effect": "Deny"}, _LOCKED_OUT),
        ({"Principal": {"AWS": "nobody"}}, _NOBODY),
        ({"Principal": None}, _NOBODY),
        ({"Resource": None}, "Missing required field Resource"),
        ({"Action": "PutKeyPolicy"}, "Policy has invalid action"),
        ({"Effect": "Perhaps"}, "Invalid effect: Perhaps"),
    ],
)
def test_policies_that_are_refused(
    client: Client, account: str, changes: dict[str, Any], words: str
) -> None:
    kms = client("kms")
    key = made(kms)["KeyId"]
    text = policy_of(statement(account, **changes))
    for call, request in ((kms.put_key_policy, {"KeyId": key}), (kms.create_key, {})):
        refused("MalformedPolicyDocumentException", words, call, Policy=text, **request)
    bypassed = {"KeyId": key, "Policy": text, "BypassPolicyLockoutSafetyCheck": True}
    if words == _LOCKED_OUT:
        kms.put_key_policy(**bypassed)
    else:
        refused("MalformedPolicyDocumentException", words, kms.put_key_policy, **bypassed)


# --- tags


def test_tags_come_and_go(client: Client) -> None:
    kms = client("kms")
    tags = [{"TagKey": f"tag{number}", "TagValue": f"value{number}"} for number in (1, 2, 3)]
    key = made(kms, Tags=tags)["KeyId"]
    assert kms.list_resource_tags(KeyId=key)["Tags"] == tags
    new = [{"TagKey": "tag2", "TagValue": "updated"}, {"TagKey": "tag4", "TagValue": "value4"}]
    kms.tag_resource(KeyId=key, Tags=new)
    kms.untag_resource(KeyId=key, TagKeys=["tag1", "never there"])
    assert kms.list_resource_tags(KeyId=key)["Tags"] == [new[0], tags[2], new[1]]
    pages = list(kms.get_paginator("list_resource_tags").paginate(KeyId=key, Limit=2))
    assert [len(page["Tags"]) for page in pages] == [2, 1]


def test_tags_that_are_refused(client: Client) -> None:
    kms = client("kms")
    twice = [{"TagKey": "a", "TagValue": "1"}, {"TagKey": "a", "TagValue": "2"}]
    many = [{"TagKey": f"{number}", "TagValue": ""} for number in range(51)]
    refused("TagException", "Duplicate tag keys", kms.create_key, Tags=twice)
    refused("TagException", "Too many tags", kms.create_key, Tags=many)
    key = made(kms)["KeyId"]
    for reserved in ("aws:x", "AWS:x"):
        words = "Tags beginning with aws: are reserved"
        tags = [{"TagKey": reserved, "TagValue": "1"}]
        refused("TagException", words, kms.tag_resource, KeyId=key, Tags=tags)
        refused("TagException", words, kms.create_key, Tags=tags)
    assert len(kms.list_keys()["Keys"]) == 1
