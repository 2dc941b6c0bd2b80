"""What is measured: for each operation, how to prepare a server and which signed requests to send.

Those of DynamoDB are in `tables.py`, those of SQS in `queues.py`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import quote

from bench import queues, tables
from bench.requests import PREPARED, Scenario, signed
from bench.seed import DEEP, WIDE
from bench.servers import Target

BUCKET = "bench-bucket"
SMALL = b"x" * 4096
LARGE = bytes(range(256)) * (64 * 1024 * 1024 // 256)


def prepare(target: Target) -> None:
    """Tables with items, a bucket with small and large objects."""
    tables.prepare(target)
    queues.prepare(target)
    objects = target.client("s3")
    objects.create_bucket(Bucket=BUCKET)
    for number in range(64):
        objects.put_object(Bucket=BUCKET, Key=f"small/{number:04d}", Body=SMALL)
    objects.put_object(Bucket=BUCKET, Key="large", Body=LARGE)


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


def make_model(target: Target) -> None:
    """The bucket that `bench.seed` fills, and the object that it copies."""
    client = target.client("s3")
    client.create_bucket(Bucket="bench-keys")
    client.put_object(Bucket="bench-keys", Key="model", Body=b"x")


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


SCENARIOS = [
    *tables.SCENARIOS,
    *queues.SCENARIOS,
    Scenario("GetObject 4 KiB", get_object, bar=8),
    Scenario("PutObject 4 KiB", put_object, bar=8),
    Scenario("HeadObject", head_object, bar=8),
    Scenario("ListObjectsV2 (64 keys)", list_objects),
    Scenario("GetObject 64 MiB", get_large, connections=2),
    Scenario("PutObject 64 MiB", put_large, connections=2),
    Scenario("PutItem, 1 connection", tables.put_item, connections=1),
]
