"""The backend that isolates with Linux's namespaces: pilvi's default. Needs neither Docker nor root.

The sandbox itself is made by `launcher/`; here is the server's half: it asks for it, serves the listeners that
were opened inside it, holds it to its limits, and clears up after it.
"""

from __future__ import annotations

import asyncio
import functools
import os
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from pilvi.base.clock import Clock
from pilvi.compute import cgroups, command, debugger, hierarchies, parked, snapshots
from pilvi.compute.accounting import WATCHED, ProcessMeter
from pilvi.compute.api import EnvironmentFailed, EnvironmentSpec, Probe
from pilvi.compute.capture import Capture
from pilvi.compute.companions import add_extensions, external_of
from pilvi.compute.environment import LiveEnvironment
from pilvi.compute.handle import Handle
from pilvi.compute.launcher import landlock
from pilvi.compute.launchers import ADVICE, Launcher
from pilvi.compute.names import Names
from pilvi.compute.parked import Blank, Parked
from pilvi.compute.plan import ADDRESS, root_plan
from pilvi.compute.requests import EXTENSIONS, Requests, arguments_of, has_host_users, limit
from pilvi.compute.runtime_api import RuntimeApi
from pilvi.compute.runtimes import Interpreter, Resolved, Runtimes
from pilvi.compute.template import Place, Template
from pilvi.compute.templates import NO_MEMORY, Templates
from pilvi.contracts.platform import Platform

_LISTENING_S_MAX = 10.0
_FORKS_MAX = 4096
"""Of one snapshot: user namespaces that may lie below its own."""
NO_LANDLOCK = "files: mounts only, this kernel has no Landlock"
_PARKED_FAMILIES = ("nodejs", "python")


class NamespacesBackend:
    """See `api.Backend`. `run_dir`: a directory of this server alone, for mount points."""

    name = "namespaces"
    _forks_snapshots = True

    def __init__(
        self,
        *,
        run_dir: Path,
        clock: Clock,
        runtimes: Runtimes,
        platform: Platform | None = None,
        host_names: tuple[str, ...] = (),
        hidden: tuple[Path, ...] = (),
        exact_cpu: bool = False,
        park: bool = False,
    ) -> None:
        """`platform`: how functions find pilvi, on localhost and on 169.254.100.1.

        `host_names`: further names of localhost inside. `hidden`: directories to mask should they lie below /usr.
        `exact_cpu`: no more processor time than on AWS, even while nobody else wants it. `park`: keep a few runtimes
        started that cannot be forked (see `parked.py`).
        """
        self._mount_point = run_dir / "root"
        self._clock = clock
        self._runtimes = runtimes
        self._platform = platform
        self._host_names = host_names
        self._hidden = (*hidden, run_dir)
        self._exact_cpu = exact_cpu
        self._launchers: dict[Path | None, asyncio.Task[Launcher]] = {}
        self._sandboxes: set[Handle] = set()
        self._parked = Parked(self._park) if park else None
        self._templates = Templates(self._make_template)
        self._closed = False
        self._home = hierarchies.make_home(f"{id(self):x}", run_dir)
        self._root = os.geteuid() == 0 and has_host_users()
        self._count = 0
        self._landlock = landlock.abi()
        self._walls = (f"files: Landlock ABI {self._landlock}" if self._landlock else NO_LANDLOCK,)
        home = self._home
        self._requests = Requests(
            platform,
            root=self._root,
            landlock=self._landlock,
            shares_processors=home is not None and "cpu" in home.hierarchy.parents,
        )

    async def probe(self) -> Probe:
        try:
            await self._launcher(None)
        except EnvironmentFailed as error:
            return Probe(usable=False, reason=str(error), advice=ADVICE)
        return Probe(usable=True)

    async def prepare(self, runtime: str, *, exact: bool, memory_mb: int, tmp_mb: int) -> None:
        """The launcher of its interpreter; sandboxes of the size of this function, where runtimes are forks."""
        resolved = self._runtimes.resolve(runtime, exact=exact)
        await self._launcher(resolved.interpreter)
        if self._parked is not None and resolved.family == "python":
            self._parked.refill(parked.Key(runtime, exact, memory_mb, tmp_mb), count=1)

    async def prepare_snapshot(self, spec: EnvironmentSpec) -> None:
        resolved = self._runtimes.resolve(spec.runtime, exact=spec.exact_runtime)
        await self._snapshot(spec, resolved, external_of(spec))

    async def start(self, spec: EnvironmentSpec) -> LiveEnvironment:
        started_at_s = time.perf_counter()
        resolved = self._runtimes.resolve(spec.runtime, exact=spec.exact_runtime)
        extensions = external_of(spec)
        notices = command.notices(spec, resolved)
        if spec.initialization_type == snapshots.SNAP_START:
            template = await self._snapshot(spec, resolved, extensions)
            if isinstance(template, Template):
                try:
                    return await self._restore(template, spec, resolved)
                except EnvironmentFailed as problem:
                    template = str(problem)
            notices += (NO_MEMORY.format(template),) if template else ()
        blank = self._take_parked(spec, resolved, extensions)
        if blank is None:
            request = self._requests.whole(
                spec, resolved, arguments_of(spec, resolved), number=self._count
            )
            add_extensions(request, extensions, EXTENSIONS)
            blank = await self._make(spec, resolved, request)
        else:
            blank.sandbox.tell(self._requests.of_parked(spec, resolved))
        sandbox = blank.sandbox
        if spec.initialization_type != snapshots.SNAP_START:
            sandbox.again = lambda: self._requests.again(spec, resolved, extensions)
        try:
            api = RuntimeApi()
            environment = LiveEnvironment(
                spec,
                sandbox=sandbox,
                runtime_api=api,
                capture=blank.capture,
                clock=self._clock,
                started_at_s=started_at_s,
                label=command.label(spec, resolved.interpreter),
                notices=notices,
                extensions=extensions,
                host=ADDRESS,
            )
            await self._serve(spec, sandbox, api, blank.listeners)
        except BaseException:
            blank.capture.close()
            await sandbox.kill()
            raise
        return environment

    async def _snapshot(
        self, spec: EnvironmentSpec, resolved: Resolved, extensions: tuple[str, ...]
    ) -> Template | str:
        """What the environment is to be a fork of, or why of nothing. Raises: EnvironmentFailed, InvalidEntrypoint."""
        if not self._forks_snapshots:
            return f"the backend {self.name} cannot"
        if resolved.family != "python":
            return "only a Python process can be forked"
        if extensions:
            return "its extensions run beside it"
        if spec.debugger is not None:
            return "a debugger is attached"
        if arguments_of(spec, resolved):
            return "its wrapper starts a process of its own"
        return await self._templates.take(spec)

    async def _make_template(self, spec: EnvironmentSpec) -> Template:
        """Raises: EnvironmentFailed."""
        resolved = self._runtimes.resolve(spec.runtime, exact=spec.exact_runtime)
        request = self._requests.whole(spec, resolved, [], number=self._count)
        request |= {"template": True, "user_namespaces": _FORKS_MAX}
        blank = await self._make(spec, resolved, request)
        label, notices = command.label(spec, resolved.interpreter), command.notices(spec, resolved)
        template = Template(
            spec, blank, self._clock, self._make_place, label=label, notices=notices
        )
        template.user = request["user"]
        template.api.credentials = lambda token: snapshots.credentials(spec, token)
        try:
            await self._serve(spec, blank.sandbox, template.api, blank.listeners)
        except BaseException:
            await template.close()
            raise
        return template

    async def _restore(
        self, template: Template, spec: EnvironmentSpec, resolved: Resolved
    ) -> LiveEnvironment:
        """Raises: EnvironmentFailed."""
        started_at_s = time.perf_counter()
        place = await template.take_place()
        try:
            api = RuntimeApi()
            lines, template.lines = template.lines, []
            environment = LiveEnvironment(
                spec,
                sandbox=place.sandbox,
                runtime_api=api,
                capture=place.capture,
                clock=self._clock,
                started_at_s=started_at_s,
                label=command.label(spec, resolved.interpreter),
                host=ADDRESS,
                restored=lines,
            )
            api.credentials = lambda token: snapshots.credentials(
                spec, token, snapshot=template.spec
            )
            await self._serve(spec, place.sandbox, api, place.listeners)
            template.run(place)
        except BaseException:
            place.capture.close()
            await place.sandbox.kill()
            raise
        return environment

    async def _make_place(self, template: Template) -> Place:
        """Raises: EnvironmentFailed."""
        spec = template.spec
        resolved = self._runtimes.resolve(spec.runtime, exact=spec.exact_runtime)
        self._count += 1
        cgroup = self._make_cgroup(spec)
        request = self._requests.whole(spec, resolved, [], number=self._count)
        request |= {"template": True, "user": template.user}
        limit(request, spec, limited=cgroup is not None)
        sandbox = Handle(self._sandboxes.discard, meter=cgroup, walls=self._walls)
        self._sandboxes.add(sandbox)
        reader, writer = os.pipe2(os.O_CLOEXEC)
        capture = Capture(reader, self._clock)
        try:
            place = await template.place(sandbox, capture, request, writer, cgroup)
            await template.restore(place)
            return place
        except BaseException:
            capture.close()
            await sandbox.kill()
            raise
        finally:
            os.close(writer)

    async def _make(
        self, spec: EnvironmentSpec, resolved: Resolved, request: dict[str, Any]
    ) -> Blank:
        """A sandbox as it is asked for. Raises: EnvironmentFailed."""
        if self._closed:
            raise EnvironmentFailed("The server ends.")
        self._count += 1
        cgroup = self._make_cgroup(spec)
        limit(request, spec, limited=cgroup is not None)
        try:
            sandbox = Handle(
                self._sandboxes.discard,
                meter=cgroup,
                meter_of=_watched,
                walls=self._walls,
                told_later="template" in request,
            )
        except BaseException:
            if cgroup is not None:
                await cgroup.remove()
            raise
        self._sandboxes.add(sandbox)
        capture: Capture | None = None
        try:
            reader, writer = os.pipe2(os.O_CLOEXEC)
            try:
                capture = Capture(reader, self._clock)
                groups = cgroup.directories if cgroup else []
                end_processes = await self._launch(resolved, request, sandbox, writer, groups)
            finally:
                os.close(writer)
            sandbox.begin(request, end_processes)
            listeners = await asyncio.wait_for(sandbox.listening, _LISTENING_S_MAX)
        except BaseException as error:
            if capture is not None:
                capture.close()
            await sandbox.kill()
            if isinstance(error, TimeoutError):
                raise EnvironmentFailed("The sandbox was not made in time.") from error
            raise
        assert capture is not None
        return Blank(sandbox, capture, listeners)

    @property
    def parked(self) -> int:
        """How many sandboxes wait for a function."""
        return self._parked.ready if self._parked is not None else 0

    def _take_parked(
        self, spec: EnvironmentSpec, resolved: Resolved, extensions: tuple[str, ...]
    ) -> Blank | None:
        if self._parked is None or resolved.family not in _PARKED_FAMILIES or extensions:
            return None
        key = parked.key_of(spec)
        return None if key is None else self._parked.take(key)

    async def _park(self, key: parked.Key) -> Blank:
        """A sandbox whose runtime waits for its function. Raises: EnvironmentFailed, InvalidEntrypoint."""
        spec = EnvironmentSpec(
            key="",
            function_name="",
            function_arn="arn:aws:lambda:us-east-1:000000000000:function:parked",
            version="",
            runtime=key.runtime,
            handler="",
            code_dir=Path("/"),
            memory_mb=key.memory_mb,
            tmp_mb=key.tmp_mb,
        )
        resolved = self._runtimes.resolve(key.runtime, exact=key.exact)
        arguments = arguments_of(spec, resolved)
        # Python goes on in the zygote's own interpreter; Node.js is executed.
        request = self._requests.whole(
            spec,
            resolved,
            [*arguments, "--parked"] if arguments else [],
            number=self._count,
        )
        return await self._make(spec, resolved, {**request, "parked": True, "binds": []})

    async def close(self) -> None:
        self._closed = True
        if self._parked is not None:
            await self._parked.close()
        await self._templates.close()
        await asyncio.gather(*(sandbox.kill() for sandbox in list(self._sandboxes)))
        for task in self._launchers.values():
            task.cancel()
            try:
                (await task).close()
            except (asyncio.CancelledError, EnvironmentFailed):
                continue
        self._launchers.clear()
        if self._home is not None:
            self._home.remove()

    async def _launch(
        self,
        resolved: Resolved,
        request: dict[str, Any],
        sandbox: Handle,
        log: int,
        groups: list[Path],
    ) -> Callable[[], Awaitable[object]]:
        """Have the first process made, in these cgroups; gives what ends it. Raises: EnvironmentFailed."""
        launcher = await self._launcher(resolved.interpreter)
        number = launcher.request(
            sandbox.far_end.fileno(),
            log,
            cgroups=[str(group) for group in groups],
            on_failed=sandbox.fail,
        )
        return lambda: launcher.kill(number)

    async def _launcher(self, interpreter: Interpreter | None) -> Launcher:
        """Raises: EnvironmentFailed."""
        if self._closed:
            raise EnvironmentFailed("The server ends.")
        key = interpreter.executable if interpreter else None
        task = self._launchers.get(key)
        if task is not None and task.done() and (task.exception() or not task.result().alive):
            task = None
        if task is None:
            self._mount_point.mkdir(parents=True, exist_ok=True)
            plan = root_plan(
                mount_point=self._mount_point.resolve(),
                interpreter=interpreter,
                host_names=self._host_names,
                hidden=self._hidden,
                own_user_namespace=not self._root,
            )
            task = asyncio.create_task(Launcher.start(plan))
            self._launchers[key] = task
        # Others wait for it too: neither does one who stops waiting end it, nor is its end that of one who waits.
        await asyncio.wait([task])
        if task.cancelled():
            raise EnvironmentFailed("The server ends.")
        return task.result()

    def _make_cgroup(self, spec: EnvironmentSpec) -> cgroups.Cgroup | None:
        if self._home is None:
            return None
        try:
            return cgroups.Cgroup(
                self._home.hierarchy,
                str(self._count),
                memory_mb=spec.memory_mb,
                tmp_mb=spec.tmp_mb,
                exact_cpu=self._exact_cpu,
            )
        except OSError as error:
            raise EnvironmentFailed(f"The sandbox's cgroup could not be made: {error}") from error

    async def _serve(
        self,
        spec: EnvironmentSpec,
        sandbox: Handle,
        api: RuntimeApi,
        listeners: list[socket.socket],
    ) -> None:
        """The sockets that were asked for (`requests.py`), in its order."""
        loop = asyncio.get_running_loop()
        runtime, names, *platforms = listeners
        if spec.debugger is not None:
            serve = functools.partial(debugger.pipe, spec.debugger)
            sandbox.servers.append(await asyncio.start_server(serve, sock=platforms.pop()))
        sandbox.servers.append(await loop.create_server(api.connection, sock=runtime))
        zones = ("localhost", *self._host_names)
        transport, _ = await loop.create_datagram_endpoint(lambda: Names(zones), sock=names)
        sandbox.servers.append(transport)
        for listener in platforms:
            assert self._platform is not None
            sandbox.servers.append(await self._platform.serve(listener))


def _watched(process_id: int) -> ProcessMeter:
    return ProcessMeter(process_id, WATCHED)
