"""What a service tells the dispatcher: which kinds of jobs it runs, and how others deliver to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from pilvi.contracts.delivery import Commit, Deliver, Delivery
from pilvi.contracts.jobs import Bury, Handle, Job, Reside, Retry

TIME_LIMIT_S = 1000.0
"""How long a handler may run, in real time: a function's fifteen minutes and some."""

LANE_CONCURRENCY_MAX = 16


@dataclass(frozen=True, slots=True)
class JobKind:
    """How one kind of job is run. `concurrency_max`: at once, of each of its lanes, in one process.

    Of residents: `reside` instead of `handle`, and `pending`: whether one would find work to do now, from what is
    stored."""

    handle: Handle | None = None
    retry: Retry = field(default_factory=Retry)
    bury: Bury | None = None
    concurrency_max: int = LANE_CONCURRENCY_MAX
    time_limit_s: float = TIME_LIMIT_S
    reside: Reside | None = None
    pending: Callable[[Job], Awaitable[bool]] | None = None


@dataclass(frozen=True, slots=True)
class ServiceDispatch:
    """`jobs`: by kind ("sqs.purge", "sqs.on.ObjectCreated"). `target`: takes deliveries to the service's ARNs.

    `undelivered(delivery, reason)`: asked of the service that *sent* a delivery, once it failed for good, for
    the effect that its own dead-letter rule has. It is applied in the transaction that ends the delivery.
    """

    jobs: Mapping[str, JobKind] = field(default_factory=dict[str, JobKind])
    target: Deliver | None = None
    target_retry: Retry = field(default_factory=Retry)
    target_concurrency_max: int = LANE_CONCURRENCY_MAX
    undelivered: Callable[[Delivery, str], Commit | None] | None = None


Resolve = Callable[[str], ServiceDispatch]
"""A service's registrations by name, loaded when first needed. For deliveries the name is the ARN's service
("sqs", "states"). Raises: NotBuilt for a service that does not exist here."""


class Postpone(Exception):
    """Raised by a handler to be run again at `due_ms`, without this counting as an attempt (throttling)."""

    def __init__(self, due_ms: int, reason: str) -> None:
        self.due_ms = due_ms
        self.reason = reason
        super().__init__(reason)
