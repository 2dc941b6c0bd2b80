"""Data keys: made here, used by the caller, and kept by it only encrypted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from pilvi.base.http import Body
from pilvi.kit.audit import WatchedRequest
from pilvi.kit.call import Call
from pilvi.services.kms import errors
from pilvi.services.kms.ciphers import pairs
from pilvi.services.kms.keyring import Keyring, new_secret
from pilvi.services.kms.operations.dry_runs import end_dry_run
from pilvi.services.kms.records import Key
from pilvi.services.kms.rules.specs import ENCRYPT, SYMMETRIC, get_spec
from pilvi.services.kms.service import kms
from pilvi.services.kms.wire import (
    GenerateDataKeyPairResponse,
    GenerateDataKeyPairWithoutPlaintextResponse,
    GenerateDataKeyRequest,
    GenerateDataKeyResponse,
    GenerateDataKeyWithoutPlaintextRequest,
    GenerateDataKeyWithoutPlaintextResponse,
    GenerateRandomRequest,
    GenerateRandomResponse,
)
from pilvi.store.api import Snapshot

_SIZES = {"AES_256": 32, "AES_128": 16}


@kms.read("GenerateDataKey")
def generate_data_key(
    call: Call, at: Snapshot, req: GenerateDataKeyRequest
) -> GenerateDataKeyResponse:
    """Raises: NotFoundException, InvalidKeyUsageException, DisabledException, KMSInvalidStateException,
    ValidationException, DryRunOperationException. AWS: GenerateDataKey.
    """
    plaintext, blob, key = _data_key(call, at, req, "GenerateDataKey")
    return {"CiphertextBlob": blob, "Plaintext": plaintext, **_by(key)}


@kms.read("GenerateDataKeyWithoutPlaintext")
def generate_data_key_without_plaintext(
    call: Call, at: Snapshot, req: GenerateDataKeyWithoutPlaintextRequest
) -> GenerateDataKeyWithoutPlaintextResponse:
    """Raises: as GenerateDataKey. AWS: GenerateDataKeyWithoutPlaintext."""
    _, blob, key = _data_key(call, at, req, "GenerateDataKeyWithoutPlaintext")
    return {"CiphertextBlob": blob, **_by(key)}


def _data_key(
    call: Call, at: Snapshot, req: Mapping[str, Any], operation: str
) -> tuple[bytes, bytes, Key]:
    ring = Keyring.of(call)
    key = _symmetric(at, ring, req, operation)
    spec, size = req.get("KeySpec"), req.get("NumberOfBytes")
    if (spec is None) == (size is None):
        raise errors.ValidationException(
            detail="Please specify either number of bytes or key spec."
        )
    plaintext = call.entropy.bytes(size or _SIZES[str(spec)])
    blob = ring.encrypt(at, key, plaintext, dict(req.get("EncryptionContext", {}).items()))
    end_dry_run(req)
    return plaintext, blob, key


@kms.stream("GenerateDataKeyPair")
async def generate_data_key_pair(
    call: Call, req: WatchedRequest, body: Body
) -> GenerateDataKeyPairResponse:
    """Raises: as GenerateDataKey, and NotBuilt (SM2 and ML_KEM_512 pairs). AWS: GenerateDataKeyPair."""
    private, blob, key = await _data_pair(call, req, "GenerateDataKeyPair")
    return {
        "PrivateKeyCiphertextBlob": blob,
        "PrivateKeyPlaintext": private,
        "PublicKey": pairs.public_of(private),
        "KeyPairSpec": req["KeyPairSpec"],
        **_by(key),
    }


@kms.stream("GenerateDataKeyPairWithoutPlaintext")
async def generate_data_key_pair_without_plaintext(
    call: Call, req: WatchedRequest, body: Body
) -> GenerateDataKeyPairWithoutPlaintextResponse:
    """Raises: as GenerateDataKeyPair. AWS: GenerateDataKeyPairWithoutPlaintext."""
    private, blob, key = await _data_pair(call, req, "GenerateDataKeyPairWithoutPlaintext")
    return {
        "PrivateKeyCiphertextBlob": blob,
        "PublicKey": pairs.public_of(private),
        "KeyPairSpec": req["KeyPairSpec"],
        **_by(key),
    }


async def _data_pair(call: Call, req: WatchedRequest, operation: str) -> tuple[bytes, bytes, Key]:
    ring = Keyring.of(call)
    spec = req["KeyPairSpec"]
    get_spec(spec)
    context = dict(req.get("EncryptionContext", {}).items())
    await call.view(lambda at: _symmetric(at, ring, req, operation))  # before the costly part
    private = await new_secret(spec, call.entropy)

    def seal(at: Snapshot) -> tuple[bytes, Key]:
        key = _symmetric(at, ring, req, operation)
        return ring.encrypt(at, key, private, context), key

    blob, key = await call.view(seal)
    end_dry_run(req)
    return private, blob, key


def _symmetric(at: Snapshot, ring: Keyring, req: Mapping[str, Any], operation: str) -> Key:
    key = ring.get_usable(at, req["KeyId"], operation, ENCRYPT)
    if key.spec != SYMMETRIC:
        raise errors.InvalidKeyUsageException(arn=key.arn, usage=key.usage, operation=operation)
    return key


class _By(TypedDict):
    """Which key and material encrypted it."""

    KeyId: str
    KeyMaterialId: str


def _by(key: Key) -> _By:
    assert key.material_id is not None, key.arn
    return {"KeyId": key.arn, "KeyMaterialId": key.material_id}


@kms.read("GenerateRandom")
def generate_random(call: Call, at: Snapshot, req: GenerateRandomRequest) -> GenerateRandomResponse:
    """Raises: ValidationException. AWS: GenerateRandom."""
    size = req.get("NumberOfBytes")
    if size is None:
        raise errors.ValidationException(detail="NumberOfBytes is required.")
    return {"Plaintext": call.entropy.bytes(size)}
