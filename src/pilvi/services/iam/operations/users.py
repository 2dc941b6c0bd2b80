"""Users: create, get, list, rename, delete."""

from __future__ import annotations

from pilvi.base.arn import Scope
from pilvi.base.http import Body
from pilvi.kit.audit import WatchedRequest
from pilvi.kit.call import Call
from pilvi.services.iam import errors, pages, records, renaming, rules
from pilvi.services.iam.operations import boundaries
from pilvi.services.iam.operations.callers import user_name_of
from pilvi.services.iam.proofs import (
    logins,
    mfa_devices,
    service_credentials,
    signing_certificates,
    ssh_keys,
)
from pilvi.services.iam.records import USERS, Entity
from pilvi.services.iam.service import iam
from pilvi.services.iam.sessions import tokens
from pilvi.services.iam.wire import (
    CreateUserRequest,
    CreateUserResponse,
    DeleteUserRequest,
    GetUserRequest,
    GetUserResponse,
    ListUsersRequest,
    ListUsersResponse,
    User,
)
from pilvi.store.api import Snapshot, Transaction


@iam.write("CreateUser")
def create_user(call: Call, tx: Transaction, req: CreateUserRequest) -> CreateUserResponse:
    """Add a user without any key or permission.

    Raises: EntityAlreadyExists, InvalidInput (tags), LimitExceeded (tags).
    AWS: CreateUser.
    """
    name = req["UserName"]
    home = records.home_of(call.scope)
    if USERS.find(tx, home, name.lower()) is not None:
        raise errors.EntityAlreadyExists(detail=f"User with name {name} already exists.")
    records.check_room(tx, call.scope, USERS, "UsersPerAccount")
    user = records.User(
        name=name,
        path=req.get("Path", "/"),
        id="AIDA" + call.entropy.upper(17),
        created_at_ms=call.now_ms,
        tags=rules.tags_of(req.get("Tags")),
    )
    USERS.put(tx, home, user)
    if "PermissionsBoundary" in req:
        arn = boundaries.checked(call, tx, req["PermissionsBoundary"])
        records.set_boundary(tx, call.scope, user, arn)
    return {"User": told(call.scope, user)}


@iam.read("GetUser")
def get_user(call: Call, at: Snapshot, req: GetUserRequest) -> GetUserResponse:
    """Tell about a user; about the caller when no name is given.

    PasswordLastUsed is when somebody signed in to a console with it. There is none here, so it is never told.
    Raises: NoSuchEntity, ValidationError (no name, and the caller is a role's session).
    """
    if "UserName" not in req and call.principal.is_root:
        return {"User": root_told(call)}
    user = records.get_user(at, call.scope, user_name_of(call, req.get("UserName")))
    wire = told(call.scope, user)
    if user.boundary:
        wire["PermissionsBoundary"] = boundaries.told(user)
    return {"User": wire}


@iam.read("ListUsers")
def list_users(call: Call, at: Snapshot, req: ListUsersRequest) -> ListUsersResponse:
    """List users whose path begins with PathPrefix, by name. Tags are left out, as on AWS."""
    prefix = req.get("PathPrefix", "/")
    found = USERS.scan(at, records.home_of(call.scope), after_key=pages.after_marker(req))
    matching = (user for user in found if user.path.startswith(prefix))
    page, more = pages.cut(req, matching, USERS.key_of)
    return {"Users": [told(call.scope, user, tags=False) for user in page], **more}


@iam.stream("UpdateUser")
async def update_user(call: Call, req: WatchedRequest, body: Body) -> None:
    """Rename a user or move it to another path; its keys, policies and groups come along.

    The caller needs permission for the user as it will be, too.
    Raises: NoSuchEntity, EntityAlreadyExists, AccessDenied. AWS: UpdateUser.
    """
    old, name, path = req["UserName"], req.get("NewUserName"), req.get("NewPath")

    def renamed(at: Snapshot) -> str:
        user = records.get_user(at, call.scope, old)
        user.name, user.path = name or user.name, path or user.path
        return records.arn_of(call.scope, "user", user)

    def move(tx: Transaction) -> None:
        user = records.get_user(tx, call.scope, old)
        new_name, new_path = name or user.name, path or user.path
        taken = USERS.find(tx, records.home_of(call.scope), new_name.lower())
        if taken is not None and taken.id != user.id:
            raise errors.EntityAlreadyExists(detail=f"User with name {new_name} already exists.")
        renaming.rename_user(tx, call.scope, user, name=new_name, path=new_path)

    await renaming.rename(call, req, f"user {old}", as_it_will_be=renamed, move=move)


@iam.write("DeleteUser")
def delete_user(call: Call, tx: Transaction, req: DeleteUserRequest) -> None:
    """Remove a user that has nothing any more: keys and other proofs of who it is, policies, groups.

    Raises: NoSuchEntity, DeleteConflict.
    """
    user = records.get_user(tx, call.scope, req["UserName"])
    if user.access_key_ids:
        raise errors.DeleteConflict(first="delete access keys")
    if logins.find(tx, call.scope, user) is not None:
        raise errors.DeleteConflict(first="delete login profile")
    if any(True for _ in mfa_devices.of_holder(tx, call.scope, user)):
        raise errors.DeleteConflict(first="delete MFA device")
    if any(True for _ in signing_certificates.of_user(tx, call.scope, user)):
        raise errors.DeleteConflict(first="delete certificates")
    if any(any(True for _ in of(tx, call.scope, user)) for of in _OTHER_PROOFS):
        raise errors.DeleteConflict(first="remove referenced objects")
    if user.groups:
        raise errors.DeleteConflict(first="remove users from group")
    check_policies_gone(user)
    records.set_boundary(tx, call.scope, user, "")
    USERS.delete(tx, records.home_of(call.scope), user.name.lower())


_OTHER_PROOFS = (ssh_keys.of_user, service_credentials.of_user)


def check_policies_gone(entity: Entity) -> None:
    """Raises: DeleteConflict."""
    if entity.attached:
        raise errors.DeleteConflict(first="detach all policies")
    if entity.inline:
        raise errors.DeleteConflict(first="delete policies")


def told(scope: Scope, user: records.User, *, tags: bool = True) -> User:
    wire: User = {
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.id,
        "Arn": records.arn_of(scope, "user", user),
        "CreateDate": user.created_at_ms,
    }
    if tags and user.tags:
        wire["Tags"] = rules.wire_tags(user.tags)
    return wire


def root_told(call: Call) -> User:
    """The account's root user: it has neither name nor path, and is as old as the epoch here."""
    return {
        "Path": "/",
        "UserName": "root",
        "UserId": call.account,
        "Arn": tokens.root_arn(call.scope),
        "CreateDate": 0,
    }
