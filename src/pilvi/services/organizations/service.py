"""Organizations: its operations and what each of them acts on.

Requests name things by ids, which do not tell the organisation that they are in: `access.py` finds it, and so the
whole ARN. Here it is `o-*`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from pilvi.kit import tags
from pilvi.kit.call import Call
from pilvi.kit.service import Acts, ResourceOf, Service, everything
from pilvi.services.organizations import access

_TAGS = tags.listed("Tags")


def _named(member: str, *kinds: str) -> ResourceOf:
    """The thing whose id a member of the request gives; `kinds`: those of things that it can be."""

    def resource(call: Call, req: Mapping[str, Any]) -> str:
        return access.draft_arn(call.account, str(req.get(member, "")), kinds)

    return resource


def _all(*parts: ResourceOf) -> ResourceOf:
    def resources(call: Call, req: Mapping[str, Any]) -> Sequence[str]:
        return [str(part(call, req)) for part in parts]

    return resources


def _invited(call: Call, req: Mapping[str, Any]) -> str:
    target = req.get("Target")
    party = cast("dict[str, object]", target) if isinstance(target, dict) else {}
    return access.draft_arn(call.account, str(party.get("Id", "")), ("account",))


_ROOT = _named("RootId", "root")
_UNIT = _named("OrganizationalUnitId", "ou")
_PARENT = _named("ParentId", "ou", "root")
_ACCOUNT = _named("AccountId", "account")
_HANDSHAKE = _named("HandshakeId", "handshake")
_POLICY = _named("PolicyId", "policy")
_TARGET = _named("TargetId", "account", "ou", "root")
_MOVED = _all(
    _ACCOUNT,
    _named("SourceParentId", "ou", "root"),
    _named("DestinationParentId", "ou", "root"),
)
_TAGGED = _named("ResourceId", "account", "ou", "policy", "root")


def _type_of(member: str) -> Any:
    def context(call: Call, req: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
        kind = req.get(member)
        return {"organizations:policytype": (kind,)} if isinstance(kind, str) else {}

    return context


def _policy_named(call: Call, req: Mapping[str, Any]) -> object:
    """Its type is a condition key, also where the request is judged for what the policy is attached to."""
    return access.PolicyNamed(str(req.get("PolicyId", "")))


organizations = Service(
    "organizations",
    acts={
        "CreateOrganization": Acts(everything),
        "DescribeOrganization": Acts(everything),
        "DeleteOrganization": Acts(everything),
        "ListRoots": Acts(everything),
        "ListAWSServiceAccessForOrganization": Acts(everything),
        "EnablePolicyType": Acts(_ROOT, context=_type_of("PolicyType")),
        "DisablePolicyType": Acts(_ROOT, context=_type_of("PolicyType")),
        "CreateOrganizationalUnit": Acts(_PARENT, tags=_TAGS),
        "DescribeOrganizationalUnit": Acts(_UNIT),
        "UpdateOrganizationalUnit": Acts(_UNIT),
        "DeleteOrganizationalUnit": Acts(_UNIT),
        "ListOrganizationalUnitsForParent": Acts(_PARENT),
        "ListChildren": Acts(_PARENT),
        "ListParents": Acts(_named("ChildId", "account", "ou")),
        "CreateAccount": Acts(everything, tags=_TAGS),
        "DescribeCreateAccountStatus": Acts(everything),
        "ListCreateAccountStatus": Acts(everything),
        "DescribeAccount": Acts(_ACCOUNT),
        "ListAccounts": Acts(everything),
        "ListAccountsForParent": Acts(_PARENT),
        "MoveAccount": Acts(_MOVED),
        "RemoveAccountFromOrganization": Acts(_ACCOUNT),
        "LeaveOrganization": Acts(everything),
        "InviteAccountToOrganization": Acts(_invited, tags=_TAGS),
        "AcceptHandshake": Acts(_HANDSHAKE),
        "DeclineHandshake": Acts(_HANDSHAKE),
        "CancelHandshake": Acts(_HANDSHAKE),
        "DescribeHandshake": Acts(_HANDSHAKE),
        "ListHandshakesForAccount": Acts(everything),
        "ListHandshakesForOrganization": Acts(everything),
        "CreatePolicy": Acts(everything, context=_type_of("Type"), tags=_TAGS),
        "DescribePolicy": Acts(_POLICY, told=_policy_named),
        "UpdatePolicy": Acts(_POLICY, told=_policy_named),
        "DeletePolicy": Acts(_POLICY, told=_policy_named),
        "ListPolicies": Acts(everything, context=_type_of("Filter")),
        "AttachPolicy": Acts(_all(_POLICY, _TARGET), told=_policy_named),
        "DetachPolicy": Acts(_all(_POLICY, _TARGET), told=_policy_named),
        "ListPoliciesForTarget": Acts(_TARGET, context=_type_of("Filter")),
        "ListTargetsForPolicy": Acts(_POLICY, told=_policy_named),
        "TagResource": Acts(_TAGGED, tags=_TAGS),
        "UntagResource": Acts(_TAGGED, tags=tags.named("TagKeys")),
        "ListTagsForResource": Acts(_TAGGED),
    },
    accepted={
        "CreateAccount": {
            "IamUserAccessToBilling": "there is no billing here that users could be kept from",
        },
    },
    on_resource=access.thing_named,
    condition_keys=frozenset(
        {
            "organizations:policytype",
            # Of transfers of responsibility alone, which there are none of:
            *("organizations:transferdirection", "organizations:transfertype"),
        }
    ),
    tells=access.TAGS,
)
