"""`pilvi check` looks into queues: each kind of row is damaged once, and named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from pilvi.app import load_services
from pilvi.services.sqs.storage.rows import Counters
from pilvi.store.check import check
from pilvi.store.keys import after, pack
from servers import CloudClock, Server

from .support import arn_of, damages, receive, send

ACCOUNT = "000000000099"
Database = apsw.Connection


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Queues with rows of every kind; no server runs on them."""
    server = Server(tmp_path_factory.mktemp("check") / "data").start()
    clock = CloudClock(server)
    clock.freeze()
    sqs = server.client("sqs", ACCOUNT)
    urls = {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("plain", "dead")}
    fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true", "VisibilityTimeout": "1000"}
    urls["line"] = sqs.create_queue(QueueName="line.fifo", Attributes=fifo)["QueueUrl"]
    redrive = f'{{"deadLetterTargetArn": "{arn_of(sqs, urls["dead"])}", "maxReceiveCount": 1}}'
    once = {"RedrivePolicy": redrive, "VisibilityTimeout": "1"}
    urls["once"] = sqs.create_queue(QueueName="once", Attributes=once)["QueueUrl"]
    colour = {"colour": {"DataType": "String", "StringValue": "red"}}

    send(sqs, urls["plain"], "flies")
    assert receive(sqs, urls["plain"], 1, VisibilityTimeout=1000)
    send(sqs, urls["plain"], "was here", MessageAttributes=colour)
    assert receive(sqs, urls["plain"], 1, VisibilityTimeout=1)
    send(sqs, urls["plain"], "waits", DelaySeconds=900)
    for number in range(3):
        send(sqs, urls["plain"], f"{number}", MessageGroupId="tenant")
    for number in range(3):
        send(sqs, urls["line"], f"{number}", MessageGroupId="g")
    assert receive(sqs, urls["line"], 1, ReceiveRequestAttemptId="again")
    send(sqs, urls["once"], "unwanted")
    assert receive(sqs, urls["once"])
    clock.advance(seconds=2)
    for number in range(4):
        send(sqs, urls["dead"], f"{number}")
    assert not receive(sqs, urls["once"])  # it is in "dead" now, behind what is younger
    sqs.start_message_move_task(
        SourceArn=arn_of(sqs, urls["dead"]),
        DestinationArn=arn_of(sqs, urls["plain"]),
        MaxNumberOfMessagesPerSecond=1,
    )
    clock.wait_until_idle()
    assert server.stop() == 0
    return server.data


def under(queue: str, kind: str) -> bytes:
    return pack((ACCOUNT, "us-east-1", "sqs", "queue", queue, kind))


def rows(database: Database, prefix: bytes) -> list[tuple[bytes, bytes]]:
    asked = "SELECT key, value FROM kv WHERE key >= ? AND key < ? ORDER BY key"
    return database.execute(asked, (prefix, after(prefix))).fetchall()


Damage = Callable[[Database], None]


def lost(queue: str, kind: str, number: int = 0) -> Damage:
    def plant(database: Database) -> None:
        key, _ = rows(database, under(queue, kind))[number]
        database.execute("DELETE FROM kv WHERE key = ?", (key,))

    return plant


def garbled(queue: str, kind: str, value: bytes = b"\xc1", number: int = 0) -> Damage:
    def plant(database: Database) -> None:
        key, _ = rows(database, under(queue, kind))[number]
        database.execute("UPDATE kv SET value = ? WHERE key = ?", (value, key))

    return plant


def stray(queue: str, kind: str, *parts: Any, value: bytes = b"") -> Damage:
    def plant(database: Database) -> None:
        key = under(queue, kind) + pack(parts)
        database.execute("INSERT INTO kv VALUES (?, ?)", (key, value))

    return plant


def flipped(queue: str, old: bytes, new: bytes) -> Damage:
    def plant(database: Database) -> None:
        for key, value in rows(database, under(queue, "m")):
            if old in value:
                changed = value.replace(old, new)
                database.execute("UPDATE kv SET value = ? WHERE key = ?", (changed, key))

    return plant


def counted(queue: str, **wrongly: int) -> Damage:
    def plant(database: Database) -> None:
        ((key, value),) = rows(database, under(queue, "c"))
        counters = Counters(value)
        for name, number in wrongly.items():
            setattr(counters, name, number)
        database.execute("UPDATE kv SET value = ? WHERE key = ?", (counters.packed(), key))

    return plant


def gone(*start: str) -> Damage:
    """Of records of a collection: all that begin so."""

    def plant(database: Database) -> None:
        there = rows(database, pack(start)[:-1])  # a part's beginning is enough
        assert there
        for key, _ in there:
            database.execute("DELETE FROM kv WHERE key = ?", (key,))

    return plant


JOB = ("dispatch", "dispatch.jobs", "r")
LATER = 1 << 60

DAMAGES: dict[str, tuple[Damage, str]] = {
    "body": (flipped("plain", b"was here", b"was hexe"), "body does not match its MD5"),
    "attributes": (flipped("plain", b"colour", b"flavor"), "attributes do not match their MD5"),
    "message": (garbled("plain", "m"), "message 1: does not decode"),
    "no message": (lost("plain", "m"), "'in flight' of no such message"),
    "not ready": (lost("dead", "r"), "has no row 'ready'"),
    "ready twice": (stray("plain", "r", 1), "'ready' of no such message: (1,)"),
    "wrong state": (garbled("dead", "r", b"f"), "has the state b'f'"),
    "not waiting": (lost("plain", "w"), "has no row 'waiting in a group'"),
    "waits for nothing": (stray("line.fifo", "w", "g", 99), "of no such message: ('g', 99)"),
    "not in flight": (lost("plain", "f"), "has no row 'in flight'"),
    "flies in vain": (stray("plain", "f", 5, 2), "'in flight' of no such message: (5, 2)"),
    "not delayed": (lost("plain", "d"), "has no row 'ready'"),
    "delayed in vain": (stray("plain", "d", 5, 2), "'delayed' of no such message: (5, 2)"),
    "receipt": (garbled("plain", "s"), "its receipt does not decode"),
    "receipt of none": (stray("plain", "s", 99, value=b"\x90"), "'receipt' of no such message"),
    "not by age": (lost("dead", "e"), "has no row 'by age'"),
    "by age in vain": (stray("dead", "e", 5, 99), "'by age' of no such message: (5, 99)"),
    "unsorted": (counted("dead", unsorted_from=LATER), "is not listed by age"),
    "group": (garbled("plain", "g"), "group 'tenant': does not decode"),
    "no group": (lost("line.fifo", "g"), "group 'g': has messages and no row"),
    "group of none": (stray("plain", "g", "x", value=b"\x94\x01\0\0\0"), "2 rows of groups"),
    "wrong group": (garbled("line.fifo", "g", b"\x94\x07\x01\0\0"), "says ready 7, and it is 2"),
    "not listed": (lost("plain", "h"), "is not listed where it says"),
    "listed in vain": (stray("plain", "h", 0, 1, "x"), "lists 2 groups to receive from"),
    "duplicate": (garbled("line.fifo", "u"), "does not decode"),
    "for ever": (lost("line.fifo", "v"), "is not listed by time"),
    "not known": (lost("line.fifo", "u"), "is listed by time and not there"),
    "attempt": (lost("line.fifo", "b"), "receive attempt ('again',): is not listed by time"),
    "counters": (garbled("plain", "c"), "counters do not decode"),
    "no counters": (lost("plain", "c"), "counts 0 messages ready"),
    "ready": (counted("plain", ready=7), "counts 7 messages ready"),
    "delayed": (counted("plain", delayed=7), "counts 7 messages delayed"),
    "flying": (counted("plain", flying=7), "counts 7 messages in flight"),
    "groups flying": (counted("line.fifo", group_flying=7), "in flight in groups, and has 1"),
    "groups": (counted("plain", groups=7), "counts 7 groups, and has 1"),
    "number": (counted("dead", number=1), "and the last number is 1"),
    "due": (counted("plain", next_due_ms=LATER), "is looked for only at"),
    "oldest": (counted("plain", oldest_ms=LATER), "its oldest message"),
    "latest": (counted("plain", latest_ms=1), "its latest message"),
    "no queue": (gone(ACCOUNT, "us-east-1", "sqs.queue", "r", "plain"), "no such queue"),
    "no sweep": (gone(*JOB, "sqs.sweep/"), "no job will remove what is too old"),
    "no move": (gone(*JOB, "sqs.move/"), "runs, and no job moves anything"),
}


def test_sound_queues_have_no_damage(data: Path) -> None:
    """And nothing of them is left out of the look."""
    told: list[str] = []
    load_services()
    assert [one.what for one in check(data, progress=lambda what, _: told.append(what))] == []
    assert {"messages of plain", "messages of line.fifo"} <= set(told)


@pytest.mark.parametrize("name", DAMAGES)
def test_each_damage_is_named(data: Path, name: str) -> None:
    """It is mended again afterwards, for the next one."""
    plant, words = DAMAGES[name]
    database = Database(str(data / "pilvi.db"))
    before = dict(database.execute("SELECT key, value FROM kv").fetchall())
    try:
        plant(database)
        found = damages(data)
        assert any(words in one for one in found), found
    finally:
        with database:
            database.execute("DELETE FROM kv")
            database.executemany("INSERT INTO kv VALUES (?, ?)", before.items())
        database.close()


def test_a_heap_of_damage_is_told_in_part(data: Path) -> None:
    """One queue's damage does not fill the memory, nor the page."""
    database = Database(str(data / "pilvi.db"))
    prefix = under("plain", "r")
    with database:
        for number in range(1000, 1200):
            database.execute("INSERT INTO kv VALUES (?, ?)", (prefix + pack((number,)), b""))
    found = damages(data)
    with database:
        database.execute(
            "DELETE FROM kv WHERE key >= ?  AND key < ?", (prefix + pack((1000,)), after(prefix))
        )
    database.close()
    assert len(found) == 101
    assert "more is wrong" in found[-1]
