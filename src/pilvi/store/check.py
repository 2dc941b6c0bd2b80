"""Verifies every invariant of a data directory, also while servers use it.

- SQLite's own integrity check; keys are packed tuples.
- Records decode, lie under their own key, and have exactly their index entries; every entry has its record.
- Rows of a layout are what its service says they must be.
- Every blob is whole and has its checksums; it has as many references as records that name it.

Files that no row names are only noted: they are uploads under way, or orphans that the next start removes.
Nothing is repaired here, and no file is removed by others meanwhile.
"""

# pyright: reportUnknownMemberType=false
# apsw's stubs name `collections.abc.Buffer`, which Python 3.11 lacks.

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import apsw
import msgspec

from pilvi.store import blob_rows, crc, layouts, sqlite_file
from pilvi.store.api import Snapshot, StoreUnavailable
from pilvi.store.blob_files import BlobFiles, FileReader
from pilvi.store.blob_rows import BlobCorrupt, BlobGone, BlobRow
from pilvi.store.collection import REGISTRY, Collection
from pilvi.store.datadir import DataDir
from pilvi.store.keys import Key, pack, unpack
from pilvi.store.sqlite_view import View

Progress = Callable[[str, int], None]
"""(what is being verified, how many are done)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`damage`: an invariant is broken. `note`: worth knowing, nothing is lost."""

    severity: Literal["damage", "note"]
    where: str
    what: str


@dataclass(slots=True)
class _Seen:
    named: Counter[str] = field(default_factory=Counter[str])
    unknown: Counter[str] = field(default_factory=Counter[str])


def check(path: Path, *, progress: Progress | None = None) -> Iterator[Finding]:
    """Raises: PilviError when `path` is no data directory or its database cannot be opened."""
    directory = DataDir.look(path)
    files = BlobFiles(directory.blobs)
    tell = progress or _say_nothing
    with files.keep_all():
        connection = sqlite_file.open_reader(directory.database)
        try:
            tell("database", 0)
            yield from _check_database(connection)
            connection.execute("BEGIN")
            at = View(connection.cursor())
            seen = _Seen()
            yield from _check_keys(at, seen, tell)
            yield from _check_blobs(at, files, seen, tell)
            yield from _check_files(at, files, tell)
        except apsw.CorruptError as error:
            yield Finding("damage", "database", f"unreadable from here on: {error}")
        finally:
            connection.close()


def _say_nothing(_what: str, _done: int) -> None:
    pass


def _check_database(connection: apsw.Connection) -> Iterator[Finding]:
    try:
        for (line,) in connection.execute("PRAGMA integrity_check(100)"):
            if line != "ok":
                yield Finding("damage", "database", str(line))
    except apsw.CorruptError as error:
        yield Finding("damage", "database", str(error))


# --- keys, records, indexes


def _check_keys(at: View, seen: _Seen, tell: Progress) -> Iterator[Finding]:
    verified: Key = ()
    for done, (packed, value) in enumerate(at.scan(b"", b"\xff")):
        if done % 1000 == 0:
            tell("keys", done)
        try:
            key = unpack(packed)
        except (ValueError, IndexError):
            yield Finding("damage", packed.hex(), "is not a packed key")
            continue
        laid = layouts.find(key)
        if laid is not None and laid[1] != verified:
            layout, verified = laid
            for where, what in layout.verify(at, verified, tell):
                yield Finding("damage", where, what)
        found = _collection_of(key)
        if found is None:
            if laid is None and key[:1] != ("blobs",):
                seen.unknown[str(key[0]) if key else "()"] += 1
            continue
        collection, home, kind, tail = found
        if kind == "r":
            yield from _check_record(at, seen, collection, home, tail, value)
        else:
            yield from _check_entry(at, collection, home, tail, packed)


def _collection_of(key: Key) -> tuple[Collection[Any], Key, str, Key] | None:
    """(collection, home, "r" or "i", the rest), when a collection made this key."""
    for index in range(len(key) - 1):
        name, kind = key[index], key[index + 1]
        if isinstance(name, str) and name in REGISTRY and kind in ("r", "i"):
            return REGISTRY[name], key[:index], kind, key[index + 2 :]
    return None


def _check_record(
    at: Snapshot, seen: _Seen, collection: Collection[Any], home: Key, tail: Key, value: bytes
) -> Iterator[Finding]:
    where = f"{collection.name} {(*home, *tail)!r}"
    try:
        record = collection.decode(value)
    except (msgspec.MsgspecError, AssertionError, IndexError, KeyError) as error:
        yield Finding("damage", where, f"does not decode: {error}")
        return
    if collection.key_of(record) != tail:
        yield Finding(
            "damage", where, f"lies under a foreign key; its own: {collection.key_of(record)!r}"
        )
    for entry in collection.index_keys(home, record):
        if at.get(entry) is None:
            yield Finding("damage", where, f"lacks its index entry {unpack(entry)!r}")
    if collection.blobs_of is not None:
        seen.named.update(ref.id for ref in collection.blobs_of(record))


def _check_entry(
    at: Snapshot, collection: Collection[Any], home: Key, tail: Key, packed: bytes
) -> Iterator[Finding]:
    """The tail is (index, *parts, *key); how many of them are parts, the records tell."""
    for split in range(1, len(tail) + 1):
        value = at.get(pack((*home, collection.name, "r", *tail[split:])))
        if value is None:
            continue
        try:
            if packed in collection.index_keys(home, collection.decode(value)):
                return
        except (msgspec.MsgspecError, AssertionError, IndexError, KeyError):
            return  # The record itself is reported.
    where = f"{collection.name} {(*home, *tail)!r}"
    yield Finding("damage", where, "is an index entry without its record")


# --- blobs


def _check_blobs(at: View, files: BlobFiles, seen: _Seen, tell: Progress) -> Iterator[Finding]:
    counted = any(collection.blobs_of is not None for collection in REGISTRY.values())
    for done, row in enumerate(blob_rows.scan(at)):
        if done % 100 == 0:
            tell("blobs", done)
        where = f"blob {row.ref.id}"
        problem = _check_bytes(files, row)
        if problem:
            yield Finding("damage", where, problem)
        expected = 1 + blob_rows.extra_references(at, row.ref.id)
        named = seen.named.pop(row.ref.id, 0)
        if counted and named != expected:
            yield Finding(
                "damage", where, f"counts {expected} references, but {named} records name it"
            )
    for blob_id in seen.named:
        yield Finding("damage", f"blob {blob_id}", "is named by a record but has no row")
    for blob_id in blob_rows.scan_counts(at):
        if blob_rows.find(at, blob_id) is None:
            yield Finding("damage", f"blob {blob_id}", "has a reference count but no row")
    if not counted:
        yield Finding(
            "note", "blobs", "no service is loaded that names blobs: references not verified"
        )
    for word, count in seen.unknown.items():
        yield Finding(
            "note", f"keys under {word}", f"{count} belong to no collection or layout: not verified"
        )


def _check_bytes(files: BlobFiles, row: BlobRow) -> str:
    """What is wrong with a blob's bytes; empty when nothing is."""
    try:
        if row.ref.inline:
            row.inline_bytes()
            return ""
        reader = FileReader(files, row)
        try:
            if reader.size_on_disk() != row.ref.size:
                return f"has {reader.size_on_disk()} bytes on disk instead of {row.ref.size}"
            whole = 0
            for number in range(row.chunks):
                whole = crc.crc64nvme(reader.read_chunk(number), whole)
            return "" if whole == row.ref.crc64nvme else "does not match its CRC64NVME"
        finally:
            reader.close()
    except (BlobCorrupt, BlobGone, StoreUnavailable) as error:
        return str(error)


def _check_files(at: Snapshot, files: BlobFiles, tell: Progress) -> Iterator[Finding]:
    done = 0
    for ids in files.list_ids():
        tell("files", done)
        done += len(ids)
        for blob_id in ids:
            if blob_rows.find(at, blob_id) is not None:
                continue
            descriptor = files.lock_orphan(blob_id)
            if descriptor is not None:
                os.close(descriptor)
                yield Finding(
                    "note", f"file {blob_id}", "belongs to no blob; the next start removes it"
                )
