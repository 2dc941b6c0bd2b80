"""Service-linked roles: create, delete in the background, and how far that is."""

from __future__ import annotations

import msgspec

from pilvi.base.errors import NotBuilt
from pilvi.contracts.jobs import Job
from pilvi.kit.call import Call
from pilvi.services.iam import errors, limits, records, rules
from pilvi.services.iam.operations import roles
from pilvi.services.iam.records import ROLES, home_of
from pilvi.services.iam.service import iam
from pilvi.services.iam.service_linked_roles import (
    DELETIONS,
    Deletion,
    find_deletion,
    find_linked,
    find_open_deletion,
    put_linked,
)
from pilvi.services.iam.wire import (
    CreateServiceLinkedRoleRequest,
    CreateServiceLinkedRoleResponse,
    DeleteServiceLinkedRoleRequest,
    DeleteServiceLinkedRoleResponse,
    GetServiceLinkedRoleDeletionStatusRequest,
    GetServiceLinkedRoleDeletionStatusResponse,
)
from pilvi.store.api import Snapshot, Transaction


@iam.write("CreateServiceLinkedRole")
def create_service_linked_role(
    call: Call, tx: Transaction, req: CreateServiceLinkedRoleRequest
) -> CreateServiceLinkedRoleResponse:
    """Add the role that a service uses, with the trust and the policy that AWS gives it.

    Raises: InvalidInput (suffix, name taken), LimitExceeded, NotBuilt for services whose role is not known here.
    AWS: CreateServiceLinkedRole.
    """
    service, suffix = req["AWSServiceName"], req.get("CustomSuffix")
    linked = find_linked(service)
    if linked is None:
        raise NotBuilt(what=f"the service-linked role of {service}")
    if suffix is not None and not linked.takes_suffix:
        raise errors.InvalidInput(detail=f"Custom suffix is not allowed for {service}")
    name = linked.role_name(suffix)
    if records.find_role(tx, call.scope, name) is not None:
        raise errors.InvalidInput(
            detail=f"Service role name {name} has been taken in this account, please try a"
            " different suffix."
        )
    records.check_room(tx, call.scope, ROLES, "RolesPerAccount")
    description = req.get("Description", linked.description)
    role = put_linked(
        tx, call.scope, linked, name, description, entropy=call.entropy, now_ms=call.now_ms
    )
    wire = roles.told(call.scope, role)
    del wire["MaxSessionDuration"]
    return {"Role": wire}


@iam.write("DeleteServiceLinkedRole")
def delete_service_linked_role(
    call: Call, tx: Transaction, req: DeleteServiceLinkedRoleRequest
) -> DeleteServiceLinkedRoleResponse:
    """Have a role deleted soon; asked again before that is done, it tells of the same task.

    Raises: NoSuchEntity: no such role, or one that is no service's.
    AWS: DeleteServiceLinkedRole.
    """
    role = records.get_role(tx, call.scope, req["RoleName"])
    if not role.path.startswith(rules.SERVICE_LINKED_PATH):
        raise errors.NoSuchEntity(
            detail=f"The service-linked role with name {role.name} cannot be found."
        )
    task = find_open_deletion(tx, call.scope, role.name)
    if task is None:
        task = Deletion(
            id=call.entropy.uuid(),
            service=role.path.strip("/").partition("/")[2],
            role=role.name,
            role_id=role.id,
            asked_at_ms=call.now_ms,
        )
        DELETIONS.put(tx, home_of(call.scope), task)
        payload = msgspec.msgpack.encode(task.task_id)
        for what, after_ms in (("delete", 0), ("forget", limits.DELETIONS_KEPT_MS)):
            kind = f"iam.{what}_service_linked_role"
            tx.at(
                call.now_ms + after_ms,
                Job(kind=kind, payload=payload, account=call.account, region=call.region),
            )
    return {"DeletionTaskId": task.task_id}


@iam.read("GetServiceLinkedRoleDeletionStatus")
def get_service_linked_role_deletion_status(
    call: Call, at: Snapshot, req: GetServiceLinkedRoleDeletionStatusRequest
) -> GetServiceLinkedRoleDeletionStatusResponse:
    """Raises: NoSuchEntity. What is long over is forgotten."""
    task = find_deletion(at, call.scope, req["DeletionTaskId"])
    if task is None:
        raise errors.NoSuchEntity(
            detail=f"The deletion task with id {req['DeletionTaskId']} cannot be found."
        )
    told: GetServiceLinkedRoleDeletionStatusResponse = {"Status": task.status}
    if task.reason:
        told["Reason"] = {"Reason": task.reason}
    return told
