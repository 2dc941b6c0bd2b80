"""What a denial tells to whoever may know: encoded for the one who was denied, decoded by STS."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Protocol


class AuthorizationMessages(Protocol):
    """Implemented by services/iam; asked by `kit/permission.py`."""

    def encode(self, account: str, decision: dict[str, Any]) -> Awaitable[str]:
        """A text that tells nothing to who has no key for it. `account`: of the one who was denied."""
        ...
