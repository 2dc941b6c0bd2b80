"""AWS's texts of refusals.

AWS: IAM User Guide, "Troubleshoot access denied error messages"; S3 User Guide, "Troubleshoot access denied (403
Forbidden) errors in Amazon S3".
"""

from __future__ import annotations

from pilvi.languages.policy.evaluation import Decision, Layer, Request, Verdict
from pilvi.languages.policy.principals import Kind, Principal

_EXPLICIT = {
    Layer.RESOURCE_CONTROL: "with an explicit deny in a resource control policy",
    Layer.SERVICE_CONTROL: "with an explicit deny in a service control policy",
    Layer.IDENTITY: "with an explicit deny in an identity-based policy",
    Layer.RESOURCE: "with an explicit deny in a resource-based policy",
    Layer.TRUST: "with an explicit deny in the role trust policy",
    Layer.BOUNDARY: "with an explicit deny in a permissions boundary",
    Layer.SESSION: "with an explicit deny in a session policy",
}
_IMPLICIT = {
    Layer.RESOURCE_CONTROL: "because no resource control policy allows the {action} action",
    Layer.SERVICE_CONTROL: "because no service control policy allows the {action} action",
    Layer.IDENTITY: "because no identity-based policy allows the {action} action",
    Layer.RESOURCE: "because no resource-based policy allows the {action} action",
    Layer.TRUST: "because no role trust policy allows the {action} action",
    Layer.BOUNDARY: "because no permissions boundary allows the {action} action",
    Layer.SESSION: "because no session policy allows the {action} action",
}


_UNNAMED = (Layer.RESOURCE, Layer.TRUST)
"""Whose policies have no ARN."""


_HIDDEN = (
    "because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based"
    " policy explicitly denies access"
)


def _hides(action: str) -> bool:
    """KMS tells nobody of another account whether there is such a key."""
    return action.lower().startswith("kms:")


def _writes_small(action: str) -> bool:
    """SQS tells its actions in lower case."""
    return action.startswith("sqs:")


def denial_text(request: Request, decision: Decision, *, quoted: bool = False) -> str:
    """Within an account a policy that denies is named, if it has an ARN. `quoted`: the resource stands in quotation
    marks, as S3 has it."""
    assert decision.layer is not None, "an allowed request has no refusal"
    if request.principal.kind is Kind.WEB_IDENTITY:
        return f"Not authorized to perform {request.action}"
    reasons = _EXPLICIT if decision.verdict is Verdict.EXPLICIT_DENY else _IMPLICIT
    resource = f'"{decision.resource}"' if quoted else decision.resource
    action = request.action.lower() if _writes_small(request.action) else request.action
    words = [
        f"User: {caller_name(request.principal)} is not authorized to perform: {action}",
        f"on resource: {resource}" if decision.resource else "",
        reasons[decision.layer].replace("{action}", action),
    ]
    if decision.cross_account and decision.layer is Layer.RESOURCE and _hides(request.action):
        words[-1] = _HIDDEN
    told = " ".join(one for one in words if one)
    if decision.statements and decision.layer not in _UNNAMED and not decision.cross_account:
        arn = decision.statements[0].origin.arn
        return f"{told}, with policy ARN: {arn}" if arn else told
    return told


def caller_name(principal: Principal) -> str:
    """As AWS names the one who asked."""
    match principal.kind:
        case Kind.ANONYMOUS:
            return "anonymous"
        case Kind.SERVICE:
            return principal.services[0] if principal.services else principal.arn
        case Kind.WEB_IDENTITY:
            return principal.arn or principal.provider
        case _:
            return principal.arn
