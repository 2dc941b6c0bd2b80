"""DynamoDB Streams as a source of events.

Shards are read from their beginning to their end, and a child begins when everything of its parent is handled. Each
lane of a shard has one batch running at most, so the records of an item are handled in order. What came of a batch,
where the lane goes on, and what is told of records that were given up are one transaction: after a kill nothing was
left out, and only batches whose outcome was not stored run again.

AWS: Lambda Developer Guide, "Using AWS Lambda with Amazon DynamoDB".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from itertools import takewhile
from typing import Any, TypeVar

import msgspec
import orjson

from pilvi.base.errors import AwsError
from pilvi.contracts.streams import ChangeStreams
from pilvi.services.lambda_.mappings import filters
from pilvi.services.lambda_.mappings.changes import family, given_up, records, rules
from pilvi.services.lambda_.mappings.changes.batches import Batches, ChangeBatch
from pilvi.services.lambda_.mappings.changes.documents import Ran
from pilvi.services.lambda_.mappings.changes.records import Lane, ShardProgress
from pilvi.services.lambda_.mappings.changes.shards import LaneWork, ShardReader, Takes
from pilvi.services.lambda_.mappings.records import mapping_home
from pilvi.services.lambda_.mappings.source import Answered, Ending, Failed, Polling
from pilvi.store.api import Transaction

T = TypeVar("T")

_CONCURRENCY_MAX = 1000
_WAIT_S = 3600.0
_OK = "OK"
_FAILED = "PROBLEM: Function call failed"


class ChangesSource:
    def __init__(self, polling: Polling) -> None:
        self._polling = polling
        self._settings = polling.mapping.settings
        self._home = mapping_home(polling.scope, polling.mapping.uuid)
        self._shards: dict[str, ShardReader] = {}
        self._turn = 0
        self._watched: dict[str, str | None] = {}
        self._rewatch = asyncio.Event()
        self._takes = _takes_of(self._settings.filters)
        self._batches = Batches(self._settings, polling.mapping.source_arn)

    async def open(self) -> None:
        """Take up where the mapping had come to, or begin where it says. Raises: AwsError."""
        polling = self._polling
        stored = await polling.cloud.store.read(lambda at: family.all_of(at, self._home))
        if not stored:
            stored = await self._begin()
        for progress in stored.values():
            if not progress.done:
                self._add(rules.divided(progress, self._settings.parallelization or 1))

    def _add(self, progress: ShardProgress) -> None:
        if not self._settings.tumbling_window_s:
            lanes = tuple(msgspec.structs.replace(lane, window=None) for lane in progress.lanes)
            progress = msgspec.structs.replace(progress, lanes=lanes)
        self._shards[progress.id] = ShardReader(self._polling, progress, self._takes)

    async def _begin(self) -> dict[str, ShardProgress]:
        polling = self._polling
        ends: Mapping[str, str | None] = {}
        latest = self._settings.starting_position == "LATEST"
        if latest:
            ends = await polling.cloud.ask(ChangeStreams).latest(polling.mapping.source_arn)
        described = await family.describe(polling)
        if latest:
            first = family.begin_latest(described, ends, self._lane_count)
        else:
            first = family.begin_oldest(described, self._lane_count)
        await self._write(partial(family.put_all, home=self._home, progresses=first))
        return {one.id: one for one in first}

    @property
    def _lane_count(self) -> int:
        return self._settings.parallelization or 1

    async def _write(self, body: Callable[[Transaction], T]) -> T:
        polling = self._polling

        def checked(tx: Transaction) -> T:
            polling.stay.check(tx)
            return body(tx)

        return await polling.cloud.store.write(checked, cause=polling.cause)

    # --- what the poller asks

    @property
    def concurrency_max(self) -> int:
        return max(1, min(_CONCURRENCY_MAX, len(self._shards) * self._lane_count))

    @property
    def due_ms(self) -> int | None:
        found: list[int] = []
        for shard in self._shards.values():
            for work in shard.lanes:
                lane = work.lane
                if work.waits:
                    found.append(lane.due_ms)
                elif lane.window is not None and work.is_empty:
                    found.append(rules.end_of(lane, lane.window, self._settings))
        return min(found, default=None)

    async def wait(self) -> None:
        """Waits for what is written to any shard that there is room for; which these are may change meanwhile."""
        while not await self._wait_for_watched():
            pass
        for shard in self._shards.values():
            shard.caught_up = shard.ended

    async def _wait_for_watched(self) -> bool:
        """True when there is more to read; False when other shards are to be watched."""
        self._watched = self._watch()
        self._rewatch.clear()
        rewatch = asyncio.ensure_future(self._rewatch.wait())
        more = asyncio.ensure_future(self._more_than(self._watched))
        try:
            await asyncio.wait([rewatch, more], return_when=asyncio.FIRST_COMPLETED)
            return more.done() and more.result()
        finally:
            rewatch.cancel()
            more.cancel()
            await asyncio.gather(rewatch, more, return_exceptions=True)

    async def _more_than(self, behind: Mapping[str, str | None]) -> bool:
        if not behind:
            await asyncio.Event().wait()
        streams = self._polling.cloud.ask(ChangeStreams)
        arn = self._polling.mapping.source_arn
        while not await streams.wait_for_more(arn, behind, timeout_s=_WAIT_S):
            pass
        return True

    def _watch(self) -> dict[str, str | None]:
        return {
            shard.id: shard.read or None
            for shard in self._shards.values()
            if not shard.ended and shard.has_room(self._settings.batch_size)
        }

    async def take(self) -> ChangeBatch | None:
        while True:
            await self._read()
            batch = await self._choose()
            if batch is not None:
                return batch
            if not await self._end_shards():
                break
        await self._store_positions()
        if self._watch().keys() != self._watched.keys():
            self._rewatch.set()
        return None

    async def settle(self, batch: ChangeBatch, ending: Ending) -> None:
        try:
            await self._settle(batch, ending)
        finally:
            batch.shard.lanes[
                batch.lane
            ].running = False  # where it could not be kept, it runs again

    async def close(self) -> None:
        """Nothing was taken away from anybody: what is not settled is read again."""

    # --- taking

    async def _read(self) -> None:
        for shard in self._shards.values():
            while not shard.caught_up and shard.has_room(self._settings.batch_size):
                await asyncio.sleep(0)  # somebody else may be waiting
                try:
                    await shard.read_page()
                except AwsError as error:
                    if error.code != "ResourceNotFoundException" or await self._is_there(shard):
                        raise
                    shard.end()

    async def _is_there(self, shard: ShardReader) -> bool:
        """Whether the stream still has a shard; a day after its end it has not. Raises: AwsError (without a stream)."""
        return any(one.id == shard.id for one in await family.describe(self._polling))

    async def _choose(self) -> ChangeBatch | None:
        now_ms = self._polling.cloud.clock.now_ms()
        shards = list(self._shards.values())
        self._turn += 1
        for place in range(len(shards)):
            shard = shards[(place + self._turn) % len(shards)]
            for number, work in enumerate(shard.lanes):
                batch = None if work.running else await self._next_of(shard, number, work, now_ms)
                if batch is not None:
                    work.running = True
                    return batch
        return None

    async def _next_of(
        self, shard: ShardReader, number: int, work: LaneWork, now_ms: int
    ) -> ChangeBatch | None:
        await self._give_up_old(shard, number, work, now_ms)
        return self._batches.next_of(shard, number, now_ms)

    # --- giving up by age

    async def _give_up_old(
        self, shard: ShardReader, number: int, work: LaneWork, now_ms: int
    ) -> None:
        age_s = self._settings.record_age_s_max
        age_ms = rules.RETENTION_MS if age_s is None or age_s < 0 else age_s * 1000
        if not work.queue or now_ms - work.queue[0].at_ms <= age_ms:
            return
        read = work.first(self._settings.batch_size, None)
        old = list(takewhile(lambda change: now_ms - change.at_ms > age_ms, read))
        batch = rules.Batch([change.sequence for change in old], old[-1].sequence)
        lane = rules.succeeded(work.lane, batch)
        if lane.ranges:
            lane = msgspec.structs.replace(lane, due_ms=work.lane.due_ms)
        attempts = rules.attempts_of(work.lane, batch)
        notice = given_up.Notice("RecordAgeExceeded", old, attempts, shard.id)
        await self._store(shard, number, lane, notice=notice)

    # --- settling

    async def _settle(self, batch: ChangeBatch, ending: Ending) -> None:
        polling, settings = self._polling, self._settings
        shard, number = batch.shard, batch.lane
        now_ms = polling.cloud.clock.now_ms()
        lane = shard.lanes[number].lane
        notice: given_up.Notice | None = None
        after: Lane | None
        result = _OK
        if batch.final:
            after, result = _after_final(batch, lane, ending, settings, now_ms)
        elif isinstance(ending, (Answered, Failed)):
            window = batch.window
            place = 0 if isinstance(ending, Failed) else self._first_failed(batch, ending)
            if window is not None and isinstance(ending, Answered) and place != 0:
                window = rules.next_window(window, ending.payload)
                if window is None:
                    window, place = batch.window, 0
            if place is None:
                after = rules.succeeded(lane, batch.batch)
            elif place > 0:
                after, result = rules.partly_succeeded(lane, batch.batch, place, now_ms), _FAILED
            else:
                after, result = rules.failed(lane, batch.batch, settings, now_ms), _FAILED
            if after is None:
                notice = self._exhausted(batch, lane, ending)
                after = rules.succeeded(lane, batch.batch)
            after = msgspec.structs.replace(after, window=window)
        else:
            after, result = rules.put_off(lane, batch.batch, now_ms), _FAILED
        await self._store(shard, number, after, notice=notice, result=result)

    async def _store(
        self,
        shard: ShardReader,
        number: int,
        lane: Lane,
        *,
        notice: given_up.Notice | None = None,
        result: str | None = None,
    ) -> None:
        """What came of records, and where their lane goes on: one transaction."""
        polling, work = self._polling, shard.lanes[number]
        told = None if notice is None else await given_up.parcel(polling, notice)

        def put(tx: Transaction) -> ShardProgress:
            if told is not None:
                given_up.send(tx, polling, told)
            if result is not None:
                polling.tell(tx, result)
            return self._put(tx, shard, {number: lane})

        work.running = True
        try:
            shard.keep(await self._write(put), [number])
        finally:
            work.running = False

    def _first_failed(self, batch: ChangeBatch, ending: Answered) -> int | None:
        if not self._settings.reports_failures:
            return None
        return rules.first_failed(ending.payload, batch.batch.sequences)

    def _exhausted(
        self, batch: ChangeBatch, lane: Lane, ending: Answered | Failed
    ) -> given_up.Notice:
        return given_up.Notice(
            "RetryAttemptsExhausted",
            batch.changes,
            rules.attempts_of(lane, batch.batch) + 1,
            batch.shard.id,
            Ran(ending.executed_version, ending.error if isinstance(ending, Failed) else None),
            ending.request_id,
        )

    def _put(
        self, tx: Transaction, shard: ShardReader, changed: Mapping[int, Lane]
    ) -> ShardProgress:
        row = records.shards.find(tx, self._home, shard.id)
        if row is None or len(row.lanes) != len(shard.lanes):
            row = shard.stored
        progress = shard.progress(row, changed)
        records.shards.put(tx, self._home, progress)
        return progress

    # --- what is kept besides

    async def _store_positions(self) -> None:
        """Keep how far was read where nothing else will: all of it was left out by filters, or waits for its time."""
        for shard in list(self._shards.values()):
            idle = [number for number, work in enumerate(shard.lanes) if not work.running]
            waits = any(work.waits for work in shard.lanes)
            if len(idle) < len(shard.lanes) and not waits:
                continue
            if shard.progress(shard.stored, {}) != shard.stored:
                shard.keep(await self._write(partial(self._put, shard=shard, changed={})), idle)

    async def _end_shards(self) -> bool:
        """Let the children of shards begin that are handled to their end. Whether there was one."""
        ended = [one for one in self._shards.values() if one.ended and one.is_empty]
        if not ended:
            return False
        described = await family.describe(self._polling)

        def put(tx: Transaction) -> list[ShardProgress]:
            ids = [shard.id for shard in ended]
            return family.end(tx, self._home, ids, described, self._lane_count)

        born = await self._write(put)
        for shard in ended:
            del self._shards[shard.id]
        for progress in born:
            self._add(progress)
        return True


def _after_final(
    batch: ChangeBatch, lane: Lane, ending: Ending, settings: Any, now_ms: int
) -> tuple[Lane, str]:
    """A window whose end failed is ended again, as often as a batch is tried."""
    window = batch.window
    assert window is not None
    if isinstance(ending, Answered):
        return msgspec.structs.replace(lane, window=None, due_ms=0), _OK
    attempts = window.attempts + isinstance(ending, Failed)
    if rules.has_no_more_tries(settings, attempts):
        return msgspec.structs.replace(lane, window=None, due_ms=0), _FAILED
    pauses = window.pauses + 1
    again = msgspec.structs.replace(window, attempts=attempts, pauses=pauses)
    due_ms = now_ms + rules.pause_ms(pauses)
    return msgspec.structs.replace(lane, window=again, due_ms=due_ms), _FAILED


def _takes_of(patterns: tuple[str, ...]) -> Takes | None:
    if not patterns:
        return None
    chosen = filters.compile_filters(patterns)
    return lambda document: chosen.takes(orjson.loads(document))
