"""Backups on demand and of deleted tables, and the tables that are restored from them."""

from __future__ import annotations

from typing import Any

import pytest

from .support import index, key, make_simple_table, make_table, refusal

DAY_S = 24 * 3600
ON_G = [{"AttributeName": "g", "AttributeType": "S"}]


@pytest.fixture
def ddb(client: Any) -> Any:
    return client("dynamodb")


def fill(ddb: Any, table: str, numbers: Any, **more: Any) -> None:
    made = [{**key("a", number), **more} for number in numbers]
    for start in range(0, len(made), 25):
        puts = [{"PutRequest": {"Item": item}} for item in made[start : start + 25]]
        ddb.batch_write_item(RequestItems={table: puts})


def items_of(ddb: Any, table: str) -> list[Any]:
    pages = ddb.get_paginator("scan").paginate(TableName=table)
    items = [item for page in pages for item in page["Items"]]
    return sorted(items, key=lambda item: (item["pk"]["S"], int(item["sk"]["N"])))


def restored(ddb: Any, name: str, clock: Any) -> dict[str, Any]:
    clock.wait_until_idle()
    return ddb.describe_table(TableName=name)["Table"]


def test_a_backup_is_the_table_at_its_time(ddb: Any, clock: Any) -> None:
    """A large table is copied by jobs while it is written; all of the backup is of the instant it was asked for."""
    make_table(
        ddb,
        definitions=ON_G,
        GlobalSecondaryIndexes=[index("by_g", "g", "sk")],
        LocalSecondaryIndexes=[index("by_l", "pk", "g", projection="KEYS_ONLY")],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    )
    live = {"Enabled": True, "AttributeName": "expires"}
    ddb.update_time_to_live(TableName="things", TimeToLiveSpecification=live)
    fill(ddb, "things", range(600), g={"S": "old"}, x={"S": "x" * 1000})
    before = items_of(ddb, "things")
    details = ddb.create_backup(TableName="things", BackupName="first")["BackupDetails"]
    assert details["BackupStatus"] == "CREATING"
    fill(ddb, "things", range(550, 650), g={"S": "new"})
    for number in range(20):
        ddb.delete_item(TableName="things", Key=key("a", 599 - number))
    clock.wait_until_idle()
    description = ddb.describe_backup(BackupArn=details["BackupArn"])["BackupDescription"]
    table = ddb.describe_table(TableName="things")["Table"]
    told = description["BackupDetails"]
    assert told["BackupArn"] == details["BackupArn"]
    assert told["BackupArn"].startswith(f"{table['TableArn']}/backup/0")
    assert (told["BackupName"], told["BackupType"]) == ("first", "USER")
    assert told["BackupStatus"] == "AVAILABLE"
    source = description["SourceTableDetails"]
    assert (source["TableName"], source["ItemCount"]) == ("things", 600)
    assert source["TableSizeBytes"] == told["BackupSizeBytes"] > 600_000
    assert (source["TableId"], source["BillingMode"]) == (table["TableId"], "PAY_PER_REQUEST")
    features = description["SourceTableFeatureDetails"]
    assert features["StreamDescription"]["StreamViewType"] == "KEYS_ONLY"
    assert features["TimeToLiveDescription"]["AttributeName"] == "expires"
    assert features["GlobalSecondaryIndexes"][0]["IndexName"] == "by_g"
    assert features["LocalSecondaryIndexes"][0]["Projection"] == {"ProjectionType": "KEYS_ONLY"}

    answer = ddb.restore_table_from_backup(TargetTableName="again", BackupArn=details["BackupArn"])[
        "TableDescription"
    ]
    assert answer["TableStatus"] == "CREATING"
    assert answer["RestoreSummary"]["RestoreInProgress"] is True
    assert answer["GlobalSecondaryIndexes"][0]["IndexStatus"] == "CREATING"
    made = restored(ddb, "again", clock)
    assert made["TableStatus"] == "ACTIVE"
    assert made["RestoreSummary"] == {
        "SourceBackupArn": details["BackupArn"],
        "SourceTableArn": table["TableArn"],
        "RestoreDateTime": details["BackupCreationDateTime"],
        "RestoreInProgress": False,
    }
    assert "StreamSpecification" not in made
    expiry = ddb.describe_time_to_live(TableName="again")["TimeToLiveDescription"]
    assert expiry["TimeToLiveStatus"] == "DISABLED"
    assert items_of(ddb, "again") == before
    entries = ddb.query(
        TableName="again",
        IndexName="by_g",
        KeyConditionExpression="g = :g AND sk < :n",
        ExpressionAttributeValues={":g": {"S": "old"}, ":n": {"N": "300"}},
    )
    assert entries["Count"] == 300
    ddb.put_item(TableName="again", Item=key("b", 1))
    assert ddb.get_item(TableName="things", Key=key("b", 1)).get("Item") is None


def test_a_small_backup_is_there_at_once(ddb: Any) -> None:
    """So is a small table that is made of it."""
    make_simple_table(ddb)
    ddb.put_item(TableName="simple", Item={"pk": {"S": "a"}})
    details = ddb.create_backup(TableName="simple", BackupName="one")["BackupDetails"]
    told = ddb.describe_backup(BackupArn=details["BackupArn"])["BackupDescription"]
    assert told["BackupDetails"]["BackupStatus"] == "AVAILABLE"
    assert told["SourceTableFeatureDetails"] == {}
    ddb.delete_table(TableName="simple")
    ddb.restore_table_from_backup(TargetTableName="simple", BackupArn=details["BackupArn"])
    assert ddb.get_item(TableName="simple", Key={"pk": {"S": "a"}})["Item"] == {"pk": {"S": "a"}}
    ddb.delete_table(TableName="simple")


def test_overrides(ddb: Any) -> None:
    """Billing, throughput and which of the indexes; others than the table had are refused."""
    make_table(
        ddb,
        definitions=ON_G,
        GlobalSecondaryIndexes=[index("by_g", "g", "sk"), index("by_sk", "sk")],
        LocalSecondaryIndexes=[index("by_l", "pk", "g")],
    )
    ddb.put_item(TableName="things", Item={**key("a", 1), "g": {"S": "g"}})
    arn = ddb.create_backup(TableName="things", BackupName="one")["BackupDetails"]["BackupArn"]
    units = {"ReadCapacityUnits": 3, "WriteCapacityUnits": 4}
    other = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 6}
    ddb.restore_table_from_backup(
        TargetTableName="provisioned",
        BackupArn=arn,
        BillingModeOverride="PROVISIONED",
        ProvisionedThroughputOverride=units,
        GlobalSecondaryIndexOverride=[{**index("by_sk", "sk"), "ProvisionedThroughput": other}],
        LocalSecondaryIndexOverride=[],
    )
    made = ddb.describe_table(TableName="provisioned")["Table"]
    assert made["ProvisionedThroughput"]["WriteCapacityUnits"] == 4
    assert "BillingModeSummary" not in made
    assert "LocalSecondaryIndexes" not in made
    (only,) = made["GlobalSecondaryIndexes"]
    assert (only["IndexName"], only["ItemCount"]) == ("by_sk", 1)
    assert only["ProvisionedThroughput"]["ReadCapacityUnits"] == 5
    names = {one["AttributeName"] for one in made["AttributeDefinitions"]}
    assert names == {"pk", "sk"}
    ddb.create_backup(TableName="provisioned", BackupName="two")
    second = ddb.list_backups(TableName="provisioned")["BackupSummaries"][0]["BackupArn"]
    ddb.restore_table_from_backup(TargetTableName="same", BackupArn=second)
    kept = ddb.describe_table(TableName="same")["Table"]
    assert kept["ProvisionedThroughput"]["ReadCapacityUnits"] == 3
    ddb.restore_table_from_backup(
        TargetTableName="on-demand", BackupArn=second, BillingModeOverride="PAY_PER_REQUEST"
    )
    free = ddb.describe_table(TableName="on-demand")["Table"]
    assert free["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert free["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"]["ReadCapacityUnits"] == 0
    bad = {"TargetTableName": "bad", "BackupArn": arn}
    much = {"ReadCapacityUnits": 100_000, "WriteCapacityUnits": 1}
    assert (
        refusal(
            ddb.restore_table_from_backup,
            TargetTableName="bad",
            BackupArn=second,
            ProvisionedThroughputOverride=much,
        )[0]
        == "LimitExceededException"
    )
    for override in (
        {"GlobalSecondaryIndexOverride": [index("by_other", "sk")]},
        {"GlobalSecondaryIndexOverride": [index("by_g", "sk")]},
        {"LocalSecondaryIndexOverride": [index("by_l", "pk", "g", projection="KEYS_ONLY")]},
        {"BillingModeOverride": "PROVISIONED"},
        {"ProvisionedThroughputOverride": units},
    ):
        assert refusal(ddb.restore_table_from_backup, **bad, **override)[0] == "ValidationException"
    assert refusal(ddb.describe_table, TableName="bad")[0] == "ResourceNotFoundException"


def test_lists(ddb: Any, clock: Any) -> None:
    """By table and time, a page at a time; of users' backups unless others are asked for."""
    clock.freeze()
    for name in ("one", "two"):
        make_simple_table(ddb, name)
    arns: list[str] = []
    times: list[Any] = []
    for name in ("one", "two", "one"):
        made = ddb.create_backup(TableName=name, BackupName="nightly")["BackupDetails"]
        arns.append(made["BackupArn"])
        times.append(made["BackupCreationDateTime"])
        clock.advance(seconds=10)

    def listed(**asked: Any) -> list[str]:
        return [one["BackupArn"] for one in ddb.list_backups(**asked)["BackupSummaries"]]

    assert listed() == [arns[0], arns[2], arns[1]]
    table_arn = ddb.describe_table(TableName="one")["Table"]["TableArn"]
    assert listed(TableName="one") == listed(TableName=table_arn) == [arns[0], arns[2]]
    assert listed(TableName="nothing") == []
    assert listed(BackupType="SYSTEM") == listed(BackupType="AWS_BACKUP") == []
    assert sorted(listed(BackupType="ALL")) == sorted(arns)
    first = ddb.list_backups(Limit=2)
    assert first["LastEvaluatedBackupArn"] == arns[2]
    rest = ddb.list_backups(Limit=2, ExclusiveStartBackupArn=arns[2])
    assert [one["BackupArn"] for one in rest["BackupSummaries"]] == [arns[1]]
    assert "LastEvaluatedBackupArn" not in rest
    other = {"TableName": "two", "ExclusiveStartBackupArn": arns[0]}
    assert refusal(ddb.list_backups, **other)[0] == "ValidationException"
    assert listed(TimeRangeUpperBound=times[0].timestamp()) == []
    assert listed(TableName="one", TimeRangeLowerBound=int(times[0].timestamp()) + 2) == [arns[2]]
    shown = first["BackupSummaries"][0]
    assert (shown["TableName"], shown["BackupStatus"]) == ("one", "AVAILABLE")
    assert (shown["TableArn"], shown["BackupName"]) == (table_arn, "nightly")


def test_refusals(ddb: Any) -> None:
    make_simple_table(ddb)
    details = ddb.create_backup(TableName="simple", BackupName="one")["BackupDetails"]
    arn = details["BackupArn"]
    gone = ddb.delete_backup(BackupArn=arn)["BackupDescription"]
    assert gone["BackupDetails"]["BackupStatus"] == "DELETED"
    assert gone["SourceTableDetails"]["TableName"] == "simple"
    not_found = ("BackupNotFoundException", f"Backup not found: {arn}")
    assert refusal(ddb.delete_backup, BackupArn=arn) == not_found
    assert refusal(ddb.describe_backup, BackupArn=arn) == not_found
    assert refusal(ddb.restore_table_from_backup, BackupArn=arn, TargetTableName="new") == not_found
    odd = f"{arn.rpartition('/')[0]}/nonsense"
    assert refusal(ddb.describe_backup, BackupArn=odd)[0] == "BackupNotFoundException"
    missing = ("TableNotFoundException", "Table not found: nothing")
    assert refusal(ddb.create_backup, TableName="nothing", BackupName="one") == missing
    assert refusal(ddb.describe_continuous_backups, TableName="nothing") == missing
    assert refusal(ddb.create_backup, TableName="simple", BackupName="a b") == (
        "ValidationException",
        "1 validation error detected: Value 'a b' at 'backupName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
    )


def test_a_deleted_table_with_recovery_leaves_a_backup(ddb: Any, clock: Any) -> None:
    """It is restorable for 35 days; one without point-in-time recovery is gone."""
    clock.freeze()
    for name in ("kept", "gone"):
        make_table(ddb, name)
        fill(ddb, name, range(300))
    on = {"PointInTimeRecoveryEnabled": True}
    ddb.update_continuous_backups(TableName="kept", PointInTimeRecoverySpecification=on)
    ddb.put_item(TableName="kept", Item=key("b", 1))
    before = items_of(ddb, "kept")
    for name in ("kept", "gone"):
        ddb.delete_table(TableName=name)
    make_table(ddb, "kept")
    clock.wait_until_idle()
    (backup,) = ddb.list_backups(BackupType="SYSTEM")["BackupSummaries"]
    assert backup["BackupName"] == "kept$DeletedTableBackup"
    assert backup["BackupType"] == "SYSTEM"
    lives = backup["BackupExpiryDateTime"] - backup["BackupCreationDateTime"]
    assert lives.total_seconds() == 35 * DAY_S
    clock.advance(seconds=34 * DAY_S)
    clock.wait_until_idle()
    ddb.restore_table_from_backup(TargetTableName="again", BackupArn=backup["BackupArn"])
    clock.wait_until_idle()
    assert items_of(ddb, "again") == before
    assert items_of(ddb, "kept") == []
    clock.advance(seconds=DAY_S)
    clock.wait_until_idle()
    assert ddb.list_backups(BackupType="ALL")["BackupSummaries"] == []
    assert items_of(ddb, "again") == before
