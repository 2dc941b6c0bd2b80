"""Putting messages into a queue: what SendMessage, its batch, deliveries and moves have in common."""

from __future__ import annotations

from pilvi.services.sqs import sealing
from pilvi.services.sqs.rules import messages
from pilvi.services.sqs.rules.messages import Draft
from pilvi.services.sqs.sealing import Seal
from pilvi.services.sqs.storage import duplicates
from pilvi.services.sqs.storage.rows import Message, Seen
from pilvi.services.sqs.storage.stock import Stock
from pilvi.services.sqs.wire import SendMessageResult


def post(
    stock: Stock, draft: Draft, *, id: str, sender: str, seal: Seal | None = None
) -> SendMessageResult:
    """Append one message, unless a FIFO queue has seen it in the last five minutes."""
    queue = stock.queue
    if queue.fifo:
        seen = duplicates.find_seen(stock, draft.group, draft.deduplication)
        if seen is not None:
            return _result(
                seen.id, seen.md5, seen.attributes_md5, seen.trace_md5, sequence=seen.seq
            )
    sent_ms = stock.now_ms
    message = Message(
        id=id,
        body=draft.body,
        md5=draft.md5,
        sender=sender,
        sent_ms=sent_ms,
        due_ms=sent_ms + draft.delay_s * 1000,
        group=draft.group,
        attributes=messages.pack_attributes(draft.attributes) if draft.attributes else b"",
        attributes_md5=draft.attributes_md5,
        trace=draft.trace,
        deduplication=draft.deduplication,
    )
    seq = stock.append(message if seal is None else sealing.close(seal, message))
    if queue.fifo:
        seen = Seen(sent_ms, id, seq, draft.md5, draft.attributes_md5, draft.trace_md5)
        duplicates.remember(stock, draft.group, draft.deduplication, seen)
    return _result(
        id,
        draft.md5,
        draft.attributes_md5,
        draft.trace_md5,
        sequence=seq if queue.fifo else None,
    )


def _result(
    id: str, md5: str, attributes_md5: str, trace_md5: str, *, sequence: int | None
) -> SendMessageResult:
    result: SendMessageResult = {"MessageId": id, "MD5OfMessageBody": md5}
    if attributes_md5:
        result["MD5OfMessageAttributes"] = attributes_md5
    if trace_md5:
        result["MD5OfMessageSystemAttributes"] = trace_md5
    if sequence is not None:
        result["SequenceNumber"] = messages.sequence_number(sequence)
    return result
