"""Tables: their life, their description, their indexes, their tags."""

from __future__ import annotations

from typing import Any

import pytest

from .support import index, key, make_simple_table, make_table, refusal

INVALID = "One or more parameter values were invalid: "
GSI = {"AttributeName": "g", "AttributeType": "S"}
UNITS = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}


@pytest.fixture
def ddb(client: Any) -> Any:
    return client("dynamodb")


def test_the_life_of_a_table(ddb: Any, account: str) -> None:
    """The shapes are those that AWS was recorded to answer."""
    request = {
        "TableName": "life",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "ProvisionedThroughput": UNITS,
    }
    created = ddb.create_table(**request)["TableDescription"]
    assert created.pop("CreationDateTime")
    table_id = created.pop("TableId")
    arn = f"arn:aws:dynamodb:us-east-1:{account}:table/life"
    assert created == {
        "AttributeDefinitions": request["AttributeDefinitions"],
        "DeletionProtectionEnabled": False,
        "ItemCount": 0,
        "KeySchema": request["KeySchema"],
        "ProvisionedThroughput": {"NumberOfDecreasesToday": 0, **UNITS},
        "TableArn": arn,
        "TableName": "life",
        "TableSizeBytes": 0,
        "TableStatus": "CREATING",
    }
    ddb.get_waiter("table_exists").wait(TableName="life")
    described = ddb.describe_table(TableName="life")["Table"]
    assert described["TableStatus"] == "ACTIVE"
    assert described["WarmThroughput"] == {
        "ReadUnitsPerSecond": 5,
        "Status": "ACTIVE",
        "WriteUnitsPerSecond": 5,
    }
    assert refusal(ddb.create_table, **request) == (
        "ResourceInUseException",
        "Table already exists: life",
    )
    deleted = ddb.delete_table(TableName="life")["TableDescription"]
    assert deleted == {
        "DeletionProtectionEnabled": False,
        "ItemCount": 0,
        "ProvisionedThroughput": {"NumberOfDecreasesToday": 0, **UNITS},
        "TableArn": arn,
        "TableId": table_id,
        "TableName": "life",
        "TableSizeBytes": 0,
        "TableStatus": "DELETING",
    }
    missing = ("ResourceNotFoundException", "Requested resource not found: Table: life not found")
    for call in (ddb.describe_table, ddb.delete_table):
        assert refusal(call, TableName="life") == missing
    assert refusal(ddb.update_table, TableName="life", TableClass="STANDARD") == missing


def test_a_table_of_a_former_name_is_empty(ddb: Any, clock: Any) -> None:
    """Deleting is done in the background; a new table must not meet what is left of the old."""
    make_table(ddb)
    for number in range(30):
        ddb.put_item(TableName="things", Item=key("a", number))
    assert ddb.describe_table(TableName="things")["Table"]["ItemCount"] == 30
    ddb.delete_table(TableName="things")
    make_table(ddb)
    assert ddb.scan(TableName="things")["Count"] == 0
    ddb.put_item(TableName="things", Item=key("b", 1))
    clock.wait_until_idle()
    assert ddb.scan(TableName="things")["Items"] == [key("b", 1)]


def test_on_demand_tables_and_their_indexes(ddb: Any) -> None:
    make_table(ddb, definitions=[GSI], GlobalSecondaryIndexes=[index("by_g", "g", "sk")])
    table = ddb.describe_table(TableName="things")["Table"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["ProvisionedThroughput"]["ReadCapacityUnits"] == 0
    (found,) = table["GlobalSecondaryIndexes"]
    assert found == {
        "IndexArn": table["TableArn"] + "/index/by_g",
        "IndexName": "by_g",
        "IndexSizeBytes": 0,
        "IndexStatus": "ACTIVE",
        "ItemCount": 0,
        "KeySchema": [
            {"AttributeName": "g", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        "Projection": {"ProjectionType": "ALL"},
        "ProvisionedThroughput": {
            "NumberOfDecreasesToday": 0,
            "ReadCapacityUnits": 0,
            "WriteCapacityUnits": 0,
        },
        "WarmThroughput": {
            "ReadUnitsPerSecond": 12000,
            "Status": "ACTIVE",
            "WriteUnitsPerSecond": 4000,
        },
    }


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"ProvisionedThroughput": UNITS},
            INVALID + "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when "
            "BillingMode is PAY_PER_REQUEST",
        ),
        (
            {"BillingMode": "PROVISIONED"},
            INVALID + "ReadCapacityUnits and WriteCapacityUnits must both be specified when "
            "BillingMode is PROVISIONED",
        ),
        (
            {"KeySchema": [{"AttributeName": "zz", "KeyType": "HASH"}]},
            INVALID + "Some index key attributes are not defined in AttributeDefinitions. "
            "Keys: [zz], AttributeDefinitions: [pk, sk]",
        ),
        (
            {"KeySchema": [{"AttributeName": "pk", "KeyType": "RANGE"}]},
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type",
        ),
        (
            {"KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}]},
            INVALID
            + "Number of attributes in KeySchema does not exactly match number of attributes "
            "defined in AttributeDefinitions",
        ),
        (
            {"LocalSecondaryIndexes": [index("local", "sk", "pk")]},
            INVALID
            + "Index KeySchema does not have the same leading hash key as table KeySchema for "
            "index: local. index hash key: sk, table hash key: pk",
        ),
        (
            {"GlobalSecondaryIndexes": [index("one", "sk"), index("one", "sk")]},
            INVALID + "Duplicate index name: one",
        ),
        (
            {"GlobalSecondaryIndexes": [index("one", "sk", NonKeyAttributes=["x"])]},
            INVALID + "ProjectionType is ALL, but NonKeyAttributes is specified",
        ),
        (
            {"TableName": "ab"},
            "1 validation error detected: Value 'ab' at 'tableName' failed to satisfy constraint: "
            "Member must have length greater than or equal to 3",
        ),
    ],
)
def test_definitions_that_make_no_sense(ddb: Any, more: Any, message: str) -> None:
    assert refusal(make_table, client=ddb, **more) == ("ValidationException", message)
    assert ddb.list_tables()["TableNames"] == []


def test_what_is_not_built_is_refused_by_name(ddb: Any) -> None:
    code, message = refusal(make_table, client=ddb, SSESpecification={"Enabled": True})
    assert code == "NotImplemented"
    assert "SSESpecification" in message
    assert ddb.list_tables()["TableNames"] == []


def test_listing_in_pages(ddb: Any) -> None:
    names = [f"table{number}" for number in range(5)]
    for name in reversed(names):
        make_simple_table(ddb, name)
    page = ddb.list_tables(Limit=2)
    assert page["TableNames"] == names[:2]
    assert page["LastEvaluatedTableName"] == "table1"
    pages = ddb.get_paginator("list_tables").paginate(PaginationConfig={"PageSize": 2})
    assert [name for page in pages for name in page["TableNames"]] == names


def test_deletion_protection(ddb: Any) -> None:
    make_table(ddb, DeletionProtectionEnabled=True)
    assert refusal(ddb.delete_table, TableName="things")[0] == "ValidationException"
    ddb.update_table(TableName="things", DeletionProtectionEnabled=False)
    ddb.delete_table(TableName="things")


def test_billing_changes_there_and_back(ddb: Any) -> None:
    make_table(ddb)
    changed = ddb.update_table(
        TableName="things", BillingMode="PROVISIONED", ProvisionedThroughput=UNITS
    )
    assert changed["TableDescription"]["ProvisionedThroughput"]["ReadCapacityUnits"] == 5
    code, message = refusal(ddb.update_table, TableName="things", ProvisionedThroughput=UNITS)
    assert code == "ValidationException"
    assert message.startswith("The provisioned throughput for the table will not change.")
    ddb.update_table(TableName="things", BillingMode="PAY_PER_REQUEST")
    table = ddb.describe_table(TableName="things")["Table"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert refusal(ddb.update_table, TableName="things")[0] == "ValidationException"


def test_a_new_index_holds_what_was_there_before(ddb: Any, clock: Any) -> None:
    """More items than one step of the backfill, some without the key, some with a value it cannot take."""
    make_table(ddb)
    for start in range(0, 600, 25):
        requests = [
            {
                "PutRequest": {
                    "Item": {
                        **key("a", number),
                        "x": {"S": "y"},
                        **({"g": {"S": f"g{number % 3}"}} if number % 2 else {}),
                    }
                }
            }
            for number in range(start, start + 25)
        ]
        ddb.batch_write_item(RequestItems={"things": requests})
    ddb.put_item(TableName="things", Item={**key("b", 1), "g": {"N": "1"}})
    answer = ddb.update_table(
        TableName="things",
        AttributeDefinitions=[GSI],
        GlobalSecondaryIndexUpdates=[{"Create": index("by_g", "g", "sk", projection="KEYS_ONLY")}],
    )["TableDescription"]
    assert answer["TableStatus"] == "UPDATING"
    assert answer["GlobalSecondaryIndexes"][0]["IndexStatus"] == "CREATING"
    clock.wait_until_idle()
    (found,) = ddb.describe_table(TableName="things")["Table"]["GlobalSecondaryIndexes"]
    assert (found["IndexStatus"], found["ItemCount"]) == ("ACTIVE", 300)
    page = ddb.query(
        TableName="things",
        IndexName="by_g",
        KeyConditionExpression="g = :g",
        ExpressionAttributeValues={":g": {"S": "g1"}},
    )
    expected = [number for number in range(600) if number % 2 and number % 3 == 1]
    assert page["Items"] == [{**key("a", number), "g": {"S": "g1"}} for number in expected]

    ddb.update_table(
        TableName="things", GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by_g"}}]
    )
    clock.wait_until_idle()
    table = ddb.describe_table(TableName="things")["Table"]
    assert "GlobalSecondaryIndexes" not in table
    assert [one["AttributeName"] for one in table["AttributeDefinitions"]] == ["pk", "sk"]
    assert refusal(ddb.scan, TableName="things", IndexName="by_g") == (
        "ValidationException",
        "The table does not have the specified index: by_g",
    )


def test_index_keys_of_a_wrong_kind(ddb: Any) -> None:
    make_table(ddb, definitions=[GSI], GlobalSecondaryIndexes=[index("by_g", "g")])
    assert refusal(ddb.put_item, TableName="things", Item={**key("a", 1), "g": {"N": "1"}}) == (
        "ValidationException",
        INVALID + "Type mismatch for Index Key g Expected: S Actual: N IndexName: by_g",
    )
    assert refusal(ddb.put_item, TableName="things", Item={**key("a", 1), "g": {"S": ""}}) == (
        "ValidationException",
        "One or more parameter values are not valid. A value specified for a secondary index key is "
        "not supported. The AttributeValue for a key attribute cannot contain an empty string value. "
        "IndexName: by_g, IndexKey: g",
    )
    assert ddb.scan(TableName="things")["Count"] == 0


def test_tags(ddb: Any) -> None:
    make_table(ddb, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    arn = ddb.describe_table(TableName="things")["Table"]["TableArn"]
    ddb.tag_resource(ResourceArn=arn, Tags=[{"Key": "b", "Value": "3"}, {"Key": "c", "Value": ""}])
    ddb.untag_resource(ResourceArn=arn, TagKeys=["a", "nothing"])
    assert ddb.list_tags_of_resource(ResourceArn=arn)["Tags"] == [
        {"Key": "b", "Value": "3"},
        {"Key": "c", "Value": ""},
    ]
    gone = arn.replace("things", "nothing")
    assert refusal(ddb.list_tags_of_resource, ResourceArn=gone)[0] == "ResourceNotFoundException"


def test_tags_that_are_not_put(ddb: Any) -> None:
    make_table(ddb)
    arn = ddb.describe_table(TableName="things")["Table"]["TableArn"]

    def told(*tags: tuple[str, str], place: str = arn) -> str:
        given = [{"Key": key, "Value": value} for key, value in tags]
        code, message = refusal(ddb.tag_resource, ResourceArn=place, Tags=given)
        assert code == "ValidationException"
        return message

    assert told() == "Atleast one Tag needs to be provided as Input."
    assert told(("a|b", "")) == "The Tag Key provided is invalid, Key: a|b"
    assert told(("a", "|")) == "The Tag Value provided is invalid, Value: |"
    assert told(("aws:a", "")) == "Tag Key cannot be prefixed with aws:, Key: aws:a"
    twice = "Duplicate Tag Keys provided as input: Duplicate Tag Key found a"
    assert told(("a", "1"), ("a", "2")) == twice
    many = "Number of Tags exceed the current limit for the provided ResourceArn"
    ddb.tag_resource(
        ResourceArn=arn, Tags=[{"Key": f"k{number}", "Value": "é ö"} for number in range(50)]
    )
    assert told(("one more", "")) == many
    assert told(("a", ""), place="things") == INVALID + "ARNs must start with 'arn:': things"
    index_arn = f"{arn}/index/by_g"
    assert told(("a", ""), place=index_arn) == (
        INVALID + "Invalid resource arn provided, only table or stream is accepted. "
        f"Provided resource arn: {index_arn}"
    )
    elsewhere = arn.replace("us-east-1", "eu-west-1")
    assert told(("a", ""), place=elsewhere) == (
        f"Invalid TableArn: Invalid ResourceArn provided as input {elsewhere}"
    )
    assert len(ddb.list_tags_of_resource(ResourceArn=arn)["Tags"]) == 50


def test_limits_and_endpoints(ddb: Any, endpoint: str) -> None:
    assert ddb.describe_limits()["TableMaxReadCapacityUnits"] == 40_000
    (found,) = ddb.describe_endpoints()["Endpoints"]
    assert found["CachePeriodInMinutes"] == 1440
    ddb.create_table(
        TableName="backed",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    backups = ddb.describe_continuous_backups(TableName="backed")["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "DISABLED"
