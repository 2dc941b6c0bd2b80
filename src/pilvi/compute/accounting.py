"""Memory of a sandbox's processes as /proc tells it, for hosts without usable cgroups."""

from __future__ import annotations

from pathlib import Path

_DEPTH_MAX = 2048


class ProcessMeter:
    """Adds up a process and its descendants. What ended is forgotten, so the peak is a lower bound."""

    def __init__(self, process_id: int) -> None:
        self._process_id = process_id
        self._peak_mb = 0

    @property
    def label(self) -> str:
        return "memory: watched in /proc; processes: rlimit"

    def peak_mb(self) -> int:
        self._peak_mb = max(self._peak_mb, self._sum("VmHWM:"))
        return self._peak_mb

    def resident_mb(self) -> int:
        return self._sum("RssAnon:")

    def remove(self) -> None:
        pass

    def _sum(self, field: str) -> int:
        total_kb = 0
        waiting = [self._process_id]
        for _ in range(_DEPTH_MAX):
            if not waiting:
                break
            process = waiting.pop()
            try:
                waiting += _children(process)
                total_kb += _field_kb(process, field)
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended while we looked
        return -(-total_kb // 1024)


def _children(process: int) -> list[int]:
    text = Path(f"/proc/{process}/task/{process}/children").read_text()
    return [int(word) for word in text.split()]


def _field_kb(process: int, field: str) -> int:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    return 0
