"""Twenty times: clients write, the whole server is killed with -9 at a random moment and started again.

Then everything that was acknowledged is there and whole, nothing is there by half, and every asynchronous
invocation that was accepted has run.
"""

from __future__ import annotations

import hashlib
import io
import json
import random
import threading
import zipfile
from collections.abc import Callable, Iterator

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from servers import Server

ROUNDS = 20
ACCOUNT = "123456789012"
BUCKET = "crash-bucket"
SIZES = (10, 4_000, 70_000, 600_000)
UNREACHABLE = (BotoCoreError, ClientError, OSError)

FUNCTION = """
import boto3
ran = boto3.resource("dynamodb").Table("ran")

def handler(event, context):
    ran.put_item(Item={"id": event["id"]})
"""


def body_of(key: str) -> bytes:
    """What an object of this key must hold: its size and every byte follow from the key."""
    size = SIZES[int(key.rpartition("-")[2]) % len(SIZES)]
    seed = hashlib.sha256(key.encode()).digest()
    return (seed * (size // len(seed) + 1))[:size]


class Writers:
    """Clients that write until they are told to stop, and remember what was acknowledged."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.objects: set[str] = set()
        self.pairs: set[str] = set()
        self.invocations: set[str] = set()
        self.refused: list[str] = []
        self._stop = threading.Event()

    def run(self, number: int, seconds: float) -> None:
        """Write for about `seconds`, then kill the server under the writers."""
        self._stop.clear()
        work = (self._objects, self._objects, self._pairs, self._invocations)
        threads = [
            threading.Thread(target=write, args=(f"{number}-{index}",))
            for index, write in enumerate(work)
        ]
        for thread in threads:
            thread.start()
        self._stop.wait(seconds)
        self._server.kill()
        self._stop.set()
        for thread in threads:
            thread.join()

    def _names(self, writer: str) -> Iterator[str]:
        count = 0
        while not self._stop.is_set():
            yield f"{writer}-{count}"
            count += 1

    def _objects(self, writer: str) -> None:
        s3 = self._server.client("s3", ACCOUNT)
        self._until_dead(
            writer,
            self.objects,
            lambda key: s3.put_object(Bucket=BUCKET, Key=key, Body=body_of(key)),
        )

    def _pairs(self, writer: str) -> None:
        """Two items in two tables, in one transaction."""
        tables = self._server.client("dynamodb", ACCOUNT)

        def put(name: str) -> None:
            items = [
                {"Put": {"TableName": table, "Item": {"id": {"S": name}}}}
                for table in ("left", "right")
            ]
            tables.transact_write_items(TransactItems=items)

        self._until_dead(writer, self.pairs, put)

    def _invocations(self, writer: str) -> None:
        functions = self._server.client("lambda", ACCOUNT)
        self._until_dead(
            writer,
            self.invocations,
            lambda name: functions.invoke(
                FunctionName="f", InvocationType="Event", Payload=json.dumps({"id": name})
            ),
        )

    def _until_dead(self, writer: str, done: set[str], act: Callable[[str], object]) -> None:
        for name in self._names(writer):
            try:
                act(name)
            except ClientError as error:
                self.refused.append(f"{name}: {error}")
                return
            except UNREACHABLE:
                return
            done.add(name)


@pytest.mark.xdist_group("crash")
def test_nothing_acknowledged_is_lost(own_server: Callable[..., Server]) -> None:
    server = own_server()
    prepare(server)
    writers = Writers(server)
    chance = random.Random(4566)
    for number in range(ROUNDS):
        writers.run(number, 0.1 + chance.random() * 0.5)
        server.start()
        assert not writers.refused, writers.refused
        every_object_is_whole(server, writers.objects)
        pairs_are_whole(server, writers.pairs)
    assert writers.objects
    assert writers.pairs
    assert writers.invocations
    every_invocation_ran(server, writers.invocations)


def prepare(server: Server) -> None:
    tables = server.client("dynamodb", ACCOUNT)
    for name in ("left", "right", "ran"):
        tables.create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
    server.client("s3", ACCOUNT).create_bucket(Bucket=BUCKET)
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", FUNCTION)
    functions = server.client("lambda", ACCOUNT)
    functions.create_function(
        FunctionName="f",
        Runtime="python3.11",
        Handler="app.handler",
        Role=f"arn:aws:iam::{ACCOUNT}:role/r",
        Timeout=30,
        Code={"ZipFile": code.getvalue()},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName="f", WaiterConfig={"Delay": 1})


def every_object_is_whole(server: Server, acknowledged: set[str]) -> None:
    s3 = server.client("s3", ACCOUNT)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    listed = {entry["Key"]: entry["Size"] for page in pages for entry in page.get("Contents", [])}
    assert acknowledged <= set(listed), f"lost: {sorted(acknowledged - set(listed))[:10]}"
    newest = max(int(key.split("-")[0]) for key in listed)
    for key, size in listed.items():
        assert size == len(body_of(key)), key
        if int(key.split("-")[0]) >= newest:  # the others were read in their own round
            assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == body_of(key), key


def ids(server: Server, table: str) -> set[str]:
    scan = server.client("dynamodb", ACCOUNT).get_paginator("scan")
    pages = scan.paginate(TableName=table, ConsistentRead=True)
    return {item["id"]["S"] for page in pages for item in page["Items"]}


def pairs_are_whole(server: Server, acknowledged: set[str]) -> None:
    left, right = ids(server, "left"), ids(server, "right")
    assert left == right, f"a transaction is there by half: {sorted(left ^ right)[:10]}"
    assert acknowledged <= left, f"lost: {sorted(acknowledged - left)[:10]}"


def every_invocation_ran(server: Server, accepted: set[str]) -> None:
    """At least once. A function killed in the middle is retried, by the clock after a minute or two."""
    for _ in range(4):
        assert server.ask("POST", "/_pilvi/idle", {"timeout_s": 60})["idle"]
        if accepted <= ids(server, "ran"):
            return
        server.ask("POST", "/_pilvi/clock", {"action": "advance", "by_ms": 150_000})
    missing = accepted - ids(server, "ran")
    raise AssertionError(f"{len(missing)} of {len(accepted)} never ran: {sorted(missing)[:10]}")
