"""The protocols whose whole request is one tree in the body: json 1.0, json 1.1, Smithy RPC v2 CBOR."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from pilvi.base.http import HttpRequest, HttpResponse
from pilvi.protocol import eventstream
from pilvi.protocol.bounds import check_cbor, check_json
from pilvi.protocol.dialects import Failure, Params, ReadRequest, WriteResponse, events_of
from pilvi.protocol.model import Operation, ServiceModel
from pilvi.protocol.routes import Match, rpc_route, target_route
from pilvi.protocol.tree_reader import TreeReader
from pilvi.protocol.tree_writer import TreeWriter
from pilvi.protocol.unreadable import Unreadable

_NAMESPACES = {
    "cloudwatch": "com.amazonaws.cloudwatch.v2010_08_01#",
    "dynamodb": "com.amazonaws.dynamodb.v20120810#",
    "dynamodbstreams": "com.amazonaws.dynamodb.v20120810#",
    "sqs": "com.amazonaws.sqs#",
    "stepfunctions": "com.amazonaws.swf.service.v2.model#",
}
"""What stands before an error's name in `__type`; other services write the bare name."""

_CORAL = {
    "AccessDeniedException": "com.amazon.coral.service#",
    "ExpiredTokenException": "com.amazon.coral.service#",
    "IncompleteSignatureException": "com.amazon.coral.service#",
    "InternalFailure": "com.amazon.coral.service#",
    "InvalidParameterValueException": "com.amazon.coral.service#",
    "InvalidSignatureException": "com.amazon.coral.service#",
    "MissingRequiredParameterException": "com.amazon.coral.service#",
    "MissingAuthenticationTokenException": "com.amazon.coral.service#",
    "SerializationException": "com.amazon.coral.service#",
    "UnknownOperationException": "com.amazon.coral.service#",
    "UnrecognizedClientException": "com.amazon.coral.service#",
    "ValidationException": "com.amazon.coral.validate#",
}
"""Errors of AWS's service framework: the services with a namespace keep the framework's for them."""

_CAPITAL_MESSAGE = {"AccessDeniedException", "SerializationException"}


def load_json(body: bytes) -> Any:
    """Raises: Unreadable."""
    check_json(body)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as wrong:
        raise Unreadable(f"Not well-formed JSON: {wrong}") from None


def load_cbor(body: bytes) -> Any:
    """Raises: Unreadable."""
    import cbor2

    check_cbor(body)
    try:
        return cbor2.loads(body)
    except (cbor2.CBORDecodeError, ValueError, OverflowError, TypeError, RecursionError) as wrong:
        raise Unreadable(f"Not well-formed CBOR: {wrong}") from None


def dump_json(value: Any) -> bytes:
    return orjson.dumps(value)


def dump_cbor(value: Any) -> bytes:
    import cbor2

    return cbor2.dumps(value)


def _type_of_error(service: str, name: str) -> str:
    """`__type`, as the service writes it."""
    namespace = _NAMESPACES.get(service, "")
    return (_CORAL.get(name, namespace) if namespace else "") + name


def error_tree(failure: Failure, service: str, writer: TreeWriter) -> dict[str, Any]:
    """`__type`, the message, and the modelled members."""
    name = failure.type_name
    tree: dict[str, Any] = {"__type": _type_of_error(service, name)}
    if failure.error.text:
        spelled = "Message" if name in _CAPITAL_MESSAGE else "message"
        tree[failure.message_name(spelled)] = failure.error.text
    if failure.shape is not None:
        tree.update(writer.structure(failure.shape)(failure.modelled))
    return {**tree, **failure.extra}


def _nothing(answer: Callable[[str], HttpResponse]) -> WriteResponse:
    """The writer of an operation that answers without a body."""

    def write_response(result: Mapping[str, Any], request_id: str) -> HttpResponse:
        assert not result, f"the operation answers nothing, so no {set(result)}"
        return answer(request_id)

    return write_response


def query_error_header(failure: Failure, model: ServiceModel) -> list[tuple[str, str]]:
    """The code that the service's query protocol had for this error, for SDKs that still expect it."""
    if not model.query_compatible:
        return []
    return [("x-amzn-query-error", f"{failure.old_code(model)};{failure.error.fault}")]


class JsonRpc:
    """json 1.0 and 1.1."""

    def __init__(self, model: ServiceModel, opaque: frozenset[str]) -> None:
        self._model = model
        self._content_type = f"application/x-amz-json-{model.metadata.get('jsonVersion', '1.0')}"
        self._reader = TreeReader(opaque=opaque)
        self._writer = TreeWriter(opaque=opaque)
        self._checksummed = model.name in ("dynamodb", "dynamodbstreams")
        self.route = target_route(model)

    def reader(self, operation: Operation) -> ReadRequest:
        shape = operation.input
        if shape is None:
            return lambda match, request: {}
        read = self._reader.structure(shape)

        def read_request(match: Match, request: HttpRequest) -> Params:
            return read(load_json(request.body)) if request.body else {}

        return read_request

    def writer(self, operation: Operation) -> WriteResponse:
        shape = operation.output
        if shape is None:
            return _nothing(lambda request_id: self._answer(200, b"", request_id))
        streamed = shape.event_stream_member
        if streamed is not None:
            return self._stream_writer(operation, streamed)
        write = self._writer.structure(shape)

        def write_response(result: Mapping[str, Any], request_id: str) -> HttpResponse:
            return self._answer(200, dump_json(write(result)), request_id)

        return write_response

    def _stream_writer(self, operation: Operation, streamed: str) -> WriteResponse:
        assert operation.output is not None
        members = operation.output.members
        others = {name: member for name, member in members.items() if name != streamed}
        write = self._writer.members(operation.output.name, others)
        write_event = eventstream.event_writer(
            members[streamed], self._writer.structure, dump_json, "application/json"
        )

        def write_response(result: Mapping[str, Any], request_id: str) -> HttpResponse:
            rest = {name: value for name, value in result.items() if name != streamed}
            first = eventstream.initial_response(dump_json(write(rest)), self._content_type)
            body = eventstream.frames(events_of(result[streamed]), write_event, first)
            headers = [
                ("Content-Type", "application/vnd.amazon.eventstream"),
                ("x-amzn-RequestId", request_id),
            ]
            return HttpResponse(200, headers, body)

        return write_response

    def fail(self, failure: Failure) -> HttpResponse:
        tree = error_tree(failure, self._model.name, self._writer)
        answer = self._answer(failure.status, dump_json(tree), failure.request_id)
        answer.headers += query_error_header(failure, self._model) + failure.headers()
        return answer

    def _answer(self, status: int, body: bytes, request_id: str) -> HttpResponse:
        headers = [("Content-Type", self._content_type), ("x-amzn-RequestId", request_id)]
        if self._checksummed:
            headers.append(("x-amz-crc32", str(zlib.crc32(body))))
        return HttpResponse(status, headers, body)


class CborRpc:
    """Smithy RPC v2 with CBOR bodies."""

    def __init__(self, model: ServiceModel) -> None:
        self._model = model
        self._reader = TreeReader(binary=True)
        self._writer = TreeWriter(binary=True)
        self.route = rpc_route(model)

    def reader(self, operation: Operation) -> ReadRequest:
        shape = operation.input
        if shape is None:
            return lambda match, request: {}
        read = self._reader.structure(shape)

        def read_request(match: Match, request: HttpRequest) -> Params:
            return read(load_cbor(request.body)) if request.body else {}

        return read_request

    def writer(self, operation: Operation) -> WriteResponse:
        shape = operation.output
        if shape is None:
            return _nothing(lambda request_id: _cbor_answer(200, b"", request_id))
        streamed = shape.event_stream_member
        if streamed is not None:
            return self._stream_writer(operation, streamed)
        write = self._writer.structure(shape)

        def write_response(result: Mapping[str, Any], request_id: str) -> HttpResponse:
            return _cbor_answer(200, dump_cbor(write(result)), request_id)

        return write_response

    def _stream_writer(self, operation: Operation, streamed: str) -> WriteResponse:
        assert operation.output is not None
        members = operation.output.members
        others = {name: member for name, member in members.items() if name != streamed}
        write = self._writer.members(operation.output.name, others)
        write_event = eventstream.event_writer(
            members[streamed], self._writer.structure, dump_cbor, "application/cbor"
        )

        def write_response(result: Mapping[str, Any], request_id: str) -> HttpResponse:
            rest = {name: value for name, value in result.items() if name != streamed}
            first = eventstream.initial_response(dump_cbor(write(rest)), "application/cbor")
            body = eventstream.frames(events_of(result[streamed]), write_event, first)
            answer = _cbor_answer(200, b"", request_id)
            answer.headers[0] = ("Content-Type", "application/vnd.amazon.eventstream")
            answer.body = body
            return answer

        return write_response

    def fail(self, failure: Failure) -> HttpResponse:
        tree = error_tree(failure, self._model.name, self._writer)
        answer = _cbor_answer(failure.status, dump_cbor(tree), failure.request_id)
        answer.headers += query_error_header(failure, self._model) + failure.headers()
        return answer


def _cbor_answer(status: int, body: bytes, request_id: str) -> HttpResponse:
    headers = [
        ("Content-Type", "application/cbor"),
        ("smithy-protocol", "rpc-v2-cbor"),
        ("x-amzn-RequestId", request_id),
    ]
    return HttpResponse(status, headers, body)
