"""How much is busy in all processes of a server, in a file that each of them maps.

Invariants:
1. A row is what is counted (a key of 16 bytes) and one counter for each process that may be: its column.
2. Rows are read and written under the lock of the file, for some microseconds each.
3. A process holds a lock on its column for as long as it lives. A column that nobody holds counts nothing: whoever is
   about to be refused looks whether the others live, and empties the columns of those that do not.
4. A row whose counters are all zero is free. Where there is no room for one more, that one is not counted.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
from collections.abc import Generator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

PROCESSES_MAX = 64
_WAYS = 8
_SETS = 256
_ROW = struct.Struct(f"<16s{PROCESSES_MAX}H")
_BYTES = _SETS * _WAYS * _ROW.size
_KEYS_KEPT = 4096


class Slots:
    def __init__(self, path: Path) -> None:
        """`path`: of the file; its directory must be there. Raises: OSError; RuntimeError: too many processes."""
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if os.fstat(self._descriptor).st_size < _BYTES:
            os.ftruncate(self._descriptor, _BYTES)
        self._map = mmap.mmap(self._descriptor, _BYTES)
        # A file of its own: to close any descriptor of a file is to lose all such locks on it.
        columns = path.with_suffix(".columns")
        self._columns = os.open(columns, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._column = self._take_column()
        self._keys: dict[str, bytes] = {}
        with self._locked():
            self._empty(self._column)

    def take(self, what: str, most: int) -> bool:
        """Count one more, unless there are `most` already."""
        with self._locked():
            if self._add(what, most):
                return True
            self._empty_the_dead()
            return self._add(what, most)

    def give(self, what: str) -> None:
        """Count one less."""
        with self._locked():
            place, counts = self._find(self._key(what))
            if counts is not None and counts[self._column]:
                counts[self._column] -= 1
                _ROW.pack_into(self._map, place, self._key(what), *counts)

    def close(self) -> None:
        with self._locked():
            self._empty(self._column)
        self._map.close()
        os.close(self._descriptor)
        os.close(self._columns)

    def _add(self, what: str, most: int) -> bool:
        key = self._key(what)
        place, counts = self._find(key)
        if counts is None:
            return True  # invariant 4
        if sum(counts) >= most:
            return False
        counts[self._column] += 1
        _ROW.pack_into(self._map, place, key, *counts)
        return True

    def _find(self, key: bytes) -> tuple[int, list[int] | None]:
        """Where a row is or may be, and its counters; None: there is no room."""
        begin = int.from_bytes(key[:4]) % _SETS * _WAYS * _ROW.size
        free: int | None = None
        for place in range(begin, begin + _WAYS * _ROW.size, _ROW.size):
            found, *counts = _ROW.unpack_from(self._map, place)
            if found == key:
                return place, counts
            if free is None and not any(counts):
                free = place
        return (0, None) if free is None else (free, [0] * PROCESSES_MAX)

    def _take_column(self) -> int:
        for column in range(PROCESSES_MAX):
            if self._try_column(column):
                return column
        raise RuntimeError(f"more than {PROCESSES_MAX} processes share one data directory")

    def _try_column(self, column: int) -> bool:
        try:
            fcntl.lockf(self._columns, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, column)
        except OSError:
            return False
        return True

    def _empty_the_dead(self) -> None:
        """Keeps invariant 3."""
        for column in range(PROCESSES_MAX):
            if column != self._column and self._try_column(column):
                self._empty(column)
                fcntl.lockf(self._columns, fcntl.LOCK_UN, 1, column)

    def _empty(self, column: int) -> None:
        at = 16 + 2 * column
        for place in range(0, _BYTES, _ROW.size):
            self._map[place + at : place + at + 2] = b"\0\0"

    def _key(self, what: str) -> bytes:
        key = self._keys.get(what)
        if key is None:
            if len(self._keys) >= _KEYS_KEPT:
                self._keys.clear()
            key = self._keys[what] = blake2b(what.encode(), digest_size=16).digest()
        return key

    @contextmanager
    def _locked(self) -> Generator[None]:
        """Keeps invariant 2."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
