"""How much of something there may be in a time, in all processes of a server: buckets in a file that each of them maps.

A bucket holds so many tokens as may be taken at once, and is filled evenly; what is more than it holds is lost.

Invariants:
1. A row is a bucket: its name (a key of 16 bytes), what is left in it, and when that was.
2. Rows are read and written under the lock of the file, for some microseconds each.
3. Where there is no room for one more bucket, the one that nobody has used for longest gives way: mostly it is full.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

_ROW = struct.Struct("<16sdq")
_WAYS = 8
_SETS = 512
_BYTES = _SETS * _WAYS * _ROW.size


class Rates:
    def __init__(self, path: Path, now_ms: Callable[[], int]) -> None:
        """`path`: of the file; its directory must be there. Raises: OSError."""
        self._now_ms = now_ms
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if os.fstat(self._descriptor).st_size < _BYTES:
            os.ftruncate(self._descriptor, _BYTES)
        self._map = mmap.mmap(self._descriptor, _BYTES)

    def take(self, what: str, most: int, period_ms: int) -> bool:
        """Take one, if there is one: `most` at once, and so many again in each period."""
        key = blake2b(what.encode(), digest_size=16).digest()
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            now_ms = self._now_ms()
            place, left, at_ms = self._find(key, most, now_ms)
            # The clock may have been set back.
            left = min(most, left + most * max(0, now_ms - at_ms) / period_ms)
            taken = left >= 1
            _ROW.pack_into(self._map, place, key, left - taken, now_ms)
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        return taken

    def close(self) -> None:
        self._map.close()
        os.close(self._descriptor)

    def _find(self, key: bytes, most: int, now_ms: int) -> tuple[int, float, int]:
        """Where a bucket is or may be, what was left in it, and when."""
        begin = int.from_bytes(key[:4]) % _SETS * _WAYS * _ROW.size
        oldest, oldest_ms = begin, now_ms + 1
        for place in range(begin, begin + _WAYS * _ROW.size, _ROW.size):
            found, left, at_ms = _ROW.unpack_from(self._map, place)
            if found == key:
                return place, left, at_ms
            if at_ms < oldest_ms:
                oldest, oldest_ms = place, at_ms
        return oldest, most, now_ms
