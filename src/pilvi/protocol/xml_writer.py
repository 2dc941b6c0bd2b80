"""Typed dicts to XML text: answers of the query, ec2 and rest-xml protocols, in the model's order."""

from __future__ import annotations

import binascii
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from pilvi.protocol import timestamps
from pilvi.protocol.dialects import Failure
from pilvi.protocol.model import Shape
from pilvi.protocol.tree_writer import float_text

Write = Callable[[list[str], str, Any], None]
"""Appends the element of that name which holds the value."""

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SPECIAL = re.compile('[&<>"\r\x00-\x08\x0b\x0c\x0e-\x1f\x85\u2028]')
_CONTROL = re.compile("[\r\x00-\x08\x0b\x0c\x0e-\x1f\x85\u2028]")
_PLAIN = frozenset({"timestamp", "boolean", "blob", "byte", "short", "integer", "long"})
"""Kinds whose text never has a character to escape."""


def escape(text: str) -> str:
    """Text for an element or an attribute.

    A carriage return and the other control characters become references, as S3 writes them: a parser
    would otherwise turn the first into a line feed. XML 1.0 has no way to write most of the others.
    """
    if not _SPECIAL.search(text):
        return text
    text = text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    text = text.replace(">", "&gt;")
    return _CONTROL.sub(_reference, text) if _CONTROL.search(text) else text


def _reference(match: re.Match[str]) -> str:
    return f"&#x{ord(match[0]):x};"


def _text_of_double(value: Any) -> str:
    return repr(float(value)) if math.isfinite(value) else float_text(value)


def _text_of_boolean(value: Any) -> str:
    return "true" if value else "false"


def _text_of_blob(value: Any) -> str:
    return binascii.b2a_base64(value, newline=False).decode("ascii")


def text_writer(shape: Shape, default_format: str, *, full: bool = False) -> Callable[[Any], str]:
    """A scalar as text, unescaped; `full`: instants always show their milliseconds."""
    kind = shape.type
    if kind == "timestamp":
        chosen = shape.timestamp_format or default_format
        if chosen == "rfc822":
            return timestamps.rfc822
        if chosen == "unixTimestamp":
            return lambda ms: str(timestamps.epoch_seconds(ms))
        return timestamps.iso8601_full if full else timestamps.iso8601
    if kind in ("float", "double"):
        return _text_of_double
    if kind == "boolean":
        return _text_of_boolean
    if kind == "blob":
        return _text_of_blob
    return str


class _Table:
    __slots__ = ("attributes", "elements", "namespace")

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.attributes: list[tuple[str, str]] = []
        self.elements: list[tuple[str, str, Write]] = []
        """Member, element name, writer; in the model's order."""


class XmlWriter:
    """`full`: instants always show their milliseconds, as S3's do."""

    def __init__(self, *, full: bool = False) -> None:
        self._full = full
        self._structures: dict[tuple[str, str], Write] = {}

    def of(self, shape: Shape) -> Write:
        if shape.type == "structure":
            return self.structure(shape)
        if shape.type == "list":
            return self._list(shape)
        if shape.type == "map":
            return self._map(shape)
        text = text_writer(shape, "iso8601", full=self._full)

        def write_plain(out: list[str], name: str, value: Any) -> None:
            out.append(f"<{name}>{text(value)}</{name}>")

        def write_text(out: list[str], name: str, value: Any) -> None:
            out.append(f"<{name}>{escape(text(value))}</{name}>")

        return write_plain if shape.type in _PLAIN else write_text

    def structure(self, shape: Shape, root_namespace: str | None = None) -> Write:
        """`root_namespace`: what a document's root declares instead of the shape's own."""
        namespace = _declaration(root_namespace, shape)
        write = self._structures.get((shape.name, namespace))
        if write is None:
            table = _Table(namespace)
            write = _structure_writer(shape.name, table)
            self._structures[shape.name, namespace] = write
            self._fill(table, shape.members)
        return write

    def members(
        self, owner: Shape, members: Mapping[str, Shape], root_namespace: str | None
    ) -> Write:
        table = _Table(_declaration(root_namespace, owner))
        self._fill(table, members)
        return _structure_writer(owner.name, table)

    def _fill(self, table: _Table, members: Mapping[str, Shape]) -> None:
        for name, member in members.items():
            wire = member.location_name or name
            if member.traits.get("xmlAttribute"):
                table.attributes.append((name, wire))
                continue
            if member.type == "list" and member.flattened:
                wire = member.member.location_name or wire
            table.elements.append((name, wire, self.of(member)))

    def _list(self, shape: Shape) -> Write:
        element = self.of(shape.member)
        inner = shape.member.location_name or "member"

        def write_flattened(out: list[str], name: str, value: Any) -> None:
            assert None not in value, f"XML has no null for an item of {shape.name}"
            for item in value:
                element(out, name, item)

        def write_list(out: list[str], name: str, value: Any) -> None:
            out.append(f"<{name}>")
            write_flattened(out, inner, value)
            out.append(f"</{name}>")

        return write_flattened if shape.flattened else write_list

    def _map(self, shape: Shape) -> Write:
        key_name = shape.key.location_name or "key"
        value_name = shape.value.location_name or "value"
        write_key, write_value = self.of(shape.key), self.of(shape.value)

        def write_entries(out: list[str], name: str, value: Any) -> None:
            for key, item in value.items():
                out.append(f"<{name}>")
                write_key(out, key_name, key)
                write_value(out, value_name, item)
                out.append(f"</{name}>")

        def write_map(out: list[str], name: str, value: Any) -> None:
            out.append(f"<{name}>")
            write_entries(out, "entry", value)
            out.append(f"</{name}>")

        return write_entries if shape.flattened else write_map


def error_elements(failure: Failure, writer: XmlWriter) -> list[str]:
    """An error's members beside its code and message."""
    out: list[str] = []
    if failure.shape is not None and failure.modelled:
        writer.structure(failure.shape)(out, "Error", failure.modelled)
        out = out[1:-1]
    for name, value in failure.extra.items():
        out.append(f"<{name}>{escape(str(value))}</{name}>")
    return out


def _declaration(root_namespace: str | None, shape: Shape) -> str:
    if root_namespace:
        return f' xmlns="{root_namespace}"'
    namespace = shape.namespace
    if namespace is None:
        return ""
    prefix = f":{namespace['prefix']}" if namespace.get("prefix") else ""
    return f' xmlns{prefix}="{namespace["uri"]}"'


def _structure_writer(owner: str, table: _Table) -> Write:
    def write_structure(out: list[str], name: str, value: Any) -> None:
        start = f"<{name}{table.namespace}"
        written = 0
        for member, wire in table.attributes:
            item = value.get(member)
            if item is not None:
                start += f' {wire}="{escape(item)}"'
                written += 1
        out.append(start + ">")
        for member, wire, write in table.elements:
            item = value.get(member)
            if item is not None:
                write(out, wire, item)
                written += 1
        if written != len(value):
            _assert_known(owner, table, value)
        out.append(f"</{name}>")

    return write_structure


def _assert_known(owner: str, table: _Table, value: Mapping[str, Any]) -> None:
    """What was not written must be None, else the model does not have it: our own mistake."""
    known = {entry[0] for entry in table.elements} | {entry[0] for entry in table.attributes}
    for member, item in value.items():
        assert item is None or member in known, f"{owner} has no member {member}"
