"""What a service of the cloud may do on its own behalf: S3 telling a function of an event, Lambda assuming a role.

Nothing but the resource's policy speaks for a service. So that nobody can make a service act where they may not
themselves, the policy can ask for whose resource it acts: `aws:SourceArn`, `aws:SourceAccount`.
AWS: IAM User Guide, "The confused deputy problem", section "Cross-service confused deputy prevention".
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from pilvi.base.arn import GLOBAL_REGION, Arn
from pilvi.contracts.delivery import Source
from pilvi.identity import authorise
from pilvi.identity.guardrails import (
    NO_GUARDRAILS,
    Guardrails,
    limited,
    organisation_keys,
    source_keys,
)
from pilvi.identity.permissions import OnResource, RequestContext, services
from pilvi.identity.principal import service_itself
from pilvi.languages.policy import Decision, Policies, Request

_NO_KEYS: Mapping[str, tuple[str, ...]] = {}
_SUFFIX = ".amazonaws.com"


def judge(
    source: Source,
    action: str,
    resource: str,
    on_resource: OnResource,
    *,
    now_ms: int,
    specific: Mapping[str, tuple[str, ...]] = _NO_KEYS,
    known: AbstractSet[str] = frozenset(),
    there: Guardrails = NO_GUARDRAILS,
    here: Guardrails = NO_GUARDRAILS,
) -> tuple[Request, Policies, Decision]:
    """What was asked, what applied, and what came of it.

    `specific`, `known`: as for `RequestContext`. `there`: around the resource's account; `here`: around that of what
    the service acts for, which has no say in this. Raises: NotBuilt for a condition key of which nothing can be said.
    """
    assert source.service.endswith(_SUFFIX), source.service
    region = _region_of(source)
    principal = service_itself(source.service.removesuffix(_SUFFIX))
    permissions = services(principal, region)
    told = {**specific, **on_resource.context, **source_keys(here)}
    told |= organisation_keys(NO_GUARDRAILS, there)
    if source.arn:
        told["aws:sourcearn"] = (source.arn,)
    if source.account:
        told["aws:sourceaccount"] = (source.account,)
    context = RequestContext(
        principal, permissions, now_ms, region, None, on_resource.account, action, told, known
    )
    policies = authorise.applying(permissions, on_resource)
    policies = limited(policies, NO_GUARDRAILS, there, action)
    return authorise.judge(permissions, policies, action, resource, context, on_resource)


def _region_of(source: Source) -> str:
    """Where the service acts; buckets do not say."""
    try:
        return Arn.parse(source.arn).scope.region
    except ValueError:
        return GLOBAL_REGION
