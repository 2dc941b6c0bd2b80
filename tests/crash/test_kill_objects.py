"""Clients put versions, parts and encrypted objects while the whole server is killed with -9, again and again.

Whatever was acknowledged is there, whole, and told; what is there and was not acknowledged is whole and told, too;
nothing else is told.
"""

from __future__ import annotations

import hashlib
import io
import random
import threading
import time
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from pilvi.store.check import check
from servers import Server

ROUNDS = 4
ACCOUNT = "123456789012"
VERSIONED, SEALED, JOINED = "crash-versions", "crash-sealed", "crash-joined"
KEYS = ("a", "b", "c")
SIZES = (64, 5_000, 90_000, 300_000)
CUSTOMERS_KEY = b"k" * 32
PART_MIN = 5 * 1024 * 1024
UNREACHABLE = (BotoCoreError, ClientError, OSError)

FUNCTION = """
import boto3
told = boto3.resource("dynamodb").Table("told")

def handler(event, context):
    for record in event["Records"]:
        stored = record["s3"]["object"]
        told.put_item(Item={"id": stored["key"] + " " + stored["versionId"]})
"""


def body_of(seed: str, size: int) -> bytes:
    """It begins with what all of it follows from, so that whoever reads it knows whether it is whole."""
    head = f"{seed} {size}".encode().ljust(64)
    block = hashlib.sha256(head).digest()
    return (head + block * (size // len(block) + 1))[:size]


def is_whole(body: bytes) -> bool:
    seed, size = body[:64].decode().split()
    return body == body_of(seed, int(size))


class Writers:
    """Clients that write until the server is dead, and remember what was acknowledged."""

    def __init__(self, server: Server, key_arn: str) -> None:
        self._server = server
        self._key_arn = key_arn
        self.versions: set[tuple[str, str]] = set()
        self.markers: set[tuple[str, str]] = set()
        self.sealed: set[str] = set()
        self.joined: set[str] = set()
        self.open: dict[str, tuple[str, list[dict[str, Any]]]] = {}
        """Of uploads that are open: key -> (id, parts)."""
        self.refused: list[str] = []

    def run(self, number: int, seconds: float) -> None:
        """Write until enough is acknowledged and `seconds` more, then kill the server under the writers."""
        over = threading.Event()
        work = (self._versions, self._sealed, self._joined, self._joined)
        threads = [
            threading.Thread(target=self._until_dead, args=(write, f"{number}-{index}", over))
            for index, write in enumerate(work)
        ]
        for thread in threads:
            thread.start()
        enough = self._acknowledged() + 20
        patient_until = time.monotonic() + 10
        while self._acknowledged() < enough and time.monotonic() < patient_until:
            over.wait(0.01)
        over.wait(seconds)
        self._server.kill()
        over.set()
        for thread in threads:
            thread.join()

    def _acknowledged(self) -> int:
        done = (self.versions, self.markers, self.sealed, self.joined)
        return sum(len(one) for one in done)

    def _until_dead(
        self, write: Callable[[Any, str, int], None], writer: str, over: threading.Event
    ) -> None:
        s3 = self._server.client("s3", ACCOUNT)
        count = 0
        while not over.is_set():
            try:
                write(s3, f"{writer}-{count}", count)
            except ClientError as error:
                self.refused.append(f"{writer}-{count}: {error}")
                return
            except UNREACHABLE:
                return
            count += 1

    def _versions(self, s3: Any, seed: str, count: int) -> None:
        """Every fourth is a delete marker."""
        key = KEYS[count % len(KEYS)]
        if count % 4 == 3:
            made = s3.delete_object(Bucket=VERSIONED, Key=key)
            self.markers.add((key, made["VersionId"]))
        else:
            body = body_of(seed, SIZES[count % len(SIZES)])
            made = s3.put_object(Bucket=VERSIONED, Key=key, Body=body)
            self.versions.add((key, made["VersionId"]))

    def _sealed(self, s3: Any, seed: str, count: int) -> None:
        """With a key of KMS and with the customer's, in turns."""
        how: dict[str, Any] = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self._key_arn}
        if count % 2:
            how = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": CUSTOMERS_KEY}
        name = f"{'customer' if count % 2 else 'kms'}/{seed}"
        body = body_of(seed, SIZES[count // 2 % len(SIZES)])
        s3.put_object(Bucket=SEALED, Key=name, Body=body, **how)
        self.sealed.add(name)

    def _joined(self, s3: Any, seed: str, count: int) -> None:
        """Uploads of one part, now and then of two."""
        size = 400_000 if count % 5 else PART_MIN + 100_000
        body = body_of(seed, size)
        to = {"Bucket": JOINED, "Key": seed}
        to["UploadId"] = s3.create_multipart_upload(**to)["UploadId"]
        parts: list[dict[str, Any]] = []
        for number, piece in enumerate((body[:PART_MIN], body[PART_MIN:]), 1):
            if piece:
                etag = s3.upload_part(**to, PartNumber=number, Body=piece)["ETag"]
                parts.append({"PartNumber": number, "ETag": etag})
        self.open[seed] = (to["UploadId"], parts)
        s3.complete_multipart_upload(**to, MultipartUpload={"Parts": parts})
        self.joined.add(seed)
        del self.open[seed]


@pytest.mark.xdist_group("crash")
def test_no_version_part_or_key_is_lost(own_server: Callable[..., Server]) -> None:
    server = own_server()
    writers = Writers(server, prepare(server))
    chance = random.Random(4566)
    for number in range(ROUNDS):
        writers.run(number, chance.random() * 0.1)
        server.start()
        assert not writers.refused, writers.refused
        versions_are_whole(server, writers, number)
        sealed_are_whole(server, writers, number)
        joined_are_whole(server, writers, number)
    assert writers.versions
    assert writers.markers
    assert writers.sealed
    assert writers.joined
    everything_there_is_told(server, writers)
    assert server.stop() == 0
    assert [one for one in check(server.data) if one.severity == "damage"] == []


def prepare(server: Server) -> str:
    """The buckets, and a function that notes what it is told. Gives the ARN of a key."""
    tables, functions = server.client("dynamodb", ACCOUNT), server.client("lambda", ACCOUNT)
    s3 = server.client("s3", ACCOUNT)
    tables.create_table(
        TableName="told",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", FUNCTION)
    arn = functions.create_function(
        FunctionName="f",
        Runtime="python3.11",
        Handler="app.handler",
        Role=f"arn:aws:iam::{ACCOUNT}:role/r",
        Timeout=30,
        Code={"ZipFile": code.getvalue()},
    )["FunctionArn"]
    functions.get_waiter("function_active_v2").wait(FunctionName="f", WaiterConfig={"Delay": 1})
    functions.add_permission(
        FunctionName="f",
        StatementId="s3",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
    )
    for bucket in (VERSIONED, SEALED, JOINED):
        s3.create_bucket(Bucket=bucket)
    enabled = {"Status": "Enabled"}
    s3.put_bucket_versioning(Bucket=VERSIONED, VersioningConfiguration=enabled)
    told = {"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=VERSIONED, NotificationConfiguration={"LambdaFunctionConfigurations": [told]}
    )
    return server.client("kms", ACCOUNT).create_key()["KeyMetadata"]["Arn"]


def listed_versions(s3: Any) -> tuple[dict[tuple[str, str], int], set[tuple[str, str]]]:
    """The sizes of all versions, and all delete markers."""
    sizes: dict[tuple[str, str], int] = {}
    markers: set[tuple[str, str]] = set()
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=VERSIONED):
        for one in page.get("Versions", []):
            sizes[one["Key"], one["VersionId"]] = one["Size"]
        markers |= {(one["Key"], one["VersionId"]) for one in page.get("DeleteMarkers", [])}
    return sizes, markers


def versions_are_whole(server: Server, writers: Writers, number: int) -> None:
    s3 = server.client("s3", ACCOUNT)
    sizes, markers = listed_versions(s3)
    assert writers.versions <= sizes.keys()
    assert writers.markers <= markers
    for (key, version), size in sizes.items():
        if size > 64 and number < ROUNDS - 1:
            continue  # the large ones are read in the end
        body = s3.get_object(Bucket=VERSIONED, Key=key, VersionId=version)["Body"].read()
        assert len(body) == size
        assert is_whole(body)


def sealed_are_whole(server: Server, writers: Writers, number: int) -> None:
    s3 = server.client("s3", ACCOUNT)
    names = keys_in(s3, SEALED)
    assert writers.sealed <= names
    for name in names:
        how = {}
        if name.startswith("customer/"):
            how = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": CUSTOMERS_KEY}
        if name.partition("/")[2].startswith(f"{number}-"):
            assert is_whole(s3.get_object(Bucket=SEALED, Key=name, **how)["Body"].read())


def joined_are_whole(server: Server, writers: Writers, number: int) -> None:
    """And an upload whose parts were acknowledged can still be completed, if it was not."""
    s3 = server.client("s3", ACCOUNT)
    for key, (upload_id, parts) in list(writers.open.items()):
        to = {"Bucket": JOINED, "Key": key, "UploadId": upload_id}
        try:
            s3.complete_multipart_upload(**to, MultipartUpload={"Parts": parts})
        except s3.exceptions.NoSuchUpload:
            pass  # it was done, and the answer lost
        del writers.open[key]
        writers.joined.add(key)
    names = keys_in(s3, JOINED)
    assert writers.joined <= names
    for name in names:
        if name.startswith(f"{number}-"):
            assert is_whole(s3.get_object(Bucket=JOINED, Key=name)["Body"].read())


def keys_in(s3: Any, bucket: str) -> set[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {one["Key"] for page in pages for one in page.get("Contents", [])}


def everything_there_is_told(server: Server, writers: Writers) -> None:
    """At least once. A function killed in the middle is retried, by the clock after a minute or two."""
    sizes, markers = listed_versions(server.client("s3", ACCOUNT))
    there = {f"{key} {version}" for key, version in {*sizes, *markers}}
    told: set[str] = set()
    for _ in range(4):
        assert server.ask("POST", "/_pilvi/idle", {"timeout_s": 60})["idle"]
        scan = server.client("dynamodb", ACCOUNT).get_paginator("scan")
        pages = scan.paginate(TableName="told", ConsistentRead=True)
        told = {item["id"]["S"] for page in pages for item in page["Items"]}
        if there <= told:
            break
        server.ask("POST", "/_pilvi/clock", {"action": "advance", "by_ms": 150_000})
    assert there - told == set(), "never told"
    assert told - there == set(), "told of what is not there"
