"""Unpacked packages and merged layers on disk: a cache of the blobs, by content.

A directory appears under its final name in one step, when it is whole. The cache of an earlier boot of the
machine is not trusted, for a power cut may have left it by half: it is made again from the blobs.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from pilvi.kit.cloud import Cloud
from pilvi.services.lambda_ import errors, limits, unzipping
from pilvi.services.lambda_.records import LayerUse, Package

log = logging.getLogger("pilvi.lambda")

_UNUSED_S_MAX = 86_400
"""A directory from which no environment was made for so long is removed. An environment does not live half
as long: it ends with its credentials."""


class Unpacked:
    """One per process; several may share the directory."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        self._caches = cloud.settings.data / "cache"
        self._root = self._caches / boot
        self._making: dict[Path, asyncio.Task[Path]] = {}

    async def check(self, package: Package, zipped: bytes) -> None:
        """Unpack a package that was just uploaded, so that a bad one is refused before it is stored.

        Raises: InvalidParameterValueException.
        """
        try:
            await self._made(
                self._place(package),
                lambda into: unzipping.unzip(zipped, into, size_max=limits.UNZIPPED_BYTES_MAX),
            )
        except unzipping.BadPackage as problem:
            log.info("a package was refused: %s", problem)
            raise errors.InvalidParameterValueException(
                detail="Could not unzip uploaded file."
                " Please check your file, then try to upload again."
            ) from None
        except unzipping.PackageTooLarge:
            raise errors.InvalidParameterValueException(
                detail=f"Unzipped size must be smaller than {limits.UNZIPPED_BYTES_MAX} bytes"
            ) from None

    async def directory(self, package: Package) -> Path:
        """Raises: BlobGone when the package was deleted meanwhile."""
        place = self._place(package)
        if not _touch(place):
            assert package.blob is not None
            zipped = await self._cloud.blobs.read_all(
                (package.blob,), size_max=limits.UNZIPPED_BYTES_MAX
            )
            await self._made(
                place,
                lambda into: unzipping.unzip(zipped, into, size_max=limits.UNZIPPED_BYTES_MAX),
            )
        return place

    async def layers(self, uses: Sequence[LayerUse]) -> tuple[Path, ...]:
        """What becomes /opt: no directory, or one. Raises: as `directory`."""
        sources = [await self.directory(use.package) for use in uses]
        if len(sources) <= 1:
            return tuple(sources)
        names = "/".join(source.name for source in sources)
        place = self._root / "layers" / hashlib.sha256(names.encode()).hexdigest()
        if not _touch(place):
            await self._made(place, lambda into: unzipping.merge(sources, into))
        return (place,)

    def _place(self, package: Package) -> Path:
        return self._root / "code" / base64.b64decode(package.sha256).hex()

    async def _made(self, place: Path, make: Callable[[Path], None]) -> Path:
        """Make a directory, once however many ask for it at a time."""
        task = self._making.get(place)
        if task is None:
            temporary = place.with_name(f".{place.name}.{self._cloud.entropy.hex(16)}")
            task = asyncio.create_task(asyncio.to_thread(self._make, place, temporary, make))
            self._making[place] = task
            task.add_done_callback(lambda _: self._making.pop(place, None))
        return await asyncio.shield(task)

    def _make(self, place: Path, temporary: Path, make: Callable[[Path], None]) -> Path:
        if place.exists():
            return place
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
        return place

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
