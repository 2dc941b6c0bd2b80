"""One service in one protocol: requests to typed dicts, answers and errors to responses.

Everything is compiled per operation at first use and kept for the life of the process. Nothing here
does I/O, and nothing here decides what a request means.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from pilvi.base.errors import AwsError
from pilvi.base.http import HttpRequest, HttpResponse
from pilvi.protocol import validation
from pilvi.protocol.checksums import ChecksumRules, checksum_rules
from pilvi.protocol.dialects import Dialect, Failure, Params, ReadRequest, WriteResponse
from pilvi.protocol.model import ServiceModel, service_model
from pilvi.protocol.routes import Match
from pilvi.protocol.unreadable import Unreadable, aws_error


class Codec:
    def __init__(
        self, model: ServiceModel, protocol: str, dialect: Dialect, opaque: frozenset[str]
    ) -> None:
        self.model = model
        self.protocol = protocol
        self._dialect = dialect
        self._opaque = opaque
        self._readers: dict[str, ReadRequest] = {}
        self._writers: dict[str, WriteResponse] = {}
        self._validators: dict[str, validation.Validate] = {}

    def route(self, request: HttpRequest) -> Match | None:
        """The operation that the request names; None when the service has none such.

        Raises: AwsError when not even that can be read.
        """
        try:
            return self._dialect.route(request)
        except Unreadable as wrong:
            raise aws_error(wrong, self.model.name, self.protocol) from wrong

    def parse(self, match: Match, request: HttpRequest) -> Params:
        """The request's members, under their model names; instants in epoch milliseconds.

        Raises: AwsError for bytes that do not fit the model, in the service's own words.
        """
        read = self._readers.get(match.operation)
        if read is None:
            read = self._dialect.reader(self.model.operation(match.operation))
            self._readers[match.operation] = read
        try:
            return read(match, request)
        except Unreadable as wrong:
            raise aws_error(wrong, self.model.name, self.protocol) from wrong
        except RecursionError:
            wrong = Unreadable("The request body is nested too deeply.")
            raise aws_error(wrong, self.model.name, self.protocol) from None

    def validate(self, operation: str, params: Mapping[str, Any]) -> None:
        """Check what the model constrains: required, length, range, pattern, enum.

        Raises: AwsError, the service's validation error, with AWS's text.
        """
        check = self._validators.get(operation)
        if check is None:
            check = validation.validator(
                self.model.operation(operation), self.protocol, self._opaque
            )
            self._validators[operation] = check
        check(params)

    def render(self, operation: str, result: Mapping[str, Any], request_id: str) -> HttpResponse:
        """The answer. A member that the model does not have is an AssertionError."""
        write = self._writers.get(operation)
        if write is None:
            write = self._dialect.writer(self.model.operation(operation))
            self._writers[operation] = write
        return write(result, request_id)

    def render_error(self, operation: str | None, error: AwsError, request_id: str) -> HttpResponse:
        """The error. `operation` is None when the request did not say what it wants."""
        shape = self.model.exception(error.shape or type(error).__name__, error.code)
        known = None if operation is None else self.model.operation(operation)
        return self._dialect.fail(Failure(error, shape, known, request_id))

    def checksum(self, operation: str) -> ChecksumRules:
        """Which checksums the operation's bodies carry, and where."""
        return checksum_rules(self.model.operation(operation))


def _dialect(model: ServiceModel, protocol: str, opaque: frozenset[str]) -> Dialect:
    if protocol == "json":
        from pilvi.protocol.rpc import JsonRpc

        return JsonRpc(model, opaque)
    if protocol == "smithy-rpc-v2-cbor":
        from pilvi.protocol.rpc import CborRpc

        return CborRpc(model)
    if protocol in ("query", "ec2"):
        from pilvi.protocol.query import Query

        return Query(model, ec2=protocol == "ec2")
    if protocol == "rest-json":
        from pilvi.protocol.rest import RestJson

        return RestJson(model, opaque)
    if protocol == "rest-xml":
        from pilvi.protocol.rest import RestXml

        return RestXml(model)
    raise ValueError(f"unknown protocol {protocol}")


@cache
def codec(service: str, protocol: str | None = None, opaque: frozenset[str] = frozenset()) -> Codec:
    """The codec of a service, by botocore's name, in a protocol (its own first one by default).

    `opaque`: names of shapes that pass through as decoded JSON, both ways.
    Raises: KeyError (no such service), ValueError (the service does not speak the protocol).
    """
    model = service_model(service)
    protocol = protocol or model.protocol
    if protocol not in model.protocols:
        raise ValueError(f"{service} does not speak {protocol}")
    if protocol == "query":
        model = model.as_query()
    return Codec(model, protocol, _dialect(model, protocol, opaque), opaque)


def detect(service: str, request: HttpRequest) -> str:
    """The protocol that a request to the service speaks; the service's own when nothing tells."""
    model = service_model(service)
    spoken = model.protocols
    if len(spoken) == 1:
        return spoken[0]
    content_type = request.headers.get("content-type", "")
    if request.headers.get("smithy-protocol") == "rpc-v2-cbor":
        found = "smithy-rpc-v2-cbor"
    elif "x-amz-target" in request.headers or content_type.startswith("application/x-amz-json-"):
        found = "json"
    elif content_type.startswith("application/cbor"):
        found = "smithy-rpc-v2-cbor"
    elif content_type.startswith("application/x-www-form-urlencoded") or "Action=" in request.query:
        found = "query"
    else:
        found = model.protocol
    return found if found in spoken else model.protocol
