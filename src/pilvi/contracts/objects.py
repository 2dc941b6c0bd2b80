"""Reading stored objects: asked by Lambda (code from S3), answered by S3."""

from __future__ import annotations

from typing import Protocol


class ObjectNotReadable(Exception):
    """`code` is S3's error code: NoSuchBucket, NoSuchKey, NoSuchVersion."""

    def __init__(self, code: str, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(f"{code}: {reason}")


class Objects(Protocol):
    async def read_object(
        self, bucket: str, key: str, version_id: str | None, *, size_max: int
    ) -> bytes:
        """The whole body, checksum verified. Raises: ObjectNotReadable; ValueError beyond `size_max`."""
        ...
