"""Legacy parameters: conditions and updates by attribute, from before there were expressions. They become the same
programs that expressions become, with placeholders of their own.

`Expected`, `QueryFilter`, `ScanFilter`, `KeyConditions`, `AttributeUpdates`, `AttributesToGet`, `ConditionalOperator`.
AWS: Developer Guide, "Legacy conditional parameters".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from pilvi.services.dynamodb import limits
from pilvi.services.dynamodb.errors import invalid, invalid_values
from pilvi.services.dynamodb.expressions.conditions import ConditionCompiler, Test, order
from pilvi.services.dynamodb.expressions.key_conditions import KeyCondition, refuse_other_number
from pilvi.services.dynamodb.expressions.nodes import (
    Assignment,
    Between,
    Call,
    Comparison,
    Condition,
    In,
    Junction,
    Not,
    Operand,
    PathOperand,
    ValueOperand,
)
from pilvi.services.dynamodb.expressions.programs import Program
from pilvi.services.dynamodb.expressions.projections import Project, compile_projection
from pilvi.services.dynamodb.expressions.updates import Update, compile_update
from pilvi.services.dynamodb.values import SETS, Item, Value, measure, type_of

_SCALARS: Final = frozenset(("S", "N", "B"))
_COUNTS: Final = {"NULL": (0, 0), "NOT_NULL": (0, 0), "BETWEEN": (2, 2), "IN": (1, None)}
_ONE: Final = (1, 1)
_TAKEN: Final = {
    **dict.fromkeys(
        ("LE", "LT", "GE", "GT", "CONTAINS", "NOT_CONTAINS", "IN", "BETWEEN"), _SCALARS
    ),
    "BEGINS_WITH": frozenset(("S", "B")),
}
"""The types of the arguments that an operator takes; operators that are not here take all."""
_COMPARATORS: Final = {"EQ": "=", "NE": "<>", "LE": "<=", "LT": "<", "GE": ">=", "GT": ">"}
_KEY_OPERATORS: Final = {
    **{name: sign for name, sign in _COMPARATORS.items() if name != "NE"},
    "BETWEEN": "BETWEEN",
    "BEGINS_WITH": "begins_with",
}

Asked = tuple[tuple[str, str, tuple[str, ...]], ...]
"""Of each attribute, the operator and the placeholders of its arguments."""


def refuse_mixing(
    req: Mapping[str, Any], legacy: Sequence[str], expressions: Sequence[str]
) -> bool:
    """Whether the request has any of the `legacy` parameters.

    Raises: ValidationException for a request that speaks both ways.
    """
    old = [name for name in legacy if name in req]
    if not old:
        return False
    new = [name for name in expressions if name in req]
    mixed = old
    if "KeyConditions" in old and "KeyConditionExpression" not in new:
        mixed = [name for name in old if name != "KeyConditions"]
    if new and mixed:
        raise invalid(
            "Can not use both expression and non-expression parameters in the same request: "
            f"Non-expression parameters: {{{', '.join(mixed)}}} "
            f"Expression parameters: {{{', '.join(new)}}}"
        )
    return True


# --- conditions


def expected(req: Mapping[str, Any]) -> tuple[Program[Test] | None, Item]:
    """The condition in `Expected`, and its values. Raises: ValidationException."""
    given: Mapping[str, Any] = req.get("Expected") or {}
    _check_operator(req, given)
    values: Item = {}
    asked = tuple(
        (attribute, *_expectation(attribute, condition, values))
        for attribute, condition in given.items()
    )
    return _condition(asked, req.get("ConditionalOperator", "AND")), values


def filtered(req: Mapping[str, Any], member: str) -> tuple[Program[Test] | None, Item]:
    """The filter in `member` (QueryFilter, ScanFilter), and its values. Raises: ValidationException."""
    given: Mapping[str, Any] = req.get(member) or {}
    _check_operator(req, given)
    values: Item = {}
    asked = _asked(given, values)
    return _condition(asked, req.get("ConditionalOperator", "AND")), values


def key_conditions(given: Mapping[str, Any], most: int) -> tuple[tuple[KeyCondition, ...], Item]:
    """`KeyConditions`, of which there are at `most` so many, and their values. Raises: ValidationException.

    An operator that no key takes stays as it is, since the table's keys are looked at before it is.
    """
    values: Item = {}
    asked = _asked(given, values)
    refuse_other_number(len(asked), most)
    conditions = tuple(
        KeyCondition(attribute, _KEY_OPERATORS.get(operator, operator), names)
        for attribute, operator, names in asked
    )
    return conditions, values


def _check_operator(req: Mapping[str, Any], conditions: Mapping[str, Any]) -> None:
    if "ConditionalOperator" not in req:
        return
    if not conditions:
        raise invalid("ConditionalOperator cannot be used without Filter or Expected")
    if len(conditions) == 1:
        raise invalid(
            "ConditionalOperator can only be used when Filter or Expected has two or more elements"
        )


def _asked(given: Mapping[str, Any], values: Item) -> Asked:
    return tuple(
        (
            attribute,
            condition["ComparisonOperator"],
            _arguments(
                condition["ComparisonOperator"], condition.get("AttributeValueList") or (), values
            ),
        )
        for attribute, condition in given.items()
    )


def _expectation(
    attribute: str, condition: Mapping[str, Any], values: Item
) -> tuple[str, tuple[str, ...]]:
    operator: str | None = condition.get("ComparisonOperator")
    exists: bool | None = condition.get("Exists")
    value: Value | None = condition.get("Value")
    listed: Sequence[Value] | None = condition.get("AttributeValueList")
    if listed is not None and value is not None:
        raise invalid_values(
            f"Value and AttributeValueList cannot be used together for Attribute: {attribute}"
        )
    if operator is not None:
        if exists is not None:
            raise invalid_values(
                f"Exists and ComparisonOperator cannot be used together for Attribute: {attribute}"
            )
        if listed is None and value is None and operator not in ("NULL", "NOT_NULL"):
            raise invalid_values(
                "Value or AttributeValueList must be used with ComparisonOperator: "
                f"{operator} for Attribute: {attribute}"
            )
        arguments = [value] if value is not None else listed or ()
        return operator, _arguments(operator, arguments, values)
    if listed is not None:
        raise invalid_values(
            f"AttributeValueList can only be used with a ComparisonOperator for Attribute: {attribute}"
        )
    if exists is False:
        if value is not None:
            raise invalid_values(
                f"Value cannot be used when Exists is false for Attribute: {attribute}"
            )
        return "NULL", ()
    if value is None:
        told = "null" if exists is None else "true"
        raise invalid_values(
            f"Value must be provided when Exists is {told} for Attribute: {attribute}"
        )
    return "EQ", _arguments("EQ", [value], values)


def _arguments(operator: str, arguments: Sequence[Value], values: Item) -> tuple[str, ...]:
    """Check the arguments of an operator, and name them. Raises: ValidationException."""
    for argument in arguments:
        measure(argument)
    least, most = _COUNTS.get(operator, _ONE)
    if len(arguments) < least or (most is not None and len(arguments) > most):
        raise invalid_values(f"Invalid number of argument(s) for the {operator} ComparisonOperator")
    kinds = [type_of(argument) for argument in arguments]
    if len(set(kinds)) > 1:
        raise invalid_values("AttributeValues inside AttributeValueList must be of same type")
    taken = _TAKEN.get(operator)
    if taken is not None and kinds[0] not in taken:
        raise invalid_values(
            f"ComparisonOperator {operator} is not valid for {kinds[0]} AttributeValue type"
        )
    if operator == "BETWEEN" and (order(arguments[0], arguments[1]) or 0) > 0:
        raise invalid(
            "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound"
        )
    names: list[str] = []
    for argument in arguments:
        name = f":c{len(values)}"
        values[name] = argument
        names.append(name)
    return tuple(names)


def _condition(asked: Asked, operator: str) -> Program[Test] | None:
    if not asked:
        return None
    if len(asked) > limits.LEGACY_CONDITIONS_CACHED:
        return _compiled.__wrapped__(asked, operator)
    return _compiled(asked, operator)


@lru_cache(limits.PROGRAMS_CACHED)
def _compiled(asked: Asked, operator: str) -> Program[Test]:
    conditions = tuple(_node(*one) for one in asked)
    condition = conditions[0] if len(conditions) == 1 else Junction(operator, conditions)
    return Program(
        expression="",
        run=ConditionCompiler("").compile(condition),
        names_used=frozenset(),
        values_used=(),
        attributes=frozenset(attribute for attribute, _, _ in asked),
    )


def _node(attribute: str, operator: str, names: tuple[str, ...]) -> Condition:
    path: Operand = PathOperand((attribute,))
    values: tuple[Operand, ...] = tuple(map(ValueOperand, names))
    match operator:
        case "NOT_NULL":
            return Call("attribute_exists", (path,))
        case "NULL":
            return Call("attribute_not_exists", (path,))
        case "CONTAINS":
            return Call("contains", (path, *values))
        case "NOT_CONTAINS":  # of an attribute that is not there, neither holds
            exists = Call("attribute_exists", (path,))
            return Junction("AND", (exists, Not(Call("contains", (path, *values)))))
        case "BEGINS_WITH":
            return Call("begins_with", (path, *values))
        case "IN":
            return In(path, values)
        case "BETWEEN":
            return Between(path, *values)
        case _:
            return Comparison(_COMPARATORS[operator], path, *values)


# --- updates


def attribute_updates(given: Mapping[str, Any]) -> tuple[Program[Update] | None, Item]:
    """`AttributeUpdates` as an update, and its values. Raises: ValidationException."""
    values: Item = {}
    actions: list[tuple[str, str, str | None]] = []
    for attribute, change in given.items():
        action: str = change.get("Action", "PUT")
        value: Value | None = change.get("Value")
        name = None
        if value is None:
            if action != "DELETE":
                raise invalid_values(
                    "Only DELETE action is allowed when no attribute value is specified"
                )
        else:
            measure(value)
            _check_action(action, type_of(value))
            name = f":u{len(values)}"
            values[name] = value
        actions.append((attribute, _section(action, value), name))
    if not actions:
        return None, values
    values[_EMPTY_LIST] = {"L": []}
    asked = tuple(actions)
    if len(asked) > limits.LEGACY_CONDITIONS_CACHED:
        return _compiled_update.__wrapped__(asked), values
    return _compiled_update(asked), values


_EMPTY_LIST: Final = ":none"


def _check_action(action: str, kind: str) -> None:
    if action == "DELETE" and kind not in SETS:
        raise invalid_values(f"DELETE action with value is not supported for the type {kind}")
    if action == "ADD" and kind not in SETS and kind not in ("N", "L"):
        raise invalid_values(f"ADD action is not supported for the type {kind}")


def _section(action: str, value: Value | None) -> str:
    if action == "PUT":
        return "SET"
    if action == "DELETE":
        return "REMOVE" if value is None else "DELETE"
    return "APPEND" if value is not None and type_of(value) == "L" else "ADD"


@lru_cache(limits.PROGRAMS_CACHED)
def _compiled_update(actions: tuple[tuple[str, str, str | None], ...]) -> Program[Update]:
    update = compile_update(
        tuple(_assignment(*action) for action in actions),
        mismatch="Type mismatch for attribute to update",
    )
    return Program(
        expression="",
        run=update,
        names_used=frozenset(),
        values_used=(),
        attributes=frozenset(attribute for attribute, _, _ in actions),
    )


def _assignment(attribute: str, section: str, name: str | None) -> Assignment:
    if name is None:
        return Assignment("REMOVE", (attribute,), None)
    value: Operand = ValueOperand(name)
    if section == "APPEND":
        path = PathOperand((attribute,))
        old = Call("if_not_exists", (path, ValueOperand(_EMPTY_LIST)))
        return Assignment("SET", (attribute,), Call("list_append", (old, value)))
    return Assignment(section, (attribute,), value)


# --- projections


def attributes_to_get(names: Sequence[str]) -> Program[Project]:
    """Raises: ValidationException for a name that is there twice."""
    asked = tuple(names)
    if len(set(asked)) != len(asked):
        twice = next(name for at, name in enumerate(asked) if name in asked[:at])
        raise invalid_values(f"Duplicate value in attribute name: {twice}")
    if len(asked) > limits.LEGACY_CONDITIONS_CACHED:
        return _compiled_projection.__wrapped__(asked)
    return _compiled_projection(asked)


@lru_cache(limits.PROGRAMS_CACHED)
def _compiled_projection(names: tuple[str, ...]) -> Program[Project]:
    return Program(
        expression="",
        run=compile_projection((name,) for name in names),
        names_used=frozenset(),
        values_used=(),
        attributes=frozenset(names),
    )
