"""What CloudWatch Logs stores: groups, streams and events.

Invariants:
1. A stream's events are ordered by (timestamp, sequence); the sequence never repeats within a stream.
2. All that belongs to a group lies under `group_home`, all of a stream's events under `stream_home`.
3. A group's `stored_bytes` is the sum of its streams', a stream's that of its events (`size_of`): each is changed
   by the transaction that adds or removes events.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pilvi.base.arn import Scope
from pilvi.contracts.jobs import Job
from pilvi.services.logs import errors, limits
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection
from pilvi.store.keys import Key, after, pack, span


class LogGroup(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    created_ms: int
    log_class: str = "STANDARD"
    retention_days: int | None = None
    tags: dict[str, str] = {}
    stored_bytes: int = 0

    def visible_from_ms(self, now_ms: int) -> int:
        """Events before this instant have expired; readers do not see them."""
        return 0 if self.retention_days is None else now_ms - self.retention_days * 86_400_000


class LogStream(msgspec.Struct, frozen=True, kw_only=True):
    """`next_sequence`: of the next event; it only grows."""

    name: str
    created_ms: int
    next_sequence: int = 1
    first_event_ms: int | None = None
    last_event_ms: int | None = None
    last_ingestion_ms: int | None = None
    stored_bytes: int = 0


class LogEvent(msgspec.Struct, frozen=True, array_like=True):
    timestamp_ms: int
    sequence: int
    ingested_ms: int
    message: str


class Expiry(msgspec.Struct, frozen=True):
    """`after_stream`: go on behind this stream; a large group is cleaned in several runs."""

    group: str
    after_stream: str | None = None


groups = Collection("logs.group", LogGroup, key=lambda group: (group.name,))
streams = Collection(
    "logs.stream",
    LogStream,
    key=lambda stream: (stream.name,),
    indexes={"last": lambda stream: (stream.last_event_ms or 0,)},
)
events = Collection("logs.event", LogEvent, key=lambda event: (event.timestamp_ms, event.sequence))


def groups_home(scope: Scope) -> Key:
    return (scope.account, scope.region)


def group_home(scope: Scope, group: str) -> Key:
    return (scope.account, scope.region, "logs", group)


def stream_home(scope: Scope, group: str, stream: str) -> Key:
    return (scope.account, scope.region, "logs", group, "s", stream)


def find_group(at: Snapshot, scope: Scope, name: str) -> LogGroup | None:
    return groups.find(at, groups_home(scope), name)


def get_group(at: Snapshot, scope: Scope, name: str) -> LogGroup:
    """Raises: ResourceNotFoundException."""
    group = find_group(at, scope, name)
    if group is None:
        raise errors.ResourceNotFoundException(what="log group")
    return group


def get_stream(at: Snapshot, scope: Scope, group: str, name: str) -> LogStream:
    """Raises: ResourceNotFoundException for the group or the stream."""
    get_group(at, scope, group)
    stream = streams.find(at, group_home(scope, group), name)
    if stream is None:
        raise errors.ResourceNotFoundException(what="log stream")
    return stream


def put_group(tx: Transaction, scope: Scope, group: LogGroup) -> None:
    groups.put(tx, groups_home(scope), group)


def delete_group(tx: Transaction, scope: Scope, name: str) -> None:
    """The group with all its streams and events."""
    groups.delete(tx, groups_home(scope), name)
    tx.delete_range(*span(group_home(scope, name)))


def delete_stream(tx: Transaction, scope: Scope, group: LogGroup, stream: LogStream) -> None:
    streams.delete(tx, group_home(scope, group.name), stream.name)
    tx.delete_range(*span(stream_home(scope, group.name, stream.name)))
    _count(tx, scope, group, -stream.stored_bytes)


def size_of(message: str) -> int:
    """What an event counts, as AWS counts it."""
    return len(message.encode()) + limits.EVENT_BYTES_OVERHEAD


def _count(tx: Transaction, scope: Scope, group: LogGroup, size: int) -> LogGroup:
    """Add to the group's bytes (invariant 3)."""
    if not size:
        return group
    counted = msgspec.structs.replace(group, stored_bytes=group.stored_bytes + size)
    assert counted.stored_bytes >= 0, group.name
    put_group(tx, scope, counted)
    return counted


def append_events(
    tx: Transaction,
    scope: Scope,
    group: LogGroup,
    stream: LogStream,
    lines: Iterable[tuple[int, str]],
    *,
    now_ms: int,
) -> LogStream:
    """Store (timestamp_ms, message) lines and give the stream as it then is."""
    home = stream_home(scope, group.name, stream.name)
    first, last = stream.first_event_ms, stream.last_event_ms
    sequence, size = stream.next_sequence, stream.stored_bytes
    for timestamp_ms, message in lines:
        events.put(tx, home, LogEvent(timestamp_ms, sequence, now_ms, message))
        first = timestamp_ms if first is None else min(first, timestamp_ms)
        last = timestamp_ms if last is None else max(last, timestamp_ms)
        sequence += 1
        size += size_of(message)
    if sequence == stream.next_sequence:
        return stream
    grown = msgspec.structs.replace(
        stream,
        next_sequence=sequence,
        first_event_ms=first,
        last_event_ms=last,
        last_ingestion_ms=now_ms,
        stored_bytes=size,
    )
    streams.put(tx, group_home(scope, group.name), grown)
    _count(tx, scope, group, size - stream.stored_bytes)
    return grown


def remove_events(
    tx: Transaction,
    scope: Scope,
    group: LogGroup,
    stream: LogStream,
    *,
    before_ms: int,
    count_max: int,
) -> tuple[LogGroup, int]:
    """Remove the oldest events, those before an instant: at most so many. Gives the group as it then is, and
    how many are gone."""
    if stream.first_event_ms is None or stream.first_event_ms >= before_ms:
        return group, 0
    home = stream_home(scope, group.name, stream.name)
    first, end = pack((*home, events.name, "r")), pack((*home, events.name, "r", before_ms))
    size = count = 0
    behind = first
    for key, value in tx.scan(first, end, limit=count_max):
        size += size_of(events.decode(value).message)
        count += 1
        behind = after(key)
    tx.delete_range(first, behind)
    oldest = next(iter(events.scan(tx, home, limit=1)), None)
    left = msgspec.structs.replace(
        stream,
        first_event_ms=None if oldest is None else oldest.timestamp_ms,
        stored_bytes=stream.stored_bytes - size,
    )
    streams.put(tx, group_home(scope, group.name), left)
    return _count(tx, scope, group, -size), count


def schedule_expiry(
    tx: Transaction, scope: Scope, group: str, *, due_ms: int, after_stream: str | None = None
) -> None:
    job = Job(
        kind="logs.expire",
        payload=msgspec.msgpack.encode(Expiry(group, after_stream)),
        id=f"logs.expire/{scope.account}/{scope.region}/{group}",
        account=scope.account,
        region=scope.region,
    )
    tx.at(due_ms, job)
