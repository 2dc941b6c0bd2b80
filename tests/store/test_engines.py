"""What every engine promises, one suite for all of them."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pilvi.store.api import Store, Transaction, TransactionTooLarge
from pilvi.store.memory import MemoryStore
from pilvi.store.sqlite import SqliteStore

Make = Callable[[Path], Store]

ENGINES: dict[str, Make] = {
    "memory": lambda _: MemoryStore(),
    "sqlite": lambda folder: SqliteStore(folder / "pilvi.db"),
    "sqlite-slow-disk": lambda folder: SqliteStore(folder / "pilvi.db", patience_s=0),
    "sqlite-relaxed": lambda folder: SqliteStore(folder / "pilvi.db", durability="relaxed"),
}


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Make:
    return ENGINES[request.param]


def run(make: Make, folder: Path, body: Callable[[Store], Awaitable[None]]) -> None:
    async def main() -> None:
        store = make(folder)
        try:
            await body(store)
        finally:
            await store.close()

    asyncio.run(main())


KEYS = st.binary(min_size=1, max_size=2).map(lambda key: bytes(byte % 6 for byte in key))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, st.binary(max_size=3)),
        st.tuples(st.just("delete"), KEYS, st.none()),
        st.tuples(st.just("delete_range"), KEYS, KEYS),
        st.tuples(st.just("get"), KEYS, st.none()),
        st.tuples(
            st.just("scan"), KEYS, st.tuples(KEYS, st.none() | st.integers(0, 9), st.booleans())
        ),
    ),
    max_size=14,
)


class Abort(Exception):
    pass


class Model(RuleBasedStateMachine):
    """Transactions of random steps against a dict: after each, store and dict are the same map."""

    make: Make

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.store = type(self).make(Path(self.folder.name))
        self.map: dict[bytes, bytes] = {}

    @rule(steps=STEPS, abort=st.booleans())
    def write(self, steps: list[tuple], abort: bool) -> None:
        model = dict(self.map)

        def body(tx: Transaction) -> None:
            for step in steps:
                _play(tx, model, *step)
            if abort:
                raise Abort

        try:
            self.loop.run_until_complete(self.store.write(body))
        except Abort:
            return
        self.map = model

    @rule(start=KEYS, end=KEYS, limit=st.none() | st.integers(0, 9), reverse=st.booleans())
    def read(self, start: bytes, end: bytes, limit: int | None, reverse: bool) -> None:
        found = self.loop.run_until_complete(
            self.store.read(lambda at: list(at.scan(start, end, limit=limit, reverse=reverse)))
        )
        assert found == _expected(self.map, start, end, limit, reverse)

    @invariant()
    def same(self) -> None:
        everything = self.loop.run_until_complete(
            self.store.read(lambda at: list(at.scan(b"", b"\xff")))
        )
        assert everything == sorted(self.map.items())

    def teardown(self) -> None:
        self.loop.run_until_complete(self.store.close())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        self.folder.cleanup()


def _play(tx: Transaction, model: dict[bytes, bytes], verb: str, key: bytes, rest: object) -> None:
    if verb == "put":
        tx.put(key, rest)
        model[key] = rest
    elif verb == "delete":
        tx.delete(key)
        model.pop(key, None)
    elif verb == "delete_range":
        tx.delete_range(key, rest)
        for gone in [known for known in model if key <= known < rest]:
            del model[gone]
    elif verb == "get":
        assert tx.get(key) == model.get(key)
    else:
        end, limit, reverse = rest
        found = list(tx.scan(key, end, limit=limit, reverse=reverse))
        assert found == _expected(model, key, end, limit, reverse)


def _keys(start, end, limit, reverse, at):
    return [key for key, _ in at.scan(start, end, limit=limit, reverse=reverse)]


def _expected(model, start, end, limit, reverse):
    return [pair for pair in sorted(model.items(), reverse=reverse) if start <= pair[0] < end][
        :limit
    ]


@pytest.mark.parametrize("name", ["memory", "sqlite-relaxed"])
def test_an_engine_is_a_dict(name: str) -> None:
    machine = type("M", (Model,), {"make": staticmethod(ENGINES[name])})
    machine.TestCase.settings = settings(max_examples=40, stateful_step_count=12, deadline=None)
    machine.TestCase().runTest()


def test_a_long_scan_is_whole_in_both_directions(engine: Make, tmp_path: Path) -> None:
    """Engines read in pages or chunks; nothing is lost or doubled at their edges."""

    async def body(store: Store) -> None:
        # In each three, the next key is the closest possible neighbour of the one before.
        keys = [b"%05d" % (n - n % 3) + bytes(n % 3) for n in range(3000)]

        def fill(tx: Transaction) -> None:
            for key in keys[::2] + keys[1::2]:
                tx.put(key, key)

        await store.write(fill)
        for reverse in (False, True):
            found = await store.read(partial(_keys, b"", b"a", None, reverse))
            assert found == sorted(keys, reverse=reverse)
            some = await store.read(partial(_keys, b"00100", b"00900", 555, reverse))
            assert some == sorted(keys[102:900], reverse=reverse)[:555]
        await store.write(lambda tx: tx.delete_range(b"00010", b"02990"))
        found = await store.read(lambda at: [k for k, _ in at.scan(b"", b"a")])
        assert found == keys[:12] + keys[2991:]

    run(engine, tmp_path, body)


LEAPT = st.binary(max_size=6).map(lambda raw: bytes(b"/\x00ab\xc3\xa9"[n % 6] for n in raw))


@pytest.mark.parametrize("name", ["memory", "sqlite-relaxed"])
@pytest.mark.parametrize("inside", [False, True], ids=["read", "write"])
def test_a_leap_tells_each_beginning_once(name: str, tmp_path: Path, inside: bool) -> None:
    """Every engine gives what a walk over all keys would."""

    async def look(store: Store, keys: list[bytes], asked: tuple[Any, ...]) -> None:
        start, at, by, limit = asked

        def put(tx: Transaction) -> list[Any]:
            tx.delete_range(b"", b"\xff")
            for key in keys:
                tx.put(key, b"value of " + key)
            return list(tx.leap(start, b"\xff", at=at, by=by, limit=limit))

        found = await store.write(put)
        if not inside:
            found = await store.read(
                lambda view: list(view.leap(start, b"\xff", at=at, by=by, limit=limit))
            )
        expected: list[tuple[bytes, bytes | None]] = []
        for key in sorted(key for key in keys if key >= start):
            zero = key.find(b"\x00", at)
            cut = key.find(by, at, len(key) if zero < 0 else zero + 1)
            row = (key, b"value of " + key) if cut < 0 else (key[: cut + len(by)], None)
            if row not in expected:
                expected.append(row)
        assert found == expected[:limit]

    with asyncio.Runner() as runner:
        store = ENGINES[name](tmp_path)

        @settings(max_examples=60, deadline=None)
        @given(
            st.lists(LEAPT, max_size=12, unique=True),
            st.tuples(
                LEAPT,
                st.integers(0, 3),
                LEAPT.filter(lambda by: 0 < len(by) < 3),
                st.integers(0, 9),
            ),
        )
        def hold(keys: list[bytes], asked: tuple[Any, ...]) -> None:
            runner.run(look(store, keys, asked))

        hold()
        runner.run(store.close())


def test_a_body_may_delete_while_it_scans(engine: Make, tmp_path: Path) -> None:
    async def body(store: Store) -> None:
        await store.write(lambda tx: [tx.put(b"%03d" % n, b"") for n in range(300)])

        def drain(tx: Transaction) -> int:
            tx.put(b"0005", b"")
            return sum(1 for key, _ in tx.scan(b"", b"a") if not tx.delete(key))

        assert await store.write(drain) == 301
        assert await store.read(lambda at: list(at.scan(b"", b"a"))) == []

    run(engine, tmp_path, body)


def test_money_is_neither_made_nor_lost(engine: Make, tmp_path: Path) -> None:
    """Serializable: many tasks move money between accounts; some change their mind."""

    async def body(store: Store) -> None:
        accounts = [b"a%d" % number for number in range(5)]
        await store.write(lambda tx: [tx.put(account, b"100") for account in accounts])

        async def clerk(number: int) -> None:
            for step in range(20):
                source = accounts[(number + step) % 5]
                target = accounts[(number * 3 + step * 2 + 1) % 5]

                def move(tx: Transaction, source=source, target=target, step=step) -> None:
                    left = int(tx.get(source)) - 7
                    tx.put(source, b"%d" % left)
                    tx.put(target, b"%d" % (int(tx.get(target)) + 7))
                    if left < 0 or step % 5 == 4:
                        raise Abort

                try:
                    await store.write(move)
                except Abort:
                    pass
                total = await store.read(lambda at: sum(int(at.get(a)) for a in accounts))
                assert total == 500

        await asyncio.gather(*(clerk(number) for number in range(16)))

    run(engine, tmp_path, body)


def test_counters_lose_no_increment(engine: Make, tmp_path: Path) -> None:
    async def body(store: Store) -> None:
        def increment(tx: Transaction) -> None:
            tx.put(b"n", b"%d" % (int(tx.get(b"n") or 0) + 1))

        await asyncio.gather(*(store.write(increment) for _ in range(700)))
        assert await store.read(lambda at: at.get(b"n")) == b"700"

    run(engine, tmp_path, body)


def test_hints_run_as_the_transaction_went(engine: Make, tmp_path: Path) -> None:
    async def body(store: Store) -> None:
        told: list[str] = []

        def end(tx: Transaction, fail: bool) -> None:
            tx.after_commit(lambda: told.append("committed"))
            tx.after_abort(lambda: told.append("aborted"))
            if fail:
                raise Abort

        await store.write(lambda tx: end(tx, False))
        with pytest.raises(Abort):
            await store.write(lambda tx: end(tx, True))
        assert told == ["committed", "aborted"]

    run(engine, tmp_path, body)


def test_nothing_outlives_its_body(engine: Make, tmp_path: Path) -> None:
    async def body(store: Store) -> None:
        kept: list[Transaction] = []
        await store.write(kept.append)
        for use in (
            lambda tx: tx.get(b"a"),
            lambda tx: tx.put(b"a", b""),
            lambda tx: tx.delete(b"a"),
        ):
            with pytest.raises(AssertionError, match="ends with its body"):
                use(kept[0])
        await store.read(kept.append)
        with pytest.raises(AssertionError, match="ends with its body"):
            kept[1].get(b"a")

    run(engine, tmp_path, body)


def test_a_transaction_has_a_bound(engine: Make, tmp_path: Path) -> None:
    async def body(store: Store) -> None:
        def flood(tx: Transaction) -> None:
            for number in range(70):
                tx.put(b"%d" % number, bytes(1024 * 1024))

        with pytest.raises(TransactionTooLarge):
            await store.write(flood)
        assert await store.read(lambda at: at.get(b"1")) is None

    run(engine, tmp_path, body)


def test_keys_and_values_are_bytes(engine: Make, tmp_path: Path) -> None:
    """A str would sort elsewhere: refused where it happens, so that no other writer suffers."""

    async def body(store: Store) -> None:
        good = asyncio.ensure_future(store.write(lambda tx: tx.put(b"good", b"1")))
        with pytest.raises(AssertionError, match="values are bytes"):
            await store.write(lambda tx: tx.put(b"a", "text"))  # pyright: ignore
        await good
        assert await store.read(lambda at: at.get(b"good")) == b"1"

    run(engine, tmp_path, body)


def test_a_wake_ends_a_wait(engine: Make, tmp_path: Path) -> None:
    async def body(store: Store) -> None:
        waiting = asyncio.ensure_future(store.wait("letters", 30))
        await asyncio.sleep(0)
        await store.write(lambda tx: tx.wake("letters"))
        assert await waiting is True
        assert await store.wait("letters", 0.01) is False
        aborted = asyncio.ensure_future(store.wait("letters", 0.05))

        def fail(tx: Transaction) -> None:
            tx.wake("letters")
            raise Abort

        with pytest.raises(Abort):
            await store.write(fail)
        assert await aborted is False

    run(engine, tmp_path, body)


def test_a_caller_that_leaves_harms_nobody(engine: Make, tmp_path: Path) -> None:
    async def body(store: Store) -> None:
        async def put(key: bytes) -> None:
            await store.write(lambda tx: tx.put(key, b""))

        tasks = [asyncio.ensure_future(put(b"%02d" % number)) for number in range(20)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        found = {key for key, _ in await store.read(lambda at: list(at.scan(b"", b"a")))}
        assert {b"%02d" % number for number in range(1, 20, 2)} <= found

    run(engine, tmp_path, body)
