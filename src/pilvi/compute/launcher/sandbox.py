"""One sandbox, seen from inside: how its first process shuts the doors.

The first process (pid 1 of the sandbox's pid namespace) is forked by the launcher. In this order it

1. reads from the control socket what it is to become;
2. takes its own mount, ipc, uts, network and cgroup namespaces and mounts what belongs to this function;
3. opens the listeners that pilvi serves, inside the new network namespace;
4. detaches the host's tree: from here on there is nothing of the host to be reached;
5. becomes nobody: its own user, its own user namespace that owns none of the others, no capabilities,
   no new privileges, resource limits, Landlock's rules, a seccomp filter;
6. hands the listeners out, forks the runtime, and from then on only watches over it (`supervision.py`), or over the
   next one, when the environment begins again.

When it ends, the kernel ends every process of the sandbox.
"""

from __future__ import annotations

import functools
import json
import os
import resource
import signal
import socket
from collections.abc import Callable
from typing import Any, NoReturn

from pilvi.compute.launcher import landlock, linux, seccomp, supervision
from pilvi.compute.launcher.parked import GO_AHEAD
from pilvi.compute.launcher.root import EMPTY, HOST, NOTHING, READ_ONLY, write
from pilvi.compute.launcher.supervision import CONTROL, LOG

USER_ID = 993
GROUP_ID = 990
"""The user that functions are on AWS, sbx_user1051."""

ServeTemplate = Callable[[dict[str, Any], list[socket.socket], int], NoReturn]

_GO = LOG + 1
_BACKLOG = 64
_MASKED = (
    *("cmdline", "config.gz", "interrupts", "kallsyms", "kcore", "key-users", "keys", "kmsg", "latency_stats"),
    *("modules", "sched_debug", "sysrq-trigger", "timer_list", "timer_stats"),
    *("acpi", "asound", "bus", "driver", "fs", "irq", "scsi"),
)  # fmt: skip
"""What of /proc tells of the host, or acts on it."""
_SETTINGS = "/proc/sys"


def enter(control: int, log: int, go: int, serve_template: ServeTemplate) -> NoReturn:
    """Become the sandbox's first process, forked by the launcher.

    `go`: a pipe on which somebody says that the cgroups are set. `serve_template`: what goes on in the sandbox of a
    snapshot (`templates.py`), once it is furnished; it is given the listeners and /proc/sys as it was before.
    """
    _become(control, log, go, _take_namespaces, serve_template)


def enter_made(control: int, log: int, go: int) -> NoReturn:
    """The same in namespaces that another program has made, with the mounts of this function."""
    _become(control, log, go, lambda _request: None)


def _become(
    control: int,
    log: int,
    go: int,
    take_namespaces: Callable[[dict[str, Any]], None],
    serve_template: ServeTemplate | None = None,
) -> NoReturn:
    try:
        supervision.place_descriptors(control, log, go)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        request = supervision.read_request()
        take_namespaces(request)
        user: int = request["user"]
        os.fchown(LOG, user, user)  # so that /dev/stdout can be opened by its name
        listeners = furnish(request)
        settings = os.open("/proc/sys", os.O_PATH | os.O_CLOEXEC)
        mask()
        if serve_template is not None and request.get("template"):
            serve_template(request, listeners, settings)
        if request.get("parked"):
            processes = _park(request, listeners, settings)
        else:
            detach()
            await_cgroups()
            lock(request, settings)
            linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)  # who changes users has lost it
            hand_out(listeners)
            processes = supervision.Processes(request)
            supervision.start(processes)
        linux.prctl(linux.PR_SET_DUMPABLE, 0)
        supervision.watch(processes, signal_all, end_all)
    except BaseException as error:
        supervision.tell({"error": f"{type(error).__name__}: {error}"})
        os._exit(1)
    os._exit(0)


def _take_namespaces(request: dict[str, Any]) -> None:
    linux.unshare(linux.CLONE_NEWNS | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS | linux.CLONE_NEWNET)
    for source, target in request["binds"]:
        linux.bind(HOST + source, target, READ_ONLY)
    linux.mount("proc", "/proc", "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)


def furnish(request: dict[str, Any]) -> list[socket.socket]:
    """What is its own: /tmp, a name, addresses. Then the host's tree is detached. Gives the listeners."""
    user = request["user"]
    group = request.get("group", user)
    linux.mount(
        "tmp",
        "/tmp",
        "tmpfs",
        linux.MS_NOSUID | linux.MS_NODEV,
        f"mode=1777,uid={user},gid={group},size={request['tmp_bytes']},nr_inodes={request['tmp_files']}",
    )
    socket.sethostname(request["address"])
    linux.raise_loopback(request["address"])
    return [_listen(*listener) for listener in request["listeners"]]


def detach() -> None:
    linux.unmount(HOST)
    os.chdir("/")


def _park(
    request: dict[str, Any], listeners: list[socket.socket], settings: int
) -> supervision.Processes:
    """Start a runtime behind all doors before it is known whose it will be; then let its function in.

    Steps 4 and 5 are the runtime's own at first: it is nobody, and waits. This process keeps the host's tree until the
    function's files are mounted, runs nothing of anybody meanwhile, and then shuts the doors behind itself as well.
    """
    await_cgroups()
    settings_again = os.dup(settings)
    reader, writer = os.pipe2(os.O_CLOEXEC)
    runtime = os.fork()
    if runtime == 0:
        os.close(writer)
        os.close(settings_again)
        for listener in listeners:
            listener.close()
        lock(request, settings)
        supervision.become_parked(request, reader)
    os.close(reader)
    os.close(settings)
    hand_out(listeners)
    function = supervision.read_request()
    with open(writer, "wb") as told:
        # It gets ready meanwhile, and runs nothing of the function before it hears that all doors are shut.
        told.write(json.dumps(function["told"]).encode() + b"\n")
        told.flush()
        for source, target in function["binds"]:
            linux.bind(HOST + source, target, READ_ONLY)
        detach()
        # Its own rules would keep it from signalling a runtime that has others.
        lock({**request, "landlock": 0}, settings_again)
        told.write(GO_AHEAD)
    known, devices = request["landlock"], request["devices"]
    restrict = functools.partial(landlock.restrict, known, devices) if known else None
    processes = supervision.Processes(request, restrict=restrict)
    processes.runtime = runtime
    return processes


def await_cgroups() -> None:
    if os.read(_GO, 1) != b"g":
        raise OSError("the launcher could not put the sandbox into its cgroups")
    os.close(_GO)


def mask() -> None:
    """Lay nothing over parts of /proc, and make the host's settings read-only."""
    for path in _masked():
        linux.mount(EMPTY if os.path.isdir(path) else NOTHING, path, flags=linux.MS_BIND)
    linux.bind(_SETTINGS, _SETTINGS, READ_ONLY | linux.MOUNT_ATTR_NOEXEC)


def unmask() -> None:
    """Undo it, in mounts of one's own: a new /proc may only be mounted where there is a whole one."""
    for path in (*_masked(), _SETTINGS):
        linux.unmount(path)


def _masked() -> list[str]:
    return [path for path in (f"/proc/{name}" for name in _MASKED) if os.path.exists(path)]


def _listen(kind: str, host: str, port: int) -> socket.socket:
    if kind == "udp":
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        listener.bind((host, port))
        return listener
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(_BACKLOG)
    return listener


def lock(request: dict[str, Any], settings: int) -> None:
    """`settings`: /proc/sys as it was before it became read-only; closed here."""
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
    maximum = os.open("user/max_user_namespaces", os.O_WRONLY | os.O_CLOEXEC, dir_fd=settings)
    os.write(maximum, str(request.get("user_namespaces", 0)).encode())
    os.close(maximum)
    os.close(settings)
    for name, (soft, hard) in request["limits"].items():
        resource.setrlimit(getattr(resource, name), (soft, hard))
    os.nice(request["nice"])
    linux.drop_capabilities(request["last_capability"])
    linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
    if request["landlock"]:
        landlock.restrict(request["landlock"], request["devices"])
    install_filter(request)


def install_filter(request: dict[str, Any]) -> None:
    snapshot: bool = request.get("template", False)
    program = seccomp.filter_program(memory_held=request["memory_held"], snapshot=snapshot)
    if program:
        linux.install_filter(program)


def hand_out(listeners: list[socket.socket]) -> None:
    with socket.socket(fileno=os.dup(CONTROL)) as control:
        message = json.dumps({"listening": len(listeners)}).encode()
        socket.send_fds(control, [message], [listener.fileno() for listener in listeners])
    for listener in listeners:
        listener.close()


def signal_all(number: int) -> None:
    try:
        os.kill(-1, number)
    except ProcessLookupError:
        pass  # the runtime has ended; the next round of `watch` sees it


def end_all() -> None:
    """Kill every other process of this pid namespace. All of them are, or become, children of this one."""
    while True:
        signal_all(signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return
