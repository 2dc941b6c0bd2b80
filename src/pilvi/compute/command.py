"""What is executed for a function, and where it finds its files."""

from __future__ import annotations

from pathlib import Path

import msgspec

from pilvi.compute import mistakes
from pilvi.compute.api import EnvironmentSpec, InvalidEntrypoint
from pilvi.compute.runtimes import Interpreter, Resolved


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """Directories as the function sees them; as they are, those of AWS."""

    task: str = "/var/task"
    layers: str = "/opt"
    runtime: str = "/var/runtime"
    language: str = "/var/lang"


def entrypoint(spec: EnvironmentSpec, places: Places) -> list[str]:
    """Of a function that brings its own runtime: the program `bootstrap` of the package or of a layer.

    Raises: InvalidEntrypoint.
    """
    inside = ((places.task, spec.code_dir), *((places.layers, layer) for layer in spec.layer_dirs))
    for place, directory in inside:
        if (directory / "bootstrap").is_file():
            return [f"{place}/bootstrap"]
    tried = " ".join(f"{place}/bootstrap" for place in (places.task, places.layers))
    raise InvalidEntrypoint(f"Couldn't find valid bootstrap(s): [{tried}]")


def wrapped(spec: EnvironmentSpec, arguments: list[str]) -> list[str]:
    """AWS: Lambda Developer Guide, "Modifying the runtime environment", wrapper scripts."""
    wrapper = spec.environment.get("AWS_LAMBDA_EXEC_WRAPPER")
    return [wrapper, *arguments] if wrapper else arguments


def python_command(spec: EnvironmentSpec, places: Places, program: str) -> list[str]:
    return wrapped(spec, [program, "-s", f"{places.runtime}/bootstrap.py", spec.handler])


def node_command(spec: EnvironmentSpec, places: Places, program: str) -> list[str]:
    heap_mb = max(32, spec.memory_mb * 9 // 10)
    options = [f"--max-old-space-size={heap_mb}", f"{places.runtime}/bootstrap.mjs"]
    return wrapped(spec, [program, *options])


JAVA_MAIN = "com.amazonaws.services.lambda.runtime.api.client.AWSLambda"


def java_command(spec: EnvironmentSpec, program: str, libraries: str) -> list[str]:
    """AWS's runtime client loads the function's classes itself, from LAMBDA_TASK_ROOT and the layers.

    `libraries`: the class path of the client. The collector and the compiler are those of AWS's own runtimes.
    """
    heap_mb = max(32, spec.memory_mb * 17 // 20)
    options = [
        *(f"-Xmx{heap_mb}m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"),
        *("-XX:-UsePerfData", "-cp", libraries, JAVA_MAIN, spec.handler),
    ]
    return wrapped(spec, [program, *options])


def ruby_command(spec: EnvironmentSpec, places: Places, program: str) -> list[str]:
    """AWS's runtime client is found by RUBYLIB, and the function's name by _HANDLER.

    On AWS UTF-8 is what the locale says; a host may not have that one.
    """
    return wrapped(spec, [program, "-EUTF-8", f"{places.runtime}/bootstrap.rb"])


def label(spec: EnvironmentSpec, interpreter: Interpreter | None) -> str:
    """What INIT_START says that runs."""
    return interpreter.label if interpreter is not None else spec.runtime


def notices(spec: EnvironmentSpec, resolved: Resolved) -> tuple[str, ...]:
    """First lines of an environment's log."""
    warning = (resolved.warning,) if resolved.warning else ()
    return (*warning, *mistakes.notices(spec))


def bound_layers(spec: EnvironmentSpec) -> tuple[Path, ...]:
    """The one directory that several layers were merged into (see `unpacked.py`), or none."""
    assert len(spec.layer_dirs) <= 1, "layers are merged before: Unpacked.merged"
    return spec.layer_dirs
