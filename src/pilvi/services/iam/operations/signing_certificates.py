"""Signing certificates of users: X.509, two at most."""

from __future__ import annotations

from pilvi.kit.call import Call
from pilvi.services.iam import errors, limits, pages, records, rules
from pilvi.services.iam.operations.callers import user_name_of
from pilvi.services.iam.proofs import signing_certificates
from pilvi.services.iam.proofs.signing_certificates import SIGNING_CERTIFICATES
from pilvi.services.iam.proofs.signing_certificates import SigningCertificate as Record
from pilvi.services.iam.records import User
from pilvi.services.iam.service import iam
from pilvi.services.iam.wire import (
    DeleteSigningCertificateRequest,
    ListSigningCertificatesRequest,
    ListSigningCertificatesResponse,
    SigningCertificate,
    UpdateSigningCertificateRequest,
    UploadSigningCertificateRequest,
    UploadSigningCertificateResponse,
)
from pilvi.store.api import Snapshot, Transaction


@iam.write("UploadSigningCertificate")
def upload_signing_certificate(
    call: Call, tx: Transaction, req: UploadSigningCertificateRequest
) -> UploadSigningCertificateResponse:
    """Raises: NoSuchEntity, MalformedCertificate, InvalidCertificate (its time is over, or has not come),
        DuplicateCertificate, LimitExceeded, ValidationError.
    AWS: UploadSigningCertificate.
    """
    from pilvi.services.iam.proofs import certificates  # loads X.509, for this alone

    user = records.get_user(tx, call.scope, user_name_of(call, req.get("UserName")))
    parsed = certificates.parse(req["CertificateBody"])
    if not parsed.not_before_ms <= call.now_ms <= parsed.not_after_ms:
        raise errors.InvalidCertificate
    home = records.home_of(call.scope)
    if any(SIGNING_CERTIFICATES.scan_index(tx, home, "fingerprint", (parsed.fingerprint,))):
        raise errors.DuplicateCertificate
    present = sum(1 for _ in signing_certificates.of_user(tx, call.scope, user))
    if present >= limits.CERTIFICATES_PER_USER:
        raise errors.LimitExceeded(quota="CertificatesPerUser", limit=limits.CERTIFICATES_PER_USER)
    certificate = Record(
        user_id=user.id,
        id=call.entropy.upper(32),
        body=req["CertificateBody"],
        fingerprint=parsed.fingerprint,
        uploaded_at_ms=call.now_ms,
    )
    SIGNING_CERTIFICATES.put(tx, home, certificate)
    return {"Certificate": _told(user, certificate)}


@iam.read("ListSigningCertificates")
def list_signing_certificates(
    call: Call, at: Snapshot, req: ListSigningCertificatesRequest
) -> ListSigningCertificatesResponse:
    """Those of a user, or of the caller. Raises: NoSuchEntity, ValidationError. AWS: ListSigningCertificates."""
    user = records.get_user(at, call.scope, user_name_of(call, req.get("UserName")))
    found = {one.id: one for one in signing_certificates.of_user(at, call.scope, user)}
    page, more = pages.cut_names(req, found)
    return {"Certificates": [_told(user, found[id_]) for id_ in page], **more}


@iam.write("UpdateSigningCertificate")
def update_signing_certificate(
    call: Call, tx: Transaction, req: UpdateSigningCertificateRequest
) -> None:
    """Raises: NoSuchEntity, ValidationError. AWS: UpdateSigningCertificate."""
    user = records.get_user(tx, call.scope, user_name_of(call, req.get("UserName")))
    certificate = signing_certificates.get(tx, call.scope, user, req["CertificateId"])
    certificate.active = rules.is_active(req["Status"])
    SIGNING_CERTIFICATES.put(tx, records.home_of(call.scope), certificate)


@iam.write("DeleteSigningCertificate")
def delete_signing_certificate(
    call: Call, tx: Transaction, req: DeleteSigningCertificateRequest
) -> None:
    """Raises: NoSuchEntity, ValidationError. AWS: DeleteSigningCertificate."""
    user = records.get_user(tx, call.scope, user_name_of(call, req.get("UserName")))
    certificate = signing_certificates.get(tx, call.scope, user, req["CertificateId"])
    SIGNING_CERTIFICATES.delete(tx, records.home_of(call.scope), user.id, certificate.id)


def _told(user: User, certificate: Record) -> SigningCertificate:
    return {
        "UserName": user.name,
        "CertificateId": certificate.id,
        "CertificateBody": certificate.body,
        "Status": rules.status(active=certificate.active),
        "UploadDate": certificate.uploaded_at_ms,
    }
