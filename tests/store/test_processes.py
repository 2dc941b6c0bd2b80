"""Several processes on one data directory, processes that are killed, and a disk that fails."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
import writers

from pilvi.store import wakes
from pilvi.store.blobs import Blobs
from pilvi.store.check import check
from pilvi.store.datadir import DataDir
from pilvi.store.sqlite import SqliteStore

LIMIT_S = 60


def start(role: str, folder: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, writers.__file__, role, str(folder), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> list[str]:
    out, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0
    return out.split()


def kill_after(process: subprocess.Popen[str], lines: int) -> list[int]:
    """Read so many lines, kill -9, and give every number that was told whole."""
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(lines)]
    process.kill()
    told += process.stdout.readlines()
    process.wait()
    return [int(line) for line in told if line.endswith("\n")]


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    """Promises 1 and 2: after every kill the acknowledged pairs are there, and no pair is there by half."""
    acknowledged: set[int] = set()
    for round in range(4):
        process = start("ledger", tmp_path, str(round * 1_000_000))
        acknowledged |= set(kill_after(process, 40 + round * 150))

        async def look() -> tuple[set[int], set[int]]:
            store = SqliteStore(tmp_path / "pilvi.db")
            halves = [
                await store.read(lambda at, h=half: {int(v) for _, v in at.scan(h, h + b"\xff")})
                for half in (b"a", b"b")
            ]
            await store.close()
            return halves[0], halves[1]

        left, right = asyncio.run(look())
        assert left == right
        assert acknowledged <= left


def test_blobs_survive_kill_9_and_orphans_go(tmp_path: Path) -> None:
    data = DataDir.open(tmp_path / "data")
    acknowledged: set[int] = set()
    for round in range(3):
        process = start("uploads", data.path, str(round * 1_000))
        acknowledged |= set(kill_after(process, 10 + 7 * round))

    async def look() -> set[int]:
        store = SqliteStore(data.database)
        blobs = Blobs(data.blobs, store)
        await blobs.sweep()
        uploads = await store.read(lambda at: list(writers.UPLOADS.scan(at, ())))
        await blobs.close()
        await store.close()
        files = {path.name for path in data.blobs.rglob("*") if path.is_file()}
        assert files == {upload.blob.id for upload in uploads}
        return {upload.number for upload in uploads}

    assert acknowledged <= asyncio.run(look())
    assert [finding for finding in check(data.path) if finding.severity == "damage"] == []


def test_processes_lose_no_increment(tmp_path: Path) -> None:
    """Promise 3 across processes, and nobody starves at the write lock."""
    processes = [start("count", tmp_path, "150") for _ in range(2)]
    for process in processes:
        finish(process)

    async def look() -> bytes | None:
        store = SqliteStore(tmp_path / "pilvi.db")
        try:
            return await store.read(lambda at: at.get(b"n"))
        finally:
            await store.close()

    assert asyncio.run(look()) == b"1200"


def test_a_wake_reaches_other_processes(tmp_path: Path) -> None:
    """The datagram ends the wait, and the socket of a dead process is removed."""
    process = start("waiter", tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    dead = start("waiter", tmp_path)
    assert dead.stdout is not None
    assert dead.stdout.readline() == "waiting\n"
    dead.kill()
    dead.wait()
    sockets = set((tmp_path / "run").iterdir())
    assert len(sockets) == 2

    async def write() -> None:
        store = SqliteStore(tmp_path / "pilvi.db")
        await store.write(lambda tx: (tx.put(b"letter", b""), tx.wake("letters")))
        await store.close()

    asyncio.run(write())
    assert finish(process) == ["seen"]
    assert list((tmp_path / "run").iterdir()) == []


def test_a_failing_disk_is_told_and_changes_nothing(tmp_path: Path) -> None:
    assert finish(start("full_disk", tmp_path)) == ["refused", "recovered"]


def test_a_blob_that_does_not_fit_leaves_nothing(tmp_path: Path) -> None:
    assert finish(start("blob_full_disk", tmp_path)) == ["refused", "clean"]


def test_a_lost_wake_costs_time_and_waiting_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits is woken when another process committed, told or not, and never for nothing."""
    monkeypatch.setattr(wakes, "LOOK_AGAIN_S", 0.02)

    async def wait() -> None:
        here, there = (SqliteStore(tmp_path / "pilvi.db", run=tmp_path / name) for name in "ab")
        assert await here.wait("letters", 1)  # the first look knows of nothing before it
        assert not await here.wait("letters", 0.1)
        await here.write(lambda tx: tx.put(b"own", b""))
        assert not await here.wait("letters", 0.1)
        waiting = asyncio.ensure_future(here.wait("letters", 5))
        await there.write(lambda tx: tx.put(b"letter", b""))
        assert await waiting
        await here.close()
        await there.close()

    asyncio.run(wait())
