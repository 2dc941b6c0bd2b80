"""Methods of REST APIs' resources, and the responses they declare. Put, get, delete."""

from __future__ import annotations

from pilvi.kit.call import Call
from pilvi.services.apigateway import errors, patches, records, rules
from pilvi.services.apigateway.operations.rest import integrations
from pilvi.services.apigateway.routes import ANY, METHODS
from pilvi.services.apigateway.service import apigateway
from pilvi.services.apigateway.wire_rest import (
    DeleteMethodRequest,
    DeleteMethodResponseRequest,
    GetMethodRequest,
    GetMethodResponseRequest,
    Method,
    MethodResponse,
    PutMethodRequest,
    PutMethodResponseRequest,
    UpdateMethodRequest,
)
from pilvi.store.api import Snapshot, Transaction

_VERBS = (*METHODS, ANY)


@apigateway.write("PutMethod")
def put_method(call: Call, tx: Transaction, req: PutMethodRequest) -> Method:
    """Add a method that everybody may call, or whoever IAM's policies let. Authorizers and API keys are refused by
    name.

    Raises: NotFoundException, BadRequestException, ConflictException.
    AWS: PutMethod.
    """
    resource = records.get_resource(tx, call.scope, req["restApiId"], req["resourceId"])
    verb = req["httpMethod"]
    if verb not in _VERBS:
        raise errors.BadRequestException(
            detail=f"Invalid HttpMethod specified. Valid options are {','.join(_VERBS)}"
        )
    kind = req["authorizationType"]
    if kind in ("CUSTOM", "COGNITO_USER_POOLS") and not req.get("authorizerId"):
        raise errors.BadRequestException(
            detail="Invalid authorizer ID specified. Setting the authorization type to CUSTOM or"
            " COGNITO_USER_POOLS requires a valid authorizer."
        )
    rules.only("methods with the authorization", kind, *rules.AUTHORIZATIONS)
    rules.only("methods with API keys:", req.get("apiKeyRequired", False), False)
    if verb in resource.methods:
        raise errors.ConflictException(detail="Method already exists for this resource")
    method = records.Method(
        method=verb,
        authorization=kind,
        operation_name=req.get("operationName"),
        parameters=_checked_parameters(req),
    )
    resource.methods = {**resource.methods, verb: method}
    records.put_resource(tx, call.scope, req["restApiId"], resource)
    return told(method)


@apigateway.read("GetMethod")
def get_method(call: Call, at: Snapshot, req: GetMethodRequest) -> Method:
    """Raises: NotFoundException."""
    resource = records.get_resource(at, call.scope, req["restApiId"], req["resourceId"])
    return told(integrations.method_of(resource, req["httpMethod"]))


@apigateway.write("UpdateMethod")
def update_method(call: Call, tx: Transaction, req: UpdateMethodRequest) -> Method:
    """Change the operation's name or the authorization. Raises: NotFoundException, BadRequestException."""
    resource = records.get_resource(tx, call.scope, req["restApiId"], req["resourceId"])
    method = integrations.method_of(resource, req["httpMethod"])
    for patch in patches.read(req.get("patchOperations", [])):
        patch.must_replace()
        if patch.path == "/operationName":
            method.operation_name = patch.value or None
        elif patch.path == "/authorizationType":
            rules.only("methods with the authorization", patch.value, *rules.AUTHORIZATIONS)
            method.authorization = patch.value
        elif patch.path == "/apiKeyRequired":
            rules.only("methods with API keys:", patch.truth(), False)
        else:
            raise errors.BadRequestException(detail=f"Invalid patch path {patch.path}")
    records.put_resource(tx, call.scope, req["restApiId"], resource)
    return told(method)


@apigateway.write("DeleteMethod")
def delete_method(call: Call, tx: Transaction, req: DeleteMethodRequest) -> None:
    """Raises: NotFoundException."""
    resource = records.get_resource(tx, call.scope, req["restApiId"], req["resourceId"])
    gone = integrations.method_of(resource, req["httpMethod"]).method
    resource.methods = {verb: kept for verb, kept in resource.methods.items() if verb != gone}
    records.put_resource(tx, call.scope, req["restApiId"], resource)


@apigateway.write("PutMethodResponse")
def put_method_response(
    call: Call, tx: Transaction, req: PutMethodResponseRequest
) -> MethodResponse:
    """Declare a response: an integration's response of that status needs it. Raises: NotFoundException."""
    resource = records.get_resource(tx, call.scope, req["restApiId"], req["resourceId"])
    method = integrations.method_of(resource, req["httpMethod"])
    if req["statusCode"] in method.responses:
        raise errors.ConflictException(detail="Response already exists for this resource")
    response = records.MethodResponse(
        parameters=dict(req.get("responseParameters", {})),
        models=dict(req.get("responseModels", {})),
    )
    method.responses = {**method.responses, req["statusCode"]: response}
    records.put_resource(tx, call.scope, req["restApiId"], resource)
    return _told_response(req["statusCode"], response)


@apigateway.read("GetMethodResponse")
def get_method_response(call: Call, at: Snapshot, req: GetMethodResponseRequest) -> MethodResponse:
    """Raises: NotFoundException."""
    resource = records.get_resource(at, call.scope, req["restApiId"], req["resourceId"])
    method = integrations.method_of(resource, req["httpMethod"])
    return _told_response(req["statusCode"], _response_of(method, req["statusCode"]))


@apigateway.write("DeleteMethodResponse")
def delete_method_response(call: Call, tx: Transaction, req: DeleteMethodResponseRequest) -> None:
    """Raises: NotFoundException."""
    resource = records.get_resource(tx, call.scope, req["restApiId"], req["resourceId"])
    method = integrations.method_of(resource, req["httpMethod"])
    _response_of(method, req["statusCode"])
    method.responses = {s: r for s, r in method.responses.items() if s != req["statusCode"]}
    records.put_resource(tx, call.scope, req["restApiId"], resource)


def _checked_parameters(req: PutMethodRequest) -> dict[str, bool]:
    """Raises: BadRequestException."""
    parameters = dict(req.get("requestParameters", {}))
    names = [name.rpartition(".")[2] for name in parameters]
    if len(set(names)) != len(names):
        raise errors.BadRequestException(
            detail="Parameter names must be unique across querystring, header and path"
        )
    return parameters


def _response_of(method: records.Method, status: str) -> records.MethodResponse:
    response = method.responses.get(status)
    if response is None:
        raise errors.NotFoundException(detail="Invalid Response status code specified")
    return response


def told(method: records.Method) -> Method:
    wire: Method = {
        "httpMethod": method.method,
        "authorizationType": method.authorization,
        "apiKeyRequired": False,
    }
    if method.operation_name is not None:
        wire["operationName"] = method.operation_name
    if method.parameters:
        wire["requestParameters"] = method.parameters
    if method.responses:
        wire["methodResponses"] = {
            status: _told_response(status, response)
            for status, response in method.responses.items()
        }
    if method.integration is not None:
        wire["methodIntegration"] = integrations.told(method.integration)
    return wire


def _told_response(status: str, response: records.MethodResponse) -> MethodResponse:
    wire: MethodResponse = {"statusCode": status}
    if response.parameters:
        wire["responseParameters"] = response.parameters
    if response.models:
        wire["responseModels"] = response.models
    return wire
