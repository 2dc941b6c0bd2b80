"""INSERT, UPDATE and DELETE: a statement becomes the `Write` that PutItem and its kin become.

What a WHERE clause says besides the key is a condition. Of an item that is not there, an UPDATE fails, and a DELETE has
nothing to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from pilvi.base.arn import Scope
from pilvi.languages.partiql import syntax
from pilvi.services.dynamodb.errors import invalid, refused_values
from pilvi.services.dynamodb.expressions.conditions import ConditionCompiler, Test
from pilvi.services.dynamodb.expressions.nodes import Condition, Junction
from pilvi.services.dynamodb.expressions.programs import Program, touched_projection
from pilvi.services.dynamodb.partiql.binding import Binding, BoundCondition
from pilvi.services.dynamodb.partiql.targets import full_key
from pilvi.services.dynamodb.tables import Table, fragment_of, get_table, item_of
from pilvi.services.dynamodb.values import Item, Value
from pilvi.services.dynamodb.writes import Write, Written, put_of
from pilvi.store.api import Snapshot

Writing = syntax.Insert | syntax.Update | syntax.Delete | syntax.Exists


def write_of(
    at: Snapshot,
    scope: Scope,
    statement: Writing,
    parameters: Sequence[Value],
    *,
    show_failed: bool,
) -> Write:
    """Raises: ResourceNotFoundException, ValidationException."""
    binding = Binding(statement, parameters)
    if isinstance(statement, syntax.Insert):
        return _insert(at, scope, statement, binding)
    if isinstance(statement, syntax.Exists):
        write = _check(at, scope, statement, binding)
    elif isinstance(statement, syntax.Update):
        write = _update(at, scope, statement, binding)
    else:
        write = _delete(at, scope, statement, binding)
    write.show_failed = show_failed
    return write


def _insert(at: Snapshot, scope: Scope, statement: syntax.Insert, binding: Binding) -> Write:
    given = binding.value(statement.item)
    if "M" not in given:
        raise invalid(
            "Unsupported format in item expression. Please use struct format {...} to express item "
            "values for insert statement."
        )
    item = cast("Item", given["M"])
    table = get_table(at, scope, statement.table)
    for name in table.key_names:
        if name not in item:
            raise invalid(f"Key attribute should be present in the item: Key {name}")
    _check_key_types(table, item)
    write = put_of(at, scope, {"TableName": statement.table, "Item": item})
    write.condition = _condition(lambda item, values: not item)
    write.fresh = True
    return write


def _update(at: Snapshot, scope: Scope, statement: syntax.Update, binding: Binding) -> Write:
    update = binding.update(statement.settings)
    where = None if statement.where is None else binding.condition(statement.where)
    table = get_table(at, scope, statement.table)
    key, rest = _key(table, where, binding.values)
    for name in table.key_names:
        if name in update.run.attributes:
            raise refused_values(
                f"Cannot update attribute {name}. This attribute is part of the key"
            )
    if table.index_keys:
        table.check_index_literals(update.run.literals, binding.values)
    if update.nested:
        table.refuse_nested(update.nested)
    return Write(
        "Update",
        table,
        table.key_of(key),
        _condition(lambda item, values: bool(item) and rest(item, values)),
        binding.values,
        key,
        update=update,
        overhead=update.run.overhead,
    )


def _delete(at: Snapshot, scope: Scope, statement: syntax.Delete, binding: Binding) -> Write:
    where = None if statement.where is None else binding.condition(statement.where)
    table = get_table(at, scope, statement.table)
    key, rest = _key(table, where, binding.values)
    return Write(
        "Delete",
        table,
        table.key_of(key),
        _condition(lambda item, values: not item or rest(item, values)),
        binding.values,
        key,
    )


def _check(at: Snapshot, scope: Scope, statement: syntax.Exists, binding: Binding) -> Write:
    select = statement.select
    if select.index is not None:
        raise invalid("Operations on indices are not supported in transactions")
    where = None if select.where is None else binding.condition(select.where)
    table = get_table(at, scope, select.table)
    found = None if where is None else full_key(where.tree, table.key_names)
    if where is None or found is None or not found[1]:
        raise invalid("EXISTS() must contain a single item read with additional condition")
    key, rest = _key(table, where, binding.values)
    return Write("Check", table, table.key_of(key), _condition(rest), binding.values, key)


def _key(table: Table, where: BoundCondition | None, values: Item) -> tuple[Item, Test]:
    """The key that a clause names, and what else it says as a test.

    Raises: ValidationException.
    """
    found: tuple[Mapping[str, str], list[Condition]] | None = None
    if where is not None:
        found = full_key(where.tree, table.key_names)
    if where is None or found is None:
        raise invalid("Where clause does not contain a mandatory equality on all key attributes")
    table.refuse_nested(where.program.nested)
    key = {name: values[placeholder] for name, placeholder in found[0].items()}
    _check_key_types(table, key)
    if not found[1]:
        return key, lambda item, values: True
    conditions = tuple(found[1])
    rest = conditions[0] if len(conditions) == 1 else Junction("AND", conditions)
    return key, ConditionCompiler("").compile(rest)


def _check_key_types(table: Table, key: Item) -> None:
    """Raises: ValidationException."""
    for attribute in (table.hash, table.range):
        if attribute is not None and attribute.type not in key[attribute.name]:
            raise invalid(
                "Key attribute's data type should match its data type in table's schema: "
                f"Key {attribute.name}"
            )


def _condition(test: Test) -> Program[Test]:
    return Program("", test, frozenset(), ())


def returned(statement: Writing, write: Write, written: Written) -> Any | None:
    """What RETURNING shows: an item, or None where there is nothing to show."""
    if isinstance(statement, syntax.Insert | syntax.Exists) or statement.returning is None:
        return None
    what, when = statement.returning
    stored = written.old if when == "OLD" else written.new
    if stored is None:
        return None
    if what == "ALL" or write.update is None:
        return fragment_of(stored)
    return touched_projection(write.update.run.paths)(item_of(stored)) or None
