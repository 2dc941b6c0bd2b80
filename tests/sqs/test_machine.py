"""Random requests, time and kills, against a list of messages: a standard queue with dead letters, and a FIFO queue.

What AWS leaves open for standard queues is promised here: a receive gives all that is there, in order, once.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from servers import CloudClock, Server

from .support import arn_of, bodies, counts, damages, receive
from .test_dead_letters import redrive

ACCOUNT = "000000000099"
RETENTION_MS = 2_000_000
RECEIVES_MAX = 3
DEDUPLICATION_MS = 300_000

_numbers = itertools.count()


@dataclass(eq=False)
class Sent:
    body: str
    group: str
    at_ms: int
    hidden_until_ms: int
    receives: int = 0
    gone: bool = False


@dataclass
class Model:
    fifo: bool
    waiting: list[Sent] = field(default_factory=list[Sent])
    seen: dict[str, int] = field(default_factory=dict[str, int])
    dead: list[str] = field(default_factory=list[str])

    def send(self, now_ms: int, body: str, group: str, id: str, delay_s: int) -> None:
        if self.fifo:
            if now_ms - self.seen.get(id, -DEDUPLICATION_MS) < DEDUPLICATION_MS:
                return
            self.seen[id] = now_ms
        self.waiting.append(Sent(body, group, now_ms, now_ms + delay_s * 1000))

    def expire(self, now_ms: int) -> None:
        for sent in self.waiting:
            sent.gone = sent.gone or sent.at_ms + RETENTION_MS <= now_ms
        self.waiting = [sent for sent in self.waiting if not sent.gone]

    def take(self, now_ms: int, most: int) -> list[Sent]:
        given: list[Sent] = []
        for sent in self._in_turn(now_ms):
            if len(given) == most:
                break
            if not self.fifo and sent.receives >= RECEIVES_MAX:
                sent.gone = True
                self.dead.append(sent.body)
            else:
                given.append(sent)
        self.waiting = [sent for sent in self.waiting if not sent.gone]
        return given

    def _in_turn(self, now_ms: int) -> list[Sent]:
        """What can be received; of FIFO queues group by group, up to the first in flight of each."""
        if not self.fifo:
            return [sent for sent in self.waiting if sent.hidden_until_ms <= now_ms]
        turn: list[Sent] = []
        for group in dict.fromkeys(sent.group for sent in self.waiting):
            mine = [sent for sent in self.waiting if sent.group == group]
            turn += itertools.takewhile(lambda sent: sent.hidden_until_ms <= now_ms, mine)
        place = {id(sent): number for number, sent in enumerate(self.waiting)}
        first: dict[str, int] = {}
        for sent in turn:
            first.setdefault(sent.group, place[id(sent)])
        return sorted(turn, key=lambda sent: first[sent.group])

    def counts(self, now_ms: int) -> tuple[int, int, int]:
        hidden = [sent for sent in self.waiting if sent.hidden_until_ms > now_ms]
        flying = sum(1 for sent in hidden if sent.receives)
        return len(self.waiting) - len(hidden), flying, len(hidden) - flying


def machine(server: Server, clock: CloudClock, *, fifo: bool) -> type[RuleBasedStateMachine]:
    class Queue(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.sqs = server.client("sqs", ACCOUNT)
            self.model = Model(fifo)
            self.held: list[tuple[Sent, str, int]] = []
            self.kills = 0
            self.url = self.dead_url = ""

        @initialize()
        def create(self) -> None:
            number = next(_numbers)
            tail = ".fifo" if fifo else ""
            attributes = {"MessageRetentionPeriod": str(RETENTION_MS // 1000)}
            if fifo:
                attributes["FifoQueue"] = "true"
            else:
                made = self.sqs.create_queue(QueueName=f"dead{number}")
                self.dead_url = made["QueueUrl"]
                attributes["RedrivePolicy"] = redrive(arn_of(self.sqs, self.dead_url), RECEIVES_MAX)
            made = self.sqs.create_queue(QueueName=f"m{number}{tail}", Attributes=attributes)
            self.url = made["QueueUrl"]

        @rule(
            group=st.sampled_from("abc"),
            id=st.sampled_from("1234"),
            delay_s=st.sampled_from((0, 0, 7)),
        )
        def send(self, group: str, id: str, delay_s: int) -> None:
            body = str(next(_numbers))
            params: dict[str, Any] = {"QueueUrl": self.url, "MessageBody": body}
            if fifo:
                delay_s = 0
                params |= {"MessageGroupId": group, "MessageDeduplicationId": id}
            else:
                params["DelaySeconds"] = delay_s
            self.sqs.send_message(**params)
            self.model.send(clock.now_ms(), body, group, id, delay_s)

        @rule(most=st.integers(1, 10), hidden_s=st.sampled_from((0, 5, 30, 300)))
        def receive(self, most: int, hidden_s: int) -> None:
            now_ms = clock.now_ms()
            self.model.expire(now_ms)
            got = receive(self.sqs, self.url, most, VisibilityTimeout=hidden_s)
            given = self.model.take(now_ms, most)
            assert bodies(got) == [sent.body for sent in given]
            for sent, message in zip(given, got, strict=True):
                sent.receives += 1
                sent.hidden_until_ms = now_ms + hidden_s * 1000
                self.held.append((sent, message["ReceiptHandle"], sent.receives))

        @precondition(lambda self: self.held)
        @rule(data=st.data())
        def delete(self, data: st.DataObject) -> None:
            sent, handle, receives = data.draw(st.sampled_from(self.held))
            now_ms = clock.now_ms()
            self.model.expire(now_ms)
            last = sent.receives == receives
            flying = last and sent.hidden_until_ms > now_ms
            ask = {"QueueUrl": self.url, "ReceiptHandle": handle}
            if fifo and not sent.gone and not flying:
                with pytest.raises(ClientError, match="has expired"):
                    self.sqs.delete_message(**ask)
                return
            self.sqs.delete_message(**ask)
            if last and not sent.gone:
                sent.gone = True
                self.model.waiting.remove(sent)

        @precondition(lambda self: self.held)
        @rule(data=st.data(), hidden_s=st.sampled_from((0, 10, 100)))
        def change(self, data: st.DataObject, hidden_s: int) -> None:
            sent, handle, receives = data.draw(st.sampled_from(self.held))
            now_ms = clock.now_ms()
            self.model.expire(now_ms)
            ask = {"QueueUrl": self.url, "ReceiptHandle": handle, "VisibilityTimeout": hidden_s}
            stale = sent.gone or sent.receives != receives
            if stale or (fifo and sent.hidden_until_ms <= now_ms):
                with pytest.raises(ClientError, match="ReceiptHandle"):
                    self.sqs.change_message_visibility(**ask)
                return
            self.sqs.change_message_visibility(**ask)
            sent.hidden_until_ms = now_ms + hidden_s * 1000

        @rule(seconds=st.sampled_from((1, 6, 29, 301, 1000)))
        def wait(self, seconds: int) -> None:
            clock.advance(seconds=seconds)

        @precondition(lambda self: self.kills < 1 and self.model.waiting)
        @rule()
        def kill(self) -> None:
            self.kills += 1
            server.kill()
            server.start()

        @rule()
        def count(self) -> None:
            now_ms = clock.now_ms()
            self.model.expire(now_ms)
            assert counts(self.sqs, self.url) == self.model.counts(now_ms)

        def teardown(self) -> None:
            if not self.url:
                return
            self.count()
            if self.dead_url and len(self.model.dead) <= 10:
                assert bodies(receive(self.sqs, self.dead_url)) == self.model.dead

    return Queue


@pytest.mark.parametrize("fifo", [False, True], ids=["standard", "fifo"])
def test_a_queue_does_as_the_model(own_server: Any, fifo: bool) -> None:
    server = own_server()
    clock = CloudClock(server)
    clock.freeze()
    run_state_machine_as_test(
        machine(server, clock, fifo=fifo),
        settings=settings(
            max_examples=4,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert damages(server.data) == []
