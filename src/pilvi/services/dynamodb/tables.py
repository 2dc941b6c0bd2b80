"""A table ready for use: its record compiled to functions that make keys, and where it is found.

Compiled tables are remembered as their records are (`Snapshot.get_kept`): a table that another process changed is
seen at once, and no request reads a record twice.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

import orjson

from pilvi.base.arn import Scope
from pilvi.services.dynamodb import errors, keys, limits, records
from pilvi.services.dynamodb.changelog import Log
from pilvi.services.dynamodb.errors import SerializationException, invalid, refused, refused_values
from pilvi.services.dynamodb.feeds import Feed
from pilvi.services.dynamodb.indexes import Index, KeyAttribute
from pilvi.services.dynamodb.records import IndexRecord, TableRecord
from pilvi.services.dynamodb.values import Item, Value, measure_item, type_of
from pilvi.store.api import Snapshot
from pilvi.store.keys import pack

_NAME_MIN = 3
_NAME_MAX = 255
_NAME = re.compile(r"[a-zA-Z0-9_.-]{3,255}").fullmatch
_ACCOUNT = re.compile(r"[0-9]{12}").fullmatch
NO_MATCH = "The provided key element does not match the schema"


class Table:
    """A table, compiled."""

    __slots__ = (
        "arn",
        "collections",
        "expiries",
        "feed",
        "hash",
        "home",
        "index_keys",
        "indexes",
        "items",
        "key_count",
        "key_names",
        "log",
        "maintained",
        "name",
        "planned_expiries",
        "range",
        "ready",
        "record",
        "replicated",
        "several",
        "time_to_live",
    )

    def __init__(self, record: TableRecord) -> None:
        self.record = record
        self.ready = record.status == "ACTIVE"
        self.name = record.name
        self.arn = record.arn
        self.home = pack(record.home)
        self.items = self.home + pack(("i",))
        self.hash = KeyAttribute(record.hash_key, record.types[record.hash_key], is_hash=True)
        self.range = (
            None
            if record.range_key is None
            else KeyAttribute(record.range_key, record.types[record.range_key], is_hash=False)
        )
        self.key_names = (
            (record.hash_key,) if record.range_key is None else (record.hash_key, record.range_key)
        )
        self.key_count = len(self.key_names)
        self.indexes = {
            index.name: Index(record, index, self.home_of(index))
            for index in record.indexes
            if index.status != "DELETING"
        }
        """Those that are written; one that is being removed is not."""
        self.index_keys = tuple(
            (name, attribute)
            for name, index in sorted(self.indexes.items())
            for attribute in index.attributes
            if attribute.name not in self.key_names or attribute.shorter_than(self.hash)
        )
        """The key attributes of the indexes, with the index's name, as they are checked."""
        self.several = tuple(index for index in self.indexes.values() if index.several)
        """The indexes whose keys have several attributes."""
        self.collections = (
            self.home + pack(("c",)) if any(index.local for index in record.indexes) else None
        )
        """Below it lies how many bytes each partition key has, in a table with local indexes."""
        self.time_to_live = record.time_to_live
        self.expiries = self.home + pack(("t", record.time_to_live_number))
        self.planned_expiries = self.home + pack(("T", record.time_to_live_number))
        self.feed = None if record.stream is None else Feed(record)
        """Where changes of items are recorded."""
        self.log = None if record.history is None else Log(record)
        """Where it is written what items were before their changes."""
        self.replicated = record.group is not None
        """Whether writes are noted for other regions."""
        self.maintained = (
            bool(self.indexes)
            or self.time_to_live is not None
            or self.feed is not None
            or self.log is not None
            or self.replicated
        )
        """Whether writing an item writes more than the item."""

    def home_of(self, index: IndexRecord) -> bytes:
        """What the keys of an index's entries begin with."""
        return self.home + pack(("x", index.number))

    @property
    def item_key_at(self) -> int:
        """Where the bucket part of an item's key begins."""
        return len(self.items)

    def tail_of(self, key: bytes) -> bytes:
        """Hash and range parts of an item's key."""
        return key[len(self.items) + 5 :]

    def key_of(self, attributes: Any) -> bytes:
        """The key of the item that a request's Key names.

        Raises: ValidationException when it has not exactly the key's attributes, with their types.
        """
        if not isinstance(attributes, dict):
            raise SerializationException(detail="Unexpected value type in payload")
        given = cast("Item", attributes)
        if len(given) != self.key_count:
            measure_item(given)
            raise refused(NO_MATCH)
        value = given.get(self.hash.name)
        if value is None or (part := self.hash.part(value)) is None:
            measure_item(given)
            raise refused(NO_MATCH)
        if not part:
            raise _empty_key(self.hash)
        if self.range is None:
            return self.items + keys.partition(part)
        value = given.get(self.range.name)
        if value is None or (range_part := self.range.part(value)) is None:
            measure_item(given)
            raise refused(NO_MATCH)
        if not range_part:
            raise _empty_key(self.range)
        return self.items + keys.partition(part) + range_part

    def item_key(self, item: Item) -> bytes:
        """The key of a whole item. Raises: ValidationException for a key attribute that cannot be one."""
        part = self._item_part(self.hash, item)
        if self.range is None:
            return self.items + keys.partition(part)
        return self.items + keys.partition(part) + self._item_part(self.range, item)

    def _item_part(self, attribute: KeyAttribute, item: Item) -> bytes:
        value = item.get(attribute.name)
        if value is None:
            raise errors.KeyRefused(
                detail="One or more parameter values were invalid: "
                f"Missing the key {attribute.name} in the item"
            )
        part = attribute.part(value)
        if part is None:
            raise errors.KeyRefused(
                detail=f"One or more parameter values were invalid: Type mismatch for key "
                f"{attribute.name} expected: {attribute.type} actual: {type_of(value)}"
            )
        if not part:
            raise _empty_key(attribute)
        return part

    def check_index_keys(self, item: Item) -> None:
        """Raises: ValidationException for a new item that an index cannot take."""
        for index, attribute in self.index_keys:
            value = item.get(attribute.name)
            if value is None:
                continue
            part = attribute.part(value)
            if part is None:
                raise _index_mismatch(index, attribute, value)
            if not part:
                raise _empty_index_key(index, attribute)
        if self.several:
            self._check_several(item)

    def _check_several(self, item: Item) -> None:
        """Raises: ValidationException for keys of several attributes that are too long together."""
        for index in self.several:
            parts = index.parts_of(item)
            reason = None if parts is None else index.too_long(parts)
            if reason is not None:
                raise refused_values(reason)

    def check_index_literals(self, literals: Sequence[tuple[str, str]], values: Item) -> None:
        """Raises: ValidationException for an update that sets an index's key to a value of another type.

        `literals`: attributes and the placeholders of what they become.
        """
        given = dict(literals)
        for index, attribute in self.index_keys:
            if attribute.name in given:
                value = values[given[attribute.name]]
                if attribute.type not in value:
                    raise _index_mismatch(index, attribute, value)
                if not value[attribute.type]:
                    raise _empty_updated_key(attribute)

    def check_updated_index_keys(self, item: Item, changed: Sequence[str]) -> None:
        """Raises: ValidationException for an item that an index cannot take any more."""
        for _, attribute in self.index_keys:
            if attribute.name not in changed:
                continue
            value = item.get(attribute.name)
            if value is None:
                continue
            part = attribute.part(value)
            if part is None:
                raise refused(
                    "The update expression attempted to update the secondary index key to unsupported type"
                )
            if not part:
                raise _empty_updated_key(attribute)
        if self.several:
            self._check_several(item)

    def refuse_nested(self, attributes: frozenset[str]) -> None:
        """`attributes`: those that an expression reaches into. Raises: ValidationException for keys."""
        for name in self.key_names:
            if name in attributes:
                raise _nested_key("Key", name)
        for _, attribute in self.index_keys:
            if attribute.name in attributes:
                raise _nested_key("IndexKey", attribute.name)

    def get_index(self, name: str) -> Index:
        """Raises: ValidationException for an index that the table has not, or that is being built."""
        index = self.indexes.get(name)
        if index is None:
            raise invalid(f"The table does not have the specified index: {name}")
        if index.record.status != "ACTIVE":
            raise invalid(f"Cannot read from backfilling global secondary index: {name}")
        return index


def _index_mismatch(index: str, attribute: KeyAttribute, value: Value) -> errors.ItemRefused:
    return refused_values(
        f"Type mismatch for Index Key {attribute.name} Expected: {attribute.type} "
        f"Actual: {type_of(value)} IndexName: {index}"
    )


def _empty_index_key(index: str, attribute: KeyAttribute) -> errors.ValidationException:
    return invalid(
        "One or more parameter values are not valid. A value specified for a secondary index key is not "
        "supported. The AttributeValue for a key attribute cannot contain "
        f"{attribute.empty()}. IndexName: {index}, IndexKey: {attribute.name}"
    )


def _empty_updated_key(attribute: KeyAttribute) -> errors.ValidationException:
    return invalid(
        "One or more parameter values are not valid. The update expression attempted to update a secondary "
        "index key to a value that is not supported. The AttributeValue for a key attribute cannot contain "
        f"{attribute.empty()}."
    )


def _nested_key(what: str, name: str) -> errors.ValidationException:
    return invalid(
        "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: "
        f"{what}: {name}"
    )


def _empty_key(attribute: KeyAttribute) -> errors.ValidationException:
    return invalid(
        "One or more parameter values are not valid. The AttributeValue for a key attribute "
        f"cannot contain {attribute.empty()}. Key: {attribute.name}"
    )


# --- finding tables


def find_table(at: Snapshot, scope: Scope, name: str) -> Table | None:
    """`name`: a table's name or ARN. Raises: ValidationException for neither."""
    return at.get_kept(_record_key(scope, name), _compiled)


def _compiled(value: bytes) -> Table:
    return Table(records.tables.decode(value))


def get_table(at: Snapshot, scope: Scope, name: str) -> Table:
    """As `find_table`, of one whose items can be asked for. Raises: ResourceNotFoundException."""
    table = find_table(at, scope, name)
    if table is None or not table.ready:
        raise errors.ResourceNotFoundException()
    return table


def get_shared_table(at: Snapshot, scope: Scope, name: str) -> Table:
    """As `get_table`, for the operations whose error names the table. Raises: TableNotFound."""
    table = find_table(at, scope, name)
    if table is None:
        raise errors.TableNotFound(table=_place(scope, name)[1])
    return table


def get_named_table(at: Snapshot, scope: Scope, name: str) -> Table:
    """As `get_shared_table`, for the operations that no policy opens to other accounts.

    Raises: TableNotFound; ValidationException for another account's ARN.
    """
    if _place(scope, name)[0] != scope:
        raise errors.NotTheOwner()
    return get_shared_table(at, scope, name)


def refuse_unready(table: Table) -> Table:
    """For what changes a table. Raises: ResourceInUseException while it is being created."""
    if not table.ready:
        raise errors.TableBeingCreated(table=table.name)
    return table


def check_name(scope: Scope, name: str) -> None:
    """AWS checks the name before all else that needs no table. Raises: as `table_name`."""
    _record_key(scope, name)


@lru_cache(limits.TABLES_CACHED)
def _record_key(scope: Scope, name: str) -> bytes:
    owner, name = _place(scope, name)
    return pack((*records.scope_home(owner), records.tables.name, "r", name))


@lru_cache(limits.TABLES_CACHED)
def table_arn(scope: Scope, name: str) -> str:
    """The ARN of a table that a request names by name or ARN; of anything else, as it was named."""
    if name.startswith("arn:"):
        return name
    return f"arn:{scope.partition}:dynamodb:{scope.region}:{scope.account}:table/{name}"


def table_name(scope: Scope, name: str) -> str:
    """The name in a name or ARN.

    Raises: ValidationException for a text that names no table; ResourceNotFoundException for another
    account's or region's ARN.
    """
    owner, name = _place(scope, name)
    if owner != scope:
        raise errors.ResourceNotFoundException()
    return name


def _place(scope: Scope, name: str) -> tuple[Scope, str]:
    """Whose table a name or an ARN means, and its name. Tables of other accounts have only ARNs; that the request
    may reach them was decided before any handler, by the same ARN.

    Raises: ValidationException for a text that names no table; ResourceNotFoundException for another region's ARN.
    """
    owner = scope
    if name.startswith("arn:"):
        head, _, name = name.partition(":table/")
        here = f"arn:{scope.partition}:dynamodb:{scope.region}:"
        account = head.removeprefix(here)
        if not head.startswith(here) or not _ACCOUNT(account):
            raise errors.ResourceNotFoundException()
        owner = Scope(account, scope.region, scope.partition)
    if not _NAME(name):
        raise _bad_name(name)
    return owner, name


def _bad_name(name: str) -> errors.ValidationException:
    demands: list[str] = []
    if not re.fullmatch(r"[a-zA-Z0-9_.-]*", name):
        demands.append("Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+")
    if len(name) < _NAME_MIN:
        demands.append(f"Member must have length greater than or equal to {_NAME_MIN}")
    if len(name) > _NAME_MAX:
        demands.append(f"Member must have length less than or equal to {_NAME_MAX}")
    plural = "s" if len(demands) > 1 else ""
    found = "; ".join(
        f"Value '{name}' at 'tableName' failed to satisfy constraint: {demand}"
        for demand in demands
    )
    return invalid(f"{len(demands)} validation error{plural} detected: {found}")


# --- the stored form of an item

HEADER_BYTES = 4
"""A version byte (1), and the item's size in three bytes; then the item's JSON."""


def pack_item(item: Item, size: int) -> bytes:
    return (1 << 24 | size).to_bytes(HEADER_BYTES) + orjson.dumps(item)


def size_of(stored: bytes) -> int:
    """Bytes, as AWS counts an item."""
    assert stored[0] == 1, f"an item of version {stored[0]}"
    return int.from_bytes(stored[1:HEADER_BYTES])


def item_of(stored: bytes) -> Item:
    return orjson.loads(memoryview(stored)[HEADER_BYTES:])


def fragment_of(stored: bytes) -> orjson.Fragment:
    """The item as the answer's JSON has it, undecoded."""
    return orjson.Fragment(stored[HEADER_BYTES:])
