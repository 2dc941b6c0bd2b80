"""What the codec asks of a protocol: how to read a request and how to write an answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Protocol, cast

from pilvi.base.errors import AwsError
from pilvi.base.http import HttpRequest, HttpResponse
from pilvi.protocol.model import Operation, ServiceModel, Shape
from pilvi.protocol.routes import Match, Route

Params = dict[str, Any]
ReadRequest = Callable[[Match, HttpRequest], Params]
WriteResponse = Callable[[Mapping[str, Any], str], HttpResponse]
Events = AsyncIterator[dict[str, Any]]


_OF_THE_FRONT_END = {
    "AccessDeniedException": "AccessDenied",
    "IncompleteSignatureException": "IncompleteSignature",
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "MissingAuthenticationTokenException": "MissingAuthenticationToken",
    "UnrecognizedClientException": "InvalidClientTokenId",
}


class Failure:
    """An error about to be rendered, with its modelled shape if there is one."""

    __slots__ = ("error", "operation", "request_id", "shape")

    def __init__(
        self, error: AwsError, shape: Shape | None, operation: Operation | None, request_id: str
    ) -> None:
        self.error = error
        self.shape = shape
        self.operation = operation
        self.request_id = request_id

    @property
    def status(self) -> int:
        """The class's own status; where it left the default, the model's."""
        if self.error.status == 400 and self.shape is not None:
            return self.shape.traits.get("error", {}).get("httpStatusCode", 400)
        return self.error.status

    @property
    def query_code(self) -> str:
        """The code of the query and XML protocols: the model's, else the error's own."""
        if self.shape is not None:
            modelled: str | None = self.shape.traits.get("error", {}).get("code")
            if modelled:
                return modelled
        return self.error.code

    def old_code(self, model: ServiceModel) -> str:
        """As `query_code`, also for errors of AWS's front end, which spoke query before the service spoke JSON."""
        code = self.query_code
        return _OF_THE_FRONT_END.get(code, code) if model.query_compatible else code

    def old_status(self, model: ServiceModel) -> int:
        """As `status`; whom the front end did not let in was told so by 403."""
        return (
            403 if model.query_compatible and self.query_code in _OF_THE_FRONT_END else self.status
        )

    @property
    def type_name(self) -> str:
        """The name of the JSON and CBOR protocols: the shape's."""
        return (self.error.shape or self.error.code) if self.shape is None else self.shape.name

    @property
    def modelled(self) -> dict[str, Any]:
        """The members that the shape has."""
        known = {} if self.shape is None else self.shape.members
        return {name: value for name, value in self.error.members.items() if name in known}

    @property
    def extra(self) -> dict[str, Any]:
        """The members that the model knows nothing of; S3's errors have many."""
        known = {} if self.shape is None else self.shape.members
        return {name: value for name, value in self.error.members.items() if name not in known}

    def message_name(self, otherwise: str = "message") -> str:
        """How the shape spells its message."""
        for name in {} if self.shape is None else self.shape.members:
            if name.lower() == "message":
                return name
        return otherwise

    def headers(self) -> list[tuple[str, str]]:
        return list(self.error.headers.items())


class Dialect(Protocol):
    """One wire protocol of one service."""

    route: Route

    def reader(self, operation: Operation) -> ReadRequest: ...

    def writer(self, operation: Operation) -> WriteResponse: ...

    def fail(self, failure: Failure) -> HttpResponse: ...


def events_of(value: object) -> Events:
    """The events a handler answers with. Raises: TypeError when it answered with something else."""
    if not isinstance(value, AsyncIterator):
        raise TypeError(f"an event stream must be an async iterator, not {type(value).__name__}")
    return cast("Events", value)
