"""Versions of managed policies: create, get, list, choose the default, delete."""

from __future__ import annotations

from pilvi.kit.call import Call
from pilvi.services.iam import aws_policies, errors, limits, pages, records, rules
from pilvi.services.iam.operations.managed_policies import checked_document
from pilvi.services.iam.records import POLICIES, Policy, Version
from pilvi.services.iam.service import iam
from pilvi.services.iam.wire import (
    CreatePolicyVersionRequest,
    CreatePolicyVersionResponse,
    DeletePolicyVersionRequest,
    GetPolicyVersionRequest,
    GetPolicyVersionResponse,
    ListPolicyVersionsRequest,
    ListPolicyVersionsResponse,
    PolicyVersion,
    SetDefaultPolicyVersionRequest,
)
from pilvi.store.api import Snapshot, Transaction


@iam.write("CreatePolicyVersion")
def create_policy_version(
    call: Call, tx: Transaction, req: CreatePolicyVersionRequest
) -> CreatePolicyVersionResponse:
    """Add a version, in force at once with SetAsDefault. Numbers are never used twice.

    Raises: NoSuchEntity, MalformedPolicyDocument, LimitExceeded.
    """
    policy = aws_policies.get_own_policy(tx, call.scope, req["PolicyArn"])
    document = checked_document(req["PolicyDocument"])
    if len(policy.versions) >= limits.POLICY_VERSIONS:
        raise errors.TooManyVersions(limit=limits.POLICY_VERSIONS)
    policy.last_version += 1
    version = Version(number=policy.last_version, document=document, created_at_ms=call.now_ms)
    policy.versions = [*policy.versions, version]
    policy.updated_at_ms = call.now_ms
    if req.get("SetAsDefault", False):
        policy.default_version = version.number
    POLICIES.put(tx, records.home_of(call.scope), policy)
    return {"PolicyVersion": _told(policy, version)}


@iam.read("GetPolicyVersion")
def get_policy_version(
    call: Call, at: Snapshot, req: GetPolicyVersionRequest
) -> GetPolicyVersionResponse:
    """Raises: NoSuchEntity."""
    policy = aws_policies.get_policy(at, call.scope, req["PolicyArn"])
    version = rules.get_version(policy, req["VersionId"])
    wire = _told(policy, version)
    wire["Document"] = rules.encoded(version.document)
    return {"PolicyVersion": wire}


@iam.read("ListPolicyVersions")
def list_policy_versions(
    call: Call, at: Snapshot, req: ListPolicyVersionsRequest
) -> ListPolicyVersionsResponse:
    """List the versions, latest first. Raises: NoSuchEntity."""
    policy = aws_policies.get_policy(at, call.scope, req["PolicyArn"])
    after = pages.after_marker(req)
    latest_first = sorted(policy.versions, key=lambda version: -version.number)
    behind = [v for v in latest_first if after is None or (-v.number,) > after]
    page, more = pages.cut(req, behind, lambda version: (-version.number,))
    return {"Versions": [_told(policy, version) for version in page], **more}


@iam.write("SetDefaultPolicyVersion")
def set_default_policy_version(
    call: Call, tx: Transaction, req: SetDefaultPolicyVersionRequest
) -> None:
    """Put another version in force. Raises: NoSuchEntity."""
    policy = aws_policies.get_own_policy(tx, call.scope, req["PolicyArn"])
    policy.default_version = rules.get_version(policy, req["VersionId"]).number
    policy.updated_at_ms = call.now_ms
    POLICIES.put(tx, records.home_of(call.scope), policy)


@iam.write("DeletePolicyVersion")
def delete_policy_version(call: Call, tx: Transaction, req: DeletePolicyVersionRequest) -> None:
    """Remove a version that is not the default. Raises: NoSuchEntity, DeleteConflict."""
    policy = aws_policies.get_own_policy(tx, call.scope, req["PolicyArn"])
    version = rules.get_version(policy, req["VersionId"])
    if version.number == policy.default_version:
        raise errors.PolicyInUse(detail="Cannot delete the default version of a policy.")
    policy.versions = [kept for kept in policy.versions if kept.number != version.number]
    POLICIES.put(tx, records.home_of(call.scope), policy)


def _told(policy: Policy, version: Version) -> PolicyVersion:
    return {
        "VersionId": f"v{version.number}",
        "IsDefaultVersion": version.number == policy.default_version,
        "CreateDate": version.created_at_ms,
    }
