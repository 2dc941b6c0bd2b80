"""Dead letters: what was received too often goes to another queue, in the transaction that finds it.

AWS: SQS Developer Guide, "Using dead-letter queues in Amazon SQS", "Learn how to configure a dead-letter
queue redrive".
"""

from __future__ import annotations

from msgspec.structs import replace

from pilvi.services.sqs import names, records
from pilvi.services.sqs.storage.rows import Message, Receipt
from pilvi.services.sqs.storage.stock import Bury, Stock


def burial(stock: Stock) -> Bury | None:
    """How dead messages of a queue are moved; None where it has no queue for them.

    A standard queue's message keeps its age, a FIFO queue's begins anew; both keep their ids and how often they were
    received. A FIFO queue's is known by its id from then on: two that had one deduplication id are not the same there.
    If the queue for them is gone, they stay where they are.
    """
    source = stock.queue
    if not source.dead_letters:
        return None

    def bury(message: Message, receipt: Receipt) -> bool:
        target_name = names.parse_arn(source.dead_letters)
        assert target_name is not None, source.dead_letters
        target = records.find_queue(stock.tx, target_name)
        if target is None or target.name == source.name or target.fifo != source.fifo:
            return False
        there = Stock(stock.tx, target, stock.now_ms)
        there.append(
            replace(
                message,
                source=source.arn,
                receives=receipt.receives,
                first_ms=receipt.first_ms,
                sent_ms=stock.now_ms if source.fifo else message.sent_ms,
                deduplication=message.id if source.fifo else "",
                due_ms=stock.now_ms,
            )
        )
        there.save()
        return True

    return bury
