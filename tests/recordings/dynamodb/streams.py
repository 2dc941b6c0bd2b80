"""Recorded scenarios of streams: what a write leaves there."""

from __future__ import annotations

from typing import Any

IMAGES = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
FRED = {"id": {"S": "Fred"}}
NEW = {"id": {"S": "NewKey"}}
FRED_NAMED = {**FRED, "name": {"S": "Fred"}}


def watched(story: Any, label: str, key: str = "id", view: Any = IMAGES) -> str:
    """A table with a stream, made and described."""
    request = story.request("things", key)
    story(label, "create_table", **request, StreamSpecification=view)
    arn = story.said[label]["TableDescription"]["LatestStreamArn"]
    arn = arn.replace(story.recorder, story.account)
    streams = story.client("dynamodbstreams")
    described = story.take("describe-stream", streams.describe_stream(StreamArn=arn))
    described = described["StreamDescription"]
    described["Shards"] = described["Shards"][:1]  # here are several from the beginning
    for shard in described["Shards"]:
        shard["SequenceNumberRange"]["StartingSequenceNumber"] = "<starting-sequence-number>"
    return arn


def records(story: Any, arn: str) -> None:
    """Of all shards, as they came after each other."""
    streams = story.client("dynamodbstreams")
    found: list[Any] = []
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        iterator = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )
        if "get-shard-iterator" in story.wanted:
            story.take("get-shard-iterator", iterator)
        found += streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    found.sort(key=lambda record: int(record["dynamodb"]["SequenceNumber"]))
    story.take("get-records", {"Records": found})


def a_batch(story: Any) -> None:
    arn = watched(story, "create-table")
    story("put-item-1", "put_item", TableName="things", Item=FRED)
    same = [{"PutRequest": {"Item": FRED}}, {"PutRequest": {"Item": NEW}}]
    story(
        "batch-write-response-overwrite-item-1",
        "batch_write_item",
        RequestItems={"things": same},
    )
    other = [{"DeleteRequest": {"Key": NEW}}, {"PutRequest": {"Item": FRED_NAMED}}]
    story("batch-write-response-delete", "batch_write_item", RequestItems={"things": other})
    records(story, arn)


def a_transaction(story: Any) -> None:
    arn = watched(story, "create-table")

    def change(label: str, *members: Any) -> None:
        story(label, "transact_write_items", TransactItems=list(members))

    def put(item: Any) -> Any:
        return {"Put": {"TableName": "things", "Item": item}}

    def update(key: str, **values: str) -> Any:
        return {
            "Update": {
                "TableName": "things",
                "Key": {"id": {"S": key}},
                "UpdateExpression": "SET " + ", ".join(f"{name} = :{name}" for name in values),
                "ExpressionAttributeValues": {f":{n}": {"S": text} for n, text in values.items()},
            }
        }

    story("put-item-1", "put_item", TableName="things", Item=FRED)
    change("transact-write-response-overwrite", put(FRED), put(NEW))
    change("transact-write-response-update", update("NewKey", attr1="value1", attr2="value2"))
    change("transact-write-update-insert", update("NonExistentKey", attr1="value1"))
    delete = {"Delete": {"TableName": "things", "Key": NEW}}
    change("transact-write-response-delete", delete, put(FRED_NAMED))
    records(story, arn)


def a_transaction_over_two_tables(story: Any) -> None:
    arn = watched(story, "create-table-stream")
    story("create-table-no-stream", "create_table", **story.request("others", "id"))
    members = [{"Put": {"TableName": name, "Item": FRED}} for name in ("things", "others")]
    story("transact-write-two-tables", "transact_write_items", TransactItems=members)
    records(story, arn)


def updates(story: Any) -> None:
    arn = watched(story, "create-table")
    key = {"id": {"S": "my-item-id"}}
    for first, second in (("value1", "value2"), ("value2", "value3")):
        story.ddb.update_item(
            TableName="things",
            Key=key,
            UpdateExpression="SET attr1 = :v1, attr2 = :v2",
            ExpressionAttributeValues={":v1": {"S": first}, ":v2": {"S": second}},
        )
    records(story, arn)


def keys_only(story: Any) -> None:
    """Two items, the one by requests and the other by statements."""
    view = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    arn = watched(story, "create-table", "Username", view)
    for name in ("Fred", "Alice"):
        key = {"Username": {"S": name}}
        story.ddb.put_item(TableName="things", Item=key)
        story.ddb.update_item(
            TableName="things",
            Key=key,
            UpdateExpression="SET S = :s",
            ExpressionAttributeValues={":s": {"S": "x"}},
        )
        story.ddb.delete_item(TableName="things", Key=key)
    records(story, arn)


def binary_values(story: Any) -> None:
    """They are the same in the table and in the stream."""
    story.table(StreamSpecification=IMAGES)
    key = {"id": {"S": "id1"}}
    arn = story.ddb.describe_table(TableName="things")["Table"]["LatestStreamArn"]
    streams = story.client("dynamodbstreams")
    for version, (got, told) in enumerate(
        (("GetItem", "GetRecords"), ("GetItemAfterUpdate", "GetRecordsAfterUpdate")), 1
    ):
        item = {**key, "data": {"B": b"\x90"}, "version": {"N": str(version)}}
        story.ddb.put_item(TableName="things", Item=item)
        story.keep(got, story.ddb.get_item(TableName="things", Key=key)["Item"])
        images: list[Any] = []
        for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
            iterator = streams.get_shard_iterator(
                StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            found = streams.get_records(ShardIterator=iterator)["Records"]
            images += [record["dynamodb"]["NewImage"] for record in found]
        story.keep(told, images[-1])


def a_stream_that_is_not_there(story: Any) -> None:
    arn = story.arn("nothing") + "/stream/2024-11-18T14:36:44.149"
    story("non-existent-stream", "describe_stream", "dynamodbstreams", StreamArn=arn)


def replicas(story: Any) -> None:
    """Each has a stream of its own."""
    request = story.request("things", "id")
    del request["ProvisionedThroughput"]
    more = {"BillingMode": "PAY_PER_REQUEST", "StreamSpecification": IMAGES}
    story.ddb.create_table(**request, **more)
    new = [{"Create": {"RegionName": "eu-central-1"}}]
    story.ddb.update_table(TableName="things", ReplicaUpdates=new)
    story.settle()
    for label, region in (
        ("region-streams", "us-east-1"),
        ("secondary-region-streams", "eu-central-1"),
    ):
        streams = story.client("dynamodbstreams", region_name=region)
        story.take(label, streams.list_streams(TableName="things"))


def a_destination(story: Any) -> None:
    """Streams of Kinesis, of which there are none here: their names are kept."""
    story.table()
    stream = f"arn:aws:kinesis:us-east-1:{story.account}:stream/s"
    bad = {"TableName": "bad-table", "StreamArn": stream}
    named = {"TableName": "things", "StreamArn": stream}
    enable, disable = (f"{verb}_kinesis_streaming_destination" for verb in ("enable", "disable"))
    update = "update_kinesis_streaming_destination"
    story("enable-bad-table", enable, **bad)
    story("enable", enable, **named)
    story.settle()

    def precision(text: str) -> Any:
        return {
            "UpdateKinesisStreamingConfiguration": {"ApproximateCreationDateTimePrecision": text}
        }

    story("update-missing-params", update, **named)
    story("update-bad-precision", update, **named, **precision("SECOND"))
    other = {**named, "StreamArn": stream.replace("stream/s", "stream/bad-stream")}
    story("update-bad-stream-arn", update, **other, **precision("MICROSECOND"))
    story("update", update, **named, **precision("MICROSECOND"))
    story.settle()
    story("update-no-idempotency", update, **named, **precision("MICROSECOND"))
    story("disable-bad-table", disable, **bad)
    story("disable", disable, **named)


SCENARIOS = {
    "test_batch_write_items_streaming": a_batch,
    "test_transact_write_items_streaming": a_transaction,
    "test_transact_write_items_streaming_for_different_tables": a_transaction_over_two_tables,
    "test_dynamodb_stream_records_with_update_item": updates,
    "test_dynamodb_stream_stream_view_type": keys_only,
    "test_data_encoding_consistency": binary_values,
    "test_streams_on_global_tables": replicas,
    "test_non_existent_stream": a_stream_that_is_not_there,
    "test_kinesis_streaming_destination_crud": a_destination,
}
