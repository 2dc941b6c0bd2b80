"""Functions and their versions as Lambda describes them to callers."""

from __future__ import annotations

from pilvi.base.arn import Scope
from pilvi.compute import report
from pilvi.services.lambda_ import rules, settings
from pilvi.services.lambda_.names import function_arn
from pilvi.services.lambda_.records import Configuration, Function
from pilvi.services.lambda_.wire import FunctionConfiguration


def described(
    scope: Scope, function: Function, configuration: Configuration
) -> FunctionConfiguration:
    """As ListFunctions gives it: without the states and the version of the runtime."""
    result: FunctionConfiguration = {
        "FunctionName": function.name,
        "FunctionArn": function_arn(scope, function.name),
        "Runtime": configuration.runtime,
        "Role": configuration.role,
        "Handler": configuration.handler,
        "CodeSize": configuration.package.size_bytes,
        "CodeSha256": configuration.package.sha256,
        "Description": configuration.description,
        "Timeout": configuration.timeout_s,
        "MemorySize": configuration.memory_mb,
        "LastModified": rules.iso_time(configuration.modified_ms),
        "Version": configuration.version,
        "RevisionId": configuration.revision_id,
        "PackageType": "Zip",
        "Architectures": [configuration.architecture],
        "EphemeralStorage": {"Size": configuration.tmp_mb},
    }
    settings.describe(
        configuration.settings,
        result,
        log_group=configuration.log_group,
        version=configuration.version,
    )
    if configuration.environment is not None:
        result["Environment"] = {"Variables": configuration.environment}
    if configuration.layers:
        result["Layers"] = [
            {"Arn": layer.arn, "CodeSize": layer.package.size_bytes}
            for layer in configuration.layers
        ]
    return result


def described_whole(
    scope: Scope, function: Function, configuration: Configuration
) -> FunctionConfiguration:
    """With what lists leave out; still without the states."""
    result = described(scope, function, configuration)
    arn = runtime_version_arn(scope, configuration.runtime)
    result["RuntimeVersionConfig"] = {"RuntimeVersionArn": arn}
    return result


def runtime_version_arn(scope: Scope, runtime: str) -> str:
    return report.runtime_version_arn(runtime, scope.partition, scope.region)


def described_active(
    scope: Scope, function: Function, configuration: Configuration
) -> FunctionConfiguration:
    """As GetFunction gives it: everything that was begun is done."""
    result = described_whole(scope, function, configuration)
    result["State"] = "Active"
    result["LastUpdateStatus"] = "Successful"
    return result


def described_version(
    scope: Scope, function: Function, configuration: Configuration
) -> FunctionConfiguration:
    """As PublishVersion answers: with the version in the ARN."""
    result = described_active(scope, function, configuration)
    result["FunctionArn"] = f"{function_arn(scope, function.name)}:{configuration.version}"
    return result


def described_pending(
    scope: Scope, function: Function, configuration: Configuration, *, revision_id: str
) -> FunctionConfiguration:
    """As CreateFunction answers. On AWS the function then becomes Active, under another revision id."""
    result = described_whole(scope, function, configuration)
    result["State"] = "Pending"
    result["StateReason"] = "The function is being created."
    result["StateReasonCode"] = "Creating"
    result["RevisionId"] = revision_id
    return result


def described_publishing(
    scope: Scope, function: Function, configuration: Configuration
) -> FunctionConfiguration:
    """As UpdateFunctionCode answers when it publishes: of a version that is yet to begin."""
    result = described_pending(
        scope, function, configuration, revision_id=configuration.revision_id
    )
    result["FunctionArn"] = f"{function_arn(scope, function.name)}:{configuration.version}"
    return result


def described_updating(
    scope: Scope, function: Function, configuration: Configuration, *, revision_id: str
) -> FunctionConfiguration:
    """As the updates answer."""
    result = described_whole(scope, function, configuration)
    result["State"] = "Active"
    result["LastUpdateStatus"] = "InProgress"
    result["LastUpdateStatusReason"] = "The function is being created."
    result["LastUpdateStatusReasonCode"] = "Creating"
    result["RevisionId"] = revision_id
    return result
