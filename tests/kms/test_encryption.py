"""Encrypting and decrypting: what comes back, what does not, and what others can do with it."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from pilvi.base.entropy import Entropy
from pilvi.services.kms import errors
from pilvi.services.kms.ciphers import symmetric

from .refusals import refused

Client = Callable[..., Any]


@pytest.fixture
def kms(client: Client) -> Any:
    return client("kms")


def new_key(kms: Any, **request: Any) -> str:
    return kms.create_key(**request)["KeyMetadata"]["KeyId"]


def test_what_is_encrypted_decrypts_without_naming_the_key(kms: Any, account: str) -> None:
    key = new_key(kms)
    sent = kms.encrypt(KeyId=key, Plaintext=b"attack at dawn")
    arn = f"arn:aws:kms:us-east-1:{account}:key/{key}"
    assert (sent["KeyId"], sent["EncryptionAlgorithm"]) == (arn, "SYMMETRIC_DEFAULT")
    assert b"dawn" not in sent["CiphertextBlob"]
    back = kms.decrypt(CiphertextBlob=sent["CiphertextBlob"])
    assert (back["Plaintext"], back["KeyId"]) == (b"attack at dawn", arn)
    current = kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    assert back["KeyMaterialId"] == current


def test_the_context_is_part_of_the_ciphertext(kms: Any) -> None:
    context = {"bucket": "b", "kéy": "ü"}
    sent = kms.encrypt(KeyId=new_key(kms), Plaintext=b"x", EncryptionContext=context)
    blob = sent["CiphertextBlob"]
    reordered = dict(reversed(context.items()))
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=reordered)["Plaintext"] == b"x"
    for wrong in (
        {},
        {"bucket": "b"},
        {**context, "more": "m"},
        {"bucket": "B", "kéy": "ü"},
        {"b": "bucket", "kéy": "ü"},
    ):
        call = kms.decrypt
        refused(
            "InvalidCiphertextException", "", call, CiphertextBlob=blob, EncryptionContext=wrong
        )


def test_two_keys_are_not_one(kms: Any) -> None:
    one, two = new_key(kms), new_key(kms)
    blob = kms.encrypt(KeyId=one, Plaintext=b"x")["CiphertextBlob"]
    refused(
        "IncorrectKeyException",
        "The key ID in the request does not identify a CMK that can perform this operation.",
        kms.decrypt,
        CiphertextBlob=blob,
        KeyId=two,
    )
    assert kms.decrypt(CiphertextBlob=blob, KeyId=one)["Plaintext"] == b"x"


def test_every_byte_of_a_ciphertext_matters(kms: Any) -> None:
    blob = kms.encrypt(KeyId=new_key(kms), Plaintext=b"x")["CiphertextBlob"]
    for at in range(0, len(blob), 3):
        changed = bytearray(blob)
        changed[at] ^= 1
        code = (
            "AccessDeniedException"  # it names another account or key: nobody tells more
            if 5 <= at < 17 or 18 <= at < 34
            else "InvalidCiphertextException"
        )
        if chr(changed[at]).isdigit() or not 5 <= at < 17:
            refused(code, None, kms.decrypt, CiphertextBlob=bytes(changed))
    for cut in (1, 50, len(blob) - 1):
        refused("InvalidCiphertextException", "", kms.decrypt, CiphertextBlob=blob[:cut])
    refused("InvalidCiphertextException", "", kms.decrypt, CiphertextBlob=blob + b"\x00")


def test_plaintexts_have_a_limit(kms: Any) -> None:
    key = new_key(kms)
    blob = kms.encrypt(KeyId=key, Plaintext=b"p" * 4096)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"p" * 4096
    refused("ValidationException", None, kms.encrypt, KeyId=key, Plaintext=b"p" * 4097)


def test_ciphertexts_are_re_encrypted_under_another_key_and_context(kms: Any) -> None:
    one, two = new_key(kms), new_key(kms)
    blob = kms.encrypt(KeyId=one, Plaintext=b"x", EncryptionContext={"a": "1"})["CiphertextBlob"]
    moved = kms.re_encrypt(
        CiphertextBlob=blob,
        SourceEncryptionContext={"a": "1"},
        DestinationKeyId=two,
        DestinationEncryptionContext={"b": "2"},
    )
    assert (moved["SourceKeyId"][-36:], moved["KeyId"][-36:]) == (one, two)
    back = kms.decrypt(CiphertextBlob=moved["CiphertextBlob"], EncryptionContext={"b": "2"})
    assert back["Plaintext"] == b"x"
    refused(
        "IncorrectKeyException",
        None,
        kms.re_encrypt,
        CiphertextBlob=blob,
        SourceEncryptionContext={"a": "1"},
        SourceKeyId=two,
        DestinationKeyId=two,
    )


@pytest.mark.parametrize(
    ("spec", "algorithm", "digest", "most"),
    [
        ("RSA_2048", "RSAES_OAEP_SHA_1", hashes.SHA1, 214),
        ("RSA_2048", "RSAES_OAEP_SHA_256", hashes.SHA256, 190),
        ("RSA_3072", "RSAES_OAEP_SHA_256", hashes.SHA256, 318),
    ],
)
def test_rsa_decrypts_what_anyone_encrypts_with_its_public_key(
    kms: Any, spec: str, algorithm: str, digest: type[hashes.HashAlgorithm], most: int
) -> None:
    key = new_key(kms, KeySpec=spec, KeyUsage="ENCRYPT_DECRYPT")
    told = kms.get_public_key(KeyId=key)
    assert (told["KeySpec"], told["KeyUsage"]) == (spec, "ENCRYPT_DECRYPT")
    public = load_der_public_key(told["PublicKey"])
    assert isinstance(public, rsa.RSAPublicKey)
    outside = public.encrypt(b"from outside", padding.OAEP(padding.MGF1(digest()), digest(), None))
    named = {"KeyId": key, "EncryptionAlgorithm": algorithm}
    assert kms.decrypt(CiphertextBlob=outside, **named)["Plaintext"] == b"from outside"
    blob = kms.encrypt(Plaintext=b"p" * most, **named)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob, **named)["Plaintext"] == b"p" * most
    refused(
        "ValidationException",
        f"Algorithm {algorithm} and key spec {spec} cannot encrypt data larger than {most} bytes.",
        kms.encrypt,
        Plaintext=b"p" * (most + 1),
        **named,
    )
    broken = bytes([*outside[:-1], outside[-1] ^ 1])
    refused("InvalidCiphertextException", "", kms.decrypt, CiphertextBlob=broken, **named)
    moved = kms.re_encrypt(
        CiphertextBlob=blob,
        SourceKeyId=key,
        SourceEncryptionAlgorithm=algorithm,
        DestinationKeyId=new_key(kms),
    )
    assert kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])["Plaintext"] == b"p" * most
    context = {"a": "b"}
    refused(
        "ValidationException", None, kms.encrypt, Plaintext=b"x", EncryptionContext=context, **named
    )


def test_keys_are_used_for_what_they_are_for(kms: Any, account: str) -> None:
    plain = new_key(kms)
    pair = new_key(kms, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    arn = f"arn:aws:kms:us-east-1:{account}:key/"
    blob = kms.encrypt(KeyId=plain, Plaintext=b"x")["CiphertextBlob"]
    refused(
        "InvalidKeyUsageException",
        f"{arn}{pair} key usage is SIGN_VERIFY which is not valid for Encrypt.",
        kms.encrypt,
        KeyId=pair,
        Plaintext=b"x",
    )
    refused("IncorrectKeyException", None, kms.decrypt, KeyId=pair, CiphertextBlob=blob)
    refused(
        "InvalidKeyUsageException",
        "Algorithm RSAES_OAEP_SHA_256 is incompatible with key spec SYMMETRIC_DEFAULT.",
        kms.encrypt,
        KeyId=plain,
        Plaintext=b"x",
        EncryptionAlgorithm="RSAES_OAEP_SHA_256",
    )
    refused("UnsupportedOperationException", None, kms.get_public_key, KeyId=plain)


# --- data keys


def test_data_keys_decrypt_to_what_they_were(kms: Any) -> None:
    key, context = new_key(kms), {"for": "object"}
    for request, size in (
        ({"KeySpec": "AES_256"}, 32),
        ({"KeySpec": "AES_128"}, 16),
        ({"NumberOfBytes": 1024}, 1024),
    ):
        made = kms.generate_data_key(KeyId=key, EncryptionContext=context, **request)
        assert len(made["Plaintext"]) == size
        back = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=context)
        assert back["Plaintext"] == made["Plaintext"]
        assert back["KeyMaterialId"] == made["KeyMaterialId"]
        refused(
            "InvalidCiphertextException", "", kms.decrypt, CiphertextBlob=made["CiphertextBlob"]
        )
    shy = kms.generate_data_key_without_plaintext(KeyId=key, KeySpec="AES_256")
    assert "Plaintext" not in shy
    assert len(kms.decrypt(CiphertextBlob=shy["CiphertextBlob"])["Plaintext"]) == 32
    both = {"KeySpec": "AES_256", "NumberOfBytes": 32}
    for wrong in ({}, both):
        refused("ValidationException", None, kms.generate_data_key, KeyId=key, **wrong)


@pytest.mark.parametrize(
    "spec",
    [
        *("RSA_2048", "ECC_NIST_P256", "ECC_NIST_P521", "ECC_SECG_P256K1"),
        *("ECC_NIST_EDWARDS25519", "ML_KEM_768"),
    ],
)
def test_data_key_pairs_are_pairs(kms: Any, spec: str) -> None:
    key, context = new_key(kms), {"for": "pair"}
    request = {"KeyId": key, "KeyPairSpec": spec, "EncryptionContext": context}
    made = kms.generate_data_key_pair(**request)
    private: Any = load_der_private_key(made["PrivateKeyPlaintext"], None)
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert (made["PublicKey"], made["KeyPairSpec"]) == (public, spec)
    blob = made["PrivateKeyCiphertextBlob"]
    back = kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"]
    assert back == made["PrivateKeyPlaintext"]
    refused("InvalidCiphertextException", "", kms.decrypt, CiphertextBlob=blob)
    shy = kms.generate_data_key_pair_without_plaintext(**request)
    assert "PrivateKeyPlaintext" not in shy
    assert shy["PublicKey"] != public


def test_a_dry_run_gives_nothing_away(kms: Any) -> None:
    key = new_key(kms)
    words = "The request would have succeeded, but the DryRun option is set."
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    dry = {"DryRun": True}
    for call, request in (
        (kms.encrypt, {"KeyId": key, "Plaintext": b"x"}),
        (kms.decrypt, {"CiphertextBlob": blob}),
        (kms.re_encrypt, {"CiphertextBlob": blob, "DestinationKeyId": key}),
        (kms.generate_data_key, {"KeyId": key, "KeySpec": "AES_256"}),
        (kms.generate_data_key_pair, {"KeyId": key, "KeyPairSpec": "ECC_NIST_P256"}),
    ):
        refused("DryRunOperationException", words, call, **request, **dry)
    refused("InvalidCiphertextException", "", kms.decrypt, CiphertextBlob=blob + b"x", **dry)


def test_random_bytes(kms: Any) -> None:
    one, two = (kms.generate_random(NumberOfBytes=1024)["Plaintext"] for _ in range(2))
    assert len(one) == 1024
    assert one != two
    refused("ValidationException", "NumberOfBytes is required.", kms.generate_random)
    for size in (0, 1025):
        refused("ValidationException", None, kms.generate_random, NumberOfBytes=size)


# --- the ciphertext itself

MADE = symmetric.Made("111122223333", "1234abcd-12ab-34cd-56ef-1234567890ab", "5a" * 32)
SECRET = bytes(range(32))


# Written once more, from the description of the format alone: what others must be able to rely on.
def test_the_format_is_what_it_is_said_to_be() -> None:
    blob = symmetric.encrypt(SECRET, MADE, b"plain", {"b": "2", "a": "1"}, Entropy(seed=7))
    assert blob[:5] == b"PKMS\x01"
    assert blob[5:17] == b"111122223333"
    assert blob[17:34] == b"k" + bytes.fromhex("1234abcd12ab34cd56ef1234567890ab")
    assert blob[34:66] == b"\x5a" * 32
    salt, nonce, sealed = blob[66:82], blob[82:94], blob[94:]
    message_key = hmac.digest(
        SECRET, b"\x00\x00\x00\x01pilvi kms\x00" + salt + b"\x00\x00\x01\x00", "sha256"
    )
    context = b"\x00\x00\x00\x01a\x00\x00\x00\x011\x00\x00\x00\x01b\x00\x00\x00\x012"
    assert AESGCM(message_key).decrypt(nonce, sealed, blob[:94] + context) == b"plain"


texts = st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4)


@settings(max_examples=50)
@given(st.binary(max_size=64), texts, texts)
def test_a_ciphertext_opens_with_its_context_and_no_other(
    plaintext: bytes, context: dict[str, str], other: dict[str, str]
) -> None:
    blob = symmetric.encrypt(SECRET, MADE, plaintext, context, Entropy())
    assert symmetric.read(blob) == MADE
    assert symmetric.decrypt(SECRET, blob, context) == plaintext
    if other != context:
        with pytest.raises(errors.InvalidCiphertextException):
            symmetric.decrypt(SECRET, blob, other)


@given(st.binary(max_size=200))
def test_anything_at_all_is_read_or_refused(blob: bytes) -> None:
    for candidate in (blob, b"PKMS\x01" + blob):
        try:
            symmetric.read(candidate)
        except errors.InvalidCiphertextException:
            continue
