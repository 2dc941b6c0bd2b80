"""SELECT: a statement becomes the readings that Query and Scan are made of, and their pages one answer.

A statement that names several partitions has a reading for each. Its token says in which of them the next page begins,
and behind which key; it is no secret, since whatever it says is checked against the statement that it comes with.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, NamedTuple, cast

import orjson

from pilvi.base.arn import Scope
from pilvi.base.errors import NotBuilt
from pilvi.languages.partiql import syntax
from pilvi.services.dynamodb import limits
from pilvi.services.dynamodb.capacity import Consumption
from pilvi.services.dynamodb.errors import (
    SerializationException,
    ValidationException,
    invalid,
    invalid_values,
)
from pilvi.services.dynamodb.expressions.paths import finder
from pilvi.services.dynamodb.expressions.projections import Project
from pilvi.services.dynamodb.partiql.binding import Binding, BoundCondition
from pilvi.services.dynamodb.partiql.targets import Targets, targets, targets_of_several
from pilvi.services.dynamodb.queries import (
    Reading,
    Source,
    Span,
    check_start_names,
    check_start_values,
    continue_behind,
    continue_query,
    query_span,
    read_page,
    segment_span,
    start_key,
)
from pilvi.services.dynamodb.tables import Table, fragment_of, get_table, item_of
from pilvi.services.dynamodb.values import Item, Value
from pilvi.store.api import Snapshot

_READ_UNIT_BYTES: Final = 4096
_DIGEST_BYTES: Final = 12


class _Place(NamedTuple):
    """What one reading reads: a Query's span, or everything (None)."""

    span: Span | None
    order: bytes
    """Partitions are sorted by their keys, where ORDER BY says so."""


@dataclass(slots=True)
class Plan:
    """A SELECT, all decided but where it begins."""

    source: Source
    places: list[_Place]
    where: BoundCondition | None
    project: Project | None
    values: Item
    reverse: bool
    fetched: bool
    single: bool
    """Whether it names one item of the table, as GetItem does."""


class Selected(NamedTuple):
    items: list[Any]
    last_key: Item | None
    token: str | None
    consumption: Consumption


def plan_select(
    at: Snapshot,
    scope: Scope,
    select: syntax.Select,
    parameters: Sequence[Value],
    *,
    consistent: bool,
) -> Plan:
    """Raises: ResourceNotFoundException, ValidationException."""
    binding = Binding(select, parameters)
    where = None if select.where is None else binding.condition(select.where)
    source = source_of(at, scope, select)
    index = source.index
    if index is not None and consistent and not index.record.local:
        raise invalid("Strongly consistent read is not supported on Global Secondary Indexes")
    named = _targets(source, where)
    reverse = _order(select, source, named, binding.values)
    fetched = _check_attributes(source, select, where)
    places = (
        [_Place(None, b"")]
        if named is None
        else _places(source, named, binding.values, select.order)
    )
    whole_key = index is None and named is not None and len(named.all) == 1
    if whole_key and named is not None and source.range is not None:
        range_condition = named.all[0].range
        whole_key = range_condition is not None and range_condition.operator == "="
    return Plan(
        source,
        places,
        None if named is not None and named.exact else where,
        None if select.paths is None else _projection(select.paths),
        binding.values,
        reverse,
        fetched,
        whole_key,
    )


def source_of(at: Snapshot, scope: Scope, select: syntax.Select) -> Source:
    """Raises: ResourceNotFoundException, ValidationException."""
    table = get_table(at, scope, select.table)
    if select.index is None:
        return Source(table, None)
    if select.index not in table.indexes:
        raise invalid("The table does not have the specified index")
    return Source(table, table.get_index(select.index))


def _targets(source: Source, where: BoundCondition | None) -> Targets | None:
    tree = None if where is None else where.tree
    if source.index is not None and source.index.several:
        return targets_of_several(
            tree,
            [attribute.name for attribute in source.hashes],
            [attribute.name for attribute in source.ranges],
        )
    return targets(tree, source.hash.name, None if source.range is None else source.range.name)


def scans(table: Table, select: syntax.Select, parameters: Sequence[Value]) -> bool:
    """Whether the statement reads everything. Raises: ValidationException."""
    binding = Binding(select, parameters)
    where = None if select.where is None else binding.condition(select.where)
    index = None if select.index is None else table.indexes.get(select.index)
    return _targets(Source(table, index), where) is None


def _order(select: syntax.Select, source: Source, named: Targets | None, values: Item) -> bool:
    """Whether range keys come from the greatest to the least. Raises: ValidationException, NotBuilt."""
    if not select.order:
        return False
    if select.where is None:
        raise invalid("Must have WHERE clause in the statement when using ORDER BY clause.")
    if named is None:
        raise invalid(
            "Must have at least one non-optional hash key condition in WHERE clause when using "
            "ORDER BY clause."
        )
    hash_keys = [attribute.name for attribute in source.hashes]
    range_keys = [attribute.name for attribute in source.ranges]
    for order in select.order:
        if order.attribute not in (*hash_keys, *range_keys):
            raise invalid(
                f"Variable reference {order.attribute} in ORDER BY clause must be part of the "
                "primary key"
            )
    hashes = {str(values[target.hash.values[0]]) for target in named.all}
    if len(hashes) > 1:
        if all(order.attribute != source.hash.name for order in select.order):
            raise invalid(
                "Must have hash key in ORDER BY clause when more than one hash key condition "
                "specified in WHERE clause."
            )
        if select.order[0].attribute != source.hash.name:
            raise NotBuilt(what="ORDER BY of the range key before the hash key in PartiQL")
    ranges = [order for order in select.order if order.attribute in range_keys]
    if [order.attribute for order in ranges] != range_keys[: len(ranges)] or (
        len({order.descending for order in ranges}) > 1
    ):
        raise NotBuilt(
            what="ORDER BY of the attributes of a range key in another order than its own"
        )
    return any(order.descending for order in ranges)


def _places(
    source: Source, named: Targets, values: Item, order: tuple[syntax.Order, ...]
) -> list[_Place]:
    """Raises: ValidationException for values that are no keys, and for parts that overlap."""
    places: list[_Place] = []
    for target in named.all:
        span = query_span(source, target.conditions, values)
        part = source.hash.part(values[target.hash.values[0]]) or b""
        if all(span != place.span for place in places):
            places.append(_Place(span, part))
    spans = sorted(place.span.keys for place in places if place.span is not None)
    for (_, end), (start, _) in pairwise(spans):
        if start < end:
            raise invalid(
                "Overlapping conditions with range keys are not supported in where clause"
            )
    for one in order:
        if one.attribute == source.hash.name:
            places.sort(key=lambda place: place.order, reverse=one.descending)
    return places


def _check_attributes(source: Source, select: syntax.Select, where: BoundCondition | None) -> bool:
    """Whether whole items must be fetched, since the (local) index holds too little of them.

    Raises: ValidationException for attributes that an index has not, and paths into keys.
    """
    paths = select.paths or ()
    nested = {str(path.parts[0]) for path in paths if len(path.parts) > 1}
    source.table.refuse_nested(frozenset(nested))
    if where is not None:
        source.table.refuse_nested(where.program.nested)
    index = source.index
    if index is None or index.projected is None:
        return False
    lacking = [] if where is None else sorted(where.program.attributes - index.projected)
    if lacking:
        raise invalid_values(
            f"Secondary index {index.name} does not project one or more filter attributes: "
            f"[{', '.join(lacking)}]"
        )
    missing = sorted({str(path.parts[0]) for path in paths} - index.projected)
    if missing and not index.record.local:
        raise invalid_values(
            f"Global secondary index {index.name} does not project [{', '.join(missing)}]"
        )
    return bool(missing)


def _projection(paths: tuple[syntax.Path, ...]) -> Project:
    """Each path's value under the path's last name. Raises: ValidationException for one name twice."""
    found = [(_label(path.parts), finder(path.parts)) for path in paths]
    labels = [label for label, _ in found]
    for label in labels:
        if labels.count(label) > 1:
            raise invalid(f"Duplicate identifiers in select clause: {label}")

    def project(item: Item) -> Item:
        shown: Item = {}
        for label, find in found:
            value = find(item)
            if value is not None:
                shown[label] = value
        return shown

    return project


def _label(parts: tuple[syntax.PathPart, ...]) -> str:
    """`a.b` is answered as `b`, `a.b[0]` as `b[0]`."""
    label = ""
    for part in parts:
        label = part if isinstance(part, str) else f"{label}[{part}]"
    return label


# --- reading


def read_selected(
    at: Snapshot, plan: Plan, *, consistent: bool, limit: int | None, token: str | None, mark: str
) -> Selected:
    """One page. `mark`: what the token must have been made for. Raises: ValidationException."""
    first, start = (0, None) if token is None else _opened(token, mark)
    if first >= len(plan.places):
        raise invalid("Invalid NextToken")
    source = plan.source
    consumption = Consumption(source.table)
    items: list[Any] = []
    left = limit
    for number in range(first, len(plan.places)):
        reading = _reading(plan, plan.places[number].span, start if number == first else None)
        reading.limit, reading.consistent = left, consistent
        page = read_page(at, reading)
        consumption.add(page.consumption.units, page.consumption.indexes)
        items += page.items
        if page.last_key is not None and not plan.single:
            return Selected(items, page.last_key, _token(mark, number, page.last_key), consumption)
        if left is not None:
            left -= page.scanned
        if number + 1 < len(plan.places) and (left == 0 or _is_full(consumption, consistent)):
            return Selected(items, None, _token(mark, number + 1, None), consumption)
    return Selected(items, None, None, consumption)


def _is_full(consumption: Consumption, consistent: bool) -> bool:
    """Whether about as much was read as one page has."""
    units = consumption.total if consistent else 2 * consumption.total
    return units * _READ_UNIT_BYTES >= limits.PAGE_BYTES_MAX


def _reading(plan: Plan, span: Span | None, start: Item | None) -> Reading:
    """Raises: ValidationException for a start that is not there."""
    source = plan.source
    keys = segment_span(source, 0, 1) if span is None else span.keys
    reading = Reading(
        source, *keys, reverse=plan.reverse, project=plan.project, fetched=plan.fetched
    )
    if plan.where is not None:
        reading.keep, reading.values = plan.where.program.run, plan.values
    if start is None:
        return reading
    try:
        check_start_values(start)
        check_start_names(source, start, queried=span is not None)
        if span is None:
            continue_behind(reading, start_key(source, start))
        else:
            continue_query(reading, span, start)
    except (ValidationException, SerializationException):
        raise invalid("Invalid NextToken") from None
    return reading


# --- tokens


def mark_of(scope: Scope, req: Mapping[str, Any]) -> str:
    """Stands for the statement and its parameters: a token of another statement is refused."""
    asked = [scope.account, scope.region, req["Statement"], req.get("Parameters")]
    return hashlib.blake2b(orjson.dumps(asked), digest_size=_DIGEST_BYTES).hexdigest()


def _token(mark: str, number: int, last_key: Item | None) -> str:
    return urlsafe_b64encode(orjson.dumps([mark, number, last_key])).decode()


def _opened(token: str, mark: str) -> tuple[int, Item | None]:
    try:
        found: object = orjson.loads(urlsafe_b64decode(token.encode()))
    except ValueError:
        raise invalid("Invalid NextToken") from None
    parts = cast("list[object]", found) if isinstance(found, list) else []
    if len(parts) != 3 or not isinstance(parts[1], int) or parts[1] < 0:
        raise invalid("Invalid NextToken")
    if parts[0] != mark:
        raise invalid("NextToken does not match request")
    return parts[1], cast("Item | None", parts[2])


# --- single items, in batches and transactions


def single_key(plan: Plan) -> bytes | None:
    """The place of the one item that the statement names by its key and by nothing else; None where it does not."""
    span = plan.places[0].span
    if not plan.single or plan.where is not None or span is None:
        return None
    return span.keys[0]


def shown(plan: Plan, stored: bytes) -> orjson.Fragment | Item:
    """An item as the statement shows it."""
    return fragment_of(stored) if plan.project is None else plan.project(item_of(stored))
