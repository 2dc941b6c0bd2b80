"""Instance profiles: create, get, list, delete, their role and their tags.

There are no instances here that could take one; tools that make them for EC2 find them as they left them.
"""

from __future__ import annotations

from pilvi.base.arn import Scope
from pilvi.kit.call import Call
from pilvi.services.iam import errors, limits, pages, records, rules
from pilvi.services.iam.instance_profiles import (
    INSTANCE_PROFILES,
    get_profile,
    profiles_of,
)
from pilvi.services.iam.instance_profiles import InstanceProfile as Profile
from pilvi.services.iam.operations import roles
from pilvi.services.iam.records import home_of
from pilvi.services.iam.service import iam
from pilvi.services.iam.wire import (
    AddRoleToInstanceProfileRequest,
    CreateInstanceProfileRequest,
    CreateInstanceProfileResponse,
    DeleteInstanceProfileRequest,
    GetInstanceProfileRequest,
    GetInstanceProfileResponse,
    InstanceProfile,
    ListInstanceProfilesForRoleRequest,
    ListInstanceProfilesForRoleResponse,
    ListInstanceProfilesRequest,
    ListInstanceProfilesResponse,
    ListInstanceProfileTagsRequest,
    ListInstanceProfileTagsResponse,
    RemoveRoleFromInstanceProfileRequest,
    Role,
    TagInstanceProfileRequest,
    UntagInstanceProfileRequest,
)
from pilvi.store.api import Snapshot, Transaction


@iam.write("CreateInstanceProfile")
def create_instance_profile(
    call: Call, tx: Transaction, req: CreateInstanceProfileRequest
) -> CreateInstanceProfileResponse:
    """Add a profile without a role. Raises: EntityAlreadyExists, LimitExceeded, InvalidInput (tags)."""
    name, home = req["InstanceProfileName"], home_of(call.scope)
    if INSTANCE_PROFILES.find(tx, home, name.lower()) is not None:
        raise errors.EntityAlreadyExists(detail=f"Instance Profile {name} already exists.")
    records.check_room(tx, call.scope, INSTANCE_PROFILES, "InstanceProfilesPerAccount")
    profile = Profile(
        name=name,
        path=req.get("Path", "/"),
        id="AIPA" + call.entropy.upper(17),
        created_at_ms=call.now_ms,
        tags=rules.tags_of(req.get("Tags")),
    )
    INSTANCE_PROFILES.put(tx, home, profile)
    return {"InstanceProfile": told(tx, call.scope, profile)}


@iam.read("GetInstanceProfile")
def get_instance_profile(
    call: Call, at: Snapshot, req: GetInstanceProfileRequest
) -> GetInstanceProfileResponse:
    """Raises: NoSuchEntity."""
    profile = get_profile(at, call.scope, req["InstanceProfileName"])
    return {"InstanceProfile": told(at, call.scope, profile)}


@iam.read("ListInstanceProfiles")
def list_instance_profiles(
    call: Call, at: Snapshot, req: ListInstanceProfilesRequest
) -> ListInstanceProfilesResponse:
    """List profiles whose path begins with PathPrefix, by name. Tags are left out, as on AWS."""
    prefix = req.get("PathPrefix", "/")
    found = INSTANCE_PROFILES.scan(at, home_of(call.scope), after_key=pages.after_marker(req))
    matching = (profile for profile in found if profile.path.startswith(prefix))
    page, more = pages.cut(req, matching, INSTANCE_PROFILES.key_of)
    return {"InstanceProfiles": [told(at, call.scope, one, tags=False) for one in page], **more}


@iam.read("ListInstanceProfilesForRole")
def list_instance_profiles_for_role(
    call: Call, at: Snapshot, req: ListInstanceProfilesForRoleRequest
) -> ListInstanceProfilesForRoleResponse:
    """Raises: NoSuchEntity."""
    role = records.get_role(at, call.scope, req["RoleName"])
    after = pages.after_marker(req)
    found = (
        profile
        for profile in profiles_of(at, call.scope, role)
        if after is None or INSTANCE_PROFILES.key_of(profile) > after
    )
    page, more = pages.cut(req, found, INSTANCE_PROFILES.key_of)
    return {"InstanceProfiles": [told(at, call.scope, one, tags=False) for one in page], **more}


@iam.write("DeleteInstanceProfile")
def delete_instance_profile(call: Call, tx: Transaction, req: DeleteInstanceProfileRequest) -> None:
    """Remove a profile without a role. Raises: NoSuchEntity, DeleteConflict."""
    profile = get_profile(tx, call.scope, req["InstanceProfileName"])
    if profile.role:
        raise errors.DeleteConflict(first="remove roles from instance profile")
    INSTANCE_PROFILES.delete(tx, home_of(call.scope), profile.name.lower())


@iam.write("AddRoleToInstanceProfile")
def add_role_to_instance_profile(
    call: Call, tx: Transaction, req: AddRoleToInstanceProfileRequest
) -> None:
    """Give a profile its role. Raises: NoSuchEntity, LimitExceeded (it has one), UnmodifiableEntity.

    Whoever does this passes the role (iam:PassRole).
    """
    profile = get_profile(tx, call.scope, req["InstanceProfileName"])
    role = records.get_role(tx, call.scope, req["RoleName"])
    rules.check_modifiable(role)
    if profile.role:
        raise errors.LimitExceeded(
            quota="InstanceSessionsPerInstanceProfile", limit=limits.ROLES_PER_PROFILE
        )
    profile.role = role.name
    INSTANCE_PROFILES.put(tx, home_of(call.scope), profile)


@iam.write("RemoveRoleFromInstanceProfile")
def remove_role_from_instance_profile(
    call: Call, tx: Transaction, req: RemoveRoleFromInstanceProfileRequest
) -> None:
    """Raises: NoSuchEntity: no such profile or role, or the profile has it not."""
    profile = get_profile(tx, call.scope, req["InstanceProfileName"])
    role = records.get_role(tx, call.scope, req["RoleName"])
    if profile.role != role.name:
        raise errors.NoSuchEntity(
            detail=f"Role {role.name} is not in the instance profile {profile.name}."
        )
    profile.role = ""
    INSTANCE_PROFILES.put(tx, home_of(call.scope), profile)


@iam.write("TagInstanceProfile")
def tag_instance_profile(call: Call, tx: Transaction, req: TagInstanceProfileRequest) -> None:
    """Raises: NoSuchEntity, InvalidInput, LimitExceeded."""
    profile = get_profile(tx, call.scope, req["InstanceProfileName"])
    profile.tags = rules.merge_tags(profile.tags, rules.tags_of(req["Tags"]))
    INSTANCE_PROFILES.put(tx, home_of(call.scope), profile)


@iam.write("UntagInstanceProfile")
def untag_instance_profile(call: Call, tx: Transaction, req: UntagInstanceProfileRequest) -> None:
    """Raises: NoSuchEntity."""
    profile = get_profile(tx, call.scope, req["InstanceProfileName"])
    profile.tags = rules.without_tags(profile.tags, req["TagKeys"])
    INSTANCE_PROFILES.put(tx, home_of(call.scope), profile)


@iam.read("ListInstanceProfileTags")
def list_instance_profile_tags(
    call: Call, at: Snapshot, req: ListInstanceProfileTagsRequest
) -> ListInstanceProfileTagsResponse:
    """Raises: NoSuchEntity."""
    tags = get_profile(at, call.scope, req["InstanceProfileName"]).tags
    page, more = pages.cut_tags(req, tags)
    return {"Tags": page, **more}


def told(at: Snapshot, scope: Scope, profile: Profile, *, tags: bool = True) -> InstanceProfile:
    wire: InstanceProfile = {
        "Path": profile.path,
        "InstanceProfileName": profile.name,
        "InstanceProfileId": profile.id,
        "Arn": records.arn_of(scope, "instance-profile", profile),
        "CreateDate": profile.created_at_ms,
        "Roles": [_role(at, scope, profile.role)] if profile.role else [],
    }
    if tags and profile.tags:
        wire["Tags"] = rules.wire_tags(profile.tags)
    return wire


def _role(at: Snapshot, scope: Scope, name: str) -> Role:
    wire = roles.told(scope, records.get_role(at, scope, name), tags=False)
    del wire["MaxSessionDuration"]
    return wire
