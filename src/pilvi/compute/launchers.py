"""The server's side of a launcher: starts the process, asks it for sandboxes, hears of their ends."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from typing import Any

from pilvi.compute.api import EnvironmentFailed
from pilvi.compute.launcher.supervision import MESSAGE_BYTES_MAX
from pilvi.compute.plan import SOURCE

READY_S_MAX = 30.0

_STAGE_ONE = (
    "import sys; sys.path.insert(0, sys.argv[1]);"
    " from pilvi.compute.launcher.main import main; main()"
)

ADVICE = (
    "Sandboxes need user namespaces. Allow them: `sysctl -w user.max_user_namespaces=65536`, on Debian"
    " `sysctl -w kernel.unprivileged_userns_clone=1`, on Ubuntu"
    " `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`; inside Docker run with `--privileged` or with"
    " `--security-opt seccomp=unconfined --security-opt apparmor=unconfined --cap-add SYS_ADMIN`. Linux must be"
    " 5.12 or later. Without isolation: the backend `process`."
)


class Launcher:
    """Make one with `await Launcher.start(plan)`."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._on_failed: dict[int, Callable[[str], None]] = {}
        self._gone: dict[int, asyncio.Future[None]] = {}
        self._outbox: deque[tuple[bytes, list[int]]] = deque()
        """What the socket had no room for, with descriptors of our own; at most two of each sandbox."""
        self._last = 0
        self.alive = True
        self._loop.add_reader(connection, self._hear)

    @classmethod
    async def start(cls, plan: dict[str, Any]) -> Launcher:
        """Raises: EnvironmentFailed, where the host forbids sandboxes too."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        launcher = cls(ours)
        with theirs:
            arguments = ["-I", "-S", "-c", _STAGE_ONE, str(SOURCE), str(theirs.fileno())]
            try:
                process = await asyncio.to_thread(
                    subprocess.Popen,
                    [sys.executable, *arguments],
                    pass_fds=(theirs.fileno(),),
                    env={"LC_CTYPE": "C.UTF-8"},
                    stdin=subprocess.DEVNULL,
                )
            except BaseException:
                launcher.close()
                raise
        try:
            launcher._send(plan)
            await asyncio.wait_for(launcher._ready, READY_S_MAX)
        except TimeoutError:
            launcher.close()
            raise EnvironmentFailed("The launcher of sandboxes did not become ready.") from None
        except BaseException:
            launcher.close()
            raise
        finally:
            # This process ends as soon as it has entered its namespaces; the launcher is its child.
            await asyncio.to_thread(process.wait)
        return launcher

    def request(
        self,
        control: int,
        log: int,
        *,
        cgroups: list[str],
        on_failed: Callable[[str], None],
    ) -> int:
        """Ask for a sandbox; its id. `control`, `log`: descriptors, duplicated here. Raises: EnvironmentFailed."""
        if not self.alive:
            raise EnvironmentFailed("The launcher of sandboxes has ended.")
        self._last += 1
        number = self._last
        self._send({"start": number, "cgroups": cgroups}, [control, log])
        self._on_failed[number] = on_failed
        self._gone[number] = self._loop.create_future()
        return number

    def kill(self, number: int) -> asyncio.Future[None]:
        """End a sandbox. The future is done when all of its processes are gone."""
        gone = self._gone.get(number)
        if gone is None:
            gone = self._loop.create_future()
            gone.set_result(None)
        elif self.alive:
            self._send({"kill": number})
        return gone

    def close(self) -> None:
        """End the launcher, and with it all of its sandboxes."""
        if self.alive:
            self.alive = False
            self._loop.remove_reader(self._connection)
            self._loop.remove_writer(self._connection)
            self._connection.close()
        for _data, descriptors in self._outbox:
            _close_all(descriptors)
        self._outbox.clear()
        self._refuse("The launcher of sandboxes ended at its start.")
        for on_failed in list(self._on_failed.values()):
            on_failed("the launcher of sandboxes has ended")
        for gone in self._gone.values():
            if not gone.done():
                gone.set_result(None)
        self._on_failed.clear()
        self._gone.clear()

    def _refuse(self, reason: str) -> None:
        if not self._ready.done():
            self._ready.set_exception(EnvironmentFailed(reason))
            self._ready.exception()  # `start` gets it, unless it was cancelled

    def _send(self, message: dict[str, Any], descriptors: list[int] | None = None) -> None:
        """At once or as soon as there is room. Raises: EnvironmentFailed when the launcher has ended."""
        data = json.dumps(message).encode()
        if len(data) > MESSAGE_BYTES_MAX:
            raise EnvironmentFailed(f"The plan of sandboxes is too long: {len(data)} bytes.")
        if self._outbox or not self._sent(data, descriptors or []):
            self._outbox.append((data, [os.dup(number) for number in descriptors or []]))
            self._loop.add_writer(self._connection, self._flush)

    def _sent(self, data: bytes, descriptors: list[int]) -> bool:
        try:
            socket.send_fds(self._connection, [data], descriptors)
        except BlockingIOError:
            return False
        except OSError as error:
            self.close()
            raise EnvironmentFailed(f"The launcher of sandboxes has ended: {error}.") from error
        return True

    def _flush(self) -> None:
        try:
            while self._outbox and self._sent(*self._outbox[0]):
                _close_all(self._outbox.popleft()[1])
        except EnvironmentFailed:
            return  # `close` told everybody
        if not self._outbox:
            self._loop.remove_writer(self._connection)

    def _hear(self) -> None:
        try:
            data = self._connection.recv(MESSAGE_BYTES_MAX)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        message: dict[str, Any] = json.loads(data)
        if "gone" in message:
            self._on_failed.pop(message["gone"], None)
            gone = self._gone.pop(message["gone"], None)
            if gone is not None and not gone.done():
                gone.set_result(None)
        elif "failed" in message:
            on_failed = self._on_failed.pop(message["failed"], None)
            if on_failed is not None:
                on_failed(message["error"])
        elif "ready" in message:
            self._ready.set_result(None)
        else:
            self._refuse(f"This host does not let pilvi make sandboxes: {message['error']}.")


def _close_all(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
