"""The environment variables that a runtime gives a function, as they were recorded on AWS.

AWS: Lambda Developer Guide, "Working with Lambda environment variables", defined runtime variables.
"""

from __future__ import annotations

from pilvi.base.arn import Arn
from pilvi.compute.api import EnvironmentSpec
from pilvi.compute.runtimes import Resolved

_PATH = "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"
_LIBRARIES = (
    "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"
)


def all_variables(
    spec: EnvironmentSpec, resolved: Resolved, *, runtime_api: str, daemon_host: str
) -> dict[str, str]:
    """What the function sees. Its own variables win over those that AWS does not reserve.

    `runtime_api`: host:port of the Runtime API as seen from inside.
    """
    region = Arn.parse(spec.function_arn).region
    unreserved = {"LANG": "en_US.UTF-8", "TZ": ":UTC", "PATH": _PATH, "LD_LIBRARY_PATH": _LIBRARIES}
    if resolved.family != "provided":
        unreserved |= {"SHLVL": "0", "PWD": "/var/task"}
    if resolved.family == "python":
        unreserved["PYTHONPATH"] = "/var/runtime"
        if _minor(spec.runtime) >= 12:
            unreserved["LC_CTYPE"] = "C.UTF-8"
    if resolved.family == "nodejs":
        major = spec.runtime.removeprefix("nodejs").partition(".")[0]
        unreserved["NODE_PATH"] = (
            f"/opt/nodejs/node{major}/node_modules:/opt/nodejs/node_modules:"
            "/var/runtime/node_modules:/var/runtime:/var/task"
        )
    reserved = {
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": spec.function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": spec.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": spec.initialization_type,
        "AWS_LAMBDA_LOG_GROUP_NAME": spec.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": spec.log_stream,
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": f"{daemon_host}:2000",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "LAMBDA_TASK_ROOT": "/var/task",
        "_AWS_XRAY_DAEMON_ADDRESS": daemon_host,
        "_AWS_XRAY_DAEMON_PORT": "2000",
        "_HANDLER": spec.handler,
    }
    if resolved.family != "provided":
        reserved["AWS_EXECUTION_ENV"] = f"AWS_Lambda_{spec.runtime}"
    region_variables = {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
    return unreserved | region_variables | spec.environment | reserved


def _minor(runtime: str) -> int:
    return int(runtime.rpartition(".")[2])
