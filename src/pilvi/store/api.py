"""What a store is: an ordered map of bytes to bytes with serializable transactions.

Knows nothing of AWS. Engines (`sqlite.py`, `memory.py`) implement these protocols and pass one
conformance suite. Promises, by number; engines cite them:

1. Atomic: after a crash at any instant a transaction's writes are all there or none is.
2. Durable: `write` returns only after its transaction is on disk (`--durability full`).
3. Serializable: transactions behave as if run one after another; a transaction reads its own writes.
4. Visible: a read that begins after `write` returned sees it, in every process.
5. A body that raises changes nothing. A commit that fails raises `StoreUnavailable` in every writer
   that was part of it, and the state stays as it was.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

from pilvi.base.errors import ServiceUnavailable
from pilvi.contracts.causes import Cause
from pilvi.contracts.delivery import Source
from pilvi.contracts.facts import Fact
from pilvi.contracts.jobs import Job

T = TypeVar("T")


class StoreUnavailable(ServiceUnavailable):
    """The disk refused: nothing was changed. Carries the engine's reason."""

    message = "The store could not commit: {reason}"


class TransactionTooLarge(ServiceUnavailable):
    """A body buffered more than one transaction may hold. Nothing was changed."""

    message = "A transaction may write at most {limit_bytes} bytes."


class Snapshot(Protocol):
    """A consistent view. Valid only inside the body it was given to."""

    def get(self, key: bytes) -> bytes | None: ...

    def has(self, key: bytes) -> bool:
        """Whether `get` would give something; a large value is not read for it."""
        ...

    def get_kept(self, key: bytes, decode: Callable[[bytes], T]) -> T | None:
        """As `get`, decoded; of a record whose changes are counted (`kept.py`), which may come out of memory.

        It is everybody's: not to be changed. A key is asked for with one and the same `decode` always.
        """
        ...

    def scan(
        self, start: bytes, end: bytes, *, limit: int | None = None, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Pairs with start <= key < end, in key order (or against it), read lazily.

        In a transaction the pairs are those of the moment when `scan` was called: a body may put and
        delete while it walks.
        """
        ...

    def leap(
        self, start: bytes, end: bytes, *, at: int, by: bytes, limit: int
    ) -> Iterator[tuple[bytes, bytes | None]]:
        """As `scan`, but of all keys that have `by` somewhere from byte `at` on, and no zero byte before it, and
        begin alike up to it, only this beginning is given, once, and with None. So a walk costs what it gives."""
        ...


class Survey(Snapshot, Protocol):
    """A view for a long look, in a thread of its own."""

    def keys(self, start: bytes, end: bytes) -> Iterator[bytes]:
        """The keys that `scan` would give, without touching their values."""
        ...

    def pause(self) -> None:
        """Let others run; to be called every few hundred rows. Raises: SurveyTooLong."""
        ...


class SurveyTooLong(Exception):
    """So much was written during a survey that its snapshot would fill the disk. Try again later."""


class Transaction(Snapshot, Protocol):
    """A view that also writes. All of it commits, or none."""

    @property
    def cause(self) -> Cause: ...

    def put(self, key: bytes, value: bytes) -> None: ...

    def delete(self, key: bytes) -> None: ...

    def delete_range(self, start: bytes, end: bytes) -> None: ...

    def unsettle(self) -> None:
        """This transaction changes records that processes keep in memory (`kept.py`)."""
        ...

    def wake(self, topic: str) -> None:
        """After the commit, end every `Store.wait` on this topic, in all processes."""
        ...

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run `action` in this process once committed: hints only, for a crash loses it."""
        ...

    def after_abort(self, action: Callable[[], None]) -> None:
        """Run `action` in this process when nothing of this run was kept: the body raised, or the commit
        failed. Hints only, like `after_commit`."""
        ...

    # The three doors to what happens later. The store hands them to its outbox (the dispatcher), which
    # turns them into records of this same transaction.
    def emit(self, fact: Fact) -> None: ...

    def deliver(self, arn: str, payload: bytes, *, source: Source) -> None: ...

    def at(self, due_ms: int, job: Job) -> None: ...


class Outbox(Protocol):
    """What the dispatcher gives the store, so that `emit`, `deliver` and `at` write jobs."""

    def emit(self, tx: Transaction, fact: Fact) -> None: ...

    def deliver(self, tx: Transaction, arn: str, payload: bytes, source: Source) -> None: ...

    def at(self, tx: Transaction, due_ms: int, job: Job) -> None: ...


@dataclass(frozen=True, slots=True)
class StoreStatistics:
    """For /metrics and `pilvi status`: counts since the process started, sizes now."""

    commits: int
    transactions: int
    size_bytes: int
    log_bytes: int


@runtime_checkable
class Store(Protocol):
    outbox: Outbox | None

    def read(self, body: Callable[[Snapshot], T]) -> Awaitable[T]: ...

    def survey(self, body: Callable[[Survey], T]) -> Awaitable[T]:
        """As `read`, for bodies that take seconds: one snapshot, read beside all other work.

        Raises: SurveyTooLong; whatever `body` raises.
        """
        ...

    def write(self, body: Callable[[Transaction], T], *, cause: Cause = ...) -> Awaitable[T]:
        """Run `body` in one transaction. It may be run again on a conflict, so it is pure but for `tx`.

        Whatever `body` raises is raised here, with nothing changed.
        """
        ...

    def generation(self) -> int | None:
        """Changes with every commit that changes kept records; None while one is under way (`kept.py`)."""
        ...

    def wake(self, topic: str) -> None: ...

    def wait(self, topic: str, timeout_s: float | None = None) -> Awaitable[bool]:
        """True when woken, False when the time is up. Spurious wakes are allowed: look again.

        Look, then wait, with no `await` in between: then no wake is lost. Should one from another process
        be lost all the same, the engine ends the wait spuriously a few seconds after that process has committed.
        """
        ...

    @property
    def in_doubt(self) -> bool:
        """True once the disk failed in a commit: what it was told last may come back after a restart, so
        nothing outside the store may be removed on the word of a failed commit."""
        ...

    def statistics(self) -> StoreStatistics: ...

    async def close(self) -> None: ...
