"""Where policies hold: attached to the root, to units and to accounts. Changes hold from the next request on."""

from __future__ import annotations

from pilvi.kit.call import Call
from pilvi.services.organizations import errors, limits, pages, records, rules
from pilvi.services.organizations.records import ATTACHMENTS, Organization, Policy
from pilvi.services.organizations.rules import RESOURCE_CONTROL
from pilvi.services.organizations.service import organizations
from pilvi.services.organizations.wire import (
    AttachPolicyRequest,
    DetachPolicyRequest,
    ListPoliciesForTargetRequest,
    ListPoliciesForTargetResponse,
    ListTargetsForPolicyRequest,
    ListTargetsForPolicyResponse,
    PolicyTargetSummary,
)
from pilvi.store.api import Snapshot, Transaction


@organizations.write("AttachPolicy")
def attach_policy(call: Call, tx: Transaction, req: AttachPolicyRequest) -> None:
    """Raises: PolicyNotFoundException, TargetNotFoundException, PolicyTypeNotEnabledException,
    DuplicatePolicyAttachmentException, ConstraintViolationException.
    """
    organization, policy, target = _named(call, tx, req)
    attached = records.attached(tx, organization, target, policy.type)
    if any(one.id == policy.id for one in attached):
        raise errors.DuplicatePolicyAttachmentException()
    if len(attached) >= limits.ATTACHED_MAX[policy.type]:
        raise errors.ConstraintViolationException(
            reason="MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
            detail="You have attached the maximum number of policies to the specified target.",
        )
    records.attach(tx, organization, target, policy)


@organizations.write("DetachPolicy")
def detach_policy(call: Call, tx: Transaction, req: DetachPolicyRequest) -> None:
    """Take a policy off; one must be left, and RCPFullAWSAccess cannot go.

    Raises: PolicyNotFoundException, TargetNotFoundException, PolicyTypeNotEnabledException,
        PolicyNotAttachedException, InvalidInputException (NON_DETACHABLE_POLICY), ConstraintViolationException.
    """
    organization, policy, target = _named(call, tx, req)
    attached = records.attached(tx, organization, target, policy.type)
    if not any(one.id == policy.id for one in attached):
        raise errors.PolicyNotAttachedException()
    if policy.aws_managed and policy.type == RESOURCE_CONTROL:
        raise errors.InvalidInputException(
            reason="NON_DETACHABLE_POLICY", detail="You can't detach the specified policy."
        )
    if len(attached) == 1:
        raise errors.ConstraintViolationException(
            reason="MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
            detail="You cannot remove the last policy attached to the specified target."
            " You should have at least one attached.",
        )
    ATTACHMENTS.delete(tx, organization.home, target, policy.type, policy.id)


@organizations.read("ListPoliciesForTarget")
def list_policies_for_target(
    call: Call, at: Snapshot, req: ListPoliciesForTargetRequest
) -> ListPoliciesForTargetResponse:
    """Those attached to the target itself, not what it inherits. Raises: TargetNotFoundException."""
    organization, target, kind = (
        records.get_managed(at, call.account),
        req["TargetId"],
        req["Filter"],
    )
    rules.check_built(kind)
    if not records.is_node(at, organization, target):
        raise errors.TargetNotFoundException()
    found = ATTACHMENTS.scan(at, organization.home, (target, kind), after_key=pages.after(req))
    page, more = pages.cut(req, found, ATTACHMENTS.key_of)
    told = [
        rules.told_policy(organization, records.get_policy(at, organization, one.policy))
        for one in page
    ]
    return {"Policies": told, **more}


@organizations.read("ListTargetsForPolicy")
def list_targets_for_policy(
    call: Call, at: Snapshot, req: ListTargetsForPolicyRequest
) -> ListTargetsForPolicyResponse:
    """Everything that a policy is attached to. Raises: PolicyNotFoundException."""
    organization = records.get_managed(at, call.account)
    policy = records.get_policy(at, organization, req["PolicyId"])
    start = pages.after(req)
    behind = None if start is None else (policy.id, *start)
    found = ATTACHMENTS.scan_index(
        at, organization.home, "policy", (policy.id,), after_entry=behind
    )
    page, more = pages.cut(req, found, ATTACHMENTS.key_of)
    return {"Targets": [_told(at, organization, one.target) for one in page], **more}


def _named(
    call: Call, at: Snapshot, req: AttachPolicyRequest | DetachPolicyRequest
) -> tuple[Organization, Policy, str]:
    organization = records.get_managed(at, call.account)
    policy = records.get_policy(at, organization, req["PolicyId"])
    if not records.is_node(at, organization, req["TargetId"]):
        raise errors.TargetNotFoundException()
    if policy.type not in organization.enabled:
        raise errors.PolicyTypeNotEnabledException()
    return organization, policy, req["TargetId"]


def _told(at: Snapshot, organization: Organization, target: str) -> PolicyTargetSummary:
    arn = rules.node_arn(organization, target)
    if target == organization.root_id:
        return {"TargetId": target, "Arn": arn, "Name": "Root", "Type": "ROOT"}
    unit = records.find_unit(at, organization, target)
    if unit is not None:
        kind, name = "ORGANIZATIONAL_UNIT", unit.name
    else:
        kind, name = "ACCOUNT", records.get_account(at, organization, target).name
    return {"TargetId": target, "Arn": arn, "Name": name, "Type": kind}
