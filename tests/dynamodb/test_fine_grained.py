"""Policies about items and attributes: what requests tell of them, over the wire.

AWS: DynamoDB Developer Guide, "Using IAM policy conditions for fine-grained access control".
"""

from __future__ import annotations

from typing import Any

import pytest

from persons import Make, Person, allow, deny, refusal

DENIED = "AccessDeniedException"
OWN = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["ann"]}}


@pytest.fixture
def ann(client: Make, account: str) -> Person:
    return Person(client, account)


@pytest.fixture
def games(client: Make) -> Any:
    """A table by user and number, with an index by title; root's client of it."""
    dynamodb = client("dynamodb")
    dynamodb.create_table(
        TableName="games",
        AttributeDefinitions=[
            {"AttributeName": "user", "AttributeType": "S"},
            {"AttributeName": "nr", "AttributeType": "N"},
            {"AttributeName": "title", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "user", "KeyType": "HASH"},
            {"AttributeName": "nr", "KeyType": "RANGE"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-title",
                "KeySchema": [{"AttributeName": "title", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
        Tags=[{"Key": "Team", "Value": "red"}],
    )
    for user in ("ann", "bob"):
        dynamodb.put_item(TableName="games", Item=item(user, 1))
    return dynamodb


def item(user: str, nr: int, **more: Any) -> dict[str, Any]:
    return {"user": {"S": user}, "nr": {"N": str(nr)}, "title": {"S": "chess"}, **more}


def key(user: str, nr: int = 1) -> dict[str, Any]:
    return {"user": {"S": user}, "nr": {"N": str(nr)}}


def query(user: str, **more: Any) -> dict[str, Any]:
    return {
        "TableName": "games",
        "KeyConditionExpression": "#u = :u",
        "ExpressionAttributeNames": {"#u": "user"},
        "ExpressionAttributeValues": {":u": {"S": user}},
        **more,
    }


def requests(user: str) -> list[tuple[str, dict[str, Any]]]:
    """Everything that can be done to the items of one user."""
    named = {"TableName": "games", "Key": key(user)}
    return [
        ("get_item", named),
        ("put_item", {"TableName": "games", "Item": item(user, 2)}),
        (
            "update_item",
            {
                **named,
                "UpdateExpression": "SET score = :s",
                "ExpressionAttributeValues": {":s": {"N": "1"}},
            },
        ),
        ("query", query(user)),
        (
            "query",
            {
                "TableName": "games",
                "KeyConditions": {
                    "user": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": user}]}
                },
            },
        ),
        ("batch_get_item", {"RequestItems": {"games": {"Keys": [key("ann"), key(user, 2)]}}}),
        (
            "batch_write_item",
            {
                "RequestItems": {
                    "games": [
                        {"PutRequest": {"Item": item("ann", 3)}},
                        {"DeleteRequest": {"Key": key(user, 4)}},
                    ]
                }
            },
        ),
        ("transact_get_items", {"TransactItems": [{"Get": named}]}),
        (
            "transact_write_items",
            {
                "TransactItems": [
                    {"Put": {"TableName": "games", "Item": item("ann", 5)}},
                    {
                        "ConditionCheck": {
                            **named,
                            "ConditionExpression": "attribute_exists(title)",
                        }
                    },
                ]
            },
        ),
        ("delete_item", named),
    ]


@pytest.mark.parametrize("at", range(len(requests("ann"))))
def test_leading_keys_keep_everybody_to_their_own_items(ann: Person, games: Any, at: int) -> None:
    ann.may(allow("dynamodb:*", Condition=OWN))
    mine = ann.client("dynamodb")
    before = games.scan(TableName="games")["Items"]
    name, request = requests("bob")[at]
    assert refusal(getattr(mine, name), **request)[0] == DENIED
    assert games.scan(TableName="games")["Items"] == before
    name, request = requests("ann")[at]
    getattr(mine, name)(**request)


def test_the_leading_key_of_an_index_is_its_own(ann: Person, games: Any) -> None:
    titles = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["chess"]}}
    ann.may(allow("dynamodb:Query", Condition=titles))
    mine = ann.client("dynamodb")
    by_title = {
        "TableName": "games",
        "IndexName": "by-title",
        "KeyConditionExpression": "title = :t",
    }
    mine.query(**by_title, ExpressionAttributeValues={":t": {"S": "chess"}})
    code, text = refusal(mine.query, **by_title, ExpressionAttributeValues={":t": {"S": "go"}})
    assert (code, "table/games/index/by-title" in text) == (DENIED, True)
    assert refusal(mine.query, **query("ann"))[0] == DENIED


def test_a_number_is_known_in_whatever_form_it_comes(client: Make, ann: Person) -> None:
    """Else a Deny for item 1 would not be one for item 1.0, which is the same item."""
    client("dynamodb").create_table(
        TableName="numbers",
        AttributeDefinitions=[{"AttributeName": "nr", "AttributeType": "N"}],
        KeySchema=[{"AttributeName": "nr", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    one = {"ForAnyValue:StringEquals": {"dynamodb:LeadingKeys": ["1"]}}
    ann.may(allow("dynamodb:*"), deny("dynamodb:*", Condition=one))
    mine = ann.client("dynamodb")
    mine.get_item(TableName="numbers", Key={"nr": {"N": "2"}})
    for form in ("1", "1.0", "01", "1e0", "10e-1"):
        assert refusal(mine.get_item, TableName="numbers", Key={"nr": {"N": form}})[0] == DENIED


def test_attributes_are_those_that_are_named_anywhere(ann: Person, games: Any) -> None:
    """Together with Select, which says that nothing else is asked for."""
    few = {
        "ForAllValues:StringEquals": {"dynamodb:Attributes": ["user", "nr", "title"]},
        "StringEqualsIfExists": {
            "dynamodb:Select": "SPECIFIC_ATTRIBUTES",
            "dynamodb:ReturnValues": ["NONE", "UPDATED_OLD", "UPDATED_NEW"],
        },
    }
    ann.may(allow("dynamodb:*", Condition=few))
    mine = ann.client("dynamodb")
    named = {"TableName": "games", "Key": key("ann")}
    assert "Item" in mine.get_item(**named, ProjectionExpression="title, nr")
    assert "Item" in mine.get_item(**named, AttributesToGet=["title", "nr"])
    mine.put_item(TableName="games", Item=item("ann", 9))
    mine.update_item(
        **named,
        UpdateExpression="SET title = :t",
        ConditionExpression="attribute_exists(nr)",
        ExpressionAttributeValues={":t": {"S": "go"}},
        ReturnValues="UPDATED_NEW",
    )
    values = {":t": {"S": "go"}}
    refused: list[tuple[str, dict[str, Any]]] = [
        ("get_item", named),
        ("get_item", {**named, "ProjectionExpression": "title, score"}),
        ("get_item", {**named, "AttributesToGet": ["title", "score"]}),
        ("update_item", {**named, "AttributeUpdates": {"secret": {"Action": "DELETE"}}}),
        ("delete_item", {**named, "Expected": {"secret": {"Exists": False}}}),
        (
            "put_item",
            {"TableName": "games", "Item": key("ann"), "Expected": {"x": {"Exists": False}}},
        ),
        (
            "scan",
            {
                "TableName": "games",
                "AttributesToGet": ["title"],
                "ScanFilter": {"secret": {"ComparisonOperator": "NULL"}},
            },
        ),
        (
            "get_item",
            {
                **named,
                "ProjectionExpression": "#x.deep",
                "ExpressionAttributeNames": {"#x": "secret"},
            },
        ),
        ("put_item", {"TableName": "games", "Item": item("ann", 9, secret={"S": "x"})}),
        ("put_item", {"TableName": "games", "Item": item("ann", 9), "ReturnValues": "ALL_OLD"}),
        ("delete_item", {**named, "ConditionExpression": "attribute_not_exists(secret)"}),
        (
            "update_item",
            {**named, "UpdateExpression": "SET secret = :t", "ExpressionAttributeValues": values},
        ),
        ("update_item", {**named, "UpdateExpression": "SET title = secret"}),
        ("update_item", {**named, "UpdateExpression": "REMOVE secret"}),
        ("query", query("ann")),
        ("query", query("ann", Select="COUNT")),
        ("scan", {"TableName": "games"}),
        ("scan", {"TableName": "games", "ProjectionExpression": "secret"}),
        ("batch_get_item", {"RequestItems": {"games": {"Keys": [key("ann")]}}}),
        ("transact_get_items", {"TransactItems": [{"Get": named}]}),
    ]
    for name, request in refused:
        assert refusal(getattr(mine, name), **request)[0] == DENIED, (name, request)


def test_an_expression_that_is_none_is_refused_and_lets_nobody_in(ann: Person, games: Any) -> None:
    ann.may(
        allow(
            "dynamodb:*",
            Condition={"ForAllValues:StringEquals": {"dynamodb:Attributes": ["user", "nr"]}},
        )
    )
    code, _ = refusal(
        ann.client("dynamodb").delete_item,
        TableName="games",
        Key=key("ann"),
        ConditionExpression="secret = ",
    )
    assert code == "ValidationException"
    assert games.scan(TableName="games")["Count"] == 2


def test_a_transaction_tells_that_it_encloses(ann: Person, games: Any) -> None:
    inside = {
        "ForAnyValue:StringEquals": {
            "dynamodb:EnclosingOperation": ["TransactWriteItems", "TransactGetItems"]
        }
    }
    ann.may(allow("dynamodb:*", Condition=inside))
    mine = ann.client("dynamodb")
    put = {"TableName": "games", "Item": item("ann", 2)}
    assert refusal(mine.put_item, **put)[0] == DENIED
    mine.transact_write_items(TransactItems=[{"Put": put}])
    code, text = refusal(mine.scan, TableName="games")
    assert (code, "dynamodb:Scan" in text) == (DENIED, True)


def test_tables_are_told_by_their_tags(ann: Person, games: Any, account: str) -> None:
    arn = f"arn:aws:dynamodb:us-east-1:{account}:table/games"
    red = {"StringEquals": {"aws:ResourceTag/team": "red"}}
    ann.may(allow("dynamodb:*", Condition=red))
    mine = ann.client("dynamodb")
    mine.get_item(TableName="games", Key=key("ann"))
    mine.scan(TableName="games", IndexName="by-title")
    assert refusal(mine.list_tables)[0] == DENIED
    games.tag_resource(ResourceArn=arn, Tags=[{"Key": "Team", "Value": "blue"}])
    assert refusal(mine.get_item, TableName="games", Key=key("ann"))[0] == DENIED
    games.untag_resource(ResourceArn=arn, TagKeys=["Team"])
    assert refusal(mine.get_item, TableName="games", Key=key("ann"))[0] == DENIED


def test_requests_are_told_by_their_tags(ann: Person, games: Any, account: str) -> None:
    arn = f"arn:aws:dynamodb:us-east-1:{account}:table/games"
    allowed = {
        "StringEquals": {"aws:RequestTag/Team": "red"},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["Team"]},
    }
    ann.may(allow(["dynamodb:TagResource"], Condition=allowed), allow("dynamodb:CreateTable"))
    mine = ann.client("dynamodb")
    mine.tag_resource(ResourceArn=arn, Tags=[{"Key": "Team", "Value": "red"}])
    for tags in ([("Team", "blue")], [("Team", "red"), ("More", "x")], [("More", "red")]):
        listed = [{"Key": name, "Value": value} for name, value in tags]
        assert refusal(mine.tag_resource, ResourceArn=arn, Tags=listed)[0] == DENIED
    new: dict[str, Any] = {
        "TableName": "made",
        "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    code, text = refusal(mine.create_table, **new, Tags=[{"Key": "Team", "Value": "blue"}])
    assert (code, "dynamodb:TagResource" in text) == (DENIED, True)
    assert games.list_tables()["TableNames"] == ["games"]
    mine.create_table(**new, Tags=[{"Key": "Team", "Value": "red"}])
