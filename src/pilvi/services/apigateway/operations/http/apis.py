"""HTTP APIs: create, get, list, update, delete. WebSocket APIs are refused by name."""

from __future__ import annotations

from pilvi.base.addresses import endpoint_url
from pilvi.base.errors import NotBuilt
from pilvi.kit.call import Call
from pilvi.services.apigateway import errors, limits, records, rules, snapshots
from pilvi.services.apigateway.operations.http import integrations, routes, stages
from pilvi.services.apigateway.records import HTTP_APIS, HttpApi
from pilvi.services.apigateway.service import apigatewayv2
from pilvi.services.apigateway.wire_http import (
    Api,
    Cors,
    CreateApiRequest,
    CreateApiResponse,
    DeleteApiRequest,
    DeleteCorsConfigurationRequest,
    GetApiRequest,
    GetApiResponse,
    GetApisRequest,
    GetApisResponse,
    UpdateApiRequest,
    UpdateApiResponse,
)
from pilvi.store.api import Snapshot, Transaction

_API_KEY_EXPRESSION = "$request.header.x-api-key"
_ROUTE_EXPRESSION = "$request.method $request.path"
_METHODS = frozenset({"*", "GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD"})


@apigatewayv2.write("CreateApi")
def create_api(call: Call, tx: Transaction, req: CreateApiRequest) -> CreateApiResponse:
    """Create an HTTP API.

    With Target (a function's ARN) the whole of it at once: an integration, a route for RouteKey or
    `$default`, and a `$default` stage that deploys by itself.

    Raises: BadRequestException, TooManyRequestsException (APIs of the region).
    AWS: CreateApi; Developer Guide, "Create an HTTP API" (quick create).
    """
    rules.only("APIs of the protocol", req["ProtocolType"], "HTTP")
    _check_expressions(req)
    home = records.home_of(call.scope)
    if sum(1 for _ in HTTP_APIS.scan(tx, home)) >= limits.APIS_PER_REGION:
        raise errors.TooManyRequestsException(what="APIs")
    api = HttpApi(
        id=call.entropy.lower(10),
        name=req["Name"],
        description=req.get("Description"),
        version=req.get("Version"),
        cors=_checked_cors(req["CorsConfiguration"]) if "CorsConfiguration" in req else None,
        endpoint_disabled=req.get("DisableExecuteApiEndpoint", False),
        ip_address_type=req.get("IpAddressType", "ipv4"),
        created_at_ms=call.now_ms,
        tags=rules.check_tags(req.get("Tags", {})),
    )
    records.put_http_api(tx, call.scope, api)
    if "Target" in req:
        rules.refuse_credentials(req.get("CredentialsArn"))
        integration = integrations.quick_integration(call, tx, api, req["Target"])
        routes.quick_route(call, tx, api, req.get("RouteKey", rules.DEFAULT), integration.id)
        stages.quick_stage(call, tx, api)
        snapshots.redeploy_http(tx, call.scope, api, call.entropy, now_ms=call.now_ms)
    return {**_told(call, api)}


@apigatewayv2.read("GetApi")
def get_api(call: Call, at: Snapshot, req: GetApiRequest) -> GetApiResponse:
    """Raises: NotFoundException."""
    return {**_told(call, records.get_http_api(at, call.scope, req["ApiId"]))}


@apigatewayv2.read("GetApis")
def get_apis(call: Call, at: Snapshot, req: GetApisRequest) -> GetApisResponse:
    """List the HTTP APIs of the account and region."""
    found = {api.id: api for api in HTTP_APIS.scan(at, records.home_of(call.scope))}
    page, token = rules.cut_page(
        found, after=req.get("NextToken"), size=rules.page_size(req.get("MaxResults"))
    )
    answer: GetApisResponse = {"Items": [_told(call, found[api_id]) for api_id in page]}
    if token is not None:
        answer["NextToken"] = token
    return answer


@apigatewayv2.write("UpdateApi")
def update_api(call: Call, tx: Transaction, req: UpdateApiRequest) -> UpdateApiResponse:
    """Change what is given. Raises: NotFoundException, BadRequestException."""
    api = records.get_http_api(tx, call.scope, req["ApiId"])
    _check_expressions(req)
    api.name = req.get("Name", api.name)
    api.description = req.get("Description", api.description)
    api.version = req.get("Version", api.version)
    api.endpoint_disabled = req.get("DisableExecuteApiEndpoint", api.endpoint_disabled)
    api.ip_address_type = req.get("IpAddressType", api.ip_address_type)
    if "CorsConfiguration" in req:
        api.cors = _checked_cors(req["CorsConfiguration"])
    records.put_http_api(tx, call.scope, api)
    snapshots.redeploy_http(tx, call.scope, api, call.entropy, now_ms=call.now_ms)
    return {**_told(call, api)}


@apigatewayv2.write("DeleteCorsConfiguration")
def delete_cors_configuration(
    call: Call, tx: Transaction, req: DeleteCorsConfigurationRequest
) -> None:
    """Raises: NotFoundException."""
    api = records.get_http_api(tx, call.scope, req["ApiId"])
    api.cors = None
    records.put_http_api(tx, call.scope, api)
    snapshots.redeploy_http(tx, call.scope, api, call.entropy, now_ms=call.now_ms)


@apigatewayv2.write("DeleteApi")
def delete_api(call: Call, tx: Transaction, req: DeleteApiRequest) -> None:
    """Remove an API and all that belongs to it. Raises: NotFoundException."""
    api = records.get_http_api(tx, call.scope, req["ApiId"])
    records.delete_http_api(tx, call.scope, api.id)


def _check_expressions(req: CreateApiRequest | UpdateApiRequest) -> None:
    """HTTP APIs have one value only of each."""
    keys = req.get("ApiKeySelectionExpression", _API_KEY_EXPRESSION)
    rules.only("the API key selection expression", keys, _API_KEY_EXPRESSION)
    chosen = req.get("RouteSelectionExpression", _ROUTE_EXPRESSION)
    if chosen not in (_ROUTE_EXPRESSION, "${request.method} ${request.path}"):
        raise errors.BadRequestException(
            detail="The RouteSelectionExpression of an HTTP API is"
            " ${request.method} ${request.path}"
        )
    if req.get("DisableSchemaValidation"):
        raise NotBuilt(what="WebSocket APIs (DisableSchemaValidation)")


def _checked_cors(wire: Cors) -> records.Cors:
    """Raises: BadRequestException."""
    cors = records.Cors(
        allow_credentials=wire.get("AllowCredentials", False),
        allow_headers=list(wire.get("AllowHeaders", [])),
        allow_methods=[method.upper() for method in wire.get("AllowMethods", [])],
        allow_origins=list(wire.get("AllowOrigins", [])),
        expose_headers=list(wire.get("ExposeHeaders", [])),
        max_age_s=wire.get("MaxAge"),
    )
    if not _METHODS.issuperset(cors.allow_methods):
        raise errors.BadRequestException(detail="Invalid HTTP method in AllowMethods")
    for origin in cors.allow_origins:
        if origin != "*" and "://" not in origin:
            raise errors.BadRequestException(
                detail=f"Invalid format for origin {origin}. Origins begin with a scheme, like http://"
            )
    if cors.allow_credentials and "*" in cors.allow_origins:
        raise errors.BadRequestException(
            detail="allowCredentials cannot be true when allowOrigins contains *"
        )
    if cors.max_age_s is not None and not -1 <= cors.max_age_s <= 86_400:
        raise errors.BadRequestException(detail="maxAge must be between -1 and 86400")
    return cors


def _told(call: Call, api: HttpApi) -> Api:
    wire: Api = {
        "ApiId": api.id,
        "ApiEndpoint": endpoint_url(
            call.cloud.settings.external_url, "execute-api", api.id, call.region
        ),
        "ApiKeySelectionExpression": _API_KEY_EXPRESSION,
        "CreatedDate": api.created_at_ms,
        "DisableExecuteApiEndpoint": api.endpoint_disabled,
        "IpAddressType": api.ip_address_type,
        "Name": api.name,
        "ProtocolType": "HTTP",
        "RouteSelectionExpression": _ROUTE_EXPRESSION,
        "Tags": api.tags,
    }
    if api.description is not None:
        wire["Description"] = api.description
    if api.version is not None:
        wire["Version"] = api.version
    if api.cors is not None:
        wire["CorsConfiguration"] = _told_cors(api.cors)
    return wire


def _told_cors(cors: records.Cors) -> Cors:
    wire: Cors = {"AllowCredentials": cors.allow_credentials}
    if cors.allow_headers:
        wire["AllowHeaders"] = cors.allow_headers
    if cors.allow_methods:
        wire["AllowMethods"] = cors.allow_methods
    if cors.allow_origins:
        wire["AllowOrigins"] = cors.allow_origins
    if cors.expose_headers:
        wire["ExposeHeaders"] = cors.expose_headers
    if cors.max_age_s is not None:
        wire["MaxAge"] = cors.max_age_s
    return wire
