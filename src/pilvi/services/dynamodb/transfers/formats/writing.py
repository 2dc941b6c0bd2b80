"""From a stored item to a line of an export: DynamoDB JSON, Ion's text.

AWS: DynamoDB Developer Guide, "DynamoDB table export output format".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any, Final

import orjson

from pilvi.services.dynamodb.history.reading import Change
from pilvi.services.dynamodb.tables import HEADER_BYTES, fragment_of, item_of
from pilvi.services.dynamodb.values import Item, Value

_MICROS_PER_MS = 1000
_WIDE = Context(prec=64, traps=[])
"""Room for all digits that a number may have."""
_PLACES_MAX = 40


def item_line(form: str, stored: bytes) -> bytes:
    """One item of a full export."""
    if form == "ION":
        return f"$ion_1_0 {{Item:{_struct(item_of(stored))}}}\n".encode()
    return b"".join((b'{"Item":', memoryview(stored)[HEADER_BYTES:], b"}\n"))


def change_line(form: str, change: Change, *, old: bool) -> bytes:
    """One change of an incremental export. `old`: whether to show what was there before."""
    micros = str(change.changed_at_ms * _MICROS_PER_MS)
    images = {"NewImage": change.new, "OldImage": change.old if old else None}
    told = {name: stored for name, stored in images.items() if stored is not None}
    if form == "ION":
        parts = [f"Keys:{_struct(change.key)}", f"Metadata:{{WriteTimestampMicros:{micros}.}}"]
        parts += [f"{name}:{_struct(item_of(stored))}" for name, stored in told.items()]
        return f"$ion_1_0 {{Record:{{{','.join(parts)}}}}}\n".encode()
    line: dict[str, Any] = {
        "Metadata": {"WriteTimestampMicros": {"N": micros}},
        "Keys": change.key,
    }
    line |= {name: fragment_of(stored) for name, stored in told.items()}
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


# --- Ion's text

_PLAIN_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*").fullmatch
_SYSTEM_NAME = re.compile(r"\$[0-9]+|\$ion_[0-9]+_[0-9]+").fullmatch
_KEYWORDS = frozenset(("true", "false", "null", "nan"))
_ESCAPED = re.compile(r"[\\\"'\x00-\x1f\x7f]")


def _struct(item: Item) -> str:
    fields = (f"{_name(name)}:{_value(value)}" for name, value in item.items())
    return f"{{{','.join(fields)}}}"


def _name(name: str) -> str:
    if _PLAIN_NAME(name) and name not in _KEYWORDS and not _SYSTEM_NAME(name):
        return name
    return f"'{_escaped(name)}'"


def _string(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: _escape(found[0]), text)


def _escape(character: str) -> str:
    if character >= " " and character != "\x7f":
        return "\\" + character
    return f"\\x{ord(character):02x}"


def _decimal(text: str) -> str:
    """`103.`, `6d2`, `1.5`: as short as it goes."""
    sign, digits, exponent = Decimal(text).normalize(_WIDE).as_tuple()
    assert isinstance(exponent, int), text
    minus = "-" if sign else ""
    whole = "".join(map(str, digits))
    if exponent == 0:
        return f"{minus}{whole}."
    if exponent > 0 or -exponent > _PLACES_MAX:
        return f"{minus}{whole}d{exponent}"
    return format(Decimal(text), "f")


def _blob(text: str) -> str:
    return f"{{{{{text}}}}}"


def _value(value: Value) -> str:
    ((kind, inner),) = value.items()
    return _WRITERS[kind](inner)


def _list(values: list[Value]) -> str:
    return f"[{','.join(map(_value, values))}]"


def _set(kind: str, write: Callable[[str], str]) -> Callable[[list[str]], str]:
    return lambda texts: f"$dynamodb_{kind}::[{','.join(map(write, texts))}]"


_WRITERS: Final[dict[str, Callable[[Any], str]]] = {
    "S": _string,
    "N": _decimal,
    "B": _blob,
    "BOOL": lambda truth: "true" if truth else "false",
    "NULL": lambda _: "null",
    "L": _list,
    "M": _struct,
    "SS": _set("SS", _string),
    "NS": _set("NS", _decimal),
    "BS": _set("BS", _blob),
}
