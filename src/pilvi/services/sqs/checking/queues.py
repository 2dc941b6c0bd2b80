"""What `pilvi check` looks for in queues: rows of messages, and the jobs without which time would pass them by."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import cast

import msgspec

from pilvi.base.arn import Scope
from pilvi.dispatch import records as dispatch
from pilvi.services.sqs import limits, moving, records
from pilvi.services.sqs.checking.rows import Verified
from pilvi.services.sqs.names import QueueName
from pilvi.services.sqs.records import Queue
from pilvi.services.sqs.storage.rows import Counters
from pilvi.services.sqs.storage.stock import SWEEP
from pilvi.store.api import Snapshot
from pilvi.store.keys import Key
from pilvi.store.layouts import Layout, Tell, Wrong, register

_TOLD_MAX = 100
"""What is wrong with one queue beyond this, the next look tells."""


def verify(at: Snapshot, home: Key, tell: Tell) -> Iterator[Wrong]:
    """What is wrong with one queue's rows."""
    account, region, _, _, queue = cast("tuple[str, str, str, str, str]", home)
    name = QueueName(Scope(account, region), queue)
    found = list(islice(_wrong(at, name, tell), _TOLD_MAX + 1))
    for what in found[:_TOLD_MAX]:
        yield Wrong(f"queue {name.arn}", what)
    if len(found) > _TOLD_MAX:
        yield Wrong(f"queue {name.arn}", "more is wrong than is told here")


def _wrong(at: Snapshot, name: QueueName, tell: Tell) -> Iterator[str]:
    try:
        queue = records.find_queue(at, name)
    except (msgspec.MsgspecError, AssertionError, IndexError, KeyError):
        return  # its record is told as damaged
    if queue is None:
        yield "has rows of messages, and there is no such queue"
        return
    rows = Verified(at, queue, lambda done: tell(f"messages of {name.name}", done))
    yield from rows.wrong()
    yield from _sweeps(at, queue, rows.counters)
    yield from _moves(at, queue, rows.counters)


def _sweeps(at: Snapshot, queue: Queue, counters: Counters) -> Iterator[str]:
    planned = counters.sweep_ms and _is_planned(at, f"sqs.{SWEEP}/{queue.arn}")
    if (counters.all or counters.sweep_ms) and not planned:
        yield "no job will remove what is too old"


def _moves(at: Snapshot, queue: Queue, counters: Counters) -> Iterator[str]:
    try:
        tasks = moving.latest(at, queue.queue_name, limits.MOVE_TASKS_LISTED_MAX + 1)
    except (msgspec.MsgspecError, AssertionError, IndexError, KeyError):
        return  # as above
    if len(tasks) > limits.MOVE_TASKS_LISTED_MAX:
        yield "keeps more move tasks than are listed"
    for task in tasks:
        if task.last > counters.number:
            yield f"move task {task.id}: goes up to message {task.last}, and the last is {counters.number}"
        if task.status != moving.RUNNING:
            continue
        if task.number != tasks[0].number:
            yield f"move task {task.id}: runs, and is not the latest"
        if not _is_planned(at, moving.job_id(queue.queue_name, task)):
            yield f"move task {task.id}: runs, and no job moves anything"


def _is_planned(at: Snapshot, job_id: str) -> bool:
    return dispatch.jobs.find(at, dispatch.HOME, job_id) is not None


register(Layout("sqs.messages", ("sqs", "queue"), 2, 5, verify))
