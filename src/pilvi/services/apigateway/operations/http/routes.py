"""Routes of HTTP APIs: create, get, list, update, delete. Open or for those whom IAM lets; authorizers are refused
by name.
"""

from __future__ import annotations

from pilvi.kit.call import Call
from pilvi.services.apigateway import errors, limits, records, rules, snapshots
from pilvi.services.apigateway.records import HTTP_ROUTES, HttpApi, HttpRoute
from pilvi.services.apigateway.service import apigatewayv2
from pilvi.services.apigateway.wire_http import (
    CreateRouteRequest,
    CreateRouteResult,
    DeleteRouteRequest,
    GetRouteRequest,
    GetRouteResult,
    GetRoutesRequest,
    GetRoutesResponse,
    Route,
    UpdateRouteRequest,
    UpdateRouteResult,
)
from pilvi.store.api import Snapshot, Transaction

_TARGET = "integrations/"


@apigatewayv2.write("CreateRoute")
def create_route(call: Call, tx: Transaction, req: CreateRouteRequest) -> CreateRouteResult:
    """Lead requests of a method and path to an integration.

    Raises: NotFoundException, BadRequestException, ConflictException (the key is taken),
        LimitExceededException.
    AWS: CreateRoute; Developer Guide, "Create routes for HTTP APIs in API Gateway".
    """
    api = records.get_http_api(tx, call.scope, req["ApiId"])
    home = records.inside(call.scope, api.id)
    if sum(1 for _ in HTTP_ROUTES.scan(tx, home)) >= limits.ROUTES_PER_API:
        raise errors.LimitExceededException(what="routes")
    route = HttpRoute(
        id=call.entropy.lower(7),
        key=_checked_key(call, tx, api, req["RouteKey"], None),
        integration_id=_checked_target(call, tx, api, req.get("Target")),
        operation_name=req.get("OperationName"),
        authorization=_authorization(req, "NONE"),
    )
    HTTP_ROUTES.put(tx, home, route)
    snapshots.redeploy_http(tx, call.scope, api, call.entropy, now_ms=call.now_ms)
    return {**_told(route)}


def quick_route(
    call: Call, tx: Transaction, api: HttpApi, key: str, integration_id: str
) -> HttpRoute:
    """The route of quick create: managed by API Gateway. Raises: BadRequestException."""
    rules.parse_route_key(key)
    route = HttpRoute(
        id=call.entropy.lower(7),
        key=key,
        integration_id=integration_id,
        operation_name=None,
        managed=True,
    )
    HTTP_ROUTES.put(tx, records.inside(call.scope, api.id), route)
    return route


@apigatewayv2.read("GetRoute")
def get_route(call: Call, at: Snapshot, req: GetRouteRequest) -> GetRouteResult:
    """Raises: NotFoundException."""
    records.get_http_api(at, call.scope, req["ApiId"])
    return {**_told(records.get_http_route(at, call.scope, req["ApiId"], req["RouteId"]))}


@apigatewayv2.read("GetRoutes")
def get_routes(call: Call, at: Snapshot, req: GetRoutesRequest) -> GetRoutesResponse:
    """Raises: NotFoundException."""
    api = records.get_http_api(at, call.scope, req["ApiId"])
    found = {route.id: route for route in HTTP_ROUTES.scan(at, records.inside(call.scope, api.id))}
    page, token = rules.cut_page(
        found, after=req.get("NextToken"), size=rules.page_size(req.get("MaxResults"))
    )
    answer: GetRoutesResponse = {"Items": [_told(found[name]) for name in page]}
    if token is not None:
        answer["NextToken"] = token
    return answer


@apigatewayv2.write("UpdateRoute")
def update_route(call: Call, tx: Transaction, req: UpdateRouteRequest) -> UpdateRouteResult:
    """Change what is given. Raises: NotFoundException, BadRequestException, ConflictException."""
    api = records.get_http_api(tx, call.scope, req["ApiId"])
    route = records.get_http_route(tx, call.scope, api.id, req["RouteId"])
    route.authorization = _authorization(req, route.authorization)
    if "RouteKey" in req:
        route.key = _checked_key(call, tx, api, req["RouteKey"], route.id)
    if "Target" in req:
        route.integration_id = _checked_target(call, tx, api, req["Target"])
    route.operation_name = req.get("OperationName", route.operation_name)
    HTTP_ROUTES.put(tx, records.inside(call.scope, api.id), route)
    snapshots.redeploy_http(tx, call.scope, api, call.entropy, now_ms=call.now_ms)
    return {**_told(route)}


@apigatewayv2.write("DeleteRoute")
def delete_route(call: Call, tx: Transaction, req: DeleteRouteRequest) -> None:
    """Raises: NotFoundException."""
    api = records.get_http_api(tx, call.scope, req["ApiId"])
    route = records.get_http_route(tx, call.scope, api.id, req["RouteId"])
    HTTP_ROUTES.delete(tx, records.inside(call.scope, api.id), route.id)
    snapshots.redeploy_http(tx, call.scope, api, call.entropy, now_ms=call.now_ms)


def _authorization(req: CreateRouteRequest | UpdateRouteRequest, old: str) -> str:
    """Raises: NotBuilt for routes that only authorizers or API keys open."""
    kind = req.get("AuthorizationType", old)
    rules.only("routes with the authorization", kind, *rules.AUTHORIZATIONS)
    rules.only("routes with API keys:", req.get("ApiKeyRequired", False), False)
    return kind


def _checked_key(call: Call, tx: Transaction, api: HttpApi, key: str, own: str | None) -> str:
    rules.parse_route_key(key)
    taken = records.find_http_route(tx, call.scope, api.id, key)
    if taken is not None and taken.id != own:
        raise errors.ConflictException(detail=f"Route with key {key} already exists for this API")
    return key


def _checked_target(call: Call, tx: Transaction, api: HttpApi, target: str | None) -> str | None:
    if target is None:
        return None
    integration_id = target.removeprefix(_TARGET)
    if not target.startswith(_TARGET):
        raise errors.BadRequestException(
            detail=f"Invalid target {target}. A target is integrations/<integrationId>"
        )
    return records.get_http_integration(tx, call.scope, api.id, integration_id).id


def _told(route: HttpRoute) -> Route:
    wire: Route = {
        "ApiKeyRequired": False,
        "AuthorizationType": route.authorization,
        "RouteId": route.id,
        "RouteKey": route.key,
    }
    if route.integration_id is not None:
        wire["Target"] = _TARGET + route.integration_id
    if route.operation_name is not None:
        wire["OperationName"] = route.operation_name
    if route.managed:
        wire["ApiGatewayManaged"] = True
    return wire
