"""Server certificates of accounts: records. Home `(account, "aws-global")`, key: the name in lower case.

The private key is sealed (`store/sealing.py`) under the certificate's id, which a renaming leaves as it is. No
operation tells it.
"""

from __future__ import annotations

import msgspec

from pilvi.base.arn import Arn, Scope
from pilvi.services.iam import errors
from pilvi.services.iam.records import home_of
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection
from pilvi.store.sealing import Sealer


class ServerCertificate(msgspec.Struct, kw_only=True):
    name: str
    path: str
    id: str
    body: str
    chain: str | None
    private_key: bytes
    expires_at_ms: int
    uploaded_at_ms: int
    tags: dict[str, str] = {}


SERVER_CERTIFICATES = Collection(
    "iam.server_certificate",
    ServerCertificate,
    key=lambda certificate: (certificate.name.lower(),),
)


def find(at: Snapshot, scope: Scope, name: str) -> ServerCertificate | None:
    return SERVER_CERTIFICATES.find(at, home_of(scope), name.lower())


def get(at: Snapshot, scope: Scope, name: str) -> ServerCertificate:
    """Raises: NoSuchEntity."""
    found = find(at, scope, name)
    if found is None:
        raise errors.NoSuchEntity(
            detail=f"The Server Certificate with name {name} cannot be found."
        )
    return found


def put(tx: Transaction, scope: Scope, certificate: ServerCertificate) -> None:
    SERVER_CERTIFICATES.put(tx, home_of(scope), certificate)


def arn_of(scope: Scope, certificate: ServerCertificate) -> str:
    resource = f"server-certificate{certificate.path}{certificate.name}"
    return str(Arn("iam", "", scope.account, resource, scope.partition))


def seal_key(
    tx: Transaction, scope: Scope, sealer: Sealer, certificate: ServerCertificate, key: str
) -> None:
    identity = (*home_of(scope), SERVER_CERTIFICATES.name, certificate.id)
    certificate.private_key = sealer.seal(tx, identity, key.encode())
