"""The server's side of a launcher: starts the process, asks it for sandboxes, hears of their ends."""

from __future__ import annotations

import array
import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from pilvi.base.errors import PilviError
from pilvi.compute.api import EnvironmentFailed
from pilvi.compute.launcher.main import MESSAGE_BYTES_MAX
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
    """Make one with `await Launcher.start(plan)`. Raises: PilviError where the host forbids sandboxes."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._on_failed: dict[int, Callable[[str], None]] = {}
        self._gone: dict[int, asyncio.Future[None]] = {}
        self._last = 0
        self.alive = True

    @classmethod
    async def start(cls, plan: dict[str, Any]) -> Launcher:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with theirs:
            arguments = [
                sys.executable,
                "-I",
                "-S",
                "-c",
                _STAGE_ONE,
                str(SOURCE),
                str(theirs.fileno()),
            ]
            process = await asyncio.to_thread(
                subprocess.Popen,
                arguments,
                pass_fds=(theirs.fileno(),),
                env={"LC_CTYPE": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
            )
        launcher = cls(ours)
        launcher._loop.add_reader(ours, launcher._hear)
        launcher._send(plan)
        try:
            await asyncio.wait_for(launcher._ready, READY_S_MAX)
        except TimeoutError:
            launcher.close()
            raise EnvironmentFailed("The launcher of sandboxes did not become ready.") from None
        finally:
            # This process ends as soon as it has entered its namespaces; the launcher is its child.
            await asyncio.to_thread(process.wait)
        return launcher

    def request(
        self,
        request: dict[str, Any],
        descriptors: list[int],
        *,
        on_failed: Callable[[str], None],
    ) -> int:
        """Ask for a sandbox; its id. Raises: EnvironmentFailed."""
        if not self.alive:
            raise EnvironmentFailed("The launcher of sandboxes has ended.")
        self._last += 1
        number = self._last
        self._send({**request, "start": number}, descriptors)
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
            self._connection.close()
        if not self._ready.done():
            self._ready.set_exception(
                EnvironmentFailed("The launcher of sandboxes ended at its start.")
            )
        for on_failed in list(self._on_failed.values()):
            on_failed("the launcher of sandboxes has ended")
        for gone in self._gone.values():
            if not gone.done():
                gone.set_result(None)
        self._on_failed.clear()
        self._gone.clear()

    def _send(self, message: dict[str, Any], descriptors: list[int] | None = None) -> None:
        data = json.dumps(message).encode()
        if len(data) > MESSAGE_BYTES_MAX:
            raise EnvironmentFailed(f"The request for a sandbox is too long: {len(data)} bytes.")
        try:
            socket.send_fds(self._connection, [data], descriptors or [])
        except BlockingIOError:
            raise EnvironmentFailed("The launcher of sandboxes is too busy.") from None
        except OSError as error:
            self.close()
            raise EnvironmentFailed(f"The launcher of sandboxes has ended: {error}.") from error

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
        if "ready" in message:
            self._ready.set_result(None)
        elif "failed" in message:
            on_failed = self._on_failed.get(message["failed"])
            self._forget(message["failed"])
            if on_failed is not None:
                on_failed(message["error"])
        elif "gone" in message:
            self._forget(message["gone"])
        elif "error" in message:
            self._ready.set_exception(
                PilviError(
                    f"This host does not let pilvi make sandboxes: {message['error']}.", ADVICE
                )
            )

    def _forget(self, number: int) -> None:
        self._on_failed.pop(number, None)
        gone = self._gone.pop(number, None)
        if gone is not None and not gone.done():
            gone.set_result(None)


def receive(
    connection: socket.socket, *, descriptors_max: int
) -> tuple[bytes, list[int], int | None]:
    """One datagram with its descriptors, and the sender's process id where the socket tells it (SO_PASSCRED)."""
    numbers = array.array("i")
    space = socket.CMSG_SPACE(descriptors_max * numbers.itemsize) + socket.CMSG_SPACE(12)
    data, ancillary, _flags, _address = connection.recvmsg(65536, space, socket.MSG_CMSG_CLOEXEC)
    process_id: int | None = None
    for _level, kind, content in ancillary:
        if kind == socket.SCM_RIGHTS:
            numbers.frombytes(content[: len(content) - len(content) % numbers.itemsize])
        elif kind == socket.SCM_CREDENTIALS:
            process_id = int.from_bytes(content[:4], sys.byteorder)
    return data, list(numbers), process_id


def close_all(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
