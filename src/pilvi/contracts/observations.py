"""Questions about what principals really did: noted at every decision, answered by IAM.

Noting must cost next to nothing, so it is a change in memory; the store learns of it some seconds later. What was not
yet there when a process is killed is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

ALLOWED = "allowed"
DENIED = "denied"
LET_PASS = "let pass"
"""What policies would have denied, under `--iam audit`."""
UNASKED = "unasked"
"""What needs no permission (GetCallerIdentity)."""


class Asker(msgspec.Struct, frozen=True):
    """Who asked. `id`: AIDA..., AROA..., the account for root; the ARN of a role that does not exist. `arn`: of the
    user or role, not of the session."""

    account: str
    id: str
    arn: str


class LastUse(msgspec.Struct, frozen=True):
    """`service`: the prefix of the action's name."""

    at_ms: int
    service: str
    region: str


class Remedy(msgspec.Struct, frozen=True):
    """`where`: the policy that has to change, in words. `statement`: what to add there; None where something has to be
    taken away instead."""

    where: str
    statement: dict[str, Any] | None


class Refusal(msgspec.Struct, frozen=True):
    """`outcome`: DENIED or LET_PASS. `lines`: the verdict, then the reasons. `remedies`: all of them are needed."""

    request_id: str
    at_ms: int
    asker: Asker
    action: str
    resource: str
    outcome: str
    region: str
    lines: tuple[str, ...]
    remedies: tuple[Remedy, ...]


class Observations(Protocol):
    """Implemented by services/iam; told at the permission step alone (`kit/permission.py`, `kit/observing.py`)."""

    def note(
        self,
        asker: Asker,
        action: str,
        resource: str,
        outcome: str,
        region: str,
        at_ms: int,
        context: Mapping[str, tuple[str, ...]],
    ) -> None:
        """One decision. `context`: condition keys in lower case, of which those are kept that a policy would name."""
        ...

    def note_refusal(self, refusal: Refusal) -> None:
        """Why something was denied, or would have been: kept for `pilvi iam explain`."""
        ...

    def note_key(self, access_key_id: str, action: str, region: str, at_ms: int) -> None:
        """A lasting key that this cloud issued was used."""
        ...

    async def flush(self) -> None:
        """Bring what this process has noted so far to the store. Raises: StoreUnavailable."""
        ...
