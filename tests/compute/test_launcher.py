"""The process that makes sandboxes: what it holds, what it says, and how it ends."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from compute.support import processes_in, wait_until
from pilvi.compute.api import EnvironmentFailed
from pilvi.compute.launchers import Launcher
from pilvi.compute.plan import root_plan


@asynccontextmanager
async def launched(place: Path) -> AsyncIterator[Launcher]:
    plan = root_plan(
        mount_point=place,
        interpreter=None,
        host_names=(),
        hidden=(),
        own_user_namespace=os.geteuid() != 0,
    )
    launcher = await Launcher.start(plan)
    yield launcher
    launcher.close()


def namespaces_of(child_of: int) -> set[str]:
    """The pid namespaces of processes that this test did not have before."""
    own = os.readlink(f"/proc/{child_of}/ns/pid")
    found: set[str] = set()
    for name in os.listdir("/proc"):
        try:
            if name.isdigit():
                found.add(os.readlink(f"/proc/{name}/ns/pid"))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found - {own}


def launcher_process(place: Path) -> int:
    """The one in whose mounts the place is a mount point."""
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and b"pilvi.compute.launcher" in Path(f"/proc/{name}/cmdline").read_bytes():
                plan_of = Path(f"/proc/{name}/mountinfo").read_text()
                if str(place) in plan_of or " / / " in plan_of:
                    return int(name)
        except (FileNotFoundError, ProcessLookupError):
            continue
    raise AssertionError("no launcher")
