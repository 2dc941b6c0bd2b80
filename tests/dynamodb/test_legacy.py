"""Parameters from before expressions: conditions and updates by attribute, and AttributesToGet.

AWS: Developer Guide, "Legacy conditional parameters".
"""

from __future__ import annotations

from typing import Any

import pytest

from .support import index, key, make_simple_table, make_table, refusal

INVALID = "One or more parameter values were invalid: "
MIXED = "Can not use both expression and non-expression parameters in the same request: "
ITEM: dict[str, Any] = {
    "s": {"S": "hello"},
    "n": {"N": "5"},
    "b": {"B": b"\x01\x80"},
    "ss": {"SS": ["x", "y"]},
    "l": {"L": [{"N": "1"}, {"S": "x"}]},
    "flag": {"BOOL": True},
}


@pytest.fixture
def ddb(client: Any) -> Any:
    return client("dynamodb")


def condition(operator: str, *arguments: Any) -> dict[str, Any]:
    listed = {"AttributeValueList": list(arguments)} if arguments else {}
    return {"ComparisonOperator": operator, **listed}


# Each operator, on what it matches and on what it does not. Of an attribute that is not there only NE and NULL hold;
# NOT_CONTAINS does not.
HOLDS: list[tuple[str, dict[str, Any], bool]] = [
    ("s", condition("EQ", {"S": "hello"}), True),
    ("s", condition("EQ", {"N": "5"}), False),
    ("n", condition("EQ", {"N": "5.0"}), True),
    ("ss", condition("EQ", {"SS": ["y", "x"]}), True),
    ("l", condition("EQ", {"L": [{"N": "1"}, {"S": "x"}]}), True),
    ("flag", condition("EQ", {"BOOL": True}), True),
    ("none", condition("EQ", {"S": "x"}), False),
    ("s", condition("NE", {"S": "other"}), True),
    ("s", condition("NE", {"N": "5"}), True),
    ("none", condition("NE", {"S": "x"}), True),
    ("n", condition("NE", {"N": "5"}), False),
    ("n", condition("LT", {"N": "10"}), True),
    ("n", condition("LT", {"N": "5"}), False),
    ("n", condition("LE", {"N": "5"}), True),
    ("n", condition("GT", {"N": "4"}), True),
    ("n", condition("GE", {"N": "5"}), True),
    ("b", condition("GT", {"B": b"\x01\x7f"}), True),
    ("n", condition("GT", {"S": "4"}), False),
    ("s", condition("NOT_NULL"), True),
    ("none", condition("NOT_NULL"), False),
    ("none", condition("NULL"), True),
    ("s", condition("NULL"), False),
    ("s", condition("CONTAINS", {"S": "ell"}), True),
    ("ss", condition("CONTAINS", {"S": "x"}), True),
    ("l", condition("CONTAINS", {"N": "1"}), True),
    ("none", condition("CONTAINS", {"S": "x"}), False),
    ("s", condition("NOT_CONTAINS", {"S": "dog"}), True),
    ("s", condition("NOT_CONTAINS", {"S": "ell"}), False),
    ("n", condition("NOT_CONTAINS", {"S": "x"}), True),
    ("none", condition("NOT_CONTAINS", {"S": "x"}), False),
    ("s", condition("BEGINS_WITH", {"S": "he"}), True),
    ("n", condition("BEGINS_WITH", {"S": "5"}), False),
    ("n", condition("IN", {"N": "1"}, {"N": "5"}), True),
    ("ss", condition("IN", {"S": "x"}), False),
    ("n", condition("BETWEEN", {"N": "5"}, {"N": "6"}), True),
    ("n", condition("BETWEEN", {"N": "6"}, {"N": "7"}), False),
]


@pytest.mark.parametrize("way", ["Expected", "ScanFilter", "QueryFilter"])
def test_every_operator(ddb: Any, way: str) -> None:
    table = make_table(ddb)
    ddb.put_item(TableName=table, Item={**key("a", 1), **ITEM})
    for attribute, asked, holds in HOLDS:
        if way == "ScanFilter":
            found = ddb.scan(TableName=table, ScanFilter={attribute: asked})["Count"] == 1
        elif way == "QueryFilter":
            answer = ddb.query(
                TableName=table,
                KeyConditions={"pk": condition("EQ", {"S": "a"})},
                QueryFilter={attribute: asked},
            )
            assert answer["ScannedCount"] == 1
            found = answer["Count"] == 1
        else:
            request = {"TableName": table, "Key": key("a", 1), "Expected": {attribute: asked}}
            if holds:
                ddb.update_item(**request)
                continue
            code, message = refusal(ddb.update_item, **request)
            assert code == "ConditionalCheckFailedException", message
            found = False
        assert found is holds, (attribute, asked)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (condition("EQ"), "Invalid number of argument(s) for the EQ ComparisonOperator"),
        (
            condition("EQ", {"S": "a"}, {"S": "b"}),
            "Invalid number of argument(s) for the EQ ComparisonOperator",
        ),
        (
            condition("NULL", {"S": "a"}),
            "Invalid number of argument(s) for the NULL ComparisonOperator",
        ),
        (
            condition("BETWEEN", {"N": "1"}),
            "Invalid number of argument(s) for the BETWEEN ComparisonOperator",
        ),
        (condition("IN"), "Invalid number of argument(s) for the IN ComparisonOperator"),
        (
            condition("IN", {"N": "1"}, {"S": "1"}),
            "AttributeValues inside AttributeValueList must be of same type",
        ),
        (
            condition("LT", {"SS": ["a"]}),
            "ComparisonOperator LT is not valid for SS AttributeValue type",
        ),
        (
            condition("BEGINS_WITH", {"N": "1"}),
            "ComparisonOperator BEGINS_WITH is not valid for N AttributeValue type",
        ),
        (
            condition("CONTAINS", {"L": []}),
            "ComparisonOperator CONTAINS is not valid for L AttributeValue type",
        ),
    ],
)
def test_conditions_that_are_refused(ddb: Any, asked: Any, message: str) -> None:
    table = make_simple_table(ddb)
    expected = ("ValidationException", INVALID + message)
    assert refusal(ddb.scan, TableName=table, ScanFilter={"x": asked}) == expected
    keyed = {"pk": condition("EQ", {"S": "a"})}
    query = {"TableName": table, "KeyConditions": keyed, "QueryFilter": {"x": asked}}
    assert refusal(ddb.query, **query) == expected


def test_bounds_in_the_wrong_order(ddb: Any) -> None:
    table = make_simple_table(ddb)
    asked = {"x": condition("BETWEEN", {"N": "2"}, {"N": "1"})}
    assert refusal(ddb.scan, TableName=table, ScanFilter=asked) == (
        "ValidationException",
        "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound",
    )


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {**condition("EQ", {"S": "a"}), "Value": {"S": "a"}},
            "Value and AttributeValueList cannot be used together for Attribute: x",
        ),
        (
            {**condition("EQ", {"S": "a"}), "Exists": True},
            "Exists and ComparisonOperator cannot be used together for Attribute: x",
        ),
        (
            {"ComparisonOperator": "GT"},
            "Value or AttributeValueList must be used with ComparisonOperator: GT for Attribute: x",
        ),
        (
            {"AttributeValueList": [{"S": "a"}]},
            "AttributeValueList can only be used with a ComparisonOperator for Attribute: x",
        ),
        ({}, "Value must be provided when Exists is null for Attribute: x"),
        ({"Exists": True}, "Value must be provided when Exists is true for Attribute: x"),
        (
            {"Exists": False, "Value": {"S": "a"}},
            "Value cannot be used when Exists is false for Attribute: x",
        ),
    ],
)
def test_expectations_that_are_refused(ddb: Any, asked: Any, message: str) -> None:
    table = make_simple_table(ddb)
    for call, named in ((ddb.put_item, "Item"), (ddb.delete_item, "Key")):
        request = {"TableName": table, named: {"pk": {"S": "a"}}, "Expected": {"x": asked}}
        assert refusal(call, **request) == ("ValidationException", INVALID + message)


def test_values_and_existence_are_expected(ddb: Any) -> None:
    table = make_simple_table(ddb)
    item = {"pk": {"S": "a"}, "x": {"N": "1"}}
    ddb.put_item(TableName=table, Item=item, Expected={"pk": {"Exists": False}})
    code, _ = refusal(ddb.put_item, TableName=table, Item=item, Expected={"pk": {"Exists": False}})
    assert code == "ConditionalCheckFailedException"
    ddb.put_item(TableName=table, Item=item, Expected={"x": {"Value": {"N": "1"}}})
    gone = {"x": {"Exists": True, "Value": {"N": "1.0"}}}
    ddb.delete_item(TableName=table, Key={"pk": {"S": "a"}}, Expected=gone)
    assert ddb.scan(TableName=table)["Count"] == 0


def test_several_conditions(ddb: Any) -> None:
    """All of them must hold, or with OR any."""
    table = make_simple_table(ddb)
    item = {"pk": {"S": "a"}, "x": {"N": "1"}, "y": {"N": "2"}}
    ddb.put_item(TableName=table, Item=item)
    both = {"x": condition("EQ", {"N": "1"}), "y": condition("GT", {"N": "5"})}
    for operator, count in (("AND", 0), ("OR", 1)):
        answer = ddb.scan(TableName=table, ScanFilter=both, ConditionalOperator=operator)
        assert answer["Count"] == count
    request = {"TableName": table, "Item": item, "Expected": both}
    assert refusal(ddb.put_item, **request)[0] == "ConditionalCheckFailedException"
    ddb.put_item(**request, ConditionalOperator="OR")


def test_a_conditional_operator_needs_several_conditions(ddb: Any) -> None:
    table = make_simple_table(ddb)
    one = {"a": condition("EQ", {"S": "x"})}
    alone = "ConditionalOperator cannot be used without Filter or Expected"
    too_few = (
        "ConditionalOperator can only be used when Filter or Expected has two or more elements"
    )
    named = {"TableName": table, "ConditionalOperator": "AND"}
    item = {"pk": {"S": "a"}}
    for call, request, message in (
        (ddb.scan, {}, alone),
        (ddb.scan, {"ScanFilter": {}}, alone),
        (ddb.scan, {"ScanFilter": one}, too_few),
        (ddb.query, {}, alone),
        (ddb.query, {"KeyConditions": one, "QueryFilter": one}, too_few),
        (ddb.put_item, {"Item": item}, alone),
        (ddb.put_item, {"Item": item, "Expected": one}, too_few),
        (ddb.delete_item, {"Key": item}, alone),
        (ddb.update_item, {"Key": item}, alone),
        (ddb.update_item, {"Key": item, "Expected": one}, too_few),
    ):
        assert refusal(call, **named, **request) == ("ValidationException", message)


# The two ways of speaking are not mixed. Both lists are in an order of their own, whatever the request's.
def test_expressions_are_not_mixed_with_what_was_before_them(ddb: Any) -> None:
    table = make_simple_table(ddb)
    one = {"a": condition("EQ", {"S": "x"})}
    item = {"pk": {"S": "a"}}
    updates = {"a": {"Value": {"S": "x"}}}
    for call, request, old, new in (
        (
            ddb.scan,
            {
                "AttributesToGet": ["a"],
                "ScanFilter": one,
                "ConditionalOperator": "AND",
                "FilterExpression": "a = :v",
                "ProjectionExpression": "b",
            },
            "AttributesToGet, ScanFilter, ConditionalOperator",
            "ProjectionExpression, FilterExpression",
        ),
        (
            ddb.query,
            {
                "KeyConditions": one,
                "QueryFilter": one,
                "ConditionalOperator": "AND",
                "KeyConditionExpression": "pk = :p",
                "FilterExpression": "a = :v",
                "ProjectionExpression": "b",
            },
            "QueryFilter, ConditionalOperator, KeyConditions",
            "ProjectionExpression, FilterExpression, KeyConditionExpression",
        ),
        (
            ddb.put_item,
            {"Item": item, "Expected": one, "ConditionExpression": "attribute_exists(pk)"},
            "Expected",
            "ConditionExpression",
        ),
        (
            ddb.delete_item,
            {"Key": item, "Expected": one, "ConditionExpression": "attribute_exists(pk)"},
            "Expected",
            "ConditionExpression",
        ),
        (
            ddb.update_item,
            {
                "Key": item,
                "AttributeUpdates": updates,
                "Expected": one,
                "ConditionalOperator": "AND",
                "UpdateExpression": "SET a = :v",
                "ConditionExpression": "attribute_exists(pk)",
            },
            "AttributeUpdates, Expected, ConditionalOperator",
            "UpdateExpression, ConditionExpression",
        ),
        (
            ddb.get_item,
            {"Key": item, "AttributesToGet": ["a"], "ProjectionExpression": "a"},
            "AttributesToGet",
            "ProjectionExpression",
        ),
    ):
        assert refusal(call, TableName=table, **request) == (
            "ValidationException",
            f"{MIXED}Non-expression parameters: {{{old}}} Expression parameters: {{{new}}}",
        )
    mixed = {
        table: {"Keys": [item], "AttributesToGet": ["a"], "ProjectionExpression": "a"},
    }
    code, message = refusal(ddb.batch_get_item, RequestItems=mixed)
    assert (code, message.startswith(MIXED)) == ("ValidationException", True)


def test_placeholders_are_for_expressions(ddb: Any) -> None:
    table = make_simple_table(ddb)
    expectation = {"Expected": {"x": {"Exists": False}}}
    values = {"ExpressionAttributeValues": {":v": {"S": "x"}}}
    for call, named in ((ddb.put_item, "Item"), (ddb.delete_item, "Key"), (ddb.update_item, "Key")):
        request = {"TableName": table, named: {"pk": {"S": "a"}}, **expectation, **values}
        code, message = refusal(call, **request)
        start = "ExpressionAttributeValues can only be specified when using expressions: "
        assert (code, message.startswith(start)) == ("ValidationException", True)


def test_key_conditions_go_with_a_filter_expression(ddb: Any) -> None:
    """They alone of the old may stand beside expressions."""
    table = make_table(ddb)
    for number in range(6):
        ddb.put_item(TableName=table, Item={**key("a", number), "x": {"N": str(number % 2)}})
    answer = ddb.query(
        TableName=table,
        KeyConditions={
            "pk": condition("EQ", {"S": "a"}),
            "sk": condition("BETWEEN", {"N": "1"}, {"N": "4"}),
        },
        FilterExpression="x = :c0",
        ExpressionAttributeValues={":c0": {"N": "0"}},
        ScanIndexForward=False,
    )
    assert [item["sk"]["N"] for item in answer["Items"]] == ["4", "2"]


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ({"sk": condition("EQ", {"N": "1"})}, "Query condition missed key schema element: pk"),
        ({"pk": condition("GT", {"S": "a"})}, "Query key condition not supported"),
        (
            {"pk": condition("NE", {"S": "a"})},
            "Attempted conditional constraint is not an indexable operation",
        ),
        (
            {"pk": condition("EQ", {"S": "a"}), "sk": condition("IN", {"N": "1"})},
            "Attempted conditional constraint is not an indexable operation",
        ),
        (
            {"pk": condition("EQ", {"N": "1"})},
            INVALID + "Condition parameter type does not match schema type",
        ),
        (
            {"pk": condition("EQ", {"S": "a"}), "x": condition("EQ", {"N": "1"})},
            "Query condition missed key schema element: sk",
        ),
        ({}, "Conditions can be of length 1 or 2 only"),
        (
            dict.fromkeys(("pk", "sk", "x"), condition("EQ", {"S": "a"})),
            "Conditions can be of length 1 or 2 only",
        ),
    ],
)
def test_key_conditions_that_do_not_fit(ddb: Any, conditions: Any, message: str) -> None:
    table = make_table(ddb)
    assert refusal(ddb.query, TableName=table, KeyConditions=conditions) == (
        "ValidationException",
        message,
    )


def test_a_filter_is_not_for_keys(ddb: Any) -> None:
    table = make_table(ddb)
    asked = {"pk": condition("EQ", {"S": "a"})}
    assert refusal(ddb.query, TableName=table, KeyConditions=asked, QueryFilter=asked) == (
        "ValidationException",
        "QueryFilter can only contain non-primary key attributes: Primary key attribute: pk",
    )


def test_updates_by_attribute(ddb: Any) -> None:
    table = make_simple_table(ddb)
    named = {"TableName": table, "Key": {"pk": {"S": "a"}}}
    ddb.put_item(
        TableName=table,
        Item={
            "pk": {"S": "a"},
            "n": {"N": "10"},
            "ss": {"SS": ["a", "b", "c"]},
            "l": {"L": [{"N": "1"}]},
            "gone": {"S": "x"},
        },
    )
    answer = ddb.update_item(
        **named,
        AttributeUpdates={
            "n": {"Action": "ADD", "Value": {"N": "5"}},
            "ss": {"Action": "DELETE", "Value": {"SS": ["b", "z"]}},
            "l": {"Action": "ADD", "Value": {"L": [{"S": "two"}]}},
            "gone": {"Action": "DELETE"},
            "put": {"Value": {"M": {}}},
            "new": {"Action": "ADD", "Value": {"NS": ["1"]}},
            "list": {"Action": "ADD", "Value": {"L": [{"N": "7"}]}},
        },
        ReturnValues="ALL_NEW",
    )
    assert answer["Attributes"] == {
        "pk": {"S": "a"},
        "n": {"N": "15"},
        "ss": {"SS": ["a", "c"]},
        "l": {"L": [{"N": "1"}, {"S": "two"}]},
        "put": {"M": {}},
        "new": {"NS": ["1"]},
        "list": {"L": [{"N": "7"}]},
    }
    answer = ddb.update_item(
        **named,
        AttributeUpdates={"n": {"Action": "PUT", "Value": {"N": "1"}}},
        Expected={"n": {"Value": {"N": "15"}}},
        ReturnValues="UPDATED_OLD",
    )
    assert answer["Attributes"] == {"n": {"N": "15"}}


@pytest.mark.parametrize(
    ("update", "message"),
    [
        (
            {"x": {"Action": "PUT"}},
            INVALID + "Only DELETE action is allowed when no attribute value is specified",
        ),
        (
            {"x": {"Action": "ADD", "Value": {"S": "a"}}},
            INVALID + "ADD action is not supported for the type S",
        ),
        (
            {"x": {"Action": "DELETE", "Value": {"N": "1"}}},
            INVALID + "DELETE action with value is not supported for the type N",
        ),
        (
            {"n": {"Action": "ADD", "Value": {"SS": ["a"]}}},
            "Type mismatch for attribute to update",
        ),
        (
            {"n": {"Action": "ADD", "Value": {"L": []}}},
            "Type mismatch for attribute to update",
        ),
        (
            {"n": {"Action": "DELETE", "Value": {"NS": ["1"]}}},
            "Type mismatch for attribute to update",
        ),
        (
            {"pk": {"Value": {"S": "b"}}},
            INVALID + "Cannot update attribute pk. This attribute is part of the key",
        ),
        (
            {"x": {"Value": {"SS": []}}},
            INVALID + "An string set  may not be empty",
        ),
    ],
)
def test_updates_that_are_refused(ddb: Any, update: Any, message: str) -> None:
    table = make_simple_table(ddb)
    item = {"pk": {"S": "a"}, "n": {"N": "1"}}
    ddb.put_item(TableName=table, Item=item)
    request = {"TableName": table, "Key": {"pk": {"S": "a"}}, "AttributeUpdates": update}
    assert refusal(ddb.update_item, **request) == ("ValidationException", message)
    assert ddb.scan(TableName=table)["Items"] == [item]


# What only takes away does not make an item; what asks for nothing does.
@pytest.mark.parametrize(
    ("update", "made"),
    [
        ({"AttributeUpdates": {"x": {"Action": "DELETE"}}}, False),
        ({"AttributeUpdates": {"x": {"Action": "DELETE", "Value": {"SS": ["a"]}}}}, False),
        ({"UpdateExpression": "REMOVE x"}, False),
        ({"AttributeUpdates": {}}, True),
        ({}, True),
        ({"AttributeUpdates": {"x": {"Action": "ADD", "Value": {"N": "1"}}}}, True),
    ],
)
def test_whether_an_update_makes_an_item(ddb: Any, update: Any, made: bool) -> None:
    table = make_simple_table(ddb)
    answer = ddb.update_item(
        TableName=table, Key={"pk": {"S": "a"}}, ReturnValues="ALL_NEW", **update
    )
    assert ("Attributes" in answer, ddb.scan(TableName=table)["Count"]) == (made, int(made))


def test_attributes_to_get(ddb: Any) -> None:
    """Only they, not even the keys if they are not among them."""
    table = make_table(
        ddb,
        definitions=[{"AttributeName": "g", "AttributeType": "S"}],
        GlobalSecondaryIndexes=[index("by_g", "g", projection="KEYS_ONLY")],
    )
    item = {**key("a", 1), "g": {"S": "g"}, "x": {"S": "x"}, "a.b": {"N": "1"}}
    ddb.put_item(TableName=table, Item=item)
    wanted, shown = ["x", "a.b", "none"], {"x": {"S": "x"}, "a.b": {"N": "1"}}
    keyed = {"pk": condition("EQ", {"S": "a"})}
    got = ddb.get_item(TableName=table, Key=key("a", 1), AttributesToGet=wanted)
    assert got["Item"] == shown
    batch = {table: {"Keys": [key("a", 1)], "AttributesToGet": wanted}}
    assert ddb.batch_get_item(RequestItems=batch)["Responses"][table] == [shown]
    assert ddb.scan(TableName=table, AttributesToGet=wanted)["Items"] == [shown]
    queried = ddb.query(TableName=table, KeyConditions=keyed, AttributesToGet=wanted)
    assert queried["Items"] == [shown]
    twice = {"TableName": table, "AttributesToGet": ["x", "y", "x"]}
    assert refusal(ddb.scan, **twice) == (
        "ValidationException",
        INVALID + "Duplicate value in attribute name: x",
    )
    counted = {"TableName": table, "AttributesToGet": ["x"], "Select": "COUNT"}
    assert refusal(ddb.scan, **counted) == (
        "ValidationException",
        "Cannot specify the AttributesToGet when choosing to get only the Count",
    )
    missing = {"TableName": table, "IndexName": "by_g", "AttributesToGet": ["x"]}
    assert refusal(ddb.scan, **missing) == (
        "ValidationException",
        INVALID + "Global secondary index by_g does not project [x]",
    )
