"""Random values in the shape of a model, in our convention: instants are epoch milliseconds.

What the wire itself cannot carry is not generated; `LOST_ON_THE_WIRE` says what that is and why.
"""

from __future__ import annotations

import random
from typing import Any

from pilvi.protocol import Shape

LOST_ON_THE_WIRE = {
    "empty list, map or structure (query, ec2, XML)": "Nothing is sent for it, or what is sent has "
    "no type: an empty flattened list looks like an absent one.",
    "sub-second instants in headers": "HTTP dates end with the seconds, and so does botocore there.",
    "None": "An absent member and a null one look alike to every SDK.",
    "empty header, empty payload": "Most HTTP stacks and botocore itself treat them as absent.",
    "blanks around a header's value": "HTTP strips them.",
    "text outside Latin-1 in headers": "HTTP/1.1 has no agreed encoding for it.",
    "carriage return in XML requests": "botocore writes it bare and an XML parser reads a line feed.",
    "control characters in XML": "XML 1.0 has none.",
    "quotes, commas and backslashes in header lists": "botocore writes quotes but does not read them.",
    "more than one member of a union": "A union has one; botocore refuses others.",
    "float in CBOR beyond 32 bits": "The wire has single precision.",
    "message of a modelled error in XML": "It has one spelling there, the members' differ.",
}

_BODY = "abcXYZ019 _-.:/&<>\"'+%=?#;,~@!\n\té漢😀"
_PLAIN = "abcXYZ019_-."
_HEADER = "abcXYZ019 _-.:/&<>'+%=?#;~@!"
ABSENT: Any = object()


class Sampler:
    """`sparse_ok`: empty collections survive (JSON, CBOR). `nodes`: a bound on a value's size."""

    def __init__(self, seed: int, *, sparse_ok: bool, nodes: int = 40, depth: int = 5) -> None:
        self.random = random.Random(seed)
        self._sparse_ok = sparse_ok
        self._nodes_max = nodes
        self._depth_max = depth
        self._nodes = 0

    def whole(self, shape: Shape, *, request: bool, skip: frozenset[str] = frozenset()) -> Any:
        """A whole input or output: everything required, and as much of the rest as the bound allows."""
        self._nodes = 0
        payload = shape.traits.get("payload")
        result: dict[str, Any] = {}
        names = list(shape.members)
        self.random.shuffle(names)
        names.sort(key=lambda name: name not in shape.required)
        for name in names:
            member = shape.members[name]
            if name in skip or member.event_stream or (request and member.streaming):
                continue
            needed = name in shape.required or member.location in ("uri", "statusCode")
            if not needed and self._nodes > self._nodes_max:
                continue
            value = self._located(member, name == payload, request=request)
            if value is not ABSENT:
                result[name] = value
        return {name: result[name] for name in shape.members if name in result}

    def _located(self, member: Shape, payload: bool, *, request: bool) -> Any:
        if member.traits.get("hostLabel"):
            return "host1"
        if member.location == "statusCode":
            return self.random.randint(200, 299)
        if member.location == "uri":
            return self._outside(member, _BODY)
        if member.location == "querystring":
            return self._query(member)
        if member.location == "header":
            return self._header(member)
        if member.location == "headers":
            return {f"k{i}": self._text(_HEADER).strip() or "x" for i in range(2)}
        if payload and member.type == "blob":
            return self.random.randbytes(9)
        if payload and member.type == "string":
            return "p" + self._text(_BODY)
        value = self.value(member, 0)
        if payload and not value:
            return ABSENT
        return value

    def _outside(self, member: Shape, alphabet: str, default_format: str = "iso8601") -> Any:
        """A scalar outside the body: never empty, never a dot segment."""
        if member.type == "string":
            enum = member.traits.get("enum")
            if enum:
                return self.random.choice(enum)
            if member.traits.get("jsonvalue"):
                return {"a": [1, "é", None]}
            return "v" + self._text(alphabet).strip() + "w"
        if member.type == "timestamp":
            return self._instant(member.timestamp_format or default_format)
        return self.value(member, 0)

    def _query(self, member: Shape) -> Any:
        if member.type == "list":
            return [self._outside(member.member, _BODY) for _ in range(2)]
        if member.type == "map":
            listed = member.value.type == "list"
            texts = ["q" + self._text(_BODY) for _ in range(2)]
            return {f"q{i}": [text] if listed else text for i, text in enumerate(texts)}
        return self._outside(member, _BODY)

    def _header(self, member: Shape) -> Any:
        if member.type == "list":
            return [self._outside(member.member, _PLAIN, "rfc822") for _ in range(2)]
        value = self._outside(member, _HEADER, "rfc822")
        return value - value % 1000 if member.type == "timestamp" else value

    def _text(self, alphabet: str) -> str:
        return "".join(self.random.choices(alphabet, k=self.random.randint(0, 8)))

    def _instant(self, wire_format: str) -> int:
        ms = self.random.choice([0, 1, 86_399_999, 1_582_934_400_123, 4_102_444_800_000, -1_000])
        return ms - ms % 1000 if wire_format == "rfc822" else ms

    def value(self, shape: Shape, depth: int) -> Any:
        self._nodes += 1
        if shape.document:
            return {"any": [1, 2.5, "é", None, {"x": True}]}
        if shape.type == "structure":
            return self._structure(shape, depth)
        if shape.type == "list":
            return self._list(shape, depth)
        if shape.type == "map":
            return self._map(shape, depth)
        return self._scalar(shape)

    def _scalar(self, shape: Shape) -> Any:
        choose = self.random.choice
        if shape.type == "string":
            enum = shape.traits.get("enum")
            return choose(enum) if enum else self._text(_BODY)
        if shape.type == "boolean":
            return choose([True, False])
        if shape.type == "integer":
            return choose([0, 1, -1, 255, 2**31 - 1, -(2**31)])
        if shape.type == "long":
            return choose([0, 1, -1, 2**40, 2**53, -(2**53)])
        if shape.type in ("float", "double"):
            return choose([0.0, 1.5, -0.25, 1024.0])
        if shape.type == "timestamp":
            return self._instant(shape.timestamp_format or "")
        if shape.type == "blob":
            return self.random.randbytes(self.random.randint(0, 6))
        assert shape.type == "character", shape.type
        return "c"

    def _full(self, depth: int) -> bool:
        return depth > self._depth_max or self._nodes > self._nodes_max

    def _structure(self, shape: Shape, depth: int) -> Any:
        names = list(shape.members)
        self.random.shuffle(names)
        names.sort(key=lambda name: name not in shape.required)
        union = shape.traits.get("union")
        result: dict[str, Any] = {}
        for name in names:
            if result and (union or (self._full(depth) and name not in shape.required)):
                break
            member = shape.members[name]
            if depth > self._depth_max and member.type in ("structure", "list", "map"):
                continue
            value = self.value(member, depth + 1)
            if value is not ABSENT:
                result[name] = value
        if not result and (union or not self._sparse_ok):
            return ABSENT
        return {name: result[name] for name in shape.members if name in result}

    def _list(self, shape: Shape, depth: int) -> Any:
        count = 1 if self._full(depth) else self.random.randint(1, 2)
        if self._sparse_ok and (self._full(depth) or self.random.random() < 0.1):
            count = 0
        items = [self.value(shape.member, depth + 1) for _ in range(count)]
        items = [item for item in items if item is not ABSENT]
        return items if items or self._sparse_ok else ABSENT

    def _map(self, shape: Shape, depth: int) -> Any:
        if self._sparse_ok and (self._full(depth) or self.random.random() < 0.1):
            return {}
        keys = shape.key.traits.get("enum") or ["k1", "k &é"]
        result = {key: self.value(shape.value, depth + 1) for key in keys[:2]}
        result = {key: value for key, value in result.items() if value is not ABSENT}
        return result if result or self._sparse_ok else ABSENT
