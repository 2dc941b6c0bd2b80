"""aws-lambda-powertools, from PyPI: what it keeps in DynamoDB, and what it reads of a stream."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyValidationError,
)
from aws_lambda_powertools.utilities.parameters import DynamoDBProvider

from persons import Person

CONTEXT: Any = SimpleNamespace(
    function_name="f",
    aws_request_id="1",
    memory_limit_in_mb=128,
    invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:f",
    get_remaining_time_in_millis=lambda: 10_000,
)


def make_table(ddb: Any, name: str, *keys: str, **more: Any) -> None:
    ddb.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=[
            {"AttributeName": key, "KeyType": kind}
            for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
        ],
        BillingMode="PAY_PER_REQUEST",
        **more,
    )


@pytest.fixture
def session(ann: Person) -> Any:
    return boto3.Session(region_name="us-east-1", **ann.keys)


@pytest.fixture
def ddb(ann: Person) -> Any:
    return ann.client("dynamodb")


def test_a_function_does_the_same_once(session: Any, ddb: Any, endpoint: str) -> None:
    """Its result is kept under a condition; a payload that was changed meanwhile is told from the first."""
    make_table(ddb, "kept", "id", "sort")
    client = session.client("dynamodb", endpoint_url=endpoint)
    layer = DynamoDBPersistenceLayer(
        table_name="kept", key_attr="id", sort_key_attr="sort", boto3_client=client
    )
    config = IdempotencyConfig(
        event_key_jmespath="order", payload_validation_jmespath="amount", expires_after_seconds=60
    )
    done: list[Any] = []

    @idempotent(persistence_store=layer, config=config)
    def handler(event: Any, context: Any) -> Any:
        done.append(event)
        if event["amount"] < 0:
            raise ValueError(event["amount"])
        return {"receipt": len(done), "of": event["order"]}

    first = handler({"order": 1, "amount": 5}, CONTEXT)
    assert handler({"order": 1, "amount": 5, "attempt": 2}, CONTEXT) == first
    assert handler({"order": 2, "amount": 5}, CONTEXT) == {"receipt": 2, "of": 2}
    assert len(done) == 2
    with pytest.raises(IdempotencyValidationError):
        handler({"order": 1, "amount": 6}, CONTEXT)
    for _ in range(2):  # of what failed nothing is kept
        with pytest.raises(ValueError, match="-1"):
            handler({"order": 3, "amount": -1}, CONTEXT)
    assert len(done) == 4
    kept = ddb.scan(TableName="kept")["Items"]
    assert {item["status"]["S"] for item in kept} == {"COMPLETED"}
    assert len(kept) == 2


def test_two_at_once_and_what_has_expired(session: Any, ddb: Any, endpoint: str) -> None:
    make_table(ddb, "kept", "id")
    client = session.client("dynamodb", endpoint_url=endpoint)
    layer = DynamoDBPersistenceLayer(table_name="kept", boto3_client=client)
    config = IdempotencyConfig(expires_after_seconds=3600, lambda_context=CONTEXT)
    done: list[str] = []

    @idempotent_function(data_keyword_argument="name", persistence_store=layer, config=config)
    def pay(*, name: str, again: bool) -> str:
        done.append(name)
        if again:
            with pytest.raises(IdempotencyAlreadyInProgressError):
                pay(name=name, again=False)
        return name.upper()

    assert pay(name="ann", again=True) == "ANN"
    assert pay(name="ann", again=False) == "ANN"
    assert done == ["ann"]
    (item,) = ddb.scan(TableName="kept")["Items"]
    ddb.put_item(TableName="kept", Item=item | {"expiration": {"N": "1"}})
    assert pay(name="ann", again=False) == "ANN"
    assert done == ["ann", "ann"]


def test_parameters(session: Any, ddb: Any, endpoint: str) -> None:
    make_table(ddb, "parameters", "id")
    make_table(ddb, "families", "id", "sk")
    one = {"id": {"S": "colour"}, "value": {"S": "blue"}}
    ddb.put_item(TableName="parameters", Item=one)
    for name in ("a", "b"):
        item = {"id": {"S": "f"}, "sk": {"S": name}, "value": {"S": json.dumps({"name": name})}}
        ddb.put_item(TableName="families", Item=item)
    keys = {"endpoint_url": endpoint, "boto3_session": session}
    assert DynamoDBProvider(table_name="parameters", **keys).get("colour") == "blue"
    families = DynamoDBProvider(table_name="families", **keys)
    found = families.get_multiple("f", transform="json")
    assert found == {"a": {"name": "a"}, "b": {"name": "b"}}


def test_records_of_a_stream_as_a_function_gets_them(
    ddb: Any, ann: Person, client: Callable[..., Any]
) -> None:
    """The records are what an event source mapping hands over; of those that fail the numbers are told."""
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    make_table(ddb, "watched", "id", StreamSpecification=stream)
    item = {"id": {"S": "1"}, "n": {"N": "1.50"}, "s": {"SS": ["b", "a"]}, "b": {"B": b"\xff"}}
    ddb.put_item(TableName="watched", Item=item)
    ddb.put_item(TableName="watched", Item={"id": {"S": "1"}, "n": {"NULL": True}})
    ddb.delete_item(TableName="watched", Key={"id": {"S": "1"}})
    bodies: list[bytes] = []
    streams = ann.client("dynamodbstreams")
    streams.meta.events.register(
        "before-parse.dynamodbstreams.GetRecords",
        lambda response_dict, **_: bodies.append(response_dict["body"]),
    )
    arn = streams.list_streams(TableName="watched")["Streams"][0]["StreamArn"]
    shards = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    for shard in shards:
        iterator = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )
        streams.get_records(ShardIterator=iterator["ShardIterator"])
    records = [record for body in bodies for record in json.loads(body)["Records"]]
    assert len(records) == 3
    seen: list[Any] = []

    def handle(record: DynamoDBRecord) -> None:
        assert record.dynamodb is not None
        seen.append((record.event_name and record.event_name.name, record.dynamodb.new_image))
        if record.event_name and record.event_name.name == "REMOVE":
            raise ValueError("not this one")

    told = process_partial_response(
        event={"Records": records},
        record_handler=handle,
        processor=BatchProcessor(event_type=EventType.DynamoDBStreams),
        context=CONTEXT,
    )
    failed = [records[2]["dynamodb"]["SequenceNumber"]]
    assert [one["itemIdentifier"] for one in told["batchItemFailures"]] == failed
    assert [name for name, _ in seen] == ["INSERT", "MODIFY", "REMOVE"]
    image = seen[0][1]
    assert (image["id"], float(image["n"]), image["s"]) == ("1", 1.5, {"a", "b"})
    assert seen[1][1] == {"id": "1", "n": None}
