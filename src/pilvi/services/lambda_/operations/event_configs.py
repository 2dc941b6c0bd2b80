"""How events of a function, a version or an alias are tried: how often, and how long.

Destinations are refused by name until there is one of them to deliver to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pilvi.base.errors import NotBuilt
from pilvi.kit import paging
from pilvi.kit.call import Call
from pilvi.services.lambda_ import access, errors, limits, names, records, rules
from pilvi.services.lambda_.names import FunctionName
from pilvi.services.lambda_.records import EventConfig
from pilvi.services.lambda_.service import lambda_
from pilvi.services.lambda_.wire import (
    DeleteFunctionEventInvokeConfigRequest,
    FunctionEventInvokeConfig,
    GetFunctionEventInvokeConfigRequest,
    ListFunctionEventInvokeConfigsRequest,
    ListFunctionEventInvokeConfigsResponse,
    PutFunctionEventInvokeConfigRequest,
    UpdateFunctionEventInvokeConfigRequest,
)
from pilvi.store.api import Snapshot, Transaction


@lambda_.write("PutFunctionEventInvokeConfig")
def put_function_event_invoke_config(
    call: Call, tx: Transaction, req: PutFunctionEventInvokeConfigRequest
) -> FunctionEventInvokeConfig:
    """Set all of the configuration; what is not given has its default again.

    Raises: ResourceNotFoundException, InvalidParameterValueException, NotBuilt (destinations).
    AWS: PutFunctionEventInvokeConfig.
    """
    name = _existing(call, tx, req)
    return _put(call, tx, name, req, EventConfig(qualifier=str(name.qualifier), modified_ms=0))


@lambda_.write("UpdateFunctionEventInvokeConfig")
def update_function_event_invoke_config(
    call: Call, tx: Transaction, req: UpdateFunctionEventInvokeConfigRequest
) -> FunctionEventInvokeConfig:
    """Set what is given of the configuration.

    Raises: as PutFunctionEventInvokeConfig. AWS: UpdateFunctionEventInvokeConfig.
    """
    name = _existing(call, tx, req)
    return _put(call, tx, name, req, _get(tx, name))


@lambda_.read("GetFunctionEventInvokeConfig")
def get_function_event_invoke_config(
    call: Call, at: Snapshot, req: GetFunctionEventInvokeConfigRequest
) -> FunctionEventInvokeConfig:
    """Raises: ResourceNotFoundException. AWS: GetFunctionEventInvokeConfig."""
    name = _named(call, req)
    return _described(name, _get(at, name))


@lambda_.write("DeleteFunctionEventInvokeConfig")
def delete_function_event_invoke_config(
    call: Call, tx: Transaction, req: DeleteFunctionEventInvokeConfigRequest
) -> dict[str, object]:
    """Raises: ResourceNotFoundException. AWS: DeleteFunctionEventInvokeConfig."""
    name = _named(call, req)
    config = _get(tx, name)
    home = records.function_home(name.scope, name.name)
    records.event_configs.delete(tx, home, config.qualifier)
    return {}


@lambda_.read("ListFunctionEventInvokeConfigs")
def list_function_event_invoke_configs(
    call: Call, at: Snapshot, req: ListFunctionEventInvokeConfigsRequest
) -> ListFunctionEventInvokeConfigsResponse:
    """A page of a function's configurations by qualifier.

    Raises: ResourceNotFoundException, InvalidParameterValueException (marker).
    AWS: ListFunctionEventInvokeConfigs.
    """
    name = access.function_named(call, req["FunctionName"])
    if records.functions.find(at, records.home(name.scope), name.name) is None:
        raise errors.ResourceNotFoundException(detail="The function doesn't exist.")
    home = records.function_home(name.scope, name.name)
    after = rules.key_of_marker(req.get("Marker"))
    found = records.event_configs.scan(at, home, after_key=after)
    page, more = paging.page_of(found, min(req.get("MaxItems", limits.PAGE_MAX), limits.PAGE_MAX))
    result: ListFunctionEventInvokeConfigsResponse = {
        "FunctionEventInvokeConfigs": [
            _described(FunctionName(name.scope, name.name, one.qualifier), one) for one in page
        ]
    }
    if more:
        result["NextMarker"] = paging.token_of((page[-1].qualifier,))
    return result


def _named(call: Call, req: Mapping[str, Any]) -> FunctionName:
    name = access.function_named(call, req["FunctionName"], req.get("Qualifier"))
    return FunctionName(name.scope, name.name, name.qualifier or names.LATEST)


def _existing(call: Call, at: Snapshot, req: Mapping[str, Any]) -> FunctionName:
    """Raises: ResourceNotFoundException, in words that these operations have for themselves."""
    name = _named(call, req)
    try:
        records.resolve(at, name)
    except errors.FunctionNotFound:
        raise errors.ResourceNotFoundException(detail="The function doesn't exist.") from None
    return name


def _get(at: Snapshot, name: FunctionName) -> EventConfig:
    config = records.find_event_config(at, name)
    if config is None:
        raise errors.ResourceNotFoundException(
            detail=f"The function {name.asked_arn} doesn't have an EventInvokeConfig"
        )
    return config


def _put(
    call: Call, tx: Transaction, name: FunctionName, req: Mapping[str, Any], old: EventConfig
) -> FunctionEventInvokeConfig:
    retries, age_s = req.get("MaximumRetryAttempts"), req.get("MaximumEventAgeInSeconds")
    destinations: Mapping[str, Any] | None = req.get("DestinationConfig")
    if retries is None and age_s is None and destinations is None:
        raise errors.InvalidParameterValueException(
            detail="You must specify at least one of error handling or destination setting."
        )
    for which in ("OnSuccess", "OnFailure"):
        if destinations is not None and destinations.get(which, {}).get("Destination"):
            raise NotBuilt(what="destinations of asynchronous invocations")
    config = msgspec.structs.replace(
        old,
        retries_max=old.retries_max if retries is None else retries,
        age_s_max=old.age_s_max if age_s is None else age_s,
        modified_ms=call.now_ms,
    )
    records.event_configs.put(tx, records.function_home(name.scope, name.name), config)
    return _described(name, config)


def _described(name: FunctionName, config: EventConfig) -> FunctionEventInvokeConfig:
    result: FunctionEventInvokeConfig = {
        "LastModified": config.modified_ms,
        "FunctionArn": name.asked_arn,
        "DestinationConfig": {"OnSuccess": {}, "OnFailure": {}},
    }
    if config.retries_max is not None:
        result["MaximumRetryAttempts"] = config.retries_max
    if config.age_s_max is not None:
        result["MaximumEventAgeInSeconds"] = config.age_s_max
    return result
