"""What /proc tells of the processes of a snapshot: whether one can be forked, and whether a fork is where it should be.

Looked at from outside, by a process with the launcher's rights: what is looked at is a customer's.
"""

from __future__ import annotations

import os
import stat

from pilvi.compute.launcher import tracer

OWN_KINDS = ("user", "mnt", "net", "ipc", "uts", "cgroup")
_WRITTEN = ("/tmp/", "/memfd:", "/dev/", "/SYSV")
"""What files begin with that a function may have made."""
_NOTHING = "0" * 16
_EXPECTED = {
    **dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), _NOTHING),
    "NoNewPrivs": "1",
    "Seccomp": "2",
    "Threads": "1",
}


def unfit(process: int, others: list[int], known: set[int]) -> str | None:
    """Why a fork of it would not be what it is. `others`: processes beside it. `known`: inodes of what it has open for
    us."""
    if not tracer.is_possible():
        return "that is possible on x86-64 only"
    own = f"/proc/{process}"
    threads = int(status_of(process)["Threads"])
    if threads > 1:
        return f"{threads - 1} thread(s) run beside the main one, and a fork has no others"
    if others:
        return f"{len(others)} process(es) that it started still run"
    if shares_memory(process):
        return "it has memory that processes share"
    unix = _unix_sockets()
    for name in os.listdir(f"{own}/fd"):
        opened = f"{own}/fd/{name}"
        reason = _unshareable(os.readlink(opened), os.stat(opened), unix, known)
        if reason is not None:
            return reason
    return None


def _unshareable(name: str, found: os.stat_result, unix: set[int], known: set[int]) -> str | None:
    kind = found.st_mode
    if found.st_ino in known or stat.S_ISCHR(kind) or stat.S_ISDIR(kind):
        return None
    if stat.S_ISREG(kind) and not name.startswith(_WRITTEN):
        return None
    if stat.S_ISSOCK(kind) and found.st_ino not in unix:
        return None
    return f"it has {name} open, which forks would share"


def verify(process: int, first: int, kinds: tuple[str, ...]) -> None:
    """Whether it is in the namespaces of `first`, and has no rights. Raises: PermissionError."""
    status = status_of(process)
    for field, value in _EXPECTED.items():
        if status.get(field) != value:
            raise PermissionError(f"a fork of the snapshot has {field} {status.get(field)}")
    for kind in kinds:
        there = os.stat(f"/proc/{process}/ns/{kind}").st_ino
        if there != os.stat(f"/proc/{first}/ns/{kind.removesuffix('_for_children')}").st_ino:
            raise PermissionError(f"a fork of the snapshot is in another namespace: {kind}")


def status_of(process: int) -> dict[str, str]:
    """Of /proc; nothing when it has just ended."""
    try:
        with open(f"/proc/{process}/status", encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def shares_memory(process: int) -> bool:
    """Whether it has a mapping through which others could change its memory, its code first of all: a private mapping
    shows what is written into the file, too, and a function can write where it can make files.
    """
    with open(f"/proc/{process}/maps", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            _place, modes, _offset, _device, _inode, *path = line.split(maxsplit=5)
            written = bool(path) and path[0].startswith(_WRITTEN)
            if (modes[3] == "s" and (modes[1] == "w" or written)) or (modes[2] == "x" and written):
                return True
            if modes[2:4] == "xs":
                return True
    return False


def _unix_sockets() -> set[int]:
    with open("/proc/net/unix", encoding="utf-8", errors="replace") as lines:
        next(lines)
        return {int(line.split()[6]) for line in lines}
