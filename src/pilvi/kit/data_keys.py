"""Data keys in memory for a while, for services that do not ask KMS about every object: only where AWS does so (S3's
bucket keys).

Invariants:
1. What was decided for one requester serves no other: the name under which a key is kept says who asked.
2. A key is used for at most `for_ms` after it was had; what is revoked or disabled ends by then.
3. No more than `most` are kept; they never leave the process.

AWS: S3 User Guide, "Reducing the cost of SSE-KMS with Amazon S3 Bucket Keys".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from pilvi.base.clock import Clock

K = TypeVar("K")


class KeptDataKeys(Generic[K]):
    def __init__(self, clock: Clock, *, most: int = 1000, for_ms: int = 300_000) -> None:
        self._clock = clock
        self._most = most
        self._for_ms = for_ms
        self._kept: dict[tuple[str, ...], tuple[int, K]] = {}

    async def get(self, name: tuple[str, ...], ask: Callable[[], Awaitable[K]]) -> K:
        """`name`: who asks, for what, with which key and ciphertext. Raises: whatever `ask` raises; that is not kept.

        Time that was turned back ends a key as well.
        """
        now_ms = self._clock.now_ms()
        kept = self._kept.get(name)
        if kept is not None and 0 <= now_ms - kept[0] < self._for_ms:
            return kept[1]
        key = await ask()
        self._kept.pop(name, None)
        while len(self._kept) >= self._most:
            self._kept.pop(next(iter(self._kept)))  # the one that was had longest ago
        self._kept[name] = (now_ms, key)
        return key

    def forget(self) -> None:
        self._kept.clear()
