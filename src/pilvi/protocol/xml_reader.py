"""XML documents to typed dicts. No entities, no DTD, no network; depth and size bounded by libxml2."""

from __future__ import annotations

import binascii
import importlib
from collections.abc import Callable, Mapping
from typing import Any

from pilvi.protocol import timestamps
from pilvi.protocol.bounds import check_xml
from pilvi.protocol.model import Shape
from pilvi.protocol.unreadable import Unreadable, unknown_member

_etree: Any = importlib.import_module("lxml.etree")  # lxml has no types
Element = Any
Read = Callable[[Element], Any]


def parse_document(body: bytes) -> Element:
    """The root element. Raises: Unreadable for anything that is no plain XML document."""
    check_xml(body)
    parser = _etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    if b"<!DOCTYPE" in body:
        raise Unreadable("A document type declaration is not allowed.")
    try:
        root: Element = _etree.fromstring(body, parser)
    except (_etree.XMLSyntaxError, ValueError) as wrong:
        raise Unreadable(f"Not well-formed XML: {wrong}") from None
    if (
        root.getroottree().docinfo.doctype
    ):  # also in encodings in which the search above sees nothing
        raise Unreadable("A document type declaration is not allowed.")
    return root


def local_name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def scalar_from_text(kind: str, text: str) -> Any:
    """A boolean, number, blob, instant or string out of text: XML, forms, headers and queries.

    Raises: Unreadable.
    """
    try:
        if kind in ("string", "character"):
            return text
        if "_" in text or not text.isascii():  # Python would read 1_000, and digits of any script
            raise ValueError(text)
        if kind in ("integer", "long"):
            return int(text)
        if kind == "boolean":
            return _BOOLEANS[text.strip().lower()]
        if kind in ("float", "double"):
            return float(text)
        if kind == "blob":
            return binascii.a2b_base64("".join(text.split()), strict_mode=True)
        return timestamps.from_text(text.strip())
    except (ValueError, KeyError, OverflowError):
        raise Unreadable(f"'{text[:100]}' is not a valid {kind}.") from None


_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


def _scalar(kind: str) -> Read:
    def read_scalar(element: Element) -> Any:
        if len(element):
            raise Unreadable(f"Unexpected elements in {local_name(element)}.")
        text: str = element.text or ""
        return text if kind == "string" else scalar_from_text(kind, text)

    return read_scalar


def attribute_name(member: Shape, owner: Shape) -> str:
    """lxml's name of an attribute: `{namespace}local`."""
    prefix, _, local = (member.location_name or member.name).rpartition(":")
    namespace = owner.namespace
    return f"{{{namespace['uri']}}}{local}" if prefix and namespace else local


class _Table:
    """How the children of one structure's element map to its members."""

    __slots__ = ("attributes", "elements")

    def __init__(self) -> None:
        self.attributes: dict[str, str] = {}
        self.elements: dict[str, tuple[str, str, Read]] = {}
        """Element name -> member, `one` / `list` / `map` (the flattened ones repeat), reader."""


class XmlReader:
    def __init__(self) -> None:
        self._structures: dict[str, Read] = {}

    def of(self, shape: Shape) -> Read:
        if shape.type == "structure":
            return self.structure(shape)
        if shape.type == "list":
            return self._list(shape)
        if shape.type == "map":
            return self._map(shape)
        return _scalar(shape.type)

    def structure(self, shape: Shape) -> Read:
        read = self._structures.get(shape.name)
        if read is None:
            table = _Table()
            read = self._structures[shape.name] = _structure_reader(shape.name, table)
            self._fill(table, shape, shape.members)
        return read

    def members(self, owner: Shape, members: Mapping[str, Shape]) -> Read:
        table = _Table()
        self._fill(table, owner, members)
        return _structure_reader(owner.name, table)

    def _fill(self, table: _Table, owner: Shape, members: Mapping[str, Shape]) -> None:
        for name, member in members.items():
            wire = member.location_name or name
            if member.traits.get("xmlAttribute"):
                table.attributes[attribute_name(member, owner)] = name
            elif member.type == "list" and member.flattened:
                entry = (name, "list", self.of(member.member))
                table.elements[wire] = entry
                inner = member.member.location_name
                if inner:  # models name the repeated element here or there
                    table.elements.setdefault(inner, entry)
            elif member.type == "map" and member.flattened:
                table.elements[wire] = (name, "map", self._entry(member))
            else:
                table.elements[wire] = (name, "one", self.of(member))

    def _list(self, shape: Shape) -> Read:
        element = self.of(shape.member)
        wanted = shape.member.location_name or "member"

        def read_list(node: Element) -> list[Any]:
            items: list[Any] = []
            for child in node:
                if local_name(child) != wanted:
                    raise unknown_member(local_name(child), local_name(node))
                items.append(element(child))
            return items

        return read_list

    def _entry(self, shape: Shape) -> Read:
        key_name = shape.key.location_name or "key"
        value_name = shape.value.location_name or "value"
        read_key, read_value = self.of(shape.key), self.of(shape.value)

        def read_entry(node: Element) -> tuple[Any, Any]:
            parts = {local_name(child): child for child in node}
            if set(parts) != {key_name, value_name}:
                raise Unreadable(f"{local_name(node)} must hold {key_name} and {value_name}.")
            return read_key(parts[key_name]), read_value(parts[value_name])

        return read_entry

    def _map(self, shape: Shape) -> Read:
        entry = self._entry(shape)

        def read_map(node: Element) -> dict[Any, Any]:
            for child in node:
                if local_name(child) != "entry":
                    raise unknown_member(local_name(child), local_name(node))
            return dict(entry(child) for child in node)

        return read_map


def _structure_reader(owner: str, table: _Table) -> Read:
    def read_structure(node: Element) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for wire, name in table.attributes.items():
            found = node.get(wire)
            if found is not None:
                result[name] = found
        for child in node:
            tag = local_name(child)
            entry = table.elements.get(tag)
            if entry is None:
                raise unknown_member(tag, owner)
            name, kind, read = entry
            if kind == "list":
                result.setdefault(name, []).append(read(child))
            elif kind == "map":
                key, value = read(child)
                result.setdefault(name, {})[key] = value
            elif name in result:
                raise Unreadable(f"{tag} is given twice.")
            else:
                result[name] = read(child)
        return result

    return read_structure
