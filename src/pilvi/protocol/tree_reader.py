"""Decoded JSON or CBOR to typed dicts: one closure per shape, compiled at first use.

Both formats carry the same tree; they differ in how a blob and an instant look. Members are renamed to
their model names, blobs become bytes, instants become epoch milliseconds, and everything else is
checked and passed on as it is. A shape named in `opaque` passes untouched.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, cast

from pilvi.protocol import timestamps
from pilvi.protocol.model import Shape
from pilvi.protocol.unreadable import Unreadable, unknown_member

Read = Callable[[Any], Any]
Tree = dict[str, Any]

_JAVA_NAMES = {
    "string": "String",
    "character": "String",
    "integer": "Integer",
    "long": "Long",
    "float": "Float",
    "double": "Double",
    "boolean": "Boolean",
    "blob": "ByteBuffer",
    "timestamp": "Date",
}
_JAVA_PACKAGES = {"ByteBuffer": "java.nio", "Date": "java.util"}
_LONG_MAX = 2.0**63
_SPECIAL_FLOATS = {"NaN", "Infinity", "-Infinity"}


def _token(value: object) -> str:
    """What AWS's JSON parser calls a token of this type."""
    if value is True:
        return "TRUE_VALUE"
    if value is False:
        return "FALSE_VALUE"
    if isinstance(value, int):
        return "NUMBER_VALUE"
    if isinstance(value, float):
        return "DECIMAL_VALUE"
    return "STRING_VALUE"


def _misfit(value: object, wanted: str) -> Unreadable:
    """A value that is no `wanted` scalar, in AWS's words."""
    if isinstance(value, dict):
        return Unreadable("Start of structure or map found where not expected")
    java = _JAVA_NAMES[wanted]
    if isinstance(value, list):
        package = _JAVA_PACKAGES.get(java, "java.lang")
        return Unreadable(f"Unrecognized collection type class {package}.{java}")
    return Unreadable(f"{_token(value)} cannot be converted to {java}", misfit=(value, java))


def _misfit_collection(value: object, wanted: str) -> Unreadable:
    """A value that is no list, map or structure; `wanted` names the type in Java's way."""
    if isinstance(value, dict):
        return Unreadable("Start of structure or map found where not expected")
    if isinstance(value, list):
        return Unreadable(f"Unrecognized collection type {wanted}")
    return Unreadable("Unexpected field type")


def _string(value: Any) -> Any:
    if type(value) is str:
        return value
    raise _misfit(value, "string")


def _boolean(value: Any) -> Any:
    if type(value) is bool:
        return value
    raise _misfit(value, "boolean")


def _whole(kind: str) -> Read:
    def read_whole(value: Any) -> Any:
        if type(value) is int:
            return value
        # A whole number may be written with a fraction; one past 64 bits has become a float.
        if type(value) is float and value.is_integer() and abs(value) < _LONG_MAX:
            return int(value)
        raise _misfit(value, kind)

    return read_whole


def _double(value: Any) -> Any:
    if type(value) is float:
        return value
    if type(value) is int or (type(value) is str and value in _SPECIAL_FLOATS):
        try:
            return float(value)
        except OverflowError:
            raise Unreadable(f"{value} is out of the range of a Double") from None
    raise _misfit(value, "double")


def _json_blob(value: Any) -> bytes:
    if type(value) is not str:
        raise _misfit(value, "blob")
    try:
        return binascii.a2b_base64(value.encode("ascii"), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError) as wrong:
        raise Unreadable(f"Invalid base64 in a blob: {wrong}") from None


def _cbor_blob(value: Any) -> bytes:
    if type(value) is bytes:
        return value
    raise _misfit(value, "blob")


def _timestamp(value: Any) -> int:
    try:
        if type(value) is int or type(value) is float:
            return timestamps.from_number(value)
        if type(value) is str:
            return timestamps.from_text(value)
        if isinstance(value, datetime):
            return timestamps.from_number(value.timestamp())
    except ValueError as wrong:
        raise Unreadable(f"Invalid timestamp: {wrong}") from None
    raise _misfit(value, "timestamp")


def _anything(value: Any) -> Any:
    return value


_SCALARS: dict[str, Read] = {
    "string": _string,
    "character": _string,
    "boolean": _boolean,
    "integer": _whole("integer"),
    "long": _whole("long"),
    "float": _double,
    "double": _double,
    "timestamp": _timestamp,
}


class TreeReader:
    """Compiles readers for the shapes of one model. `binary`: blobs are bytes (CBOR), not base64."""

    def __init__(self, *, binary: bool = False, opaque: frozenset[str] = frozenset()) -> None:
        self._opaque = opaque
        self._blob: Read = _cbor_blob if binary else _json_blob
        self._structures: dict[str, Read] = {}

    def of(self, shape: Shape) -> Read:
        if shape.name in self._opaque or shape.document:
            return _anything
        if shape.type == "structure":
            return self.structure(shape)
        if shape.type == "list":
            return self._list(shape)
        if shape.type == "map":
            return self._map(shape)
        if shape.type == "blob":
            return self._blob
        return _SCALARS[shape.type]

    def structure(self, shape: Shape) -> Read:
        read = self._structures.get(shape.name)
        if read is None:
            table: dict[str, tuple[str, Read]] = {}
            # The reader is known before its table is filled, so that a shape can hold itself.
            read = self._structures[shape.name] = _structure_reader(shape.name, table)
            self._fill(table, shape.members)
        return read

    def members(self, owner: str, members: Mapping[str, Shape]) -> Read:
        """A reader for some members of a structure: those of a REST request that lie in its body."""
        table: dict[str, tuple[str, Read]] = {}
        self._fill(table, members)
        return _structure_reader(owner, table)

    def _fill(self, table: dict[str, tuple[str, Read]], members: Mapping[str, Shape]) -> None:
        for name, member in members.items():
            table[member.location_name or name] = (name, self.of(member))

    def _list(self, shape: Shape) -> Read:
        element = self.of(shape.member)
        java = f"class {shape.name}"

        def read_list(value: Any) -> Any:
            if type(value) is not list:
                raise _misfit_collection(value, java)
            items = cast("list[Any]", value)
            if element is _anything:
                return items
            return [None if item is None else element(item) for item in items]

        return read_list

    def _map(self, shape: Shape) -> Read:
        element = self.of(shape.value)
        java = "java.util.Map"

        def read_map(value: Any) -> Any:
            if type(value) is not dict:
                raise _misfit_collection(value, java)
            entries = cast("Tree", value)
            if element is _anything:
                return entries
            return {key: None if item is None else element(item) for key, item in entries.items()}

        return read_map


def _structure_reader(owner: str, table: dict[str, tuple[str, Read]]) -> Read:
    def read_structure(value: Any) -> Tree:
        if type(value) is not dict:
            raise _misfit_collection(value, f"class {owner}")
        result: Tree = {}
        for key, raw in cast("Tree", value).items():
            entry = table.get(key)
            if entry is None:
                if key == "__type":  # some SDKs name the type of a union's member
                    continue
                raise unknown_member(key, owner)
            if raw is not None:
                result[entry[0]] = entry[1](raw)
        return result

    return read_structure
