"""The backend without isolation, for hosts that forbid user namespaces. It must be asked for by name.

Functions are processes of the server's own user. They can read and change all that this user can: pilvi's data,
other functions, the network. What is still held: the variables, the Runtime API, time, memory (watched), the end of
all processes with their environment and with the server. What is not, besides: the size of /tmp (TMPDIR names a
directory of their own, but /tmp is the host's), the number of processes, files that are read-only on AWS.

The Runtime API listens on 127.0.0.1 at a random port and answers only processes of the same user, as /proc/net/tcp
names it; against processes of that same user, other functions among them, it protects nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import socket
import sys
import time
from pathlib import Path
from typing import Any

from pilvi.base.clock import Clock
from pilvi.compute import command
from pilvi.compute.accounting import ProcessMeter
from pilvi.compute.api import EnvironmentFailed, EnvironmentSpec, Probe
from pilvi.compute.capture import Capture
from pilvi.compute.command import Places
from pilvi.compute.companions import add_extensions, external_of
from pilvi.compute.environment import LiveEnvironment
from pilvi.compute.handle import Handle
from pilvi.compute.plan import BOOTSTRAPS, SOURCE, ruby_files, runtime_files
from pilvi.compute.runtime_api import RuntimeApi
from pilvi.compute.runtimes import Interpreter, Resolved, Runtimes
from pilvi.compute.snapshots import SNAP_START
from pilvi.compute.variables import all_variables
from pilvi.contracts.platform import Platform

log = logging.getLogger("pilvi.compute")

WARNING = "pilvi: this function runs WITHOUT isolation (--backend process): it can do all that pilvi's own user can."

_LOOPBACK = "127.0.0.1"
_BACKLOG = 64
_DATA_SLACK_MB = 512
_LIMITS = "memory: watched in /proc; processes, /tmp, files and network: not limited"
_STAGE = (
    "import sys; sys.path.insert(0, sys.argv[1]);"
    " from pilvi.compute.launcher.keeper import main; main()"
)


class ProcessBackend:
    """See `api.Backend`. `run_dir`: a directory for the backends of this data directory's servers."""

    name = "process"

    def __init__(
        self,
        *,
        run_dir: Path,
        clock: Clock,
        runtimes: Runtimes,
        platform: Platform | None = None,
    ) -> None:
        """`platform`: served to functions at a port of their own, so that here, too, they are known by issued
        credentials only, and find plain HTTP whatever the server speaks outside.
        """
        self._root = run_dir.resolve() / f"process-{os.getpid()}-{id(self):x}"
        self._clock = clock
        self._runtimes = runtimes
        self._platform = platform
        self._endpoint: asyncio.Task[tuple[asyncio.AbstractServer, str]] | None = None
        self._handles: set[Handle] = set()
        self._count = 0
        self._closed = False
        _remove_stale(run_dir)
        self._make_files()
        log.warning("functions run WITHOUT isolation, as the user that pilvi runs as")

    async def probe(self) -> Probe:
        return Probe(usable=True)

    async def prepare(self, runtime: str, *, exact: bool, memory_mb: int, tmp_mb: int) -> None:
        """There is nothing to wait for but the runtime itself."""
        self._runtimes.resolve(runtime, exact=exact)

    async def prepare_snapshot(self, spec: EnvironmentSpec) -> None:
        """There are none without namespaces."""

    async def start(self, spec: EnvironmentSpec) -> LiveEnvironment:
        started_at_s = time.perf_counter()
        resolved = self._runtimes.resolve(spec.runtime, exact=spec.exact_runtime)
        self._count += 1
        own = self._root / str(self._count)
        places = self._places(spec, resolved, own)
        arguments = _arguments(spec, resolved, places)
        if self._closed:
            raise EnvironmentFailed("The server ends.")
        endpoint_url = await self._serve_platform()
        (own / "tmp").mkdir(parents=True)
        handle = Handle(lambda ended: self._forget(ended, own))
        self._handles.add(handle)
        capture: Capture | None = None
        try:
            api = RuntimeApi(may_connect=_is_own_user)
            listener = _listen()
            server = await asyncio.get_running_loop().create_server(api.connection, sock=listener)
            handle.servers.append(server)
            reader, writer = os.pipe2(os.O_CLOEXEC)
            try:
                capture = Capture(reader, self._clock)
                keeper = await _start_keeper(handle.far_end.fileno(), writer)
            finally:
                os.close(writer)
            handle.meter = ProcessMeter(keeper.pid, _LIMITS)
            data_bytes = (spec.memory_mb + _DATA_SLACK_MB) * 1024 * 1024
            request: dict[str, Any] = {
                "limits": {
                    "RLIMIT_CORE": (0, 0),
                    "RLIMIT_DATA": (data_bytes, data_bytes),
                },
                "framed_log": resolved.family != "provided",
                "arguments": arguments,
                "directory": places.task,
                "handler": spec.handler,
                "environment": {
                    "TMPDIR": str(own / "tmp"),
                    "PILVI_LAYERS_ROOT": places.layers,
                    **all_variables(
                        spec,
                        resolved,
                        places,
                        runtime_api=f"{_LOOPBACK}:{listener.getsockname()[1]}",
                        daemon_host=_LOOPBACK,
                        endpoint_url=endpoint_url,
                    ),
                },
            }
            extensions = external_of(spec)
            add_extensions(request, extensions, f"{places.layers}/extensions")
            if spec.initialization_type != SNAP_START:
                handle.again = lambda: request
            environment = LiveEnvironment(
                spec,
                sandbox=handle,
                runtime_api=api,
                capture=capture,
                clock=self._clock,
                started_at_s=started_at_s,
                label=command.label(spec, resolved.interpreter),
                notices=(WARNING, *command.notices(spec, resolved)),
                extensions=extensions,
                host=_LOOPBACK,
            )
            handle.begin(request, lambda: _end(handle, keeper))
        except BaseException:
            if capture is not None:
                capture.close()
            await handle.kill()
            raise
        return environment

    async def close(self) -> None:
        self._closed = True
        await asyncio.gather(*(handle.kill() for handle in list(self._handles)))
        if self._endpoint is not None:
            (await self._endpoint)[0].close()
        await asyncio.to_thread(shutil.rmtree, self._root, ignore_errors=True)

    async def _serve_platform(self) -> str | None:
        """The URL of pilvi's API for functions."""
        if self._platform is None:
            return None
        if self._endpoint is None or (self._endpoint.done() and self._endpoint.exception()):
            self._endpoint = asyncio.create_task(_serve(self._platform))
        return (await asyncio.shield(self._endpoint))[1]

    def _make_files(self) -> None:
        """What is /var/runtime in a sandbox."""
        python = self._root / "python"
        python.mkdir(parents=True)
        for name, source in runtime_files().items():
            if source.parent == BOOTSTRAPS / "python":
                # A copy: Python looks for a program's neighbours beside the file that a link leads to.
                shutil.copyfile(source, python / name)
            else:
                (python / name).symlink_to(source)

    def _make_ruby_files(self, ruby: Interpreter) -> Path:
        place = self._root / ruby.label.replace(":", "-")
        for name, source in ruby_files(ruby).items():
            link = place / name
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.is_symlink():
                link.symlink_to(source)
        return place

    def _places(self, spec: EnvironmentSpec, resolved: Resolved, own: Path) -> Places:
        layers = command.bound_layers(spec)
        runtime = BOOTSTRAPS / "node" if resolved.family == "nodejs" else self._root / "python"
        if resolved.interpreter is not None and resolved.family == "ruby":
            runtime = self._make_ruby_files(resolved.interpreter)
        prefix = resolved.interpreter.prefix if resolved.interpreter else Path("/usr")
        return Places(
            task=str(spec.code_dir.resolve()),
            layers=str(layers[0].resolve() if layers else own / "opt"),
            runtime=str(runtime),
            language=str(prefix),
        )

    def _forget(self, handle: Handle, own: Path) -> None:
        self._handles.discard(handle)
        shutil.rmtree(
            own, ignore_errors=True
        )  # what a function made unreadable goes at the next start


async def _start_keeper(control: int, writer: int) -> asyncio.subprocess.Process:
    arguments = ["-I", "-S", "-c", _STAGE, str(SOURCE), str(control), str(writer)]
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            pass_fds=(control, writer),
            env={"LC_CTYPE": "C.UTF-8"},
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # no signal to the server's group ends it before its function
        )
    except OSError as error:
        raise EnvironmentFailed(f"The function's process could not be started: {error}") from error


async def _end(handle: Handle, keeper: asyncio.subprocess.Process) -> None:
    """The keeper ends the function's processes, then itself."""
    handle.hang_up()
    await keeper.wait()


async def _serve(platform: Platform) -> tuple[asyncio.AbstractServer, str]:
    listener = _listen()
    port = listener.getsockname()[1]
    return await platform.serve(listener), f"http://localhost:{port}"


def _listen() -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind((_LOOPBACK, 0))
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    return listener


def _arguments(spec: EnvironmentSpec, resolved: Resolved, places: Places) -> list[str]:
    """Raises: InvalidEntrypoint."""
    if resolved.interpreter is None:
        return command.entrypoint(spec, places)
    program = str(resolved.interpreter.executable)
    if resolved.family == "nodejs":
        return command.node_command(spec, places, program)
    if resolved.family == "java":
        libraries = ":".join(map(str, resolved.interpreter.libraries))
        return command.java_command(spec, program, libraries)
    if resolved.family == "ruby":
        return command.ruby_command(spec, places, program)
    return command.python_command(spec, places, program)


def _is_own_user(transport: asyncio.Transport) -> bool:
    """Whether the other end of a connection over 127.0.0.1 belongs to a process of this user."""
    theirs, ours = transport.get_extra_info("peername")[1], transport.get_extra_info("sockname")[1]
    address = socket.inet_aton(_LOOPBACK)
    here = f"{int.from_bytes(address, sys.byteorder):08X}"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except FileNotFoundError:
            continue  # a host without IPv6
        for line in lines:
            _number, local, remote, _state, _queues, _timer, _retransmits, user, *_ = line.split()
            # An IPv4 connection of an IPv6 socket has the same words at the end of longer addresses.
            if local.endswith(f"{here}:{theirs:04X}") and remote.endswith(f"{here}:{ours:04X}"):
                return int(user) == os.geteuid()
    return False


def _remove_stale(run_dir: Path) -> None:
    """Directories of servers that were killed."""
    for directory in run_dir.glob("process-*"):
        owner = directory.name.split("-")[1]
        if not Path("/proc", owner).exists():
            shutil.rmtree(directory, ignore_errors=True)
