"""Roles: create, get, list, change, delete. Who may assume one is decided where it is assumed."""

from __future__ import annotations

from pilvi.base.arn import Scope
from pilvi.kit.call import Call
from pilvi.services.iam import documents, errors, limits, pages, records, rules
from pilvi.services.iam.instance_profiles import profiles_of
from pilvi.services.iam.operations import boundaries
from pilvi.services.iam.operations.last_accessed import role_last_used
from pilvi.services.iam.operations.users import check_policies_gone
from pilvi.services.iam.permissions import ids_in_trust
from pilvi.services.iam.records import ROLES
from pilvi.services.iam.service import iam
from pilvi.services.iam.wire import (
    CreateRoleRequest,
    CreateRoleResponse,
    DeleteRoleRequest,
    GetRoleRequest,
    GetRoleResponse,
    ListRolesRequest,
    ListRolesResponse,
    Role,
    UpdateAssumeRolePolicyRequest,
    UpdateRoleDescriptionRequest,
    UpdateRoleDescriptionResponse,
    UpdateRoleRequest,
    UpdateRoleResponse,
)
from pilvi.store.api import Snapshot, Transaction


@iam.write("CreateRole")
def create_role(call: Call, tx: Transaction, req: CreateRoleRequest) -> CreateRoleResponse:
    """Add a role with its trust policy.

    Raises: EntityAlreadyExists, MalformedPolicyDocument, LimitExceeded, InvalidInput (tags).
    AWS: CreateRole.
    """
    name, path = req["RoleName"], req.get("Path", "/")
    home = records.home_of(call.scope)
    if path.startswith(rules.SERVICE_LINKED_PATH):
        raise errors.InvalidInput(
            detail=f"Path prefix '{rules.SERVICE_LINKED_PATH}' can only be used for AWS Service"
            " linked Roles"
        )
    trust = _checked_trust(req["AssumeRolePolicyDocument"])
    if records.find_role(tx, call.scope, name) is not None:
        raise errors.EntityAlreadyExists(detail=f"Role with name {name} already exists.")
    records.check_room(tx, call.scope, ROLES, "RolesPerAccount")
    role = records.Role(
        name=name,
        path=path,
        id="AROA" + call.entropy.upper(17),
        created_at_ms=call.now_ms,
        tags=rules.tags_of(req.get("Tags")),
        trust=trust,
        trust_ids=ids_in_trust(tx, trust),
        description=req.get("Description"),
        session_s_max=req.get("MaxSessionDuration", limits.ROLE_SESSION_S_DEFAULT),
    )
    ROLES.put(tx, home, role)
    if "PermissionsBoundary" in req:
        arn = boundaries.checked(call, tx, req["PermissionsBoundary"])
        records.set_boundary(tx, call.scope, role, arn)
    wire = told(call.scope, role)
    if "MaxSessionDuration" not in req:
        del wire["MaxSessionDuration"]  # as recorded: told by GetRole, not here
    return {"Role": wire}


@iam.read("GetRole")
def get_role(call: Call, at: Snapshot, req: GetRoleRequest) -> GetRoleResponse:
    """Raises: NoSuchEntity."""
    role = records.get_role(at, call.scope, req["RoleName"])
    last_used = role_last_used(at, call.scope, role)
    wire: Role = {**told(call.scope, role), "RoleLastUsed": last_used}
    if role.boundary:
        wire["PermissionsBoundary"] = boundaries.told(role)
    return {"Role": wire}


@iam.read("ListRoles")
def list_roles(call: Call, at: Snapshot, req: ListRolesRequest) -> ListRolesResponse:
    """List roles whose path begins with PathPrefix, by name. Tags are left out, as on AWS."""
    prefix = req.get("PathPrefix", "/")
    found = ROLES.scan(at, records.home_of(call.scope), after_key=pages.after_marker(req))
    matching = (role for role in found if role.path.startswith(prefix))
    page, more = pages.cut(req, matching, ROLES.key_of)
    return {"Roles": [told(call.scope, role, tags=False) for role in page], **more}


@iam.write("UpdateRole")
def update_role(call: Call, tx: Transaction, req: UpdateRoleRequest) -> UpdateRoleResponse:
    """Change the description and the longest session. What is left out returns to its default, as on AWS.

    Of a service-linked role only the description can be changed.

    Raises: NoSuchEntity, UnmodifiableEntity.
    """
    role = records.get_role(tx, call.scope, req["RoleName"])
    session_s_max = req.get("MaxSessionDuration", limits.ROLE_SESSION_S_DEFAULT)
    if session_s_max != role.session_s_max:
        rules.check_modifiable(role)
    if "Description" in req:
        role.description = req["Description"]
    role.session_s_max = session_s_max
    records.put_entity(tx, call.scope, role)
    return {}


@iam.write("UpdateRoleDescription")
def update_role_description(
    call: Call, tx: Transaction, req: UpdateRoleDescriptionRequest
) -> UpdateRoleDescriptionResponse:
    """Raises: NoSuchEntity."""
    role = records.get_role(tx, call.scope, req["RoleName"])
    role.description = req["Description"]
    records.put_entity(tx, call.scope, role)
    return {"Role": told(call.scope, role)}


@iam.write("UpdateAssumeRolePolicy")
def update_assume_role_policy(
    call: Call, tx: Transaction, req: UpdateAssumeRolePolicyRequest
) -> None:
    """Replace the trust policy.

    Raises: NoSuchEntity, UnmodifiableEntity, MalformedPolicyDocument, LimitExceeded.
    """
    role = records.get_role(tx, call.scope, req["RoleName"])
    rules.check_modifiable(role)
    role.trust = _checked_trust(req["PolicyDocument"])
    role.trust_ids = ids_in_trust(tx, role.trust)
    records.put_entity(tx, call.scope, role)


@iam.write("DeleteRole")
def delete_role(call: Call, tx: Transaction, req: DeleteRoleRequest) -> None:
    """Remove a role without policies and profiles. Sessions already issued live on to their expiry, as on AWS.

    Raises: NoSuchEntity, DeleteConflict, UnmodifiableEntity.
    """
    role = records.get_role(tx, call.scope, req["RoleName"])
    rules.check_modifiable(role)
    if any(profiles_of(tx, call.scope, role)):
        raise errors.DeleteConflict(first="remove roles from instance profile")
    check_policies_gone(role)
    records.set_boundary(tx, call.scope, role, "")
    ROLES.delete(tx, records.home_of(call.scope), role.name.lower())


def _checked_trust(document: str) -> str:
    documents.check_trust_policy(document)
    if rules.size_of(document) > limits.TRUST_POLICY_SIZE:
        raise errors.LimitExceeded(quota="ACLSizePerRole", limit=limits.TRUST_POLICY_SIZE)
    return document


def told(scope: Scope, role: records.Role, *, tags: bool = True) -> Role:
    wire: Role = {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": records.arn_of(scope, "role", role),
        "CreateDate": role.created_at_ms,
        "AssumeRolePolicyDocument": rules.encoded(role.trust),
        "MaxSessionDuration": role.session_s_max,
    }
    if role.description is not None:
        wire["Description"] = role.description
    if tags and role.tags:
        wire["Tags"] = rules.wire_tags(role.tags)
    return wire
