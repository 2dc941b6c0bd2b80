"""Stages of HTTP APIs: create, get, list, update, delete. A stage serves one deployment."""

from __future__ import annotations

from pilvi.kit.call import Call
from pilvi.services.apigateway import errors, limits, records, rules, snapshots
from pilvi.services.apigateway.records import HTTP_STAGES, HttpApi, HttpStage
from pilvi.services.apigateway.service import apigatewayv2
from pilvi.services.apigateway.wire_http import (
    CreateStageRequest,
    CreateStageResponse,
    DeleteStageRequest,
    GetStageRequest,
    GetStageResponse,
    GetStagesRequest,
    GetStagesResponse,
    Stage,
    UpdateStageRequest,
    UpdateStageResponse,
)
from pilvi.store.api import Snapshot, Transaction


@apigatewayv2.write("CreateStage")
def create_stage(call: Call, tx: Transaction, req: CreateStageRequest) -> CreateStageResponse:
    """Add a stage: `$default` answers without a prefix, others below `/NAME`.

    With AutoDeploy each later change of the API is served at once.

    Raises: NotFoundException, BadRequestException, ConflictException, LimitExceededException.
    AWS: CreateStage; Developer Guide, "Stages for HTTP APIs in API Gateway".
    """
    api = records.get_http_api(tx, call.scope, req["ApiId"])
    home = records.inside(call.scope, api.id)
    name = rules.check_stage_name(req["StageName"], default=True)
    if HTTP_STAGES.find(tx, home, name) is not None:
        raise errors.ConflictException(detail="Stage already exists")
    if sum(1 for _ in HTTP_STAGES.scan(tx, home)) >= limits.STAGES_PER_API:
        raise errors.LimitExceededException(what="stages")
    stage = HttpStage(
        name=name,
        deployment_id=_checked_deployment(call, tx, api, req),
        automatic=req.get("AutoDeploy", False),
        variables=rules.check_variables(req.get("StageVariables", {})),
        description=req.get("Description"),
        created_at_ms=call.now_ms,
        updated_at_ms=call.now_ms,
        tags=rules.check_tags(req.get("Tags", {})),
    )
    HTTP_STAGES.put(tx, home, stage)
    if stage.automatic:
        snapshots.redeploy_http(tx, call.scope, api, call.entropy, now_ms=call.now_ms)
        stage = records.get_http_stage(tx, call.scope, api.id, name)
    return {**_told(stage)}


def quick_stage(call: Call, tx: Transaction, api: HttpApi) -> None:
    """The stage of quick create: managed by API Gateway."""
    stage = HttpStage(
        name=rules.DEFAULT,
        deployment_id=None,
        automatic=True,
        variables={},
        description=None,
        created_at_ms=call.now_ms,
        updated_at_ms=call.now_ms,
        tags={},
        managed=True,
    )
    HTTP_STAGES.put(tx, records.inside(call.scope, api.id), stage)


@apigatewayv2.read("GetStage")
def get_stage(call: Call, at: Snapshot, req: GetStageRequest) -> GetStageResponse:
    """Raises: NotFoundException."""
    records.get_http_api(at, call.scope, req["ApiId"])
    return {**_told(records.get_http_stage(at, call.scope, req["ApiId"], req["StageName"]))}


@apigatewayv2.read("GetStages")
def get_stages(call: Call, at: Snapshot, req: GetStagesRequest) -> GetStagesResponse:
    """Raises: NotFoundException."""
    api = records.get_http_api(at, call.scope, req["ApiId"])
    found = {s.name: s for s in HTTP_STAGES.scan(at, records.inside(call.scope, api.id))}
    page, token = rules.cut_page(
        found, after=req.get("NextToken"), size=rules.page_size(req.get("MaxResults"))
    )
    answer: GetStagesResponse = {"Items": [_told(found[name]) for name in page]}
    if token is not None:
        answer["NextToken"] = token
    return answer


@apigatewayv2.write("UpdateStage")
def update_stage(call: Call, tx: Transaction, req: UpdateStageRequest) -> UpdateStageResponse:
    """Change what is given; variables are replaced as a whole.

    Raises: NotFoundException, BadRequestException.
    """
    api = records.get_http_api(tx, call.scope, req["ApiId"])
    stage = records.get_http_stage(tx, call.scope, api.id, req["StageName"])
    stage.automatic = req.get("AutoDeploy", stage.automatic)
    if "DeploymentId" in req:
        stage.deployment_id = _checked_deployment(call, tx, api, req)
    if "StageVariables" in req:
        stage.variables = rules.check_variables(req["StageVariables"])
    stage.description = req.get("Description", stage.description)
    stage.updated_at_ms = call.now_ms
    HTTP_STAGES.put(tx, records.inside(call.scope, api.id), stage)
    if stage.automatic:
        snapshots.redeploy_http(tx, call.scope, api, call.entropy, now_ms=call.now_ms)
        stage = records.get_http_stage(tx, call.scope, api.id, stage.name)
    return {**_told(stage)}


@apigatewayv2.write("DeleteStage")
def delete_stage(call: Call, tx: Transaction, req: DeleteStageRequest) -> None:
    """Raises: NotFoundException."""
    records.get_http_api(tx, call.scope, req["ApiId"])
    stage = records.get_http_stage(tx, call.scope, req["ApiId"], req["StageName"])
    HTTP_STAGES.delete(tx, records.inside(call.scope, req["ApiId"]), stage.name)


def _checked_deployment(
    call: Call, tx: Transaction, api: HttpApi, req: CreateStageRequest | UpdateStageRequest
) -> str | None:
    """Raises: NotFoundException, BadRequestException together with AutoDeploy."""
    deployment_id = req.get("DeploymentId")
    if deployment_id is None:
        return None
    if req.get("AutoDeploy", False):
        raise errors.BadRequestException(
            detail="Deployment ID cannot be set on update or create stage if auto-deploy is set to"
            " true."
        )
    return records.get_http_deployment(tx, call.scope, api.id, deployment_id).id


def _told(stage: HttpStage) -> Stage:
    wire: Stage = {
        "AutoDeploy": stage.automatic,
        "CreatedDate": stage.created_at_ms,
        "DefaultRouteSettings": {"DetailedMetricsEnabled": False},
        "LastUpdatedDate": stage.updated_at_ms,
        "RouteSettings": {},
        "StageName": stage.name,
        "StageVariables": stage.variables,
        "Tags": stage.tags,
    }
    if stage.deployment_id is not None:
        wire["DeploymentId"] = stage.deployment_id
    if stage.description is not None:
        wire["Description"] = stage.description
    if stage.managed:
        wire["ApiGatewayManaged"] = True
    return wire
