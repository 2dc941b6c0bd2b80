"""What isolates functions less on this host than it could, told to the person who starts pilvi.

The walls themselves: `launcher/`. What each of them is good for: docs/security.md.
"""

from __future__ import annotations

from pilvi.compute import hierarchies
from pilvi.compute.launcher import landlock, seccomp


def weaknesses() -> list[str]:
    """Of the backends that isolate, in words; nothing when all is there."""
    found: list[str] = []
    if not seccomp.filter_program():
        found.append("no filter of system calls: pilvi does not know this machine's")
    if not landlock.abi():
        found.append("no Landlock on this kernel: mounts alone decide about files")
    hierarchy = hierarchies.find_hierarchy()
    if hierarchy is None:
        found.append(
            "no control groups: memory is watched and not held, processors are shared by priority"
        )
    elif "cpu" not in hierarchy.parents:
        found.append("no control group for processors: they are shared as among other processes")
    return found
