"""Query and Scan: conditions, pages, projections, segments, and what AWS refuses."""

from __future__ import annotations

from typing import Any

import pytest

from .support import index, key, make_table, refusal

INVALID = "One or more parameter values were invalid: "


@pytest.fixture
def ddb(client: Any) -> Any:
    return client("dynamodb")


@pytest.fixture
def table(ddb: Any) -> str:
    """Ten items in partition `a`, sort keys -5 to 4, and one each in `b` and `c`."""
    name = make_table(
        ddb,
        definitions=[
            {"AttributeName": "g", "AttributeType": "S"},
            {"AttributeName": "l", "AttributeType": "S"},
        ],
        GlobalSecondaryIndexes=[
            index("by_g", "g", "sk"),
            index("g_keys", "g", projection="KEYS_ONLY"),
        ],
        LocalSecondaryIndexes=[
            index("by_l", "pk", "l", projection="INCLUDE", NonKeyAttributes=["x"])
        ],
    )
    items = [
        {
            **key("a", number),
            "g": {"S": f"g{number % 2}"},
            "l": {"S": "xyz"[number % 3] * 2},
            "x": {"N": str(number)},
            "y": {"S": "y"},
        }
        for number in range(-5, 5)
    ]
    items += [key("b", 0), key("c", 0)]
    ddb.batch_write_item(RequestItems={name: [{"PutRequest": {"Item": item}} for item in items]})
    return name


def sort_keys(page: Any) -> list[int]:
    return [int(item["sk"]["N"]) for item in page["Items"]]


@pytest.mark.parametrize(
    ("condition", "values", "expected"),
    [
        ("pk = :p", (), range(-5, 5)),
        ("pk = :p AND sk = :0", (2,), [2]),
        ("pk = :p AND sk < :0", (-2,), [-5, -4, -3]),
        ("pk = :p AND sk <= :0", (-2,), [-5, -4, -3, -2]),
        ("pk = :p AND sk > :0", (2,), [3, 4]),
        ("sk >= :0 AND pk = :p", (2,), [2, 3, 4]),
        ("(pk = :p) AND (sk BETWEEN :0 AND :1)", (-1, 1), [-1, 0, 1]),
        (":p = pk AND :0 < sk", (3,), [4]),
        ("pk = :p AND sk > :0", (10,), []),
    ],
)
def test_key_conditions(ddb: Any, table: str, condition: str, values: Any, expected: Any) -> None:
    request = {
        "TableName": table,
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": {":p": {"S": "a"}}
        | {f":{number}": {"N": str(value)} for number, value in enumerate(values)},
    }
    assert sort_keys(ddb.query(**request)) == list(expected)
    assert sort_keys(ddb.query(ScanIndexForward=False, **request)) == list(reversed(expected))


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("sk = :n", "Query condition missed key schema element: pk"),
        ("pk > :p", "Query key condition not supported"),
        ("pk = :p AND x = :n", "Query condition missed key schema element: sk"),
        ("pk = :p AND sk = :n AND x > :n", "Conditions can be of length 1 or 2 only"),
        (
            "pk = :n",
            "One or more parameter values were invalid: Condition parameter type does not match "
            "schema type",
        ),
    ],
)
def test_key_conditions_that_do_not_fit(ddb: Any, table: str, condition: str, message: str) -> None:
    values = {":n": {"N": "1"}, ":p": {"S": "a"}}
    used = {name: value for name, value in values.items() if name in condition}
    assert refusal(
        ddb.query,
        TableName=table,
        KeyConditionExpression=condition,
        ExpressionAttributeValues=used,
    ) == ("ValidationException", message)


def test_a_query_needs_a_key_condition(ddb: Any, table: str) -> None:
    assert refusal(ddb.query, TableName=table) == (
        "ValidationException",
        "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.",
    )


def test_a_page_ends_before_the_filter(ddb: Any, table: str) -> None:
    """Limit counts what is read, and a page that ends exactly at the end still has a LastEvaluatedKey."""
    request = {
        "TableName": table,
        "KeyConditionExpression": "pk = :p",
        "FilterExpression": "x > :n",
        "ExpressionAttributeValues": {":p": {"S": "a"}, ":n": {"N": "-2"}},
    }
    page = ddb.query(Limit=5, **request)
    assert (sort_keys(page), page["Count"], page["ScannedCount"]) == ([-1], 1, 5)
    assert page["LastEvaluatedKey"] == key("a", -1)
    page = ddb.query(Limit=5, ExclusiveStartKey=page["LastEvaluatedKey"], **request)
    assert sort_keys(page) == [0, 1, 2, 3, 4]
    assert page["LastEvaluatedKey"] == key("a", 4)
    page = ddb.query(Limit=5, ExclusiveStartKey=page["LastEvaluatedKey"], **request)
    assert (page["Items"], "LastEvaluatedKey" in page) == ([], False)
    page = ddb.query(Limit=50, **request)
    assert "LastEvaluatedKey" not in page


def test_a_page_ends_at_one_megabyte(ddb: Any, table: str) -> None:
    for number in range(8):
        item = {**key("big", number), "x": {"S": "x" * 200_000}}
        ddb.put_item(TableName=table, Item=item)
    request = {
        "TableName": table,
        "KeyConditionExpression": "pk = :p",
        "ExpressionAttributeValues": {":p": {"S": "big"}},
        "Select": "COUNT",
        "ReturnConsumedCapacity": "TOTAL",
    }
    page = ddb.query(**request)
    assert (page["Count"], page["LastEvaluatedKey"]) == (5, key("big", 4))
    assert page["ConsumedCapacity"]["CapacityUnits"] == 122.5
    assert "Items" not in page
    page = ddb.query(ExclusiveStartKey=page["LastEvaluatedKey"], **request)
    assert (page["Count"], "LastEvaluatedKey" in page) == (3, False)


def test_start_keys_that_do_not_fit(ddb: Any, table: str) -> None:
    request = {
        "TableName": table,
        "KeyConditionExpression": "pk = :p",
        "ExpressionAttributeValues": {":p": {"S": "a"}},
    }
    assert refusal(ddb.query, ExclusiveStartKey={"pk": {"S": "a"}}, **request) == (
        "ValidationException",
        "The provided starting key is invalid",
    )
    assert refusal(ddb.scan, TableName=table, ExclusiveStartKey={"pk": {"S": "a"}}) == (
        "ValidationException",
        "The provided starting key is invalid: The provided key element does not match the schema",
    )
    assert refusal(ddb.query, ExclusiveStartKey=key("b", 1), **request) == (
        "ValidationException",
        "The provided starting key is outside query boundaries based on provided conditions",
    )
    assert refusal(ddb.scan, TableName=table, IndexName="by_g", ExclusiveStartKey=key("a", 1)) == (
        "ValidationException",
        "The provided starting key is invalid",
    )


def test_filters_of_queries_name_no_key(ddb: Any, table: str) -> None:
    assert refusal(
        ddb.query,
        TableName=table,
        KeyConditionExpression="pk = :p",
        FilterExpression="sk > :n",
        ExpressionAttributeValues={":p": {"S": "a"}, ":n": {"N": "1"}},
    ) == (
        "ValidationException",
        "Filter Expression can only contain non-primary key attributes: Primary key attribute: sk",
    )


def test_what_an_index_projects(ddb: Any, table: str) -> None:
    by_g = {
        "TableName": table,
        "IndexName": "by_g",
        "KeyConditionExpression": "g = :g AND sk > :n",
        "ExpressionAttributeValues": {":g": {"S": "g1"}, ":n": {"N": "0"}},
    }
    page = ddb.query(ReturnConsumedCapacity="INDEXES", **by_g)
    assert sort_keys(page) == [1, 3]
    assert set(page["Items"][0]) == {"pk", "sk", "g", "l", "x", "y"}
    assert page["ConsumedCapacity"] == {
        "TableName": table,
        "CapacityUnits": 0.5,
        "Table": {"CapacityUnits": 0.0},
        "GlobalSecondaryIndexes": {"by_g": {"CapacityUnits": 0.5}},
    }
    page = ddb.query(Limit=1, ScanIndexForward=False, **by_g)
    assert page["LastEvaluatedKey"] == {**key("a", 3), "g": {"S": "g1"}}
    page = ddb.query(ExclusiveStartKey=page["LastEvaluatedKey"], ScanIndexForward=False, **by_g)
    assert sort_keys(page) == [1]
    keys = ddb.scan(TableName=table, IndexName="g_keys")
    assert keys["Count"] == 10
    assert set(keys["Items"][0]) == {"pk", "sk", "g"}


def test_what_a_global_index_cannot_do(ddb: Any, table: str) -> None:
    scan = {"TableName": table, "IndexName": "g_keys"}
    assert refusal(ddb.scan, ConsistentRead=True, **scan) == (
        "ValidationException",
        "Consistent reads are not supported on global secondary indexes",
    )
    assert refusal(ddb.scan, ProjectionExpression="g, y", **scan) == (
        "ValidationException",
        INVALID + "Global secondary index g_keys does not project [y]",
    )
    assert refusal(ddb.scan, Select="ALL_ATTRIBUTES", **scan) == (
        "ValidationException",
        INVALID + "Select type ALL_ATTRIBUTES is not supported for global secondary index g_keys "
        "because its projection type is not ALL",
    )


def test_a_local_index_fetches_what_it_has_not(ddb: Any, table: str) -> None:
    by_l = {
        "TableName": table,
        "IndexName": "by_l",
        "KeyConditionExpression": "pk = :p AND begins_with(l, :l)",
        "ExpressionAttributeValues": {":p": {"S": "a"}, ":l": {"S": "x"}},
        "ConsistentRead": True,
    }
    page = ddb.query(**by_l)
    assert sort_keys(page) == [-3, 0, 3]
    assert set(page["Items"][0]) == {"pk", "sk", "l", "x"}
    page = ddb.query(Select="ALL_ATTRIBUTES", ReturnConsumedCapacity="TOTAL", **by_l)
    assert set(page["Items"][0]) == {"pk", "sk", "g", "l", "x", "y"}
    assert page["ConsumedCapacity"]["CapacityUnits"] == 4.0, "one for the index, one for each item"
    page = ddb.query(ProjectionExpression="y", **by_l)
    assert page["Items"] == [{"y": {"S": "y"}}] * 3


@pytest.mark.parametrize("name", [None, "by_g"])
def test_segments_are_disjoint_and_complete(ddb: Any, table: str, name: str | None) -> None:
    requests = [
        {"PutRequest": {"Item": {**key(f"p{n}", n), "g": {"S": f"g{n}"}}}} for n in range(25)
    ]
    ddb.batch_write_item(RequestItems={table: requests})
    source = {"TableName": table} | ({"IndexName": name} if name else {})
    whole = ddb.scan(**source)["Items"]
    found: list[Any] = []
    for segment in range(4):
        start: dict[str, Any] = {}
        while True:
            page = ddb.scan(Segment=segment, TotalSegments=4, Limit=3, **start, **source)
            found += page["Items"]
            if "LastEvaluatedKey" not in page:
                break
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    assert found == whole, "segments follow one another in the order of the whole"
    assert len(whole) == (37 if name is None else 35)


def test_segments_that_make_no_sense(ddb: Any, table: str) -> None:
    assert refusal(ddb.scan, TableName=table, Segment=4, TotalSegments=4) == (
        "ValidationException",
        "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
        "Segment: 4 is not less than TotalSegments: 4",
    )
    assert refusal(ddb.scan, TableName=table, TotalSegments=4) == (
        "ValidationException",
        "The Segment parameter is required but was not present in the request when parameter "
        "TotalSegments is present",
    )


def test_selecting(ddb: Any, table: str) -> None:
    request = {
        "TableName": table,
        "KeyConditionExpression": "pk = :p",
        "ExpressionAttributeValues": {":p": {"S": "a"}},
    }
    assert refusal(ddb.query, Select="SPECIFIC_ATTRIBUTES", **request)[1] == (
        "Must specify the AttributesToGet or ProjectionExpression when choosing to get "
        "SPECIFIC_ATTRIBUTES"
    )
    assert refusal(ddb.query, Select="COUNT", ProjectionExpression="x", **request)[1] == (
        "Cannot specify the ProjectionExpression when choosing to get only the Count"
    )
    assert refusal(ddb.query, Select="ALL_PROJECTED_ATTRIBUTES", **request)[1] == (
        INVALID + "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName"
    )
