"""What IAM tells the person who runs the cloud: why something was decided, and which policies would do.

Answers are plain dictionaries, as the command line gets them.
"""

from __future__ import annotations

from typing import Any, Protocol


class Advice(Protocol):
    """Implemented by services/iam; asked by pilvi's own endpoints."""

    async def explain(self, request_id: str) -> list[dict[str, Any]]:
        """Every decision of one request that is known: refusals, and of this process the recent permissions."""
        ...

    async def report(self) -> list[dict[str, Any]]:
        """What policies would have denied under `--iam audit`, the most frequent first."""
        ...

    async def generate(
        self, account: str, kind: str, name: str, *, since_ms: int, wildcards: bool
    ) -> dict[str, Any]:
        """The least that a user or role (`kind`) needs, from what it did since then. `name`: or its ARN.

        Raises: NoSuchEntity.
        """
        ...

    async def whois(self, access_key_id: str) -> dict[str, Any]:
        """Whose key it is, and which policies stand for its holder."""
        ...


class Administrators(Protocol):
    """Implemented by services/iam; asked at the first start in strict mode, where nobody could begin else."""

    async def first_key(self, account: str) -> tuple[str, str] | None:
        """Make the account's first access key, of its user `administrator`: (id, secret). None when it has any."""
        ...

    async def another_key(self, account: str, *, root: bool, replace: bool) -> tuple[str, str]:
        """One more key of that user, or of the account's root user. `replace`: in the place of the oldest, when there
        are as many as there can be.

        Raises: LimitExceeded.
        """
        ...
