"""Polling for one mapping: take batches from its source, invoke the function with each, have the source settle it.

Invariants:
1. Whatever was taken is engaged (`Stay.engaged`) from before it was taken until it is settled.
2. When the mapping changes, or the process stops, nothing more is taken; what runs is settled first, and what was
   taken and does not run is given back.
3. A source that cannot be read is left alone for a time, longer each time, by the cloud's clock.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from pilvi.base.arn import Arn, Scope
from pilvi.base.errors import AwsError
from pilvi.contracts.causes import Cause
from pilvi.contracts.jobs import Stay
from pilvi.identity.principal import Principal
from pilvi.services.lambda_ import acting, mapping_names, names, resolving
from pilvi.services.lambda_.errors import TooManyRequestsException
from pilvi.services.lambda_.mappings import kinds, records, sealing
from pilvi.services.lambda_.mappings.records import Mapping
from pilvi.services.lambda_.mappings.source import Answered, Batch, Ending, Failed, Refused, Source
from pilvi.services.lambda_.mappings.watching import watch_of
from pilvi.services.lambda_.names import FunctionName
from pilvi.services.lambda_.questions import runner_of
from pilvi.store.api import Transaction

if TYPE_CHECKING:
    from pilvi.kit.cloud import Cloud

log = logging.getLogger("pilvi.lambda")

PAUSE_MS = (1_000, 60_000)
"""The first and the longest pause after a source that could not be read."""
FULL_S = 1.0
"""How often a source is asked whether more batches may run now, while as many run as may."""
CLOCK = "clock"


def pause_ms(times: int) -> int:
    """After how many failures in a row."""
    first, longest = PAUSE_MS
    return min(first * 2 ** min(times - 1, 16), longest)


class Poller:
    """Also what a source is opened with: see `source.Polling`."""

    def __init__(
        self, cloud: Cloud, scope: Scope, mapping: Mapping, stay: Stay, cause: Cause
    ) -> None:
        self.cloud = cloud
        self.scope = scope
        self.mapping = mapping
        self.stay = stay
        self.cause = cause
        self.function_timeout_s = 0
        self._function = names.parse_function(scope, mapping.function_arn)
        source = Arn.parse(mapping.source_arn)
        self._source_scope = Scope(source.account, source.region, source.partition)
        self._running: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()
        self._told = records.Progress(mapping.uuid)
        self._failures = 0
        self._failed: BaseException | None = None

    async def run(self) -> None:
        """Until the mapping changes, or the process stops."""
        self._told = await self.cloud.store.read(
            lambda at: records.find_progress(at, self.scope, self.mapping.uuid)
        )
        source: Source | None = None
        with suppress(AwsError):  # which is told when it is tried again
            source = await self._open()  # what comes after Enabled is seen is never missed
        if not await self._enable():
            await self._drain(source)
            return
        changed = watch_of(self.cloud, self.mapping.uuid).until_changed(self.scope, self.mapping)
        ends = [changed, self.stay.until_leaving()]
        stop = asyncio.create_task(_first_of(ends))
        try:
            while not stop.done():
                try:
                    if source is None:
                        source = await self._open()
                    await self._serve(source, stop)
                except AwsError as error:
                    await self._rest_after(error, stop)
            stop.result()
        finally:
            stop.cancel()
            await self._drain(source)

    async def _enable(self) -> bool:
        """Say that it polls. False when something else is wanted by now."""
        mapping = self.mapping
        now_ms = self.cloud.clock.now_ms()

        def enable(tx: Transaction) -> bool:
            self.stay.check(tx)
            current = records.find_mapping(tx, self.scope, mapping.uuid)
            if current is None or current.version != mapping.version:
                return False
            if current.state != records.ENABLED:
                enabled = msgspec.structs.replace(
                    current, state=records.ENABLED, modified_ms=now_ms
                )
                records.put_mapping(tx, self.scope, enabled)
            return True

        return await self.cloud.store.write(enable)

    async def _open(self) -> Source:
        """Raises: AwsError."""
        found = await resolving.runnable_of(self.cloud, self._function)
        self.function_timeout_s = found.configuration.timeout_s
        self.mapping = await sealing.opened(self.cloud, self.scope, self.mapping)
        return await kinds.kind_of(self.mapping.source_arn).open(self)

    # --- the loop

    async def _serve(self, source: Source, stop: asyncio.Task[None]) -> None:
        """Raises: AwsError of the source."""
        waiter: asyncio.Task[None] | None = None
        try:
            while not stop.done():
                self._ended.clear()
                if self._failed is not None:
                    failed, self._failed = self._failed, None
                    raise failed
                room = len(self._running) < source.concurrency_max
                if room:
                    batch = await self._take(source)
                    if batch is not None:
                        continue
                    if waiter is None or waiter.done():
                        if waiter is not None:
                            waiter.result()
                        waiter = asyncio.create_task(source.wait())
                due_ms = source.due_ms if room else None
                self.stay.rest_until(due_ms)
                waits: list[Coroutine[Any, Any, Any]] = [self._ended.wait()]
                if due_ms is not None:
                    waits.append(self._until(due_ms))
                if not room:
                    waits.append(asyncio.sleep(FULL_S))
                await _first_of(waits, stop, waiter if room else None)
        finally:
            self.stay.rest_until(None)
            if waiter is not None:
                waiter.cancel()
                await asyncio.gather(waiter, return_exceptions=True)

    async def _take(self, source: Source) -> Batch | None:
        with self.stay.engaged():  # invariant 1
            batch = await source.take()
            self._failures = 0
            if batch is not None:
                engaged = self.stay.engaged()
                engaged.__enter__()
                task = asyncio.create_task(self._run(source, batch))
                self._running.add(task)
                task.add_done_callback(self._settled)
        return batch

    def _settled(self, task: asyncio.Task[None]) -> None:
        self.stay.engaged().__exit__(None, None, None)
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failed = task.exception()
        self._ended.set()

    async def _run(self, source: Source, batch: Batch) -> None:
        ending = await self._invoke(batch)
        await source.settle(batch, ending)

    async def _invoke(self, batch: Batch) -> Ending:
        cloud, name = self.cloud, self._function
        request_id = cloud.entropy.uuid()
        try:
            runnable = await resolving.runnable_of(cloud, name)
            outcome = await runner_of(cloud).run(
                name.scope,
                runnable,
                batch.payload,
                request_id=request_id,
                invoked_arn=self.mapping.function_arn,
                trace_id=getattr(batch, "trace_id", None),  # changes of tables have none
            )
        except TooManyRequestsException as error:
            return Refused(code=error.code, reason=error.text, throttled=True)
        except AwsError as error:
            return Refused(code=error.code, reason=error.text, throttled=False)
        version = runnable.configuration.version
        if outcome.error is None:
            return Answered(
                payload=outcome.payload, request_id=request_id, executed_version=version
            )
        return Failed(
            payload=outcome.payload,
            error=outcome.error,
            error_type=outcome.error_type or "",
            request_id=request_id,
            executed_version=version,
        )

    async def _rest_after(self, error: AwsError, stop: asyncio.Task[None]) -> None:
        """Invariant 3."""
        self._failures += 1
        due_ms = self.cloud.clock.now_ms() + pause_ms(self._failures)
        log.warning("%s: %s", mapping_names.arn_of(self.scope, self.mapping.uuid), error.text)
        await self.tell_now(f"PROBLEM: {error.text}", resting_until_ms=due_ms)
        self.stay.rest_until(due_ms)
        await _first_of([self._until(due_ms)], stop)
        self.stay.rest_until(None)

    async def _until(self, due_ms: int) -> None:
        """Until a time of the cloud's clock, however that moves."""
        clock = self.cloud.clock
        while (delay_s := clock.real_delay_s(due_ms)) != 0:
            await self.cloud.store.wait(CLOCK, delay_s)

    async def _drain(self, source: Source | None) -> None:
        """Invariant 2."""
        if self._running:
            try:
                await asyncio.wait(self._running)
            except asyncio.CancelledError:  # the process does not wait any longer
                for task in self._running:
                    task.cancel()
                raise
        if source is not None:
            with self.stay.engaged(), suppress(AwsError):  # what is not given back comes back later
                await source.close()

    # --- what a source is opened with

    @property
    def function(self) -> FunctionName:
        return self._function

    async def principal(self) -> Principal:
        """Raises: FunctionNotFound, RoleNotAssumed."""
        runnable = await resolving.runnable_of(self.cloud, self._function)
        role = runnable.configuration.role
        return await acting.execution_role(self.cloud, role, self._function.arn)

    async def perform(self, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        """Raises: AwsError."""
        return await self.cloud.perform(
            service,
            operation,
            params,
            scope=self._source_scope,
            principal=await self.principal(),
            cause=Cause(self.cloud.entropy.uuid()),
        )

    def tell(self, tx: Transaction, result: str, *, resting_until_ms: int = 0) -> None:
        self.stay.check(tx)
        now_ms = self.cloud.clock.now_ms()
        self._told = records.Progress(self.mapping.uuid, result, now_ms, resting_until_ms)
        if records.find_mapping(tx, self.scope, self.mapping.uuid) is not None:
            records.put_progress(tx, self.scope, self._told)

    async def tell_now(self, result: str, *, resting_until_ms: int = 0) -> None:
        told = self._told
        if (told.result, told.resting_until_ms) != (result, resting_until_ms):
            await self.cloud.store.write(
                lambda tx: self.tell(tx, result, resting_until_ms=resting_until_ms)
            )


async def _first_of(
    waits: Sequence[Coroutine[Any, Any, Any]], *others: asyncio.Task[Any] | None
) -> None:
    """Wait until one of these ends; those of `waits` that have not are cancelled. Raises: what one of them raised."""
    tasks = [asyncio.ensure_future(one) for one in waits]
    try:
        done, _ = await asyncio.wait(
            [*tasks, *(one for one in others if one is not None)],
            return_when=asyncio.FIRST_COMPLETED,
        )
        for one in done:
            one.result()
    finally:
        for one in tasks:
            one.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
