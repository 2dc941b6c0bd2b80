"""Streams: every change of an item in order, once, and readable for a day."""

from __future__ import annotations

from typing import Any

import pytest

from .streaming import change, iterator, make_streaming, read_all, read_shard, shards_of
from .support import key, make_table, refusal

HOUR_S = 3600


@pytest.fixture
def ddb(client: Any) -> Any:
    return client("dynamodb")


@pytest.fixture
def streams(client: Any) -> Any:
    return client("dynamodbstreams")


def test_every_way_to_write_leaves_a_record(ddb: Any, streams: Any) -> None:
    """Put, update, delete, batch and transaction; none where an item stays as it was, or a write is refused."""
    arn = make_streaming(ddb)
    one, two = key("a", 1), key("a", 2)
    ddb.put_item(TableName="things", Item={**one, "v": {"S": "x"}, "w": {"SS": ["a", "b"]}})
    ddb.put_item(TableName="things", Item={"w": {"SS": ["b", "a"]}, "v": {"S": "x"}, **one})
    ddb.update_item(
        TableName="things",
        Key=one,
        UpdateExpression="SET v = :v REMOVE w",
        ExpressionAttributeValues={":v": {"S": "y"}},
    )
    ddb.delete_item(TableName="things", Key=two)
    batch = [{"PutRequest": {"Item": two}}, {"DeleteRequest": {"Key": one}}]
    ddb.batch_write_item(RequestItems={"things": batch})
    members = [{"Put": {"TableName": "things", "Item": one}}]
    ddb.transact_write_items(TransactItems=members)
    failing = {"TableName": "things", "Key": one, "ConditionExpression": "attribute_exists(v)"}
    assert refusal(ddb.delete_item, **failing)[0] == "ConditionalCheckFailedException"
    first = {**one, "v": {"S": "x"}, "w": {"SS": ["a", "b"]}}
    second = {**one, "v": {"S": "y"}}
    records = read_all(streams, arn)
    assert [change(record) for record in records] == [
        ("INSERT", None, first),
        ("MODIFY", first, second),
        ("INSERT", None, two),
        ("REMOVE", second, None),
        ("INSERT", None, one),
    ]
    assert [record["dynamodb"]["Keys"] for record in records] == [one, one, two, one, one]
    numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in records]
    assert numbers == sorted(set(numbers))
    assert len({record["eventID"] for record in records}) == len(records)
    shown = records[0]
    assert shown["eventSource"] == "aws:dynamodb"
    assert shown["eventVersion"] == "1.1"
    assert shown["awsRegion"] == "us-east-1"
    assert shown["dynamodb"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert shown["dynamodb"]["SizeBytes"] == 7 + 7 + 2 + 3
    assert "userIdentity" not in shown


@pytest.mark.parametrize("view", ["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"])
def test_views(ddb: Any, streams: Any, view: str) -> None:
    arn = make_streaming(ddb, view)
    item = {**key("a", 1), "v": {"S": "x"}}
    ddb.put_item(TableName="things", Item=item)
    ddb.delete_item(TableName="things", Key=key("a", 1))
    new = item if "NEW" in view else None
    old = item if "OLD" in view else None
    records = read_all(streams, arn)
    assert [change(one) for one in records] == [("INSERT", None, new), ("REMOVE", old, None)]


def test_switching_on_and_off(ddb: Any, streams: Any, clock: Any) -> None:
    """Each time a new stream, and the old one stays readable for a day; the words are AWS's."""
    clock.freeze()
    first = make_streaming(ddb)
    ddb.put_item(TableName="things", Item=key("a", 1))

    def switch(enabled: bool, view: str | None = None) -> Any:
        specification = {"StreamEnabled": enabled} | (
            {} if view is None else {"StreamViewType": view}
        )
        return ddb.update_table(TableName="things", StreamSpecification=specification)

    def refused(enabled: bool, view: str | None = None) -> str:
        code, message = refusal(switch, enabled=enabled, view=view)
        assert code == "ValidationException"
        return message

    assert refused(True, "NEW_IMAGE") == "Table already has an enabled stream: TableName: things"
    wrong = "One or more parameter values were invalid: If stream is being "
    assert refused(True) == wrong + "enabled then UpdateViewType is required"
    assert (
        refused(False, "NEW_IMAGE") == wrong + "disabled, then UpdateViewType must not be specified"
    )
    switch(False)
    assert refused(False) == "Table has no stream to disable: TableName: things"
    described = ddb.describe_table(TableName="things")["Table"]
    assert "StreamSpecification" not in described
    assert described["LatestStreamArn"] == first
    ddb.put_item(TableName="things", Item=key("a", 2))
    again = switch(True, "KEYS_ONLY")["TableDescription"]
    second = again["LatestStreamArn"]
    assert second != first
    assert again["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    assert second.endswith(f"/stream/{again['LatestStreamLabel']}")
    ddb.put_item(TableName="things", Item=key("a", 3))

    def sort_keys(arn: str) -> list[str]:
        return [record["dynamodb"]["Keys"]["sk"]["N"] for record in read_all(streams, arn)]

    assert sort_keys(first) == ["1"]
    assert sort_keys(second) == ["3"]
    listed = streams.list_streams(TableName="things")["Streams"]
    assert [one["StreamArn"] for one in listed] == [first, second]
    assert (
        streams.describe_stream(StreamArn=first)["StreamDescription"]["StreamStatus"] == "DISABLED"
    )
    clock.advance(seconds=24 * HOUR_S + 1)
    clock.wait_until_idle()
    assert [one["StreamArn"] for one in streams.list_streams()["Streams"]] == [second]
    assert refusal(streams.describe_stream, StreamArn=first) == (
        "ResourceNotFoundException",
        f"Requested resource not found: Stream: {first} not found",
    )
    ddb.put_item(TableName="things", Item=key("a", 4))
    ddb.delete_table(TableName="things")
    assert sort_keys(second) == ["4"]
    clock.advance(seconds=24 * HOUR_S + 1)
    clock.wait_until_idle()
    assert streams.list_streams()["Streams"] == []


def test_shards_are_followed_by_their_children(ddb: Any, streams: Any, clock: Any) -> None:
    """Four hours after its first record a shard is closed; a child goes on; a day later the parent is gone."""
    clock.freeze()
    arn = make_streaming(ddb)
    ddb.put_item(TableName="things", Item=key("a", 1))
    (only,) = shards_of(streams, arn)
    assert "EndingSequenceNumber" not in only["SequenceNumberRange"]
    clock.advance(seconds=4 * HOUR_S + 1)
    clock.wait_until_idle()
    ddb.put_item(TableName="things", Item=key("a", 2))
    parent, child = shards_of(streams, arn)
    assert parent["ShardId"] == only["ShardId"] == child["ParentShardId"]
    (first,) = read_shard(streams, arn, parent["ShardId"])
    (second,) = read_shard(streams, arn, child["ShardId"])
    numbers = parent["SequenceNumberRange"]
    assert first["dynamodb"]["SequenceNumber"] == numbers["EndingSequenceNumber"]
    assert int(second["dynamodb"]["SequenceNumber"]) > int(numbers["EndingSequenceNumber"])
    page = streams.get_records(ShardIterator=iterator(streams, arn, parent["ShardId"]))
    assert "NextShardIterator" not in page
    one = streams.describe_stream(StreamArn=arn, Limit=1)["StreamDescription"]
    assert one["LastEvaluatedShardId"] == parent["ShardId"]
    children = streams.describe_stream(
        StreamArn=arn, ShardFilter={"Type": "CHILD_SHARDS", "ShardId": parent["ShardId"]}
    )
    assert children["StreamDescription"]["Shards"] == [child]
    clock.advance(seconds=24 * HOUR_S + 1)
    clock.wait_until_idle()
    left = shards_of(streams, arn)
    assert parent["ShardId"] not in [shard["ShardId"] for shard in left]
    assert [record for shard in left for record in read_shard(streams, arn, shard["ShardId"])] == []


def test_order_holds_over_several_shards(ddb: Any, streams: Any) -> None:
    """An on-demand table has several shards; all records of an item are in one of them, in order."""
    specification = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    make_table(ddb, StreamSpecification=specification)
    arn = ddb.describe_table(TableName="things")["Table"]["LatestStreamArn"]
    for turn in range(3):
        for item in range(12):
            ddb.put_item(TableName="things", Item={**key(f"k{item}", 1), "turn": {"N": str(turn)}})
    shards = shards_of(streams, arn)
    assert len(shards) == 4
    where: dict[str, str] = {}
    seen: dict[str, list[str]] = {}
    for shard in shards:
        for record in read_shard(streams, arn, shard["ShardId"]):
            item = record["dynamodb"]["NewImage"]
            assert where.setdefault(item["pk"]["S"], shard["ShardId"]) == shard["ShardId"]
            seen.setdefault(item["pk"]["S"], []).append(item["turn"]["N"])
    assert seen == {f"k{item}": ["0", "1", "2"] for item in range(12)}
    assert len(set(where.values())) > 1


def test_iterators_begin_where_they_are_asked_to(ddb: Any, streams: Any, clock: Any) -> None:
    clock.freeze()
    arn = make_streaming(ddb)
    shard = shards_of(streams, arn)[0]["ShardId"]
    latest = iterator(streams, arn, shard, "LATEST")
    began_ms = clock.now_ms()
    for number in range(5):
        ddb.put_item(TableName="things", Item=key("a", number))
        clock.advance(seconds=60)
    sequences = [one["dynamodb"]["SequenceNumber"] for one in read_shard(streams, arn, shard)]

    def begin(kind: str, **more: Any) -> list[str]:
        page = streams.get_records(ShardIterator=iterator(streams, arn, shard, kind, **more))
        return [record["dynamodb"]["SequenceNumber"] for record in page["Records"]]

    assert begin("TRIM_HORIZON") == sequences
    assert begin("LATEST") == []
    assert begin("AT_SEQUENCE_NUMBER", SequenceNumber=sequences[2]) == sequences[2:]
    assert begin("AFTER_SEQUENCE_NUMBER", SequenceNumber=sequences[2]) == sequences[3:]
    assert begin("AFTER_SEQUENCE_NUMBER", SequenceNumber=sequences[4]) == []
    assert begin("AT_TIMESTAMP", Timestamp=(began_ms + 90_000) / 1000) == sequences[2:]
    page = streams.get_records(ShardIterator=latest, Limit=2)
    assert len(page["Records"]) == 2
    page = streams.get_records(ShardIterator=page["NextShardIterator"], Limit=1000)
    assert [one["dynamodb"]["SequenceNumber"] for one in page["Records"]] == sequences[2:]
    for more in ({"SequenceNumber": "9" * 21}, {"SequenceNumber": "1" + "9" * 20}, {}):
        code, _ = refusal(begin, kind="AT_SEQUENCE_NUMBER", **more)
        assert code == "ValidationException"
    assert (
        refusal(begin, kind="TRIM_HORIZON", SequenceNumber=sequences[0])[0] == "ValidationException"
    )
    unknown = {"StreamArn": arn, "ShardId": shard[:-1] + "9", "ShardIteratorType": "LATEST"}
    assert refusal(streams.get_shard_iterator, **unknown)[0] == "ResourceNotFoundException"
    assert refusal(streams.get_records, ShardIterator="nothing")[0] == "ValidationException"
    too_many = refusal(streams.get_records, ShardIterator=latest, Limit=1001)
    assert too_many[0] == "ValidationException"


def test_iterators_expire_and_records_are_trimmed(ddb: Any, streams: Any, clock: Any) -> None:
    """An iterator is good for fifteen minutes, a record for a day: to the moment, whatever jobs have run."""
    clock.freeze()
    arn = make_streaming(ddb)
    shard = shards_of(streams, arn)[0]["ShardId"]
    ddb.put_item(TableName="things", Item=key("a", 1))
    clock.advance(seconds=60)
    ddb.put_item(TableName="things", Item=key("a", 2))
    old, new = (one["dynamodb"]["SequenceNumber"] for one in read_shard(streams, arn, shard))
    early = iterator(streams, arn, shard)
    clock.advance(seconds=15 * 60)
    assert len(streams.get_records(ShardIterator=early)["Records"]) == 2
    clock.advance(seconds=1)
    assert refusal(streams.get_records, ShardIterator=early)[0] == "ExpiredIteratorException"
    clock.advance(seconds=24 * HOUR_S - 16 * 60 - 2)
    soon = iterator(streams, arn, shard)
    clock.advance(seconds=1)
    trimmed = (
        "TrimmedDataAccessException",
        "The operation attempted to read past the oldest stream record in a shard.",
    )
    assert refusal(streams.get_records, ShardIterator=soon) == trimmed
    request = {"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "AT_SEQUENCE_NUMBER"}
    assert refusal(streams.get_shard_iterator, **request, SequenceNumber=old) == trimmed
    assert [one["dynamodb"]["SequenceNumber"] for one in read_shard(streams, arn, shard)] == [new]


def test_a_page_holds_a_megabyte(ddb: Any, streams: Any) -> None:
    arn = make_streaming(ddb, "NEW_IMAGE")
    for number in range(4):
        ddb.put_item(TableName="things", Item={**key("a", number), "v": {"S": "x" * 390_000}})
    shard = shards_of(streams, arn)[0]["ShardId"]
    page = streams.get_records(ShardIterator=iterator(streams, arn, shard))
    assert len(page["Records"]) == 2
    assert len(read_shard(streams, arn, shard)) == 4


def test_expiry_is_marked_as_the_service_s(ddb: Any, streams: Any, clock: Any) -> None:
    clock.freeze()
    arn = make_streaming(ddb)
    specification = {"Enabled": True, "AttributeName": "expires"}
    ddb.update_time_to_live(TableName="things", TimeToLiveSpecification=specification)
    item = {**key("a", 1), "expires": {"N": str(clock.now_ms() // 1000 + 60)}}
    ddb.put_item(TableName="things", Item=item)
    clock.advance(seconds=180)
    clock.wait_until_idle()
    put, gone = read_all(streams, arn)
    assert "userIdentity" not in put
    assert change(gone) == ("REMOVE", item, None)
    assert gone["userIdentity"] == {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}


def test_kinesis_destinations_are_stored_and_said_to_fail(ddb: Any) -> None:
    """Nothing is delivered, and whoever looks is told so."""
    make_table(ddb)
    arn = "arn:aws:kinesis:us-east-1:000000000001:stream/some"
    named = {"TableName": "things", "StreamArn": arn}

    def state() -> list[tuple[str, Any]]:
        found = ddb.describe_kinesis_streaming_destination(TableName="things")
        return [
            (one["DestinationStatus"], one.get("ApproximateCreationDateTimePrecision"))
            for one in found["KinesisDataStreamDestinations"]
        ]

    assert refusal(ddb.enable_kinesis_streaming_destination, **named | {"TableName": "other"}) == (
        "ResourceNotFoundException",
        "Requested resource not found: Table: other not found",
    )
    assert ddb.enable_kinesis_streaming_destination(**named)["DestinationStatus"] == "ENABLING"
    assert state() == [("ENABLE_FAILED", None)]
    assert refusal(ddb.update_kinesis_streaming_destination, **named)[1] == (
        "Streaming destination cannot be updated with given parameters: "
        "UpdateKinesisStreamingConfiguration cannot be null or contain only null values"
    )
    precision = {"ApproximateCreationDateTimePrecision": "MICROSECOND"}
    update = {**named, "UpdateKinesisStreamingConfiguration": precision}
    ddb.update_kinesis_streaming_destination(**update)
    assert state() == [("ENABLE_FAILED", "MICROSECOND")]
    assert "already set" in refusal(ddb.update_kinesis_streaming_destination, **update)[1]
    ddb.disable_kinesis_streaming_destination(**named)
    assert state() == [("DISABLED", "MICROSECOND")]
    assert (
        "No streaming destination" in refusal(ddb.disable_kinesis_streaming_destination, **named)[1]
    )
