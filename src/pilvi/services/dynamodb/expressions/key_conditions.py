"""Key conditions: which keys a Query reads. Only the shape; `queries.py` matches them with a table's keys.

AWS: Developer Guide, "Key condition expressions for the Query operation".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pilvi.services.dynamodb import limits
from pilvi.services.dynamodb.errors import ValidationException, invalid
from pilvi.services.dynamodb.expressions.nodes import (
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

KEY_OPERATORS: Final = frozenset(("=", "<", "<=", ">", ">=", "BETWEEN", "begins_with"))
_MIRRORED: Final = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True, slots=True)
class KeyCondition:
    """One key attribute's condition. `operator`: one of KEY_OPERATORS; of a legacy parameter, also its own name for an
    operator that no key takes."""

    attribute: str
    operator: str
    values: tuple[str, ...]
    """Placeholders: two for BETWEEN, else one."""


def refuse_other_number(conditions: int, most: int = limits.KEY_SCHEMA_MAX) -> None:
    """Raises: ValidationException for no condition on keys, or more than there can be."""
    if not 1 <= conditions <= most:
        raise invalid("Conditions can be of length 1 or 2 only")


def key_conditions(condition: Condition) -> tuple[KeyCondition, ...]:
    """Raises: ValidationException for anything that is no condition on a key."""
    found = tuple(_conditions(condition))
    attributes = [one.attribute for one in found]
    if len(set(attributes)) != len(attributes):
        raise invalid("KeyConditionExpressions must only contain one condition per key")
    return found


def _conditions(condition: Condition) -> Iterator[KeyCondition]:
    match condition:
        case Junction("AND", conditions):
            for part in conditions:
                yield from _conditions(part)
        case Comparison(operator, left, right) if operator != "<>":
            if isinstance(left, ValueOperand) and isinstance(right, PathOperand):
                left, right, operator = right, left, _MIRRORED[operator]
            yield _key_condition(operator, left, right)
        case Between(operand, low, high):
            yield _key_condition("BETWEEN", operand, low, high)
        case Call("begins_with", operands):
            if len(operands) != 2:
                raise invalid(
                    "Invalid KeyConditionExpression: Incorrect number of operands for operator or function; "
                    f"operator or function: begins_with, number of operands: {len(operands)}"
                )
            yield _key_condition("begins_with", *operands)
        case Junction(operator) | Comparison(operator):
            raise _unusable(operator)
        case In():
            raise _unusable("IN")
        case Not():
            raise _unusable("NOT")
        case Call(name):
            raise _unusable(name)


def _key_condition(operator: str, operand: Operand, *values: Operand) -> KeyCondition:
    for part in (operand, *values):
        if isinstance(part, Call):
            raise invalid("KeyConditionExpressions cannot contain nested operations")
    if not isinstance(operand, PathOperand):
        detail = "No key attribute specified"
        if operator in ("BETWEEN", "begins_with"):
            detail = f"{operator} operator must have the key attribute as its first operand"
        raise invalid(f"Invalid condition in KeyConditionExpression: {detail}")
    attribute, *below = operand.path
    if below:
        raise invalid("KeyConditionExpressions cannot have conditions on nested attributes")
    names = [value.name for value in values if isinstance(value, ValueOperand)]
    if len(names) != len(values):
        raise invalid(
            "Invalid condition in KeyConditionExpression: "
            "Multiple attribute names used in one condition"
        )
    return KeyCondition(str(attribute), operator, tuple(names))


def _unusable(operator: str) -> ValidationException:
    return invalid(f"Invalid operator used in KeyConditionExpression: {operator}")
