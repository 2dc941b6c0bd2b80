"""Keys: create, describe, list, switch on and off, delete."""

from __future__ import annotations

from typing import Any

import msgspec

from pilvi.base.errors import NotBuilt
from pilvi.base.http import Body
from pilvi.kit.audit import WatchedRequest
from pilvi.kit.call import Call
from pilvi.kit.execution import refuse_unread
from pilvi.services.kms import deletion, described, errors, limits, pages, records
from pilvi.services.kms.access import policy_ids
from pilvi.services.kms.keyring import Keyring, new_secret
from pilvi.services.kms.records import Family, Key
from pilvi.services.kms.rules import policies, specs, states, tags
from pilvi.services.kms.service import kms
from pilvi.services.kms.wire import (
    CancelKeyDeletionRequest,
    CancelKeyDeletionResponse,
    CreateKeyResponse,
    DescribeKeyRequest,
    DescribeKeyResponse,
    DisableKeyRequest,
    EnableKeyRequest,
    ListKeysRequest,
    ListKeysResponse,
    ScheduleKeyDeletionRequest,
    ScheduleKeyDeletionResponse,
    UpdateKeyDescriptionRequest,
)
from pilvi.store.api import Snapshot, Transaction


@kms.stream("CreateKey")
async def create_key(call: Call, req: WatchedRequest, body: Body) -> CreateKeyResponse:
    """Create a customer managed key, with material of its own or (origin EXTERNAL) still without.

    Raises: ValidationException, MalformedPolicyDocumentException, TagException, LimitExceededException,
        NotBuilt (custom key stores, SM2 and ML_KEM_512 keys).
    AWS: CreateKey; KMS Developer Guide, "Create a KMS key".
    """
    ring = Keyring.of(call)
    draft = _draft(call, ring, req)
    refuse_unread(kms.operations["CreateKey"], req)
    secret = await new_secret(draft.spec, call.entropy) if draft.has_material else None

    def create(tx: Transaction) -> CreateKeyResponse:
        if records.count_keys(tx, call.scope) >= limits.KEYS_MAX:
            raise errors.LimitExceededException(
                detail=f"An account has at most {limits.KEYS_MAX} keys in a Region."
            )
        meant = msgspec.structs.replace(draft, policy_ids=policy_ids(call, tx, draft.policy))
        key = meant if secret is None else ring.add_material(tx, meant, secret)
        if key.multi_region:
            records.put_family(tx, key.scope, Family(key_id=key.id, primary=key.region))
        records.put_new_key(tx, key)
        return {"KeyMetadata": described.metadata(tx, key, call.now_ms)}

    return await call.transact(create)


def _draft(call: Call, ring: Keyring, req: WatchedRequest) -> Key:
    """The key as it will be, but for its material. Raises: as create_key."""
    origin = req.get("Origin", "AWS_KMS")
    if origin not in ("AWS_KMS", "EXTERNAL"):
        raise NotBuilt(what=f"the key origin {origin}")
    old_spec, new_spec = req.get("CustomerMasterKeySpec"), req.get("KeySpec")
    if old_spec is not None and new_spec is not None:
        raise errors.ValidationException(
            detail="You cannot specify KeySpec and CustomerMasterKeySpec in the same request."
            " CustomerMasterKeySpec is deprecated."
        )
    spec = new_spec or old_spec or specs.SYMMETRIC
    usage = specs.usage_for(spec, req.get("KeyUsage"))
    if origin == "EXTERNAL" and not specs.get_spec(spec).imported:
        raise NotBuilt(what=f"imported key material for keys of spec {spec}")
    bypass = bool(req.get("BypassPolicyLockoutSafetyCheck", False))
    policy = req.get("Policy")
    if policy is None:
        policy = policies.default_policy(call.scope)
    else:
        policies.check_policy(policy, ring.who, call.account, bypass=bypass)
    multi_region = bool(req.get("MultiRegion", False))
    plain_id = call.entropy.uuid()
    return Key(
        id=f"mrk-{plain_id.replace('-', '')}" if multi_region else plain_id,
        account=call.scope.account,
        region=call.scope.region,
        partition=call.scope.partition,
        created_ms=call.now_ms,
        spec=spec,
        usage=usage,
        origin=origin,
        description=req.get("Description", ""),
        policy=policy,
        has_material=origin == "AWS_KMS",
        multi_region=multi_region,
        tags=tags.merged({}, req.get("Tags", [])),
    )


@kms.write("DescribeKey")
def describe_key(call: Call, tx: Transaction, req: DescribeKeyRequest) -> DescribeKeyResponse:
    """Tell of a key. The alias of a service's AWS managed key makes that key when it is first described.

    Raises: NotFoundException, InvalidArnException. AWS: DescribeKey.
    """
    ring = Keyring.of(call)
    ring.make_managed(tx, req["KeyId"])
    key = ring.get(tx, req["KeyId"], "DescribeKey")
    return {"KeyMetadata": described.metadata(tx, key, call.now_ms)}


@kms.read("ListKeys")
def list_keys(call: Call, at: Snapshot, req: ListKeysRequest) -> ListKeysResponse:
    """Raises: InvalidMarkerException. AWS: ListKeys."""
    found = records.keys.scan(at, records.home(call.scope), after_key=pages.after_marker(req))
    page, more = pages.cut(
        req,
        found,
        lambda key: (key.id,),
        default=limits.PAGE_KEYS,
        most=limits.PAGE_KEYS_MAX,
    )
    return {"Keys": [{"KeyId": key.id, "KeyArn": key.arn} for key in page], **more}


@kms.write("UpdateKeyDescription")
def update_key_description(call: Call, tx: Transaction, req: UpdateKeyDescriptionRequest) -> None:
    """Raises: NotFoundException, KMSInvalidStateException. AWS: UpdateKeyDescription."""
    _change(
        call, tx, req["KeyId"], "UpdateKeyDescription", states.ALIVE, description=req["Description"]
    )


@kms.write("EnableKey")
def enable_key(call: Call, tx: Transaction, req: EnableKeyRequest) -> None:
    """Let a key be used again; a rotation that fell due meanwhile is made up for.

    Raises: NotFoundException, KMSInvalidStateException. AWS: EnableKey.
    """
    key = _change(call, tx, req["KeyId"], "EnableKey", states.WHOLE, enabled=True)
    if key.next_rotation_ms is not None:
        records.schedule(tx, key, "rotate", due_ms=key.next_rotation_ms)


@kms.write("DisableKey")
def disable_key(call: Call, tx: Transaction, req: DisableKeyRequest) -> None:
    """Raises: NotFoundException, KMSInvalidStateException. AWS: DisableKey."""
    _change(call, tx, req["KeyId"], "DisableKey", states.WHOLE, enabled=False)


def _change(
    call: Call, tx: Transaction, text: str, operation: str, allowed: Any, **changes: Any
) -> Key:
    ring = Keyring.of(call)
    key = ring.get_own(tx, text, operation)
    ring.require(key, allowed)
    changed = msgspec.structs.replace(key, **changes)
    records.put_key(tx, changed)
    return changed


@kms.write("ScheduleKeyDeletion")
def schedule_key_deletion(
    call: Call, tx: Transaction, req: ScheduleKeyDeletionRequest
) -> ScheduleKeyDeletionResponse:
    """Delete a key after 7 to 30 days; until then it cannot be used. A primary key of several Regions waits for its
    replicas to be deleted first.

    Raises: NotFoundException, KMSInvalidStateException, ValidationException. AWS: ScheduleKeyDeletion.
    """
    ring = Keyring.of(call)
    key = ring.get_own(tx, req["KeyId"], "ScheduleKeyDeletion")
    ring.require(key, states.ALIVE)
    days = req.get("PendingWindowInDays", limits.PENDING_DAYS)
    if not limits.PENDING_DAYS_MIN <= days <= limits.PENDING_DAYS:
        raise errors.ValidationException(
            detail=f"PendingWindowInDays must be from {limits.PENDING_DAYS_MIN} to {limits.PENDING_DAYS}."
        )
    key = deletion.schedule(tx, key, days, call.now_ms)
    answer: ScheduleKeyDeletionResponse = {
        "KeyId": key.arn,
        "KeyState": states.state_of(key, call.now_ms),
        "PendingWindowInDays": days,
    }
    if key.deletion_ms is not None:
        answer["DeletionDate"] = key.deletion_ms
    return answer


@kms.write("CancelKeyDeletion")
def cancel_key_deletion(
    call: Call, tx: Transaction, req: CancelKeyDeletionRequest
) -> CancelKeyDeletionResponse:
    """The key stays, disabled.

    Raises: NotFoundException, KMSInvalidStateException. AWS: CancelKeyDeletion.
    """
    key = Keyring.of(call).get_own(tx, req["KeyId"], "CancelKeyDeletion")
    if key.deletion_ms is None and not key.awaits_replicas:
        raise errors.KMSInvalidStateException(arn=key.arn, state="not pending deletion")
    kept = msgspec.structs.replace(
        key, deletion_ms=None, pending_days=None, awaits_replicas=False, enabled=False
    )
    records.put_key(tx, kept)
    return {"KeyId": key.arn}
