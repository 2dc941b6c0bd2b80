"""Second factors that are shown with a request: is this a code of the device that the root of an account has?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pilvi.store.api import Transaction


class SecondFactors(Protocol):
    """Implemented by services/iam; asked by services whose requests carry a code themselves (S3's MFA delete)."""

    def accept_of_root(
        self, tx: Transaction, account: str, serial: str, code: str, now_ms: int
    ) -> bool:
        """Use a code of the root user's device up. False for one that is wrong, was used before, or is nobody's."""
        ...
