"""A queue as a source: messages are received into batches, and deleted once the function has succeeded with them.

A message whose batch failed is left alone: it is visible again when its visibility timeout is over, and goes to its
dead-letter queue when the queue says so. A batch that was not run since the function is throttled is kept and tried
again while its messages are hidden; nothing else is received meanwhile. Messages of one FIFO group are never in two
batches at once, since SQS locks the group.

All that is asked of SQS is asked in the name of the function's execution role.
AWS: Lambda Developer Guide, "Using Lambda with Amazon SQS", "Configuring scaling behavior for SQS event source
mappings", "Handling errors for an SQS event source in Lambda".
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from pilvi.base.arn import Arn, Scope
from pilvi.base.errors import AwsError
from pilvi.contracts.queues import Queues
from pilvi.identity.principal import Principal
from pilvi.kit.call import Call
from pilvi.kit.permission import Permission, may
from pilvi.services.lambda_ import errors, limits
from pilvi.services.lambda_.mappings import answers, filters
from pilvi.services.lambda_.mappings.queues import events
from pilvi.services.lambda_.mappings.queues.pace import Pace
from pilvi.services.lambda_.mappings.records import Mapping
from pilvi.services.lambda_.mappings.source import Answered, Ending, Failed, Kind, Polling, Refused

if TYPE_CHECKING:
    from pilvi.kit.cloud import Cloud

_AT_ONCE = 10
"""What one request to SQS takes."""
_PAUSE_MS = (1_000, 60_000)
_EMPTY_PAUSE_S = (0.001, 1.0)
"""After a receive that gave nothing though there seemed to be something."""
_DEAR_RESULT = "PROBLEM: {reason}"


@dataclass(frozen=True, slots=True)
class Item:
    id: str
    handle: str
    encoded: bytes
    received_ms: int
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class MessageBatch:
    items: Sequence[Item]
    payload: bytes

    @property
    def received_ms(self) -> int:
        return self.items[0].received_ms

    @property
    def trace_id(self) -> str | None:
        """Of the message that has one: by it a function is seen to invoke itself through the queue."""
        return next((item.trace for item in self.items if item.trace), None)


class QueueSource:
    """See `source.Source`."""

    def __init__(self, polling: Polling, url: str, visibility_s: int) -> None:
        settings = polling.mapping.settings
        self._polling = polling
        self._url = url
        self._visibility_ms = visibility_s * 1000
        self._arn = polling.mapping.source_arn
        self._queues = polling.cloud.ask(Queues)
        self._filters = (
            filters.compile_filters(settings.filters, "body") if settings.filters else None
        )
        self._batch_size = settings.batch_size
        self._window_ms = settings.window_s * 1000
        self._pace = Pace(settings, time.monotonic())
        self._running = 0
        self._held: deque[Item] = deque()
        self._held_bytes = events.ENVELOPE_BYTES
        self._again: deque[MessageBatch] = deque()
        self._throttles = 0
        self._resting_until_ms = 0
        self._empty = 0

    # --- how many at once

    @property
    def concurrency_max(self) -> int:
        return self._pace.allowed(self._running, time.monotonic())

    # --- taking

    @property
    def due_ms(self) -> int | None:
        if self._resting_until_ms:
            return self._resting_until_ms
        return self._window_end_ms if self._held else None

    @property
    def _window_end_ms(self) -> int:
        return self._held[0].received_ms + self._window_ms

    async def wait(self) -> None:
        if self._resting_until_ms:
            await asyncio.Event().wait()  # only the clock counts
        if self._empty:
            first, longest = _EMPTY_PAUSE_S
            await asyncio.sleep(min(first * 2 ** min(self._empty, 16), longest))
        await self._queues.wait_for_messages(self._arn)

    async def take(self) -> MessageBatch | None:
        now_ms = self._polling.cloud.clock.now_ms()
        if now_ms < self._resting_until_ms:
            return None
        self._resting_until_ms = 0
        if self._again:
            return self._begun(self._again.popleft())
        while not self._is_full:
            received = await self._receive(min(_AT_ONCE, self._batch_size - len(self._held)))
            if not received:
                break
        if not self._held:
            return None
        if self._is_full or self._polling.cloud.clock.now_ms() >= self._window_end_ms:
            return self._begun(self._cut())
        return None

    def _begun(self, batch: MessageBatch) -> MessageBatch:
        self._running += 1
        return batch

    @property
    def _is_full(self) -> bool:
        if len(self._held) >= self._batch_size:
            return True
        return self._held_bytes > limits.SYNC_PAYLOAD_BYTES_MAX

    def _cut(self) -> MessageBatch:
        """As many as fit; one that is too large for itself goes alone, and fails."""
        items: list[Item] = []
        size = events.ENVELOPE_BYTES
        while self._held and len(items) < self._batch_size:
            size += len(self._held[0].encoded) + 1
            if items and size > limits.SYNC_PAYLOAD_BYTES_MAX:
                break
            items.append(self._held.popleft())
            self._held_bytes -= len(items[-1].encoded) + 1
        return MessageBatch(items, events.event_of([item.encoded for item in items]))

    async def _receive(self, most: int) -> int:
        """Take messages out of the queue; those that no filter lets pass are deleted. Gives how many there were."""
        answer = await self._polling.perform(
            "sqs",
            "ReceiveMessage",
            {
                "QueueUrl": self._url,
                "MaxNumberOfMessages": most,
                "WaitTimeSeconds": 0,
                "AttributeNames": ["All"],
                "MessageAttributeNames": ["All"],
            },
        )
        messages: list[dict[str, Any]] = answer.get("Messages") or []
        self._empty = 0 if messages else self._empty + 1
        now_ms = self._polling.cloud.clock.now_ms()
        passed_over: list[Item] = []
        for message in messages:
            record = events.record_of(message, self._arn, gathered=self._window_ms > 0)
            item = Item(
                record["messageId"],
                record["receiptHandle"],
                events.encoded(record),
                now_ms,
                record["attributes"].get("AWSTraceHeader"),
            )
            if self._filters is None or self._filters.takes(record):
                self._held.append(item)
                self._held_bytes += len(item.encoded) + 1
            else:
                passed_over.append(item)
        await self._delete(passed_over)
        return len(messages)

    # --- settling

    async def settle(self, batch: MessageBatch, ending: Ending) -> None:
        self._running -= 1
        if not isinstance(ending, Answered):
            self._pace.back_off(time.monotonic())
        if isinstance(ending, Refused):
            await self._put_off(batch, ending)
            return
        self._throttles = 0
        if isinstance(ending, Failed):
            return
        done = _succeeded(batch, ending, reports=self._polling.mapping.settings.reports_failures)
        await self._delete(done)
        await self._polling.tell_now("")

    async def _put_off(self, batch: MessageBatch, refused: Refused) -> None:
        """Try it again later, while its messages are hidden from others."""
        now_ms = self._polling.cloud.clock.now_ms()
        if now_ms >= self._resting_until_ms:
            self._throttles += 1
            first, longest = _PAUSE_MS
            pause_ms = min(first * 2 ** min(self._throttles - 1, 16), longest)
            self._resting_until_ms = now_ms + pause_ms
        if self._resting_until_ms < batch.received_ms + self._visibility_ms:
            self._again.append(batch)
        told = "" if refused.throttled else _DEAR_RESULT.format(reason=refused.reason)
        await self._polling.tell_now(told, resting_until_ms=self._resting_until_ms)

    async def _delete(self, items: Iterable[Item]) -> None:
        """Those that others have received meanwhile, since the function took too long, stay; no error comes of them."""
        for entries in _entries(items):
            await self._polling.perform(
                "sqs", "DeleteMessageBatch", {"QueueUrl": self._url, "Entries": entries}
            )

    async def close(self) -> None:
        """Let others have what was received and not run."""
        left = [item for batch in self._again for item in batch.items]
        left.extend(self._held)
        self._again.clear()
        self._held.clear()
        for entries in _entries(left):
            for entry in entries:
                entry["VisibilityTimeout"] = 0
            await self._polling.perform(
                "sqs", "ChangeMessageVisibilityBatch", {"QueueUrl": self._url, "Entries": entries}
            )


def _entries(items: Iterable[Item]) -> Iterable[list[dict[str, Any]]]:
    """For the requests of SQS that take several messages."""
    walk = iter(items)
    while part := list(islice(walk, _AT_ONCE)):
        yield [{"Id": str(at), "ReceiptHandle": item.handle} for at, item in enumerate(part)]


def _succeeded(batch: MessageBatch, ending: Answered, *, reports: bool) -> Sequence[Item]:
    if not reports:
        return batch.items
    failed = answers.failed_items(ending.payload)
    if failed is None or not {item.id for item in batch.items}.issuperset(failed):
        return ()
    return [item for item in batch.items if item.id not in failed]


# --- opening


def _url_of(cloud: Cloud, queue_arn: str) -> str:
    arn = Arn.parse(queue_arn)
    return f"{cloud.settings.external_url}/{arn.account}/{arn.resource}"


async def _open(polling: Polling) -> QueueSource:
    """Raises: AwsError."""
    url = _url_of(polling.cloud, polling.mapping.source_arn)
    asked = {"QueueUrl": url, "AttributeNames": ["VisibilityTimeout"]}
    answer = await polling.perform("sqs", "GetQueueAttributes", asked)
    return QueueSource(polling, url, int(answer["Attributes"]["VisibilityTimeout"]))


_NEEDED = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")


async def _check(call: Call, mapping: Mapping, timeout_s: int, role: Principal) -> None:
    """Whether the role may poll the queue, there is such a queue, and it hides messages for long enough.

    Raises: InvalidParameterValueException.
    """
    cloud, arn = call.cloud, Arn.parse(mapping.source_arn)
    if arn.region != call.region:
        raise errors.InvalidParameterValueException(detail="Unrecognized event source.")
    scope = Scope(arn.account, arn.region, arn.partition)
    as_role = Call(
        cloud=cloud,
        service="lambda",
        operation=call.operation,
        scope=call.scope,
        principal=role,
        request_id=call.request_id,
        now_ms=call.now_ms,
    )
    for operation in _NEEDED:
        if not await may(as_role, Permission(f"sqs:{operation}", (mapping.source_arn,))):
            raise errors.InvalidParameterValueException(
                detail="The provided execution role does not have permissions to call"
                f" {operation} on SQS"
            )
    try:
        answer = await cloud.perform(
            "sqs",
            "GetQueueAttributes",
            {
                "QueueUrl": _url_of(cloud, mapping.source_arn),
                "AttributeNames": ["VisibilityTimeout"],
            },
            scope=scope,
            principal=role,
            cause=call.cause,
        )
    except AwsError as error:
        if error.status >= 500:
            raise
        raise errors.InvalidParameterValueException(
            detail="Error occurred while ReceiveMessage. SQS Error Code:"
            " AWS.SimpleQueueService.NonExistentQueue."
            f" SQS Error Message: {error.text}"
        ) from None
    visibility_s = int(answer["Attributes"]["VisibilityTimeout"])
    if visibility_s < timeout_s:
        raise errors.InvalidParameterValueException(
            detail=f"Queue visibility timeout: {visibility_s} seconds is less than"
            f" Function timeout: {timeout_s} seconds"
        )


async def _pending(cloud: Cloud, scope: Scope, mapping: Mapping) -> bool:
    return await cloud.ask(Queues).has_messages(mapping.source_arn)


KIND = Kind(open=_open, check=_check, pending=_pending)
