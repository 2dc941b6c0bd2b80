"""What requests and APIs tell policies of themselves, when one of them asks.

Of a REST API's tags everything below it has its share; an HTTP API's are its own.
AWS: API Gateway Developer Guide, "API Gateway resources that can be tagged", section "Tag inheritance in the Amazon
API Gateway V1 API"; "Using IAM policy conditions for API Gateway control plane".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast
from urllib.parse import unquote

from pilvi.base.arn import Arn, Scope
from pilvi.kit import tags
from pilvi.kit.call import Call
from pilvi.kit.permission import Permission
from pilvi.kit.service import Tells
from pilvi.services.apigateway import records
from pilvi.services.apigateway.records import HttpRoute, Method
from pilvi.store.api import Snapshot

Keys = dict[str, tuple[str, ...]]
Request = Mapping[str, Any]


async def _tell(call: Call, asked: Permission, resource: str) -> Keys:
    told = await call.view(lambda at: _of_resource(at, call.scope, resource))
    if isinstance(asked.told, Mapping):
        told.update(_of_request(call.operation, cast("Request", asked.told)))
    return told


_NAMES = (
    *("accessloggingdestination", "accessloggingformat", "apikeyrequired", "apiname"),
    *("authorizertype", "authorizeruri", "disableexecuteapiendpoint", "endpointtype"),
    *("routeauthorizationtype", "securitypolicy"),
)
tells = Tells(
    frozenset(
        {
            "aws:resourcetag/*",
            "apigateway:request/stagename",
            *(f"apigateway:{of}/{name}" for of in ("request", "resource") for name in _NAMES),
        }
    ),
    _tell,
)
"""Authorizers, and security policies of domains, are not built: no request or resource here has any."""

NEVER = frozenset(
    {
        *("apigateway:request/accessassociationsource", "apigateway:request/domainnamearn"),
        *("apigateway:request/mtlstruststoreuri", "apigateway:request/mtlstruststoreversion"),
        *("apigateway:resource/cognitouserpoolarn", "apigateway:resource/conditionbasepaths"),
        *("apigateway:resource/method", "apigateway:resource/mtlstruststoreuri"),
        *("apigateway:resource/mtlstruststoreversion", "apigateway:resource/portaldisplayname"),
        *("apigateway:resource/portaldomainname", "apigateway:resource/portalproductdisplayname"),
        *("apigateway:resource/portalpublishstatus", "apigateway:resource/priority"),
        *("apigateway:resource/productpagetitle", "apigateway:resource/restapiid"),
        "apigateway:resource/productrestendpointpageendpointprefix",
        *("apigateway:resource/routingmode", "apigateway:resource/stage"),
    }
)
"""Of domain names, portals and their pages, of which there are none here."""


# --- of resources


def _of_resource(at: Snapshot, here: Scope, resource: str) -> Keys:
    """`here`: API Gateway's ARNs name no account."""
    try:
        path = Arn.parse(resource).resource.split("/")[1:]
    except ValueError:
        return {}
    match path:
        case ["tags", quoted]:
            return _of_resource(at, here, unquote(quoted)) if "/" not in quoted else {}
        case ["restapis", api_id, *below]:
            return _of_rest_api(at, here, api_id, below)
        case ["apis", api_id, *below]:
            return _of_http_api(at, here, api_id, below)
        case _:
            return {}


def _of_rest_api(at: Snapshot, here: Scope, api_id: str, below: list[str]) -> Keys:
    api = records.REST_APIS.find(at, records.home_of(here), api_id)
    if api is None:
        return {}
    home = records.inside(here, api_id)
    all_tags, told = api.tags, Keys()
    match below:
        case []:
            resources = records.RESOURCES.scan(at, home)
            told = _of_methods(method for one in resources for method in one.methods.values())
            told["apigateway:resource/apiname"] = (api.name,)
            told["apigateway:resource/endpointtype"] = tuple(api.endpoint_types)
            told["apigateway:resource/disableexecuteapiendpoint"] = (_truth(api.endpoint_disabled),)
        case ["stages", name]:
            stage = records.REST_STAGES.find(at, home, name)
            if stage is not None:
                all_tags = {**all_tags, **stage.tags}
        case ["resources", resource_id, "methods", verb, *_]:
            resource = records.RESOURCES.find(at, home, resource_id)
            method = None if resource is None else resource.methods.get(verb)
            told = _of_methods([] if method is None else [method])
        case _:
            pass
    return {**told, **tags.of_resource(all_tags)}


def _of_methods(methods: Iterable[Method | HttpRoute]) -> Keys:
    """Of several ways in, all are told. None of them can need an API key yet."""
    kinds = dict.fromkeys(one.authorization for one in methods)
    if not kinds:
        return {}
    return {
        "apigateway:resource/routeauthorizationtype": tuple(kinds),
        "apigateway:resource/apikeyrequired": ("false",),
    }


def _of_http_api(at: Snapshot, here: Scope, api_id: str, below: list[str]) -> Keys:
    api = records.HTTP_APIS.find(at, records.home_of(here), api_id)
    if api is None:
        return {}
    home = records.inside(here, api_id)
    match below:
        case []:
            told: Keys = {
                "apigateway:resource/apiname": (api.name,),
                "apigateway:resource/disableexecuteapiendpoint": (_truth(api.endpoint_disabled),),
                **tags.of_resource(api.tags),
            }
            return told | _of_methods(records.HTTP_ROUTES.scan(at, home))
        case ["stages", name]:
            stage = records.HTTP_STAGES.find(at, home, name)
            return {} if stage is None else tags.of_resource(stage.tags)
        case ["routes", route_id, *_]:
            found = records.HTTP_ROUTES.find(at, home, route_id)
            return _of_methods([] if found is None else [found])
        case _:
            return {}


# --- of requests


def _of_request(operation: str, req: Request) -> Keys:
    found = {name: _texts(value) for name, value in _GIVEN.get(operation, _nothing)(req).items()}
    for patch in _list(req.get("patchOperations")):
        one = _object(patch)
        path = str(one.get("path", ""))
        name = next((n for start, n in _PATCHED.items() if path.startswith(start)), None)
        if name is not None and "value" in one:
            found[name] = (*found.get(name, ()), *_texts(one["value"]))
    return {f"apigateway:request/{name}": texts for name, texts in found.items() if texts}


_PATCHED = {
    "/name": "apiname",
    "/disableExecuteApiEndpoint": "disableexecuteapiendpoint",
    "/endpointConfiguration/types": "endpointtype",
    "/apiKeyRequired": "apikeyrequired",
    "/authorizationType": "routeauthorizationtype",
    "/accessLogSettings/destinationArn": "accessloggingdestination",
    "/accessLogSettings/format": "accessloggingformat",
}


def _nothing(req: Request) -> Request:
    return {}


def _rest_api(req: Request) -> Request:
    return {
        "apiname": req.get("name"),
        "disableexecuteapiendpoint": req.get("disableExecuteApiEndpoint", False),
        "endpointtype": _object(req.get("endpointConfiguration")).get("types") or ["EDGE"],
    }


def _method(req: Request) -> Request:
    return {
        "apikeyrequired": req.get("apiKeyRequired", False),
        "routeauthorizationtype": req.get("authorizationType"),
    }


def _http_api(req: Request) -> Request:
    told = {
        "apiname": req.get("Name"),
        "disableexecuteapiendpoint": req.get("DisableExecuteApiEndpoint", False),
    }
    if "Target" in req:  # a quick create makes a route that is open to all
        told.update({"routeauthorizationtype": "NONE", "apikeyrequired": False})
    return told


def _http_api_change(req: Request) -> Request:
    return {
        "apiname": req.get("Name"),
        "disableexecuteapiendpoint": req.get("DisableExecuteApiEndpoint"),
    }


def _route(req: Request) -> Request:
    return {
        "apikeyrequired": req.get("ApiKeyRequired", False),
        "routeauthorizationtype": req.get("AuthorizationType", "NONE"),
    }


def _route_change(req: Request) -> Request:
    return {
        "apikeyrequired": req.get("ApiKeyRequired"),
        "routeauthorizationtype": req.get("AuthorizationType"),
    }


_STAGES_UNBUILT = ("AccessLogSettings",)


def _http_stage(req: Request) -> Request:
    settings = _object(req.get(_STAGES_UNBUILT[0]))
    return {
        "accessloggingdestination": settings.get("DestinationArn"),
        "accessloggingformat": settings.get("Format"),
    }


def _deployment(req: Request) -> Request:
    return {"stagename": req.get("stageName") or req.get("StageName")}


_GIVEN = {
    "CreateRestApi": _rest_api,
    "PutMethod": _method,
    "CreateApi": _http_api,
    "UpdateApi": _http_api_change,
    "CreateRoute": _route,
    "UpdateRoute": _route_change,
    "CreateStage": _http_stage,
    "UpdateStage": _http_stage,
    "CreateDeployment": _deployment,
}
"""What is left out of a request that makes something is told as what it will be."""


def _texts(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(_truth(one) if isinstance(one, bool) else str(one) for one in _list(value))


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _list(value: object) -> list[object]:
    if value is None:
        return []
    return cast("list[object]", value) if isinstance(value, list) else [value]


def _object(value: object) -> Request:
    return cast("Request", value) if isinstance(value, dict) else {}
