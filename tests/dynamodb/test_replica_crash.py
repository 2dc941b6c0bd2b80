"""Killed in the middle: of replication, and of a replica's filling. And how much work replication is."""

from __future__ import annotations

import threading
import urllib.request
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from servers import CloudClock, Server, kill_under

from .replication import HOME, OTHER, THIRD, add_replica, contents, statuses
from .support import key, make_table

ACCOUNT = "000000000047"
ITEMS = 1300
"""Of the source of a new replica: more than two steps fill."""


def clients_of(server: Server) -> dict[str, Any]:
    return {
        region: server.client("dynamodb", ACCOUNT, region_name=region)
        for region in (HOME, OTHER, THIRD)
    }


def put(ddb: Any, pk: str, sk: int, number: int) -> None:
    ddb.put_item(TableName="things", Item={**key(pk, sk), "n": {"N": str(number)}})


def test_replicas_catch_up_after_kills(own_server: Any) -> None:
    """Two regions are written, the same items in both, and a third one is filled, while the server is killed twice:
    all three end alike, and have what was acknowledged."""
    server = own_server()
    clock = CloudClock(server)
    regions = clients_of(server)
    make_table(regions[HOME])
    for start in range(0, ITEMS, 25):
        batch = [{"PutRequest": {"Item": key("many", start + one)}} for one in range(25)]
        regions[HOME].batch_write_item(RequestItems={"things": batch})
    add_replica(regions[HOME], OTHER)
    clock.wait_until_idle()
    assert statuses(regions[HOME]) == {OTHER: "ACTIVE"}
    add_replica(regions[OTHER], THIRD)
    acknowledged: dict[str, int] = {}

    def write(region: str, enough: threading.Event) -> None:
        mine = server.client("dynamodb", ACCOUNT, region_name=region)
        for number in range(acknowledged.get(region, -1) + 1, 100_000):
            try:
                put(mine, region, number, number)
                put(mine, "both", number % 7, number)
                put(mine, "many", number % ITEMS, number)
            except (BotoCoreError, ClientError):
                return
            acknowledged[region] = number
            if number % 40 == 39:
                enough.set()

    for _ in range(2):
        enough = threading.Event()
        kill_under(server, enough, *(partial(write, one, enough) for one in (HOME, OTHER)))
        server.start()
    clock.wait_until_idle()
    regions = clients_of(server)
    assert statuses(regions[THIRD]) == {HOME: "ACTIVE", OTHER: "ACTIVE"}
    found = contents(regions[HOME])
    assert contents(regions[OTHER]) == found
    assert contents(regions[THIRD]) == found
    assert sum(pk == "many" for pk, _ in found) == ITEMS
    for region, number in acknowledged.items():
        assert all((region, one) in found for one in range(number + 1))


def test_replication_is_bounded_work(own_server: Any) -> None:
    """A write is followed by at most one step for each other region, steps take many writes at once, and where nothing
    is written nothing is done, whatever the clock does: a day later the stamps of deleted items are cleared away."""
    server = own_server()
    clock = CloudClock(server)
    regions = clients_of(server)
    make_table(regions[HOME])
    add_replica(regions[HOME], OTHER)
    clock.wait_until_idle()
    before = transactions(server)
    for number in range(20):
        put(regions[HOME if number % 2 else OTHER], "a", number, number)
    batch = [{"PutRequest": {"Item": key("b", number)}} for number in range(25)]
    regions[HOME].batch_write_item(RequestItems={"things": batch})
    for number in range(20):
        regions[OTHER].delete_item(TableName="things", Key=key("a", number))
    clock.wait_until_idle()
    assert contents(regions[HOME]) == contents(regions[OTHER])
    writes = 20 + 1 + 20
    assert transactions(server) - before < 5 * writes
    clock.freeze()
    clock.advance(seconds=26 * 3600)
    clock.wait_until_idle()
    before = transactions(server)
    for _ in range(3):
        clock.advance(seconds=24 * 3600)
        clock.wait_until_idle()
    assert transactions(server) - before < writes
    clock.resume()


def transactions(server: Server) -> int:
    with urllib.request.urlopen(f"{server.url}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    name = "pilvi_store_transactions_total"
    return int(float(next(line for line in lines if line.startswith(name)).split()[1]))
