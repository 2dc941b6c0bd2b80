"""Attributes of queues."""

from __future__ import annotations

from msgspec.structs import replace

from pilvi.base.http import Body
from pilvi.kit.call import Call
from pilvi.services.sqs import errors
from pilvi.services.sqs.operations.queues import get_queue, put_changed
from pilvi.services.sqs.rules import attributes
from pilvi.services.sqs.rules.messages import QUEUE_NAMES
from pilvi.services.sqs.service import sqs
from pilvi.services.sqs.storage.stock import Stock, counters_of
from pilvi.services.sqs.wire import (
    GetQueueAttributesRequest,
    GetQueueAttributesResult,
    SetQueueAttributesRequest,
)
from pilvi.store.api import Snapshot, Transaction

_READY = "ApproximateNumberOfMessages"
_FLYING = "ApproximateNumberOfMessagesNotVisible"
_DELAYED = "ApproximateNumberOfMessagesDelayed"


@sqs.stream("GetQueueAttributes")
async def get_queue_attributes(
    call: Call, req: GetQueueAttributesRequest, body: Body
) -> GetQueueAttributesResult:
    """Counts are exact: what is due by now is moved first, if there is anything. The policy is its owner's to read.

    Raises: QueueDoesNotExist, InvalidAttributeName. AWS: GetQueueAttributes.
    """
    asked = list(req.get("AttributeNames") or ())

    def look(at: Snapshot) -> dict[str, str] | None:
        """None while something is due."""
        queue = get_queue(call, at, req)
        for name in asked:
            if name != "All" and name not in QUEUE_NAMES:
                raise errors.UnknownAttribute(name=name)
        told = attributes.told(queue)
        if call.principal.account != queue.account:
            told.pop("Policy", None)
        if asked and not {"All", _READY, _FLYING, _DELAYED}.isdisjoint(asked):
            counters = counters_of(at, queue)
            kept_ms = queue.retention_s * 1000
            if counters.next_due_ms <= call.now_ms or counters.oldest_ms + kept_ms <= call.now_ms:
                return None
            told[_READY] = str(counters.ready)
            told[_FLYING] = str(counters.flying)
            told[_DELAYED] = str(counters.delayed)
        return told if "All" in asked else {name: told[name] for name in asked if name in told}

    def settle(tx: Transaction) -> None:
        stock = Stock(tx, get_queue(call, tx, req), call.now_ms)
        stock.settle()
        stock.save()

    while (found := await call.view(look)) is None:
        await call.transact(settle)
    return {"Attributes": found} if found else {}


@sqs.write("SetQueueAttributes")
def set_queue_attributes(call: Call, tx: Transaction, req: SetQueueAttributesRequest) -> None:
    """They hold at once. Raises: QueueDoesNotExist, InvalidAttributeName, InvalidAttributeValue,
    InvalidParameterValue. AWS: SetQueueAttributes.
    """
    queue = get_queue(call, tx, req)
    given = dict((req.get("Attributes") or {}).items())
    if not given:
        raise errors.MissingRequiredParameterException(name="Attribute.Name")
    changed = replace(attributes.applied(queue, given), modified_ms=call.now_ms)
    put_changed(call, tx, queue, changed, given)
    stock = Stock(tx, changed, call.now_ms)
    if changed.fifo and changed.delay_s != queue.delay_s:
        stock.counters.next_due_ms = 0  # what is delayed is due at other times now
    if changed.retention_s != queue.retention_s:
        stock.plan_sweep()
    stock.save()
    tx.wake(queue.topic)
