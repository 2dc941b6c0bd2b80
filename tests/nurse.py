"""The process that others are forked from; see `nursery.py`. It has one thread, and runs nothing itself."""

from __future__ import annotations

import atexit
import importlib
import json
import os
import select
import signal
import socket
import sys
from typing import Any, NoReturn


def main() -> None:
    """`python nurse.py <descriptor of a socket> <module:function> <module to load> ...`"""
    server = socket.socket(fileno=int(sys.argv[1]))
    before = dict(os.environ)
    module, _, function = sys.argv[2].partition(":")
    program = getattr(importlib.import_module(module), function)
    for name in sys.argv[3:]:
        importlib.import_module(name)
    loaded = {name: value for name, value in os.environ.items() if before.get(name) != value}
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    poll = select.poll()
    poll.register(server, select.POLLIN)
    poll.register(reader, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == reader:
                os.read(reader, 4096)
                _reap(server)
            else:
                request, outputs, _, _ = socket.recv_fds(server, 1 << 20, 2)
                if not request:
                    os._exit(0)
                child = os.fork()
                if child == 0:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    os.close(reader)
                    os.close(writer)
                    server.close()
                    asked = json.loads(request)
                    asked["environment"] = loaded | asked["environment"]
                    _become(asked, outputs, program)
                for output in outputs:
                    os.close(output)
                server.send(json.dumps({"born": child}).encode())


def _reap(server: socket.socket) -> None:
    while True:
        try:
            child, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not child:
            return
        server.send(
            json.dumps({"ended": child, "code": os.waitstatus_to_exitcode(status)}).encode()
        )


def _become(request: dict[str, Any], outputs: list[int], program: Any) -> NoReturn:
    code: object = 1
    try:
        os.setsid()
        os.chdir(request["directory"])
        os.environ.clear()
        os.environ.update(request["environment"])
        for number, output in zip((1, 2), outputs, strict=True):
            os.dup2(output, number)
            os.close(output)
        sys.argv[:] = request["words"]
        code = program() or 0
    except SystemExit as end:
        code = end.code
    except BaseException as error:  # noqa: BLE001 as at the end of Python itself
        sys.excepthook(type(error), error, error.__traceback__)
    try:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        if isinstance(code, str):
            os.write(2, code.encode())
        os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    main()
