"""What the first process of an environment does, in a sandbox and without one: it starts the runtime, watches over
it, stops and continues its processes, and tells the server how it ended.

It talks with the server over the control socket, in datagrams. Inwards: first the request (JSON), which thus never
was in the launcher's memory, from which other functions are forked; then one byte each, S (stop all processes) or
C (continue). Outwards: JSON {"listening": n} with n descriptors, then {"exit": code} or {"signal": number}, or
{"error": text}; {"unstarted": text} when a function's own program could not be executed. When the server closes it,
or dies, the environment ends.
"""

from __future__ import annotations

import json
import os
import select
import signal
from collections.abc import Callable
from typing import Any, NoReturn

from pilvi.compute.launcher import linux, programs
from pilvi.compute.launcher.runtime import execute, run_runtime

MESSAGE_BYTES_MAX = 160 * 1024
CONTROL = 3
LOG = 4
FRAMED_LOG = 62
"""The runtime's descriptor for frames of its log, where AWS has it."""


def place_descriptors(control: int, log: int, *others: int) -> None:
    """Put these at 3, 4, ..., nothing on 0 to 2, and close all else."""
    wanted = (control, log, *others)
    beyond = max(wanted) + 1
    for index, descriptor in enumerate(wanted):
        os.dup2(descriptor, beyond + index)
    for index in range(len(wanted)):
        os.dup2(beyond + index, CONTROL + index, inheritable=False)
    null = os.open("/dev/null", os.O_RDWR)
    for target in (0, 1, 2):
        os.dup2(null, target)
    os.closerange(CONTROL + len(wanted), 1 << 20)


def read_request() -> dict[str, Any]:
    data = os.read(CONTROL, MESSAGE_BYTES_MAX)
    if not data:
        os._exit(0)  # the server has gone
    return json.loads(data)


def start_runtime(request: dict[str, Any]) -> int:
    """Fork the runtime's own process, the only one that a customer's code is run in; its id."""
    runtime = os.fork()
    if runtime == 0:
        _become_runtime(request)
    return runtime


def _become_runtime(request: dict[str, Any]) -> NoReturn:
    os.setsid()
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    # It dies of want of memory before its first process does.
    with open("/proc/self/oom_score_adj", "w", encoding="utf-8") as file:
        file.write("500")
    os.dup2(LOG, 1)
    os.dup2(LOG, 2)
    framed: bool = request["framed_log"]
    if framed:
        os.dup2(LOG, FRAMED_LOG)
        request["environment"]["_LAMBDA_TELEMETRY_LOG_FD"] = str(FRAMED_LOG)
    os.close(LOG)
    arguments: list[str] = request["arguments"]
    if not arguments:
        os.close(CONTROL)
        run_runtime(request)
    # The control socket closes when the program starts; if it does not, this is how the server hears of it.
    program, error = execute(arguments, request["directory"], request["environment"])
    if not framed:
        tell({"unstarted": programs.refusal(program, error)})
    # AWS starts its own runtimes by a shell script, and that is how a shell ends.
    os._exit(126 if isinstance(error, PermissionError) else 127)


def watch(runtime: int, signal_all: Callable[[int], None]) -> int | None:
    """Wait for the runtime to end; its wait status. None when the server wants the end, or has gone."""
    wake_reader, wake_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.close(LOG)
    poll = select.poll()
    poll.register(CONTROL, select.POLLIN)
    poll.register(wake_reader, select.POLLIN)
    while True:
        while True:
            process, status = os.waitpid(-1, os.WNOHANG)
            if process == runtime:
                return status
            if process == 0:
                break
        for descriptor, _event in poll.poll():
            if descriptor == wake_reader:
                os.read(wake_reader, 4096)
                continue
            try:
                command = os.read(CONTROL, 16)
            except ConnectionError:
                command = b""
            if not command:
                return None
            signal_all(signal.SIGSTOP if command == b"S" else signal.SIGCONT)


def tell_end(status: int) -> None:
    code = os.waitstatus_to_exitcode(status)
    tell({"exit": code} if code >= 0 else {"signal": -code})


def tell(message: dict[str, object]) -> None:
    """Send a message to the server. A server that has gone cannot be told, and needs not."""
    try:
        os.write(CONTROL, json.dumps(message).encode())
    except OSError:
        os._exit(1)
