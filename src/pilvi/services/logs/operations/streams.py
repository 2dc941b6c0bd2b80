"""Log streams: create, describe, delete."""

from __future__ import annotations

from pilvi.kit import paging
from pilvi.kit.call import Call
from pilvi.services.logs import errors, limits, records, rules
from pilvi.services.logs.records import LogStream
from pilvi.services.logs.service import logs
from pilvi.services.logs.wire import (
    CreateLogStreamRequest,
    DeleteLogStreamRequest,
    DescribeLogStreamsRequest,
    DescribeLogStreamsResponse,
)
from pilvi.services.logs.wire import LogStream as LogStreamMember
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.keys import Key


@logs.write("CreateLogStream")
def create_log_stream(
    call: Call, tx: Transaction, req: CreateLogStreamRequest
) -> dict[str, object]:
    """Raises: ResourceNotFoundException, ResourceAlreadyExistsException. AWS: CreateLogStream."""
    group, name = req["logGroupName"], req["logStreamName"]
    records.get_group(tx, call.scope, group)
    home = records.group_home(call.scope, group)
    if records.streams.find(tx, home, name) is not None:
        raise errors.ResourceAlreadyExistsException(what="log stream")
    records.streams.put(tx, home, LogStream(name=name, created_ms=call.now_ms))
    return {}


@logs.write("DeleteLogStream")
def delete_log_stream(
    call: Call, tx: Transaction, req: DeleteLogStreamRequest
) -> dict[str, object]:
    """Delete a stream with its events.

    Raises: ResourceNotFoundException. AWS: DeleteLogStream.
    """
    group, name = req["logGroupName"], req["logStreamName"]
    stream = records.get_stream(tx, call.scope, group, name)
    records.delete_stream(tx, call.scope, records.get_group(tx, call.scope, group), stream)
    return {}


@logs.read("DescribeLogStreams")
def describe_log_streams(
    call: Call, at: Snapshot, req: DescribeLogStreamsRequest
) -> DescribeLogStreamsResponse:
    """A page of a group's streams, by name or by their last event.

    Raises: ResourceNotFoundException, InvalidParameterException. AWS: DescribeLogStreams.
    """
    group = rules.group_name(call.scope, req)
    records.get_group(at, call.scope, group)
    prefix = req.get("logStreamNamePrefix")
    by_time = req.get("orderBy", "LogStreamName") == "LastEventTime"
    if by_time and prefix is not None:
        raise errors.InvalidParameterException(
            detail="Cannot order by LastEventTime with a logStreamNamePrefix."
        )
    home = records.group_home(call.scope, group)
    after = rules.key_of_token(req.get("nextToken"))
    reverse = req.get("descending", False)
    if by_time:
        found = records.streams.scan_index(at, home, "last", after_entry=after, reverse=reverse)
    else:
        found = records.streams.scan(at, home, after_key=after, reverse=reverse)
    chosen = (stream for stream in found if stream.name.startswith(prefix or ""))
    page, more = paging.page_of(chosen, rules.page_size(req.get("limit"), limits.STREAMS_PAGE_MAX))
    arn = rules.group_arn(call.scope, group)
    result: DescribeLogStreamsResponse = {
        "logStreams": [_described(f"{arn}:log-stream:{one.name}", one) for one in page]
    }
    if more:
        last = page[-1]
        key: Key = (last.last_event_ms or 0, last.name) if by_time else (last.name,)
        result["nextToken"] = paging.token_of(key)
    return result


def _described(arn: str, stream: LogStream) -> LogStreamMember:
    described: LogStreamMember = {
        "logStreamName": stream.name,
        "creationTime": stream.created_ms,
        "arn": arn,
        "storedBytes": 0,  # AWS gives 0 since 2019; the group tells the sum
    }
    if stream.first_event_ms is not None:
        described["firstEventTimestamp"] = stream.first_event_ms
    if stream.last_event_ms is not None:
        described["lastEventTimestamp"] = stream.last_event_ms
    if stream.last_ingestion_ms is not None:
        described["lastIngestionTime"] = stream.last_ingestion_ms
        described["uploadSequenceToken"] = rules.sequence_token(stream.next_sequence)
    return described
