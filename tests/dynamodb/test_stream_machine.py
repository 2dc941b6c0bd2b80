"""Random writes, time, and streams switched on and off, against a list of what should have been recorded.

AWS promises each change once, in order for each item, for a day; and nothing for a write that changes nothing.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from .streaming import change, read_all
from .support import key, make_table

DAY_MS = 24 * 3600 * 1000
Change = tuple[str, Any, Any]

names = st.sampled_from(("a", "b", "c", "d", "e"))
values = st.sampled_from(("x", "y"))
_numbers = itertools.count()


def machine(ddb: Any, streams: Any, clock: Any) -> type[RuleBasedStateMachine]:
    class Streams(RuleBasedStateMachine):
        """Model: the items, and of each stream (by ARN) the changes with their times, by item."""

        def __init__(self) -> None:
            super().__init__()
            self.items: dict[str, dict[str, Any]] = {}
            self.changes: dict[str, dict[str, list[tuple[int, Change]]]] = {}
            self.disabled_at_ms: dict[str, int] = {}
            self.arn: str | None = None

        @initialize()
        def create(self) -> None:
            self.table = make_table(ddb, f"stream-machine{next(_numbers)}")
            self.switch()

        def teardown(self) -> None:
            if hasattr(self, "table"):
                ddb.delete_table(TableName=self.table)

        def become(self, name: str, item: dict[str, Any] | None) -> None:
            old = self.items.pop(name, None)
            if item is not None:
                self.items[name] = item
            if self.arn is not None and old != item:
                event = "INSERT" if old is None else "REMOVE" if item is None else "MODIFY"
                entry = (clock.now_ms(), (event, old, item))
                self.changes[self.arn][name].append(entry)

        @rule(name=names, value=values)
        def put(self, name: str, value: str) -> None:
            item = {**key(name, 1), "v": {"S": value}}
            ddb.put_item(TableName=self.table, Item=item)
            self.become(name, item)

        @rule(name=names, value=values)
        def update(self, name: str, value: str) -> None:
            ddb.update_item(
                TableName=self.table,
                Key=key(name, 1),
                UpdateExpression="SET v = :v",
                ExpressionAttributeValues={":v": {"S": value}},
            )
            self.become(name, {**key(name, 1), "v": {"S": value}})

        @rule(name=names)
        def delete(self, name: str) -> None:
            ddb.delete_item(TableName=self.table, Key=key(name, 1))
            self.become(name, None)

        @rule(some=st.sets(names, min_size=1), value=values)
        def transact(self, some: set[str], value: str) -> None:
            items = {name: {**key(name, 1), "v": {"S": value}} for name in sorted(some)}
            members = [{"Put": {"TableName": self.table, "Item": one}} for one in items.values()]
            ddb.transact_write_items(TransactItems=members)
            for name, item in items.items():
                self.become(name, item)

        @rule(hours=st.sampled_from((1, 5, 13)))
        def wait(self, hours: int) -> None:
            clock.advance(seconds=hours * 3600 + 1)
            clock.wait_until_idle()

        @rule()
        def switch(self) -> None:
            if self.arn is not None:
                self.disabled_at_ms[self.arn] = clock.now_ms()
                self.arn = None
                specification: dict[str, Any] = {"StreamEnabled": False}
            else:
                specification = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
            answer = ddb.update_table(TableName=self.table, StreamSpecification=specification)
            if specification["StreamEnabled"]:
                arn: str = answer["TableDescription"]["LatestStreamArn"]
                assert arn not in self.changes
                self.arn = arn
                self.changes[arn] = defaultdict(list)

        @precondition(lambda self: self.changes)
        @rule()
        def read(self) -> None:
            now_ms = clock.now_ms()
            listed = streams.list_streams(TableName=self.table)["Streams"]
            assert {one["StreamArn"] for one in listed} == {
                arn
                for arn in self.changes
                if arn == self.arn or now_ms - self.disabled_at_ms[arn] < DAY_MS
            }
            for one in listed:
                self.compare(one["StreamArn"], now_ms)

        def compare(self, arn: str, now_ms: int) -> None:
            found: dict[str, list[Change]] = defaultdict(list)
            for record in read_all(streams, arn):
                found[record["dynamodb"]["Keys"]["pk"]["S"]].append(change(record))
            wanted = {
                name: [made for at_ms, made in entries if now_ms - at_ms < DAY_MS]
                for name, entries in self.changes[arn].items()
            }
            assert found == {name: entries for name, entries in wanted.items() if entries}

    return Streams


def test_streams_hold_what_was_changed(client: Any, clock: Any) -> None:
    clock.freeze()
    run_state_machine_as_test(
        machine(client("dynamodb"), client("dynamodbstreams"), clock),
        settings=settings(
            max_examples=12,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
