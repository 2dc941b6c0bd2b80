"""What a FIFO queue has seen in the last five minutes: deduplication ids, and receives that can be asked for again.

A message is a duplicate if its id was sent to the queue while ids were the queue's, or to its group. So what was sent
before the scope was changed counts on. AWS: SQS Developer Guide, "Exactly-once processing in Amazon SQS".
"""

from __future__ import annotations

from pilvi.services.sqs import limits
from pilvi.services.sqs.storage.rows import (
    Attempt,
    Seen,
    decode_attempt,
    decode_seen,
    encode,
)
from pilvi.services.sqs.storage.stock import Stock
from pilvi.store.keys import Key, Part, pack, unpack

_SWEPT_AT_ONCE = 4
"""More than one request adds, so that nothing piles up."""
_QUEUE = ""
"""No group has this name."""


def find_seen(stock: Stock, group: str, id: str) -> Seen | None:
    scopes = (_QUEUE, group) if stock.queue.deduplication_scope == "messageGroup" else (_QUEUE,)
    for scope in scopes:
        value = stock.tx.get(stock.keys.u + pack((scope, id)))
        if value is not None:
            seen = decode_seen(value)
            if _lasts(stock, seen.at_ms):
                return seen
    return None


def remember(stock: Stock, group: str, id: str, seen: Seen) -> None:
    scope = group if stock.queue.deduplication_scope == "messageGroup" else _QUEUE
    _put(stock, stock.keys.u, stock.keys.v, (scope, id), seen.at_ms, encode(seen))


def find_attempt(stock: Stock, id: str) -> Attempt | None:
    value = stock.tx.get(stock.keys.a + pack((id,)))
    if value is None:
        return None
    attempt = decode_attempt(value)
    return attempt if _lasts(stock, attempt.at_ms) else None


def remember_attempt(stock: Stock, id: str, attempt: Attempt) -> None:
    _put(stock, stock.keys.a, stock.keys.b, (id,), attempt.at_ms, encode(attempt))


def _lasts(stock: Stock, at_ms: int) -> bool:
    return at_ms + limits.DEDUPLICATION_MS > stock.now_ms


def _put(stock: Stock, rows: bytes, times: bytes, key: Key, at_ms: int, value: bytes) -> None:
    """Keep a row for five minutes; some that are older go."""
    end = times + pack((max(stock.now_ms - limits.DEDUPLICATION_MS + 1, 0),))
    for time, _ in list(stock.tx.scan(times, end, limit=_SWEPT_AT_ONCE)):
        old_ms, *old = unpack(time[len(times) :])
        old_key: tuple[Part, ...] = tuple(old)
        row = stock.tx.get(rows + pack(old_key))
        if row is not None and _at_ms(row) == old_ms:
            stock.tx.delete(rows + pack(old_key))
        stock.tx.delete(time)
    stock.tx.put(rows + pack(key), value)
    stock.tx.put(times + pack((at_ms, *key)), b"")


def _at_ms(row: bytes) -> int:
    """The first of what both kinds of rows hold."""
    from msgspec.msgpack import decode

    at_ms: int = decode(row)[0]
    return at_ms
