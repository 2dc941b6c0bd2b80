"""Integrations of HTTP APIs: functions, in payload format 1.0 or 2.0. Others are refused by name."""

from __future__ import annotations

from pilvi.base.errors import NotBuilt
from pilvi.kit.call import Call
from pilvi.services.apigateway import errors, limits, records, rules, snapshots
from pilvi.services.apigateway.records import (
    HTTP_INTEGRATIONS,
    HTTP_ROUTES,
    HttpApi,
    HttpIntegration,
)
from pilvi.services.apigateway.service import apigatewayv2
from pilvi.services.apigateway.wire_http import (
    CreateIntegrationRequest,
    CreateIntegrationResult,
    DeleteIntegrationRequest,
    GetIntegrationRequest,
    GetIntegrationResult,
    GetIntegrationsRequest,
    GetIntegrationsResponse,
    Integration,
    UpdateIntegrationRequest,
    UpdateIntegrationResult,
)
from pilvi.store.api import Snapshot, Transaction


@apigatewayv2.write("CreateIntegration")
def create_integration(
    call: Call, tx: Transaction, req: CreateIntegrationRequest
) -> CreateIntegrationResult:
    """Connect an API to a function.

    Raises: NotFoundException, BadRequestException, LimitExceededException.
    AWS: CreateIntegration; Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs".
    """
    api = records.get_http_api(tx, call.scope, req["ApiId"])
    home = records.inside(call.scope, api.id)
    if sum(1 for _ in HTTP_INTEGRATIONS.scan(tx, home)) >= limits.INTEGRATIONS_PER_API:
        raise errors.LimitExceededException(what="integrations")
    _check_kind(req)
    if "IntegrationUri" not in req:
        raise errors.BadRequestException(detail="IntegrationUri is required for AWS_PROXY")
    if "PayloadFormatVersion" not in req:
        raise errors.BadRequestException(
            detail="PayloadFormatVersion is a required parameter for integration"
        )
    integration = HttpIntegration(
        id=call.entropy.lower(7),
        uri=_checked_uri(req["IntegrationUri"]),
        payload_version=_checked_version(req["PayloadFormatVersion"]),
        timeout_ms=_timeout(req, limits.HTTP_TIMEOUT_MS),
        method=req.get("IntegrationMethod", "POST"),
        description=req.get("Description"),
    )
    HTTP_INTEGRATIONS.put(tx, home, integration)
    return _told(integration)


def quick_integration(call: Call, tx: Transaction, api: HttpApi, target: str) -> HttpIntegration:
    """The integration of quick create: managed by API Gateway. Raises: BadRequestException."""
    if target.startswith(("http://", "https://")):
        raise NotBuilt(what="HTTP_PROXY integrations")
    integration = HttpIntegration(
        id=call.entropy.lower(7),
        uri=_checked_uri(target),
        payload_version="2.0",
        timeout_ms=limits.HTTP_TIMEOUT_MS,
        method="POST",
        description=None,
        managed=True,
    )
    HTTP_INTEGRATIONS.put(tx, records.inside(call.scope, api.id), integration)
    return integration


@apigatewayv2.read("GetIntegration")
def get_integration(call: Call, at: Snapshot, req: GetIntegrationRequest) -> GetIntegrationResult:
    """Raises: NotFoundException."""
    records.get_http_api(at, call.scope, req["ApiId"])
    return _told(records.get_http_integration(at, call.scope, req["ApiId"], req["IntegrationId"]))


@apigatewayv2.read("GetIntegrations")
def get_integrations(
    call: Call, at: Snapshot, req: GetIntegrationsRequest
) -> GetIntegrationsResponse:
    """Raises: NotFoundException."""
    api = records.get_http_api(at, call.scope, req["ApiId"])
    found = {i.id: i for i in HTTP_INTEGRATIONS.scan(at, records.inside(call.scope, api.id))}
    page, token = rules.cut_page(
        found, after=req.get("NextToken"), size=rules.page_size(req.get("MaxResults"))
    )
    answer: GetIntegrationsResponse = {"Items": [_told(found[name]) for name in page]}
    if token is not None:
        answer["NextToken"] = token
    return answer


@apigatewayv2.write("UpdateIntegration")
def update_integration(
    call: Call, tx: Transaction, req: UpdateIntegrationRequest
) -> UpdateIntegrationResult:
    """Change what is given. Raises: NotFoundException, BadRequestException."""
    api = records.get_http_api(tx, call.scope, req["ApiId"])
    integration = records.get_http_integration(tx, call.scope, api.id, req["IntegrationId"])
    _check_kind(req)
    if "IntegrationUri" in req:
        integration.uri = _checked_uri(req["IntegrationUri"])
    if "PayloadFormatVersion" in req:
        integration.payload_version = _checked_version(req["PayloadFormatVersion"])
    integration.timeout_ms = _timeout(req, integration.timeout_ms)
    integration.method = req.get("IntegrationMethod", integration.method)
    integration.description = req.get("Description", integration.description)
    HTTP_INTEGRATIONS.put(tx, records.inside(call.scope, api.id), integration)
    snapshots.redeploy_http(tx, call.scope, api, call.entropy, now_ms=call.now_ms)
    return _told(integration)


@apigatewayv2.write("DeleteIntegration")
def delete_integration(call: Call, tx: Transaction, req: DeleteIntegrationRequest) -> None:
    """Raises: NotFoundException, ConflictException while a route leads to it."""
    api = records.get_http_api(tx, call.scope, req["ApiId"])
    integration = records.get_http_integration(tx, call.scope, api.id, req["IntegrationId"])
    home = records.inside(call.scope, api.id)
    if any(route.integration_id == integration.id for route in HTTP_ROUTES.scan(tx, home)):
        raise errors.ConflictException(
            detail=f"Cannot delete Integration '{integration.id}', it is referenced by a route"
        )
    HTTP_INTEGRATIONS.delete(tx, home, integration.id)


def _check_kind(req: CreateIntegrationRequest | UpdateIntegrationRequest) -> None:
    """Raises: NotBuilt, BadRequestException."""
    kind = req.get("IntegrationType", "AWS_PROXY")
    if kind in ("HTTP", "MOCK", "AWS"):
        raise errors.BadRequestException(
            detail="HTTP APIs support integrations of the types AWS_PROXY and HTTP_PROXY only"
        )
    rules.only("integrations of the type", kind, "AWS_PROXY")
    rules.only("connections of the type", req.get("ConnectionType", "INTERNET"), "INTERNET")
    rules.refuse_credentials(req.get("CredentialsArn"))


def _checked_uri(uri: str) -> str:
    """Raises: BadRequestException."""
    if rules.function_of(uri) is None:
        raise errors.BadRequestException(detail="Invalid function ARN or invalid uri")
    return uri


def _checked_version(version: str) -> str:
    """Raises: BadRequestException."""
    if version not in ("1.0", "2.0"):
        raise errors.BadRequestException(detail="PayloadFormatVersion must be 1.0 or 2.0")
    return version


def _timeout(req: CreateIntegrationRequest | UpdateIntegrationRequest, otherwise: int) -> int:
    return rules.check_timeout(req.get("TimeoutInMillis", otherwise), limits.HTTP_TIMEOUT_MS)


def _told(integration: HttpIntegration) -> Integration:
    wire: Integration = {
        "ConnectionType": "INTERNET",
        "IntegrationId": integration.id,
        "IntegrationMethod": integration.method,
        "IntegrationType": "AWS_PROXY",
        "IntegrationUri": integration.uri,
        "PayloadFormatVersion": integration.payload_version,
        "TimeoutInMillis": integration.timeout_ms,
    }
    if integration.description is not None:
        wire["Description"] = integration.description
    if integration.managed:
        wire["ApiGatewayManaged"] = True
    return wire
