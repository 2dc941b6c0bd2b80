"""The functions that a query may call, on values. What they raise: SelectProblem.

AWS: S3 User Guide, "String functions", "Date functions", "Conditional functions" of S3 Select.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import cast

from pilvi.languages.select_sql import timestamp_patterns
from pilvi.languages.select_sql.operators import equals
from pilvi.languages.select_sql.problems import SelectProblem
from pilvi.languages.select_sql.timestamps import Timestamp
from pilvi.languages.select_sql.values import MISSING, Value

Function = Callable[..., Value]


def _wrong_type() -> SelectProblem:
    return SelectProblem("IncorrectSqlFunctionArgumentType")


def _text(value: Value) -> str:
    if not isinstance(value, str):
        raise _wrong_type()
    return value


def _whole(value: Value) -> int:
    if isinstance(value, bool):
        raise _wrong_type()
    if isinstance(value, int):
        return value
    if isinstance(value, Decimal) and value.adjusted() < 30 and value == int(value):
        return int(value)
    raise _wrong_type()


def _stamp(value: Value) -> Timestamp:
    if not isinstance(value, Timestamp):
        raise _wrong_type()
    return value


def _char_length(value: Value) -> int:
    return len(_text(value))


def _lower(value: Value) -> str:
    return _text(value).lower()


def _upper(value: Value) -> str:
    return _text(value).upper()


def _substring(value: Value, start: Value, length: Value = None) -> str:
    """The first character has number 1; what lies before it counts as length, but gives nothing."""
    text, first = _text(value), _whole(start) - 1
    if length is None:
        return text[max(first, 0) :]
    count = _whole(length)
    if count < 0:
        raise SelectProblem("IllegalSqlFunctionArgument")
    return text[max(first, 0) : max(first + count, 0)]


def _trimming(side: str) -> Function:
    strip = {"leading": str.lstrip, "trailing": str.rstrip, "both": str.strip}[side]

    def trim(value: Value, characters: Value) -> str:
        return strip(_text(value), _text(characters))

    return trim


def _date_adding(part: str) -> Function:
    def date_add(quantity: Value, stamp: Value) -> Timestamp:
        found = _stamp(stamp).add(part, _whole(quantity))
        if found is None:
            raise SelectProblem("IllegalSqlFunctionArgument")
        return found

    return date_add


def _date_difference(part: str) -> Function:
    def date_diff(first: Value, last: Value) -> int:
        return _stamp(first).until(_stamp(last), part)

    return date_diff


def _extracting(part: str) -> Function:
    def extract(stamp: Value) -> Value:
        return _stamp(stamp).part(part)

    return extract


def _to_string(stamp: Value, pattern: Value) -> str:
    return timestamp_patterns.writer(_text(pattern))(_stamp(stamp))


def _to_timestamp(text: Value, pattern: Value = "") -> Timestamp:
    """Without a pattern: as Ion writes it."""
    wanted = _text(pattern)
    found = (
        timestamp_patterns.reader(wanted)(_text(text)) if wanted else Timestamp.read(_text(text))
    )
    if found is None:
        raise SelectProblem("ValueParseFailure")
    return found


_FUNCTIONS: dict[str, Function] = {
    "char_length": _char_length,
    "character_length": _char_length,
    "lower": _lower,
    "upper": _upper,
    "substring": _substring,
    "to_string": _to_string,
    "to_timestamp": _to_timestamp,
}
_OF_A_PART: dict[str, Callable[[str], Function]] = {
    "trim": _trimming,
    "date_add": _date_adding,
    "date_diff": _date_difference,
    "extract": _extracting,
}


def strict(name: str, part: str) -> Function:
    """A function that gives NULL where an argument is NULL, and MISSING where one is MISSING."""
    function = _OF_A_PART[name](part) if name in _OF_A_PART else _FUNCTIONS[name]

    def called(*arguments: Value) -> Value:
        for argument in arguments:
            if argument is None or argument is MISSING:
                return MISSING if any(one is MISSING for one in arguments) else None
        return function(*arguments)

    return called


def coalesce(*arguments: Value) -> Value:
    for argument in arguments:
        if argument is not None and argument is not MISSING:
            return argument
    return None


def nullif(first: Value, second: Value) -> Value:
    if first is MISSING:
        return None
    return None if cast("bool | None", equals(first, second)) is True else first
