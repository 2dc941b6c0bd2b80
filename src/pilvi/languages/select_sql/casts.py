"""From one type to another.

AWS: S3 User Guide, "CAST", "Data types". What a string must look like is not documented there: numbers as SQL writes
them, spaces around them allowed; `true` and `false` in any case.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation, Overflow

from pilvi.languages.select_sql.problems import SelectProblem
from pilvi.languages.select_sql.timestamps import Timestamp
from pilvi.languages.select_sql.values import (
    DECIMALS,
    INT_MAX,
    INT_MIN,
    MISSING,
    Value,
    number_text,
)

_NUMBER = re.compile(r"\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\s*", re.ASCII)
_INT = re.compile(r"\s*[+-]?\d+\s*", re.ASCII)
_INT_DIGITS_MAX = 4000


def number_in(text: str) -> int | Decimal | None:
    """The number that a text is; None where it is none."""
    if _INT.fullmatch(text):
        if len(text) > _INT_DIGITS_MAX:
            return None
        return int(text)
    if not _NUMBER.fullmatch(text):
        return None
    try:
        return Decimal(text.strip())
    except InvalidOperation:
        return None


def checked_int(number: int) -> int:
    """Raises: SelectProblem for what does not fit into 64 bits."""
    if not INT_MIN <= number <= INT_MAX:
        raise SelectProblem("IntegerOverflow")
    return number


def _failed() -> SelectProblem:
    return SelectProblem("CastFailed")


def _to_bool(value: Value) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | Decimal | float):
        return value != 0
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    raise _failed()


def _to_int(value: Value) -> int:
    if isinstance(value, str):
        if _INT.fullmatch(value) is None or len(value) > _INT_DIGITS_MAX:
            raise _failed()
        return checked_int(int(value))
    if isinstance(value, Decimal):
        if value.adjusted() > 30:
            raise SelectProblem("IntegerOverflow")
        return checked_int(int(value))
    if isinstance(value, bool | int | float):
        return checked_int(int(value))
    raise _failed()


def _to_float(value: Value) -> float:
    if isinstance(value, str):
        if _NUMBER.fullmatch(value) is None:
            raise _failed()
        number = float(value)
        if not math.isfinite(number):
            raise _failed()
        return number
    if not isinstance(value, bool | int | Decimal | float):
        raise _failed()
    try:
        number = float(value)
    except OverflowError:
        raise _failed() from None
    if not math.isfinite(number):
        raise _failed()
    return number


def _to_decimal(value: Value) -> Decimal:
    if isinstance(value, str):
        found = number_in(value)
        if found is None:
            raise _failed()
        value = found
    if isinstance(value, float):
        value = Decimal(repr(value))
    if not isinstance(value, bool | int | Decimal):
        raise _failed()
    try:
        return DECIMALS.plus(Decimal(value))
    except (InvalidOperation, Overflow):
        raise _failed() from None


def _to_string(value: Value) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal | float):
        return number_text(value)
    if isinstance(value, Timestamp):
        return str(value)
    raise _failed()


def _to_timestamp(value: Value) -> Timestamp:
    if isinstance(value, Timestamp):
        return value
    found = Timestamp.read(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise _failed()
    return found


_CASTS: dict[str, Callable[[Value], Value]] = {
    "bool": _to_bool,
    "int": _to_int,
    "float": _to_float,
    "decimal": _to_decimal,
    "string": _to_string,
    "timestamp": _to_timestamp,
}


def cast_to(kind: str) -> Callable[[Value], Value]:
    """NULL and MISSING stay what they are. The function raises: SelectProblem."""
    convert = _CASTS[kind]

    def cast(value: Value) -> Value:
        if value is None or value is MISSING:
            return value
        return convert(value)

    return cast


def type_of_number(value: Value) -> str | None:
    """int, float or decimal; None for what is no number."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return "int"
    if isinstance(value, float):
        return "float"
    return "decimal" if isinstance(value, Decimal) else None
