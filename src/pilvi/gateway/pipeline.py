"""From an HTTP request to its answer, one step after another.

The list STEPS is the whole story. A step reads and completes the Exchange, or raises an AwsError, which is
rendered in the service's own dialect. Permission and validation live in `kit/execution.py`, where calls
from inside the cloud pass too, so no path skips them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import cache, partial
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from msgspec.structs import replace

from pilvi import protocol
from pilvi.base.errors import AwsError, InternalFailure, NotBuilt
from pilvi.base.http import HttpRequest, HttpResponse
from pilvi.gateway import bodies, coding, own
from pilvi.gateway.access_log import AccessLog
from pilvi.gateway.exchange import Exchange
from pilvi.gateway.heads import close_body
from pilvi.gateway.incoming import OperationTooLarge, RequestTooLarge
from pilvi.gateway.origins import Origins
from pilvi.gateway.routing import host_name, route
from pilvi.identity import presigned
from pilvi.identity.authenticator import Authenticated, Authenticator
from pilvi.identity.errors import DIALECTS, OWN_DIALECTS
from pilvi.kit import execution
from pilvi.kit.cloud import Cloud, as_aws_error
from pilvi.kit.service import Answered, Note, Service, no_body

log = logging.getLogger("pilvi.gateway")

Step = Callable[["Gateway", Exchange], Awaitable[None]]


class UnknownOperationException(AwsError):
    code = "UnknownOperationException"
    message = "The operation {what} is not known to {service}."
    status = 404


class UnknownTarget(UnknownOperationException):
    """What is asked by a header gets no word of explanation."""

    message = ""
    status = 400


class InvalidAction(AwsError):
    code = "InvalidAction"
    message = "Could not find operation {action} for version {version}"


class MissingAction(AwsError):
    code = "MissingAction"
    message = "The request is missing an action or a required parameter."


class MethodNotAllowed(AwsError):
    code = "MethodNotAllowed"
    message = "The specified method is not allowed against this resource."
    status = 405


class _Traits(NamedTuple):
    """What the model says of an operation's transport."""

    streams: bool
    unsigned: bool
    signing_name: str


@cache
def _traits(service: str, operation: str) -> _Traits:
    model = protocol.service_model(service)
    found = model.operation(operation)
    shape = found.input
    streams = shape is not None and any(member.streaming for member in shape.members.values())
    metadata = model.metadata
    return _Traits(
        streams,
        unsigned=found.traits.get("authtype") == "none",
        signing_name=metadata.get("signingName", metadata["endpointPrefix"]),
    )


class Gateway:
    """Answers HTTP requests with the help of a cloud. `gateway(request)` never raises but for cancellation."""

    def __init__(
        self,
        cloud: Cloud,
        authenticator: Authenticator,
        access_log: AccessLog,
        actions: own.Actions,
        *,
        inside: bool = False,
    ) -> None:
        """`inside`: for functions in their sandboxes, who get nothing of pilvi's own but its health."""
        self.cloud = cloud
        self.authenticator = authenticator
        self.access_log = access_log
        self.external_name = host_name(cloud.settings.external_host)
        self.origins = Origins(cloud.settings.origins, self.external_name)
        self.own = own.OwnEndpoints(cloud, self.origins, access_log, actions, inside=inside)
        self._loop_time = asyncio.get_running_loop().time

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        exchange = Exchange(request, self.cloud.entropy.uuid(), self._loop_time())
        try:
            for step in STEPS:
                await step(self, exchange)
                if exchange.response is not None:
                    break
            response = exchange.response
            assert response is not None, "no step answered"
            await _prime(response)
        except Exception as error:  # noqa: BLE001 every failure becomes an answer; the unexpected are logged
            for value in (exchange.result or {}).values():
                await close_body(value)
            response = _render_error(exchange, as_aws_error(error, exchange.request_id))
        try:
            await _finish(self, exchange, response)
        except Exception as error:  # noqa: BLE001 as above
            await close_body(response.body)
            response = _render_error(exchange, as_aws_error(error, exchange.request_id))
        if exchange.service is not None and exchange.service.note is not None:
            await self._note(exchange, exchange.service.note, response)
        self._record(exchange, response)
        return response

    async def _note(self, exchange: Exchange, note: Note, response: HttpResponse) -> None:
        """What a service wants to know of its requests; it cannot change what was done and is answered."""
        assert exchange.route is not None
        call = exchange.call
        answered = Answered(
            exchange.route.request,
            response,
            exchange.operation_name,
            exchange.request_id,
            exchange.error,
            None if call is None else call.principal,
            self.cloud.clock.now_ms(),
            int((self._loop_time() - exchange.began_s) * 1000),
        )
        try:
            await note(self.cloud, answered)
        except Exception:
            log.exception("request %s is not noted", exchange.request_id)

    def _record(self, exchange: Exchange, response: HttpResponse) -> None:
        self.access_log.record(
            self.cloud.clock.now_ms(),
            response.status,
            exchange.service.name if exchange.service is not None else "",
            exchange.operation_name,
            self._loop_time() - exchange.began_s,
            exchange.request_id,
            exchange.request.client_host,
        )


# --- the steps


async def _route(gateway: Gateway, exchange: Exchange) -> None:
    """Whose request is it? pilvi's own pages and preflights are answered here."""
    request = exchange.request
    if gateway.origins.is_preflight(request):
        exchange.response = gateway.origins.answer_preflight(request)
        return
    found = exchange.route = route(request, external_name=gateway.external_name)
    if found.kind == "own":
        exchange.response = await gateway.own.answer(request)
        return
    if found.kind == "service" and not gateway.cloud.has_service(found.service):
        if found.service in protocol.service_names():
            exchange.codec = protocol.codec(
                found.service, protocol.detect(found.service, found.request)
            )
        raise NotBuilt(what=f"the service {found.service}")
    exchange.service = gateway.cloud.service(found.service)
    if found.service == "s3" and found.kind == "service" and request.query:
        given = presigned.headers_of(request)
        if given:
            found.request = replace(found.request, headers={**given, **request.headers})


async def _serve_endpoint(gateway: Gateway, exchange: Exchange) -> None:
    """An API's own endpoint, a function URL, a preflight of S3: plain HTTP that the service answers."""
    found, service = exchange.route, exchange.service
    assert found is not None
    assert service is not None
    if found.kind != "endpoint":
        return
    serve = service.endpoints.get(found.endpoint)
    if serve is None:
        raise NotBuilt(what=f"{found.endpoint} of {service.name}")
    call = exchange.call = gateway.own.endpoint_call(service.name, found, exchange.request_id)
    call.vouch = partial(_vouch, gateway, exchange.request)
    call.request = exchange.request  # signatures are made over the request as it came
    exchange.operation_name = found.endpoint
    exchange.response = await serve(call, found.request)
    exchange.response.headers.extend(call.headers)


async def _vouch(gateway: Gateway, request: HttpRequest, **document: Any) -> Authenticated:
    """For services whose requests carry a signed document: who signed it, and may this page use his keys?"""
    authenticated = await gateway.authenticator.authenticate_document(**document)
    gateway.origins.guard(request, authenticated.principal)
    return authenticated


async def _recognise(gateway: Gateway, exchange: Exchange) -> None:
    """Which operation, in which protocol?"""
    found, service = exchange.route, exchange.service
    assert found is not None
    assert service is not None
    name = protocol.detect(service.name, found.request)
    codec = exchange.codec = protocol.codec(service.name, name, service.opaque)
    request = found.request
    if service.content_types and codec.protocol == "json" and not _is_understood(service, request):
        exchange.response = _nobody_answers(exchange.request_id)
        return
    if codec.protocol in ("query", "ec2") and request.read is not None:
        # The operation's name is in the body; the body of a query is small.
        request.body = exchange.request.body = await bodies.whole(request, service.body_bytes_max)
        exchange.request.read = exchange.request.stream = None
    match = codec.route(request)
    if match is None:
        raise _unknown(service.name, codec.protocol, request)
    exchange.operation_name = match.operation
    exchange.match = match


async def _authenticate(gateway: Gateway, exchange: Exchange) -> None:
    """Who asks? Signatures are made over the request as it came, not as it was rewritten."""
    codec, service = exchange.codec, exchange.service
    assert codec is not None
    assert service is not None
    request = exchange.request
    operation = service.operations.get(exchange.operation_name)
    traits = _traits(service.name, exchange.operation_name)
    routed = exchange.route
    assert routed is not None
    if not traits.streams and request.read is not None:
        limit = operation.body_bytes_max if operation is not None else service.body_bytes_max
        try:
            request.body = await bodies.whole(request, limit)
        except RequestTooLarge:
            name = exchange.operation_name
            raise OperationTooLarge(limit=limit, operation=name) from None
        routed.request.body, routed.request.stream, routed.request.read = request.body, None, None
    dialect = OWN_DIALECTS.get(service.name) or DIALECTS[codec.protocol]
    authenticated = exchange.authenticated = await gateway.authenticator.authenticate(
        request,
        service_signing_name=traits.signing_name,
        dialect=dialect,
        anonymous=traits.unsigned or service.anonymous,
        path=routed.request.path,
    )
    request.headers = routed.request.headers  # with those of a presigned URL, which were signed
    gateway.origins.guard(request, authenticated.principal)
    if operation is None:
        raise NotBuilt(what=f"{service.name}.{exchange.operation_name}")
    exchange.operation = operation
    exchange.call = gateway.cloud.call(
        operation,
        scope=authenticated.scope,
        principal=authenticated.principal,
        request_id=exchange.request_id,
        request=request,
    )


async def _parse(gateway: Gateway, exchange: Exchange) -> None:
    """Bytes to a typed request; the body of a streaming operation stays a stream."""
    codec, found, call = exchange.codec, exchange.route, exchange.call
    assert codec is not None
    assert found is not None
    assert call is not None
    assert exchange.match is not None
    operation = exchange.operation
    assert operation is not None
    if operation.service.gzip and "content-encoding" in found.request.headers:
        await coding.decode(found.request, operation.body_bytes_max)
    exchange.params = codec.parse(exchange.match, found.request)
    if _traits(call.service, exchange.operation_name).streams:
        assert exchange.authenticated is not None
        exchange.body = bodies.streamed(exchange.request, exchange.authenticated, call)


async def _perform(gateway: Gateway, exchange: Exchange) -> None:
    """Authorise, validate, handle."""
    call, operation = exchange.call, exchange.operation
    assert call is not None
    assert operation is not None
    exchange.result = await execution.perform(
        call, operation, exchange.params, exchange.body or no_body()
    )


async def _render(gateway: Gateway, exchange: Exchange) -> None:
    """The typed answer to bytes."""
    codec, call = exchange.codec, exchange.call
    assert codec is not None
    assert call is not None
    assert exchange.result is not None
    response = codec.render(exchange.operation_name, exchange.result, exchange.request_id)
    if call.headers:
        response.headers.extend(call.headers)
    if call.status:
        response.status = call.status
    exchange.response = response


STEPS: tuple[Step, ...] = (
    _route,
    _serve_endpoint,
    _recognise,
    _authenticate,
    _parse,
    _perform,
    _render,
)


def _unknown(service: str, protocol_name: str, request: HttpRequest) -> AwsError:
    if service in ("s3", "s3control"):
        bucket, _, key = request.path.lstrip("/").partition("/")
        kind = "OBJECT" if key else "BUCKET" if bucket else "SERVICE"
        return MethodNotAllowed(members={"Method": request.method, "ResourceType": kind})
    if protocol_name in ("query", "ec2"):
        form = request.query.encode("latin-1") + b"&" + request.body
        sent = dict(parse_qsl(form.decode("latin-1")))
        if "Action" not in sent:
            return MissingAction()
        return InvalidAction(action=sent["Action"], version=sent.get("Version", ""))
    if protocol_name == "json":
        return UnknownTarget()
    what = request.headers.get("x-amz-target") or f"{request.method} {request.path}"
    return UnknownOperationException(what=what, service=service)


def _is_understood(service: Service, request: HttpRequest) -> bool:
    """Whether it is a POST of a type that the service reads."""
    kind = request.headers.get("content-type", "")
    if kind not in service.content_types:
        kind = kind.partition(";")[0].strip().lower()
    return request.method == "POST" and kind in service.content_types


def _nobody_answers(request_id: str) -> HttpResponse:
    """What AWS's front end says where no protocol of the service understands a request."""
    return HttpResponse(404, [("x-amzn-RequestId", request_id)], b"<UnknownOperationException/>\n")


# --- the end of every exchange, answered or refused


async def _finish(gateway: Gateway, exchange: Exchange, response: HttpResponse) -> None:
    request, service = exchange.request, exchange.service
    if service is not None:
        assert exchange.route is not None
        if service.finish is not None:
            await service.finish(gateway.cloud, exchange.route.request, response)
        elif "origin" in request.headers and exchange.route.kind == "service":
            gateway.origins.mark(request, response)
        if service.gzip and "accept-encoding" in request.headers:
            await coding.encode(request, response)


def _render_error(exchange: Exchange, error: AwsError) -> HttpResponse:
    codec = exchange.codec
    if codec is None:
        codec = protocol.codec("s3", "rest-xml")
        content = exchange.request.headers.get("content-type", "")
        found = exchange.route
        if "json" in content or (found is not None and found.kind == "own"):
            codec = protocol.codec("dynamodb", "json")
    if type(error) is InternalFailure and exchange.service is not None:
        error = exchange.service.failure()
    known = exchange.operation_name if exchange.match is not None else None
    exchange.error = error.code
    response = codec.render_error(known, error, exchange.request_id)
    if exchange.call is not None and exchange.call.headers:
        response.headers.extend(exchange.call.headers)
    return response


async def _prime(response: HttpResponse) -> None:
    """Take the first piece of a streamed answer, so that a failure to read it is still an error answer."""
    if isinstance(response.body, bytes):
        return
    pieces = response.body
    try:
        first = await anext(pieces)
    except StopAsyncIteration:
        response.body, response.length = b"", response.length or 0
        return
    response.body = _Primed(first, pieces)


class _Primed:
    """A stream whose first piece was taken; closing it closes the stream, whether or not it was begun."""

    def __init__(self, first: bytes, rest: AsyncIterator[bytes]) -> None:
        self._first: bytes | None = first
        self._rest = rest

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        return await anext(self._rest)

    async def aclose(self) -> None:
        await close_body(self._rest)
