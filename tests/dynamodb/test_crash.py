"""Killed in the middle of writing: what was acknowledged is there, indexes agree, and jobs go on."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from servers import kill_under

from .support import index, key, make_table


def test_what_was_acknowledged_outlives_a_kill(own_server: Any) -> None:
    server = own_server()
    ddb = server.client("dynamodb", "000000000042")
    make_table(
        ddb,
        definitions=[{"AttributeName": "g", "AttributeType": "S"}],
        GlobalSecondaryIndexes=[index("by_g", "g", "sk")],
    )
    acknowledged: list[int] = []
    enough = threading.Event()

    def write(lane: int) -> None:
        mine = server.client("dynamodb", "000000000042")
        for number in range(lane * 1000, lane * 1000 + 1000):
            pair = [
                {"Put": {"TableName": "things", "Item": {**key(half, number), "g": {"S": "g"}}}}
                for half in ("left", "right")
            ]
            try:
                mine.transact_write_items(TransactItems=pair)
            except (BotoCoreError, ClientError):
                return
            acknowledged.append(number)
            if len(acknowledged) > 100:
                enough.set()

    kill_under(server, enough, *(partial(write, lane) for lane in range(3)))
    server.start()
    ddb = server.client("dynamodb", "000000000042")

    def numbers(half: str) -> set[int]:
        pages = ddb.get_paginator("query").paginate(
            TableName="things",
            KeyConditionExpression="pk = :p",
            ExpressionAttributeValues={":p": {"S": half}},
        )
        return {int(item["sk"]["N"]) for page in pages for item in page["Items"]}

    left, right = numbers("left"), numbers("right")
    assert left == right, "a transaction is there as a whole or not at all"
    assert left >= set(acknowledged)
    entries = ddb.scan(TableName="things", IndexName="by_g", Select="COUNT")["Count"]
    assert entries == 2 * len(left)
