"""Control groups: how much memory and how many processes a sandbox may have, where the host lets us say so.

Both hierarchies are known: v2, when the server's own group delegates the memory controller, and v1 as root. What
a function keeps in /tmp is memory as well; the kernel's limit is therefore memory plus /tmp, and `environment.py`
holds the processes' own memory to what the function was given.
"""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

import msgspec

PROCESSES_MAX = 1024
_PREFIX = "pilvi-"
_NOTE = "cgroups-"
_MEBIBYTE = 1024 * 1024
_REMOVALS_MAX = 100
_REMOVE_AGAIN_S = 0.01

log = logging.getLogger("pilvi.compute")


class Hierarchy(msgspec.Struct, frozen=True):
    """Where groups are made: `parents` by controller; for v2 the same directory for all."""

    version: int
    parents: dict[str, Path]


class Cgroup:
    """One sandbox's group. `directories` are what its first process is put into."""

    def __init__(self, hierarchy: Hierarchy, name: str, *, memory_mb: int, tmp_mb: int) -> None:
        """`name`: no other one's in this process. Raises: OSError."""
        self._version = hierarchy.version
        name = f"{_PREFIX}{os.getpid()}-{name}"
        memory, processes = (hierarchy.parents[kind] / name for kind in ("memory", "pids"))
        self.directories = list(dict.fromkeys((memory, processes)))
        limit = str((memory_mb + tmp_mb) * _MEBIBYTE)
        try:
            for directory in self.directories:
                directory.mkdir()
            if self._version == 2:
                (memory / "memory.max").write_text(limit)
                _write_if_there(memory / "memory.swap.max", "0")
                peak = memory / "memory.peak"
                usage = peak if peak.exists() else memory / "memory.current"
                self._resident_field = "anon "
            else:
                (memory / "memory.limit_in_bytes").write_text(limit)
                _write_if_there(memory / "memory.swappiness", "0")
                usage = memory / "memory.max_usage_in_bytes"
                self._resident_field = "total_rss "
            (processes / "pids.max").write_text(str(PROCESSES_MAX))
            self._peak = os.open(usage, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            for directory in self.directories:
                if directory.exists():
                    directory.rmdir()
            raise
        self._stat = memory / "memory.stat"

    @property
    def label(self) -> str:
        return f"memory, processes: cgroup v{self._version}"

    def peak_mb(self) -> int:
        """The most memory it ever had, with its /tmp and the files it read."""
        return _in_mebibytes(int(os.pread(self._peak, 32, 0)))

    def resident_mb(self) -> int:
        """What its processes have now, without /tmp and files."""
        for line in self._stat.read_text().splitlines():
            if line.startswith(self._resident_field):
                return _in_mebibytes(int(line.split()[1]))
        return 0

    async def remove(self) -> None:
        """Once its processes are gone. The kernel may need a moment to notice that they are."""
        os.close(self._peak)
        for directory in self.directories:
            problem = _remove(directory)
            for _ in range(_REMOVALS_MAX):
                if problem is None:
                    break
                await asyncio.sleep(_REMOVE_AGAIN_S)
                problem = _remove(directory)
            if problem is not None:  # the next server removes it, see `remove_stale`
                log.error("the cgroup %s cannot be removed: %s", directory, problem)


def find_hierarchy() -> Hierarchy | None:
    """Where this process may make groups that limit memory; None when the host does not let it."""
    own = _own_groups()
    if "" in own:
        root = _mount_points("cgroup2").get("")
        if root is not None:
            parent = root / own[""].lstrip("/")
            if _delegated(parent):
                return Hierarchy(2, {"memory": parent, "pids": parent})
    mounts = _mount_points("cgroup")
    parents: dict[str, Path] = {}
    for controller in ("memory", "pids"):
        if controller not in mounts or controller not in own:
            return None
        parent = mounts[controller] / own[controller].lstrip("/")
        if not os.access(parent, os.W_OK):
            return None
        parents[controller] = parent
    return Hierarchy(1, parents)


def remember(hierarchy: Hierarchy, run_dir: Path) -> Path:
    """Note in `run_dir` where this process makes groups; to be removed when it ends well."""
    note = run_dir / f"{_NOTE}{os.getpid()}"
    run_dir.mkdir(parents=True, exist_ok=True)
    note.write_text("".join(f"{parent}\n" for parent in set(hierarchy.parents.values())))
    return note


def remove_stale(hierarchy: Hierarchy | None, run_dir: Path) -> None:
    """Remove groups that killed servers left: below this process's own group, and where notes in `run_dir` say.

    Those of servers that live stay.
    """
    parents = set(hierarchy.parents.values()) if hierarchy else set[Path]()
    for note in run_dir.glob(f"{_NOTE}*"):
        if not Path("/proc", note.name.removeprefix(_NOTE)).exists():
            parents.update(map(Path, note.read_text().splitlines()))
            note.unlink(missing_ok=True)
    for parent in parents:
        for directory in parent.glob(f"{_PREFIX}*"):
            owner = directory.name.removeprefix(_PREFIX).partition("-")[0]
            if Path("/proc", owner).exists():
                continue
            problem = _remove(directory)
            if problem is not None and directory.exists():
                log.warning("the cgroup %s of an ended server stays: %s", directory, problem)


def _remove(directory: Path) -> OSError | None:
    """Why it could not be removed."""
    try:
        directory.rmdir()
    except OSError as error:
        return error
    return None


def _delegated(parent: Path) -> bool:
    """Whether children of `parent` can have limits: its controllers are, or can be, handed down."""
    control = parent / "cgroup.subtree_control"
    if not os.access(control, os.W_OK):
        return False
    if {"memory", "pids"} <= set(control.read_text().split()):
        return True
    try:
        control.write_text("+memory +pids")
    except OSError:
        return False  # a group that holds processes itself cannot; the host then has to prepare one
    return True


def _own_groups() -> dict[str, str]:
    groups: dict[str, str] = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _number, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            groups[controller] = path
    return groups


def _mount_points(kind: str) -> dict[str, Path]:
    """For `cgroup`: by controller. For `cgroup2`: under the empty name."""
    found: dict[str, Path] = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        file_system, _source, options = right.split(" ", 2)
        if file_system == kind:
            for name in options.split(",") if kind == "cgroup" else ("",):
                found.setdefault(name, Path(left.split()[4]))
    return found


def _write_if_there(path: Path, text: str) -> None:
    if path.exists():
        path.write_text(text)


def _in_mebibytes(size_bytes: int) -> int:
    return -(-size_bytes // _MEBIBYTE)
