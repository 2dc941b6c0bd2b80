"""The process that makes sandboxes: how it is asked, what it says, how it ends."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from compute.support import wait_until
from pilvi.compute.api import EnvironmentFailed
from pilvi.compute.launchers import Launcher
from pilvi.compute.plan import root_plan


def plan_at(place: Path) -> dict[str, Any]:
    return root_plan(
        mount_point=place,
        interpreter=None,
        host_names=(),
        hidden=(),
        own_user_namespace=os.geteuid() != 0,
    )


def run(body: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(body, 30))


def processes_with(directory: str) -> list[int]:
    """Those that see this directory at their root."""
    found: list[int] = []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.path.isdir(f"/proc/{name}/root{directory}"):
                found.append(int(name))
        except PermissionError:
            continue
    return found


def test_it_ends_silently_with_its_server(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A server that is killed leaves unread what the launcher has told it; the launcher's next read then fails."""
    mark = "/only-of-this-test"

    async def body() -> None:
        plan = plan_at(tmp_path)
        plan["directories"].append(mark)
        launcher = await Launcher.start(plan)
        assert len(processes_with(mark)) == 1
        asyncio.get_running_loop().remove_reader(launcher._connection)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs:
            launcher.request(
                theirs.fileno(), theirs.fileno(), cgroups=["/no/such/group"], on_failed=print
            )
            told = launcher._connection
            await asyncio.to_thread(
                wait_until, lambda: socket_has_data(told), "the launcher says nothing"
            )
        launcher.close()

    run(body())
    wait_until(lambda: processes_with(mark) == [], "the launcher lives on")
    assert capfd.readouterr().err == ""


def socket_has_data(connection: socket.socket) -> bool:
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False


def test_what_it_cannot_make_is_told_and_gone(tmp_path: Path) -> None:
    async def body() -> None:
        launcher = await Launcher.start(plan_at(tmp_path))
        failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs:
            number = launcher.request(
                theirs.fileno(), theirs.fileno(), cgroups=["/no/such"], on_failed=failed.set_result
            )
            gone = launcher.kill(number)
            assert "No such file or directory" in await failed
            await gone
        launcher.close()

    run(body())


def test_a_host_that_refuses(tmp_path: Path) -> None:
    """The reason reaches the one who asked, in words; nothing is left running."""

    async def body() -> None:
        plan = plan_at(tmp_path)
        plan["binds"].append(("/no/such/file", "/usr/no/such/file", False))
        with pytest.raises(
            EnvironmentFailed, match=r"does not let pilvi make sandboxes: .*no/such"
        ):
            await Launcher.start(plan)

    run(body())


def test_its_end_is_the_end_of_all_that_wait_for_it(tmp_path: Path) -> None:
    async def body() -> None:
        launcher = await Launcher.start(plan_at(tmp_path))
        failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs:
            number = launcher.request(
                theirs.fileno(), theirs.fileno(), cgroups=[], on_failed=failed.set_result
            )
            gone = launcher.kill(number)
            launcher.close()
            await gone
            assert await failed == "the launcher of sandboxes has ended"
            with pytest.raises(EnvironmentFailed, match="has ended"):
                launcher.request(theirs.fileno(), theirs.fileno(), cgroups=[], on_failed=print)

    run(body())


def test_a_burst_waits_for_room(tmp_path: Path) -> None:
    """More requests at once than the socket holds: they are sent as the launcher takes them."""

    async def body() -> None:
        launcher = await Launcher.start(plan_at(tmp_path))
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs:
            before = len(os.listdir("/proc/self/fd"))
            padding = ["/" + "x" * 20_000]
            numbers = [
                launcher.request(
                    theirs.fileno(), theirs.fileno(), cgroups=padding, on_failed=lambda _: None
                )
                for _ in range(40)
            ]
            assert len(os.listdir("/proc/self/fd")) > before, "some had to wait"
            await asyncio.gather(*(launcher.kill(number) for number in numbers))
            assert len(os.listdir("/proc/self/fd")) == before
        launcher.close()

    run(body())
