"""DynamoDB as AWS answered when it was recorded: each scenario that was rebuilt from its name, label by label."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from recordings.dynamodb import settings, statements, streams
from recordings.dynamodb.not_rebuilt import NOT_REBUILT
from recordings.s3.story import differences
from servers import Server

RECORDED: dict[str, dict[str, Any]] = {
    line["name"]: line["answers"]
    for line in map(
        json.loads,
        (Path(__file__).parent / "dynamodb" / "answers.jsonl").read_text().splitlines(),
    )
}
RECORDER = "111111111111"

UNTOLD = {
    (
        "test_kinesis_streaming_destination_crud",
        "describe",
    ): "the stream of Kinesis is not there: ENABLE_FAILED",
}
"""Recorded labels that are left out of what is otherwise here, and why."""

DIFFERS = {
    ("test_return_values_on_conditions_check_failure", "items"): (
        "AWS spells the member Message where it tells the item, against its model; clients read either",
        {"message": "The conditional request failed"},
    ),
}
"""What is otherwise here, why, and what comes besides."""

S = {"S": "x"}


class Story:
    """story("label", "put_item", Item=...): asks, and keeps the answer under its label."""

    recorder = RECORDER

    def __init__(
        self, make: Callable[..., Any], account: str, wanted: set[str], settle: Callable[[], None]
    ) -> None:
        """`wanted`: the labels that were recorded. `settle`: waits until nothing is under way."""
        self.client = make
        self.ddb = make("dynamodb")
        self.account = account
        self.wanted = wanted
        self.settle = settle
        self.said: dict[str, Any] = {}

    def __call__(self, label: str, operation: str, service: str = "dynamodb", **params: Any) -> Any:
        return self.take(label, self.ask(operation, service, **params))

    def ask(self, operation: str, service: str = "dynamodb", **params: Any) -> Any:
        client = self.ddb if service == "dynamodb" else self.client(service)
        try:
            answer = getattr(client, operation)(**params)
        except ClientError as error:
            answer = error.response
        return self._by_the_recorder(cast("dict[str, Any]", answer))

    def take(self, label: str, answer: Any) -> Any:
        self.said[label] = told = self._by_the_recorder(answer)
        return told

    def error(self, label: str, operation: str, **params: Any) -> None:
        """For answers of which nothing but the exception's text was recorded."""
        with pytest.raises(ClientError) as refused:
            getattr(self.ddb, operation)(**params)
        self.said[label] = str(refused.value).replace(" (reached max retries: 0)", "")

    def keep(self, label: str, value: Any) -> None:
        """Recorded as Python prints it where it is binary."""
        self.said[label] = {
            name: {"B": str(one["B"])} if "B" in one else one for name, one in value.items()
        }

    def table(self, name: str = "things", key: str = "id", **more: Any) -> str:
        self.ddb.create_table(**table(name, key, **more))
        return name

    def request(self, name: str, key: str) -> dict[str, Any]:
        """What makes a table."""
        return table(name, key)

    def arn(self, name: str) -> str:
        return f"arn:aws:dynamodb:us-east-1:{self.account}:table/{name}"

    def _by_the_recorder(self, answer: Any) -> Any:
        if isinstance(answer, dict):
            told = cast("dict[str, Any]", answer)
            return {name: self._by_the_recorder(value) for name, value in told.items()}
        if isinstance(answer, list):
            return [self._by_the_recorder(one) for one in cast("list[Any]", answer)]
        return answer.replace(self.account, RECORDER) if isinstance(answer, str) else answer


def table(name: str, key: str = "id", **more: Any) -> dict[str, Any]:
    return {
        "TableName": name,
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
        "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
        **more,
    }


def a_local_index(story: Story) -> None:
    keys = [{"AttributeName": "PK", "KeyType": "HASH"}]
    story.table(
        "things",
        AttributeDefinitions=[
            {"AttributeName": "PK", "AttributeType": "S"},
            {"AttributeName": "SK", "AttributeType": "S"},
            {"AttributeName": "LSI1SK", "AttributeType": "N"},
        ],
        KeySchema=[*keys, {"AttributeName": "SK", "KeyType": "RANGE"}],
        LocalSecondaryIndexes=[
            {
                "IndexName": "LSI1",
                "KeySchema": [*keys, {"AttributeName": "LSI1SK", "KeyType": "RANGE"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    item = {"PK": {"S": "test one"}, "SK": {"S": "hello"}, "LSI1SK": {"N": "123"}}
    story.ddb.put_item(TableName="things", Item=item)
    story(
        "Items",
        "query",
        TableName="things",
        IndexName="LSI1",
        KeyConditionExpression="PK = :v1",
        ExpressionAttributeValues={":v1": {"S": "test one"}},
        Select="ALL_ATTRIBUTES",
    )


def return_values(story: Story) -> None:
    name = story.table()
    one = {"id": {"S": "id1"}, "data": {"S": "foobar"}}
    two = {"id": {"S": "id2"}, "data": {"S": "foobar"}}
    changed = {"id": {"S": "id1"}, "data": {"S": "foobar"}, "b": S}
    put = {"TableName": name, "ReturnValues": "ALL_OLD"}
    story("PutFirstItem", "put_item", Item=one, **put)
    story("PutFirstItemOLD", "put_item", Item=one, **put)
    story("PutFirstItemB", "put_item", Item=changed, **put)
    story("PutSecondItem", "put_item", Item=two, **put)
    story("PutSecondItemReturnNone", "put_item", TableName=name, Item=two, ReturnValues="NONE")


def empty_and_binary_values(story: Story) -> None:
    name = story.table()
    first = {"id": {"S": "id1"}, "data": {"S": ""}}
    second = {"id": {"S": "id2"}, "data": {"B": b"\x90"}}
    story("PutFirstItem", "put_item", TableName=name, Item=first)
    story("PutSecondItem", "put_item", TableName=name, Item=second)


def binary_in_a_batch(story: Story) -> None:
    name = story.table()
    item = {"id": {"S": "id1"}, "data": {"B": b"\x90"}}
    story("Response", "batch_write_item", RequestItems={name: [{"PutRequest": {"Item": item}}]})


def a_table_that_is_there(story: Story) -> None:
    name = story.table()
    story.error("Error", "create_table", **table(name))


def transactions(story: Story) -> None:
    name = story.table()
    for label, named in (
        ("Response", name),
        ("Response_using_table_arn", story.arn(name)),
    ):
        story(
            label,
            "transact_write_items",
            TransactItems=[
                {
                    "ConditionCheck": {
                        "TableName": named,
                        "Key": {"id": {"S": "0"}},
                        "ConditionExpression": "attribute_not_exists(x)",
                    }
                },
                {"Put": {"TableName": named, "Item": {"id": {"S": "1"}}}},
                {
                    "Update": {
                        "TableName": named,
                        "Key": {"id": {"S": "2"}},
                        "UpdateExpression": "SET x = :v",
                        "ExpressionAttributeValues": {":v": S},
                    }
                },
                {"Delete": {"TableName": named, "Key": {"id": {"S": "3"}}}},
            ],
        )


def a_cancelled_transaction(story: Story) -> None:
    name = story.table()
    story.error(
        "Error",
        "transact_write_items",
        TransactItems=[
            {
                "ConditionCheck": {
                    "TableName": name,
                    "Key": {"id": {"S": "0"}},
                    "ConditionExpression": "attribute_exists(id)",
                }
            },
            {"Put": {"TableName": name, "Item": {"id": {"S": "1"}}}},
        ],
    )


def binary_in_a_transaction(story: Story) -> None:
    name = story.table()
    item = {"id": {"S": "someUser"}, "binaryData": {"B": b"foobar"}}
    members = [{"Put": {"TableName": name, "Item": item}}]
    story("WriteResponse", "transact_write_items", TransactItems=members)
    got = story.ddb.get_item(TableName=name, Key={"id": {"S": "someUser"}})
    story.keep("GetItem", got["Item"])


def reading_in_a_transaction(story: Story) -> None:
    name = story.table()
    for label, named, who in (
        ("TransactGetItems", name, "John"),
        ("TransactGetItems-with-TableArn", story.arn(name), "Sarah"),
    ):
        story.ddb.put_item(TableName=name, Item={"id": {"S": who}})
        get = {"Get": {"TableName": named, "Key": {"id": {"S": who}}}}
        story(label, "transact_get_items", TransactItems=[get])


def batches(story: Story) -> None:
    name = story.table()
    story.ddb.put_item(TableName=name, Item={"id": {"S": "1"}})
    requests = [
        {"PutRequest": {"Item": {"id": {"S": "2"}}}},
        {"DeleteRequest": {"Key": {"id": {"S": "1"}}}},
    ]
    story("BatchWriteResponse", "batch_write_item", RequestItems={name: requests})


def units_without_provision(story: Story) -> None:
    story.error("Error", "create_table", **table("things"), BillingMode="PAY_PER_REQUEST")


def nothing_in_a_batch(story: Story) -> None:
    name = story.table()
    keys = {"Keys": [{"id": {"S": "none"}}]}
    found = story("Response", "batch_get_item", RequestItems={name: keys})["Responses"]
    found["<test-table>"] = found.pop(name)


def the_same_token(story: Story) -> None:
    name = story.table()
    members = [{"Put": {"TableName": name, "Item": {"id": {"S": "1"}}}}]
    for label in ("Response1", "Response2"):
        story(label, "transact_write_items", TransactItems=members, ClientRequestToken="dedupe")


def an_item_of_another_schema(story: Story) -> None:
    name = story.table()
    faulty = [{"PutRequest": {"Item": {"other": {"S": "x"}}}}]
    story.error("ValidationException", "batch_write_item", RequestItems={name: faulty})


def a_table_that_is_not_there(story: Story) -> None:
    members = [{"Put": {"TableName": "nothing", "Item": {"id": {"S": "1"}}}}]
    story("exc-not-found-transact-write-items", "transact_write_items", TransactItems=members)


def a_failed_condition(story: Story) -> None:
    name = story.table()
    item = {"id": {"S": "456"}, "price": {"N": "650"}, "product": {"S": "sporting goods"}}
    story.ddb.put_item(TableName=name, Item=item)
    story(
        "items",
        "delete_item",
        TableName=name,
        Key={"id": {"S": "456"}},
        ConditionExpression="price < :p",
        ExpressionAttributeValues={":p": {"N": "600"}},
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
    )


def _with_index(story: Story, mode: str) -> None:
    request = table("things", "TID")
    request["AttributeDefinitions"] += [{"AttributeName": "TRID", "AttributeType": "S"}]
    index: dict[str, Any] = {
        "IndexName": "TransactionRecordID",
        "KeySchema": [{"AttributeName": "TRID", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    if mode == "PROVISIONED":
        index["ProvisionedThroughput"] = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
    else:
        del request["ProvisionedThroughput"]
    story(
        "create-table-with-gsi",
        "create_table",
        **request,
        BillingMode=mode,
        GlobalSecondaryIndexes=[index],
    )
    story("describe-table", "describe_table", TableName="things")


def a_table(story: Story) -> None:
    story("create-table", "create_table", **table("things"))
    story("describe-table", "describe_table", TableName="things")
    story("delete-table", "delete_table", TableName="things")
    story("delete-non-existent-table", "delete_table", TableName="non-existent")


SCENARIOS: dict[str, Callable[[Story], None]] = {
    "test_valid_local_secondary_index": a_local_index,
    "test_return_values_in_put_item": return_values,
    "test_empty_and_binary_values": empty_and_binary_values,
    "test_batch_write_binary": binary_in_a_batch,
    "test_create_duplicate_table": a_table_that_is_there,
    "test_transaction_write_items": transactions,
    "test_transaction_write_canceled": a_cancelled_transaction,
    "test_transaction_write_binary_data": binary_in_a_transaction,
    "test_transact_get_items": reading_in_a_transaction,
    "test_batch_write_items": batches,
    "test_dynamodb_pay_per_request": units_without_provision,
    "test_dynamodb_get_batch_items": nothing_in_a_batch,
    "test_dynamodb_idempotent_writing": the_same_token,
    "test_batch_write_not_matching_schema": an_item_of_another_schema,
    "test_batch_write_not_existing_table": a_table_that_is_not_there,
    "test_return_values_on_conditions_check_failure": a_failed_condition,
    "test_gsi_with_billing_mode[PAY_PER_REQUEST]": lambda story: _with_index(
        story, "PAY_PER_REQUEST"
    ),
    "test_gsi_with_billing_mode[PROVISIONED]": lambda story: _with_index(story, "PROVISIONED"),
    "test_table_crud": a_table,
    **streams.SCENARIOS,
    **statements.SCENARIOS,
    **settings.SCENARIOS,
}


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_it_is_as_it_was_recorded(
    server: Server, client: Callable[..., Any], account: str, name: str
) -> None:
    def settle() -> None:
        assert server.ask("POST", "/_pilvi/idle", {"timeout_s": 60})["idle"]

    story = Story(client, account, set(RECORDED[name]), settle)
    SCENARIOS[name](story)
    for (scenario, label), (_, besides) in DIFFERS.items():
        if scenario == name:
            assert {key: story.said[label].pop(key) for key in besides} == besides
    recorded = {
        label: answer for label, answer in RECORDED[name].items() if (name, label) not in UNTOLD
    }
    assert differences(recorded, story.said) == []


def test_all_that_is_kept_is_told() -> None:
    assert RECORDED.keys() == SCENARIOS.keys()
    assert not RECORDED.keys() & {name for _, name in NOT_REBUILT}
    assert {name for name, _ in (*UNTOLD, *DIFFERS)} <= RECORDED.keys()
