"""What people ask of stored objects through the command line: what rules will do to them, and what they take up.

Everything comes in pages: `next` of an answer goes into the next question, and is None at the end.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Protocol


class Storage(Protocol):
    """All raise AwsError: NoSuchBucket, InvalidArgument (`after`)."""

    def plan(self, bucket: str, after: str | None) -> Awaitable[dict[str, Any]]:
        """What lifecycle rules will do to each version and upload, by which rule and when."""
        ...

    def run(self, bucket: str, *, begin: bool) -> Awaitable[dict[str, Any]]:
        """The last run of the rules, or the one under way. `begin`: begin one now, unless one is."""
        ...

    def reschedule(self) -> Awaitable[None]:
        """Have rules run at the next midnight: days have another length than they may have had before."""
        ...

    def usage(self, bucket: str, prefix: str, after: str | None) -> Awaitable[dict[str, Any]]:
        """What versions and uploads take up, by storage class."""
        ...

    def buckets(self, after: str | None) -> Awaitable[dict[str, Any]]:
        """The names of all buckets, of all accounts."""
        ...
