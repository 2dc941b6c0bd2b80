"""Doing what a route says: invoke a function within the route's time, or give the constant answer."""

from __future__ import annotations

import asyncio
import logging

import orjson

from pilvi.base.arn import Arn
from pilvi.base.http import HttpResponse
from pilvi.contracts.delivery import Source
from pilvi.contracts.functions import FunctionNotInvocable, Functions, InvokeOutcome
from pilvi.kit.call import Call
from pilvi.languages import http_answer, http_event
from pilvi.languages.http_event import Event, Incoming
from pilvi.services.apigateway import rules
from pilvi.services.apigateway.records import Deployed, Invocation

log = logging.getLogger("pilvi.apigateway")

_PRINCIPAL = "apigateway.amazonaws.com"
_TOO_LARGE = "RequestTooLargeException"
_THROTTLED = "TooManyRequestsException"

_running: set[asyncio.Task[InvokeOutcome]] = set()
"""Functions whose callers may have gone. Lambda's concurrency bounds them."""


async def invoke_http(call: Call, incoming: Incoming, route: Deployed) -> HttpResponse:
    """As an HTTP API answers.

    AWS: Developer Guide, "Troubleshooting issues with HTTP API Lambda integrations".
    """
    failed = http_answer.message(500, "Internal Server Error")
    if route.invocation is None:
        return failed
    version = route.invocation.payload_version
    event = http_event.event_2_0(incoming) if version == "2.0" else http_event.event_1_0(incoming)
    try:
        outcome = await _invoke(call, incoming, route, route.invocation, event)
        if outcome.error is not None:
            return failed
        return http_answer.http_answer(outcome.payload, version)
    except TimeoutError:
        return http_answer.message(503, "Service Unavailable")
    except FunctionNotInvocable as error:
        log.warning("%s %s: %s", incoming.api_id, route.key, error)
        if error.code == _TOO_LARGE:
            return http_answer.message(413, "Request Entity Too Large")
        return (
            http_answer.message(503, "Service Unavailable") if error.code == _THROTTLED else failed
        )
    except http_answer.InvalidResponse as error:
        log.warning("%s %s: %s", incoming.api_id, route.key, error)
        return failed


async def invoke_rest(call: Call, incoming: Incoming, route: Deployed) -> HttpResponse:
    """As a REST API answers. AWS: Developer Guide, "Handle Lambda errors in API Gateway"."""
    failed = http_answer.message(
        500, "Internal server error", error_type="InternalServerErrorException"
    )
    invocation = route.invocation
    if invocation is None or invocation.kind == "mock":
        mock = None if invocation is None else invocation.mock
        if mock is None:
            return failed
        return HttpResponse(mock.status, list(mock.headers), mock.body.encode())
    if not invocation.uri:
        return failed
    try:
        outcome = await _invoke(call, incoming, route, invocation, http_event.rest_event(incoming))
        if outcome.error is not None:
            return _bad_gateway()
        answer = http_answer.rest_answer(
            outcome.payload,
            binary_types=incoming.binary_types,
            accept=incoming.headers.get("accept", ""),
        )
    except TimeoutError:
        return http_answer.message(
            504, "Endpoint request timed out", error_type="IntegrationTimeoutException"
        )
    except FunctionNotInvocable as error:
        log.warning("%s %s %s: %s", incoming.api_id, route.method, route.path, error)
        if error.code == _TOO_LARGE:
            return http_answer.message(
                413, "Request Too Long", error_type="RequestTooLargeException"
            )
        return failed
    except http_answer.InvalidResponse as error:
        log.warning("%s %s %s: %s", incoming.api_id, route.method, route.path, error)
        return _bad_gateway()
    answer.headers.append(("x-amzn-trace-id", incoming.trace_id))
    return answer


def _bad_gateway() -> HttpResponse:
    return http_answer.message(
        502, "Internal server error", error_type="InternalServerErrorException"
    )


async def _invoke(
    call: Call, incoming: Incoming, route: Deployed, invocation: Invocation, event: Event
) -> InvokeOutcome:
    """Wait for the function no longer than the route allows; it runs on when the time is up.

    Raises: FunctionNotInvocable, TimeoutError.
    """
    function = rules.with_stage_variables(invocation.uri, incoming.stage_variables)
    resource = f"{incoming.api_id}/{incoming.stage}/{_permission_path(route, incoming)}"
    source = Source(_PRINCIPAL, _execute_arn(call, resource), call.account)
    functions = call.ask(Functions)
    invoked = functions.invoke(
        function, orjson.dumps(event), source=source, request_id=call.request_id
    )
    task = asyncio.ensure_future(invoked)
    _running.add(task)
    task.add_done_callback(_ended)
    async with asyncio.timeout(invocation.timeout_ms / 1000):
        return await asyncio.shield(task)


def _ended(task: asyncio.Task[InvokeOutcome]) -> None:
    """Takes note of what became of a function whose caller may have gone."""
    _running.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        log.debug("a function was not invoked: %s", error)


def _execute_arn(call: Call, resource: str) -> str:
    return str(Arn("execute-api", call.region, call.account, resource, call.scope.partition))


def _permission_path(route: Deployed, incoming: Incoming) -> str:
    """The end of the ARN that a function's policy is asked about: METHOD/path, or `$default`."""
    if route.key == rules.DEFAULT:
        return rules.DEFAULT
    method = "*" if route.method == "ANY" else incoming.method
    return f"{method}{route.path}"
