"""Message move tasks: what is stored of one, and each step of it.

A task moves what was in the queue when it began, in order, some messages in each transaction, together with the job for
the next step: so a kill repeats none and leaves none out. What is moved is a new message: it has a new id, was sent now
and never received.
Differs: AWS ends a task after 36 hours and permits an account a hundred at once; here neither is limited.
AWS: StartMessageMoveTask; SQS Developer Guide, "Configuring a dead-letter queue redrive".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

import msgspec
from msgspec.structs import replace

from pilvi.contracts.jobs import Job
from pilvi.services.sqs import limits, names, records
from pilvi.services.sqs.names import QueueName
from pilvi.services.sqs.records import Queue
from pilvi.services.sqs.storage.stock import Stock
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection

MOVE = "move"
RUNNING, COMPLETED, CANCELLED, FAILED = "RUNNING", "COMPLETED", "CANCELLED", "FAILED"

_AT_ONCE = 50
_NO_QUEUE = "AWS.SimpleQueueService.NonExistentQueue"
_NO_SOURCE = "CouldNotDetermineMessageSource"


class MoveTask(msgspec.Struct, frozen=True):
    """`destination`: an ARN, or "" for the queues where the messages came from. `last`: the number of the last message
    that was there when it began. `rate`: messages in a second; 0 for as fast as it goes."""

    number: int
    id: str
    destination: str
    rate: int
    started_ms: int
    last: int
    to_move: int
    moved: int = 0
    status: str = RUNNING
    failure: str = ""


class _Step(msgspec.Struct, array_like=True):
    queue: str
    number: int


tasks = Collection("sqs.move", MoveTask, key=lambda task: (task.number,))


def latest(at: Snapshot, name: QueueName, most: int) -> list[MoveTask]:
    return list(tasks.scan(at, records.contents(name), limit=most, reverse=True))


def begin(tx: Transaction, stock: Stock, *, id: str, destination: str, rate: int) -> MoveTask:
    name = stock.queue.queue_name
    home = records.contents(name)
    before = latest(tx, name, limits.MOVE_TASKS_LISTED_MAX)
    for old in before[limits.MOVE_TASKS_LISTED_MAX - 1 :]:
        tasks.delete(tx, home, old.number)
    task = MoveTask(
        number=before[0].number + 1 if before else 1,
        id=id,
        destination=destination,
        rate=rate,
        started_ms=stock.now_ms,
        last=stock.counters.number,
        to_move=stock.counters.ready,
    )
    tasks.put(tx, home, task)
    _plan(tx, name, task, stock.now_ms)
    return task


def cancel(tx: Transaction, name: QueueName, task: MoveTask) -> None:
    tasks.put(tx, records.contents(name), replace(task, status=CANCELLED))


def _plan(tx: Transaction, name: QueueName, task: MoveTask, due_ms: int) -> None:
    payload = msgspec.msgpack.encode(_Step(name.name, task.number))
    scope = name.scope
    id = job_id(name, task)
    tx.at(due_ms, Job(f"sqs.{MOVE}", payload, id=id, account=scope.account, region=scope.region))


def job_id(name: QueueName, task: MoveTask) -> str:
    return f"sqs.{MOVE}/{name.arn}/{task.id}"


def step_of(job: Job) -> tuple[str, int]:
    step = msgspec.msgpack.decode(job.payload, type=_Step)
    return step.queue, step.number


def step(
    tx: Transaction, queue: Queue, number: int, *, now_ms: int, new_id: Callable[[], str]
) -> None:
    """Move some, and plan to go on."""
    name = queue.queue_name
    home = records.contents(name)
    task = tasks.find(tx, home, number)
    if task is None or task.status != RUNNING:
        return
    stock = Stock(tx, queue, now_ms)
    stock.settle()
    most = min(task.rate, _AT_ONCE) if task.rate else _AT_ONCE
    moved, failure, targets = 0, "", dict[str, Stock]()
    for seq in islice(_waiting(stock, task.last), most):
        message = stock.get(seq)
        arn = task.destination or message.source
        there = _target(tx, arn, targets, now_ms)
        if there is None:
            failure = _NO_QUEUE if arn else _NO_SOURCE
            break
        stock.remove(seq, message)
        there.append(
            replace(
                message,
                id=new_id(),
                sent_ms=now_ms,
                due_ms=now_ms,
                source="",
                receives=0,
                first_ms=0,
            )
        )
        moved += 1
    stock.save()
    for there in targets.values():
        there.save()
    task = replace(task, moved=task.moved + moved, failure=failure)
    if failure:
        tasks.put(tx, home, replace(task, status=FAILED))
    elif moved < most:
        tasks.put(tx, home, replace(task, status=COMPLETED))
    else:
        tasks.put(tx, home, task)
        _plan(tx, name, task, now_ms + (moved * 1000 // task.rate if task.rate else 0))


def _waiting(stock: Stock, last: int) -> Iterator[int]:
    """The ready messages up to a number; the one that was given before must be gone."""
    while (found := stock.first_ready()) is not None and found <= last:
        yield found


def _target(tx: Transaction, arn: str, known: dict[str, Stock], now_ms: int) -> Stock | None:
    if arn in known:
        return known[arn]
    name = names.parse_arn(arn)
    queue = None if name is None else records.find_queue(tx, name)
    if queue is None:
        return None
    known[arn] = Stock(tx, queue, now_ms)
    return known[arn]
