"""Signatures, MACs and agreement: what pairs and HMAC keys do."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from pilvi.kit.call import Call
from pilvi.services.kms import errors
from pilvi.services.kms.ciphers import pairs
from pilvi.services.kms.keyring import Keyring
from pilvi.services.kms.operations.dry_runs import end_dry_run
from pilvi.services.kms.records import Key
from pilvi.services.kms.rules import specs, states
from pilvi.services.kms.rules.specs import AGREE, ENCAPSULATE, MAC, SIGN
from pilvi.services.kms.service import kms
from pilvi.services.kms.wire import (
    DecapsulateRequest,
    DecapsulateResponse,
    DeriveSharedSecretRequest,
    DeriveSharedSecretResponse,
    EncapsulateRequest,
    EncapsulateResponse,
    GenerateMacRequest,
    GenerateMacResponse,
    GetPublicKeyRequest,
    GetPublicKeyResponse,
    SignRequest,
    SignResponse,
    VerifyMacRequest,
    VerifyMacResponse,
    VerifyRequest,
    VerifyResponse,
)
from pilvi.store.api import Snapshot


@kms.read("Sign")
def sign(call: Call, at: Snapshot, req: SignRequest) -> SignResponse:
    """Sign a message of at most 4096 bytes, or a digest.

    Raises: NotFoundException, InvalidKeyUsageException, DisabledException, KMSInvalidStateException,
        ValidationException, DryRunOperationException, NotBuilt (Ed25519 of a digest). AWS: Sign.
    """
    ring = Keyring.of(call)
    key, algorithm, kind = _signing(ring, at, req, "Sign")
    _, private = ring.current(at, key)
    signature = pairs.sign(private, algorithm, req["Message"], kind)
    end_dry_run(req)
    return {"KeyId": key.arn, "Signature": signature, "SigningAlgorithm": algorithm}


@kms.read("Verify")
def verify(call: Call, at: Snapshot, req: VerifyRequest) -> VerifyResponse:
    """Raises: KMSInvalidSignatureException, and as Sign. AWS: Verify."""
    ring = Keyring.of(call)
    key, algorithm, kind = _signing(ring, at, req, "Verify")
    assert key.public_key is not None, key.arn
    message, signature = req["Message"], req["Signature"]
    if not pairs.verify(key.public_key, algorithm, message, signature, kind):
        raise errors.KMSInvalidSignatureException
    end_dry_run(req)
    return {"KeyId": key.arn, "SignatureValid": True, "SigningAlgorithm": algorithm}


def _signing(
    ring: Keyring, at: Snapshot, req: Mapping[str, Any], operation: str
) -> tuple[Key, str, str]:
    """The key, the algorithm, and what the message is."""
    key = ring.get_usable(at, req["KeyId"], operation, SIGN)
    algorithm = req["SigningAlgorithm"]
    specs.check_algorithm(key.spec, key.usage, algorithm)
    kind: str = req.get("MessageType", pairs.RAW)
    specs.check_message(algorithm, kind, len(req["Message"]))
    return key, algorithm, kind


@kms.read("GetPublicKey")
def get_public_key(call: Call, at: Snapshot, req: GetPublicKeyRequest) -> GetPublicKeyResponse:
    """The public half of a pair, as a DER-encoded SubjectPublicKeyInfo.

    Raises: NotFoundException, UnsupportedOperationException, DisabledException, KMSInvalidStateException.
    AWS: GetPublicKey.
    """
    ring = Keyring.of(call)
    key = ring.get(at, req["KeyId"], "GetPublicKey")
    if not specs.SPECS[key.spec].is_pair:
        raise errors.UnsupportedOperationException(
            detail=f"{key.arn} key spec is {key.spec} which is not valid for GetPublicKey."
        )
    ring.require(key, states.USABLE)
    assert key.public_key is not None, key.arn
    answer: Any = {
        "KeyId": key.arn,
        "PublicKey": key.public_key,
        "CustomerMasterKeySpec": key.spec,
        "KeySpec": key.spec,
        "KeyUsage": key.usage,
        **specs.algorithms_of(key.spec, key.usage),
    }
    return answer


@kms.read("GenerateMac")
def generate_mac(call: Call, at: Snapshot, req: GenerateMacRequest) -> GenerateMacResponse:
    """Raises: NotFoundException, InvalidKeyUsageException, DisabledException, KMSInvalidStateException,
    DryRunOperationException. AWS: GenerateMac.
    """
    key, mac = _mac(call, at, req, "GenerateMac")
    end_dry_run(req)
    return {"Mac": mac, "MacAlgorithm": req["MacAlgorithm"], "KeyId": key.arn}


@kms.read("VerifyMac")
def verify_mac(call: Call, at: Snapshot, req: VerifyMacRequest) -> VerifyMacResponse:
    """Raises: KMSInvalidMacException, and as GenerateMac. AWS: VerifyMac."""
    key, mac = _mac(call, at, req, "VerifyMac")
    if not hmac.compare_digest(mac, req["Mac"]):
        raise errors.KMSInvalidMacException
    end_dry_run(req)
    return {"KeyId": key.arn, "MacValid": True, "MacAlgorithm": req["MacAlgorithm"]}


def _mac(call: Call, at: Snapshot, req: Mapping[str, Any], operation: str) -> tuple[Key, bytes]:
    ring = Keyring.of(call)
    key = ring.get_usable(at, req["KeyId"], operation, MAC)
    algorithm: str = req["MacAlgorithm"]
    specs.check_algorithm(key.spec, key.usage, algorithm)
    _, secret = ring.current(at, key)
    return key, hmac.digest(secret, req["Message"], f"sha{algorithm.rpartition('_')[2]}")


@kms.read("Encapsulate")
def encapsulate(call: Call, at: Snapshot, req: EncapsulateRequest) -> EncapsulateResponse:
    """A new secret that is shared with whoever holds the private key, and the form in which it goes there.

    Raises: NotFoundException, InvalidKeyUsageException, DisabledException, KMSInvalidStateException,
        DryRunOperationException. AWS: Encapsulate.
    """
    key = Keyring.of(call).get_usable(at, req["KeyId"], "Encapsulate", ENCAPSULATE)
    assert key.public_key is not None, key.arn
    secret, wrapped = pairs.encapsulate(key.public_key)
    end_dry_run(req)
    return {
        "KeyId": key.arn,
        "SharedSecret": secret,
        "SharedSecretCiphertextBlob": wrapped,
        "EncapsulationAlgorithm": req["EncapsulationAlgorithm"],
    }


@kms.read("Decapsulate")
def decapsulate(call: Call, at: Snapshot, req: DecapsulateRequest) -> DecapsulateResponse:
    """Raises: InvalidCiphertextException, and as Encapsulate. AWS: Decapsulate."""
    ring = Keyring.of(call)
    key = ring.get_usable(at, req["KeyId"], "Decapsulate", ENCAPSULATE)
    _, private = ring.current(at, key)
    secret = pairs.decapsulate(private, req["SharedSecretCiphertextBlob"])
    end_dry_run(req)
    return {
        "KeyId": key.arn,
        "SharedSecret": secret,
        "EncapsulationAlgorithm": req["EncapsulationAlgorithm"],
    }


@kms.read("DeriveSharedSecret")
def derive_shared_secret(
    call: Call, at: Snapshot, req: DeriveSharedSecretRequest
) -> DeriveSharedSecretResponse:
    """The raw secret that this key and another's public key on the same curve share.

    Raises: NotFoundException, InvalidKeyUsageException, ValidationException (no such public key),
        DisabledException, KMSInvalidStateException, DryRunOperationException. AWS: DeriveSharedSecret.
    """
    ring = Keyring.of(call)
    key = ring.get_usable(at, req["KeyId"], "DeriveSharedSecret", AGREE)
    _, private = ring.current(at, key)
    try:
        shared = pairs.agree(private, req["PublicKey"])
    except pairs.Unfit:
        raise errors.ValidationException(detail="") from None
    end_dry_run(req)
    return {
        "KeyId": key.arn,
        "SharedSecret": shared,
        "KeyAgreementAlgorithm": req["KeyAgreementAlgorithm"],
        "KeyOrigin": key.origin,
    }
