"""The flat parameters of the query and ec2 protocols (`A.member.1.B=x`) to typed dicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pilvi.protocol.bounds import check_form_nodes
from pilvi.protocol.model import Shape
from pilvi.protocol.unreadable import Unreadable, unknown_member
from pilvi.protocol.xml_reader import scalar_from_text

DEPTH_MAX = 64


class Node:
    """A parameter's own text, if any, and what lies under its name."""

    __slots__ = ("children", "text")

    def __init__(self) -> None:
        self.text: str | None = None
        self.children: dict[str, Node] = {}


Read = Callable[[Node, str], Any]
"""Reads a node; the second argument is the node's whole name, for messages."""


def grow(form: Mapping[str, str], without: frozenset[str]) -> Node:
    """The tree that the dotted names spell, of all that is a member. Raises: Unreadable (too deep, too many)."""
    root, count = Node(), 0
    for name, value in form.items():
        if name in without or name.startswith("X-Amz-"):  # a presigned URL's own parameters
            continue
        node = root
        parts = name.split(".")
        if len(parts) > DEPTH_MAX:
            raise Unreadable(f"Parameter name {name[:100]} is nested too deeply.")
        for part in parts:
            child = node.children.get(part)
            if child is None:
                child = node.children[part] = Node()
                count += 1
            node = child
        check_form_nodes(count)
        node.text = value
    return root


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _numbered(node: Node, path: str) -> list[tuple[str, Node]]:
    """Children in the order of their numbers; gaps do not matter."""
    for name in node.children:
        if not (name.isascii() and name.isdecimal()):
            raise unknown_member(_join(path, name), "the request")
    return sorted(node.children.items(), key=lambda entry: int(entry[0]))


def _scalar(kind: str) -> Read:
    def read_scalar(node: Node, path: str) -> Any:
        if node.children:
            raise unknown_member(_join(path, next(iter(node.children))), "the request")
        return scalar_from_text(kind, node.text or "")

    return read_scalar


class FormReader:
    """`ec2`: lists are always flat, and names follow `queryName` or begin with a capital."""

    def __init__(self, *, ec2: bool = False) -> None:
        self._ec2 = ec2
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
            table: dict[str, tuple[str, Read]] = {}
            read = self._structures[shape.name] = _structure_reader(table)
            for name, member in shape.members.items():
                entry = (name, self.of(member))
                table[self._wire_name(name, member)] = entry
                # An empty list goes by the member's own name, even where its items would not.
                table.setdefault(member.location_name or name, entry)
        return read

    def _wire_name(self, name: str, member: Shape) -> str:
        if self._ec2:
            if "queryName" in member.traits:
                return member.traits["queryName"]
            wire = member.location_name
            return wire[:1].upper() + wire[1:] if wire else name
        if member.type == "list" and member.flattened and member.member.location_name:
            return member.member.location_name
        return member.location_name or name

    def _list(self, shape: Shape) -> Read:
        element = self.of(shape.member)
        inner = shape.member.location_name or "member"

        def read_flat(node: Node, path: str) -> list[Any]:
            return [element(child, f"{path}.{name}") for name, child in _numbered(node, path)]

        def read_list(node: Node, path: str) -> list[Any]:
            for name in node.children:
                if name != inner:
                    raise unknown_member(_join(path, name), "the request")
            held = node.children.get(inner)
            return [] if held is None else read_flat(held, f"{path}.{inner}")

        return read_flat if self._ec2 or shape.flattened else read_list

    def _map(self, shape: Shape) -> Read:
        key_name = shape.key.location_name or "key"
        value_name = shape.value.location_name or "value"
        read_key, read_value = self.of(shape.key), self.of(shape.value)

        def read_entries(node: Node, path: str) -> dict[Any, Any]:
            result: dict[Any, Any] = {}
            for number, child in _numbered(node, path):
                where = f"{path}.{number}"
                for name in child.children:
                    if name not in (key_name, value_name):
                        raise unknown_member(f"{where}.{name}", "the request")
                key, value = child.children.get(key_name), child.children.get(value_name)
                if key is None or value is None:
                    raise Unreadable(f"{where} must have {key_name} and {value_name}.")
                result[read_key(key, f"{where}.{key_name}")] = read_value(
                    value, f"{where}.{value_name}"
                )
            return result

        def read_map(node: Node, path: str) -> dict[Any, Any]:
            for name in node.children:
                if name != "entry":
                    raise unknown_member(_join(path, name), "the request")
            held = node.children.get("entry")
            return {} if held is None else read_entries(held, f"{path}.entry")

        return read_entries if shape.flattened else read_map


def _structure_reader(table: dict[str, tuple[str, Read]]) -> Read:
    def read_structure(node: Node, path: str) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for wire, child in node.children.items():
            entry = table.get(wire)
            where = _join(path, wire)
            if entry is None:
                raise unknown_member(where, "the request")
            result[entry[0]] = entry[1](child, where)
        return result

    return read_structure
