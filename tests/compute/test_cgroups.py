"""Control groups: what a sandbox is held to by the kernel, and how groups come about on different hosts."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from compute.support import EVALUATE, Evaluator, Room, processes_in, wait_until
from pilvi.compute import hierarchies


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    made = Room(tmp_path_factory.mktemp("exact"), exact_cpu=True)
    yield made
    made.close()


def cpu_of(room: Room, memory_mb: int) -> list[int]:
    """Weight, as a share of one processor's; microseconds, and in how many, that a function may run."""
    inside = Evaluator(room.start(EVALUATE, memory_mb=memory_mb))
    process = processes_in(inside("answer = os.readlink('/proc/self/ns/pid')"))[0]
    hierarchy = hierarchies.find_hierarchy()
    assert hierarchy is not None
    group = next(
        line.rpartition(hierarchies.PREFIX)[2]
        for line in Path(f"/proc/{process}/cgroup").read_text().splitlines()
        if hierarchies.PREFIX in line
    )
    directory = hierarchy.parents["cpu"] / f"{hierarchies.PREFIX}{group}"
    if hierarchy.version == 2:
        quota, period = map(int, (directory / "cpu.max").read_text().split())
        return [int((directory / "cpu.weight").read_text()) * 1024 // 100, quota, period]
    names = ("cpu.shares", "cpu.cfs_quota_us", "cpu.cfs_period_us")
    return [int((directory / name).read_text()) for name in names]


def test_processor_time_grows_with_memory(room: Room, exact: Room) -> None:
    """1,769 MB are one processor. AWS: Developer Guide, "Configure Lambda function memory"."""
    hierarchy = hierarchies.find_hierarchy()
    if hierarchy is None or "cpu" not in hierarchy.parents:
        pytest.skip("this host gives no cgroups for processors")
    weight, quota, period = cpu_of(room, 128)
    assert weight in range(70, 76)
    assert quota == period, "while nobody else wants it, one whole"
    assert cpu_of(room, 1770)[1:] == [40_000, 20_000]
    assert cpu_of(exact, 128)[1:] == [1447, 20_000]


def test_limits_are_told_with_what_stands_beside_them(room: Room) -> None:
    said = "; ".join(room.start(EVALUATE).environment.stats().limits)
    for word in ("memory", "processes", "frozen: ", "files: "):
        assert word in said


@pytest.fixture
def unified() -> Iterator[Path]:
    """A group of v2 with a process in it, as a service has that is started by systemd."""
    root = hierarchies._mount_points("cgroup2").get("")
    if root is None or not os.access(root, os.W_OK):
        pytest.skip("this host lets us make no groups of v2")
    control = root / "cgroup.subtree_control"
    before = set(control.read_text().split())
    offered = (root / "cgroup.controllers").read_text().split()
    added = [kind for kind in offered if kind not in before][:1]
    control.write_text(" ".join(f"+{kind}" for kind in added))
    group = root / f"pilvi-test-{os.getpid()}"
    group.mkdir()
    yield group
    for path in (*sorted(group.rglob("*/"), reverse=True), group):
        # The kernel may need a moment to notice that its processes are gone.
        wait_until(lambda path=path: hierarchies.remove(path) is None, "it is in use")
    control.write_text(" ".join(f"-{kind}" for kind in added))


def test_a_group_that_is_given_is_arranged(unified: Path) -> None:
    """In v2, a group with processes of its own hands nothing down: they move one level lower, if the host says that the
    group is ours. (Memory may belong to v1 on this host; which controller it is makes no difference.)
    """
    kinds = (unified / "cgroup.controllers").read_text().split()[:1]
    if not kinds:
        pytest.skip("v2 has no controllers on this host")
    with subprocess.Popen(["sleep", "60"]) as process:
        (unified / "cgroup.procs").write_text(str(process.pid))
        assert not hierarchies.delegated(unified, kinds), "it is not ours to arrange"
        assert (unified / "cgroup.procs").read_text().split() == [str(process.pid)]
        os.setxattr(unified, "user.delegate", b"1")
        assert not hierarchies.delegated(unified, ["nonsense"])
        assert hierarchies.delegated(unified, kinds)
        assert (unified / "cgroup.subtree_control").read_text().split() == kinds
        below = unified / "pilvi-servers" / "cgroup.procs"
        assert below.read_text().split() == [str(process.pid)]
        assert hierarchies.delegated(unified, kinds), "again, by the next worker"
        process.kill()


def test_what_a_killed_server_left_running_is_ended(unified: Path, tmp_path: Path) -> None:
    """Its sandboxes end with it. Should one not, frozen as it may be, the next server on the same data ends it."""
    with subprocess.Popen(["/bin/true"]) as ended:
        ended.wait()
    home = unified / f"{hierarchies.PREFIX}{ended.pid}-1f"
    (home / "1").mkdir(parents=True)
    if not (home / "cgroup.kill").exists():
        pytest.skip("this kernel cannot kill groups")
    with subprocess.Popen(["sleep", "60"]) as process:
        (home / "1" / "cgroup.procs").write_text(str(process.pid))
        (home / "1" / "cgroup.freeze").write_text("1")
        (tmp_path / f"cgroups-{ended.pid}").write_text(f"{unified}\n")
        hierarchies.remove_stale(None, tmp_path)
        assert process.wait() < 0
    assert not home.exists()
