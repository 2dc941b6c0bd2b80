"""Money that transactions move between accounts while others read: it is never seen in two places, nor in none.

What is asserted is more than AWS promises, whose Query and Scan read what is committed item by item: here each page of
a Query or a Scan, of the table or of an index, is of one instant, as TransactGetItems and BatchGetItem are. Several
pages are not. Transactions run one after another, so none is cancelled for a conflict.
"""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from pilvi.store.check import check
from servers import Server

from .support import index, make_simple_table, make_table

ACCOUNT = "000000000077"
BOOKS = ("bank", "mirror")
"""Two tables that every transfer changes alike."""
LEDGER = "ledger"
HOLDERS = 8
OPENING = 100
TRANSFERS = 60
"""Before the kill."""


def holder(number: int) -> dict[str, Any]:
    return {"pk": {"S": "holders"}, "sk": {"N": str(number)}}


def prepare(server: Server) -> None:
    ddb = server.client("dynamodb", ACCOUNT)
    by_group = index("by_group", "group", "sk")
    for table in BOOKS:
        make_table(
            ddb,
            table,
            definitions=[{"AttributeName": "group", "AttributeType": "S"}],
            GlobalSecondaryIndexes=[by_group],
        )
        opening = {"balance": {"N": str(OPENING)}, "group": {"S": "g"}}
        items = [holder(number) | opening for number in range(HOLDERS)]
        ddb.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": i}} for i in items]})
    make_simple_table(ddb, LEDGER)


def transfer(name: str, source: int, target: int, amount: int) -> list[dict[str, Any]]:
    """Out of one account and into another, in both books, and what the ledger says of it."""

    def change(table: str, number: int, change: int, least: int) -> dict[str, Any]:
        return {
            "Update": {
                "TableName": table,
                "Key": holder(number),
                "UpdateExpression": "ADD balance :change",
                "ConditionExpression": "balance >= :least",
                "ExpressionAttributeValues": {
                    ":change": {"N": str(change)},
                    ":least": {"N": str(least)},
                },
            }
        }

    entry = {"source": str(source), "target": str(target), "amount": str(amount)}
    item = {"pk": {"S": name}} | {member: {"N": text} for member, text in entry.items()}
    members = [change(table, source, -amount, amount) for table in BOOKS]
    members += [change(table, target, amount, 0) for table in BOOKS]
    return [*members, {"Put": {"TableName": LEDGER, "Item": item}}]


def replayed(ddb: Any) -> list[int]:
    """The balances that follow from the ledger."""
    balances = [OPENING] * HOLDERS
    for page in ddb.get_paginator("scan").paginate(TableName=LEDGER):
        for entry in page["Items"]:
            amount = int(entry["amount"]["N"])
            balances[int(entry["source"]["N"])] -= amount
            balances[int(entry["target"]["N"])] += amount
    return balances


# --- ways to read all balances of one instant


def balances_of(items: list[Any]) -> list[int]:
    found = {int(item["sk"]["N"]): int(item["balance"]["N"]) for item in items}
    assert sorted(found) == list(range(HOLDERS))
    return [found[number] for number in range(HOLDERS)]


def by_transaction(ddb: Any) -> list[int]:
    """Both tables at once; they are always alike."""
    gets = [
        {"Get": {"TableName": table, "Key": holder(number)}}
        for table in BOOKS
        for number in range(HOLDERS)
    ]
    items = [one["Item"] for one in ddb.transact_get_items(TransactItems=gets)["Responses"]]
    bank, mirror = balances_of(items[:HOLDERS]), balances_of(items[HOLDERS:])
    assert bank == mirror
    return bank


def by_batch(ddb: Any) -> list[int]:
    keys = {"Keys": [holder(number) for number in range(HOLDERS)]}
    found = ddb.batch_get_item(RequestItems=dict.fromkeys(BOOKS, keys))["Responses"]
    bank, mirror = (balances_of(found[table]) for table in BOOKS)
    assert bank == mirror
    return bank


def by_query(ddb: Any) -> list[int]:
    return balances_of(
        ddb.query(
            TableName=BOOKS[0],
            KeyConditionExpression="pk = :p",
            ExpressionAttributeValues={":p": {"S": "holders"}},
        )["Items"]
    )


def by_index(ddb: Any) -> list[int]:
    return balances_of(
        ddb.query(
            TableName=BOOKS[0],
            IndexName="by_group",
            KeyConditionExpression="#g = :g",
            ExpressionAttributeNames={"#g": "group"},
            ExpressionAttributeValues={":g": {"S": "g"}},
        )["Items"]
    )


def by_scan(ddb: Any) -> list[int]:
    return balances_of(ddb.scan(TableName=BOOKS[1])["Items"])


READS = (by_transaction, by_batch, by_query, by_index, by_scan)


def is_too_little(error: ClientError) -> bool:
    reasons = [one["Code"] for one in error.response.get("CancellationReasons", [])]
    return reasons == ["ConditionalCheckFailed"] * 2 + ["None"] * 3


class Tellers:
    """Clients that move money and clients that count it, until enough was moved."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.done: set[str] = set()
        self.counted = dict.fromkeys((read.__name__ for read in READS), 0)
        self.wrong: list[str] = []
        self.last: dict[int, dict[str, Any]] = {}
        """Of each mover, what it sent last, which may not have been answered."""
        self._numbers = itertools.count()
        self._ended = threading.Event()

    def work(self) -> None:
        """Until the server is killed."""
        ddb = self.server.client("dynamodb", ACCOUNT)  # each thread has a connection of its own
        threads = [threading.Thread(target=self._move, args=(ddb,)) for _ in range(3)]
        threads += [threading.Thread(target=self._count, args=(ddb, start)) for start in (0, 2)]
        for thread in threads:
            thread.start()
        self._ended.wait(60)
        self.server.kill()
        for thread in threads:
            thread.join()
        assert self.wrong == []
        assert len(self.done) >= TRANSFERS

    def _end(self, wrong: str) -> None:
        self.wrong.append(wrong)
        self._ended.set()

    def _move(self, ddb: Any) -> None:
        """Goes on past the end until the server is gone: so the kill meets transactions under way."""
        number = next(self._numbers)
        chance = random.Random(number)
        for step in range(100_000):
            name = f"{number}-{step}"
            source, target = chance.sample(range(HOLDERS), 2)
            members = transfer(name, source, target, chance.randrange(1, 100))
            self.last[number] = {"TransactItems": members, "ClientRequestToken": name}
            try:
                ddb.transact_write_items(**self.last[number])
            except ClientError as error:
                if not is_too_little(error):
                    return self._end(f"{error}: {error.response}")
            except BotoCoreError as error:
                return None if self._ended.is_set() else self._end(repr(error))
            else:
                self.done.add(name)
                if len(self.done) >= TRANSFERS:
                    self._ended.set()
        return None

    def _count(self, ddb: Any, start: int) -> None:
        for read in itertools.islice(itertools.cycle(READS), start, None):
            if self._ended.is_set():
                return None
            try:
                balances = read(ddb)
            except BotoCoreError as error:
                return None if self._ended.is_set() else self._end(repr(error))
            except (ClientError, AssertionError) as error:
                return self._end(f"{read.__name__}: {error!r}")
            if sum(balances) != HOLDERS * OPENING or min(balances) < 0:
                return self._end(f"{read.__name__}: {balances}")
            self.counted[read.__name__] += 1
        return None


@pytest.mark.parametrize("workers", [1, 2])
def test_the_sum_holds_whoever_looks(own_server: Callable[..., Server], workers: int) -> None:
    server = own_server("--workers", str(workers))
    prepare(server)
    tellers = Tellers(server)
    tellers.work()
    server.start()
    ddb = server.client("dynamodb", ACCOUNT)
    assert [read(ddb) for read in READS] == [replayed(ddb)] * len(READS)
    for request in tellers.last.values():  # what was done is not done again
        try:
            ddb.transact_write_items(**request)
        except ClientError as error:
            if not is_too_little(error):
                raise
    assert [read(ddb) for read in READS] == [replayed(ddb)] * len(READS)
    pages = ddb.get_paginator("scan").paginate(TableName=LEDGER)
    told = {item["pk"]["S"] for page in pages for item in page["Items"]}
    assert told >= tellers.done, "what was acknowledged is there"
    assert all(tellers.counted.values()), tellers.counted
    assert server.stop() == 0
    assert [one for one in check(server.data) if one.severity == "damage"] == []
