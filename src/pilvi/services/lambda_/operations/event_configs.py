"""How events of a function, a version or an alias are tried: how often, how long, and who is told how they ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from pilvi.base.http import Body
from pilvi.kit import paging
from pilvi.kit.audit import WatchedRequest
from pilvi.kit.call import Call
from pilvi.kit.execution import refuse_unread
from pilvi.services.lambda_ import access, errors, limits, names, records, rules
from pilvi.services.lambda_.destinations import checks
from pilvi.services.lambda_.names import FunctionName
from pilvi.services.lambda_.records import Configuration, EventConfig
from pilvi.services.lambda_.service import lambda_
from pilvi.services.lambda_.wire import (
    DeleteFunctionEventInvokeConfigRequest,
    FunctionEventInvokeConfig,
    GetFunctionEventInvokeConfigRequest,
    ListFunctionEventInvokeConfigsRequest,
    ListFunctionEventInvokeConfigsResponse,
)
from pilvi.store.api import Snapshot, Transaction


@lambda_.stream("PutFunctionEventInvokeConfig")
async def put_function_event_invoke_config(
    call: Call, req: WatchedRequest, body: Body
) -> FunctionEventInvokeConfig:
    """Set all of the configuration; what is not given has its default again.

    Raises: ResourceNotFoundException, InvalidParameterValueException, NotBuilt (destinations of services that
        are not there).
    AWS: PutFunctionEventInvokeConfig.
    """

    def old(at: Snapshot, name: FunctionName) -> EventConfig:
        return EventConfig(qualifier=str(name.qualifier), modified_ms=0)

    return await _put(call, req, old)


@lambda_.stream("UpdateFunctionEventInvokeConfig")
async def update_function_event_invoke_config(
    call: Call, req: WatchedRequest, body: Body
) -> FunctionEventInvokeConfig:
    """Set what is given of the configuration.

    Raises: as PutFunctionEventInvokeConfig. AWS: UpdateFunctionEventInvokeConfig.
    """
    return await _put(call, req, _get)


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


def _existing(at: Snapshot, name: FunctionName) -> Configuration:
    """Raises: ResourceNotFoundException, in words that these operations have for themselves."""
    try:
        return records.resolve(at, name).configuration
    except errors.FunctionNotFound:
        raise errors.ResourceNotFoundException(detail="The function doesn't exist.") from None


def _get(at: Snapshot, name: FunctionName) -> EventConfig:
    config = records.find_event_config(at, name)
    if config is None:
        raise errors.ResourceNotFoundException(
            detail=f"The function {name.asked_arn} doesn't have an EventInvokeConfig"
        )
    return config


async def _put(
    call: Call, req: WatchedRequest, old: Callable[[Snapshot, FunctionName], EventConfig]
) -> FunctionEventInvokeConfig:
    name = _named(call, req)
    retries, age_s = req.get("MaximumRetryAttempts"), req.get("MaximumEventAgeInSeconds")
    destinations: Mapping[str, Any] | None = req.get("DestinationConfig")
    told = {
        which: destinations[which].get("Destination") or None
        for which in ("OnSuccess", "OnFailure")
        if destinations is not None and which in destinations
    }
    refuse_unread(lambda_.operations[call.operation], req)

    def changed(at: Snapshot) -> EventConfig:
        _existing(at, name)
        before = old(at, name)
        return msgspec.structs.replace(
            before,
            retries_max=before.retries_max if retries is None else retries,
            age_s_max=before.age_s_max if age_s is None else age_s,
            on_success=told.get("OnSuccess", before.on_success),
            on_failure=told.get("OnFailure", before.on_failure),
            modified_ms=call.now_ms,
        )

    configuration = await call.view(lambda at: _existing(at, name))
    if retries is None and age_s is None and destinations is None:
        raise errors.InvalidParameterValueException(
            detail="You must specify at least one of error handling or destination setting."
        )
    checks.check_kinds(told.get("OnSuccess"), told.get("OnFailure"))
    for arn in dict.fromkeys(told.values()):
        if arn is not None:
            await checks.check_destination(call, name, configuration.role, arn)

    def put(tx: Transaction) -> EventConfig:
        config = changed(tx)
        records.event_configs.put(tx, records.function_home(name.scope, name.name), config)
        return config

    return _described(name, await call.transact(put))


def _described(name: FunctionName, config: EventConfig) -> FunctionEventInvokeConfig:
    result: FunctionEventInvokeConfig = {
        "LastModified": config.modified_ms,
        "FunctionArn": name.asked_arn,
        "DestinationConfig": {
            "OnSuccess": _destination(config.on_success),
            "OnFailure": _destination(config.on_failure),
        },
    }
    if config.retries_max is not None:
        result["MaximumRetryAttempts"] = config.retries_max
    if config.age_s_max is not None:
        result["MaximumEventAgeInSeconds"] = config.age_s_max
    return result


def _destination(arn: str | None) -> Any:
    return {} if arn is None else {"Destination": arn}
