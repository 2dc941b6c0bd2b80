"""Multi-Region keys: keys of one id and one material in several Regions."""

from __future__ import annotations

import msgspec

from pilvi.kit.call import Call
from pilvi.services.kms import described, errors, limits, records
from pilvi.services.kms.access import policy_ids
from pilvi.services.kms.keyring import Keyring
from pilvi.services.kms.records import Family, Key
from pilvi.services.kms.rules import names, policies, states, tags
from pilvi.services.kms.service import kms
from pilvi.services.kms.wire import (
    ReplicateKeyRequest,
    ReplicateKeyResponse,
    UpdatePrimaryRegionRequest,
)
from pilvi.store.api import Snapshot, Transaction


@kms.write("ReplicateKey")
def replicate_key(call: Call, tx: Transaction, req: ReplicateKeyRequest) -> ReplicateKeyResponse:
    """Make a replica of a primary key in another Region. Imported material must be imported there, too.

    The answer tells of it as it is before the commit, Creating; it can be used from then on. On AWS that takes
    some seconds.

    Raises: NotFoundException, UnsupportedOperationException, AlreadyExistsException, DisabledException,
        KMSInvalidStateException, MalformedPolicyDocumentException, TagException, LimitExceededException,
        ValidationException. AWS: ReplicateKey.
    """
    ring = Keyring.of(call)
    key = ring.get_own(tx, req["KeyId"], "ReplicateKey")
    family = _family(tx, key)
    ring.require(key, states.USABLE)
    region = req["ReplicaRegion"]
    if not names.is_region(region) or region == key.region:
        raise errors.ValidationException(
            detail=f"The replica Region {region} must be a Region other than that of the primary key."
        )
    there = key.scope._replace(region=region)
    if records.find_key(tx, there, key.id) is not None:
        raise errors.AlreadyExistsException(
            detail=f"A replica of {key.arn} already exists in Region {region}."
        )
    if len(family.replicas) >= limits.REPLICAS_MAX:
        raise errors.LimitExceededException(
            detail=f"A multi-Region key has at most {limits.REPLICAS_MAX} replicas."
        )
    policy = req.get("Policy")
    bypass = bool(req.get("BypassPolicyLockoutSafetyCheck", False))
    if policy is None:
        policy = policies.default_policy(there)
    else:
        policies.check_policy(policy, ring.who, call.account, bypass=bypass)
    replica = Key(
        id=key.id,
        account=key.account,
        region=region,
        partition=key.partition,
        created_ms=call.now_ms,
        spec=key.spec,
        usage=key.usage,
        origin=key.origin,
        description=req.get("Description", ""),
        policy=policy,
        policy_ids=policy_ids(call, tx, policy),
        has_material=False,
        multi_region=True,
        tags=tags.merged({}, req.get("Tags", [])),
    )
    if key.origin == "AWS_KMS":
        replica = _copy_material(tx, ring, key, replica)
    records.put_new_key(tx, replica)
    grown = msgspec.structs.replace(family, replicas=(*family.replicas, region))
    records.put_family(tx, key.scope, grown)
    told = described.metadata(tx, replica, call.now_ms)
    told["KeyState"], told["Enabled"] = "Creating", False
    told.pop("CurrentKeyMaterialId", None)
    answer: ReplicateKeyResponse = {"ReplicaKeyMetadata": told, "ReplicaPolicy": policy}
    if replica.tags:
        answer["ReplicaTags"] = tags.listed(replica.tags)
    return answer


def _copy_material(tx: Transaction, ring: Keyring, key: Key, replica: Key) -> Key:
    """All of it, under the same ids, sealed anew: a ciphertext of one Region decrypts in the other."""
    for material in records.list_materials(tx, key):
        secret = ring.secret(tx, key, material.id)
        assert secret is not None, key.arn
        ring.seal(tx, replica, material, secret)
    return msgspec.structs.replace(
        replica,
        has_material=True,
        material_id=key.material_id,
        materials=key.materials,
        public_key=key.public_key,
    )


@kms.write("UpdatePrimaryRegion")
def update_primary_region(call: Call, tx: Transaction, req: UpdatePrimaryRegionRequest) -> None:
    """Make a replica the primary key, and the primary key a replica; the rotation schedule moves along.

    Raises: NotFoundException, UnsupportedOperationException, DisabledException, KMSInvalidStateException.
    AWS: UpdatePrimaryRegion.
    """
    ring = Keyring.of(call)
    key = ring.get_own(tx, req["KeyId"], "UpdatePrimaryRegion")
    family = _family(tx, key)
    ring.require(key, states.USABLE)
    region = req["PrimaryRegion"]
    if region == key.region:
        raise errors.UnsupportedOperationException(detail=f"{key.arn} is the primary key already.")
    replica = records.find_key(tx, key.scope._replace(region=region), key.id)
    if replica is None or region not in family.replicas:
        arn = key.arn.replace(f":{key.region}:", f":{region}:")
        raise errors.KeyNotFound(arn=arn)
    ring.require(replica, states.USABLE)
    others = tuple(one for one in family.replicas if one != region)
    moved = Family(key_id=key.id, primary=region, replicas=(*others, key.region))
    records.put_family(tx, key.scope, moved)
    leading = msgspec.structs.replace(
        replica,
        rotation_days=key.rotation_days,
        next_rotation_ms=key.next_rotation_ms,
        on_demand_rotations=key.on_demand_rotations,
    )
    records.put_key(tx, leading)
    records.put_key(tx, msgspec.structs.replace(key, next_rotation_ms=None))
    if leading.next_rotation_ms is not None:
        records.schedule(tx, leading, "rotate", due_ms=leading.next_rotation_ms)


def _family(at: Snapshot, key: Key) -> Family:
    """Of a primary key. Raises: UnsupportedOperationException."""
    family = records.find_family(at, key)
    if family is None or family.primary != key.region:
        raise errors.UnsupportedOperationException(
            detail=f"{key.arn} is not a multi-region primary key."
        )
    return family
