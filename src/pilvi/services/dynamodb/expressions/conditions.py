"""Conditions and filters, compiled: a function of an item and the request's values to true or false.

AWS: Developer Guide, "Condition and filter expressions, operators, and functions".
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from pilvi.services.dynamodb.errors import ValidationException, invalid
from pilvi.services.dynamodb.expressions.nodes import (
    Arithmetic,
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
    path_text,
)
from pilvi.services.dynamodb.expressions.paths import finder
from pilvi.services.dynamodb.values import SETS, TYPES, Item, Value, type_of

Test = Callable[[Item, Item], bool]
"""(item, values) -> does it hold?"""
Get = Callable[[Item, Item], Value | None]
"""(item, values) -> the operand's value, None where the item has none."""
Check = Callable[[Item], None]
"""(values) -> None. Raises: ValidationException when a value has a type its operator cannot take."""

ORDERED: Final = frozenset(("S", "N", "B"))
_MEMBER_KINDS: Final = {"SS": "S", "NS": "N", "BS": "B"}
_BOOLEAN_FUNCTIONS: Final = {
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
}
_UPDATE_FUNCTIONS: Final = frozenset(("if_not_exists", "list_append"))


class ConditionCompiler:
    """Compiles one condition; gathers the checks that need the request's values."""

    def __init__(self, expression: str) -> None:
        self.expression = expression
        self.checks: list[Check] = []

    def compile(self, condition: Condition) -> Test:
        """Raises: ValidationException for misused functions and operands."""
        match condition:
            case Comparison(operator, left, right):
                return self._comparison(operator, left, right)
            case Between(operand, low, high):
                return self._between(operand, low, high)
            case In(operand, choices):
                return self._in(operand, choices)
            case Junction(operator, conditions):
                return _junction(operator, [self.compile(part) for part in conditions])
            case Not(inner):
                test = self.compile(inner)
                return lambda item, values: not test(item, values)
            case Call():
                return self._function(condition)

    # --- operators

    def _comparison(self, operator: str, left: Operand, right: Operand) -> Test:
        get_left, get_right = self.operand(left), self.operand(right)
        if left == right:
            raise self._not_distinct(operator, left)
        if operator == "=":
            return lambda item, values: (
                (value := get_left(item, values)) is not None and value == get_right(item, values)
            )
        if operator == "<>":

            def differs(item: Item, values: Item) -> bool:
                value = get_left(item, values)
                return value is None or value != get_right(item, values)

            return differs
        self._require_types(operator, (left, right), ORDERED)
        holds = _ORDERS[operator]

        def compare(item: Item, values: Item) -> bool:
            one, two = get_left(item, values), get_right(item, values)
            return one is not None and two is not None and holds(order(one, two))

        return compare

    def _between(self, operand: Operand, low: Operand, high: Operand) -> Test:
        get, get_low, get_high = self.operand(operand), self.operand(low), self.operand(high)
        self._require_types("BETWEEN", (operand, low, high), ORDERED)
        if isinstance(low, ValueOperand) and isinstance(high, ValueOperand):
            self.checks.append(_bounds_check(self.expression, low.name, high.name))

        def between(item: Item, values: Item) -> bool:
            value, least, most = get(item, values), get_low(item, values), get_high(item, values)
            if value is None or least is None or most is None:
                return False
            above, below = order(least, value), order(value, most)
            return above is not None and below is not None and above <= 0 and below <= 0

        return between

    def _in(self, operand: Operand, choices: tuple[Operand, ...]) -> Test:
        if operand in choices:
            raise self._not_distinct("IN", operand)
        get = self.operand(operand)
        get_choices = [self.operand(choice) for choice in choices]

        def is_in(item: Item, values: Item) -> bool:
            value = get(item, values)
            return value is not None and any(
                value == get_choice(item, values) for get_choice in get_choices
            )

        return is_in

    # --- functions

    def _function(self, call: Call) -> Test:
        count = _BOOLEAN_FUNCTIONS.get(call.name)
        if count is None:
            raise self._unusable(call)
        self._require_count(call, count)
        first = call.operands[0]
        if call.name in ("attribute_exists", "attribute_not_exists", "attribute_type"):
            self._require_path(call)
        get = self.operand(first)
        if call.name == "attribute_exists":
            return lambda item, values: get(item, values) is not None
        if call.name == "attribute_not_exists":
            return lambda item, values: get(item, values) is None
        second = call.operands[1]
        get_second = self.operand(second)
        if first == second:
            raise self._not_distinct(call.name, first)
        if call.name == "attribute_type":
            self._require_types(call.name, (second,), frozenset(("S",)))
            if not isinstance(second, ValueOperand):
                raise self._operand_type(call.name, "{a document path}")
            self.checks.append(_type_name_check(self.expression, second.name))
            type_name = second.name
            return lambda item, values: (
                (value := get(item, values)) is not None and values[type_name]["S"] in value
            )
        if call.name == "begins_with":
            self._require_types(call.name, (first, second), frozenset(("S", "B")))
            return lambda item, values: _begins(get(item, values), get_second(item, values))
        return lambda item, values: _contains(get(item, values), get_second(item, values))

    def operand(self, operand: Operand) -> Get:
        """Raises: ValidationException for a function that gives no value."""
        match operand:
            case PathOperand(path):
                find = finder(path)
                return lambda item, values: find(item)
            case ValueOperand(name):
                return lambda item, values: values[name]
            case Call():
                return self._size(operand)
            case Arithmetic():
                raise AssertionError("the grammar of conditions has no arithmetic")

    def _size(self, call: Call) -> Get:
        if call.name != "size":
            raise self._unusable(call)
        self._require_count(call, 1)
        operand = call.operands[0]
        get = self.operand(operand)
        self._require_types("size", (operand,), frozenset(TYPES) - {"N", "BOOL", "NULL"})
        return lambda item, values: _size_of(get(item, values))

    # --- what may be wrong

    def _require_count(self, call: Call, count: int) -> None:
        if len(call.operands) != count:
            raise self._error(
                "Incorrect number of operands for operator or function; "
                f"operator or function: {call.name}, number of operands: {len(call.operands)}"
            )

    def _require_path(self, call: Call) -> None:
        if not isinstance(call.operands[0], PathOperand):
            raise self._error(
                f"Operator or function requires a document path; operator or function: {call.name}"
            )

    def _require_types(
        self, operator: str, operands: tuple[Operand, ...], allowed: frozenset[str]
    ) -> None:
        """Check the placeholders among the operands, once the request's values are known."""
        for operand in operands:
            if isinstance(operand, ValueOperand):
                self.checks.append(self._type_check(operator, operand.name, allowed))
            elif isinstance(operand, Call) and "N" not in allowed:
                raise self._operand_type(operator, "N")

    def _type_check(self, operator: str, name: str, allowed: frozenset[str]) -> Check:
        def check(values: Item) -> None:
            kind = type_of(values[name])
            if kind not in allowed:
                raise self._operand_type(operator, kind)

        return check

    def _operand_type(self, operator: str, kind: str) -> ValidationException:
        return self._error(
            "Incorrect operand type for operator or function; "
            f"operator or function: {operator}, operand type: {kind}"
        )

    def _not_distinct(self, operator: str, operand: Operand) -> ValidationException:
        return self._error(
            "The first operand must be distinct from the remaining operands for this operator or "
            f"function; operator: {operator}, first operand: {_operand_text(operand)}"
        )

    def _unusable(self, call: Call) -> ValidationException:
        if call.name == "size" or call.name in _BOOLEAN_FUNCTIONS:
            detail = "The function is not allowed to be used this way in an expression"
        elif call.name in _UPDATE_FUNCTIONS:
            detail = "The function is not allowed in a condition expression"
        else:
            detail = "Invalid function name"
        return self._error(f"{detail}; function: {call.name}")

    def _error(self, detail: str) -> ValidationException:
        return _problem(self.expression, detail)


def _problem(expression: str, detail: str) -> ValidationException:
    """A condition of PartiQL has no expression's name, and says only what is wrong."""
    return invalid(f"Invalid {expression}: {detail}" if expression else detail)


def _operand_text(operand: Operand) -> str:
    match operand:
        case PathOperand(path):
            return path_text(path)
        case ValueOperand(name):
            return name
        case Call(name, operands):
            return f"{name}({', '.join(_operand_text(part) for part in operands)})"
        case Arithmetic(operator, left, right):
            return f"{_operand_text(left)} {operator} {_operand_text(right)}"


def _junction(operator: str, tests: list[Test]) -> Test:
    if len(tests) == 2:
        one, two = tests
        if operator == "AND":
            return lambda item, values: one(item, values) and two(item, values)
        return lambda item, values: one(item, values) or two(item, values)
    if operator == "AND":
        return lambda item, values: all(test(item, values) for test in tests)
    return lambda item, values: any(test(item, values) for test in tests)


def _bounds_check(expression: str, low: str, high: str) -> Check:
    def check(values: Item) -> None:
        least, most = values[low], values[high]
        ordered = order(least, most)
        if ordered is None:
            requires = "same data type for lower and upper bounds"
        elif ordered > 0:
            requires = "upper bound to be greater than or equal to lower bound"
        else:
            return
        raise _problem(
            expression,
            f"The BETWEEN operator requires {requires}; "
            f"lower bound operand: AttributeValue: {value_text(least)}, "
            f"upper bound operand: AttributeValue: {value_text(most)}",
        )

    return check


def value_text(value: Value) -> str:
    """As AWS's errors print a value: `{N:1}`."""
    kind = type_of(value)
    return f"{{{kind}:{value[kind]}}}"


def _type_name_check(expression: str, name: str) -> Check:
    def check(values: Item) -> None:
        wanted = values[name]["S"]
        if wanted not in TYPES:
            raise _problem(
                expression,
                "Invalid attribute type name found; "
                f"type: {wanted}, valid types: {{B,NULL,SS,BOOL,L,BS,N,NS,S,M}}",
            )

    return check


# --- what operators and functions mean


def order(one: Value, two: Value) -> int | None:
    """-1, 0 or 1 as `one` is less than, equal to or greater than `two`; None when they have no order.

    Strings by their UTF-8, numbers by value, binary by unsigned bytes; different types have no order.
    """
    kind = type_of(one)
    if kind not in ORDERED or kind not in two:
        return None
    left: Any = one[kind]
    right: Any = two[kind]
    if kind == "N":
        left, right = Decimal(left), Decimal(right)
    elif kind == "B":
        left, right = b64decode(left), b64decode(right)
    return (left > right) - (left < right)


_ORDERS: Final[Mapping[str, Callable[[int | None], bool]]] = {
    "<": lambda order: order is not None and order < 0,
    "<=": lambda order: order is not None and order <= 0,
    ">": lambda order: order is not None and order > 0,
    ">=": lambda order: order is not None and order >= 0,
}


def _begins(value: Value | None, start: Value | None) -> bool:
    if value is None or start is None:
        return False
    if "S" in value and "S" in start:
        return value["S"].startswith(start["S"])
    if "B" in value and "B" in start:
        return b64decode(value["B"]).startswith(b64decode(start["B"]))
    return False


def _contains(value: Value | None, part: Value | None) -> bool:
    if value is None or part is None:
        return False
    kind = type_of(value)
    if kind == "L":
        return part in value["L"]
    if kind in SETS:
        member_kind = _MEMBER_KINDS[kind]
        return member_kind in part and part[member_kind] in value[kind]
    if kind == "S":
        return "S" in part and part["S"] in value["S"]
    if kind == "B":
        return "B" in part and b64decode(part["B"]) in b64decode(value["B"])
    return False


def _size_of(value: Value | None) -> Value | None:
    if value is None:
        return None
    kind = type_of(value)
    if kind in ("N", "BOOL", "NULL"):
        return None
    inner = value[kind]
    return {"N": str(len(b64decode(inner)) if kind == "B" else len(inner))}
