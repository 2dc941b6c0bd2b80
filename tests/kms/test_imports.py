"""Imported key material: wrapped by the customer, used by the key, destroyed when told or when its time is up."""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
)

from .refusals import refused

Client = Callable[..., Any]
OAEP = "RSAES_OAEP_SHA_256"
FOR_EVER = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}


@pytest.fixture
def kms(client: Client) -> Any:
    return client("kms")


def new_key(kms: Any, spec: str = "SYMMETRIC_DEFAULT", usage: str = "ENCRYPT_DECRYPT") -> str:
    return kms.create_key(Origin="EXTERNAL", KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["KeyId"]


def parameters(kms: Any, key: str, algorithm: str = OAEP) -> dict[str, Any]:
    return kms.get_parameters_for_import(
        KeyId=key, WrappingAlgorithm=algorithm, WrappingKeySpec="RSA_2048"
    )


def wrap(public: bytes, material: bytes, algorithm: str = OAEP) -> bytes:
    key = load_der_public_key(public)
    assert isinstance(key, rsa.RSAPublicKey)
    digest = hashes.SHA1() if algorithm.endswith("_1") else hashes.SHA256()
    scheme = padding.OAEP(padding.MGF1(digest), digest, None)
    if not algorithm.startswith("RSA_AES"):
        return key.encrypt(material, scheme)
    aes = os.urandom(32)
    return key.encrypt(aes, scheme) + aes_key_wrap_with_padding(aes, material)


def bring(kms: Any, key: str, material: bytes, algorithm: str = OAEP, **more: Any) -> Any:
    given = parameters(kms, key, algorithm)
    return kms.import_key_material(
        KeyId=key,
        ImportToken=given["ImportToken"],
        EncryptedKeyMaterial=wrap(given["PublicKey"], material, algorithm),
        **{**FOR_EVER, **more},
    )


def described(kms: Any, key: str) -> dict[str, Any]:
    return kms.describe_key(KeyId=key)["KeyMetadata"]


def test_a_key_waits_for_its_material(kms: Any, account: str) -> None:
    key = new_key(kms)
    arn = f"arn:aws:kms:us-east-1:{account}:key/{key}"
    words = f"{arn} is pending import."
    told = described(kms, key)
    assert (told["KeyState"], told["Enabled"], told["Origin"]) == (
        "PendingImport",
        False,
        "EXTERNAL",
    )
    assert not {"ExpirationModel", "CurrentKeyMaterialId"} & set(told)
    refused("KMSInvalidStateException", words, kms.encrypt, KeyId=key, Plaintext=b"x")
    refused("KMSInvalidStateException", words, kms.enable_key, KeyId=key)
    refused("KMSInvalidStateException", words, kms.rotate_key_on_demand, KeyId=key)
    words = f"{arn} origin is EXTERNAL which is not valid for this operation."
    refused("UnsupportedOperationException", words, kms.enable_key_rotation, KeyId=key)
    material_id = bring(kms, key, bytes(range(32)))["KeyMaterialId"]
    told = described(kms, key)
    assert (told["KeyState"], told["CurrentKeyMaterialId"]) == ("Enabled", material_id)
    assert told["ExpirationModel"] == "KEY_MATERIAL_DOES_NOT_EXPIRE"
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.delete_imported_key_material(KeyId=key)
    told = described(kms, key)
    assert (told["KeyState"], told["CurrentKeyMaterialId"]) == ("PendingImport", material_id)
    assert "ExpirationModel" not in told
    refused("KMSInvalidStateException", None, kms.decrypt, CiphertextBlob=blob)
    refused("IncorrectKeyMaterialException", None, bring, kms=kms, key=key, material=bytes(32))
    assert bring(kms, key, bytes(range(32)))["KeyMaterialId"] == material_id
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


@pytest.mark.parametrize(
    "algorithm",
    [OAEP, "RSAES_OAEP_SHA_1", "RSA_AES_KEY_WRAP_SHA_1", "RSA_AES_KEY_WRAP_SHA_256"],
)
def test_an_imported_mac_key_is_the_customers(kms: Any, algorithm: str) -> None:
    """What the key computes is what anybody with the material would compute."""
    material = os.urandom(32)
    key = new_key(kms, "HMAC_256", "GENERATE_VERIFY_MAC")
    words = {"KeyMaterialDescription": "only of symmetric keys"}
    refused("ValidationException", None, bring, kms=kms, key=key, material=material, **words)
    assert "KeyMaterialId" not in bring(kms, key, material, algorithm)
    mac = kms.generate_mac(KeyId=key, Message=b"m", MacAlgorithm="HMAC_SHA_256")["Mac"]
    assert mac == hmac.digest(material, b"m", "sha256")


def test_imported_pairs_are_the_customers(kms: Any) -> None:
    def pkcs8(private: Any) -> bytes:
        return private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    elliptic = ec.generate_private_key(ec.SECP256R1())
    key = new_key(kms, "ECC_NIST_P256", "SIGN_VERIFY")
    bring(kms, key, pkcs8(elliptic))
    request = {"KeyId": key, "Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"}
    signature = kms.sign(**request)["Signature"]
    elliptic.public_key().verify(signature, b"m", ec.ECDSA(hashes.SHA256()))
    big = rsa.generate_private_key(65537, 2048)
    key = new_key(kms, "RSA_2048", "ENCRYPT_DECRYPT")
    bring(kms, key, pkcs8(big), "RSA_AES_KEY_WRAP_SHA_256")
    public = big.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert kms.get_public_key(KeyId=key)["PublicKey"] == public
    refused("UnsupportedOperationException", None, parameters, kms=kms, key=key)
    other = new_key(kms, "ECC_NIST_P384", "SIGN_VERIFY")
    for wrong in (pkcs8(elliptic), b"no key at all", pkcs8(big)[:100]):
        code = "IncorrectKeyMaterialException"
        refused(code, None, bring, kms=kms, key=other, material=wrong)


def test_materials_of_the_wrong_size_are_refused(kms: Any) -> None:
    for spec, usage, size in (
        ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", 16),
        ("HMAC_512", "GENERATE_VERIFY_MAC", 32),
    ):
        key = new_key(kms, spec, usage)
        code = "IncorrectKeyMaterialException"
        refused(code, None, bring, kms=kms, key=key, material=bytes(size))


def test_tokens_belong_to_one_key_and_are_not_to_be_made_up(kms: Any, account: str) -> None:
    one, two = new_key(kms), new_key(kms)
    given = parameters(kms, one)
    assert given["KeyId"].endswith(one)
    request = {
        "ImportToken": given["ImportToken"],
        "EncryptedKeyMaterial": wrap(given["PublicKey"], bytes(32)),
        **FOR_EVER,
    }
    bring_ = kms.import_key_material
    refused("InvalidImportTokenException", None, bring_, KeyId=two, **request)
    broken = bytes([*given["ImportToken"][:-1], given["ImportToken"][-1] ^ 1])
    refused(
        "InvalidImportTokenException", None, bring_, KeyId=one, **{**request, "ImportToken": broken}
    )
    refused(
        "InvalidCiphertextException",
        "",
        bring_,
        KeyId=one,
        **{**request, "EncryptedKeyMaterial": b"x" * 256},
    )
    own = kms.create_key()["KeyMetadata"]["KeyId"]
    refused(
        "UnsupportedOperationException",
        f"arn:aws:kms:us-east-1:{account}:key/{own} origin is AWS_KMS which is not valid for this operation.",
        parameters,
        kms=kms,
        key=own,
    )
    refused(
        "ValidationException",
        "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES",
        bring_,
        KeyId=one,
        **{**request, "ExpirationModel": "KEY_MATERIAL_EXPIRES"},
    )
    bring_(KeyId=one, **request)


# Recorded from AWS: new material waits beside the old until it is rotated to, and only one may wait.
def test_new_material_waits_for_a_rotation(kms: Any, account: str) -> None:
    key = new_key(kms)
    arn = f"arn:aws:kms:us-east-1:{account}:key/{key}"
    new = {"ImportType": "NEW_KEY_MATERIAL"}
    one = bring(kms, key, b"1" * 32)["KeyMaterialId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    words = f"No available key material pending rotation for the key: {arn}."
    refused("KMSInvalidStateException", words, kms.rotate_key_on_demand, KeyId=key)
    two = bring(kms, key, b"2" * 32, KeyMaterialDescription="second", **new)["KeyMaterialId"]
    assert described(kms, key)["CurrentKeyMaterialId"] == one
    words = refused(
        "KMSInvalidStateException", None, bring, kms=kms, key=key, material=b"3" * 32, **new
    )
    assert words.endswith(f"another key material (id: {two}) is pending rotation.")
    everything = {"IncludeKeyMaterial": "ALL_KEY_MATERIAL"}
    listed = kms.list_key_rotations(KeyId=key, **everything)["Rotations"]
    assert [entry["KeyMaterialState"] for entry in listed] == ["CURRENT", "PENDING_ROTATION"]
    assert kms.rotate_key_on_demand(KeyId=key)["KeyId"] == arn
    assert described(kms, key)["CurrentKeyMaterialId"] == two
    assert kms.decrypt(CiphertextBlob=blob)["KeyMaterialId"] == one
    newer = kms.encrypt(KeyId=key, Plaintext=b"y")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=newer)["KeyMaterialId"] == two
    (entry,) = kms.list_key_rotations(KeyId=key)["Rotations"]
    assert (entry["RotationType"], entry["KeyMaterialDescription"]) == ("ON_DEMAND", "second")
    kms.delete_imported_key_material(KeyId=key, KeyMaterialId=one)
    assert described(kms, key)["KeyState"] == "PendingImport"
    listed = kms.list_key_rotations(KeyId=key, **everything)["Rotations"]
    assert [entry["ImportState"] for entry in listed] == ["PENDING_IMPORT", "IMPORTED"]
    bring(kms, key, b"1" * 32, KeyMaterialId=one)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
