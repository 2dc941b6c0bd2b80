"""What S3 answers to other services."""

from __future__ import annotations

from pilvi.contracts.objects import ObjectNotReadable
from pilvi.kit.cloud import Cloud
from pilvi.services.s3 import asked
from pilvi.services.s3.errors import InvalidArgument
from pilvi.services.s3.records import buckets, objects
from pilvi.services.s3.records.objects import Object
from pilvi.store.api import Snapshot
from pilvi.store.blob_rows import BlobGone, BlobRef

_TRIES = 5


class S3Objects:
    """Implements `contracts.objects.Objects`. Who may read what is the asker's business."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    async def read_object(
        self, bucket: str, key: str, version_id: str | None, *, size_max: int
    ) -> bytes:
        """Raises: ObjectNotReadable; ValueError beyond `size_max`; BlobCorrupt."""

        def look(at: Snapshot) -> list[BlobRef]:
            found = buckets.find_bucket(at, bucket)
            if found is None:
                raise ObjectNotReadable("NoSuchBucket", "The specified bucket does not exist")
            try:
                stored = asked.find(at, found, key, version_id)
            except InvalidArgument:
                stored = None
            if not isinstance(stored, Object):
                if version_id is not None:
                    raise ObjectNotReadable(
                        "NoSuchVersion", "The specified version does not exist."
                    )
                raise ObjectNotReadable("NoSuchKey", "The specified key does not exist.")
            if stored.size > size_max:
                raise ValueError(f"{bucket}/{key} has {stored.size} bytes, more than {size_max}")
            return [piece.blob for piece in objects.get_pieces(at, found, stored)]

        for _ in range(_TRIES - 1):
            refs = await self._cloud.store.read(look)
            try:
                return await self._cloud.blobs.read_all(refs, size_max=size_max)
            except BlobGone:
                continue
        return await self._cloud.blobs.read_all(
            await self._cloud.store.read(look), size_max=size_max
        )
