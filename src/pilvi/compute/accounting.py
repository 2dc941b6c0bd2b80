"""Memory of an environment's processes as /proc tells it, for hosts without usable cgroups."""

from __future__ import annotations

from pathlib import Path

from pilvi.compute.launcher.processes import descendants

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
        return self._sum("RssAnon:", "Pss_Anon:")

    async def remove(self) -> None:
        """There is nothing to remove."""

    def _sum(self, of_one: str, shared_out: str) -> int:
        processes = descendants(self._process_id)
        if len(processes) <= 1:
            total_kb = sum(_field_kb(process, "status", of_one) for process in processes)
        else:
            sampled = processes[:: -(-len(processes) // _SAMPLED_MAX)]
            found_kb = sum(_field_kb(process, "smaps_rollup", shared_out) for process in sampled)
            total_kb = found_kb * len(processes) // len(sampled)
        return -(-total_kb // 1024)


def _field_kb(process: int, file: str, field: str) -> int:
    try:
        text = Path(f"/proc/{process}/{file}").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0  # it ended while we looked
    for line in text.splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    return 0
