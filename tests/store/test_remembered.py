"""Records that stay decoded in memory are what the store would tell, whoever changes them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import apsw
import msgspec
import pytest

from pilvi.store import collection as module
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection
from pilvi.store.kept import Generation, Remembered
from pilvi.store.sqlite import SqliteStore

HOME = ("123456789012",)


class Lamp(msgspec.Struct, frozen=True):
    name: str
    colour: str

    def __post_init__(self) -> None:
        MADE.append(self.name)


MADE: list[str] = []


@pytest.fixture
def lamps() -> Iterator[Collection[Lamp]]:
    yield Collection("test.lamp", Lamp, key=lambda lamp: (lamp.name,), kept=True)
    del module.REGISTRY["test.lamp"]
    MADE.clear()


def colour(lamps: Collection[Lamp], at: Snapshot, name: str = "a") -> str | None:
    lamp = lamps.find(at, HOME, name)
    return None if lamp is None else lamp.colour


def test_it_is_decoded_once_and_follows_every_change(
    tmp_path: Path, lamps: Collection[Lamp]
) -> None:
    async def main() -> None:
        ours, theirs = (SqliteStore(tmp_path / "pilvi.db") for _ in range(2))
        assert await ours.read(lambda at: colour(lamps, at)) is None
        for store in (ours, theirs):
            lamp = Lamp("a", str(id(store)))
            await store.write(lambda tx, lamp=lamp: lamps.put(tx, HOME, lamp))
            MADE.clear()
            for _ in range(3):
                assert await ours.read(lambda at: colour(lamps, at)) == lamp.colour
                assert await ours.write(lambda tx: colour(lamps, tx)) == lamp.colour
            assert MADE == ["a"]
        await theirs.write(lambda tx: tx.delete_range(b"", b"\xff"))
        assert await ours.read(lambda at: colour(lamps, at)) is None
        await ours.close()
        await theirs.close()

    asyncio.run(main())


def test_a_change_is_seen_by_what_comes_behind_it_in_its_own_group(
    tmp_path: Path, lamps: Collection[Lamp]
) -> None:
    """And one that raises has changed nothing."""

    def change(tx: Transaction, new: str, *, fails: bool = False) -> str | None:
        lamps.put(tx, HOME, Lamp("a", new))
        if fails:
            raise ValueError(new)
        return colour(lamps, tx)

    async def main() -> None:
        store = SqliteStore(tmp_path / "pilvi.db")
        await store.write(lambda tx: change(tx, "red"))
        told = await asyncio.gather(
            store.write(lambda tx: colour(lamps, tx)),
            store.write(lambda tx: change(tx, "black", fails=True)),
            store.write(lambda tx: colour(lamps, tx)),
            store.write(lambda tx: change(tx, "blue")),
            store.write(lambda tx: colour(lamps, tx)),
            return_exceptions=True,
        )
        assert [str(one) for one in told] == ["red", "black", "red", "blue", "blue"]
        assert await store.read(lambda at: colour(lamps, at)) == "blue"
        await store.close()

    asyncio.run(main())


def test_a_snapshot_that_may_be_younger_than_what_is_remembered_is_taken_again(
    tmp_path: Path, lamps: Collection[Lamp]
) -> None:
    async def main() -> None:
        store = SqliteStore(tmp_path / "pilvi.db")
        await store.write(lambda tx: lamps.put(tx, HOME, Lamp("a", "red")))
        other = Generation(tmp_path / "generation")
        looks: list[str | None] = []

        def look(at: Snapshot) -> None:
            looks.append(colour(lamps, at))
            if len(looks) == 1:
                other.begin()
                other.end()

        await store.read(look)
        assert looks == ["red", "red"]
        MADE.clear()
        await store.read(look)
        assert MADE == ["a"], "what was read in the doubtful snapshot is not remembered"
        await store.close()

    asyncio.run(main())


def test_reads_of_one_turn_of_the_loop_share_no_older_snapshot_than_what_they_remember(
    tmp_path: Path, lamps: Collection[Lamp]
) -> None:
    """Nothing is awaited between the reads: what happens in between is another process's commit."""

    async def main() -> None:
        store = SqliteStore(tmp_path / "pilvi.db")
        await store.write(lambda tx: lamps.put(tx, HOME, Lamp("a", "red")))
        assert await store.read(lambda at: colour(lamps, at)) == "red"
        other, generation = (
            apsw.Connection(str(tmp_path / "pilvi.db")),
            Generation(tmp_path / "generation"),
        )
        generation.begin()
        other.execute("DELETE FROM kv")
        generation.end()
        assert await store.read(lambda at: colour(lamps, at)) is None
        assert await store.read(lambda at: colour(lamps, at)) is None, "nor is it remembered"
        await asyncio.sleep(0)
        assert await store.read(lambda at: colour(lamps, at)) is None
        other.close()
        await store.close()

    asyncio.run(main())


def test_a_snapshot_ends_with_its_turn(tmp_path: Path) -> None:
    async def main() -> None:
        store = SqliteStore(tmp_path / "pilvi.db")
        await store.write(lambda tx: tx.put(b"a", b"1"))
        assert await store.read(lambda at: at.get(b"a")) == b"1"
        other = apsw.Connection(str(tmp_path / "pilvi.db"))
        other.execute("UPDATE kv SET value = x'32'")
        await asyncio.sleep(0)
        assert await store.read(lambda at: at.get(b"a")) == b"2"
        other.close()
        await store.close()

    asyncio.run(main())


def test_it_is_bounded() -> None:
    remembered = Remembered(Generation(), most=2)
    first = remembered.now()
    assert first is not None
    first.update({b"1": 1, b"2": 2})
    assert remembered.now() is first
    first[b"3"] = 3
    assert remembered.now() == {}
