"""The place for one fork of a snapshot, made before it comes: namespaces of its own, and who watches over it there.

Two processes, in this order:

1. The first is forked by the supervisor of the snapshot, with its rights. It copies the snapshot's tree of files,
   becomes the snapshot's user, goes into the snapshot's user namespace, and makes one below it, which owns all that
   follows. Who is that user there may enter it: that is how the fork will come in, and nobody else can.
2. The second is the first process of the new pid namespace. It mounts what is the environment's own (/proc, /tmp with
   what the initialisation left there), opens the listeners, shuts the doors as `sandbox.py` does, and then watches.
   It is no parent of the fork: the supervisor tells it how that ended.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import stat
from typing import Any, NoReturn

from pilvi.compute.launcher import linux, sandbox, supervision
from pilvi.compute.launcher.root import write
from pilvi.compute.launcher.sandbox import GROUP_ID, USER_ID
from pilvi.compute.launcher.supervision import LOG

KINDS = (
    linux.CLONE_NEWNS | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS | linux.CLONE_NEWNET | linux.CLONE_NEWPID
) | linux.CLONE_NEWCGROUP  # fmt: skip
_TOLD, _READY, _USERS = LOG + 1, LOG + 2, LOG + 3
_DEPTH_MAX = 64


def prepare(control: int, log: int, told: int, ready: int, users: int) -> NoReturn:
    """The first process. `told`: from where the supervisor's words come; `ready`: where it hears of this one, first the
    id of the second process; `users`: the snapshot's user namespace."""
    try:
        supervision.place_descriptors(control, log, told, ready, users)
        os.setsid()
        request = supervision.read_request()
        user: int = request["user"]
        os.fchown(LOG, user, user)  # so that /dev/stdout can be opened by its name
        linux.unshare(linux.CLONE_NEWNS)
        sandbox.unmask()
        if user:
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            linux.prctl(linux.PR_SET_DUMPABLE, 1)
        linux.setns(_USERS, linux.CLONE_NEWUSER)
        os.close(_USERS)
        linux.unshare(linux.CLONE_NEWUSER)
        write("/proc/self/setgroups", "deny")
        write("/proc/self/uid_map", f"{USER_ID} {USER_ID} 1")
        write("/proc/self/gid_map", f"{GROUP_ID} {GROUP_ID} 1")
        linux.unshare(KINDS)
        second = os.fork()
        if second == 0:
            _become_first(request)
        os.write(_READY, second.to_bytes(4, "big"))
        os._exit(0)
    except BaseException as error:
        supervision.tell({"error": f"{type(error).__name__}: {error}"})
        os._exit(1)


def _become_first(request: dict[str, Any]) -> NoReturn:
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        linux.prctl(linux.PR_SET_DUMPABLE, 1)
        linux.mount("proc", "/proc", "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
        write("/proc/sys/user/max_user_namespaces", "0")
        left = os.open("/tmp", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        listeners = sandbox.furnish({**request, "user": USER_ID, "group": GROUP_ID})
        _copy(left, "/tmp", _DEPTH_MAX)
        os.close(left)
        sandbox.mask()
        for name, (soft, hard) in request["limits"].items():
            resource.setrlimit(getattr(resource, name), (soft, hard))
        linux.drop_capabilities(request["last_capability"])
        linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
        sandbox.install_filter(request)
        sandbox.hand_out(listeners)
        os.write(_READY, b"r")
        os.close(_READY)
        processes = supervision.Processes(request)
        processes.runtime = int.from_bytes(os.read(_TOLD, 4), "big")
        linux.prctl(linux.PR_SET_DUMPABLE, 0)
        if processes.runtime == 0:
            os._exit(0)  # the supervisor has gone, or no fork came
        supervision.watch(processes, sandbox.signal_all, sandbox.end_all, told=_TOLD)
    except BaseException as error:
        supervision.tell({"error": f"{type(error).__name__}: {error}"})
        os._exit(1)
    os._exit(0)


def _copy(source: int, target: str, depth: int) -> None:
    """What lies in a directory: other directories, files and links. `source`: a descriptor of it."""
    for name in os.listdir(source):
        path = f"{target}/{name}"
        found = os.stat(name, dir_fd=source, follow_symlinks=False)
        if stat.S_ISLNK(found.st_mode):
            os.symlink(os.readlink(name, dir_fd=source), path)
            continue
        if stat.S_ISDIR(found.st_mode) and depth:
            os.mkdir(path)
            below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=source)
            _copy(below, path, depth - 1)
            os.close(below)
        elif stat.S_ISREG(found.st_mode):
            opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=source)
            with open(opened, "rb") as old, open(path, "xb") as new:
                shutil.copyfileobj(old, new)
        else:
            continue
        os.chmod(path, stat.S_IMODE(found.st_mode))
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
