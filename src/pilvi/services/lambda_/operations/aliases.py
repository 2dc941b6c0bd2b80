"""Aliases: names for versions, which can be pointed elsewhere, and share invocations between two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pilvi.kit import paging
from pilvi.kit.call import Call
from pilvi.services.lambda_ import access, errors, limits, names, provisioned, records, rules
from pilvi.services.lambda_.names import FunctionName
from pilvi.services.lambda_.records import Alias
from pilvi.services.lambda_.service import lambda_
from pilvi.services.lambda_.wire import (
    AliasConfiguration,
    CreateAliasRequest,
    DeleteAliasRequest,
    GetAliasRequest,
    ListAliasesRequest,
    ListAliasesResponse,
    UpdateAliasRequest,
)
from pilvi.store.api import Snapshot, Transaction


@lambda_.write("CreateAlias")
def create_alias(call: Call, tx: Transaction, req: CreateAliasRequest) -> AliasConfiguration:
    """Raises: ResourceNotFoundException (function or version), ResourceConflictException,
    InvalidParameterValueException (routing). AWS: CreateAlias.
    """
    name = _alias(call, req)
    version = req["FunctionVersion"]
    weights = _weights(tx, name, version, req.get("RoutingConfig", {}))
    home = records.function_home(name.scope, name.name)
    if records.aliases.find(tx, home, req["Name"]) is not None:
        raise errors.ResourceConflictException(detail=f"Alias already exists: {name.asked_arn}")
    alias = Alias(
        name=req["Name"],
        version=version,
        description=req.get("Description", ""),
        weights=weights,
        revision_id=call.entropy.uuid(),
    )
    records.aliases.put(tx, home, alias)
    return _described(name, alias)


@lambda_.read("GetAlias")
def get_alias(call: Call, at: Snapshot, req: GetAliasRequest) -> AliasConfiguration:
    """Raises: ResourceNotFoundException. AWS: GetAlias."""
    name = _alias(call, req)
    home = records.function_home(name.scope, name.name)
    alias = records.aliases.find(at, home, req["Name"])
    if alias is None:
        raise errors.ResourceNotFoundException(detail=f"Cannot find alias arn: {name.asked_arn}")
    return _described(name, alias)


@lambda_.write("UpdateAlias")
def update_alias(call: Call, tx: Transaction, req: UpdateAliasRequest) -> AliasConfiguration:
    """Raises: ResourceNotFoundException, PreconditionFailedException,
    InvalidParameterValueException (routing). AWS: UpdateAlias.
    """
    name = _alias(call, req)
    home = records.function_home(name.scope, name.name)
    old = records.aliases.find(tx, home, req["Name"])
    if old is None:
        raise errors.ResourceNotFoundException(detail=f"Alias not found: {name.asked_arn}")
    if req.get("RevisionId") not in (None, old.revision_id):
        raise errors.PreconditionFailedException(operation="GetFunction/GetAlias")
    version = req.get("FunctionVersion", old.version)
    routing = req.get("RoutingConfig")
    if routing is None:
        routing = {"AdditionalVersionWeights": old.weights}
    changed = msgspec.structs.replace(
        old,
        version=version,
        description=req.get("Description", old.description),
        weights=_weights(tx, name, version, routing),
        revision_id=call.entropy.uuid(),
    )
    records.aliases.put(tx, home, changed)
    tx.wake(provisioned.TOPIC)
    return _described(name, changed)


@lambda_.write("DeleteAlias")
def delete_alias(call: Call, tx: Transaction, req: DeleteAliasRequest) -> dict[str, object]:
    """Delete an alias with its policy, if it is there. AWS: DeleteAlias."""
    name = _alias(call, req)
    home = records.function_home(name.scope, name.name)
    if records.aliases.find(tx, home, req["Name"]) is not None:
        provisioned.delete(tx, name)
    records.aliases.delete(tx, home, req["Name"])
    records.policies.delete(tx, home, req["Name"])
    records.event_configs.delete(tx, home, req["Name"])
    return {}


@lambda_.read("ListAliases")
def list_aliases(call: Call, at: Snapshot, req: ListAliasesRequest) -> ListAliasesResponse:
    """A page of a function's aliases by name, of all versions or one.

    Raises: ResourceNotFoundException, InvalidParameterValueException (marker). AWS: ListAliases.
    """
    name = access.function_named(call, req["FunctionName"])
    records.get_function(at, name)
    version = req.get("FunctionVersion")
    home = records.function_home(name.scope, name.name)
    found = (
        alias
        for alias in records.aliases.scan(
            at, home, after_key=rules.key_of_marker(req.get("Marker"))
        )
        if version is None or version == alias.version or version in alias.weights
    )
    page, more = paging.page_of(found, min(req.get("MaxItems", limits.PAGE_MAX), limits.PAGE_MAX))
    result: ListAliasesResponse = {
        "Aliases": [_described(FunctionName(name.scope, name.name, one.name), one) for one in page]
    }
    if more:
        result["NextMarker"] = paging.token_of((page[-1].name,))
    return result


def _alias(call: Call, req: Mapping[str, Any]) -> FunctionName:
    """The alias as a qualified function name."""
    name = access.unqualified(call, req["FunctionName"])
    return FunctionName(name.scope, name.name, req["Name"])


def _weights(
    at: Snapshot, name: FunctionName, version: str, routing: Mapping[str, Any]
) -> dict[str, float]:
    """The routing, once every version in it is known to exist.

    Raises: FunctionNotFound, InvalidParameterValueException.
    """
    weights = dict(routing.get("AdditionalVersionWeights", {}).items())
    if len(weights) > 1:
        raise errors.InvalidParameterValueException(
            detail="Number of items in AdditionalVersionWeights cannot be greater than 1"
        )
    if version in weights:
        raise errors.InvalidParameterValueException(
            detail=f"Invalid function version {version}. Function version {version} is already"
            " included in routing configuration."
        )
    if weights and version == names.LATEST:
        raise errors.LatestIsNotShared()
    for one in (version, *weights):
        records.resolve(at, FunctionName(name.scope, name.name, one))
    return weights


def _described(name: FunctionName, alias: Alias) -> AliasConfiguration:
    result: AliasConfiguration = {
        "AliasArn": name.asked_arn,
        "Name": alias.name,
        "FunctionVersion": alias.version,
        "Description": alias.description,
        "RevisionId": alias.revision_id,
    }
    if alias.weights:
        result["RoutingConfig"] = {"AdditionalVersionWeights": alias.weights}
    return result
