"""Roles that one service needs made for it by IAM."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol


class Roles(Protocol):
    def put_administrator(self, *, account: str, name: str, trusted: str) -> Awaitable[None]:
        """A role of `account` that may do everything there, and that the account `trusted` may let its own assume.

        Nothing changes where there is a role of that name.
        """
        ...
