"""User names and passwords that users have for single services.

AWS: IAM User Guide, "IAM credentials for CodeCommit", "Service-specific credentials with Amazon Keyspaces".
"""

from __future__ import annotations

from pilvi.base.errors import NotBuilt
from pilvi.kit.call import Call
from pilvi.services.iam import errors, limits, pages, records, rules
from pilvi.services.iam.operations.callers import user_name_of
from pilvi.services.iam.proofs import service_credentials
from pilvi.services.iam.proofs.service_credentials import SERVICE_CREDENTIALS, ServiceCredential
from pilvi.services.iam.records import User
from pilvi.services.iam.service import iam
from pilvi.services.iam.wire import (
    CreateServiceSpecificCredentialRequest,
    CreateServiceSpecificCredentialResponse,
    DeleteServiceSpecificCredentialRequest,
    ListServiceSpecificCredentialsRequest,
    ListServiceSpecificCredentialsResponse,
    ResetServiceSpecificCredentialRequest,
    ResetServiceSpecificCredentialResponse,
    ServiceSpecificCredential,
    ServiceSpecificCredentialMetadata,
    UpdateServiceSpecificCredentialRequest,
)
from pilvi.store.api import Snapshot, Transaction

_SERVICES = ("codecommit.amazonaws.com", "cassandra.amazonaws.com")
_WITH_API_KEYS = ("bedrock.amazonaws.com",)


@iam.write("CreateServiceSpecificCredential")
def create_service_specific_credential(
    call: Call, tx: Transaction, req: CreateServiceSpecificCredentialRequest
) -> CreateServiceSpecificCredentialResponse:
    """Make a user name and a password, which is told this once.

    Raises: NoSuchEntity (no such user, no such service), LimitExceeded, NotBuilt (API keys, which have an age).
    AWS: CreateServiceSpecificCredential.
    """
    user = records.get_user(tx, call.scope, req["UserName"])
    service = req["ServiceName"]
    _check_service(service)
    others = [
        one for one in service_credentials.of_user(tx, call.scope, user) if one.service == service
    ]
    if len(others) >= limits.SERVICE_CREDENTIALS_PER_SERVICE:
        raise errors.LimitExceeded(
            quota="ServiceSpecificCredentialsPerUser", limit=limits.SERVICE_CREDENTIALS_PER_SERVICE
        )
    names = {f"{user.name}-at-{call.account}", f"{user.name}+1-at-{call.account}"}
    credential = ServiceCredential(
        user_id=user.id,
        id="ACCA" + call.entropy.upper(17),
        service=service,
        service_user=max(names - {one.service_user for one in others}),
        created_at_ms=call.now_ms,
    )
    password = service_credentials.set_password(credential, call.entropy)
    SERVICE_CREDENTIALS.put(tx, records.home_of(call.scope), credential)
    return {"ServiceSpecificCredential": _with_password(user, credential, password)}


@iam.read("ListServiceSpecificCredentials")
def list_service_specific_credentials(
    call: Call, at: Snapshot, req: ListServiceSpecificCredentialsRequest
) -> ListServiceSpecificCredentialsResponse:
    """Those of a user, or of the caller. Raises: NoSuchEntity, ValidationError.
    AWS: ListServiceSpecificCredentials."""
    user = records.get_user(at, call.scope, user_name_of(call, req.get("UserName")))
    service = req.get("ServiceName")
    if service is not None:
        _check_service(service)
    found = {
        one.id: one
        for one in service_credentials.of_user(at, call.scope, user)
        if service in (None, one.service)
    }
    if "Marker" not in req and "MaxItems" not in req:
        return {"ServiceSpecificCredentials": [_told(user, one) for one in found.values()]}
    page, more = pages.cut_names(req, found)
    return {"ServiceSpecificCredentials": [_told(user, found[id_]) for id_ in page], **more}


@iam.write("UpdateServiceSpecificCredential")
def update_service_specific_credential(
    call: Call, tx: Transaction, req: UpdateServiceSpecificCredentialRequest
) -> None:
    """Raises: NoSuchEntity, ValidationError. AWS: UpdateServiceSpecificCredential."""
    user = records.get_user(tx, call.scope, user_name_of(call, req.get("UserName")))
    credential = service_credentials.get(tx, call.scope, user, req["ServiceSpecificCredentialId"])
    credential.active = rules.is_active(req["Status"])
    SERVICE_CREDENTIALS.put(tx, records.home_of(call.scope), credential)


@iam.write("ResetServiceSpecificCredential")
def reset_service_specific_credential(
    call: Call, tx: Transaction, req: ResetServiceSpecificCredentialRequest
) -> ResetServiceSpecificCredentialResponse:
    """Replace the password. Raises: NoSuchEntity, ValidationError. AWS: ResetServiceSpecificCredential."""
    user = records.get_user(tx, call.scope, user_name_of(call, req.get("UserName")))
    credential = service_credentials.get(tx, call.scope, user, req["ServiceSpecificCredentialId"])
    password = service_credentials.set_password(credential, call.entropy)
    SERVICE_CREDENTIALS.put(tx, records.home_of(call.scope), credential)
    return {"ServiceSpecificCredential": _with_password(user, credential, password)}


@iam.write("DeleteServiceSpecificCredential")
def delete_service_specific_credential(
    call: Call, tx: Transaction, req: DeleteServiceSpecificCredentialRequest
) -> None:
    """Raises: NoSuchEntity, ValidationError. AWS: DeleteServiceSpecificCredential."""
    user = records.get_user(tx, call.scope, user_name_of(call, req.get("UserName")))
    credential = service_credentials.get(tx, call.scope, user, req["ServiceSpecificCredentialId"])
    SERVICE_CREDENTIALS.delete(tx, records.home_of(call.scope), user.id, credential.id)


def _check_service(name: str) -> None:
    """Raises: NoSuchEntity, NotBuilt."""
    if name in _WITH_API_KEYS:
        raise NotBuilt(what=f"service-specific credentials of {name}")
    if name not in _SERVICES:
        raise errors.NoSuchEntity(
            detail=f"No such service {name} is supported for Service Specific Credentials"
        )


def _told(user: User, credential: ServiceCredential) -> ServiceSpecificCredentialMetadata:
    return {
        "CreateDate": credential.created_at_ms,
        "ServiceName": credential.service,
        "ServiceSpecificCredentialId": credential.id,
        "ServiceUserName": credential.service_user,
        "Status": rules.status(active=credential.active),
        "UserName": user.name,
    }


def _with_password(
    user: User, credential: ServiceCredential, password: str
) -> ServiceSpecificCredential:
    return {**_told(user, credential), "ServicePassword": password}
