"""REST APIs: create, get, list, update, delete."""

from __future__ import annotations

from pilvi.base.errors import NotBuilt
from pilvi.kit.call import Call
from pilvi.services.apigateway import errors, limits, patches, records, rules
from pilvi.services.apigateway.records import REST_APIS, Resource
from pilvi.services.apigateway.service import apigateway
from pilvi.services.apigateway.wire_rest import (
    CreateRestApiRequest,
    DeleteRestApiRequest,
    GetRestApiRequest,
    GetRestApisRequest,
    RestApi,
    RestApis,
    UpdateRestApiRequest,
)
from pilvi.store.api import Snapshot, Transaction

_BINARY = "/binaryMediaTypes/"


@apigateway.write("CreateRestApi")
def create_rest_api(call: Call, tx: Transaction, req: CreateRestApiRequest) -> RestApi:
    """Create a REST API with its root resource.

    Raises: BadRequestException, TooManyRequestsException (APIs of the region).
    AWS: CreateRestApi.
    Differs: endpoint types are kept and told, and all APIs answer alike.
    """
    home = records.home_of(call.scope)
    if sum(1 for _ in REST_APIS.scan(tx, home)) >= limits.APIS_PER_REGION:
        raise errors.TooManyRequestsException(what="APIs")
    if req.get("description") == "":
        raise errors.BadRequestException(detail="Description cannot be an empty string")
    endpoint = req.get("endpointConfiguration", {})
    types = list(endpoint.get("types", ["EDGE"]))
    if not types:
        raise errors.BadRequestException(
            detail="REGIONAL Configuration and EDGE Configuration cannot be both DISABLED."
        )
    if types == ["PRIVATE"]:
        raise NotBuilt(what="private REST APIs")
    rules.only("API keys from", req.get("apiKeySource", "HEADER"), "HEADER")
    root = Resource(id=call.entropy.lower(10), parent_id=None, path_part=None, path="/")
    api = records.RestApi(
        id=call.entropy.lower(10),
        name=req["name"],
        description=req.get("description"),
        version=req.get("version"),
        binary_types=list(req.get("binaryMediaTypes", [])),
        endpoint_types=types,
        ip_address_type=endpoint.get("ipAddressType", "ipv4"),
        api_key_source="HEADER",
        endpoint_disabled=req.get("disableExecuteApiEndpoint", False),
        root_id=root.id,
        created_at_ms=call.now_ms,
        tags=rules.check_tags(req.get("tags", {})),
    )
    records.put_rest_api(tx, call.scope, api)
    records.put_resource(tx, call.scope, api.id, root)
    return _told(api)


@apigateway.read("GetRestApi")
def get_rest_api(call: Call, at: Snapshot, req: GetRestApiRequest) -> RestApi:
    """Raises: NotFoundException."""
    return _told(records.get_rest_api(at, call.scope, req["restApiId"]))


@apigateway.read("GetRestApis")
def get_rest_apis(call: Call, at: Snapshot, req: GetRestApisRequest) -> RestApis:
    """List the REST APIs of the account and region."""
    found = {api.id: api for api in REST_APIS.scan(at, records.home_of(call.scope))}
    page, position = rules.cut_page(found, after=req.get("position"), size=req.get("limit"))
    answer: RestApis = {"items": [_told(found[api_id]) for api_id in page]}
    if position is not None:
        answer["position"] = position
    return answer


@apigateway.write("UpdateRestApi")
def update_rest_api(call: Call, tx: Transaction, req: UpdateRestApiRequest) -> RestApi:
    """Change name, description, version, binary media types or the endpoint.

    Raises: NotFoundException, BadRequestException.
    """
    api = records.get_rest_api(tx, call.scope, req["restApiId"])
    for patch in patches.read(req.get("patchOperations", [])):
        if patch.path.startswith(_BINARY):
            _patch_binary_types(api, patch)
        elif patch.path == _BINARY.rstrip("/"):
            raise errors.BadRequestException(detail=f"Invalid patch path {patch.path}")
        else:
            _patch_texts(api, patch)
    records.put_rest_api(tx, call.scope, api)
    return {**_told(api), "tags": api.tags}


def _patch_texts(api: records.RestApi, patch: patches.Patch) -> None:
    patch.must_replace()
    match patch.path:
        case "/name":
            api.name = patch.value
        case "/description":
            api.description = patch.value or None
        case "/version":
            api.version = patch.value or None
        case "/disableExecuteApiEndpoint":
            api.endpoint_disabled = patch.truth()
        case _:
            raise NotBuilt(what=f"changing {patch.path} of a REST API")


def _patch_binary_types(api: records.RestApi, patch: patches.Patch) -> None:
    media_type = patches.unescaped(patch.path.removeprefix(_BINARY))
    others = [known for known in api.binary_types if known != media_type]
    match patch.op:
        case "add":
            api.binary_types = [*others, media_type]
        case "remove":
            api.binary_types = others
        case "replace":
            api.binary_types = [*others, patch.value]
        case _:
            raise errors.BadRequestException(detail=f"Invalid patch path {patch.path}")


@apigateway.write("DeleteRestApi")
def delete_rest_api(call: Call, tx: Transaction, req: DeleteRestApiRequest) -> None:
    """Remove an API and all that belongs to it. Raises: NotFoundException."""
    api = records.get_rest_api(tx, call.scope, req["restApiId"])
    records.delete_rest_api(tx, call.scope, api.id)


def _told(api: records.RestApi) -> RestApi:
    wire: RestApi = {
        "id": api.id,
        "name": api.name,
        "createdDate": api.created_at_ms,
        "apiKeySource": api.api_key_source,
        "endpointConfiguration": {
            "types": api.endpoint_types,
            "ipAddressType": api.ip_address_type,
        },
        "disableExecuteApiEndpoint": api.endpoint_disabled,
        "rootResourceId": api.root_id,
    }
    if api.description is not None:
        wire["description"] = api.description
    if api.version is not None:
        wire["version"] = api.version
    if api.binary_types:
        wire["binaryMediaTypes"] = api.binary_types
    if api.tags:
        wire["tags"] = api.tags
    return wire
