"""The extensions of one environment: who starts before whom, who is waited for, who is told of the end.

AWS: Lambda Developer Guide, "Using the Lambda Extensions API to create extensions", Init, Invoke and Shutdown phase.
Differs: the answer of an invocation waits for the extensions; AWS gives it to the caller before they are done.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable
from typing import Any, Literal, Protocol

from pilvi.base.arn import Arn
from pilvi.base.clock import Clock
from pilvi.base.entropy import Entropy
from pilvi.compute import events
from pilvi.compute.api import EnvironmentSpec
from pilvi.compute.capture import Capture
from pilvi.compute.ends import End, Exit, ExtensionFailed, crash
from pilvi.compute.extensions import subscribing
from pilvi.compute.extensions.registry import Connection, Extension, Registry
from pilvi.compute.extensions.telemetry import SUBSCRIPTIONS_MAX, Telemetry
from pilvi.compute.journal import Journal
from pilvi.compute.runtime_api import RuntimeApi

SHUTDOWN_S_MAX = 2.0
SHUTDOWN_INTERNAL_S_MAX = 0.5
_RUNTIME_SHARE = 0.3
"""Of the shutdown phase: how long the runtime may take to end when it is asked to."""

Why = Literal["spindown", "timeout", "failure"]


class Processes(Protocol):
    """What extensions need of a sandbox."""

    @property
    def exited(self) -> asyncio.Future[Exit]: ...
    def attend(
        self, on_exit: Callable[[str, Exit], None], on_log: Callable[[int], None]
    ) -> None: ...
    def start_runtime(self) -> None: ...
    def end_runtime(self, *, at_once: bool) -> None: ...
    def resume(self) -> None: ...
    async def new_socket(self) -> socket.socket: ...


class Companions:
    def __init__(
        self,
        spec: EnvironmentSpec,
        names: tuple[str, ...],
        processes: Processes,
        journal: Journal,
        api: RuntimeApi,
        clock: Clock,
        *,
        host: str,
        on_failed: Callable[[End], None],
    ) -> None:
        """`names`: of external ones, whose processes run already. `host`: where they listen, from inside."""
        self._processes = processes
        self._journal = journal
        self._api = api
        self._clock = clock
        self._host = host
        self._on_failed = on_failed
        self._ending = False
        self._told = False
        self._runtime_runs = not names
        self._running = set(names)
        self._wanted: set[str] = set()
        """Whose end is waited for."""
        self._all_gone = asyncio.Event()
        self.on_settled: Callable[[], None] | None = None
        """Told when everybody waits for the next event."""
        account = Arn.parse(spec.function_arn).account
        self.registry = Registry(
            names,
            {
                "functionName": spec.function_name,
                "functionVersion": spec.version,
                "handler": spec.handler,
                "accountId": account,
            },
            Entropy(),
            on_registered=self._start_runtime,
            on_ready=self._ready,
            on_failed=self._failed,
            subscribe=self._subscribe,
        )
        self._telemetry = Telemetry(self._connect, json_logs=spec.log_format == "JSON")
        journal.open_subscriptions(self._telemetry)
        api.registry = self.registry
        processes.attend(self._exited, lambda end: journal.add_extensions(Capture(end, clock)))

    @property
    def settled(self) -> bool:
        return self.registry.all_ready

    def close(self) -> None:
        """The initialisation is over: nobody registers or subscribes any more."""
        self.registry.closed = True
        self._journal.close_subscriptions()

    def tell_states(self) -> None:
        """In the log, once: how each of them came through the initialisation."""
        if self._told:
            return
        self._told = True
        for one in self.registry.all:
            self._journal.tell(events.extension(one.name, one.state, one.events, one.error_type))

    async def shut_down(self, why: Why) -> None:
        """Ask the runtime to end, then tell the extensions, and give them what is left of the time."""
        self._ending = True
        within_s = SHUTDOWN_S_MAX if self.registry.external else SHUTDOWN_INTERNAL_S_MAX
        ends_s = time.monotonic() + within_s
        self._processes.resume()
        self._journal.wake()
        if self._runtime_runs and not self._processes.exited.done():
            self._processes.end_runtime(at_once=False)
            await asyncio.wait([self._processes.exited], timeout=within_s * _RUNTIME_SHARE)
            if not self._processes.exited.done():
                self._processes.end_runtime(at_once=True)
        await self._journal.flush(max(0.0, ends_s - time.monotonic()) / 2)
        told = [one for one in self.registry.external if "SHUTDOWN" in one.events]
        if not any(one.name in self._running for one in told):
            return
        left_s = max(0.0, ends_s - time.monotonic())
        machine_ms = time.clock_gettime_ns(time.CLOCK_REALTIME) // 1_000_000
        self.registry.shut_down(why, machine_ms + int(left_s * 1000))
        self._wanted = {one.name for one in told}
        self._check_gone()
        try:
            await asyncio.wait_for(self._all_gone.wait(), left_s)
        except TimeoutError:
            return  # they are killed with the sandbox

    def _check_gone(self) -> None:
        if not self._wanted & self._running:
            self._all_gone.set()

    def _start_runtime(self) -> None:
        self._runtime_runs = True
        self._processes.start_runtime()

    def _ready(self) -> None:
        self._api.proceed()
        if self.on_settled is not None:
            self.on_settled()

    def _failed(self, kind: str, said: str) -> None:
        if not self._ending:
            self._on_failed(ExtensionFailed(kind, said))

    def _exited(self, name: str, how: Exit) -> None:
        self._running.discard(name)
        if self._ending:
            self._check_gone()
            return
        failed = crash(how)
        for one in self.registry.external:
            if one.name == name and one.state not in ("InitError", "ExitError"):
                one.error_type = failed.error_type
                self._on_failed(failed)

    def _subscribe(self, connection: Connection, extension: Extension | None) -> None:
        kind: subscribing.Kind = "logs" if connection.path.startswith(b"/2020") else "telemetry"
        prefix = "Logs" if kind == "logs" else "Telemetry"
        if extension is None:
            text = (
                f"Unknown extension {connection.extension_headers[b'lambda-extension-identifier']}"
            )
            connection.refuse(403, "Extension.UnknownExtensionIdentifier", text)
            return
        if not self._journal.may_subscribe:
            text = f"{prefix} API subscription is closed already"
            connection.refuse(403, f"{prefix}.SubscriptionClosed", text)
            return
        try:
            asked = subscribing.parse(kind, extension.name, connection.body())
        except subscribing.Invalid as problem:
            error_type = "Logs.ValidationError" if kind == "logs" else "ValidationError"
            connection.refuse(400, error_type, str(problem))
            return
        others = [feed.to for feed in self._telemetry.feeds if feed.to.name != asked.name]
        same = [feed.to for feed in self._telemetry.feeds if feed.to.name == asked.name]
        if any(one.kind != kind for one in same) or len(others) >= SUBSCRIPTIONS_MAX:
            text = "An extension subscribes by one API only"
            connection.refuse(400, f"{prefix}.ValidationError", text)
            return
        feed = self._telemetry.subscribe(asked)
        self._journal.catch_up(feed)
        self._journal.tell(events.subscription(kind, asked.name, list(asked.types)))
        connection.answer(200, "OK", {})

    async def _connect(self, port: int) -> socket.socket:
        """Raises: OSError."""
        made = await self._processes.new_socket()
        try:
            await asyncio.get_running_loop().sock_connect(made, (self._host, port))
        except BaseException:
            made.close()
            raise
        return made


def external_of(spec: EnvironmentSpec) -> tuple[str, ...]:
    """The names of the programs in the layers' directory `extensions`, which AWS starts before the runtime."""
    names: set[str] = set()
    for layer in spec.layer_dirs:
        try:
            with os.scandir(layer / "extensions") as entries:
                names |= {entry.name for entry in entries if entry.is_file()}
        except (FileNotFoundError, NotADirectoryError):
            continue
    return tuple(sorted(names))


def add_extensions(request: dict[str, Any], names: tuple[str, ...], place: str) -> None:
    """Have the sandbox of this request start them. `place`: their directory, from inside."""
    if names:
        environment: dict[str, str] = request["environment"]
        request["extensions"] = [f"{place}/{name}" for name in names]
        request["extension_environment"] = {
            name: value for name, value in environment.items() if name not in _NOT_FOR_EXTENSIONS
        }


_NOT_FOR_EXTENSIONS = frozenset(
    (
        *("AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"),
        *("AWS_XRAY_CONTEXT_MISSING", "AWS_XRAY_DAEMON_ADDRESS", "LAMBDA_RUNTIME_DIR"),
        *("LAMBDA_TASK_ROOT", "_AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_PORT", "_HANDLER"),
    )
)
"""Variables that are the runtime's own."""
