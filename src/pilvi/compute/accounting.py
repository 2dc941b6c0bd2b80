"""Memory of an environment's processes as /proc tells it, for hosts without usable cgroups."""

from __future__ import annotations

from pathlib import Path

from pilvi.compute.launcher.processes import descendants


class ProcessMeter:
    """Adds up the descendants of an environment's first process. What ended is forgotten, so the peak is a
    lower bound.
    """

    def __init__(self, process_id: int, label: str) -> None:
        self._process_id = process_id
        self._peak_mb = 0
        self._label = label

    @property
    def label(self) -> str:
        return self._label

    def peak_mb(self) -> int:
        self._peak_mb = max(self._peak_mb, self._sum("VmHWM:"))
        return self._peak_mb

    def resident_mb(self) -> int:
        return self._sum("RssAnon:")

    async def remove(self) -> None:
        """There is nothing to remove."""

    def _sum(self, field: str) -> int:
        total_kb = sum(_field_kb(process, field) for process in descendants(self._process_id))
        return -(-total_kb // 1024)


def _field_kb(process: int, field: str) -> int:
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0  # it ended while we looked
    for line in status.splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    return 0
