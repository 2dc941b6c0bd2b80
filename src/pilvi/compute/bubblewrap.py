"""The backend that has bubblewrap make the sandboxes, where a host lets that program do so and not pilvi itself.

Bubblewrap makes namespaces and mounts, from the same plan of the file system as `namespaces.py` has; all else is the
same: what the first process shuts (`launcher/sandbox.py`), limits, listeners. What it has not is a process to fork
environments from: every one of them starts its interpreter anew.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from pilvi.compute.api import EnvironmentFailed, Probe
from pilvi.compute.handle import Handle
from pilvi.compute.launcher.root import HOST
from pilvi.compute.launchers import ADVICE
from pilvi.compute.namespaces import NamespacesBackend
from pilvi.compute.plan import SOURCE, root_plan
from pilvi.compute.runtimes import Interpreter, Resolved

PROGRAM = "bwrap"

_PLACE = "bubblewrap-"
"""Begins the name of a directory with the files that are bound into each root."""
_PROBE_S_MAX = 20.0
_INFORMATION_BYTES_MAX = 4096
_STAGE = (
    "import sys; sys.path.insert(0, sys.argv[1]);"
    " from pilvi.compute.launcher.boxed import main; main()"
)
_ADVICE = f"Install bubblewrap (Debian: `apt install bubblewrap`), or choose the backend `namespaces`. {ADVICE}"


class BubblewrapBackend(NamespacesBackend):
    """See `api.Backend`."""

    name = "bubblewrap"
    _forks_snapshots = False

    def __init__(self, *, run_dir: Path, park: bool = False, **options: Any) -> None:
        """`park`: without effect, for nothing can be made ready before a function is known."""
        super().__init__(run_dir=run_dir, **options)
        self._place = run_dir.resolve() / f"{_PLACE}{os.getpid()}-{id(self):x}"
        for place in run_dir.glob(f"{_PLACE}*"):
            if not Path("/proc", place.name.removeprefix(_PLACE).partition("-")[0]).exists():
                shutil.rmtree(place, ignore_errors=True)  # of a server that was killed

    async def close(self) -> None:
        await super().close()
        await asyncio.to_thread(shutil.rmtree, self._place, ignore_errors=True)

    async def probe(self) -> Probe:
        program = shutil.which(PROGRAM)
        if program is None:
            return Probe(usable=False, reason="There is no bubblewrap here.", advice=_ADVICE)
        process = await asyncio.create_subprocess_exec(
            program,
            *self._box(None, []),
            "--",
            "/bin/true",
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            _nothing, said = await asyncio.wait_for(process.communicate(), _PROBE_S_MAX)
        except TimeoutError:
            process.kill()
            return Probe(usable=False, reason="Bubblewrap does not answer.", advice=_ADVICE)
        if process.returncode:
            reason = f"Bubblewrap makes no sandboxes here: {said.decode(errors='replace').strip()}."
            return Probe(usable=False, reason=reason, advice=_ADVICE)
        return Probe(usable=True)

    async def prepare(self, runtime: str, *, exact: bool, memory_mb: int, tmp_mb: int) -> None:
        """Nothing can be: bubblewrap makes each sandbox for a function that is known."""
        self._runtimes.resolve(runtime, exact=exact)

    async def _launch(
        self,
        resolved: Resolved,
        request: dict[str, Any],
        sandbox: Handle,
        log: int,
        groups: list[Path],
    ) -> Callable[[], Awaitable[object]]:
        control = sandbox.far_end.fileno()
        go_reader, go_writer = os.pipe2(os.O_CLOEXEC)
        told_reader, told_writer = os.pipe2(os.O_CLOEXEC)
        try:
            process = await asyncio.create_subprocess_exec(
                PROGRAM,
                *self._box(resolved.interpreter, request["binds"]),
                *("--info-fd", str(told_writer)),
                "--",
                *_first_program(resolved.interpreter),
                *(str(number) for number in (control, log, go_reader)),
                pass_fds=(control, log, go_reader, told_writer),
                env={"LC_CTYPE": "C.UTF-8", "LD_LIBRARY_PATH": "/var/lang/lib"},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # no signal to the server's group ends it before its function
            )
            os.close(told_writer)
            told_writer = -1
            number = await asyncio.to_thread(_child, told_reader)
            first = os.pidfd_open(number)
            for group in groups:
                (group / "cgroup.procs").write_text(str(number))
            os.write(go_writer, b"g")
        except (OSError, ValueError) as error:
            raise EnvironmentFailed(f"Bubblewrap could not make the sandbox: {error}") from error
        finally:
            for descriptor in (go_reader, go_writer, told_reader, told_writer):
                if descriptor >= 0:
                    os.close(descriptor)
        return lambda: _end(first, process)

    def _box(self, interpreter: Interpreter | None, binds: list[tuple[str, str]]) -> list[str]:
        """Bubblewrap's arguments: the planned root, and what this function adds."""
        place = self._place
        plan = root_plan(
            mount_point=place,
            interpreter=interpreter,
            host_names=self._host_names,
            hidden=self._hidden,
            own_user_namespace=not self._root,
        )
        arguments = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
        arguments += ["--as-pid-1", "--die-with-parent"]
        if not self._root:
            arguments += ["--unshare-user", "--uid", "0", "--gid", "0", "--cap-add", "ALL"]
        for path in plan["directories"]:
            (place / path[1:]).mkdir(parents=True, exist_ok=True)
            arguments += ["--dir", path]
        for path, text in plan["files"].items():
            _write(place / path[1:], text)
            arguments += ["--ro-bind", str(place / path[1:]), path]
        for path, target in plan["links"].items():
            arguments += ["--symlink", target, path]
        for source, path, is_device in plan["binds"]:
            arguments += ["--dev-bind" if is_device else "--ro-bind", source, path]
        for source, path in binds:
            arguments += ["--ro-bind", source, path]
        arguments += ["--tmpfs", HOST, "--ro-bind", plan["source"], HOST + plan["source"]]
        if interpreter is None or interpreter.family != "python":
            arguments += ["--ro-bind", sys.base_prefix, HOST + sys.base_prefix]
        return [*arguments, "--proc", "/proc", "--remount-ro", "/", "--chdir", "/"]


def _first_program(interpreter: Interpreter | None) -> list[str]:
    """The Python that is the first process: the function's own, or pilvi's, from the host's tree."""
    if interpreter is not None and interpreter.family == "python":
        program = f"/var/lang/bin/{interpreter.executable.name}"
    else:
        program = HOST + os.path.realpath(sys.executable)
    return [program, "-I", "-c", _STAGE, HOST + str(SOURCE)]


def _child(descriptor: int) -> int:
    """The host's number of the first process. Raises: ValueError when bubblewrap says nothing."""
    said = b""
    while not said.rstrip().endswith(b"}"):
        piece = os.read(descriptor, _INFORMATION_BYTES_MAX)
        said += piece
        if not piece or len(said) > _INFORMATION_BYTES_MAX:
            break
    told: dict[str, Any] = json.loads(said)
    return int(told["child-pid"])


async def _end(first: int, process: asyncio.subprocess.Process) -> None:
    """`first`: a descriptor of the first process, with which all others end; bubblewrap waits for it."""
    try:
        signal.pidfd_send_signal(first, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it has ended by itself
    await process.wait()
    os.close(first)


def _write(path: Path, text: str) -> None:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
