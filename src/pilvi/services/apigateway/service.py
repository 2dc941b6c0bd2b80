"""API Gateway: two Services over the same records, REST APIs (`apigateway`) and HTTP APIs (`apigatewayv2`).

IAM knows API Gateway's control plane by HTTP methods on paths, so the table below says both.
AWS: Service Authorization Reference, "Actions, resources, and condition keys for Amazon API Gateway
Management".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from pilvi.kit import tags
from pilvi.kit.call import Call
from pilvi.kit.permission import Permission
from pilvi.kit.service import Acts, PermissionsOfRequest, ResourceOf, Service, the_request
from pilvi.kit.tags import TagsOf
from pilvi.services.apigateway import access


def _path(template: str) -> ResourceOf:
    def resource(call: Call, req: Mapping[str, Any]) -> str:
        path = template.format_map(_Given(req))
        return f"arn:{call.scope.partition}:apigateway:{call.region}::{path}"

    return resource


class _Given(dict[str, Any]):
    """The request's members; a star for one that is missing."""

    def __missing__(self, name: str) -> str:
        return "*"


def _tagged(member: str) -> ResourceOf:
    """The resource under which API Gateway keeps the tags of another."""

    def resource(call: Call, req: Mapping[str, Any]) -> str:
        return _tags_of(call, str(req.get(member, "*")))

    return resource


def _tags_of(call: Call, arn: str) -> str:
    return f"arn:{call.scope.partition}:apigateway:{call.region}::/tags/{quote(arn, safe='')}"


def _changed(member: str, given: TagsOf) -> PermissionsOfRequest:
    """Who puts tags on a REST API changes it, too."""

    def permissions(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
        told = tags.of_request(given(req))
        yield Permission("apigateway:PATCH", (str(req.get(member, "*")),), told)

    return permissions


def _tagging(member: str, verb: str, collection: str) -> PermissionsOfRequest:
    """What is made with tags has no id yet when permission is asked."""
    read = tags.mapped(member)

    def permissions(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
        if req.get(member):
            made = f"{_path(collection)(call, req)}/*"
            yield Permission(
                f"apigateway:{verb}", (_tags_of(call, made),), tags.of_request(read(req))
            )

    return permissions


def _crud(noun: str, plural: str, collection: str, identifier: str) -> dict[str, Acts]:
    """Create, list, get, update, delete of a noun."""
    one = f"{collection}/{{{identifier}}}"
    return {
        f"Create{noun}": Acts(_path(collection), "apigateway:POST"),
        f"Get{plural}": Acts(_path(collection), "apigateway:GET"),
        f"Get{noun}": Acts(_path(one), "apigateway:GET"),
        f"Update{noun}": Acts(_path(one), "apigateway:PATCH"),
        f"Delete{noun}": Acts(_path(one), "apigateway:DELETE"),
    }


def _tags(member: str, verb: str, names: str) -> dict[str, Acts]:
    put, gone = tags.mapped("tags"), tags.named(names)
    of_rest = verb == "PUT"
    return {
        "TagResource": Acts(
            _tagged(member),
            f"apigateway:{verb}",
            also=_changed(member, put) if of_rest else None,
        ),
        "UntagResource": Acts(
            _tagged(member),
            "apigateway:DELETE",
            tags=gone,
            also=_changed(member, gone) if of_rest else None,
        ),
        "GetTags": Acts(_tagged(member), "apigateway:GET"),
    }


def _told(acts: dict[str, Acts], member: str) -> dict[str, Acts]:
    """With all that the requests tell; `member` holds their tags, if any."""
    given = tags.mapped(member)
    return {
        name: replace(
            one,
            tags=None if one.action == "apigateway:GET" else one.tags or given,
            told=the_request,
        )
        for name, one in acts.items()
    }


def _with_tags(acts: dict[str, Acts], member: str, verb: str, **made: str) -> dict[str, Acts]:
    """`made`: noun -> the collection that it is made in."""
    for noun, collection in made.items():
        create = acts[f"Create{noun}"]
        acts[f"Create{noun}"] = replace(create, also=_tagging(member, verb, collection))
    return acts


_METHOD = "/restapis/{restApiId}/resources/{resourceId}/methods/{httpMethod}"


def _part(noun: str, path: str) -> dict[str, Acts]:
    """Put, get, delete of a part of a REST API's method."""
    return {
        f"Put{noun}": Acts(_path(path), "apigateway:PUT"),
        f"Get{noun}": Acts(_path(path), "apigateway:GET"),
        f"Delete{noun}": Acts(_path(path), "apigateway:DELETE"),
    }


apigateway = Service(
    "apigateway",
    acts=_told(
        _with_tags(
            {
                **_crud("RestApi", "RestApis", "/restapis", "restApiId"),
                **_crud("Resource", "Resources", "/restapis/{restApiId}/resources", "resourceId"),
                **_crud(
                    "Deployment", "Deployments", "/restapis/{restApiId}/deployments", "deploymentId"
                ),
                **_crud("Stage", "Stages", "/restapis/{restApiId}/stages", "stageName"),
                **_part("Method", _METHOD),
                "UpdateMethod": Acts(_path(_METHOD), "apigateway:PATCH"),
                "UpdateIntegration": Acts(_path(f"{_METHOD}/integration"), "apigateway:PATCH"),
                **_part("MethodResponse", f"{_METHOD}/responses/{{statusCode}}"),
                **_part("Integration", f"{_METHOD}/integration"),
                **_part("IntegrationResponse", f"{_METHOD}/integration/responses/{{statusCode}}"),
                **_tags("resourceArn", "PUT", "tagKeys"),
            },
            "tags",
            "PUT",
            RestApi="/restapis",
            Stage="/restapis/{restApiId}/stages",
        ),
        "tags",
    ),
    condition_keys=access.NEVER,
    tells=access.tells,
)

apigatewayv2 = Service(
    "apigatewayv2",
    prefix="apigateway",
    acts=_told(
        _with_tags(
            {
                **_crud("Api", "Apis", "/apis", "ApiId"),
                **_crud(
                    "Integration", "Integrations", "/apis/{ApiId}/integrations", "IntegrationId"
                ),
                **_crud("Route", "Routes", "/apis/{ApiId}/routes", "RouteId"),
                **_crud("Deployment", "Deployments", "/apis/{ApiId}/deployments", "DeploymentId"),
                **_crud("Stage", "Stages", "/apis/{ApiId}/stages", "StageName"),
                "DeleteCorsConfiguration": Acts(_path("/apis/{ApiId}/cors"), "apigateway:DELETE"),
                **_tags("ResourceArn", "POST", "TagKeys"),
            },
            "Tags",
            "POST",
            Api="/apis",
            Stage="/apis/{ApiId}/stages",
        ),
        "Tags",
    ),
    condition_keys=access.NEVER,
    tells=access.tells,
)
