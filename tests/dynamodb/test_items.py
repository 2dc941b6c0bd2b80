"""PutItem, GetItem, UpdateItem, DeleteItem over the wire."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .support import key, make_simple_table, make_table, refusal

INVALID = "One or more parameter values were invalid: "


@pytest.fixture
def ddb(client: Any) -> Any:
    return client("dynamodb")


def test_an_item_of_every_type_comes_back_as_it_went(ddb: Any) -> None:
    table = make_table(ddb)
    item = {
        **key("a", 1),
        "s": {"S": "ä\u0000\U0001f600"},
        "empty": {"S": ""},
        "n": {"N": "-12.5"},
        "b": {"B": b"\x00\xff"},
        "bool": {"BOOL": False},
        "null": {"NULL": True},
        "ss": {"SS": ["a", "b"]},
        "ns": {"NS": ["-1", "3"]},
        "bs": {"BS": [b"\x00", b"\x01"]},
        "l": {"L": [{"M": {"x": {"L": []}}}, {"S": "y"}]},
        "m": {"M": {"k": {"NULL": True}}},
    }
    ddb.put_item(TableName=table, Item=item)
    assert ddb.get_item(TableName=table, Key=key("a", 1))["Item"] == item
    assert ddb.get_item(TableName=table, Key=key("a", 1), ConsistentRead=True)["Item"] == item
    assert "Item" not in ddb.get_item(TableName=table, Key=key("a", 2))


def test_numbers_are_one_key_however_they_are_written(ddb: Any) -> None:
    table = make_table(ddb)
    ddb.put_item(TableName=table, Item={"pk": {"S": "a"}, "sk": {"N": "1.0"}})
    ddb.put_item(TableName=table, Item={"pk": {"S": "a"}, "sk": {"N": "100e-2"}, "x": {"S": "y"}})
    found = ddb.scan(TableName=table)["Items"]
    assert found == [{"pk": {"S": "a"}, "sk": {"N": "1"}, "x": {"S": "y"}}]


def test_a_table_is_found_by_its_arn(ddb: Any) -> None:
    make_table(ddb)
    arn = ddb.describe_table(TableName="things")["Table"]["TableArn"]
    ddb.put_item(TableName=arn, Item=key("a", 1))
    assert ddb.get_item(TableName=arn, Key=key("a", 1))["Item"] == key("a", 1)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"pk": {"S": "a"}}, INVALID + "Missing the key sk in the item"),
        (
            {"pk": {"N": "1"}, "sk": {"N": "1"}},
            INVALID + "Type mismatch for key pk expected: S actual: N",
        ),
        (
            {"pk": {"S": ""}, "sk": {"N": "1"}},
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot "
            "contain an empty string value. Key: pk",
        ),
        (
            {"pk": {"S": "a" * 2049}, "sk": {"N": "1"}},
            INVALID + "Size of hashkey has exceeded the maximum size limit of2048 bytes",
        ),
        (
            {**key("a", 1), "x": {"S": "a" * 409_600}},
            "Item size has exceeded the maximum allowed size",
        ),
        (
            {**key("a", 1), "x": {}},
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
        ),
    ],
)
def test_items_that_cannot_be_put(ddb: Any, item: Any, message: str) -> None:
    table = make_table(ddb)
    assert refusal(ddb.put_item, TableName=table, Item=item) == ("ValidationException", message)
    assert ddb.scan(TableName=table)["Count"] == 0


def test_an_item_of_exactly_400_kb_is_taken(ddb: Any) -> None:
    table = make_simple_table(ddb)
    item = {"pk": {"S": "a"}, "x": {"S": "x" * (400 * 1024 - 4)}}
    ddb.put_item(TableName=table, Item=item)
    code = refusal(
        ddb.update_item,
        TableName=table,
        Key={"pk": {"S": "a"}},
        UpdateExpression="SET y = :y",
        ExpressionAttributeValues={":y": {"S": ""}},
    )
    assert code == (
        "ValidationException",
        "Item size to update has exceeded the maximum allowed size",
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"pk": {"S": "a"}},
        {"pk": {"S": "a"}, "sk": {"S": "1"}},
        {"pk": {"S": "a"}, "x": {"N": "1"}},
        {**key("a", 1), "x": {"S": "y"}},
    ],
)
def test_keys_that_do_not_fit(ddb: Any, wrong: Any) -> None:
    table = make_table(ddb)
    expected = ("ValidationException", "The provided key element does not match the schema")
    for call in (ddb.get_item, ddb.delete_item, ddb.update_item):
        assert refusal(call, TableName=table, Key=wrong) == expected


def test_no_table(ddb: Any) -> None:
    expected = ("ResourceNotFoundException", "Requested resource not found")
    assert refusal(ddb.get_item, TableName="nothing", Key=key("a", 1)) == expected
    assert refusal(ddb.put_item, TableName="nothing", Item=key("a", 1)) == expected


def test_conditions(ddb: Any) -> None:
    table = make_table(ddb)
    once = {"TableName": table, "ConditionExpression": "attribute_not_exists(pk)"}
    ddb.put_item(Item={**key("a", 1), "x": {"S": "first"}}, **once)
    with pytest.raises(ClientError) as refused:
        ddb.put_item(Item=key("a", 1), ReturnValuesOnConditionCheckFailure="ALL_OLD", **once)
    assert refused.value.response["Error"] == {
        "Code": "ConditionalCheckFailedException",
        "Message": "The conditional request failed",
    }
    assert refused.value.response["Item"] == {**key("a", 1), "x": {"S": "first"}}
    with pytest.raises(ClientError) as refused:
        ddb.delete_item(Key=key("a", 1), **once)
    assert "Item" not in refused.value.response
    assert refusal(ddb.update_item, Key=key("a", 1), **once)[0] == "ConditionalCheckFailedException"
    assert ddb.get_item(TableName=table, Key=key("a", 1))["Item"]["x"] == {"S": "first"}


def test_return_values_of_puts_and_deletes(ddb: Any) -> None:
    table = make_table(ddb)
    old = {**key("a", 1), "x": {"S": "old"}}
    assert "Attributes" not in ddb.put_item(TableName=table, Item=old, ReturnValues="ALL_OLD")
    answer = ddb.put_item(TableName=table, Item=key("a", 1), ReturnValues="ALL_OLD")
    assert answer["Attributes"] == old
    answer = ddb.delete_item(TableName=table, Key=key("a", 1), ReturnValues="ALL_OLD")
    assert answer["Attributes"] == key("a", 1)
    answer = ddb.delete_item(TableName=table, Key=key("a", 1), ReturnValues="ALL_OLD")
    assert "Attributes" not in answer
    assert refusal(ddb.put_item, TableName=table, Item=key("a", 1), ReturnValues="ALL_NEW") == (
        "ValidationException",
        "ReturnValues can only be ALL_OLD or NONE",
    )


@pytest.mark.parametrize(
    ("returned", "attributes"),
    [
        ("NONE", None),
        (
            "ALL_OLD",
            {**key("a", 1), "x": {"N": "1"}, "m": {"M": {"p": {"S": "q"}, "r": {"S": "s"}}}},
        ),
        (
            "ALL_NEW",
            {
                **key("a", 1),
                "x": {"N": "2"},
                "y": {"N": "1"},
                "m": {"M": {"p": {"N": "1"}, "r": {"S": "s"}}},
            },
        ),
        ("UPDATED_OLD", {"x": {"N": "1"}, "m": {"M": {"p": {"S": "q"}}}}),
        ("UPDATED_NEW", {"x": {"N": "2"}, "y": {"N": "1"}, "m": {"M": {"p": {"N": "1"}}}}),
    ],
)
def test_return_values_of_updates(ddb: Any, returned: str, attributes: Any) -> None:
    table = make_table(ddb)
    old = {**key("a", 1), "x": {"N": "1"}, "m": {"M": {"p": {"S": "q"}, "r": {"S": "s"}}}}
    ddb.put_item(TableName=table, Item=old)
    answer = ddb.update_item(
        TableName=table,
        Key=key("a", 1),
        UpdateExpression="SET x = x + :one, y = :one, m.p = :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
        ReturnValues=returned,
    )
    assert answer.get("Attributes") == attributes


def test_an_update_begins_an_item_with_its_key(ddb: Any) -> None:
    table = make_table(ddb)
    ddb.update_item(TableName=table, Key=key("a", 1))
    ddb.update_item(
        TableName=table,
        Key={"pk": {"S": "a"}, "sk": {"N": "2.00"}},
        UpdateExpression="ADD n :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
    assert ddb.scan(TableName=table)["Items"] == [key("a", 1), {**key("a", 2), "n": {"N": "1"}}]


def test_updates_that_are_refused_change_nothing(ddb: Any) -> None:
    table = make_table(ddb)
    item = {**key("a", 1), "x": {"S": "y"}}
    ddb.put_item(TableName=table, Item=item)
    request = {"TableName": table, "Key": key("a", 1)}
    one = {":one": {"N": "1"}}
    assert refusal(
        ddb.update_item, UpdateExpression="SET sk = :one", ExpressionAttributeValues=one, **request
    ) == (
        "ValidationException",
        INVALID + "Cannot update attribute sk. This attribute is part of the key",
    )
    assert refusal(
        ddb.update_item,
        UpdateExpression="SET z = :one, x.y = :one",
        ExpressionAttributeValues=one,
        **request,
    ) == (
        "ValidationException",
        "The document path provided in the update expression is invalid for update",
    )
    assert ddb.get_item(**request)["Item"] == item


def test_an_update_weighs_what_a_put_would(ddb: Any) -> None:
    """The size is kept up by what an update changes, and must never drift from the whole."""
    table, other = make_table(ddb), make_table(ddb, "other")
    old = {**key("a", 1), "l": {"L": [{"S": "long text"}]}, "n": {"N": "5"}, "gone": {"S": "x"}}
    ddb.put_item(TableName=table, Item=old)
    new = ddb.update_item(
        TableName=table,
        Key=key("a", 1),
        UpdateExpression="SET l[0] = :s, m = :m, n = n + :n REMOVE gone ADD ss :ss",
        ExpressionAttributeValues={
            ":s": {"S": "s"},
            ":m": {"M": {"a": {"NULL": True}}},
            ":n": {"N": "1000"},
            ":ss": {"SS": ["one", "two"]},
        },
        ReturnValues="ALL_NEW",
    )["Attributes"]
    ddb.put_item(TableName=other, Item=new)
    sizes = [
        ddb.describe_table(TableName=name)["Table"]["TableSizeBytes"] for name in (table, other)
    ]
    assert sizes[0] == sizes[1]


def test_placeholders_need_an_expression(ddb: Any) -> None:
    table = make_table(ddb)
    assert refusal(
        ddb.put_item,
        TableName=table,
        Item=key("a", 1),
        ExpressionAttributeValues={":x": {"S": "y"}},
    ) == (
        "ValidationException",
        "ExpressionAttributeValues can only be specified when using expressions: "
        "ConditionExpression is null",
    )


def test_consumed_capacity(ddb: Any) -> None:
    """A write unit for each KB of the larger item, half a read unit for each 4 KB: Developer Guide,
    "DynamoDB read and write operations"."""
    table = make_table(ddb)
    item = {**key("a", 1), "x": {"S": "x" * 5000}}
    put = ddb.put_item(TableName=table, Item=item, ReturnConsumedCapacity="TOTAL")
    assert put["ConsumedCapacity"] == {"TableName": table, "CapacityUnits": 5.0}
    read = {"TableName": table, "Key": key("a", 1), "ReturnConsumedCapacity": "INDEXES"}
    assert ddb.get_item(**read)["ConsumedCapacity"] == {
        "TableName": table,
        "CapacityUnits": 1.0,
        "Table": {"CapacityUnits": 1.0},
    }
    assert ddb.get_item(ConsistentRead=True, **read)["ConsumedCapacity"]["CapacityUnits"] == 2.0
    smaller = ddb.put_item(TableName=table, Item=key("a", 1), ReturnConsumedCapacity="TOTAL")
    assert smaller["ConsumedCapacity"]["CapacityUnits"] == 5.0, "the old item counts"
    gone = ddb.delete_item(TableName=table, Key=key("b", 1), ReturnConsumedCapacity="TOTAL")
    assert gone["ConsumedCapacity"]["CapacityUnits"] == 1.0


def test_of_many_conditional_puts_one_wins(ddb: Any, client: Any) -> None:
    """Eight clients race to create the same item; the condition lets exactly one."""
    table = make_simple_table(ddb)
    won: list[int] = []

    def race(number: int) -> None:
        mine = client("dynamodb")
        for item in range(10):
            try:
                mine.put_item(
                    TableName=table,
                    Item={"pk": {"S": str(item)}, "by": {"N": str(number)}},
                    ConditionExpression="attribute_not_exists(pk)",
                )
                won.append(item)
            except mine.exceptions.ConditionalCheckFailedException:
                pass

    threads = [threading.Thread(target=race, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == list(range(10))


def test_counters_lose_no_increment(ddb: Any, client: Any) -> None:
    table = make_simple_table(ddb)

    def count() -> None:
        mine = client("dynamodb")
        for _ in range(25):
            mine.update_item(
                TableName=table,
                Key={"pk": {"S": "counter"}},
                UpdateExpression="ADD n :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = ddb.get_item(TableName=table, Key={"pk": {"S": "counter"}})["Item"]
    assert found["n"] == {"N": "100"}
