"""When a function gets new versions of its runtime.

This host has one version of each runtime, what is installed beside the server; so the setting is kept, and told.
"""

from __future__ import annotations

import msgspec

from pilvi.kit.call import Call
from pilvi.services.lambda_ import access, describing, errors, records
from pilvi.services.lambda_.names import LATEST, FunctionName
from pilvi.services.lambda_.service import lambda_
from pilvi.services.lambda_.wire import (
    GetRuntimeManagementConfigRequest,
    GetRuntimeManagementConfigResponse,
    PutRuntimeManagementConfigRequest,
    PutRuntimeManagementConfigResponse,
)
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection

AUTO, MANUAL = "Auto", "Manual"


class RuntimeManagement(msgspec.Struct, frozen=True):
    """Of one version. `version_arn`: of MANUAL only, that of the runtime."""

    qualifier: str
    update_on: str = AUTO
    version_arn: str | None = None


managements = Collection(
    "lambda.runtime-management", RuntimeManagement, key=lambda one: (one.qualifier,)
)


@lambda_.write("PutRuntimeManagementConfig")
def put_runtime_management_config(
    call: Call, tx: Transaction, req: PutRuntimeManagementConfigRequest
) -> PutRuntimeManagementConfigResponse:
    """Raises: ResourceNotFoundException, InvalidParameterValueException (an alias; a runtime version where it is not
    asked for, that is missing, or that this host has not).

    AWS: PutRuntimeManagementConfig; Lambda Developer Guide, "Understanding how Lambda manages runtime version updates".
    """
    name = _version(call, req["FunctionName"], req.get("Qualifier"))
    configuration = records.resolve(tx, name).configuration
    update_on, asked = req["UpdateRuntimeOn"], req.get("RuntimeVersionArn")
    if (update_on == MANUAL) != (asked is not None):
        raise errors.InvalidParameterValueException(
            detail="RuntimeVersionArn is required if UpdateRuntimeOn is Manual, and only then."
        )
    if asked not in (None, describing.runtime_version_arn(name.scope, configuration.runtime)):
        raise errors.InvalidParameterValueException(
            detail=f"The runtime version {asked} is not available for {configuration.runtime}."
        )
    management = RuntimeManagement(name.qualifier or LATEST, update_on, asked)
    managements.put(tx, records.function_home(name.scope, name.name), management)
    result: PutRuntimeManagementConfigResponse = {
        "UpdateRuntimeOn": update_on,
        "FunctionArn": name.asked_arn,
    }
    if asked is not None:
        result["RuntimeVersionArn"] = asked
    return result


@lambda_.read("GetRuntimeManagementConfig")
def get_runtime_management_config(
    call: Call, at: Snapshot, req: GetRuntimeManagementConfigRequest
) -> GetRuntimeManagementConfigResponse:
    """Raises: ResourceNotFoundException, InvalidParameterValueException (an alias).

    AWS: GetRuntimeManagementConfig.
    """
    name = _version(call, req["FunctionName"], req.get("Qualifier"))
    records.resolve(at, name)
    qualifier = name.qualifier or LATEST
    home = records.function_home(name.scope, name.name)
    found = managements.find(at, home, qualifier) or RuntimeManagement(qualifier)
    result: GetRuntimeManagementConfigResponse = {
        "UpdateRuntimeOn": found.update_on,
        "FunctionArn": name.asked_arn,
    }
    if found.version_arn is not None:
        result["RuntimeVersionArn"] = found.version_arn
    return result


def _version(call: Call, text: str, qualifier: str | None) -> FunctionName:
    name = access.function_named(call, text, qualifier)
    asked = name.qualifier
    if asked is not None and asked != LATEST and not asked.isdecimal():
        raise errors.InvalidParameterValueException(
            detail="Runtime management is of versions and $LATEST. Aliases do not support it."
        )
    return name
