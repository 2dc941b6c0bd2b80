"""Where control groups can be made on this host, and clearing away those that killed servers left.

Both kinds are known: v2, where the host delegates a group to pilvi, and v1 as root. On hosts with both, controllers are
those of v1, and processes are frozen by v2. What is made there: `cgroups.py`.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

PREFIX = "pilvi-"
_SERVERS = f"{PREFIX}servers"
"""The group that pilvi's own processes move to: in v2, one that has groups below it holds no processes."""
_NOTE = "cgroups-"
_KILLS_MAX = 50
_KILL_AGAIN_S = 0.01
_NEEDED = ("memory", "pids")
_WANTED = ("cpu",)

log = logging.getLogger("pilvi.compute")


class Hierarchy(msgspec.Struct, frozen=True):
    """Where groups are made: `parents` by controller (memory, pids; perhaps cpu) and perhaps under `freezer`."""

    version: int
    parents: dict[str, Path]


def find_hierarchy() -> Hierarchy | None:
    """Where this process may make groups that limit memory; None when the host does not let it."""
    own = _own_groups()
    unified = _own_unified(own)
    if unified is not None and delegated(unified, _NEEDED):
        kinds = [*_NEEDED, "freezer", *(kind for kind in _WANTED if delegated(unified, (kind,)))]
        return Hierarchy(2, dict.fromkeys(kinds, unified))
    mounts = _mount_points("cgroup")
    parents = {
        kind: mounts[kind] / own[kind].lstrip("/")
        for kind in (*_NEEDED, *_WANTED)
        if kind in mounts and kind in own
    }
    parents = {kind: parent for kind, parent in parents.items() if os.access(parent, os.W_OK)}
    if not parents.keys() >= set(_NEEDED):
        return None
    if unified is not None and os.access(unified, os.W_OK):
        parents["freezer"] = unified
    return Hierarchy(1, parents)


def delegated(parent: Path, controllers: Iterable[str]) -> bool:
    """Whether groups below `parent` can have these: they are, or can be, handed down."""
    control = parent / "cgroup.subtree_control"
    wanted = set(controllers)
    if not os.access(control, os.W_OK) or not os.access(parent, os.W_OK):
        return False
    if wanted <= set(control.read_text().split()):
        return True
    if not wanted <= set((parent / "cgroup.controllers").read_text().split()):
        return False
    if _is_given(parent):
        _make_room(parent)
    try:
        control.write_text(" ".join(f"+{name}" for name in sorted(wanted)))
    except OSError:
        return False  # processes that are not pilvi's are in it; the host has to prepare one
    return True


class Home:
    """A group for all sandboxes of one backend, in which those of each are made. To the host it weighs as much as its
    processors do: the shares of functions are shares among functions.
    """

    def __init__(self, hierarchy: Hierarchy, name: str, run_dir: Path) -> None:
        """`name`: no other one's in this process. Where it lies is noted in `run_dir`. Raises: OSError."""
        name = f"{PREFIX}{os.getpid()}-{name}"
        self._note = run_dir / f"{_NOTE}{os.getpid()}"
        run_dir.mkdir(parents=True, exist_ok=True)
        parents = set(hierarchy.parents.values())
        self._note.write_text("".join(f"{parent}\n" for parent in parents))
        for parent in parents:
            (parent / name).mkdir()
        homes = {kind: parent / name for kind, parent in hierarchy.parents.items()}
        self.hierarchy = Hierarchy(hierarchy.version, homes)
        if hierarchy.version == 2:
            kinds = [kind for kind in (*_NEEDED, *_WANTED) if kind in homes]
            handed_down = " ".join(f"+{kind}" for kind in kinds)
            (homes["memory"] / "cgroup.subtree_control").write_text(handed_down)
        if "cpu" in homes:
            count = os.cpu_count() or 1
            name, weight = ("cpu.weight", 100) if hierarchy.version == 2 else ("cpu.shares", 1024)
            (homes["cpu"] / name).write_text(str(min(10_000, weight * count)))

    def remove(self) -> None:
        """When its sandboxes are gone."""
        for directory in set(self.hierarchy.parents.values()):
            _remove_all(directory)
        self._note.unlink(missing_ok=True)


def make_home(name: str, run_dir: Path) -> Home | None:
    """A home where this host lets us have one, after clearing away what killed servers left."""
    hierarchy = find_hierarchy()
    remove_stale(hierarchy, run_dir)
    if hierarchy is None:
        return None
    try:
        return Home(hierarchy, name, run_dir)
    except OSError as error:
        log.warning("functions run without control groups: %s", error)
        return None


def remove_stale(hierarchy: Hierarchy | None, run_dir: Path) -> None:
    """Remove groups that killed servers left: below this process's own group, and where notes in `run_dir` say.

    Those of servers that live stay.
    """
    parents = set(hierarchy.parents.values()) if hierarchy else set[Path]()
    for note in run_dir.glob(f"{_NOTE}*"):
        if not Path("/proc", note.name.removeprefix(_NOTE)).exists():
            parents.update(map(Path, note.read_text().splitlines()))
            note.unlink(missing_ok=True)
    stale = [
        directory
        for parent in parents
        for directory in parent.glob(f"{PREFIX}[0-9]*")
        if not Path("/proc", directory.name.removeprefix(PREFIX).partition("-")[0]).exists()
    ]
    for step in (_kill, _remove_all):
        for directory in stale:
            step(directory)


def remove(directory: Path) -> OSError | None:
    """Why it could not be removed."""
    try:
        directory.rmdir()
    except OSError as error:
        return error
    return None


def _kill(directory: Path) -> None:
    """End what may still run in a group of v2; nothing should."""
    events, kill = directory / "cgroup.events", directory / "cgroup.kill"
    if not kill.exists():
        return
    for _ in range(_KILLS_MAX):
        if "populated 0" in events.read_text():
            return
        kill.write_text("1")
        time.sleep(_KILL_AGAIN_S)


def _remove_all(directory: Path) -> None:
    """Remove a group and those in it."""
    problems = [remove(below) for below in directory.glob("*/")]
    problem = remove(directory)
    if problem is not None and directory.exists():
        log.warning("the cgroup %s stays: %s", directory, next(filter(None, problems), problem))


def _is_given(parent: Path) -> bool:
    """Whether systemd says that all of this group is ours to arrange (Delegate=yes)."""
    try:
        return os.getxattr(parent, "user.delegate") == b"1"
    except OSError:
        return False


def _make_room(parent: Path) -> None:
    """Move the processes of a group of ours one level down, so that other groups can be made beside them."""
    servers = parent / _SERVERS
    servers.mkdir(exist_ok=True)
    for process in (parent / "cgroup.procs").read_text().split():
        try:
            (servers / "cgroup.procs").write_text(process)
        except OSError as error:
            log.warning("process %s cannot be moved to %s: %s", process, servers, error)


def _own_unified(own: dict[str, str]) -> Path | None:
    """This process's group in v2, before it moved down."""
    root = _mount_points("cgroup2").get("")
    if root is None or "" not in own:
        return None
    found = root / own[""].lstrip("/")
    return found.parent if found.name == _SERVERS else found


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
