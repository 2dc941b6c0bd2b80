"""Receiving messages, at once or as soon as there are some."""

from __future__ import annotations

import asyncio
from functools import partial

import msgspec
from msgspec.structs import replace

from pilvi.base.errors import AwsError
from pilvi.base.http import Body
from pilvi.kit.call import Call
from pilvi.services.sqs import errors, limits, records, sealing
from pilvi.services.sqs.operations import peeks
from pilvi.services.sqs.operations.queues import get_queue
from pilvi.services.sqs.operations.telling import Asked, asked_by, told_of
from pilvi.services.sqs.records import Queue
from pilvi.services.sqs.redriving import burial
from pilvi.services.sqs.rules import messages
from pilvi.services.sqs.service import sqs
from pilvi.services.sqs.storage import duplicates, receipts
from pilvi.services.sqs.storage.rows import NEVER, Attempt, keys_in
from pilvi.services.sqs.storage.stock import Stock, Taken
from pilvi.services.sqs.waiting import wait_for_stir
from pilvi.services.sqs.wire import Message, ReceiveMessageRequest, ReceiveMessageResult
from pilvi.store.api import Snapshot, Transaction


class Got(msgspec.Struct):
    """`state`: the queue's counters as they were left; if they are the same later, nothing has happened."""

    queue: Queue
    taken: list[Taken]
    more: bool
    state: bytes | None
    next_due_ms: int


@sqs.stream("ReceiveMessage")
async def receive_message(
    call: Call, req: ReceiveMessageRequest, body: Body
) -> ReceiveMessageResult:
    """Messages that are hidden from others from now on, until they are deleted or their time is up.

    Raises: QueueDoesNotExist, InvalidParameterValue, InvalidAttributeName, OverLimit.
    AWS: ReceiveMessage; Developer Guide, "Amazon SQS short and long polling".
    """
    if peeks.is_asked(call):
        return await peeks.peek(call, req)
    asked = asked_by(req)
    clock, began_s = call.cloud.clock, asyncio.get_running_loop().time()
    last = False
    while True:
        got = await call.transact(partial(_receive, call, req, asked))
        wait_s = got.queue.wait_s if asked.wait_s is None else asked.wait_s
        if got.taken or last or not wait_s:
            break
        if got.more:
            continue
        left_s = wait_s - _passed_s(call, began_s)
        if left_s > 0:
            due_s = None if got.next_due_ms == NEVER else clock.real_delay_s(got.next_due_ms)
            delay_s = left_s if due_s is None else min(left_s, due_s)
            as_left = partial(_as_left, got)
            await wait_for_stir(call.cloud.store, got.queue.topic, delay_s, as_left)
        if _is_gone(call):
            break  # what nobody would get stays there for others
        last = _passed_s(call, began_s) >= wait_s  # and then one more look
    if not got.taken:
        return {}
    if any(one.message.data_key for one in got.taken):
        got.taken = await _opened(call, got)
    return {"Messages": [_given(got.queue, one, asked) for one in got.taken]}


def _given(queue: Queue, taken: Taken, asked: Asked) -> Message:
    handle = receipts.write(queue.secret, taken.seq, taken.receipt.receives)
    return told_of(queue, taken, asked, handle)


def _is_gone(call: Call) -> bool:
    gone = None if call.request is None else call.request.gone
    return gone is not None and gone()


def _passed_s(call: Call, began_s: float) -> float:
    """By the cloud's clock, which may be moved, or by the machine's, for it may stand still."""
    passed_s = asyncio.get_running_loop().time() - began_s
    return max(passed_s, (call.cloud.clock.now_ms() - call.now_ms) / 1000)


async def _opened(call: Call, got: Got) -> list[Taken]:
    """What may not be read is given back."""

    def give_back(tx: Transaction) -> None:
        queue = records.find_queue(tx, got.queue.queue_name)
        if queue is None:
            return
        stock = Stock(tx, queue, call.cloud.clock.now_ms())
        for seq, _, receipt in got.taken:
            if stock.find_receipt(seq) == receipt:
                stock.land(seq, receipt)
        stock.save()

    try:
        return await sealing.opened(call, got.queue, got.taken)
    except AwsError:
        await call.transact(give_back)
        raise


def _as_left(got: Got, at: Snapshot) -> bool:
    return at.get(keys_in(got.queue).c) == got.state


def _receive(call: Call, req: ReceiveMessageRequest, asked: Asked, tx: Transaction) -> Got:
    queue = get_queue(call, tx, req)
    stock = Stock(tx, queue, call.cloud.clock.now_ms())
    settled = stock.settle()
    hidden_s = queue.visibility_s if asked.hidden_s is None else asked.hidden_s
    taken, more = _taken(stock, asked, hidden_s * 1000)
    waits = queue.wait_s if asked.wait_s is None else asked.wait_s
    full = stock.counters.flying >= limits.IN_FLIGHT_MAX
    if full and not (taken or waits or queue.fifo):
        raise errors.OverLimit(detail="Too many messages in flight.")
    stock.save()
    return Got(queue, taken, more or not settled, stock.packed, stock.counters.next_due_ms)


def _taken(stock: Stock, asked: Asked, hidden_ms: int) -> tuple[list[Taken], bool]:
    """Raises: InvalidParameterValue for an attempt that cannot be made again."""
    attempt = asked.attempt if stock.queue.fifo else ""
    if attempt:
        messages.check_identifier("ReceiveRequestAttemptId", attempt)
        before = duplicates.find_attempt(stock, attempt)
        if before is not None:
            return _again(stock, attempt, before, hidden_ms), False
    taken, more = stock.take(asked.most, hidden_ms, burial(stock))
    if attempt and taken:
        _remember(stock, attempt, stock.now_ms, taken)
    return taken, more


def _again(stock: Stock, id: str, before: Attempt, hidden_ms: int) -> list[Taken]:
    """The same messages with the same handles, hidden anew: if nobody has changed them since, or received them after
    their time was up."""
    found: list[Taken] = []
    for seq, receives, due_ms in before.given:
        receipt = stock.find_receipt(seq)
        expired = due_ms <= stock.now_ms
        if (
            receipt is None
            or receipt.receives != receives
            or receipt.due_ms != (0 if expired else due_ms)
        ):
            reason = (
                "The receiveRequestAttemptId is not valid anymore since the receive call is not"
                " retryable."
            )
            raise errors.BadValue(value=id, name="ReceiveRequestAttemptId", reason=reason)
        until_ms = stock.now_ms + hidden_ms
        if expired:
            receipt = replace(receipt, due_ms=until_ms)
            stock.fly(seq, receipt)
        else:
            receipt = stock.prolong(seq, receipt, until_ms)
        found.append(Taken(seq, stock.get(seq), receipt))
    _remember(stock, id, before.at_ms, found)
    return found


def _remember(stock: Stock, id: str, at_ms: int, taken: list[Taken]) -> None:
    given = [(one.seq, one.receipt.receives, one.receipt.due_ms) for one in taken]
    duplicates.remember_attempt(stock, id, Attempt(at_ms, given))
