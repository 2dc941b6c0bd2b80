"""Tags of users, roles and managed policies: add, remove, list."""

from __future__ import annotations

from pilvi.kit.call import Call
from pilvi.services.iam import aws_policies, pages, records, rules
from pilvi.services.iam.records import POLICIES
from pilvi.services.iam.service import iam
from pilvi.services.iam.wire import (
    ListPolicyTagsRequest,
    ListPolicyTagsResponse,
    ListRoleTagsRequest,
    ListRoleTagsResponse,
    ListUserTagsRequest,
    ListUserTagsResponse,
    TagPolicyRequest,
    TagRoleRequest,
    TagUserRequest,
    UntagPolicyRequest,
    UntagRoleRequest,
    UntagUserRequest,
)
from pilvi.store.api import Snapshot, Transaction


@iam.write("TagUser")
def tag_user(call: Call, tx: Transaction, req: TagUserRequest) -> None:
    """Raises: NoSuchEntity, InvalidInput, LimitExceeded."""
    user = records.get_user(tx, call.scope, req["UserName"])
    user.tags = rules.merge_tags(user.tags, rules.tags_of(req["Tags"]))
    records.put_entity(tx, call.scope, user)


@iam.write("TagRole")
def tag_role(call: Call, tx: Transaction, req: TagRoleRequest) -> None:
    """Raises: NoSuchEntity, InvalidInput, LimitExceeded."""
    role = records.get_role(tx, call.scope, req["RoleName"])
    role.tags = rules.merge_tags(role.tags, rules.tags_of(req["Tags"]))
    records.put_entity(tx, call.scope, role)


@iam.write("TagPolicy")
def tag_policy(call: Call, tx: Transaction, req: TagPolicyRequest) -> None:
    """Raises: NoSuchEntity, InvalidInput, LimitExceeded."""
    policy = aws_policies.get_own_policy(tx, call.scope, req["PolicyArn"])
    policy.tags = rules.merge_tags(policy.tags, rules.tags_of(req["Tags"]))
    POLICIES.put(tx, records.home_of(call.scope), policy)


@iam.write("UntagUser")
def untag_user(call: Call, tx: Transaction, req: UntagUserRequest) -> None:
    """Raises: NoSuchEntity."""
    user = records.get_user(tx, call.scope, req["UserName"])
    user.tags = rules.without_tags(user.tags, req["TagKeys"])
    records.put_entity(tx, call.scope, user)


@iam.write("UntagRole")
def untag_role(call: Call, tx: Transaction, req: UntagRoleRequest) -> None:
    """Raises: NoSuchEntity."""
    role = records.get_role(tx, call.scope, req["RoleName"])
    role.tags = rules.without_tags(role.tags, req["TagKeys"])
    records.put_entity(tx, call.scope, role)


@iam.write("UntagPolicy")
def untag_policy(call: Call, tx: Transaction, req: UntagPolicyRequest) -> None:
    """Raises: NoSuchEntity."""
    policy = aws_policies.get_own_policy(tx, call.scope, req["PolicyArn"])
    policy.tags = rules.without_tags(policy.tags, req["TagKeys"])
    POLICIES.put(tx, records.home_of(call.scope), policy)


@iam.read("ListUserTags")
def list_user_tags(call: Call, at: Snapshot, req: ListUserTagsRequest) -> ListUserTagsResponse:
    """Raises: NoSuchEntity."""
    tags = records.get_user(at, call.scope, req["UserName"]).tags
    page, more = pages.cut_tags(req, tags)
    return {"Tags": page, **more}


@iam.read("ListRoleTags")
def list_role_tags(call: Call, at: Snapshot, req: ListRoleTagsRequest) -> ListRoleTagsResponse:
    """Raises: NoSuchEntity."""
    tags = records.get_role(at, call.scope, req["RoleName"]).tags
    page, more = pages.cut_tags(req, tags)
    return {"Tags": page, **more}


@iam.read("ListPolicyTags")
def list_policy_tags(
    call: Call, at: Snapshot, req: ListPolicyTagsRequest
) -> ListPolicyTagsResponse:
    """Raises: NoSuchEntity."""
    tags = aws_policies.get_policy(at, call.scope, req["PolicyArn"]).tags
    page, more = pages.cut_tags(req, tags)
    return {"Tags": page, **more}
