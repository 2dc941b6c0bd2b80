"""What a function is set to besides its code and its limits: network, files, traces, logs, where failures go.

One struct, because all of it is handled in one way: a request changes what it names, and a version keeps the rest.
Who acts on a setting reads it from `Configuration.settings`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pilvi.base.arn import Arn
from pilvi.services.lambda_ import errors
from pilvi.services.lambda_.wire import FileSystemConfig, FunctionConfiguration, LoggingConfig

PASS_THROUGH = "PassThrough"
PUBLISHED_VERSIONS = "PublishedVersions"

SNAP_START_RUNTIMES = frozenset(
    (
        *("java11", "java17", "java21", "java25", "python3.12", "python3.13", "python3.14"),
        *("dotnet8", "dotnet10"),
    )
)
"""AWS: Lambda Developer Guide, "Improving startup performance with Lambda SnapStart"."""

_LEVEL = "INFO"


class Vpc(msgspec.Struct, frozen=True):
    """The network that a function asked for. Both lists are empty once it was taken off."""

    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    dual_stack: bool = False


class FileSystem(msgspec.Struct, frozen=True):
    arn: str
    mount_path: str


class Settings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`log_format`: "Text" or "JSON"; of JSON only, the least level of lines that are written. `tracing`: "Active" or
    "PassThrough". `snap_start`: "None" or "PublishedVersions". `kms_key`: that which the environment is under; None:
    one of the house. `vpc`: None where none was ever asked for.
    """

    tracing: str = PASS_THROUGH
    dead_letter_arn: str | None = None
    log_format: str = "Text"
    application_log_level: str | None = None
    system_log_level: str | None = None
    snap_start: str = "None"
    kms_key: str | None = None
    vpc: Vpc | None = None
    file_systems: tuple[FileSystem, ...] = ()


def changed(old: Settings, req: Mapping[str, Any], *, runtime: str) -> Settings:
    """The settings with what a request sets. Raises: InvalidParameterValueException."""
    logging = _logging(old, req.get("LoggingConfig", {}))
    snap_start = req.get("SnapStart", {}).get("ApplyOn", old.snap_start)
    if snap_start == PUBLISHED_VERSIONS and runtime not in SNAP_START_RUNTIMES:
        raise errors.InvalidParameterValueException(
            detail=f"{runtime} is not supported for SnapStart enabled functions."
        )
    return msgspec.structs.replace(
        old,
        **logging,
        tracing=req.get("TracingConfig", {}).get("Mode", old.tracing),
        dead_letter_arn=_dead_letter(old, req),
        snap_start=snap_start,
        kms_key=(req.get("KMSKeyArn") or None) if "KMSKeyArn" in req else old.kms_key,
        vpc=_vpc(old.vpc, req["VpcConfig"]) if "VpcConfig" in req else old.vpc,
        file_systems=_file_systems(old, req),
    )


def _logging(old: Settings, req: Mapping[str, Any]) -> dict[str, Any]:
    """Raises: InvalidParameterValueException for levels of plain text, which has none."""
    log_format = req.get("LogFormat", old.log_format)
    levels = req.get("ApplicationLogLevel"), req.get("SystemLogLevel")
    if log_format != "JSON":
        if any(levels):
            raise errors.InvalidParameterValueException(
                detail='LogLevel is not supported when LogFormat is set to "Text". Remove LogLevel'
                ' from your request or change the LogFormat to "Json" and try again.'
            )
        return {
            "log_format": log_format,
            "application_log_level": None,
            "system_log_level": None,
        }
    return {
        "log_format": log_format,
        "application_log_level": levels[0] or old.application_log_level or _LEVEL,
        "system_log_level": levels[1] or old.system_log_level or _LEVEL,
    }


def _dead_letter(old: Settings, req: Mapping[str, Any]) -> str | None:
    """Raises: InvalidParameterValueException for what is neither a queue nor a topic."""
    if "TargetArn" not in req.get("DeadLetterConfig", {}):  # an empty one changes nothing: recorded
        return old.dead_letter_arn
    target = req["DeadLetterConfig"].get("TargetArn") or None
    if target is None:
        return None
    try:
        service = Arn.parse(target).service
    except ValueError:
        service = ""
    if service not in ("sqs", "sns"):
        raise errors.InvalidParameterValueException(
            detail=f"The provided target ARN is invalid: {target}."
            " A dead-letter target is an SQS queue or an SNS topic."
        )
    return target


def _vpc(old: Vpc | None, req: Mapping[str, Any]) -> Vpc:
    """Raises: InvalidParameterValueException for subnets without security groups, or the other way round."""
    old = old or Vpc()
    subnets = tuple(req.get("SubnetIds", old.subnets))
    groups = tuple(req.get("SecurityGroupIds", old.security_groups))
    if bool(subnets) != bool(groups):
        raise errors.InvalidParameterValueException(
            detail="SubnetIds and SecurityIds must coexist or be both empty list."
        )
    return Vpc(subnets, groups, req.get("Ipv6AllowedForDualStack", False))


def _file_systems(old: Settings, req: Mapping[str, Any]) -> tuple[FileSystem, ...]:
    if "FileSystemConfigs" not in req:
        return old.file_systems
    return tuple(FileSystem(one["Arn"], one["LocalMountPath"]) for one in req["FileSystemConfigs"])


def describe(
    settings: Settings, result: FunctionConfiguration, *, log_group: str, version: str
) -> None:
    """Tell the settings in `result`."""
    result["TracingConfig"] = {"Mode": settings.tracing}
    snapped = settings.snap_start == PUBLISHED_VERSIONS and version.isdecimal()
    result["SnapStart"] = {
        "ApplyOn": settings.snap_start,
        "OptimizationStatus": "On" if snapped else "Off",
    }
    logging: LoggingConfig = {"LogFormat": settings.log_format, "LogGroup": log_group}
    if settings.application_log_level is not None:
        logging["ApplicationLogLevel"] = settings.application_log_level
    if settings.system_log_level is not None:
        logging["SystemLogLevel"] = settings.system_log_level
    result["LoggingConfig"] = logging
    if settings.dead_letter_arn is not None:
        result["DeadLetterConfig"] = {"TargetArn": settings.dead_letter_arn}
    if settings.kms_key is not None:
        result["KMSKeyArn"] = settings.kms_key
    if settings.vpc is not None:
        result["VpcConfig"] = {
            "SubnetIds": list(settings.vpc.subnets),
            "SecurityGroupIds": list(settings.vpc.security_groups),
            "VpcId": "",
            "Ipv6AllowedForDualStack": settings.vpc.dual_stack,
        }
    if settings.file_systems:
        mounts: list[FileSystemConfig] = [
            {"Arn": one.arn, "LocalMountPath": one.mount_path} for one in settings.file_systems
        ]
        result["FileSystemConfigs"] = mounts
