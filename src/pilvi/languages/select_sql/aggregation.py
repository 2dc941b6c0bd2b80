"""COUNT, SUM, AVG, MIN, MAX over the rows that passed. What is NULL or MISSING counts for none of them.

AWS: S3 User Guide, "Aggregate functions" of S3 Select.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Protocol, cast

from pilvi.languages.select_sql.casts import checked_int
from pilvi.languages.select_sql.operators import calculating, comparing
from pilvi.languages.select_sql.problems import SelectProblem
from pilvi.languages.select_sql.timestamps import Timestamp
from pilvi.languages.select_sql.values import DECIMALS, Value, is_number

_add, _divide = calculating("+"), calculating("/")


class Accumulator(Protocol):
    def add(self, value: Value) -> None:
        """`value`: neither NULL nor MISSING. Raises: SelectProblem."""
        ...

    def result(self) -> Value: ...


class _Count:
    def __init__(self) -> None:
        self._count = 0

    def add(self, value: Value) -> None:
        self._count += 1

    def result(self) -> Value:
        return self._count


class _Sum:
    def __init__(self) -> None:
        self._whole = 0
        self._rest: Value = None
        self._count = 0

    def add(self, value: Value) -> None:
        self._count += 1
        if type(value) is int:
            self._whole += value
        elif is_number(value):
            self._rest = value if self._rest is None else _add(self._rest, value)
        else:
            raise SelectProblem("IncorrectSqlFunctionArgumentType")

    def _total(self) -> Value:
        if self._rest is None:
            return self._whole
        if isinstance(self._rest, float):
            return self._rest + self._whole
        return DECIMALS.add(cast("Decimal", self._rest), Decimal(self._whole))

    def result(self) -> Value:
        if not self._count:
            return None
        total = self._total()
        return checked_int(total) if isinstance(total, int) else total


class _Average(_Sum):
    def result(self) -> Value:
        if not self._count:
            return None
        total = self._total()
        if isinstance(total, int):
            total = Decimal(total)
        return _divide(total, self._count)


class _Extreme:
    def __init__(self, sign: str) -> None:
        self._replaces = comparing(sign)
        self._found: Value = None

    def add(self, value: Value) -> None:
        if not (is_number(value) or isinstance(value, Timestamp)):
            raise SelectProblem("IncorrectSqlFunctionArgumentType")
        if self._found is None or self._replaces(value, self._found) is True:
            self._found = value

    def result(self) -> Value:
        return self._found


ACCUMULATORS: dict[str, Callable[[], Accumulator]] = {
    "count": _Count,
    "sum": _Sum,
    "avg": _Average,
    "min": lambda: _Extreme("<"),
    "max": lambda: _Extreme(">"),
}
