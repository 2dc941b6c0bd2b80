"""TransactWriteItems and TransactGetItems: all or nothing, and the reasons."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .support import index, key, make_simple_table, make_table, refusal


@pytest.fixture
def ddb(client: Any) -> Any:
    return client("dynamodb")


def cancelled(ddb: Any, members: list[Any], **more: Any) -> tuple[str, list[Any]]:
    with pytest.raises(ClientError) as refused:
        ddb.transact_write_items(TransactItems=members, **more)
    response = refused.value.response
    assert response["Error"]["Code"] == "TransactionCanceledException"
    return response["Error"]["Message"], response["CancellationReasons"]


def test_all_four_kinds_at_once(ddb: Any) -> None:
    table = make_table(ddb)
    for number in (1, 2, 3):
        ddb.put_item(TableName=table, Item=key("a", number))
    answer = ddb.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": table, "Item": key("b", 1)}},
            {
                "Update": {
                    "TableName": table,
                    "Key": key("a", 1),
                    "UpdateExpression": "SET x = :x",
                    "ExpressionAttributeValues": {":x": {"N": "1"}},
                }
            },
            {"Delete": {"TableName": table, "Key": key("a", 2)}},
            {
                "ConditionCheck": {
                    "TableName": table,
                    "Key": key("a", 3),
                    "ConditionExpression": "attribute_exists(pk)",
                }
            },
        ],
        ReturnConsumedCapacity="TOTAL",
    )
    assert answer["ConsumedCapacity"] == [
        {"TableName": table, "CapacityUnits": 8.0, "WriteCapacityUnits": 8.0}
    ]
    found = sorted(repr(item) for item in ddb.scan(TableName=table)["Items"])
    expected = [key("b", 1), {**key("a", 1), "x": {"N": "1"}}, key("a", 3)]
    assert found == sorted(repr(item) for item in expected)


def test_reasons_come_in_the_order_of_the_members(ddb: Any) -> None:
    table = make_table(
        ddb,
        definitions=[{"AttributeName": "g", "AttributeType": "S"}],
        GlobalSecondaryIndexes=[index("by_g", "g")],
    )
    old = {**key("a", 1), "x": {"S": "old"}}
    ddb.put_item(TableName=table, Item=old)
    failing = {"ConditionExpression": "attribute_not_exists(pk)"}
    message, reasons = cancelled(
        ddb,
        [
            {"Put": {"TableName": table, "Item": key("b", 1)}},
            {
                "Put": {
                    "TableName": table,
                    "Item": key("a", 1),
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                    **failing,
                }
            },
            {"Delete": {"TableName": table, "Key": key("c", 1)}},
        ],
    )
    assert message == (
        "Transaction cancelled, please refer cancellation reasons for specific reasons "
        "[None, ConditionalCheckFailed, None]"
    )
    assert reasons == [
        {"Code": "None"},
        {
            "Code": "ConditionalCheckFailed",
            "Message": "The conditional request failed",
            "Item": old,
        },
        {"Code": "None"},
    ]
    update = {
        "TableName": table,
        "Key": key("a", 1),
        "UpdateExpression": "SET y = x + :n",
        "ExpressionAttributeValues": {":n": {"N": "1"}},
    }
    put = {"Put": {"TableName": table, "Item": key("b", 1)}}
    for member, reason in (
        ({"Update": update}, "An operand in the update expression has an incorrect data type"),
        (
            {"Put": {"TableName": table, "Item": {"pk": {"S": "a"}}}},
            "One or more parameter values were invalid: Missing the key sk in the item",
        ),
        (
            {"Put": {"TableName": table, "Item": {**key("a", 2), "g": {"N": "1"}}}},
            "One or more parameter values were invalid: Type mismatch for Index Key g Expected: S "
            "Actual: N IndexName: by_g",
        ),
    ):
        message, reasons = cancelled(ddb, [put, member])
        assert message.endswith("[None, ValidationError]")
        assert reasons == [{"Code": "None"}, {"Code": "ValidationError", "Message": reason}]
    assert ddb.scan(TableName=table)["Items"] == [old]


def test_what_is_no_transaction(ddb: Any) -> None:
    table = make_table(ddb)
    put = {"Put": {"TableName": table, "Item": key("a", 1)}}
    delete = {"Delete": {"TableName": table, "Key": key("a", 1)}}
    assert refusal(ddb.transact_write_items, TransactItems=[put, delete]) == (
        "ValidationException",
        "Transaction request cannot include multiple operations on one item",
    )
    assert refusal(ddb.transact_write_items, TransactItems=[put | delete])[1] == (
        "TransactItems can only contain one of Check, Put, Update or Delete"
    )
    assert refusal(ddb.transact_write_items, TransactItems=[])[0] == "ValidationException"
    many = [{"Put": {"TableName": table, "Item": key("a", number)}} for number in range(101)]
    assert refusal(ddb.transact_write_items, TransactItems=many)[0] == "ValidationException"
    missing = {"Put": {"TableName": "nothing", "Item": key("a", 1)}}
    assert refusal(ddb.transact_write_items, TransactItems=[put, missing]) == (
        "ResourceNotFoundException",
        "Requested resource not found",
    )
    large = [
        {"Put": {"TableName": table, "Item": {**key("a", n), "x": {"S": "x" * 400_000}}}}
        for n in range(11)
    ]
    assert refusal(ddb.transact_write_items, TransactItems=large)[0] == "ValidationException"
    assert ddb.scan(TableName=table)["Count"] == 0


def test_a_token_makes_it_once(ddb: Any, clock: Any) -> None:
    """For ten minutes; after them the same token is a new transaction."""
    table = make_simple_table(ddb)

    def add(by: str) -> None:
        ddb.transact_write_items(
            TransactItems=[
                {
                    "Update": {
                        "TableName": table,
                        "Key": {"pk": {"S": "a"}},
                        "UpdateExpression": "ADD n :by",
                        "ExpressionAttributeValues": {":by": {"N": by}},
                    }
                }
            ],
            ClientRequestToken="once",
        )

    def counted() -> str:
        return ddb.get_item(TableName=table, Key={"pk": {"S": "a"}})["Item"]["n"]["N"]

    clock.freeze()
    add("1")
    add("1.0")
    assert counted() == "1"
    assert refusal(add, by="2")[0] == "IdempotentParameterMismatchException"
    clock.advance(seconds=599)
    add("1")
    assert counted() == "1"
    clock.advance(seconds=2)
    add("2")
    assert counted() == "3"


def test_reading_together(ddb: Any) -> None:
    table = make_table(ddb)
    ddb.put_item(TableName=table, Item={**key("a", 1), "x": {"S": "y"}})
    answer = ddb.transact_get_items(
        TransactItems=[
            {"Get": {"TableName": table, "Key": key("a", 2)}},
            {"Get": {"TableName": table, "Key": key("a", 1), "ProjectionExpression": "x"}},
        ],
        ReturnConsumedCapacity="TOTAL",
    )
    assert answer["Responses"] == [{}, {"Item": {"x": {"S": "y"}}}]
    assert answer["ConsumedCapacity"] == [
        {"TableName": table, "CapacityUnits": 4.0, "ReadCapacityUnits": 4.0}
    ]
    get = {"Get": {"TableName": table, "Key": key("a", 1)}}
    assert refusal(ddb.transact_get_items, TransactItems=[get, get]) == (
        "ValidationException",
        "Transaction request cannot include multiple operations on one item",
    )


def test_money_is_neither_made_nor_lost(ddb: Any, client: Any) -> None:
    """Transfers race over four accounts; a transfer that would overdraw is cancelled as a whole."""
    table = make_simple_table(ddb)
    for number in range(4):
        ddb.put_item(TableName=table, Item={"pk": {"S": str(number)}, "n": {"N": "10"}})

    def transfer(seed: int) -> None:
        mine = client("dynamodb")
        for step in range(15):
            source, target = (seed + step) % 4, (seed + step * 3 + 1) % 4
            if source == target:
                continue
            amount = {":n": {"N": str(step)}}
            take = {
                "TableName": table,
                "Key": {"pk": {"S": str(source)}},
                "UpdateExpression": "SET n = n - :n",
                "ConditionExpression": "n >= :n",
                "ExpressionAttributeValues": amount,
            }
            give = {
                "TableName": table,
                "Key": {"pk": {"S": str(target)}},
                "UpdateExpression": "SET n = n + :n",
                "ExpressionAttributeValues": amount,
            }
            try:
                mine.transact_write_items(TransactItems=[{"Update": take}, {"Update": give}])
            except mine.exceptions.TransactionCanceledException:
                pass

    threads = [threading.Thread(target=transfer, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    amounts = [int(item["n"]["N"]) for item in ddb.scan(TableName=table)["Items"]]
    assert sum(amounts) == 40
    assert min(amounts) >= 0
