"""Permissions that hang on nothing of a request but who asks for what: decided once, not for every request.

What is kept is found under the very objects that it was made from, and IAM makes new ones whenever anything of a
principal has changed; so nothing here is ever out of date. Refusals are always decided anew: they tell of the request.
"""

from __future__ import annotations

from typing import NamedTuple

from pilvi.identity.permissions import OnResource, Permissions
from pilvi.languages.policy import Decision, Policies, Request

KEPT_MAX = 4096

Judged = tuple[Request, Policies, Decision]
"""What was asked, what applied, what came of it. The keys of the request's context are another request's."""


class _Kept(NamedTuple):
    permissions: Permissions
    on_resource: OnResource
    judged: Judged


class Decided:
    """Bounded: forgets all when it is full."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, str], dict[str | None, _Kept]] = {}
        """By who asks and the action: what was decided of each resource; under None, of whichever."""
        self._count = 0

    def find(
        self, permissions: Permissions, on_resource: OnResource, action: str, resource: str
    ) -> Judged | None:
        """The decision's own `resource` may be another of which the same was said."""
        of_action = self._kept.get((id(permissions), action))
        if of_action is None:
            return None
        kept = of_action.get(None) or of_action.get(resource)
        if kept is None or kept.permissions is not permissions:
            return None
        before = kept.on_resource
        same = before is on_resource or (
            before.account == on_resource.account
            and before.policies == on_resource.policies
            and before.side is on_resource.side
        )
        return kept.judged if same else None

    def keep(
        self, permissions: Permissions, on_resource: OnResource, resource: str, judged: Judged
    ) -> None:
        """Where no policy asks for a key of the request's context, and nothing else limits it."""
        request, policies, decision = judged
        if not decision.allowed or policies.conditional:
            return
        if self._count >= KEPT_MAX:
            self._kept.clear()
            self._count = 0
        self._count += 1
        of_action = self._kept.setdefault((id(permissions), request.action), {})
        name = None if policies.are_everywhere(request.action) else resource
        of_action[name] = _Kept(permissions, on_resource, judged)
