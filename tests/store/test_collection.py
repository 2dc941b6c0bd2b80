"""Collections: indexes follow their records, old records are upgraded."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilvi.store import collection as module
from pilvi.store.collection import Collection
from pilvi.store.keys import pack
from pilvi.store.memory import MemoryStore

HOME = ("123456789012", "eu-north-1")


class Pet(msgspec.Struct):
    name: str
    kind: str
    age: int | None = None


@pytest.fixture(autouse=True)
def registry() -> Iterator[None]:
    before = dict(module.REGISTRY)
    yield
    module.REGISTRY.clear()
    module.REGISTRY.update(before)


def make_pets() -> Collection[Pet]:
    module.REGISTRY.pop("test.pet", None)
    return Collection(
        "test.pet",
        Pet,
        key=lambda pet: (pet.name,),
        indexes={
            "kind": lambda pet: (pet.kind,),
            "age": lambda pet: None if pet.age is None else (pet.age, pet.kind),
        },
    )


PETS = st.builds(
    Pet, st.sampled_from("abcdef"), st.sampled_from(["cat", "dog"]), st.none() | st.integers(0, 3)
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), PETS), max_size=25))
def test_indexes_tell_what_the_records_say(steps: list[tuple[bool, Pet]]) -> None:
    pets = make_pets()
    model: dict[str, Pet] = {}

    async def main() -> None:
        store = MemoryStore()
        for keep, pet in steps:
            if keep:
                await store.write(lambda tx, pet=pet: pets.put(tx, HOME, pet))
                model[pet.name] = pet
            else:
                old = await store.write(lambda tx, pet=pet: pets.delete(tx, HOME, pet.name))
                assert old == model.pop(pet.name, None)
        found = await store.read(lambda at: list(pets.scan(at, HOME)))
        assert found == [model[name] for name in sorted(model)]
        for kind in ("cat", "dog"):
            for reverse in (False, True):
                found = await store.read(
                    lambda at, kind=kind, reverse=reverse: list(
                        pets.scan_index(at, HOME, "kind", (kind,), reverse=reverse)
                    )
                )
                names = sorted((p.name for p in model.values() if p.kind == kind), reverse=reverse)
                assert [pet.name for pet in found] == names
        aged = await store.read(lambda at: list(pets.scan_index(at, HOME, "age")))
        known = [pet for pet in model.values() if pet.age is not None]
        assert aged == sorted(known, key=lambda pet: (pet.age, pet.kind, pet.name))
        await store.write(lambda tx: pets.delete_all(tx, HOME))
        assert await store.read(lambda at: list(at.scan(b"", b"\xff"))) == []

    asyncio.run(main())


def test_an_old_record_is_upgraded_and_a_newer_one_refused() -> None:
    class Newer(msgspec.Struct):
        name: str
        species: str
        legs: int

    pets = make_pets()
    module.REGISTRY.clear()
    newer = Collection(
        "test.pet",
        Newer,
        key=lambda pet: (pet.name,),
        version=3,
        upgrades={
            1: lambda old: {"name": old["name"], "species": old["kind"]},
            2: lambda old: {**old, "legs": 4},
        },
    )

    async def main() -> None:
        store = MemoryStore()
        await store.write(lambda tx: pets.put(tx, HOME, Pet("a", "cat")))
        found = await store.read(lambda at: newer.find(at, HOME, "a"))
        assert found == Newer("a", "cat", 4)
        await store.write(lambda tx: newer.put(tx, HOME, found))
        with pytest.raises(AssertionError, match="newer"):
            await store.read(lambda at: pets.find(at, HOME, "a"))

    asyncio.run(main())


def test_a_page_continues_behind_the_last_record() -> None:
    pets = make_pets()

    async def main() -> None:
        store = MemoryStore()
        await store.write(lambda tx: [pets.put(tx, HOME, Pet(name, "cat")) for name in "abcd"])

        def page(at, last, reverse):
            after = None if last is None else (last,)
            return [p.name for p in pets.scan(at, HOME, after_key=after, limit=2, reverse=reverse)]

        assert await store.read(lambda at: page(at, "b", False)) == ["c", "d"]
        assert await store.read(lambda at: page(at, "c", True)) == ["b", "a"]
        assert await store.read(lambda at: at.get(pack((*HOME, "test.pet", "r", "a"))))

    asyncio.run(main())
