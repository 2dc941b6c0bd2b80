"""What a source of events must be able to do, and what a poller gives it.

`poller.py` drives any source: it waits, takes batches, invokes the function with each, and has the source settle what
came of it. How records are read, gathered, kept in order, tried again or given up is the source's own business.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from pilvi.base.arn import Scope
from pilvi.contracts.causes import Cause
from pilvi.contracts.jobs import Stay
from pilvi.identity.principal import Principal
from pilvi.services.lambda_.mappings.records import Mapping
from pilvi.store.api import Transaction

if TYPE_CHECKING:
    from pilvi.kit.call import Call
    from pilvi.kit.cloud import Cloud


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """The function returned. `payload`: its answer."""

    payload: bytes
    request_id: str
    executed_version: str


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """The function raised, exited or overran its time. `payload`: the error document."""

    payload: bytes
    error: str
    error_type: str
    request_id: str
    executed_version: str


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """The function was not invoked: it is throttled, gone, or cannot be started. `code`: of Lambda's error."""

    code: str
    reason: str
    throttled: bool


Ending = Answered | Failed | Refused


class Batch(Protocol):
    """What one invocation gets. Sources have classes of their own for it."""

    @property
    def payload(self) -> bytes:
        """The event document, at most 6 MB."""
        ...


class Source(Protocol):
    """One mapping's source, as long as neither the mapping nor its function's role changes. Used by one task at a
    time, but for `settle`, which runs for several batches at once."""

    @property
    def concurrency_max(self) -> int:
        """How many batches may run at once now; asked before each `take`."""
        ...

    @property
    def due_ms(self) -> int | None:
        """The time of the cloud's clock at which `take` may give something though nothing new has come: the end of a
        window, of a pause between retries. None: only what comes counts."""
        ...

    async def wait(self) -> None:
        """Wait until `take` may give something, without taking anything. It may be cancelled at any point, and may
        return for nothing. The clock is the poller's business (`due_ms`)."""
        ...

    async def take(self) -> Batch | None:
        """The next batch to run now. Never waits for records to come. None: there is none now; then `wait` follows.

        Raises: AwsError when the source cannot be read; the poller tells it and tries again, later each time.
        """
        ...

    async def settle(self, batch: Any, ending: Ending) -> None:
        """Have what came of a batch its effect, durably: delete, keep the checkpoint, plan the next try.

        Raises: AwsError, as `take`.
        """
        ...

    async def close(self) -> None:
        """Give back what was taken and not run. Nothing runs any more, and nothing is taken after it."""
        ...


class Polling(Protocol):
    """What a source is opened with: the mapping, and what can be done in its name."""

    @property
    def cloud(self) -> Cloud: ...

    @property
    def scope(self) -> Scope: ...

    @property
    def mapping(self) -> Mapping: ...

    @property
    def stay(self) -> Stay:
        """`stay.check(tx)` in each transaction of the source's own: so nobody who was taken for dead writes."""
        ...

    @property
    def cause(self) -> Cause: ...

    @property
    def function_timeout_s(self) -> int: ...

    async def principal(self) -> Principal:
        """The function's execution role, with a session that holds. Raises: RoleNotAssumed."""
        ...

    async def perform(self, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        """Ask any API in the name of the execution role, in the region of the source. Raises: AwsError."""
        ...

    def tell(self, tx: Transaction, result: str, *, resting_until_ms: int = 0) -> None:
        """Keep LastProcessingResult ("OK", "PROBLEM: Function call failed"), and until when nothing is taken."""
        ...

    async def tell_now(self, result: str, *, resting_until_ms: int = 0) -> None:
        """The same in a transaction of its own, if it is anything new."""
        ...


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of source.

    `open`: before the first `take`, and again after every change. `check`: (call, mapping, timeout of the function in
    seconds, the role as a principal): before a mapping is created or gets other settings. Raises: AwsError in Lambda's
    words. `pending`: whether there is something that the poller would take now (`/_pilvi/idle` asks); from what is
    stored alone, for the poller may live in another process.
    """

    open: Callable[[Polling], Awaitable[Source]]
    check: Callable[[Call, Mapping, int, Principal], Awaitable[None]]
    pending: Callable[[Cloud, Scope, Mapping], Awaitable[bool]]
