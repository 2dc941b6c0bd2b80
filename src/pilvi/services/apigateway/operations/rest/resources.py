"""Resources of REST APIs: the tree of paths. Create, get, list, move, delete."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pilvi.kit.call import Call
from pilvi.services.apigateway import errors, limits, patches, records, rules
from pilvi.services.apigateway.operations.rest import methods
from pilvi.services.apigateway.records import RESOURCES
from pilvi.services.apigateway.service import apigateway
from pilvi.services.apigateway.wire_rest import (
    CreateResourceRequest,
    DeleteResourceRequest,
    GetResourceRequest,
    GetResourcesRequest,
    Resource,
    Resources,
    UpdateResourceRequest,
)
from pilvi.store.api import Snapshot, Transaction

_PART = re.compile(r"[A-Za-z0-9._\-:]+|\{[A-Za-z0-9._\-:]+\+?\}")


@apigateway.write("CreateResource")
def create_resource(call: Call, tx: Transaction, req: CreateResourceRequest) -> Resource:
    """Add a path segment below a resource.

    Raises: NotFoundException, BadRequestException, ConflictException, LimitExceededException.
    AWS: CreateResource.
    """
    api_id = req["restApiId"]
    parent = records.get_resource(tx, call.scope, api_id, req["parentId"])
    present = list(RESOURCES.scan(tx, records.inside(call.scope, api_id)))
    if len(present) >= limits.RESOURCES_PER_API:
        raise errors.LimitExceededException(what="resources")
    part = req["pathPart"]
    _check_part(part, parent, _children(present, parent.id))
    resource = records.Resource(
        id=call.entropy.lower(6), parent_id=parent.id, path_part=part, path=_below(parent, part)
    )
    records.put_resource(tx, call.scope, api_id, resource)
    return _told(resource)


@apigateway.read("GetResource")
def get_resource(call: Call, at: Snapshot, req: GetResourceRequest) -> Resource:
    """Tell about a resource; about its methods, too, with embed=methods. Raises: NotFoundException."""
    resource = records.get_resource(at, call.scope, req["restApiId"], req["resourceId"])
    return _told(resource, whole="methods" in req.get("embed", []))


@apigateway.read("GetResources")
def get_resources(call: Call, at: Snapshot, req: GetResourcesRequest) -> Resources:
    """List an API's resources by path. Raises: NotFoundException."""
    api = records.get_rest_api(at, call.scope, req["restApiId"])
    found = {r.path: r for r in RESOURCES.scan(at, records.inside(call.scope, api.id))}
    page, position = rules.cut_page(found, after=req.get("position"), size=req.get("limit"))
    whole = "methods" in req.get("embed", [])
    answer: Resources = {"items": [_told(found[path], whole=whole) for path in page]}
    if position is not None:
        answer["position"] = position
    return answer


@apigateway.write("UpdateResource")
def update_resource(call: Call, tx: Transaction, req: UpdateResourceRequest) -> Resource:
    """Rename a resource or move it below another; what is below it comes along.

    Raises: NotFoundException, BadRequestException, ConflictException.
    """
    api_id = req["restApiId"]
    resource = records.get_resource(tx, call.scope, api_id, req["resourceId"])
    for patch in patches.read(req.get("patchOperations", [])):
        _check_patch(patch)
        present = list(RESOURCES.scan(tx, records.inside(call.scope, api_id)))
        if resource.parent_id is None or resource.path_part is None:
            raise errors.BadRequestException(detail="Root resource cannot be updated")
        parent_id, part = resource.parent_id, resource.path_part
        if patch.path == "/parentId":
            parent_id = patch.value
        else:
            part = patch.value
        parent = records.get_resource(tx, call.scope, api_id, parent_id)
        if any(below.id == parent.id for below in _tree(present, resource)):
            raise errors.BadRequestException(detail="Resources cannot be cyclical.")
        siblings = [r for r in _children(present, parent.id) if r.id != resource.id]
        _check_part(part, parent, siblings)
        resource.parent_id, resource.path_part = parent.id, part
        resource.path = _below(parent, part)
        records.put_resource(tx, call.scope, api_id, resource)
        _put_tree_paths(call, tx, api_id, present, resource)
    return _told(resource)


@apigateway.write("DeleteResource")
def delete_resource(call: Call, tx: Transaction, req: DeleteResourceRequest) -> None:
    """Remove a resource and all that is below it. Raises: NotFoundException, BadRequestException."""
    home = records.inside(call.scope, req["restApiId"])
    resource = records.get_resource(tx, call.scope, req["restApiId"], req["resourceId"])
    if resource.parent_id is None:
        raise errors.BadRequestException(detail="Root resource cannot be deleted")
    for gone in list(_tree(list(RESOURCES.scan(tx, home)), resource)):
        RESOURCES.delete(tx, home, gone.id)


def _check_patch(patch: patches.Patch) -> None:
    """Raises: BadRequestException."""
    if patch.path not in ("/parentId", "/pathPart"):
        raise errors.BadRequestException(
            detail=f"Invalid patch path  '{patch.path}' specified for op '{patch.op}'."
            " Must be one of: [/parentId, /pathPart]"
        )
    if patch.op != "replace":
        raise errors.BadRequestException(
            detail=f"Invalid patch path  '{patch.path}' specified for op '{patch.op}'."
            " Please choose supported operations"
        )


def _check_part(part: str, parent: records.Resource, siblings: Sequence[records.Resource]) -> None:
    """Raises: BadRequestException, ConflictException."""
    if not _PART.fullmatch(part):
        raise errors.BadRequestException(
            detail="Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable"
            " and curly braces at the beginning and the end."
        )
    if parent.path_part is not None and parent.path_part.endswith("+}"):
        raise errors.BadRequestException(
            detail=f"Cannot create a child of a resource with a greedy path variable:"
            f" {parent.path_part}"
        )
    if any(sibling.path_part == part for sibling in siblings):
        raise errors.ConflictException(
            detail=f"Another resource with the same parent already has this name: {part}"
        )
    for sibling in siblings:
        if part.startswith("{") and (sibling.path_part or "").startswith("{"):
            raise errors.BadRequestException(
                detail=f"A sibling ({sibling.path_part}) of this resource already has a variable"
                " path part -- only one is allowed"
            )


def _below(parent: records.Resource, part: str) -> str:
    return f"{parent.path.rstrip('/')}/{part}"


def _children(present: Sequence[records.Resource], parent_id: str) -> list[records.Resource]:
    return [resource for resource in present if resource.parent_id == parent_id]


def _tree(present: Sequence[records.Resource], top: records.Resource) -> Iterator[records.Resource]:
    """A resource and all that is below it, parents first."""
    waiting = [top]
    while waiting:
        resource = waiting.pop()
        yield resource
        waiting.extend(_children(present, resource.id))


def _put_tree_paths(
    call: Call,
    tx: Transaction,
    api_id: str,
    present: Sequence[records.Resource],
    top: records.Resource,
) -> None:
    """After `top` has moved: the paths of what is below it follow."""
    paths = {top.id: top}
    for resource in list(_tree(present, top))[1:]:
        assert resource.parent_id is not None
        assert resource.path_part is not None
        resource.path = _below(paths[resource.parent_id], resource.path_part)
        paths[resource.id] = resource
        records.put_resource(tx, call.scope, api_id, resource)


def _told(resource: records.Resource, *, whole: bool = False) -> Resource:
    wire: Resource = {"id": resource.id, "path": resource.path}
    if resource.parent_id is not None:
        wire["parentId"] = resource.parent_id
    if resource.path_part is not None:
        wire["pathPart"] = resource.path_part
    if resource.methods:
        wire["resourceMethods"] = {
            name: methods.told(method) if whole else {} for name, method in resource.methods.items()
        }
    return wire
