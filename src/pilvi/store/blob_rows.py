"""What the store knows of a blob: its row, and how many records refer to it.

Layout: ("blobs", "b", id) -> row; ("blobs", "n", id) -> references beyond the first, absent when none.
A row is a head (version, inline, size, CRC64NVME) and a tail: the bytes themselves when inline, else the
CRC32C of each mebibyte of the file.

Invariants, checked by `pilvi check`:
1. A row's file was whole and durable before the row was committed.
2. A blob has exactly as many references as records that name it; with the last, its row goes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import ClassVar

import msgspec

from pilvi.store import crc
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.keys import pack, span, unpack

CHUNK_BYTES = 1024 * 1024
INLINE_BYTES_MAX = 64 * 1024 + 64
"""64 KiB, and what encryption adds to them."""

_HEAD = struct.Struct(">BBQQ")
_VERSION = 1
_COUNT = struct.Struct(">Q")
_CHECKSUM = struct.Struct(">I")


_ROWS = pack(("blobs", "b"))
_COUNTS = pack(("blobs", "n"))

ROWS = span(("blobs", "b"))
"""Where the rows lie."""
EVERYTHING = span(("blobs",))


def _row_key(blob_id: str) -> bytes:
    return _ROWS + pack((blob_id,))


def _count_key(blob_id: str) -> bytes:
    return _COUNTS + pack((blob_id,))


class BlobGone(Exception):
    """The blob was deleted since its reference was read: read the record again."""


class BlobCorrupt(Exception):
    """The bytes on disk are not those that were written. They were not handed out."""

    met: ClassVar[int] = 0
    """How often this process met damage, by whichever read or scrub: for /metrics."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        BlobCorrupt.met += 1


class BlobRef(msgspec.Struct, frozen=True):
    """Names a blob; services keep it in their records."""

    id: str
    size: int
    crc64nvme: int
    inline: bool


class BlobRow(msgspec.Struct, frozen=True):
    ref: BlobRef
    tail: bytes

    def inline_bytes(self) -> bytes:
        """Raises: BlobCorrupt."""
        ref = self.ref
        if len(self.tail) != ref.size or crc.crc64nvme(self.tail) != ref.crc64nvme:
            raise BlobCorrupt(f"blob {ref.id} inside the store does not match its checksum")
        return self.tail

    @property
    def chunks(self) -> int:
        return len(self.tail) // _CHECKSUM.size

    def chunk_checksum(self, number: int) -> int:
        return _CHECKSUM.unpack_from(self.tail, number * _CHECKSUM.size)[0]


def pack_checksums(values: list[int]) -> bytes:
    return b"".join(map(_CHECKSUM.pack, values))


def put(tx: Transaction, row: BlobRow) -> None:
    ref = row.ref
    head = _HEAD.pack(_VERSION, ref.inline, ref.size, ref.crc64nvme)
    tx.put(_row_key(ref.id), head + row.tail)


def find(at: Snapshot, blob_id: str) -> BlobRow | None:
    value = at.get(_row_key(blob_id))
    return None if value is None else decode(blob_id, value)


def get(at: Snapshot, ref: BlobRef) -> BlobRow:
    """Raises: BlobGone; BlobCorrupt when the record and the row tell different things."""
    row = find(at, ref.id)
    if row is None:
        raise _gone(ref)
    if row.ref != ref:
        raise BlobCorrupt(f"blob {ref.id}: the row {row.ref} is not what the record names: {ref}")
    return row


def retain(tx: Transaction, ref: BlobRef, count: int = 1) -> None:
    """So many more records name this blob. Raises: BlobGone."""
    get(tx, ref)
    _put_extra(tx, ref.id, extra_references(tx, ref.id) + count)


def release(tx: Transaction, ref: BlobRef) -> bool:
    """One record fewer names this blob. True when it was the last: the row is deleted.

    Raises: BlobGone when nothing names it any more.
    """
    if not tx.has(_row_key(ref.id)):
        raise _gone(ref)
    extra = extra_references(tx, ref.id)
    if extra:
        _put_extra(tx, ref.id, extra - 1)
        return False
    tx.delete(_row_key(ref.id))
    return True


def extra_references(at: Snapshot, blob_id: str) -> int:
    value = at.get(_count_key(blob_id))
    return 0 if value is None else _COUNT.unpack(value)[0]


def scan(at: Snapshot, after_id: str | None = None, limit: int | None = None) -> Iterator[BlobRow]:
    """All rows in the order of their ids."""
    start, end = span(("blobs", "b"))
    if after_id is not None:
        start = _row_key(after_id) + b"\x00"
    for key, value in at.scan(start, end, limit=limit):
        blob_id = unpack(key)[2]
        assert isinstance(blob_id, str)
        yield decode(blob_id, value)


def scan_counts(at: Snapshot) -> Iterator[str]:
    """The ids of all blobs that have more than one reference."""
    for key, _ in at.scan(*span(("blobs", "n"))):
        blob_id = unpack(key)[2]
        assert isinstance(blob_id, str)
        yield blob_id


def scan_extra(at: Snapshot) -> Iterator[tuple[str, int]]:
    """(id, references beyond the first) of all blobs that have any."""
    for key, value in at.scan(*span(("blobs", "n"))):
        blob_id = unpack(key)[2]
        assert isinstance(blob_id, str)
        yield blob_id, _COUNT.unpack(value)[0]


def id_of(row_key: bytes) -> str:
    """Of a key below `ROWS`."""
    return row_key[len(_ROWS) + 1 : -1].decode()


def decode(blob_id: str, value: bytes) -> BlobRow:
    """Raises: AssertionError for a row of a newer version."""
    version, inline, size, crc64nvme = _HEAD.unpack_from(value)
    assert version == _VERSION, f"blob row version {version} is newer than {_VERSION}"
    return BlobRow(BlobRef(blob_id, size, crc64nvme, bool(inline)), value[_HEAD.size :])


def _gone(ref: BlobRef) -> BlobGone:
    return BlobGone(f"blob {ref.id} is gone")


def _put_extra(tx: Transaction, blob_id: str, count: int) -> None:
    key = _count_key(blob_id)
    if count:
        tx.put(key, _COUNT.pack(count))
    else:
        tx.delete(key)
