"""What operators do with values of any kinds: NULL and MISSING pass through, kinds do not mix."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation, Overflow
from functools import lru_cache
from typing import Any, cast

from pilvi.languages.select_sql.casts import checked_int
from pilvi.languages.select_sql.problems import SelectProblem
from pilvi.languages.select_sql.values import DECIMALS, MISSING, Value, is_number, kind_of

Binary = Callable[[Value, Value], Value]

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def unknown(*values: Value) -> Value:
    """What an operation on these gives when one of them is MISSING or NULL."""
    return MISSING if any(value is MISSING for value in values) else None


def comparing(sign: str) -> Binary:
    """`=` of values of different kinds is false; the order of such values, and of lists, is unknown."""
    compare = _ORDER[sign]
    equality = sign in ("=", "<>")

    def compared(left: Value, right: Value) -> Value:
        if left.__class__ is str and right.__class__ is str:
            return compare(left, right)
        if left is None or right is None or left is MISSING or right is MISSING:
            return unknown(left, right)
        kind = kind_of(left)
        if kind != kind_of(right):
            return sign == "<>" if equality else None
        if kind == "number":
            return compare(*_alike(left, right))
        if kind in ("list", "struct") and not equality:
            return None
        return compare(left, right)

    return compared


def _alike(left: Value, right: Value) -> tuple[Any, Any]:
    """A float beside an exact number makes that a float, so that CAST(x AS FLOAT) = 0.1 means what it looks like."""
    if isinstance(left, float) is not isinstance(right, float):
        try:
            return float(cast("Any", left)), float(cast("Any", right))
        except OverflowError:
            pass
    return left, right


equals = comparing("=")


def among(value: Value, items: Sequence[Value]) -> Value:
    """IN: true where one is equal, unknown where one might be."""
    if value is None or value is MISSING:
        return None
    certain = True
    for item in items:
        found = equals(value, item)
        if found is True:
            return True
        certain = certain and found is False
    return False if certain else None


# --- numbers


def _divide_ints(left: int, right: int) -> int:
    whole = abs(left) // abs(right)
    return whole if (left < 0) == (right < 0) else -whole


_INTS: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide_ints,
    "%": lambda left, right: left - right * _divide_ints(left, right),
}
_DECIMALS: dict[str, Callable[[Decimal, Decimal], Decimal]] = {
    "+": DECIMALS.add,
    "-": DECIMALS.subtract,
    "*": DECIMALS.multiply,
    "/": DECIMALS.divide,
    "%": DECIMALS.remainder,
}
_FLOATS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda left, right: left / right,
    "%": math.fmod,
}


def calculating(sign: str) -> Binary:
    """Raises: SelectProblem for what are no numbers, for overflow, for division by zero."""
    ints, decimals, floats = _INTS[sign], _DECIMALS[sign], _FLOATS[sign]

    def calculated(left: Value, right: Value) -> Value:
        if left is None or right is None or left is MISSING or right is MISSING:
            return unknown(left, right)
        if not (is_number(left) and is_number(right)):
            raise SelectProblem("IncorrectSqlFunctionArgumentType")
        if not right and sign in ("/", "%"):
            raise SelectProblem("ExternalEvalException")
        try:
            if isinstance(left, float) or isinstance(right, float):
                return floats(float(cast("Any", left)), float(cast("Any", right)))
            if isinstance(left, int) and isinstance(right, int):
                return checked_int(ints(left, right))
            return decimals(Decimal(cast("Any", left)), Decimal(cast("Any", right)))
        except (InvalidOperation, Overflow, OverflowError, ValueError):
            raise SelectProblem("IntegerOverflow") from None

    return calculated


def joined(left: Value, right: Value) -> Value:
    """`||`."""
    if left is None or right is None or left is MISSING or right is MISSING:
        return unknown(left, right)
    if isinstance(left, str) and isinstance(right, str):
        return left + right
    raise SelectProblem("IncorrectSqlFunctionArgumentType")


def negative(value: Value) -> Value:
    if value is None or value is MISSING:
        return value
    if not is_number(value):
        raise SelectProblem("IncorrectSqlFunctionArgumentType")
    number = cast("int | Decimal | float", value)
    return checked_int(-number) if isinstance(number, int) else -number


# --- LIKE


@lru_cache(maxsize=64)
def pattern(text: str, escape: str | None) -> Callable[[str], bool]:
    """Matches in time linear in both, whatever the pattern. Raises: SelectProblem."""
    segments: list[list[str]] = [[]]
    at = 0
    while at < len(text):
        character = text[at]
        if character == escape:
            at += 1
            if at == len(text) or text[at] not in ("%", "_", escape):
                raise SelectProblem("EvaluatorLikePatternInvalidEscapeSequence")
            segments[-1].append(re.escape(text[at]))
        elif character == "%":
            segments.append([])
        else:
            segments[-1].append("." if character == "_" else re.escape(character))
        at += 1
    compiled = [(re.compile("".join(parts), re.DOTALL), len(parts)) for parts in segments]
    (first, _), (last, tail) = compiled[0], compiled[-1]
    if len(compiled) == 1:
        return lambda value: first.fullmatch(value) is not None
    between = [one for one, length in compiled[1:-1] if length]

    def matches(value: str) -> bool:
        begun = first.match(value)
        if begun is None:
            return False
        position = begun.end()
        for segment in between:
            found = segment.search(value, position)
            if found is None:
                return False
            position = found.end()
        start = len(value) - tail
        return start >= position and last.fullmatch(value, start) is not None

    return matches


def like(value: Value, wanted: Value, escape: Value = "") -> Value:
    """`escape`: "" for none. Raises: SelectProblem."""
    if (
        value is None
        or value is MISSING
        or wanted is None
        or wanted is MISSING
        or escape is None
        or escape is MISSING
    ):
        return unknown(value, wanted, escape)
    if not (isinstance(value, str) and isinstance(wanted, str) and isinstance(escape, str)):
        raise SelectProblem("LikeInvalidInputs")
    return pattern(wanted, escape or None)(value)
