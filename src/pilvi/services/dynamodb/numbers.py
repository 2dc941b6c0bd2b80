"""Numbers as DynamoDB keeps them: decimals of up to 38 digits, written one way only.

The canonical text has no exponent, no plus sign, no leading or trailing zeros ("1.0" -> "1"), so equal numbers
are equal texts. AWS: Developer Guide, "Supported data types and naming rules", Number.
"""

from __future__ import annotations

import re
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, Inexact

from pilvi.services.dynamodb import limits
from pilvi.services.dynamodb.errors import ValidationException, invalid

_CANONICAL = re.compile(r"-?(?:[1-9][0-9]*(?:\.[0-9]*[1-9])?|0\.[0-9]*[1-9])|0").fullmatch
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?").fullmatch
_EXPONENT_DIGITS = 8
"""With its sign. `Decimal` takes longer ones, but not any."""
_SHORT = 18
"""Digits of a plain whole number, which most numbers are."""
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
    return from_decimal(_decimal(text))


def _decimal(text: str) -> Decimal:
    """Raises: ValidationException for an exponent that is beyond all that `Decimal` knows."""
    digits, _, exponent = text.lower().partition("e")
    if len(exponent) > _EXPONENT_DIGITS and digits.strip("+-0."):
        if exponent.lstrip("+-").lstrip("0")[_EXPONENT_DIGITS - 1 :]:
            if exponent[0] == "-":
                raise _out_of_range("underflow", "smaller")
            raise _out_of_range("overflow", "larger")
    elif len(exponent) > _EXPONENT_DIGITS:
        return Decimal(0)
    return Decimal(text, _EXACT)


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


def measured(text: str) -> tuple[str, int]:
    """The canonical text, and the bytes that it counts: one for every two digits before the point and, apart from
    those, for every two behind it, one more, and one for a minus. Zeros at either end count nothing.

    AWS: Developer Guide, "DynamoDB item sizes and formats", which leaves out what the point costs.
    Raises: ValidationException as `canonical` does.
    """
    if len(text) <= _SHORT and text.isdecimal() and text.isascii() and text[0] != "0":
        return text, (len(text.rstrip("0")) + 1) // 2 + 1
    if len(text) > limits.NUMBER_DIGITS_MAX or not _CANONICAL(text):
        text = canonical(text)
    whole, _, fraction = text.lstrip("-").partition(".")
    if not fraction:
        whole = whole.rstrip("0")
    elif whole == "0":
        whole, fraction = "", fraction.lstrip("0")
    sign = 1 if text[0] == "-" else 0
    return text, (len(whole) + 1) // 2 + (len(fraction) + 1) // 2 + 1 + sign


def add(left: str, right: str) -> str:
    """The sum of canonical numbers.

    Raises: ValidationException when it is out of range or has too many digits.
    """
    if "." in left or "." in right or len(left) + len(right) > limits.NUMBER_DIGITS_MAX:
        return from_decimal(_CALCULATION.add(Decimal(left), Decimal(right)))
    return str(int(left) + int(right))


def subtract(left: str, right: str) -> str:
    """The difference of canonical numbers. Raises: ValidationException as `add` does."""
    if "." in left or "." in right or len(left) + len(right) > limits.NUMBER_DIGITS_MAX:
        return from_decimal(_CALCULATION.subtract(Decimal(left), Decimal(right)))
    return str(int(left) - int(right))
