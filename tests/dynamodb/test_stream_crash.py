"""Killed in the middle of writing: no record without its write, and no write without its record."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from servers import kill_under

from .streaming import change, read_all
from .support import key, make_table

ACCOUNT = "000000000043"


def test_records_are_as_durable_as_their_writes(own_server: Any) -> None:
    """Played back, the stream gives exactly the table, after each of two kills; and what was acknowledged is in it."""
    server = own_server()
    specification = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    make_table(server.client("dynamodb", ACCOUNT), StreamSpecification=specification)
    acknowledged: dict[str, int] = {}

    def write(lane: int, enough: threading.Event) -> None:
        mine = server.client("dynamodb", ACCOUNT)
        for number in range(acknowledged.get(f"k{lane}", -1) + 1, 100_000):
            item = {**key(f"k{lane}", 1), "n": {"N": str(number)}}
            beside = {**key(f"beside{lane}", number), "n": {"N": str(number)}}
            pair = [{"Put": {"TableName": "things", "Item": one}} for one in (item, beside)]
            try:
                mine.transact_write_items(TransactItems=pair)
            except (BotoCoreError, ClientError):
                return
            acknowledged[f"k{lane}"] = number
            if number % 30 == 29:
                enough.set()

    for _ in range(2):
        enough = threading.Event()
        kill_under(server, enough, *(partial(write, lane, enough) for lane in range(3)))
        server.start()
        ddb, streams = (server.client(name, ACCOUNT) for name in ("dynamodb", "dynamodbstreams"))
        arn = ddb.describe_table(TableName="things")["Table"]["LatestStreamArn"]
        played: dict[tuple[str, str], Any] = {}
        for record in read_all(streams, arn):
            keys = record["dynamodb"]["Keys"]
            place = (keys["pk"]["S"], keys["sk"]["N"])
            event, old, new = change(record)
            assert old == played.get(place), "each change begins where the one before ended"
            assert event == ("INSERT" if old is None else "MODIFY")
            played[place] = new
        pages = ddb.get_paginator("scan").paginate(TableName="things")
        items = [item for page in pages for item in page["Items"]]
        assert played == {(item["pk"]["S"], item["sk"]["N"]): item for item in items}
        for name, number in acknowledged.items():
            assert int(played[name, "1"]["n"]["N"]) >= number
