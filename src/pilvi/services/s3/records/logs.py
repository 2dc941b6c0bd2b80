"""Lines of access logs that wait for their delivery. They lie with the bucket that they tell of, and go with it."""

from __future__ import annotations

import msgspec

from pilvi.contracts.jobs import Job
from pilvi.services.s3 import limits
from pilvi.services.s3.records.buckets import Bucket
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection


class Line(msgspec.Struct, frozen=True):
    """`number`: grows with every line of the bucket; given when it is kept."""

    at_ms: int
    request_id: str
    text: str
    number: int = 0


class Waiting(msgspec.Struct, frozen=True):
    """How many lines wait, and the number of the last one that there ever was."""

    lines: int = 0
    last: int = 0


class Due(msgspec.Struct, frozen=True):
    """The payload of a delivery: the bucket that is logged. A bucket of that name made later has another id."""

    bucket: str
    id: str


_LINES = Collection("s3.log_line", Line, key=lambda line: (line.number,))
_WAITING = Collection("s3.log_waiting", Waiting, key=lambda waiting: ())


def append(tx: Transaction, bucket: Bucket, line: Line) -> bool:
    """Keep a line and see to its delivery. False: too many wait, and this one is lost."""
    waiting = _WAITING.find(tx, bucket.home) or Waiting()
    count, number = waiting.lines, waiting.last + 1
    if count >= limits.LOG_LINES_WAITING_MAX:
        return False
    _LINES.put(tx, bucket.home, msgspec.structs.replace(line, number=number))
    _WAITING.put(tx, bucket.home, Waiting(count + 1, number))
    if count == 0:
        schedule(tx, bucket, line.at_ms + limits.LOG_DELIVERY_MS)
    elif count + 1 == limits.LOG_LINES_MAX:
        schedule(tx, bucket, line.at_ms)
    return True


def schedule(tx: Transaction, bucket: Bucket, due_ms: int) -> None:
    """Deliver then; a second call moves it."""
    job = Job(
        kind="s3.deliver_logs",
        payload=msgspec.msgpack.encode(Due(bucket.name, bucket.id)),
        id=f"s3.deliver_logs/{bucket.id}",
        account=bucket.account,
        region=bucket.region,
    )
    tx.at(due_ms, job)


def batch(at: Snapshot, bucket: Bucket) -> list[Line]:
    """The oldest lines, as many as one delivery takes."""
    taken: list[Line] = []
    size = 0
    for line in _LINES.scan(at, bucket.home, limit=limits.LOG_LINES_MAX):
        taken.append(line)
        size += len(line.text)
        if size >= limits.LOG_BYTES_MAX:
            break
    return taken


def take_out(tx: Transaction, bucket: Bucket, delivered: list[Line], now_ms: int) -> None:
    """Forget lines; when others wait, see to these: at once, when there were more than one delivery takes."""
    gone = 0
    for line in delivered:
        gone += _LINES.delete(tx, bucket.home, line.number) is not None
    waiting = _WAITING.find(tx, bucket.home) or Waiting()
    left = max(0, waiting.lines - gone)
    _WAITING.put(tx, bucket.home, Waiting(left, waiting.last))
    if left:
        size = sum(len(line.text) for line in delivered)
        soon = left >= limits.LOG_LINES_MAX or size >= limits.LOG_BYTES_MAX
        schedule(tx, bucket, now_ms if soon else now_ms + limits.LOG_DELIVERY_MS)
