"""Control groups: how much memory, processor time and how many processes a sandbox may have, and that it stands still.

What a function keeps in /tmp is memory as well; the kernel's limit is therefore memory plus /tmp, and `environment.py`
holds the processes' own memory to what the function was given. Where groups can be made: `hierarchies.py`.
"""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

from pilvi.compute.hierarchies import Hierarchy, remove

PROCESSES_MAX = 1024
PROCESSOR_MB = 1769
"""Memory with which a function gets one processor. AWS: Developer Guide, "Configure Lambda function memory"."""

_MEBIBYTE = 1024 * 1024
_REMOVALS_MAX = 100
_REMOVE_AGAIN_S = 0.01
_PERIOD_US = 20_000
"""Short, so that a function that may use a tenth of a processor is not seen to stop and go."""
_QUOTA_US_MIN = 1_000
_ONE_WEIGHT = {2: 100, 1: 1024}
"""Of one processor; by version."""

log = logging.getLogger("pilvi.compute")


class Cgroup:
    """One sandbox's group. `directories` are what its first process is put into."""

    def __init__(
        self, hierarchy: Hierarchy, name: str, *, memory_mb: int, tmp_mb: int, exact_cpu: bool
    ) -> None:
        """`hierarchy`: that of a `Home`; `name`: no other one's in it; `exact_cpu`: see `_limit_processor`.

        Raises: OSError.
        """
        self._version = hierarchy.version
        self._name = name
        self._parents = hierarchy.parents
        self.directories = list(
            dict.fromkeys(parent / self._name for parent in hierarchy.parents.values())
        )
        self._freezer: int | None = None
        self._peak: int | None = None
        memory = self._parents["memory"] / self._name
        self._stat = memory / "memory.stat"
        try:
            for directory in self.directories:
                directory.mkdir()
            self._peak = self._limit_memory(memory, (memory_mb + tmp_mb) * _MEBIBYTE)
            (self._parents["pids"] / self._name / "pids.max").write_text(str(PROCESSES_MAX))
            if "cpu" in self._parents:
                self._limit_processor(memory_mb, exact=exact_cpu)
            if "freezer" in self._parents:
                self._freezer = _open_if_there(
                    self._parents["freezer"] / self._name / "cgroup.freeze", os.O_WRONLY
                )
        except OSError:
            self._close()
            for directory in self.directories:
                if directory.exists():
                    directory.rmdir()
            raise

    @property
    def label(self) -> str:
        held = "memory, processes, processor" if "cpu" in self._parents else "memory, processes"
        frozen = "cgroup v2" if self._freezer is not None else "signals"
        return f"{held}: cgroup v{self._version}; frozen: {frozen}"

    def put(self, process: int) -> None:
        """Take a process in. May wait for the kernel. Raises: OSError."""
        for directory in self.directories:
            (directory / "cgroup.procs").write_text(str(process))

    def peak_mb(self) -> int:
        """The most memory it ever had, with its /tmp and the files it read."""
        assert self._peak is not None
        return _in_mebibytes(int(os.pread(self._peak, 32, 0)))

    def resident_mb(self) -> int:
        """What its processes have now, without /tmp and files."""
        field = "anon " if self._version == 2 else "total_rss "
        for line in self._stat.read_text().splitlines():
            if line.startswith(field):
                return _in_mebibytes(int(line.split()[1]))
        return 0

    def freeze(self, *, frozen: bool) -> bool:
        """Stop or continue all processes, which they cannot notice; whether that is possible here.

        Only v2 can: what v1 has frozen cannot be killed either, and would outlive a server that was.
        """
        if self._freezer is None:
            return False
        os.pwrite(self._freezer, b"1" if frozen else b"0", 0)
        return True

    async def remove(self) -> None:
        """Once its processes are gone. The kernel may need a moment to notice that they are."""
        self._close()
        for directory in self.directories:
            problem = remove(directory)
            for _ in range(_REMOVALS_MAX):
                if problem is None:
                    break
                await asyncio.sleep(_REMOVE_AGAIN_S)
                problem = remove(directory)
            if problem is not None:  # the next server removes it, see `remove_stale`
                log.error("the cgroup %s cannot be removed: %s", directory, problem)

    def _limit_memory(self, memory: Path, limit: int) -> int:
        """Gives the open file that tells the peak."""
        if self._version == 2:
            (memory / "memory.max").write_text(str(limit))
            _write_if_there(memory / "memory.swap.max", "0")
            _write_if_there(memory / "memory.oom.group", "1")
            peak = memory / "memory.peak"
            usage = peak if peak.exists() else memory / "memory.current"
        else:
            (memory / "memory.limit_in_bytes").write_text(str(limit))
            _write_if_there(memory / "memory.swappiness", "0")
            usage = memory / "memory.max_usage_in_bytes"
        return os.open(usage, os.O_RDONLY | os.O_CLOEXEC)

    def _limit_processor(self, memory_mb: int, *, exact: bool) -> None:
        """A share that grows with memory, as on AWS, which counts when others want the processor, too.

        Nobody gets more processors than AWS would give, counted in whole ones: what is idle would help nobody else.
        `exact`: nor more of one; 128 MB then have 7 % of a processor, as on AWS.
        """
        directory = self._parents["cpu"] / self._name
        one = _ONE_WEIGHT[self._version]
        weight = max(2, one * memory_mb // PROCESSOR_MB)
        if exact:
            quota_us = max(_QUOTA_US_MIN, _PERIOD_US * memory_mb // PROCESSOR_MB)
        else:
            quota_us = _PERIOD_US * -(-memory_mb // PROCESSOR_MB)
        if self._version == 2:
            (directory / "cpu.weight").write_text(str(min(weight, 10_000)))
            (directory / "cpu.max").write_text(f"{quota_us} {_PERIOD_US}")
        else:
            (directory / "cpu.shares").write_text(str(weight))
            (directory / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
            (directory / "cpu.cfs_quota_us").write_text(str(quota_us))

    def _close(self) -> None:
        for descriptor in (self._peak, self._freezer):
            if descriptor is not None:
                os.close(descriptor)
        self._freezer = self._peak = None


def _open_if_there(path: Path, flags: int) -> int | None:
    try:
        return os.open(path, flags | os.O_CLOEXEC)
    except FileNotFoundError:
        return None  # Linux before 5.2


def _write_if_there(path: Path, text: str) -> None:
    if path.exists():
        path.write_text(text)


def _in_mebibytes(size_bytes: int) -> int:
    return -(-size_bytes // _MEBIBYTE)
