"""The environment variables that a runtime gives a function, as they were recorded on AWS.

AWS: Lambda Developer Guide, "Working with Lambda environment variables", defined runtime variables.
"""

from __future__ import annotations

from pilvi.base.arn import Arn
from pilvi.compute.api import EnvironmentSpec
from pilvi.compute.command import Places
from pilvi.compute.runtimes import Resolved


def all_variables(
    spec: EnvironmentSpec,
    resolved: Resolved,
    places: Places,
    *,
    runtime_api: str,
    daemon_host: str,
    endpoint_url: str | None,
) -> dict[str, str]:
    """What the function sees. Its own variables win over those that AWS does not reserve.

    `runtime_api`: host:port of the Runtime API as seen from inside. `endpoint_url`: where it finds pilvi.
    """
    region = Arn.parse(spec.function_arn).region
    task, runtime, layers, language = places.task, places.runtime, places.layers, places.language
    unreserved = {
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PATH": f"{language}/bin:/usr/local/bin:/usr/bin/:/bin:{layers}/bin",
        "LD_LIBRARY_PATH": (
            f"{language}/lib:/lib64:/usr/lib64:{runtime}:{runtime}/lib:{task}:{task}/lib:{layers}/lib"
        ),
    }
    if endpoint_url is not None:
        unreserved["AWS_ENDPOINT_URL"] = endpoint_url
    if resolved.family != "provided":
        unreserved |= {"SHLVL": "0", "PWD": task}
    if resolved.family == "python":
        unreserved["PYTHONPATH"] = runtime
        if _minor(spec.runtime) >= 12:
            unreserved["LC_CTYPE"] = "C.UTF-8"
    if resolved.family == "nodejs":
        major = spec.runtime.removeprefix("nodejs").partition(".")[0]
        unreserved["NODE_PATH"] = (
            f"{layers}/nodejs/node{major}/node_modules:{layers}/nodejs/node_modules:"
            f"{runtime}/node_modules:{runtime}:{task}"
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
        "LAMBDA_RUNTIME_DIR": runtime,
        "LAMBDA_TASK_ROOT": task,
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
