"""Serving function URLs: an HTTP request becomes an event in payload format 2.0, and its answer a response.

The gateway routes `ID.lambda-url.REGION.host/...` and `/_aws/lambda-url/ID/...` here; in the latter the path
comes without that prefix. The id alone says whose address it is.

AWS: Lambda Developer Guide, "Invoking Lambda function URLs", "Control access to Lambda function URLs".

Differs: with AWS_IAM only keys that this cloud issued are known, in the open mode too: this handler cannot
tell a function, which must not become root by a key of its own making, from a person at this machine.
"""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import Any

import orjson

from pilvi.base.errors import AwsError
from pilvi.base.http import HttpRequest, HttpResponse
from pilvi.contracts.credentials import Credentials
from pilvi.identity.authenticator import Authenticator
from pilvi.identity.errors import DIALECTS
from pilvi.identity.principal import ANONYMOUS, Principal
from pilvi.kit.call import Call
from pilvi.kit.cloud import as_aws_error
from pilvi.languages import cors, http_answer, http_event
from pilvi.services.lambda_ import errors, limits, policy, records
from pilvi.services.lambda_.names import FunctionName
from pilvi.services.lambda_.questions import runner_of
from pilvi.services.lambda_.records import Runnable, UrlConfig
from pilvi.services.lambda_.service import lambda_
from pilvi.store.api import Snapshot

log = logging.getLogger("pilvi.lambda")

_DEFAULT = "$default"
_JSON = "application/json"
_FORBIDDEN = (
    "Forbidden. For troubleshooting Function URL authorization issues, see:"
    " https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)


class Forbidden(AwsError):
    code = "AccessDeniedException"
    message = _FORBIDDEN
    status = 403


@lambda_.endpoint("lambda-url")
async def serve(call: Call, request: HttpRequest) -> HttpResponse:
    """Answer a request to a function's address; failures too, in the words of such addresses."""
    try:
        found = await call.view(lambda at: records.find_url(at, call.identifier))
        if found is None:
            return _message(403, None, "AccessDeniedException")
        name, config = found
        call.scope = name.scope
        rules = config.cors
        if rules is not None and cors.is_preflight(request.method, request.headers):
            response = cors.answer_preflight(rules, request.headers)
            response.status = 200
            return response
        response = await _answer(call, request, name, config)
        if rules is not None:
            cors.mark(rules, request.headers, response)
        http_answer.check_sendable(response)
    except Exception as error:  # noqa: BLE001 as in the gateway's pipeline: every failure becomes an answer
        problem = as_aws_error(error, call.request_id)
        response = _message(problem.status, problem.text, problem.code)
    response.headers.append(("x-amzn-requestid", call.request_id))
    return response


def _message(status: int, text: str | None, error_type: str) -> HttpResponse:
    headers = [("content-type", _JSON), ("x-amzn-errortype", error_type)]
    return HttpResponse(status, headers, orjson.dumps({"Message": text}))


async def _answer(
    call: Call, request: HttpRequest, name: FunctionName, config: UrlConfig
) -> HttpResponse:
    """Raises: Forbidden, RequestTooLarge, TooManyRequestsException, ServiceException; what is wrong with
    a signature."""
    if request.read is not None:
        request.body = await request.read(limits.SYNC_PAYLOAD_BYTES_MAX)
        request.read = request.stream = None
    caller = ANONYMOUS
    if config.auth_type == "AWS_IAM":
        caller = await _caller(call, request)
    draw = call.entropy.below(1 << 30) / (1 << 30)
    runnable = await call.view(lambda at: _permitted(at, name, config, caller, draw))
    event = _event(call, request, caller)
    payload = orjson.dumps(event)
    if len(payload) > limits.SYNC_PAYLOAD_BYTES_MAX:
        raise errors.RequestTooLargeException(
            size_max=limits.SYNC_PAYLOAD_BYTES_MAX, operation="InvokeFunction"
        )
    outcome = await runner_of(call.cloud).run(
        name.scope,
        runnable,
        payload,
        request_id=call.request_id,
        invoked_arn=name.asked_arn,
        trace_id=event["headers"]["x-amzn-trace-id"],
    )
    if outcome.error is None:
        try:
            return _response(outcome.payload)
        except http_answer.InvalidResponse as problem:
            log.warning("%s answered at its address, but %s", name.asked_arn, problem)
    return HttpResponse(502, [("content-type", _JSON)], b"Internal Server Error")


def _response(payload: bytes) -> HttpResponse:
    """What the function returned, as a response. JSON that is no response is sent without needless spaces
    (recorded). Raises: InvalidResponse.
    """
    response = http_answer.http_answer(payload, "2.0", content_type=_JSON)
    if response.body is payload:
        told = json.loads(payload)  # keeps whole numbers of any size, which orjson does not
        response.body = json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()
    return response


# --- who may


def _permitted(
    at: Snapshot, name: FunctionName, config: UrlConfig, caller: Principal, draw: float
) -> Runnable:
    """The version to run, if the caller may. Raises: Forbidden, also for an alias that is gone.

    Within the account a known caller needs no policy of the function; everybody else does.
    """
    callers: tuple[str, ...] = ()
    if caller.authenticated:
        root = f"arn:{name.scope.partition}:iam::{caller.account}:root"
        callers = (caller.arn, root, *((caller.role_arn,) if caller.role_arn else ()))
    own = caller.authenticated and caller.account == name.scope.account
    found = records.find_policy(at, name)
    statements = () if found is None else found.statements
    if not own and not policy.permits_url(statements, config.auth_type, callers):
        raise Forbidden()
    try:
        return records.resolve(at, name, draw=draw)
    except errors.FunctionNotFound:
        raise Forbidden() from None


async def _caller(call: Call, request: HttpRequest) -> Principal:
    """Who signed the request. Raises: Forbidden without a signature; what is wrong with one."""
    signed = request
    if not _is_at_own_host(call, request):
        signed = replace(request, path=f"/_aws/lambda-url/{call.identifier}{request.path}")
    authenticator = Authenticator(call.ask(Credentials), call.cloud.clock, mode="strict")
    found = await authenticator.authenticate(
        signed, service_signing_name="lambda", dialect=DIALECTS["rest-json"], anonymous=True
    )
    if not found.principal.authenticated:
        raise Forbidden()
    return found.principal


# --- the event


def _event(call: Call, request: HttpRequest, caller: Principal) -> http_event.Event:
    trace_id = request.headers.get("x-amzn-trace-id", "")
    if "Root=" not in trace_id:
        trace_id = f"Root=1-{call.now_ms // 1000:08x}-{call.entropy.hex(24)}"
    event = http_event.event_2_0(
        http_event.Incoming(
            api_id=call.identifier,
            account=caller.account if caller.authenticated else "anonymous",
            stage=_DEFAULT,
            method=request.method,
            path=request.path,
            full_path=request.path,
            query=request.query,
            headers=request.headers,
            body=request.body,
            template=_DEFAULT,
            variables={},
            stage_variables={},
            domain_name=_domain_name(call, request),
            source_ip=request.client_host,
            secure=request.secure,
            request_id=call.request_id,
            extended_request_id="",
            trace_id=trace_id,
            at_ms=call.now_ms,
            route_key=_DEFAULT,
        )
    )
    if caller.authenticated:
        context: dict[str, Any] = event["requestContext"]
        context["authentication"] = None
        context["authorizer"] = {
            "iam": {
                "accessKey": caller.access_key_id,
                "accountId": caller.account,
                "callerId": caller.id,
                "cognitoIdentity": None,
                "principalOrgId": None,
                "userArn": caller.arn,
                "userId": caller.id,
            }
        }
    return event


def _is_at_own_host(call: Call, request: HttpRequest) -> bool:
    return request.headers.get("host", "").startswith(f"{call.identifier}.lambda-url")


def _domain_name(call: Call, request: HttpRequest) -> str:
    """The host that was asked when it is the address's own, else the one it would have."""
    if _is_at_own_host(call, request):
        return request.headers["host"].rsplit(":", 1)[0]
    name = call.cloud.settings.external_host.rsplit(":", 1)[0]
    return f"{call.identifier}.lambda-url.{call.region}.{name}"
