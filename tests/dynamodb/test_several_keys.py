"""Global indexes whose keys have several attributes: up to four to the partition, up to four to sort by."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilvi.services.dynamodb.expressions.key_conditions import KeyCondition
from pilvi.services.dynamodb.queries import Source, query_span
from pilvi.services.dynamodb.records import IndexRecord, TableRecord, Throughput
from pilvi.services.dynamodb.tables import Table
from servers import CloudClock

from .support import refusal

INVALID = "One or more parameter values were invalid: "
KINDS = {"h1": "S", "h2": "N", "r1": "S", "r2": "N", "r3": "S"}
INDEX: dict[str, Any] = {
    "IndexName": "by_all",
    "KeySchema": [
        {"AttributeName": name, "KeyType": "HASH" if name[0] == "h" else "RANGE"} for name in KINDS
    ],
    "Projection": {"ProjectionType": "KEYS_ONLY"},
}
DEFINITIONS = [{"AttributeName": name, "AttributeType": kind} for name, kind in KINDS.items()]


@pytest.fixture
def ddb(client: Any) -> Any:
    return client("dynamodb", parameter_validation=False)


def make(client: Any, *indexes: dict[str, Any], definitions: Any = ()) -> None:
    client.create_table(
        TableName="many",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}, *definitions],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        **({"GlobalSecondaryIndexes": list(indexes)} if indexes else {}),
    )


def item(pk: str, h1: str, h2: int, r1: str, r2: int, r3: str, **more: Any) -> dict[str, Any]:
    return {
        "pk": {"S": pk},
        "h1": {"S": h1},
        "h2": {"N": str(h2)},
        "r1": {"S": r1},
        "r2": {"N": str(r2)},
        "r3": {"S": r3},
        **more,
    }


ITEMS = [
    item(f"{h2}{r1}{r2}{r3}", "a", h2, r1, r2, r3, x={"S": "y"})
    for h2, r1, r2, r3 in itertools.product((1, 2), "pq", (-5, 3, 20), "uv")
]
VALUES = {":a": {"S": "a"}, ":1": {"N": "1"}, ":p": {"S": "p"}, ":3": {"N": "3"}, ":v": {"S": "v"}}


def query(client: Any, condition: str, **more: Any) -> list[str]:
    used = {name: value for name, value in VALUES.items() if name in condition}
    page = client.query(
        TableName="many",
        IndexName="by_all",
        KeyConditionExpression=condition,
        ExpressionAttributeValues=used,
        **more,
    )
    return [found["pk"]["S"] for found in page["Items"]]


# The same answers whether the index was there before the items or came after them.
@pytest.mark.parametrize("later", [False, True])
def test_queries(ddb: Any, clock: CloudClock, later: bool) -> None:
    if not later:
        make(ddb, INDEX, definitions=DEFINITIONS)
    else:
        make(ddb)
    for one in ITEMS:
        ddb.put_item(TableName="many", Item=one)
    sparse = dict(ITEMS[0], pk={"S": "sparse"})
    del sparse["r3"]
    ddb.put_item(TableName="many", Item=sparse)
    if later:
        ddb.update_table(
            TableName="many",
            AttributeDefinitions=DEFINITIONS,
            GlobalSecondaryIndexUpdates=[{"Create": INDEX}],
        )
        clock.wait_until_idle()
    (told,) = ddb.describe_table(TableName="many")["Table"]["GlobalSecondaryIndexes"]
    assert (told["KeySchema"], told["ItemCount"]) == (INDEX["KeySchema"], len(ITEMS))
    ones = [f"1{r1}{r2}{r3}" for r1, r2, r3 in itertools.product("pq", (-5, 3, 20), "uv")]
    whole = "h1 = :a AND h2 = :1"
    assert query(ddb, whole) == ones
    assert query(ddb, whole, ScanIndexForward=False) == ones[::-1]
    assert query(ddb, f"r1 = :p AND {whole}") == ones[:6]
    assert query(ddb, f"{whole} AND r1 > :p") == ones[6:]
    assert query(ddb, f"{whole} AND r1 = :p AND r2 < :3") == ones[:2]
    assert query(ddb, f"{whole} AND r1 = :p AND r2 >= :3") == ones[2:6]
    assert query(ddb, f"{whole} AND r1 = :p AND r2 BETWEEN :1 AND :3") == ones[2:4]
    assert query(ddb, f"{whole} AND r1 = :p AND r2 = :3 AND begins_with(r3, :v)") == ["1p3v"]
    for missing, message in (
        ("h1 = :a", "Query condition missed key schema element: h2"),
        ("h1 = :a AND h2 > :1", "Query key condition not supported"),
        (f"{whole} AND r2 = :3", "Query condition missed key schema element: r1"),
        (f"{whole} AND r1 > :p AND r2 = :3", "Query key condition not supported"),
        (f"{whole} AND pk = :a", "Query condition missed key schema element: r1"),
    ):
        with pytest.raises(ddb.exceptions.ClientError, match=message):
            query(ddb, missing)
    assert refusal(
        ddb.query,
        TableName="many",
        IndexName="by_all",
        KeyConditionExpression=whole,
        FilterExpression="r3 = :v",
        ExpressionAttributeValues={name: VALUES[name] for name in (":a", ":1", ":v")},
    ) == (
        "ValidationException",
        "Filter Expression can only contain non-primary key attributes: Primary key attribute: r3",
    )
    pages: list[str] = []
    more: dict[str, Any] = {}
    while True:
        page = ddb.query(
            TableName="many",
            IndexName="by_all",
            Limit=5,
            KeyConditions={
                "h1": {"AttributeValueList": [VALUES[":a"]], "ComparisonOperator": "EQ"},
                "h2": {"AttributeValueList": [VALUES[":1"]], "ComparisonOperator": "EQ"},
                "r1": {"AttributeValueList": [VALUES[":p"]], "ComparisonOperator": "GE"},
            },
            **more,
        )
        pages += [found["pk"]["S"] for found in page["Items"]]
        if "LastEvaluatedKey" not in page:
            break
        assert set(page["LastEvaluatedKey"]) == {"pk", *KINDS}
        more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    assert pages == ones
    statement = (
        "SELECT pk FROM many.by_all WHERE h1 = 'a' AND h2 = 1 AND r1 = 'p' AND r2 > -5 AND r3 = 'v'"
    )
    found = ddb.execute_statement(Statement=statement)["Items"]
    assert [one["pk"]["S"] for one in found] == ["1p3v", "1p20v"]


def test_entries_follow_their_items(ddb: Any) -> None:
    make(ddb, INDEX, definitions=DEFINITIONS)
    ddb.put_item(TableName="many", Item=ITEMS[0])
    change = {"TableName": "many", "Key": {"pk": ITEMS[0]["pk"]}}
    ddb.update_item(
        **change,
        UpdateExpression="SET r2 = :3",
        ExpressionAttributeValues={":3": VALUES[":3"]},
    )
    assert query(ddb, "h1 = :a AND h2 = :1 AND r1 = :p AND r2 = :3") == [ITEMS[0]["pk"]["S"]]
    assert ddb.scan(TableName="many", IndexName="by_all")["Count"] == 1
    ddb.update_item(**change, UpdateExpression="REMOVE h2")
    assert ddb.scan(TableName="many", IndexName="by_all")["Count"] == 0
    assert refusal(ddb.put_item, TableName="many", Item={**ITEMS[0], "r3": {"N": "1"}}) == (
        "ValidationException",
        INVALID + "Type mismatch for Index Key r3 Expected: S Actual: N IndexName: by_all",
    )
    long = {**ITEMS[0], "r1": {"S": "x" * 600}, "r3": {"S": "x" * 600}}
    assert refusal(ddb.put_item, TableName="many", Item=long) == (
        "ValidationException",
        INVALID + "Aggregated size of all range keys has exceeded the size limit of 1024 bytes",
    )


def schema(kinds: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": name, "KeyType": {"H": "HASH", "R": "RANGE"}[kind]}
        for name, kind in zip("abcdefghij", kinds, strict=False)
    ]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (schema("HHHHRRRR"), ""),
        (schema("HH"), ""),
        (
            schema("HHHHH"),
            INVALID + "The KeySchema exceeds the maximum allowed number of HASH key attributes",
        ),
        (
            schema("HRRRRR"),
            INVALID + "The KeySchema exceeds the maximum allowed number of RANGE key attributes",
        ),
        (
            schema("HRH"),
            INVALID + "All HASH key attributes must precede RANGE key attributes in the KeySchema",
        ),
        (schema("RH"), "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"),
        (
            [*schema("HH"), {"AttributeName": "a", "KeyType": "RANGE"}],
            "The KeySchema contains multiple key attributes with the same name",
        ),
    ],
)
def test_key_schemas(ddb: Any, keys: list[dict[str, str]], message: str) -> None:
    names = dict.fromkeys(key["AttributeName"] for key in keys)
    definitions = [{"AttributeName": name, "AttributeType": "S"} for name in names]
    wanted = {**INDEX, "KeySchema": keys}
    if message:
        found = refusal(lambda: make(ddb, wanted, definitions=definitions))
        assert found == ("ValidationException", message)
        return
    make(ddb, wanted, definitions=definitions)
    (told,) = ddb.describe_table(TableName="many")["Table"]["GlobalSecondaryIndexes"]
    assert told["KeySchema"] == keys


# Local indexes and tables have at most one attribute of each kind.
def test_local_keys_have_two_attributes(ddb: Any) -> None:
    code, message = refusal(
        ddb.create_table,
        TableName="many",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("a", "b", "c")
        ],
        KeySchema=schema("HR"),
        BillingMode="PAY_PER_REQUEST",
        LocalSecondaryIndexes=[{**INDEX, "KeySchema": schema("HRR")}],
    )
    assert code == "ValidationException"
    assert message.startswith("1 validation error detected: Value '[KeySchemaElement(")
    assert message.endswith(
        "at 'localSecondaryIndexes.1.member.keySchema' failed to satisfy constraint: Member must have "
        "length less than or equal to 2"
    )


TABLE = Table(
    TableRecord(
        name="many",
        id="e0e6f5b4-3b52-4c5c-9f4f-2b5c1a9d7c11",
        account="000000000001",
        region="us-east-1",
        partition="aws",
        created_at_ms=1,
        types={"pk": "S", "h1": "S", "h2": "S", "r1": "S", "r2": "N"},
        hash_key="pk",
        range_key=None,
        billing_mode="PAY_PER_REQUEST",
        throughput=Throughput(),
        indexes=(
            IndexRecord(
                "by_all",
                1,
                local=False,
                hash_key="h1",
                range_key="r1",
                projection="ALL",
                more_hash_keys=("h2",),
                more_range_keys=("r2",),
            ),
        ),
    )
)
text = st.text(st.sampled_from("a\x00\x01\xffz"), min_size=1, max_size=3)
number = st.integers(-3, 3)
OPERATORS: dict[str, Any] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    "=": lambda a, b: a == b,
    ">=": lambda a, b: a >= b,
    ">": lambda a, b: a > b,
}


# Keys sort as their attributes do one after another, whatever bytes are in them, and a condition on the last attribute
# cuts out what it says.
@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(text, text, text, number), min_size=1, max_size=8),
    st.tuples(text, number, st.sampled_from([*OPERATORS])),
)
def test_order_and_spans(
    rows: list[tuple[str, str, str, int]], wanted: tuple[str, int, str]
) -> None:
    entries = TABLE.indexes["by_all"]

    def place(row: tuple[str, str, str, int]) -> bytes:
        h1, h2, r1, r2 = row
        key = entries.entry_key(
            {"h1": {"S": h1}, "h2": {"S": h2}, "r1": {"S": r1}, "r2": {"N": str(r2)}}, b"\x02k\x00"
        )
        assert key is not None
        return key

    h1, h2, *_ = rows[0]
    same = [row for row in rows if row[:2] == (h1, h2)]
    assert sorted(map(place, same)) == [
        place(row) for row in sorted(same, key=lambda row: (row[2].encode(), row[3]))
    ]
    r1, r2, operator = wanted
    values = {":h1": {"S": h1}, ":h2": {"S": h2}, ":r1": {"S": r1}, ":r2": {"N": str(r2)}}
    conditions = tuple(
        KeyCondition(name, operator if name == "r2" else "=", (f":{name}",))
        for name in ("h1", "h2", "r1", "r2")
    )
    start, end = query_span(Source(TABLE, entries), conditions, values).keys
    for row in rows:
        expected = row[:3] == (h1, h2, r1) and OPERATORS[operator](row[3], r2)
        assert (start <= place(row) < end) == expected
