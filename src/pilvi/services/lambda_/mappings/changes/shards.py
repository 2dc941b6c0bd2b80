"""Reading one shard: its records in order, sorted into lanes that wait to be handled.

Everything here is in memory; what outlives the process is `records.ShardProgress`, and `ShardReader.progress` says
what it would be now.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import orjson

from pilvi.base.errors import AwsError
from pilvi.services.lambda_.mappings.changes import rules
from pilvi.services.lambda_.mappings.changes.documents import Change, change_of
from pilvi.services.lambda_.mappings.changes.records import Lane, ShardProgress
from pilvi.services.lambda_.mappings.changes.rules import number_of
from pilvi.services.lambda_.mappings.source import Polling

PAYLOAD_BYTES_MAX = 6 * 1024 * 1024 - 4096
"""Of a batch's records; the rest is for what stands around them."""
_QUEUED_BYTES_MAX = 2 * PAYLOAD_BYTES_MAX
_QUEUED_MAX = 20_000
_PAGE_RECORDS = (100, 1000)
"""How many are read at once at least and at most: others want to be served in between."""
_PAGE_BYTES_OPEN = 200 * 1024
"""A page of fewer bytes has room for any further record, so there was none."""

Takes = Callable[[bytes], bool]


class LaneWork:
    """A lane and the records that were read for it. `running`: a batch of it has not ended yet."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.queue: deque[Change] = deque()
        self.bytes = 0
        self.running = False

    @property
    def is_empty(self) -> bool:
        """Whether everything that was read for it is handled."""
        return not (self.running or self.queue or self.lane.ranges)

    @property
    def waits(self) -> bool:
        """Whether it has something to do, later."""
        return not self.running and self.lane.due_ms > 0 and bool(self.queue or self.lane.ranges)

    def add(self, change: Change) -> None:
        self.queue.append(change)
        self.bytes += len(change.document) + 1

    def first(self, most: int, until: str | None) -> list[Change]:
        """What one batch can hold of what was read: up to `until`, if that is given."""
        found: list[Change] = []
        size = 0
        for change in self.queue:
            size += len(change.document) + 1
            if len(found) == most or (found and size > PAYLOAD_BYTES_MAX):
                break
            if until is not None and change.number > number_of(until):
                break
            found.append(change)
        return found

    def drop_handled(self) -> None:
        """Forget what the lane has handled meanwhile."""
        end = number_of(self.lane.handled)
        while self.queue and self.queue[0].number <= end:
            self.bytes -= len(self.queue.popleft().document) + 1


class ShardReader:
    def __init__(self, polling: Polling, progress: ShardProgress, takes: Takes | None) -> None:
        """`takes`: whether a record, as it is in events, passes the filters; None: all do."""
        self.id = progress.id
        self.stored = progress
        self.lanes = [LaneWork(lane) for lane in progress.lanes]
        self.read = min((lane.handled for lane in progress.lanes), key=number_of)
        self.ended = False
        self.caught_up = False
        """Whether there was nothing more when it was read last."""
        self._polling = polling
        self._takes = takes
        self._former = progress.former
        self._iterator: str | None = None
        least, most = _PAGE_RECORDS
        self._page = min(most, max(least, polling.mapping.settings.batch_size))

    @property
    def is_empty(self) -> bool:
        return all(lane.is_empty and lane.lane.window is None for lane in self.lanes)

    def has_room(self, batch: int) -> bool:
        """Whether more is to be read: some lane could use it, and there is place for it."""
        queued = sum(len(lane.queue) for lane in self.lanes)
        size = sum(lane.bytes for lane in self.lanes)
        if queued >= _QUEUED_MAX or size >= _QUEUED_BYTES_MAX:
            return False
        return any(
            len(lane.queue) < max(batch, _PAGE_RECORDS[1]) and lane.bytes < PAYLOAD_BYTES_MAX
            for lane in self.lanes
        )

    def is_read_to(self, sequence: str) -> bool:
        return self.ended or number_of(self.read) >= number_of(sequence)

    # --- reading

    async def read_page(self) -> None:
        """Raises: AwsError."""
        try:
            page = await self._next_page()
        except AwsError as error:
            if error.code not in ("ExpiredIteratorException", "TrimmedDataAccessException"):
                raise
            self._iterator = None
            page = await self._next_page()
        found: Sequence[Mapping[str, Any]] = page["Records"]
        size = 0
        for record in found:
            size += record["dynamodb"].get("SizeBytes", 0)
            self._sort_in(record)
        self._iterator = page.get("NextShardIterator")
        self.ended = self._iterator is None
        self.caught_up = self.ended or (len(found) < self._page and size < _PAGE_BYTES_OPEN)

    def end(self) -> None:
        """There is no more to read, for whatever reason."""
        self._iterator = None
        self.ended = self.caught_up = True

    async def _next_page(self) -> dict[str, Any]:
        if self._iterator is None:
            self._iterator = await self._begin()
        asked = {"ShardIterator": self._iterator, "Limit": self._page}
        return await self._polling.perform("dynamodbstreams", "GetRecords", asked)

    async def _begin(self) -> str:
        asked = {"StreamArn": self._polling.mapping.source_arn, "ShardId": self.id}
        horizon = {**asked, "ShardIteratorType": "TRIM_HORIZON"}
        if not self.read:
            return await self._iterator_of(horizon)
        behind = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": self.read}
        try:
            return await self._iterator_of(asked | behind)
        except AwsError as error:
            if error.code != "TrimmedDataAccessException":
                raise
            return await self._iterator_of(horizon)  # a day has passed: go on with what is left

    async def _iterator_of(self, asked: dict[str, Any]) -> str:
        answer = await self._polling.perform("dynamodbstreams", "GetShardIterator", asked)
        return answer["ShardIterator"]

    def _sort_in(self, record: Mapping[str, Any]) -> None:
        change = change_of(record, self._polling.mapping.source_arn)
        self.read = change.sequence
        keys = (
            orjson.dumps(record["dynamodb"]["Keys"])
            if len(self.lanes) + len(self._former) > 1
            else b""
        )
        if any(
            change.number <= number_of(ends[rules.lane_of(keys, len(ends))])
            for ends in self._former
        ):
            return
        lane = self.lanes[rules.lane_of(keys, len(self.lanes))]
        if change.number <= number_of(lane.lane.handled):
            return
        if self._takes is None or self._takes(change.document):
            lane.add(change)

    # --- what is stored

    def progress(self, row: ShardProgress, changed: Mapping[int, Lane]) -> ShardProgress:
        """What is to be stored now: `row` is what is, `changed` has lanes whose batches end with it.

        What runs keeps what is stored of it; what has nothing to do was handled as far as the shard was read.
        """
        lanes = tuple(
            changed[number] if number in changed else self._lane_now(work, row.lanes[number])
            for number, work in enumerate(self.lanes)
        )
        waits = any(
            lane.due_ms > 0 for number, lane in enumerate(lanes) if self._is_busy(number, lane)
        )
        return rules.without_past(
            ShardProgress(
                id=self.id,
                lanes=lanes,
                former=self._former,
                read=self.read if waits else "",
                ended=waits and self.ended,
            )
        )

    def _lane_now(self, work: LaneWork, stored: Lane) -> Lane:
        if work.running:
            return stored
        if not work.is_empty:
            return work.lane
        lane = work.lane
        due_ms = lane.due_ms if lane.window is not None and lane.window.pauses else 0
        handled = rules.later(lane.handled, self.read)
        return msgspec.structs.replace(lane, handled=handled, due_ms=due_ms)

    def _is_busy(self, number: int, lane: Lane) -> bool:
        return bool(lane.ranges or self.lanes[number].queue)

    def keep(self, progress: ShardProgress, numbers: Iterable[int]) -> None:
        """Take over what was stored of these lanes."""
        self.stored = progress
        self._former = progress.former
        for number in numbers:
            work = self.lanes[number]
            work.lane = progress.lanes[number]
            work.drop_handled()
