"""May this principal do this? One function decides for every request; the policy language does the reading.

Root whom nobody can verify (the open mode) is root of its account like any other: what a resource's policy denies it is
denied. A role that was made up has no policies that could be read, and acts as root.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import msgspec

from pilvi import protocol
from pilvi.base.errors import AwsError
from pilvi.identity.permissions import OnResource, Permissions
from pilvi.languages.policy import (
    Context,
    Decision,
    Kind,
    Policies,
    Request,
    Verdict,
    caller_name,
    decide,
    denial_text,
)


class AccessDenied(AwsError):
    """S3's, IAM's and the query protocol's word."""

    code = "AccessDenied"
    message = "{detail}"
    status = 403


class AccessDeniedException(AwsError):
    """The word of services with JSON and a REST interface."""

    code = "AccessDeniedException"
    message = "{detail}"
    status = 403


class RpcAccessDeniedException(AwsError):
    """The same of services whose requests name their action in a header: their status is 400."""

    code = "AccessDeniedException"
    message = "{detail}"


_ERRORS: dict[str, type[AwsError]] = {
    "json": RpcAccessDeniedException,
    "smithy-rpc-v2-cbor": RpcAccessDeniedException,
    "rest-json": AccessDeniedException,
}


def applying(permissions: Permissions, on_resource: OnResource) -> Policies:
    """All that speaks about a request of a principal on a resource."""
    return Policies(
        permissions.identity,
        permissions.boundary,
        permissions.session,
        on_resource.policies,
        on_resource.side,
    )


def judge(
    permissions: Permissions,
    policies: Policies,
    action: str,
    resource: str,
    context: Context,
    on_resource: OnResource,
) -> tuple[Request, Policies, Decision]:
    """What was asked, what applied, and what came of it."""
    principal = permissions.principal
    account = on_resource.account or principal.account
    request = Request(principal, action, (resource,), account, context)
    return request, policies, decide(request, policies)


def allowed_here(request: Request, policies: Policies) -> bool:
    """Whether the caller's own account allows the request, whatever the resource's side says."""
    own = msgspec.structs.replace(request, resource_account=request.principal.account)
    alone = msgspec.structs.replace(policies, resource=(), resource_control=())
    return decide(own, alone).allowed


def decoded(request: Request, decision: Decision) -> dict[str, object]:
    """A denial as DecodeAuthorizationMessage tells it."""
    principal = request.principal
    conditions = [
        {"key": key, "values": _items([{"value": one[:_TOLD_MAX]} for one in values[:_LISTED_MAX]])}
        for key, values in islice(request.context.items(), _LISTED_MAX)
    ]
    statements = [
        {
            "statementId": one.sid or "",
            "effect": "ALLOW" if one.allows else "DENY",
            "sourcePolicyId": one.origin.arn or one.origin.name,
            "sourcePolicyType": one.layer.value,
        }
        for one in decision.statements[:_LISTED_MAX]
    ]
    return {
        "allowed": decision.allowed,
        "explicitDeny": decision.verdict is Verdict.EXPLICIT_DENY,
        "matchedStatements": _items(statements),
        "failures": _items([]),
        "lacking": _items([layer.value for layer in decision.lacking]),
        "context": {
            "principal": {"id": principal.unique_id, "arn": caller_name(principal)},
            "action": request.action,
            "resource": decision.resource,
            "conditions": _items(conditions),
        },
    }


_LISTED_MAX = 40
_TOLD_MAX = 256
"""Characters of a value. An answer's header holds it all, packed."""


def _items(items: Sequence[object]) -> dict[str, Sequence[object]]:
    return {"items": items}


def denial(service: str, request: Request, decision: Decision) -> AwsError:
    """The error in the words of the service that was asked."""
    error = _ERRORS.get(protocol.service_model(service).protocol, AccessDenied)
    if service in _DISCREET and not _is_of_the_same(request, decision):
        return error(detail="Access Denied")
    return error(detail=denial_text(request, decision, quoted=service == "s3"))


_DISCREET = frozenset({"s3", "s3control"})
"""They say why to nobody from elsewhere. AWS: S3 User Guide, "Access denied message examples and how to troubleshoot
them"."""


def _is_of_the_same(request: Request, decision: Decision) -> bool:
    """Whether the caller is of the account of the resource, or of its organisation."""
    if request.principal.kind is Kind.ANONYMOUS:
        return False
    if not decision.cross_account:
        return True
    organisation = request.context.get("aws:principalorgid")
    return bool(organisation) and organisation == request.context.get("aws:resourceorgid")
