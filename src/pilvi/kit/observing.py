"""What is told to those who observe: who asked for what, and what became of it; when lasting keys were used.

A note is taken in memory, at every decision; `contracts.observations` says who keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from pilvi.contracts.observations import Asker, Observations
from pilvi.identity.principal import Principal
from pilvi.kit.recent import RESOURCE_MAX
from pilvi.languages.policy import Decision

if TYPE_CHECKING:
    from pilvi.kit.call import Call


def note_key(call: Call, action: str) -> None:
    """Lasting keys have been used."""
    principal = call.principal
    lasting = principal.session is None and not principal.service
    if principal.verified and lasting:
        call.ask(Observations).note_key(principal.access_key_id, action, call.region, call.now_ms)


def note(
    call: Call,
    action: str,
    resource: str,
    outcome: str,
    context: Mapping[str, tuple[str, ...]],
    decision: Decision | None = None,
) -> None:
    """Tell what was decided to those who observe. Of services, and of nobody, there are no policies to make fit."""
    principal = call.principal
    if principal.service or not principal.authenticated:
        return
    call.ask(Observations).note(
        asker_of(principal), action, resource, outcome, call.region, call.now_ms, context
    )
    if len(resource) <= RESOURCE_MAX:
        call.cloud.recent.add((call.request_id, principal, action, resource, decision))


def asker_of(principal: Principal) -> Asker:
    """A session's doings are its role's, a federated user's those of the user who lent the permissions."""
    session = principal.session
    if session is not None and session.issuer_arn:
        return Asker(principal.account, session.issuer_id, session.issuer_arn)
    return _asker(
        principal.account, principal.id, principal.arn, principal.role_arn, principal.made_up
    )


@lru_cache(maxsize=4096)
def _asker(account: str, principal_id: str, arn: str, role_arn: str | None, made_up: bool) -> Asker:
    if role_arn is None:
        return Asker(account, principal_id, arn)
    return Asker(account, role_arn if made_up else principal_id.partition(":")[0], role_arn)
