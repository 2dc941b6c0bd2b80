"""What writes cost, in the table and in each index, and how large a partition key's items are.

AWS: Developer Guide, "DynamoDB read and write operations", "Local secondary indexes: item collection size limit".
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pilvi.base.arn import Scope
from pilvi.base.errors import AwsError
from pilvi.services.dynamodb import limits, records, rules, writes
from pilvi.store.api import Transaction
from pilvi.store.memory import MemoryStore

from .support import index, key, make_simple_table, make_table


@pytest.fixture
def ddb(client: Any) -> Any:
    return client("dynamodb")


@pytest.fixture
def table(ddb: Any) -> str:
    return make_table(
        ddb,
        definitions=[
            {"AttributeName": "g", "AttributeType": "S"},
            {"AttributeName": "l", "AttributeType": "S"},
        ],
        GlobalSecondaryIndexes=[
            index("by_g", "g", projection="INCLUDE", NonKeyAttributes=["shown"])
        ],
        LocalSecondaryIndexes=[index("by_l", "pk", "l")],
    )


def spent(answer: Any) -> dict[str, float]:
    told = answer["ConsumedCapacity"]
    told = told[0] if isinstance(told, list) else told
    found = {"all": told["CapacityUnits"], "table": told["Table"]["CapacityUnits"]}
    for member in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
        for name, units in told.get(member, {}).items():
            found[name] = units["CapacityUnits"]
    return found


ITEM = {**key("a", 1), "g": {"S": "g"}, "l": {"S": "l"}, "shown": {"S": "x"}, "more": {"S": "y"}}


# An index costs what changes of what it holds: nothing, an entry, or two of them when its key changes.
@pytest.mark.parametrize(
    ("change", "units"),
    [
        ("SET more = :v", {"all": 2, "table": 1, "by_l": 1}),
        ("SET shown = :v", {"all": 3, "table": 1, "by_g": 1, "by_l": 1}),
        ("SET g = :v", {"all": 4, "table": 1, "by_g": 2, "by_l": 1}),
        ("SET l = :v", {"all": 3, "table": 1, "by_l": 2}),
        ("REMOVE g", {"all": 3, "table": 1, "by_g": 1, "by_l": 1}),
    ],
)
def test_updates(ddb: Any, table: str, change: str, units: Any) -> None:
    first = ddb.put_item(TableName=table, Item=ITEM, ReturnConsumedCapacity="INDEXES")
    assert spent(first) == {"all": 3, "table": 1, "by_g": 1, "by_l": 1}
    again = ddb.put_item(TableName=table, Item=ITEM, ReturnConsumedCapacity="INDEXES")
    assert spent(again) == {"all": 1, "table": 1}
    values = {} if "REMOVE" in change else {"ExpressionAttributeValues": {":v": {"S": "new"}}}
    answer = ddb.update_item(
        TableName=table,
        Key=key("a", 1),
        UpdateExpression=change,
        ReturnConsumedCapacity="INDEXES",
        **values,
    )
    assert spent(answer) == units


def test_deletes_batches_and_transactions(ddb: Any, table: str) -> None:
    """In a transaction everything costs double, and the kind of the units is told."""
    put = {"PutRequest": {"Item": ITEM}}
    sparse = {"PutRequest": {"Item": key("b", 1)}}
    batch = ddb.batch_write_item(
        RequestItems={table: [put, sparse]}, ReturnConsumedCapacity="INDEXES"
    )
    assert spent(batch) == {"all": 4, "table": 2, "by_g": 1, "by_l": 1}
    gone = ddb.delete_item(TableName=table, Key=key("a", 1), ReturnConsumedCapacity="INDEXES")
    assert spent(gone) == {"all": 3, "table": 1, "by_g": 1, "by_l": 1}
    members = [{"Put": {"TableName": table, "Item": ITEM}}]
    answer = ddb.transact_write_items(TransactItems=members, ReturnConsumedCapacity="INDEXES")
    assert spent(answer) == {"all": 6, "table": 2, "by_g": 2, "by_l": 2}
    assert answer["ConsumedCapacity"][0]["WriteCapacityUnits"] == 6
    gets = [{"Get": {"TableName": table, "Key": key(pk, 1)}} for pk in ("a", "none")]
    answer = ddb.transact_get_items(TransactItems=gets, ReturnConsumedCapacity="TOTAL")
    assert answer["ConsumedCapacity"] == [
        {"TableName": table, "CapacityUnits": 4, "ReadCapacityUnits": 4}
    ]


def test_collections_of_items(ddb: Any, table: str) -> None:
    """Told of tables with local indexes only: between which gigabytes all items of the partition key are."""
    told = {"ItemCollectionKey": {"pk": {"S": "a"}}, "SizeEstimateRangeGB": [0.0, 1.0]}
    asked = {"TableName": table, "ReturnItemCollectionMetrics": "SIZE"}
    assert ddb.put_item(Item=ITEM, **asked)["ItemCollectionMetrics"] == told
    update = {"UpdateExpression": "REMOVE l", "Key": key("a", 1)}
    assert ddb.update_item(**update, **asked)["ItemCollectionMetrics"] == told
    assert ddb.delete_item(Key=key("a", 1), **asked)["ItemCollectionMetrics"] == told
    assert ddb.delete_item(Key=key("a", 1), **asked)["ItemCollectionMetrics"] == told
    batch = ddb.batch_write_item(
        RequestItems={table: [{"PutRequest": {"Item": ITEM}}]}, ReturnItemCollectionMetrics="SIZE"
    )
    assert batch["ItemCollectionMetrics"] == {table: [told]}
    members = [{"Delete": {"TableName": table, "Key": key("a", 1)}}]
    answer = ddb.transact_write_items(TransactItems=members, ReturnItemCollectionMetrics="SIZE")
    assert answer["ItemCollectionMetrics"] == {table: [told]}
    simple = make_simple_table(ddb)
    answer = ddb.put_item(
        TableName=simple, Item={"pk": {"S": "a"}}, ReturnItemCollectionMetrics="SIZE"
    )
    assert "ItemCollectionMetrics" not in answer


def test_a_collection_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS's is at 10 GB; what makes it smaller is taken also beyond."""
    monkeypatch.setattr(limits, "COLLECTION_BYTES_MAX", 250)
    store = MemoryStore()
    scope = Scope("111111111111", "us-east-1")
    made = rules.draft_table(
        {
            "AttributeDefinitions": [
                {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "l")
            ],
            "KeySchema": [
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            "LocalSecondaryIndexes": [index("by_l", "pk", "l", projection="KEYS_ONLY")],
            "BillingMode": "PAY_PER_REQUEST",
        },
        scope=scope,
        name="things",
        table_id="0f8fad5b-d9cb-469f-a165-70867728950e",
        now_ms=0,
    )

    def put(tx: Transaction, sk: str, size: int) -> int | None:
        item = {"pk": {"S": "a"}, "sk": {"S": sk}, "l": {"S": "l"}, "x": {"S": "x" * size}}
        write = writes.put_of(tx, scope, {"TableName": "things", "Item": item})
        return writes.perform(tx, write, now_ms=0).collection_bytes

    async def run() -> None:
        await store.write(lambda tx: records.tables.put(tx, records.scope_home(scope), made))
        # An item has 9 bytes besides the value of x, its entry in the index one less.
        assert await store.write(lambda tx: put(tx, "1", 100)) == 117
        assert await store.write(lambda tx: put(tx, "2", 100)) == 234
        with pytest.raises(AwsError) as refused:
            await store.write(lambda tx: put(tx, "3", 0))
        assert refused.value.code == "ItemCollectionSizeLimitExceededException"
        assert await store.write(lambda tx: put(tx, "2", 50)) == 184
        assert await store.write(lambda tx: put(tx, "3", 0)) == 201

    asyncio.run(run())
