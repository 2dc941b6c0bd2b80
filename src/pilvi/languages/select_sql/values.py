"""Values while a query runs: None is SQL's NULL, MISSING what a record does not have, the rest what Python has for it.

Strings, bool, int (64 bits), Decimal (38 digits), float, Timestamp; lists and dictionaries inside JSON and Parquet.
"""

from __future__ import annotations

from decimal import Context, Decimal
from enum import Enum
from typing import Final

from pilvi.languages.select_sql.timestamps import Timestamp

INT_MAX = 2**63 - 1
INT_MIN = -(2**63)


class Missing(Enum):
    MISSING = "MISSING"

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing.MISSING
Value = object

DECIMALS = Context(prec=38)


def is_number(value: Value) -> bool:
    return isinstance(value, int | Decimal | float) and not isinstance(value, bool)


def kind_of(value: Value) -> str:
    """Values of different kinds are never equal, and neither is before the other."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | Decimal | float):
        return "number"
    if isinstance(value, str):
        return "string"
    if isinstance(value, Timestamp):
        return "timestamp"
    if isinstance(value, list):
        return "list"
    return "struct"


def number_text(value: int | Decimal | float) -> str:
    return str(value) if not isinstance(value, float) else repr(value)
