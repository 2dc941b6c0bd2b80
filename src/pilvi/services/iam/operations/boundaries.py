"""Permissions boundaries: the most that a user or a role can ever be allowed by its own policies."""

from __future__ import annotations

from pilvi.kit.call import Call
from pilvi.services.iam import aws_policies, errors, records, rules
from pilvi.services.iam.records import Role, User
from pilvi.services.iam.service import iam
from pilvi.services.iam.wire import (
    AttachedPermissionsBoundary,
    DeleteRolePermissionsBoundaryRequest,
    DeleteUserPermissionsBoundaryRequest,
    PutRolePermissionsBoundaryRequest,
    PutUserPermissionsBoundaryRequest,
)
from pilvi.store.api import Snapshot, Transaction


@iam.write("PutUserPermissionsBoundary")
def put_user_permissions_boundary(
    call: Call, tx: Transaction, req: PutUserPermissionsBoundaryRequest
) -> None:
    """Raises: NoSuchEntity, ValidationError (no ARN)."""
    user = records.get_user(tx, call.scope, req["UserName"])
    records.set_boundary(tx, call.scope, user, checked(call, tx, req["PermissionsBoundary"]))


@iam.write("PutRolePermissionsBoundary")
def put_role_permissions_boundary(
    call: Call, tx: Transaction, req: PutRolePermissionsBoundaryRequest
) -> None:
    """Raises: NoSuchEntity, ValidationError (no ARN)."""
    role = records.get_role(tx, call.scope, req["RoleName"])
    rules.check_modifiable(role)
    records.set_boundary(tx, call.scope, role, checked(call, tx, req["PermissionsBoundary"]))


@iam.write("DeleteUserPermissionsBoundary")
def delete_user_permissions_boundary(
    call: Call, tx: Transaction, req: DeleteUserPermissionsBoundaryRequest
) -> None:
    """Raises: NoSuchEntity: no such user, or one without a boundary."""
    _delete(call, tx, records.get_user(tx, call.scope, req["UserName"]))


@iam.write("DeleteRolePermissionsBoundary")
def delete_role_permissions_boundary(
    call: Call, tx: Transaction, req: DeleteRolePermissionsBoundaryRequest
) -> None:
    """Raises: NoSuchEntity: no such role, or one without a boundary."""
    _delete(call, tx, records.get_role(tx, call.scope, req["RoleName"]))


def _delete(call: Call, tx: Transaction, entity: User | Role) -> None:
    rules.check_modifiable(entity)
    if not entity.boundary:
        raise errors.NoSuchEntity(detail=f"No permissions boundary is set for {entity.name}.")
    records.set_boundary(tx, call.scope, entity, "")


def checked(call: Call, at: Snapshot, arn: str) -> str:
    """A managed policy that exists. Raises: NoSuchEntity, ValidationError (no ARN)."""
    return aws_policies.get_policy(at, call.scope, arn).arn


def told(entity: User | Role) -> AttachedPermissionsBoundary:
    return {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": entity.boundary}
