"""An API's own address: HTTP requests to deployed APIs, of both kinds.

The gateway routes `ID.execute-api.REGION.host/...`, `/_aws/execute-api/ID/...` and, for REST APIs,
`/restapis/ID/STAGE/_user_request_/...` here; in the last two the path comes without that prefix. The id alone says
whose API it is. Who may is decided for routes that ask for it (`authorization.py`), the others are open to all.

One read looks up the place, the API and the stage, each time anew. A deployment never changes, so what was
made of it is kept, and large ones are decoded once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from pilvi.base.arn import Scope
from pilvi.base.errors import AwsError, NotBuilt
from pilvi.base.http import HttpRequest, HttpResponse
from pilvi.kit.call import Call
from pilvi.kit.cloud import as_aws_error
from pilvi.languages import cors, http_answer
from pilvi.languages.http_event import Incoming
from pilvi.services.apigateway import authorization, invoking, limits, records, rules
from pilvi.services.apigateway.records import Cors, Deployed, Place
from pilvi.services.apigateway.routes import RouteTable
from pilvi.services.apigateway.service import apigatewayv2
from pilvi.store.api import Snapshot

_FORBIDDEN = "Forbidden"


@dataclass(frozen=True, slots=True)
class Ready:
    """A deployment, ready to be served. `cors`: of HTTP APIs, `binary_types`: of REST APIs."""

    table: RouteTable[Deployed]
    cors: Cors | None = None
    binary_types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Served:
    """What a stage serves. `prefix`: the part of the path that names the stage, or nothing."""

    api_id: str
    scope: Scope
    stage: str
    prefix: str
    variables: dict[str, str]
    deployment_id: str
    ready: Ready


@apigatewayv2.endpoint("execute-api")
async def execute_api(call: Call, request: HttpRequest) -> HttpResponse:
    """Answer a request to an API: HTTP API or REST API, as its id says; failures too in that API's words."""
    kind = ""
    try:
        found = await call.view(lambda at: _find(at, call.identifier, request.path))
        if found is None:
            return http_answer.message(403, _FORBIDDEN, error_type="ForbiddenException")
        place, served = found
        kind = place.kind
        await _read_body(request)
        call.scope = Scope(place.account, place.region)
        answer = _answer_http if kind == "http" else _answer_rest
        response = await answer(call, request, served)
        http_answer.check_sendable(response)
    except Exception as error:  # noqa: BLE001 as in the gateway's pipeline: every failure becomes an answer
        return _failure(kind, as_aws_error(error, call.request_id))
    return response


def _failure(kind: str, error: AwsError) -> HttpResponse:
    if error.status == 413:
        return http_answer.message(413, "Request Entity Too Large")
    if isinstance(error, NotBuilt):
        return http_answer.message(error.status, error.text)
    if error.status < 500:  # a body that broke off, or never came
        return http_answer.message(400, "Bad Request")
    if error.status == 503:
        return http_answer.message(503, "Service Unavailable")
    return http_answer.message(
        500, "Internal Server Error" if kind == "http" else "Internal server error"
    )


def _find(at: Snapshot, api_id: str, path: str) -> tuple[Place, Served | None] | None:
    """Where an API lives and what it serves below a path; None for an id that nobody has."""
    place = records.find_place(at, api_id)
    if place is None:
        return None
    find = _find_http if place.kind == "http" else _find_rest
    return place, find(at, Scope(place.account, place.region), api_id, path)


async def _read_body(request: HttpRequest) -> None:
    if request.read is not None:
        request.body = await request.read(limits.BODY_BYTES_MAX)
        request.read = request.stream = None


# --- HTTP APIs


async def _answer_http(call: Call, request: HttpRequest, served: Served | None) -> HttpResponse:
    if served is None:
        return http_answer.message(404, "Not Found")
    if served.ready.cors is not None and cors.is_preflight(request.method, request.headers):
        return cors.answer_preflight(served.ready.cors, request.headers)
    path = request.path.removeprefix(served.prefix) or "/"
    chosen = served.ready.table.choose(request.method, path)
    if chosen is None:
        response = http_answer.message(404, "Not Found")
    else:
        incoming = _incoming(call, request, served, path, *chosen, call.request_id)
        response = await _answer_http_route(call, request, incoming, chosen[0])
    if served.ready.cors is not None:
        cors.mark(served.ready.cors, request.headers, response)
    response.headers.append(("apigw-requestid", call.request_id))
    return response


async def _answer_http_route(
    call: Call, request: HttpRequest, incoming: Incoming, route: Deployed
) -> HttpResponse:
    try:
        incoming = await authorization.admit(call, request, incoming, route)
    except authorization.Refused:
        return http_answer.message(403, _FORBIDDEN)
    return await invoking.invoke_http(call, incoming, route)


def _find_http(at: Snapshot, scope: Scope, api_id: str, path: str) -> Served | None:
    """A stage that the path names, else `$default`; None when there is neither, or nothing deployed."""
    home = records.inside(scope, api_id)
    api = records.HTTP_APIS.find(at, records.home_of(scope), api_id)
    if api is None or api.endpoint_disabled:
        return None
    first = path[1:].partition("/")[0]
    named = first not in ("", rules.DEFAULT)
    stage, prefix = records.HTTP_STAGES.find(at, home, first) if named else None, f"/{first}"
    if stage is None:
        stage, prefix = records.HTTP_STAGES.find(at, home, rules.DEFAULT), ""
    if stage is None or stage.deployment_id is None:
        return None
    deployment_id = stage.deployment_id

    def prepare() -> Ready:
        found = records.HTTP_DEPLOYMENTS.find(at, home, deployment_id)
        assert found is not None, (api_id, deployment_id)
        default = next((route for route in found.routes if route.key == rules.DEFAULT), None)
        keyed = [(r.method, r.path, r) for r in found.routes if r.key != rules.DEFAULT]
        return Ready(RouteTable(keyed, default), cors=found.cors)

    return Served(
        api_id=api_id,
        scope=scope,
        stage=stage.name,
        prefix=prefix,
        variables=stage.variables,
        deployment_id=deployment_id,
        ready=_kept.get(api_id, deployment_id, prepare),
    )


# --- REST APIs


async def _answer_rest(call: Call, request: HttpRequest, served: Served | None) -> HttpResponse:
    extended_id = call.entropy.secret(15) + "="
    if served is None:
        response = http_answer.message(403, _FORBIDDEN, error_type="ForbiddenException")
    else:
        path = "/" + request.path.removeprefix(served.prefix).lstrip("/")
        chosen = served.ready.table.choose_resource(request.method, path)
        if chosen is None:
            response = http_answer.message(
                403,
                "Missing Authentication Token",
                error_type="MissingAuthenticationTokenException",
            )
        else:
            incoming = _incoming(call, request, served, path, *chosen, extended_id)
            response = await _answer_rest_route(call, request, incoming, chosen[0])
    response.headers.append(("x-amzn-requestid", call.request_id))
    response.headers.append(("x-amz-apigw-id", extended_id))
    return response


async def _answer_rest_route(
    call: Call, request: HttpRequest, incoming: Incoming, route: Deployed
) -> HttpResponse:
    try:
        incoming = await authorization.admit(call, request, incoming, route)
    except authorization.Refused as refusal:
        return refusal.in_words()
    return await invoking.invoke_rest(call, incoming, route)


def _find_rest(at: Snapshot, scope: Scope, api_id: str, path: str) -> Served | None:
    """The stage that the path begins with; None without such a stage."""
    home = records.inside(scope, api_id)
    api = records.REST_APIS.find(at, records.home_of(scope), api_id)
    name = path.lstrip("/").partition("/")[0]
    stage = records.REST_STAGES.find(at, home, name) if name else None
    if api is None or api.endpoint_disabled or stage is None:
        return None
    deployment_id = stage.deployment_id

    def prepare() -> Ready:
        found = records.REST_DEPLOYMENTS.find(at, home, deployment_id)
        assert found is not None, (api_id, deployment_id)
        table = RouteTable([(route.method, route.path, route) for route in found.routes])
        return Ready(table, binary_types=tuple(found.binary_types))

    slashes = len(path) - len(path.lstrip("/"))
    return Served(
        api_id=api_id,
        scope=scope,
        stage=stage.name,
        prefix=path[: slashes + len(name)],
        variables=stage.variables,
        deployment_id=deployment_id,
        ready=_kept.get(api_id, deployment_id, prepare),
    )


# --- both


def _incoming(
    call: Call,
    request: HttpRequest,
    served: Served,
    path: str,
    route: Deployed,
    variables: dict[str, str],
    extended_id: str,
) -> Incoming:
    trace_id = request.headers.get("x-amzn-trace-id", "")
    if "Root=" not in trace_id:
        trace_id = f"Root=1-{call.now_ms // 1000:08x}-{call.entropy.hex(24)}"
    return Incoming(
        api_id=served.api_id,
        account=served.scope.account,
        stage=served.stage,
        method=request.method,
        path=path,
        full_path="/" + request.path.lstrip("/"),
        query=request.query,
        headers=request.headers,
        body=request.body,
        template=route.path,
        variables=variables,
        stage_variables=served.variables,
        domain_name=_domain_name(call, request, served),
        source_ip=request.client_host,
        secure=request.secure,
        request_id=call.request_id,
        extended_request_id=extended_id,
        trace_id=trace_id,
        at_ms=call.now_ms,
        route_key=route.key,
        resource_id=route.resource_id,
        deployment_id=served.deployment_id,
        binary_types=served.ready.binary_types,
    )


def _domain_name(call: Call, request: HttpRequest, served: Served) -> str:
    """The host that was asked when it is the API's own, else the one it would have."""
    host = request.headers.get("host", "").rsplit(":", 1)[0]
    if host.startswith(f"{served.api_id}.execute-api."):
        return host
    name = call.cloud.settings.external_host.rsplit(":", 1)[0]
    return f"{served.api_id}.execute-api.{served.scope.region}.{name}"


class _Kept:
    """Deployments served last; the least recently used goes first."""

    def __init__(self, kept_max: int) -> None:
        self._kept_max = kept_max
        self._ready: OrderedDict[tuple[str, str], Ready] = OrderedDict()

    def get(self, api_id: str, deployment_id: str, prepare: Callable[[], Ready]) -> Ready:
        key = (api_id, deployment_id)
        ready = self._ready.get(key)
        if ready is not None:
            self._ready.move_to_end(key)
            return ready
        ready = self._ready[key] = prepare()
        if len(self._ready) > self._kept_max:
            self._ready.popitem(last=False)
        return ready


_kept = _Kept(limits.DEPLOYMENTS_KEPT)
