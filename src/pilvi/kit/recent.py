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
    """Bounded; the oldest are forgotten."""

    def __init__(self) -> None:
        self._decided: deque[Decided] = deque(maxlen=DECISIONS_MAX)

    def add(self, decided: Decided) -> None:
        if len(decided.resource) <= RESOURCE_MAX:
            self._decided.append(decided)

    def of(self, request_id: str) -> list[Decided]:
        """In the order in which they were made; empty when it is long ago, or was another process."""
        return [one for one in self._decided if one.request_id == request_id]
