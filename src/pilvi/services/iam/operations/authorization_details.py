"""Everything that says who may do what in an account, in pages: users, groups, roles, and managed policies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from pilvi.kit.call import Call
from pilvi.services.iam import aws_policies, errors, pages, records, rules
from pilvi.services.iam.instance_profiles import profiles_of
from pilvi.services.iam.operations import (
    boundaries,
    groups,
    last_accessed,
    managed_policies,
    users,
)
from pilvi.services.iam.operations.instance_profiles import told as profile_told
from pilvi.services.iam.records import ATTACHMENTS, GROUPS, POLICIES, ROLES, USERS, Entity
from pilvi.services.iam.service import iam
from pilvi.services.iam.wire import (
    AttachedPolicy,
    GetAccountAuthorizationDetailsRequest,
    GetAccountAuthorizationDetailsResponse,
    GroupDetail,
    ManagedPolicyDetail,
    PolicyDetail,
    RoleDetail,
    UserDetail,
)
from pilvi.store.api import Snapshot
from pilvi.store.keys import Key


class Item(NamedTuple):
    """One entity, not told yet: only those of the page are."""

    kind: str
    key: Key
    record: Any


_KINDS = ("User", "Group", "Role", "LocalManagedPolicy", "AWSManagedPolicy")


@iam.read("GetAccountAuthorizationDetails")
def get_account_authorization_details(
    call: Call, at: Snapshot, req: GetAccountAuthorizationDetailsRequest
) -> GetAccountAuthorizationDetailsResponse:
    """Of AWS's own policies, those that are in use here.

    Raises: ValidationError (Marker). AWS: GetAccountAuthorizationDetails.
    """
    wanted = req.get("Filter") or _KINDS
    first, after = _start(req)

    def items() -> Iterator[Item]:
        for number, kind in enumerate(_KINDS):
            if kind in wanted and number >= first:
                for item in _LISTED[kind](call, at, after if number == first else None):
                    yield Item(kind, (number, *item.key), item.record)

    page, more = pages.cut(req, items(), lambda item: item.key)
    told: dict[str, list[Any]] = {kind: [] for kind in _KINDS}
    for item in page:
        told[item.kind].append(_TOLD[item.kind](call, at, item.record))
    return {
        "UserDetailList": told["User"],
        "GroupDetailList": told["Group"],
        "RoleDetailList": told["Role"],
        "Policies": told["LocalManagedPolicy"] + told["AWSManagedPolicy"],
        **more,
    }


def _start(req: Mapping[str, Any]) -> tuple[int, Key | None]:
    """The kind to go on with, and the key to continue behind. Raises: ValidationError (Marker)."""
    match pages.after_marker(req):
        case None:
            return 0, None
        case (int(number), str(name)):
            return number, (name,)
        case _:
            raise errors.ValidationError(detail=f"Invalid Marker: {req.get('Marker')}")


def _entities(kind: str) -> Callable[[Call, Snapshot, Key | None], Iterator[Item]]:
    collection: Any = {
        "User": USERS,
        "Group": GROUPS,
        "Role": ROLES,
        "LocalManagedPolicy": POLICIES,
    }[kind]

    def found(call: Call, at: Snapshot, after: Key | None) -> Iterator[Item]:
        for record in collection.scan(at, records.home_of(call.scope), after_key=after):
            yield Item(kind, collection.key_of(record), record)

    return found


def _aws_policies(call: Call, at: Snapshot, after: Key | None) -> Iterator[Item]:
    """Those that are attached to anybody, by ARN."""
    attached = ATTACHMENTS.scan(at, records.home_of(call.scope))
    arns = {one.policy_arn for one in attached if aws_policies.is_aws_managed(one.policy_arn)}
    for arn in sorted(arns):
        policy = aws_policies.find_policy(at, call.scope, arn)
        if policy is not None and (after is None or (arn,) > after):
            yield Item("AWSManagedPolicy", (arn,), policy)


_LISTED: dict[str, Callable[[Call, Snapshot, Key | None], Iterator[Item]]] = {
    **{kind: _entities(kind) for kind in _KINDS[:4]},
    "AWSManagedPolicy": _aws_policies,
}


def _user(call: Call, at: Snapshot, user: records.User) -> UserDetail:
    wire: UserDetail = {
        **users.told(call.scope, user),  # type: ignore[typeddict-item]
        "GroupList": sorted(user.groups),
        "AttachedManagedPolicies": _attached(user),
    }
    if user.inline:
        wire["UserPolicyList"] = _inline(user)
    if user.boundary:
        wire["PermissionsBoundary"] = boundaries.told(user)
    return wire


def _group(call: Call, at: Snapshot, group: records.Group) -> GroupDetail:
    return {
        **groups.told(call.scope, group),
        "GroupPolicyList": _inline(group),
        "AttachedManagedPolicies": _attached(group),
    }


def _role(call: Call, at: Snapshot, role: records.Role) -> RoleDetail:
    profiles = profiles_of(at, call.scope, role)
    wire: RoleDetail = {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": records.arn_of(call.scope, "role", role),
        "CreateDate": role.created_at_ms,
        "AssumeRolePolicyDocument": rules.encoded(role.trust),
        "InstanceProfileList": [profile_told(at, call.scope, one) for one in profiles],
        "RolePolicyList": _inline(role),
        "AttachedManagedPolicies": _attached(role),
        "RoleLastUsed": last_accessed.role_last_used(at, call.scope, role),
    }
    if role.tags:
        wire["Tags"] = rules.wire_tags(role.tags)
    if role.boundary:
        wire["PermissionsBoundary"] = boundaries.told(role)
    return wire


def _policy(call: Call, at: Snapshot, policy: records.Policy) -> ManagedPolicyDetail:
    latest_first = sorted(policy.versions, key=lambda version: -version.number)
    return {
        **managed_policies.told(call, at, policy),
        "PolicyVersionList": [
            {
                "Document": rules.encoded(version.document),
                "VersionId": f"v{version.number}",
                "IsDefaultVersion": version.number == policy.default_version,
                "CreateDate": version.created_at_ms,
            }
            for version in latest_first
        ],
    }


_TOLD: dict[str, Callable[[Call, Snapshot, Any], Any]] = {
    "User": _user,
    "Group": _group,
    "Role": _role,
    "LocalManagedPolicy": _policy,
    "AWSManagedPolicy": _policy,
}


def _inline(entity: Entity) -> list[PolicyDetail]:
    return [
        {"PolicyName": name, "PolicyDocument": rules.encoded(text)}
        for name, text in sorted(entity.inline.items())
    ]


def _attached(entity: Entity) -> list[AttachedPolicy]:
    return [
        {"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn} for arn in sorted(entity.attached)
    ]
