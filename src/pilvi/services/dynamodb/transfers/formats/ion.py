"""From a line of Ion's text to an item. Loaded when the first such line is read: the library takes its time.

AWS: DynamoDB Developer Guide, "Amazon S3 import formats for DynamoDB", section "Amazon Ion".
"""

from __future__ import annotations

from base64 import b64encode
from decimal import Decimal
from typing import Any, cast

from amazon.ion import simpleion
from amazon.ion.core import IonType
from amazon.ion.exceptions import IonException
from amazon.ion.simple_types import IonPyNull

from pilvi.services.dynamodb.transfers.formats.reading import BadItem
from pilvi.services.dynamodb.values import Item, Value

_SETS = {"$dynamodb_SS": "SS", "$dynamodb_NS": "NS", "$dynamodb_BS": "BS"}


def of_ion(line: bytes) -> Item:
    """`$ion_1_0 {Item:{...}}`. Raises: BadItem."""
    try:
        outer: Any = cast("Any", simpleion).loads(line.decode())
    except (IonException, ValueError, ArithmeticError, RecursionError) as problem:
        raise BadItem(f"The line is not Ion: {problem}") from None
    item = _member(outer, "Item")
    if item is None or getattr(item, "ion_type", None) is not IonType.STRUCT:
        raise BadItem("The line is not in the ION format: {Item:{...}}")
    return _struct(item)


def _member(outer: Any, name: str) -> Any:
    if getattr(outer, "ion_type", None) is not IonType.STRUCT:
        return None
    names = [key for key, _ in outer.items()]
    return outer[name] if names == [name] else None


def _struct(given: Any) -> Item:
    found: Item = {}
    for name, value in given.items():
        if name in found:
            raise BadItem(f"The struct has the field {name} more than once")
        found[str(name)] = _value(value)
    return found


def _value(given: Any) -> Value:
    kind = given.ion_type
    annotations = [note.text for note in given.ion_annotations]
    if isinstance(given, IonPyNull):
        return {"NULL": True}
    if kind is IonType.LIST and annotations and annotations[0] in _SETS:
        name = _SETS[annotations[0]]
        return {name: [_element(one, name[0]) for one in given]}
    if kind is IonType.STRUCT:
        return {"M": _struct(given)}
    if kind is IonType.LIST:
        return {"L": [_value(one) for one in given]}
    if kind is IonType.BOOL:
        return {"BOOL": bool(given)}
    return _scalar(given)


def _scalar(given: Any) -> Value:
    kind = given.ion_type
    if kind is IonType.STRING:
        return {"S": str(given)}
    if kind is IonType.BLOB:
        return {"B": b64encode(bytes(given)).decode()}
    if kind is IonType.DECIMAL:
        return {"N": str(Decimal(given))}
    if kind is IonType.INT:
        return {"N": str(int(given))}
    raise BadItem(f"DynamoDB has no type for Ion's {kind.name.lower()}")


def _element(given: Any, name: str) -> str:
    value = _scalar(given)
    if name not in value:
        raise BadItem(f"The set {name}S has an element of another type")
    return str(value[name])
