"""What AWS checks first of a request, and how it says what is wrong.

Where AWS's regions differ, the words are those of most of them.
"""

from __future__ import annotations

from typing import Any

import pytest

from servers import Server

from .support import index, key, make_simple_table, make_table, refusal

INVALID = "One or more parameter values were invalid: "
NOT_VALID = "One or more parameter values are not valid. "


@pytest.fixture
def ddb(server: Server, account: str) -> Any:
    """A client that sends whatever it is given."""
    return server.client("dynamodb", account, parameter_validation=False)


PK = {"pk": {"S": "a"}}
ENUM = "failed to satisfy constraint: Member must satisfy enum value set"
LENGTH = "failed to satisfy constraint: Member must have length"


def wrong(*found: str) -> str:
    plural = "s" if len(found) > 1 else ""
    return f"{len(found)} validation error{plural} detected: {'; '.join(found)}"


@pytest.mark.parametrize(
    ("operation", "request_", "message"),
    [
        (
            "put_item",
            {"Item": PK},
            wrong(
                "Value null at 'tableName' failed to satisfy constraint: Member must not be null"
            ),
        ),
        (
            "put_item",
            {"TableName": "", "Item": {}, "ReturnValues": "x"},
            wrong(f"Value '' at 'tableName' {LENGTH} greater than or equal to 1"),
        ),
        (
            "get_item",
            {"TableName": "ab", "Key": {}},
            wrong(f"Value 'ab' at 'tableName' {LENGTH} greater than or equal to 3"),
        ),
        (
            "put_item",
            {"TableName": "a" * 256, "Item": PK},
            wrong(f"Value '{'a' * 256}' at 'tableName' {LENGTH} less than or equal to 255"),
        ),
        (
            "scan",
            {"TableName": "x!", "ConditionalOperator": "AND", "FilterExpression": "("},
            wrong(
                "Value 'x!' at 'tableName' failed to satisfy constraint: "
                "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
                f"Value 'x!' at 'tableName' {LENGTH} greater than or equal to 3",
            ),
        ),
        (
            "put_item",
            {"TableName": "none", "Item": PK, "ReturnValues": "x", "ReturnConsumedCapacity": "y"},
            wrong(
                f"Value 'x' at 'returnValues' {ENUM}: "
                "[ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]",
                f"Value 'y' at 'returnConsumedCapacity' {ENUM}: [INDEXES, TOTAL, NONE]",
            ),
        ),
        (
            "update_item",
            {"TableName": "none", "Key": PK, "ReturnValues": "x", "ReturnConsumedCapacity": "y"},
            wrong(
                f"Value 'x' at 'returnValues' {ENUM}: "
                "[ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]"
            ),
        ),
        (
            "query",
            {"TableName": "none", "Select": "x"},
            wrong(
                f"Value 'x' at 'select' {ENUM}: "
                "[SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES]"
            ),
        ),
        (
            "query",
            {"TableName": "none", "Limit": 0},
            wrong(
                "Value at 'Limit' failed to satisfy constraint: "
                "Member must have value greater than or equal to 1"
            ),
        ),
        (
            "scan",
            {"TableName": "none", "Limit": 0},
            wrong(
                "Value '0' at 'limit' failed to satisfy constraint: "
                "Member must have value greater than or equal to 1"
            ),
        ),
        (
            "scan",
            {"TableName": "none", "ScanFilter": {"a": {"ComparisonOperator": "x"}}},
            wrong(
                f"Value 'x' at 'scanFilter.a.member.comparisonOperator' {ENUM}: "
                "[IN, NULL, BETWEEN, LT, NOT_CONTAINS, EQ, GT, NOT_NULL, NE, LE, BEGINS_WITH, GE, CONTAINS]"
            ),
        ),
        (
            "batch_get_item",
            {"RequestItems": {}},
            "The requestItems parameter is required for BatchGetItem",
        ),
        (
            "batch_write_item",
            {"RequestItems": {}},
            "The requestItems parameter is required for BatchWriteItem",
        ),
        (
            "batch_get_item",
            {"RequestItems": {"none": {"Keys": [PK] * 101}}},
            wrong(f"Value at 'RequestItems.none.member.Keys' {LENGTH} less than or equal to 100"),
        ),
        (
            "transact_write_items",
            {"TransactItems": []},
            wrong(f"Value '[]' at 'transactItems' {LENGTH} greater than or equal to 1"),
        ),
        (
            "create_table",
            {"KeySchema": [], "AttributeDefinitions": []},
            "The parameter 'TableName' is required but was not present in the request",
        ),
        (
            "delete_table",
            {},
            "The parameter 'TableName' is required but was not present in the request",
        ),
    ],
)
def test_the_model_comes_first(ddb: Any, operation: str, request_: Any, message: str) -> None:
    assert refusal(getattr(ddb, operation), **request_) == ("ValidationException", message)


def test_too_many_writes_to_one_table(ddb: Any) -> None:
    writes = [{"PutRequest": {"Item": {"pk": {"S": str(number)}}}} for number in range(26)]
    code, message = refusal(ddb.batch_write_item, RequestItems={"none": writes})
    start = (
        "1 validation error detected: Value '{none=[WriteRequest(putRequest=PutRequest(item={pk="
    )
    assert (code, message.startswith(start)) == ("ValidationException", True)
    assert message.endswith(
        "' at 'requestItems' failed to satisfy constraint: Map value must satisfy constraint: ["
        "Member must have length less than or equal to 25, "
        "Member must have length greater than or equal to 1]"
    )


# What needs no table is refused before the table is looked for, and in this order.
@pytest.mark.parametrize(
    ("operation", "request_", "message"),
    [
        (
            "put_item",
            {"Item": {"pk": {"SS": []}}, "ReturnValues": "ALL_NEW"},
            INVALID + "An string set  may not be empty",
        ),
        ("put_item", {"Item": {**PK, "": {"S": "x"}}}, "Empty attribute name"),
        (
            "put_item",
            {"Item": {**PK, "x": {"S": "x" * 409_600}}, "ReturnValues": "ALL_NEW"},
            "ReturnValues can only be ALL_OLD or NONE",
        ),
        (
            "put_item",
            {"Item": {**PK, "x": {"S": "x" * 409_600}}, "ConditionExpression": "("},
            "Item size has exceeded the maximum allowed size",
        ),
        (
            "delete_item",
            {"Key": {"pk": {"N": "x"}}, "ConditionExpression": "("},
            "The parameter cannot be converted to a numeric value: x",
        ),
        (
            "update_item",
            {"Key": {"pk": {"N": "x"}}, "UpdateExpression": "("},
            "The parameter cannot be converted to a numeric value: x",
        ),
        (
            "get_item",
            {"Key": {"pk": {"N": "x"}}, "ProjectionExpression": "("},
            "The parameter cannot be converted to a numeric value: x",
        ),
        (
            "get_item",
            {"Key": PK, "ExpressionAttributeNames": {"#a": "a"}},
            "ExpressionAttributeNames can only be specified when using expressions",
        ),
        (
            "update_item",
            {"Key": PK, "ExpressionAttributeValues": {":a": {"S": "a"}}},
            "ExpressionAttributeValues can only be specified when using expressions: "
            "UpdateExpression and ConditionExpression are null",
        ),
        (
            "scan",
            {"ProjectionExpression": "a", "ExpressionAttributeValues": {":a": {"S": "a"}}},
            "ExpressionAttributeValues can only be specified when using expressions: "
            "FilterExpression is null",
        ),
        (
            "scan",
            {"ExclusiveStartKey": {"pk": {"N": "x"}}, "Segment": 1},
            "The provided starting key is invalid: "
            "The parameter cannot be converted to a numeric value: x",
        ),
    ],
)
def test_what_needs_no_table(ddb: Any, operation: str, request_: Any, message: str) -> None:
    request_ = {"TableName": "none", **request_}
    assert refusal(getattr(ddb, operation), **request_) == ("ValidationException", message)
    transacted = {
        "put_item": ("Put", ddb.transact_write_items),
        "delete_item": ("Delete", ddb.transact_write_items),
    }.get(operation)
    if transacted is not None and "ReturnValues" not in request_:
        kind, call = transacted
        found = refusal(call, TransactItems=[{kind: request_}])
        assert found == ("ValidationException", message), "as such, not as a reason to cancel"


@pytest.fixture
def indexed(ddb: Any) -> str:
    """A table with two global indexes of the same attribute, and a local one."""
    return make_table(
        ddb,
        definitions=[
            {"AttributeName": "g", "AttributeType": "S"},
            {"AttributeName": "l", "AttributeType": "S"},
        ],
        GlobalSecondaryIndexes=[index("gsi2", "g", "l"), index("gsi1", "g")],
        LocalSecondaryIndexes=[index("lsi1", "pk", "l", projection="KEYS_ONLY")],
    )


# An index that comes first by its name is named, also where the item would not even be in it.
def test_keys_of_indexes(ddb: Any, indexed: str) -> None:
    mismatch = INVALID + "Type mismatch for Index Key {} Expected: S Actual: {} IndexName: {}"
    empty = (
        NOT_VALID
        + "A value specified for a secondary index key is not supported. The AttributeValue for a key "
        "attribute cannot contain an empty string value. IndexName: gsi1, IndexKey: g"
    )
    updated = (
        NOT_VALID
        + "The update expression attempted to update a secondary index key to a value that is not "
        "supported. The AttributeValue for a key attribute cannot contain an empty string value."
    )
    for attribute, value, put, update in (
        ("g", {"N": "5"}, mismatch.format("g", "N", "gsi1"), None),
        ("l", {"L": []}, mismatch.format("l", "L", "gsi2"), None),
        ("g", {"S": ""}, empty, updated),
    ):
        item = {**key("a", 1), attribute: value}
        refused = put if update is None else update
        assert refusal(ddb.put_item, TableName=indexed, Item=item) == ("ValidationException", put)
        batch = {indexed: [{"PutRequest": {"Item": item}}]}
        assert refusal(ddb.batch_write_item, RequestItems=batch) == ("ValidationException", put)
        change = {
            "TableName": indexed,
            "Key": key("a", 1),
            "UpdateExpression": "SET #a = :v",
            "ExpressionAttributeNames": {"#a": attribute},
            "ExpressionAttributeValues": {":v": value},
        }
        assert refusal(ddb.update_item, **change) == ("ValidationException", refused)
        for member in ({"Put": {"TableName": indexed, "Item": item}}, {"Update": change}):
            told = put if "Put" in member else refused
            code, message = refusal(ddb.transact_write_items, TransactItems=[member])
            if value == {"S": ""}:
                assert (code, message) == ("ValidationException", told)
            else:
                assert code == "TransactionCanceledException"
                assert message.endswith("[ValidationError]")
    calculated = {
        "TableName": indexed,
        "Key": key("a", 1),
        "UpdateExpression": "SET g = if_not_exists(x, :v)",
        "ExpressionAttributeValues": {":v": {"N": "1"}},
    }
    assert refusal(ddb.update_item, **calculated) == (
        "ValidationException",
        "The update expression attempted to update the secondary index key to unsupported type",
    )
    assert ddb.scan(TableName=indexed)["Count"] == 0


def test_keys_are_scalars(ddb: Any, indexed: str) -> None:
    scalars = "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: "
    named = {"TableName": indexed, "Key": key("a", 1)}
    for call, request in (
        (ddb.get_item, {**named, "ProjectionExpression": "x, {}.b"}),
        (ddb.scan, {"TableName": indexed, "ProjectionExpression": "{}.b"}),
        (ddb.scan, {"TableName": indexed, "FilterExpression": "attribute_exists({}.b)"}),
        (ddb.delete_item, {**named, "ConditionExpression": "attribute_exists({}.b)"}),
        (
            ddb.update_item,
            {
                **named,
                "UpdateExpression": "REMOVE x",
                "ConditionExpression": "attribute_exists({}.b)",
            },
        ),
    ):
        for attribute, told in (("pk", "Key: pk"), ("sk", "Key: sk"), ("g", "IndexKey: g")):
            filled = {
                name: value.format(attribute) if isinstance(value, str) else value
                for name, value in request.items()
            }
            assert refusal(call, **filled) == ("ValidationException", scalars + told)


def test_an_empty_key_fails_a_transaction_as_such(ddb: Any) -> None:
    """A key of another type is only a reason to cancel it."""
    table = make_simple_table(ddb)
    empty = (
        NOT_VALID
        + "The AttributeValue for a key attribute cannot contain an empty string value. Key: pk"
    )
    for kind, named, more in (
        ("Put", "Item", {}),
        ("Delete", "Key", {}),
        ("Update", "Key", {"UpdateExpression": "REMOVE x"}),
        ("ConditionCheck", "Key", {"ConditionExpression": "attribute_exists(x)"}),
    ):
        for value, code in (
            ({"S": ""}, "ValidationException"),
            ({"N": "5"}, "TransactionCanceledException"),
        ):
            member = {kind: {"TableName": table, named: {"pk": value}, **more}}
            found = refusal(ddb.transact_write_items, TransactItems=[member])
            assert found[0] == code
            if code == "ValidationException":
                assert found[1] == empty


# Of an update, not the item is measured but what it writes, and something for each action: UpdateItem alone does so.
def test_the_size_of_an_update(ddb: Any) -> None:
    table = make_simple_table(ddb)

    def update(size: int, pk: str = "k") -> dict[str, Any]:
        return {
            "TableName": table,
            "Key": {"pk": {"S": pk}},
            "UpdateExpression": "SET b = :b",
            "ExpressionAttributeValues": {":b": {"S": "x" * size}},
        }

    whole = 400 * 1024 - len("pk") - len("k") - len("b")
    too_large = (
        "ValidationException",
        "Item size to update has exceeded the maximum allowed size",
    )
    assert refusal(ddb.update_item, **update(whole)) == too_large
    assert refusal(ddb.update_item, **update(whole - 18)) == too_large
    ddb.update_item(**update(whole - 19))
    ddb.transact_write_items(TransactItems=[{"Update": update(whole)}])
    code, message = refusal(ddb.transact_write_items, TransactItems=[{"Update": update(whole + 1)}])
    assert (code, message.endswith("[ValidationError]")) == ("TransactionCanceledException", True)
    ddb.update_item(**update(whole - 99, "k" * 100))
    assert refusal(ddb.update_item, **update(whole - 98, "k" * 100)) == too_large


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {
                "KeySchema": [
                    {"AttributeName": name, "KeyType": kind}
                    for name, kind in (("pk", "HASH"), ("sk", "RANGE"), ("x", "RANGE"))
                ]
            },
            wrong(
                "Value '[KeySchemaElement(attributeName=pk, keyType=HASH), "
                "KeySchemaElement(attributeName=sk, keyType=RANGE), "
                f"KeySchemaElement(attributeName=x, keyType=RANGE)]' at 'keySchema' {LENGTH} "
                "less than or equal to 2"
            ),
        ),
        (
            {
                "KeySchema": [
                    {"AttributeName": "pk", "KeyType": "HASH"},
                    {"AttributeName": "pk", "KeyType": "RANGE"},
                ]
            },
            "Invalid KeySchema: Some index key attribute have no definition",
        ),
        (
            {"KeySchema": [{"AttributeName": "pk", "KeyType": "x"}]},
            wrong(f"Value 'x' at 'keySchema.1.member.keyType' {ENUM}: [HASH, RANGE]"),
        ),
        (
            {"AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "x"}]},
            wrong(f"Value 'x' at 'attributeDefinitions.1.member.attributeType' {ENUM}: [B, N, S]"),
        ),
    ],
)
def test_tables_that_are_not_made(ddb: Any, more: Any, message: str) -> None:
    request: dict[str, Any] = {
        "TableName": "things",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    assert refusal(ddb.create_table, **request | more) == ("ValidationException", message)


def test_an_index_is_changed_once_in_a_request(ddb: Any) -> None:
    table = make_simple_table(ddb)
    delete = {"Delete": {"IndexName": "by_x"}}
    assert refusal(ddb.update_table, TableName=table, GlobalSecondaryIndexUpdates=[delete] * 2) == (
        "ValidationException",
        INVALID
        + "Only one global secondary index update per index is allowed simultaneously. Index: by_x",
    )


# A key of the same partition goes on; one of another, or one that the condition on the range key does not match, is
# told as such.
def test_start_keys_of_narrowed_queries(ddb: Any) -> None:
    table = make_table(ddb)
    for number in range(5):
        ddb.put_item(TableName=table, Item=key("a", number))
    request = {
        "TableName": table,
        "KeyConditionExpression": "pk = :p AND sk > :n",
        "ExpressionAttributeValues": {":p": {"S": "a"}, ":n": {"N": "1"}},
    }
    answer = ddb.query(**request, ExclusiveStartKey=key("a", 3))
    assert [item["sk"]["N"] for item in answer["Items"]] == ["4"]
    for start, message in (
        (key("a", 1), "The provided starting key does not match the range key predicate"),
        (key("b", 3), "The query can return at most one row and cannot be restarted"),
        (
            {"pk": {"S": "a"}, "sk": {"S": "3"}},
            "The provided key element does not match the schema",
        ),
        ({"pk": {"S": "a"}}, "The provided starting key is invalid"),
    ):
        assert refusal(ddb.query, ExclusiveStartKey=start, **request) == (
            "ValidationException",
            message,
        )
