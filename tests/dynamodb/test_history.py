"""The history of a table, without a server: the table as of each instant, and what changed between any two."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from pilvi.base.arn import Scope
from pilvi.services.dynamodb import records
from pilvi.services.dynamodb.changelog import DAY_MS, Instant
from pilvi.services.dynamodb.history import keeping, reading
from pilvi.services.dynamodb.records import TableRecord
from pilvi.services.dynamodb.tables import find_table, item_of
from pilvi.services.dynamodb.writes import Write, perform
from pilvi.store.api import Transaction
from pilvi.store.memory import MemoryStore

SCOPE = Scope("000000000001", "us-east-1", "aws")
START_MS = 1_800_000_000_000
RECORD = TableRecord(
    name="things",
    id="00000000-0000-4000-8000-000000000001",
    account=SCOPE.account,
    region=SCOPE.region,
    partition=SCOPE.partition,
    created_at_ms=START_MS,
    types={"pk": "S"},
    hash_key="pk",
    range_key=None,
    billing_mode="PAY_PER_REQUEST",
    throughput=records.Throughput(),
)
Items = dict[str, str]

names = st.sampled_from(("a", "ab", "b", "c\x00", "d", "e"))
change = st.tuples(names, st.sampled_from((None, "x", "y")))
step = st.tuples(
    st.sampled_from((0, 1, 999, DAY_MS, -5, -DAY_MS)),
    st.lists(change, max_size=4, unique_by=lambda one: one[0]),
)
"""How the clock moves, and what one transaction then writes: a value, or None to delete."""


class Quiet:
    """An outbox that keeps nothing: no job runs here."""

    def emit(self, tx: Any, fact: Any) -> None: ...

    def deliver(self, tx: Any, arn: str, payload: bytes, source: Any) -> None: ...

    def at(self, tx: Any, due_ms: int, job: Any) -> None: ...


def put(tx: Transaction, name: str, value: str | None, now_ms: int) -> None:
    table = find_table(tx, SCOPE, "things")
    assert table is not None
    key = {"pk": {"S": name}}
    item = {**key, "v": {"S": value or ""}}
    kind = "Delete" if value is None else "Put"
    made = item if value is not None else key
    perform(tx, Write(kind, table, table.key_of(key), None, {}, made, 8), now_ms, see_old=False)


def all_as_of(at: Any, table: TableRecord, instant: Instant) -> Items:
    found: list[bytes] = []
    last: bytes | None = None
    while True:
        page = reading.page_as_of(at, table, instant, start_after=last, limit=2)
        assert len(page.items) <= 2
        found += [stored for _, stored in page.items]
        if page.next is None:
            break
        assert last is None or page.next > last
        last = page.next
    items = [item_of(stored) for stored in found]
    assert len({item["pk"]["S"] for item in items}) == len(items)
    return {item["pk"]["S"]: item["v"]["S"] for item in items}


def all_changes(
    at: Any, table: TableRecord, since: Instant, until: Instant
) -> dict[str, tuple[str | None, str | None]]:
    found: dict[str, tuple[str | None, str | None]] = {}
    last: bytes | None = None
    while True:
        page = reading.changes_between(at, table, since, until, start_after=last, limit=2)
        for one in page.changes:
            old, new = (
                None if image is None else item_of(image)["v"]["S"] for image in (one.old, one.new)
            )
            assert one.key["pk"]["S"] not in found
            assert since.at_ms <= one.changed_at_ms <= until.at_ms
            found[one.key["pk"]["S"]] = (old, new)
        if page.next is None:
            return found
        last = page.next


@settings(max_examples=60, deadline=None)
@given(st.lists(step, min_size=1, max_size=10))
def test_every_instant_can_be_read(steps: list[tuple[int, list[tuple[str, str | None]]]]) -> None:
    """Whatever the clock does: a history's instants go forward, and each has the items that there were."""

    async def run() -> None:
        store = MemoryStore()
        store.outbox = Quiet()
        home = records.scope_home(SCOPE)
        now_ms = START_MS
        await store.write(lambda tx: records.tables.put(tx, home, RECORD))
        await store.write(lambda tx: put(tx, "a", "before", now_ms))

        def begin(tx: Transaction) -> tuple[TableRecord, Instant]:
            return keeping.hold(tx, RECORD, "test", now_ms)

        table, instant = await store.write(begin)
        model: Items = {"a": "before"}
        seen: list[tuple[Instant, Items, set[str]]] = [(instant, dict(model), set())]
        for moved_ms, changes in steps:
            now_ms += moved_ms

            def transact(tx: Transaction, now_ms: int = now_ms, changes: Any = changes) -> Instant:
                for name, value in changes:
                    put(tx, name, value, now_ms)
                return keeping.hold(tx, table, "test", now_ms)[1]

            instant = await store.write(transact)
            touched = {name for name, value in changes if model.get(name) != value}
            model |= {name: value for name, value in changes if value is not None}
            model = {name: value for name, value in model.items() if (name, None) not in changes}
            seen.append((instant, dict(model), touched))

        def compare(at: Any) -> None:
            for number, (since, items, _) in enumerate(seen):
                assert all_as_of(at, table, since) == items
                for later, (until, after, _) in enumerate(seen[number:], number):
                    touched = set[str]().union(*(one[2] for one in seen[number + 1 : later + 1]))
                    wanted = {name: (items.get(name), after.get(name)) for name in touched}
                    assert all_changes(at, table, since, until) == wanted

        await store.read(compare)

        def end(tx: Transaction) -> None:
            keeping.release(tx, table, "test", now_ms)

        await store.write(end)
        current = await store.read(lambda at: find_table(at, SCOPE, "things"))
        assert current is not None
        assert current.log is None
        assert not current.maintained
        assert current.record == msgspec.structs.replace(RECORD, histories_made=1)

    asyncio.run(run())
