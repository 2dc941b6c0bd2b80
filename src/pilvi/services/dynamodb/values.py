"""Attribute values: `{"S": "text"}`, as the wire and the store have them.

`measure` checks a value, makes it canonical in place, and computes its size, in one pass. Canonical
means: numbers as in `numbers.py`, sets sorted, base64 with its one padding. Thus two values are equal
when `==` says so.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as BadBase64
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, cast

from pilvi.services.dynamodb import limits, numbers
from pilvi.services.dynamodb.errors import (
    SerializationException,
    ValidationException,
    invalid,
    invalid_values,
)

Value = dict[str, Any]
"""One attribute value: a dict of exactly one member, named by its type."""
Item = dict[str, Value]

TYPES: Final = ("B", "BOOL", "BS", "L", "M", "N", "NS", "NULL", "S", "SS")
SETS: Final = frozenset(("SS", "NS", "BS"))
TYPE_NAMES: Final = {
    "S": "STRING",
    "N": "NUMBER",
    "B": "BINARY",
    "BOOL": "BOOLEAN",
    "NULL": "NULL",
    "L": "LIST",
    "M": "MAP",
    "SS": "STRING_SET",
    "NS": "NUMBER_SET",
    "BS": "BINARY_SET",
}
_TOO_DEEP: Final = (
    "Nesting Levels have exceeded supported limits: "
    "Attributes in the item have nested levels beyond supported limit"
)
_JSON_NAMES: Final[dict[type[object], str]] = {
    str: "STRING_VALUE",
    int: "NUMBER_VALUE",
    float: "DECIMAL_VALUE",
    type(None): "NULL_VALUE",
}


def measure_item(members: Mapping[str, Value], depth: int = 1) -> int:
    """Bytes that an item (or a map) counts, without a map's own overhead. Makes the values canonical.

    Raises: ValidationException, SerializationException.
    AWS: Developer Guide, "DynamoDB item sizes and formats".
    """
    if "" in members:
        raise invalid("Empty attribute name")
    size = 0
    for name, value in members.items():
        size += len(name) if name.isascii() else len(name.encode())
        try:
            ((kind, inner),) = value.items()
        except (ValueError, AttributeError):
            raise _not_one_type(value) from None
        if kind == "S":
            if type(inner) is not str:
                raise _not_convertible(inner, "String")
            size += len(inner) if inner.isascii() else len(inner.encode())
        elif kind == "N":
            if type(inner) is not str:
                raise _not_convertible(inner, "String")
            number, number_size = numbers.measured(inner)
            if number is not inner:
                value["N"] = number
            size += number_size
        else:
            size += _measure_other(kind, value, inner, depth)
    if size > limits.ATTRIBUTE_NAME_BYTES_MAX:
        _refuse_long_names(members)
    return size


def _refuse_long_names(members: Mapping[str, Value]) -> None:
    if any(len(name.encode()) > limits.ATTRIBUTE_NAME_BYTES_MAX for name in members):
        raise invalid(
            "Map keys must satisfy constraint: [Member must have length less than or equal to "
            f"{limits.ATTRIBUTE_NAME_BYTES_MAX}, Member must have length greater than or equal to 0]"
        )


def measure_key(given: Any) -> None:
    """Check the values of a request's Key, before its table is known. Raises: as `measure_item`."""
    if not isinstance(given, dict):
        raise SerializationException(detail="Unexpected value type in payload")
    measure_item(cast("Item", given))


def measure(value: Value, depth: int = 1) -> int:
    """Bytes that one value counts. Makes it canonical. Raises: as `measure_item`."""
    try:
        ((kind, inner),) = value.items()
    except (ValueError, AttributeError):
        raise _not_one_type(value) from None
    return _measure_other(kind, value, inner, depth)


def _measure_other(kind: str, value: Value, inner: Any, depth: int) -> int:
    measure_kind = _MEASURES.get(kind)
    if measure_kind is None:
        raise _not_one_type({})
    return measure_kind(value, inner, depth)


def _measure_string(value: Value, inner: Any, depth: int) -> int:
    if type(inner) is not str:
        raise _not_convertible(inner, "String")
    return len(inner.encode())


def _measure_number(value: Value, inner: Any, depth: int) -> int:
    if type(inner) is not str:
        raise _not_convertible(inner, "String")
    value["N"], size = numbers.measured(inner)
    return size


def _measure_binary(value: Value, inner: Any, depth: int) -> int:
    raw = decode_binary(inner)
    value["B"] = b64encode(raw).decode()
    return len(raw)


def _measure_boolean(value: Value, inner: Any, depth: int) -> int:
    if type(inner) is not bool:
        raise _not_convertible(inner, "Boolean")
    return 1


def _measure_null(value: Value, inner: Any, depth: int) -> int:
    if type(inner) is not bool:
        raise _not_convertible(inner, "Boolean")
    if not inner:
        raise invalid_values("Null attribute value types must have the value of true")
    return 1


def _measure_map(value: Value, inner: Any, depth: int) -> int:
    if not isinstance(inner, dict):
        raise SerializationException(detail="Unexpected value type in payload")
    if depth >= limits.NESTING_MAX:
        raise invalid(_TOO_DEEP)
    members = cast("Item", inner)
    return 3 + len(members) + measure_item(members, depth + 1)


def _measure_list(value: Value, inner: Any, depth: int) -> int:
    if type(inner) is not list:
        raise SerializationException(detail="Unexpected value type in payload")
    if depth >= limits.NESTING_MAX:
        raise invalid(_TOO_DEEP)
    elements = cast("list[Value]", inner)
    return 3 + len(elements) + sum(measure(element, depth + 1) for element in elements)


def _texts(inner: Any) -> list[str]:
    if type(inner) is not list:
        raise SerializationException(detail="Unexpected value type in payload")
    elements = cast("list[Any]", inner)
    for element in elements:
        if type(element) is not str:
            raise _not_convertible(element, "String")
    return cast("list[str]", elements)


def _measure_strings(value: Value, inner: Any, depth: int) -> int:
    texts = _texts(inner)
    if not texts:
        raise invalid_values("An string set  may not be empty")
    if len(set(texts)) != len(texts):
        raise invalid_values(f"Input collection [{', '.join(texts)}] contains duplicates.")
    value["SS"] = sorted(texts)
    return sum(len(text.encode()) for text in texts)


def _measure_numbers(value: Value, inner: Any, depth: int) -> int:
    texts = _texts(inner)
    if not texts:
        raise invalid_values("An number set  may not be empty")
    measured = [numbers.measured(text) for text in texts]
    canonical = [number for number, _ in measured]
    if len(set(canonical)) != len(canonical):
        raise invalid("Input collection contains duplicates")
    value["NS"] = sorted(canonical, key=Decimal)
    return sum(size for _, size in measured)


def _measure_binaries(value: Value, inner: Any, depth: int) -> int:
    raws = [decode_binary(text) for text in _texts(inner)]
    if not raws:
        raise invalid_values("Binary sets should not be empty")
    if len(set(raws)) != len(raws):
        texts = ", ".join(b64encode(raw).decode() for raw in raws)
        raise invalid_values(f"Input collection [{texts}]of type BS contains duplicates.")
    value["BS"] = [b64encode(raw).decode() for raw in sorted(raws)]
    return sum(len(raw) for raw in raws)


_MEASURES: Final[dict[str, Callable[[Value, Any, int], int]]] = {
    "S": _measure_string,
    "N": _measure_number,
    "B": _measure_binary,
    "BOOL": _measure_boolean,
    "NULL": _measure_null,
    "M": _measure_map,
    "L": _measure_list,
    "SS": _measure_strings,
    "NS": _measure_numbers,
    "BS": _measure_binaries,
}


def decode_binary(text: Any) -> bytes:
    """Raises: SerializationException for anything but base64."""
    if type(text) is not str:
        raise _not_convertible(text, "Blob")
    try:
        return b64decode(text, validate=True)
    except (BadBase64, ValueError):
        raise SerializationException(
            detail="Invalid Base64 in the value of a binary attribute"
        ) from None


def _not_convertible(inner: Any, wanted: str) -> SerializationException:
    if type(inner) is bool:
        name = "TRUE_VALUE" if inner else "FALSE_VALUE"
    else:
        name = _JSON_NAMES.get(cast("type[object]", type(inner)))
    if name is None:
        return SerializationException(detail="Unexpected value type in payload")
    return SerializationException(detail=f"{name} cannot be converted to {wanted}")


def _not_one_type(value: Any) -> ValidationException | SerializationException:
    if not isinstance(value, dict):
        return SerializationException(detail="Unexpected value type in payload")
    if len(cast("Value", value)) > 1:
        return invalid(
            "Supplied AttributeValue has more than one datatypes set, "
            "must contain exactly one of the supported datatypes"
        )
    return invalid(
        "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
    )


def type_of(value: Value) -> str:
    """The member name: the value's type."""
    return next(iter(value))
