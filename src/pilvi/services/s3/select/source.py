"""The bytes of the object that is queried, decrypted, as it was when the query began."""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pilvi.base.http import Body
from pilvi.kit.call import Call
from pilvi.services.s3 import bodies
from pilvi.services.s3.encryption import streams
from pilvi.services.s3.encryption.keys import Unlocked
from pilvi.services.s3.records import objects
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.objects import Object, Piece
from pilvi.store.api import Snapshot
from pilvi.store.blob_stream import HeldBlobs


class Small:
    """An object that is in the store itself."""

    def __init__(self, data: bytes) -> None:
        self.size = len(data)
        self._data = data

    def read(self, start: int, end: int) -> Body:
        return bodies.pieces_of(self._data[start:end])

    def close(self) -> None:
        """There is nothing to let go of."""


class Large:
    """An object in files; what is read of it is verified."""

    def __init__(
        self, size: int, held: HeldBlobs, pieces: tuple[Piece, ...], key: AESGCM | None
    ) -> None:
        self.size = size
        self._held = held
        self._pieces = pieces
        self._key = key

    def read(self, start: int, end: int) -> Body:
        """Raises while iterating: BlobCorrupt, StoreUnavailable."""
        extents = bodies.touched(self._pieces, start, end)
        if not extents:
            return bodies.pieces_of(b"")
        refs = [extent.blob for extent in extents]
        last = extents[-1]
        behind = sum(ref.size for ref in refs) - last.blob.size + last.ends_at
        stream = self._held.open(refs, extents[0].starts_at, behind)
        return streams.opened(self._key, extents, stream)

    def close(self) -> None:
        self._held.close()


def hold(
    call: Call, at: Snapshot, bucket: Bucket, stored: Object, unlocked: Unlocked
) -> Small | Large:
    """Raises: as `bodies.contents`."""
    if (stored.blob is not None and stored.blob.inline) or not stored.size:
        data = bodies.contents(call, at, bucket, stored, 0, stored.size, unlocked)
        assert isinstance(data, bytes)
        return Small(data)
    key = unlocked.key(at, bucket, stored.encryption)
    pieces = tuple(objects.get_pieces(at, bucket, stored))
    held = call.cloud.blobs.hold(at, [piece.blob for piece in pieces])
    return Large(stored.size, held, pieces, key)
