"""API Gateway: two Services over the same records, REST APIs (`apigateway`) and HTTP APIs (`apigatewayv2`).

IAM knows API Gateway's control plane by HTTP methods on paths, so the table below says both.
AWS: Service Authorization Reference, "Actions, resources, and condition keys for Amazon API Gateway
Management".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pilvi.kit.call import Call
from pilvi.kit.service import Acts, ResourceOf, Service


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
    def resource(call: Call, req: Mapping[str, Any]) -> str:
        return str(req.get(member, "*"))

    return resource


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


def _tags(member: str, verb: str) -> dict[str, Acts]:
    return {
        "TagResource": Acts(_tagged(member), f"apigateway:{verb}"),
        "UntagResource": Acts(_tagged(member), "apigateway:DELETE"),
        "GetTags": Acts(_tagged(member), "apigateway:GET"),
    }


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
    acts={
        **_crud("RestApi", "RestApis", "/restapis", "restApiId"),
        **_crud("Resource", "Resources", "/restapis/{restApiId}/resources", "resourceId"),
        **_crud("Deployment", "Deployments", "/restapis/{restApiId}/deployments", "deploymentId"),
        **_crud("Stage", "Stages", "/restapis/{restApiId}/stages", "stageName"),
        **_part("Method", _METHOD),
        "UpdateMethod": Acts(_path(_METHOD), "apigateway:PATCH"),
        "UpdateIntegration": Acts(_path(f"{_METHOD}/integration"), "apigateway:PATCH"),
        **_part("MethodResponse", f"{_METHOD}/responses/{{statusCode}}"),
        **_part("Integration", f"{_METHOD}/integration"),
        **_part("IntegrationResponse", f"{_METHOD}/integration/responses/{{statusCode}}"),
        **_tags("resourceArn", "PUT"),
    },
)

apigatewayv2 = Service(
    "apigatewayv2",
    prefix="apigateway",
    acts={
        **_crud("Api", "Apis", "/apis", "ApiId"),
        **_crud("Integration", "Integrations", "/apis/{ApiId}/integrations", "IntegrationId"),
        **_crud("Route", "Routes", "/apis/{ApiId}/routes", "RouteId"),
        **_crud("Deployment", "Deployments", "/apis/{ApiId}/deployments", "DeploymentId"),
        **_crud("Stage", "Stages", "/apis/{ApiId}/stages", "StageName"),
        "DeleteCorsConfiguration": Acts(_path("/apis/{ApiId}/cors"), "apigateway:DELETE"),
        **_tags("ResourceArn", "POST"),
    },
)
