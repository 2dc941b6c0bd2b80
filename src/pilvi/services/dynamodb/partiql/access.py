"""What a statement needs permission for, and what it tells policies of items and attributes.

AWS: DynamoDB Developer Guide, "IAM security policies with PartiQL for DynamoDB".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from pilvi.kit.call import Call
from pilvi.kit.permission import Permission
from pilvi.languages.partiql import syntax
from pilvi.services.dynamodb.errors import ValidationException, invalid
from pilvi.services.dynamodb.expressions.nodes import (
    Condition,
    In,
    Junction,
    Not,
    PathOperand,
    ValueOperand,
)
from pilvi.services.dynamodb.partiql.binding import Binding, parsed
from pilvi.services.dynamodb.partiql.reading import scans
from pilvi.services.dynamodb.partiql.targets import key_condition
from pilvi.services.dynamodb.tables import Table, table_arn
from pilvi.services.dynamodb.values import Item, Value

_ACTIONS: Mapping[type[syntax.Statement], str] = {
    syntax.Select: "dynamodb:PartiQLSelect",
    syntax.Exists: "dynamodb:PartiQLSelect",
    syntax.Insert: "dynamodb:PartiQLInsert",
    syntax.Update: "dynamodb:PartiQLUpdate",
    syntax.Delete: "dynamodb:PartiQLDelete",
}


_EVERY_KEY: Final = "*"
"""Among the leading keys of a statement that reads everything: no list of one's own keys has it, so who is kept to
those does not get around them by a clause that names no partition."""
STATED: Final = "Stated"
"""What `Permission.told` has the statement under."""


@dataclass(frozen=True, slots=True)
class Stated:
    """A statement with its parameters: what permission is asked for."""

    statement: syntax.Statement
    parameters: list[Value]
    returned_capacity: str | None

    def told(self, table: Table | None, index: str | None) -> dict[str, tuple[str, ...]]:
        """Condition keys, in lower case. Raises: ValidationException."""
        told: dict[str, tuple[str, ...]] = {}
        if self.returned_capacity is not None:
            told["dynamodb:returnconsumedcapacity"] = (self.returned_capacity,)
        binding = Binding(self.statement, self.parameters)
        statement = self.statement
        item: Item = {}
        where: Condition | None = None
        names = set[str]()
        full = False
        if isinstance(statement, syntax.Insert):
            value = binding.value(statement.item)
            item = cast("Item", value.get("M", {}))
            names |= set(item)
        else:
            select = statement.select if isinstance(statement, syntax.Exists) else statement
            if select.where is not None:
                bound = binding.condition(select.where)
                where = bound.tree
                names |= bound.program.attributes
            if isinstance(select, syntax.Select):
                names |= {str(path.parts[0]) for path in select.paths or ()}
                told["dynamodb:select"] = (_selecting(select),)
                full = table is not None and scans(table, select, self.parameters)
                told["dynamodb:fulltablescan"] = (str(full).lower(),)
            elif isinstance(select, syntax.Update):
                names |= binding.update(select.settings).attributes
            if isinstance(select, syntax.Update | syntax.Delete):
                told["dynamodb:returnvalues"] = (_returning(select.returning),)
        told["dynamodb:attributes"] = tuple(sorted(names))
        key_name = None
        if table is not None and index is None:
            key_name = table.hash.name
        elif table is not None and index in table.indexes:
            key_name = table.indexes[index].hash.name
        if key_name is not None:
            leading = [item[key_name]] if key_name in item else []
            leading += [] if where is None else _leading(where, key_name, binding.values)
            texts = [str(inner) for value in leading for inner in value.values()]
            if full:
                texts.append(_EVERY_KEY)
            told["dynamodb:leadingkeys"] = tuple(dict.fromkeys(texts))
        return told


def _selecting(select: syntax.Select) -> str:
    if select.paths is not None:
        return "SPECIFIC_ATTRIBUTES"
    return "ALL_ATTRIBUTES" if select.index is None else "ALL_PROJECTED_ATTRIBUTES"


def _returning(returning: syntax.Returning | None) -> str:
    if returning is None:
        return "NONE"
    what, when = returning
    return f"{'ALL' if what == 'ALL' else 'UPDATED'}_{when}"


def _leading(where: Condition, name: str, values: Item) -> Iterator[Value]:
    """Every value that the clause compares the key with."""
    if isinstance(where, Junction):
        for part in where.conditions:
            yield from _leading(part, name, values)
    elif isinstance(where, Not):
        yield from _leading(where.condition, name, values)
    elif isinstance(where, In):
        if where.operand == PathOperand((name,)):
            choices = (one for one in where.choices if isinstance(one, ValueOperand))
            yield from (values[one.name] for one in choices)
    else:
        condition = key_condition(where, name)
        if condition is not None:
            yield from (values[one] for one in condition.values)


# --- permissions


def of_statement(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
    """Raises: ValidationException for a statement that is none: there is nothing that it could be about."""
    yield from _permission(call, req, req, {})


def of_batch(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
    """A statement that is none has an answer of its own, and needs no permission to be told so."""
    for member in _objects(req.get("Statements")):
        try:
            permissions = list(_permission(call, req, member, {}))
        except ValidationException:
            continue
        yield from permissions


def of_transaction(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
    """Raises: ValidationException."""
    context = {"dynamodb:enclosingoperation": (call.operation,)}
    for number, member in enumerate(_objects(req.get("TransactStatements"))):
        try:
            yield from _permission(call, req, member, context)
        except ValidationException as error:
            raise in_transaction(number, error) from None


def in_transaction(number: int, error: ValidationException) -> ValidationException:
    """What a transaction says of a member that cannot be done."""
    return invalid(f"Validation failed in TransactStatements[{number}]: {error.text}")


def _permission(
    call: Call,
    req: Mapping[str, Any],
    member: Mapping[str, Any],
    context: Mapping[str, tuple[str, ...]],
) -> Iterator[Permission]:
    text = member.get("Statement")
    if not isinstance(text, str):
        return
    statement = parsed(text)
    resource = table_arn(call.scope, statement.table)
    if isinstance(statement, syntax.Select) and statement.index is not None:
        resource = f"{resource}/index/{statement.index}"
    given = member.get("Parameters")
    parameters = cast("list[Value]", given) if isinstance(given, list) else []
    wanted = req.get("ReturnConsumedCapacity")
    told = {STATED: Stated(statement, parameters, None if wanted is None else str(wanted))}
    yield Permission(_ACTIONS[type(statement)], (resource,), context, told)


def _objects(given: object) -> Iterator[Mapping[str, Any]]:
    for one in cast("list[object]", given) if isinstance(given, list) else ():
        if isinstance(one, dict):
            yield cast("dict[str, Any]", one)
