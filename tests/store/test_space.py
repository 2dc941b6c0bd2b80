"""Space comes back: the database file becomes smaller again, in steps, while the store goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pilvi.store import sqlite
from pilvi.store.sqlite import SqliteStore

ROWS, SIZE = 600, 60_000


async def _filled(path: Path) -> SqliteStore:
    store = SqliteStore(path)
    for start in range(0, ROWS, 100):
        keys = [b"%06d" % number for number in range(start, start + 100)]
        await store.write(lambda tx, keys=keys: [tx.put(key, bytes(SIZE)) for key in keys])
    return store


def test_what_was_deleted_is_given_back_when_idle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """36 MB are written and all but a sixth deleted; what is left is read all the time."""
    monkeypatch.setattr(sqlite, "IDLE_S", 0.01)
    monkeypatch.setattr(sqlite, "SHRINK_S", 0.01)
    path = tmp_path / "pilvi.db"

    async def main() -> None:
        store = await _filled(path)
        await store.write(lambda tx: tx.delete_range(b"0001", b"1"))
        async with asyncio.timeout(20):
            while path.stat().st_size > 100 * SIZE * 2:
                await asyncio.sleep(0)
                left = await store.read(lambda at: sum(len(v) for _, v in at.scan(b"", b"z")))
                assert left == 100 * SIZE
        await store.close()

    asyncio.run(main())


def test_a_store_that_is_never_idle_shrinks_too(tmp_path: Path) -> None:
    """At its checkpoints, by a step each."""
    path = tmp_path / "pilvi.db"

    async def main() -> None:
        store = await _filled(path)
        await store.write(lambda tx: tx.delete_range(b"", b"z"))
        before = path.stat().st_size
        async with asyncio.timeout(20):
            while path.stat().st_size > before - 8_000_000:
                await store.write(lambda tx: tx.put(b"a", bytes(1_000_000)))
        await store.close()

    asyncio.run(main())
