"""Multi-Region keys: one id, one material, several Regions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from .refusals import refused
from .test_imports import bring

Client = Callable[..., Any]


@pytest.fixture
def regions(client: Client) -> Callable[[str], Any]:
    return lambda region: client("kms", region_name=region)


def test_a_primary_key_is_described_as_on_aws(client: Client, account: str) -> None:
    key = client("kms").create_key(MultiRegion=True)["KeyMetadata"]
    assert key["KeyId"].startswith("mrk-")
    assert len(key["KeyId"]) == 36
    assert key["MultiRegion"] is True
    arn = f"arn:aws:kms:us-east-1:{account}:key/{key['KeyId']}"
    assert key["MultiRegionConfiguration"] == {
        "MultiRegionKeyType": "PRIMARY",
        "PrimaryKey": {"Arn": arn, "Region": "us-east-1"},
        "ReplicaKeys": [],
    }


def test_a_replica_decrypts_what_the_primary_encrypted_and_the_other_way_round(
    regions: Callable[[str], Any], account: str
) -> None:
    here, there = regions("us-east-1"), regions("ap-southeast-1")
    key = here.create_key(
        MultiRegion=True, Description="d", Tags=[{"TagKey": "a", "TagValue": "b"}]
    )
    key_id, arn = key["KeyMetadata"]["KeyId"], key["KeyMetadata"]["Arn"]
    replica_arn = arn.replace("us-east-1", "ap-southeast-1")
    refused(
        "NotFoundException", f"Key '{replica_arn}' does not exist", there.describe_key, KeyId=key_id
    )
    before = here.encrypt(KeyId=key_id, Plaintext=b"1")["CiphertextBlob"]
    told = here.replicate_key(KeyId=key_id, ReplicaRegion="ap-southeast-1")
    replica = told["ReplicaKeyMetadata"]
    assert (replica["KeyId"], replica["Arn"], replica["Description"]) == (key_id, replica_arn, "")
    assert json.loads(told["ReplicaPolicy"])["Id"] == "key-default-1"
    assert "ReplicaTags" not in told
    assert (replica["KeyState"], replica["Enabled"]) == ("Creating", False)
    assert "CurrentKeyMaterialId" not in replica
    family = {
        "PrimaryKey": {"Arn": arn, "Region": "us-east-1"},
        "ReplicaKeys": [{"Arn": replica_arn, "Region": "ap-southeast-1"}],
    }
    for kms, kind in ((here, "PRIMARY"), (there, "REPLICA")):
        described = kms.describe_key(KeyId=key_id)["KeyMetadata"]
        assert described["MultiRegionConfiguration"] == {"MultiRegionKeyType": kind, **family}
    assert there.decrypt(CiphertextBlob=before)["KeyId"] == replica_arn
    after = there.encrypt(KeyId=key_id, Plaintext=b"2")["CiphertextBlob"]
    assert here.decrypt(CiphertextBlob=after)["Plaintext"] == b"2"
    here.rotate_key_on_demand(KeyId=key_id)
    rotated = here.encrypt(KeyId=key_id, Plaintext=b"3")["CiphertextBlob"]
    back = there.decrypt(CiphertextBlob=rotated)
    assert back["Plaintext"] == b"3"
    newest = there.describe_key(KeyId=key_id)["KeyMetadata"]["CurrentKeyMaterialId"]
    assert back["KeyMaterialId"] == newest
    assert there.decrypt(CiphertextBlob=before)["Plaintext"] == b"1"
    here.enable_key_rotation(KeyId=key_id)
    assert there.get_key_rotation_status(KeyId=key_id)["KeyRotationEnabled"] is True
    here.disable_key(KeyId=key_id)
    assert there.decrypt(CiphertextBlob=before)["Plaintext"] == b"1"


def test_pairs_are_replicated_too(regions: Callable[[str], Any]) -> None:
    here, there = regions("us-east-1"), regions("eu-west-1")
    request = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY", "MultiRegion": True}
    key = here.create_key(**request)["KeyMetadata"]["KeyId"]
    here.replicate_key(KeyId=key, ReplicaRegion="eu-west-1")
    message = {"KeyId": key, "Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"}
    signature = there.sign(**message)["Signature"]
    assert here.verify(**message, Signature=signature)["SignatureValid"] is True


def test_replications_that_are_refused(regions: Callable[[str], Any]) -> None:
    here, there = regions("us-east-1"), regions("eu-west-1")
    plain = here.create_key()["KeyMetadata"]
    words = f"{plain['Arn']} is not a multi-region primary key."
    replicate = here.replicate_key
    for call, request in (
        (replicate, {"ReplicaRegion": "eu-west-1"}),
        (here.update_primary_region, {"PrimaryRegion": "eu-west-1"}),
    ):
        refused("UnsupportedOperationException", words, call, KeyId=plain["KeyId"], **request)
    key = here.create_key(MultiRegion=True)["KeyMetadata"]
    for region in ("us-east-1", "nowhere"):
        refused("ValidationException", None, replicate, KeyId=key["KeyId"], ReplicaRegion=region)
    replica = replicate(KeyId=key["KeyId"], ReplicaRegion="eu-west-1")["ReplicaKeyMetadata"]
    again = {"KeyId": key["KeyId"], "ReplicaRegion": "eu-west-1"}
    refused("AlreadyExistsException", None, replicate, **again)
    words = f"{replica['Arn']} is not a multi-region primary key."
    on = {"KeyId": key["KeyId"], "ReplicaRegion": "eu-west-2"}
    refused("UnsupportedOperationException", words, there.replicate_key, **on)
    refused("UnsupportedOperationException", words, there.rotate_key_on_demand, KeyId=key["KeyId"])
    refused("UnsupportedOperationException", words, there.enable_key_rotation, KeyId=key["KeyId"])


def test_the_primary_region_moves(regions: Callable[[str], Any]) -> None:
    here, there = regions("us-east-1"), regions("eu-west-1")
    key = here.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    here.enable_key_rotation(KeyId=key)
    here.replicate_key(KeyId=key, ReplicaRegion="eu-west-1")
    move = here.update_primary_region
    refused("NotFoundException", None, move, KeyId=key, PrimaryRegion="eu-north-1")
    move(KeyId=key, PrimaryRegion="eu-west-1")
    for kms, kind in ((here, "REPLICA"), (there, "PRIMARY")):
        told = kms.describe_key(KeyId=key)["KeyMetadata"]["MultiRegionConfiguration"]
        assert told["MultiRegionKeyType"] == kind
        assert told["PrimaryKey"]["Region"] == "eu-west-1"
        assert [one["Region"] for one in told["ReplicaKeys"]] == ["us-east-1"]
        assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is True
    there.replicate_key(KeyId=key, ReplicaRegion="eu-west-2")
    there.rotate_key_on_demand(KeyId=key)
    blob = there.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert regions("eu-west-2").decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


def test_imported_material_is_imported_in_each_region(regions: Callable[[str], Any]) -> None:
    here, there = regions("us-east-1"), regions("eu-west-1")
    key = here.create_key(MultiRegion=True, Origin="EXTERNAL")["KeyMetadata"]["KeyId"]
    bring(here, key, b"1" * 32)
    here.replicate_key(KeyId=key, ReplicaRegion="eu-west-1")
    assert there.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingImport"
    blob = here.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    code = "IncorrectKeyMaterialException"
    refused(code, None, bring, kms=there, key=key, material=b"2" * 32)
    bring(there, key, b"1" * 32)
    assert there.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


# A replica is a new key, and the one that is to lead must allow it itself.
def test_replicas_need_leave_of_their_own(
    client: Callable[..., Any], regions: Callable[[str], Any], account: str
) -> None:
    here, there = regions("us-east-1"), regions("eu-west-1")
    key = here.create_key(MultiRegion=True)["KeyMetadata"]["Arn"]
    elsewhere = key.replace("us-east-1", "eu-west-1")
    iam = client("iam")
    iam.create_user(UserName="ann")
    made = iam.create_access_key(UserName="ann")["AccessKey"]
    ann = client(
        "kms",
        aws_access_key_id=made["AccessKeyId"],
        aws_secret_access_key=made["SecretAccessKey"],
    )

    def allow(*statements: tuple[str, str]) -> None:
        allowed = [
            {"Effect": "Allow", "Action": action, "Resource": one} for action, one in statements
        ]
        text = json.dumps({"Version": "2012-10-17", "Statement": allowed})
        iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=text)

    replicate = {"KeyId": key, "ReplicaRegion": "eu-west-1"}
    tags = {"Tags": [{"TagKey": "a", "TagValue": "b"}]}
    allow(("kms:ReplicateKey", key))
    refused("AccessDeniedException", None, ann.replicate_key, **replicate)
    allow(("kms:ReplicateKey", key), ("kms:CreateKey", "*"))
    refused("AccessDeniedException", None, ann.replicate_key, **replicate, **tags)
    refused("AccessDeniedException", None, ann.create_key, **tags)
    ann.replicate_key(**replicate)
    lead = {"KeyId": key, "PrimaryRegion": "eu-west-1"}
    allow(("kms:UpdatePrimaryRegion", key))
    refused("AccessDeniedException", None, ann.update_primary_region, **lead)
    allow(("kms:UpdatePrimaryRegion", key), ("kms:UpdatePrimaryRegion", elsewhere))
    ann.update_primary_region(**lead)
    told = there.describe_key(KeyId=elsewhere)["KeyMetadata"]["MultiRegionConfiguration"]
    assert told["PrimaryKey"]["Region"] == "eu-west-1"
