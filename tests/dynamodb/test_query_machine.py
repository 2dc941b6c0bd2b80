"""Random writes, queries and scans against a dictionary: table, global and local index, pages of any size.

AWS promises that an index is what its table is; here it is so after each write. A page's LastEvaluatedKey must
continue exactly behind it, also when the item it names has gone in between.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from .support import index, make_table

HASHES = ("a", "\u00e4\u0000")
RANGES = ("-1.5", "-1", "0.001", "1", "100", "9E+50")
TEXTS = ("g", "ga", "\U0001f600", "\uffff")

hashes = st.sampled_from(HASHES)
ranges = st.sampled_from(RANGES)
texts = st.sampled_from(TEXTS)
maybe_texts = st.none() | texts
limits = st.none() | st.integers(1, 4)

_numbers = itertools.count()


def plain_number(text: str) -> str:
    return f"{Decimal(text).normalize():f}"


def machine(client: Any) -> type[RuleBasedStateMachine]:
    class Queries(RuleBasedStateMachine):
        """Model: (hash, range) -> item, sorted when asked."""

        def __init__(self) -> None:
            super().__init__()
            self.model: dict[tuple[str, Decimal], dict[str, Any]] = {}

        @initialize()
        def create(self) -> None:
            self.table = make_table(
                client,
                f"machine{next(_numbers)}",
                definitions=[
                    {"AttributeName": "g", "AttributeType": "S"},
                    {"AttributeName": "l", "AttributeType": "S"},
                ],
                GlobalSecondaryIndexes=[index("by_g", "g", "l")],
                LocalSecondaryIndexes=[index("by_l", "pk", "l", projection="KEYS_ONLY")],
            )

        def teardown(self) -> None:
            if hasattr(self, "table"):
                client.delete_table(TableName=self.table)

        @rule(pk=hashes, sk=ranges, g=maybe_texts, low=maybe_texts)
        def put(self, pk: str, sk: str, g: str | None, low: str | None) -> None:
            item = {"pk": {"S": pk}, "sk": {"N": plain_number(sk)}}
            item |= {name: {"S": text} for name, text in (("g", g), ("l", low)) if text is not None}
            client.put_item(TableName=self.table, Item={**item, "sk": {"N": sk}})
            self.model[pk, Decimal(sk)] = item

        @rule(pk=hashes, sk=ranges)
        def delete(self, pk: str, sk: str) -> None:
            client.delete_item(TableName=self.table, Key={"pk": {"S": pk}, "sk": {"N": sk}})
            self.model.pop((pk, Decimal(sk)), None)

        @rule(pk=hashes, sk=ranges, name=st.sampled_from(["g", "l"]), text=maybe_texts)
        def update(self, pk: str, sk: str, name: str, text: str | None) -> None:
            key = {"pk": {"S": pk}, "sk": {"N": plain_number(sk)}}
            request = {
                "TableName": self.table,
                "Key": key,
                "ExpressionAttributeNames": {"#n": name},
            }
            if text is None:  # which makes no item
                client.update_item(UpdateExpression="REMOVE #n", **request)
                self.model.get((pk, Decimal(sk)), {}).pop(name, None)
            else:
                item = self.model.setdefault((pk, Decimal(sk)), dict(key))
                client.update_item(
                    UpdateExpression="SET #n = :v",
                    ExpressionAttributeValues={":v": {"S": text}},
                    **request,
                )
                item[name] = {"S": text}

        @rule(pk=hashes, low=ranges, high=ranges, forward=st.booleans(), limit=limits)
        def query_between(
            self, pk: str, low: str, high: str, forward: bool, limit: int | None
        ) -> None:
            low, high = sorted((low, high), key=Decimal)
            found = pages(
                client.query,
                limit,
                TableName=self.table,
                KeyConditionExpression="pk = :p AND sk BETWEEN :l AND :h",
                ExpressionAttributeValues={":p": {"S": pk}, ":l": {"N": low}, ":h": {"N": high}},
                ScanIndexForward=forward,
            )
            expected = [
                item
                for (hash_key, number), item in sorted(
                    self.model.items(), key=lambda entry: entry[0][1]
                )
                if hash_key == pk and Decimal(low) <= number <= Decimal(high)
            ]
            assert list(found) == (expected if forward else expected[::-1])

        @rule(g=texts, prefix=texts, limit=limits, forward=st.booleans())
        def query_index(self, g: str, prefix: str, limit: int | None, forward: bool) -> None:
            found = list(
                pages(
                    client.query,
                    limit,
                    TableName=self.table,
                    IndexName="by_g",
                    KeyConditionExpression="g = :g AND begins_with(l, :l)",
                    ExpressionAttributeValues={":g": {"S": g}, ":l": {"S": prefix}},
                    ScanIndexForward=forward,
                )
            )
            expected = [
                item
                for item in self.model.values()
                if item.get("g") == {"S": g} and item.get("l", {"S": ""})["S"].startswith(prefix)
            ]
            assert sorted(map(repr, found)) == sorted(map(repr, expected))
            order = [item["l"]["S"].encode() for item in found]
            assert order == sorted(order, reverse=not forward)

        @rule(
            limit=limits, segments=st.integers(1, 3), name=st.sampled_from([None, "by_g", "by_l"])
        )
        def scan(self, limit: int | None, segments: int, name: str | None) -> None:
            source = {} if name is None else {"IndexName": name}
            found = [
                item
                for segment in range(segments)
                for item in pages(
                    client.scan,
                    limit,
                    TableName=self.table,
                    TotalSegments=segments,
                    Segment=segment,
                    **source,
                )
            ]
            assert in_order(found) == in_order(self.expected(name))

        @rule(pk=hashes)
        def continue_behind_what_has_gone(self, pk: str) -> None:
            request = {
                "TableName": self.table,
                "KeyConditionExpression": "pk = :p",
                "ExpressionAttributeValues": {":p": {"S": pk}},
            }
            page = client.query(Limit=1, **request)
            if "LastEvaluatedKey" not in page:
                return
            last = page["LastEvaluatedKey"]
            client.delete_item(TableName=self.table, Key=last)
            del self.model[pk, Decimal(last["sk"]["N"])]
            rest = client.query(ExclusiveStartKey=last, **request)["Items"]
            assert len(rest) == sum(hash_key == pk for hash_key, _ in self.model)

        def expected(self, name: str | None) -> list[Any]:
            """What the table, or an index of it, holds."""
            items = list(self.model.values())
            if name == "by_g":
                return [item for item in items if "g" in item and "l" in item]
            if name == "by_l":
                return [
                    {member: item[member] for member in ("pk", "sk", "l")}
                    for item in items
                    if "l" in item
                ]
            return items

        @invariant()
        def indexes_are_what_the_table_is(self) -> None:
            if hasattr(self, "table"):
                for name in (None, "by_g", "by_l"):
                    source = {} if name is None else {"IndexName": name}
                    found = client.scan(TableName=self.table, **source)["Items"]
                    assert in_order(found) == in_order(self.expected(name)), name

    return Queries


def in_order(items: list[Any]) -> list[Any]:
    return sorted(items, key=lambda item: (item["pk"]["S"], item["sk"]["N"]))


def pages(call: Callable[..., Any], limit: int | None, **request: Any) -> Iterator[Any]:
    if limit is not None:
        request["Limit"] = limit
    for _ in range(100):
        page = call(**request)
        assert limit is None or page["ScannedCount"] <= limit
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
    raise AssertionError("the pages have no end")


@pytest.mark.usefixtures("server")
def test_queries_and_scans_against_a_dictionary(client: Any) -> None:
    run_state_machine_as_test(
        machine(client("dynamodb")),
        settings=settings(
            max_examples=25,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
