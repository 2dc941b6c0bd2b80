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

    def __init__(self, process_id: int, label: str, *, beside: int | None = None) -> None:
        """`beside`: one more process that belongs to the environment, and is no descendant of its first."""
        self._process_id = process_id
        self._beside = beside
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

    def processes(self) -> list[int]:
        found = descendants(self._process_id)
        if self._beside is not None:
            found += [self._beside, *descendants(self._beside)]
        return found

    def freeze(self, *, frozen: bool) -> bool:
        """It only measures: the first process stops the others by signals."""
        return False

    async def remove(self) -> None:
        """There is nothing to remove."""

    def _shared_mb(self) -> int:
        """Memory that processes share and that is no file of /tmp."""
        processes = self.processes()
        sampled = processes[:: max(1, -(-len(processes) // _SAMPLED_MAX))]
        found_kb = sum(_shared_kb(process) for process in sampled)
        return -(-found_kb * len(processes) // max(1, len(sampled)) // 1024)

    def _sum(self, of_one: str, shared_out: str) -> int:
        processes = self.processes()
        if len(processes) <= 1:
            total_kb = sum(_field_kb(process, "status", of_one) for process in processes)
        else:
            sampled = processes[:: -(-len(processes) // _SAMPLED_MAX)]
            found_kb = sum(_field_kb(process, "smaps_rollup", shared_out) for process in sampled)
            total_kb = found_kb * len(processes) // len(sampled)
        return _in_mebibytes(total_kb)


class ForkMeter:
    """Of an environment that is a fork of a snapshot. What it shares with that is counted as its own, as if it had
    initialised itself; a control group counts only what it has of its own, and so does /proc of several processes.

    What is added up can only be too much: a page may have been shared once and be its own now. So the lower sum holds.
    """

    def __init__(self, process_id: int, first_id: int, cgroup: Cgroup | None) -> None:
        """`process_id`: the fork. `first_id`: the first process of its namespace."""
        self._processes = ProcessMeter(first_id, WATCHED, beside=process_id)
        self._cgroup = cgroup
        self._held_mb: int | None = None
        self._peak_mb = 0
        self._shared_mb = _in_mebibytes(_field_kb(process_id, "status", "VmRSS:"))
        self._shared_own_mb = _in_mebibytes(_field_kb(process_id, "status", "RssAnon:"))

    @property
    def label(self) -> str:
        return self._cgroup.label if self._cgroup is not None else WATCHED

    def peak_mb(self) -> int:
        held_mb = self._cgroup.peak_mb() if self._cgroup is not None else None
        # This is asked after each invocation, and looking into /proc is dear.
        if held_mb is None or held_mb != self._held_mb:
            self._held_mb = held_mb
            self._peak_mb = self._lower(self._processes.peak_mb(), self._shared_mb, held_mb)
        return self._peak_mb

    def resident_mb(self) -> int:
        return self._lower(
            self._processes.resident_mb(),
            self._shared_own_mb,
            self._cgroup.resident_mb() if self._cgroup is not None else None,
        )

    def freeze(self, *, frozen: bool) -> bool:
        return self._cgroup is not None and self._cgroup.freeze(frozen=frozen)

    async def remove(self) -> None:
        if self._cgroup is not None:
            await self._cgroup.remove()

    def _lower(self, told_mb: int, shared_mb: int, held_mb: int | None) -> int:
        """`told_mb`: by /proc. `held_mb`: by the control group."""
        count = len([process for process in self._processes.processes() if _is_there(process)])
        if count > 1:
            told_mb += shared_mb
        if held_mb is None:
            return told_mb
        return min(told_mb, held_mb + shared_mb) if count else held_mb + shared_mb


def _is_there(process: int) -> bool:
    return _field_kb(process, "status", "VmRSS:") > 0


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
