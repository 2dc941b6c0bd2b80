"""What Lambda does later: the asynchronous invocations that were accepted.

At least once: a job ends only in the transaction after its function ran; a process killed before that
leaves the job to be run again. All attempts have the same request id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pilvi.base.arn import Scope
from pilvi.contracts.delivery import Undeliverable
from pilvi.contracts.jobs import Job, Retry
from pilvi.contracts.logs import LogSink
from pilvi.dispatch.registry import Postpone
from pilvi.services.lambda_ import limits, records
from pilvi.services.lambda_.errors import ResourceNotFoundException, TooManyRequestsException
from pilvi.services.lambda_.names import FunctionName
from pilvi.services.lambda_.questions import runner_of
from pilvi.services.lambda_.records import Accepted
from pilvi.services.lambda_.resolving import runnable_of
from pilvi.services.lambda_.service import lambda_

if TYPE_CHECKING:
    from pilvi.kit.cloud import Cloud


_ERROR_BYTES_MAX = 1000
"""Of the function's error document, as kept in the trace."""


class FunctionFailed(Exception):
    """The function raised, exited or overran its time: the event is tried again."""


@lambda_.job(
    "invoke",
    retry=Retry(
        attempts_max=limits.ASYNC_ATTEMPTS_MAX,
        first_delay_s=limits.ASYNC_FIRST_DELAY_S,
        factor=2.0,
        delay_s_max=2.0 * limits.ASYNC_FIRST_DELAY_S,
        age_s_max=limits.ASYNC_AGE_S_MAX,
        jitter=0.0,
    ),
)
async def invoke(cloud: Cloud, job: Job) -> None:
    """Run a function with an event that was accepted before.

    Throttling postpones the event without counting as an attempt.
    AWS: Lambda Developer Guide, "How Lambda handles errors and retries with asynchronous invocation".
    """
    event = msgspec.msgpack.decode(job.payload, type=Accepted)
    scope = Scope(job.account, job.region)
    name = FunctionName(scope, event.name, event.qualifier)
    now_ms = cloud.clock.now_ms()
    age_ms = now_ms - event.accepted_ms
    retries_max = limits.ASYNC_ATTEMPTS_MAX - 1

    try:
        runnable = await runnable_of(cloud, name)
        config = await cloud.store.read(lambda at: records.find_event_config(at, name))
        age_s_max = limits.ASYNC_AGE_S_MAX
        if config is not None:
            age_s_max = age_s_max if config.age_s_max is None else config.age_s_max
            retries_max = retries_max if config.retries_max is None else config.retries_max
        if age_ms > age_s_max * 1000:
            raise Undeliverable(f"EventAgeExceeded: the event is older than {age_s_max} s")
        outcome = await runner_of(cloud).run(
            scope,
            runnable,
            event.payload,
            request_id=event.request_id,
            invoked_arn=name.asked_arn,
            client_context=event.client_context,
            trace_id=event.trace_id,
        )
    except ResourceNotFoundException as error:
        raise Undeliverable(error.text) from None
    except TooManyRequestsException as error:
        shortest, longest = limits.THROTTLED_DELAY_MS
        # Waiting as long again as it has waited already doubles the delay each time.
        raise Postpone(now_ms + min(max(age_ms, shortest), longest), error.text) from None
    await cloud.ask(LogSink).flush()  # an event that is done has its log, whatever happens now
    if outcome.error is not None:
        said = outcome.payload[:_ERROR_BYTES_MAX].decode(errors="replace")
        if job.attempt > retries_max:
            raise Undeliverable(f"RetriesExhausted: {outcome.error_type}: {said}")
        raise FunctionFailed(f"{outcome.error_type}: {said}")
