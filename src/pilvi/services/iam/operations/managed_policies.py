"""Managed policies: create, get, list, delete, and who has them."""

from __future__ import annotations

from collections.abc import Iterator

from pilvi.base.arn import Arn
from pilvi.kit.call import Call
from pilvi.services.iam import aws_policies, documents, errors, limits, pages, records, rules
from pilvi.services.iam.records import ATTACHMENTS, BOUNDED, POLICIES, Attachment, Version
from pilvi.services.iam.service import iam
from pilvi.services.iam.wire import (
    CreatePolicyRequest,
    CreatePolicyResponse,
    DeletePolicyRequest,
    GetPolicyRequest,
    GetPolicyResponse,
    ListEntitiesForPolicyRequest,
    ListEntitiesForPolicyResponse,
    ListPoliciesRequest,
    ListPoliciesResponse,
    Policy,
)
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.keys import Key


@iam.write("CreatePolicy")
def create_policy(call: Call, tx: Transaction, req: CreatePolicyRequest) -> CreatePolicyResponse:
    """Add a managed policy with its first version.

    Raises: EntityAlreadyExists, MalformedPolicyDocument, LimitExceeded, InvalidInput (tags).
    AWS: CreatePolicy.
    """
    name, path = req["PolicyName"], req.get("Path", "/")
    home = records.home_of(call.scope)
    document = checked_document(req["PolicyDocument"])
    if POLICIES.find(tx, home, name.lower()) is not None:
        raise errors.EntityAlreadyExists(
            detail=f"A policy called {name} already exists. Duplicate names are not allowed."
        )
    records.check_room(tx, call.scope, POLICIES, "PoliciesPerAccount")
    policy = records.Policy(
        arn=str(Arn("iam", "", call.account, f"policy{path}{name}", call.scope.partition)),
        name=name,
        path=path,
        id="ANPA" + call.entropy.upper(17),
        description=req.get("Description"),
        created_at_ms=call.now_ms,
        updated_at_ms=call.now_ms,
        default_version=1,
        last_version=1,
        versions=[Version(number=1, document=document, created_at_ms=call.now_ms)],
        tags=rules.tags_of(req.get("Tags")),
    )
    POLICIES.put(tx, home, policy)
    return {"Policy": told(call, tx, policy, description=False)}


@iam.read("GetPolicy")
def get_policy(call: Call, at: Snapshot, req: GetPolicyRequest) -> GetPolicyResponse:
    """Raises: NoSuchEntity, ValidationError (no ARN)."""
    policy = aws_policies.get_policy(at, call.scope, req["PolicyArn"])
    return {"Policy": {**told(call, at, policy), "Tags": rules.wire_tags(policy.tags)}}


@iam.read("ListPolicies")
def list_policies(call: Call, at: Snapshot, req: ListPoliciesRequest) -> ListPoliciesResponse:
    """List the account's policies and AWS's, each sorted by name; Scope picks one of the two.

    PolicyUsageFilter picks those that somebody has as permissions, or as a boundary.
    """
    scope = req.get("Scope", "All")
    prefix = req.get("PathPrefix", "/")
    usage = req.get("PolicyUsageFilter")
    after = pages.after_marker(req)
    if after is not None and [type(part) for part in after] != [str, str, str]:
        raise errors.ValidationError(detail=f"Invalid Marker: {req.get('Marker')}")
    home = records.home_of(call.scope)

    def found() -> Iterator[tuple[str, records.Policy]]:
        """AWS's behind the account's, each with the first part of its marker."""
        if scope != "AWS" and (after is None or after[0] == "local"):
            start = None if after is None else (after[1],)
            for policy in POLICIES.scan(at, home, after_key=start):
                yield "local", policy
        if scope != "Local":
            behind = ("", "")
            if after is not None and after[0] == "aws":
                behind = (str(after[1]), str(after[2]))
            for policy in aws_policies.all_policies(call.scope.partition, after=behind):
                yield "aws", policy

    wanted: list[set[str]] = []
    if req.get("OnlyAttached", False) or usage == "PermissionsPolicy":
        wanted.append({entry.policy_arn for entry in ATTACHMENTS.scan(at, home)})
    if usage == "PermissionsBoundary":
        wanted.append({entry.policy_arn for entry in BOUNDED.scan(at, home)})
    matching = (
        (whose, policy)
        for whose, policy in found()
        if policy.path.startswith(prefix) and all(policy.arn in arns for arns in wanted)
    )
    page, more = pages.cut(req, matching, lambda item: _marker(*item))
    listed = [told(call, at, policy, description=False) for _, policy in page]
    return {"Policies": listed, **more}


def _marker(whose: str, policy: records.Policy) -> Key:
    """Two of AWS's policies may differ in their path alone."""
    return (whose, policy.name.lower(), policy.path)


@iam.write("DeletePolicy")
def delete_policy(call: Call, tx: Transaction, req: DeletePolicyRequest) -> None:
    """Remove a policy that nobody has and that has its default version only.

    Raises: NoSuchEntity, DeleteConflict, ValidationError (no ARN).
    """
    policy = aws_policies.get_own_policy(tx, call.scope, req["PolicyArn"])
    if any(records.attachments_of(tx, call.scope, policy.arn)) or any(
        records.bounded_by(tx, call.scope, policy.arn)
    ):
        raise errors.PolicyInUse(detail="Cannot delete a policy attached to entities.")
    if len(policy.versions) > 1:
        raise errors.PolicyInUse(
            detail="This policy has more than one version. Before you delete a policy, you must"
            " delete the policy's versions. The default version is deleted with the policy."
        )
    POLICIES.delete(tx, records.home_of(call.scope), policy.name.lower())


@iam.read("ListEntitiesForPolicy")
def list_entities_for_policy(
    call: Call, at: Snapshot, req: ListEntitiesForPolicyRequest
) -> ListEntitiesForPolicyResponse:
    """List the users, groups and roles that have a policy; without PolicyUsageFilter also those whom it bounds.

    Raises: NoSuchEntity, ValidationError (no ARN).
    """
    policy = aws_policies.get_policy(at, call.scope, req["PolicyArn"])
    kind = {"User": "user", "Role": "role", "Group": "group"}.get(req.get("EntityFilter", ""))
    prefix, usage = req.get("PathPrefix", "/"), req.get("PolicyUsageFilter")
    home, after = records.home_of(call.scope), pages.after_marker(req)
    uses = {"PermissionsPolicy": (ATTACHMENTS,), "PermissionsBoundary": (BOUNDED,)}
    found = {
        ATTACHMENTS.key_of(entry): entry
        for collection in uses.get(usage or "", (ATTACHMENTS, BOUNDED))
        for entry in collection.scan(at, home, (policy.arn,), after_key=after)
        if kind is None or entry.kind == kind
    }
    matching = (
        found[key]
        for key in sorted(found)
        if prefix == "/" or _path_of(at, call, found[key]).startswith(prefix)
    )
    page, more = pages.cut(req, matching, ATTACHMENTS.key_of)
    return {
        "PolicyUsers": [
            {"UserName": entry.name, "UserId": entry.id} for entry in _of(page, "user")
        ],
        "PolicyRoles": [
            {"RoleName": entry.name, "RoleId": entry.id} for entry in _of(page, "role")
        ],
        "PolicyGroups": [
            {"GroupName": entry.name, "GroupId": entry.id} for entry in _of(page, "group")
        ],
        **more,
    }


def _path_of(at: Snapshot, call: Call, entry: Attachment) -> str:
    return records.get_entity(at, call.scope, entry.kind, entry.name).path


def _of(entries: list[Attachment], kind: str) -> list[Attachment]:
    return [entry for entry in entries if entry.kind == kind]


def checked_document(document: str) -> str:
    """Raises: MalformedPolicyDocument, LimitExceeded."""
    documents.check_identity_policy(document)
    if rules.size_of(document) > limits.MANAGED_POLICY_SIZE:
        raise errors.LimitExceeded(quota="PolicySize", limit=limits.MANAGED_POLICY_SIZE)
    return document


def told(call: Call, at: Snapshot, policy: records.Policy, *, description: bool = True) -> Policy:
    wire: Policy = {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": f"v{policy.default_version}",
        "AttachmentCount": sum(1 for _ in records.attachments_of(at, call.scope, policy.arn)),
        "PermissionsBoundaryUsageCount": sum(
            1 for _ in records.bounded_by(at, call.scope, policy.arn)
        ),
        "IsAttachable": True,
        "CreateDate": policy.created_at_ms,
        "UpdateDate": policy.updated_at_ms,
    }
    if description and policy.description is not None:
        wire["Description"] = policy.description
    return wire
