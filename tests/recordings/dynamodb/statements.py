"""Recorded scenarios of statements in PartiQL."""

from __future__ import annotations

from typing import Any


def a_transaction(story: Any) -> None:
    name = story.table(key="Username")
    statements = [
        {"Statement": f"INSERT INTO {name} VALUE {{'Username': 'user0{number}'}}"}
        for number in (1, 2)
    ]
    story("ExecutedTransaction", "execute_transaction", TransactStatements=statements)
    story("TableScan", "scan", TableName=name)
    story.said["TableScan"]["Items"].sort(key=str)


def a_batch(story: Any) -> None:
    name = story.table(key="Username")
    for user in ("user01", "user02"):
        item = {"Username": {"S": user}}
        story.ddb.put_item(TableName=name, Item=item)
    statements = [
        {
            "Statement": f"UPDATE {name} SET Age=20 WHERE Username='user02'",
        },
        {"Statement": f"INSERT INTO {name} VALUE {{'Username': 'user03'}}"},
    ]
    story("ExecutedStatement", "batch_execute_statement", Statements=statements)
    for label, user in (("ItemUser2", "user02"), ("ItemUser1", "user01")):
        got = story.ddb.get_item(TableName=name, Key={"Username": {"S": user}})
        story.keep(label, got["Item"])


def what_is_missing(story: Any) -> None:
    name = story.table(key="Username")
    alice = {"Username": {"S": "Alice123"}, "FirstName": {"S": "Alice"}}
    for item in (alice, {"Username": {"S": "Bob123"}}):
        story.ddb.put_item(TableName=name, Item=item)
    text = f"SELECT * FROM {name} WHERE FirstName IS NOT MISSING"
    found = story.ddb.execute_statement(Statement=text)
    story.said["FirstNameNotMissing"] = found["Items"]


def no_parameters(story: Any) -> None:
    name = story.table(key="Username")
    text = f"SELECT * FROM {name}"
    story("invalid-param-error", "execute_statement", Statement=text, Parameters=[])


SCENARIOS = {
    "test_dynamodb_execute_transaction": a_transaction,
    "test_dynamodb_batch_execute_statement": a_batch,
    "test_dynamodb_partiql_missing": what_is_missing,
    "test_dynamodb_execute_statement_empy_parameter": no_parameters,
}
