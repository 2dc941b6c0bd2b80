"""Killed while many send and receive; and several workers over one queue."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from servers import CloudClock, kill_under

from .support import bodies, counts, damages, delete, make_queue, receive, send

ACCOUNT = "000000000098"


def test_nothing_acknowledged_is_lost(own_server: Any) -> None:
    """Each message that was answered for is there or was deleted; of a group none is out of order, none comes twice
    once its deletion was answered; and the counts are those of what is there."""
    server = own_server()
    url = make_queue(server.client("sqs", ACCOUNT), fifo=True, VisibilityTimeout="1000")
    sent: list[list[str]] = [[], []]
    deleted: set[str] = set()

    def produce(lane: int, enough: threading.Event) -> None:
        mine = server.client("sqs", ACCOUNT)
        for number in range(len(sent[lane]) + 1000 * lane, 100_000):
            body = f"{lane}-{number:06d}"
            try:
                send(mine, url, body, MessageGroupId=str(lane), MessageDeduplicationId=body)
            except (BotoCoreError, ClientError):
                return
            sent[lane].append(body)
            if len(sent[lane]) % 25 == 0:
                enough.set()

    def consume(_: int, enough: threading.Event) -> None:
        mine = server.client("sqs", ACCOUNT)
        try:
            while True:
                for message in receive(mine, url, 3):
                    delete(mine, url, message)
                    deleted.add(message["Body"])
        except (BotoCoreError, ClientError):
            return

    enough = threading.Event()
    work = [(produce, 0), (produce, 1), (consume, 0)]
    kill_under(server, enough, *(partial(act, lane, enough) for act, lane in work))
    assert damages(server.data) == []
    server.start()
    sqs = server.client("sqs", ACCOUNT)
    ready, flying, delayed = counts(sqs, url)
    clock = CloudClock(server)
    clock.freeze()
    clock.advance(seconds=1001)
    left: list[str] = []
    while got := receive(sqs, url):
        left += bodies(got)
        for message in got:
            delete(sqs, url, message)
    assert len(left) == ready + flying
    assert delayed == 0
    assert deleted.isdisjoint(left)
    for lane, told in enumerate(sent):
        mine = [body for body in left if body.startswith(f"{lane}-")]
        assert mine == sorted(mine)
        # The last of each may have been stored, or deleted, without an answer.
        missing = set(told) - deleted - set(left)
        assert len(missing) <= 1, missing
        assert len(set(mine) - set(told)) <= 1
    assert counts(sqs, url) == (0, 0, 0)


def test_workers_wake_each_others_long_polls(own_server: Any) -> None:
    """Whichever process takes the message in, a poll at another one ends at once."""
    server = own_server("--workers", "2")
    url = make_queue(server.client("sqs", ACCOUNT))
    got: list[str] = []

    def poll() -> None:
        client = server.client("sqs", ACCOUNT)
        got.extend(bodies(receive(client, url, 1, WaitTimeSeconds=20)))

    threads = [threading.Thread(target=poll) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(4):
        send(server.client("sqs", ACCOUNT), url, str(number))  # each over a connection of its own
    for thread in threads:
        thread.join(4)
        assert not thread.is_alive(), "a poll was not woken"
    assert sorted(got) == ["0", "1", "2", "3"]
