"""One transaction: what a body writes, kept in memory over an engine's view until the body is done.

Shared by all engines. Invariants:

1. The view below does not change while the body runs (bodies are plain functions and run one at a time).
2. `_ranges` hides keys of the view; `_writes` lies above both. So the ranges are applied first.
3. `_order`, once built, holds exactly the keys of `_writes`, sorted.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from pilvi.contracts.causes import Cause
from pilvi.contracts.delivery import Source
from pilvi.contracts.facts import Fact
from pilvi.contracts.jobs import Job
from pilvi.store.api import Outbox, Snapshot, TransactionTooLarge
from pilvi.store.leaps import leap

TRANSACTION_BYTES_MAX = 64 * 1024 * 1024
"""Keys and values that one transaction may buffer."""

_ENTRY_BYTES = 96
"""What an entry costs beside its bytes, about."""

T = TypeVar("T")

Pair = tuple[bytes, bytes]
Write = tuple[bytes, bytes | None]


class _Missing:
    pass


_MISSING = _Missing()


class BufferedTransaction:
    """Implements `api.Transaction`. Valid only inside the body it was given to."""

    __slots__ = (
        "_base",
        "_open",
        "_order",
        "_outbox",
        "_ranges",
        "_writes",
        "abort_actions",
        "cause",
        "commit_actions",
        "size_bytes",
        "topics",
        "unsettles",
    )

    def __init__(self, base: Snapshot, cause: Cause, outbox: Outbox | None) -> None:
        self._base = base
        self._open = True
        self._order: list[bytes] | None = None
        self._outbox = outbox
        self._ranges: list[tuple[bytes, bytes]] = []
        self._writes: dict[bytes, bytes | None] = {}
        self.cause = cause
        self.size_bytes = 0
        self.topics: list[str] = []
        self.unsettles = False
        """Whether it changes kept records: those of a range may be among them."""
        self.commit_actions: list[Callable[[], None]] = []
        self.abort_actions: list[Callable[[], None]] = []

    # --- what a body sees

    def get(self, key: bytes) -> bytes | None:
        assert self._open, "a transaction ends with its body"
        value = self._writes.get(key, _MISSING)
        if not isinstance(value, _Missing):
            return value
        if self._ranges and self._is_hidden(key):
            return None
        return self._base.get(key)

    def has(self, key: bytes) -> bool:
        assert self._open, "a transaction ends with its body"
        value = self._writes.get(key, _MISSING)
        if not isinstance(value, _Missing):
            return value is not None
        if self._ranges and self._is_hidden(key):
            return False
        return self._base.has(key)

    def get_kept(self, key: bytes, decode: Callable[[bytes], T]) -> T | None:
        if self.unsettles:
            value = self.get(key)
            return None if value is None else decode(value)
        assert self._open, "a transaction ends with its body"
        return self._base.get_kept(key, decode)

    def scan(
        self, start: bytes, end: bytes, *, limit: int | None = None, reverse: bool = False
    ) -> Iterator[Pair]:
        assert self._open, "a transaction ends with its body"
        own = self._own(start, end, reverse)
        if not own and not self._ranges:
            return self._base.scan(start, end, limit=limit, reverse=reverse)
        pairs = _merge(self._visible(start, end, reverse), own, reverse)
        return pairs if limit is None else islice(pairs, limit)

    def leap(
        self, start: bytes, end: bytes, *, at: int, by: bytes, limit: int
    ) -> Iterator[tuple[bytes, bytes | None]]:
        return leap(self, start, end, at=at, by=by, limit=limit)

    def put(self, key: bytes, value: bytes) -> None:
        assert self._open, "a transaction ends with its body"
        assert type(key) is bytes, "keys are bytes"
        assert type(value) is bytes, "values are bytes"
        self.size_bytes += len(key) + len(value) + _ENTRY_BYTES
        if self.size_bytes > TRANSACTION_BYTES_MAX:
            raise TransactionTooLarge(limit_bytes=TRANSACTION_BYTES_MAX)
        if self._order is not None and key not in self._writes:
            insort(self._order, key)
        self._writes[key] = value

    def delete(self, key: bytes) -> None:
        assert self._open, "a transaction ends with its body"
        self.size_bytes += len(key) + _ENTRY_BYTES
        if self.size_bytes > TRANSACTION_BYTES_MAX:
            raise TransactionTooLarge(limit_bytes=TRANSACTION_BYTES_MAX)
        if self._order is not None and key not in self._writes:
            insort(self._order, key)
        self._writes[key] = None

    def delete_range(self, start: bytes, end: bytes) -> None:
        assert self._open, "a transaction ends with its body"
        if start >= end:
            return
        self.unsettles = True
        self.size_bytes += len(start) + len(end) + _ENTRY_BYTES
        if self.size_bytes > TRANSACTION_BYTES_MAX:
            raise TransactionTooLarge(limit_bytes=TRANSACTION_BYTES_MAX)
        if self._writes:
            order = self._ordered()
            low, high = bisect_left(order, start), bisect_left(order, end)
            for key in order[low:high]:
                del self._writes[key]
            del order[low:high]
        self._hide(start, end)

    def unsettle(self) -> None:
        self.unsettles = True

    def wake(self, topic: str) -> None:
        self.topics.append(topic)

    def after_commit(self, action: Callable[[], None]) -> None:
        self.commit_actions.append(action)

    def after_abort(self, action: Callable[[], None]) -> None:
        self.abort_actions.append(action)

    def emit(self, fact: Fact) -> None:
        assert self._outbox is not None, "the store has no outbox yet"
        self._outbox.emit(self, fact)

    def deliver(self, arn: str, payload: bytes, *, source: Source) -> None:
        assert self._outbox is not None, "the store has no outbox yet"
        self._outbox.deliver(self, arn, payload, source)

    def at(self, due_ms: int, job: Job) -> None:
        assert self._outbox is not None, "the store has no outbox yet"
        self._outbox.at(self, due_ms, job)

    # --- for engines

    @property
    def changes(self) -> bool:
        return bool(self._writes or self._ranges)

    @property
    def ranges(self) -> list[tuple[bytes, bytes]]:
        """To be deleted, before the writes are applied: disjoint and sorted."""
        return self._ranges

    @property
    def writes(self) -> dict[bytes, bytes | None]:
        """The last word on each key: None deletes it."""
        return self._writes

    def end(self) -> None:
        """The body is over; whoever kept the transaction cannot use it."""
        self._open = False

    # --- inside

    def _ordered(self) -> list[bytes]:
        if self._order is None:
            self._order = sorted(self._writes)
        return self._order

    def _own(self, start: bytes, end: bytes, reverse: bool) -> list[Write]:
        if not self._writes:
            return []
        order = self._ordered()
        keys = order[bisect_left(order, start) : bisect_left(order, end)]
        if reverse:
            keys.reverse()
        writes = self._writes
        return [(key, writes[key]) for key in keys]

    def _is_hidden(self, key: bytes) -> bool:
        index = bisect_right(self._ranges, key, key=_start_of) - 1
        return index >= 0 and key < self._ranges[index][1]

    def _hide(self, start: bytes, end: bytes) -> None:
        """Add one range, uniting it with those that it overlaps or touches."""
        ranges = self._ranges
        low = bisect_left(ranges, start, key=_end_of)
        high = bisect_right(ranges, end, key=_start_of)
        if low < high:
            start = min(start, ranges[low][0])
            end = max(end, ranges[high - 1][1])
        ranges[low:high] = [(start, end)]

    def _visible(self, start: bytes, end: bytes, reverse: bool) -> Iterator[Pair]:
        """The view's pairs outside the hidden ranges. The pieces are fixed now, the pairs read lazily."""
        pieces: list[tuple[bytes, bytes]] = []
        for hidden_start, hidden_end in self._ranges:
            if hidden_end <= start:
                continue
            if hidden_start >= end:
                break
            if start < hidden_start:
                pieces.append((start, hidden_start))
            start = hidden_end
        if start < end:
            pieces.append((start, end))
        return _chain(self._base, reversed(pieces) if reverse else pieces, reverse)


def _start_of(span: tuple[bytes, bytes]) -> bytes:
    return span[0]


def _end_of(span: tuple[bytes, bytes]) -> bytes:
    return span[1]


def _chain(base: Snapshot, pieces: Iterable[tuple[bytes, bytes]], reverse: bool) -> Iterator[Pair]:
    for start, end in pieces:
        yield from base.scan(start, end, reverse=reverse)


def _merge(view: Iterator[Pair], own: list[Write], reverse: bool) -> Iterator[Pair]:
    """Both in the same direction; the transaction's own word wins."""
    index, count = 0, len(own)
    for pair in view:
        key = pair[0]
        while index < count and ((own[index][0] > key) if reverse else (own[index][0] < key)):
            own_key, value = own[index]
            index += 1
            if value is not None:
                yield own_key, value
        if index < count and own[index][0] == key:
            value = own[index][1]
            index += 1
            if value is not None:
                yield key, value
        else:
            yield pair
    for own_key, value in islice(own, index, None):
        if value is not None:
            yield own_key, value
