"""Access keys of users and of root: create, list, switch on and off, delete."""

from __future__ import annotations

import msgspec

from pilvi.kit.call import Call
from pilvi.services.iam import errors, limits, pages, records, rules
from pilvi.services.iam.operations.callers import holder_of
from pilvi.services.iam.records import Issued, Root, User
from pilvi.services.iam.service import iam
from pilvi.services.iam.sessions import tokens
from pilvi.services.iam.wire import (
    AccessKeyMetadata,
    CreateAccessKeyRequest,
    CreateAccessKeyResponse,
    DeleteAccessKeyRequest,
    ListAccessKeysRequest,
    ListAccessKeysResponse,
    UpdateAccessKeyRequest,
)
from pilvi.store.api import Snapshot, Transaction


@iam.write("CreateAccessKey")
def create_access_key(
    call: Call, tx: Transaction, req: CreateAccessKeyRequest
) -> CreateAccessKeyResponse:
    """Issue a key for a user (the caller when none is named, root too). The secret is told this once.

    Raises: NoSuchEntity, LimitExceeded, ValidationError (no name, caller is no user).
    AWS: CreateAccessKey; IAM User Guide, "Manage access keys for IAM users".
    """
    holder = holder_of(call, tx, req.get("UserName"))
    if len(holder.access_key_ids) >= limits.ACCESS_KEYS_PER_USER:
        raise errors.LimitExceeded(quota="AccessKeysPerUser", limit=limits.ACCESS_KEYS_PER_USER)
    credential = tokens.Issuer(call.cloud).key(tx, call.scope, holder, now_ms=call.now_ms)
    return {
        "AccessKey": {
            "UserName": holder.name,
            "AccessKeyId": credential.access_key_id,
            "Status": "Active",
            "SecretAccessKey": credential.secret_access_key,
            "CreateDate": call.now_ms,
        }
    }


@iam.read("ListAccessKeys")
def list_access_keys(
    call: Call, at: Snapshot, req: ListAccessKeysRequest
) -> ListAccessKeysResponse:
    """List the keys of a user (the caller when none is named), without their secrets.

    Raises: NoSuchEntity, ValidationError.
    """
    holder = holder_of(call, at, req.get("UserName"))
    page, more = pages.cut_names(req, holder.access_key_ids)
    keys = [_told(_get_key(at, holder, access_key_id)) for access_key_id in page]
    return {"AccessKeyMetadata": keys, **more}


@iam.write("UpdateAccessKey")
def update_access_key(call: Call, tx: Transaction, req: UpdateAccessKeyRequest) -> None:
    """Switch a key on or off; requests signed with it fail from the next one on.

    Raises: NoSuchEntity, ValidationError.
    """
    holder = holder_of(call, tx, req.get("UserName"))
    issued = _get_key(tx, holder, req["AccessKeyId"])
    active = rules.is_active(req["Status"])
    issued.credential = msgspec.structs.replace(issued.credential, active=active)
    records.put_issued(tx, issued)


@iam.write("DeleteAccessKey")
def delete_access_key(call: Call, tx: Transaction, req: DeleteAccessKeyRequest) -> None:
    """Remove a key; requests signed with it fail from the next one on.

    Raises: NoSuchEntity, ValidationError.
    """
    holder = holder_of(call, tx, req.get("UserName"))
    issued = _get_key(tx, holder, req["AccessKeyId"])
    gone = issued.credential.access_key_id
    holder.access_key_ids = [kept for kept in holder.access_key_ids if kept != gone]
    records.put_key_holder(tx, call.scope, holder)
    tokens.retire_key(tx, issued, now_ms=call.now_ms)


def _get_key(at: Snapshot, holder: User | Root, access_key_id: str) -> Issued:
    """Raises: NoSuchEntity, also for another user's key."""
    if access_key_id not in holder.access_key_ids:
        raise errors.NoSuchEntity(detail=f"The Access Key with id {access_key_id} cannot be found.")
    issued = records.find_issued(at, access_key_id)
    assert issued is not None, access_key_id
    return issued


def _told(issued: Issued) -> AccessKeyMetadata:
    return {
        "UserName": issued.user_name,
        "AccessKeyId": issued.credential.access_key_id,
        "Status": rules.status(active=issued.credential.active),
        "CreateDate": issued.created_at_ms,
    }
