"""Point-in-time recovery: a table as it was at any second of the window, whatever was written and however."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .support import index, key, make_simple_table, make_table, refusal

DAY_S = 24 * 3600
BEHIND_S = 300
"""The latest restorable time is so long ago."""
ON = {"PointInTimeRecoveryEnabled": True}
OFF = {"PointInTimeRecoveryEnabled": False}
Items = dict[str, Any]

_numbers = itertools.count()
names = st.sampled_from(("a", "b", "c", "d"))
writes = st.lists(
    st.tuples(names, st.sampled_from((None, "x", "y"))),
    min_size=1,
    max_size=4,
    unique_by=lambda one: one[0],
)
ways = st.sampled_from(("one", "update", "batch", "transact", "partiql"))
step = st.tuples(st.sampled_from((0, 1, 59, 3600, DAY_S)), ways, writes)


@pytest.fixture
def ddb(client: Any) -> Any:
    return client("dynamodb")


def item_of(name: str, value: str) -> dict[str, Any]:
    return {**key(name, 1), "v": {"S": value}}


def write(ddb: Any, table: str, way: str, changes: list[tuple[str, str | None]]) -> None:
    """Put or delete items by one of the ways there are."""
    if way == "batch":
        requests = [
            {"DeleteRequest": {"Key": key(name, 1)}}
            if value is None
            else {"PutRequest": {"Item": item_of(name, value)}}
            for name, value in changes
        ]
        ddb.batch_write_item(RequestItems={table: requests})
        return
    if way == "transact":
        members = [
            {"Delete": {"TableName": table, "Key": key(name, 1)}}
            if value is None
            else {"Put": {"TableName": table, "Item": item_of(name, value)}}
            for name, value in changes
        ]
        ddb.transact_write_items(TransactItems=members)
        return
    for name, value in changes:
        if value is None and way == "partiql":
            statement = f'DELETE FROM "{table}" WHERE pk = ? AND sk = 1'
            ddb.execute_statement(Statement=statement, Parameters=[{"S": name}])
        elif value is None:
            ddb.delete_item(TableName=table, Key=key(name, 1))
        elif way == "update":
            ddb.update_item(
                TableName=table,
                Key=key(name, 1),
                UpdateExpression="SET v = :v",
                ExpressionAttributeValues={":v": {"S": value}},
            )
        else:
            ddb.put_item(TableName=table, Item=item_of(name, value))


def items_of(ddb: Any, table: str) -> Items:
    return {item["pk"]["S"]: item for item in ddb.scan(TableName=table)["Items"]}


def recovery_of(ddb: Any, table: str) -> dict[str, Any]:
    told = ddb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    assert told["ContinuousBackupsStatus"] == "ENABLED"
    return told["PointInTimeRecoveryDescription"]


def switch(ddb: Any, table: str, specification: dict[str, Any]) -> dict[str, Any]:
    answer = ddb.update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification=specification
    )
    told = answer["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert told == recovery_of(ddb, table)
    return told


def test_any_second_can_be_restored(ddb: Any, clock: Any) -> None:
    clock.freeze()

    @settings(
        max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(st.lists(step, min_size=1, max_size=6), st.data())
    def run(steps: list[Any], data: Any) -> None:
        table = f"recovered{next(_numbers)}"
        make_table(
            ddb,
            table,
            definitions=[{"AttributeName": "v", "AttributeType": "S"}],
            GlobalSecondaryIndexes=[index("by_v", "v", "pk")],
        )
        write(ddb, table, "one", [("a", "before")])
        model: Items = {"a": item_of("a", "before")}
        switch(ddb, table, ON)
        seen: list[tuple[int, Items]] = [(clock.now_ms(), dict(model))]
        for seconds, way, changes in steps:
            clock.advance(seconds=seconds)
            write(ddb, table, way, changes)
            model |= {name: item_of(name, value) for name, value in changes if value is not None}
            model = {name: item for name, item in model.items() if (name, None) not in changes}
            seen.append((clock.now_ms(), dict(model)))
        clock.advance(seconds=BEHIND_S + 1)
        last_s = (clock.now_ms() - BEHIND_S * 1000) // 1000
        instants = [at_ms // 1000 + more for at_ms, _ in seen for more in (0, 1)]
        possible = sorted({one for one in instants if one <= last_s})
        wanted = data.draw(st.lists(st.sampled_from(possible), min_size=1, max_size=3, unique=True))
        for number, second in enumerate(wanted):
            target = f"{table}-{number}"
            answer = ddb.restore_table_to_point_in_time(
                SourceTableName=table, TargetTableName=target, RestoreDateTime=second
            )
            summary = answer["TableDescription"]["RestoreSummary"]
            assert summary["RestoreDateTime"] == datetime.fromtimestamp(second, UTC)
            assert "SourceBackupArn" not in summary
            expected = [items for at_ms, items in seen if at_ms <= second * 1000]
            items = expected[-1] if expected else seen[0][1]
            assert items_of(ddb, target) == items
            entries = ddb.scan(TableName=target, IndexName="by_v")["Items"]
            assert {item["pk"]["S"]: item for item in entries} == items
            ddb.delete_table(TableName=target)
        ddb.delete_table(TableName=table)

    run()


def test_the_window(ddb: Any, clock: Any) -> None:
    """It begins when recovery is switched on, reaches as many days back as it was told, and ends five minutes ago."""
    clock.freeze()
    make_simple_table(ddb)
    assert recovery_of(ddb, "simple") == {"PointInTimeRecoveryStatus": "DISABLED"}
    restore = {"SourceTableName": "simple", "TargetTableName": "again"}
    latest = {**restore, "UseLatestRestorableTime": True}
    assert refusal(ddb.restore_table_to_point_in_time, **latest)[0] == (
        "PointInTimeRecoveryUnavailableException"
    )
    since_s = clock.now_ms() // 1000
    told = switch(ddb, "simple", ON)
    assert told["RecoveryPeriodInDays"] == 35
    assert told["EarliestRestorableDateTime"].timestamp() == since_s
    assert int(told["LatestRestorableDateTime"].timestamp()) == since_s
    clock.advance(seconds=10 * DAY_S)
    now_s = clock.now_ms() // 1000
    told = recovery_of(ddb, "simple")
    assert told["EarliestRestorableDateTime"].timestamp() == since_s
    assert int(told["LatestRestorableDateTime"].timestamp()) == now_s - BEHIND_S
    told = switch(ddb, "simple", {**ON, "RecoveryPeriodInDays": 2})
    assert told["RecoveryPeriodInDays"] == 2
    assert told["EarliestRestorableDateTime"].timestamp() == now_s - 2 * DAY_S
    for bad_s in (now_s - 2 * DAY_S - 1, now_s - BEHIND_S + 1, now_s + 60):
        assert refusal(ddb.restore_table_to_point_in_time, **restore, RestoreDateTime=bad_s) == (
            "InvalidRestoreTimeException",
            "An invalid restore time was specified. RestoreDateTime must be between "
            "EarliestRestorableDateTime and LatestRestorableDateTime.",
        )
    for days in (0, 36):
        specification = {**ON, "RecoveryPeriodInDays": days}
        refused = refusal(
            ddb.update_continuous_backups,
            TableName="simple",
            PointInTimeRecoverySpecification=specification,
        )
        assert refused[0] == "ValidationException"
    for wrong in (
        {**latest, "RestoreDateTime": now_s - 600},
        restore,
        {"TargetTableName": "again", "UseLatestRestorableTime": True},
    ):
        assert refusal(ddb.restore_table_to_point_in_time, **wrong)[0] == "ValidationException"
    assert refusal(
        ddb.restore_table_to_point_in_time, **{**latest, "SourceTableName": "nothing"}
    ) == ("TableNotFoundException", "Table not found: nothing")
    assert switch(ddb, "simple", OFF) == {"PointInTimeRecoveryStatus": "DISABLED"}
    told = switch(ddb, "simple", ON)
    assert told["EarliestRestorableDateTime"].timestamp() == now_s


def test_old_history_goes(ddb: Any, clock: Any) -> None:
    """What is older than the period goes by itself; what is in it is there after any number of days."""
    clock.freeze()
    make_simple_table(ddb)
    switch(ddb, "simple", {**ON, "RecoveryPeriodInDays": 3})
    for day in range(10):
        ddb.put_item(TableName="simple", Item={"pk": {"S": "a"}, "day": {"N": str(day)}})
        clock.advance(seconds=DAY_S)
        clock.wait_until_idle()
    now_s = clock.now_ms() // 1000
    for ago, day in ((3, 6), (2, 7), (1, 8)):
        ddb.restore_table_to_point_in_time(
            SourceTableArn=ddb.describe_table(TableName="simple")["Table"]["TableArn"],
            TargetTableName=f"ago{ago}",
            RestoreDateTime=now_s - ago * DAY_S + 1,
        )
        (item,) = ddb.scan(TableName=f"ago{ago}")["Items"]
        assert item["day"]["N"] == str(day + 1)


def test_what_expired_can_be_restored(ddb: Any, clock: Any) -> None:
    """Deletions by time to live are changes like others."""
    clock.freeze()
    make_simple_table(ddb)
    live = {"Enabled": True, "AttributeName": "until"}
    ddb.update_time_to_live(TableName="simple", TimeToLiveSpecification=live)
    switch(ddb, "simple", ON)
    until_s = clock.now_ms() // 1000 + 600
    item = {"pk": {"S": "a"}, "until": {"N": str(until_s)}}
    ddb.put_item(TableName="simple", Item=item)
    clock.advance(seconds=1200)
    clock.wait_until_idle()
    assert ddb.scan(TableName="simple")["Items"] == []
    ddb.restore_table_to_point_in_time(
        SourceTableName="simple", TargetTableName="again", RestoreDateTime=until_s - 1
    )
    clock.wait_until_idle()
    assert ddb.scan(TableName="again")["Items"] == [item]
