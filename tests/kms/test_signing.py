"""Signatures, MACs and agreement, verified from outside."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, mldsa, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from pilvi.services.kms.ciphers import pairs

from .refusals import refused

Client = Callable[..., Any]
HASHES = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}


@pytest.fixture
def kms(client: Client) -> Any:
    return client("kms")


def new_key(kms: Any, spec: str, usage: str) -> str:
    return kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["KeyId"]


def verify_outside(public: bytes, algorithm: str, message: bytes, signature: bytes) -> None:
    """With the public key alone, as somebody else would; raises when it is wrong."""
    key, digest = load_der_public_key(public), HASHES[algorithm[-3:]]()
    if isinstance(key, rsa.RSAPublicKey):
        if "PSS" in algorithm:
            scheme = padding.PSS(padding.MGF1(digest), digest.digest_size)
            key.verify(signature, message, scheme, digest)
        else:
            key.verify(signature, message, padding.PKCS1v15(), digest)
    else:
        assert isinstance(key, ec.EllipticCurvePublicKey)
        key.verify(signature, message, ec.ECDSA(digest))


@pytest.mark.parametrize(
    ("spec", "algorithms"),
    [
        (
            "RSA_2048",
            [f"RSASSA_{kind}_SHA_{n}" for kind in ("PSS", "PKCS1_V1_5") for n in (256, 384, 512)],
        ),
        ("ECC_NIST_P256", ["ECDSA_SHA_256"]),
        ("ECC_NIST_P384", ["ECDSA_SHA_384"]),
        ("ECC_NIST_P521", ["ECDSA_SHA_512"]),
        ("ECC_SECG_P256K1", ["ECDSA_SHA_256"]),
    ],
)
def test_signatures_hold_outside_and_inside(
    kms: Any, account: str, spec: str, algorithms: list[str]
) -> None:
    key = new_key(kms, spec, "SIGN_VERIFY")
    arn = f"arn:aws:kms:us-east-1:{account}:key/{key}"
    public = kms.get_public_key(KeyId=key)["PublicKey"]
    message = b"the quick brown fox" * 50
    for algorithm in algorithms:
        digest = hashlib.new(f"sha{algorithm[-3:]}", message).digest()
        raw = {"KeyId": key, "Message": message, "SigningAlgorithm": algorithm}
        hashed = {**raw, "Message": digest, "MessageType": "DIGEST"}
        for request in (raw, hashed):
            told = kms.sign(**request)
            assert (told["KeyId"], told["SigningAlgorithm"]) == (arn, algorithm)
            verify_outside(public, algorithm, message, told["Signature"])
            for other in (raw, hashed):
                assert kms.verify(**other, Signature=told["Signature"])["SignatureValid"] is True
        signature = kms.sign(**raw)["Signature"]
        refused(
            "ValidationException",
            f"Digest is invalid length for algorithm {algorithm}.",
            kms.sign,
            **{**hashed, "Message": digest[:-1]},
        )
        other = {**raw, "Message": message + b"!"}
        refused("KMSInvalidSignatureException", "", kms.verify, **other, Signature=signature)
        wrong = bytes([*signature[:-1], signature[-1] ^ 1])
        refused("KMSInvalidSignatureException", "", kms.verify, **raw, Signature=wrong)
        refused("KMSInvalidSignatureException", "", kms.verify, **raw, Signature=b"nonsense")
    refused(
        "InvalidKeyUsageException",
        f"Algorithm {'ECDSA_SHA_384' if spec != 'ECC_NIST_P384' else 'ECDSA_SHA_256'} is incompatible"
        f" with key spec {spec}.",
        kms.sign,
        KeyId=key,
        Message=message,
        SigningAlgorithm="ECDSA_SHA_384" if spec != "ECC_NIST_P384" else "ECDSA_SHA_256",
    )


@pytest.mark.parametrize("size", [224, 256, 384, 512])
def test_macs(kms: Any, size: int) -> None:
    key = new_key(kms, f"HMAC_{size}", "GENERATE_VERIFY_MAC")
    request = {"KeyId": key, "Message": b"important", "MacAlgorithm": f"HMAC_SHA_{size}"}
    mac = kms.generate_mac(**request)["Mac"]
    assert len(mac) == size // 8
    assert kms.verify_mac(**request, Mac=mac)["MacValid"] is True
    other = {**request, "Message": b"unimportant"}
    refused("KMSInvalidMacException", "", kms.verify_mac, **other, Mac=mac)
    wrong = "HMAC_SHA_256" if size != 256 else "HMAC_SHA_512"
    refused(
        "InvalidKeyUsageException",
        f"Algorithm {wrong} is incompatible with key spec HMAC_{size}.",
        kms.generate_mac,
        **{**request, "MacAlgorithm": wrong},
    )
    dry = {**request, "DryRun": True}
    refused("DryRunOperationException", None, kms.generate_mac, **dry)


def test_usages_are_not_mixed(kms: Any, account: str) -> None:
    arn = f"arn:aws:kms:us-east-1:{account}:key/"
    plain = kms.create_key()["KeyMetadata"]["KeyId"]
    mac = new_key(kms, "HMAC_256", "GENERATE_VERIFY_MAC")
    refused(
        "InvalidKeyUsageException",
        f"{arn}{plain} key usage is ENCRYPT_DECRYPT which is not valid for GenerateMac.",
        kms.generate_mac,
        KeyId=plain,
        Message=b"x",
        MacAlgorithm="HMAC_SHA_256",
    )
    refused(
        "InvalidKeyUsageException",
        f"{arn}{mac} key usage is GENERATE_VERIFY_MAC which is not valid for Sign.",
        kms.sign,
        KeyId=mac,
        Message=b"x",
        SigningAlgorithm="ECDSA_SHA_256",
    )
    refused(
        "InvalidKeyUsageException",
        f"{arn}{plain} key usage is ENCRYPT_DECRYPT which is not valid for Verify.",
        kms.verify,
        KeyId=plain,
        Message=b"x",
        Signature=b"x",
        SigningAlgorithm="ECDSA_SHA_256",
    )
    pair = new_key(kms, "ECC_NIST_P256", "SIGN_VERIFY")
    refused(
        "ValidationException",
        "MessageType EXTERNAL_MU is not valid for algorithm ECDSA_SHA_256.",
        kms.sign,
        KeyId=pair,
        Message=b"x" * 64,
        MessageType="EXTERNAL_MU",
        SigningAlgorithm="ECDSA_SHA_256",
    )


@pytest.mark.parametrize(
    ("spec", "curve"),
    [
        ("ECC_NIST_P256", ec.SECP256R1()),
        ("ECC_NIST_P384", ec.SECP384R1()),
        ("ECC_NIST_P521", ec.SECP521R1()),
    ],
)
def test_two_sides_agree(kms: Any, spec: str, curve: ec.EllipticCurve) -> None:
    key = new_key(kms, spec, "KEY_AGREEMENT")
    ours = load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
    assert isinstance(ours, ec.EllipticCurvePublicKey)
    theirs = ec.generate_private_key(curve)
    public = theirs.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    request = {"KeyId": key, "KeyAgreementAlgorithm": "ECDH"}
    told = kms.derive_shared_secret(**request, PublicKey=public)
    assert told["SharedSecret"] == theirs.exchange(ec.ECDH(), ours)
    assert (told["KeyAgreementAlgorithm"], told["KeyOrigin"]) == ("ECDH", "AWS_KMS")
    refused("ValidationException", "", kms.derive_shared_secret, **request, PublicKey=b"x" * 80)
    stranger = ec.generate_private_key(ec.SECP256K1()).public_key()
    other = stranger.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    refused("ValidationException", "", kms.derive_shared_secret, **request, PublicKey=other)


# RFC 6979, A.2.5: this signature over "sample" holds under that key.
def test_a_known_signature() -> None:
    numbers = ec.EllipticCurvePublicNumbers(
        0x60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6,
        0x7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299,
        ec.SECP256R1(),
    )
    public = numbers.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    r = bytes.fromhex("EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716")
    s = bytes.fromhex("F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8")
    signature = bytes([0x30, 70, 2, 33, 0, *r, 2, 33, 0, *s])
    assert pairs.verify(public, "ECDSA_SHA_256", b"sample", signature, pairs.RAW)
    assert not pairs.verify(public, "ECDSA_SHA_256", b"simple", signature, pairs.RAW)


@pytest.mark.parametrize(
    ("spec", "algorithm"),
    [
        ("ECC_NIST_EDWARDS25519", "ED25519_SHA_512"),
        ("ML_DSA_44", "ML_DSA_SHAKE_256"),
        ("ML_DSA_65", "ML_DSA_SHAKE_256"),
        ("ML_DSA_87", "ML_DSA_SHAKE_256"),
    ],
)
def test_signatures_without_a_digest_of_their_own(kms: Any, spec: str, algorithm: str) -> None:
    key = new_key(kms, spec, "SIGN_VERIFY")
    told = kms.get_public_key(KeyId=key)
    assert (told["KeySpec"], told["SigningAlgorithms"]) == (spec, [algorithm])
    raw = {"KeyId": key, "Message": b"the quick brown fox", "SigningAlgorithm": algorithm}
    signature = kms.sign(**raw)["Signature"]
    public: Any = load_der_public_key(told["PublicKey"])
    public.verify(signature, raw["Message"])
    assert kms.verify(**raw, Signature=signature)["SignatureValid"] is True
    wrong = bytes([signature[0] ^ 1, *signature[1:]])
    for bad in (wrong, b"nonsense"):
        refused("KMSInvalidSignatureException", "", kms.verify, **raw, Signature=bad)
    other = {**raw, "Message": b"another"}
    refused("KMSInvalidSignatureException", "", kms.verify, **other, Signature=signature)
    digest = {**raw, "Message": b"d" * 64, "MessageType": "DIGEST"}
    refused("ValidationException", None, kms.sign, **digest)
    represented = {**raw, "MessageType": "EXTERNAL_MU"}
    refused("ValidationException", None, kms.sign, **represented)
    if algorithm.startswith("ML_DSA"):
        hasher = mldsa.MLDSAMuHasher(public)
        hasher.update(raw["Message"])
        represented["Message"] = hasher.finalize()
        signed = kms.sign(**represented)["Signature"]
        assert kms.verify(**raw, Signature=signed)["SignatureValid"] is True
        assert kms.verify(**represented, Signature=signature)["SignatureValid"] is True
    else:
        prehashed = {**digest, "SigningAlgorithm": "ED25519_PH_SHA_512"}
        refused("NotImplemented", None, kms.sign, **prehashed)


# FIPS 203: whatever is decapsulated gives a secret, of which only the two sides know whether it is shared.
@pytest.mark.parametrize("spec", ["ML_KEM_768", "ML_KEM_1024"])
def test_secrets_are_encapsulated(kms: Any, spec: str) -> None:
    key = new_key(kms, spec, "ENCAPSULATE_DECAPSULATE")
    asked = {"KeyId": key, "EncapsulationAlgorithm": "ML_KEM"}
    made = kms.encapsulate(**asked)
    opened = kms.decapsulate(**asked, SharedSecretCiphertextBlob=made["SharedSecretCiphertextBlob"])
    assert opened["SharedSecret"] == made["SharedSecret"]
    assert len(opened["SharedSecret"]) == 32
    told = kms.get_public_key(KeyId=key)
    assert told["EncapsulationAlgorithms"] == ["ML_KEM"]
    public: Any = load_der_public_key(told["PublicKey"])
    secret, wrapped = public.encapsulate()
    assert kms.decapsulate(**asked, SharedSecretCiphertextBlob=wrapped)["SharedSecret"] == secret
    wrong = bytes([wrapped[0] ^ 1, *wrapped[1:]])
    other = kms.decapsulate(**asked, SharedSecretCiphertextBlob=wrong)["SharedSecret"]
    assert (len(other), other == secret) == (32, False)
    short = {**asked, "SharedSecretCiphertextBlob": wrapped[:-1]}
    refused("InvalidCiphertextException", "", kms.decapsulate, **short)
    refused("DryRunOperationException", None, kms.encapsulate, **asked, DryRun=True)
    agreeing = new_key(kms, "ECC_NIST_P256", "KEY_AGREEMENT")
    refused("InvalidKeyUsageException", None, kms.encapsulate, **{**asked, "KeyId": agreeing})
    refused(
        "NotImplemented",
        None,
        kms.create_key,
        KeySpec=spec,
        KeyUsage="ENCAPSULATE_DECAPSULATE",
        Origin="EXTERNAL",
    )
