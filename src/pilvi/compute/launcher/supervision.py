"""What the first process of an environment does, in a sandbox and without one: it starts the runtime, watches over
it, stops and continues its processes, tells the server how it ended, and starts another one when that is wanted.

It talks with the server over the control socket, in datagrams. Inwards: first the request (JSON), which thus never
was in the launcher's memory, from which other functions are forked; then one byte each: S (stop all processes), C
(continue), R (start the runtime, where extensions come first), T (ask the runtime to end), K (kill it), N (make a
socket in this network), E (end all processes but this one), A (begin again, with the request that follows). Outwards:
JSON {"listening": n} with n descriptors, {"extension_log": 1} and {"socket": 1} with one, then {"exit": code} or
{"signal": number} of the runtime, or with "extension": name of one of these; {"unstarted": text} when a function's own
program could not be executed; {"cleared": 1} when all have ended; {"error": text}. When the server closes it, or dies,
the environment ends.

Invariants:
1. Nothing that ran before E runs after its answer, and nobody but this process outlives a runtime without extensions.
2. What begins again is held by the same walls: its first process has them, or `restrict` raises those that it has not.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from pilvi.compute.launcher import linux, programs, snapshot
from pilvi.compute.launcher.parked import run_parked
from pilvi.compute.launcher.runtime import execute, run_runtime
from pilvi.compute.launcher.snapshot import FRAMED_LOG

MESSAGE_BYTES_MAX = 160 * 1024
CONTROL = 3
LOG = 4


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


class Processes:
    """Those that a customer's code is run in. `extensions`: names by process id. `runtime`: its id; 0 before it is
    started, and once it has ended. `accompanied`: there are extensions, so that the server says who ends when."""

    def __init__(
        self, request: dict[str, Any], *, restrict: Callable[[], None] | None = None
    ) -> None:
        """`restrict`: called in each process that is forked, before anything else is run in it."""
        self.request = request
        self.restrict = restrict
        self.runtime = 0
        self.extensions: dict[int, str] = {}
        self.accompanied = bool(request.get("extensions"))


def start(processes: Processes) -> None:
    """Fork the runtime; or the extensions, and the runtime when the server says that they have registered."""
    request = processes.request
    if not processes.accompanied:
        _start_runtime(processes)
        return
    paths: list[str] = request["extensions"]
    reader, writer = os.pipe2(os.O_CLOEXEC)
    hand_out({"extension_log": 1}, reader)
    os.close(reader)
    for path in paths:
        process = os.fork()
        if process == 0:
            begin_process(processes.restrict)
            _become_extension(path, request["extension_environment"], writer)
        processes.extensions[process] = os.path.basename(path)
    os.close(writer)


def _start_runtime(processes: Processes) -> None:
    processes.runtime = os.fork()
    if processes.runtime == 0:
        begin_process(processes.restrict)
        become_runtime(processes.request)


def hand_out(message: dict[str, object], *descriptors: int) -> None:
    with socket.socket(fileno=os.dup(CONTROL)) as control:
        socket.send_fds(control, [json.dumps(message).encode()], list(descriptors))


def begin_process(restrict: Callable[[], None] | None = None) -> None:
    os.setsid()
    linux.prctl(linux.PR_SET_DUMPABLE, 1)  # or it could not write to its own /proc
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    # It dies of want of memory before its first process does.
    with open("/proc/self/oom_score_adj", "w", encoding="utf-8") as file:
        file.write("500")
    if restrict is not None:
        restrict()


def _become_extension(path: str, environment: dict[str, str], log: int) -> NoReturn:
    for target in (1, 2):
        os.dup2(log, target)
    os.close(LOG)
    program, error = execute([path], "/", environment)
    tell({"extension": os.path.basename(path), "unstarted": programs.refusal(program, error)})
    os._exit(127)


def become_parked(request: dict[str, Any], told: int) -> NoReturn:
    """Become a runtime that reads from its standard input, once, whose it is."""
    begin_process()
    os.dup2(told, 0)
    os.close(told)
    become_runtime(request)


def become_template(request: dict[str, Any], channel: int) -> NoReturn:
    """Become a runtime that is initialised once and forked for each environment (`templates.py`)."""
    begin_process()
    os.dup2(channel, snapshot.CHANNEL, inheritable=False)
    become_runtime(request)


def become_runtime(request: dict[str, Any]) -> NoReturn:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(LOG, 1)
    os.dup2(LOG, 2)
    framed: bool = request["framed_log"]
    if framed:
        os.dup2(LOG, FRAMED_LOG)
        request["environment"]["_LAMBDA_TELEMETRY_LOG_FD"] = str(FRAMED_LOG)
    os.close(LOG)
    arguments: list[str] = request["arguments"]
    if not arguments:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # Whatever its maker had open, a function has nothing of it.
        os.closerange(CONTROL, snapshot.CHANNEL if request.get("template") else FRAMED_LOG)
        os.closerange(FRAMED_LOG + 1, 1 << 12)
        if request.get("parked"):
            run_parked(request)
        run_runtime(request)
    # The control socket closes when the program starts; if it does not, this is how the server hears of it.
    program, error = execute(arguments, request["directory"], request["environment"])
    if not framed:
        tell({"unstarted": programs.refusal(program, error)})
    # AWS starts its own runtimes by a shell script, and that is how a shell ends.
    os._exit(126 if isinstance(error, PermissionError) else 127)


def watch(
    processes: Processes,
    signal_all: Callable[[int], None],
    end_all: Callable[[], None],
    *,
    told: int | None = None,
) -> None:
    """Tell of the ends of the runtime and the extensions, and do what the server asks for, until it wants the end.

    `end_all`: kills every process but this one, and waits for them. `told`: where the status of a runtime comes from
    that is no child of this process.
    """
    wake_reader, wake_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    poll = select.poll()
    poll.register(CONTROL, select.POLLIN)
    poll.register(wake_reader, select.POLLIN)
    if told is not None:
        poll.register(told, select.POLLIN)
    restrict = processes.restrict
    while True:
        for process, status in _ended():
            if process == processes.runtime:
                processes.runtime = 0
                if not processes.accompanied:
                    end_all()
                tell_end(status)
            elif process in processes.extensions:
                tell_end(status, extension=processes.extensions.pop(process))
        for descriptor, _event in poll.poll():
            if descriptor == wake_reader:
                os.read(wake_reader, 4096)
                continue
            if descriptor == told:
                poll.unregister(descriptor)
                processes.runtime = 0
                end_all()
                tell_end(int.from_bytes(os.read(descriptor, 4), "big"))
                continue
            try:
                command = os.read(CONTROL, 16)
            except ConnectionError:
                command = b""
            if not command:
                return
            if command == b"E":
                end_all()
                processes = Processes({})
                tell({"cleared": 1})
            elif command == b"A":
                processes = Processes(read_request(), restrict=restrict)
                start(processes)
            else:
                _obey(command, processes, signal_all)


def _ended() -> Iterator[tuple[int, int]]:
    """The children that have ended, with their wait status."""
    while True:
        try:
            process, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if process == 0:
            return
        yield process, status


def _obey(command: bytes, processes: Processes, signal_all: Callable[[int], None]) -> None:
    if command == b"S":
        signal_all(signal.SIGSTOP)
    elif command == b"C":
        signal_all(signal.SIGCONT)
    elif command == b"R":
        _start_runtime(processes)
    elif command == b"N":
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as made:
            hand_out({"socket": 1}, made.fileno())
    elif processes.runtime:
        os.kill(processes.runtime, signal.SIGTERM if command == b"T" else signal.SIGKILL)


def tell_end(status: int, *, extension: str | None = None) -> None:
    code = os.waitstatus_to_exitcode(status)
    message: dict[str, object] = {"exit": code} if code >= 0 else {"signal": -code}
    if extension is not None:
        message["extension"] = extension
    tell(message)


def tell(message: dict[str, object]) -> None:
    """Send a message to the server. A server that has gone cannot be told, and needs not."""
    try:
        os.write(CONTROL, json.dumps(message).encode())
    except OSError:
        os._exit(1)
