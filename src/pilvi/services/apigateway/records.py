"""What API Gateway stores: HTTP APIs and REST APIs, and what belongs to each.

An API lies in its account and region; all that belongs to it under its own prefix, so that deleting the API
is one `delete_range`. Requests to an API name it by its id alone, so `Place` says where an id lives: home
`("-", "aws-global")`.

Invariants, checked at the write:
1. An API has a place, and a place has its API.
2. A deployment never changes but for its description: it is a snapshot of what it serves.
3. A stage's deployment exists.
"""

from __future__ import annotations

import msgspec

from pilvi.base.arn import GLOBAL_REGION, Scope
from pilvi.languages.cors import Cors as Cors
from pilvi.services.apigateway import errors
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection
from pilvi.store.keys import Key, span

EVERYWHERE: Key = ("-", GLOBAL_REGION)


class Place(msgspec.Struct, kw_only=True):
    """`kind`: "http" or "rest"."""

    api_id: str
    kind: str
    account: str
    region: str


class Invocation(msgspec.Struct, kw_only=True):
    """What a deployed route does. `kind`: "lambda" or "mock".

    `uri`: the function's ARN, perhaps with `${stageVariables.name}` inside.
    """

    kind: str
    uri: str = ""
    payload_version: str = "1.0"
    timeout_ms: int = 30_000
    mock: Mock | None = None


class Mock(msgspec.Struct, kw_only=True):
    """A constant answer (REST APIs)."""

    status: int
    headers: list[tuple[str, str]]
    body: str


class Deployed(msgspec.Struct, kw_only=True):
    """One route of a deployment. `key`: an HTTP API's route key; `resource_id`: of REST APIs.

    `authorization`: NONE, or AWS_IAM: whoever signs, and may.
    """

    method: str
    path: str
    authorization: str = "NONE"
    key: str = ""
    resource_id: str = ""
    invocation: Invocation | None = None


# --- HTTP APIs


class HttpApi(msgspec.Struct, kw_only=True):
    id: str
    name: str
    description: str | None
    version: str | None
    cors: Cors | None
    endpoint_disabled: bool
    ip_address_type: str
    created_at_ms: int
    tags: dict[str, str]


class HttpIntegration(msgspec.Struct, kw_only=True):
    id: str
    uri: str
    payload_version: str
    timeout_ms: int
    method: str
    description: str | None
    managed: bool = False


class HttpRoute(msgspec.Struct, kw_only=True):
    id: str
    key: str
    integration_id: str | None
    operation_name: str | None
    authorization: str = "NONE"
    managed: bool = False


class HttpDeployment(msgspec.Struct, kw_only=True):
    id: str
    created_at_ms: int
    description: str | None
    automatic: bool
    routes: list[Deployed]
    cors: Cors | None


class HttpStage(msgspec.Struct, kw_only=True):
    name: str
    deployment_id: str | None
    automatic: bool
    variables: dict[str, str]
    description: str | None
    created_at_ms: int
    updated_at_ms: int
    tags: dict[str, str]
    managed: bool = False


# --- REST APIs


class RestApi(msgspec.Struct, kw_only=True):
    id: str
    name: str
    description: str | None
    version: str | None
    binary_types: list[str]
    endpoint_types: list[str]
    ip_address_type: str
    api_key_source: str
    endpoint_disabled: bool
    root_id: str
    created_at_ms: int
    tags: dict[str, str]


class MethodResponse(msgspec.Struct, kw_only=True):
    parameters: dict[str, bool]
    models: dict[str, str]


class IntegrationResponse(msgspec.Struct, kw_only=True):
    parameters: dict[str, str]
    templates: dict[str, str]
    selection: str | None


class RestIntegration(msgspec.Struct, kw_only=True):
    """`kind`: AWS_PROXY or MOCK."""

    kind: str
    method: str | None
    uri: str | None
    timeout_ms: int
    passthrough: str
    templates: dict[str, str]
    cache_namespace: str
    responses: dict[str, IntegrationResponse] = {}


class Method(msgspec.Struct, kw_only=True):
    method: str
    authorization: str
    operation_name: str | None
    parameters: dict[str, bool]
    responses: dict[str, MethodResponse] = {}
    integration: RestIntegration | None = None


class Resource(msgspec.Struct, kw_only=True):
    id: str
    parent_id: str | None
    path_part: str | None
    path: str
    methods: dict[str, Method] = {}


class RestDeployment(msgspec.Struct, kw_only=True):
    id: str
    created_at_ms: int
    description: str | None
    routes: list[Deployed]
    binary_types: list[str]


class RestStage(msgspec.Struct, kw_only=True):
    name: str
    deployment_id: str
    variables: dict[str, str]
    description: str | None
    created_at_ms: int
    updated_at_ms: int
    tags: dict[str, str]


PLACES = Collection("apigateway.place", Place, key=lambda place: (place.api_id,))
HTTP_APIS = Collection("apigateway.http-api", HttpApi, key=lambda api: (api.id,))
HTTP_INTEGRATIONS = Collection(
    "apigateway.http-integration", HttpIntegration, key=lambda i: (i.id,)
)
HTTP_ROUTES = Collection(
    "apigateway.http-route",
    HttpRoute,
    key=lambda route: (route.id,),
    indexes={"key": lambda route: (route.key,)},
)
HTTP_DEPLOYMENTS = Collection("apigateway.http-deployment", HttpDeployment, key=lambda d: (d.id,))
HTTP_STAGES = Collection("apigateway.http-stage", HttpStage, key=lambda stage: (stage.name,))
REST_APIS = Collection("apigateway.rest-api", RestApi, key=lambda api: (api.id,))
RESOURCES = Collection(
    "apigateway.resource",
    Resource,
    key=lambda resource: (resource.id,),
    indexes={"path": lambda resource: (resource.path,)},
)
REST_DEPLOYMENTS = Collection("apigateway.rest-deployment", RestDeployment, key=lambda d: (d.id,))
REST_STAGES = Collection("apigateway.rest-stage", RestStage, key=lambda stage: (stage.name,))


def home_of(scope: Scope) -> Key:
    return (scope.account, scope.region)


def inside(scope: Scope, api_id: str) -> Key:
    """The home of what belongs to an API."""
    return (scope.account, scope.region, "apigateway", api_id)


def find_place(at: Snapshot, api_id: str) -> Place | None:
    return PLACES.find(at, EVERYWHERE, api_id)


# --- HTTP APIs


def get_http_api(at: Snapshot, scope: Scope, api_id: str) -> HttpApi:
    """Raises: NotFoundException."""
    api = HTTP_APIS.find(at, home_of(scope), api_id)
    if api is None:
        raise errors.NotFoundException(detail=f"Invalid API identifier specified {api_id}")
    return api


def put_http_api(tx: Transaction, scope: Scope, api: HttpApi) -> None:
    HTTP_APIS.put(tx, home_of(scope), api)
    place = Place(api_id=api.id, kind="http", account=scope.account, region=scope.region)
    PLACES.put(tx, EVERYWHERE, place)


def delete_http_api(tx: Transaction, scope: Scope, api_id: str) -> None:
    HTTP_APIS.delete(tx, home_of(scope), api_id)
    PLACES.delete(tx, EVERYWHERE, api_id)
    tx.delete_range(*span(inside(scope, api_id)))


def get_http_integration(at: Snapshot, scope: Scope, api_id: str, name: str) -> HttpIntegration:
    """Raises: NotFoundException."""
    found = HTTP_INTEGRATIONS.find(at, inside(scope, api_id), name)
    if found is None:
        raise errors.NotFoundException(detail="Invalid Integration identifier specified")
    return found


def get_http_route(at: Snapshot, scope: Scope, api_id: str, name: str) -> HttpRoute:
    """Raises: NotFoundException."""
    found = HTTP_ROUTES.find(at, inside(scope, api_id), name)
    if found is None:
        raise errors.NotFoundException(detail="Invalid Route identifier specified")
    return found


def find_http_route(at: Snapshot, scope: Scope, api_id: str, key: str) -> HttpRoute | None:
    return next(HTTP_ROUTES.scan_index(at, inside(scope, api_id), "key", (key,)), None)


def get_http_deployment(at: Snapshot, scope: Scope, api_id: str, name: str) -> HttpDeployment:
    """Raises: NotFoundException."""
    found = HTTP_DEPLOYMENTS.find(at, inside(scope, api_id), name)
    if found is None:
        raise errors.NotFoundException(detail="Invalid Deployment identifier specified")
    return found


def get_http_stage(at: Snapshot, scope: Scope, api_id: str, name: str) -> HttpStage:
    """Raises: NotFoundException."""
    found = HTTP_STAGES.find(at, inside(scope, api_id), name)
    if found is None:
        raise errors.NotFoundException(detail="Invalid stage identifier specified")
    return found


# --- REST APIs


def get_rest_api(at: Snapshot, scope: Scope, api_id: str) -> RestApi:
    """Raises: NotFoundException."""
    api = REST_APIS.find(at, home_of(scope), api_id)
    if api is None:
        raise errors.NotFoundException(
            detail=f"Invalid API identifier specified {scope.account}:{api_id}"
        )
    return api


def put_rest_api(tx: Transaction, scope: Scope, api: RestApi) -> None:
    REST_APIS.put(tx, home_of(scope), api)
    place = Place(api_id=api.id, kind="rest", account=scope.account, region=scope.region)
    PLACES.put(tx, EVERYWHERE, place)


def delete_rest_api(tx: Transaction, scope: Scope, api_id: str) -> None:
    REST_APIS.delete(tx, home_of(scope), api_id)
    PLACES.delete(tx, EVERYWHERE, api_id)
    tx.delete_range(*span(inside(scope, api_id)))


def get_resource(at: Snapshot, scope: Scope, api_id: str, resource_id: str) -> Resource:
    """Also for an API that does not exist. Raises: NotFoundException."""
    found = RESOURCES.find(at, inside(scope, api_id), resource_id)
    if found is None:
        raise errors.NotFoundException(detail="Invalid Resource identifier specified")
    return found


def put_resource(tx: Transaction, scope: Scope, api_id: str, resource: Resource) -> None:
    RESOURCES.put(tx, inside(scope, api_id), resource)


def get_rest_deployment(at: Snapshot, scope: Scope, api_id: str, name: str) -> RestDeployment:
    """Raises: NotFoundException."""
    found = REST_DEPLOYMENTS.find(at, inside(scope, api_id), name)
    if found is None:
        raise errors.NotFoundException(detail="Invalid Deployment identifier specified")
    return found


def get_rest_stage(at: Snapshot, scope: Scope, api_id: str, name: str) -> RestStage:
    """Raises: NotFoundException."""
    found = REST_STAGES.find(at, inside(scope, api_id), name)
    if found is None:
        raise errors.NotFoundException(detail="Invalid stage identifier specified")
    return found
