"""DynamoDB Streams as an event source, through the API: from a write to the function, and to what hears of failures."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambda_.mappings.support import Workshop, until
from lambda_.support import Functions, package
from persons import trust
from servers import Server

NOTES = package("""
import boto3, json, os
sqs = boto3.client("sqs")
def handler(event, context):
    sqs.send_message(QueueUrl=os.environ["NOTES"], MessageBody=json.dumps({"event": event}))
    if any("boom" in record["dynamodb"]["Keys"]["pk"]["S"] for record in event["Records"]):
        raise RuntimeError("as it was told")
""")


class Table:
    def __init__(self, dynamodb: Any) -> None:
        self.dynamodb = dynamodb
        made = dynamodb.create_table(
            TableName="things",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        self.stream = made["TableDescription"]["LatestStreamArn"]

    def write(self, *names: str) -> None:
        for name in names:
            self.dynamodb.put_item(TableName="things", Item={"pk": {"S": name}})


@pytest.fixture
def table(client: Callable[..., Any]) -> Table:
    return Table(client("dynamodb"))


def _map(workshop: Workshop, table: Table, **request: Any) -> str:
    made = workshop.lambda_.create_event_source_mapping(
        EventSourceArn=table.stream, FunctionName="work", **request
    )
    assert (made["State"], made["LastProcessingResult"]) == ("Creating", "No records processed")
    workshop.until_state(made["UUID"], "Enabled")
    return made["UUID"]


def _names(note: Any) -> list[str]:
    return [record["dynamodb"]["Keys"]["pk"]["S"] for record in note["event"]["Records"]]


# What is written once the mapping is Enabled reaches the function, and nothing of before with LATEST.
def test_changes_reach_the_function(workshop: Workshop, table: Table) -> None:
    workshop.function(source=NOTES)
    table.write("before")
    uuid = _map(workshop, table, StartingPosition="LATEST")
    table.write("a")
    (note,) = workshop.noted(1)
    assert _names(note) == ["a"]
    (record,) = note["event"]["Records"]
    assert record["eventSourceARN"] == table.stream
    assert "before" not in str(record)
    workshop.nothing_more()
    mapping = workshop.lambda_.get_event_source_mapping(UUID=uuid)
    assert mapping["LastProcessingResult"] == "OK"
    # Disabled, it takes nothing; enabled again, it goes on where it stopped.
    workshop.lambda_.update_event_source_mapping(UUID=uuid, Enabled=False)
    workshop.until_state(uuid, "Disabled")
    table.write("b")
    workshop.nothing_more()
    workshop.lambda_.update_event_source_mapping(UUID=uuid, Enabled=True)
    assert _names(workshop.noted(1)[0]) == ["b"]


# What the function cannot handle is told to a queue as recorded from AWS; what follows is handled.
def test_failures_are_told_to_a_queue(workshop: Workshop, table: Table) -> None:
    workshop.function(source=NOTES)
    given_up = workshop.queue("given-up")
    table.write("boom", "a")
    uuid = _map(
        workshop,
        table,
        StartingPosition="TRIM_HORIZON",
        BatchSize=1,
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": workshop.arn(given_up)}},
    )
    assert [_names(note) for note in workshop.noted(3)] == [["boom"], ["boom"], ["a"]]
    (message,) = workshop.sqs.receive_message(QueueUrl=given_up, WaitTimeSeconds=20)["Messages"]
    told = json.loads(message["Body"])
    assert list(told) == [
        *("requestContext", "responseContext", "version", "timestamp", "DDBStreamBatchInfo")
    ]
    assert told["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert told["requestContext"]["approximateInvokeCount"] == 2
    mapping = workshop.lambda_.get_event_source_mapping(UUID=uuid)
    assert told["requestContext"]["functionArn"] == mapping["FunctionArn"]
    assert told["DDBStreamBatchInfo"]["batchSize"] == 1
    workshop.nothing_more()


# A bucket gets the records as well.
def test_failures_are_told_to_a_bucket(
    workshop: Workshop, table: Table, client: Callable[..., Any]
) -> None:
    workshop.function(source=NOTES)
    s3, bucket = client("s3"), f"given-up-{workshop.account}"
    s3.create_bucket(Bucket=bucket)
    table.write("boom")
    uuid = _map(
        workshop,
        table,
        StartingPosition="TRIM_HORIZON",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": f"arn:aws:s3:::{bucket}"}},
    )
    (note,) = workshop.noted(1)
    listed = until(lambda: s3.list_objects_v2(Bucket=bucket), lambda page: "Contents" in page)
    (found,) = listed["Contents"]
    told = json.loads(s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read())
    shard = told["DDBStreamBatchInfo"]["shardId"]
    assert found["Key"].startswith(f"aws/lambda/{uuid}/{shard}/2")
    assert told["payload"] == note["event"]


# Refused as AWS refuses: a stream that is not there, a role that may not read, destinations that do not exist yet.
def test_refusals(workshop: Workshop, table: Table, client: Callable[..., Any]) -> None:
    workshop.function(source=NOTES)

    def refusal(**request: Any) -> str:
        asked = {"EventSourceArn": table.stream, "StartingPosition": "LATEST", **request}
        with pytest.raises(ClientError) as refused:
            workshop.lambda_.create_event_source_mapping(**{"FunctionName": "work", **asked})
        return refused.value.response["Error"]["Message"]

    gone = table.stream[:-1] + "x"
    assert refusal(EventSourceArn=gone) == f"Stream not found: {gone}"
    topic = f"arn:aws:sns:us-east-1:{workshop.account}:topic"
    assert "sns" in refusal(DestinationConfig={"OnFailure": {"Destination": topic}})
    pattern = {"Filters": [{"Pattern": "single-string"}]}
    assert refusal(FilterCriteria=pattern) == "Invalid filter pattern definition."
    iam = client("iam")
    role_trust = trust(Service="lambda.amazonaws.com")
    role = iam.create_role(RoleName="narrow", AssumeRolePolicyDocument=role_trust)["Role"]
    workshop.function("narrow", source=NOTES, Role=role["Arn"])

    def permit(*actions: str) -> None:
        statement = {
            "Effect": "Allow",
            "Action": [f"dynamodb:{action}" for action in actions],
            "Resource": table.stream,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
        iam.put_role_policy(RoleName="narrow", PolicyName="p", PolicyDocument=policy)

    reading = ("GetRecords", "GetShardIterator", "DescribeStream")
    permit(*reading)
    assert refusal(FunctionName="narrow") == (
        f"Cannot access stream {table.stream}. Please ensure the role can perform the GetRecords,"
        " GetShardIterator, DescribeStream, and ListStreams Actions on your stream in IAM."
    )
    permit(*reading, "ListStreams")
    queue = workshop.arn(workshop.queue("given-up"))
    assert "SendMessage" in refusal(
        FunctionName="narrow", DestinationConfig={"OnFailure": {"Destination": queue}}
    )
    workshop.lambda_.create_event_source_mapping(
        EventSourceArn=table.stream, FunctionName="narrow", StartingPosition="LATEST"
    )


COPY = package("""
import boto3
dynamodb = boto3.client("dynamodb")
def handler(event, context):
    for record in event["Records"]:
        image = record["dynamodb"]["NewImage"]
        dynamodb.update_item(
            TableName="seen",
            Key={"pk": image["pk"]},
            UpdateExpression="SET seen = list_append(if_not_exists(seen, :none), :n)",
            ExpressionAttributeValues={":none": {"L": []}, ":n": {"L": [image["n"]]}},
        )
""")


def _create(dynamodb: Any, name: str) -> str:
    """The ARN of the new table's stream."""
    made = dynamodb.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    return made["TableDescription"]["LatestStreamArn"]


# Killed in the middle of batches: every write reaches the function, those of an item in order, and
# twice only what ran when the server was killed.
def test_nothing_is_lost_by_a_kill(tmp_path: Path) -> None:
    server = Server(tmp_path / "data").start()
    try:
        account = "000000000077"
        dynamodb = server.client("dynamodb", account)
        functions = Functions(server.client("lambda", account), account)
        stream = [_create(dynamodb, name) for name in ("seen", "things")][1]
        functions.create("copy", COPY, MemorySize=512)
        functions.client.create_event_source_mapping(
            EventSourceArn=stream,
            FunctionName="copy",
            StartingPosition="TRIM_HORIZON",
            BatchSize=4,
            ParallelizationFactor=2,
        )
        things = [f"thing-{number}" for number in range(6)]

        def write(n: int) -> None:
            for thing in things:
                item = {"pk": {"S": thing}, "n": {"N": str(n)}}
                dynamodb.put_item(TableName="things", Item=item)

        def seen() -> dict[str, list[int]]:
            items = dynamodb.scan(TableName="seen", ConsistentRead=True)["Items"]
            return {item["pk"]["S"]: [int(n["N"]) for n in item["seen"]["L"]] for item in items}

        for n in range(3):
            write(n)
        until(seen, bool)
        server.kill()
        server.start()
        dynamodb = server.client("dynamodb", account)
        write(3)
        assert server.ask("POST", "/_pilvi/idle", {"timeout_s": 30})["idle"]
        repeats = 0
        for numbers in (found := seen()).values():
            assert sorted(set(numbers)) == [0, 1, 2, 3]
            first_seen = list(dict.fromkeys(numbers))
            assert first_seen == sorted(first_seen)
            repeats += len(numbers) - 4
        assert set(found) == set(things)
        assert repeats <= 2 * 4, "a batch of four for each lane"
    finally:
        server.stop()
