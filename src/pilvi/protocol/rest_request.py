"""REST requests to typed dicts: labels, query, headers, and the body that rest-json or rest-xml read."""

from __future__ import annotations

import binascii
from collections.abc import Callable
from typing import Any, Literal

import orjson

from pilvi.base.http import HttpRequest
from pilvi.protocol import timestamps
from pilvi.protocol.dialects import Params, ReadRequest
from pilvi.protocol.model import Operation, Shape
from pilvi.protocol.routes import Match
from pilvi.protocol.unreadable import Unreadable
from pilvi.protocol.xml_reader import scalar_from_text

ReadBody = Callable[[bytes], Params]
Step = Callable[[Match, HttpRequest, Params], None]
Place = Literal["header", "query", "uri"]

VERBATIM = frozenset({"expires", "response-expires"})
"""Times by the model, but what was sent is kept and told as it is, whether it is one or not."""


def body_members(shape: Shape) -> dict[str, Shape]:
    """The members that no other place claims."""
    return {name: member for name, member in shape.members.items() if member.location is None}


def _scalar(member: Shape, text: str, wire: str, place: Place) -> Any:
    if member.type == "string":
        return _json_value(text, wire) if member.traits.get("jsonvalue") else text
    if wire in VERBATIM:
        return _verbatim(text)
    try:
        return scalar_from_text(member.type, text)
    except Unreadable as wrong:
        argument = (wire, text) if member.type in ("integer", "long") else None
        raise Unreadable(f"{wire}: {wrong.detail}", place=place, argument=argument) from None


def _verbatim(text: str) -> int | str:
    """An instant only where it will be written as it was sent."""
    try:
        ms = timestamps.from_text(text)
    except (ValueError, OverflowError):
        return text
    return ms if timestamps.rfc822(ms) == text else text


def _json_value(text: str, wire: str) -> Any:
    try:
        return orjson.loads(binascii.a2b_base64(text.encode("ascii")))
    except ValueError:
        raise Unreadable(f"{wire} is not JSON in base64.", place="header") from None


def _label_step(name: str, member: Shape) -> Step:
    wire = member.location_name or name

    def step(match: Match, request: HttpRequest, params: Params) -> None:
        params[name] = _scalar(member, match.labels[wire], wire, "uri")

    return step


def _field_step(name: str, member: Shape) -> Step:
    """For a field of the query string that was sent."""
    wire = member.location_name or name

    def one(match: Match, request: HttpRequest, params: Params) -> None:
        value = match.query[wire][0]
        if value or member.type == "string":
            params[name] = _scalar(member, value, wire, "query")

    def many(match: Match, request: HttpRequest, params: Params) -> None:
        values = match.query[wire]
        params[name] = [_scalar(member.member, value, wire, "query") for value in values]

    return many if member.type == "list" else one


def _other_fields_step(name: str, member: Shape, others: frozenset[str]) -> Step:
    """For a map of all the fields that no other member claims."""

    def rest(match: Match, request: HttpRequest, params: Params) -> None:
        listed = member.value.type == "list"
        found: dict[str, Any] = {
            key: values if listed else values[0]
            for key, values in match.query.items()
            if key not in others and not key.startswith("X-Amz-")
        }
        if found:
            params[name] = found

    return rest


def split_header_list(text: str) -> list[str]:
    """A comma-separated list whose items may be quoted: `a, "b,c", "d\\"e"`."""
    items, item, quoted, escaped = list[str](), "", False, False
    for character in text:
        if escaped:
            item += character
            escaped = False
        elif quoted and character == "\\":
            escaped = True
        elif character == '"':
            quoted = not quoted
        elif character == "," and not quoted:
            items.append(item.strip())
            item = ""
        else:
            item += character
    items.append(item.strip())
    return items


def _split_dates(text: str) -> list[str]:
    """HTTP dates have a comma of their own: every second one separates."""
    pieces = text.split(",")
    if len(pieces) % 2 or not text.strip()[:1].isalpha():
        return [piece.strip() for piece in pieces]
    pairs = zip(pieces[::2], pieces[1::2], strict=True)
    return [f"{day.strip()},{rest}" for day, rest in pairs]


def _header_step(name: str, member: Shape) -> Step:
    """For a header that was sent."""
    wire = (member.location_name or name).lower()

    def one(match: Match, request: HttpRequest, params: Params) -> None:
        text = request.headers[wire]
        if text or member.type == "string":
            params[name] = _scalar(member, text, wire, "header")

    def many(match: Match, request: HttpRequest, params: Params) -> None:
        text = request.headers[wire]
        if text:
            split = _split_dates if member.member.type == "timestamp" else split_header_list
            params[name] = [_scalar(member.member, item, wire, "header") for item in split(text)]

    return many if member.type == "list" else one


def _prefix_step(name: str, member: Shape) -> Step:
    prefix = (member.location_name or "").lower()

    def step(match: Match, request: HttpRequest, params: Params) -> None:
        found = {
            key[len(prefix) :]: value
            for key, value in request.headers.items()
            if key.startswith(prefix)
        }
        if found:
            params[name] = found

    return step


def _payload_step(
    name: str, member: Shape, read: Callable[[bytes], Any] | None, *, required: bool
) -> Step:
    """An empty body is no member; but the empty text where there must be a text."""

    def blob(match: Match, request: HttpRequest, params: Params) -> None:
        if request.body:
            params[name] = request.body

    def string(match: Match, request: HttpRequest, params: Params) -> None:
        if request.body or required:
            try:
                params[name] = request.body.decode("utf-8")
            except UnicodeDecodeError:
                raise Unreadable("The request body is not UTF-8.") from None

    def structure(match: Match, request: HttpRequest, params: Params) -> None:
        assert read is not None
        if request.body:
            params[name] = read(request.body)

    return blob if member.type == "blob" else string if member.type == "string" else structure


def _body_step(read: ReadBody) -> Step:
    def step(match: Match, request: HttpRequest, params: Params) -> None:
        if request.body:
            params.update(read(request.body))

    return step


def _literal_names(operation: Operation) -> set[str]:
    _, _, query = operation.uri.partition("?")
    return {piece.partition("=")[0] for piece in query.split("&") if piece}


def request_reader(
    operation: Operation,
    read_payload: Callable[[Shape], ReadBody],
    read_members: Callable[[Shape, dict[str, Shape]], ReadBody],
) -> ReadRequest:
    """Compile the steps that gather an operation's members from where the model puts them.

    A streaming payload is not read: the member stays absent and the handler has the stream.
    """
    shape = operation.input
    if shape is None:
        return lambda match, request: {}
    steps = list[Step]()
    by_header = dict[str, list[Step]]()
    by_field = dict[str, list[Step]]()
    payload: str | None = shape.traits.get("payload")
    known = _literal_names(operation) | {
        member.location_name or name
        for name, member in shape.members.items()
        if member.location == "querystring" and member.type != "map"
    }
    for name, member in shape.members.items():
        if member.location == "uri":
            steps.append(_label_step(name, member))
        elif member.location == "querystring" and member.type == "map":
            steps.append(_other_fields_step(name, member, frozenset(known)))
        elif member.location == "querystring":
            wire = member.location_name or name
            by_field.setdefault(wire, []).append(_field_step(name, member))
        elif member.location == "header":
            wire = (member.location_name or name).lower()
            by_header.setdefault(wire, []).append(_header_step(name, member))
        elif member.location == "headers":
            steps.append(_prefix_step(name, member))
        elif name == payload and not member.streaming and not member.event_stream:
            structured = member.type not in ("blob", "string")
            read = read_payload(member) if structured else None
            required = name in shape.required
            steps.append(_payload_step(name, member, read, required=required))
    if payload is None:
        unlocated = body_members(shape)
        if unlocated:
            steps.append(_body_step(read_members(shape, unlocated)))

    def read_request(match: Match, request: HttpRequest) -> Params:
        params: Params = {}
        for step in steps:
            step(match, request, params)
        for places, sent in ((by_header, request.headers), (by_field, match.query)):
            for wire in sent:  # a few are sent of the many that could be
                for step in places.get(wire, ()):
                    step(match, request, params)
        return params

    return read_request
