"""Sending messages."""

from __future__ import annotations

from typing import cast

from pilvi.base.http import Body
from pilvi.kit.audit import WatchedRequest
from pilvi.kit.call import Call
from pilvi.kit.execution import refuse_unread
from pilvi.services.sqs import sealing
from pilvi.services.sqs.operations.queues import get_queue
from pilvi.services.sqs.posting import post
from pilvi.services.sqs.rules import messages
from pilvi.services.sqs.sealing import Seal
from pilvi.services.sqs.service import sqs
from pilvi.services.sqs.storage.stock import Stock
from pilvi.services.sqs.wire import SendMessageRequest, SendMessageResult
from pilvi.store.api import Transaction

_TRACE_HEADER = "x-amzn-trace-id"


@sqs.stream("SendMessage")
async def send_message(call: Call, req: SendMessageRequest, body: Body) -> SendMessageResult:
    """Append one message to a queue.

    Raises: QueueDoesNotExist, InvalidMessageContents, InvalidParameterValue, MissingParameter.
    AWS: SendMessage; Developer Guide, "Exactly-once processing in Amazon SQS".
    """

    def send(tx: Transaction, seal: Seal | None) -> SendMessageResult:
        queue = get_queue(call, tx, req)
        if queue.key:
            sealing.check(queue, seal)
        draft = messages.draft(queue, req)
        draft.trace = draft.trace or trace_of(call)
        stock = Stock(tx, queue, call.now_ms)
        result = post(stock, draft, id=call.entropy.uuid(), sender=sender_of(call), seal=seal)
        stock.save()
        refuse_unread(sqs.operations["SendMessage"], cast("WatchedRequest", req))
        return result

    return await sealing.sealed(call, send)


def sender_of(call: Call) -> str:
    """Nobody is known by the address that the request came from."""
    if call.principal.id or call.request is None:
        return call.principal.id
    return call.request.client_host


def trace_of(call: Call) -> str:
    """The X-Ray header of the request, which a message keeps where it has none of its own."""
    request = call.request
    return "" if request is None else request.headers.get(_TRACE_HEADER, "")
