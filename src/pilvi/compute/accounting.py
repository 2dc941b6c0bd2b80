"""Memory of an environment's processes as /proc tells it, for hosts without usable cgroups."""

from __future__ import annotations

from pathlib import Path

from pilvi.compute.cgroups import Cgroup
from pilvi.compute.launcher.processes import descendants

WATCHED = "memory: watched in /proc; processes: rlimit; processor: nice; frozen: signals"

_SAMPLED_MAX = 16
"""Processes of one environment that are looked at closely, which is dear; of more, these stand for the others."""


class ProcessMeter:
    """Adds up the descendants of an environment's first process. What ended is forgotten, so the peak is a
    lower bound. Memory that forked processes share counts once, as in a control group.
    """

    def __init__(self, process_id: int, label: str) -> None:
        self._process_id = process_id
        self._peak_mb = 0
        self._label = label

    @property
    def label(self) -> str:
        return self._label

    def peak_mb(self) -> int:
        self._peak_mb = max(self._peak_mb, self._sum("VmHWM:", "Pss:"))
        return self._peak_mb

    def resident_mb(self) -> int:
        resident_mb = self._sum("RssAnon:", "Pss_Anon:")
        if self._sum("RssShmem:", "Pss_Shmem:"):
            resident_mb += self._shared_mb()
        return resident_mb

    def freeze(self, *, frozen: bool) -> bool:
        """It only measures: the first process stops the others by signals."""
        return False

    async def remove(self) -> None:
        """There is nothing to remove."""

    def _shared_mb(self) -> int:
        """Memory that processes share and that is no file of /tmp."""
        processes = descendants(self._process_id)
        sampled = processes[:: max(1, -(-len(processes) // _SAMPLED_MAX))]
        found_kb = sum(_shared_kb(process) for process in sampled)
        return -(-found_kb * len(processes) // max(1, len(sampled)) // 1024)

    def _sum(self, of_one: str, shared_out: str) -> int:
        processes = descendants(self._process_id)
        if len(processes) <= 1:
            total_kb = sum(_field_kb(process, "status", of_one) for process in processes)
        else:
            sampled = processes[:: -(-len(processes) // _SAMPLED_MAX)]
            found_kb = sum(_field_kb(process, "smaps_rollup", shared_out) for process in sampled)
            total_kb = found_kb * len(processes) // len(sampled)
        return -(-total_kb // 1024)


class ForkMeter:
    """Of an environment that is a fork of a snapshot. What it shares with that is counted as its own, as it would be if
    it had initialised itself; a control group, if there is one, counts only what it has of its own.

    Both ways of adding up can only be too high: this page may be the snapshot's and its own, that one may belong to two
    of its processes. So the lower sum holds.
    """

    def __init__(self, process_id: int, first_id: int, cgroup: Cgroup | None) -> None:
        """`process_id`: the fork. `first_id`: the first process of its namespace."""
        self._process_id = process_id
        self._first_id = first_id
        self._cgroup = cgroup
        self._peak_mb = 0
        self._shared_mb = _in_mebibytes(_field_kb(process_id, "status", "VmRSS:"))
        self._shared_own_mb = _in_mebibytes(_field_kb(process_id, "status", "RssAnon:"))

    @property
    def label(self) -> str:
        return self._cgroup.label if self._cgroup is not None else WATCHED

    def peak_mb(self) -> int:
        found_mb = self._sum("VmHWM:")
        if self._cgroup is not None:
            found_mb = min(found_mb, self._cgroup.peak_mb() + self._shared_mb)
        self._peak_mb = max(self._peak_mb, found_mb)
        return self._peak_mb

    def resident_mb(self) -> int:
        found_mb = self._sum("RssAnon:")
        if self._cgroup is None:
            return found_mb
        return min(found_mb, self._cgroup.resident_mb() + self._shared_own_mb)

    def freeze(self, *, frozen: bool) -> bool:
        return self._cgroup is not None and self._cgroup.freeze(frozen=frozen)

    async def remove(self) -> None:
        if self._cgroup is not None:
            await self._cgroup.remove()

    def _sum(self, field: str) -> int:
        found = [self._process_id]
        for root in (self._process_id, self._first_id):
            found += descendants(root)
        sampled = found[:: -(-len(found) // _SAMPLED_MAX)]
        total_kb = sum(_field_kb(process, "status", field) for process in sampled)
        return _in_mebibytes(total_kb * len(found) // len(sampled))


def _in_mebibytes(size_kb: int) -> int:
    return -(-size_kb // 1024)


def _field_kb(process: int, file: str, field: str) -> int:
    try:
        text = Path(f"/proc/{process}/{file}").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0  # it ended while we looked
    for line in text.splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    return 0


def _shared_kb(process: int) -> int:
    """Its part of what it shares by mappings without a name."""
    total_kb, counts = 0, False
    try:
        with Path(f"/proc/{process}/smaps").open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if counts and line.startswith("Pss:"):
                    total_kb += int(line.split()[1])
                elif line[0] in "0123456789abcdef":
                    counts = line.endswith(" /dev/zero (deleted)\n")
    except (FileNotFoundError, ProcessLookupError):
        pass  # it ended while we looked
    return total_kb
