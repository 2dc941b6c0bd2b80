"""What SQS stores of a queue itself. Its messages are in `storage/`."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pilvi.base.arn import Scope
from pilvi.services.sqs import limits
from pilvi.services.sqs.names import QueueName
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection
from pilvi.store.keys import Key, after, pack, span


class Queue(msgspec.Struct, frozen=True):
    """`secret`: of this queue alone, so that receipt handles of another one, or of its namesake before it, are not
    its own. `policy_ids`: whom the policy's principals were when it was saved."""

    account: str
    region: str
    name: str
    created_ms: int
    modified_ms: int
    secret: bytes
    fifo: bool = False
    visibility_s: int = 30
    delay_s: int = 0
    retention_s: int = 345_600
    wait_s: int = 0
    size_bytes_max: int = limits.MESSAGE_BYTES_MAX
    content_deduplication: bool = False
    deduplication_scope: str = "queue"
    throughput_limit: str = "perQueue"
    own_encryption: bool = True
    key: str = ""
    key_reuse_s: int = 300
    policy: str = ""
    policy_ids: dict[str, str] = {}
    redrive: str = ""
    dead_letters: str = ""
    """The ARN of the queue for what was received too often."""
    receives_max: int = 0
    redrive_allow: str = ""
    tags: dict[str, str] = {}
    purged_ms: int = 0

    @property
    def queue_name(self) -> QueueName:
        return QueueName(Scope(self.account, self.region), self.name)

    @property
    def arn(self) -> str:
        return self.queue_name.arn

    @property
    def topic(self) -> str:
        """What is woken when a message becomes available."""
        return self.queue_name.topic


class Deleted(msgspec.Struct, frozen=True):
    """A name that cannot be used again yet."""

    name: str
    at_ms: int


queues = Collection("sqs.queue", Queue, key=lambda queue: (queue.name,), kept=True)
deleted = Collection("sqs.deleted", Deleted, key=lambda gone: (gone.name,))


def home(scope: Scope) -> Key:
    return (scope.account, scope.region)


def contents(name: QueueName) -> Key:
    """What all rows of a queue's messages begin with."""
    return (name.scope.account, name.scope.region, "sqs", "queue", name.name)


def find_queue(at: Snapshot, name: QueueName) -> Queue | None:
    return queues.find(at, home(name.scope), name.name)


def put_queue(tx: Transaction, queue: Queue) -> None:
    queues.put(tx, (queue.account, queue.region), queue)


def delete_queue(tx: Transaction, name: QueueName, now_ms: int) -> None:
    """With all that is in it; its name rests for a while."""
    queues.delete(tx, home(name.scope), name.name)
    tx.delete_range(*span(contents(name)))
    deleted.put(tx, home(name.scope), Deleted(name.name, now_ms))


def scan_queues(
    at: Snapshot, scope: Scope, *, behind: str = "", prefix: str = ""
) -> Iterator[Queue]:
    """By name, lazily: those behind `behind`, from the first on that may begin with `prefix`."""
    base = (*home(scope), queues.name, "r")
    start, end = span(base)
    if prefix:
        start = pack(base) + pack((prefix,))[:-1]
    if behind:
        start = max(start, after(pack((*base, behind))))
    for _, value in at.scan(start, end):
        yield queues.decode(value)
