"""Policies of an organisation: made, told of, changed, deleted. Where they hold is in `attachments.py`."""

from __future__ import annotations

from itertools import chain

import msgspec

from pilvi.kit.call import Call
from pilvi.services.organizations import errors, limits, pages, records, rules
from pilvi.services.organizations.records import FULL_ACCESS, POLICIES, Organization, Policy
from pilvi.services.organizations.service import organizations
from pilvi.services.organizations.wire import (
    CreatePolicyRequest,
    CreatePolicyResponse,
    DeletePolicyRequest,
    DescribePolicyRequest,
    DescribePolicyResponse,
    ListPoliciesRequest,
    ListPoliciesResponse,
    UpdatePolicyRequest,
    UpdatePolicyResponse,
)
from pilvi.store.api import Snapshot, Transaction


@organizations.write("CreatePolicy")
def create_policy(call: Call, tx: Transaction, req: CreatePolicyRequest) -> CreatePolicyResponse:
    """Keep a policy; it holds nowhere until it is attached.

    Raises: MalformedPolicyDocumentException, DuplicatePolicyException, ConstraintViolationException; NotBuilt for
        types that nothing here would obey.
    """
    organization, kind = records.get_managed(tx, call.account), req["Type"]
    rules.check_built(kind)
    rules.check_content(kind, req["Content"])
    _check_free(tx, organization, kind, req["Name"])
    if POLICIES.count(tx, organization.home, (kind,), limit=limits.POLICIES_MAX) >= (
        limits.POLICIES_MAX
    ):
        raise errors.ConstraintViolationException(
            reason="POLICY_NUMBER_LIMIT_EXCEEDED",
            detail="You have exceeded the number of policies allowed.",
        )
    policy = Policy(
        id=f"p-{call.entropy.lower(8)}",
        type=kind,
        name=req["Name"],
        description=req["Description"],
        content=req["Content"],
        tags=rules.tags_of(req.get("Tags", [])),
    )
    POLICIES.put(tx, organization.home, policy)
    return {
        "Policy": {
            "PolicySummary": rules.told_policy(organization, policy),
            "Content": policy.content,
        }
    }


@organizations.read("DescribePolicy")
def describe_policy(call: Call, at: Snapshot, req: DescribePolicyRequest) -> DescribePolicyResponse:
    """Raises: PolicyNotFoundException."""
    organization = records.get_managed(at, call.account)
    policy = records.get_policy(at, organization, req["PolicyId"])
    return {
        "Policy": {
            "PolicySummary": rules.told_policy(organization, policy),
            "Content": policy.content,
        }
    }


@organizations.write("UpdatePolicy")
def update_policy(call: Call, tx: Transaction, req: UpdatePolicyRequest) -> UpdatePolicyResponse:
    """Change a policy; where it is attached, the new text holds from the next request on.

    Raises: PolicyNotFoundException, InvalidInputException (IMMUTABLE_POLICY), MalformedPolicyDocumentException,
        DuplicatePolicyException, ConstraintViolationException.
    """
    organization = records.get_managed(tx, call.account)
    policy = _changeable(tx, organization, req["PolicyId"])
    name, content = req.get("Name", policy.name), req.get("Content", policy.content)
    rules.check_content(policy.type, content)
    if name != policy.name:
        _check_free(tx, organization, policy.type, name)
    policy = msgspec.structs.replace(
        policy,
        name=name,
        content=content,
        description=req.get("Description", policy.description),
    )
    POLICIES.put(tx, organization.home, policy)
    return {
        "Policy": {
            "PolicySummary": rules.told_policy(organization, policy),
            "Content": policy.content,
        }
    }


@organizations.write("DeletePolicy")
def delete_policy(call: Call, tx: Transaction, req: DeletePolicyRequest) -> None:
    """Raises: PolicyNotFoundException, PolicyInUseException, InvalidInputException (IMMUTABLE_POLICY)."""
    organization = records.get_managed(tx, call.account)
    policy = _changeable(tx, organization, req["PolicyId"])
    if next(records.attachments_of(tx, organization, policy.id), None) is not None:
        raise errors.PolicyInUseException()
    POLICIES.delete(tx, organization.home, *POLICIES.key_of(policy))


@organizations.read("ListPolicies")
def list_policies(call: Call, at: Snapshot, req: ListPoliciesRequest) -> ListPoliciesResponse:
    """Policies of a type, AWS's own first."""
    organization, kind = records.get_managed(at, call.account), req["Filter"]
    rules.check_built(kind)
    start = pages.after(req)
    own = [FULL_ACCESS[kind]] if start is None else []
    behind = None if start is None or start[-1] == FULL_ACCESS[kind].id else start
    found = POLICIES.scan(at, organization.home, (kind,), after_key=behind)
    page, more = pages.cut(req, chain(own, found), POLICIES.key_of)
    return {"Policies": [rules.told_policy(organization, one) for one in page], **more}


def _changeable(at: Snapshot, organization: Organization, id: str) -> Policy:
    policy = records.get_policy(at, organization, id)
    if policy.aws_managed:
        raise errors.InvalidInputException(
            reason="IMMUTABLE_POLICY", detail="You can't modify or delete an AWS managed policy."
        )
    return policy


def _check_free(at: Snapshot, organization: Organization, kind: str, name: str) -> None:
    found = POLICIES.scan_index(at, organization.home, "name", (kind, name), limit=1)
    if name == FULL_ACCESS[kind].name or next(found, None) is not None:
        raise errors.DuplicatePolicyException()
