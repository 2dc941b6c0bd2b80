"""Batches and transactions of PartiQL, and what policies say of statements."""

from __future__ import annotations

from typing import Any

import pytest

from persons import Make, Person, allow

from .support import make_simple_table, make_table, refusal

FAILED = "The conditional request failed"
PREFIX = "Validation failed in TransactStatements"


@pytest.fixture
def ddb(client: Any) -> Any:
    made = client("dynamodb")
    make_simple_table(made)
    for pk in "ab":
        made.put_item(TableName="simple", Item={"pk": {"S": pk}, "n": {"N": "5"}})
    return made


def item(ddb: Any, pk: str) -> Any:
    return ddb.get_item(TableName="simple", Key={"pk": {"S": pk}}).get("Item")


def batch(ddb: Any, *statements: str, **more: Any) -> Any:
    return ddb.batch_execute_statement(
        Statements=[{"Statement": one} for one in statements], **more
    )


def transact(ddb: Any, *statements: str, **more: Any) -> Any:
    return ddb.execute_transaction(
        TransactStatements=[{"Statement": one} for one in statements], **more
    )


def cancelled(ddb: Any, *statements: str, **more: Any) -> list[Any]:
    with pytest.raises(ddb.exceptions.TransactionCanceledException) as caught:
        transact(ddb, *statements, **more)
    return caught.value.response["CancellationReasons"]


def test_a_batch_reads_item_by_item(ddb: Any) -> None:
    answer = batch(
        ddb,
        "SELECT n FROM simple WHERE pk = 'a'",
        "SELECT * FROM simple WHERE pk = 'nobody'",
        "SELECT * FROM nowhere WHERE pk = 'a'",
        "SELECT * FROM simple WHERE n = 5",
        "SLECT",
        ReturnConsumedCapacity="TOTAL",
    )
    by_key = (
        "Select statements within BatchExecuteStatement must specify the primary key in the where "
        "clause."
    )
    assert answer["Responses"] == [
        {"TableName": "simple", "Item": {"n": {"N": "5"}}},
        {"TableName": "simple"},
        {"Error": {"Code": "ResourceNotFound", "Message": "Requested resource not found"}},
        {"Error": {"Code": "ValidationError", "Message": by_key}},
        {
            "Error": {
                "Code": "ValidationError",
                "Message": "Statement wasn't well formed, can't be processed: Expected data manipulation",
            }
        },
    ]
    assert answer["ConsumedCapacity"] == [{"TableName": "simple", "CapacityUnits": 1.0}]


def test_a_batch_writes_what_it_can(ddb: Any) -> None:
    answer = batch(
        ddb,
        "INSERT INTO simple VALUE {'pk': 'c'}",
        "INSERT INTO simple VALUE {'pk': 'a'}",
        "UPDATE simple SET n = 6 WHERE pk = 'a' AND n = 1",
        "DELETE FROM simple WHERE pk = 'b' RETURNING ALL OLD *",
    )
    assert answer["Responses"] == [
        {"TableName": "simple"},
        {"Error": {"Code": "DuplicateItem", "Message": "Duplicate primary key exists in table"}},
        {"Error": {"Code": "ConditionalCheckFailed", "Message": FAILED}},
        {"TableName": "simple", "Item": {"pk": {"S": "b"}, "n": {"N": "5"}}},
    ]
    assert item(ddb, "c") == {"pk": {"S": "c"}}
    assert item(ddb, "b") is None


def test_neither_batch_nor_transaction_reads_and_writes(ddb: Any) -> None:
    statements = ["SELECT * FROM simple WHERE pk = 'a'", "DELETE FROM simple WHERE pk = 'b'"]
    given = [{"Statement": one} for one in statements]
    message = "API does not support both read and write operations in the same request."
    assert refusal(ddb.batch_execute_statement, Statements=given) == (
        "ValidationException",
        f"BatchExecuteStatement {message}",
    )
    assert refusal(ddb.execute_transaction, TransactStatements=given) == (
        "ValidationException",
        f"ExecuteTransaction {message}",
    )
    assert item(ddb, "b") is not None


def test_a_transaction_reads_at_one_instant(ddb: Any) -> None:
    answer = transact(
        ddb,
        "SELECT * FROM simple WHERE pk = 'a'",
        "SELECT * FROM simple WHERE pk = 'nobody'",
        ReturnConsumedCapacity="TOTAL",
    )
    assert answer["Responses"] == [{"Item": {"pk": {"S": "a"}, "n": {"N": "5"}}}, {}]
    assert answer["ConsumedCapacity"][0]["CapacityUnits"] == 4.0


def test_a_transaction_does_all_or_nothing(ddb: Any) -> None:
    reasons = cancelled(
        ddb,
        "UPDATE simple SET n = 6 WHERE pk = 'a'",
        "INSERT INTO simple VALUE {'pk': 'b'}",
        "EXISTS(SELECT * FROM simple WHERE pk = 'c' AND n = 1)",
    )
    assert reasons == [
        {"Code": "None"},
        {"Code": "DuplicateItem", "Message": "Duplicate primary key exists in table"},
        {"Code": "ConditionalCheckFailed", "Message": FAILED},
    ]
    assert item(ddb, "a")["n"] == {"N": "5"}
    answer = transact(
        ddb,
        "UPDATE simple SET n = n + 1 WHERE pk = 'a'",
        "EXISTS(SELECT * FROM simple WHERE pk = 'b' AND n = 5)",
        "EXISTS(SELECT * FROM simple WHERE pk = 'c' AND pk IS MISSING)",
        "INSERT INTO simple VALUE {'pk': 'd'}",
    )
    assert answer["Responses"] == []  # as AWS was recorded
    assert item(ddb, "a")["n"] == {"N": "6"}
    assert item(ddb, "d") is not None


def test_a_token_is_done_once(ddb: Any) -> None:
    for _ in range(2):
        transact(ddb, "UPDATE simple SET n = n + 1 WHERE pk = 'a'", ClientRequestToken="one")
    assert item(ddb, "a")["n"] == {"N": "6"}
    with pytest.raises(ddb.exceptions.IdempotentParameterMismatchException):
        transact(ddb, "UPDATE simple SET n = n + 2 WHERE pk = 'a'", ClientRequestToken="one")


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            "SELECT * FROM simple WHERE",
            "Statement wasn't well formed, can't be processed: Unexpected term",
        ),
        (
            "SELECT * FROM simple WHERE pk = 'a' AND n = 5",
            "Select statements within ExecuteTransaction must specify the primary key in the where clause.",
        ),
        (
            "SELECT * FROM simple.\"i\" WHERE pk = 'a'",
            "Reads on indices are not supported within transactions.",
        ),
        (
            "DELETE FROM simple WHERE pk = 'a' RETURNING ALL OLD *",
            "RETURNING clause is not supported in ExecuteTransaction.",
        ),
        (
            "EXISTS(SELECT * FROM simple WHERE pk = 'a')",
            "EXISTS() must contain a single item read with additional condition",
        ),
    ],
)
def test_what_a_transaction_refuses(ddb: Any, statement: str, message: str) -> None:
    members = [{"Statement": statement}]
    expected = ("ValidationException", f"{PREFIX}[0]: {message}")
    assert refusal(ddb.execute_transaction, TransactStatements=members) == expected


def test_one_item_only_once_in_a_transaction(ddb: Any) -> None:
    twice = [{"Statement": "DELETE FROM simple WHERE pk = 'a'"}] * 2
    assert refusal(ddb.execute_transaction, TransactStatements=twice)[1] == (
        "Transaction request cannot include multiple operations on one item"
    )


# --- permissions

DENIED = "AccessDeniedException"
TABLE = "arn:aws:dynamodb:*:*:table/things"


@pytest.fixture
def ann(client: Make, account: str) -> Person:
    made = client("dynamodb")
    make_table(made)
    for pk in ("ann", "bob"):
        made.put_item(TableName="things", Item={"pk": {"S": pk}, "sk": {"N": "1"}, "x": {"S": pk}})
    return Person(client, account)


def test_each_kind_of_statement_has_a_permission_of_its_own(ann: Person) -> None:
    ann.may(allow("dynamodb:PartiQLSelect", TABLE))
    mine = ann.client("dynamodb")
    assert len(mine.execute_statement(Statement="SELECT * FROM things")["Items"]) == 2
    for statement in (
        "INSERT INTO things VALUE {'pk': 'c', 'sk': 1}",
        "UPDATE things SET x = 1 WHERE pk = 'ann' AND sk = 1",
        "DELETE FROM things WHERE pk = 'ann' AND sk = 1",
        'SELECT * FROM "things"."some"',
    ):
        assert refusal(mine.execute_statement, Statement=statement)[0] == DENIED
    members = [{"Statement": "INSERT INTO things VALUE {'pk': 'c', 'sk': 1}"}]
    assert refusal(mine.batch_execute_statement, Statements=members)[0] == DENIED
    assert refusal(mine.execute_transaction, TransactStatements=members)[0] == DENIED


def test_scans_of_whole_tables_can_be_forbidden(ann: Person) -> None:
    """AWS's own example: without a partition key nothing is read."""
    ann.may(
        allow(
            "dynamodb:PartiQLSelect", TABLE, Condition={"Bool": {"dynamodb:FullTableScan": "false"}}
        )
    )
    mine = ann.client("dynamodb")
    answer = mine.execute_statement(Statement="SELECT * FROM things WHERE pk = 'ann'")
    assert len(answer["Items"]) == 1
    everything = "SELECT * FROM things WHERE x = 'ann'"
    assert refusal(mine.execute_statement, Statement=everything)[0] == DENIED


def test_leading_keys_hold_for_statements(ann: Person) -> None:
    own = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["ann"]}}
    ann.may(allow("dynamodb:PartiQL*", TABLE, Condition=own))
    mine = ann.client("dynamodb")
    mine.execute_statement(Statement="UPDATE things SET x = 'y' WHERE pk = 'ann' AND sk = 1")
    mine.execute_statement(Statement="SELECT * FROM things WHERE pk = 'ann' AND NOT x = 'bob'")
    for statement in (
        "UPDATE things SET x = 'y' WHERE pk = 'bob' AND sk = 1",
        "SELECT * FROM things WHERE pk IN ['ann', 'bob']",
        "INSERT INTO things VALUE {'pk': 'bob', 'sk': 2}",
        "SELECT * FROM things",
        "SELECT * FROM things WHERE pk = 'ann' OR x = 'bob'",
    ):
        assert refusal(mine.execute_statement, Statement=statement)[0] == DENIED
