"""Log events: put them, read a stream, search a group."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from pilvi.kit import paging
from pilvi.kit.call import Call
from pilvi.languages.log_pattern import BadPattern, Matches, compile_pattern
from pilvi.services.logs import errors, limits, records, rules
from pilvi.services.logs.records import LogEvent, LogStream
from pilvi.services.logs.rules import Place
from pilvi.services.logs.service import logs
from pilvi.services.logs.wire import (
    FilteredLogEvent,
    FilterLogEventsRequest,
    FilterLogEventsResponse,
    GetLogEventsRequest,
    GetLogEventsResponse,
    PutLogEventsRequest,
    PutLogEventsResponse,
)
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.keys import Key, after, pack, span

_END_MS = 1 << 62


@logs.write("PutLogEvents")
def put_log_events(call: Call, tx: Transaction, req: PutLogEventsRequest) -> PutLogEventsResponse:
    """Append a batch of events to a stream.

    Events that are too old, expired or too new are left out, and the answer says which.

    Raises: ResourceNotFoundException, InvalidParameterException. AWS: PutLogEvents.
    """
    group = records.get_group(tx, call.scope, req["logGroupName"])
    stream = records.get_stream(tx, call.scope, group.name, req["logStreamName"])
    batch = rules.check_batch(group, req["logEvents"], call.now_ms)
    stream = records.append_events(tx, call.scope, group, stream, batch.lines, now_ms=call.now_ms)
    result: PutLogEventsResponse = {"nextSequenceToken": rules.sequence_token(stream.next_sequence)}
    if batch.rejected:
        result["rejectedLogEventsInfo"] = batch.rejected
    return result


@logs.read("GetLogEvents")
def get_log_events(call: Call, at: Snapshot, req: GetLogEventsRequest) -> GetLogEventsResponse:
    """A page of one stream, in order of time: its end, or its beginning with `startFromHead`.

    A token that leads nowhere yet is answered with itself, so that a reader may go on asking.

    Raises: ResourceNotFoundException, InvalidParameterException. AWS: GetLogEvents.
    """
    name = rules.group_name(call.scope, req)
    group = records.get_group(at, call.scope, name)
    stream = records.get_stream(at, call.scope, name, req["logStreamName"])
    size = rules.page_size(req.get("limit"), limits.PAGE_EVENTS_MAX)
    token = req.get("nextToken")
    first_ms = max(req.get("startTime", 0), group.visible_from_ms(call.now_ms))
    end_ms = req.get("endTime", _END_MS)
    if token is not None:
        place = rules.place_of(token)
    elif req.get("startFromHead", False):
        place = Place(forward=True, timestamp_ms=first_ms, sequence=0)
    else:
        place = Place(forward=False, timestamp_ms=end_ms, sequence=0)
    home = records.stream_home(call.scope, name, stream.name)
    page = _page(at, home, place, first_ms, end_ms, size)
    forward = Place(True, place.timestamp_ms, place.sequence)
    backward = Place(False, place.timestamp_ms, place.sequence)
    if page:
        forward = Place(True, page[-1].timestamp_ms, page[-1].sequence)
        backward = Place(False, page[0].timestamp_ms, page[0].sequence)
    elif token is None:
        forward = Place(True, 0, 0)
    return {
        "events": [
            {
                "timestamp": event.timestamp_ms,
                "message": event.message,
                "ingestionTime": event.ingested_ms,
            }
            for event in page
        ],
        "nextForwardToken": rules.events_token(forward),
        "nextBackwardToken": rules.events_token(backward),
    }


def _page(
    at: Snapshot, home: Key, place: Place, first_ms: int, end_ms: int, size: int
) -> list[LogEvent]:
    """At most `size` events and a megabyte beside the place, in order of time."""
    base: Key = (*home, records.events.name, "r")
    start, end = pack((*base, first_ms)), pack((*base, end_ms))
    here = pack((*base, place.timestamp_ms, place.sequence))
    if place.forward:
        start = max(start, after(here))
    else:
        end = min(end, here)
    page: list[LogEvent] = []
    size_bytes = 0
    for _, value in at.scan(start, end, limit=size, reverse=not place.forward):
        event = records.events.decode(value)
        size_bytes += len(event.message.encode()) + limits.EVENT_BYTES_OVERHEAD
        if page and size_bytes > limits.PAGE_BYTES_MAX:
            break
        page.append(event)
    return page if place.forward else page[::-1]


@logs.read("FilterLogEvents")
def filter_log_events(
    call: Call, at: Snapshot, req: FilterLogEventsRequest
) -> FilterLogEventsResponse:
    """A page of the events of a group's streams, by time, that match a pattern.

    A page may be empty and still have a token: it then looked at as many events as one page may.

    Raises: ResourceNotFoundException, InvalidParameterException.
    AWS: FilterLogEvents; CloudWatch Logs User Guide, "Filter pattern syntax".
    """
    name = rules.group_name(call.scope, req)
    group = records.get_group(at, call.scope, name)
    matches = _pattern(req.get("filterPattern", ""))
    size = rules.page_size(req.get("limit"), limits.PAGE_EVENTS_MAX)
    first_ms = max(req.get("startTime", 0), group.visible_from_ms(call.now_ms))
    end_ms = req["endTime"] + 1 if "endTime" in req else _END_MS
    place = _filter_place(req.get("nextToken"))
    streams = _chosen_streams(call, at, name, req)
    merged = heapq.merge(
        *(
            _events_of(
                at, records.stream_home(call.scope, name, one.name), one, first_ms, end_ms, place
            )
            for one in streams
            if one.last_event_ms is not None and one.last_event_ms >= first_ms
        ),
        key=lambda found: (found[0].timestamp_ms, found[1], found[0].sequence),
    )
    page: list[FilteredLogEvent] = []
    size_bytes = 0
    for examined, (event, stream) in enumerate(merged, 1):
        if matches(event.message):
            page.append(
                {
                    "logStreamName": stream,
                    "timestamp": event.timestamp_ms,
                    "message": event.message,
                    "ingestionTime": event.ingested_ms,
                    "eventId": rules.event_id(stream, event),
                }
            )
            size_bytes += len(event.message.encode()) + limits.EVENT_BYTES_OVERHEAD
        if (
            len(page) >= size
            or size_bytes >= limits.PAGE_BYTES_MAX
            or examined >= limits.FILTER_EXAMINED_MAX
        ):
            token = paging.token_of((event.timestamp_ms, stream, event.sequence))
            return {"events": page, "searchedLogStreams": [], "nextToken": token}
    return {"events": page, "searchedLogStreams": []}


def _pattern(text: str) -> Matches:
    try:
        return compile_pattern(text)
    except BadPattern as error:
        raise errors.InvalidParameterException(detail=str(error)) from None


def _filter_place(token: str | None) -> tuple[int, str, int] | None:
    match rules.key_of_token(token):
        case None:
            return None
        case (int(timestamp_ms), str(stream), int(sequence)):
            return timestamp_ms, stream, sequence
        case _:
            raise errors.InvalidParameterException(detail="The specified nextToken is invalid.")


def _chosen_streams(
    call: Call, at: Snapshot, group: str, req: FilterLogEventsRequest
) -> list[LogStream]:
    names, prefix = req.get("logStreamNames"), req.get("logStreamNamePrefix")
    if names is not None and prefix is not None:
        raise errors.InvalidParameterException(
            detail="logStreamNamePrefix and logStreamNames are mutually exclusive parameters."
        )
    if names is not None:
        return [records.get_stream(at, call.scope, group, name) for name in dict.fromkeys(names)]
    found = records.streams.scan(at, records.group_home(call.scope, group))
    return [stream for stream in found if stream.name.startswith(prefix or "")]


def _events_of(
    at: Snapshot,
    home: Key,
    stream: LogStream,
    first_ms: int,
    end_ms: int,
    place: tuple[int, str, int] | None,
) -> Iterator[tuple[LogEvent, str]]:
    """One stream's events behind the place, which orders by (time, stream, sequence)."""
    base: Key = (*home, records.events.name, "r")
    start, end = pack((*base, first_ms)), pack((*base, end_ms))
    if place is not None:
        timestamp_ms, at_stream, sequence = place
        if stream.name < at_stream:
            start = max(start, span((*base, timestamp_ms))[1])
        elif stream.name == at_stream:
            start = max(start, after(pack((*base, timestamp_ms, sequence))))
        else:
            start = max(start, pack((*base, timestamp_ms)))
    for _, value in at.scan(start, end):
        yield records.events.decode(value), stream.name
