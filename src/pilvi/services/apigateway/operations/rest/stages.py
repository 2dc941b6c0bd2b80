"""Stages of REST APIs: create, get, list, update, delete. A stage serves one deployment below `/NAME`."""

from __future__ import annotations

from collections.abc import Mapping

from pilvi.base.errors import NotBuilt
from pilvi.kit.call import Call
from pilvi.services.apigateway import errors, limits, patches, records, rules
from pilvi.services.apigateway.records import REST_DEPLOYMENTS, REST_STAGES, RestApi, RestStage
from pilvi.services.apigateway.service import apigateway
from pilvi.services.apigateway.wire_rest import (
    CreateStageRequest,
    DeleteStageRequest,
    GetStageRequest,
    GetStagesRequest,
    Stage,
    Stages,
    UpdateStageRequest,
)
from pilvi.store.api import Snapshot, Transaction

_VARIABLES = "/variables/"


@apigateway.write("CreateStage")
def create_stage(call: Call, tx: Transaction, req: CreateStageRequest) -> Stage:
    """Raises: NotFoundException, BadRequestException, ConflictException, LimitExceededException."""
    api = records.get_rest_api(tx, call.scope, req["restApiId"])
    home = records.inside(call.scope, api.id)
    rules.only("cache clusters:", req.get("cacheClusterEnabled", False), False)
    rules.only("tracing:", req.get("tracingEnabled", False), False)
    if REST_STAGES.find(tx, home, req["stageName"]) is not None:
        raise errors.ConflictException(detail="Stage already exists")
    stage = point_stage(
        call,
        tx,
        api,
        req["stageName"],
        req["deploymentId"],
        description=req.get("description"),
        variables=req.get("variables"),
    )
    stage.tags = rules.check_tags(req.get("tags", {}))
    REST_STAGES.put(tx, home, stage)
    return _told(stage)


def point_stage(
    call: Call,
    tx: Transaction,
    api: RestApi,
    name: str,
    deployment_id: str,
    *,
    description: str | None,
    variables: Mapping[str, str] | None,
) -> RestStage:
    """Let a stage serve a deployment; it is created when there is none.

    Raises: BadRequestException, LimitExceededException.
    """
    home = records.inside(call.scope, api.id)
    if REST_DEPLOYMENTS.find(tx, home, deployment_id) is None:
        raise errors.BadRequestException(detail="Deployment id does not exist")
    stage = REST_STAGES.find(tx, home, rules.check_stage_name(name, default=False))
    if stage is None:
        if sum(1 for _ in REST_STAGES.scan(tx, home)) >= limits.STAGES_PER_API:
            raise errors.LimitExceededException(what="stages")
        stage = RestStage(
            name=name,
            deployment_id=deployment_id,
            variables={},
            description=None,
            created_at_ms=call.now_ms,
            updated_at_ms=call.now_ms,
            tags={},
        )
    stage.deployment_id = deployment_id
    stage.updated_at_ms = call.now_ms
    if description is not None:
        stage.description = description
    if variables is not None:
        stage.variables = rules.check_variables(variables)
    REST_STAGES.put(tx, home, stage)
    return stage


@apigateway.read("GetStage")
def get_stage(call: Call, at: Snapshot, req: GetStageRequest) -> Stage:
    """Raises: NotFoundException."""
    records.get_rest_api(at, call.scope, req["restApiId"])
    return _told(records.get_rest_stage(at, call.scope, req["restApiId"], req["stageName"]))


@apigateway.read("GetStages")
def get_stages(call: Call, at: Snapshot, req: GetStagesRequest) -> Stages:
    """List the stages, perhaps those of one deployment only. Raises: NotFoundException."""
    api = records.get_rest_api(at, call.scope, req["restApiId"])
    wanted = req.get("deploymentId")
    found = REST_STAGES.scan(at, records.inside(call.scope, api.id))
    return {"item": [_told(s) for s in found if wanted in (None, s.deployment_id)]}


@apigateway.write("UpdateStage")
def update_stage(call: Call, tx: Transaction, req: UpdateStageRequest) -> Stage:
    """Change deployment, description or variables; other settings are refused by name.

    Raises: NotFoundException, BadRequestException.
    """
    api = records.get_rest_api(tx, call.scope, req["restApiId"])
    home = records.inside(call.scope, api.id)
    stage = records.get_rest_stage(tx, call.scope, api.id, req["stageName"])
    for patch in patches.read(req.get("patchOperations", [])):
        if patch.path.startswith(_VARIABLES):
            _patch_variable(stage, patch)
        elif patch.path == "/deploymentId":
            patch.must_replace()
            if REST_DEPLOYMENTS.find(tx, home, patch.value) is None:
                raise errors.BadRequestException(detail="Deployment id does not exist")
            stage.deployment_id = patch.value
        elif patch.path == "/description":
            patch.must_replace()
            stage.description = patch.value
        else:
            raise NotBuilt(what=f"changing {patch.path} of a stage")
    stage.updated_at_ms = call.now_ms
    REST_STAGES.put(tx, home, stage)
    return _told(stage)


def _patch_variable(stage: RestStage, patch: patches.Patch) -> None:
    name = patches.unescaped(patch.path.removeprefix(_VARIABLES))
    others = {known: value for known, value in stage.variables.items() if known != name}
    if patch.op == "remove":
        stage.variables = others
    else:
        patch.must_replace()
        stage.variables = rules.check_variables({**others, name: patch.value})


@apigateway.write("DeleteStage")
def delete_stage(call: Call, tx: Transaction, req: DeleteStageRequest) -> None:
    """Raises: NotFoundException."""
    records.get_rest_api(tx, call.scope, req["restApiId"])
    stage = records.get_rest_stage(tx, call.scope, req["restApiId"], req["stageName"])
    REST_STAGES.delete(tx, records.inside(call.scope, req["restApiId"]), stage.name)


def _told(stage: RestStage) -> Stage:
    wire: Stage = {
        "stageName": stage.name,
        "deploymentId": stage.deployment_id,
        "cacheClusterEnabled": False,
        "cacheClusterStatus": "NOT_AVAILABLE",
        "methodSettings": {},
        "tracingEnabled": False,
        "createdDate": stage.created_at_ms,
        "lastUpdatedDate": stage.updated_at_ms,
    }
    if stage.description is not None:
        wire["description"] = stage.description
    if stage.variables:
        wire["variables"] = stage.variables
    if stage.tags:
        wire["tags"] = stage.tags
    return wire
