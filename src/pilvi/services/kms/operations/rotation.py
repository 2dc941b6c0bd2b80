"""Rotation: on a schedule, or on demand."""

from __future__ import annotations

import msgspec

from pilvi.base.errors import NotBuilt
from pilvi.kit.call import Call
from pilvi.services.kms import errors, imported, limits, pages, records, renewal
from pilvi.services.kms.keyring import Keyring, turn_on_rotation
from pilvi.services.kms.records import Key, Material
from pilvi.services.kms.rules import states
from pilvi.services.kms.rules.specs import SYMMETRIC
from pilvi.services.kms.service import kms
from pilvi.services.kms.wire import (
    DisableKeyRotationRequest,
    EnableKeyRotationRequest,
    GetKeyRotationStatusRequest,
    GetKeyRotationStatusResponse,
    ListKeyRotationsRequest,
    ListKeyRotationsResponse,
    RotateKeyOnDemandRequest,
    RotateKeyOnDemandResponse,
    RotationsListEntry,
)
from pilvi.store.api import Snapshot, Transaction


@kms.write("EnableKeyRotation")
def enable_key_rotation(call: Call, tx: Transaction, req: EnableKeyRotationRequest) -> None:
    """Rotate a key every 90 to 2560 days, counted from now; every year when no period was ever given.

    Raises: NotFoundException, DisabledException, KMSInvalidStateException, UnsupportedOperationException.
    AWS: EnableKeyRotation.
    """
    key = _automatic(call, tx, req["KeyId"], "EnableKeyRotation")
    days = req.get("RotationPeriodInDays", key.rotation_days or limits.ROTATION_DAYS)
    if key.next_rotation_ms is not None and days == key.rotation_days:
        return
    records.put_key(tx, turn_on_rotation(tx, key, days, call.now_ms))


@kms.write("DisableKeyRotation")
def disable_key_rotation(call: Call, tx: Transaction, req: DisableKeyRotationRequest) -> None:
    """Raises: as EnableKeyRotation. AWS: DisableKeyRotation."""
    key = _automatic(call, tx, req["KeyId"], "DisableKeyRotation")
    records.put_key(tx, msgspec.structs.replace(key, next_rotation_ms=None))


def _automatic(call: Call, at: Snapshot, text: str, operation: str) -> Key:
    """A key that can rotate by itself. Of several Regions the primary decides for all."""
    ring = Keyring.of(call)
    key = ring.get_own(at, text, operation)
    _check_rotates(key)
    states.require_origin(key, "AWS_KMS")
    _check_primary(at, key)
    ring.require(key, states.USABLE)
    return key


@kms.read("GetKeyRotationStatus")
def get_key_rotation_status(
    call: Call, at: Snapshot, req: GetKeyRotationStatusRequest
) -> GetKeyRotationStatusResponse:
    """A key that is to be deleted does not rotate; a replica rotates when its primary does.

    Raises: NotFoundException, UnsupportedOperationException. AWS: GetKeyRotationStatus.
    """
    key = Keyring.of(call).get_by_id(at, req["KeyId"], "GetKeyRotationStatus")
    _check_rotates(key)
    leading = _primary_of(at, key)
    on = leading.next_rotation_ms is not None and key.deletion_ms is None
    answer: GetKeyRotationStatusResponse = {"KeyId": key.arn, "KeyRotationEnabled": on}
    if on and leading.next_rotation_ms is not None and leading.rotation_days is not None:
        answer["NextRotationDate"] = leading.next_rotation_ms
        answer["RotationPeriodInDays"] = leading.rotation_days
    return answer


@kms.write("RotateKeyOnDemand")
def rotate_key_on_demand(
    call: Call, tx: Transaction, req: RotateKeyOnDemandRequest
) -> RotateKeyOnDemandResponse:
    """Rotate a key now, at most 25 times in its life; its schedule stays. A key with imported material goes over to
    the material that was imported last.

    Raises: NotFoundException, DisabledException, KMSInvalidStateException, UnsupportedOperationException,
        LimitExceededException. AWS: RotateKeyOnDemand.
    """
    ring = Keyring.of(call)
    key = ring.get_own(tx, req["KeyId"], "RotateKeyOnDemand")
    ring.require(
        key, states.USABLE
    )  # first, as recorded of AWS: told of keys that cannot rotate too
    _check_rotates(key)
    _check_primary(tx, key)
    if key.on_demand_rotations >= limits.ON_DEMAND_ROTATIONS_MAX:
        raise errors.LimitExceededException(
            detail="The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations"
            f" can be performed for this key: {key.arn}"
        )
    if key.origin == "EXTERNAL":
        if key.multi_region:
            raise NotBuilt(what="rotating imported material of a multi-Region key")
        pending = imported.find_pending(tx, key)
        if pending is None or pending.sealed is None:
            raise errors.NoMaterialPendingRotation(arn=key.arn)
        rotated = renewal.use_pending(tx, key, pending, call.now_ms)
        rotated = imported.settled(tx, rotated)
    else:
        rotated = renewal.rotate(tx, ring, key, renewal.ON_DEMAND, call.now_ms)
    counted = msgspec.structs.replace(rotated, on_demand_rotations=key.on_demand_rotations + 1)
    records.put_key(tx, counted)
    return {"KeyId": key.arn}


@kms.read("ListKeyRotations")
def list_key_rotations(
    call: Call, at: Snapshot, req: ListKeyRotationsRequest
) -> ListKeyRotationsResponse:
    """Completed rotations; with ALL_KEY_MATERIAL also the first material and the one that waits.

    Raises: NotFoundException, UnsupportedOperationException, InvalidMarkerException. AWS: ListKeyRotations.
    """
    key = Keyring.of(call).get_by_id(at, req["KeyId"], "ListKeyRotations")
    _check_rotates(key)
    everything = req.get("IncludeKeyMaterial", "ROTATIONS_ONLY") == "ALL_KEY_MATERIAL"
    found = [one for one in records.list_materials(at, key) if everything or one.rotated_ms]
    page, more = pages.cut_sorted(
        req,
        found,
        lambda material: (material.number,),
        default=limits.PAGE_ROTATIONS,
        most=limits.PAGE_ROTATIONS_MAX,
    )
    return {"Rotations": [_told(key, one) for one in page], **more}


def _told(key: Key, material: Material) -> RotationsListEntry:
    told: RotationsListEntry = {
        "KeyId": key.arn,
        "KeyMaterialId": material.id,
        "KeyMaterialState": material.state,
    }
    if material.rotated_ms is not None and material.rotation is not None:
        told["RotationDate"] = material.rotated_ms
        told["RotationType"] = material.rotation
    if key.origin == "EXTERNAL":
        told["ImportState"] = "PENDING_IMPORT" if material.sealed is None else "IMPORTED"
        if material.description is not None:
            told["KeyMaterialDescription"] = material.description
        if material.sealed is not None:
            told["ExpirationModel"] = (
                "KEY_MATERIAL_DOES_NOT_EXPIRE"
                if material.valid_to_ms is None
                else "KEY_MATERIAL_EXPIRES"
            )
        if material.valid_to_ms is not None:
            told["ValidTo"] = material.valid_to_ms
    return told


def _check_rotates(key: Key) -> None:
    """Raises: UnsupportedOperationException."""
    if key.spec != SYMMETRIC:
        raise errors.UnsupportedOperationException(detail="")


def _check_primary(at: Snapshot, key: Key) -> None:
    """Raises: UnsupportedOperationException."""
    family = records.find_family(at, key)
    if family is not None and family.primary != key.region:
        raise errors.UnsupportedOperationException(
            detail=f"{key.arn} is not a multi-region primary key."
        )


def _primary_of(at: Snapshot, key: Key) -> Key:
    family = records.find_family(at, key)
    if family is None or family.primary == key.region:
        return key
    return records.find_key(at, key.scope._replace(region=family.primary), key.id) or key
