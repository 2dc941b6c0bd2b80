"""Serving function URLs: an HTTP request becomes an event in payload format 2.0, and its answer a response.

The gateway routes `ID.lambda-url.REGION.host/...` and `/_aws/lambda-url/ID/...` here; in the latter the path
comes without that prefix. The id alone says whose address it is.

AWS: Lambda Developer Guide, "Invoking Lambda function URLs", "Control access to Lambda function URLs".

Whoever may use an address needs two permissions: to invoke it, and to invoke the function by it. With AWS_IAM a
caller's own policies or the function's give them, across accounts both; with NONE only the function's policy does.
Differs: with AWS_IAM only keys that this cloud issued are known, in the open mode too (`kit/signer.py`).
"""

from __future__ import annotations

import json
import logging
from typing import TypedDict

import orjson

from pilvi.base.errors import AwsError
from pilvi.base.http import HttpRequest, HttpResponse
from pilvi.identity.authorise import AccessDeniedException
from pilvi.identity.principal import Principal
from pilvi.kit.call import Call
from pilvi.kit.cloud import as_aws_error
from pilvi.kit.permission import Permission, demand
from pilvi.kit.signer import signer_in_event, signer_of
from pilvi.languages import cors, http_answer, http_event
from pilvi.services.lambda_ import access, errors, limits, records, streaming, url_streams
from pilvi.services.lambda_.names import FunctionName
from pilvi.services.lambda_.questions import runner_of
from pilvi.services.lambda_.records import Runnable, UrlConfig
from pilvi.services.lambda_.resolving import runnable_of
from pilvi.services.lambda_.service import lambda_

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
    if config.auth_type == "AWS_IAM":
        call.principal = await signer_of(call, request, service_signing_name="lambda")
        if not call.principal.authenticated:
            raise Forbidden()
    await _permit(call, name, config)
    runnable = await _named(call, name)
    event = _event(call, request, call.principal)
    payload = orjson.dumps(event)
    if len(payload) > limits.SYNC_PAYLOAD_BYTES_MAX:
        raise errors.RequestTooLargeException(
            size_max=limits.SYNC_PAYLOAD_BYTES_MAX, operation="InvokeFunction"
        )
    invocation: _Invocation = {
        "request_id": call.request_id,
        "invoked_arn": name.asked_arn,
        "trace_id": event["headers"]["x-amzn-trace-id"],
    }
    try:
        if config.invoke_mode == "RESPONSE_STREAM":
            running = await streaming.begin(call.cloud, name.scope, runnable, payload, **invocation)
            if running.content_type is not None:
                return await url_streams.streamed(running)
            outcome = await running.outcome()
        else:
            runner = runner_of(call.cloud)
            outcome = await runner.run(name.scope, runnable, payload, **invocation)
        if outcome.error is None:
            return _response(outcome.payload)
    except http_answer.InvalidResponse as problem:
        log.warning("%s answered at its address, but %s", name.asked_arn, problem)
    return HttpResponse(502, [("content-type", _JSON)], b"Internal Server Error")


class _Invocation(TypedDict):
    request_id: str
    invoked_arn: str
    trace_id: str


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


async def _permit(call: Call, name: FunctionName, config: UrlConfig) -> None:
    """Raises: Forbidden; why is in the log."""
    arns = (name.asked_arn,)
    told = {
        "lambda:functionarn": arns,
        "lambda:functionurlauthtype": (config.auth_type,),
    }
    try:
        await demand(
            call,
            Permission(access.INVOKE_URL, arns, told),
            Permission(access.INVOKE, arns, {"lambda:invokedviafunctionurl": ("true",)}),
        )
    except AccessDeniedException:
        raise Forbidden() from None


async def _named(call: Call, name: FunctionName) -> Runnable:
    """The version to run. Raises: Forbidden for an alias that is gone."""
    try:
        return await runnable_of(call.cloud, name)
    except errors.FunctionNotFound:
        raise Forbidden() from None


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
            signer=signer_in_event(caller),
        )
    )
    if caller.authenticated:
        event["requestContext"]["authentication"] = None
    return event


def _is_at_own_host(call: Call, request: HttpRequest) -> bool:
    return request.headers.get("host", "").startswith(f"{call.identifier}.lambda-url")


def _domain_name(call: Call, request: HttpRequest) -> str:
    """The host that was asked when it is the address's own, else the one it would have."""
    if _is_at_own_host(call, request):
        return request.headers["host"].rsplit(":", 1)[0]
    name = call.cloud.settings.external_host.rsplit(":", 1)[0]
    return f"{call.identifier}.lambda-url.{call.region}.{name}"
