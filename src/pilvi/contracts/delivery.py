"""Deliveries: a payload for an ARN that the customer configured."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

Commit = Callable[[Any], None]
"""What a handler of a job or delivery gives back: its effect, applied to the transaction (`store.Transaction`)
that also completes the job. So an effect happens exactly once, however often the handler ran."""


class Source(msgspec.Struct, frozen=True):
    """Who sends: a service principal ("s3.amazonaws.com"), the ARN it acts for, and its account."""

    service: str
    arn: str
    account: str


class Delivery(msgspec.Struct, frozen=True):
    """`id` is the same at every attempt: targets that are told twice must act once."""

    id: str
    arn: str
    payload: bytes
    source: Source
    attempt: int = 1


class Undeliverable(Exception):
    """Raised by a target when trying again is useless (no such function, no permission, disabled).

    The reason is kept in the trace, and the delivery goes to its dead-letter rule at once.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


Deliver = Callable[[Delivery], Awaitable[Commit | None]]
"""A target: takes one delivery and gives its effect. Any other exception means: try again later."""
