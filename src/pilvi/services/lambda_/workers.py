"""What Lambda does later: the asynchronous invocations that were accepted.

At least once: a job ends only in the transaction after its function ran, which also says who is told of it; a
process killed before that leaves the job to be run again. All attempts have the same request id.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from pilvi.base.arn import Scope
from pilvi.base.errors import AwsError
from pilvi.compute.api import Outcome
from pilvi.contracts.delivery import Commit, Undeliverable
from pilvi.contracts.jobs import Job, Retry
from pilvi.contracts.logs import LogSink
from pilvi.dispatch.registry import Postpone
from pilvi.services.lambda_ import limits, lineage, records
from pilvi.services.lambda_.destinations import documents
from pilvi.services.lambda_.destinations.documents import Answered, Condition, Ending
from pilvi.services.lambda_.destinations.parcels import WAYS, Parcel, send_later
from pilvi.services.lambda_.errors import (
    RecursiveInvocationException,
    ResourceNotFoundException,
    TooManyRequestsException,
)
from pilvi.services.lambda_.names import LATEST, FunctionName
from pilvi.services.lambda_.questions import runner_of
from pilvi.services.lambda_.records import Accepted, EventConfig, Runnable
from pilvi.services.lambda_.resolving import runnable_of
from pilvi.services.lambda_.service import lambda_
from pilvi.store.api import Transaction

if TYPE_CHECKING:
    from pilvi.kit.cloud import Cloud


_ERROR_BYTES_MAX = 1000
"""Of the function's error document, as kept in the trace."""


class FunctionFailed(Exception):
    """The function raised, exited or overran its time: the event is tried again."""


_RETRY = Retry(
    attempts_max=limits.ASYNC_ATTEMPTS_MAX,
    first_delay_s=limits.ASYNC_FIRST_DELAY_S,
    factor=2.0,
    delay_s_max=2.0 * limits.ASYNC_FIRST_DELAY_S,
    jitter=0.0,
)


@lambda_.job("invoke", retry=_RETRY)
async def invoke(cloud: Cloud, job: Job) -> Commit | None:
    """Run a function with an event that was accepted before.

    Throttling, and what is the cloud's own fault, postpones the event without counting as an attempt.
    AWS: Lambda Developer Guide, "How Lambda handles errors and retries with asynchronous invocation".
    """
    event = msgspec.msgpack.decode(job.payload, type=Accepted)
    scope = Scope(job.account, job.region)
    name = FunctionName(scope, event.name, event.qualifier)
    now_ms = cloud.clock.now_ms()

    try:
        runnable = await runnable_of(cloud, name)
        config = await cloud.store.read(lambda at: records.find_event_config(at, name))
    except ResourceNotFoundException as error:
        raise Undeliverable(error.text) from None
    story = _Story(event, name, runnable, config, job)
    if runnable.function.reserved_concurrency == 0:
        return story.failed("ZeroReservedConcurrency", job.attempt - 1, None, now_ms)
    if now_ms > story.ends_ms:
        return story.failed("EventAgeExceeded", job.attempt - 1, None, now_ms)
    try:
        outcome = await _run(cloud, event, name, runnable)
    except RecursiveInvocationException:
        return story.failed("RecursiveInvocationLoop", job.attempt - 1, None, now_ms)
    except AwsError as error:
        shortest, longest = limits.THROTTLED_DELAY_MS
        # Waiting as long again as it has waited already doubles the delay each time.
        due_ms = now_ms + min(max(now_ms - event.accepted_ms, shortest), longest)
        raise Postpone(min(due_ms, story.ends_ms + 1), f"{error.code}: {error.text}") from None
    await cloud.ask(LogSink).flush()  # an event that is done has its log, whatever happens now
    now_ms = cloud.clock.now_ms()
    answered = Answered(outcome.payload, runnable.configuration.version, outcome.error)
    if outcome.error is None:
        return story.succeeded(job.attempt, answered, now_ms)
    if job.attempt > story.retries_max:
        return story.failed("RetriesExhausted", job.attempt, answered, now_ms)
    if now_ms + _pause_ms(job.attempt) >= story.ends_ms:
        return story.failed("EventAgeExceeded", job.attempt, answered, now_ms)
    raise FunctionFailed(_told(answered))


async def _run(cloud: Cloud, event: Accepted, name: FunctionName, runnable: Runnable) -> Outcome:
    """Those that wait for one another go on as soon as one is done; only whose turn does not come is put off. (While
    the clock stands nobody waits, for nothing would tell how long.)

    Raises: as `Runner.run`.
    """
    runner, loop = runner_of(cloud), asyncio.get_running_loop()
    until_s = loop.time() + limits.THROTTLED_PATIENCE_S
    while True:
        try:
            return await runner.run(
                name.scope,
                runnable,
                event.payload,
                request_id=event.request_id,
                invoked_arn=name.asked_arn,
                client_context=event.client_context,
                trace_id=event.trace_id,
                accepted=True,
            )
        except TooManyRequestsException:
            left_s = 0.0 if cloud.clock.frozen else until_s - loop.time()
            if not await runner.await_departure(name.arn, left_s):
                raise


def _pause_ms(attempt: int) -> int:
    return int(min(_RETRY.first_delay_s * 2 ** (attempt - 1), _RETRY.delay_s_max) * 1000)


def _told(answered: Answered) -> str:
    return answered.payload[:_ERROR_BYTES_MAX].decode(errors="replace")


class _Story:
    """One event, and by which rules it is tried and told of."""

    def __init__(
        self,
        event: Accepted,
        name: FunctionName,
        runnable: Runnable,
        config: EventConfig | None,
        job: Job,
    ) -> None:
        self._event = event
        self._name = name
        self._configuration = runnable.configuration
        self._config = config or EventConfig(qualifier="", modified_ms=0)
        self._job = job
        age_s, retries = self._config.age_s_max, self._config.retries_max
        self.ends_ms = event.accepted_ms + 1000 * (
            limits.ASYNC_AGE_S_MAX if age_s is None else age_s
        )
        """When the event is too old."""
        self.retries_max = limits.ASYNC_ATTEMPTS_MAX - 1 if retries is None else retries

    def succeeded(self, count: int, answered: Answered, now_ms: int) -> Commit | None:
        target = self._config.on_success
        if target is None:
            return None
        parcel = self._record(target, self._ending("Success", count, answered, now_ms))
        return lambda tx: self._send(tx, parcel, "success")

    def failed(
        self, condition: Condition, count: int, answered: Answered | None, now_ms: int
    ) -> Commit:
        """Whoever is to be told is told in the transaction that ends the event. Raises: Undeliverable: nobody is."""
        ending = self._ending(condition, count, answered, now_ms)
        parcels: dict[str, Parcel] = {}
        if self._config.on_failure is not None:
            parcels["failure"] = self._record(self._config.on_failure, ending)
        dead_letter = self._configuration.settings.dead_letter_arn
        if dead_letter is not None:
            attributes = documents.dead_letter_attributes(self._event, ending)
            parcels["dead-letter"] = msgspec.structs.replace(
                self._parcel(dead_letter, self._event.payload, now_ms),
                attributes=attributes,
            )
        if not parcels:
            raise Undeliverable(
                condition if answered is None else f"{condition}: {_told(answered)}"
            )

        def tell(tx: Transaction) -> None:
            for which, parcel in parcels.items():
                self._send(tx, parcel, which)

        return tell

    def _ending(
        self, condition: Condition, count: int, answered: Answered | None, now_ms: int
    ) -> Ending:
        arn = f"{self._name.arn}:{self._name.qualifier or LATEST}"
        return Ending(condition, arn, count, now_ms, answered)

    def _record(self, arn: str, ending: Ending) -> Parcel:
        way = WAYS[arn.split(":", 3)[2]]
        body = documents.record(self._event, ending, size_max=way.size_max)
        return self._parcel(arn, body, ending.at_ms)

    def _parcel(self, arn: str, body: bytes, now_ms: int) -> Parcel:
        return Parcel(
            arn=arn,
            body=body,
            function_arn=self._name.arn,
            role=self._configuration.role,
            name=self._event.request_id,
            at_ms=now_ms,
            trace_id=lineage.advance(self._event.trace_id, self._name.arn)[0],
        )

    def _send(self, tx: Transaction, parcel: Parcel, which: str) -> None:
        send_later(tx, parcel, unique_id=f"{self._job.id}/{which}")
