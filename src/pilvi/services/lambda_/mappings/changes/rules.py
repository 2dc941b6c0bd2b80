"""What becomes of a lane when a batch has ended, and which lane a record belongs to. Pure.

AWS: Lambda Developer Guide, "Using AWS Lambda with Amazon DynamoDB", sections "Configuring partial batch response" and
"Retain discarded records".
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import msgspec
import orjson

from pilvi.services.lambda_.mappings.changes.records import Lane, Range, ShardProgress, Window
from pilvi.services.lambda_.mappings.records import Settings

FIRST_PAUSE_MS = 500
PAUSE_MS_MAX = 60_000
WINDOW_GRACE_MS = 120_000
"""A window without new records ends so long after its time."""
STATE_BYTES_MAX = 1_048_576
RETENTION_MS = 86_400_000
"""Records are gone from the stream after a day, so they are never tried longer."""
FORMER_MAX = 8


def number_of(sequence: str) -> int:
    """Sequence numbers of a shard compare as numbers; "" is before all."""
    return int(sequence) if sequence else -1


def later(a: str, b: str) -> str:
    return a if number_of(a) >= number_of(b) else b


def lane_of(keys: bytes, lanes: int) -> int:
    """All records of an item are in one lane."""
    return zlib.crc32(keys) % lanes if lanes > 1 else 0


def pause_ms(pauses: int) -> int:
    return min(PAUSE_MS_MAX, FIRST_PAUSE_MS << min(pauses - 1, 10))


# --- lanes of a shard


def divided(progress: ShardProgress, lanes: int) -> ShardProgress:
    """The shard with another number of lanes: all begin where the last one stood, and pass what was handled already."""
    if len(progress.lanes) == lanes or progress.done:
        return progress
    former = (*progress.former, tuple(lane.handled for lane in progress.lanes))
    if len(former) > FORMER_MAX:
        return progress  # divided too often since it was last in order: it stays as it is for now
    begin = min((lane.handled for lane in progress.lanes), key=number_of)
    return msgspec.structs.replace(
        progress, lanes=(Lane(handled=begin),) * lanes, former=former, read="", ended=False
    )


def without_past(progress: ShardProgress) -> ShardProgress:
    """The shard without former divisions that all of its lanes have passed."""
    if not progress.former:
        return progress
    begin = min(number_of(lane.handled) for lane in progress.lanes)
    former = tuple(ends for ends in progress.former if max(map(number_of, ends)) > begin)
    return msgspec.structs.replace(progress, former=former)


# --- endings


class Batch(NamedTuple):
    """`sequences`: of its records. `until`: as far as the lane is handled when all of them are."""

    sequences: Sequence[str]
    until: str


def succeeded(lane: Lane, batch: Batch) -> Lane:
    return Lane(handled=batch.until, ranges=_rest(lane, batch), window=lane.window)


def partly_succeeded(lane: Lane, batch: Batch, first_failed: int, now_ms: int) -> Lane:
    """The records in front of the first failed one were handled; the others are a new batch with tries of its own."""
    rest = Range(batch.until, pauses=1)
    return Lane(
        handled=batch.sequences[first_failed - 1],
        due_ms=now_ms + pause_ms(1),
        ranges=(rest, *_rest(lane, batch)),
        window=lane.window,
    )


def failed(lane: Lane, batch: Batch, settings: Settings, now_ms: int) -> Lane | None:
    """The lane with the batch to be tried again, cut in halves where the mapping says so; None: it is to be given up.

    Cutting is no try: each half has all of them again.
    """
    first = _first(lane, batch)
    if settings.bisect and len(batch.sequences) > 1:
        middle = batch.sequences[len(batch.sequences) // 2 - 1]
        halves = (Range(middle, pauses=first.pauses + 1), Range(batch.until))
        return _again(lane, batch, halves, now_ms)
    attempts = first.attempts + 1
    if has_no_more_tries(settings, attempts):
        return None
    return _again(lane, batch, (Range(batch.until, attempts, first.pauses + 1),), now_ms)


def put_off(lane: Lane, batch: Batch, now_ms: int) -> Lane:
    """The function was not invoked: that is no try."""
    first = _first(lane, batch)
    again = Range(batch.until, first.attempts, first.pauses + 1)
    return _again(lane, batch, (again,), now_ms)


def has_no_more_tries(settings: Settings, attempts: int) -> bool:
    retries = settings.retries_max
    return retries is not None and 0 <= retries < attempts


def attempts_of(lane: Lane, batch: Batch) -> int:
    return _first(lane, batch).attempts


def _first(lane: Lane, batch: Batch) -> Range:
    return lane.ranges[0] if lane.ranges else Range(batch.until)


def _rest(lane: Lane, batch: Batch) -> tuple[Range, ...]:
    end = number_of(batch.until)
    return tuple(one for one in lane.ranges if number_of(one.until) > end)


def _again(lane: Lane, batch: Batch, ranges: tuple[Range, ...], now_ms: int) -> Lane:
    return Lane(
        handled=lane.handled,
        due_ms=now_ms + pause_ms(ranges[0].pauses),
        ranges=(*ranges, *_rest(lane, batch)),
        window=lane.window,
    )


def end_of(lane: Lane, window: Window, settings: Settings) -> int:
    """When a window ends, or is ended again, that gets no more records."""
    if window.pauses:
        return lane.due_ms
    return window.start_ms + (settings.tumbling_window_s or 0) * 1000 + WINDOW_GRACE_MS


# --- what the function says


def first_failed(payload: bytes, sequences: Sequence[str]) -> int | None:
    """The place of the first record that the function could not handle; None: it handled all. An answer that is not
    understood, or names what it was not given, failed on the first."""
    answer = _parsed(payload)
    if answer in (None, "", []):  # that of a list was recorded
        return None
    if not isinstance(answer, dict):
        return 0
    failures = cast("dict[str, Any]", answer).get("batchItemFailures")
    if failures is None:
        return None
    if not isinstance(failures, list):
        return 0
    places = {sequence: place for place, sequence in enumerate(sequences)}
    found: list[int] = []
    for failure in cast("list[Any]", failures):
        named = (
            cast("dict[str, Any]", failure).get("itemIdentifier")
            if isinstance(failure, dict)
            else None
        )
        if not isinstance(named, str) or named not in places:
            return 0
        found.append(places[named])
    return min(found, default=None)


def next_window(window: Window, payload: bytes) -> Window | None:
    """The window with the state that the function gave back; None where it gave none, which is a failure on AWS."""
    answer = _parsed(payload)
    if not isinstance(answer, dict) or "state" not in answer:
        return None
    state = cast("dict[str, Any]", answer)["state"]
    kept = orjson.dumps({} if state is None else state)
    if len(kept) > STATE_BYTES_MAX:
        return Window(window.start_ms, window.state, full=True)
    return Window(window.start_ms, kept)


_UNREADABLE = object()


def _parsed(payload: bytes) -> Any:
    if not payload:
        return None
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return _UNREADABLE
