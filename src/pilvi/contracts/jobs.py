"""Jobs: what is to be done later. Written by the transaction that causes it, run at least once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

import msgspec

from pilvi.contracts.causes import NO_CAUSE, Cause
from pilvi.contracts.delivery import Commit


class Job(msgspec.Struct, frozen=True):
    """`kind`: "service.what", which names the handler. `payload`: MessagePack or JSON of the kind's choice.

    `id`: set by the dispatcher when empty; giving one makes the job unique (a second one replaces it),
    which is how timers of a resource are moved or cancelled. `lane`: a queue of its own within the kind, so
    that those that a slow one keeps waiting are none but its own. At most a few hundred for one kind: each
    lane in which something waits costs a look.

    `resident`: one that stays for as long as something exists (a poller): leased like any other and taken over like
    any other, but it counts neither as due work nor against what may run at once, and nothing limits its time. Its
    kind is registered as resident too, and its handler gets a `Stay`. Residents are spread evenly over the processes:
    those of one kind and `lane`, which costs them nothing else.
    """

    kind: str
    payload: bytes
    id: str = ""
    attempt: int = 1
    first_due_ms: int = 0
    cause: Cause = NO_CAUSE
    account: str = ""
    region: str = ""
    lane: str = ""
    resident: bool = False


class Retry(msgspec.Struct, frozen=True):
    """How often and how long a kind is tried. Delays grow from `first_delay_s` by `factor` up to `delay_s_max`,
    with jitter of up to `jitter` of themselves; `age_s_max` ends it whatever the count."""

    attempts_max: int = 10
    first_delay_s: float = 1.0
    factor: float = 2.0
    delay_s_max: float = 300.0
    age_s_max: float | None = None
    jitter: float = 0.1


Handle = Callable[[Job], Awaitable[Commit | None]]
"""Runs one job; what it gives back is applied in the transaction that completes the job."""


class Stay(Protocol):
    """A resident's hold on its job."""

    @property
    def leaving(self) -> bool:
        """Whether this process ends, or another one is to go on: finish what runs, begin nothing."""
        ...

    async def until_leaving(self) -> None: ...

    def engaged(self) -> AbstractContextManager[object]:
        """While this is open, the cloud is not idle. To be opened *before* work is taken out of what `pending` of the
        kind sees, and closed when its effects are stored: so nobody ever sees neither."""
        ...

    def rest_until(self, due_ms: int | None) -> None:
        """The resident will act by itself at `due_ms` of the cloud's clock: from then on the cloud is not idle, until
        it says otherwise."""
        ...

    def check(self, tx: Any) -> None:
        """Raises: an exception that ends the resident, when the job is not its any more (`tx`: the transaction)."""
        ...


Reside = Callable[[Job, Stay], Awaitable[Commit | None]]
"""Runs a resident. What it gives back ends it for good, in the completing transaction; None, when it only leaves."""

Bury = Callable[[Job, str], Commit | None]
"""What to do (in the completing transaction) with a job that failed for good: (job, reason)."""
