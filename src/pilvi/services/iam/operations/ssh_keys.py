"""SSH public keys of users."""

from __future__ import annotations

from pilvi.kit.call import Call
from pilvi.services.iam import errors, limits, pages, records, rules
from pilvi.services.iam.operations.callers import user_name_of
from pilvi.services.iam.proofs import ssh_keys
from pilvi.services.iam.proofs.ssh_keys import SSH_KEYS, SshPublicKey
from pilvi.services.iam.records import User
from pilvi.services.iam.service import iam
from pilvi.services.iam.wire import (
    DeleteSSHPublicKeyRequest,
    GetSSHPublicKeyRequest,
    GetSSHPublicKeyResponse,
    ListSSHPublicKeysRequest,
    ListSSHPublicKeysResponse,
    SSHPublicKey,
    UpdateSSHPublicKeyRequest,
    UploadSSHPublicKeyRequest,
    UploadSSHPublicKeyResponse,
)
from pilvi.store.api import Snapshot, Transaction


@iam.write("UploadSSHPublicKey")
def upload_ssh_public_key(
    call: Call, tx: Transaction, req: UploadSSHPublicKeyRequest
) -> UploadSSHPublicKeyResponse:
    """Give a user an RSA key, of 2048 bits or more, as ssh-rsa or PEM.

    Raises: NoSuchEntity, InvalidPublicKey, UnrecognizedPublicKeyEncoding, DuplicateSSHPublicKey, LimitExceeded.
    AWS: UploadSSHPublicKey.
    """
    from pilvi.services.iam.proofs import certificates  # loads X.509, for this alone

    user = records.get_user(tx, call.scope, req["UserName"])
    parsed = certificates.parse_ssh(req["SSHPublicKeyBody"])
    others = list(ssh_keys.of_user(tx, call.scope, user))
    if any(other.fingerprint == parsed.fingerprint for other in others):
        raise errors.DuplicateSSHPublicKey
    if len(others) >= limits.SSH_KEYS_PER_USER:
        raise errors.LimitExceeded(quota="SSHPublicKeysPerUser", limit=limits.SSH_KEYS_PER_USER)
    key = SshPublicKey(
        user_id=user.id,
        id="APKA" + call.entropy.upper(17),
        body=req["SSHPublicKeyBody"],
        fingerprint=parsed.fingerprint,
        uploaded_at_ms=call.now_ms,
    )
    SSH_KEYS.put(tx, records.home_of(call.scope), key)
    return {"SSHPublicKey": _told(user, key, key.body)}


@iam.read("GetSSHPublicKey")
def get_ssh_public_key(
    call: Call, at: Snapshot, req: GetSSHPublicKeyRequest
) -> GetSSHPublicKeyResponse:
    """Tell a key in the encoding that is asked for.

    Raises: NoSuchEntity, UnrecognizedPublicKeyEncoding. AWS: GetSSHPublicKey.
    """
    from pilvi.services.iam.proofs import certificates  # loads X.509, for this alone

    user = records.get_user(at, call.scope, req["UserName"])
    key = ssh_keys.get(at, call.scope, user, req["SSHPublicKeyId"])
    parsed = certificates.parse_ssh(key.body)
    bodies = {"SSH": parsed.ssh, "PEM": parsed.pem}
    if req["Encoding"] not in bodies:
        raise errors.UnrecognizedPublicKeyEncoding
    return {"SSHPublicKey": _told(user, key, bodies[req["Encoding"]])}


@iam.read("ListSSHPublicKeys")
def list_ssh_public_keys(
    call: Call, at: Snapshot, req: ListSSHPublicKeysRequest
) -> ListSSHPublicKeysResponse:
    """Those of a user, or of the caller. Raises: NoSuchEntity, ValidationError. AWS: ListSSHPublicKeys."""
    user = records.get_user(at, call.scope, user_name_of(call, req.get("UserName")))
    keys = {key.id: key for key in ssh_keys.of_user(at, call.scope, user)}
    page, more = pages.cut_names(req, keys)
    return {
        "SSHPublicKeys": [
            {
                "UserName": user.name,
                "SSHPublicKeyId": key_id,
                "Status": rules.status(active=keys[key_id].active),
                "UploadDate": keys[key_id].uploaded_at_ms,
            }
            for key_id in page
        ],
        **more,
    }


@iam.write("UpdateSSHPublicKey")
def update_ssh_public_key(call: Call, tx: Transaction, req: UpdateSSHPublicKeyRequest) -> None:
    """Raises: NoSuchEntity, ValidationError. AWS: UpdateSSHPublicKey."""
    user = records.get_user(tx, call.scope, req["UserName"])
    key = ssh_keys.get(tx, call.scope, user, req["SSHPublicKeyId"])
    key.active = rules.is_active(req["Status"])
    SSH_KEYS.put(tx, records.home_of(call.scope), key)


@iam.write("DeleteSSHPublicKey")
def delete_ssh_public_key(call: Call, tx: Transaction, req: DeleteSSHPublicKeyRequest) -> None:
    """Raises: NoSuchEntity. AWS: DeleteSSHPublicKey."""
    user = records.get_user(tx, call.scope, req["UserName"])
    key = ssh_keys.get(tx, call.scope, user, req["SSHPublicKeyId"])
    SSH_KEYS.delete(tx, records.home_of(call.scope), user.id, key.id)


def _told(user: User, key: SshPublicKey, body: str) -> SSHPublicKey:
    return {
        "UserName": user.name,
        "SSHPublicKeyId": key.id,
        "Fingerprint": key.fingerprint,
        "SSHPublicKeyBody": body,
        "Status": rules.status(active=key.active),
        "UploadDate": key.uploaded_at_ms,
    }
