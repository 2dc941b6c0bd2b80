"""What a service of the cloud may do on its own behalf: S3 telling a function of an event, API Gateway calling one.

Nothing but the resource's policy speaks for a service. So that nobody can make a service act where they may not
themselves, the policy can ask for whose resource it acts: `aws:SourceArn`, `aws:SourceAccount`.
AWS: IAM User Guide, "The confused deputy problem", section "Cross-service confused deputy prevention".
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from pilvi.contracts.delivery import Source
from pilvi.identity.permissions import NOBODYS, OnResource, RequestContext
from pilvi.identity.principal import ANONYMOUS
from pilvi.languages.policy import Decision, Kind, Policies, Request, decide, principal_keys
from pilvi.languages.policy import Principal as PolicyPrincipal


def judge(
    source: Source,
    action: str,
    resource: str,
    on_resource: OnResource,
    *,
    now_ms: int,
    region: str,
    specific: Mapping[str, tuple[str, ...]],
    known: AbstractSet[str],
) -> tuple[Request, Policies, Decision]:
    """What was asked, what applied, and what came of it.

    `specific`, `known`: as for `RequestContext`. Raises: NotBuilt for a condition key of which nothing can be said.
    """
    principal = PolicyPrincipal(Kind.SERVICE, services=(source.service,))
    told = {**principal_keys(principal), **specific, **on_resource.context}
    if source.arn:
        told["aws:sourcearn"] = (source.arn,)
    if source.account:
        told["aws:sourceaccount"] = (source.account,)
    context = RequestContext(
        ANONYMOUS, NOBODYS, now_ms, region, None, on_resource.account, action, told, known
    )
    request = Request(principal, action, (resource,), on_resource.account, context)
    policies = Policies(resource=on_resource.policies, resource_side=on_resource.side)
    return request, policies, decide(request, policies)
