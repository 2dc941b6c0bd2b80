"""Typed answers to REST responses: status, headers, and the body that rest-json or rest-xml write."""

from __future__ import annotations

import binascii
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import orjson

from pilvi.base.http import Body, HttpResponse
from pilvi.protocol.dialects import WriteResponse, events_of
from pilvi.protocol.eventstream import WriteEvent, frames
from pilvi.protocol.model import Operation, Shape
from pilvi.protocol.rest_request import VERBATIM, body_members
from pilvi.protocol.xml_writer import text_writer

Headers = list[tuple[str, str]]
WriteBody = Callable[[Mapping[str, Any]], bytes]
AddHeader = Callable[[Headers, Any], None]

_BLOB_TYPES = {"s3": "binary/octet-stream", "lambda": "application/json"}
"""What a blob is called when the answer does not say."""


def _quote(text: str) -> str:
    """An item of a header list, in quotes where it holds a comma or a quote."""
    if "," not in text and '"' not in text:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _plain_header(text: str) -> str:
    """A line break in a header's value would start another header."""
    if "\r" in text or "\n" in text or "\x00" in text:
        raise ValueError("a header's value cannot hold a line break")
    return text


def _header_adder(name: str, member: Shape) -> AddHeader:
    wire = member.location_name or name
    if member.type == "list":
        text = text_writer(member.member, "rfc822")
        quote = _quote if member.member.type == "string" else str

        def add_list(headers: Headers, value: Any) -> None:
            if value:
                joined = ",".join(quote(text(item)) for item in value)
                headers.append((wire, _plain_header(joined)))

        return add_list
    if member.traits.get("jsonvalue"):

        def add_json(headers: Headers, value: Any) -> None:
            encoded = binascii.b2a_base64(orjson.dumps(value), newline=False)
            headers.append((wire, encoded.decode("ascii")))

        return add_json
    convert = text_writer(member, "rfc822")
    if wire.lower() in VERBATIM:

        def add_verbatim(headers: Headers, value: Any) -> None:
            text = value if isinstance(value, str) else convert(value)
            headers.append((wire, _plain_header(text)))

        return add_verbatim

    def add(headers: Headers, value: Any) -> None:
        headers.append((wire, _plain_header(convert(value))))

    return add


def _prefix_adder(member: Shape) -> AddHeader:
    prefix = member.location_name or ""

    def add(headers: Headers, value: Any) -> None:
        for key, text in value.items():
            headers.append((prefix + _plain_header(key), _plain_header(text)))

    return add


def header_adders(shape: Shape) -> dict[str, AddHeader]:
    """How each member that lies in a header gets there."""
    adders: dict[str, AddHeader] = {}
    for name, member in shape.members.items():
        if member.location == "header":
            adders[name] = _header_adder(name, member)
        elif member.location == "headers":
            adders[name] = _prefix_adder(member)
    return adders


class BodyFormat:
    """What rest-json and rest-xml do differently with an answer's body."""

    content_type: str

    def payload(self, operation: Operation, member: Shape) -> WriteBody:
        """The document of a structure that is the whole body."""
        raise NotImplementedError

    def members(self, operation: Operation, shape: Shape, members: dict[str, Shape]) -> WriteBody:
        """The document of the members that lie in the body."""
        raise NotImplementedError

    def events(self, stream: Shape) -> WriteEvent:
        raise NotImplementedError


def response_writer(
    operation: Operation, body_format: BodyFormat, identify: Callable[[Headers, str], None]
) -> WriteResponse:
    """Compile an operation's answer. `identify` adds the headers that carry the request id."""
    shape = operation.output
    adders = {} if shape is None else header_adders(shape)
    statuses = list[str]()
    if shape is not None:
        statuses = [name for name, m in shape.members.items() if m.location == "statusCode"]
    write_body = _body_writer(operation, body_format)
    # The server states the length of a body; only an answer to HEAD, which has none, says it itself.
    sized = "ContentLength" in adders and operation.method != "HEAD"
    if sized:
        del adders["ContentLength"]

    known = frozenset(shape.members if shape is not None else ())

    def write_response(result: Mapping[str, Any], request_id: str) -> HttpResponse:
        assert result.keys() <= known, f"{operation.name} answers no {set(result) - known}"
        headers: Headers = []
        identify(headers, request_id)
        for name, value in result.items():
            if value is not None and name in adders:
                adders[name](headers, value)
        status = operation.status
        for name in statuses:
            status = result.get(name) or status
        body, content_type = write_body(result)
        answer = HttpResponse(status, headers, body)
        if content_type and all(key.lower() != "content-type" for key, _ in headers):
            headers.append(("Content-Type", content_type))
        if sized and not isinstance(body, bytes):
            answer.length = result.get("ContentLength")
        return answer

    return write_response


def _body_writer(
    operation: Operation, body_format: BodyFormat
) -> Callable[[Mapping[str, Any]], tuple[bytes | Body, str]]:
    """Gives the body and its content type, empty when there is none."""
    shape = operation.output
    if shape is None:
        return lambda result: (b"", "")
    payload: str | None = shape.traits.get("payload")
    if payload is None:
        payload = shape.event_stream_member
    if payload is None:
        members = body_members(shape)
        if not members:
            return lambda result: (b"", "")
        write = body_format.members(operation, shape, members)
        return lambda result: (
            write({name: value for name, value in result.items() if name in members}),
            body_format.content_type,
        )
    return _payload_writer(operation, body_format, payload, shape.members[payload])


def _payload_writer(
    operation: Operation, body_format: BodyFormat, name: str, member: Shape
) -> Callable[[Mapping[str, Any]], tuple[bytes | Body, str]]:
    if member.event_stream:
        write_event = body_format.events(member)
        return lambda result: (
            frames(events_of(result[name]), write_event),
            "application/vnd.amazon.eventstream",
        )
    if member.type == "blob":
        content_type = _BLOB_TYPES.get(operation.model.name, "application/octet-stream")

        def blob(result: Mapping[str, Any]) -> tuple[bytes | Body, str]:
            value: bytes | Body | None = result.get(name)
            if value is None:
                return b"", ""
            assert isinstance(value, bytes | AsyncIterator), f"{name} must be bytes or a stream"
            return value, content_type

        return blob
    if member.type == "string":
        text_type = "application/json" if name == "Policy" else "text/plain"
        return lambda result: (
            (result[name].encode(), text_type) if result.get(name) is not None else (b"", "")
        )
    write = body_format.payload(operation, member)
    return lambda result: (
        (write(result[name]), body_format.content_type)
        if result.get(name) is not None
        else (b"", "")
    )
