"""boto3's resource layer of DynamoDB: tables as objects, items as Python values, conditions as expressions."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import boto3
import pytest
from boto3.dynamodb.conditions import Attr, Key
from boto3.dynamodb.types import Binary
from botocore.exceptions import ClientError

from persons import Person


@pytest.fixture
def resource(endpoint: str, ann: Person) -> Any:
    return boto3.resource("dynamodb", endpoint_url=endpoint, region_name="us-east-1", **ann.keys)


@pytest.fixture
def table(resource: Any) -> Any:
    made = resource.create_table(
        TableName="songs",
        AttributeDefinitions=[
            {"AttributeName": "artist", "AttributeType": "S"},
            {"AttributeName": "year", "AttributeType": "N"},
            {"AttributeName": "genre", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "artist", "KeyType": "HASH"},
            {"AttributeName": "year", "KeyType": "RANGE"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_genre",
                "KeySchema": [{"AttributeName": "genre", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    made.wait_until_exists()
    made.reload()
    return made


def test_a_table_tells_of_itself(resource: Any, table: Any) -> None:
    assert (table.table_status, table.item_count) == ("ACTIVE", 0)
    assert table.key_schema[0] == {"AttributeName": "artist", "KeyType": "HASH"}
    assert [one.name for one in resource.tables.all()] == ["songs"]
    table.delete()
    table.wait_until_not_exists()
    with pytest.raises(resource.meta.client.exceptions.ResourceNotFoundException):
        table.load()


def test_values_come_back_as_they_went(table: Any) -> None:
    item = {
        "artist": "ü",
        "year": Decimal("1.5"),
        "large": Decimal("12345678901234567890123456789.123456789"),
        "bytes": Binary(b"\x00\xff"),
        "nothing": None,
        "yes": True,
        "names": {"a", "b"},
        "numbers": {Decimal(1), Decimal("-2.5")},
        "binaries": {Binary(b"1"), Binary(b"2")},
        "map": {"list": [1, "two", {"three": Decimal(3)}], "empty": {}},
    }
    table.put_item(Item=item)
    key = {"artist": "ü", "year": Decimal("1.5")}
    assert table.get_item(Key=key, ConsistentRead=True)["Item"] == item
    shown = table.get_item(
        Key=key,
        ProjectionExpression="#m.#l[2].three, yes",
        ExpressionAttributeNames={"#m": "map", "#l": "list"},
    )["Item"]
    assert shown == {"map": {"list": [{"three": Decimal(3)}]}, "yes": True}


def test_a_batch_writer_and_what_it_wrote(resource: Any, table: Any) -> None:
    with table.batch_writer(overwrite_by_pkeys=["artist", "year"]) as batch:
        for number in range(60):
            genre = "pop" if number % 2 else "rock"
            for _ in range(2):
                batch.put_item(
                    Item={
                        "artist": f"a{number % 3}",
                        "year": number,
                        "genre": genre,
                        "plays": number,
                    }
                )
        batch.delete_item(Key={"artist": "a0", "year": 0})
    found = table.query(
        KeyConditionExpression=Key("artist").eq("a0") & Key("year").between(10, 40),
        FilterExpression=Attr("genre").eq("pop") & ~Attr("plays").is_in([15, 21]),
        ScanIndexForward=False,
    )
    assert [item["year"] for item in found["Items"]] == [39, 33, 27]
    pop = table.query(
        IndexName="by_genre", KeyConditionExpression=Key("genre").eq("pop"), Select="COUNT"
    )
    assert pop["Count"] == 30
    scanned = table.scan(
        FilterExpression=Attr("plays").lt(6) | Attr("artist").begins_with("a2"),
        ProjectionExpression="#y",
        ExpressionAttributeNames={"#y": "year"},
    )["Items"]
    assert len(scanned) == 3 + 20
    keys = [{"artist": f"a{number % 3}", "year": number} for number in range(5)]
    got = resource.batch_get_item(RequestItems={"songs": {"Keys": keys}})
    assert sorted(item["year"] for item in got["Responses"]["songs"]) == [1, 2, 3, 4]
    assert got["UnprocessedKeys"] == {}


def test_updates_under_conditions(table: Any) -> None:
    key = {"artist": "a", "year": 1}
    made = table.update_item(
        Key=key,
        UpdateExpression="SET plays = if_not_exists(plays, :none) + :one, tags = :tags",
        ConditionExpression=Attr("artist").not_exists() | Attr("plays").lt(10),
        ExpressionAttributeValues={":none": 0, ":one": 1, ":tags": ["x"]},
        ReturnValues="UPDATED_NEW",
    )
    assert made["Attributes"] == {"plays": 1, "tags": ["x"]}
    with pytest.raises(ClientError) as refused:
        table.delete_item(
            Key=key,
            ConditionExpression=Attr("tags").size().gt(1) & Attr("plays").attribute_type("N"),
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert refused.value.response["Error"]["Code"] == "ConditionalCheckFailedException"
    assert refused.value.response["Item"]["plays"] == {"N": "1"}  # which boto3 leaves as it came
    old = table.delete_item(
        Key=key, ConditionExpression=Attr("tags").contains("x"), ReturnValues="ALL_OLD"
    )
    assert old["Attributes"]["plays"] == 1


def test_transactions_of_the_resources_client(resource: Any, table: Any) -> None:
    """The resource's own client takes Python values too."""
    ddb: Any = resource.meta.client
    item = {"artist": "a", "year": 1, "genre": "pop"}
    ddb.transact_write_items(TransactItems=[{"Put": {"TableName": "songs", "Item": item}}])
    get = {"TableName": "songs", "Key": {"artist": "a", "year": 1}}
    assert ddb.transact_get_items(TransactItems=[{"Get": get}])["Responses"] == [{"Item": item}]
    found = ddb.execute_statement(
        Statement='SELECT genre FROM songs WHERE artist = ? AND "year" = ?', Parameters=["a", 1]
    )
    assert found["Items"] == [{"genre": "pop"}]
