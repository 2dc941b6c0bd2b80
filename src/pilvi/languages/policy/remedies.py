"""What would allow a request that was refused: the smallest statements, and the policies that would have to say them.

Each of them is needed; where a statement denies, no other can help, and it has to go or to spare this request.
"""

from __future__ import annotations

import re
from typing import Any

from pilvi.contracts.observations import Remedy
from pilvi.languages.policy.compiled import Attachment
from pilvi.languages.policy.evaluation import Decision, Layer, Policies, Request, ResourceSide
from pilvi.languages.policy.explanation import told_origin, told_statement
from pilvi.languages.policy.principals import Kind, Principal


def remedies(request: Request, policies: Policies, decision: Decision) -> tuple[Remedy, ...]:
    """None for a decision that allows."""
    if decision.allowed:
        return ()
    if decision.statements:
        return tuple(
            Remedy(f"change {told_statement(one)}, which denies it whatever else allows", None)
            for one in decision.statements
        )
    lacking = decision.lacking
    if not decision.cross_account and not {Layer.RESOURCE, Layer.TRUST}.isdisjoint(lacking):
        lacking = [layer for layer in lacking if layer is not Layer.IDENTITY]  # a grant does
    return tuple(_remedy(layer, request, policies, decision) for layer in lacking)


def _remedy(layer: Layer, request: Request, policies: Policies, decision: Decision) -> Remedy:
    resource = literal(decision.resource)
    own = {"Effect": "Allow", "Action": request.action, "Resource": resource}
    holder = holder_of(request.principal)
    match layer:
        case Layer.IDENTITY:
            return Remedy(f"add to a policy of {holder}", own)
        case Layer.BOUNDARY:
            assert policies.boundary is not None
            return Remedy(f"add to the {told_origin(policies.boundary.origin)}", own)
        case Layer.SESSION:
            return Remedy(f"add to the policy that the session of {holder} was made with", own)
        case Layer.SERVICE_CONTROL | Layer.RESOURCE_CONTROL:
            return Remedy(f"add to a {layer.value} at each level of the organisation", own)
        case Layer.TRUST:
            trusting = {
                "Effect": "Allow",
                "Principal": _principal(request.principal),
                "Action": request.action,
            }
            return Remedy(f"add to the trust policy of {decision.resource}", trusting)
        case Layer.RESOURCE:
            is_key = policies.resource_side is ResourceSide.KEY
            granting: dict[str, Any] = {
                "Effect": "Allow",
                "Principal": _principal(request.principal),
                "Action": request.action,
                "Resource": "*" if is_key else resource,
            }
            kind = Attachment.KEY if is_key else Attachment.RESOURCE
            return Remedy(f"add to the {kind.value} of {decision.resource}", granting)


def holder_of(principal: Principal) -> str:
    """Who has the policies: of a session, its role."""
    return principal.entity_arn or principal.arn


def _principal(principal: Principal) -> str | dict[str, str]:
    match principal.kind:
        case Kind.ANONYMOUS:
            return "*"
        case Kind.SERVICE:
            return {"Service": principal.services[0]}
        case Kind.WEB_IDENTITY:
            return {"Federated": principal.provider}
        case _:
            return {"AWS": holder_of(principal)}


def literal(text: str) -> str:
    """A text as a policy writes it where wildcards and variables have a meaning."""
    return text if text == "*" else _SPECIAL.sub(r"${\g<0>}", text)


_SPECIAL = re.compile(r"[*?]|\$(?=\{)")
