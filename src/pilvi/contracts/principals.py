"""Who is meant by the names in a resource's policy.

A policy that names a user or a role means the one that there is when it is saved, not whoever has that name later.
AWS: IAM User Guide, "AWS JSON policy elements: Principal", the notes on deleted and recreated users and roles.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pilvi.store.api import Snapshot


class Principals(Protocol):
    """Implemented by services/iam; asked where a resource's policy is saved, in that transaction."""

    def ids_of(self, at: Snapshot, arns: Iterable[str]) -> dict[str, str]:
        """The unique ids of those that name a user or a role that exists, of whichever account.

        The others are left out: AWS refuses such a policy, here it means whoever will have the name.
        """
        ...
