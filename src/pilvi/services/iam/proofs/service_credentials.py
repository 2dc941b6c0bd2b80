"""User names and passwords for single services: records. Home `(account, "aws-global")`, key: the user's id and the
credential's.

The password is random and long enough that nobody finds it by trying, so a plain salted digest of it is kept, which
need not be slow.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec

from pilvi.base.arn import Scope
from pilvi.base.entropy import Entropy
from pilvi.services.iam import errors
from pilvi.services.iam.records import User, home_of
from pilvi.store.api import Snapshot
from pilvi.store.collection import Collection

_PASSWORD_LENGTH = 43
"""Letters of six bits."""
_SALT_BYTES = 16


class ServiceCredential(msgspec.Struct, kw_only=True):
    """`service_user`: the name that the service would be told."""

    user_id: str
    id: str
    service: str
    service_user: str
    created_at_ms: int
    salt: bytes = b""
    digest: bytes = b""
    active: bool = True


SERVICE_CREDENTIALS = Collection(
    "iam.service_credential",
    ServiceCredential,
    key=lambda credential: (credential.user_id, credential.id),
)


def of_user(at: Snapshot, scope: Scope, user: User) -> Iterator[ServiceCredential]:
    return SERVICE_CREDENTIALS.scan(at, home_of(scope), (user.id,))


def get(at: Snapshot, scope: Scope, user: User, credential_id: str) -> ServiceCredential:
    """Raises: NoSuchEntity."""
    found = SERVICE_CREDENTIALS.find(at, home_of(scope), user.id, credential_id)
    if found is None:
        raise errors.NoSuchEntity(detail=f"No such credential {credential_id} exists")
    return found


def set_password(credential: ServiceCredential, entropy: Entropy) -> str:
    """Give it a fresh password, which is told this once."""
    password = entropy.secret(_PASSWORD_LENGTH) + "="
    credential.salt = entropy.bytes(_SALT_BYTES)
    credential.digest = hashlib.sha256(credential.salt + password.encode()).digest()
    return password
