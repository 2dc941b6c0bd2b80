"""Provisioned concurrency of versions and aliases: how many environments are ready before anybody asks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from pilvi.kit import paging
from pilvi.kit.call import Call
from pilvi.services.lambda_ import access, errors, limits, names, provisioned, records, rules
from pilvi.services.lambda_.names import FunctionName
from pilvi.services.lambda_.provisioned import Provisioned
from pilvi.services.lambda_.records import Function
from pilvi.services.lambda_.service import lambda_
from pilvi.services.lambda_.wire import (
    DeleteProvisionedConcurrencyConfigRequest,
    GetProvisionedConcurrencyConfigRequest,
    GetProvisionedConcurrencyConfigResponse,
    ListProvisionedConcurrencyConfigsRequest,
    ListProvisionedConcurrencyConfigsResponse,
    PutProvisionedConcurrencyConfigRequest,
    PutProvisionedConcurrencyConfigResponse,
)
from pilvi.store.api import Snapshot, Transaction


@lambda_.write("PutProvisionedConcurrencyConfig")
def put_provisioned_concurrency_config(
    call: Call, tx: Transaction, req: PutProvisionedConcurrencyConfigRequest
) -> PutProvisionedConcurrencyConfigResponse:
    """Have so many environments of a version made and kept.

    Raises: ResourceNotFoundException, ResourceConflictException (alias and version), InvalidParameterValueException
        ($LATEST, and what the function or the account has no room for).
    AWS: PutProvisionedConcurrencyConfig; Developer Guide, "Configuring provisioned concurrency for a function".
    """
    unpublished = (
        "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
    )
    name = _named(call, tx, req, latest=unpublished)
    requested = req["ProvisionedConcurrentExecutions"]
    function = records.get_function(tx, name)
    alias = records.find_alias(tx, name)
    if alias is not None and alias.version == names.LATEST:
        raise errors.InvalidParameterValueException(detail=unpublished)
    _refuse_conflict(tx, name)
    old = provisioned.find(tx, name)
    _check_room(call, tx, name, function, requested, 0 if old is None else old.requested)
    config = Provisioned(
        qualifier=str(name.qualifier),
        requested=requested,
        modified_ms=call.now_ms,
        keeper=call.entropy.uuid() if old is None else old.keeper,
        parts=call.cloud.settings.workers if old is None else old.parts,
    )
    provisioned.put(tx, name, config)
    return _described(tx, name, config, status="IN_PROGRESS")


@lambda_.read("GetProvisionedConcurrencyConfig")
def get_provisioned_concurrency_config(
    call: Call, at: Snapshot, req: GetProvisionedConcurrencyConfigRequest
) -> GetProvisionedConcurrencyConfigResponse:
    """Raises: ResourceNotFoundException, ProvisionedConcurrencyConfigNotFoundException,
    InvalidParameterValueException ($LATEST). AWS: GetProvisionedConcurrencyConfig.
    """
    name = _named(call, at, req)
    config = provisioned.find(at, name)
    if config is None:
        raise errors.ProvisionedConcurrencyConfigNotFoundException()
    return _described(at, name, config)


@lambda_.write("DeleteProvisionedConcurrencyConfig")
def delete_provisioned_concurrency_config(
    call: Call, tx: Transaction, req: DeleteProvisionedConcurrencyConfigRequest
) -> dict[str, object]:
    """Raises: ResourceNotFoundException, InvalidParameterValueException ($LATEST).
    AWS: DeleteProvisionedConcurrencyConfig.
    """
    provisioned.delete(tx, _named(call, tx, req))
    return {}


@lambda_.read("ListProvisionedConcurrencyConfigs")
def list_provisioned_concurrency_configs(
    call: Call, at: Snapshot, req: ListProvisionedConcurrencyConfigsRequest
) -> ListProvisionedConcurrencyConfigsResponse:
    """A page of a function's configurations by qualifier.

    Raises: ResourceNotFoundException, InvalidParameterValueException (marker).
    AWS: ListProvisionedConcurrencyConfigs.
    """
    name = access.unqualified(call, req["FunctionName"])
    records.get_function(at, name)
    home = records.function_home(name.scope, name.name)
    after = rules.key_of_marker(req.get("Marker"))
    found = provisioned.configs.scan(at, home, after_key=after)
    page, more = paging.page_of(found, min(req.get("MaxItems", limits.PAGE_MAX), limits.PAGE_MAX))
    listed: list[Any] = []
    for config in page:
        one = FunctionName(name.scope, name.name, config.qualifier)
        listed.append({"FunctionArn": one.asked_arn, **_described(at, one, config)})
    result: ListProvisionedConcurrencyConfigsResponse = {"ProvisionedConcurrencyConfigs": listed}
    if more:
        result["NextMarker"] = paging.token_of((page[-1].qualifier,))
    return result


_NEITHER = "The function resource provided must be an alias or a published version."


def _named(
    call: Call, at: Snapshot, req: Mapping[str, Any], *, latest: str = _NEITHER
) -> FunctionName:
    """The version or the alias, which must be there.

    Raises: InvalidParameterValueException ($LATEST, in these words), ResourceNotFoundException.
    """
    name = access.function_named(call, req["FunctionName"], req["Qualifier"])
    if name.qualifier == names.LATEST:
        raise errors.InvalidParameterValueException(detail=latest)
    if name.qualifier is not None and name.qualifier.isdecimal():
        records.resolve(at, name)
    elif records.find_alias(at, name) is None:
        raise errors.ResourceNotFoundException(detail=f"Cannot find alias arn: {name.asked_arn}")
    return name


def _refuse_conflict(at: Snapshot, name: FunctionName) -> None:
    """A version is provisioned by itself or through one alias. Raises: ResourceConflictException."""
    alias = records.find_alias(at, name)
    for other in provisioned.of_function(at, name):
        if other.qualifier == name.qualifier:
            continue
        there = records.find_alias(at, FunctionName(name.scope, name.name, other.qualifier))
        taken = other.qualifier if there is None else there.version
        if taken != (name.qualifier if alias is None else alias.version):
            continue
        raise errors.ResourceConflictException(
            detail="Version is pointed by a Provisioned Concurrency alias"
            if alias is None
            else "Alias can't be used for Provisioned Concurrency configuration on an already"
            " Provisioned version"
        )


def _check_room(
    call: Call, at: Snapshot, name: FunctionName, function: Function, requested: int, old: int
) -> None:
    """Raises: InvalidParameterValueException."""
    if function.reserved_concurrency is not None:
        if function.provisioned - old + requested > function.reserved_concurrency:
            raise errors.InvalidParameterValueException(
                detail="Requested Provisioned Concurrency should not be greater than the"
                " reservedConcurrentExecution for function"
            )
        return
    taken = sum(one.taken for one in records.functions.scan(at, records.home(name.scope)))
    free = limits.CONCURRENCY - taken + old
    if requested > free:
        raise errors.NoRoom(
            detail="Specified ConcurrentExecutions for function is greater than account's"
            f" unreserved concurrency [{free}]."
        )
    if free - requested < limits.UNRESERVED_CONCURRENCY_MIN:
        raise errors.NoRoom(
            detail="Specified ConcurrentExecutions for function decreases account's"
            " UnreservedConcurrentExecution below its minimum value of"
            f" [{limits.UNRESERVED_CONCURRENCY_MIN}]."
        )


def _described(
    at: Snapshot, name: FunctionName, config: Provisioned, *, status: str | None = None
) -> Any:
    """`status`: whatever it is."""
    standing = provisioned.standing(at, name, config)
    result: dict[str, Any] = {
        "RequestedProvisionedConcurrentExecutions": config.requested,
        "AllocatedProvisionedConcurrentExecutions": standing.allocated,
        "AvailableProvisionedConcurrentExecutions": standing.allocated,
        "Status": status or standing.status,
        "LastModified": time.strftime(
            "%Y-%m-%dT%H:%M:%S+0000", time.gmtime(config.modified_ms // 1000)
        ),
    }
    if standing.failure is not None and status is None:
        result["StatusReason"] = standing.failure
    return result
