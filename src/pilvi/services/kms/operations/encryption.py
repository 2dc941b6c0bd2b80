"""Encrypt, decrypt, and encrypt anew under another key."""

from __future__ import annotations

from collections.abc import Mapping

from pilvi.kit.call import Call
from pilvi.services.kms import errors
from pilvi.services.kms.ciphers import pairs
from pilvi.services.kms.keyring import Keyring
from pilvi.services.kms.operations.dry_runs import end_dry_run
from pilvi.services.kms.records import Key
from pilvi.services.kms.rules.specs import ENCRYPT, SYMMETRIC, check_algorithm
from pilvi.services.kms.service import kms
from pilvi.services.kms.wire import (
    DecryptRequest,
    DecryptResponse,
    EncryptRequest,
    EncryptResponse,
    ReEncryptRequest,
    ReEncryptResponse,
)
from pilvi.store.api import Snapshot


@kms.read("Encrypt")
def encrypt(call: Call, at: Snapshot, req: EncryptRequest) -> EncryptResponse:
    """Encrypt at most 4096 bytes: with AES-256-GCM and the encryption context, or with RSA.

    Raises: NotFoundException, InvalidKeyUsageException, DisabledException, KMSInvalidStateException,
        ValidationException, DryRunOperationException. AWS: Encrypt.
    """
    ring = Keyring.of(call)
    key = ring.get_usable(at, req["KeyId"], "Encrypt", ENCRYPT)
    algorithm = req.get("EncryptionAlgorithm", SYMMETRIC)
    context = _texts(req.get("EncryptionContext"))
    blob = _encrypt(at, ring, key, algorithm, req["Plaintext"], context)
    end_dry_run(req)
    return {"CiphertextBlob": blob, "KeyId": key.arn, "EncryptionAlgorithm": algorithm}


@kms.read("Decrypt")
def decrypt(call: Call, at: Snapshot, req: DecryptRequest) -> DecryptResponse:
    """Decrypt what a key encrypted; a symmetric ciphertext itself says which key that was.

    Raises: InvalidCiphertextException, IncorrectKeyException, NotFoundException, InvalidKeyUsageException,
        DisabledException, KMSInvalidStateException, AccessDeniedException, DryRunOperationException.
    AWS: Decrypt.
    """
    ring = Keyring.of(call)
    algorithm = req.get("EncryptionAlgorithm", SYMMETRIC)
    context = _texts(req.get("EncryptionContext"))
    _check_context(algorithm, context)
    opened = ring.decrypt(
        at,
        _blob(req.get("CiphertextBlob")),
        context,
        text=req.get("KeyId"),
        algorithm=algorithm,
        operation="Decrypt",
    )
    end_dry_run(req)
    answer: DecryptResponse = {
        "KeyId": opened.key.arn,
        "Plaintext": opened.plaintext,
        "EncryptionAlgorithm": algorithm,
    }
    if opened.material_id is not None:
        answer["KeyMaterialId"] = opened.material_id
    return answer


@kms.read("ReEncrypt")
def re_encrypt(call: Call, at: Snapshot, req: ReEncryptRequest) -> ReEncryptResponse:
    """Decrypt and encrypt under another key or context; the plaintext never leaves.

    Raises: as Decrypt and Encrypt. AWS: ReEncrypt.
    """
    ring = Keyring.of(call)
    source_algorithm = req.get("SourceEncryptionAlgorithm", SYMMETRIC)
    algorithm = req.get("DestinationEncryptionAlgorithm", SYMMETRIC)
    source_context = _texts(req.get("SourceEncryptionContext"))
    _check_context(source_algorithm, source_context)
    context = _texts(req.get("DestinationEncryptionContext"))
    opened = ring.decrypt(
        at,
        _blob(req.get("CiphertextBlob")),
        source_context,
        text=req.get("SourceKeyId"),
        algorithm=source_algorithm,
        operation="ReEncryptFrom",
    )
    key = ring.get_usable(at, req["DestinationKeyId"], "ReEncryptTo", ENCRYPT)
    blob = _encrypt(at, ring, key, algorithm, opened.plaintext, context)
    end_dry_run(req)
    answer: ReEncryptResponse = {
        "CiphertextBlob": blob,
        "SourceKeyId": opened.key.arn,
        "KeyId": key.arn,
        "SourceEncryptionAlgorithm": source_algorithm,
        "DestinationEncryptionAlgorithm": algorithm,
    }
    if opened.material_id is not None:
        answer["SourceKeyMaterialId"] = opened.material_id
    if key.spec == SYMMETRIC and key.material_id is not None:
        answer["DestinationKeyMaterialId"] = key.material_id
    return answer


def _encrypt(
    at: Snapshot,
    ring: Keyring,
    key: Key,
    algorithm: str,
    plaintext: bytes,
    context: Mapping[str, str],
) -> bytes:
    check_algorithm(key.spec, key.usage, algorithm)
    _check_context(algorithm, context)
    if algorithm == SYMMETRIC:
        return ring.encrypt(at, key, plaintext, context)
    most = pairs.plaintext_bytes_max(key.spec, algorithm)
    if len(plaintext) > most:
        raise errors.ValidationException(
            detail=f"Algorithm {algorithm} and key spec {key.spec} cannot encrypt data larger than {most} bytes."
        )
    assert key.public_key is not None, key.arn
    return pairs.encrypt(key.public_key, algorithm, plaintext)


def _check_context(algorithm: str, context: Mapping[str, str]) -> None:
    """RSA has no place for a context: one that is given must not be lost silently."""
    if context and algorithm != SYMMETRIC:
        raise errors.ValidationException(
            detail=f"Algorithm {algorithm} does not support an encryption context."
        )


def _texts(context: Mapping[str, str] | None) -> dict[str, str]:
    return {} if context is None else dict(context.items())


def _blob(blob: bytes | None) -> bytes:
    if blob is None:
        raise errors.ValidationException(
            detail="1 validation error detected: Value null at 'ciphertextBlob' failed to satisfy constraint:"
            " Member must not be null"
        )
    return blob
