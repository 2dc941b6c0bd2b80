"""The launcher: a small process that makes sandboxes on request, away from the server and its threads.

There is one for each interpreter that functions run under (it then is the zygote: it has loaded the runtime,
and a sandbox is a fork of it), and one for everything that is executed. It never holds a customer's code,
data or credentials: what a sandbox is to become, the sandbox itself reads from its control socket. It ends when
the server closes its socket or dies.

The socket carries datagrams of JSON. From the server: first the plan of the file system, then {"start": id,
"cgroups": [path]} with two descriptors (control socket, log) and {"kill": id}. To the server: {"ready": true} or
{"error": text}, then {"failed": id, "error": text} and in any case, when every process of a sandbox is gone,
{"gone": id}.
"""

from __future__ import annotations

import array
import gc
import json
import os
import select
import signal
import socket
import sys
from typing import Any, NoReturn

from pilvi.compute.launcher import linux, root, runtime, sandbox, seccomp, templates
from pilvi.compute.launcher.supervision import MESSAGE_BYTES_MAX

_STAGE_TWO = (
    "import sys; sys.path.insert(0, sys.argv[1]);"
    " from pilvi.compute.launcher.main import serve; serve(int(sys.argv[2]))"
)


def main() -> None:
    """Entered by the server: `python -I -S -c ... <descriptor of the socket>`."""
    server = socket.socket(fileno=int(sys.argv[-1]))
    message, _descriptors = _receive(server)
    plan: dict[str, Any] = json.loads(message)
    try:
        root.leave_host(plan)
        root.build(plan)
        interpreter: list[str] = plan["interpreter"]
        if interpreter:
            os.set_inheritable(server.fileno(), True)
            source = root.HOST + plan["source"]
            arguments = [*interpreter, "-I", "-c", _STAGE_TWO, source, str(server.detach())]
            os.execve(interpreter[0], arguments, plan["environment"])
    except OSError as error:
        _send(server, {"error": str(error), "errno": error.errno})
        os._exit(1)
    sys.path[:] = [root.HOST + path for path in sys.path]
    serve(server.detach(), zygote=False)


def serve(descriptor: int, *, zygote: bool = True) -> NoReturn:
    server = socket.socket(fileno=descriptor)
    server.set_inheritable(False)
    try:
        if zygote:
            del sys.path[0]
            sys.path.append("/var/runtime")
            runtime.preload()
        for memory_held in (True, False):
            seccomp.filter_program(
                memory_held=memory_held
            )  # kept, so that no sandbox has to make it
        launcher = _Launcher(server, zygote=zygote)
    except Exception as error:
        _send(server, {"error": f"{type(error).__name__}: {error}", "errno": 0})
        os._exit(1)
    _send(server, {"ready": True})
    launcher.run()


class _Launcher:
    def __init__(self, server: socket.socket, *, zygote: bool) -> None:
        self._server = server
        self._preload = zygote
        self._running: dict[int, int] = {}
        """Process id (in this launcher's namespace) of the first process of a sandbox -> the sandbox's id."""
        self._wake_reader, wake_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        # /proc of the host: there is none in the launcher's own root. It names this process by its host's id.
        self._own_pids = os.open(f"{root.HOST}/proc/thread-self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)

    def run(self) -> NoReturn:
        gc.collect()
        gc.freeze()
        poll = select.poll()
        poll.register(self._server, select.POLLIN)
        poll.register(self._wake_reader, select.POLLIN)
        while True:
            events = poll.poll(20 if self._preload else None)
            if not events:
                self._preload = False
                runtime.preload_clients()
                gc.collect()
                gc.freeze()
            for descriptor, _event in events:
                if descriptor == self._wake_reader:
                    os.read(self._wake_reader, 4096)
                    self._reap()
                else:
                    self._obey()

    def _obey(self) -> None:
        message, descriptors = _receive(self._server)
        request: dict[str, Any] = json.loads(message)
        if "kill" in request:
            for process, name in self._running.items():
                if name == request["kill"]:
                    os.kill(process, signal.SIGKILL)
            return
        control, log = descriptors
        try:
            self._start(request["start"], request["cgroups"], control, log)
        finally:
            os.close(control)
            os.close(log)

    def _start(self, name: int, cgroups: list[str], control: int, log: int) -> None:
        go_reader, go_writer = os.pipe2(os.O_CLOEXEC)
        process: int | None = None
        try:
            process = self._fork(control, log, go_reader)
            self._running[process] = name
            for path in cgroups:
                root.write(f"{root.HOST}{path}/cgroup.procs", str(process))
            os.write(go_writer, b"g")
        except OSError as error:
            _send(self._server, {"failed": name, "error": str(error)})
            if process is None:
                _send(self._server, {"gone": name})
            else:
                os.kill(process, signal.SIGKILL)
        finally:
            os.close(go_reader)
            os.close(go_writer)

    def _fork(self, control: int, log: int, go: int) -> int:
        """The first process of a new pid namespace; the launcher stays in its own."""
        linux.unshare(linux.CLONE_NEWPID)
        try:
            process = os.fork()
            if process == 0:
                sandbox.enter(control, log, go, templates.serve)
        finally:
            linux.setns(self._own_pids, linux.CLONE_NEWPID)
        return process

    def _reap(self) -> None:
        while True:
            try:
                process, _status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if process == 0:
                return
            name = self._running.pop(process, None)
            if name is not None:
                _send(self._server, {"gone": name})


def _receive(server: socket.socket) -> tuple[bytes, list[int]]:
    """One datagram. When the server has gone, this process ends, and with it every sandbox."""
    descriptors = array.array("i")
    try:
        message, ancillary, flags, _address = server.recvmsg(
            MESSAGE_BYTES_MAX, socket.CMSG_SPACE(2 * descriptors.itemsize), socket.MSG_CMSG_CLOEXEC
        )
    except ConnectionError:
        os._exit(0)
    if not message:
        os._exit(0)
    assert not flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC)
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(data)
    return message, list(descriptors)


def _send(server: socket.socket, message: dict[str, object]) -> None:
    try:
        server.send(json.dumps(message).encode())
    except OSError:
        os._exit(0)  # the server has gone
