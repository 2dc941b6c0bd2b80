"""The backend that isolates with Linux's namespaces: pilvi's default. Needs neither Docker nor root.

The sandbox itself is made by `launcher/`; here is the server's half: it asks for it, serves the listeners that
were opened inside it, holds it to its limits, and clears up after it.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any

from pilvi.base.clock import Clock
from pilvi.base.errors import PilviError
from pilvi.compute import cgroups
from pilvi.compute.accounting import ProcessMeter
from pilvi.compute.api import (
    EnvironmentFailed,
    EnvironmentSpec,
    InvalidEntrypoint,
    Probe,
    ServePlatform,
)
from pilvi.compute.capture import Capture
from pilvi.compute.ends import Exit
from pilvi.compute.environment import LiveEnvironment
from pilvi.compute.launchers import ADVICE, Launcher, close_all, receive
from pilvi.compute.plan import BOOTSTRAPS, root_plan
from pilvi.compute.runtime_api import RuntimeApi
from pilvi.compute.runtimes import Resolved, Runtimes
from pilvi.compute.variables import all_variables

ADDRESS = "169.254.100.1"
RUNTIME_API_PORT = 9001

_LISTENING_S_MAX = 10.0
_KILL_S_MAX = 10.0
_FIRST_HOST_USER = 1_879_048_192
"""As root, every sandbox is another user of the host, from a range that nobody is given."""
_HOST_USERS = 65536
_PROCESSES_MAX = 742
_UNLIMITED = -1
_DATA_SLACK_MB = 512
"""RLIMIT_DATA also counts stacks of threads; the watch on memory is what holds a function to its size."""
_PIPE_BYTES = 1024 * 1024


class NamespacesBackend:
    """See `api.Backend`. `run_dir`: a directory of this server alone, for mount points."""

    name = "namespaces"

    def __init__(
        self,
        *,
        run_dir: Path,
        clock: Clock,
        runtimes: Runtimes,
        platform: tuple[int, ServePlatform] | None = None,
        host_names: tuple[str, ...] = (),
        hidden: tuple[Path, ...] = (),
    ) -> None:
        """`platform`: the port at which functions find pilvi, on localhost and on 169.254.100.1, and who serves it.

        `host_names`: further names of localhost inside. `hidden`: directories to mask should they lie below /usr.
        """
        self._mount_point = run_dir / "root"
        self._clock = clock
        self._runtimes = runtimes
        self._platform = platform
        self._host_names = host_names
        self._hidden = (*hidden, run_dir)
        self._launchers: dict[Path | None, asyncio.Task[Launcher]] = {}
        self._sandboxes: set[_NamespaceSandbox] = set()
        self._hierarchy = cgroups.find_hierarchy()
        if self._hierarchy is not None:
            cgroups.remove_stale(self._hierarchy)
        self._root = os.geteuid() == 0
        self._count = 0
        self._last_capability = int(Path("/proc/sys/kernel/cap_last_cap").read_text())

    async def probe(self) -> Probe:
        try:
            await self._launcher(Resolved("provided", None))
        except (PilviError, EnvironmentFailed) as error:
            return Probe(usable=False, reason=str(error), advice=ADVICE)
        return Probe(usable=True)

    async def prepare(self, runtime: str) -> None:
        """Start the launcher of a runtime before it is needed. Raises: as `start`."""
        await self._launcher(self._runtimes.resolve(runtime))

    async def start(self, spec: EnvironmentSpec) -> LiveEnvironment:
        loop = asyncio.get_running_loop()
        started_at_s = time.perf_counter()
        resolved = self._runtimes.resolve(spec.runtime, exact=spec.exact_runtime)
        arguments = _arguments(spec, resolved)
        launcher = await self._launcher(resolved)
        self._count += 1
        cgroup = self._make_cgroup(spec)
        reader, writer = os.pipe2(os.O_CLOEXEC)
        capture = Capture(reader, self._clock)
        sandbox = _NamespaceSandbox(launcher, cgroup, self._sandboxes)
        try:
            try:
                sandbox.request(self._request(spec, resolved, arguments, sandbox), writer)
            finally:
                os.close(writer)
            listeners = await asyncio.wait_for(sandbox.listening, _LISTENING_S_MAX)
            api = RuntimeApi()
            environment = LiveEnvironment(
                spec,
                sandbox=sandbox,
                runtime_api=api,
                capture=capture,
                clock=self._clock,
                started_at_s=started_at_s,
                label=resolved.interpreter.label if resolved.interpreter else spec.runtime,
                notices=(resolved.warning,) if resolved.warning else (),
            )
            server = await loop.create_server(api.connection, sock=listeners.pop(0))
            sandbox.servers.append(server)
            if self._platform is not None:
                _port, serve = self._platform
                while listeners:
                    sandbox.servers.append(await serve(listeners.pop(0)))
        except BaseException as error:
            capture.close()
            await sandbox.kill()
            if isinstance(error, TimeoutError):
                raise EnvironmentFailed("The sandbox was not made in time.") from error
            raise
        return environment

    async def close(self) -> None:
        for sandbox in list(self._sandboxes):
            await sandbox.kill()
        for task in self._launchers.values():
            task.cancel()
            try:
                (await task).close()
            except (asyncio.CancelledError, PilviError, EnvironmentFailed):
                continue
        self._launchers.clear()

    async def _launcher(self, resolved: Resolved) -> Launcher:
        zygote = resolved.interpreter if resolved.family == "python" else None
        key = zygote.executable if zygote else None
        task = self._launchers.get(key)
        if task is not None and task.done() and (task.exception() or not task.result().alive):
            task = None
        if task is None:
            self._mount_point.mkdir(parents=True, exist_ok=True)
            plan = root_plan(
                mount_point=self._mount_point.resolve(),
                interpreter=zygote,
                host_names=self._host_names,
                hidden=self._hidden,
                own_user_namespace=not self._root,
            )
            task = asyncio.create_task(Launcher.start(plan))
            self._launchers[key] = task
        return await asyncio.shield(task)

    def _make_cgroup(self, spec: EnvironmentSpec) -> cgroups.Cgroup | None:
        if self._hierarchy is None:
            return None
        name = f"{os.getpid()}-{id(self):x}-{self._count}"
        try:
            return cgroups.Cgroup(
                self._hierarchy, name, memory_mb=spec.memory_mb, tmp_mb=spec.tmp_mb
            )
        except OSError as error:
            raise EnvironmentFailed(f"The sandbox's cgroup could not be made: {error}") from error

    def _request(
        self,
        spec: EnvironmentSpec,
        resolved: Resolved,
        arguments: list[str],
        sandbox: _NamespaceSandbox,
    ) -> dict[str, Any]:
        binds = [(str(spec.code_dir.resolve()), "/var/task")]
        assert len(spec.layer_dirs) <= 1, "layers are merged before: packages.merge_layers"
        binds += [(str(directory.resolve()), "/opt") for directory in spec.layer_dirs]
        if resolved.family == "nodejs":
            assert resolved.interpreter is not None
            binds.append((str(resolved.interpreter.prefix), "/var/lang"))
            binds.append((str(BOOTSTRAPS / "node"), "/var/runtime"))
        listeners = [(ADDRESS, RUNTIME_API_PORT)]
        if self._platform is not None:
            listeners += [("127.0.0.1", self._platform[0]), (ADDRESS, self._platform[0])]
        limits = {
            "RLIMIT_NOFILE": (1024, 1024),
            "RLIMIT_NPROC": (_PROCESSES_MAX, _PROCESSES_MAX),
            "RLIMIT_CORE": (
                0,
                0,
            ),  # Differs: AWS allows 10 GiB, but here a core could go to the host
            "RLIMIT_MEMLOCK": (65536, 65536),
            "RLIMIT_STACK": (8388608, _UNLIMITED),
        }
        if sandbox.cgroup is None:
            data = (spec.memory_mb + _DATA_SLACK_MB) * 1024 * 1024
            limits["RLIMIT_DATA"] = (data, data)
        tmp_bytes = spec.tmp_mb * 1024 * 1024
        return {
            "binds": binds,
            "user": _FIRST_HOST_USER + self._count % _HOST_USERS if self._root else 0,
            "address": ADDRESS,
            "listeners": listeners,
            "tmp_bytes": tmp_bytes,
            "tmp_files": max(1024, tmp_bytes // 4096),
            "limits": limits,
            "last_capability": self._last_capability,
            "cgroups": [str(path) for path in sandbox.cgroup.directories] if sandbox.cgroup else [],
            "framed_log": resolved.family != "provided",
            "arguments": arguments,
            "handler": spec.handler,
            "environment": all_variables(
                spec, resolved, runtime_api=f"{ADDRESS}:{RUNTIME_API_PORT}", daemon_host=ADDRESS
            ),
        }


class _NamespaceSandbox:
    """See `environment.Sandbox`."""

    def __init__(
        self,
        launcher: Launcher,
        cgroup: cgroups.Cgroup | None,
        registry: set[_NamespaceSandbox],
    ) -> None:
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._launcher = launcher
        self.cgroup = cgroup
        self._meter: cgroups.Cgroup | ProcessMeter | None = cgroup
        self._registry = registry
        self._number: int | None = None
        self._killing: asyncio.Task[None] | None = None
        self.listening: asyncio.Future[list[socket.socket]] = loop.create_future()
        self.exited: asyncio.Future[Exit] = loop.create_future()
        self.servers: list[asyncio.AbstractServer] = []
        self._control, self._far_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.setblocking(False)
        self._control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._unwanted: list[socket.socket] = []
        registry.add(self)

    @property
    def limits(self) -> tuple[str, ...]:
        return (self._meter.label,) if self._meter else ()

    def request(self, request: dict[str, Any], log: int) -> None:
        """Raises: EnvironmentFailed."""
        with self._far_end:
            self._number = self._launcher.request(
                request,
                [self._far_end.fileno(), log],
                on_failed=lambda error: self._ended(Exit(fault=error)),
            )
        self._loop.add_reader(self._control, self._hear)

    def stop(self) -> None:
        self._command(b"S")

    def resume(self) -> None:
        self._command(b"C")

    def peak_mb(self) -> int:
        return self._meter.peak_mb() if self._meter else 0

    def resident_mb(self) -> int:
        return self._meter.resident_mb() if self._meter else 0

    async def kill(self) -> None:
        if self._killing is None:
            self._killing = asyncio.create_task(self._kill())
        await asyncio.shield(self._killing)

    async def _kill(self) -> None:
        try:
            if self._number is not None:
                await asyncio.wait_for(self._launcher.kill(self._number), _KILL_S_MAX)
        finally:
            self._loop.remove_reader(self._control)
            self._control.close()
            self._far_end.close()
            self._ended(Exit(signal_number=signal.SIGKILL))
            for server in self.servers:
                server.close()
            for listener in self._unwanted:
                listener.close()
            self._registry.discard(self)
            if self._meter is not None:
                meter, self._meter = self._meter, None
                meter.remove()

    def _command(self, command: bytes) -> None:
        try:
            self._control.send(command)
        except OSError:
            self._ended(Exit())  # the sandbox has just ended and its last message is on its way

    def _hear(self) -> None:
        try:
            data, descriptors, process_id = receive(self._control, descriptors_max=4)
        except BlockingIOError:
            return
        except OSError:
            data, descriptors, process_id = b"", [], None
        if not data:
            self._loop.remove_reader(self._control)
            self._ended(Exit(signal_number=signal.SIGKILL))
            return
        message: dict[str, Any] = json.loads(data)
        if "listening" in message and len(descriptors) == message["listening"]:
            if self._meter is None and process_id:
                self._meter = ProcessMeter(process_id)
            sockets = [socket.socket(fileno=descriptor) for descriptor in descriptors]
            for listener in sockets:
                listener.setblocking(False)
            if self.listening.done():
                self._unwanted += sockets
            else:
                self.listening.set_result(sockets)
            return
        close_all(descriptors)
        if "exit" in message:
            self._ended(Exit(code=message["exit"]))
        elif "signal" in message:
            self._ended(Exit(signal_number=message["signal"]))
        else:
            self._ended(
                Exit(fault=message.get("error", "The sandbox sent a message that is not known."))
            )

    def _ended(self, how: Exit) -> None:
        if not self.listening.done():
            self.listening.set_exception(
                EnvironmentFailed(f"The sandbox could not be made: {how.fault or 'it was killed'}.")
            )
            self.listening.exception()  # whoever waits for it gets it; if nobody does, that is no error
        if not self.exited.done():
            self.exited.set_result(how)


def _arguments(spec: EnvironmentSpec, resolved: Resolved) -> list[str]:
    """What is executed inside; nothing for a Python function, which goes on in the zygote.

    Raises: InvalidEntrypoint.
    """
    if resolved.interpreter is None:
        for inside, directory in (
            ("/var/task", spec.code_dir),
            *(("/opt", d) for d in spec.layer_dirs),
        ):
            if os.access(directory / "bootstrap", os.X_OK):
                return [f"{inside}/bootstrap"]
        raise InvalidEntrypoint(
            "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"
        )
    program = f"/var/lang/bin/{resolved.interpreter.executable.name}"
    wrapper = spec.environment.get("AWS_LAMBDA_EXEC_WRAPPER")
    if resolved.family == "python":
        return [wrapper, program, "/var/runtime/bootstrap.py", spec.handler] if wrapper else []
    heap_mb = max(32, spec.memory_mb * 9 // 10)
    arguments = [program, f"--max-old-space-size={heap_mb}", "/var/runtime/bootstrap.mjs"]
    return [wrapper, *arguments] if wrapper else arguments
