"""Packages and layers as they lie unpacked on this host, ready to be mounted.

They do before anybody waits for them: a package is unpacked when it is uploaded, and several layers become one
directory as soon as a function has them (`preparing.py`). An invocation that comes meanwhile waits for the same work.
What is missing, since the machine was started anew or nobody has used it for a day, is made by whoever misses it.
"""

from __future__ import annotations

from pathlib import Path

from pilvi.compute.unpacked import Unpacked
from pilvi.kit.cloud import Cloud
from pilvi.services.lambda_ import limits
from pilvi.services.lambda_.records import Configuration, Package


class LaidOut:
    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.unpacked = Unpacked(
            cloud.settings.data / "cache", cloud.entropy, size_max=limits.UNZIPPED_BYTES_MAX
        )

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
