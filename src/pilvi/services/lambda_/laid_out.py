"""Packages and layers as they lie unpacked on this host, ready to be mounted.

They do before anybody waits for them: a package is unpacked when it is uploaded, and several layers become one
directory in the background, as soon as a function has them. An invocation that comes meanwhile waits for the same work.
What is missing, since the machine was started anew or nobody has used it for a day, is made by whoever misses it.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from pilvi.compute.unpacked import Unpacked
from pilvi.kit.cloud import Cloud
from pilvi.services.lambda_ import limits
from pilvi.services.lambda_.records import Configuration, Package
from pilvi.store.blob_rows import BlobGone

log = logging.getLogger("pilvi.lambda")

_PREPARING_MAX = 32
"""Functions that are prepared at a time; others are when they are first invoked."""


class LaidOut:
    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.unpacked = Unpacked(
            cloud.settings.data / "cache", cloud.entropy, size_max=limits.UNZIPPED_BYTES_MAX
        )
        self._preparing: set[asyncio.Task[None]] = set()

    async def directory(self, package: Package) -> Path:
        """Where a package lies. Raises: BlobGone when it was deleted meanwhile."""
        blob = package.blob
        assert blob is not None
        return await self.unpacked.directory(
            package.digest,
            lambda: self._cloud.blobs.read_all((blob,), size_max=limits.UNZIPPED_BYTES_MAX),
        )

    async def layers(self, configuration: Configuration) -> tuple[Path, ...]:
        """What becomes /opt. Raises: BlobGone, OSError (the disk)."""
        return await self.unpacked.merged(
            [await self.directory(use.package) for use in configuration.layers]
        )

    def prepare(self, configuration: Configuration) -> None:
        """Have everything there, in the background. A single layer was unpacked when it was published."""
        if len(configuration.layers) < 2 or len(self._preparing) >= _PREPARING_MAX:
            return
        task = asyncio.create_task(self._prepare(configuration))
        self._preparing.add(task)
        task.add_done_callback(self._preparing.discard)

    async def close(self) -> None:
        for task in self._preparing:
            task.cancel()
        await asyncio.gather(*self._preparing, return_exceptions=True)

    async def _prepare(self, configuration: Configuration) -> None:
        try:
            await self.layers(configuration)
        except BlobGone:
            return  # the function was changed meanwhile
        except OSError as problem:
            log.warning("layers of a function could not be merged beforehand: %s", problem)
