"""Which processes come from which, as /proc tells it."""

from __future__ import annotations

import os

_PROCESSES_MAX = 65_536


def descendants(process: int) -> list[int]:
    """Its children, their children and so on; those that end meanwhile may be missing."""
    found = children(process)
    for child in found:
        if len(found) > _PROCESSES_MAX:
            break
        found += children(child)
    return found


def children(process: int) -> list[int]:
    """Of all of its threads: a child belongs to the thread that forked it."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{process}/task"):
            with open(f"/proc/{process}/task/{thread}/children", encoding="utf-8") as file:
                found += map(int, file.read().split())
    except (FileNotFoundError, ProcessLookupError):
        pass  # it has just ended
    return found
