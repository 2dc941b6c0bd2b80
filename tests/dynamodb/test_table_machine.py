"""A table against a dictionary: whatever is written in whichever way and order, both tell the same.

Items are put, updated under conditions, deleted, written in batches, transactions and by statements, while indexes come
and go. Killing the server is one of the steps, also while an index is being filled. An item may have a value that an
index cannot take: it is refused once the index is there, and left out of it when it was there before.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pilvi.store.check import check
from servers import Server

from .support import index, make_table

Item = dict[str, Any]
Key = tuple[str, str]

ACCOUNT = "000000000001"
KEYS = [(pk, sk) for pk in "ab" for sk in "123"]
KILLS = 3
_names = itertools.count()

keys = st.sampled_from(KEYS)
key_lists = st.lists(keys, min_size=1, max_size=4, unique=True)
groups = st.sampled_from([None, {"S": "g"}, {"S": "h"}, {"S": "h"}, {"N": "7"}])
"""Of `g`, which indexes have for a string."""
counts = st.sampled_from([None, "-1", "0", "5"])
chances = st.booleans()


@dataclass(frozen=True)
class Model:
    """An index: its name tells how it is made."""

    range_key: str | None
    projection: str

    def entry(self, item: Item) -> Item | None:
        """What the index holds of an item."""
        if "S" not in item.get("g", {}) or (self.range_key and self.range_key not in item):
            return None
        if self.projection == "ALL":
            return item
        shown = {"pk", "sk", "g", self.range_key}
        if self.projection == "INCLUDE":
            shown.add("note")
        return {name: value for name, value in item.items() if name in shown}


INDEXES = {
    "plain": Model(None, "ALL"),
    "ranged": Model("n", "KEYS_ONLY"),
    "included": Model("n", "INCLUDE"),
}


def key_of(key: Key) -> Item:
    return {"pk": {"S": key[0]}, "sk": {"N": key[1]}}


def item_of(key: Key, group: Item | None, count: str | None) -> Item:
    item = key_of(key)
    if group is not None:
        item["g"] = group
    if count is not None:
        item["n"] = {"N": count}
        item["note"] = {"S": f"noted {count}"}
    return item


def in_order(items: list[Item]) -> list[Item]:
    return sorted(items, key=lambda item: (item["pk"]["S"], item["sk"]["N"]))


class Tables(RuleBasedStateMachine):
    server: ClassVar[Server]
    kills: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.ddb: Any = self.server.client("dynamodb", ACCOUNT)
        self.items: dict[Key, Item] = {}
        self.indexes: dict[str, bool] = {}
        """Name -> whether it is known to be filled."""

    @initialize()
    def create(self) -> None:
        self.table = make_table(self.ddb, f"machine{next(_names)}")

    def teardown(self) -> None:
        if hasattr(self, "table"):
            self.settle()
            self.ddb.delete_table(TableName=self.table)

    def settle(self) -> None:
        assert self.server.ask("POST", "/_pilvi/idle", {"timeout_s": 60})["idle"]

    # --- what the model says

    def refused(self, group: Item | None) -> bool:
        """Whether an index is there that cannot take it."""
        return bool(self.indexes) and group is not None and "N" in group

    def ask(self, code: str | None, operation: str, **request: Any) -> Any:
        """Expects this error, or none. Gives the answer, or the error's."""
        try:
            answer = getattr(self.ddb, operation)(**request)
        except ClientError as error:
            if error.response["Error"]["Code"] != code:
                raise
            return error.response
        assert code is None, f"{operation} is not refused: {code}"
        return answer

    # --- one item

    @rule(key=keys, group=groups, count=counts, fresh=chances)
    def put(self, key: Key, group: Item | None, count: str | None, fresh: bool) -> None:
        item = item_of(key, group, count)
        request: dict[str, Any] = {"Item": item, "ReturnValues": "ALL_OLD"}
        if fresh:
            request["ConditionExpression"] = "attribute_not_exists(pk)"
            request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        old = self.items.get(key)
        code = None
        if self.refused(group):
            code = "ValidationException"
        elif fresh and old is not None:
            code = "ConditionalCheckFailedException"
        answer = self.ask(code, "put_item", TableName=self.table, **request)
        if code is None:
            assert answer.get("Attributes") == old
            self.items[key] = item
        elif code != "ValidationException":
            assert answer["Item"] == old

    @rule(key=keys, group=groups, least=st.sampled_from(["-1", "1"]))
    def update(self, key: Key, group: Item | None, least: str) -> None:
        """Counts where there is enough already, and changes or takes away the index's key."""
        old = self.items.get(key)
        values: Item = {":one": {"N": "1"}, ":least": {"N": least}}
        expression = "SET n = n + :one"
        if group is None:
            expression += " REMOVE g"
        else:
            expression += ", g = :g"
            values[":g"] = group
        code = None
        if self.refused(group):
            code = "ValidationException"
        elif old is None or "n" not in old or int(old["n"]["N"]) < int(least):
            code = "ConditionalCheckFailedException"
        answer = self.ask(
            code,
            "update_item",
            TableName=self.table,
            Key=key_of(key),
            UpdateExpression=expression,
            ConditionExpression="n >= :least",
            ExpressionAttributeValues=values,
            ReturnValues="ALL_NEW",
        )
        if code is None:
            assert old is not None
            self.items[key] = self.counted(old, group)
            assert answer["Attributes"] == self.items[key]

    def counted(self, old: Item, group: Item | None) -> Item:
        new = {**old, "n": {"N": str(int(old["n"]["N"]) + 1)}}
        new.pop("g", None)
        return new if group is None else {**new, "g": group}

    @rule(key=keys, conditional=chances)
    def delete(self, key: Key, conditional: bool) -> None:
        old = self.items.get(key)
        request: dict[str, Any] = {}
        code = None
        if conditional:
            request["ConditionExpression"] = "attribute_type(g, :s)"
            request["ExpressionAttributeValues"] = {":s": {"S": "S"}}
            if old is None or "S" not in old.get("g", {}):
                code = "ConditionalCheckFailedException"
        answer = self.ask(
            code,
            "delete_item",
            TableName=self.table,
            Key=key_of(key),
            ReturnValues="ALL_OLD",
            **request,
        )
        if code is None:
            assert answer.get("Attributes") == old
            self.items.pop(key, None)

    # --- many at once

    @rule(chosen=key_lists, group=groups, count=counts)
    def write_a_batch(self, chosen: list[Key], group: Item | None, count: str | None) -> None:
        """Each second key is deleted."""
        puts = [item_of(key, group, count) for key in chosen[::2]]
        requests = [{"PutRequest": {"Item": item}} for item in puts]
        requests += [{"DeleteRequest": {"Key": key_of(key)}} for key in chosen[1::2]]
        code = "ValidationException" if self.refused(group) else None
        self.ask(code, "batch_write_item", RequestItems={self.table: requests})
        if code is None:
            self.items |= dict(zip(chosen[::2], puts, strict=True))
            for key in chosen[1::2]:
                self.items.pop(key, None)

    @rule(chosen=key_lists, group=groups, count=counts, data=st.data())
    def transact(
        self, chosen: list[Key], group: Item | None, count: str | None, data: st.DataObject
    ) -> None:
        """All of it or nothing, and for each member the reason why not."""
        members: list[Item] = []
        reasons: list[str] = []
        after = dict(self.items)
        for key in chosen:
            old = self.items.get(key)
            named = {"TableName": self.table, "Key": key_of(key)}
            kind = data.draw(st.sampled_from(["Put", "Update", "Delete", "ConditionCheck"]))
            reason = "None"
            if kind == "Put":
                after[key] = item_of(key, group, count)
                members.append({kind: {"TableName": self.table, "Item": after[key]}})
                if self.refused(group):
                    reason = "ValidationError"
            elif kind == "Update":
                values = {":one": {"N": "1"}}
                change = {
                    **named,
                    "UpdateExpression": "SET n = n + :one REMOVE g",
                    "ConditionExpression": "attribute_exists(n)",
                    "ExpressionAttributeValues": values,
                }
                members.append({kind: change})
                if old is None or "n" not in old:
                    reason = "ConditionalCheckFailed"
                else:
                    after[key] = self.counted(old, None)
            elif kind == "Delete":
                members.append({kind: named})
                after.pop(key, None)
            else:
                condition = {"ConditionExpression": "attribute_exists(pk)"}
                members.append({kind: {**named, **condition}})
                if old is None:
                    reason = "ConditionalCheckFailed"
            reasons.append(reason)
        if "ValidationError" in reasons:  # which is seen before any item is
            reasons = [one if one == "ValidationError" else "None" for one in reasons]
        code = None if set(reasons) == {"None"} else "TransactionCanceledException"
        answer = self.ask(code, "transact_write_items", TransactItems=members)
        if code is None:
            self.items = after
        else:
            assert [one["Code"] for one in answer["CancellationReasons"]] == reasons

    @rule(chosen=key_lists)
    def read_together(self, chosen: list[Key]) -> None:
        expected = [self.items.get(key) for key in chosen]
        gets = [{"Get": {"TableName": self.table, "Key": key_of(key)}} for key in chosen]
        found = self.ddb.transact_get_items(TransactItems=gets)["Responses"]
        assert [one.get("Item") for one in found] == expected
        wanted = {self.table: {"Keys": [key_of(key) for key in chosen]}}
        batch = self.ddb.batch_get_item(RequestItems=wanted)["Responses"][self.table]
        assert in_order(batch) == in_order([item for item in expected if item is not None])

    # --- statements

    @rule(key=keys, group=groups)
    def insert(self, key: Key, group: Item | None) -> None:
        item = item_of(key, group, None)
        text = f"INSERT INTO {self.table} VALUE {{'pk': ?, 'sk': ?"
        text += "}" if group is None else ", 'g': ?}"
        code = None
        if self.refused(group):
            code = "ValidationException"
        elif key in self.items:
            code = "DuplicateItemException"
        self.ask(code, "execute_statement", Statement=text, Parameters=list(item.values()))
        if code is None:
            self.items[key] = item

    @rule(key=keys, group=groups)
    def update_by_statement(self, key: Key, group: Item | None) -> None:
        old = self.items.get(key)
        text = f"UPDATE {self.table} SET n=n+1 "
        text += "REMOVE g " if group is None else "SET g=? "
        text += "WHERE pk=? AND sk=? AND n >= 0"
        parameters = [*([] if group is None else [group]), *key_of(key).values()]
        code = None
        if self.refused(group):
            code = "ValidationException"
        elif old is None or "n" not in old or int(old["n"]["N"]) < 0:
            code = "ConditionalCheckFailedException"
        self.ask(code, "execute_statement", Statement=text, Parameters=parameters)
        if code is None:
            assert old is not None
            self.items[key] = self.counted(old, group)

    @rule(key=keys)
    def delete_by_statement(self, key: Key) -> None:
        text = f"DELETE FROM {self.table} WHERE pk=? AND sk=? RETURNING ALL OLD *"
        parameters = list(key_of(key).values())
        answer = self.ddb.execute_statement(Statement=text, Parameters=parameters)
        old = self.items.pop(key, None)
        assert answer["Items"] == ([] if old is None else [old])

    @rule(pk=st.sampled_from("ab"), least=st.sampled_from("123"), limit=st.integers(1, 3))
    def select(self, pk: str, least: str, limit: int) -> None:
        request: dict[str, Any] = {
            "Statement": f"SELECT * FROM {self.table} WHERE pk=? AND sk>=? ORDER BY sk DESC",
            "Parameters": list(key_of((pk, least)).values()),
            "Limit": limit,
        }
        found: list[Item] = []
        for _ in range(len(KEYS)):
            page = self.ddb.execute_statement(**request)
            found += page["Items"]
            if "NextToken" not in page:
                break
            request["NextToken"] = page["NextToken"]
        expected = [item for key, item in self.items.items() if key[0] == pk and key[1] >= least]
        assert found == in_order(expected)[::-1]

    # --- indexes

    @precondition(lambda self: len(self.indexes) < len(INDEXES))
    @rule(name=st.sampled_from(sorted(INDEXES)))
    def add_index(self, name: str) -> None:
        """It is filled while other steps go on."""
        if name in self.indexes:
            return
        self.fill_indexes()
        shape = INDEXES[name]
        more = {"NonKeyAttributes": ["note"]} if shape.projection == "INCLUDE" else {}
        ranged = [] if shape.range_key is None else [shape.range_key]
        made = index(name, "g", *ranged, projection=shape.projection, **more)
        types = {"pk": "S", "sk": "N", "g": "S"} | dict.fromkeys(ranged, "N")
        self.ddb.update_table(
            TableName=self.table,
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": type} for name, type in types.items()
            ],
            GlobalSecondaryIndexUpdates=[{"Create": made}],
        )
        self.indexes[name] = False

    @rule()
    def fill_indexes(self) -> None:
        if all(self.indexes.values()):
            return
        self.settle()
        told = self.ddb.describe_table(TableName=self.table)["Table"]["GlobalSecondaryIndexes"]
        assert {one["IndexName"]: one["IndexStatus"] for one in told} == dict.fromkeys(
            self.indexes, "ACTIVE"
        )
        self.indexes = dict.fromkeys(self.indexes, True)

    @precondition(lambda self: self.indexes)
    @rule(data=st.data())
    def drop_index(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.indexes)))
        self.fill_indexes()
        self.ddb.update_table(
            TableName=self.table, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": name}}]
        )
        del self.indexes[name]
        self.settle()

    @precondition(lambda self: any(self.indexes.values()))
    @rule(group=st.sampled_from("gh"), limit=st.none() | st.integers(1, 2), forward=chances)
    def query_index(self, group: str, limit: int | None, forward: bool) -> None:
        """Page by page, in the order of the range key."""
        for name in [name for name, filled in self.indexes.items() if filled]:
            request: dict[str, Any] = {
                "TableName": self.table,
                "IndexName": name,
                "KeyConditionExpression": "g = :g",
                "ExpressionAttributeValues": {":g": {"S": group}},
                "ScanIndexForward": forward,
            }
            if limit is not None:
                request["Limit"] = limit
            found: list[Item] = []
            for _ in range(len(KEYS) + 1):
                page = self.ddb.query(**request)
                found += page["Items"]
                if "LastEvaluatedKey" not in page:
                    break
                request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
            expected = [item for item in self.entries(name) if item["g"] == {"S": group}]
            assert in_order(found) == expected
            if INDEXES[name].range_key is not None:
                order = [int(item["n"]["N"]) for item in found]
                assert order == sorted(order, reverse=not forward)

    def entries(self, name: str) -> list[Item]:
        entries = [INDEXES[name].entry(item) for item in in_order(list(self.items.values()))]
        return [entry for entry in entries if entry is not None]

    # --- what must hold

    @rule()
    def kill(self) -> None:
        """Some of the times that it comes: starting takes long."""
        if Tables.kills < KILLS:
            Tables.kills += 1
            self.server.kill()
            self.server.start()

    @invariant()
    def everything_is_as_the_model_says(self) -> None:
        if not hasattr(self, "table"):
            return
        found = self.ddb.scan(TableName=self.table)["Items"]
        assert in_order(found) == in_order(list(self.items.values()))
        for name in [name for name, filled in self.indexes.items() if filled]:
            held = self.ddb.scan(TableName=self.table, IndexName=name)["Items"]
            assert in_order(held) == self.entries(name), name


@pytest.fixture
def machine(own_server: Any) -> Iterator[type[Tables]]:
    Tables.server = own_server()
    Tables.kills = 0
    yield Tables
    assert Tables.server.stop() == 0
    assert [one for one in check(Tables.server.data) if one.severity == "damage"] == []


def test_a_table_is_as_the_model_says(machine: type[Tables]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=7,
            stateful_step_count=25,
            derandomize=True,
            deadline=None,
            database=None,
            phases=[Phase.generate],  # making a failure smaller takes minutes here
            suppress_health_check=list(HealthCheck),
        ),
    )
