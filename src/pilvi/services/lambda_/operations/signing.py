"""Code signing: no function has a configuration for it here, which tools like to be told."""

from __future__ import annotations

from pilvi.kit.call import Call
from pilvi.services.lambda_ import access, records
from pilvi.services.lambda_.service import lambda_
from pilvi.services.lambda_.wire import (
    GetFunctionCodeSigningConfigRequest,
    GetFunctionCodeSigningConfigResponse,
)
from pilvi.store.api import Snapshot


@lambda_.read("GetFunctionCodeSigningConfig")
def get_function_code_signing_config(
    call: Call, at: Snapshot, req: GetFunctionCodeSigningConfigRequest
) -> GetFunctionCodeSigningConfigResponse:
    """Raises: ResourceNotFoundException. AWS: GetFunctionCodeSigningConfig."""
    name = access.function_named(call, req["FunctionName"])
    function = records.get_function(at, name)
    return {"CodeSigningConfigArn": "", "FunctionName": function.name}
