"""Reading streams: which records of a shard there are still, and where an iterator begins.

A record is gone when it is a day old, to the millisecond; its bytes are removed some time later, with its shard.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, cast

import orjson

from pilvi.base.arn import Arn, Scope
from pilvi.services.dynamodb.errors import invalid
from pilvi.services.dynamodb.records import scope_home
from pilvi.services.dynamodb.streams import errors, limits, records
from pilvi.services.dynamodb.streams.records import ChangeRecord, ShardRecord, StreamRecord
from pilvi.services.dynamodb.wire_streams import Record
from pilvi.services.dynamodb.wire_streams import StreamRecord as WireStreamRecord
from pilvi.store.api import Snapshot


def get_stream(at: Snapshot, scope: Scope, arn: str) -> StreamRecord:
    """One of this region, of whichever account: the permission step has seen the same ARN.

    Raises: ValidationException for a text that names no stream; ResourceNotFoundException.
    """
    try:
        named = Arn.parse(arn)
    except ValueError:
        raise invalid("Invalid StreamArn") from None
    table, _, label = named.resource.removeprefix("table/").partition("/stream/")
    if named.service != "dynamodb" or not named.resource.startswith("table/") or not label:
        raise invalid("Invalid StreamArn")
    found = None
    owner = named.scope
    if owner.region == scope.region and owner.partition == scope.partition:
        found = records.streams.find(at, scope_home(owner), table, label)
    if found is None:
        raise errors.StreamNotFound(arn=arn)
    return found


def get_shard(at: Snapshot, stream: StreamRecord, shard_id: str) -> ShardRecord:
    """Raises: ResourceNotFoundException."""
    number = number_in(shard_id)
    shard = None if number is None else records.shards.find(at, stream.home, number)
    if shard is None or shard.id != shard_id:
        raise errors.ShardNotFound(shard=shard_id, arn=stream.arn)
    return shard


def number_in(shard_id: str) -> int | None:
    """The shard's number in its id; None for a text that is none."""
    try:
        return int(shard_id.rpartition("-")[2], 16)
    except ValueError:
        return None


def end_of(at: Snapshot, stream: StreamRecord, shard: ShardRecord) -> int:
    """The number behind the shard's last record."""
    if shard.last is not None:
        return shard.last + 1
    head = records.heads.find(at, stream.home, shard.number % stream.lanes)
    assert head is not None, f"{shard.id} of {stream.arn} is open, but its lane is not"
    assert head.shard == shard.number, f"{shard.id} of {stream.arn} is open, but not written"
    return head.next


def last_of(at: Snapshot, stream: StreamRecord, shard: ShardRecord) -> str | None:
    """The sequence number of the shard's last record; None when it never had one."""
    end = end_of(at, stream, shard)
    return records.sequence_of(shard.number % stream.lanes, end - 1) if end > shard.first else None


def begin_of(at: Snapshot, stream: StreamRecord, shard: ShardRecord, now_ms: int) -> int:
    """The number of the shard's oldest record that is not trimmed; where there is none, of the next one."""
    horizon_ms = now_ms - limits.RETENTION_MS
    return first_since(at, stream, shard, horizon_ms + 1)


def first_since(at: Snapshot, stream: StreamRecord, shard: ShardRecord, at_ms: int) -> int:
    """The number of the shard's first record of `at_ms` or later, found by halves; where there is none, of the next.

    Records that are not there were trimmed, so they are older.
    """
    low, high = shard.first, end_of(at, stream, shard)
    while low < high:
        middle = (low + high) // 2
        change = records.changes.find(at, stream.home, shard.number, middle)
        if change is None or change.at_ms < at_ms:
            low = middle + 1
        else:
            high = middle
    return low


def position_of(
    at: Snapshot, stream: StreamRecord, shard: ShardRecord, req: Mapping[str, Any], now_ms: int
) -> int:
    """The number of the record at which the iterator begins that GetShardIterator asks for.

    Raises: ValidationException, TrimmedDataAccessException.
    """
    kind, sequence = req["ShardIteratorType"], req.get("SequenceNumber")
    timestamp_ms = req.get("Timestamp")
    by_number = kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER")
    if by_number and sequence is None:
        raise invalid(f"SequenceNumber is required for ShardIteratorType {kind}")
    if not by_number and sequence is not None:
        raise invalid(f"SequenceNumber must not be specified for ShardIteratorType {kind}")
    if kind == "AT_TIMESTAMP":
        if timestamp_ms is None:
            raise invalid(f"Timestamp is required for ShardIteratorType {kind}")
        if timestamp_ms > now_ms:
            raise invalid("Timestamp must not be in the future")
        begin = begin_of(at, stream, shard, now_ms)
        return max(begin, first_since(at, stream, shard, timestamp_ms))
    if timestamp_ms is not None:
        raise invalid(f"Timestamp must not be specified for ShardIteratorType {kind}")
    if kind == "TRIM_HORIZON":
        return begin_of(at, stream, shard, now_ms)
    if kind == "LATEST":
        return end_of(at, stream, shard)
    number = _number_of(cast("str", sequence), stream, shard)
    end = end_of(at, stream, shard)
    if number < shard.first or number > end or (number == end and kind != "AT_SEQUENCE_NUMBER"):
        raise _not_in(cast("str", sequence), shard)
    if kind == "AFTER_SEQUENCE_NUMBER":
        number += 1
    if number < begin_of(at, stream, shard, now_ms):
        raise errors.TrimmedDataAccessException()
    return number


def _number_of(sequence: str, stream: StreamRecord, shard: ShardRecord) -> int:
    """Raises: ValidationException for a sequence number of another lane, or that is none."""
    lane, digits = sequence[: -limits.SEQUENCE_DIGITS], sequence[-limits.SEQUENCE_DIGITS :]
    if not (sequence.isascii() and sequence.isdigit()):
        raise _not_in(sequence, shard)
    if int(lane) != shard.number % stream.lanes + 1:
        raise _not_in(sequence, shard)
    return int(digits)


def position_behind(sequence: str) -> int:
    """The number that follows the record with this sequence number."""
    return int(sequence[-limits.SEQUENCE_DIGITS :]) + 1


def _not_in(sequence: str, shard: ShardRecord) -> Exception:
    return invalid(f"Invalid SequenceNumber {sequence}: it is not in the shard {shard.id}")


# --- how records are shown


def shown(stream: StreamRecord, change: ChangeRecord) -> Record:
    sequence = records.sequence_of(change.shard % stream.lanes, change.number)
    body: WireStreamRecord = {
        "ApproximateCreationDateTime": change.at_ms // 1000 * 1000,
        "Keys": cast("Any", orjson.Fragment(change.keys)),
    }
    if change.new is not None:
        body["NewImage"] = cast("Any", orjson.Fragment(change.new))
    if change.old is not None:
        body["OldImage"] = cast("Any", orjson.Fragment(change.old))
    body["SequenceNumber"] = sequence
    body["SizeBytes"] = change.size
    body["StreamViewType"] = stream.view
    result: Record = {
        "eventID": hashlib.md5(
            f"{stream.id}/{sequence}".encode(), usedforsecurity=False
        ).hexdigest(),
        "eventName": change.event,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": stream.region,
        "dynamodb": body,
    }
    if change.by_service:
        result["userIdentity"] = {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}
    return result
