"""Whether a resource's policy lets a service of the cloud in, for what that acts for: for who takes deliveries.

How it is judged: `identity/behalf.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from pilvi.contracts.delivery import Source
from pilvi.identity import behalf
from pilvi.identity.guardrails import GuardrailsOf
from pilvi.identity.permissions import OnResource
from pilvi.kit.cloud import Cloud
from pilvi.languages.policy import explain

log = logging.getLogger("pilvi.kit")

_NO_KEYS: Mapping[str, tuple[str, ...]] = {}


async def lets_in(
    cloud: Cloud,
    source: Source,
    action: str,
    resource: str,
    side: OnResource,
    *,
    account: str,
    specific: Mapping[str, tuple[str, ...]] = _NO_KEYS,
    known: AbstractSet[str] = frozenset(),
) -> bool:
    """Whether the policy on the resource's `side` permits `source` the action. Why not is in the log.

    `account`: the resource's. `specific`, `known`: condition keys of the resource's service, told and known.
    """
    mode = cloud.settings.iam
    if mode == "off":
        return True
    guardrails = cloud.ask(GuardrailsOf)
    request, policies, decision = behalf.judge(
        source,
        action,
        resource,
        side,
        now_ms=cloud.clock.now_ms(),
        specific=specific,
        known=known,
        there=await guardrails.of_account(account),
        here=await guardrails.of_account(source.account),
    )
    if decision.allowed:
        return True
    lines = explain(request, policies, decision)
    told = "; ".join(lines).encode("unicode_escape").decode()  # sources may hold line breaks
    if mode == "audit":
        log.warning("%s for %s would be denied: %s", source.service, source.arn, told)
        return True
    log.info("%s for %s is denied: %s", source.service, source.arn, told)
    return False
