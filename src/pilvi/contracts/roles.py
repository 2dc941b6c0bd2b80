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

    def put_service_linked(self, *, account: str, service: str) -> Awaitable[None]:
        """The service-linked role of a service ("replication.dynamodb.amazonaws.com"), which it makes itself when it
        first acts in an account. Nothing changes where the role is there."""
        ...
