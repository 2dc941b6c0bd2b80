"""What Lambda decides about functions: pure functions of requests and records; no store, no clock."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import orjson

from pilvi.base.arn import Arn, Scope
from pilvi.base.errors import NotBuilt, ValidationException
from pilvi.kit import paging
from pilvi.services.lambda_ import errors, limits, payloads, settings
from pilvi.services.lambda_.names import parse_layer
from pilvi.services.lambda_.records import Configuration, LayerUse, Package
from pilvi.store.keys import Key

RUNTIMES = (
    *("nodejs16.x", "nodejs18.x", "nodejs20.x", "nodejs22.x", "nodejs24.x"),
    *("java8.al2", "java11", "java17", "java21", "java25"),
    *("python3.8", "python3.9", "python3.10", "python3.11", "python3.12", "python3.13"),
    *("python3.14", "ruby3.2", "ruby3.3", "ruby3.4", "ruby4.0", "provided.al2", "provided.al2023"),
)
"""Those that pilvi runs, on a host that has them or their like; of one that has not, the function's log says so."""

AWS_RUNTIMES = (
    *("nodejs20.x", "python3.14", "provided.al2023", "python3.12", "python3.13", "nodejs24.x"),
    *("nodejs22.x", "java25", "python3.10", "python3.11", "java21", "ruby3.3", "ruby3.4"),
    *("ruby3.2", "python3.8", "python3.9", "java17", "nodejs16.x", "dotnet10", "dotnet8"),
    *("java11", "dotnet6", "nodejs18.x", "provided.al2", "java8.al2"),
)
"""Those of AWS, in the order of its error; what pilvi does not run of them is refused by name."""

DEPRECATED_RUNTIMES = (
    *("nodejs", "nodejs4.3", "nodejs4.3-edge", "nodejs6.10", "nodejs8.10", "nodejs10.x"),
    *("nodejs12.x", "nodejs14.x", "python2.7", "python3.6", "python3.7", "java8", "go1.x"),
    *("dotnetcore1.0", "dotnetcore2.0", "dotnetcore2.1", "dotnetcore3.1", "ruby2.5", "ruby2.7"),
    "provided",
)
"""Those that AWS itself refuses for new functions."""

RESERVED_VARIABLES = frozenset(
    (
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    )
)

_MISSING = (
    "Runtime and Handler are mandatory parameters for functions created with deployment packages."
)


# --- a configuration from a request


def new_configuration(
    req: Mapping[str, Any],
    package: Package,
    layers: tuple[LayerUse, ...],
    *,
    name: str,
    now_ms: int,
    revision_id: str,
) -> Configuration:
    """Raises: InvalidParameterValueException, ValidationException, NotBuilt."""
    runtime, handler = req.get("Runtime"), req.get("Handler")
    if not runtime or not handler:
        raise errors.InvalidParameterValueException(detail=_MISSING)
    blank = Configuration(
        runtime=runtime,
        handler=handler,
        role=req["Role"],
        package=package,
        log_group=f"/aws/lambda/{name}",
        modified_ms=now_ms,
        revision_id=revision_id,
    )
    architectures = req.get("Architectures", ["x86_64"])
    configured = configure(blank, req, layers, now_ms=now_ms, revision_id=revision_id)
    return msgspec.structs.replace(configured, architecture=architectures[0])


def configure(
    old: Configuration,
    req: Mapping[str, Any],
    layers: tuple[LayerUse, ...] | None,
    *,
    now_ms: int,
    revision_id: str,
) -> Configuration:
    """The configuration with what the request sets; `layers`: None keeps those it has.

    Raises: InvalidParameterValueException, ValidationException, NotBuilt.
    """
    refuse_unbuilt(req)
    runtime = req.get("Runtime", old.runtime)
    check_runtime(runtime)
    environment = old.environment
    if "Environment" in req:
        environment = check_environment(dict(req["Environment"].get("Variables", {}).items()))
    return msgspec.structs.replace(
        old,
        description=req.get("Description", old.description),
        runtime=runtime,
        handler=req.get("Handler", old.handler),
        role=req.get("Role", old.role),
        timeout_s=_bounded(req, "Timeout", old.timeout_s, limits.TIMEOUT_S_MAX),
        memory_mb=_bounded(req, "MemorySize", old.memory_mb, limits.MEMORY_MB_MAX),
        tmp_mb=_bounded(req.get("EphemeralStorage", {}), "Size", old.tmp_mb, limits.TMP_MB_MAX),
        environment=environment,
        layers=old.layers if layers is None else layers,
        log_group=req.get("LoggingConfig", {}).get("LogGroup", old.log_group),
        settings=settings.changed(old.settings, req, runtime=runtime),
        modified_ms=now_ms,
        revision_id=revision_id,
    )


def refuse_unbuilt(req: Mapping[str, Any]) -> None:
    """Refuse by name what is asked for and has no effect here; what asks for nothing is fine.

    Raises: NotBuilt.
    """
    if req.get("PackageType", "Zip") != "Zip" or req.get("ImageConfig"):
        raise NotBuilt(what="functions from container images")
    for member, what in _UNBUILT.items():
        if req.get(member):
            raise NotBuilt(what=what)


_UNBUILT = {
    "TenancyConfig": "functions with tenants",
    "CapacityProviderConfig": "functions on capacity providers",
    "DurableConfig": "durable functions",
    "RuntimeConfig": "runtimes of one's own",
    "AcceleratorConfig": "functions with accelerators",
    "PublishTo": "versions that are published as LATEST_PUBLISHED",
}


def check_runtime(runtime: str) -> None:
    """Raises: InvalidParameterValueException, NotBuilt."""
    if runtime in RUNTIMES:
        return
    if runtime in AWS_RUNTIMES:
        raise NotBuilt(what=f"functions of the runtime {runtime}")
    if runtime in DEPRECATED_RUNTIMES:
        raise errors.InvalidParameterValueException(
            detail=f"The runtime parameter of {runtime} is no longer supported for creating or"
            " updating AWS Lambda functions. We recommend you use a supported runtime while"
            " creating or updating functions."
        )
    raise errors.InvalidParameterValueException(
        detail=f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy"
        f" enum value set: [{', '.join(AWS_RUNTIMES)}] or be a valid ARN"
    )


def check_role(scope: Scope, role: str) -> None:
    """A function acts in its own account only, by a role under its one name: that under which it was passed.

    Raises: CrossAccountRole; InvalidParameterValueException for a role of another partition.
    """
    try:
        arn = Arn.parse(role)
    except ValueError:
        raise errors.InvalidParameterValueException(detail=errors.NOT_ASSUMABLE) from None
    if arn.account != scope.account:
        raise errors.CrossAccountRole()
    if arn.partition != scope.partition:
        raise errors.InvalidParameterValueException(detail=errors.NOT_ASSUMABLE)


def check_environment(variables: dict[str, str]) -> dict[str, str]:
    """Raises: InvalidParameterValueException for reserved names and more than 4 KB."""
    reserved = sorted(RESERVED_VARIABLES & variables.keys())
    if reserved:
        raise errors.InvalidParameterValueException(
            detail="Lambda was unable to configure your environment variables because the"
            " environment variables you have provided contains reserved keys that are currently"
            " not supported for modification. Reserved keys used in this request: "
            + ", ".join(reserved)
        )
    measured = orjson.dumps(variables)
    if len(measured) > limits.ENVIRONMENT_BYTES_MAX:
        raise errors.InvalidParameterValueException(
            detail="Lambda was unable to configure your environment variables because the"
            " environment variables you have provided exceeded the 4KB limit."
            f" String measured: {measured.decode()}"
        )
    return variables


def _bounded(req: Mapping[str, Any], member: str, old: int, most: int) -> int:
    """The model allows more than functions of this kind may have: the classic limits hold.

    Raises: ValidationException.
    """
    value = int(req.get(member, old))
    if value > most:
        place = "ephemeralStorage.size" if member == "Size" else member[0].lower() + member[1:]
        raise ValidationException(
            detail=f"1 validation error detected: Value '{value}' at '{place}' failed to satisfy"
            f" constraint: Member must have value less than or equal to {most}"
        )
    return value


def check_layer_arns(scope: Scope, arns: Sequence[str]) -> None:
    """Raises: InvalidParameterValueException for more than five, or two of one layer."""
    if len(arns) > limits.LAYERS_MAX:
        raise errors.InvalidParameterValueException(
            detail=f"Cannot reference more than {limits.LAYERS_MAX} layers."
        )
    seen: dict[str, str] = {}
    for arn in arns:
        layer = parse_layer(scope, arn).arn
        if layer in seen:
            raise errors.InvalidParameterValueException(
                detail="Two different versions of the same layer are not allowed to be referenced"
                f" in the same function. {seen[layer]} and {arn} are versions of the same layer."
            )
        seen[layer] = arn


def check_unzipped(configuration: Configuration) -> None:
    """Code and layers share one limit. Raises: InvalidParameterValueException."""
    if not configuration.layers:
        return
    packages = (configuration.package, *(use.package for use in configuration.layers))
    size = sum(one.unzipped_bytes for one in packages)
    if size > limits.UNZIPPED_BYTES_MAX:
        raise errors.InvalidParameterValueException(
            detail="Function code combined with layers exceeds the maximum allowed size of"
            f" {limits.UNZIPPED_BYTES_MAX} bytes. The actual size is {size} bytes."
        )


def check_revision(asked: str | None, configuration: Configuration) -> None:
    """Raises: PreconditionFailedException."""
    if asked is not None and asked != configuration.revision_id:
        raise errors.PreconditionFailedException(operation="GetFunction/GetAlias")


# --- other requests


def iso_time(at_ms: int) -> str:
    """2026-01-31T12:00:00.000+0000"""
    return (
        f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at_ms // 1000))}.{at_ms % 1000:03d}+0000"
    )


def check_payload(payload: bytes, size_max: int) -> bytes:
    """The payload as the function gets it: `{}` when there was none.

    Raises: RequestTooLargeException, InvalidRequestContentException.
    """
    if len(payload) > size_max:
        raise errors.RequestTooLargeException(size_max=size_max, operation="InvokeFunction")
    if not payload:
        return b"{}"
    try:
        orjson.loads(payload)
    except orjson.JSONDecodeError:
        raise errors.InvalidRequestContentException(detail=payloads.complaint(payload)) from None
    return payload


def check_tags(tags: Mapping[str, str]) -> None:
    """Raises: InvalidParameterValueException for too many, and for keys that only AWS may give."""
    if any(key.lower().startswith("aws:") for key in tags):
        raise errors.InvalidParameterValueException(
            detail="System tags cannot be added/updated by requester"
        )
    if len(tags) > limits.TAGS_MAX:
        raise errors.InvalidParameterValueException(
            detail="Number of tags exceeds resource tag limit."
        )


def key_of_marker(marker: str | None) -> Key | None:
    """Raises: InvalidParameterValueException for a marker that paging did not make."""
    if marker is None:
        return None
    try:
        return paging.key_of(marker)
    except (ValueError, IndexError):
        raise errors.InvalidParameterValueException(detail="Invalid marker.") from None
