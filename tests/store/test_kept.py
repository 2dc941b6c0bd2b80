"""Values kept in memory are never stale, whoever changes them, and however a writer ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from pilvi.store import collection as module
from pilvi.store.api import Snapshot, Store, StoreUnavailable, Transaction
from pilvi.store.collection import Collection
from pilvi.store.kept import Generation, Kept
from pilvi.store.memory import MemoryStore
from pilvi.store.sqlite import SqliteStore

HOME = ("123456789012",)


class Badge(msgspec.Struct):
    name: str
    colour: str


@pytest.fixture
def badges() -> Iterator[Collection[Badge]]:
    yield Collection("test.badge", Badge, key=lambda badge: (badge.name,), kept=True)
    del module.REGISTRY["test.badge"]


@pytest.fixture
def loads() -> list[str]:
    """The names that were read from the store."""
    return []


@pytest.fixture
def keep(badges: Collection[Badge], loads: list[str]) -> Callable[..., Kept[str | None]]:
    def make(store: Store, most: int = 10) -> Kept[str | None]:
        def load(at: Snapshot, name: str) -> str | None:
            loads.append(name)
            badge = badges.find(at, HOME, name)
            return None if badge is None else badge.colour

        return Kept(store, load, most=most)

    return make


@pytest.mark.parametrize("engine", ["memory", "full", "relaxed"])
def test_what_is_kept_follows_every_change(
    engine: str,
    tmp_path: Path,
    badges: Collection[Badge],
    loads: list[str],
    keep: Callable[..., Kept[str | None]],
) -> None:
    async def main() -> None:
        store: Store = MemoryStore()
        if engine != "memory":
            store = SqliteStore(tmp_path / "pilvi.db", durability=engine)
        kept = keep(store)
        assert await kept.get("ann") is None
        for colour in ("red", "blue"):
            await store.write(lambda tx, c=colour: badges.put(tx, HOME, Badge("ann", c)))
            assert [await kept.get("ann") for _ in range(3)] == [colour] * 3
        assert loads == ["ann"] * 3, "one read for each change"
        await store.write(lambda tx: tx.put(b"other", b"1"))
        assert await kept.get("ann") == "blue"
        assert len(loads) == 3, "other records leave it alone"
        await store.write(lambda tx: badges.delete(tx, HOME, "ann"))
        assert await kept.get("ann") is None
        await store.write(lambda tx: badges.put(tx, HOME, Badge("ann", "green")))
        assert await kept.get("ann") == "green"
        await store.write(lambda tx: badges.delete_all(tx, HOME))
        assert await kept.get("ann") is None
        await store.close()

    asyncio.run(main())


@pytest.mark.parametrize("engine", ["memory", "full"])
def test_what_nobody_has_asked_for_leaves_all_that_is_kept_alone(
    engine: str,
    tmp_path: Path,
    badges: Collection[Badge],
    loads: list[str],
    keep: Callable[..., Kept[str | None]],
) -> None:
    async def main() -> None:
        store: Store = MemoryStore() if engine == "memory" else SqliteStore(tmp_path / "pilvi.db")
        kept = keep(store)
        await store.write(lambda tx: badges.put(tx, HOME, Badge("ann", "red")))
        assert await kept.get("ann") == "red"
        assert await store.write(lambda tx: badges.add(tx, HOME, Badge("drawn", "blue")))
        assert not await store.write(lambda tx: badges.add(tx, HOME, Badge("drawn", "green")))
        assert [await kept.get("ann"), await kept.get("drawn")] == ["red", "blue"]
        assert loads == ["ann", "drawn"]
        await store.close()

    asyncio.run(main())


def test_another_process_is_followed(
    tmp_path: Path, badges: Collection[Badge], keep: Callable[..., Kept[str | None]]
) -> None:
    """Two stores on one file are what two processes have."""

    async def main() -> None:
        ours, theirs = (SqliteStore(tmp_path / "pilvi.db") for _ in range(2))
        kept = keep(ours)
        for number in range(50):
            await theirs.write(
                lambda tx, colour=str(number): badges.put(tx, HOME, Badge("ann", colour))
            )
            assert await kept.get("ann") == str(number)
        await ours.close()
        await theirs.close()

    asyncio.run(main())


def test_nothing_is_kept_while_a_commit_is_under_way(
    tmp_path: Path,
    badges: Collection[Badge],
    loads: list[str],
    keep: Callable[..., Kept[str | None]],
) -> None:
    """A writer that was killed before its commit returned leaves the count odd; the next one mends it."""

    async def main() -> None:
        store = SqliteStore(tmp_path / "pilvi.db")
        kept = keep(store)
        dead = Generation(tmp_path / "generation")
        dead.begin()
        assert store.generation() is None
        for _ in range(2):
            assert await kept.get("ann") is None
        assert len(loads) == 2
        await store.write(lambda tx: badges.put(tx, HOME, Badge("ann", "red")))
        assert store.generation() is not None
        for _ in range(2):
            assert await kept.get("ann") == "red"
        assert len(loads) == 3
        await store.close()

    asyncio.run(main())


def test_a_failed_transaction_and_a_bound(
    tmp_path: Path,
    badges: Collection[Badge],
    loads: list[str],
    keep: Callable[..., Kept[str | None]],
) -> None:
    async def main() -> None:
        store = SqliteStore(tmp_path / "pilvi.db")
        kept = keep(store, most=2)

        def fail(tx: Transaction) -> None:
            badges.put(tx, HOME, Badge("ann", "red"))
            raise StoreUnavailable(reason="no")

        assert await kept.get("ann") is None
        with pytest.raises(StoreUnavailable):
            await store.write(fail)
        assert await kept.get("ann") is None
        assert loads == ["ann"]
        for name in ("bob", "cid", "bob"):
            await kept.get(name)
        assert loads == ["ann", "bob", "cid", "bob"], "at most two are kept"
        await store.close()

    asyncio.run(main())
