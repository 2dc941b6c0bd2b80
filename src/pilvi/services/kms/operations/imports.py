"""Imported key material: the customer's own, for keys of origin EXTERNAL."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from pilvi.base.errors import NotBuilt
from pilvi.base.http import Body
from pilvi.kit.audit import WatchedRequest
from pilvi.kit.call import Call
from pilvi.kit.execution import refuse_unread
from pilvi.services.kms import errors, imported, limits, records
from pilvi.services.kms.ciphers import pairs, wrapping
from pilvi.services.kms.keyring import Keyring, imported_id, new_pair
from pilvi.services.kms.records import Key, Material
from pilvi.services.kms.rules import states
from pilvi.services.kms.rules.specs import SPECS, SYMMETRIC
from pilvi.services.kms.service import kms
from pilvi.services.kms.wire import (
    DeleteImportedKeyMaterialRequest,
    DeleteImportedKeyMaterialResponse,
    GetParametersForImportResponse,
    ImportKeyMaterialResponse,
)
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.keys import Key as StoreKey
from pilvi.store.sealing import SealBroken, Sealer


class Token(msgspec.Struct, frozen=True, array_like=True):
    """What an import token holds, sealed: nobody but this cloud can read or make one, and nothing is stored."""

    private: bytes
    spec: str
    algorithm: str
    valid_to_ms: int


def _token_identity(key: Key) -> StoreKey:
    return (*records.key_home(key.scope, key.id), "import token")


@kms.stream("GetParametersForImport")
async def get_parameters_for_import(
    call: Call, req: WatchedRequest, body: Body
) -> GetParametersForImportResponse:
    """A public key to wrap the material under, and a token that goes with it; both for 24 hours.

    Raises: NotFoundException, UnsupportedOperationException, KMSInvalidStateException, NotBuilt (SM2).
    AWS: GetParametersForImport.
    """
    ring = Keyring.of(call)
    sealer = call.ask(Sealer)
    spec, algorithm = req["WrappingKeySpec"], req["WrappingAlgorithm"]
    if spec == "SM2" or algorithm == "SM2PKE":
        raise NotBuilt(what="the wrapping algorithm SM2PKE")

    def find(at: Snapshot) -> Key:
        key = ring.get_own(at, req["KeyId"], "GetParametersForImport")
        states.require_origin(key, "EXTERNAL")
        ring.require(key, states.ALIVE)
        if algorithm not in wrapping.ALGORITHMS:
            raise errors.UnsupportedOperationException(
                detail=f"The wrapping algorithm {algorithm} is not supported."
            )
        if not algorithm.startswith("RSA_AES") and key.spec.startswith("RSA"):
            raise errors.UnsupportedOperationException(
                detail=f"Algorithm {algorithm} cannot wrap key material of key spec {key.spec}."
            )
        return key

    await call.view(find)
    refuse_unread(kms.operations["GetParametersForImport"], req)
    private = await new_pair(spec)
    valid_to_ms = call.now_ms + limits.IMPORT_TOKEN_MS
    token = msgspec.msgpack.encode(Token(private, spec, algorithm, valid_to_ms))

    def seal(tx: Transaction) -> GetParametersForImportResponse:
        key = find(tx)
        return {
            "KeyId": key.arn,
            "ImportToken": sealer.seal(tx, _token_identity(key), token),
            "PublicKey": pairs.public_of(private),
            "ParametersValidTo": valid_to_ms,
        }

    return await call.transact(seal)


@kms.stream("ImportKeyMaterial")
async def import_key_material(
    call: Call, req: WatchedRequest, body: Body
) -> ImportKeyMaterialResponse:
    """Import material, or the same again. A symmetric key takes new material beside the old; it waits for a
    rotation on demand.

    Raises: NotFoundException, UnsupportedOperationException, KMSInvalidStateException, InvalidCiphertextException,
        IncorrectKeyMaterialException, InvalidImportTokenException, ExpiredImportTokenException, ValidationException.
    AWS: ImportKeyMaterial.
    """
    ring = Keyring.of(call)
    wanted = _Import(
        valid_to_ms=_valid_to(call.now_ms, req),
        import_type=req.get("ImportType"),
        material_id=req.get("KeyMaterialId"),
        description=req.get("KeyMaterialDescription"),
    )
    key_id, sealed, wrapped = req["KeyId"], req["ImportToken"], req["EncryptedKeyMaterial"]
    refuse_unread(kms.operations["ImportKeyMaterial"], req)

    def find(at: Snapshot) -> Key:
        key = ring.get_own(at, key_id, "ImportKeyMaterial")
        states.require_origin(key, "EXTERNAL")
        ring.require(key, states.ALIVE)
        return key

    def look(at: Snapshot) -> tuple[Key, Token]:
        key = find(at)
        return key, _open(call, at, key, sealed)

    key, token = await call.view(look)
    # Verifying an RSA key takes long: between the transactions, and in a thread.
    secret = await asyncio.to_thread(_unwrap, key, token, wrapped)
    return await call.transact(lambda tx: _store(tx, ring, find(tx), secret, wanted))


class _Import(msgspec.Struct, frozen=True):
    """What is asked of an import, beside the material."""

    valid_to_ms: int | None
    import_type: str | None
    material_id: str | None
    description: str | None


def _store(
    tx: Transaction, ring: Keyring, key: Key, secret: bytes, wanted: _Import
) -> ImportKeyMaterialResponse:
    material_id = imported_id(key, secret)
    old = records.find_material(tx, key, material_id)
    _check_type(tx, key, wanted, old, material_id)
    if old is not None:
        again = msgspec.structs.replace(
            old,
            valid_to_ms=wanted.valid_to_ms,
            description=wanted.description or old.description,
        )
        ring.seal(tx, key, again, secret)
    else:
        key = ring.add_material(
            tx,
            key,
            secret,
            material_id=material_id,
            state=records.CURRENT if key.material_id is None else records.PENDING,
            valid_to_ms=wanted.valid_to_ms,
            description=wanted.description,
        )
    records.put_key(tx, imported.settled(tx, key))
    answer: ImportKeyMaterialResponse = {"KeyId": key.arn}
    if key.spec == SYMMETRIC:
        answer["KeyMaterialId"] = material_id
    return answer


def _valid_to(now_ms: int, req: WatchedRequest) -> int | None:
    """When it will expire. Raises: ValidationException."""
    expires = req.get("ExpirationModel", "KEY_MATERIAL_EXPIRES") == "KEY_MATERIAL_EXPIRES"
    valid_to_ms = req.get("ValidTo")
    if not expires:
        if valid_to_ms is not None:
            raise errors.ValidationException(
                detail="A validTo date must not be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE"
            )
        return None
    if valid_to_ms is None:
        raise errors.ValidationException(
            detail="A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES"
        )
    if not now_ms < valid_to_ms <= now_ms + limits.IMPORT_VALID_MS_MAX:
        raise errors.ValidationException(
            detail="The validTo date must be in the future, and at most 365 days away"
        )
    return valid_to_ms


def _check_type(
    at: Snapshot, key: Key, wanted: _Import, old: Material | None, material_id: str
) -> None:
    """Whether this material may come into this key now. Raises: as import_key_material."""
    named = wanted.material_id
    if key.spec != SYMMETRIC and (wanted.import_type or named or wanted.description):
        raise errors.ValidationException(
            detail="ImportType, KeyMaterialId and KeyMaterialDescription are for symmetric encryption keys, not for"
            f" a key of spec {key.spec}."
        )
    first = key.material_id is None
    default = "NEW_KEY_MATERIAL" if first else "EXISTING_KEY_MATERIAL"
    is_new = (wanted.import_type or default) == "NEW_KEY_MATERIAL"
    if is_new and named is not None:
        raise errors.ValidationException(
            detail="A KeyMaterialId cannot be given with the ImportType NEW_KEY_MATERIAL"
        )
    if not imported.is_known_to_primary(at, key, material_id):
        raise errors.IncorrectKeyMaterialException(
            detail=f"The key material in the request is not that of the primary key of {key.arn}."
        )
    if named is not None and named != material_id:
        raise errors.IncorrectKeyMaterialException(
            detail=f"The key material in the request is not the key material {named}."
        )
    if not is_new and old is None:
        raise errors.IncorrectKeyMaterialException(
            detail=f"The key material in the request was never imported into {key.arn}."
        )
    if not is_new or first:
        return
    if old is not None:
        raise errors.IncorrectKeyMaterialException(
            detail=f"The key material in the request was imported into {key.arn} before."
        )
    if key.multi_region:
        raise NotBuilt(what="a second import of new material into a multi-Region key")
    pending = imported.find_pending(at, key)
    if pending is not None:
        raise errors.MaterialPendingRotation(arn=key.arn, new=material_id, pending=pending.id)


def _open(call: Call, at: Snapshot, key: Key, sealed: bytes) -> Token:
    """Raises: InvalidImportTokenException; ExpiredImportTokenException."""
    try:
        opened = call.ask(Sealer).open(at, _token_identity(key), sealed)
    except SealBroken:
        raise errors.InvalidImportTokenException from None
    token = msgspec.msgpack.decode(opened, type=Token)
    if token.valid_to_ms <= call.now_ms:
        raise errors.ExpiredImportTokenException
    return token


def _unwrap(key: Key, token: Token, wrapped: bytes) -> bytes:
    """The material in our form. Raises: InvalidCiphertextException; IncorrectKeyMaterialException."""
    secret = wrapping.unwrap(token.private, token.spec, token.algorithm, wrapped)
    size = SPECS[key.spec].secret_bytes
    try:
        if not size:
            return pairs.accept(secret, key.spec)
    except pairs.Unfit:
        raise _unfit(key) from None
    if len(secret) != size:
        raise _unfit(key)
    return secret


def _unfit(key: Key) -> errors.IncorrectKeyMaterialException:
    return errors.IncorrectKeyMaterialException(
        detail=f"The key material in the request is none for a key of spec {key.spec}."
    )


@kms.write("DeleteImportedKeyMaterial")
def delete_imported_key_material(
    call: Call, tx: Transaction, req: DeleteImportedKeyMaterialRequest
) -> DeleteImportedKeyMaterialResponse:
    """Destroy imported material; the key waits for the same to be imported again.

    Raises: NotFoundException, UnsupportedOperationException. AWS: DeleteImportedKeyMaterial.
    """
    key = Keyring.of(call).get_own(tx, req["KeyId"], "DeleteImportedKeyMaterial")
    states.require_origin(key, "EXTERNAL")
    named = req.get("KeyMaterialId")
    material_id = named or key.material_id
    answer: Any = {"KeyId": key.arn}
    if material_id is None:
        return answer
    material = records.find_material(tx, key, material_id)
    if material is None:
        raise errors.NotFoundException(detail=f"Key material {material_id} does not exist")
    imported.forget(tx, key, material)
    records.put_key(tx, imported.settled(tx, key))
    if key.spec == SYMMETRIC:
        answer["KeyMaterialId"] = material_id
    return answer
