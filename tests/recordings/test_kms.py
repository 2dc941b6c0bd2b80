"""KMS as AWS answered when it was recorded: what keys tell of themselves while material comes and goes, and what is
refused in which words."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_public_key,
)

from kms.refusals import refused

Make = Callable[..., Any]


@pytest.fixture
def kms(client: Make) -> Any:
    return client("kms")


def made(kms: Any, spec: str = "SYMMETRIC_DEFAULT", usage: str = "", **more: Any) -> Any:
    usages = {"HMAC": "GENERATE_VERIFY_MAC", "ECC_": "SIGN_VERIFY"}
    usage = usage or usages.get(spec[:4], "ENCRYPT_DECRYPT")
    return kms.create_key(KeySpec=spec, KeyUsage=usage, **more)["KeyMetadata"]


# --- imported material


class Imported(NamedTuple):
    spec: str
    algorithms: dict[str, list[str]]
    material: Callable[[], bytes]


def pair_of(curve: ec.EllipticCurve) -> Callable[[], bytes]:
    return lambda: ec.generate_private_key(curve).private_bytes(
        Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
    )


def signing(algorithm: str) -> dict[str, list[str]]:
    return {"SigningAlgorithms": [algorithm]}


def mac(algorithm: str) -> dict[str, list[str]]:
    return {"MacAlgorithms": [algorithm]}


IMPORTED = [
    Imported("ECC_NIST_P256", signing("ECDSA_SHA_256"), pair_of(ec.SECP256R1())),
    Imported("ECC_NIST_P384", signing("ECDSA_SHA_384"), pair_of(ec.SECP384R1())),
    Imported("ECC_NIST_P521", signing("ECDSA_SHA_512"), pair_of(ec.SECP521R1())),
    Imported("ECC_SECG_P256K1", signing("ECDSA_SHA_256"), pair_of(ec.SECP256K1())),
    Imported("HMAC_224", mac("HMAC_SHA_224"), lambda: os.urandom(28)),
    Imported("HMAC_256", mac("HMAC_SHA_256"), lambda: os.urandom(32)),
    Imported("HMAC_384", mac("HMAC_SHA_384"), lambda: os.urandom(48)),
    Imported("HMAC_512", mac("HMAC_SHA_512"), lambda: os.urandom(64)),
]


def take_in(kms: Any, key: str, material: bytes, **more: Any) -> Any:
    size = "RSA_3072" if len(material) > 190 else "RSA_2048"  # what such a key can wrap
    asked = {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": size}
    lent = kms.get_parameters_for_import(KeyId=key, **asked)
    public = load_der_public_key(lent["PublicKey"])
    assert isinstance(public, rsa.RSAPublicKey)
    sha = hashes.SHA256()
    wrapped = public.encrypt(material, padding.OAEP(padding.MGF1(sha), sha, label=None))
    return kms.import_key_material(
        KeyId=key,
        ImportToken=lent["ImportToken"],
        EncryptedKeyMaterial=wrapped,
        ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE",
        **more,
    )


# Keys that are not symmetric have no CurrentKeyMaterialId, neither before nor behind.
@pytest.mark.parametrize("kind", IMPORTED, ids=[kind.spec for kind in IMPORTED])
def test_a_key_tells_of_its_imported_material(kms: Any, account: str, kind: Imported) -> None:
    key = made(kms, kind.spec, Origin="EXTERNAL", Description="ours")
    waiting = {
        "AWSAccountId": account,
        "Arn": f"arn:aws:kms:us-east-1:{account}:key/{key['KeyId']}",
        "CreationDate": key["CreationDate"],
        "CustomerMasterKeySpec": kind.spec,
        "Description": "ours",
        "Enabled": False,
        "KeyId": key["KeyId"],
        "KeyManager": "CUSTOMER",
        "KeySpec": kind.spec,
        "KeyState": "PendingImport",
        "KeyUsage": "SIGN_VERIFY" if kind.spec.startswith("ECC") else "GENERATE_VERIFY_MAC",
        "MultiRegion": False,
        "Origin": "EXTERNAL",
        **kind.algorithms,
    }
    imported = {
        **waiting,
        "Enabled": True,
        "KeyState": "Enabled",
        "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
    }
    assert key == waiting
    take_in(kms, key["KeyId"], kind.material())
    assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] == imported
    kms.delete_imported_key_material(KeyId=key["KeyId"])
    assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] == waiting


def test_symmetric_material_comes_and_goes(kms: Any) -> None:
    key = made(kms, Origin="EXTERNAL")
    words = f"{key['Arn']} is pending import."
    assert "CurrentKeyMaterialId" not in key
    for call, more in ((kms.encrypt, {"Plaintext": b"x"}), (kms.rotate_key_on_demand, {})):
        refused("KMSInvalidStateException", words, call, KeyId=key["KeyId"], **more)
    first = take_in(kms, key["KeyId"], os.urandom(32))
    told = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
    assert (first["KeyId"], first["KeyMaterialId"]) == (key["Arn"], told["CurrentKeyMaterialId"])
    words = f"No available key material pending rotation for the key: {key['Arn']}."
    refused("KMSInvalidStateException", words, kms.rotate_key_on_demand, KeyId=key["KeyId"])
    kms.delete_imported_key_material(KeyId=key["KeyId"])
    left = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
    assert left["KeyState"] == "PendingImport"
    assert left["CurrentKeyMaterialId"] == first["KeyMaterialId"]


# --- refusals


class Refusal(NamedTuple):
    """`key`: of the key that the operation is asked of. `words`: "{arn}" stands for that key's ARN."""

    operation: str
    key: tuple[str, str]
    request: dict[str, Any]
    code: str
    words: str


SYMMETRIC, HMAC, SIGNER, AGREER = (
    ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"),
    ("HMAC_224", "GENERATE_VERIFY_MAC"),
    ("ECC_NIST_P256", "SIGN_VERIFY"),
    ("ECC_NIST_P256", "KEY_AGREEMENT"),
)
INVALID = "ValidationException"
USAGE = "InvalidKeyUsageException"
WRONG_USAGE = "{arn} key usage is %s which is not valid for %s."
DETECTED = "1 validation error detected: "
SIGNED = {"MessageType": "RAW", "Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"}
AGREED = {"KeyAgreementAlgorithm": "ECDH", "PublicKey": b"InvalidPublicKey"}
PARAMETERS = {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}


def tag(key: str, value: str = "value") -> dict[str, Any]:
    return {"Tags": [{"TagKey": key, "TagValue": value}]}


REFUSALS = [
    Refusal(
        "generate_mac",
        SYMMETRIC,
        {"Message": b"m", "MacAlgorithm": "HMAC_SHA_224"},
        USAGE,
        WRONG_USAGE % ("ENCRYPT_DECRYPT", "GenerateMac"),
    ),
    Refusal(
        "generate_mac",
        HMAC,
        {"Message": b"m", "MacAlgorithm": "HMAC_SHA_256"},
        USAGE,
        "Algorithm HMAC_SHA_256 is incompatible with key spec HMAC_224.",
    ),
    Refusal("sign", HMAC, SIGNED, USAGE, WRONG_USAGE % ("GENERATE_VERIFY_MAC", "Sign")),
    Refusal(
        "sign",
        SIGNER,
        {**SIGNED, "MessageType": "DIGEST"},
        INVALID,
        "Digest is invalid length for algorithm ECDSA_SHA_256.",
    ),
    Refusal(
        "verify",
        SYMMETRIC,
        {**SIGNED, "Signature": b"s"},
        USAGE,
        WRONG_USAGE % ("ENCRYPT_DECRYPT", "Verify"),
    ),
    Refusal(
        "encrypt", SIGNER, {"Plaintext": b"p"}, USAGE, WRONG_USAGE % ("SIGN_VERIFY", "Encrypt")
    ),
    Refusal(
        "encrypt",
        SYMMETRIC,
        {"Plaintext": b"p" * 4097},
        INVALID,
        DETECTED
        + "Value at 'plaintext' failed to satisfy constraint: Member must have length less than or equal to 4096",
    ),
    Refusal(
        "derive_shared_secret",
        SIGNER,
        AGREED,
        USAGE,
        WRONG_USAGE % ("SIGN_VERIFY", "DeriveSharedSecret"),
    ),
    Refusal("derive_shared_secret", AGREER, AGREED, INVALID, ""),
    Refusal(
        "get_parameters_for_import",
        SYMMETRIC,
        PARAMETERS,
        "UnsupportedOperationException",
        "{arn} origin is AWS_KMS which is not valid for this operation.",
    ),
    Refusal(
        "tag_resource",
        SYMMETRIC,
        {"Tags": [*tag("one")["Tags"], *tag("one", "more")["Tags"]]},
        "TagException",
        "Duplicate tag keys",
    ),
    Refusal(
        "tag_resource",
        SYMMETRIC,
        tag("aws:key1"),
        "TagException",
        "Tags beginning with aws: are reserved",
    ),
    Refusal(
        "generate_data_key_pair",
        SYMMETRIC,
        {"KeyPairSpec": "RSA_2048", "DryRun": True},
        "DryRunOperationException",
        "The request would have succeeded, but the DryRun option is set.",
    ),
]


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case.operation)
def test_a_key_refuses_in_these_words(kms: Any, case: Refusal) -> None:
    key = made(kms, *case.key)
    words = case.words.replace("{arn}", key["Arn"])
    call = getattr(kms, case.operation)
    refused(case.code, words, call, KeyId=key["KeyId"], **case.request)


TOO_LONG = "failed to satisfy constraint: Member must have length less than or equal to"
CREATE_KEY: list[tuple[dict[str, Any], str, str]] = [
    (
        {"KeySpec": "HMAC_256"},
        INVALID,
        "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.",
    ),
    (
        {"KeySpec": "RSA_2048", "KeyUsage": "KEY_AGREEMENT"},
        INVALID,
        "KeyUsage KEY_AGREEMENT is not compatible with KeySpec RSA_2048",
    ),
    ({"Tags": [tag(f"key{n}")["Tags"][0] for n in range(51)]}, "TagException", "Too many tags"),
    (tag("AWS:key1"), "TagException", "Tags beginning with aws: are reserved"),
    (
        tag("a" * 129),
        INVALID,
        f"{DETECTED}Value '{'a' * 129}' at 'tags.1.member.tagKey' {TOO_LONG} 128",
    ),
    (
        tag("key", "v" * 257),
        INVALID,
        f"{DETECTED}Value '{'v' * 257}' at 'tags.1.member.tagValue' {TOO_LONG} 256",
    ),
]


@pytest.mark.parametrize(("request_", "code", "words"), CREATE_KEY)
def test_a_key_is_not_made(kms: Any, request_: dict[str, Any], code: str, words: str) -> None:
    refused(code, words, kms.create_key, **request_)
    assert kms.list_keys()["Keys"] == []


def test_keys_that_nobody_has(kms: Any, account: str) -> None:
    here = f"arn:aws:kms:us-east-1:{account}:key/"
    call = kms.describe_key
    for key in ("134f2428-cec1-4b25-a1ae-9048164dba47", "mrk-d3b95762d3b95762d3b95762d3b95762"):
        words = f"Key '{here}{key}' does not exist"
        refused("NotFoundException", words, call, KeyId=key)
        refused("NotFoundException", words, call, KeyId=here + key)
    for key in ("fake-key-id", "134f2428cec14b25a1ae9048164dba47", "mrk-fake-key-id"):
        refused("NotFoundException", f"Invalid keyId '{key}'", call, KeyId=key)
    there = f"arn:aws:kms:eu-west-1:{account}:key/134f2428-cec1-4b25-a1ae-9048164dba47"
    refused("NotFoundException", "Invalid arn eu-west-1", call, KeyId=there)
