"""An account's limits and what it uses of them."""

from __future__ import annotations

from pilvi.kit.call import Call
from pilvi.services.lambda_ import limits, records
from pilvi.services.lambda_.service import lambda_
from pilvi.services.lambda_.wire import GetAccountSettingsResponse
from pilvi.store.api import Snapshot


@lambda_.read("GetAccountSettings")
def get_account_settings(call: Call, at: Snapshot, req: object) -> GetAccountSettingsResponse:
    """AWS: GetAccountSettings."""
    count = size = reserved = 0
    for function in records.functions.scan(at, records.home(call.scope)):
        count += 1
        size += function.latest.package.size_bytes
        reserved += function.taken
        home = records.function_home(call.scope, function.name)
        size += sum(one.package.size_bytes for one in records.versions.scan(at, home))
    for layer in records.layers.scan(at, records.home(call.scope)):
        home = records.layer_home(call.scope, layer.name)
        for version in records.layer_versions.scan(at, home):
            size += version.package.size_bytes
    return {
        "AccountLimit": {
            "TotalCodeSize": limits.CODE_BYTES_MAX,
            "CodeSizeUnzipped": limits.UNZIPPED_BYTES_MAX,
            "CodeSizeZipped": limits.ZIPPED_BYTES_MAX,
            "ConcurrentExecutions": limits.CONCURRENCY,
            "UnreservedConcurrentExecutions": limits.CONCURRENCY - reserved,
        },
        "AccountUsage": {"TotalCodeSize": size, "FunctionCount": count},
    }
