"""Buckets of tokens, in a file that all workers map.

Invariants:
1. A bucket is a slot: a key of 16 bytes, what is in it (less than nothing when it owes), and when that was reckoned.
2. Slots are read and written under the lock of the file, by one worker at a time.
3. What a slot holds need not be believed: another key, a time to come or a number that is none is a bucket that begins
   anew. So nothing is lost with the file, and a worker that is killed leaves nothing that must be repaired.
"""

from __future__ import annotations

import fcntl
import math
import mmap
import os
import struct
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final

_SLOT: Final = struct.Struct("<16sdq")
_WAYS: Final = 8
_SETS: Final = 1024
_BYTES: Final = _SETS * _WAYS * _SLOT.size


@dataclass(frozen=True, slots=True)
class Bucket:
    """`rate`: tokens a second. `capacity`: how many there are at most. `first`: how many a new one has."""

    key: bytes
    rate: float
    capacity: float
    first: float


def key_of(*parts: object) -> bytes:
    """A bucket's key, from what it is for."""
    return blake2b(repr(parts).encode(), digest_size=16).digest()


class Buckets:
    """All of them."""

    def __init__(self, path: Path | None = None) -> None:
        """`path`: the file that several workers share; None for those of this process alone."""
        self._descriptor: int | None = None
        self._map: mmap.mmap | bytearray
        if path is None:
            self._map = bytearray(_BYTES)
            return
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if os.fstat(self._descriptor).st_size < _BYTES:
            os.ftruncate(self._descriptor, _BYTES)
        self._map = mmap.mmap(self._descriptor, _BYTES)

    def spend(
        self,
        now_ms: int,
        wanted: Sequence[tuple[Bucket, float]],
        *,
        owing: bool = False,
        whole: bool = False,
    ) -> Bucket | None:
        """Take tokens from all of these buckets, if something is in each of them; else give the first that is empty.

        `owing`: take them in any case. `whole`: only if all of them are there.
        """
        with self._locked():
            found = [(*self._look(now_ms, bucket), bucket, tokens) for bucket, tokens in wanted]
            for place, level, bucket, tokens in found:
                if not owing and (level < tokens if whole else level <= 0):
                    # It fills from now on, also where the clock was set back.
                    _SLOT.pack_into(self._map, place, bucket.key, level, now_ms)
                    return bucket
            for place, level, bucket, tokens in found:
                _SLOT.pack_into(self._map, place, bucket.key, level - tokens, now_ms)
        return None

    def take(self, now_ms: int, what: str, most: int, period_ms: int) -> bool:
        """One of so many that there may be at once, and so many again in each period, evenly; if there is one."""
        bucket = Bucket(key_of(what), most * 1000 / period_ms, most, most)
        return self.spend(now_ms, [(bucket, 1)], whole=True) is None

    def close(self) -> None:
        if self._descriptor is not None:
            assert isinstance(self._map, mmap.mmap)
            self._map.close()
            os.close(self._descriptor)

    def _look(self, now_ms: int, bucket: Bucket) -> tuple[int, float]:
        """Where a bucket is, or is to be, and what is in it now."""
        begin = int.from_bytes(bucket.key[:4]) % _SETS * _WAYS * _SLOT.size
        oldest, oldest_ms = begin, None
        for place in range(begin, begin + _WAYS * _SLOT.size, _SLOT.size):
            key, level, at_ms = _SLOT.unpack_from(self._map, place)
            if key == bucket.key:
                if not math.isfinite(level):
                    return place, bucket.first
                filled = max(now_ms - at_ms, 0) * bucket.rate / 1000
                return place, min(level + filled, bucket.capacity)
            if oldest_ms is None or at_ms < oldest_ms:
                oldest, oldest_ms = place, at_ms
        return oldest, bucket.first

    @contextmanager
    def _locked(self) -> Generator[None]:
        """Keeps invariant 2. Nobody holds it for longer than some microseconds."""
        if self._descriptor is None:
            yield
            return
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
