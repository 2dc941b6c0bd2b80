"""The query protocol and EC2's variant: forms in, XML out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pilvi.base.http import HttpRequest, HttpResponse
from pilvi.protocol.dialects import Failure, Params, ReadRequest, WriteResponse
from pilvi.protocol.form_reader import FormReader, grow
from pilvi.protocol.model import Operation, ServiceModel
from pilvi.protocol.routes import Match, action_route
from pilvi.protocol.xml_writer import DECLARATION, XmlWriter, error_elements, escape

_NOT_MEMBERS = frozenset(
    [
        "Action",
        "Version",
        "AWSAccessKeyId",
        "Signature",
        "SignatureMethod",
        "SignatureVersion",
        "SecurityToken",
        "Timestamp",
    ]
)
"""What stands among the parameters and is no member: the older signatures' own parameters."""


class Query:
    """The query protocol; with `ec2`, EC2's flavour of it."""

    def __init__(self, model: ServiceModel, *, ec2: bool = False) -> None:
        self._model = model
        self._ec2 = ec2
        self._reader = FormReader(ec2=ec2)
        self._writer = XmlWriter()
        self._xmlns = f' xmlns="{model.namespace}"' if model.namespace else ""
        self.route = action_route(model)

    def reader(self, operation: Operation) -> ReadRequest:
        shape = operation.input
        if shape is None:
            return lambda match, request: {}
        read = self._reader.structure(shape)
        # A service may have a member of the same name as one of the signature's parameters.
        own = frozenset(member.location_name or name for name, member in shape.members.items())
        skipped = (_NOT_MEMBERS - own) | {"Action", "Version"}

        def read_request(match: Match, request: HttpRequest) -> Params:
            return read(grow(match.labels, skipped), "")

        return read_request

    def writer(self, operation: Operation) -> WriteResponse:
        name, shape = operation.name, operation.output
        start = f"{DECLARATION}<{name}Response{self._xmlns}>"
        wrapper = None
        if shape is not None and not self._ec2:
            wrapper = shape.traits.get("resultWrapper") or f"{name}Result"
        members = {} if shape is None else shape.members
        write = None if shape is None else self._writer.structure(shape)

        def write_response(result: Mapping[str, Any], request_id: str) -> HttpResponse:
            assert shape is not None or not result, f"{name} answers nothing"
            out = [start]
            if self._ec2:
                # The result's members and the request id stand side by side under the root.
                out.append(f"<requestId>{escape(request_id)}</requestId>")
                if write is not None and members:
                    inner: list[str] = []
                    write(inner, "r", result)
                    out += inner[1:-1]
            else:
                if write is not None and wrapper is not None:
                    write(out, wrapper, result)
                identity = f"<RequestId>{escape(request_id)}</RequestId>"
                out.append(f"<ResponseMetadata>{identity}</ResponseMetadata>")
            out.append(f"</{name}Response>")
            return self._answer(200, "".join(out), request_id)

        return write_response

    def fail(self, failure: Failure) -> HttpResponse:
        error = failure.error
        identity = escape(failure.request_id)
        inner = [f"<Code>{escape(failure.old_code(self._model))}</Code>"]
        message = failure.error.text
        if message:
            inner.append(f"<Message>{escape(message)}</Message>")
        if self._ec2:
            text = (
                f"{DECLARATION}<Response><Errors><Error>{''.join(inner)}</Error></Errors>"
                f"<RequestID>{identity}</RequestID></Response>"
            )
        else:
            inner.insert(0, f"<Type>{error.fault}</Type>")
            inner += error_elements(failure, self._writer)
            if self._model.name == "sqs":
                inner.append("<Detail/>")
            text = (
                f"{DECLARATION}<ErrorResponse{self._xmlns}><Error>{''.join(inner)}</Error>"
                f"<RequestId>{identity}</RequestId></ErrorResponse>"
            )
        answer = self._answer(failure.old_status(self._model), text, failure.request_id)
        answer.headers += failure.headers()
        return answer

    def _answer(self, status: int, text: str, request_id: str) -> HttpResponse:
        content_type = "text/xml;charset=UTF-8" if self._ec2 else "text/xml"
        headers = [("Content-Type", content_type), ("x-amzn-RequestId", request_id)]
        return HttpResponse(status, headers, text.encode())
