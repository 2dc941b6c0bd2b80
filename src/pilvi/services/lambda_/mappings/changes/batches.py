"""The next batch of a lane: how many records, of which window, and whether it is time for it. Nothing here waits.

AWS: Lambda Developer Guide, "Using AWS Lambda with Amazon DynamoDB", sections "Polling and batching streams" and
"Tumbling windows".
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

import msgspec

from pilvi.services.lambda_.mappings.changes import rules
from pilvi.services.lambda_.mappings.changes.documents import Change, event_of, window_event_of
from pilvi.services.lambda_.mappings.changes.records import Lane, Window
from pilvi.services.lambda_.mappings.changes.shards import LaneWork, ShardReader
from pilvi.services.lambda_.mappings.records import Settings


@dataclass(slots=True)
class ChangeBatch:
    """`window`: the tumbling window that it belongs to. `final`: it only ends that, and has no records."""

    payload: bytes
    shard: ShardReader
    lane: int
    changes: list[Change]
    batch: rules.Batch
    window: Window | None = None
    final: bool = False


class Batches:
    def __init__(self, settings: Settings, stream_arn: str) -> None:
        self._settings = settings
        self._stream_arn = stream_arn

    def next_of(self, shard: ShardReader, number: int, now_ms: int) -> ChangeBatch | None:
        """The batch of a lane that nothing of runs; None: it has none for now."""
        work = shard.lanes[number]
        window = work.lane.window
        if window is not None and self._is_over(shard, work, window, now_ms):
            return self._ending(shard, number, work.lane, window)
        if work.lane.ranges and work.lane.due_ms > now_ms:
            return None
        changes = self._tried_before(shard, work)
        if not (changes or work.lane.ranges):
            changes = work.first(self._settings.batch_size, None)
            if changes and not self._is_ripe(work, changes, now_ms):
                return None
        return self._batch(shard, number, work, changes) if changes else None

    def _tried_before(self, shard: ShardReader, work: LaneWork) -> list[Change]:
        """The records of the first range; ranges whose records are not there any more are passed."""
        while work.lane.ranges:
            until = work.lane.ranges[0].until
            changes = work.first(self._settings.batch_size, until)
            if changes:
                return changes
            if not (work.queue or shard.caught_up or shard.is_read_to(until)):
                return []
            gone = rules.Batch((), until)
            work.lane = rules.succeeded(work.lane, gone)
        return []

    def _is_ripe(self, work: LaneWork, changes: list[Change], now_ms: int) -> bool:
        """Whether a new batch is to go now: it is full, or there was time enough to gather it."""
        window_s = self._settings.window_s
        if not window_s or len(changes) == self._settings.batch_size:
            return True
        if len(changes) < len(work.queue):
            return True  # as large as an event can be
        if work.lane.due_ms == 0:
            work.lane = msgspec.structs.replace(work.lane, due_ms=now_ms + window_s * 1000)
        return work.lane.due_ms <= now_ms

    def _batch(
        self, shard: ShardReader, number: int, work: LaneWork, changes: list[Change]
    ) -> ChangeBatch:
        length_s = self._settings.tumbling_window_s
        window = None
        if length_s:
            length_ms = length_s * 1000
            window = work.lane.window or Window(changes[0].at_ms // length_ms * length_ms)
            end_ms = window.start_ms + length_ms
            inside = list(takewhile(lambda change: change.at_ms < end_ms, changes))
            changes = (
                inside or changes[:1]
            )  # none, where the windows were longer when it was tried first
        until = changes[-1].sequence
        if work.lane.ranges and self._is_all_of(shard, work, changes, work.lane.ranges[0].until):
            until = work.lane.ranges[0].until
        batch = rules.Batch([change.sequence for change in changes], until)
        payload = event_of(changes)
        if window is not None:
            payload = self._window_event(shard, changes, window, final=False)
        return ChangeBatch(payload, shard, number, changes, batch, window)

    def _is_all_of(
        self, shard: ShardReader, work: LaneWork, changes: list[Change], until: str
    ) -> bool:
        """Whether nothing of a range is left behind these."""
        if len(work.queue) > len(changes):
            return work.queue[len(changes)].number > rules.number_of(until)
        return shard.is_read_to(until)

    # --- tumbling windows

    def _is_over(self, shard: ShardReader, work: LaneWork, window: Window, now_ms: int) -> bool:
        if work.lane.due_ms > now_ms and (work.lane.ranges or window.pauses):
            return False
        if work.lane.ranges:
            return False
        if work.queue:
            length_ms = (self._settings.tumbling_window_s or 0) * 1000
            return window.full or work.queue[0].at_ms >= window.start_ms + length_ms
        return (
            window.full or shard.ended or now_ms >= rules.end_of(work.lane, window, self._settings)
        )

    def _ending(self, shard: ShardReader, number: int, lane: Lane, window: Window) -> ChangeBatch:
        payload = self._window_event(shard, [], window, final=True)
        nothing = rules.Batch((), lane.handled)
        return ChangeBatch(payload, shard, number, [], nothing, window, final=True)

    def _window_event(
        self, shard: ShardReader, changes: list[Change], window: Window, *, final: bool
    ) -> bytes:
        return window_event_of(
            changes,
            window,
            length_s=self._settings.tumbling_window_s or 0,
            shard_id=shard.id,
            stream_arn=self._stream_arn,
            final=final,
        )
