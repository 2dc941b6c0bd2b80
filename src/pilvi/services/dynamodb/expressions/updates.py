"""Updates, compiled: a function that changes an item in place, and the paths it touches.

All operands are read from the item as it was; then all actions are applied: SET, REMOVE of list
elements from the back, ADD, DELETE. AWS: Developer Guide, "Using update expressions in DynamoDB".
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, cast

import orjson

from pilvi.services.dynamodb import numbers
from pilvi.services.dynamodb.errors import ValidationException, invalid
from pilvi.services.dynamodb.expressions.conditions import Check
from pilvi.services.dynamodb.expressions.nodes import (
    Arithmetic,
    Assignment,
    Call,
    Operand,
    Path,
    PathOperand,
    ValueOperand,
)
from pilvi.services.dynamodb.expressions.paths import finder, step
from pilvi.services.dynamodb.values import SETS, TYPE_NAMES, Item, Value, type_of

Get = Callable[[Item, Item], Value]
"""(item, values) -> the operand. Raises: ValidationException where the item has none."""

_CONDITION_FUNCTIONS: Final = frozenset(
    (
        "attribute_exists",
        "attribute_not_exists",
        "attribute_type",
        "begins_with",
        "contains",
        "size",
    )
)
_NO_ATTRIBUTE = "The provided expression refers to an attribute that does not exist in the item"
_WRONG_TYPE = "An operand in the update expression has an incorrect data type"
_UPDATE_OVERHEAD: Final = 3
_INVALID_PATH = "The document path provided in the update expression is invalid for update"


@dataclass(frozen=True, slots=True)
class Update:
    """A compiled update."""

    paths: tuple[Path, ...]
    attributes: tuple[str, ...]
    """The top-level attributes that it changes."""
    literals: tuple[tuple[str, str], ...]
    """Top-level attributes that get the value of a placeholder as it is, with that placeholder."""
    creates: bool
    """Whether it makes an item that is not there: one that only takes away does not."""
    overhead: int
    """What UpdateItem counts besides the attributes that it writes."""
    checks: tuple[Check, ...]
    apply: Callable[[Item, Item], None]
    """(item, values): changes the item. Raises: ValidationException, with the item changed by half."""


def compile_update(assignments: tuple[Assignment, ...], *, mismatch: str = _WRONG_TYPE) -> Update:
    """`mismatch`: what is said when an attribute's type does not go with the operand's.

    Raises: ValidationException for misused functions and operands.
    """
    compiler = _UpdateCompiler(mismatch)
    sets = [
        (assignment.path, compiler.operand(assignment.operand))
        for assignment in assignments
        if assignment.section == "SET" and assignment.operand is not None
    ]
    sets.sort(key=lambda entry: _list_order(entry[0]))
    removes = sorted(
        (assignment.path for assignment in assignments if assignment.section == "REMOVE"),
        key=_list_order,
        reverse=True,
    )
    merges = [
        (
            assignment.path,
            finder(assignment.path),
            _MERGES[assignment.section],
            compiler.merged(assignment),
        )
        for assignment in assignments
        if assignment.section in _MERGES
    ]

    def apply(item: Item, values: Item) -> None:
        results = [(path, get(item, values)) for path, get in sets]
        merged = [
            (path, merge(find(item), values[name], mismatch)) for path, find, merge, name in merges
        ]
        for path, value in results:
            _put(item, path, value)
        for path, value in merged:
            if value is None:
                _remove(item, path)
            else:
                _put(item, path, value)
        for path in removes:
            _remove(item, path)

    return Update(
        paths=tuple(assignment.path for assignment in assignments),
        attributes=tuple({str(assignment.path[0]): None for assignment in assignments}),
        literals=tuple(
            (str(assignment.path[0]), assignment.operand.name)
            for assignment in assignments
            if len(assignment.path) == 1
            and assignment.section in ("SET", "ADD")
            and isinstance(assignment.operand, ValueOperand)
        ),
        creates=any(assignment.section in ("SET", "ADD") for assignment in assignments),
        overhead=_UPDATE_OVERHEAD + sum(map(_overhead, assignments)),
        checks=tuple(compiler.checks),
        apply=apply,
    )


def _overhead(assignment: Assignment) -> int:
    if assignment.section in ("REMOVE", "DELETE"):
        return 2
    return 19 + isinstance(assignment.path[-1], int)


def _list_order(path: Path) -> tuple[tuple[bool, str | int], ...]:
    return tuple((isinstance(part, int), part) for part in path)


class _UpdateCompiler:
    def __init__(self, mismatch: str) -> None:
        self.checks: list[Check] = []
        self.mismatch = mismatch

    def merged(self, assignment: Assignment) -> str:
        """The placeholder of an ADD or DELETE, checked to be a number or set, or a set."""
        assert isinstance(assignment.operand, ValueOperand), assignment
        section, name = assignment.section, assignment.operand.name
        allowed = SETS | {"N"} if section == "ADD" else SETS

        def check(values: Item) -> None:
            kind = type_of(values[name])
            if kind not in allowed:
                raise _error(
                    "Incorrect operand type for operator or function; "
                    f"operator: {section}, operand type: {TYPE_NAMES[kind]}, "
                    f"typeSet: ALLOWED_FOR_{section}_OPERAND"
                )

        self.checks.append(check)
        return name

    def operand(self, operand: Operand) -> Get:
        match operand:
            case PathOperand(path):
                find = finder(path)

                def at_path(item: Item, values: Item) -> Value:
                    value = find(item)
                    if value is None:
                        raise invalid(_NO_ATTRIBUTE)
                    return _copy(value)

                return at_path
            case ValueOperand(name):
                return lambda item, values: values[name]
            case Arithmetic(operator, left, right):
                return self._arithmetic(operator, left, right)
            case Call():
                return self._function(operand)

    def _arithmetic(self, operator: str, left: Operand, right: Operand) -> Get:
        get_left, get_right = self.operand(left), self.operand(right)
        self._require_type(operator, (left, right), "N")
        calculate = numbers.add if operator == "+" else numbers.subtract

        def arithmetic(item: Item, values: Item) -> Value:
            one, two = get_left(item, values), get_right(item, values)
            if "N" not in one or "N" not in two:
                raise invalid(_WRONG_TYPE)
            return {"N": calculate(one["N"], two["N"])}

        return arithmetic

    def _function(self, call: Call) -> Get:
        if call.name in _CONDITION_FUNCTIONS:
            raise _error(
                f"The function is not allowed in an update expression; function: {call.name}"
            )
        if call.name not in ("if_not_exists", "list_append"):
            raise _error(f"Invalid function name; function: {call.name}")
        if len(call.operands) != 2:
            raise _error(
                "Incorrect number of operands for operator or function; "
                f"operator or function: {call.name}, number of operands: {len(call.operands)}"
            )
        first, second = call.operands
        if call.name == "if_not_exists":
            if not isinstance(first, PathOperand):
                raise _error(
                    "Operator or function requires a document path; "
                    f"operator or function: {call.name}"
                )
            find, otherwise = finder(first.path), self.operand(second)

            def if_not_exists(item: Item, values: Item) -> Value:
                value = find(item)
                return otherwise(item, values) if value is None else _copy(value)

            return if_not_exists
        get_first, get_second = self.operand(first), self.operand(second)
        self._require_type(call.name, (first, second), "L")

        def list_append(item: Item, values: Item) -> Value:
            one, two = get_first(item, values), get_second(item, values)
            if "L" not in one or "L" not in two:
                raise invalid(self.mismatch)
            return {"L": [*one["L"], *two["L"]]}

        return list_append

    def _require_type(self, operator: str, operands: tuple[Operand, ...], kind: str) -> None:
        for operand in operands:
            if isinstance(operand, ValueOperand):
                self.checks.append(_type_check(operator, operand.name, kind))


def _type_check(operator: str, name: str, kind: str) -> Check:
    def check(values: Item) -> None:
        found = type_of(values[name])
        if found != kind:
            raise _error(
                "Incorrect operand type for operator or function; "
                f"operator or function: {operator}, operand type: {found}"
            )

    return check


def _error(detail: str) -> ValidationException:
    return invalid(f"Invalid UpdateExpression: {detail}")


def _copy(value: Value) -> Value:
    """A value of its own, so that two places of an item never share a list or map."""
    return orjson.loads(orjson.dumps(value)) if "M" in value or "L" in value else value


# --- changing the item


def _parent(item: Item, path: Path) -> Value | None:
    value: Value | None = {"M": item}
    for part in path[:-1]:
        if value is None:
            return None
        value = step(value, part)
    return value


def _put(item: Item, path: Path, value: Value) -> None:
    """Raises: ValidationException when there is no map or list to put it into."""
    parent = _parent(item, path)
    part = path[-1]
    if parent is not None and isinstance(part, str) and "M" in parent:
        parent["M"][part] = value
    elif parent is not None and isinstance(part, int) and "L" in parent:
        elements = cast("list[Value]", parent["L"])
        if part < len(elements):
            elements[part] = value
        else:
            elements.append(value)
    else:
        raise invalid(_INVALID_PATH)


def _remove(item: Item, path: Path) -> None:
    """Remove what is there. Raises: ValidationException when there is no map or list above it."""
    parent = _parent(item, path)
    part = path[-1]
    if parent is not None and isinstance(part, str) and "M" in parent:
        parent["M"].pop(part, None)
    elif parent is not None and isinstance(part, int) and "L" in parent:
        elements = cast("list[Value]", parent["L"])
        if part < len(elements):
            del elements[part]
    else:
        raise invalid(_INVALID_PATH)


# --- ADD and DELETE: the new value, or None when the attribute goes


def _add(old: Value | None, operand: Value, mismatch: str) -> Value | None:
    if old is None:
        return operand
    kind = type_of(operand)
    if kind not in old:
        raise invalid(mismatch)
    if kind == "N":
        return {"N": numbers.add(old["N"], operand["N"])}
    return _set_of(kind, {*old[kind], *operand[kind]})


def _delete(old: Value | None, operand: Value, mismatch: str) -> Value | None:
    if old is None:
        return None
    kind = type_of(operand)
    if kind not in old:
        raise invalid(mismatch)
    left = set[str](old[kind]) - set(operand[kind])
    return _set_of(kind, left) if left else None


def _set_of(kind: str, members: set[str]) -> Value:
    """In canonical order: see `values.py`."""
    if kind == "NS":
        return {kind: sorted(members, key=Decimal)}
    if kind == "BS":
        return {kind: sorted(members, key=b64decode)}
    return {kind: sorted(members)}


_MERGES: Final[dict[str, Callable[[Value | None, Value, str], Value | None]]] = {
    "ADD": _add,
    "DELETE": _delete,
}
