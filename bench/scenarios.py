"""What is measured: for each operation, how to prepare a server and which signed requests to send."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import quote

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bench.seed import DEEP, WIDE
from bench.servers import Target

ITEMS = 1000
PREPARED = 512
TABLE = "bench"
BUCKET = "bench-bucket"
SMALL = b"x" * 4096
LARGE = bytes(range(256)) * (64 * 1024 * 1024 // 256)


@dataclass(frozen=True, slots=True)
class Scenario:
    """`bar`: how many times the peer's rate is to be reached; None where there is none to reach."""

    name: str
    requests: Callable[[Target], list[bytes]]
    connections: int = 16
    seconds: float = 4.0
    bar: float | None = None
    peer: bool = True
    status: int = 200


def signed(
    target: Target, service: str, method: str, path: str, headers: dict[str, str], body: bytes
) -> bytes:
    """The bytes of one request, signed with Signature Version 4."""
    request = AWSRequest(method, target.url + path, headers=headers, data=body)
    credentials = Credentials(target.access_key_id, target.secret_access_key, target.session_token)
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(credentials, service, "us-east-1").add_auth(request)
    host = target.url.removeprefix("http://")
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def dynamodb(target: Target, operation: str, body: dict) -> bytes:
    headers = {
        "X-Amz-Target": f"DynamoDB_20120810.{operation}",
        "Content-Type": "application/x-amz-json-1.0",
    }
    return signed(target, "dynamodb", "POST", "/", headers, json.dumps(body).encode())


def item(number: int) -> dict:
    """About 400 bytes: a key, a range key and eight more attributes."""
    return {
        "pk": {"S": f"customer#{number % 50:04d}"},
        "sk": {"S": f"order#{number:08d}"},
        "status": {"S": "shipped"},
        "total": {"N": str(number * 7 % 10_000)},
        "currency": {"S": "EUR"},
        "paid": {"BOOL": True},
        "lines": {"L": [{"M": {"sku": {"S": "A-1"}, "count": {"N": "2"}}}]},
        "tags": {"SS": ["a", "b"]},
        "note": {"S": "leave it at the door " * 4},
        "version": {"N": "1"},
    }


def prepare(target: Target) -> None:
    """A table with a thousand items, a bucket with small and large objects."""
    tables = target.client("dynamodb")
    tables.create_table(
        TableName=TABLE,
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    tables.get_waiter("table_exists").wait(TableName=TABLE, WaiterConfig={"Delay": 1})
    for start in range(0, ITEMS, 25):
        puts = [{"PutRequest": {"Item": item(n)}} for n in range(start, start + 25)]
        tables.batch_write_item(RequestItems={TABLE: puts})
    objects = target.client("s3")
    objects.create_bucket(Bucket=BUCKET)
    for number in range(64):
        objects.put_object(Bucket=BUCKET, Key=f"small/{number:04d}", Body=SMALL)
    objects.put_object(Bucket=BUCKET, Key="large", Body=LARGE)


def key(number: int) -> dict:
    whole = item(number)
    return {"pk": whole["pk"], "sk": whole["sk"]}


def get_item(target: Target) -> list[bytes]:
    return [
        dynamodb(target, "GetItem", {"TableName": TABLE, "Key": key(n)}) for n in range(PREPARED)
    ]


def put_item(target: Target) -> list[bytes]:
    return [
        dynamodb(target, "PutItem", {"TableName": TABLE, "Item": item(n)}) for n in range(PREPARED)
    ]


def update_item(target: Target) -> list[bytes]:
    return [
        dynamodb(
            target,
            "UpdateItem",
            {
                "TableName": TABLE,
                "Key": key(n),
                "UpdateExpression": "SET #s = :s ADD version :one",
                "ExpressionAttributeNames": {"#s": "status"},
                "ExpressionAttributeValues": {":s": {"S": "paid"}, ":one": {"N": "1"}},
            },
        )
        for n in range(PREPARED)
    ]


def query(target: Target) -> list[bytes]:
    """Twenty items of one partition: about 8 KB."""
    return [
        dynamodb(
            target,
            "Query",
            {
                "TableName": TABLE,
                "KeyConditionExpression": "pk = :p AND begins_with(sk, :o)",
                "ExpressionAttributeValues": {
                    ":p": {"S": f"customer#{n % 50:04d}"},
                    ":o": {"S": "order#"},
                },
            },
        )
        for n in range(PREPARED)
    ]


def get_object(target: Target) -> list[bytes]:
    return [
        signed(target, "s3", "GET", f"/{BUCKET}/small/{n % 64:04d}", {}, b"")
        for n in range(PREPARED)
    ]


def put_object(target: Target) -> list[bytes]:
    headers = {"Content-Type": "application/octet-stream"}
    return [
        signed(target, "s3", "PUT", f"/{BUCKET}/put/{n:04d}", headers, SMALL)
        for n in range(PREPARED)
    ]


def head_object(target: Target) -> list[bytes]:
    return [
        signed(target, "s3", "HEAD", f"/{BUCKET}/small/{n % 64:04d}", {}, b"")
        for n in range(PREPARED)
    ]


def list_objects(target: Target) -> list[bytes]:
    """Sixty-four keys."""
    path = f"/{BUCKET}?delimiter=%2F&list-type=2&prefix=small%2F"
    return [signed(target, "s3", "GET", path, {}, b"")]


def pages(target: Target, bucket: str) -> dict[str, bytes]:
    """Pages of a thousand answers from a bucket that `bench.seed` filled."""
    queries = {
        "common prefixes, one deep": f"delimiter=%2F&list-type=2&prefix={quote(WIDE, safe='')}",
        "common prefixes, six deep": f"delimiter=%2F&list-type=2&prefix={quote(DEEP, safe='')}",
        "keys": "list-type=2",
        "versions": "versions=",
    }
    return {
        name: signed(target, "s3", "GET", f"/{bucket}?{query}", {}, b"")
        for name, query in queries.items()
    }


def get_large(target: Target) -> list[bytes]:
    return [signed(target, "s3", "GET", f"/{BUCKET}/large", {}, b"")]


def put_large(target: Target) -> list[bytes]:
    headers = {"Content-Type": "application/octet-stream"}
    return [signed(target, "s3", "PUT", f"/{BUCKET}/put/large", headers, LARGE)]


def invoke(target: Target) -> list[bytes]:
    return [
        signed(target, "lambda", "POST", "/2015-03-31/functions/bench-warm/invocations", {}, b"{}")
    ]


POLICIES = ("AmazonDynamoDBFullAccess", "AmazonS3ReadOnlyAccess", "CloudWatchLogsFullAccess")


def root_and_role(target: Target) -> tuple[Target, Target]:
    """The account's root, and a role with three managed policies, each with keys that this server issued."""
    iam = target.client("iam")
    arn = iam.create_role(
        RoleName="bench-reader",
        AssumeRolePolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": {
                    "Effect": "Allow",
                    "Principal": {"AWS": "*"},
                    "Action": "sts:AssumeRole",
                },
            }
        ),
    )["Role"]["Arn"]
    for name in POLICIES:
        iam.attach_role_policy(RoleName="bench-reader", PolicyArn=f"arn:aws:iam::aws:policy/{name}")
    told = target.client("sts").assume_role(RoleArn=arn, RoleSessionName="bench")["Credentials"]
    role = replace(
        target,
        access_key_id=told["AccessKeyId"],
        secret_access_key=told["SecretAccessKey"],
        session_token=told["SessionToken"],
    )
    unissued = replace(target, access_key_id="000000000000", secret_access_key="x")
    key = unissued.client("iam").create_access_key()["AccessKey"]
    root = replace(
        target, access_key_id=key["AccessKeyId"], secret_access_key=key["SecretAccessKey"]
    )
    return root, role


def make_function(target: Target, name: str) -> None:
    """A Python function that answers at once."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "def handler(event, context):\n    return event\n")
    functions = target.client("lambda")
    functions.create_function(
        FunctionName=name,
        Runtime="python3.11",
        Handler="app.handler",
        Role="arn:aws:iam::000000000000:role/bench",
        Code={"ZipFile": code.getvalue()},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})


def reported_ms(answer: dict) -> float:
    """The function's own duration, from the REPORT line of its log tail."""
    log = base64.b64decode(answer["LogResult"]).decode()
    return float(log.split("\tDuration: ")[1].split(" ms")[0])


SCENARIOS = [
    Scenario("GetItem", get_item, bar=15),
    Scenario("PutItem", put_item, bar=15),
    Scenario("UpdateItem", update_item, bar=15),
    Scenario("Query (20 items)", query, bar=15),
    Scenario("GetObject 4 KiB", get_object, bar=8),
    Scenario("PutObject 4 KiB", put_object, bar=8),
    Scenario("HeadObject", head_object, bar=8),
    Scenario("ListObjectsV2 (64 keys)", list_objects),
    Scenario("GetObject 64 MiB", get_large, connections=2),
    Scenario("PutObject 64 MiB", put_large, connections=2),
    Scenario("PutItem, 1 connection", put_item, connections=1),
]
