"""Global tables: replicas come, are written in every region, come to the same items, and go."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from .replication import (
    HOME,
    OTHER,
    THIRD,
    add_replica,
    clients,
    contents,
    make_global,
    remove_replica,
)
from .streaming import change, read_all
from .support import index, key, make_table, refusal


@pytest.fixture
def regions(client: Callable[..., Any]) -> dict[str, Any]:
    return clients(client)


def put(ddb: Any, pk: str, sk: int, text: str) -> None:
    ddb.put_item(TableName="things", Item={**key(pk, sk), "text": {"S": text}})


def text(ddb: Any, pk: str, sk: int) -> str | None:
    item = ddb.get_item(TableName="things", Key=key(pk, sk)).get("Item")
    return None if item is None else item["text"]["S"]


def test_a_replica_comes_and_goes(regions: dict[str, Any], clock: Any) -> None:
    """As AWS tells it: the answer shows what was before; each region lists the others, never itself; the last table
    is one like any other, and keeps its stream."""
    home, other = regions[HOME], regions[OTHER]
    make_table(home)
    put(home, "a", 1, "before")
    answer = add_replica(home, OTHER)
    assert answer["TableStatus"] == "UPDATING"
    assert answer["GlobalTableVersion"] == "2019.11.21"
    assert answer["Replicas"] == []
    assert answer["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    clock.wait_until_idle()
    here, there = (one.describe_table(TableName="things")["Table"] for one in (home, other))
    assert here["TableStatus"] == there["TableStatus"] == "ACTIVE"
    mode = {"GlobalTableSettingsReplicationMode": "ENABLED_WITH_OVERRIDES"}
    warm = {"ReadUnitsPerSecond": 12000, "WriteUnitsPerSecond": 4000, "Status": "ACTIVE"}
    replica = {"ReplicaStatus": "ACTIVE", "WarmThroughput": warm, **mode}
    assert here["Replicas"] == [{"RegionName": OTHER, **replica}]
    assert there["Replicas"] == [{"RegionName": HOME, **replica}]
    assert mode.items() <= here.items()
    assert mode.items() <= there.items()
    assert here["TableId"] != there["TableId"]
    assert there["TableArn"] == here["TableArn"].replace(HOME, OTHER)
    assert there["StreamSpecification"] == here["StreamSpecification"]
    assert text(other, "a", 1) == "before"

    answer = remove_replica(home, OTHER)
    assert [one["ReplicaStatus"] for one in answer["Replicas"]] == ["ACTIVE"]
    clock.wait_until_idle()
    assert refusal(other.describe_table, TableName="things")[0] == "ResourceNotFoundException"
    alone = home.describe_table(TableName="things")["Table"]
    assert {"Replicas", "GlobalTableVersion", *mode}.isdisjoint(alone)
    assert alone["StreamSpecification"] == here["StreamSpecification"]
    put(home, "a", 2, "alone")
    add_replica(home, OTHER)
    clock.wait_until_idle()
    assert contents(other) == contents(home)
    assert len(contents(home)) == 2


def test_everything_reaches_everywhere(regions: dict[str, Any], clock: Any) -> None:
    """Puts, updates, deletions, batches, transactions and PartiQL of each of three regions; nothing goes round."""
    indexes = {
        "LocalSecondaryIndexes": [index("by_text", "pk", "text")],
        "GlobalSecondaryIndexes": [index("everywhere", "text")],
        "definitions": [{"AttributeName": "text", "AttributeType": "S"}],
    }
    make_global(regions, clock, OTHER, THIRD, **indexes)
    home, other, third = regions.values()
    for number, ddb in enumerate(regions.values()):
        put(ddb, "p", number, "put")
    clock.wait_until_idle()
    other.update_item(
        TableName="things",
        Key=key("p", 0),
        UpdateExpression="SET #t = :t",
        ExpressionAttributeNames={"#t": "text"},
        ExpressionAttributeValues={":t": {"S": "updated"}},
    )
    third.delete_item(TableName="things", Key=key("p", 1))
    batch = [{"PutRequest": {"Item": key("b", number)}} for number in range(5)]
    home.batch_write_item(RequestItems={"things": batch})
    pair = [{"Put": {"TableName": "things", "Item": key("t", number)}} for number in range(2)]
    third.transact_write_items(TransactItems=pair)
    other.execute_statement(Statement="INSERT INTO things VALUE {'pk': 'q', 'sk': 1}")
    clock.wait_until_idle()
    found = contents(home)
    assert sorted(found) == sorted(
        [("p", 0), ("p", 2), *(("b", n) for n in range(5)), ("t", 0), ("t", 1), ("q", 1)]
    )
    assert found["p", 0]["text"] == {"S": "updated"}
    assert all(set(item) <= {"pk", "sk", "text"} for item in found.values())
    assert contents(other) == contents(third) == found
    for ddb in regions.values():
        for name in ("by_text", "everywhere"):
            items = ddb.scan(TableName="things", IndexName=name)["Items"]
            assert sorted(item["text"]["S"] for item in items) == ["put", "updated"]


def test_the_last_writer_wins(regions: dict[str, Any], clock: Any) -> None:
    """Writes of one item in two regions at once, the clock standing still: both regions end with the later one; so it
    is with deletions, also where an older write arrives after them."""
    make_global(regions, clock)
    home, other = regions[HOME], regions[OTHER]
    clock.freeze()
    for number in range(10):
        first, last = (home, other) if number % 2 else (other, home)
        put(first, "w", number, "first")
        put(last, "w", number, "last")
        put(home, "d", number, "gone")
        other.delete_item(TableName="things", Key=key("d", number))
        put(first, "e", number, "first")
        last.delete_item(TableName="things", Key=key("e", number))
        put(first, "e", number, "after")
    clock.wait_until_idle()
    for ddb in (home, other):
        assert [text(ddb, "w", number) for number in range(10)] == ["last"] * 10
        assert [text(ddb, "e", number) for number in range(10)] == ["after"] * 10
    assert contents(home) == contents(other)


def test_regions_converge_whatever_is_written_where(regions: dict[str, Any], clock: Any) -> None:
    """Random writes of few items in three regions, with the clock standing still."""
    make_global(regions, clock, OTHER, THIRD)
    chance = random.Random(7)
    tables = list(regions.values())
    clock.freeze()
    for number in range(120):
        ddb = chance.choice(tables)
        sk = chance.randrange(4)
        if chance.random() < 0.3:
            ddb.delete_item(TableName="things", Key=key("r", sk))
        else:
            put(ddb, "r", sk, str(number))
    clock.wait_until_idle()
    found = contents(tables[0])
    assert contents(tables[1]) == contents(tables[2]) == found


def test_streams_of_each_region(
    regions: dict[str, Any], client: Callable[..., Any], clock: Any
) -> None:
    """A change made in one region is in the streams of all; what a replica began with is in none of its own."""
    make_table(regions[HOME])
    put(regions[HOME], "a", 1, "before")
    add_replica(regions[HOME], OTHER)
    clock.wait_until_idle()
    put(regions[OTHER], "a", 2, "new")
    clock.wait_until_idle()
    regions[HOME].delete_item(TableName="things", Key=key("a", 2))
    clock.wait_until_idle()
    item = {**key("a", 2), "text": {"S": "new"}}
    streams = clients(client, "dynamodbstreams")
    for region in (HOME, OTHER):
        table = regions[region].describe_table(TableName="things")["Table"]
        (listed,) = streams[region].list_streams(TableName="things")["Streams"]
        assert listed == {
            "StreamArn": table["LatestStreamArn"],
            "TableName": "things",
            "StreamLabel": table["LatestStreamLabel"],
        }
        records = read_all(streams[region], table["LatestStreamArn"])
        assert [change(one) for one in records] == [("INSERT", None, item), ("REMOVE", item, None)]
        assert {one["awsRegion"] for one in records} == {region}


def test_expired_items_are_the_services_doing_in_one_region(
    regions: dict[str, Any], client: Callable[..., Any], clock: Any
) -> None:
    """Time to live holds in all regions, whichever it was set in; one replica deletes, the others are told, and when
    that one goes the next takes over."""
    make_global(regions, clock)
    home, other = regions[HOME], regions[OTHER]
    clock.freeze()
    specification = {"Enabled": True, "AttributeName": "until"}
    other.update_time_to_live(TableName="things", TimeToLiveSpecification=specification)
    for ddb in (home, other):
        told = ddb.describe_time_to_live(TableName="things")["TimeToLiveDescription"]
        assert told == {"TimeToLiveStatus": "ENABLED", "AttributeName": "until"}
    soon, later = (str(clock.now_ms() // 1000 + after) for after in (60, 2 * 24 * 3600))
    for sk, until in enumerate((soon, later)):
        other.put_item(TableName="things", Item={**key("a", sk), "until": {"N": until}})
    clock.wait_until_idle()
    clock.advance(seconds=120)
    clock.wait_until_idle()
    streams = clients(client, "dynamodbstreams")
    marked: dict[str, list[bool]] = {}
    for region in (HOME, OTHER):
        assert list(contents(regions[region])) == [("a", 1)]
        table = regions[region].describe_table(TableName="things")["Table"]
        records = read_all(streams[region], table["LatestStreamArn"])
        removed = [one for one in records if one["eventName"] == "REMOVE"]
        marked[region] = ["userIdentity" in one for one in removed]
    assert marked == {HOME: [True], OTHER: [False]}
    clock.advance(seconds=25 * 3600)
    home.delete_table(TableName="things")
    clock.wait_until_idle()
    assert list(contents(other)) == [("a", 1)]
    clock.advance(seconds=24 * 3600)
    clock.wait_until_idle()
    assert contents(other) == {}
