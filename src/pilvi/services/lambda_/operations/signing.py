"""Code signing configurations, and which of them a function has."""

from __future__ import annotations

from typing import Any

import msgspec

from pilvi.kit import paging
from pilvi.kit.call import Call
from pilvi.services.lambda_ import access, code_signing, errors, limits, records, rules
from pilvi.services.lambda_.code_signing import SigningConfig, SigningName
from pilvi.services.lambda_.names import FunctionName, function_arn
from pilvi.services.lambda_.records import Function
from pilvi.services.lambda_.service import lambda_
from pilvi.services.lambda_.wire import (
    CodeSigningConfig,
    CreateCodeSigningConfigRequest,
    CreateCodeSigningConfigResponse,
    DeleteCodeSigningConfigRequest,
    DeleteFunctionCodeSigningConfigRequest,
    GetCodeSigningConfigRequest,
    GetCodeSigningConfigResponse,
    GetFunctionCodeSigningConfigRequest,
    GetFunctionCodeSigningConfigResponse,
    ListCodeSigningConfigsRequest,
    ListCodeSigningConfigsResponse,
    ListFunctionsByCodeSigningConfigRequest,
    ListFunctionsByCodeSigningConfigResponse,
    PutFunctionCodeSigningConfigRequest,
    PutFunctionCodeSigningConfigResponse,
    UpdateCodeSigningConfigRequest,
    UpdateCodeSigningConfigResponse,
)
from pilvi.store.api import Snapshot, Transaction

_ID_LENGTH = 17


@lambda_.write("CreateCodeSigningConfig")
def create_code_signing_config(
    call: Call, tx: Transaction, req: CreateCodeSigningConfigRequest
) -> CreateCodeSigningConfigResponse:
    """Raises: InvalidParameterValueException (tags). AWS: CreateCodeSigningConfig."""
    tags = dict(req.get("Tags", {}).items())
    rules.check_tags(tags)
    config = SigningConfig(
        id=f"csc-{call.entropy.lower(_ID_LENGTH)}",
        description=req.get("Description", ""),
        publishers=tuple(req["AllowedPublishers"]["SigningProfileVersionArns"]),
        policy=_policy(req, code_signing.WARN),
        tags=tags,
        modified_ms=call.now_ms,
    )
    code_signing.put(tx, call.scope, config)
    return {"CodeSigningConfig": _described(call, config)}


@lambda_.read("GetCodeSigningConfig")
def get_code_signing_config(
    call: Call, at: Snapshot, req: GetCodeSigningConfigRequest
) -> GetCodeSigningConfigResponse:
    """Raises: ResourceNotFoundException. AWS: GetCodeSigningConfig."""
    config = code_signing.get(at, call.scope, req["CodeSigningConfigArn"])
    return {"CodeSigningConfig": _described(call, config)}


@lambda_.write("UpdateCodeSigningConfig")
def update_code_signing_config(
    call: Call, tx: Transaction, req: UpdateCodeSigningConfigRequest
) -> UpdateCodeSigningConfigResponse:
    """What changes holds for the next package of each function that has it; running code stays.

    Raises: ResourceNotFoundException. AWS: UpdateCodeSigningConfig.
    """
    old = code_signing.get(tx, call.scope, req["CodeSigningConfigArn"])
    publishers = old.publishers
    if "AllowedPublishers" in req:
        publishers = tuple(req["AllowedPublishers"]["SigningProfileVersionArns"])
    changed = msgspec.structs.replace(
        old,
        description=req.get("Description", old.description),
        publishers=publishers,
        policy=_policy(req, old.policy),
        modified_ms=call.now_ms,
    )
    code_signing.put(tx, call.scope, changed)
    return {"CodeSigningConfig": _described(call, changed)}


@lambda_.write("DeleteCodeSigningConfig")
def delete_code_signing_config(
    call: Call, tx: Transaction, req: DeleteCodeSigningConfigRequest
) -> dict[str, object]:
    """Raises: ResourceNotFoundException, ResourceConflictException (a function has it).

    AWS: DeleteCodeSigningConfig.
    """
    config = code_signing.get(tx, call.scope, req["CodeSigningConfigArn"])
    user = next(code_signing.users(tx, call.scope, config), None)
    if user is not None:
        raise errors.ResourceConflictException(
            detail="The code signing configuration cannot be deleted because functions use it."
            f" One of them is {user.name}."
        )
    code_signing.configs.delete(tx, records.home(call.scope), config.id)
    return {}


@lambda_.read("ListCodeSigningConfigs")
def list_code_signing_configs(
    call: Call, at: Snapshot, req: ListCodeSigningConfigsRequest
) -> ListCodeSigningConfigsResponse:
    """Raises: InvalidParameterValueException (marker). AWS: ListCodeSigningConfigs."""
    after = rules.key_of_marker(req.get("Marker"))
    found = code_signing.configs.scan(at, records.home(call.scope), after_key=after)
    size = req.get("MaxItems", limits.SIGNING_PAGE_MAX)
    page, more = paging.page_of(found, size)
    result: ListCodeSigningConfigsResponse = {
        "CodeSigningConfigs": [_described(call, one) for one in page]
    }
    if more:
        result["NextMarker"] = paging.token_of((page[-1].id,))
    return result


@lambda_.read("ListFunctionsByCodeSigningConfig")
def list_functions_by_code_signing_config(
    call: Call, at: Snapshot, req: ListFunctionsByCodeSigningConfigRequest
) -> ListFunctionsByCodeSigningConfigResponse:
    """Raises: ResourceNotFoundException, InvalidParameterValueException (marker).

    AWS: ListFunctionsByCodeSigningConfig.
    """
    config = code_signing.get(at, call.scope, req["CodeSigningConfigArn"])
    after: str | None = None
    match rules.key_of_marker(req.get("Marker")):
        case None:
            pass
        case (str(name),):
            after = name
        case _:
            raise errors.InvalidParameterValueException(detail="Invalid marker.")
    found = code_signing.users(at, call.scope, config, after=after)
    page, more = paging.page_of(found, req.get("MaxItems", limits.SIGNING_PAGE_MAX))
    result: ListFunctionsByCodeSigningConfigResponse = {
        "FunctionArns": [function_arn(call.scope, one.name) for one in page]
    }
    if more:
        result["NextMarker"] = paging.token_of((page[-1].name,))
    return result


# --- of a function


@lambda_.write("PutFunctionCodeSigningConfig")
def put_function_code_signing_config(
    call: Call, tx: Transaction, req: PutFunctionCodeSigningConfigRequest
) -> PutFunctionCodeSigningConfigResponse:
    """It holds for the next package; the code that the function has stays.

    Raises: CodeSigningConfigNotFoundException, ResourceNotFoundException (the function).
    AWS: PutFunctionCodeSigningConfig.
    """
    name = access.unqualified(call, req["FunctionName"])
    config = code_signing.get_for_function(tx, name.scope, req["CodeSigningConfigArn"])
    function = records.get_function(tx, name)
    _put(tx, name, function, config.id)
    arn = SigningName(name.scope, config.id).arn
    return {"CodeSigningConfigArn": arn, "FunctionName": function.name}


@lambda_.write("DeleteFunctionCodeSigningConfig")
def delete_function_code_signing_config(
    call: Call, tx: Transaction, req: DeleteFunctionCodeSigningConfigRequest
) -> dict[str, object]:
    """Raises: ResourceNotFoundException. AWS: DeleteFunctionCodeSigningConfig."""
    name = access.unqualified(call, req["FunctionName"])
    _put(tx, name, records.get_function(tx, name), None)
    return {}


@lambda_.read("GetFunctionCodeSigningConfig")
def get_function_code_signing_config(
    call: Call, at: Snapshot, req: GetFunctionCodeSigningConfigRequest
) -> GetFunctionCodeSigningConfigResponse:
    """Says nothing of a function that has none, as was recorded.

    Raises: ResourceNotFoundException. AWS: GetFunctionCodeSigningConfig.
    """
    name = access.function_named(call, req["FunctionName"])
    function = records.get_function(at, name)
    if function.signing is None:
        return {}  # pyright: ignore[reportReturnType] (members that the model requires are left out)
    arn = SigningName(name.scope, function.signing).arn
    return {"CodeSigningConfigArn": arn, "FunctionName": function.name}


def _put(tx: Transaction, name: FunctionName, function: Function, config_id: str | None) -> None:
    if function.signing != config_id:
        changed = msgspec.structs.replace(function, signing=config_id)
        records.put_function(tx, name.scope, changed)


def _policy(req: Any, old: str) -> str:
    return req.get("CodeSigningPolicies", {}).get("UntrustedArtifactOnDeployment", old)


def _described(call: Call, config: SigningConfig) -> CodeSigningConfig:
    return {
        "CodeSigningConfigId": config.id,
        "CodeSigningConfigArn": SigningName(call.scope, config.id).arn,
        "Description": config.description,
        "AllowedPublishers": {"SigningProfileVersionArns": list(config.publishers)},
        "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": config.policy},
        "LastModified": rules.iso_time(config.modified_ms),
    }
