"""SSH public keys of users: records. Home `(account, "aws-global")`, key: the user's id and the key's."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pilvi.base.arn import Scope
from pilvi.services.iam import errors
from pilvi.services.iam.records import User, home_of
from pilvi.store.api import Snapshot
from pilvi.store.collection import Collection


class SshPublicKey(msgspec.Struct, kw_only=True):
    """`body`: as it was uploaded. `fingerprint`: MD5, of the key itself."""

    user_id: str
    id: str
    body: str
    fingerprint: str
    uploaded_at_ms: int
    active: bool = True


SSH_KEYS = Collection("iam.ssh_key", SshPublicKey, key=lambda key: (key.user_id, key.id))


def of_user(at: Snapshot, scope: Scope, user: User) -> Iterator[SshPublicKey]:
    return SSH_KEYS.scan(at, home_of(scope), (user.id,))


def get(at: Snapshot, scope: Scope, user: User, key_id: str) -> SshPublicKey:
    """Raises: NoSuchEntity."""
    key = SSH_KEYS.find(at, home_of(scope), user.id, key_id)
    if key is None:
        raise errors.NoSuchEntity(detail=f"The Public Key with id {key_id} cannot be found.")
    return key
