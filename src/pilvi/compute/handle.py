"""The server's half of one environment's processes: the control socket, the listeners, the end.

Its other half is `launcher/supervision.py`, which tells the messages. A backend says how the processes are made and
how they are ended; the rest is here.
"""

from __future__ import annotations

import array
import asyncio
import json
import logging
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from pilvi.compute.api import EnvironmentFailed
from pilvi.compute.ends import Exit
from pilvi.compute.launcher.supervision import MESSAGE_BYTES_MAX

log = logging.getLogger("pilvi.compute")

KILL_S_MAX = 10.0
_LISTENERS_MAX = 8


class Closing(Protocol):
    """A server on one of the listeners, or a transport."""

    def close(self) -> None: ...


class Meter(Protocol):
    @property
    def label(self) -> str: ...
    def peak_mb(self) -> int: ...
    def resident_mb(self) -> int: ...
    def freeze(self, *, frozen: bool) -> bool: ...
    async def remove(self) -> None: ...


OnTold = Callable[[dict[str, Any], list[int]], bool]
"""Gets a message with its descriptors; whether it took them."""


class Handle:
    """See `sandboxes.Sandbox`."""

    def __init__(
        self,
        on_closed: Callable[[Handle], None],
        *,
        meter: Meter | None = None,
        meter_of: Callable[[int], Meter] | None = None,
        walls: tuple[str, ...] = (),
        told_later: bool = False,
    ) -> None:
        """`on_closed`: called when nothing of it is left. `meter_of`: makes the meter when there is none as soon as
        the id of the first process is heard. `walls`: what else is told of its limits.
        `told_later`: what is not known here is kept until `hear` says who wants it.

        Raises: OSError (no descriptors left).
        """
        self._loop = asyncio.get_running_loop()
        self.meter = meter
        self._meter_of = meter_of
        self._walls = walls
        self._on_closed = on_closed
        self._end_processes: Callable[[], Awaitable[object]] | None = None
        self._killing: asyncio.Task[None] | None = None
        self._unwanted: list[socket.socket] = []
        self.listening: asyncio.Future[list[socket.socket]] = self._loop.create_future()
        self.exited: asyncio.Future[Exit] = self._loop.create_future()
        """Of what runs in it now; another one when it has begun again."""
        self.again: Callable[[], dict[str, Any]] | None = None
        """What it is to run when it begins again; None: it cannot."""
        self._lost = False
        self._clearing: asyncio.Future[bool] | None = None
        self.servers: list[Closing] = []
        """Closed when it is killed."""
        self._attend: Callable[[str | int, Exit | None], None] | None = None
        self._unattended: list[tuple[str | int, Exit | None]] = []
        self._sockets: deque[asyncio.Future[socket.socket]] = deque()
        self._on_told: OnTold | None = None
        self._untold: list[dict[str, Any]] | None = [] if told_later else None
        self._control, self.far_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.setblocking(False)
        self._control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._loop.add_reader(self._control, self._hear)

    def begin(
        self, request: dict[str, Any], end_processes: Callable[[], Awaitable[object]]
    ) -> None:
        """Once the first process has the far end: tell it what it is to become.

        `end_processes`: returns when all processes are gone. Raises: EnvironmentFailed.
        """
        self.far_end.close()
        self._end_processes = end_processes
        self.tell(request)

    def tell(self, request: dict[str, Any], *descriptors: int) -> None:
        """Raises: EnvironmentFailed."""
        data = json.dumps(request).encode()
        if len(data) > MESSAGE_BYTES_MAX:
            raise EnvironmentFailed(f"The request for a sandbox is too long: {len(data)} bytes.")
        try:
            socket.send_fds(self._control, [data], descriptors)
        except OSError as error:
            raise EnvironmentFailed(f"The sandbox took no request: {error}.") from error

    @property
    def limits(self) -> tuple[str, ...]:
        return (self.meter.label, *self._walls) if self.meter else self._walls

    def stop(self) -> None:
        if self.meter is None or not self.meter.freeze(frozen=True):
            self._command(b"S")

    def resume(self) -> None:
        if self.meter is None or not self.meter.freeze(frozen=False):
            self._command(b"C")

    def attend(self, on_exit: Callable[[str, Exit], None], on_log: Callable[[int], None]) -> None:
        """Hear of the extensions, of what has happened already, too.

        `on_exit`: an extension's process ended, or could not be started. `on_log`: is given the reading end of what
        they write.
        """

        def heard(what: str | int, how: Exit | None) -> None:
            if isinstance(what, str):
                assert how is not None
                on_exit(what, how)
            else:
                on_log(what)

        self._attend = heard
        while self._unattended:
            heard(*self._unattended.pop(0))

    def hear(self, on_told: OnTold) -> None:
        """Have what is not known here told to `on_told`, what came already, too."""
        self._on_told = on_told
        untold, self._untold = self._untold or [], None
        for message in untold:
            if not on_told(message, []):
                self._fail_of(message)

    def _heard(self, what: str | int, how: Exit | None) -> None:
        if self._attend is not None:
            self._attend(what, how)
        else:
            self._unattended.append((what, how))

    def _drop_unattended(self) -> None:
        for what, _how in self._unattended:
            if isinstance(what, int):
                os.close(what)
        self._unattended.clear()

    def start_runtime(self) -> None:
        """Where extensions come first: they have registered."""
        self._command(b"R")

    def end_runtime(self, *, at_once: bool) -> None:
        self._command(b"K" if at_once else b"T")

    async def new_socket(self) -> socket.socket:
        """An unconnected TCP socket in its network. Raises: OSError when it has ended."""
        made: asyncio.Future[socket.socket] = self._loop.create_future()
        self._sockets.append(made)
        self._command(b"N")
        return await made

    def peak_mb(self) -> int:
        return self.meter.peak_mb() if self.meter else 0

    def resident_mb(self) -> int:
        return self.meter.resident_mb() if self.meter else 0

    @property
    def renewable(self) -> bool:
        """Whether its first process is there to begin again."""
        return self.again is not None and not self._lost and self._killing is None

    async def clear(self) -> bool:
        """Every process but the first one gone; files and addresses stay. False: the sandbox is of no more use."""
        if not self.renewable:
            return False
        clearing = self._clearing = self._loop.create_future()
        self._command(b"E")
        try:
            async with asyncio.timeout(KILL_S_MAX):
                return await clearing
        except TimeoutError:
            return False
        finally:
            self._clearing = None

    def begin_again(self) -> None:
        """Start the extensions and the runtime in what `clear` has left. Raises: EnvironmentFailed."""
        assert self.again is not None
        self._attend = None
        self._drop_unattended()
        self.exited = self._loop.create_future()
        self._command(b"A")
        try:
            self.tell(self.again())
        except EnvironmentFailed:
            self._lose()
            raise

    async def kill(self) -> None:
        if self._killing is None:
            self._killing = asyncio.create_task(self._kill())
        await asyncio.shield(self._killing)

    def hang_up(self) -> None:
        """Ask the first process to end everything."""
        try:
            self._control.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has ended already

    def fail(self, fault: str) -> None:
        """The processes could not be made."""
        self._ended(Exit(fault=fault))

    async def _kill(self) -> None:
        if self._end_processes is not None:
            try:
                await asyncio.wait_for(self._end_processes(), KILL_S_MAX)
            except TimeoutError:
                log.error("processes of a function did not end in %.0f s", KILL_S_MAX)
        self._loop.remove_reader(self._control)
        self._control.close()
        self.far_end.close()
        self._lose()
        for server in (*self.servers, *self._unwanted):
            server.close()
        self._drop_unattended()
        meter, self.meter = self.meter, None
        if meter is not None:
            await meter.remove()
        self._on_closed(self)

    def _command(self, command: bytes) -> None:
        try:
            self._control.send(command)
        except OSError:
            pass  # it has just ended; its last message is on its way

    def _hear(self) -> None:
        try:
            data, descriptors, process_id = _receive(self._control)
        except BlockingIOError:
            return
        except OSError:
            data, descriptors, process_id = b"", [], None
        if not data:
            self._loop.remove_reader(self._control)
            self._lose()
            return
        message: dict[str, Any] = json.loads(data)
        if "listening" in message and len(descriptors) == message["listening"]:
            if self.meter is None and self._meter_of is not None and process_id:
                self.meter = self._meter_of(process_id)
            self._take(descriptors)
            return
        if "extension_log" in message and len(descriptors) == 1:
            self._heard(descriptors[0], None)
            return
        if "socket" in message and len(descriptors) == 1 and self._sockets:
            made = socket.socket(fileno=descriptors[0])
            made.setblocking(False)
            waiting = self._sockets.popleft()
            if waiting.done():
                made.close()
            else:
                waiting.set_result(made)
            return
        if self._on_told is not None and self._on_told(message, descriptors):
            return
        for descriptor in descriptors:
            os.close(descriptor)
        if "cleared" in message:
            self._ended(Exit(signal_number=signal.SIGKILL))
            if self._clearing is not None and not self._clearing.done():
                self._clearing.set_result(True)
        elif "extension" in message:
            self._heard(message["extension"], _exit(message))
        elif "exit" in message or "signal" in message or "unstarted" in message:
            self._ended(_exit(message))
        elif self._untold is not None and "error" not in message:
            self._untold.append(message)
        else:
            self._fail_of(message)

    def _fail_of(self, message: dict[str, Any]) -> None:
        self.fail(message.get("error", "The sandbox sent a message that is not known."))

    def _take(self, descriptors: list[int]) -> None:
        listeners = [socket.socket(fileno=descriptor) for descriptor in descriptors]
        for listener in listeners:
            listener.setblocking(False)
        if self.listening.done():
            self._unwanted += listeners
        else:
            self.listening.set_result(listeners)

    def _lose(self) -> None:
        """The first process has ended, and all others with it."""
        self._lost = True
        if self._clearing is not None and not self._clearing.done():
            self._clearing.set_result(False)
        self._ended(Exit(signal_number=signal.SIGKILL))

    def _ended(self, how: Exit) -> None:
        if not self.listening.done():
            self.listening.set_exception(
                EnvironmentFailed(f"The sandbox could not be made: {how.fault or 'it was killed'}.")
            )
            self.listening.exception()  # whoever waits for it gets it; if nobody does, that is no error
        if not self.exited.done():
            self.exited.set_result(how)
        for waiting in self._sockets if self._killing else ():
            if not waiting.done():
                waiting.set_exception(OSError("the sandbox has ended"))


def _exit(message: dict[str, Any]) -> Exit:
    return Exit(
        code=message.get("exit"),
        signal_number=message.get("signal"),
        unstarted=message.get("unstarted"),
    )


def _receive(connection: socket.socket) -> tuple[bytes, list[int], int | None]:
    """One datagram with its descriptors, and the sender's process id (SO_PASSCRED)."""
    numbers = array.array("i")
    space = socket.CMSG_SPACE(_LISTENERS_MAX * numbers.itemsize) + socket.CMSG_SPACE(12)
    data, ancillary, _flags, _address = connection.recvmsg(65536, space, socket.MSG_CMSG_CLOEXEC)
    process_id: int | None = None
    for _level, kind, content in ancillary:
        if kind == socket.SCM_RIGHTS:
            numbers.frombytes(content[: len(content) - len(content) % numbers.itemsize])
        elif kind == socket.SCM_CREDENTIALS:
            process_id = int.from_bytes(content[:4], sys.byteorder)
    return data, list(numbers), process_id
