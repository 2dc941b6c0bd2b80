"""Killed in the middle of a backup and of a restore: both go on, and what comes out is of the instant asked for."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from servers import CloudClock, kill_under

from .support import index, make_table

ACCOUNT = "000000000044"
ITEMS = 1000


def test_backups_and_restores_go_on_after_a_kill(own_server: Any) -> None:
    """The kill comes soon after the answers, while others write the table that is copied."""
    server = own_server()
    ddb = server.client("dynamodb", ACCOUNT)
    make_table(
        ddb,
        definitions=[{"AttributeName": "g", "AttributeType": "S"}],
        GlobalSecondaryIndexes=[index("by_g", "g", projection="KEYS_ONLY")],
    )
    old = [
        {"pk": {"S": f"p{number}"}, "sk": {"N": "1"}, "g": {"S": "old"}, "x": {"S": "x" * 1000}}
        for number in range(ITEMS)
    ]
    for start in range(0, ITEMS, 25):
        puts = [{"PutRequest": {"Item": item}} for item in old[start : start + 25]]
        ddb.batch_write_item(RequestItems={"things": puts})
    recovery = {"PointInTimeRecoveryEnabled": True}
    ddb.update_continuous_backups(TableName="things", PointInTimeRecoverySpecification=recovery)
    arn = ddb.create_backup(TableName="things", BackupName="one")["BackupDetails"]["BackupArn"]
    ddb.restore_table_to_point_in_time(
        SourceTableName="things", TargetTableName="earlier", UseLatestRestorableTime=True
    )

    def rewrite(lane: int, enough: threading.Event) -> None:
        mine = server.client("dynamodb", ACCOUNT)
        for number in range(lane, ITEMS, 2):
            item = {**old[number], "g": {"S": "new"}}
            try:
                mine.put_item(TableName="things", Item=item)
            except (BotoCoreError, ClientError):
                return
            enough.set()

    enough = threading.Event()
    kill_under(server, enough, *(partial(rewrite, lane, enough) for lane in range(2)))
    server.start()
    ddb = server.client("dynamodb", ACCOUNT)
    clock = CloudClock(server)
    clock.wait_until_idle()
    told = ddb.describe_backup(BackupArn=arn)["BackupDescription"]
    assert told["BackupDetails"]["BackupStatus"] == "AVAILABLE"
    assert told["SourceTableDetails"]["ItemCount"] == ITEMS
    ddb.restore_table_from_backup(TargetTableName="backed", BackupArn=arn)
    clock.wait_until_idle()
    wanted = {item["pk"]["S"]: item for item in old}
    for name in ("backed", "earlier"):
        assert ddb.describe_table(TableName=name)["Table"]["TableStatus"] == "ACTIVE"
        pages = ddb.get_paginator("scan").paginate(TableName=name)
        items = {item["pk"]["S"]: item for page in pages for item in page["Items"]}
        assert items == wanted
        entries = ddb.query(
            TableName=name,
            IndexName="by_g",
            KeyConditionExpression="g = :g",
            ExpressionAttributeValues={":g": {"S": "old"}},
            Select="COUNT",
        )
        assert entries["Count"] == ITEMS
