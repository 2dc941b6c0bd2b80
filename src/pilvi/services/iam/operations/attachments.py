"""Managed policies on users, roles and groups: attach, detach, list.

The three kinds differ in words only; what they do is said once, below the handlers.
"""

from __future__ import annotations

import logging
from typing import Any

from pilvi.kit.call import Call
from pilvi.services.iam import aws_policies, errors, pages, records, rules
from pilvi.services.iam.service import iam
from pilvi.services.iam.wire import (
    AttachedPolicy,
    AttachGroupPolicyRequest,
    AttachRolePolicyRequest,
    AttachUserPolicyRequest,
    DetachGroupPolicyRequest,
    DetachRolePolicyRequest,
    DetachUserPolicyRequest,
    ListAttachedGroupPoliciesRequest,
    ListAttachedGroupPoliciesResponse,
    ListAttachedRolePoliciesRequest,
    ListAttachedRolePoliciesResponse,
    ListAttachedUserPoliciesRequest,
    ListAttachedUserPoliciesResponse,
)
from pilvi.store.api import Snapshot, Transaction

log = logging.getLogger("pilvi.iam")


@iam.write("AttachUserPolicy")
def attach_user_policy(call: Call, tx: Transaction, req: AttachUserPolicyRequest) -> None:
    """Raises: NoSuchEntity, ValidationError (no ARN), LimitExceeded."""
    _attach(call, tx, "user", req["UserName"], req["PolicyArn"])


@iam.write("AttachRolePolicy")
def attach_role_policy(call: Call, tx: Transaction, req: AttachRolePolicyRequest) -> None:
    """Raises: NoSuchEntity, ValidationError (no ARN), LimitExceeded."""
    _attach(call, tx, "role", req["RoleName"], req["PolicyArn"])


@iam.write("AttachGroupPolicy")
def attach_group_policy(call: Call, tx: Transaction, req: AttachGroupPolicyRequest) -> None:
    """Raises: NoSuchEntity, ValidationError (no ARN), LimitExceeded."""
    _attach(call, tx, "group", req["GroupName"], req["PolicyArn"])


@iam.write("DetachUserPolicy")
def detach_user_policy(call: Call, tx: Transaction, req: DetachUserPolicyRequest) -> None:
    """Raises: NoSuchEntity."""
    _detach(call, tx, "user", req["UserName"], req["PolicyArn"])


@iam.write("DetachRolePolicy")
def detach_role_policy(call: Call, tx: Transaction, req: DetachRolePolicyRequest) -> None:
    """Raises: NoSuchEntity."""
    _detach(call, tx, "role", req["RoleName"], req["PolicyArn"])


@iam.write("DetachGroupPolicy")
def detach_group_policy(call: Call, tx: Transaction, req: DetachGroupPolicyRequest) -> None:
    """Raises: NoSuchEntity."""
    _detach(call, tx, "group", req["GroupName"], req["PolicyArn"])


@iam.read("ListAttachedUserPolicies")
def list_attached_user_policies(
    call: Call, at: Snapshot, req: ListAttachedUserPoliciesRequest
) -> ListAttachedUserPoliciesResponse:
    """Raises: NoSuchEntity."""
    attached, more = _list(call, at, "user", req["UserName"], req)
    return {"AttachedPolicies": attached, **more}


@iam.read("ListAttachedRolePolicies")
def list_attached_role_policies(
    call: Call, at: Snapshot, req: ListAttachedRolePoliciesRequest
) -> ListAttachedRolePoliciesResponse:
    """Raises: NoSuchEntity."""
    attached, more = _list(call, at, "role", req["RoleName"], req)
    return {"AttachedPolicies": attached, **more}


@iam.read("ListAttachedGroupPolicies")
def list_attached_group_policies(
    call: Call, at: Snapshot, req: ListAttachedGroupPoliciesRequest
) -> ListAttachedGroupPoliciesResponse:
    """Raises: NoSuchEntity."""
    attached, more = _list(call, at, "group", req["GroupName"], req)
    return {"AttachedPolicies": attached, **more}


def _attach(call: Call, tx: Transaction, kind: str, name: str, arn: str) -> None:
    """Attaching what is attached already is no error."""
    rules.check_arn(arn)
    entity = records.get_entity(tx, call.scope, kind, name)
    policy = aws_policies.find_policy(tx, call.scope, arn)
    if policy is None:
        if aws_policies.is_aws_managed(arn):
            log.warning(
                "%s is none of AWS's policies that are known here; add it with --aws-policies", arn
            )
        raise errors.NoSuchEntity(detail=f"Policy {arn} does not exist or is not attachable.")
    rules.check_modifiable(entity)
    if aws_policies.is_aws_managed(arn) and policy.path == rules.SERVICE_LINKED_PATH:
        raise errors.PolicyNotAttachable()
    if arn in entity.attached:
        return
    rules.check_attach_room(kind, entity)
    records.put_attachment(tx, call.scope, kind, entity, arn)


def _detach(call: Call, tx: Transaction, kind: str, name: str, arn: str) -> None:
    rules.check_arn(arn)
    entity = records.get_entity(tx, call.scope, kind, name)
    rules.check_modifiable(entity)
    if arn not in entity.attached:
        raise errors.NoSuchEntity(detail=f"Policy {arn} was not found.")
    records.delete_attachment(tx, call.scope, kind, entity, arn)


def _list(
    call: Call, at: Snapshot, kind: str, name: str, req: Any
) -> tuple[list[AttachedPolicy], pages.More]:
    prefix = req.get("PathPrefix", "/")
    attached = records.get_entity(at, call.scope, kind, name).attached
    matching = [arn for arn in attached if rules.path_of_policy(arn).startswith(prefix)]
    page, more = pages.cut_names(req, matching)
    return [{"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn} for arn in page], more
