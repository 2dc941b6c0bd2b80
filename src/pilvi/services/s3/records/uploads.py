"""Multipart uploads that are open, and their parts."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pilvi.services.s3 import errors
from pilvi.services.s3.records.buckets import Bucket, body_owner
from pilvi.services.s3.records.encryption import Encryption, Sealed
from pilvi.services.s3.records.grants import Acl
from pilvi.services.s3.records.listing import Jump, Ordered
from pilvi.services.s3.records.locks import Lock
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.blob_rows import BlobRef
from pilvi.store.collection import Collection


class Upload(msgspec.Struct, frozen=True, omit_defaults=True):
    """`id` begins with the time of its beginning, so that uploads of a key are listed in that order.

    `replaces`: id of the object that stood under the key when the upload began ("" for none): a conditional
    completion conflicts when another stands there, or none.
    """

    key: str
    id: str
    initiated_at_ms: int
    replaces: str
    checksum_algorithm: str | None = None
    checksum_type: str | None = None
    storage_class: str = "STANDARD"
    headers: dict[str, str | int] = {}
    metadata: dict[str, str] = {}
    tags: dict[str, str] = {}
    owner: str = ""
    """The account that owns it, where that is not the bucket's; or `grants.NOBODY`."""
    acl: Acl = None
    encryption: Encryption | None = None
    """None for an upload that is older than encryption; its parts are encrypted all the same, and it is not told."""
    lock: Lock | None = None


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """`checksum`: base64, of `checksum_algorithm`."""

    upload_id: str
    number: int
    size: int
    etag: str
    modified_at_ms: int
    blob: BlobRef
    checksum_algorithm: str
    checksum: str
    sealed: Sealed | None = None

    @property
    def crc64nvme(self) -> int:
        """Of the part, not of what the blob holds."""
        return self.blob.crc64nvme if self.sealed is None else self.sealed.crc64nvme


_UPLOADS = Collection(
    "s3.upload",
    Upload,
    key=lambda upload: (upload.key, upload.id),
    owner=lambda at, home, upload: body_owner(at, home, upload.key, "", upload.id),
    known_as=lambda upload: upload.id,
)
_PARTS = Collection(
    "s3.part",
    Part,
    key=lambda part: (part.upload_id, part.number),
    blobs=lambda part: (part.blob,),
    within=lambda part: part.upload_id,
)


def get_upload(at: Snapshot, bucket: Bucket, key: str, upload_id: str) -> Upload:
    """Raises: NoSuchUpload."""
    upload = _UPLOADS.find(at, bucket.home, key, upload_id)
    if upload is None:
        raise errors.NoSuchUpload(upload_id)
    return upload


def put_upload(tx: Transaction, bucket: Bucket, upload: Upload) -> None:
    _UPLOADS.put(tx, bucket.home, upload)


def delete_upload(tx: Transaction, bucket: Bucket, upload: Upload) -> None:
    """The upload and the rows of its parts; their blobs are the caller's business."""
    _UPLOADS.delete(tx, bucket.home, upload.key, upload.id)
    for part in list(scan_parts(tx, bucket, upload.id)):
        _PARTS.delete(tx, bucket.home, part.upload_id, part.number)


def find_upload(at: Snapshot, bucket: Bucket, key: str, upload_id: str) -> Upload | None:
    return _UPLOADS.find(at, bucket.home, key, upload_id)


def ordered_uploads(at: Snapshot, bucket: Bucket) -> Ordered[Upload]:
    """The bucket's open uploads by key and beginning, for `listing.walk`."""

    def scan(start: bytes, end: bytes, limit: int, jump: Jump | None) -> Iterator[Upload | str]:
        for _, value in at.scan(start, end, limit=limit):
            yield _UPLOADS.decode(value)

    return Ordered((*bucket.home, _UPLOADS.name, "r"), scan, lambda upload: upload.key)


def scan_uploads(at: Snapshot, bucket: Bucket) -> Iterator[Upload]:
    return _UPLOADS.scan(at, bucket.home)


def find_part(at: Snapshot, bucket: Bucket, upload_id: str, number: int) -> Part | None:
    return _PARTS.find(at, bucket.home, upload_id, number)


def put_part(tx: Transaction, bucket: Bucket, part: Part) -> None:
    _PARTS.put(tx, bucket.home, part)


def scan_parts(
    at: Snapshot, bucket: Bucket, upload_id: str, *, after_number: int = 0
) -> Iterator[Part]:
    return _PARTS.scan(
        at, bucket.home, (upload_id,), after_key=(upload_id, after_number) if after_number else None
    )
