"""Groups and their members: create, get, list, delete, add, remove."""

from __future__ import annotations

from pilvi.base.arn import Scope
from pilvi.base.http import Body
from pilvi.kit.audit import WatchedRequest
from pilvi.kit.call import Call
from pilvi.services.iam import errors, limits, pages, records, renaming
from pilvi.services.iam.operations import users
from pilvi.services.iam.records import GROUPS, MEMBERS
from pilvi.services.iam.service import iam
from pilvi.services.iam.wire import (
    AddUserToGroupRequest,
    CreateGroupRequest,
    CreateGroupResponse,
    DeleteGroupRequest,
    GetGroupRequest,
    GetGroupResponse,
    Group,
    ListGroupsForUserRequest,
    ListGroupsForUserResponse,
    ListGroupsRequest,
    ListGroupsResponse,
    RemoveUserFromGroupRequest,
)
from pilvi.store.api import Snapshot, Transaction


@iam.write("CreateGroup")
def create_group(call: Call, tx: Transaction, req: CreateGroupRequest) -> CreateGroupResponse:
    """Raises: EntityAlreadyExists."""
    name = req["GroupName"]
    home = records.home_of(call.scope)
    if GROUPS.find(tx, home, name.lower()) is not None:
        raise errors.EntityAlreadyExists(detail=f"Group with name {name} already exists.")
    records.check_room(tx, call.scope, GROUPS, "GroupsPerAccount")
    group = records.Group(
        name=name,
        path=req.get("Path", "/"),
        id="AGPA" + call.entropy.upper(17),
        created_at_ms=call.now_ms,
    )
    GROUPS.put(tx, home, group)
    return {"Group": told(call.scope, group)}


@iam.read("GetGroup")
def get_group(call: Call, at: Snapshot, req: GetGroupRequest) -> GetGroupResponse:
    """Tell about a group and a page of its users. Raises: NoSuchEntity."""
    group = records.get_group(at, call.scope, req["GroupName"])
    home = records.home_of(call.scope)
    members = MEMBERS.scan(at, home, (group.name.lower(),), after_key=pages.after_marker(req))
    page, more = pages.cut(req, members, MEMBERS.key_of)
    found = [records.get_user(at, call.scope, member.user) for member in page]
    return {
        "Group": told(call.scope, group),
        "Users": [users.told(call.scope, user, tags=False) for user in found],
        **more,
    }


@iam.read("ListGroups")
def list_groups(call: Call, at: Snapshot, req: ListGroupsRequest) -> ListGroupsResponse:
    """List groups whose path begins with PathPrefix, by name."""
    prefix = req.get("PathPrefix", "/")
    found = GROUPS.scan(at, records.home_of(call.scope), after_key=pages.after_marker(req))
    matching = (group for group in found if group.path.startswith(prefix))
    page, more = pages.cut(req, matching, GROUPS.key_of)
    return {"Groups": [told(call.scope, group) for group in page], **more}


@iam.stream("UpdateGroup")
async def update_group(call: Call, req: WatchedRequest, body: Body) -> None:
    """Rename a group or move it to another path; its policies and members come along.

    The caller needs permission for the group as it will be, too.
    Raises: NoSuchEntity, EntityAlreadyExists, AccessDenied. AWS: UpdateGroup.
    """
    old, name, path = req["GroupName"], req.get("NewGroupName"), req.get("NewPath")

    def renamed(at: Snapshot) -> str:
        group = records.get_group(at, call.scope, old)
        group.name, group.path = name or group.name, path or group.path
        return records.arn_of(call.scope, "group", group)

    def move(tx: Transaction) -> None:
        group = records.get_group(tx, call.scope, old)
        new_name, new_path = name or group.name, path or group.path
        taken = GROUPS.find(tx, records.home_of(call.scope), new_name.lower())
        if taken is not None and taken.id != group.id:
            raise errors.EntityAlreadyExists(detail=f"Group with name {new_name} already exists.")
        renaming.rename_group(tx, call.scope, group, name=new_name, path=new_path)

    await renaming.rename(call, req, f"group {old}", as_it_will_be=renamed, move=move)


@iam.write("DeleteGroup")
def delete_group(call: Call, tx: Transaction, req: DeleteGroupRequest) -> None:
    """Remove a group without users and policies. Raises: NoSuchEntity, DeleteConflict."""
    group = records.get_group(tx, call.scope, req["GroupName"])
    home = records.home_of(call.scope)
    if any(MEMBERS.scan(tx, home, (group.name.lower(),), limit=1)):
        raise errors.DeleteConflict(first="remove users from group")
    users.check_policies_gone(group)
    GROUPS.delete(tx, home, group.name.lower())


@iam.write("AddUserToGroup")
def add_user_to_group(call: Call, tx: Transaction, req: AddUserToGroupRequest) -> None:
    """Adding a member again is no error. Raises: NoSuchEntity, LimitExceeded."""
    group = records.get_group(tx, call.scope, req["GroupName"])
    user = records.get_user(tx, call.scope, req["UserName"])
    if group.name in user.groups:
        return
    if len(user.groups) >= limits.GROUPS_PER_USER:
        raise errors.LimitExceeded(quota="GroupsPerUser", limit=limits.GROUPS_PER_USER)
    records.put_member(tx, call.scope, group, user)


@iam.write("RemoveUserFromGroup")
def remove_user_from_group(call: Call, tx: Transaction, req: RemoveUserFromGroupRequest) -> None:
    """Removing who is no member is no error. Raises: NoSuchEntity."""
    group = records.get_group(tx, call.scope, req["GroupName"])
    user = records.get_user(tx, call.scope, req["UserName"])
    records.delete_member(tx, call.scope, group, user)


@iam.read("ListGroupsForUser")
def list_groups_for_user(
    call: Call, at: Snapshot, req: ListGroupsForUserRequest
) -> ListGroupsForUserResponse:
    """Raises: NoSuchEntity."""
    user = records.get_user(at, call.scope, req["UserName"])
    page, more = pages.cut_names(req, user.groups)
    found = [records.get_group(at, call.scope, name) for name in page]
    return {"Groups": [told(call.scope, group) for group in found], **more}


def told(scope: Scope, group: records.Group) -> Group:
    return {
        "Path": group.path,
        "GroupName": group.name,
        "GroupId": group.id,
        "Arn": records.arn_of(scope, "group", group),
        "CreateDate": group.created_at_ms,
    }
