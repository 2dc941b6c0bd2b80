"""Time to live: items go when the clock has passed what their attribute tells."""

from __future__ import annotations

from typing import Any

import pytest

from .support import index, key, make_table, refusal


@pytest.fixture
def ddb(client: Any) -> Any:
    return client("dynamodb")


def test_items_expire_with_the_clock(ddb: Any, clock: Any) -> None:
    """Items of before and after it was switched on; index entries go too; what was postponed stays."""
    make_table(
        ddb,
        definitions=[{"AttributeName": "g", "AttributeType": "S"}],
        GlobalSecondaryIndexes=[index("by_g", "g")],
    )
    clock.freeze()
    now_s = clock.now_ms() // 1000

    def put(sk: int, expires: Any) -> None:
        item = {**key("a", sk), "g": {"S": "g"}, "expires": expires}
        ddb.put_item(TableName="things", Item=item)

    put(1, {"N": str(now_s + 100)})
    put(2, {"N": str(now_s + 1000)})
    specification = {"Enabled": True, "AttributeName": "expires"}
    ddb.update_time_to_live(TableName="things", TimeToLiveSpecification=specification)
    described = ddb.describe_time_to_live(TableName="things")["TimeToLiveDescription"]
    assert described == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}
    put(3, {"N": str(now_s + 90)})
    put(4, {"S": "not a time"})
    put(5, {"N": str(now_s - 6 * 365 * 24 * 3600)})
    put(6, {"N": str(now_s + 100)})
    ddb.update_item(
        TableName="things",
        Key=key("a", 6),
        UpdateExpression="SET expires = :later",
        ExpressionAttributeValues={":later": {"N": str(now_s + 2000)}},
    )
    clock.wait_until_idle()
    assert ddb.scan(TableName="things", Select="COUNT")["Count"] == 6
    clock.advance(seconds=200)
    clock.wait_until_idle()
    for source in ({}, {"IndexName": "by_g"}):
        found = ddb.scan(TableName="things", **source)["Items"]
        assert sorted(int(item["sk"]["N"]) for item in found) == [2, 4, 5, 6]
    clock.advance(seconds=1000)
    clock.wait_until_idle()
    found = ddb.scan(TableName="things")["Items"]
    assert sorted(int(item["sk"]["N"]) for item in found) == [4, 5, 6]


def test_switching_it_off_and_to_another_attribute(ddb: Any, clock: Any) -> None:
    make_table(ddb)
    clock.freeze()
    soon = {"N": str(clock.now_ms() // 1000 + 60)}
    on = {"Enabled": True, "AttributeName": "one"}
    off = {"Enabled": False, "AttributeName": "one"}

    def change(specification: Any) -> None:
        ddb.update_time_to_live(TableName="things", TimeToLiveSpecification=specification)

    assert refusal(change, specification=off)[1] == "TimeToLive is already disabled"
    change(on)
    assert refusal(change, specification=on)[1] == "TimeToLive is already enabled"
    assert refusal(change, specification={"Enabled": False, "AttributeName": "two"})[1] == (
        "TimeToLive is active on a different AttributeName: current AttributeName is one"
    )
    ddb.put_item(TableName="things", Item={**key("a", 1), "one": soon})
    ddb.put_item(TableName="things", Item={**key("a", 2), "two": soon})
    change(off)
    change({"Enabled": True, "AttributeName": "two"})
    clock.wait_until_idle()
    clock.advance(seconds=120)
    clock.wait_until_idle()
    assert ddb.scan(TableName="things")["Items"] == [{**key("a", 1), "one": soon}]
