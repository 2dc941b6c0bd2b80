"""What S3 answers to other services."""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pilvi.base.arn import Scope
from pilvi.base.errors import AwsError
from pilvi.base.http import Body
from pilvi.contracts.keys import Keys, service_itself
from pilvi.contracts.objects import ObjectNotReadable
from pilvi.kit.cloud import Cloud
from pilvi.services.s3 import asked, bodies
from pilvi.services.s3.encryption import keys
from pilvi.services.s3.encryption.keys import Locked
from pilvi.services.s3.errors import InvalidArgument, InvalidObjectState
from pilvi.services.s3.records import buckets
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.encryption import SSE_C, SSE_KMS, Encryption
from pilvi.services.s3.records.objects import Object
from pilvi.services.s3.rules import archives
from pilvi.store.api import Snapshot
from pilvi.store.blob_rows import BlobGone

_TRIES = 8


class S3Objects:
    """Implements `contracts.objects.Objects`. Who may read what is the asker's business; but keys of KMS are asked for
    by S3 itself, so only those are to be had that let it: `aws/s3`, and others whose policies name the service."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    async def read_object(
        self, bucket: str, key: str, version_id: str | None, *, size_max: int
    ) -> bytes:
        """Raises: ObjectNotReadable; ValueError beyond `size_max`; BlobCorrupt."""
        had: dict[bytes, AESGCM] = {}

        def look(at: Snapshot) -> bytes | Body:
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
            try:
                archives.check_readable(stored, self._cloud.clock.now_ms())
            except InvalidObjectState as error:
                raise ObjectNotReadable(error.code, error.text) from None
            if stored.size > size_max:
                raise ValueError(f"{bucket}/{key} has {stored.size} bytes, more than {size_max}")
            wrapping = self._key(at, found, stored.encryption, had)
            return bodies.opened(self._cloud.blobs, at, found, stored, 0, stored.size, wrapping)

        for _ in range(_TRIES):
            try:
                content = await self._cloud.store.read(look)
                return b"".join([piece async for piece in bodies.pieces_of(content)])
            except BlobGone:
                continue
            except Locked as locked:
                had[locked.how.data_key] = await self._unlocked(locked)
        raise ObjectNotReadable("NoSuchKey", "The specified key does not stay for long enough.")

    def _key(
        self, at: Snapshot, bucket: Bucket, how: Encryption | None, had: dict[bytes, AESGCM]
    ) -> AESGCM | None:
        """Raises: Locked; ObjectNotReadable for an object that only a customer can read."""
        if how is not None and how.kind == SSE_C:
            raise ObjectNotReadable(
                "InvalidRequest",
                "The object was stored using a form of Server Side Encryption. The correct parameters must be"
                " provided to retrieve the object.",
            )
        if how is None or how.kind != SSE_KMS:
            return keys.keyring(self._cloud).find_of_bucket(at, bucket)
        if how.data_key not in had:
            raise Locked(bucket, how)
        return had[how.data_key]

    async def _unlocked(self, locked: Locked) -> AESGCM:
        bucket = locked.bucket
        by = service_itself("s3", Scope(bucket.account, bucket.region), source_arn=bucket.arn)
        try:
            return AESGCM(await keys.decrypted(self._cloud.ask(Keys), locked.how, by))
        except AwsError as error:
            raise ObjectNotReadable(error.code, error.text) from error
