"""One sandbox, seen from inside: how its first process shuts the doors, and what it does afterwards.

The first process (pid 1 of the sandbox's pid namespace) is forked by the launcher. In this order it

1. takes its own mount, ipc, uts, network and cgroup namespaces and mounts what belongs to this function;
2. opens the listeners that pilvi serves, inside the new network namespace, and hands them out;
3. detaches the host's tree: from here on there is nothing of the host to be reached;
4. becomes nobody: its own user, its own user namespace that owns none of the others, no capabilities,
   no new privileges, resource limits, a seccomp filter;
5. forks the runtime, and from then on only reaps, stops and continues processes, until the runtime ends or
   the server closes the control socket. When it ends, the kernel ends every process of the sandbox.

The control socket carries datagrams. Outwards: JSON {"listening": n} with n descriptors, {"exit": code} or
{"signal": number}, {"error": text}. Inwards: one byte, S (stop all processes) or C (continue).
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import socket
from typing import Any, NoReturn

from pilvi.compute.launcher import linux, seccomp
from pilvi.compute.launcher.root import HOST, READ_ONLY, write
from pilvi.compute.launcher.runtime import run_runtime

USER_ID = 993
GROUP_ID = 990
"""The user that functions are on AWS, sbx_user1051."""

_CONTROL = 3
_LOG = 4
_GO = 5
_BACKLOG = 64


def enter(request: dict[str, Any], control: int, log: int, go: int) -> NoReturn:
    """Become the sandbox's first process. `go`: a pipe on which the launcher says that the cgroups are set."""
    try:
        _place_descriptors(control, log, go)
        _build(request)
        _lock(request)
        runtime = os.fork()
        if runtime == 0:
            _start_runtime(request)
        status = _watch(runtime)
    except BaseException as error:
        _tell({"error": f"{type(error).__name__}: {error}"})
        os._exit(1)
    code = os.waitstatus_to_exitcode(status)
    _tell({"exit": code} if code >= 0 else {"signal": -code})
    os._exit(0)


def _place_descriptors(control: int, log: int, go: int) -> None:
    high = [os.dup2(descriptor, 100 + index) for index, descriptor in enumerate((control, log, go))]
    for target, descriptor in zip((_CONTROL, _LOG, _GO), high):
        os.dup2(descriptor, target, inheritable=False)
    null = os.open("/dev/null", os.O_RDWR)
    for target in (0, 1, 2):
        os.dup2(null, target)
    os.closerange(_GO + 1, 65536)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.setsid()


def _build(request: dict[str, Any]) -> None:
    linux.unshare(linux.CLONE_NEWNS | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS | linux.CLONE_NEWNET)
    for source, target in request["binds"]:
        linux.bind(HOST + source, target, READ_ONLY)
    user = request["user"]
    linux.mount(
        "tmp",
        "/tmp",
        "tmpfs",
        linux.MS_NOSUID | linux.MS_NODEV,
        f"mode=0700,uid={user},gid={user},size={request['tmp_bytes']},nr_inodes={request['tmp_files']}",
    )
    linux.mount("proc", "/proc", "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
    socket.sethostname(request["address"])
    linux.raise_loopback(request["address"])
    listeners = [_listen(host, port) for host, port in request["listeners"]]
    with socket.socket(fileno=os.dup(_CONTROL)) as control:
        socket.send_fds(
            control,
            [json.dumps({"listening": len(listeners)}).encode()],
            [listener.fileno() for listener in listeners],
        )
    for listener in listeners:
        listener.close()
    os.fchown(_LOG, user, user)  # so that /dev/stdout can be opened by its name
    linux.unmount(HOST)
    os.chdir("/")


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(_BACKLOG)
    return listener


def _lock(request: dict[str, Any]) -> None:
    if os.read(_GO, 1) != b"g":
        raise OSError("the launcher could not put the sandbox into its cgroups")
    os.close(_GO)
    linux.unshare(linux.CLONE_NEWCGROUP)
    user = request["user"]
    if user:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        linux.prctl(linux.PR_SET_DUMPABLE, 1)
    linux.unshare(linux.CLONE_NEWUSER)
    write("/proc/self/setgroups", "deny")
    write("/proc/self/uid_map", f"{USER_ID} {user} 1")
    write("/proc/self/gid_map", f"{GROUP_ID} {user} 1")
    write("/proc/sys/user/max_user_namespaces", "0")
    for name, (soft, hard) in request["limits"].items():
        resource.setrlimit(getattr(resource, name), (soft, hard))
    linux.drop_capabilities(request["last_capability"])
    linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
    program = seccomp.filter_program()
    if program:
        linux.install_filter(program)


def _start_runtime(request: dict[str, Any]) -> NoReturn:
    """The runtime's own process: the only one that a customer's code is run in."""
    os.setsid()
    write(
        "/proc/self/oom_score_adj", "500"
    )  # it dies of want of memory before the first process does
    os.close(_CONTROL)
    os.dup2(_LOG, 1)
    os.dup2(_LOG, 2)
    if request["framed_log"]:
        os.set_inheritable(_LOG, True)
        request["environment"]["_LAMBDA_TELEMETRY_LOG_FD"] = str(_LOG)
    else:
        os.close(_LOG)
    run_runtime(request)


def _watch(runtime: int) -> int:
    """Wait for the runtime to end; its wait status."""
    linux.prctl(linux.PR_SET_DUMPABLE, 0)
    wake_reader, wake_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    os.close(_LOG)
    poll = select.poll()
    poll.register(_CONTROL, select.POLLIN)
    poll.register(wake_reader, select.POLLIN)
    while True:
        while True:
            try:
                process, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return 0
            if process == runtime:
                return status
            if process == 0:
                break
        for descriptor, _event in poll.poll():
            if descriptor == wake_reader:
                os.read(wake_reader, 4096)
                continue
            command = os.read(_CONTROL, 16)
            if not command:
                os._exit(0)
            _signal_all(signal.SIGSTOP if command == b"S" else signal.SIGCONT)


def _signal_all(number: int) -> None:
    try:
        os.kill(-1, number)
    except ProcessLookupError:
        pass  # the runtime has ended; the next round of `_watch` sees it


def _tell(message: dict[str, object]) -> None:
    """Send a message to the server. A server that has gone cannot be told, and needs not."""
    try:
        os.write(_CONTROL, json.dumps(message).encode())
    except OSError:
        os._exit(1)
