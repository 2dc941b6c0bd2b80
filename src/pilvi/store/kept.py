"""Records that every request reads and few requests change, kept in memory and yet never stale.

A store counts the commits that change such records, in eight bytes which all its processes map. Under the
write lock a writer makes the count odd before its commit and even after it, before anybody is answered. So:

1. While the count is even and the same, no such commit has become visible.
2. What was read after the count was taken, and the count has not changed since, is what a read now would find.

A writer that is killed in between leaves the count odd: nothing is kept then until the next such commit,
or the next start of the server.

`Kept` is for values that are made of such records, `Remembered` for the records that bodies read.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

from pilvi.store.api import Snapshot, Store

V = TypeVar("V")

_COUNT = struct.Struct("@q")
"""In the machine's own order and alignment: then it is read and written in one piece."""

REMEMBERED_MAX = 4_096
_UNKNOWN = object()


class Generation:
    """The count. `path`: the file shared by the processes of a store; None keeps it in this process."""

    def __init__(self, path: Path | None = None) -> None:
        self._map: mmap.mmap | bytearray
        if path is None:
            self._map = bytearray(_COUNT.size)
            self._count = memoryview(self._map).cast("q")
            return
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(descriptor).st_size < _COUNT.size:
                os.ftruncate(descriptor, _COUNT.size)
            self._map = mmap.mmap(descriptor, _COUNT.size)
            self._count = memoryview(self._map).cast("q")
        finally:
            os.close(descriptor)

    def now(self) -> int | None:
        """None while a commit that changes kept records is under way."""
        count = self._count[0]
        return None if count & 1 else count

    def begin(self) -> None:
        """Under the write lock, before the commit."""
        self._count[0] += 2 if self._count[0] & 1 else 1

    def end(self) -> None:
        """Under the write lock, once the commit has succeeded or failed."""
        self._count[0] += 1


class Remembered:
    """The decoded records that the bodies of one process have read, for as long as the count stays.

    Whoever hands them to a body sees to it that they are what the body's view would tell: that the count is the
    same once the view is there, or that nobody else can commit.
    """

    def __init__(self, generation: Generation, most: int = REMEMBERED_MAX) -> None:
        self._generation = generation
        self._most = most
        self._of: int | None = None
        self._records: dict[bytes, Any] = {}

    def now(self) -> dict[bytes, Any] | None:
        """Records by their keys, None for those that there are not; to be added to by who reads more.

        None while nothing may be remembered.
        """
        count = self._generation.now()
        if count is None:
            return None
        if count != self._of or len(self._records) > self._most:
            self._records = {}
            self._of = count
        return self._records


def kept_record(
    at: Snapshot, remembered: dict[bytes, Any] | None, key: bytes, decode: Callable[[bytes], V]
) -> V | None:
    """A record out of what is remembered, else out of the view, to be remembered from now on."""
    if remembered is not None:
        found = remembered.get(key, _UNKNOWN)
        if found is not _UNKNOWN:
            return found
    value = at.get(key)
    record = None if value is None else decode(value)
    if remembered is not None:
        remembered[key] = record
    return record


class Kept(Generic[V]):
    """Values by name, each made of records of collections that are declared `kept`."""

    def __init__(self, store: Store, load: Callable[[Snapshot, str], V], *, most: int) -> None:
        """`load(at, name)`: reads records of such collections only. `most`: how many values are kept."""
        self._store = store
        self._load = load
        self._most = most
        self._generation: int | None = None
        self._values: dict[str, V] = {}

    def find(self, name: str) -> V | None:
        """What is in memory and still true: for whoever asks so often that an `await` counts. None: `get` it."""
        generation = self._store.generation()
        if generation is None or generation != self._generation:
            return None
        return self._values.get(name)

    async def get(self, name: str) -> V:
        """Raises: StoreUnavailable, and whatever `load` raises."""
        generation = self._store.generation()
        if generation is not None and generation == self._generation:
            try:
                return self._values[name]
            except KeyError:
                pass
        value = await self._store.read(lambda at: self._load(at, name))
        if generation is not None:
            if generation != self._generation or len(self._values) >= self._most:
                self._values.clear()
                self._generation = generation
            self._values[name] = value
        return value
