"""Signing certificates of users: records. Home `(account, "aws-global")`, key: the user's id and the certificate's."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pilvi.base.arn import Scope
from pilvi.services.iam import errors
from pilvi.services.iam.records import User, home_of
from pilvi.store.api import Snapshot
from pilvi.store.collection import Collection


class SigningCertificate(msgspec.Struct, kw_only=True):
    """`fingerprint`: SHA-256 of the certificate; one certificate is one user's in the whole account."""

    user_id: str
    id: str
    body: str
    fingerprint: bytes
    uploaded_at_ms: int
    active: bool = True


SIGNING_CERTIFICATES = Collection(
    "iam.signing_certificate",
    SigningCertificate,
    key=lambda certificate: (certificate.user_id, certificate.id),
    indexes={"fingerprint": lambda certificate: (certificate.fingerprint,)},
)


def of_user(at: Snapshot, scope: Scope, user: User) -> Iterator[SigningCertificate]:
    return SIGNING_CERTIFICATES.scan(at, home_of(scope), (user.id,))


def get(at: Snapshot, scope: Scope, user: User, certificate_id: str) -> SigningCertificate:
    """Raises: NoSuchEntity."""
    found = SIGNING_CERTIFICATES.find(at, home_of(scope), user.id, certificate_id)
    if found is None:
        raise errors.NoSuchEntity(
            detail=f"The Certificate with id {certificate_id} cannot be found."
        )
    return found
