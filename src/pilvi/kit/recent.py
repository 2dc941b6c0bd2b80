"""The last decisions of this process, so that somebody can ask which statement allowed a request."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from pilvi.identity.principal import Principal
from pilvi.languages.policy import Decision

DECISIONS_MAX = 4096
RESOURCE_MAX = 2048
"""Characters; longer names, which nothing has, are not remembered."""


class Decided(NamedTuple):
    """`decision`: None for root, and where policies are not asked."""

    request_id: str
    principal: Principal
    action: str
    resource: str
    decision: Decision | None


class Recent:
    """Bounded; the oldest are forgotten. Adding is for every request, so it is no more than an append."""

    def __init__(self) -> None:
        self._decided: deque[tuple[str, Principal, str, str, Decision | None]]
        self._decided = deque(maxlen=DECISIONS_MAX)
        self.add = self._decided.append
        """Takes what `Decided` has, as a plain tuple; no resource longer than RESOURCE_MAX."""

    def of(self, request_id: str) -> list[Decided]:
        """In the order in which they were made; empty when it is long ago, or was another process."""
        return [Decided(*one) for one in self._decided if one[0] == request_id]
