"""Deployments of REST APIs: create, get, list, describe, delete. A deployment is a snapshot."""

from __future__ import annotations

from pilvi.kit.call import Call
from pilvi.services.apigateway import errors, patches, records, rules, snapshots
from pilvi.services.apigateway.operations.rest import stages
from pilvi.services.apigateway.records import REST_DEPLOYMENTS, REST_STAGES, RestDeployment
from pilvi.services.apigateway.service import apigateway
from pilvi.services.apigateway.wire_rest import (
    CreateDeploymentRequest,
    DeleteDeploymentRequest,
    Deployment,
    Deployments,
    GetDeploymentRequest,
    GetDeploymentsRequest,
    UpdateDeploymentRequest,
)
from pilvi.store.api import Snapshot, Transaction


@apigateway.write("CreateDeployment")
def create_deployment(call: Call, tx: Transaction, req: CreateDeploymentRequest) -> Deployment:
    """Freeze the API as it is; a stage that is named serves it, and is created when there is none.

    Raises: NotFoundException, BadRequestException (no methods, a method without integration).
    AWS: CreateDeployment; Developer Guide, "Deploy REST APIs in API Gateway".
    """
    api = records.get_rest_api(tx, call.scope, req["restApiId"])
    rules.only("cache clusters:", req.get("cacheClusterEnabled", False), False)
    rules.only("tracing:", req.get("tracingEnabled", False), False)
    deployment = snapshots.deploy_rest(
        tx,
        call.scope,
        api,
        call.entropy,
        now_ms=call.now_ms,
        description=req.get("description"),
    )
    name = req.get("stageName")
    if name:
        stages.point_stage(
            call,
            tx,
            api,
            name,
            deployment.id,
            description=req.get("stageDescription"),
            variables=req.get("variables"),
        )
    elif "stageDescription" in req or "variables" in req:
        raise errors.BadRequestException(detail="Stage description and variables need a stage name")
    return _told(deployment)


@apigateway.read("GetDeployment")
def get_deployment(call: Call, at: Snapshot, req: GetDeploymentRequest) -> Deployment:
    """Raises: NotFoundException."""
    records.get_rest_api(at, call.scope, req["restApiId"])
    found = records.get_rest_deployment(at, call.scope, req["restApiId"], req["deploymentId"])
    wire = _told(found)
    if "apisummary" in req.get("embed", []):
        summary = wire["apiSummary"] = {}
        for route in found.routes:
            methods = summary.setdefault(route.path, {})
            methods[route.method] = {
                "authorizationType": route.authorization,
                "apiKeyRequired": False,
            }
    return wire


@apigateway.read("GetDeployments")
def get_deployments(call: Call, at: Snapshot, req: GetDeploymentsRequest) -> Deployments:
    """Raises: NotFoundException."""
    api = records.get_rest_api(at, call.scope, req["restApiId"])
    found = {d.id: d for d in REST_DEPLOYMENTS.scan(at, records.inside(call.scope, api.id))}
    page, position = rules.cut_page(found, after=req.get("position"), size=req.get("limit"))
    answer: Deployments = {"items": [_told(found[name]) for name in page]}
    if position is not None:
        answer["position"] = position
    return answer


@apigateway.write("UpdateDeployment")
def update_deployment(call: Call, tx: Transaction, req: UpdateDeploymentRequest) -> Deployment:
    """Change the description. Raises: NotFoundException, BadRequestException."""
    api = records.get_rest_api(tx, call.scope, req["restApiId"])
    deployment = records.get_rest_deployment(tx, call.scope, api.id, req["deploymentId"])
    for patch in patches.read(req.get("patchOperations", [])):
        patch.must_replace()
        if patch.path != "/description":
            raise errors.BadRequestException(detail=f"Invalid patch path {patch.path}")
        deployment.description = patch.value
    REST_DEPLOYMENTS.put(tx, records.inside(call.scope, api.id), deployment)
    return _told(deployment)


@apigateway.write("DeleteDeployment")
def delete_deployment(call: Call, tx: Transaction, req: DeleteDeploymentRequest) -> None:
    """Raises: NotFoundException, BadRequestException while a stage serves it."""
    api = records.get_rest_api(tx, call.scope, req["restApiId"])
    deployment = records.get_rest_deployment(tx, call.scope, api.id, req["deploymentId"])
    home = records.inside(call.scope, api.id)
    if any(stage.deployment_id == deployment.id for stage in REST_STAGES.scan(tx, home)):
        raise errors.BadRequestException(
            detail="Active stages pointing to this deployment must be moved or deleted"
        )
    REST_DEPLOYMENTS.delete(tx, home, deployment.id)


def _told(deployment: RestDeployment) -> Deployment:
    wire: Deployment = {"id": deployment.id, "createdDate": deployment.created_at_ms}
    if deployment.description is not None:
        wire["description"] = deployment.description
    return wire
