"""Function URLs: an address of its own for a function, or for an alias of it. `urls.py` serves them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pilvi.base.addresses import endpoint_url
from pilvi.kit import paging
from pilvi.kit.call import Call
from pilvi.languages.cors import Cors
from pilvi.services.lambda_ import access, errors, limits, records, rules, wire
from pilvi.services.lambda_.names import FunctionName
from pilvi.services.lambda_.records import UrlConfig
from pilvi.services.lambda_.service import lambda_
from pilvi.services.lambda_.wire import (
    CreateFunctionUrlConfigRequest,
    CreateFunctionUrlConfigResponse,
    DeleteFunctionUrlConfigRequest,
    FunctionUrlConfig,
    GetFunctionUrlConfigRequest,
    GetFunctionUrlConfigResponse,
    ListFunctionUrlConfigsRequest,
    ListFunctionUrlConfigsResponse,
    UpdateFunctionUrlConfigRequest,
    UpdateFunctionUrlConfigResponse,
)
from pilvi.store.api import Snapshot, Transaction

_BUFFERED = "BUFFERED"
_URL_ID_LENGTH = 32


@lambda_.write("CreateFunctionUrlConfig")
def create_function_url_config(
    call: Call, tx: Transaction, req: CreateFunctionUrlConfigRequest
) -> CreateFunctionUrlConfigResponse:
    """Give a function or an alias its address.

    Raises: ResourceNotFoundException, ResourceConflictException.
    AWS: CreateFunctionUrlConfig.
    """
    name = access.function_named(call, req["FunctionName"], req.get("Qualifier"))
    try:
        records.resolve(tx, name)
    except errors.FunctionNotFound:
        raise _no_function() from None
    if records.find_url_config(tx, name) is not None:
        raise errors.ResourceConflictException(
            detail=f"Failed to create function url config for [functionArn = {name.asked_arn}]."
            " Error message:  FunctionUrlConfig exists for this Lambda function"
        )
    blank = UrlConfig(
        qualifier=name.qualifier or "",
        url_id=call.entropy.lower(_URL_ID_LENGTH),
        auth_type=req["AuthType"],
        created_ms=call.now_ms,
        modified_ms=call.now_ms,
    )
    told = _put(call, tx, name, blank, req)
    result: CreateFunctionUrlConfigResponse = {
        "FunctionUrl": told["FunctionUrl"],
        "FunctionArn": told["FunctionArn"],
        "AuthType": told["AuthType"],
        "CreationTime": told["CreationTime"],
    }
    if "InvokeMode" in told:
        result["InvokeMode"] = told["InvokeMode"]
    if "Cors" in told:
        result["Cors"] = told["Cors"]
    return result


@lambda_.write("UpdateFunctionUrlConfig")
def update_function_url_config(
    call: Call, tx: Transaction, req: UpdateFunctionUrlConfigRequest
) -> UpdateFunctionUrlConfigResponse:
    """Set what is given. Raises: ResourceNotFoundException. AWS: UpdateFunctionUrlConfig."""
    name = access.function_named(call, req["FunctionName"], req.get("Qualifier"))
    try:
        records.resolve(tx, name)
    except errors.FunctionNotFound:
        raise _no_function() from None
    return _put(call, tx, name, _get(tx, name), req)


@lambda_.read("GetFunctionUrlConfig")
def get_function_url_config(
    call: Call, at: Snapshot, req: GetFunctionUrlConfigRequest
) -> GetFunctionUrlConfigResponse:
    """Raises: ResourceNotFoundException. AWS: GetFunctionUrlConfig."""
    name = access.function_named(call, req["FunctionName"], req.get("Qualifier"))
    return _got(call, name, _get(at, name))


@lambda_.write("DeleteFunctionUrlConfig")
def delete_function_url_config(
    call: Call, tx: Transaction, req: DeleteFunctionUrlConfigRequest
) -> dict[str, object]:
    """The address is never given again. Raises: ResourceNotFoundException. AWS: DeleteFunctionUrlConfig."""
    name = access.function_named(call, req["FunctionName"], req.get("Qualifier"))
    records.delete_url_config(tx, name, _get(tx, name))
    return {}


@lambda_.read("ListFunctionUrlConfigs")
def list_function_url_configs(
    call: Call, at: Snapshot, req: ListFunctionUrlConfigsRequest
) -> ListFunctionUrlConfigsResponse:
    """A page of the addresses of a function and its aliases.

    Raises: ResourceNotFoundException, InvalidParameterValueException (marker).
    AWS: ListFunctionUrlConfigs.
    """
    name = access.function_named(call, req["FunctionName"])
    if records.functions.find(at, records.home(name.scope), name.name) is None:
        raise _no_function()
    after = rules.key_of_marker(req.get("Marker"))
    home = records.function_home(name.scope, name.name)
    found = records.url_configs.scan(at, home, after_key=after)
    page, more = paging.page_of(found, min(req.get("MaxItems", limits.PAGE_MAX), limits.PAGE_MAX))
    result: ListFunctionUrlConfigsResponse = {
        "FunctionUrlConfigs": [
            _got(call, FunctionName(name.scope, name.name, one.qualifier or None), one)
            for one in page
        ]
    }
    if more:
        result["NextMarker"] = paging.token_of((page[-1].qualifier,))
    return result


def _no_function() -> errors.ResourceNotFoundException:
    return errors.ResourceNotFoundException(detail="Function does not exist")


def _get(at: Snapshot, name: FunctionName) -> UrlConfig:
    config = records.find_url_config(at, name)
    if config is None:
        raise errors.NoSuchResource()
    return config


def _put(
    call: Call, tx: Transaction, name: FunctionName, old: UrlConfig, req: Mapping[str, Any]
) -> FunctionUrlConfig:
    """Store the configuration with what the request sets."""
    asked = req.get("Cors")
    config = msgspec.structs.replace(
        old,
        auth_type=req.get("AuthType", old.auth_type),
        invoke_mode=req.get("InvokeMode", old.invoke_mode),
        cors=old.cors if asked is None else _cors(asked),
        modified_ms=call.now_ms,
    )
    records.put_url_config(tx, name, config)
    return _described(call, name, config)


def _cors(asked: Mapping[str, Any]) -> Cors | None:
    """None for an empty one, which takes away what was configured."""
    cors = Cors(
        allow_credentials=asked.get("AllowCredentials", False),
        allow_headers=list(asked.get("AllowHeaders", [])),
        allow_methods=list(asked.get("AllowMethods", [])),
        allow_origins=list(asked.get("AllowOrigins", [])),
        expose_headers=list(asked.get("ExposeHeaders", [])),
        max_age_s=asked.get("MaxAge"),
    )
    return None if cors == Cors() else cors


def _described(call: Call, name: FunctionName, config: UrlConfig) -> FunctionUrlConfig:
    url = endpoint_url(
        call.cloud.settings.external_url, "lambda-url", config.url_id, name.scope.region
    )
    result: FunctionUrlConfig = {
        "FunctionUrl": f"{url}/",
        "FunctionArn": name.asked_arn,
        "AuthType": config.auth_type,
        "CreationTime": rules.iso_time(config.created_ms),
        "LastModifiedTime": rules.iso_time(config.modified_ms),
    }
    if config.invoke_mode is not None:
        result["InvokeMode"] = config.invoke_mode
    if config.cors is not None:
        result["Cors"] = _described_cors(config.cors)
    return result


def _described_cors(cors: Cors) -> wire.Cors:
    """What is empty is left out."""
    told: wire.Cors = {}
    if cors.allow_credentials:
        told["AllowCredentials"] = True
    if cors.allow_headers:
        told["AllowHeaders"] = cors.allow_headers
    if cors.allow_methods:
        told["AllowMethods"] = cors.allow_methods
    if cors.allow_origins:
        told["AllowOrigins"] = cors.allow_origins
    if cors.expose_headers:
        told["ExposeHeaders"] = cors.expose_headers
    if cors.max_age_s is not None:
        told["MaxAge"] = cors.max_age_s
    return told


def _got(call: Call, name: FunctionName, config: UrlConfig) -> FunctionUrlConfig:
    """As Get and List tell it: with the mode that holds when none was given."""
    result = _described(call, name, config)
    result.setdefault("InvokeMode", _BUFFERED)
    return result
