"""Deleting messages that were received."""

from __future__ import annotations

from pilvi.kit.call import Call
from pilvi.services.sqs import errors
from pilvi.services.sqs.operations.queues import get_queue
from pilvi.services.sqs.service import sqs
from pilvi.services.sqs.storage import receipts
from pilvi.services.sqs.storage.stock import Stock
from pilvi.services.sqs.wire import DeleteMessageRequest
from pilvi.store.api import Transaction


@sqs.write("DeleteMessage")
def delete_message(call: Call, tx: Transaction, req: DeleteMessageRequest) -> None:
    """Raises: QueueDoesNotExist, ReceiptHandleIsInvalid, InvalidParameterValue. AWS: DeleteMessage."""
    stock = Stock(tx, get_queue(call, tx, req), call.now_ms)
    delete(stock, req.get("ReceiptHandle"))
    stock.save()


def delete(stock: Stock, handle: str | None) -> None:
    """What a handle names. One that is gone is no error; in a standard queue the handle of an earlier receive deletes
    nothing, in a FIFO queue it has expired, as has one whose message is visible again.

    Raises: MissingParameter, ReceiptHandleIsInvalid, InvalidParameterValue.
    """
    if not handle:
        raise errors.MissingRequiredParameterException(name="ReceiptHandle")
    seq, receives = receipts.read(stock.queue.secret, handle)
    receipt = stock.find_receipt(seq)
    if receipt is None:
        return
    last = receipt.receives == receives
    if stock.queue.fifo and not (last and receipt.due_ms > stock.now_ms):
        raise errors.BadValue(
            value=handle, name="ReceiptHandle", reason="The receipt handle has expired."
        )
    if last:
        stock.remove_received(seq, receipt)
