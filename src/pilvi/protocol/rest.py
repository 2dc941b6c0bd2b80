"""rest-json and rest-xml: what `rest_request` and `rest_response` gather, in the one's or the other's words."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from pilvi.base.http import HttpResponse
from pilvi.protocol import eventstream
from pilvi.protocol.dialects import Failure, ReadRequest, WriteResponse
from pilvi.protocol.model import Operation, ServiceModel, Shape
from pilvi.protocol.rest_request import ReadBody, body_members, request_reader
from pilvi.protocol.rest_response import (
    BodyFormat,
    Headers,
    WriteBody,
    header_adders,
    response_writer,
)
from pilvi.protocol.routes import rest_route
from pilvi.protocol.rpc import dump_json, load_json
from pilvi.protocol.tree_reader import TreeReader
from pilvi.protocol.tree_writer import TreeWriter
from pilvi.protocol.unreadable import Unreadable
from pilvi.protocol.xml_reader import XmlReader, local_name, parse_document
from pilvi.protocol.xml_writer import DECLARATION, XmlWriter, error_elements, escape

_S3_ROOTS = {
    "CompleteMultipartUpload": "CompleteMultipartUploadResult",
    "CreateMultipartUpload": "InitiateMultipartUploadResult",
    "CreateSession": "CreateSessionResult",
    "DeleteObjects": "DeleteResult",
    "GetBucketAccelerateConfiguration": "AccelerateConfiguration",
    "GetBucketAcl": "AccessControlPolicy",
    "GetBucketCors": "CORSConfiguration",
    "GetBucketLifecycle": "LifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
    "GetBucketLogging": "BucketLoggingStatus",
    "GetBucketRequestPayment": "RequestPaymentConfiguration",
    "GetBucketTagging": "Tagging",
    "GetBucketVersioning": "VersioningConfiguration",
    "GetBucketWebsite": "WebsiteConfiguration",
    "GetObjectAcl": "AccessControlPolicy",
    "GetObjectAttributes": "GetObjectAttributesResponse",
    "GetObjectTagging": "Tagging",
    "ListBucketAnalyticsConfigurations": "ListBucketAnalyticsConfigurationResult",
    "ListBucketIntelligentTieringConfigurations": "ListBucketIntelligentTieringConfigurationsOutput",
    "ListBucketInventoryConfigurations": "ListInventoryConfigurationsResult",
    "ListBucketMetricsConfigurations": "ListMetricsConfigurationsResult",
    "ListBuckets": "ListAllMyBucketsResult",
    "ListDirectoryBuckets": "ListAllMyDirectoryBucketsResult",
    "ListMultipartUploads": "ListMultipartUploadsResult",
    "ListObjectVersions": "ListVersionsResult",
    "ListObjects": "ListBucketResult",
    "ListObjectsV2": "ListBucketResult",
    "ListParts": "ListPartsResult",
}
"""Names that S3 gives its answers' root elements; botocore's model leaves them out."""

_ALSO_CALLED = {"SelectObjectContentRequest": "SelectRequest"}
"""What AWS's pages call a request's root element, where the model has another name."""


class RestJson:
    def __init__(self, model: ServiceModel, opaque: frozenset[str]) -> None:
        self._model = model
        self._reader = TreeReader(opaque=opaque)
        self._writer = TreeWriter(opaque=opaque)
        self._format = _JsonBody(self._writer)
        self.route = rest_route(model)

    def reader(self, operation: Operation) -> ReadRequest:
        def payload(member: Shape) -> ReadBody:
            read = self._reader.of(member)
            return lambda body: read(load_json(body))

        def members(shape: Shape, members: dict[str, Shape]) -> ReadBody:
            read = self._reader.members(shape.name, members)
            return lambda body: read(load_json(body))

        return request_reader(operation, payload, members)

    def writer(self, operation: Operation) -> WriteResponse:
        return response_writer(operation, self._format, _identify)

    def fail(self, failure: Failure) -> HttpResponse:
        headers: Headers = [("Content-Type", "application/json")]
        _identify(headers, failure.request_id)
        headers.append(("x-amzn-ErrorType", failure.type_name))
        tree: dict[str, Any] = {}
        if failure.error.text:
            tree[failure.message_name()] = failure.error.text
        shape = failure.shape
        if shape is not None:
            values = failure.modelled
            if "Type" in shape.members:
                # Lambda's errors say whose mistake it was.
                values.setdefault("Type", "User" if failure.status < 500 else "Service")
            for name, add in header_adders(shape).items():
                value = values.pop(name, None)
                stated = (shape.members[name].location_name or "").lower() == "x-amzn-errortype"
                if value is not None and not stated:
                    add(headers, value)
            tree.update(self._writer.members(shape.name, body_members(shape))(values))
        tree.update(failure.extra)
        return HttpResponse(failure.status, headers + failure.headers(), dump_json(tree))


def _identify(headers: Headers, request_id: str) -> None:
    headers.append(("x-amzn-RequestId", request_id))


class _JsonBody(BodyFormat):
    content_type = "application/json"

    def __init__(self, writer: TreeWriter) -> None:
        self._writer = writer

    def payload(self, operation: Operation, member: Shape) -> WriteBody:
        write = self._writer.of(member)
        return dump_json if write is None else lambda value: dump_json(write(value))

    def members(self, operation: Operation, shape: Shape, members: dict[str, Shape]) -> WriteBody:
        write = self._writer.members(shape.name, members)
        return lambda value: dump_json(write(value))

    def events(self, stream: Shape) -> eventstream.WriteEvent:
        return eventstream.event_writer(
            stream, self._writer.structure, dump_json, "application/json"
        )


class RestXml:
    def __init__(self, model: ServiceModel) -> None:
        self._model = model
        self._s3 = model.name == "s3"
        self._control = model.name == "s3control"
        self._reader = XmlReader()
        self._writer = XmlWriter(full=True)
        self._format = _XmlBody(self._writer, model)
        self.route = rest_route(model)

    def reader(self, operation: Operation) -> ReadRequest:
        def payload(member: Shape) -> ReadBody:
            names = {member.location_name, member.name}
            return _document_reader(self._reader.of(member), names)

        def members(shape: Shape, members: dict[str, Shape]) -> ReadBody:
            names = {shape.location_name, shape.name, _ALSO_CALLED.get(shape.name)} - {None}
            return _document_reader(self._reader.members(shape, members), names)

        return request_reader(operation, payload, members)

    def writer(self, operation: Operation) -> WriteResponse:
        if self._s3 and operation.name == "GetBucketLocation":
            return self._bucket_location
        return response_writer(operation, self._format, self._identify)

    def _identify(self, headers: Headers, request_id: str) -> None:
        if self._s3:
            headers += s3_ids(request_id)
        else:
            headers.append(("x-amzn-RequestId", request_id))

    def _bucket_location(self, result: Mapping[str, Any], request_id: str) -> HttpResponse:
        """GetBucketLocation's root holds the text itself, where the model shows a member."""
        headers: Headers = [("Content-Type", "application/xml")]
        self._identify(headers, request_id)
        text = escape(result.get("LocationConstraint") or "")
        body = (
            f'{DECLARATION}<LocationConstraint xmlns="{self._model.namespace}">{text}'
            "</LocationConstraint>"
        )
        return HttpResponse(200, headers, body.encode())

    def fail(self, failure: Failure) -> HttpResponse:
        headers: Headers = [("Content-Type", "application/xml" if self._s3 else "text/xml")]
        self._identify(headers, failure.request_id)
        headers += failure.headers()
        head = failure.operation is not None and failure.operation.method == "HEAD"
        if head or failure.status == 304:  # neither has a body
            return HttpResponse(failure.status, headers[1:], b"")
        out = [f"<Code>{escape(failure.query_code)}</Code>"]
        if failure.error.text or self._s3:  # S3 words some with nothing
            out.append(f"<Message>{escape(failure.error.text)}</Message>")
        out += error_elements(failure, self._writer)
        identity = f"<RequestId>{escape(failure.request_id)}</RequestId>"
        if self._s3:
            host = f"<HostId>{host_id(failure.request_id)}</HostId>"
            text = f"{DECLARATION}<Error>{''.join(out)}{identity}{host}</Error>"
        else:
            xmlns = f' xmlns="{self._model.namespace}"' if self._model.namespace else ""
            if self._control:
                identity += f"<HostId>{host_id(failure.request_id)}</HostId>"
            else:
                out.insert(0, f"<Type>{failure.error.fault}</Type>")
            text = (
                f"{DECLARATION}<ErrorResponse{xmlns}><Error>{''.join(out)}</Error>"
                f"{identity}</ErrorResponse>"
            )
        return HttpResponse(failure.status, headers, text.encode())


def s3_ids(request_id: str) -> Headers:
    """The headers by which S3 names every answer."""
    return [("x-amz-request-id", request_id), ("x-amz-id-2", host_id(request_id))]


def host_id(request_id: str) -> str:
    """S3's second id (`x-amz-id-2`): opaque to clients; here it follows from the first."""
    return base64.b64encode(request_id.encode() * 2).decode("ascii")


def _document_reader(read: Callable[[Any], Any], names: set[str | None]) -> ReadBody:
    def read_document(body: bytes) -> dict[str, Any]:
        root = parse_document(body)
        if local_name(root) not in names:
            raise Unreadable(f"Unexpected root element {local_name(root)}.")
        return read(root)

    return read_document


class _XmlBody(BodyFormat):
    def __init__(self, writer: XmlWriter, model: ServiceModel) -> None:
        self._writer = writer
        self._model = model
        self.content_type = "application/xml" if model.name == "s3" else "text/xml"

    def _root(self, operation: Operation, shape: Shape) -> str:
        root = shape.location_name or shape.name
        return _S3_ROOTS.get(operation.name, root) if self._model.name == "s3" else root

    def payload(self, operation: Operation, member: Shape) -> WriteBody:
        write = self._writer.structure(member, self._model.namespace)
        root = member.location_name or member.name
        return lambda value: _document(write, root, value)

    def members(self, operation: Operation, shape: Shape, members: dict[str, Shape]) -> WriteBody:
        write = self._writer.members(shape, members, self._model.namespace)
        root = self._root(operation, shape)
        return lambda value: _document(write, root, value)

    def events(self, stream: Shape) -> eventstream.WriteEvent:
        def structure(shape: Shape) -> Callable[[Any], Any]:
            write = self._writer.structure(shape)
            return lambda value: _document(write, shape.name, value)

        return eventstream.event_writer(stream, structure, bytes, "text/xml")


def _document(write: Callable[[list[str], str, Any], None], root: str, value: Any) -> bytes:
    out = [DECLARATION]
    write(out, root, value)
    return "".join(out).encode()
