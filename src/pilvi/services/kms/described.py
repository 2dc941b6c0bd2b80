"""Keys as the API tells of them."""

from __future__ import annotations

from typing import cast

from pilvi.services.kms import records
from pilvi.services.kms.records import Key
from pilvi.services.kms.rules import names, specs, states
from pilvi.services.kms.wire import KeyMetadata, MultiRegionConfiguration, MultiRegionKey
from pilvi.store.api import Snapshot


def metadata(at: Snapshot, key: Key, now_ms: int) -> KeyMetadata:
    state = states.state_of(key, now_ms)
    told: KeyMetadata = {
        "AWSAccountId": key.account,
        "KeyId": key.id,
        "Arn": key.arn,
        "CreationDate": key.created_ms,
        "Enabled": state == states.ENABLED,
        "Description": key.description,
        "KeyUsage": key.usage,
        "KeyState": state,
        "Origin": key.origin,
        "KeyManager": key.manager,
        "CustomerMasterKeySpec": key.spec,
        "KeySpec": key.spec,
        "MultiRegion": key.multi_region,
    }
    told |= cast("KeyMetadata", specs.algorithms_of(key.spec, key.usage))
    if key.spec == specs.SYMMETRIC and key.material_id is not None:
        told["CurrentKeyMaterialId"] = key.material_id
    if key.origin == "EXTERNAL" and key.has_material and state != states.PENDING_IMPORT:
        expires = key.expires_at_ms is not None
        told["ExpirationModel"] = (
            "KEY_MATERIAL_EXPIRES" if expires else "KEY_MATERIAL_DOES_NOT_EXPIRE"
        )
        if key.expires_at_ms is not None:
            told["ValidTo"] = key.expires_at_ms
    if key.deletion_ms is not None:
        told["DeletionDate"] = key.deletion_ms
    elif key.awaits_replicas and key.pending_days is not None:
        told["PendingDeletionWindowInDays"] = key.pending_days
    family = records.find_family(at, key)
    if family is not None:
        told["MultiRegionConfiguration"] = _configuration(key, family)
    return told


def _configuration(key: Key, family: records.Family) -> MultiRegionConfiguration:
    def one(region: str) -> MultiRegionKey:
        arn = names.key_arn(key.scope._replace(region=region), key.id)
        return {"Arn": arn, "Region": region}

    return {
        "MultiRegionKeyType": "PRIMARY" if key.region == family.primary else "REPLICA",
        "PrimaryKey": one(family.primary),
        "ReplicaKeys": [one(region) for region in family.replicas],
    }
