"""Unpacked packages and merged layers on disk: a cache, by content, of what is kept elsewhere.

A directory appears under its final name in one step, when it is whole. The cache of an earlier boot of the
machine is not trusted, for a power cut may have left it by half: it is made again.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from pilvi.base.entropy import Entropy
from pilvi.compute.unzipping import merge, unzip

_UNUSED_S_MAX = 86_400
"""A directory from which no environment was made for so long is removed. An environment does not live half
as long: it ends with its credentials."""


_AT_ONCE = 4
"""Packages that are read and unpacked at a time, each whole in memory."""


class Unpacked:
    """One per process; several may share the directory."""

    def __init__(self, caches: Path, entropy: Entropy, *, size_max: int) -> None:
        """`caches`: where the caches of all boots lie. `size_max`: of one package unpacked, in bytes."""
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        self._caches = caches
        self._root = caches / boot
        self._entropy = entropy
        self._size_max = size_max
        self._making: dict[Path, asyncio.Task[None]] = {}
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def add(self, digest: str, zipped: bytes) -> Path:
        """Unpack a package. `digest`: of its bytes, in hex.

        Raises: BadPackage, PackageTooLarge, OSError (the disk).
        """

        async def given() -> bytes:
            return zipped

        return await self._once(self._place(digest), lambda place: self._unpack(place, given))

    async def directory(self, digest: str, read: Callable[[], Awaitable[bytes]]) -> Path:
        """Where a package lies unpacked; `read` gives its bytes when they are needed.

        Raises: as `add`; what `read` raises.
        """
        place = self._place(digest)
        if not _touch(place):
            await self._once(place, lambda place: self._unpack(place, read))
        return place

    async def merged(self, sources: Sequence[Path]) -> tuple[Path, ...]:
        """What becomes /opt of the directories of layers: no directory, or one. Raises: OSError."""
        if len(sources) <= 1:
            return tuple(sources)
        names = "/".join(source.name for source in sources)
        place = self._root / "layers" / hashlib.sha256(names.encode()).hexdigest()
        if not _touch(place):
            await self._once(place, lambda place: self._merge(place, sources))
        return (place,)

    def _place(self, digest: str) -> Path:
        return self._root / "code" / digest

    async def _once(self, place: Path, make: Callable[[Path], Coroutine[Any, Any, None]]) -> Path:
        """Make a directory, once however many ask for it at a time."""
        task = self._making.get(place)
        if task is None:
            task = asyncio.create_task(make(place))
            self._making[place] = task
            task.add_done_callback(lambda _: self._making.pop(place, None))
        await asyncio.shield(task)
        return place

    async def _unpack(self, place: Path, read: Callable[[], Awaitable[bytes]]) -> None:
        async with self._room:
            zipped = await read()
            await self._make(place, lambda into: unzip(zipped, into, size_max=self._size_max))

    async def _merge(self, place: Path, sources: Sequence[Path]) -> None:
        async with self._room:
            await self._make(place, lambda into: merge(sources, into))

    async def _make(self, place: Path, make: Callable[[Path], None]) -> None:
        temporary = place.with_name(f".{place.name}.{self._entropy.hex(16)}")
        await asyncio.to_thread(self._make_whole, place, temporary, make)

    def _make_whole(self, place: Path, temporary: Path, make: Callable[[Path], None]) -> None:
        if place.exists():
            return
        place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        try:
            make(temporary)
            temporary.rename(place)
        except OSError:
            if not place.exists():  # else another process was faster
                raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        self._sweep(now_s=place.stat().st_ctime)

    def _sweep(self, now_s: float) -> None:
        """Remove the caches of earlier boots, and what nobody used for a day. `now_s`: by the file system."""
        for cache in self._caches.iterdir():
            if cache != self._root:
                shutil.rmtree(cache, ignore_errors=True)
        for place in (*self._root.glob("code/*"), *self._root.glob("layers/*")):
            try:
                unused_s = now_s - place.stat().st_mtime
            except FileNotFoundError:
                continue  # another process was faster
            if unused_s > _UNUSED_S_MAX:
                shutil.rmtree(place, ignore_errors=True)


def _touch(place: Path) -> bool:
    """Keep a directory for another day; False when it is not there."""
    try:
        os.utime(place)
    except FileNotFoundError:
        return False
    return True
