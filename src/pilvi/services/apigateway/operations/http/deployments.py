"""Deployments of HTTP APIs: create, get, list, describe, delete."""

from __future__ import annotations

from pilvi.kit.call import Call
from pilvi.services.apigateway import errors, records, rules, snapshots
from pilvi.services.apigateway.records import HTTP_DEPLOYMENTS, HTTP_STAGES, HttpDeployment
from pilvi.services.apigateway.service import apigatewayv2
from pilvi.services.apigateway.wire_http import (
    CreateDeploymentRequest,
    CreateDeploymentResponse,
    DeleteDeploymentRequest,
    Deployment,
    GetDeploymentRequest,
    GetDeploymentResponse,
    GetDeploymentsRequest,
    GetDeploymentsResponse,
    UpdateDeploymentRequest,
    UpdateDeploymentResponse,
)
from pilvi.store.api import Snapshot, Transaction


@apigatewayv2.write("CreateDeployment")
def create_deployment(
    call: Call, tx: Transaction, req: CreateDeploymentRequest
) -> CreateDeploymentResponse:
    """Freeze the API as it is, and let a stage serve it when one is named.

    Raises: NotFoundException, BadRequestException (the stage deploys by itself), LimitExceededException.
    """
    api = records.get_http_api(tx, call.scope, req["ApiId"])
    deployment = snapshots.deploy_http(
        tx,
        call.scope,
        api,
        call.entropy,
        now_ms=call.now_ms,
        description=req.get("Description"),
    )
    if "StageName" in req:
        stage = records.get_http_stage(tx, call.scope, api.id, req["StageName"])
        if stage.automatic:
            raise errors.BadRequestException(
                detail=f"Deployment cannot be created for stage {stage.name}: it has auto-deploy"
            )
        stage.deployment_id = deployment.id
        stage.updated_at_ms = call.now_ms
        HTTP_STAGES.put(tx, records.inside(call.scope, api.id), stage)
    return _told(deployment)


@apigatewayv2.read("GetDeployment")
def get_deployment(call: Call, at: Snapshot, req: GetDeploymentRequest) -> GetDeploymentResponse:
    """Raises: NotFoundException."""
    records.get_http_api(at, call.scope, req["ApiId"])
    return _told(records.get_http_deployment(at, call.scope, req["ApiId"], req["DeploymentId"]))


@apigatewayv2.read("GetDeployments")
def get_deployments(call: Call, at: Snapshot, req: GetDeploymentsRequest) -> GetDeploymentsResponse:
    """Raises: NotFoundException."""
    api = records.get_http_api(at, call.scope, req["ApiId"])
    found = {d.id: d for d in HTTP_DEPLOYMENTS.scan(at, records.inside(call.scope, api.id))}
    page, token = rules.cut_page(
        found, after=req.get("NextToken"), size=rules.page_size(req.get("MaxResults"))
    )
    answer: GetDeploymentsResponse = {"Items": [_told(found[name]) for name in page]}
    if token is not None:
        answer["NextToken"] = token
    return answer


@apigatewayv2.write("UpdateDeployment")
def update_deployment(
    call: Call, tx: Transaction, req: UpdateDeploymentRequest
) -> UpdateDeploymentResponse:
    """Change the description. Raises: NotFoundException."""
    api = records.get_http_api(tx, call.scope, req["ApiId"])
    deployment = records.get_http_deployment(tx, call.scope, api.id, req["DeploymentId"])
    deployment.description = req.get("Description", deployment.description)
    HTTP_DEPLOYMENTS.put(tx, records.inside(call.scope, api.id), deployment)
    return _told(deployment)


@apigatewayv2.write("DeleteDeployment")
def delete_deployment(call: Call, tx: Transaction, req: DeleteDeploymentRequest) -> None:
    """Raises: NotFoundException, BadRequestException while a stage serves it."""
    api = records.get_http_api(tx, call.scope, req["ApiId"])
    deployment = records.get_http_deployment(tx, call.scope, api.id, req["DeploymentId"])
    home = records.inside(call.scope, api.id)
    if any(stage.deployment_id == deployment.id for stage in HTTP_STAGES.scan(tx, home)):
        raise errors.BadRequestException(
            detail="Active stages pointing to this deployment must be moved or deleted"
        )
    HTTP_DEPLOYMENTS.delete(tx, home, deployment.id)


def _told(deployment: HttpDeployment) -> Deployment:
    wire: Deployment = {
        "AutoDeployed": deployment.automatic,
        "CreatedDate": deployment.created_at_ms,
        "DeploymentId": deployment.id,
        "DeploymentStatus": "DEPLOYED",
    }
    if deployment.description is not None:
        wire["Description"] = deployment.description
    return wire
