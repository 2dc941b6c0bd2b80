"""Query and Scan: which keys are read, in which order, and what of it is answered.

Invariants:
1. A page ends at Limit items or PAGE_BYTES_MAX bytes *read*, before any filter; its LastEvaluatedKey is
   the key of the last item read, and is there if and only if the page ended for one of these reasons.
2. The next page begins directly behind that key, whether or not the item is still there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import orjson

from pilvi.services.dynamodb import capacity, keys, limits
from pilvi.services.dynamodb.capacity import Consumption
from pilvi.services.dynamodb.errors import (
    SerializationException,
    ValidationException,
    invalid,
    invalid_values,
)
from pilvi.services.dynamodb.expressions.conditions import Test
from pilvi.services.dynamodb.expressions.key_conditions import (
    KEY_OPERATORS,
    KeyCondition,
    refuse_other_number,
)
from pilvi.services.dynamodb.expressions.projections import Project
from pilvi.services.dynamodb.indexes import Index, KeyAttribute
from pilvi.services.dynamodb.tables import (
    HEADER_BYTES,
    NO_MATCH,
    Table,
    item_of,
    size_of,
)
from pilvi.services.dynamodb.values import Item, measure_item
from pilvi.store.api import Snapshot
from pilvi.store.keys import after

_START_INVALID = "The provided starting key is invalid"


@dataclass(slots=True)
class Source:
    """A table, or one of its indexes: what a Query or Scan reads."""

    table: Table
    index: Index | None

    @property
    def home(self) -> bytes:
        return self.table.items if self.index is None else self.index.home

    @property
    def hash(self) -> KeyAttribute:
        return self.table.hash if self.index is None else self.index.hash

    @property
    def range(self) -> KeyAttribute | None:
        return self.table.range if self.index is None else self.index.range

    @property
    def hashes(self) -> tuple[KeyAttribute, ...]:
        return (self.table.hash,) if self.index is None else self.index.hashes

    @property
    def ranges(self) -> tuple[KeyAttribute, ...]:
        if self.index is not None:
            return self.index.ranges
        return () if self.table.range is None else (self.table.range,)

    @property
    def attributes(self) -> tuple[KeyAttribute, ...]:
        """Of the key: those of the hash key, then those of the range key."""
        return (*self.hashes, *self.ranges)

    @property
    def key_names(self) -> tuple[str, ...]:
        """The members of a LastEvaluatedKey."""
        return self.table.key_names if self.index is None else self.index.key_names


@dataclass(slots=True)
class Reading:
    """One page to be read, all decided."""

    source: Source
    start: bytes
    end: bytes
    reverse: bool = False
    limit: int | None = None
    keep: Test | None = None
    values: Item | None = None
    project: Project | None = None
    counted: bool = False
    """Only counted (Select COUNT): no items in the answer."""
    fetched: bool = False
    """Whether whole items are fetched from the table, since the (local) index holds too little of them."""
    consistent: bool = False


@dataclass(slots=True)
class Page:
    items: list[orjson.Fragment | Item]
    count: int
    scanned: int
    last_key: Item | None
    consumption: Consumption


# --- where a Query begins and ends


@dataclass(slots=True)
class Span:
    """The keys of a Query: those of one partition, or those between two of its range keys."""

    base: bytes
    start: bytes
    end: bytes
    """Below the base; an empty end for the base's own."""
    narrowed: bool
    """Whether there is a condition on the range key."""

    @property
    def keys(self) -> tuple[bytes, bytes]:
        return self.base + self.start, self.base + self.end if self.end else after(self.base)


def query_span(source: Source, conditions: tuple[KeyCondition, ...], values: Item) -> Span:
    """Raises: ValidationException for conditions that do not fit the keys."""
    by_name = {condition.attribute: condition for condition in conditions}
    if source.index is not None and source.index.several:
        return _span_of_several(source, by_name, values)
    refuse_other_number(len(by_name))
    if source.range is None and len(by_name) > 1:
        raise invalid("Query key condition not supported")
    hash_condition = _condition_on(source.hash, by_name, values)
    if hash_condition is None:
        raise invalid(f"Query condition missed key schema element: {source.hash.name}")
    if hash_condition.operator != "=":
        raise invalid("Query key condition not supported")
    range_condition = None
    if source.range is not None:
        range_condition = _condition_on(source.range, by_name, values)
        if range_condition is None and len(by_name) > 1:
            raise invalid(f"Query condition missed key schema element: {source.range.name}")
    base = source.home + keys.partition(
        _condition_part(source.hash, values[hash_condition.values[0]])
    )
    if range_condition is None or source.range is None:
        return Span(base, b"", b"", narrowed=False)
    parts = [_condition_part(source.range, values[name]) for name in range_condition.values]
    start, end = _range_span(range_condition.operator, parts, source.range)
    return Span(base, start, end, narrowed=True)


def _span_of_several(source: Source, by_name: Mapping[str, KeyCondition], values: Item) -> Span:
    """Where keys have several attributes: each of the hash key's is equal to something; of the range key's, those from
    the left on have conditions, all but the last of which are equalities.

    Raises: ValidationException.
    AWS: Developer Guide, "Using Global Secondary Indexes in DynamoDB", "Multi-attribute key schema".
    """
    equal: list[bytes] = []
    for attribute in source.hashes:
        condition = _condition_on(attribute, by_name, values)
        if condition is None:
            raise invalid(f"Query condition missed key schema element: {attribute.name}")
        if condition.operator != "=":
            raise invalid("Query key condition not supported")
        equal.append(_condition_part(attribute, values[condition.values[0]]))
    base = source.home + keys.partition(b"".join(equal))
    left = len(by_name) - len(equal)
    if left > len(source.ranges):
        raise invalid("Query key condition not supported")
    narrowing: list[tuple[KeyAttribute, KeyCondition]] = []
    for attribute in source.ranges[:left]:
        condition = _condition_on(attribute, by_name, values)
        if condition is None:
            raise invalid(f"Query condition missed key schema element: {attribute.name}")
        narrowing.append((attribute, condition))
    if any(condition.operator != "=" for _, condition in narrowing[:-1]):
        raise invalid("Query key condition not supported")
    if not narrowing:
        return Span(base, b"", b"", narrowed=False)
    prefix = b"".join(
        _condition_part(attribute, values[condition.values[0]])
        for attribute, condition in narrowing[:-1]
    )
    attribute, condition = narrowing[-1]
    parts = [_condition_part(attribute, values[name]) for name in condition.values]
    start, end = _range_span(condition.operator, parts, attribute)
    return Span(base, prefix + start, prefix + end if end else after(prefix), narrowed=True)


def _condition_on(
    attribute: KeyAttribute, by_name: Mapping[str, KeyCondition], values: Item
) -> KeyCondition | None:
    condition = by_name.get(attribute.name)
    if condition is None:
        return None
    if condition.operator not in KEY_OPERATORS:
        raise invalid("Attempted conditional constraint is not an indexable operation")
    if any(attribute.type not in values[name] for name in condition.values):
        raise invalid_values("Condition parameter type does not match schema type")
    return condition


def _range_span(operator: str, parts: list[bytes], attribute: KeyAttribute) -> tuple[bytes, bytes]:
    """Start and end, below the partition; an empty end for the partition's."""
    part = parts[0]
    match operator:
        case "=":
            return part, after(part)
        case "<":
            return b"", part
        case "<=":
            return b"", after(part)
        case ">":
            return after(part), b""
        case ">=":
            return part, b""
        case "BETWEEN":
            return part, after(parts[1])
        case _:
            assert operator == "begins_with", operator
            if attribute.type == "N":
                raise invalid(
                    "Invalid KeyConditionExpression: Incorrect operand type for operator or "
                    "function; operator or function: begins_with, operand type: N"
                )
            return keys.prefix_span(part)


def _condition_part(attribute: KeyAttribute, value: dict[str, Any]) -> bytes:
    part = attribute.part(value)
    assert part is not None, "types were compared before"
    if not part:
        raise invalid(
            "One or more parameter values are not valid. The AttributeValue for a key attribute "
            f"cannot contain {attribute.empty()}. Key: {attribute.name}"
        )
    return part


def segment_span(source: Source, segment: int, total: int) -> tuple[bytes, bytes]:
    """The keys of one segment of a Scan: a range of buckets. Segments are disjoint, and together all."""
    first = segment * keys.BUCKETS // total
    behind = (segment + 1) * keys.BUCKETS // total
    return source.home + keys.bucket_bound(first), source.home + keys.bucket_bound(behind)


# --- where a page begins


def check_start_values(attributes: Any) -> None:
    """Raises: ValidationException for an ExclusiveStartKey with values that are none."""
    if not isinstance(attributes, dict):
        raise SerializationException(detail="Unexpected value type in payload")
    try:
        measure_item(cast("Item", attributes))
    except ValidationException as error:
        raise invalid(f"{_START_INVALID}: {error.text}") from None


def check_start_names(source: Source, given: Item, *, queried: bool) -> None:
    """Raises: ValidationException when an ExclusiveStartKey has not exactly the attributes of such a key."""
    alone = source.index is None and not queried
    if len(given) != len(source.key_names):
        raise invalid(f"{_START_INVALID}: {NO_MATCH}" if alone else _START_INVALID)
    if alone:
        return
    for attribute in source.attributes:
        value = given.get(attribute.name)
        if value is None:
            raise invalid(_START_INVALID)
        if attribute.part(value) is None:
            raise invalid(NO_MATCH)


def start_key(source: Source, given: Item) -> bytes:
    """The place in the table or index that an ExclusiveStartKey names, whose names were checked.

    Raises: ValidationException when it is no key of the table.
    """
    table = source.table
    try:
        key = table.key_of({name: given[name] for name in table.key_names if name in given})
    except ValidationException as error:
        raise invalid(f"{_START_INVALID}: {error.text}") from None
    if source.index is None:
        return key
    entry = source.index.entry_key(given, table.tail_of(key))
    if entry is None:
        raise invalid(_START_INVALID)
    return entry


def continue_query(reading: Reading, span: Span, given: Item) -> None:
    """Begin behind an ExclusiveStartKey. Raises: ValidationException when it is not in the Query's span."""
    place = start_key(reading.source, given)
    if not reading.start <= place < reading.end:
        if not span.narrowed:
            raise invalid(
                "The provided starting key is outside query boundaries based on provided conditions"
            )
        parts = [attribute.part(given[attribute.name]) for attribute in reading.source.hashes]
        part = b"".join(part for part in parts if part)
        assert all(parts), "an empty one has no place"
        there = Span(
            reading.source.home + keys.partition(part), span.start, span.end, narrowed=True
        )
        start, end = there.keys
        raise invalid(
            "The query can return at most one row and cannot be restarted"
            if start <= place < end
            else "The provided starting key does not match the range key predicate"
        )
    continue_behind(reading, place)


def continue_behind(reading: Reading, place: bytes) -> None:
    if reading.reverse:
        reading.end = place
    else:
        reading.start = place + b"\x00"


# --- reading a page


def read_page(at: Snapshot, reading: Reading) -> Page:
    """Keeps invariant 1."""
    source = reading.source
    index = source.index
    fetch = _fetcher(at, source) if reading.fetched else None
    keep, project = reading.keep, reading.project
    values = reading.values or {}
    items: list[orjson.Fragment | Item] = []
    count = scanned = size = 0
    last: bytes | None = None
    fetched_units = 0.0
    ended = False
    for _, stored in at.scan(
        reading.start, reading.end, limit=reading.limit, reverse=reading.reverse
    ):
        item_size = int.from_bytes(stored[1:HEADER_BYTES])
        if size + item_size > limits.PAGE_BYTES_MAX and last is not None:
            ended = True
            break
        size += item_size
        scanned += 1
        last = stored
        if fetch is not None:
            stored = fetch(stored)
            fetched_units += capacity.read_units(size_of(stored), consistent=reading.consistent)
        if keep is not None or project is not None:
            item = item_of(stored)
            if keep is not None and not keep(item, values):
                continue
            if not reading.counted:
                items.append(
                    orjson.Fragment(stored[HEADER_BYTES:]) if project is None else project(item)
                )
        elif not reading.counted:
            items.append(orjson.Fragment(stored[HEADER_BYTES:]))
        count += 1
    if scanned == reading.limit:
        ended = True
    last_key = None
    if ended and last is not None:
        last_item = item_of(last)
        last_key = {name: last_item[name] for name in source.key_names}
    consumption = Consumption(source.table)
    units = capacity.read_units(size, consistent=reading.consistent)
    if index is None:
        consumption.add(units)
    else:
        consumption.add(fetched_units, {index.name: units})
    return Page(items, count, scanned, last_key, consumption)


def _fetcher(at: Snapshot, source: Source) -> Callable[[bytes], bytes]:
    """From an index entry to the whole item's stored form."""
    table = source.table

    def fetch(stored: bytes) -> bytes:
        found = at.get(table.item_key(item_of(stored)))
        assert found is not None, f"an entry of {table.arn} without its item"
        return found

    return fetch
