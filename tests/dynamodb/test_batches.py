"""BatchGetItem and BatchWriteItem."""

from __future__ import annotations

from typing import Any

import pytest

from .support import key, make_simple_table, make_table, refusal


@pytest.fixture
def ddb(client: Any) -> Any:
    return client("dynamodb")


def put(item: Any) -> dict[str, Any]:
    return {"PutRequest": {"Item": item}}


def delete(wanted: Any) -> dict[str, Any]:
    return {"DeleteRequest": {"Key": wanted}}


def test_batches_over_two_tables(ddb: Any) -> None:
    one, two = make_table(ddb), make_simple_table(ddb)
    ddb.put_item(TableName=one, Item=key("gone", 1))
    answer = ddb.batch_write_item(
        RequestItems={
            one: [put(key("a", 1)), delete(key("gone", 1)), delete(key("never", 1))],
            two: [put({"pk": {"S": "b"}, "x": {"B": b"\x90"}})],
        },
        ReturnConsumedCapacity="TOTAL",
    )
    assert answer["UnprocessedItems"] == {}
    assert answer["ConsumedCapacity"] == [
        {"TableName": one, "CapacityUnits": 3.0},
        {"TableName": two, "CapacityUnits": 1.0},
    ]
    answer = ddb.batch_get_item(
        RequestItems={
            one: {"Keys": [key("a", 1), key("gone", 1)]},
            two: {
                "Keys": [{"pk": {"S": "b"}}],
                "ProjectionExpression": "#x",
                "ExpressionAttributeNames": {"#x": "x"},
                "ConsistentRead": True,
            },
        },
        ReturnConsumedCapacity="TOTAL",
    )
    assert answer["Responses"] == {one: [key("a", 1)], two: [{"x": {"B": b"\x90"}}]}
    assert answer["UnprocessedKeys"] == {}
    assert [one["CapacityUnits"] for one in answer["ConsumedCapacity"]] == [1.0, 1.0]


def test_batches_that_are_refused_write_nothing(ddb: Any) -> None:
    table = make_table(ddb)
    for requests, message in (
        (
            [put(key("a", 1)), delete(key("a", 1))],
            "Provided list of item keys contains duplicates",
        ),
        (
            [put(key("a", 1)), delete({"pk": {"S": "a"}})],
            "The provided key element does not match the schema",
        ),
        (
            [put(key("a", 1)), {}],
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the "
            "supported datatypes",
        ),
        (  # of a whole item, too, in the words of keys
            [put({"pk": {"S": "a"}})],
            "The provided key element does not match the schema",
        ),
        (
            [put({"pk": {"N": "1"}, "sk": {"N": "1"}})],
            "The provided key element does not match the schema",
        ),
    ):
        assert refusal(ddb.batch_write_item, RequestItems={table: requests}) == (
            "ValidationException",
            message,
        )
    assert refusal(
        ddb.batch_write_item,
        RequestItems={table: [put(key("a", 1))], "nothing": [put(key("a", 1))]},
    ) == ("ResourceNotFoundException", "Requested resource not found")
    assert ddb.scan(TableName=table)["Count"] == 0


def test_too_many(ddb: Any) -> None:
    one, two = make_table(ddb), make_simple_table(ddb)
    writes = {
        one: [put(key("a", number)) for number in range(20)],
        two: [put({"pk": {"S": str(number)}}) for number in range(6)],
    }
    assert refusal(ddb.batch_write_item, RequestItems=writes) == (
        "ValidationException",
        "Too many items requested for the BatchWriteItem call",
    )
    gets = {
        one: {"Keys": [key("a", number) for number in range(60)]},
        two: {"Keys": [{"pk": {"S": str(number)}} for number in range(41)]},
    }
    assert refusal(ddb.batch_get_item, RequestItems=gets) == (
        "ValidationException",
        "Too many items requested for the BatchGetItem call",
    )
    assert refusal(
        ddb.batch_get_item, RequestItems={one: {"Keys": [key("a", 1), key("a", 1)]}}
    ) == ("ValidationException", "Provided list of item keys contains duplicates")


def test_an_answer_ends_at_16_megabytes(ddb: Any) -> None:
    """What does not fit is given back as a request that can be sent as it is."""
    table = make_table(ddb)
    for number in range(45):
        ddb.put_item(TableName=table, Item={**key("a", number), "x": {"S": "x" * 390_000}})
    wanted = {
        table: {
            "Keys": [key("a", number) for number in range(45)],
            "ProjectionExpression": "sk",
        }
    }
    answer = ddb.batch_get_item(RequestItems=wanted)
    first = [int(item["sk"]["N"]) for item in answer["Responses"][table]]
    assert first == list(range(43))
    assert answer["UnprocessedKeys"][table]["ProjectionExpression"] == "sk"
    answer = ddb.batch_get_item(RequestItems=answer["UnprocessedKeys"])
    assert [int(item["sk"]["N"]) for item in answer["Responses"][table]] == [43, 44]
    assert answer["UnprocessedKeys"] == {}
