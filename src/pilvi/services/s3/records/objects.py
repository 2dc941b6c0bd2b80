"""Objects and the manifests of those whose bodies are made of several blobs."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pilvi.contracts.bodies import BodyOwner
from pilvi.services.s3 import errors
from pilvi.services.s3.records.buckets import Bucket, body_owner
from pilvi.services.s3.records.encryption import Encryption, Sealed
from pilvi.services.s3.records.grants import Acl
from pilvi.services.s3.records.listing import Jump, Ordered, leap, unpacked
from pilvi.services.s3.records.locks import Lock
from pilvi.services.s3.records.replication import Replication
from pilvi.services.s3.records.restores import Restore
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.blob_rows import BlobRef
from pilvi.store.collection import Collection
from pilvi.store.keys import Key, pack


class Checksum(msgspec.Struct, frozen=True):
    """`value`: base64. `kind`: FULL_OBJECT, or COMPOSITE (a checksum of the parts' checksums)."""

    algorithm: str
    value: str
    kind: str = "FULL_OBJECT"


class Object(msgspec.Struct, frozen=True, omit_defaults=True):
    """A version of an object: the current one in `s3.object`, others inside the rows of `s3.version`.

    `version_id`: "" for the null version. `rank`: of two versions of a key the newer one has the higher.
    `id`: of this content, new with every write. `headers`: what was sent with it and is told again, by
    AWS's member name (ContentType, CacheControl, ..., WebsiteRedirectLocation; Expires in milliseconds).
    `parts`: how many parts a multipart upload was made of; 0 for other objects.
    `blob`: the body; None when the manifest tells its pieces. `sealed`: what the blob holds, when it is encrypted.
    `encryption`: how the object is, as answers tell; None for what is older than encryption.
    """

    key: str
    id: str
    size: int
    etag: str
    modified_at_ms: int
    checksum: Checksum
    blob: BlobRef | None = None
    parts: int = 0
    storage_class: str = "STANDARD"
    headers: dict[str, str | int] = {}
    metadata: dict[str, str] = {}
    tags: dict[str, str] = {}
    owner: str = ""
    """The account that owns it, where that is not the bucket's; or `grants.NOBODY`."""
    acl: Acl = None
    version_id: str = ""
    rank: int = 0
    sealed: Sealed | None = None
    encryption: Encryption | None = None
    lock: Lock | None = None
    restore: Restore | None = None
    """Of an archived one: the copy that was asked for last."""
    replication: Replication | None = None
    """None: it came by no replication, and was to go nowhere when it was written."""


class Piece(msgspec.Struct, frozen=True, omit_defaults=True):
    """One part of a body. `checksum`: base64, by the object's algorithm, where the part has one."""

    blob: BlobRef
    number: int
    checksum: str | None = None
    sealed: Sealed | None = None

    @property
    def size(self) -> int:
        """Of the body, not of what the blob holds."""
        return self.blob.size if self.sealed is None else self.sealed.size


class Manifest(msgspec.Struct, frozen=True):
    object_id: str
    pieces: tuple[Piece, ...]


def owner_of(at: Snapshot, home: Key, stored: Object) -> BodyOwner | None:
    return body_owner(at, home, stored.key, stored.version_id)


_OBJECTS = Collection(
    "s3.object",
    Object,
    key=lambda stored: (stored.key,),
    blobs=lambda stored: () if stored.blob is None else (stored.blob,),
    owner=owner_of,
    known_as=lambda stored: stored.id,
)
_MANIFESTS = Collection(
    "s3.manifest",
    Manifest,
    key=lambda manifest: (manifest.object_id,),
    blobs=lambda manifest: [piece.blob for piece in manifest.pieces],
    within=lambda manifest: manifest.object_id,
)


def find_object(at: Snapshot, bucket: Bucket, key: str) -> Object | None:
    return _OBJECTS.find(at, bucket.home, key)


def get_object(at: Snapshot, bucket: Bucket, key: str) -> Object:
    """Raises: NoSuchKey."""
    stored = _OBJECTS.find(at, bucket.home, key)
    if stored is None:
        raise errors.NoSuchKey(key)
    return stored


def get_pieces(at: Snapshot, bucket: Bucket, stored: Object) -> tuple[Piece, ...]:
    """The body of an object, in order; of an empty manifest none."""
    if stored.blob is not None:
        return (Piece(stored.blob, 1, sealed=stored.sealed),)
    manifest = _MANIFESTS.find(at, bucket.home, stored.id)
    assert manifest is not None, f"object {stored.id} has neither blob nor manifest"
    return manifest.pieces


def put_object(
    tx: Transaction, bucket: Bucket, stored: Object, pieces: tuple[Piece, ...] | None = None
) -> None:
    """Insert or replace the row; `pieces` is the manifest of a body without a blob of its own.

    References to blobs are the caller's business, as are those of the object that is replaced.
    """
    assert (stored.blob is None) == (pieces is not None), stored.key
    if pieces is not None:
        put_manifest(tx, bucket, stored, pieces)
    _OBJECTS.put(tx, bucket.home, stored)


def put_manifest(
    tx: Transaction, bucket: Bucket, stored: Object, pieces: tuple[Piece, ...]
) -> None:
    """Of a version that is not current as soon as it is there; whatever else is, `put_object` stores whole."""
    _MANIFESTS.put(tx, bucket.home, Manifest(stored.id, pieces))


def put_row(tx: Transaction, bucket: Bucket, stored: Object) -> None:
    """Change what is said of an object, not what is in it."""
    _OBJECTS.put(tx, bucket.home, stored)


def delete_object(tx: Transaction, bucket: Bucket, stored: Object) -> None:
    """The row; the manifest is `delete_manifest`'s."""
    _OBJECTS.delete(tx, bucket.home, stored.key)


def delete_manifest(tx: Transaction, bucket: Bucket, stored: Object) -> None:
    """Of an object that is replaced."""
    if stored.blob is None:
        _MANIFESTS.delete(tx, bucket.home, stored.id)


def current_row_span(start: bytes, end: bytes, bucket: Bucket) -> tuple[bytes, bytes]:
    """Where the rows of the keys lie that are packed so, for `versions`."""
    base = pack((*bucket.home, _OBJECTS.name, "r"))
    return base + start, base + end


def decode(value: bytes) -> Object:
    return _OBJECTS.decode(value)


def is_empty(at: Snapshot, bucket: Bucket) -> bool:
    return next(_OBJECTS.scan(at, bucket.home, limit=1), None) is None


def ordered_objects(at: Snapshot, bucket: Bucket) -> Ordered[Object]:
    """The bucket's objects in the order of their keys, for `listing.walk`."""

    base = (*bucket.home, _OBJECTS.name, "r")
    before = len(pack(base))

    def scan(start: bytes, end: bytes, limit: int, jump: Jump | None) -> Iterator[Object | str]:
        for key, value in leap(at, start, end, limit, before, jump):
            yield unpacked(key, before) if value is None else _OBJECTS.decode(value)

    return Ordered(base, scan, lambda stored: stored.key)
