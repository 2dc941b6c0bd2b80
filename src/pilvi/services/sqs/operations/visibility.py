"""How long messages that were received stay hidden."""

from __future__ import annotations

from msgspec.structs import replace

from pilvi.kit.call import Call
from pilvi.services.sqs import errors, limits
from pilvi.services.sqs.operations.queues import get_queue
from pilvi.services.sqs.service import sqs
from pilvi.services.sqs.storage import receipts
from pilvi.services.sqs.storage.stock import Stock
from pilvi.services.sqs.wire import ChangeMessageVisibilityRequest
from pilvi.store.api import Transaction


@sqs.write("ChangeMessageVisibility")
def change_message_visibility(
    call: Call, tx: Transaction, req: ChangeMessageVisibilityRequest
) -> None:
    """Raises: QueueDoesNotExist, ReceiptHandleIsInvalid, InvalidParameterValue, MissingParameter.

    AWS: ChangeMessageVisibility.
    """
    stock = Stock(tx, get_queue(call, tx, req), call.now_ms)
    change(stock, req.get("ReceiptHandle"), req.get("VisibilityTimeout"))
    stock.save()


def change(stock: Stock, handle: str | None, hidden_s: int | None) -> None:
    """Hide what a handle names for so long from now on; 0 gives it back at once.

    A standard queue's message whose time is up, and which nobody received since, is hidden anew.
    Raises: MissingParameter, ReceiptHandleIsInvalid, InvalidParameterValue.
    """
    if not handle:
        raise errors.MissingRequiredParameterException(name="ReceiptHandle")
    if hidden_s is None:
        raise errors.MissingRequiredParameterException(name="VisibilityTimeout")
    if not 0 <= hidden_s <= limits.VISIBILITY_S_MAX:
        reason = f"Must be between 0 and {limits.VISIBILITY_S_MAX}."
        raise errors.BadValue(value=hidden_s, name="VisibilityTimeout", reason=reason)
    seq, receives = receipts.read(stock.queue.secret, handle)
    receipt = stock.find_receipt(seq)
    if receipt is None or receipt.receives != receives:
        reason = "Message does not exist or is not available for visibility timeout change."
        raise errors.BadValue(value=handle, name="ReceiptHandle", reason=reason)
    if stock.queue.fifo and receipt.due_ms <= stock.now_ms:
        raise errors.BadValue(
            value=handle, name="ReceiptHandle", reason="The receipt handle has expired."
        )
    until_ms = stock.now_ms + hidden_s * 1000
    if until_ms > receipt.taken_ms + limits.VISIBILITY_S_MAX * 1000:
        reason = (
            "Total VisibilityTimeout for the message is beyond the limit"
            f" [{limits.VISIBILITY_S_MAX} seconds]"
        )
        raise errors.BadValue(value=hidden_s, name="VisibilityTimeout", reason=reason)
    if not receipt.due_ms:
        if hidden_s:
            stock.fly(seq, replace(receipt, due_ms=until_ms))
    elif hidden_s:
        stock.prolong(seq, receipt, until_ms)
    else:
        stock.land(seq, receipt)
