"""Collections: typed records under tuple keys, with secondary indexes kept in the same transaction.

A record is a `msgspec.Struct`. It is stored as one version byte and its MessagePack; a reader that meets
an older version upgrades it. Indexes hold `(index name, *index parts, *key)` -> nothing, so an index
never outlives its record and needs no repair.

Invariants, checked by `pilvi check`:
1. Every index entry names a record whose index parts equal the entry's.
2. Every record has exactly the entries its index functions give.

Layout: (*home, collection, "r", *key) -> record; (*home, collection, "i", index, *parts, *key) -> b"".
`home` is the scope (account, region) or a resource's own prefix, so that deleting a resource is one
`delete_range` of its prefix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

import msgspec

from pilvi.contracts.bodies import BodyOwner
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.blob_rows import BlobRef
from pilvi.store.keys import Key, Part, after, pack, span, unpack

T = TypeVar("T", bound=msgspec.Struct)

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]

_BASES_MAX = 1024

REGISTRY: dict[str, Collection[Any]] = {}
"""Every collection by name, for `pilvi check`."""


class Collection(Generic[T]):
    def __init__(
        self,
        name: str,
        record: type[T],
        *,
        key: Callable[[T], Key],
        indexes: Mapping[str, Callable[[T], Key | None]] | None = None,
        blobs: Callable[[T], Iterable[BlobRef]] | None = None,
        owner: Callable[[Snapshot, Key, T], BodyOwner | None] | None = None,
        within: Callable[[T], str] | None = None,
        known_as: Callable[[T], str] | None = None,
        kept: bool = False,
        version: int = 1,
        upgrades: Mapping[int, Upgrade] | None = None,
    ) -> None:
        """`name`: unique, "service.noun". `key`: the record's key below its home.

        `indexes`: for each index, the parts a record is found by (None: not in this index).
        `blobs`: the blobs that a record holds a reference of; `pilvi check` and `pilvi scrub` count them.
        `owner`: whom to name when one of these is damaged, given the record's home. `within`: instead, the name
        of the record that this one is a part of; that lies under the same home, in a collection behind this one
        by name, which tells its own name by `known_as`.
        `kept`: processes may keep its records in memory (`kept.py`), so every change is counted. What `find` gives
        of frozen ones is decoded once for all.
        `upgrades[n]` turns the plain dict of a version-n record into version n+1.
        """
        assert name not in REGISTRY, f"two collections are called {name}"
        assert 1 <= version <= 255, version
        REGISTRY[name] = self
        self.name = name
        self.version = version
        self._record = record
        self._key = key
        self._indexes = dict(indexes or {})
        self.blobs_of = blobs
        self.owner_of = owner
        self.within = within
        self.known_as = known_as
        self._kept = kept
        self._remembered = kept and record.__struct_config__.frozen
        self._upgrades = dict(upgrades or {})
        self._bases: dict[Key, bytes] = {}
        self._version_byte = bytes([version])
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(record).decode

    # --- one record

    def find(self, at: Snapshot, home: Key, *key: Part) -> T | None:
        packed = self._record_key(home, key)
        if self._remembered:
            return at.get_kept(packed, self.decode)
        value = at.get(packed)
        return None if value is None else self.decode(value)

    def put(self, tx: Transaction, home: Key, record: T) -> None:
        """Insert or replace; index entries follow."""
        if self._kept:
            tx.unsettle()
        key = self._key(record)
        packed = self._record_key(home, key)
        if self._indexes:
            old = tx.get(packed)
            stale = set[bytes]() if old is None else self.index_keys(home, self.decode(old))
            fresh = self.index_keys(home, record)
            for entry in stale - fresh:
                tx.delete(entry)
            for entry in fresh - stale:
                tx.put(entry, b"")
        tx.put(packed, self._version_byte + self._encode(record))

    def add(self, tx: Transaction, home: Key, record: T) -> bool:
        """Insert under a key that was drawn at random just now; False, and nothing done, when there is one already.

        What processes keep in memory stays as it is: nobody can have asked for such a key. So do not look before
        whether it is free: that would be remembered.
        """
        packed = self._record_key(home, self._key(record))
        if tx.get(packed) is not None:
            return False
        for entry in self.index_keys(home, record):
            tx.put(entry, b"")
        tx.put(packed, self._version_byte + self._encode(record))
        return True

    def delete(self, tx: Transaction, home: Key, *key: Part) -> T | None:
        """Remove one record and its index entries; gives what was there."""
        packed = self._record_key(home, key)
        old = tx.get(packed)
        if old is None:
            return None
        if self._kept:
            tx.unsettle()
        record = self.decode(old)
        for entry in self.index_keys(home, record):
            tx.delete(entry)
        tx.delete(packed)
        return record

    def delete_all(self, tx: Transaction, home: Key) -> None:
        """Remove every record of this collection directly below `home`."""
        tx.delete_range(*span((*home, self.name)))

    # --- many records

    def scan(
        self,
        at: Snapshot,
        home: Key,
        prefix: Key = (),
        *,
        after_key: Key | None = None,
        limit: int | None = None,
        reverse: bool = False,
    ) -> Iterator[T]:
        """Records whose keys begin with `prefix`, in key order, lazily.

        `after_key` (a whole key) continues behind that record: in front of it when `reverse`.
        """
        base: Key = (*home, self.name, "r")
        start, end = span((*base, *prefix))
        if after_key is not None:
            bound = pack((*base, *after_key))
            start, end = (start, bound) if reverse else (after(bound), end)
        for _, value in at.scan(start, end, limit=limit, reverse=reverse):
            yield self.decode(value)

    def count(self, at: Snapshot, home: Key, prefix: Key = (), *, limit: int | None = None) -> int:
        """How many records `scan` would give, at most `limit`; they are not decoded."""
        start, end = span((*home, self.name, "r", *prefix))
        return sum(1 for _ in at.scan(start, end, limit=limit))

    def scan_index(
        self,
        at: Snapshot,
        home: Key,
        index: str,
        parts: Key = (),
        *,
        after_entry: Key | None = None,
        limit: int | None = None,
        reverse: bool = False,
    ) -> Iterator[T]:
        """Records that an index finds by parts beginning so, in index order, lazily.

        `after_entry`: (*index parts, *record key) of the last record already seen.
        """
        base: Key = (*home, self.name, "i", index)
        start, end = span((*base, *parts))
        if after_entry is not None:
            bound = pack((*base, *after_entry))
            start, end = (start, bound) if reverse else (after(bound), end)
        for entry, _ in at.scan(start, end, limit=limit, reverse=reverse):
            yield self._follow(at, home, index, entry)

    def _follow(self, at: Snapshot, home: Key, index: str, entry: bytes) -> T:
        tail = unpack(entry)[len(home) + 3 :]
        for split in range(len(tail) + 1):
            value = at.get(pack((*home, self.name, "r", *tail[split:])))
            if value is not None:
                record = self.decode(value)
                if self._indexes[index](record) == tail[:split]:
                    return record
        raise AssertionError(
            f"index {self.name}.{index} names a record that is not there: {tail!r}"
        )

    def _record_key(self, home: Key, key: Key) -> bytes:
        """`pack((*home, name, "r", *key))`; its first part is packed once for each home."""
        base = self._bases.get(home)
        if base is None:
            if len(self._bases) >= _BASES_MAX:
                self._bases.clear()
            base = self._bases[home] = pack((*home, self.name, "r"))
        return base + pack(key)

    # --- for check and for the store's own tools

    def index_keys(self, home: Key, record: T) -> set[bytes]:
        key = self._key(record)
        return {
            pack((*home, self.name, "i", index, *parts, *key))
            for index, parts_of in self._indexes.items()
            if (parts := parts_of(record)) is not None
        }

    def key_of(self, record: T) -> Key:
        return self._key(record)

    def decode(self, value: bytes) -> T:
        """Raises: AssertionError for a record of a newer version than this program knows."""
        version = value[0]
        if version == self.version:
            return self._decode(memoryview(value)[1:])
        assert version < self.version, (
            f"{self.name}: record version {version} is newer than {self.version}"
        )
        plain: dict[str, Any] = msgspec.msgpack.decode(memoryview(value)[1:])
        for step in range(version, self.version):
            plain = self._upgrades[step](plain)
        return msgspec.convert(plain, self._record)
