"""What was there before a change, written in the change's own transaction."""

from __future__ import annotations

from pilvi.services.dynamodb.changelog import Instant, Log
from pilvi.services.dynamodb.history.keeping import plan_trim
from pilvi.services.dynamodb.records import TableRecord
from pilvi.store.api import Transaction


def note(
    tx: Transaction, table: TableRecord, log: Log, place: bytes, old: bytes | None, now_ms: int
) -> None:
    """Write down that the item at `place`, which was `old` (stored form), is changed now."""
    head = log.head(tx)
    instant = Instant(max(head.at_ms, now_ms), head.number + 1)
    if instant.day != head.day:
        plan_trim(tx, table, instant.day)
    log.put_head(tx, instant)
    tx.put(log.day(instant.day) + place + instant.mark, old or b"")
