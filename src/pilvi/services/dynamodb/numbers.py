"""Numbers as DynamoDB keeps them: decimals of up to 38 digits, written one way only.

The canonical text has no exponent, no plus sign, no leading or trailing zeros ("1.0" -> "1"), so equal numbers
are equal texts. AWS: Developer Guide, "Supported data types and naming rules", Number.
"""

from __future__ import annotations

import re
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, Inexact, localcontext

from pilvi.services.dynamodb import limits
from pilvi.services.dynamodb.errors import ValidationException, invalid

_CANONICAL = re.compile(r"-?(?:[1-9][0-9]*(?:\.[0-9]*[1-9])?|0\.[0-9]*[1-9])|0").fullmatch
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?").fullmatch
_EXACT = Context(prec=1000, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])
_CALCULATION = Context(prec=2 * limits.NUMBER_EXPONENT_MAX + 20, traps=[Inexact])


def canonical(text: str) -> str:
    """Raises: ValidationException for no number, or one out of range or with too many digits."""
    if len(text) <= limits.NUMBER_DIGITS_MAX and _CANONICAL(text):
        return text
    if not text:
        raise invalid("The parameter cannot be converted to a numeric value")
    if len(text) > limits.NUMBER_TEXT_MAX or not _NUMBER(text):
        raise invalid(
            f"The parameter cannot be converted to a numeric value: {text[: limits.NUMBER_TEXT_MAX]}"
        )
    return from_decimal(Decimal(text, _EXACT))


def from_decimal(number: Decimal) -> str:
    """The canonical text. Raises: ValidationException as `canonical` does."""
    if not number:
        return "0"
    exponent = number.adjusted()
    if exponent > limits.NUMBER_EXPONENT_MAX:
        raise _out_of_range("overflow", "larger")
    if exponent < limits.NUMBER_EXPONENT_MIN:
        raise _out_of_range("underflow", "smaller")
    number = number.normalize(_EXACT)
    if len(number.as_tuple().digits) > limits.NUMBER_DIGITS_MAX:
        raise invalid("Attempting to store more than 38 significant digits in a Number")
    return format(number, "f")


def _out_of_range(what: str, than: str) -> ValidationException:
    return invalid(
        f"Number {what}. Attempting to store a number with magnitude {than} than supported range"
    )


def size(text: str) -> int:
    """Bytes that a canonical number counts: one for every two digits, one more, one for a minus.

    AWS: Developer Guide, "DynamoDB item sizes and formats".
    """
    digits = len(text.replace(".", "").strip("-0"))
    return (digits + 1) // 2 + 1 + (text[0] == "-")


def add(left: str, right: str) -> str:
    """Raises: ValidationException when the sum is out of range or has too many digits."""
    with localcontext(_CALCULATION):
        return from_decimal(Decimal(left) + Decimal(right))


def subtract(left: str, right: str) -> str:
    """Raises: ValidationException as `add` does."""
    with localcontext(_CALCULATION):
        return from_decimal(Decimal(left) - Decimal(right))
