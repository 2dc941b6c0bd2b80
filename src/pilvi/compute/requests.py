"""What a sandbox of namespaces is asked to become: the requests that `launcher/sandbox.py` reads.

Everything in them is decided here, by the server; what is inside only does as it is told.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from pilvi.compute import cgroups, command, debugger, snapshots
from pilvi.compute.api import EnvironmentSpec
from pilvi.compute.command import Places
from pilvi.compute.companions import add_extensions
from pilvi.compute.plan import ADDRESS, DEVICES, JAVA, NODE, RUBY
from pilvi.compute.runtimes import Resolved
from pilvi.compute.variables import all_variables
from pilvi.contracts.platform import Platform

_RUNTIME_API_PORT = 9001

_NAMES_PORT = 53
_FIRST_HOST_USER = 1_879_048_192
"""As root, every sandbox is another user of the host, from a range that nobody is given."""
_HOST_USERS = 65536
_PROCESSES_MAX = 742
_UNLIMITED = -1
_DATA_SLACK_MB = 512
"""RLIMIT_DATA also counts stacks of threads; the watch on memory is what holds a function to its size."""
INSIDE = Places()
EXTENSIONS = f"{INSIDE.layers}/extensions"


class Requests:
    def __init__(
        self, platform: Platform | None, *, root: bool, landlock: int, shares_processors: bool
    ) -> None:
        """`root`: each sandbox may be a user of the host of its own. `landlock`: the kernel's ABI, or 0.

        `shares_processors`: control groups do; else priorities must.
        """
        self._platform = platform
        self._root = root
        self._landlock = landlock
        self._shares_processors = shares_processors
        self._last_capability = int(Path("/proc/sys/kernel/cap_last_cap").read_text())

    def whole(
        self, spec: EnvironmentSpec, resolved: Resolved, arguments: list[str], *, number: int
    ) -> dict[str, Any]:
        """What `launcher.sandbox` makes; `number`: of the sandbox; `limit` adds to it."""
        limits = {
            "RLIMIT_NOFILE": (1024, 1024),
            "RLIMIT_NPROC": (_PROCESSES_MAX, _PROCESSES_MAX),
            # Differs: AWS allows 10 GiB, but here a core could go to the host.
            "RLIMIT_CORE": (0, 0),
            "RLIMIT_MEMLOCK": (65536, 65536),
            "RLIMIT_STACK": (8388608, _UNLIMITED),
            "RLIMIT_RTPRIO": (0, 0),
            "RLIMIT_NICE": (0, 0),
        }
        tmp_bytes = spec.tmp_mb * 1024 * 1024
        return {
            "binds": _binds(spec),
            "user": _FIRST_HOST_USER + number % _HOST_USERS if self._root else 0,
            "address": ADDRESS,
            "listeners": self._listeners(spec),
            "tmp_bytes": tmp_bytes,
            "tmp_files": max(1024, tmp_bytes // 4096),
            "limits": limits,
            "last_capability": self._last_capability,
            "landlock": self._landlock,
            "devices": DEVICES,
            "nice": 0 if self._shares_processors else _nice(spec.memory_mb),
            **self._program(spec, resolved, arguments),
        }

    def of_parked(self, spec: EnvironmentSpec, resolved: Resolved) -> dict[str, Any]:
        """For one whose runtime waits to hear whose it is."""
        told = {
            "environment": self._variables(spec, resolved),
            "directory": INSIDE.task,
            "handler": spec.handler,
        }
        return {"binds": _binds(spec), "told": told}

    def again(
        self, spec: EnvironmentSpec, resolved: Resolved, extensions: tuple[str, ...]
    ) -> dict[str, Any]:
        """What runs in a sandbox that begins again."""
        program = self._program(spec, resolved, arguments_of(spec, resolved))
        add_extensions(program, extensions, EXTENSIONS)
        return program

    def _program(
        self, spec: EnvironmentSpec, resolved: Resolved, arguments: list[str]
    ) -> dict[str, Any]:
        """What runs in it."""
        return {
            "framed_log": resolved.family != "provided",
            "arguments": arguments,
            "directory": INSIDE.task,
            "handler": spec.handler,
            "environment": self._variables(spec, resolved),
        }

    def _variables(self, spec: EnvironmentSpec, resolved: Resolved) -> dict[str, str]:
        return all_variables(
            spec,
            resolved,
            INSIDE,
            runtime_api=f"{ADDRESS}:{_RUNTIME_API_PORT}",
            daemon_host=ADDRESS,
            endpoint_url=self._platform.url if self._platform else None,
        )

    def _listeners(self, spec: EnvironmentSpec) -> list[tuple[str, str, int]]:
        # AWS's SDKs ask for credentials on 127.0.0.1 only.
        host = "0.0.0.0" if spec.initialization_type == snapshots.SNAP_START else ADDRESS
        listeners = [("tcp", host, _RUNTIME_API_PORT), ("udp", ADDRESS, _NAMES_PORT)]
        if self._platform is not None:
            port = self._platform.port
            listeners += [("tcp", "127.0.0.1", port), ("tcp", ADDRESS, port)]
        if spec.debugger is not None:
            listeners.append(("tcp", ADDRESS, debugger.PORT))
        return listeners


def limit(request: dict[str, Any], spec: EnvironmentSpec, *, limited: bool) -> None:
    """Add what depends on whether there is a control group (`limited`)."""
    request["memory_held"] = limited
    if not limited:
        data = (spec.memory_mb + _DATA_SLACK_MB) * 1024 * 1024
        request["limits"]["RLIMIT_DATA"] = (data, data)


def arguments_of(spec: EnvironmentSpec, resolved: Resolved) -> list[str]:
    """What is executed inside; nothing for a Python function, which goes on in the zygote.

    Raises: InvalidEntrypoint.
    """
    if resolved.interpreter is None:
        return command.entrypoint(spec, INSIDE)
    if resolved.family == "nodejs":
        return command.node_command(spec, INSIDE, NODE)
    if resolved.family == "java":
        return command.java_command(spec, JAVA, f"{INSIDE.runtime}/lib/*")
    if resolved.family == "ruby":
        return command.ruby_command(spec, INSIDE, RUBY)
    if "AWS_LAMBDA_EXEC_WRAPPER" not in spec.environment:
        return []
    program = f"/var/lang/bin/{resolved.interpreter.executable.name}"
    return command.python_command(spec, INSIDE, program)


def has_host_users() -> bool:
    """Root of a rootless container has only some of the host's users, and then is treated as any other user."""
    for line in Path("/proc/self/uid_map").read_text().splitlines():
        first, _outside, count = map(int, line.split())
        if first <= _FIRST_HOST_USER and first + count >= _FIRST_HOST_USER + _HOST_USERS:
            return True
    return False


def _binds(spec: EnvironmentSpec) -> list[tuple[str, str]]:
    binds = [(spec.code_dir, INSIDE.task)]
    binds += [(directory, INSIDE.layers) for directory in command.bound_layers(spec)]
    return [(str(source.resolve()), target) for source, target in binds]


def _nice(memory_mb: int) -> int:
    """The priority whose share of a processor is that of so much memory: each step is a fifth less than the last."""
    return min(19, max(0, round(math.log(cgroups.PROCESSOR_MB / memory_mb, 1.25))))
