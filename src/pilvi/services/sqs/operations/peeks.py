"""Looking at messages without receiving them: ReceiveMessage with a header that no AWS client sends.

Who may receive may look. Nothing is hidden, counted or moved by it; so what is too old and not removed yet is told,
too.
Differs: AWS has no such thing.
"""

from __future__ import annotations

from collections.abc import Iterator

from pilvi.kit.call import Call
from pilvi.services.sqs import errors, sealing
from pilvi.services.sqs.operations.queues import get_queue
from pilvi.services.sqs.operations.telling import asked_by, told_of
from pilvi.services.sqs.records import Queue
from pilvi.services.sqs.storage.rows import (
    Message,
    Receipt,
    decode_message,
    decode_receipt,
    keys_in,
)
from pilvi.services.sqs.storage.stock import Taken
from pilvi.services.sqs.wire import ReceiveMessageRequest, ReceiveMessageResult
from pilvi.store.api import Snapshot
from pilvi.store.keys import after, pack, unpack

HEADER = "x-pilvi-peek"
"""Of the request: the number to look behind, 0 at first. Of the answer: that of the last message, if there are more."""
STATE = "PilviState"
VISIBLE_AT = "PilviVisibleAt"
"""Attributes of a message that is looked at, the second in milliseconds where it is not visible."""

_NEVER_RECEIVED = Receipt(0, 0, 0, 0)
_DIGITS_MAX = 18


def is_asked(call: Call) -> bool:
    return call.request is not None and HEADER in call.request.headers


async def peek(call: Call, req: ReceiveMessageRequest) -> ReceiveMessageResult:
    """Raises: as ReceiveMessage; InvalidParameterValue for a header that is no number."""
    assert call.request is not None, "nobody asks without a request"
    asked = asked_by(req)
    behind = call.request.headers[HEADER]
    if not (behind.isascii() and behind.isdecimal() and len(behind) <= _DIGITS_MAX):
        raise errors.BadValue(value=behind, name=HEADER, reason="Must be a number.")

    def look(at: Snapshot) -> tuple[Queue, list[Taken], bool]:
        queue = get_queue(call, at, req)
        found = list(_messages(at, queue, int(behind), asked.most + 1))
        return queue, found[: asked.most], len(found) > asked.most

    queue, found, more = await call.view(look)
    states = {one.seq: (one.message, one.receipt) for one in found}
    found = await sealing.opened(call, queue, found)
    if more:
        call.headers.append((HEADER, str(found[-1].seq)))
    result: ReceiveMessageResult = {}
    for one in found:
        told = told_of(queue, one, asked)
        told["Attributes"] = {
            **told.get("Attributes", {}),
            **_state(queue, *states[one.seq], call.now_ms),
        }
        result.setdefault("Messages", []).append(told)
    return result


def _messages(at: Snapshot, queue: Queue, behind: int, most: int) -> Iterator[Taken]:
    """In the order in which they came."""
    keys = keys_in(queue)
    for key, value in at.scan(keys.m + pack((behind + 1,)), after(keys.m), limit=most):
        (seq,) = unpack(key[len(keys.m) :])
        assert isinstance(seq, int), key
        packed = at.get(keys.s + pack((seq,)))
        receipt = _NEVER_RECEIVED if packed is None else decode_receipt(packed)
        yield Taken(seq, decode_message(value), receipt)


def _state(queue: Queue, message: Message, receipt: Receipt, now_ms: int) -> dict[str, str]:
    if message.sent_ms + queue.retention_s * 1000 <= now_ms:
        return {STATE: "expired"}
    due_ms = message.sent_ms + queue.delay_s * 1000 if queue.fifo else message.due_ms
    if receipt.due_ms > now_ms:
        return {STATE: "in flight", VISIBLE_AT: str(receipt.due_ms)}
    if due_ms > now_ms and not receipt.receives:
        return {STATE: "delayed", VISIBLE_AT: str(due_ms)}
    return {STATE: "ready"}
