"""A secondary index ready for use: where an item's entry lies, and what it holds; and how attributes become keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pilvi.services.dynamodb import errors, keys, limits
from pilvi.services.dynamodb.errors import refused_values
from pilvi.services.dynamodb.records import IndexRecord, TableRecord
from pilvi.services.dynamodb.values import Item, Value, measure

_HASH_TOO_LONG = "Size of hashkey has exceeded the maximum size limit of2048 bytes"
_RANGE_TOO_LONG = "Aggregated size of all range keys has exceeded the size limit of 1024 bytes"


class KeyAttribute:
    """One attribute of a key: its name and type, and how its values become parts of keys."""

    __slots__ = ("_bytes_max", "_encode", "_which", "name", "type")

    def __init__(self, name: str, kind: str, *, is_hash: bool) -> None:
        self.name = name
        self.type = kind
        self._encode = keys.PARTS[kind]
        self._bytes_max = limits.HASH_KEY_BYTES_MAX if is_hash else limits.RANGE_KEY_BYTES_MAX
        self._which = is_hash

    def part(self, value: Value) -> bytes | None:
        """The value's part of a key; empty for an empty value, None for a value of another type.

        Raises: ValidationException for a value that is none, or that is too long for a key.
        """
        try:
            ((kind, inner),) = value.items()
        except (ValueError, AttributeError):
            kind = inner = None
        if kind != self.type or type(inner) is not str:
            measure(value)
            return None
        part = self._encode(inner)
        size = len(part) - 2
        if size == 0:
            return b""
        if size > self._bytes_max and part.count(b"\x00\xff") < size - self._bytes_max:
            raise refused_values(_HASH_TOO_LONG if self._which else _RANGE_TOO_LONG)
        return part

    def shorter_than(self, other: KeyAttribute) -> bool:
        """Whether it is the same attribute, of which less has room here."""
        return self.name == other.name and self._bytes_max < other._bytes_max

    def empty(self) -> str:
        return "an empty string value" if self.type == "S" else "an empty binary value"


class Index:
    """A secondary index, compiled."""

    __slots__ = (
        "attributes",
        "hash",
        "hashes",
        "home",
        "key_names",
        "name",
        "projected",
        "range",
        "ranges",
        "record",
        "several",
    )

    def __init__(self, table: TableRecord, record: IndexRecord, home: bytes) -> None:
        self.record = record
        self.name = record.name
        self.home = home
        self.hashes = tuple(
            KeyAttribute(name, table.types[name], is_hash=True) for name in record.hash_keys
        )
        self.ranges = tuple(
            KeyAttribute(name, table.types[name], is_hash=False) for name in record.range_keys
        )
        self.hash = self.hashes[0]
        self.range = self.ranges[0] if self.ranges else None
        self.attributes = (*self.hashes, *self.ranges)
        self.several = len(self.hashes) > 1 or len(self.ranges) > 1
        """Whether the partition key or the sort key has more than one attribute."""
        names = (*record.hash_keys, *record.range_keys, table.hash_key, table.range_key)
        self.key_names = tuple(dict.fromkeys(name for name in names if name is not None))
        self.projected = (
            None
            if record.projection == "ALL"
            else frozenset(self.key_names) | frozenset(record.included)
        )
        """The attributes that entries hold; None for all."""

    @property
    def item_key_at(self) -> int:
        """Where the bucket part of a key begins."""
        return len(self.home)

    def entry_key(self, item: Mapping[str, Value], tail: bytes) -> bytes | None:
        """Where this item's entry lies; None when the item has not all of the index's key attributes.

        Values that the index cannot take leave the item out: so may items have them that were there before the index.
        `tail`: hash and range parts of the item's own key.
        """
        if self.several:
            return self._entry_key_of_several(item, tail)
        value = item.get(self.hash.name)
        if value is None:
            return None
        range_value = None
        if self.range is not None:
            range_value = item.get(self.range.name)
            if range_value is None:
                return None
        try:
            part = self.hash.part(value)
            range_part = b"" if self.range is None else self.range.part(range_value or {})
        except errors.ValidationException:
            return None
        if not part or (self.range is not None and not range_part):
            return None
        return self.home + keys.partition(part) + (range_part or b"") + tail

    def _entry_key_of_several(self, item: Mapping[str, Value], tail: bytes) -> bytes | None:
        try:
            parts = self.parts_of(item)
        except errors.ValidationException:
            return None
        if parts is None or self.too_long(parts):
            return None
        hashes = len(self.hashes)
        partition = keys.partition(b"".join(parts[:hashes]))
        return self.home + partition + b"".join(parts[hashes:]) + tail

    def parts_of(self, item: Mapping[str, Value]) -> list[bytes] | None:
        """The parts of all key attributes; None when one is not there, or none that the key can take.

        Raises: ValidationException for one that is too long by itself.
        """
        parts: list[bytes] = []
        for attribute in self.attributes:
            value = item.get(attribute.name)
            part = None if value is None else attribute.part(value)
            if not part:
                return None
            parts.append(part)
        return parts

    def too_long(self, parts: Sequence[bytes]) -> str | None:
        """Why the parts of all key attributes are too long together; None when they are not."""
        hashes = len(self.hashes)
        if sum(map(_size_of_part, parts[:hashes])) > limits.HASH_KEY_BYTES_MAX:
            return _HASH_TOO_LONG
        if sum(map(_size_of_part, parts[hashes:])) > limits.RANGE_KEY_BYTES_MAX:
            return _RANGE_TOO_LONG
        return None

    def project(self, item: Item) -> Item:
        """What an entry holds of an item."""
        projected = self.projected
        if projected is None:
            return item
        return {name: value for name, value in item.items() if name in projected}


def _size_of_part(part: bytes) -> int:
    """Bytes of the value that became this part of a key."""
    return len(part) - 2 - part.count(b"\x00\xff")
