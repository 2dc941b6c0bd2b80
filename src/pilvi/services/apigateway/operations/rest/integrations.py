"""What the methods of REST APIs do: functions (AWS_PROXY) and constant answers (MOCK). Put, get, delete.

Other types are refused by name.
"""

from __future__ import annotations

from pilvi.base.errors import NotBuilt
from pilvi.kit.call import Call
from pilvi.services.apigateway import errors, limits, mocks, patches, records, rules
from pilvi.services.apigateway.service import apigateway
from pilvi.services.apigateway.wire_rest import (
    DeleteIntegrationRequest,
    DeleteIntegrationResponseRequest,
    GetIntegrationRequest,
    GetIntegrationResponseRequest,
    Integration,
    IntegrationResponse,
    PutIntegrationRequest,
    PutIntegrationResponseRequest,
    UpdateIntegrationRequest,
)
from pilvi.store.api import Snapshot, Transaction


@apigateway.write("PutIntegration")
def put_integration(call: Call, tx: Transaction, req: PutIntegrationRequest) -> Integration:
    """Say what a method does; replaces what it did, with its responses.

    Raises: NotFoundException, BadRequestException.
    AWS: PutIntegration; Developer Guide, "Lambda proxy integrations in API Gateway".
    """
    resource = records.get_resource(tx, call.scope, req["restApiId"], req["resourceId"])
    method = method_of(resource, req["httpMethod"])
    kind = req["type"]
    if kind != "MOCK" and not req.get("integrationHttpMethod"):
        raise errors.BadRequestException(
            detail="Enumeration value for HttpMethod must be non-empty"
        )
    rules.only("integrations of the type", kind, "AWS_PROXY", "MOCK")
    rules.only("connections of the type", req.get("connectionType", "INTERNET"), "INTERNET")
    rules.refuse_credentials(req.get("credentials"))
    rules.only("cache keys", list(req.get("cacheKeyParameters", [])), [])
    rules.only("responses that are", req.get("responseTransferMode", "BUFFERED"), "BUFFERED")
    templates = dict(req.get("requestTemplates", {}))
    if kind == "MOCK":
        for text in templates.values():
            mocks.check_static(text, "MOCK request templates")
    method.integration = records.RestIntegration(
        kind=kind,
        method=req.get("integrationHttpMethod"),
        uri=_checked_uri(req.get("uri")) if kind == "AWS_PROXY" else req.get("uri"),
        timeout_ms=rules.check_timeout(
            req.get("timeoutInMillis", limits.REST_TIMEOUT_MS), limits.REST_TIMEOUT_MS
        ),
        passthrough=req.get("passthroughBehavior", "WHEN_NO_MATCH"),
        templates=templates,
        cache_namespace=req.get("cacheNamespace", resource.id),
    )
    records.put_resource(tx, call.scope, req["restApiId"], resource)
    return told(method.integration)


@apigateway.read("GetIntegration")
def get_integration(call: Call, at: Snapshot, req: GetIntegrationRequest) -> Integration:
    """Raises: NotFoundException."""
    resource = records.get_resource(at, call.scope, req["restApiId"], req["resourceId"])
    return told(_integration_of(method_of(resource, req["httpMethod"])))


@apigateway.write("UpdateIntegration")
def update_integration(call: Call, tx: Transaction, req: UpdateIntegrationRequest) -> Integration:
    """Change what an integration calls and how. Raises: NotFoundException, BadRequestException."""
    resource = records.get_resource(tx, call.scope, req["restApiId"], req["resourceId"])
    integration = _integration_of(method_of(resource, req["httpMethod"]))
    for patch in patches.read(req.get("patchOperations", [])):
        patch.must_replace()
        match patch.path:
            case "/uri" if integration.kind == "AWS_PROXY":
                integration.uri = _checked_uri(patch.value)
            case "/httpMethod":
                integration.method = patch.value
            case "/credentials":
                rules.refuse_credentials(patch.value)
            case "/passthroughBehavior":
                integration.passthrough = patch.value
            case "/timeoutInMillis":
                integration.timeout_ms = rules.check_timeout(patch.number(), limits.REST_TIMEOUT_MS)
            case _:
                raise NotBuilt(what=f"changing {patch.path} of an integration")
    records.put_resource(tx, call.scope, req["restApiId"], resource)
    return told(integration)


@apigateway.write("DeleteIntegration")
def delete_integration(call: Call, tx: Transaction, req: DeleteIntegrationRequest) -> None:
    """Raises: NotFoundException."""
    resource = records.get_resource(tx, call.scope, req["restApiId"], req["resourceId"])
    method = method_of(resource, req["httpMethod"])
    _integration_of(method)
    method.integration = None
    records.put_resource(tx, call.scope, req["restApiId"], resource)


@apigateway.write("PutIntegrationResponse")
def put_integration_response(
    call: Call, tx: Transaction, req: PutIntegrationResponseRequest
) -> IntegrationResponse:
    """Say what is answered for a status. Proxies pass on the function's own answer and ignore it, as on AWS.

    Raises: NotFoundException, NotBuilt (template language, mappings that are not constant).
    """
    resource = records.get_resource(tx, call.scope, req["restApiId"], req["resourceId"])
    method = method_of(resource, req["httpMethod"])
    integration = _integration_of(method)
    response = records.IntegrationResponse(
        parameters=dict(req.get("responseParameters", {})),
        templates=dict(req.get("responseTemplates", {})),
        selection=req.get("selectionPattern"),
    )
    if integration.kind == "MOCK":
        for text in response.templates.values():
            mocks.check_static(text, "MOCK response templates")
        for expression in response.parameters.values():
            mocks.check_constant(expression)
    integration.responses = {**integration.responses, req["statusCode"]: response}
    records.put_resource(tx, call.scope, req["restApiId"], resource)
    return _told_response(req["statusCode"], response)


@apigateway.read("GetIntegrationResponse")
def get_integration_response(
    call: Call, at: Snapshot, req: GetIntegrationResponseRequest
) -> IntegrationResponse:
    """Raises: NotFoundException."""
    resource = records.get_resource(at, call.scope, req["restApiId"], req["resourceId"])
    integration = _integration_of(method_of(resource, req["httpMethod"]))
    return _told_response(req["statusCode"], _response_of(integration, req["statusCode"]))


@apigateway.write("DeleteIntegrationResponse")
def delete_integration_response(
    call: Call, tx: Transaction, req: DeleteIntegrationResponseRequest
) -> None:
    """Raises: NotFoundException."""
    resource = records.get_resource(tx, call.scope, req["restApiId"], req["resourceId"])
    integration = _integration_of(method_of(resource, req["httpMethod"]))
    _response_of(integration, req["statusCode"])
    integration.responses = {
        status: kept
        for status, kept in integration.responses.items()
        if status != req["statusCode"]
    }
    records.put_resource(tx, call.scope, req["restApiId"], resource)


def method_of(resource: records.Resource, verb: str) -> records.Method:
    """Raises: NotFoundException."""
    method = resource.methods.get(verb)
    if method is None:
        raise errors.NotFoundException(detail="Invalid Method identifier specified")
    return method


def _integration_of(method: records.Method) -> records.RestIntegration:
    if method.integration is None:
        raise errors.NotFoundException(detail="Invalid Integration identifier specified")
    return method.integration


def _response_of(integration: records.RestIntegration, status: str) -> records.IntegrationResponse:
    response = integration.responses.get(status)
    if response is None:
        raise errors.NotFoundException(detail="Invalid Response status code specified")
    return response


def _checked_uri(uri: str | None) -> str:
    """Raises: BadRequestException."""
    if uri is None or not uri.startswith("arn:"):
        raise errors.BadRequestException(detail="Invalid ARN specified in the request")
    service = uri.split(":")
    if service[2] != "apigateway" or not uri.split(":", 5)[-1].startswith(("path/", "action/")):
        raise errors.BadRequestException(
            detail="AWS ARN for integration must contain path or action"
        )
    if service[4] != "lambda" or rules.function_of(uri) is None:
        raise errors.BadRequestException(
            detail="Integrations of type 'AWS_PROXY' currently only supports Lambda function and"
            " Firehose stream invocations."
        )
    return uri


def told(integration: records.RestIntegration) -> Integration:
    wire: Integration = {
        "type": integration.kind,
        "passthroughBehavior": integration.passthrough,
        "timeoutInMillis": integration.timeout_ms,
        "cacheNamespace": integration.cache_namespace,
        "cacheKeyParameters": [],
    }
    if integration.method is not None:
        wire["httpMethod"] = integration.method
    if integration.uri is not None:
        wire["uri"] = integration.uri
    if integration.templates:
        wire["requestTemplates"] = integration.templates
    if integration.responses:
        wire["integrationResponses"] = {
            status: _told_response(status, response)
            for status, response in integration.responses.items()
        }
    return wire


def _told_response(status: str, response: records.IntegrationResponse) -> IntegrationResponse:
    wire: IntegrationResponse = {"statusCode": status}
    if response.selection is not None:
        wire["selectionPattern"] = response.selection
    if response.parameters:
        wire["responseParameters"] = response.parameters
    if response.templates:
        wire["responseTemplates"] = response.templates
    return wire
