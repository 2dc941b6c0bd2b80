"""Server certificates of the account, for listeners that speak TLS; tags. Their private keys never come out again."""

from __future__ import annotations

import asyncio

from pilvi.base.http import Body
from pilvi.kit.audit import WatchedRequest
from pilvi.kit.call import Call
from pilvi.kit.execution import refuse_unread
from pilvi.services.iam import errors, limits, pages, records, renaming, rules
from pilvi.services.iam.proofs import server_certificates
from pilvi.services.iam.proofs.server_certificates import SERVER_CERTIFICATES
from pilvi.services.iam.proofs.server_certificates import ServerCertificate as Record
from pilvi.services.iam.service import iam
from pilvi.services.iam.wire import (
    DeleteServerCertificateRequest,
    GetServerCertificateRequest,
    GetServerCertificateResponse,
    ListServerCertificatesRequest,
    ListServerCertificatesResponse,
    ListServerCertificateTagsRequest,
    ListServerCertificateTagsResponse,
    ServerCertificate,
    ServerCertificateMetadata,
    TagServerCertificateRequest,
    UntagServerCertificateRequest,
    UploadServerCertificateResponse,
)
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.sealing import Sealer


@iam.stream("UploadServerCertificate")
async def upload_server_certificate(
    call: Call, req: WatchedRequest, body: Body
) -> UploadServerCertificateResponse:
    """Keep a certificate with its private key, which is sealed, and its chain.

    Raises: EntityAlreadyExists, MalformedCertificate (also when its time is over, or has not come),
        KeyPairMismatch, LimitExceeded, InvalidInput (tags).
    AWS: UploadServerCertificate; IAM User Guide, "Manage server certificates in IAM".
    """
    text, key, chain = req["CertificateBody"], req["PrivateKey"], req.get("CertificateChain")
    certificate = Record(
        name=req["ServerCertificateName"],
        path=req.get("Path", "/"),
        id="ASCA" + call.entropy.upper(17),
        body=text,
        chain=chain,
        private_key=b"",
        expires_at_ms=0,
        uploaded_at_ms=call.now_ms,
        tags=rules.tags_of(req.get("Tags")),
    )
    from pilvi.services.iam.proofs import certificates  # loads X.509, for this alone

    refuse_unread(call.cloud.operation(call.service, call.operation), req)
    parsed = certificates.parse(text)
    certificate.expires_at_ms = parsed.not_after_ms
    if not parsed.not_before_ms <= call.now_ms <= parsed.not_after_ms:
        raise errors.MalformedCertificate(detail="Certificate is not valid at this time.")
    await asyncio.to_thread(certificates.check_pair, text, key, chain)

    def upload(tx: Transaction) -> None:
        _check_free(call, tx, certificate.name)
        held = SERVER_CERTIFICATES.scan(tx, records.home_of(call.scope))
        if sum(1 for _ in held) >= limits.SERVER_CERTIFICATES:
            raise errors.LimitExceeded(
                quota="ServerCertificatesPerAccount", limit=limits.SERVER_CERTIFICATES
            )
        server_certificates.seal_key(tx, call.scope, call.ask(Sealer), certificate, key)
        server_certificates.put(tx, call.scope, certificate)

    await call.transact(upload)
    answer: UploadServerCertificateResponse = {
        "ServerCertificateMetadata": _told(call, certificate)
    }
    if certificate.tags:
        answer["Tags"] = rules.wire_tags(certificate.tags)
    return answer


def _check_free(call: Call, at: Snapshot, name: str) -> None:
    """Raises: EntityAlreadyExists."""
    if server_certificates.find(at, call.scope, name) is not None:
        raise errors.EntityAlreadyExists(
            detail=f"The Server Certificate with name {name} already exists."
        )


@iam.read("GetServerCertificate")
def get_server_certificate(
    call: Call, at: Snapshot, req: GetServerCertificateRequest
) -> GetServerCertificateResponse:
    """Raises: NoSuchEntity. AWS: GetServerCertificate."""
    certificate = server_certificates.get(at, call.scope, req["ServerCertificateName"])
    told: ServerCertificate = {
        "ServerCertificateMetadata": _told(call, certificate),
        "CertificateBody": certificate.body,
        "Tags": rules.wire_tags(certificate.tags),  # also when there are none, as recorded of AWS
    }
    if certificate.chain is not None:
        told["CertificateChain"] = certificate.chain
    return {"ServerCertificate": told}


@iam.read("ListServerCertificates")
def list_server_certificates(
    call: Call, at: Snapshot, req: ListServerCertificatesRequest
) -> ListServerCertificatesResponse:
    """Those whose path begins with PathPrefix, by name. AWS: ListServerCertificates."""
    prefix, home = req.get("PathPrefix", "/"), records.home_of(call.scope)
    found = SERVER_CERTIFICATES.scan(at, home, after_key=pages.after_marker(req))
    fitting = (one for one in found if one.path.startswith(prefix))
    page, more = pages.cut(req, fitting, SERVER_CERTIFICATES.key_of)
    return {"ServerCertificateMetadataList": [_told(call, one) for one in page], **more}


@iam.stream("UpdateServerCertificate")
async def update_server_certificate(call: Call, req: WatchedRequest, body: Body) -> None:
    """Rename it, or move it to another path; the caller needs permission for it as it will be, too.

    Raises: NoSuchEntity, EntityAlreadyExists, AccessDenied. AWS: UpdateServerCertificate.
    """
    old, name = req["ServerCertificateName"], req.get("NewServerCertificateName")
    path = req.get("NewPath")

    def changed(at: Snapshot) -> Record:
        certificate = server_certificates.get(at, call.scope, old)
        certificate.name, certificate.path = name or certificate.name, path or certificate.path
        return certificate

    def renamed(at: Snapshot) -> str:
        return server_certificates.arn_of(call.scope, changed(at))

    def move(tx: Transaction) -> None:
        certificate = changed(tx)
        if certificate.name.lower() != old.lower():
            _check_free(call, tx, certificate.name)
        SERVER_CERTIFICATES.delete(tx, records.home_of(call.scope), old.lower())
        server_certificates.put(tx, call.scope, certificate)

    entity = f"Server Certificate {old}"
    await renaming.rename(call, req, entity, as_it_will_be=renamed, move=move)


@iam.write("DeleteServerCertificate")
def delete_server_certificate(
    call: Call, tx: Transaction, req: DeleteServerCertificateRequest
) -> None:
    """Raises: NoSuchEntity. AWS: DeleteServerCertificate."""
    certificate = server_certificates.get(tx, call.scope, req["ServerCertificateName"])
    SERVER_CERTIFICATES.delete(tx, records.home_of(call.scope), certificate.name.lower())


@iam.write("TagServerCertificate")
def tag_server_certificate(call: Call, tx: Transaction, req: TagServerCertificateRequest) -> None:
    """Raises: NoSuchEntity, InvalidInput, LimitExceeded. AWS: TagServerCertificate."""
    certificate = server_certificates.get(tx, call.scope, req["ServerCertificateName"])
    certificate.tags = rules.merge_tags(certificate.tags, rules.tags_of(req["Tags"]))
    server_certificates.put(tx, call.scope, certificate)


@iam.write("UntagServerCertificate")
def untag_server_certificate(
    call: Call, tx: Transaction, req: UntagServerCertificateRequest
) -> None:
    """Raises: NoSuchEntity. AWS: UntagServerCertificate."""
    certificate = server_certificates.get(tx, call.scope, req["ServerCertificateName"])
    certificate.tags = rules.without_tags(certificate.tags, req["TagKeys"])
    server_certificates.put(tx, call.scope, certificate)


@iam.read("ListServerCertificateTags")
def list_server_certificate_tags(
    call: Call, at: Snapshot, req: ListServerCertificateTagsRequest
) -> ListServerCertificateTagsResponse:
    """Raises: NoSuchEntity. AWS: ListServerCertificateTags."""
    tags = server_certificates.get(at, call.scope, req["ServerCertificateName"]).tags
    page, more = pages.cut_tags(req, tags)
    return {"Tags": page, **more}


def _told(call: Call, certificate: Record) -> ServerCertificateMetadata:
    return {
        "Path": certificate.path,
        "ServerCertificateName": certificate.name,
        "ServerCertificateId": certificate.id,
        "Arn": server_certificates.arn_of(call.scope, certificate),
        "UploadDate": certificate.uploaded_at_ms,
        "Expiration": certificate.expires_at_ms,
    }
