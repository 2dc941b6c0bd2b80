"""The engine of `--ephemeral`: everything in this process's memory, nothing on disk.

Keeps promises 1, 3, 4 and 5 of `api.py`; 2 is what it is not for. Bodies are plain functions, so each
runs alone on the event loop, and a view cannot change while a body looks at it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from pilvi.contracts.causes import NO_CAUSE, Cause
from pilvi.store.api import (
    Outbox,
    Snapshot,
    StoreStatistics,
    StoreUnavailable,
    Survey,
    Transaction,
)
from pilvi.store.buffer import BufferedTransaction, Pair
from pilvi.store.kept import Generation, Remembered, kept_record
from pilvi.store.leaps import leap
from pilvi.store.waits import Waits, run_hints

T = TypeVar("T")

_CHUNK_MAX = 1024
"""Keys per piece of the sorted list: an insertion moves at most so many."""

BYTES_MAX = 4 * 1024**3


class MemoryStore:
    """Implements `api.Store`."""

    in_doubt = False

    def __init__(self, *, bytes_max: int = BYTES_MAX) -> None:
        self.outbox: Outbox | None = None
        self._bytes_max = bytes_max
        self._map = _SortedMap()
        self._waits = Waits()
        self._commits = 0
        self._transactions = 0
        self._generation = Generation()
        self._remembered = Remembered(self._generation)
        self._closed = False

    async def read(self, body: Callable[[Snapshot], T]) -> T:
        self._assert_open()
        view = _View(self._map, self._remembered.now())
        try:
            return body(view)
        finally:
            view.end()

    async def survey(self, body: Callable[[Survey], T]) -> T:
        self._assert_open()
        view = _View(self._map, None)
        try:
            return body(view)
        finally:
            view.end()

    async def write(self, body: Callable[[Transaction], T], *, cause: Cause = NO_CAUSE) -> T:
        self._assert_open()
        self._transactions += 1
        view = _View(self._map, self._remembered.now())
        tx = BufferedTransaction(view, cause, self.outbox)
        try:
            result = body(tx)
            if self._map.size_bytes + tx.size_bytes > self._bytes_max:
                raise StoreUnavailable(reason=f"it holds at most {self._bytes_max} bytes in memory")
        except BaseException:
            tx.end()
            run_hints(tx.abort_actions)
            raise
        tx.end()
        self._apply(tx)
        self._waits.wake(tx.topics)
        run_hints(tx.commit_actions)
        return result

    def _apply(self, tx: BufferedTransaction) -> None:
        if not tx.changes:
            return
        self._commits += 1
        if tx.unsettles:  # no other body runs before this one has been applied
            self._generation.begin()
            self._generation.end()
        for start, end in tx.ranges:
            self._map.delete_range(start, end)
        for key, value in tx.writes.items():
            if value is None:
                self._map.delete(key)
            else:
                self._map.put(key, value)

    def generation(self) -> int | None:
        return self._generation.now()

    def wake(self, topic: str) -> None:
        self._waits.wake((topic,))

    async def wait(self, topic: str, timeout_s: float | None = None) -> bool:
        return await self._waits.wait(topic, timeout_s)

    def statistics(self) -> StoreStatistics:
        return StoreStatistics(self._commits, self._transactions, self._map.size_bytes, 0)

    async def close(self) -> None:
        self._closed = True
        self._waits.wake_all()

    def _assert_open(self) -> None:
        assert not self._closed, "the store is closed"


class _View:
    """What a body gets. `remembered`: as in `sqlite_view`."""

    __slots__ = ("_map", "_remembered")

    def __init__(self, pairs: _SortedMap, remembered: dict[bytes, Any] | None) -> None:
        self._map: _SortedMap | None = pairs
        self._remembered = remembered

    def get(self, key: bytes) -> bytes | None:
        assert self._map is not None, "a snapshot ends with its body"
        return self._map.get(key)

    def has(self, key: bytes) -> bool:
        assert self._map is not None, "a snapshot ends with its body"
        return self._map.has(key)

    def get_kept(self, key: bytes, decode: Callable[[bytes], T]) -> T | None:
        return kept_record(self, self._remembered, key, decode)

    def scan(
        self, start: bytes, end: bytes, *, limit: int | None = None, reverse: bool = False
    ) -> Iterator[Pair]:
        assert self._map is not None, "a snapshot ends with its body"
        return self._map.scan(start, end, limit=limit, reverse=reverse)

    def leap(
        self, start: bytes, end: bytes, *, at: int, by: bytes, limit: int
    ) -> Iterator[tuple[bytes, bytes | None]]:
        return leap(self, start, end, at=at, by=by, limit=limit)

    def keys(self, start: bytes, end: bytes) -> Iterator[bytes]:
        for key, _ in self.scan(start, end):
            yield key

    def pause(self) -> None:
        """Nobody else runs during a body."""

    def end(self) -> None:
        self._map = None


class _SortedMap:
    """A dict, and its keys in sorted chunks. No chunk is empty; `_lasts` holds the last key of each."""

    def __init__(self) -> None:
        self._values: dict[bytes, bytes] = {}
        self._chunks: list[list[bytes]] = []
        self._lasts: list[bytes] = []
        self._version = 0
        self.size_bytes = 0

    def get(self, key: bytes) -> bytes | None:
        return self._values.get(key)

    def has(self, key: bytes) -> bool:
        return key in self._values

    def scan(
        self, start: bytes, end: bytes, *, limit: int | None = None, reverse: bool = False
    ) -> Iterator[Pair]:
        if start >= end or limit == 0:
            return
        left = limit
        version = self._version
        for chunk in self._pieces(start, end, reverse):
            for key in chunk:
                assert version == self._version, "a scan ends with its body"
                yield key, self._values[key]
                if left is not None:
                    left -= 1
                    if left == 0:
                        return

    def leap(
        self, start: bytes, end: bytes, *, at: int, by: bytes, limit: int
    ) -> Iterator[tuple[bytes, bytes | None]]:
        return leap(self, start, end, at=at, by=by, limit=limit)

    def _pieces(self, start: bytes, end: bytes, reverse: bool) -> Iterator[list[bytes]]:
        first = bisect_left(self._lasts, start)
        last = min(bisect_left(self._lasts, end), len(self._chunks) - 1)
        numbers = range(last, first - 1, -1) if reverse else range(first, last + 1)
        for number in numbers:
            chunk = self._chunks[number]
            low = bisect_left(chunk, start) if number == first else 0
            high = bisect_left(chunk, end) if number == last else len(chunk)
            piece = chunk[low:high]
            if reverse:
                piece.reverse()
            yield piece

    def put(self, key: bytes, value: bytes) -> None:
        old = self._values.get(key)
        self._values[key] = value
        if old is not None:
            self.size_bytes += len(value) - len(old)
            return
        self._version += 1
        self.size_bytes += len(key) + len(value)
        if not self._chunks:
            self._chunks.append([key])
            self._lasts.append(key)
            return
        number = min(bisect_left(self._lasts, key), len(self._chunks) - 1)
        chunk = self._chunks[number]
        insort(chunk, key)
        self._lasts[number] = chunk[-1]
        if len(chunk) > _CHUNK_MAX:
            # Keys often grow at the end; then the left piece stays nearly full.
            cut = _CHUNK_MAX * 7 // 8 if chunk[-1] == key else _CHUNK_MAX // 2
            self._chunks[number : number + 1] = [chunk[:cut], chunk[cut:]]
            self._lasts[number : number + 1] = [chunk[cut - 1], chunk[-1]]

    def delete(self, key: bytes) -> None:
        old = self._values.pop(key, None)
        if old is None:
            return
        self._version += 1
        self.size_bytes -= len(key) + len(old)
        number = bisect_left(self._lasts, key)
        chunk = self._chunks[number]
        del chunk[bisect_left(chunk, key)]
        self._mend(number)

    def delete_range(self, start: bytes, end: bytes) -> None:
        number = bisect_left(self._lasts, start)
        if number == len(self._chunks):
            return
        self._version += 1
        while number < len(self._chunks) and self._chunks[number][0] < end:
            chunk = self._chunks[number]
            low, high = bisect_left(chunk, start), bisect_left(chunk, end)
            for key in chunk[low:high]:
                self.size_bytes -= len(key) + len(self._values.pop(key))
            del chunk[low:high]
            if self._mend(number):
                number += 1

    def _mend(self, number: int) -> bool:
        """After a deletion: drop the chunk when it is empty, else note its last key."""
        chunk = self._chunks[number]
        if chunk:
            self._lasts[number] = chunk[-1]
            return True
        del self._chunks[number]
        del self._lasts[number]
        return False
