"""Inline policies of users, roles and groups: put, get, list, delete.

The three kinds differ in words only; what they do is said once, below the handlers.
"""

from __future__ import annotations

from typing import Any

from pilvi.kit.call import Call
from pilvi.services.iam import documents, errors, pages, records, rules
from pilvi.services.iam.service import iam
from pilvi.services.iam.wire import (
    DeleteGroupPolicyRequest,
    DeleteRolePolicyRequest,
    DeleteUserPolicyRequest,
    GetGroupPolicyRequest,
    GetGroupPolicyResponse,
    GetRolePolicyRequest,
    GetRolePolicyResponse,
    GetUserPolicyRequest,
    GetUserPolicyResponse,
    ListGroupPoliciesRequest,
    ListGroupPoliciesResponse,
    ListRolePoliciesRequest,
    ListRolePoliciesResponse,
    ListUserPoliciesRequest,
    ListUserPoliciesResponse,
    PutGroupPolicyRequest,
    PutRolePolicyRequest,
    PutUserPolicyRequest,
)
from pilvi.store.api import Snapshot, Transaction


@iam.write("PutUserPolicy")
def put_user_policy(call: Call, tx: Transaction, req: PutUserPolicyRequest) -> None:
    """Raises: NoSuchEntity, MalformedPolicyDocument, LimitExceeded."""
    _put(call, tx, "user", req["UserName"], req["PolicyName"], req["PolicyDocument"])


@iam.write("PutRolePolicy")
def put_role_policy(call: Call, tx: Transaction, req: PutRolePolicyRequest) -> None:
    """Raises: NoSuchEntity, MalformedPolicyDocument, LimitExceeded."""
    _put(call, tx, "role", req["RoleName"], req["PolicyName"], req["PolicyDocument"])


@iam.write("PutGroupPolicy")
def put_group_policy(call: Call, tx: Transaction, req: PutGroupPolicyRequest) -> None:
    """Raises: NoSuchEntity, MalformedPolicyDocument, LimitExceeded."""
    _put(call, tx, "group", req["GroupName"], req["PolicyName"], req["PolicyDocument"])


@iam.read("GetUserPolicy")
def get_user_policy(call: Call, at: Snapshot, req: GetUserPolicyRequest) -> GetUserPolicyResponse:
    """Raises: NoSuchEntity."""
    document = _get(call, at, "user", req["UserName"], req["PolicyName"])
    return {
        "UserName": req["UserName"],
        "PolicyName": req["PolicyName"],
        "PolicyDocument": rules.encoded(document),
    }


@iam.read("GetRolePolicy")
def get_role_policy(call: Call, at: Snapshot, req: GetRolePolicyRequest) -> GetRolePolicyResponse:
    """Raises: NoSuchEntity."""
    document = _get(call, at, "role", req["RoleName"], req["PolicyName"])
    return {
        "RoleName": req["RoleName"],
        "PolicyName": req["PolicyName"],
        "PolicyDocument": rules.encoded(document),
    }


@iam.read("GetGroupPolicy")
def get_group_policy(
    call: Call, at: Snapshot, req: GetGroupPolicyRequest
) -> GetGroupPolicyResponse:
    """Raises: NoSuchEntity."""
    document = _get(call, at, "group", req["GroupName"], req["PolicyName"])
    return {
        "GroupName": req["GroupName"],
        "PolicyName": req["PolicyName"],
        "PolicyDocument": rules.encoded(document),
    }


@iam.read("ListUserPolicies")
def list_user_policies(
    call: Call, at: Snapshot, req: ListUserPoliciesRequest
) -> ListUserPoliciesResponse:
    """Raises: NoSuchEntity."""
    names, more = _list(call, at, "user", req["UserName"], req)
    return {"PolicyNames": names, **more}


@iam.read("ListRolePolicies")
def list_role_policies(
    call: Call, at: Snapshot, req: ListRolePoliciesRequest
) -> ListRolePoliciesResponse:
    """Raises: NoSuchEntity."""
    names, more = _list(call, at, "role", req["RoleName"], req)
    return {"PolicyNames": names, **more}


@iam.read("ListGroupPolicies")
def list_group_policies(
    call: Call, at: Snapshot, req: ListGroupPoliciesRequest
) -> ListGroupPoliciesResponse:
    """Raises: NoSuchEntity."""
    names, more = _list(call, at, "group", req["GroupName"], req)
    return {"PolicyNames": names, **more}


@iam.write("DeleteUserPolicy")
def delete_user_policy(call: Call, tx: Transaction, req: DeleteUserPolicyRequest) -> None:
    """Raises: NoSuchEntity."""
    _delete(call, tx, "user", req["UserName"], req["PolicyName"])


@iam.write("DeleteRolePolicy")
def delete_role_policy(call: Call, tx: Transaction, req: DeleteRolePolicyRequest) -> None:
    """Raises: NoSuchEntity."""
    _delete(call, tx, "role", req["RoleName"], req["PolicyName"])


@iam.write("DeleteGroupPolicy")
def delete_group_policy(call: Call, tx: Transaction, req: DeleteGroupPolicyRequest) -> None:
    """Raises: NoSuchEntity."""
    _delete(call, tx, "group", req["GroupName"], req["PolicyName"])


def _put(call: Call, tx: Transaction, kind: str, name: str, policy: str, document: str) -> None:
    entity = records.get_entity(tx, call.scope, kind, name)
    rules.check_modifiable(entity)
    documents.check_identity_policy(document)
    rules.check_inline_room(kind, entity, policy, document)
    entity.inline = {**entity.inline, policy: document}
    records.put_entity(tx, call.scope, entity)


def _get(call: Call, at: Snapshot, kind: str, name: str, policy: str) -> str:
    document = records.get_entity(at, call.scope, kind, name).inline.get(policy)
    if document is None:
        raise errors.NoSuchEntity(detail=f"The {kind} policy with name {policy} cannot be found.")
    return document


def _list(call: Call, at: Snapshot, kind: str, name: str, req: Any) -> tuple[list[str], pages.More]:
    return pages.cut_names(req, records.get_entity(at, call.scope, kind, name).inline)


def _delete(call: Call, tx: Transaction, kind: str, name: str, policy: str) -> None:
    _get(call, tx, kind, name, policy)
    entity = records.get_entity(tx, call.scope, kind, name)
    rules.check_modifiable(entity)
    entity.inline = {kept: text for kept, text in entity.inline.items() if kept != policy}
    records.put_entity(tx, call.scope, entity)
