"""Up to ten of the same at once: each entry succeeds or fails by itself, and all of it is one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from pilvi.base.errors import AwsError
from pilvi.base.http import Body
from pilvi.kit.audit import WatchedRequest
from pilvi.kit.call import Call
from pilvi.kit.execution import refuse_unread
from pilvi.services.sqs import errors, limits, sealing
from pilvi.services.sqs.operations.deletions import delete
from pilvi.services.sqs.operations.queues import get_queue
from pilvi.services.sqs.operations.sends import sender_of, trace_of
from pilvi.services.sqs.operations.visibility import change
from pilvi.services.sqs.posting import post
from pilvi.services.sqs.rules import batches, messages
from pilvi.services.sqs.rules.messages import Draft, NoDeduplication, NoGroup
from pilvi.services.sqs.sealing import Seal
from pilvi.services.sqs.service import sqs
from pilvi.services.sqs.storage.stock import Stock
from pilvi.services.sqs.wire import (
    BatchResultErrorEntry,
    ChangeMessageVisibilityBatchRequest,
    ChangeMessageVisibilityBatchResult,
    DeleteMessageBatchRequest,
    DeleteMessageBatchResult,
    SendMessageBatchRequest,
    SendMessageBatchResult,
)
from pilvi.store.api import Transaction


@sqs.stream("SendMessageBatch")
async def send_message_batch(
    call: Call, req: SendMessageBatchRequest, body: Body
) -> SendMessageBatchResult:
    """Raises: QueueDoesNotExist, BatchRequestTooLong, InvalidParameterValue (a FIFO queue's entry without group or
    deduplication id), and as `batches.entries`. AWS: SendMessageBatch.
    """

    def send(tx: Transaction, seal: Seal | None) -> SendMessageBatchResult:
        queue = get_queue(call, tx, req)
        sealing.check(queue, seal)
        entries = batches.entries(req, "SendMessageBatchRequestEntry")
        stock = Stock(tx, queue, call.now_ms)
        failures: list[BatchResultErrorEntry] = []
        drafts: list[tuple[str, Draft]] = []
        for entry in entries:
            try:
                drafts.append((entry["Id"], messages.draft(queue, entry, in_batch=True)))
            except (NoGroup, NoDeduplication):
                raise
            except AwsError as error:
                failures.append(batches.failed(entry["Id"], error))
        size_bytes = sum(draft.size_bytes for _, draft in drafts)
        if size_bytes > limits.BATCH_BYTES_MAX:
            raise errors.BatchRequestTooLong(most=limits.BATCH_BYTES_MAX, sent=size_bytes)
        sent: list[dict[str, Any]] = []
        sender = sender_of(call)
        for id, draft in drafts:
            if draft.size_bytes > queue.size_bytes_max:
                failures.append(batches.failed(id, messages.too_long_in_batch(queue)))
                continue
            draft.trace = draft.trace or trace_of(call)
            done = post(stock, draft, id=call.entropy.uuid(), sender=sender, seal=seal)
            sent.append({"Id": id, **done})
        stock.save()
        refuse_unread(sqs.operations["SendMessageBatch"], cast("WatchedRequest", req))
        return cast("SendMessageBatchResult", batches.result(sent, failures))

    return await sealing.sealed(call, send)


@sqs.write("DeleteMessageBatch")
def delete_message_batch(
    call: Call, tx: Transaction, req: DeleteMessageBatchRequest
) -> DeleteMessageBatchResult:
    """Raises: QueueDoesNotExist, and as `batches.entries`. AWS: DeleteMessageBatch."""

    def one(stock: Stock, entry: Mapping[str, Any]) -> None:
        delete(stock, entry.get("ReceiptHandle"))

    told = _each(call, tx, req, "DeleteMessageBatchRequestEntry", one)
    return cast("DeleteMessageBatchResult", told)


@sqs.write("ChangeMessageVisibilityBatch")
def change_message_visibility_batch(
    call: Call, tx: Transaction, req: ChangeMessageVisibilityBatchRequest
) -> ChangeMessageVisibilityBatchResult:
    """Raises: QueueDoesNotExist, and as `batches.entries`. AWS: ChangeMessageVisibilityBatch."""

    def one(stock: Stock, entry: Mapping[str, Any]) -> None:
        change(stock, entry.get("ReceiptHandle"), entry.get("VisibilityTimeout"))

    told = _each(call, tx, req, "ChangeMessageVisibilityBatchRequestEntry", one)
    return cast("ChangeMessageVisibilityBatchResult", told)


def _each(
    call: Call,
    tx: Transaction,
    req: Mapping[str, Any],
    kind: str,
    do: Callable[[Stock, Mapping[str, Any]], None],
) -> dict[str, Any]:
    """`do` raises before it changes anything, so what failed has left no trace."""
    stock = Stock(tx, get_queue(call, tx, req), call.now_ms)
    done: list[dict[str, str]] = []
    failures: list[BatchResultErrorEntry] = []
    for entry in batches.entries(req, kind):
        try:
            do(stock, entry)
        except AwsError as error:
            failures.append(batches.failed(entry["Id"], error))
        else:
            done.append({"Id": entry["Id"]})
    stock.save()
    return batches.result(done, failures)
