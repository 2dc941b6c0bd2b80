"""UpdateTable: what goes together, what is told, and how often things may change. The words were measured on AWS."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from pilvi.base.errors import AwsError
from pilvi.services.dynamodb.changes import change_table, check_request
from pilvi.services.dynamodb.records import IndexRecord, TableRecord, Throughput, Units
from servers import CloudClock

from .support import index, make_simple_table, refusal

INVALID = "One or more parameter values were invalid: "
IN_USE = "Attempt to change a resource which is still in use: "
LIMIT = "Subscriber limit exceeded: "
HIGHER = "Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits."
BY_G = {"Create": index("by_g", "g")}
DEFINITIONS = [{"AttributeName": "g", "AttributeType": "S"}]
DELETE = {"Delete": {"IndexName": "by_g"}}


def units(read: int, write: int | None = None) -> dict[str, int]:
    return {"ReadCapacityUnits": read, "WriteCapacityUnits": read if write is None else write}


@pytest.fixture
def ddb(client: Any) -> Any:
    return client("dynamodb", parameter_validation=False)


def provisioned(client: Any, name: str = "simple", **more: Any) -> str:
    request = {
        "TableName": name,
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "ProvisionedThroughput": units(10),
    }
    client.create_table(**request | more)
    return name


def described(client: Any, name: str = "simple") -> Any:
    return client.describe_table(TableName=name)["Table"]


ALONE = "modification must be the only operation in the request"


# Only these members are looked at: whether the table exists is asked later.
@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (
            {"AttributeDefinitions": DEFINITIONS},
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, "
            "GlobalSecondaryIndexUpdates, SSESpecification, ReplicaUpdates, MultiAccountReplicaReady, "
            "ReplicaTransitRoleArn, MultiRegionConsistency, DeletionProtectionEnabled, "
            "OnDemandThroughput, WarmThroughput or TableClass is required",
        ),
        (
            {"GlobalSecondaryIndexUpdates": [], "TableClass": "STANDARD"},
            INVALID + "List of GlobalSecondaryIndexUpdates is empty",
        ),
        (
            {"TableClass": "STANDARD", "DeletionProtectionEnabled": True},
            f"{INVALID}TableClass {ALONE}",
        ),
        (
            {"DeletionProtectionEnabled": True, "BillingMode": "PAY_PER_REQUEST"},
            f"{INVALID}DeletionProtection {ALONE}",
        ),
        (
            {"SSESpecification": {"Enabled": False}, "TableClass": "STANDARD"},
            f"{INVALID}Server-Side Encryption {ALONE}",
        ),
        (
            {"OnDemandThroughput": {"MaxReadRequestUnits": 1}, "WarmThroughput": {}},
            INVALID
            + "OnDemandThroughput can only be combined with BillingMode in an UpdateTable request",
        ),
        (
            {
                "WarmThroughput": {"ReadUnitsPerSecond": 20000},
                "GlobalSecondaryIndexUpdates": [BY_G],
            },
            INVALID
            + "Create global secondary index cannot be specified when updating WarmThroughput",
        ),
        (
            {
                "ProvisionedThroughput": units(2),
                "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
            },
            INVALID + "You cannot modify stream status while updating table IOPS",
        ),
        (
            {"ProvisionedThroughput": units(2), "GlobalSecondaryIndexUpdates": [DELETE]},
            INVALID + "You cannot create or delete index while updating table IOPS",
        ),
        (
            {"GlobalSecondaryIndexUpdates": [{**BY_G, **DELETE}]},
            INVALID
            + "Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate object",
        ),
    ],
)
def test_one_thing_at_a_time(ddb: Any, request_: Any, message: str) -> None:
    assert refusal(ddb.update_table, TableName="nowhere", **request_) == (
        "ValidationException",
        message,
    )


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (
            {"BillingMode": "PROVISIONED"},
            "ValidationException",
            INVALID + "ProvisionedThroughput must be specified when BillingMode is PROVISIONED",
        ),
        (
            {"BillingMode": "PAY_PER_REQUEST", "ProvisionedThroughput": units(1)},
            "ValidationException",
            INVALID
            + "ProvisionedThroughput cannot be specified when BillingMode is PAY_PER_REQUEST",
        ),
        (
            {"ProvisionedThroughput": units(10)},
            "ValidationException",
            "The provisioned throughput for the table will not change. The requested value equals the "
            "current value. Current ReadCapacityUnits provisioned for the table: 10. Requested "
            "ReadCapacityUnits: 10. Current WriteCapacityUnits provisioned for the table: 10. Requested "
            f"WriteCapacityUnits: 10. {HIGHER}",
        ),
        (
            {"ProvisionedThroughput": units(40_001, 1)},
            "LimitExceededException",
            "The requested ReadCapacityUnits, 40001, is above the per table maximum for the account in "
            f"us-east-1. Per table maximum: 40000. {HIGHER}",
        ),
        (
            {"OnDemandThroughput": {"MaxReadRequestUnits": 5}},
            "ValidationException",
            INVALID
            + "MaxReadRequestUnits for OnDemandThroughput cannot be specified when the table "
            "BillingMode is PROVISIONED",
        ),
        (
            {"WarmThroughput": {"WriteUnitsPerSecond": 9}},
            "ValidationException",
            INVALID
            + "Requested WriteUnitsPerSecond for WarmThroughput for table is lower than current "
            "WarmThroughput, decreasing WarmThroughput is not supported",
        ),
        (
            {"WarmThroughput": {"ReadUnitsPerSecond": 40_001}},
            "LimitExceededException",
            LIMIT + "Requested ReadUnitsPerSecond for WarmThroughput for table exceeds "
            "TableMaxReadCapacityUnits of the account in region us-east-1",
        ),
        (
            {"SSESpecification": {"Enabled": False}},
            "ValidationException",
            INVALID + "Table is already encrypted by default",
        ),
        (
            {"GlobalSecondaryIndexUpdates": [DELETE]},
            "ResourceNotFoundException",
            "Requested resource not found: Index by_g for table simple",
        ),
        (
            {"GlobalSecondaryIndexUpdates": [BY_G]},
            "ValidationException",
            INVALID + "AttributeDefinitions is not specified for index: by_g",
        ),
        (
            {"GlobalSecondaryIndexUpdates": [BY_G], "AttributeDefinitions": DEFINITIONS},
            "ValidationException",
            INVALID
            + "Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: by_g",
        ),
    ],
)
def test_refused_changes_of_a_provisioned_table(
    ddb: Any, request_: Any, code: str, message: str
) -> None:
    before = described(ddb, provisioned(ddb))
    assert refusal(ddb.update_table, TableName="simple", **request_) == (code, message)
    assert described(ddb) == before


# The answer tells the old units with the new times, and the count of decreases as it was.
def test_decreases_of_a_day(ddb: Any, clock: CloudClock) -> None:
    provisioned(ddb)
    clock.freeze()
    now = datetime.fromtimestamp(clock.now_ms() / 1000, UTC)
    day = now.replace(hour=22, minute=30, second=5, microsecond=0) + timedelta(days=1)
    clock.advance(seconds=(day - now).total_seconds())
    for count in range(4):
        answer = ddb.update_table(TableName="simple", ProvisionedThroughput=units(9 - count, 10))
        told = answer["TableDescription"]
        assert told["TableStatus"] == "UPDATING"
        assert told["ProvisionedThroughput"] == {
            "LastDecreaseDateTime": day,
            "NumberOfDecreasesToday": count,
            **units(10 - count, 10),
        }
    assert described(ddb)["TableStatus"] == "ACTIVE"
    assert described(ddb)["ProvisionedThroughput"] == {
        "LastDecreaseDateTime": day,
        "NumberOfDecreasesToday": 4,
        **units(6, 10),
    }
    limited = (
        LIMIT
        + "Provisioned throughput decreases are limited within a given UTC day. After the first 4 "
        "decreases, each subsequent decrease in the same UTC day can be performed at most once every 3600 "
        "seconds. Number of decreases today: {}. Last decrease at {} at {} Coordinated "
        "Universal Time. Next decrease can be made at {} at {} Coordinated Universal Time"
    )
    today, tomorrow = (
        f"{at:%A}, {at:%B} {at.day}, {at.year}" for at in (day, day + timedelta(days=1))
    )
    mixed = {"TableName": "simple", "ProvisionedThroughput": units(5, 20)}
    assert refusal(ddb.update_table, **mixed) == (
        "LimitExceededException",
        limited.format(4, today, "10:30:05 PM", today, "11:30:05 PM"),
    )
    ddb.update_table(TableName="simple", ProvisionedThroughput=units(6, 11))
    clock.advance(seconds=3600)
    ddb.update_table(**mixed)
    # Less than an hour is left of the day, with whose end the count begins anew.
    lower = {"TableName": "simple", "ProvisionedThroughput": units(1)}
    assert refusal(ddb.update_table, **lower) == (
        "LimitExceededException",
        limited.format(5, today, "11:30:05 PM", tomorrow, "12:00:00 AM"),
    )
    clock.advance(seconds=1800)
    assert described(ddb)["ProvisionedThroughput"]["NumberOfDecreasesToday"] == 0
    ddb.update_table(**lower)
    assert described(ddb)["WarmThroughput"]["ReadUnitsPerSecond"] == 10, "the most there ever was"


def test_switches_to_on_demand_are_four_a_day(ddb: Any, clock: CloudClock) -> None:
    provisioned(ddb)
    clock.freeze()
    to_demand = {"TableName": "simple", "BillingMode": "PAY_PER_REQUEST"}
    back = {
        "TableName": "simple",
        "BillingMode": "PROVISIONED",
        "ProvisionedThroughput": units(1),
    }
    for _ in range(4):
        told = ddb.update_table(**to_demand)["TableDescription"]
        assert told["BillingModeSummary"] == {"BillingMode": "PAY_PER_REQUEST"}
        assert "LastUpdateToPayPerRequestDateTime" in described(ddb)["BillingModeSummary"]
        assert ddb.update_table(**to_demand)["TableDescription"]["TableStatus"] == "UPDATING"
        ddb.update_table(**back)
    assert refusal(ddb.update_table, **to_demand) == (
        "LimitExceededException",
        LIMIT + "Update to PayPerRequest mode are limited to 4 times in 1 day(s).",
    )
    clock.advance(seconds=24 * 3600)
    ddb.update_table(**to_demand)
    assert described(ddb)["WarmThroughput"]["ReadUnitsPerSecond"] == 12_000


def test_the_table_class_changes_twice_in_thirty_days(ddb: Any, clock: CloudClock) -> None:
    make_simple_table(ddb)
    clock.freeze()
    rare = {"TableName": "simple", "TableClass": "STANDARD_INFREQUENT_ACCESS"}
    usual = {"TableName": "simple", "TableClass": "STANDARD"}
    ddb.update_table(**usual)
    assert "TableClassSummary" not in described(ddb)
    assert "TableClassSummary" not in ddb.update_table(**rare)["TableDescription"]
    assert described(ddb)["TableClassSummary"]["TableClass"] == "STANDARD_INFREQUENT_ACCESS"
    assert "LastUpdateDateTime" in described(ddb)["TableClassSummary"]
    ddb.update_table(**rare)
    ddb.update_table(**usual)
    for request in (rare, usual):
        assert refusal(ddb.update_table, **request) == (
            "LimitExceededException",
            LIMIT + "Updates to TableClass are limited to 2 times in 30 day(s).",
        )
    clock.advance(seconds=30 * 24 * 3600)
    ddb.update_table(**rare)


def test_maxima_of_on_demand_tables(ddb: Any) -> None:
    make_simple_table(ddb)

    def update(**given: int) -> Any:
        answer = ddb.update_table(TableName="simple", OnDemandThroughput=given)
        return answer["TableDescription"]

    told = update(MaxReadRequestUnits=1000, MaxWriteRequestUnits=500)
    assert told["TableStatus"] == "ACTIVE"
    update(MaxReadRequestUnits=2000)
    both = {"MaxReadRequestUnits": 2000, "MaxWriteRequestUnits": 500}
    assert described(ddb)["OnDemandThroughput"] == both
    told = update(MaxReadRequestUnits=-1)
    assert told["OnDemandThroughput"] == {**both, "MaxReadRequestUnits": -1}
    assert described(ddb)["OnDemandThroughput"] == {"MaxWriteRequestUnits": 500}
    update(MaxWriteRequestUnits=-1)
    assert "OnDemandThroughput" not in described(ddb)
    for given, code, message in (
        (
            {"MaxReadRequestUnits": 0},
            "ValidationException",
            INVALID
            + "Requested MaxReadRequestUnits for OnDemandThroughput for table is outside of valid range",
        ),
        (
            {"MaxWriteRequestUnits": 40_001},
            "LimitExceededException",
            LIMIT + "Requested MaxWriteRequestUnits for OnDemandThroughput for table exceeds "
            "TableMaxWriteCapacityUnits of the account in region us-east-1",
        ),
    ):
        assert refusal(ddb.update_table, TableName="simple", OnDemandThroughput=given) == (
            code,
            message,
        )


def test_warm_throughput_grows(ddb: Any) -> None:
    make_simple_table(ddb)
    told = ddb.update_table(TableName="simple", WarmThroughput={"ReadUnitsPerSecond": 13_000})
    assert told["TableDescription"]["TableStatus"] == "ACTIVE"
    assert told["TableDescription"]["WarmThroughput"] == {
        "ReadUnitsPerSecond": 12_000,
        "WriteUnitsPerSecond": 4_000,
        "Status": "UPDATING",
    }
    assert described(ddb)["WarmThroughput"] == {
        "ReadUnitsPerSecond": 13_000,
        "WriteUnitsPerSecond": 4_000,
        "Status": "ACTIVE",
    }


def test_the_life_of_an_index(ddb: Any, clock: CloudClock) -> None:
    make_simple_table(ddb)
    items = [{"pk": {"S": f"p{n}"}, "g": {"S": f"g{n % 3}"}} for n in range(600)]
    for start in range(0, len(items), 25):
        members = [{"PutRequest": {"Item": item}} for item in items[start : start + 25]]
        ddb.batch_write_item(RequestItems={"simple": members})
    told = ddb.update_table(
        TableName="simple",
        AttributeDefinitions=[*DEFINITIONS, {"AttributeName": "unused", "AttributeType": "N"}],
        GlobalSecondaryIndexUpdates=[BY_G],
    )["TableDescription"]
    (found,) = told["GlobalSecondaryIndexes"]
    assert (told["TableStatus"], found["IndexStatus"], found["Backfilling"]) == (
        "UPDATING",
        "CREATING",
        False,
    )
    assert [one["AttributeName"] for one in told["AttributeDefinitions"]] == ["g", "pk"]
    clock.wait_until_idle()
    (found,) = described(ddb)["GlobalSecondaryIndexes"]
    assert (found["IndexStatus"], found["ItemCount"]) == ("ACTIVE", 600)
    assert "Backfilling" not in found

    told = ddb.update_table(TableName="simple", GlobalSecondaryIndexUpdates=[DELETE])
    assert told["TableDescription"]["TableStatus"] == "UPDATING"
    (found,) = told["TableDescription"]["GlobalSecondaryIndexes"]
    assert found["IndexStatus"] == "DELETING"
    assert refusal(ddb.scan, TableName="simple", IndexName="by_g") == (
        "ValidationException",
        "The table does not have the specified index: by_g",
    )
    ddb.put_item(TableName="simple", Item={"pk": {"S": "later"}, "g": {"S": "g0"}})
    clock.wait_until_idle()
    table = described(ddb)
    assert "GlobalSecondaryIndexes" not in table
    assert [one["AttributeName"] for one in table["AttributeDefinitions"]] == ["pk"]
    assert table["TableStatus"] == "ACTIVE"


ALLOCATING = IndexRecord("by_g", 1, local=False, hash_key="g", range_key=None, projection="ALL")
ALLOCATING = msgspec.structs.replace(ALLOCATING, status="CREATING")
BACKFILLING = msgspec.structs.replace(ALLOCATING, backfilling=True)
DELETING = msgspec.structs.replace(ALLOCATING, status="DELETING")
PLACE = "Table: simple Index: by_g"
PLACES = "Table: simple Indexes: [by_g]"
SWITCH = {"BillingMode": "PROVISIONED", "ProvisionedThroughput": units(1)}
ONE = LIMIT + "Only 1 online index can be created or deleted simultaneously per table"
MORE = {
    "AttributeDefinitions": DEFINITIONS,
    "GlobalSecondaryIndexUpdates": [{"Create": index("more", "g")}],
}
MAXIMA = {"OnDemandThroughput": {"MaxReadRequestUnits": 9}}


# What is in the way of what, while an index is made or removed: that lasts too short to be met from outside.
@pytest.mark.parametrize(
    ("found", "request_", "message"),
    [
        (ALLOCATING, MORE, ONE),
        (BACKFILLING, MORE, ONE),
        (DELETING, MORE, ONE),
        (
            ALLOCATING,
            {"GlobalSecondaryIndexUpdates": [DELETE]},
            IN_USE
            + "Index creation is in resource allocation phase. Retry deletion during backfilling phase "
            f"or when the index is active. {PLACE}",
        ),
        (BACKFILLING, {"GlobalSecondaryIndexUpdates": [DELETE]}, ""),
        (
            DELETING,
            {"GlobalSecondaryIndexUpdates": [DELETE]},
            f"{IN_USE}Index is being deleted. {PLACE}",
        ),
        (
            DELETING,
            {"GlobalSecondaryIndexUpdates": [BY_G], "AttributeDefinitions": DEFINITIONS},
            f"{IN_USE}Index is being deleted. {PLACE}",
        ),
        (
            BACKFILLING,
            {"GlobalSecondaryIndexUpdates": [BY_G], "AttributeDefinitions": DEFINITIONS},
            "Attempting to create an index which already exists",
        ),
        (
            ALLOCATING,
            {"GlobalSecondaryIndexUpdates": [{"Update": {"IndexName": "by_g", **MAXIMA}}]},
            f"{IN_USE}Index is being created but is not backfilling yet. {PLACE}",
        ),
        (
            ALLOCATING,
            SWITCH,
            f"{IN_USE}Can't change table IOPS when an index is being created. {PLACES}",
        ),
        (
            DELETING,
            SWITCH,
            f"{IN_USE}Can't change table IOPS when an index is being deleted. {PLACES}",
        ),
        (
            ALLOCATING,
            MAXIMA,
            f"{IN_USE}OnDemandThroughput cannot be updated while index creation is in progress for indexes: [by_g]",
        ),
        (BACKFILLING, MAXIMA, ""),
        (DELETING, {"BillingMode": "PAY_PER_REQUEST"}, ""),
        (DELETING, {"DeletionProtectionEnabled": True}, ""),
    ],
)
def test_changes_while_an_index_comes_or_goes(
    found: IndexRecord, request_: dict[str, Any], message: str
) -> None:
    table = TableRecord(
        name="simple",
        id="e0e6f5b4-3b52-4c5c-9f4f-2b5c1a9d7c11",
        account="000000000001",
        region="us-east-1",
        partition="aws",
        created_at_ms=1,
        types={"pk": "S", "g": "S"},
        hash_key="pk",
        range_key=None,
        billing_mode="PAY_PER_REQUEST",
        throughput=Throughput(),
        indexes=(found,),
        indexes_made=1,
    )
    request = {"TableName": "simple", **request_}
    check_request(request)
    if not message:
        change_table(table, request, 1, lambda: Units(0, 0))
        return
    with pytest.raises(AwsError) as refused:
        change_table(table, request, 1, lambda: Units(0, 0))
    assert refused.value.text == message


# A table that becomes provisioned needs units for each of its indexes; nothing is guessed.
def test_units_of_indexes(ddb: Any) -> None:
    make_simple_table(ddb)
    ddb.delete_table(TableName="simple")
    ddb.create_table(
        TableName="simple",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}, *DEFINITIONS],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        GlobalSecondaryIndexes=[
            {**index("by_g", "g"), "OnDemandThroughput": {"MaxReadRequestUnits": 7}}
        ],
    )
    assert described(ddb)["GlobalSecondaryIndexes"][0]["OnDemandThroughput"] == {
        "MaxReadRequestUnits": 7
    }
    switch = {
        "TableName": "simple",
        "BillingMode": "PROVISIONED",
        "ProvisionedThroughput": units(5),
    }
    update = [{"Update": {"IndexName": "by_g", "ProvisionedThroughput": units(4)}}]
    assert refusal(ddb.update_table, **switch) == (
        "ValidationException",
        INVALID + "ProvisionedThroughput must be specified for index: by_g",
    )
    assert refusal(ddb.update_table, TableName="simple", GlobalSecondaryIndexUpdates=update) == (
        "ValidationException",
        INVALID
        + "The only Updates for index: by_g when TableThroughputMode is PAY_PER_REQUEST can be to "
        "OnDemandThroughput, WarmThroughput",
    )
    told = ddb.update_table(**switch, GlobalSecondaryIndexUpdates=update)["TableDescription"]
    assert told["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"]["ReadCapacityUnits"] == 4
    assert "OnDemandThroughput" not in described(ddb)["GlobalSecondaryIndexes"][0]
    assert refusal(ddb.update_table, TableName="simple", GlobalSecondaryIndexUpdates=update) == (
        "ValidationException",
        "The provisioned throughput for the index by_g will not change. The requested value equals the "
        "current value. Current ReadCapacityUnits provisioned for index by_g: 4. Requested "
        "ReadCapacityUnits: 4. Current WriteCapacityUnits provisioned for index by_g: 4. Requested "
        f"WriteCapacityUnits: 4. {HIGHER}",
    )
    update[0]["Update"]["ProvisionedThroughput"] = units(6)
    told = ddb.update_table(TableName="simple", GlobalSecondaryIndexUpdates=update)
    (shown,) = told["TableDescription"]["GlobalSecondaryIndexes"]
    assert told["TableDescription"]["TableStatus"] == "ACTIVE"
    assert (shown["IndexStatus"], shown["ProvisionedThroughput"]["ReadCapacityUnits"]) == (
        "UPDATING",
        4,
    )
    (shown,) = described(ddb)["GlobalSecondaryIndexes"]
    assert (shown["IndexStatus"], shown["ProvisionedThroughput"]["ReadCapacityUnits"]) == (
        "ACTIVE",
        6,
    )


def test_the_units_of_an_account(ddb: Any) -> None:
    provisioned(ddb, "one", ProvisionedThroughput=units(40_000, 1))
    provisioned(ddb, "two", ProvisionedThroughput=units(39_000, 1))
    provisioned(ddb, "three", ProvisionedThroughput=units(1))
    code, message = refusal(
        ddb.update_table, TableName="three", ProvisionedThroughput=units(1_001, 1)
    )
    assert code == "LimitExceededException"
    assert message == (
        "This request would have caused the ReadCapacityUnits limit to be exceeded for the account in "
        f"us-east-1. Current ReadCapacityUnits reserved by the account: 79001. Limit: 80000. Requested: 1001. {HIGHER}"
    )
