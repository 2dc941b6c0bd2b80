"""A server that is killed in the middle of imports and exports, and how they go on."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable

from servers import CloudClock, Server

from .support import make_simple_table, refusal
from .transfers import Transfers, counts

ACCOUNT = "000000000044"
ITEMS = 6000
PART = 0.1
"""How far an import is when the server is killed."""
WRONG = 1500
"""The number of an item that cannot be."""


def test_imports_go_on_where_they_stood(own_server: Callable[..., Server]) -> None:
    """Each item is there and counted once, of plain files and of compressed ones, which are read from their beginning.
    Until then the table is being created, and nobody gets at it. Errors may be written down twice."""
    server = own_server()

    def transfers() -> Transfers:
        clients = [server.client(name, ACCOUNT) for name in ("dynamodb", "s3")]
        return Transfers(*clients, CloudClock(server), "source")

    one = transfers()
    one.s3.create_bucket(Bucket="source")
    items = [{"pk": {"S": f"k{n}"}, "n": {"N": str(n)}} for n in range(ITEMS)]
    items[WRONG] = {"n": {"N": "0"}}
    text = b"".join(json.dumps({"Item": item}).encode() + b"\n" for item in items)
    one.put("plain", text)
    one.put("packed", gzip.compress(text))
    arns = [
        one.start("plain", "plain"),
        one.start("packed", "packed", InputCompressionType="GZIP"),
    ]
    while (told := one.told(arns[1]))["ProcessedItemCount"] < ITEMS * PART:
        assert told["ImportStatus"] == "IN_PROGRESS"
        time.sleep(0.002)
    _refuses_to_be_touched(one)
    server.kill()
    server.start()
    one = transfers()
    one.clock.wait_until_idle()
    for arn, table in zip(arns, ("plain", "packed"), strict=True):
        told = one.told(arn)
        assert counts(told) == (ITEMS, ITEMS - 1, 1), told
        assert told["FailureCode"] == "ItemValidationError"
        assert told["ProcessedSizeBytes"] == len(text)
        assert one.items(table) == {item["pk"]["S"]: item for item in items if "pk" in item}
        events = server.client("logs", ACCOUNT).get_log_events(
            logGroupName="/aws-dynamodb/imports",
            logStreamName=arn.rpartition("/")[2] + "/error",
            startFromHead=True,
        )["events"]
        pointers = [json.loads(event["message"])["itemS3Pointer"] for event in events]
        assert {pointer["itemIndex"] for pointer in pointers} == {WRONG}


def _refuses_to_be_touched(one: Transfers) -> None:
    table = one.ddb.describe_table(TableName="packed")["Table"]
    assert table["TableStatus"] == "CREATING"
    item = {"pk": {"S": "x"}}
    code, message = refusal(one.ddb.put_item, TableName="packed", Item=item)
    assert (code, message) == ("ResourceNotFoundException", "Requested resource not found")
    code, _ = refusal(one.ddb.scan, TableName="packed")
    assert code == "ResourceNotFoundException"
    code, message = refusal(one.ddb.delete_table, TableName="packed")
    assert (code, message) == (
        "ResourceInUseException",
        "Attempt to change a resource which is still in use: Table is being created: packed",
    )


def test_exports_go_on_where_they_stood(own_server: Callable[..., Server]) -> None:
    """Each item is in one file, as it was when the export was asked for. No upload is left unfinished."""
    server = own_server()

    def transfers() -> Transfers:
        clients = [server.client(name, ACCOUNT) for name in ("dynamodb", "s3")]
        return Transfers(*clients, CloudClock(server), "target")

    one = transfers()
    one.s3.create_bucket(Bucket="target")
    make_simple_table(one.ddb, "things")
    arn = one.recover("things")
    items = {f"k{n}": {"pk": {"S": f"k{n}"}, "x": {"S": "x" * 400_000}} for n in range(60)}
    for item in items.values():
        one.ddb.put_item(TableName="things", Item=item)
    export = one.begin(arn)["ExportArn"]
    one.ddb.delete_item(TableName="things", Key={"pk": {"S": "k3"}})
    while not _data(one) or not _uploads(one):
        assert one.told_of_export(export)["ExportStatus"] == "IN_PROGRESS"
        time.sleep(0.002)
    server.kill()
    server.start()
    one = transfers()
    one.clock.wait_until_idle()
    told = one.told_of_export(export)
    assert len(one.lines(told)) == len(items)
    assert one.exported(told) == items
    assert len(_data(one)) == 3
    assert not _uploads(one)


def _uploads(one: Transfers) -> bool:
    return "Uploads" in one.s3.list_multipart_uploads(Bucket="target")


def _data(one: Transfers) -> list[str]:
    found = one.s3.list_objects_v2(Bucket="target").get("Contents", [])
    return [file["Key"] for file in found if "/data/" in file["Key"]]
