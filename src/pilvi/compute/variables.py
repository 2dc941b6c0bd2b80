"""The environment variables that a runtime gives a function, as they were recorded on AWS.

AWS: Lambda Developer Guide, "Working with Lambda environment variables", defined runtime variables.
"""

from __future__ import annotations

from pilvi.base.arn import Arn
from pilvi.compute import snapshots
from pilvi.compute.api import EnvironmentSpec
from pilvi.compute.command import Places
from pilvi.compute.runtimes import Resolved

_LANGUAGE_TIMES = {"python": 1, "nodejs": 1, "java": 1, "ruby": 2}
"""How often /var/lang was recorded in PATH and LD_LIBRARY_PATH; of `provided` only al2 does not have it."""


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
        "PATH": f"/usr/local/bin:/usr/bin/:/bin:{layers}/bin",
        "LD_LIBRARY_PATH": (
            f"/lib64:/usr/lib64:{runtime}:{runtime}/lib:{task}:{task}/lib:{layers}/lib"
        ),
        **_of_language(spec, resolved, places),
    }
    for _ in range(_LANGUAGE_TIMES.get(resolved.family, int(spec.runtime != "provided.al2"))):
        unreserved["PATH"] = f"{language}/bin:{unreserved['PATH']}"
        unreserved["LD_LIBRARY_PATH"] = f"{language}/lib:{unreserved['LD_LIBRARY_PATH']}"
    if endpoint_url is not None:
        unreserved["AWS_ENDPOINT_URL"] = endpoint_url
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
    if spec.log_format == "JSON":
        reserved["AWS_LAMBDA_LOG_FORMAT"] = spec.log_format
        reserved["AWS_LAMBDA_LOG_LEVEL"] = spec.application_log_level
    if resolved.family != "provided":
        reserved["AWS_EXECUTION_ENV"] = f"AWS_Lambda_{spec.runtime}"
    region_variables = {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
    made = unreserved | region_variables | spec.environment | reserved
    if spec.initialization_type == snapshots.SNAP_START:
        return snapshots.variables(spec, made, runtime_api=runtime_api)
    return made


def _of_language(spec: EnvironmentSpec, resolved: Resolved, places: Places) -> dict[str, str]:
    """What the runtimes of one language have besides."""
    task, runtime, layers = places.task, places.runtime, places.layers
    in_shell = {"SHLVL": "0", "PWD": task}
    match resolved.family:
        case "python":
            in_shell["PYTHONPATH"] = runtime
            if _minor(spec.runtime) >= 12:
                in_shell["LC_CTYPE"] = "C.UTF-8"
            return in_shell
        case "nodejs":
            major = spec.runtime.removeprefix("nodejs").partition(".")[0]
            in_shell["NODE_PATH"] = (
                f"{layers}/nodejs/node{major}/node_modules:{layers}/nodejs/node_modules:"
                f"{runtime}/node_modules:{runtime}:{task}"
            )
            return in_shell
        case "ruby":
            version = f"{spec.runtime.removeprefix('ruby')}.0"
            in_shell["GEM_HOME"] = runtime
            in_shell["GEM_PATH"] = (
                f"{task}/vendor/bundle/ruby/{version}:{layers}/ruby/gems/{version}:"
                f"{runtime}:{runtime}/ruby/{version}"
            )
            clients = resolved.interpreter.libraries if resolved.interpreter is not None else ()
            found = [f"{runtime}/gems/{client.name}/lib" for client in clients]
            in_shell["RUBYLIB"] = ":".join([*found, task, f"{runtime}/lib", f"{layers}/ruby/lib"])
            return in_shell
        case "java" if spec.runtime in ("java8.al2", "java11"):
            keys = {
                "AWS_ACCESS_KEY": "AWS_ACCESS_KEY_ID",
                "AWS_SECRET_KEY": "AWS_SECRET_ACCESS_KEY",
            }
            given = spec.environment
            return {old: given[name] for old, name in keys.items() if name in given}
        case _:
            return {}


def _minor(runtime: str) -> int:
    return int(runtime.rpartition(".")[2])
