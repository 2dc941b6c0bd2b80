"""The file system that every sandbox of a launcher starts from, and the namespaces of the launcher itself.

The launcher leaves the host's view of files behind: it builds a small tmpfs from a plan, makes it its root, and
keeps the host's tree only under `/.host`, which each sandbox detaches before anything of a customer runs in it.

1. Nothing here is visible to the host: the mounts live in the launcher's own mount namespace.
2. The launcher is the first process of its own pid namespace: when it ends, however it ends, the kernel ends
   every sandbox with it.
"""

from __future__ import annotations

import os
from typing import Any

from pilvi.compute.launcher import linux

HOST = "/.host"
EMPTY = "/.empty"
NOTHING = "/.nothing"
"""A directory and a file without content, to be laid over what must not be seen."""
READ_ONLY = linux.MOUNT_ATTR_RDONLY | linux.MOUNT_ATTR_NOSUID | linux.MOUNT_ATTR_NODEV


def leave_host(plan: dict[str, Any]) -> None:
    """Enter the launcher's namespaces. Returns in a new process; the caller's process ends here.

    Raises: OSError where the host forbids it.
    """
    flags = linux.CLONE_NEWPID | linux.CLONE_NEWNS
    if plan["own_user_namespace"]:
        user, group = os.getuid(), os.getgid()
        linux.unshare(flags | linux.CLONE_NEWUSER)
        write("/proc/self/setgroups", "deny")
        write("/proc/self/uid_map", f"0 {user} 1")
        write("/proc/self/gid_map", f"0 {group} 1")
    else:
        linux.unshare(flags)
    if os.fork():
        os._exit(0)
    os.setsid()


def build(plan: dict[str, Any]) -> None:
    """Make the planned tree the root. Raises: OSError."""
    root = plan["mount_point"]
    linux.mount("none", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
    linux.mount("pilvi", root, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=0755,size=4m")
    for path in plan["directories"]:
        os.makedirs(root + path, mode=0o755, exist_ok=True)
    for path, text in plan["files"].items():
        write(root + path, text)
    for path, target in plan["links"].items():
        os.symlink(target, root + path)
    for source, path, device in plan["binds"]:
        if os.path.isdir(source):
            os.makedirs(root + path, mode=0o755, exist_ok=True)
        elif not os.path.exists(root + path):
            write(root + path, "")
        attributes = READ_ONLY & ~linux.MOUNT_ATTR_NODEV if device else READ_ONLY
        linux.bind(source, root + path, attributes)
    os.mkdir(root + HOST, 0o700)
    linux.pivot_root(root, root + HOST)
    os.chdir("/")
    linux.set_attributes("/", READ_ONLY, recursive=False)


def write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
