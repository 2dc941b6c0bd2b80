"""Typed dicts to what JSON or CBOR encodes: the counterpart of `tree_reader`.

Members get their wire names; None members are left out. A member that the model does not have is our
own mistake and an assertion. `orjson.Fragment`, bytes of finished JSON, may stand anywhere.
"""

from __future__ import annotations

import binascii
import math
from collections.abc import Callable, Mapping
from typing import Any, cast

import orjson

from pilvi.protocol import timestamps
from pilvi.protocol.model import Shape

Write = Callable[[Any], Any]
Tree = dict[str, Any]


def float_text(value: float) -> str:
    """The names that the wire has for what is no number."""
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _json_double(value: Any) -> Any:
    return float_text(value) if type(value) is float and not math.isfinite(value) else value


def _cbor_double(value: Any) -> Any:
    return float(value)


def _json_blob(value: Any) -> str:
    return binascii.b2a_base64(value, newline=False).decode("ascii")


def _cbor_timestamp(ms: Any) -> Any:
    import cbor2

    return cbor2.CBORTag(1, timestamps.epoch_seconds(ms))


_JSON_TIMESTAMPS: dict[str | None, Write] = {
    None: timestamps.epoch_seconds,
    "unixTimestamp": timestamps.epoch_seconds,
    "iso8601": timestamps.iso8601,
    "rfc822": timestamps.rfc822,
}


class TreeWriter:
    """Compiles writers for the shapes of one model; None is "as it is"."""

    def __init__(self, *, binary: bool = False, opaque: frozenset[str] = frozenset()) -> None:
        self._opaque = opaque
        self._binary = binary
        self._structures: dict[str, Write] = {}

    def of(self, shape: Shape) -> Write | None:
        if shape.name in self._opaque or shape.document:
            return None
        if shape.type == "structure":
            return self.structure(shape)
        if shape.type == "list":
            return self._list(shape)
        if shape.type == "map":
            return self._map(shape)
        if shape.type in ("float", "double"):
            return _cbor_double if self._binary else _json_double
        if shape.type == "blob":
            return None if self._binary else _json_blob
        if shape.type == "timestamp":
            if self._binary:
                return _cbor_timestamp
            return _JSON_TIMESTAMPS[shape.timestamp_format]
        return None

    def structure(self, shape: Shape) -> Write:
        write = self._structures.get(shape.name)
        if write is None:
            table: dict[str, tuple[str, Write | None]] = {}
            write = self._structures[shape.name] = _structure_writer(shape.name, table)
            self._fill(table, shape.members)
        return write

    def members(self, owner: str, members: Mapping[str, Shape]) -> Write:
        """A writer for some members of a structure: those of a REST answer that go into its body."""
        table: dict[str, tuple[str, Write | None]] = {}
        self._fill(table, members)
        return _structure_writer(owner, table)

    def _fill(
        self, table: dict[str, tuple[str, Write | None]], members: Mapping[str, Shape]
    ) -> None:
        for name, member in members.items():
            table[name] = (member.location_name or name, self.of(member))

    def _list(self, shape: Shape) -> Write | None:
        element = self.of(shape.member)
        if element is None:
            return None

        def write_list(value: Any) -> Any:
            if isinstance(value, orjson.Fragment):
                return value
            return [None if item is None else element(item) for item in value]

        return write_list

    def _map(self, shape: Shape) -> Write | None:
        element = self.of(shape.value)
        if element is None:
            return None

        def write_map(value: Any) -> Any:
            if isinstance(value, orjson.Fragment):
                return value
            entries = cast("Tree", value)
            return {key: None if item is None else element(item) for key, item in entries.items()}

        return write_map


def _structure_writer(owner: str, table: dict[str, tuple[str, Write | None]]) -> Write:
    def write_structure(value: Any) -> Any:
        if isinstance(value, orjson.Fragment):
            return value
        result: Tree = {}
        for key, item in cast("Tree", value).items():
            if item is None:
                continue
            entry = table.get(key)
            assert entry is not None, f"{owner} has no member {key}"
            write = entry[1]
            result[entry[0]] = item if write is None else write(item)
        return result

    return write_structure
